/* First stage of a plan: which nodes are needed, which channels of the target, and the shapes of everything. */
#include "base/status.h"
#include "network/plan_internal.h"

/* Marks what is needed for `value`, walking back over producers. stack holds node_count entries. */
static void need_value(axm_plan *plan, int32_t value, int32_t *stack)
{
    const axm_graph *graph = plan->graph;
    int32_t depth = 0, producer = graph->values[value].producer;
    if (producer < 0 || plan->needed[producer]) return;
    plan->needed[producer] = true;
    stack[depth++] = producer;
    while (depth > 0) {
        const axm_node *node = &graph->nodes[stack[--depth]];
        for (int32_t i = 0; i < node->input_count; ++i) {
            int32_t before = node->inputs[i] < 0 ? -1 : graph->values[node->inputs[i]].producer;
            if (before < 0 || plan->needed[before]) continue;
            plan->needed[before] = true;
            stack[depth++] = before;
        }
    }
}

static int32_t mark_needed(axm_plan *plan)
{
    const axm_plan_request *request = &plan->request;
    int32_t *stack = axm_arena_array(&plan->arena, (size_t)plan->graph->node_count + 1, sizeof *stack);
    if (!stack) return axm_no_memory(0, "a plan");
    for (int32_t i = 0; i < request->observe_count; ++i) {
        need_value(plan, request->observe[i], stack);
        plan->special[request->observe[i]] = true;
    }
    for (int32_t i = 0; i < request->seed_count; ++i) {
        need_value(plan, request->seeds[i], stack);
        plan->special[request->seeds[i]] = true;
    }
    for (int32_t i = 0; i < request->want_count; ++i)
        plan->special[request->wants[i]] = true;
    plan->special[request->image] = true;
    return ACTMAX_OK;
}

static int32_t count_consumers(const axm_plan *plan, int32_t value)
{
    int32_t count = 0;
    for (int32_t n = 0; n < plan->graph->node_count; ++n) {
        if (!plan->needed[n]) continue;
        for (int32_t i = 0; i < plan->graph->nodes[n].input_count; ++i)
            count += plan->graph->nodes[n].inputs[i] == value;
    }
    return count;
}

/* The input that is not constant, when there is just one; else AXM_NO_VALUE. */
static int32_t varying_input(const axm_plan *plan, const axm_node *node)
{
    int32_t found = AXM_NO_VALUE;
    for (int32_t i = 0; i < node->input_count; ++i) {
        int32_t input = node->inputs[i];
        if (input < 0 || plan->facts[input].constant) continue;
        if (found != AXM_NO_VALUE) return AXM_NO_VALUE;
        found = input;
    }
    return found;
}

/* Whether the node will be folded into the weights before it: its hook accepts it, for all of its channels. */
static int32_t is_channel_affine(axm_plan *plan, const axm_node *node, bool *out)
{
    axm_tensor tensors[8] = {{.layout = AXM_LAYOUT_FILE}};
    const axm_tensor *inputs[8] = {NULL};
    int32_t varying = varying_input(plan, node);
    *out = false;
    if (!node->op->as_channel_affine || node->input_count > 8 || varying == AXM_NO_VALUE || plan->facts[varying].shape.rank < 2)
        return ACTMAX_OK;
    for (int32_t i = 0; i < node->input_count; ++i) {
        if (node->inputs[i] < 0) continue;
        tensors[i].shape = plan->facts[node->inputs[i]].shape;
        tensors[i].constant = plan->facts[node->inputs[i]].constant;
        inputs[i] = &tensors[i];
    }
    int64_t channels = plan->facts[varying].shape.dim[1];
    float *scale = axm_arena_array(&plan->arena, (size_t)channels * 2, sizeof *scale);
    if (!scale) return axm_no_memory(0, "a plan");
    *out = node->op->as_channel_affine(node->params, inputs, node->input_count, channels, scale, scale + channels);
    return ACTMAX_OK;
}

/* Whether an alias keeps channels where they are: [n, c, 1, 1] to [n, c], say. */
static bool keeps_channels(const axm_plan *plan, const axm_node *node)
{
    const axm_shape *from = &plan->facts[node->inputs[0]].shape, *to = &plan->facts[node->outputs[0]].shape;
    if (!(node->op->flags & AXM_OP_ALIAS) || from->rank < 2 || to->rank < 2) return false;
    return from->dim[0] == to->dim[0] && from->dim[1] == to->dim[1] && axm_shape_count(from) == from->dim[0] * from->dim[1] &&
           axm_shape_count(to) == axm_shape_count(from);
}

/* Walks back from the sliced value over pointwise nodes, then over what folds into a convolution's weights, to an operator
 * that can compute some of its channels only. Sets plan->slice_node when it gets there. */
static int32_t find_slice(axm_plan *plan)
{
    const axm_graph *graph = plan->graph;
    int32_t value = plan->request.slice_value, status;
    bool affine = false, folds;
    plan->slice_node = -1;
    if (value < 0) return ACTMAX_OK;
    for (int32_t n = graph->values[value].producer; n >= 0; n = graph->values[value].producer) {
        const axm_node *node = &graph->nodes[n];
        if (node->op->flags & AXM_OP_SLICES) {
            plan->slice_node = n;
            return ACTMAX_OK;
        }
        bool pointwise = ((node->op->flags & AXM_OP_POINTWISE) || keeps_channels(plan, node)) && !affine;
        if (!pointwise && ((status = is_channel_affine(plan, node, &folds)) < 0 || !folds)) return status;
        affine = affine || !pointwise;
        value = varying_input(plan, node);
        if (value < 0 || plan->special[value] || count_consumers(plan, value) != 1) return ACTMAX_OK;
        if (affine && graph->values[value].producer >= 0) { /* an affine node must sit on the convolution or on another affine */
            const axm_node *before = &graph->nodes[graph->values[value].producer];
            folds = (before->op->flags & AXM_OP_FOLDS_AFFINE) && (before->op->flags & AXM_OP_SLICES);
            if (!folds && ((status = is_channel_affine(plan, before, &folds)) < 0 || !folds)) return status;
        }
    }
    return ACTMAX_OK;
}

/* Every value from the slicing node to the sliced value has only the wanted channels. */
static void cut_shapes(axm_plan *plan)
{
    const axm_graph *graph = plan->graph;
    int32_t value = plan->request.slice_value;
    if (plan->slice_node < 0) return;
    for (;;) {
        plan->facts[value].shape.dim[1] = plan->request.slice_count;
        int32_t n = graph->values[value].producer;
        if (n == plan->slice_node) break;
        value = varying_input(plan, &graph->nodes[n]);
    }
    plan->sliced = true;
}

int32_t axm_plan_select(axm_plan *plan)
{
    const axm_plan_request *request = &plan->request;
    int32_t status = mark_needed(plan);
    if (status < 0) return status;
    axm_infer_request infer = {.graph = plan->graph,
                               .image = request->image,
                               .image_shape = request->image_shape,
                               .wanted = plan->needed,
                               .kernels = request->kernels,
                               .arena = &plan->arena};
    if ((status = axm_infer_graph(&infer, plan->facts)) < 0) return status;
    if ((status = find_slice(plan)) < 0) return status;
    if (plan->slice_node >= 0) {
        const axm_shape *full = &plan->facts[plan->graph->nodes[plan->slice_node].outputs[0]].shape;
        plan->slice_full = full->rank >= 2 ? full->dim[1] : 0;
        if (full->rank < 2 || request->slice_count >= plan->slice_full) plan->slice_node = -1;
    }
    cut_shapes(plan);
    return ACTMAX_OK;
}
