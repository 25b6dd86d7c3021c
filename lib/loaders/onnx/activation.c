/* A node that is an activation, as another one: the option "activations". */
#include <string.h>

#include "base/status.h"
#include "loaders/onnx/translate.h"

/* Of one input, or of one that matters. */
static bool is_activation(const char *op)
{
    static const char *const ops[] = {
        "Relu", "LeakyRelu", "PRelu",    "ThresholdedRelu", "Elu",  "Selu", "Celu",    "Sigmoid",    "HardSigmoid",
        "Tanh", "HardSwish", "Softplus", "Softsign",        "Gelu", "Mish", "Softmax", "LogSoftmax", "Clip"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; ++i)
        if (strcmp(ops[i], op) == 0) return true;
    return false;
}

int32_t axm_onnx_emit_activation(axm_onnx_call *call, const char *name)
{
    static const struct {
        const char *name, *op;
    } known[] = {{"linear", "Identity"},   {"relu", "Relu"},         {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"},
                 {"softplus", "Softplus"}, {"softsign", "Softsign"}, {"elu", "Elu"},         {"selu", "Selu"}};
    if (!is_activation(call->node->op))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "option 'activations': node '%.80s' (%.40s) is no activation; in an ONNX file that is a node of its own, "
                        "after it",
                        call->node->label, call->node->op);
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
        if (strcmp(known[i].name, name) != 0) continue;
        call->op = known[i].op;
        call->attribute_count = 0;
        call->input_count = 1;
        return axm_onnx_emit(call);
    }
    return axm_fail(
        ACTMAX_ERROR_UNSUPPORTED,
        "option 'activations': node '%.80s' can become linear, relu, sigmoid, tanh, softplus, softsign, elu or selu, not "
        "'%.40s'",
        call->node->label, name);
}
