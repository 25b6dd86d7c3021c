/* Pad: X of any shape, in either layout -> X with `pads` more elements around each axis (fewer, where negative): a constant value,
 * or X continued by reflection, by its edge, or from its other end. */
#include <math.h>
#include <string.h>

#include "ops/fold.h"

#define MOST_PAD INT32_MAX

typedef struct pad_params {
    axm_int_list pads;
    axm_pad_mode mode;
    float value;
} pad_params;

typedef struct pad_state {
    int64_t dims[AXM_MAX_RANK], begins[AXM_MAX_RANK], ends[AXM_MAX_RANK]; /* physical; dims are X's */
    float value;
} pad_state;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"}; /* by axm_pad_mode */
    pad_params *p = params;
    const char *mode;
    (void)arena;
    int32_t status = axm_op_list_attribute(attributes, "pads", &p->pads);
    if (status >= 0) status = axm_attribute_float(attributes, "value", 0.0f, &p->value);
    if (status >= 0) status = axm_attribute_text(attributes, "mode", "constant", &mode);
    if (status < 0) return status;
    for (int32_t i = 0; i < 4; ++i) {
        if (strcmp(mode, modes[i]) != 0) continue;
        p->mode = (axm_pad_mode)i;
        return ACTMAX_OK;
    }
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Pad has mode '%.40s'; actmax knows constant, reflect, edge and wrap", mode);
}

static int32_t check_axis(axm_pad_mode mode, int64_t dim, int64_t begin, int64_t end, int32_t axis)
{
    int64_t left = dim + (begin < 0 ? begin : 0) + (end < 0 ? end : 0); /* after cropping */
    AXM_OP_CHECK(begin <= MOST_PAD && begin >= -MOST_PAD && end <= MOST_PAD && end >= -MOST_PAD,
                 "Pad has %lld and %lld along axis %d, which is out of range", (long long)begin, (long long)end, (int)axis);
    AXM_OP_CHECK(left >= 1, "Pad takes %lld and %lld away from axis %d, which has only %lld", (long long)begin, (long long)end,
                 (int)axis, (long long)dim);
    AXM_OP_CHECK(mode != AXM_PAD_REFLECT || (begin < left && end < left),
                 "Pad has %lld and %lld along axis %d, but an axis of %lld can be reflected by %lld only; use a larger input size",
                 (long long)begin, (long long)end, (int)axis, (long long)left, (long long)left - 1);
    if (mode == AXM_PAD_WRAP && (begin < 0) != (end < 0) && begin != 0 && end != 0)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Pad with mode wrap that also crops axis %d is not supported", (int)axis);
    return ACTMAX_OK;
}

/* Padding along each logical axis. */
static int32_t find_pads(const pad_params *p, const axm_tensor *const *inputs, int32_t count, int64_t begins[AXM_MAX_RANK],
                         int64_t ends[AXM_MAX_RANK])
{
    const axm_shape *x = &inputs[0]->shape;
    axm_int_list pads, axes;
    char text[AXM_SHAPE_TEXT];
    bool marked[AXM_MAX_RANK];
    int32_t status = axm_op_list("Pad", "pads", axm_op_input(inputs, count, 1), &p->pads, &pads);
    if (status >= 0) status = axm_op_list("Pad", "axes", axm_op_input(inputs, count, 3), NULL, &axes);
    if (status >= 0) status = axm_op_axes("Pad", &axes, x->rank, marked);
    if (status < 0) return status;
    int32_t padded = axes.given ? axes.count : x->rank;
    AXM_OP_CHECK(pads.given && pads.count == 2 * padded, "Pad needs %d values of pads for its input of shape %s, got %s",
                 2 * (int)padded, axm_shape_text(x, text),
                 pads.given ? axm_op_list_text(&pads, (char[AXM_SHAPE_TEXT]){0}) : "none");
    for (int32_t i = 0; i < x->rank; ++i)
        begins[i] = ends[i] = 0;
    for (int32_t i = 0; i < padded && status >= 0; ++i) {
        int32_t axis = axes.given ? (int32_t)(axes.value[i] < 0 ? axes.value[i] + x->rank : axes.value[i]) : i;
        begins[axis] = pads.value[i];
        ends[axis] = pads.value[padded + i];
        status = check_axis(p->mode, x->dim[axis], begins[axis], ends[axis], axis);
    }
    return status;
}

static int32_t find_value(const pad_params *p, const axm_tensor *const *inputs, int32_t count, float *out)
{
    *out = p->value;
    return axm_op_scalar("Pad", "its value", axm_op_input(inputs, count, 2), out);
}

static int32_t infer(const axm_infer *infer)
{
    int64_t begins[AXM_MAX_RANK], ends[AXM_MAX_RANK];
    float unused;
    axm_shape y = infer->inputs[0]->shape;
    int32_t status = find_pads(infer->params, infer->inputs, infer->input_count, begins, ends);
    if (status >= 0) status = find_value(infer->params, infer->inputs, infer->input_count, &unused);
    if (status < 0) return status;
    for (int32_t i = 0; i < y.rank; ++i)
        y.dim[i] += begins[i] + ends[i];
    return axm_op_output(infer, "Pad", 0, &y);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    int64_t begins[AXM_MAX_RANK], ends[AXM_MAX_RANK];
    const axm_tensor *inputs[4] = {NULL};
    pad_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    for (int32_t i = 0; i < step->input_count; ++i)
        inputs[i] = step->inputs[i];
    step->state = s;
    int32_t status = find_pads(step->params, inputs, step->input_count, begins, ends);
    if (status >= 0) status = find_value(step->params, inputs, step->input_count, &s->value);
    if (status < 0) return status;
    axm_physical_dims(inputs[0], s->dims);
    for (int32_t axis = 0; axis < inputs[0]->shape.rank; ++axis) {
        int32_t at = axm_physical_axis(inputs[0], axis);
        s->begins[at] = begins[axis];
        s->ends[at] = ends[axis];
    }
    return ACTMAX_OK;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const pad_params *p = step->params;
    const pad_state *s = step->state;
    const axm_tensor *x = step->inputs[0];
    axm_pad_forward(exec, p->mode, s->value, x->shape.rank, s->dims, s->begins, s->ends, x->data, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const pad_params *p = step->params;
    const pad_state *s = step->state;
    const axm_tensor *x = step->inputs[0];
    (void)input;
    axm_pad_backward(exec, p->mode, x->shape.rank, s->dims, s->begins, s->ends, step->outputs[0]->grad, accumulate, x->grad);
}

/* Where element `at` of a padded axis comes from; -1: it is padding. */
static int64_t source_of(axm_pad_mode mode, int64_t at, int64_t begin, int64_t dim)
{
    int64_t from = at - begin;
    if (from >= 0 && from < dim) return from;
    if (mode == AXM_PAD_CONSTANT) return -1;
    if (mode == AXM_PAD_EDGE) return from < 0 ? 0 : dim - 1;
    if (mode == AXM_PAD_WRAP) return (from % dim + dim) % dim;
    return from < 0 ? -from : 2 * (dim - 1) - from; /* reflect: once is enough, see check_axis */
}

/* Of integers; an axis that is also cropped only with a constant. */
static int32_t fold(const axm_fold *fold)
{
    const pad_params *p = fold->params;
    const axm_constant *x = fold->inputs[0];
    int64_t begins[AXM_MAX_RANK], ends[AXM_MAX_RANK];
    axm_fold_view view;
    if (axm_fold_is_float(x)) return AXM_FOLD_BY_FORWARD;
    axm_fold_inputs(fold, &view);
    int32_t status = find_pads(p, view.inputs, fold->input_count, begins, ends);
    axm_shape y = x->shape;
    for (int32_t i = 0; i < y.rank && status >= 0; ++i) {
        bool crops = begins[i] < 0 || ends[i] < 0;
        if (crops && p->mode != AXM_PAD_CONSTANT)
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Pad of integers that also crops is not supported");
        y.dim[i] += begins[i] + ends[i];
    }
    if (status >= 0) status = axm_fold_output(fold, "Pad", 0, x->dtype, &y);
    const axm_constant *fill = fold->input_count > 2 ? fold->inputs[2] : NULL;
    int64_t value = fill ? axm_constant_integer(fill, 0) : (int64_t)p->value, count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        int64_t rest = i, from = 0, stride = 1;
        for (int32_t axis = y.rank - 1; axis >= 0; --axis) {
            int64_t at = source_of(p->mode, rest % y.dim[axis], begins[axis], x->shape.dim[axis]);
            from = at < 0 || from < 0 ? -1 : from + at * stride;
            rest /= y.dim[axis];
            stride *= x->shape.dim[axis];
        }
        status = axm_fold_put("Pad", &fold->outputs[0], i, from < 0 ? value : axm_constant_integer(x, from));
    }
    return status;
}

const axm_op axm_op_Pad = {.name = "Pad",
                           .min_inputs = 1,
                           .max_inputs = 4,
                           .outputs = 1,
                           .params_size = sizeof(pad_params),
                           .parse = parse,
                           .infer = infer,
                           .layout = axm_layout_same,
                           .prepare = prepare,
                           .forward = forward,
                           .backward = backward,
                           .fold = fold};
