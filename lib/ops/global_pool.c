/* GlobalAveragePool, GlobalMaxPool: X [N, C, spatial...] -> [N, C, 1...], in either physical order. The maximum's ties go to the
 * first element; which one won is saved by forward. */
#include "ops/common.h"

static int32_t infer_named(const axm_infer *infer, const char *op)
{
    axm_shape shape = infer->inputs[0]->shape;
    char text[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(shape.rank >= 3 && shape.rank <= 5, "%s needs an input of shape [batch, channels, height, width], got %s", op,
                 axm_shape_text(&shape, text));
    for (int32_t i = 2; i < shape.rank; ++i)
        shape.dim[i] = 1;
    return axm_op_output(infer, op, 0, &shape);
}

static int32_t infer_average(const axm_infer *infer)
{
    return infer_named(infer, "GlobalAveragePool");
}

static int32_t infer_max(const axm_infer *infer)
{
    return infer_named(infer, "GlobalMaxPool");
}

/* Around all of space together: [N, space, C] in channels-last order, [N*C, space, 1] in the file's. */
static axm_split_dims around_space(const axm_tensor *x)
{
    int64_t space = 1;
    for (int32_t i = 2; i < x->shape.rank; ++i)
        space *= x->shape.dim[i];
    if (x->layout == AXM_LAYOUT_CHANNELS_LAST) return (axm_split_dims){x->shape.dim[0], space, x->shape.dim[1]};
    return (axm_split_dims){x->shape.dim[0] * x->shape.dim[1], space, 1};
}

static void forward_average(const axm_step *step, const axm_exec *exec)
{
    axm_split_dims d = around_space(step->inputs[0]);
    axm_sum_axis_forward(exec, d.outer, d.axis, d.inner, 1.0f / (float)d.axis, step->inputs[0]->data, step->outputs[0]->data);
}

static void backward_average(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    axm_split_dims d = around_space(step->inputs[0]);
    (void)input;
    axm_sum_axis_backward(exec, d.outer, d.axis, d.inner, 1.0f / (float)d.axis, step->outputs[0]->grad, accumulate,
                          step->inputs[0]->grad);
}

static int32_t prepare_max(axm_prepare *prepare)
{
    if (prepare->gradient) axm_prepare_saved(prepare, axm_op_output_count(prepare->step) * sizeof(int32_t));
    return ACTMAX_OK;
}

static void forward_max(const axm_step *step, const axm_exec *exec)
{
    axm_split_dims d = around_space(step->inputs[0]);
    axm_max_axis_forward(exec, d.outer, d.axis, d.inner, step->inputs[0]->data, step->outputs[0]->data, step->saved);
}

static void backward_max(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    axm_split_dims d = around_space(step->inputs[0]);
    (void)input;
    axm_max_axis_backward(exec, d.outer, d.axis, d.inner, step->saved, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

const axm_op axm_op_GlobalAveragePool = {.name = "GlobalAveragePool",
                                         .min_inputs = 1,
                                         .max_inputs = 1,
                                         .outputs = 1,
                                         .flags = AXM_OP_SPATIAL | AXM_OP_SPATIAL_MEAN,
                                         .infer = infer_average,
                                         .layout = axm_layout_same,
                                         .forward = forward_average,
                                         .backward = backward_average};

const axm_op axm_op_GlobalMaxPool = {.name = "GlobalMaxPool",
                                     .min_inputs = 1,
                                     .max_inputs = 1,
                                     .outputs = 1,
                                     .flags = AXM_OP_SPATIAL,
                                     .infer = infer_max,
                                     .layout = axm_layout_same,
                                     .prepare = prepare_max,
                                     .forward = forward_max,
                                     .backward = backward_max};
