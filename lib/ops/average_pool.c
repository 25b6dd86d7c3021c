/* AveragePool: X [N, C, (H,) W] -> [N, C, (oh,) ow], channels last. The divisor counts padding only with count_include_pad. */
#include "ops/window.h"

typedef struct average_params {
    axm_window_params window;
    bool count_include_pad;
} average_params;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    average_params *p = params;
    int64_t include;
    (void)arena;
    int32_t status = axm_window_parse(attributes, &p->window);
    if (status >= 0) status = axm_attribute_int(attributes, "count_include_pad", 0, &include);
    if (status < 0) return status;
    p->count_include_pad = include != 0;
    if (!p->window.has_kernel)
        return axm_fail(ACTMAX_ERROR_FORMAT, "AveragePool lacks its attribute kernel_shape; the file is damaged");
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    const average_params *p = infer->params;
    axm_window window;
    int32_t status = axm_window_fit("AveragePool", &p->window, &infer->inputs[0]->shape, NULL, &window);
    if (status >= 0) status = axm_window_check_pool("AveragePool", &window);
    if (status < 0) return status;
    axm_shape shape = axm_window_output(&window, &infer->inputs[0]->shape, window.channels);
    return axm_op_output(infer, "AveragePool", 0, &shape);
}

static int32_t prepare(axm_prepare *prepare)
{
    const average_params *p = prepare->step->params;
    axm_window window;
    axm_pool_shape *shape = axm_prepare_memory(prepare, sizeof *shape);
    if (!shape) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0) status = axm_window_fit("AveragePool", &p->window, &prepare->step->inputs[0]->shape, NULL, &window);
    if (status < 0) return status;
    *shape = axm_window_pool(&window, p->count_include_pad);
    prepare->step->state = shape;
    return ACTMAX_OK;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    axm_average_pool_forward(exec, step->state, step->inputs[0]->data, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_average_pool_backward(exec, step->state, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

const axm_op axm_op_AveragePool = {.name = "AveragePool",
                                   .min_inputs = 1,
                                   .max_inputs = 1,
                                   .outputs = 1,
                                   .flags = AXM_OP_SPATIAL,
                                   .params_size = sizeof(average_params),
                                   .parse = parse,
                                   .infer = infer,
                                   .layout = axm_layout_channels_last,
                                   .prepare = prepare,
                                   .forward = forward,
                                   .backward = backward};
