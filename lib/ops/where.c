/* Where: A where the condition holds, else B; broadcast, in either layout. The condition may be a constant, or computed (1 and 0 in
 * float); it gets no gradient. */
#include <string.h>

#include "base/checked.h"
#include "ops/broadcast.h"
#include "ops/fold.h"

static int32_t infer(const axm_infer *infer)
{
    const axm_constant *condition = infer->inputs[0]->constant;
    AXM_OP_CHECK(!condition || condition->dtype == AXM_BOOL, "Where needs a condition of booleans, got %s",
                 axm_dtype_name(condition->dtype));
    return axm_broadcast_infer(infer, "Where", 0);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_broadcast *b = axm_prepare_memory(prepare, sizeof *b);
    size_t bytes;
    if (!b) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = b;
    if (!axm_mul_size(axm_op_output_count(prepare->step), sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "Where");
    if (prepare->gradient) axm_prepare_scratch(prepare, bytes);
    return axm_broadcast_make(prepare, b);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const axm_broadcast *b = step->state;
    axm_select_forward(exec, b->rank, b->dims, axm_broadcast_data(step, b, 0), b->operands[0].strides,
                       axm_broadcast_data(step, b, 1), b->operands[1].strides, axm_broadcast_data(step, b, 2),
                       b->operands[2].strides, step->outputs[0]->data);
}

/* The share of dy that belongs to A or to B, summed where that was broadcast. */
static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    static const float zero = 0.0f;
    static const int64_t fixed[AXM_MAX_RANK] = {0};
    const axm_broadcast *b = step->state;
    const axm_tensor *x = step->inputs[input];
    const float *dy = step->outputs[0]->grad;
    float *share = (float *)(void *)exec->scratch;
    if (input == 0) {
        if (!accumulate) memset(x->grad, 0, (size_t)axm_shape_count(&x->shape) * sizeof *x->grad);
        return;
    }
    axm_select_forward(exec, b->rank, b->dims, axm_broadcast_data(step, b, 0), b->operands[0].strides, input == 1 ? dy : &zero,
                       input == 1 ? b->dense : fixed, input == 2 ? dy : &zero, input == 2 ? b->dense : fixed, share);
    axm_broadcast_sum(step, exec, b, input, share, accumulate);
}

static int32_t fold(const axm_fold *fold)
{
    const axm_constant *condition = fold->inputs[0], *a = fold->inputs[1], *b = fold->inputs[2];
    axm_shape y;
    AXM_OP_CHECK(condition->dtype == AXM_BOOL, "Where needs a condition of booleans, got %s", axm_dtype_name(condition->dtype));
    AXM_OP_CHECK(axm_fold_dtype(a) == axm_fold_dtype(b), "Where cannot choose between %s and %s", axm_dtype_name(a->dtype),
                 axm_dtype_name(b->dtype));
    int32_t status = axm_fold_broadcast(fold, "Where", &y);
    if (status >= 0) status = axm_fold_output(fold, "Where", 0, axm_fold_dtype(a), &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count; ++i) {
        bool first = axm_constant_integer(condition, axm_fold_element(&condition->shape, &y, i)) != 0;
        const axm_constant *x = first ? a : b;
        axm_fold_move(x, axm_fold_element(&x->shape, &y, i), &fold->outputs[0], i);
    }
    return status;
}

const axm_op axm_op_Where = {.name = "Where",
                             .min_inputs = 3,
                             .max_inputs = 3,
                             .outputs = 1,
                             .flags = AXM_OP_READS_INPUTS,
                             .infer = infer,
                             .layout = axm_layout_same,
                             .prepare = prepare,
                             .forward = forward,
                             .backward = backward,
                             .fold = fold};
