/* Where: A where the condition, a constant, holds, else B; broadcast, in either layout. */
#include "base/checked.h"
#include "ops/broadcast.h"
#include "ops/fold.h"

typedef struct where_state {
    axm_broadcast broadcast; /* operand 0: the condition as 0 and 1 */
    const float *inverse;    /* 1 and 0 */
} where_state;

static int32_t infer(const axm_infer *infer)
{
    const axm_constant *condition = infer->inputs[0]->constant;
    if (!condition)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "Where needs its condition to be known beforehand, but it is computed from the image");
    AXM_OP_CHECK(condition->dtype == AXM_BOOL, "Where needs a condition of booleans, got %s", axm_dtype_name(condition->dtype));
    return axm_broadcast_infer(infer, "Where", 0);
}

static int32_t prepare(axm_prepare *prepare)
{
    const axm_step *step = prepare->step;
    where_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = s;
    if (!step->inputs[0]->constant)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Where with a condition that is computed is not supported");
    int32_t status = axm_broadcast_make(prepare, &s->broadcast);
    if (status < 0 || !prepare->gradient) return status;
    size_t count = (size_t)axm_shape_count(&step->inputs[0]->shape), bytes;
    if (!axm_mul_size(count, sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "Where");
    float *inverse = axm_prepare_memory(prepare, bytes);
    if (!inverse) return ACTMAX_ERROR_NO_MEMORY;
    for (size_t i = 0; i < count; ++i)
        inverse[i] = 1.0f - s->broadcast.operands[0].constant[i];
    s->inverse = inverse;
    return ACTMAX_OK;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const where_state *s = step->state;
    const axm_broadcast *b = &s->broadcast;
    axm_select_forward(exec, b->rank, b->dims, b->operands[0].constant, b->operands[0].strides, axm_broadcast_data(step, b, 1),
                       b->operands[1].strides, axm_broadcast_data(step, b, 2), b->operands[2].strides, step->outputs[0]->data);
}

/* As of a product with the mask. */
static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const where_state *s = step->state;
    const axm_broadcast *b = &s->broadcast;
    const axm_tensor *x = step->inputs[input];
    axm_binary_backward(exec, AXM_BINARY_MUL, 0, b->rank, b->dims, x->data, b->operands[input].strides,
                        input == 1 ? b->operands[0].constant : s->inverse, b->operands[0].strides, step->outputs[0]->grad,
                        (size_t)axm_shape_count(&x->shape), accumulate, x->grad);
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
                             .infer = infer,
                             .layout = axm_layout_same,
                             .prepare = prepare,
                             .forward = forward,
                             .backward = backward,
                             .fold = fold};
