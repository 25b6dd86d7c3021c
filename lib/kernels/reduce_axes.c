/* Reductions over any of a dense tensor's axes, and their gradients. Each output is made by one worker, in row-major order of what
 * is reduced; sums are kept in double. When the last axis stays, AXM_LANES of its elements go side by side. */
#include <math.h>

#include "kernels/axes.h"
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/vector_math.h"

enum { X, Y }; /* operands of axm_axes */

typedef struct reduce_task {
    axm_reduction kind;
    axm_axes kept, reduced;
    int64_t columns, blocks; /* of the last axis, when it stays; else 1 */
    const float *x, *y, *dy;
    float *out;
    bool accumulate;
} reduce_task;

typedef struct reduce_unit {
    size_t x, y, count; /* offsets, and columns */
} reduce_unit;

static reduce_unit unit_at(const reduce_task *task, size_t unit)
{
    axm_axes_cursor cursor;
    int64_t column = (int64_t)(unit % (size_t)task->blocks) * AXM_LANES;
    axm_axes_seek(&task->kept, unit / (size_t)task->blocks, &cursor);
    return (reduce_unit){.x = (size_t)(cursor.offset[X] + column),
                         .y = (size_t)(cursor.offset[Y] + column),
                         .count = (size_t)axm_min_i64(AXM_LANES, task->columns - column)};
}

/* Runs the last argument for every reduced position, with the row of columns there as x + at. */
#define OVER_REDUCED(task, at, ...)                                                                                                \
    do {                                                                                                                           \
        axm_axes_cursor cursor_;                                                                                                   \
        axm_axes_seek(&(task)->reduced, 0, &cursor_);                                                                              \
        for (size_t step_ = 0; step_ < (task)->reduced.count; step_++) {                                                           \
            const int64_t at = cursor_.offset[X];                                                                                  \
            __VA_ARGS__;                                                                                                           \
            axm_axes_advance(&(task)->reduced, 1, &cursor_);                                                                       \
        }                                                                                                                          \
    } while (0)
#define COLUMNS(count) for (size_t k = 0; k < (count); k++)

static AXM_INLINE double magnitude(float x)
{
    return x < 0.0f ? -(double)x : (double)x;
}

/* ---- Forward ---- */

AXM_CLONES static void best_unit(const reduce_task *task, const float *x, size_t count, float *best)
{
    bool most = task->kind != AXM_REDUCE_MIN;
    COLUMNS(count) best[k] = x[k];
    if (most)
        OVER_REDUCED(task, at, COLUMNS(count) best[k] = axm_beats(x[at + (int64_t)k], best[k]) ? x[at + (int64_t)k] : best[k]);
    else
        OVER_REDUCED(task, at, COLUMNS(count) best[k] = axm_beats(-x[at + (int64_t)k], -best[k]) ? x[at + (int64_t)k] : best[k]);
}

AXM_CLONES static void sum_unit(const reduce_task *task, const float *x, size_t count, const float *shift, double *sum)
{
    switch (task->kind) {
    case AXM_REDUCE_L1: OVER_REDUCED(task, at, COLUMNS(count) sum[k] += magnitude(x[at + (int64_t)k])); break;
    case AXM_REDUCE_L2:
    case AXM_REDUCE_SUM_SQUARE:
        OVER_REDUCED(task, at, COLUMNS(count) sum[k] += (double)x[at + (int64_t)k] * (double)x[at + (int64_t)k]);
        break;
    case AXM_REDUCE_LOG_SUM: OVER_REDUCED(task, at, COLUMNS(count) sum[k] += (double)x[at + (int64_t)k]); break;
    case AXM_REDUCE_LOG_SUM_EXP:
        OVER_REDUCED(task, at, COLUMNS(count) sum[k] += (double)axm_exp(x[at + (int64_t)k] - shift[k]));
        break;
    default: OVER_REDUCED(task, at, COLUMNS(count) sum[k] *= (double)x[at + (int64_t)k]); break;
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const reduce_task *task = context;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const reduce_unit u = unit_at(task, i);
        const float *x = task->x + u.x;
        float *y = task->out + u.y, best[AXM_LANES] = {0};
        double sum[AXM_LANES];
        bool extreme = task->kind == AXM_REDUCE_MAX || task->kind == AXM_REDUCE_MIN;
        if (extreme || task->kind == AXM_REDUCE_LOG_SUM_EXP) best_unit(task, x, u.count, best);
        if (extreme) {
            COLUMNS(u.count) y[k] = best[k];
            continue;
        }
        COLUMNS(u.count) best[k] = isfinite(best[k]) ? best[k] : 0.0f;
        COLUMNS(u.count) sum[k] = task->kind == AXM_REDUCE_PROD ? 1.0 : 0.0;
        sum_unit(task, x, u.count, best, sum);
        COLUMNS(u.count)
        {
            double value = sum[k];
            if (task->kind == AXM_REDUCE_L2) value = sqrt(value);
            if (task->kind == AXM_REDUCE_LOG_SUM) value = log(value);
            if (task->kind == AXM_REDUCE_LOG_SUM_EXP) value = log(value) + (double)best[k];
            y[k] = (float)value;
        }
    }
}

/* ---- Backward ---- */

/* The first of the elements that are equal to the result. */
static void choose_unit(const reduce_task *task, const reduce_unit *u)
{
    const float *x = task->x + u->x, *y = task->y + u->y, *dy = task->dy + u->y;
    float *dx = task->out + u->x;
    bool found[AXM_LANES] = {false};
    OVER_REDUCED(
        task, at, COLUMNS(u->count) {
            float value = x[at + (int64_t)k], *to = &dx[at + (int64_t)k];
            bool chosen = !found[k] && value <= y[k] && value >= y[k];
            found[k] = found[k] || chosen;
            *to = (task->accumulate ? *to : 0.0f) + (chosen ? dy[k] : 0.0f);
        });
}

/* The product of the others: with one zero, it gets the product of all but it; with more, all get nothing. */
static void product_unit(const reduce_task *task, const reduce_unit *u)
{
    const float *x = task->x + u->x, *dy = task->dy + u->y;
    float *dx = task->out + u->x;
    double product[AXM_LANES];
    size_t zeros[AXM_LANES] = {0};
    COLUMNS(u->count) product[k] = 1.0;
    OVER_REDUCED(
        task, at, COLUMNS(u->count) {
            float value = x[at + (int64_t)k];
            bool zero = value <= 0.0f && value >= 0.0f;
            zeros[k] += zero;
            product[k] *= zero ? 1.0 : (double)value;
        });
    OVER_REDUCED(
        task, at, COLUMNS(u->count) {
            float value = x[at + (int64_t)k], *to = &dx[at + (int64_t)k];
            bool zero = value <= 0.0f && value >= 0.0f;
            double others = zeros[k] == 0 ? product[k] / (double)value : zeros[k] == 1 && zero ? product[k] : 0.0;
            *to = (task->accumulate ? *to : 0.0f) + (float)((double)dy[k] * others);
        });
}

static AXM_INLINE float slope(axm_reduction kind, float x, float y)
{
    switch (kind) {
    case AXM_REDUCE_L1: return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : 0.0f);
    case AXM_REDUCE_L2: return y > 0.0f ? x / y : 0.0f;
    case AXM_REDUCE_SUM_SQUARE: return 2.0f * x;
    case AXM_REDUCE_LOG_SUM: return axm_exp(-y);
    default: return axm_exp(x - y);
    }
}

AXM_CLONES static void slope_unit(const reduce_task *task, const reduce_unit *u)
{
    const float *x = task->x + u->x, *y = task->y + u->y, *dy = task->dy + u->y;
    float *dx = task->out + u->x;
    bool add = task->accumulate;
    size_t count = u->count;
#define EACH_SLOPE(which)                                                                                                          \
    OVER_REDUCED(task, at, {                                                                                                       \
        const float *from = x + at;                                                                                                \
        float *to = dx + at;                                                                                                       \
        AXM_STORE_EACH(add, count, to, dy[i] * slope(which, from[i], y[i]));                                                       \
    })
    switch (task->kind) {
    case AXM_REDUCE_L1: EACH_SLOPE(AXM_REDUCE_L1); break;
    case AXM_REDUCE_L2: EACH_SLOPE(AXM_REDUCE_L2); break;
    case AXM_REDUCE_SUM_SQUARE: EACH_SLOPE(AXM_REDUCE_SUM_SQUARE); break;
    case AXM_REDUCE_LOG_SUM: EACH_SLOPE(AXM_REDUCE_LOG_SUM); break;
    default: EACH_SLOPE(AXM_REDUCE_LOG_SUM_EXP); break;
    }
#undef EACH_SLOPE
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const reduce_task *task = context;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const reduce_unit u = unit_at(task, i);
        switch (task->kind) {
        case AXM_REDUCE_MAX:
        case AXM_REDUCE_MIN: choose_unit(task, &u); break;
        case AXM_REDUCE_PROD: product_unit(task, &u); break;
        default: slope_unit(task, &u); break;
        }
    }
}

/* ---- Running ---- */

static void add_axis(const axm_axes *all, int32_t i, axm_axes *to)
{
    to->dims[to->rank] = all->dims[i];
    for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
        to->strides[k][to->rank] = all->strides[k][i];
    to->count *= (size_t)all->dims[i];
    to->rank++;
}

static void at_least_one(axm_axes *axes)
{
    if (axes->rank > 0) return;
    axes->rank = 1;
    axes->dims[0] = 1;
}

static void run(const axm_exec *exec, reduce_task *task, int32_t rank, const int64_t *dims, const bool *gone, axm_loop_body body)
{
    int64_t x[AXM_KERNEL_RANK] = {0}, y[AXM_KERNEL_RANK] = {0}, stride = 1;
    axm_axes all;
    axm_axes_dense(rank, dims, x);
    for (int32_t i = rank - 1; i >= 0; i--) {
        if (gone[i]) continue;
        y[i] = stride;
        stride *= dims[i];
    }
    axm_axes_make(rank, dims, (const int64_t *const[AXM_AXES_OPERANDS]){[X] = x, [Y] = y}, &all);
    if (all.count == 0) return;
    int32_t last = all.rank - 1;
    bool side_by_side = all.strides[Y][last] != 0;
    task->kept = task->reduced = (axm_axes){.count = 1};
    task->columns = side_by_side ? all.dims[last] : 1;
    task->blocks = (task->columns + AXM_LANES - 1) / AXM_LANES;
    for (int32_t i = 0; i < all.rank - (side_by_side ? 1 : 0); i++)
        add_axis(&all, i, all.strides[Y][i] != 0 ? &task->kept : &task->reduced);
    at_least_one(&task->kept);
    at_least_one(&task->reduced);
    size_t work = task->reduced.count * (size_t)axm_min_i64(AXM_LANES, task->columns);
    axm_parallel_for(exec->pool, task->kept.count * (size_t)task->blocks, axm_grain(work), body, task);
}

void axm_reduce_forward(const axm_exec *exec, axm_reduction kind, int32_t rank, const int64_t *dims, const bool *gone,
                        const float *x, float *y)
{
    reduce_task task = {.kind = kind, .x = x, .out = y};
    run(exec, &task, rank, dims, gone, forward_body);
}

void axm_reduce_backward(const axm_exec *exec, axm_reduction kind, int32_t rank, const int64_t *dims, const bool *gone,
                         const float *x, const float *y, const float *dy, bool accumulate, float *dx)
{
    reduce_task task = {.kind = kind, .x = x, .y = y, .dy = dy, .out = dx, .accumulate = accumulate};
    run(exec, &task, rank, dims, gone, backward_body);
}
