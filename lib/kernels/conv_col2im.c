/* Backward to an image of few channels: for each row of dy one product gives every tap's part of dx, dy [out_w, out_c] times
 * weights [out_c, kernel_h kernel_w in_c], and the parts are added where they belong ("col2im"). Summing along dy for each pixel of
 * dx would gather kernel_h kernel_w out_c numbers to make three.
 *
 * A task owns some rows of dx and makes all of dy's rows that reach them (a few are made twice), so that every element is
 * summed over the rows of dy from the top down, whoever does it. The rows of dx that are not complete yet have 4 or 8
 * floats for each pixel, so that a pixel is one short vector, read as it was stored. */
#include <math.h>
#include <string.h>

#include "kernels/clones.h"
#include "kernels/conv.h"
#include "kernels/grain.h"

#define LEAST_ROWS 16 /* rows of dx of a task, for each step of the stride */
#define MOST_ROWS  32
#define MOST_PIXEL 8
#define TASKS      4 /* for each thread, while that leaves enough rows */

typedef struct parts {
    const axm_tap_conv *conv;
    int64_t pixel;            /* floats of a pixel of an open row: channels, and what is not read */
    int64_t columns, width;   /* of a row of parts: kernel_h kernel_w in_c, and rounded up to whole vectors */
    int64_t task_rows, tasks; /* of one image */
    int64_t open_rows;        /* of dx that a row of dy adds to in a task, at most */
} parts;

int64_t axm_col2im_width(const axm_kernels *kernels, const axm_conv_shape *shape)
{
    const int64_t lanes = (int64_t)kernels->lanes;
    return (shape->kernel_h * shape->kernel_w * shape->in_c + lanes - 1) / lanes * lanes;
}

/* Rows of dx that a row of dy spans. */
static int64_t reach_of(const axm_conv_shape *shape)
{
    return (shape->kernel_h - 1) * shape->dilation_h + 1;
}

/* Those of them that a task may have. */
static int64_t open_rows_of(const axm_conv_shape *shape)
{
    return axm_min_i64(reach_of(shape), axm_min_i64(MOST_ROWS * shape->stride_h, shape->in_h));
}

static int64_t pixel_of(const axm_conv_shape *shape)
{
    return shape->in_c <= 4 ? 4 : MOST_PIXEL; /* channels are at most half a vector: axm_conv_plan_of */
}

/* A row of parts, which is read up to a pixel beyond its end, and the open rows of dx. */
size_t axm_col2im_scratch_bytes(const axm_kernels *kernels, const axm_conv_shape *shape)
{
    const int64_t made = shape->out_w * axm_col2im_width(kernels, shape) + MOST_PIXEL;
    return (size_t)(made + open_rows_of(shape) * shape->in_w * pixel_of(shape)) * sizeof(float);
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

/* ---- Open rows ---- */

static float *open_row(const parts *p, float *open, int64_t row)
{
    return open + row % p->open_rows * p->conv->plan->shape->in_w * p->pixel;
}

static void load_row(const parts *p, const float *dx, float *row)
{
    const axm_conv_shape *s = p->conv->plan->shape;
    memset(row, 0, (size_t)(s->in_w * p->pixel) * sizeof *row);
    for (int64_t x = 0; x < s->in_w && p->conv->accumulate; x++) {
        for (int64_t c = 0; c < s->in_c; c++)
            row[x * p->pixel + c] = dx[x * s->in_c + c];
    }
}

static void store_row(const parts *p, const float *row, float *dx)
{
    const axm_conv_shape *s = p->conv->plan->shape;
    for (int64_t x = 0; x < s->in_w; x++) {
        for (int64_t c = 0; c < s->in_c; c++)
            dx[x * s->in_c + c] = row[x * p->pixel + c];
    }
}

/* Taps [first, last) of an output: pixel `at` on, `step` pixels apart. */
static AXM_INLINE void add_taps(size_t pixel, const float *from, int64_t channels, int64_t first, int64_t last, int64_t at,
                                int64_t step, float *row)
{
    for (int64_t tap = first; tap < last; tap++) {
        float *to = row + (at + tap * step) * (int64_t)pixel;
        float sum[MOST_PIXEL], part[MOST_PIXEL];
        memcpy(sum, to, pixel * sizeof *sum);
        memcpy(part, from + tap * channels, pixel * sizeof *part);
        for (size_t i = 0; i < pixel; i++)
            sum[i] += part[i];
        memcpy(to, sum, pixel * sizeof *sum);
    }
}

/* Adds the parts of one kernel row to one row of dx. part: of output 0; width floats from one output to the next. */
static AXM_INLINE void add_row(size_t pixel, const axm_conv_shape *s, const float *part, int64_t width, int64_t taps, float *row)
{
    const int64_t step = s->dilation_w, channels = s->in_c;
    for (int64_t x = 0; x < s->out_w; x++, part += width) {
        const int64_t at = x * s->stride_w - s->pad_left;
        if (at >= 0 && at + (taps - 1) * step < s->in_w) {
            add_taps(pixel, part, channels, 0, taps, at, step, row);
        } else {
            const int64_t first = at < 0 ? (-at + step - 1) / step : 0, left = s->in_w - at;
            const int64_t last = axm_min_i64(taps, left > 0 ? (left + step - 1) / step : 0);
            add_taps(pixel, part, channels, first, last, at, step, row);
        }
    }
}

AXM_CLONES static void add_4(const axm_conv_shape *s, const float *part, int64_t width, float *row)
{
    switch (s->kernel_w) {
    case 3: add_row(4, s, part, width, 3, row); break;
    case 7: add_row(4, s, part, width, 7, row); break;
    default: add_row(4, s, part, width, s->kernel_w, row); break;
    }
}

AXM_CLONES static void add_8(const axm_conv_shape *s, const float *part, int64_t width, float *row)
{
    add_row(8, s, part, width, s->kernel_w, row);
}

/* ---- Tasks ---- */

/* What a task has of dx. */
typedef struct rows {
    float *dx, *open;
    int64_t end, loaded, stored; /* the next row to be */
} rows;

static void load_next(const parts *p, rows *r)
{
    const axm_conv_shape *s = p->conv->plan->shape;
    load_row(p, r->dx + s->in_w * s->in_c * r->loaded, open_row(p, r->open, r->loaded));
    r->loaded++;
}

/* Rows before `low` are complete, those before `high` are added to next. */
static void move_on(const parts *p, rows *r, int64_t low, int64_t high)
{
    const int64_t row_floats = p->conv->plan->shape->in_w * p->conv->plan->shape->in_c;
    for (; r->stored < axm_min_i64(low, r->end); r->stored++) {
        if (r->stored == r->loaded) load_next(p, r);
        store_row(p, open_row(p, r->open, r->stored), r->dx + row_floats * r->stored);
    }
    while (r->loaded < axm_min_i64(high, r->end))
        load_next(p, r);
}

static void run_rows(const parts *p, int64_t image, int64_t begin, int64_t end, float *scratch)
{
    const axm_conv_shape *s = p->conv->plan->shape;
    rows r = {.dx = p->conv->y + image * s->in_h * s->in_w * s->in_c, .end = end, .loaded = begin, .stored = begin};
    r.open = scratch + s->out_w * p->width + MOST_PIXEL;
    const int64_t lowest = begin + s->pad_top - reach_of(s) + 1; /* of y stride_h: rows of dy that reach below `begin` */
    const int64_t y0 = lowest > 0 ? (lowest + s->stride_h - 1) / s->stride_h : 0;
    const int64_t y1 = axm_min_i64((end - 1 + s->pad_top) / s->stride_h, s->out_h - 1);
    for (int64_t y = y0; y <= y1; y++) {
        const int64_t top = y * s->stride_h - s->pad_top;
        move_on(p, &r, top, top + reach_of(s));
        multiply_row(p, p->conv->x + (image * s->out_h + y) * s->out_w * s->out_c, scratch);
        for (int64_t tap = 0; tap < s->kernel_h; tap++) {
            const int64_t row = top + tap * s->dilation_h;
            if (row < begin || row >= end) continue;
            (p->pixel == 4 ? add_4 : add_8)(s, scratch + tap * s->kernel_w * s->in_c, p->width, open_row(p, r.open, row));
        }
    }
    move_on(p, &r, end, end);
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
    const int64_t tasks = TASKS * axm_pool_threads(conv->exec->pool);
    const int64_t even = axm_min_i64(axm_max_i64((s->in_h + tasks - 1) / tasks, LEAST_ROWS * s->stride_h), MOST_ROWS * s->stride_h);
    parts p = {.conv = conv, .columns = s->kernel_h * s->kernel_w * s->in_c, .task_rows = even, .open_rows = open_rows_of(s)};
    p.pixel = pixel_of(s);
    p.width = axm_col2im_width(conv->exec->kernels, s);
    p.tasks = (s->in_h + p.task_rows - 1) / p.task_rows;
    axm_parallel_for(conv->exec->pool, (size_t)(s->batch * p.tasks), 1, run_tasks, &p);
}
