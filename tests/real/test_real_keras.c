/* Real Keras files as they were published: a whole model of Keras 2.0.5, and files of weights with a configuration beside them. */
#include "real.h"

#include "base/platform.h"
#include "loaders/keras/archive.h"

/* A configuration from keras/real.zip (tests/golden/make_keras_real.py); to be freed. */
static uint8_t *configuration(const char *name, size_t *size)
{
    axm_allocator allocator;
    axm_arena arena;
    axm_file file;
    axm_limits limits = axm_limits_default();
    const uint8_t *data;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    axm_arena_init(&arena, &allocator);
    REAL_OK(axm_file_open(&allocator, ACTMAX_TEST_DATA "/keras/real.zip", 1 << 20, true, &file));
    REAL_OK(axm_archive_read(file.data, file.size, name, &limits, &arena, &data, size));
    assert_non_null(data);
    uint8_t *copy = malloc(*size);
    memcpy(copy, data, *size);
    axm_arena_free(&arena);
    axm_file_close(&file);
    return copy;
}

static real_network open_with_weights(const char *json, const char *weights, const char *preprocess)
{
    size_t size;
    real_network n = {0};
    uint8_t *bytes = configuration(json, &size);
    REAL_OK(actmax_recipe_new(&n.recipe));
    if (preprocess) REAL_OK(actmax_recipe_set_text(n.recipe, "preprocess", preprocess));
    REAL_OK(actmax_recipe_set_text(n.recipe, "weights", real_path("models", weights)));
    REAL_OK(actmax_recipe_set_text(n.recipe, "load_mode", "copy"));
    REAL_OK(actmax_model_load_memory(bytes, size, n.recipe, &n.model));
    free(bytes);
    REAL_OK(actmax_session_new(n.model, n.recipe, &n.session));
    return n;
}

static const float *activations(real_network *n, const actmax_image *image, const char *name, actmax_result **result, size_t *count)
{
    int32_t layer, rank;
    int64_t dims[8];
    const float *values;
    REAL_OK(actmax_model_find_layer(n->model, name, &layer));
    REAL_OK(actmax_session_activations(n->session, image, layer, n->recipe, result));
    REAL_OK(actmax_result_array(*result, "activations", &values, dims, &rank));
    *count = 1;
    for (int32_t i = 0; i < rank; i++)
        *count *= (size_t)dims[i];
    return values;
}

/* ---- face_classification's emotion network, against Keras 3 ---- */

/* The line "fer2013 LAYER ..." of keras/real.txt. */
static size_t fer_golden(const char *layer, double *out, size_t capacity)
{
    FILE *file = fopen(ACTMAX_TEST_DATA "/keras/real.txt", "rb");
    static char line[1 << 14];
    char key[64];
    size_t count = 0;
    assert_non_null(file);
    int length = snprintf(key, sizeof key, "fer2013 %s ", layer);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, (size_t)length) != 0) continue;
        char *at = line + length, *end;
        for (double value = strtod(at, &end); end != at && count < capacity; at = end, value = strtod(at, &end))
            out[count++] = value;
    }
    fclose(file);
    return count;
}

static void test_fer2013(void **state)
{
    (void)state;
    static const char *const layers[] = {"separable_conv2d_2", "add_4", "predictions"};
    static float input[64 * 64];
    double golden[300];
    real_network n = {0};
    actmax_image *image = NULL;
    for (int i = 0; i < 64 * 64; i++)
        input[i] = (float)(i * 7919 % 256) / 128.0f - 1.0f;
    REAL_OK(actmax_recipe_new(&n.recipe));
    REAL_OK(actmax_recipe_set_text(n.recipe, "preprocess", "tf"));
    REAL_OK(actmax_model_load(real_path("models", "small/fer2013_mini_XCEPTION.102-0.66.hdf5"), n.recipe, &n.model));
    REAL_OK(actmax_session_new(n.model, n.recipe, &n.session));
    REAL_OK(actmax_image_new_float(64, 64, 1, input, &image));
    assert_int_equal(actmax_model_parameters(n.model), 58423);
    for (int i = 0; i < 3; i++) {
        actmax_result *result = NULL;
        size_t count, known = fer_golden(layers[i], golden, 300);
        const float *values = activations(&n, image, layers[i], &result, &count);
        double worst = 0.0, largest = 0.0;
        assert_true(known >= 7 && count >= known);
        for (size_t k = 0; k < known; k++) {
            largest = fmax(largest, fabs(golden[k]));
            worst = fmax(worst, fabs(golden[k] - (double)values[k]));
        }
        printf("  fer2013 %-20s worst difference %.2g of the largest\n", layers[i], worst / largest);
        assert_true(worst < 2e-5 * largest);
        actmax_result_free(result);
    }
    actmax_image_free(image);
    real_close(&n);
}

/* ---- DeepXplore's LeNets on the digits of mnist-8: 2, 0 and 9 ---- */

static void read_digit(int pair, float pixels[784])
{
    char name[128];
    uint8_t bytes[4096];
    snprintf(name, sizeof name, "small/mnist-8/test_data_set_%d/input_0.pb", pair);
    FILE *file = fopen(real_path("models", name), "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 784 * sizeof *pixels);
    memcpy(pixels, bytes + size - 784 * sizeof *pixels, 784 * sizeof *pixels); /* raw_data ends the message */
    for (int i = 0; i < 784; i++)
        pixels[i] /= 255.0f;
}

static void test_digits(void **state)
{
    (void)state;
    static const int digits[3] = {2, 0, 9};
    static const char *const networks[2][2] = {{"lenet1.json", "small/deepxplore_mnist_Model1.h5"},
                                               {"lenet5.json", "small/deepxplore_mnist_Model3.h5"}};
    for (int k = 0; k < 2; k++) {
        real_network n = open_with_weights(networks[k][0], networks[k][1], "unit");
        for (int pair = 0; pair < 3; pair++) {
            float pixels[784];
            const float *p;
            int64_t dims[8];
            int32_t rank, top = 0;
            actmax_image *image = NULL;
            actmax_result *result = NULL;
            read_digit(pair, pixels);
            REAL_OK(actmax_image_new_float(28, 28, 1, pixels, &image));
            REAL_OK(actmax_session_predict(n.session, image, n.recipe, &result));
            REAL_OK(actmax_result_array(result, "probabilities", &p, dims, &rank));
            for (int32_t c = 1; c < 10; c++)
                if (p[c] > p[top]) top = c;
            printf("  %s: digit %d seen as %d (%.3f)\n", networks[k][1], digits[pair], (int)top, (double)p[top]);
            assert_int_equal(top, digits[pair]);
            assert_true(p[top] > 0.9f);
            actmax_result_free(result);
            actmax_image_free(image);
        }
        real_close(&n);
    }
}

/* ---- SqueezeNet's trunk: the Keras file against the ONNX file, whose weights were rounded to half precision ---- */

static void test_squeezenet(void **state)
{
    (void)state;
    const double mean[3] = {104.0, 117.0, 123.0};
    real_network onnx = real_open(REAL_SQUEEZENET);
    size_t size;
    real_network keras = {0};
    uint8_t *bytes = configuration("squeezenet.json", &size);
    REAL_OK(actmax_recipe_new(&keras.recipe));
    REAL_OK(actmax_recipe_set_text(keras.recipe, "channels", "bgr"));
    REAL_OK(actmax_recipe_set_number(keras.recipe, "scale", 1.0));
    REAL_OK(actmax_recipe_set_numbers(keras.recipe, "mean", mean, 3));
    REAL_OK(actmax_recipe_set_text(keras.recipe, "weights",
                                   real_path("models", "squeezenet1.1/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5")));
    REAL_OK(actmax_recipe_set_text(keras.recipe, "load_mode", "copy"));
    REAL_OK(actmax_model_load_memory(bytes, size, keras.recipe, &keras.model));
    free(bytes);
    REAL_OK(actmax_session_new(keras.model, keras.recipe, &keras.session));
    actmax_image *image = real_image("both.png");
    actmax_result *results[2] = {NULL, NULL};
    size_t counts[2];
    const float *a = activations(&keras, image, "fire9_concat", &results[0], &counts[0]);
    const float *b = activations(&onnx, image, "fire9/concat_1", &results[1], &counts[1]);
    assert_int_equal(counts[0], counts[1]);
    size_t channels = 512, space = counts[0] / channels; /* a: [space, channels]; b: [channels, space] */
    double error = 0.0, sum = 0.0;
    for (size_t p = 0; p < space; p++)
        for (size_t c = 0; c < channels; c++) {
            double own = (double)a[p * channels + c], other = (double)b[c * space + p];
            error += (own - other) * (own - other);
            sum += other * other;
        }
    printf("  squeezenet, fire9: relative difference of the two files %.2g\n", sqrt(error / sum));
    assert_true(sqrt(error / sum) < 2e-3);
    for (int i = 0; i < 2; i++)
        actmax_result_free(results[i]);
    actmax_image_free(image);
    real_close(&keras);
    real_close(&onnx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fer2013), cmocka_unit_test(test_digits),
                                       cmocka_unit_test(test_squeezenet)};
    int missing = real_missing();
    return missing ? missing : cmocka_run_group_tests(tests, NULL, NULL);
}
