/* A tap convolution of 3x3 taps by Winograd's transform: 36 matrix products over tiles of 4x4 outputs.
 *
 * With small weights a task takes a block of tiles through all three stages in its own scratch, while the weights stay in cache.
 * With large weights, or few tiles, the stages run one after the other over a chunk of tiles and the products are cut along
 * points and output channels, so that each weight is read once for the chunk. Cuts depend on the shape only. */
#include <math.h>

#include "kernels/winograd.h"

#define FUSED_WEIGHTS (4u << 20)   /* bytes of weights that stay in the cache beside a block */
#define FUSED_BLOCK   (200u << 10) /* bytes of a block's transformed input, about */
#define FUSED_COLUMNS 64           /* output channels of a block at a time: whole panels */
#define FUSED_TILES   112          /* most tiles of a block */
#define FUSED_TASKS   4            /* fewer blocks than this leave threads idle: then the stages are cut instead */
#define STAGED_BYTES  (12u << 20)  /* of both buffers of a chunk */
#define BLOCK_K       256          /* as in the direct product: a panel's part stays in the first-level cache */

typedef struct layout {
    size_t tiles_h, tiles_w, tiles;
    size_t v_row, m_row;
    size_t chunk; /* tiles together */
    bool fused;
} layout;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t parts(size_t count, size_t size)
{
    return (count + size - 1) / size;
}

/* Whole vectors, an odd number of cache lines. */
static size_t spread(size_t count)
{
    return (parts(count, 16) | 1) * 16;
}

static layout layout_of(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    const axm_tap_axis h = axm_conv_axis(plan, true, 0), w = axm_conv_axis(plan, false, 0);
    layout l = {
        .tiles_h = parts((size_t)h.grid, AXM_WINOGRAD_TILE),
        .tiles_w = parts((size_t)w.grid, AXM_WINOGRAD_TILE),
        .v_row = spread((size_t)plan->in_c),
    };
    l.tiles = (size_t)plan->shape->batch * l.tiles_h * l.tiles_w;
    const size_t point_bytes = AXM_WINOGRAD_POINTS * sizeof(float), rows = kernels->tile_rows;
    const size_t weights = point_bytes * (size_t)(plan->in_c * plan->packed_c);
    const size_t fit = FUSED_BLOCK / (point_bytes * l.v_row * rows);
    l.chunk = smaller((fit ? fit : 1) * rows, FUSED_TILES / rows * rows);
    l.fused = weights <= FUSED_WEIGHTS && parts(l.tiles, l.chunk) >= FUSED_TASKS;
    if (l.fused) {
        l.m_row = spread(smaller((size_t)plan->out_c, FUSED_COLUMNS));
        return l;
    }
    l.m_row = spread((size_t)plan->out_c);
    const size_t most = STAGED_BYTES / (point_bytes * (l.v_row + l.m_row)) / rows;
    const size_t chunks = parts(l.tiles, (most ? most : 1) * rows);
    l.chunk = smaller(parts(parts(l.tiles, chunks), rows) * rows, l.tiles);
    return l;
}

size_t axm_tap_winograd_scratch_bytes(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    const layout l = layout_of(kernels, plan);
    return AXM_WINOGRAD_POINTS * l.chunk * (l.v_row + l.m_row) * sizeof(float);
}

bool axm_tap_winograd_shares_scratch(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    return !layout_of(kernels, plan).fused;
}

/* Weights of the panel that follows the one at column n and element k of the sum: NULL after the last. */
static const float *after(const axm_winograd *w, size_t point, size_t column, size_t columns, size_t k, size_t n)
{
    const axm_conv_plan *plan = w->conv->plan;
    const size_t in_c = (size_t)plan->in_c, packed_c = (size_t)plan->packed_c, panel = (size_t)plan->panel;
    const float *weights = w->conv->packed + point * in_c * packed_c;
    n += panel;
    if (n >= column + columns) {
        n = column;
        k += BLOCK_K;
    }
    if (k >= in_c) {
        if (point + 1 == AXM_WINOGRAD_POINTS) return NULL;
        weights += in_c * packed_c;
        k = 0;
    }
    const size_t first = w->column + n;
    return weights + first * in_c + k * smaller(panel, packed_c - first);
}

/* m[point][.][column ..] = v[point] weights[point], for output channels [column, column + columns), counted from w->column. */
static void multiply(const axm_winograd *w, size_t point, size_t column, size_t columns)
{
    const axm_conv_plan *plan = w->conv->plan;
    const axm_kernels *kernels = w->conv->exec->kernels;
    const size_t in_c = (size_t)plan->in_c, packed_c = (size_t)plan->packed_c, panel = (size_t)plan->panel;
    const float *weights = w->conv->packed + point * in_c * packed_c;
    const float *v = w->v + point * w->count * w->v_row;
    float *m = w->m + point * w->count * w->m_row, *c[AXM_MAX_TILE_ROWS];
    const size_t tiles = parts(w->count, kernels->tile_rows);
    axm_tile tile = {.lda = w->v_row, .c = c, .clamp = {-INFINITY, INFINITY}};
    for (size_t k = 0; k < in_c; k += tile.k) {
        tile.k = smaller(BLOCK_K, in_c - k);
        tile.accumulate = k > 0;
        for (size_t n = column; n < column + columns; n += panel) {
            const size_t first = w->column + n, width = smaller(panel, packed_c - first);
            tile.b = weights + first * in_c + k * width;
            tile.column = n;
            const float *next = after(w, point, column, columns, k, n);
            for (size_t t = 0; t < w->count; t += kernels->tile_rows) {
                const size_t rows = smaller(kernels->tile_rows, w->count - t);
                axm_tile_fetch(&tile, next, panel * tile.k, t / kernels->tile_rows, tiles);
                tile.a = v + t * w->v_row + k;
                for (size_t r = 0; r < rows; r++)
                    c[r] = m + (t + r) * w->m_row;
                kernels->tile(rows, smaller(panel, column + columns - n), &tile);
            }
        }
    }
}

/* ---- Fused ---- */

typedef struct fused {
    axm_winograd shape; /* without buffers */
    size_t block;
} fused;

static void run_blocks(void *context, size_t begin, size_t end, int32_t worker)
{
    const fused *f = context;
    const axm_exec *exec = f->shape.conv->exec;
    const size_t out_c = (size_t)f->shape.conv->plan->out_c;
    axm_winograd w = f->shape;
    w.v = (float *)(void *)(exec->scratch + (size_t)worker * exec->scratch_bytes);
    for (size_t b = begin; b < end; b++) {
        w.first = b * f->block;
        w.count = smaller(f->block, w.tiles - w.first);
        w.m = w.v + AXM_WINOGRAD_POINTS * w.count * w.v_row;
        axm_winograd_input(&w, 0, w.count);
        for (w.column = 0; w.column < out_c; w.column += FUSED_COLUMNS) {
            w.columns = smaller(FUSED_COLUMNS, out_c - w.column);
            for (size_t point = 0; point < AXM_WINOGRAD_POINTS; point++)
                multiply(&w, point, 0, w.columns);
            axm_winograd_output(&w, 0, w.count);
        }
    }
}

/* ---- Staged ---- */

static void run_input(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    axm_winograd_input(context, begin, end);
}

static void run_output(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    axm_winograd_output(context, begin, end);
}

typedef struct products {
    const axm_winograd *w;
    size_t columns, blocks; /* of a task; of each point */
} products;

static void run_products(void *context, size_t begin, size_t end, int32_t worker)
{
    const products *p = context;
    (void)worker;
    for (size_t task = begin; task < end; task++) {
        const size_t column = task % p->blocks * p->columns;
        multiply(p->w, task / p->blocks, column, smaller(p->columns, p->w->columns - column));
    }
}

static void run_staged(axm_winograd *w, size_t chunk)
{
    const axm_exec *exec = w->conv->exec;
    const axm_conv_plan *plan = w->conv->plan;
    w->columns = (size_t)plan->out_c;
    w->v = (float *)(void *)exec->scratch;
    products p = {.w = w, .columns = 4 * (size_t)plan->panel};
    p.blocks = parts(w->columns, p.columns);
    for (w->first = 0; w->first < w->tiles; w->first += chunk) {
        w->count = smaller(chunk, w->tiles - w->first);
        w->m = w->v + AXM_WINOGRAD_POINTS * w->count * w->v_row;
        axm_parallel_for(exec->pool, w->count, 1 + 256 / (size_t)plan->in_c, run_input, w);
        axm_parallel_for(exec->pool, AXM_WINOGRAD_POINTS * p.blocks, 1, run_products, &p);
        axm_parallel_for(exec->pool, w->count, 1 + 256 / (size_t)plan->out_c, run_output, w);
    }
}

void axm_tap_winograd(const axm_tap_conv *conv)
{
    const layout l = layout_of(conv->exec->kernels, conv->plan);
    axm_winograd w = {
        .conv = conv,
        .tiles_h = l.tiles_h,
        .tiles_w = l.tiles_w,
        .tiles = l.tiles,
        .v_row = l.v_row,
        .m_row = l.m_row,
    };
    if (l.tiles == 0) return;
    if (l.fused) {
        fused f = {w, l.chunk};
        axm_parallel_for(conv->exec->pool, parts(l.tiles, l.chunk), 1, run_blocks, &f);
    } else {
        run_staged(&w, l.chunk);
    }
}
