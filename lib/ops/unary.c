/* Exp, Log, Sqrt, Reciprocal, Erf, Abs, Neg, Sign: any shape and layout. Those of integer constants (the last three) are exact. */
#include "ops/fold.h"

#define CURVE(Name, kind)                                                                                                          \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        axm_op_curve_forward(step, exec, kind, 0.0f, 0.0f);                                                                        \
    }                                                                                                                              \
    static void backward_##Name(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)                        \
    {                                                                                                                              \
        (void)input;                                                                                                               \
        axm_op_curve_backward(step, exec, kind, 0.0f, 0.0f, accumulate);                                                           \
    }

#define UNARY(Name, more_flags, fold_function)                                                                                     \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = 1,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = (more_flags),                                                                           \
                                  .infer = axm_op_infer_same,                                                                      \
                                  .layout = axm_layout_same,                                                                       \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward_##Name,                                                                     \
                                  .fold = fold_function};

CURVE(Exp, AXM_CURVE_EXP)
CURVE(Log, AXM_CURVE_LOG)
CURVE(Sqrt, AXM_CURVE_SQRT)
CURVE(Reciprocal, AXM_CURVE_RECIPROCAL)
CURVE(Erf, AXM_CURVE_ERF)
CURVE(Abs, AXM_CURVE_ABS)
CURVE(Sign, AXM_CURVE_SIGN)

static void forward_Neg(const axm_step *step, const axm_exec *exec)
{
    axm_op_unary_forward(step, exec, AXM_UNARY_AFFINE, -1.0f, 0.0f);
}

static void backward_Neg(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_op_unary_backward(step, exec, AXM_UNARY_AFFINE, -1.0f, 0.0f, false, accumulate);
}

typedef int64_t (*integer_rule)(int64_t x);

static int64_t negated(int64_t x)
{
    return -x;
}

static int64_t magnitude_of(int64_t x)
{
    return x < 0 ? -x : x;
}

static int64_t sign_of(int64_t x)
{
    return (x > 0) - (x < 0);
}

static int32_t fold_with(const axm_fold *fold, const char *op, integer_rule rule)
{
    const axm_constant *x = fold->inputs[0];
    if (axm_fold_is_float(x)) return axm_fold_nothing(fold);
    int32_t status = axm_fold_output(fold, op, 0, x->dtype, &x->shape);
    int64_t count = status < 0 ? 0 : axm_shape_count(&x->shape);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        int64_t value = axm_constant_integer(x, i);
        if (value == INT64_MIN) return axm_fail(ACTMAX_ERROR_SHAPE, "%s of %lld overflows 64 bits", op, (long long)value);
        status = axm_fold_put(op, &fold->outputs[0], i, rule(value));
    }
    return status;
}

static int32_t fold_Abs(const axm_fold *fold)
{
    return fold_with(fold, "Abs", magnitude_of);
}

static int32_t fold_Neg(const axm_fold *fold)
{
    return fold_with(fold, "Neg", negated);
}

static int32_t fold_Sign(const axm_fold *fold)
{
    return fold_with(fold, "Sign", sign_of);
}

UNARY(Exp, AXM_OP_CURVE, axm_fold_nothing)
UNARY(Log, AXM_OP_CURVE, axm_fold_nothing)
UNARY(Sqrt, AXM_OP_CURVE, axm_fold_nothing)
UNARY(Reciprocal, AXM_OP_CURVE, axm_fold_nothing)
UNARY(Erf, AXM_OP_CURVE, axm_fold_nothing)
UNARY(Abs, AXM_OP_CURVE, fold_Abs)
UNARY(Sign, AXM_OP_CURVE, fold_Sign)
UNARY(Neg, AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD, fold_Neg)
