/* ConvTranspose: X [N, C, (H,) W], W const [C, M/group, (kh,) kw], B const [M] or none -> [N, M, (oh,) ow]. It is the gradient of
 * the convolution with the same weights from an [N, M, ...] image to X, so each pass uses the convolution's other one. Channels
 * last; one spatial axis is computed as height 1. */
#include <math.h>

#include "base/checked.h"
#include "ops/conv_packing.h"
#include "ops/window.h"

#define MOST INT32_MAX

typedef struct transpose_params {
    axm_window_params window;
    int64_t groups;
    axm_int_list output_padding, output_shape;
} transpose_params;

typedef struct transpose_state {
    axm_conv_shape shape;  /* of the convolution: its input is this operator's output */
    const void *packed[2]; /* by axm_direction of the convolution */
    axm_conv_weights weights;
    const float *bias;     /* NULL: none */
    axm_depth_shape depth; /* batch 0: there are fewer than three axes */
    size_t planes;         /* bytes of what lies between, rounded up */
} transpose_state;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *out)
{
    transpose_params *p = out;
    (void)arena;
    int32_t status = axm_window_parse(attributes, &p->window);
    if (status >= 0) status = axm_attribute_int(attributes, "group", 1, &p->groups);
    if (status >= 0) status = axm_op_list_attribute(attributes, "output_padding", &p->output_padding);
    if (status >= 0) status = axm_op_list_attribute(attributes, "output_shape", &p->output_shape);
    if (status < 0) return status;
    if (p->groups < 1)
        return axm_fail(ACTMAX_ERROR_FORMAT, "ConvTranspose needs group of at least 1, got %lld", (long long)p->groups);
    return ACTMAX_OK;
}

/* ---- Shapes ---- */

/* Which of height, width and depth (0, 1, 2, as in axm_window_params) the `i`th of the spatial axes is. */
static int32_t slot_of(int32_t spatial, int32_t i)
{
    if (spatial == 3) return i == 0 ? 2 : i - 1;
    return 2 - spatial + i;
}

static int32_t check_weights(const transpose_params *p, const axm_shape *x, const axm_shape *w)
{
    char got[AXM_SHAPE_TEXT], input[AXM_SHAPE_TEXT];
    axm_shape_text(w, got);
    axm_shape_text(x, input);
    AXM_OP_CHECK(x->rank >= 3, "ConvTranspose needs an input of shape [batch, channels, height, width], got %s", input);
    if (x->rank > 5)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "ConvTranspose over %d spatial axes (input %s) is not supported; actmax computes 1 to 3", (int)x->rank - 2,
                        input);
    AXM_OP_CHECK(w->rank == x->rank && w->dim[0] == x->dim[1] && w->dim[0] % p->groups == 0,
                 "ConvTranspose with %lld groups and an input of shape %s cannot take W of shape %s", (long long)p->groups, input,
                 got);
    for (int32_t i = 0; i < w->rank; ++i)
        AXM_OP_CHECK(w->dim[i] >= 1, "ConvTranspose has empty weights W of shape %s", got);
    for (int32_t i = 0; i < w->rank - 2 && p->window.has_kernel; ++i)
        AXM_OP_CHECK(w->dim[2 + i] == p->window.kernel[slot_of(w->rank - 2, i)],
                     "ConvTranspose has a kernel_shape that its W of shape %s has not", got);
    return ACTMAX_OK;
}

/* The value of a list for the `i`th of the spatial axes; lists are for the last ones. */
static int32_t list_value(const char *name, const axm_int_list *list, int32_t spatial, int32_t i, int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (!list->given || list->count == 0) return ACTMAX_OK;
    AXM_OP_CHECK(list->count >= spatial, "ConvTranspose has %s for %d axes, but %d are needed", name, (int)list->count,
                 (int)spatial);
    *out = list->value[list->count - spatial + i]; /* some write output_shape with batch and channels before */
    AXM_OP_CHECK(*out >= 0 && *out <= MOST, "ConvTranspose has %s of %lld", name, (long long)*out);
    return ACTMAX_OK;
}

/* Output size and padding along one axis, as ONNX has them. `size` is the whole result of the kernel's steps. */
static int32_t fit_axis(const transpose_params *p, int32_t spatial, int32_t i, int64_t in, int64_t kernel, int64_t *out,
                        int64_t *begin)
{
    int32_t slot = slot_of(spatial, i);
    int64_t more, wanted, stride = p->window.stride[slot], size;
    int32_t status = list_value("output_padding", &p->output_padding, spatial, i, 0, &more);
    if (status >= 0) status = list_value("output_shape", &p->output_shape, spatial, i, -1, &wanted);
    if (status < 0) return status;
    axm_auto_pad mode = p->window.auto_pad;
    bool same = mode == AXM_PAD_SAME_UPPER || mode == AXM_PAD_SAME_LOWER;
    AXM_OP_CHECK(kernel <= MOST / p->window.dilation[slot] && axm_mul_i64(in - 1, stride, &size) && size < MOST,
                 "ConvTranspose would give a very large output");
    size += (kernel - 1) * p->window.dilation[slot] + 1 + more;
    if (wanted < 0 && same) wanted = in * stride;
    if (wanted >= 0) {
        int64_t total = size > wanted ? size - wanted : 0;
        *out = wanted;
        *begin = mode == AXM_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    } else {
        *begin = mode == AXM_PAD_EXPLICIT ? p->window.begin[slot] : 0;
        *out = size - *begin - (mode == AXM_PAD_EXPLICIT ? p->window.end[slot] : 0);
    }
    AXM_OP_CHECK(*out >= 1, "ConvTranspose has padding that leaves nothing of its output; use a larger input size");
    if (*begin < AXM_MOST_PAD) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_LIMIT, "ConvTranspose has padding of %lld; actmax takes less than %d", (long long)*begin,
                    AXM_MOST_PAD);
}

/* The convolution that this is the gradient of, and how the depth is put into it (batch 0: not at all). */
static int32_t find_shape(const transpose_params *p, const axm_shape *x, const axm_shape *w, axm_conv_shape *out,
                          axm_depth_shape *depth)
{
    int32_t spatial = x->rank - 2;
    int64_t in[AXM_WINDOW_AXES] = {1, 1, 1}, kernel[AXM_WINDOW_AXES] = {1, 1, 1}, size[AXM_WINDOW_AXES] = {1, 1, 1}, plane;
    int64_t begin[AXM_WINDOW_AXES] = {0};
    int32_t status = check_weights(p, x, w);
    AXM_OP_CHECK(status < 0 || p->window.spatial == 0 || p->window.spatial == spatial,
                 "ConvTranspose has attributes for %d spatial axes, but its input has %d", (int)p->window.spatial, (int)spatial);
    for (int32_t i = 0; i < spatial && status >= 0; ++i) {
        int32_t slot = slot_of(spatial, i);
        in[slot] = x->dim[2 + i];
        kernel[slot] = w->dim[2 + i];
        status = fit_axis(p, spatial, i, in[slot], kernel[slot], &size[slot], &begin[slot]);
    }
    if (status < 0) return status;
    AXM_OP_CHECK(axm_mul_i64(size[0], size[1], &plane), "ConvTranspose would give a very large output");
    *out = (axm_conv_shape){.batch = x->dim[0] * in[2],
                            .in_h = size[0],
                            .in_w = size[1],
                            .in_c = w->dim[1] * p->groups * kernel[2],
                            .out_h = in[0],
                            .out_w = in[1],
                            .out_c = x->dim[1],
                            .kernel_h = kernel[0],
                            .kernel_w = kernel[1],
                            .stride_h = p->window.stride[0],
                            .stride_w = p->window.stride[1],
                            .dilation_h = p->window.dilation[0],
                            .dilation_w = p->window.dilation[1],
                            .pad_top = begin[0],
                            .pad_left = begin[1],
                            .groups = p->groups};
    *depth = (axm_depth_shape){.batch = spatial == 3 ? x->dim[0] : 0,
                               .in = size[2],
                               .out = in[2],
                               .plane = plane,
                               .channels = w->dim[1] * p->groups,
                               .kernel = kernel[2],
                               .stride = p->window.stride[2],
                               .dilation = p->window.dilation[2],
                               .pad = begin[2]};
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    const transpose_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    const axm_constant *w, *b;
    axm_conv_shape shape;
    axm_depth_shape depth;
    char got[AXM_SHAPE_TEXT];
    int64_t between;
    int32_t status = axm_op_weight("ConvTranspose", "its weights W", infer->inputs[1], &w);
    if (status >= 0) status = axm_op_weight("ConvTranspose", "its bias B", axm_op_input(infer->inputs, infer->input_count, 2), &b);
    if (status >= 0) status = find_shape(p, x, &w->shape, &shape, &depth);
    if (status < 0) return status;
    AXM_OP_CHECK(!b || (b->shape.rank == 1 && b->shape.dim[0] == depth.channels), "ConvTranspose needs B of shape [%lld], got %s",
                 (long long)depth.channels, axm_shape_text(&b->shape, got));
    axm_shape planes = {.rank = 3, .dim = {shape.batch, depth.plane, shape.in_c}};
    if (!axm_shape_count_checked(&planes, infer->limits->tensor_elements, &between))
        return axm_fail(ACTMAX_ERROR_LIMIT, "ConvTranspose needs a tensor that is larger than limit_tensor_elements (%lld)",
                        (long long)infer->limits->tensor_elements);
    axm_shape y = {.rank = x->rank, .dim = {x->dim[0], depth.channels}};
    y.dim[x->rank - 1] = shape.in_w;
    if (x->rank >= 4) y.dim[x->rank - 2] = shape.in_h;
    if (x->rank == 5) y.dim[2] = depth.in;
    return axm_op_output(infer, "ConvTranspose", 0, &y);
}

/* ---- Prepare ---- */

static void make_packed(const axm_step *step, const axm_kernels *kernels, int32_t kind, void *packed)
{
    const transpose_state *state = step->state;
    axm_conv_pack(kernels, &state->shape, axm_conv_packing_direction(kind), &state->weights, packed);
}

static int32_t set_weights(axm_prepare *prepare, transpose_state *state)
{
    const axm_step *step = prepare->step;
    const axm_constant *w = step->inputs[1]->constant,
                       *b = step->input_count > 2 && step->inputs[2] ? step->inputs[2]->constant : NULL;
    int64_t taps = state->shape.kernel_h * state->shape.kernel_w;
    state->weights = (axm_conv_weights){.data = w->data,
                                        .half = w->dtype == AXM_FLOAT16,
                                        .stride = {w->shape.dim[1] * state->depth.kernel * taps, taps, state->shape.kernel_w, 1}};
    int32_t status = b ? axm_prepare_floats(prepare, b, &state->bias) : ACTMAX_OK;
    if (status < 0 || w->dtype == AXM_FLOAT32 || w->dtype == AXM_FLOAT16) return status;
    const float *converted;
    status = axm_prepare_floats(prepare, w, &converted);
    state->weights.data = converted;
    return status;
}

/* Backward gives this operator's result, so it is the direction that is always needed. */
static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    transpose_state *state = axm_prepare_memory(prepare, sizeof *state);
    size_t bytes, scratch;
    if (!state) return ACTMAX_ERROR_NO_MEMORY;
    step->state = state;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0)
        status = find_shape(step->params, &step->inputs[0]->shape, &step->inputs[1]->shape, &state->shape, &state->depth);
    if (status >= 0 && state->depth.batch > 0) /* within limit_tensor_elements, see infer */
        state->planes =
            ((size_t)(state->shape.batch * state->depth.plane * state->shape.in_c) * sizeof(float) + AXM_ALIGNMENT - 1) /
            AXM_ALIGNMENT * AXM_ALIGNMENT;
    if (status >= 0) status = set_weights(prepare, state);
    for (int32_t i = 0; i < (prepare->gradient ? 2 : 1) && status >= 0; ++i) {
        axm_direction direction = i == 0 ? AXM_BACKWARD : AXM_FORWARD;
        bytes = axm_conv_packed_bytes(prepare->kernels, &state->shape, direction);
        if (!axm_add_size(state->planes, axm_conv_scratch_bytes(prepare->kernels, &state->shape, direction), &scratch))
            return axm_no_memory(UINT64_MAX, "a transposed convolution");
        axm_prepare_scratch(prepare, scratch);
        axm_prepare_shared_scratch(prepare, axm_conv_shared_bytes(prepare->kernels, &state->shape, direction));
        status = axm_prepare_packed(prepare, axm_conv_packing(prepare->kernels, &state->shape, direction), bytes, make_packed,
                                    &state->packed[direction]);
    }
    if (status < 0) return status;
    if (!axm_mul_size((size_t)axm_shape_count(&step->inputs[0]->shape), sizeof(float), &bytes))
        return axm_no_memory(UINT64_MAX, "a transposed convolution");
    axm_prepare_saved(prepare, bytes); /* room for a gradient that is to be added */
    return ACTMAX_OK;
}

/* ---- Run ---- */

/* The planes in between lie in front of each worker's scratch memory (the first one's are used). */
static axm_exec behind_planes(const transpose_state *state, const axm_exec *exec)
{
    axm_exec behind = *exec;
    if (state->planes) behind.scratch += state->planes;
    return behind;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const transpose_state *state = step->state;
    axm_exec behind = behind_planes(state, exec);
    float *y = step->outputs[0]->data, *planes = state->planes ? (float *)(void *)exec->scratch : y;
    size_t channels = (size_t)state->depth.channels;
    axm_conv_backward(&behind, &state->shape, step->inputs[0]->data, state->packed[AXM_BACKWARD], false, planes);
    if (state->planes) axm_depth_scatter(exec, &state->depth, planes, false, y);
    if (state->bias || step->clamp.low > -INFINITY || step->clamp.high < INFINITY)
        axm_channel_affine_forward(exec, axm_op_output_count(step) / channels, channels, y, NULL, state->bias, step->clamp, y);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const transpose_state *state = step->state;
    axm_exec behind = behind_planes(state, exec);
    axm_clamp none = {-INFINITY, INFINITY};
    const float *dy = step->outputs[0]->grad;
    float *dx = step->inputs[0]->grad, *to = accumulate ? step->saved : dx;
    (void)input;
    if (state->planes) {
        float *planes = (float *)(void *)exec->scratch;
        axm_depth_gather(exec, &state->depth, dy, planes);
        dy = planes;
    }
    axm_conv_forward(&behind, &state->shape, dy, state->packed[AXM_FORWARD], NULL, NULL, none, to);
    if (accumulate) axm_op_copy(exec, (size_t)axm_shape_count(&step->inputs[0]->shape), to, true, dx);
}

static int64_t multiplications(const axm_step *step)
{
    const axm_shape *w = &step->inputs[1]->shape;
    int64_t total;
    return axm_mul_i64(axm_shape_count(&step->inputs[0]->shape), axm_shape_count(w) / w->dim[0], &total) ? total : INT64_MAX;
}

const axm_op axm_op_ConvTranspose = {.name = "ConvTranspose",
                                     .min_inputs = 2,
                                     .max_inputs = 3,
                                     .outputs = 1,
                                     .flags = AXM_OP_FUSES_CLAMP | AXM_OP_SPATIAL,
                                     .params_size = sizeof(transpose_params),
                                     .parse = parse,
                                     .infer = infer,
                                     .layout = axm_layout_channels_last,
                                     .prepare = prepare,
                                     .forward = forward,
                                     .backward = backward,
                                     .multiplications = multiplications};
