/* LayerNormalization, InstanceNormalization, GroupNormalization: (X - mean) / sqrt(variance + epsilon) over groups of elements,
 * then an affine map with constants. Layer: over all axes from `axis` on, in file order; two further outputs give the mean and the
 * factor. RMSNormalization: the same about 0 instead of the mean, and a scale only. Instance: over the space of each channel.
 * Group: over the space of each group of channels. BatchTraining: over the space of each channel of all images together, as batch
 * normalisation does in training; two further outputs move the running mean and variance. These channels last. */
#include <math.h>

#include "base/checked.h"
#include "ops/fold.h"

typedef struct norm_params {
    const char *op;
    int64_t axis, groups; /* groups 0: each channel is one */
    float epsilon, momentum;
    bool about_zero, batch;
} norm_params;

typedef struct norm_state {
    axm_norm_shape shape;
    const float *scale, *shift; /* [groups, inner] */
    double *moments;            /* of the forward that runs, where step->saved has none and there are results of them */
    const float *zeros;         /* as many as the first output has elements */
    const float *running[2];    /* batch: the mean and variance that the further outputs start from, [groups] */
} norm_state;

static int32_t parse_epsilon(const axm_attributes *attributes, norm_params *p, const char *op)
{
    p->op = op;
    int32_t status = axm_attribute_float(attributes, "epsilon", 1e-5f, &p->epsilon);
    if (status < 0) return status;
    if (!(p->epsilon >= 0.0f) || !isfinite(p->epsilon))
        return axm_fail(ACTMAX_ERROR_FORMAT, "%s needs an epsilon of at least 0, got %g", op, (double)p->epsilon);
    return ACTMAX_OK;
}

static int32_t parse_layer(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    norm_params *p = params;
    (void)arena;
    int32_t status = parse_epsilon(attributes, p, "LayerNormalization");
    return status < 0 ? status : axm_attribute_int(attributes, "axis", -1, &p->axis);
}

static int32_t parse_rms(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    norm_params *p = params;
    (void)arena;
    p->about_zero = true;
    int32_t status = parse_epsilon(attributes, p, "RMSNormalization");
    return status < 0 ? status : axm_attribute_int(attributes, "axis", -1, &p->axis);
}

static int32_t parse_instance(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return parse_epsilon(attributes, params, "InstanceNormalization");
}

static int32_t parse_group(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    norm_params *p = params;
    (void)arena;
    int32_t status = parse_epsilon(attributes, p, "GroupNormalization");
    if (status >= 0) status = axm_attribute_int(attributes, "num_groups", 0, &p->groups);
    if (status < 0) return status;
    if (p->groups < 1) return axm_fail(ACTMAX_ERROR_FORMAT, "GroupNormalization needs num_groups of at least 1");
    return ACTMAX_OK;
}

static int32_t parse_batch(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    norm_params *p = params;
    (void)arena;
    p->batch = true;
    int32_t status = parse_epsilon(attributes, p, "BatchNormalization");
    if (status >= 0) status = axm_attribute_float(attributes, "momentum", 0.9f, &p->momentum);
    if (status < 0) return status;
    if (!isfinite(p->momentum)) return axm_fail(ACTMAX_ERROR_FORMAT, "BatchNormalization needs a finite momentum");
    return ACTMAX_OK;
}

/* ---- Shapes ---- */

/* The axes that are normalised together. */
static axm_shape inner_axes(const axm_shape *x, int32_t axis)
{
    axm_shape inner = {.rank = x->rank - axis};
    for (int32_t i = axis; i < x->rank; ++i)
        inner.dim[i - axis] = x->dim[i];
    return inner;
}

static int32_t check_layer(const norm_params *p, const axm_tensor *const *inputs, int32_t count, int32_t axis)
{
    static const char *const names[] = {"X", "its scale", "its bias"};
    char got[AXM_SHAPE_TEXT], wanted[AXM_SHAPE_TEXT];
    axm_shape inner = inner_axes(&inputs[0]->shape, axis), both;
    for (int32_t i = 1; i < 3; ++i) {
        const axm_constant *constant;
        int32_t status = axm_op_weight(p->op, names[i], axm_op_input(inputs, count, i), &constant);
        if (status < 0) return status;
        AXM_OP_CHECK(!constant || (axm_shape_broadcast(&constant->shape, &inner, &both) && axm_shape_equal(&both, &inner)),
                     "%s needs %s of shape %s, got %s", p->op, names[i], axm_shape_text(&inner, wanted),
                     axm_shape_text(&constant->shape, got));
    }
    return ACTMAX_OK;
}

static int32_t infer_layer(const axm_infer *infer)
{
    const norm_params *p = infer->params;
    axm_shape y = infer->inputs[0]->shape;
    int32_t axis;
    int32_t status = axm_op_axis(p->op, p->axis, y.rank, false, &axis);
    if (status >= 0) status = check_layer(p, infer->inputs, infer->input_count, axis);
    if (status >= 0) status = axm_op_output(infer, p->op, 0, &y);
    for (int32_t i = axis; status >= 0 && i < y.rank; ++i)
        y.dim[i] = 1;
    for (int32_t i = 1; i < infer->output_count && status >= 0; ++i)
        status = axm_op_output(infer, p->op, i, &y);
    return status;
}

static int32_t infer_channels(const axm_infer *infer)
{
    const norm_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    char text[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(x->rank >= 2 && x->rank <= 5, "%s needs an input of shape [batch, channels, ...], got %s", p->op,
                 axm_shape_text(x, text));
    AXM_OP_CHECK(p->groups == 0 || x->dim[1] % p->groups == 0, "%s cannot cut %lld channels into %lld groups", p->op,
                 (long long)x->dim[1], (long long)p->groups);
    for (int32_t i = 1; i < 3; ++i) {
        const axm_constant *constant;
        int32_t status = axm_op_weight(p->op, i == 1 ? "its scale" : "its bias", infer->inputs[i], &constant);
        if (status < 0) return status;
        int64_t count = constant->shape.rank == 1 ? constant->shape.dim[0] : -1;
        AXM_OP_CHECK(count == x->dim[1] || (count > 0 && count == p->groups), "%s needs %s of shape [%lld], got %s", p->op,
                     i == 1 ? "a scale" : "a bias", (long long)x->dim[1], axm_shape_text(&constant->shape, text));
    }
    return axm_op_output(infer, p->op, 0, x);
}

static int32_t infer_batch(const axm_infer *infer)
{
    const axm_shape channels = {.rank = 1, .dim = {infer->inputs[0]->shape.dim[1]}};
    char got[AXM_SHAPE_TEXT], wanted[AXM_SHAPE_TEXT];
    int32_t status = infer_channels(infer);
    for (int32_t i = 1; status >= 0 && i < infer->input_count; ++i) {
        const axm_constant *constant;
        status = axm_op_weight("BatchNormalization", "its scale, bias, mean and variance", infer->inputs[i], &constant);
        AXM_OP_CHECK(status < 0 || axm_shape_equal(&constant->shape, &channels),
                     "BatchNormalization needs input %d of shape %s, got %s", (int)i, axm_shape_text(&channels, wanted),
                     axm_shape_text(&constant->shape, got));
    }
    for (int32_t i = 1; i < infer->output_count && status >= 0; ++i)
        status = axm_op_output(infer, "BatchNormalization", i, &channels);
    return status;
}

/* ---- Prepare ---- */

/* The constant spread over the normalised axes; there is none: `missing`. */
static int32_t spread(axm_prepare *prepare, int32_t index, const axm_shape *to, float missing, const float **out)
{
    const axm_step *step = prepare->step;
    const axm_constant *from = index < step->input_count && step->inputs[index] ? step->inputs[index]->constant : NULL;
    int64_t count = axm_shape_count(to);
    if (from && axm_shape_count(&from->shape) == count) return axm_prepare_floats(prepare, from, out);
    size_t bytes;
    if (!axm_mul_size((size_t)count, sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "a normalisation");
    float *values = axm_prepare_memory(prepare, bytes);
    if (!values) return ACTMAX_ERROR_NO_MEMORY;
    for (int64_t i = 0; i < count; ++i)
        values[i] = from ? (float)axm_constant_number(from, axm_fold_element(&from->shape, to, i)) : missing;
    *out = values;
    return ACTMAX_OK;
}

/* One number for each channel, from one for each channel or each group. */
static int32_t for_channels(axm_prepare *prepare, const axm_constant *from, const axm_norm_shape *shape, const float **out)
{
    int64_t channels = shape->groups * shape->inner;
    if (axm_shape_count(&from->shape) == channels) return axm_prepare_floats(prepare, from, out);
    float *values = axm_prepare_memory(prepare, (size_t)channels * sizeof *values);
    if (!values) return ACTMAX_ERROR_NO_MEMORY;
    for (int64_t c = 0; c < channels; ++c)
        values[c] = (float)axm_constant_number(from, c / shape->inner);
    *out = values;
    return ACTMAX_OK;
}

/* Mean and factor of each group: results of the step, or carried from forward to backward. */
static int32_t make_moments(axm_prepare *prepare, norm_state *s)
{
    size_t bytes;
    if (!axm_mul_size((size_t)(s->shape.outer * s->shape.groups), 2 * sizeof(double), &bytes))
        return axm_no_memory(UINT64_MAX, "a normalisation");
    axm_prepare_saved(prepare, bytes);
    if (!prepare->gradient && prepare->step->output_count > 1 && !(s->moments = axm_prepare_memory(prepare, bytes)))
        return ACTMAX_ERROR_NO_MEMORY;
    return ACTMAX_OK;
}

/* When only the mean or the factor gets a gradient, the first output's is 0. */
static int32_t make_zeros(axm_prepare *prepare, norm_state *s)
{
    size_t bytes;
    if (!prepare->gradient || prepare->step->output_count == 1) return ACTMAX_OK;
    if (!axm_mul_size(axm_op_output_count(prepare->step), sizeof(float), &bytes))
        return axm_no_memory(UINT64_MAX, "a normalisation");
    s->zeros = axm_prepare_memory(prepare, bytes);
    return s->zeros ? ACTMAX_OK : ACTMAX_ERROR_NO_MEMORY;
}

static int32_t prepare_layer(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const norm_params *p = step->params;
    const axm_shape *x = &step->inputs[0]->shape;
    norm_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    axm_shape inner = inner_axes(x, (int32_t)(p->axis < 0 ? p->axis + x->rank : p->axis));
    int64_t each = axm_shape_count(&inner);
    s->shape =
        (axm_norm_shape){.outer = axm_shape_count(x) / each, .mid = 1, .groups = 1, .inner = each, .about_zero = p->about_zero};
    int32_t status = spread(prepare, 1, &inner, 1.0f, &s->scale);
    if (status >= 0) status = spread(prepare, 2, &inner, 0.0f, &s->shift);
    if (status >= 0) status = make_moments(prepare, s);
    return status < 0 ? status : make_zeros(prepare, s);
}

static int32_t prepare_channels(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const norm_params *p = step->params;
    const axm_shape *x = &step->inputs[0]->shape;
    norm_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int64_t channels = x->dim[1], groups = p->groups ? p->groups : channels;
    s->shape = (axm_norm_shape){
        .outer = p->batch ? 1 : x->dim[0], .mid = p->batch ? x->dim[0] : 1, .groups = groups, .inner = channels / groups};
    for (int32_t i = 2; i < x->rank; ++i)
        s->shape.mid *= x->dim[i];
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0) status = for_channels(prepare, step->inputs[1]->constant, &s->shape, &s->scale);
    if (status >= 0) status = for_channels(prepare, step->inputs[2]->constant, &s->shape, &s->shift);
    return status < 0 ? status : make_moments(prepare, s);
}

static int32_t prepare_batch(axm_prepare *prepare)
{
    int32_t status = prepare_channels(prepare);
    norm_state *s = prepare->step->state;
    for (int32_t i = 0; i < 2 && status >= 0; ++i)
        status = axm_prepare_floats(prepare, prepare->step->inputs[3 + i]->constant, &s->running[i]);
    if (status >= 0) axm_prepare_scratch(prepare, 2 * (size_t)s->shape.groups * sizeof(float));
    return status < 0 ? status : make_zeros(prepare, s);
}

/* ---- Run ---- */

static float *further_data(const axm_step *step, int32_t output)
{
    return output < step->output_count && step->outputs[output] ? step->outputs[output]->data : NULL;
}

static const float *further_grad(const axm_step *step, int32_t output)
{
    return output < step->output_count && step->outputs[output] ? step->outputs[output]->grad : NULL;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const norm_params *p = step->params;
    const norm_state *s = step->state;
    float *mean = further_data(step, 1), *factor = further_data(step, 2);
    double *moments = step->saved ? step->saved : s->moments;
    axm_normalize_forward(exec, &s->shape, p->epsilon, step->inputs[0]->data, s->scale, s->shift, step->outputs[0]->data, moments);
    for (int64_t i = 0; (mean || factor) && i < s->shape.outer; ++i) {
        if (mean) mean[i] = (float)moments[2 * i];
        if (factor) factor[i] = (float)moments[2 * i + 1];
    }
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const norm_state *s = step->state;
    const float *dy = step->outputs[0]->grad;
    axm_norm_gradient gradient = {dy ? dy : s->zeros, further_grad(step, 1), further_grad(step, 2)};
    (void)input;
    axm_normalize_backward(exec, &s->shape, step->inputs[0]->data, step->saved, s->scale, &gradient, accumulate,
                           step->inputs[0]->grad);
}

static void forward_batch(const axm_step *step, const axm_exec *exec)
{
    const norm_params *p = step->params;
    const norm_state *s = step->state;
    float *mean = further_data(step, 1), *variance = further_data(step, 2);
    const double *moments = step->saved ? step->saved : s->moments, kept = (double)p->momentum;
    axm_normalize_forward(exec, &s->shape, p->epsilon, step->inputs[0]->data, s->scale, s->shift, step->outputs[0]->data,
                          step->saved ? step->saved : s->moments);
    for (int64_t i = 0; i < s->shape.groups; ++i) {
        if (mean) mean[i] = (float)((double)s->running[0][i] * kept + moments[2 * i] * (1.0 - kept));
        if (!variance) continue;
        double spread_out = 1.0 / (moments[2 * i + 1] * moments[2 * i + 1]) - (double)p->epsilon;
        variance[i] = (float)((double)s->running[1][i] * kept + spread_out * (1.0 - kept));
    }
}

/* The gradients of the running mean and variance are those of this batch's mean and factor times how these come in; with variance
 * v = 1 / factor^2 - epsilon it is dv = -2 dfactor / factor^3. */
static void backward_batch(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const norm_params *p = step->params;
    const norm_state *s = step->state;
    const float *dy = step->outputs[0]->grad, *dmean = further_grad(step, 1), *dvariance = further_grad(step, 2);
    const double *moments = step->saved, share = 1.0 - (double)p->momentum;
    float *of_mean = (float *)exec->scratch, *of_factor = of_mean + s->shape.groups;
    (void)input;
    for (int64_t i = 0; i < s->shape.groups; ++i) {
        double factor = moments[2 * i + 1];
        if (dmean) of_mean[i] = (float)((double)dmean[i] * share);
        if (dvariance) of_factor[i] = (float)(-2.0 * (double)dvariance[i] * share / (factor * factor * factor));
    }
    axm_norm_gradient gradient = {dy ? dy : s->zeros, dmean ? of_mean : NULL, dvariance ? of_factor : NULL};
    axm_normalize_backward(exec, &s->shape, step->inputs[0]->data, moments, s->scale, &gradient, accumulate, step->inputs[0]->grad);
}

#define LAST_AXES(Name, parse_function, most_inputs, results)                                                                      \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 2,                                                                                 \
                                  .max_inputs = (most_inputs),                                                                     \
                                  .outputs = (results),                                                                            \
                                  .flags = AXM_OP_READS_INPUTS,                                                                    \
                                  .params_size = sizeof(norm_params),                                                              \
                                  .parse = parse_function,                                                                         \
                                  .infer = infer_layer,                                                                            \
                                  .layout = axm_layout_file,                                                                       \
                                  .prepare = prepare_layer,                                                                        \
                                  .forward = forward,                                                                              \
                                  .backward = backward};

LAST_AXES(LayerNormalization, parse_layer, 3, 3)
LAST_AXES(RMSNormalization, parse_rms, 2, 1)

#define CHANNELS(Name, parse_function)                                                                                             \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 3,                                                                                 \
                                  .max_inputs = 3,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_READS_INPUTS,                                                                    \
                                  .params_size = sizeof(norm_params),                                                              \
                                  .parse = parse_function,                                                                         \
                                  .infer = infer_channels,                                                                         \
                                  .layout = axm_layout_channels_last,                                                              \
                                  .prepare = prepare_channels,                                                                     \
                                  .forward = forward,                                                                              \
                                  .backward = backward};

CHANNELS(InstanceNormalization, parse_instance)
CHANNELS(GroupNormalization, parse_group)

const axm_op axm_op_BatchTraining = {.name = "BatchTraining",
                                     .min_inputs = 5,
                                     .max_inputs = 5,
                                     .outputs = 3,
                                     .flags = AXM_OP_READS_INPUTS | AXM_OP_TRAINS,
                                     .params_size = sizeof(norm_params),
                                     .parse = parse_batch,
                                     .infer = infer_batch,
                                     .layout = axm_layout_channels_last,
                                     .prepare = prepare_batch,
                                     .forward = forward_batch,
                                     .backward = backward_batch};
