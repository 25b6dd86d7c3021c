/* Conv: X [N, C, (H,) W], W const [M, C/group, (kh,) kw] (with hwio=1: [(kh,) kw, C/group, M]), B const [M] or none -> [N, M, (oh,)
 * ow]. Channels last; one spatial axis is computed as height 1. Takes scale, shift, clamp and filters. Backward reads neither X nor
 * Y. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/conv_packing.h"
#include "ops/window.h"

typedef struct conv_params {
    axm_window_params window;
    int64_t groups;
    int64_t hwio; /* W is [(kh,) kw, C/group, M] */
} conv_params;

typedef struct conv_state {
    axm_conv_shape shape;
    const void *packed[2]; /* by axm_direction */
    axm_conv_weights weights;
    const float *bias; /* of the wanted filters; NULL: none */
} conv_state;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *out)
{
    conv_params *p = out;
    (void)arena;
    int32_t status = axm_window_parse(attributes, &p->window);
    if (status >= 0) status = axm_attribute_int(attributes, "group", 1, &p->groups);
    if (status >= 0) status = axm_attribute_int(attributes, "hwio", 0, &p->hwio);
    if (status < 0) return status;
    if (p->groups < 1) return axm_fail(ACTMAX_ERROR_FORMAT, "Conv needs group of at least 1, got %lld", (long long)p->groups);
    return ACTMAX_OK;
}

/* The shape of the weights as [M, C/group, (kh,) kw], and how many elements apart they lie along these (without kh: 4 all the
 * same). */
static axm_shape weight_shape(const conv_params *p, const axm_shape *w)
{
    axm_shape out = *w;
    if (!p->hwio || w->rank < 3) return out;
    out.dim[0] = w->dim[w->rank - 1];
    out.dim[1] = w->dim[w->rank - 2];
    for (int32_t i = 2; i < w->rank; ++i)
        out.dim[i] = w->dim[i - 2];
    return out;
}

static void weight_strides(const conv_params *p, const axm_shape *w, int64_t stride[4])
{
    int64_t taps = w->rank == 4 ? w->dim[2] * w->dim[3] : w->dim[2], width = w->dim[w->rank - 1], out = w->dim[0], in = w->dim[1];
    stride[0] = p->hwio ? 1 : in * taps;
    stride[1] = p->hwio ? out : taps;
    stride[2] = p->hwio ? width * in * out : width;
    stride[3] = p->hwio ? in * out : 1;
}

/* The kernel as the weights have it, in window order. */
static void kernel_of(const axm_shape *w, int64_t kernel[2])
{
    kernel[0] = w->rank == 4 ? w->dim[2] : 1;
    kernel[1] = w->dim[w->rank - 1];
}

static int32_t check_weights(const conv_params *p, const axm_shape *x, const axm_shape *w)
{
    char got[AXM_SHAPE_TEXT], input[AXM_SHAPE_TEXT];
    axm_shape_text(w, got);
    axm_shape_text(x, input);
    AXM_OP_CHECK(x->rank >= 3, "Conv needs an input of shape [batch, channels, height, width], got %s", input);
    if (x->rank > 4)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Conv over %d spatial axes (input %s) is not supported; actmax computes 1 and 2",
                        (int)x->rank - 2, input);
    const char *kernel = x->rank == 4 ? "kh, kw" : "kw";
    AXM_OP_CHECK(w->rank == x->rank, "Conv needs W of shape [out, %lld/%lld, %s], got %s", (long long)x->dim[1],
                 (long long)p->groups, kernel, got);
    for (int32_t i = 0; i < w->rank; ++i)
        AXM_OP_CHECK(w->dim[i] >= 1, "Conv has empty weights W of shape %s", got);
    AXM_OP_CHECK(x->dim[1] % p->groups == 0 && w->dim[1] == x->dim[1] / p->groups,
                 "Conv needs W of shape [out, %lld/%lld, %s] for its input %s, got %s", (long long)x->dim[1], (long long)p->groups,
                 kernel, input, got);
    AXM_OP_CHECK(w->dim[0] % p->groups == 0, "Conv with %lld groups needs a multiple of that many filters, got W of shape %s",
                 (long long)p->groups, got);
    int64_t shape[2];
    kernel_of(w, shape);
    AXM_OP_CHECK(!p->window.has_kernel || (shape[0] == p->window.kernel[0] && shape[1] == p->window.kernel[1]),
                 "Conv has kernel_shape %lld x %lld, but its W is %s", (long long)p->window.kernel[0],
                 (long long)p->window.kernel[1], got);
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    const conv_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    const axm_constant *w, *b;
    char got[AXM_SHAPE_TEXT];
    int64_t kernel[2];
    axm_window window;
    int32_t status = axm_op_weight("Conv", "its weights W", infer->inputs[1], &w);
    if (status >= 0) status = axm_op_weight("Conv", "its bias B", axm_op_input(infer->inputs, infer->input_count, 2), &b);
    if (status < 0) return status;
    const axm_shape weights = weight_shape(p, &w->shape);
    if ((status = check_weights(p, x, &weights)) < 0) return status;
    AXM_OP_CHECK(!b || (b->shape.rank == 1 && b->shape.dim[0] == weights.dim[0]), "Conv needs B of shape [%lld], got %s",
                 (long long)weights.dim[0], axm_shape_text(&b->shape, got));
    kernel_of(&weights, kernel);
    if ((status = axm_window_fit("Conv", &p->window, x, kernel, &window)) < 0) return status;
    if (window.begin[0] >= AXM_MOST_PAD || window.begin[1] >= AXM_MOST_PAD)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Conv has padding of %lld; actmax takes less than %d",
                        (long long)(window.begin[0] > window.begin[1] ? window.begin[0] : window.begin[1]), AXM_MOST_PAD);
    axm_shape y = axm_window_output(&window, x, weights.dim[0]);
    return axm_op_output(infer, "Conv", 0, &y);
}

/* ---- Prepare ---- */

static void make_packed(const axm_step *step, const axm_kernels *kernels, int32_t kind, void *packed)
{
    const conv_state *state = step->state;
    axm_conv_pack(kernels, &state->shape, axm_conv_packing_direction(kind), &state->weights, packed);
}

static int64_t filter_at(const axm_step *step, int64_t i)
{
    return step->filters ? step->filters[i] : i;
}

/* out_c: of the wanted filters; 0: all of them. */
static int32_t shape_of(const conv_params *p, const axm_shape *x, const axm_shape *w, int64_t out_c, axm_conv_shape *shape)
{
    const axm_shape weights = weight_shape(p, w);
    int64_t kernel[2];
    axm_window window;
    kernel_of(&weights, kernel);
    int32_t status = axm_window_fit("Conv", &p->window, x, kernel, &window);
    if (status < 0) return status;
    *shape = (axm_conv_shape){.batch = window.batch,
                              .in_h = window.in[0],
                              .in_w = window.in[1],
                              .in_c = window.channels,
                              .out_h = window.out[0],
                              .out_w = window.out[1],
                              .out_c = out_c ? out_c : weights.dim[0],
                              .kernel_h = kernel[0],
                              .kernel_w = kernel[1],
                              .stride_h = window.stride[0],
                              .stride_w = window.stride[1],
                              .dilation_h = window.dilation[0],
                              .dilation_w = window.dilation[1],
                              .pad_top = window.begin[0],
                              .pad_left = window.begin[1],
                              .groups = p->groups};
    return ACTMAX_OK;
}

/* Some filters of a grouped convolution are computed as an ungrouped one whose weights are 0 outside each filter's group. */
static int32_t expand_groups(axm_prepare *prepare, conv_state *state)
{
    const axm_step *step = prepare->step;
    const axm_constant *w = step->inputs[1]->constant;
    const axm_shape shape = weight_shape(step->params, &w->shape);
    int64_t taps = state->shape.kernel_h * state->shape.kernel_w, group_c = shape.dim[1], count, stride[4];
    int64_t group_out = shape.dim[0] / state->shape.groups, in_c = state->shape.in_c, width = state->shape.kernel_w;
    weight_strides(step->params, &shape, stride);
    size_t bytes;
    if (!axm_mul_i64(state->shape.out_c, in_c, &count) || !axm_mul_i64(count, taps, &count) ||
        !axm_mul_size((size_t)count, sizeof(float), &bytes))
        return axm_no_memory(UINT64_MAX, "weights of a grouped convolution");
    float *expanded = axm_prepare_memory(prepare, bytes);
    if (!expanded) return ACTMAX_ERROR_NO_MEMORY;
    for (int64_t i = 0; i < state->shape.out_c; ++i) {
        int64_t filter = filter_at(step, i), first = filter / group_out * group_c;
        float *to = expanded + (i * in_c + first) * taps;
        for (int64_t e = 0; e < group_c * taps; ++e)
            to[e] = (float)axm_constant_number(w, filter * stride[0] + e / taps * stride[1] + e % taps / width * stride[2] +
                                                      e % width * stride[3]);
    }
    state->shape.groups = 1;
    state->weights.data = expanded;
    state->weights.half = false;
    const int64_t dense[4] = {in_c * taps, taps, width, 1};
    memcpy(state->weights.stride, dense, sizeof dense);
    state->weights.filters = NULL;
    return ACTMAX_OK;
}

static int32_t set_weights(axm_prepare *prepare, conv_state *state)
{
    const axm_step *step = prepare->step;
    const axm_constant *w = step->inputs[1]->constant;
    const axm_shape shape = weight_shape(step->params, &w->shape);
    state->weights = (axm_conv_weights){.data = w->data, .half = w->dtype == AXM_FLOAT16, .filters = step->filters};
    weight_strides(step->params, &shape, state->weights.stride);
    if (step->scale) {
        float *scale = axm_prepare_memory(prepare, (size_t)state->shape.out_c * sizeof *scale);
        if (!scale) return ACTMAX_ERROR_NO_MEMORY;
        for (int64_t i = 0; i < state->shape.out_c; ++i)
            scale[i] = step->scale[filter_at(step, i)];
        state->weights.scale = scale;
    }
    if (step->filters && state->shape.groups > 1) return expand_groups(prepare, state);
    if (w->dtype == AXM_FLOAT32 || w->dtype == AXM_FLOAT16) return ACTMAX_OK;
    const float *converted;
    int32_t status = axm_prepare_floats(prepare, w, &converted);
    state->weights.data = converted;
    return status;
}

static int32_t set_bias(axm_prepare *prepare, conv_state *state)
{
    const axm_step *step = prepare->step;
    const axm_constant *b = step->input_count > 2 && step->inputs[2] ? step->inputs[2]->constant : NULL;
    if (!b && !step->shift) return ACTMAX_OK;
    if (b && !step->scale && !step->shift && !step->filters) return axm_prepare_floats(prepare, b, &state->bias);
    float *bias = axm_prepare_memory(prepare, (size_t)state->shape.out_c * sizeof *bias);
    if (!bias) return ACTMAX_ERROR_NO_MEMORY;
    for (int64_t i = 0; i < state->shape.out_c; ++i) {
        int64_t filter = filter_at(step, i);
        double scale = step->scale ? (double)step->scale[filter] : 1.0, shift = step->shift ? (double)step->shift[filter] : 0.0;
        bias[i] = (float)(scale * (b ? axm_constant_number(b, filter) : 0.0) + shift);
    }
    state->bias = bias;
    return ACTMAX_OK;
}

/* For any number of images up to those of the plan: a larger batch may be computed in another way, with less scratch. */
static void want_scratch(axm_prepare *prepare, const axm_conv_shape *shape, axm_direction direction)
{
    for (int32_t images = 1; images <= prepare->images || images == 1; ++images) {
        axm_conv_shape all = *shape;
        all.batch *= images;
        axm_prepare_scratch(prepare, axm_conv_scratch_bytes(prepare->kernels, &all, direction));
        axm_prepare_shared_scratch(prepare, axm_conv_shared_bytes(prepare->kernels, &all, direction));
    }
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    conv_state *state = axm_prepare_memory(prepare, sizeof *state);
    if (!state) return ACTMAX_ERROR_NO_MEMORY;
    step->state = state;
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status >= 0)
        status = shape_of(step->params, &step->inputs[0]->shape, &step->inputs[1]->shape, step->filters ? step->filter_count : 0,
                          &state->shape);
    if (status >= 0) status = set_weights(prepare, state);
    if (status >= 0) status = set_bias(prepare, state);
    for (int32_t d = AXM_FORWARD; d <= (prepare->gradient ? AXM_BACKWARD : AXM_FORWARD) && status >= 0; ++d) {
        axm_direction direction = d == AXM_FORWARD ? AXM_FORWARD : AXM_BACKWARD;
        size_t bytes = axm_conv_packed_bytes(prepare->kernels, &state->shape, direction);
        want_scratch(prepare, &state->shape, direction);
        status = axm_prepare_packed(prepare, axm_conv_packing(prepare->kernels, &state->shape, direction), bytes, make_packed,
                                    &state->packed[d]);
    }
    if (status >= 0 && step->pools) axm_prepare_saved(prepare, (size_t)state->shape.batch * axm_conv_pool_bytes(&state->shape));
    if (status >= 0) axm_prepare_forget(prepare, step->inputs[1]->constant);
    return status;
}

/* ---- Run ---- */

static void forward(const axm_step *step, const axm_exec *exec)
{
    const conv_state *state = step->state;
    const float *x = step->inputs[0]->data, *addend = step->addend ? step->addend->data : NULL;
    float *y = step->outputs[0]->data;
    if (step->pools)
        axm_conv_pool_forward(exec, &state->shape, x, state->packed[AXM_FORWARD], state->bias, step->clamp, y, step->saved);
    else
        axm_conv_forward(exec, &state->shape, x, state->packed[AXM_FORWARD], state->bias, addend, step->clamp, y);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const conv_state *state = step->state;
    const float *dy = step->outputs[0]->grad;
    float *dx = step->inputs[0]->grad;
    (void)input;
    if (step->pools)
        axm_conv_pool_backward(exec, &state->shape, dy, step->saved, state->packed[AXM_BACKWARD], accumulate, dx);
    else
        axm_conv_backward(exec, &state->shape, dy, state->packed[AXM_BACKWARD], accumulate, dx);
}

static bool takes_pool(const void *params, const axm_kernels *kernels, const axm_shape *const *inputs)
{
    axm_conv_shape shape;
    return inputs[0]->rank == 4 && shape_of(params, inputs[0], inputs[1], 0, &shape) >= 0 && axm_conv_takes_pool(kernels, &shape);
}

static bool takes_images(const axm_step *step)
{
    (void)step;
    return true;
}

static bool takes_addend(const axm_step *step, const axm_kernels *kernels)
{
    axm_conv_shape shape;
    const int64_t filters = step->filters ? step->filter_count : 0;
    return shape_of(step->params, &step->inputs[0]->shape, &step->inputs[1]->shape, filters, &shape) >= 0 &&
           axm_conv_takes_addend(kernels, &shape);
}

static int64_t multiplications(const axm_step *step)
{
    const axm_shape w = weight_shape(step->params, &step->inputs[1]->shape);
    int64_t each = axm_shape_count(&w) / w.dim[0], total;
    axm_conv_shape s;
    if (shape_of(step->params, &step->inputs[0]->shape, &step->inputs[1]->shape, step->filter_count, &s) < 0) return 0;
    total = s.batch * s.out_h * s.out_w; /* within limit_tensor_elements */
    return axm_mul_i64(total, s.out_c, &total) && axm_mul_i64(total, each, &total) ? total : INT64_MAX;
}

const axm_op axm_op_Conv = {.name = "Conv",
                            .min_inputs = 2,
                            .max_inputs = 3,
                            .outputs = 1,
                            .flags = AXM_OP_FOLDS_AFFINE | AXM_OP_FUSES_CLAMP | AXM_OP_SLICES | AXM_OP_SPATIAL,
                            .params_size = sizeof(conv_params),
                            .parse = parse,
                            .infer = infer,
                            .layout = axm_layout_channels_last,
                            .prepare = prepare,
                            .forward = forward,
                            .backward = backward,
                            .multiplications = multiplications,
                            .takes_images = takes_images,
                            .takes_pool = takes_pool,
                            .takes_addend = takes_addend};
