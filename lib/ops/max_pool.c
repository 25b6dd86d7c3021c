/* MaxPool: X [N, C, (D,) (H,) W] -> [N, C, (od,) (oh,) ow], channels last. Padding never wins; a tie goes to the first element in
 * row-major order. Backward reads which element won, saved by forward. */
#include "base/checked.h"
#include "ops/window.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    axm_window_params *window = params;
    (void)arena;
    int32_t status = axm_window_parse(attributes, window);
    if (status < 0) return status;
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

typedef struct max_state {
    axm_pool_passes passes;
    size_t plane_bytes; /* of the plane pass's winners, which lie before those of the depth pass */
} max_state;

static int32_t prepare(axm_prepare *prepare)
{
    axm_window window;
    size_t bytes;
    max_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0) status = axm_window_fit("MaxPool", prepare->step->params, &prepare->step->inputs[0]->shape, NULL, &window);
    if (status < 0) return status;
    s->passes = axm_window_passes(&window, false);
    s->plane_bytes = (axm_max_pool_index_bytes(&s->passes.plane) + AXM_ALIGNMENT - 1) / AXM_ALIGNMENT * AXM_ALIGNMENT;
    prepare->step->state = s;
    if (!axm_mul_size(s->passes.between, sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "MaxPool");
    axm_prepare_scratch(prepare, bytes);
    axm_prepare_saved(prepare, s->plane_bytes + (bytes ? axm_max_pool_index_bytes(&s->passes.depth) : 0));
    return ACTMAX_OK;
}

static void *depth_winners(const axm_step *step)
{
    const max_state *s = step->state;
    return step->saved ? (char *)step->saved + s->plane_bytes : NULL;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const max_state *s = step->state;
    bool two = s->passes.between > 0;
    float *y = step->outputs[0]->data, *between = (float *)(void *)exec->scratch;
    axm_max_pool_forward(exec, &s->passes.plane, step->inputs[0]->data, two ? between : y, step->saved);
    if (two) axm_max_pool_forward(exec, &s->passes.depth, between, y, depth_winners(step));
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const max_state *s = step->state;
    const float *dy = step->outputs[0]->grad;
    float *between = (float *)(void *)exec->scratch;
    (void)input;
    if (s->passes.between > 0) {
        axm_max_pool_backward(exec, &s->passes.depth, dy, depth_winners(step), false, between);
        dy = between;
    }
    axm_max_pool_backward(exec, &s->passes.plane, dy, step->saved, accumulate, step->inputs[0]->grad);
}

static bool halves(const void *params, const axm_shape *x)
{
    axm_window w;
    if (x->rank != 4 || axm_window_fit("MaxPool", params, x, NULL, &w) < 0) return false;
    for (int32_t i = 0; i < 2; ++i)
        if (w.kernel[i] != 2 || w.stride[i] != 2 || w.dilation[i] != 1 || w.begin[i] != 0 || w.out[i] != w.in[i] / 2) return false;
    return true;
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
                               .backward = backward,
                               .halves = halves};
