/* Convolution over three spatial axes as one over two: what a window covers in depth becomes channels. x is [batch, in, plane,
 * channels], the planes in between are [batch, out, plane, channels * kernel], channel c of tap k at c * kernel + k; zeros where a
 * tap lies outside. */
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct depth_task {
    const axm_depth_shape *shape;
    const float *from;
    float *to;
    bool accumulate;
} depth_task;

static void gather_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const depth_task *task = context;
    const axm_depth_shape *s = task->shape;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t pixel = (int64_t)unit % s->plane, out = (int64_t)unit / s->plane % s->out, n = (int64_t)unit / s->plane / s->out;
        float *to = task->to + (int64_t)unit * s->channels * s->kernel;
        for (int64_t k = 0; k < s->kernel; k++) {
            int64_t in = out * s->stride - s->pad + k * s->dilation;
            bool inside = in >= 0 && in < s->in;
            const float *from = inside ? task->from + ((n * s->in + in) * s->plane + pixel) * s->channels : NULL;
            for (int64_t c = 0; c < s->channels; c++)
                to[c * s->kernel + k] = from ? from[c] : 0.0f;
        }
    }
}

static void scatter_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const depth_task *task = context;
    const axm_depth_shape *s = task->shape;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        int64_t pixel = (int64_t)unit % s->plane, in = (int64_t)unit / s->plane % s->in, n = (int64_t)unit / s->plane / s->in;
        float *to = task->to + (int64_t)unit * s->channels;
        for (int64_t c = 0; c < s->channels && !task->accumulate; c++)
            to[c] = 0.0f;
        for (int64_t k = 0; k < s->kernel; k++) {
            int64_t place = in + s->pad - k * s->dilation;
            if (place < 0 || place % s->stride != 0 || place / s->stride >= s->out) continue;
            const float *from = task->from + ((n * s->out + place / s->stride) * s->plane + pixel) * s->channels * s->kernel + k;
            for (int64_t c = 0; c < s->channels; c++)
                to[c] += from[c * s->kernel];
        }
    }
}

void axm_depth_gather(const axm_exec *exec, const axm_depth_shape *shape, const float *x, float *planes)
{
    depth_task task = {.shape = shape, .from = x, .to = planes};
    axm_parallel_for(exec->pool, (size_t)(shape->batch * shape->out * shape->plane),
                     axm_grain((size_t)(shape->channels * shape->kernel)), gather_body, &task);
}

void axm_depth_scatter(const axm_exec *exec, const axm_depth_shape *shape, const float *planes, bool accumulate, float *x)
{
    depth_task task = {.shape = shape, .from = planes, .to = x, .accumulate = accumulate};
    axm_parallel_for(exec->pool, (size_t)(shape->batch * shape->in * shape->plane),
                     axm_grain((size_t)(shape->channels * shape->kernel)), scatter_body, &task);
}
