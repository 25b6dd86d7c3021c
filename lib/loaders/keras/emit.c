/* What translations are made of: names, orders, nodes, constants. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "loaders/keras/translate.h"

int32_t axm_keras_refuse(const axm_keras_call *call, const char *what)
{
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "layer '%.80s' (%.40s): %s is not supported; export the model to ONNX, or build it without", call->name,
                    call->layer->class_name, what);
}

int32_t axm_keras_bad_config(const axm_keras_call *call, const char *field)
{
    return axm_fail(ACTMAX_ERROR_FORMAT, "layer '%.80s' (%.40s): '%s' of its configuration cannot be used; the file is damaged",
                    call->name, call->layer->class_name, field);
}

static const char *join(axm_arena *arena, const char *front, const char *back)
{
    size_t length = strlen(front), more = strlen(back);
    char *joined = axm_arena_alloc(arena, length + more + 2);
    if (!joined) return NULL;
    memcpy(joined, front, length);
    joined[length] = '/';
    memcpy(joined + length + 1, back, more);
    return joined;
}

const char *axm_keras_name(axm_keras_call *call, const char *suffix)
{
    return join(&call->import->scratch, call->name, suffix);
}

/* ---- Nodes ---- */

static int32_t emit(axm_keras_call *call, const axm_keras_node *node, const char *name, axm_keras_tensor *out)
{
    axm_node_spec spec = {.op = node->op,
                          .type = call->layer->class_name,
                          .name = name,
                          .inputs = node->inputs,
                          .input_count = node->input_count,
                          .outputs = &name,
                          .output_count = 1,
                          .attributes = {node->attributes, node->attribute_count},
                          .hidden = node->suffix != NULL};
    *out = node->like;
    int32_t status = axm_builder_node(call->import->builder, &spec, &out->value);
    if (status >= 0) axm_builder_show_channels(call->import->builder, out->value, out->moved);
    return status;
}

int32_t axm_keras_emit(axm_keras_call *call, const axm_keras_node *node, axm_keras_tensor *out)
{
    const char *name = node->suffix ? axm_keras_name(call, node->suffix) : call->name;
    axm_keras_tensor given;
    if (!name) return axm_no_memory(0, "a Keras model");
    int32_t status = emit(call, node, name, &given);
    if (status < 0) return status;
    if (!node->suffix) call->output = given;
    if (out) *out = given;
    return ACTMAX_OK;
}

int32_t axm_keras_unary(axm_keras_call *call, const char *op, const char *suffix, axm_keras_tensor x,
                        const axm_attribute *attributes, size_t attribute_count, axm_keras_tensor *out)
{
    const axm_keras_node node = {op, suffix, &x.value, 1, attributes, attribute_count, x};
    return axm_keras_emit(call, &node, out);
}

int32_t axm_keras_binary(axm_keras_call *call, const char *op, const char *suffix, axm_keras_tensor a, int32_t b,
                         axm_keras_tensor *out)
{
    const int32_t inputs[2] = {a.value, b};
    const axm_keras_node node = {op, suffix, inputs, 2, NULL, 0, a};
    return axm_keras_emit(call, &node, out);
}

int32_t axm_keras_order(axm_keras_call *call, axm_keras_tensor tensor, bool moved, axm_keras_tensor *out)
{
    int64_t perm[AXM_MAX_RANK] = {0};
    char suffix[40];
    *out = tensor;
    if (tensor.moved == moved || tensor.rank < 3) return ACTMAX_OK;
    for (int32_t i = 1; i < tensor.rank; ++i)
        perm[i] = moved ? (i == 1 ? tensor.rank - 1 : i - 1) : (i == tensor.rank - 1 ? 1 : i + 1);
    snprintf(suffix, sizeof suffix, "order_%lld", (long long)++call->import->helpers);
    const axm_attribute attribute = axm_keras_ints("perm", perm, (size_t)tensor.rank);
    tensor.moved = moved;
    const axm_keras_node node = {"Transpose", suffix, &out->value, 1, &attribute, 1, tensor};
    return axm_keras_emit(call, &node, out);
}

int32_t axm_keras_axes(const cJSON *config, const char *name, axm_keras_tensor x, int64_t *axes)
{
    const cJSON *list = axm_keras_item(config, name), *item = cJSON_IsArray(list) ? list->child : list;
    int32_t count = 0;
    for (; item; item = cJSON_IsArray(list) ? item->next : NULL) {
        double number = cJSON_IsNumber(item) ? item->valuedouble : 0;
        if (number < 0) number += x.rank;
        if (!(number >= 1 && number < x.rank) || count == x.rank) return -1;
        int64_t axis = (int64_t)number;
        if (x.moved && x.rank >= 3) axis = axis == x.rank - 1 ? 1 : axis + 1;
        for (int32_t i = 0; i < count; ++i)
            if (axes[i] == axis) return -1;
        axes[count++] = axis;
    }
    return count;
}

/* ---- Weights ---- */

const axm_constant *axm_keras_weight_data(const axm_keras_call *call, const char *role)
{
    const axm_keras_layer *layer = call->layer;
    for (int32_t i = 0; i < layer->weight_count; ++i)
        if (strcmp(layer->roles[i], role) == 0) return layer->has_weight[i] ? &layer->weights[i] : NULL;
    return NULL;
}

int32_t axm_keras_weight(axm_keras_call *call, const char *role, int32_t *out)
{
    axm_keras_layer *layer = call->layer;
    int32_t at = 0;
    *out = AXM_NO_VALUE;
    while (at < layer->weight_count && strcmp(layer->roles[at], role) != 0)
        ++at;
    if (at == layer->weight_count) return ACTMAX_OK;
    if (!layer->has_weight[at])
        return axm_fail(ACTMAX_ERROR_FORMAT, "the file holds no weights for layer '%.80s' (%.40s)", layer->name, layer->class_name);
    if (layer->values[at] == AXM_NO_VALUE) {
        const char *name = join(&call->import->scratch, layer->path, role);
        if (!name) return axm_no_memory(0, "a Keras model");
        int32_t status = axm_builder_constant(call->import->builder, name, &layer->weights[at], &layer->values[at]);
        if (status < 0) return status;
        axm_builder_parameter(call->import->builder, layer->values[at],
                              layer->trained[at] == AXM_KERAS_TRAINED ? AXM_PARAMETER_TRAINED : AXM_PARAMETER_FROZEN);
    }
    *out = layer->values[at];
    return ACTMAX_OK;
}

/* ---- Constants ---- */

int32_t axm_keras_floats(axm_keras_call *call, const axm_shape *shape, float **out)
{
    int64_t count;
    if (!axm_shape_count_checked(shape, call->import->limits->tensor_elements, &count))
        return axm_fail(ACTMAX_ERROR_LIMIT, "layer '%.80s' needs a tensor larger than limit_tensor_elements allows", call->name);
    *out = axm_arena_array(axm_builder_arena(call->import->builder), (size_t)count + 1, sizeof **out);
    return *out ? ACTMAX_OK : axm_no_memory((uint64_t)count * sizeof **out, "a Keras model");
}

static int32_t add_constant(axm_keras_call *call, const char *suffix, axm_constant constant, int32_t *out)
{
    char unique[80];
    snprintf(unique, sizeof unique, "%.40s_%lld", suffix, (long long)++call->import->helpers);
    const char *name = axm_keras_name(call, unique);
    if (!name) return axm_no_memory(0, "a Keras model");
    int32_t status = axm_builder_constant(call->import->builder, name, &constant, out);
    if (status >= 0) axm_builder_parameter(call->import->builder, *out, AXM_PARAMETER_NONE);
    return status;
}

int32_t axm_keras_constant(axm_keras_call *call, const char *suffix, const axm_shape *shape, const float *data, int32_t *out)
{
    size_t bytes = (size_t)axm_shape_count(shape) * sizeof *data;
    return add_constant(call, suffix, (axm_constant){AXM_FLOAT32, *shape, data, bytes}, out);
}

int32_t axm_keras_integer_constant(axm_keras_call *call, const char *suffix, const axm_shape *shape, const int64_t *data,
                                   int32_t *out)
{
    size_t bytes = (size_t)axm_shape_count(shape) * sizeof *data;
    int64_t *kept = axm_arena_alloc(axm_builder_arena(call->import->builder), bytes + sizeof *data);
    if (!kept) return axm_no_memory(bytes, "a Keras model");
    memcpy(kept, data, bytes);
    return add_constant(call, suffix, (axm_constant){AXM_INT64, *shape, kept, bytes}, out);
}

int32_t axm_keras_scalar(axm_keras_call *call, const char *suffix, float number, int32_t *out)
{
    const axm_shape shape = {.rank = 0};
    float *data;
    int32_t status = axm_keras_floats(call, &shape, &data);
    if (status < 0) return status;
    *data = number;
    return axm_keras_constant(call, suffix, &shape, data, out);
}

int32_t axm_keras_broadcast(axm_keras_call *call, const char *suffix, const axm_shape *shape, const float *data,
                            axm_keras_tensor tensor, int32_t *out)
{
    axm_shape full = {.rank = tensor.rank}, given;
    float *values;
    if (shape->rank > tensor.rank) return axm_keras_refuse(call, "a constant of more axes than its input has");
    for (int32_t i = 0; i < tensor.rank; ++i) {
        int32_t from = i - (tensor.rank - shape->rank);
        full.dim[i] = from < 0 ? 1 : shape->dim[from];
    }
    int32_t status = axm_keras_floats(call, &full, &values);
    if (status < 0) return status;
    int64_t channels = full.dim[tensor.rank - 1], batch = full.dim[0], space = 1;
    given = full;
    if (tensor.moved && tensor.rank >= 3) {
        given.dim[1] = channels;
        for (int32_t i = 1; i < tensor.rank - 1; ++i) {
            given.dim[i + 1] = full.dim[i];
            space *= full.dim[i];
        }
        for (int64_t n = 0; n < batch; ++n)
            for (int64_t c = 0; c < channels; ++c)
                for (int64_t p = 0; p < space; ++p)
                    *values++ = data[(n * space + p) * channels + c];
        values -= axm_shape_count(&full);
    } else {
        memcpy(values, data, (size_t)axm_shape_count(&full) * sizeof *values);
    }
    return axm_keras_constant(call, suffix, &given, values, out);
}
