/* MaxPool: X [N, C, (H,) W] -> [N, C, (oh,) ow], channels last. Padding never wins; a tie goes to the first element in row-major
 * order. Backward reads which element won, saved by forward. */
#include "ops/window.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    axm_window_params *window = params;
    int64_t order;
    (void)arena;
    int32_t status = axm_window_parse(attributes, window);
    if (status >= 0) status = axm_attribute_int(attributes, "storage_order", 0, &order);
    if (status < 0) return status;
    if (order != 0) return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "MaxPool with storage_order %lld is not supported", (long long)order);
    if (!window->has_kernel) return axm_fail(ACTMAX_ERROR_FORMAT, "MaxPool lacks its attribute kernel_shape; the file is damaged");
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    axm_window window;
    int32_t status = axm_window_fit("MaxPool", infer->params, &infer->inputs[0]->shape, NULL, &window);
    if (status >= 0) status = axm_window_check_pool("MaxPool", &window);
    if (status < 0) return status;
    axm_shape shape = axm_window_output(&window, &infer->inputs[0]->shape, window.channels);
    return axm_op_output(infer, "MaxPool", 0, &shape);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_window window;
    axm_pool_shape *shape = axm_prepare_memory(prepare, sizeof *shape);
    if (!shape) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0) status = axm_window_fit("MaxPool", prepare->step->params, &prepare->step->inputs[0]->shape, NULL, &window);
    if (status < 0) return status;
    *shape = axm_window_pool(&window, false);
    prepare->step->state = shape;
    if (prepare->gradient) axm_prepare_saved(prepare, axm_max_pool_index_bytes(shape));
    return ACTMAX_OK;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    axm_max_pool_forward(exec, step->state, step->inputs[0]->data, step->outputs[0]->data, step->saved);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_max_pool_backward(exec, step->state, step->outputs[0]->grad, step->saved, accumulate, step->inputs[0]->grad);
}

const axm_op axm_op_MaxPool = {.name = "MaxPool",
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .outputs = 1,
                               .flags = AXM_OP_SPATIAL,
                               .params_size = sizeof(axm_window_params),
                               .parse = parse,
                               .infer = infer,
                               .layout = axm_layout_channels_last,
                               .prepare = prepare,
                               .forward = forward,
                               .backward = backward};
