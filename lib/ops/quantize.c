/* QuantizeLinear: round(X / scale) + zero point, within the range of a type; of a floating type of 4 or 8 bits: X / scale + zero
 * point, rounded to it. DequantizeLinear: (X - zero point) scale. Both are computed in float, in either layout, with a constant
 * scale: one, or one for each place or each block along an axis. The gradient of the rounding is taken to be 1 (straight-through),
 * and 0 where the range cuts off. */
#include "base/checked.h"
#include "ops/fold.h"

typedef struct quantize_params {
    int64_t axis, block;
    bool names_dtype;
    axm_dtype dtype; /* of the result; not named, it is the zero point's, or uint8 */
    bool saturate;
} quantize_params;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    quantize_params *p = params;
    int64_t dtype, saturate;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "axis", 1, &p->axis);
    if (status >= 0) status = axm_attribute_int(attributes, "block_size", 0, &p->block);
    if (status >= 0) status = axm_attribute_int(attributes, "output_dtype", AXM_UINT8, &dtype);
    if (status >= 0) status = axm_attribute_int(attributes, "saturate", 1, &saturate);
    if (status < 0) return status;
    if (dtype < AXM_FLOAT32 || dtype >= AXM_DTYPES)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "a quantised type that actmax does not know");
    if (saturate != 0 && saturate != 1)
        return axm_fail(ACTMAX_ERROR_FORMAT, "saturate is %lld; it must be 0 or 1; the file is damaged", (long long)saturate);
    p->names_dtype = axm_attribute_find(attributes, "output_dtype") != NULL;
    p->dtype = (axm_dtype)dtype;
    p->saturate = saturate != 0;
    return ACTMAX_OK;
}

static bool range_of(axm_dtype dtype, float *low, float *high)
{
    switch (dtype) {
    case AXM_INT8: *low = -128.0f, *high = 127.0f; return true;
    case AXM_UINT8: *low = 0.0f, *high = 255.0f; return true;
    case AXM_INT16: *low = -32768.0f, *high = 32767.0f; return true;
    case AXM_UINT16: *low = 0.0f, *high = 65535.0f; return true;
    case AXM_INT4: *low = -8.0f, *high = 7.0f; return true;
    case AXM_UINT4: *low = 0.0f, *high = 15.0f; return true;
    case AXM_INT2: *low = -2.0f, *high = 1.0f; return true;
    case AXM_UINT2: *low = 0.0f, *high = 3.0f; return true;
    default: return false;
    }
}

static axm_dtype result_type(const quantize_params *p, const axm_tensor *zero)
{
    return zero && !p->names_dtype ? zero->constant->dtype : p->dtype;
}

/* A float that X / scale is rounded to, or NULL. Powers of two are the scales' type only. */
static const axm_small_float *float_of(axm_dtype dtype)
{
    return dtype == AXM_FLOAT8E8M0 ? NULL : axm_dtype_small_float(dtype);
}

/* The scale's element for element i of X: of all, along the axis, or of a block along it. */
static int64_t scale_of(const axm_shape *x, const axm_shape *scale, int32_t axis, int64_t block, int64_t i)
{
    if (axm_shape_count(scale) == 1) return 0;
    int64_t element = 0, stride = 1;
    for (int32_t k = x->rank - 1; k >= 0; --k) {
        int64_t at = i % x->dim[k];
        i /= x->dim[k];
        if (scale->rank == 1) {
            if (k == axis) return at;
            continue;
        }
        element += (k == axis ? at / block : at) * stride;
        stride *= scale->dim[k];
    }
    return element;
}

static int32_t check_blocks(const quantize_params *p, const char *op, const axm_shape *x, const axm_shape *scale, int32_t *axis)
{
    char text[AXM_SHAPE_TEXT], wanted[AXM_SHAPE_TEXT];
    *axis = 0;
    if (axm_shape_count(scale) == 1) return ACTMAX_OK;
    int32_t status = axm_op_axis(op, p->axis, x->rank, false, axis);
    if (status < 0) return status;
    bool fits = p->block > 0 ? scale->rank == x->rank : scale->rank == 1 && scale->dim[0] == x->dim[*axis];
    for (int32_t k = 0; p->block > 0 && fits && k < x->rank; ++k)
        fits = scale->dim[k] == (k == *axis ? (x->dim[k] + p->block - 1) / p->block : x->dim[k]);
    AXM_OP_CHECK(fits, "%s has scales of shape %s, which do not fit its input %s", op, axm_shape_text(scale, text),
                 axm_shape_text(x, wanted));
    return ACTMAX_OK;
}

/* The axis, or -1 when there is one scale for all. */
static int32_t find_axis(const quantize_params *p, const char *op, const axm_shape *x, const axm_tensor *scale,
                         const axm_tensor *zero, int32_t *axis)
{
    char got[AXM_SHAPE_TEXT];
    *axis = -1;
    if (!scale->constant || (zero && !zero->constant))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "%s needs its scale and zero point to be known beforehand", op);
    AXM_OP_CHECK(!zero || axm_shape_count(&zero->shape) == axm_shape_count(&scale->shape),
                 "%s has %lld scales and %lld zero points", op, (long long)axm_shape_count(&scale->shape),
                 (long long)axm_shape_count(&zero->shape));
    if (axm_shape_count(&scale->shape) == 1) return ACTMAX_OK;
    if (p->block > 0) return check_blocks(p, op, x, &scale->shape, axis);
    int32_t status = axm_op_axis(op, p->axis, x->rank, false, axis);
    if (status < 0) return status;
    AXM_OP_CHECK(scale->shape.rank == 1 && scale->shape.dim[0] == x->dim[*axis],
                 "%s needs one scale, or %lld along axis %d, got shape %s", op, (long long)x->dim[*axis], (int)*axis,
                 axm_shape_text(&scale->shape, got));
    return ACTMAX_OK;
}

static int32_t infer_kind(const axm_infer *infer, const char *op, bool quantize)
{
    const quantize_params *p = infer->params;
    const axm_tensor *zero = axm_op_input(infer->inputs, infer->input_count, 2);
    int32_t axis;
    float low, high;
    int32_t status = find_axis(p, op, &infer->inputs[0]->shape, infer->inputs[1], zero, &axis);
    if (status < 0) return status;
    axm_dtype dtype = result_type(p, zero);
    if (quantize && !range_of(dtype, &low, &high) && !float_of(dtype))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "%s to %s is not supported; actmax computes integers of 2, 4, 8 and 16 bits and floats of 4 and 8", op,
                        axm_dtype_name(dtype));
    return axm_op_output(infer, op, 0, &infer->inputs[0]->shape);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const quantize_params *p = step->params;
    const axm_tensor *x = step->inputs[0], *zero = step->input_count > 2 ? step->inputs[2] : NULL;
    axm_quantize_shape *s = axm_prepare_memory(prepare, sizeof *s);
    int32_t axis;
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int32_t status = find_axis(p, step->op->name, &x->shape, step->inputs[1], zero, &axis);
    if (status < 0) return status;
    bool blocks = axis >= 0 && p->block > 0; /* then each element has a scale of its own */
    axm_split_dims d = {1, 1, axm_shape_count(&x->shape)};
    if (blocks)
        d = (axm_split_dims){1, d.inner, 1};
    else if (axis >= 0)
        d = axm_op_split(x, axis);
    size_t bytes;
    if (!axm_mul_size((size_t)d.axis, 3 * sizeof(float), &bytes))
        return axm_no_memory(UINT64_MAX, "the scales of a quantised layer");
    float *values = axm_prepare_memory(prepare, bytes); /* scales, zero points, zeros */
    if (!values) return ACTMAX_ERROR_NO_MEMORY;
    for (int64_t i = 0; i < d.axis; ++i) {
        int64_t at = blocks ? scale_of(&x->shape, &step->inputs[1]->shape, axis, p->block, i) : i;
        values[i] = (float)axm_constant_number(step->inputs[1]->constant, at);
        values[d.axis + i] = zero ? (float)axm_constant_number(zero->constant, at) : 0.0f;
    }
    *s = (axm_quantize_shape){.outer = d.outer, .axis = d.axis, .inner = d.inner, .step = values, .zero = values + d.axis};
    const axm_small_float *format = float_of(result_type(p, zero));
    s->small_float = format != NULL;
    if (format)
        s->rounding = axm_rounding_to(format, p->saturate, AXM_POWER_UP);
    else
        range_of(result_type(p, zero), &s->low, &s->high);
    return ACTMAX_OK;
}

static int32_t infer_quantize(const axm_infer *infer)
{
    return infer_kind(infer, "QuantizeLinear", true);
}

static int32_t infer_dequantize(const axm_infer *infer)
{
    return infer_kind(infer, "DequantizeLinear", false);
}

/* Blocks are counted in the file's order. */
static void layout(axm_layout_choice *choice)
{
    const quantize_params *p = choice->params;
    if (p->block > 0)
        axm_layout_file(choice);
    else
        axm_layout_same(choice);
}

static void forward_quantize(const axm_step *step, const axm_exec *exec)
{
    axm_quantize_forward(exec, step->state, step->inputs[0]->data, step->outputs[0]->data);
}

static void backward_quantize(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    axm_quantize_backward(exec, step->state, step->inputs[0]->data, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

static void forward_dequantize(const axm_step *step, const axm_exec *exec)
{
    axm_dequantize(exec, step->state, step->inputs[0]->data, false, step->outputs[0]->data);
}

/* dy times the scale: the same without a zero point. */
static void backward_dequantize(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    axm_quantize_shape s = *(const axm_quantize_shape *)step->state;
    (void)input;
    s.zero = s.step + 2 * s.axis; /* zeros, see prepare */
    axm_dequantize(exec, &s, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

/* ---- Constants ---- */

static int32_t fold_dequantize(const axm_fold *fold)
{
    const quantize_params *p = fold->params;
    const axm_constant *x = fold->inputs[0], *scale = fold->inputs[1], *zero = fold->input_count > 2 ? fold->inputs[2] : NULL;
    int32_t axis;
    int32_t status = check_blocks(p, "DequantizeLinear", &x->shape, &scale->shape, &axis);
    AXM_OP_CHECK(!zero || axm_shape_count(&zero->shape) == axm_shape_count(&scale->shape),
                 "DequantizeLinear has not as many zero points as scales");
    if (status >= 0) status = axm_fold_output(fold, "DequantizeLinear", 0, AXM_FLOAT32, &x->shape);
    int64_t count = status < 0 ? 0 : axm_shape_count(&x->shape);
    for (int64_t i = 0; i < count; ++i) {
        int64_t at = scale_of(&x->shape, &scale->shape, axis, p->block, i);
        double from = zero ? axm_constant_number(zero, at) : 0.0;
        axm_fold_put_float(&fold->outputs[0], i, (axm_constant_number(x, i) - from) * axm_constant_number(scale, at));
    }
    return status;
}

#define QUANTIZE(Name, which, more_flags, fold_function)                                                                           \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 2,                                                                                 \
                                  .max_inputs = 3,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | (more_flags),                        \
                                  .params_size = sizeof(quantize_params),                                                          \
                                  .parse = parse,                                                                                  \
                                  .infer = infer_##which,                                                                          \
                                  .layout = layout,                                                                                \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward_##which,                                                                      \
                                  .backward = backward_##which,                                                                    \
                                  .fold = fold_function};

QUANTIZE(QuantizeLinear, quantize, AXM_OP_READS_INPUTS, NULL)
QUANTIZE(DequantizeLinear, dequantize, 0u, fold_dequantize)
