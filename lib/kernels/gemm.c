/* General matrix product: OpenBLAS where it is built in, else our own tiles.
 *
 * OpenBLAS decides by m*n*k whether a call uses its threads, and where it then cuts may change the last bits. Calls of at most
 * 64^3 multiplications stay on the calling thread whatever its thread count (SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD =
 * 65536 * 4 in its sources; the one for its matrix-vector product, 2304 * 4 elements, is kept too), so the product is cut into
 * blocks of that size, added up in one order: one result for any OPENBLAS_NUM_THREADS, and nothing process-wide is set. */
#include <limits.h>
#include <math.h>

#include "kernels/dense.h"

#if defined(ACTMAX_WITH_OPENBLAS)

#include <cblas.h>

#define BLOCK_M 32
#define BLOCK_N 64
#define BLOCK_K 128

static int smaller(int64_t a, int64_t b)
{
    return (int)(a < b ? a : b);
}

static void run_openblas(const axm_product *p)
{
    const CBLAS_TRANSPOSE ta = p->transpose_a ? CblasTrans : CblasNoTrans, tb = p->transpose_b ? CblasTrans : CblasNoTrans;
    for (int64_t i = 0; i < p->m; i += BLOCK_M) {
        for (int64_t j = 0; j < p->n; j += BLOCK_N) {
            for (int64_t k = 0; k < p->k; k += BLOCK_K) {
                const float *a = p->transpose_a ? p->a + k * p->lda + i : p->a + i * p->lda + k;
                const float *b = p->transpose_b ? p->b + j * p->ldb + k : p->b + k * p->ldb + j;
                cblas_sgemm(CblasRowMajor, ta, tb, smaller(p->m - i, BLOCK_M), smaller(p->n - j, BLOCK_N),
                            smaller(p->k - k, BLOCK_K), p->alpha, a, (int)p->lda, b, (int)p->ldb,
                            p->accumulate || k > 0 ? 1.0f : 0.0f, p->c + i * p->ldc + j, (int)p->ldc);
            }
        }
    }
}

static bool fits_openblas(const axm_product *p)
{
    return p->k > 0 && p->lda <= INT_MAX && p->ldb <= INT_MAX && p->ldc <= INT_MAX;
}

#else

static bool fits_openblas(const axm_product *p)
{
    (void)p;
    return false;
}

static void run_openblas(const axm_product *p)
{
    (void)p;
}

#endif

void axm_gemm(const axm_exec *exec, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
              const float *a, int64_t lda, const float *b, int64_t ldb, bool accumulate, float *c, int64_t ldc)
{
    const axm_product product = {
        .m = m,
        .n = n,
        .k = k,
        .transpose_a = transpose_a,
        .transpose_b = transpose_b,
        .alpha = alpha,
        .a = a,
        .lda = lda,
        .b = b,
        .ldb = ldb,
        .clamp = {-INFINITY, INFINITY},
        .accumulate = accumulate,
        .c = c,
        .ldc = ldc,
    };
    if (fits_openblas(&product)) {
        run_openblas(&product);
    } else {
        axm_product_run(exec, &product);
    }
}
