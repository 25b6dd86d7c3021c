/* What to do about an operator that is not supported. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/onnx/translate.h"

#define ADVICE 400

static bool is_one_of(const char *op, const char *const *list)
{
    for (; *list; ++list)
        if (strcmp(op, *list) == 0) return true;
    return false;
}

/* Quoted, "" when it can't be read. */
static const char *name_text(axm_onnx_import *import, int32_t name)
{
    const char *text;
    return name >= 0 && axm_onnx_text(&import->reader, import->names[name].text, &text) >= 0 ? text : "";
}

/* The first thing that the node reads and that another node gives; -1. */
static int32_t computed_input(const axm_onnx_import *import, const axm_onnx_node *node)
{
    for (uint32_t i = 0; i < node->proto.input.count; ++i)
        if (node->inputs[i] >= 0 && import->names[node->inputs[i]].origin == AXM_ONNX_OUTPUT) return node->inputs[i];
    return -1;
}

static int32_t image_input(const axm_onnx_import *import)
{
    for (int32_t i = 0; i < import->name_count; ++i)
        if (import->names[i].origin == AXM_ONNX_INPUT && import->names[i].used) return i;
    return -1;
}

static void write_advice(axm_onnx_import *import, const axm_onnx_node *node, axm_text *advice)
{
    static const char *const control_flow[] = {"If", "Loop", "Scan", NULL};
    static const char *const integers[] = {"QLinearConv",   "QLinearMatMul",         "ConvInteger",
                                           "MatMulInteger", "DynamicQuantizeLinear", NULL};
    int32_t before = computed_input(import, node), image = image_input(import);
    if (is_one_of(node->op, control_flow))
        axm_text_add(advice,
                     "export the model without conditions and loops that the image decides, or let onnxsim resolve the others; ");
    else if (is_one_of(node->op, integers))
        axm_text_add(advice, "take the model in float, or quantise it with pairs of QuantizeLinear and DequantizeLinear "
                             "(quantize_static with quant_format=QDQ); ");
    if (before >= 0 && image >= 0 && *name_text(import, before) && *name_text(import, image)) {
        axm_text_add(advice, "to look at the layers before it, cut the model there: ");
        axm_text_add(advice, "onnx.utils.extract_model(path, 'cut.onnx', ['%.60s'], ", name_text(import, image));
        axm_text_add(advice, "['%.60s']); ", name_text(import, before));
    }
    axm_text_add(advice, "'actmax ops' lists what is supported");
}

/* The node's name and an output's: one of them is the layer as other tools show it. */
int32_t axm_onnx_fail_operator(axm_onnx_import *import, const axm_onnx_node *node)
{
    char buffer[ADVICE];
    axm_text advice = axm_text_in(buffer, sizeof buffer);
    const char *output = "";
    for (uint32_t i = 0; i < node->proto.output.count && !*output; ++i) {
        int32_t status = axm_onnx_text(&import->reader, node->proto.output.items[i], &output);
        if (status < 0) return status;
    }
    write_advice(import, node, &advice);
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "operator '%.80s' (domain 'ai.onnx', opset %" PRId64 ") of node '%.80s' (output '%.80s') is not supported; %s",
                    node->op, import->opset, node->label, output, buffer);
}
