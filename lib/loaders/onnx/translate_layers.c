/* Layers whose meaning, or whose inputs and outputs, depend on the opset. */
#include <inttypes.h>

#include "base/status.h"
#include "loaders/onnx/translate.h"

AXM_ONNX_TRANSLATE(plain)
{
    return axm_onnx_emit(call);
}

/* Three spatial axes have an operator of their own. A W that is not known here is refused by the other one. */
AXM_ONNX_TRANSLATE(convolution)
{
    int32_t weights = call->input_count > 1 ? call->node->inputs[1] : -1, kernel = axm_onnx_find_attribute(call, "kernel_shape");
    const axm_constant *w = weights < 0 ? NULL : call->import->names[weights].constant;
    if (w ? w->shape.rank == 5 : kernel >= 0 && call->attributes[kernel].count == 3) call->op = "Conv3D";
    return axm_onnx_emit(call);
}

static int32_t fail_training(const axm_onnx_call *call)
{
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "node '%.80s' (%.80s) is in training mode; call model.eval() and export the model again for inference",
                    call->node->label, call->node->op);
}

/* Since opset 14, by the statistics of the batch itself. */
static int32_t emit_training(axm_onnx_call *call)
{
    if (call->output_count > 3)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (BatchNormalization) has more than 3 outputs; the file is damaged",
                        call->node->label);
    call->op = "BatchTraining";
    axm_onnx_remove_attribute(call, "training_mode");
    return axm_onnx_emit(call);
}

/* Before opset 14 it is the further outputs (batch statistics, updated averages) that say training, used or not. */
static bool names_further_outputs(const axm_onnx_call *call)
{
    for (int32_t i = 1; i < call->output_count; ++i)
        if (call->node->proto.output.items[i].size > 0) return true;
    return false;
}

/* momentum only matters to the running statistics that training updates. What opsets before 14 do in training is not computed:
 * their further outputs differ from one to the next. */
AXM_ONNX_TRANSLATE(batch_normalization)
{
    int64_t spatial, training;
    int32_t status;
    if ((status = axm_onnx_get_int(call, "spatial", 1, &spatial)) < 0 ||
        (status = axm_onnx_get_int(call, "training_mode", 0, &training)) < 0)
        return status;
    if (spatial != 1)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "node '%.80s' (%.80s) normalises each position apart (spatial=%" PRId64 "), which actmax does not compute",
                        call->node->label, call->node->op, spatial);
    if (training != 0) return emit_training(call);
    if (names_further_outputs(call)) return fail_training(call);
    call->output_count = 1;
    axm_onnx_remove_attribute(call, "momentum");
    axm_onnx_remove_attribute(call, "spatial");
    axm_onnx_remove_attribute(call, "training_mode");
    return axm_onnx_emit(call);
}

/* stash_type names the precision of the sums; here they are of double precision. */
AXM_ONNX_TRANSLATE(layer_normalization)
{
    axm_onnx_remove_attribute(call, "stash_type");
    return axm_onnx_emit(call);
}

/* Since opset 13: along one axis, the last unless it is said. */
AXM_ONNX_TRANSLATE(softmax)
{
    int64_t axis;
    int32_t status = axm_onnx_get_int(call, "axis", -1, &axis);
    if (status < 0 || (status = axm_onnx_set_int(call, "axis", axis)) < 0) return status;
    return axm_onnx_emit(call);
}

/* Before: along all axes from `axis` on. */
AXM_ONNX_TRANSLATE(softmax_flat)
{
    int64_t axis;
    int32_t status = axm_onnx_get_int(call, "axis", 1, &axis);
    if (status < 0 || (status = axm_onnx_set_int(call, "axis", axis)) < 0 || (status = axm_onnx_set_int(call, "flatten", 1)) < 0)
        return status;
    return axm_onnx_emit(call);
}

/* Index of the name of the node's second output where something reads it, else -1. */
static int32_t second_output(const axm_onnx_call *call)
{
    int32_t name = call->output_count > 1 ? axm_onnx_find_name(call->import, call->node->proto.output.items[1]) : -1;
    return name >= 0 && call->import->names[name].used ? name : -1;
}

/* A node of its own for the second output, whose name it has. */
static int32_t emit_second(axm_onnx_call *call, int32_t name, const char *op, const int32_t *input, axm_attributes attributes)
{
    const char *text;
    int32_t status = axm_onnx_text(&call->import->reader, call->node->proto.output.items[1], &text);
    axm_node_spec spec = {.op = op,
                          .type = op,
                          .inputs = input,
                          .input_count = 1,
                          .outputs = &text,
                          .output_count = 1,
                          .attributes = attributes,
                          .hidden = true};
    return status < 0 ? status : axm_builder_node(call->import->builder, &spec, &call->import->names[name].value);
}

/* storage_order says how the second output, the indices, is counted. */
AXM_ONNX_TRANSLATE(max_pool)
{
    int32_t name = second_output(call), status = ACTMAX_OK;
    if (name >= 0 && (call->input_count != 1 || call->inputs[0] == AXM_NO_VALUE))
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (MaxPool) must have one input; the file is damaged", call->node->label);
    if (name >= 0)
        status = emit_second(call, name, "MaxPoolIndices", call->inputs,
                             (axm_attributes){call->attributes, (size_t)call->attribute_count});
    if (status < 0) return status;
    call->output_count = 1;
    axm_onnx_remove_attribute(call, "storage_order");
    return axm_onnx_emit(call);
}

/* The node's second output, where something reads it: a mask of X's shape that keeps all (booleans; numbers before opset 10). */
static int32_t emit_mask(axm_onnx_call *call)
{
    axm_onnx_import *import = call->import;
    const axm_attribute one = {.name = "value", .kind = AXM_ATTR_FLOAT, .f = 1.0f};
    const axm_attribute to = {.name = "to", .kind = AXM_ATTR_INT, .i = import->opset < 10 ? AXM_FLOAT32 : AXM_BOOL};
    int32_t name = second_output(call), mask;
    if (name < 0) return ACTMAX_OK;
    int32_t status = axm_onnx_emit_hidden(call, "Shape", call->inputs, 1, NULL, "shape", &mask);
    if (status >= 0) status = axm_onnx_emit_hidden(call, "ConstantOfShape", &mask, 1, &one, "ones", &mask);
    return status < 0 ? status : emit_second(call, name, "Cast", &mask, (axm_attributes){&to, 1});
}

/* Outside training it gives its input: ratio and seed do not matter. The operator sees to it that it is not in training. */
AXM_ONNX_TRANSLATE(dropout)
{
    if (call->input_count < 1 || call->inputs[0] == AXM_NO_VALUE)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (Dropout) lacks its input; the file is damaged", call->node->label);
    int32_t status = emit_mask(call);
    if (status < 0) return status;
    call->output_count = 1;
    axm_onnx_remove_attribute(call, "ratio");
    axm_onnx_remove_attribute(call, "seed");
    return axm_onnx_emit(call);
}

/* As Upsample was; both gave way to the Resize of opset 11. */
AXM_ONNX_TRANSLATE(resize_10)
{
    call->op = "Upsample";
    return axm_onnx_emit(call);
}

/* Swish: X times the sigmoid of alpha X. */
static int32_t scale_by_alpha(axm_onnx_call *call, float alpha, int32_t *x)
{
    axm_arena *arena = axm_builder_arena(call->import->builder);
    float *kept = axm_arena_alloc(arena, sizeof *kept);
    axm_constant constant = {.dtype = AXM_FLOAT32, .bytes = sizeof *kept, .data = kept};
    int32_t factors[2] = {*x, AXM_NO_VALUE};
    if (!kept) return axm_no_memory(sizeof *kept, "a constant of an ONNX file");
    *kept = alpha;
    int32_t status = axm_onnx_hidden_constant(call, &constant, "alpha", &factors[1]);
    return status < 0 ? status : axm_onnx_emit_hidden(call, "Mul", factors, 2, NULL, "scaled", x);
}

AXM_ONNX_TRANSLATE(swish)
{
    int32_t at = axm_onnx_find_attribute(call, "alpha"), status = ACTMAX_OK;
    if (call->input_count != 1 || call->inputs[0] == AXM_NO_VALUE || (at >= 0 && call->attributes[at].kind != AXM_ATTR_FLOAT))
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (Swish) must have one input, and a number alpha; the file is damaged",
                        call->node->label);
    float alpha = at < 0 ? 1.0f : call->attributes[at].f;
    int32_t factors[2] = {call->inputs[0], call->inputs[0]};
    if (alpha > 1.0f || alpha < 1.0f) status = scale_by_alpha(call, alpha, &factors[1]);
    if (status >= 0) status = axm_onnx_emit_hidden(call, "Sigmoid", &factors[1], 1, NULL, "gate", &factors[1]);
    if (status < 0) return status;
    axm_onnx_remove_attribute(call, "alpha");
    call->op = "Mul";
    call->inputs = factors;
    call->input_count = 2;
    return axm_onnx_emit(call);
}
