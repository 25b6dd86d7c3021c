/* Resize (ONNX's opsets from 11 on): X resampled along any of its axes, to given sizes or by given scales: nearest, linear or
 * cubic, in either layout. Upsample: the older form, also of Resize in opset 10. Each axis is a linear map, one after the other. */
#include "ops/resize.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

typedef struct resize_params {
    bool older; /* Upsample: inputs X, scales */
    axm_resize_rule rule;
    axm_int_list axes;
    int32_t policy; /* keep_aspect_ratio_policy: stretch, not_larger, not_smaller */
    int32_t scale_count;
    float scales[AXM_MAX_RANK]; /* of the attribute */
} resize_params;

/* ---- Attributes ---- */

static int32_t parse_choice(const axm_attributes *attributes, const char *name, const char *const *choices, int32_t count,
                            int32_t *out)
{
    const char *text;
    int32_t status = axm_attribute_text(attributes, name, choices[*out], &text);
    for (int32_t i = 0; i < count && status >= 0; ++i) {
        if (strcmp(choices[i], text) != 0) continue;
        *out = i;
        return ACTMAX_OK;
    }
    return status < 0 ? status
                      : axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Resize has %s '%.40s', which actmax does not know", name, text);
}

static int32_t parse_scales(const axm_attributes *attributes, resize_params *p)
{
    const axm_attribute *scales = axm_attribute_find(attributes, "scales");
    if (!scales) return ACTMAX_OK;
    if (scales->kind != AXM_ATTR_FLOATS || scales->count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_FORMAT, "attribute 'scales' must be a list of up to %d numbers", AXM_MAX_RANK);
    p->scale_count = (int32_t)scales->count;
    for (int32_t i = 0; i < p->scale_count; ++i)
        p->scales[i] = scales->floats[i];
    return ACTMAX_OK;
}

static int32_t parse(const axm_attributes *attributes, resize_params *p)
{
    static const char *const modes[] = {"nearest",  "linear",   "cubic",    "area",    "gaussian",
                                        "mitchell", "lanczos3", "lanczos5", "bilinear"};
    static const char *const coordinates[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                              "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int32_t mode = 0, at = p->older ? AXM_RESIZE_ASYMMETRIC : AXM_RESIZE_HALF_PIXEL, rounding = p->older ? AXM_RESIZE_FLOOR : 0;
    int64_t exclude, antialias;
    int32_t status = parse_choice(attributes, "mode", modes, 9, &mode);
    if (status >= 0) status = parse_choice(attributes, "coordinate_transformation_mode", coordinates, 7, &at);
    if (status >= 0) status = parse_choice(attributes, "nearest_mode", roundings, 4, &rounding);
    if (status >= 0) status = parse_choice(attributes, "keep_aspect_ratio_policy", policies, 3, &p->policy);
    if (status >= 0) status = axm_attribute_float(attributes, "cubic_coeff_a", -0.75f, &p->rule.cubic_a);
    if (status >= 0) status = axm_attribute_float(attributes, "extrapolation_value", 0.0f, &p->rule.extrapolation);
    if (status >= 0) status = axm_attribute_int(attributes, "exclude_outside", 0, &exclude);
    if (status >= 0) status = axm_attribute_int(attributes, "antialias", 0, &antialias);
    if (status >= 0) status = axm_op_list_attribute(attributes, "axes", &p->axes);
    if (status >= 0) status = parse_scales(attributes, p);
    if (status < 0) return status;
    p->rule.mode = mode == 8 ? AXM_RESIZE_LINEAR : (axm_resize_mode)mode;
    p->rule.coordinates = (axm_resize_coordinates)at;
    p->rule.rounding = (axm_resize_rounding)rounding;
    p->rule.exclude_outside = exclude != 0;
    p->rule.antialias = antialias != 0;
    return ACTMAX_OK;
}

static int32_t parse_resize(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return parse(attributes, params);
}

static int32_t parse_upsample(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    ((resize_params *)params)->older = true;
    return parse(attributes, params);
}

/* ---- The axes ---- */

/* A list of numbers from a constant input: *count of them, 0 when it is omitted or empty. */
static int32_t read_numbers(const char *what, const axm_tensor *input, int32_t most, double *out, int32_t *count)
{
    *count = 0;
    if (!input) return ACTMAX_OK;
    if (!input->constant)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "Resize needs its %s to be known beforehand, but it is computed from the image; " AXM_END_BEFORE, what);
    int64_t elements = axm_shape_count(&input->shape);
    AXM_OP_CHECK(elements <= most, "Resize has %lld %s, more than its input has axes", (long long)elements, what);
    for (int64_t i = 0; i < elements; ++i)
        out[i] = axm_constant_number(input->constant, i);
    *count = (int32_t)elements;
    return ACTMAX_OK;
}

typedef struct resize_lists {
    int32_t axes[AXM_MAX_RANK], count; /* what the lists are about */
    double scales[AXM_MAX_RANK], sizes[AXM_MAX_RANK], part[2 * AXM_MAX_RANK];
    bool by_size, has_part;
} resize_lists;

static int32_t read_lists(const resize_params *p, const axm_tensor *const *inputs, int32_t count, resize_lists *l)
{
    int32_t rank = inputs[0]->shape.rank, scales, sizes, part;
    bool marked[AXM_MAX_RANK];
    int32_t status = axm_op_axes("Resize", &p->axes, rank, marked);
    l->count = p->axes.given ? p->axes.count : rank;
    for (int32_t i = 0; i < l->count && status >= 0; ++i)
        l->axes[i] = !p->axes.given ? i : (int32_t)(p->axes.value[i] < 0 ? p->axes.value[i] + rank : p->axes.value[i]);
    if (status >= 0) status = read_numbers("scales", axm_op_input(inputs, count, p->older ? 1 : 2), rank, l->scales, &scales);
    if (status >= 0) status = read_numbers("sizes", axm_op_input(inputs, count, 3), rank, l->sizes, &sizes);
    if (status >= 0) status = read_numbers("roi", p->older ? NULL : axm_op_input(inputs, count, 1), 2 * rank, l->part, &part);
    if (status < 0) return status;
    for (int32_t i = 0; i < p->scale_count && p->scale_count <= rank; ++i)
        l->scales[i] = (double)p->scales[i];
    scales = p->scale_count ? p->scale_count : scales;
    l->by_size = sizes > 0;
    AXM_OP_CHECK(l->by_size ? sizes == l->count : scales == l->count, "Resize has %d scales and %d sizes for %d axes", (int)scales,
                 (int)sizes, (int)l->count);
    l->has_part = p->rule.coordinates == AXM_RESIZE_TF_CROP_AND_RESIZE && part > 0;
    AXM_OP_CHECK(!l->has_part || part == 2 * l->count, "Resize has a roi of %d numbers for %d axes", (int)part, (int)l->count);
    return ACTMAX_OK;
}

/* One scale for all axes, so that nothing is larger (or smaller) than the sizes. */
static void keep_aspect(const resize_params *p, const axm_shape *x, resize_lists *l)
{
    double scale = 0.0;
    if (!l->by_size || p->policy == 0) return;
    for (int32_t i = 0; i < l->count; ++i) {
        double own = l->sizes[i] / (double)x->dim[l->axes[i]];
        if (i == 0 || (p->policy == 1 ? own < scale : own > scale)) scale = own;
    }
    for (int32_t i = 0; i < l->count; ++i) {
        l->scales[i] = scale;
        l->sizes[i] = floor(scale * (double)x->dim[l->axes[i]] + 0.5);
    }
}

/* What happens along each logical axis. */
static int32_t find_axes(const resize_params *p, const axm_tensor *const *inputs, int32_t count, const axm_limits *limits,
                         axm_resize_axis axes[AXM_MAX_RANK])
{
    const axm_shape *x = &inputs[0]->shape;
    resize_lists l = {.count = 0};
    int32_t status = read_lists(p, inputs, count, &l);
    if (status < 0) return status;
    for (int32_t i = 0; i < x->rank; ++i)
        axes[i] = (axm_resize_axis){.in = x->dim[i], .out = x->dim[i], .scale = 1.0, .end = 1.0};
    keep_aspect(p, x, &l);
    for (int32_t i = 0; i < l.count; ++i) {
        axm_resize_axis *a = &axes[l.axes[i]];
        if (l.has_part) {
            a->begin = l.part[i];
            a->end = l.part[l.count + i];
        }
        double size = l.by_size ? l.sizes[i] : floor((double)((float)a->in * (float)(a->end - a->begin) * (float)l.scales[i]));
        AXM_OP_CHECK(size >= 1.0 && size <= (double)INT32_MAX, "Resize would give %g elements along axis %d", size, (int)l.axes[i]);
        a->out = (int64_t)size;
        a->scale = l.by_size && p->policy == 0 ? size / (double)a->in : l.scales[i];
        AXM_OP_CHECK(a->scale > 0.0 && isfinite(a->scale), "Resize has a scale of %g", a->scale);
        if (limits && axm_resize_width(&p->rule, a) > limits->tensor_elements / a->out)
            return axm_fail(ACTMAX_ERROR_LIMIT, "Resize along axis %d needs more weights than limit_tensor_elements (%lld) allows",
                            (int)l.axes[i], (long long)limits->tensor_elements);
    }
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    axm_resize_axis axes[AXM_MAX_RANK];
    axm_shape y = infer->inputs[0]->shape;
    int32_t status = find_axes(infer->params, infer->inputs, infer->input_count, infer->limits, axes);
    if (status < 0) return status;
    for (int32_t i = 0; i < y.rank; ++i)
        y.dim[i] = axes[i].out;
    return axm_op_output(infer, "Resize", 0, &y);
}

/* ---- Prepare ---- */

typedef struct resize_step {
    int64_t outer, in, inner, out;
    axm_taps forward, backward;
} resize_step;

typedef struct resize_state {
    int32_t count;
    resize_step steps[AXM_MAX_RANK];
    size_t between; /* elements of the largest result in between */
} resize_state;

static int32_t make_forward(axm_prepare *prepare, const axm_resize_rule *rule, const axm_resize_axis *axis, axm_taps *out)
{
    size_t outputs = (size_t)axis->out, most = outputs * (size_t)axm_resize_width(rule, axis); /* within the limit, see find_axes */
    int64_t *start = axm_prepare_memory(prepare, (outputs + 1) * sizeof *start);
    int64_t *index = axm_prepare_memory(prepare, most * sizeof *index);
    float *weight = axm_prepare_memory(prepare, most * sizeof *weight), *base = NULL;
    if (!start || !index || !weight) return ACTMAX_ERROR_NO_MEMORY;
    if (rule->coordinates == AXM_RESIZE_TF_CROP_AND_RESIZE && !(base = axm_prepare_memory(prepare, outputs * sizeof *base)))
        return ACTMAX_ERROR_NO_MEMORY;
    for (int64_t o = 0; o < axis->out; ++o) {
        int64_t count = axm_resize_taps(rule, axis, o, index + start[o], weight + start[o]);
        if (count == 0 && base) base[o] = rule->extrapolation;
        start[o + 1] = start[o] + count;
    }
    *out = (axm_taps){start, index, weight, base};
    return ACTMAX_OK;
}

/* For each input the outputs that it takes part in, in their order. */
static int32_t make_backward(axm_prepare *prepare, const axm_resize_axis *axis, const axm_taps *forward, axm_taps *out)
{
    size_t inputs = (size_t)axis->in, taps = (size_t)forward->start[axis->out];
    int64_t *start = axm_prepare_memory(prepare, (inputs + 2) * sizeof *start);
    int64_t *index = axm_prepare_memory(prepare, taps * sizeof *index);
    float *weight = axm_prepare_memory(prepare, taps * sizeof *weight);
    if (!start || !index || !weight) return ACTMAX_ERROR_NO_MEMORY;
    for (size_t k = 0; k < taps; ++k)
        start[forward->index[k] + 2]++;
    for (size_t i = 0; i < inputs; ++i)
        start[i + 2] += start[i + 1];
    for (int64_t o = 0; o < axis->out; ++o)
        for (int64_t k = forward->start[o]; k < forward->start[o + 1]; ++k) {
            int64_t at = start[forward->index[k] + 1]++; /* so each start moves to where the next one began */
            index[at] = o;
            weight[at] = forward->weight[k];
        }
    *out = (axm_taps){start, index, weight, NULL};
    return ACTMAX_OK;
}

static bool stays(const axm_resize_axis *a)
{
    return a->in == a->out && fabs(a->scale - 1.0) <= 0.0 && fabs(a->begin) <= 0.0 && fabs(a->end - 1.0) <= 0.0;
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const resize_params *p = step->params;
    const axm_tensor *inputs[4] = {NULL}, *x = step->inputs[0];
    axm_resize_axis axes[AXM_MAX_RANK];
    int64_t dims[AXM_MAX_RANK] = {0}, total = axm_shape_count(&x->shape);
    int32_t logical[AXM_MAX_RANK] = {0};
    size_t bytes;
    resize_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    for (int32_t i = 0; i < step->input_count; ++i)
        inputs[i] = step->inputs[i];
    int32_t status = find_axes(p, inputs, step->input_count, NULL, axes);
    if (status < 0) return status;
    axm_physical_dims(x, dims);
    for (int32_t i = 0; i < x->shape.rank; ++i)
        logical[axm_physical_axis(x, i)] = i;
    for (int32_t i = 0; i < x->shape.rank && status >= 0; ++i) {
        const axm_resize_axis *a = &axes[logical[i]];
        if (stays(a)) continue;
        resize_step *r = &s->steps[s->count++];
        *r = (resize_step){.outer = 1, .in = a->in, .inner = 1, .out = a->out};
        for (int32_t k = 0; k < x->shape.rank; ++k)
            *(k < i ? &r->outer : &r->inner) *= k == i ? 1 : dims[k];
        dims[i] = a->out;
        if (s->count > 1 && (size_t)total > s->between) s->between = (size_t)total;
        if (!axm_mul_i64(total / a->in, a->out, &total)) return axm_fail(ACTMAX_ERROR_LIMIT, "Resize is too large in between");
        status = make_forward(prepare, &p->rule, a, &r->forward);
        if (status >= 0 && prepare->gradient) status = make_backward(prepare, a, &r->forward, &r->backward);
    }
    if (status < 0 || s->count < 2) return status;
    if (!axm_mul_size(s->between, 2 * sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "Resize");
    axm_prepare_scratch(prepare, bytes);
    return ACTMAX_OK;
}

/* ---- Run ---- */

static float *between(const resize_state *s, const axm_exec *exec, int32_t index)
{
    return (float *)(void *)exec->scratch + (index % 2 ? s->between : 0);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const resize_state *s = step->state;
    const float *from = step->inputs[0]->data;
    if (s->count == 0) axm_op_copy(exec, axm_op_output_count(step), from, false, step->outputs[0]->data);
    for (int32_t i = 0; i < s->count; ++i) {
        const resize_step *r = &s->steps[i];
        float *to = i == s->count - 1 ? step->outputs[0]->data : between(s, exec, i);
        axm_resample_axis(exec, r->outer, r->in, r->inner, r->out, &r->forward, from, false, to);
        from = to;
    }
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const resize_state *s = step->state;
    const float *from = step->outputs[0]->grad;
    (void)input;
    if (s->count == 0) axm_op_copy(exec, axm_op_output_count(step), from, accumulate, step->inputs[0]->grad);
    for (int32_t i = s->count - 1; i >= 0; --i) {
        const resize_step *r = &s->steps[i];
        float *to = i == 0 ? step->inputs[0]->grad : between(s, exec, i);
        axm_resample_axis(exec, r->outer, r->out, r->inner, r->in, &r->backward, from, i == 0 && accumulate, to);
        from = to;
    }
}

#define RESIZE(Name, parse_function, inputs_least, inputs_most)                                                                    \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = inputs_least,                                                                      \
                                  .max_inputs = inputs_most,                                                                       \
                                  .outputs = 1,                                                                                    \
                                  .params_size = sizeof(resize_params),                                                            \
                                  .parse = parse_function,                                                                         \
                                  .infer = infer,                                                                                  \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward,                                                                              \
                                  .backward = backward};

RESIZE(Resize, parse_resize, 1, 4)
RESIZE(Upsample, parse_upsample, 1, 2)
