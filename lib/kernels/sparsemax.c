/* Keras's sparsemax over the middle of [outer, axis, inner]: max(x - t, 0). As in Martins and Astudillo's (2016) the support is the
 * k largest, for which k x > (sum of the k largest) - 1; but where theirs has t = (that sum - 1) / k, every version of Keras that
 * has the function adds up the sums of the 1, 2, ... k largest. Networks were trained with that. */
#include <math.h>

#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct sparsemax_task {
    bool accumulate;
    int64_t axis, inner;
    const float *x, *y, *dy;
    float *out;
} sparsemax_task;

/* The largest that comes after element `last` (-1: none yet) from large to small, equal ones in order; -1: there is none. */
static int64_t next_largest(const float *x, int64_t count, int64_t stride, int64_t last)
{
    int64_t best = -1;
    for (int64_t i = 0; i < count; ++i) {
        float value = x[i * stride];
        if (last >= 0 && !(value < x[last * stride] || (value <= x[last * stride] && i > last))) continue;
        if (best < 0 || value > x[best * stride]) best = i;
    }
    return best;
}

static int64_t support_of(const float *x, int64_t count, int64_t stride, double *threshold)
{
    double sum = 0.0, sums = 0.0;
    int64_t kept = 0;
    for (int64_t at = -1; kept < count; ++kept) {
        at = next_largest(x, count, stride, at);
        if (at < 0) break;
        double value = (double)x[at * stride];
        if (!(value - (sum + value - 1.0) / (double)(kept + 1) > 0.0)) break;
        sum += value;
        sums += sum;
    }
    *threshold = kept > 0 ? (sums - 1.0) / (double)kept : (double)NAN;
    return kept;
}

static int64_t start_of(const sparsemax_task *task, size_t unit)
{
    return (int64_t)unit / task->inner * task->axis * task->inner + (int64_t)unit % task->inner;
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const sparsemax_task *task = context;
    (void)worker;
    for (size_t unit = begin; unit < end; ++unit) {
        int64_t at = start_of(task, unit);
        double threshold;
        support_of(task->x + at, task->axis, task->inner, &threshold);
        for (int64_t i = 0; i < task->axis; ++i, at += task->inner) {
            float above = (float)((double)task->x[at] - threshold);
            task->out[at] = above < 0.0f ? 0.0f : above;
        }
    }
}

/* dy where y is above 0; less the sum of those, shared out: the j-th largest of the support is in k - j + 1 of the sums. */
static void backward_column(const sparsemax_task *task, int64_t at)
{
    const float *x = task->x + at, *y = task->y + at, *dy = task->dy + at;
    int64_t stride = task->inner, place = -1;
    float *dx = task->out + at;
    double total = 0.0, unused;
    for (int64_t i = 0; i < task->axis * stride; i += stride) {
        float slope = y[i] > 0.0f ? dy[i] : 0.0f;
        total += (double)slope;
        dx[i] = task->accumulate ? dx[i] + slope : slope;
    }
    int64_t kept = support_of(x, task->axis, stride, &unused);
    for (int64_t j = 0; j < kept; ++j) {
        place = next_largest(x, task->axis, stride, place);
        dx[place * stride] -= (float)(total * (double)(kept - j) / (double)kept);
    }
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const sparsemax_task *task = context;
    (void)worker;
    for (size_t unit = begin; unit < end; ++unit)
        backward_column(task, start_of(task, unit));
}

static void run(const axm_exec *exec, sparsemax_task *task, int64_t outer, axm_loop_body body)
{
    if (outer == 0 || task->axis == 0 || task->inner == 0) return;
    axm_parallel_for(exec->pool, (size_t)(outer * task->inner), axm_grain((size_t)task->axis * 16), body, task);
}

void axm_sparsemax_forward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y)
{
    sparsemax_task task = {.axis = axis, .inner = inner, .x = x, .out = y};
    run(exec, &task, outer, forward_body);
}

void axm_sparsemax_backward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const float *x, const float *y,
                            const float *dy, bool accumulate, float *dx)
{
    sparsemax_task task = {.accumulate = accumulate, .axis = axis, .inner = inner, .x = x, .y = y, .dy = dy, .out = dx};
    run(exec, &task, outer, backward_body);
}
