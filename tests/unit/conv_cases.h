/* A convolution with its operands and what it gives, by a direct sum in double precision, and the checks of every instruction set
 * against that: values, the adjoint identity, the same bytes for one and two threads. */
#ifndef AXM_TEST_CONV_CASES_H
#define AXM_TEST_CONV_CASES_H

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

#endif
