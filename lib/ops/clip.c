/* Clip: min(max(X, low), high), any shape and layout. The bounds are attributes min and max, or constant inputs 1 and 2, which
 * win. The gradient at both bounds is 0; with low 0 (ReLU6) it follows the plan's ReLU rule. */
#include <math.h>

#include "ops/fold.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    axm_clamp *p = params;
    (void)arena;
    int32_t status = axm_attribute_float(attributes, "min", -INFINITY, &p->low);
    return status < 0 ? status : axm_attribute_float(attributes, "max", INFINITY, &p->high);
}

static int32_t bounds(const void *params, const axm_tensor *const *inputs, int32_t count, axm_clamp *out)
{
    *out = *(const axm_clamp *)params;
    int32_t status = axm_op_scalar("Clip", "min", axm_op_input(inputs, count, 1), &out->low);
    if (status >= 0) status = axm_op_scalar("Clip", "max", axm_op_input(inputs, count, 2), &out->high);
    if (status < 0) return status;
    if (isnan(out->low) || isnan(out->high)) return axm_fail(ACTMAX_ERROR_FORMAT, "Clip has a bound that is not a number");
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    axm_clamp unused;
    int32_t status = bounds(infer->params, infer->inputs, infer->input_count, &unused);
    return status < 0 ? status : axm_op_infer_same(infer);
}

static bool as_clamp(const void *params, const axm_tensor *const *inputs, int32_t input_count, axm_clamp *out)
{
    for (int32_t i = 1; i < input_count; ++i)
        if (inputs[i] && !inputs[i]->constant) return false;
    return bounds(params, inputs, input_count, out) >= 0;
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *inputs[3] = {NULL};
    axm_clamp *clamp = axm_prepare_memory(prepare, sizeof *clamp);
    if (!clamp) return ACTMAX_ERROR_NO_MEMORY;
    for (int32_t i = 0; i < step->input_count; ++i)
        inputs[i] = step->inputs[i];
    step->state = clamp;
    return bounds(step->params, inputs, step->input_count, clamp);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const axm_clamp *clamp = step->state;
    axm_op_unary_forward(step, exec, AXM_UNARY_CLAMP, clamp->low, clamp->high);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_clamp *clamp = step->state;
    axm_relu_rule rule = clamp->low == 0.0f ? step->relu_rule : AXM_RELU_PLAIN;
    (void)input;
    axm_clamp_backward(exec, rule, *clamp, axm_op_output_count(step), step->outputs[0]->data, step->outputs[0]->grad, accumulate,
                       step->inputs[0]->grad);
}

/* Of integers, with bounds of integers. */
static int32_t fold(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    if (axm_fold_is_float(x)) return AXM_FOLD_BY_FORWARD;
    for (int32_t i = 1; i < fold->input_count; ++i)
        AXM_OP_CHECK(!fold->inputs[i] || axm_shape_count(&fold->inputs[i]->shape) == 1,
                     "Clip needs its bounds to be single numbers");
    const axm_constant *low = fold->input_count > 1 ? fold->inputs[1] : NULL,
                       *high = fold->input_count > 2 ? fold->inputs[2] : NULL;
    int32_t status = axm_fold_output(fold, "Clip", 0, x->dtype, &x->shape);
    int64_t count = status < 0 ? 0 : axm_shape_count(&x->shape);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        int64_t value = axm_constant_integer(x, i);
        if (low && value < axm_constant_integer(low, 0)) value = axm_constant_integer(low, 0);
        if (high && value > axm_constant_integer(high, 0)) value = axm_constant_integer(high, 0);
        status = axm_fold_put("Clip", &fold->outputs[0], i, value);
    }
    return status;
}

const axm_op axm_op_Clip = {.name = "Clip",
                            .min_inputs = 1,
                            .max_inputs = 3,
                            .outputs = 1,
                            .flags = AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_OUTPUT,
                            .params_size = sizeof(axm_clamp),
                            .parse = parse,
                            .infer = infer,
                            .layout = axm_layout_same,
                            .prepare = prepare,
                            .forward = forward,
                            .backward = backward,
                            .as_clamp = as_clamp,
                            .fold = fold};
