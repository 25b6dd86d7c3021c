/* Shared helpers of the operators. */
#include "ops/common.h"

#include <string.h>

#include "base/checked.h"
#include "base/text.h"

/* ---- Infer ---- */

int32_t axm_op_output(const axm_infer *infer, const char *op, int32_t index, const axm_shape *shape)
{
    char text[AXM_SHAPE_TEXT];
    int64_t count;
    if (shape->rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "%s would give %d axes; actmax takes up to %d", op, (int)shape->rank, AXM_MAX_RANK);
    for (int32_t i = 0; i < shape->rank; ++i)
        AXM_OP_CHECK(shape->dim[i] >= 1, "%s would give a tensor of shape %s, which is empty; use a larger input size", op,
                     axm_shape_text(shape, text));
    if (!axm_shape_count_checked(shape, infer->limits->tensor_elements, &count))
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "%s would give a tensor of shape %s, larger than limit_tensor_elements (%lld); use a smaller input size",
                        op, axm_shape_text(shape, text), (long long)infer->limits->tensor_elements);
    infer->outputs[index] = *shape;
    return ACTMAX_OK;
}

int32_t axm_op_infer_same(const axm_infer *infer)
{
    infer->outputs[0] = infer->inputs[0]->shape;
    return ACTMAX_OK;
}

int32_t axm_op_axis(const char *op, int64_t axis, int32_t rank, bool extra, int32_t *out)
{
    int64_t size = (int64_t)rank + (extra ? 1 : 0);
    AXM_OP_CHECK(axis >= -(int64_t)rank && axis < size, "%s works along axis %lld, but its input has %d axes", op, (long long)axis,
                 (int)rank);
    *out = (int32_t)(axis < 0 ? axis + rank : axis);
    return ACTMAX_OK;
}

const axm_tensor *axm_op_input(const axm_tensor *const *inputs, int32_t count, int32_t index)
{
    return index < count ? inputs[index] : NULL;
}

int32_t axm_op_weight(const char *op, const char *what, const axm_tensor *input, const axm_constant **out)
{
    *out = NULL;
    if (!input) return ACTMAX_OK;
    if (!input->constant)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "%s needs %s to be a weight stored in the model, but it is computed from the image; " AXM_END_BEFORE, op,
                        what);
    if (!axm_dtype_is_float(input->constant->dtype))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "%s needs %s in floating point, but it is %s; convert quantised models to float first", op, what,
                        axm_dtype_name(input->constant->dtype));
    *out = input->constant;
    return ACTMAX_OK;
}

int32_t axm_op_scalar(const char *op, const char *what, const axm_tensor *input, float *out)
{
    const axm_constant *constant;
    char text[AXM_SHAPE_TEXT];
    int32_t status = axm_op_weight(op, what, input, &constant);
    if (status < 0 || !constant) return status;
    AXM_OP_CHECK(axm_shape_count(&constant->shape) == 1, "%s needs %s to be one number, got shape %s", op, what,
                 axm_shape_text(&constant->shape, text));
    *out = (float)axm_constant_number(constant, 0);
    return ACTMAX_OK;
}

/* ---- Lists of integers ---- */

int32_t axm_op_list_attribute(const axm_attributes *attributes, const char *name, axm_int_list *out)
{
    const axm_attribute *attribute = axm_attribute_find(attributes, name);
    out->given = attribute != NULL;
    out->count = 0;
    if (!attribute) return ACTMAX_OK;
    if (attribute->kind != AXM_ATTR_INTS)
        return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%s' must be a list of integers; the file is damaged", name);
    if (attribute->count > AXM_INT_LIST)
        return axm_fail(ACTMAX_ERROR_LIMIT, "attribute '%s' has %zu values; actmax takes up to %d", name, attribute->count,
                        AXM_INT_LIST);
    out->count = (int32_t)attribute->count;
    for (int32_t i = 0; i < out->count; ++i)
        out->value[i] = attribute->ints[i];
    return ACTMAX_OK;
}

int32_t axm_op_list(const char *op, const char *what, const axm_tensor *input, const axm_int_list *attribute, axm_int_list *out)
{
    char text[AXM_SHAPE_TEXT];
    if (!input) {
        *out = attribute ? *attribute : (axm_int_list){0};
        return ACTMAX_OK;
    }
    if (!input->constant)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "%s needs its %s to be known beforehand, but it is computed from the image; " AXM_END_BEFORE, op, what);
    const axm_constant *constant = input->constant;
    if (constant->dtype != AXM_INT64 && constant->dtype != AXM_INT32)
        return axm_fail(ACTMAX_ERROR_FORMAT, "%s needs its %s as integers, got %s; the file is damaged", op, what,
                        axm_dtype_name(constant->dtype));
    int64_t count = axm_shape_count(&constant->shape);
    AXM_OP_CHECK(constant->shape.rank <= 1 && count <= AXM_INT_LIST, "%s needs its %s as a list of up to %d integers, got shape %s",
                 op, what, AXM_INT_LIST, axm_shape_text(&constant->shape, text));
    *out = (axm_int_list){.given = true, .count = (int32_t)count};
    for (int32_t i = 0; i < out->count; ++i)
        out->value[i] = axm_constant_integer(constant, i);
    return ACTMAX_OK;
}

int32_t axm_op_axes(const char *op, const axm_int_list *axes, int32_t rank, bool marked[AXM_MAX_RANK])
{
    memset(marked, 0, AXM_MAX_RANK * sizeof *marked);
    for (int32_t i = 0; i < axes->count; ++i) {
        int32_t axis = 0;
        int32_t status = axm_op_axis(op, axes->value[i], rank, false, &axis);
        if (status < 0) return status;
        AXM_OP_CHECK(!marked[axis], "%s names axis %d twice", op, (int)axis);
        marked[axis] = true;
    }
    return ACTMAX_OK;
}

const char *axm_op_list_text(const axm_int_list *list, char buffer[AXM_SHAPE_TEXT])
{
    axm_text text = axm_text_in(buffer, AXM_SHAPE_TEXT);
    axm_text_add(&text, "[");
    for (int32_t i = 0; i < list->count; ++i)
        axm_text_add(&text, i ? ", %lld" : "%lld", (long long)list->value[i]);
    axm_text_add(&text, "]");
    return buffer;
}

/* ---- Prepare and run ---- */

size_t axm_op_output_count(const axm_step *step)
{
    return (size_t)axm_shape_count(&step->outputs[0]->shape);
}

int32_t axm_op_constant_input(axm_prepare *prepare, int32_t index, const float **out)
{
    const axm_tensor *input = prepare->step->inputs[index];
    *out = NULL;
    return input->constant ? axm_prepare_floats(prepare, input->constant, out) : ACTMAX_OK;
}

int32_t axm_op_constant_in_layout(axm_prepare *prepare, int32_t index, const float **out)
{
    const axm_tensor *input = prepare->step->inputs[index];
    axm_tensor stored = {.shape = input->shape, .layout = prepare->step->outputs[0]->layout};
    int64_t dims[AXM_MAX_RANK];
    int32_t perm[AXM_MAX_RANK] = {0};
    const float *file;
    int32_t status = axm_op_constant_input(prepare, index, &file);
    *out = file;
    if (status < 0 || !file || stored.layout == AXM_LAYOUT_FILE || axm_shape_count(&input->shape) == 0) return status;
    size_t bytes;
    if (!axm_mul_size((size_t)axm_shape_count(&input->shape), sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "a weight");
    float *moved = axm_prepare_memory(prepare, bytes);
    if (!moved) return ACTMAX_ERROR_NO_MEMORY;
    for (int32_t axis = 0; axis < input->shape.rank; ++axis) {
        dims[axis] = input->shape.dim[axis];
        perm[axm_physical_axis(&stored, axis)] = axis;
    }
    axm_exec exec = {.kernels = prepare->kernels};
    axm_transpose(&exec, input->shape.rank, dims, perm, file, false, moved);
    *out = moved;
    return ACTMAX_OK;
}

int32_t axm_op_needs_channels_last(axm_prepare *prepare)
{
    const axm_tensor *input = prepare->step->inputs[0];
    if (input->layout == AXM_LAYOUT_CHANNELS_LAST || input->shape.rank < 3) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "%s of a constant is not supported; simplify the model so that it is stored computed",
                    prepare->step->op->name);
}

void axm_op_copy(const axm_exec *exec, size_t count, const float *x, bool accumulate, float *y)
{
    if (x == y && !accumulate) return;
    axm_copy_rows(exec, 1, count, x, count, accumulate, y, count);
}

axm_split_dims axm_op_split(const axm_tensor *tensor, int32_t logical_axis)
{
    int64_t dims[AXM_MAX_RANK];
    axm_split_dims split = {1, 1, 1};
    int32_t at = axm_physical_axis(tensor, logical_axis);
    axm_physical_dims(tensor, dims);
    for (int32_t i = 0; i < tensor->shape.rank; ++i) {
        if (i < at)
            split.outer *= dims[i];
        else if (i == at)
            split.axis = dims[i];
        else
            split.inner *= dims[i];
    }
    return split;
}

/* ---- Functions of one variable ---- */

void axm_op_unary_forward(const axm_step *step, const axm_exec *exec, axm_unary kind, float a, float b)
{
    axm_unary_forward(exec, kind, a, b, axm_op_output_count(step), step->inputs[0]->data, step->outputs[0]->data);
}

void axm_op_unary_backward(const axm_step *step, const axm_exec *exec, axm_unary kind, float a, float b, bool from_output,
                           bool accumulate)
{
    const float *saved = from_output ? step->outputs[0]->data : step->inputs[0]->data;
    axm_unary_backward(exec, kind, a, b, axm_op_output_count(step), saved, step->outputs[0]->grad, accumulate,
                       step->inputs[0]->grad);
}

void axm_op_curve_forward(const axm_step *step, const axm_exec *exec, axm_curve kind, float a, float b)
{
    axm_curve_forward(exec, kind, a, b, axm_op_output_count(step), step->inputs[0]->data, step->outputs[0]->data);
}

void axm_op_curve_backward(const axm_step *step, const axm_exec *exec, axm_curve kind, float a, float b, bool accumulate)
{
    axm_curve_backward(exec, kind, a, b, axm_op_output_count(step), step->inputs[0]->data, step->outputs[0]->grad, accumulate,
                       step->inputs[0]->grad);
}
