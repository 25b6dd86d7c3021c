/* Local response normalisation across channels, which lie side by side. With s = bias + alpha/size * (sum of x^2 over the
 * window): y = x s^-beta, and dx_i = dy_i s_i^-beta - 2 beta alpha/size x_i sum over the windows j that hold i of
 * dy_j x_j s_j^(-beta-1). */
#include <math.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct lrn_task {
    int64_t channels, before, after; /* the window of channel c is [c - before, c + after] */
    float alpha, beta, bias;         /* alpha: already divided by the size */
    const float *x, *dy;
    float *out;
    bool accumulate;
} lrn_task;

/* Channels [first, first + count) of a row, at most AXM_LANES. */
typedef struct lrn_block {
    int64_t first, count;
} lrn_block;

/* Half-open, counted from a block's first channel. */
typedef struct lrn_range {
    int64_t first, end;
} lrn_range;

/* The part of a block whose neighbour at `offset` is a channel too. */
static AXM_INLINE lrn_range overlap(const lrn_task *task, lrn_block block, int64_t offset)
{
    int64_t first = axm_max_i64(0, -offset - block.first);
    int64_t end = axm_min_i64(block.count, task->channels - offset - block.first);
    return (lrn_range){first, axm_max_i64(end, first)};
}

/* s of a block. The window is added in the order of channels, wherever the block begins. */
static AXM_INLINE void denominators(const lrn_task *task, const float *x, lrn_block block, float s[AXM_LANES])
{
    for (int64_t i = 0; i < block.count; i++)
        s[i] = 0.0f;
    for (int64_t offset = -task->before; offset <= task->after; offset++) {
        lrn_range part = overlap(task, block, offset);
        int64_t at = block.first + offset;
        for (int64_t i = part.first; i < part.end; i++)
            s[i] += x[at + i] * x[at + i];
    }
    for (int64_t i = 0; i < block.count; i++)
        s[i] = task->bias + task->alpha * s[i];
}

/* s^-beta; the usual betas without pow. */
static AXM_INLINE void powers(float beta, lrn_block block, const float s[AXM_LANES], float power[AXM_LANES])
{
    if (beta == 0.75f) {
        for (int64_t i = 0; i < block.count; i++) {
            float root = sqrtf(s[i]);
            power[i] = 1.0f / (root * sqrtf(root));
        }
    } else if (beta == 0.5f) {
        for (int64_t i = 0; i < block.count; i++)
            power[i] = 1.0f / sqrtf(s[i]);
    } else {
        for (int64_t i = 0; i < block.count; i++)
            power[i] = powf(s[i], -beta);
    }
}

static AXM_INLINE lrn_block block_at(const lrn_task *task, int64_t first)
{
    return (lrn_block){first, axm_min_i64(AXM_LANES, task->channels - first)};
}

AXM_CLONES static void forward_rows(const lrn_task *task, size_t begin, size_t end)
{
    float s[AXM_LANES], power[AXM_LANES];
    for (size_t row = begin; row < end; row++) {
        const float *x = task->x + (int64_t)row * task->channels;
        float *y = task->out + (int64_t)row * task->channels;
        for (int64_t c = 0; c < task->channels; c += AXM_LANES) {
            lrn_block block = block_at(task, c);
            denominators(task, x, block, s);
            powers(task->beta, block, s, power);
            for (int64_t i = 0; i < block.count; i++)
                y[c + i] = x[c + i] * power[i];
        }
    }
}

/* Two passes over a row: every channel's own term, then what every window takes from its channels. */
AXM_CLONES static void backward_rows(const lrn_task *task, size_t begin, size_t end)
{
    float s[AXM_LANES], power[AXM_LANES], share[AXM_LANES];
    for (size_t row = begin; row < end; row++) {
        const float *x = task->x + (int64_t)row * task->channels, *dy = task->dy + (int64_t)row * task->channels;
        float *dx = task->out + (int64_t)row * task->channels;
        for (int64_t c = 0; c < task->channels && !task->accumulate; c++)
            dx[c] = 0.0f;
        for (int64_t c = 0; c < task->channels; c += AXM_LANES) {
            lrn_block block = block_at(task, c);
            denominators(task, x, block, s);
            powers(task->beta, block, s, power);
            for (int64_t i = 0; i < block.count; i++) {
                dx[c + i] += dy[c + i] * power[i];
                share[i] = 2.0f * task->beta * task->alpha * dy[c + i] * x[c + i] * power[i] / s[i];
            }
            for (int64_t offset = -task->before; offset <= task->after; offset++) {
                lrn_range part = overlap(task, block, offset);
                int64_t at = c + offset;
                for (int64_t i = part.first; i < part.end; i++)
                    dx[at + i] -= x[at + i] * share[i];
            }
        }
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    forward_rows(context, begin, end);
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    backward_rows(context, begin, end);
}

static void run(const axm_exec *exec, lrn_task *task, size_t rows, int64_t size, axm_loop_body body)
{
    if (task->channels == 0) return;
    task->alpha /= (float)size;
    task->before = axm_min_i64((size - 1) / 2, task->channels - 1);
    task->after = axm_min_i64(size / 2, task->channels - 1);
    size_t window = (size_t)(task->before + task->after + 8); /* the root and the division are dearer than a sum */
    axm_parallel_for(exec->pool, rows, axm_grain((size_t)task->channels * window), body, task);
}

void axm_lrn_forward(const axm_exec *exec, size_t rows, int64_t channels, int64_t size, float alpha, float beta, float bias,
                     const float *x, float *y)
{
    lrn_task task = {.channels = channels, .alpha = alpha, .beta = beta, .bias = bias, .x = x, .out = y};
    run(exec, &task, rows, size, forward_body);
}

void axm_lrn_backward(const axm_exec *exec, size_t rows, int64_t channels, int64_t size, float alpha, float beta, float bias,
                      const float *x, const float *dy, bool accumulate, float *dx)
{
    lrn_task task = {
        .channels = channels, .alpha = alpha, .beta = beta, .bias = bias, .x = x, .dy = dy, .out = dx, .accumulate = accumulate};
    run(exec, &task, rows, size, backward_body);
}
