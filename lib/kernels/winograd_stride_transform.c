/* The transforms of winograd_stride.h. Vectors run along the channels. */
#include "kernels/clones.h"
#include "kernels/winograd_store.h"
#include "kernels/winograd_stride.h"

#define LANES AXM_WINOGRAD_LANES
#define INPUT AXM_STRIDE_INPUT
#define TILE  AXM_STRIDE_TILE

/* Where the value of a row and a column lies among a tile's: the last two rows and columns share their weights. */
static size_t place_of(size_t y, size_t x)
{
    const size_t row = y < 3 ? y : 3, column = x < 3 ? x : 3, across = column == 3 ? 2 : 1;
    return axm_stride_first(4 * row + column) + (y - row) * across + (x - column);
}

/* ---- Input ---- */

typedef const float *pixels[INPUT][INPUT];

/* Pixels outside of the picture are `zeros`. */
static void find_pixels(const axm_stride *w, size_t tile, const float *zeros, pixels source)
{
    const axm_tap_axis *h = &w->conv->h, *v = &w->conv->w;
    const int64_t line = (int64_t)(tile / w->tiles_w), column = (int64_t)(tile % w->tiles_w), lines = (int64_t)w->tiles_h;
    const int64_t image = line / lines, top = line % lines * 2 * TILE + h->offset, left = column * 2 * TILE + v->offset;
    for (int64_t y = 0; y < INPUT; y++)
        for (int64_t x = 0; x < INPUT; x++) {
            const bool inside = top + y >= 0 && top + y < h->in_size && left + x >= 0 && left + x < v->in_size;
            const int64_t pixel = (image * h->in_size + top + y) * v->in_size + left + x;
            source[y][x] = inside ? w->conv->x + pixel * w->conv->plan->in_pixel : zeros;
        }
}

/* Two even inputs apart, then the odd ones as they are. */
static AXM_INLINE void input_line(size_t lanes, const float *const d[INPUT], float *const o[INPUT])
{
    const float *d0 = d[0], *d1 = d[1], *d2 = d[2], *d3 = d[3], *d4 = d[4];
    float *o0 = o[0], *o1 = o[1], *o2 = o[2], *o3 = o[3], *o4 = o[4];
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        o0[i] = d0[i] - d2[i];
        o1[i] = d2[i];
        o2[i] = d4[i] - d2[i];
        o3[i] = d1[i];
        o4[i] = d3[i];
    }
}

static AXM_INLINE void input_tile(size_t lanes, const float *const source[INPUT][INPUT], size_t channel,
                                  float *const v[INPUT][INPUT])
{
    float columns[INPUT][INPUT][LANES]; /* [column][row] after the vertical pass */
    for (size_t x = 0; x < INPUT; x++) {
        const float *d[INPUT];
        float *o[INPUT];
        for (size_t y = 0; y < INPUT; y++) {
            d[y] = source[y][x] + channel;
            o[y] = columns[x][y];
        }
        input_line(lanes, d, o);
    }
    for (size_t y = 0; y < INPUT; y++) {
        const float *d[INPUT];
        float *o[INPUT];
        for (size_t x = 0; x < INPUT; x++) {
            d[x] = columns[x][y];
            o[x] = v[y][x] + channel;
        }
        input_line(lanes, d, o);
    }
}

AXM_CLONES static void input_channels(pixels source, size_t channels, float *v[INPUT][INPUT])
{
    const float *const(*from)[INPUT] = (const float *const(*)[INPUT])source;
    float *const(*to)[INPUT] = (float *const(*)[INPUT])v;
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        input_tile(LANES, from, c, to);
    if (c < channels) input_tile(channels - c, from, c, to);
}

void axm_stride_input(const axm_stride *w, size_t begin, size_t end)
{
    static const float zeros[AXM_STRIDE_MAX_CHANNELS] = {0};
    for (size_t t = begin; t < end; t++) {
        pixels source;
        float *v[INPUT][INPUT];
        find_pixels(w, w->first + t, zeros, source);
        for (size_t y = 0; y < INPUT; y++)
            for (size_t x = 0; x < INPUT; x++)
                v[y][x] = w->v + (place_of(y, x) * w->held + t) * w->v_row;
        input_channels(source, (size_t)w->conv->plan->in_c, v);
    }
}

/* ---- Output ---- */

typedef struct outputs {
    const float *m[INPUT][INPUT];
    float *y[TILE][TILE]; /* NULL outside of the picture */
    const float *bias;
    axm_clamp clamp;
    bool accumulate;
} outputs;

static AXM_INLINE void output_line(size_t lanes, const float *const m[INPUT], float *const o[TILE])
{
    const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3], *m4 = m[4];
    float *o0 = o[0], *o1 = o[1];
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        o0[i] = (m0[i] + m1[i]) + m3[i];
        o1[i] = (m1[i] + m2[i]) + m4[i];
    }
}

static AXM_INLINE void output_tile(size_t lanes, const outputs *out, size_t channel)
{
    float rows[TILE][INPUT][LANES];
    for (size_t x = 0; x < INPUT; x++) {
        const float *d[INPUT];
        float *o[TILE] = {rows[0][x], rows[1][x]};
        for (size_t y = 0; y < INPUT; y++)
            d[y] = out->m[y][x] + channel;
        output_line(lanes, d, o);
    }
    for (size_t y = 0; y < TILE; y++) {
        float sums[TILE][LANES];
        const float *d[INPUT];
        float *o[TILE] = {sums[0], sums[1]};
        for (size_t x = 0; x < INPUT; x++)
            d[x] = rows[y][x];
        output_line(lanes, d, o);
        for (size_t x = 0; x < TILE; x++)
            if (out->y[y][x] != NULL)
                axm_winograd_store(lanes, sums[x], out->bias == NULL ? NULL : out->bias + channel, out->clamp, out->accumulate,
                                   out->y[y][x] + channel);
    }
}

AXM_CLONES static void output_channels(const outputs *out, size_t channels)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        output_tile(LANES, out, c);
    if (c < channels) output_tile(channels - c, out, c);
}

void axm_stride_output(const axm_stride *w)
{
    const axm_tap_conv *conv = w->conv;
    outputs out = {.bias = conv->bias ? conv->bias + w->column : NULL, .clamp = conv->clamp, .accumulate = conv->accumulate};
    for (size_t t = 0; t < w->count; t++) {
        const size_t tile = w->first + w->skipped + t, line = tile / w->tiles_w;
        const int64_t image = (int64_t)(line / w->tiles_h);
        const int64_t top = (int64_t)(line % w->tiles_h * TILE), left = (int64_t)(tile % w->tiles_w * TILE);
        for (size_t y = 0; y < INPUT; y++)
            for (size_t x = 0; x < INPUT; x++)
                out.m[y][x] = w->m + (place_of(y, x) * w->count + t) * w->m_row;
        for (int64_t y = 0; y < TILE; y++)
            for (int64_t x = 0; x < TILE; x++) {
                const int64_t pixel = (image * conv->h.out_size + top + y) * conv->w.out_size + left + x;
                const bool inside = top + y < conv->h.grid && left + x < conv->w.grid;
                out.y[y][x] = inside ? conv->y + pixel * conv->plan->out_pixel + w->column : NULL;
            }
        output_channels(&out, w->columns);
    }
}

/* ---- Weights ---- */

void axm_stride_weights(const double taps[9][AXM_STRIDE_WIDTH], size_t width, size_t point, float *out)
{
    /* Rows: the first tap, both even ones, the last, the odd one. */
    static const double rows[4][3] = {{1.0, 0.0, 0.0}, {1.0, 0.0, 1.0}, {0.0, 0.0, 1.0}, {0.0, 1.0, 0.0}};
    for (size_t p = 0; p < AXM_STRIDE_POINTS; p++)
        for (size_t i = 0; i < width; i++) {
            double sum = 0.0;
            for (size_t t = 0; t < 9; t++)
                sum += rows[p / 4][t / 3] * rows[p % 4][t % 3] * taps[t][i];
            out[p * point + i] = (float)sum;
        }
}
