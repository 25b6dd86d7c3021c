/* Softmax and log-softmax over the middle of [outer, axis, inner]. In place allowed. Sums are kept in double. */
#include <math.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"
#include "kernels/vector_math.h"

#define WIDTH 16 /* columns handled together */

typedef struct softmax_task {
    bool log, accumulate;
    int64_t axis, inner, blocks; /* blocks of WIDTH columns in inner */
    const float *x;              /* forward: x; backward: y */
    const float *dy;
    float *out;
} softmax_task;

/* `count` columns (at most WIDTH) of `axis` rows that are `stride` apart. */
static AXM_INLINE void forward_columns(const softmax_task *task, const float *x, float *y, size_t count)
{
    int64_t axis = task->axis, stride = task->inner;
    float most[WIDTH], factor[WIDTH];
    double sum[WIDTH] = {0};
    for (size_t i = 0; i < count; i++)
        most[i] = x[i];
    for (int64_t a = 1; a < axis; a++)
        for (size_t i = 0; i < count; i++)
            most[i] = x[a * stride + (int64_t)i] > most[i] ? x[a * stride + (int64_t)i] : most[i];
    for (int64_t a = 0; a < axis; a++) {
        const float *row = x + a * stride;
        float *out = y + a * stride;
        for (size_t i = 0; i < count; i++) {
            float shifted = row[i] - most[i], e = axm_exp(shifted);
            out[i] = task->log ? shifted : e;
            sum[i] += (double)e;
        }
    }
    for (size_t i = 0; i < count; i++)
        factor[i] = (float)(task->log ? log(sum[i]) : 1.0 / sum[i]);
    for (int64_t a = 0; a < axis; a++) {
        float *out = y + a * stride;
        for (size_t i = 0; i < count; i++)
            out[i] = task->log ? out[i] - factor[i] : out[i] * factor[i];
    }
}

/* The usual case, inner == 1: one row, WIDTH partial sums. */
static AXM_INLINE void forward_row(const softmax_task *task, const float *x, float *y)
{
    size_t axis = (size_t)task->axis, whole = axis / WIDTH * WIDTH;
    float most = x[0];
    double lanes[WIDTH] = {0}, sum = 0.0;
    for (size_t i = 1; i < axis; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t at = 0; at < whole; at += WIDTH) {
        float e[WIDTH];
        for (size_t i = 0; i < WIDTH; i++)
            e[i] = axm_exp(x[at + i] - most);
        for (size_t i = 0; i < WIDTH; i++)
            lanes[i] += (double)e[i];
        for (size_t i = 0; i < WIDTH; i++)
            y[at + i] = task->log ? x[at + i] - most : e[i];
    }
    for (size_t at = whole; at < axis; at++) {
        float shifted = x[at] - most, e = axm_exp(shifted);
        lanes[at - whole] += (double)e;
        y[at] = task->log ? shifted : e;
    }
    for (size_t i = 0; i < WIDTH; i++)
        sum += lanes[i];
    float factor = (float)(task->log ? log(sum) : 1.0 / sum);
    if (task->log)
        AXM_STORE_EACH(false, axis, y, y[i] - factor);
    else
        AXM_STORE_EACH(false, axis, y, y[i] * factor);
}

AXM_CLONES static void forward_units(const softmax_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        int64_t column = (int64_t)unit % task->blocks * WIDTH;
        int64_t at = (int64_t)unit / task->blocks * task->axis * task->inner + column;
        if (task->inner == 1)
            forward_row(task, task->x + at, task->out + at);
        else
            forward_columns(task, task->x + at, task->out + at, (size_t)axm_min_i64(WIDTH, task->inner - column));
    }
}

/* softmax: dx = y (dy - sum(dy y)); log-softmax: dx = dy - exp(y) sum(dy). */
static AXM_INLINE void backward_columns(const softmax_task *task, int64_t at, size_t count)
{
    const float *y = task->x + at, *dy = task->dy + at;
    float *dx = task->out + at, total[WIDTH];
    int64_t axis = task->axis, stride = task->inner;
    double sum[WIDTH] = {0};
    for (int64_t a = 0; a < axis; a++)
        for (size_t i = 0; i < count; i++) {
            float d = dy[a * stride + (int64_t)i];
            sum[i] += (double)(task->log ? d : d * y[a * stride + (int64_t)i]);
        }
    for (size_t i = 0; i < count; i++)
        total[i] = (float)sum[i];
    for (int64_t a = 0; a < axis; a++, y += stride, dy += stride, dx += stride) {
        if (task->log)
            AXM_STORE_EACH(task->accumulate, count, dx, dy[i] - axm_exp(y[i]) * total[i]);
        else
            AXM_STORE_EACH(task->accumulate, count, dx, y[i] * (dy[i] - total[i]));
    }
}

static AXM_INLINE void backward_row(const softmax_task *task, int64_t at)
{
    const float *y = task->x + at, *dy = task->dy + at;
    float *dx = task->out + at;
    size_t axis = (size_t)task->axis;
    double sum = 0.0;
    for (size_t i = 0; i < axis; i++)
        sum += (double)(task->log ? dy[i] : dy[i] * y[i]);
    float total = (float)sum;
    if (task->log)
        AXM_STORE_EACH(task->accumulate, axis, dx, dy[i] - axm_exp(y[i]) * total);
    else
        AXM_STORE_EACH(task->accumulate, axis, dx, y[i] * (dy[i] - total));
}

AXM_CLONES static void backward_units(const softmax_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        int64_t column = (int64_t)unit % task->blocks * WIDTH;
        int64_t at = (int64_t)unit / task->blocks * task->axis * task->inner + column;
        if (task->inner == 1)
            backward_row(task, at);
        else
            backward_columns(task, at, (size_t)axm_min_i64(WIDTH, task->inner - column));
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    forward_units(context, begin, end);
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    backward_units(context, begin, end);
}

static void run(const axm_exec *exec, softmax_task *task, int64_t outer, axm_loop_body body)
{
    if (outer == 0 || task->axis == 0 || task->inner == 0) return;
    task->blocks = (task->inner + WIDTH - 1) / WIDTH;
    size_t work = (size_t)(task->axis * axm_min_i64(WIDTH, task->inner)) * 4; /* exp is dearer than a move */
    axm_parallel_for(exec->pool, (size_t)(outer * task->blocks), axm_grain(work), body, task);
}

void axm_softmax_forward(const axm_exec *exec, bool log, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y)
{
    softmax_task task = {.log = log, .axis = axis, .inner = inner, .x = x, .out = y};
    run(exec, &task, outer, forward_body);
}

void axm_softmax_backward(const axm_exec *exec, bool log, int64_t outer, int64_t axis, int64_t inner, const float *y,
                          const float *dy, bool accumulate, float *dx)
{
    softmax_task task = {.log = log, .accumulate = accumulate, .axis = axis, .inner = inner, .x = y, .dy = dy, .out = dx};
    run(exec, &task, outer, backward_body);
}
