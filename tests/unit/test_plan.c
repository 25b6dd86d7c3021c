/* Plans: a convolution with what folds and fuses into it (normalisation, scale, shift, activation) gives the same values and
 * gradients whichever of its stages are looked at, and whichever channels are left out. All against sums in double precision. */
#include "tiny.h"

#include "api/session.h"

#define IN      3
#define OUT     6
#define H       9
#define W       7
#define PLACE   (H * W)
#define EPSILON 1e-3

enum { CONV, NORM, ACT, STAGES };

typedef struct chain {
    tiny t;
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    int32_t value[STAGES], image;
    double low, high; /* of the activation */
    float x[IN * PLACE];
    /* expected: file order */
    double y[STAGES][OUT * PLACE];
} chain;

typedef enum kind { NORMALISED, SCALED, TWICE, KINDS } kind;

static double factor_of(kind k, int c)
{
    double scale = (double)tiny_value(11, 1.5f, (size_t)c), variance = 0.5 + fabs((double)tiny_value(13, 1.0f, (size_t)c));
    double norm = scale / sqrt(variance + EPSILON);
    return k == NORMALISED ? norm : k == SCALED ? scale : norm * scale;
}

static double offset_of(kind k, int c)
{
    double scale = (double)tiny_value(11, 1.5f, (size_t)c), shift = (double)tiny_value(12, 0.5f, (size_t)c);
    double mean = (double)tiny_value(14, 0.5f, (size_t)c), variance = 0.5 + fabs((double)tiny_value(13, 1.0f, (size_t)c));
    double norm = shift - mean * scale / sqrt(variance + EPSILON);
    return k == NORMALISED ? norm : k == SCALED ? shift : norm * scale + shift;
}

static void expect(chain *c, kind k)
{
    for (int o = 0; o < OUT; o++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                double sum = (double)tiny_value(1001, 0.1f, (size_t)o);
                for (int i = 0; i < IN; i++)
                    for (int v = 0; v < 3; v++)
                        for (int u = 0; u < 3; u++) {
                            int sy = y + v - 1, sx = x + u - 1;
                            if (sy < 0 || sx < 0 || sy >= H || sx >= W) continue;
                            double w = (double)tiny_value(1, 0.5f, (size_t)(((o * IN + i) * 3 + v) * 3 + u));
                            sum += w * (double)c->x[i * PLACE + sy * W + sx];
                        }
                int at = o * PLACE + y * W + x;
                c->y[CONV][at] = sum;
                c->y[NORM][at] = factor_of(k, o) * sum + offset_of(k, o);
                c->y[ACT][at] = fmin(fmax(c->y[NORM][at], c->low), c->high);
            }
}

/* The gradient at the image, of a sum of g times the values of a stage. */
static void expect_gradient(const chain *c, kind k, int stage, const double *g, double dx[IN * PLACE])
{
    memset(dx, 0, IN * PLACE * sizeof *dx);
    for (int o = 0; o < OUT; o++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                int at = o * PLACE + y * W + x;
                double d = g[at];
                if (stage == ACT && !(c->y[NORM][at] > c->low && c->y[NORM][at] < c->high)) d = 0.0;
                if (stage != CONV) d *= factor_of(k, o);
                for (int i = 0; i < IN; i++)
                    for (int v = 0; v < 3; v++)
                        for (int u = 0; u < 3; u++) {
                            int sy = y + v - 1, sx = x + u - 1;
                            if (sy < 0 || sx < 0 || sy >= H || sx >= W) continue;
                            dx[i * PLACE + sy * W + sx] +=
                                d * (double)tiny_value(1, 0.5f, (size_t)(((o * IN + i) * 3 + v) * 3 + u));
                        }
            }
}

static void open_chain(chain *c, kind k, const char *activation)
{
    memset(c, 0, sizeof *c);
    tiny *t = &c->t;
    tiny_begin(t, 1, IN, H, W);
    tiny_conv(t, "conv", "x", IN, OUT, 3, 1, 1, 0.5f);
    tiny_random(t, "scale", 11, 1.5f, OUT, 0, 0, 0);
    tiny_random(t, "shift", 12, 0.5f, OUT, 0, 0, 0);
    tiny_random(t, "mean", 14, 0.5f, OUT, 0, 0, 0);
    tiny_random(t, "scale3", 11, 1.5f, OUT, 1, 1, 0);
    tiny_random(t, "shift3", 12, 0.5f, OUT, 1, 1, 0);
    float variance[OUT];
    for (size_t i = 0; i < OUT; i++)
        variance[i] = 0.5f + fabsf(tiny_value(13, 1.0f, i));
    tiny_values(t, "variance", variance, OUT, 0, 0, 0);
    if (k != SCALED) {
        tiny_open(t, "BatchNormalization", NULL, "conv scale shift mean variance", k == TWICE ? "between" : "norm");
        tiny_float(t, "epsilon", (float)EPSILON);
        tiny_close(t);
    }
    if (k != NORMALISED) {
        tiny_node(t, "Mul", NULL, k == TWICE ? "between scale3" : "conv scale3", "scaled");
        tiny_node(t, "Add", NULL, "shift3 scaled", "norm");
    }
    c->low = 0.0;
    c->high = INFINITY;
    if (strcmp(activation, "Clip") == 0) {
        c->high = 0.75;
        tiny_values(t, "low", (const float[]){0}, 0, 0, 0, 0);
        tiny_values(t, "high", (const float[]){0.75f}, 0, 0, 0, 0);
        tiny_node(t, "Clip", NULL, "norm low high", "act");
    } else {
        tiny_node(t, activation, NULL, "norm", "act");
    }
    tiny_output(t, "act");
    c->recipe = tiny_recipe("preprocess", "raw", NULL);
    c->model = tiny_load(t, c->recipe);
    c->session = tiny_session(c->model, 1);
    static const char *const names[STAGES] = {"conv", "norm", "act"};
    for (int s = 0; s < STAGES; s++)
        c->value[s] = axm_graph_find_value(c->model->graph, names[s]);
    c->image = c->model->input.value;
    for (size_t i = 0; i < IN * PLACE; i++)
        c->x[i] = tiny_value(50, 1.0f, i);
    expect(c, k);
}

static void close_chain(chain *c)
{
    actmax_session_free(c->session);
    actmax_model_free(c->model);
    actmax_recipe_free(c->recipe);
    tiny_free(&c->t);
}

/* Channels `channels` (NULL: all) of a tensor in file order against the expected ones. */
static void check_values(const axm_tensor *tensor, const float *data, const double *expected, const int32_t *channels,
                         const char *what)
{
    float got[OUT * PLACE];
    axm_tensor_to_file_order(tensor, data, got);
    for (int64_t o = 0; o < tensor->shape.dim[1]; o++)
        for (int i = 0; i < PLACE; i++) {
            double want = expected[(channels ? channels[o] : o) * PLACE + i], have = (double)got[o * PLACE + i];
            if (!(fabs(have - want) <= 3e-6 * (1.0 + fabs(want))))
                fail_msg("%s: channel %d, place %d: %g, expected %g", what, (int)o, i, have, want);
        }
}

static void check_image_gradient(const axm_tensor *image, const double *expected, const char *what)
{
    float got[IN * PLACE];
    axm_tensor_to_file_order(image, image->grad, got);
    for (int i = 0; i < IN * PLACE; i++)
        if (!(fabs((double)got[i] - expected[i]) <= 1e-5 * (1.0 + fabs(expected[i]))))
            fail_msg("%s: gradient %d is %g, expected %g", what, i, (double)got[i], expected[i]);
}

static const axm_plan_request empty_request = {.slice_value = -1};

/* Forward; a gradient at `stage`, that of g on the channels that the plan has; backward. */
static void run(chain *c, axm_plan *plan, int stage, const double *g, const int32_t *channels)
{
    const axm_tensor *image = axm_plan_find(plan, c->image), *at = axm_plan_find(plan, c->value[stage]);
    float seed[OUT * PLACE];
    axm_tensor_from_file_order(image, c->x, image->data);
    axm_plan_forward(plan, c->session->runner.pool);
    for (int64_t o = 0; o < at->shape.dim[1]; o++)
        for (int i = 0; i < PLACE; i++)
            seed[o * PLACE + i] = (float)g[(channels ? channels[o] : o) * PLACE + i];
    axm_tensor_from_file_order(at, seed, at->grad);
    axm_plan_backward(plan, c->session->runner.pool);
}

static void check_observed(chain *c, kind k)
{
    double g[OUT * PLACE], dx[IN * PLACE];
    for (size_t i = 0; i < OUT * PLACE; i++)
        g[i] = (double)tiny_value(60, 1.0f, i);
    for (int seen = 0; seen < 8; seen++)
        for (int stage = 0; stage < STAGES; stage++) {
            int32_t observe[STAGES + 1] = {c->value[stage]};
            axm_plan_request request = empty_request;
            axm_plan *plan;
            request.image = c->image;
            request.image_shape = c->model->input.shape;
            request.observe = observe;
            request.observe_count = 1;
            for (int s = 0; s < STAGES; s++)
                if (seen >> s & 1 && s != stage) observe[request.observe_count++] = c->value[s];
            request.seeds = &c->value[stage];
            request.seed_count = 1;
            request.wants = &c->image;
            request.want_count = 1;
            must(axm_runner_plan(&c->session->runner, &request, &plan));
            run(c, plan, stage, g, NULL);
            for (int i = 0; i < request.observe_count; i++)
                for (int s = 0; s < STAGES; s++)
                    if (observe[i] == c->value[s])
                        check_values(axm_plan_find(plan, observe[i]), axm_plan_find(plan, observe[i])->data, c->y[s], NULL,
                                     "observed");
            expect_gradient(c, k, stage, g, dx);
            check_image_gradient(axm_plan_find(plan, c->image), dx, "observed");
        }
}

static const char *const activations[] = {"Relu", "Clip"};

static void observed_stages(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int a = 0; a < 2; a++) {
            chain c;
            open_chain(&c, (kind)k, activations[a]);
            check_observed(&c, (kind)k);
            close_chain(&c);
        }
}

/* The gradient at a stage in the middle, as Grad-CAM wants it. */
static void middle_gradient(void **state)
{
    (void)state;
    chain c;
    open_chain(&c, NORMALISED, "Clip");
    double g[OUT * PLACE], expected[STAGES][OUT * PLACE];
    for (int i = 0; i < OUT * PLACE; i++) {
        g[i] = (double)tiny_value(60, 1.0f, (size_t)i);
        expected[NORM][i] = c.y[NORM][i] > 0.0 && c.y[NORM][i] < 0.75 ? g[i] : 0.0;
        expected[CONV][i] = factor_of(NORMALISED, i / PLACE) * expected[NORM][i];
    }
    for (int stage = CONV; stage <= NORM; stage++) {
        axm_plan_request request = empty_request;
        const int32_t observe[2] = {c.value[ACT], c.value[stage]};
        axm_plan *plan;
        request.image = c.image;
        request.image_shape = c.model->input.shape;
        request.observe = observe;
        request.observe_count = 2;
        request.seeds = &c.value[ACT];
        request.seed_count = 1;
        request.wants = &c.value[stage];
        request.want_count = 1;
        must(axm_runner_plan(&c.session->runner, &request, &plan));
        run(&c, plan, ACT, g, NULL);
        const axm_tensor *at = axm_plan_find(plan, c.value[stage]);
        check_values(at, at->data, c.y[stage], NULL, "value in the middle");
        check_values(at, at->grad, expected[stage], NULL, "gradient in the middle");
        assert_null(axm_plan_find(plan, c.image)->grad); /* nobody asked for it */
    }
    close_chain(&c);
}

/* ---- Channels left out ---- */

static void sliced(void **state)
{
    static const struct {
        int32_t channels[OUT], count;
    } slices[] = {{{3}, 1}, {{0, 5}, 2}, {{1, 2, 4, 5}, 4}, {{0, 1, 2, 3, 4, 5}, 6}};
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int a = 0; a < 2; a++) {
            chain c;
            open_chain(&c, (kind)k, activations[a]);
            for (size_t s = 0; s < sizeof slices / sizeof *slices; s++)
                for (int stage = 0; stage < STAGES; stage++) {
                    double g[OUT * PLACE] = {0}, dx[IN * PLACE];
                    axm_plan_request request = empty_request;
                    axm_plan *plan;
                    for (int32_t i = 0; i < slices[s].count; i++)
                        for (int p = 0; p < PLACE; p++)
                            g[slices[s].channels[i] * PLACE + p] = (double)tiny_value(61, 1.0f, (size_t)(i * PLACE + p));
                    request.image = c.image;
                    request.image_shape = c.model->input.shape;
                    request.observe = request.seeds = &c.value[stage];
                    request.observe_count = request.seed_count = 1;
                    request.wants = &c.image;
                    request.want_count = 1;
                    request.slice_value = c.value[stage];
                    request.slice_channels = slices[s].channels;
                    request.slice_count = slices[s].count;
                    must(axm_runner_plan(&c.session->runner, &request, &plan));
                    assert_int_equal(axm_plan_sliced(plan), slices[s].count < OUT);
                    const axm_tensor *at = axm_plan_find(plan, c.value[stage]);
                    assert_int_equal(at->shape.dim[1], slices[s].count);
                    run(&c, plan, stage, g, slices[s].channels);
                    check_values(at, at->data, c.y[stage], slices[s].channels, "sliced");
                    expect_gradient(&c, (kind)k, stage, g, dx);
                    check_image_gradient(axm_plan_find(plan, c.image), dx, "sliced");
                    axm_plan *again; /* kept warm */
                    must(axm_runner_plan(&c.session->runner, &request, &again));
                    assert_ptr_equal(plan, again);
                }
            close_chain(&c);
        }
}

/* Where channels cannot be left out all are computed, in one plan for any choice; where they can, each choice has its own. */
static void slices_and_plans(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "raw", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    static const struct {
        const char *layer;
        bool sliced;
    } cases[] = {{"conv1", true}, {"relu1", true}, {"pool1", false}, {"relu2", true},
                 {"mean", false}, {"dense", true}, {"soft", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        axm_plan *plans[2];
        for (int32_t k = 0; k < 2; k++) {
            int32_t value, channel = k + 1;
            must(axm_model_layer_value(model, layer_of(model, cases[i].layer), &value));
            axm_plan_request request = {.image = model->input.value,
                                        .image_shape = model->input.shape,
                                        .observe = &value,
                                        .observe_count = 1,
                                        .seeds = &value,
                                        .seed_count = 1,
                                        .wants = &model->input.value,
                                        .want_count = 1,
                                        .slice_value = value,
                                        .slice_channels = &channel,
                                        .slice_count = 1};
            must(axm_runner_plan(&session->runner, &request, &plans[k]));
            if (axm_plan_sliced(plans[k]) != cases[i].sliced)
                fail_msg("%s is%s sliced", cases[i].layer, cases[i].sliced ? " not" : "");
        }
        assert_int_equal(plans[0] != plans[1], cases[i].sliced);
    }
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* More plans than the session keeps: each asked for again gives what it gave before. */
static void many_plans(void **state)
{
    (void)state;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "2", NULL);
    actmax_model *model = fashion_model(recipe);
    actmax_session *session = tiny_session(model, 1);
    double first[64];
    for (int round = 0; round < 2; round++)
        for (int32_t filter = 0; filter < 64; filter++) {
            actmax_result *result;
            must(actmax_session_maximize(session, layer_of(model, "conv3"), &filter, 1, recipe, &result));
            if (round == 0) first[filter] = number(result, "activation_end");
            assert_true(number(result, "activation_end") == first[filter]);
            actmax_result_free(result);
        }
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

/* ---- The public way ---- */

static void activations_of_layers(void **state)
{
    (void)state;
    chain c;
    open_chain(&c, NORMALISED, "Relu");
    float pixels[IN * PLACE];
    for (int i = 0; i < PLACE; i++)
        for (int k = 0; k < IN; k++)
            pixels[i * IN + k] = c.x[k * PLACE + i];
    actmax_image *image;
    must(actmax_image_new_float(W, H, IN, pixels, &image));
    static const char *const names[STAGES] = {"conv", "norm", "act"};
    for (int s = 0; s < STAGES; s++) {
        actmax_result *result;
        must(actmax_session_activations(c.session, image, layer_of(c.model, names[s]), NULL, &result));
        const float *a = array_of(result, "activations", OUT * PLACE);
        for (int i = 0; i < OUT * PLACE; i++)
            assert_true(fabs((double)a[i] - c.y[s][i]) < 1e-5);
        assert_string_equal(text_of(result, "layer"), names[s]);
        actmax_result_free(result);
    }
    actmax_image_free(image);
    close_chain(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observed_stages),  cmocka_unit_test(middle_gradient), cmocka_unit_test(sliced),
        cmocka_unit_test(slices_and_plans), cmocka_unit_test(many_plans),      cmocka_unit_test(activations_of_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
