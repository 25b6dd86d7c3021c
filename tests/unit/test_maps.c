/* Grad-CAM and saliency against PyTorch, whose hooks make each backprop modifier; resized maps against PyTorch and SciPy. */
#include "golden_maps.h"

#define CLASS 1 /* of the golden maps */

/* float32 through six layers: 1e-5 of the largest */
static void check_golden(const char *name, const float *values, size_t count)
{
    float *expected = golden_line("visualize.txt", name, count);
    near_all(name, values, expected, count, 1e-5 * largest(expected, count));
    free(expected);
}

static void scores(void **state)
{
    (void)state;
    golden g = open_golden();
    actmax_result *result;
    must(actmax_session_predict(g.session, g.image, g.recipe, &result));
    check_golden("scores", array_of(result, "logits", 5), 5);
    assert_true(number(result, "softmax_added") == 1.0);
    const float *p = array_of(result, "probabilities", 5), *z = array_of(result, "logits", 5);
    double sum = 0.0;
    for (int i = 0; i < 5; i++)
        sum += exp((double)z[i]);
    for (int i = 0; i < 5; i++)
        assert_true(fabs((double)p[i] - exp((double)z[i]) / sum) < 1e-6);
    actmax_result_free(result);
    close_golden(&g);
}

static const char *const rules[] = {"none", "guided", "relu"};

static void saliency(void **state)
{
    (void)state;
    golden g = open_golden();
    for (int r = 0; r < 3; r++) {
        actmax_result *result;
        char name[32];
        float expected[PIXELS] = {0};
        set_option(g.recipe, "backprop", rules[r]);
        assert_int_equal(actmax_session_saliency(g.session, g.image, ACTMAX_LAYER_OUTPUT, CLASS, g.recipe, &result), ACTMAX_OK);
        snprintf(name, sizeof name, "saliency_%s", rules[r]);
        const float *raw = array_of(result, "map_raw", PIXELS * 3), *map = array_of(result, "map", PIXELS);
        check_golden(name, raw, PIXELS * 3);
        double low = INFINITY, high = 0.0; /* the largest of each pixel, scaled by minimum and maximum */
        for (size_t i = 0; i < PIXELS; i++) {
            expected[i] = (float)largest(raw + i * 3, 3);
            low = fmin(low, (double)expected[i]);
            high = fmax(high, (double)expected[i]);
        }
        for (size_t i = 0; i < PIXELS; i++)
            expected[i] = (float)(((double)expected[i] - low) / (high - low));
        near_all(name, map, expected, PIXELS, 1e-6);
        assert_true(number(result, "class") == CLASS);
        assert_true(number(result, "modified") == (r ? 3.0 : 0.0)); /* ReLU, ReLU6, ReLU */
        assert_true(number(result, "left") == (r ? 0.0 : 3.0));
        actmax_result_free(result);
        must(actmax_session_gradient(g.session, g.image, ACTMAX_LAYER_OUTPUT, (const int32_t[]){CLASS}, 1, g.recipe, &result));
        check_golden(name, array_of(result, "gradient", PIXELS * 3), PIXELS * 3);
        actmax_result_free(result);
    }
    close_golden(&g);
}

static void grad_cam(void **state)
{
    static const struct {
        const char *layer;
        int number, height, width, modified;
    } cases[] = {{"features.2", 2, 12, 10, 2}, {"features_4", 4, 6, 5, 1}, {"features/6", 6, 6, 5, 0}};
    (void)state;
    golden g = open_golden();
    float *z = golden_line("visualize.txt", "scores", 5);
    for (size_t k = 0; k < 3; k++)
        for (int r = 0; r < 3; r++) {
            actmax_result *result;
            char name[32];
            size_t count = (size_t)(cases[k].height * cases[k].width);
            bool untouched = r > 0 && cases[k].modified == 0;
            set_option(g.recipe, "backprop", rules[r]);
            int32_t status = actmax_session_grad_cam(g.session, g.image, ACTMAX_LAYER_OUTPUT, CLASS,
                                                     layer_of(g.model, cases[k].layer), g.recipe, &result);
            assert_int_equal(status, untouched ? ACTMAX_NOTE_NOT_MODIFIED : ACTMAX_OK);
            if (untouched) has_note(result, "met no ReLU");
            snprintf(name, sizeof name, "cam%d_%s", cases[k].number, rules[r]);
            check_golden(name, array_of(result, "map_raw", count), count);
            assert_true(fabs(number(result, "score") - (double)z[CLASS]) < 1e-5);
            assert_true(number(result, "modified") == (r ? cases[k].modified : 0));
            assert_true(number(result, "left") == (r ? 0 : cases[k].modified));
            actmax_result_free(result);
        }
    free(z);
    close_golden(&g);
}

static void resizing(void **state)
{
    static const char *const kinds[] = {"bilinear", "nearest", "spline"};
    (void)state;
    golden g = open_golden();
    int32_t at = layer_of(g.model, "features.4");
    for (int k = 0; k < 3; k++) {
        actmax_result *result, *by_most, *plain;
        set_option(g.recipe, "cam_resize", kinds[k]);
        set_option(g.recipe, "cam_scaling", "minmax");
        must(actmax_session_grad_cam(g.session, g.image, ACTMAX_LAYER_OUTPUT, CLASS, at, g.recipe, &result));
        const float *map = array_of(result, "map", PIXELS);
        check_golden(kinds[k], map, PIXELS);
        set_option(g.recipe, "cam_scaling", "max");
        must(actmax_session_grad_cam(g.session, g.image, ACTMAX_LAYER_OUTPUT, CLASS, at, g.recipe, &by_most));
        set_option(g.recipe, "cam_scaling", "none");
        must(actmax_session_grad_cam(g.session, g.image, ACTMAX_LAYER_OUTPUT, CLASS, at, g.recipe, &plain));
        const float *x = array_of(plain, "map", PIXELS), *y = array_of(by_most, "map", PIXELS);
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < PIXELS; i++) {
            low = fmin(low, (double)x[i]);
            high = fmax(high, (double)x[i]);
        }
        for (size_t i = 0; i < PIXELS; i++) {
            assert_true(fabs((double)map[i] - ((double)x[i] - low) / (high - low)) < 1e-5);
            assert_true(fabs((double)y[i] - fmax((double)x[i] / high, 0.0)) < 1e-5);
        }
        actmax_result_free(result);
        actmax_result_free(by_most);
        actmax_result_free(plain);
    }
    close_golden(&g);
}

/* Class 2 has only negative weights for what features.4 shows. */
static void flat_map(void **state)
{
    static const char *const kinds[] = {"bilinear", "nearest", "spline"}, *const scalings[] = {"minmax", "max", "none"};
    (void)state;
    golden g = open_golden();
    for (int k = 0; k < 9; k++) {
        actmax_result *result;
        set_option(g.recipe, "cam_resize", kinds[k % 3]);
        set_option(g.recipe, "cam_scaling", scalings[k / 3]);
        int32_t at = layer_of(g.model, "features.4");
        refused(actmax_session_grad_cam(g.session, g.image, ACTMAX_LAYER_OUTPUT, 2, at, g.recipe, &result), ACTMAX_NOTE_FLAT_MAP,
                "the map is flat");
        has_note(result, "the map is flat");
        assert_true(number(result, "status") == ACTMAX_NOTE_FLAT_MAP);
        assert_true(largest(array_of(result, "map", PIXELS), PIXELS) == 0.0);
        assert_true(largest(array_of(result, "map_raw", 30), 30) > 1e-3); /* the raw map stays */
        actmax_result_free(result);
    }
    close_golden(&g);
}

/* Without padding a plain picture excites all positions alike, up to rounding, which must not be blown up to a map. */
static void flat_up_to_rounding(void **state)
{
    (void)state;
    tiny t;
    actmax_result *result;
    tiny_begin(&t, 1, 3, 24, 24);
    tiny_conv(&t, "conv1", "x", 3, 16, 3, 0, 1, 0.5f);
    tiny_node(&t, "Relu", "relu1", "conv1", "relu1");
    tiny_conv(&t, "conv2", "relu1", 16, 16, 3, 0, 2, 0.5f);
    tiny_node(&t, "Relu", "relu2", "conv2", "relu2");
    tiny_node(&t, "GlobalAveragePool", "mean", "relu2", "mean");
    tiny_node(&t, "Flatten", "flat", "mean", "flat");
    tiny_dense(&t, "dense", "flat", 16, 5, 3);
    tiny_output(&t, "dense");
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    uint8_t plain[24 * 24 * 3];
    memset(plain, 93, sizeof plain);
    actmax_image *image;
    must(actmax_image_new(24, 24, 3, plain, 0, &image));
    for (int32_t c = 0; c < 5; c++) {
        assert_int_equal(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, c, ACTMAX_LAYER_AUTO, recipe, &result),
                         ACTMAX_NOTE_FLAT_MAP);
        assert_true(largest(array_of(result, "map", 576), 576) == 0.0);
        actmax_result_free(result);
    }
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* A network of conv, the activation, mean and dense layer. */
static actmax_model *with_activation(tiny *t, const char *op, const actmax_recipe *recipe)
{
    tiny_begin(t, 1, 3, 12, 10);
    tiny_conv(t, "conv", "x", 3, 6, 3, 1, 1, 0.5f);
    if (strcmp(op, "Clip") == 0) {
        tiny_values(t, "low", (const float[]){-1}, 0, 0, 0, 0);
        tiny_values(t, "high", (const float[]){1}, 0, 0, 0, 0);
        tiny_node(t, op, "act", "conv low high", "act");
    } else {
        tiny_node(t, op, "act", "conv", "act");
    }
    tiny_node(t, "GlobalAveragePool", "mean", "act", "mean");
    tiny_node(t, "Flatten", "flat", "mean", "flat");
    tiny_dense(t, "dense", "flat", 6, 5, 3);
    tiny_output(t, "dense");
    return tiny_load(t, recipe);
}

/* The gradient likewise is that of 'none', and the result says so. */
static void check_gradient_untouched(actmax_session *session, const actmax_image *image, const char *rule)
{
    static const int32_t filter = 1;
    actmax_recipe *recipe = tiny_recipe("backprop", rule, NULL);
    actmax_result *plain, *result;
    must(actmax_session_gradient(session, image, ACTMAX_LAYER_OUTPUT, &filter, 1, NULL, &plain));
    refused(actmax_session_gradient(session, image, ACTMAX_LAYER_OUTPUT, &filter, 1, recipe, &result), ACTMAX_NOTE_NOT_MODIFIED,
            "met no ReLU");
    has_note(result, "same gradient as 'none'");
    near_all("gradients", array_of(result, "gradient", PIXELS * 3), array_of(plain, "gradient", PIXELS * 3), PIXELS * 3, 0.0);
    actmax_result_free(result);
    actmax_result_free(plain);
    actmax_recipe_free(recipe);
}

static void without_relu(void **state)
{
    static const char *const ops[] = {"Sigmoid", "Tanh", "LeakyRelu", "Clip"}; /* Clip from -1 to 1 is no ReLU */
    (void)state;
    int flat = 0;
    for (int k = 0; k < 4; k++) {
        tiny t;
        actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
        actmax_model *model = with_activation(&t, ops[k], recipe);
        actmax_session *session = tiny_session(model, 1);
        actmax_image *image = golden_picture();
        actmax_result *result = NULL, *plain;
        must(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &plain));
        assert_true(number(plain, "left") == 1.0);
        actmax_result_free(plain);
        must(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 4, layer_of(model, "conv"), recipe, &plain));
        for (int r = 1; r < 3; r++) {
            set_option(recipe, "backprop", rules[r]);
            refused(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &result), ACTMAX_ERROR_INVALID,
                    "acts on ReLU only, and this network has none on the way (1 other activations)");
            assert_null(result);
            int32_t status =
                actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 4, layer_of(model, "conv"), recipe, &result);
            assert_int_equal(status, ACTMAX_NOTE_NOT_MODIFIED);
            assert_true(number(result, "modified") == 0.0 && number(result, "left") == 1.0);
            near_all("the three maps are equal", array_of(result, "map", PIXELS), array_of(plain, "map", PIXELS), PIXELS, 0.0);
            actmax_result_free(result);
            check_gradient_untouched(session, image, rules[r]);
            /* of a class whose map is flat besides, both are said */
            status = actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 1, layer_of(model, "conv"), recipe, &result);
            refused(status, status == ACTMAX_NOTE_FLAT_MAP ? ACTMAX_NOTE_FLAT_MAP : ACTMAX_NOTE_NOT_MODIFIED, "met no ReLU");
            flat += status == ACTMAX_NOTE_FLAT_MAP && strstr(text_of(result, "notes"), "the map is flat");
            actmax_result_free(result);
            result = NULL;
        }
        actmax_result_free(plain);
        actmax_image_free(image);
        actmax_session_free(session);
        actmax_model_free(model);
        actmax_recipe_free(recipe);
        tiny_free(&t);
    }
    assert_true(flat > 0);
}

/* ---- Where the map lies in a photograph ---- */

/* Half-pixel bilinear at (y, x) of a map of `height` rows enlarged to h x w. */
static double bilinear(const float *map, int height, int width, int y, int x, int h, int w)
{
    double sy = fmin(fmax((y + 0.5) * height / h - 0.5, 0), height - 1), sx = fmin(fmax((x + 0.5) * width / w - 0.5, 0), width - 1);
    int y0 = (int)sy, x0 = (int)sx, y1 = y0 + 1 < height ? y0 + 1 : y0, x1 = x0 + 1 < width ? x0 + 1 : x0;
    double fy = sy - y0, fx = sx - x0;
    double above = (1 - fx) * fmax((double)map[y0 * width + x0], 0) + fx * fmax((double)map[y0 * width + x1], 0);
    double below = (1 - fx) * fmax((double)map[y1 * width + x0], 0) + fx * fmax((double)map[y1 * width + x1], 0);
    return (1 - fy) * above + fy * below;
}

/* By hand: a network of 10 x 12 (width x height) is fed from round(10 * 256 / 224) = 11 x 14; the height decides, so 40 x 28
 * shrinks to 20 x 14, of which columns 5..14 and rows 1..12 are kept: in the photograph, columns 10..29 and rows 2..25. */
static void photograph(void **state)
{
    (void)state;
    golden g = open_golden();
    uint8_t pixels[28 * 40 * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(127.5f + 100.0f * sinf((float)i * 0.013f) + tiny_value(4, 20.0f, i));
    actmax_image *photo;
    actmax_result *result;
    must(actmax_image_new(40, 28, 3, pixels, 0, &photo));
    must(actmax_session_grad_cam(g.session, photo, ACTMAX_LAYER_OUTPUT, 4, layer_of(g.model, "features.4"), g.recipe, &result));
    const float *map = array_of(result, "map", 28 * 40), *raw = array_of(result, "map_raw", 30);
    double low = INFINITY, high = -INFINITY;
    for (int y = 0; y < 24; y++)
        for (int x = 0; x < 20; x++) {
            low = fmin(low, bilinear(raw, 6, 5, y, x, 24, 20));
            high = fmax(high, bilinear(raw, 6, 5, y, x, 24, 20));
        }
    assert_true(high > low);
    for (int y = 0; y < 28; y++)
        for (int x = 0; x < 40; x++) {
            bool seen = x >= 10 && x < 30 && y >= 2 && y < 26;
            double expected = seen ? (bilinear(raw, 6, 5, y - 2, x - 10, 24, 20) - low) / (high - low) : 0.0;
            if (!(fabs((double)map[y * 40 + x] - expected) < 1e-5))
                fail_msg("(%d, %d) is %g, expected %g", y, x, (double)map[y * 40 + x], expected);
        }
    assert_int_equal(actmax_image_width(image_of(result, "heat")), 40);
    assert_int_equal(actmax_image_height(image_of(result, "heat")), 28);
    actmax_result_free(result);
    actmax_image_free(photo);
    close_golden(&g);
}

static void overlay(void **state)
{
    (void)state;
    const uint8_t heat[12] = {255, 0, 10, 100, 200, 0, 1, 2, 3, 255, 255, 255}, grey[4] = {0, 255, 3, 128};
    const uint8_t rgb[12] = {0, 0, 0, 255, 255, 255, 9, 8, 7, 1, 2, 3};
    actmax_image *h, *p, *made;
    actmax_recipe *recipe = tiny_recipe("alpha", "0.3", NULL);
    must(actmax_image_new(2, 2, 3, heat, 0, &h));
    for (int k = 0; k < 2; k++) {
        must(actmax_image_new(2, 2, k ? 1 : 3, k ? grey : rgb, 0, &p));
        must(actmax_image_overlay(h, p, recipe, &made));
        for (int i = 0; i < 12; i++)
            assert_int_equal(actmax_image_pixels(made)[i], (int)(0.3 * heat[i] + (1.0 - 0.3) * (k ? grey[i / 3] : rgb[i])));
        actmax_image_free(made);
        actmax_image_free(p);
    }
    must(actmax_image_new(2, 1, 3, rgb, 0, &p));
    refused(actmax_image_overlay(h, p, recipe, &made), ACTMAX_ERROR_SHAPE, "2 x 2, the image 2 x 1");
    actmax_image_free(p);
    actmax_image_free(h);
    actmax_recipe_free(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores),       cmocka_unit_test(saliency),   cmocka_unit_test(grad_cam),
        cmocka_unit_test(resizing),     cmocka_unit_test(flat_map),   cmocka_unit_test(flat_up_to_rounding),
        cmocka_unit_test(without_relu), cmocka_unit_test(photograph), cmocka_unit_test(overlay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
