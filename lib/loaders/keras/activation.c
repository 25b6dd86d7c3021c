/* Activations: by name, as Keras's functions; and as layers with settings. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

/* The function's name in the forms in which versions of Keras write it; NULL: it is something else. */
static const char *name_of(const cJSON *activation)
{
    if (!activation) return "linear";
    if (cJSON_IsString(activation)) return activation->valuestring;
    const char *class_name = axm_keras_string(activation, "class_name", "");
    if (strcmp(class_name, "function") == 0) return axm_keras_string(activation, "config", NULL);
    return NULL;
}

const cJSON *axm_keras_activation_of(const axm_keras_call *call)
{
    return call->layer->activation ? call->layer->activation : axm_keras_item(call->config, "activation");
}

bool axm_keras_is_linear(const cJSON *activation)
{
    const char *name = name_of(activation);
    return name && strcmp(name, "linear") == 0;
}

/* x * sigmoid(x) */
static int32_t silu(axm_keras_call *call, axm_keras_tensor x)
{
    axm_keras_tensor gate;
    int32_t status = axm_keras_unary(call, "Sigmoid", "gate", x, NULL, 0, &gate);
    return status < 0 ? status : axm_keras_binary(call, "Mul", NULL, x, gate.value, NULL);
}

static int32_t tanh_shrink(axm_keras_call *call, axm_keras_tensor x)
{
    axm_keras_tensor squashed;
    int32_t status = axm_keras_unary(call, "Tanh", "squashed", x, NULL, 0, &squashed);
    return status < 0 ? status : axm_keras_binary(call, "Sub", NULL, x, squashed.value, NULL);
}

static int32_t clip(axm_keras_call *call, const char *suffix, axm_keras_tensor x, double low, double high, axm_keras_tensor *out)
{
    axm_attribute attributes[2];
    size_t count = 0;
    if (isfinite(low)) attributes[count++] = axm_keras_float("min", low);
    if (isfinite(high)) attributes[count++] = axm_keras_float("max", high);
    return axm_keras_unary(call, "Clip", suffix, x, attributes, count, out);
}

/* Along Keras's axis. */
static int32_t soft(axm_keras_call *call, const char *op, axm_keras_tensor x, int64_t axis)
{
    if (axis < 0) axis += x.rank;
    if (axis < 0 || axis >= x.rank) return axm_keras_bad_config(call, "axis");
    if (x.moved && x.rank >= 3 && axis > 0) axis = axis == x.rank - 1 ? 1 : axis + 1;
    const axm_attribute attribute = axm_keras_int("axis", axis);
    return axm_keras_unary(call, op, NULL, x, &attribute, 1, NULL);
}

/* x less what lies within `bound` of zero: with "soft" all of x is drawn in by it, else only x within is. */
static int32_t shrink(axm_keras_call *call, axm_keras_tensor x, double bound, bool softly)
{
    const axm_attribute alpha = axm_keras_float("alpha", bound);
    axm_keras_tensor above, below;
    int32_t status;
    if (softly) {
        if ((status = clip(call, "middle", x, -bound, bound, &above)) < 0) return status;
        return axm_keras_binary(call, "Sub", NULL, x, above.value, NULL);
    }
    if ((status = axm_keras_unary(call, "ThresholdedRelu", "above", x, &alpha, 1, &above)) < 0 ||
        (status = axm_keras_unary(call, "Neg", "negative", x, NULL, 0, &below)) < 0 ||
        (status = axm_keras_unary(call, "ThresholdedRelu", "below", below, &alpha, 1, &below)) < 0)
        return status;
    return axm_keras_binary(call, "Sub", NULL, above, below.value, NULL);
}

/* (x + sqrt(x * x + 4)) / 2 */
static int32_t square_plus(axm_keras_call *call, axm_keras_tensor x)
{
    int32_t four, half, status;
    axm_keras_tensor y;
    if ((status = axm_keras_scalar(call, "four", 4, &four)) < 0 || (status = axm_keras_scalar(call, "half", 0.5f, &half)) < 0 ||
        (status = axm_keras_binary(call, "Mul", "square", x, x.value, &y)) < 0 ||
        (status = axm_keras_binary(call, "Add", "raised", y, four, &y)) < 0 ||
        (status = axm_keras_unary(call, "Sqrt", "root", y, NULL, 0, &y)) < 0 ||
        (status = axm_keras_binary(call, "Add", "sum", y, x.value, &y)) < 0)
        return status;
    return axm_keras_binary(call, "Mul", NULL, y, half, NULL);
}

/* 0 up to -1, (x + 1)^2 / 4 up to 1, then x: ((c + 1) / 2)^2 + relu(x - 1) with c = x within -1..1. */
static int32_t sparse_plus(axm_keras_call *call, axm_keras_tensor x)
{
    const axm_attribute half[] = {axm_keras_float("alpha", 0.5), axm_keras_float("beta", 0.5)};
    int32_t one, status;
    axm_keras_tensor low, high;
    if ((status = axm_keras_scalar(call, "one", 1, &one)) < 0 ||
        (status = axm_keras_unary(call, "HardSigmoid", "half", x, half, 2, &low)) < 0 ||
        (status = axm_keras_binary(call, "Mul", "square", low, low.value, &low)) < 0 ||
        (status = axm_keras_binary(call, "Sub", "over", x, one, &high)) < 0 ||
        (status = axm_keras_unary(call, "Relu", "above", high, NULL, 0, &high)) < 0)
        return status;
    return axm_keras_binary(call, "Add", NULL, low, high.value, NULL);
}

int32_t axm_keras_gate(axm_keras_call *call, axm_keras_tensor x, int64_t axis)
{
    const char *names[] = {axm_keras_name(call, "first"), axm_keras_name(call, "second")};
    int32_t halves[2], status;
    if (!names[0] || !names[1]) return axm_no_memory(0, "a Keras model");
    const axm_attribute attribute = axm_keras_int("axis", axis);
    const axm_node_spec split = {.op = "Split",
                                 .type = call->layer->class_name,
                                 .name = names[0],
                                 .inputs = &x.value,
                                 .input_count = 1,
                                 .outputs = names,
                                 .output_count = 2,
                                 .attributes = {&attribute, 1},
                                 .hidden = true};
    axm_keras_tensor gate = x;
    if ((status = axm_builder_node(call->import->builder, &split, halves)) < 0) return status;
    x.value = halves[0];
    gate.value = halves[1];
    if ((status = axm_keras_unary(call, "Sigmoid", "gate", gate, NULL, 0, &gate)) < 0) return status;
    return axm_keras_binary(call, "Mul", NULL, x, gate.value, NULL);
}

typedef struct named {
    const char *name, *op, *attribute;
    double value;
} named;

static const named plains[] = {
    {"linear", "Identity", NULL, 0},
    {"relu", "Relu", NULL, 0},
    {"sigmoid", "Sigmoid", NULL, 0},
    {"tanh", "Tanh", NULL, 0},
    {"softplus", "Softplus", NULL, 0},
    {"softsign", "Softsign", NULL, 0},
    {"elu", "Elu", NULL, 0},
    {"selu", "Selu", NULL, 0},
    {"celu", "Celu", NULL, 0},
    {"gelu", "Gelu", NULL, 0},
    {"mish", "Mish", NULL, 0},
    {"exponential", "Exp", NULL, 0},
    {"leaky_relu", "LeakyRelu", "alpha", 0.2},
    {"hard_silu", "HardSwish", NULL, 0},
    {"hard_swish", "HardSwish", NULL, 0},
};

static int32_t by_name(axm_keras_call *call, const char *name, axm_keras_tensor x)
{
    for (size_t i = 0; i < sizeof plains / sizeof *plains; ++i) {
        if (strcmp(plains[i].name, name) != 0) continue;
        const axm_attribute attribute = axm_keras_float(plains[i].attribute ? plains[i].attribute : "", plains[i].value);
        return axm_keras_unary(call, plains[i].op, NULL, x, &attribute, plains[i].attribute != NULL, NULL);
    }
    if (strcmp(name, "softmax") == 0) return soft(call, "Softmax", x, -1);
    if (strcmp(name, "log_softmax") == 0) return soft(call, "LogSoftmax", x, -1);
    if (strcmp(name, "sparsemax") == 0) return soft(call, "Sparsemax", x, -1);
    if (strcmp(name, "glu") == 0) return axm_keras_gate(call, x, x.moved && x.rank >= 3 ? 1 : x.rank - 1);
    if (strcmp(name, "relu6") == 0) return clip(call, NULL, x, 0, 6, NULL);
    if (strcmp(name, "swish") == 0 || strcmp(name, "silu") == 0) return silu(call, x);
    if (strcmp(name, "tanh_shrink") == 0) return tanh_shrink(call, x);
    if (strcmp(name, "soft_shrink") == 0 || strcmp(name, "hard_shrink") == 0) return shrink(call, x, 0.5, name[0] == 's');
    if (strcmp(name, "squareplus") == 0) return square_plus(call, x);
    if (strcmp(name, "sparse_plus") == 0) return sparse_plus(call, x);
    if (strcmp(name, "sparse_sigmoid") == 0) {
        const axm_attribute attributes[] = {axm_keras_float("alpha", 0.5), axm_keras_float("beta", 0.5)};
        return axm_keras_unary(call, "HardSigmoid", NULL, x, attributes, 2, NULL);
    }
    if (strcmp(name, "hard_tanh") == 0) return clip(call, NULL, x, -1, 1, NULL);
    if (strcmp(name, "log_sigmoid") == 0) {
        axm_keras_tensor y;
        int32_t status = axm_keras_unary(call, "Neg", "negative", x, NULL, 0, &y);
        if (status >= 0) status = axm_keras_unary(call, "Softplus", "softplus", y, NULL, 0, &y);
        return status < 0 ? status : axm_keras_unary(call, "Neg", NULL, y, NULL, 0, NULL);
    }
    if (strcmp(name, "hard_sigmoid") == 0) { /* Keras 3 took another slope */
        const axm_attribute attributes[] = {axm_keras_float("alpha", call->import->version >= 3 ? 1.0 / 6 : 0.2),
                                            axm_keras_float("beta", 0.5)};
        return axm_keras_unary(call, "HardSigmoid", NULL, x, attributes, 2, NULL);
    }
    return axm_fail(
        ACTMAX_ERROR_UNSUPPORTED,
        "layer '%.80s' (%.40s): activation '%.60s' is none that actmax knows (Python code of the model's own is not in the "
        "file); put one of Keras's in its place, or export the model to ONNX",
        call->name, call->layer->class_name, name);
}

static int32_t leaky(axm_keras_call *call, const char *suffix, axm_keras_tensor x, double slope, axm_keras_tensor *out)
{
    const axm_attribute attribute = axm_keras_float("alpha", slope);
    return axm_keras_unary(call, "LeakyRelu", suffix, x, &attribute, 1, out);
}

/* Below the threshold slope * (x - threshold), from there on x, at most `most`. */
static int32_t sloped_threshold(axm_keras_call *call, axm_keras_tensor x, double slope, double threshold, double most)
{
    const axm_attribute alpha = axm_keras_float("alpha", threshold);
    int32_t shift, factor, status;
    axm_keras_tensor above, below;
    if ((status = axm_keras_scalar(call, "threshold", (float)threshold, &shift)) < 0 ||
        (status = axm_keras_scalar(call, "slope", (float)slope, &factor)) < 0 ||
        (status = axm_keras_unary(call, "ThresholdedRelu", "thresholded", x, &alpha, 1, &above)) < 0)
        return status;
    if (isfinite(most) && (status = clip(call, "bounded", above, -INFINITY, most, &above)) < 0) return status;
    if ((status = clip(call, "low", x, -INFINITY, threshold, &below)) < 0 ||
        (status = axm_keras_binary(call, "Sub", "below", below, shift, &below)) < 0 ||
        (status = axm_keras_binary(call, "Mul", "sloped", below, factor, &below)) < 0)
        return status;
    return axm_keras_binary(call, "Add", NULL, above, below.value, NULL);
}

/* max_value: none is +infinity. x from the threshold on, at most max_value; below it slope * (x - threshold). */
static int32_t general_relu(axm_keras_call *call, axm_keras_tensor x, double slope, double threshold, double most)
{
    bool bounded = isfinite(most);
    int32_t status;
    if (threshold == 0.0 && slope == 0.0)
        return bounded ? clip(call, NULL, x, 0, most, NULL) : axm_keras_unary(call, "Relu", NULL, x, NULL, 0, NULL);
    if (slope != 0.0 && threshold != 0.0) return sloped_threshold(call, x, slope, threshold, most);
    if (slope != 0.0) {
        if (!bounded) return leaky(call, NULL, x, slope, NULL);
        if ((status = leaky(call, "leaky", x, slope, &x)) < 0) return status;
    } else {
        const axm_attribute attribute = axm_keras_float("alpha", threshold);
        status = axm_keras_unary(call, "ThresholdedRelu", bounded ? "thresholded" : NULL, x, &attribute, 1, &x);
        if (status < 0 || !bounded) return status;
    }
    return clip(call, NULL, x, -INFINITY, most, NULL);
}

static int32_t relu_of(axm_keras_call *call, const cJSON *config, axm_keras_tensor x)
{
    return general_relu(call, x, axm_keras_number(config, "negative_slope", 0), axm_keras_number(config, "threshold", 0),
                        axm_keras_number(config, "max_value", INFINITY));
}

static int32_t leaky_of(axm_keras_call *call, const cJSON *config, axm_keras_tensor x)
{
    double slope = axm_keras_number(config, "negative_slope", axm_keras_number(config, "alpha", 0.3));
    return leaky(call, NULL, x, slope, NULL);
}

static int32_t elu_of(axm_keras_call *call, const cJSON *config, axm_keras_tensor x)
{
    const axm_attribute attribute = axm_keras_float("alpha", axm_keras_number(config, "alpha", 1));
    return axm_keras_unary(call, "Elu", NULL, x, &attribute, 1, NULL);
}

/* exp(x - max) divided by its sum. */
static int32_t soft_over_axes(axm_keras_call *call, const cJSON *config, axm_keras_tensor x)
{
    int64_t axes[AXM_MAX_RANK];
    int32_t count = axm_keras_axes(config, "axis", x, axes);
    axm_keras_tensor y;
    if (count < 1) return axm_keras_bad_config(call, "axis");
    const axm_attribute attributes[] = {axm_keras_ints("axes", axes, (size_t)count), axm_keras_int("keepdims", 1)};
    int32_t status = axm_keras_unary(call, "ReduceMax", "largest", x, attributes, 2, &y);
    if (status < 0 || (status = axm_keras_binary(call, "Sub", "lowered", x, y.value, &x)) < 0 ||
        (status = axm_keras_unary(call, "Exp", "exponential", x, NULL, 0, &x)) < 0 ||
        (status = axm_keras_unary(call, "ReduceSum", "sum", x, attributes, 2, &y)) < 0)
        return status;
    return axm_keras_binary(call, "Div", NULL, x, y.value, NULL);
}

static int32_t softmax_of(axm_keras_call *call, const cJSON *config, axm_keras_tensor x)
{
    int64_t axis;
    if (!axm_keras_integers(config, "axis", 1, -1, &axis)) return soft_over_axes(call, config, x);
    return soft(call, "Softmax", x, axis);
}

int32_t axm_keras_activate(axm_keras_call *call, const cJSON *activation, axm_keras_tensor x)
{
    const char *name = name_of(activation);
    if (name) return by_name(call, name, x);
    const char *class_name = axm_keras_string(activation, "class_name", "(none)"); /* a layer in an activation's place */
    const cJSON *config = axm_keras_item(activation, "config");
    if (strcmp(class_name, "ReLU") == 0) return relu_of(call, config, x);
    if (strcmp(class_name, "LeakyReLU") == 0) return leaky_of(call, config, x);
    if (strcmp(class_name, "ELU") == 0) return elu_of(call, config, x);
    if (strcmp(class_name, "Softmax") == 0) return softmax_of(call, config, x);
    return by_name(call, class_name, x);
}

AXM_KERAS_TRANSLATE(activation)
{
    return axm_keras_activate(call, axm_keras_activation_of(call), call->inputs[0]);
}

AXM_KERAS_TRANSLATE(relu)
{
    return relu_of(call, call->config, call->inputs[0]);
}

AXM_KERAS_TRANSLATE(leaky_relu)
{
    return leaky_of(call, call->config, call->inputs[0]);
}

AXM_KERAS_TRANSLATE(elu)
{
    return elu_of(call, call->config, call->inputs[0]);
}

AXM_KERAS_TRANSLATE(thresholded_relu)
{
    return general_relu(call, call->inputs[0], 0, axm_keras_number(call->config, "theta", 1), INFINITY);
}

AXM_KERAS_TRANSLATE(softmax)
{
    return softmax_of(call, call->config, call->inputs[0]);
}

/* A slope for each channel, or for each position and channel. */
AXM_KERAS_TRANSLATE(prelu)
{
    axm_keras_tensor x = call->inputs[0];
    const axm_constant *stored = axm_keras_weight_data(call, "alpha");
    int32_t slopes;
    if (stored && x.moved && x.rank >= 3 && call->layer->values[0] == AXM_NO_VALUE) { /* the channels come first, as in x */
        const axm_shape from = stored->shape;
        axm_shape shape = from;
        float *plain, *turned;
        if (from.rank != x.rank - 1) return axm_keras_bad_config(call, "alpha");
        int64_t channels = from.dim[from.rank - 1], space = axm_shape_count(&from) / (channels > 0 ? channels : 1);
        shape.dim[0] = channels;
        for (int32_t i = 0; i + 1 < from.rank; ++i)
            shape.dim[i + 1] = from.dim[i];
        int32_t status = axm_keras_floats(call, &shape, &turned);
        if (status < 0 || (status = axm_keras_floats(call, &shape, &plain)) < 0) return status;
        axm_constant_to_float(stored, plain);
        for (int64_t p = 0; p < space; ++p)
            for (int64_t c = 0; c < channels; ++c)
                turned[c * space + p] = plain[p * channels + c];
        call->layer->weights[0] = (axm_constant){AXM_FLOAT32, shape, turned, (size_t)(channels * space) * sizeof *turned};
    }
    int32_t status = axm_keras_weight(call, "alpha", &slopes);
    return status < 0 ? status : axm_keras_binary(call, "PRelu", NULL, x, slopes, NULL);
}
