/* Datatypes and dataspaces. */
#include "base/checked.h"
#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

enum { FIXED_POINT = 0, FLOATING_POINT = 1, STRING = 3, ENUMERATION = 8, VARIABLE = 9 };

static void read_integer(uint32_t bits, axm_hdf5_cursor *c, axm_hdf5_type *type)
{
    static const axm_dtype signed_types[9] = {[1] = AXM_INT8, [4] = AXM_INT32, [8] = AXM_INT64};
    bool is_signed = bits & 8;
    uint64_t offset = axm_hdf5_take(c, 2), precision = axm_hdf5_take(c, 2);
    type->big_endian = bits & 1;
    type->kind = AXM_HDF5_NUMBER;
    if (offset != 0 || precision != 8 * (uint64_t)type->size) return;
    type->known = (is_signed && (type->size == 1 || type->size == 4 || type->size == 8)) || (!is_signed && type->size == 1);
    if (type->known) type->dtype = is_signed ? signed_types[type->size] : AXM_UINT8;
}

/* IEEE 754's formats and bfloat16, by the places of their fields. */
static void read_float(uint32_t bits, axm_hdf5_cursor *c, axm_hdf5_type *type)
{
    static const struct {
        uint32_t size, exponent_at, exponent, mantissa, bias;
        axm_dtype dtype;
    } formats[] = {{2, 10, 5, 10, 15, AXM_FLOAT16},
                   {2, 7, 8, 7, 127, AXM_BFLOAT16},
                   {4, 23, 8, 23, 127, AXM_FLOAT32},
                   {8, 52, 11, 52, 1023, AXM_FLOAT64}};
    uint64_t offset = axm_hdf5_take(c, 2), precision = axm_hdf5_take(c, 2);
    uint64_t exponent_at = axm_hdf5_take(c, 1), exponent = axm_hdf5_take(c, 1);
    uint64_t mantissa_at = axm_hdf5_take(c, 1), mantissa = axm_hdf5_take(c, 1), bias = axm_hdf5_take(c, 4);
    type->big_endian = bits & 1;
    type->kind = AXM_HDF5_NUMBER;
    bool plain = offset == 0 && precision == 8 * (uint64_t)type->size && mantissa_at == 0 && !(bits & 0x40) &&
                 (bits >> 8 & 0xff) + 1 == precision && (bits >> 4 & 3) == 2;
    for (size_t i = 0; plain && i < sizeof formats / sizeof *formats; ++i) {
        if (formats[i].size != type->size || formats[i].exponent_at != exponent_at || formats[i].exponent != exponent ||
            formats[i].mantissa != mantissa || formats[i].bias != bias)
            continue;
        type->known = true;
        type->dtype = formats[i].dtype;
    }
}

int32_t axm_hdf5_read_type(axm_hdf5_cursor body, axm_hdf5_type *out)
{
    unsigned head = (unsigned)axm_hdf5_take(&body, 1);
    uint32_t bits = (uint32_t)axm_hdf5_take(&body, 3);
    axm_hdf5_type type = {.kind = AXM_HDF5_OTHER, .size = (uint32_t)axm_hdf5_take(&body, 4)};
    switch (head & 0x0f) {
    case FIXED_POINT: read_integer(bits, &body, &type); break;
    case FLOATING_POINT: read_float(bits, &body, &type); break;
    case STRING: type.kind = AXM_HDF5_FIXED_TEXT; break;
    case VARIABLE: type.kind = (bits & 0x0f) == 1 ? AXM_HDF5_VARIABLE_TEXT : AXM_HDF5_OTHER; break;
    default: break;
    }
    if (body.over || type.size == 0) return axm_hdf5_damaged("datatype");
    *out = type;
    return ACTMAX_OK;
}

int32_t axm_hdf5_read_space(const axm_hdf5 *file, axm_hdf5_cursor body, axm_hdf5_space *out)
{
    enum { NULL_SPACE = 2, HAS_MOST = 1 };
    unsigned version = (unsigned)axm_hdf5_take(&body, 1), rank = (unsigned)axm_hdf5_take(&body, 1);
    unsigned flags = (unsigned)axm_hdf5_take(&body, 1);
    unsigned kind = version == 2 ? (unsigned)axm_hdf5_take(&body, 1) : 1;
    axm_hdf5_skip(&body, version == 1 ? 5 : 0);
    if (body.over || version < 1 || version > 2) return axm_hdf5_damaged("dataspace");
    if (rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a dataset of the HDF5 file has %u axes; actmax takes up to %d", rank, AXM_MAX_RANK);
    *out = (axm_hdf5_space){.shape.rank = (int32_t)rank};
    int64_t extent = 1; /* without empty axes, which would hide how large the others are */
    bool empty = kind == NULL_SPACE;
    for (unsigned i = 0; i < rank; ++i) {
        uint64_t size = axm_hdf5_length(file, &body);
        if (size > INT64_MAX ||
            (size > 0 && (!axm_mul_i64(extent, (int64_t)size, &extent) || extent > file->limits->tensor_elements)))
            return axm_fail(ACTMAX_ERROR_LIMIT,
                            "a dataset of the HDF5 file has more elements than limit_tensor_elements (%lld) allows",
                            (long long)file->limits->tensor_elements);
        out->shape.dim[i] = out->most[i] = (int64_t)size;
        empty = empty || size == 0;
    }
    for (unsigned i = 0; i < rank && (flags & HAS_MOST); ++i) {
        uint64_t size = axm_hdf5_length(file, &body);
        out->most[i] = size > INT64_MAX || (file->length_size == 4 && size == UINT32_MAX) ? INT64_MAX : (int64_t)size;
        if (out->most[i] < out->shape.dim[i]) return axm_hdf5_damaged("dataspace");
    }
    out->count = empty ? 0 : extent;
    return body.over ? axm_hdf5_damaged("dataspace") : ACTMAX_OK;
}
