/* Backward to an image of few channels: for each row of dy one product gives every tap's part of dx, dy [out_w, out_c] times
 * weights [out_c, kernel_h kernel_w in_c], and the parts are added where they belong ("col2im"). Summing along dy for each pixel of
 * dx would gather kernel_h kernel_w out_c numbers to make three.
 *
 * A task owns some rows of dx and makes all of dy's rows that reach them (a few are made twice), so that every element is
 * summed over the rows of dy from the top down, whoever does it. */
#include <math.h>
#include <string.h>

#include "kernels/clones.h"
#include "kernels/conv.h"
#include "kernels/grain.h"

#define TASK_ROWS 16 /* rows of dx for each step of the stride */

typedef struct parts {
    const axm_tap_conv *conv;
    int64_t columns, width;   /* of a row of parts: kernel_h kernel_w in_c, and rounded up to whole vectors */
    int64_t task_rows, tasks; /* of one image */
} parts;

int64_t axm_col2im_width(const axm_kernels *kernels, const axm_conv_shape *shape)
{
    const int64_t lanes = (int64_t)kernels->lanes;
    return (shape->kernel_h * shape->kernel_w * shape->in_c + lanes - 1) / lanes * lanes;
}

size_t axm_col2im_scratch_bytes(const axm_kernels *kernels, const axm_conv_shape *shape)
{
    return (size_t)(shape->out_w * axm_col2im_width(kernels, shape)) * sizeof(float);
}

static void multiply_row(const parts *p, const float *dy, float *out)
{
    const axm_kernels *kernels = p->conv->exec->kernels;
    const axm_conv_shape *s = p->conv->plan->shape;
    float *c[AXM_MAX_TILE_ROWS];
    axm_tile tile = {.lda = (size_t)s->out_c, .k = (size_t)s->out_c, .c = c, .clamp = {-INFINITY, INFINITY}};
    for (int64_t x = 0; x < s->out_w; x += (int64_t)kernels->tile_rows) {
        const size_t rows = (size_t)axm_min_i64((int64_t)kernels->tile_rows, s->out_w - x);
        tile.a = dy + x * s->out_c;
        for (size_t r = 0; r < rows; r++)
            c[r] = out + (x + (int64_t)r) * p->width;
        for (int64_t first = 0; first < p->columns; first += (int64_t)kernels->tile_columns) {
            tile.b = p->conv->packed + first * s->out_c;
            tile.column = (size_t)first;
            kernels->tile(rows, (size_t)axm_min_i64((int64_t)kernels->tile_columns, p->columns - first), &tile);
        }
    }
}

/* Adds the parts of one kernel row to one row of dx. part: of output 0; width floats from one output to the next. */
AXM_CLONES static void add_parts(const axm_conv_shape *s, const float *part, int64_t width, float *row)
{
    const int64_t together = s->dilation_w == 1 ? s->kernel_w : 1; /* taps whose pixels touch */
    for (int64_t x = 0; x < s->out_w; x++, part += width) {
        for (int64_t tap = 0; tap < s->kernel_w; tap += together) {
            const int64_t at = x * s->stride_w - s->pad_left + tap * s->dilation_w;
            const int64_t first = axm_max_i64(-at, 0), last = axm_min_i64(together, s->in_w - at);
            float *to = row + at * s->in_c;
            const float *from = part + tap * s->in_c;
            for (int64_t i = first * s->in_c; i < last * s->in_c; i++)
                to[i] += from[i];
        }
    }
}

static void run_rows(const parts *p, int64_t image, int64_t begin, int64_t end, float *scratch)
{
    const axm_conv_shape *s = p->conv->plan->shape;
    const int64_t reach = (s->kernel_h - 1) * s->dilation_h, row_floats = s->in_w * s->in_c;
    float *dx = p->conv->y + image * s->in_h * row_floats;
    if (!p->conv->accumulate) memset(dx + begin * row_floats, 0, (size_t)((end - begin) * row_floats) * sizeof *dx);
    const int64_t lowest = begin + s->pad_top - reach; /* of y stride_h: rows of dy that reach below `begin` */
    const int64_t y0 = lowest > 0 ? (lowest + s->stride_h - 1) / s->stride_h : 0;
    const int64_t y1 = axm_min_i64((end - 1 + s->pad_top) / s->stride_h, s->out_h - 1);
    for (int64_t y = y0; y <= y1; y++) {
        multiply_row(p, p->conv->x + (image * s->out_h + y) * s->out_w * s->out_c, scratch);
        for (int64_t tap = 0; tap < s->kernel_h; tap++) {
            const int64_t row = y * s->stride_h - s->pad_top + tap * s->dilation_h;
            if (row < begin || row >= end) continue;
            add_parts(s, scratch + tap * s->kernel_w * s->in_c, p->width, dx + row * row_floats);
        }
    }
}

static void run_tasks(void *context, size_t begin, size_t end, int32_t worker)
{
    const parts *p = context;
    const axm_exec *exec = p->conv->exec;
    float *scratch = (float *)(void *)(exec->scratch + (size_t)worker * exec->scratch_bytes);
    for (size_t task = begin; task < end; task++) {
        const int64_t image = (int64_t)task / p->tasks, row = (int64_t)task % p->tasks * p->task_rows;
        run_rows(p, image, row, axm_min_i64(row + p->task_rows, p->conv->plan->shape->in_h), scratch);
    }
}

void axm_col2im(const axm_tap_conv *conv)
{
    const axm_conv_shape *s = conv->plan->shape;
    parts p = {.conv = conv, .columns = s->kernel_h * s->kernel_w * s->in_c, .task_rows = TASK_ROWS * s->stride_h};
    p.width = axm_col2im_width(conv->exec->kernels, s);
    p.tasks = (s->in_h + p.task_rows - 1) / p.task_rows;
    axm_parallel_for(conv->exec->pool, (size_t)(s->batch * p.tasks), 1, run_tasks, &p);
}
