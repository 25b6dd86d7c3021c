/* Making a plan, and looking at it. */
#include "network/plan.h"

#include <string.h>

#include "base/status.h"
#include "network/plan_internal.h"

static int32_t *copy_values(axm_arena *arena, const int32_t *values, int32_t count)
{
    int32_t *copy = axm_arena_array(arena, (size_t)count + 1, sizeof *copy);
    if (copy && count) memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

static int32_t copy_request(axm_plan *plan, const axm_plan_request *request)
{
    axm_plan_request *own = &plan->request;
    *own = *request;
    own->images = plan->images;
    own->observe = copy_values(&plan->arena, request->observe, request->observe_count);
    own->seeds = copy_values(&plan->arena, request->seeds, request->seed_count);
    own->wants = copy_values(&plan->arena, request->wants, request->want_count);
    own->slice_channels =
        copy_values(&plan->arena, request->slice_channels, request->slice_value >= 0 ? request->slice_count * plan->images : 0);
    size_t values = (size_t)request->graph->value_count + 1;
    plan->facts = axm_arena_array(&plan->arena, values, sizeof *plan->facts);
    plan->special = axm_arena_array(&plan->arena, values, sizeof *plan->special);
    plan->values = axm_arena_array(&plan->arena, values, sizeof *plan->values);
    plan->needed = axm_arena_array(&plan->arena, (size_t)request->graph->node_count + 1, sizeof *plan->needed);
    if (!own->observe || !own->seeds || !own->wants || !own->slice_channels || !plan->facts || !plan->special || !plan->values ||
        !plan->needed)
        return axm_no_memory(0, "a plan");
    for (size_t v = 0; v < values; ++v)
        plan->values[v] = (axm_plan_value){{-1, -1}, -1};
    return ACTMAX_OK;
}

static void mark_kept(axm_plan *plan)
{
    const axm_plan_request *request = &plan->request;
    for (int32_t i = 0; i < request->observe_count; ++i)
        if (plan->values[request->observe[i]].primary >= 0)
            plan->tensors[plan->values[request->observe[i]].primary].keep_data = true;
    for (int32_t i = 0; i < request->want_count; ++i)
        if (plan->values[request->wants[i]].primary >= 0) plan->tensors[plan->values[request->wants[i]].primary].keep_grad = true;
}

/* A constant that is observed still wants a tensor to be read from. */
static int32_t keep_constants(axm_plan *plan)
{
    for (int32_t i = 0; i < plan->request.observe_count; ++i) {
        int32_t value = plan->request.observe[i];
        if (plan->values[value].primary >= 0 || !plan->facts[value].constant) continue;
        axm_tensor tensor = {.shape = plan->facts[value].shape, .constant = plan->facts[value].constant};
        int32_t status = axm_plan_add_tensor(plan, &tensor, value, &plan->values[value].primary);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

int32_t axm_plan_new(const axm_plan_request *request, axm_plan **out)
{
    axm_plan *plan = axm_calloc_array(request->allocator, 1, sizeof *plan);
    if (!plan) return ACTMAX_ERROR_NO_MEMORY;
    plan->graph = request->graph;
    plan->slice_node = plan->slice_step = -1;
    plan->images = request->images > 0 ? request->images : 1;
    axm_arena_init(&plan->arena, request->allocator);
    plan->request.allocator = request->allocator;
    int32_t status = copy_request(plan, request);
    if (status >= 0) status = axm_plan_select(plan);
    if (status >= 0) status = axm_plan_build_steps(plan);
    if (status >= 0) status = keep_constants(plan);
    if (status >= 0) {
        mark_kept(plan);
        status = axm_plan_gradient(plan);
    }
    if (status >= 0) status = axm_plan_prepare_steps(plan);
    if (status >= 0) status = axm_plan_add_images(plan);
    if (status >= 0) status = axm_plan_memory(plan);
    if (status < 0) {
        axm_plan_free(plan);
        return status;
    }
    *out = plan;
    return ACTMAX_OK;
}

void axm_plan_free(axm_plan *plan)
{
    if (!plan) return;
    axm_allocator *allocator = plan->request.allocator;
    axm_arena_free(&plan->arena);
    axm_free(allocator, plan->tensors);
    axm_free(allocator, plan->steps);
    axm_free(allocator, plan->storages);
    axm_free(allocator, plan);
}

size_t axm_plan_bytes(const axm_plan *plan)
{
    return plan->arena_bytes;
}

bool axm_plan_sliced(const axm_plan *plan)
{
    return plan->sliced;
}

const axm_tensor *axm_plan_find_image(const axm_plan *plan, int32_t value, int32_t place)
{
    if (value < 0 || value >= plan->graph->value_count) return NULL;
    int32_t t = plan->values[value].primary;
    return t < 0 ? NULL : axm_plan_tensor_of(plan, t, place);
}

const axm_tensor *axm_plan_find(const axm_plan *plan, int32_t value)
{
    return axm_plan_find_image(plan, value, 0);
}

int32_t axm_plan_relus(const axm_plan *plan)
{
    return plan->relus;
}

int32_t axm_plan_other_activations(const axm_plan *plan)
{
    return plan->other_activations;
}

int64_t axm_plan_multiplications(const axm_plan *plan)
{
    int64_t total = 0;
    for (int32_t s = 0; s < plan->step_count; ++s) {
        const axm_step *step = &plan->steps[s].forward;
        if (!plan->steps[s].alias && !plan->steps[s].fused && step->op->multiplications) total += step->op->multiplications(step);
    }
    return total;
}
