/* Average pooling, NHWC. Forward visits outputs; backward visits inputs and gathers. */
#include "kernels/clones.h"
#include "kernels/pool_window.h"

#define LARGE_WINDOW 64 /* taps from which rows are summed apart first, to keep rounding errors small */

typedef struct pool_task {
    const axm_pool_shape *shape;
    axm_pool_axis h, w;
    const float *source; /* x or dy */
    float *target;       /* y or dx */
    bool accumulate;
    int64_t block, blocks; /* channels in a unit of work, units for each pixel */
} pool_task;

/* sum[c] over the taps of one row of a window. value: the first tap; stride: floats from tap to tap. */
static AXM_INLINE void add_row(const float *value, int64_t taps, int64_t stride, size_t count, float *sum)
{
    for (int64_t k = 0; k < taps; k++, value += stride)
        for (size_t i = 0; i < count; i++)
            sum[i] += value[i];
}

/* Sums of one window over `count` channels (at most AXM_LANES). x: the image's first pixel at these channels. */
static AXM_INLINE void sum_window(const axm_pool_shape *s, axm_pool_taps h, axm_pool_taps w, const float *x, size_t count,
                                  float *sum)
{
    int64_t taps = w.end - w.first, stride = s->dilation_w * s->channels;
    bool large = (h.end - h.first) * taps >= LARGE_WINDOW;
    for (size_t i = 0; i < count; i++)
        sum[i] = 0.0f;
    if (taps == 0) return;
    for (int64_t kh = h.first; kh < h.end; kh++) {
        int64_t pixel = (h.start + kh * s->dilation_h) * s->in_w + w.start + w.first * s->dilation_w;
        const float *first = x + pixel * s->channels;
        if (large) {
            float part[AXM_LANES];
            for (size_t i = 0; i < count; i++)
                part[i] = 0.0f;
            add_row(first, taps, stride, count, part);
            for (size_t i = 0; i < count; i++)
                sum[i] += part[i];
        } else {
            add_row(first, taps, stride, count, sum);
        }
    }
}

static AXM_INLINE void average_window(const axm_pool_shape *s, axm_pool_taps h, axm_pool_taps w, const float *x, float divisor,
                                      size_t count, float *y)
{
    float sum[AXM_LANES];
    sum_window(s, h, w, x, count, sum);
    for (size_t i = 0; i < count; i++)
        y[i] = sum[i] / divisor;
}

AXM_CLONES static void forward_units(const pool_task *task, size_t begin, size_t end)
{
    const axm_pool_shape *s = task->shape;
    axm_pool_place at = axm_pool_place_of((int64_t)begin, s->out_h, s->out_w, task->blocks);
    for (size_t unit = begin; unit < end; unit++, axm_pool_next(&at, s->out_h, s->out_w, task->blocks)) {
        int64_t oh = at.y, ow = at.x, c = at.block * task->block, c_end = axm_min_i64(c + task->block, s->channels);
        axm_pool_taps h = axm_pool_taps_of(&task->h, oh), w = axm_pool_taps_of(&task->w, ow);
        int64_t area = axm_pool_divisor(&task->h, oh, s->count_include_pad) * axm_pool_divisor(&task->w, ow, s->count_include_pad);
        float divisor = area > 0 ? (float)area : 1.0f; /* no input under the window: 0 */
        const float *image = task->source + at.image * s->in_h * s->in_w * s->channels;
        float *y = task->target + ((at.image * s->out_h + oh) * s->out_w + ow) * s->channels;
#define WINDOW(c, count) average_window(s, h, w, image + (c), divisor, count, y + (c))
        AXM_POOL_CHANNELS(c, c_end, WINDOW);
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    forward_units(context, begin, end);
}

static pool_task task_for(const axm_pool_shape *shape, const float *source, float *target)
{
    pool_task task = {.shape = shape, .source = source, .target = target};
    task.h = axm_pool_axis_h(shape);
    task.w = axm_pool_axis_w(shape);
    task.block = axm_pool_channel_block(shape->channels);
    task.blocks = axm_ceil_div(shape->channels, task.block);
    return task;
}

void axm_average_pool_forward(const axm_exec *exec, const axm_pool_shape *shape, const float *x, float *y)
{
    pool_task task = task_for(shape, x, y);
    size_t taps = (size_t)(axm_min_i64(shape->kernel_h, shape->in_h) * axm_min_i64(shape->kernel_w, shape->in_w));
    size_t units = (size_t)(shape->batch * shape->out_h * shape->out_w * task.blocks);
    axm_parallel_for(exec->pool, units, axm_grain(taps * (size_t)task.block), forward_body, &task);
}

/* The gradient of one input pixel under these windows, `count` channels from `c` on. image: the image's first output pixel. */
static AXM_INLINE void gather_pixel(const pool_task *task, int64_t image, int64_t ih, int64_t iw, axm_pool_range rows,
                                    axm_pool_range columns, int64_t c, size_t count, float *dx)
{
    const axm_pool_shape *s = task->shape;
    float sum[AXM_LANES];
    for (size_t i = 0; i < count; i++)
        sum[i] = 0.0f;
    for (int64_t oh = rows.first; oh < rows.end; oh++) {
        if (axm_pool_tap_at(&task->h, oh, ih) < 0) continue;
        int64_t area_h = axm_pool_divisor(&task->h, oh, s->count_include_pad);
        for (int64_t ow = columns.first; ow < columns.end; ow++) {
            if (axm_pool_tap_at(&task->w, ow, iw) < 0) continue;
            float divisor = (float)(area_h * axm_pool_divisor(&task->w, ow, s->count_include_pad));
            float share = 1.0f / divisor; /* the window covers this input: not 0 */
            const float *dy = task->source + (image + oh * s->out_w + ow) * s->channels + c;
            for (size_t i = 0; i < count; i++)
                sum[i] += dy[i] * share;
        }
    }
    AXM_STORE_EACH(task->accumulate, count, dx, sum[i]);
}

AXM_CLONES static void backward_units(const pool_task *task, size_t begin, size_t end)
{
    const axm_pool_shape *s = task->shape;
    axm_pool_place at = axm_pool_place_of((int64_t)begin, s->in_h, s->in_w, task->blocks);
    for (size_t unit = begin; unit < end; unit++, axm_pool_next(&at, s->in_h, s->in_w, task->blocks)) {
        int64_t c = at.block * task->block, c_end = axm_min_i64(c + task->block, s->channels);
        int64_t image = at.image * s->out_h * s->out_w;
        axm_pool_range rows = axm_pool_outputs_of(&task->h, at.y), columns = axm_pool_outputs_of(&task->w, at.x);
        float *dx = task->target + ((at.image * s->in_h + at.y) * s->in_w + at.x) * s->channels;
#define PIXEL(c, count) gather_pixel(task, image, at.y, at.x, rows, columns, c, count, dx + (c))
        AXM_POOL_CHANNELS(c, c_end, PIXEL);
    }
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    backward_units(context, begin, end);
}

void axm_average_pool_backward(const axm_exec *exec, const axm_pool_shape *shape, const float *dy, bool accumulate, float *dx)
{
    pool_task task = task_for(shape, dy, dx);
    task.accumulate = accumulate;
    int64_t windows = axm_min_i64(axm_ceil_div(shape->kernel_h, shape->stride_h), shape->out_h) *
                      axm_min_i64(axm_ceil_div(shape->kernel_w, shape->stride_w), shape->out_w);
    size_t units = (size_t)(shape->batch * shape->in_h * shape->in_w * task.blocks);
    axm_parallel_for(exec->pool, units, axm_grain((size_t)(windows * task.block)), backward_body, &task);
}
