/* The saved graph: construction through the builder's functions, names, and what follows from the whole of it. */
#include "network/graph.h"

#include <string.h>

#include "base/checked.h"
#include "base/status.h"

static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; ++c)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    return hash;
}

int32_t axm_graph_new(axm_allocator *allocator, const axm_limits *limits, axm_graph **out)
{
    axm_graph *graph = axm_calloc_array(allocator, 1, sizeof *graph);
    if (!graph) return ACTMAX_ERROR_NO_MEMORY;
    graph->allocator = allocator;
    graph->limits = *limits;
    axm_arena_init(&graph->arena, allocator);
    *out = graph;
    return ACTMAX_OK;
}

void axm_graph_free(axm_graph *graph)
{
    if (!graph) return;
    axm_allocator *allocator = graph->allocator;
    axm_arena_free(&graph->arena);
    axm_free(allocator, graph->values);
    axm_free(allocator, graph->nodes);
    axm_free(allocator, graph->inputs);
    axm_free(allocator, graph->outputs);
    axm_free(allocator, graph->aliases);
    axm_free(allocator, graph->table);
    axm_free(allocator, graph);
}

/* Makes room for one more element of an array that doubles. */
static bool reserve(axm_graph *graph, void **array, int32_t count, int32_t *capacity, size_t size)
{
    if (count < *capacity) return true;
    int32_t grown = *capacity ? *capacity * 2 : 64;
    if (grown <= *capacity || !axm_grow_array(graph->allocator, array, (size_t)*capacity, (size_t)grown, size)) return false;
    *capacity = grown;
    return true;
}

static void table_insert(axm_graph *graph, int32_t value)
{
    uint32_t mask = (uint32_t)graph->table_size - 1;
    uint32_t slot = hash_name(graph->values[value].name) & mask;
    while (graph->table[slot] >= 0)
        slot = (slot + 1) & mask;
    graph->table[slot] = value;
}

static bool table_grow(axm_graph *graph)
{
    if (graph->value_count * 2 < graph->table_size) return true;
    int32_t size = graph->table_size ? graph->table_size * 2 : 256;
    int32_t *table = axm_alloc_array(graph->allocator, (size_t)size, sizeof *table);
    if (!table) return false;
    for (int32_t i = 0; i < size; ++i)
        table[i] = -1;
    axm_free(graph->allocator, graph->table);
    graph->table = table;
    graph->table_size = size;
    for (int32_t v = 0; v < graph->value_count; ++v)
        table_insert(graph, v);
    return true;
}

int32_t axm_graph_find_value(const axm_graph *graph, const char *name)
{
    if (!graph->table_size) return AXM_NO_VALUE;
    uint32_t mask = (uint32_t)graph->table_size - 1;
    for (uint32_t slot = hash_name(name) & mask; graph->table[slot] >= 0; slot = (slot + 1) & mask)
        if (strcmp(graph->values[graph->table[slot]].name, name) == 0) return graph->table[slot];
    return AXM_NO_VALUE;
}

static int32_t new_value(axm_graph *graph, const char *name, int32_t *out)
{
    if (!name || !*name) return axm_fail(ACTMAX_ERROR_FORMAT, "a tensor of the network has no name; the file is damaged");
    if (axm_graph_find_value(graph, name) != AXM_NO_VALUE)
        return axm_fail(ACTMAX_ERROR_FORMAT, "two tensors of the network are called '%.80s'; names must be unique", name);
    if (graph->value_count >= INT32_MAX / 4)
        return axm_fail(ACTMAX_ERROR_LIMIT, "the network has more tensors than actmax can count");
    char *copy = axm_arena_text(&graph->arena, name, strlen(name));
    if (!copy || !reserve(graph, (void **)&graph->values, graph->value_count, &graph->value_capacity, sizeof *graph->values) ||
        !table_grow(graph))
        return axm_no_memory(0, "the network's names");
    axm_value *value = &graph->values[graph->value_count];
    *value = (axm_value){.name = copy, .producer = -1, .declared = {.rank = -1}};
    *out = graph->value_count++;
    table_insert(graph, *out);
    return ACTMAX_OK;
}

/* ---- The builder ---- */

axm_arena *axm_builder_arena(axm_builder *builder)
{
    return &builder->graph->arena;
}

const axm_limits *axm_builder_limits(const axm_builder *builder)
{
    return &builder->graph->limits;
}

/* Operators that compute give what they take; casts name a type, as the first of their parameters. */
bool axm_builder_dtype(const axm_builder *builder, int32_t value, axm_dtype *out)
{
    const axm_graph *graph = builder->graph;
    while (value >= 0 && graph->values[value].producer >= 0) {
        const axm_node *node = &graph->nodes[graph->values[value].producer];
        if (strcmp(node->op->name, "Cast") == 0 || strcmp(node->op->name, "RoundFloat") == 0) {
            *out = *(const axm_dtype *)node->params;
            return true;
        }
        if (node->op->flags & AXM_OP_CONDITION) {
            *out = AXM_BOOL;
            return true;
        }
        if ((!node->op->forward && !(node->op->flags & AXM_OP_ALIAS)) || node->input_count < 1) return false;
        int32_t chosen = strcmp(node->op->name, "Where") == 0; /* its first input is the condition */
        if (node->input_count <= chosen) return false;
        value = node->inputs[chosen];
    }
    if (value < 0) return false;
    *out = graph->values[value].constant ? graph->values[value].constant->dtype : graph->values[value].dtype;
    return true;
}

int32_t axm_builder_find(const axm_builder *builder, const char *name)
{
    return axm_graph_find_value(builder->graph, name);
}

int32_t axm_builder_input(axm_builder *builder, const char *name, axm_dtype dtype, const axm_shape *shape, int32_t *out_value)
{
    axm_graph *graph = builder->graph;
    if (shape->rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "input '%.80s' has %d axes; actmax takes up to %d", name, (int)shape->rank,
                        AXM_MAX_RANK);
    int32_t value;
    int32_t status = new_value(graph, name, &value);
    if (status < 0) return status;
    if (!reserve(graph, (void **)&graph->inputs, graph->input_count, &graph->input_capacity, sizeof *graph->inputs))
        return axm_no_memory(0, "the network's inputs");
    graph->values[value].is_input = true;
    graph->values[value].dtype = dtype;
    graph->values[value].declared = *shape;
    graph->inputs[graph->input_count++] = value;
    *out_value = value;
    return ACTMAX_OK;
}

int32_t axm_builder_constant(axm_builder *builder, const char *name, const axm_constant *constant, int32_t *out_value)
{
    axm_graph *graph = builder->graph;
    int64_t count;
    size_t bytes;
    if (constant->shape.rank < 0 || constant->shape.rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "tensor '%.80s' has %d axes; actmax takes up to %d", name, (int)constant->shape.rank,
                        AXM_MAX_RANK);
    if (!axm_shape_count_checked(&constant->shape, graph->limits.tensor_elements, &count))
        return axm_fail(ACTMAX_ERROR_LIMIT, "tensor '%.80s' is larger than limit_tensor_elements (%lld) allows", name,
                        (long long)graph->limits.tensor_elements);
    if (!axm_mul_size((size_t)count, axm_dtype_bytes(constant->dtype), &bytes) || bytes != constant->bytes)
        return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' has %zu bytes of data, but its shape needs %zu; the file is damaged",
                        name, constant->bytes, bytes);
    int32_t value;
    int32_t status = new_value(graph, name, &value);
    if (status < 0) return status;
    axm_constant *copy = axm_arena_alloc(&graph->arena, sizeof *copy);
    if (!copy) return axm_no_memory(sizeof *copy, "a weight");
    *copy = *constant;
    graph->values[value].constant = copy;
    graph->values[value].dtype = constant->dtype;
    *out_value = value;
    return ACTMAX_OK;
}

static int32_t check_node(axm_graph *graph, const axm_node_spec *spec, const axm_op *op, const char *name)
{
    if (!op)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "operator '%.80s' of node '%.80s' is not supported; 'actmax ops' lists what is",
                        spec->type ? spec->type : spec->op, name);
    if (graph->node_count >= graph->limits.nodes)
        return axm_fail(ACTMAX_ERROR_LIMIT, "the network has more nodes than limit_nodes (%lld) allows",
                        (long long)graph->limits.nodes);
    int32_t given = spec->input_count;
    if (given < op->min_inputs || (op->max_inputs >= 0 && given > op->max_inputs))
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (%s) has %d inputs; the operator takes %d to %d", name, op->name,
                        (int)given, (int)op->min_inputs, (int)op->max_inputs);
    for (int32_t i = 0; i < given; ++i) {
        int32_t input = spec->inputs[i];
        if (input == AXM_NO_VALUE ? i < op->min_inputs : (input < 0 || input >= graph->value_count))
            return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (%s) lacks input %d; the file is damaged", name, op->name, (int)i);
    }
    if (spec->output_count < 1 || (op->outputs >= 0 && spec->output_count > op->outputs))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "node '%.80s' (%s) has %d outputs; actmax computes %d", name, op->name,
                        (int)spec->output_count, (int)op->outputs);
    return ACTMAX_OK;
}

static int32_t add_outputs(axm_graph *graph, const axm_node_spec *spec, int32_t *outputs)
{
    for (int32_t i = 0; i < spec->output_count; ++i) {
        outputs[i] = AXM_NO_VALUE;
        if (!spec->outputs[i] || !*spec->outputs[i]) continue;
        int32_t status = new_value(graph, spec->outputs[i], &outputs[i]);
        if (status < 0) return status;
        graph->values[outputs[i]].producer = graph->node_count;
        graph->values[outputs[i]].output_index = i;
    }
    return ACTMAX_OK;
}

int32_t axm_builder_node(axm_builder *builder, const axm_node_spec *spec, int32_t *out_values)
{
    axm_graph *graph = builder->graph;
    const char *name = spec->name && *spec->name                    ? spec->name
                       : spec->output_count > 0 && spec->outputs[0] ? spec->outputs[0]
                                                                    : "(unnamed)";
    const axm_op *op = axm_op_find(spec->op);
    int32_t status = check_node(graph, spec, op, name);
    if (status < 0) return status;

    int32_t *inputs = axm_arena_array(&graph->arena, (size_t)spec->input_count + 1, sizeof *inputs);
    int32_t *outputs = axm_arena_array(&graph->arena, (size_t)spec->output_count, sizeof *outputs);
    void *params = axm_arena_alloc(&graph->arena, op->params_size ? op->params_size : 1);
    const char *type = spec->type ? spec->type : op->name;
    axm_node node = {.op = op, .params = params, .input_count = spec->input_count, .output_count = spec->output_count};
    node.name = axm_arena_text(&graph->arena, name, strlen(name));
    node.type = axm_arena_text(&graph->arena, type, strlen(type));
    if (!inputs || !outputs || !params || !node.name || !node.type ||
        !reserve(graph, (void **)&graph->nodes, graph->node_count, &graph->node_capacity, sizeof *graph->nodes))
        return axm_no_memory(0, "the network's nodes");
    if (op->parse && (status = op->parse(&spec->attributes, &graph->arena, params)) < 0)
        return axm_fail_within(status, "node '%.80s' (%s)", name, type);
    if (spec->input_count) memcpy(inputs, spec->inputs, (size_t)spec->input_count * sizeof *inputs);
    if ((status = add_outputs(graph, spec, outputs)) < 0) return axm_fail_within(status, "node '%.80s' (%s)", name, type);
    node.inputs = inputs;
    node.outputs = outputs;
    node.hidden = spec->hidden;
    graph->nodes[graph->node_count++] = node;
    if (out_values) memcpy(out_values, outputs, (size_t)spec->output_count * sizeof *outputs);
    return ACTMAX_OK;
}

int32_t axm_builder_alias(axm_builder *builder, int32_t value, const char *name)
{
    axm_graph *graph = builder->graph;
    char *copy = axm_arena_text(&graph->arena, name, strlen(name));
    if (!copy || !reserve(graph, (void **)&graph->aliases, graph->alias_count, &graph->alias_capacity, sizeof *graph->aliases))
        return axm_no_memory(0, "the network's names");
    graph->aliases[graph->alias_count++] = (axm_alias){copy, value};
    return ACTMAX_OK;
}

void axm_builder_parameter(axm_builder *builder, int32_t value, axm_parameter kind)
{
    builder->graph->values[value].parameter = kind;
    builder->graph->tells_frozen = true;
}

void axm_builder_stands_for(axm_builder *builder, int32_t value, axm_parameter kind, int64_t count)
{
    axm_builder_parameter(builder, value, kind);
    builder->graph->values[value].stands_for = count;
}

void axm_builder_holds(axm_builder *builder, int32_t value, int64_t parameters)
{
    axm_graph *graph = builder->graph;
    if (graph->values[value].producer >= 0) graph->nodes[graph->values[value].producer].holds = parameters;
}

void axm_builder_show_channels(axm_builder *builder, int32_t value, bool last)
{
    builder->graph->values[value].shown_last = last;
    builder->graph->values[value].order_given = true;
}

int32_t axm_builder_output(axm_builder *builder, int32_t value, const char *name)
{
    axm_graph *graph = builder->graph;
    if (value < 0 || value >= graph->value_count)
        return axm_fail(ACTMAX_ERROR_FORMAT, "the network's output '%.80s' is computed by no node; the file is damaged", name);
    if (!reserve(graph, (void **)&graph->outputs, graph->output_count, &graph->output_capacity, sizeof *graph->outputs))
        return axm_no_memory(0, "the network's outputs");
    graph->outputs[graph->output_count++] = value;
    return ACTMAX_OK;
}

/* ---- The whole graph ---- */

/* A permutation that takes axis 1 to the end leaves channels last; one that brings the last axis to 1 undoes it. Convolution and
 * pooling always read and give channels at axis 1. */
static void mark_channels_last(axm_graph *graph)
{
    for (int32_t n = 0; n < graph->node_count; ++n) {
        const axm_node *node = &graph->nodes[n];
        bool last = false;
        for (int32_t i = 0; i < node->input_count && !last; ++i)
            last = node->inputs[i] >= 0 && graph->values[node->inputs[i]].channels_last;
        if (node->op->flags & (AXM_OP_SPATIAL | AXM_OP_SPATIAL_MEAN)) last = false;
        if (node->op->flags & AXM_OP_PERMUTES) {
            int32_t perm[AXM_MAX_RANK] = {0};
            node->op->permutation(node->params, 4, perm);
            if (perm[0] == 0 && perm[3] == 1)
                last = true;
            else if (perm[0] == 0 && perm[1] == 3)
                last = false;
        }
        for (int32_t i = 0; i < node->output_count; ++i)
            if (node->outputs[i] >= 0) graph->values[node->outputs[i]].channels_last = last;
    }
}

/* The usual sign of an image input in NHWC: few channels at the end and not at axis 1. */
static void mark_input(axm_value *input)
{
    const axm_shape *shape = &input->declared;
    if (shape->rank != 4 || input->order_given) return;
    bool few_last = shape->dim[3] >= 1 && shape->dim[3] <= 4;
    bool few_first = shape->dim[1] >= 1 && shape->dim[1] <= 4;
    input->channels_last = few_last && !few_first;
}

int32_t axm_graph_finish(axm_graph *graph)
{
    if (graph->node_count == 0) return axm_fail(ACTMAX_ERROR_FORMAT, "the network has no nodes");
    if (graph->output_count == 0) return axm_fail(ACTMAX_ERROR_FORMAT, "the network names no output");
    for (int32_t i = 0; i < graph->input_count; ++i)
        mark_input(&graph->values[graph->inputs[i]]);
    mark_channels_last(graph);
    return ACTMAX_OK;
}

/* A bound input must have the shape that the file declares, as far as it does. */
static int32_t check_bound(const axm_graph *graph, const axm_value *input, const axm_shape *shape, int64_t *count)
{
    char given[AXM_SHAPE_TEXT], wanted[AXM_SHAPE_TEXT];
    const axm_shape *declared = &input->declared;
    if (!axm_shape_count_checked(shape, graph->limits.tensor_elements, count))
        return axm_fail(ACTMAX_ERROR_LIMIT, "the value bound to input '%.80s' is larger than limit_tensor_elements (%lld) allows",
                        input->name, (long long)graph->limits.tensor_elements);
    bool fits = declared->rank < 0 || declared->rank == shape->rank;
    for (int32_t i = 0; fits && i < declared->rank; ++i)
        fits = declared->dim[i] == AXM_FREE_DIM || declared->dim[i] == shape->dim[i];
    if (fits) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_SHAPE, "the value bound to input '%.80s' has shape %s; the network takes %s", input->name,
                    axm_shape_text(shape, given), axm_shape_text(declared, wanted));
}

/* Integers are kept in the input's own type (little-endian, as files have them), every kind of float as float32. */
static int32_t store_bound(const axm_value *input, const float *data, int64_t count, axm_constant *constant, char *to)
{
    size_t width = axm_dtype_bytes(constant->dtype);
    for (int64_t i = 0; i < count; ++i) {
        if (constant->dtype == AXM_FLOAT32) {
            memcpy(to + (size_t)i * width, &data[i], width);
            continue;
        }
        int64_t integer = data[i] >= -9.0e18f && data[i] <= 9.0e18f ? (int64_t)data[i] : 0;
        if ((float)integer < data[i] || (float)integer > data[i] || data[i] != data[i])
            return axm_fail(ACTMAX_ERROR_INVALID, "input '%.80s' takes %s values; %g is none", input->name,
                            axm_dtype_name(constant->dtype), (double)data[i]);
        memcpy(to + (size_t)i * width, &integer, width);
    }
    return ACTMAX_OK;
}

int32_t axm_graph_bind(axm_graph *graph, const char *input, const float *data, const int64_t *dims, int32_t rank)
{
    int32_t value = axm_graph_find_value(graph, input);
    if (value < 0 || !graph->values[value].is_input)
        return axm_fail(ACTMAX_ERROR_NOT_FOUND, "the network has no input called '%.80s' to bind a value to", input);
    axm_value *bound = &graph->values[value];
    axm_constant constant = {.dtype = axm_dtype_is_float(bound->dtype) ? AXM_FLOAT32 : bound->dtype, .shape = {.rank = rank}};
    if (rank < 0 || rank > AXM_MAX_RANK) return axm_fail(ACTMAX_ERROR_INVALID, "a bound input has 0 to %d axes", AXM_MAX_RANK);
    for (int32_t i = 0; i < rank; ++i)
        constant.shape.dim[i] = dims[i];
    int64_t count;
    int32_t status = check_bound(graph, bound, &constant.shape, &count);
    if (status < 0) return status;
    char *copy = axm_arena_array(&graph->arena, (size_t)count + 1, axm_dtype_bytes(constant.dtype));
    axm_constant *kept = axm_arena_alloc(&graph->arena, sizeof *kept);
    if (!copy || !kept) return axm_no_memory((uint64_t)count * 4, "a bound input");
    if ((status = store_bound(bound, data, count, &constant, copy)) < 0) return status;
    constant.data = copy;
    constant.bytes = (size_t)count * axm_dtype_bytes(constant.dtype);
    *kept = constant;
    bound->constant = kept;
    bound->dtype = constant.dtype;
    bound->is_input = false;
    int32_t kept_inputs = 0;
    for (int32_t i = 0; i < graph->input_count; ++i)
        if (graph->inputs[i] != value) graph->inputs[kept_inputs++] = graph->inputs[i];
    graph->input_count = kept_inputs;
    return ACTMAX_OK;
}

static bool is_parameter(const axm_value *value)
{
    if (!value->constant || value->is_input) return false;
    if (value->parameter != AXM_PARAMETER_UNSAID) return value->parameter != AXM_PARAMETER_NONE;
    return axm_dtype_is_float(value->dtype) && value->constant->shape.rank >= 1;
}

/* 0: it is none. */
static int64_t parameters_of(const axm_value *value)
{
    if (!is_parameter(value)) return 0;
    return value->stands_for > 0 ? value->stands_for : axm_shape_count(&value->constant->shape);
}

static int64_t own_parameters(const axm_graph *graph, const axm_node *node)
{
    int64_t total = 0;
    for (int32_t i = 0; i < node->input_count; ++i) {
        if (node->inputs[i] >= 0) total += parameters_of(&graph->values[node->inputs[i]]);
    }
    return total;
}

int64_t axm_graph_node_parameters(const axm_graph *graph, int32_t n)
{
    if (graph->nodes[n].holds > 0) return graph->nodes[n].holds;
    int64_t total = own_parameters(graph, &graph->nodes[n]);
    while (--n >= 0 && graph->nodes[n].hidden)
        total += own_parameters(graph, &graph->nodes[n]);
    return total;
}

int64_t axm_graph_frozen_parameters(const axm_graph *graph)
{
    int64_t total = 0;
    for (int32_t v = 0; v < graph->value_count; ++v)
        if (graph->values[v].parameter == AXM_PARAMETER_FROZEN) total += parameters_of(&graph->values[v]);
    return total;
}

axm_shape axm_graph_shown_shape(const axm_graph *graph, int32_t value, const axm_shape *shape)
{
    axm_shape shown = *shape;
    if (!graph->values[value].shown_last || shape->rank < 3) return shown;
    for (int32_t axis = 2; axis < shape->rank; ++axis)
        shown.dim[axis - 1] = shape->dim[axis];
    shown.dim[shape->rank - 1] = shape->dim[1];
    return shown;
}

int64_t axm_graph_parameters(const axm_graph *graph)
{
    int64_t total = 0;
    for (int32_t v = 0; v < graph->value_count; ++v)
        total += parameters_of(&graph->values[v]);
    return total;
}
