/* Cast: activations are float32 whatever the file says, so between floating types it is X itself; constants are converted: numbers
 * to integers towards zero, integers to narrower ones by their low bits. */
#include <math.h>

#include "ops/fold.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    int64_t to;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "to", -1, &to);
    if (status < 0) return status;
    if (to < AXM_FLOAT32 || to > AXM_UINT64)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Cast to %s is not supported; actmax casts to types of 8 bits and more",
                        axm_dtype_name((axm_dtype)(to >= 0 && to <= AXM_UINT2 ? to : AXM_UINT2 + 1)));
    *(axm_dtype *)params = (axm_dtype)to;
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    axm_dtype to = *(const axm_dtype *)infer->params;
    if (to > AXM_FLOAT64)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "Cast to %s of what is computed from the image is not supported: it has no gradient; " AXM_END_BEFORE,
                        axm_dtype_name(to));
    return axm_op_infer_same(infer);
}

static int64_t low_bits(int64_t value, axm_dtype to)
{
    uint64_t bits = (uint64_t)value;
    switch (to) {
    case AXM_INT8: return (int64_t)((bits & 0xffu) ^ 0x80u) - 0x80;
    case AXM_UINT8: return (int64_t)(bits & 0xffu);
    case AXM_INT32: return (int64_t)((bits & 0xffffffffu) ^ 0x80000000u) - (int64_t)0x80000000;
    case AXM_INT16: return (int64_t)((bits & 0xffffu) ^ 0x8000u) - 0x8000;
    case AXM_UINT16: return (int64_t)(bits & 0xffffu);
    case AXM_UINT32: return (int64_t)(bits & 0xffffffffu);
    default: return value;
    }
}

static int32_t convert(const axm_constant *in, const axm_constant *out, int64_t i)
{
    if (axm_fold_is_float(out)) {
        axm_fold_put_float(out, i, axm_constant_number(in, i));
        return ACTMAX_OK;
    }
    if (!axm_fold_is_float(in)) return axm_fold_put("Cast", out, i, low_bits(axm_constant_integer(in, i), out->dtype));
    double value = axm_constant_number(in, i);
    if (out->dtype == AXM_BOOL) return axm_fold_put("Cast", out, i, value != 0.0);
    AXM_OP_CHECK(value > -9223372036854775808.0 && value < 9223372036854775808.0, "Cast cannot turn %g into %s", value,
                 axm_dtype_name(out->dtype));
    return axm_fold_put("Cast", out, i, axm_constant_integer(in, i));
}

static int32_t fold(const axm_fold *fold)
{
    axm_dtype to = *(const axm_dtype *)fold->params;
    const axm_constant *in = fold->inputs[0];
    if (axm_fold_is_float(in) && to <= AXM_FLOAT64) {
        fold->outputs[0] = *in; /* read as float32 where it is used */
        return ACTMAX_OK;
    }
    int32_t status = axm_fold_output(fold, "Cast", 0, to <= AXM_FLOAT64 ? AXM_FLOAT32 : to, &in->shape);
    int64_t count = axm_shape_count(&in->shape);
    for (int64_t i = 0; i < count && status >= 0; ++i)
        status = convert(in, &fold->outputs[0], i);
    return status;
}

const axm_op axm_op_Cast = {.name = "Cast",
                            .min_inputs = 1,
                            .max_inputs = 1,
                            .outputs = 1,
                            .flags = AXM_OP_ALIAS | AXM_OP_POINTWISE,
                            .params_size = sizeof(axm_dtype),
                            .parse = parse,
                            .infer = infer,
                            .layout = axm_layout_same,
                            .fold = fold};
