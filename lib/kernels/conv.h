/* Inside of the convolution kernels: a convolution in either direction, seen as "tap convolutions".
 *
 * A tap convolution writes a grid of output pixels, each the sum over a rectangle of taps of (input pixel) x (matrix of
 * weights). Forward is one of them. Backward to the input with stride s is one for each phase, i.e. for each residue of the
 * output position modulo s that some kernel element reaches: within a phase the taps are evenly spaced and the input step is 1. */
#ifndef AXM_KERNELS_CONV_H
#define AXM_KERNELS_CONV_H

#include "kernels/table.h"

/* Chosen by table, shape and direction (never by thread count); decides the packed format. */
typedef enum axm_conv_algorithm {
    AXM_CONV_GEMM,      /* implicit im2col, tiles of pixels x output channels */
    AXM_CONV_DOT,       /* the same with few output channels: vectors run along the sum */
    AXM_CONV_DEPTHWISE, /* one channel in, one out, for each group: vectors run along the channels */
    AXM_CONV_WINOGRAD,  /* 3x3 taps a step of 1 apart: fewer multiplications (winograd.h) */
    AXM_CONV_COL2IM,    /* backward to few channels: a product for each row of dy, its parts added up (conv_col2im.c) */
    AXM_CONV_LINE,      /* 3, 5 or 7 taps along an axis: fewer multiplications along that axis (winograd_line.h) */
    AXM_CONV_STRIDE     /* forward, 3x3 taps a step of 2 apart: fewer multiplications (winograd_stride.h) */
} axm_conv_algorithm;

typedef struct axm_conv_plan {
    axm_conv_algorithm algorithm;
    axm_direction direction;
    const axm_conv_shape *shape;
    /* Groups that are computed, each `merged` groups of the shape side by side, so that few channels still fill a vector. */
    int64_t groups, merged;
    int64_t in_c, out_c;         /* channels read and written for each (merged) group */
    int64_t in_pixel, out_pixel; /* channels of a whole pixel, read and written */
    int64_t panel;               /* output channels in a packed panel [k][width] */
    int64_t packed_c;            /* out_c with the last panel rounded up to whole vectors */
    int64_t tile;                /* WINOGRAD: outputs of a tile along an axis, 4 or 2 */
    axm_direction packing;       /* WINOGRAD: whose packed weights are read, see axm_conv_packs_as */
    int64_t phases_h, phases_w;  /* tap convolutions along each axis; 1 forward */
} axm_conv_plan;

/* One axis of one tap convolution: output position out_first + g out_step, g < grid, sums kernel element kernel_first +
 * t kernel_step times input position g in_step + offset + t offset_step, t < taps, where that is in [0, in_size). */
typedef struct axm_tap_axis {
    int64_t grid, out_first, out_step, out_size;
    int64_t taps, kernel_first, kernel_step;
    int64_t in_step, offset, offset_step, in_size;
} axm_tap_axis;

/* `packing` included. */
axm_conv_plan axm_conv_plan_of(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction);
/* vertical: axis h, else w. phase < phases_h or phases_w. */
axm_tap_axis axm_conv_axis(const axm_conv_plan *plan, bool vertical, int64_t phase);
/* Some pixels of the output are in no phase. */
bool axm_conv_leaves_gaps(const axm_conv_plan *plan);

/* A tap convolution and its operands. */
typedef struct axm_tap_conv {
    const axm_exec *exec;
    const axm_conv_plan *plan;
    axm_tap_axis h, w;
    const float *x, *packed; /* packed: of this phase */
    const float *bias;
    axm_clamp clamp;
    bool accumulate;
    const float *addend; /* GEMM: added before the clamp, a tensor like y; NULL: none */
    float *y;
    bool pooled;      /* forward y, backward x is what a max pool leaves of the convolution's output (axm_conv_takes_pool) */
    uint8_t *winners; /* written forward unless NULL, read backward: axm_conv_pool_forward */
} axm_tap_conv;

/* GEMM and DOT. */
size_t axm_tap_gemm_scratch_bytes(const axm_kernels *kernels, const axm_conv_plan *plan);
void axm_tap_gemm(const axm_tap_conv *conv);
/* Does the whole of a backward convolution when that is 1x1 and few channels of dy are not zero; else false. */
bool axm_conv_sparse_backward(const axm_tap_conv *conv);
/* Whether it would compute this. */
bool axm_conv_is_sparse(const axm_tap_conv *conv);
/* DEPTHWISE. */
void axm_tap_depthwise(const axm_tap_conv *conv);
/* WINOGRAD. */
size_t axm_tap_winograd_scratch_bytes(const axm_kernels *kernels, const axm_conv_plan *plan);
bool axm_tap_winograd_by_columns(const axm_kernels *kernels, const axm_conv_plan *plan);
size_t axm_tap_winograd_shared_bytes(const axm_kernels *kernels, const axm_conv_plan *plan);
void axm_tap_winograd(const axm_tap_conv *conv);

/* LINE. suits: whether it is the faster way. */
bool axm_line_suits(const axm_kernels *kernels, const axm_conv_plan *plan);
size_t axm_tap_line_scratch_bytes(const axm_conv_plan *plan);
size_t axm_tap_line_shared_bytes(const axm_conv_plan *plan);
void axm_tap_line(const axm_tap_conv *conv);

/* STRIDE. */
bool axm_stride_suits(const axm_kernels *kernels, const axm_conv_plan *plan);
size_t axm_tap_stride_scratch_bytes(const axm_conv_plan *plan);
size_t axm_tap_stride_shared_bytes(const axm_conv_plan *plan);
void axm_tap_stride(const axm_tap_conv *conv);

/* COL2IM. width: floats of a row of the packed weights. */
int64_t axm_col2im_width(const axm_kernels *kernels, const axm_conv_shape *shape);
size_t axm_col2im_scratch_bytes(const axm_kernels *kernels, const axm_conv_shape *shape);
void axm_col2im(const axm_tap_conv *conv);

#endif
