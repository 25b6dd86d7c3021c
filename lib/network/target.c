/* From a layer to the tensor whose value is maximised or explained. */
#include "base/status.h"
#include "network/layers.h"

int32_t axm_channel_axis(const axm_graph *graph, int32_t value, const axm_shape *shape)
{
    if (shape->rank < 2) return shape->rank - 1;
    return graph->values[value].channels_last ? shape->rank - 1 : 1;
}

static const axm_node *producer_of(const axm_graph *graph, int32_t value)
{
    int32_t n = value < 0 ? -1 : graph->values[value].producer;
    return n < 0 ? NULL : &graph->nodes[n];
}

/* Back over operators that only give the same numbers another shape. */
static int32_t before_shapes(const axm_graph *graph, int32_t value)
{
    const axm_node *node;
    while ((node = producer_of(graph, value)) && (node->op->flags & AXM_OP_ALIAS))
        value = node->inputs[0];
    return value;
}

static bool reaches_output(const axm_graph *graph, int32_t value)
{
    for (int32_t o = 0; o < graph->output_count; ++o) {
        int32_t at = graph->outputs[o];
        for (;;) {
            if (at == value) return true;
            const axm_node *node = producer_of(graph, at);
            if (!node || !(node->op->flags & AXM_OP_ALIAS)) break;
            at = node->inputs[0];
        }
    }
    return false;
}

int32_t axm_final_score(const axm_graph *graph, int32_t value)
{
    int32_t before = before_shapes(graph, value);
    const axm_node *node = producer_of(graph, before);
    return node && (node->op->flags & AXM_OP_SCORE) ? graph->values[before].producer : -1;
}

#define VIEWED 4 /* more inputs than the operators with these hooks have */

typedef struct node_view {
    axm_tensor tensors[VIEWED];
    const axm_tensor *pointers[VIEWED];
} node_view;

static bool view_inputs(const axm_fact *facts, const axm_node *node, node_view *view)
{
    *view = (node_view){0};
    if (node->input_count > VIEWED) return false;
    for (int32_t i = 0; i < node->input_count; ++i) {
        if (node->inputs[i] < 0) continue;
        view->tensors[i].shape = facts[node->inputs[i]].shape;
        view->tensors[i].constant = facts[node->inputs[i]].constant;
        view->pointers[i] = &view->tensors[i];
    }
    return true;
}

static bool is_relu(const axm_fact *facts, const axm_node *node)
{
    node_view view;
    axm_clamp clamp;
    return node && node->op->as_clamp && view_inputs(facts, node, &view) &&
           node->op->as_clamp(node->params, view.pointers, node->input_count, &clamp) && clamp.low == 0.0f;
}

/* GlobalAveragePool, or a mean over all axes but the batch and the channels. */
static bool is_spatial_mean(const axm_graph *graph, const axm_fact *facts, const axm_node *node)
{
    node_view view;
    int32_t axis;
    if (!node) return false;
    if (node->op->flags & AXM_OP_SPATIAL_MEAN) return true;
    return node->op->as_spatial_mean && view_inputs(facts, node, &view) &&
           node->op->as_spatial_mean(node->params, view.pointers, node->input_count, &axis) &&
           axis == axm_channel_axis(graph, node->inputs[0], &view.tensors[0].shape);
}

axm_target axm_target_of(const axm_graph *graph, const axm_fact *facts, int32_t value, bool bypass)
{
    axm_target target = {.value = value};
    if (!bypass) return target;
    int32_t score = reaches_output(graph, value) ? axm_final_score(graph, value) : -1;
    if (score >= 0) {
        target.bypassed_score = graph->nodes[score].name;
        target.value = graph->nodes[score].inputs[0];
    } else if (!reaches_output(graph, value)) {
        return target;
    }
    const axm_node *mean = producer_of(graph, before_shapes(graph, target.value));
    if (!is_spatial_mean(graph, facts, mean)) return target;
    const axm_node *relu = producer_of(graph, before_shapes(graph, mean->inputs[0]));
    if (!is_relu(facts, relu)) return target;
    const axm_node *convolution = producer_of(graph, relu->inputs[0]);
    if (!convolution || !(convolution->op->flags & AXM_OP_FOLDS_AFFINE)) return target;
    target.bypassed_relu = relu->name;
    target.value = relu->inputs[0];
    return target;
}

/* Marks the nodes that `value` is computed from. */
static int32_t mark_ancestors(const axm_graph *graph, int32_t value, axm_arena *arena, bool **out)
{
    bool *marks = axm_arena_array(arena, (size_t)graph->node_count + 1, sizeof *marks);
    if (!marks) return axm_no_memory(0, "a look at the network");
    if (graph->values[value].producer >= 0) marks[graph->values[value].producer] = true;
    for (int32_t n = graph->node_count - 1; n >= 0; --n) { /* producers come before consumers in the file's order */
        if (!marks[n]) continue;
        for (int32_t i = 0; i < graph->nodes[n].input_count; ++i) {
            int32_t input = graph->nodes[n].inputs[i];
            if (input >= 0 && graph->values[input].producer >= 0) marks[graph->values[input].producer] = true;
        }
    }
    *out = marks;
    return ACTMAX_OK;
}

static bool has_space(const axm_graph *graph, int32_t value, const axm_fact *fact)
{
    const axm_shape *shape = &fact->shape;
    if (!fact->known || fact->constant || shape->rank < 3) return false;
    int32_t channels = axm_channel_axis(graph, value, shape);
    int64_t positions = 1;
    for (int32_t axis = 1; axis < shape->rank; ++axis)
        if (axis != channels) positions *= shape->dim[axis];
    return positions > 1;
}

int32_t axm_cam_value(const axm_graph *graph, const axm_fact *facts, int32_t target, axm_arena *arena, int32_t *out)
{
    bool *marks;
    int32_t status = mark_ancestors(graph, target, arena, &marks);
    if (status < 0) return status;
    *out = AXM_NO_VALUE;
    for (int32_t n = graph->node_count - 1; n >= 0; --n) {
        int32_t value = graph->nodes[n].outputs[0];
        if (!marks[n] || value < 0 || value == target || (graph->nodes[n].op->flags & (AXM_OP_ALIAS | AXM_OP_PERMUTES))) continue;
        if (facts[value].shape.rank < 4 || !has_space(graph, value, &facts[value])) continue;
        *out = value;
        break;
    }
    return ACTMAX_OK;
}

int32_t axm_depends_on(const axm_graph *graph, int32_t value, int32_t source, axm_arena *arena, bool *out)
{
    bool *marks;
    *out = value == source;
    if (*out) return ACTMAX_OK;
    int32_t status = mark_ancestors(graph, value, arena, &marks);
    if (status < 0) return status;
    if (graph->values[source].producer >= 0) {
        *out = marks[graph->values[source].producer];
        return ACTMAX_OK;
    }
    for (int32_t n = 0; n < graph->node_count && !*out; ++n)
        for (int32_t i = 0; marks[n] && i < graph->nodes[n].input_count; ++i)
            *out = *out || graph->nodes[n].inputs[i] == source;
    return ACTMAX_OK;
}
