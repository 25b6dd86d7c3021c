/* The transforms of Winograd's convolution. Vectors run along the channels. */
#include <string.h>

#include "kernels/clones.h"
#include "kernels/winograd.h"

#define LANES 16 /* channels together */

static const float A = (float)AXM_WINOGRAD_A, B = (float)AXM_WINOGRAD_B;

typedef float vectors[AXM_WINOGRAD_INPUT][LANES];

/* Rows of B^T: x^4 - (a2+b2) x^2 + a2 b2, then the pairs +-a and +-b, then x^5 - (a2+b2) x^3 + a2 b2 x. */
static AXM_INLINE void input_line(size_t lanes, const float *const d[6], float *const o[6])
{
    const float a2 = A * A, b2 = B * B, both = A * A * B * B, sum = A * A + B * B;
    const float *d0 = d[0], *d1 = d[1], *d2 = d[2], *d3 = d[3], *d4 = d[4], *d5 = d[5];
    float *o0 = o[0], *o1 = o[1], *o2 = o[2], *o3 = o[3], *o4 = o[4], *o5 = o[5];
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float even_a = d4[i] - b2 * d2[i], odd_a = A * (d3[i] - b2 * d1[i]);
        const float even_b = d4[i] - a2 * d2[i], odd_b = B * (d3[i] - a2 * d1[i]);
        o0[i] = both * d0[i] + (d4[i] - sum * d2[i]);
        o1[i] = even_a + odd_a;
        o2[i] = even_a - odd_a;
        o3[i] = even_b + odd_b;
        o4[i] = even_b - odd_b;
        o5[i] = both * d1[i] + (d5[i] - sum * d3[i]);
    }
}

/* Rows of A^T: powers 0 .. 3 of the points. */
static AXM_INLINE void output_line(size_t lanes, const float *const m[6], float *const o[4])
{
    const float a2 = A * A, b2 = B * B, a3 = A * A * A, b3 = B * B * B;
    const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3], *m4 = m[4], *m5 = m[5];
    float *o0 = o[0], *o1 = o[1], *o2 = o[2], *o3 = o[3];
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float sum_a = m1[i] + m2[i], sum_b = m3[i] + m4[i], odd_a = m1[i] - m2[i], odd_b = m3[i] - m4[i];
        o0[i] = m0[i] + (sum_a + sum_b);
        o1[i] = A * odd_a + B * odd_b;
        o2[i] = a2 * sum_a + b2 * sum_b;
        o3[i] = (a3 * odd_a + b3 * odd_b) + m5[i];
    }
}

/* ---- Input ---- */

/* lanes channels of one tile. source: the 36 pixels, from the first channel on. v: the tile's row at point 0. */
static AXM_INLINE void input_tile(size_t lanes, const float *const source[6][6], size_t channel, float *v, size_t point)
{
    vectors columns[AXM_WINOGRAD_INPUT]; /* [column][row] after the vertical pass */
    for (size_t x = 0; x < AXM_WINOGRAD_INPUT; x++) {
        const float *d[6];
        float *o[6];
        for (size_t y = 0; y < AXM_WINOGRAD_INPUT; y++) {
            d[y] = source[y][x] + channel;
            o[y] = columns[x][y];
        }
        input_line(lanes, d, o);
    }
    for (size_t y = 0; y < AXM_WINOGRAD_INPUT; y++) {
        const float *d[6];
        float *o[6];
        for (size_t x = 0; x < AXM_WINOGRAD_INPUT; x++) {
            d[x] = columns[x][y];
            o[x] = v + (y * AXM_WINOGRAD_INPUT + x) * point + channel;
        }
        input_line(lanes, d, o);
    }
}

typedef struct place {
    int64_t image, y, x; /* of a tile, in tiles */
} place;

static place place_of(const axm_winograd *w, size_t tile)
{
    const size_t line = tile / w->tiles_w;
    return (place){(int64_t)(line / w->tiles_h), (int64_t)(line % w->tiles_h), (int64_t)(tile % w->tiles_w)};
}

/* Pointers to the 36 pixels of a tile; those outside of the picture are `zeros`. */
static void find_pixels(const axm_winograd *w, size_t tile, const float *zeros, const float *source[6][6])
{
    const axm_tap_axis *h = &w->conv->h, *v = &w->conv->w;
    const int64_t channels = w->conv->plan->in_pixel;
    const place at = place_of(w, tile);
    const int64_t top = at.y * AXM_WINOGRAD_TILE + h->offset, left = at.x * AXM_WINOGRAD_TILE + v->offset;
    for (int64_t y = 0; y < AXM_WINOGRAD_INPUT; y++) {
        const bool row_inside = top + y >= 0 && top + y < h->in_size;
        const int64_t line = (at.image * h->in_size + top + y) * v->in_size;
        for (int64_t x = 0; x < AXM_WINOGRAD_INPUT; x++) {
            const bool inside = row_inside && left + x >= 0 && left + x < v->in_size;
            source[y][x] = inside ? w->conv->x + (line + left + x) * channels : zeros;
        }
    }
}

AXM_CLONES static void input_channels(const float *const source[6][6], size_t channels, float *v, size_t point)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        input_tile(LANES, source, c, v, point);
    if (c < channels) input_tile(channels - c, source, c, v, point);
}

void axm_winograd_input(const axm_winograd *w, size_t begin, size_t end)
{
    static const float zeros[AXM_WINOGRAD_MAX_CHANNELS] = {0};
    const size_t channels = (size_t)w->conv->plan->in_c;
    for (size_t t = begin; t < end; t++) {
        const float *source[6][6];
        find_pixels(w, w->first + t, zeros, source);
        input_channels((const float *const(*)[6])source, channels, w->v + t * w->v_row, w->v_point);
    }
}

/* ---- Output ---- */

typedef struct outputs {
    float *y[AXM_WINOGRAD_TILE][AXM_WINOGRAD_TILE]; /* NULL outside of the picture */
    const float *bias;
    axm_clamp clamp;
    bool accumulate;
} outputs;

static AXM_INLINE void store(size_t lanes, const float *sum, const outputs *out, size_t channel, float *y)
{
    const float low = out->clamp.low, high = out->clamp.high;
    const float *bias = out->bias;
    float value[LANES];
    for (size_t i = 0; i < lanes; i++)
        value[i] = sum[i];
    if (out->accumulate)
        for (size_t i = 0; i < lanes; i++)
            value[i] += y[i];
    if (bias != NULL)
        for (size_t i = 0; i < lanes; i++)
            value[i] += bias[channel + i];
    for (size_t i = 0; i < lanes; i++) { /* a NaN stays */
        const float raised = value[i] < low ? low : value[i];
        y[i] = raised > high ? high : raised;
    }
}

static AXM_INLINE void output_tile(size_t lanes, const float *m, size_t point, size_t channel, const outputs *out)
{
    vectors rows[AXM_WINOGRAD_TILE]; /* [row][column] after the vertical pass */
    for (size_t x = 0; x < AXM_WINOGRAD_INPUT; x++) {
        const float *d[6];
        float *o[4];
        for (size_t y = 0; y < AXM_WINOGRAD_INPUT; y++)
            d[y] = m + (y * AXM_WINOGRAD_INPUT + x) * point + channel;
        for (size_t y = 0; y < AXM_WINOGRAD_TILE; y++)
            o[y] = rows[y][x];
        output_line(lanes, d, o);
    }
    for (size_t y = 0; y < AXM_WINOGRAD_TILE; y++) {
        const float *d[6];
        float sums[AXM_WINOGRAD_TILE][LANES], *o[4];
        for (size_t x = 0; x < AXM_WINOGRAD_INPUT; x++)
            d[x] = rows[y][x];
        for (size_t x = 0; x < AXM_WINOGRAD_TILE; x++)
            o[x] = sums[x];
        output_line(lanes, d, o);
        for (size_t x = 0; x < AXM_WINOGRAD_TILE; x++)
            if (out->y[y][x] != NULL) store(lanes, sums[x], out, channel, out->y[y][x] + channel);
    }
}

AXM_CLONES static void output_channels(const float *m, size_t point, size_t channels, const outputs *out)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        output_tile(LANES, m, point, c, out);
    if (c < channels) output_tile(channels - c, m, point, c, out);
}

void axm_winograd_output(const axm_winograd *w, size_t begin, size_t end)
{
    const axm_tap_conv *conv = w->conv;
    const axm_tap_axis *h = &conv->h, *v = &conv->w;
    outputs out = {.bias = conv->bias ? conv->bias + w->column : NULL, .clamp = conv->clamp, .accumulate = conv->accumulate};
    for (size_t t = begin; t < end; t++) {
        const place at = place_of(w, w->first + t);
        for (int64_t y = 0; y < AXM_WINOGRAD_TILE; y++) {
            const int64_t oy = at.y * AXM_WINOGRAD_TILE + y;
            for (int64_t x = 0; x < AXM_WINOGRAD_TILE; x++) {
                const int64_t ox = at.x * AXM_WINOGRAD_TILE + x;
                const bool inside = oy < h->grid && ox < v->grid;
                const int64_t pixel = (at.image * h->out_size + oy) * v->out_size + ox;
                out.y[y][x] = inside ? conv->y + pixel * conv->plan->out_pixel + w->column : NULL;
            }
        }
        output_channels(w->m + t * w->m_row, w->count * w->m_row, w->columns, &out);
    }
}

/* ---- Weights ---- */

/* Rows of G: powers 0 .. 2 of each point over the product of its differences from the others. */
static AXM_INLINE void weights_line(const double *restrict g0, const double *restrict g1, const double *restrict g2,
                                    double *restrict out)
{
    const double a = AXM_WINOGRAD_A, b = AXM_WINOGRAD_B;
    const double over_0 = 1.0 / (a * a * b * b);
    const double over_a = 1.0 / (2.0 * a * a * (a * a - b * b)), over_b = 1.0 / (2.0 * b * b * (b * b - a * a));
    for (size_t i = 0; i < AXM_WINOGRAD_WIDTH; i++) {
        const double even_a = g0[i] + a * a * g2[i], even_b = g0[i] + b * b * g2[i];
        out[0 * AXM_WINOGRAD_WIDTH + i] = g0[i] * over_0;
        out[1 * AXM_WINOGRAD_WIDTH + i] = (even_a + a * g1[i]) * over_a;
        out[2 * AXM_WINOGRAD_WIDTH + i] = (even_a - a * g1[i]) * over_a;
        out[3 * AXM_WINOGRAD_WIDTH + i] = (even_b + b * g1[i]) * over_b;
        out[4 * AXM_WINOGRAD_WIDTH + i] = (even_b - b * g1[i]) * over_b;
        out[5 * AXM_WINOGRAD_WIDTH + i] = g2[i];
    }
}

AXM_CLONES void axm_winograd_weights(const double taps[9][AXM_WINOGRAD_WIDTH], size_t width, size_t point, float *out)
{
    double columns[3][6][AXM_WINOGRAD_WIDTH], lines[6][AXM_WINOGRAD_WIDTH];
    for (size_t x = 0; x < 3; x++)
        weights_line(taps[x], taps[3 + x], taps[6 + x], columns[x][0]);
    for (size_t y = 0; y < 6; y++) {
        weights_line(columns[0][y], columns[1][y], columns[2][y], lines[0]);
        for (size_t x = 0; x < 6; x++) {
            float *to = out + (y * 6 + x) * point;
            for (size_t i = 0; i < width; i++)
                to[i] = (float)lines[x][i];
        }
    }
}
