/* A linear map along one axis: each output is a weighted sum of a few inputs. The gradient is the same with the transposed table.
 */
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct resample_task {
    int64_t in, inner, out, blocks; /* blocks of AXM_LANES in inner */
    const axm_taps *taps;
    const float *x;
    float *y;
    bool accumulate;
} resample_task;

AXM_CLONES static void resample_units(const resample_task *task, size_t begin, size_t end)
{
    const axm_taps *t = task->taps;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t column = (int64_t)unit % task->blocks * AXM_LANES, row = (int64_t)unit / task->blocks;
        int64_t o = row % task->out, outer = row / task->out;
        size_t count = (size_t)axm_min_i64(AXM_LANES, task->inner - column);
        const float *x = task->x + outer * task->in * task->inner + column;
        float *y = task->y + row * task->inner + column, sum[AXM_LANES];
        float base = t->base ? t->base[o] : 0.0f;
        for (size_t i = 0; i < count; i++)
            sum[i] = base;
        for (int64_t k = t->start[o]; k < t->start[o + 1]; k++) {
            const float *from = x + t->index[k] * task->inner;
            float weight = t->weight[k];
            for (size_t i = 0; i < count; i++)
                sum[i] += weight * from[i];
        }
        AXM_STORE_EACH(task->accumulate, count, y, sum[i]);
    }
}

/* inner == 1 */
static void resample_rows(const resample_task *task, size_t begin, size_t end)
{
    const axm_taps *t = task->taps;
    for (size_t row = begin; row < end; row++) {
        size_t o = row % (size_t)task->out, outer = row / (size_t)task->out;
        const float *x = task->x + outer * (size_t)task->in;
        float sum = t->base ? t->base[o] : 0.0f;
        for (int64_t k = t->start[o]; k < t->start[o + 1]; k++)
            sum += t->weight[k] * x[t->index[k]];
        task->y[row] = task->accumulate ? task->y[row] + sum : sum;
    }
}

static void resample_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const resample_task *task = context;
    (void)worker;
    if (task->inner == 1)
        resample_rows(task, begin, end);
    else
        resample_units(task, begin, end);
}

void axm_resample_axis(const axm_exec *exec, int64_t outer, int64_t in, int64_t inner, int64_t out, const axm_taps *taps,
                       const float *x, bool accumulate, float *y)
{
    resample_task task = {.in = in, .inner = inner, .out = out, .taps = taps, .x = x, .y = y, .accumulate = accumulate};
    task.blocks = (inner + AXM_LANES - 1) / AXM_LANES;
    size_t work = (size_t)(axm_min_i64(inner, AXM_LANES) * (taps->start[out] / axm_max_i64(out, 1) + 1));
    axm_parallel_for(exec->pool, (size_t)(outer * out * task.blocks), axm_grain(work), resample_body, &task);
}
