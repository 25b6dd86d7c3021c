/* y[r,c] = clamp(scale[c] x[r,c] + shift[c]): batch normalisation, and the input's preprocessing. */
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"
#include "kernels/vector_math.h"

typedef struct affine_task {
    size_t channels;
    const float *x, *scale, *shift;
    float *y;
    axm_clamp clamp;
    bool accumulate;
} affine_task;

/* With few channels, rows are too short for vectors: handle as many together as fit, with the coefficients repeated. */
static AXM_INLINE size_t tile(const float *values, float missing, size_t channels, size_t rows, float out[AXM_LANES])
{
    size_t length = rows * channels;
    for (size_t i = 0; i < length; i++)
        out[i] = values ? values[i % channels] : missing;
    return length;
}

static AXM_INLINE void affine_row(size_t count, const float *x, const float *scale, const float *shift, axm_clamp clamp, float *y)
{
    float low = clamp.low, high = clamp.high;
    if (scale && shift)
        AXM_STORE_EACH(false, count, y, axm_clamped(scale[i] * x[i] + shift[i], low, high));
    else if (scale)
        AXM_STORE_EACH(false, count, y, axm_clamped(scale[i] * x[i], low, high));
    else if (shift)
        AXM_STORE_EACH(false, count, y, axm_clamped(x[i] + shift[i], low, high));
    else
        AXM_STORE_EACH(false, count, y, axm_clamped(x[i], low, high));
}

AXM_CLONES static void forward_rows(const affine_task *task, size_t begin, size_t end)
{
    size_t channels = task->channels, together = channels <= AXM_LANES ? AXM_LANES / channels : 1;
    float scales[AXM_LANES], shifts[AXM_LANES];
    const float *scale = task->scale, *shift = task->shift;
    if (together > 1) {
        tile(scale, 1.0f, channels, together, scales);
        tile(shift, 0.0f, channels, together, shifts);
        scale = scales;
        shift = shifts;
    }
    for (size_t row = begin; row < end; row += together) {
        size_t rows = axm_min_size(together, end - row), at = row * channels;
        affine_row(rows * channels, task->x + at, scale, shift, task->clamp, task->y + at);
    }
}

AXM_CLONES static void backward_rows(const affine_task *task, size_t begin, size_t end)
{
    size_t channels = task->channels, together = channels <= AXM_LANES ? AXM_LANES / channels : 1;
    float scales[AXM_LANES];
    const float *scale = task->scale;
    if (together > 1) {
        tile(scale, 1.0f, channels, together, scales);
        scale = scales;
    }
    for (size_t row = begin; row < end; row += together) {
        size_t rows = axm_min_size(together, end - row), count = rows * channels;
        const float *dy = task->x + row * channels;
        float *dx = task->y + row * channels;
        if (scale)
            AXM_STORE_EACH(task->accumulate, count, dx, scale[i] * dy[i]);
        else
            AXM_STORE_EACH(task->accumulate, count, dx, dy[i]);
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

void axm_channel_affine_forward(const axm_exec *exec, size_t rows, size_t channels, const float *x, const float *scale,
                                const float *shift, axm_clamp clamp, float *y)
{
    affine_task task = {.channels = channels, .x = x, .scale = scale, .shift = shift, .y = y, .clamp = clamp};
    if (channels == 0) return;
    axm_parallel_for(exec->pool, rows, axm_grain(channels), forward_body, &task);
}

void axm_channel_affine_backward(const axm_exec *exec, size_t rows, size_t channels, const float *dy, const float *scale,
                                 bool accumulate, float *dx)
{
    affine_task task = {.channels = channels, .x = dy, .scale = scale, .y = dx, .accumulate = accumulate};
    if (channels == 0) return;
    axm_parallel_for(exec->pool, rows, axm_grain(channels), backward_body, &task);
}
