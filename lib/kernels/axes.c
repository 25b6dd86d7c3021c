/* Loops over axes with strides: coalescing, and a cursor. */
#include "kernels/axes.h"

void axm_axes_dense(int32_t rank, const int64_t *dims, int64_t strides[AXM_KERNEL_RANK])
{
    int64_t stride = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
}

/* Whether the axis just put in place can take the next one in. */
static bool mergeable(const axm_axes *axes, int32_t last, int64_t dim, const int64_t *const strides[AXM_AXES_OPERANDS],
                      int32_t axis)
{
    for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++) {
        int64_t inner = strides[k] ? strides[k][axis] : 0;
        if (axes->strides[k][last] != inner * dim) return false;
    }
    return true;
}

void axm_axes_make(int32_t rank, const int64_t *dims, const int64_t *const strides[AXM_AXES_OPERANDS], axm_axes *out)
{
    *out = (axm_axes){.count = 1};
    for (int32_t i = 0; i < rank; i++) {
        out->count *= (size_t)dims[i];
        if (dims[i] == 1) continue;
        if (out->rank > 0 && mergeable(out, out->rank - 1, dims[i], strides, i))
            out->rank--;
        else
            out->dims[out->rank] = 1;
        out->dims[out->rank] *= dims[i];
        for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
            out->strides[k][out->rank] = strides[k] ? strides[k][i] : 0;
        out->rank++;
    }
    if (out->rank == 0) { /* one element */
        out->rank = 1;
        out->dims[0] = 1;
    }
}

void axm_axes_seek(const axm_axes *axes, size_t flat, axm_axes_cursor *cursor)
{
    *cursor = (axm_axes_cursor){{0}, {0}};
    for (int32_t i = axes->rank - 1; i >= 0; i--) {
        int64_t index = (int64_t)(flat % (size_t)axes->dims[i]);
        flat /= (size_t)axes->dims[i];
        cursor->index[i] = index;
        for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
            cursor->offset[k] += index * axes->strides[k][i];
    }
}

void axm_axes_advance(const axm_axes *axes, int64_t steps, axm_axes_cursor *cursor)
{
    int32_t i = axes->rank - 1;
    cursor->index[i] += steps;
    for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
        cursor->offset[k] += steps * axes->strides[k][i];
    for (; cursor->index[i] == axes->dims[i]; i--) {
        cursor->index[i] = 0;
        for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
            cursor->offset[k] -= axes->dims[i] * axes->strides[k][i];
        if (i == 0) return;
        cursor->index[i - 1]++;
        for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
            cursor->offset[k] += axes->strides[k][i - 1];
    }
}
