/* Layers: exact names and usual spellings, ambiguity and misses, shapes, parameters, the summary; what a load assumes or refuses.
 */
#include "tiny.h"

/* ---- Names ---- */

static void names_of_pytorch(void **state)
{
    static const struct {
        const char *spelling, *layer;
    } cases[] = {
        {"/features/features.2/Conv", "/features/features.2/Conv"},          /* the node */
        {"/features/features.2/Conv_output_0", "/features/features.2/Conv"}, /* its output */
        {"features.2", "/features/features.2/Conv"},                         /* the module */
        {"features_2", "/features/features.2/Conv"},
        {"features/2", "/features/features.2/Conv"},
        {"features-2", "/features/features.2/Conv"},
        {"features.2:0", "/features/features.2/Conv"},
        {"/features/features.2/Conv:0", "/features/features.2/Conv"},
        {"/features.2", "/features/features.2/Conv"},
        {"features.3", "/features/features.3/Clip"}, /* a layer without weights */
        {"features_6", "/features/features.6/Relu"},
        {"classifier", "/classifier/Gemm"},
        {"scores", "/classifier/Gemm"}, /* the graph's output */
        {"scores:0", "/classifier/Gemm"},
        {"ReduceMean", "/ReduceMean"},
    };
    (void)state;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    actmax_model *model = golden_model("visualize.onnx", recipe);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = actmax_model_layer_name(model, layer_of(model, cases[i].spelling));
        if (strcmp(found, cases[i].layer) != 0) fail_msg("'%s' gave '%s'", cases[i].spelling, found);
    }
    int32_t index = -5; /* constants and weights are no layers; neither is the input */
    static const char *const not_layers[] = {
        "/features/features.3/Constant", "features.0.weight", "image", "features", "features.20", ""};
    for (size_t i = 0; i < sizeof not_layers / sizeof *not_layers; i++)
        assert_true(actmax_model_find_layer(model, not_layers[i], &index) < 0);
    assert_int_equal(index, -5);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

static void ambiguous_names(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_begin(&t, 1, 3, 8, 8);
    tiny_conv(&t, "block.conv", "x", 3, 4, 3, 1, 1, 0.5f);
    tiny_conv(&t, "block_conv", "block.conv", 4, 4, 3, 1, 2, 0.5f);
    tiny_node(&t, "Relu", "/stem/stem.0/Relu", "block_conv", "a");
    tiny_node(&t, "Sigmoid", "/stem/stem.0/Sigmoid", "a", "b");
    tiny_node(&t, "Relu", "twice", "b", "c");
    tiny_node(&t, "Tanh", "twice", "c", "d");
    tiny_output(&t, "d");
    actmax_model *model = tiny_load(&t, recipe);
    int32_t index = -5;
    refused(actmax_model_find_layer(model, "block/conv", &index), ACTMAX_ERROR_AMBIGUOUS,
            "layer 'block/conv' fits 2 layers: 'block.conv' (Conv), 'block_conv' (Conv)");
    refused(actmax_model_find_layer(model, "stem.0", &index), ACTMAX_ERROR_AMBIGUOUS,
            "'/stem/stem.0/Relu' (Relu), '/stem/stem.0/Sigmoid' (Sigmoid)");
    refused(actmax_model_find_layer(model, "twice", &index), ACTMAX_ERROR_AMBIGUOUS, "'twice' (Relu), 'twice' (Tanh)");
    assert_int_equal(index, -5);
    assert_int_equal(layer_of(model, "block.conv"), 0); /* an exact name is no riddle */
    assert_int_equal(layer_of(model, "block_conv"), 1);
    assert_int_equal(layer_of(model, "d"), 5); /* nor is the name of an output */
    assert_int_equal(layer_of(model, "/stem/stem.0/Relu"), 2);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void misses(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe);
    int32_t index = -5;
    refused(actmax_model_find_layer(model, "conv3", &index), ACTMAX_ERROR_NOT_FOUND, "layer 'conv3' not found; nearest: 'conv");
    assert_non_null(strstr(actmax_message(), "'conv1'"));
    assert_non_null(strstr(actmax_message(), "'conv2'"));
    assert_non_null(strstr(actmax_message(), "lists all 9"));
    refused(actmax_model_find_layer(model, "Dens", &index), ACTMAX_ERROR_NOT_FOUND, "'dense'");
    refused(actmax_model_find_layer(model, "", &index), ACTMAX_ERROR_INVALID, "name of a layer is missing");
    refused(actmax_model_find_layer(model, "////", &index), ACTMAX_ERROR_NOT_FOUND, "not found");
    char longest[5000]; /* a name longer than any buffer */
    memset(longest, 'c', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    refused(actmax_model_find_layer(model, longest, &index), ACTMAX_ERROR_NOT_FOUND, "not found");
    assert_int_equal(index, -5);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* A node without a name goes by its output; a branch that does not depend on the image is no layer. */
static void unnamed_nodes(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_begin(&t, 1, 3, 8, 8);
    tiny_random(&t, "w", 1, 0.5f, 4, 3, 3, 3);
    tiny_random(&t, "k", 2, 0.5f, 4, 1, 1, 0);
    tiny_node(&t, "Conv", NULL, "x w", "first");
    tiny_node(&t, "Relu", NULL, "k", "fixed");
    tiny_node(&t, "Add", "", "first fixed", "second");
    tiny_output(&t, "second");
    actmax_model *model = tiny_load(&t, recipe);
    assert_int_equal(actmax_model_layer_count(model), 2);
    assert_string_equal(actmax_model_layer_name(model, 0), "first");
    assert_string_equal(actmax_model_layer_name(model, 1), "second");
    assert_string_equal(actmax_model_layer_type(model, 1), "Add");
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* ---- Shapes, parameters, summary ---- */

static void listing(void **state)
{
    static const struct {
        const char *name, *type;
        int64_t parameters;
        int32_t rank;
        int64_t dims[4];
    } expected[] = {
        {"conv1", "Conv", 168, 4, {1, 6, 12, 10}}, {"relu1", "Relu", 0, 4, {1, 6, 12, 10}},
        {"pool1", "MaxPool", 0, 4, {1, 6, 6, 5}},  {"conv2", "Conv", 440, 4, {1, 8, 6, 5}},
        {"relu2", "Relu", 0, 4, {1, 8, 6, 5}},     {"mean", "GlobalAveragePool", 0, 4, {1, 8, 1, 1}},
        {"flat", "Flatten", 0, 2, {1, 8, 0, 0}},   {"dense", "Gemm", 45, 2, {1, 5, 0, 0}},
        {"soft", "Softmax", 0, 2, {1, 5, 0, 0}},
    };
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_classifier(&t);
    actmax_model *model = tiny_load(&t, recipe);
    int64_t dims[8];
    int32_t rank, axis;
    assert_int_equal(actmax_model_layer_count(model), 9);
    for (int32_t i = 0; i < 9; i++) {
        assert_string_equal(actmax_model_layer_name(model, i), expected[i].name);
        assert_string_equal(actmax_model_layer_type(model, i), expected[i].type);
        assert_int_equal(actmax_model_layer_parameters(model, i), expected[i].parameters);
        must(actmax_model_layer_shape(model, i, dims, &rank, &axis));
        assert_int_equal(rank, expected[i].rank);
        assert_int_equal(axis, 1);
        for (int32_t a = 0; a < rank; a++)
            assert_int_equal(dims[a], expected[i].dims[a]);
    }
    assert_int_equal(actmax_model_parameters(model), 168 + 440 + 45);
    assert_null(actmax_model_layer_name(model, 9));
    assert_null(actmax_model_layer_type(model, -1));
    assert_int_equal(actmax_model_layer_parameters(model, 9), 0);
    refused(actmax_model_layer_shape(model, 9, dims, &rank, &axis), ACTMAX_ERROR_NOT_FOUND, "no layer 9; the model has 9 (0 to 8)");
    assert_string_equal(actmax_model_input_name(model), "x");
    must(actmax_model_input_shape(model, NULL, &rank, NULL));
    assert_int_equal(rank, 4);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

static void summary(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_begin(&t, 1, 3, 8, 8);
    tiny_conv(&t, "a/name/that/is/longer/than/its/column/of/the/table", "x", 3, 4, 3, 1, 1, 0.5f);
    tiny_node(&t, "Relu", "relu", "a/name/that/is/longer/than/its/column/of/the/table", "relu");
    tiny_output(&t, "relu");
    actmax_model *model = tiny_load(&t, recipe);
    char text[2000], cut[100], exact[2000];
    size_t needed = 0, again = 0;
    must(actmax_model_summary(model, NULL, 0, &needed));
    must(actmax_model_summary(model, text, sizeof text, &again));
    assert_true(needed == again && needed == strlen(text) + 1);
    static const char *const lines[] = {
        "layer                               type                output shape ",
        "x                                   Input               [1, 3, 8, 8]                        0  axis 1\n",
        "\n..nger/than/its/column/of/the/table Conv ",
        "Conv                [1, 4, 8, 8]                      112  axis 1\n",
        "relu                                Relu                [1, 4, 8, 8]                        0  axis 1\n",
        "2 layers, 112 parameters\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i])) fail_msg("the summary lacks \"%s\":\n%s", lines[i], text);
    must(actmax_model_summary(model, cut, sizeof cut, NULL)); /* what does not fit is cut */
    assert_true(strlen(cut) == sizeof cut - 1 && strncmp(cut, text, sizeof cut - 1) == 0);
    must(actmax_model_summary(model, exact, needed, NULL));
    assert_string_equal(exact, text);
    char one[1] = {'?'};
    must(actmax_model_summary(model, one, 1, &again));
    assert_true(one[0] == '\0' && again == needed);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* ---- Input and preprocessing ---- */

static void input_size(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        tiny t;
        actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
        tiny_begin(&t, 0, 3, k == 2 ? 8 : 0, k == 2 ? 8 : 0); /* a free batch is one image */
        tiny_conv(&t, "conv", "x", 3, 4, 3, 1, 1, 0.5f);
        tiny_output(&t, "conv");
        if (k == 0) {
            tiny_refused(&t, recipe, ACTMAX_ERROR_INVALID, "give it with the option input_size");
        } else {
            int64_t dims[8];
            int32_t rank;
            set_option(recipe, "input_size", k == 1 ? "9,7" : "16"); /* free, or another than the file's */
            actmax_model *model = tiny_load(&t, recipe);
            must(actmax_model_layer_shape(model, 0, dims, &rank, NULL));
            assert_true(dims[0] == 1 && dims[1] == 4 && dims[2] == (k == 1 ? 9 : 16) && dims[3] == (k == 1 ? 7 : 16));
            actmax_model_free(model);
            tiny_free(&t);
        }
        actmax_recipe_free(recipe);
    }
}

static void assumed_preprocessing(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        tiny t;
        actmax_model *model = NULL;
        int64_t channels = k ? 1 : 3;
        tiny_begin(&t, 1, channels, 8, 8);
        tiny_conv(&t, "conv", "x", channels, 4, 3, 1, 1, 0.5f);
        tiny_output(&t, "conv");
        end_message(&t.to, t.graph);
        refused(actmax_model_load_memory(t.to.data, t.to.size, NULL, &model), ACTMAX_NOTE_ASSUMED,
                k ? "preprocessing was not given: took 'unit'" : "preprocessing was not given: took 'torch'");
        assert_non_null(strstr(actmax_model_notes(model), "preprocessing was not given"));
        actmax_result *result;
        actmax_recipe *recipe = tiny_recipe("steps", "2", NULL);
        must(actmax_model_maximize(model, "conv", 1, recipe, &result)); /* pictures say it too */
        assert_non_null(strstr(text_of(result, "notes"), "preprocessing was not given"));
        actmax_result_free(result);
        actmax_model_free(model);
        actmax_recipe_free(recipe);
        tiny_free(&t);
    }
}

static void training_mode_is_said(void **state)
{
    (void)state;
    tiny t;
    actmax_model *model = NULL;
    actmax_recipe *recipe = tiny_recipe("preprocess", "raw", NULL);
    const float ones[3] = {1.0f, 1.0f, 1.0f};
    tiny_begin_in(&t, 14, (const int64_t[4]){1, 3, 8, 8});
    tiny_values(&t, "ones", ones, 3, 0, 0, 0);
    tiny_open(&t, "BatchNormalization", "norm", "x ones ones ones ones", "norm");
    tiny_int(&t, "training_mode", 1);
    tiny_close(&t);
    tiny_output(&t, "norm");
    end_message(&t.to, t.graph);
    refused(actmax_model_load_memory(t.to.data, t.to.size, recipe, &model), ACTMAX_NOTE_ASSUMED,
            "node 'norm' was exported in training mode");
    assert_non_null(strstr(actmax_model_notes(model), "model.eval()"));
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* [1, 3, 8, 8] -> conv (4) -> Reshape to [1, 256], or the mean over space -> dense (5) */
static void sized_network(tiny *t, bool fixed)
{
    tiny_begin(t, 1, 3, 0, 0);
    tiny_conv(t, "conv", "x", 3, 4, 3, 1, 1, 0.5f);
    if (fixed) {
        write_int64s(&t->to, "shape", (const int64_t[]){1, 256}, 2);
        tiny_node(t, "Reshape", "to_rows", "conv shape", "to_rows");
    } else {
        tiny_node(t, "GlobalAveragePool", "mean", "conv", "mean");
        tiny_node(t, "Flatten", "to_rows", "mean", "to_rows");
    }
    tiny_dense(t, "dense", "to_rows", fixed ? 256 : 4, 5, 3);
    tiny_output(t, "dense");
}

/* Another input size works wherever the graph allows it; where not, the node that does not is named. */
static void sizes(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "input_size", "8", NULL);
    sized_network(&t, true);
    actmax_model_free(tiny_load(&t, recipe));
    tiny_free(&t);
    set_option(recipe, "input_size", "12");
    sized_network(&t, true);
    tiny_refused(&t, recipe, ACTMAX_ERROR_SHAPE, "node 'to_rows' (Reshape)");
    sized_network(&t, false);
    actmax_model_free(tiny_load(&t, recipe));
    tiny_free(&t);
    actmax_recipe_free(recipe);
}

/* More working memory than is allowed: the message names a node. */
static void too_large(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", "input_size", "64", "limit_planned_bytes", "60000", NULL);
    sized_network(&t, false);
    actmax_model *model = tiny_load(&t, recipe);
    actmax_session *session = tiny_session(model, 1);
    actmax_image *image;
    actmax_result *result = NULL;
    const uint8_t pixel[3] = {10, 20, 250};
    must(actmax_image_new(1, 1, 3, pixel, 0, &image));
    refused(actmax_session_activations(session, image, ACTMAX_LAYER_OUTPUT, recipe, &result), ACTMAX_ERROR_LIMIT,
            "limit_planned_bytes (60000) allows: node 'conv' wants 65536 bytes"); /* 4 x 64 x 64 floats */
    assert_null(result);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* network = (pixel * scale - mean) / std, seen as the activations of a 1x1 convolution that copies its input. */
static void preprocessing(void **state)
{
    static const struct {
        const char *options[8];
        double expected[3]; /* of pixel R 10, G 20, B 250 */
    } cases[] = {
        {{"preprocess", "raw"}, {10, 20, 250}},
        {{"preprocess", "unit"}, {10 / 255.0, 20 / 255.0, 250 / 255.0}},
        {{"preprocess", "tf"}, {10 / 127.5 - 1, 20 / 127.5 - 1, 250 / 127.5 - 1}},
        {{"preprocess", "torch"}, {(10 / 255.0 - 0.485) / 0.229, (20 / 255.0 - 0.456) / 0.224, (250 / 255.0 - 0.406) / 0.225}},
        {{"preprocess", "caffe"}, {250 - 103.939, 20 - 116.779, 10 - 123.68}},
        {{"preprocess", "caffe", "channels", "rgb"}, {10 - 123.68, 20 - 116.779, 250 - 103.939}}, /* each colour keeps its mean */
        {{"preprocess", "torch", "channels", "bgr"},
         {(250 / 255.0 - 0.406) / 0.225, (20 / 255.0 - 0.456) / 0.224, (10 / 255.0 - 0.485) / 0.229}},
        {{"preprocess", "caffe", "channels", "rgb", "mean", "1,2,3"}, {9, 18, 247}},
        {{"channels", "bgr", "mean", "104,117,123"}, {250 - 104, 20 - 117, 10 - 123}},
        {{"scale", "0.5", "mean", "1", "std", "2,4,8"}, {2, 2.25, 15.5}},
        {{"mean", "1,2,3", "std", "0.5"}, {18, 36, 494}},
        {{"preprocess", "unit", "std", "0.5"}, {20 / 255.0, 40 / 255.0, 500 / 255.0}},
    };
    (void)state;
    const uint8_t pixel[3] = {10, 20, 250};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tiny t;
        actmax_recipe *recipe = tiny_recipe(NULL);
        for (int i = 0; i < 8 && cases[k].options[i]; i += 2)
            set_option(recipe, cases[k].options[i], cases[k].options[i + 1]);
        tiny_begin(&t, 1, 3, 1, 1);
        tiny_values(&t, "w", (const float[]){1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3, 1, 1);
        tiny_node(&t, "Conv", "copy", "x w", "copy");
        tiny_output(&t, "copy");
        actmax_model *model = tiny_load(&t, recipe);
        actmax_session *session = tiny_session(model, 1);
        actmax_image *image;
        actmax_result *result;
        must(actmax_image_new(1, 1, 3, pixel, 0, &image));
        must(actmax_session_activations(session, image, 0, recipe, &result));
        for (int c = 0; c < 3; c++)
            if (!(fabs((double)array_of(result, "activations", 3)[c] - cases[k].expected[c]) < 1e-4))
                fail_msg("case %zu, channel %d: %g, expected %g", k, c, (double)array_of(result, "activations", 3)[c],
                         cases[k].expected[c]);
        actmax_result_free(result);
        actmax_image_free(image);
        actmax_session_free(session);
        actmax_model_free(model);
        actmax_recipe_free(recipe);
        tiny_free(&t);
    }
}

static void wrong_preprocessing(void **state)
{
    static const struct {
        const char *option, *value, *message;
        int64_t channels;
        int32_t status;
    } cases[] = {
        {"mean", "1,2", "option 'mean' has 2 numbers; the network has 3 channels", 3, ACTMAX_ERROR_INVALID},
        {"std", "1,2,3,4", "option 'std' has 4 numbers; the network has 3 channels", 3, ACTMAX_ERROR_INVALID},
        {"preprocess", "caffe", "preprocessing 'caffe' is for 3 channels; this network takes 1", 1, ACTMAX_ERROR_INVALID},
        {"preprocess", "torch", "use raw, unit, tf", 5, ACTMAX_ERROR_INVALID},
        {"input", "y", "no input called 'y'; it has: 'x' float32 [1, 3, 8, 8]", 3, ACTMAX_ERROR_NOT_FOUND},
        {"input_size", "70000", "limit_image_side", 3, ACTMAX_ERROR_LIMIT},
        {"limit_nodes", "1", "limit_nodes", 3, ACTMAX_ERROR_LIMIT},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        tiny t;
        actmax_recipe *recipe = tiny_recipe(cases[k].option, cases[k].value, NULL);
        tiny_begin(&t, 1, cases[k].channels, 8, 8);
        tiny_conv(&t, "conv", "x", cases[k].channels, 4, 3, 1, 1, 0.5f);
        tiny_node(&t, "Relu", "relu", "conv", "relu");
        tiny_output(&t, "relu");
        tiny_refused(&t, recipe, cases[k].status, cases[k].message);
        actmax_recipe_free(recipe);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_pytorch),
        cmocka_unit_test(ambiguous_names),
        cmocka_unit_test(misses),
        cmocka_unit_test(unnamed_nodes),
        cmocka_unit_test(listing),
        cmocka_unit_test(summary),
        cmocka_unit_test(input_size),
        cmocka_unit_test(assumed_preprocessing),
        cmocka_unit_test(training_mode_is_said),
        cmocka_unit_test(sizes),
        cmocka_unit_test(too_large),
        cmocka_unit_test(preprocessing),
        cmocka_unit_test(wrong_preprocessing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
