/* A tap convolution of 3x3 taps by Winograd's transform: 36 matrix products over tiles of 4x4 outputs, or
 * 16 over tiles of 2x2.
 *
 * Where there are many tiles, a task takes a block of them through all three stages in its own scratch. Where there are few, and
 * the weights are large, the transformed input is shared and a task takes a block of output channels through the other two, so
 * that each weight is read by one task only. What a task writes on its way it reads again itself: nothing but the input goes from
 * one core to another. Cuts depend on the shape only.
 *
 * A convolution with the kernel turned round is the same convolution of the picture turned round. So backward, a convolution with
 * the kernel turned round and its channels exchanged, may use the forward direction's transformed weights: tiles are read and
 * written turned round, and panels are transposed before they are multiplied. */
#include <math.h>

#include "kernels/grain.h"
#include "kernels/winograd.h"

#define BLOCK_TILES   14          /* about; of a task that has all channels */
#define MANY_BLOCKS   8           /* the least for which tasks are blocks of tiles */
#define LARGE_BLOCKS  32          /* the least for which they are twice as large */
#define BLOCK_COLUMNS 64          /* output channels whose products are kept at a time: whole panels */
#define COLUMN_TASKS  4           /* wanted */
#define COLUMN_TILES  56          /* about; of a task when there are many */
#define LARGE_WEIGHTS (16u << 20) /* bytes that do not stay in any cache: however many the tiles, few tasks are to read them */
#define SHARED_BYTES  (16u << 20) /* of transformed input */
#define BLOCK_K       256         /* as in the direct product: a panel's part stays in the first-level cache */

typedef struct layout {
    size_t tiles_h, tiles_w, tiles;
    size_t points, v_row, m_row;
    size_t chunk;                   /* tiles whose transformed input is held at a time */
    size_t tiles_together, columns; /* of a task: the first may be less than chunk only by columns */
    bool by_columns;
} layout;

static void cut_by_columns(layout *l, size_t rows, size_t out_c, size_t panel)
{
    const size_t most = SHARED_BYTES / (l->points * l->v_row * sizeof(float));
    l->chunk = axm_min_size(most > rows ? most : rows, l->tiles);
    if (axm_parts(out_c, l->columns) < 2 * COLUMN_TASKS) l->columns = axm_min_size(panel, out_c);
    const size_t blocks = axm_parts(out_c, l->columns); /* an odd number of them is cut along the tiles too */
    size_t halves = blocks < COLUMN_TASKS ? axm_parts(COLUMN_TASKS, blocks) : 1 + blocks % 2;
    if (l->tiles >= 2 * COLUMN_TILES && axm_parts(l->chunk, COLUMN_TILES) > halves) halves = axm_parts(l->chunk, COLUMN_TILES);
    l->tiles_together = axm_min_size(axm_parts(axm_parts(l->chunk, halves), rows) * rows, l->chunk);
}

static layout layout_of(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    const axm_tap_axis h = axm_conv_axis(plan, true, 0), w = axm_conv_axis(plan, false, 0);
    layout l = {
        .tiles_h = axm_parts((size_t)h.grid, (size_t)plan->tile),
        .tiles_w = axm_parts((size_t)w.grid, (size_t)plan->tile),
        .points = axm_winograd_points(plan),
        .v_row = axm_spread((size_t)plan->in_c),
    };
    l.tiles = (size_t)plan->shape->batch * l.tiles_h * l.tiles_w;
    const size_t rows = kernels->tile_rows, block = axm_parts(BLOCK_TILES, rows) * rows, out_c = (size_t)plan->out_c;
    const size_t weights = l.points * (size_t)(plan->in_c * plan->packed_c) * sizeof(float);
    /* By the size of one image: how the weights are packed depends on it. */
    l.by_columns = l.tiles_h * l.tiles_w < MANY_BLOCKS * block || weights > LARGE_WEIGHTS;
    l.columns = axm_min_size(BLOCK_COLUMNS, out_c);
    if (l.by_columns) {
        cut_by_columns(&l, rows, out_c, (size_t)plan->panel);
    } else {
        l.chunk = l.tiles_together = l.tiles < LARGE_BLOCKS * block ? block : 2 * block;
    }
    l.m_row = axm_spread(l.columns);
    return l;
}

static size_t input_bytes(const layout *l)
{
    return l->points * l->chunk * l->v_row * sizeof(float);
}

static size_t transposed_bytes(const axm_conv_plan *plan)
{
    return plan->packing == plan->direction ? 0 : BLOCK_K * (size_t)plan->panel * sizeof(float);
}

bool axm_tap_winograd_by_columns(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    return layout_of(kernels, plan).by_columns;
}

size_t axm_tap_winograd_scratch_bytes(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    const layout l = layout_of(kernels, plan);
    return transposed_bytes(plan) + (l.by_columns ? 0 : input_bytes(&l)) + l.points * l.tiles_together * l.m_row * sizeof(float);
}

size_t axm_tap_winograd_shared_bytes(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    const layout l = layout_of(kernels, plan);
    return l.by_columns ? input_bytes(&l) : 0;
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
        if (point + 1 == axm_winograd_points(plan)) return NULL;
        weights += in_c * packed_c;
        k = 0;
    }
    const size_t first = w->column + n;
    return weights + first * in_c + k * axm_min_size(panel, packed_c - first);
}

/* Transposed weights: panel n (counted from w->column) of what is wanted is a run of rows in each of the other direction's panels,
 * whose columns are what is summed here. */
static const float *turned_at(const axm_winograd *w, size_t point, size_t k, size_t n)
{
    const axm_conv_plan *plan = w->conv->plan;
    const size_t lanes = w->conv->exec->kernels->lanes, out_c = (size_t)plan->out_c;
    const size_t packed_c = axm_parts((size_t)plan->in_c, lanes) * lanes;
    return w->conv->packed + point * out_c * packed_c + k * out_c +
           (w->column + n) * axm_min_size((size_t)plan->panel, packed_c - k);
}

/* Elements [k, k + count) of the sum, as [count][width]. */
static const float *turn(const axm_winograd *w, size_t point, size_t k, size_t count, size_t n, size_t width)
{
    const axm_conv_plan *plan = w->conv->plan;
    const axm_kernels *kernels = w->conv->exec->kernels;
    const size_t panel = (size_t)plan->panel, rows = axm_min_size(panel, (size_t)plan->out_c - w->column - n);
    const size_t packed_c = axm_parts((size_t)plan->in_c, kernels->lanes) * kernels->lanes;
    for (size_t done = 0; done < count; done += panel) { /* BLOCK_K is whole panels */
        const size_t across = axm_min_size(panel, packed_c - k - done);
        kernels->transpose(rows, axm_min_size(across, count - done), turned_at(w, point, k + done, n), across,
                           w->turned + done * width, width);
    }
    return w->turned;
}

/* As `after`, where weights are transposed. */
static const float *turned_after(const axm_winograd *w, size_t point, size_t column, size_t columns, size_t k, size_t n)
{
    n += (size_t)w->conv->plan->panel;
    if (n >= column + columns) {
        n = column;
        k += BLOCK_K;
    }
    if (k >= (size_t)w->conv->plan->in_c) {
        if (++point == axm_winograd_points(w->conv->plan)) return NULL;
        k = 0;
    }
    return turned_at(w, point, k, n);
}

/* The tile with index `part` of `parts` fetches its share of the weights after those of panel n. */
static void fetch(const axm_winograd *w, axm_tile *tile, const float *next, size_t part, size_t parts)
{
    const size_t panel = (size_t)w->conv->plan->panel;
    if (w->turned != NULL)
        axm_tile_fetch_pieces(tile, next, tile->k / panel + (tile->k % panel != 0), panel * panel,
                              panel * (size_t)w->conv->plan->out_c, part, parts);
    else
        axm_tile_fetch(tile, next, panel * tile->k, part, parts);
}

static void multiply_panel(const axm_winograd *w, const axm_tile *prepared, const float *v, float *m, size_t columns,
                           const float *next)
{
    const axm_kernels *kernels = w->conv->exec->kernels;
    const size_t tiles = axm_parts(w->count, kernels->tile_rows);
    float *c[AXM_MAX_TILE_ROWS];
    axm_tile tile = *prepared;
    tile.c = c;
    for (size_t t = 0; t < tiles; t++) { /* of about one height: few rows take as long as some more */
        const size_t first = t * w->count / tiles, rows = (t + 1) * w->count / tiles - first;
        fetch(w, &tile, next, t, tiles);
        tile.a = v + first * w->v_row;
        for (size_t r = 0; r < rows; r++)
            c[r] = m + (first + r) * w->m_row;
        kernels->tile(rows, columns, &tile);
    }
}

/* m[point][.][column ..] = v[point] weights[point], for output channels [column, column + columns), counted from w->column. */
static void multiply(const axm_winograd *w, size_t point, size_t column, size_t columns)
{
    const axm_conv_plan *plan = w->conv->plan;
    const size_t in_c = (size_t)plan->in_c, packed_c = (size_t)plan->packed_c, panel = (size_t)plan->panel;
    const float *weights = w->conv->packed + point * in_c * packed_c;
    const float *v = w->v + point * w->v_point;
    float *m = w->m + point * w->count * w->m_row;
    axm_tile tile = {.lda = w->v_row, .clamp = {-INFINITY, INFINITY}};
    for (size_t k = 0; k < in_c; k += tile.k) {
        tile.k = axm_min_size(BLOCK_K, in_c - k);
        tile.accumulate = k > 0;
        for (size_t n = column; n < column + columns; n += panel) {
            const size_t first = w->column + n, width = axm_min_size(panel, packed_c - first),
                         wanted = axm_min_size(panel, column + columns - n);
            tile.column = n;
            if (w->turned != NULL) {
                tile.b = turn(w, point, k, tile.k, n, width);
                multiply_panel(w, &tile, v + k, m, wanted, turned_after(w, point, column, columns, k, n));
            } else {
                tile.b = weights + first * in_c + k * width;
                multiply_panel(w, &tile, v + k, m, wanted, after(w, point, column, columns, k, n));
            }
        }
    }
}

static void transform_input(const axm_winograd *w, size_t begin, size_t end)
{
    if (w->conv->pooled && w->conv->plan->direction == AXM_BACKWARD)
        axm_winograd_input_of_pool(w, begin, end);
    else
        axm_winograd_input(w, begin, end);
}

static void transform_output(const axm_winograd *w)
{
    if (w->conv->pooled && w->conv->plan->direction == AXM_FORWARD)
        axm_winograd_output_of_pool(w, 0, w->count);
    else
        axm_winograd_output(w, 0, w->count);
}

typedef struct work {
    axm_winograd shape; /* of all tiles; v is set where it is shared */
    layout cut;
} work;

static float *scratch_of(const axm_exec *exec, int32_t worker)
{
    return (float *)(void *)(exec->scratch + (size_t)worker * exec->scratch_bytes);
}

/* Output channels [column, column + columns) of the tiles in v. */
static void compute_columns(axm_winograd *w, size_t column, size_t columns)
{
    w->column = column;
    w->columns = axm_min_size(columns, (size_t)w->conv->plan->out_c - column);
    const size_t points = axm_winograd_points(w->conv->plan);
    for (size_t point = 0; point < points; point++)
        multiply(w, point, 0, w->columns);
    transform_output(w);
}

/* ---- Blocks of tiles ---- */

static void run_tiles(void *context, size_t begin, size_t end, int32_t worker)
{
    const work *all = context;
    const layout *l = &all->cut;
    const size_t out_c = (size_t)all->shape.conv->plan->out_c;
    axm_winograd w = all->shape;
    w.v = scratch_of(w.conv->exec, worker);
    w.m = w.v + l->points * l->chunk * l->v_row;
    for (size_t b = begin; b < end; b++) {
        w.first = b * l->chunk;
        w.count = axm_min_size(l->chunk, w.tiles - w.first);
        w.v_point = w.count * w.v_row;
        transform_input(&w, 0, w.count);
        for (size_t column = 0; column < out_c; column += l->columns)
            compute_columns(&w, column, l->columns);
    }
}

/* ---- Blocks of output channels ---- */

static void run_input(void *context, size_t begin, size_t end, int32_t worker)
{
    const work *all = context;
    (void)worker;
    transform_input(&all->shape, begin, end);
}

static void run_columns(void *context, size_t begin, size_t end, int32_t worker)
{
    const work *all = context;
    const layout *l = &all->cut;
    const size_t blocks = axm_parts((size_t)all->shape.conv->plan->out_c, l->columns);
    for (size_t task = begin; task < end; task++) {
        axm_winograd w = all->shape;
        const size_t skipped = task / blocks * l->tiles_together;
        w.first += skipped;
        w.v += skipped * w.v_row;
        w.count = axm_min_size(l->tiles_together, w.count - skipped);
        w.m = scratch_of(w.conv->exec, worker);
        if (w.conv->plan->packing != w.conv->plan->direction) {
            w.turned = w.m;
            w.m += BLOCK_K * (size_t)w.conv->plan->panel;
        }
        compute_columns(&w, task % blocks * l->columns, l->columns);
    }
}

static void run_by_columns(work *all)
{
    axm_winograd *w = &all->shape;
    const layout *l = &all->cut;
    const axm_exec *exec = w->conv->exec;
    const axm_conv_plan *plan = w->conv->plan;
    const size_t blocks = axm_parts((size_t)plan->out_c, l->columns);
    w->v = (float *)(void *)exec->shared;
    for (w->first = 0; w->first < w->tiles; w->first += l->chunk) {
        w->count = axm_min_size(l->chunk, w->tiles - w->first);
        w->v_point = w->count * w->v_row;
        axm_parallel_for(exec->pool, w->count, 1 + 256 / (size_t)plan->in_c, run_input, all);
        axm_parallel_for(exec->pool, axm_parts(w->count, l->tiles_together) * blocks, 1, run_columns, all);
    }
}

void axm_tap_winograd(const axm_tap_conv *conv)
{
    work all = {.cut = layout_of(conv->exec->kernels, conv->plan)};
    const layout *l = &all.cut;
    if (l->tiles == 0) return;
    all.shape = (axm_winograd){
        .conv = conv,
        .tiles_h = l->tiles_h,
        .tiles_w = l->tiles_w,
        .tiles = l->tiles,
        .v_row = l->v_row,
        .m_row = l->m_row,
    };
    if (l->by_columns)
        run_by_columns(&all);
    else
        axm_parallel_for(conv->exec->pool, axm_parts(l->tiles, l->chunk), 1, run_tiles, &all);
}
