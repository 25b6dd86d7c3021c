/* Every operator that takes part in gradients, against finite differences along one direction, in both physical orders; and the
 * same bytes for one and two threads. The table is expanded from ops.def: a new operator must have a build_<Name> here. */
#include "graph_common.h"

#include "ops/common.h"

#define STEP      (1.0 / 128)
#define TOLERANCE 3e-5 /* of the sum of the absolute contributions: rounding of the outputs in float, divided by the step */
#define SPAN      4.5f /* the image goes from -SPAN to SPAN in even steps of 0.05: bends at multiples of that are never met */

/* Builds variant 0, 1, ... of a graph with the operator in it and returns its output; -1: no more. big: of a size at which work is
 * shared by threads. */
typedef int32_t (*builder)(test_graph *g, int32_t variant, bool big);

static void image(test_graph *g, bool big)
{
    axm_shape shape = big ? SHAPE(2, 8, 66, 50) : SHAPE(2, 3, 6, 5);
    test_graph_init(g, &shape);
}

static int64_t channels(const test_graph *g)
{
    return g->image_shape.dim[1];
}

static void matrix(test_graph *g, bool big)
{
    axm_shape shape = big ? SHAPE(210, 260) : SHAPE(9, 20);
    test_graph_init(g, &shape);
}

static int32_t simple(test_graph *g, const char *op, const axm_attribute *attributes, size_t count)
{
    return test_node(g, op, INPUTS(g->image), attributes, count);
}

static int32_t one_variable(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 0) return -1;
    image(g, big);
    return simple(g, op, NO_ATTRIBUTES);
}

/* ---- Convolution and matrices ---- */

static int32_t build_Conv(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    int64_t c = channels(g);
    int32_t bias = test_weights(g, SHAPE(2 * c), -1, 1);
    switch (variant) {
    case 0:
        return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, c, 3, 3), -0.5f, 0.5f), bias),
                         ATTRIBUTES(INTS("pads", 1, 1, 1, 1)));
    case 1:
        return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, c, 3, 2), -0.5f, 0.5f), bias),
                         ATTRIBUTES(INTS("strides", 2, 1), INTS("pads", 0, 1, 2, 0)));
    case 2:
        return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, 1, 3, 3), -1, 1), bias),
                         ATTRIBUTES(INT("group", c), TEXT("auto_pad", "SAME_UPPER")));
    default: return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, c, 1, 1), -1, 1)), NO_ATTRIBUTES);
    }
}

static int32_t build_Gemm(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    matrix(g, big);
    int64_t m = g->image_shape.dim[0], k = g->image_shape.dim[1];
    switch (variant) {
    case 0:
        return test_node(g, "Gemm", INPUTS(0, test_weights(g, SHAPE(k, 11), -1, 1), test_weights(g, SHAPE(11), -1, 1)),
                         NO_ATTRIBUTES);
    case 1:
        return test_node(g, "Gemm", INPUTS(0, test_weights(g, SHAPE(7, k), -1, 1)),
                         ATTRIBUTES(INT("transB", 1), FLOAT("alpha", 0.5f)));
    case 2: return test_node(g, "Gemm", INPUTS(0, test_weights(g, SHAPE(m, 5), -1, 1)), ATTRIBUTES(INT("transA", 1)));
    default: return test_node(g, "Gemm", INPUTS(0, simple(g, "Tanh", NO_ATTRIBUTES)), ATTRIBUTES(INT("transB", 1)));
    }
}

static int32_t build_MatMul(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    int64_t h = g->image_shape.dim[2], w = g->image_shape.dim[3];
    int32_t turned = test_node(g, "Transpose", INPUTS(simple(g, "Tanh", NO_ATTRIBUTES)), ATTRIBUTES(INTS("perm", 0, 1, 3, 2)));
    switch (variant) {
    case 0: return test_node(g, "MatMul", INPUTS(0, test_weights(g, SHAPE(w, 6), -1, 1)), NO_ATTRIBUTES);
    case 1: return test_node(g, "MatMul", INPUTS(0, turned), NO_ATTRIBUTES);
    case 2: return test_node(g, "MatMul", INPUTS(test_weights(g, SHAPE(4, h), -1, 1), 0), NO_ATTRIBUTES);
    default:
        return test_node(g, "MatMul", INPUTS(test_node(g, "ReduceMean", INPUTS(0), ATTRIBUTES(INTS("axes", 1))), turned),
                         NO_ATTRIBUTES);
    }
}

static int32_t build_BatchNormalization(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int64_t c = channels(g);
    return test_node(g, "BatchNormalization",
                     INPUTS(0, test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), -1, 1),
                            test_weights(g, SHAPE(c), 0.5f, 2)),
                     NO_ATTRIBUTES);
}

/* ---- Functions of one variable ---- */

#define ONE_VARIABLE(name)                                                                                                         \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return one_variable(g, variant, big, #name);                                                                               \
    }

ONE_VARIABLE(Relu)
ONE_VARIABLE(LeakyRelu)
ONE_VARIABLE(Sigmoid)
ONE_VARIABLE(HardSigmoid)
ONE_VARIABLE(HardSwish)
ONE_VARIABLE(Tanh)
ONE_VARIABLE(GlobalAveragePool)
ONE_VARIABLE(GlobalMaxPool)

static int32_t build_Clip(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return simple(g, "Clip", ATTRIBUTES(FLOAT("min", -1.0f), FLOAT("max", 2.0f)));
}

static int32_t softmax(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 3) return -1;
    image(g, big);
    if (variant == 3) return simple(g, op, ATTRIBUTES(INT("flatten", 1), INT("axis", 1)));
    return simple(g, op, ATTRIBUTES(INT("axis", variant + 1)));
}

static int32_t build_Softmax(test_graph *g, int32_t variant, bool big)
{
    return softmax(g, variant, big, "Softmax");
}

static int32_t build_LogSoftmax(test_graph *g, int32_t variant, bool big)
{
    return softmax(g, variant, big, "LogSoftmax");
}

/* ---- Pools ---- */

static int32_t pool(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 2) return -1;
    image(g, big);
    switch (variant) {
    case 0: return simple(g, op, ATTRIBUTES(INTS("kernel_shape", 2, 2), INTS("strides", 2, 2)));
    case 1:
        return simple(g, op,
                      ATTRIBUTES(INTS("kernel_shape", 3, 3), INTS("strides", 2, 1), INTS("pads", 1, 0, 1, 1), INT("ceil_mode", 1)));
    default: return simple(g, op, ATTRIBUTES(INTS("kernel_shape", 2, 2), INTS("dilations", 2, 3)));
    }
}

static int32_t build_MaxPool(test_graph *g, int32_t variant, bool big)
{
    return pool(g, variant, big, "MaxPool");
}

static int32_t build_AveragePool(test_graph *g, int32_t variant, bool big)
{
    return variant > 1 ? -1 : pool(g, variant, big, "AveragePool");
}

static int32_t build_LRN(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    if (variant == 1) return simple(g, "LRN", ATTRIBUTES(INT("size", 2), FLOAT("alpha", 0.3f), FLOAT("beta", 0.5f)));
    return simple(g, "LRN", ATTRIBUTES(INT("size", 5), FLOAT("alpha", 0.5f), FLOAT("bias", 2.0f)));
}

/* ---- Two operands ---- */

static int32_t binary(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 4) return -1;
    image(g, big);
    int64_t c = channels(g);
    int32_t positive = simple(g, "Sigmoid", NO_ATTRIBUTES);
    switch (variant) {
    case 0: return test_node(g, op, INPUTS(0, test_weights(g, SHAPE(c, 1, 1), 0.5f, 2)), NO_ATTRIBUTES);
    case 1: return test_node(g, op, INPUTS(0, positive), NO_ATTRIBUTES);
    case 2: return test_node(g, op, INPUTS(0, test_node(g, "GlobalAveragePool", INPUTS(positive), NO_ATTRIBUTES)), NO_ATTRIBUTES);
    case 3:
        return test_node(g, op, INPUTS(test_weights(g, SHAPE(1, c, 1, g->image_shape.dim[3]), 0.5f, 2), positive), NO_ATTRIBUTES);
    default:
        return test_node(
            g, op, INPUTS(test_node(g, "ReduceMean", INPUTS(0), ATTRIBUTES(INTS("axes", 0, 1), INT("keepdims", 0))), positive),
            NO_ATTRIBUTES);
    }
}

#define BINARY(name)                                                                                                               \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return binary(g, variant, big, #name);                                                                                     \
    }

BINARY(Add)
BINARY(Sub)
BINARY(Mul)
BINARY(Div)

static int32_t build_Concat(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    return test_node(g, "Concat", INPUTS(0, simple(g, "Tanh", NO_ATTRIBUTES), 0), ATTRIBUTES(INT("axis", variant)));
}

/* ---- Shapes ---- */

static int32_t build_Pad(test_graph *g, int32_t variant, bool big)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    if (variant > 4) return -1;
    image(g, big);
    if (variant == 4) return test_node(g, "Pad", INPUTS(0, LIST(g, 0, -1, -2, 1, 0, 1, 1, -1)), NO_ATTRIBUTES);
    return test_node(g, "Pad", INPUTS(0, LIST(g, 0, 0, 2, 3, 0, 1, 1, 0)), ATTRIBUTES(TEXT("mode", modes[variant])));
}

static int32_t build_Flatten(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int32_t flat = simple(g, "Flatten", NO_ATTRIBUTES);
    return test_node(g, "Tanh", INPUTS(flat), NO_ATTRIBUTES);
}

static int32_t build_Reshape(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return test_node(g, "Softmax", INPUTS(test_node(g, "Reshape", INPUTS(0, LIST(g, 0, -1, 5)), NO_ATTRIBUTES)),
                     ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_Squeeze(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int32_t mean = test_node(g, "ReduceMean", INPUTS(0), ATTRIBUTES(INTS("axes", 2)));
    return test_node(g, "Softmax", INPUTS(test_node(g, "Squeeze", INPUTS(mean, LIST(g, 2)), NO_ATTRIBUTES)),
                     ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_Unsqueeze(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return test_node(g, "Softmax", INPUTS(test_node(g, "Unsqueeze", INPUTS(0, LIST(g, 1)), NO_ATTRIBUTES)),
                     ATTRIBUTES(INT("axis", 2)));
}

static int32_t build_Transpose(test_graph *g, int32_t variant, bool big)
{
    static const int64_t perms[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {3, 1, 0, 2}};
    if (variant > 2) return -1;
    image(g, big);
    axm_attribute perm = {.name = "perm", .kind = AXM_ATTR_INTS, .ints = perms[variant], .count = 4};
    return test_node(g, "Softmax", INPUTS(simple(g, "Transpose", &perm, 1)), ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_ReduceMean(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    switch (variant) {
    case 0: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 2, 3), INT("keepdims", 0)));
    case 1: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 1)));
    case 2: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 1, 3), INT("keepdims", 0)));
    default: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 0, 2)));
    }
}

static int32_t build_Slice(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    if (variant == 0) return test_node(g, "Slice", INPUTS(0, LIST(g, 1, 1), LIST(g, 3, 99), LIST(g, 1, 2)), NO_ATTRIBUTES);
    return test_node(g, "Slice", INPUTS(0, LIST(g, -1, 0), LIST(g, -99, 4), LIST(g, 2, 3), LIST(g, -2, 2)), NO_ATTRIBUTES);
}

/* Operators that hand on their input, before one that bends it. */
static int32_t passing(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 0) return -1;
    image(g, big);
    axm_attribute to = INT("to", AXM_FLOAT16);
    int32_t x = simple(g, op, strcmp(op, "Cast") == 0 ? &to : NULL, strcmp(op, "Cast") == 0);
    return test_node(g, "Mul", INPUTS(x, test_node(g, "Sigmoid", INPUTS(x), NO_ATTRIBUTES)), NO_ATTRIBUTES);
}

#define PASSING(name)                                                                                                              \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return passing(g, variant, big, #name);                                                                                    \
    }

PASSING(Dropout)
PASSING(Identity)
PASSING(Cast)

/* ---- Operators of constants only ---- */

#define CONSTANTS_ONLY(name) static const builder build_##name = NULL
CONSTANTS_ONLY(Shape);
CONSTANTS_ONLY(ConstantOfShape);
CONSTANTS_ONLY(Gather);
CONSTANTS_ONLY(Split);
CONSTANTS_ONLY(Range);
CONSTANTS_ONLY(ReduceProd);
CONSTANTS_ONLY(Floor);
CONSTANTS_ONLY(Ceil);
CONSTANTS_ONLY(Not);
CONSTANTS_ONLY(Min);
CONSTANTS_ONLY(Max);
CONSTANTS_ONLY(Mod);
CONSTANTS_ONLY(Equal);
CONSTANTS_ONLY(Where);
CONSTANTS_ONLY(Expand);

typedef struct table_row {
    const axm_op *op;
    builder build;
} table_row;

/* Through a function, because a constant pointer is no constant expression. */
static table_row row_at(int32_t index)
{
    int32_t at = 0;
#define X(name)                                                                                                                    \
    if (at++ == index) return (table_row){&axm_op_##name, build_##name};
#include "ops/ops.def"
#undef X
    return (table_row){NULL, NULL};
}

/* ---- The tests ---- */

/* Every element of a shuffle of -SPAN .. SPAN. */
static float *make_image(size_t count)
{
    float *x = test_numbers(count);
    for (size_t i = 0; i < count; i++)
        x[i] = ((float)i + 0.5f) * 2.0f * SPAN / (float)count - SPAN;
    for (size_t i = count, random = 7; i-- > 1;) {
        random = (random * 1103515245u + 12345u) & 0x7fffffffu;
        size_t other = (random >> 8) % (i + 1);
        float kept = x[i];
        x[i] = x[other];
        x[other] = kept;
    }
    return x;
}

static float direction(size_t i)
{
    return (i * 2654435761u >> 7) % 2 ? 1.0f : -0.5f;
}

static float upstream(size_t i)
{
    return (float)((i * 40503u >> 3) % 17) / 8.0f - 0.9f;
}

static double loss(const test_result *r)
{
    double sum = 0.0;
    for (size_t i = 0; i < r->y_count; i++)
        sum += (double)r->y[i] * (double)upstream(i);
    return sum;
}

static float *make_upstream(test_graph *g, int32_t value, const test_run *run, const float *x)
{
    test_result r = test_graph_run(g, value, run, x, NULL);
    float *dy = test_numbers(r.y_count);
    for (size_t i = 0; i < r.y_count; i++)
        dy[i] = upstream(i);
    test_result_free(&r);
    return dy;
}

static void check_difference(test_graph *g, int32_t value, const test_run *run, const char *name, int32_t variant)
{
    size_t count = (size_t)axm_shape_count(&g->image_shape);
    float *x = make_image(count), *moved = test_numbers(count), *dy = make_upstream(g, value, run, x);
    test_result r = test_graph_run(g, value, run, x, dy);
    double expected = 0.0, size = 0.0, losses[2];
    for (size_t i = 0; i < count; i++) {
        expected += (double)r.dx[i] * (double)direction(i);
        size += fabs((double)r.dx[i] * (double)direction(i));
    }
    for (int32_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++)
            moved[i] = x[i] + (side ? -1.0f : 1.0f) * (float)STEP * direction(i);
        test_result at = test_graph_run(g, value, run, moved, dy);
        losses[side] = loss(&at);
        test_result_free(&at);
    }
    double got = (losses[0] - losses[1]) / (2.0 * STEP);
    if (!(fabs(got - expected) <= TOLERANCE * (size + 0.1)) || size == 0.0)
        fail_msg("%s, variant %d, %s: the gradient along the direction is %.7g, the difference quotient %.7g (sizes %.3g)", name,
                 (int)variant, run->file_order ? "file order" : "channels last", expected, got, size);
    test_result_free(&r);
    free(x);
    free(moved);
    free(dy);
}

static void check_threads(test_graph *g, int32_t value, bool file_order, const char *name, int32_t variant)
{
    size_t count = (size_t)axm_shape_count(&g->image_shape);
    float *x = make_image(count);
    test_result r[2];
    for (int32_t i = 0; i < 2; i++) {
        test_run run = {.kernels = axm_kernels_find("auto"), .threads = i + 1, .file_order = file_order};
        r[i] = test_graph_run(g, value, &run, x, NULL);
    }
    if (memcmp(r[0].y, r[1].y, r[0].y_count * sizeof(float)) != 0 || memcmp(r[0].dx, r[1].dx, count * sizeof(float)) != 0)
        fail_msg("%s, variant %d, %s: one and two threads give different bytes", name, (int)variant,
                 file_order ? "file order" : "channels last");
    test_result_free(&r[0]);
    test_result_free(&r[1]);
    free(x);
}

static void every_operator_has_a_case(void **state)
{
    (void)state;
    for (int32_t i = 0; i < axm_op_count(); i++) {
        table_row row = row_at(i);
        assert_ptr_equal(row.op, axm_op_at(i));
        if ((row.op->infer != NULL) != (row.build != NULL))
            fail_msg("%s: computed from images, or tested, but not both", row.op->name);
        if (row.op->infer && !row.op->backward && !(row.op->flags & AXM_OP_ALIAS)) fail_msg("%s has no gradient", row.op->name);
    }
}

static void finite_differences(void **state)
{
    (void)state;
    for (int32_t i = 0; i < axm_op_count(); i++) {
        table_row row = row_at(i);
        for (int32_t variant = 0; row.build; variant++) {
            test_graph g;
            int32_t value = row.build(&g, variant, false);
            if (value < 0) break;
            for (int32_t order = 0; order < 2; order++) {
                test_run run = {.kernels = axm_kernels_find("auto"), .threads = 1, .file_order = order == 1};
                check_difference(&g, value, &run, row.op->name, variant);
            }
            test_graph_free(&g);
        }
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    for (int32_t i = 0; i < axm_op_count(); i++) {
        table_row row = row_at(i);
        for (int32_t variant = 0; row.build; variant++) {
            test_graph g;
            int32_t value = row.build(&g, variant, true);
            if (value < 0) break;
            check_threads(&g, value, false, row.op->name, variant);
            check_threads(&g, value, true, row.op->name, variant);
            test_graph_free(&g);
        }
    }
}

/* Where an operator only hands on its input, the gradient on its two sides may still differ: x -> Identity -> Tanh, and x added to
 * that. Of the output's gradient 1, the identity's output gets 1 - tanh^2, and x gets 1 more. */
static void gradients_of_aliases_differ(void **state)
{
    test_graph g;
    axm_runner runner;
    axm_plan *plan;
    (void)state;
    image(&g, false);
    int32_t x = simple(&g, "Relu", NO_ATTRIBUTES), same = test_node(&g, "Identity", INPUTS(x), NO_ATTRIBUTES);
    int32_t bent = test_node(&g, "Tanh", INPUTS(same), NO_ATTRIBUTES), sum = test_node(&g, "Add", INPUTS(bent, x), NO_ATTRIBUTES);
    int32_t wants[2] = {same, x}, observe[2] = {bent, sum};
    axm_plan_request request = {.image = 0, .image_shape = g.image_shape, .observe = observe, .observe_count = 2, .seeds = &sum};
    request.seed_count = 1;
    request.wants = wants;
    request.want_count = 2;
    request.slice_value = -1;
    test_ok(axm_runner_init(&runner, &g.allocator, g.graph, &g.weights, axm_kernels_find("auto"), 1));
    test_ok(axm_runner_plan(&runner, &request, &plan));
    const axm_tensor *at[2] = {axm_plan_find(plan, same), axm_plan_find(plan, x)}, *y = axm_plan_find(plan, sum);
    const axm_tensor *in = axm_plan_find(plan, 0), *t = axm_plan_find(plan, bent);
    size_t count = (size_t)axm_shape_count(&g.image_shape);
    float *values = make_image(count);
    axm_tensor_from_file_order(in, values, in->data);
    axm_plan_forward(plan, runner.pool);
    for (size_t i = 0; i < count; i++)
        y->grad[i] = 1.0f;
    axm_plan_backward(plan, runner.pool);
    for (size_t i = 0; i < count; i++) {
        double slope = 1.0 - (double)t->data[i] * (double)t->data[i];
        assert_true(fabs((double)at[0]->grad[i] - slope) < 1e-6);
        assert_true(fabs((double)at[1]->grad[i] - slope - 1.0) < 1e-6);
    }
    free(values);
    axm_runner_free(&runner);
    test_graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_a_case),
        cmocka_unit_test(finite_differences),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(gradients_of_aliases_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
