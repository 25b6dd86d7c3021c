/* Shapes, constants, and how a tensor's axes lie in memory. */
#include "ops/tensor.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/half.h"
#include "base/text.h"

/* ---- Types ---- */

size_t axm_dtype_bytes(axm_dtype dtype)
{
    switch (dtype) {
    case AXM_FLOAT32: return 4;
    case AXM_FLOAT16: return 2;
    case AXM_BFLOAT16: return 2;
    case AXM_FLOAT64: return 8;
    case AXM_INT8: return 1;
    case AXM_UINT8: return 1;
    case AXM_INT32: return 4;
    case AXM_INT64: return 8;
    case AXM_BOOL: return 1;
    case AXM_INT16: return 2;
    case AXM_UINT16: return 2;
    case AXM_UINT32: return 4;
    case AXM_UINT64: return 8;
    case AXM_INT4: return 1;
    case AXM_UINT4: return 1;
    case AXM_INT2: return 1;
    case AXM_UINT2: return 1;
    case AXM_FLOAT8E4M3FN: return 1;
    case AXM_FLOAT8E4M3FNUZ: return 1;
    case AXM_FLOAT8E5M2: return 1;
    case AXM_FLOAT8E5M2FNUZ: return 1;
    case AXM_FLOAT8E8M0: return 1;
    case AXM_FLOAT4E2M1: return 1;
    case AXM_DTYPES: break;
    }
    return 0;
}

const char *axm_dtype_name(axm_dtype dtype)
{
    switch (dtype) {
    case AXM_FLOAT32: return "float32";
    case AXM_FLOAT16: return "float16";
    case AXM_BFLOAT16: return "bfloat16";
    case AXM_FLOAT64: return "float64";
    case AXM_INT8: return "int8";
    case AXM_UINT8: return "uint8";
    case AXM_INT32: return "int32";
    case AXM_INT64: return "int64";
    case AXM_BOOL: return "bool";
    case AXM_INT16: return "int16";
    case AXM_UINT16: return "uint16";
    case AXM_UINT32: return "uint32";
    case AXM_UINT64: return "uint64";
    case AXM_INT4: return "int4";
    case AXM_UINT4: return "uint4";
    case AXM_INT2: return "int2";
    case AXM_UINT2: return "uint2";
    case AXM_FLOAT8E4M3FN: return "float8e4m3fn";
    case AXM_FLOAT8E4M3FNUZ: return "float8e4m3fnuz";
    case AXM_FLOAT8E5M2: return "float8e5m2";
    case AXM_FLOAT8E5M2FNUZ: return "float8e5m2fnuz";
    case AXM_FLOAT8E8M0: return "float8e8m0";
    case AXM_FLOAT4E2M1: return "float4e2m1";
    case AXM_DTYPES: break;
    }
    return "unknown";
}

bool axm_dtype_is_float(axm_dtype dtype)
{
    return dtype <= AXM_FLOAT64 || axm_dtype_small_float(dtype);
}

const axm_small_float *axm_dtype_small_float(axm_dtype dtype)
{
    switch (dtype) {
    case AXM_FLOAT8E4M3FN: return &axm_float8e4m3fn;
    case AXM_FLOAT8E4M3FNUZ: return &axm_float8e4m3fnuz;
    case AXM_FLOAT8E5M2: return &axm_float8e5m2;
    case AXM_FLOAT8E5M2FNUZ: return &axm_float8e5m2fnuz;
    case AXM_FLOAT8E8M0: return &axm_float8e8m0;
    case AXM_FLOAT4E2M1: return &axm_float4e2m1;
    default: return NULL;
    }
}

/* ---- Constants (data may be unaligned) ---- */

static uint16_t read_u16(const unsigned char *data, int64_t i)
{
    uint16_t bits;
    memcpy(&bits, data + (size_t)i * sizeof bits, sizeof bits);
    return bits;
}

static int64_t read_integer(const axm_constant *constant, int64_t i)
{
    const unsigned char *data = constant->data;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    switch (constant->dtype) {
    case AXM_INT2:
    case AXM_INT4:
    case AXM_INT8: return data[i] < 128 ? (int64_t)data[i] : (int64_t)data[i] - 256;
    case AXM_UINT2:
    case AXM_UINT4:
    case AXM_UINT8: return data[i];
    case AXM_BOOL: return data[i] != 0;
    case AXM_INT32: memcpy(&i32, data + (size_t)i * sizeof i32, sizeof i32); return i32;
    case AXM_UINT16: return read_u16(data, i);
    case AXM_INT16: return (int64_t)(read_u16(data, i) ^ 0x8000u) - 0x8000;
    case AXM_UINT32: memcpy(&u32, data + (size_t)i * sizeof u32, sizeof u32); return u32;
    default: memcpy(&i64, data + (size_t)i * sizeof i64, sizeof i64); break;
    }
    return constant->dtype == AXM_UINT64 && i64 < 0 ? INT64_MAX : i64;
}

static double read_float(const axm_constant *constant, int64_t i)
{
    const unsigned char *data = constant->data;
    const axm_small_float *small = axm_dtype_small_float(constant->dtype);
    float f32;
    double f64;
    if (small) return (double)axm_small_float_value(small, data[i]);
    switch (constant->dtype) {
    case AXM_FLOAT16: return (double)axm_half_to_float(read_u16(data, i));
    case AXM_BFLOAT16: return (double)axm_bfloat16_to_float(read_u16(data, i));
    case AXM_FLOAT32: memcpy(&f32, data + (size_t)i * sizeof f32, sizeof f32); return (double)f32;
    default: memcpy(&f64, data + (size_t)i * sizeof f64, sizeof f64); return f64;
    }
}

double axm_constant_number(const axm_constant *constant, int64_t i)
{
    return axm_dtype_is_float(constant->dtype) ? read_float(constant, i) : (double)read_integer(constant, i);
}

int64_t axm_constant_integer(const axm_constant *constant, int64_t i)
{
    if (!axm_dtype_is_float(constant->dtype)) return read_integer(constant, i);
    double value = read_float(constant, i); /* toward zero; what does not fit becomes the nearest that does, NaN becomes 0 */
    if (isnan(value)) return 0;
    if (value >= 9223372036854775808.0) return INT64_MAX;
    if (value <= -9223372036854775808.0) return INT64_MIN;
    return (int64_t)value;
}

void axm_constant_to_float(const axm_constant *constant, float *out)
{
    int64_t count = axm_shape_count(&constant->shape);
    if (count == 0) return;
    if (constant->dtype == AXM_FLOAT32) {
        memcpy(out, constant->data, (size_t)count * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < count; ++i)
        out[i] = (float)axm_constant_number(constant, i);
}

const float *axm_constant_floats(const axm_constant *constant)
{
    if (constant->dtype != AXM_FLOAT32 || (uintptr_t)constant->data % sizeof(float) != 0) return NULL;
    return constant->data;
}

/* ---- Shapes ---- */

int64_t axm_shape_count(const axm_shape *shape)
{
    int64_t count = 1;
    for (int32_t i = 0; i < shape->rank; ++i)
        count *= shape->dim[i];
    return count;
}

bool axm_shape_count_checked(const axm_shape *shape, int64_t limit, int64_t *out)
{
    int64_t count = 1;
    if (shape->rank < 0 || shape->rank > AXM_MAX_RANK) return false;
    for (int32_t i = 0; i < shape->rank; ++i)
        if (!axm_mul_i64(count, shape->dim[i], &count)) return false;
    if (count > limit) return false;
    *out = count;
    return true;
}

bool axm_shape_equal(const axm_shape *a, const axm_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int32_t i = 0; i < a->rank; ++i)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

const char *axm_shape_text(const axm_shape *shape, char buffer[AXM_SHAPE_TEXT])
{
    axm_text text = axm_text_in(buffer, AXM_SHAPE_TEXT);
    axm_text_add(&text, "[");
    for (int32_t i = 0; i < shape->rank; ++i) {
        if (shape->dim[i] < 0)
            axm_text_add(&text, i ? ", ?" : "?");
        else
            axm_text_add(&text, i ? ", %lld" : "%lld", (long long)shape->dim[i]);
    }
    axm_text_add(&text, "]");
    return buffer;
}

/* ---- Physical order ---- */

int32_t axm_physical_axis(const axm_tensor *tensor, int32_t logical_axis)
{
    if (tensor->layout != AXM_LAYOUT_CHANNELS_LAST || tensor->shape.rank < 3 || logical_axis == 0) return logical_axis;
    return logical_axis == 1 ? tensor->shape.rank - 1 : logical_axis - 1;
}

void axm_physical_dims(const axm_tensor *tensor, int64_t dims[AXM_MAX_RANK])
{
    for (int32_t i = 0; i < tensor->shape.rank; ++i)
        dims[axm_physical_axis(tensor, i)] = tensor->shape.dim[i];
}

bool axm_shape_broadcast(const axm_shape *a, const axm_shape *b, axm_shape *out)
{
    axm_shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int32_t i = 0; i < result.rank; ++i) {
        int32_t in_a = i - (result.rank - a->rank), in_b = i - (result.rank - b->rank);
        int64_t dim_a = in_a < 0 ? 1 : a->dim[in_a], dim_b = in_b < 0 ? 1 : b->dim[in_b];
        if (dim_a != dim_b && dim_a != 1 && dim_b != 1) return false;
        result.dim[i] = dim_a == 1 ? dim_b : dim_a;
    }
    *out = result;
    return true;
}

bool axm_broadcast_strides(const axm_tensor *operand, const axm_tensor *output, int64_t strides[AXM_MAX_RANK])
{
    axm_tensor stored = *operand;
    int64_t dims[AXM_MAX_RANK], own[AXM_MAX_RANK], step = 1;
    int32_t rank = output->shape.rank, missing = rank - operand->shape.rank;
    if (stored.constant) stored.layout = AXM_LAYOUT_FILE;
    if (missing < 0) return false;
    axm_physical_dims(&stored, dims);
    for (int32_t p = stored.shape.rank - 1; p >= 0; --p) {
        own[p] = step;
        step *= dims[p];
    }
    for (int32_t axis = 0; axis < rank; ++axis) {
        int32_t in_operand = axis - missing;
        int64_t dim = in_operand < 0 ? 1 : operand->shape.dim[in_operand];
        if (dim != 1 && dim != output->shape.dim[axis]) return false;
        strides[axm_physical_axis(output, axis)] = dim == 1 ? 0 : own[axm_physical_axis(&stored, in_operand)];
    }
    return true;
}
