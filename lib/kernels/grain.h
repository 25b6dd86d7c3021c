/* How loops are cut for axm_parallel_for: by the amount of work, which depends on shapes only. */
#ifndef AXM_KERNELS_GRAIN_H
#define AXM_KERNELS_GRAIN_H

#include <stddef.h>
#include <stdint.h>

#define AXM_GRAIN 16384 /* elements touched by one piece of work: some microseconds */
#define AXM_LANES 64    /* channels handled together in local arrays */

/* Items for one piece when each touches `work` elements. */
static inline size_t axm_grain(size_t work)
{
    if (work == 0) return AXM_GRAIN;
    return work >= AXM_GRAIN ? 1 : AXM_GRAIN / work;
}

static inline size_t axm_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline int64_t axm_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t axm_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* How many parts of `size` hold `count`. */
static inline size_t axm_parts(size_t count, size_t size)
{
    return (count + size - 1) / size;
}

static inline size_t axm_rounded(size_t count, size_t size)
{
    return axm_parts(count, size) * size;
}

/* Floats from one row of `count` to the next: whole vectors, and an odd number of cache lines, so that rows fall into different
 * sets of the first-level cache. */
static inline size_t axm_spread(size_t count)
{
    return (axm_parts(count, 16) | 1) * 16;
}

/* Width of the column blocks when `length` columns are summed over many rows for each of `outer` items: wide blocks, unless
 * that leaves too few of them to share among threads (16 floats are one cache line). */
static inline size_t axm_column_block(size_t outer, size_t length)
{
    return outer * (length / AXM_LANES) >= 8 ? AXM_LANES : 16;
}

#endif
