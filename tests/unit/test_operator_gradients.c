/* Every operator that takes part in gradients, against finite differences along one direction, in both physical orders; and the
 * same bytes for one and two threads. The table is expanded from ops.def: a new operator must have a build_<Name> here. */
#include "gradient_graphs.h"
#include "gradient_graphs_sums.h"

#include "ops/common.h"

#define STEP      (1.0 / 128)
#define TOLERANCE 3e-5 /* of the sum of the absolute contributions: rounding of the outputs in float, divided by the step */
#define SPAN      4.5f /* the image goes from -SPAN to SPAN in even steps of 0.05: bends at multiples of that are never met */

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
