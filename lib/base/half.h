/* IEEE binary16 and bfloat16 to float, exactly. */
#ifndef AXM_BASE_HALF_H
#define AXM_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float axm_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float axm_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu;
    uint32_t mantissa = half & 0x3ffu;
    if (exponent == 0x1f) return axm_float_from_bits(sign | 0x7f800000u | (mantissa << 13));
    if (exponent != 0) return axm_float_from_bits(sign | ((exponent + 112) << 23) | (mantissa << 13));
    float magnitude = (float)mantissa * (1.0f / 16777216.0f); /* subnormal: mantissa * 2^-24 */
    return sign ? -magnitude : magnitude;
}

static inline float axm_bfloat16_to_float(uint16_t half)
{
    return axm_float_from_bits((uint32_t)half << 16);
}

#endif
