/* Split: X cut along one axis into parts of given sizes, or into as many equal parts as there are outputs (the last one smaller
 * when num_outputs is given and they do not come out even), in either layout. A part may be empty. SplitPart: one of the parts
 * alone. */
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
        if (y.dim[axis] > 0)
            status = axm_op_output(infer, "Split", part, &y);
        else
            infer->outputs[part] = y;
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

/* ---- One part ---- */

typedef struct part_params {
    int64_t axis, part;
} part_params;

static int32_t parse_part(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    part_params *p = params;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "axis", 0, &p->axis);
    return status < 0 ? status : axm_attribute_int(attributes, "part", 0, &p->part);
}

/* Of parts that have one size each; the last one may be smaller. */
static int32_t find_even_part(int64_t length, int64_t each, int64_t part, int64_t *start, int64_t *size)
{
    AXM_OP_CHECK(each > 0, "SplitPart cannot cut an axis of %lld into parts of %lld", (long long)length, (long long)each);
    int64_t count = length / each + (length % each != 0), at = part < 0 ? part + count : part;
    AXM_OP_CHECK(at >= 0 && at < count, "SplitPart is asked for part %lld of %lld", (long long)part, (long long)count);
    *start = at * each; /* less than length */
    *size = length - *start < each ? length - *start : each;
    return ACTMAX_OK;
}

static int32_t find_listed_part(int64_t length, const axm_int_list *sizes, int64_t part, int64_t *start, int64_t *size)
{
    int64_t at = part < 0 ? part + sizes->count : part, end = 0;
    AXM_OP_CHECK(at >= 0 && at < sizes->count, "SplitPart is asked for part %lld of %d", (long long)part, (int)sizes->count);
    for (int32_t i = 0; i < sizes->count; ++i) {
        AXM_OP_CHECK(sizes->value[i] >= 0 && sizes->value[i] <= length - end,
                     "SplitPart cannot cut a part of %lld after %lld of %lld", (long long)sizes->value[i], (long long)end,
                     (long long)length);
        if (i == at) *start = end;
        if (i == at) *size = sizes->value[i];
        end += sizes->value[i];
    }
    AXM_OP_CHECK(end == length, "SplitPart has parts for %lld of an axis of %lld", (long long)end, (long long)length);
    return ACTMAX_OK;
}

static int32_t find_part(const part_params *p, const axm_tensor *const *inputs, int32_t input_count, int32_t *axis, int64_t *start,
                         int64_t *size)
{
    const axm_shape *x = &inputs[0]->shape;
    const axm_tensor *given = axm_op_input(inputs, input_count, 1);
    axm_int_list sizes;
    int32_t status = axm_op_list("SplitPart", "sizes", given, NULL, &sizes);
    if (status >= 0) status = axm_op_axis("SplitPart", p->axis, x->rank, false, axis);
    if (status < 0) return status;
    if (given && given->shape.rank == 1) return find_listed_part(x->dim[*axis], &sizes, p->part, start, size);
    return find_even_part(x->dim[*axis], given ? sizes.value[0] : 1, p->part, start, size);
}

static int32_t infer_part(const axm_infer *infer)
{
    axm_shape y = infer->inputs[0]->shape;
    int64_t start, size = 0;
    int32_t axis = 0;
    int32_t status = find_part(infer->params, infer->inputs, infer->input_count, &axis, &start, &size);
    if (status < 0) return status;
    y.dim[axis] = size;
    return axm_op_output(infer, "SplitPart", 0, &y);
}

typedef struct part_state {
    size_t start, length, row; /* elements: where the part begins in a row, its and a row's length */
    size_t rows;
} part_state;

static int32_t prepare_part(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *inputs[2] = {step->inputs[0], step->input_count > 1 ? step->inputs[1] : NULL};
    part_state *s = axm_prepare_memory(prepare, sizeof *s);
    int64_t start = 0, size = 0;
    int32_t axis = 0;
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int32_t status = find_part(step->params, inputs, step->input_count, &axis, &start, &size);
    if (status < 0) return status;
    axm_split_dims d = axm_op_split(inputs[0], axis);
    *s = (part_state){(size_t)(start * d.inner), (size_t)(size * d.inner), (size_t)(d.axis * d.inner), (size_t)d.outer};
    return ACTMAX_OK;
}

static void forward_part(const axm_step *step, const axm_exec *exec)
{
    const part_state *s = step->state;
    axm_copy_rows(exec, s->rows, s->length, step->inputs[0]->data + s->start, s->row, false, step->outputs[0]->data, s->length);
}

static void backward_part(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const part_state *s = step->state;
    float *to = step->inputs[0]->grad;
    (void)input;
    if (!accumulate) memset(to, 0, s->rows * s->row * sizeof *to);
    axm_copy_rows(exec, s->rows, s->length, step->outputs[0]->grad, s->length, accumulate, to + s->start, s->row);
}

static int32_t fold_part(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    axm_fold_view view;
    int64_t start = 0, size = 0;
    int32_t axis = 0;
    axm_fold_inputs(fold, &view);
    int32_t status = find_part(fold->params, view.inputs, fold->input_count, &axis, &start, &size);
    if (status < 0) return status;
    axm_tensor whole = {.shape = x->shape};
    axm_split_dims d = axm_op_split(&whole, axis);
    axm_shape y = x->shape;
    y.dim[axis] = size;
    if ((status = axm_fold_output(fold, "SplitPart", 0, axm_fold_dtype(x), &y)) < 0) return status;
    for (int64_t o = 0; o < d.outer; ++o)
        for (int64_t i = 0; i < size * d.inner; ++i)
            axm_fold_move(x, (o * d.axis + start) * d.inner + i, &fold->outputs[0], o * size * d.inner + i);
    return ACTMAX_OK;
}

const axm_op axm_op_SplitPart = {.name = "SplitPart",
                                 .min_inputs = 1,
                                 .max_inputs = 2,
                                 .outputs = 1,
                                 .params_size = sizeof(part_params),
                                 .parse = parse_part,
                                 .infer = infer_part,
                                 .layout = axm_layout_same,
                                 .prepare = prepare_part,
                                 .forward = forward_part,
                                 .backward = backward_part,
                                 .fold = fold_part};
