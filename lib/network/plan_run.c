/* Binding a plan to its memory, and running it: image by image before the joint steps, all images together from there on. */
#include "network/plan_internal.h"

/* ---- Memory ---- */

static float *place_of(const axm_plan *plan, int32_t storage, int32_t image)
{
    if (storage < 0) return NULL;
    const axm_storage *at = &plan->storages[storage];
    return (float *)(void *)(plan->memory + at->offset + (size_t)image * at->stride);
}

void axm_plan_bind(axm_plan *plan, char *arena)
{
    if (plan->memory == arena) return;
    plan->memory = arena;
    for (int32_t image = 0; image < plan->images; ++image) {
        for (int32_t t = 0; t < plan->tensor_count; ++t) {
            axm_tensor *tensor = axm_plan_tensor_of(plan, t, image);
            tensor->data = place_of(plan, plan->tensors[t].data, image);
            tensor->grad = place_of(plan, plan->tensors[t].grad, image);
        }
        for (int32_t s = 0; s < plan->step_count; ++s) {
            axm_step *forward = axm_plan_step_of(plan, s, image, false);
            forward->saved = place_of(plan, plan->steps[s].saved, image);
            axm_plan_step_of(plan, s, image, true)->saved = forward->saved;
        }
    }
}

static axm_exec exec_of(const axm_plan *plan, axm_pool *pool, int32_t images)
{
    return (axm_exec){
        .kernels = plan->request.kernels,
        .pool = pool,
        .scratch = plan->memory + plan->scratch_offset,
        .scratch_bytes = plan->scratch_bytes,
        .shared = plan->memory + plan->shared_scratch_offset,
        .counters = plan->counters,
        .images = images,
    };
}

/* ---- Counting ---- */

void axm_plan_count(axm_plan *plan, axm_counters *counters)
{
    plan->counters = counters;
}

/* Of tensors that are neither omitted nor constant. */
static int64_t bytes_of(axm_tensor *const *tensors, int32_t count)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < count; ++i)
        if (tensors[i] && !tensors[i]->constant) bytes += axm_shape_count(&tensors[i]->shape) * (int64_t)sizeof(float);
    return bytes;
}

static void count_forward(const axm_plan *plan, const axm_step *step, int32_t images)
{
    if (!plan->counters) return;
    int64_t bytes = bytes_of(step->inputs, step->input_count) + bytes_of(step->outputs, step->output_count);
    if (step->addend) bytes += axm_shape_count(&step->addend->shape) * (int64_t)sizeof(float);
    plan->counters->moved_bytes += images * bytes;
}

static void count_backward(const axm_plan *plan, const axm_step *step, int32_t input, bool accumulate, int32_t images)
{
    if (!plan->counters) return;
    plan->counters->moved_bytes +=
        images * (bytes_of(step->outputs, step->output_count) + bytes_of(&step->inputs[input], 1) * (accumulate ? 2 : 1));
}

/* ---- Steps ---- */

/* The step for the image in a place, with the channels that this image has. */
static axm_step step_in(const axm_plan *plan, int32_t s, int32_t place, bool backward)
{
    axm_step step = *axm_plan_step_of(plan, s, place, backward);
    if (s != plan->slice_step || plan->members[place] == place) return step;
    const axm_step *own = axm_plan_step_of(plan, s, plan->members[place], backward);
    step.state = own->state;
    step.filters = own->filters;
    return step;
}

/* Images [first, last); several at once only where the operator takes them. */
static void run_forward(const axm_plan *plan, int32_t s, int32_t first, int32_t last, axm_pool *pool)
{
    bool together = last - first > 1 && plan->steps[s].takes_images && s != plan->slice_step;
    int32_t at_once = together ? last - first : 1;
    axm_exec exec = exec_of(plan, pool, at_once);
    for (int32_t place = first; place < last; place += at_once) {
        axm_step step = step_in(plan, s, place, false);
        step.op->forward(&step, &exec);
        count_forward(plan, &step, at_once);
    }
}

static void run_backward(const axm_plan *plan, int32_t s, int32_t first, int32_t last, axm_pool *pool)
{
    const axm_plan_step *own = &plan->steps[s];
    bool together = last - first > 1 && own->takes_images && s != plan->slice_step;
    int32_t at_once = together ? last - first : 1;
    axm_exec exec = exec_of(plan, pool, at_once);
    for (int32_t place = first; place < last; place += at_once) {
        axm_step step = step_in(plan, s, place, true);
        for (int32_t i = 0; i < step.input_count; ++i) {
            if (!own->back[i]) continue;
            step.op->backward(&step, &exec, i, own->accumulate[i]);
            count_backward(plan, &step, i, own->accumulate[i], at_once);
        }
    }
}

/* ---- Runs ---- */

void axm_plan_use_images(axm_plan *plan, const int32_t *members, int32_t count)
{
    plan->active = count;
    for (int32_t i = 0; i < count; ++i)
        plan->members[i] = members[i];
}

static bool has_forward(const axm_plan *plan, int32_t s)
{
    return !plan->steps[s].alias && !plan->steps[s].fused;
}

void axm_plan_forward(axm_plan *plan, axm_pool *pool)
{
    for (int32_t place = 0; place < plan->active; ++place)
        for (int32_t s = 0; s < plan->joint; ++s)
            if (has_forward(plan, s)) run_forward(plan, s, place, place + 1, pool);
    for (int32_t s = plan->joint; s < plan->step_count; ++s)
        if (has_forward(plan, s)) run_forward(plan, s, 0, plan->active, pool);
}

void axm_plan_backward(axm_plan *plan, axm_pool *pool)
{
    for (int32_t s = plan->step_count - 1; s >= plan->joint; --s)
        if (plan->steps[s].runs_backward) run_backward(plan, s, 0, plan->active, pool);
    for (int32_t place = 0; place < plan->active; ++place)
        for (int32_t s = plan->joint - 1; s >= 0; --s)
            if (plan->steps[s].runs_backward) run_backward(plan, s, place, place + 1, pool);
}

/* The step's name when an image's output is not finite. */
static const char *nonfinite_after(const axm_plan *plan, int32_t s, int32_t first, int32_t last)
{
    for (int32_t place = first; place < last; ++place) {
        const axm_step *step = axm_plan_step_of(plan, s, place, false);
        const axm_tensor *out = step->outputs[0];
        if (out && out->data && !axm_all_finite(out->data, (size_t)axm_shape_count(&out->shape))) return step->name;
    }
    return NULL;
}

const char *axm_plan_find_nonfinite(axm_plan *plan, axm_pool *pool)
{
    const char *name = NULL;
    for (int32_t place = 0; place < plan->active; ++place)
        for (int32_t s = 0; s < plan->joint; ++s) {
            if (!has_forward(plan, s)) continue;
            run_forward(plan, s, place, place + 1, pool);
            if ((name = nonfinite_after(plan, s, place, place + 1))) return name;
        }
    for (int32_t s = plan->joint; s < plan->step_count; ++s) {
        if (!has_forward(plan, s)) continue;
        run_forward(plan, s, 0, plan->active, pool);
        if ((name = nonfinite_after(plan, s, 0, plan->active))) return name;
    }
    return NULL;
}
