/* Winograd's minimal filtering F(4x4, 3x3) and F(2x2, 3x3) (Lavin and Gray 2016): 36 multiplications for each 16 outputs of a 3x3
 * kernel, or 16 for each 4, instead of 144 and 36. The interpolation points of the larger are 0, +-3/4, +-3/2 and infinity: as
 * cheap as the usual 0, +-1, +-2 and half the rounding error (relative error 1.2e-6 against 2.3e-6 over 256 channels; the plain sum
 * has 0.6e-6); those of the smaller 0, +-1 and infinity. All constants are exact in binary. */
#ifndef AXM_KERNELS_WINOGRAD_H
#define AXM_KERNELS_WINOGRAD_H

#include "kernels/conv.h"

#define AXM_WINOGRAD_MAX_TILE     4    /* outputs along an axis */
#define AXM_WINOGRAD_MAX_INPUT    6    /* inputs along an axis */
#define AXM_WINOGRAD_MAX_CHANNELS 4096 /* of the input */

#define AXM_WINOGRAD_A 0.75
#define AXM_WINOGRAD_B 1.5

/* Tiles of one convolution, row-major over (image, tile row, tile column). */
typedef struct axm_winograd {
    const axm_tap_conv *conv;
    size_t tiles_h, tiles_w, tiles;
    size_t first, count;    /* the tiles that are in v and m */
    size_t v_row, m_row;    /* floats from one tile to the next */
    size_t v_point;         /* floats from one point to the next in v */
    size_t column, columns; /* the output channels that are in m */
    float *turned;          /* room for a transposed panel; NULL where weights are read as they lie */
    float *v;               /* [point][count or more][v_row]: transformed input */
    float *m;               /* [point][count][m_row]: products */
} axm_winograd;

typedef struct axm_winograd_place {
    int64_t image, y, x; /* of a tile, in tiles */
} axm_winograd_place;

static inline axm_winograd_place axm_winograd_place_of(const axm_winograd *w, size_t tile)
{
    const size_t line = tile / w->tiles_w;
    return (axm_winograd_place){(int64_t)(line / w->tiles_h), (int64_t)(line % w->tiles_h), (int64_t)(tile % w->tiles_w)};
}

static inline size_t axm_winograd_points(const axm_conv_plan *plan)
{
    return (size_t)((plan->tile + 2) * (plan->tile + 2));
}

/* Tiles [begin, end), counted from `first`. */
void axm_winograd_input(const axm_winograd *w, size_t begin, size_t end);
void axm_winograd_output(const axm_winograd *w, size_t begin, size_t end);
/* The same on the far side of a max pool. */
void axm_winograd_input_of_pool(const axm_winograd *w, size_t begin, size_t end);
void axm_winograd_output_of_pool(const axm_winograd *w, size_t begin, size_t end);

/* The 3x3 weights of up to AXM_WINOGRAD_WIDTH output channels to out[points][point], the first `width` of each row. */
#define AXM_WINOGRAD_WIDTH 16
void axm_winograd_weights(int64_t tile, const double taps[9][AXM_WINOGRAD_WIDTH], size_t width, size_t point, float *out);

#endif
