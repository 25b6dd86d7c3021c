/* A tap convolution as a matrix product: rows are output pixels, columns are output channels, and the sum runs over taps and
 * input channels (tap-major). The left matrix is gathered block by block ("implicit im2col") into a worker's scratch, rows
 * contiguous along the sum, zero in the padding; a 1x1 convolution with stride 1 is read where it lies. The sum is cut into
 * blocks of k by shape only, added up in y in their order; bias and clamp go with the last. */
#include <math.h>
#include <string.h>

#include "kernels/conv.h"

#define BLOCK_ROWS     112 /* of a GEMM block: with BLOCK_K they take 112 KiB of a second-level cache */
#define BLOCK_K        256 /* a panel of 32 columns takes 32 KiB */
#define DOT_BLOCK_ROWS 28  /* the same memory; summing across vectors pays when k is long */
#define DOT_BLOCK_K    1024
#define TASKS          16        /* that a convolution is cut into when it is large enough */
#define TASK_WORK      (1 << 20) /* multiplications that make a task of its own */
#define GATHERED_WORK  (1 << 24) /* the same where each task gathers its rows again */

typedef struct cut {
    const axm_tap_conv *conv;
    size_t rows, k;                /* of the whole product, for one group */
    size_t block_rows, row_blocks; /* rows of a block: a multiple of tile_rows */
    size_t panels, block_panels, panel_blocks;
    size_t block_k, lda;
    bool in_place;
} cut;

/* An output pixel of the grid, walked in row-major order. */
typedef struct pixel {
    int64_t image, gy, gx;
} pixel;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t parts(size_t count, size_t size)
{
    return (count + size - 1) / size;
}

static pixel pixel_at(const axm_tap_conv *conv, size_t row)
{
    const int64_t r = (int64_t)row, line = r / conv->w.grid;
    return (pixel){line / conv->h.grid, line % conv->h.grid, r % conv->w.grid};
}

static pixel pixel_after(const axm_tap_conv *conv, pixel at)
{
    if (++at.gx < conv->w.grid) return at;
    at.gx = 0;
    if (++at.gy < conv->h.grid) return at;
    at.gy = 0;
    at.image++;
    return at;
}

/* Whole vectors, an odd number of cache lines: rows then fall into different sets of the first-level cache. */
static size_t spread(size_t k)
{
    const size_t lines = parts(k, 16);
    return (lines | 1) * 16;
}

static bool axis_is_plain(const axm_tap_axis *axis)
{
    return axis->taps == 1 && axis->in_step == 1 && axis->offset == 0 && axis->grid == axis->in_size;
}

/* Rows that are a multiple of 4 KiB apart would all fight for the same cache lines: those are copied. */
static bool reads_in_place(const axm_conv_plan *plan, const axm_tap_axis *h, const axm_tap_axis *w)
{
    return axis_is_plain(h) && axis_is_plain(w) && plan->in_pixel % 1024 != 0;
}

static size_t whole_block_k(const axm_conv_plan *plan, size_t k)
{
    const size_t most = plan->algorithm == AXM_CONV_DOT ? DOT_BLOCK_K : BLOCK_K;
    const size_t even = parts(parts(k, parts(k, most)), 16) * 16; /* blocks of about one size, whole vectors */
    return smaller(even, k);
}

size_t axm_tap_gemm_scratch_bytes(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    (void)kernels;
    const axm_tap_axis h = axm_conv_axis(plan, true, 0), w = axm_conv_axis(plan, false, 0);
    if (plan->phases_h * plan->phases_w == 1 && reads_in_place(plan, &h, &w)) return 0;
    const size_t k = (size_t)(plan->shape->kernel_h * plan->shape->kernel_w * plan->in_c);
    return plan->algorithm == AXM_CONV_DOT ? DOT_BLOCK_ROWS * spread(smaller(k, DOT_BLOCK_K)) * sizeof(float)
                                           : BLOCK_ROWS * spread(smaller(k, BLOCK_K)) * sizeof(float);
}

static void copy_floats(float *out, const float *in, size_t count)
{
    if (count >= 64) {
        memcpy(out, in, count * sizeof *out);
        return;
    }
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        memcpy(out + i, in + i, 8 * sizeof *out);
    for (; i < count; i++)
        out[i] = in[i];
}

static void zero_floats(float *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = 0.0f;
}

/* Elements [from, to) of a run of `taps` neighbouring pixels of `step` floats, the first at position x of the line (which may lie
 * outside of it). */
static void gather_run(const float *line, int64_t width, int64_t x, int64_t taps, int64_t step, int64_t from, int64_t to,
                       float *out)
{
    const int64_t inside = x < 0 ? -x * step : 0, past = x + taps > width ? (width - x) * step : taps * step;
    const int64_t first = inside < from ? from : (inside < to ? inside : to);
    const int64_t last = past > to ? to : (past > first ? past : first);
    zero_floats(out, (size_t)(first - from));
    if (last > first) copy_floats(out + (first - from), line + (x * step + first), (size_t)(last - first));
    zero_floats(out + (last - from), (size_t)(to - last));
}

/* Elements [k0, k1) of the sum, for the rows from `row` on. channel: the first of the group. */
static void gather(const cut *u, size_t row, size_t rows, size_t k0, size_t k1, int64_t channel, float *out)
{
    const axm_tap_conv *v = u->conv;
    const axm_tap_axis *h = &v->h, *w = &v->w;
    const int64_t channels = v->plan->in_c, stride = v->plan->in_pixel;
    /* Taps side by side are one run when their pixels touch in memory. */
    const bool joined = w->offset_step == 1 && channels == stride;
    const int64_t run_taps = joined ? w->taps : 1, runs = joined ? 1 : w->taps, length = run_taps * channels;
    pixel at = pixel_at(v, row);
    for (size_t i = 0; i < rows; i++, out += u->lda, at = pixel_after(v, at)) {
        const int64_t x0 = at.gx * w->in_step + w->offset, y0 = at.gy * h->in_step + h->offset;
        int64_t run = (int64_t)k0 / length, from = (int64_t)k0 % length;
        float *o = out;
        for (int64_t k = (int64_t)k0; k < (int64_t)k1; run++, from = 0) {
            const int64_t to = length - from <= (int64_t)k1 - k ? length : from + (int64_t)k1 - k;
            const int64_t y = y0 + run / runs * h->offset_step, x = x0 + run % runs * w->offset_step;
            if (y < 0 || y >= h->in_size) {
                zero_floats(o, (size_t)(to - from));
            } else {
                const float *line = v->x + (at.image * h->in_size + y) * w->in_size * stride + channel;
                if (joined) {
                    gather_run(line, w->in_size, x, run_taps, channels, from, to, o);
                } else if (x < 0 || x >= w->in_size) {
                    zero_floats(o, (size_t)(to - from));
                } else {
                    copy_floats(o, line + x * stride + from, (size_t)(to - from));
                }
            }
            o += to - from;
            k += to - from;
        }
    }
}

/* Where the rows of the product go. */
static void output_rows(const axm_tap_conv *v, size_t row, size_t rows, float **out)
{
    pixel at = pixel_at(v, row);
    for (size_t i = 0; i < rows; i++, at = pixel_after(v, at)) {
        const int64_t y = v->h.out_first + at.gy * v->h.out_step, x = v->w.out_first + at.gx * v->w.out_step;
        out[i] = v->y + ((at.image * v->h.out_size + y) * v->w.out_size + x) * v->plan->out_pixel;
    }
}

/* A block of the left matrix, ready to be multiplied. */
typedef struct block {
    const float *a;
    size_t lda, rows, k0, k1;
    float *const *c;
    size_t group, first_panel, last_panel;
} block;

/* The weights of panel p from element k0 of the sum on. */
static const float *weights_at(const cut *u, const block *b, size_t p, size_t k0)
{
    const size_t packed_c = (size_t)u->conv->plan->packed_c, first = p * (size_t)u->conv->plan->panel;
    return u->conv->packed + (b->group * packed_c + first) * u->k + k0 * smaller((size_t)u->conv->plan->panel, packed_c - first);
}

/* What is multiplied after panel p: the next one, else the first with the next elements of the sum; NULL at the end. */
static const float *weights_after(const cut *u, const block *b, size_t p)
{
    if (p + 1 < b->last_panel) return weights_at(u, b, p + 1, b->k0);
    return b->k1 < u->k ? weights_at(u, b, b->first_panel, b->k1) : NULL;
}

static void multiply_tiles(const cut *u, const block *b)
{
    const axm_tap_conv *v = u->conv;
    const axm_kernels *kernels = v->exec->kernels;
    const size_t panel = (size_t)v->plan->panel, channels = (size_t)v->plan->out_c;
    const size_t tiles = parts(b->rows, kernels->tile_rows);
    const bool last = b->k1 == u->k;
    axm_tile tile = {
        .lda = b->lda,
        .k = b->k1 - b->k0,
        .clamp = last ? v->clamp : (axm_clamp){-INFINITY, INFINITY},
        .accumulate = b->k0 > 0 || v->accumulate,
    };
    for (size_t p = b->first_panel; p < b->last_panel; p++) {
        const size_t first = p * panel, columns = smaller(panel, channels - first);
        const float *next = weights_after(u, b, p);
        tile.b = weights_at(u, b, p, b->k0);
        tile.column = b->group * channels + first;
        tile.bias = last && v->bias != NULL ? v->bias + tile.column : NULL;
        for (size_t i = 0; i < b->rows; i += kernels->tile_rows) {
            axm_tile_fetch(&tile, next, panel * tile.k, i / kernels->tile_rows, tiles);
            tile.a = b->a + i * b->lda;
            tile.c = b->c + i;
            kernels->tile(smaller(kernels->tile_rows, b->rows - i), columns, &tile);
        }
    }
}

static float finished(float value, float bias, axm_clamp clamp)
{
    value += bias;
    if (value < clamp.low) value = clamp.low; /* a NaN stays */
    return value > clamp.high ? clamp.high : value;
}

static void multiply_dots(const cut *u, const block *b)
{
    const axm_tap_conv *v = u->conv;
    const size_t channels = (size_t)v->plan->out_c;
    const bool last = b->k1 == u->k, accumulate = b->k0 > 0 || v->accumulate;
    for (size_t i = 0; i < b->rows; i += AXM_DOT_ROWS) {
        const size_t rows = smaller(AXM_DOT_ROWS, b->rows - i);
        for (size_t j = 0; j < channels; j += AXM_DOT_COLUMNS) {
            const size_t columns = smaller(AXM_DOT_COLUMNS, channels - j);
            float sum[AXM_DOT_ROWS * AXM_DOT_COLUMNS];
            v->exec->kernels->dot(rows, columns, b->k1 - b->k0, b->a + i * b->lda, b->lda, v->packed + j * u->k + b->k0, u->k, sum);
            for (size_t r = 0; r < rows; r++) {
                for (size_t q = 0; q < columns; q++) {
                    float *c = b->c[i + r] + j + q;
                    const float value = sum[r * AXM_DOT_COLUMNS + q] + (accumulate ? *c : 0.0f);
                    *c = last ? finished(value, v->bias != NULL ? v->bias[j + q] : 0.0f, v->clamp) : value;
                }
            }
        }
    }
}

static void run_task(const cut *u, size_t task, float *scratch)
{
    const axm_tap_conv *v = u->conv;
    float *c[BLOCK_ROWS];
    const size_t row_block = task / u->panel_blocks % u->row_blocks, panel_block = task % u->panel_blocks;
    const size_t row = row_block * u->block_rows;
    block b = {
        .a = scratch,
        .lda = u->lda,
        .rows = smaller(u->block_rows, u->rows - row),
        .c = c,
        .group = task / u->panel_blocks / u->row_blocks,
        .first_panel = panel_block * u->block_panels,
    };
    b.last_panel = smaller(b.first_panel + u->block_panels, u->panels);
    const int64_t channel = (int64_t)b.group * v->plan->in_c;
    output_rows(v, row, b.rows, c);
    for (b.k0 = 0; b.k0 < u->k; b.k0 = b.k1) {
        b.k1 = smaller(b.k0 + u->block_k, u->k);
        if (u->in_place) {
            b.a = v->x + row * u->lda + (size_t)channel + b.k0;
        } else {
            gather(u, row, b.rows, b.k0, b.k1, channel, scratch);
        }
        if (v->plan->algorithm == AXM_CONV_DOT) {
            multiply_dots(u, &b);
        } else {
            multiply_tiles(u, &b);
        }
    }
}

static void run_tasks(void *context, size_t begin, size_t end, int32_t worker)
{
    const cut *u = context;
    const axm_exec *exec = u->conv->exec;
    float *scratch = (float *)(void *)(exec->scratch == NULL ? NULL : exec->scratch + (size_t)worker * exec->scratch_bytes);
    for (size_t task = begin; task < end; task++)
        run_task(u, task, scratch);
}

/* Few rows and many channels: cut along the channels too, but gather each row for at least two panels. */
static size_t panel_blocks(const cut *u, size_t groups)
{
    const size_t weights = (size_t)u->conv->plan->out_c * u->k;
    const size_t least = u->in_place ? TASK_WORK : GATHERED_WORK;
    const size_t wanted = smaller(TASKS, (u->rows + 8) * weights * groups / least + 1);
    const size_t most = u->in_place ? u->panels : parts(u->panels, 2);
    return smaller(most, parts(wanted, groups * u->row_blocks));
}

void axm_tap_gemm(const axm_tap_conv *conv)
{
    const axm_conv_plan *plan = conv->plan;
    const bool dot = plan->algorithm == AXM_CONV_DOT;
    const size_t tile_rows = dot ? AXM_DOT_ROWS : conv->exec->kernels->tile_rows, groups = (size_t)plan->groups;
    cut u = {
        .conv = conv,
        .rows = (size_t)(plan->shape->batch * conv->h.grid * conv->w.grid),
        .k = (size_t)(conv->h.taps * conv->w.taps * plan->in_c),
        .panels = dot ? 1 : parts((size_t)plan->out_c, (size_t)plan->panel),
        .in_place = reads_in_place(plan, &conv->h, &conv->w),
    };
    if (u.rows == 0) return;
    const size_t tiles = parts(u.rows, tile_rows), most_tiles = (dot ? DOT_BLOCK_ROWS : BLOCK_ROWS) / tile_rows;
    u.block_rows = parts(tiles, parts(tiles, most_tiles)) * tile_rows;
    u.row_blocks = parts(u.rows, u.block_rows);
    u.block_k = whole_block_k(plan, u.k);
    u.lda = u.in_place ? (size_t)plan->in_pixel : spread(u.block_k);
    u.block_panels = parts(u.panels, panel_blocks(&u, groups));
    u.panel_blocks = parts(u.panels, u.block_panels);
    const size_t tasks = groups * u.row_blocks * u.panel_blocks;
    const size_t work = smaller(u.block_rows, u.rows) * u.k * (size_t)plan->out_c / u.panel_blocks + 1;
    const size_t grain = smaller(parts(TASK_WORK / 4, work), parts(tasks, TASKS));
    axm_parallel_for(conv->exec->pool, tasks, grain, run_tasks, &u);
}
