/* Operands that are broadcast to an operator's result. */
#include "ops/broadcast.h"

#include "base/checked.h"
#include "base/text.h"

int32_t axm_broadcast_infer(const axm_infer *infer, const char *op, int32_t integers)
{
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT], what[24];
    axm_shape y = {.rank = 0};
    for (int32_t i = 0; i < infer->input_count; ++i) {
        const axm_tensor *input = infer->inputs[i];
        const axm_constant *unused;
        AXM_OP_CHECK(input, "%s lacks its input %d", op, (int)i);
        AXM_OP_CHECK(axm_shape_broadcast(&y, &input->shape, &y), "%s cannot combine tensors of shapes %s and %s", op,
                     axm_shape_text(&y, text_a), axm_shape_text(&input->shape, text_b));
        if (!input->constant || i == integers) continue;
        axm_text text = axm_text_in(what, sizeof what);
        axm_text_add(&text, "its input %d", (int)i);
        int32_t status = axm_op_weight(op, what, input, &unused);
        if (status < 0) return status;
    }
    return axm_op_output(infer, op, 0, &y);
}

static int32_t integers_as_floats(axm_prepare *prepare, const axm_constant *constant, const float **out)
{
    size_t count = (size_t)axm_shape_count(&constant->shape), bytes;
    if (!axm_mul_size(count, sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "a constant");
    float *values = axm_prepare_memory(prepare, bytes);
    if (!values) return ACTMAX_ERROR_NO_MEMORY;
    for (size_t i = 0; i < count; ++i)
        values[i] = (float)axm_constant_number(constant, (int64_t)i);
    *out = values;
    return ACTMAX_OK;
}

/* A constant with all of the result's axes is brought into its physical order; one with fewer is read in file order. */
static int32_t make_operand(axm_prepare *prepare, int32_t i, axm_operand *out)
{
    const axm_step *step = prepare->step;
    const axm_tensor *y = step->outputs[0];
    axm_tensor operand = *step->inputs[i];
    int32_t status = ACTMAX_OK;
    if (operand.constant && !axm_dtype_is_float(operand.constant->dtype)) {
        status = integers_as_floats(prepare, operand.constant, &out->constant);
    } else if (operand.constant && operand.shape.rank == y->shape.rank) {
        status = axm_op_constant_in_layout(prepare, i, &out->constant);
        operand.constant = NULL;
        operand.layout = y->layout;
    } else if (operand.constant) {
        status = axm_op_constant_input(prepare, i, &out->constant);
    }
    if (status >= 0 && !axm_broadcast_strides(&operand, y, out->strides))
        status = axm_fail(ACTMAX_ERROR_INTERNAL, "%s has an operand that does not fit its result", step->op->name);
    return status;
}

int32_t axm_broadcast_make(axm_prepare *prepare, axm_broadcast *out)
{
    const axm_step *step = prepare->step;
    const axm_tensor *y = step->outputs[0];
    int64_t stride = 1;
    *out = (axm_broadcast){.rank = y->shape.rank, .count = step->input_count};
    axm_physical_dims(y, out->dims);
    for (int32_t i = out->rank - 1; i >= 0; --i) {
        out->dense[i] = stride;
        stride *= out->dims[i];
    }
    out->operands = axm_prepare_memory(prepare, (size_t)out->count * sizeof *out->operands);
    if (!out->operands) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = ACTMAX_OK;
    for (int32_t i = 0; i < out->count && status >= 0; ++i)
        status = make_operand(prepare, i, &out->operands[i]);
    return status;
}

const float *axm_broadcast_data(const axm_step *step, const axm_broadcast *broadcast, int32_t index)
{
    const float *constant = broadcast->operands[index].constant;
    return constant ? constant : step->inputs[index]->data;
}

void axm_broadcast_sum(const axm_step *step, const axm_exec *exec, const axm_broadcast *broadcast, int32_t index, const float *dy,
                       bool accumulate)
{
    static const float zero = 0.0f;
    static const int64_t fixed[AXM_MAX_RANK] = {0};
    const axm_tensor *x = step->inputs[index];
    axm_binary_backward(exec, AXM_BINARY_ADD, 0, broadcast->rank, broadcast->dims, x->data, broadcast->operands[index].strides,
                        &zero, fixed, dy, (size_t)axm_shape_count(&x->shape), accumulate, x->grad);
}
