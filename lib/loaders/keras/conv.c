/* Convolutions and dense layers. Kernels of one and two axes stay in the file as they lie there: [(height,) width, in, out]. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

#define CONV_ATTRIBUTES 6

/* What a convolution's configuration says, as attributes of Conv. */
typedef struct window {
    int64_t strides[3], dilations[3], pads[2], kernel;
    axm_attribute attributes[CONV_ATTRIBUTES];
    size_t count;
    int32_t axes;
    bool last; /* the layer takes its channels last */
} window;

static int32_t read_window(axm_keras_call *call, int32_t rank, int64_t group, window *w)
{
    *w = (window){.axes = rank - 2};
    if (rank < 3 || rank > 5) return axm_keras_refuse(call, "a convolution over other than 1 to 3 axes");
    if (!axm_keras_integers(call->config, "strides", w->axes, 1, w->strides)) return axm_keras_bad_config(call, "strides");
    if (!axm_keras_integers(call->config, "dilation_rate", w->axes, 1, w->dilations))
        return axm_keras_bad_config(call, "dilation_rate");
    const char *padding = axm_keras_string(call->config, "padding", "valid");
    if (strcmp(padding, "same") == 0) {
        w->attributes[w->count++] = axm_keras_text("auto_pad", "SAME_UPPER");
    } else if (strcmp(padding, "causal") == 0 && w->axes == 1) {
        if (!axm_keras_integers(call->config, "kernel_size", 1, 0, &w->kernel) || w->kernel < 1)
            return axm_keras_bad_config(call, "kernel_size");
        w->pads[0] = (w->kernel - 1) * w->dilations[0];
        w->attributes[w->count++] = axm_keras_ints("pads", w->pads, 2);
    } else if (strcmp(padding, "valid") != 0) {
        return axm_keras_bad_config(call, "padding");
    }
    w->last = strcmp(axm_keras_string(call->config, "data_format", "channels_last"), "channels_first") != 0;
    w->attributes[w->count++] = axm_keras_ints("strides", w->strides, (size_t)w->axes);
    w->attributes[w->count++] = axm_keras_ints("dilations", w->dilations, (size_t)w->axes);
    w->attributes[w->count++] = axm_keras_int("group", group);
    if (w->axes < 3) w->attributes[w->count++] = axm_keras_int("hwio", 1);
    return ACTMAX_OK;
}

/* The input with its channels at axis 1 of the graph. */
static int32_t channels_first(axm_keras_call *call, bool last, axm_keras_tensor *x)
{
    return axm_keras_order(call, call->inputs[0], last, x);
}

static int32_t emit_conv(axm_keras_call *call, const char *suffix, axm_keras_tensor x, int32_t kernel, int32_t bias,
                         const window *w, axm_keras_tensor *out)
{
    const int32_t inputs[3] = {x.value, kernel, bias};
    const axm_keras_node node = {
        w->axes == 3 ? "Conv3D" : "Conv", suffix, inputs, bias == AXM_NO_VALUE ? 2 : 3, w->attributes, w->count, x};
    return axm_keras_emit(call, &node, out);
}

/* The convolution, listed itself when nothing follows, then the activation. */
static int32_t finish(axm_keras_call *call, axm_keras_tensor x, int32_t kernel, int32_t bias, const window *w)
{
    const cJSON *activation = axm_keras_activation_of(call);
    axm_keras_tensor y;
    if (axm_keras_is_linear(activation)) return emit_conv(call, NULL, x, kernel, bias, w, NULL);
    int32_t status = emit_conv(call, "pre_activation", x, kernel, bias, w, &y);
    return status < 0 ? status : axm_keras_activate(call, activation, y);
}

/* What a kernel with its channels last becomes: [depth, height, width, in, out] as Conv3D wants it, [out, in, ...]; or
 * [(height,) width, out, in] as ConvTranspose wants it, [in, out, ...]. The same turn: the last axis first. */
static int32_t turn_kernel(axm_keras_call *call, int32_t axes)
{
    const axm_constant *stored = axm_keras_weight_data(call, "kernel");
    axm_keras_layer *layer = call->layer;
    if (!stored || layer->values[0] != AXM_NO_VALUE || stored->shape.rank != axes + 2) return ACTMAX_OK;
    const int64_t *d = stored->shape.dim, before = d[axes], last = d[axes + 1];
    axm_shape shape = {axes + 2, {last, before}};
    int64_t taps = 1, channels = before * last;
    float *turned, *plain;
    for (int32_t i = 0; i < axes; ++i) {
        shape.dim[2 + i] = d[i];
        taps *= d[i];
    }
    int32_t status = axm_keras_floats(call, &shape, &turned);
    if (status < 0) return status;
    plain = axm_alloc_array(call->import->source->allocator, (size_t)(taps * channels), sizeof *plain);
    if (!plain) return ACTMAX_ERROR_NO_MEMORY;
    axm_constant_to_float(stored, plain);
    for (int64_t t = 0; t < taps; ++t)
        for (int64_t b = 0; b < before; ++b)
            for (int64_t l = 0; l < last; ++l)
                turned[(l * before + b) * taps + t] = plain[t * channels + b * last + l];
    axm_free(call->import->source->allocator, plain);
    layer->weights[0] = (axm_constant){AXM_FLOAT32, shape, turned, (size_t)(taps * channels) * sizeof *turned};
    return ACTMAX_OK;
}

AXM_KERAS_TRANSLATE(conv)
{
    window w;
    axm_keras_tensor x;
    int32_t kernel, bias;
    int32_t status = read_window(call, call->inputs[0].rank, (int64_t)axm_keras_number(call->config, "groups", 1), &w);
    if (status < 0 || (w.axes == 3 && (status = turn_kernel(call, 3)) < 0) ||
        (status = axm_keras_weight(call, "kernel", &kernel)) < 0 || (status = axm_keras_weight(call, "bias", &bias)) < 0 ||
        (status = channels_first(call, w.last, &x)) < 0)
        return status;
    return finish(call, x, kernel, bias, &w);
}

/* A depthwise kernel [.., channels, multiplier] is a grouped one [.., 1, channels * multiplier] of the same bytes. */
static int32_t depthwise_kernel(axm_keras_call *call, int32_t rank, int32_t *out, int64_t *channels)
{
    const axm_constant *stored = axm_keras_weight_data(call, "depthwise_kernel");
    axm_keras_layer *layer = call->layer;
    if (stored && stored->shape.rank == rank && layer->values[0] == AXM_NO_VALUE) {
        axm_shape *shape = &layer->weights[0].shape;
        *channels = shape->dim[rank - 2];
        shape->dim[rank - 1] *= shape->dim[rank - 2];
        shape->dim[rank - 2] = 1;
    } else if (stored && stored->shape.rank == rank) { /* a later call: the kernel is made already */
        *channels = (int64_t)axm_keras_number(call->config, "depth_multiplier", 1);
        if (*channels < 1) return axm_keras_bad_config(call, "depth_multiplier");
        *channels = stored->shape.dim[rank - 1] / *channels;
    } else if (stored) {
        return axm_keras_bad_config(call, "depthwise_kernel");
    }
    return axm_keras_weight(call, "depthwise_kernel", out);
}

AXM_KERAS_TRANSLATE(depthwise)
{
    window w;
    axm_keras_tensor x;
    int32_t kernel, bias;
    int64_t channels = 1;
    int32_t status = depthwise_kernel(call, call->inputs[0].rank, &kernel, &channels);
    if (status < 0 || (status = read_window(call, call->inputs[0].rank, channels, &w)) < 0 ||
        (status = axm_keras_weight(call, "bias", &bias)) < 0 || (status = channels_first(call, w.last, &x)) < 0)
        return status;
    return finish(call, x, kernel, bias, &w);
}

AXM_KERAS_TRANSLATE(separable)
{
    window w, point;
    axm_keras_tensor x;
    int32_t depthwise, pointwise, bias;
    int64_t channels = 1;
    int32_t status = depthwise_kernel(call, call->inputs[0].rank, &depthwise, &channels);
    if (status < 0 || (status = read_window(call, call->inputs[0].rank, channels, &w)) < 0 ||
        (status = axm_keras_weight(call, "pointwise_kernel", &pointwise)) < 0 ||
        (status = axm_keras_weight(call, "bias", &bias)) < 0 || (status = channels_first(call, w.last, &x)) < 0 ||
        (status = emit_conv(call, "depthwise", x, depthwise, AXM_NO_VALUE, &w, &x)) < 0)
        return status;
    point = (window){.axes = w.axes, .last = w.last};
    point.attributes[point.count++] = axm_keras_int("hwio", 1);
    return finish(call, x, pointwise, bias, &point);
}

/* What is cut off (or, when negative, added) after a transposed convolution along one axis. With "valid" padding the output reaches
 * as far as the kernel does; with "same" it is the input's size times the stride, unless the layer says how much output_padding
 * (-1: it does not) follows on what half a kernel's cut at each end leaves. */
static int64_t transposed_cut(bool same, int64_t reach, int64_t stride, int64_t output_padding)
{
    if (output_padding >= 0) return (same ? reach / 2 * 2 : 0) - output_padding;
    return same || reach < stride ? reach - stride : 0;
}

/* Keras cuts by half at the start, the larger half at the end. */
AXM_KERAS_TRANSLATE(conv_transpose)
{
    int64_t strides[3], dilations[3], kernel_size[3], after[3], extra[3] = {0}, pads[6] = {0};
    int32_t kernel, bias, axes = call->inputs[0].rank - 2;
    axm_keras_tensor x, y;
    bool last = strcmp(axm_keras_string(call->config, "data_format", "channels_last"), "channels_first") != 0;
    bool same = strcmp(axm_keras_string(call->config, "padding", "valid"), "same") == 0;
    if (axes < 1 || axes > 3) return axm_keras_refuse(call, "a transposed convolution over other than 1 to 3 axes");
    if (!axm_keras_integers(call->config, "strides", axes, 1, strides)) return axm_keras_bad_config(call, "strides");
    if (!axm_keras_integers(call->config, "dilation_rate", axes, 1, dilations)) return axm_keras_bad_config(call, "dilation_rate");
    if (!axm_keras_integers(call->config, "kernel_size", axes, 0, kernel_size)) return axm_keras_bad_config(call, "kernel_size");
    if (!axm_keras_integers(call->config, "output_padding", axes, -1, after)) return axm_keras_bad_config(call, "output_padding");
    for (int32_t i = 0; i < axes; ++i) {
        if (strides[i] < 1 || strides[i] > 1 << 20 || dilations[i] < 1 || dilations[i] > 1 << 20 || kernel_size[i] < 1 ||
            kernel_size[i] > 1 << 20)
            return axm_keras_bad_config(call, "kernel_size");
        if (after[i] < -1 || after[i] > 1 << 20) return axm_keras_bad_config(call, "output_padding");
        int64_t cut = transposed_cut(same, (kernel_size[i] - 1) * dilations[i] + 1, strides[i], after[i]);
        extra[i] = cut < 0 ? -cut : 0; /* zeros after the last tap */
        pads[i] = cut > 0 ? cut / 2 : 0;
        pads[axes + i] = cut > 0 ? cut - cut / 2 : 0;
    }
    int32_t status = turn_kernel(call, axes);
    if (status < 0 || (status = axm_keras_weight(call, "kernel", &kernel)) < 0 ||
        (status = axm_keras_weight(call, "bias", &bias)) < 0 || (status = channels_first(call, last, &x)) < 0)
        return status;
    const axm_attribute attributes[] = {
        axm_keras_ints("strides", strides, (size_t)axes), axm_keras_ints("dilations", dilations, (size_t)axes),
        axm_keras_ints("output_padding", extra, (size_t)axes), axm_keras_ints("pads", pads, 2 * (size_t)axes)};
    const cJSON *activation = axm_keras_activation_of(call);
    bool linear = axm_keras_is_linear(activation);
    const int32_t inputs[3] = {x.value, kernel, bias};
    const axm_keras_node node = {
        "ConvTranspose", linear ? NULL : "pre_activation", inputs, bias == AXM_NO_VALUE ? 2 : 3, attributes, 4, x};
    if ((status = axm_keras_emit(call, &node, &y)) < 0 || linear) return status;
    return axm_keras_activate(call, activation, y);
}

/* On rows a matrix product. On more axes, a product along the last one: on images a convolution of one position. */
static int32_t dense_product(axm_keras_call *call, int32_t kernel, int32_t bias, const char *suffix, axm_keras_tensor *out)
{
    axm_keras_tensor x = call->inputs[0], product;
    const int32_t inputs[3] = {x.value, kernel, bias};
    if (x.rank == 2) {
        const axm_keras_node node = {"Gemm", suffix, inputs, bias == AXM_NO_VALUE ? 2 : 3, NULL, 0, x};
        return axm_keras_emit(call, &node, out);
    }
    int32_t status = axm_keras_order(call, x, false, &x);
    if (status < 0) return status;
    if (bias == AXM_NO_VALUE) return axm_keras_binary(call, "MatMul", suffix, x, kernel, out);
    if ((status = axm_keras_binary(call, "MatMul", "product", x, kernel, &product)) < 0) return status;
    return axm_keras_binary(call, "Add", suffix, product, bias, out);
}

AXM_KERAS_TRANSLATE(dense)
{
    const cJSON *activation = axm_keras_activation_of(call);
    bool linear = axm_keras_is_linear(activation);
    int32_t kernel, bias;
    axm_keras_tensor y;
    if (call->inputs[0].rank < 2) return axm_keras_refuse(call, "an input of one axis");
    int32_t status = axm_keras_weight(call, "kernel", &kernel);
    if (status < 0 || (status = axm_keras_weight(call, "bias", &bias)) < 0) return status;
    status = dense_product(call, kernel, bias, linear ? NULL : "pre_activation", &y);
    return status < 0 || linear ? status : axm_keras_activate(call, activation, y);
}
