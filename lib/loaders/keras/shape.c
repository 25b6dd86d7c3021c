/* Layers that change shapes only: padding, cropping, flattening, reordering. */
#include <limits.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

#define MOST_SIZE 1000000

/* [[top, bottom], [left, right]], [vertical, horizontal] or one number, as [begin.., end..] of up to 3 axes. */
static bool read_sides(const cJSON *config, const char *name, int32_t axes, int64_t *begin, int64_t *end)
{
    const cJSON *item = axm_keras_item(config, name), *axis;
    if (!cJSON_IsArray(item) || !cJSON_IsArray(item->child)) {
        bool pair = axes == 1 && cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2; /* of one axis: [begin, end] */
        int64_t both[3] = {0};
        if (!axm_keras_integers(config, name, pair ? 2 : axes, 1, both)) return false;
        for (int32_t i = 0; i < axes; ++i) {
            begin[i] = both[i];
            end[i] = pair ? both[1] : both[i];
        }
    } else {
        int32_t at = 0;
        cJSON_ArrayForEach(axis, item)
        {
            const cJSON *from = cJSON_GetArrayItem(axis, 0), *to = cJSON_GetArrayItem(axis, 1);
            if (at == axes || !cJSON_IsNumber(from) || !cJSON_IsNumber(to)) return false;
            if (!(from->valuedouble >= 0 && from->valuedouble < MOST_SIZE && to->valuedouble >= 0 && to->valuedouble < MOST_SIZE))
                return false;
            begin[at] = (int64_t)from->valuedouble;
            end[at++] = (int64_t)to->valuedouble;
        }
        if (at != axes) return false;
    }
    for (int32_t i = 0; i < axes; ++i)
        if (begin[i] < 0 || end[i] < 0 || begin[i] > MOST_SIZE || end[i] > MOST_SIZE) return false;
    return true;
}

/* The input with its channels at axis 1, and its sides. */
static int32_t take_sides(axm_keras_call *call, const char *name, axm_keras_tensor *x, int64_t *begin, int64_t *end)
{
    bool last = strcmp(axm_keras_string(call->config, "data_format", "channels_last"), "channels_first") != 0;
    int32_t axes = call->inputs[0].rank - 2;
    if (axes < 1 || axes > 3) return axm_keras_refuse(call, "other than 1 to 3 axes of space");
    if (!read_sides(call->config, name, axes, begin, end)) return axm_keras_bad_config(call, name);
    return axm_keras_order(call, call->inputs[0], last, x);
}

AXM_KERAS_TRANSLATE(zero_padding)
{
    axm_keras_tensor x;
    int64_t begin[3], end[3], pads[10] = {0};
    int32_t status = take_sides(call, "padding", &x, begin, end);
    if (status < 0) return status;
    for (int32_t i = 0; i < x.rank - 2; ++i) {
        pads[2 + i] = begin[i];
        pads[x.rank + 2 + i] = end[i];
    }
    const axm_attribute attribute = axm_keras_ints("pads", pads, 2 * (size_t)x.rank);
    return axm_keras_unary(call, "Pad", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(cropping)
{
    static const int64_t axes[3] = {2, 3, 4};
    axm_keras_tensor x;
    int64_t begin[3], end[3];
    int32_t status = take_sides(call, "cropping", &x, begin, end);
    if (status < 0) return status;
    for (int32_t i = 0; i < x.rank - 2; ++i)
        end[i] = end[i] > 0 ? -end[i] : INT64_MAX;
    size_t count = (size_t)x.rank - 2;
    const axm_attribute attributes[] = {axm_keras_ints("starts", begin, count), axm_keras_ints("ends", end, count),
                                        axm_keras_ints("axes", axes, count)};
    return axm_keras_unary(call, "Slice", NULL, x, attributes, 3, NULL);
}

/* In Keras's order: rows, columns, channels. channels_first says that the layer takes the channels to the end before. */
AXM_KERAS_TRANSLATE(flatten)
{
    const axm_attribute attribute = axm_keras_int("axis", 1);
    bool first = strcmp(axm_keras_string(call->config, "data_format", "channels_last"), "channels_first") == 0;
    axm_keras_tensor x = call->inputs[0];
    if (first && x.rank >= 3) {
        int64_t perm[AXM_MAX_RANK] = {0};
        for (int32_t i = 1; i < x.rank; ++i)
            perm[i] = i + 1 < x.rank ? i + 1 : 1;
        int32_t status = axm_keras_order(call, x, false, &x);
        const axm_attribute order = axm_keras_ints("perm", perm, (size_t)x.rank);
        if (status < 0 || (status = axm_keras_unary(call, "Transpose", "channels_last", x, &order, 1, &x)) < 0) return status;
    } else {
        int32_t status = axm_keras_order(call, x, false, &x);
        if (status < 0) return status;
    }
    if (x.rank == 1) return axm_keras_refuse(call, "an input of one axis");
    x.rank = 2;
    return axm_keras_unary(call, "Flatten", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(reshape)
{
    const cJSON *target = axm_keras_item(call->config, "target_shape"), *item;
    int64_t shape[AXM_MAX_RANK] = {0}; /* 0: the batch stays */
    axm_keras_tensor x;
    int32_t rank = 1;
    if (!cJSON_IsArray(target)) return axm_keras_bad_config(call, "target_shape");
    cJSON_ArrayForEach(item, target)
    {
        double size = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (rank == AXM_MAX_RANK || !(size >= -1 && size < 1e9)) return axm_keras_bad_config(call, "target_shape");
        shape[rank++] = (int64_t)size;
    }
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    x.rank = rank;
    const axm_attribute attribute = axm_keras_ints("shape", shape, (size_t)rank);
    return axm_keras_unary(call, "Reshape", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(permute)
{
    int64_t perm[AXM_MAX_RANK] = {0};
    axm_keras_tensor x;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    if (x.rank < 2 || !axm_keras_integers(call->config, "dims", x.rank - 1, 0, perm + 1)) return axm_keras_bad_config(call, "dims");
    const axm_attribute attribute = axm_keras_ints("perm", perm, (size_t)x.rank);
    return axm_keras_unary(call, "Transpose", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(identity)
{
    return axm_keras_unary(call, "Identity", NULL, call->inputs[0], NULL, 0, NULL);
}
