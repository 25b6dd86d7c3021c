/* Connects nodes by the names of their values, and puts producers before their consumers. ONNX demands that order of a file, but
 * not all tools keep to it; a file that does is taken as it stands. */
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/onnx/import.h"

enum { NEW, OPEN, DONE }; /* axm_onnx_node.order_state */

static int32_t connect_node(axm_onnx_import *import, axm_onnx_node *node)
{
    const axm_onnx_many *inputs = &node->proto.input;
    node->inputs = axm_arena_array(&import->scratch, inputs->count, sizeof *node->inputs);
    if (!node->inputs) return axm_no_memory((uint64_t)inputs->count * sizeof *node->inputs, "the nodes of an ONNX file");
    for (uint32_t i = 0; i < inputs->count; ++i) {
        node->inputs[i] = inputs->items[i].size ? axm_onnx_find_name(import, inputs->items[i]) : -1;
        if (node->inputs[i] >= 0 || !inputs->items[i].size) continue;
        const char *text;
        int32_t status = axm_onnx_text(&import->reader, inputs->items[i], &text);
        if (status < 0) return status;
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "node '%.80s' (%.80s) reads '%.80s', which no node, input or initializer of the model gives; the file is "
                        "damaged (onnx.checker.check_model says more)",
                        node->label, node->op, text);
    }
    return ACTMAX_OK;
}

/* The next node that must come before `node` and is not placed yet; -1 when there is none. */
static int32_t next_producer(const axm_onnx_import *import, axm_onnx_node *node)
{
    while (node->order_input < node->proto.input.count) {
        int32_t name = node->inputs[node->order_input++];
        if (name < 0 || import->names[name].origin != AXM_ONNX_OUTPUT) continue;
        if (import->nodes[import->names[name].index].order_state != DONE) return import->names[name].index;
    }
    return -1;
}

static int32_t end_not_found(const axm_onnx_import *import, const char *end)
{
    const char *nearest = "";
    size_t distance = SIZE_MAX;
    for (uint32_t n = 0; n < import->graph.node.count; ++n) {
        const size_t d = axm_text_distance(end, import->nodes[n].label);
        if (d >= distance) continue;
        distance = d;
        nearest = import->nodes[n].label;
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND,
                    "option 'end': the model has no node '%.80s', and none that gives a value of that name; nearest: '%.80s'", end,
                    nearest);
}

/* As layers are looked up: a node by its name, which is its first output, before a value. */
int32_t axm_onnx_find_end(axm_onnx_import *import)
{
    const char *end = import->source->end ? import->source->end : "";
    axm_onnx_span text = {(const uint8_t *)end, (uint32_t)strlen(end), 1};
    int32_t nodes = 0;
    import->end = -1;
    if (!*end) return ACTMAX_OK;
    for (uint32_t n = 0; n < import->graph.node.count; ++n) {
        const axm_onnx_many *outputs = &import->nodes[n].proto.output;
        if (strcmp(import->nodes[n].name, end) != 0) continue;
        uint32_t first = 0;
        while (first < outputs->count && outputs->items[first].size == 0)
            ++first;
        if (first == outputs->count) continue;
        import->end = axm_onnx_find_name(import, outputs->items[first]);
        ++nodes;
    }
    if (nodes != 1) import->end = axm_onnx_find_name(import, text);
    if (import->end < 0 || import->names[import->end].origin != AXM_ONNX_OUTPUT) return end_not_found(import, end);
    return ACTMAX_OK;
}

/* Depth first from `root`, with `stack` (as long as there are nodes) in place of recursion. */
static int32_t place(axm_onnx_import *import, int32_t root, int32_t *stack)
{
    int32_t depth = 0;
    stack[depth++] = root;
    import->nodes[root].order_state = OPEN;
    while (depth > 0) {
        axm_onnx_node *node = &import->nodes[stack[depth - 1]];
        int32_t producer = next_producer(import, node);
        if (producer < 0) {
            node->order_state = DONE;
            import->order[import->order_count++] = stack[--depth];
        } else if (import->nodes[producer].order_state == OPEN) {
            return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (%.80s) depends on its own output; the file is damaged", node->label,
                            node->op);
        } else {
            import->nodes[producer].order_state = OPEN;
            stack[depth++] = producer;
        }
    }
    return ACTMAX_OK;
}

static void mark_inputs(axm_onnx_import *import)
{
    for (int32_t n = 0; n < import->order_count; ++n) {
        const axm_onnx_node *node = &import->nodes[import->order[n]];
        for (uint32_t i = 0; i < node->proto.input.count; ++i)
            if (node->inputs[i] >= 0) import->names[node->inputs[i]].used = true;
    }
}

int32_t axm_onnx_sort_nodes(axm_onnx_import *import)
{
    const int32_t count = (int32_t)import->graph.node.count;
    int32_t *stack = axm_arena_array(&import->scratch, (size_t)count, sizeof *stack);
    import->order = axm_arena_array(&import->scratch, (size_t)count, sizeof *import->order);
    if (!stack || !import->order) return axm_no_memory((uint64_t)count * sizeof *stack * 2, "the order of nodes");
    for (int32_t n = 0; n < count; ++n) {
        int32_t status = connect_node(import, &import->nodes[n]);
        if (status < 0) return status;
    }
    const int32_t first = import->end < 0 ? 0 : import->names[import->end].index;
    for (int32_t n = first; n < (import->end < 0 ? count : first + 1); ++n) {
        if (import->nodes[n].order_state == DONE) continue;
        int32_t status = place(import, n, stack);
        if (status < 0) return status;
    }
    mark_inputs(import);
    return ACTMAX_OK;
}
