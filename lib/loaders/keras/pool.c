/* Pooling. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

static bool channels_last(const axm_keras_call *call)
{
    return strcmp(axm_keras_string(call->config, "data_format", "channels_last"), "channels_first") != 0;
}

static int32_t pool(axm_keras_call *call, const char *op)
{
    axm_keras_tensor x;
    int64_t size[3], strides[3];
    const char *padding = axm_keras_string(call->config, "padding", "valid");
    int32_t axes = call->inputs[0].rank - 2;
    if (axes < 1 || axes > 3) return axm_keras_refuse(call, "pooling over other than 1 to 3 axes");
    if (!axm_keras_integers(call->config, "pool_size", axes, 2, size)) return axm_keras_bad_config(call, "pool_size");
    if (!axm_keras_integers(call->config, "strides", axes, 0, strides)) return axm_keras_bad_config(call, "strides");
    for (int32_t i = 0; i < axes; ++i)
        if (strides[i] == 0) strides[i] = size[i];
    bool same = strcmp(padding, "same") == 0;
    if (!same && strcmp(padding, "valid") != 0) return axm_keras_bad_config(call, "padding");
    int32_t status = axm_keras_order(call, call->inputs[0], channels_last(call), &x);
    if (status < 0) return status;
    const axm_attribute attributes[] = {axm_keras_ints("kernel_shape", size, (size_t)axes),
                                        axm_keras_ints("strides", strides, (size_t)axes),
                                        axm_keras_text("auto_pad", same ? "SAME_UPPER" : "VALID")};
    return axm_keras_unary(call, op, NULL, x, attributes, 3, NULL);
}

AXM_KERAS_TRANSLATE(max_pooling)
{
    return pool(call, "MaxPool");
}

AXM_KERAS_TRANSLATE(average_pooling)
{
    return pool(call, "AveragePool");
}

static int32_t global_pool(axm_keras_call *call, const char *op)
{
    axm_keras_tensor x, y;
    int32_t status = axm_keras_order(call, call->inputs[0], channels_last(call), &x);
    if (status < 0) return status;
    if (x.rank < 3) return axm_keras_refuse(call, "an input without space");
    if (axm_keras_flag(call->config, "keepdims", false)) return axm_keras_unary(call, op, NULL, x, NULL, 0, NULL);
    if ((status = axm_keras_unary(call, op, "pooled", x, NULL, 0, &y)) < 0) return status;
    const axm_attribute attribute = axm_keras_int("axis", 1);
    return axm_keras_unary(call, "Flatten", NULL, (axm_keras_tensor){y.value, 2, false}, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(global_average)
{
    return global_pool(call, "GlobalAveragePool");
}

AXM_KERAS_TRANSLATE(global_max)
{
    return global_pool(call, "GlobalMaxPool");
}
