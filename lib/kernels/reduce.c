/* Sum and maximum over the middle of [outer, axis, inner], and their gradients. Each output is reduced by one worker, in one
 * order. Sums go through float in short runs, and from there into double. */
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"
#include "kernels/vector_math.h"

#define SEGMENT 128 /* terms added in float before they go into a double */
#define WIDTH   16  /* partial sums of a row, so that the loop can be vectorised in one fixed order */

typedef struct reduce_task {
    int64_t axis, inner;
    int64_t block, blocks; /* inner is cut into blocks of columns */
    float factor;
    bool accumulate;
    const float *x;       /* forward: x; backward: dy */
    const int32_t *which; /* backward of the maximum */
    float *out;
    int32_t *argmax;
} reduce_task;

/* A column block of one outer item: its place in the reduced tensor and in the whole one, and its columns. */
typedef struct reduce_unit {
    int64_t reduced, whole;
    size_t count;
} reduce_unit;

static AXM_INLINE reduce_unit unit_at(const reduce_task *task, size_t unit)
{
    int64_t outer = (int64_t)unit / task->blocks, column = (int64_t)unit % task->blocks * task->block;
    return (reduce_unit){.reduced = outer * task->inner + column,
                         .whole = outer * task->axis * task->inner + column,
                         .count = (size_t)axm_min_i64(task->block, task->inner - column)};
}

/* ---- Sum ---- */

static AXM_INLINE void sum_columns(const reduce_task *task, const float *x, size_t count, float *y)
{
    double total[AXM_LANES] = {0};
    for (int64_t at = 0; at < task->axis; at += SEGMENT) {
        float sum[AXM_LANES] = {0};
        int64_t end = axm_min_i64(at + SEGMENT, task->axis);
        for (int64_t a = at; a < end; a++) {
            const float *row = x + a * task->inner;
            for (size_t i = 0; i < count; i++)
                sum[i] += row[i];
        }
        for (size_t i = 0; i < count; i++)
            total[i] += (double)sum[i];
    }
    for (size_t i = 0; i < count; i++)
        y[i] = (float)(total[i] * (double)task->factor);
}

/* inner == 1: one contiguous row. */
static AXM_INLINE float sum_row(const reduce_task *task, const float *x)
{
    const size_t length = (size_t)task->axis, piece = SEGMENT * WIDTH;
    double total = 0.0;
    for (size_t at = 0; at < length; at += piece) {
        size_t end = axm_min_size(at + piece, length), i = at;
        float lanes[WIDTH] = {0};
        for (; i + WIDTH <= end; i += WIDTH)
            for (size_t k = 0; k < WIDTH; k++)
                lanes[k] += x[i + k];
        for (size_t k = 0; i + k < end; k++)
            lanes[k] += x[i + k];
        for (size_t k = 0; k < WIDTH; k++)
            total += (double)lanes[k];
    }
    return (float)(total * (double)task->factor);
}

AXM_CLONES static void sum_units(const reduce_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        reduce_unit at = unit_at(task, unit);
        if (task->inner == 1)
            task->out[at.reduced] = sum_row(task, task->x + at.whole);
        else
            sum_columns(task, task->x + at.whole, at.count, task->out + at.reduced);
    }
}

AXM_CLONES static void spread_units(const reduce_task *task, size_t begin, size_t end)
{
    float factor = task->factor;
    for (size_t unit = begin; unit < end; unit++) {
        reduce_unit at = unit_at(task, unit);
        const float *dy = task->x + at.reduced;
        float *dx = task->out + at.whole;
        if (task->inner == 1) {
            float value = factor * dy[0];
            AXM_STORE_EACH(task->accumulate, (size_t)task->axis, dx, value);
            continue;
        }
        for (int64_t a = 0; a < task->axis; a++, dx += task->inner)
            AXM_STORE_EACH(task->accumulate, at.count, dx, factor * dy[i]);
    }
}

/* ---- Maximum ---- */

AXM_CLONES static void max_units(const reduce_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        reduce_unit at = unit_at(task, unit);
        const float *x = task->x + at.whole;
        float best[AXM_LANES];
        int32_t which[AXM_LANES];
        for (size_t i = 0; i < at.count; i++)
            best[i] = x[i];
        for (size_t i = 0; i < at.count; i++)
            which[i] = 0;
        for (int64_t a = 1; a < task->axis; a++) {
            const float *row = x + a * task->inner;
            for (size_t i = 0; i < at.count; i++) {
                which[i] = axm_beats(row[i], best[i]) ? (int32_t)a : which[i];
                best[i] = axm_beats(row[i], best[i]) ? row[i] : best[i];
            }
        }
        for (size_t i = 0; i < at.count; i++)
            task->out[at.reduced + (int64_t)i] = best[i];
        for (size_t i = 0; i < at.count && task->argmax; i++)
            task->argmax[at.reduced + (int64_t)i] = which[i];
    }
}

AXM_CLONES static void choose_units(const reduce_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        reduce_unit at = unit_at(task, unit);
        const float *dy = task->x + at.reduced;
        const int32_t *which = task->which + at.reduced;
        float *dx = task->out + at.whole;
        for (int64_t a = 0; a < task->axis; a++, dx += task->inner)
            AXM_STORE_EACH(task->accumulate, at.count, dx, which[i] == (int32_t)a ? dy[i] : 0.0f);
    }
}

/* ---- Running ---- */

static void sum_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    sum_units(context, begin, end);
}

static void spread_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    spread_units(context, begin, end);
}

static void max_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    max_units(context, begin, end);
}

static void choose_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    choose_units(context, begin, end);
}

static void run(const axm_exec *exec, reduce_task *task, int64_t outer, axm_loop_body body)
{
    if (outer == 0 || task->inner == 0) return;
    task->block = axm_min_i64(task->inner, (int64_t)axm_column_block((size_t)outer, (size_t)task->inner));
    task->blocks = (task->inner + task->block - 1) / task->block;
    size_t work = (size_t)axm_max_i64(task->axis, 1) * (size_t)task->block;
    axm_parallel_for(exec->pool, (size_t)(outer * task->blocks), axm_grain(work), body, task);
}

void axm_sum_axis_forward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, float factor, const float *x, float *y)
{
    reduce_task task = {.axis = axis, .inner = inner, .factor = factor, .x = x, .out = y};
    run(exec, &task, outer, sum_body);
}

void axm_sum_axis_backward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, float factor, const float *dy,
                           bool accumulate, float *dx)
{
    reduce_task task = {.axis = axis, .inner = inner, .factor = factor, .accumulate = accumulate, .x = dy, .out = dx};
    run(exec, &task, outer, spread_body);
}

void axm_max_axis_forward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y,
                          int32_t *argmax)
{
    reduce_task task = {.axis = axis, .inner = inner, .x = x, .out = y, .argmax = argmax};
    if (axis > 0) run(exec, &task, outer, max_body);
}

void axm_max_axis_backward(const axm_exec *exec, int64_t outer, int64_t axis, int64_t inner, const int32_t *argmax, const float *dy,
                           bool accumulate, float *dx)
{
    reduce_task task = {.axis = axis, .inner = inner, .accumulate = accumulate, .x = dy, .which = argmax, .out = dx};
    run(exec, &task, outer, choose_body);
}
