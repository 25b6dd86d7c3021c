/* Activation maximisation: what is maximised, by how much, and the path against PyTorch. */
#include "tiny.h"

#include "golden_lines.h"

#define PIXELS (12 * 10 * 3)

static bool is_near(double a, double b, double relative)
{
    return fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

/* ---- Targets ---- */

typedef struct target {
    const char *layer; /* NULL: the network's output */
    int32_t filters[3];
    size_t count; /* 0: the whole layer */
    int32_t y, x; /* -1: the mean over space */
    double rise;  /* at least this much, as a share of the start's size */
} target;

static const char *score_layer(const target *t)
{
    return t->layer ? t->layer : "dense";
}

/* The target's value for an image, from the layer's activations (file order, channels first or a row). */
static double score(actmax_session *session, const actmax_model *model, const actmax_image *image, const target *t)
{
    actmax_result *result;
    const float *data;
    int64_t dims[8];
    int32_t rank;
    must(actmax_session_activations(session, image, layer_of(model, score_layer(t)), NULL, &result));
    must(actmax_result_array(result, "activations", &data, dims, &rank));
    size_t space = rank == 4 ? (size_t)(dims[2] * dims[3]) : 1, channels = (size_t)dims[1];
    double total = 0.0;
    for (size_t k = 0; k < (t->count ? t->count : channels); k++) {
        const float *channel = data + (t->count ? (size_t)t->filters[k] : k) * space;
        double sum = 0.0;
        for (size_t i = 0; i < space; i++)
            sum += (double)channel[i];
        total += t->y >= 0 ? (double)channel[(size_t)(t->y * dims[3] + t->x)] : sum / (double)space;
    }
    actmax_result_free(result);
    return t->count ? total : total / (double)channels;
}

/* The saved picture, written and read again, and the float picture score what the result says. */
static void check_scores(actmax_session *session, const actmax_model *model, const actmax_result *result, const target *t)
{
    const actmax_image *saved = image_of(result, "image");
    int32_t width = actmax_image_width(saved), height = actmax_image_height(saved), channels = actmax_image_channels(saved);
    size_t bytes = (size_t)(width * height * channels);
    actmax_image *read, *precise;
    char path[] = "test_maximize_saved.png";
    must(actmax_result_save(result, path));
    must(actmax_image_load(path, NULL, &read));
    remove(path);
    assert_memory_equal(actmax_image_pixels(read), actmax_image_pixels(saved), bytes);
    must(actmax_image_new_float(width, height, channels, array_of(result, "image", bytes), &precise));
    double again = score(session, model, read, t), end = score(session, model, precise, t);
    if (!is_near(again, number(result, "activation_saved"), 1e-5))
        fail_msg("%s: the saved picture scores %.8g, not %.8g", score_layer(t), again, number(result, "activation_saved"));
    assert_true(is_near(end, number(result, "activation_end"), 1e-5));
    double size = fmax(fabs(end), fabs(number(result, "activation_start"))); /* rounding to 8 bits costs little */
    if (!(fabs(again - end) <= 0.01 * size)) fail_msg("%s: rounding took %g to %g", score_layer(t), end, again);
    actmax_image_free(precise);
    actmax_image_free(read);
}

static void check_target(actmax_session *session, const actmax_model *model, const target *t)
{
    actmax_result *result;
    actmax_recipe *recipe = tiny_recipe("steps", "60", NULL);
    must(actmax_recipe_set_number(recipe, "neuron_y", t->y));
    must(actmax_recipe_set_number(recipe, "neuron_x", t->x));
    int32_t at = t->layer ? layer_of(model, t->layer) : ACTMAX_LAYER_OUTPUT;
    int32_t status = actmax_session_maximize(session, at, t->count ? t->filters : NULL, t->count, recipe, &result);
    if (status != ACTMAX_OK) fail_msg("%s: %s", score_layer(t), actmax_message());
    double from = number(result, "activation_start"), to = number(result, "activation_end");
    if (!(to > from && to - from >= t->rise * fabs(from)))
        fail_msg("%s: from %g to %g, not by %g of where it began", score_layer(t), from, to, t->rise);

    assert_string_equal(text_of(result, "layer"), score_layer(t));
    assert_true(number(result, "steps") == 60.0);
    check_scores(session, model, result, t);
    actmax_result_free(result);
    actmax_recipe_free(recipe);
}

static void targets_of_fashion_mnist(void **state)
{
    static const target targets[] = {
        {"conv1", {3}, 1, -1, -1, 0.5},       {"relu1", {7}, 1, -1, -1, 0.5}, {"relu2", {3}, 1, -1, -1, 1.5},
        {"relu2", {5, 6, 7}, 3, -1, -1, 5.0}, {"relu2", {9}, 1, 7, 4, 10.0},  {"relu3", {1, 20, 40}, 3, -1, -1, 0.9},
        {"relu3", {17}, 1, 0, 6, 2.0},        {"relu3", {0}, 0, -1, -1, 0.5}, {"logits", {4}, 1, -1, -1, 0.9},
        {"logits", {0, 9}, 2, -1, -1, 1.2},
    };
    (void)state;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    actmax_model *model = fashion_model(recipe);
    actmax_session *session = tiny_session(model, 1);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        check_target(session, model, &targets[i]);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

static void targets_of_classifier(void **state)
{
    static const target targets[] = {{NULL, {1}, 1, -1, -1, 1.5},
                                     {NULL, {0, 1}, 2, -1, -1, 1.5},
                                     {"dense", {3}, 1, -1, -1, 1.5},
                                     {"relu2", {5}, 1, 3, 2, 1.0},
                                     {"flat", {5}, 1, -1, -1, 1.0}};
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "torch", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        check_target(session, model, &targets[i]);
    int32_t class_index = 1;
    must(actmax_session_maximize(session, ACTMAX_LAYER_OUTPUT, &class_index, 1, recipe, &result));
    has_note(result, "the score is taken before 'soft'");
    assert_string_equal(text_of(result, "target"), "filter 1 of 'dense'");
    actmax_result_free(result);
    set_option(recipe, "bypass", "0");
    must(actmax_session_maximize(session, ACTMAX_LAYER_OUTPUT, &class_index, 1, recipe, &result));
    assert_string_equal(text_of(result, "layer"), "soft");
    assert_true(number(result, "activation_end") <= 1.0 &&
                number(result, "activation_end") > number(result, "activation_start")); /* a probability */
    assert_string_equal(text_of(result, "notes"), "");
    actmax_result_free(result);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* A class's score is taken before a ReLU between its last convolution and the mean over space (SqueezeNet), however that is
 * written. */
static void check_relu_bypass(const char *mean, const int64_t *axes, size_t axis_count)
{
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "20", NULL);
    tiny_begin(&t, 1, 3, 12, 10);
    tiny_conv(&t, "conv1", "x", 3, 6, 3, 1, 1, 0.5f);
    tiny_node(&t, "Relu", "relu1", "conv1", "relu1");
    tiny_conv(&t, "last", "relu1", 6, 5, 1, 0, 2, 0.5f);
    tiny_node(&t, "Relu", "last_relu", "last", "last_relu");
    tiny_open(&t, mean, "mean", "last_relu", "mean");
    if (axes) tiny_ints(&t, "axes", axes, axis_count);
    tiny_close(&t);
    tiny_node(&t, "Flatten", "flat", "mean", "flat");
    tiny_node(&t, "Softmax", "soft", "flat", "soft");
    tiny_output(&t, "soft");
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result;
    const target at = {"last", {3}, 1, -1, -1, 0.0};
    must(actmax_session_maximize(session, ACTMAX_LAYER_OUTPUT, at.filters, 1, recipe, &result));
    has_note(result, "before 'soft'");
    has_note(result, "the score is taken at 'last', before 'last_relu'");
    assert_string_equal(text_of(result, "layer"), "last");
    check_scores(session, model, result, &at);
    actmax_result_free(result);
    actmax_image *image = golden_picture();
    must(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 3, ACTMAX_LAYER_AUTO, recipe, &result));
    assert_string_equal(text_of(result, "layer"), "relu1"); /* the last one before the target */
    actmax_result_free(result);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void relu_bypass(void **state)
{
    (void)state;
    check_relu_bypass("GlobalAveragePool", NULL, 0);
    check_relu_bypass("ReduceMean", (const int64_t[]){2, 3}, 2);
    check_relu_bypass("ReduceMean", (const int64_t[]){-1, -2}, 2);
}

/* ---- Against PyTorch ---- */

typedef struct path {
    float images[6][PIXELS];
    double losses[6], objectives[6];
    int count;
} path;

static int32_t follow(void *user, const actmax_progress *progress)
{
    path *p = user;
    int32_t width, height, channels;
    const float *image = actmax_progress_image(progress, &width, &height, &channels);
    assert_true(width == 10 && height == 12 && channels == 3 && p->count < 6);
    memcpy(p->images[p->count], image, sizeof p->images[0]);
    must(actmax_progress_number(progress, "loss", &p->losses[p->count]));
    must(actmax_progress_number(progress, "objective", &p->objectives[p->count]));
    p->count++;
    return 0;
}

/* Five steps on the pixels, to 1e-4 of their range. */
static void check_path(const char *name, actmax_recipe *recipe)
{
    path *p = calloc(1, sizeof *p);
    assert_non_null(p);
    set_option(recipe, "preprocess", "unit");
    set_option(recipe, "parameters", "pixel");
    set_option(recipe, "steps", "5");
    set_option(recipe, "start_image", ACTMAX_TEST_DATA "/visualize_start.png");
    for (const char *const *off = (const char *const[]){"jitter", "scale_jitter", "rotate", NULL}; *off; off++)
        set_option(recipe, *off, "0");
    must(actmax_recipe_set_callback(recipe, follow, p));
    actmax_model *model = golden_model("visualize.onnx", recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result;
    int32_t filter = 3;
    must(actmax_session_maximize(session, layer_of(model, "features.5"), &filter, 1, recipe, &result));
    assert_int_equal(p->count, 5);
    const float *last = array_of(result, "image", PIXELS);
    for (int i = 0; i < PIXELS; i++)
        p->images[5][i] = last[i] * 255.0f;
    char line[64];
    snprintf(line, sizeof line, "%s_losses", name);
    float *losses = golden_line("visualize.txt", line, 5);
    for (int i = 0; i <= 5; i++) {
        snprintf(line, sizeof line, "%s_%d", name, i);
        float *expected = golden_line("visualize.txt", line, PIXELS);
        near_all(line, p->images[i], expected, PIXELS, 0.0255);
        free(expected);
        if (i < 5) assert_true(is_near(p->losses[i], (double)losses[i], 1e-4));
    }
    assert_true(is_near(number(result, "activation_start"), p->objectives[0], 1e-6));
    free(losses);
    actmax_result_free(result);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    free(p);
}

static void adam_path(void **state)
{
    (void)state;
    check_path("adam", tiny_recipe(NULL));
}

/* Momentum, and both penalties. */
static void penalised_path(void **state)
{
    (void)state;
    check_path("penalised", tiny_recipe("optimizer", "ascent", "momentum", "0.5", "learning_rate", "3", "lp_norm", "0.5",
                                        "total_variation", "2", NULL));
}

/* ---- Steps ---- */

static void optimizers_rise(void **state)
{
    static const char *const names[] = {"adam", "rmsprop", "ascent"}, *const kinds[] = {"pixel", "pyramid"};
    (void)state;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "60", NULL);
    actmax_model *model = fashion_model(recipe);
    actmax_session *session = tiny_session(model, 1);
    int32_t filter = 3;
    for (int k = 0; k < 6; k++) {
        actmax_result *result;
        set_option(recipe, "optimizer", names[k % 3]);
        set_option(recipe, "parameters", kinds[k / 3]);
        assert_int_equal(actmax_session_maximize(session, layer_of(model, "relu2"), &filter, 1, recipe, &result), ACTMAX_OK);
        if (!(number(result, "activation_end") >= 1.5 * number(result, "activation_start")))
            fail_msg("%s, %s: %g to %g", names[k % 3], kinds[k / 3], number(result, "activation_start"),
                     number(result, "activation_end"));
        actmax_result_free(result);
    }
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

/* One step of ascent from plain grey: how far it goes, by each scaling of the gradient. */
static void gradient_scaling(void **state)
{
    static const char *const kinds[] = {"none", "rms", "l2", "max"};
    (void)state;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "1", "start", "grey", "parameters", "pixel", "optimizer",
                                        "ascent", "jitter", "0", "scale_jitter", "0", "rotate", "0", NULL);
    actmax_model *model = golden_model("visualize.onnx", recipe);
    actmax_session *session = tiny_session(model, 1);
    uint8_t grey[PIXELS];
    float plain[PIXELS];
    actmax_image *image;
    actmax_result *gradient;
    int32_t filter = 3, at = layer_of(model, "features.5");
    memset(grey, 0, sizeof grey);
    for (int i = 0; i < PIXELS; i++)
        plain[i] = 0.5f;
    must(actmax_image_new_float(10, 12, 3, plain, &image));
    must(actmax_session_gradient(session, image, at, &filter, 1, recipe, &gradient));
    const float *g = array_of(gradient, "gradient", PIXELS);
    for (int k = 0; k < 4; k++) {
        actmax_result *result;
        double squares = 0.0, most = 0.0, rates[4] = {50000, 4, 40, 15};
        set_option(recipe, "gradient", kinds[k]);
        must(actmax_recipe_set_number(recipe, "learning_rate", rates[k]));
        must(actmax_session_maximize(session, at, &filter, 1, recipe, &result));
        const float *x = array_of(result, "image", PIXELS);
        for (int i = 0; i < PIXELS; i++) {
            squares += (double)g[i] * (double)g[i];
            most = fmax(most, fabs((double)g[i]));
        }
        /* by the pixel, g is a 255th */
        double size[4] = {255.0, sqrt(squares / PIXELS), sqrt(squares), most}, longest = 0.0;
        for (int i = 0; i < PIXELS; i++) {
            double expected = 127.5 + rates[k] * (double)g[i] / size[k];
            longest = fmax(longest, fabs(expected - 127.5));
            if (!(fabs((double)x[i] * 255.0 - expected) < 2e-3))
                fail_msg("%s: pixel value %d is %g, expected %g", kinds[k], i, (double)x[i] * 255.0, expected);
        }
        assert_true(longest > 1.0 && longest < 127.0);
        actmax_result_free(result);
    }
    actmax_result_free(gradient);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

/* One network three times: for pixels 0..255, 0..1 and -1..1, its first weights and biases made to suit. The default step gives the
 * same picture for all. */
static void input_ranges(void **state)
{
    static const struct {
        const char *preprocess;
        double scale, offset; /* network = pixel * scale + offset */
    } ranges[] = {{"raw", 1.0, 0.0}, {"unit", 1 / 255.0, 0.0}, {"tf", 1 / 127.5, -1.0}};
    (void)state;
    float first[PIXELS] = {0};
    for (int k = 0; k < 3; k++) {
        tiny t;
        float w[6 * 27], b[6];
        for (size_t c = 0; c < 6; c++) {
            double sum = 0.0; /* 1x1 would do; padding is none, so that the offset is the same everywhere */
            for (size_t i = 0; i < 27; i++) {
                double raw = (double)tiny_value(1, 0.004f, c * 27 + i);
                w[c * 27 + i] = (float)(raw / ranges[k].scale);
                sum += raw / ranges[k].scale * ranges[k].offset;
            }
            b[c] = (float)(0.1 - sum);
        }
        tiny_begin(&t, 1, 3, 12, 10);
        tiny_values(&t, "w", w, 6, 3, 3, 3);
        tiny_values(&t, "b", b, 6, 0, 0, 0);
        tiny_node(&t, "Conv", "conv1", "x w b", "conv1");
        tiny_node(&t, "Tanh", "act", "conv1", "act"); /* smooth: rounding does not switch anything */
        tiny_conv(&t, "conv2", "act", 6, 4, 3, 1, 2, 0.5f);
        tiny_output(&t, "conv2");
        actmax_recipe *recipe = tiny_recipe("preprocess", ranges[k].preprocess, "steps", "40", NULL);
        actmax_model *model = tiny_load(&t, recipe);
        actmax_session *session = tiny_session(model, 1);
        actmax_result *result;
        int32_t filter = 2;
        assert_int_equal(actmax_session_maximize(session, layer_of(model, "conv2"), &filter, 1, recipe, &result), ACTMAX_OK);
        const uint8_t *pixels = actmax_image_pixels(image_of(result, "image"));
        float now[PIXELS];
        for (int i = 0; i < PIXELS; i++)
            now[i] = (float)pixels[i];
        if (k == 0) memcpy(first, now, sizeof first);
        near_all(ranges[k].preprocess, now, first, PIXELS, 1.0);
        actmax_result_free(result);
        actmax_session_free(session);
        actmax_model_free(model);
        actmax_recipe_free(recipe);
        tiny_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_of_fashion_mnist),
        cmocka_unit_test(targets_of_classifier),
        cmocka_unit_test(relu_bypass),
        cmocka_unit_test(adam_path),
        cmocka_unit_test(penalised_path),
        cmocka_unit_test(optimizers_rise),
        cmocka_unit_test(gradient_scaling),
        cmocka_unit_test(input_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
