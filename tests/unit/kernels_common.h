/* What the kernel tests share: numbers, exact-size buffers (so that a sanitizer sees any access past an end), and execution
 * contexts for every instruction set that this processor has. */
#ifndef AXM_TEST_KERNELS_COMMON_H
#define AXM_TEST_KERNELS_COMMON_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"

static uint32_t test_random_state = 1;

/* Uniform in [-1, 1), multiples of 1/256: exact in binary16 too. */
static inline float test_random(void)
{
    test_random_state = test_random_state * 1664525u + 1013904223u;
    return (float)(int32_t)((test_random_state >> 16) & 511u) / 256.0f - 1.0f;
}

static inline void *test_bytes(size_t bytes)
{
    void *p = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(p);
    return p;
}

static inline float *test_floats(size_t count)
{
    return test_bytes(count * sizeof(float));
}

static inline float *test_random_floats(size_t count)
{
    float *p = test_floats(count);
    for (size_t i = 0; i < count; i++)
        p[i] = test_random();
    return p;
}

static inline float *test_copy(const float *in, size_t count)
{
    float *p = test_floats(count);
    memcpy(p, in, count * sizeof *p);
    return p;
}

/* Pools of one and two threads, for the whole of a test program. */
typedef struct test_pools {
    axm_allocator allocator;
    axm_pool *pool[2];
} test_pools;

static inline int test_pools_setup(void **state)
{
    static test_pools pools;
    axm_allocator_init(&pools.allocator, NULL, NULL, NULL);
    for (int32_t i = 0; i < 2; i++)
        assert_int_equal(axm_pool_new(&pools.allocator, i + 1, &pools.pool[i]), 0);
    *state = &pools;
    return 0;
}

static inline int test_pools_teardown(void **state)
{
    test_pools *pools = *state;
    for (int i = 0; i < 2; i++)
        axm_pool_free(pools->pool[i]);
    return 0;
}

static inline axm_exec test_exec(const test_pools *pools, const axm_kernels *kernels, int pool, size_t scratch_bytes,
                                 size_t shared_bytes)
{
    const size_t each = (scratch_bytes + 63) / 64 * 64;
    axm_exec exec = {.kernels = kernels, .pool = pools->pool[pool], .scratch_bytes = each};
    const size_t own = each * (size_t)axm_pool_threads(exec.pool), shared = (shared_bytes + 63) / 64 * 64;
    if (own + shared > 0) {
        exec.scratch = aligned_alloc(64, own + shared);
        assert_non_null(exec.scratch);
        exec.shared = exec.scratch + own;
    }
    return exec;
}

/* Fails unless |got - want| <= 2e-6 magnitude + 1e-7; magnitude: the sum of the absolute values of the terms of `want`. */
static inline void test_close(const char *what, const char *kernels, size_t index, double got, double want, double magnitude)
{
    if (!(fabs(got - want) <= 2e-6 * magnitude + 1e-7))
        fail_msg("%s, kernels %s, element %zu: %.9g, expected %.9g", what, kernels, index, got, want);
}

#endif
