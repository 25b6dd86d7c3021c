/* Permutation of the axes of a dense tensor. After merging axes that stay together, either the last axis stays last and rows
 * are copied, or square tiles of (x's last axis, y's last axis) go through a small buffer, so that each cache line is read
 * and written once. */
#include <string.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

#define TILE 16

typedef struct transpose_task {
    int32_t rank; /* of y, after merging */
    int64_t dims[AXM_KERNEL_RANK], x_strides[AXM_KERNEL_RANK], y_strides[AXM_KERNEL_RANK];
    int32_t across; /* the axis of y along which x is contiguous */
    const float *x;
    float *y;
    bool accumulate;
} transpose_task;

/* Axes in y's order, without those of length 1, neighbours in both tensors merged. */
static void merge_axes(int32_t rank, const int64_t *dims, const int32_t *perm, transpose_task *task)
{
    int64_t strides[AXM_KERNEL_RANK], stride = 1;
    int32_t merged = 0;
    for (int32_t i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    for (int32_t i = 0; i < rank; i++) {
        int64_t dim = dims[perm[i]], x_stride = strides[perm[i]];
        if (dim == 1) continue;
        if (merged > 0 && task->x_strides[merged - 1] == x_stride * dim) {
            task->dims[merged - 1] *= dim;
            task->x_strides[merged - 1] = x_stride;
        } else {
            task->dims[merged] = dim;
            task->x_strides[merged++] = x_stride;
        }
    }
    if (merged == 0) {
        task->dims[0] = 1;
        task->x_strides[0] = 1;
        merged = 1;
    }
    task->rank = merged;
    stride = 1;
    for (int32_t i = merged - 1; i >= 0; i--) {
        task->y_strides[i] = stride;
        stride *= task->dims[i];
        if (task->x_strides[i] == 1) task->across = i;
    }
}

/* Elements [begin, end) of y, where the last axis is x's last too. */
AXM_CLONES static void copy_range(const transpose_task *task, size_t begin, size_t end)
{
    size_t length = (size_t)task->dims[task->rank - 1];
    for (size_t at = begin; at < end;) {
        size_t rest = at / length, within = at % length, count = axm_min_size(end - at, length - within);
        const float *x = task->x + within;
        float *y = task->y + at;
        for (int32_t i = task->rank - 2; i >= 0; i--) {
            x += (int64_t)(rest % (size_t)task->dims[i]) * task->x_strides[i];
            rest /= (size_t)task->dims[i];
        }
        if (task->accumulate)
            AXM_STORE_EACH(true, count, y, x[i]);
        else
            memcpy(y, x, count * sizeof *y);
        at += count;
    }
}

/* One tile: `rows` along x's last axis, `columns` along y's. */
static AXM_INLINE void transpose_tile(const float *x, int64_t x_stride, float *y, int64_t y_stride, size_t rows, size_t columns,
                                      bool accumulate)
{
    float buffer[TILE][TILE];
    for (size_t c = 0; c < columns; c++)
        for (size_t r = 0; r < rows; r++)
            buffer[r][c] = x[(int64_t)c * x_stride + (int64_t)r];
    for (size_t r = 0; r < rows; r++) {
        float *row = y + (int64_t)r * y_stride;
        AXM_STORE_EACH(accumulate, columns, row, buffer[r][i]);
    }
}

static size_t tiles(int64_t length)
{
    return ((size_t)length + TILE - 1) / TILE;
}

AXM_CLONES static void tile_range(const transpose_task *task, size_t begin, size_t end)
{
    int32_t last = task->rank - 1, across = task->across;
    size_t tile_columns = tiles(task->dims[last]), tile_rows = tiles(task->dims[across]);
    for (size_t unit = begin; unit < end; unit++) {
        int64_t c = (int64_t)(unit % tile_columns) * TILE, r = (int64_t)(unit / tile_columns % tile_rows) * TILE;
        size_t rest = unit / tile_columns / tile_rows;
        const float *x = task->x + c * task->x_strides[last] + r;
        float *y = task->y + c + r * task->y_strides[across];
        for (int32_t i = last - 1; i >= 0; i--) {
            if (i == across) continue;
            int64_t index = (int64_t)(rest % (size_t)task->dims[i]);
            rest /= (size_t)task->dims[i];
            x += index * task->x_strides[i];
            y += index * task->y_strides[i];
        }
        transpose_tile(x, task->x_strides[last], y, task->y_strides[across], (size_t)axm_min_i64(TILE, task->dims[across] - r),
                       (size_t)axm_min_i64(TILE, task->dims[last] - c), task->accumulate);
    }
}

static void copy_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    copy_range(context, begin, end);
}

static void tile_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    tile_range(context, begin, end);
}

void axm_transpose(const axm_exec *exec, int32_t rank, const int64_t *dims, const int32_t *perm, const float *x, bool accumulate,
                   float *y)
{
    transpose_task task = {.x = x, .y = y, .accumulate = accumulate};
    axm_count(exec, AXM_COUNT_TRANSPOSE);
    size_t count = 1;
    for (int32_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    if (count == 0) return;
    merge_axes(rank, dims, perm, &task);
    if (task.across == task.rank - 1) {
        axm_parallel_for(exec->pool, count, AXM_GRAIN, copy_body, &task);
        return;
    }
    size_t tile_columns = tiles(task.dims[task.rank - 1]), tile_rows = tiles(task.dims[task.across]);
    size_t outer = count / (size_t)task.dims[task.rank - 1] / (size_t)task.dims[task.across];
    axm_parallel_for(exec->pool, outer * tile_rows * tile_columns, axm_grain(TILE * TILE), tile_body, &task);
}
