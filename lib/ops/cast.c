/* Cast: activations are float32 whatever the file says, so between floating types of 16 bits and more it is X itself (RoundFloat is
 * the cast to narrower ones); constants are converted: numbers to integers towards zero, integers to narrower ones by their low
 * bits. What of a number does not fit fails, but for types below 8 bits: their low bits are taken, as ONNX's cases have it. */
#include <math.h>

#include "ops/fold.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    int64_t to;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "to", -1, &to);
    if (status < 0) return status;
    if (to < AXM_FLOAT32 || to >= AXM_DTYPES) return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Cast to a type that actmax does not know");
    if (axm_dtype_small_float((axm_dtype)to))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Cast to %s is RoundFloat here", axm_dtype_name((axm_dtype)to));
    *(axm_dtype *)params = (axm_dtype)to;
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    axm_dtype to = *(const axm_dtype *)infer->params;
    if (!axm_dtype_is_float(to))
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
    case AXM_INT4: return (int64_t)((bits & 0xfu) ^ 0x8u) - 0x8;
    case AXM_UINT4: return (int64_t)(bits & 0xfu);
    case AXM_INT2: return (int64_t)((bits & 0x3u) ^ 0x2u) - 0x2;
    case AXM_UINT2: return (int64_t)(bits & 0x3u);
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
    int64_t whole = axm_constant_integer(in, i);
    return axm_fold_put("Cast", out, i, out->dtype >= AXM_INT4 ? low_bits(whole, out->dtype) : whole);
}

static int32_t fold(const axm_fold *fold)
{
    axm_dtype to = *(const axm_dtype *)fold->params;
    const axm_constant *in = fold->inputs[0];
    if (axm_fold_is_float(in) && axm_dtype_is_float(to)) {
        fold->outputs[0] = *in; /* read as float32 where it is used */
        return ACTMAX_OK;
    }
    int32_t status = axm_fold_output(fold, "Cast", 0, axm_dtype_is_float(to) ? AXM_FLOAT32 : to, &in->shape);
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
