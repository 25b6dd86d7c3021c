/* Raw operations along axes: reductions, reordering, padding, slices; and activations with settings. */
#include <limits.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

#define X(class_name, names, translation) AXM_KERAS_TRANSLATE(translation);
#include "loaders/keras/operations.def"
#undef X

/* Without keepdims the axes that are left close up, so the tensor is taken to Keras's order first. */
static int32_t reduce(axm_keras_call *call, const char *op)
{
    axm_keras_settings s = {.count = 0};
    int64_t axes[AXM_MAX_RANK];
    axm_keras_tensor x;
    bool keepdims = cJSON_IsTrue(axm_keras_setting(call, "keepdims"));
    axm_keras_add_setting(&s, call, "axis", "axis", AXM_KERAS_NO_NUMBER);
    if (axm_keras_setting(call, "initial")) return axm_keras_refuse(call, "an initial value");
    int32_t status = axm_keras_order(call, call->inputs[0], call->inputs[0].moved && keepdims, &x);
    if (status < 0) return status;
    int32_t count = axm_keras_axes(&s.object, "axis", x, axes);
    if (count == 0) return axm_keras_refuse(call, "a reduction over the batch");
    if (count < 0) return axm_keras_bad_config(call, "axis");
    if (!keepdims) x.rank -= count;
    const axm_attribute attributes[] = {axm_keras_ints("axes", axes, (size_t)count), axm_keras_int("keepdims", keepdims)};
    return axm_keras_unary(call, op, NULL, x, attributes, 2, NULL);
}

AXM_KERAS_TRANSLATE(op_mean)
{
    return reduce(call, "ReduceMean");
}

AXM_KERAS_TRANSLATE(op_sum)
{
    return reduce(call, "ReduceSum");
}

AXM_KERAS_TRANSLATE(op_max)
{
    return reduce(call, "ReduceMax");
}

AXM_KERAS_TRANSLATE(op_min)
{
    return reduce(call, "ReduceMin");
}

AXM_KERAS_TRANSLATE(op_prod)
{
    return reduce(call, "ReduceProd");
}

AXM_KERAS_TRANSLATE(op_logsumexp)
{
    return reduce(call, "ReduceLogSumExp");
}

/* ---- Activations with settings ---- */

AXM_KERAS_TRANSLATE(op_softmax)
{
    axm_keras_settings s = {.count = 0};
    axm_keras_add_setting(&s, call, "axis", "axis", -1);
    return axm_keras_as_layer(call, axm_keras_translate_softmax, &s);
}

AXM_KERAS_TRANSLATE(op_log_softmax)
{
    int64_t axis = axm_keras_axis_setting(call, call->inputs[0], -1);
    if (axis < 0) return axm_keras_refuse(call, "several axes");
    const axm_attribute attribute = axm_keras_int("axis", axis);
    return axm_keras_unary(call, "LogSoftmax", NULL, call->inputs[0], &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_sparsemax)
{
    int64_t axis = axm_keras_axis_setting(call, call->inputs[0], -1);
    if (axis < 0) return axm_keras_refuse(call, "several axes");
    const axm_attribute attribute = axm_keras_int("axis", axis);
    return axm_keras_unary(call, "Sparsemax", NULL, call->inputs[0], &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_glu)
{
    int64_t axis = axm_keras_axis_setting(call, call->inputs[0], -1);
    return axis < 0 ? axm_keras_refuse(call, "several axes") : axm_keras_gate(call, call->inputs[0], axis);
}

AXM_KERAS_TRANSLATE(op_leaky_relu)
{
    axm_keras_settings s = {.count = 0};
    axm_keras_add_setting(&s, call, axm_keras_setting(call, "alpha") ? "alpha" : "negative_slope", "negative_slope", 0.2);
    return axm_keras_as_layer(call, axm_keras_translate_leaky_relu, &s);
}

AXM_KERAS_TRANSLATE(op_elu)
{
    axm_keras_settings s = {.count = 0};
    axm_keras_add_setting(&s, call, "alpha", "alpha", 1);
    return axm_keras_as_layer(call, axm_keras_translate_elu, &s);
}

/* keras.ops approximates unless told otherwise, TensorFlow does not; both write what they do. */
AXM_KERAS_TRANSLATE(op_gelu)
{
    const axm_attribute attribute =
        axm_keras_text("approximate", cJSON_IsTrue(axm_keras_setting(call, "approximate")) ? "tanh" : "none");
    return axm_keras_unary(call, "Gelu", NULL, call->inputs[0], &attribute, 1, NULL);
}

/* ---- Order and axes of size 1, in Keras's order ---- */

/* An axis or a list of them for a tensor of `rank` axes; their number, or -1. */
static int32_t read_axes(const axm_keras_call *call, const char *name, int32_t rank, int64_t *axes)
{
    const cJSON *list = axm_keras_setting(call, name), *item = cJSON_IsArray(list) ? list->child : list;
    int32_t count = 0;
    for (; item; item = cJSON_IsArray(list) ? item->next : NULL) {
        double axis = cJSON_IsNumber(item) ? item->valuedouble : -1e9;
        if (axis < 0) axis += rank;
        if (!(axis >= 0 && axis < rank) || count == AXM_MAX_RANK) return -1;
        axes[count++] = (int64_t)axis;
    }
    return count;
}

AXM_KERAS_TRANSLATE(op_transpose)
{
    int64_t perm[AXM_MAX_RANK];
    axm_keras_tensor x;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    int32_t count = read_axes(call, axm_keras_setting(call, "perm") ? "perm" : "axes", x.rank, perm);
    if (count != x.rank || perm[0] != 0) return axm_keras_refuse(call, "an order that does not start with the batch");
    const axm_attribute attribute = axm_keras_ints("perm", perm, (size_t)count);
    return axm_keras_unary(call, "Transpose", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_squeeze)
{
    int64_t axes[AXM_MAX_RANK];
    axm_keras_tensor x;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    int32_t count = read_axes(call, "axis", x.rank, axes);
    if (count < 1 || count >= x.rank) return axm_keras_refuse(call, "squeezing without axes");
    x.rank -= count;
    const axm_attribute attribute = axm_keras_ints("axes", axes, (size_t)count);
    return axm_keras_unary(call, "Squeeze", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_expand_dims)
{
    int64_t axes[AXM_MAX_RANK];
    axm_keras_tensor x;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    if (x.rank == AXM_MAX_RANK || read_axes(call, "axis", x.rank + 1, axes) != 1 || axes[0] == 0)
        return axm_keras_bad_config(call, "axis");
    ++x.rank;
    const axm_attribute attribute = axm_keras_ints("axes", axes, 1);
    return axm_keras_unary(call, "Unsqueeze", NULL, x, &attribute, 1, NULL);
}

/* By zeros. */
AXM_KERAS_TRANSLATE(op_pad)
{
    const cJSON *widths = axm_keras_setting(call, "pad_width"), *mode = axm_keras_setting(call, "mode"), *pair;
    const cJSON *filler = axm_keras_setting(call, "constant_values");
    int64_t pads[2 * AXM_MAX_RANK] = {0};
    int32_t at = 0;
    axm_keras_tensor x;
    if (!widths) widths = axm_keras_setting(call, "paddings");
    if (cJSON_IsString(mode) && strcmp(mode->valuestring, "constant") != 0 && strcmp(mode->valuestring, "CONSTANT") != 0)
        return axm_keras_refuse(call, "padding by other than a constant");
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    if (!cJSON_IsArray(widths) || cJSON_GetArraySize(widths) != x.rank)
        return axm_keras_refuse(call, "widths that are not given axis by axis");
    cJSON_ArrayForEach(pair, widths)
    {
        int64_t both[2];
        cJSON named = {.type = cJSON_Object}, copy = *pair;
        char key[] = "pair";
        copy.string = key;
        copy.next = NULL;
        named.child = &copy;
        if (!axm_keras_integers(&named, "pair", 2, 0, both) || both[0] < 0 || both[1] < 0)
            return axm_keras_bad_config(call, "pad_width");
        pads[at] = both[0];
        pads[x.rank + at++] = both[1];
    }
    const axm_attribute attributes[] = {axm_keras_ints("pads", pads, 2 * (size_t)x.rank),
                                        axm_keras_float("value", cJSON_IsNumber(filler) ? filler->valuedouble : 0)};
    return axm_keras_unary(call, "Pad", NULL, x, attributes, 2, NULL);
}

/* ---- x[:, 1:-1, ..., ::2] ---- */

typedef struct slice_lists {
    int64_t starts[AXM_MAX_RANK], ends[AXM_MAX_RANK], steps[AXM_MAX_RANK], axes[AXM_MAX_RANK]; /* what is cut */
    int64_t dropped[AXM_MAX_RANK], added[AXM_MAX_RANK]; /* axes of the input, and of the result */
    int32_t count, drops, adds;
} slice_lists;

static bool is_ellipsis(const cJSON *item)
{
    return strcmp(axm_keras_string(item, "class_name", ""), "__ellipsis__") == 0;
}

/* Keras 3 writes slices as objects of a class, TensorFlow their three numbers alone. */
static bool read_slice(const cJSON *item, int64_t *start, int64_t *end, int64_t *step)
{
    const cJSON *config = axm_keras_item(item, "config");
    if (!cJSON_IsObject(item)) return false;
    if (strcmp(axm_keras_string(item, "class_name", "__slice__"), "__slice__") != 0) return false;
    if (!config) config = item;
    return axm_keras_integers(config, "step", 1, 1, step) && *step != 0 &&
           axm_keras_integers(config, "start", 1, *step > 0 ? 0 : INT64_MAX, start) &&
           axm_keras_integers(config, "stop", 1, *step > 0 ? INT64_MAX : INT64_MIN, end);
}

/* One element of the index, along axis `at` of `rank`: a slice, or a number, which drops the axis. */
static bool add_slice(const cJSON *item, int64_t at, int32_t rank, slice_lists *s)
{
    int64_t start, end, step = 1;
    if (at >= rank) return false;
    if (cJSON_IsNumber(item)) {
        start = (int64_t)item->valuedouble;
        end = start == -1 ? INT64_MAX : start + 1;
        s->dropped[s->drops++] = at;
    } else if (!read_slice(item, &start, &end, &step)) {
        return false;
    }
    if (start == 0 && end == INT64_MAX && step == 1) return true; /* the whole axis */
    s->starts[s->count] = start;
    s->ends[s->count] = end;
    s->steps[s->count] = step;
    s->axes[s->count++] = at;
    return true;
}

/* How many axes of the input an index speaks of, but for an ellipsis. */
static int32_t count_axes(const cJSON *first)
{
    int32_t count = 0;
    for (const cJSON *item = first; item; item = item->next)
        count += !cJSON_IsNull(item) && !is_ellipsis(item);
    return count;
}

static bool read_index(const cJSON *first, int32_t rank, slice_lists *s)
{
    int64_t at = 0, result = 0;
    int32_t named = count_axes(first);
    for (const cJSON *item = first; item; item = item->next) {
        if (cJSON_IsNull(item)) {
            if (s->adds == AXM_MAX_RANK) return false;
            s->added[s->adds++] = result++;
        } else if (is_ellipsis(item)) {
            if (named > rank) return false;
            at += rank - named;
            result += rank - named;
        } else {
            if (!add_slice(item, at++, rank, s)) return false;
            result += !cJSON_IsNumber(item);
        }
    }
    return rank - s->drops + s->adds <= AXM_MAX_RANK;
}

AXM_KERAS_TRANSLATE(op_get_item)
{
    const cJSON *index = axm_keras_setting(call, "slice_spec");
    slice_lists s = {.count = 0};
    axm_keras_tensor x;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    if (!index) index = cJSON_GetArrayItem(call->inbound->arguments, 1);
    cJSON alone = index ? *index : (cJSON){.type = cJSON_Invalid}; /* x[i] without a comma */
    alone.next = NULL;
    if (call->input_count != 1 || !index || !read_index(cJSON_IsArray(index) ? index->child : &alone, x.rank, &s))
        return axm_keras_refuse(call, "such an index");
    if ((s.drops > 0 && s.dropped[0] == 0) || (s.count > 0 && s.axes[0] == 0) || (s.adds > 0 && s.added[0] == 0))
        return axm_keras_refuse(call, "an index over the batch");
    if (s.count + s.drops + s.adds == 0) return axm_keras_unary(call, "Identity", NULL, x, NULL, 0, NULL);
    size_t count = (size_t)s.count;
    const axm_attribute cuts[] = {axm_keras_ints("starts", s.starts, count), axm_keras_ints("ends", s.ends, count),
                                  axm_keras_ints("axes", s.axes, count), axm_keras_ints("steps", s.steps, count)};
    const axm_attribute dropped = axm_keras_ints("axes", s.dropped, (size_t)s.drops);
    const axm_attribute added = axm_keras_ints("axes", s.added, (size_t)s.adds);
    if (s.count && (status = axm_keras_unary(call, "Slice", s.drops + s.adds ? "slice" : NULL, x, cuts, 4, &x)) < 0) return status;
    x.rank -= s.drops;
    if (s.drops && (status = axm_keras_unary(call, "Squeeze", s.adds ? "squeezed" : NULL, x, &dropped, 1, &x)) < 0) return status;
    x.rank += s.adds;
    return s.adds ? axm_keras_unary(call, "Unsqueeze", NULL, x, &added, 1, NULL) : ACTMAX_OK;
}
