/* Winograd's transforms of a convolution that a max pool of 2x2 windows follows: forward writes the pooled output only, with the
 * tap that won; backward reads the pooled gradient and spreads it over the windows while a tile is in the first-level cache. The
 * large tensor between convolution and pool is never in memory. */
#include <math.h>

#include "kernels/vector_math.h"
#include "kernels/winograd_lines.h"

#define LANES   AXM_WINOGRAD_LANES
#define WINDOWS 4 /* along an axis that meet a tile of 6 inputs; at most */

_Static_assert(AXM_WINOGRAD_MAX_INPUT <= 6, "a tile meets more windows");

typedef struct pooled {
    int64_t h, w; /* windows along each axis */
} pooled;

static pooled pooled_of(const axm_conv_shape *shape)
{
    return (pooled){shape->out_h / 2, shape->out_w / 2};
}

static uint8_t *winners_of(const axm_winograd *w, int64_t image)
{
    return w->conv->winners + (size_t)image * axm_conv_pool_bytes(w->conv->plan->shape);
}

/* ---- Input: the gradient ---- */

typedef struct windows {
    const float *gradient[WINDOWS][WINDOWS]; /* of their first channel; zeros outside of the picture */
    const uint8_t *winners[WINDOWS][WINDOWS];
    int8_t cell[WINDOWS][WINDOWS][AXM_CONV_POOL_TAPS]; /* y * 6 + x in the tile's input; -1: outside of it */
} windows;

static int64_t half(int64_t value) /* rounded down */
{
    return value >= 0 ? value / 2 : -((1 - value) / 2);
}

/* Where in a tile the taps of its windows lie: the same for all tiles, which are an even number of pixels apart. */
static void place_taps(const axm_winograd *w, windows *at)
{
    const int64_t size = w->conv->plan->tile + 2, top = w->conv->h.offset, left = w->conv->w.offset;
    const bool turned = w->conv->plan->packing != w->conv->plan->direction;
    for (int64_t i = 0; i < WINDOWS * WINDOWS * AXM_CONV_POOL_TAPS; i++) {
        const int64_t wy = i / (WINDOWS * AXM_CONV_POOL_TAPS), wx = i / AXM_CONV_POOL_TAPS % WINDOWS, tap = i % AXM_CONV_POOL_TAPS;
        const int64_t y = 2 * (half(top) + wy) + tap / 2 - top, x = 2 * (half(left) + wx) + tap % 2 - left;
        const bool inside = y >= 0 && y < size && x >= 0 && x < size;
        const int64_t ty = turned ? size - 1 - y : y, tx = turned ? size - 1 - x : x;
        at->cell[wy][wx][tap] = (int8_t)(inside ? ty * AXM_WINOGRAD_MAX_INPUT + tx : -1);
    }
}

static void find_windows(const axm_winograd *w, size_t tile, const float *zeros, windows *at)
{
    const pooled size = pooled_of(w->conv->plan->shape);
    const int64_t channels = w->conv->plan->in_pixel, step = w->conv->plan->tile;
    const axm_winograd_place t = axm_winograd_place_of(w, tile);
    const int64_t top = half(t.y * step + w->conv->h.offset), left = half(t.x * step + w->conv->w.offset);
    const uint8_t *winners = winners_of(w, t.image);
    for (int64_t wy = 0; wy < WINDOWS; wy++) {
        for (int64_t wx = 0; wx < WINDOWS; wx++) {
            const int64_t y = top + wy, x = left + wx, pixel = y * size.w + x;
            const bool inside = y >= 0 && y < size.h && x >= 0 && x < size.w;
            at->gradient[wy][wx] = inside ? w->conv->x + (t.image * size.h * size.w + pixel) * channels : zeros;
            at->winners[wy][wx] = inside ? winners + pixel * channels : (const uint8_t *)zeros;
        }
    }
}

/* A window's gradient where this tap won. which, gradient: copies, so that nothing is read again after a store. */
static AXM_INLINE void spread_tap(size_t lanes, const int32_t which[LANES], const float gradient[LANES], int32_t tap, int8_t cell,
                                  float cells[][LANES])
{
    if (cell < 0) return;
    float *to = cells[cell];
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++)
        to[i] = which[i] == tap ? gradient[i] : 0.0f;
}

/* lanes channels of one tile, as the tile's input would be without the pool: cells[y * 6 + x]. */
static AXM_INLINE void spread_windows(size_t lanes, const windows *at, size_t channel, float cells[][LANES])
{
    for (size_t wy = 0; wy < WINDOWS; wy++) {
        for (size_t wx = 0; wx < WINDOWS; wx++) {
            const float *from = at->gradient[wy][wx] + channel;
            const uint8_t *winners = at->winners[wy][wx] + channel;
            const int8_t *cell = at->cell[wy][wx];
            float gradient[LANES];
            int32_t which[LANES];
            AXM_KEEP_LOOP
            for (size_t i = 0; i < lanes; i++)
                which[i] = winners[i];
            AXM_KEEP_LOOP
            for (size_t i = 0; i < lanes; i++)
                gradient[i] = from[i];
            spread_tap(lanes, which, gradient, 0, cell[0], cells);
            spread_tap(lanes, which, gradient, 1, cell[1], cells);
            spread_tap(lanes, which, gradient, 2, cell[2], cells);
            spread_tap(lanes, which, gradient, 3, cell[3], cells);
        }
    }
}

/* Windows cover every cell of a tile, in each of its parities. */
static AXM_INLINE void input_channels(size_t size, const windows *at, size_t channels, float *v, size_t point)
{
    float cells[AXM_WINOGRAD_MAX_INPUT * AXM_WINOGRAD_MAX_INPUT][LANES];
    const float *source[6][6];
    for (size_t y = 0; y < size; y++)
        for (size_t x = 0; x < size; x++)
            source[y][x] = cells[y * AXM_WINOGRAD_MAX_INPUT + x];
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        spread_windows(LANES, at, c, cells);
        axm_input_tile(size, LANES, (const float *const(*)[6])source, 0, v + c, point);
    }
    if (c == channels) return;
    spread_windows(channels - c, at, c, cells);
    axm_input_tile(size, channels - c, (const float *const(*)[6])source, 0, v + c, point);
}

AXM_CLONES static void input_channels_6(const windows *at, size_t channels, float *v, size_t point)
{
    input_channels(6, at, channels, v, point);
}

AXM_CLONES static void input_channels_4(const windows *at, size_t channels, float *v, size_t point)
{
    input_channels(4, at, channels, v, point);
}

void axm_winograd_input_of_pool(const axm_winograd *w, size_t begin, size_t end)
{
    static const float zeros[AXM_WINOGRAD_MAX_CHANNELS] = {0};
    const size_t channels = (size_t)w->conv->plan->in_c;
    windows at;
    place_taps(w, &at);
    for (size_t t = begin; t < end; t++) {
        find_windows(w, w->first + t, zeros, &at);
        if (w->conv->plan->tile == 4)
            input_channels_6(&at, channels, w->v + t * w->v_row, w->v_point);
        else
            input_channels_4(&at, channels, w->v + t * w->v_row, w->v_point);
    }
}

/* ---- Output ---- */

typedef struct outputs {
    float *y[AXM_WINOGRAD_MAX_TILE / 2][AXM_WINOGRAD_MAX_TILE / 2]; /* of each window; NULL outside of the picture */
    uint8_t *winners[AXM_WINOGRAD_MAX_TILE / 2][AXM_WINOGRAD_MAX_TILE / 2];
    const float *bias; /* NULL: none */
    axm_clamp clamp;
    bool indexed;
} outputs;

/* The sum of one tap, if it beats the best so far. bias: NULL, none. */
static AXM_INLINE void contend(size_t lanes, const float *sum, const float *bias, int32_t tap, float best[LANES],
                               int32_t which[LANES])
{
    float value[LANES];
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++)
        value[i] = sum[i];
    if (bias != NULL) {
        AXM_KEEP_LOOP
        for (size_t i = 0; i < lanes; i++)
            value[i] += bias[i];
    }
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++)
        which[i] = tap == 0 || axm_beats(value[i], best[i]) ? tap : which[i];
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++)
        best[i] = tap == 0 || axm_beats(value[i], best[i]) ? value[i] : best[i];
}

/* One window. upper, lower: two sums of each of its rows. A clamp loses no order that matters: where it makes winners equal it
 * stops the gradient too. */
static AXM_INLINE void store_window(size_t lanes, const float upper[][LANES], const float lower[][LANES], const outputs *out,
                                    size_t channel, float *y, uint8_t *winners)
{
    float best[LANES] = {0};
    int32_t which[LANES] = {0};
    const float *bias = out->bias == NULL ? NULL : out->bias + channel;
    contend(lanes, upper[0], bias, 0, best, which);
    contend(lanes, upper[1], bias, 1, best, which);
    contend(lanes, lower[0], bias, 2, best, which);
    contend(lanes, lower[1], bias, 3, best, which);
    const float low = out->clamp.low, high = out->clamp.high;
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++) { /* a NaN stays */
        const float raised = best[i] < low ? low : best[i];
        y[i] = raised > high ? high : raised;
    }
    if (!out->indexed) return;
    const bool open = low == -INFINITY && high == INFINITY; /* no clamp: infinite winners have their gradient */
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++) {
        const bool passes = open | ((best[i] > low) & (best[i] < high));
        winners[i] = (uint8_t)(passes ? which[i] : AXM_CONV_POOL_NONE);
    }
}

static AXM_INLINE void output_tile(size_t size, size_t lanes, const float *m, size_t point, size_t channel, const outputs *out)
{
    axm_winograd_vectors rows[AXM_WINOGRAD_MAX_TILE];
    axm_output_rows(size, lanes, m + channel, point, rows);
    for (size_t y = 0; y < (size - 2) / 2; y++) {
        float upper[AXM_WINOGRAD_MAX_TILE][LANES], lower[AXM_WINOGRAD_MAX_TILE][LANES];
        axm_output_sums(size, lanes, rows[2 * y], upper);
        axm_output_sums(size, lanes, rows[2 * y + 1], lower);
        for (size_t x = 0; x < (size - 2) / 2; x++) {
            if (out->y[y][x] == NULL) continue;
            store_window(lanes, (const float(*)[LANES])(upper + 2 * x), (const float(*)[LANES])(lower + 2 * x), out, channel,
                         out->y[y][x] + channel, out->indexed ? out->winners[y][x] + channel : NULL);
        }
    }
}

AXM_CLONES static void output_channels_6(const float *m, size_t point, size_t channels, const outputs *out)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        output_tile(6, LANES, m, point, c, out);
    if (c < channels) output_tile(6, channels - c, m, point, c, out);
}

AXM_CLONES static void output_channels_4(const float *m, size_t point, size_t channels, const outputs *out)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        output_tile(4, LANES, m, point, c, out);
    if (c < channels) output_tile(4, channels - c, m, point, c, out);
}

void axm_winograd_output_of_pool(const axm_winograd *w, size_t begin, size_t end)
{
    const axm_tap_conv *conv = w->conv;
    const pooled size = pooled_of(conv->plan->shape);
    const int64_t each = conv->plan->tile / 2, channels = conv->plan->out_pixel;
    outputs out = {.bias = conv->bias ? conv->bias + w->column : NULL, .clamp = conv->clamp, .indexed = conv->winners != NULL};
    for (size_t t = begin; t < end; t++) {
        const axm_winograd_place at = axm_winograd_place_of(w, w->first + t);
        uint8_t *winners = out.indexed ? winners_of(w, at.image) : NULL;
        for (int64_t i = 0; i < each * each; i++) {
            const int64_t y = at.y * each + i / each, x = at.x * each + i % each, pixel = y * size.w + x;
            const bool inside = y < size.h && x < size.w;
            const size_t offset = (size_t)(pixel * channels) + w->column;
            float *to = conv->y + at.image * size.h * size.w * channels + offset;
            out.y[i / each][i % each] = inside ? to : NULL;
            out.winners[i / each][i % each] = inside && out.indexed ? winners + offset : NULL;
        }
        if (conv->plan->tile == 4)
            output_channels_6(w->m + t * w->m_row, w->count * w->m_row, w->columns, &out);
        else
            output_channels_4(w->m + t * w->m_row, w->count * w->m_row, w->columns, &out);
    }
}
