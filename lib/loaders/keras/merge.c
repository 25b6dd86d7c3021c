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

/* ---- Dot ---- */

/* A vector or a sequence of vectors [batch, a, b], as [batch, a, b] with the axis to sum over where `last` says. */
static int32_t dot_operand(axm_keras_call *call, int32_t index, int64_t axis, bool last, axm_keras_tensor *out)
{
    static const int64_t swap[3] = {0, 2, 1};
    char suffix[32];
    int32_t status = axm_keras_order(call, call->inputs[index], false, out);
    if (status < 0) return status;
    if (out->rank == 2) {
        const int64_t at = last ? 1 : 2;
        const axm_attribute axes = axm_keras_ints("axes", &at, 1);
        axm_text text = axm_text_in(suffix, sizeof suffix);
        axm_text_add(&text, "operand_%d", (int)index);
        out->rank = 3;
        return axm_keras_unary(call, "Unsqueeze", suffix, *out, &axes, 1, out);
    }
    if ((axis == 2) == last) return ACTMAX_OK;
    const axm_attribute perm = axm_keras_ints("perm", swap, 3);
    axm_text text = axm_text_in(suffix, sizeof suffix);
    axm_text_add(&text, "turned_%d", (int)index);
    return axm_keras_unary(call, "Transpose", suffix, *out, &perm, 1, out);
}

/* x divided by its length along an axis, whose square is at least 1e-12. */
static int32_t to_unit_length(axm_keras_call *call, int32_t index, int64_t axis, axm_keras_tensor *x)
{
    const axm_attribute over[] = {axm_keras_ints("axes", &axis, 1), axm_keras_int("keepdims", 1)};
    const axm_attribute least = axm_keras_float("min", 1e-12);
    static const char *const names[2][4] = {{"squares_0", "clipped_0", "length_0", "unit_0"},
                                            {"squares_1", "clipped_1", "length_1", "unit_1"}};
    axm_keras_tensor y;
    int32_t status;
    if ((status = axm_keras_unary(call, "ReduceSumSquare", names[index][0], *x, over, 2, &y)) < 0 ||
        (status = axm_keras_unary(call, "Clip", names[index][1], y, &least, 1, &y)) < 0 ||
        (status = axm_keras_unary(call, "Sqrt", names[index][2], y, NULL, 0, &y)) < 0)
        return status;
    return axm_keras_binary(call, "Div", names[index][3], *x, y.value, x);
}

AXM_KERAS_TRANSLATE(dot)
{
    axm_keras_tensor a, b, y;
    int64_t axes[2];
    int32_t status;
    if (call->input_count != 2) return axm_keras_refuse(call, "other than two inputs");
    if (call->inputs[0].rank > 3 || call->inputs[1].rank > 3)
        return axm_keras_refuse(call, "a product of tensors of more than 3 axes");
    if (!axm_keras_integers(call->config, "axes", 2, -1, axes)) return axm_keras_bad_config(call, "axes");
    for (int i = 0; i < 2; ++i) {
        if (axes[i] < 0) axes[i] += call->inputs[i].rank;
        if (axes[i] < 1 || axes[i] >= call->inputs[i].rank) return axm_keras_bad_config(call, "axes");
    }
    if ((status = dot_operand(call, 0, axes[0], true, &a)) < 0 || (status = dot_operand(call, 1, axes[1], false, &b)) < 0)
        return status;
    if (axm_keras_flag(call->config, "normalize", false) &&
        ((status = to_unit_length(call, 0, 2, &a)) < 0 || (status = to_unit_length(call, 1, 1, &b)) < 0))
        return status;
    bool vectors[2] = {call->inputs[0].rank == 2, call->inputs[1].rank == 2};
    if (!vectors[0] && !vectors[1]) return axm_keras_binary(call, "MatMul", NULL, a, b.value, NULL);
    if ((status = axm_keras_binary(call, "MatMul", "product", a, b.value, &y)) < 0) return status;
    const int64_t gone = vectors[0] ? 1 : 2; /* of two vectors one axis stays, as Keras leaves it */
    const axm_attribute squeezed = axm_keras_ints("axes", &gone, 1);
    y.rank = 2;
    return axm_keras_unary(call, "Squeeze", NULL, y, &squeezed, 1, NULL);
}
