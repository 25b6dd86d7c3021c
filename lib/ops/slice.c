/* Slice: along each named axis every `step`th element from start to end (negative: backwards), in either layout. Starts and ends
 * out of range are taken to the nearest end, as ONNX and NumPy do. Constants may give an empty result. */
#include <math.h>
#include <string.h>

#include "ops/fold.h"

typedef struct slice_params {
    axm_int_list starts, ends, axes, steps;
} slice_params;

typedef struct slice_ranges {
    int64_t start[AXM_MAX_RANK], step[AXM_MAX_RANK]; /* of each logical axis */
} slice_ranges;

typedef struct slice_state {
    int64_t dims[AXM_MAX_RANK];    /* of the output, physical */
    int64_t strides[AXM_MAX_RANK]; /* of X over them; may be negative */
    int64_t offset;                /* of the output's first element in X */
} slice_state;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    slice_params *p = params;
    (void)arena;
    int32_t status = axm_op_list_attribute(attributes, "starts", &p->starts);
    if (status >= 0) status = axm_op_list_attribute(attributes, "ends", &p->ends);
    if (status >= 0) status = axm_op_list_attribute(attributes, "axes", &p->axes);
    if (status >= 0) status = axm_op_list_attribute(attributes, "steps", &p->steps);
    return status;
}

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* One axis: start, and how many elements. step is not 0. */
static int64_t count_along(int64_t dim, int64_t *start, int64_t end, int64_t *step)
{
    if (*start < 0) *start += dim;
    if (end < 0) end += dim;
    *step = within(*step, -dim - 1, dim + 1); /* longer ones do the same */
    if (*step > 0) {
        *start = within(*start, 0, dim);
        end = within(end, 0, dim);
        return end > *start ? (end - *start + *step - 1) / *step : 0;
    }
    *start = within(*start, 0, dim - 1);
    end = within(end, -1, dim - 1);
    return *start > end ? (*start - end - *step - 1) / -*step : 0;
}

static int32_t read_lists(const slice_params *p, const axm_tensor *const *inputs, int32_t count, slice_params *out)
{
    int32_t status = axm_op_list("Slice", "starts", axm_op_input(inputs, count, 1), &p->starts, &out->starts);
    if (status >= 0) status = axm_op_list("Slice", "ends", axm_op_input(inputs, count, 2), &p->ends, &out->ends);
    if (status >= 0) status = axm_op_list("Slice", "axes", axm_op_input(inputs, count, 3), &p->axes, &out->axes);
    if (status >= 0) status = axm_op_list("Slice", "steps", axm_op_input(inputs, count, 4), &p->steps, &out->steps);
    return status;
}

static int32_t find_ranges(const void *params, const axm_tensor *const *inputs, int32_t count, slice_ranges *ranges, axm_shape *out)
{
    const axm_shape *x = &inputs[0]->shape;
    slice_params p;
    bool marked[AXM_MAX_RANK];
    int32_t status = read_lists(params, inputs, count, &p);
    if (status >= 0) status = axm_op_axes("Slice", &p.axes, x->rank, marked);
    if (status < 0) return status;
    AXM_OP_CHECK(p.starts.given && p.ends.given, "Slice lacks its starts or ends; the file is damaged");
    AXM_OP_CHECK(p.ends.count == p.starts.count && (!p.axes.given || p.axes.count == p.starts.count) &&
                     (!p.steps.given || p.steps.count == p.starts.count),
                 "Slice has %d starts, %d ends, %d axes and %d steps; they must be as many", (int)p.starts.count, (int)p.ends.count,
                 (int)(p.axes.given ? p.axes.count : p.starts.count), (int)(p.steps.given ? p.steps.count : p.starts.count));
    AXM_OP_CHECK(p.axes.given || p.starts.count <= x->rank, "Slice has starts for %d axes, but its input has %d",
                 (int)p.starts.count, (int)x->rank);
    *out = *x;
    for (int32_t i = 0; i < x->rank; ++i) {
        ranges->start[i] = 0;
        ranges->step[i] = 1;
    }
    for (int32_t i = 0; i < p.starts.count; ++i) {
        int32_t axis = !p.axes.given ? i : (int32_t)(p.axes.value[i] < 0 ? p.axes.value[i] + x->rank : p.axes.value[i]);
        int64_t start = p.starts.value[i], step = p.steps.given ? p.steps.value[i] : 1;
        AXM_OP_CHECK(step != 0, "Slice has a step of 0 along axis %d", (int)axis);
        if (x->dim[axis] == 0) continue; /* nothing of nothing */
        out->dim[axis] = count_along(x->dim[axis], &start, p.ends.value[i], &step);
        ranges->start[axis] = start;
        ranges->step[axis] = step;
    }
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    slice_ranges ranges;
    axm_shape y;
    int32_t status = find_ranges(infer->params, infer->inputs, infer->input_count, &ranges, &y);
    return status < 0 ? status : axm_op_output(infer, "Slice", 0, &y);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *inputs[5] = {NULL}, *x = step->inputs[0];
    int64_t dims[AXM_MAX_RANK], stride = 1;
    slice_ranges ranges;
    axm_shape y;
    slice_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    for (int32_t i = 0; i < step->input_count; ++i)
        inputs[i] = step->inputs[i];
    int32_t status = find_ranges(step->params, inputs, step->input_count, &ranges, &y);
    if (status < 0) return status;
    axm_physical_dims(x, dims);
    axm_physical_dims(step->outputs[0], s->dims);
    for (int32_t p = x->shape.rank - 1; p >= 0; --p) {
        s->strides[p] = stride;
        stride *= dims[p];
    }
    for (int32_t axis = 0; axis < x->shape.rank; ++axis) {
        int32_t p = axm_physical_axis(x, axis);
        s->offset += ranges.start[axis] * s->strides[p];
        s->strides[p] *= ranges.step[axis];
    }
    return ACTMAX_OK;
}

/* X times 1, read with the strides of the slice. */
static void forward(const axm_step *step, const axm_exec *exec)
{
    static const float one = 1.0f;
    static const int64_t fixed[AXM_MAX_RANK] = {0};
    const slice_state *s = step->state;
    const axm_tensor *y = step->outputs[0];
    axm_clamp none = {-INFINITY, INFINITY};
    axm_binary_forward(exec, AXM_BINARY_MUL, y->shape.rank, s->dims, step->inputs[0]->data + s->offset, s->strides, &one, fixed,
                       none, y->data);
}

/* The gradient of a sum, whose operand lies in memory as the slice does in X; zero elsewhere. */
static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    static const float zero = 0.0f;
    static const int64_t fixed[AXM_MAX_RANK] = {0};
    const slice_state *s = step->state;
    const axm_tensor *x = step->inputs[0], *y = step->outputs[0];
    (void)input;
    if (!accumulate) memset(x->grad, 0, (size_t)axm_shape_count(&x->shape) * sizeof *x->grad);
    axm_binary_backward(exec, AXM_BINARY_ADD, 0, y->shape.rank, s->dims, x->data, s->strides, &zero, fixed, y->grad,
                        axm_op_output_count(step), true, x->grad + s->offset);
}

static int32_t fold(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    axm_fold_view view;
    slice_ranges ranges;
    axm_shape y;
    axm_fold_inputs(fold, &view);
    int32_t status = find_ranges(fold->params, view.inputs, fold->input_count, &ranges, &y);
    if (status >= 0) status = axm_fold_output(fold, "Slice", 0, axm_fold_dtype(x), &y);
    if (status < 0) return status;
    int64_t count = axm_shape_count(&y);
    for (int64_t i = 0; i < count; ++i) {
        int64_t rest = i, from = 0, stride = 1;
        for (int32_t axis = y.rank - 1; axis >= 0; --axis) {
            from += (ranges.start[axis] + rest % y.dim[axis] * ranges.step[axis]) * stride;
            rest /= y.dim[axis];
            stride *= x->shape.dim[axis];
        }
        axm_fold_move(x, from, &fold->outputs[0], i);
    }
    return ACTMAX_OK;
}

const axm_op axm_op_Slice = {.name = "Slice",
                             .min_inputs = 1,
                             .max_inputs = 5,
                             .outputs = 1,
                             .params_size = sizeof(slice_params),
                             .parse = parse,
                             .infer = infer,
                             .layout = axm_layout_same,
                             .prepare = prepare,
                             .forward = forward,
                             .backward = backward,
                             .fold = fold};
