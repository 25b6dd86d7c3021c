/* A tap convolution as a matrix product: blocks of output pixels (conv_gemm.h) by panels of output channels. The sum is cut into
 * parts by shape only, added up in y in their order; bias and clamp go with the last. */
#include <math.h>

#include "kernels/conv_gemm.h"
#include "kernels/grain.h"

#define TASKS         16        /* that a convolution is cut into when it is large enough */
#define TASK_WORK     (1 << 20) /* multiplications that make a task of its own */
#define GATHERED_WORK (1 << 24) /* the same where each task gathers its rows again */
#define SHORT_SUM     48        /* of which products are stored faster than caches fetch lines to store them in */
#define HEADER        16        /* floats before a worker's copy: a cache line */

typedef struct work {
    const axm_tap_conv *conv;
    axm_gemm_cut cut;
    size_t groups, panels, block_panels, panel_blocks;
    bool by_panels; /* tasks that share weights are neighbours; else those that share rows */
} work;

/* Before a worker's copy: which block it is of, plus one. */
typedef struct header {
    size_t block;
} header;

static size_t tile_rows_of(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    return plan->algorithm == AXM_CONV_DOT ? AXM_DOT_ROWS : kernels->tile_rows;
}

size_t axm_tap_gemm_scratch_bytes(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    size_t most = 0;
    for (int64_t ph = 0; ph < plan->phases_h; ph++) {
        const axm_tap_axis h = axm_conv_axis(plan, true, ph);
        for (int64_t pw = 0; pw < plan->phases_w; pw++) {
            const axm_tap_axis w = axm_conv_axis(plan, false, pw);
            const axm_gemm_cut cut = axm_gemm_cut_of(plan, tile_rows_of(kernels, plan), &h, &w);
            if (cut.held > most) most = cut.held;
        }
    }
    return most == 0 ? 0 : (HEADER + most) * sizeof(float);
}

/* ---- A block of rows ---- */

typedef struct block {
    const work *work;
    axm_gemm_rows rows;
    const float *a; /* of row 0 */
    size_t group, first_panel, last_panel;
    size_t task;
    float *c[AXM_GEMM_MOST_ROWS];
} block;

static size_t group_of(const work *u, size_t task)
{
    return task / u->panel_blocks / u->cut.row_blocks;
}

static size_t first_panel_of(const work *u, size_t task)
{
    const size_t within = task % (u->panel_blocks * u->cut.row_blocks);
    return (u->by_panels ? within / u->cut.row_blocks : within % u->panel_blocks) * u->block_panels;
}

static size_t row_block_of(const work *u, size_t task)
{
    const size_t within = task % (u->panel_blocks * u->cut.row_blocks);
    return u->by_panels ? within % u->cut.row_blocks : within / u->panel_blocks;
}

/* The weights of panel p from element k0 of the sum on. */
static const float *weights_at(const work *u, size_t group, size_t p, size_t k0)
{
    const size_t packed_c = (size_t)u->conv->plan->packed_c, panel = (size_t)u->conv->plan->panel, first = p * panel;
    return u->conv->packed + (group * packed_c + first) * u->cut.k + k0 * axm_min_size(panel, packed_c - first);
}

/* What is multiplied after elements [.., k1) of panel p: the rest of it, the next panel, or that of the next task; NULL at the end.
 */
static const float *weights_after(const block *b, size_t p, size_t k1)
{
    const work *u = b->work;
    if (k1 < u->cut.k) return weights_at(u, b->group, p, k1);
    if (p + 1 < b->last_panel) return weights_at(u, b->group, p + 1, 0);
    const size_t next = b->task + 1;
    return next < u->groups * u->cut.row_blocks * u->panel_blocks ? weights_at(u, group_of(u, next), first_panel_of(u, next), 0)
                                                                  : NULL;
}

/* As many rows as one tile takes from row i on, and where they lie: lines are cut each for itself, into equal tiles. */
static size_t tile_at(const block *b, size_t i, size_t *a)
{
    const axm_gemm_cut *c = &b->work->cut;
    if (c->lines == 0) {
        *a = i * c->lda;
        return axm_min_size(c->tile_rows, b->rows.count - i);
    }
    const size_t grid = (size_t)c->w.grid, x = i % grid, even = axm_parts(grid, axm_parts(grid, c->tile_rows));
    *a = i / grid * (size_t)c->h.in_step * c->line + x * c->lda;
    return axm_min_size(even, grid - x);
}

static size_t tile_count(const block *b)
{
    const axm_gemm_cut *c = &b->work->cut;
    if (c->lines == 0) return axm_parts(b->rows.count, c->tile_rows);
    return b->rows.count / (size_t)c->w.grid * axm_parts((size_t)c->w.grid, c->tile_rows);
}

/* Both lie in one plan's memory, but for tests: what is not one object has no difference of pointers. */
static ptrdiff_t floats_between(const float *from, const float *to)
{
    return ((intptr_t)to - (intptr_t)from) / (intptr_t)sizeof *to;
}

/* Panel p, elements [k0, k1) of the sum. */
static void multiply_panel(block *b, size_t p, size_t k0, size_t k1)
{
    const work *u = b->work;
    const axm_tap_conv *v = u->conv;
    const axm_kernels *kernels = v->exec->kernels;
    const size_t panel = (size_t)v->plan->panel, channels = (size_t)v->plan->out_c, first = p * panel;
    const size_t tiles = tile_count(b), offset = axm_gemm_part_offset(&u->cut, k0);
    const float *next = weights_after(b, p, k1);
    const bool last = k1 == u->cut.k;
    axm_tile tile = {
        .lda = u->cut.lda,
        .b = weights_at(u, b->group, p, k0),
        .k = k1 - k0,
        .column = b->group * channels + first,
        .clamp = last ? v->clamp : (axm_clamp){-INFINITY, INFINITY},
        .accumulate = k0 > 0 || v->accumulate || v->addend != NULL,
        .from = k0 == 0 && v->addend != NULL ? floats_between(v->y, v->addend) : 0,
        .far = k0 == 0 && k1 <= SHORT_SUM,
        .run = u->cut.run < k1 - k0 ? u->cut.run : 0,
        .a_jump = u->cut.jump,
    };
    if (last && v->bias != NULL) tile.bias = v->bias + tile.column;
    for (size_t i = 0, t = 0; i < b->rows.count; t++) {
        size_t at;
        const size_t rows = tile_at(b, i, &at);
        axm_tile_fetch(&tile, next, panel * tile.k, t, tiles);
        tile.a = b->a + at + offset;
        tile.c = b->c + i;
        kernels->tile(rows, axm_min_size(panel, channels - first), &tile);
        i += rows;
    }
}

static float finished(float value, float bias, axm_clamp clamp)
{
    value += bias;
    if (value < clamp.low) value = clamp.low; /* a NaN stays */
    return value > clamp.high ? clamp.high : value;
}

static void multiply_dots(const block *b, size_t k0, size_t k1)
{
    const work *u = b->work;
    const axm_tap_conv *v = u->conv;
    const size_t channels = (size_t)v->plan->out_c, lda = u->cut.lda;
    const float *a = b->a + axm_gemm_part_offset(&u->cut, k0);
    const bool last = k1 == u->cut.k, accumulate = k0 > 0 || v->accumulate;
    for (size_t i = 0; i < b->rows.count; i += AXM_DOT_ROWS) {
        const size_t rows = axm_min_size(AXM_DOT_ROWS, b->rows.count - i);
        for (size_t j = 0; j < channels; j += AXM_DOT_COLUMNS) {
            const size_t columns = axm_min_size(AXM_DOT_COLUMNS, channels - j);
            float sum[AXM_DOT_ROWS * AXM_DOT_COLUMNS];
            v->exec->kernels->dot(rows, columns, k1 - k0, a + i * lda, lda, v->packed + j * u->cut.k + k0, u->cut.k, sum);
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

/* A part of the sum at a time, for all panels, since the parts are gathered one after the other. */
static void multiply_parts(block *b, float *copy)
{
    const work *u = b->work;
    const bool dot = u->conv->plan->algorithm == AXM_CONV_DOT;
    for (size_t k0 = 0, k1; k0 < u->cut.k; k0 = k1) {
        k1 = axm_gemm_part_end(&u->cut, k0);
        if (u->cut.reading == AXM_READ_PARTS) axm_gemm_gather(&u->cut, &b->rows, k0, k1, u->conv->x, copy);
        if (dot) multiply_dots(b, k0, k1);
        for (size_t p = b->first_panel; p < b->last_panel && !dot; p++)
            multiply_panel(b, p, k0, k1);
    }
}

/* A panel at a time, so that its products stay in the cache. */
static void multiply_panels(block *b)
{
    const axm_gemm_cut *cut = &b->work->cut;
    for (size_t p = b->first_panel; p < b->last_panel; p++) {
        for (size_t k0 = 0, k1; k0 < cut->k; k0 = k1) {
            k1 = axm_gemm_part_end(cut, k0);
            multiply_panel(b, p, k0, k1);
        }
    }
}

static void make_ready(const block *b, header *held, float *copy)
{
    const work *u = b->work;
    const size_t whole = b->group * u->cut.row_blocks + row_block_of(u, b->task) + 1;
    if (held->block == whole) return;
    held->block = whole;
    if (u->cut.reading == AXM_READ_LINES) {
        axm_gemm_copy_lines(&u->cut, &b->rows, u->conv->x, copy);
    } else {
        axm_gemm_gather(&u->cut, &b->rows, 0, u->cut.k, u->conv->x, copy);
    }
}

static void run_task(const work *u, size_t task, void *scratch)
{
    block b; /* not all set: pointers are many */
    b.work = u;
    b.task = task;
    b.group = group_of(u, task);
    b.first_panel = first_panel_of(u, task);
    float *copy = (float *)scratch + HEADER;
    b.last_panel = axm_min_size(b.first_panel + u->block_panels, u->panels);
    b.rows = axm_gemm_block(&u->cut, row_block_of(u, task), b.group);
    axm_gemm_outputs(u->conv, &b.rows, b.c);
    b.a = copy;
    if (u->cut.reading == AXM_READ_IN_PLACE) {
        b.a = u->conv->x + axm_gemm_first(&u->cut, &b.rows);
    } else if (u->cut.reading != AXM_READ_PARTS) {
        make_ready(&b, scratch, copy);
    }
    if (u->cut.reading == AXM_READ_PARTS || u->conv->plan->algorithm == AXM_CONV_DOT) {
        multiply_parts(&b, copy);
    } else {
        multiply_panels(&b);
    }
}

static void *scratch_of(const axm_exec *exec, size_t worker)
{
    return exec->scratch == NULL ? NULL : exec->scratch + worker * exec->scratch_bytes;
}

static void run_tasks(void *context, size_t begin, size_t end, int32_t worker)
{
    const work *u = context;
    for (size_t task = begin; task < end; task++)
        run_task(u, task, scratch_of(u->conv->exec, (size_t)worker));
}

/* ---- Tasks ---- */

/* Few rows and many channels: cut along the channels too, but gather each row for at least two panels. */
static void cut_panels(work *u)
{
    const axm_conv_plan *plan = u->conv->plan;
    const bool parts_only = u->cut.reading == AXM_READ_PARTS;
    const size_t weights = (size_t)plan->out_c * u->cut.k, rows = u->cut.rows;
    const size_t least = parts_only ? GATHERED_WORK : TASK_WORK;
    const size_t wanted = axm_min_size(TASKS, (rows + 8) * weights * u->groups / least + 1);
    const size_t most = parts_only ? axm_parts(u->panels, 2) : u->panels;
    u->block_panels = axm_parts(u->panels, axm_min_size(most, axm_parts(wanted, u->groups * u->cut.row_blocks)));
    u->panel_blocks = axm_parts(u->panels, u->block_panels);
    u->by_panels = u->cut.reading == AXM_READ_IN_PLACE && u->groups == 1 && weights > rows * u->cut.k;
}

void axm_tap_gemm(const axm_tap_conv *conv)
{
    const axm_conv_plan *plan = conv->plan;
    const axm_exec *exec = conv->exec;
    work u = {
        .conv = conv,
        .cut = axm_gemm_cut_of(plan, tile_rows_of(exec->kernels, plan), &conv->h, &conv->w),
        .groups = (size_t)plan->groups,
        .panels = plan->algorithm == AXM_CONV_DOT ? 1 : axm_parts((size_t)plan->out_c, (size_t)plan->panel),
    };
    if (u.cut.rows == 0) return;
    cut_panels(&u);
    for (int32_t w = 0; w < axm_pool_threads(exec->pool) && u.cut.held > 0; w++)
        ((header *)scratch_of(exec, (size_t)w))->block = 0;
    const size_t tasks = u.groups * u.cut.row_blocks * u.panel_blocks;
    const size_t each = axm_min_size(u.cut.block_rows, u.cut.rows) * u.cut.k * (size_t)plan->out_c / u.panel_blocks + 1;
    const size_t grain = axm_min_size(axm_parts(TASK_WORK / 4, each), axm_parts(tasks, TASKS));
    axm_parallel_for(exec->pool, tasks, grain, run_tasks, &u);
}
