/* Choices between operands that are broadcast: by a mask, or by which of them the result is equal to. */
#include "kernels/axes.h"
#include "kernels/clones.h"
#include "kernels/grain.h"

enum { MASK, A, B }; /* operands of axm_axes when selecting */

typedef struct choose_task {
    axm_axes axes;
    const float *mask, *a, *b;
    float *y;
    bool equal;
} choose_task;

AXM_CLONES static void select_run(const choose_task *task, size_t count, const axm_axes_cursor *at, float *y)
{
    int32_t last = task->axes.rank - 1;
    int64_t sm = task->axes.strides[MASK][last], sa = task->axes.strides[A][last], sb = task->axes.strides[B][last];
    const float *mask = task->mask + at->offset[MASK], *a = task->a + at->offset[A], *b = task->b + at->offset[B];
    for (size_t i = 0; i < count; i++) {
        int64_t k = (int64_t)i;
        y[i] = mask[k * sm] < 0.0f || mask[k * sm] > 0.0f ? a[k * sa] : b[k * sb];
    }
}

static void select_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const choose_task *task = context;
    int32_t last = task->axes.rank - 1;
    axm_axes_cursor cursor;
    axm_axes_seek(&task->axes, begin, &cursor);
    (void)worker;
    for (size_t at = begin; at < end;) {
        size_t count = axm_min_size(end - at, (size_t)(task->axes.dims[last] - cursor.index[last]));
        select_run(task, count, &cursor, task->y + at);
        axm_axes_advance(&task->axes, (int64_t)count, &cursor);
        at += count;
    }
}

void axm_select_forward(const axm_exec *exec, int32_t rank, const int64_t *dims, const float *mask, const int64_t *mask_strides,
                        const float *a, const int64_t *a_strides, const float *b, const int64_t *b_strides, float *y)
{
    choose_task task = {.mask = mask, .a = a, .b = b, .y = y};
    axm_axes_make(rank, dims, (const int64_t *const[AXM_AXES_OPERANDS]){mask_strides, a_strides, b_strides}, &task.axes);
    axm_parallel_for(exec->pool, task.axes.count, AXM_GRAIN, select_body, &task);
}

AXM_CLONES static void keep_run(bool equal, size_t count, const float *x, int64_t stride, const float *y, float *g)
{
    for (size_t i = 0; i < count; i++) {
        float value = x[(int64_t)i * stride];
        bool same = value <= y[i] && value >= y[i];
        g[i] = same == equal ? g[i] : 0.0f;
    }
}

static void keep_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const choose_task *task = context;
    int32_t last = task->axes.rank - 1;
    axm_axes_cursor cursor;
    axm_axes_seek(&task->axes, begin, &cursor);
    (void)worker;
    for (size_t at = begin; at < end;) {
        size_t count = axm_min_size(end - at, (size_t)(task->axes.dims[last] - cursor.index[last]));
        keep_run(task->equal, count, task->a + cursor.offset[0], task->axes.strides[0][last], task->b + at, task->y + at);
        axm_axes_advance(&task->axes, (int64_t)count, &cursor);
        at += count;
    }
}

void axm_keep_equal(const axm_exec *exec, bool equal, int32_t rank, const int64_t *dims, const float *x, const int64_t *x_strides,
                    const float *y, float *g)
{
    choose_task task = {.equal = equal, .a = x, .b = y, .y = g};
    axm_axes_make(rank, dims, (const int64_t *const[AXM_AXES_OPERANDS]){x_strides}, &task.axes);
    axm_parallel_for(exec->pool, task.axes.count, AXM_GRAIN, keep_body, &task);
}
