#include "onnx_network.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "base/status.h"

/* ---- Containers ---- */

uint8_t *onnx_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    uint8_t *data = malloc((size_t)length + 1);
    if (!data || fread(data, 1, (size_t)length, file) != (size_t)length) fail_msg("cannot read %s", path);
    fclose(file);
    *size = (size_t)length;
    return data;
}

void onnx_open(onnx_container *container, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", ACTMAX_TEST_DATA, file);
    *container = (onnx_container){.at = 8};
    container->data = onnx_read_file(path, &container->size);
    if (!container->data) fail_msg("cannot open %s", path);
    assert_true(container->size > 8 && memcmp(container->data, "AXMONNX1", 8) == 0);
}

static const uint8_t *take(onnx_container *container, size_t bytes)
{
    const uint8_t *at = container->data + container->at;
    if (bytes > container->size - container->at) fail_msg("a golden file is cut off");
    container->at += bytes;
    return at;
}

static void take_text(onnx_container *container, char out[64])
{
    size_t length = *take(container, 1);
    assert_true(length < 64);
    memcpy(out, take(container, length), length);
    out[length] = '\0';
}

static void take_array(onnx_container *container, onnx_array *out)
{
    take_text(container, out->name);
    out->shape.rank = *take(container, 1);
    assert_true(out->shape.rank <= AXM_MAX_RANK);
    out->count = 1;
    for (int32_t i = 0; i < out->shape.rank; i++) {
        int32_t dim;
        memcpy(&dim, take(container, 4), 4);
        out->shape.dim[i] = dim;
        out->count *= (size_t)dim;
    }
    out->values = malloc(out->count * sizeof(float) + 1);
    assert_non_null(out->values);
    memcpy(out->values, take(container, out->count * sizeof(float)), out->count * sizeof(float));
}

static int32_t take_arrays(onnx_container *container, onnx_array *out)
{
    int32_t count = *take(container, 1);
    assert_true(count <= ONNX_ARRAYS);
    for (int32_t i = 0; i < count; i++)
        take_array(container, &out[i]);
    return count;
}

static void free_case(onnx_case *c)
{
    free(c->image.values);
    for (int32_t i = 0; i < ONNX_ARRAYS; i++) {
        free(c->bound[i].values);
        free(c->outputs[i].values);
    }
    memset(c, 0, sizeof *c);
}

onnx_case *onnx_next(onnx_container *container)
{
    onnx_case *c = &container->now;
    uint32_t size;
    free_case(c);
    if (container->at == container->size) return NULL;
    take_text(container, c->name);
    memcpy(&size, take(container, 4), 4);
    c->model_size = size;
    c->model = take(container, size);
    take_array(container, &c->image);
    c->bound_count = take_arrays(container, c->bound);
    c->output_count = take_arrays(container, c->outputs);
    return c;
}

void onnx_close(onnx_container *container)
{
    free_case(&container->now);
    free(container->data);
    container->data = NULL;
}

/* ---- Networks ---- */

int32_t onnx_load(onnx_network *network, const void *data, size_t size)
{
    axm_limits limits = axm_limits_default();
    axm_allocator_init(&network->allocator, NULL, NULL, NULL);
    axm_loader_source *source = &network->source;
    source->data = data;
    source->size = size;
    source->allocator = &network->allocator;
    source->files = &network->files;
    int32_t status = axm_graph_new(&network->allocator, &limits, &network->graph);
    axm_builder builder = {network->graph};
    if (status >= 0) status = axm_weights_init(&network->weights, &network->allocator, limits.planned_bytes);
    return status < 0 ? status : axm_loader_onnx.load(source, &builder);
}

void onnx_free(onnx_network *network)
{
    if (network->runner.allocator) axm_runner_free(&network->runner);
    axm_weights_free(&network->weights);
    axm_graph_free(network->graph);
    axm_files_close(&network->files);
    assert_int_equal(atomic_load(&network->allocator.live_blocks), 0);
    memset(network, 0, sizeof *network);
}

static int32_t start(onnx_network *network)
{
    if (network->runner.allocator) return ACTMAX_OK;
    int32_t status = axm_graph_finish(network->graph);
    if (status < 0) return status;
    return axm_runner_init(&network->runner, &network->allocator, network->graph, &network->weights, axm_kernels_find(NULL), 1);
}

int32_t onnx_run(onnx_network *network, const onnx_array *image, axm_plan **out)
{
    axm_graph *graph = network->graph;
    int32_t status = start(network);
    if (status < 0) return status;
    axm_plan_request request = {.image = axm_graph_find_value(graph, image->name),
                                .image_shape = image->shape,
                                .observe = graph->outputs,
                                .observe_count = graph->output_count,
                                .slice_value = -1};
    assert_true(request.image >= 0);
    if ((status = axm_runner_plan(&network->runner, &request, out)) < 0) return status;
    const axm_tensor *tensor = axm_plan_find(*out, request.image);
    axm_tensor_from_file_order(tensor, image->values, tensor->data);
    axm_plan_forward(*out, network->runner.pool);
    return ACTMAX_OK;
}

float *onnx_output(onnx_network *network, const axm_plan *plan, const char *name, axm_shape *shape)
{
    const axm_tensor *tensor = axm_plan_find(plan, axm_graph_find_value(network->graph, name));
    if (!tensor) fail_msg("the plan has no output '%s'", name);
    float *values = malloc((size_t)axm_shape_count(&tensor->shape) * sizeof *values + 1);
    assert_non_null(values);
    *shape = tensor->shape;
    if (tensor->constant)
        axm_constant_to_float(tensor->constant, values);
    else
        axm_tensor_to_file_order(tensor, tensor->data, values);
    return values;
}

const char *onnx_compare(const float *values, const axm_shape *shape, const onnx_array *expected, double absolute, double relative)
{
    static char text[400];
    char got[AXM_SHAPE_TEXT], wanted[AXM_SHAPE_TEXT];
    if (!axm_shape_equal(shape, &expected->shape)) {
        snprintf(text, sizeof text, "shape %s, expected %s", axm_shape_text(shape, got), axm_shape_text(&expected->shape, wanted));
        return text;
    }
    for (size_t i = 0; i < expected->count; i++) {
        double difference = fabs((double)values[i] - (double)expected->values[i]);
        if (difference <= absolute + relative * fabs((double)expected->values[i])) continue;
        snprintf(text, sizeof text, "element %zu is %g, expected %g", i, (double)values[i], (double)expected->values[i]);
        return text;
    }
    return "";
}

void onnx_expect(const char *what, const float *values, const axm_shape *shape, const onnx_array *expected)
{
    const char *problem = onnx_compare(values, shape, expected, ONNX_DEEP_ABSOLUTE, ONNX_DEEP_RELATIVE);
    if (*problem) fail_msg("%s: %s", what, problem);
}

axm_plan *onnx_plan_gradient(onnx_network *network, const onnx_case *c, const char *what)
{
    int32_t scores = axm_graph_find_value(network->graph, "scores"), image = axm_graph_find_value(network->graph, "image");
    axm_plan_request request = {.image = image,
                                .image_shape = c->image.shape,
                                .observe = &scores,
                                .observe_count = 1,
                                .seeds = &scores,
                                .seed_count = 1,
                                .wants = &image,
                                .want_count = 1,
                                .slice_value = -1};
    axm_plan *plan = NULL;
    if (start(network) < 0 || axm_runner_plan(&network->runner, &request, &plan) < 0) fail_msg("%s: %s", what, axm_message());
    return plan;
}

void onnx_expect_gradient(onnx_network *network, axm_plan *plan, const onnx_case *c, const char *what)
{
    const axm_tensor *x = axm_plan_find(plan, axm_graph_find_value(network->graph, "image"));
    const axm_tensor *y = axm_plan_find(plan, axm_graph_find_value(network->graph, "scores"));
    axm_tensor_from_file_order(x, c->image.values, x->data);
    axm_plan_forward(plan, network->runner.pool);
    float *values = malloc(c->image.count * sizeof *values + c->outputs[0].count * sizeof *values);
    assert_non_null(values);
    axm_tensor_to_file_order(y, y->data, values);
    onnx_expect(what, values, &y->shape, &c->outputs[0]);
    axm_tensor_from_file_order(y, c->outputs[1].values, y->grad);
    axm_plan_backward(plan, network->runner.pool);
    axm_tensor_to_file_order(x, x->grad, values);
    onnx_expect(what, values, &x->shape, &c->outputs[2]);
    free(values);
}
