/* TensorProto as a constant. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "loaders/onnx/import.h"

#define EXTERNAL 1 /* TensorProto.DataLocation */

/* By TensorProto.DataType. Those without `readable` are known only to be named when they are refused. */
static const struct {
    const char *name;
    bool readable;
    axm_dtype dtype;
    int64_t low, high; /* of an integer in int32_data */
} types[] = {
    [0] = {"undefined", false, AXM_FLOAT32, 0, 0},
    [1] = {"float32", true, AXM_FLOAT32, 0, 0},
    [2] = {"uint8", true, AXM_UINT8, 0, 255},
    [3] = {"int8", true, AXM_INT8, -128, 127},
    [4] = {"uint16", true, AXM_UINT16, 0, 65535},
    [5] = {"int16", true, AXM_INT16, -32768, 32767},
    [6] = {"int32", true, AXM_INT32, INT32_MIN, INT32_MAX},
    [7] = {"int64", true, AXM_INT64, INT64_MIN, INT64_MAX},
    [8] = {"string", false, AXM_FLOAT32, 0, 0},
    [9] = {"bool", true, AXM_BOOL, 0, 1},
    [10] = {"float16", true, AXM_FLOAT16, 0, 65535},
    [11] = {"float64", true, AXM_FLOAT64, 0, 0},
    [12] = {"uint32", true, AXM_UINT32, 0, UINT32_MAX},
    [13] = {"uint64", true, AXM_UINT64, 0, INT64_MAX},
    [14] = {"complex64", false, AXM_FLOAT32, 0, 0},
    [15] = {"complex128", false, AXM_FLOAT32, 0, 0},
    [16] = {"bfloat16", true, AXM_BFLOAT16, 0, 65535},
    [17] = {"float8e4m3fn", true, AXM_FLOAT8E4M3FN, 0, 255},
    [18] = {"float8e4m3fnuz", true, AXM_FLOAT8E4M3FNUZ, 0, 255},
    [19] = {"float8e5m2", true, AXM_FLOAT8E5M2, 0, 255},
    [20] = {"float8e5m2fnuz", true, AXM_FLOAT8E5M2FNUZ, 0, 255},
    [21] = {"uint4", true, AXM_UINT4, 0, 255},           /* of a byte that holds several */
    [22] = {"int4", true, AXM_INT4, -128, 255},          /* of a byte that holds several */
    [23] = {"float4e2m1", true, AXM_FLOAT4E2M1, 0, 255}, /* of a byte that holds several */
    [24] = {"float8e8m0", true, AXM_FLOAT8E8M0, 0, 255},
    [25] = {"uint2", true, AXM_UINT2, 0, 255},  /* of a byte that holds several */
    [26] = {"int2", true, AXM_INT2, -128, 255}, /* of a byte that holds several */
};

/* Of a type that is narrower than a byte; 0: it is not. */
static int32_t narrow_bits(axm_dtype dtype)
{
    if (dtype == AXM_INT4 || dtype == AXM_UINT4 || dtype == AXM_FLOAT4E2M1) return 4;
    return dtype == AXM_INT2 || dtype == AXM_UINT2 ? 2 : 0;
}

static bool is_known(int32_t data_type)
{
    return data_type >= 0 && data_type < (int32_t)(sizeof types / sizeof types[0]);
}

bool axm_onnx_dtype(int32_t data_type, axm_dtype *out)
{
    if (!is_known(data_type) || !types[data_type].readable) return false;
    *out = types[data_type].dtype;
    return true;
}

const char *axm_onnx_dtype_name(int32_t data_type)
{
    return is_known(data_type) ? types[data_type].name : "a type newer than actmax";
}

static int32_t read_shape(axm_onnx_import *import, const axm_onnx_numbers *dims, const char *label, axm_shape *out,
                          int64_t *out_count)
{
    if (dims->count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "tensor '%.80s' has %zu axes; actmax takes up to %d", label, dims->count, AXM_MAX_RANK);
    out->rank = (int32_t)dims->count;
    int64_t count = 1, extent = 1; /* extent: without empty axes, which would hide how large the others are */
    for (int32_t i = 0; i < out->rank; ++i) {
        int64_t size = out->dim[i] = axm_onnx_integer(dims, (size_t)i);
        if (size < 0)
            return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' has a negative size (axis %d: %" PRId64 "); the file is damaged",
                            label, (int)i, size);
        if (size == 0)
            count = 0;
        else if (!axm_mul_i64(extent, size, &extent) || extent > import->limits->tensor_elements)
            return axm_fail(ACTMAX_ERROR_LIMIT, "tensor '%.80s' has more elements than limit_tensor_elements (%" PRId64 ") allows",
                            label, import->limits->tensor_elements);
    }
    count *= extent;
    *out_count = count;
    return ACTMAX_OK;
}

/* The typed list that a tensor of this type uses, or NULL. */
static const axm_onnx_numbers *typed_list(const axm_onnx_TensorProto *tensor, axm_dtype dtype)
{
    switch (dtype) {
    case AXM_FLOAT32: return &tensor->float_data;
    case AXM_FLOAT64: return &tensor->double_data;
    case AXM_INT64: return &tensor->int64_data;
    default: return &tensor->int32_data;
    }
}

static void store_integer(uint8_t *to, int64_t value, size_t width)
{
    uint64_t bits = (uint64_t)value;
    for (size_t i = 0; i < width; ++i)
        to[i] = (uint8_t)(bits >> (8 * i));
}

/* Numbers of int32_data or int64_data, narrowed to the tensor's type in the graph's arena. */
static int32_t store_integers(axm_onnx_import *import, const axm_onnx_numbers *list, int32_t data_type, const char *label,
                              axm_constant *out)
{
    size_t width = axm_dtype_bytes(out->dtype);
    uint8_t *data = axm_arena_array(axm_builder_arena(import->builder), list->count, width);
    if (!data) return axm_no_memory((uint64_t)list->count * width, "a tensor of an ONNX file");
    for (size_t i = 0; i < list->count; ++i) {
        int64_t value = axm_onnx_integer(list, i);
        if (value < types[data_type].low || value > types[data_type].high)
            return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' holds %" PRId64 ", which is no %s; the file is damaged", label,
                            value, types[data_type].name);
        store_integer(data + i * width, value, width);
    }
    out->data = data;
    return ACTMAX_OK;
}

static int32_t store_typed(axm_onnx_import *import, const axm_onnx_numbers *list, int32_t data_type, const char *label,
                           axm_constant *out)
{
    if (out->dtype != AXM_FLOAT32 && out->dtype != AXM_FLOAT64) return store_integers(import, list, data_type, label, out);
    if (list->capacity == 0) { /* one run in the file */
        out->data = list->data;
        return ACTMAX_OK;
    }
    void *data = axm_arena_array(axm_builder_arena(import->builder), list->count, axm_dtype_bytes(out->dtype));
    if (!data) return axm_no_memory(out->bytes, "a tensor of an ONNX file");
    memcpy(data, list->data, out->bytes);
    out->data = data;
    return ACTMAX_OK;
}

static int32_t fail_length(const char *label, size_t has, size_t needs, const char *unit)
{
    return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' has %zu %s of data where its shape needs %zu; the file is damaged", label,
                    has, unit, needs);
}

/* Finds the data of a tensor whose shape and size are set. */
static int32_t read_data(axm_onnx_import *import, const axm_onnx_TensorProto *tensor, const char *label, axm_constant *out,
                         size_t count)
{
    size_t typed = tensor->float_data.count + tensor->double_data.count + tensor->int32_data.count + tensor->int64_data.count;
    const axm_onnx_numbers *list = typed_list(tensor, out->dtype);
    axm_onnx_span raw = tensor->raw_data.span;
    if (typed != list->count || (typed > 0 && raw.size > 0))
        return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' (%s) has its data in the wrong field; the file is damaged", label,
                        types[tensor->data_type].name);
    if (tensor->data_location == EXTERNAL) {
        if (typed > 0 || raw.size > 0)
            return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' has data both inside and beside the file; the file is damaged",
                            label);
        const uint8_t *data;
        int32_t status = axm_onnx_external_data(import, tensor, label, out->bytes, &data);
        out->data = data;
        return status;
    }
    if (tensor->data_location != 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' has an unknown data_location (%d); the file is damaged", label,
                        (int)tensor->data_location);
    if (typed > 0) {
        if (list->count != count) return fail_length(label, list->count, count, "elements");
        return store_typed(import, list, tensor->data_type, label, out);
    }
    if (raw.size != out->bytes) return fail_length(label, raw.size, out->bytes, "bytes");
    out->data = raw.data ? raw.data : import->source->data; /* never NULL, also where there is nothing to point at */
    return ACTMAX_OK;
}

static int32_t read_decoded(axm_onnx_import *import, const axm_onnx_TensorProto *tensor, const char *label, axm_constant *out)
{
    int64_t count = 0;
    if (!axm_onnx_dtype(tensor->data_type, &out->dtype))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "tensor '%.80s' has elements of type %d (%s), which actmax does not read", label,
                        (int)tensor->data_type, axm_onnx_dtype_name(tensor->data_type));
    if (tensor->segment.span.data)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "tensor '%.80s' is stored in segments, which actmax does not read", label);
    int32_t status = read_shape(import, &tensor->dims, label, &out->shape, &count);
    if (status < 0) return status;
    if ((uint64_t)count > SIZE_MAX || !axm_mul_size((size_t)count, axm_dtype_bytes(out->dtype), &out->bytes))
        return axm_fail(ACTMAX_ERROR_LIMIT, "tensor '%.80s' is larger than this machine can address", label);
    int32_t bits = narrow_bits(out->dtype);
    if (bits == 0) return read_data(import, tensor, label, out, (size_t)count);
    out->bytes = ((size_t)count + (size_t)(8 / bits) - 1) / (size_t)(8 / bits);
    status = read_data(import, tensor, label, out, out->bytes);
    return status < 0 ? status : axm_onnx_unpack(import, bits, out);
}

int32_t axm_onnx_read_tensor(axm_onnx_import *import, axm_onnx_span span, const char *label, axm_constant *out)
{
    /* Lists of numbers may be as large as the tensor: they go as soon as it is stored. */
    axm_arena arena, *kept = import->reader.arena;
    axm_arena_init(&arena, import->source->allocator);
    import->reader.arena = &arena;
    axm_onnx_TensorProto tensor = {0};
    axm_constant constant = {0};
    int32_t status = axm_onnx_decode(&import->reader, span, axm_onnx_TensorProto_fields, &tensor, "a tensor");
    if (status >= 0) status = read_decoded(import, &tensor, label, &constant);
    import->reader.arena = kept;
    axm_arena_free(&arena);
    if (status >= 0) *out = constant;
    return status;
}
