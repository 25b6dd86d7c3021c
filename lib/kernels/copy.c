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
    task.pieces = axm_parts(length, task.piece);
    axm_parallel_for(exec->pool, rows * task.pieces, axm_grain(task.piece), copy_body, &task);
}

typedef struct join_task {
    const axm_joined *parts;
    size_t count;
    float *y;
    size_t y_stride;
} join_task;

static void join_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const join_task *task = context;
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        float *y = task->y + row * task->y_stride;
        for (size_t p = 0; p < task->count; y += task->parts[p].length, p++)
            if (task->parts[p].length > 0)
                memcpy(y, task->parts[p].x + row * task->parts[p].length, task->parts[p].length * sizeof *y);
    }
}

void axm_join_rows(const axm_exec *exec, size_t rows, const axm_joined *parts, size_t count, float *y, size_t y_stride)
{
    join_task task = {.parts = parts, .count = count, .y = y, .y_stride = y_stride};
    size_t length = 0;
    for (size_t p = 0; p < count; p++)
        length += parts[p].length;
    axm_parallel_for(exec->pool, rows, axm_grain(length), join_body, &task);
}
