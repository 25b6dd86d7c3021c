/* lib/image: colour maps against matplotlib and OpenCV, overlay against NumPy, preprocessing against PyTorch and Keras' formulas.
 */
#include "image_goldens.h"

#include "base/status.h"

static void test_tables(void **state)
{
    static const char *const names[] = {"jet", "jet-opencv", "viridis", "turbo"};
    (void)state;
    golden values = find_golden("colour/values");
    for (int i = 0; i < 4; i++) {
        uint8_t table[256][3], rgb[100 * 3];
        char name[64];
        const axm_colormap *map = axm_colormap_find(names[i]);
        assert_non_null(map);
        map->table(table);
        snprintf(name, sizeof name, "colour/%s/table", names[i]);
        golden wanted = find_golden(name);
        assert_same_bytes(name, table[0], wanted.bytes, 768);
        snprintf(name, sizeof name, "colour/%s/values", names[i]);
        wanted = find_golden(name);
        axm_colormap_apply(map, values.floats, values.count, rgb);
        assert_same_bytes(name, rgb, wanted.bytes, wanted.count);
    }
    free(values.floats);
}

/* Published corners of the two jets: keras-vis issue 175 shows (0, 0, 127). */
static void test_jet_ends(void **state)
{
    static const uint8_t mpl[6] = {0, 0, 127, 127, 0, 0}, cv[6] = {0, 0, 128, 128, 0, 0};
    const float ends[2] = {0.0f, 1.0f};
    uint8_t rgb[6];
    (void)state;
    axm_colormap_apply(axm_colormap_find("jet"), ends, 2, rgb);
    assert_same_bytes("jet", rgb, mpl, 6);
    axm_colormap_apply(axm_colormap_find("jet-opencv"), ends, 2, rgb);
    assert_same_bytes("jet-opencv", rgb, cv, 6);
}

static void test_outside_and_nan(void **state)
{
    const float values[5] = {-3.0f, 7.0f, NAN, INFINITY, -INFINITY};
    static const uint8_t wanted[15] = {0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0};
    uint8_t rgb[15];
    (void)state;
    axm_colormap_apply(axm_colormap_find("grey"), values, 5, rgb);
    assert_same_bytes("grey", rgb, wanted, 15);
}

static void test_names(void **state)
{
    static const char *const names[] = {"jet", "jet-opencv", "viridis", "turbo", "grey"};
    (void)state;
    for (int32_t i = 0; i < 5; i++)
        assert_string_equal(axm_colormap_at(i)->name, names[i]);
    assert_null(axm_colormap_at(5));
    assert_null(axm_colormap_at(-1));
    assert_null(axm_colormap_find("magma"));
}

static void test_overlay(void **state)
{
    static const char *const alphas[] = {"0.0", "0.3", "0.5", "0.7", "1.0"};
    golden a = find_golden("overlay/a"), b = find_golden("overlay/b");
    uint8_t out[300];
    (void)state;
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "overlay/%s", alphas[i]);
        golden wanted = find_golden(name);
        axm_overlay(a.bytes, b.bytes, strtod(alphas[i], NULL), 300, out);
        assert_same_bytes(name, out, wanted.bytes, 300);
        memcpy(out, b.bytes, 300); /* the result may lie over an operand */
        axm_overlay(a.bytes, out, strtod(alphas[i], NULL), 300, out);
        assert_same_bytes(name, out, wanted.bytes, 300);
    }
}

static void test_presets(void **state)
{
    static const char *const names[] = {"raw", "unit", "tf", "torch", "caffe"};
    struct actmax_image *image = golden_image("preprocess/rgb");
    (void)state;
    for (int32_t i = 0; i < 5; i++) {
        axm_preprocess p;
        float got[60];
        uint8_t back[60];
        char name[64];
        assert_string_equal(axm_preprocess_name(i), names[i]);
        assert_true(axm_preprocess_preset(names[i], &p));
        assert_string_equal(p.name, names[i]);
        snprintf(name, sizeof name, "preprocess/%s", names[i]);
        golden wanted = find_golden(name);
        assert_int_equal(axm_preprocess_apply(&p, image, 3, got), 0);
        for (size_t k = 0; k < 60; k++) /* one rounding to float, and the last bits of the double arithmetic */
            assert_true(fabs((double)got[k] - (double)wanted.floats[k]) <= 1.3e-7 * fabs((double)wanted.floats[k]) + 1e-12);
        axm_preprocess_invert(&p, got, 20, 3, back);
        assert_same_bytes(name, back, image->bytes, 60);
        free(wanted.floats);
    }
    assert_null(axm_preprocess_name(5));
    axm_preprocess untouched = {.scale = 7.0};
    assert_false(axm_preprocess_preset("imagenet", &untouched));
    assert_true(untouched.scale > 6.5);
    axm_image_free(image);
}

static void test_grey_and_rgb(void **state)
{
    struct actmax_image *rgb = golden_image("preprocess/rgb"), *grey = NULL;
    golden luma = find_golden("preprocess/luma");
    axm_preprocess raw, caffe;
    float got[60];
    (void)state;
    axm_preprocess_preset("raw", &raw);
    axm_preprocess_preset("caffe", &caffe);
    assert_int_equal(axm_preprocess_apply(&raw, rgb, 1, got), 0);
    assert_near("luma", got, luma.floats, 20, 0.0);
    assert_int_equal(axm_image_new(&golden_allocator, NULL, 2, 1, 1, false, &grey), 0);
    grey->bytes[0] = 10;
    grey->bytes[1] = 200;
    assert_int_equal(axm_preprocess_apply(&caffe, grey, 3, got), 0);
    const float wanted[6] = {10 - 103.939f, 10 - 116.779f, 10 - 123.68f, 200 - 103.939f, 200 - 116.779f, 200 - 123.68f};
    assert_near("grey repeated", got, wanted, 6, 1e-5);
    assert_int_equal(axm_preprocess_apply(&raw, grey, 4, got), ACTMAX_ERROR_SHAPE);
    axm_image_free(grey);
    axm_image_free(rgb);
    free(luma.floats);
}

static void test_invert_clamps(void **state)
{
    axm_preprocess unit;
    const float x[7] = {-1.0f, 2.0f, NAN, 0.5f, 1.4f / 255.0f, 1.6f / 255.0f, INFINITY};
    static const uint8_t wanted[7] = {0, 255, 0, 128, 1, 2, 255};
    uint8_t out[7];
    (void)state;
    axm_preprocess_preset("unit", &unit);
    axm_preprocess_invert(&unit, x, 7, 1, out);
    assert_same_bytes("invert", out, wanted, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),       cmocka_unit_test(test_jet_ends),      cmocka_unit_test(test_outside_and_nan),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_overlay),       cmocka_unit_test(test_presets),
        cmocka_unit_test(test_grey_and_rgb), cmocka_unit_test(test_invert_clamps),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
