/* RoundFloat: X rounded to a floating type of 4 or 8 bits, and kept in float32; any shape and layout. The gradient of the rounding
 * is taken to be 1 (straight-through), and 0 where the type's range cuts off. */
#include <string.h>

#include "ops/fold.h"

typedef struct round_params {
    axm_dtype to; /* first, as Cast has it */
    axm_rounding rounding;
} round_params;

static int32_t parse_power(const axm_attributes *attributes, axm_power_rounding *out)
{
    static const char *const modes[] = {"up", "down", "nearest"}; /* of axm_power_rounding */
    const char *mode;
    int32_t status = axm_attribute_text(attributes, "round_mode", "up", &mode);
    if (status < 0) return status;
    for (int32_t i = AXM_POWER_UP; i <= AXM_POWER_NEAREST; ++i) {
        if (strcmp(modes[i], mode) != 0) continue;
        *out = (axm_power_rounding)i;
        return ACTMAX_OK;
    }
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "round_mode is '%.80s'; actmax rounds up, down, or to the nearest", mode);
}

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    round_params *p = params;
    int64_t to, saturate;
    axm_power_rounding power = AXM_POWER_UP;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "to", -1, &to);
    if (status >= 0) status = axm_attribute_int(attributes, "saturate", 1, &saturate);
    if (status >= 0) status = parse_power(attributes, &power);
    if (status < 0) return status;
    const axm_small_float *format = to >= 0 && to < AXM_DTYPES ? axm_dtype_small_float((axm_dtype)to) : NULL;
    if (!format) return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "a floating type of 4 or 8 bits that actmax does not know");
    if (saturate != 0 && saturate != 1)
        return axm_fail(ACTMAX_ERROR_FORMAT, "saturate is %lld; it must be 0 or 1; the file is damaged", (long long)saturate);
    p->to = (axm_dtype)to;
    p->rounding = axm_rounding_to(format, saturate != 0, power);
    return ACTMAX_OK;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const round_params *p = step->params;
    axm_round_forward(exec, &p->rounding, axm_op_output_count(step), step->inputs[0]->data, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const round_params *p = step->params;
    (void)input;
    axm_round_backward(exec, &p->rounding, axm_op_output_count(step), step->inputs[0]->data, step->outputs[0]->grad, accumulate,
                       step->inputs[0]->grad);
}

/* Integers and booleans become numbers first. */
static int32_t fold(const axm_fold *fold)
{
    const round_params *p = fold->params;
    const axm_constant *x = fold->inputs[0];
    int32_t status = axm_fold_output(fold, "Cast", 0, AXM_FLOAT32, &x->shape);
    if (status < 0) return status;
    float *y = (float *)fold->outputs[0].data; /* its own: the arena's */
    axm_exec alone = {0};
    axm_constant_to_float(x, y);
    axm_round_forward(&alone, &p->rounding, (size_t)axm_shape_count(&x->shape), y, y);
    return ACTMAX_OK;
}

const axm_op axm_op_RoundFloat = {.name = "RoundFloat",
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .outputs = 1,
                                  .flags =
                                      AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_INPUTS,
                                  .params_size = sizeof(round_params),
                                  .parse = parse,
                                  .infer = axm_op_infer_same,
                                  .layout = axm_layout_same,
                                  .forward = forward,
                                  .backward = backward,
                                  .fold = fold};
