/* Dense layers, forward and backward. The weights are by far the largest operand (411 MB for VGG16's fc1): they are read once,
 * where they lie, in long runs.
 *
 * Two forms do all four cases. "Rows" sums along the rows of w (dot products of four rows of w with up to four of x at a time);
 * "columns" sums across the rows of w (adds scaled rows to a piece of y that stays in the first-level cache, or, for a larger
 * batch, tiles). */
#include <math.h>

#include "kernels/dense.h"
#include "kernels/grain.h"

#define DOT_K            1024  /* of a row of w: four rows and four rows of x take 32 KiB */
#define DOT_BATCH        64    /* rows of x for a task */
#define DOT_TASK         65536 /* floats of w for a task, about */
#define TILES_FROM_BATCH 8     /* rows of x that pay for packing w */
#define MIN_PIECE        256   /* columns of y for a task: 1 KiB of each row of w */
#define MAX_PIECE        1024
#define PIECES           8

typedef struct layer {
    const axm_kernels *kernels;
    size_t batch, outputs, inputs; /* y is [batch, outputs], the sum runs over inputs */
    size_t rows;                   /* of one image; batch is that of all */
    size_t first_input;            /* inputs before it have x == 0 for the whole batch, as have those ... */
    size_t end_input;              /* ... from here on */
    const float *x;                /* [batch, inputs] */
    const float *w;
    const float *bias;
    axm_clamp clamp;
    bool accumulate, skip_zeros;
    float *y;
    size_t task_outputs, batch_blocks;
} layer;

static float clamped(float value, axm_clamp clamp)
{
    if (value < clamp.low) value = clamp.low; /* a NaN stays */
    return value > clamp.high ? clamp.high : value;
}

/* ---- w is [outputs, inputs] ---- */

/* Adds the products of inputs [k, k + count) to `rows` outputs from `output` on, for the batch's rows [first, last). */
static void dot_rows(const layer *l, size_t output, size_t rows, size_t first, size_t last, size_t k, size_t count)
{
    const bool begins = k == l->first_input, ends = k + count == l->end_input;
    for (size_t i = first; i < last; i += AXM_DOT_COLUMNS) {
        const size_t columns = axm_min_size(AXM_DOT_COLUMNS, last - i);
        float sum[AXM_DOT_ROWS * AXM_DOT_COLUMNS];
        l->kernels->dot(rows, columns, count, l->w + output * l->inputs + k, l->inputs, l->x + i * l->inputs + k, l->inputs, sum);
        for (size_t q = 0; q < columns; q++) {
            float *y = l->y + (i + q) * l->outputs + output;
            for (size_t r = 0; r < rows; r++) {
                float value = sum[r * AXM_DOT_COLUMNS + q];
                if (!begins || l->accumulate) value += y[r];
                if (ends && l->bias != NULL) value += l->bias[output + r];
                y[r] = ends ? clamped(value, l->clamp) : value;
            }
        }
    }
}

static void run_rows(void *context, size_t begin, size_t end, int32_t worker)
{
    const layer *l = context;
    (void)worker;
    for (size_t task = begin; task < end; task++) {
        const size_t from = task / l->batch_blocks * l->task_outputs, to = axm_min_size(from + l->task_outputs, l->outputs);
        const size_t first = task % l->batch_blocks * DOT_BATCH, last = axm_min_size(first + DOT_BATCH, l->batch);
        for (size_t output = from; output < to; output += AXM_DOT_ROWS) {
            const size_t rows = axm_min_size(AXM_DOT_ROWS, to - output);
            size_t k = l->first_input;
            do { /* once even when the sum is empty; blocks begin at multiples of DOT_K, whatever is skipped */
                const size_t count = axm_min_size(DOT_K - k % DOT_K, l->end_input - k);
                dot_rows(l, output, rows, first, last, k, count);
                k += count;
            } while (k < l->end_input);
        }
    }
}

static bool input_is_zero(const layer *l, size_t k)
{
    for (size_t i = 0; i < l->batch; i++) {
        if (l->x[i * l->inputs + k] != 0.0f) return false;
    }
    return true;
}

static void sum_along_rows(const axm_exec *exec, layer *l)
{
    l->end_input = l->inputs;
    if (l->skip_zeros) { /* a one-hot gradient reads one column */
        while (l->first_input < l->end_input && input_is_zero(l, l->first_input))
            l->first_input++;
        while (l->first_input < l->end_input && input_is_zero(l, l->end_input - 1))
            l->end_input--;
        /* Whole vectors are skipped, so that the lanes of a sum stay what they are when another image has fewer zeros. */
        const size_t lanes = l->kernels->lanes;
        l->first_input -= l->first_input % lanes;
        l->end_input = axm_min_size(axm_rounded(l->end_input, lanes), l->inputs);
    }
    l->task_outputs = (DOT_TASK / (l->inputs + 1) / AXM_DOT_ROWS + 1) * AXM_DOT_ROWS;
    l->batch_blocks = (l->batch + DOT_BATCH - 1) / DOT_BATCH;
    const size_t blocks = axm_parts(l->outputs, l->task_outputs);
    axm_parallel_for(exec->pool, blocks * l->batch_blocks, 1, run_rows, l);
}

/* ---- w is [inputs, outputs] ---- */

/* Adds up to AXM_AXPY_ROWS rows of w, scaled, to columns [from, to) of every row of y. */
static void add_rows(const layer *l, const size_t *inputs, size_t rows, size_t from, size_t to)
{
    const float *w[AXM_AXPY_ROWS] = {NULL};
    float scale[AXM_AXPY_ROWS];
    for (size_t r = 0; r < rows; r++)
        w[r] = l->w + inputs[r] * l->outputs + from;
    for (size_t i = 0; i < l->batch; i++) {
        for (size_t r = 0; r < rows; r++)
            scale[r] = l->x[i * l->inputs + inputs[r]];
        l->kernels->axpy(rows, scale, w, to - from, l->y + i * l->outputs + from);
    }
}

static void run_pieces(void *context, size_t begin, size_t end, int32_t worker)
{
    const layer *l = context;
    (void)worker;
    for (size_t task = begin; task < end; task++) {
        const size_t from = task * l->task_outputs, to = axm_min_size(from + l->task_outputs, l->outputs);
        size_t inputs[AXM_AXPY_ROWS], rows = 0;
        for (size_t i = 0; i < l->batch && !l->accumulate; i++) {
            for (size_t j = from; j < to; j++)
                l->y[i * l->outputs + j] = 0.0f;
        }
        for (size_t k = 0; k < l->inputs; k++) {
            if (l->skip_zeros && input_is_zero(l, k)) continue;
            inputs[rows++] = k;
            if (rows < AXM_AXPY_ROWS) continue;
            add_rows(l, inputs, rows, from, to);
            rows = 0;
        }
        if (rows > 0) add_rows(l, inputs, rows, from, to);
        for (size_t i = 0; i < l->batch; i++) {
            for (size_t j = from; j < to; j++) {
                float *y = l->y + i * l->outputs + j;
                *y = clamped(l->bias != NULL ? *y + l->bias[j] : *y, l->clamp);
            }
        }
    }
}

static bool skips_some(const layer *l)
{
    for (size_t k = 0; k < l->inputs && l->skip_zeros; k++) {
        if (input_is_zero(l, k)) return true;
    }
    return false;
}

static void sum_across_rows(const axm_exec *exec, layer *l)
{
    if (l->rows >= TILES_FROM_BATCH && !skips_some(l)) { /* tiles read every row of w */
        const axm_product product = {
            .m = (int64_t)l->batch,
            .n = (int64_t)l->outputs,
            .k = (int64_t)l->inputs,
            .alpha = 1.0f,
            .a = l->x,
            .lda = (int64_t)l->inputs,
            .b = l->w,
            .ldb = (int64_t)l->outputs,
            .bias = l->bias,
            .clamp = l->clamp,
            .accumulate = l->accumulate,
            .c = l->y,
            .ldc = (int64_t)l->outputs,
        };
        axm_product_run(exec, &product);
        return;
    }
    const size_t piece = (l->outputs / PIECES + 63) / 64 * 64;
    l->task_outputs = piece < MIN_PIECE ? MIN_PIECE : axm_min_size(piece, MAX_PIECE);
    axm_parallel_for(exec->pool, axm_parts(l->outputs, l->task_outputs), 1, run_pieces, l);
}

bool axm_dense_reads_unaligned(const axm_kernels *kernels, int64_t m)
{
    return kernels != &axm_kernels_c && m < TILES_FROM_BATCH;
}

bool axm_dense_takes_images(int64_t m)
{
    return m < TILES_FROM_BATCH;
}

void axm_dense_forward(const axm_exec *exec, int64_t m, int64_t n, int64_t k, const float *x, const float *w, bool w_is_kn,
                       const float *bias, axm_clamp clamp, float *y)
{
    axm_count(exec, AXM_COUNT_DENSE);
    layer l = {
        .kernels = exec->kernels,
        .batch = (size_t)(m * axm_images(exec)),
        .rows = (size_t)m,
        .outputs = (size_t)n,
        .inputs = (size_t)k,
        .x = x,
        .w = w,
        .bias = bias,
        .clamp = clamp,
        .y = y,
    };
    if (w_is_kn) {
        sum_across_rows(exec, &l);
    } else {
        sum_along_rows(exec, &l);
    }
}

void axm_dense_backward(const axm_exec *exec, int64_t m, int64_t n, int64_t k, const float *dy, const float *w, bool w_is_kn,
                        bool accumulate, float *dx)
{
    axm_count(exec, AXM_COUNT_DENSE);
    layer l = {
        .kernels = exec->kernels,
        .batch = (size_t)(m * axm_images(exec)),
        .rows = (size_t)m,
        .outputs = (size_t)k,
        .inputs = (size_t)n,
        .x = dy,
        .w = w,
        .clamp = {-INFINITY, INFINITY},
        .accumulate = accumulate,
        .skip_zeros = true,
        .y = dx,
    };
    if (w_is_kn) {
        sum_along_rows(exec, &l);
    } else {
        sum_across_rows(exec, &l);
    }
}
