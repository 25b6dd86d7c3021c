/* The primitives that one instruction set provides. Everything in lib/kernels that is not one of these is written once.
 *
 * Every primitive computes each output as one sum in a fixed order that does not depend on where in a block the output lies,
 * so callers may cut work as they like without changing a bit. Pointers may be unaligned. */
#ifndef AXM_KERNELS_TABLE_H
#define AXM_KERNELS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/kernels.h"

/* c[i][column + j] = clamp((accumulate ? c[i][column + j + from] : 0) + sum_k a[i*lda + k + k/run*a_jump] b[k*width + j] +
 * bias[j]). width is `columns` rounded up to whole vectors; b is readable that far. A NaN passes through the clamp. */
typedef struct axm_tile {
    const float *a;
    size_t lda;
    const float *b;
    size_t k;
    float *const *c; /* [rows]: rows need not be evenly spaced */
    size_t column;
    const float *bias; /* [columns], or NULL */
    axm_clamp clamp;
    bool accumulate;
    ptrdiff_t from;    /* accumulate: what is added lies so many floats after c */
    bool far;          /* c is likely in no near cache: it is fetched, to be written, while the sum is computed */
    const char *ahead; /* what is read next, or NULL: fetched towards the cache, ahead_step bytes for each k */
    size_t ahead_step;
    size_t run;       /* after each run of so many k (0: no runs) the rows of a go a_jump floats further than the next k, */
    ptrdiff_t a_jump; /* and what is fetched ahead_jump bytes */
    size_t ahead_jump;
} axm_tile;

/* A run of output pixels of a depthwise convolution: y[p,c] = clamp((accumulate ? y[p,c] : 0) + sum_{i,j} x[p*x_step +
 * i*x_row + j*x_column + c] w[i*w_row + j*w_column + c] + bias[c]). All steps count floats. */
typedef struct axm_depthwise_run {
    size_t pixels, channels, taps_h, taps_w;
    const float *x;
    ptrdiff_t x_step, x_row, x_column;
    const float *w;
    ptrdiff_t w_row, w_column;
    float *y;
    ptrdiff_t y_step;
    const float *bias; /* [channels], or NULL */
    axm_clamp clamp;
    bool accumulate;
} axm_depthwise_run;

/* How many of the `left` last k are the next run. */
static inline size_t axm_tile_run(const axm_tile *tile, size_t left)
{
    return tile->run != 0 && tile->run < left ? tile->run : left;
}

/* The tile with index `part` of `parts` that share b fetches its share of the `count` floats that are multiplied after them:
 * weights then come from memory while others are at work. */
static inline void axm_tile_fetch(axm_tile *tile, const float *next, size_t count, size_t part, size_t parts)
{
    const size_t bytes = count * sizeof *next;
    tile->ahead = next == NULL ? NULL : (const char *)next + bytes / parts * part;
    tile->ahead_step = next == NULL ? 0 : bytes / (parts * tile->k);
}

/* The same for `pieces` of `count` floats each, which lie `stride` floats apart. */
static inline void axm_tile_fetch_pieces(axm_tile *tile, const float *next, size_t pieces, size_t count, size_t stride, size_t part,
                                         size_t parts)
{
    const size_t bytes = count * sizeof *next;
    tile->ahead = NULL;
    tile->ahead_step = tile->run = tile->ahead_jump = 0;
    if (next == NULL) return;
    if (pieces < parts) { /* several tiles for a piece */
        const size_t together = (parts + pieces - 1) / pieces, piece = part / together;
        if (piece >= pieces) return;
        tile->ahead = (const char *)(next + piece * stride) + bytes / together * (part % together);
        tile->ahead_step = bytes / (together * tile->k);
        return;
    }
    const size_t each = (pieces + parts - 1) / parts;
    if (part * each >= pieces || tile->k < each) return;
    tile->ahead = (const char *)(next + part * each * stride);
    tile->run = tile->k / each;
    tile->ahead_step = bytes / tile->run;
    tile->ahead_jump = stride * sizeof *next - tile->run * tile->ahead_step;
}

#define AXM_DOT_ROWS         4
#define AXM_DOT_COLUMNS      4
#define AXM_AXPY_ROWS        4
#define AXM_MAX_TILE_ROWS    16
#define AXM_MAX_TILE_COLUMNS 64

struct axm_kernels {
    const char *name;
    bool (*available)(void);
    size_t lanes;        /* floats in a vector */
    size_t tile_rows;    /* most rows of a tile, <= AXM_MAX_TILE_ROWS */
    size_t tile_columns; /* most columns of a tile: whole vectors, <= AXM_MAX_TILE_COLUMNS */
    /* 1 <= rows <= tile_rows, 1 <= columns <= tile_columns. */
    void (*tile)(size_t rows, size_t columns, const axm_tile *tile);
    /* out[i*AXM_DOT_COLUMNS + j] = sum_k a[i*lda + k] b[j*ldb + k]; 1 <= rows <= AXM_DOT_ROWS, 1 <= columns <= AXM_DOT_COLUMNS.
     * Other elements of out[AXM_DOT_ROWS * AXM_DOT_COLUMNS] may be overwritten. */
    void (*dot)(size_t rows, size_t columns, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *out);
    /* y[j] += sum_i scale[i] w[i][j], added in the order of i; 1 <= rows <= AXM_AXPY_ROWS. y overlaps no w. */
    void (*axpy)(size_t rows, const float *scale, const float *const *w, size_t count, float *y);
    void (*depthwise)(const axm_depthwise_run *run);
    /* b[j*ldb + i] = a[i*lda + j] for i < rows, j < columns. */
    void (*transpose)(size_t rows, size_t columns, const float *a, size_t lda, float *b, size_t ldb);
};

void axm_transpose_plain(size_t rows, size_t columns, const float *a, size_t lda, float *b, size_t ldb);

extern const axm_kernels axm_kernels_c;
#if defined(__x86_64__)
extern const axm_kernels axm_kernels_avx2;
extern const axm_kernels axm_kernels_avx512;
#endif
#if defined(__aarch64__)
extern const axm_kernels axm_kernels_neon;
#endif

#endif
