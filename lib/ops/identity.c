/* Identity, and Dropout as it is when a network is used: X itself, any type and layout. */
#include "ops/common.h"

static int32_t fold(const axm_fold *fold)
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
                                .fold = fold};

/* ratio and training_mode are taken and change nothing. */
const axm_op axm_op_Dropout = {.name = "Dropout",
                               .min_inputs = 1,
                               .max_inputs = 3,
                               .outputs = 1,
                               .flags = AXM_OP_ALIAS | AXM_OP_POINTWISE,
                               .infer = axm_op_infer_same,
                               .layout = axm_layout_same,
                               .fold = fold};
