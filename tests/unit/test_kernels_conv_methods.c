/* Convolution kernels where the way to compute is another: blocks, readings, Winograd's method along an axis and for steps of 2. */
#include "conv_cases.h"
#include "kernels/conv.h"

/* Sums and grids long enough to be cut into blocks, and the shapes of first layers. */
static void blocks(void **state)
{
    const axm_conv_shape shapes[] = {
        shape_of(31, 31, 3, 40, 11, 11, 4, 1, 2, 1), shape_of(30, 30, 3, 64, 7, 7, 2, 1, 3, 1),
        shape_of(20, 20, 3, 64, 3, 3, 1, 1, 1, 1),   shape_of(14, 14, 100, 72, 3, 3, 1, 1, 1, 1),
        shape_of(7, 7, 512, 130, 1, 1, 1, 1, 0, 1),  shape_of(7, 7, 257, 40, 3, 3, 1, 1, 1, 1),
        shape_of(1, 1, 600, 300, 1, 1, 1, 1, 0, 1),  shape_of(12, 13, 180, 3, 3, 3, 1, 1, 1, 1),
        shape_of(9, 9, 64, 64, 5, 5, 2, 1, 2, 1),    shape_of(40, 40, 24, 96, 1, 1, 1, 1, 0, 1),
        shape_of(15, 16, 40, 300, 3, 3, 1, 1, 1, 1), shape_of(16, 14, 290, 130, 3, 3, 1, 1, 1, 1),
        shape_of(28, 28, 64, 33, 1, 1, 2, 1, 0, 1),  shape_of(10, 9, 512, 512, 1, 1, 1, 1, 0, 1),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check(*state, &shapes[i], variant_of(0));
        check(*state, &shapes[i], variant_of((int)(i % 7) + 1));
    }
}

/* What a product may read from where it lies, from a copy of lines, from a copy of rows: with strides of 2 and 4 KiB between
 * rows, runs of taps that are cut and that are put together, several blocks of an image, pixels of several groups. */
static void readings(void **state)
{
    axm_conv_shape shapes[] = {
        shape_of(5, 6, 1024, 70, 1, 1, 1, 1, 0, 1),   shape_of(29, 27, 512, 33, 1, 1, 2, 1, 0, 1),
        shape_of(33, 31, 48, 160, 1, 1, 2, 1, 0, 1),  shape_of(17, 19, 256, 66, 3, 3, 2, 1, 1, 1),
        shape_of(15, 17, 512, 20, 3, 3, 2, 1, 1, 1),  shape_of(35, 33, 100, 40, 3, 3, 2, 1, 0, 1),
        shape_of(21, 40, 40, 32, 3, 3, 2, 1, 1, 1),   shape_of(9, 10, 300, 96, 1, 3, 1, 1, 1, 1),
        shape_of(9, 10, 300, 96, 3, 1, 1, 1, 1, 1),   shape_of(12, 60, 64, 96, 3, 3, 2, 1, 1, 4),
        shape_of(37, 21, 18, 24, 3, 3, 1, 1, 1, 2),   shape_of(6, 600, 8, 24, 3, 5, 2, 1, 1, 1),
        shape_of(9, 1100, 4, 20, 3, 3, 1, 1, 1, 1),   shape_of(20, 22, 1024, 40, 2, 2, 1, 1, 1, 1),
        shape_of(13, 2100, 16, 16, 1, 1, 2, 1, 0, 1), shape_of(16, 16, 20, 40, 4, 4, 2, 1, 1, 1),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        variant v = variant_of((int)(i % 8));
        v.filters = v.filters && shapes[i].groups == 1;
        check(*state, &shapes[i], v);
        shapes[i].batch = 2;
        v = variant_of((int)((i + 5) % 8));
        v.filters = v.filters && shapes[i].groups == 1;
        check(*state, &shapes[i], v);
    }
}

/* Three, five or seven taps along an axis on pictures that are large enough for Winograd's method along it: fused and in stages,
 * taps across the axis, tiles that reach past every edge, several images. */
static void lines(void **state)
{
    static const int64_t sizes[][2] = {{1, 7}, {7, 1}, {1, 5}, {5, 1}, {5, 5}, {7, 7},
                                       {3, 7}, {5, 3}, {2, 5}, {7, 5}, {1, 3}, {3, 1}};
    static const int64_t pairs[][2] = {{16, 17}, {17, 33}, {20, 16}, {48, 100}};
    int turn = 0;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (size_t c = 0; c < sizeof pairs / sizeof pairs[0]; c++, turn++) {
            const int64_t pad = sizes[k][0] * sizes[k][1] == 3 ? turn % 2 : turn % 4; /* no window lies outside, with one more */
            axm_conv_shape s =
                shape_of(15 + turn % 3, 17 - turn % 4, pairs[c][0], pairs[c][1], sizes[k][0], sizes[k][1], 1, 1, pad, 1);
            s.batch = 1 + turn % 2;
            check(*state, &s, variant_of(turn % 8));
            if (s.kernel_w > 1) s.pad_left++, s.out_w++; /* padding that differs by edge */
            if (s.kernel_h > 1) s.pad_top++, s.out_h++;
            check(*state, &s, variant_of((turn + 3) % 8));
        }
    }
    const axm_conv_shape staged[] = {shape_of(14, 17, 192, 150, 7, 1, 1, 1, 3, 1), shape_of(17, 13, 130, 192, 1, 7, 1, 1, 3, 1),
                                     shape_of(11, 10, 100, 90, 5, 5, 1, 1, 2, 1),  shape_of(10, 14, 300, 64, 5, 2, 1, 1, 2, 1),
                                     shape_of(8, 8, 220, 230, 1, 3, 1, 1, 1, 1),   shape_of(8, 9, 290, 192, 3, 1, 1, 1, 1, 1)};
    for (size_t i = 0; i < sizeof staged / sizeof staged[0]; i++)
        check(*state, &staged[i], variant_of((int)i * 3 % 8));
}

/* 3x3 taps a step of 2 apart by Winograd's method: tiles that reach past the edges, several images, blocks of one panel and of two,
 * sums in parts, more tiles than are held at a time. */
static void strides(void **state)
{
    static const int64_t sizes[][2] = {{17, 18}, {16, 15}, {15, 18}, {19, 20}};
    static const int64_t pairs[][2] = {{192, 193}, {150, 275}, {300, 150}, {200, 260}};
    for (int turn = 0; turn < 8; turn++) {
        const int64_t *size = sizes[turn % 4], *c = pairs[(turn + turn / 4) % 4];
        axm_conv_shape s = shape_of(size[0], size[1], c[0], c[1], 3, 3, 2, 1, turn % 4 != 0, 1);
        s.batch = 1 + turn / 4;
        check(*state, &s, variant_of(turn));
        if (turn % 2 == 1) { /* padding that differs by edge */
            s.in_h--, s.in_w--;
            s.pad_top++, s.pad_left++;
            check(*state, &s, variant_of((turn + 3) % 8));
        }
    }
    const axm_conv_shape large = shape_of(57, 61, 193, 192, 3, 3, 2, 1, 1, 1);
    check(*state, &large, variant_of(5));
}

/* The layers that each method is for are computed by it, so that the tests above test it: of VGG16, Inception v3 and ResNet-50. */
static void methods(void **state)
{
    (void)state;
    const struct {
        axm_conv_shape shape;
        axm_conv_algorithm forward, backward;
    } layers[] = {
        {shape_of(56, 56, 256, 256, 3, 3, 1, 1, 1, 1), AXM_CONV_WINOGRAD, AXM_CONV_WINOGRAD},
        {shape_of(17, 17, 192, 192, 1, 7, 1, 1, 3, 1), AXM_CONV_LINE, AXM_CONV_LINE},
        {shape_of(56, 56, 256, 256, 3, 3, 2, 1, 1, 1), AXM_CONV_STRIDE, AXM_CONV_GEMM},
        {shape_of(56, 56, 64, 256, 1, 1, 1, 1, 0, 1), AXM_CONV_GEMM, AXM_CONV_GEMM},
        {shape_of(56, 56, 64, 64, 3, 3, 1, 1, 1, 64), AXM_CONV_DEPTHWISE, AXM_CONV_DEPTHWISE},
    };
    for (int32_t k = 0; axm_kernels_at(k) != NULL; k++) {
        for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
            assert_int_equal(axm_conv_plan_of(axm_kernels_at(k), &layers[i].shape, AXM_FORWARD).algorithm, layers[i].forward);
            assert_int_equal(axm_conv_plan_of(axm_kernels_at(k), &layers[i].shape, AXM_BACKWARD).algorithm, layers[i].backward);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks),  cmocka_unit_test(readings), cmocka_unit_test(lines),
        cmocka_unit_test(strides), cmocka_unit_test(methods),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
