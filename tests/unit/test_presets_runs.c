/* Presets against the published code (presets/TOOL.txt, by make_preset_runs.py): update rules on recorded gradients, pictures after
 * 1, 5 and 20 steps, a network with ReLUs, and the default sizes. */
#include <actmax.h>
#include <math.h>

#include "api/maximize_call.h"
#include "golden_lines.h"
#include "tiny.h"
#include "visualize/picture.h"

/* A start image is low + (high - low) * u in the network's units, u from a hash; fastai's is of whole levels. */
typedef struct tool {
    const char *preset, *file;
    double low, high;
    double range; /* of the network's input: what 1e-3 is of */
    int32_t filter;
} tool;

static const tool tools[] = {
    {"keras-vis", "presets/keras-vis.txt", 90.0, 160.0, 255.0, 2},
    {"keras-2016", "presets/keras-2016.txt", 118.0, 138.0, 255.0, 1},
    {"keras-2019", "presets/keras-2019.txt", 118.0, 138.0, 255.0, 1},
    {"keras-io", "presets/keras-io.txt", -0.125, 0.125, 2.0, 1},
    {"fastai", "presets/fastai.txt", 150.0, 180.0, 1.0 / 0.225, 1},
};
#define KERAS_VIS  (&tools[0])
#define KERAS_2016 (&tools[1])
#define KERAS_2019 (&tools[2])
#define KERAS_IO   (&tools[3])
#define FASTAI     (&tools[4])

static uint32_t hash(uint32_t i)
{
    uint32_t x = i * 2654435761u;
    x ^= x >> 15;
    x *= 2246822519u;
    return x ^ x >> 13;
}

/* The start images of make_preset_runs.py. */
static float *start_of(const tool *t, int side)
{
    static const double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
    size_t count = (size_t)side * (size_t)side * 3;
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++) {
        double u = (double)hash((uint32_t)i + 1) / 4294967296.0, v = t->low + (t->high - t->low) * u;
        x[i] = (float)(t == FASTAI ? (floor(v) / 255.0 - mean[i % 3]) / deviation[i % 3] : v);
    }
    return x;
}

static void near_line(const tool *t, const char *line, const float *values, size_t count, double tolerance)
{
    float *expected = golden_line(t->file, line, count);
    near_all(line, values, expected, count, tolerance);
    free(expected);
}

/* ---- Update rules on recorded gradients ---- */

#define UPDATES 5

/* The preset's settings, a start image, and at each step the original's gradient of the target in the place of the network's. */
static void check_updates(const tool *t, int side)
{
    actmax_recipe *recipe = tiny_recipe("preset", t->preset, NULL);
    actmax_model *model = golden_model("presets.h5", recipe);
    actmax_session *session = tiny_session(model, 1);
    axm_maximize_settings settings;
    axm_extent extent = {side, side, 3};
    size_t values = axm_extent_values(extent);
    float *start = start_of(t, side), *gradients = golden_line(t->file, "updates_gradient", UPDATES * values),
          *images = golden_line(t->file, "updates_image", UPDATES * values);
    axm_picture p = {.settings = &settings, .input = &session->model->input, .extent = extent};
    must(axm_maximize_read(session, recipe, &settings));
    settings.start_x = start;
    settings.start_height = settings.start_width = side;
    must(axm_picture_allocate(&p, session->allocator, extent));
    must(axm_picture_take(&p, session->allocator));
    p.parameters.exec = (axm_exec){.kernels = session->runner.kernels, .pool = session->runner.pool};
    axm_picture_begin(&p);
    for (int64_t step = 1; step <= UPDATES; step++) {
        axm_picture_look(&p, step);
        memcpy(p.front, gradients + (size_t)(step - 1) * values, values * sizeof *gradients);
        axm_picture_pull(&p, 0.0);
        p.scale_step = step;
        axm_picture_update(&p);
        near_all(t->preset, p.parameters.values, images + (size_t)(step - 1) * values, values, 1e-5 * t->range);
    }
    axm_picture_release(&p, session->allocator);
    free(start);
    free(gradients);
    free(images);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

static void updates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        check_updates(&tools[i], &tools[i] == KERAS_IO ? 16 : 8);
}

/* ---- Whole runs ---- */

/* Pictures before each step's update, and the losses; of the steps asked for. */
typedef struct record {
    const int *steps; /* counted from 1 over all scales; 0 ends */
    int count, at;
    float *images[4];
    double losses[4], activations[4];
} record;

static int32_t follow(void *user, const actmax_progress *progress)
{
    record *r = user;
    int32_t width, height, channels;
    const float *image = actmax_progress_image(progress, &width, &height, &channels);
    size_t size = (size_t)width * (size_t)height * (size_t)channels * sizeof *image;
    if (++r->at != r->steps[r->count]) return 0;
    assert_non_null(r->images[r->count] = malloc(size));
    memcpy(r->images[r->count], image, size);
    must(actmax_progress_number(progress, "loss", &r->losses[r->count]));
    must(actmax_progress_number(progress, "activation", &r->activations[r->count]));
    r->count++;
    return 0;
}

static void forget(record *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->images[i]);
    r->count = r->at = 0;
}

typedef struct setting {
    const char *option, *value;
} setting;

/* A run of the tool's filter from its start image of that side; further settings end with {NULL, NULL}. */
static actmax_result *run(const tool *t, const char *network, int side, const setting *settings, record *r)
{
    actmax_recipe *recipe = tiny_recipe("preset", t->preset, NULL);
    actmax_image *image;
    actmax_result *result;
    float *x = start_of(t, side);
    for (; settings->option; settings++)
        set_option(recipe, settings->option, settings->value);
    must(actmax_image_new_float(side, side, 3, x, &image));
    must(actmax_recipe_set_start(recipe, image));
    if (r) must(actmax_recipe_set_callback(recipe, follow, r));
    actmax_model *model = golden_model(network, recipe);
    actmax_session *session = tiny_session(model, 1);
    must(actmax_session_maximize(session, layer_of(model, "conv2"), &t->filter, 1, recipe, &result));
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_image_free(image);
    actmax_recipe_free(recipe);
    free(x);
    return result;
}

static void keras_vis_modifiers(void **state)
{
    (void)state;
    static const char *const modifiers[] = {"negate", "absolute", "invert", "small_values"};
    for (int i = 0; i < 4; i++) {
        char line[64];
        record r = {.steps = (const int[]){1, 2, 0}};
        const setting settings[] = {{"size", "8"}, {"steps", "2"}, {"gradient_modifier", modifiers[i]}, {NULL, NULL}};
        actmax_result_free(run(KERAS_VIS, "presets.h5", 8, settings, &r));
        snprintf(line, sizeof line, "modifier_%s", modifiers[i]);
        near_line(KERAS_VIS, line, r.images[1], 192, 0.255);
        forget(&r);
    }
}

/* LPNorm(p=inf) with a weight that matters, and TotalVariation(beta=1.5): the picture after five steps, and six losses. */
static void keras_vis_infinity(void **state)
{
    (void)state;
    record r = {.steps = (const int[]){1, 2, 5, 6, 0}};
    const setting settings[] = {
        {"size", "8"},       {"steps", "6"}, {"lp_norm", "1e4"}, {"lp_infinity", "signed"}, {"total_variation", "3"},
        {"tv_power", "1.5"}, {NULL, NULL}};
    actmax_result_free(run(KERAS_VIS, "presets.h5", 8, settings, &r));
    float *losses = golden_line(KERAS_VIS->file, "infinity_losses", 6);
    near_line(KERAS_VIS, "infinity", r.images[3], 192, 0.255);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(r.losses[i] / (double)losses[r.steps[i] - 1] - 1.0) <= 1e-4);
    free(losses);
    forget(&r);
}

/* At the first of four sizes to 1e-3 of the range; at the last, which went through 8 bits, to a level more. */
static void keras_2019_steps(void **state)
{
    (void)state;
    static const char *const words[] = {"1", "5", "20"};
    char line[64];
    record r = {.steps = (const int[]){2, 6, 21, 0}};
    const setting many[] = {{"size", "16"}, {"scales", "5"}, {"steps", "21"}, {NULL, NULL}};
    actmax_result_free(run(KERAS_2019, "presets.h5", 7, many, &r));
    for (int i = 0; i < 3; i++) {
        const setting settings[] = {{"size", "16"}, {"scales", "5"}, {"steps", words[i]}, {NULL, NULL}};
        snprintf(line, sizeof line, "first_%s", words[i]);
        near_line(KERAS_2019, line, r.images[i], 147, 0.255);
        actmax_result *result = run(KERAS_2019, "presets.h5", 7, settings, NULL);
        snprintf(line, sizeof line, "steps_%s", words[i]);
        near_line(KERAS_2019, line, array_of(result, "image", 768), 768, 1.0 / 255.0 + 1e-3);
        actmax_result_free(result);
    }
    forget(&r);
}

/* 16, 19 and 22 pixels with a box blur between them. */
static void fastai_steps(void **state)
{
    (void)state;
    static const char *const words[] = {"1", "5", "20"};
    for (int i = 0; i < 3; i++) {
        char line[64];
        const setting settings[] = {{"start_size", "16"}, {"scales", "3"}, {"scale_box", "3"}, {"steps", words[i]}, {NULL, NULL}};
        actmax_result *result = run(FASTAI, "presets.h5", 16, settings, NULL);
        snprintf(line, sizeof line, "steps_%s", words[i]);
        near_line(FASTAI, line, array_of(result, "image", 1452), 1452, 1e-3 * FASTAI->range);
        actmax_result_free(result);
    }
}

/* Where ReLUs decide, rounding may send a step another way: the activation to 2 %. */
static void with_relus(void **state)
{
    (void)state;
    static const struct {
        int tool, side;
        setting settings[4];
    } cases[] = {{0, 16, {{"size", "16"}, {"steps", "21"}}},
                 {1, 16, {{"size", "16"}}},
                 {2, 7, {{"size", "16"}, {"scales", "5"}}},
                 {3, 16, {{"size", "16"}, {"steps", "20"}, {"display_crop", "2"}}},
                 {4, 16, {{"start_size", "16"}, {"scales", "3"}}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tool t = tools[cases[i].tool];
        t.filter = 1;
        float *x = golden_line(t.file, "relu", 1);
        actmax_result *result = run(cases[i].tool == 4 ? FASTAI : &t, "presets_relu.h5", cases[i].side, cases[i].settings, NULL);
        double ratio = number(result, "activation_last") / (double)*x;
        if (!(fabs(ratio - 1.0) <= 0.02)) fail_msg("%s: %g times the original's activation", t.preset, ratio);
        actmax_result_free(result);
        free(x);
    }
}

/* ---- Default sizes ---- */

/* About 16 x 16 pixels of a picture of that side. */
static size_t sample(const float *image, int side, float *out)
{
    size_t count = 0;
    int step = (side + 15) / 16;
    for (int y = 0; y < side; y += step)
        for (int x = 0; x < side; x += step, count += 3)
            memcpy(out + count, image + ((size_t)y * (size_t)side + (size_t)x) * 3, 3 * sizeof *out);
    return count;
}

static void near_sampled(const tool *t, const char *line, const float *image, int side, double tolerance)
{
    float some[3 * 16 * 16];
    size_t count = sample(image, side, some);
    near_line(t, line, some, count, tolerance);
}

/* The picture that is saved, to a number of levels. */
static void near_shown(const tool *t, const char *line, const actmax_result *result, int side, double levels)
{
    const actmax_image *image = image_of(result, "image");
    size_t count = (size_t)side * (size_t)side * 3;
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    assert_true(actmax_image_width(image) == side && actmax_image_height(image) == side);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)actmax_image_pixels(image)[i];
    near_sampled(t, line, x, side, levels);
    free(x);
}

static void check_activation(const tool *t, const actmax_result *result, double tolerance)
{
    float *x = golden_line(t->file, "full_activation", 1);
    double ratio = number(result, "activation_last") / (double)*x;
    if (!(fabs(ratio - 1.0) <= tolerance)) fail_msg("%s: %g times the original's activation", t->preset, ratio);
    free(x);
}

/* 200 steps at 224 x 224. From about the 15th on, where differences of pixels all but vanish, the original itself makes 5 levels of
 * 1e-5 in its start image in 8 % of the pixels: after that the loss to 1 % and the activation to 2 %. */
static void full_keras_vis(void **state)
{
    (void)state;
    record r = {.steps = (const int[]){2, 6, 11, 21, 0}};
    const setting settings[] = {{"size", "224"}, {NULL, NULL}};
    actmax_result *result = run(KERAS_VIS, "presets.h5", 224, settings, &r);
    float *losses = golden_line(KERAS_VIS->file, "full_losses", 4);
    for (int i = 0; i < 4; i++) {
        double ratio = r.losses[i] / (double)losses[i];
        if (!(fabs(ratio - 1.0) <= (i < 3 ? 1e-4 : 1e-2))) fail_msg("step %d: %g times the loss", r.steps[i], ratio);
    }
    near_sampled(KERAS_VIS, "full_10", r.images[2], 224, 0.255);
    check_activation(KERAS_VIS, result, 0.02);
    free(losses);
    forget(&r);
    actmax_result_free(result);
}

static void full_keras(void **state)
{
    (void)state;
    const setting none[] = {{NULL, NULL}};
    actmax_result *result = run(KERAS_2016, "presets.h5", 128, none, NULL);
    near_sampled(KERAS_2016, "full", array_of(result, "image", 128 * 128 * 3), 128, 0.255);
    near_shown(KERAS_2016, "full_shown", result, 128, 1.0);
    check_activation(KERAS_2016, result, 1e-4);
    actmax_result_free(result);
    result = run(KERAS_IO, "presets.h5", 180, none, NULL);
    near_sampled(KERAS_IO, "full", array_of(result, "image", 180 * 180 * 3), 180, 2e-3);
    near_shown(KERAS_IO, "full_shown", result, 130, 1.0);
    check_activation(KERAS_IO, result, 1e-4);
    actmax_result_free(result);
}

static void full_keras_2019(void **state)
{
    (void)state;
    const setting none[] = {{NULL, NULL}};
    record r = {.steps = (const int[]){15, 0}};
    actmax_result *result = run(KERAS_2019, "presets.h5", 79, none, &r);
    near_sampled(KERAS_2019, "full_first", r.images[0], 79, 0.255);
    near_sampled(KERAS_2019, "full", array_of(result, "image", 412 * 412 * 3), 412, 1.0 / 255.0 + 1e-3);
    near_shown(KERAS_2019, "full_shown", result, 412, 2.0);
    check_activation(KERAS_2019, result, 1e-3);
    actmax_result_free(result);
    forget(&r);
}

/* Twelve sizes of 20 steps. Where a gradient all but vanishes Adam divides it by its own size: of 1e-6 in its start image the
 * original itself makes up to 5e-3 of the range, and more than 1e-3 in 1 % of the pixels. */
static void full_fastai(void **state)
{
    (void)state;
    const setting none[] = {{NULL, NULL}};
    actmax_result *result = run(FASTAI, "presets.h5", 56, none, NULL);
    float some[3 * 16 * 16], *expected = golden_line(FASTAI->file, "full", 768);
    assert_int_equal(sample(array_of(result, "image", 408 * 408 * 3), 408, some), 768);
    int far = 0;
    for (int i = 0; i < 768; i++)
        far += fabs((double)some[i] - (double)expected[i]) > 1e-3 * FASTAI->range;
    near_all("full", some, expected, 768, 1e-2 * FASTAI->range);
    assert_in_range(far, 0, 768 / 50);
    near_shown(FASTAI, "full_shown", result, 408, 2.0);
    check_activation(FASTAI, result, 1e-4);
    actmax_result_free(result);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates),          cmocka_unit_test(keras_vis_modifiers), cmocka_unit_test(keras_vis_infinity),
        cmocka_unit_test(keras_2019_steps), cmocka_unit_test(fastai_steps),        cmocka_unit_test(with_relus),
        cmocka_unit_test(full_keras_vis),   cmocka_unit_test(full_keras),          cmocka_unit_test(full_keras_2019),
        cmocka_unit_test(full_fastai),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
