/* Floats of 4 and 8 bits, as ONNX names them: their layouts, and their codes as float32, exactly. */
#ifndef AXM_BASE_SMALL_FLOAT_H
#define AXM_BASE_SMALL_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

/* Codes are sign, exponent and mantissa, the sign first. Codes beyond `max` are infinity (the first of them, where there is one)
 * or no number. A format of powers of two has the exponent alone: no sign, no zero, and its last code is no number. */
typedef struct axm_small_float {
    int32_t exponent_bits, mantissa_bits, bias;
    float max;
    bool infinity;
    bool one_zero; /* and the code of a negative zero is no number */
    bool powers;
    bool numbers_only;
} axm_small_float;

extern const axm_small_float axm_float8e4m3fn, axm_float8e4m3fnuz, axm_float8e5m2, axm_float8e5m2fnuz, axm_float8e8m0,
    axm_float4e2m1;

float axm_small_float_value(const axm_small_float *format, uint8_t code);

#endif
