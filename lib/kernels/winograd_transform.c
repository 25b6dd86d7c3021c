/* The transforms of Winograd's convolution. Vectors run along the channels. */
#include "kernels/clones.h"
#include "kernels/winograd.h"
#include "kernels/winograd_lines.h"

#define LANES AXM_WINOGRAD_LANES

/* ---- Input ---- */

/* Pointers to the pixels of a tile; those outside of the picture are `zeros`. */
static void find_pixels(const axm_winograd *w, size_t tile, const float *zeros, const float *source[6][6])
{
    const axm_tap_axis *h = &w->conv->h, *v = &w->conv->w;
    const int64_t channels = w->conv->plan->in_pixel;
    const axm_winograd_place at = axm_winograd_place_of(w, tile);
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

/* The rest of the tile that comes next is fetched meanwhile: its first two columns are this one's last. The hardware does not
 * foresee that. */
static AXM_INLINE void fetch_next(size_t size, const float *const next[6][6], size_t channel)
{
    for (size_t y = 0; y < size; y++)
        for (size_t x = 2; x < size; x++)
            AXM_FETCH(next[y][x] + channel);
}

static AXM_INLINE void input_channels(size_t size, const float *const source[6][6], const float *const next[6][6], size_t channels,
                                      float *v, size_t point)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        fetch_next(size, next, c);
        axm_input_tile(size, LANES, source, c, v, point);
    }
    if (c < channels) axm_input_tile(size, channels - c, source, c, v, point);
}

typedef const float *pixels[6][6];

AXM_CLONES static void input_channels_6(pixels source, pixels next, size_t channels, float *v, size_t point)
{
    input_channels(6, (const float *const(*)[6])source, (const float *const(*)[6])next, channels, v, point);
}

AXM_CLONES static void input_channels_4(pixels source, pixels next, size_t channels, float *v, size_t point)
{
    input_channels(4, (const float *const(*)[6])source, (const float *const(*)[6])next, channels, v, point);
}

void axm_winograd_input(const axm_winograd *w, size_t begin, size_t end)
{
    static const float zeros[AXM_WINOGRAD_MAX_CHANNELS] = {0};
    const size_t channels = (size_t)w->conv->plan->in_c;
    pixels at[2];
    if (begin < end) find_pixels(w, w->first + begin, zeros, at[begin % 2]);
    for (size_t t = begin; t < end; t++) {
        const size_t next = t + 1 < end ? t + 1 : t;
        if (next > t) find_pixels(w, w->first + next, zeros, at[next % 2]);
        if (w->conv->plan->tile == 4)
            input_channels_6(at[t % 2], at[next % 2], channels, w->v + t * w->v_row, w->v_point);
        else
            input_channels_4(at[t % 2], at[next % 2], channels, w->v + t * w->v_row, w->v_point);
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
    axm_winograd_vectors rows[AXM_WINOGRAD_MAX_TILE];
    axm_output_rows(size, lanes, m + channel, point, rows);
    for (size_t y = 0; y < size - 2; y++) {
        float sums[AXM_WINOGRAD_MAX_TILE][LANES];
        axm_output_sums(size, lanes, rows[y], sums);
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
        const axm_winograd_place at = axm_winograd_place_of(w, w->first + t);
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
