/* Maps of which layer and for which target: what is taken when neither is said, channels last, what stands before a softmax, and
 * layers that have no map. */
#include "golden_maps.h"

/* The default layer is the last that has height and width, after its activation; the default class is the highest. */
static void defaults(void **state)
{
    (void)state;
    golden g = open_golden();
    actmax_result *result, *named;
    float *z = golden_line("visualize.txt", "scores", 5);
    int top = 0;
    for (int i = 1; i < 5; i++)
        if (z[i] > z[top]) top = i;
    must(actmax_session_grad_cam(g.session, g.image, ACTMAX_LAYER_OUTPUT, ACTMAX_CLASS_TOP, ACTMAX_LAYER_AUTO, g.recipe, &result));
    assert_string_equal(text_of(result, "layer"), "/features/features.6/Relu");
    assert_true(number(result, "class") == top);
    must(actmax_model_grad_cam(g.model, g.image, top, g.recipe, &named));
    near_all("the short form", array_of(named, "map", PIXELS), array_of(result, "map", PIXELS), PIXELS, 0.0);
    actmax_image *heat;
    must(actmax_image_from_map(array_of(result, "map", PIXELS), 10, 12, g.recipe, &heat));
    assert_memory_equal(actmax_image_pixels(heat), actmax_image_pixels(image_of(result, "heat")), PIXELS * 3);
    actmax_image_free(heat);
    actmax_result_free(named);
    actmax_result_free(result);
    free(z);
    close_golden(&g);
}

/* A network whose input is channels last, against the same one whose input is channels first. */
static void channels_last(void **state)
{
    (void)state;
    tiny a, b;
    actmax_recipe *recipe = tiny_recipe("preprocess", "torch", NULL);
    tiny_classifier(&a);
    tiny_classifier_last(&b);
    actmax_model *models[2] = {tiny_load(&a, recipe), tiny_load(&b, recipe)};
    actmax_image *image = golden_picture();
    actmax_result *cam[2], *saliency_of[2];
    int64_t dims[8];
    int32_t rank, axis;
    must(actmax_model_input_shape(models[1], dims, &rank, &axis));
    assert_true(rank == 4 && axis == 3 && dims[1] == 12 && dims[2] == 10 && dims[3] == 3);
    for (int k = 0; k < 2; k++) {
        actmax_session *session = tiny_session(models[k], 1);
        must(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 1, layer_of(models[k], "relu1"), recipe, &cam[k]));
        must(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &saliency_of[k]));
        actmax_session_free(session);
    }
    near_all("Grad-CAM", array_of(cam[1], "map", PIXELS), array_of(cam[0], "map", PIXELS), PIXELS, 1e-6);
    const float *first = array_of(saliency_of[0], "map_raw", PIXELS * 3);
    near_all("gradient", array_of(saliency_of[1], "map_raw", PIXELS * 3), first, PIXELS * 3, 1e-6 * largest(first, PIXELS * 3));
    for (int k = 0; k < 2; k++) {
        actmax_result_free(cam[k]);
        actmax_result_free(saliency_of[k]);
        actmax_model_free(models[k]);
    }
    actmax_image_free(image);
    actmax_recipe_free(recipe);
    tiny_free(&a);
    tiny_free(&b);
}

/* Layers whose own outputs are channels last: filters and maps go by the last axis. */
static void channels_last_layer(void **state)
{
    (void)state;
    tiny t;
    tiny_begin(&t, 1, 12, 10, 3);
    tiny_open(&t, "Transpose", "in", "x", "turned");
    tiny_ints(&t, "perm", (const int64_t[]){0, 3, 1, 2}, 4);
    tiny_close(&t);
    tiny_conv(&t, "conv", "turned", 3, 6, 3, 1, 1, 0.5f);
    tiny_open(&t, "Transpose", "back", "conv", "back");
    tiny_ints(&t, "perm", (const int64_t[]){0, 2, 3, 1}, 4);
    tiny_close(&t);
    tiny_node(&t, "Relu", "relu", "back", "relu");
    tiny_open(&t, "ReduceMean", "mean", "relu", "mean");
    tiny_ints(&t, "axes", (const int64_t[]){1, 2}, 2);
    tiny_int(&t, "keepdims", 0);
    tiny_close(&t);
    tiny_dense(&t, "dense", "mean", 6, 5, 3);
    tiny_output(&t, "dense");
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_image *image = golden_picture();
    actmax_result *last, *first, *activations;
    int64_t dims[8];
    int32_t rank, axis;
    must(actmax_model_layer_shape(model, layer_of(model, "relu"), dims, &rank, &axis));
    assert_true(rank == 4 && axis == 3 && dims[1] == 12 && dims[2] == 10 && dims[3] == 6);
    must(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 1, ACTMAX_LAYER_AUTO, recipe, &last));
    assert_string_equal(text_of(last, "layer"), "relu");
    /* by hand: the dense layer's weight over the number of positions, times the activation */
    must(actmax_session_activations(session, image, layer_of(model, "relu"), recipe, &activations));
    const float *a = array_of(activations, "activations", PIXELS * 6), *raw = array_of(last, "map_raw", PIXELS);
    for (size_t i = 0; i < PIXELS; i++) {
        double sum = 0.0;
        for (size_t c = 0; c < 6; c++)
            sum += (double)a[i * 6 + c] * (double)tiny_value(3, 1.0f, c * 5 + 1) / PIXELS;
        assert_true(fabs((double)raw[i] - sum) < 1e-7);
    }
    must(actmax_session_grad_cam(session, image, layer_of(model, "relu"), 4, layer_of(model, "conv"), recipe, &first));
    assert_true(number(first, "class") == 4.0);
    actmax_result_free(activations);
    actmax_result_free(first);
    actmax_result_free(last);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void softmax_bypass(void **state)
{
    (void)state;
    tiny t;
    tiny_classifier(&t);
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_image *image = golden_picture();
    actmax_result *prediction, *result;
    must(actmax_session_predict(session, image, recipe, &prediction));
    assert_true(number(prediction, "softmax_added") == 0.0);
    must(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &result));
    assert_true(fabs(number(result, "score") - (double)array_of(prediction, "logits", 5)[1]) < 1e-6);
    has_note(result, "before 'soft'");
    actmax_result_free(result);
    set_option(recipe, "bypass", "0");
    must(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &result));
    assert_true(fabs(number(result, "score") - (double)array_of(prediction, "probabilities", 5)[1]) < 1e-6);
    assert_null(strstr(text_of(result, "notes"), "soft"));
    actmax_result_free(result);
    actmax_result_free(prediction);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void wrong_layers(void **state)
{
    (void)state;
    golden g = open_golden();
    actmax_result *result = NULL;
    int32_t conv5 = layer_of(g.model, "/features/features.5/Conv"), relu = layer_of(g.model, "features.6"),
            out = ACTMAX_LAYER_OUTPUT;
    int32_t clip = layer_of(g.model, "features.3"), mean = layer_of(g.model, "/ReduceMean");
    refused(actmax_session_grad_cam(g.session, g.image, clip, 1, relu, g.recipe, &result), ACTMAX_ERROR_INVALID,
            "is not computed from layer '/features/features.6/Relu'");
    refused(actmax_session_grad_cam(g.session, g.image, clip, 1, clip, g.recipe, &result), ACTMAX_ERROR_INVALID,
            "choose a layer before");
    refused(actmax_session_grad_cam(g.session, g.image, out, 1, mean, g.recipe, &result), ACTMAX_ERROR_SHAPE, "height and width");
    refused(actmax_session_grad_cam(g.session, g.image, out, 5, conv5, g.recipe, &result), ACTMAX_ERROR_NOT_FOUND, "(0 to 4)");
    refused(actmax_session_saliency(g.session, g.image, conv5, 10, g.recipe, &result), ACTMAX_ERROR_NOT_FOUND, "(0 to 9)");
    refused(actmax_session_grad_cam(g.session, g.image, out, 1, 99, g.recipe, &result), ACTMAX_ERROR_NOT_FOUND, "no layer 99");
    refused(actmax_session_grad_cam(g.session, g.image, -7, 1, conv5, g.recipe, &result), ACTMAX_ERROR_NOT_FOUND, "no layer -7");
    refused(actmax_session_grad_cam(g.session, g.image, layer_of(g.model, "features.0"), 1, ACTMAX_LAYER_AUTO, g.recipe, &result),
            ACTMAX_ERROR_NOT_FOUND, "use saliency");
    assert_null(result);
    close_golden(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),       cmocka_unit_test(channels_last), cmocka_unit_test(channels_last_layer),
        cmocka_unit_test(softmax_bypass), cmocka_unit_test(wrong_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
