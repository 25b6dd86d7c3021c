/* Resizing of float maps and images, axis by axis: each output position reads 1, 2 or 4 input positions. Sums and the picture
 * between the two passes are in double, so the result is the exact one rounded once. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "image/image.h"

#define TAPS 4

typedef struct axis_tap {
    int32_t index[TAPS];
    double weight[TAPS];
} axis_tap;

static int32_t taps_of(axm_interpolation kind)
{
    if (kind == AXM_NEAREST) return 1;
    return kind == AXM_HALF_PIXEL_BILINEAR || kind == AXM_CORNER_BILINEAR ? 2 : TAPS;
}

/* ---- Where an output position reads ---- */

static double position(axm_interpolation kind, int32_t d, int32_t in, int32_t out)
{
    if (kind == AXM_NEAREST) return (double)((int64_t)d * in / out);
    if (kind == AXM_CORNER_BILINEAR || kind == AXM_CORNER_CUBIC_SPLINE) {
        /* scipy.ndimage's "constant" mode loses the last position to rounding at some sizes (scipy issue 4922); held inside here */
        return out > 1 ? fmin((double)d * ((double)(in - 1) / (double)(out - 1)), (double)(in - 1)) : 0.0;
    }
    double s = ((double)d + 0.5) * (double)in / (double)out - 0.5;
    return kind == AXM_HALF_PIXEL_BILINEAR ? fmin(fmax(s, 0.0), (double)(in - 1)) : s;
}

/* Keys' kernel with a = -0.75; t in [0, 1) from the second tap. */
static void keys_weights(double t, double w[TAPS])
{
    const double a = -0.75;
    for (int k = 0; k < TAPS; ++k) {
        double x = fabs(t - (double)(k - 1));
        w[k] = x <= 1.0 ? ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0 : ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    }
}

/* Cubic B-spline. */
static void spline_weights(double t, double w[TAPS])
{
    double v = 1.0 - t;
    w[0] = v * v * v / 6.0;
    w[1] = (t * t * (t - 2.0) * 3.0 + 4.0) / 6.0;
    w[2] = (v * v * (v - 2.0) * 3.0 + 4.0) / 6.0;
    w[3] = 1.0 - w[0] - w[1] - w[2];
}

static int32_t replicated(int64_t i, int32_t in)
{
    return (int32_t)(i < 0 ? 0 : i >= in ? in - 1 : i);
}

/* Reflected about the centres of the first and last positions. */
static int32_t mirrored(int64_t i, int32_t in)
{
    int64_t period = 2 * ((int64_t)in - 1);
    if (period == 0) return 0;
    i = (i % period + period) % period;
    return (int32_t)(i < in ? i : period - i);
}

static void fill_taps(axm_interpolation kind, int32_t in, int32_t out, axis_tap *taps)
{
    for (int32_t d = 0; d < out; ++d) {
        double s = position(kind, d, in, out), base = floor(s), t = s - base;
        axis_tap *tap = taps + d;
        int32_t count = taps_of(kind);
        int64_t first = (int64_t)base - (count == TAPS ? 1 : 0);
        for (int32_t k = 0; k < count; ++k)
            tap->index[k] = kind == AXM_CORNER_CUBIC_SPLINE ? mirrored(first + k, in) : replicated(first + k, in);
        if (count == 1) tap->weight[0] = 1.0;
        if (count == 2) {
            tap->weight[0] = 1.0 - t;
            tap->weight[1] = t;
        }
        if (kind == AXM_HALF_PIXEL_CUBIC) keys_weights(t, tap->weight);
        if (kind == AXM_CORNER_CUBIC_SPLINE) spline_weights(t, tap->weight);
    }
}

/* ---- B-spline coefficients ---- */

/* The recursive filter that turns n samples (`step` apart, in place) into the coefficients of the cubic B-spline through them,
 * mirrored at both ends (Unser, Aldroubi & Eden 1993): pole sqrt(3) - 2, gain 6. */
static void spline_filter(double *c, size_t n, size_t step)
{
    const double pole = sqrt(3.0) - 2.0;
    if (n < 2) return;
    for (size_t i = 0; i < n; ++i)
        c[i * step] *= 6.0;
    /* the causal filter's start: the sum over one period of the mirrored signal */
    double last = pow(pole, (double)(n - 1)), power = pole, start = c[0] + last * c[(n - 1) * step];
    for (size_t i = 1; i + 1 < n; ++i, power *= pole)
        start += power * (c[i * step] + last * c[(n - 1 - i) * step]);
    c[0] = start / (1.0 - last * last);
    for (size_t i = 1; i < n; ++i)
        c[i * step] += pole * c[(i - 1) * step];
    c[(n - 1) * step] = (pole * c[(n - 2) * step] + c[(n - 1) * step]) * pole / (pole * pole - 1.0);
    for (size_t i = n - 1; i-- > 0;)
        c[i * step] = pole * (c[(i + 1) * step] - c[i * step]);
}

static void spline_filter_image(double *x, size_t w, size_t h, size_t channels)
{
    for (size_t y = 0; y < h; ++y)
        for (size_t c = 0; c < channels; ++c)
            spline_filter(x + y * w * channels + c, w, channels);
    for (size_t i = 0; i < w * channels; ++i)
        spline_filter(x + i, h, w * channels);
}

/* ---- Passes ---- */

static void horizontal(const axis_tap *taps, int32_t count, const double *x, size_t rows, size_t in_w, size_t out_w,
                       size_t channels, double *y)
{
    for (size_t r = 0; r < rows; ++r, x += in_w * channels)
        for (size_t d = 0; d < out_w; ++d)
            for (size_t c = 0; c < channels; ++c) {
                double sum = 0.0;
                for (int32_t k = 0; k < count; ++k)
                    sum += taps[d].weight[k] * x[(size_t)taps[d].index[k] * channels + c];
                *y++ = sum;
            }
}

static void vertical(const axis_tap *taps, int32_t count, const double *x, size_t row, size_t out_h, float *y)
{
    for (size_t d = 0; d < out_h; ++d, y += row) {
        const axis_tap *tap = &taps[d];
        if (count == 2) { /* bilinear: the usual one */
            const double *a = x + (size_t)tap->index[0] * row, *b = x + (size_t)tap->index[1] * row;
            const double share_a = tap->weight[0], share_b = tap->weight[1];
            for (size_t i = 0; i < row; ++i)
                y[i] = (float)(share_a * a[i] + share_b * b[i]);
            continue;
        }
        for (size_t i = 0; i < row; ++i) {
            double sum = 0.0;
            for (int32_t k = 0; k < count; ++k)
                sum += tap->weight[k] * x[(size_t)tap->index[k] * row + i];
            y[i] = (float)sum;
        }
    }
}

int32_t axm_resize_float(axm_allocator *allocator, axm_interpolation kind, const float *x, int32_t in_w, int32_t in_h,
                         int32_t channels, float *y, int32_t out_w, int32_t out_h)
{
    if (in_w < 1 || in_h < 1 || channels < 1 || out_w < 1 || out_h < 1)
        return axm_fail(ACTMAX_ERROR_INVALID, "cannot resize %d x %d with %d channels to %d x %d; all must be at least 1",
                        (int)in_w, (int)in_h, (int)channels, (int)out_w, (int)out_h);
    int32_t count = taps_of(kind), status = ACTMAX_ERROR_NO_MEMORY;
    size_t c = (size_t)channels, row = 0, in = 0, between = 0;
    if (!axm_mul_size((size_t)in_w * (size_t)in_h, c, &in) || !axm_mul_size((size_t)out_w, c, &row) ||
        !axm_mul_size(row, (size_t)in_h, &between))
        return axm_no_memory(UINT64_MAX, "resizing");
    axis_tap *across = axm_alloc_array(allocator, (size_t)out_w, sizeof *across);
    axis_tap *down = axm_alloc_array(allocator, (size_t)out_h, sizeof *down);
    double *wide = axm_alloc_array(allocator, in, sizeof *wide), *middle = axm_alloc_array(allocator, between, sizeof *middle);
    if (!across || !down || !wide || !middle) goto done;
    for (size_t i = 0; i < in; ++i)
        wide[i] = (double)x[i];
    if (kind == AXM_CORNER_CUBIC_SPLINE) spline_filter_image(wide, (size_t)in_w, (size_t)in_h, c);
    fill_taps(kind, in_w, out_w, across);
    fill_taps(kind, in_h, out_h, down);
    horizontal(across, count, wide, (size_t)in_h, (size_t)in_w, (size_t)out_w, c, middle);
    vertical(down, count, middle, row, (size_t)out_h, y);
    status = ACTMAX_OK;
done:
    axm_free(allocator, across);
    axm_free(allocator, down);
    axm_free(allocator, wide);
    axm_free(allocator, middle);
    return status;
}
