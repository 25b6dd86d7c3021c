/* Normalisations, and layers of scale and shift. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

/* The one axis of a configuration (a number, or a list of one), not negative; -1: there are several. */
static int32_t axis_of(const axm_keras_call *call, int32_t rank)
{
    int64_t axis;
    if (!axm_keras_integers(call->config, "axis", 1, -1, &axis)) return -1;
    if (axis < 0) axis += rank;
    return axis >= 1 && axis < rank ? (int32_t)axis : -1;
}

/* A weight, or a constant where the layer goes without it. */
static int32_t weight_or(axm_keras_call *call, const char *role, int64_t count, float filler, int32_t *out)
{
    int32_t status = axm_keras_weight(call, role, out);
    if (status < 0 || *out != AXM_NO_VALUE) return status;
    const axm_shape shape = {1, {count}};
    float *data;
    if ((status = axm_keras_floats(call, &shape, &data)) < 0) return status;
    for (int64_t i = 0; i < count; ++i)
        data[i] = filler;
    return axm_keras_constant(call, role, &shape, data, out);
}

/* Two axes in each other's place. */
static int32_t exchange(axm_keras_call *call, const char *suffix, int32_t a, int32_t b, axm_keras_tensor x, axm_keras_tensor *out)
{
    int64_t perm[AXM_MAX_RANK];
    for (int32_t i = 0; i < x.rank; ++i)
        perm[i] = i == a ? b : i == b ? a : i;
    const axm_attribute attribute = axm_keras_ints("perm", perm, (size_t)x.rank);
    return axm_keras_unary(call, "Transpose", suffix, x, &attribute, 1, out);
}

AXM_KERAS_TRANSLATE(batch_normalization)
{
    axm_keras_tensor x = call->inputs[0];
    const axm_constant *mean = axm_keras_weight_data(call, "moving_mean");
    int32_t axis = axis_of(call, x.rank), inputs[5];
    if (axis < 0) return axm_keras_refuse(call, "normalisation over several axes");
    bool middle = x.rank >= 3 && axis != 1 && axis != x.rank - 1;
    int64_t channels = mean && mean->shape.rank == 1 ? mean->shape.dim[0] : 1;
    int32_t status = axm_keras_order(call, x, x.rank >= 3 && axis == x.rank - 1, &x);
    if (status < 0 || (middle && (status = exchange(call, "normalised_axis_first", 1, axis, x, &x)) < 0) ||
        (status = weight_or(call, "gamma", channels, 1, &inputs[1])) < 0 ||
        (status = weight_or(call, "beta", channels, 0, &inputs[2])) < 0 ||
        (status = axm_keras_weight(call, "moving_mean", &inputs[3])) < 0 ||
        (status = axm_keras_weight(call, "moving_variance", &inputs[4])) < 0)
        return status;
    inputs[0] = x.value;
    const axm_attribute attribute = axm_keras_float("epsilon", axm_keras_number(call->config, "epsilon", 1e-3));
    const axm_keras_node node = {"BatchNormalization", middle ? "normalised" : NULL, inputs, 5, &attribute, 1, x};
    status = axm_keras_emit(call, &node, &x);
    return status < 0 || !middle ? status : exchange(call, NULL, 1, axis, x, NULL);
}

/* Layers of centred numbers; LayerNormalization(rms_scaling=True), which divides by the deviation but centres nothing;
 * RMSNormalization, which divides by the root of the mean square. */
typedef enum centring { CENTRED, DEVIATION_ONLY, MEAN_SQUARE } centring;

/* Over axes of the graph's tensor, (x - mean) / sqrt(variance + epsilon) and the like. */
static int32_t normalize_over(axm_keras_call *call, const char *suffix, const int64_t *axes, int32_t count, centring kind,
                              axm_keras_tensor x, axm_keras_tensor *out)
{
    const axm_attribute over[] = {axm_keras_ints("axes", axes, (size_t)count), axm_keras_int("keepdims", 1)};
    axm_keras_tensor y, z = x;
    int32_t epsilon, status;
    if ((status = axm_keras_scalar(call, "epsilon", (float)axm_keras_number(call->config, "epsilon", 1e-3), &epsilon)) < 0)
        return status;
    if (kind != MEAN_SQUARE && ((status = axm_keras_unary(call, "ReduceMean", "mean", x, over, 2, &y)) < 0 ||
                                (status = axm_keras_binary(call, "Sub", "centred", x, y.value, &z)) < 0))
        return status;
    if ((status = axm_keras_binary(call, "Mul", "square", z, z.value, &y)) < 0 ||
        (status = axm_keras_unary(call, "ReduceMean", "variance", y, over, 2, &y)) < 0 ||
        (status = axm_keras_binary(call, "Add", "raised", y, epsilon, &y)) < 0 ||
        (status = axm_keras_unary(call, "Sqrt", "deviation", y, NULL, 0, &y)) < 0)
        return status;
    return axm_keras_binary(call, "Div", suffix, kind == CENTRED ? z : x, y.value, out);
}

/* Gives a stored weight, which has the sizes of the axes that the layer names, axes of size 1 between them, so that it broadcasts
 * over a tensor in Keras's order. */
static int32_t spread_weight(axm_keras_call *call, const char *role, const int64_t *axes, int32_t count, int32_t rank)
{
    axm_keras_layer *layer = call->layer;
    for (int32_t w = 0; w < layer->weight_count; ++w) {
        axm_shape *shape = &layer->weights[w].shape, full = {rank, {0}};
        if (strcmp(layer->roles[w], role) != 0 || !layer->has_weight[w] || layer->values[w] != AXM_NO_VALUE) continue;
        if (shape->rank != count) return axm_keras_bad_config(call, role);
        for (int32_t i = 0; i < rank; ++i)
            full.dim[i] = 1;
        for (int32_t i = 0; i < count; ++i) {
            if (i > 0 && axes[i] < axes[i - 1]) return axm_keras_refuse(call, "axes that do not ascend");
            full.dim[axes[i]] = shape->dim[i];
        }
        *shape = full;
    }
    return ACTMAX_OK;
}

/* Over any axes, with scale and shift or without, in Keras's order. */
static int32_t general_layer_normalization(axm_keras_call *call, centring kind, const char *scale)
{
    axm_keras_tensor x;
    int64_t axes[AXM_MAX_RANK] = {call->inputs[0].rank - 1};
    int32_t gamma, beta, count = 1, status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    if (axm_keras_item(call->config, "axis")) count = axm_keras_axes(call->config, "axis", x, axes);
    if (count < 1) return axm_keras_bad_config(call, "axis");
    if ((status = spread_weight(call, scale, axes, count, x.rank)) < 0 ||
        (status = spread_weight(call, "beta", axes, count, x.rank)) < 0 || (status = axm_keras_weight(call, scale, &gamma)) < 0 ||
        (status = axm_keras_weight(call, "beta", &beta)) < 0)
        return status;
    bool plain = gamma == AXM_NO_VALUE && beta == AXM_NO_VALUE;
    if ((status = normalize_over(call, plain ? NULL : "normalized", axes, count, kind, x, &x)) < 0 || plain) return status;
    if (gamma != AXM_NO_VALUE && (status = axm_keras_binary(call, "Mul", beta == AXM_NO_VALUE ? NULL : "scaled", x, gamma, &x)) < 0)
        return status;
    return beta == AXM_NO_VALUE ? status : axm_keras_binary(call, "Add", NULL, x, beta, NULL);
}

AXM_KERAS_TRANSLATE(rms_normalization)
{
    return general_layer_normalization(call, MEAN_SQUARE, "scale");
}

AXM_KERAS_TRANSLATE(layer_normalization)
{
    axm_keras_tensor x;
    const axm_constant *gamma = axm_keras_weight_data(call, "gamma"), *beta = axm_keras_weight_data(call, "beta");
    int32_t axis = axis_of(call, call->inputs[0].rank), inputs[3];
    bool rms = axm_keras_flag(call->config, "rms_scaling", false);
    if (rms || axis != call->inputs[0].rank - 1 || (!gamma && !beta))
        return general_layer_normalization(call, rms ? DEVIATION_ONLY : CENTRED, "gamma");
    const axm_constant *known = gamma ? gamma : beta;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0 || (status = weight_or(call, "gamma", axm_shape_count(&known->shape), 1, &inputs[1])) < 0 ||
        (status = axm_keras_weight(call, "beta", &inputs[2])) < 0)
        return status;
    inputs[0] = x.value;
    const axm_attribute attributes[] = {axm_keras_int("axis", -1),
                                        axm_keras_float("epsilon", axm_keras_number(call->config, "epsilon", 1e-3))};
    const axm_keras_node node = {"LayerNormalization", NULL, inputs, inputs[2] == AXM_NO_VALUE ? 2 : 3, attributes, 2, x};
    return axm_keras_emit(call, &node, NULL);
}

/* One group for each channel, without scale and shift: every number is of the space alone. */
static int32_t plain_instance(axm_keras_call *call, axm_keras_tensor x)
{
    int64_t axes[AXM_MAX_RANK];
    int32_t count = 0;
    for (int32_t i = 2; i < x.rank; ++i)
        axes[count++] = i;
    return normalize_over(call, NULL, axes, count, CENTRED, x, NULL);
}

AXM_KERAS_TRANSLATE(group_normalization)
{
    axm_keras_tensor x = call->inputs[0], y;
    const axm_constant *gamma = axm_keras_weight_data(call, "gamma"), *beta = axm_keras_weight_data(call, "beta");
    int32_t axis = axis_of(call, x.rank), inputs[3];
    const int64_t after = 2;
    const axm_attribute one = axm_keras_ints("axes", &after, 1);
    int64_t groups;
    bool row = x.rank == 2; /* gets an axis of space for the while */
    if (axis < 0 || (axis != 1 && axis != x.rank - 1)) return axm_keras_refuse(call, "normalisation along such an axis");
    if (!axm_keras_integers(call->config, "groups", 1, 32, &groups)) return axm_keras_bad_config(call, "groups");
    int32_t status = axm_keras_order(call, x, axis == x.rank - 1, &x);
    if (status < 0) return status;
    if (groups == -1 && !gamma && !beta && !row) return plain_instance(call, x);
    if (groups < 1 && !gamma && !beta) return axm_keras_bad_config(call, "groups");
    int64_t channels = gamma || beta ? axm_shape_count(gamma ? &gamma->shape : &beta->shape) : groups;
    if (groups == -1) groups = channels;
    if ((status = weight_or(call, "gamma", channels, 1, &inputs[1])) < 0 ||
        (status = weight_or(call, "beta", channels, 0, &inputs[2])) < 0)
        return status;
    if (row) {
        y = (axm_keras_tensor){AXM_NO_VALUE, 3, true};
        const axm_keras_node spread = {"Unsqueeze", "spread", &x.value, 1, &one, 1, y};
        if ((status = axm_keras_emit(call, &spread, &x)) < 0) return status;
    }
    inputs[0] = x.value;
    const axm_attribute attributes[] = {axm_keras_int("num_groups", groups),
                                        axm_keras_float("epsilon", axm_keras_number(call->config, "epsilon", 1e-3))};
    const axm_keras_node node = {"GroupNormalization", row ? "normalized" : NULL, inputs, 3, attributes, 2, x};
    if ((status = axm_keras_emit(call, &node, &x)) < 0 || !row) return status;
    const axm_keras_node close = {"Squeeze", NULL, &x.value, 1, &one, 1, call->inputs[0]};
    return axm_keras_emit(call, &close, NULL);
}

/* x divided by its length along some axes; a length below 1e-6 is taken as that (its square below 1e-12). */
AXM_KERAS_TRANSLATE(unit_normalization)
{
    axm_keras_tensor x = call->inputs[0], length;
    int64_t axes[AXM_MAX_RANK] = {x.moved && x.rank >= 3 ? 1 : x.rank - 1};
    int32_t count = axm_keras_item(call->config, "axis") ? axm_keras_axes(call->config, "axis", x, axes) : 1;
    if (count < 1) return axm_keras_bad_config(call, "axis");
    const axm_attribute attributes[] = {axm_keras_ints("axes", axes, (size_t)count), axm_keras_int("keepdims", 1)};
    const axm_attribute least = axm_keras_float("min", 1e-12);
    int32_t status = axm_keras_unary(call, "ReduceSumSquare", "squares", x, attributes, 2, &length);
    if (status < 0 || (status = axm_keras_unary(call, "Clip", "clipped", length, &least, 1, &length)) < 0 ||
        (status = axm_keras_unary(call, "Sqrt", "length", length, NULL, 0, &length)) < 0)
        return status;
    return axm_keras_binary(call, "Div", NULL, x, length.value, NULL);
}

/* ---- Scale and shift ---- */

#define MOST_NUMBERS 65536

/* A number or nested lists of numbers of the configuration, flattened; the shape is that of the outermost and innermost lists alone
 * where the rest is 1: of a single axis. */
static int32_t read_numbers(axm_keras_call *call, const char *field, const cJSON *item, axm_shape *shape, float **out)
{
    const cJSON *element;
    while (cJSON_IsArray(item) && cJSON_IsArray(item->child) && !item->child->next)
        item = item->child;
    if (cJSON_IsObject(item)) item = axm_keras_item(item, "value");
    int32_t count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 1, at = 0;
    if (count < 1 || count > MOST_NUMBERS) return axm_keras_bad_config(call, field);
    *shape = (axm_shape){1, {count}};
    int32_t status = axm_keras_floats(call, shape, out);
    if (status < 0) return status;
    if (!cJSON_IsArray(item)) {
        if (!cJSON_IsNumber(item)) return axm_keras_bad_config(call, field);
        **out = (float)item->valuedouble;
        return ACTMAX_OK;
    }
    cJSON_ArrayForEach(element, item)
    {
        if (!cJSON_IsNumber(element)) return axm_keras_bad_config(call, field);
        (*out)[at++] = (float)element->valuedouble;
    }
    return ACTMAX_OK;
}

/* scale * x + shift; either may be one number or one for each channel (Keras's last axis). */
AXM_KERAS_TRANSLATE(rescaling)
{
    const cJSON *scale = axm_keras_item(call->config, "scale"), *offset = axm_keras_item(call->config, "offset");
    axm_keras_tensor x = call->inputs[0];
    axm_shape shape;
    float *numbers;
    int32_t factor, shift;
    int32_t status = read_numbers(call, "scale", scale, &shape, &numbers);
    if (status < 0 || (status = axm_keras_broadcast(call, "scale", &shape, numbers, x, &factor)) < 0) return status;
    if (!offset) return axm_keras_binary(call, "Mul", NULL, x, factor, NULL);
    if ((status = read_numbers(call, "offset", offset, &shape, &numbers)) < 0 ||
        (status = axm_keras_broadcast(call, "offset", &shape, numbers, x, &shift)) < 0 ||
        (status = axm_keras_binary(call, "Mul", "scaled", x, factor, &x)) < 0)
        return status;
    return axm_keras_binary(call, "Add", NULL, x, shift, NULL);
}

/* The constant was made of some of the layer's weights; those of a later call are the same ones. */
static void stand_for(axm_keras_call *call, int32_t value, int64_t count)
{
    axm_parameter kind = call->layer->trained[0] == AXM_KERAS_TRAINED ? AXM_PARAMETER_TRAINED : AXM_PARAMETER_FROZEN;
    if (!call->layer->counted) axm_builder_stands_for(call->import->builder, value, kind, count);
}

static int32_t learned_numbers(axm_keras_call *call, const char *role, axm_shape *shape, float **out)
{
    const axm_constant *stored = axm_keras_weight_data(call, role);
    int32_t unused;
    if (!stored) return axm_keras_weight(call, role, &unused) < 0 ? ACTMAX_ERROR_FORMAT : axm_keras_bad_config(call, role);
    *shape = (axm_shape){1, {axm_shape_count(&stored->shape)}};
    int32_t status = axm_keras_floats(call, shape, out);
    if (status >= 0) axm_constant_to_float(stored, *out);
    return status;
}

/* (x - mean) / max(sqrt(variance), 1e-7), by channel or over all; inverted: mean + x * that. */
AXM_KERAS_TRANSLATE(normalization)
{
    const cJSON *mean = axm_keras_item(call->config, "mean"), *variance = axm_keras_item(call->config, "variance");
    axm_keras_tensor x = call->inputs[0];
    const cJSON *axis = axm_keras_item(call->config, "axis");
    axm_shape shape, shape2;
    float *means, *factors;
    int32_t shift, factor;
    bool invert = axm_keras_flag(call->config, "invert", false);
    if (axis && axis_of(call, x.rank) != x.rank - 1) return axm_keras_refuse(call, "normalisation along other than the last axis");
    int32_t status = mean ? read_numbers(call, "mean", mean, &shape, &means) : learned_numbers(call, "mean", &shape, &means);
    if (status < 0) return status;
    status =
        mean ? read_numbers(call, "variance", variance, &shape2, &factors) : learned_numbers(call, "variance", &shape2, &factors);
    if (status < 0) return status;
    for (int64_t i = 0; i < shape2.dim[0]; ++i)
        factors[i] = invert ? fmaxf(sqrtf(factors[i]), 1e-7f) : 1.0f / fmaxf(sqrtf(factors[i]), 1e-7f);
    if ((status = axm_keras_broadcast(call, "mean", &shape, means, x, &shift)) < 0 ||
        (status = axm_keras_broadcast(call, "factor", &shape2, factors, x, &factor)) < 0)
        return status;
    if (!mean) { /* the third weight counts what was seen */
        stand_for(call, shift, shape.dim[0]);
        stand_for(call, factor, shape2.dim[0] + 1);
        call->layer->counted = true;
    }
    if (invert) {
        status = axm_keras_binary(call, "Mul", "scaled", x, factor, &x);
        return status < 0 ? status : axm_keras_binary(call, "Add", NULL, x, shift, NULL);
    }
    status = axm_keras_binary(call, "Sub", "centred", x, shift, &x);
    return status < 0 ? status : axm_keras_binary(call, "Mul", NULL, x, factor, NULL);
}

/* keras.applications' ConvNeXt: one factor for each channel. */
AXM_KERAS_TRANSLATE(layer_scale)
{
    axm_keras_tensor x = call->inputs[0];
    axm_shape shape;
    float *numbers;
    int32_t factor, status;
    if (!x.moved || x.rank < 3) {
        call->layer->counted = true;
        if ((status = axm_keras_weight(call, "gamma", &factor)) < 0) return status;
        return axm_keras_binary(call, "Mul", NULL, x, factor, NULL);
    }
    if ((status = learned_numbers(call, "gamma", &shape, &numbers)) < 0 ||
        (status = axm_keras_broadcast(call, "factor", &shape, numbers, x, &factor)) < 0)
        return status;
    stand_for(call, factor, shape.dim[0]);
    call->layer->counted = true;
    return axm_keras_binary(call, "Mul", NULL, x, factor, NULL);
}
