/* A node under translation: its attributes as the builder takes them, and the hand-over. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/onnx/translate.h"

/* AttributeProto.AttributeType */
enum { UNDEFINED = 0, FLOAT = 1, INT = 2, STRING = 3, TENSOR = 4, GRAPH = 5, FLOATS = 6, INTS = 7, GRAPHS = 10 };

static bool is_listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; length && *at;) {
        const char *end = strchr(at, ' ');
        size_t size = end ? (size_t)(end - at) : strlen(at);
        if (size == length && memcmp(at, word, length) == 0) return true;
        at += size + (end != NULL);
    }
    return false;
}

static int32_t fail_type(const axm_onnx_call *call, const char *name, int32_t type)
{
    const axm_onnx_node *node = call->node;
    if (type == GRAPH || type == GRAPHS)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "attribute '%.80s' of node '%.80s' (%.80s) is a graph: networks with control flow are not "
                        "supported",
                        name, node->label, node->op);
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "attribute '%.80s' of node '%.80s' (%.80s) has type %d, which actmax does not read",
                    name, node->label, node->op, (int)type);
}

/* Files from before the type was recorded have it follow from the field that is set. */
static int32_t type_of(const axm_onnx_AttributeProto *attribute)
{
    if (attribute->type != UNDEFINED) return attribute->type;
    if (attribute->has_i) return INT;
    if (attribute->has_f) return FLOAT;
    if (attribute->s.span.data) return STRING;
    if (attribute->t.span.data) return TENSOR;
    if (attribute->ints.count) return INTS;
    if (attribute->floats.count) return FLOATS;
    return UNDEFINED;
}

/* Numbers may still lie in the file, unaligned. */
static int32_t aligned_copy(axm_onnx_call *call, const axm_onnx_numbers *numbers, size_t width, const void **out)
{
    void *copy = axm_arena_array(&call->import->scratch, numbers->count + 1, width);
    if (!copy) return axm_no_memory((uint64_t)numbers->count * width, "an attribute");
    if (numbers->count) memcpy(copy, numbers->data, numbers->count * width);
    *out = copy;
    return ACTMAX_OK;
}

static int32_t convert(axm_onnx_call *call, const axm_onnx_AttributeProto *from, axm_attribute *to, axm_onnx_span *tensor)
{
    int32_t type = type_of(from), status = ACTMAX_OK;
    const void *list = NULL;
    switch (type) {
    case INT: to->kind = AXM_ATTR_INT, to->i = from->i; break;
    case FLOAT: to->kind = AXM_ATTR_FLOAT, to->f = from->f; break;
    case STRING:
        to->kind = AXM_ATTR_TEXT;
        status = axm_onnx_text(&call->import->reader, from->s.span, &to->text);
        break;
    case INTS:
        to->kind = AXM_ATTR_INTS;
        to->count = from->ints.count;
        status = aligned_copy(call, &from->ints, sizeof(int64_t), &list);
        to->ints = list;
        break;
    case FLOATS:
        to->kind = AXM_ATTR_FLOATS;
        to->count = from->floats.count;
        status = aligned_copy(call, &from->floats, sizeof(float), &list);
        to->floats = list;
        break;
    case TENSOR:
        *tensor = from->t.span;
        if (!tensor->data)
            return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%.80s' of node '%.80s' lacks its tensor; the file is damaged",
                            to->name, call->node->label);
        break;
    default: return fail_type(call, to->name, type);
    }
    return status;
}

static int32_t read_attribute(axm_onnx_call *call, axm_onnx_span span, const char *admitted)
{
    const axm_onnx_node *node = call->node;
    axm_onnx_AttributeProto attribute = {0};
    const char *name;
    int32_t status = axm_onnx_decode(&call->import->reader, span, axm_onnx_AttributeProto_fields, &attribute, "an attribute");
    if (status < 0 || (status = axm_onnx_text(&call->import->reader, attribute.name.span, &name)) < 0) return status;
    if (attribute.type == GRAPH || attribute.type == GRAPHS) return fail_type(call, name, attribute.type);
    if (!is_listed(admitted, name))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "attribute '%.80s' of node '%.80s' (%.80s) is none that actmax reads in opset %" PRId64
                        "; ignoring it could compute something else",
                        name, node->label, node->op, call->import->opset);
    if (axm_onnx_find_attribute(call, name) >= 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (%.80s) has attribute '%.80s' twice; the file is damaged", node->label,
                        node->op, name);
    if (attribute.ref_attr_name.span.size > 0)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "attribute '%.80s' of node '%.80s' refers to a function's, but stands in no function; the file "
                        "is damaged",
                        name, node->label);
    int32_t at = call->attribute_count++; /* names are listed and differ, so there is room */
    call->attributes[at] = (axm_attribute){.name = name};
    return convert(call, &attribute, &call->attributes[at], &call->tensors[at]);
}

int32_t axm_onnx_read_attributes(axm_onnx_call *call, const char *admitted)
{
    const axm_onnx_many *attributes = &call->node->proto.attribute;
    for (uint32_t i = 0; i < attributes->count; ++i) {
        int32_t status = read_attribute(call, attributes->items[i], admitted);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

int32_t axm_onnx_find_attribute(const axm_onnx_call *call, const char *name)
{
    for (int32_t i = 0; i < call->attribute_count; ++i)
        if (strcmp(call->attributes[i].name, name) == 0) return i;
    return -1;
}

void axm_onnx_remove_attribute(axm_onnx_call *call, const char *name)
{
    int32_t at = axm_onnx_find_attribute(call, name);
    if (at < 0) return;
    int32_t last = --call->attribute_count;
    call->attributes[at] = call->attributes[last];
    call->tensors[at] = call->tensors[last];
    call->tensors[last] = (axm_onnx_span){0};
}

static int32_t set_attribute(axm_onnx_call *call, axm_attribute attribute)
{
    axm_onnx_remove_attribute(call, attribute.name);
    if (call->attribute_count == AXM_ONNX_ATTRIBUTES)
        return axm_fail(ACTMAX_ERROR_INTERNAL, "node '%.80s' has more attributes than actmax makes room for", call->node->label);
    call->tensors[call->attribute_count] = (axm_onnx_span){0};
    call->attributes[call->attribute_count++] = attribute;
    return ACTMAX_OK;
}

int32_t axm_onnx_set_int(axm_onnx_call *call, const char *name, int64_t value)
{
    return set_attribute(call, (axm_attribute){.name = name, .kind = AXM_ATTR_INT, .i = value});
}

int32_t axm_onnx_set_float(axm_onnx_call *call, const char *name, float value)
{
    return set_attribute(call, (axm_attribute){.name = name, .kind = AXM_ATTR_FLOAT, .f = value});
}

int32_t axm_onnx_get_int(const axm_onnx_call *call, const char *name, int64_t fallback, int64_t *out)
{
    int32_t at = axm_onnx_find_attribute(call, name);
    *out = at < 0 ? fallback : call->attributes[at].i;
    if (at < 0 || (call->attributes[at].kind == AXM_ATTR_INT && !call->tensors[at].data)) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%.80s' of node '%.80s' (%.80s) is not an integer; the file is damaged", name,
                    call->node->label, call->node->op);
}

static int32_t take_outputs(axm_onnx_call *call, const char **names)
{
    for (int32_t i = 0; i < call->output_count; ++i) {
        int32_t status = axm_onnx_text(&call->import->reader, call->node->proto.output.items[i], &names[i]);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

int32_t axm_onnx_emit(axm_onnx_call *call)
{
    axm_onnx_import *import = call->import;
    const axm_onnx_node *node = call->node;
    for (int32_t i = 0; i < call->attribute_count; ++i)
        if (call->tensors[i].data) return fail_type(call, call->attributes[i].name, TENSOR);
    size_t count = (size_t)call->output_count;
    const char **names = axm_arena_array(&import->scratch, count, sizeof *names);
    int32_t *values = axm_arena_array(&import->scratch, count, sizeof *values);
    if (!names || !values) return axm_no_memory((uint64_t)count * sizeof *names, "the nodes of an ONNX file");
    int32_t status = take_outputs(call, names);
    if (status < 0) return status;
    axm_node_spec spec = {
        .op = call->op ? call->op : node->op,
        .type = node->op,
        .name = *node->name ? node->name : NULL,
        .inputs = call->inputs,
        .input_count = call->input_count,
        .outputs = names,
        .output_count = call->output_count,
        .attributes = {call->attributes, (size_t)call->attribute_count},
    };
    if ((status = axm_builder_node(import->builder, &spec, values)) < 0) return status;
    for (size_t i = 0; i < count; ++i) {
        int32_t name = axm_onnx_find_name(import, node->proto.output.items[i]);
        if (name >= 0) import->names[name].value = values[i];
    }
    return ACTMAX_OK;
}

/* The name of a value that the file does not have, after the node's first output. */
static int32_t hidden_name(const axm_onnx_call *call, const char *part, char out[AXM_ONNX_HIDDEN_NAME])
{
    const char *output;
    int32_t status = axm_onnx_text(&call->import->reader, call->node->proto.output.items[0], &output);
    if (status < 0) return status;
    axm_text text = axm_text_in(out, AXM_ONNX_HIDDEN_NAME);
    axm_text_add(&text, "%.*s/%s", AXM_ONNX_HIDDEN_NAME / 2, output, part);
    return ACTMAX_OK;
}

int32_t axm_onnx_emit_hidden(axm_onnx_call *call, const char *op, const int32_t *inputs, int32_t input_count,
                             const axm_attribute *attribute, const char *part, int32_t *out)
{
    char buffer[AXM_ONNX_HIDDEN_NAME];
    const char *name = buffer;
    int32_t status = hidden_name(call, part, buffer);
    axm_node_spec spec = {
        .op = op,
        .type = op,
        .inputs = inputs,
        .input_count = input_count,
        .outputs = &name,
        .output_count = 1,
        .attributes = {attribute, attribute ? 1 : 0},
        .hidden = true,
    };
    return status < 0 ? status : axm_builder_node(call->import->builder, &spec, out);
}

int32_t axm_onnx_hidden_constant(axm_onnx_call *call, const axm_constant *constant, const char *part, int32_t *out)
{
    char name[AXM_ONNX_HIDDEN_NAME];
    int32_t status = hidden_name(call, part, name);
    if (status >= 0) status = axm_builder_constant(call->import->builder, name, constant, out);
    if (status >= 0) axm_builder_parameter(call->import->builder, *out, AXM_PARAMETER_NONE);
    return status;
}
