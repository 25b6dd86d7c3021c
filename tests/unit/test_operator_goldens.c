/* Every operator, in several forms each, against PyTorch (float64): output, and gradient at the image. The graphs are those of
 * tests/golden/operator_cases.py and operator_cases_more.py; each runs in both physical orders, fused and unfused, adding to a
 * gradient and not. */
#include "graph_common.h"

#define TOLERANCE 1e-5 /* of the largest absolute value; convolution by Winograd's method is the least exact, about 3e-6 */
#define MOST      64

typedef struct reader {
    unsigned char *data;
    size_t size, at;
} reader;

static void read_bytes(reader *r, void *out, size_t bytes)
{
    assert_true(bytes <= r->size - r->at);
    memcpy(out, r->data + r->at, bytes);
    r->at += bytes;
}

static int32_t read_int(reader *r)
{
    int32_t value;
    read_bytes(r, &value, sizeof value);
    return value;
}

static float read_float(reader *r)
{
    float value;
    read_bytes(r, &value, sizeof value);
    return value;
}

static void read_text(reader *r, char out[MOST])
{
    size_t length = (size_t)read_int(r);
    assert_true(length < MOST);
    read_bytes(r, out, length);
    out[length] = '\0';
}

static axm_shape read_dims(reader *r)
{
    axm_shape shape = {.rank = read_int(r)};
    assert_in_range(shape.rank, 0, AXM_MAX_RANK);
    for (int32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = read_int(r);
    return shape;
}

static float *read_floats(reader *r, size_t count)
{
    float *out = test_numbers(count);
    read_bytes(r, out, count * sizeof *out);
    return out;
}

static float *read_units(reader *r, size_t count, float unit)
{
    float *out = test_numbers(count);
    for (size_t i = 0; i < count; i++) {
        int16_t whole;
        read_bytes(r, &whole, sizeof whole);
        out[i] = (float)whole * unit;
    }
    return out;
}

static void read_constant(reader *r, test_graph *g, float unit)
{
    axm_dtype dtype = (axm_dtype)read_int(r);
    axm_shape shape = read_dims(r);
    size_t count = (size_t)axm_shape_count(&shape), bytes = count * axm_dtype_bytes(dtype);
    void *data = dtype == AXM_FLOAT32 ? read_units(r, count, unit) : malloc(bytes + 1);
    assert_non_null(data);
    if (dtype != AXM_FLOAT32) read_bytes(r, data, bytes);
    test_constant(g, dtype, &shape, data);
    free(data);
}

typedef struct attribute_memory {
    char name[MOST], text[MOST];
    int64_t ints[16];
} attribute_memory;

static axm_attribute read_attribute(reader *r, attribute_memory *memory)
{
    read_text(r, memory->name);
    axm_attribute attribute = {.name = memory->name, .kind = (axm_attribute_kind)read_int(r)};
    switch (attribute.kind) {
    case AXM_ATTR_INT: read_bytes(r, &attribute.i, sizeof attribute.i); break;
    case AXM_ATTR_FLOAT: attribute.f = read_float(r); break;
    case AXM_ATTR_TEXT:
        read_text(r, memory->text);
        attribute.text = memory->text;
        break;
    case AXM_ATTR_INTS:
        attribute.count = (size_t)read_int(r);
        assert_true(attribute.count <= 16);
        read_bytes(r, memory->ints, attribute.count * sizeof *memory->ints);
        attribute.ints = memory->ints;
        break;
    case AXM_ATTR_FLOATS: fail();
    }
    return attribute;
}

/* The value of the last output; the builder numbers values as the file does. */
static int32_t read_node(reader *r, test_graph *g)
{
    char op[MOST];
    int32_t inputs[8];
    attribute_memory memory[12];
    axm_attribute attributes[12];
    read_text(r, op);
    int32_t input_count = read_int(r);
    assert_in_range(input_count, 1, 8);
    for (int32_t i = 0; i < input_count; i++)
        inputs[i] = read_int(r);
    int32_t attribute_count = read_int(r);
    assert_in_range(attribute_count, 0, 12);
    for (int32_t i = 0; i < attribute_count; i++)
        attributes[i] = read_attribute(r, &memory[i]);
    int32_t outputs = read_int(r);
    return test_node_of(g, op, inputs, input_count, attributes, (size_t)attribute_count, outputs) + outputs - 1;
}

/* Fails unless got[i] + before[i] is want[i] within the tolerance. */
static void check(const char *name, const char *what, const test_run *run, size_t count, const float *got, const float *want,
                  bool added)
{
    double most = 1e-3;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++) {
        double expected = (double)want[i] + (added ? (double)test_gradient_before(i) : 0.0);
        if (!(fabs((double)got[i] - expected) <= TOLERANCE * (most + (added ? 8.0 : 0.0))))
            fail_msg("'%s', %s, kernels %s, %s%s%s: element %zu is %.8g, expected %.8g", name, what, axm_kernels_name(run->kernels),
                     run->file_order ? "file order" : "channels last", run->observe_all ? ", unfused" : "",
                     run->add ? ", added" : "", i, (double)got[i], expected);
    }
}

/* ---- Some channels only ---- */

typedef struct golden {
    char name[MOST];
    test_graph graph;
    int32_t output;
    axm_shape shape;
    float *x, *y, *dy, *dx;
} golden;

/* The last channel and the first one: elements of `full` (all channels) go to or come from `part`. */
static size_t part_of(const axm_shape *shape, bool to_part, float *full, float *part)
{
    size_t channels = (size_t)shape->dim[1], outer = (size_t)shape->dim[0], inner = 1, at = 0;
    for (int32_t i = 2; i < shape->rank; i++)
        inner *= (size_t)shape->dim[i];
    for (size_t n = 0; n < outer; n++)
        for (size_t k = 0; k < 2; k++)
            for (size_t i = 0; i < inner; i++, at++) {
                float *element = &full[(n * channels + (k ? 0 : channels - 1)) * inner + i];
                if (to_part)
                    part[at] = *element;
                else
                    *element = part[at];
            }
    return at;
}

/* A plan that needs two channels of the output only gives those, and the gradient that the whole plan gives when the others get
 * none. Returns whether the plan leaves channels out. */
static bool check_slice(golden *c)
{
    test_graph *g = &c->graph;
    int32_t channels[2] = {(int32_t)c->shape.dim[1] - 1, 0};
    size_t x_count = (size_t)axm_shape_count(&g->image_shape), y_count = (size_t)axm_shape_count(&c->shape);
    float *dy = test_numbers(y_count), *y = test_numbers(y_count), *want = test_numbers(y_count), *dx = test_numbers(x_count);
    test_run run = {.kernels = axm_kernels_find("auto"), .threads = 1};
    axm_runner runner;
    axm_plan *plan;
    axm_plan_request request = {.image = g->image,
                                .image_shape = g->image_shape,
                                .observe = &c->output,
                                .observe_count = 1,
                                .seeds = &c->output,
                                .seed_count = 1,
                                .wants = &g->image,
                                .want_count = 1,
                                .slice_value = c->output,
                                .slice_channels = channels,
                                .slice_count = 2};
    g->graph->values[g->image].channels_last = false;
    test_ok(axm_runner_init(&runner, &g->allocator, g->graph, &g->weights, run.kernels, 1));
    test_ok(axm_runner_plan(&runner, &request, &plan));
    bool sliced = axm_plan_sliced(plan);
    const axm_tensor *image = axm_plan_find(plan, g->image), *out = axm_plan_find(plan, c->output);
    assert_int_equal(out->shape.dim[1], sliced ? 2 : c->shape.dim[1]);
    size_t part = part_of(&c->shape, true, c->dy, want);
    memset(dy, 0, y_count * sizeof *dy);
    part_of(&c->shape, false, dy, want);

    axm_tensor_from_file_order(image, c->x, image->data);
    axm_plan_forward(plan, runner.pool);
    axm_tensor_from_file_order(out, sliced ? want : dy, out->grad);
    axm_plan_backward(plan, runner.pool);
    axm_tensor_to_file_order(image, image->grad, dx);
    axm_tensor_to_file_order(out, out->data, y);
    part_of(&c->shape, true, c->y, want);
    check(c->name, "sliced output", &run, sliced ? part : y_count, y, sliced ? want : c->y, false);
    test_result whole = test_graph_run(g, c->output, &run, c->x, dy);
    check(c->name, "gradient of sliced output", &run, x_count, dx, whole.dx, false);
    test_result_free(&whole);
    axm_runner_free(&runner);
    free(dy);
    free(y);
    free(want);
    free(dx);
    return sliced;
}

/* ---- All cases ---- */

static int32_t sliced_cases;

static void check_runs(golden *c)
{
    if (c->shape.rank >= 2 && c->shape.dim[1] >= 3) sliced_cases += check_slice(c);
    size_t x_count = (size_t)axm_shape_count(&c->graph.image_shape), y_count = (size_t)axm_shape_count(&c->shape);
    for (int32_t i = 0; i < 16; i++) {
        test_run run = {.kernels = axm_kernels_find(i & 8 ? "c" : "auto"),
                        .threads = 1,
                        .file_order = (i & 1) != 0,
                        .observe_all = (i & 2) != 0,
                        .add = (i & 4) != 0};
        test_result r = test_graph_run(&c->graph, c->output, &run, c->x, c->dy);
        if (!axm_shape_equal(&r.shape, &c->shape)) {
            char got[AXM_SHAPE_TEXT], want[AXM_SHAPE_TEXT];
            fail_msg("'%s' gives shape %s, expected %s", c->name, axm_shape_text(&r.shape, got), axm_shape_text(&c->shape, want));
        }
        check(c->name, "output", &run, y_count, r.y, c->y, false);
        check(c->name, "gradient", &run, x_count, r.dx, c->dx, run.add);
        test_result_free(&r);
    }
}

static void run_case(reader *r)
{
    golden c;
    read_text(r, c.name);
    float unit = read_float(r);
    axm_shape image = read_dims(r);
    size_t x_count = (size_t)axm_shape_count(&image);
    c.x = read_units(r, x_count, unit);
    test_graph_init(&c.graph, &image);
    for (int32_t i = 0, constants = read_int(r); i < constants; i++)
        read_constant(r, &c.graph, unit);
    for (int32_t i = 0, nodes = read_int(r); i < nodes; i++)
        c.output = read_node(r, &c.graph);
    test_ok(axm_builder_output(&c.graph.builder, c.output, "output"));
    c.shape = read_dims(r);
    size_t y_count = (size_t)axm_shape_count(&c.shape);
    c.y = read_floats(r, y_count);
    c.dy = read_units(r, y_count, unit);
    c.dx = read_floats(r, x_count);
    check_runs(&c);
    test_graph_free(&c.graph);
    free(c.x);
    free(c.y);
    free(c.dy);
    free(c.dx);
}

static int32_t run_cases(const char *path)
{
    reader r = {0};
    char magic[8];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    r.data = malloc(1u << 20);
    assert_non_null(r.data);
    r.size = fread(r.data, 1, 1u << 20, file);
    fclose(file);
    read_bytes(&r, magic, sizeof magic);
    assert_memory_equal(magic, "AXMOPS2", sizeof magic);
    int32_t cases = read_int(&r);
    for (int32_t i = 0; i < cases; i++)
        run_case(&r);
    assert_int_equal(r.at, r.size);
    free(r.data);
    return cases;
}

static void first_cases(void **state)
{
    (void)state;
    sliced_cases = 0;
    assert_true(run_cases(ACTMAX_TEST_DATA "/operators.bin") > 150);
    assert_true(sliced_cases > 20);
}

static void more_cases(void **state)
{
    (void)state;
    assert_true(run_cases(ACTMAX_TEST_DATA "/operators2.bin") > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_cases), cmocka_unit_test(more_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
