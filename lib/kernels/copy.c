/* Copies of boxes: blocks of floats at even distances. */
#include <string.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct copy_task {
    const float *x;
    float *y;
    size_t length, x_stride, y_stride;
    size_t piece, pieces; /* rows longer than a piece are cut */
    bool accumulate;
} copy_task;

AXM_CLONES static void copy_units(const copy_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        size_t row = unit / task->pieces, at = unit % task->pieces * task->piece;
        size_t count = axm_min_size(task->piece, task->length - at);
        const float *x = task->x + row * task->x_stride + at;
        float *y = task->y + row * task->y_stride + at;
        if (task->accumulate)
            AXM_STORE_EACH(true, count, y, x[i]);
        else
            memcpy(y, x, count * sizeof *y);
    }
}

static void copy_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    copy_units(context, begin, end);
}

void axm_copy_rows(const axm_exec *exec, size_t rows, size_t length, const float *x, size_t x_stride, bool accumulate, float *y,
                   size_t y_stride)
{
    copy_task task = {.x = x, .y = y, .length = length, .x_stride = x_stride, .y_stride = y_stride, .accumulate = accumulate};
    if (rows == 0 || length == 0) return;
    task.piece = axm_min_size(length, AXM_GRAIN);
    task.pieces = (length + task.piece - 1) / task.piece;
    axm_parallel_for(exec->pool, rows * task.pieces, axm_grain(task.piece), copy_body, &task);
}
