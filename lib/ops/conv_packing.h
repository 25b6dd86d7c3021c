/* Under which number a convolution's packed weights are kept (axm_prepare_packed): for each node, direction, format and padding,
 * which may follow the input's size. */
#ifndef AXM_OPS_CONV_PACKING_H
#define AXM_OPS_CONV_PACKING_H

#include "kernels/kernels.h"

#define AXM_MOST_PAD 8192 /* padding along an axis stays below */

static inline int32_t axm_conv_packing(const axm_kernels *kernels, const axm_conv_shape *shape, axm_direction direction)
{
    const int64_t format = axm_conv_format(kernels, shape, direction);
    const bool backward = axm_conv_packs_as(kernels, shape, direction) == AXM_BACKWARD;
    return (int32_t)(((shape->pad_top * AXM_MOST_PAD + shape->pad_left) * 4 + format) * 2 + (backward ? 1 : 0));
}

static inline axm_direction axm_conv_packing_direction(int32_t packing)
{
    return packing & 1 ? AXM_BACKWARD : AXM_FORWARD;
}

#endif
