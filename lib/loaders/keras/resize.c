/* Layers that make images larger or smaller, or cut their middle out. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

#define MOST_SIZE 1000000

static int32_t image_in_order(axm_keras_call *call, axm_keras_tensor *x)
{
    bool last = strcmp(axm_keras_string(call->config, "data_format", "channels_last"), "channels_first") != 0;
    if (call->inputs[0].rank != 4) return axm_keras_refuse(call, "an input that is no image");
    return axm_keras_order(call, call->inputs[0], last, x);
}

/* Keras's names of filters, TensorFlow's definitions: its cubic is Keys's with a = -1/2, and what would reach beyond the edge is
 * left out of the weights' sum. */
static const struct {
    const char *name, *mode;
    bool antialias; /* may be asked for */
} filters[] = {
    {"nearest", "nearest", false},  {"bilinear", "linear", true},        {"bicubic", "cubic", true},
    {"area", "area", false},        {"gaussian", "gaussian", true},      {"lanczos3", "lanczos3", true},
    {"lanczos5", "lanczos5", true}, {"mitchellcubic", "mitchell", true},
};

#define FILTER_ATTRIBUTES 7

/* The attributes of Resize for the filter that a layer names. Keras's nearest pixel: of UpSampling the one that was repeated, of
 * Resizing the one in whose place the new pixel's middle lies. */
static int32_t read_filter(axm_keras_call *call, const char *fallback, bool by_size, axm_attribute *attributes, size_t *count)
{
    const char *name = axm_keras_string(call->config, "interpolation", fallback);
    bool antialias = axm_keras_flag(call->config, "antialias", false);
    size_t i = 0, most = sizeof filters / sizeof *filters;
    while (i < most && strcmp(filters[i].name, name) != 0)
        ++i;
    if (i == most) return axm_keras_refuse(call, "an interpolation other than Keras's filters");
    bool repeated = i == 0 && !by_size;
    attributes[(*count)++] = axm_keras_text("mode", filters[i].mode);
    attributes[(*count)++] = axm_keras_text("coordinate_transformation_mode", repeated ? "asymmetric" : "half_pixel");
    attributes[(*count)++] = axm_keras_text("nearest_mode", by_size ? "round_prefer_ceil" : "floor");
    attributes[(*count)++] = axm_keras_float("cubic_coeff_a", -0.5);
    attributes[(*count)++] = axm_keras_int("exclude_outside", 1);
    attributes[(*count)++] = axm_keras_int("antialias", antialias && filters[i].antialias);
    return ACTMAX_OK;
}

/* Every axis of space so many times as large. */
static int32_t emit_enlarging(axm_keras_call *call, axm_keras_tensor x, const char *fallback, const int64_t *factors)
{
    const axm_shape shape = {1, {x.rank}};
    axm_attribute attributes[FILTER_ATTRIBUTES];
    size_t count = 0;
    float *scales;
    int32_t constant, status = read_filter(call, fallback, false, attributes, &count);
    if (status < 0 || (status = axm_keras_floats(call, &shape, &scales)) < 0) return status;
    for (int32_t i = 0; i < x.rank; ++i)
        scales[i] = i < 2 ? 1.0f : (float)factors[i - 2];
    if ((status = axm_keras_constant(call, "scales", &shape, scales, &constant)) < 0) return status;
    const int32_t inputs[3] = {x.value, AXM_NO_VALUE, constant};
    const axm_keras_node node = {"Resize", NULL, inputs, 3, attributes, count, x};
    return axm_keras_emit(call, &node, NULL);
}

static int32_t emit_resizing(axm_keras_call *call, axm_keras_tensor x, const int64_t size[2])
{
    static const int64_t axes[2] = {2, 3};
    const axm_shape two = {1, {2}};
    axm_attribute attributes[FILTER_ATTRIBUTES];
    size_t count = 0;
    int32_t constant, status = read_filter(call, "bilinear", true, attributes, &count);
    if (status < 0 || (status = axm_keras_integer_constant(call, "sizes", &two, size, &constant)) < 0) return status;
    attributes[count++] = axm_keras_ints("axes", axes, 2);
    const int32_t inputs[4] = {x.value, AXM_NO_VALUE, AXM_NO_VALUE, constant};
    const axm_keras_node node = {"Resize", NULL, inputs, 4, attributes, count, x};
    return axm_keras_emit(call, &node, NULL);
}

AXM_KERAS_TRANSLATE(up_sampling)
{
    int64_t size[2];
    axm_keras_tensor x;
    if (!axm_keras_integers(call->config, "size", 2, 2, size) || size[0] < 1 || size[1] < 1)
        return axm_keras_bad_config(call, "size");
    int32_t status = image_in_order(call, &x);
    return status < 0 ? status : emit_enlarging(call, x, "nearest", size);
}

/* Every step of a sequence, or every plane, row and column of a volume, several times. */
static int32_t repeat(axm_keras_call *call, int32_t axes)
{
    int64_t size[3];
    axm_keras_tensor x;
    bool last = strcmp(axm_keras_string(call->config, "data_format", "channels_last"), "channels_first") != 0;
    if (call->inputs[0].rank != axes + 2) return axm_keras_refuse(call, "an input of another number of axes");
    if (!axm_keras_integers(call->config, "size", axes, 2, size)) return axm_keras_bad_config(call, "size");
    for (int32_t i = 0; i < axes; ++i)
        if (size[i] < 1) return axm_keras_bad_config(call, "size");
    int32_t status = axm_keras_order(call, call->inputs[0], last, &x);
    return status < 0 ? status : emit_enlarging(call, x, "nearest", size);
}

AXM_KERAS_TRANSLATE(up_sampling_1d)
{
    return repeat(call, 1);
}

AXM_KERAS_TRANSLATE(up_sampling_3d)
{
    return repeat(call, 3);
}

static int32_t read_sizes(axm_keras_call *call, int64_t size[2])
{
    if (!axm_keras_integers(call->config, "height", 1, 0, &size[0]) || size[0] < 1 || size[0] > MOST_SIZE)
        return axm_keras_bad_config(call, "height");
    if (!axm_keras_integers(call->config, "width", 1, 0, &size[1]) || size[1] < 1 || size[1] > MOST_SIZE)
        return axm_keras_bad_config(call, "width");
    return ACTMAX_OK;
}

/* Both axes' sizes of an image, as values of the graph, and the sizes that a picture of the wanted shape has when it has this
 * image's width, or height: [width * wanted height / wanted width, height * wanted width / wanted height], rounded down. */
static int32_t find_proportions(axm_keras_call *call, axm_keras_tensor x, const int64_t size[2], axm_keras_tensor *own,
                                axm_keras_tensor *fitting)
{
    const axm_shape two = {1, {2}};
    const int64_t swap[2] = {1, 0}, turned[2] = {size[1], size[0]};
    const axm_attribute from = axm_keras_int("start", 2);
    const axm_keras_tensor list = {AXM_NO_VALUE, 1, false};
    const axm_keras_node shape = {"Shape", "size", &x.value, 1, &from, 1, list};
    int32_t order, times, by, status;
    if ((status = axm_keras_emit(call, &shape, own)) < 0 ||
        (status = axm_keras_integer_constant(call, "swap", &two, swap, &order)) < 0 ||
        (status = axm_keras_integer_constant(call, "times", &two, size, &times)) < 0 ||
        (status = axm_keras_integer_constant(call, "by", &two, turned, &by)) < 0 ||
        (status = axm_keras_binary(call, "Gather", "turned", *own, order, fitting)) < 0 ||
        (status = axm_keras_binary(call, "Mul", "product", *fitting, times, fitting)) < 0)
        return status;
    return axm_keras_binary(call, "Div", "fitting", *fitting, by, fitting);
}

/* (a - b) / 2, rounded down */
static int32_t half_difference(axm_keras_call *call, axm_keras_tensor a, axm_keras_tensor b, axm_keras_tensor *out)
{
    const axm_shape one = {1, {1}};
    const int64_t two = 2;
    int32_t half, status = axm_keras_integer_constant(call, "half", &one, &two, &half);
    if (status < 0 || (status = axm_keras_binary(call, "Sub", "over", a, b.value, out)) < 0) return status;
    return axm_keras_binary(call, "Div", "start", *out, half, out);
}

/* Rows and columns from `start` on, `size` of them. */
static int32_t cut(axm_keras_call *call, axm_keras_tensor start, axm_keras_tensor size, axm_keras_tensor *x)
{
    static const int64_t axes[2] = {2, 3};
    const axm_shape two = {1, {2}};
    axm_keras_tensor end;
    int32_t which, status = axm_keras_integer_constant(call, "axes", &two, axes, &which);
    if (status < 0 || (status = axm_keras_binary(call, "Add", "end", start, size.value, &end)) < 0) return status;
    const int32_t inputs[4] = {x->value, start.value, end.value, which};
    const axm_keras_node slice = {"Slice", "middle", inputs, 4, NULL, 0, *x};
    return axm_keras_emit(call, &slice, x);
}

/* The sizes of an image and of the largest part of it that has the wanted proportions. */
static int32_t find_part(axm_keras_call *call, axm_keras_tensor x, const int64_t size[2], axm_keras_tensor *own,
                         axm_keras_tensor *part)
{
    const axm_shape shape = {1, {1}};
    const int64_t least = 1;
    int32_t one, status = find_proportions(call, x, size, own, part);
    if (status < 0 || (status = axm_keras_integer_constant(call, "least", &shape, &least, &one)) < 0 ||
        (status = axm_keras_binary(call, "Min", "inside", *part, own->value, part)) < 0)
        return status;
    return axm_keras_binary(call, "Max", "part", *part, one, part);
}

static int32_t crop_to_proportions(axm_keras_call *call, const int64_t size[2], axm_keras_tensor *x)
{
    axm_keras_tensor own, part, start;
    int32_t status = find_part(call, *x, size, &own, &part);
    if (status < 0 || (status = half_difference(call, own, part, &start)) < 0) return status;
    return cut(call, start, part, x);
}

/* The picture in the middle of one of the wanted proportions, filled around by a number: as much before as after. */
static int32_t pad_to_proportions(axm_keras_call *call, const int64_t size[2], axm_keras_tensor *x)
{
    static const int64_t axes[2] = {2, 3};
    const axm_shape two = {1, {2}};
    const axm_attribute along = axm_keras_int("axis", 0);
    axm_keras_tensor own, whole, side;
    int32_t which, filler, status = find_proportions(call, *x, size, &own, &whole);
    if (strcmp(axm_keras_string(call->config, "fill_mode", "constant"), "constant") != 0)
        return axm_keras_refuse(call, "padding by other than a constant");
    if (status < 0 || (status = axm_keras_binary(call, "Max", "whole", whole, own.value, &whole)) < 0 ||
        (status = half_difference(call, whole, own, &side)) < 0 ||
        (status = axm_keras_integer_constant(call, "axes", &two, axes, &which)) < 0 ||
        (status = axm_keras_scalar(call, "fill", (float)axm_keras_number(call->config, "fill_value", 0), &filler)) < 0)
        return status;
    const int32_t sides[2] = {side.value, side.value};
    const axm_keras_node both = {"Concat", "sides", sides, 2, &along, 1, side};
    if ((status = axm_keras_emit(call, &both, &side)) < 0) return status;
    const int32_t inputs[4] = {x->value, side.value, filler, which};
    const axm_keras_node pad = {"Pad", "padded", inputs, 4, NULL, 0, *x};
    return axm_keras_emit(call, &pad, x);
}

AXM_KERAS_TRANSLATE(resizing)
{
    int64_t size[2];
    axm_keras_tensor x;
    int32_t status = read_sizes(call, size);
    if (status < 0 || (status = image_in_order(call, &x)) < 0) return status;
    if (axm_keras_flag(call->config, "crop_to_aspect_ratio", false))
        status = crop_to_proportions(call, size, &x);
    else if (axm_keras_flag(call->config, "pad_to_aspect_ratio", false))
        status = pad_to_proportions(call, size, &x);
    return status < 0 ? status : emit_resizing(call, x, size);
}

/* As its documentation says of inference: the largest middle part of the wanted proportions, resized. */
AXM_KERAS_TRANSLATE(random_crop)
{
    int64_t size[2];
    axm_keras_tensor x;
    int32_t status = read_sizes(call, size);
    if (status < 0 || (status = image_in_order(call, &x)) < 0 || (status = crop_to_proportions(call, size, &x)) < 0) return status;
    return emit_resizing(call, x, size);
}

/* The middle of the wanted size; of an image that is smaller along some axis the largest middle part of the wanted proportions,
 * resized. */
AXM_KERAS_TRANSLATE(center_crop)
{
    const axm_shape two = {1, {2}}, one = {1, {1}};
    const int64_t least = 0;
    const axm_keras_tensor list = {AXM_NO_VALUE, 1, false};
    int64_t size[2];
    axm_keras_tensor x, own, part, start, large, wanted = list;
    int32_t zero, status;
    if ((status = read_sizes(call, size)) < 0 || (status = image_in_order(call, &x)) < 0 ||
        (status = axm_keras_integer_constant(call, "wanted", &two, size, &wanted.value)) < 0 ||
        (status = axm_keras_integer_constant(call, "zero", &one, &least, &zero)) < 0 ||
        (status = find_part(call, x, size, &own, &part)) < 0 ||
        (status = axm_keras_binary(call, "Sub", "spare", own, wanted.value, &large)) < 0 ||
        (status = axm_keras_unary(call, "ReduceMin", "least", large, NULL, 0, &large)) < 0 ||
        (status = axm_keras_binary(call, "GreaterOrEqual", "large", large, zero, &large)) < 0)
        return status;
    const int32_t choice[3] = {large.value, wanted.value, part.value};
    const axm_keras_node where = {"Where", "kept", choice, 3, NULL, 0, list};
    if ((status = axm_keras_emit(call, &where, &part)) < 0 || (status = half_difference(call, own, part, &start)) < 0 ||
        (status = cut(call, start, part, &x)) < 0)
        return status;
    return emit_resizing(call, x, size);
}
