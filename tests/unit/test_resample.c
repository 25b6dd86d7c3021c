/* lib/image: resizing against Pillow (8 bit), SciPy, PyTorch and OpenCV (float), box blur against OpenCV, and fitting against
 * torchvision's rule. */
#include "image_goldens.h"

#include "base/status.h"
#include "golden_lines.h"
#include "visualize/enlarge.h"

static void test_pillow_bytes(void **state)
{
    static const char *const filters[] = {"bilinear", "bicubic"};
    static const struct {
        const char *kind;
        int32_t width, height;
    } cases[] = {{"rgb", 46, 37}, {"rgb", 17, 23}, {"rgb", 41, 9},   {"rgb", 30, 31},  {"rgb", 1, 1},
                 {"rgb", 7, 60},  {"rgb", 2, 3},   {"grey", 46, 37}, {"grey", 17, 23}, {"grey", 5, 4}};
    (void)state;
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            char name[64];
            struct actmax_image *source = golden_image(strcmp(cases[i].kind, "rgb") == 0 ? "source/rgb" : "source/grey"),
                                *made = NULL;
            snprintf(name, sizeof name, "pillow/%s/%s/%dx%d", filters[f], cases[i].kind, (int)cases[i].width, (int)cases[i].height);
            assert_int_equal(axm_resize_pillow(&golden_allocator, source, cases[i].width, cases[i].height,
                                               f ? AXM_FILTER_BICUBIC : AXM_FILTER_BILINEAR, &made),
                             0);
            assert_image_is(name, made);
            axm_image_free(made);
            axm_image_free(source);
        }
}

static void test_pillow_same_size_is_a_copy(void **state)
{
    struct actmax_image *source = golden_image("source/rgb"), *made = NULL;
    (void)state;
    for (int f = 0; f < 2; f++) {
        assert_int_equal(axm_resize_pillow(&golden_allocator, source, 41, 31, f ? AXM_FILTER_BICUBIC : AXM_FILTER_BILINEAR, &made),
                         0);
        assert_image_is("source/rgb", made);
        axm_image_free(made);
    }
    axm_image_free(source);
}

/* A part is the same as that part of the whole. */
static void test_pillow_part(void **state)
{
    struct actmax_image *source = golden_image("source/rgb"), *part = NULL;
    golden whole = find_golden("pillow/bicubic/rgb/46x37");
    (void)state;
    assert_int_equal(axm_resize_pillow_part(&golden_allocator, source, 46, 37, 27, 22, 19, 13, AXM_FILTER_BICUBIC, &part), 0);
    for (size_t y = 0; y < 13; y++)
        assert_same_bytes("part", part->bytes + y * 19 * 3, whole.bytes + ((y + 22) * 46 + 27) * 3, 19 * 3);
    axm_image_free(part);
    axm_image_free(source);
}

static void test_float_kinds(void **state)
{
    static const struct {
        const char *name;
        int cases;
        axm_interpolation kind;
        double tolerance;
    } groups[] = {
        {"spline", 6, AXM_CORNER_CUBIC_SPLINE, 1e-6},
        {"corner", 6, AXM_CORNER_BILINEAR, 1e-6},
        {"half", 4, AXM_HALF_PIXEL_BILINEAR, 1e-6},
        {"cubic", 4, AXM_HALF_PIXEL_CUBIC, 1e-6},
        {"nearest", 4, AXM_NEAREST, 0.0},
        {"opencv", 1, AXM_HALF_PIXEL_BILINEAR, 2e-6}, /* OpenCV sums in float */
    };
    (void)state;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (int i = 0; i < groups[g].cases; i++) {
            char name[64];
            snprintf(name, sizeof name, "float/%s/%d/x", groups[g].name, i);
            golden x = find_golden(name);
            name[strlen(name) - 1] = 'y';
            golden wanted = find_golden(name);
            float *got = malloc(wanted.count * sizeof *got);
            assert_non_null(got);
            assert_int_equal(axm_resize_float(&golden_allocator, groups[g].kind, x.floats, x.dims[1], x.dims[0], x.dims[2], got,
                                              wanted.dims[1], wanted.dims[0]),
                             0);
            assert_near(name, got, wanted.floats, wanted.count, groups[g].tolerance);
            free(got);
            free(x.floats);
            free(wanted.floats);
        }
}

/* The pictures of make_opencv_goldens.py: 32-bit hashes of the positions. */
static float *hashed(int32_t height, int32_t width)
{
    size_t count = (size_t)height * (size_t)width * 3;
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++) {
        uint32_t h = (uint32_t)(i + 1) * 2654435761u;
        h = (h ^ h >> 15) * 2246822519u;
        x[i] = (float)((double)(h ^ h >> 13) / 4294967296.0);
    }
    return x;
}

/* At most 20 rows and columns of it against the line. OpenCV's positions are floats: 2e-5 of a pixel at 408. */
static void near_opencv(const char *line, const float *y, int32_t height, int32_t width)
{
    int32_t most = height > width ? height : width, step = (most + 19) / 20;
    float some[20 * 20 * 3];
    size_t count = 0;
    for (int32_t i = 0; i < height; i += step)
        for (int32_t k = 0; k < width; k += step, count += 3)
            memcpy(some + count, y + ((size_t)i * (size_t)width + (size_t)k) * 3, 3 * sizeof *some);
    float *wanted = golden_line("opencv.txt", line, count);
    assert_near(line, some, wanted, count, most > 100 ? 1e-4 : 2e-6);
    free(wanted);
}

static void test_opencv(void **state)
{
    static const int32_t sizes[5][4] = {{4, 6, 11, 9}, {7, 7, 8, 8}, {16, 16, 19, 19}, {1, 5, 3, 8}, {340, 340, 408, 408}};
    char line[64];
    (void)state;
    for (int i = 0; i < 10; i++) {
        const int32_t *s = sizes[i % 5];
        float *x = hashed(s[0], s[1]), *y = malloc((size_t)s[2] * (size_t)s[3] * 3 * sizeof *y);
        assert_non_null(y);
        assert_int_equal(axm_resize_float(&golden_allocator, i < 5 ? AXM_HALF_PIXEL_CUBIC : AXM_HALF_PIXEL_BILINEAR, x, s[1], s[0],
                                          3, y, s[3], s[2]),
                         0);
        snprintf(line, sizeof line, "%s_%dx%d_%dx%d", i < 5 ? "cubic" : "linear", (int)s[0], (int)s[1], (int)s[2], (int)s[3]);
        near_opencv(line, y, s[2], s[3]);
        free(x);
        free(y);
    }
    for (int side = 2; side <= 5; side++) {
        float *x = hashed(8, 7), scratch[8 * 7 * 3], y[8 * 7 * 3];
        axm_box_blur(side, (axm_extent){7, 8, 3}, x, scratch, y);
        snprintf(line, sizeof line, "box_%d_8x7", side);
        near_opencv(line, y, 8, 7);
        free(x);
    }
}

/* At these sizes scipy.ndimage.zoom loses the last row and column to rounding; a map must not. Corners are kept by every
 * corner-aligned kind, and a constant stays one. */
static void test_float_corners_and_constants(void **state)
{
    static const int32_t sizes[][2] = {{32, 224}, {28, 192}, {14, 384}, {7, 224}, {224, 14}, {1, 9}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t in = (size_t)sizes[i][0], out = (size_t)sizes[i][1];
        float *x = malloc(in * in * sizeof *x), *y = malloc(out * out * sizeof *y);
        assert_true(x && y);
        for (size_t k = 0; k < in * in; k++)
            x[k] = (float)((k * 37) % 101);
        for (int kind = AXM_CORNER_CUBIC_SPLINE; kind <= AXM_CORNER_BILINEAR; kind++) {
            assert_int_equal(axm_resize_float(&golden_allocator, (axm_interpolation)kind, x, sizes[i][0], sizes[i][0], 1, y,
                                              sizes[i][1], sizes[i][1]),
                             0);
            float corners[4] = {y[0], y[out - 1], y[(out - 1) * out], y[out * out - 1]};
            float wanted[4] = {x[0], x[in - 1], x[(in - 1) * in], x[in * in - 1]};
            assert_near("corners", corners, wanted, 4, 1e-4);
        }
        for (size_t k = 0; k < in * in; k++)
            x[k] = 3.25f;
        for (int kind = AXM_HALF_PIXEL_BILINEAR; kind <= AXM_NEAREST; kind++) {
            assert_int_equal(axm_resize_float(&golden_allocator, (axm_interpolation)kind, x, sizes[i][0], sizes[i][0], 1, y,
                                              sizes[i][1], sizes[i][1]),
                             0);
            for (size_t k = 0; k < out * out; k++)
                assert_true(fabsf(y[k] - 3.25f) <= 1e-6f);
        }
        free(x);
        free(y);
    }
}

static struct actmax_image *turned_left(const struct actmax_image *image)
{
    struct actmax_image *made = NULL;
    size_t w = (size_t)image->width, h = (size_t)image->height;
    assert_int_equal(axm_image_new(&golden_allocator, NULL, image->height, image->width, 3, false, &made), 0);
    for (size_t y = 0; y < w; y++)
        for (size_t x = 0; x < h; x++)
            memcpy(made->bytes + (y * h + x) * 3, image->bytes + (x * w + (w - 1 - y)) * 3, 3);
    return made;
}

static void test_fit(void **state)
{
    static const int32_t sizes[] = {28, 20, 32};
    struct actmax_image *wide = golden_image("fit/source"), *tall = turned_left(wide);
    (void)state;
    for (int i = 0; i < 6; i++) {
        const struct actmax_image *from = i % 2 ? tall : wide;
        struct actmax_image *made = NULL;
        int32_t size = sizes[i / 2], region[4];
        char name[64];
        snprintf(name, sizeof name, "fit/%s/%d", i % 2 ? "tall" : "wide", (int)size);
        assert_int_equal(axm_fit_image(&golden_allocator, from, size, size, &made), 0);
        assert_image_is(name, made);
        axm_image_free(made);
        snprintf(name, sizeof name, "fit/%s/%d/region", i % 2 ? "tall" : "wide", (int)size);
        golden edges = find_golden(name);
        axm_fit_region(from->width, from->height, size, size, region);
        assert_true(fabsf((float)region[0] - edges.floats[0]) <= 0.5f && fabsf((float)region[1] - edges.floats[1]) <= 0.5f);
        assert_true(fabsf((float)(region[0] + region[2]) - edges.floats[2]) <= 0.5f);
        assert_true(fabsf((float)(region[1] + region[3]) - edges.floats[3]) <= 0.5f);
        free(edges.floats);
    }
    axm_image_free(wide);
    axm_image_free(tall);
}

/* Hand computed: 400 x 300 to 224: resized to 341 x 256 (341.33 rounded down), crop from (58.5 -> 58 half to even, 16). */
static void test_fit_region_by_hand(void **state)
{
    static const int32_t extremes[][4] = {{1, 1, 224, 224},   {65536, 1, 224, 224}, {1, 65536, 224, 224}, {3, 2, 1, 1},
                                          {500, 400, 64, 32}, {7, 9000, 32, 64},    {2, 2, 300, 7}};
    struct actmax_image *same = golden_image("fit/source"), *made = NULL;
    int32_t region[4];
    (void)state;
    axm_fit_region(400, 300, 224, 224, region);
    assert_int_equal(region[0], 68);  /* 58 * 400 / 341 = 68.04 */
    assert_int_equal(region[2], 263); /* 282 * 400 / 341 = 330.79 */
    assert_int_equal(region[1], 19);  /* 18.75 */
    assert_int_equal(region[3], 262); /* 281.25 */
    axm_fit_region(224, 224, 224, 224, region);
    assert_true(region[0] == 0 && region[1] == 0 && region[2] == 224 && region[3] == 224);
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        const int32_t *e = extremes[i];
        axm_fit_region(e[0], e[1], e[2], e[3], region);
        assert_true(region[0] >= 0 && region[1] >= 0 && region[2] >= 1 && region[3] >= 1);
        assert_true(region[0] + region[2] <= e[0] && region[1] + region[3] <= e[1]);
    }
    assert_int_equal(axm_fit_image(&golden_allocator, same, 41, 31, &made), 0);
    assert_image_is("fit/source", made); /* the network's size already: not resized, not cropped */
    axm_image_free(made);
    axm_image_free(same);
}

/* A long strip would be 16777216 x 256 pixels when resized whole; only the crop is computed. */
static void test_fit_strip(void **state)
{
    struct actmax_image *strip = NULL, *made = NULL;
    (void)state;
    assert_int_equal(axm_image_new(&golden_allocator, NULL, 65536, 1, 3, false, &strip), 0);
    memset(strip->bytes, 77, 65536 * 3);
    assert_int_equal(axm_fit_image(&golden_allocator, strip, 224, 224, &made), 0);
    assert_true(made->width == 224 && made->height == 224);
    for (size_t i = 0; i < 224 * 224 * 3; i++)
        assert_int_equal(made->bytes[i], 77);
    axm_image_free(made);
    axm_image_free(strip);
}

static void test_refusals(void **state)
{
    struct actmax_image *floats = NULL, *made = NULL;
    float x[4] = {0}, y[4];
    (void)state;
    assert_int_equal(axm_image_new(&golden_allocator, NULL, 2, 2, 1, true, &floats), 0);
    assert_int_equal(axm_resize_pillow(&golden_allocator, floats, 3, 3, AXM_FILTER_BILINEAR, &made), ACTMAX_ERROR_INVALID);
    assert_int_equal(axm_fit_image(&golden_allocator, floats, 3, 3, &made), ACTMAX_ERROR_INVALID);
    assert_int_equal(axm_resize_float(&golden_allocator, AXM_NEAREST, x, 2, 2, 1, y, 0, 2), ACTMAX_ERROR_INVALID);
    assert_null(made);
    axm_image_free(floats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pillow_bytes), cmocka_unit_test(test_pillow_same_size_is_a_copy),
        cmocka_unit_test(test_pillow_part),  cmocka_unit_test(test_float_kinds),
        cmocka_unit_test(test_opencv),       cmocka_unit_test(test_float_corners_and_constants),
        cmocka_unit_test(test_fit),          cmocka_unit_test(test_fit_region_by_hand),
        cmocka_unit_test(test_fit_strip),    cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
