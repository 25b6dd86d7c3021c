/* Keras's files against genuine Keras 3: tests/golden/make_keras_goldens.py made the networks, wrote them in each format and
 * computed what every layer gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actmax.h"
#include "keras_files.h"

#define OK(call)                                                                                                                   \
    do {                                                                                                                           \
        int32_t status_ = (call);                                                                                                  \
        if (status_ < 0) fail_msg("%s: %s: %s", #call, actmax_status_name(status_), actmax_message());                             \
    } while (0)

typedef struct network {
    char name[32];
    int32_t height, width, channels;
    long total, trainable;
    double tolerance; /* of a layer, relative to its largest value */
    const float *input;
} network;

/* Of the line "layer NAME LAYER DIMS"; false when it belongs to another network. */
typedef struct expected {
    char layer[64];
    int64_t dims[8];
    int32_t rank;
    size_t count;
    const float *values;
} expected;

static void parse_dims(const char *text, expected *out)
{
    out->rank = 0;
    out->count = 1;
    for (char *end; *text; text = *end ? end + 1 : end) {
        out->dims[out->rank] = strtol(text, &end, 10);
        out->count *= (size_t)out->dims[out->rank++];
    }
}

static double worst_difference(const float *own, const expected *e)
{
    double worst = 0.0, largest = 1.0;
    for (size_t i = 0; i < e->count; i++)
        largest = fmax(largest, fabs((double)e->values[i]));
    for (size_t i = 0; i < e->count; i++) {
        double difference = fabs((double)own[i] - (double)e->values[i]) / largest;
        if (!(difference <= worst)) worst = difference;
    }
    return worst;
}

static void check_layer(const actmax_model *model, actmax_session *session, const actmax_image *image, const expected *e,
                        double tolerance, const char *file)
{
    int32_t layer = ACTMAX_LAYER_OUTPUT, rank, axis;
    int64_t dims[8], shape[8];
    const float *own;
    actmax_result *result = NULL;
    if (strcmp(e->layer, "output") != 0) {
        OK(actmax_model_find_layer(model, e->layer, &layer));
        assert_string_equal(actmax_model_layer_name(model, layer), e->layer);
        OK(actmax_model_layer_shape(model, layer, shape, &rank, &axis));
        assert_int_equal(rank, e->rank);
        for (int32_t i = 0; i < rank; i++)
            if (shape[i] != e->dims[i]) fail_msg("%s: '%s' has another shape", file, e->layer);
    }
    OK(actmax_session_activations(session, image, layer, NULL, &result));
    OK(actmax_result_array(result, "activations", &own, dims, &rank));
    assert_int_equal(rank, e->rank);
    for (int32_t i = 0; i < rank; i++)
        assert_int_equal(dims[i], e->dims[i]);
    double worst = worst_difference(own, e);
    if (!(worst < tolerance)) fail_msg("%s: '%s' differs by %g of its largest value", file, e->layer, worst);
    actmax_result_free(result);
}

/* Of the first number of the output. */
static void check_gradient(actmax_session *session, const actmax_image *image, actmax_recipe *recipe, const expected *e,
                           const char *file)
{
    const float *own;
    int64_t dims[8];
    int32_t rank, first = 0;
    actmax_result *result = NULL;
    OK(actmax_recipe_set_number(recipe, "bypass", 0));
    OK(actmax_session_gradient(session, image, ACTMAX_LAYER_OUTPUT, &first, 1, recipe, &result));
    OK(actmax_result_array(result, "gradient", &own, dims, &rank));
    double largest = 0.0, worst = 0.0;
    for (size_t i = 0; i < e->count; i++) {
        largest = fmax(largest, fabs((double)e->values[i]));
        worst = fmax(worst, fabs((double)own[i] - (double)e->values[i]));
    }
    if (!(largest > 0.0 && worst <= 1e-4 * largest)) fail_msg("%s: the gradient differs by %g of %g", file, worst, largest);
    actmax_result_free(result);
}

/* Every layer of one file, and the gradient. */
static void check_network(const network *n, const expected *layers, int count, const expected *gradient, const char *suffix,
                          const char *weights)
{
    char file[64], path[1024];
    size_t size;
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_session *session = NULL;
    actmax_image *image = NULL;
    snprintf(file, sizeof file, "%s.%s", n->name, suffix);
    const uint8_t *bytes = keras_large_member(file, &size);
    OK(actmax_recipe_new(&recipe));
    OK(actmax_recipe_set_text(recipe, "preprocess", "raw"));
    if (weights) {
        snprintf(file, sizeof file, "%s.%s", n->name, weights);
        keras_extract(file, path, sizeof path);
        OK(actmax_recipe_set_text(recipe, "weights", path));
    }
    OK(actmax_model_load_memory(bytes, size, recipe, &model));
    OK(actmax_session_new(model, recipe, &session));
    OK(actmax_image_new_float(n->width, n->height, n->channels, n->input, &image));
    for (int i = 0; i < count; i++)
        check_layer(model, session, image, &layers[i], n->tolerance, file);
    if (gradient->count) check_gradient(session, image, recipe, gradient, file);
    assert_int_equal(actmax_model_parameters(model), n->total);
    char summary[8192], line[64];
    OK(actmax_model_summary(model, summary, sizeof summary, NULL));
    snprintf(line, sizeof line, "\nTrainable params: %ld\n", n->trainable);
    if (n->total > 0 && n->trainable < 1000) assert_non_null(strstr(summary, line));
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    if (weights) remove(path);
}

/* The network up to one of its layers, which gives the same. */
static void check_ended(const network *n, const expected *layers, int count, const char *suffix)
{
    char file[64];
    size_t size;
    int at = count / 2;
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_session *session = NULL;
    actmax_image *image = NULL;
    while (at >= 0 && (strcmp(layers[at].layer, "output") == 0 || strchr(layers[at].layer, '/')))
        at--;
    if (at < 0) return;
    snprintf(file, sizeof file, "%s.%s", n->name, suffix);
    const uint8_t *bytes = keras_large_member(file, &size);
    OK(actmax_recipe_new(&recipe));
    OK(actmax_recipe_set_text(recipe, "preprocess", "raw"));
    OK(actmax_recipe_set_text(recipe, "end", layers[at].layer));
    OK(actmax_model_load_memory(bytes, size, recipe, &model));
    OK(actmax_session_new(model, recipe, &session));
    OK(actmax_image_new_float(n->width, n->height, n->channels, n->input, &image));
    check_layer(model, session, image, &layers[at], n->tolerance, file);
    assert_string_equal(actmax_model_layer_name(model, actmax_model_layer_count(model) - 1), layers[at].layer);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

static const char *next_line(const char *at)
{
    return strchr(at, '\n') + 1;
}

static void check_one_vgg(const char *file, int32_t side, const expected *e)
{
    size_t size, count = (size_t)side * (size_t)side * 3;
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_session *session = NULL;
    actmax_image *image = NULL;
    float *input = malloc(count * sizeof *input);
    for (size_t i = 0; i < count; i++)
        input[i] = (float)(i * 7919 % 256) / 256.0f;
    const uint8_t *bytes = keras_member(file, &size);
    OK(actmax_recipe_new(&recipe));
    OK(actmax_recipe_set_text(recipe, "preprocess", "raw"));
    OK(actmax_recipe_set_numbers(recipe, "input_size", (const double[]){side}, 1));
    OK(actmax_model_load_memory(bytes, size, recipe, &model));
    assert_string_equal(actmax_model_layer_name(model, 0), "input_1");
    assert_string_equal(actmax_model_layer_type(model, 1), "Conv2D");
    OK(actmax_session_new(model, recipe, &session));
    OK(actmax_image_new_float(side, side, 3, input, &image));
    check_layer(model, session, image, e, 1e-5, file);
    free(input);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

/* Keras's own files of weights: networks that are known by their layers' names. */
static int check_vgg(const char *at, const char *end, const float *values, const float *stop)
{
    int seen = 0;
    char file[40], dims[40];
    int32_t side;
    for (expected e; at < end; at = next_line(at), seen++) {
        if (sscanf(at, "vgg %39s %" SCNd32 " %63s %39s", file, &side, e.layer, dims) != 4) fail_msg("index.txt: %.40s", at);
        parse_dims(dims, &e);
        e.values = values;
        values += e.count;
        check_one_vgg(file, side, &e);
    }
    assert_true(values == stop);
    return seen;
}

/* Runs through index.txt; `which` NULL: all networks. */
static void check(const char *which)
{
    size_t size, values_size;
    int by_tf = strncmp(which, "tf_", 3) == 0, application = strncmp(which, "app_", 4) == 0;
    const char *list = by_tf ? "tf_index.txt" : application ? "app_index.txt" : "index.txt";
    const char *numbers = by_tf ? "tf_values.bin" : application ? "app_values.bin" : "values.bin";
    const char *at = (const char *)keras_member(list, &size), *end = at + size;
    const float *values = (const float *)(const void *)keras_member(numbers, &values_size),
                *stop = values + values_size / sizeof *values;
    int found = 0;
    while (at < end && *at == 'n') {
        network n;
        expected layers[40];
        int count = 0;
        char formats[8] = "both";
        int has_gradient = 1;
        if (sscanf(at, "network %31s %" SCNd32 " %" SCNd32 " %" SCNd32 " %ld %ld %7[a-z0-9] %d", n.name, &n.height, &n.width,
                   &n.channels, &n.total, &n.trainable, formats, &has_gradient) < 6)
            fail_msg("index.txt: %.40s", at);
        n.tolerance = application ? 1e-4 : 1e-5;
        n.input = values;
        values += n.height * n.width * n.channels;
        at = next_line(at);
        for (char dims[40]; at < end && sscanf(at, "layer %*s %63s %39s", layers[count].layer, dims) == 2; count++) {
            parse_dims(dims, &layers[count]);
            layers[count].values = values;
            values += layers[count].count;
            at = next_line(at);
        }
        expected gradient = {.values = values, .count = has_gradient ? (size_t)(n.height * n.width * n.channels) : 0};
        values += gradient.count;
        if (strcmp(n.name, which) != 0) continue;
        found = 1;
        if (strcmp(formats, "keras") != 0) check_network(&n, layers, count, &gradient, "h5", NULL);
        if (strcmp(formats, "h5") != 0) check_network(&n, layers, count, &gradient, "keras", NULL);
        check_ended(&n, layers, count, strcmp(formats, "h5") == 0 ? "h5" : "keras");
        if (!by_tf && strcmp(which, "plain") != 0 && strcmp(which, "nested") != 0) continue;
        if (!by_tf) check_network(&n, layers, count, &gradient, "json", "weights.h5");
        check_network(&n, layers, count, &gradient, "json", "listed.h5");
        check_network(&n, layers, count, &gradient, "json", "h5");
    }
    found += strcmp(which, "vgg") == 0 ? check_vgg(at, end, values, stop) : 1;
    assert_int_equal(found, 2);
}

static int64_t parameters_of(const actmax_model *model, const char *layer)
{
    int32_t index;
    OK(actmax_model_find_layer(model, layer, &index));
    return actmax_model_layer_parameters(model, index);
}

/* With whom weights count that became other constants, and those of a nested model (4 x 4 x 3 x 3 + 4, 4 x 4, 4 x 4 + 4). */
static void test_parameters(void **state)
{
    size_t size;
    actmax_model *model = NULL;
    (void)state;
    const uint8_t *bytes = keras_large_member("preprocessing.keras", &size);
    OK(actmax_model_load_memory(bytes, size, NULL, &model));
    assert_int_equal(parameters_of(model, "learned"), 3 + 3 + 1);
    assert_int_equal(parameters_of(model, "given"), 0);
    actmax_model_free(model);
    bytes = keras_large_member("nested.h5", &size);
    OK(actmax_model_load_memory(bytes, size, NULL, &model));
    assert_int_equal(parameters_of(model, "inner"), 148 + 16 + 20);
    assert_int_equal(parameters_of(model, "inner/inner_conv"), 148);
    actmax_model_free(model);
    bytes = keras_large_member("app_ConvNeXtTiny.h5", &size);
    OK(actmax_model_load_memory(bytes, size, NULL, &model));
    int64_t dims[8];
    int32_t index, rank, axis;
    OK(actmax_model_find_layer(model, "convnext_tiny_stage_0_block_0_layer_scale", &index));
    OK(actmax_model_layer_shape(model, index, dims, &rank, &axis));
    assert_int_equal(actmax_model_layer_parameters(model, index), dims[axis]);
    actmax_model_free(model);
}

#define NETWORK(name)                                                                                                              \
    static void test_##name(void **state)                                                                                          \
    {                                                                                                                              \
        (void)state;                                                                                                               \
        check(#name);                                                                                                              \
    }
NETWORK(plain)
NETWORK(residual)
NETWORK(nested)
NETWORK(activations)
NETWORK(rectifiers)
NETWORK(preprocessing)
NETWORK(normalisations)
NETWORK(enlarging)
NETWORK(shapes)
NETWORK(pools)
NETWORK(merges)
NETWORK(operations)
NETWORK(channels_first)
NETWORK(transposed)
NETWORK(sizes)
NETWORK(normalisation_axes)
NETWORK(activations_more)
NETWORK(dots)
NETWORK(operations_more)
NETWORK(volumes)
NETWORK(normalisation_more)
NETWORK(gates)
NETWORK(indices)
NETWORK(proportions)
NETWORK(parts)
NETWORK(operands)
NETWORK(vgg)

/* keras.applications: the smallest of each family (tests/golden/make_keras_applications.py) */
NETWORK(app_MobileNet)
NETWORK(app_MobileNetV2)
NETWORK(app_MobileNetV3Small)
NETWORK(app_EfficientNetB0)
NETWORK(app_EfficientNetV2B0)
NETWORK(app_NASNetMobile)
NETWORK(app_DenseNet121)
NETWORK(app_Xception)
NETWORK(app_InceptionV3)
NETWORK(app_InceptionResNetV2)
NETWORK(app_ResNet50)
NETWORK(app_ResNet50V2)
NETWORK(app_ConvNeXtTiny)
NETWORK(app_VGG16)

/* Written by TensorFlow */
NETWORK(tf_operations)
NETWORK(tf_sequential)
NETWORK(tf_nested)
NETWORK(tf_filters)
NETWORK(tf_area)
NETWORK(tf_crops)
NETWORK(tf_slices)
NETWORK(tf_volumes)
NETWORK(tf_preprocessing)
NETWORK(tf_parts)
NETWORK(tf_nodes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_residual),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_rectifiers),
        cmocka_unit_test(test_preprocessing),
        cmocka_unit_test(test_normalisations),
        cmocka_unit_test(test_enlarging),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_channels_first),
        cmocka_unit_test(test_vgg),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_tf_operations),
        cmocka_unit_test(test_tf_sequential),
        cmocka_unit_test(test_tf_nested),
        cmocka_unit_test(test_transposed),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_normalisation_axes),
        cmocka_unit_test(test_activations_more),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_operations_more),
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_normalisation_more),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_indices),
        cmocka_unit_test(test_proportions),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_tf_filters),
        cmocka_unit_test(test_tf_area),
        cmocka_unit_test(test_tf_crops),
        cmocka_unit_test(test_tf_slices),
        cmocka_unit_test(test_tf_volumes),
        cmocka_unit_test(test_tf_preprocessing),
        cmocka_unit_test(test_tf_parts),
        cmocka_unit_test(test_tf_nodes),
        cmocka_unit_test(test_app_MobileNet),
        cmocka_unit_test(test_app_MobileNetV2),
        cmocka_unit_test(test_app_MobileNetV3Small),
        cmocka_unit_test(test_app_EfficientNetB0),
        cmocka_unit_test(test_app_EfficientNetV2B0),
        cmocka_unit_test(test_app_NASNetMobile),
        cmocka_unit_test(test_app_DenseNet121),
        cmocka_unit_test(test_app_Xception),
        cmocka_unit_test(test_app_InceptionV3),
        cmocka_unit_test(test_app_InceptionResNetV2),
        cmocka_unit_test(test_app_ResNet50),
        cmocka_unit_test(test_app_ResNet50V2),
        cmocka_unit_test(test_app_ConvNeXtTiny),
        cmocka_unit_test(test_app_VGG16),
    };
    return cmocka_run_group_tests(tests, keras_open, keras_close);
}
