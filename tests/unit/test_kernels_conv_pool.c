/* A convolution with its max pool in one, against the convolution, the clamp and the pool one after another: equal numbers, over
 * odd sizes, paddings, images, channels that are no multiple of a vector, ties, infinite and missing numbers. */
#include "kernels_common.h"

typedef struct fixture {
    axm_conv_shape s;
    axm_pool_shape pool;
    size_t x_count, between, y_count, index_bytes;
    float *x, *w, *bias, *dy, *before;
    axm_clamp clamp;
    int32_t images;
} fixture;

typedef struct result {
    float *y, *dx;
} result;

static axm_conv_shape shape_of(int64_t height, int64_t width, int64_t in_c, int64_t out_c, int64_t pad)
{
    return (axm_conv_shape){.batch = 1,
                            .in_h = height,
                            .in_w = width,
                            .in_c = in_c,
                            .out_h = height + 2 * pad - 2,
                            .out_w = width + 2 * pad - 2,
                            .out_c = out_c,
                            .kernel_h = 3,
                            .kernel_w = 3,
                            .stride_h = 1,
                            .stride_w = 1,
                            .dilation_h = 1,
                            .dilation_w = 1,
                            .pad_top = pad,
                            .pad_left = pad,
                            .groups = 1};
}

static fixture make(axm_conv_shape s, axm_clamp clamp, bool biased, int32_t images)
{
    fixture f = {.s = s, .clamp = clamp, .images = images};
    f.pool = (axm_pool_shape){.batch = 1,
                              .in_h = s.out_h,
                              .in_w = s.out_w,
                              .channels = s.out_c,
                              .out_h = s.out_h / 2,
                              .out_w = s.out_w / 2,
                              .kernel_h = 2,
                              .kernel_w = 2,
                              .stride_h = 2,
                              .stride_w = 2,
                              .dilation_h = 1,
                              .dilation_w = 1};
    f.x_count = (size_t)(s.in_h * s.in_w * s.in_c);
    f.between = (size_t)(s.out_h * s.out_w * s.out_c);
    f.y_count = (size_t)(f.pool.out_h * f.pool.out_w * s.out_c);
    f.index_bytes = axm_max_pool_index_bytes(&f.pool);
    f.x = test_random_floats(f.x_count * (size_t)images);
    for (size_t i = 0; i < f.x_count / 2; i++)
        f.x[i] = 0.0f; /* equal outputs: ties */
    f.w = test_random_floats((size_t)(s.out_c * s.in_c * 9));
    f.bias = biased ? test_random_floats((size_t)s.out_c) : NULL;
    f.dy = test_random_floats(f.y_count * (size_t)images);
    f.before = test_random_floats(f.x_count * (size_t)images);
    return f;
}

static void forget(fixture *f)
{
    float *all[] = {f->x, f->w, f->bias, f->dy, f->before};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void *pack(const axm_kernels *kernels, const fixture *f, axm_direction direction)
{
    const axm_conv_weights w = {.data = f->w, .stride = {f->s.in_c * 9, 9, 3, 1}};
    void *packed = test_bytes(axm_conv_packed_bytes(kernels, &f->s, axm_conv_packs_as(kernels, &f->s, direction)));
    axm_conv_pack(kernels, &f->s, axm_conv_packs_as(kernels, &f->s, direction), &w, packed);
    return packed;
}

static axm_exec exec_for(const test_pools *pools, const axm_kernels *kernels, int pool, const fixture *f)
{
    axm_conv_shape all = f->s;
    all.batch *= f->images;
    size_t scratch = 0, shared = 0;
    for (axm_direction d = AXM_FORWARD; d <= AXM_BACKWARD; d++) {
        const size_t own = axm_conv_scratch_bytes(kernels, &all, d), common = axm_conv_shared_bytes(kernels, &all, d);
        scratch = own > scratch ? own : scratch;
        shared = common > shared ? common : shared;
    }
    axm_exec exec = test_exec(pools, kernels, pool, scratch, shared);
    exec.images = f->images;
    return exec;
}

static result apart(const axm_exec *exec, const fixture *f, const void *forward, const void *backward, bool accumulate)
{
    const size_t images = (size_t)f->images;
    float *between = test_floats(f->between * images), *gradient = test_floats(f->between * images);
    uint8_t *winners = test_bytes(f->index_bytes);
    result r = {test_floats(f->y_count * images), test_copy(f->before, f->x_count * images)};
    axm_conv_forward(exec, &f->s, f->x, forward, f->bias, NULL, f->clamp, between);
    axm_exec one = *exec;
    one.images = 1;
    for (size_t i = 0; i < images; i++) {
        float *d = gradient + i * f->between;
        axm_max_pool_forward(&one, &f->pool, between + i * f->between, r.y + i * f->y_count, winners);
        axm_max_pool_backward(&one, &f->pool, f->dy + i * f->y_count, winners, false, d);
        if (f->clamp.low > -INFINITY || f->clamp.high < INFINITY)
            axm_clamp_backward(&one, AXM_RELU_PLAIN, f->clamp, f->between, between + i * f->between, d, false, d);
    }
    axm_conv_backward(exec, &f->s, gradient, backward, accumulate, r.dx);
    free(between);
    free(gradient);
    free(winners);
    return r;
}

static result in_one(const axm_exec *exec, const fixture *f, const void *forward, const void *backward, bool accumulate)
{
    const size_t images = (size_t)f->images;
    uint8_t *winners = aligned_alloc(64, axm_conv_pool_bytes(&f->s) * images);
    assert_non_null(winners);
    result r = {test_floats(f->y_count * images), test_copy(f->before, f->x_count * images)};
    float *unindexed = test_floats(f->y_count * images);
    axm_conv_pool_forward(exec, &f->s, f->x, forward, f->bias, f->clamp, r.y, winners);
    axm_conv_pool_forward(exec, &f->s, f->x, forward, f->bias, f->clamp, unindexed, NULL);
    assert_memory_equal(unindexed, r.y, f->y_count * images * sizeof(float));
    axm_conv_pool_backward(exec, &f->s, f->dy, winners, backward, accumulate, r.dx);
    free(unindexed);
    free(winners);
    return r;
}

static void assert_same(const float *got, const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(got[i] == want[i] || (isnan(got[i]) && isnan(want[i]))))
            fail_msg("element %zu of %zu is %.9g, not %.9g", i, count, (double)got[i], (double)want[i]);
}

/* Returns how many kernels took it. */
static int compare(const test_pools *pools, const fixture *f)
{
    int taken = 0;
    for (int32_t k = 0; axm_kernels_at(k) != NULL; k++) {
        const axm_kernels *kernels = axm_kernels_at(k);
        if (!axm_kernels_available(kernels) || !axm_conv_takes_pool(kernels, &f->s)) continue;
        taken++;
        void *forward = pack(kernels, f, AXM_FORWARD), *backward = pack(kernels, f, AXM_BACKWARD);
        for (int i = 0; i < 4; i++) {
            axm_exec exec = exec_for(pools, kernels, i % 2, f);
            result got = in_one(&exec, f, forward, backward, i / 2), want = apart(&exec, f, forward, backward, i / 2);
            assert_same(got.y, want.y, f->y_count * (size_t)f->images);
            assert_same(got.dx, want.dx, f->x_count * (size_t)f->images);
            free(got.y);
            free(got.dx);
            free(want.y);
            free(want.dx);
            free(exec.scratch);
        }
        free(forward);
        free(backward);
    }
    return taken;
}

static const axm_clamp none = {-INFINITY, INFINITY}, relu = {0.0f, INFINITY}, relu6 = {0.0f, 6.0f};

static void sizes(void **state)
{
    static const int64_t size[][2] = {{4, 4}, {5, 7}, {6, 9}, {8, 8}, {13, 10}, {17, 22}, {30, 31}};
    int taken = 0;
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        for (int64_t pad = 0; pad <= 2; pad++) {
            fixture f =
                make(shape_of(size[i][0], size[i][1], 32, 32, pad), pad == 0 ? none : (pad == 1 ? relu : relu6), pad != 2, 1);
            taken += compare(*state, &f);
            forget(&f);
        }
    }
    assert_true(taken > 0);
}

static void channels(void **state)
{
    static const int64_t counts[][2] = {{16, 48}, {33, 32}, {35, 65}, {64, 20}, {48, 130}};
    int taken = 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        fixture f = make(shape_of(20, 18, counts[i][0], counts[i][1], 1), relu, i % 2, 1);
        taken += compare(*state, &f);
        forget(&f);
    }
    assert_true(taken > 0);
}

/* Large enough for tasks of tiles; 520 channels for tasks of output channels and one copy of the weights. */
static void tasks(void **state)
{
    fixture many = make(shape_of(62, 60, 32, 32, 1), relu, true, 1), wide = make(shape_of(14, 14, 520, 520, 1), relu, true, 1);
    assert_true(compare(*state, &many) > 0);
    assert_true(compare(*state, &wide) > 0);
    forget(&many);
    forget(&wide);
}

static void images(void **state)
{
    fixture few = make(shape_of(11, 14, 33, 40, 1), relu6, true, 3), wide = make(shape_of(14, 14, 256, 128, 1), relu, true, 2);
    assert_true(compare(*state, &few) > 0);
    assert_true(compare(*state, &wide) > 0);
    forget(&few);
    forget(&wide);
}

static void not_finite(void **state)
{
    fixture f = make(shape_of(12, 12, 32, 32, 1), relu, true, 1);
    f.x[0] = NAN;
    f.x[f.x_count / 2] = INFINITY;
    f.x[f.x_count - 1] = -INFINITY;
    assert_true(compare(*state, &f) > 0);
    f.clamp = none;
    assert_true(compare(*state, &f) > 0);
    forget(&f);
}

/* By hand: the middle of the kernel alone, so that the convolution copies its input. */
static void by_hand(void **state)
{
    for (int32_t k = 0; axm_kernels_at(k) != NULL; k++) {
        const axm_kernels *kernels = axm_kernels_at(k);
        fixture f = make(shape_of(8, 8, 32, 32, 1), relu, false, 1);
        if (axm_kernels_available(kernels) && axm_conv_takes_pool(kernels, &f.s)) {
            memset(f.w, 0, sizeof(float) * 32 * 32 * 9);
            for (size_t c = 0; c < 32; c++)
                f.w[(c * 32 + c) * 9 + 4] = 1.0f;
            for (size_t i = 0; i < f.x_count; i++)
                f.x[i] = (float)(i / 32 % 8) - (i / 32 / 8 % 2 == 0 ? 2.75f : 3.0f); /* the first window is clamped */
            for (size_t i = 0; i < f.y_count; i++)
                f.dy[i] = 1.0f;
            void *forward = pack(kernels, &f, AXM_FORWARD), *backward = pack(kernels, &f, AXM_BACKWARD);
            axm_exec exec = exec_for(*state, kernels, 1, &f);
            result r = in_one(&exec, &f, forward, backward, false);
            static const float y[4] = {0.0f, 0.25f, 2.25f, 4.25f}, dx[8] = {0, 0, 0, 1, 0, 1, 0, 1};
            for (size_t i = 0; i < f.y_count; i++)
                assert_float_equal(r.y[i], y[i / 32 % 4], 1e-5f);
            for (size_t i = 0; i < f.x_count; i++) {
                const float want = i / 32 / 8 % 2 == 0 ? dx[i / 32 % 8] : 0.0f; /* upper rows are greater */
                assert_float_equal(r.dx[i], want, 1e-5f);
            }
            free(r.y);
            free(r.dx);
            free(forward);
            free(backward);
            free(exec.scratch);
        }
        forget(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),  cmocka_unit_test(channels),   cmocka_unit_test(tasks),
        cmocka_unit_test(images), cmocka_unit_test(not_finite), cmocka_unit_test(by_hand),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
