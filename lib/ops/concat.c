/* Concat: X... [.., n_i, ..] -> [.., sum of n_i, ..] along one axis, in either layout; some of them may be constants, or empty. */
#include <string.h>

#include "base/checked.h"
#include "ops/fold.h"

#define MANY_ROWS 32 /* enough of them to share among threads */

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    if (!axm_attribute_find(attributes, "axis"))
        return axm_fail(ACTMAX_ERROR_FORMAT, "Concat lacks its attribute axis; the file is damaged");
    return axm_attribute_int(attributes, "axis", 0, params);
}

/* The axis was checked by infer. */
static int32_t axis_of(const void *params, int32_t rank)
{
    int64_t axis = *(const int64_t *)params;
    return (int32_t)(axis < 0 ? axis + rank : axis);
}

/* Joins shape `next` to *whole along the axis. */
static int32_t join(const axm_shape *next, int32_t axis, axm_shape *whole)
{
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    axm_shape_text(whole, text_a);
    axm_shape_text(next, text_b);
    AXM_OP_CHECK(next->rank == whole->rank, "Concat cannot join tensors of shapes %s and %s", text_a, text_b);
    for (int32_t i = 0; i < next->rank; ++i)
        AXM_OP_CHECK(i == axis || next->dim[i] == whole->dim[i],
                     "Concat along axis %d cannot join tensors of shapes %s and %s; the network may want another input size",
                     (int)axis, text_a, text_b);
    if (!axm_add_i64(whole->dim[axis], next->dim[axis], &whole->dim[axis]))
        return axm_fail(ACTMAX_ERROR_LIMIT, "Concat would give a tensor that is larger than can be counted");
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    axm_shape y = infer->inputs[0]->shape;
    int32_t axis;
    const axm_constant *unused;
    int32_t status = axm_op_axis("Concat", *(const int64_t *)infer->params, y.rank, false, &axis);
    for (int32_t i = 0; i < infer->input_count && status >= 0; ++i) {
        AXM_OP_CHECK(infer->inputs[i], "Concat lacks its input %d", (int)i);
        if (infer->inputs[i]->constant) status = axm_op_weight("Concat", "a constant part", infer->inputs[i], &unused);
        if (status >= 0 && i > 0) status = join(&infer->inputs[i]->shape, axis, &y);
    }
    return status < 0 ? status : axm_op_output(infer, "Concat", 0, &y);
}

/* State: [input_count] pointers to the constant parts in the output's physical order, NULL where computed. */
static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const float **parts = axm_prepare_memory(prepare, (size_t)step->input_count * sizeof *parts);
    if (!parts) return ACTMAX_ERROR_NO_MEMORY;
    step->state = parts;
    int32_t status = ACTMAX_OK;
    for (int32_t i = 0; i < step->input_count && status >= 0; ++i)
        if (step->inputs[i]->constant) status = axm_op_constant_in_layout(prepare, i, &parts[i]);
    return status;
}

/* Few long rows are cut, part after part; many short ones are written whole. */
static void forward(const axm_step *step, const axm_exec *exec)
{
    const axm_tensor *y = step->outputs[0];
    const float *const *constants = step->state;
    const int32_t axis = axis_of(step->params, y->shape.rank);
    const axm_split_dims d = axm_op_split(y, axis);
    const size_t row = (size_t)(d.axis * d.inner), rows = (size_t)d.outer;
    axm_joined parts[AXM_JOINED];
    float *to = y->data;
    for (int32_t i = 0; i < step->input_count;) {
        size_t count = 0, length = 0;
        for (; count < AXM_JOINED && i < step->input_count; ++i, ++count) {
            const axm_tensor *x = step->inputs[i];
            parts[count] = (axm_joined){constants[i] ? constants[i] : x->data, (size_t)(x->shape.dim[axis] * d.inner)};
            if (rows < MANY_ROWS)
                axm_copy_rows(exec, rows, parts[count].length, parts[count].x, parts[count].length, false, to + length, row);
            length += parts[count].length;
        }
        if (rows >= MANY_ROWS) axm_join_rows(exec, rows, parts, count, to, row);
        to += length;
    }
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_tensor *y = step->outputs[0];
    int32_t axis = axis_of(step->params, y->shape.rank);
    axm_split_dims d = axm_op_split(y, axis);
    size_t row = (size_t)(d.axis * d.inner), at = 0, length = (size_t)(step->inputs[input]->shape.dim[axis] * d.inner);
    for (int32_t i = 0; i < input; ++i)
        at += (size_t)(step->inputs[i]->shape.dim[axis] * d.inner);
    axm_copy_rows(exec, (size_t)d.outer, length, y->grad + at, row, accumulate, step->inputs[input]->grad, length);
}

/* Integers and booleans; parts may be empty. */
static int32_t fold(const axm_fold *fold)
{
    axm_shape y = *fold->input_shapes[0];
    axm_dtype dtype = fold->inputs[0] ? fold->inputs[0]->dtype : AXM_FLOAT32;
    int32_t axis;
    int32_t status = axm_op_axis("Concat", *(const int64_t *)fold->params, y.rank, false, &axis);
    for (int32_t i = 0; i < fold->input_count && status >= 0; ++i) {
        if (!fold->inputs[i] || axm_fold_is_float(fold->inputs[i])) return AXM_FOLD_BY_FORWARD;
        AXM_OP_CHECK(fold->inputs[i]->dtype == dtype, "Concat cannot join %s and %s", axm_dtype_name(dtype),
                     axm_dtype_name(fold->inputs[i]->dtype));
        if (i > 0) status = join(fold->input_shapes[i], axis, &y);
    }
    if (status >= 0) status = axm_fold_output(fold, "Concat", 0, dtype, &y);
    if (status < 0) return status;
    const axm_tensor whole = {.shape = y};
    axm_split_dims d = axm_op_split(&whole, axis);
    size_t unit = (size_t)d.inner * axm_dtype_bytes(dtype), row = (size_t)d.axis * unit, at = 0;
    for (int32_t i = 0; i < fold->input_count; ++i) {
        size_t length = (size_t)fold->input_shapes[i]->dim[axis] * unit;
        for (size_t o = 0; length > 0 && o < (size_t)d.outer; ++o)
            memcpy((char *)fold->outputs[0].data + o * row + at, (const char *)fold->inputs[i]->data + o * length, length);
        at += length;
    }
    return ACTMAX_OK;
}

const axm_op axm_op_Concat = {.name = "Concat",
                              .min_inputs = 1,
                              .max_inputs = -1,
                              .outputs = 1,
                              .flags = AXM_OP_TAKES_NOTHING,
                              .params_size = sizeof(int64_t),
                              .parse = parse,
                              .infer = infer,
                              .layout = axm_layout_same,
                              .prepare = prepare,
                              .forward = forward,
                              .backward = backward,
                              .fold = fold};
