/* LeakyRelu: X where X >= 0, alpha X elsewhere; any shape and layout. The gradient at 0 is 0. */
#include "ops/common.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return axm_attribute_float(attributes, "alpha", 0.01f, params);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    axm_op_unary_forward(step, exec, AXM_UNARY_LEAKY, *(const float *)step->params, 0.0f);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_op_unary_backward(step, exec, AXM_UNARY_LEAKY, *(const float *)step->params, 0.0f, false, accumulate);
}

const axm_op axm_op_LeakyRelu = {.name = "LeakyRelu",
                                 .min_inputs = 1,
                                 .max_inputs = 1,
                                 .outputs = 1,
                                 .flags = AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_INPUTS,
                                 .params_size = sizeof(float),
                                 .parse = parse,
                                 .infer = axm_op_infer_same,
                                 .layout = axm_layout_same,
                                 .forward = forward,
                                 .backward = backward};
