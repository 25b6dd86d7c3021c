/* Sparsemax, as Keras computes it (lib/kernels/sparsemax.c): X of any shape, along one axis, in either layout. */
#include "ops/common.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *axis)
{
    (void)arena;
    return axm_attribute_int(attributes, "axis", -1, axis);
}

static int32_t infer(const axm_infer *infer)
{
    const axm_shape *x = &infer->inputs[0]->shape;
    int32_t axis;
    int32_t status = axm_op_axis("Sparsemax", *(const int64_t *)infer->params, x->rank, false, &axis);
    return status < 0 ? status : axm_op_output(infer, "Sparsemax", 0, x);
}

static axm_split_dims dims_of(const axm_step *step)
{
    const axm_tensor *x = step->inputs[0];
    int64_t axis = *(const int64_t *)step->params;
    return axm_op_split(x, (int32_t)(axis < 0 ? axis + x->shape.rank : axis));
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    axm_split_dims d = dims_of(step);
    axm_sparsemax_forward(exec, d.outer, d.axis, d.inner, step->inputs[0]->data, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    axm_split_dims d = dims_of(step);
    const axm_tensor *x = step->inputs[0], *y = step->outputs[0];
    (void)input;
    axm_sparsemax_backward(exec, d.outer, d.axis, d.inner, x->data, y->data, y->grad, accumulate, x->grad);
}

const axm_op axm_op_Sparsemax = {.name = "Sparsemax",
                                 .min_inputs = 1,
                                 .max_inputs = 1,
                                 .outputs = 1,
                                 .flags = AXM_OP_SCORE | AXM_OP_READS_INPUTS | AXM_OP_READS_OUTPUT,
                                 .params_size = sizeof(int64_t),
                                 .parse = parse,
                                 .infer = infer,
                                 .layout = axm_layout_same,
                                 .forward = forward,
                                 .backward = backward};
