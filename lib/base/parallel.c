/* The thread pool. A loop is published by an odd `generation` and closed by the next even one. Each worker that comes in
 * while it is open counts itself in `active` and claims chunks; the caller works too, closes the loop, and waits only for those
 * inside. A worker that wakes up too late for a short loop is thus never waited for.
 *
 * Each worker has a share of the chunks, the same part of every loop: worker w what lies between w and w+1 parts of the whole.
 * It takes from the front of its own, and when that is empty from the back of the others'. Loops that walk a picture in the
 * same order one after the other thus find in a core's own cache what that core wrote before; between cores that share no cache a
 * line takes as long as from memory.
 *
 * Two handshakes rest on sequentially consistent order (each side writes its own word, then reads the other's):
 *   worker: active+1, read generation     caller: close generation, read active     -> no worker inside a closed loop
 *   worker: sleepers+1, read generation   caller: open generation, read sleepers    -> no lost wake-up */
#include "base/parallel.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/platform.h"
#include "base/status.h"

#define MAX_THREADS  1024   /* as the option says */
#define SPIN_SECONDS 100e-6 /* before sleeping: the gap between two layers is shorter, an idle session's pause is longer */
#define SPIN_BATCH   32     /* looks between two readings of the clock */
#define CACHE_LINE   64
#define MAX_CHUNKS   (1u << 31) /* a share counts in 32 bits */

typedef struct pool_worker {
    axm_pool *pool;
    axm_thread *thread;
    int32_t index;
} pool_worker;

/* Chunks that are left of a worker's share: the first in the low half, one past the last in the high half. */
typedef struct pool_share {
    _Alignas(CACHE_LINE) atomic_uint_least64_t left;
} pool_share;

struct axm_pool {
    axm_allocator *allocator;
    pool_worker *workers; /* threads - 1 of them */
    pool_share *shares;   /* one for each thread; in share_block */
    void *share_block;
    int32_t threads;
    axm_mutex *mutex;
    axm_condition *loop_opened;
    axm_condition *loop_left;
    /* The loop: written by the caller while it is closed and nobody is inside. */
    size_t count;
    size_t grain;
    axm_loop_body body;
    void *context;
    _Alignas(CACHE_LINE) atomic_uint generation; /* odd: a loop is open */
    atomic_bool quit;
    _Alignas(CACHE_LINE) atomic_int active; /* workers inside the loop */
    atomic_int sleepers;
    atomic_bool caller_sleeps;
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint64_t share_of(uint64_t first, uint64_t end)
{
    return first | end << 32;
}

static bool claim(pool_share *share, bool own, size_t *chunk)
{
    uint64_t left = atomic_load_explicit(&share->left, memory_order_relaxed), rest;
    do {
        const uint64_t first = left & UINT32_MAX, end = left >> 32;
        if (first >= end) return false;
        *chunk = (size_t)(own ? first : end - 1);
        rest = own ? share_of(first + 1, end) : share_of(first, end - 1);
    } while (!atomic_compare_exchange_weak_explicit(&share->left, &left, rest, memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void run_chunk(axm_pool *pool, size_t chunk, int32_t worker)
{
    const size_t begin = chunk * pool->grain;
    const size_t end = pool->count - begin > pool->grain ? begin + pool->grain : pool->count;
    pool->body(pool->context, begin, end, worker);
}

static void run_chunks(axm_pool *pool, int32_t worker)
{
    size_t chunk;
    for (int32_t i = 0; i < pool->threads; i++) {
        pool_share *share = &pool->shares[(worker + i) % pool->threads];
        while (claim(share, i == 0, &chunk))
            run_chunk(pool, chunk, worker);
    }
}

/* What is waited for has changed already. Whoever holds the lock is about to see that or to wait, so passing through the lock
 * is enough; waking up afterwards spares those who wake a second sleep on it. */
static void wake(axm_pool *pool, axm_condition *condition)
{
    axm_mutex_lock(pool->mutex);
    axm_mutex_unlock(pool->mutex);
    axm_condition_wake_all(condition);
}

/* ---- the workers ---- */

static bool has_news(axm_pool *pool, unsigned seen)
{
    unsigned generation = atomic_load(&pool->generation);
    return (generation != seen && (generation & 1u)) || atomic_load(&pool->quit);
}

/* Until a loop opens that this worker has not been in, or the pool ends. */
static void wait_for_loop(axm_pool *pool, unsigned seen)
{
    double deadline = axm_seconds() + SPIN_SECONDS;
    do {
        for (int look = 0; look < SPIN_BATCH; look++) {
            if (has_news(pool, seen)) return;
            relax();
        }
    } while (axm_seconds() < deadline);
    axm_mutex_lock(pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!has_news(pool, seen))
        axm_condition_wait(pool->loop_opened, pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    axm_mutex_unlock(pool->mutex);
}

static void work(void *context)
{
    pool_worker *self = context;
    axm_pool *pool = self->pool;
    unsigned seen = 0;
    while (!atomic_load(&pool->quit)) {
        atomic_fetch_add(&pool->active, 1);
        unsigned generation = atomic_load(&pool->generation);
        if ((generation & 1u) && generation != seen) {
            run_chunks(pool, self->index);
            seen = generation;
        }
        if (atomic_fetch_sub(&pool->active, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            wake(pool, pool->loop_left);
        }
        wait_for_loop(pool, seen);
    }
}

/* ---- the caller ---- */

static void wait_until_left(axm_pool *pool)
{
    if (atomic_load(&pool->active) == 0) return;
    double deadline = axm_seconds() + SPIN_SECONDS;
    do {
        for (int look = 0; look < SPIN_BATCH; look++) {
            if (atomic_load(&pool->active) == 0) return;
            relax();
        }
    } while (axm_seconds() < deadline);
    axm_mutex_lock(pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->active) != 0)
        axm_condition_wait(pool->loop_left, pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    axm_mutex_unlock(pool->mutex);
}

static void run_alone(size_t count, size_t grain, axm_loop_body body, void *context)
{
    for (size_t begin = 0; begin < count;) {
        size_t end = count - begin > grain ? begin + grain : count;
        body(context, begin, end, 0);
        begin = end;
    }
}

void axm_parallel_for(axm_pool *pool, size_t count, size_t grain, axm_loop_body body, void *context)
{
    if (grain == 0) grain = 1;
    const size_t chunks = count / grain + (count % grain != 0);
    if (pool == NULL || pool->threads == 1 || chunks <= 1 || chunks > MAX_CHUNKS) {
        run_alone(count, grain, body, context);
        return;
    }
    pool->count = count;
    pool->grain = grain;
    pool->body = body;
    pool->context = context;
    const uint64_t threads = (uint64_t)pool->threads;
    for (uint64_t i = 0; i < threads; i++)
        atomic_store_explicit(&pool->shares[i].left, share_of(chunks * i / threads, chunks * (i + 1) / threads),
                              memory_order_relaxed);
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) > 0) {
        wake(pool, pool->loop_opened);
    }
    run_chunks(pool, 0);
    atomic_fetch_add(&pool->generation, 1);
    wait_until_left(pool);
}

/* ---- the pool ---- */

/* A system that gives fewer threads than asked leaves a smaller pool, never a failure: results do not depend on it. */
static void start_workers(axm_pool *pool, int32_t threads)
{
    for (int32_t i = 0; i + 1 < threads; i++) {
        pool_worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = i + 1;
        if (axm_thread_new(pool->allocator, work, worker, &worker->thread) < 0) {
            axm_message_clear();
            return;
        }
        pool->threads++;
    }
}

int32_t axm_pool_new(axm_allocator *allocator, int32_t threads, axm_pool **out)
{
    int32_t status = ACTMAX_ERROR_NO_MEMORY;
    if (threads <= 0) threads = axm_usable_cores();
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    axm_pool *pool = axm_calloc_array(allocator, 1, sizeof *pool);
    if (pool == NULL) return status;
    pool->allocator = allocator;
    pool->threads = 1;
    if (threads > 1) {
        pool->workers = axm_calloc_array(allocator, (size_t)threads - 1, sizeof *pool->workers);
        if (pool->workers == NULL) goto fail;
        pool->share_block = axm_calloc_array(allocator, (size_t)threads + 1, sizeof *pool->shares);
        if (pool->share_block == NULL) goto fail;
        pool->shares = (pool_share *)(void *)(((uintptr_t)pool->share_block + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
        if ((status = axm_mutex_new(allocator, &pool->mutex)) < 0) goto fail;
        if ((status = axm_condition_new(allocator, &pool->loop_opened)) < 0) goto fail;
        if ((status = axm_condition_new(allocator, &pool->loop_left)) < 0) goto fail;
        start_workers(pool, threads);
    }
    *out = pool;
    return ACTMAX_OK;
fail:
    axm_pool_free(pool);
    return status;
}

void axm_pool_free(axm_pool *pool)
{
    if (pool == NULL) return;
    axm_allocator *allocator = pool->allocator;
    if (pool->threads > 1) {
        atomic_store(&pool->quit, true);
        wake(pool, pool->loop_opened);
        for (int32_t i = 0; i + 1 < pool->threads; i++)
            axm_thread_join(pool->workers[i].thread);
    }
    axm_condition_free(pool->loop_left);
    axm_condition_free(pool->loop_opened);
    axm_mutex_free(pool->mutex);
    axm_free(allocator, pool->share_block);
    axm_free(allocator, pool->workers);
    axm_free(allocator, pool);
}

int32_t axm_pool_threads(const axm_pool *pool)
{
    return pool == NULL ? 1 : pool->threads;
}
