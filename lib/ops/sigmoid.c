/* Sigmoid: 1 / (1 + exp(-X)), any shape and layout. */
#include "ops/common.h"

static void forward(const axm_step *step, const axm_exec *exec)
{
    axm_op_unary_forward(step, exec, AXM_UNARY_SIGMOID, 0.0f, 0.0f);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_op_unary_backward(step, exec, AXM_UNARY_SIGMOID, 0.0f, 0.0f, true, accumulate);
}

const axm_op axm_op_Sigmoid = {.name = "Sigmoid",
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .outputs = 1,
                               .flags = AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_OUTPUT |
                                        AXM_OP_SCORE,
                               .infer = axm_op_infer_same,
                               .layout = axm_layout_same,
                               .forward = forward,
                               .backward = backward};
