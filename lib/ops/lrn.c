/* LRN: X [N, C, ...] / (bias + alpha/size * the sum of X^2 over `size` neighbouring channels)^beta, channels last. */
#include <math.h>

#include "ops/common.h"

typedef struct lrn_params {
    int64_t size;
    float alpha, beta, bias;
} lrn_params;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    lrn_params *p = params;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "size", 0, &p->size);
    if (status >= 0) status = axm_attribute_float(attributes, "alpha", 1e-4f, &p->alpha);
    if (status >= 0) status = axm_attribute_float(attributes, "beta", 0.75f, &p->beta);
    if (status >= 0) status = axm_attribute_float(attributes, "bias", 1.0f, &p->bias);
    if (status < 0) return status;
    if (p->size < 1 || p->size > INT32_MAX)
        return axm_fail(ACTMAX_ERROR_FORMAT, "LRN needs a size of at least 1, got %lld", (long long)p->size);
    if (!isfinite(p->alpha) || !isfinite(p->beta) || !isfinite(p->bias))
        return axm_fail(ACTMAX_ERROR_FORMAT, "LRN has an attribute that is not a finite number");
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    const axm_shape *x = &infer->inputs[0]->shape;
    char text[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(x->rank >= 2 && x->rank <= 5, "LRN needs an input of shape [batch, channels, height, width], got %s",
                 axm_shape_text(x, text));
    return axm_op_output(infer, "LRN", 0, x);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const lrn_params *p = step->params;
    int64_t channels = step->inputs[0]->shape.dim[1];
    axm_lrn_forward(exec, axm_op_output_count(step) / (size_t)channels, channels, p->size, p->alpha, p->beta, p->bias,
                    step->inputs[0]->data, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const lrn_params *p = step->params;
    int64_t channels = step->inputs[0]->shape.dim[1];
    (void)input;
    axm_lrn_backward(exec, axm_op_output_count(step) / (size_t)channels, channels, p->size, p->alpha, p->beta, p->bias,
                     step->inputs[0]->data, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

const axm_op axm_op_LRN = {.name = "LRN",
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .outputs = 1,
                           .flags = AXM_OP_READS_INPUTS,
                           .params_size = sizeof(lrn_params),
                           .parse = parse,
                           .infer = infer,
                           .layout = axm_layout_channels_last,
                           .prepare = axm_op_needs_channels_last,
                           .forward = forward,
                           .backward = backward};
