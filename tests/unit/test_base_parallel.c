/* lib/base: the thread pool. Meant to be run under ThreadSanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/parallel.h"
#include "base/platform.h"
#include "base/status.h"

#define MOST 5000

/* Plain memory on purpose: a chunk that two threads ran, or that the caller does not see, is a race. */
typedef struct visits {
    int times[MOST];
    size_t begins[MOST]; /* of the chunk that an index was in */
    size_t grain;
    size_t count;
    int32_t threads;
    atomic_int bad;
} visits;

static void visit(void *context, size_t begin, size_t end, int32_t worker)
{
    visits *v = context;
    if (worker < 0 || worker >= v->threads || begin >= end || end > v->count || begin % v->grain != 0) atomic_fetch_add(&v->bad, 1);
    if (end - begin != v->grain && end != v->count) atomic_fetch_add(&v->bad, 1);
    for (size_t i = begin; i < end; i++) {
        v->times[i]++;
        v->begins[i] = begin;
    }
}

static void check_loop(axm_pool *pool, visits *v, size_t count, size_t grain)
{
    memset(v->times, 0, sizeof v->times);
    v->threads = axm_pool_threads(pool);
    v->grain = grain;
    v->count = count;
    atomic_store(&v->bad, 0);
    axm_parallel_for(pool, count, grain, visit, v);
    assert_int_equal(atomic_load(&v->bad), 0);
    for (size_t i = 0; i < MOST; i++)
        assert_int_equal(v->times[i], i < count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(v->begins[i], i / grain * grain);
}

static void test_each_index_once(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 7, 63, 64, 65, 997, 4999, 5000};
    static const size_t grains[] = {1, 2, 3, 7, 64, 1000, 5000, 6000, SIZE_MAX};
    static const int32_t threads[] = {0, 1, 2, 3, 4, 9};
    static visits v;
    axm_allocator allocator;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        axm_pool *pool = NULL;
        assert_int_equal(axm_pool_new(&allocator, threads[t], &pool), ACTMAX_OK);
        assert_int_equal(axm_pool_threads(pool), threads[t] > 0 ? threads[t] : axm_usable_cores());
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
            for (size_t g = 0; g < sizeof grains / sizeof grains[0]; g++)
                check_loop(pool, &v, counts[c], grains[g]);
        axm_pool_free(pool);
        assert_int_equal(atomic_load(&allocator.live_blocks), 0);
    }
    check_loop(NULL, &v, 997, 7);
    assert_int_equal(axm_pool_threads(NULL), 1);
    axm_pool_free(NULL);
}

static void add_one(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    for (size_t i = begin; i < end; i++)
        ((int *)context)[i]++;
}

/* Loops one after another read what the one before wrote, with pauses in which workers fall asleep. */
static void test_many_small_loops(void **state)
{
    (void)state;
    axm_allocator allocator;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    for (int32_t threads = 2; threads <= 4; threads += 2) {
        axm_pool *pool = NULL;
        int numbers[16] = {0};
        assert_int_equal(axm_pool_new(&allocator, threads, &pool), ACTMAX_OK);
        for (int i = 0; i < 5000; i++) {
            axm_parallel_for(pool, 16, 1, add_one, numbers);
            struct timespec pause = {.tv_nsec = i % 1000 * 400}; /* around the time for which a worker spins */
            if (i % 25 == 0) nanosleep(&pause, NULL);
        }
        for (int i = 0; i < 16; i++)
            assert_int_equal(numbers[i], 5000);
        axm_pool_free(pool);
    }
}

/* One chunk is long, so that the caller has to sleep until the worker leaves. */
static void dawdle(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)end;
    struct timespec pause = {.tv_nsec = worker == 0 ? 1000 : 3000000};
    nanosleep(&pause, NULL);
    ((int32_t *)context)[begin] = worker + 1;
}

static void test_caller_waits(void **state)
{
    (void)state;
    axm_allocator allocator;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    axm_pool *pool = NULL;
    assert_int_equal(axm_pool_new(&allocator, 3, &pool), ACTMAX_OK);
    for (int i = 0; i < 40; i++) {
        int32_t who[100] = {0};
        axm_parallel_for(pool, 100, 1, dawdle, who);
        for (int k = 0; k < 100; k++)
            assert_in_range(who[k], 1, 3);
    }
    axm_pool_free(pool);
}

/* Pools that end at once: before, while and after their workers first look. */
static void test_new_and_free(void **state)
{
    (void)state;
    axm_allocator allocator;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    for (int i = 0; i < 100; i++) {
        axm_pool *pool = NULL;
        int numbers[4] = {0};
        assert_int_equal(axm_pool_new(&allocator, 4, &pool), ACTMAX_OK);
        if (i % 2) axm_parallel_for(pool, 4, 1, add_one, numbers);
        axm_pool_free(pool);
    }
    assert_int_equal(atomic_load(&allocator.live_blocks), 0);
}

/* Refuses the call of number fail_at, and those after it. */
typedef struct host {
    int calls;
    int fail_at;
} host;

static void *host_alloc(void *user, size_t bytes)
{
    host *self = user;
    return ++self->calls >= self->fail_at ? NULL : malloc(bytes);
}

static void host_free(void *user, void *pointer)
{
    (void)user;
    free(pointer);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (int fail_at = 1; fail_at <= 11; fail_at++) {
        host self = {.fail_at = fail_at};
        axm_allocator allocator;
        axm_allocator_init(&allocator, host_alloc, host_free, &self);
        axm_pool *pool = NULL;
        int32_t status = axm_pool_new(&allocator, 4, &pool);
        /* Six blocks for the pool, its workers, their shares, a lock and two conditions; then one for each of three threads. */
        assert_int_equal(status, fail_at <= 6 ? ACTMAX_ERROR_NO_MEMORY : ACTMAX_OK);
        if (status == ACTMAX_OK) {
            int numbers[50] = {0};
            assert_int_equal(axm_pool_threads(pool), fail_at - 6 < 4 ? fail_at - 6 : 4);
            axm_parallel_for(pool, 50, 3, add_one, numbers);
            for (int i = 0; i < 50; i++)
                assert_int_equal(numbers[i], 1);
            axm_pool_free(pool);
        } else {
            assert_null(pool);
        }
        assert_int_equal(atomic_load(&allocator.live_blocks), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_index_once), cmocka_unit_test(test_many_small_loops), cmocka_unit_test(test_caller_waits),
        cmocka_unit_test(test_new_and_free),    cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
