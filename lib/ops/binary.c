/* Add, Sub, Mul, Div: A op B with NumPy's broadcasting, in either layout; one operand may be a constant. They take a clamp. With a
 * constant for each channel they are affine maps, which fold into the convolution before. On integer constants they are exact;
 * integer Div truncates towards zero. */
#include <math.h>

#include "ops/broadcast.h"
#include "ops/fold.h"

static int32_t prepare(axm_prepare *prepare)
{
    axm_broadcast *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = s;
    return axm_broadcast_make(prepare, s);
}

static void run_forward(const axm_step *step, const axm_exec *exec, axm_binary kind)
{
    const axm_broadcast *s = step->state;
    axm_binary_forward(exec, kind, s->rank, s->dims, axm_broadcast_data(step, s, 0), s->operands[0].strides,
                       axm_broadcast_data(step, s, 1), s->operands[1].strides, step->clamp, step->outputs[0]->data);
}

static void run_backward(const axm_step *step, const axm_exec *exec, axm_binary kind, int32_t input, bool accumulate)
{
    const axm_broadcast *s = step->state;
    if (kind == AXM_BINARY_ADD && step->inputs[input]->grad == step->outputs[0]->grad) return; /* AXM_OP_PASSES_LAST */
    axm_binary_backward(exec, kind, input, s->rank, s->dims, axm_broadcast_data(step, s, 0), s->operands[0].strides,
                        axm_broadcast_data(step, s, 1), s->operands[1].strides, step->outputs[0]->grad,
                        (size_t)axm_shape_count(&step->inputs[input]->shape), accumulate, step->inputs[input]->grad);
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
        default: return false;
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
        return axm_broadcast_infer(infer, #Name, -1);                                                                              \
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

BINARY(Add, AXM_BINARY_ADD, integer_add, AXM_OP_PASSES_LAST | AXM_OP_ADDS)
BINARY(Sub, AXM_BINARY_SUB, integer_sub, 0u)
BINARY(Mul, AXM_BINARY_MUL, integer_mul, AXM_OP_READS_INPUTS)
BINARY(Div, AXM_BINARY_DIV, integer_div, AXM_OP_READS_INPUTS)
