/* p-norms: pooling by them, and division by them along an axis. */
#include <math.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct pool_task {
    const axm_pool_shape *shape;
    float p;
    int64_t blocks; /* of AXM_LANES channels */
    const float *x, *y, *dy;
    float *out;
} pool_task;

static AXM_INLINE float size_of(float x)
{
    return x < 0.0f ? -x : x;
}

static AXM_INLINE float sign_of(float x)
{
    float up = x > 0.0f ? 1.0f : 0.0f;
    return x < 0.0f ? -1.0f : up;
}

/* ---- Pooling: channels last ---- */

/* The part of the window along one axis that lies in the input: taps first .. end - 1. */
static void clip_taps(int64_t start, int64_t kernel, int64_t dilation, int64_t in, int64_t *first, int64_t *end)
{
    *first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    *end = start >= in ? 0 : axm_min_i64(kernel, (in - start + dilation - 1) / dilation);
}

AXM_CLONES static void add_powers(float p, size_t count, const float *x, float *sum)
{
    if (p >= 2.0f && p <= 2.0f) {
        for (size_t i = 0; i < count; i++)
            sum[i] += x[i] * x[i];
    } else if (p >= 1.0f && p <= 1.0f) {
        for (size_t i = 0; i < count; i++)
            sum[i] += size_of(x[i]);
    } else {
        for (size_t i = 0; i < count; i++)
            sum[i] += powf(size_of(x[i]), p);
    }
}

static float root(float p, float sum)
{
    if (p >= 2.0f && p <= 2.0f) return sqrtf(sum);
    return p >= 1.0f && p <= 1.0f ? sum : powf(sum, 1.0f / p);
}

/* d y / d x = sign(x) (|x| / y)^(p - 1); nothing where y is 0. */
AXM_CLONES static void add_slopes(float p, size_t count, const float *x, const float *y, const float *dy, float *dx)
{
    for (size_t i = 0; i < count; i++) {
        float share = y[i] > 0.0f ? size_of(x[i]) / y[i] : 0.0f;
        float factor = p >= 2.0f && p <= 2.0f ? share : p >= 1.0f && p <= 1.0f ? 1.0f : powf(share, p - 1.0f);
        dx[i] += y[i] > 0.0f ? dy[i] * sign_of(x[i]) * factor : 0.0f;
    }
}

static void pool_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const pool_task *task = context;
    const axm_pool_shape *s = task->shape;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t ow = (int64_t)unit % s->out_w, oh = (int64_t)unit / s->out_w % s->out_h, n = (int64_t)unit / s->out_w / s->out_h;
        int64_t top = oh * s->stride_h - s->pad_top, left = ow * s->stride_w - s->pad_left, kh, kh_end, kw_first, kw_end;
        float *y = task->out + (int64_t)unit * s->channels;
        clip_taps(top, s->kernel_h, s->dilation_h, s->in_h, &kh, &kh_end);
        clip_taps(left, s->kernel_w, s->dilation_w, s->in_w, &kw_first, &kw_end);
        for (int64_t c = 0; c < s->channels; c++)
            y[c] = 0.0f;
        for (; kh < kh_end; kh++)
            for (int64_t kw = kw_first; kw < kw_end; kw++) {
                int64_t row = (n * s->in_h + top + kh * s->dilation_h) * s->in_w + left + kw * s->dilation_w;
                add_powers(task->p, (size_t)s->channels, task->x + row * s->channels, y);
            }
        for (int64_t c = 0; c < s->channels; c++)
            y[c] = root(task->p, y[c]);
    }
}

/* A worker has a block of channels of one image for itself, so windows that overlap are added in one order. */
static void spread_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const pool_task *task = context;
    const axm_pool_shape *s = task->shape;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t c = (int64_t)unit % task->blocks * AXM_LANES, n = (int64_t)unit / task->blocks;
        size_t count = (size_t)axm_min_i64(AXM_LANES, s->channels - c);
        for (int64_t o = 0; o < s->out_h * s->out_w; o++) {
            int64_t top = o / s->out_w * s->stride_h - s->pad_top, left = o % s->out_w * s->stride_w - s->pad_left;
            int64_t kh, kh_end, kw_first, kw_end, at = (n * s->out_h * s->out_w + o) * s->channels + c;
            clip_taps(top, s->kernel_h, s->dilation_h, s->in_h, &kh, &kh_end);
            clip_taps(left, s->kernel_w, s->dilation_w, s->in_w, &kw_first, &kw_end);
            for (; kh < kh_end; kh++)
                for (int64_t kw = kw_first; kw < kw_end; kw++) {
                    int64_t row = (n * s->in_h + top + kh * s->dilation_h) * s->in_w + left + kw * s->dilation_w;
                    add_slopes(task->p, count, task->x + row * s->channels + c, task->y + at, task->dy + at,
                               task->out + row * s->channels + c);
                }
        }
    }
}

void axm_lp_pool_forward(const axm_exec *exec, const axm_pool_shape *shape, float p, const float *x, float *y)
{
    pool_task task = {.shape = shape, .p = p, .x = x, .out = y};
    size_t work = (size_t)(shape->channels * shape->kernel_h * shape->kernel_w);
    axm_parallel_for(exec->pool, (size_t)(shape->batch * shape->out_h * shape->out_w), axm_grain(work), pool_body, &task);
}

void axm_lp_pool_backward(const axm_exec *exec, const axm_pool_shape *shape, float p, const float *x, const float *y,
                          const float *dy, bool accumulate, float *dx)
{
    pool_task task = {.shape = shape, .p = p, .x = x, .y = y, .dy = dy, .out = dx};
    task.blocks = (shape->channels + AXM_LANES - 1) / AXM_LANES;
    for (int64_t i = 0; !accumulate && i < shape->batch * shape->in_h * shape->in_w * shape->channels; i++)
        dx[i] = 0.0f;
    axm_parallel_for(exec->pool, (size_t)(shape->batch * task.blocks), 1, spread_body, &task);
}

/* ---- Division by the norm ---- */

typedef struct divide_task {
    int p;
    int64_t axis, inner;
    const float *x, *dy;
    float *out;
    bool accumulate;
} divide_task;

static double norm_of(const divide_task *task, const float *x)
{
    double sum = 0.0;
    for (int64_t a = 0; a < task->axis; a++) {
        double value = (double)x[a * task->inner];
        sum += task->p == 1 ? fabs(value) : value * value;
    }
    return task->p == 1 ? sum : sqrt(sum);
}

static void divide_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const divide_task *task = context;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        size_t at = unit / (size_t)task->inner * (size_t)(task->axis * task->inner) + unit % (size_t)task->inner;
        double norm = norm_of(task, task->x + at);
        for (int64_t a = 0; a < task->axis; a++)
            task->out[at + (size_t)(a * task->inner)] =
                norm > 0.0 ? (float)((double)task->x[at + (size_t)(a * task->inner)] / norm) : 0.0f;
    }
}

/* dx = (dy - d norm / dx sum(dy y)) / norm, where d norm / dx is sign(x) or y. */
static void slope_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const divide_task *task = context;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        size_t at = unit / (size_t)task->inner * (size_t)(task->axis * task->inner) + unit % (size_t)task->inner;
        double norm = norm_of(task, task->x + at), along = 0.0;
        for (int64_t a = 0; a < task->axis && norm > 0.0; a++) {
            size_t k = at + (size_t)(a * task->inner);
            along += (double)task->dy[k] * (double)task->x[k] / norm;
        }
        for (int64_t a = 0; a < task->axis; a++) {
            size_t k = at + (size_t)(a * task->inner);
            double tilt = task->p == 1 ? (double)sign_of(task->x[k]) : norm > 0.0 ? (double)task->x[k] / norm : 0.0;
            float value = norm > 0.0 ? (float)(((double)task->dy[k] - tilt * along) / norm) : 0.0f;
            task->out[k] = task->accumulate ? task->out[k] + value : value;
        }
    }
}

void axm_lp_divide_forward(const axm_exec *exec, int p, int64_t outer, int64_t axis, int64_t inner, const float *x, float *y)
{
    divide_task task = {.p = p, .axis = axis, .inner = inner, .x = x, .out = y};
    axm_parallel_for(exec->pool, (size_t)(outer * inner), axm_grain((size_t)axis * 2), divide_body, &task);
}

void axm_lp_divide_backward(const axm_exec *exec, int p, int64_t outer, int64_t axis, int64_t inner, const float *x,
                            const float *dy, bool accumulate, float *dx)
{
    divide_task task = {.p = p, .axis = axis, .inner = inner, .x = x, .dy = dy, .out = dx, .accumulate = accumulate};
    axm_parallel_for(exec->pool, (size_t)(outer * inner), axm_grain((size_t)axis * 3), slope_body, &task);
}
