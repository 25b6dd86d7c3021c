/* Convolution, forward and backward to the input: runs the phases of the plan. */
#include <math.h>
#include <string.h>

#include "kernels/conv.h"

typedef struct zeroing {
    float *data;
    size_t count;
} zeroing;

#define ZERO_BLOCK 65536 /* floats */

static void zero_blocks(void *context, size_t begin, size_t end, int32_t worker)
{
    const zeroing *z = context;
    (void)worker;
    const size_t first = begin * ZERO_BLOCK, last = end * ZERO_BLOCK < z->count ? end * ZERO_BLOCK : z->count;
    memset(z->data + first, 0, (last - first) * sizeof(float));
}

static void run_phases(axm_tap_conv *conv)
{
    const axm_conv_plan *plan = conv->plan;
    if (conv->exec->counters != NULL) {
        axm_count(conv->exec, (axm_counted)plan->algorithm);
        conv->exec->counters->weight_bytes += (int64_t)axm_conv_packed_bytes(conv->exec->kernels, plan->shape, plan->direction);
    }
    if (plan->algorithm == AXM_CONV_COL2IM) {
        axm_col2im(conv);
        return;
    }
    for (int64_t ph = 0; ph < plan->phases_h; ph++) {
        conv->h = axm_conv_axis(plan, true, ph);
        for (int64_t pw = 0; pw < plan->phases_w; pw++) {
            conv->w = axm_conv_axis(plan, false, pw);
            size_t weights = (size_t)(conv->h.taps * conv->w.taps * plan->packed_c);
            if (plan->algorithm == AXM_CONV_DEPTHWISE) {
                axm_tap_depthwise(conv);
            } else if (plan->algorithm == AXM_CONV_WINOGRAD) {
                axm_tap_winograd(conv); /* one phase */
            } else if (plan->algorithm == AXM_CONV_LINE) {
                axm_tap_line(conv); /* one phase */
            } else if (plan->algorithm == AXM_CONV_STRIDE) {
                axm_tap_stride(conv); /* one phase */
            } else {
                weights *= (size_t)(plan->in_c * plan->groups);
                axm_tap_gemm(conv);
            }
            conv->packed += weights;
        }
    }
}

/* How each image is computed does not depend on how many there are: plans look at the size of one. */
static axm_conv_shape of_all_images(const axm_exec *exec, const axm_conv_shape *shape)
{
    axm_conv_shape all = *shape;
    all.batch *= axm_images(exec);
    return all;
}

bool axm_conv_takes_addend(const axm_kernels *kernels, const axm_conv_shape *shape)
{
    return axm_conv_plan_of(kernels, shape, AXM_FORWARD).algorithm == AXM_CONV_GEMM;
}

static axm_tap_conv forward_of(const axm_exec *exec, const axm_conv_plan *plan, const float *x, const void *packed,
                               const float *bias, axm_clamp clamp, float *y)
{
    return (axm_tap_conv){.exec = exec, .plan = plan, .x = x, .packed = packed, .bias = bias, .clamp = clamp, .y = y};
}

static axm_tap_conv backward_of(const axm_exec *exec, const axm_conv_plan *plan, const float *dy, const void *packed,
                                bool accumulate, float *dx)
{
    axm_tap_conv conv = forward_of(exec, plan, dy, packed, NULL, (axm_clamp){-INFINITY, INFINITY}, dx);
    conv.accumulate = accumulate;
    return conv;
}

void axm_conv_forward(const axm_exec *exec, const axm_conv_shape *shape, const float *x, const void *packed, const float *bias,
                      const float *addend, axm_clamp clamp, float *y)
{
    const axm_conv_shape all = of_all_images(exec, shape);
    const axm_conv_plan plan = axm_conv_plan_of(exec->kernels, &all, AXM_FORWARD);
    axm_tap_conv conv = forward_of(exec, &plan, x, packed, bias, clamp, y);
    conv.addend = addend;
    run_phases(&conv);
}

static void backward(const axm_exec *exec, const axm_conv_shape *all, const float *dy, const void *packed, bool accumulate,
                     float *dx)
{
    const axm_conv_plan plan = axm_conv_plan_of(exec->kernels, all, AXM_BACKWARD);
    if (!accumulate && axm_conv_leaves_gaps(&plan)) {
        zeroing z = {dx, (size_t)(all->batch * all->in_h * all->in_w * all->in_c)};
        axm_parallel_for(exec->pool, (z.count + ZERO_BLOCK - 1) / ZERO_BLOCK, 1, zero_blocks, &z);
    }
    axm_tap_conv conv = backward_of(exec, &plan, dy, packed, accumulate, dx);
    if (!axm_conv_sparse_backward(&conv)) run_phases(&conv);
}

/* Whether an image's gradient has so few channels that alone it would be computed from these. */
static bool some_are_sparse(const axm_exec *exec, const axm_conv_shape *shape, const float *dy)
{
    const axm_conv_plan plan = axm_conv_plan_of(exec->kernels, shape, AXM_BACKWARD);
    const int64_t each = shape->batch * shape->out_h * shape->out_w * shape->out_c;
    for (int64_t i = 0; i < axm_images(exec); i++) {
        const axm_tap_conv conv = {.exec = exec, .plan = &plan, .x = dy + i * each};
        if (axm_conv_is_sparse(&conv)) return true;
    }
    return false;
}

void axm_conv_backward(const axm_exec *exec, const axm_conv_shape *shape, const float *dy, const void *packed, bool accumulate,
                       float *dx)
{
    const int64_t images = axm_images(exec), pixels_in = shape->batch * shape->in_h * shape->in_w;
    const int64_t pixels_out = shape->batch * shape->out_h * shape->out_w;
    if (images > 1 && some_are_sparse(exec, shape, dy)) {
        for (int64_t i = 0; i < images; i++)
            backward(exec, shape, dy + i * pixels_out * shape->out_c, packed, accumulate, dx + i * pixels_in * shape->in_c);
        return;
    }
    const axm_conv_shape all = of_all_images(exec, shape);
    backward(exec, &all, dy, packed, accumulate, dx);
}

/* ---- With a max pool ---- */

bool axm_conv_takes_pool(const axm_kernels *kernels, const axm_conv_shape *shape)
{
    const axm_conv_plan forward = axm_conv_plan_of(kernels, shape, AXM_FORWARD),
                        backward = axm_conv_plan_of(kernels, shape, AXM_BACKWARD);
    return shape->out_h >= 2 && shape->out_w >= 2 && forward.algorithm == AXM_CONV_WINOGRAD &&
           backward.algorithm == AXM_CONV_WINOGRAD && forward.packing == AXM_FORWARD;
}

size_t axm_conv_pool_bytes(const axm_conv_shape *shape)
{
    const size_t bytes = (size_t)((shape->out_h / 2) * (shape->out_w / 2) * shape->out_c);
    return (bytes + AXM_ALIGNMENT - 1) / AXM_ALIGNMENT * AXM_ALIGNMENT;
}

void axm_conv_pool_forward(const axm_exec *exec, const axm_conv_shape *shape, const float *x, const void *packed, const float *bias,
                           axm_clamp clamp, float *y, uint8_t *winners)
{
    const axm_conv_shape all = of_all_images(exec, shape);
    const axm_conv_plan plan = axm_conv_plan_of(exec->kernels, &all, AXM_FORWARD);
    axm_tap_conv conv = forward_of(exec, &plan, x, packed, bias, clamp, y);
    conv.pooled = true;
    conv.winners = winners;
    run_phases(&conv);
}

void axm_conv_pool_backward(const axm_exec *exec, const axm_conv_shape *shape, const float *dy, uint8_t *winners,
                            const void *packed, bool accumulate, float *dx)
{
    const axm_conv_shape all = of_all_images(exec, shape);
    const axm_conv_plan plan = axm_conv_plan_of(exec->kernels, &all, AXM_BACKWARD);
    axm_tap_conv conv = backward_of(exec, &plan, dy, packed, accumulate, dx);
    conv.pooled = true;
    conv.winners = winners;
    run_phases(&conv);
}
