/* Evaluation of constants while planning: typed output, broadcasting, exact integers. */
#include "ops/fold.h"

#include <string.h>

#include "base/checked.h"

void axm_fold_inputs(const axm_fold *fold, axm_fold_view *view)
{
    memset(view, 0, sizeof *view);
    for (int32_t i = 0; i < fold->input_count && i < AXM_FOLD_TERMS; ++i) {
        if (!fold->input_shapes[i]) continue;
        view->tensors[i].shape = *fold->input_shapes[i];
        view->tensors[i].constant = fold->inputs[i];
        view->inputs[i] = &view->tensors[i];
    }
}

bool axm_fold_is_float(const axm_constant *constant)
{
    return axm_dtype_is_float(constant->dtype);
}

axm_dtype axm_fold_dtype(const axm_constant *constant)
{
    return axm_fold_is_float(constant) ? AXM_FLOAT32 : constant->dtype;
}

int32_t axm_fold_output(const axm_fold *fold, const char *op, int32_t index, axm_dtype dtype, const axm_shape *shape)
{
    char text[AXM_SHAPE_TEXT];
    int64_t count;
    size_t size = axm_dtype_bytes(dtype), bytes;
    if (shape->rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "%s would give %d axes; actmax takes up to %d", op, (int)shape->rank, AXM_MAX_RANK);
    for (int32_t i = 0; i < shape->rank; ++i)
        AXM_OP_CHECK(shape->dim[i] >= 0, "%s would give a tensor with a negative size, %lld, along axis %d", op,
                     (long long)shape->dim[i], (int)i);
    if (!axm_shape_count_checked(shape, fold->limits->tensor_elements, &count) || !axm_mul_size((size_t)count, size, &bytes))
        return axm_fail(ACTMAX_ERROR_LIMIT, "%s would give a tensor of shape %s, larger than limit_tensor_elements (%lld)", op,
                        axm_shape_text(shape, text), (long long)fold->limits->tensor_elements);
    void *data = axm_arena_array(fold->arena, bytes + 1, 1);
    if (!data) return axm_no_memory(bytes, "a value that is folded while planning");
    fold->outputs[index] = (axm_constant){dtype, *shape, data, bytes};
    return ACTMAX_OK;
}

static int32_t out_of_range(const char *op, axm_dtype dtype, int64_t value)
{
    return axm_fail(ACTMAX_ERROR_SHAPE, "%s gives %lld, which does not fit its type %s", op, (long long)value,
                    axm_dtype_name(dtype));
}

/* The low bytes of a value, as many as the type has; little-endian, as files have them. */
static int32_t put_bytes(const axm_constant *out, int64_t i, int64_t value)
{
    size_t width = axm_dtype_bytes(out->dtype);
    unsigned char *data = (unsigned char *)out->data + (size_t)i * width;
    uint64_t bits = (uint64_t)value;
    for (size_t k = 0; k < width; ++k)
        data[k] = (unsigned char)(bits >> (8 * k));
    return ACTMAX_OK;
}

static int32_t put_narrow(const char *op, const axm_constant *out, int64_t i, int64_t value, int64_t low, int64_t high)
{
    return value < low || value > high ? out_of_range(op, out->dtype, value) : put_bytes(out, i, value);
}

int32_t axm_fold_put(const char *op, const axm_constant *out, int64_t i, int64_t value)
{
    unsigned char *data = (unsigned char *)out->data;
    int32_t narrow = (int32_t)value;
    switch (out->dtype) {
    case AXM_INT4: return put_narrow(op, out, i, value, -8, 7);
    case AXM_UINT4: return put_narrow(op, out, i, value, 0, 15);
    case AXM_INT2: return put_narrow(op, out, i, value, -2, 1);
    case AXM_UINT2: return put_narrow(op, out, i, value, 0, 3);
    case AXM_INT64: memcpy(data + (size_t)i * sizeof value, &value, sizeof value); return ACTMAX_OK;
    case AXM_INT32:
        if (value < INT32_MIN || value > INT32_MAX) return out_of_range(op, out->dtype, value);
        memcpy(data + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
        return ACTMAX_OK;
    case AXM_INT8:
        if (value < INT8_MIN || value > INT8_MAX) return out_of_range(op, out->dtype, value);
        data[i] = (unsigned char)value;
        return ACTMAX_OK;
    case AXM_UINT8:
        if (value < 0 || value > UINT8_MAX) return out_of_range(op, out->dtype, value);
        data[i] = (unsigned char)value;
        return ACTMAX_OK;
    case AXM_BOOL: data[i] = value != 0; return ACTMAX_OK;
    case AXM_INT16:
        if (value < INT16_MIN || value > INT16_MAX) return out_of_range(op, out->dtype, value);
        return put_bytes(out, i, value);
    case AXM_UINT16:
        if (value < 0 || value > UINT16_MAX) return out_of_range(op, out->dtype, value);
        return put_bytes(out, i, value);
    case AXM_UINT32:
        if (value < 0 || value > UINT32_MAX) return out_of_range(op, out->dtype, value);
        return put_bytes(out, i, value);
    case AXM_UINT64:
        if (value < 0) return out_of_range(op, out->dtype, value);
        return put_bytes(out, i, value);
    default: axm_fold_put_float(out, i, (double)value); return ACTMAX_OK;
    }
}

void axm_fold_put_float(const axm_constant *out, int64_t i, double value)
{
    float narrow = (float)value;
    memcpy((unsigned char *)out->data + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
}

void axm_fold_move(const axm_constant *in, int64_t from, const axm_constant *out, int64_t to)
{
    size_t size = axm_dtype_bytes(in->dtype);
    if (axm_fold_is_float(in) && in->dtype != AXM_FLOAT32)
        axm_fold_put_float(out, to, axm_constant_number(in, from));
    else
        memcpy((unsigned char *)out->data + (size_t)to * size, (const unsigned char *)in->data + (size_t)from * size, size);
}

/* ---- Broadcasting ---- */

int64_t axm_fold_element(const axm_shape *operand, const axm_shape *output, int64_t flat)
{
    int64_t element = 0, stride = 1;
    int32_t missing = output->rank - operand->rank;
    for (int32_t axis = output->rank - 1; axis >= missing; --axis) {
        int64_t dim = operand->dim[axis - missing];
        element += flat % output->dim[axis] % dim * stride; /* dim is 1 or the output's */
        flat /= output->dim[axis];
        stride *= dim;
    }
    return element;
}

int32_t axm_fold_broadcast(const axm_fold *fold, const char *op, axm_shape *out)
{
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    axm_shape all = *fold->input_shapes[0];
    for (int32_t i = 1; i < fold->input_count; ++i)
        AXM_OP_CHECK(axm_shape_broadcast(&all, fold->input_shapes[i], &all), "%s cannot combine shapes %s and %s", op,
                     axm_shape_text(&all, text_a), axm_shape_text(fold->input_shapes[i], text_b));
    *out = all;
    return ACTMAX_OK;
}

int32_t axm_fold_nothing(const axm_fold *fold)
{
    axm_shape shape = *fold->input_shapes[0];
    for (int32_t i = 1; i < fold->input_count; ++i)
        if (!axm_shape_broadcast(&shape, fold->input_shapes[i], &shape)) return AXM_FOLD_BY_FORWARD;
    return axm_shape_count(&shape) == 0 ? axm_fold_output(fold, "an operator", 0, AXM_FLOAT32, &shape) : AXM_FOLD_BY_FORWARD;
}

int32_t axm_fold_integers(const axm_fold *fold, const char *op, axm_fold_rule rule)
{
    const axm_constant *a = fold->inputs[0], *b = fold->inputs[1];
    axm_shape shape;
    if (axm_fold_is_float(a) || axm_fold_is_float(b)) return axm_fold_nothing(fold);
    int32_t status = axm_fold_broadcast(fold, op, &shape);
    if (status >= 0) status = axm_fold_output(fold, op, 0, a->dtype, &shape);
    int64_t count = status < 0 ? 0 : axm_shape_count(&shape);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        int64_t left = axm_constant_integer(a, axm_fold_element(&a->shape, &shape, i));
        int64_t right = axm_constant_integer(b, axm_fold_element(&b->shape, &shape, i)), value = 0;
        const char *wrong = rule(left, right, &value);
        if (wrong) return axm_fail(ACTMAX_ERROR_SHAPE, "%s of %lld and %lld %s", op, (long long)left, (long long)right, wrong);
        status = axm_fold_put(op, &fold->outputs[0], i, value);
    }
    return status;
}
