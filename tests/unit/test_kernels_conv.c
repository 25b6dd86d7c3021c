/* Convolution kernels of every instruction set over odd shapes, and their answers to what is out of the ordinary. */
#include "conv_cases.h"

static void channels(void **state)
{
    static const int64_t counts[] = {1, 2, 3, 5, 8, 9, 17, 33, 100};
    const size_t n = sizeof counts / sizeof counts[0];
    for (size_t i = 0; i < n * n; i++) {
        const axm_conv_shape three = shape_of(5, 7, counts[i / n], counts[i % n], 3, 3, 1, 1, 1, 1);
        const axm_conv_shape large = shape_of(11, 13, counts[i / n], counts[i % n], 3, 3, 1, 1, 1, 1); /* Winograd's method */
        const axm_conv_shape one = shape_of(5, 7, counts[i / n], counts[i % n], 1, 1, 1, 1, 0, 1);
        check(*state, &large, variant_of((int)((i + 5) % 8)));
        check(*state, &three, variant_of((int)(i % 8)));
        check(*state, &one, variant_of((int)((i + 3) % 8)));
    }
}

static void kernels_strides_dilations(void **state)
{
    static const int64_t sizes[][2] = {{1, 1}, {1, 7}, {7, 1}, {3, 3}, {2, 3}, {5, 5}, {4, 4}};
    static const int64_t pairs[][2] = {{3, 17}, {17, 3}, {20, 34}, {1, 1}, {7, 19}};
    int turn = 0;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int64_t stride = 1; stride <= 4; stride++) {
            for (int64_t dilation = 1; dilation <= 3; dilation++) {
                for (size_t c = 0; c < sizeof pairs / sizeof pairs[0]; c++, turn++) {
                    axm_conv_shape s =
                        shape_of(19, 21, pairs[c][0], pairs[c][1], sizes[k][0], sizes[k][1], stride, dilation, turn % 3, 1);
                    s.batch = turn % 5 == 0 ? 2 : 1;
                    check(*state, &s, variant_of(turn % 8));
                }
            }
        }
    }
}

/* Padding that differs by edge, also past the kernel; outputs that end early or read past the far edge; unequal strides. */
static void uneven(void **state)
{
    static const int64_t rows[][12] = {
        /* in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left */
        {7, 9, 7, 9, 3, 3, 1, 1, 1, 1, 0, 2},     {7, 9, 9, 11, 3, 3, 1, 1, 1, 1, 2, 2},
        {7, 9, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1},     {8, 8, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0},
        {9, 6, 3, 6, 3, 3, 3, 1, 1, 1, 1, 1},     {9, 7, 9, 3, 2, 4, 1, 2, 2, 1, 1, 0},
        {6, 6, 12, 12, 3, 3, 1, 1, 2, 2, 5, 5},   {5, 5, 1, 1, 5, 5, 1, 1, 1, 1, 0, 0},
        {1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1},     {1, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
        {7, 7, 1, 1, 3, 3, 5, 5, 1, 1, 0, 0},     {10, 10, 3, 3, 3, 3, 4, 4, 2, 2, 1, 1},
        {6, 6, 2, 2, 2, 2, 3, 3, 3, 3, 0, 0},     {12, 5, 4, 5, 4, 3, 3, 1, 6, 1, 9, 1},
        {4, 4, 9, 9, 3, 3, 1, 1, 4, 4, 6, 6},     {11, 13, 11, 13, 3, 3, 1, 1, 1, 1, 0, 2},
        {9, 11, 11, 13, 3, 3, 1, 1, 1, 1, 2, 2},  {12, 13, 11, 12, 3, 3, 1, 1, 1, 1, 1, 1},
        {3, 50, 3, 50, 3, 3, 1, 1, 1, 1, 1, 1},   {50, 2, 50, 2, 3, 3, 1, 1, 1, 1, 1, 1},
        {8, 11, 10, 12, 3, 3, 1, 1, 1, 1, 2, 1},  {17, 13, 17, 13, 3, 3, 1, 1, 1, 1, 1, 1},
        {18, 17, 16, 15, 3, 3, 1, 1, 1, 1, 0, 0}, {43, 42, 43, 42, 3, 3, 1, 1, 1, 1, 1, 1},
        {3, 40, 3, 20, 3, 3, 1, 2, 1, 1, 1, 0},   {8, 8, 7, 7, 1, 1, 1, 1, 1, 1, 0, 0},
        {6, 7, 6, 5, 1, 1, 1, 1, 1, 1, 0, 0},
    };
    static const int64_t triples[][3] = {{3, 5, 1}, {7, 19, 1}, {20, 33, 1}, {16, 2, 1}, {6, 6, 6}, {18, 18, 18}, {6, 12, 3}};
    int turn = 0;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (size_t c = 0; c < sizeof triples / sizeof triples[0]; c++, turn++) {
            const int64_t *q = rows[r];
            const axm_conv_shape s = {2,    q[0], q[1], triples[c][0], q[2], q[3],  triples[c][1], q[4],
                                      q[5], q[6], q[7], q[8],          q[9], q[10], q[11],         triples[c][2]};
            check(*state, &s, variant_of(turn % 8));
        }
    }
}

static void groups(void **state)
{
    static const int64_t triples[][3] = {{4, 8, 2},    {12, 6, 3}, {32, 64, 4},  {40, 40, 2},  {10, 15, 5}, {32, 32, 8},
                                         {24, 24, 12}, {7, 14, 7}, {34, 17, 17}, {64, 64, 32}, {6, 18, 6}};
    int turn = 0;
    for (size_t i = 0; i < sizeof triples / sizeof triples[0]; i++) {
        for (int64_t stride = 1; stride <= 2; stride++) {
            for (int64_t kernel = 1; kernel <= 3; kernel += 2, turn++) {
                const axm_conv_shape s =
                    shape_of(9, 8, triples[i][0], triples[i][1], kernel, kernel, stride, 1, kernel / 2, triples[i][2]);
                variant v = variant_of(turn % 8);
                v.filters = false; /* a subset of a grouped convolution is not one */
                check(*state, &s, v);
            }
        }
    }
}

static void depthwise(void **state)
{
    static const int64_t counts[] = {2, 3, 5, 16, 17, 33, 100};
    int turn = 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (int64_t stride = 1; stride <= 3; stride++) {
            for (int64_t kernel = 1; kernel <= 5; kernel += 2) {
                for (int64_t dilation = 1; dilation <= 2; dilation++, turn++) {
                    axm_conv_shape s =
                        shape_of(13, 12, counts[i], counts[i], kernel, kernel, stride, dilation, kernel / 2, counts[i]);
                    s.batch = 1 + turn % 2;
                    check(*state, &s, variant_of(turn % 8));
                    s.out_c *= 2; /* multiplier 2 */
                    variant v = variant_of((turn + 1) % 8);
                    v.filters = false;
                    check(*state, &s, v);
                }
            }
        }
    }
}

/* Backward from a few channels, as where a score begins, or from none. */
static void few_gradients(void **state)
{
    static const int64_t pairs[][2] = {{5, 7}, {16, 100}, {33, 40}, {130, 1000}};
    int turn = 0;
    for (size_t c = 0; c < sizeof pairs / sizeof pairs[0]; c++) {
        for (int64_t gradients = 1; gradients <= 6; gradients++, turn++) {
            axm_conv_shape s = shape_of(6 + turn % 2, 7, pairs[c][0], pairs[c][1], 1, 1, 1 + turn % 5 / 4, 1, 0, 1);
            variant v = variant_of(turn % 8);
            s.batch = 1 + turn % 2;
            v.gradients = gradients;
            check(*state, &s, v);
        }
    }
}

/* 1 1 1 / 1 1 1 / 1 1 1 over 1..9, padded: by hand. */
static void by_hand(void **state)
{
    static const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const float want[9] = {12, 21, 16, 27, 45, 33, 24, 39, 28};
    const axm_conv_shape s = shape_of(3, 3, 1, 1, 3, 3, 1, 1, 1, 1);
    const axm_conv_weights w = {.data = ones, .stride = {9, 9, 3, 1}};
    for (int32_t i = 0; axm_kernels_at(i) != NULL; i++) {
        const axm_kernels *kernels = axm_kernels_at(i);
        if (!axm_kernels_available(kernels)) continue;
        for (axm_direction d = AXM_FORWARD; d <= AXM_BACKWARD; d++) { /* the kernel is symmetric: both give the same */
            void *packed = test_bytes(axm_conv_packed_bytes(kernels, &s, d));
            axm_conv_pack(kernels, &s, d, &w, packed);
            axm_exec exec =
                test_exec(*state, kernels, 0, axm_conv_scratch_bytes(kernels, &s, d), axm_conv_shared_bytes(kernels, &s, d));
            float y[9];
            if (d == AXM_FORWARD) {
                axm_conv_forward(&exec, &s, x, packed, NULL, NULL, (axm_clamp){-INFINITY, INFINITY}, y);
            } else {
                axm_conv_backward(&exec, &s, x, packed, false, y);
            }
            assert_memory_equal(y, want, sizeof want);
            free(exec.scratch);
            free(packed);
        }
    }
}

/* A NaN must come through the clamp, or a broken network would go unnoticed. */
static void nan_passes(void **state)
{
    const int64_t triples[][3] = {{20, 40, 1}, {40, 2, 1}, {20, 20, 20}};
    for (int32_t i = 0; axm_kernels_at(i) != NULL; i++) {
        const axm_kernels *kernels = axm_kernels_at(i);
        if (!axm_kernels_available(kernels)) continue;
        for (size_t t = 0; t < sizeof triples / sizeof triples[0]; t++) {
            const axm_conv_shape s = shape_of(3, 3, triples[t][0], triples[t][1], 3, 3, 1, 1, 0, triples[t][2]);
            fixture f;
            fixture_make(&f, &s, (variant){.clamp = true});
            for (size_t j = 0; j < f.x_count; j++)
                f.x[j] = NAN;
            float *y = run(*state, kernels, 0, &f, AXM_FORWARD);
            for (size_t j = 0; j < f.y_count; j++)
                assert_true(isnan(y[j]));
            free(y);
            fixture_free(&f);
        }
    }
}

static void find(void **state)
{
    (void)state;
    assert_string_equal(axm_kernels_name(axm_kernels_find("c")), "c");
#if defined(__aarch64__)
    assert_string_equal(axm_kernels_name(axm_kernels_find("auto")), "neon");
#endif
    assert_null(axm_kernels_find("none such"));
    assert_null(axm_kernels_at(-1));
    assert_non_null(axm_kernels_find(NULL));
    assert_ptr_equal(axm_kernels_find(NULL), axm_kernels_find("auto"));
    assert_true(axm_kernels_available(axm_kernels_find(NULL)));
    int32_t count = 0;
    while (axm_kernels_at(count) != NULL)
        count++;
    assert_null(axm_kernels_at(count + 1));
    assert_string_equal(axm_kernels_name(axm_kernels_at(count - 1)), "c");
}

/* A packed size that size_t cannot hold is SIZE_MAX, which no allocation gives. */
static void huge(void **state)
{
    (void)state;
    axm_conv_shape s = shape_of(1, 1, INT64_C(1) << 31, INT64_C(1) << 31, 1, 1, 1, 1, 0, 1);
    assert_true(axm_conv_packed_bytes(axm_kernels_find("c"), &s, AXM_FORWARD) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels),  cmocka_unit_test(kernels_strides_dilations),
        cmocka_unit_test(uneven),    cmocka_unit_test(groups),
        cmocka_unit_test(depthwise), cmocka_unit_test(few_gradients),
        cmocka_unit_test(by_hand),   cmocka_unit_test(nan_passes),
        cmocka_unit_test(find),      cmocka_unit_test(huge),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
