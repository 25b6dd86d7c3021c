/* Additions that a plan has a convolution do as it stores its output: the same values and gradients as where the convolution's own
 * output is looked at, so that the addition stays a step of its own; and the sum of what is seen there. */
#include "tiny.h"

#include "api/session.h"

#define C     20
#define H     6
#define W     5
#define COUNT (C * H * W)

typedef struct network {
    const char *what;
    bool shortcut; /* what is added is a convolution's output, not the block's input */
    bool swapped;  /* the convolution is the addition's second input */
    bool relu;     /* after the addition */
} network;

typedef struct seen {
    float y[COUNT], dx[COUNT];
} seen;

static void build(tiny *t, const network *n)
{
    tiny_begin(t, 1, C, H, W);
    tiny_conv(t, "first", "x", C, C, 3, 1, 1, 0.3f);
    tiny_node(t, "Relu", NULL, "first", "base");
    if (n->shortcut) tiny_conv(t, "other", "base", C, C, 1, 0, 2, 0.4f);
    const char *other = n->shortcut ? "other" : "base";
    char inputs[32];
    tiny_conv(t, "branch", "base", C, C, 1, 0, 3, 0.4f);
    snprintf(inputs, sizeof inputs, "%s %s", n->swapped ? other : "branch", n->swapped ? "branch" : other);
    tiny_node(t, "Add", NULL, inputs, "sum");
    if (n->relu) tiny_node(t, "Relu", NULL, "sum", "block");
    tiny_conv(t, "last", n->relu ? "block" : "sum", C, C, 1, 0, 4, 0.4f);
    tiny_node(t, "Add", NULL, n->relu ? "block last" : "last sum", "y");
    tiny_output(t, "y");
}

/* Runs forward and backward with these values observed; the last of them is y, whose gradient is given. */
static axm_plan *run(actmax_session *session, const actmax_model *model, const int32_t *observe, int32_t count, seen *out)
{
    const int32_t image = model->input.value;
    axm_plan_request request = {.image = image,
                                .image_shape = model->input.shape,
                                .observe = observe,
                                .observe_count = count,
                                .seeds = &observe[count - 1],
                                .seed_count = 1,
                                .wants = &image,
                                .want_count = 1,
                                .slice_value = -1};
    axm_plan *plan;
    float values[COUNT];
    assert_true(axm_runner_plan(&session->runner, &request, &plan) >= 0);
    const axm_tensor *x = axm_plan_find(plan, image), *y = axm_plan_find(plan, observe[count - 1]);
    for (size_t i = 0; i < COUNT; i++)
        values[i] = tiny_value(50, 1.0f, i);
    axm_tensor_from_file_order(x, values, x->data);
    axm_plan_forward(plan, session->runner.pool);
    axm_tensor_to_file_order(y, y->data, out->y);
    for (size_t i = 0; i < COUNT; i++)
        values[i] = tiny_value(60, 1.0f, i);
    axm_tensor_from_file_order(y, values, y->grad);
    axm_plan_backward(plan, session->runner.pool);
    axm_tensor_to_file_order(x, x->grad, out->dx);
    return plan;
}

static void close_to(const char *what, const float *a, const float *b)
{
    for (size_t i = 0; i < COUNT; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-5f * (1.0f + fabsf(b[i])))) fail_msg("%s: element %zu: %g, %g", what, i, a[i], b[i]);
}

static void check(const network *n)
{
    tiny t;
    memset(&t, 0, sizeof t);
    build(&t, n);
    actmax_recipe *recipe = tiny_recipe("preprocess", "raw", NULL);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 2);
    const axm_graph *graph = model->graph;
    const int32_t y = axm_graph_find_value(graph, "y");
    const int32_t all[] = {axm_graph_find_value(graph, "branch"), axm_graph_find_value(graph, n->shortcut ? "other" : "base"),
                           axm_graph_find_value(graph, "sum"), axm_graph_find_value(graph, "last"), y};
    const int32_t some[] = {axm_graph_find_value(graph, "sum"), y};
    seen apart, joined, summed;
    const axm_plan *plan = run(session, model, all, 5, &apart);
    const axm_tensor *branch = axm_plan_find(plan, all[0]), *other = axm_plan_find(plan, all[1]),
                     *sum = axm_plan_find(plan, all[2]);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(sum->data[i] == branch->data[i] + other->data[i]);
    run(session, model, &y, 1, &joined);
    run(session, model, some, 2, &summed);
    close_to(n->what, joined.y, apart.y);
    close_to(n->what, joined.dx, apart.dx);
    close_to(n->what, summed.y, apart.y);
    close_to(n->what, summed.dx, apart.dx);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void additions(void **state)
{
    static const network networks[] = {
        {"identity", false, false, true},
        {"identity first", false, true, true},
        {"shortcut", true, false, true},
        {"shortcut first", true, true, true},
        {"identity, no activation", false, false, false},
        {"shortcut, no activation", true, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        check(&networks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(additions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
