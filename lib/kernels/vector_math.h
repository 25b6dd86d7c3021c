/* exp, sigmoid and tanh as straight-line code that compilers vectorise. Method and coefficients: Cephes (S. Moshier), single
 * precision. Within 2 units in the last place of the exact value (sigmoid 3); NaN stays NaN. */
#ifndef AXM_KERNELS_VECTOR_MATH_H
#define AXM_KERNELS_VECTOR_MATH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"
#include "kernels/clones.h"

static AXM_INLINE uint32_t axm_bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* min(max(x, low), high); NaN stays NaN, so that a later check can see it. */
static AXM_INLINE float axm_clamped(float x, float low, float high)
{
    float above = low > x ? low : x;
    return high < above ? high : above;
}

/* In a search for the maximum, `value` takes the place of `best`: a tie stays with the first, a NaN comes through. Without
 * branches. */
static AXM_INLINE bool axm_beats(float value, float best)
{
    return !(value <= best) & (best == best);
}

static AXM_INLINE float axm_exp(float x)
{
    const float round_magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, found in the low bits */
    x = axm_clamped(x, -104.0f, 89.0f);    /* 0 and +inf beyond */
    float t = x * 1.44269504088896341f + round_magic;
    int32_t n = (int32_t)(axm_bits_from_float(t) - axm_bits_from_float(round_magic));
    float k = t - round_magic;
    float r = x - k * 0.693359375f;
    r = r - k * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    /* Two factors, because 2^n alone may be outside of the normal range at both ends. */
    int32_t half = n >> 1;
    uint32_t low = ((uint32_t)half + 127u) << 23;
    uint32_t high = ((uint32_t)n - (uint32_t)half + 127u) << 23;
    return p * axm_float_from_bits(low) * axm_float_from_bits(high);
}

static AXM_INLINE float axm_sigmoid(float x)
{
    return 1.0f / (1.0f + axm_exp(-x));
}

static AXM_INLINE float axm_tanh(float x)
{
    float magnitude = x < 0.0f ? -x : x;
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * z * x + x;
    float far = 1.0f - 2.0f / (axm_exp(magnitude + magnitude) + 1.0f);
    far = x < 0.0f ? -far : far;
    return magnitude < 0.625f ? near : far;
}

#endif
