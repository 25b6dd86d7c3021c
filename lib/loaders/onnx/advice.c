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

static void add_end(axm_onnx_import *import, const axm_onnx_node *node, axm_text *advice)
{
    const int32_t before = computed_input(import, node);
    if (before >= 0 && *name_text(import, before))
        axm_text_add(advice, "to look at the layers before it, end the network there (option end: '%.60s'); ",
                     name_text(import, before));
}

static void write_advice(axm_onnx_import *import, const axm_onnx_node *node, axm_text *advice)
{
    static const char *const control_flow[] = {"If", "Loop", "Scan", NULL};
    static const char *const integers[] = {"QLinearConv",   "QLinearMatMul",         "ConvInteger",
                                           "MatMulInteger", "DynamicQuantizeLinear", NULL};
    if (is_one_of(node->op, integers))
        axm_text_add(advice, "take the model in float, or quantise it with pairs of QuantizeLinear and DequantizeLinear "
                             "(quantize_static with quant_format=QDQ); ");
    if (is_one_of(node->op, control_flow)) /* whose first input is the condition */
        axm_text_add(advice, "export the model without conditions and loops that the image decides, or let onnxsim resolve the "
                             "others; or end the network at a layer before it (option end); ");
    else
        add_end(import, node, advice);
    axm_text_add(advice, "'actmax ops' lists what is supported");
}

/* Of the node, the first that has a name. With the node's own: one of them is the layer as other tools show it. */
static int32_t output_text(axm_onnx_import *import, const axm_onnx_node *node, const char **output)
{
    int32_t status = ACTMAX_OK;
    *output = "";
    for (uint32_t i = 0; i < node->proto.output.count && !**output && status >= 0; ++i)
        status = axm_onnx_text(&import->reader, node->proto.output.items[i], output);
    return status;
}

int32_t axm_onnx_fail_domain(axm_onnx_import *import, const axm_onnx_node *node)
{
    char buffer[ADVICE];
    axm_text advice = axm_text_in(buffer, sizeof buffer);
    const char *output;
    int32_t status = output_text(import, node, &output);
    if (status < 0) return status;
    add_end(import, node, &advice);
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "operator '%.80s' (domain '%.80s') of node '%.80s' (output '%.80s') is not supported: actmax knows standard "
                    "ONNX operators only; %sor export the model again without optimisations for one runtime",
                    node->op, node->domain, node->label, output, buffer);
}

int32_t axm_onnx_fail_operator(axm_onnx_import *import, const axm_onnx_node *node)
{
    char buffer[ADVICE];
    axm_text advice = axm_text_in(buffer, sizeof buffer);
    const char *output;
    int32_t status = output_text(import, node, &output);
    if (status < 0) return status;
    write_advice(import, node, &advice);
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "operator '%.80s' (domain 'ai.onnx', opset %" PRId64 ") of node '%.80s' (output '%.80s') is not supported; %s",
                    node->op, import->opset, node->label, output, buffer);
}
