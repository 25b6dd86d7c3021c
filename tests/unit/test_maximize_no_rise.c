/* Activation maximisation of what cannot rise: the notes and errors that say so. */
#include "tiny.h"

/* conv "conv" of given bias, then Relu "relu". */
static actmax_model *conv_and_relu(tiny *t, float bias, bool positive, const actmax_recipe *recipe)
{
    float w[12], b[4] = {bias, bias, bias, bias};
    for (size_t i = 0; i < 12; i++)
        w[i] = positive ? 0.5f : tiny_value(1, 0.5f, i);
    tiny_begin(t, 1, 3, 12, 10);
    tiny_values(t, "w", w, 4, 3, 1, 1);
    tiny_values(t, "b", b, 4, 0, 0, 0);
    tiny_node(t, "Conv", "conv", "x w b", "conv");
    tiny_node(t, "Relu", "relu", "conv", "relu");
    tiny_output(t, "relu");
    return tiny_load(t, recipe);
}

static int32_t stop_at_once(void *user, const actmax_progress *progress)
{
    (void)progress;
    ++*(int *)user;
    return 1;
}

static void dead_target(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "seed", "5", "steps", "30", NULL);
    actmax_model *model = conv_and_relu(&t, -100.0f, false, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result;
    int32_t filter = 1, at = layer_of(model, "relu");
    refused(actmax_session_maximize(session, at, &filter, 1, recipe, &result), ACTMAX_NOTE_DEAD_TARGET, "stayed zero for 3 seeds");
    has_note(result, "does not react to the image");
    assert_true(number(result, "status") == ACTMAX_NOTE_DEAD_TARGET);
    assert_true(number(result, "seed") == 7.0); /* the third of them */
    assert_true(number(result, "activation_end") == 0.0);
    assert_non_null(image_of(result, "image"));
    actmax_result_free(result);
    must(actmax_session_maximize(session, layer_of(model, "conv"), &filter, 1, recipe,
                                 &result)); /* before its activation it lives */
    assert_true(number(result, "activation_end") > number(result, "activation_start"));
    actmax_result_free(result);
    int calls = 0; /* who stops is told so, not that three seeds were tried */
    must(actmax_recipe_set_callback(recipe, stop_at_once, &calls));
    assert_int_equal(actmax_session_maximize(session, at, &filter, 1, recipe, &result), ACTMAX_NOTE_STOPPED);
    assert_int_equal(calls, 1);
    actmax_result_free(result);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* All pixels become the same input of the network, but for what float32 cannot hold. */
static void no_rise(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("scale", "1e-12", "mean", "-1", "steps", "10", NULL);
    actmax_model *model = conv_and_relu(&t, 1.0f, false, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result;
    int32_t filter = 1;
    refused(actmax_session_maximize(session, layer_of(model, "conv"), &filter, 1, recipe, &result), ACTMAX_NOTE_NO_RISE,
            "check the preprocessing");
    has_note(result, "check the preprocessing");
    assert_true(number(result, "activation_end") <= number(result, "activation_start"));
    actmax_result_free(result);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* A filter that wants white everywhere gets it: the picture is flat, which is said. */
static void flat_picture(void **state)
{
    static const char *const kinds[] = {"pixel", "pyramid"};
    (void)state;
    for (int k = 0; k < 2; k++) {
        tiny t;
        actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "steps", "400", "parameters", kinds[k], "contrast", "0", NULL);
        actmax_model *model = conv_and_relu(&t, 0.0f, true, recipe);
        actmax_session *session = tiny_session(model, 1);
        actmax_result *result;
        int32_t filter = 1;
        refused(actmax_session_maximize(session, layer_of(model, "conv"), &filter, 1, recipe, &result), ACTMAX_NOTE_NO_RISE,
                "the picture is flat");
        assert_true(number(result, "activation_end") > 1.4); /* 3 channels of weight 0.5, all white */
        actmax_result_free(result);
        actmax_session_free(session);
        actmax_model_free(model);
        actmax_recipe_free(recipe);
        tiny_free(&t);
    }
}

static void not_finite(void **state)
{
    (void)state;
    actmax_recipe *recipe = tiny_recipe("scale", "1e9", "std", "1e-9", "steps", "3", NULL);
    actmax_model *model = golden_model("visualize.onnx", recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_result *result = NULL;
    uint8_t bytes[360];
    memset(bytes, 200, sizeof bytes);
    actmax_image *image;
    int32_t filter = 0;
    must(actmax_image_new(10, 12, 3, bytes, 0, &image));
    actmax_model_free(model);
    actmax_session_free(session);
    set_option(recipe, "std", "1e-9");
    set_option(recipe, "scale", "1e9");
    tiny t; /* three linear convolutions pass the range of float32 */
    tiny_begin(&t, 1, 3, 12, 10);
    tiny_conv(&t, "conv1", "x", 3, 4, 3, 1, 1, 1e9f);
    tiny_conv(&t, "conv2", "conv1", 4, 4, 3, 1, 2, 1e9f);
    tiny_conv(&t, "conv3", "conv2", 4, 4, 3, 1, 3, 1e9f);
    tiny_output(&t, "conv3");
    model = tiny_load(&t, recipe);
    session = tiny_session(model, 1);
    int32_t at = layer_of(model, "conv3");
    refused(actmax_session_maximize(session, at, &filter, 1, recipe, &result), ACTMAX_ERROR_NUMERIC, "in layer conv");
    refused(actmax_session_saliency(session, image, at, 1, recipe, &result), ACTMAX_ERROR_NUMERIC, "check the preprocessing");
    refused(actmax_session_grad_cam(session, image, at, 1, layer_of(model, "conv1"), recipe, &result), ACTMAX_ERROR_NUMERIC,
            "in layer conv");
    refused(actmax_session_predict(session, image, recipe, &result), ACTMAX_ERROR_NUMERIC, "check the preprocessing");
    refused(actmax_session_gradient(session, image, at, &filter, 1, recipe, &result), ACTMAX_ERROR_NUMERIC, "in layer conv");
    assert_null(result);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_target),
        cmocka_unit_test(no_rise),
        cmocka_unit_test(flat_picture),
        cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
