/* Rounding to the steps of a quantised type, computed in float, and its straight-through gradient. x is [outer, axis, inner], with
 * a step and a zero point for each place along the axis. */
#include <math.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/small_float.h"

typedef struct quantize_task {
    const axm_quantize_shape *shape;
    const float *x, *dy;
    float *out;
    bool accumulate;
} quantize_task;

static AXM_INLINE float level(float x, float step, float zero)
{
    return rintf(x / step) + zero; /* halves to even */
}

static AXM_INLINE bool passes(float y, float low, float high)
{
    return (y >= low) & (y <= high);
}

AXM_CLONES static void forward_units(const quantize_task *task, size_t begin, size_t end)
{
    const axm_quantize_shape *s = task->shape;
    const size_t inner = (size_t)s->inner;
    for (size_t unit = begin; unit < end; unit++) {
        const float *x = task->x + unit * inner;
        float *y = task->out + unit * inner, step = s->step[unit % (size_t)s->axis], zero = s->zero[unit % (size_t)s->axis];
        if (s->small_float)
            AXM_STORE_EACH(false, inner, y, axm_round_small(&s->rounding, x[i] / step + zero));
        else
            AXM_STORE_EACH(false, inner, y, axm_clamped(level(x[i], step, zero), s->low, s->high));
    }
}

/* The rounding counts as no change; what is cut off at the ends of the range passes nothing. */
AXM_CLONES static void backward_units(const quantize_task *task, size_t begin, size_t end)
{
    const axm_quantize_shape *s = task->shape;
    const size_t inner = (size_t)s->inner;
    for (size_t unit = begin; unit < end; unit++) {
        const float *x = task->x + unit * inner, *dy = task->dy + unit * inner;
        float *dx = task->out + unit * inner, step = s->step[unit % (size_t)s->axis], zero = s->zero[unit % (size_t)s->axis];
        if (s->small_float)
            AXM_STORE_EACH(task->accumulate, inner, dx, axm_round_passes(&s->rounding, x[i] / step + zero) ? dy[i] / step : 0.0f);
        else
            AXM_STORE_EACH(task->accumulate, inner, dx, passes(level(x[i], step, zero), s->low, s->high) ? dy[i] / step : 0.0f);
    }
}

AXM_CLONES static void dequantize_units(const quantize_task *task, size_t begin, size_t end)
{
    const axm_quantize_shape *s = task->shape;
    const size_t inner = (size_t)s->inner;
    for (size_t unit = begin; unit < end; unit++) {
        const float *x = task->x + unit * inner;
        float *y = task->out + unit * inner, step = s->step[unit % (size_t)s->axis], zero = s->zero[unit % (size_t)s->axis];
        AXM_STORE_EACH(task->accumulate, inner, y, (x[i] - zero) * step);
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

static void dequantize_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    dequantize_units(context, begin, end);
}

static void run(const axm_exec *exec, quantize_task *task, axm_loop_body body)
{
    const axm_quantize_shape *s = task->shape;
    axm_parallel_for(exec->pool, (size_t)(s->outer * s->axis), axm_grain((size_t)s->inner), body, task);
}

void axm_quantize_forward(const axm_exec *exec, const axm_quantize_shape *shape, const float *x, float *y)
{
    quantize_task task = {.shape = shape, .x = x, .out = y};
    run(exec, &task, forward_body);
}

void axm_quantize_backward(const axm_exec *exec, const axm_quantize_shape *shape, const float *x, const float *dy, bool accumulate,
                           float *dx)
{
    quantize_task task = {.shape = shape, .x = x, .dy = dy, .out = dx, .accumulate = accumulate};
    run(exec, &task, backward_body);
}

void axm_dequantize(const axm_exec *exec, const axm_quantize_shape *shape, const float *x, bool accumulate, float *y)
{
    quantize_task task = {.shape = shape, .x = x, .out = y, .accumulate = accumulate};
    run(exec, &task, dequantize_body);
}
