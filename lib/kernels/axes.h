/* Loops over the axes of a dense tensor beside operands with strides of their own (0 along a broadcast axis). */
#ifndef AXM_KERNELS_AXES_H
#define AXM_KERNELS_AXES_H

#include "kernels/kernels.h"

#define AXM_AXES_OPERANDS 4

typedef struct axm_axes {
    int32_t rank; /* at least 1 */
    int64_t dims[AXM_KERNEL_RANK];
    int64_t strides[AXM_AXES_OPERANDS][AXM_KERNEL_RANK];
    size_t count; /* product of dims */
} axm_axes;

/* A place in the loop, and the offset of each operand there. */
typedef struct axm_axes_cursor {
    int64_t index[AXM_KERNEL_RANK];
    int64_t offset[AXM_AXES_OPERANDS];
} axm_axes_cursor;

/* Drops axes of length 1 and merges neighbours that every operand passes through evenly. strides[k] NULL: all 0. */
void axm_axes_make(int32_t rank, const int64_t *dims, const int64_t *const strides[AXM_AXES_OPERANDS], axm_axes *out);
/* Strides of a dense row-major tensor. */
void axm_axes_dense(int32_t rank, const int64_t *dims, int64_t strides[AXM_KERNEL_RANK]);

/* At row-major position `flat`. */
void axm_axes_seek(const axm_axes *axes, size_t flat, axm_axes_cursor *cursor);
/* `steps` along the last axis; steps may reach its end, not pass it. Past the last element the cursor is at the start. */
void axm_axes_advance(const axm_axes *axes, int64_t steps, axm_axes_cursor *cursor);

#endif
