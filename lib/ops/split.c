/* Split: X cut along one axis into parts of given sizes, or into as many equal parts as there are outputs (the last one smaller
 * when num_outputs is given and they do not come out even), in either layout. */
#include <string.h>

#include "ops/fold.h"

typedef struct split_params {
    int64_t axis, parts;
    axm_int_list sizes;
} split_params;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    split_params *p = params;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "axis", 0, &p->axis);
    if (status >= 0) status = axm_attribute_int(attributes, "num_outputs", 0, &p->parts);
    if (status >= 0) status = axm_op_list_attribute(attributes, "split", &p->sizes);
    return status;
}

/* The size of part `index`; the lists were checked. */
static int64_t size_of(const axm_int_list *sizes, int64_t length, int32_t parts, int32_t index)
{
    if (sizes->given) return sizes->value[index];
    int64_t each = (length + parts - 1) / parts, left = length - each * index;
    return left < 0 ? 0 : left < each ? left : each;
}

static int32_t check_sizes(const split_params *p, const axm_int_list *sizes, int64_t length, int32_t parts)
{
    int64_t left = length;
    char text[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(p->parts == 0 || p->parts == parts, "Split has num_outputs %lld, but %d outputs", (long long)p->parts, (int)parts);
    AXM_OP_CHECK(sizes->given || p->parts != 0 || length % parts == 0, "Split cannot cut an axis of %lld into %d equal parts",
                 (long long)length, (int)parts);
    if (!sizes->given) return ACTMAX_OK;
    axm_op_list_text(sizes, text);
    AXM_OP_CHECK(sizes->count == parts, "Split has sizes %s for %d outputs", text, (int)parts);
    for (int32_t i = 0; i < parts; ++i) {
        AXM_OP_CHECK(sizes->value[i] >= 0 && sizes->value[i] <= left, "Split cannot cut an axis of %lld into %s", (long long)length,
                     text);
        left -= sizes->value[i];
    }
    AXM_OP_CHECK(left == 0, "Split cannot cut an axis of %lld into %s", (long long)length, text);
    return ACTMAX_OK;
}

/* The axis and the size of each part. */
static int32_t find_parts(const split_params *p, const axm_tensor *const *inputs, int32_t input_count, int32_t parts, int32_t *axis,
                          axm_int_list *sizes)
{
    const axm_shape *x = &inputs[0]->shape;
    int32_t status = axm_op_list("Split", "sizes", axm_op_input(inputs, input_count, 1), &p->sizes, sizes);
    if (status >= 0) status = axm_op_axis("Split", p->axis, x->rank, false, axis);
    return status < 0 ? status : check_sizes(p, sizes, x->dim[*axis], parts);
}

static int32_t infer(const axm_infer *infer)
{
    axm_shape y = infer->inputs[0]->shape;
    axm_int_list sizes;
    int32_t axis;
    int32_t status = find_parts(infer->params, infer->inputs, infer->input_count, infer->output_count, &axis, &sizes);
    int64_t length = status < 0 ? 0 : y.dim[axis];
    for (int32_t part = 0; part < infer->output_count && status >= 0; ++part) {
        y.dim[axis] = size_of(&sizes, length, infer->output_count, part);
        status = axm_op_output(infer, "Split", part, &y);
    }
    return status;
}

/* State: [output_count + 1], where each part begins along the axis. */
static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *inputs[2] = {step->inputs[0], step->input_count > 1 ? step->inputs[1] : NULL};
    int64_t *starts = axm_prepare_memory(prepare, ((size_t)step->output_count + 1) * sizeof *starts);
    axm_int_list sizes;
    int32_t axis;
    if (!starts) return ACTMAX_ERROR_NO_MEMORY;
    step->state = starts;
    int32_t status = find_parts(step->params, inputs, step->input_count, step->output_count, &axis, &sizes);
    for (int32_t part = 0; part < step->output_count && status >= 0; ++part)
        starts[part + 1] = starts[part] + size_of(&sizes, inputs[0]->shape.dim[axis], step->output_count, part);
    return status;
}

static int32_t axis_of(const axm_step *step)
{
    const split_params *p = step->params;
    return (int32_t)(p->axis < 0 ? p->axis + step->inputs[0]->shape.rank : p->axis);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const axm_tensor *x = step->inputs[0];
    const int64_t *starts = step->state;
    axm_split_dims d = axm_op_split(x, axis_of(step));
    for (int32_t part = 0; part < step->output_count; ++part) {
        size_t length = (size_t)((starts[part + 1] - starts[part]) * d.inner);
        if (!step->outputs[part]) continue;
        axm_copy_rows(exec, (size_t)d.outer, length, x->data + starts[part] * d.inner, (size_t)(d.axis * d.inner), false,
                      step->outputs[part]->data, length);
    }
}

/* A part that gets no gradient leaves zeros. */
static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_tensor *x = step->inputs[0];
    const int64_t *starts = step->state;
    axm_split_dims d = axm_op_split(x, axis_of(step));
    (void)input;
    for (int32_t part = 0; part < step->output_count; ++part) {
        size_t length = (size_t)((starts[part + 1] - starts[part]) * d.inner), row = (size_t)(d.axis * d.inner);
        float *to = x->grad + starts[part] * d.inner;
        if (step->outputs[part] && step->outputs[part]->grad)
            axm_copy_rows(exec, (size_t)d.outer, length, step->outputs[part]->grad, length, accumulate, to, row);
        else
            for (size_t o = 0; !accumulate && length > 0 && o < (size_t)d.outer; ++o)
                memset(to + o * row, 0, length * sizeof *to);
    }
}

static int32_t fold(const axm_fold *fold)
{
    const split_params *p = fold->params;
    const axm_constant *x = fold->inputs[0];
    axm_fold_view view;
    axm_int_list sizes;
    int32_t axis;
    axm_fold_inputs(fold, &view);
    int32_t status = find_parts(p, view.inputs, fold->input_count, fold->output_count, &axis, &sizes);
    if (status < 0) return status;
    axm_tensor whole = {.shape = x->shape};
    axm_split_dims d = axm_op_split(&whole, axis);
    int64_t start = 0;
    for (int32_t part = 0; part < fold->output_count; ++part) {
        axm_shape y = x->shape;
        int64_t size = y.dim[axis] = size_of(&sizes, d.axis, fold->output_count, part), to = 0;
        if ((status = axm_fold_output(fold, "Split", part, axm_fold_dtype(x), &y)) < 0) return status;
        for (int64_t o = 0; o < d.outer; ++o)
            for (int64_t i = 0; i < size * d.inner; ++i)
                axm_fold_move(x, (o * d.axis + start) * d.inner + i, &fold->outputs[part], to++);
        start += size;
    }
    return ACTMAX_OK;
}

const axm_op axm_op_Split = {.name = "Split",
                             .min_inputs = 1,
                             .max_inputs = 2,
                             .outputs = -1,
                             .params_size = sizeof(split_params),
                             .parse = parse,
                             .infer = infer,
                             .layout = axm_layout_same,
                             .prepare = prepare,
                             .forward = forward,
                             .backward = backward,
                             .fold = fold};
