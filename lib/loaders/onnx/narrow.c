/* Elements of 4 and 2 bits: several lie in a byte, the first in its low bits. They are unpacked to a byte each. */
#include "base/status.h"
#include "loaders/onnx/import.h"

static uint8_t element(const uint8_t *packed, size_t i, int32_t bits, bool negative)
{
    size_t each = 8 / (size_t)bits;
    uint8_t mask = (uint8_t)((1u << bits) - 1u), value = (uint8_t)(packed[i / each] >> (i % each * (size_t)bits)) & mask;
    bool below = negative && (value >> (bits - 1)) != 0;
    return below ? (uint8_t)(value | (uint8_t)~mask) : value;
}

int32_t axm_onnx_unpack(axm_onnx_import *import, int32_t bits, axm_constant *constant)
{
    const uint8_t *packed = constant->data;
    bool negative = constant->dtype == AXM_INT4 || constant->dtype == AXM_INT2;
    size_t count = (size_t)axm_shape_count(&constant->shape);
    uint8_t *data = axm_arena_array(axm_builder_arena(import->builder), count + 1, 1);
    if (!data) return axm_no_memory(count, "a tensor of an ONNX file");
    for (size_t i = 0; i < count; ++i)
        data[i] = element(packed, i, bits, negative);
    constant->data = data;
    constant->bytes = count;
    return ACTMAX_OK;
}
