/* A picture for each of several filters in one call: each is, byte for byte, the one of a call of its own, whether one plan holds
 * them all or plans take turns, and whoever of them ends early. */
#include "tiny.h"

#include "api/session.h"
#include "visualize/batch.h"

#define MOST 16

/* ---- Networks ---- */

/* Weights are the larger part of it from early on, so that one plan holds several pictures; with all kinds of operators between.
 * Filters 1, 4 and 5 of "dead" react to nothing. */
static void heavy_network(tiny *t)
{
    float dead[6 * 64] = {0};
    for (size_t i = 0; i < 6 * 64; i++)
        dead[i] = i / 64 == 1 || i / 64 >= 4 ? 0.0f : tiny_value(9, 0.3f, i);
    tiny_begin(t, 1, 3, 20, 20);
    tiny_conv(t, "conv1", "x", 3, 32, 3, 1, 1, 0.4f);
    tiny_node(t, "Relu", "relu1", "conv1", "relu1");
    tiny_open(t, "MaxPool", "pool1", "relu1", "pool1");
    tiny_ints(t, "kernel_shape", (const int64_t[]){2, 2}, 2);
    tiny_ints(t, "strides", (const int64_t[]){2, 2}, 2);
    tiny_close(t);
    tiny_conv(t, "wide", "pool1", 32, 64, 3, 1, 2, 0.1f);
    tiny_conv(t, "narrow", "pool1", 32, 40, 1, 0, 3, 0.3f);
    tiny_open(t, "Concat", "both", "wide narrow", "both");
    tiny_int(t, "axis", 1);
    tiny_close(t);
    tiny_random(t, "scale", 4, 1.0f, 104, 0, 0, 0);
    tiny_random(t, "shift", 5, 0.3f, 104, 0, 0, 0);
    tiny_random(t, "mean", 6, 0.3f, 104, 0, 0, 0);
    float variance[104];
    for (size_t i = 0; i < 104; i++)
        variance[i] = 0.5f + 0.01f * (float)i;
    tiny_values(t, "variance", variance, 104, 0, 0, 0);
    tiny_node(t, "BatchNormalization", "norm", "both scale shift mean variance", "norm");
    tiny_random(t, "depth_w", 7, 0.5f, 104, 1, 3, 3);
    tiny_open(t, "Conv", "depth", "norm depth_w", "depth");
    tiny_ints(t, "kernel_shape", (const int64_t[]){3, 3}, 2);
    tiny_ints(t, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
    tiny_int(t, "group", 104);
    tiny_close(t);
    tiny_node(t, "Add", "sum", "depth both", "sum");
    tiny_conv(t, "conv2", "sum", 104, 64, 3, 1, 8, 0.1f);
    tiny_node(t, "Relu", "relu2", "conv2", "relu2");
    tiny_conv(t, "conv3", "relu2", 64, 64, 3, 1, 10, 0.1f);
    tiny_node(t, "LeakyRelu", "relu3", "conv3", "relu3");
    tiny_values(t, "dead_w", dead, 6, 64, 1, 1);
    tiny_node(t, "Conv", "dead_conv", "relu3 dead_w", "dead_conv");
    tiny_node(t, "Relu", "dead", "dead_conv", "dead");
    tiny_node(t, "GlobalAveragePool", "average", "relu3", "average");
    tiny_node(t, "Flatten", "flat", "average", "flat");
    tiny_dense(t, "dense", "flat", 64, 400, 11);
    tiny_node(t, "Relu", "relu4", "dense", "relu4");
    tiny_dense(t, "logits", "relu4", 400, 12, 12);
    tiny_node(t, "Softmax", "soft", "logits", "soft");
    tiny_output(t, "soft");
    tiny_output(t, "dead");
}

typedef struct network {
    tiny t;
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
} network;

static void open_heavy(network *n, const char *cpu, int32_t threads)
{
    n->recipe = tiny_recipe("preprocess", "unit", "steps", "6", "cpu", cpu, NULL);
    heavy_network(&n->t);
    n->model = tiny_load(&n->t, n->recipe);
    must(actmax_recipe_set_number(n->recipe, "threads", threads));
    must(actmax_session_new(n->model, n->recipe, &n->session));
}

static void close_network(network *n)
{
    actmax_session_free(n->session);
    actmax_model_free(n->model);
    actmax_recipe_free(n->recipe);
    tiny_free(&n->t);
}

/* ---- Each against alone ---- */

static void same_number(const actmax_result *a, const actmax_result *b, const char *name, const char *what)
{
    if (number(a, name) != number(b, name))
        fail_msg("%s: %s is %.9g together and %.9g alone", what, name, number(a, name), number(b, name));
}

static void same_result(const actmax_result *together, const actmax_result *alone, const char *what)
{
    static const char *const numbers[] = {
        "activation_start", "activation_end", "activation_saved", "activation_last", "steps", "status", "seed"};
    if (!same_picture(together, alone)) fail_msg("%s: another picture", what);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        same_number(together, alone, numbers[i], what);
    assert_string_equal(text_of(together, "target"), text_of(alone, "target"));
    assert_string_equal(text_of(together, "notes"), text_of(alone, "notes"));
}

static int32_t status_of(const actmax_result *result)
{
    return (int32_t)number(result, "status");
}

static void check_each(const network *n, const char *layer, const int32_t *filters, int32_t count)
{
    char what[100];
    actmax_result *together[MOST];
    int32_t at = layer_of(n->model, layer), worst = 0;
    int32_t status = actmax_session_maximize_each(n->session, at, filters, (size_t)count, n->recipe, together);
    must(status);
    for (int32_t i = 0; i < count; i++) {
        actmax_result *alone = NULL;
        must(actmax_session_maximize(n->session, at, &filters[i], 1, n->recipe, &alone));
        snprintf(what, sizeof what, "%s, filter %d", layer, (int)filters[i]);
        same_result(together[i], alone, what);
        if (status_of(alone) > worst) worst = status_of(alone);
        actmax_result_free(alone);
        actmax_result_free(together[i]);
    }
    assert_int_equal(status, worst);
}

static const int32_t some_filters[9] = {5, 0, 9, 3, 5, 11, 2, 7, 1};

/* How many pictures of the layer's first filter go side by side, and whether in one plan. */
static int32_t side_by_side(const network *n, const char *layer, int32_t pictures, bool *together)
{
    static const int32_t filter = 0;
    int32_t size = 0, value;
    axm_maximize_settings settings = {0};
    axm_extent most = {20, 20, 3};
    must(axm_model_layer_value(n->model, layer_of(n->model, layer), &value));
    axm_maximize_target target = {.value = value, .channel_axis = 1, .filters = &filter, .filter_count = 1, .wanted = &filter};
    target.wanted_count = 1;
    must(axm_batch_size(&n->session->runner, &n->model->input, &target, &settings, most, pictures, &size, together));
    return size;
}

static void in_one_plan(void **state)
{
    static const char *const layers[] = {"both", "norm", "conv2", "relu2", "conv3", "relu3", "dense", "relu4", "logits", "soft"};
    static const char *const cpus[] = {"c", "avx2", "avx512", "neon"};
    (void)state;
    for (size_t k = 0; k < sizeof cpus / sizeof *cpus; k++) {
        const axm_kernels *kernels = axm_kernels_find(cpus[k]);
        if (!kernels) continue;
        network n;
        bool together = false;
        open_heavy(&n, cpus[k], 1 + (int32_t)k % 3);
        assert_int_equal(side_by_side(&n, "logits", 16, &together), 8);
        assert_true(together);
        assert_int_equal(side_by_side(&n, "logits", 9, &together), 5);
        for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
            check_each(&n, layers[i], some_filters, 9);
        close_network(&n);
    }
}

static void in_turns(void **state)
{
    static const char *const layers[] = {"conv1", "relu1", "pool1", "relu2", "relu3", "average", "logits"};
    (void)state;
    network n = {.recipe = tiny_recipe("preprocess", "unit", "steps", "5", NULL)};
    n.model = fashion_model(n.recipe);
    n.session = tiny_session(n.model, 2);
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++)
        check_each(&n, layers[k], some_filters, 5);
    bool together = true;
    assert_int_equal(side_by_side(&n, "conv1", 16, &together), 8);
    assert_false(together);
    actmax_result *none[2] = {NULL, NULL};
    const int32_t wrong[2] = {1, 16};
    refused(actmax_session_maximize_each(n.session, layer_of(n.model, "conv1"), wrong, 2, n.recipe, none), ACTMAX_ERROR_NOT_FOUND,
            "no filter 16: layer 'conv1' has 16 (0 to 15)");
    assert_true(!none[0] && !none[1]);
    actmax_session_free(n.session);
    actmax_model_free(n.model);
    actmax_recipe_free(n.recipe);
}

/* ---- On a sheet ---- */

/* The picture of `filter` made by a call of its own, at a place of a sheet without margins. */
static void check_place(const network *n, int32_t layer, const actmax_result *sheet, int32_t place, int32_t filter)
{
    actmax_result *alone = NULL;
    must(actmax_session_maximize(n->session, layer, &filter, 1, n->recipe, &alone));
    const actmax_image *image = image_of(sheet, "sheet"), *own = image_of(alone, "image");
    const size_t side = (size_t)actmax_image_width(own) * 3, across = (size_t)number(sheet, "columns");
    const size_t row = (size_t)place / across, column = (size_t)place % across;
    for (size_t y = 0; y < side / 3; y++)
        assert_memory_equal(actmax_image_pixels(image) + (row * side / 3 + y) * side * across + column * side,
                            actmax_image_pixels(own) + y * side, side);
    assert_true((float)number(alone, "activation_last") ==
                array_of(sheet, "activations", across * (size_t)number(sheet, "rows"))[place]);
    actmax_result_free(alone);
}

/* Nine filters whose pictures share plans, sorted and as they come, some of them dead: each picture is the one of its own call, and
 * no more filters are looked at than the sheet needs. */
static void on_a_sheet(void **state)
{
    static const int32_t filters[9] = {4, 0, 1, 2, 5, 3, 0, 2, 3}, some[4] = {0, 2, 3, 0};
    static const struct {
        const char *sort, *scales;
        double scanned, dropped;
        const int32_t *order; /* NULL: by activation */
    } cases[] = {{"0", "1", 7.0, 3.0, some}, {"0", "2", 7.0, 3.0, some}, {"1", "1", 9.0, 3.0, NULL}};
    (void)state;
    network n;
    open_heavy(&n, "auto", 2);
    set_option(n.recipe, "steps", "9");
    set_option(n.recipe, "sheet", "2");
    set_option(n.recipe, "sheet_margin", "0");
    int32_t at = layer_of(n.model, "dead");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        actmax_result *sheet = NULL;
        set_option(n.recipe, "sheet_sort", cases[k].sort);
        set_option(n.recipe, "scales", cases[k].scales);
        must(actmax_session_maximize_sheet(n.session, at, filters, 9, n.recipe, &sheet));
        const float *shown = array_of(sheet, "filters", 4), *activations = array_of(sheet, "activations", 4);
        assert_true(number(sheet, "scanned") == cases[k].scanned && number(sheet, "dropped") == cases[k].dropped);
        for (int32_t i = 0; i < 4; i++) {
            if (cases[k].order)
                assert_int_equal((int32_t)shown[i], cases[k].order[i]);
            else
                assert_true(i == 0 || activations[i] <= activations[i - 1]);
            check_place(&n, at, sheet, i, (int32_t)shown[i]);
        }
        actmax_result_free(sheet);
    }
    close_network(&n);
}

/* ---- Options ---- */

static void with_options(void **state)
{
    static const struct {
        const char *option, *value;
    } changes[] = {{"scales", "3"},          {"parameters", "pixel"},   {"jitter_mode", "kept"},
                   {"keep", "best"},         {"lp_norm", "0.1"},        {"total_variation", "0.01"},
                   {"optimizer", "rmsprop"}, {"start", "standardised"}, {"gradient_of", "total"},
                   {"border", "1"},          {"blur", "0.6"},           {"penalties", "exact"},
                   {"units", "network"},     {"last_scale", "0"}};
    (void)state;
    network n;
    open_heavy(&n, "auto", 2);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        set_option(n.recipe, changes[i].option, changes[i].value);
        check_each(&n, "relu3", some_filters, 4);
    }
    close_network(&n);
}

/* ---- Pictures that end before others ---- */

static void dead_and_dropped(void **state)
{
    static const int32_t filters[6] = {0, 1, 2, 3, 4, 5}, all_dead[2] = {4, 1};
    (void)state;
    network n;
    actmax_result *results[6];
    open_heavy(&n, "auto", 1);
    set_option(n.recipe, "steps", "9");
    int32_t at = layer_of(n.model, "dead");
    must(actmax_session_maximize_each(n.session, at, filters, 6, n.recipe, results));
    for (int32_t i = 0; i < 6; i++) {
        bool dead = i == 1 || i >= 4;
        assert_true((status_of(results[i]) == ACTMAX_NOTE_DEAD_TARGET) == dead);
        assert_true(number(results[i], "steps") == (dead ? 5.0 : 9.0));
        actmax_result_free(results[i]);
    }
    check_each(&n, "dead", filters, 6);
    check_each(&n, "dead", all_dead, 2);
    set_option(n.recipe, "scales", "2");
    check_each(&n, "dead", filters, 6);
    set_option(n.recipe, "dead_tries", "0");
    set_option(n.recipe, "drop_below", "0.3");
    for (int32_t scales = 1; scales < 3; scales++) {
        actmax_result *nine[9];
        int32_t dropped = 0;
        must(actmax_recipe_set_number(n.recipe, "scales", scales));
        must(actmax_session_maximize_each(n.session, layer_of(n.model, "relu4"), some_filters, 9, n.recipe, nine));
        for (int32_t i = 0; i < 9; i++) {
            dropped += status_of(nine[i]) == ACTMAX_NOTE_DEAD_TARGET;
            actmax_result_free(nine[i]);
        }
        assert_true(dropped > 0 && dropped < 9);
        check_each(&n, "relu4", some_filters, 9);
    }
    close_network(&n);
}

/* ---- The callback ---- */

typedef struct watch {
    int calls, stop_at;
    double done;
    int32_t pictures[256], steps[256];
} watch;

static int32_t look(void *user, const actmax_progress *progress)
{
    watch *w = user;
    assert_true(w->calls < 256);
    w->pictures[w->calls] = (int32_t)progress_of(progress, "picture");
    w->steps[w->calls++] = (int32_t)progress_of(progress, "step");
    double done = progress_of(progress, "done");
    assert_true(done >= w->done && done <= 1.0);
    w->done = done;
    assert_true(progress_of(progress, "pictures") == 9.0 && progress_of(progress, "seconds") >= 0.0);
    return w->calls == w->stop_at ? 1 : 0;
}

/* Nine pictures, five and four side by side: after each step the callback sees them one after the other. */
static void order_of_callbacks(void **state)
{
    (void)state;
    network n;
    open_heavy(&n, "auto", 2);
    for (int32_t limited = 0; limited < 2; limited++) {
        watch w = {0};
        actmax_result *results[9];
        must(actmax_recipe_set_callback(n.recipe, look, &w));
        if (limited) set_option(n.recipe, "time_limit", "1000"); /* of each picture: they are made one by one */
        must(actmax_session_maximize_each(n.session, layer_of(n.model, "relu3"), some_filters, 9, n.recipe, results));
        assert_int_equal(w.calls, 54);
        assert_true(w.done == 1.0);
        for (int32_t i = 0; i < 54; i++) {
            int32_t first = i < 30 ? 0 : 5, size = i < 30 ? 5 : 4, within = i < 30 ? i : i - 30;
            assert_int_equal(w.pictures[i], limited ? i / 6 + 1 : first + within % size + 1);
            assert_int_equal(w.steps[i], limited ? i % 6 + 1 : within / size + 1);
        }
        for (int32_t i = 0; i < 9; i++)
            actmax_result_free(results[i]);
    }
    close_network(&n);
}

/* Whoever is side by side is stopped at the same step; what comes after has one. */
static void stopped(void **state)
{
    static const struct {
        int stop_at, first, second; /* steps of the first five and of the last four */
    } cases[] = {{1, 1, 1}, {12, 3, 1}, {30, 6, 1}, {31, 6, 1}, {36, 6, 2}, {54, 6, 6}};
    (void)state;
    network n;
    open_heavy(&n, "auto", 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        watch w = {.stop_at = cases[k].stop_at};
        actmax_result *results[9];
        must(actmax_recipe_set_callback(n.recipe, look, &w));
        int32_t status = actmax_session_maximize_each(n.session, layer_of(n.model, "relu3"), some_filters, 9, n.recipe, results);
        assert_int_equal(status, ACTMAX_NOTE_STOPPED);
        assert_non_null(strstr(actmax_message(), "stopped by the caller"));
        for (int32_t i = 0; i < 9; i++) {
            assert_true(number(results[i], "steps") == (double)(i < 5 ? cases[k].first : cases[k].second));
            bool is_stopped = i < 5 ? cases[k].stop_at <= 30 : cases[k].stop_at > 30;
            assert_true((status_of(results[i]) == ACTMAX_NOTE_STOPPED) == is_stopped);
            actmax_result_free(results[i]);
        }
    }
    close_network(&n);
}

/* A stop while dead ones wait for another seed is a stop for them too. */
static void stopped_with_dead(void **state)
{
    static const int32_t filters[9] = {0, 1, 2, 3, 4, 0, 2, 3, 0};
    (void)state;
    network n;
    actmax_result *results[9];
    open_heavy(&n, "auto", 1);
    set_option(n.recipe, "steps", "9");
    watch w = {.stop_at = 5 * 4 + 3 * 2 + 1};
    must(actmax_recipe_set_callback(n.recipe, look, &w));
    assert_int_equal(actmax_session_maximize_each(n.session, layer_of(n.model, "dead"), filters, 9, n.recipe, results),
                     ACTMAX_NOTE_STOPPED);
    for (int32_t i = 0; i < 5; i++)
        assert_int_equal(status_of(results[i]), ACTMAX_NOTE_STOPPED);
    assert_true(number(results[0], "steps") == 7.0 && number(results[1], "steps") == 5.0 && number(results[5], "steps") == 1.0);
    for (int32_t i = 0; i < 9; i++)
        actmax_result_free(results[i]);
    close_network(&n);
}

/* ---- Failure ---- */

/* Weights that overflow: the call fails as it does for one picture, and names the layer. */
static void not_finite(void **state)
{
    static const int32_t filters[3] = {0, 1, 2};
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "3", NULL);
    actmax_result *results[3] = {NULL};
    tiny_begin(&t, 1, 3, 8, 8);
    tiny_conv(&t, "conv1", "x", 3, 64, 3, 1, 1, 1e30f);
    tiny_conv(&t, "conv2", "conv1", 64, 64, 3, 1, 2, 1e30f);
    tiny_output(&t, "conv2");
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    refused(actmax_session_maximize_each(session, layer_of(model, "conv2"), filters, 3, recipe, results), ACTMAX_ERROR_NUMERIC,
            "in layer conv2");
    assert_true(!results[0] && !results[1] && !results[2]);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_one_plan),       cmocka_unit_test(in_turns),           cmocka_unit_test(with_options),
        cmocka_unit_test(dead_and_dropped),  cmocka_unit_test(order_of_callbacks), cmocka_unit_test(stopped),
        cmocka_unit_test(stopped_with_dead), cmocka_unit_test(not_finite),         cmocka_unit_test(on_a_sheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
