/* Weights from the file's order (any strides, either precision, some filters, scaled) to the order that the kernels stream.
 *
 * GEMM and DOT: for each phase, for each group, panels of plan.panel output channels (the last one plan.packed_c rounded), each
 * [tap_h][tap_w][in_c][width], zero where there is no channel. DEPTHWISE: for each phase [tap_h][tap_w][channels]. WINOGRAD: for
 * each of the 36 points, panels of [in_c][width], and STRIDE the same for 16. LINE: for each point, panels of [tap
 * across][in_c][width]. COL2IM: panels of columns (tap_h, tap_w, in_c), each [out_c][width]. */
#include <string.h>

#include "base/half.h"
#include "kernels/winograd.h"
#include "kernels/winograd_line.h"
#include "kernels/winograd_stride.h"

typedef struct packing {
    const axm_conv_plan *plan;
    const axm_conv_weights *weights;
    int64_t group_in, group_out; /* channels of one group of the shape, forward names: i's and o's */
} packing;

static float element(const axm_conv_weights *w, int64_t index)
{
    const char *data = w->data;
    if (w->half) {
        uint16_t bits;
        memcpy(&bits, data + index * (int64_t)sizeof bits, sizeof bits);
        return axm_half_to_float(bits);
    }
    float value;
    memcpy(&value, data + index * (int64_t)sizeof value, sizeof value);
    return value;
}

static int64_t filter_of(const axm_conv_weights *w, int64_t o)
{
    return w->filters != NULL ? w->filters[o] : o;
}

static float scale_of(const axm_conv_weights *w, int64_t o)
{
    return w->scale != NULL ? w->scale[o] : 1.0f;
}

/* Forward: out[n - first] = w(o of n, i of c) for the output channels n in [first, first + count) of a merged group that belong
 * to the same group of the shape as input channel c; the others stay as they are (zero). */
static void fill_forward(const packing *p, int64_t group, int64_t c, int64_t tap, int64_t first, int64_t count, float *out)
{
    const axm_conv_weights *w = p->weights;
    const int64_t within = c / p->group_in, i = c % p->group_in;
    const int64_t begin = within * p->group_out, end = begin + p->group_out;
    for (int64_t n = first < begin ? begin : first; n < first + count && n < end; n++) {
        const int64_t o = group * p->plan->out_c + n;
        out[n - first] = element(w, tap + filter_of(w, o) * w->stride[0] + i * w->stride[1]) * scale_of(w, o);
    }
}

/* Backward: the channels that are read are o's, those written are i's. */
static void fill_backward(const packing *p, int64_t group, int64_t c, int64_t tap, int64_t first, int64_t count, float *out)
{
    const axm_conv_weights *w = p->weights;
    const int64_t o = group * p->plan->in_c + c, within = c / p->group_out;
    const int64_t begin = within * p->group_in, end = begin + p->group_in;
    const int64_t base = tap + filter_of(w, o) * w->stride[0];
    const float scale = scale_of(w, o);
    for (int64_t n = first < begin ? begin : first; n < first + count && n < end; n++)
        out[n - first] = element(w, base + (n - begin) * w->stride[1]) * scale;
}

static int64_t tap_index(const axm_conv_weights *w, const axm_tap_axis *h, const axm_tap_axis *v, int64_t ty, int64_t tx)
{
    return (h->kernel_first + ty * h->kernel_step) * w->stride[2] + (v->kernel_first + tx * v->kernel_step) * w->stride[3];
}

static float *pack_panel(const packing *p, int64_t group, const axm_tap_axis *h, const axm_tap_axis *v, int64_t first, float *out)
{
    const axm_conv_plan *plan = p->plan;
    const int64_t left = plan->packed_c - first, width = left < plan->panel ? left : plan->panel;
    const int64_t rest = plan->out_c - first, count = rest < width ? rest : width;
    for (int64_t ty = 0; ty < h->taps; ty++) {
        for (int64_t tx = 0; tx < v->taps; tx++) {
            const int64_t tap = tap_index(p->weights, h, v, ty, tx);
            for (int64_t c = 0; c < plan->in_c; c++, out += width) {
                memset(out, 0, (size_t)width * sizeof *out);
                if (plan->direction == AXM_FORWARD) {
                    fill_forward(p, group, c, tap, first, count, out);
                } else {
                    fill_backward(p, group, c, tap, first, count, out);
                }
            }
        }
    }
    return out;
}

static float *pack_depthwise(const packing *p, const axm_tap_axis *h, const axm_tap_axis *v, float *out)
{
    const axm_conv_weights *w = p->weights;
    for (int64_t ty = 0; ty < h->taps; ty++) {
        for (int64_t tx = 0; tx < v->taps; tx++) {
            const int64_t tap = tap_index(w, h, v, ty, tx);
            for (int64_t o = 0; o < p->plan->out_pixel; o++)
                *out++ = element(w, tap + filter_of(w, o) * w->stride[0]) * scale_of(w, o);
        }
    }
    return out;
}

/* taps[t][i] = the weight of tap t from channel c to output channel n + i, i < count. */
static void winograd_taps(const packing *p, const int64_t offset[9], int64_t n, int64_t count, int64_t c,
                          double taps[9][AXM_WINOGRAD_WIDTH])
{
    const axm_conv_weights *w = p->weights;
    const bool forward = p->plan->direction == AXM_FORWARD;
    for (int64_t i = 0; i < count; i++) {
        const int64_t o = forward ? n + i : c, in = forward ? c : n + i;
        const int64_t base = filter_of(w, o) * w->stride[0] + in * w->stride[1];
        const float scale = scale_of(w, o);
        for (int64_t t = 0; t < 9; t++)
            taps[t][i] = (double)(element(w, base + offset[t]) * scale);
    }
}

static void pack_winograd(const packing *p, float *out)
{
    const axm_conv_plan *plan = p->plan;
    const axm_tap_axis h = axm_conv_axis(plan, true, 0), v = axm_conv_axis(plan, false, 0);
    const int64_t point = plan->in_c * plan->packed_c;
    int64_t offset[9];
    for (int64_t t = 0; t < 9; t++)
        offset[t] = tap_index(p->weights, &h, &v, t / 3, t % 3);
    for (int64_t first = 0; first < plan->packed_c; first += plan->panel) {
        const int64_t left = plan->packed_c - first, width = left < plan->panel ? left : plan->panel;
        for (int64_t c = 0; c < plan->in_c; c++) {
            float *to = out + first * plan->in_c + c * width;
            for (int64_t n = 0; n < width; n += AXM_WINOGRAD_WIDTH) {
                double taps[9][AXM_WINOGRAD_WIDTH] = {{0}};
                const int64_t some = width - n < AXM_WINOGRAD_WIDTH ? width - n : AXM_WINOGRAD_WIDTH;
                const int64_t real = plan->out_c - first - n;
                winograd_taps(p, offset, first + n, real < some ? real : some, c, taps);
                if (plan->algorithm == AXM_CONV_STRIDE)
                    axm_stride_weights((const double(*)[AXM_STRIDE_WIDTH])taps, (size_t)some, (size_t)point, to + n);
                else
                    axm_winograd_weights(plan->tile, (const double(*)[AXM_WINOGRAD_WIDTH])taps, (size_t)some, (size_t)point,
                                         to + n);
            }
        }
    }
}

/* taps[t][i] = the weight of tap t along the axis from channel c to output channel n + i, i < count. offset: of tap 0; step: from
 * tap to tap. */
static void line_taps(const packing *p, int64_t offset, int64_t step, int64_t taps_along, int64_t n, int64_t count, int64_t c,
                      double taps[AXM_LINE_MOST_TAPS][AXM_LINE_WIDTH])
{
    const axm_conv_weights *w = p->weights;
    const bool forward = p->plan->direction == AXM_FORWARD;
    for (int64_t i = 0; i < count; i++) {
        const int64_t o = forward ? n + i : c, in = forward ? c : n + i;
        const int64_t base = filter_of(w, o) * w->stride[0] + in * w->stride[1] + offset;
        const float scale = scale_of(w, o);
        for (int64_t t = 0; t < taps_along; t++)
            taps[t][i] = (double)(element(w, base + t * step) * scale);
    }
}

static void pack_line(const packing *p, float *out)
{
    const axm_conv_plan *plan = p->plan;
    const axm_line_method method = axm_line_method_of(plan->shape);
    const bool vertical = method.vertical;
    const axm_tap_axis along = axm_conv_axis(plan, vertical, 0), across = axm_conv_axis(plan, !vertical, 0);
    const int64_t step_along = p->weights->stride[vertical ? 2 : 3], step_across = p->weights->stride[vertical ? 3 : 2];
    const int64_t sum = across.taps * plan->in_c;
    for (int64_t first = 0; first < plan->packed_c; first += plan->panel) {
        const int64_t left = plan->packed_c - first, width = left < plan->panel ? left : plan->panel;
        for (int64_t k = 0; k < sum; k++) {
            float *to = out + first * sum + k * width;
            const int64_t offset =
                along.kernel_first * step_along + (across.kernel_first + k / plan->in_c * across.kernel_step) * step_across;
            for (int64_t n = 0; n < width; n += AXM_LINE_WIDTH) {
                double taps[AXM_LINE_MOST_TAPS][AXM_LINE_WIDTH] = {{0}};
                const int64_t some = width - n < AXM_LINE_WIDTH ? width - n : AXM_LINE_WIDTH, real = plan->out_c - first - n;
                line_taps(p, offset, along.kernel_step * step_along, along.taps, first + n, real < some ? real : some,
                          k % plan->in_c, taps);
                axm_line_weights(&method, (const double(*)[AXM_LINE_WIDTH])taps, (size_t)some, (size_t)(sum * plan->packed_c),
                                 to + n);
            }
        }
    }
}

/* Panels of columns (tap, i), each [o][width], the last one rounded up with zeros. */
static void pack_col2im(const packing *p, float *out)
{
    const axm_conv_plan *plan = p->plan;
    const axm_conv_shape *s = plan->shape;
    const axm_conv_weights *w = p->weights;
    const int64_t columns = s->kernel_h * s->kernel_w * s->in_c;
    for (int64_t first = 0; first < plan->packed_c; first += plan->panel) {
        const int64_t left = plan->packed_c - first, width = left < plan->panel ? left : plan->panel;
        for (int64_t o = 0; o < plan->in_c; o++, out += width) {
            for (int64_t n = 0; n < width; n++) {
                const int64_t column = first + n, tap = column / s->in_c;
                const int64_t index = filter_of(w, o) * w->stride[0] + column % s->in_c * w->stride[1] +
                                      tap / s->kernel_w * w->stride[2] + tap % s->kernel_w * w->stride[3];
                out[n] = column < columns ? element(w, index) * scale_of(w, o) : 0.0f;
            }
        }
    }
}

void axm_conv_pack(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction,
                   const axm_conv_weights *weights, void *packed)
{
    const axm_conv_plan plan = axm_conv_plan_of(kernels, shape, axm_conv_packs_as(kernels, shape, direction));
    const packing p = {
        .plan = &plan,
        .weights = weights,
        .group_in = shape->in_c / shape->groups,
        .group_out = shape->out_c / shape->groups,
    };
    float *out = packed;
    if (plan.algorithm == AXM_CONV_WINOGRAD || plan.algorithm == AXM_CONV_STRIDE) {
        pack_winograd(&p, out);
        return;
    }
    if (plan.algorithm == AXM_CONV_LINE) {
        pack_line(&p, out);
        return;
    }
    if (plan.algorithm == AXM_CONV_COL2IM) {
        pack_col2im(&p, out);
        return;
    }
    for (int64_t ph = 0; ph < plan.phases_h; ph++) {
        const axm_tap_axis h = axm_conv_axis(&plan, true, ph);
        for (int64_t pw = 0; pw < plan.phases_w; pw++) {
            const axm_tap_axis v = axm_conv_axis(&plan, false, pw);
            if (plan.algorithm == AXM_CONV_DEPTHWISE) {
                out = pack_depthwise(&p, &h, &v, out);
                continue;
            }
            for (int64_t group = 0; group < plan.groups; group++) {
                for (int64_t first = 0; first < plan.out_c; first += plan.panel)
                    out = pack_panel(&p, group, &h, &v, first, out);
            }
        }
    }
}
