/* Max pooling, NHWC. Forward visits outputs; backward visits inputs and gathers, so that no two workers write the same place. */
#include <string.h>

#include "kernels/clones.h"
#include "kernels/pool_window.h"
#include "kernels/vector_math.h"

#define NO_BYTE 255 /* no tap of a byte index: kernels have at most 255 taps, 0 to 254 */
#define NO_WORD (-1)

typedef struct pool_task {
    const axm_pool_shape *shape;
    axm_pool_axis h, w;
    const float *source; /* x or dy */
    float *target;       /* y or dx */
    uint8_t *bytes;      /* argmax as bytes, or NULL */
    int32_t *words;      /* argmax as int32, or NULL */
    bool accumulate;
    int64_t block, blocks; /* channels in a unit of work, units for each pixel */
} pool_task;

static bool index_is_byte(const axm_pool_shape *shape)
{
    return shape->kernel_h <= 255 && shape->kernel_w <= 255 && shape->kernel_h * shape->kernel_w <= 255;
}

size_t axm_max_pool_index_bytes(const axm_pool_shape *shape)
{
    size_t count = (size_t)(shape->batch * shape->out_h * shape->out_w * shape->channels);
    return count * (index_is_byte(shape) ? sizeof(uint8_t) : sizeof(int32_t));
}

/* One window, `count` channels (at most AXM_LANES). x: the image's first pixel at these channels. at: offset in y and argmax. */
static AXM_INLINE void max_window(const pool_task *task, axm_pool_taps h, axm_pool_taps w, const float *x, size_t at, size_t count)
{
    const axm_pool_shape *s = task->shape;
    bool indexed = task->bytes != NULL || task->words != NULL;
    float best[AXM_LANES];
    int32_t which[AXM_LANES];
    bool found = false;
    for (int64_t kh = h.first; kh < h.end; kh++) {
        const float *row = x + (h.start + kh * s->dilation_h) * s->in_w * s->channels;
        for (int64_t kw = w.first; kw < w.end; kw++) {
            const float *value = row + (w.start + kw * s->dilation_w) * s->channels;
            int32_t tap = (int32_t)(kh * s->kernel_w + kw);
            if (!found) {
                for (size_t i = 0; i < count; i++)
                    best[i] = value[i];
                for (size_t i = 0; i < count; i++)
                    which[i] = tap;
                found = true;
            } else if (indexed) {
                for (size_t i = 0; i < count; i++) {
                    which[i] = axm_beats(value[i], best[i]) ? tap : which[i];
                    best[i] = axm_beats(value[i], best[i]) ? value[i] : best[i];
                }
            } else {
                for (size_t i = 0; i < count; i++)
                    best[i] = axm_beats(value[i], best[i]) ? value[i] : best[i];
            }
        }
    }
    if (!found) {
        for (size_t i = 0; i < count; i++)
            best[i] = 0.0f;
        for (size_t i = 0; i < count; i++)
            which[i] = task->bytes ? NO_BYTE : NO_WORD;
    }
    memcpy(task->target + at, best, count * sizeof *best);
    if (task->bytes) {
        uint8_t *bytes = task->bytes + at;
        for (size_t i = 0; i < count; i++)
            bytes[i] = (uint8_t)which[i];
    } else if (task->words) {
        memcpy(task->words + at, which, count * sizeof *which);
    }
}

AXM_CLONES static void forward_units(const pool_task *task, size_t begin, size_t end)
{
    const axm_pool_shape *s = task->shape;
    axm_pool_place at = axm_pool_place_of((int64_t)begin, s->out_h, s->out_w, task->blocks);
    for (size_t unit = begin; unit < end; unit++, axm_pool_next(&at, s->out_h, s->out_w, task->blocks)) {
        int64_t pixel = (at.image * s->out_h + at.y) * s->out_w + at.x, c = at.block * task->block;
        int64_t c_end = axm_min_i64(c + task->block, s->channels);
        axm_pool_taps h = axm_pool_taps_of(&task->h, at.y), w = axm_pool_taps_of(&task->w, at.x);
        const float *image = task->source + at.image * s->in_h * s->in_w * s->channels;
#define WINDOW(c, count) max_window(task, h, w, image + (c), (size_t)(pixel * s->channels + (c)), count)
        AXM_POOL_CHANNELS(c, c_end, WINDOW);
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    forward_units(context, begin, end);
}

static pool_task task_for(const axm_pool_shape *shape, const float *source, float *target, void *argmax)
{
    pool_task task = {.shape = shape, .source = source, .target = target};
    task.h = axm_pool_axis_h(shape);
    task.w = axm_pool_axis_w(shape);
    if (index_is_byte(shape))
        task.bytes = argmax;
    else
        task.words = argmax;
    task.block = axm_pool_channel_block(shape->channels);
    task.blocks = axm_ceil_div(shape->channels, task.block);
    return task;
}

void axm_max_pool_forward(const axm_exec *exec, const axm_pool_shape *shape, const float *x, float *y, void *argmax)
{
    pool_task task = task_for(shape, x, y, argmax);
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
        int64_t kh = axm_pool_tap_at(&task->h, oh, ih);
        if (kh < 0) continue;
        for (int64_t ow = columns.first; ow < columns.end; ow++) {
            int64_t kw = axm_pool_tap_at(&task->w, ow, iw);
            if (kw < 0) continue;
            int64_t at = (image + oh * s->out_w + ow) * s->channels + c;
            int32_t tap = (int32_t)(kh * s->kernel_w + kw);
            const float *dy = task->source + at;
            if (task->bytes) {
                const uint8_t *which = task->bytes + at;
                for (size_t i = 0; i < count; i++)
                    sum[i] += which[i] == tap ? dy[i] : 0.0f;
            } else {
                const int32_t *which = task->words + at;
                for (size_t i = 0; i < count; i++)
                    sum[i] += which[i] == tap ? dy[i] : 0.0f;
            }
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

void axm_max_pool_backward(const axm_exec *exec, const axm_pool_shape *shape, const float *dy, const void *argmax, bool accumulate,
                           float *dx)
{
    pool_task task = task_for(shape, dy, dx, (void *)argmax); /* only read from here on */
    task.accumulate = accumulate;
    int64_t windows = axm_min_i64(axm_ceil_div(shape->kernel_h, shape->stride_h), shape->out_h) *
                      axm_min_i64(axm_ceil_div(shape->kernel_w, shape->stride_w), shape->out_w);
    size_t units = (size_t)(shape->batch * shape->in_h * shape->in_w * task.blocks);
    axm_parallel_for(exec->pool, units, axm_grain((size_t)(windows * task.block)), backward_body, &task);
}
