/* AveragePool: X [N, C, (D,) (H,) W] -> [N, C, (od,) (oh,) ow], channels last. The divisor counts padding only with
 * count_include_pad. */
#include "base/checked.h"
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
    size_t bytes;
    axm_pool_passes *passes = axm_prepare_memory(prepare, sizeof *passes);
    if (!passes) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0) status = axm_window_fit("AveragePool", &p->window, &prepare->step->inputs[0]->shape, NULL, &window);
    if (status < 0) return status;
    *passes = axm_window_passes(&window, p->count_include_pad);
    prepare->step->state = passes;
    if (!axm_mul_size(passes->between, sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "AveragePool");
    axm_prepare_scratch(prepare, bytes);
    return ACTMAX_OK;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const axm_pool_passes *passes = step->state;
    bool two = passes->between > 0;
    float *y = step->outputs[0]->data, *between = (float *)(void *)exec->scratch;
    axm_average_pool_forward(exec, &passes->plane, step->inputs[0]->data, two ? between : y);
    if (two) axm_average_pool_forward(exec, &passes->depth, between, y);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_pool_passes *passes = step->state;
    const float *dy = step->outputs[0]->grad;
    float *between = (float *)(void *)exec->scratch;
    (void)input;
    if (passes->between > 0) {
        axm_average_pool_backward(exec, &passes->depth, dy, false, between);
        dy = between;
    }
    axm_average_pool_backward(exec, &passes->plane, dy, accumulate, step->inputs[0]->grad);
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
