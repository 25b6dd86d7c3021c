/* Not, And, Or, Xor: of booleans, broadcast, in either layout. What is computed from an image is 1 or 0 in float, and passes no
 * gradient. */
#include <math.h>
#include <string.h>

#include "ops/broadcast.h"
#include "ops/fold.h"

static int32_t check_booleans(const char *op, const axm_constant *constant)
{
    AXM_OP_CHECK(!constant || constant->dtype == AXM_BOOL, "%s needs booleans, got %s", op, axm_dtype_name(constant->dtype));
    return ACTMAX_OK;
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_tensor *x = step->inputs[input];
    (void)exec;
    if (!accumulate) memset(x->grad, 0, (size_t)axm_shape_count(&x->shape) * sizeof *x->grad);
}

/* ---- One operand ---- */

static int32_t fold_not(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    int32_t status = check_booleans("Not", x);
    if (status >= 0) status = axm_fold_output(fold, "Not", 0, AXM_BOOL, &x->shape);
    int64_t count = axm_shape_count(&x->shape);
    for (int64_t i = 0; i < count && status >= 0; ++i)
        status = axm_fold_put("Not", &fold->outputs[0], i, axm_constant_integer(x, i) == 0);
    return status;
}

static void forward_not(const axm_step *step, const axm_exec *exec)
{
    axm_op_unary_forward(step, exec, AXM_UNARY_AFFINE, -1.0f, 1.0f);
}

const axm_op axm_op_Not = {.name = "Not",
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .outputs = 1,
                           .flags = AXM_OP_CONDITION | AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD,
                           .infer = axm_op_infer_same,
                           .layout = axm_layout_same,
                           .forward = forward_not,
                           .backward = backward,
                           .fold = fold_not};

/* ---- Two operands ---- */

static int32_t combine(const axm_fold *fold, const char *op, axm_fold_rule rule)
{
    int32_t status = ACTMAX_OK;
    for (int32_t i = 0; i < 2 && status >= 0; ++i)
        status = check_booleans(op, fold->inputs[i]);
    return status < 0 ? status : axm_fold_integers(fold, op, rule);
}

static int32_t infer_two(const axm_infer *infer, const char *op)
{
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    const axm_tensor *a = axm_op_input(infer->inputs, infer->input_count, 0),
                     *b = axm_op_input(infer->inputs, infer->input_count, 1);
    axm_shape y;
    AXM_OP_CHECK(a && b, "%s lacks an input", op);
    int32_t status = check_booleans(op, a->constant);
    if (status >= 0) status = check_booleans(op, b->constant);
    if (status < 0) return status;
    AXM_OP_CHECK(axm_shape_broadcast(&a->shape, &b->shape, &y), "%s cannot combine tensors of shapes %s and %s", op,
                 axm_shape_text(&a->shape, text_a), axm_shape_text(&b->shape, text_b));
    return axm_op_output(infer, op, 0, &y);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_broadcast *b = axm_prepare_memory(prepare, sizeof *b);
    if (!b) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = b;
    return axm_broadcast_make(prepare, b);
}

static void run_forward(const axm_step *step, const axm_exec *exec, axm_binary kind)
{
    const axm_broadcast *b = step->state;
    axm_clamp none = {-INFINITY, INFINITY};
    axm_binary_forward(exec, kind, b->rank, b->dims, axm_broadcast_data(step, b, 0), b->operands[0].strides,
                       axm_broadcast_data(step, b, 1), b->operands[1].strides, none, step->outputs[0]->data);
}

#define LOGIC(Name, expression, kind, turned)                                                                                      \
    static const char *rule_##Name(int64_t a, int64_t b, int64_t *out)                                                             \
    {                                                                                                                              \
        *out = expression;                                                                                                         \
        return NULL;                                                                                                               \
    }                                                                                                                              \
    static int32_t fold_##Name(const axm_fold *fold)                                                                               \
    {                                                                                                                              \
        return combine(fold, #Name, rule_##Name);                                                                                  \
    }                                                                                                                              \
    static int32_t infer_##Name(const axm_infer *infer)                                                                            \
    {                                                                                                                              \
        return infer_two(infer, #Name);                                                                                            \
    }                                                                                                                              \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        float *y = step->outputs[0]->data;                                                                                         \
        run_forward(step, exec, kind);                                                                                             \
        if (turned) axm_unary_forward(exec, AXM_UNARY_AFFINE, -1.0f, 1.0f, axm_op_output_count(step), y, y);                       \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 2,                                                                                 \
                                  .max_inputs = 2,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_CONDITION,                                                                       \
                                  .infer = infer_##Name,                                                                           \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward,                                                                            \
                                  .fold = fold_##Name};

LOGIC(And, a != 0 && b != 0, AXM_BINARY_MUL, false)
LOGIC(Or, a != 0 || b != 0, AXM_BINARY_MAX, false)
LOGIC(Xor, (a != 0) != (b != 0), AXM_BINARY_EQUAL, true)
