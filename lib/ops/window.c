/* Geometry of sliding windows. */
#include "ops/window.h"

#include <string.h>

#define MOST      INT32_MAX /* of any one number; keeps all sums below far from overflow */
#define MOST_POOL 4096      /* kernel of a pool along one axis */

static int32_t parse_auto_pad(const axm_attributes *attributes, axm_auto_pad *out)
{
    const char *text;
    int32_t status = axm_attribute_text(attributes, "auto_pad", "NOTSET", &text);
    if (status < 0) return status;
    if (strcmp(text, "NOTSET") == 0 || !*text)
        *out = AXM_PAD_EXPLICIT;
    else if (strcmp(text, "SAME_UPPER") == 0)
        *out = AXM_PAD_SAME_UPPER;
    else if (strcmp(text, "SAME_LOWER") == 0)
        *out = AXM_PAD_SAME_LOWER;
    else if (strcmp(text, "VALID") == 0)
        *out = AXM_PAD_VALID;
    else
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "auto_pad '%.40s' is not known; it is NOTSET, SAME_UPPER, SAME_LOWER or VALID",
                        text);
    return ACTMAX_OK;
}

/* How many spatial axes the lists are for; 0 when there is none. A list of another length fails where it is read. */
static int32_t count_spatial(const axm_attributes *attributes, int32_t *out)
{
    static const char *const names[] = {"kernel_shape", "strides", "dilations", "pads"};
    *out = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        const axm_attribute *attribute = axm_attribute_find(attributes, names[i]);
        if (!attribute || attribute->count == 0) continue;
        size_t spatial = i == 3 ? attribute->count / 2 : attribute->count;
        if (spatial > AXM_WINDOW_AXES)
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "windows over %zu spatial axes are not supported; actmax computes 1 to 3",
                            spatial);
        *out = (int32_t)spatial;
        return ACTMAX_OK;
    }
    return ACTMAX_OK;
}

/* Which of height, width and depth the `i`th of the spatial axes is. */
static int32_t slot_of(int32_t spatial, int32_t i)
{
    if (spatial == 3) return i == 0 ? 2 : i - 1;
    return 2 - spatial + i;
}

/* Reads `spatial` values (two sets of them for pads) into slots that end at the width. */
static int32_t parse_list(const axm_attributes *attributes, const char *name, int32_t spatial, int64_t low, int64_t *first,
                          int64_t *second)
{
    const axm_attribute *attribute = axm_attribute_find(attributes, name);
    int64_t values[2 * AXM_WINDOW_AXES];
    if (!attribute || (attribute->kind == AXM_ATTR_INTS && attribute->count == 0)) return ACTMAX_OK;
    int32_t status = axm_attribute_ints(attributes, name, (size_t)spatial * (second ? 2 : 1), 0, low, MOST, values);
    if (status < 0) return status;
    for (int32_t i = 0; i < spatial; ++i) {
        first[slot_of(spatial, i)] = values[i];
        if (second) second[slot_of(spatial, i)] = values[spatial + i];
    }
    return ACTMAX_OK;
}

int32_t axm_window_parse(const axm_attributes *attributes, axm_window_params *out)
{
    int64_t ceil_mode;
    axm_window_params p = {.kernel = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    int32_t status = count_spatial(attributes, &p.spatial);
    if (status < 0) return status;
    const axm_attribute *kernel = axm_attribute_find(attributes, "kernel_shape");
    p.has_kernel = kernel && kernel->count > 0;
    if ((status = parse_list(attributes, "kernel_shape", p.spatial, 1, p.kernel, NULL)) < 0) return status;
    if ((status = parse_list(attributes, "strides", p.spatial, 1, p.stride, NULL)) < 0) return status;
    if ((status = parse_list(attributes, "dilations", p.spatial, 1, p.dilation, NULL)) < 0) return status;
    if ((status = parse_list(attributes, "pads", p.spatial, 0, p.begin, p.end)) < 0) return status;
    if ((status = parse_auto_pad(attributes, &p.auto_pad)) < 0) return status;
    if ((status = axm_attribute_int(attributes, "ceil_mode", 0, &ceil_mode)) < 0) return status;
    p.ceil_mode = ceil_mode != 0;
    *out = p;
    return ACTMAX_OK;
}

/* One axis: padding and output size; out < 1 when the window does not fit. */
static void fit_axis(const axm_window_params *params, axm_window *w, int32_t i)
{
    int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
    int64_t stride = w->stride[i], in = w->in[i];
    w->begin[i] = w->end[i] = 0;
    if (params->auto_pad == AXM_PAD_SAME_UPPER || params->auto_pad == AXM_PAD_SAME_LOWER) {
        w->out[i] = (in + stride - 1) / stride;
        int64_t total = (w->out[i] - 1) * stride + reach - in;
        if (total < 0) total = 0;
        w->begin[i] = params->auto_pad == AXM_PAD_SAME_UPPER ? total / 2 : total - total / 2;
        w->end[i] = total - w->begin[i];
        return;
    }
    if (params->auto_pad == AXM_PAD_EXPLICIT) {
        w->begin[i] = params->begin[i];
        w->end[i] = params->end[i];
    }
    int64_t room = in + w->begin[i] + w->end[i] - reach;
    bool up = params->ceil_mode && params->auto_pad == AXM_PAD_EXPLICIT;
    w->out[i] = room < 0 ? 0 : (room + (up ? stride - 1 : 0)) / stride + 1;
    /* Rounding up must not make a window that starts past the input and its padding before it. */
    if (up && w->out[i] > 1 && (w->out[i] - 1) * stride >= in + w->begin[i]) --w->out[i];
}

int32_t axm_window_fit(const char *op, const axm_window_params *params, const axm_shape *input, const int64_t *kernel,
                       axm_window *out)
{
    char text[AXM_SHAPE_TEXT];
    int32_t spatial = input->rank - 2;
    if (spatial > AXM_WINDOW_AXES)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "%s over %d spatial axes (input %s) is not supported; actmax computes 1 to 3", op,
                        (int)spatial, axm_shape_text(input, text));
    AXM_OP_CHECK(spatial >= 1, "%s needs an input of shape [batch, channels, height, width], got %s", op,
                 axm_shape_text(input, text));
    AXM_OP_CHECK(params->spatial == 0 || params->spatial == spatial, "%s has attributes for %d spatial axes, but its input is %s",
                 op, (int)params->spatial, axm_shape_text(input, text));
    axm_window w = {.batch = input->dim[0], .channels = input->dim[1]};
    for (int32_t i = 0; i < AXM_WINDOW_AXES; ++i)
        w.in[i] = 1;
    for (int32_t i = 0; i < spatial; ++i)
        w.in[slot_of(spatial, i)] = input->dim[2 + i];
    for (int32_t i = 0; i < AXM_WINDOW_AXES; ++i) {
        w.kernel[i] = kernel && i < 2 ? kernel[i] : params->kernel[i];
        w.stride[i] = params->stride[i];
        w.dilation[i] = params->dilation[i];
        fit_axis(params, &w, i);
        AXM_OP_CHECK(
            w.out[i] >= 1,
            "%s has a window of %lld (with dilation %lld) that does not fit its input of shape %s; use a larger input size", op,
            (long long)w.kernel[i], (long long)w.dilation[i], axm_shape_text(input, text));
    }
    *out = w;
    return ACTMAX_OK;
}

axm_shape axm_window_output(const axm_window *window, const axm_shape *input, int64_t channels)
{
    axm_shape shape = {.rank = input->rank, .dim = {window->batch, channels}};
    for (int32_t i = 0; i < input->rank - 2; ++i)
        shape.dim[2 + i] = window->out[slot_of(input->rank - 2, i)];
    return shape;
}

int32_t axm_window_check_pool(const char *op, const axm_window *window)
{
    for (int32_t i = 0; i < AXM_WINDOW_AXES; ++i) {
        int64_t reach = (window->kernel[i] - 1) * window->dilation[i] + 1;
        if (window->kernel[i] > MOST_POOL)
            return axm_fail(ACTMAX_ERROR_LIMIT, "%s has a window of %lld; actmax takes up to %d", op, (long long)window->kernel[i],
                            MOST_POOL);
        AXM_OP_CHECK(window->begin[i] < reach && window->end[i] < reach,
                     "%s has padding of %lld and %lld around a window of %lld; padding must be smaller than the window", op,
                     (long long)window->begin[i], (long long)window->end[i], (long long)reach);
    }
    return ACTMAX_OK;
}

axm_pool_shape axm_window_pool(const axm_window *w, bool count_include_pad)
{
    return (axm_pool_shape){.batch = w->batch,
                            .in_h = w->in[0],
                            .in_w = w->in[1],
                            .channels = w->channels,
                            .out_h = w->out[0],
                            .out_w = w->out[1],
                            .kernel_h = w->kernel[0],
                            .kernel_w = w->kernel[1],
                            .stride_h = w->stride[0],
                            .stride_w = w->stride[1],
                            .dilation_h = w->dilation[0],
                            .dilation_w = w->dilation[1],
                            .pad_top = w->begin[0],
                            .pad_left = w->begin[1],
                            .pad_bottom = w->end[0],
                            .pad_right = w->end[1],
                            .count_include_pad = count_include_pad};
}

axm_pool_passes axm_window_passes(const axm_window *w, bool count_include_pad)
{
    axm_pool_passes passes = {.plane = axm_window_pool(w, count_include_pad)};
    int64_t plane = w->out[0] * w->out[1] * w->channels; /* within the output's elements */
    passes.plane.batch = w->batch * w->in[2];
    if (w->in[2] == 1 && w->kernel[2] == 1 && w->out[2] == 1) return passes;
    passes.between = (size_t)(passes.plane.batch * plane);
    passes.depth = (axm_pool_shape){.batch = w->batch,
                                    .in_h = w->in[2],
                                    .in_w = 1,
                                    .channels = plane,
                                    .out_h = w->out[2],
                                    .out_w = 1,
                                    .kernel_h = w->kernel[2],
                                    .kernel_w = 1,
                                    .stride_h = w->stride[2],
                                    .stride_w = 1,
                                    .dilation_h = w->dilation[2],
                                    .dilation_w = 1,
                                    .pad_top = w->begin[2],
                                    .pad_bottom = w->end[2],
                                    .count_include_pad = count_include_pad};
    return passes;
}
