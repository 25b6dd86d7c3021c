/* From the file to its nodes: operator sets, local functions, the graph's lists. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "loaders/onnx/import.h"

static bool is_default_domain(const char *domain)
{
    return *domain == '\0' || strcmp(domain, "ai.onnx") == 0;
}

static int32_t check_opset(int64_t opset)
{
    const char *what = opset < AXM_ONNX_OPSET_FIRST ? "older" : "newer";
    if (opset >= AXM_ONNX_OPSET_FIRST && opset <= AXM_ONNX_OPSET_LAST) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "the model's opset %" PRId64
                    " is %s than actmax reads (%d to %d); export it again with opset_version=18, or convert "
                    "it with onnx.version_converter",
                    opset, what, AXM_ONNX_OPSET_FIRST, AXM_ONNX_OPSET_LAST);
}

static int32_t read_opsets(axm_onnx_import *import)
{
    const axm_onnx_many *imports = &import->model.opset_import;
    for (uint32_t i = 0; i < imports->count; ++i) {
        axm_onnx_OperatorSetIdProto set = {0};
        const char *domain;
        int32_t status =
            axm_onnx_decode(&import->reader, imports->items[i], axm_onnx_OperatorSetIdProto_fields, &set, "an opset import");
        if (status < 0 || (status = axm_onnx_text(&import->reader, set.domain.span, &domain)) < 0) return status;
        if (!is_default_domain(domain)) continue;
        if (import->opset != 0 && import->opset != set.version)
            return axm_fail(ACTMAX_ERROR_FORMAT, "the model imports two opsets, %" PRId64 " and %" PRId64 "; the file is damaged",
                            import->opset, set.version);
        if ((status = check_opset(set.version)) < 0) return status;
        import->opset = set.version;
    }
    return ACTMAX_OK;
}

/* A function of the model may stand in for an operator of the same name; then ours would compute something else. */
static int32_t check_functions(axm_onnx_import *import)
{
    const axm_onnx_many *functions = &import->model.functions;
    for (uint32_t i = 0; i < functions->count; ++i) {
        axm_onnx_FunctionProto function = {0};
        const char *name, *domain;
        int32_t status =
            axm_onnx_decode(&import->reader, functions->items[i], axm_onnx_FunctionProto_fields, &function, "a function");
        if (status < 0 || (status = axm_onnx_text(&import->reader, function.domain.span, &domain)) < 0 ||
            (status = axm_onnx_text(&import->reader, function.name.span, &name)) < 0)
            return status;
        if (is_default_domain(domain) && axm_onnx_knows_operator(name))
            return axm_fail(
                ACTMAX_ERROR_UNSUPPORTED,
                "the model replaces operator '%.80s' by a function of its own; inline it with onnx.inliner.inline_local_functions",
                name);
    }
    return ACTMAX_OK;
}

static bool is_function(axm_onnx_import *import, const char *domain, const char *op)
{
    const axm_onnx_many *functions = &import->model.functions;
    for (uint32_t i = 0; i < functions->count; ++i) {
        axm_onnx_FunctionProto function = {0};
        if (axm_onnx_decode(&import->reader, functions->items[i], axm_onnx_FunctionProto_fields, &function, "a function") < 0)
            return false;
        axm_onnx_span name = function.name.span, home = function.domain.span;
        bool same_name = name.size == strlen(op) && memcmp(name.data ? (const char *)name.data : "", op, name.size) == 0;
        bool same_home = home.size == strlen(domain) && memcmp(home.data ? (const char *)home.data : "", domain, home.size) == 0;
        if (same_name && same_home) return true;
    }
    return false;
}

int32_t axm_onnx_check_domain(axm_onnx_import *import, const axm_onnx_node *node)
{
    const char *domain = node->domain;
    if (is_default_domain(domain)) {
        if (import->opset != 0) return ACTMAX_OK;
        return axm_fail(ACTMAX_ERROR_FORMAT, "the model does not say which opset its operators belong to; export it again with "
                                             "opset_version=18");
    }
    if (is_function(import, domain, node->op))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "node '%.80s' calls '%.80s', a function of the model (domain '%.80s'); inline it with "
                        "onnx.inliner.inline_local_functions and save the model again",
                        node->label, node->op, domain);
    return axm_onnx_fail_domain(import, node);
}

static int32_t read_node(axm_onnx_import *import, axm_onnx_span span, axm_onnx_node *node)
{
    axm_onnx_reader *reader = &import->reader;
    int32_t status = axm_onnx_decode(reader, span, axm_onnx_NodeProto_fields, &node->proto, "a node");
    if (status < 0 || (status = axm_onnx_text(reader, node->proto.op_type.span, &node->op)) < 0 ||
        (status = axm_onnx_text(reader, node->proto.name.span, &node->name)) < 0 ||
        (status = axm_onnx_text(reader, node->proto.domain.span, &node->domain)) < 0)
        return status;
    node->label = node->name;
    if (!*node->label && node->proto.output.count > 0 &&
        (status = axm_onnx_text(reader, node->proto.output.items[0], &node->label)) < 0)
        return status;
    if (!*node->op) return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' names no operator; the file is damaged", node->label);
    return ACTMAX_OK;
}

static int32_t read_nodes(axm_onnx_import *import)
{
    const axm_onnx_many *nodes = &import->graph.node;
    if (nodes->count == 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "the model's graph has no nodes; the file is damaged or was saved empty");
    if (nodes->count > import->limits->nodes || nodes->count > INT32_MAX / 2)
        return axm_fail(ACTMAX_ERROR_LIMIT, "the network has %" PRIu32 " nodes; limit_nodes allows %" PRId64, nodes->count,
                        import->limits->nodes);
    import->nodes = axm_arena_array(&import->scratch, nodes->count, sizeof *import->nodes);
    if (!import->nodes) return axm_no_memory((uint64_t)nodes->count * sizeof *import->nodes, "the nodes of an ONNX file");
    for (uint32_t i = 0; i < nodes->count; ++i) {
        int32_t status = read_node(import, nodes->items[i], &import->nodes[i]);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

int32_t axm_onnx_read_model(axm_onnx_import *import)
{
    axm_onnx_span file = {import->source->data, (uint32_t)import->source->size, 1};
    int32_t status = axm_onnx_decode(&import->reader, file, axm_onnx_ModelProto_fields, &import->model, "the model");
    if (status < 0) return status;
    if (!import->model.graph.span.data)
        return axm_fail(ACTMAX_ERROR_FORMAT, "the file holds no ONNX graph; it is damaged or is not an ONNX model");
    if ((status = read_opsets(import)) < 0 || (status = check_functions(import)) < 0) return status;
    status = axm_onnx_decode(&import->reader, import->model.graph.span, axm_onnx_GraphProto_fields, &import->graph, "the graph");
    if (status < 0) return status;
    if (import->graph.sparse_initializer.count > 0)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "the model has sparse weights, which actmax does not read; save them as dense tensors");
    return read_nodes(import);
}
