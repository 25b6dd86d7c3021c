/* Raw operations along axes: reductions, reordering, padding, slices; and activations with settings. */
#include <limits.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

#define X(class_name, names, translation) AXM_KERAS_TRANSLATE(translation);
#include "loaders/keras/operations.def"
#undef X

/* An object of the settings that an operation may have, for what reads configurations. */
typedef struct settings {
    cJSON object, items[4];
    int count;
} settings;

static void add_setting(settings *s, const axm_keras_call *call, const char *name, const char *as, double fallback)
{
    static const cJSON none = {.type = cJSON_NULL};
    const cJSON *item = axm_keras_setting(call, name);
    cJSON *own = &s->items[s->count];
    *own = item ? *item : none;
    if (!item && fallback > -1e30) *own = (cJSON){.type = cJSON_Number, .valuedouble = fallback};
    union {
        const char *in;
        char *out;
    } key = {as}; /* cJSON's field is not const */
    own->string = key.out;
    own->next = NULL;
    if (s->count > 0) s->items[s->count - 1].next = own;
    s->object = (cJSON){.type = cJSON_Object, .child = &s->items[0]};
    ++s->count;
}

/* Without keepdims the axes that are left close up, so the tensor is taken to Keras's order first. */
static int32_t reduce(axm_keras_call *call, const char *op)
{
    settings s = {.count = 0};
    int64_t axes[AXM_MAX_RANK];
    axm_keras_tensor x;
    bool keepdims = cJSON_IsTrue(axm_keras_setting(call, "keepdims"));
    add_setting(&s, call, "axis", "axis", -1e31);
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

/* ---- Activations with settings ---- */

static int32_t as_layer(axm_keras_call *call, axm_keras_translation translate, const settings *s)
{
    axm_keras_call plain = *call;
    plain.config = &s->object;
    int32_t status = translate(&plain);
    call->output = plain.output;
    return status;
}

AXM_KERAS_TRANSLATE(op_softmax)
{
    settings s = {.count = 0};
    add_setting(&s, call, "axis", "axis", -1);
    return as_layer(call, axm_keras_translate_softmax, &s);
}

AXM_KERAS_TRANSLATE(op_log_softmax)
{
    settings s = {.count = 0};
    int64_t axis[AXM_MAX_RANK];
    add_setting(&s, call, "axis", "axis", -1);
    if (axm_keras_axes(&s.object, "axis", call->inputs[0], axis) != 1) return axm_keras_refuse(call, "several axes");
    const axm_attribute attribute = axm_keras_int("axis", axis[0]);
    return axm_keras_unary(call, "LogSoftmax", NULL, call->inputs[0], &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_leaky_relu)
{
    settings s = {.count = 0};
    add_setting(&s, call, axm_keras_setting(call, "alpha") ? "alpha" : "negative_slope", "negative_slope", 0.2);
    return as_layer(call, axm_keras_translate_leaky_relu, &s);
}

AXM_KERAS_TRANSLATE(op_elu)
{
    settings s = {.count = 0};
    add_setting(&s, call, "alpha", "alpha", 1);
    return as_layer(call, axm_keras_translate_elu, &s);
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
    int64_t starts[AXM_MAX_RANK], ends[AXM_MAX_RANK], steps[AXM_MAX_RANK], axes[AXM_MAX_RANK], dropped[AXM_MAX_RANK];
    int32_t count, drops;
} slice_lists;

static bool read_bound(const cJSON *config, const char *name, int64_t fallback, int64_t *out)
{
    return axm_keras_integers(config, name, 1, fallback, out);
}

/* One element of the index, along axis `at`: a slice, or a number, which drops the axis. */
static bool add_slice(const cJSON *item, int64_t at, slice_lists *s)
{
    int32_t i = s->count;
    if (cJSON_IsNumber(item)) {
        s->starts[i] = (int64_t)item->valuedouble;
        s->ends[i] = s->starts[i] == -1 ? INT64_MAX : s->starts[i] + 1;
        s->steps[i] = 1;
        s->dropped[s->drops++] = at;
    } else {
        const cJSON *config = axm_keras_item(item, "config");
        if (strcmp(axm_keras_string(item, "class_name", ""), "__slice__") != 0 || !read_bound(config, "step", 1, &s->steps[i]) ||
            s->steps[i] == 0 || !read_bound(config, "start", s->steps[i] > 0 ? 0 : INT64_MAX, &s->starts[i]) ||
            !read_bound(config, "stop", s->steps[i] > 0 ? INT64_MAX : INT64_MIN, &s->ends[i]))
            return false;
    }
    s->axes[s->count++] = at;
    return true;
}

AXM_KERAS_TRANSLATE(op_get_item)
{
    const cJSON *index = cJSON_GetArrayItem(call->inbound->arguments, 1), *item;
    slice_lists s = {.count = 0};
    axm_keras_tensor x;
    int64_t at = 0;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    if (!cJSON_IsArray(index)) return axm_keras_refuse(call, "an index over the batch");
    int32_t given = cJSON_GetArraySize(index);
    cJSON_ArrayForEach(item, index)
    {
        if (strcmp(axm_keras_string(item, "class_name", ""), "__ellipsis__") == 0) {
            at += x.rank - (given - 1);
            continue;
        }
        if (at >= x.rank || cJSON_IsNull(item) || !add_slice(item, at, &s)) return axm_keras_refuse(call, "such an index");
        ++at;
    }
    if (s.drops > 0 && s.dropped[0] == 0) return axm_keras_refuse(call, "an index over the batch");
    if (s.count == 0) return axm_keras_unary(call, "Identity", NULL, x, NULL, 0, NULL);
    size_t count = (size_t)s.count;
    const axm_attribute attributes[] = {axm_keras_ints("starts", s.starts, count), axm_keras_ints("ends", s.ends, count),
                                        axm_keras_ints("axes", s.axes, count), axm_keras_ints("steps", s.steps, count)};
    if ((status = axm_keras_unary(call, "Slice", s.drops ? "slice" : NULL, x, attributes, 4, &x)) < 0 || s.drops == 0)
        return status;
    x.rank -= s.drops;
    const axm_attribute dropped = axm_keras_ints("axes", s.dropped, (size_t)s.drops);
    return axm_keras_unary(call, "Squeeze", NULL, x, &dropped, 1, NULL);
}
