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

/* scales or sizes of all axes; `by_size` says which. Keras's nearest pixel: of UpSampling the one that was repeated, of Resizing
 * the one in whose place the new pixel's middle lies. */
static int32_t emit_resize(axm_keras_call *call, axm_keras_tensor x, const char *mode, bool by_size, const int64_t *numbers)
{
    const axm_shape shape = {1, {x.rank}};
    float *scales;
    int32_t constant, status;
    bool nearest = strcmp(mode, "nearest") == 0;
    const axm_attribute attributes[] = {
        axm_keras_text("mode", nearest ? "nearest" : "linear"),
        axm_keras_text("coordinate_transformation_mode", nearest && !by_size ? "asymmetric" : "half_pixel"),
        axm_keras_text("nearest_mode", by_size ? "round_prefer_ceil" : "floor")};
    if (by_size) {
        const int64_t axes[2] = {2, 3};
        const axm_attribute sized[] = {attributes[0], attributes[1], attributes[2], axm_keras_ints("axes", axes, 2)};
        const axm_shape two = {1, {2}};
        if ((status = axm_keras_integer_constant(call, "sizes", &two, numbers, &constant)) < 0) return status;
        const int32_t inputs[4] = {x.value, AXM_NO_VALUE, AXM_NO_VALUE, constant};
        const axm_keras_node node = {"Resize", NULL, inputs, 4, sized, 4, x};
        return axm_keras_emit(call, &node, NULL);
    }
    if ((status = axm_keras_floats(call, &shape, &scales)) < 0) return status;
    for (int32_t i = 0; i < x.rank; ++i)
        scales[i] = i < 2 ? 1.0f : (float)numbers[i - 2];
    if ((status = axm_keras_constant(call, "scales", &shape, scales, &constant)) < 0) return status;
    const int32_t inputs[3] = {x.value, AXM_NO_VALUE, constant};
    const axm_keras_node node = {"Resize", NULL, inputs, 3, attributes, 3, x};
    return axm_keras_emit(call, &node, NULL);
}

AXM_KERAS_TRANSLATE(up_sampling)
{
    const char *kind = axm_keras_string(call->config, "interpolation", "nearest");
    int64_t size[2];
    axm_keras_tensor x;
    if (!axm_keras_integers(call->config, "size", 2, 2, size) || size[0] < 1 || size[1] < 1)
        return axm_keras_bad_config(call, "size");
    if (strcmp(kind, "nearest") != 0 && strcmp(kind, "bilinear") != 0)
        return axm_keras_refuse(call, "interpolation other than nearest and bilinear");
    int32_t status = image_in_order(call, &x);
    return status < 0 ? status : emit_resize(call, x, kind, false, size);
}

/* Every step of a sequence several times. */
AXM_KERAS_TRANSLATE(up_sampling_1d)
{
    int64_t size;
    axm_keras_tensor x;
    if (call->inputs[0].rank != 3) return axm_keras_refuse(call, "an input that is no sequence");
    if (!axm_keras_integers(call->config, "size", 1, 2, &size) || size < 1) return axm_keras_bad_config(call, "size");
    int32_t status = axm_keras_order(call, call->inputs[0], true, &x);
    return status < 0 ? status : emit_resize(call, x, "nearest", false, &size);
}

static int32_t read_sizes(axm_keras_call *call, int64_t size[2])
{
    if (!axm_keras_integers(call->config, "height", 1, 0, &size[0]) || size[0] < 1 || size[0] > MOST_SIZE)
        return axm_keras_bad_config(call, "height");
    if (!axm_keras_integers(call->config, "width", 1, 0, &size[1]) || size[1] < 1 || size[1] > MOST_SIZE)
        return axm_keras_bad_config(call, "width");
    return ACTMAX_OK;
}

AXM_KERAS_TRANSLATE(resizing)
{
    const char *kind = axm_keras_string(call->config, "interpolation", "bilinear");
    int64_t size[2];
    axm_keras_tensor x;
    if (strcmp(kind, "nearest") != 0 && strcmp(kind, "bilinear") != 0)
        return axm_keras_refuse(call, "interpolation other than nearest and bilinear");
    if (axm_keras_flag(call->config, "antialias", false)) return axm_keras_refuse(call, "antialias=True");
    if (axm_keras_flag(call->config, "crop_to_aspect_ratio", false)) return axm_keras_refuse(call, "crop_to_aspect_ratio=True");
    if (axm_keras_flag(call->config, "pad_to_aspect_ratio", false)) return axm_keras_refuse(call, "pad_to_aspect_ratio=True");
    int32_t status = read_sizes(call, size);
    if (status < 0 || (status = image_in_order(call, &x)) < 0) return status;
    return emit_resize(call, x, kind, true, size);
}

/* From (size - wanted) / 2 on, rounded down. The Reshape fails where the image is smaller than what is wanted: Keras would enlarge
 * it there. */
AXM_KERAS_TRANSLATE(center_crop)
{
    static const int64_t axes[2] = {2, 3};
    const axm_shape two = {1, {2}}, one = {1, {1}};
    const int64_t start = 2;
    int64_t size[2];
    int32_t wanted, half, starts, status;
    axm_keras_tensor x, sizes, ends;
    if ((status = read_sizes(call, size)) < 0 || (status = image_in_order(call, &x)) < 0 ||
        (status = axm_keras_integer_constant(call, "wanted", &two, size, &wanted)) < 0 ||
        (status = axm_keras_integer_constant(call, "half", &one, &start, &half)) < 0)
        return status;
    const axm_attribute from = axm_keras_int("start", 2);
    const axm_keras_tensor list = {AXM_NO_VALUE, 1, false};
    const axm_keras_node shape = {"Shape", "size", &x.value, 1, &from, 1, list};
    if ((status = axm_keras_emit(call, &shape, &sizes)) < 0 ||
        (status = axm_keras_binary(call, "Sub", "over", sizes, wanted, &sizes)) < 0 ||
        (status = axm_keras_binary(call, "Div", "start", sizes, half, &sizes)) < 0 ||
        (status = axm_keras_binary(call, "Add", "end", sizes, wanted, &ends)) < 0 ||
        (status = axm_keras_integer_constant(call, "axes", &two, axes, &starts)) < 0)
        return status;
    const int32_t inputs[4] = {x.value, sizes.value, ends.value, starts};
    const axm_keras_node slice = {"Slice", "middle", inputs, 4, NULL, 0, x};
    if ((status = axm_keras_emit(call, &slice, &x)) < 0) return status;
    const int64_t whole[4] = {0, 0, size[0], size[1]};
    const axm_attribute target = axm_keras_ints("shape", whole, 4);
    return axm_keras_unary(call, "Reshape", NULL, x, &target, 1, NULL);
}
