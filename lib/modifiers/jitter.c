/* A circular shift by whole pixels; or SciPy's shift of order 0 in mode "wrap", where the first and the last position are one and
 * the same, so that the period is one less than the side. */
#include <math.h>
#include <string.h>

#include "modifiers/modifier.h"

static const char *const options[] = {"jitter", "jitter_mode", "jitter_x", NULL};

#define MODE_OVERLAP 2.0

/* Uniform over the whole numbers of [-most, most]. Every modifier draws uniforms only: different indices share no bits. */
static double draw_shift(double amount, int32_t side, axm_rng_key key, uint64_t index)
{
    double most = floor(amount < 1.0 ? amount * (double)side : amount);
    return floor((double)axm_rng_uniform(key, index) * (2.0 * most + 1.0)) - most;
}

/* plan: how many pixels down, to the right, and the mode. */
static void draw(const double *values, axm_extent extent, axm_rng_key key, uint64_t draw_base, double plan[8])
{
    plan[0] = draw_shift(values[0], extent.height, key, draw_base);
    plan[1] = draw_shift(values[2] < 0.0 ? values[0] : values[2], extent.width, key, draw_base + 1);
    plan[2] = values[1];
}

/* In [0, side). */
static size_t wrapped(double shift, int32_t side)
{
    double rest = fmod(shift, (double)side);
    return (size_t)(rest < 0.0 ? rest + (double)side : rest);
}

static void roll(double down, double right, axm_extent extent, const float *x, float *y)
{
    size_t height = (size_t)extent.height, row = (size_t)extent.width * (size_t)extent.channels;
    size_t first = wrapped(down, extent.height), at = wrapped(right, extent.width) * (size_t)extent.channels;
    for (size_t r = 0; r < height; ++r) {
        float *to = y + (r + first) % height * row;
        memcpy(to + at, x + r * row, (row - at) * sizeof *to);
        memcpy(to, x + r * row + (row - at), at * sizeof *to);
    }
}

/* Where SciPy reads position i of a line that it shifts by `shift`. */
static size_t overlapped(int32_t i, double shift, int32_t side)
{
    int64_t at = (int64_t)i - (int64_t)shift, period = (int64_t)side - 1;
    if (period < 1) return 0;
    if (at < 0) return (size_t)(at + period * (-at / period + 1));
    return (size_t)(at > period ? at - period * (at / period) : at);
}

static void shift_overlapped(const double plan[8], axm_extent extent, const float *x, float *y)
{
    size_t channels = (size_t)extent.channels, row = (size_t)extent.width * channels;
    for (int32_t r = 0; r < extent.height; ++r) {
        const float *from = x + overlapped(r, plan[0], extent.height) * row;
        for (int32_t c = 0; c < extent.width; ++c)
            memcpy(y + (size_t)r * row + (size_t)c * channels, from + overlapped(c, plan[1], extent.width) * channels,
                   channels * sizeof *y);
    }
}

static void forward(const double plan[8], axm_extent extent, const float *x, float *y)
{
    if (plan[2] == MODE_OVERLAP)
        shift_overlapped(plan, extent, x, y);
    else
        roll(plan[0], plan[1], extent, x, y);
}

/* Of the circular shift: one that overlaps is kept by the picture, and needs none. */
static void adjoint(const double plan[8], axm_extent extent, const float *dy, float *dx)
{
    roll(-plan[0], -plan[1], extent, dy, dx);
}

const axm_modifier axm_modifier_jitter = {"jitter", options, draw, forward, adjoint};
