/* Pooling against direct loops in double precision, over odd shapes; the gradient against a scatter by hand and against finite
 * differences; the same bytes for one and two threads. */
#include "kernels_common.h"

typedef struct fixture {
    axm_pool_shape s;
    size_t x_count, y_count;
    float *x, *dy, *before;
    double *most, *mean;              /* expected outputs */
    double *d_most, *d_mean, *d_size; /* expected gradients, and the sum of |dy| under each */
    int64_t *tap;                     /* which tap won, -1 for none */
} fixture;

static void *zeros(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size);
    assert_non_null(p);
    return p;
}

/* The place in x of a tap, or -1 outside. */
static int64_t place(const axm_pool_shape *s, int64_t n, int64_t oh, int64_t ow, int64_t c, int64_t tap)
{
    const int64_t h = oh * s->stride_h - s->pad_top + tap / s->kernel_w * s->dilation_h;
    const int64_t w = ow * s->stride_w - s->pad_left + tap % s->kernel_w * s->dilation_w;
    if (h < 0 || h >= s->in_h || w < 0 || w >= s->in_w) return -1;
    return ((n * s->in_h + h) * s->in_w + w) * s->channels + c;
}

/* Whether the tap counts in an average that includes padding. */
static bool in_padded(const axm_pool_shape *s, int64_t oh, int64_t ow, int64_t tap)
{
    const int64_t h = oh * s->stride_h + tap / s->kernel_w * s->dilation_h,
                  w = ow * s->stride_w + tap % s->kernel_w * s->dilation_w;
    return h < s->pad_top + s->in_h + s->pad_bottom && w < s->pad_left + s->in_w + s->pad_right;
}

static void expect(fixture *f)
{
    const axm_pool_shape *s = &f->s;
    for (int64_t i = 0; i < (int64_t)f->y_count; i++) {
        const int64_t c = i % s->channels, ow = i / s->channels % s->out_w, oh = i / s->channels / s->out_w % s->out_h;
        const int64_t n = i / s->channels / s->out_w / s->out_h;
        double sum = 0, most = -INFINITY;
        int64_t real = 0, padded = 0, winner = -1;
        f->tap[i] = -1;
        for (int64_t t = 0; t < s->kernel_h * s->kernel_w; t++) {
            const int64_t at = place(s, n, oh, ow, c, t);
            padded += in_padded(s, oh, ow, t);
            if (at < 0) continue;
            real++;
            sum += (double)f->x[at];
            if ((double)f->x[at] > most) {
                most = (double)f->x[at];
                f->tap[i] = t;
                winner = at;
            }
        }
        const double divisor = (double)(s->count_include_pad ? padded : real);
        f->most[i] = winner < 0 ? 0.0 : most;
        f->mean[i] = real == 0 ? 0.0 : sum / divisor;
        if (winner >= 0) f->d_most[winner] += (double)f->dy[i];
        for (int64_t t = 0; t < s->kernel_h * s->kernel_w; t++) {
            const int64_t at = place(s, n, oh, ow, c, t);
            if (at < 0) continue;
            f->d_mean[at] += (double)f->dy[i] / divisor;
            f->d_size[at] += fabs((double)f->dy[i]);
        }
    }
}

static void fixture_make(fixture *f, const axm_pool_shape *s)
{
    *f = (fixture){.s = *s};
    f->x_count = (size_t)(s->batch * s->in_h * s->in_w * s->channels);
    f->y_count = (size_t)(s->batch * s->out_h * s->out_w * s->channels);
    f->x = test_random_floats(f->x_count); /* 512 values: there are ties */
    f->dy = test_random_floats(f->y_count);
    f->before = test_random_floats(f->x_count);
    f->most = zeros(f->y_count, sizeof(double));
    f->mean = zeros(f->y_count, sizeof(double));
    f->tap = zeros(f->y_count, sizeof *f->tap);
    f->d_most = zeros(f->x_count, sizeof(double));
    f->d_mean = zeros(f->x_count, sizeof(double));
    f->d_size = zeros(f->x_count, sizeof(double));
    expect(f);
}

static void fixture_free(fixture *f)
{
    void *all[] = {f->x, f->dy, f->before, f->most, f->mean, f->tap, f->d_most, f->d_mean, f->d_size};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void close_to(const char *what, const fixture *f, const float *got, const double *want, const double *size,
                     const float *before, size_t count)
{
    char text[256];
    const axm_pool_shape *s = &f->s;
    snprintf(text, sizeof text, "%s %lldx%lldx%lldx%lld kernel %lldx%lld stride %lld,%lld dilation %lld,%lld pad %lld,%lld", what,
             (long long)s->batch, (long long)s->in_h, (long long)s->in_w, (long long)s->channels, (long long)s->kernel_h,
             (long long)s->kernel_w, (long long)s->stride_h, (long long)s->stride_w, (long long)s->dilation_h,
             (long long)s->dilation_w, (long long)s->pad_top, (long long)s->pad_left);
    for (size_t i = 0; i < count; i++) {
        const double base = before ? (double)before[i] : 0.0;
        test_close(text, "c", i, (double)got[i], want[i] + base, (size ? size[i] : fabs(want[i])) + 1.0);
    }
}

static void check_max(const test_pools *pools, const fixture *f)
{
    const bool bytes = f->s.kernel_h * f->s.kernel_w <= 255;
    const size_t index_bytes = axm_max_pool_index_bytes(&f->s);
    float *y[2], *dx[2], *plain = test_floats(f->y_count);
    void *index[2];
    assert_int_equal(index_bytes, f->y_count * (bytes ? 1 : 4));
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, axm_kernels_find("c"), p, 0, 0);
        y[p] = test_floats(f->y_count);
        index[p] = test_bytes(index_bytes);
        dx[p] = test_copy(f->before, f->x_count);
        axm_max_pool_forward(&exec, &f->s, f->x, y[p], index[p]);
        axm_max_pool_forward(&exec, &f->s, f->x, plain, NULL);
        assert_memory_equal(plain, y[p], f->y_count * sizeof *plain);
        axm_max_pool_backward(&exec, &f->s, f->dy, index[p], p == 1, dx[p]);
    }
    assert_memory_equal(y[0], y[1], f->y_count * sizeof *plain);
    assert_memory_equal(index[0], index[1], index_bytes);
    close_to("max", f, y[0], f->most, NULL, NULL, f->y_count);
    close_to("max backward", f, dx[0], f->d_most, f->d_size, NULL, f->x_count);
    close_to("max backward, added", f, dx[1], f->d_most, f->d_size, f->before, f->x_count);
    for (size_t i = 0; i < f->y_count; i++) {
        const int64_t got = bytes ? ((uint8_t *)index[0])[i] : ((int32_t *)index[0])[i];
        if (f->tap[i] >= 0) assert_int_equal(got, f->tap[i]);
    }
    for (int p = 0; p < 2; p++) {
        free(y[p]);
        free(dx[p]);
        free(index[p]);
    }
    free(plain);
}

static void check_average(const test_pools *pools, const fixture *f)
{
    float *y[2], *dx[4];
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, axm_kernels_find("c"), p, 0, 0);
        y[p] = test_floats(f->y_count);
        axm_average_pool_forward(&exec, &f->s, f->x, y[p]);
        for (int add = 0; add < 2; add++) {
            dx[2 * add + p] = test_copy(f->before, f->x_count);
            axm_average_pool_backward(&exec, &f->s, f->dy, add == 1, dx[2 * add + p]);
        }
    }
    assert_memory_equal(y[0], y[1], f->y_count * sizeof(float));
    assert_memory_equal(dx[0], dx[1], f->x_count * sizeof(float));
    assert_memory_equal(dx[2], dx[3], f->x_count * sizeof(float));
    close_to("average", f, y[0], f->mean, NULL, NULL, f->y_count);
    close_to("average backward", f, dx[0], f->d_mean, f->d_size, NULL, f->x_count);
    close_to("average backward, added", f, dx[2], f->d_mean, f->d_size, f->before, f->x_count);
    for (int i = 0; i < 4; i++)
        free(dx[i]);
    free(y[0]);
    free(y[1]);
}

static void check(const test_pools *pools, axm_pool_shape shape)
{
    for (int include = 0; include < 2; include++) {
        fixture f;
        shape.count_include_pad = include == 1;
        fixture_make(&f, &shape);
        if (include == 0) check_max(pools, &f);
        check_average(pools, &f);
        fixture_free(&f);
    }
}

/* Outputs as the floor or the ceiling rule counts them. */
static axm_pool_shape shape_of(int64_t h, int64_t w, int64_t channels, int64_t kernel, int64_t stride, int64_t dilation,
                               int64_t pad, bool ceiling)
{
    const int64_t reach = (kernel - 1) * dilation + 1, more = ceiling ? stride - 1 : 0;
    return (axm_pool_shape){.batch = 2,
                            .in_h = h,
                            .in_w = w,
                            .channels = channels,
                            .out_h = (h + 2 * pad - reach + more) / stride + 1,
                            .out_w = (w + 2 * pad - reach + more) / stride + 1,
                            .kernel_h = kernel,
                            .kernel_w = kernel,
                            .stride_h = stride,
                            .stride_w = stride,
                            .dilation_h = dilation,
                            .dilation_w = dilation,
                            .pad_top = pad,
                            .pad_left = pad,
                            .pad_bottom = pad,
                            .pad_right = pad};
}

static void kernels_strides_dilations(void **state)
{
    static const int64_t channels[] = {1, 3, 16, 17, 64, 65};
    size_t turn = 0;
    for (int64_t kernel = 1; kernel <= 5; kernel++)
        for (int64_t stride = 1; stride <= 4; stride++)
            for (int64_t dilation = 1; dilation <= 2; dilation++)
                for (int64_t pad = 0; pad <= kernel / 2; pad++, turn++)
                    check(*state, shape_of(11, 13, channels[turn % 6], kernel, stride, dilation, pad, turn % 2 == 0));
}

static void channels(void **state)
{
    static const int64_t counts[] = {1, 2, 5, 15, 33, 100, 128, 512, 513, 700};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        check(*state, shape_of(7, 6, counts[i], 3, 2, 1, 1, false));
        check(*state, shape_of(7, 7, counts[i], 7, 1, 1, 0, false)); /* the whole map */
    }
}

/* More than 255 taps: the index takes 4 bytes. A window larger than the map. */
static void large_windows(void **state)
{
    check(*state, shape_of(33, 35, 5, 17, 4, 1, 8, true));
    check(*state, shape_of(20, 20, 3, 16, 2, 1, 8, false)); /* 256 taps */
    check(*state, shape_of(4, 3, 2, 9, 3, 1, 4, true));
    check(*state, shape_of(40, 44, 20, 3, 2, 1, 1, true)); /* enough work for two threads */
}

/* Padding and strides that differ by axis and edge, windows that start past the map, kernels that are not square. */
static void uneven(void **state)
{
    static const int64_t rows[][14] = {
        /* in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, bottom, right */
        {7, 9, 7, 5, 3, 2, 1, 2, 1, 1, 0, 1, 2, 1}, {8, 8, 4, 8, 1, 5, 2, 1, 1, 1, 0, 4, 0, 0},
        {5, 5, 3, 3, 2, 2, 3, 3, 1, 1, 0, 0, 3, 2}, {4, 4, 4, 4, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2},
        {6, 5, 4, 3, 3, 3, 2, 2, 3, 1, 3, 1, 3, 1}, {1, 1, 3, 3, 3, 3, 1, 1, 1, 1, 2, 2, 2, 2},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const int64_t *q = rows[r];
        const axm_pool_shape s = {1,    q[0], q[1], 19,    q[2],  q[3],  q[4],  q[5], q[6],
                                  q[7], q[8], q[9], q[10], q[11], q[12], q[13], false};
        check(*state, s);
    }
}

/* Along a random direction, short enough that no maximum changes hands. */
static void finite_difference(void **state)
{
    const axm_pool_shape s = shape_of(8, 9, 6, 3, 2, 1, 1, true);
    const size_t count = (size_t)(s.batch * s.in_h * s.in_w * s.channels);
    const size_t outputs = (size_t)(s.batch * s.out_h * s.out_w * s.channels);
    float *direction = test_random_floats(count), *dy = test_random_floats(outputs), *y = test_floats(outputs);
    float *x = test_floats(count), *moved = test_floats(count), *dx = test_floats(count);
    void *index = test_bytes(axm_max_pool_index_bytes(&s));
    axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(i * 211 % 866); /* all different: 866 is prime to 211 and above the count */
    assert_true(count <= 866);
    for (int kind = 0; kind < 2; kind++) {
        double change = 0, slope = 0;
        for (int sign = -1; sign <= 1; sign += 2) {
            for (size_t i = 0; i < count; i++)
                moved[i] = x[i] + 0.25f * (float)sign * direction[i];
            if (kind == 0)
                axm_max_pool_forward(&exec, &s, moved, y, NULL);
            else
                axm_average_pool_forward(&exec, &s, moved, y);
            for (size_t i = 0; i < outputs; i++)
                change += (double)sign * (double)y[i] * (double)dy[i] / 0.5;
        }
        axm_max_pool_forward(&exec, &s, x, y, index);
        if (kind == 0)
            axm_max_pool_backward(&exec, &s, dy, index, false, dx);
        else
            axm_average_pool_backward(&exec, &s, dy, false, dx);
        for (size_t i = 0; i < count; i++)
            slope += (double)dx[i] * (double)direction[i];
        if (fabs(change - slope) > 1e-3) fail_msg("kind %d: difference %.9g, gradient %.9g", kind, change, slope);
    }
    void *all[] = {direction, dy, y, x, moved, dx, index};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* 1 2 3 / 4 5 6 / 7 8 9 by hand: ties go to the first, a NaN comes through. */
static void by_hand(void **state)
{
    const axm_pool_shape s = shape_of(3, 3, 1, 2, 1, 1, 0, false);
    const float x[9] = {5, 5, 3, 5, 5, 6, 7, 8, 6}, most[4] = {5, 6, 8, 8}, mean[4] = {5, 4.75f, 6.25f, 6.25f};
    const uint8_t taps[4] = {0, 3, 3, 2};
    axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
    axm_pool_shape one = s;
    float y[4], broken[9];
    uint8_t index[4];
    one.batch = 1;
    axm_max_pool_forward(&exec, &one, x, y, index);
    assert_memory_equal(y, most, sizeof most);
    assert_memory_equal(index, taps, sizeof taps);
    axm_average_pool_forward(&exec, &one, x, y);
    assert_memory_equal(y, mean, sizeof mean);
    for (int i = 0; i < 9; i++) {
        memcpy(broken, x, sizeof broken);
        broken[i] = NAN;
        axm_max_pool_forward(&exec, &one, broken, y, i % 2 ? index : NULL);
        for (int k = 0; k < 4; k++) {
            const int down = i / 3 - k / 2, right = i % 3 - k % 2;
            const bool covered = down >= 0 && down <= 1 && right >= 0 && right <= 1;
            assert_true(!isnan(y[k]) == !covered);
            if (covered && i % 2) assert_int_equal(index[k], down * 2 + right);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),  cmocka_unit_test(kernels_strides_dilations),
        cmocka_unit_test(channels), cmocka_unit_test(large_windows),
        cmocka_unit_test(uneven),   cmocka_unit_test(finite_difference),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
