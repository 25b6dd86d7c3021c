/* Depthwise convolution, either direction: each line of output pixels is cut where taps begin or cease to fall outside of the
 * input, so that the inner kernel sees a rectangle of taps that all lie inside. Vectors run along the channels; nothing is
 * gathered. */
#include "kernels/conv.h"
#include "kernels/grain.h"

#define TASK_OUTPUTS 16384 /* floats written by a task, about */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a / b rounded up, b > 0. */
static int64_t ceiling(int64_t a, int64_t b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

/* The taps [first, last) of grid position g that read inside the input; first == last when there is none. */
static void taps_inside(const axm_tap_axis *axis, int64_t g, int64_t *first, int64_t *last)
{
    const int64_t position = g * axis->in_step + axis->offset;
    *first = axm_min_i64(larger(ceiling(-position, axis->offset_step), 0), axis->taps);
    *last = larger(axm_min_i64(ceiling(axis->in_size - position, axis->offset_step), axis->taps), *first);
}

/* The grid positions [first, last) where every tap reads inside. */
static void grid_inside(const axm_tap_axis *axis, int64_t *first, int64_t *last)
{
    const int64_t reach = axis->offset + (axis->taps - 1) * axis->offset_step;
    *first = axm_min_i64(larger(ceiling(-axis->offset, axis->in_step), 0), axis->grid);
    *last = larger(axm_min_i64(ceiling(axis->in_size - reach, axis->in_step), axis->grid), *first);
}

typedef struct line {
    const axm_tap_conv *conv;
    axm_depthwise_run run;
    const float *x; /* the first tap inside, position 0 */
    const float *w;
    float *y;
} line;

/* Grid positions [begin, end), which have the same taps inside. */
static void run_pixels(line *l, int64_t begin, int64_t end)
{
    const axm_tap_axis *w = &l->conv->w;
    const int64_t channels = l->conv->plan->in_pixel;
    int64_t first, last;
    if (begin >= end) return;
    taps_inside(w, begin, &first, &last);
    const int64_t position = first == last ? 0 : begin * w->in_step + w->offset + first * w->offset_step;
    axm_depthwise_run *run = &l->run;
    run->pixels = (size_t)(end - begin);
    run->taps_w = (size_t)(last - first);
    run->x = l->x + position * channels;
    run->w = l->w + first * channels;
    run->y = l->y + (w->out_first + begin * w->out_step) * channels;
    l->conv->exec->kernels->depthwise(run);
}

static void run_line(const axm_tap_conv *v, int64_t image, int64_t gy)
{
    const axm_tap_axis *h = &v->h, *w = &v->w;
    const int64_t channels = v->plan->in_pixel;
    int64_t first, last, left, right;
    taps_inside(h, gy, &first, &last);
    grid_inside(w, &left, &right);
    const int64_t top = first == last ? 0 : gy * h->in_step + h->offset + first * h->offset_step;
    line l = {
        .conv = v,
        .run =
            {
                .channels = (size_t)channels,
                .taps_h = (size_t)(last - first),
                .x_step = (ptrdiff_t)(w->in_step * channels),
                .x_row = (ptrdiff_t)(h->offset_step * w->in_size * channels),
                .x_column = (ptrdiff_t)(w->offset_step * channels),
                .w_row = (ptrdiff_t)(w->taps * channels),
                .w_column = (ptrdiff_t)channels,
                .y_step = (ptrdiff_t)(w->out_step * channels),
                .bias = v->bias,
                .clamp = v->clamp,
                .accumulate = v->accumulate,
            },
        .x = v->x + (image * h->in_size + top) * w->in_size * channels,
        .w = v->packed + first * w->taps * channels,
        .y = v->y + (image * h->out_size + h->out_first + gy * h->out_step) * w->out_size * channels,
    };
    for (int64_t g = 0; g < left; g++)
        run_pixels(&l, g, g + 1);
    run_pixels(&l, left, right);
    for (int64_t g = right; g < w->grid; g++)
        run_pixels(&l, g, g + 1);
}

static void run_lines(void *context, size_t begin, size_t end, int32_t worker)
{
    const axm_tap_conv *v = context;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        run_line(v, (int64_t)i / v->h.grid, (int64_t)i % v->h.grid);
}

void axm_tap_depthwise(const axm_tap_conv *conv)
{
    const int64_t lines = conv->plan->shape->batch * conv->h.grid, outputs = conv->w.grid * conv->plan->out_pixel;
    axm_tap_conv copy = *conv; /* the loop's context is not const */
    if (lines > 0 && outputs > 0) {
        axm_parallel_for(conv->exec->pool, (size_t)lines, (size_t)(TASK_OUTPUTS / outputs + 1), run_lines, &copy);
    }
}
