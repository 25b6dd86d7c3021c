/* Elu, Selu, Celu, ThresholdedRelu, Softplus, Softsign, Gelu, Mish: functions of one variable, any shape and layout. */
#include <math.h>
#include <string.h>

#include "ops/common.h"

typedef struct curve_params {
    axm_curve kind;
    float a, b;
} curve_params;

static int32_t parse_factors(const axm_attributes *attributes, curve_params *p, axm_curve kind, float alpha, float gamma)
{
    p->kind = kind;
    int32_t status = axm_attribute_float(attributes, "alpha", alpha, &p->a);
    return status < 0 ? status : axm_attribute_float(attributes, "gamma", gamma, &p->b);
}

static int32_t parse_Elu(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return parse_factors(attributes, params, AXM_CURVE_ELU, 1.0f, 1.0f);
}

/* The defaults are ONNX's: those of Klambauer et al. 2017, rounded to float. */
static int32_t parse_Selu(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return parse_factors(attributes, params, AXM_CURVE_ELU, 1.67326319217681884765625f, 1.05070102214813232421875f);
}

static int32_t parse_Celu(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    curve_params *p = params;
    (void)arena;
    int32_t status = parse_factors(attributes, p, AXM_CURVE_CELU, 1.0f, 1.0f);
    if (status < 0) return status;
    if (!(p->a > 0.0f) || isinf(p->a))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Celu needs an alpha above 0, got %g", (double)p->a);
    return ACTMAX_OK;
}

static int32_t parse_ThresholdedRelu(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return parse_factors(attributes, params, AXM_CURVE_THRESHOLDED_RELU, 1.0f, 1.0f);
}

static int32_t parse_Gelu(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    curve_params *p = params;
    const char *approximate;
    (void)arena;
    int32_t status = axm_attribute_text(attributes, "approximate", "none", &approximate);
    if (status < 0) return status;
    p->kind = strcmp(approximate, "tanh") == 0 ? AXM_CURVE_GELU_TANH : AXM_CURVE_GELU;
    if (p->kind == AXM_CURVE_GELU && strcmp(approximate, "none") != 0)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Gelu has approximate '%.40s'; actmax knows none and tanh", approximate);
    return ACTMAX_OK;
}

#define PARSE_PLAIN(Name, which)                                                                                                   \
    static int32_t parse_##Name(const axm_attributes *attributes, axm_arena *arena, void *params)                                  \
    {                                                                                                                              \
        (void)attributes;                                                                                                          \
        (void)arena;                                                                                                               \
        ((curve_params *)params)->kind = which;                                                                                    \
        return ACTMAX_OK;                                                                                                          \
    }

PARSE_PLAIN(Softplus, AXM_CURVE_SOFTPLUS)
PARSE_PLAIN(Softsign, AXM_CURVE_SOFTSIGN)
PARSE_PLAIN(Mish, AXM_CURVE_MISH)

static void forward(const axm_step *step, const axm_exec *exec)
{
    const curve_params *p = step->params;
    axm_op_curve_forward(step, exec, p->kind, p->a, p->b);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const curve_params *p = step->params;
    (void)input;
    axm_op_curve_backward(step, exec, p->kind, p->a, p->b, accumulate);
}

#define ACTIVATION(Name)                                                                                                           \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = 1,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_CURVE,                                                                           \
                                  .params_size = sizeof(curve_params),                                                             \
                                  .parse = parse_##Name,                                                                           \
                                  .infer = axm_op_infer_same,                                                                      \
                                  .layout = axm_layout_same,                                                                       \
                                  .forward = forward,                                                                              \
                                  .backward = backward};

ACTIVATION(Elu)
ACTIVATION(Selu)
ACTIVATION(Celu)
ACTIVATION(ThresholdedRelu)
ACTIVATION(Softplus)
ACTIVATION(Softsign)
ACTIVATION(Gelu)
ACTIVATION(Mish)
