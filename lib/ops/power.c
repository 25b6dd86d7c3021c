/* Pow: A^B, broadcast, in either layout; constant integers are exact where both are. PRelu: X where it is positive, else slope X,
 * without gradient at 0, as LeakyRelu. */
#include <math.h>

#include "ops/broadcast.h"
#include "ops/fold.h"

typedef struct power_state {
    axm_broadcast broadcast;
    bool is_curve; /* one exponent for all */
    axm_curve curve;
    float exponent;
} power_state;

/* The exponent is one number: the usual ones have functions of their own. */
static void find_curve(const axm_step *step, power_state *s)
{
    const axm_constant *exponent = step->inputs[1]->constant;
    if (!exponent || step->inputs[0]->constant || axm_shape_count(&exponent->shape) != 1 ||
        exponent->shape.rank > step->inputs[0]->shape.rank)
        return;
    double value = axm_constant_number(exponent, 0);
    s->is_curve = true;
    s->exponent = (float)value;
    s->curve = AXM_CURVE_POWER;
    if (fabs(value - 2.0) <= 0.0) s->curve = AXM_CURVE_SQUARE;
    if (fabs(value - 0.5) <= 0.0) s->curve = AXM_CURVE_SQRT;
    if (fabs(value + 1.0) <= 0.0) s->curve = AXM_CURVE_RECIPROCAL;
}

static int32_t prepare(axm_prepare *prepare)
{
    power_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = s;
    if (prepare->step->op == &axm_op_Pow) find_curve(prepare->step, s);
    return axm_broadcast_make(prepare, &s->broadcast);
}

static void run_forward(const axm_step *step, const axm_exec *exec, axm_binary kind)
{
    const power_state *s = step->state;
    const axm_broadcast *b = &s->broadcast;
    axm_clamp none = {-INFINITY, INFINITY};
    if (s->is_curve)
        axm_op_curve_forward(step, exec, s->curve, s->exponent, 0.0f);
    else
        axm_binary_forward(exec, kind, b->rank, b->dims, axm_broadcast_data(step, b, 0), b->operands[0].strides,
                           axm_broadcast_data(step, b, 1), b->operands[1].strides, none, step->outputs[0]->data);
}

static void run_backward(const axm_step *step, const axm_exec *exec, axm_binary kind, int32_t input, bool accumulate)
{
    const power_state *s = step->state;
    const axm_broadcast *b = &s->broadcast;
    if (s->is_curve)
        axm_op_curve_backward(step, exec, s->curve, s->exponent, 0.0f, accumulate);
    else
        axm_binary_backward(exec, kind, input, b->rank, b->dims, axm_broadcast_data(step, b, 0), b->operands[0].strides,
                            axm_broadcast_data(step, b, 1), b->operands[1].strides, step->outputs[0]->grad,
                            (size_t)axm_shape_count(&step->inputs[input]->shape), accumulate, step->inputs[input]->grad);
}

static int32_t infer_Pow(const axm_infer *infer)
{
    return axm_broadcast_infer(infer, "Pow", 1);
}

static int32_t infer_PRelu(const axm_infer *infer)
{
    int32_t status = axm_broadcast_infer(infer, "PRelu", -1);
    if (status < 0) return status;
    AXM_OP_CHECK(axm_shape_equal(&infer->outputs[0], &infer->inputs[0]->shape), "PRelu has a slope that is larger than its input");
    return ACTMAX_OK;
}

static const char *integer_power(int64_t a, int64_t b, int64_t *out)
{
    int64_t power = 1;
    if (b < 0) return "is no integer";
    for (; b > 0 && a != 1 && (a != 0 || b == 1); --b) {
        if (a == -1 || a == 0) {
            *out = a == 0 ? 0 : b % 2 ? -1 : 1;
            return NULL;
        }
        if (__builtin_mul_overflow(power, a, &power)) return "overflows 64 bits";
    }
    *out = a == 0 && b > 0 ? 0 : power;
    return NULL;
}

/* An integer to a fraction is cut off to an integer again, as ONNX has the type of A. */
static int32_t fold_Pow(const axm_fold *fold)
{
    const axm_constant *a = fold->inputs[0], *b = fold->inputs[1];
    axm_shape y;
    if (axm_fold_is_float(a)) return AXM_FOLD_BY_FORWARD;
    if (!axm_fold_is_float(b)) return axm_fold_integers(fold, "Pow", integer_power);
    int32_t status = axm_fold_broadcast(fold, "Pow", &y);
    if (status >= 0) status = axm_fold_output(fold, "Pow", 0, a->dtype, &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        double value = pow(axm_constant_number(a, axm_fold_element(&a->shape, &y, i)),
                           axm_constant_number(b, axm_fold_element(&b->shape, &y, i)));
        AXM_OP_CHECK(value > -9223372036854775808.0 && value < 9223372036854775808.0, "Pow gives %g, which is no integer", value);
        status = axm_fold_put("Pow", &fold->outputs[0], i, (int64_t)value);
    }
    return status;
}

#define POWER(Name, kind, fold_function)                                                                                           \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        run_forward(step, exec, kind);                                                                                             \
    }                                                                                                                              \
    static void backward_##Name(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)                        \
    {                                                                                                                              \
        run_backward(step, exec, kind, input, accumulate);                                                                         \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 2,                                                                                 \
                                  .max_inputs = 2,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_READS_INPUTS,                                                                    \
                                  .infer = infer_##Name,                                                                           \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward_##Name,                                                                     \
                                  .fold = fold_function};

POWER(Pow, AXM_BINARY_POW, fold_Pow)
POWER(PRelu, AXM_BINARY_SLOPE, NULL)
