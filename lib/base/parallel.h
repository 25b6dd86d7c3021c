/* One pool for each session. Work is cut by `grain`, which depends on shapes only, never on the number of
 * threads: any number of threads gives the same bytes. */
#ifndef AXM_BASE_PARALLEL_H
#define AXM_BASE_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

typedef struct axm_pool axm_pool;

/* Items [begin, end) of the loop; worker is 0 .. threads-1 (0 is the calling thread), for scratch memory. */
typedef void (*axm_loop_body)(void *context, size_t begin, size_t end, int32_t worker);

/* threads <= 0: the number of cores this process may run on. threads 1 starts none. A system
 * that gives fewer threads than asked leaves a smaller pool: axm_pool_threads tells. */
int32_t axm_pool_new(axm_allocator *allocator, int32_t threads, axm_pool **out);
void axm_pool_free(axm_pool *pool);
int32_t axm_pool_threads(const axm_pool *pool); /* NULL: 1 */

/* Calls body for [0, grain), [grain, 2 grain), ... until count is reached; returns when all are done.
 * pool NULL runs on the calling thread. Cannot fail. Must not be nested. */
void axm_parallel_for(axm_pool *pool, size_t count, size_t grain, axm_loop_body body, void *context);

#endif
