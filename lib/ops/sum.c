/* Sum and Mean of any number of tensors, broadcast, in either layout. */
#include <math.h>

#include "ops/broadcast.h"

static int32_t prepare(axm_prepare *prepare)
{
    axm_broadcast *b = axm_prepare_memory(prepare, sizeof *b);
    if (!b) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = b;
    return axm_broadcast_make(prepare, b);
}

static void run_forward(const axm_step *step, const axm_exec *exec, bool mean)
{
    const axm_broadcast *b = step->state;
    axm_clamp none = {-INFINITY, INFINITY};
    size_t count = axm_op_output_count(step);
    float *y = step->outputs[0]->data;
    if (b->count == 1) axm_op_copy(exec, count, axm_broadcast_data(step, b, 0), false, y);
    for (int32_t i = 1; i < b->count; ++i)
        axm_binary_forward(exec, AXM_BINARY_ADD, b->rank, b->dims, i == 1 ? axm_broadcast_data(step, b, 0) : y,
                           i == 1 ? b->operands[0].strides : b->dense, axm_broadcast_data(step, b, i), b->operands[i].strides, none,
                           y);
    if (mean) axm_unary_forward(exec, AXM_UNARY_AFFINE, 1.0f / (float)b->count, 0.0f, count, y, y);
}

static void run_backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate, bool mean)
{
    static const int64_t fixed[AXM_MAX_RANK] = {0};
    const axm_broadcast *b = step->state;
    const axm_tensor *x = step->inputs[input];
    float factor = mean ? 1.0f / (float)b->count : 1.0f;
    axm_binary_backward(exec, AXM_BINARY_MUL, 0, b->rank, b->dims, x->data, b->operands[input].strides, &factor, fixed,
                        step->outputs[0]->grad, (size_t)axm_shape_count(&x->shape), accumulate, x->grad);
}

#define SUM(Name, mean)                                                                                                            \
    static int32_t infer_##Name(const axm_infer *infer)                                                                            \
    {                                                                                                                              \
        return axm_broadcast_infer(infer, #Name, -1);                                                                              \
    }                                                                                                                              \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        run_forward(step, exec, mean);                                                                                             \
    }                                                                                                                              \
    static void backward_##Name(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)                        \
    {                                                                                                                              \
        run_backward(step, exec, input, accumulate, mean);                                                                         \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = -1,                                                                                \
                                  .outputs = 1,                                                                                    \
                                  .infer = infer_##Name,                                                                           \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward_##Name};

SUM(Sum, false)
SUM(Mean, true)
