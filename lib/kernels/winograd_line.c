/* A tap convolution with 3, 5 or 7 taps along one axis by Winograd's method: a matrix product for each point, whose rows are tiles
 * of three or four outputs and whose sum runs over the taps across the axis and the channels. Tiles of neighbouring lines are
 * neighbours, so that a tap across is the same rows further on.
 *
 * With small weights a task takes some lines through all three stages in its own scratch, while the weights stay in cache. Else
 * the stages run one after the other over all of an image and the products are cut along points and output channels, so that
 * each weight is read once. Cuts depend on the shape only. */
#include <math.h>

#include "kernels/grain.h"
#include "kernels/winograd.h"
#include "kernels/winograd_line.h"

#define FUSED_WEIGHTS (1u << 20)   /* bytes of weights that stay in the cache beside a task's lines */
#define FUSED_BYTES   (256u << 10) /* of a task's buffers, about */
#define FUSED_TASKS   4            /* fewer leave threads idle: then the stages are cut instead */
#define STAGED_BYTES  (12u << 20)  /* of both buffers of the lines together */
#define BLOCK_K       256          /* a panel's part stays in the first-level cache */
#define LEAST_PIXELS  6            /* of the picture, for each lane of a vector */
#define LEAST_SHORT   4            /* the same for three taps */
#define LEAST_GAIN    20           /* tenths: multiplications of the plain sum for each of this one */
#define SHORT_GAIN    17           /* the same for three taps, which take fewer additions */

axm_line_method axm_line_method_of(const axm_conv_shape *shape)
{
    const bool alone = shape->kernel_h == 1 || shape->kernel_w == 1; /* 3x3 has a way of its own (winograd.h) */
    const bool wide = shape->kernel_w == 5 || shape->kernel_w == 7 || (shape->kernel_w == 3 && alone);
    const int64_t taps = wide ? shape->kernel_w : shape->kernel_h;
    if (taps != 5 && taps != 7 && (taps != 3 || !alone)) return (axm_line_method){0};
    const size_t tile = taps == 7 ? 3 : 4;
    return (axm_line_method){.taps = (size_t)taps, .tile = tile, .points = (size_t)taps + tile - 1, .vertical = !wide};
}

typedef struct layout {
    axm_line line; /* without buffers */
    size_t lines;  /* of an image */
    size_t chunk;  /* lines together */
    bool fused;
} layout;

static size_t bytes_of(const axm_line *line, size_t lines)
{
    const size_t v = (lines + (size_t)line->across.taps - 1) * line->v_row, m = lines * line->m_row;
    return line->method.points * line->tiles * (v + m) * sizeof(float);
}

/* The most lines whose buffers take `bytes` or less, evenly cut; at least 1. */
static size_t lines_within(const layout *l, size_t bytes)
{
    size_t most = l->lines;
    while (most > 1 && bytes_of(&l->line, most) > bytes)
        most--;
    return axm_parts(l->lines, axm_parts(l->lines, most));
}

static layout layout_of(const axm_conv_plan *plan)
{
    const axm_line_method method = axm_line_method_of(plan->shape);
    layout l = {.line = {.method = method}};
    l.line.along = axm_conv_axis(plan, method.vertical, 0);
    l.line.across = axm_conv_axis(plan, !method.vertical, 0);
    l.line.tiles = axm_parts((size_t)l.line.along.grid, method.tile);
    l.line.v_row = axm_spread((size_t)plan->in_c);
    l.line.m_row = axm_spread((size_t)plan->out_c);
    l.lines = (size_t)l.line.across.grid;
    const size_t weights = method.points * (size_t)(l.line.across.taps * plan->in_c * plan->packed_c) * sizeof(float);
    l.chunk = lines_within(&l, FUSED_BYTES);
    l.fused = weights <= FUSED_WEIGHTS && (size_t)plan->shape->batch * axm_parts(l.lines, l.chunk) >= FUSED_TASKS;
    if (!l.fused) l.chunk = lines_within(&l, STAGED_BYTES);
    return l;
}

bool axm_line_suits(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    const axm_conv_shape *s = plan->shape;
    const axm_line_method method = axm_line_method_of(s);
    if (method.points == 0 || s->groups != 1 || s->stride_h != 1 || s->stride_w != 1 || s->dilation_h != 1 || s->dilation_w != 1)
        return false;
    if (plan->in_c < 16 || plan->in_c > AXM_LINE_MAX_CHANNELS || plan->out_c < 16) return false;
    const int64_t grid_h = s->out_h < s->in_h ? s->out_h : s->in_h, grid_w = s->out_w < s->in_w ? s->out_w : s->in_w;
    const size_t grid = (size_t)(method.vertical ? grid_h : grid_w), tiles = axm_parts(grid, method.tile);
    const int64_t lanes = (int64_t)kernels->lanes, least = method.taps == 3 ? LEAST_SHORT * lanes : LEAST_PIXELS * lanes;
    const size_t gain = method.taps == 3 ? SHORT_GAIN : LEAST_GAIN;
    /* Tiles that reach past the edge must not eat the gain; and few of them do not pay for more weights. */
    return 10 * grid * method.taps >= gain * tiles * method.points && grid_h * grid_w >= least;
}

size_t axm_tap_line_scratch_bytes(const axm_conv_plan *plan)
{
    const layout l = layout_of(plan);
    return l.fused ? bytes_of(&l.line, l.chunk) : 0;
}

size_t axm_tap_line_shared_bytes(const axm_conv_plan *plan)
{
    const layout l = layout_of(plan);
    return l.fused ? 0 : bytes_of(&l.line, l.chunk);
}

/* ---- Products ---- */

/* Output channels [column, column + columns) at one point, for all lines that are at work. */
typedef struct product {
    const axm_line *line;
    size_t point, column, columns;
} product;

static size_t sum_of(const axm_line *line)
{
    return (size_t)(line->across.taps * line->conv->plan->in_c);
}

/* The weights of a point's panel at output channel n, counted from line->column, from element k of the sum on. */
static const float *weights_at(const axm_line *line, size_t point, size_t n, size_t k)
{
    const axm_conv_plan *plan = line->conv->plan;
    const size_t packed_c = (size_t)plan->packed_c, first = line->column + n, all = sum_of(line);
    return line->conv->packed + point * all * packed_c + first * all + k * axm_min_size((size_t)plan->panel, packed_c - first);
}

/* One part of the sum, [k, k + tile->k) of tap `tap`; `c` is the tile's. */
static void multiply_part(const product *p, size_t tap, size_t k, axm_tile *tile, float **c, const float *next_part)
{
    const axm_line *line = p->line;
    const axm_kernels *kernels = line->conv->exec->kernels;
    const size_t panel = (size_t)line->conv->plan->panel, rows = axm_line_m_tiles(line);
    const size_t tiles = axm_parts(rows, kernels->tile_rows), start = tap * (size_t)line->conv->plan->in_c + k;
    const float *v = line->v + (p->point * axm_line_v_tiles(line) + tap * line->tiles) * line->v_row + k;
    float *m = line->m + p->point * rows * line->m_row;
    for (size_t n = p->column; n < p->column + p->columns; n += panel) {
        const float *next = n + panel < p->column + p->columns ? weights_at(line, p->point, n + panel, start) : next_part;
        tile->b = weights_at(line, p->point, n, start);
        tile->column = n;
        for (size_t t = 0; t < tiles; t++) { /* of about one height */
            const size_t first = t * rows / tiles, count = (t + 1) * rows / tiles - first;
            axm_tile_fetch(tile, next, panel * tile->k, t, tiles);
            tile->a = v + first * line->v_row;
            for (size_t r = 0; r < count; r++)
                c[r] = m + (first + r) * line->m_row;
            kernels->tile(count, axm_min_size(panel, p->column + p->columns - n), tile);
        }
    }
}

static void multiply(const product *p)
{
    const axm_line *line = p->line;
    const size_t in_c = (size_t)line->conv->plan->in_c, taps = (size_t)line->across.taps;
    float *c[AXM_MAX_TILE_ROWS];
    axm_tile tile = {.lda = line->v_row, .c = c, .clamp = {-INFINITY, INFINITY}};
    for (size_t tap = 0; tap < taps; tap++) {
        for (size_t k = 0; k < in_c; k += tile.k) {
            const bool last_part = tap + 1 == taps && k + BLOCK_K >= in_c;
            const float *next = p->point + 1 < line->method.points ? weights_at(line, p->point + 1, p->column, 0) : NULL;
            tile.k = axm_min_size(BLOCK_K, in_c - k);
            if (!last_part) next = weights_at(line, p->point, p->column, tap * in_c + k + tile.k);
            multiply_part(p, tap, k, &tile, c, next);
            tile.accumulate = true;
        }
    }
}

/* ---- Fused ---- */

typedef struct run {
    axm_line line; /* without buffers */
    size_t lines, chunk, chunks;
    size_t columns, blocks; /* of a task of products; of each point */
} run;

static void set_buffers(axm_line *line, char *scratch)
{
    line->v = (float *)(void *)scratch;
    line->m = line->v + line->method.points * axm_line_v_tiles(line) * line->v_row;
}

static void run_chunks(void *context, size_t begin, size_t end, int32_t worker)
{
    const run *r = context;
    const axm_exec *exec = r->line.conv->exec;
    axm_line line = r->line;
    for (size_t chunk = begin; chunk < end; chunk++) {
        line.image = (int64_t)(chunk / r->chunks);
        line.first = chunk % r->chunks * r->chunk;
        line.count = axm_min_size(r->chunk, r->lines - line.first);
        set_buffers(&line, exec->scratch + (size_t)worker * exec->scratch_bytes);
        axm_line_input(&line, 0, axm_line_v_tiles(&line));
        for (size_t point = 0; point < line.method.points; point++)
            multiply(&(product){&line, point, 0, line.columns});
        axm_line_output(&line, 0, axm_line_m_tiles(&line));
    }
}

/* ---- Staged ---- */

static void run_input(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    axm_line_input(&((run *)context)->line, begin, end);
}

static void run_output(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    axm_line_output(&((run *)context)->line, begin, end);
}

static void run_products(void *context, size_t begin, size_t end, int32_t worker)
{
    const run *r = context;
    (void)worker;
    for (size_t task = begin; task < end; task++) {
        const size_t column = task % r->blocks * r->columns;
        multiply(&(product){&r->line, task / r->blocks, column, axm_min_size(r->columns, r->line.columns - column)});
    }
}

static void run_staged(run *r)
{
    axm_line *line = &r->line;
    axm_pool *pool = line->conv->exec->pool;
    const axm_conv_plan *plan = line->conv->plan;
    r->columns = 3 * (size_t)plan->panel;
    r->blocks = axm_parts(line->columns, r->columns);
    for (size_t chunk = 0; chunk < (size_t)plan->shape->batch * r->chunks; chunk++) {
        line->image = (int64_t)(chunk / r->chunks);
        line->first = chunk % r->chunks * r->chunk;
        line->count = axm_min_size(r->chunk, r->lines - line->first);
        set_buffers(line, line->conv->exec->shared);
        axm_parallel_for(pool, axm_line_v_tiles(line), 1 + 1024 / (size_t)plan->in_c, run_input, r);
        axm_parallel_for(pool, line->method.points * r->blocks, 1, run_products, r);
        axm_parallel_for(pool, axm_line_m_tiles(line), 1 + 1024 / (size_t)plan->out_c, run_output, r);
    }
}

void axm_tap_line(const axm_tap_conv *conv)
{
    const layout l = layout_of(conv->plan);
    run r = {.line = l.line, .lines = l.lines, .chunk = l.chunk};
    if (l.lines == 0 || l.line.tiles == 0) return;
    r.line.conv = conv;
    r.line.columns = (size_t)conv->plan->out_c;
    r.chunks = axm_parts(l.lines, l.chunk);
    if (l.fused) {
        axm_parallel_for(conv->exec->pool, (size_t)conv->plan->shape->batch * r.chunks, 1, run_chunks, &r);
    } else {
        run_staged(&r);
    }
}
