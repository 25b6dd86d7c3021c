/* exp(x) - 1, log, log(1 + z), erf, erfc and powers as straight-line code that compilers vectorise. Method and coefficients: Cephes
 * (S. Moshier), single precision. Within 4 units in the last place of the exact value, erfc (which falls off as exp(-x^2)) within
 * 5e-6 of it (to x = 9); NaN stays NaN. */
#ifndef AXM_KERNELS_SPECIAL_MATH_H
#define AXM_KERNELS_SPECIAL_MATH_H

#include <math.h>

#include "kernels/vector_math.h"

/* Near 0, where exp(x) - 1 would lose its digits, by the series that exp is made of. */
static AXM_INLINE float axm_exp_minus_1(float x)
{
    float p = 1.9875691500e-4f;
    p = p * x + 1.3981999507e-3f;
    p = p * x + 8.3334519073e-3f;
    p = p * x + 4.1665795894e-2f;
    p = p * x + 1.6666665459e-1f;
    p = p * x + 5.0000001201e-1f;
    float near = p * (x * x) + x, far = axm_exp(x) - 1.0f;
    float magnitude = x < 0.0f ? -x : x;
    return magnitude < 0.34f ? near : far;
}

/* -infinity at 0, NaN below. */
static AXM_INLINE float axm_log(float x)
{
    bool tiny = x < 1.17549435e-38f; /* not normal: scaled up by 2^24 */
    uint32_t bits = axm_bits_from_float(tiny ? x * 16777216.0f : x);
    float e = (float)((int32_t)(bits >> 23) - 126) - (tiny ? 24.0f : 0.0f);
    float m = axm_float_from_bits((bits & 0x007fffffu) | 0x3f000000u); /* x = m 2^e, m in [1/2, 1) */
    bool low = m < 0.70710678f;
    e = low ? e - 1.0f : e;
    m = (low ? m + m : m) - 1.0f;
    float z = m * m, p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float y = p * m * z + e * -2.12194440e-4f - 0.5f * z;
    float value = m + y + e * 0.693359375f;
    value = x > 3.40282347e38f ? x : value;
    value = x > 0.0f ? value : -INFINITY;
    return x >= 0.0f ? value : NAN; /* of a NaN too */
}

/* log(1 + z) for z in [0, 1]: what 1 + z drops of z is put back. */
static AXM_INLINE float axm_log_1_plus(float z)
{
    float u = 1.0f + z;
    return axm_log(u) + (z - (u - 1.0f)) / u;
}

/* erfc(x) for x >= 1, and what erf has below. */
static AXM_INLINE float axm_erfc_far(float x)
{
    float q = 1.0f / x, y = q * q;
    float near = 2.326819970068386e-2f;
    near = near * y - 1.387039388740657e-1f;
    near = near * y + 3.687424674597105e-1f;
    near = near * y - 5.824733027278666e-1f;
    near = near * y + 6.210004621745983e-1f;
    near = near * y - 4.944515323274145e-1f;
    near = near * y + 3.404879937665872e-1f;
    near = near * y - 2.741127028184656e-1f;
    near = near * y + 5.638259427386472e-1f;
    float far = -1.047766399936249e1f;
    far = far * y + 1.297719955372516e1f;
    far = far * y - 7.495518717768503f;
    far = far * y + 2.921019019210786f;
    far = far * y - 1.015265279202700f;
    far = far * y + 4.218463358204948e-1f;
    far = far * y - 2.820767439740514e-1f;
    far = far * y + 5.641895067754075e-1f;
    return axm_exp(-x * x) * q * (x < 2.0f ? near : far);
}

static AXM_INLINE float axm_erf_near(float x)
{
    float z = x * x, p = 7.853861353153693e-5f;
    p = p * z - 8.010193625184903e-4f;
    p = p * z + 5.188327685732524e-3f;
    p = p * z - 2.685381193529856e-2f;
    p = p * z + 1.128358514861418e-1f;
    p = p * z - 3.761262582423300e-1f;
    p = p * z + 1.128379165726710f;
    return p * x;
}

static AXM_INLINE float axm_erf(float x)
{
    float magnitude = x < 0.0f ? -x : x;
    float far = 1.0f - axm_erfc_far(magnitude < 1.0f ? 1.0f : magnitude);
    far = x < 0.0f ? -far : far;
    return magnitude < 1.0f ? axm_erf_near(x) : far;
}

static AXM_INLINE float axm_erfc(float x)
{
    float magnitude = x < 0.0f ? -x : x;
    float far = axm_erfc_far(magnitude < 1.0f ? 1.0f : magnitude);
    far = x < 0.0f ? 2.0f - far : far;
    return magnitude < 1.0f ? 1.0f - axm_erf_near(x) : far;
}

#endif
