/* Conv3D: the Conv of files whose W has three spatial axes: X [N, C, D, H, W], W const [M, C/group, kd, kh, kw], B const [M] or
 * none
 * -> [N, M, od, oh, ow], channels last. Computed as a convolution over two axes in which the taps along the depth are channels. */
#include <math.h>

#include "base/checked.h"
#include "ops/conv_packing.h"
#include "ops/window.h"

typedef struct conv_params {
    axm_window_params window;
    int64_t groups;
} conv_params;

typedef struct conv_state {
    axm_conv_shape shape;
    axm_depth_shape depth;
    size_t planes;         /* bytes of what lies between, rounded up */
    const void *packed[2]; /* by axm_direction */
    axm_conv_weights weights;
    const float *bias; /* NULL: none */
} conv_state;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *out)
{
    conv_params *p = out;
    (void)arena;
    int32_t status = axm_window_parse(attributes, &p->window);
    if (status >= 0) status = axm_attribute_int(attributes, "group", 1, &p->groups);
    if (status < 0) return status;
    if (p->groups < 1) return axm_fail(ACTMAX_ERROR_FORMAT, "Conv needs group of at least 1, got %lld", (long long)p->groups);
    return ACTMAX_OK;
}

static int32_t find_shape(const conv_params *params, const axm_shape *x, const axm_shape *w, axm_window *window, conv_state *s)
{
    conv_params p = *params;
    char got[AXM_SHAPE_TEXT], input[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(x->rank == 5 && w->rank == 5 && x->dim[1] % p.groups == 0 && w->dim[1] == x->dim[1] / p.groups &&
                     w->dim[0] % p.groups == 0 && axm_shape_count(w) > 0,
                 "Conv with %lld groups and an input of shape %s cannot take W of shape %s", (long long)p.groups,
                 axm_shape_text(x, input), axm_shape_text(w, got));
    int64_t kernel[AXM_WINDOW_AXES] = {w->dim[3], w->dim[4], w->dim[2]};
    for (int32_t i = 0; i < AXM_WINDOW_AXES; ++i) {
        AXM_OP_CHECK(!p.window.has_kernel || kernel[i] == p.window.kernel[i],
                     "Conv has a kernel_shape that its W of shape %s has not", axm_shape_text(w, got));
        p.window.kernel[i] = kernel[i];
    }
    int32_t status = axm_window_fit("Conv", &p.window, x, NULL, window);
    if (status < 0) return status;
    for (int32_t i = 0; i < AXM_WINDOW_AXES; ++i)
        if (window->begin[i] >= AXM_MOST_PAD)
            return axm_fail(ACTMAX_ERROR_LIMIT, "Conv has padding of %lld; actmax takes less than %d", (long long)window->begin[i],
                            AXM_MOST_PAD);
    s->shape = (axm_conv_shape){.batch = x->dim[0] * window->out[2],
                                .in_h = window->in[0],
                                .in_w = window->in[1],
                                .in_c = x->dim[1] * kernel[2],
                                .out_h = window->out[0],
                                .out_w = window->out[1],
                                .out_c = w->dim[0],
                                .kernel_h = kernel[0],
                                .kernel_w = kernel[1],
                                .stride_h = window->stride[0],
                                .stride_w = window->stride[1],
                                .dilation_h = window->dilation[0],
                                .dilation_w = window->dilation[1],
                                .pad_top = window->begin[0],
                                .pad_left = window->begin[1],
                                .groups = p.groups};
    s->depth = (axm_depth_shape){.batch = x->dim[0],
                                 .in = window->in[2],
                                 .out = window->out[2],
                                 .plane = window->in[0] * window->in[1],
                                 .channels = x->dim[1],
                                 .kernel = kernel[2],
                                 .stride = window->stride[2],
                                 .dilation = window->dilation[2],
                                 .pad = window->begin[2]};
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    const axm_shape *x = &infer->inputs[0]->shape;
    const axm_constant *w, *b;
    axm_window window;
    conv_state s;
    char got[AXM_SHAPE_TEXT];
    int64_t between;
    int32_t status = axm_op_weight("Conv", "its weights W", infer->inputs[1], &w);
    if (status >= 0) status = axm_op_weight("Conv", "its bias B", axm_op_input(infer->inputs, infer->input_count, 2), &b);
    if (status >= 0) status = find_shape(infer->params, x, &w->shape, &window, &s);
    if (status < 0) return status;
    AXM_OP_CHECK(!b || (b->shape.rank == 1 && b->shape.dim[0] == w->shape.dim[0]), "Conv needs B of shape [%lld], got %s",
                 (long long)w->shape.dim[0], axm_shape_text(&b->shape, got));
    axm_shape planes = {.rank = 3, .dim = {s.shape.batch, s.depth.plane, s.shape.in_c}};
    if (!axm_shape_count_checked(&planes, infer->limits->tensor_elements, &between))
        return axm_fail(ACTMAX_ERROR_LIMIT, "Conv over three axes needs a tensor that is larger than limit_tensor_elements (%lld)",
                        (long long)infer->limits->tensor_elements);
    axm_shape y = axm_window_output(&window, x, w->shape.dim[0]);
    return axm_op_output(infer, "Conv", 0, &y);
}

/* ---- Prepare ---- */

static void make_packed(const axm_step *step, const axm_kernels *kernels, int32_t kind, void *packed)
{
    const conv_state *s = step->state;
    axm_conv_pack(kernels, &s->shape, axm_conv_packing_direction(kind), &s->weights, packed);
}

/* Input channel c * kd + k of the flat convolution is tap k of channel c, which is how W lies in the file. */
static int32_t set_weights(axm_prepare *prepare, conv_state *s)
{
    const axm_step *step = prepare->step;
    const axm_constant *w = step->inputs[1]->constant,
                       *b = step->input_count > 2 && step->inputs[2] ? step->inputs[2]->constant : NULL;
    int64_t taps = s->shape.kernel_h * s->shape.kernel_w;
    const float *floats = NULL;
    int32_t status = b ? axm_prepare_floats(prepare, b, &s->bias) : ACTMAX_OK;
    if (status >= 0 && w->dtype != AXM_FLOAT32 && w->dtype != AXM_FLOAT16) status = axm_prepare_floats(prepare, w, &floats);
    s->weights = (axm_conv_weights){.data = floats ? (const void *)floats : w->data,
                                    .half = w->dtype == AXM_FLOAT16,
                                    .stride = {w->shape.dim[1] * s->depth.kernel * taps, taps, s->shape.kernel_w, 1}};
    return status;
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    axm_window window;
    conv_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0) status = find_shape(step->params, &step->inputs[0]->shape, &step->inputs[1]->shape, &window, s);
    if (status >= 0) status = set_weights(prepare, s);
    if (status < 0) return status;
    s->planes = ((size_t)(s->shape.batch * s->depth.plane * s->shape.in_c) * sizeof(float) + AXM_ALIGNMENT - 1) / AXM_ALIGNMENT *
                AXM_ALIGNMENT; /* within limit_tensor_elements, see infer */
    for (int32_t d = AXM_FORWARD; d <= (prepare->gradient ? AXM_BACKWARD : AXM_FORWARD) && status >= 0; ++d) {
        axm_direction direction = d == AXM_FORWARD ? AXM_FORWARD : AXM_BACKWARD;
        size_t bytes = axm_conv_packed_bytes(prepare->kernels, &s->shape, direction), scratch;
        if (!axm_add_size(s->planes, axm_conv_scratch_bytes(prepare->kernels, &s->shape, direction), &scratch))
            return axm_no_memory(UINT64_MAX, "a convolution over three axes");
        axm_prepare_scratch(prepare, scratch);
        axm_prepare_shared_scratch(prepare, axm_conv_shared_bytes(prepare->kernels, &s->shape, direction));
        status = axm_prepare_packed(prepare, axm_conv_packing(prepare->kernels, &s->shape, direction), bytes, make_packed,
                                    &s->packed[d]);
    }
    return status;
}

/* ---- Run ---- the planes in between lie in front of each worker's scratch memory (the first one's are used) */

static void forward(const axm_step *step, const axm_exec *exec)
{
    const conv_state *s = step->state;
    axm_exec behind = *exec;
    float *planes = (float *)(void *)exec->scratch;
    behind.scratch += s->planes;
    axm_depth_gather(exec, &s->depth, step->inputs[0]->data, planes);
    axm_conv_forward(&behind, &s->shape, planes, s->packed[AXM_FORWARD], s->bias, NULL, step->clamp, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const conv_state *s = step->state;
    axm_exec behind = *exec;
    float *planes = (float *)(void *)exec->scratch;
    (void)input;
    behind.scratch += s->planes;
    axm_conv_backward(&behind, &s->shape, step->outputs[0]->grad, s->packed[AXM_BACKWARD], false, planes);
    axm_depth_scatter(exec, &s->depth, planes, accumulate, step->inputs[0]->grad);
}

static int64_t multiplications(const axm_step *step)
{
    const axm_shape *w = &step->inputs[1]->shape;
    int64_t each = axm_shape_count(w) / w->dim[0], total;
    return axm_mul_i64(axm_shape_count(&step->outputs[0]->shape), each, &total) ? total : INT64_MAX;
}

const axm_op axm_op_Conv3D = {.name = "Conv3D",
                              .min_inputs = 2,
                              .max_inputs = 3,
                              .outputs = 1,
                              .flags = AXM_OP_FUSES_CLAMP | AXM_OP_SPATIAL,
                              .params_size = sizeof(conv_params),
                              .parse = parse,
                              .infer = infer,
                              .layout = axm_layout_channels_last,
                              .prepare = prepare,
                              .forward = forward,
                              .backward = backward,
                              .multiplications = multiplications};
