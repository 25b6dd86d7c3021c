/* Raw pointers and sizes: no tensors, no status, no memory of their own. Activations are NHWC ("channels last") unless said.
 *
 * One axm_kernels table for each instruction set holds the primitives that profit from vectors; everything that is built
 * from them (convolution, pooling, ...) is written once against the table. The plain C table is the twin that tests compare
 * the others with. Pointers may be unaligned. x and y may be the same buffer only where said. */
#ifndef AXM_KERNELS_KERNELS_H
#define AXM_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parallel.h"
#include "base/small_float.h"
#include "kernels/counters.h"

typedef struct axm_kernels axm_kernels;

/* What a kernel runs with. scratch: `workers` regions of scratch_bytes each, 64-byte aligned (worker w uses region w); shared:
 * one region that all of them use. */
typedef struct axm_exec {
    const axm_kernels *kernels;
    axm_pool *pool;
    char *scratch;
    size_t scratch_bytes;
    char *shared;
    axm_counters *counters; /* of the calling thread; NULL: nothing is counted */
    int64_t images;         /* convolutions and dense layers: so many operands of the given shape lie one after the other; 0: one.
                             * Each gets the bytes that it gets alone. */
} axm_exec;

static inline int64_t axm_images(const axm_exec *exec)
{
    return exec->images > 0 ? exec->images : 1;
}

static inline void axm_count(const axm_exec *exec, axm_counted kind)
{
    if (exec->counters != NULL) exec->counters->calls[kind]++;
}

/* "c", "avx2", "avx512", "neon", or NULL/"auto" for the best that this processor has. NULL when it has not. */
const axm_kernels *axm_kernels_find(const char *name);
const char *axm_kernels_name(const axm_kernels *kernels);
/* Index 0.. of the sets that this build knows; NULL past the end. available: this processor can run it. */
const axm_kernels *axm_kernels_at(int32_t index);
bool axm_kernels_available(const axm_kernels *kernels);

/* A fused activation: y = min(max(y, low), high). Identity is -INFINITY, +INFINITY. */
typedef struct axm_clamp {
    float low, high;
} axm_clamp;

/* ---- Convolution (conv.h) ---- */
typedef struct axm_conv_shape {
    int64_t batch, in_h, in_w, in_c, out_h, out_w, out_c;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left; /* what is past the other edges follows from out_h, out_w: reads there are zeros too */
    int64_t groups;
} axm_conv_shape;

/* Weights as they lie in a file: element (o, i, h, w) is data[o*stride[0] + i*stride[1] + h*stride[2] + w*stride[3]],
 * i counts within a group, data may be unaligned; half: binary16 elements. filters: which o's are wanted, in order
 * (NULL: all); scale: a factor for each wanted o (NULL: none). */
typedef struct axm_conv_weights {
    const void *data;
    bool half;
    int64_t stride[4];
    const int32_t *filters;
    const float *scale;
} axm_conv_weights;

typedef enum axm_direction { AXM_FORWARD, AXM_BACKWARD } axm_direction;

/* Packed weights depend on the kernels table, the direction and these shape fields only: in_c, out_c, kernel_*, stride_*,
 * dilation_*, groups (stride, dilation and padding enter the backward format), pad_*, and, through axm_conv_format (0 to 3), on
 * the size of the picture; never on the batch. */
int32_t axm_conv_format(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction);
/* The direction whose packed weights are read: both may be the same bytes. */
axm_direction axm_conv_packs_as(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction);
size_t axm_conv_packed_bytes(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction);
void axm_conv_pack(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction,
                   const axm_conv_weights *weights, void *packed);
/* Scratch for each worker; for several images it is that of a shape of so large a batch. */
size_t axm_conv_scratch_bytes(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction);
/* Scratch that they share. */
size_t axm_conv_shared_bytes(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction);
/* y[n,oh,ow,o] = clamp(addend[n,oh,ow,o] + bias[o] + sum x*w); bias may be NULL. addend may be NULL, and y; it must be NULL where
 * axm_conv_takes_addend says no. */
void axm_conv_forward(const axm_exec *exec, const axm_conv_shape *shape, const float *x, const void *packed, const float *bias,
                      const float *addend, axm_clamp clamp, float *y);
bool axm_conv_takes_addend(const axm_kernels *kernels, const axm_conv_shape *shape);
/* dx = (or +=, accumulate) the gradient of the loss with respect to x, given dy with respect to y (before the clamp). */
void axm_conv_backward(const axm_exec *exec, const axm_conv_shape *shape, const float *dy, const void *packed, bool accumulate,
                       float *dx);

/* A convolution and the max pool that follows it, of 2x2 windows a step of 2 apart without padding (a last odd row or column is in
 * no window), in one: what lies between is never in memory. Where the kernels take it, results are those of the two. */
#define AXM_CONV_POOL_TAPS 4
#define AXM_CONV_POOL_NONE 255 /* the clamp stops this winner's gradient */
bool axm_conv_takes_pool(const axm_kernels *kernels, const axm_conv_shape *shape);
/* Of the winners of one image: [out_h / 2][out_w / 2][out_c], rounded up to AXM_ALIGNMENT. */
size_t axm_conv_pool_bytes(const axm_conv_shape *shape);
/* y: [batch][out_h / 2][out_w / 2][out_c] after bias, clamp and pool. winners: the tap of each; NULL: not wanted. */
void axm_conv_pool_forward(const axm_exec *exec, const axm_conv_shape *shape, const float *x, const void *packed, const float *bias,
                           axm_clamp clamp, float *y, uint8_t *winners);
/* dy: as y. Through the clamp too: winners say where it stops the gradient. */
void axm_conv_pool_backward(const axm_exec *exec, const axm_conv_shape *shape, const float *dy, uint8_t *winners,
                            const void *packed, bool accumulate, float *dx);

/* Three spatial axes (depth.c): x [batch, in, plane, channels] to planes [batch, out, plane, channels * kernel], in which the taps
 * along the depth are channels; and the adjoint of that. */
typedef struct axm_depth_shape {
    int64_t batch, in, out, plane, channels, kernel, stride, dilation, pad;
} axm_depth_shape;
void axm_depth_gather(const axm_exec *exec, const axm_depth_shape *shape, const float *x, float *planes);
void axm_depth_scatter(const axm_exec *exec, const axm_depth_shape *shape, const float *planes, bool accumulate, float *x);

/* ---- Dense and general matrices (dense.h) ---- row-major */
/* y[m,n] = clamp(bias[n] + sum_k x[m,k] w(n,k)); w is [N,K] (transposed false) or [K,N] (true), read where it lies. */
void axm_dense_forward(const axm_exec *exec, int64_t m, int64_t n, int64_t k, const float *x, const float *w, bool w_is_kn,
                       const float *bias, axm_clamp clamp, float *y);
/* dx[m,k] (+)= sum_n dy[m,n] w(n,k). Rows of w whose dy is zero for all m are not read. */
void axm_dense_backward(const axm_exec *exec, int64_t m, int64_t n, int64_t k, const float *dy, const float *w, bool w_is_kn,
                        bool accumulate, float *dx);
/* Whether the two above, with m rows, read w through vectors only, which may lie at any byte of a mapped file. */
bool axm_dense_reads_unaligned(const axm_kernels *kernels, int64_t m);
/* Whether they may have several images of m rows each: the sums of many rows depend on which of them are zero. */
bool axm_dense_takes_images(int64_t m);
/* c[m,n] (+)= alpha * op(a) op(b), op is identity or transpose; lda, ldb, ldc are row strides as stored. OpenBLAS when
 * built in, cut into blocks by shape so that results do not depend on its thread count; else the plain C kernel. */
void axm_gemm(const axm_exec *exec, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
              const float *a, int64_t lda, const float *b, int64_t ldb, bool accumulate, float *c, int64_t ldc);

/* ---- Pooling (pool.h) ---- */
typedef struct axm_pool_shape {
    int64_t batch, in_h, in_w, channels, out_h, out_w;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    bool count_include_pad; /* average only: padding (not what ceil_mode adds past it) counts in the divisor */
} axm_pool_shape;
/* argmax: for each output the tap kh*kernel_w + kw that won (first in row-major order on ties), as one byte where
 * kernel_h*kernel_w <= 255, else as int32; NULL: not wanted. An output with no input under it is -INFINITY's clamp: 0. */
size_t axm_max_pool_index_bytes(const axm_pool_shape *shape);
void axm_max_pool_forward(const axm_exec *exec, const axm_pool_shape *shape, const float *x, float *y, void *argmax);
void axm_max_pool_backward(const axm_exec *exec, const axm_pool_shape *shape, const float *dy, const void *argmax, bool accumulate,
                           float *dx);
void axm_average_pool_forward(const axm_exec *exec, const axm_pool_shape *shape, const float *x, float *y);
void axm_average_pool_backward(const axm_exec *exec, const axm_pool_shape *shape, const float *dy, bool accumulate, float *dx);

/* y = (sum of |x|^p)^(1/p) over each window; padding counts nothing. Backward reads x and y. */
void axm_lp_pool_forward(const axm_exec *exec, const axm_pool_shape *shape, float p, const float *x, float *y);
void axm_lp_pool_backward(const axm_exec *exec, const axm_pool_shape *shape, float p, const float *x, const float *y,
                          const float *dy, bool accumulate, float *dx);

/* ---- Elementwise, reductions, layout (elementwise.h) ---- */
/* Functions of one variable: y = f(x), dx (+)= dy * f'(.). x may equal y; dy may equal dx when not accumulating. */
typedef enum axm_unary {
    AXM_UNARY_CLAMP,        /* a = low, b = high; derivative from y: 1 where low < y < high, else 0 */
    AXM_UNARY_LEAKY,        /* a = slope; from x: 1 where x > 0, a where x < 0, 0 at 0 */
    AXM_UNARY_SIGMOID,      /* from y */
    AXM_UNARY_TANH,         /* from y */
    AXM_UNARY_HARD_SIGMOID, /* a = alpha, b = beta: clamp(a x + b, 0, 1); derivative from y */
    AXM_UNARY_HARD_SWISH,   /* x * clamp(x/6 + 0.5, 0, 1); from x */
    AXM_UNARY_AFFINE,       /* a x + b; constant */
} axm_unary;
void axm_unary_forward(const axm_exec *exec, axm_unary kind, float a, float b, size_t count, const float *x, float *y);
/* saved: what the derivative is computed from (x or y as said above; NULL for affine). */
void axm_unary_backward(const axm_exec *exec, axm_unary kind, float a, float b, size_t count, const float *saved, const float *dy,
                        bool accumulate, float *dx);

/* More of them, all differentiated from x. x may equal y in forward, dy may equal dx when not accumulating. */
typedef enum axm_curve {
    AXM_CURVE_ELU,              /* b (x > 0 ? x : a (exp(x) - 1)) */
    AXM_CURVE_CELU,             /* x > 0 ? x : a (exp(x / a) - 1) */
    AXM_CURVE_THRESHOLDED_RELU, /* x > a ? x : 0 */
    AXM_CURVE_SOFTPLUS,         /* log(1 + exp(x)) */
    AXM_CURVE_SOFTSIGN,         /* x / (1 + |x|) */
    AXM_CURVE_GELU,             /* x (1 + erf(x / sqrt 2)) / 2 */
    AXM_CURVE_GELU_TANH,        /* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
    AXM_CURVE_ERF,
    AXM_CURVE_MISH, /* x tanh(log(1 + exp(x))) */
    AXM_CURVE_EXP,
    AXM_CURVE_LOG,
    AXM_CURVE_SQRT,
    AXM_CURVE_ABS,  /* derivative at 0: 0 */
    AXM_CURVE_SIGN, /* -1, 0 or 1; derivative 0 */
    AXM_CURVE_RECIPROCAL,
    AXM_CURVE_SQUARE,
    AXM_CURVE_POWER, /* x^a, a constant */
} axm_curve;
void axm_curve_forward(const axm_exec *exec, axm_curve kind, float a, float b, size_t count, const float *x, float *y);
void axm_curve_backward(const axm_exec *exec, axm_curve kind, float a, float b, size_t count, const float *x, const float *dy,
                        bool accumulate, float *dx);

/* The ReLU rules of backprop modifiers, for clamp with low 0. u is the incoming gradient. */
typedef enum axm_relu_rule {
    AXM_RELU_PLAIN,  /* u [y > low][y < high] */
    AXM_RELU_GUIDED, /* u [y > low][y < high][u > 0] */
    AXM_RELU_DECONV, /* u [u > 0] */
} axm_relu_rule;
void axm_clamp_backward(const axm_exec *exec, axm_relu_rule rule, axm_clamp clamp, size_t count, const float *y, const float *dy,
                        bool accumulate, float *dx);

typedef enum axm_binary {
    AXM_BINARY_ADD,
    AXM_BINARY_SUB,
    AXM_BINARY_MUL,
    AXM_BINARY_DIV,
    AXM_BINARY_MIN, /* a NaN comes through; the gradient of a tie goes to a */
    AXM_BINARY_MAX,
    AXM_BINARY_POW,
    AXM_BINARY_SLOPE, /* a > 0 ? a : a b; no gradient at a = 0 */
    AXM_BINARY_LESS,  /* 1 where it holds, else 0; forward only */
    AXM_BINARY_LESS_OR_EQUAL,
    AXM_BINARY_EQUAL,
} axm_binary;
#define AXM_KERNEL_RANK 8
/* Broadcast over `rank` physical axes of the output; strides are in elements, 0 along a broadcast axis. y is dense and may equal
 * a or b when that operand is dense too. */
void axm_binary_forward(const axm_exec *exec, axm_binary kind, int32_t rank, const int64_t *dims, const float *a,
                        const int64_t *a_strides, const float *b, const int64_t *b_strides, axm_clamp clamp, float *y);
/* The gradient of operand `which` (0: a, 1: b), summed over its broadcast axes in one fixed order into `dx` (dense over the
 * operand's own elements, whose strides are those of the operand as given). */
void axm_binary_backward(const axm_exec *exec, axm_binary kind, int which, int32_t rank, const int64_t *dims, const float *a,
                         const int64_t *a_strides, const float *b, const int64_t *b_strides, const float *dy, size_t dx_count,
                         bool accumulate, float *dx);

/* y = mask is not 0 ? a : b, broadcast likewise. */
void axm_select_forward(const axm_exec *exec, int32_t rank, const int64_t *dims, const float *mask, const int64_t *mask_strides,
                        const float *a, const int64_t *a_strides, const float *b, const int64_t *b_strides, float *y);
/* g = x == y ? g : 0 (equal), or the other way round; x is broadcast, y and g are dense. */
void axm_keep_equal(const axm_exec *exec, bool equal, int32_t rank, const int64_t *dims, const float *x, const int64_t *x_strides,
                    const float *y, float *g);

/* y[r,c] = clamp(scale[c] x[r,c] + shift[c]); scale or shift may be NULL. dx (+)= scale[c] dy. In place allowed. */
void axm_channel_affine_forward(const axm_exec *exec, size_t rows, size_t channels, const float *x, const float *scale,
                                const float *shift, axm_clamp clamp, float *y);
void axm_channel_affine_backward(const axm_exec *exec, size_t rows, size_t channels, const float *dy, const float *scale,
                                 bool accumulate, float *dx);

/* Dense permutation: y's axis i is x's axis perm[i]; dims are x's. y (+)= when accumulate. */
void axm_transpose(const axm_exec *exec, int32_t rank, const int64_t *dims, const int32_t *perm, const float *x, bool accumulate,
                   float *y);

/* Softmax over the middle of [outer, axis, inner]; log: log-softmax. Backward from y. */
void axm_softmax_forward(const axm_exec *exec, bool log, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y);
void axm_softmax_backward(const axm_exec *exec, bool log, int64_t outer, int64_t axis, int64_t inner, const float *y,
                          const float *dy, bool accumulate, float *dx);

/* Keras's sparsemax over the middle of [outer, axis, inner]. */
void axm_sparsemax_forward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y);
void axm_sparsemax_backward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const float *x, const float *y,
                            const float *dy, bool accumulate, float *dx);

/* Copies of boxes: rows blocks of `length` floats from x (stride x_stride) to y (stride y_stride); y (+)= when accumulate. */
void axm_copy_rows(const axm_exec *exec, size_t rows, size_t length, const float *x, size_t x_stride, bool accumulate, float *y,
                   size_t y_stride);

/* Rows of y are the same rows of several x side by side, each without gaps; all of them in one loop. */
#define AXM_JOINED 16 /* the most at a time */
typedef struct axm_joined {
    const float *x;
    size_t length;
} axm_joined;
void axm_join_rows(const axm_exec *exec, size_t rows, const axm_joined *parts, size_t count, float *y, size_t y_stride);
/* Sum over the middle of [outer, axis, inner] (in one order, into double), times factor; and its adjoint. */
void axm_sum_axis_forward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, float factor, const float *x, float *y);
void axm_sum_axis_backward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, float factor, const float *dy,
                           bool accumulate, float *dx);
/* Maximum over the middle of [outer, axis, inner], the first on ties; a NaN comes through, as it does in max pooling. argmax
 * (int32 for each output) may be NULL. */
void axm_max_axis_forward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y,
                          int32_t *argmax);
void axm_max_axis_backward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const int32_t *argmax, const float *dy,
                           bool accumulate, float *dx);

/* Reductions over the axes `gone` of a dense tensor; y has the others, in their order. A maximum's or minimum's gradient goes to
 * the first of equals in row-major order; a NaN comes through. */
typedef enum axm_reduction {
    AXM_REDUCE_MAX,
    AXM_REDUCE_MIN,
    AXM_REDUCE_PROD,
    AXM_REDUCE_L1,
    AXM_REDUCE_L2, /* no gradient where it is 0 */
    AXM_REDUCE_SUM_SQUARE,
    AXM_REDUCE_LOG_SUM,
    AXM_REDUCE_LOG_SUM_EXP,
} axm_reduction;
void axm_reduce_forward(const axm_exec *exec, axm_reduction kind, int32_t rank, const int64_t *dims, const bool *gone,
                        const float *x, float *y);
void axm_reduce_backward(const axm_exec *exec, axm_reduction kind, int32_t rank, const int64_t *dims, const bool *gone,
                         const float *x, const float *y, const float *dy, bool accumulate, float *dx);

/* y (+)= the sum over the `reduced` axes of p q, for each place along the `kept` ones, up to AXM_KERNEL_RANK of each. Strides are
 * in elements, 0 along an axis that an operand lacks; y's along the reduced ones are not used. q NULL: 1. */
typedef struct axm_contract_axis {
    int64_t dim, p, q, y;
} axm_contract_axis;
void axm_contract(const axm_exec *exec, int32_t kept_rank, const axm_contract_axis *kept, int32_t reduced_rank,
                  const axm_contract_axis *reduced, const float *p, const float *q, bool accumulate, float *y);

/* Local response normalisation across channels (last axis): y = x / (bias + alpha/size * sum x^2)^beta; the window of `size`
 * channels around c is [c - floor((size-1)/2), c + ceil((size-1)/2)]. */
void axm_lrn_forward(const axm_exec *exec, size_t rows, int64_t channels, int64_t size, float alpha, float beta, float bias,
                     const float *x, float *y);
void axm_lrn_backward(const axm_exec *exec, size_t rows, int64_t channels, int64_t size, float alpha, float beta, float bias,
                      const float *x, const float *dy, bool accumulate, float *dx);

/* Normalisation: x is [outer, mid, groups, inner], a group of elements has one outer and one group index.
 * y = scale (x - mean) / sqrt(variance + epsilon) + shift; scale and shift are [groups, inner]. moments (may be NULL in forward):
 * mean and 1 / sqrt(variance + epsilon) of each group, [outer, groups, 2]. */
typedef struct axm_norm_shape {
    int64_t outer, mid, groups, inner;
    bool about_zero; /* the mean is taken to be 0: division by the root of the mean square */
} axm_norm_shape;
/* Incoming gradients: of y, and of each group's mean and factor 1 / sqrt(...) where they are results too (else NULL). */
typedef struct axm_norm_gradient {
    const float *dy, *mean, *factor;
} axm_norm_gradient;
void axm_normalize_forward(const axm_exec *exec, const axm_norm_shape *shape, float epsilon, const float *x, const float *scale,
                           const float *shift, float *y, double *moments);
void axm_normalize_backward(const axm_exec *exec, const axm_norm_shape *shape, const float *x, const double *moments,
                            const float *scale, const axm_norm_gradient *gradient, bool accumulate, float *dx);

/* x divided by its p-norm (p 1 or 2) over the middle of [outer, axis, inner]; 0 where that is 0. */
void axm_lp_divide_forward(const axm_exec *exec, int p, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y);
void axm_lp_divide_backward(const axm_exec *exec, int p, int64_t outer, int64_t axis, int64_t inner, const float *x,
                            const float *dy, bool accumulate, float *dx);

/* Rounding to a float of 4 or 8 bits, halves to even; the result is kept in float32. Beyond the largest number it is that
 * (saturate), or infinity, or in a format without infinity no number. Powers of two are rounded as is said. Backward is
 * straight-through, and nothing where x is cut off. */
typedef enum axm_power_rounding { AXM_POWER_UP, AXM_POWER_DOWN, AXM_POWER_NEAREST } axm_power_rounding;
typedef struct axm_rounding {
    float least, step; /* the smallest normal number; the step from 1 on */
    float max;
    float beyond, none; /* what is given for a number beyond the largest, for no number */
    float plus;         /* -0, or 0: a zero is positive */
    bool powers;
    axm_power_rounding power;
} axm_rounding;
axm_rounding axm_rounding_to(const axm_small_float *format, bool saturate, axm_power_rounding power);
void axm_round_forward(const axm_exec *exec, const axm_rounding *rounding, size_t count, const float *x, float *y);
void axm_round_backward(const axm_exec *exec, const axm_rounding *rounding, size_t count, const float *x, const float *dy,
                        bool accumulate, float *dx);

/* Quantisation, in float: y = clamp(round(x / step) + zero, low, high), halves to even; to a small float: y = round(x / step +
 * zero) as `rounding` says. Backward is straight-through: dy / step, and nothing where y is cut off. The way back: y = (x - zero)
 * step. */
typedef struct axm_quantize_shape {
    int64_t outer, axis, inner;
    const float *step, *zero; /* [axis] */
    float low, high;
    bool small_float;
    axm_rounding rounding;
} axm_quantize_shape;
void axm_quantize_forward(const axm_exec *exec, const axm_quantize_shape *shape, const float *x, float *y);
void axm_quantize_backward(const axm_exec *exec, const axm_quantize_shape *shape, const float *x, const float *dy, bool accumulate,
                           float *dx);
void axm_dequantize(const axm_exec *exec, const axm_quantize_shape *shape, const float *x, bool accumulate, float *y);

/* Padding of a dense block of `rank` axes: mode constant, reflect, edge or wrap; begins and ends may be negative (crop). */
typedef enum axm_pad_mode { AXM_PAD_CONSTANT, AXM_PAD_REFLECT, AXM_PAD_EDGE, AXM_PAD_WRAP } axm_pad_mode;
void axm_pad_forward(const axm_exec *exec, axm_pad_mode mode, float value, int32_t rank, const int64_t *dims, const int64_t *begins,
                     const int64_t *ends, const float *x, float *y);
void axm_pad_backward(const axm_exec *exec, axm_pad_mode mode, int32_t rank, const int64_t *dims, const int64_t *begins,
                      const int64_t *ends, const float *dy, bool accumulate, float *dx);

/* A linear map along one axis of [outer, in, inner]: output o is base[o] (NULL: 0) and, for k from start[o] to start[o + 1] - 1,
 * weight[k] times element index[k]. start has out + 1 entries. */
typedef struct axm_taps {
    const int64_t *start, *index;
    const float *weight, *base;
} axm_taps;
void axm_resample_axis(const axm_exec *exec, int64_t outer, int64_t in, int64_t inner, int64_t out, const axm_taps *taps,
                       const float *x, bool accumulate, float *y);

bool axm_all_finite(const float *x, size_t count);
void axm_half_to_float_array(const void *half, size_t count, float *out);

#endif
