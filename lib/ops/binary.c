/* Add, Sub, Mul, Div: A op B with NumPy's broadcasting, in either layout; one operand may be a constant. They take a clamp. With a
 * constant for each channel they are affine maps, which fold into the convolution before. On integer constants they are exact;
 * integer Div truncates towards zero. */
#include <math.h>

#include "ops/fold.h"

typedef struct binary_state {
    int32_t rank;
    int64_t dims[AXM_MAX_RANK];       /* of the output, physical */
    int64_t strides[2][AXM_MAX_RANK]; /* of A and B over them, 0 where broadcast */
    const float *constant[2];         /* NULL: computed */
} binary_state;

static const char *const names[] = {"Add", "Sub", "Mul", "Div"}; /* by axm_binary */

static int32_t infer_kind(const axm_infer *infer, axm_binary kind)
{
    const axm_shape *a = &infer->inputs[0]->shape, *b = &infer->inputs[1]->shape;
    const axm_constant *unused;
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    axm_shape y;
    AXM_OP_CHECK(axm_shape_broadcast(a, b, &y), "%s cannot combine tensors of shapes %s and %s", names[kind],
                 axm_shape_text(a, text_a), axm_shape_text(b, text_b));
    for (int32_t i = 0; i < 2; ++i) {
        int32_t status =
            infer->inputs[i]->constant ? axm_op_weight(names[kind], i ? "B" : "A", infer->inputs[i], &unused) : ACTMAX_OK;
        if (status < 0) return status;
    }
    return axm_op_output(infer, names[kind], 0, &y);
}

/* A constant with all of the output's axes is brought into its physical order; one with fewer is read in file order. */
static int32_t set_operand(axm_prepare *prepare, int32_t i, binary_state *s)
{
    const axm_step *step = prepare->step;
    const axm_tensor *y = step->outputs[0];
    axm_tensor operand = *step->inputs[i];
    int32_t status = ACTMAX_OK;
    if (operand.constant && operand.shape.rank == y->shape.rank) {
        status = axm_op_constant_in_layout(prepare, i, &s->constant[i]);
        operand.constant = NULL;
        operand.layout = y->layout;
    } else if (operand.constant) {
        status = axm_op_constant_input(prepare, i, &s->constant[i]);
    }
    if (status >= 0 && !axm_broadcast_strides(&operand, y, s->strides[i]))
        status = axm_fail(ACTMAX_ERROR_INTERNAL, "%s has an operand that does not fit its result", step->op->name);
    return status;
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    binary_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    s->rank = step->outputs[0]->shape.rank;
    axm_physical_dims(step->outputs[0], s->dims);
    int32_t status = set_operand(prepare, 0, s);
    return status < 0 ? status : set_operand(prepare, 1, s);
}

static const float *operand_of(const axm_step *step, int32_t i)
{
    const binary_state *s = step->state;
    return s->constant[i] ? s->constant[i] : step->inputs[i]->data;
}

static void run_forward(const axm_step *step, const axm_exec *exec, axm_binary kind)
{
    const binary_state *s = step->state;
    axm_binary_forward(exec, kind, s->rank, s->dims, operand_of(step, 0), s->strides[0], operand_of(step, 1), s->strides[1],
                       step->clamp, step->outputs[0]->data);
}

static void run_backward(const axm_step *step, const axm_exec *exec, axm_binary kind, int32_t input, bool accumulate)
{
    const binary_state *s = step->state;
    axm_binary_backward(exec, kind, input, s->rank, s->dims, operand_of(step, 0), s->strides[0], operand_of(step, 1), s->strides[1],
                        step->outputs[0]->grad, (size_t)axm_shape_count(&step->inputs[input]->shape), accumulate,
                        step->inputs[input]->grad);
}

/* ---- Affine maps ---- */

/* Which input is the constant, when the other one varies and it has one number, or one for each channel (axis 1). */
static int32_t channel_constant(const axm_tensor *const *inputs, int32_t input_count, int64_t channels)
{
    if (input_count != 2 || !inputs[0] || !inputs[1] || !inputs[0]->constant == !inputs[1]->constant) return -1;
    int32_t index = inputs[0]->constant ? 0 : 1;
    const axm_shape *c = &inputs[index]->shape, *x = &inputs[1 - index]->shape;
    if (!axm_fold_is_float(inputs[index]->constant) || x->rank < 2 || c->rank > x->rank) return -1;
    for (int32_t i = 0; i < c->rank; ++i) {
        bool along_channels = i + x->rank - c->rank == 1;
        if (c->dim[i] != 1 && (!along_channels || c->dim[i] != channels)) return -1;
    }
    return index;
}

static bool as_affine(axm_binary kind, const axm_tensor *const *inputs, int32_t input_count, int64_t channels, float *scale,
                      float *shift)
{
    int32_t index = channel_constant(inputs, input_count, channels);
    if (index < 0 || (kind == AXM_BINARY_DIV && index == 0)) return false;
    const axm_constant *constant = inputs[index]->constant;
    int64_t count = axm_shape_count(&constant->shape);
    for (int64_t c = 0; c < channels; ++c) {
        double value = axm_constant_number(constant, count == 1 ? 0 : c), factor = 1.0, term = 0.0;
        switch (kind) {
        case AXM_BINARY_ADD: term = value; break;
        case AXM_BINARY_SUB:
            factor = index == 0 ? -1.0 : 1.0;
            term = index == 0 ? value : -value;
            break;
        case AXM_BINARY_MUL: factor = value; break;
        case AXM_BINARY_DIV: factor = 1.0 / value; break;
        }
        if (!isfinite((float)factor)) return false;
        scale[c] = (float)factor;
        shift[c] = (float)term;
    }
    return true;
}

/* ---- Integers ---- */

static const char *const too_large = "overflows 64 bits; the network may be made for another input size";

static const char *integer_add(int64_t a, int64_t b, int64_t *out)
{
    return __builtin_add_overflow(a, b, out) ? too_large : NULL;
}

static const char *integer_sub(int64_t a, int64_t b, int64_t *out)
{
    return __builtin_sub_overflow(a, b, out) ? too_large : NULL;
}

static const char *integer_mul(int64_t a, int64_t b, int64_t *out)
{
    return __builtin_mul_overflow(a, b, out) ? too_large : NULL;
}

static const char *integer_div(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0) return "divides by zero";
    if (b == -1) return __builtin_sub_overflow((int64_t)0, a, out) ? too_large : NULL;
    *out = a / b;
    return NULL;
}

/* ---- The four operators ---- */

#define BINARY(Name, kind, integer_rule, more_flags)                                                                               \
    static int32_t infer_##Name(const axm_infer *infer)                                                                            \
    {                                                                                                                              \
        return infer_kind(infer, kind);                                                                                            \
    }                                                                                                                              \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        run_forward(step, exec, kind);                                                                                             \
    }                                                                                                                              \
    static void backward_##Name(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)                        \
    {                                                                                                                              \
        run_backward(step, exec, kind, input, accumulate);                                                                         \
    }                                                                                                                              \
    static bool affine_##Name(const void *params, const axm_tensor *const *inputs, int32_t input_count, int64_t channels,          \
                              float *scale, float *shift)                                                                          \
    {                                                                                                                              \
        (void)params;                                                                                                              \
        return as_affine(kind, inputs, input_count, channels, scale, shift);                                                       \
    }                                                                                                                              \
    static int32_t fold_##Name(const axm_fold *fold)                                                                               \
    {                                                                                                                              \
        return axm_fold_integers(fold, #Name, integer_rule);                                                                       \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 2,                                                                                 \
                                  .max_inputs = 2,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_FUSES_CLAMP | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | (more_flags),   \
                                  .infer = infer_##Name,                                                                           \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward_##Name,                                                                     \
                                  .as_channel_affine = affine_##Name,                                                              \
                                  .fold = fold_##Name};

BINARY(Add, AXM_BINARY_ADD, integer_add, 0u)
BINARY(Sub, AXM_BINARY_SUB, integer_sub, 0u)
BINARY(Mul, AXM_BINARY_MUL, integer_mul, AXM_OP_READS_INPUTS)
BINARY(Div, AXM_BINARY_DIV, integer_div, AXM_OP_READS_INPUTS)
