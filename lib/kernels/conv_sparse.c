/* Backward through a 1x1 convolution when few channels of dy are not zero, as where the score of one class begins: each pixel of dx
 * is a sum of those filters only. */
#include <string.h>

#include "kernels/conv.h"
#include "kernels/grain.h"

typedef struct sparse {
    const axm_tap_conv *conv;
    size_t count; /* of channels that are not zero */
    int64_t channel[AXM_AXPY_ROWS];
} sparse;

/* The channels of dy that are not zero everywhere; false when there are more than AXM_AXPY_ROWS. */
static bool find_channels(const float *dy, int64_t pixels, int64_t channels, sparse *s)
{
    for (int64_t p = 0; p < pixels; p++, dy += channels) {
        for (int64_t c = 0; c < channels; c++) {
            if (dy[c] >= 0.0f && dy[c] <= 0.0f) continue; /* a NaN is not zero */
            size_t known = 0;
            while (known < s->count && s->channel[known] != c)
                known++;
            if (known < s->count) continue;
            if (s->count == AXM_AXPY_ROWS) return false;
            s->channel[s->count++] = c;
        }
    }
    return true;
}

static void run_pixels(void *context, size_t begin, size_t end, int32_t worker)
{
    const sparse *s = context;
    const axm_tap_conv *v = s->conv;
    const axm_conv_plan *plan = v->plan;
    (void)worker;
    for (size_t p = begin; p < end; p++) {
        const float *dy = v->x + (int64_t)p * plan->in_pixel;
        float *dx = v->y + (int64_t)p * plan->out_pixel, scale[AXM_AXPY_ROWS];
        if (!v->accumulate) memset(dx, 0, (size_t)plan->out_pixel * sizeof *dx);
        for (size_t i = 0; i < s->count; i++)
            scale[i] = dy[s->channel[i]];
        for (int64_t first = 0; first < plan->out_c && s->count > 0; first += plan->panel) {
            const int64_t width = axm_min_i64(plan->panel, plan->packed_c - first);
            const float *rows[AXM_AXPY_ROWS];
            for (size_t i = 0; i < s->count; i++)
                rows[i] = v->packed + first * plan->in_c + s->channel[i] * width;
            v->exec->kernels->axpy(s->count, scale, rows, (size_t)axm_min_i64(plan->panel, plan->out_c - first), dx + first);
        }
    }
}

/* Whether that is how it is computed; then found has the channels. */
static bool suits(const axm_tap_conv *conv, sparse *found)
{
    const axm_conv_plan *plan = conv->plan;
    const axm_conv_shape *s = plan->shape;
    *found = (sparse){.conv = conv};
    if (plan->algorithm != AXM_CONV_GEMM || s->groups != 1 || s->kernel_h != 1 || s->kernel_w != 1 || s->stride_h != 1 ||
        s->stride_w != 1 || s->pad_top != 0 || s->pad_left != 0 || s->out_h != s->in_h || s->out_w != s->in_w)
        return false;
    return find_channels(conv->x, s->batch * s->out_h * s->out_w, plan->in_pixel, found);
}

bool axm_conv_is_sparse(const axm_tap_conv *conv)
{
    sparse found;
    return suits(conv, &found);
}

bool axm_conv_sparse_backward(const axm_tap_conv *conv)
{
    const axm_conv_plan *plan = conv->plan;
    const int64_t pixels = plan->shape->batch * plan->shape->out_h * plan->shape->out_w;
    sparse found;
    if (!suits(conv, &found)) return false;
    axm_parallel_for(conv->exec->pool, (size_t)pixels, axm_grain((size_t)(plan->out_c * AXM_AXPY_ROWS)), run_pixels, &found);
    return true;
}
