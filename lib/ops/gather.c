/* Gather: X, in either layout, with axis `axis` replaced by the axes of `indices`, each of which (negative: from the end) picks a
 * place along it. The indices are constants. */
#include <string.h>

#include "ops/fold.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return axm_attribute_int(attributes, "axis", 0, params);
}

static int32_t find_shape(const axm_shape *x, const axm_shape *indices, int32_t axis, axm_shape *out)
{
    if (x->rank - 1 + indices->rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Gather would give %d axes; actmax takes up to %d", (int)(x->rank - 1 + indices->rank),
                        AXM_MAX_RANK);
    *out = (axm_shape){.rank = 0};
    for (int32_t i = 0; i < axis; ++i)
        out->dim[out->rank++] = x->dim[i];
    for (int32_t i = 0; i < indices->rank; ++i)
        out->dim[out->rank++] = indices->dim[i];
    for (int32_t i = axis + 1; i < x->rank; ++i)
        out->dim[out->rank++] = x->dim[i];
    return ACTMAX_OK;
}

static int32_t check_indices(const axm_constant *indices, int64_t length)
{
    AXM_OP_CHECK(indices->dtype == AXM_INT64 || indices->dtype == AXM_INT32, "Gather needs integer indices, got %s",
                 axm_dtype_name(indices->dtype));
    int64_t picks = axm_shape_count(&indices->shape);
    for (int64_t p = 0; p < picks; ++p) {
        int64_t index = axm_constant_integer(indices, p);
        AXM_OP_CHECK(index >= -length && index < length, "Gather picks element %lld of an axis of %lld", (long long)index,
                     (long long)length);
    }
    return ACTMAX_OK;
}

static int64_t place_of(const axm_constant *indices, int64_t pick, int64_t length)
{
    int64_t index = axm_constant_integer(indices, pick);
    return index < 0 ? index + length : index;
}

static int32_t infer(const axm_infer *infer)
{
    const axm_shape *x = &infer->inputs[0]->shape;
    const axm_constant *indices = infer->inputs[1]->constant;
    axm_shape y;
    int32_t axis;
    if (!indices)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "Gather needs its indices to be known beforehand, but they are computed from the image; " AXM_END_BEFORE);
    int32_t status = axm_op_axis("Gather", *(const int64_t *)infer->params, x->rank, false, &axis);
    if (status >= 0) status = check_indices(indices, x->dim[axis]);
    if (status >= 0) status = find_shape(x, &indices->shape, axis, &y);
    return status < 0 ? status : axm_op_output(infer, "Gather", 0, &y);
}

/* As it lies, when the picks are a list and the axes stay in place. */
static void layout(axm_layout_choice *choice)
{
    if (choice->outputs[0].rank == choice->inputs[0]->shape.rank)
        axm_layout_same(choice);
    else
        axm_layout_file(choice);
}

static int32_t axis_of(const axm_step *step)
{
    int64_t axis = *(const int64_t *)step->params;
    return (int32_t)(axis < 0 ? axis + step->inputs[0]->shape.rank : axis);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const axm_tensor *x = step->inputs[0];
    const axm_constant *indices = step->inputs[1]->constant;
    axm_split_dims d = axm_op_split(x, axis_of(step));
    int64_t picks = axm_shape_count(&indices->shape);
    for (int64_t p = 0; p < picks; ++p)
        axm_copy_rows(exec, (size_t)d.outer, (size_t)d.inner, x->data + place_of(indices, p, d.axis) * d.inner,
                      (size_t)(d.axis * d.inner), false, step->outputs[0]->data + p * d.inner, (size_t)(picks * d.inner));
}

/* A place that is picked twice gets both gradients. */
static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_tensor *x = step->inputs[0];
    const axm_constant *indices = step->inputs[1]->constant;
    axm_split_dims d = axm_op_split(x, axis_of(step));
    int64_t picks = axm_shape_count(&indices->shape);
    (void)input;
    if (!accumulate) memset(x->grad, 0, (size_t)axm_shape_count(&x->shape) * sizeof *x->grad);
    for (int64_t p = 0; p < picks; ++p)
        axm_copy_rows(exec, (size_t)d.outer, (size_t)d.inner, step->outputs[0]->grad + p * d.inner, (size_t)(picks * d.inner), true,
                      x->grad + place_of(indices, p, d.axis) * d.inner, (size_t)(d.axis * d.inner));
}

static int32_t fold(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0], *indices = fold->inputs[1];
    axm_shape y;
    int32_t axis;
    int32_t status = axm_op_axis("Gather", *(const int64_t *)fold->params, x->shape.rank, false, &axis);
    if (status >= 0) status = check_indices(indices, x->shape.dim[axis]);
    if (status >= 0) status = find_shape(&x->shape, &indices->shape, axis, &y);
    if (status >= 0) status = axm_fold_output(fold, "Gather", 0, axm_fold_dtype(x), &y);
    if (status < 0) return status;
    const axm_tensor whole = {.shape = x->shape};
    axm_split_dims d = axm_op_split(&whole, axis);
    int64_t picks = axm_shape_count(&indices->shape), to = 0;
    for (int64_t o = 0; o < d.outer; ++o)
        for (int64_t p = 0; p < picks; ++p)
            for (int64_t i = 0; i < d.inner; ++i)
                axm_fold_move(x, (o * d.axis + place_of(indices, p, d.axis)) * d.inner + i, &fold->outputs[0], to++);
    return ACTMAX_OK;
}

const axm_op axm_op_Gather = {.name = "Gather",
                              .min_inputs = 2,
                              .max_inputs = 2,
                              .outputs = 1,
                              .params_size = sizeof(int64_t),
                              .parse = parse,
                              .infer = infer,
                              .layout = layout,
                              .forward = forward,
                              .backward = backward,
                              .fold = fold};
