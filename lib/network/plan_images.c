/* Fifth stage of a plan: several images. Each has tensors of its own, which lie one after the other, and steps that point to
 * them; operators whose weights are the larger part of what they read get all images in one call.
 *
 * That is worth it from some step on: before it the activations of one image are more than the weights, and stay in the cache
 * only when one image goes through all of those steps before the next. */

#include "base/status.h"
#include "network/plan_internal.h"

axm_tensor *axm_plan_tensor_of(const axm_plan *plan, int32_t tensor, int32_t image)
{
    return image == 0 ? &plan->tensors[tensor].tensor : &plan->more[image - 1].tensors[tensor];
}

axm_step *axm_plan_step_of(const axm_plan *plan, int32_t step, int32_t image, bool backward)
{
    if (image == 0) return backward ? &plan->steps[step].backward : &plan->steps[step].forward;
    const axm_plan_image *own = &plan->more[image - 1];
    return backward ? &own->backward[step] : &own->forward[step];
}

/* ---- Which steps are joint ---- */

static int64_t activation_bytes(const axm_plan_step *step)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < step->forward.input_count; ++i) {
        const axm_tensor *input = step->forward.inputs[i];
        if (input && !input->constant) bytes += axm_shape_count(&input->shape) * (int64_t)sizeof(float);
    }
    for (int32_t i = 0; i < step->forward.output_count; ++i)
        if (step->forward.outputs[i]) bytes += axm_shape_count(&step->forward.outputs[i]->shape) * (int64_t)sizeof(float);
    return bytes;
}

/* The first step from which on most bytes are gained: weights that are not read again for each image, less activations that leave
 * the cache meanwhile. The number of steps when nothing is. */
static int32_t find_joint(const axm_plan *plan, int64_t *gain)
{
    int32_t joint = plan->step_count;
    int64_t sum = 0;
    *gain = 0;
    for (int32_t s = plan->step_count - 1; s >= 0; --s) {
        const axm_plan_step *step = &plan->steps[s];
        int64_t passes = (step->fused ? 0 : 1) + (step->runs_backward ? 1 : 0);
        int64_t weights = step->takes_images && s != plan->slice_step ? (int64_t)step->weight_bytes : 0;
        if (step->alias) continue;
        sum += passes * (weights - activation_bytes(step));
        if (sum <= *gain) continue;
        *gain = sum;
        joint = s;
    }
    return joint;
}

/* What an image's backward pass finds no longer in the cache, since other images went forward in between. */
static int64_t bytes_before(const axm_plan *plan, int32_t joint)
{
    int64_t bytes = 0;
    for (int32_t s = 0; s < joint; ++s)
        if (!plan->steps[s].alias && plan->steps[s].runs_backward) bytes += activation_bytes(&plan->steps[s]);
    return bytes;
}

int32_t axm_plan_worthwhile_images(const axm_plan *plan, int32_t most, size_t bytes)
{
    int64_t gain;
    int32_t joint = find_joint(plan, &gain);
    if (gain <= bytes_before(plan, joint)) return 1;
    if (bytes > (size_t)plan->graph->limits.planned_bytes) bytes = (size_t)plan->graph->limits.planned_bytes;
    while (most > 1 && plan->arena_bytes > bytes / (size_t)most)
        most--;
    return most;
}

/* ---- The images after the first ---- */

/* The step that leaves channels out is prepared for each image: its weights are those of the image's own channels. */
static int32_t prepare_slice(axm_plan *plan, int32_t image)
{
    int32_t s = plan->slice_step;
    axm_step *forward = axm_plan_step_of(plan, s, image, false);
    forward->state = NULL;
    forward->filters = plan->request.slice_channels + (size_t)image * (size_t)plan->request.slice_count;
    plan->current_step = s;
    axm_prepare prepare = {plan, forward, plan->request.kernels, plan->steps[s].runs_backward, 1};
    int32_t status = forward->op->prepare ? forward->op->prepare(&prepare) : ACTMAX_OK;
    if (status < 0) return axm_fail_within(status, "node '%.80s' (%s)", forward->name, forward->op->name);
    axm_step *backward = axm_plan_step_of(plan, s, image, true);
    backward->state = forward->state;
    backward->filters = forward->filters;
    return ACTMAX_OK;
}

static int32_t add_image(axm_plan *plan, int32_t image)
{
    axm_plan_image *own = &plan->more[image - 1];
    own->tensors = axm_arena_array(&plan->arena, (size_t)plan->tensor_count + 1, sizeof *own->tensors);
    own->forward = axm_arena_array(&plan->arena, 2 * ((size_t)plan->step_count + 1), sizeof *own->forward);
    if (!own->tensors || !own->forward) return axm_no_memory(0, "a plan");
    own->backward = own->forward + plan->step_count + 1;
    for (int32_t t = 0; t < plan->tensor_count; ++t)
        own->tensors[t] = plan->tensors[t].tensor;
    for (int32_t s = 0; s < plan->step_count; ++s) {
        own->forward[s] = plan->steps[s].forward;
        int32_t status = axm_plan_link(plan, s, image);
        if (status < 0) return status;
    }
    return plan->slice_step >= 0 ? prepare_slice(plan, image) : ACTMAX_OK;
}

int32_t axm_plan_add_images(axm_plan *plan)
{
    int64_t gain;
    size_t images = (size_t)plan->images;
    plan->members = axm_arena_array(&plan->arena, images, sizeof *plan->members);
    plan->more = axm_arena_array(&plan->arena, images, sizeof *plan->more);
    if (!plan->members || !plan->more) return axm_no_memory(0, "a plan");
    plan->active = plan->images;
    for (int32_t image = 0; image < plan->images; ++image)
        plan->members[image] = image;
    for (int32_t s = 0; s < plan->step_count; ++s)
        if (plan->steps[s].forward.filters) plan->slice_step = s;
    plan->joint = plan->images > 1 ? find_joint(plan, &gain) : plan->step_count;
    if (plan->request.all_joint) plan->joint = 0;
    for (int32_t image = 1; image < plan->images; ++image) {
        int32_t status = add_image(plan, image);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}
