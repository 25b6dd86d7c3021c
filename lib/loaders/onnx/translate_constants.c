/* Constants, and operators that name an element type. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "loaders/onnx/translate.h"

/* A list or a number of an attribute, copied to where it lives with the graph. */
static int32_t keep_numbers(axm_onnx_call *call, axm_constant *constant, const void *data, int64_t count)
{
    constant->bytes = (size_t)count * axm_dtype_bytes(constant->dtype); /* cannot wrap: the list lies in memory */
    void *copy = axm_arena_alloc(axm_builder_arena(call->import->builder), constant->bytes + 1);
    if (!copy) return axm_no_memory(constant->bytes, "a constant of an ONNX file");
    if (constant->bytes) memcpy(copy, data, constant->bytes);
    constant->data = copy;
    return ACTMAX_OK;
}

static int32_t attribute_constant(axm_onnx_call *call, axm_constant *out)
{
    const axm_attribute *value = &call->attributes[0];
    bool wants_tensor = strcmp(value->name, "value") == 0;
    if (wants_tensor && call->tensors[0].data) return axm_onnx_read_tensor(call->import, call->tensors[0], call->node->label, out);
    static const struct {
        const char *name;
        axm_attribute_kind kind;
        axm_dtype dtype;
        int32_t rank;
    } kinds[] = {
        {"value_float", AXM_ATTR_FLOAT, AXM_FLOAT32, 0},
        {"value_floats", AXM_ATTR_FLOATS, AXM_FLOAT32, 1},
        {"value_int", AXM_ATTR_INT, AXM_INT64, 0},
        {"value_ints", AXM_ATTR_INTS, AXM_INT64, 1},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        if (call->tensors[0].data || value->kind != kinds[i].kind || strcmp(value->name, kinds[i].name) != 0) continue;
        *out = (axm_constant){.dtype = kinds[i].dtype, .shape = {.rank = kinds[i].rank}};
        int64_t count = kinds[i].rank ? (int64_t)value->count : 1;
        if (kinds[i].rank) out->shape.dim[0] = count;
        const void *list = out->dtype == AXM_INT64 ? (const void *)value->ints : (const void *)value->floats;
        const void *number = out->dtype == AXM_INT64 ? (const void *)&value->i : (const void *)&value->f;
        return keep_numbers(call, out, kinds[i].rank ? list : number, count);
    }
    return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%.80s' of node '%.80s' (Constant) has the wrong type; the file is damaged",
                    value->name, call->node->label);
}

AXM_ONNX_TRANSLATE(constant)
{
    const axm_onnx_node *node = call->node;
    axm_constant constant;
    if (call->attribute_count != 1 || call->output_count != 1 || call->input_count != 0)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "node '%.80s' (Constant) must have one value, one output and no input; the file is damaged", node->label);
    int32_t status = attribute_constant(call, &constant);
    if (status < 0) return status;
    return axm_onnx_build_constant(call->import, axm_onnx_find_name(call->import, node->proto.output.items[0]), &constant);
}

AXM_ONNX_TRANSLATE(constant_of_shape)
{
    int32_t at = axm_onnx_find_attribute(call, "value");
    if (at < 0) return axm_onnx_emit(call); /* float32 zeros */
    axm_constant value;
    if (!call->tensors[at].data)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "attribute 'value' of node '%.80s' (ConstantOfShape) is not a tensor; the file is damaged",
                        call->node->label);
    int32_t status = axm_onnx_read_tensor(call->import, call->tensors[at], call->node->label, &value);
    if (status < 0) return status;
    if (axm_shape_count(&value.shape) != 1)
        return axm_fail(ACTMAX_ERROR_FORMAT, "attribute 'value' of node '%.80s' (ConstantOfShape) must hold one number",
                        call->node->label);
    status = axm_dtype_is_float(value.dtype) ? axm_onnx_set_float(call, "value", (float)axm_constant_number(&value, 0))
                                             : axm_onnx_set_int(call, "value", axm_constant_integer(&value, 0));
    return status < 0 ? status : axm_onnx_emit(call);
}

/* An attribute that names an element type, in neutral numbers. Absent: it stays so. */
static int32_t translate_type(axm_onnx_call *call, const char *name, bool needed)
{
    int64_t to;
    axm_dtype dtype;
    int32_t status = axm_onnx_get_int(call, name, 0, &to);
    if (status < 0) return status;
    if (to == 0 && !needed) {
        axm_onnx_remove_attribute(call, name);
        return ACTMAX_OK;
    }
    if (to < 0 || to > INT32_MAX || !axm_onnx_dtype((int32_t)to, &dtype))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "node '%.80s' (%.80s) makes elements of type %" PRId64 " (%s), which actmax does not compute",
                        call->node->label, call->node->op, to, axm_onnx_dtype_name(to < 0 || to > INT32_MAX ? -1 : (int32_t)to));
    return axm_onnx_set_int(call, name, (int64_t)dtype);
}

/* How a number becomes a float of 4 or 8 bits; it matters to no other type. */
static void translate_rounding(axm_onnx_call *call, axm_dtype to)
{
    if (axm_dtype_small_float(to)) return;
    axm_onnx_remove_attribute(call, "saturate");
    axm_onnx_remove_attribute(call, "round_mode");
}

/* Whether X is not 0: exporters write it before Where, also where X is a boolean already. */
static int32_t emit_truth(axm_onnx_call *call)
{
    static const float zero = 0.0f;
    const axm_constant constant = {.dtype = AXM_FLOAT32, .bytes = sizeof zero, .data = &zero};
    int32_t operands[2] = {call->input_count == 1 ? call->inputs[0] : AXM_NO_VALUE, AXM_NO_VALUE}, is_zero;
    if (operands[0] == AXM_NO_VALUE)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (%.80s) must have one input; the file is damaged", call->node->label,
                        call->node->op);
    int32_t status = axm_onnx_hidden_constant(call, &constant, "zero", &operands[1]);
    if (status >= 0) status = axm_onnx_emit_hidden(call, "Equal", operands, 2, NULL, "is zero", &is_zero);
    if (status < 0) return status;
    axm_onnx_remove_attribute(call, "to");
    call->op = "Not";
    call->inputs = &is_zero;
    return axm_onnx_emit(call);
}

static int32_t emit_cast(axm_onnx_call *call, axm_dtype to)
{
    translate_rounding(call, to);
    if (axm_dtype_small_float(to)) call->op = "RoundFloat";
    return to == AXM_BOOL ? emit_truth(call) : axm_onnx_emit(call);
}

AXM_ONNX_TRANSLATE(cast)
{
    int64_t to = 0;
    int32_t status = translate_type(call, "to", true);
    if (status >= 0) status = axm_onnx_get_int(call, "to", 0, &to);
    return status < 0 ? status : emit_cast(call, (axm_dtype)to);
}

/* Cast to the type of the second input, which is not read. */
AXM_ONNX_TRANSLATE(cast_like)
{
    axm_dtype to;
    if (call->input_count != 2)
        return axm_fail(ACTMAX_ERROR_FORMAT, "node '%.80s' (CastLike) must have two inputs; the file is damaged",
                        call->node->label);
    if (!axm_builder_dtype(call->import->builder, call->inputs[1], &to))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "node '%.80s' (CastLike) takes its type from a computed value; save the model with folded constants",
                        call->node->label);
    call->op = "Cast";
    call->input_count = 1;
    int32_t status = axm_onnx_set_int(call, "to", (int64_t)to);
    return status < 0 ? status : emit_cast(call, to);
}

/* precision names the type of the division; here it is of float32. A zero point says what the result is. */
AXM_ONNX_TRANSLATE(quantize)
{
    axm_dtype to;
    int64_t named = AXM_UINT8;
    axm_onnx_remove_attribute(call, "precision");
    int32_t status = translate_type(call, "output_dtype", false);
    if (status >= 0 && call->input_count > 2 && axm_builder_dtype(call->import->builder, call->inputs[2], &to))
        status = axm_onnx_set_int(call, "output_dtype", (int64_t)to);
    if (status >= 0) status = axm_onnx_get_int(call, "output_dtype", AXM_UINT8, &named);
    if (status < 0) return status;
    translate_rounding(call, (axm_dtype)named);
    return axm_onnx_emit(call);
}

/* Whatever floating type it makes, it is computed in float32. */
AXM_ONNX_TRANSLATE(dequantize)
{
    int32_t status = translate_type(call, "output_dtype", false);
    axm_onnx_remove_attribute(call, "output_dtype");
    return status < 0 ? status : axm_onnx_emit(call);
}
