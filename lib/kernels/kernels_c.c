/* The plain C table: runs everywhere, and is the twin that the tests hold the others against. Products are rounded before they
 * are added (no fused multiply-add), whatever the compiler could do. */
#include "kernels/table.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif /* GCC contracts nothing under -std=c11 */

#define LANES   4
#define ROWS    4
#define COLUMNS 8

static bool available(void)
{
    return true;
}

/* A NaN is neither below nor above, so it stays. */
static inline float clamped(float value, axm_clamp clamp)
{
    if (value < clamp.low) value = clamp.low;
    return value > clamp.high ? clamp.high : value;
}

static void tile(size_t rows, size_t columns, const axm_tile *t)
{
    const size_t width = columns > LANES ? COLUMNS : LANES;
    for (size_t i = 0; i < rows; i++) {
        const float *a = t->a + i * t->lda;
        const float *b = t->b;
        float sum[COLUMNS] = {0};
        if (t->run != 0) {
            for (size_t left = t->k; left != 0; a += t->a_jump) {
                const float *end = a + axm_tile_run(t, left);
                left -= (size_t)(end - a);
                for (; a < end; a++, b += width)
                    for (size_t j = 0; j < width; j++)
                        sum[j] += *a * b[j];
            }
        } else if (width == COLUMNS) {
            for (size_t k = 0; k < t->k; k++, b += COLUMNS)
                for (size_t j = 0; j < COLUMNS; j++)
                    sum[j] += a[k] * b[j];
        } else {
            for (size_t k = 0; k < t->k; k++, b += LANES)
                for (size_t j = 0; j < LANES; j++)
                    sum[j] += a[k] * b[j];
        }
        float *c = t->c[i] + t->column;
        for (size_t j = 0; j < columns; j++) {
            float value = t->accumulate ? c[(ptrdiff_t)j + t->from] + sum[j] : sum[j];
            if (t->bias != NULL) value += t->bias[j];
            c[j] = clamped(value, t->clamp);
        }
    }
}

static void dot(size_t rows, size_t columns, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *out)
{
    const size_t whole = k - k % LANES;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            const float *x = a + i * lda, *w = b + j * ldb;
            float sum[LANES] = {0};
            for (size_t p = 0; p < whole; p += LANES)
                for (size_t q = 0; q < LANES; q++)
                    sum[q] += x[p + q] * w[p + q];
            for (size_t p = whole; p < k; p++)
                sum[p - whole] += x[p] * w[p];
            out[i * AXM_DOT_COLUMNS + j] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        }
    }
}

static void axpy(size_t rows, const float *scale, const float *const *w, size_t count, float *y)
{
    for (size_t i = 0; i < rows; i++) {
        const float s = scale[i];
        const float *row = w[i];
        for (size_t j = 0; j < count; j++)
            y[j] += s * row[j];
    }
}

/* One pixel, `count` <= LANES channels from c on. */
static void depthwise_channels(const axm_depthwise_run *r, size_t pixel, size_t c, size_t count)
{
    float sum[LANES] = {0};
    const float *x = r->x + (ptrdiff_t)pixel * r->x_step + c;
    for (size_t i = 0; i < r->taps_h; i++) {
        for (size_t j = 0; j < r->taps_w; j++) {
            const float *xs = x + (ptrdiff_t)i * r->x_row + (ptrdiff_t)j * r->x_column;
            const float *ws = r->w + (ptrdiff_t)i * r->w_row + (ptrdiff_t)j * r->w_column + c;
            if (count == LANES) {
                for (size_t q = 0; q < LANES; q++)
                    sum[q] += xs[q] * ws[q];
            } else {
                for (size_t q = 0; q < count; q++)
                    sum[q] += xs[q] * ws[q];
            }
        }
    }
    float *y = r->y + (ptrdiff_t)pixel * r->y_step + c;
    for (size_t q = 0; q < count; q++) {
        float value = r->accumulate ? y[q] + sum[q] : sum[q];
        if (r->bias != NULL) value += r->bias[c + q];
        y[q] = clamped(value, r->clamp);
    }
}

static void depthwise(const axm_depthwise_run *r)
{
    for (size_t p = 0; p < r->pixels; p++) {
        size_t c = 0;
        for (; c + LANES <= r->channels; c += LANES)
            depthwise_channels(r, p, c, LANES);
        if (c < r->channels) depthwise_channels(r, p, c, r->channels - c);
    }
}

void axm_transpose_plain(size_t rows, size_t columns, const float *a, size_t lda, float *b, size_t ldb)
{
    for (size_t j = 0; j < columns; j++) {
        for (size_t i = 0; i < rows; i++)
            b[j * ldb + i] = a[i * lda + j];
    }
}

const axm_kernels axm_kernels_c = {
    .name = "c",
    .available = available,
    .lanes = LANES,
    .tile_rows = ROWS,
    .tile_columns = COLUMNS,
    .tile = tile,
    .dot = dot,
    .axpy = axpy,
    .depthwise = depthwise,
    .transpose = axm_transpose_plain,
};
