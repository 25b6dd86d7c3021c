/* The arithmetic of Winograd's transforms, shared by those of plain tiles and of tiles with a max pool. Vectors run along the
 * channels. */
#ifndef AXM_KERNELS_WINOGRAD_LINES_H
#define AXM_KERNELS_WINOGRAD_LINES_H

#include "kernels/clones.h"
#include "kernels/winograd.h"
#include "kernels/winograd_store.h"

typedef float axm_winograd_vectors[AXM_WINOGRAD_MAX_INPUT][AXM_WINOGRAD_LANES];

/* `size` is the inputs of a tile along an axis: 6 for F(4,3), 4 for F(2,3). It is a constant wherever these are inlined. */

/* Rows of B^T: x^4 - (a2+b2) x^2 + a2 b2, then the pairs +-a and +-b, then x^5 - (a2+b2) x^3 + a2 b2 x. */
static AXM_INLINE void axm_input_line_6(size_t lanes, const float *const d[6], float *const o[6])
{
    const float A = (float)AXM_WINOGRAD_A, B = (float)AXM_WINOGRAD_B;
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
static AXM_INLINE void axm_output_line_6(size_t lanes, const float *const m[6], float *const o[4])
{
    const float A = (float)AXM_WINOGRAD_A, B = (float)AXM_WINOGRAD_B;
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
static AXM_INLINE void axm_input_line_4(size_t lanes, const float *const d[6], float *const o[6])
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

static AXM_INLINE void axm_output_line_4(size_t lanes, const float *const m[6], float *const o[4])
{
    const float *m0 = m[0], *m1 = m[1], *m2 = m[2], *m3 = m[3];
    float *o0 = o[0], *o1 = o[1];
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        o0[i] = m0[i] + (m1[i] + m2[i]);
        o1[i] = (m1[i] - m2[i]) + m3[i];
    }
}

static AXM_INLINE void axm_input_line(size_t size, size_t lanes, const float *const d[6], float *const o[6])
{
    if (size == 6)
        axm_input_line_6(lanes, d, o);
    else
        axm_input_line_4(lanes, d, o);
}

static AXM_INLINE void axm_output_line(size_t size, size_t lanes, const float *const m[6], float *const o[4])
{
    if (size == 6)
        axm_output_line_6(lanes, m, o);
    else
        axm_output_line_4(lanes, m, o);
}

/* lanes channels of one tile. source: the pixels, from the first channel on. v: the tile's row at point 0. */
static AXM_INLINE void axm_input_tile(size_t size, size_t lanes, const float *const source[6][6], size_t channel, float *v,
                                      size_t point)
{
    axm_winograd_vectors columns[AXM_WINOGRAD_MAX_INPUT]; /* [column][row] after the vertical pass */
    for (size_t x = 0; x < size; x++) {
        const float *d[6];
        float *o[6];
        for (size_t y = 0; y < size; y++) {
            d[y] = source[y][x] + channel;
            o[y] = columns[x][y];
        }
        axm_input_line(size, lanes, d, o);
    }
    for (size_t y = 0; y < size; y++) {
        const float *d[6];
        float *o[6];
        for (size_t x = 0; x < size; x++) {
            d[x] = columns[x][y];
            o[x] = v + (y * size + x) * point + channel;
        }
        axm_input_line(size, lanes, d, o);
    }
}

/* rows[row][column]: the outputs of a tile before the horizontal pass, lanes channels. m: the tile's row at point 0. */
static AXM_INLINE void axm_output_rows(size_t size, size_t lanes, const float *m, size_t point, axm_winograd_vectors *rows)
{
    for (size_t x = 0; x < size; x++) {
        const float *d[6];
        float *o[4];
        for (size_t y = 0; y < size; y++)
            d[y] = m + (y * size + x) * point;
        for (size_t y = 0; y < size - 2; y++)
            o[y] = rows[y][x];
        axm_output_line(size, lanes, d, o);
    }
}

/* The horizontal pass of one row. */
static AXM_INLINE void axm_output_sums(size_t size, size_t lanes, float row[][AXM_WINOGRAD_LANES], float sums[][AXM_WINOGRAD_LANES])
{
    const float *d[6];
    float *o[4];
    for (size_t x = 0; x < size; x++)
        d[x] = row[x];
    for (size_t x = 0; x < size - 2; x++)
        o[x] = sums[x];
    axm_output_line(size, lanes, d, o);
}

#endif
