/* Grad-CAM on real networks: the maps that PyTorch's autograd gives, and whether they point at the thing. */
#include "real.h"

/* Boxes around the animals, drawn by hand, in pixels of the photograph. */
static const struct view {
    const char *image;
    int32_t wanted;
    int32_t left, top, right, bottom;
} views[] = {
    {"ouzel1.jpg", 20, 108, 66, 350, 238},        /* the bird without its log */
    {"ouzel2.jpg", 20, 120, 55, 402, 278},        /* head, body and tail */
    {"howler_monkey.jpg", 379, 8, 185, 450, 450}, /* head and body behind the leaves; the tail is apart */
    {"both.png", 243, 74, 10, 168, 150},          /* the dog, above */
    {"both.png", 281, 40, 116, 202, 224},         /* the cat, below */
};
#define VIEWS ((int)(sizeof views / sizeof *views))

static void compare(const char *network, const char *layer, const actmax_result *result, const struct view *v)
{
    char key[256];
    static double golden[2 + 64 * 64];
    const float *raw;
    int64_t dims[8];
    int32_t rank;
    const char *at = NULL;
    snprintf(key, sizeof key, "cam %s %s %d %s", network, v->image, (int)v->wanted, layer);
    size_t count = real_golden(key, golden, sizeof golden / sizeof *golden);
    assert_true(count > 2);
    REAL_OK(actmax_result_text(result, "layer", &at));
    assert_string_equal(at, layer);
    REAL_OK(actmax_result_array(result, "map_raw", &raw, dims, &rank));
    assert_int_equal(dims[0], (int64_t)golden[0]);
    assert_int_equal(dims[1], (int64_t)golden[1]);
    double most = 0.0, ours = 0.0, worst = 0.0;
    for (size_t i = 2; i < count; ++i) {
        most = fmax(most, golden[i]);
        ours = fmax(ours, (double)raw[i - 2]);
    }
    /* On [0, 1]: Grad-CAM's ReLU, then by the maximum. The mean over channels against our sum drops out. */
    for (size_t i = 2; i < count; ++i)
        worst = fmax(worst, fabs(fmax((double)raw[i - 2], 0.0) / ours - fmax(golden[i], 0.0) / most));
    printf("  %-44s %-18s %4d  worst difference from PyTorch %.2g\n", network, v->image, (int)v->wanted, worst);
    /* Photographs that are resized and decoded here differ from Pillow's by a level now and then. */
    assert_true(worst < (strcmp(v->image, "both.png") == 0 ? 1e-4 : 0.02));
}

static void check_box(const char *network, const actmax_result *result, const struct view *v)
{
    const float *map;
    int64_t dims[8];
    int32_t rank;
    double inside = 0.0, all = 0.0;
    int64_t best = 0;
    REAL_OK(actmax_result_array(result, "map", &map, dims, &rank));
    for (int64_t i = 0; i < dims[0] * dims[1]; ++i) {
        int64_t y = i / dims[1], x = i % dims[1];
        all += (double)map[i];
        if (x >= v->left && x < v->right && y >= v->top && y < v->bottom) inside += (double)map[i];
        if (map[i] > map[best]) best = i;
    }
    int64_t y = best / dims[1], x = best % dims[1];
    printf("  %-44s %-18s %4d  %.0f %% in the box, maximum at (%d, %d)\n", network, v->image, (int)v->wanted, 100.0 * inside / all,
           (int)x, (int)y);
    /* Where a network looks is its own affair: the best of the four is held to the boxes, the others are reported. */
    if (strcmp(network, REAL_MOBILENET_V2) != 0) return;
    assert_true(inside >= 0.5 * all);
    assert_true(x >= v->left && x < v->right && y >= v->top && y < v->bottom);
}

static void test_maps(void **state)
{
    static const char *const layers[] = {"fire9/concat_1", "fire9/concat_1", "conv_pw_13_relu", "Conv_1/Relu6"};
    (void)state;
    for (int i = 0; i < REAL_NETWORKS; ++i) {
        real_network n = real_open(real_networks[i]);
        for (int v = 0; v < VIEWS; ++v) {
            actmax_result *result = NULL;
            actmax_image *image = real_image(views[v].image);
            REAL_OK(actmax_session_grad_cam(n.session, image, ACTMAX_LAYER_OUTPUT, views[v].wanted, ACTMAX_LAYER_AUTO, n.recipe,
                                            &result));
            compare(real_networks[i], layers[i], result, &views[v]);
            check_box(real_networks[i], result, &views[v]);
            actmax_result_free(result);
            actmax_image_free(image);
        }
        real_close(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_maps)};
    int missing = real_missing();
    return missing ? missing : cmocka_run_group_tests(tests, NULL, NULL);
}
