/* Shape inference and folding over a graph, node by node in the order of the file. */
#include "network/infer.h"

#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "network/evaluate.h"

#define MAX_TERMS 4096 /* inputs or outputs of one node */

/* How much may be folded: a file of a few bytes must not ask for much memory or work. Its weights count, and so much is free. */
#define FOLD_ELEMENTS        ((int64_t)1 << 24)
#define FOLD_FACTOR          4
#define FOLD_MULTIPLICATIONS ((int64_t)1 << 34)
typedef struct fold_budget {
    int64_t elements, multiplications; /* left */
} fold_budget;

typedef struct node_view {
    const axm_constant **constants;
    const axm_shape **shapes;
    axm_tensor *tensors;
    const axm_tensor **tensor_pointers;
    axm_constant *out_constants;
    axm_shape *out_shapes;
    bool all_known, all_constant;
} node_view;

static int32_t view_new(axm_arena *arena, const axm_node *node, node_view *view)
{
    size_t inputs = (size_t)node->input_count + 1, outputs = (size_t)node->output_count + 1;
    if (inputs > MAX_TERMS || outputs > MAX_TERMS)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a node may have up to %d inputs and outputs", MAX_TERMS - 1);
    view->constants = axm_arena_array(arena, inputs, sizeof *view->constants);
    view->shapes = axm_arena_array(arena, inputs, sizeof *view->shapes);
    view->tensors = axm_arena_array(arena, inputs, sizeof *view->tensors);
    view->tensor_pointers = axm_arena_array(arena, inputs, sizeof *view->tensor_pointers);
    view->out_constants = axm_arena_array(arena, outputs, sizeof *view->out_constants);
    view->out_shapes = axm_arena_array(arena, outputs, sizeof *view->out_shapes);
    if (!view->constants || !view->shapes || !view->tensors || !view->tensor_pointers || !view->out_constants || !view->out_shapes)
        return axm_no_memory(0, "shapes of a node");
    return ACTMAX_OK;
}

static void view_fill(const axm_node *node, const axm_fact *facts, node_view *view)
{
    view->all_known = view->all_constant = true;
    for (int32_t i = 0; i < node->input_count; ++i) {
        if (node->inputs[i] == AXM_NO_VALUE) continue;
        const axm_fact *fact = &facts[node->inputs[i]];
        view->all_known = view->all_known && fact->known;
        view->all_constant = view->all_constant && fact->constant;
        view->constants[i] = fact->constant;
        view->shapes[i] = &fact->shape;
        view->tensors[i] = (axm_tensor){.shape = fact->shape, .constant = fact->constant};
        view->tensor_pointers[i] = &view->tensors[i];
    }
}

static fold_budget new_budget(const axm_graph *graph)
{
    fold_budget budget = {FOLD_ELEMENTS, FOLD_MULTIPLICATIONS};
    for (int32_t v = 0; v < graph->value_count; ++v) {
        const axm_constant *constant = graph->values[v].constant;
        int64_t share;
        if (constant && axm_mul_i64(axm_shape_count(&constant->shape), FOLD_FACTOR, &share) &&
            share < INT64_MAX / 2 - budget.elements)
            budget.elements += share;
    }
    return budget;
}

static int32_t too_much(const fold_budget *budget)
{
    return axm_fail(
        ACTMAX_ERROR_LIMIT,
        "what can be computed while loading is large (%lld numbers are left to it); save the model with folded constants",
        (long long)budget->elements);
}

/* For an operator's forward function, whose outputs are known beforehand. */
static int32_t check_outputs(const axm_node *node, const node_view *view, const fold_budget *budget)
{
    int64_t left = budget->elements;
    for (int32_t i = 0; i < node->output_count; ++i) {
        if (axm_shape_count(&view->out_shapes[i]) > left) return too_much(budget);
        left -= axm_shape_count(&view->out_shapes[i]);
    }
    return ACTMAX_OK;
}

static void keep_constants(const axm_node *node, node_view *view, axm_arena *arena, fold_budget *budget, axm_fact *facts,
                           int32_t *status)
{
    for (int32_t i = 0; i < node->output_count && *status >= 0; ++i) {
        int64_t count = axm_shape_count(&view->out_constants[i].shape);
        if (count > budget->elements) {
            *status = too_much(budget);
            return;
        }
        budget->elements -= count;
        if (node->outputs[i] == AXM_NO_VALUE) continue;
        axm_constant *kept = axm_arena_alloc(arena, sizeof *kept);
        if (!kept) {
            *status = axm_no_memory(sizeof *kept, "a folded value");
            return;
        }
        *kept = view->out_constants[i];
        facts[node->outputs[i]] = (axm_fact){true, kept->shape, kept};
    }
}

/* An input that holds nothing, where operators count on elements. Short lists (Resize's roi) may be empty. */
static int32_t refuse_empty(const axm_node *node, const node_view *view)
{
    char text[AXM_SHAPE_TEXT];
    if (node->op->flags & AXM_OP_TAKES_NOTHING) return ACTMAX_OK;
    for (int32_t i = 0; i < node->input_count; ++i) {
        const axm_shape *shape = view->shapes[i];
        if (!shape || axm_shape_count(shape) != 0 || (i > 0 && shape->rank < 2)) continue;
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "input %d is empty (shape %s); actmax computes nothing from nothing", (int)i,
                        axm_shape_text(shape, text));
    }
    return ACTMAX_OK;
}

static int32_t infer_shapes(const axm_infer_request *request, const axm_node *node, node_view *view)
{
    if (!node->op->infer)
        return axm_fail(
            ACTMAX_ERROR_UNSUPPORTED,
            "%s is computed here from what is in the image; actmax does it only for shapes and constants; " AXM_END_BEFORE,
            node->type);
    axm_infer infer = {node->params,          node->input_count, node->output_count,
                       view->tensor_pointers, view->out_shapes,  &request->graph->limits};
    return node->op->infer(&infer);
}

/* A fold may give as many elements as are left. */
static int32_t fold_node(const axm_infer_request *request, const axm_node *node, node_view *view, const fold_budget *budget)
{
    axm_limits limits = request->graph->limits;
    bool tighter = budget->elements < limits.tensor_elements;
    if (tighter) limits.tensor_elements = budget->elements;
    axm_fold fold = {node->params, node->input_count, node->output_count,  view->constants,
                     view->shapes, request->arena,    view->out_constants, &limits};
    int32_t status = node->op->fold(&fold);
    return status == ACTMAX_ERROR_LIMIT && tighter ? too_much(budget) : status;
}

/* What has no elements depends on nothing. */
static int32_t know_nothing(axm_arena *arena, axm_fact *fact)
{
    axm_constant *nothing = axm_arena_alloc(arena, sizeof *nothing + sizeof(float));
    if (!nothing) return axm_no_memory(sizeof *nothing, "an empty value");
    *nothing = (axm_constant){.dtype = AXM_FLOAT32, .shape = fact->shape, .data = nothing + 1};
    fact->constant = nothing;
    return ACTMAX_OK;
}

static int32_t infer_node(const axm_infer_request *request, const axm_node *node, fold_budget *budget, axm_fact *facts)
{
    node_view view;
    const axm_op *op = node->op;
    int32_t status = view_new(request->arena, node, &view);
    if (status < 0) return status;
    view_fill(node, facts, &view);
    if (!view.all_known) return axm_fail(ACTMAX_ERROR_SHAPE, "the shape of an input is not known");

    if (op->fold && (view.all_constant || op->folds_shape)) {
        status = fold_node(request, node, &view, budget);
        if (status >= 0) {
            keep_constants(node, &view, request->arena, budget, facts, &status);
            return status;
        }
        if (status != ACTMAX_ERROR_UNSUPPORTED || !op->forward) return status;
    }
    if ((status = refuse_empty(node, &view)) < 0) return status;
    status = infer_shapes(request, node, &view);
    if (status < 0) return status;
    if (view.all_constant && op->forward) {
        if ((status = check_outputs(node, &view, budget)) < 0) return status;
        status = axm_evaluate_node(node, request->kernels, request->arena, view.constants, view.out_shapes,
                                   &budget->multiplications, view.out_constants);
        if (status >= 0) keep_constants(node, &view, request->arena, budget, facts, &status);
        return status;
    }
    for (int32_t i = 0; i < node->output_count && status >= 0; ++i) {
        if (node->outputs[i] == AXM_NO_VALUE) continue;
        axm_fact *fact = &facts[node->outputs[i]];
        *fact = (axm_fact){true, view.out_shapes[i], NULL};
        if (axm_shape_count(&fact->shape) == 0) status = know_nothing(request->arena, fact);
    }
    return status;
}

int32_t axm_infer_graph(const axm_infer_request *request, axm_fact *facts)
{
    const axm_graph *graph = request->graph;
    fold_budget budget = new_budget(graph);
    for (int32_t v = 0; v < graph->value_count; ++v)
        if (graph->values[v].constant) facts[v] = (axm_fact){true, graph->values[v].constant->shape, graph->values[v].constant};
    facts[request->image] = (axm_fact){true, request->image_shape, NULL};
    for (int32_t n = 0; n < graph->node_count; ++n) {
        if (request->wanted && !request->wanted[n]) continue;
        int32_t status = infer_node(request, &graph->nodes[n], &budget, facts);
        if (status >= 0 || request->lenient) continue;
        return axm_fail_within(status, "node '%.80s' (%s)", graph->nodes[n].name, graph->nodes[n].type);
    }
    return ACTMAX_OK;
}
