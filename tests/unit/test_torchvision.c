/* Each family of torchvision's convolutional classifiers as torch.onnx saves it, against PyTorch: scores, and on a kink-free twin a
 * gradient. The weights are not stored: numbers made by a rule stand in their place (tests/golden/make_torchvision_goldens.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/status.h"
#include "onnx_network.h"

#define CLASSES     10
#define WANTED      3
#define BINS        64
#define IMAGE_SEED  0x51AB0000u
#define SKETCH_SEED 0x7E570000u
#define GRAPH_BYTES ((uLongf)1 << 20)
#define TOLERANCE   1e-4
#define LINE        4096
#define NETWORKS    34 /* 17 networks, each plain and as a twin */
#define NAME        64

/* ---- The rule ---- */

static uint32_t mixed(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = (x ^ x >> 15) * 0x846CA68Bu;
    return x ^ x >> 16;
}

static double uniform(uint32_t k)
{
    return (double)(mixed(k) >> 8) / 16777216.0;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), tail = strlen(ending);
    return length >= tail && strcmp(name + length - tail, ending) == 0;
}

static void bounds(const char *name, const axm_shape *shape, double *low, double *high)
{
    int64_t inputs = 1;
    for (int32_t i = 1; i < shape->rank; i++)
        inputs *= shape->dim[i];
    *high = inputs == 1 ? 0.1 : sqrt(2.0 / (double)inputs);
    *low = -*high;
    if (ends_with(name, "running_var") || (inputs == 1 && (ends_with(name, "weight") || ends_with(name, "layer_scale")))) {
        *low = 0.5;
        *high = 1.5;
    }
}

/* Fills all of `weights`, which the graph's constants lie in. */
static void fill_weights(const axm_graph *graph, float *weights, size_t bytes)
{
    size_t filled = 0;
    for (int32_t v = 0; v < graph->value_count; v++) {
        const axm_constant *constant = graph->values[v].constant;
        if (!constant || (uintptr_t)constant->data < (uintptr_t)weights || (uintptr_t)constant->data >= (uintptr_t)weights + bytes)
            continue;
        double low, high;
        size_t first = ((uintptr_t)constant->data - (uintptr_t)weights) / sizeof *weights,
               count = constant->bytes / sizeof *weights;
        bounds(graph->values[v].name, &constant->shape, &low, &high);
        for (size_t i = first; i < first + count; i++)
            weights[i] = (float)(low + (high - low) * uniform((uint32_t)i));
        filled += constant->bytes;
    }
    assert_int_equal(filled, bytes);
}

static float *make_image(int64_t side)
{
    size_t count = 3 * (size_t)(side * side);
    float *image = malloc(count * sizeof *image);
    assert_non_null(image);
    for (size_t i = 0; i < count; i++)
        image[i] = (float)(2.0 * uniform(IMAGE_SEED + (uint32_t)i) - 1.0);
    return image;
}

/* ---- What is expected ---- */

typedef struct expected {
    char name[NAME];
    int64_t side;
    size_t weights;
    double scores[CLASSES], sketch[BINS];
    bool twin; /* there is a sketch */
} expected;

static bool read_line(FILE *file, expected *out)
{
    char line[LINE];
    long long side, weights;
    int used;
    do
        if (!fgets(line, sizeof line, file)) return false;
    while (line[0] == '#');
    assert_int_equal(sscanf(line, "%63s %lld %lld%n", out->name, &side, &weights, &used), 3);
    out->side = side;
    out->weights = (size_t)weights;
    out->twin = ends_with(out->name, "_twin");
    char *at = line + used;
    for (int i = 0; i < CLASSES + (out->twin ? BINS : 0); i++) {
        char *end;
        double value = strtod(at, &end);
        if (end == at) fail_msg("torchvision.txt: %s: number %d is missing", out->name, i);
        *(i < CLASSES ? &out->scores[i] : &out->sketch[i - CLASSES]) = value;
        at = end;
    }
    return true;
}

static uint8_t *read_graph(const char *name, size_t *size)
{
    char path[4096];
    size_t packed_size;
    uLongf bytes = GRAPH_BYTES;
    snprintf(path, sizeof path, "%s/torchvision/%s.onnx.z", ACTMAX_TEST_DATA, name);
    uint8_t *packed = onnx_read_file(path, &packed_size), *graph = malloc(bytes);
    if (!packed || !graph) fail_msg("cannot read %s", path);
    if (uncompress(graph, &bytes, packed, (uLong)packed_size) != Z_OK) fail_msg("%s is damaged", path);
    free(packed);
    *size = bytes;
    return graph;
}

static double relative_error(const double *got, const double *wanted, int count)
{
    double difference = 0.0, size = 0.0;
    for (int i = 0; i < count; i++) {
        difference += (got[i] - wanted[i]) * (got[i] - wanted[i]);
        size += wanted[i] * wanted[i];
    }
    return sqrt(difference / size);
}

/* ---- Running ---- */

/* Scores, and the sketch of the gradient of one of them. */
static void run(onnx_network *network, const expected *e, double scores[CLASSES], double sketch[BINS])
{
    axm_graph *graph = network->graph;
    int32_t image = axm_graph_find_value(graph, "image"), output = axm_graph_find_value(graph, "scores");
    axm_plan_request request = {.image = image,
                                .image_shape = {.rank = 4, .dim = {1, 3, e->side, e->side}},
                                .observe = &output,
                                .observe_count = 1,
                                .seeds = &output,
                                .wants = &image,
                                .slice_value = -1};
    request.seed_count = request.want_count = e->twin;
    axm_plan *plan = NULL;
    if (axm_runner_init(&network->runner, &network->allocator, graph, &network->weights, axm_kernels_find(NULL), 2) < 0 ||
        axm_runner_plan(&network->runner, &request, &plan) < 0)
        fail_msg("%s: %s", e->name, axm_message());
    const axm_tensor *x = axm_plan_find(plan, image), *y = axm_plan_find(plan, output);
    size_t count = (size_t)axm_shape_count(&x->shape);
    float *values = make_image(e->side);
    axm_tensor_from_file_order(x, values, x->data);
    axm_plan_forward(plan, network->runner.pool);
    assert_int_equal(axm_shape_count(&y->shape), CLASSES);
    for (int i = 0; i < CLASSES; i++)
        scores[i] = (double)y->data[i];
    if (e->twin) {
        for (int i = 0; i < CLASSES; i++)
            y->grad[i] = i == WANTED ? 1.0f : 0.0f;
        axm_plan_backward(plan, network->runner.pool);
        axm_tensor_to_file_order(x, x->grad, values);
        memset(sketch, 0, BINS * sizeof *sketch);
        for (size_t i = 0; i < count; i++) {
            uint32_t chosen = mixed(SKETCH_SEED + (uint32_t)i);
            sketch[chosen % BINS] += (chosen & 1024 ? -1.0 : 1.0) * (double)values[i];
        }
    }
    free(values);
}

static void check(const expected *e)
{
    size_t size;
    double scores[CLASSES], sketch[BINS];
    uint8_t *data = read_graph(e->name, &size);
    float *weights = malloc(e->weights);
    assert_non_null(weights);
    axm_external_data external = {"weights", weights, e->weights};
    onnx_network network = {.source = {.external = &external, .external_count = 1}};
    if (onnx_load(&network, data, size) < 0) fail_msg("%s: %s", e->name, axm_message());
    fill_weights(network.graph, weights, e->weights);
    if (axm_graph_finish(network.graph) < 0) fail_msg("%s: %s", e->name, axm_message());
    run(&network, e, scores, sketch);
    double forward = relative_error(scores, e->scores, CLASSES);
    double backward = e->twin ? relative_error(sketch, e->sketch, BINS) : 0.0;
    if (!(forward < TOLERANCE && backward < TOLERANCE))
        fail_msg("%s: relative error of the scores %g, of the gradient %g", e->name, forward, backward);
    onnx_free(&network);
    free(weights);
    free(data);
}

static void test_families(void **state)
{
    expected e;
    int count = 0;
    (void)state;
    FILE *file = fopen(ACTMAX_TEST_DATA "/torchvision.txt", "r");
    assert_non_null(file);
    for (; read_line(file, &e); count++)
        check(&e);
    fclose(file);
    assert_int_equal(count, NETWORKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
