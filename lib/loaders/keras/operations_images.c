/* Raw operations that cut a tensor into several, stack them, or move pixels: parts, blocks, resizing, pooling. */
#include <limits.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/translate.h"

#define X(class_name, names, translation) AXM_KERAS_TRANSLATE(translation);
#include "loaders/keras/operations.def"
#undef X

#define MOST_PARTS 1024

/* ---- Several outputs: the first has the layer's name, the others "NAME/output_2" and so on ---- */

static int32_t new_outputs(axm_keras_call *call, int32_t count, axm_keras_tensor **out)
{
    *out = axm_arena_array(&call->import->scratch, (size_t)count, sizeof **out);
    if (!*out) return axm_no_memory(0, "a Keras model");
    call->outputs = *out;
    call->output_count = count;
    return ACTMAX_OK;
}

static const char *part_suffix(int32_t part, char *buffer, size_t size)
{
    axm_text text = axm_text_in(buffer, size);
    axm_text_add(&text, "output_%d", (int)part + 1);
    return part == 0 ? NULL : buffer;
}

static int32_t emit_part(axm_keras_call *call, axm_keras_tensor x, int64_t axis, int64_t start, int64_t end, int32_t part,
                         axm_keras_tensor *out)
{
    char suffix[32];
    const axm_attribute cut[] = {axm_keras_ints("starts", &start, 1), axm_keras_ints("ends", &end, 1),
                                 axm_keras_ints("axes", &axis, 1)};
    return axm_keras_unary(call, "Slice", part_suffix(part, suffix, sizeof suffix), x, cut, 3, out);
}

static int32_t split_evenly(axm_keras_call *call, axm_keras_tensor x, int64_t axis, int32_t parts)
{
    const axm_attribute along = axm_keras_int("axis", axis);
    const char **names = axm_arena_array(&call->import->scratch, (size_t)parts, sizeof *names);
    int32_t *values = axm_arena_array(&call->import->scratch, (size_t)parts, sizeof *values);
    axm_keras_tensor *outputs;
    char suffix[32];
    int32_t status = new_outputs(call, parts, &outputs);
    if (status < 0) return status;
    if (!names || !values) return axm_no_memory(0, "a Keras model");
    for (int32_t i = 0; i < parts; ++i) {
        const char *back = part_suffix(i, suffix, sizeof suffix);
        names[i] = back ? axm_keras_name(call, back) : call->name;
        if (!names[i]) return axm_no_memory(0, "a Keras model");
    }
    const axm_node_spec spec = {.op = "Split",
                                .type = call->layer->class_name,
                                .name = call->name,
                                .inputs = &x.value,
                                .input_count = 1,
                                .outputs = names,
                                .output_count = parts,
                                .attributes = {&along, 1}};
    if ((status = axm_builder_node(call->import->builder, &spec, values)) < 0) return status;
    for (int32_t i = 0; i < parts; ++i) {
        outputs[i] = (axm_keras_tensor){values[i], x.rank, x.moved};
        axm_builder_show_channels(call->import->builder, values[i], x.moved);
    }
    return ACTMAX_OK;
}

static bool read_whole(const cJSON *item, double least, double most, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most)) return false;
    *out = (int64_t)item->valuedouble;
    return true;
}

/* keras.ops.split: places along the axis where parts begin. */
static int32_t split_at(axm_keras_call *call, axm_keras_tensor x, int64_t axis, const cJSON *places)
{
    int32_t count = cJSON_GetArraySize(places), part = 0;
    axm_keras_tensor *outputs;
    int64_t start = 0, end = 0;
    if (count >= MOST_PARTS) return axm_keras_bad_config(call, "indices_or_sections");
    int32_t status = new_outputs(call, count + 1, &outputs);
    for (const cJSON *item = places->child; item && status >= 0; item = item->next, ++part, start = end)
        status = read_whole(item, 0, 1e9, &end) ? emit_part(call, x, axis, start, end, part, &outputs[part])
                                                : axm_keras_refuse(call, "splitting at places other than whole numbers from 0 on");
    return status < 0 ? status : emit_part(call, x, axis, start, INT64_MAX, part, &outputs[part]);
}

/* tf.split: the size of each part, of which one may be -1 for what is left. */
static int32_t split_by_sizes(axm_keras_call *call, axm_keras_tensor x, int64_t axis, const cJSON *sizes)
{
    int32_t count = cJSON_GetArraySize(sizes), part = 0, open = -1;
    int64_t size[MOST_PARTS], total = 0, start = 0;
    axm_keras_tensor *outputs;
    const cJSON *item;
    if (count < 1 || count > MOST_PARTS) return axm_keras_bad_config(call, "num_or_size_splits");
    cJSON_ArrayForEach(item, sizes)
    {
        if (!read_whole(item, -1, 1e6, &size[part]) || (size[part] < 0 && open >= 0))
            return axm_keras_bad_config(call, "num_or_size_splits");
        if (size[part] < 0)
            open = part;
        else
            total += size[part];
        ++part;
    }
    int32_t status = new_outputs(call, count, &outputs);
    for (part = 0; part < count && status >= 0; ++part) { /* behind the open part places count from the end */
        int64_t end = part == open ? start - total : start + size[part];
        if (part >= open && open >= 0 && end == 0) end = INT64_MAX;
        status = emit_part(call, x, axis, start, end, part, &outputs[part]);
        start = end;
    }
    return status;
}

AXM_KERAS_TRANSLATE(op_split)
{
    const cJSON *sizes = axm_keras_setting(call, "num_or_size_splits"), *places = axm_keras_setting(call, "indices_or_sections");
    axm_keras_tensor x = call->inputs[0];
    int64_t axis = axm_keras_axis_setting(call, x, 0), parts;
    if (axis < 1 || call->input_count != 1) return axm_keras_refuse(call, "splitting the batch, or at places that are computed");
    if (read_whole(sizes ? sizes : places, 1, MOST_PARTS, &parts)) return split_evenly(call, x, axis, (int32_t)parts);
    if (cJSON_IsArray(sizes)) return split_by_sizes(call, x, axis, sizes);
    return cJSON_IsArray(places) ? split_at(call, x, axis, places) : axm_keras_bad_config(call, "indices_or_sections");
}

/* As many parts as something takes; their number is the axis's size. */
AXM_KERAS_TRANSLATE(op_unstack)
{
    axm_keras_tensor x, cut, *outputs;
    int32_t count = call->inbound->wanted > 0 ? call->inbound->wanted : 1;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    int64_t axis = axm_keras_axis_setting(call, x, 0);
    if (axis < 1) return axm_keras_refuse(call, "splitting the batch, or at places that are computed");
    if (count > MOST_PARTS) return axm_keras_refuse(call, "so many parts");
    if ((status = new_outputs(call, count, &outputs)) < 0) return status;
    for (int32_t i = 0; i < count && status >= 0; ++i) {
        char suffix[32], whole[32];
        const int64_t start = i, end = i + 1;
        const axm_attribute along = axm_keras_ints("axes", &axis, 1);
        const axm_attribute bounds[] = {axm_keras_ints("starts", &start, 1), axm_keras_ints("ends", &end, 1), along};
        axm_text text = axm_text_in(whole, sizeof whole);
        axm_text_add(&text, "part_%d", (int)i + 1);
        if ((status = axm_keras_unary(call, "Slice", whole, x, bounds, 3, &cut)) < 0) break;
        --cut.rank;
        status = axm_keras_unary(call, "Squeeze", part_suffix(i, suffix, sizeof suffix), cut, &along, 1, &outputs[i]);
    }
    return status;
}

AXM_KERAS_TRANSLATE(op_stack)
{
    int32_t *values = axm_arena_array(&call->import->scratch, (size_t)call->input_count, sizeof *values), status = ACTMAX_OK;
    axm_keras_tensor wide = {AXM_NO_VALUE, call->inputs[0].rank + 1, false};
    int64_t axis = axm_keras_axis_setting(call, wide, 0);
    if (!values) return axm_no_memory(0, "a Keras model");
    if (wide.rank > AXM_MAX_RANK || axis < 1) return axm_keras_refuse(call, "stacking along the batch");
    const axm_attribute axes = axm_keras_ints("axes", &axis, 1), along = axm_keras_int("axis", axis);
    for (int32_t i = 0; i < call->input_count && status >= 0; ++i) {
        axm_keras_tensor x;
        char suffix[32];
        axm_text text = axm_text_in(suffix, sizeof suffix);
        axm_text_add(&text, "part_%d", (int)i + 1);
        if (call->inputs[i].rank + 1 != wide.rank) return axm_keras_refuse(call, "merging tensors of different numbers of axes");
        if ((status = axm_keras_order(call, call->inputs[i], false, &x)) < 0) break;
        x.rank = wide.rank;
        status = axm_keras_unary(call, "Unsqueeze", suffix, x, &axes, 1, &x);
        values[i] = x.value;
    }
    const axm_keras_node node = {"Concat", NULL, values, call->input_count, &along, 1, wide};
    return status < 0 ? status : axm_keras_emit(call, &node, NULL);
}

/* ---- Images ---- */

static bool channels_first(const axm_keras_call *call)
{
    const cJSON *format = axm_keras_setting(call, "data_format");
    return cJSON_IsString(format) &&
           (strcmp(format->valuestring, "channels_first") == 0 || strncmp(format->valuestring, "NC", 2) == 0);
}

static int32_t blocks(axm_keras_call *call, const char *op)
{
    int64_t size;
    axm_keras_tensor x;
    if (call->inputs[0].rank != 4) return axm_keras_refuse(call, "an input that is no image");
    if (!read_whole(axm_keras_setting(call, "block_size"), 1, 65536, &size)) return axm_keras_bad_config(call, "block_size");
    int32_t status = axm_keras_order(call, call->inputs[0], !channels_first(call), &x);
    const axm_attribute attribute = axm_keras_int("blocksize", size);
    return status < 0 ? status : axm_keras_unary(call, op, NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_depth_to_space)
{
    return blocks(call, "DepthToSpace");
}

AXM_KERAS_TRANSLATE(op_space_to_depth)
{
    return blocks(call, "SpaceToDepth");
}

static void add_format(axm_keras_settings *s, const axm_keras_call *call)
{
    static char last[] = "channels_last", first[] = "channels_first";
    const cJSON format = {.type = cJSON_String, .valuestring = channels_first(call) ? first : last};
    axm_keras_add_item(s, &format, "data_format");
}

/* keras.ops.image.resize, tf.image.resize */
AXM_KERAS_TRANSLATE(op_resize)
{
    static const char *const same[] = {"antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode", "fill_value"};
    const cJSON *size = axm_keras_setting(call, "size"), *height = cJSON_GetArrayItem(size, 0),
                *width = cJSON_GetArrayItem(size, 1);
    const char *filter = axm_keras_setting(call, "method") ? "method" : "interpolation";
    axm_keras_settings s = {.count = 0};
    if (cJSON_IsFalse(axm_keras_setting(call, "half_pixel_centers"))) return axm_keras_refuse(call, "a scale of TensorFlow 1");
    if (!cJSON_IsNumber(height) || !cJSON_IsNumber(width)) return axm_keras_refuse(call, "a size that is computed");
    if (cJSON_IsTrue(axm_keras_setting(call, "preserve_aspect_ratio")))
        return axm_keras_refuse(call, "a size that keeps the proportions of each picture");
    axm_keras_add_item(&s, height, "height");
    axm_keras_add_item(&s, width, "width");
    axm_keras_add_setting(&s, call, filter, "interpolation", AXM_KERAS_NO_NUMBER);
    for (size_t i = 0; i < sizeof same / sizeof *same; ++i)
        axm_keras_add_setting(&s, call, same[i], same[i], AXM_KERAS_NO_NUMBER);
    add_format(&s, call);
    return axm_keras_as_layer(call, axm_keras_translate_resizing, &s);
}

/* Of tf.nn: sizes for each axis, or for those of space alone. */
static int32_t pool_of_tensorflow(axm_keras_call *call, axm_keras_translation translate)
{
    static char valid[] = "valid", same[] = "same";
    const cJSON *padding = axm_keras_setting(call, "padding");
    cJSON sides[2][3], lists[2];
    axm_keras_settings s = {.count = 0};
    int32_t axes = call->inputs[0].rank - 2;
    if (!axm_keras_setting(call, "ksize")) return translate(call); /* Keras 3's are the layers' */
    if (axes < 1 || axes > 3) return axm_keras_refuse(call, "pooling over other than 1 to 3 axes");
    if (!cJSON_IsString(padding)) return axm_keras_refuse(call, "padding that is given side by side");
    for (int32_t k = 0; k < 2; ++k) {
        const cJSON *list = axm_keras_setting(call, k == 0 ? "ksize" : "strides");
        int32_t count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0,
                skipped = count == axes + 2 ? 1 + channels_first(call) : 0;
        for (int32_t i = 0; i < axes; ++i) {
            const cJSON *item = count == 0 ? list : cJSON_GetArrayItem(list, count == 1 ? 0 : skipped + i);
            if (!cJSON_IsNumber(item)) return axm_keras_bad_config(call, k == 0 ? "ksize" : "strides");
            sides[k][i] = *item;
            sides[k][i].next = i + 1 < axes ? &sides[k][i + 1] : NULL;
        }
        lists[k] = (cJSON){.type = cJSON_Array, .child = sides[k]};
        axm_keras_add_item(&s, &lists[k], k == 0 ? "pool_size" : "strides");
    }
    const cJSON small = {.type = cJSON_String, .valuestring = strcmp(padding->valuestring, "SAME") == 0 ? same : valid};
    axm_keras_add_item(&s, &small, "padding");
    add_format(&s, call);
    return axm_keras_as_layer(call, translate, &s);
}

AXM_KERAS_TRANSLATE(op_max_pool)
{
    return pool_of_tensorflow(call, axm_keras_translate_max_pooling);
}

AXM_KERAS_TRANSLATE(op_average_pool)
{
    return pool_of_tensorflow(call, axm_keras_translate_average_pooling);
}

/* ---- Others ---- */

AXM_KERAS_TRANSLATE(op_normalize)
{
    const cJSON *order = axm_keras_setting(call, "order");
    axm_keras_settings s = {.count = 0};
    if (order && !(cJSON_IsNumber(order) && order->valuedouble == 2)) return axm_keras_refuse(call, "a norm other than the second");
    axm_keras_add_setting(&s, call, "axis", "axis", -1);
    return axm_keras_as_layer(call, axm_keras_translate_unit_normalization, &s);
}

AXM_KERAS_TRANSLATE(op_swap_axes)
{
    int64_t perm[AXM_MAX_RANK], from, to;
    axm_keras_tensor x;
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    if (!read_whole(axm_keras_setting(call, "axis1"), -x.rank, x.rank - 1, &from) ||
        !read_whole(axm_keras_setting(call, "axis2"), -x.rank, x.rank - 1, &to))
        return axm_keras_bad_config(call, "axis1");
    from += from < 0 ? x.rank : 0;
    to += to < 0 ? x.rank : 0;
    if ((from == 0 || to == 0) && from != to) return axm_keras_refuse(call, "an order that does not start with the batch");
    for (int32_t i = 0; i < x.rank; ++i)
        perm[i] = i == from ? to : i == to ? from : i;
    const axm_attribute attribute = axm_keras_ints("perm", perm, (size_t)x.rank);
    return axm_keras_unary(call, "Transpose", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_flip)
{
    int64_t axes[AXM_MAX_RANK], starts[AXM_MAX_RANK], ends[AXM_MAX_RANK], steps[AXM_MAX_RANK];
    axm_keras_settings s = {.count = 0};
    axm_keras_add_setting(&s, call, "axis", "axis", AXM_KERAS_NO_NUMBER);
    int32_t count = axm_keras_axes(&s.object, "axis", call->inputs[0], axes);
    if (count < 1) return axm_keras_refuse(call, "an index over the batch");
    for (int32_t i = 0; i < count; ++i) {
        starts[i] = -1;
        ends[i] = INT64_MIN;
        steps[i] = -1;
    }
    const axm_attribute cuts[] = {axm_keras_ints("starts", starts, (size_t)count), axm_keras_ints("ends", ends, (size_t)count),
                                  axm_keras_ints("axes", axes, (size_t)count), axm_keras_ints("steps", steps, (size_t)count)};
    return axm_keras_unary(call, "Slice", NULL, call->inputs[0], cuts, 4, NULL);
}
