/* Min and Max of any number of tensors, broadcast, in either layout. The gradient goes to the first of equals. With one number as
 * the other operand they are clamps: fused, without gradient at the bound, and following the plan's ReLU rule at 0. */
#include <math.h>

#include "base/checked.h"
#include "ops/broadcast.h"
#include "ops/fold.h"

typedef struct extreme_state {
    axm_broadcast broadcast;
    bool is_clamp;
    axm_clamp clamp;
} extreme_state;

static bool as_clamp(bool most, const axm_tensor *const *inputs, int32_t input_count, axm_clamp *out)
{
    if (input_count != 2 || !inputs[0] || !inputs[1] || !inputs[0]->constant == !inputs[1]->constant) return false;
    const axm_constant *bound = inputs[0]->constant ? inputs[0]->constant : inputs[1]->constant;
    const axm_tensor *x = inputs[0]->constant ? inputs[1] : inputs[0];
    if (axm_shape_count(&bound->shape) != 1 || bound->shape.rank > x->shape.rank || !axm_fold_is_float(bound)) return false;
    float value = (float)axm_constant_number(bound, 0);
    *out = (axm_clamp){most ? value : -INFINITY, most ? INFINITY : value};
    return !isnan(value);
}

static int32_t prepare_kind(axm_prepare *prepare, bool most)
{
    axm_step *step = prepare->step;
    extreme_state *s = axm_prepare_memory(prepare, sizeof *s);
    const axm_tensor *inputs[2] = {NULL};
    size_t bytes;
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    for (int32_t i = 0; i < 2 && i < step->input_count; ++i)
        inputs[i] = step->inputs[i];
    s->is_clamp = as_clamp(most, inputs, step->input_count, &s->clamp);
    if (!axm_mul_size(axm_op_output_count(step), sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "Min or Max");
    if (prepare->gradient && step->input_count > 2) axm_prepare_scratch(prepare, bytes);
    return axm_broadcast_make(prepare, &s->broadcast);
}

static void run_forward(const axm_step *step, const axm_exec *exec, axm_binary kind)
{
    const extreme_state *s = step->state;
    const axm_broadcast *b = &s->broadcast;
    const axm_operand *first = &b->operands[0];
    axm_clamp none = {-INFINITY, INFINITY};
    float *y = step->outputs[0]->data;
    if (b->count == 1) axm_op_copy(exec, axm_op_output_count(step), axm_broadcast_data(step, b, 0), false, y);
    for (int32_t i = 1; i < b->count; ++i)
        axm_binary_forward(exec, kind, b->rank, b->dims, i == 1 ? axm_broadcast_data(step, b, 0) : y,
                           i == 1 ? first->strides : b->dense, axm_broadcast_data(step, b, i), b->operands[i].strides, none, y);
}

/* Of several operands: what is equal to the result, and no earlier operand is. */
static void backward_of_many(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const extreme_state *s = step->state;
    const axm_broadcast *b = &s->broadcast;
    const axm_tensor *y = step->outputs[0];
    float *share = (float *)(void *)exec->scratch;
    axm_op_copy(exec, axm_op_output_count(step), y->grad, false, share);
    for (int32_t i = 0; i <= input; ++i)
        axm_keep_equal(exec, i == input, b->rank, b->dims, axm_broadcast_data(step, b, i), b->operands[i].strides, y->data, share);
    axm_broadcast_sum(step, exec, b, input, share, accumulate);
}

static void run_backward(const axm_step *step, const axm_exec *exec, axm_binary kind, int32_t input, bool accumulate)
{
    const extreme_state *s = step->state;
    const axm_broadcast *b = &s->broadcast;
    const axm_tensor *y = step->outputs[0];
    size_t count = axm_op_output_count(step);
    if (s->is_clamp)
        axm_clamp_backward(exec, s->clamp.low == 0.0f ? step->relu_rule : AXM_RELU_PLAIN, s->clamp, count, y->data, y->grad,
                           accumulate, step->inputs[input]->grad);
    else if (b->count == 1)
        axm_op_copy(exec, count, y->grad, accumulate, step->inputs[0]->grad);
    else if (b->count == 2)
        axm_binary_backward(exec, kind, input, b->rank, b->dims, axm_broadcast_data(step, b, 0), b->operands[0].strides,
                            axm_broadcast_data(step, b, 1), b->operands[1].strides, y->grad,
                            (size_t)axm_shape_count(&step->inputs[input]->shape), accumulate, step->inputs[input]->grad);
    else
        backward_of_many(step, exec, input, accumulate);
}

/* ---- Constants ---- */

/* Element i of the best of all operands. A NaN wins, as in ONNX. */
static int32_t best(const axm_fold *fold, const char *op, bool most, int64_t i)
{
    const axm_constant *y = &fold->outputs[0];
    int64_t whole = 0;
    double number = 0.0;
    for (int32_t k = 0; k < fold->input_count; ++k) {
        const axm_constant *x = fold->inputs[k];
        int64_t at = axm_fold_element(&x->shape, &y->shape, i);
        if (axm_fold_is_float(y)) {
            double next = axm_constant_number(x, at);
            if (k == 0 || isnan(next) || (most ? next > number : next < number)) number = next;
        } else {
            int64_t next = axm_constant_integer(x, at);
            if (k == 0 || (most ? next > whole : next < whole)) whole = next;
        }
        if (isnan(number)) break;
    }
    if (!axm_fold_is_float(y)) return axm_fold_put(op, y, i, whole);
    axm_fold_put_float(y, i, number);
    return ACTMAX_OK;
}

static int32_t fold_best(const axm_fold *fold, const char *op, bool most)
{
    axm_shape y;
    for (int32_t k = 0; k < fold->input_count; ++k) {
        AXM_OP_CHECK(fold->inputs[k], "%s lacks its input %d", op, (int)k);
        AXM_OP_CHECK(axm_fold_dtype(fold->inputs[k]) == axm_fold_dtype(fold->inputs[0]), "%s cannot compare %s with %s", op,
                     axm_dtype_name(fold->inputs[0]->dtype), axm_dtype_name(fold->inputs[k]->dtype));
    }
    int32_t status = axm_fold_broadcast(fold, op, &y);
    if (status >= 0) status = axm_fold_output(fold, op, 0, axm_fold_dtype(fold->inputs[0]), &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count && status >= 0; ++i)
        status = best(fold, op, most, i);
    return status;
}

/* ---- The two operators ---- */

#define EXTREME(Name, kind, most)                                                                                                  \
    static int32_t infer_##Name(const axm_infer *infer)                                                                            \
    {                                                                                                                              \
        return axm_broadcast_infer(infer, #Name, -1);                                                                              \
    }                                                                                                                              \
    static bool as_clamp_##Name(const void *params, const axm_tensor *const *inputs, int32_t input_count, axm_clamp *out)          \
    {                                                                                                                              \
        (void)params;                                                                                                              \
        return as_clamp(most, inputs, input_count, out);                                                                           \
    }                                                                                                                              \
    static int32_t prepare_##Name(axm_prepare *prepare)                                                                            \
    {                                                                                                                              \
        return prepare_kind(prepare, most);                                                                                        \
    }                                                                                                                              \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        run_forward(step, exec, kind);                                                                                             \
    }                                                                                                                              \
    static void backward_##Name(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)                        \
    {                                                                                                                              \
        run_backward(step, exec, kind, input, accumulate);                                                                         \
    }                                                                                                                              \
    static int32_t fold_##Name(const axm_fold *fold)                                                                               \
    {                                                                                                                              \
        return fold_best(fold, #Name, most);                                                                                       \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = -1,                                                                                \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_READS_INPUTS | AXM_OP_READS_OUTPUT,                                              \
                                  .infer = infer_##Name,                                                                           \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare_##Name,                                                                       \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward_##Name,                                                                     \
                                  .as_clamp = as_clamp_##Name,                                                                     \
                                  .fold = fold_##Name};

EXTREME(Min, AXM_BINARY_MIN, false)
EXTREME(Max, AXM_BINARY_MAX, true)
