/* Layers of several inputs. */
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/translate.h"

/* All inputs in one order: moved when any is, unless their numbers of axes differ. */
static int32_t align(axm_keras_call *call, axm_keras_tensor **out)
{
    bool moved = false, alike = true;
    *out = axm_arena_array(&call->import->scratch, (size_t)call->input_count, sizeof **out);
    if (!*out) return axm_no_memory(0, "a Keras model");
    for (int32_t i = 0; i < call->input_count; ++i) {
        moved = moved || call->inputs[i].moved;
        alike = alike && call->inputs[i].rank == call->inputs[0].rank;
    }
    if (!alike) return axm_keras_refuse(call, "merging tensors of different numbers of axes");
    for (int32_t i = 0; i < call->input_count; ++i) {
        int32_t status = axm_keras_order(call, call->inputs[i], moved, &(*out)[i]);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

static int32_t merge(axm_keras_call *call, const char *op, const char *last_suffix, axm_keras_tensor *out)
{
    axm_keras_tensor *x, sum;
    char suffix[32];
    int32_t status = align(call, &x);
    if (status < 0) return status;
    if (call->input_count == 1) return axm_keras_unary(call, "Identity", last_suffix, x[0], NULL, 0, out);
    sum = x[0];
    for (int32_t i = 1; i < call->input_count; ++i) {
        bool last = i + 1 == call->input_count;
        axm_text text = axm_text_in(suffix, sizeof suffix);
        axm_text_add(&text, "part_%d", (int)i);
        if ((status = axm_keras_binary(call, op, last ? last_suffix : suffix, sum, x[i].value, &sum)) < 0) return status;
    }
    *out = sum;
    return ACTMAX_OK;
}

static int32_t merge_whole(axm_keras_call *call, const char *op)
{
    axm_keras_tensor y;
    return merge(call, op, NULL, &y);
}

AXM_KERAS_TRANSLATE(add)
{
    return merge_whole(call, "Add");
}

AXM_KERAS_TRANSLATE(subtract)
{
    return merge_whole(call, "Sub");
}

AXM_KERAS_TRANSLATE(multiply)
{
    return merge_whole(call, "Mul");
}

AXM_KERAS_TRANSLATE(maximum)
{
    return merge_whole(call, "Max");
}

AXM_KERAS_TRANSLATE(minimum)
{
    return merge_whole(call, "Min");
}

AXM_KERAS_TRANSLATE(average)
{
    axm_keras_tensor sum;
    int32_t share;
    int32_t status = merge(call, "Add", "sum", &sum);
    if (status < 0 || (status = axm_keras_scalar(call, "share", 1.0f / (float)call->input_count, &share)) < 0) return status;
    return axm_keras_binary(call, "Mul", NULL, sum, share, NULL);
}

AXM_KERAS_TRANSLATE(concatenate)
{
    axm_keras_tensor *x;
    int64_t axis;
    int32_t status = align(call, &x);
    if (status < 0) return status;
    if (!axm_keras_integers(call->config, "axis", 1, -1, &axis)) return axm_keras_bad_config(call, "axis");
    if (axis < 0) axis += x[0].rank;
    if (axis < 1 || axis >= x[0].rank) return axm_keras_bad_config(call, "axis");
    if (x[0].moved && x[0].rank >= 3) axis = axis == x[0].rank - 1 ? 1 : axis + 1;
    int32_t *values = axm_arena_array(&call->import->scratch, (size_t)call->input_count, sizeof *values);
    if (!values) return axm_no_memory(0, "a Keras model");
    for (int32_t i = 0; i < call->input_count; ++i)
        values[i] = x[i].value;
    const axm_attribute attribute = axm_keras_int("axis", axis);
    const axm_keras_node node = {"Concat", NULL, values, call->input_count, &attribute, 1, x[0]};
    return axm_keras_emit(call, &node, NULL);
}

/* keras.applications' InceptionResNet: first + scale * second. */
AXM_KERAS_TRANSLATE(custom_scale)
{
    const cJSON *arguments = axm_keras_item(call->config, "arguments"); /* where it is a Lambda */
    axm_keras_tensor *x, scaled;
    int32_t scale;
    int32_t status = align(call, &x);
    if (status < 0) return status;
    if (call->input_count != 2) return axm_keras_refuse(call, "other than two inputs");
    status = axm_keras_scalar(call, "scale", (float)axm_keras_number(arguments ? arguments : call->config, "scale", 1), &scale);
    if (status < 0 || (status = axm_keras_binary(call, "Mul", "scaled", x[1], scale, &scaled)) < 0) return status;
    return axm_keras_binary(call, "Add", NULL, x[0], scaled.value, NULL);
}
