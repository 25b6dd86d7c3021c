/* Identity, and Dropout as it is when a network is used: X itself, any type and layout. */
#include "ops/common.h"

static int32_t first_input(const axm_fold *fold)
{
    if (!fold->inputs[0]) return axm_fail(ACTMAX_ERROR_INTERNAL, "a constant has no value");
    fold->outputs[0] = *fold->inputs[0];
    return ACTMAX_OK;
}

const axm_op axm_op_Identity = {.name = "Identity",
                                .min_inputs = 1,
                                .max_inputs = 1,
                                .outputs = 1,
                                .flags = AXM_OP_ALIAS | AXM_OP_POINTWISE,
                                .infer = axm_op_infer_same,
                                .layout = axm_layout_same,
                                .fold = first_input};

/* While training it would drop at random, unless the ratio is 0. */
static int32_t check_training(const axm_constant *ratio, bool trains, const axm_constant *training)
{
    if (!trains || (ratio && axm_shape_count(&ratio->shape) == 1 && axm_constant_number(ratio, 0) == 0)) return ACTMAX_OK;
    if (training && axm_shape_count(&training->shape) == 1 && axm_constant_number(training, 0) == 0) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "it drops at random, in training mode; call model.eval() and export the model again for inference");
}

static int32_t infer_dropout(const axm_infer *infer)
{
    const axm_tensor *ratio = axm_op_input(infer->inputs, infer->input_count, 1);
    const axm_tensor *training = axm_op_input(infer->inputs, infer->input_count, 2);
    int32_t status = check_training(ratio ? ratio->constant : NULL, training != NULL, training ? training->constant : NULL);
    return status < 0 ? status : axm_op_infer_same(infer);
}

static int32_t fold_dropout(const axm_fold *fold)
{
    const axm_constant *ratio = fold->input_count > 1 ? fold->inputs[1] : NULL;
    const axm_constant *training = fold->input_count > 2 ? fold->inputs[2] : NULL;
    int32_t status = check_training(ratio, training != NULL, training);
    return status < 0 ? status : first_input(fold);
}

const axm_op axm_op_Dropout = {.name = "Dropout",
                               .min_inputs = 1,
                               .max_inputs = 3,
                               .outputs = 1,
                               .flags = AXM_OP_ALIAS | AXM_OP_POINTWISE,
                               .infer = infer_dropout,
                               .layout = axm_layout_same,
                               .fold = fold_dropout};
