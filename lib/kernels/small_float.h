/* Rounding to floats of 4 and 8 bits, as straight-line code that compilers vectorise. */
#ifndef AXM_KERNELS_SMALL_FLOAT_H
#define AXM_KERNELS_SMALL_FLOAT_H

#include <math.h>

#include "kernels/kernels.h"
#include "kernels/vector_math.h"

#define AXM_SIGN_BIT 0x80000000u

static AXM_INLINE float axm_magnitude(float x)
{
    return axm_float_from_bits(axm_bits_from_float(x) & ~AXM_SIGN_BIT);
}

/* The power of two at or below a normal magnitude; 0 below the normal ones. */
static AXM_INLINE float axm_power_below(float magnitude)
{
    return axm_float_from_bits(axm_bits_from_float(magnitude) & 0x7f800000u);
}

/* To the format's steps, halves to even, as if it had no largest number. Infinity gives no number. */
static AXM_INLINE float axm_nearest_step(const axm_rounding *r, float magnitude)
{
    float power = axm_power_below(magnitude), unit = (power < r->least ? r->least : power) * r->step;
    return rintf(magnitude / unit) * unit;
}

static AXM_INLINE float axm_round_small(const axm_rounding *r, float x)
{
    float magnitude = axm_magnitude(x), rounded = axm_nearest_step(r, magnitude);
    rounded = rounded <= r->max ? rounded : r->beyond; /* infinity too */
    rounded = x != x ? r->none : rounded;
    return axm_float_from_bits(axm_bits_from_float(rounded) | (axm_bits_from_float(x) & AXM_SIGN_BIT)) + r->plus;
}

/* Whether x becomes a number, and not by being cut off. */
static AXM_INLINE bool axm_round_passes(const axm_rounding *r, float x)
{
    return axm_nearest_step(r, axm_magnitude(x)) <= r->max;
}

#endif
