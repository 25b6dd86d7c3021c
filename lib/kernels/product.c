/* General matrix product by tiles. A task is a block of rows and columns; for each block of the sum it packs its part of b (and of
 * a, when a is transposed) on the stack: 36 KiB, which every thread has. Blocks depend on the shape only. */
#include <math.h>

#include "kernels/dense.h"
#include "kernels/grain.h"

#define BLOCK_K       64
#define BLOCK_COLUMNS 128
#define BLOCK_TILES   8
#define TASK_WORK     (1 << 16) /* multiplications of the smallest chunk that is handed to a thread, about */

typedef struct job {
    const axm_product *product;
    const axm_kernels *kernels;
    size_t row_blocks, column_blocks, block_rows, block_columns;
} job;

/* The rows and columns of a task, and what it has packed of the sum's block [k0, k0 + k). */
typedef struct block {
    size_t row, rows, column, columns, k0, k;
    float *b;
    float *a;
} block;

/* Panels of tile_columns, the last one rounded to whole vectors with zeros: [k][width] each. */
static void pack_b(const job *j, const block *t)
{
    const axm_product *p = j->product;
    float *out = t->b;
    for (size_t first = 0; first < t->columns; first += j->kernels->tile_columns) {
        const size_t count = axm_min_size(j->kernels->tile_columns, t->columns - first),
                     width = axm_rounded(count, j->kernels->lanes);
        const size_t column = t->column + first;
        const size_t step_k = p->transpose_b ? 1 : (size_t)p->ldb, step_n = p->transpose_b ? (size_t)p->ldb : 1;
        for (size_t k = 0; k < t->k; k++, out += width) {
            const float *in = p->b + (t->k0 + k) * step_k + column * step_n;
            for (size_t n = 0; n < count; n++)
                out[n] = p->alpha * in[n * step_n];
            for (size_t n = count; n < width; n++)
                out[n] = 0.0f;
        }
    }
}

static void pack_transposed_a(const job *j, const block *t, size_t row, size_t rows)
{
    const axm_product *p = j->product;
    for (size_t k = 0; k < t->k; k++) {
        const float *in = p->a + (t->k0 + k) * (size_t)p->lda + row;
        for (size_t i = 0; i < rows; i++)
            t->a[i * BLOCK_K + k] = in[i];
    }
}

static void multiply(const job *j, const block *t)
{
    const axm_product *p = j->product;
    const size_t tile_rows = j->kernels->tile_rows, tile_columns = j->kernels->tile_columns;
    const bool last = t->k0 + t->k == (size_t)p->k;
    float *c[AXM_MAX_TILE_ROWS];
    axm_tile tile = {
        .lda = p->transpose_a ? BLOCK_K : (size_t)p->lda,
        .k = t->k,
        .c = c,
        .clamp = last ? p->clamp : (axm_clamp){-INFINITY, INFINITY},
        .accumulate = p->accumulate || t->k0 > 0,
    };
    for (size_t i = 0; i < t->rows; i += tile_rows) {
        const size_t row = t->row + i, rows = axm_min_size(tile_rows, t->rows - i);
        for (size_t r = 0; r < rows; r++)
            c[r] = p->c + (row + r) * (size_t)p->ldc;
        if (p->transpose_a) {
            pack_transposed_a(j, t, row, rows);
            tile.a = t->a;
        } else {
            tile.a = p->a + row * (size_t)p->lda + t->k0;
        }
        for (size_t first = 0; first < t->columns; first += tile_columns) {
            tile.b = t->b + first * t->k; /* every panel before this one is full */
            tile.column = t->column + first;
            tile.bias = last && p->bias != NULL ? p->bias + tile.column : NULL;
            j->kernels->tile(rows, axm_min_size(tile_columns, t->columns - first), &tile);
        }
    }
}

static void run_task(const job *j, size_t task)
{
    const axm_product *p = j->product;
    float b[BLOCK_K * BLOCK_COLUMNS], a[AXM_MAX_TILE_ROWS * BLOCK_K];
    block t = {
        .row = task / j->column_blocks * j->block_rows,
        .column = task % j->column_blocks * j->block_columns,
        .a = a,
        .b = b,
    };
    t.rows = axm_min_size(j->block_rows, (size_t)p->m - t.row);
    t.columns = axm_min_size(j->block_columns, (size_t)p->n - t.column);
    do { /* once even when the sum is empty: c gets bias and clamp */
        t.k = axm_min_size(BLOCK_K, (size_t)p->k - t.k0);
        pack_b(j, &t);
        multiply(j, &t);
        t.k0 += t.k;
    } while (t.k0 < (size_t)p->k);
}

static void run_tasks(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    for (size_t task = begin; task < end; task++)
        run_task(context, task);
}

void axm_product_run(const axm_exec *exec, const axm_product *product)
{
    if (product->m <= 0 || product->n <= 0) return;
    job j = {
        .product = product,
        .kernels = exec->kernels,
        .block_rows = BLOCK_TILES * exec->kernels->tile_rows,
        .block_columns = BLOCK_COLUMNS,
    };
    j.row_blocks = axm_parts((size_t)product->m, j.block_rows);
    j.column_blocks = axm_parts((size_t)product->n, j.block_columns);
    const size_t rows = axm_min_size(j.block_rows, (size_t)product->m), columns = axm_min_size(j.block_columns, (size_t)product->n);
    const size_t work = rows * columns * ((size_t)product->k + 1);
    axm_parallel_for(exec->pool, j.row_blocks * j.column_blocks, TASK_WORK / work + 1, run_tasks, &j);
}
