/* Where pooling windows lie, for one axis. Fields of axm_pool_shape are small enough (checked while planning) that no product
 * of two of them overflows. */
#ifndef AXM_KERNELS_POOL_WINDOW_H
#define AXM_KERNELS_POOL_WINDOW_H

#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct axm_pool_axis {
    int64_t in, out, kernel, stride, dilation, pad_begin, pad_end;
} axm_pool_axis;

/* Taps [first, end) of a window that lie on real inputs; tap k is at input start + k*dilation. Empty: first == end. */
typedef struct axm_pool_taps {
    int64_t start, first, end;
} axm_pool_taps;

/* A half-open range of outputs. */
typedef struct axm_pool_range {
    int64_t first, end;
} axm_pool_range;

static inline axm_pool_axis axm_pool_axis_h(const axm_pool_shape *s)
{
    return (axm_pool_axis){s->in_h, s->out_h, s->kernel_h, s->stride_h, s->dilation_h, s->pad_top, s->pad_bottom};
}

static inline axm_pool_axis axm_pool_axis_w(const axm_pool_shape *s)
{
    return (axm_pool_axis){s->in_w, s->out_w, s->kernel_w, s->stride_w, s->dilation_w, s->pad_left, s->pad_right};
}

/* ceil(a / b) for a >= 0, without a division where there usually is none to do. */
static inline int64_t axm_ceil_div(int64_t a, int64_t b)
{
    return b == 1 ? a : (a + b - 1) / b;
}

static inline axm_pool_taps axm_pool_taps_of(const axm_pool_axis *axis, int64_t output)
{
    axm_pool_taps taps;
    taps.start = output * axis->stride - axis->pad_begin;
    taps.first = taps.start < 0 ? axm_ceil_div(-taps.start, axis->dilation) : 0;
    taps.end = axis->in > taps.start ? axm_min_i64(axis->kernel, axm_ceil_div(axis->in - taps.start, axis->dilation)) : 0;
    if (taps.first > taps.end) taps.first = taps.end;
    return taps;
}

/* How many taps of a window count in an average: those on real inputs, or those inside the padded input. */
static inline int64_t axm_pool_divisor(const axm_pool_axis *axis, int64_t output, bool count_include_pad)
{
    axm_pool_taps taps = axm_pool_taps_of(axis, output);
    if (!count_include_pad) return taps.end - taps.first;
    int64_t room = axis->in + axis->pad_end - taps.start;
    return room > 0 ? axm_min_i64(axis->kernel, axm_ceil_div(room, axis->dilation)) : 0;
}

/* Outputs whose windows may cover an input; of these, axm_pool_tap_at tells the tap. */
static inline axm_pool_range axm_pool_outputs_of(const axm_pool_axis *axis, int64_t input)
{
    int64_t position = input + axis->pad_begin;
    int64_t below = position - (axis->kernel - 1) * axis->dilation;
    axm_pool_range range;
    range.first = below > 0 ? axm_ceil_div(below, axis->stride) : 0;
    range.end = axm_min_i64(axis->out, position / axis->stride + 1);
    return range;
}

/* The tap with which `output` covers `input` (an output of axm_pool_outputs_of), or -1 where dilation skips it. */
static inline int64_t axm_pool_tap_at(const axm_pool_axis *axis, int64_t output, int64_t input)
{
    int64_t distance = input + axis->pad_begin - output * axis->stride;
    if (axis->dilation == 1) return distance;
    return distance % axis->dilation == 0 ? distance / axis->dilation : -1;
}

/* Where a unit of work lies: a pixel of a picture, and the first of the unit's channels. */
typedef struct axm_pool_place {
    int64_t image, y, x, block;
} axm_pool_place;

static inline axm_pool_place axm_pool_place_of(int64_t unit, int64_t height, int64_t width, int64_t blocks)
{
    const int64_t pixel = unit / blocks, row = pixel / width;
    return (axm_pool_place){row / height, row % height, pixel % width, unit % blocks};
}

/* The place of the next unit; divisions would take longer than the work on a few channels. */
static inline void axm_pool_next(axm_pool_place *at, int64_t height, int64_t width, int64_t blocks)
{
    if (++at->block < blocks) return;
    at->block = 0;
    if (++at->x < width) return;
    at->x = 0;
    if (++at->y < height) return;
    at->y = 0;
    at->image++;
}

/* Runs call(c, count) over channels [c, end), `count` a constant but for the last few, so that each call is straight vector code.
 */
#define AXM_POOL_CHANNELS(c, end, call)                                                                                            \
    do {                                                                                                                           \
        for (; (c) + AXM_LANES <= (end); (c) += AXM_LANES)                                                                         \
            call(c, AXM_LANES);                                                                                                    \
        for (; (c) + AXM_POOL_LANES <= (end); (c) += AXM_POOL_LANES)                                                               \
            call(c, AXM_POOL_LANES);                                                                                               \
        if ((c) < (end)) call(c, (size_t)((end) - (c)));                                                                           \
    } while (0)
#define AXM_POOL_LANES 16

/* Channels handled by one unit of parallel work, so that pooling a whole map to one pixel can still be shared. */
static inline int64_t axm_pool_channel_block(int64_t channels)
{
    return channels <= 512 ? axm_max_i64(channels, 1) : 256;
}

#endif
