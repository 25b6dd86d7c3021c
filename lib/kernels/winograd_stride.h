/* Winograd's minimal filtering for 3x3 taps a step of 2 apart, forward. Along an axis the even taps of two outputs are F(2, 2):
 * three multiplications instead of four; the odd tap has one for each output. In both axes that is 25 for each 4 outputs instead of
 * 36, and 16 matrices of weights. The points are 0, 1 and infinity: no constants at all, and errors of about the plain sum's. */
#ifndef AXM_KERNELS_WINOGRAD_STRIDE_H
#define AXM_KERNELS_WINOGRAD_STRIDE_H

#include "kernels/conv.h"

#define AXM_STRIDE_TILE         2  /* outputs of a tile along an axis */
#define AXM_STRIDE_INPUT        5  /* inputs, and values after the transform */
#define AXM_STRIDE_VALUES       25 /* of a tile */
#define AXM_STRIDE_POINTS       16 /* matrices of weights */
#define AXM_STRIDE_MAX_CHANNELS 4096

/* Tiles of one convolution, row-major over (image, tile row, tile column). Values that have the same weights are neighbours. */
typedef struct axm_stride {
    const axm_tap_conv *conv;
    size_t tiles_h, tiles_w, tiles;
    size_t v_row, m_row;
    size_t first, held;     /* tiles in v */
    size_t skipped, count;  /* of these, the ones in m */
    size_t column, columns; /* the output channels in m */
    float *v;               /* [values][held][v_row]: transformed input */
    float *m;               /* [values][count][m_row]: products */
} axm_stride;

/* Of a point, counted over 4 rows and columns: how many values have its weights, and the index of the first. */
static inline size_t axm_stride_same(size_t point)
{
    return (size_t)(point / 4 == 3 ? 2 : 1) * (point % 4 == 3 ? 2 : 1);
}

static inline size_t axm_stride_first(size_t point)
{
    const size_t y = point / 4, x = point % 4;
    return y * AXM_STRIDE_INPUT + (y == 3 ? 2 * x : x);
}

/* Tiles [begin, end) of v, counted from `first`; and of m. */
void axm_stride_input(const axm_stride *w, size_t begin, size_t end);
void axm_stride_output(const axm_stride *w);

/* The 3x3 weights of up to AXM_STRIDE_WIDTH output channels to out[points][point], the first `width` of each row. */
#define AXM_STRIDE_WIDTH 16
void axm_stride_weights(const double taps[9][AXM_STRIDE_WIDTH], size_t width, size_t point, float *out);

#endif
