/* Dense layers of every instruction set, and the general product, against direct sums in double precision over odd sizes; the
 * same bytes for one and two threads. */
#include "kernels_common.h"

typedef struct layer {
    size_t m, n, k;
    bool w_is_kn, bias, clamp, accumulate;
    float *x, *dy, *w, *shift, *before; /* before: what dx held */
} layer;

static size_t weight_at(const layer *l, size_t n, size_t k)
{
    return l->w_is_kn ? k * l->n + n : n * l->k + k;
}

static void layer_make(layer *l)
{
    l->x = test_random_floats(l->m * l->k);
    l->dy = test_random_floats(l->m * l->n);
    l->w = test_random_floats(l->n * l->k);
    l->shift = test_random_floats(l->n);
    l->before = test_random_floats(l->m * l->k);
}

static void layer_free(layer *l)
{
    void *all[] = {l->x, l->dy, l->w, l->shift, l->before};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void check_forward(const test_pools *pools, const axm_kernels *kernels, const layer *l)
{
    const axm_clamp clamp = l->clamp ? (axm_clamp){-0.25f, 1.5f} : (axm_clamp){-INFINITY, INFINITY};
    float *y[2];
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, kernels, p, 0, 0);
        y[p] = test_floats(l->m * l->n);
        axm_dense_forward(&exec, (int64_t)l->m, (int64_t)l->n, (int64_t)l->k, l->x, l->w, l->w_is_kn, l->bias ? l->shift : NULL,
                          clamp, y[p]);
    }
    assert_memory_equal(y[0], y[1], l->m * l->n * sizeof(float));
    for (size_t i = 0; i < l->m * l->n; i++) {
        double sum = l->bias ? (double)l->shift[i % l->n] : 0.0, size = fabs(sum);
        for (size_t k = 0; k < l->k; k++) {
            const double term = (double)l->x[i / l->n * l->k + k] * (double)l->w[weight_at(l, i % l->n, k)];
            sum += term;
            size += fabs(term);
        }
        test_close("dense forward", axm_kernels_name(kernels), i, (double)y[0][i],
                   fmin(fmax(sum, (double)clamp.low), (double)clamp.high), size);
    }
    free(y[0]);
    free(y[1]);
}

static void check_backward(const test_pools *pools, const axm_kernels *kernels, const layer *l)
{
    float *dx[2];
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, kernels, p, 0, 0);
        dx[p] = test_copy(l->before, l->m * l->k);
        axm_dense_backward(&exec, (int64_t)l->m, (int64_t)l->n, (int64_t)l->k, l->dy, l->w, l->w_is_kn, l->accumulate, dx[p]);
    }
    assert_memory_equal(dx[0], dx[1], l->m * l->k * sizeof(float));
    for (size_t i = 0; i < l->m * l->k; i++) {
        double sum = l->accumulate ? (double)l->before[i] : 0.0, size = fabs(sum);
        for (size_t n = 0; n < l->n; n++) {
            const double dy = (double)l->dy[i / l->k * l->n + n];
            if (dy == 0.0) continue; /* the weight may be anything */
            sum += dy * (double)l->w[weight_at(l, n, i % l->k)];
            size += fabs(dy * (double)l->w[weight_at(l, n, i % l->k)]);
        }
        test_close("dense backward", axm_kernels_name(kernels), i, (double)dx[0][i], sum, size);
    }
    free(dx[0]);
    free(dx[1]);
}

static void check(const test_pools *pools, const layer *l)
{
    for (int32_t i = 0; axm_kernels_at(i) != NULL; i++) {
        if (!axm_kernels_available(axm_kernels_at(i))) continue;
        check_forward(pools, axm_kernels_at(i), l);
        check_backward(pools, axm_kernels_at(i), l);
    }
}

static void dense(void **state)
{
    static const size_t sizes[][3] = {{1, 1, 1},    {1, 10, 3},     {1, 3, 100},    {1, 64, 64},   {1, 100, 1025}, {1, 1000, 513},
                                      {2, 17, 33},  {3, 5, 7},      {4, 130, 2050}, {5, 33, 65},   {7, 300, 100},  {8, 16, 16},
                                      {9, 257, 31}, {17, 1030, 70}, {65, 9, 20},    {70, 40, 300}, {1, 4100, 300}, {33, 129, 1500}};
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        for (int form = 0; form < 4; form++) {
            layer l = {.m = sizes[n][0],
                       .n = sizes[n][1],
                       .k = sizes[n][2],
                       .w_is_kn = form % 2 == 1,
                       .bias = form != 0,
                       .clamp = form >= 2,
                       .accumulate = form == 1 || form == 2};
            layer_make(&l);
            check(*state, &l);
            layer_free(&l);
        }
    }
}

/* Zeros: whole columns of x and dy, at the ends and inside, also all of them. */
static void zeros(void **state)
{
    static const size_t sizes[][3] = {{1, 40, 300}, {3, 70, 2100}, {9, 33, 65}};
    for (size_t n = 0; n < 3; n++) {
        for (int form = 0; form < 6; form++) {
            layer l = {.m = sizes[n][0], .n = sizes[n][1], .k = sizes[n][2], .w_is_kn = form % 2 == 1, .bias = true};
            layer_make(&l);
            for (size_t i = 0; i < l.m * l.k; i++)
                if (form >= 4 || i % l.k < 7 || i % l.k >= l.k - 9 || i % l.k % 13 == 0) l.x[i] = 0.0f;
            for (size_t i = 0; i < l.m * l.n; i++)
                if (form >= 4 || i % l.n < 3 || i % l.n >= l.n - 11 || i % l.n == 15) l.dy[i] = 0.0f;
            check(*state, &l);
            layer_free(&l);
        }
    }
}

/* A class far down the list: rows of the weights without a gradient are not read (they are NaN here). */
static void unread_rows(void **state)
{
    for (size_t m = 1; m <= 9; m += 4) {
        layer l = {.m = m, .n = 50, .k = 700};
        layer_make(&l);
        for (size_t i = 0; i < l.m * l.n; i++)
            if (i % l.n != 20 && i % l.n != 31) l.dy[i] = 0.0f;
        for (size_t i = 0; i < l.n * l.k; i++)
            if (i / l.k != 20 && i / l.k != 31) l.w[i] = NAN;
        for (int32_t i = 0; axm_kernels_at(i) != NULL; i++)
            if (axm_kernels_available(axm_kernels_at(i))) check_backward(*state, axm_kernels_at(i), &l);
        layer_free(&l);
    }
}

/* A NaN in x or in the bias comes through the clamp. */
static void nan_passes(void **state)
{
    for (int form = 0; form < 4; form++) {
        layer l = {.m = form < 2 ? 1 : 12, .n = 20, .k = 30, .w_is_kn = form % 2 == 1};
        layer_make(&l);
        for (int32_t i = 0; axm_kernels_at(i) != NULL; i++) {
            if (!axm_kernels_available(axm_kernels_at(i))) continue;
            axm_exec exec = test_exec(*state, axm_kernels_at(i), 0, 0, 0);
            float *y = test_floats(l.m * l.n);
            const float kept = l.x[11];
            l.x[11] = NAN;
            axm_dense_forward(&exec, (int64_t)l.m, 20, 30, l.x, l.w, l.w_is_kn, l.shift, (axm_clamp){0, 6}, y);
            for (size_t n = 0; n < l.m * l.n; n++)
                assert_true(!isnan(y[n]) == (n >= l.n));
            l.x[11] = kept;
            l.shift[5] = NAN;
            axm_dense_forward(&exec, (int64_t)l.m, 20, 30, l.x, l.w, l.w_is_kn, l.shift, (axm_clamp){0, 6}, y);
            for (size_t n = 0; n < l.m * l.n; n++)
                assert_true(!isnan(y[n]) == (n % l.n != 5));
            l.shift[5] = 0.5f;
            free(y);
        }
        layer_free(&l);
    }
}

/* ---- The general product ---- */

typedef struct product {
    size_t m, n, k, lda, ldb, ldc;
    bool ta, tb, accumulate;
    float alpha;
} product;

static void check_product(const test_pools *pools, const axm_kernels *kernels, const product *p)
{
    const size_t a_count = (p->ta ? p->k : p->m) * p->lda, b_count = (p->tb ? p->n : p->k) * p->ldb, c_count = p->m * p->ldc;
    float *a = test_random_floats(a_count), *b = test_random_floats(b_count), *before = test_random_floats(c_count), *c[2];
    for (int t = 0; t < 2; t++) {
        axm_exec exec = test_exec(pools, kernels, t, 0, 0);
        c[t] = test_copy(before, c_count);
        axm_gemm(&exec, p->ta, p->tb, (int64_t)p->m, (int64_t)p->n, (int64_t)p->k, p->alpha, a, (int64_t)p->lda, b, (int64_t)p->ldb,
                 p->accumulate, c[t], (int64_t)p->ldc);
    }
    assert_memory_equal(c[0], c[1], c_count * sizeof(float));
    for (size_t i = 0; i < c_count; i++) {
        const size_t row = i / p->ldc, column = i % p->ldc;
        if (column >= p->n) {
            assert_true(c[0][i] == before[i]);
            continue;
        }
        double sum = p->accumulate ? (double)before[i] : 0.0, size = fabs(sum);
        for (size_t k = 0; k < p->k; k++) {
            const double left = (double)a[p->ta ? k * p->lda + row : row * p->lda + k];
            const double term = (double)p->alpha * left * (double)b[p->tb ? column * p->ldb + k : k * p->ldb + column];
            sum += term;
            size += fabs(term);
        }
        test_close("gemm", axm_kernels_name(kernels), i, (double)c[0][i], sum, size);
    }
    void *all[] = {a, b, before, c[0], c[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void gemm(void **state)
{
    static const size_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {1, 100, 65}, {100, 1, 65}, {33, 65, 129}, {70, 130, 300}, {17, 16, 0}};
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        for (int form = 0; form < 8; form++) {
            product p = {.m = sizes[n][0],
                         .n = sizes[n][1],
                         .k = sizes[n][2],
                         .ta = (form & 1) != 0,
                         .tb = (form & 2) != 0,
                         .accumulate = (form & 4) != 0,
                         .alpha = form % 3 == 0 ? 1.0f : -0.375f};
            const size_t extra = form % 2 == 0 ? 0 : 3;
            p.lda = (p.ta ? p.m : p.k) + extra;
            p.ldb = (p.tb ? p.k : p.n) + extra;
            p.ldc = p.n + extra;
            if (p.lda == 0) p.lda = 1;
            if (p.ldb == 0) p.ldb = 1;
            for (int32_t i = 0; axm_kernels_at(i) != NULL; i++)
                if (axm_kernels_available(axm_kernels_at(i))) check_product(*state, axm_kernels_at(i), &p);
        }
    }
}

/* [1 2; 3 4] [5 6; 7 8] = [19 22; 43 50], by hand. */
static void by_hand(void **state)
{
    const float a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8}, want[4] = {19, 22, 43, 50}, b_turned[4] = {5, 7, 6, 8};
    const axm_clamp open = {-INFINITY, INFINITY};
    for (int32_t i = 0; axm_kernels_at(i) != NULL; i++) {
        if (!axm_kernels_available(axm_kernels_at(i))) continue;
        axm_exec exec = test_exec(*state, axm_kernels_at(i), 0, 0, 0);
        float c[4];
        axm_gemm(&exec, false, false, 2, 2, 2, 1, a, 2, b, 2, false, c, 2);
        assert_memory_equal(c, want, sizeof want);
        axm_dense_forward(&exec, 2, 2, 2, a, b, true, NULL, open, c);
        assert_memory_equal(c, want, sizeof want);
        axm_dense_forward(&exec, 2, 2, 2, a, b_turned, false, NULL, open, c);
        assert_memory_equal(c, want, sizeof want);
        axm_dense_backward(&exec, 2, 2, 2, a, b, false, false, c); /* dy w, for w as [N, K] */
        assert_memory_equal(c, want, sizeof want);
    }
}

/* Weights at an odd byte of a file give the bytes that aligned ones give, where they may be handed over so. */
static void unaligned(void **state)
{
    const test_pools *pools = *state;
    const axm_clamp open = {-INFINITY, INFINITY};
    for (int32_t i = 0; axm_kernels_at(i) != NULL; i++) {
        const axm_kernels *kernels = axm_kernels_at(i);
        if (!axm_kernels_available(kernels)) continue;
        assert_false(axm_dense_reads_unaligned(kernels, 100)); /* many rows: tiles pack the weights */
        for (int64_t m = 1; axm_dense_reads_unaligned(kernels, m); m += 2) {
            enum { N = 37, K = 301 };
            float *x = test_random_floats((size_t)m * K), *dy = test_random_floats((size_t)m * N), *w = test_random_floats(N * K);
            float *y[2], *dx[2];
            char *odd = test_bytes(N * K * sizeof *w + 1);
            memcpy(odd + 1, w, N * K * sizeof *w);
            for (int kn = 0; kn < 2; kn++) {
                for (int k = 0; k < 2; k++) {
                    const axm_exec exec = test_exec(pools, kernels, 1, 0, 0);
                    const void *weights = k ? (const void *)(odd + 1) : w;
                    y[k] = test_floats((size_t)m * N);
                    dx[k] = test_floats((size_t)m * K);
                    axm_dense_forward(&exec, m, N, K, x, weights, kn, NULL, open, y[k]);
                    axm_dense_backward(&exec, m, N, K, dy, weights, kn, false, dx[k]);
                }
                assert_memory_equal(y[0], y[1], (size_t)m * N * sizeof(float));
                assert_memory_equal(dx[0], dx[1], (size_t)m * K * sizeof(float));
                for (int k = 0; k < 2; k++) {
                    free(y[k]);
                    free(dx[k]);
                }
            }
            free(odd);
            free(w);
            free(dy);
            free(x);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),    cmocka_unit_test(dense), cmocka_unit_test(zeros),     cmocka_unit_test(unread_rows),
        cmocka_unit_test(nan_passes), cmocka_unit_test(gemm),  cmocka_unit_test(unaligned),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
