/* The last step of both of Winograd's methods: sums of one output pixel, with bias and activation. */
#ifndef AXM_KERNELS_WINOGRAD_STORE_H
#define AXM_KERNELS_WINOGRAD_STORE_H

#include "kernels/clones.h"
#include "kernels/kernels.h"

#define AXM_WINOGRAD_LANES 16 /* channels together */

/* y[i] = clamp((accumulate ? y[i] : 0) + sum[i] + bias[i]) for i < lanes; bias may be NULL. */
static AXM_INLINE void axm_winograd_store(size_t lanes, const float *sum, const float *bias, axm_clamp clamp, bool accumulate,
                                          float *y)
{
    float value[AXM_WINOGRAD_LANES];
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++)
        value[i] = sum[i];
    if (accumulate) {
        AXM_KEEP_LOOP
        for (size_t i = 0; i < lanes; i++)
            value[i] += y[i];
    }
    if (bias != NULL) {
        AXM_KEEP_LOOP
        for (size_t i = 0; i < lanes; i++)
            value[i] += bias[i];
    }
    AXM_KEEP_LOOP
    for (size_t i = 0; i < lanes; i++) { /* a NaN stays */
        const float raised = value[i] < clamp.low ? clamp.low : value[i];
        y[i] = raised > clamp.high ? clamp.high : raised;
    }
}

#endif
