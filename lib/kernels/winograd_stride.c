/* A tap convolution of 3x3 taps a step of 2 apart (winograd_stride.h): the input of all tiles is transformed first, then a task
 * takes some output channels of some tiles through the products and the output's transform. Cuts depend on the shape only. */
#include "kernels/winograd_stride.h"
#include "kernels/grain.h"

#include <math.h>

#define SHARED_BYTES   (4u << 20)   /* of transformed input */
#define PRODUCT_BYTES  (400u << 10) /* of a task's products, about: they stay in its cache */
#define SMALL_WEIGHTS  (2u << 20)   /* bytes of all weights, which may be read several times: then the input stays there, too */
#define SMALL_BYTES    (512u << 10) /* of both, about */
#define WIDE_BLOCKS    4            /* blocks of two panels, when there are so many and an even number */
#define BLOCK_K        256          /* a panel's part stays in the first-level cache */
#define LEAST_GAIN     1.25         /* multiplications of the plain sum for each of this one */
#define LEAST_PIXELS   4            /* of the output, for each lane of a vector */
#define LEAST_CHANNELS 96           /* in * out / (in + out): with fewer the transforms take as long as what is saved */

typedef struct layout {
    axm_stride shape; /* without buffers */
    size_t chunk;     /* tiles held */
    size_t together;  /* tiles of a task */
    size_t columns, blocks;
} layout;

static layout layout_of(const axm_conv_plan *plan)
{
    const axm_conv_shape *s = plan->shape;
    const size_t panel = (size_t)plan->panel, out_c = (size_t)plan->out_c, wide = axm_parts(out_c, 2 * panel);
    layout l = {.columns = wide >= WIDE_BLOCKS && wide % 2 == 0 ? 2 * panel : panel};
    l.blocks = axm_parts(out_c, l.columns);
    l.shape.tiles_h = axm_parts((size_t)s->out_h, AXM_STRIDE_TILE);
    l.shape.tiles_w = axm_parts((size_t)s->out_w, AXM_STRIDE_TILE);
    l.shape.tiles = (size_t)s->batch * l.shape.tiles_h * l.shape.tiles_w;
    l.shape.v_row = axm_spread((size_t)plan->in_c);
    l.shape.m_row = axm_spread(axm_min_size(l.columns, out_c));
    const size_t room = SHARED_BYTES / (AXM_STRIDE_VALUES * l.shape.v_row * sizeof(float));
    const bool small = AXM_STRIDE_POINTS * (size_t)(plan->in_c * plan->packed_c) * sizeof(float) <= SMALL_WEIGHTS;
    const size_t row = small ? l.shape.v_row + l.shape.m_row : l.shape.m_row;
    const size_t most = (small ? SMALL_BYTES : PRODUCT_BYTES) / (AXM_STRIDE_VALUES * row * sizeof(float));
    l.chunk = axm_min_size(room > most ? room : (most > 0 ? most : 1), l.shape.tiles);
    if (l.chunk == 0) return l;
    const size_t cuts = axm_parts(l.chunk, most > 0 ? most : 1);
    l.together = axm_parts(l.chunk, cuts == 1 ? 1 : axm_parts(cuts, 2) * 2); /* an even number of them */
    return l;
}

bool axm_stride_suits(const axm_kernels *kernels, const axm_conv_plan *plan)
{
    const axm_conv_shape *s = plan->shape;
    if (plan->direction != AXM_FORWARD || s->groups != 1 || s->kernel_h != 3 || s->kernel_w != 3 || s->stride_h != 2 ||
        s->stride_w != 2 || s->dilation_h != 1 || s->dilation_w != 1)
        return false;
    const int64_t lanes = (int64_t)kernels->lanes, pixels = s->out_h * s->out_w;
    if (plan->in_c > AXM_STRIDE_MAX_CHANNELS || pixels < LEAST_PIXELS * lanes) return false;
    if (plan->in_c * plan->out_c < LEAST_CHANNELS * (plan->in_c + plan->out_c)) return false;
    const int64_t tiles = ((s->out_h + 1) / AXM_STRIDE_TILE) * ((s->out_w + 1) / AXM_STRIDE_TILE);
    return (double)(9 * pixels) >= LEAST_GAIN * (double)(AXM_STRIDE_VALUES * tiles);
}

size_t axm_tap_stride_scratch_bytes(const axm_conv_plan *plan)
{
    const layout l = layout_of(plan);
    return AXM_STRIDE_VALUES * l.together * l.shape.m_row * sizeof(float);
}

size_t axm_tap_stride_shared_bytes(const axm_conv_plan *plan)
{
    const layout l = layout_of(plan);
    return AXM_STRIDE_VALUES * l.chunk * l.shape.v_row * sizeof(float);
}

/* ---- Products ---- */

/* Weights of a point at output channel n, counted from w->column, from element k of the sum on. */
static const float *weights_at(const axm_stride *w, size_t point, size_t n, size_t k)
{
    const axm_conv_plan *plan = w->conv->plan;
    const size_t in_c = (size_t)plan->in_c, packed_c = (size_t)plan->packed_c, first = w->column + n;
    return w->conv->packed + (point * packed_c + first) * in_c + k * axm_min_size((size_t)plan->panel, packed_c - first);
}

/* What is multiplied after a point's panel n, elements [.., k); NULL at the end. */
static const float *weights_after(const axm_stride *w, size_t point, size_t n, size_t k)
{
    if (k < (size_t)w->conv->plan->in_c) return weights_at(w, point, n, k);
    n += (size_t)w->conv->plan->panel;
    if (n < w->columns) return weights_at(w, point, n, 0);
    return point + 1 < AXM_STRIDE_POINTS ? weights_at(w, point + 1, 0, 0) : NULL;
}

/* One part of the sum, tile->k elements from k on, of all values that have the point's weights. */
static void multiply_part(const axm_stride *w, size_t point, size_t k, size_t columns, axm_tile *tile, const float *next)
{
    const axm_kernels *kernels = w->conv->exec->kernels;
    const size_t heights = axm_parts(w->count, kernels->tile_rows), same = axm_stride_same(point);
    const size_t fetched = (size_t)w->conv->plan->panel * tile->k;
    for (size_t s = 0; s < same; s++) {
        const size_t value = axm_stride_first(point) + s;
        const float *v = w->v + (value * w->held + w->skipped) * w->v_row + k;
        float *m = w->m + value * w->count * w->m_row;
        for (size_t t = 0; t < heights; t++) { /* of about one height */
            const size_t first = t * w->count / heights, rows = (t + 1) * w->count / heights - first;
            float *c[AXM_MAX_TILE_ROWS];
            for (size_t r = 0; r < rows; r++)
                c[r] = m + (first + r) * w->m_row;
            tile->a = v + first * w->v_row;
            tile->c = c;
            axm_tile_fetch(tile, next, fetched, s * heights + t, same * heights);
            kernels->tile(rows, columns, tile);
        }
    }
}

static void multiply(const axm_stride *w, size_t point)
{
    const size_t in_c = (size_t)w->conv->plan->in_c, panel = (size_t)w->conv->plan->panel;
    axm_tile tile = {.lda = w->v_row, .clamp = {-INFINITY, INFINITY}};
    for (size_t n = 0; n < w->columns; n += panel) {
        tile.column = n;
        for (size_t k = 0; k < in_c; k += tile.k) {
            tile.k = axm_min_size(BLOCK_K, in_c - k);
            tile.b = weights_at(w, point, n, k);
            tile.accumulate = k > 0;
            multiply_part(w, point, k, axm_min_size(panel, w->columns - n), &tile, weights_after(w, point, n, k + tile.k));
        }
    }
}

/* ---- Tasks ---- */

static void run_input(void *context, size_t begin, size_t end, int32_t worker)
{
    const layout *l = context;
    (void)worker;
    axm_stride_input(&l->shape, begin, end);
}

static void run_products(void *context, size_t begin, size_t end, int32_t worker)
{
    const layout *l = context;
    const axm_exec *exec = l->shape.conv->exec;
    for (size_t task = begin; task < end; task++) {
        axm_stride w = l->shape;
        w.skipped = task / l->blocks * l->together;
        w.count = axm_min_size(l->together, w.held - w.skipped);
        w.column = task % l->blocks * l->columns;
        w.columns = axm_min_size(l->columns, (size_t)w.conv->plan->out_c - w.column);
        w.m = (float *)(void *)(exec->scratch + (size_t)worker * exec->scratch_bytes);
        for (size_t point = 0; point < AXM_STRIDE_POINTS; point++)
            multiply(&w, point);
        axm_stride_output(&w);
    }
}

void axm_tap_stride(const axm_tap_conv *conv)
{
    layout l = layout_of(conv->plan);
    axm_stride *w = &l.shape;
    w->conv = conv;
    w->v = (float *)(void *)conv->exec->shared;
    for (w->first = 0; w->first < w->tiles; w->first += l.chunk) {
        w->held = axm_min_size(l.chunk, w->tiles - w->first);
        axm_parallel_for(conv->exec->pool, w->held, 1 + 256 / (size_t)conv->plan->in_c, run_input, &l);
        axm_parallel_for(conv->exec->pool, axm_parts(w->held, l.together) * l.blocks, 1, run_products, &l);
    }
}
