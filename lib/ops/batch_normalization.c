/* BatchNormalization at inference: X [N, C, ...], scale, B, mean, var const [C]
 * -> scale (X - mean) / sqrt(var + epsilon) + B, channels last. Usually folded into the convolution before it. */
#include <math.h>

#include "ops/common.h"

typedef struct norm_params {
    float epsilon;
} norm_params;

typedef struct norm_state {
    const float *scale, *shift; /* [C] */
} norm_state;

static const char *const names[] = {"X", "scale", "B", "mean", "var"};

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    norm_params *p = params;
    (void)arena;
    int32_t status = axm_attribute_float(attributes, "epsilon", 1e-5f, &p->epsilon);
    if (status < 0) return status;
    if (!(p->epsilon >= 0.0f) || !isfinite(p->epsilon))
        return axm_fail(ACTMAX_ERROR_FORMAT, "BatchNormalization needs an epsilon of at least 0, got %g", (double)p->epsilon);
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    const axm_shape *x = &infer->inputs[0]->shape;
    char text[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(x->rank >= 2 && x->rank <= 5, "BatchNormalization needs an input of shape [batch, channels, ...], got %s",
                 axm_shape_text(x, text));
    for (int32_t i = 1; i < 5; ++i) {
        const axm_constant *constant;
        int32_t status = axm_op_weight("BatchNormalization", names[i], infer->inputs[i], &constant);
        if (status < 0) return status;
        AXM_OP_CHECK(constant->shape.rank == 1 && constant->shape.dim[0] == x->dim[1],
                     "BatchNormalization needs %s of shape [%lld], got %s", names[i], (long long)x->dim[1],
                     axm_shape_text(&constant->shape, text));
    }
    return axm_op_output(infer, "BatchNormalization", 0, x);
}

static bool as_channel_affine(const void *params, const axm_tensor *const *inputs, int32_t input_count, int64_t channels,
                              float *scale, float *shift)
{
    const norm_params *p = params;
    if (input_count != 5) return false;
    for (int32_t i = 1; i < 5; ++i)
        if (!inputs[i]->constant || axm_shape_count(&inputs[i]->shape) != channels) return false;
    for (int64_t c = 0; c < channels; ++c) {
        double factor =
            axm_constant_number(inputs[1]->constant, c) / sqrt(axm_constant_number(inputs[4]->constant, c) + (double)p->epsilon);
        scale[c] = (float)factor;
        shift[c] = (float)(axm_constant_number(inputs[2]->constant, c) - axm_constant_number(inputs[3]->constant, c) * factor);
    }
    return true;
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    int64_t channels = step->inputs[0]->shape.dim[1];
    int32_t status = axm_op_needs_channels_last(prepare);
    if (status < 0) return status;
    norm_state *state = axm_prepare_memory(prepare, sizeof *state);
    float *scale = axm_prepare_memory(prepare, 2 * (size_t)channels * sizeof *scale);
    if (!state || !scale) return ACTMAX_ERROR_NO_MEMORY;
    const axm_tensor *inputs[5];
    for (int32_t i = 0; i < 5; ++i)
        inputs[i] = step->inputs[i];
    if (!as_channel_affine(step->params, inputs, step->input_count, channels, scale, scale + channels))
        return axm_fail(ACTMAX_ERROR_INTERNAL, "BatchNormalization could not read its weights");
    *state = (norm_state){scale, scale + channels};
    step->state = state;
    return ACTMAX_OK;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const norm_state *state = step->state;
    size_t channels = (size_t)step->outputs[0]->shape.dim[1];
    axm_channel_affine_forward(exec, axm_op_output_count(step) / channels, channels, step->inputs[0]->data, state->scale,
                               state->shift, step->clamp, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const norm_state *state = step->state;
    size_t channels = (size_t)step->outputs[0]->shape.dim[1];
    (void)input;
    axm_channel_affine_backward(exec, axm_op_output_count(step) / channels, channels, step->outputs[0]->grad, state->scale,
                                accumulate, step->inputs[0]->grad);
}

const axm_op axm_op_BatchNormalization = {.name = "BatchNormalization",
                                          .min_inputs = 5,
                                          .max_inputs = 5,
                                          .outputs = 1,
                                          .flags = AXM_OP_FUSES_CLAMP | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD,
                                          .params_size = sizeof(norm_params),
                                          .parse = parse,
                                          .infer = infer,
                                          .layout = axm_layout_channels_last,
                                          .prepare = prepare,
                                          .forward = forward,
                                          .backward = backward,
                                          .as_channel_affine = as_channel_affine};
