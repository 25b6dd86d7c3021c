/* Finds a node's line of translate.def and follows it. */
#include "loaders/onnx/translate.h"

#include <string.h>

#include "base/status.h"

static const struct line {
    const char *op;
    int32_t first, last;
    int32_t (*translate)(axm_onnx_call *call);
    const char *attributes;
} lines[] = {
#define LAST                                     AXM_ONNX_OPSET_LAST
#define X(op, first, last, function, attributes) {#op, first, last, axm_onnx_translate_##function, attributes},
#include "loaders/onnx/translate.def"
#undef X
#undef LAST
};
#define LINES (sizeof lines / sizeof lines[0])

bool axm_onnx_knows_operator(const char *op)
{
    for (size_t i = 0; i < LINES; ++i)
        if (strcmp(lines[i].op, op) == 0) return true;
    return false;
}

static const struct line *find_line(const char *op, int64_t opset)
{
    for (size_t i = 0; i < LINES; ++i)
        if (strcmp(lines[i].op, op) == 0 && opset >= lines[i].first && opset <= lines[i].last) return &lines[i];
    return NULL;
}

static int32_t take_inputs(axm_onnx_call *call)
{
    axm_onnx_import *import = call->import;
    const axm_onnx_node *node = call->node;
    call->input_count = (int32_t)node->proto.input.count;
    call->inputs = axm_arena_array(&import->scratch, node->proto.input.count, sizeof *call->inputs);
    if (!call->inputs) return axm_no_memory((uint64_t)node->proto.input.count * sizeof *call->inputs, "the nodes of an ONNX file");
    for (int32_t i = 0; i < call->input_count; ++i) {
        call->inputs[i] = AXM_NO_VALUE;
        if (node->inputs[i] < 0) continue;
        int32_t status = axm_onnx_build_value(import, node->inputs[i]);
        if (status < 0) return axm_fail_within(status, "node '%.80s' (%.80s)", node->label, node->op);
        call->inputs[i] = import->names[node->inputs[i]].value;
        if (import->names[node->inputs[i]].sequence) {
            if (i == 0 && call->reads_sequence) continue;
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                            "node '%.80s' (%.80s) reads a sequence of tensors; actmax follows sequences to SequenceAt and "
                            "ConcatFromSequence only",
                            node->label, node->op);
        }
        if (call->inputs[i] == AXM_NO_VALUE)
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "node '%.80s' (%.80s) reads an output that actmax does not compute",
                            node->label, node->op);
    }
    return ACTMAX_OK;
}

int32_t axm_onnx_build_node(axm_onnx_import *import, const axm_onnx_node *node)
{
    const struct line *line = find_line(node->op, import->opset);
    if (!line) return axm_onnx_fail_operator(import, node);
    if (node->proto.output.count == 0 || node->proto.output.items[0].size == 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (%.80s) does not name its first output; the file is damaged",
                        node->label, node->op);
    axm_onnx_call call = {.import = import, .node = node, .output_count = (int32_t)node->proto.output.count};
    call.reads_sequence =
        line->translate == axm_onnx_translate_sequence_at || line->translate == axm_onnx_translate_concat_from_sequence;
    int32_t status = axm_onnx_read_attributes(&call, line->attributes);
    if (status >= 0) status = take_inputs(&call);
    if (status < 0) return status;
    const char *activation = axm_activations_take(import->source->activations, node->label);
    return activation ? axm_onnx_emit_activation(&call, activation) : line->translate(&call);
}
