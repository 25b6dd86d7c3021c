/* Last stage of a plan: every tensor's bytes get a place in one arena, shared by tensors that are never needed together.
 *
 * Time runs over forward steps 0 .. F-1, the caller's seeding F, and backward steps F+1 .. (step s runs backward at 2F - s). */
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "network/plan_internal.h"

#define FOREVER INT32_MAX

static int32_t backward_time(const axm_plan *plan, int32_t step)
{
    return 2 * plan->step_count - step;
}

static void extend(axm_storage *storage, int32_t time)
{
    if (storage->birth < 0 || time < storage->birth) storage->birth = time;
    if (time > storage->death) storage->death = time;
}

static int32_t tensor_bytes(const axm_plan *plan, int32_t t, size_t *out)
{
    int64_t count;
    size_t bytes = 0;
    const axm_shape *shape = &plan->tensors[t].tensor.shape;
    int64_t limit = plan->graph->limits.tensor_elements;
    if (!axm_shape_count_checked(shape, limit, &count) || !axm_mul_size((size_t)count, sizeof(float), &bytes))
        return axm_fail(ACTMAX_ERROR_LIMIT, "a tensor would have more elements than limit_tensor_elements (%lld) allows",
                        (long long)limit);
    *out = bytes;
    return ACTMAX_OK;
}

/* ---- Activations ---- */

/* The last time that a tensor's data is read, aliases of it apart. */
static void last_reads(const axm_plan *plan, int32_t *last)
{
    for (int32_t t = 0; t < plan->tensor_count; ++t)
        last[t] = plan->tensors[t].keep_data ? FOREVER : -1;
    for (int32_t s = 0; s < plan->step_count; ++s) {
        const axm_plan_step *step = &plan->steps[s];
        uint32_t flags = step->forward.op->flags;
        int32_t back = step->runs_backward ? backward_time(plan, s) : -1;
        for (int32_t i = 0; i < step->forward.input_count; ++i) {
            if (step->in[i] < 0) continue;
            int32_t when = step->fused ? -1 : s;
            if (back >= 0 && (flags & AXM_OP_READS_INPUTS)) when = back;
            if (when > last[step->in[i]]) last[step->in[i]] = when;
        }
        if (step->addend >= 0 && s > last[step->addend]) last[step->addend] = s;
        int32_t out = step->out[0];
        if (back >= 0 && (flags & AXM_OP_READS_OUTPUT) && back > last[out]) last[out] = back;
    }
    for (int32_t s = plan->step_count - 1; s >= 0; --s) { /* an alias lives as long as what it shares bytes with */
        const axm_plan_step *step = &plan->steps[s];
        if (step->alias && last[step->out[0]] > last[step->in[0]]) last[step->in[0]] = last[step->out[0]];
    }
}

static bool may_share_forward(const axm_plan *plan, const axm_plan_step *step, int32_t s, const int32_t *storage_last)
{
    if (!(step->forward.op->flags & AXM_OP_INPLACE_FORWARD) || step->in[0] < 0) return false;
    const axm_plan_tensor *in = &plan->tensors[step->in[0]];
    int32_t out = step->out[0];
    if (in->tensor.constant || in->data < 0 || in->value == plan->request.image) return false;
    for (int32_t i = 1; i < step->forward.input_count; ++i)
        if (step->in[i] >= 0 && plan->tensors[step->in[i]].data == in->data) return false;
    return storage_last[in->data] <= s && axm_shape_count(&in->tensor.shape) == axm_shape_count(&plan->tensors[out].tensor.shape) &&
           in->tensor.layout == plan->tensors[out].tensor.layout;
}

/* A sum may lie where what is added lay, when the step reads that no other way. */
static bool may_share_addend(const axm_plan *plan, const axm_plan_step *step, int32_t s, const int32_t *storage_last)
{
    if (step->addend < 0) return false;
    const axm_plan_tensor *addend = &plan->tensors[step->addend];
    if (addend->data < 0 || addend->value == plan->request.image) return false;
    for (int32_t i = 0; i < step->forward.input_count; ++i)
        if (step->in[i] >= 0 && plan->tensors[step->in[i]].data == addend->data) return false;
    return storage_last[addend->data] <= s;
}

static int32_t place_activations(axm_plan *plan, const int32_t *last)
{
    int32_t image = plan->values[plan->request.image].primary;
    int32_t *storage_last = axm_arena_array(&plan->arena, (size_t)plan->tensor_count + 1, sizeof *storage_last);
    if (!storage_last) return axm_no_memory(0, "a plan");
    for (int32_t s = -1; s < plan->step_count; ++s) {
        const axm_plan_step *step = s < 0 ? NULL : &plan->steps[s];
        if (step && step->fused) continue;
        int32_t outputs = step ? step->forward.output_count : 1;
        for (int32_t i = 0; i < outputs; ++i) {
            int32_t t = step ? step->out[i] : image, status;
            size_t bytes = 0;
            if (t < 0) continue;
            if ((status = tensor_bytes(plan, t, &bytes)) < 0) return status;
            axm_plan_tensor *tensor = &plan->tensors[t];
            if (step && step->alias) {
                tensor->data = plan->tensors[step->in[0]].data;
            } else if (step && i == 0 && may_share_forward(plan, step, s, storage_last)) {
                tensor->data = plan->tensors[step->in[0]].data;
            } else if (step && i == 0 && may_share_addend(plan, step, s, storage_last)) {
                tensor->data = plan->tensors[step->addend].data;
            } else if ((status = axm_plan_add_storage(plan, bytes, &tensor->data)) < 0) {
                return status;
            }
            if (tensor->data < 0) continue;
            axm_storage *storage = &plan->storages[tensor->data];
            extend(storage, s < 0 ? 0 : s);
            extend(storage, last[t] > s ? last[t] : (s < 0 ? 0 : s));
            storage_last[tensor->data] = storage->death;
        }
    }
    return ACTMAX_OK;
}

/* ---- Gradients ---- */

typedef struct roots {
    int32_t *parent; /* [tensors]: tensors whose gradients share bytes */
    bool *written;   /* [tensors], by root */
} roots;

static int32_t root_of(const roots *r, int32_t t)
{
    while (r->parent[t] != t)
        t = r->parent[t];
    return t;
}

/* The gradient of an alias lies in the same bytes; it carries gradient when either side does. */
static void join_aliases(axm_plan *plan, roots *r)
{
    for (int32_t s = 0; s < plan->step_count; ++s) {
        const axm_plan_step *step = &plan->steps[s];
        if (step->alias && plan->tensors[step->in[0]].wants_grad && plan->tensors[step->out[0]].wants_grad)
            r->parent[root_of(r, step->out[0])] = root_of(r, step->in[0]);
    }
}

static void order_contributions(axm_plan *plan, roots *r)
{
    for (int32_t i = 0; i < plan->request.seed_count; ++i) {
        int32_t t = plan->values[plan->request.seeds[i]].primary;
        if (t >= 0) r->written[root_of(r, t)] = true;
    }
    for (int32_t s = plan->step_count - 1; s >= 0; --s) {
        axm_plan_step *step = &plan->steps[s];
        if (!step->runs_backward) continue;
        for (int32_t i = 0; i < step->forward.input_count; ++i) {
            if (!step->back[i]) continue;
            int32_t root = root_of(r, step->in[i]);
            step->accumulate[i] = r->written[root];
            r->written[root] = true;
        }
    }
}

/* The input whose gradient may take the output gradient's bytes, else -1: the one that has a gradient, or of several the last,
 * which is written when the others have read theirs. */
static int32_t shared_gradient(const axm_plan *plan, const axm_plan_step *step, const roots *r, const bool *kept)
{
    int32_t last = -1, count = 0;
    uint32_t flags = step->forward.op->flags;
    if (!step->runs_backward || !(flags & AXM_OP_INPLACE_BACKWARD)) return -1;
    for (int32_t i = 0; i < step->forward.input_count; ++i) {
        if (!step->back[i]) continue;
        last = i;
        count++;
    }
    bool passes = (flags & AXM_OP_PASSES_LAST) && last == step->forward.input_count - 1;
    if ((!passes && (count != 1 || last != 0)) || step->accumulate[last]) return -1;
    const axm_tensor *in = &plan->tensors[step->in[last]].tensor, *out = &plan->tensors[step->back_out[0]].tensor;
    bool alike = axm_shape_count(&in->shape) == axm_shape_count(&out->shape) && in->layout == out->layout;
    return alike && !kept[root_of(r, step->back_out[0])] ? step->in[last] : -1;
}

static int32_t place_gradients(axm_plan *plan, roots *r)
{
    bool *kept = axm_arena_array(&plan->arena, (size_t)plan->tensor_count + 1, sizeof *kept);
    if (!kept) return axm_no_memory(0, "a plan");
    for (int32_t t = 0; t < plan->tensor_count; ++t)
        if (plan->tensors[t].keep_grad) kept[root_of(r, t)] = true;
    for (int32_t s = plan->step_count - 1; s >= 0; --s) {
        int32_t in = shared_gradient(plan, &plan->steps[s], r, kept);
        if (in < 0) continue;
        int32_t from = root_of(r, plan->steps[s].back_out[0]), to = root_of(r, in);
        if (from == to) continue;
        r->parent[from] = to; /* `to` is not kept by `from`; what keeps `to` keeps the shared bytes */
    }
    for (int32_t t = 0; t < plan->tensor_count; ++t) {
        int32_t root = root_of(r, t), status;
        size_t bytes = 0;
        axm_plan_tensor *tensor = &plan->tensors[t];
        if (!tensor->wants_grad) continue;
        if ((status = tensor_bytes(plan, t, &bytes)) < 0) return status;
        if (plan->tensors[root].grad < 0 && (status = axm_plan_add_storage(plan, bytes, &plan->tensors[root].grad)) < 0)
            return status;
        tensor->grad = plan->tensors[root].grad;
        if (tensor->keep_grad) extend(&plan->storages[tensor->grad], FOREVER);
    }
    return ACTMAX_OK;
}

static void gradient_life(axm_plan *plan)
{
    for (int32_t i = 0; i < plan->request.seed_count; ++i) {
        int32_t t = plan->values[plan->request.seeds[i]].primary;
        if (t >= 0 && plan->tensors[t].grad >= 0) extend(&plan->storages[plan->tensors[t].grad], plan->step_count);
    }
    for (int32_t s = 0; s < plan->step_count; ++s) {
        const axm_plan_step *step = &plan->steps[s];
        if (!step->runs_backward) continue;
        int32_t time = backward_time(plan, s);
        for (int32_t i = 0; i < step->forward.input_count; ++i)
            if (step->back[i]) extend(&plan->storages[plan->tensors[step->in[i]].grad], time);
        for (int32_t i = 0; i < step->forward.output_count; ++i)
            if (step->back_out[i] >= 0 && plan->tensors[step->back_out[i]].grad >= 0)
                extend(&plan->storages[plan->tensors[step->back_out[i]].grad], time);
    }
}

/* ---- Several images ---- */

/* Steps before the joint ones run image by image: all of that, forward or backward, is one time for what lasts beyond it. What
 * lives within it only is shared by the images, and keeps its times; the rest is there once for each image. */
static int32_t spread_over_images(axm_plan *plan)
{
    int32_t first_back = 2 * plan->step_count - plan->joint + 1, last_back = 2 * plan->step_count;
    int32_t input = plan->tensors[plan->values[plan->request.image].primary].data;
    for (int32_t i = 0; i < plan->storage_count && plan->images > 1; ++i) {
        axm_storage *storage = &plan->storages[i];
        bool shared = storage->death < plan->joint || (storage->birth >= first_back && storage->death <= last_back);
        if (storage->birth < 0 || (shared && i != input)) continue; /* the caller writes all inputs beforehand */
        storage->stride = storage->bytes;
        if (!axm_mul_size(storage->bytes, (size_t)plan->images, &storage->bytes))
            return axm_fail(ACTMAX_ERROR_LIMIT, "the network's working memory is larger than can be counted");
        if (storage->birth < plan->joint) storage->birth = 0;
        if (storage->death < plan->joint) storage->death = plan->joint;
        if (storage->birth > first_back) storage->birth = first_back;
        if (storage->death >= first_back && storage->death < last_back) storage->death = last_back;
    }
    return ACTMAX_OK;
}

/* ---- Offsets ---- */

static bool overlap_in_time(const axm_storage *a, const axm_storage *b)
{
    return a->birth <= b->death && b->birth <= a->death;
}

/* The node that writes the storage first. */
static const char *writer_of(const axm_plan *plan, const axm_storage *storage)
{
    int32_t seeding = plan->step_count, step = storage->birth;
    if (step > seeding) step = 2 * seeding - step; /* backward, from the last to the first */
    if (step >= seeding) step = seeding - 1;
    return step < 0 ? "" : plan->steps[step].forward.name;
}

/* Largest first, each at the lowest offset where it meets no other that lives at the same time. */
static int32_t assign_offsets(axm_plan *plan)
{
    int32_t count = plan->storage_count;
    int32_t *order = axm_arena_array(&plan->arena, (size_t)count + 1, sizeof *order);
    int32_t *placed = axm_arena_array(&plan->arena, (size_t)count + 1, sizeof *placed); /* by offset */
    if (!order || !placed) return axm_no_memory(0, "a plan");
    int32_t used = 0, placed_count = 0;
    for (int32_t i = 0; i < count; ++i) {
        axm_storage *storage = &plan->storages[i];
        if (storage->birth < 0) continue;
        if (!axm_add_size(storage->bytes, AXM_ALIGNMENT - 1, &storage->bytes))
            return axm_fail(ACTMAX_ERROR_LIMIT, "the network's working memory is larger than can be counted");
        storage->bytes &= ~(size_t)(AXM_ALIGNMENT - 1);
        int32_t at = used++;
        for (; at > 0 && plan->storages[order[at - 1]].bytes < storage->bytes; --at)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int32_t i = 0; i < used; ++i) {
        axm_storage *storage = &plan->storages[order[i]];
        size_t offset = 0;
        for (int32_t j = 0; j < placed_count; ++j) {
            const axm_storage *other = &plan->storages[placed[j]];
            if (!overlap_in_time(storage, other) || other->offset + other->bytes <= offset) continue;
            if (other->offset >= offset && other->offset - offset >= storage->bytes) break;
            offset = other->offset + other->bytes;
        }
        size_t end;
        if (!axm_add_size(offset, storage->bytes, &end) || end > (size_t)plan->graph->limits.planned_bytes)
            return axm_fail(
                ACTMAX_ERROR_LIMIT,
                "this network at this size needs more working memory than limit_planned_bytes (%lld) allows: node '%.80s' "
                "wants %zu bytes of it; use a smaller size or raise the limit",
                (long long)plan->graph->limits.planned_bytes, writer_of(plan, storage), storage->bytes);
        storage->offset = offset;
        int32_t at = placed_count++;
        for (; at > 0 && plan->storages[placed[at - 1]].offset > offset; --at)
            placed[at] = placed[at - 1];
        placed[at] = order[i];
        if (end > plan->arena_bytes) plan->arena_bytes = end;
    }
    return ACTMAX_OK;
}

static int32_t place_saved(axm_plan *plan)
{
    for (int32_t s = 0; s < plan->step_count; ++s) {
        axm_plan_step *step = &plan->steps[s];
        if (!step->saved_bytes || !step->runs_backward) continue;
        size_t whole = step->saved_bytes; /* of cache lines: what the next image saves is aligned too */
        if (!axm_add_size(whole, AXM_ALIGNMENT - 1, &whole))
            return axm_fail(ACTMAX_ERROR_LIMIT, "the network's working memory is larger than can be counted");
        int32_t status = axm_plan_add_storage(plan, whole & ~(size_t)(AXM_ALIGNMENT - 1), &step->saved);
        if (status < 0) return status;
        extend(&plan->storages[step->saved], s);
        extend(&plan->storages[step->saved], backward_time(plan, s));
    }
    return ACTMAX_OK;
}

int32_t axm_plan_memory(axm_plan *plan)
{
    size_t tensors = (size_t)plan->tensor_count + 1, scratch;
    int32_t *last = axm_arena_array(&plan->arena, tensors, sizeof *last);
    roots r = {axm_arena_array(&plan->arena, tensors, sizeof *r.parent), axm_arena_array(&plan->arena, tensors, sizeof *r.written)};
    if (!last || !r.parent || !r.written) return axm_no_memory(0, "a plan");
    for (int32_t t = 0; t < plan->tensor_count; ++t)
        r.parent[t] = t;
    last_reads(plan, last);
    int32_t status = place_activations(plan, last);
    if (status < 0) return status;
    join_aliases(plan, &r);
    order_contributions(plan, &r);
    if ((status = place_gradients(plan, &r)) < 0) return status;
    gradient_life(plan);
    if ((status = place_saved(plan)) < 0) return status;
    if ((status = spread_over_images(plan)) < 0) return status;
    if ((status = assign_offsets(plan)) < 0) return status;

    plan->scratch_bytes = (plan->scratch_bytes + AXM_ALIGNMENT - 1) & ~(size_t)(AXM_ALIGNMENT - 1);
    plan->scratch_offset = plan->arena_bytes;
    if (!axm_mul_size(plan->scratch_bytes, (size_t)plan->request.workers, &scratch) ||
        !axm_add_size(plan->scratch_offset, scratch, &plan->shared_scratch_offset) ||
        !axm_add_size(plan->shared_scratch_offset, plan->shared_scratch_bytes, &plan->arena_bytes))
        return axm_fail(ACTMAX_ERROR_LIMIT, "the network's working memory is larger than can be counted");
    return ACTMAX_OK;
}
