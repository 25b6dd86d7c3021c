/* Expand: X broadcast with a given shape. Tile: X repeated `repeats` times along each axis. Both read X with strides that are 0
 * along what is repeated; the gradient is summed there. */
#include <math.h>

#include "base/checked.h"
#include "ops/fold.h"

typedef struct repeat_state {
    int32_t rank;
    int64_t dims[AXM_KERNEL_RANK], strides[AXM_KERNEL_RANK]; /* of the output, physical, a repeated axis as two; of X over them */
} repeat_state;

static void forward(const axm_step *step, const axm_exec *exec)
{
    static const float one = 1.0f;
    static const int64_t fixed[AXM_KERNEL_RANK] = {0};
    const repeat_state *s = step->state;
    axm_clamp none = {-INFINITY, INFINITY};
    axm_binary_forward(exec, AXM_BINARY_MUL, s->rank, s->dims, step->inputs[0]->data, s->strides, &one, fixed, none,
                       step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    static const float zero = 0.0f;
    static const int64_t fixed[AXM_KERNEL_RANK] = {0};
    const repeat_state *s = step->state;
    const axm_tensor *x = step->inputs[0];
    (void)input;
    axm_binary_backward(exec, AXM_BINARY_ADD, 0, s->rank, s->dims, x->data, s->strides, &zero, fixed, step->outputs[0]->grad,
                        (size_t)axm_shape_count(&x->shape), accumulate, x->grad);
}

/* ---- Expand ---- */

static int32_t expanded_shape(const axm_tensor *const *inputs, int32_t count, axm_shape *out)
{
    const axm_shape *x = &inputs[0]->shape;
    char text_x[AXM_SHAPE_TEXT], text_y[AXM_SHAPE_TEXT];
    axm_int_list list;
    int32_t status = axm_op_list("Expand", "shape", axm_op_input(inputs, count, 1), NULL, &list);
    if (status < 0) return status;
    if (list.count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Expand to %d axes; actmax takes up to %d", (int)list.count, AXM_MAX_RANK);
    axm_shape wanted = {.rank = list.count};
    for (int32_t i = 0; i < list.count; ++i) {
        AXM_OP_CHECK(list.value[i] >= 0, "Expand has a negative size, %lld, along axis %d", (long long)list.value[i], (int)i);
        wanted.dim[i] = list.value[i];
    }
    AXM_OP_CHECK(axm_shape_broadcast(x, &wanted, out), "Expand cannot take shape %s to %s", axm_shape_text(x, text_x),
                 axm_shape_text(&wanted, text_y));
    return ACTMAX_OK;
}

static int32_t infer_expand(const axm_infer *infer)
{
    axm_shape y;
    int32_t status = expanded_shape(infer->inputs, infer->input_count, &y);
    return status < 0 ? status : axm_op_output(infer, "Expand", 0, &y);
}

static int32_t prepare_expand(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *y = step->outputs[0];
    repeat_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    s->rank = y->shape.rank;
    axm_physical_dims(y, s->dims);
    if (axm_broadcast_strides(step->inputs[0], y, s->strides)) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_INTERNAL, "Expand has an input that does not fit its result");
}

static int32_t fold_expand(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    axm_fold_view view;
    axm_shape y;
    axm_fold_inputs(fold, &view);
    int32_t status = expanded_shape(view.inputs, fold->input_count, &y);
    if (status >= 0) status = axm_fold_output(fold, "Expand", 0, axm_fold_dtype(x), &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count; ++i)
        axm_fold_move(x, axm_fold_element(&x->shape, &y, i), &fold->outputs[0], i);
    return status;
}

/* ---- Tile ---- */

static int32_t tiled_shape(const axm_tensor *const *inputs, int32_t count, int64_t repeats[AXM_MAX_RANK], axm_shape *out)
{
    axm_int_list list;
    char text[AXM_SHAPE_TEXT], shape[AXM_SHAPE_TEXT];
    int32_t status = axm_op_list("Tile", "repeats", axm_op_input(inputs, count, 1), NULL, &list);
    if (status < 0) return status;
    *out = inputs[0]->shape;
    AXM_OP_CHECK(list.count == out->rank, "Tile has repeats %s for an input of shape %s", axm_op_list_text(&list, text),
                 axm_shape_text(out, shape));
    for (int32_t i = 0; i < out->rank; ++i) {
        repeats[i] = list.value[i];
        AXM_OP_CHECK(repeats[i] >= 0 && axm_mul_i64(out->dim[i], repeats[i], &out->dim[i]), "Tile cannot repeat axis %d %lld times",
                     (int)i, (long long)repeats[i]);
    }
    return ACTMAX_OK;
}

static int32_t infer_tile(const axm_infer *infer)
{
    axm_shape y;
    int64_t repeats[AXM_MAX_RANK];
    int32_t status = tiled_shape(infer->inputs, infer->input_count, repeats, &y);
    return status < 0 ? status : axm_op_output(infer, "Tile", 0, &y);
}

static int32_t add_axis(repeat_state *s, int64_t dim, int64_t stride)
{
    if (dim == 1) return ACTMAX_OK;
    if (s->rank == AXM_KERNEL_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Tile along so many axes at once is not supported; actmax takes up to %d together",
                        AXM_KERNEL_RANK);
    s->dims[s->rank] = dim;
    s->strides[s->rank++] = stride;
    return ACTMAX_OK;
}

static int32_t prepare_tile(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *x = step->inputs[0], *inputs[2] = {x, step->inputs[1]};
    int64_t dims[AXM_MAX_RANK] = {0}, repeats[AXM_MAX_RANK], physical[AXM_MAX_RANK] = {0}, stride = 1;
    axm_shape y;
    repeat_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int32_t status = tiled_shape(inputs, 2, repeats, &y);
    if (status < 0) return status;
    axm_physical_dims(x, dims);
    for (int32_t axis = 0; axis < x->shape.rank; ++axis)
        physical[axm_physical_axis(x, axis)] = repeats[axis];
    for (int32_t i = 0; i < x->shape.rank; ++i)
        stride *= dims[i];
    for (int32_t i = 0; i < x->shape.rank && status >= 0; ++i) {
        stride /= dims[i];
        status = add_axis(s, physical[i], 0);
        if (status >= 0) status = add_axis(s, dims[i], stride);
    }
    return status;
}

static int32_t fold_tile(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    axm_fold_view view;
    int64_t repeats[AXM_MAX_RANK];
    axm_shape y;
    axm_fold_inputs(fold, &view);
    int32_t status = tiled_shape(view.inputs, fold->input_count, repeats, &y);
    if (status >= 0) status = axm_fold_output(fold, "Tile", 0, axm_fold_dtype(x), &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count; ++i) {
        int64_t rest = i, from = 0, stride = 1;
        for (int32_t axis = y.rank - 1; axis >= 0; --axis) {
            from += rest % y.dim[axis] % x->shape.dim[axis] * stride;
            rest /= y.dim[axis];
            stride *= x->shape.dim[axis];
        }
        axm_fold_move(x, from, &fold->outputs[0], i);
    }
    return status;
}

#define REPEAT(Name, which)                                                                                                        \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 2,                                                                                 \
                                  .max_inputs = 2,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .infer = infer_##which,                                                                          \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare_##which,                                                                      \
                                  .forward = forward,                                                                              \
                                  .backward = backward,                                                                            \
                                  .fold = fold_##which};

REPEAT(Expand, expand)
REPEAT(Tile, tile)
