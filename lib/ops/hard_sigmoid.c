/* HardSigmoid: min(max(alpha X + beta, 0), 1), any shape and layout. The gradient at both bends is 0. */
#include "ops/common.h"

typedef struct hard_params {
    float alpha, beta;
} hard_params;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    hard_params *p = params;
    (void)arena;
    int32_t status = axm_attribute_float(attributes, "alpha", 0.2f, &p->alpha);
    return status < 0 ? status : axm_attribute_float(attributes, "beta", 0.5f, &p->beta);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const hard_params *p = step->params;
    axm_op_unary_forward(step, exec, AXM_UNARY_HARD_SIGMOID, p->alpha, p->beta);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const hard_params *p = step->params;
    (void)input;
    axm_op_unary_backward(step, exec, AXM_UNARY_HARD_SIGMOID, p->alpha, p->beta, true, accumulate);
}

const axm_op axm_op_HardSigmoid = {.name = "HardSigmoid",
                                   .min_inputs = 1,
                                   .max_inputs = 1,
                                   .outputs = 1,
                                   .flags =
                                       AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_OUTPUT,
                                   .params_size = sizeof(hard_params),
                                   .parse = parse,
                                   .infer = axm_op_infer_same,
                                   .layout = axm_layout_same,
                                   .forward = forward,
                                   .backward = backward};
