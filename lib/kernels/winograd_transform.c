/* The transforms of Winograd's convolution. Vectors run along the channels. */
#include <string.h>

#include "kernels/clones.h"
#include "kernels/winograd.h"
#include "kernels/winograd_store.h"

#define LANES AXM_WINOGRAD_LANES

static const float A = (float)AXM_WINOGRAD_A, B = (float)AXM_WINOGRAD_B;

typedef float vectors[AXM_WINOGRAD_MAX_INPUT][LANES];

/* `size` is the inputs of a tile along an axis: 6 for F(4,3), 4 for F(2,3). It is a constant wherever these are inlined. */

/* Rows of B^T: x^4 - (a2+b2) x^2 + a2 b2, then the pairs +-a and +-b, then x^5 - (a2+b2) x^3 + a2 b2 x. */
static AXM_INLINE void input_line_6(size_t lanes, const float *const d[6], float *const o[6])
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
static AXM_INLINE void output_line_6(size_t lanes, const float *const m[6], float *const o[4])
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

/* The same for the points 0, 1, -1 and infinity: 1 - x^2, x^2 + x, x^2 - x, x^3 - x. */
static AXM_INLINE void input_line_4(size_t lanes, const float *const d[6], float *const o[6])
{
    const float *d0 = d[0], *d1 = d[1], *d2 = d[2], *d3 = d[3];
    float *o0 = o[0], *o1 = o[1], *o2 = o[2], *o3 = o[3];
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        o0[i] = d0[i] - d2[i];
        o1[i] = d2[i] + d1[i];
        o2[i] = d2[i] - d1[i];
        o3[i] = d3[i] - d1[i];
    }
}

static AXM_INLINE void output_line_4(size_t lanes, const float *const m[6], float *const o[4])
{
    const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3];
    float *o0 = o[0], *o1 = o[1];
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        o0[i] = m0[i] + (m1[i] + m2[i]);
        o1[i] = (m1[i] - m2[i]) + m3[i];
    }
}

static AXM_INLINE void input_line(size_t size, size_t lanes, const float *const d[6], float *const o[6])
{
    if (size == 6)
        input_line_6(lanes, d, o);
    else
        input_line_4(lanes, d, o);
}

static AXM_INLINE void output_line(size_t size, size_t lanes, const float *const m[6], float *const o[4])
{
    if (size == 6)
        output_line_6(lanes, m, o);
    else
        output_line_4(lanes, m, o);
}

/* ---- Input ---- */

/* lanes channels of one tile. source: the pixels, from the first channel on. v: the tile's row at point 0. */
static AXM_INLINE void input_tile(size_t size, size_t lanes, const float *const source[6][6], size_t channel, float *v,
                                  size_t point)
{
    vectors columns[AXM_WINOGRAD_MAX_INPUT]; /* [column][row] after the vertical pass */
    for (size_t x = 0; x < size; x++) {
        const float *d[6];
        float *o[6];
        for (size_t y = 0; y < size; y++) {
            d[y] = source[y][x] + channel;
            o[y] = columns[x][y];
        }
        input_line(size, lanes, d, o);
    }
    for (size_t y = 0; y < size; y++) {
        const float *d[6];
        float *o[6];
        for (size_t x = 0; x < size; x++) {
            d[x] = columns[x][y];
            o[x] = v + (y * size + x) * point + channel;
        }
        input_line(size, lanes, d, o);
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

/* Pointers to the pixels of a tile; those outside of the picture are `zeros`. */
static void find_pixels(const axm_winograd *w, size_t tile, const float *zeros, const float *source[6][6])
{
    const axm_tap_axis *h = &w->conv->h, *v = &w->conv->w;
    const int64_t channels = w->conv->plan->in_pixel;
    const place at = place_of(w, tile);
    const int64_t tile_size = w->conv->plan->tile, input = tile_size + 2;
    const bool turned = w->conv->plan->packing != w->conv->plan->direction;
    const int64_t top = at.y * tile_size + h->offset, left = at.x * tile_size + v->offset;
    for (int64_t y = 0; y < input; y++) {
        const bool row_inside = top + y >= 0 && top + y < h->in_size;
        const int64_t line = (at.image * h->in_size + top + y) * v->in_size;
        for (int64_t x = 0; x < input; x++) {
            const bool inside = row_inside && left + x >= 0 && left + x < v->in_size;
            const int64_t ty = turned ? input - 1 - y : y, tx = turned ? input - 1 - x : x;
            source[ty][tx] = inside ? w->conv->x + (line + left + x) * channels : zeros;
        }
    }
}

AXM_CLONES static void input_channels_6(const float *const source[6][6], size_t channels, float *v, size_t point)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        input_tile(6, LANES, source, c, v, point);
    if (c < channels) input_tile(6, channels - c, source, c, v, point);
}

AXM_CLONES static void input_channels_4(const float *const source[6][6], size_t channels, float *v, size_t point)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        input_tile(4, LANES, source, c, v, point);
    if (c < channels) input_tile(4, channels - c, source, c, v, point);
}

void axm_winograd_input(const axm_winograd *w, size_t begin, size_t end)
{
    static const float zeros[AXM_WINOGRAD_MAX_CHANNELS] = {0};
    const size_t channels = (size_t)w->conv->plan->in_c;
    for (size_t t = begin; t < end; t++) {
        const float *source[6][6];
        find_pixels(w, w->first + t, zeros, source);
        if (w->conv->plan->tile == 4)
            input_channels_6((const float *const(*)[6])source, channels, w->v + t * w->v_row, w->v_point);
        else
            input_channels_4((const float *const(*)[6])source, channels, w->v + t * w->v_row, w->v_point);
    }
}

/* ---- Output ---- */

typedef struct outputs {
    float *y[AXM_WINOGRAD_MAX_TILE][AXM_WINOGRAD_MAX_TILE]; /* NULL outside of the picture */
    const float *bias;
    axm_clamp clamp;
    bool accumulate;
} outputs;

static AXM_INLINE void store(size_t lanes, const float *sum, const outputs *out, size_t channel, float *y)
{
    axm_winograd_store(lanes, sum, out->bias == NULL ? NULL : out->bias + channel, out->clamp, out->accumulate, y);
}

static AXM_INLINE void output_tile(size_t size, size_t lanes, const float *m, size_t point, size_t channel, const outputs *out)
{
    vectors rows[AXM_WINOGRAD_MAX_TILE]; /* [row][column] after the vertical pass */
    for (size_t x = 0; x < size; x++) {
        const float *d[6];
        float *o[4];
        for (size_t y = 0; y < size; y++)
            d[y] = m + (y * size + x) * point + channel;
        for (size_t y = 0; y < size - 2; y++)
            o[y] = rows[y][x];
        output_line(size, lanes, d, o);
    }
    for (size_t y = 0; y < size - 2; y++) {
        const float *d[6];
        float sums[AXM_WINOGRAD_MAX_TILE][LANES], *o[4];
        for (size_t x = 0; x < size; x++)
            d[x] = rows[y][x];
        for (size_t x = 0; x < size - 2; x++)
            o[x] = sums[x];
        output_line(size, lanes, d, o);
        for (size_t x = 0; x < size - 2; x++)
            if (out->y[y][x] != NULL) store(lanes, sums[x], out, channel, out->y[y][x] + channel);
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

void axm_winograd_output(const axm_winograd *w, size_t begin, size_t end)
{
    const axm_tap_conv *conv = w->conv;
    const axm_tap_axis *h = &conv->h, *v = &conv->w;
    const int64_t tile = conv->plan->tile;
    const bool turned = conv->plan->packing != conv->plan->direction;
    outputs out = {.bias = conv->bias ? conv->bias + w->column : NULL, .clamp = conv->clamp, .accumulate = conv->accumulate};
    for (size_t t = begin; t < end; t++) {
        const place at = place_of(w, w->first + t);
        for (int64_t y = 0; y < tile; y++) {
            const int64_t oy = at.y * tile + y;
            for (int64_t x = 0; x < tile; x++) {
                const int64_t ox = at.x * tile + x;
                const bool inside = oy < h->grid && ox < v->grid;
                const int64_t pixel = (at.image * h->out_size + oy) * v->out_size + ox;
                const int64_t ty = turned ? tile - 1 - y : y, tx = turned ? tile - 1 - x : x;
                out.y[ty][tx] = inside ? conv->y + pixel * conv->plan->out_pixel + w->column : NULL;
            }
        }
        if (tile == 4)
            output_channels_6(w->m + t * w->m_row, w->count * w->m_row, w->columns, &out);
        else
            output_channels_4(w->m + t * w->m_row, w->count * w->m_row, w->columns, &out);
    }
}

/* ---- Weights ---- */

typedef double doubles[AXM_WINOGRAD_WIDTH];

/* Rows of G: powers 0 .. 2 of each point over the product of its differences from the others. */
static AXM_INLINE void weights_line(size_t size, const double *restrict g0, const double *restrict g1, const double *restrict g2,
                                    doubles *restrict out)
{
    const double a = size == 6 ? AXM_WINOGRAD_A : 1.0, b = AXM_WINOGRAD_B;
    const double over_0 = size == 6 ? 1.0 / (a * a * b * b) : 1.0;
    const double over_a = size == 6 ? 1.0 / (2.0 * a * a * (a * a - b * b)) : 0.5, over_b = 1.0 / (2.0 * b * b * (b * b - a * a));
    for (size_t i = 0; i < AXM_WINOGRAD_WIDTH; i++) {
        const double even_a = g0[i] + a * a * g2[i], even_b = g0[i] + b * b * g2[i];
        out[0][i] = g0[i] * over_0;
        out[1][i] = (even_a + a * g1[i]) * over_a;
        out[2][i] = (even_a - a * g1[i]) * over_a;
        if (size == 6) {
            out[3][i] = (even_b + b * g1[i]) * over_b;
            out[4][i] = (even_b - b * g1[i]) * over_b;
        }
        out[size - 1][i] = g2[i];
    }
}

static AXM_INLINE void weights_of(size_t size, const double taps[9][AXM_WINOGRAD_WIDTH], size_t width, size_t point, float *out)
{
    doubles columns[3][AXM_WINOGRAD_MAX_INPUT], lines[AXM_WINOGRAD_MAX_INPUT];
    for (size_t x = 0; x < 3; x++)
        weights_line(size, taps[x], taps[3 + x], taps[6 + x], columns[x]);
    for (size_t y = 0; y < size; y++) {
        weights_line(size, columns[0][y], columns[1][y], columns[2][y], lines);
        for (size_t x = 0; x < size; x++) {
            float *to = out + (y * size + x) * point;
            for (size_t i = 0; i < width; i++)
                to[i] = (float)lines[x][i];
        }
    }
}

AXM_CLONES static void weights_6(const double taps[9][AXM_WINOGRAD_WIDTH], size_t width, size_t point, float *out)
{
    weights_of(6, taps, width, point, out);
}

AXM_CLONES static void weights_4(const double taps[9][AXM_WINOGRAD_WIDTH], size_t width, size_t point, float *out)
{
    weights_of(4, taps, width, point, out);
}

void axm_winograd_weights(int64_t tile, const double taps[9][AXM_WINOGRAD_WIDTH], size_t width, size_t point, float *out)
{
    if (tile == 4)
        weights_6(taps, width, point, out);
    else
        weights_4(taps, width, point, out);
}
