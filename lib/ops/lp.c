/* LpPool: the p-norm over a window of one to three axes; GlobalLpPool: over the whole space. Channels last.
 * LpNormalization: X divided by its 1- or 2-norm along an axis, in either layout. */
#include "base/checked.h"
#include "ops/window.h"

typedef struct lp_params {
    axm_window_params window;
    int64_t p, axis;
} lp_params;

static int32_t parse_norm(const axm_attributes *attributes, lp_params *p, int64_t most)
{
    int32_t status = axm_attribute_int(attributes, "p", 2, &p->p);
    if (status < 0) return status;
    if (p->p < 1 || p->p > most)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "a norm with p of %lld is not supported; actmax computes 1 to %lld",
                        (long long)p->p, (long long)most);
    return axm_attribute_int(attributes, "axis", -1, &p->axis);
}

static int32_t parse_pool(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    lp_params *p = params;
    (void)arena;
    int32_t status = axm_window_parse(attributes, &p->window);
    if (status < 0) return status;
    if (!p->window.has_kernel) return axm_fail(ACTMAX_ERROR_FORMAT, "LpPool lacks its kernel_shape; the file is damaged");
    return parse_norm(attributes, p, 64);
}

static int32_t parse_global(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return parse_norm(attributes, params, 64);
}

static int32_t parse_normalization(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return parse_norm(attributes, params, 2);
}

/* ---- Pools ---- */

static int32_t infer_pool(const axm_infer *infer)
{
    const lp_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    axm_window window;
    int32_t status = axm_window_fit("LpPool", &p->window, x, NULL, &window);
    if (status >= 0) status = axm_window_check_pool("LpPool", &window);
    if (status < 0) return status;
    axm_shape y = axm_window_output(&window, x, x->dim[1]);
    return axm_op_output(infer, "LpPool", 0, &y);
}

static int32_t infer_global(const axm_infer *infer)
{
    axm_shape y = infer->inputs[0]->shape;
    char text[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(y.rank >= 3 && y.rank <= 5, "GlobalLpPool needs an input of shape [batch, channels, height, width], got %s",
                 axm_shape_text(&y, text));
    for (int32_t i = 2; i < y.rank; ++i)
        y.dim[i] = 1;
    return axm_op_output(infer, "GlobalLpPool", 0, &y);
}

static int32_t prepare_pool(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const lp_params *p = step->params;
    axm_window window;
    size_t bytes;
    axm_pool_passes *passes = axm_prepare_memory(prepare, sizeof *passes);
    if (!passes) return ACTMAX_ERROR_NO_MEMORY;
    step->state = passes;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0) status = axm_window_fit("LpPool", &p->window, &step->inputs[0]->shape, NULL, &window);
    if (status < 0) return status;
    *passes = axm_window_passes(&window, false);
    if (!axm_mul_size(passes->between, sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "LpPool");
    axm_prepare_scratch(prepare, bytes);
    axm_prepare_saved(prepare, bytes);
    return ACTMAX_OK;
}

static int32_t prepare_global(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_shape *x = &step->inputs[0]->shape;
    axm_pool_passes *passes = axm_prepare_memory(prepare, sizeof *passes);
    if (!passes) return ACTMAX_ERROR_NO_MEMORY;
    step->state = passes;
    axm_pool_shape *shape = &passes->plane;
    int64_t space = 1;
    for (int32_t i = 2; i < x->rank; ++i)
        space *= x->dim[i];
    *shape = (axm_pool_shape){.batch = x->dim[0], .in_h = 1, .in_w = space, .channels = x->dim[1], .out_h = 1, .out_w = 1};
    shape->kernel_h = shape->stride_h = shape->stride_w = shape->dilation_h = shape->dilation_w = 1;
    shape->kernel_w = space;
    return axm_op_needs_channels_last(prepare);
}

/* The norm of the norms of planes is the norm of all. */
static void forward_pool(const axm_step *step, const axm_exec *exec)
{
    const lp_params *p = step->params;
    const axm_pool_passes *passes = step->state;
    const float *x = step->inputs[0]->data;
    float *y = step->outputs[0]->data, *between = step->saved ? step->saved : (float *)(void *)exec->scratch;
    axm_lp_pool_forward(exec, &passes->plane, (float)p->p, x, passes->between > 0 ? between : y);
    if (passes->between > 0) axm_lp_pool_forward(exec, &passes->depth, (float)p->p, between, y);
}

static void backward_pool(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const lp_params *p = step->params;
    const axm_pool_passes *passes = step->state;
    const axm_tensor *x = step->inputs[0];
    const float *y = step->outputs[0]->data, *dy = step->outputs[0]->grad;
    (void)input;
    if (passes->between > 0) {
        float *slopes = (float *)(void *)exec->scratch;
        axm_lp_pool_backward(exec, &passes->depth, (float)p->p, step->saved, y, dy, false, slopes);
        y = step->saved;
        dy = slopes;
    }
    axm_lp_pool_backward(exec, &passes->plane, (float)p->p, x->data, y, dy, accumulate, x->grad);
}

#define POOL(Name, which)                                                                                                          \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = 1,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_SPATIAL | AXM_OP_READS_INPUTS | AXM_OP_READS_OUTPUT,                             \
                                  .params_size = sizeof(lp_params),                                                                \
                                  .parse = parse_##which,                                                                          \
                                  .infer = infer_##which,                                                                          \
                                  .layout = axm_layout_channels_last,                                                              \
                                  .prepare = prepare_##which,                                                                      \
                                  .forward = forward_pool,                                                                         \
                                  .backward = backward_pool};

POOL(LpPool, pool)
POOL(GlobalLpPool, global)

/* ---- Normalisation ---- */

static int32_t infer_normalization(const axm_infer *infer)
{
    const lp_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    int32_t axis;
    int32_t status = axm_op_axis("LpNormalization", p->axis, x->rank, false, &axis);
    return status < 0 ? status : axm_op_output(infer, "LpNormalization", 0, x);
}

static axm_split_dims dims_of(const axm_step *step)
{
    const lp_params *p = step->params;
    const axm_tensor *x = step->inputs[0];
    return axm_op_split(x, (int32_t)(p->axis < 0 ? p->axis + x->shape.rank : p->axis));
}

static void forward_normalization(const axm_step *step, const axm_exec *exec)
{
    const lp_params *p = step->params;
    axm_split_dims d = dims_of(step);
    axm_lp_divide_forward(exec, (int)p->p, d.outer, d.axis, d.inner, step->inputs[0]->data, step->outputs[0]->data);
}

static void backward_normalization(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const lp_params *p = step->params;
    axm_split_dims d = dims_of(step);
    (void)input;
    axm_lp_divide_backward(exec, (int)p->p, d.outer, d.axis, d.inner, step->inputs[0]->data, step->outputs[0]->grad, accumulate,
                           step->inputs[0]->grad);
}

const axm_op axm_op_LpNormalization = {.name = "LpNormalization",
                                       .min_inputs = 1,
                                       .max_inputs = 1,
                                       .outputs = 1,
                                       .flags = AXM_OP_READS_INPUTS,
                                       .params_size = sizeof(lp_params),
                                       .parse = parse_normalization,
                                       .infer = infer_normalization,
                                       .layout = axm_layout_same,
                                       .forward = forward_normalization,
                                       .backward = backward_normalization};
