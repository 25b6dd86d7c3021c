/* The public functions when they are used wrongly; results and messages. */
#include "tiny.h"

#define INVALID ACTMAX_ERROR_INVALID
#define MISSING ACTMAX_ERROR_NOT_FOUND

/* ---- NULL and worse ---- */

static void null_recipes(void **state)
{
    (void)state;
    actmax_recipe *recipe = tiny_recipe(NULL);
    double value = 1.0;
    const char *text;
    const float data[2] = {1, 2};
    const int64_t dims[2] = {1, -2};
    refused(actmax_recipe_new(NULL), INVALID, "out is NULL");
    refused(actmax_recipe_set_number(NULL, "steps", 1), INVALID, "recipe");
    refused(actmax_recipe_set_number(recipe, NULL, 1), INVALID, "NULL");
    refused(actmax_recipe_set_numbers(recipe, "mean", NULL, 1), INVALID, "NULL");
    refused(actmax_recipe_set_text(NULL, "steps", "1"), INVALID, "recipe");
    refused(actmax_recipe_set_text(recipe, "steps", NULL), INVALID, "NULL");
    refused(actmax_recipe_set_text(recipe, NULL, "1"), INVALID, "NULL");
    refused(actmax_recipe_get_number(NULL, "steps", &value), INVALID, "NULL");
    refused(actmax_recipe_get_number(recipe, "steps", NULL), INVALID, "NULL");
    refused(actmax_recipe_get_text(recipe, "steps", NULL), INVALID, "NULL");
    refused(actmax_recipe_get_text(NULL, "steps", &text), INVALID, "NULL");
    refused(actmax_recipe_add_part(NULL, "jitter", NULL), INVALID, "NULL");
    refused(actmax_recipe_add_part(recipe, NULL, NULL), INVALID, "NULL");
    refused(actmax_recipe_set_part_number(NULL, 0, "jitter", 1), INVALID, "NULL");
    refused(actmax_recipe_set_part_text(recipe, 0, "jitter", NULL), INVALID, "no part 0");
    must(actmax_recipe_add_part(recipe, "jitter", NULL));
    refused(actmax_recipe_set_part_text(recipe, 0, "jitter", NULL), INVALID, "NULL");
    refused(actmax_recipe_set_callback(NULL, NULL, NULL), INVALID, "NULL");
    refused(actmax_recipe_bind_input(NULL, "x", data, dims, 1), INVALID, "bind_input");
    refused(actmax_recipe_bind_input(recipe, NULL, data, dims, 1), INVALID, "bind_input");
    refused(actmax_recipe_bind_input(recipe, "x", NULL, dims, 1), INVALID, "bind_input");
    refused(actmax_recipe_bind_input(recipe, "x", data, NULL, 1), INVALID, "bind_input");
    refused(actmax_recipe_bind_input(recipe, "x", data, dims, 9), INVALID, "0 to 8 dims");
    refused(actmax_recipe_bind_input(recipe, "x", data, dims, 2), INVALID, "dimension 1");
    refused(actmax_recipe_add_external_data(recipe, NULL, data, 8), INVALID, "NULL");
    refused(actmax_recipe_add_external_data(recipe, "f", NULL, 8), INVALID, "NULL");
    refused(actmax_option_find("steps", NULL), INVALID, "NULL");
    actmax_recipe_free(recipe);
    actmax_recipe_free(NULL);
    actmax_model_free(NULL);
    actmax_session_free(NULL);
    actmax_image_free(NULL);
    actmax_result_free(NULL);
}

static void null_models(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe), *none = NULL;
    int64_t dims[8];
    int32_t number_of = 0;
    char text[10];
    refused(actmax_model_load(NULL, recipe, &none), INVALID, "NULL");
    refused(actmax_model_load("m.onnx", recipe, NULL), INVALID, "NULL");
    refused(actmax_model_load("no/such/file.onnx", recipe, &none), MISSING, "no/such/file.onnx");
    refused(actmax_model_load_memory(NULL, 9, recipe, &none), INVALID, "NULL");
    refused(actmax_model_load_memory(t.to.data, 9, recipe, NULL), INVALID, "NULL");
    assert_true(actmax_model_load_memory(t.to.data, 0, recipe, &none) < 0);
    assert_null(none);
    assert_string_equal(actmax_model_notes(NULL), "");
    assert_null(actmax_model_input_name(NULL));
    refused(actmax_model_input_shape(NULL, dims, &number_of, NULL), INVALID, "NULL");
    refused(actmax_model_input_shape(model, dims, NULL, NULL), INVALID, "NULL");
    assert_true(actmax_model_parameters(NULL) == 0 && actmax_model_layer_count(NULL) == 0);
    assert_true(!actmax_model_layer_name(NULL, 0) && !actmax_model_layer_type(NULL, 0));
    refused(actmax_model_layer_shape(model, 0, dims, NULL, NULL), INVALID, "NULL");
    refused(actmax_model_layer_shape(NULL, 0, dims, &number_of, NULL), INVALID, "NULL");
    refused(actmax_model_find_layer(NULL, "x", &number_of), INVALID, "NULL");
    refused(actmax_model_find_layer(model, NULL, &number_of), INVALID, "missing");
    refused(actmax_model_find_layer(model, "x", NULL), INVALID, "NULL");
    refused(actmax_model_summary(NULL, text, 10, NULL), INVALID, "NULL");
    refused(actmax_model_summary(model, NULL, 10, NULL), INVALID, "NULL");
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void null_sessions(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "1", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1), *none = NULL;
    actmax_image *image = golden_picture();
    actmax_result *r = NULL, *several[2] = {NULL, NULL};
    const int32_t filter = 0;
    refused(actmax_session_new(NULL, recipe, &none), INVALID, "NULL");
    refused(actmax_session_new(model, recipe, NULL), INVALID, "NULL");
    assert_int_equal(actmax_session_threads(NULL), 0);
    refused(actmax_session_predict(NULL, image, recipe, &r), INVALID, "NULL");
    refused(actmax_session_predict(session, NULL, recipe, &r), INVALID, "NULL");
    refused(actmax_session_predict(session, image, recipe, NULL), INVALID, "NULL");
    refused(actmax_session_activations(session, NULL, 0, recipe, &r), INVALID, "NULL");
    refused(actmax_session_activations(session, image, 9, recipe, &r), MISSING, "no layer 9");
    refused(actmax_session_activations(session, image, ACTMAX_LAYER_AUTO, recipe, &r), MISSING, "no layer -2");
    refused(actmax_session_gradient(session, NULL, 0, &filter, 1, recipe, &r), INVALID, "NULL");
    refused(actmax_session_gradient(session, image, 0, NULL, 1, recipe, &r), INVALID, "give the filters");
    refused(actmax_session_gradient(session, image, 0, &filter, 5000, recipe, &r), INVALID, "up to 4096");
    refused(actmax_session_gradient(session, image, 0, &(const int32_t){6}, 1, recipe, &r), MISSING,
            "no filter 6: the layer has 6");
    refused(actmax_session_layer_gradient(session, NULL, 0, &filter, 1, 0, recipe, &r), INVALID, "NULL");
    refused(actmax_session_layer_gradient(session, image, 0, &filter, 1, 2, recipe, &r), INVALID, "does not depend on that layer");
    refused(actmax_session_maximize(NULL, 0, &filter, 1, recipe, &r), INVALID, "NULL");
    refused(actmax_session_maximize(session, 0, &filter, 1, recipe, NULL), INVALID, "NULL");
    refused(actmax_session_maximize_each(NULL, 0, &filter, 1, recipe, several), INVALID, "NULL");
    refused(actmax_session_maximize_each(session, 0, &filter, 1, recipe, NULL), INVALID, "NULL");
    refused(actmax_session_maximize_each(session, 0, NULL, 1, recipe, several), INVALID, "filters");
    refused(actmax_session_maximize_each(session, 0, &filter, 0, recipe, several), INVALID, "no filters");
    refused(actmax_session_grad_cam(NULL, image, -1, 0, -2, recipe, &r), INVALID, "NULL");
    refused(actmax_session_grad_cam(session, NULL, -1, 0, -2, recipe, &r), INVALID, "NULL");
    refused(actmax_session_grad_cam(session, image, -1, 0, -2, recipe, NULL), INVALID, "NULL");
    refused(actmax_session_saliency(session, NULL, -1, 0, recipe, &r), INVALID, "NULL");
    refused(actmax_model_maximize(NULL, "conv1", 0, recipe, &r), INVALID, "NULL");
    refused(actmax_model_maximize(model, NULL, 0, recipe, &r), INVALID, "missing");
    refused(actmax_model_maximize(model, "conv1", 0, recipe, NULL), INVALID, "NULL");
    refused(actmax_model_grad_cam(NULL, image, 0, recipe, &r), INVALID, "NULL");
    refused(actmax_model_grad_cam(model, NULL, 0, recipe, &r), INVALID, "NULL");
    assert_true(!r && !none && !several[0]);
    actmax_image_free(image);
    const float wrong[4 * 4 * 3] = {0}; /* a float image must have the network's size */
    must(actmax_image_new_float(4, 4, 3, wrong, &image));
    refused(actmax_session_predict(session, image, recipe, &r), ACTMAX_ERROR_SHAPE, "4x4 with 3 channels; the network takes 10x12");
    refused(actmax_session_saliency(session, image, -1, 0, recipe, &r), ACTMAX_ERROR_SHAPE, "4x4");
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void null_images(void **state)
{
    (void)state;
    const uint8_t bytes[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const float floats[4] = {0};
    actmax_image *image, *number_image, *none = NULL;
    must(actmax_image_new(2, 2, 3, bytes, 0, &image));
    must(actmax_image_new_float(2, 2, 1, floats, &number_image));
    refused(actmax_image_new(2, 2, 3, bytes, 0, NULL), INVALID, "NULL");
    refused(actmax_image_new(0, 2, 3, bytes, 0, &none), INVALID, "0 x 2");
    refused(actmax_image_new(2, -1, 3, bytes, 0, &none), INVALID, "2 x -1");
    refused(actmax_image_new(2, 2, 4, bytes, 0, &none), INVALID, "not 4");
    refused(actmax_image_new(2, 2, 3, bytes, 5, &none), INVALID, "stride");
    refused(actmax_image_new(INT32_MAX, INT32_MAX, 3, NULL, 0, &none), ACTMAX_ERROR_LIMIT, "limit_image");
    refused(actmax_image_new_float(2, 2, 1, NULL, &none), INVALID, "NULL");
    refused(actmax_image_new_float(2, 2, 0, floats, &none), INVALID, "0 channels");
    refused(actmax_image_load(NULL, NULL, &none), INVALID, "NULL");
    refused(actmax_image_load("no.png", NULL, NULL), INVALID, "NULL");
    refused(actmax_image_load("no.png", NULL, &none), MISSING, "no.png");
    refused(actmax_image_load_memory(NULL, 1, NULL, &none), INVALID, "NULL");
    refused(actmax_image_load_memory(bytes, 12, NULL, &none), ACTMAX_ERROR_FORMAT, "");
    refused(actmax_image_save(NULL, "a.png"), INVALID, "NULL");
    refused(actmax_image_save(image, NULL), INVALID, "NULL");
    refused(actmax_image_save(image, "a.gif"), INVALID, ".png, .jpg");
    refused(actmax_image_save(number_image, "a.png"), INVALID, "float image");
    refused(actmax_image_resize(image, 2, 2, NULL, &none), INVALID, "NULL");
    refused(actmax_image_resize(image, 2, 2, "cubic", &none), INVALID, "bilinear or bicubic");
    refused(actmax_image_resize(image, 0, 2, "bilinear", &none), INVALID, "0 x 2");
    refused(actmax_image_resize(number_image, 2, 2, "bilinear", &none), INVALID, "8-bit");
    refused(actmax_image_from_map(NULL, 2, 2, NULL, &none), INVALID, "NULL");
    refused(actmax_image_from_map(floats, 2, 0, NULL, &none), INVALID, "2 x 0");
    refused(actmax_image_overlay(NULL, image, NULL, &none), INVALID, "NULL");
    refused(actmax_image_overlay(image, number_image, NULL, &none), INVALID, "8-bit");
    assert_null(none);
    assert_true(actmax_image_width(NULL) == 0 && actmax_image_height(NULL) == 0 && actmax_image_channels(NULL) == 0);
    assert_true(!actmax_image_pixels(NULL) && !actmax_image_float_pixels(NULL));
    assert_true(!actmax_image_pixels(number_image) && !actmax_image_float_pixels(image));
    actmax_image_free(image);
    actmax_image_free(number_image);
    must(actmax_image_new(2, 1, 3, bytes, 6, &image)); /* rows of a wider picture */
    assert_memory_equal(actmax_image_pixels(image), bytes, 6);
    actmax_image_free(image);
    must(actmax_image_new(1, 2, 1, bytes, 5, &image));
    assert_true(actmax_image_pixels(image)[0] == 1 && actmax_image_pixels(image)[1] == 6);
    actmax_image_free(image);
    must(actmax_image_new(2, 2, 1, NULL, 0, &image)); /* black */
    assert_memory_equal(actmax_image_pixels(image), "\0\0\0", 4);
    actmax_image_free(image);
}

/* ---- Results and messages ---- */

static void results(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "1", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_result *result;
    must(actmax_model_maximize(model, "conv1", 0, recipe, &result));
    double value = -1.0;
    const char *text = NULL;
    const float *data = NULL;
    const actmax_image *image = NULL;
    int64_t dims[8];
    int32_t rank = -1;
    refused(actmax_result_number(result, "loss", &value), MISSING, "no number 'loss'; it has: activation_start, activation_end");
    refused(actmax_result_text(result, "name", &text), MISSING, "it has: layer, target, notes");
    refused(actmax_result_array(result, "map", &data, dims, &rank), MISSING, "it has: image");
    refused(actmax_result_image(result, "heat", &image), MISSING, "it has: image");
    refused(actmax_result_number(NULL, "steps", &value), INVALID, "NULL");
    refused(actmax_result_number(result, NULL, &value), INVALID, "NULL");
    refused(actmax_result_number(result, "steps", NULL), INVALID, "NULL");
    refused(actmax_result_text(result, "layer", NULL), INVALID, "NULL");
    refused(actmax_result_array(result, "image", NULL, dims, &rank), INVALID, "NULL");
    refused(actmax_result_image(result, "image", NULL), INVALID, "NULL");
    refused(actmax_result_save(NULL, "a.png"), INVALID, "NULL");
    refused(actmax_result_save(result, NULL), INVALID, "NULL");
    refused(actmax_result_save(result, "no/such/folder/a.png"), MISSING, "no/such/folder");
    assert_true(value == -1.0 && !text && !data && !image && rank == -1);
    must(actmax_result_array(result, "image", &data, NULL, NULL));
    assert_non_null(data);
    actmax_model_free(model); /* a result outlives its model */
    assert_string_equal(text_of(result, "layer"), "conv1");
    actmax_result_free(result);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* The message is that of the last call: nothing when it had nothing to say. */
static void messages(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1), *other;
    actmax_image *image = golden_picture(), *copy;
    actmax_result *result;
    int32_t index;
    double value;
    const char *text;
#define SAYS_NOTHING(call)                                                                                                         \
    refused(actmax_option_find("nonsense", &index), MISSING, "nonsense");                                                          \
    assert_int_equal(call, ACTMAX_OK);                                                                                             \
    assert_string_equal(actmax_message(), "")
    SAYS_NOTHING(actmax_option_find("steps", &index));
    SAYS_NOTHING(actmax_recipe_set_number(recipe, "steps", 2));
    SAYS_NOTHING(actmax_recipe_set_text(recipe, "steps", "2"));
    SAYS_NOTHING(actmax_recipe_get_number(recipe, "steps", &value));
    SAYS_NOTHING(actmax_recipe_get_text(recipe, "steps", &text));
    SAYS_NOTHING(actmax_model_find_layer(model, "conv1", &index));
    SAYS_NOTHING(actmax_model_summary(model, NULL, 0, NULL));
    SAYS_NOTHING(actmax_session_new(model, recipe, &other));
    actmax_session_free(other);
    SAYS_NOTHING(actmax_image_resize(image, 5, 5, "bilinear", &copy));
    actmax_image_free(copy);
    SAYS_NOTHING(actmax_session_activations(session, image, 0, recipe, &result));
    actmax_result_free(result);
    SAYS_NOTHING(actmax_session_gradient(session, image, ACTMAX_LAYER_OUTPUT, NULL, 0, recipe, &result));
    actmax_result_free(result);
    SAYS_NOTHING(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 4, recipe, &result));
    actmax_result_free(result);
    SAYS_NOTHING(actmax_session_maximize(session, 0, NULL, 0, recipe, &result));
    actmax_result_free(result);
    SAYS_NOTHING(actmax_session_predict(session, image, recipe, &result));
    SAYS_NOTHING(actmax_result_number(result, "softmax_added", &value));
    actmax_result_free(result);
#undef SAYS_NOTHING
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* A network whose output does not depend on its image. */
static void constant_output(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_begin(&t, 1, 3, 12, 10);
    tiny_random(&t, "w", 1, 0.5f, 1, 5, 0, 0);
    tiny_conv(&t, "conv", "x", 3, 4, 3, 1, 1, 0.5f);
    tiny_node(&t, "Relu", "relu", "w", "fixed");
    tiny_output(&t, "fixed");
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_image *image = golden_picture();
    actmax_result *result = NULL;
    const int32_t filter = 1;
    refused(actmax_session_predict(session, image, recipe, &result), INVALID, "does not depend on the image");
    refused(actmax_session_maximize(session, ACTMAX_LAYER_OUTPUT, &filter, 1, recipe, &result), INVALID,
            "does not depend on the image");
    refused(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 1, 0, recipe, &result), INVALID,
            "does not depend on the image");
    refused(actmax_session_gradient(session, image, ACTMAX_LAYER_OUTPUT, &filter, 1, recipe, &result), INVALID, "does not depend");
    assert_null(result);
    must(actmax_session_activations(session, image, ACTMAX_LAYER_OUTPUT, recipe, &result));
    for (size_t i = 0; i < 5; i++)
        assert_true(array_of(result, "activations", 5)[i] == fmaxf(tiny_value(1, 0.5f, i), 0.0f));
    actmax_result_free(result);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* Scores after a softmax, a log-softmax, a sigmoid, and none: the last layer's values are there in any case. */
static void predictions(void **state)
{
    static const char *const ops[] = {"Softmax", "LogSoftmax", "Sigmoid", "Identity"};
    (void)state;
    for (int k = 0; k < 4; k++) {
        tiny t;
        actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
        tiny_begin(&t, 1, 3, 12, 10);
        tiny_node(&t, "GlobalAveragePool", "mean", "x", "mean");
        tiny_node(&t, "Flatten", "flat", "mean", "flat");
        tiny_dense(&t, "dense", "flat", 3, 5, 3);
        tiny_node(&t, ops[k], "score", "dense", "score");
        tiny_output(&t, "score");
        actmax_model *model = tiny_load(&t, recipe);
        actmax_session *session = tiny_session(model, 1);
        actmax_image *image = golden_picture();
        actmax_result *result, *dense;
        must(actmax_session_predict(session, image, recipe, &result));
        must(actmax_session_activations(session, image, layer_of(model, "dense"), recipe, &dense));
        const float *z = array_of(dense, "activations", 5), *p = array_of(result, "probabilities", 5);
        near_all("logits", array_of(result, "logits", 5), z, 5, 1e-6);
        double sum = 0.0;
        for (int i = 0; i < 5; i++)
            sum += exp((double)z[i]);
        for (int i = 0; i < 5; i++)
            assert_true(fabs((double)p[i] - (k == 2 ? 1 / (1 + exp(-(double)z[i])) : exp((double)z[i]) / sum)) < 1e-6);
        assert_true(number(result, "softmax_added") == (k == 3));
        actmax_result_free(result);
        actmax_result_free(dense);
        actmax_image_free(image);
        actmax_session_free(session);
        actmax_model_free(model);
        actmax_recipe_free(recipe);
        tiny_free(&t);
    }
}

static void lists(void **state)
{
    (void)state;
    assert_int_equal(actmax_version(), ACTMAX_VERSION);
    assert_string_equal(actmax_version_string(), "0.1.0");
    for (int32_t status = ACTMAX_ERROR_INTERNAL; status <= ACTMAX_NOTE_ASSUMED; status++) {
        const char *name = actmax_status_name(status);
        assert_true(strncmp(name, status < 0 ? "ERROR_" : status > 0 ? "NOTE_" : "OK", status ? 5 : 2) == 0);
    }
    assert_string_equal(actmax_status_name(-99), "UNKNOWN");
    assert_string_equal(actmax_status_name(99), "UNKNOWN");
    assert_true(!actmax_feature_name(-1) && !actmax_feature_name(actmax_feature_count()));
    assert_int_equal(actmax_feature_enabled(-1), 0);
    for (int32_t i = 0; i < actmax_feature_count(); i++)
        if (strcmp(actmax_feature_name(i), "onnx") == 0) assert_int_equal(actmax_feature_enabled(i), 1);
    assert_true(!actmax_operator_name(-1) && !actmax_operator_name(actmax_operator_count()) && actmax_operator_count() > 40);
    for (int32_t i = 0; i < actmax_operator_count(); i++)
        assert_non_null(actmax_operator_name(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_recipes),    cmocka_unit_test(null_models), cmocka_unit_test(null_sessions),
        cmocka_unit_test(null_images),     cmocka_unit_test(results),     cmocka_unit_test(messages),
        cmocka_unit_test(constant_output), cmocka_unit_test(predictions), cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
