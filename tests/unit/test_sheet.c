/* Contact sheets, against the published code of Keras's examples (presets.txt) and against the pictures one by one; and the filters
 * that a photograph excites, against PyTorch. */
#include <actmax.h>
#include <math.h>

#include "golden_lines.h"
#include "tiny.h"

#define SIDE   16
#define VALUES (SIDE * SIDE * 3)

/* ---- Keras's examples, their whole job ---- */

typedef struct example {
    const char *preset, *file, *start, *sheet, *losses;
    int side, expected; /* of the start image, of the sheet */
    const char *const options[5][2];
    int levels; /* by which a pixel may differ */
} example;

static actmax_recipe *recipe_of(const example *e)
{
    actmax_recipe *recipe = tiny_recipe("preset", e->preset, NULL);
    actmax_image *image;
    float *x = golden_line(e->file, e->start, (size_t)e->side * (size_t)e->side * 3);
    for (int i = 0; i < 5 && e->options[i][0]; i++)
        set_option(recipe, e->options[i][0], e->options[i][1]);
    must(actmax_image_new_float(e->side, e->side, 3, x, &image));
    must(actmax_recipe_set_start(recipe, image));
    actmax_image_free(image);
    free(x);
    return recipe;
}

static void check_example(const example *e)
{
    actmax_recipe *recipe = recipe_of(e);
    actmax_model *model = golden_model("presets.h5", recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result;
    size_t values = (size_t)e->expected * (size_t)e->expected * 3;
    must(actmax_session_maximize_sheet(session, layer_of(model, "conv2"), NULL, 0, recipe, &result));
    const actmax_image *sheet = image_of(result, "sheet");
    assert_true(actmax_image_width(sheet) == e->expected && actmax_image_height(sheet) == e->expected);
    float *expected = golden_line(e->file, e->sheet, values);
    for (size_t i = 0; i < values; i++)
        if (!(fabs((double)actmax_image_pixels(sheet)[i] - (double)expected[i]) <= (double)e->levels))
            fail_msg("%s, value %zu: %d, not %g", e->preset, i, actmax_image_pixels(sheet)[i], (double)expected[i]);
    free(expected);
    if (e->losses) {
        expected = golden_line(e->file, e->losses, 4);
        for (int i = 0; i < 4; i++)
            assert_true(fabs((double)array_of(result, "activations", 4)[i] / (double)expected[i] - 1.0) <= 1e-4);
        free(expected);
    }
    actmax_result_free(result);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

/* Six filters scanned, the best four on the sheet: column by column in 2016, row by row in 2019, as they come in 2020. */
static void keras_examples(void **state)
{
    (void)state;
    static const example examples[] = {
        {"keras-2016",
         "presets.txt",
         "keras_2016_start",
         "keras_2016_sheet",
         "keras_2016_losses",
         SIDE,
         37,
         {{"size", "16"}, {"sheet", "2"}},
         1},
        {"keras-2019",
         "presets.txt",
         "keras_2019_start",
         "keras_2019_sheet",
         NULL,
         7,
         37,
         {{"size", "16"}, {"scales", "5"}, {"steps", "3"}},
         2},
        {"keras-io",
         "presets_keras_io.txt",
         "start",
         "sheet",
         NULL,
         SIDE,
         29,
         {{"size", "16"}, {"sheet", "2"}, {"steps", "20"}, {"display_crop", "2"}},
         1},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check_example(&examples[i]);
}

/* ---- Against the pictures one by one ---- */

typedef struct fashion {
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    int32_t layer;
    actmax_result *each[32];
} fashion;

static fashion open_fashion(const char *layer)
{
    fashion f = {.recipe = tiny_recipe("preprocess", "unit", "steps", "6", NULL)};
    int32_t all[32];
    f.model = fashion_model(f.recipe);
    f.session = tiny_session(f.model, 1);
    f.layer = layer_of(f.model, layer);
    for (int32_t i = 0; i < 32; i++)
        all[i] = i;
    must(actmax_session_maximize_each(f.session, f.layer, all, 32, f.recipe, f.each));
    return f;
}

static void close_fashion(fashion *f)
{
    for (int i = 0; i < 32; i++)
        actmax_result_free(f->each[i]);
    actmax_session_free(f->session);
    actmax_model_free(f->model);
    actmax_recipe_free(f->recipe);
}

/* What is at a place of the sheet is the filter's own picture. */
static void check_place(const fashion *f, const actmax_result *sheet, int margin, int row, int column, int32_t filter)
{
    const actmax_image *image = image_of(sheet, "sheet");
    const uint8_t *own = actmax_image_pixels(image_of(f->each[filter], "image"));
    for (int y = 0; y < 28; y++) {
        size_t at = (size_t)(row * (28 + margin) + y) * (size_t)actmax_image_width(image) + (size_t)(column * (28 + margin));
        assert_memory_equal(actmax_image_pixels(image) + at, own + 28 * y, 28);
    }
}

static bool is_dead(const actmax_result *result)
{
    return number(result, "status") == ACTMAX_NOTE_DEAD_TARGET;
}

/* The live filters, the highest activation first. */
static int order_of(const fashion *f, int32_t *order)
{
    int count = 0;
    for (int32_t i = 0; i < 32; i++) {
        int at = count;
        if (is_dead(f->each[i])) continue;
        for (; at > 0 && number(f->each[order[at - 1]], "activation_last") < number(f->each[i], "activation_last"); at--)
            order[at] = order[at - 1];
        order[at] = i;
        count++;
    }
    return count;
}

/* All 32 filters of relu2, of which some are dead: the best nine, then the largest square, row by row and column by column. */
static void best_of_a_layer(void **state)
{
    (void)state;
    fashion f = open_fashion("relu2");
    int32_t order[32];
    int alive = order_of(&f, order);
    static const char *const sides[] = {"3", "0", "3"}, *const fills[] = {"rows", "rows", "columns"};
    assert_in_range(alive, 25, 31); /* some are dead, and five by five are alive */
    for (int k = 0; k < 3; k++) {
        actmax_result *sheet;
        int side = k == 1 ? 5 : 3;
        set_option(f.recipe, "sheet", sides[k]);
        set_option(f.recipe, "sheet_fill", fills[k]);
        must(actmax_session_maximize_sheet(f.session, f.layer, NULL, 0, f.recipe, &sheet));
        const float *filters = array_of(sheet, "filters", (size_t)(side * side));
        for (int i = 0; i < side * side; i++) {
            assert_int_equal((int)filters[i], order[i]);
            check_place(&f, sheet, 5, k == 2 ? i % side : i / side, k == 2 ? i / side : i % side, order[i]);
        }
        assert_true(number(sheet, "scanned") == 32.0 && number(sheet, "dropped") == 32.0 - alive);
        assert_true(number(sheet, "columns") == side && number(sheet, "rows") == side);
        assert_non_null(strstr(text_of(sheet, "notes"), "dead and were dropped"));
        assert_string_equal(text_of(sheet, "layer"), "relu2");
        actmax_result_free(sheet);
    }
    close_fashion(&f);
}

/* In the order given and without a margin; the sheet is full before all are scanned; and a row that is not filled. */
static void order_given(void **state)
{
    (void)state;
    fashion f = open_fashion("conv2");
    static const int32_t some[5] = {9, 2, 30, 7, 1};
    actmax_result *sheet;
    set_option(f.recipe, "sheet", "2");
    set_option(f.recipe, "sheet_sort", "0");
    set_option(f.recipe, "sheet_margin", "0");
    must(actmax_session_maximize_sheet(f.session, f.layer, some, 5, f.recipe, &sheet));
    for (int i = 0; i < 4; i++)
        check_place(&f, sheet, 0, i / 2, i % 2, some[i]);
    assert_true(actmax_image_width(image_of(sheet, "sheet")) == 56 && number(sheet, "scanned") == 4.0);
    actmax_result_free(sheet);
    set_option(f.recipe, "sheet", "4");
    must(actmax_session_maximize_sheet(f.session, f.layer, some, 5, f.recipe, &sheet));
    check_place(&f, sheet, 0, 1, 0, some[4]);
    assert_true(number(sheet, "columns") == 4.0 && number(sheet, "rows") == 2.0);
    assert_int_equal(actmax_image_pixels(image_of(sheet, "sheet"))[112 * 28 + 28], 0);
    actmax_result_free(sheet);
    set_option(f.recipe, "sheet_filters", "3");
    must(actmax_session_maximize_sheet(f.session, f.layer, NULL, 0, f.recipe, &sheet));
    assert_true(number(sheet, "scanned") == 3.0 && number(sheet, "columns") == 3.0);
    actmax_result_free(sheet);
    close_fashion(&f);
}

typedef struct stop {
    int calls, at;
    double pictures, done;
} stop;

static int32_t look(void *user, const actmax_progress *progress)
{
    stop *s = user;
    double done = progress_of(progress, "done");
    assert_true(progress_of(progress, "pictures") == s->pictures && done >= s->done && done <= 1.0);
    s->done = done;
    return ++s->calls == s->at;
}

/* Sixteen pictures of six steps, eight and eight side by side. Stopped among the last: the first eight are on the sheet. Stopped
 * among the first: what there is of them, as maximize_each gives it. Not stopped: each has its turn. */
static void stopped(void **state)
{
    (void)state;
    fashion f = open_fashion("conv2");
    static const int32_t some[16] = {9, 2, 30, 7, 1, 0, 4, 3, 11, 12, 13, 14, 15, 16, 17, 18};
    actmax_result *sheet, *halves[16];
    set_option(f.recipe, "sheet_sort", "0");
    set_option(f.recipe, "sheet", "8");
    stop late = {.at = 48 + 10, .pictures = 16.0}, early = {.at = 10, .pictures = 16.0}, same = early, never = {.pictures = 16.0};
    must(actmax_recipe_set_callback(f.recipe, look, &late));
    assert_int_equal(actmax_session_maximize_sheet(f.session, f.layer, some, 16, f.recipe, &sheet), ACTMAX_NOTE_STOPPED);
    assert_non_null(strstr(actmax_message(), "16 of 16 filters were scanned"));
    assert_true(late.calls < 48 + 17 && number(sheet, "columns") == 8.0 && number(sheet, "rows") == 1.0);
    for (int i = 0; i < 8; i++)
        check_place(&f, sheet, 5, 0, i, some[i]);
    actmax_result_free(sheet);

    must(actmax_recipe_set_callback(f.recipe, look, &early));
    assert_int_equal(actmax_session_maximize_sheet(f.session, f.layer, some, 16, f.recipe, &sheet), ACTMAX_NOTE_STOPPED);
    assert_non_null(strstr(actmax_message(), "8 of 16 filters were scanned"));
    must(actmax_recipe_set_callback(f.recipe, look, &same));
    assert_int_equal(actmax_session_maximize_each(f.session, f.layer, some, 16, f.recipe, halves), ACTMAX_NOTE_STOPPED);
    for (int i = 0; i < 16; i++) {
        actmax_result *whole = f.each[some[i]];
        f.each[some[i]] = halves[i];
        if (i < 8) check_place(&f, sheet, 5, 0, i, some[i]);
        f.each[some[i]] = whole;
        actmax_result_free(halves[i]);
    }
    actmax_result_free(sheet);

    must(actmax_recipe_set_callback(f.recipe, look, &never));
    must(actmax_session_maximize_sheet(f.session, f.layer, some, 16, f.recipe, &sheet));
    assert_true(never.calls == 16 * 6 && never.done == 1.0 && number(sheet, "rows") == 2.0);
    actmax_result_free(sheet);
    close_fashion(&f);
}

static void refusals(void **state)
{
    (void)state;
    tiny t;
    fashion f = open_fashion("conv2");
    actmax_result *sheet = NULL;
    const int32_t none[2] = {1, 32};
    refused(actmax_session_maximize_sheet(f.session, f.layer, NULL, 2, f.recipe, &sheet), ACTMAX_ERROR_INVALID, "give the filters");
    refused(actmax_session_maximize_sheet(f.session, f.layer, none, 2, f.recipe, &sheet), ACTMAX_ERROR_NOT_FOUND,
            "no filter 32: layer 'conv2' has 32");
    set_option(f.recipe, "drop_below", "1e9");
    set_option(f.recipe, "steps", "2");
    refused(actmax_session_maximize_sheet(f.session, f.layer, NULL, 0, f.recipe, &sheet), ACTMAX_ERROR_NOT_FOUND,
            "all 32 filters of layer 'conv2' are dead");
    close_fashion(&f);
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_begin(&t, 1, 5, 9, 11);
    tiny_conv(&t, "conv", "x", 5, 4, 3, 1, 1, 0.5f);
    tiny_output(&t, "conv");
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    refused(actmax_session_maximize_sheet(session, 0, NULL, 0, recipe, &sheet), ACTMAX_ERROR_INVALID, "this one has 5");
    refused(actmax_session_maximize_sheet(NULL, 0, NULL, 0, recipe, &sheet), ACTMAX_ERROR_INVALID, "NULL");
    refused(actmax_session_maximize_sheet(session, 0, NULL, 0, recipe, NULL), ACTMAX_ERROR_INVALID, "NULL");
    assert_null(sheet);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* ---- The strongest filters ---- */

static void strongest(void **state)
{
    (void)state;
    actmax_recipe *recipe = tiny_recipe("preprocess", "raw", NULL);
    actmax_model *model = golden_model("presets.h5", recipe);
    actmax_session *session = tiny_session(model, 1);
    float *photo = golden_line("presets.txt", "photo", VALUES), *means = golden_line("presets_fastai.txt", "means", 6);
    actmax_image *image;
    actmax_result *result;
    must(actmax_image_new_float(SIDE, SIDE, 3, photo, &image));
    for (int32_t count = 0; count < 9; count++) {
        size_t there = count == 0 || count > 6 ? 6 : (size_t)count;
        must(actmax_session_strongest(session, image, layer_of(model, "conv2"), count, recipe, &result));
        near_all("means", array_of(result, "means", 6), means, 6, 1e-5);
        for (size_t i = 0; i < there; i++) {
            int filter = (int)array_of(result, "filters", there)[i], higher = 0;
            for (int k = 0; k < 6; k++)
                higher += means[k] > means[filter];
            assert_int_equal(higher, i);
            assert_true(array_of(result, "activations", there)[i] == array_of(result, "means", 6)[filter]);
        }
        assert_string_equal(text_of(result, "layer"), "conv2");
        actmax_result_free(result);
    }
    /* a dense layer's filters are its units */
    must(actmax_session_strongest(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &result));
    array_of(result, "means", 3);
    actmax_result_free(result);
    refused(actmax_session_strongest(NULL, image, 0, 1, recipe, &result), ACTMAX_ERROR_INVALID, "NULL");
    refused(actmax_session_strongest(session, NULL, 0, 1, recipe, &result), ACTMAX_ERROR_INVALID, "NULL");
    refused(actmax_session_strongest(session, image, 0, -1, recipe, &result), ACTMAX_ERROR_INVALID, "below 0");
    refused(actmax_session_strongest(session, image, 99, 1, recipe, &result), ACTMAX_ERROR_NOT_FOUND, "no layer 99");
    actmax_image_free(image);
    free(photo);
    free(means);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keras_examples), cmocka_unit_test(best_of_a_layer), cmocka_unit_test(order_given),
        cmocka_unit_test(stopped),        cmocka_unit_test(refusals),        cmocka_unit_test(strongest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
