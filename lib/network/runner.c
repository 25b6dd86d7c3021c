/* The cache of plans and the arena they share. */
#include "network/runner.h"

#include <string.h>

#include "base/status.h"
#include "network/plan_internal.h"

int32_t axm_runner_init(axm_runner *runner, axm_allocator *allocator, const axm_graph *graph, axm_weights *weights,
                        const axm_kernels *kernels, int32_t threads)
{
    *runner = (axm_runner){.allocator = allocator, .graph = graph, .weights = weights, .kernels = kernels};
    return axm_pool_new(allocator, threads, &runner->pool);
}

void axm_runner_free(axm_runner *runner)
{
    if (!runner->allocator) return;
    for (int32_t i = 0; i < AXM_RUNNER_PLANS; ++i)
        axm_plan_free(runner->plans[i].plan);
    axm_free(runner->allocator, runner->arena);
    axm_pool_free(runner->pool);
    *runner = (axm_runner){0};
}

static bool same_values(const int32_t *a, int32_t a_count, const int32_t *b, int32_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, (size_t)a_count * sizeof *a) == 0);
}

static bool same_request(const axm_plan_request *a, const axm_plan_request *b)
{
    return a->image == b->image && a->images == b->images && a->all_joint == b->all_joint &&
           axm_shape_equal(&a->image_shape, &b->image_shape) && a->relu_rule == b->relu_rule && a->slice_value == b->slice_value &&
           same_values(a->observe, a->observe_count, b->observe, b->observe_count) &&
           same_values(a->seeds, a->seed_count, b->seeds, b->seed_count) &&
           same_values(a->wants, a->want_count, b->wants, b->want_count);
}

/* A plan of the same request but for the channels: it serves when the channels are the same, or when none could be left out. */
static bool serves(const axm_plan *plan, const axm_plan_request *request)
{
    const axm_plan_request *own = &plan->request;
    if (!same_request(own, request)) return false;
    int32_t images = own->images;
    return own->slice_value < 0 || plan->slice_full == 0 ||
           same_values(own->slice_channels, own->slice_count * images, request->slice_channels, request->slice_count * images);
}

/* Makes the arena hold `bytes`; contents need not last. */
static int32_t reserve_arena(axm_runner *runner, size_t bytes)
{
    if (bytes <= runner->arena_bytes) return ACTMAX_OK;
    char *arena = axm_alloc(runner->allocator, bytes);
    if (!arena) return axm_no_memory(bytes, "the working memory of a session");
    axm_free(runner->allocator, runner->arena);
    runner->arena = arena;
    runner->arena_bytes = bytes;
    return ACTMAX_OK;
}

int32_t axm_runner_plan(axm_runner *runner, axm_plan_request *request, axm_plan **out)
{
    int32_t oldest = 0;
    if (request->images < 1) request->images = 1;
    request->graph = runner->graph;
    request->weights = runner->weights;
    request->kernels = runner->kernels;
    request->allocator = runner->allocator;
    request->workers = axm_pool_threads(runner->pool);
    for (int32_t i = 0; i < AXM_RUNNER_PLANS; ++i) {
        axm_plan *plan = runner->plans[i].plan;
        if (runner->plans[i].used < runner->plans[oldest].used) oldest = i;
        if (!plan || !serves(plan, request)) continue;
        runner->plans[i].used = ++runner->clock;
        axm_plan_bind(plan, runner->arena);
        *out = plan;
        return ACTMAX_OK;
    }
    axm_plan *plan;
    int32_t status = axm_plan_new(request, &plan);
    if (status < 0) return status;
    if ((status = reserve_arena(runner, axm_plan_bytes(plan))) < 0) {
        axm_plan_free(plan);
        return status;
    }
    axm_plan_free(runner->plans[oldest].plan);
    runner->plans[oldest].plan = plan;
    runner->plans[oldest].used = ++runner->clock;
    axm_plan_bind(plan, runner->arena);
    *out = plan;
    return ACTMAX_OK;
}
