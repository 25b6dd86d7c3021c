/* Plans kept warm, one arena for the largest of them, one pool: what a session computes with. One thread at a time. */
#ifndef AXM_NETWORK_RUNNER_H
#define AXM_NETWORK_RUNNER_H

#include "network/plan.h"

#define AXM_RUNNER_PLANS 48

typedef struct axm_runner {
    axm_allocator *allocator;
    const axm_graph *graph;
    axm_weights *weights;
    const axm_kernels *kernels;
    axm_pool *pool;
    char *arena;
    size_t arena_bytes;
    struct {
        axm_plan *plan;
        uint64_t used; /* when, for eviction */
    } plans[AXM_RUNNER_PLANS];
    uint64_t clock;
} axm_runner;

int32_t axm_runner_init(axm_runner *runner, axm_allocator *allocator, const axm_graph *graph, axm_weights *weights,
                        const axm_kernels *kernels, int32_t threads);
void axm_runner_free(axm_runner *runner);

/* The plan for a request (its graph, weights, kernels, allocator and workers are filled in here), made when there is none
 * alike, bound to the arena. It stays valid until AXM_RUNNER_PLANS others were asked for; its tensors' contents until another
 * plan runs. */
int32_t axm_runner_plan(axm_runner *runner, axm_plan_request *request, axm_plan **out);

#endif
