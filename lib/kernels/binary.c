/* y = clamp(a op b) with broadcasting. The backward pass is binary_backward.c. */
#include <math.h>

#include "kernels/axes.h"
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/vector_math.h"

typedef struct binary_task {
    axm_binary kind;
    axm_axes axes; /* operands 0 and 1: a and b */
    const float *a, *b;
    float *y;
    axm_clamp clamp;
} binary_task;

static AXM_INLINE float apply(axm_binary kind, float a, float b)
{
    switch (kind) {
    case AXM_BINARY_ADD: return a + b;
    case AXM_BINARY_SUB: return a - b;
    case AXM_BINARY_MUL: return a * b;
    case AXM_BINARY_DIV: break;
    case AXM_BINARY_MIN: return axm_beats(-b, -a) ? b : a;
    case AXM_BINARY_MAX: return axm_beats(b, a) ? b : a;
    case AXM_BINARY_POW: return powf(a, b);
    case AXM_BINARY_SLOPE: return a > 0.0f ? a : a * b;
    case AXM_BINARY_LESS: return a < b ? 1.0f : 0.0f;
    case AXM_BINARY_LESS_OR_EQUAL: return a <= b ? 1.0f : 0.0f;
    case AXM_BINARY_EQUAL: return ((a <= b) & (a >= b)) ? 1.0f : 0.0f;
    }
    return a / b;
}

/* One run along the last axis. kind is a constant at each call; y may be a or b. */
static AXM_INLINE void run(axm_binary kind, size_t count, const float *a, int64_t sa, const float *b, int64_t sb, axm_clamp clamp,
                           float *y)
{
    float low = clamp.low, high = clamp.high;
    if (sa == 1 && sb == 1) {
        AXM_STORE_EACH(false, count, y, axm_clamped(apply(kind, a[i], b[i]), low, high));
    } else if (sa == 1 && sb == 0) {
        float right = b[0];
        AXM_STORE_EACH(false, count, y, axm_clamped(apply(kind, a[i], right), low, high));
    } else if (sa == 0 && sb == 1) {
        float left = a[0];
        AXM_STORE_EACH(false, count, y, axm_clamped(apply(kind, left, b[i]), low, high));
    } else {
        for (size_t i = 0; i < count; i++)
            y[i] = axm_clamped(apply(kind, a[(int64_t)i * sa], b[(int64_t)i * sb]), low, high);
    }
}

AXM_CLONES static void run_any(const binary_task *task, size_t count, const axm_axes_cursor *cursor, float *y)
{
    int32_t last = task->axes.rank - 1;
    int64_t sa = task->axes.strides[0][last], sb = task->axes.strides[1][last];
    const float *a = task->a + cursor->offset[0], *b = task->b + cursor->offset[1];
    switch (task->kind) {
    case AXM_BINARY_ADD: run(AXM_BINARY_ADD, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_SUB: run(AXM_BINARY_SUB, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_MUL: run(AXM_BINARY_MUL, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_DIV: run(AXM_BINARY_DIV, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_MIN: run(AXM_BINARY_MIN, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_MAX: run(AXM_BINARY_MAX, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_POW: run(AXM_BINARY_POW, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_SLOPE: run(AXM_BINARY_SLOPE, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_LESS: run(AXM_BINARY_LESS, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_LESS_OR_EQUAL: run(AXM_BINARY_LESS_OR_EQUAL, count, a, sa, b, sb, task->clamp, y); break;
    case AXM_BINARY_EQUAL: run(AXM_BINARY_EQUAL, count, a, sa, b, sb, task->clamp, y); break;
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const binary_task *task = context;
    int32_t last = task->axes.rank - 1;
    axm_axes_cursor cursor;
    axm_axes_seek(&task->axes, begin, &cursor);
    (void)worker;
    for (size_t at = begin; at < end;) {
        size_t count = axm_min_size(end - at, (size_t)(task->axes.dims[last] - cursor.index[last]));
        run_any(task, count, &cursor, task->y + at);
        axm_axes_advance(&task->axes, (int64_t)count, &cursor);
        at += count;
    }
}

void axm_binary_forward(const axm_exec *exec, axm_binary kind, int32_t rank, const int64_t *dims, const float *a,
                        const int64_t *a_strides, const float *b, const int64_t *b_strides, axm_clamp clamp, float *y)
{
    binary_task task = {.kind = kind, .a = a, .b = b, .y = y, .clamp = clamp};
    axm_axes_make(rank, dims, (const int64_t *const[AXM_AXES_OPERANDS]){a_strides, b_strides}, &task.axes);
    axm_parallel_for(exec->pool, task.axes.count, AXM_GRAIN, forward_body, &task);
}
