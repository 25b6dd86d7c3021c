/* Convolution kernels of every instruction set against a direct sum in double precision, over odd shapes; the adjoint identity;
 * the same bytes for one and two threads. */
#include "kernels_common.h"

#define LOW  (-0.75f)
#define HIGH 2.5f

typedef enum weight_order { OIHW, HWIO } weight_order; /* as PyTorch and Keras keep them */

typedef struct variant {
    weight_order order;
    bool half, misaligned, filters, scale, bias, clamp, accumulate;
    int64_t gradients; /* so many channels of dy are not zero; 0: all */
} variant;

typedef struct fixture {
    axm_conv_shape s;
    variant v;
    size_t x_count, y_count, w_count;
    float *x, *dy, *bias, *scale, *y_before, *dx_before;
    int32_t *filters;
    uint8_t *weights; /* allocation; data starts at weights + (misaligned) */
    axm_conv_weights w;
    double *y, *y_size, *dx, *dx_size; /* expected, and the sums of absolute terms */
    double *w_value;                   /* [out_c][in_c/groups][kernel_h][kernel_w], after filters and scale */
} fixture;

/* binary16 of a multiple of 1/256 in [-1, 1). */
static uint16_t half_of(float value)
{
    if (value == 0.0f) return 0;
    int exponent;
    const float fraction = frexpf(fabsf(value), &exponent); /* [0.5, 1) */
    const uint32_t mantissa = (uint32_t)(fraction * 2048.0f) & 1023u;
    return (uint16_t)((value < 0 ? 0x8000u : 0u) | (uint32_t)(exponent + 14) << 10 | mantissa);
}

static void *doubles(size_t count)
{
    double *p = calloc(count > 0 ? count : 1, sizeof *p);
    assert_non_null(p);
    return p;
}

static void make_weights(fixture *f)
{
    const axm_conv_shape *s = &f->s;
    const int64_t in = s->in_c / s->groups, kh = s->kernel_h, kw = s->kernel_w;
    const int64_t saved = f->v.filters ? s->out_c + 3 : s->out_c; /* filters in the file */
    const size_t count = (size_t)(saved * in * kh * kw), size = f->v.half ? 2 : 4;
    f->weights = test_bytes(count * size + 1);
    f->w.data = f->weights + (f->v.misaligned ? 1 : 0);
    f->w.half = f->v.half;
    const int64_t oihw[4] = {in * kh * kw, kh * kw, kw, 1}, hwio[4] = {1, saved, kw * in * saved, in * saved};
    memcpy(f->w.stride, f->v.order == OIHW ? oihw : hwio, sizeof oihw);
    float *values = test_random_floats(count);
    for (size_t i = 0; i < count; i++) {
        const uint16_t half = half_of(values[i]);
        memcpy(f->weights + (f->v.misaligned ? 1 : 0) + i * size, f->v.half ? (const void *)&half : (const void *)&values[i], size);
    }
    for (int64_t o = 0; o < s->out_c; o++) {
        f->filters[o] = (int32_t)(f->v.filters ? saved - 1 - o : o);
        f->scale[o] = f->v.scale ? test_random() + 1.5f : 1.0f;
        for (int64_t i = 0; i < in * kh * kw; i++) {
            const int64_t at = f->filters[o] * f->w.stride[0] + i / (kh * kw) * f->w.stride[1] + i / kw % kh * f->w.stride[2] +
                               i % kw * f->w.stride[3];
            f->w_value[o * in * kh * kw + i] = (double)values[at] * (double)f->scale[o];
        }
    }
    f->w.filters = f->v.filters ? f->filters : NULL;
    f->w.scale = f->v.scale ? f->scale : NULL;
    free(values);
}

/* Tap `tap` of an output joins it with the `in` channels from input `j` on: y += x w, dx += dy w. */
static void join(fixture *f, int64_t i, int64_t j, const double *w, int64_t in, int64_t taps)
{
    const double dy = (double)f->dy[i];
    double sum = 0.0, size = 0.0;
    for (int64_t c = 0; c < in; c++) {
        const double forward = (double)f->x[j + c] * w[c * taps], backward = dy * w[c * taps];
        sum += forward;
        size += fabs(forward);
        f->dx[j + c] += backward;
        f->dx_size[j + c] += fabs(backward);
    }
    f->y[i] += sum;
    f->y_size[i] += size;
}

static void make_expected(fixture *f)
{
    const axm_conv_shape *s = &f->s;
    const int64_t in = s->in_c / s->groups, out = s->out_c / s->groups, taps = s->kernel_h * s->kernel_w;
    for (int64_t i = 0; i < (int64_t)f->y_count; i++) {
        const int64_t o = i % s->out_c, ox = i / s->out_c % s->out_w, oy = i / s->out_c / s->out_w % s->out_h;
        const int64_t n = i / s->out_c / s->out_w / s->out_h;
        for (int64_t tap = 0; tap < taps; tap++) {
            const int64_t y = oy * s->stride_h - s->pad_top + tap / s->kernel_w * s->dilation_h;
            const int64_t x = ox * s->stride_w - s->pad_left + tap % s->kernel_w * s->dilation_w;
            if (y < 0 || y >= s->in_h || x < 0 || x >= s->in_w) continue;
            join(f, i, ((n * s->in_h + y) * s->in_w + x) * s->in_c + o / out * in, f->w_value + o * taps * in + tap, in, taps);
        }
    }
}

static void fixture_make(fixture *f, const axm_conv_shape *shape, variant v)
{
    const axm_conv_shape *s = shape;
    *f = (fixture){.s = *shape, .v = v};
    f->x_count = (size_t)(s->batch * s->in_h * s->in_w * s->in_c);
    f->y_count = (size_t)(s->batch * s->out_h * s->out_w * s->out_c);
    f->w_count = (size_t)(s->out_c * (s->in_c / s->groups) * s->kernel_h * s->kernel_w);
    f->x = test_random_floats(f->x_count);
    f->dy = test_random_floats(f->y_count);
    for (size_t i = 0; v.gradients > 0 && i < f->y_count; i++)
        if ((int64_t)i % s->out_c * v.gradients % s->out_c >= v.gradients) f->dy[i] = 0.0f; /* evenly spaced */
    f->bias = test_random_floats((size_t)s->out_c);
    f->scale = test_floats((size_t)s->out_c);
    f->filters = test_bytes((size_t)s->out_c * sizeof *f->filters);
    f->y_before = test_random_floats(f->y_count);
    f->dx_before = test_random_floats(f->x_count);
    f->y = doubles(f->y_count);
    f->y_size = doubles(f->y_count);
    f->dx = doubles(f->x_count);
    f->dx_size = doubles(f->x_count);
    f->w_value = doubles(f->w_count);
    make_weights(f);
    make_expected(f);
}

static void fixture_free(fixture *f)
{
    void *all[] = {f->x, f->dy,     f->bias, f->scale,   f->filters, f->y_before, f->dx_before,
                   f->y, f->y_size, f->dx,   f->dx_size, f->w_value, f->weights};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static bool adds(const axm_kernels *kernels, const fixture *f)
{
    return f->v.accumulate && axm_conv_takes_addend(kernels, &f->s);
}

/* What is added lies in the output itself with the first pool, elsewhere with the second. */
static float *run(const test_pools *pools, const axm_kernels *kernels, int pool, const fixture *f, axm_direction direction)
{
    void *packed = test_bytes(axm_conv_packed_bytes(kernels, &f->s, direction));
    axm_conv_pack(kernels, &f->s, direction, &f->w, packed);
    axm_exec exec = test_exec(pools, kernels, pool, axm_conv_scratch_bytes(kernels, &f->s, direction),
                              axm_conv_shared_bytes(kernels, &f->s, direction));
    float *out;
    if (direction == AXM_FORWARD) {
        const axm_clamp clamp = f->v.clamp ? (axm_clamp){LOW, HIGH} : (axm_clamp){-INFINITY, INFINITY};
        out = test_copy(f->y_before, f->y_count);
        const float *addend = adds(kernels, f) ? (pool == 0 ? out : f->y_before) : NULL;
        axm_conv_forward(&exec, &f->s, f->x, packed, f->v.bias ? f->bias : NULL, addend, clamp, out);
    } else {
        out = test_copy(f->dx_before, f->x_count);
        axm_conv_backward(&exec, &f->s, f->dy, packed, f->v.accumulate, out);
    }
    free(exec.scratch);
    free(packed);
    return out;
}

static void describe(const fixture *f, axm_direction direction, char *out, size_t size)
{
    const axm_conv_shape *s = &f->s;
    snprintf(
        out, size,
        "%s %lldx%lldx%lldx%lld -> %lldx%lldx%lld kernel %lldx%lld stride %lld,%lld dilation %lld,%lld pad %lld,%lld groups %lld",
        direction == AXM_FORWARD ? "forward" : "backward", (long long)s->batch, (long long)s->in_h, (long long)s->in_w,
        (long long)s->in_c, (long long)s->out_h, (long long)s->out_w, (long long)s->out_c, (long long)s->kernel_h,
        (long long)s->kernel_w, (long long)s->stride_h, (long long)s->stride_w, (long long)s->dilation_h, (long long)s->dilation_w,
        (long long)s->pad_top, (long long)s->pad_left, (long long)s->groups);
}

/* <conv(x), dy> == <x, conv^T(dy)>, without bias, clamp and what was there before. */
static void check_adjoint(const char *what, const fixture *f, const float *y, const float *dx)
{
    double left = 0, right = 0, size = 0;
    for (size_t i = 0; i < f->y_count; i++) {
        left += (double)y[i] * (double)f->dy[i];
        size += f->y_size[i] * fabs((double)f->dy[i]);
    }
    for (size_t i = 0; i < f->x_count; i++)
        right += (double)dx[i] * (double)f->x[i];
    if (fabs(left - right) > 1e-6 * size + 1e-7) fail_msg("%s: <y, dy> %.9g, <x, dx> %.9g", what, left, right);
}

static void check_direction(const test_pools *pools, const axm_kernels *kernels, const fixture *f, axm_direction direction)
{
    char what[256];
    describe(f, direction, what, sizeof what);
    const bool forward = direction == AXM_FORWARD;
    const size_t count = forward ? f->y_count : f->x_count;
    float *one = run(pools, kernels, 0, f, direction), *two = run(pools, kernels, 1, f, direction);
    for (size_t i = 0; i < count; i++) {
        const double added = forward && adds(kernels, f) ? (double)f->y_before[i] : 0.0;
        const double before = forward ? added : f->v.accumulate ? (double)f->dx_before[i] : 0.0;
        const double bias = forward && f->v.bias ? (double)f->bias[i % (size_t)f->s.out_c] : 0.0;
        double want = (forward ? f->y[i] : f->dx[i]) + before + bias;
        if (forward && f->v.clamp) want = fmin(fmax(want, (double)LOW), (double)HIGH);
        test_close(what, axm_kernels_name(kernels), i, (double)one[i], want, (forward ? f->y_size[i] : f->dx_size[i]) + 1.0);
    }
    if (memcmp(one, two, count * sizeof *one) != 0)
        fail_msg("%s, kernels %s: threads change bytes", what, axm_kernels_name(kernels));
    free(one);
    free(two);
}

static void check(const test_pools *pools, const axm_conv_shape *shape, variant v)
{
    fixture f;
    fixture_make(&f, shape, v);
    for (int32_t i = 0; axm_kernels_at(i) != NULL; i++) {
        const axm_kernels *kernels = axm_kernels_at(i);
        if (!axm_kernels_available(kernels)) continue;
        check_direction(pools, kernels, &f, AXM_FORWARD);
        check_direction(pools, kernels, &f, AXM_BACKWARD);
        if (v.bias || v.clamp || v.accumulate) continue;
        float *y = run(pools, kernels, 0, &f, AXM_FORWARD), *dx = run(pools, kernels, 0, &f, AXM_BACKWARD);
        check_adjoint(axm_kernels_name(kernels), &f, y, dx);
        free(y);
        free(dx);
    }
    fixture_free(&f);
}

/* Eight variants that meet every flag on and off. */
static variant variant_of(int index)
{
    return (variant){
        .order = index & 1 ? HWIO : OIHW,
        .half = (index & 3) == 3,
        .misaligned = (index & 2) != 0,
        .filters = (index & 4) != 0 && index != 4,
        .scale = index == 2 || index >= 6,
        .bias = index == 1 || index == 2 || index == 7,
        .clamp = index == 2 || index == 5,
        .accumulate = index == 1 || index == 5 || index == 6,
    };
}

static axm_conv_shape shape_of(int64_t size_h, int64_t size_w, int64_t in_c, int64_t out_c, int64_t kernel_h, int64_t kernel_w,
                               int64_t stride, int64_t dilation, int64_t pad, int64_t groups)
{
    axm_conv_shape s = {
        .batch = 1,
        .in_h = size_h,
        .in_w = size_w,
        .in_c = in_c,
        .out_c = out_c,
        .kernel_h = kernel_h,
        .kernel_w = kernel_w,
        .stride_h = stride,
        .stride_w = stride,
        .dilation_h = dilation,
        .dilation_w = dilation,
        .pad_top = kernel_h > 1 ? pad : 0,
        .pad_left = kernel_w > 1 ? pad : 0,
        .groups = groups,
    };
    const int64_t reach_h = (kernel_h - 1) * dilation + 1, reach_w = (kernel_w - 1) * dilation + 1;
    s.out_h = (size_h + 2 * s.pad_top - reach_h) / stride + 1;
    s.out_w = (size_w + 2 * s.pad_left - reach_w) / stride + 1;
    return s;
}

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
        cmocka_unit_test(find),       cmocka_unit_test(by_hand),
        cmocka_unit_test(channels),   cmocka_unit_test(kernels_strides_dilations),
        cmocka_unit_test(uneven),     cmocka_unit_test(groups),
        cmocka_unit_test(depthwise),  cmocka_unit_test(blocks),
        cmocka_unit_test(readings),   cmocka_unit_test(few_gradients),
        cmocka_unit_test(lines),      cmocka_unit_test(strides),
        cmocka_unit_test(nan_passes), cmocka_unit_test(huge),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
