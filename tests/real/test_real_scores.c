/* Class probabilities of four real networks against ONNX Runtime, scores against PyTorch, and the MNIST network's own pairs. */
#include "real.h"

/* Probabilities of the golden's five classes; the order is checked where `order` is set. */
static void check_top5(real_network *n, const char *name, const char *image_name, double tolerance, int order)
{
    char key[256];
    double golden[10];
    actmax_result *result = NULL;
    const float *p;
    int64_t dims[8];
    int32_t rank;
    actmax_image *image = real_image(image_name);
    snprintf(key, sizeof key, "top5 %s %s", name, image_name);
    assert_int_equal(real_golden(key, golden, 10), 10);
    REAL_OK(actmax_session_predict(n->session, image, n->recipe, &result));
    REAL_OK(actmax_result_array(result, "probabilities", &p, dims, &rank));
    assert_int_equal(dims[rank - 1], 1000);
    int top = 0;
    for (int c = 1; c < 1000; ++c)
        if (p[c] > p[top]) top = c;
    assert_int_equal(top, (int)golden[0]);
    double worst = 0.0;
    for (int i = 0; i < 5; ++i) {
        worst = fmax(worst, fabs((double)p[(int)golden[2 * i]] - golden[2 * i + 1]));
        if (order && i > 0) assert_true(p[(int)golden[2 * i]] <= p[(int)golden[2 * i - 2]]);
    }
    printf("  %-48s %-14s worst difference %.2g\n", name, image_name, worst);
    assert_true(worst <= tolerance);
    actmax_result_free(result);
    actmax_image_free(image);
}

static void test_probabilities(void **state)
{
    (void)state;
    for (int i = 0; i < REAL_NETWORKS; ++i) {
        real_network n = real_open(real_networks[i]);
        /* The half-precision file's reference was computed in half precision throughout. */
        double exact = strcmp(real_networks[i], REAL_SQUEEZENET_FP16) == 0 ? 5e-4 : 1e-4;
        check_top5(&n, real_networks[i], "both.png", exact, 1);
        /* Through our own JPEG decoder and resizing. */
        check_top5(&n, real_networks[i], "goldfish.jpg", 0.02, 0);
        check_top5(&n, real_networks[i], "bear.jpg", 0.02, 0);
        real_close(&n);
    }
}

static void test_scores(void **state)
{
    (void)state;
    static double golden[1001];
    for (int i = 0; i < REAL_NETWORKS; ++i) {
        real_network n = real_open(real_networks[i]);
        char key[256];
        actmax_result *result = NULL;
        const float *scores;
        int64_t dims[8];
        int32_t rank;
        double error = 0.0, size = 0.0;
        actmax_image *image = real_image("both.png");
        snprintf(key, sizeof key, "scores %s both.png", real_networks[i]);
        assert_int_equal(real_golden(key, golden, 1001), 1001);
        if (strstr(real_networks[i], "queeze")) { /* the score is the mean of conv10, before its Relu */
            int32_t layer;
            REAL_OK(actmax_model_find_layer(n.model, "conv10_1", &layer));
            REAL_OK(actmax_session_activations(n.session, image, layer, n.recipe, &result));
            REAL_OK(actmax_result_array(result, "activations", &scores, dims, &rank));
            assert_int_equal(rank, 4);
            int64_t space = dims[2] * dims[3];
            for (int c = 0; c < 1000; ++c) {
                double mean = 0.0;
                for (int64_t p = 0; p < space; ++p)
                    mean += (double)scores[c * space + p] / (double)space;
                error += pow(mean - golden[1 + c], 2);
                size += pow(golden[1 + c], 2);
            }
        } else {
            REAL_OK(actmax_session_predict(n.session, image, n.recipe, &result));
            REAL_OK(actmax_result_array(result, "logits", &scores, dims, &rank));
            for (int c = 0; c < 1000; ++c) {
                error += pow((double)scores[c] - golden[1 + c], 2);
                size += pow(golden[1 + c], 2);
            }
        }
        printf("  %-48s relative L2 error of the scores %.2g\n", real_networks[i], sqrt(error / size));
        assert_true(sqrt(error / size) < 1e-4);
        actmax_result_free(result);
        actmax_image_free(image);
        real_close(&n);
    }
}

/* The floats of a serialised TensorProto: field 4 (float_data, packed) or 9 (raw_data), whichever it has. */
static size_t read_tensor(const char *path, float *out, size_t capacity)
{
    static uint8_t bytes[1 << 16];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file), at = 0;
    fclose(file);
    while (at < size) {
        uint32_t tag = bytes[at++];
        uint64_t value = 0;
        for (int shift = 0; at < size; shift += 7) {
            value |= (uint64_t)(bytes[at] & 127u) << shift;
            if (!(bytes[at++] & 128u)) break;
        }
        if ((tag & 7u) != 2u) continue;
        if ((tag >> 3) == 4u || (tag >> 3) == 9u) {
            assert_true(value <= capacity * sizeof *out && at + value <= size);
            memcpy(out, bytes + at, (size_t)value);
            return (size_t)value / sizeof *out;
        }
        at += (size_t)value;
    }
    return 0;
}

static void test_mnist(void **state)
{
    (void)state;
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_session *session = NULL;
    REAL_OK(actmax_recipe_new(&recipe));
    REAL_OK(actmax_recipe_set_text(recipe, "preprocess", "raw"));
    REAL_OK(actmax_model_load(real_path("models", "small/mnist-8/model.onnx"), recipe, &model));
    REAL_OK(actmax_session_new(model, recipe, &session));
    for (int pair = 0; pair < 3; ++pair) {
        float input[784], output[10];
        char name[128];
        actmax_image *image = NULL;
        actmax_result *result = NULL;
        const float *scores;
        int64_t dims[8];
        int32_t rank;
        double largest = 0.0, worst = 0.0;
        snprintf(name, sizeof name, "small/mnist-8/test_data_set_%d/input_0.pb", pair);
        assert_int_equal(read_tensor(real_path("models", name), input, 784), 784);
        snprintf(name, sizeof name, "small/mnist-8/test_data_set_%d/output_0.pb", pair);
        assert_int_equal(read_tensor(real_path("models", name), output, 10), 10);
        REAL_OK(actmax_image_new_float(28, 28, 1, input, &image));
        REAL_OK(actmax_session_predict(session, image, recipe, &result));
        REAL_OK(actmax_result_array(result, "logits", &scores, dims, &rank));
        for (int c = 0; c < 10; ++c) {
            largest = fmax(largest, fabs((double)output[c]));
            worst = fmax(worst, fabs((double)output[c] - (double)scores[c]));
        }
        printf("  mnist-8 pair %d: worst difference %.2g of the largest score\n", pair, worst / largest);
        assert_true(worst <= 1e-5 * largest);
        actmax_result_free(result);
        actmax_image_free(image);
    }
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_probabilities), cmocka_unit_test(test_scores),
                                       cmocka_unit_test(test_mnist)};
    int missing = real_missing();
    return missing ? missing : cmocka_run_group_tests(tests, NULL, NULL);
}
