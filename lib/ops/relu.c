/* Relu: max(X, 0), any shape and layout. The gradient at 0 is 0, and follows the plan's rule (plain, guided, deconvolution). */
#include <math.h>

#include "ops/common.h"

static const axm_clamp positive = {0.0f, INFINITY};

static void forward(const axm_step *step, const axm_exec *exec)
{
    axm_op_unary_forward(step, exec, AXM_UNARY_CLAMP, positive.low, positive.high);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_clamp_backward(exec, step->relu_rule, positive, axm_op_output_count(step), step->outputs[0]->data, step->outputs[0]->grad,
                       accumulate, step->inputs[0]->grad);
}

static bool as_clamp(const void *params, const axm_tensor *const *inputs, int32_t input_count, axm_clamp *out)
{
    (void)params;
    (void)inputs;
    (void)input_count;
    *out = positive;
    return true;
}

const axm_op axm_op_Relu = {.name = "Relu",
                            .min_inputs = 1,
                            .max_inputs = 1,
                            .outputs = 1,
                            .flags = AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_OUTPUT,
                            .infer = axm_op_infer_same,
                            .layout = axm_layout_same,
                            .forward = forward,
                            .backward = backward,
                            .as_clamp = as_clamp};
