/* The run of a maximisation: callback, stopping, time limit, scales, start, transforms; and that the same seed gives the same bytes
 * whatever the threads and the session. */
#include "tiny.h"

typedef struct fashion {
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    int32_t relu2;
} fashion;

static fashion open_fashion(const char *steps)
{
    fashion f = {.recipe = tiny_recipe("preprocess", "unit", "steps", steps, NULL)};
    f.model = fashion_model(f.recipe);
    f.session = tiny_session(f.model, 1);
    f.relu2 = layer_of(f.model, "relu2");
    return f;
}

static void close_fashion(fashion *f)
{
    actmax_session_free(f->session);
    actmax_model_free(f->model);
    actmax_recipe_free(f->recipe);
}

static actmax_result *maximize_in(actmax_session *session, int32_t at, int32_t filter, const actmax_recipe *recipe)
{
    actmax_result *result = NULL;
    must(actmax_session_maximize(session, at, &filter, 1, recipe, &result));
    return result;
}

static void plain_steps(actmax_recipe *recipe)
{
    set_option(recipe, "parameters", "pixel");
    set_option(recipe, "jitter", "0");
    set_option(recipe, "scale_jitter", "0");
    set_option(recipe, "rotate", "0");
}

/* Same float picture, bit by bit, and scores. */
static bool same(const actmax_result *a, const actmax_result *b)
{
    bool equal = same_picture(a, b);
    if (equal) assert_true(number(a, "activation_end") == number(b, "activation_end"));
    return equal;
}

/* ---- Callback ---- */

typedef struct watch {
    int calls, stop_at;
    double best, last, seconds;
    int32_t widths[64], heights[64], scales[64], pictures[64];
} watch;

static int32_t look(void *user, const actmax_progress *progress)
{
    watch *w = user;
    int32_t channels;
    double unused = -1.0;
    const float *image = actmax_progress_image(progress, &w->widths[w->calls], &w->heights[w->calls], &channels);
    assert_int_equal(channels, 1);
    for (int32_t i = 0; i < w->widths[w->calls] * w->heights[w->calls]; i++)
        assert_true(image[i] >= 0.0f && image[i] <= 255.0f);
    w->scales[w->calls] = (int32_t)progress_of(progress, "scale");
    w->pictures[w->calls] = (int32_t)progress_of(progress, "picture");
    w->calls++;
    double objective = progress_of(progress, "objective"), loss = progress_of(progress, "loss");
    assert_true(progress_of(progress, "activation") == objective);
    assert_true(fabs(loss + objective - 0.5 * progress_of(progress, "lp_norm") - 0.25 * progress_of(progress, "total_variation")) <
                1e-9);
    assert_true(progress_of(progress, "lp_norm") > 0.0 && progress_of(progress, "total_variation") > 0.0);
    if (progress_of(progress, "step") > 1.0) assert_true(progress_of(progress, "seconds") >= w->seconds);
    w->seconds = progress_of(progress, "seconds");
    w->last = loss;
    if (w->calls == 1 || loss < w->best) w->best = loss;
    refused(actmax_progress_number(progress, "colour", &unused), ACTMAX_ERROR_NOT_FOUND, "no number 'colour'");
    assert_true(unused == -1.0);
    return w->calls == w->stop_at ? 1 : 0;
}

static void callback(void **state)
{
    (void)state;
    fashion f = open_fashion("9");
    watch w = {0};
    set_option(f.recipe, "lp_norm", "0.5");
    set_option(f.recipe, "total_variation", "0.25");
    must(actmax_recipe_set_callback(f.recipe, look, &w));
    actmax_result *result = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_int_equal(w.calls, 9);
    assert_true(w.widths[0] == 28 && w.heights[8] == 28 && w.scales[8] == 1 && w.pictures[0] == 1);
    actmax_result_free(result);
    close_fashion(&f);
}

/* A step so large that the objective goes up and down: who stops gets the best picture that was seen, and keep=best gives it too.
 */
static void best_is_kept(void **state)
{
    (void)state;
    fashion f = open_fashion("12");
    plain_steps(f.recipe);
    set_option(f.recipe, "learning_rate", "150");
    set_option(f.recipe, "lp_norm", "0.5");
    set_option(f.recipe, "total_variation", "0.25");
    for (int k = 0; k < 2; k++) {
        watch w = {.stop_at = k ? 0 : 8};
        set_option(f.recipe, "keep", k ? "best" : "last");
        must(actmax_recipe_set_callback(f.recipe, look, &w));
        actmax_result *result;
        int32_t filter = 3;
        int32_t status = actmax_session_maximize(f.session, f.relu2, &filter, 1, f.recipe, &result);
        must(status); /* the loss fell; the activation, which is only part of it, may not have risen */
        if (!k) assert_int_equal(status, ACTMAX_NOTE_STOPPED);
        assert_true(number(result, "steps") == (k ? 12.0 : 8.0));
        assert_true(number(result, "status") == status);
        if (!k) assert_non_null(strstr(text_of(result, "notes"), "stopped by the caller after 8 steps"));
        /* the loss of what was kept: its objective is activation_end */
        actmax_image *image;
        assert_true(w.last > w.best); /* the last was not the best */
        must(actmax_image_new_float(28, 28, 1, array_of(result, "image", 784), &image));
        actmax_result *again;
        must(actmax_session_gradient(f.session, image, f.relu2, &filter, 1, f.recipe, &again));
        double norm = 0.0, variation = 0.0;
        const float *x = array_of(result, "image", 784); /* 0..1 */
        for (int y = 0; y < 28; y++)
            for (int i = 0; i < 28; i++) {
                double v = (double)x[y * 28 + i];
                norm += pow(fabs(2.0 * v - 1.0), 6.0) / 784;
                if (y == 27 || i == 27) continue;
                variation += (pow((double)x[y * 28 + 28 + i] - v, 2.0) + pow((double)x[y * 28 + i + 1] - v, 2.0)) / 784;
            }
        double loss = 0.5 * pow(norm, 1.0 / 6.0) + 0.25 * variation - number(again, "activation");
        if (!(fabs(loss - w.best) < 1e-5)) fail_msg("the loss of the picture is %g, the best was %g", loss, w.best);
        actmax_result_free(again);
        actmax_image_free(image);
        actmax_result_free(result);
    }
    close_fashion(&f);
}

static void time_limit(void **state)
{
    (void)state;
    fashion f = open_fashion("100000");
    actmax_result *result;
    int32_t filter = 3;
    set_option(f.recipe, "time_limit", "0.02");
    refused(actmax_session_maximize(f.session, f.relu2, &filter, 1, f.recipe, &result), ACTMAX_NOTE_TIME_LIMIT,
            "at the time limit");
    assert_true(number(result, "steps") < 100000.0 && number(result, "seconds") >= 0.02);
    assert_non_null(image_of(result, "image"));
    actmax_result_free(result);
    close_fashion(&f);
}

/* ---- Sizes ---- */

static void scales(void **state)
{
    (void)state;
    fashion f = open_fashion("10");
    set_option(f.recipe, "scales", "3");
    set_option(f.recipe, "scale_factor", "1.5");
    set_option(f.recipe, "lp_norm", "0.5");
    set_option(f.recipe, "total_variation", "0.25");
    actmax_result *results[3];
    for (int k = 0; k < 3; k++) {
        watch w = {0};
        set_option(f.recipe, "scale_filter", k == 1 ? "bilinear" : "cubic");
        set_option(f.recipe, "scale_blur", k == 2 ? "1" : "0");
        must(actmax_recipe_set_callback(f.recipe, look, &w));
        results[k] = maximize_in(f.session, f.relu2, 3, f.recipe);
        assert_int_equal(w.calls, 30);
        assert_true(w.widths[0] == 12 && w.widths[10] == 19 && w.widths[20] == 28); /* 28 / 2.25, 28 / 1.5 */
        assert_true(w.scales[9] == 1 && w.scales[10] == 2 && w.scales[29] == 3);
        assert_true(number(results[k], "steps") == 30.0);
        assert_true(number(results[k], "activation_end") > 1.1 * number(results[k], "activation_start"));
        assert_int_equal(actmax_image_width(image_of(results[k], "image")), 28);
    }
    assert_false(same(results[0], results[1]));
    assert_false(same(results[0], results[2]));
    watch w = {.stop_at =
                   12}; /* within the second scale: the picture has its final size all the same, and its pixels their range */
    set_option(f.recipe, "parameters", "pixel");
    set_option(f.recipe, "learning_rate", "300"); /* from end to end of the range */
    must(actmax_recipe_set_callback(f.recipe, look, &w));
    actmax_result *stopped = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_true(number(stopped, "steps") == 12.0 && number(stopped, "status") == ACTMAX_NOTE_STOPPED);
    assert_int_equal(actmax_image_width(image_of(stopped, "image")), 28);
    for (int i = 0; i < 784; i++) {
        float v = array_of(stopped, "image", 784)[i];
        assert_true(v >= 0.0f && v <= 1.0f);
    }
    actmax_result_free(stopped);
    for (int k = 0; k < 3; k++)
        actmax_result_free(results[k]);
    close_fashion(&f);
}

static void size_option(void **state)
{
    (void)state;
    fashion f = open_fashion("20");
    set_option(f.recipe, "size", "40,23");
    actmax_result *result = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_int_equal(actmax_image_height(image_of(result, "image")), 40);
    assert_int_equal(actmax_image_width(image_of(result, "image")), 23);
    assert_true(number(result, "activation_end") > 1.3 * number(result, "activation_start"));
    actmax_result_free(result);
    close_fashion(&f);
    tiny t; /* a dense layer that wants 8 * 6 * 5 values takes no other size */
    tiny_begin(&t, 1, 3, 6, 5);
    tiny_conv(&t, "conv", "x", 3, 8, 3, 1, 1, 0.5f);
    tiny_node(&t, "Flatten", "flat", "conv", "flat");
    tiny_dense(&t, "dense", "flat", 240, 4, 2);
    tiny_output(&t, "dense");
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "5", "size", "7", NULL);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    int32_t unit = 2;
    result = NULL;
    refused(actmax_session_maximize(session, ACTMAX_LAYER_OUTPUT, &unit, 1, recipe, &result), ACTMAX_ERROR_SHAPE, "'dense'");
    assert_null(result);
    set_option(recipe, "size", "6,5");
    actmax_result_free(maximize_in(session, ACTMAX_LAYER_OUTPUT, unit, recipe));
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* ---- Start and transforms ---- */

static void starts(void **state)
{
    (void)state;
    fashion f = open_fashion("1");
    plain_steps(f.recipe);
    set_option(f.recipe, "learning_rate", "0"); /* what comes out is what it began with */
    set_option(f.recipe, "start", "grey");
    set_option(f.recipe, "start_mean", "40");
    actmax_result *result = maximize_in(f.session, f.relu2, 3, f.recipe);
    for (int i = 0; i < 784; i++)
        assert_int_equal(actmax_image_pixels(image_of(result, "image"))[i], 40);
    assert_true(number(result, "status") == ACTMAX_NOTE_NO_RISE); /* and that is said */
    actmax_result_free(result);
    set_option(f.recipe, "start", "noise");
    set_option(f.recipe, "start_range", "30");
    result = maximize_in(f.session, f.relu2, 3, f.recipe);
    double mean = 0.0, squares = 0.0;
    for (int i = 0; i < 784; i++) {
        double v = 255.0 * (double)array_of(result, "image", 784)[i];
        assert_true(v >= 9.99 && v <= 70.01);
        mean += v / 784;
        squares += v * v / 784;
    }
    assert_true(fabs(mean - 40.0) < 3.0);                                    /* 5 standard errors: 17.3 / 28 * 5 */
    assert_true(fabs(sqrt(squares - mean * mean) - 30.0 / sqrt(3.0)) < 1.5); /* of a uniform distribution */
    actmax_result_free(result);
    uint8_t pixels[28 * 28];
    actmax_image *image;
    for (int i = 0; i < 784; i++)
        pixels[i] = (uint8_t)(i * 7 % 256);
    must(actmax_image_new(28, 28, 1, pixels, 0, &image));
    must(actmax_image_save(image, "test_maximize_start.png"));
    set_option(f.recipe, "start_image", "test_maximize_start.png");
    result = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_memory_equal(actmax_image_pixels(image_of(result, "image")), pixels, sizeof pixels);
    actmax_result_free(result);
    set_option(f.recipe, "size", "14"); /* resized as Pillow does it */
    actmax_image *small;
    must(actmax_image_resize(image, 14, 14, "bilinear", &small));
    result = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_memory_equal(actmax_image_pixels(image_of(result, "image")), actmax_image_pixels(small), 196);
    actmax_result_free(result);
    actmax_image_free(small);
    actmax_image_free(image);
    remove("test_maximize_start.png");
    result = NULL;
    int32_t filter = 3;
    refused(actmax_session_maximize(f.session, f.relu2, &filter, 1, f.recipe, &result), ACTMAX_ERROR_NOT_FOUND,
            "test_maximize_start.png");
    assert_null(result);
    close_fashion(&f);
}

static void jitter(void **state)
{
    (void)state;
    fashion f = open_fashion("6");
    plain_steps(f.recipe);
    actmax_result *none = maximize_in(f.session, f.relu2, 3, f.recipe);
    set_option(f.recipe, "jitter", "0.25"); /* of 28 */
    actmax_result *fraction = maximize_in(f.session, f.relu2, 3, f.recipe);
    set_option(f.recipe, "jitter", "7");
    actmax_result *pixels = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_true(same(fraction, pixels));
    assert_false(same(none, pixels));
    set_option(f.recipe, "jitter", "0.03"); /* less than one pixel */
    actmax_result *little = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_true(same(none, little));
    set_option(f.recipe, "jitter_x", "7"); /* across only, then of the same size in both directions */
    actmax_result *across = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_false(same(across, none) || same(across, pixels));
    set_option(f.recipe, "jitter", "0.25");
    actmax_result *both = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_true(same(both, pixels));
    set_option(f.recipe, "jitter_x", "-1");
    /* the same as a part that is added */
    int32_t part;
    must(actmax_recipe_add_part(f.recipe, "jitter", &part));
    must(actmax_recipe_set_part_number(f.recipe, part, "jitter", 7));
    actmax_result *added = maximize_in(f.session, f.relu2, 3, f.recipe);
    assert_true(same(added, pixels));
    actmax_result *all[] = {none, fraction, pixels, little, across, both, added};
    for (int i = 0; i < 7; i++)
        actmax_result_free(all[i]);
    close_fashion(&f);
}

/* An optimizer that is added as a part, with an option of its own, is the one that the flat options describe. */
static void parts_and_options(void **state)
{
    (void)state;
    fashion f = open_fashion("8");
    plain_steps(f.recipe);
    set_option(f.recipe, "amsgrad", "1");
    set_option(f.recipe, "beta1", "0.5");
    set_option(f.recipe, "beta2", "0.5");
    set_option(f.recipe, "lp_norm", "2");
    actmax_result *flat = maximize_in(f.session, f.relu2, 3, f.recipe);
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "8", NULL);
    int32_t adam, lp;
    plain_steps(recipe);
    must(actmax_recipe_add_part(recipe, "adam", &adam));
    must(actmax_recipe_set_part_number(recipe, adam, "amsgrad", 1));
    must(actmax_recipe_set_part_number(recipe, adam, "beta1", 0.5));
    must(actmax_recipe_set_part_text(recipe, adam, "beta2", "0.5"));
    must(actmax_recipe_add_part(recipe, "lp_norm", &lp));
    must(actmax_recipe_set_part_number(recipe, lp, "lp_norm", 2));
    actmax_result *parts = maximize_in(f.session, f.relu2, 3, recipe);
    assert_true(same(flat, parts));
    must(actmax_recipe_set_part_number(recipe, adam, "amsgrad", 0));
    actmax_result *without = maximize_in(f.session, f.relu2, 3, recipe);
    assert_false(same(without, parts));
    actmax_result_free(flat);
    actmax_result_free(parts);
    actmax_result_free(without);
    actmax_recipe_free(recipe);
    close_fashion(&f);
}

/* ---- The same bytes ---- */

static void same_seed(void **state)
{
    (void)state;
    fashion f = open_fashion("8");
    set_option(f.recipe, "size", "64"); /* enough work to be shared */
    set_option(f.recipe, "scales", "2");
    actmax_session *two = tiny_session(f.model, 2);
    const char *const layers[] = {"conv1", "relu2", "relu3"};
    for (int k = 0; k < 3; k++) {
        int32_t at = layer_of(f.model, layers[k]);
        set_option(f.recipe, "seed", "11");
        actmax_result *first = maximize_in(f.session, at, 5, f.recipe), *again = maximize_in(f.session, at, 5, f.recipe);
        actmax_result *threads = maximize_in(two, at, 5, f.recipe), *alone;
        must(actmax_model_maximize(f.model, layers[k], 5, f.recipe, &alone));
        set_option(f.recipe, "seed", "12");
        actmax_result *other = maximize_in(f.session, at, 5, f.recipe);
        assert_true(same(first, again) && same(first, threads) && same(first, alone));
        assert_false(same(first, other));
        actmax_result *all[] = {first, again, threads, alone, other};
        for (int i = 0; i < 5; i++)
            actmax_result_free(all[i]);
    }
    actmax_session_free(two);
    close_fashion(&f);
}

/* ---- Other networks ---- */

static void channels_last(void **state)
{
    (void)state;
    tiny a, b;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "10", NULL);
    tiny_classifier(&a);
    tiny_classifier_last(&b);
    actmax_model *models[2] = {tiny_load(&a, recipe), tiny_load(&b, recipe)};
    actmax_result *results[2];
    for (int k = 0; k < 2; k++)
        must(actmax_model_maximize(models[k], "relu2", 5, recipe, &results[k]));
    actmax_result *turned; /* what only gives the image's axes another order is a target too: its second channel is green */
    must(actmax_model_maximize(models[1], "turn", 1, recipe, &turned));
    assert_true(number(turned, "activation_end") > number(turned, "activation_start"));
    double sums[3] = {0};
    for (int i = 0; i < 360; i++)
        sums[i % 3] += (double)array_of(turned, "image", 360)[i] / 120;
    assert_true(fabs(sums[1] - number(turned, "activation_end")) < 1e-5 && sums[1] > sums[0] && sums[1] > sums[2]);
    actmax_result_free(turned);
    near_all("picture", array_of(results[1], "image", 360), array_of(results[0], "image", 360), 360, 1e-4);
    for (int k = 0; k < 2; k++) {
        actmax_result_free(results[k]);
        actmax_model_free(models[k]);
    }
    actmax_recipe_free(recipe);
    tiny_free(&a);
    tiny_free(&b);
}

/* A network of five channels: a float picture, and no 8-bit one. */
static void many_channels(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "10", NULL);
    tiny_begin(&t, 1, 5, 9, 11);
    tiny_conv(&t, "conv", "x", 5, 4, 3, 1, 1, 0.5f);
    tiny_output(&t, "conv");
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result = maximize_in(session, 0, 2, recipe);
    const actmax_image *image = NULL;
    array_of(result, "image", 9 * 11 * 5);
    assert_true(number(result, "activation_end") > number(result, "activation_start"));
    refused(actmax_result_image(result, "image", &image), ACTMAX_ERROR_NOT_FOUND, "no image 'image'; it has: none");
    refused(actmax_result_save(result, "never.png"), ACTMAX_ERROR_NOT_FOUND, "1 or 3 channels");
    actmax_result_free(result);
    set_option(recipe, "start_image", ACTMAX_TEST_DATA "/visualize_start.png");
    int32_t filter = 2;
    refused(actmax_session_maximize(session, 0, &filter, 1, recipe, &result), ACTMAX_ERROR_INVALID, "this one has 5");
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void wrong_targets(void **state)
{
    (void)state;
    fashion f = open_fashion("2");
    actmax_result *result = NULL;
    int32_t filters[2] = {3, 32}, negative = -1;
    int32_t logits = layer_of(f.model, "logits");
    refused(actmax_session_maximize(f.session, f.relu2, filters, 2, f.recipe, &result), ACTMAX_ERROR_NOT_FOUND, "no filter 32");
    refused(actmax_session_maximize(f.session, f.relu2, &negative, 1, f.recipe, &result), ACTMAX_ERROR_NOT_FOUND, "no filter -1");
    refused(actmax_session_maximize(f.session, 99, filters, 1, f.recipe, &result), ACTMAX_ERROR_NOT_FOUND, "no layer 99");
    refused(actmax_session_maximize(f.session, f.relu2, NULL, 1, f.recipe, &result), ACTMAX_ERROR_INVALID, "give the filters");
    refused(actmax_session_maximize(f.session, f.relu2, filters, 70000, f.recipe, &result), ACTMAX_ERROR_INVALID, "up to 65536");
    set_option(f.recipe, "neuron_y", "3");
    refused(actmax_session_maximize(f.session, f.relu2, filters, 1, f.recipe, &result), ACTMAX_ERROR_INVALID, "give both neuron_y");
    set_option(f.recipe, "neuron_x", "14");
    refused(actmax_session_maximize(f.session, f.relu2, filters, 1, f.recipe, &result), ACTMAX_ERROR_INVALID, "y 3, x 14");
    refused(actmax_session_maximize(f.session, logits, filters, 1, f.recipe, &result), ACTMAX_ERROR_INVALID, "no neuron");
    set_option(f.recipe, "size", "60000");
    refused(actmax_session_maximize(f.session, f.relu2, filters, 1, f.recipe, &result), ACTMAX_ERROR_LIMIT, "limit_image");
    assert_null(result);
    close_fashion(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callback),      cmocka_unit_test(best_is_kept),      cmocka_unit_test(time_limit),
        cmocka_unit_test(scales),        cmocka_unit_test(size_option),       cmocka_unit_test(starts),
        cmocka_unit_test(jitter),        cmocka_unit_test(parts_and_options), cmocka_unit_test(same_seed),
        cmocka_unit_test(channels_last), cmocka_unit_test(many_channels),     cmocka_unit_test(wrong_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
