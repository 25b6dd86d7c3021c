/* Floats of 4 and 8 bits. */
#include "base/small_float.h"

#include <math.h>

const axm_small_float axm_float8e4m3fn = {.exponent_bits = 4, .mantissa_bits = 3, .bias = 7, .max = 448.0f};
const axm_small_float axm_float8e4m3fnuz = {.exponent_bits = 4, .mantissa_bits = 3, .bias = 8, .max = 240.0f, .one_zero = true};
const axm_small_float axm_float8e5m2 = {.exponent_bits = 5, .mantissa_bits = 2, .bias = 15, .max = 57344.0f, .infinity = true};
const axm_small_float axm_float8e5m2fnuz = {.exponent_bits = 5, .mantissa_bits = 2, .bias = 16, .max = 57344.0f, .one_zero = true};
const axm_small_float axm_float8e8m0 = {.exponent_bits = 8, .bias = 127, .max = 0x1p127f, .powers = true};
const axm_small_float axm_float4e2m1 = {.exponent_bits = 2, .mantissa_bits = 1, .bias = 1, .max = 6.0f, .numbers_only = true};

float axm_small_float_value(const axm_small_float *f, uint8_t code)
{
    if (f->powers) return code == UINT8_MAX ? NAN : ldexpf(1.0f, code - f->bias);
    int32_t one = 1 << f->mantissa_bits, mantissa = code & (one - 1);
    int32_t exponent = (code >> f->mantissa_bits) & ((1 << f->exponent_bits) - 1);
    bool negative = (code >> (f->mantissa_bits + f->exponent_bits)) != 0;
    float magnitude = exponent == 0 ? ldexpf((float)mantissa, 1 - f->bias - f->mantissa_bits)
                                    : ldexpf((float)(one + mantissa), exponent - f->bias - f->mantissa_bits);
    if (magnitude > f->max) magnitude = f->infinity && mantissa == 0 ? INFINITY : NAN;
    if (f->one_zero && negative && exponent == 0 && mantissa == 0) return NAN;
    return negative ? -magnitude : magnitude;
}
