/* Presets against the published code of the tools (presets.txt, by make_preset_goldens.py). */
#include <actmax.h>
#include <math.h>

#include "golden_lines.h"
#include "image/image.h"
#include "modifiers/modifier.h"
#include "optimizers/optimizer.h"
#include "tiny.h"

#define SIDE   16
#define VALUES (SIDE * SIDE * 3)

static actmax_recipe *recipe_of(const char *preset, const char *file, const char *start, int side)
{
    actmax_recipe *recipe;
    actmax_image *image;
    must(actmax_recipe_new(&recipe));
    set_option(recipe, "preset", preset);
    float *x = golden_line(file, start, (size_t)side * (size_t)side * 3);
    must(actmax_image_new_float(side, side, 3, x, &image));
    must(actmax_recipe_set_start(recipe, image));
    actmax_image_free(image);
    free(x);
    return recipe;
}

static actmax_result *run(actmax_recipe *recipe, int32_t filter)
{
    actmax_model *model = golden_model("presets.h5", recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result;
    must(actmax_session_maximize(session, layer_of(model, "conv2"), &filter, 1, recipe, &result));
    actmax_session_free(session);
    actmax_model_free(model);
    return result;
}

static void near_line(const char *line, const float *values, size_t count, double tolerance)
{
    float *expected = golden_line("presets.txt", line, count);
    near_all(line, values, expected, count, tolerance);
    free(expected);
}

/* ---- keras-vis ---- */

typedef struct path {
    float images[21][VALUES];
    double losses[21];
    int count;
} path;

static int32_t follow(void *user, const actmax_progress *progress)
{
    path *p = user;
    int32_t width, height, channels;
    const float *image = actmax_progress_image(progress, &width, &height, &channels);
    assert_true(width == SIDE && height == SIDE && channels == 3 && p->count < 21);
    memcpy(p->images[p->count], image, sizeof p->images[0]);
    must(actmax_progress_number(progress, "loss", &p->losses[p->count]));
    p->count++;
    return 0;
}

/* Pictures after 1, 5 and 20 steps to 1e-3 of the range, losses to 1e-4, the picture shown to a level. */
static void check_keras_vis(const char *name, const char *modifier, int last, double loss_tolerance)
{
    path *p = calloc(1, sizeof *p);
    char line[64];
    assert_non_null(p);
    actmax_recipe *recipe = recipe_of("keras-vis", "presets.txt", "start_0_255", SIDE);
    set_option(recipe, "steps", "21");
    set_option(recipe, "gradient_modifier", modifier);
    must(actmax_recipe_set_callback(recipe, follow, p));
    actmax_result *result = run(recipe, 2);
    assert_int_equal(p->count, 21);
    for (const int *step = (const int[]){1, 5, 20, 0}; *step && *step <= last; step++) {
        snprintf(line, sizeof line, "%s_%d", name, *step);
        near_line(line, p->images[*step], VALUES, 0.255);
    }
    snprintf(line, sizeof line, "%s_losses", name);
    float *losses = golden_line("presets.txt", line, 21);
    for (int i = 0; i < 21; i++)
        assert_true(fabs(p->losses[i] - (double)losses[i]) <= loss_tolerance * fabs((double)losses[i]));
    snprintf(line, sizeof line, "%s_shown", name);
    float *shown = golden_line("presets.txt", line, VALUES);
    for (int i = 0; i < VALUES && last == 20; i++)
        assert_true(fabs((double)actmax_image_pixels(image_of(result, "image"))[i] - floor((double)shown[i])) <= 1.0);
    free(losses);
    free(shown);
    actmax_result_free(result);
    actmax_recipe_free(recipe);
    free(p);
}

static void keras_vis(void **state)
{
    (void)state;
    check_keras_vis("keras_vis", "none", 20, 1e-4);
    /* With this modifier the original itself amplifies 1e-4 in its start image to 3 after 20 steps: the loss to 2 % then. */
    check_keras_vis("keras_vis_relu", "relu", 5, 0.02);
}

/* keras-vis's own RMSprop step of its recorded gradients, for a corner of 4 x 4 pixels. */
static void keras_vis_updates(void **state)
{
    (void)state;
    const axm_optimizer *rmsprop = axm_optimizer_find("rmsprop");
    float *start = golden_line("presets.txt", "start_0_255", VALUES), *first = golden_line("presets.txt", "keras_vis_1", VALUES),
          *fifth = golden_line("presets.txt", "keras_vis_5", VALUES),
          *gradients = golden_line("presets.txt", "keras_vis_gradients", 240);
    axm_optimizer_settings settings = {.learning_rate = 1.0, .decay = 0.95, .epsilon = 1e-7};
    float x[48], memory[96] = {0}, wanted[48];
    for (int y = 0; y < 4; y++)
        memcpy(x + 12 * y, start + SIDE * 3 * y, 12 * sizeof *x);
    for (int64_t step = 1; step <= 5; step++) {
        rmsprop->update(&settings, step, 48, gradients + 48 * (step - 1), memory, x);
        const float *whole = step == 1 ? first : fifth;
        for (int y = 0; y < 4; y++)
            memcpy(wanted + 12 * y, whole + SIDE * 3 * y, 12 * sizeof *x);
        if (step == 1 || step == 5) near_all("step", x, wanted, 48, 1e-5 * 255.0);
    }
    free(start);
    free(first);
    free(fifth);
    free(gradients);
}

/* The shifts that stay: SciPy's own, one after the other. */
static void keras_vis_jitter(void **state)
{
    (void)state;
    static const double offsets[5][2] = {{3, -2}, {-5, 1}, {0, 4}, {-1, -1}, {2, 5}};
    const axm_modifier *jitter = axm_modifier_find("jitter");
    axm_extent extent = {SIDE, SIDE, 3};
    float *x = golden_line("presets.txt", "start_0_255", VALUES), y[VALUES];
    for (int i = 0; i < 5; i++) {
        double plan[8] = {offsets[i][0], offsets[i][1], 2.0};
        jitter->forward(plan, extent, x, y);
        memcpy(x, y, sizeof y);
        if (i == 0) near_line("jitter_0", x, VALUES, 1e-4);
    }
    near_line("jitter_4", x, VALUES, 1e-4);
    free(x);
}

static void keras_vis_maps(void **state)
{
    (void)state;
    static const char *const modifiers[] = {"absolute", "relu", "negate", "small_values"};
    actmax_recipe *recipe = recipe_of("keras-vis", "presets.txt", "photo", SIDE);
    actmax_model *model = golden_model("presets.h5", recipe);
    actmax_session *session = tiny_session(model, 1);
    float *photo = golden_line("presets.txt", "photo", VALUES);
    actmax_image *image;
    actmax_result *result;
    char line[64];
    must(actmax_image_new_float(SIDE, SIDE, 3, photo, &image));
    must(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 1, ACTMAX_LAYER_AUTO, recipe, &result));
    near_line("cam", array_of(result, "map", SIDE * SIDE), SIDE * SIDE, 1e-4);
    actmax_result_free(result);
    set_option(recipe, "map_modifier", "negate");
    must(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 1, ACTMAX_LAYER_AUTO, recipe, &result));
    near_line("cam_negate", array_of(result, "map", SIDE * SIDE), SIDE * SIDE, 1e-4);
    actmax_result_free(result);
    for (int k = 0; k < 4; k++) {
        set_option(recipe, "map_modifier", modifiers[k]);
        snprintf(line, sizeof line, "saliency_%s", modifiers[k]);
        must(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &result));
        near_line(line, array_of(result, "map", SIDE * SIDE), SIDE * SIDE, k == 3 ? 1e-3 : 1e-4);
        actmax_result_free(result);
    }
    actmax_image_free(image);
    free(photo);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

/* ---- Keras's examples ---- */

static void keras_2016(void **state)
{
    (void)state;
    for (const char *const *steps = (const char *const[]){"1", "5", "20", NULL}; *steps; steps++) {
        char line[64];
        actmax_recipe *recipe = recipe_of("keras-2016", "presets.txt", "keras_2016_start", SIDE);
        set_option(recipe, "size", "16");
        set_option(recipe, "steps", *steps);
        actmax_result *result = run(recipe, 1);
        snprintf(line, sizeof line, "keras_2016_%s", *steps);
        near_line(line, array_of(result, "image", VALUES), VALUES, 0.255);
        actmax_result_free(result);
        actmax_recipe_free(recipe);
    }
}

/* The picture that is saved, of the filter with the highest loss: to a level. */
static void keras_2016_shown(void **state)
{
    (void)state;
    actmax_recipe *recipe = recipe_of("keras-2016", "presets.txt", "keras_2016_start", SIDE);
    set_option(recipe, "size", "16");
    float *shown = golden_line("presets.txt", "keras_2016_shown", VALUES),
          *losses = golden_line("presets.txt", "keras_2016_losses", 4);
    int found = 0;
    for (int filter = 0; filter < 6; filter++) {
        actmax_result *result = run(recipe, filter);
        bool best = fabs(number(result, "activation_last") - (double)losses[0]) < 1e-4;
        for (int i = 0; best && i < VALUES; i++)
            assert_true(fabs((double)actmax_image_pixels(image_of(result, "image"))[i] - (double)shown[i]) <= 1.0);
        found += best;
        actmax_result_free(result);
    }
    assert_int_equal(found, 1);
    free(shown);
    free(losses);
    actmax_recipe_free(recipe);
}

/* Three steps at each of four sizes; between them one level of 8 bits may differ. */
static void keras_2019(void **state)
{
    (void)state;
    for (int filter = 0; filter < 6; filter++) {
        char line[64];
        actmax_recipe *recipe = recipe_of("keras-2019", "presets.txt", "keras_2019_start", 7);
        set_option(recipe, "size", "16");
        set_option(recipe, "scales", "5");
        set_option(recipe, "steps", "3");
        actmax_result *result = run(recipe, filter);
        snprintf(line, sizeof line, "keras_2019_%d", filter);
        near_line(line, array_of(result, "image", VALUES), VALUES, 1.0 / 255.0 + 1e-3);
        actmax_result_free(result);
        actmax_recipe_free(recipe);
    }
}

static void near_in(const char *file, const char *line, const float *values, size_t count, double tolerance)
{
    float *expected = golden_line(file, line, count);
    near_all(line, values, expected, count, tolerance);
    free(expected);
}

/* To 1e-3 of -1..1; the picture shown to a level. */
static void keras_io(void **state)
{
    (void)state;
    for (const char *const *steps = (const char *const[]){"1", "5", "20", NULL}; *steps; steps++) {
        char line[64];
        actmax_recipe *recipe = recipe_of("keras-io", "presets_keras_io.txt", "start", SIDE);
        set_option(recipe, "size", "16");
        set_option(recipe, "steps", *steps);
        set_option(recipe, "display_crop", "2");
        actmax_result *result = run(recipe, 1);
        snprintf(line, sizeof line, "image_%s", *steps);
        near_in("presets_keras_io.txt", line, array_of(result, "image", VALUES), VALUES, 2e-3);
        if (strcmp(*steps, "20") == 0) {
            float *shown = golden_line("presets_keras_io.txt", "shown", 12 * 12 * 3);
            for (int i = 0; i < 12 * 12 * 3; i++)
                assert_true(fabs((double)actmax_image_pixels(image_of(result, "image"))[i] - (double)shown[i]) <= 1.0);
            free(shown);
        }
        actmax_result_free(result);
        actmax_recipe_free(recipe);
    }
}

/* ---- fastai ---- */

/* 16, 19 and 22 pixels, more steps at the last; to 1e-3 of what pixels 0..1 are in normalised units. */
static void fastai(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "blurred", "short"}, *const boxes[] = {"0", "3", "0"},
                             *const steps[] = {"20", "20", "1"};
    for (int k = 0; k < 3; k++) {
        actmax_recipe *recipe = recipe_of("fastai", "presets_fastai.txt", "start", SIDE);
        set_option(recipe, "start_size", "16");
        set_option(recipe, "scales", "3");
        set_option(recipe, "late_steps", "1.3");
        set_option(recipe, "steps", steps[k]);
        set_option(recipe, "scale_box", boxes[k]);
        actmax_result *result = run(recipe, 1);
        near_in("presets_fastai.txt", names[k], array_of(result, "image", 22 * 22 * 3), 22 * 22 * 3, 1e-3 / 0.229);
        actmax_result_free(result);
        actmax_recipe_free(recipe);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keras_vis),         cmocka_unit_test(keras_vis_jitter), cmocka_unit_test(keras_vis_maps),
        cmocka_unit_test(keras_vis_updates), cmocka_unit_test(keras_2016_shown), cmocka_unit_test(keras_2016),
        cmocka_unit_test(keras_2019),        cmocka_unit_test(keras_io),         cmocka_unit_test(fastai),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
