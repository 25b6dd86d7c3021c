/* The left matrix of a convolution that is computed as a matrix product (conv_gemm.c): how it is cut, and where it is read.
 *
 * Rows are output pixels, and the sum runs over taps and input channels (tap-major). A block of rows is read
 *   IN_PLACE  where the input lies: 1x1 without padding;
 *   LINES     from a copy of the input lines under it, with zeros where the padding is: taps side by side then lie side by side,
 *             and neighbouring rows an even step apart;
 *   WHOLE     from a copy of the block of the left matrix itself ("im2col");
 *   PARTS     the same, a part of the sum at a time, where all of it would be too large.
 * LINES and WHOLE are copied once for all output channels that a worker computes of a block. */
#ifndef AXM_KERNELS_CONV_GEMM_H
#define AXM_KERNELS_CONV_GEMM_H

#include "kernels/conv.h"

#define AXM_GEMM_BLOCK_ROWS 112  /* of a block, about: with 256 elements of the sum 112 KiB of a second-level cache */
#define AXM_GEMM_MOST_ROWS  1024 /* of a block of long lines */

typedef enum axm_gemm_reading { AXM_READ_IN_PLACE, AXM_READ_LINES, AXM_READ_WHOLE, AXM_READ_PARTS } axm_gemm_reading;

typedef struct axm_gemm_cut {
    axm_gemm_reading reading;
    axm_tap_axis h, w;
    size_t in_c, in_pixel; /* channels of a group, of a pixel */
    size_t rows, k;        /* of the whole product, for one group */
    size_t block_rows, row_blocks;
    size_t block_k, period; /* the sum is cut into parts of block_k, and where a period ends */
    size_t run;             /* of the sum, that lies side by side: LINES only, else 0 */
    ptrdiff_t jump;         /* from the end of a run to the next one, where a part has several */
    size_t lda;
    size_t tile_rows;          /* of a tile: as the kernel's, or less */
    size_t lines, line_blocks; /* output lines of a block, blocks of an image; 0 where a block is any stretch of rows */
    size_t line, pixel;        /* lines > 0: floats from an input line, a pixel to the next, where they are read */
    size_t held;               /* floats of the copy */
} axm_gemm_cut;

/* A stretch of output pixels, of one group: those that a task computes. */
typedef struct axm_gemm_rows {
    size_t first, count;
    int64_t channel; /* the first of the group in the input */
} axm_gemm_rows;

/* tile_rows: of the kernel that multiplies. h, w: of one phase. */
axm_gemm_cut axm_gemm_cut_of(const axm_conv_plan *plan, size_t tile_rows, const axm_tap_axis *h, const axm_tap_axis *w);
axm_gemm_rows axm_gemm_block(const axm_gemm_cut *cut, size_t block, size_t group);
/* The end of the part of the sum that begins at k0, and where its first element lies in a row of the block. */
size_t axm_gemm_part_end(const axm_gemm_cut *cut, size_t k0);
size_t axm_gemm_part_offset(const axm_gemm_cut *cut, size_t k0);

/* IN_PLACE: where the first row of the block begins. */
size_t axm_gemm_first(const axm_gemm_cut *cut, const axm_gemm_rows *rows);
/* LINES. */
void axm_gemm_copy_lines(const axm_gemm_cut *cut, const axm_gemm_rows *rows, const float *x, float *out);
/* WHOLE and PARTS: elements [k0, k1) of the sum. */
void axm_gemm_gather(const axm_gemm_cut *cut, const axm_gemm_rows *rows, size_t k0, size_t k1, const float *x, float *out);
/* Where the rows of the product go. */
void axm_gemm_outputs(const axm_tap_conv *conv, const axm_gemm_rows *rows, float **out);

#endif
