/* Softmax, LogSoftmax: X of any shape, along one axis, in either layout. With flatten=1 (files before opset 13) along all axes
 * from `axis` on, taken as one. */
#include "ops/common.h"

typedef struct softmax_params {
    int64_t axis;
    bool flatten;
} softmax_params;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    softmax_params *p = params;
    int64_t flatten;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "flatten", 0, &flatten);
    if (status >= 0) status = axm_attribute_int(attributes, "axis", flatten ? 1 : -1, &p->axis);
    p->flatten = status >= 0 && flatten != 0;
    return status;
}

static int32_t infer_named(const axm_infer *infer, const char *op)
{
    const softmax_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    int32_t axis;
    AXM_OP_CHECK(x->rank >= 1, "%s needs an input with axes", op);
    int32_t status = axm_op_axis(op, p->axis, x->rank, p->flatten, &axis);
    return status < 0 ? status : axm_op_output(infer, op, 0, x);
}

static int32_t infer_softmax(const axm_infer *infer)
{
    return infer_named(infer, "Softmax");
}

static int32_t infer_log(const axm_infer *infer)
{
    return infer_named(infer, "LogSoftmax");
}

static int32_t axis_of(const softmax_params *p, int32_t rank)
{
    return (int32_t)(p->axis < 0 ? p->axis + rank : p->axis);
}

/* Flattened axes must lie together and in front of nothing: true of axes 0 and 1 in either layout, of others in file order. */
static void layout(axm_layout_choice *choice)
{
    const softmax_params *p = choice->params;
    if (p->flatten && axis_of(p, choice->outputs[0].rank) > 1)
        axm_layout_file(choice);
    else
        axm_layout_same(choice);
}

static axm_split_dims dims_of(const axm_step *step)
{
    const softmax_params *p = step->params;
    const axm_tensor *x = step->inputs[0];
    int32_t axis = axis_of(p, x->shape.rank);
    if (!p->flatten) return axm_op_split(x, axis);
    axm_split_dims d = {1, 1, 1};
    for (int32_t i = 0; i < x->shape.rank; ++i) {
        if (i < axis)
            d.outer *= x->shape.dim[i];
        else
            d.axis *= x->shape.dim[i];
    }
    return d;
}

static void run_forward(const axm_step *step, const axm_exec *exec, bool log)
{
    axm_split_dims d = dims_of(step);
    axm_softmax_forward(exec, log, d.outer, d.axis, d.inner, step->inputs[0]->data, step->outputs[0]->data);
}

static void run_backward(const axm_step *step, const axm_exec *exec, bool log, bool accumulate)
{
    axm_split_dims d = dims_of(step);
    axm_softmax_backward(exec, log, d.outer, d.axis, d.inner, step->outputs[0]->data, step->outputs[0]->grad, accumulate,
                         step->inputs[0]->grad);
}

static void forward_softmax(const axm_step *step, const axm_exec *exec)
{
    run_forward(step, exec, false);
}

static void backward_softmax(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    run_backward(step, exec, false, accumulate);
}

static void forward_log(const axm_step *step, const axm_exec *exec)
{
    run_forward(step, exec, true);
}

static void backward_log(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    run_backward(step, exec, true, accumulate);
}

const axm_op axm_op_Softmax = {.name = "Softmax",
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .outputs = 1,
                               .flags = AXM_OP_SCORE | AXM_OP_READS_OUTPUT,
                               .params_size = sizeof(softmax_params),
                               .parse = parse,
                               .infer = infer_softmax,
                               .layout = layout,
                               .forward = forward_softmax,
                               .backward = backward_softmax};

const axm_op axm_op_LogSoftmax = {.name = "LogSoftmax",
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .outputs = 1,
                                  .flags = AXM_OP_SCORE | AXM_OP_READS_OUTPUT,
                                  .params_size = sizeof(softmax_params),
                                  .parse = parse,
                                  .infer = infer_log,
                                  .layout = layout,
                                  .forward = forward_log,
                                  .backward = backward_log};
