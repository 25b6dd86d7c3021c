/* Inside of the matrix kernels. */
#ifndef AXM_KERNELS_DENSE_H
#define AXM_KERNELS_DENSE_H

#include "kernels/table.h"

/* c[m,n] = clamp((accumulate ? c[m,n] : 0) + alpha op(a) op(b) + bias[n]); lda, ldb, ldc: row strides as stored. */
typedef struct axm_product {
    int64_t m, n, k;
    bool transpose_a, transpose_b;
    float alpha;
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    const float *bias; /* [n], or NULL */
    axm_clamp clamp;
    bool accumulate;
    float *c;
    int64_t ldc;
} axm_product;

/* The product by our own tiles, on the pool. Needs no scratch. */
void axm_product_run(const axm_exec *exec, const axm_product *product);

#endif
