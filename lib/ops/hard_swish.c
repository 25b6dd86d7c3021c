/* HardSwish: X min(max(X/6 + 1/2, 0), 1), any shape and layout. */
#include "ops/common.h"

static void forward(const axm_step *step, const axm_exec *exec)
{
    axm_op_unary_forward(step, exec, AXM_UNARY_HARD_SWISH, 0.0f, 0.0f);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_op_unary_backward(step, exec, AXM_UNARY_HARD_SWISH, 0.0f, 0.0f, false, accumulate);
}

const axm_op axm_op_HardSwish = {.name = "HardSwish",
                                 .min_inputs = 1,
                                 .max_inputs = 1,
                                 .outputs = 1,
                                 .flags = AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_INPUTS,
                                 .infer = axm_op_infer_same,
                                 .layout = axm_layout_same,
                                 .forward = forward,
                                 .backward = backward};
