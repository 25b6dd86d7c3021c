/* How a convolution is computed: the algorithm, its groups and phases, and the sizes that follow. */
#include "base/checked.h"
#include "kernels/grain.h"
#include "kernels/winograd.h"
#include "kernels/winograd_line.h"
#include "kernels/winograd_stride.h"

/* Pixels of the output from which on Winograd's method pays, for each lane of a vector; and the larger tiles do, for each square of
 * them. */
#define SMALL_TILE_PIXELS 3
#define LARGE_TILE_PIXELS 0.8

static int64_t divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Kernel elements 0 .. count-1 of an axis start the phases: element k belongs to the phase of k modulo stride / gcd. */
static int64_t phase_count(axm_direction direction, int64_t kernel, int64_t stride, int64_t dilation)
{
    return direction == AXM_FORWARD ? 1 : axm_min_i64(kernel, stride / divisor(stride, dilation));
}

/* The most groups that go side by side into one vector: zeros between them cost no more than empty lanes would. */
static int64_t mergeable(int64_t groups, int64_t channels, int64_t lanes)
{
    for (int64_t merged = axm_min_i64(groups, lanes / channels); merged > 1; merged--) {
        if (groups % merged == 0) return merged;
    }
    return 1;
}

/* Outputs of a tile along an axis, 0 where Winograd's method does not pay. It does when each transformed value enters a vector of
 * products at least, and is the sum of as many; and when the picture is large enough: transformed weights are four times the bytes
 * (16/9 for small tiles), and for a few tiles reading them is the longer work, the sooner the wider the vectors are. */
static int64_t winograd_tile(const axm_kernels *kernels, const axm_conv_shape *s, const axm_conv_plan *plan)
{
    const int64_t pixels = s->out_h * s->out_w, lanes = (int64_t)kernels->lanes;
    const bool suits = s->groups == 1 && s->kernel_h == 3 && s->kernel_w == 3 && s->stride_h == 1 && s->stride_w == 1 &&
                       s->dilation_h == 1 && s->dilation_w == 1 && plan->in_c >= 16 && plan->in_c <= AXM_WINOGRAD_MAX_CHANNELS &&
                       plan->out_c >= 16;
    if (!suits || pixels < SMALL_TILE_PIXELS * lanes) return 0;
    return (double)pixels < LARGE_TILE_PIXELS * (double)(lanes * lanes) ? 2 : 4;
}

static axm_conv_plan plan_alone(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    const int64_t lanes = (int64_t)kernels->lanes;
    const bool forward = direction == AXM_FORWARD;
    axm_conv_plan plan = {
        .algorithm = AXM_CONV_GEMM,
        .direction = direction,
        .packing = direction,
        .shape = shape,
        .groups = shape->groups,
        .merged = 1,
        .in_pixel = forward ? shape->in_c : shape->out_c,
        .out_pixel = forward ? shape->out_c : shape->in_c,
        .panel = (int64_t)kernels->tile_columns,
        .phases_h = phase_count(direction, shape->kernel_h, shape->stride_h, shape->dilation_h),
        .phases_w = phase_count(direction, shape->kernel_w, shape->stride_w, shape->dilation_w),
    };
    plan.in_c = plan.in_pixel / plan.groups;
    plan.out_c = plan.out_pixel / plan.groups;
    if (plan.groups > 1 && plan.in_c == 1 && plan.out_c == 1) {
        plan.algorithm = AXM_CONV_DEPTHWISE;
        plan.packed_c = plan.out_pixel;
        return plan;
    }
    if (!forward && plan.groups == 1 && plan.out_c * 2 <= lanes && plan.in_c >= lanes && shape->kernel_h * shape->kernel_w > 1) {
        plan.algorithm = AXM_CONV_COL2IM;
        plan.phases_h = plan.phases_w = 1;
        plan.packed_c = axm_col2im_width(kernels, shape);
        return plan;
    }
    /* Fewer than two vectors of products do not pay for summing across a vector. */
    if (plan.groups == 1 && plan.out_c * 2 <= lanes && shape->kernel_h * shape->kernel_w * plan.in_c >= 2 * lanes) {
        plan.algorithm = AXM_CONV_DOT;
        plan.panel = 1;
        plan.packed_c = plan.out_c;
        return plan;
    }
    plan.merged = mergeable(plan.groups, plan.out_c, lanes);
    plan.groups /= plan.merged;
    plan.in_c *= plan.merged;
    plan.out_c *= plan.merged;
    plan.packed_c = (plan.out_c + lanes - 1) / lanes * lanes;
    plan.tile = winograd_tile(kernels, shape, &plan);
    if (plan.tile != 0) plan.algorithm = AXM_CONV_WINOGRAD;
    if (axm_line_suits(kernels, &plan)) plan.algorithm = AXM_CONV_LINE;
    if (axm_stride_suits(kernels, &plan)) plan.algorithm = AXM_CONV_STRIDE;
    return plan;
}

/* Winograd's weights for backward are those for forward with the channels exchanged, when the tiles are turned round (winograd.c).
 * Exchanging them on the way costs about what a few tiles' products do, so it is done where each weight is read once. */
static bool reads_forward_weights(const axm_kernels *kernels, const axm_conv_plan *backward)
{
    if (backward->algorithm != AXM_CONV_WINOGRAD || !axm_tap_winograd_by_columns(kernels, backward)) return false;
    const axm_conv_plan forward = plan_alone(kernels, backward->shape, AXM_FORWARD);
    return forward.algorithm == AXM_CONV_WINOGRAD && axm_tap_winograd_by_columns(kernels, &forward);
}

axm_conv_plan axm_conv_plan_of(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    axm_conv_plan plan = plan_alone(kernels, shape, direction);
    if (direction == AXM_BACKWARD && reads_forward_weights(kernels, &plan)) plan.packing = AXM_FORWARD;
    return plan;
}

axm_direction axm_conv_packs_as(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    return axm_conv_plan_of(kernels, shape, direction).packing;
}

axm_tap_axis axm_conv_axis(const axm_conv_plan *plan, bool vertical, int64_t phase)
{
    const axm_conv_shape *s = plan->shape;
    const int64_t kernel = vertical ? s->kernel_h : s->kernel_w, stride = vertical ? s->stride_h : s->stride_w;
    const int64_t dilation = vertical ? s->dilation_h : s->dilation_w, pad = vertical ? s->pad_top : s->pad_left;
    const int64_t in_size = vertical ? s->in_h : s->in_w, out_size = vertical ? s->out_h : s->out_w;
    if (plan->direction == AXM_FORWARD) {
        return (axm_tap_axis){
            .grid = out_size,
            .out_step = 1,
            .out_size = out_size,
            .taps = kernel,
            .kernel_step = 1,
            .in_step = stride,
            .offset = -pad,
            .offset_step = dilation,
            .in_size = in_size,
        };
    }
    /* x position i = first + g stride gets dy position (i + pad - k dilation) / stride, for the kernel elements k = phase,
     * phase + period, ...: taken from the last one down, so that the position grows with the tap. */
    const int64_t common = divisor(stride, dilation), period = stride / common;
    const int64_t first = ((phase * dilation - pad) % stride + stride) % stride;
    const int64_t taps = (kernel - phase + period - 1) / period, last = phase + (taps - 1) * period;
    return (axm_tap_axis){
        .grid = first < in_size ? (in_size - first - 1) / stride + 1 : 0,
        .out_first = first,
        .out_step = stride,
        .out_size = in_size,
        .taps = taps,
        .kernel_first = last,
        .kernel_step = -period,
        .in_step = 1,
        .offset = (first + pad - last * dilation) / stride, /* exact */
        .offset_step = dilation / common,
        .in_size = out_size,
    };
}

bool axm_conv_leaves_gaps(const axm_conv_plan *plan)
{
    return plan->direction == AXM_BACKWARD && plan->algorithm != AXM_CONV_COL2IM &&
           (plan->phases_h < plan->shape->stride_h || plan->phases_w < plan->shape->stride_w);
}

int32_t axm_conv_format(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    const axm_conv_plan plan = axm_conv_plan_of(kernels, shape, direction);
    if (plan.algorithm == AXM_CONV_STRIDE) return 1; /* as small tiles, which have no strides */
    return plan.algorithm == AXM_CONV_LINE ? 3 : (int32_t)(plan.tile / 2);
}

/* Every kernel element is in one phase, so the sum over phases is the whole kernel. SIZE_MAX when it cannot be said in size_t. */
size_t axm_conv_packed_bytes(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    const axm_conv_plan plan = axm_conv_plan_of(kernels, shape, axm_conv_packs_as(kernels, shape, direction));
    int64_t count = (int64_t)sizeof(float), height = shape->kernel_h, width = shape->kernel_w;
    if (plan.algorithm == AXM_CONV_WINOGRAD) height = width = plan.tile + 2;
    if (plan.algorithm == AXM_CONV_STRIDE) height = width = AXM_STRIDE_POINTS / 4;
    if (plan.algorithm == AXM_CONV_LINE) {
        const axm_line_method method = axm_line_method_of(shape);
        *(method.vertical ? &height : &width) = (int64_t)method.points;
    }
    if (plan.algorithm == AXM_CONV_COL2IM) {
        const bool counted = axm_mul_i64(count, plan.packed_c, &count) && axm_mul_i64(count, plan.in_c, &count);
        return counted && (uint64_t)count <= SIZE_MAX ? (size_t)count : SIZE_MAX;
    }
    const bool fits = axm_mul_i64(count, height, &count) && axm_mul_i64(count, width, &count) &&
                      axm_mul_i64(count, plan.packed_c, &count) &&
                      (plan.algorithm == AXM_CONV_DEPTHWISE ||
                       (axm_mul_i64(count, plan.in_c, &count) && axm_mul_i64(count, plan.groups, &count)));
    return fits && (uint64_t)count <= SIZE_MAX ? (size_t)count : SIZE_MAX;
}

size_t axm_conv_scratch_bytes(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    const axm_conv_plan plan = axm_conv_plan_of(kernels, shape, direction);
    switch (plan.algorithm) {
    case AXM_CONV_DEPTHWISE: return 0;
    case AXM_CONV_WINOGRAD: return axm_tap_winograd_scratch_bytes(kernels, &plan);
    case AXM_CONV_LINE: return axm_tap_line_scratch_bytes(&plan);
    case AXM_CONV_STRIDE: return axm_tap_stride_scratch_bytes(&plan);
    case AXM_CONV_COL2IM: return axm_col2im_scratch_bytes(kernels, shape);
    default: return axm_tap_gemm_scratch_bytes(kernels, &plan);
    }
}

size_t axm_conv_shared_bytes(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    const axm_conv_plan plan = axm_conv_plan_of(kernels, shape, direction);
    if (plan.algorithm == AXM_CONV_LINE) return axm_tap_line_shared_bytes(&plan);
    if (plan.algorithm == AXM_CONV_STRIDE) return axm_tap_stride_shared_bytes(&plan);
    return plan.algorithm == AXM_CONV_WINOGRAD ? axm_tap_winograd_shared_bytes(kernels, &plan) : 0;
}
