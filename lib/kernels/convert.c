/* Binary16 weights to float32, and the check that a tensor holds numbers only. */
#include <string.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"
#include "kernels/vector_math.h"

#define CHECK_BLOCK 4096 /* elements between two looks at the verdict */

AXM_CLONES static bool block_finite(const float *x, size_t count)
{
    const uint32_t exponent = 0x7f800000u;
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad |= (axm_bits_from_float(x[i]) & exponent) == exponent ? 1u : 0u;
    return bad == 0;
}

bool axm_all_finite(const float *x, size_t count)
{
    for (size_t at = 0; at < count; at += CHECK_BLOCK)
        if (!block_finite(x + at, axm_min_size(CHECK_BLOCK, count - at))) return false;
    return true;
}

/* Without branches: as float bits, a half is 2^-112 times its value (subnormals too), but for infinities and NaN. */
static AXM_INLINE float half_value(uint16_t half)
{
    uint32_t bits = half, magnitude = (bits & 0x7fffu) << 13;
    uint32_t finite = axm_bits_from_float(axm_float_from_bits(magnitude) * 0x1p112f);
    uint32_t special = magnitude | 0x7f800000u;
    return axm_float_from_bits(((bits & 0x8000u) << 16) | ((bits & 0x7c00u) == 0x7c00u ? special : finite));
}

AXM_CLONES static void convert_halves(const unsigned char *bytes, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t value;
        memcpy(&value, bytes + 2 * i, sizeof value);
        out[i] = half_value(value);
    }
}

/* half may lie at any address. */
void axm_half_to_float_array(const void *half, size_t count, float *out)
{
    convert_halves(half, count, out);
}
