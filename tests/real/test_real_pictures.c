/* Class pictures of MobileNet v2 for 20 fixed classes: the saved file, read back, is the class; and a report of how well the
 * pictures hold against small changes, and whether another network sees the class in them. */
#include "real.h"

static const int32_t classes[] = {1, 20, 76, 99, 130, 151, 207, 281, 291, 309, 340, 379, 402, 417, 508, 555, 620, 779, 852, 949};
#define CLASSES ((int)(sizeof classes / sizeof *classes))
#define SIDE    224

static int32_t rank_of(real_network *n, const actmax_image *image, int32_t wanted)
{
    actmax_result *result = NULL;
    const float *p;
    int64_t dims[8];
    int32_t rank, better = 0;
    REAL_OK(actmax_session_predict(n->session, image, n->recipe, &result));
    REAL_OK(actmax_result_array(result, "probabilities", &p, dims, &rank));
    for (int64_t c = 0; c < dims[rank - 1]; ++c)
        better += p[c] > p[wanted];
    actmax_result_free(result);
    return better;
}

/* A picture of SIDE x SIDE from `image` placed with its corner at (left, top); edges are repeated. */
static actmax_image *placed(const actmax_image *image, int32_t left, int32_t top)
{
    static uint8_t pixels[SIDE * SIDE * 3];
    int32_t w = actmax_image_width(image), h = actmax_image_height(image);
    const uint8_t *from = actmax_image_pixels(image);
    actmax_image *out = NULL;
    for (int32_t y = 0; y < SIDE; ++y) {
        for (int32_t x = 0; x < SIDE; ++x) {
            int32_t sy = y - top < 0 ? 0 : y - top >= h ? h - 1 : y - top;
            int32_t sx = x - left < 0 ? 0 : x - left >= w ? w - 1 : x - left;
            memcpy(&pixels[3 * (y * SIDE + x)], &from[3 * (sy * w + sx)], 3);
        }
    }
    REAL_OK(actmax_image_new(SIDE, SIDE, 3, pixels, 0, &out));
    return out;
}

static actmax_image *zoomed(const actmax_image *image, double factor)
{
    int32_t side = (int32_t)(SIDE * factor + 0.5);
    actmax_image *resized = NULL;
    REAL_OK(actmax_image_resize(image, side, side, "bilinear", &resized));
    actmax_image *out = placed(resized, (SIDE - side) / 2, (SIDE - side) / 2);
    actmax_image_free(resized);
    return out;
}

/* A Gaussian of sigma 1 pixel, 7 taps each way, edges repeated. */
static actmax_image *blurred(const actmax_image *image)
{
    static double rows[SIDE * SIDE * 3];
    static uint8_t pixels[SIDE * SIDE * 3];
    const uint8_t *from = actmax_image_pixels(image);
    double tap[7], sum = 0.0;
    for (int i = 0; i < 7; ++i)
        sum += tap[i] = exp(-0.5 * (i - 3) * (i - 3));
    for (int pass = 0; pass < 2; ++pass) {
        for (int i = 0; i < SIDE * SIDE * 3; ++i) {
            int y = i / (3 * SIDE), x = i / 3 % SIDE, c = i % 3;
            double value = 0.0;
            for (int k = -3; k <= 3; ++k) {
                int at = (pass ? y : x) + k;
                at = at < 0 ? 0 : at >= SIDE ? SIDE - 1 : at;
                int index = 3 * (pass ? at * SIDE + x : y * SIDE + at) + c;
                value += tap[k + 3] / sum * (pass ? rows[index] : (double)from[index]);
            }
            if (pass)
                pixels[i] = (uint8_t)(value + 0.5);
            else
                rows[i] = value;
        }
    }
    actmax_image *out = NULL;
    REAL_OK(actmax_image_new(SIDE, SIDE, 3, pixels, 0, &out));
    return out;
}

static void test_classes(void **state)
{
    (void)state;
    real_network n = real_open(REAL_MOBILENET_V2), other = real_open(REAL_SQUEEZENET);
    int kept[4] = {0}, seen = 0, saved = 0;
    const char *folder = getenv("ACTMAX_PICTURES");
    double seconds = 0.0;
    for (int i = 0; i < CLASSES; ++i) {
        char path[REAL_PATH];
        actmax_result *result = NULL;
        actmax_image *image = NULL;
        double start, end, took;
        snprintf(path, sizeof path, "%s/class_%d.png", folder ? folder : ".", (int)classes[i]);
        REAL_OK(actmax_session_maximize(n.session, ACTMAX_LAYER_OUTPUT, &classes[i], 1, n.recipe, &result));
        REAL_OK(actmax_result_save(result, path));
        REAL_OK(actmax_result_number(result, "activation_start", &start));
        REAL_OK(actmax_result_number(result, "activation_end", &end));
        REAL_OK(actmax_result_number(result, "seconds", &took));
        seconds += took;
        assert_true(end > start + 5.0); /* a logit's rise, in nats: e^5 in odds */
        REAL_OK(actmax_image_load(path, NULL, &image));
        saved += rank_of(&n, image, classes[i]) == 0;
        actmax_image *changed[4] = {placed(image, 8, 8), zoomed(image, 0.9), zoomed(image, 1.1), blurred(image)};
        for (int k = 0; k < 4; ++k) {
            kept[k] += rank_of(&n, changed[k], classes[i]) == 0;
            actmax_image_free(changed[k]);
        }
        seen += rank_of(&other, image, classes[i]) < 5;
        if (!folder) remove(path);
        actmax_image_free(image);
        actmax_result_free(result);
    }
    printf("  of %d class pictures, %.1f s each: read back top-1 %d; after a shift of 8 px %d, scaled by 0.9 %d, by 1.1 %d, "
           "blurred by 1 px "
           "%d; in SqueezeNet 1.1's top 5: %d\n",
           CLASSES, seconds / CLASSES, saved, kept[0], kept[1], kept[2], kept[3], seen);
    assert_int_equal(saved, CLASSES);
    real_close(&other);
    real_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes)};
    int missing = real_missing();
    return missing ? missing : cmocka_run_group_tests(tests, NULL, NULL);
}
