/* Third stage of a plan: which tensors carry gradient, and in which order contributions are added up. */
#include "base/status.h"
#include "network/plan_internal.h"

static bool any_marked(const bool *marks, const int32_t *tensors, int32_t count)
{
    for (int32_t i = 0; i < count; ++i)
        if (tensors[i] >= 0 && marks[tensors[i]]) return true;
    return false;
}

static void mark_all(bool *marks, const int32_t *tensors, int32_t count)
{
    for (int32_t i = 0; i < count; ++i)
        if (tensors[i] >= 0) marks[tensors[i]] = true;
}

/* The tensors between the wants and the seeds. A fused step's tensor before its activation is between too. */
static int32_t mark_gradient(axm_plan *plan)
{
    const axm_plan_request *request = &plan->request;
    bool *below = axm_arena_array(&plan->arena, (size_t)plan->tensor_count, sizeof *below);
    bool *above = axm_arena_array(&plan->arena, (size_t)plan->tensor_count, sizeof *above);
    if (!below || !above) return axm_no_memory(0, "a plan");
    for (int32_t i = 0; i < request->want_count; ++i) {
        int32_t t = plan->values[request->wants[i]].primary;
        if (t >= 0) below[t] = true;
    }
    for (int32_t s = 0; s < plan->step_count; ++s) {
        axm_plan_step *step = &plan->steps[s];
        if (any_marked(below, step->in, step->forward.input_count)) mark_all(below, step->back_out, step->forward.output_count);
    }
    for (int32_t i = 0; i < request->seed_count; ++i) {
        int32_t t = plan->values[request->seeds[i]].primary;
        if (t >= 0) above[t] = true;
    }
    for (int32_t s = plan->step_count - 1; s >= 0; --s) {
        axm_plan_step *step = &plan->steps[s];
        if (any_marked(above, step->back_out, step->forward.output_count)) mark_all(above, step->in, step->forward.input_count);
    }
    for (int32_t t = 0; t < plan->tensor_count; ++t)
        plan->tensors[t].wants_grad = below[t] && above[t] && !plan->tensors[t].tensor.constant;
    return ACTMAX_OK;
}

static bool any_wants_grad(const axm_plan *plan, const int32_t *tensors, int32_t count)
{
    bool wants = false;
    for (int32_t i = 0; i < count; ++i)
        wants = wants || (tensors[i] >= 0 && plan->tensors[tensors[i]].wants_grad);
    return wants;
}

typedef struct alias_marks {
    int32_t *root;    /* the tensor whose gradient's bytes it shares */
    int32_t *readers; /* steps that give it gradient */
    bool *seeded;     /* by root */
    bool *kept;       /* the caller reads its gradient, or an alias's of it */
} alias_marks;

static void mark_aliases(const axm_plan *plan, alias_marks *m)
{
    for (int32_t t = 0; t < plan->tensor_count; ++t) {
        m->root[t] = t;
        m->kept[t] = plan->tensors[t].keep_grad;
    }
    for (int32_t i = 0; i < plan->request.seed_count; ++i) {
        int32_t t = plan->values[plan->request.seeds[i]].primary;
        if (t >= 0) m->seeded[t] = true;
    }
    for (int32_t s = plan->step_count - 1; s >= 0; --s) {
        const axm_plan_step *step = &plan->steps[s];
        if (step->alias) m->kept[step->in[0]] = m->kept[step->in[0]] || m->kept[step->out[0]];
        if (!any_wants_grad(plan, step->back_out, step->forward.output_count)) continue;
        for (int32_t i = 0; i < step->forward.input_count; ++i)
            if (step->in[i] >= 0) m->readers[step->in[i]]++;
    }
}

/* An alias shares the bytes of its gradient too. Where the two gradients are not the same (both are seeds; or the alias's is
 * kept, and the other one collects more than that) the alias becomes a copy. */
static int32_t separate_aliases(axm_plan *plan)
{
    size_t count = (size_t)plan->tensor_count + 1;
    alias_marks m = {axm_arena_array(&plan->arena, count, sizeof *m.root), axm_arena_array(&plan->arena, count, sizeof *m.readers),
                     axm_arena_array(&plan->arena, count, sizeof *m.seeded), axm_arena_array(&plan->arena, count, sizeof *m.kept)};
    if (!m.root || !m.readers || !m.seeded || !m.kept) return axm_no_memory(0, "a plan");
    mark_aliases(plan, &m);
    for (int32_t s = 0; s < plan->step_count; ++s) {
        axm_plan_step *step = &plan->steps[s];
        int32_t in = step->in[0], out = step->out[0];
        if (!step->alias || !plan->tensors[in].wants_grad || !plan->tensors[out].wants_grad) continue;
        bool seeded = m.seeded[m.root[in]];
        if ((seeded && m.seeded[out]) || (m.kept[out] && (seeded || m.readers[in] > 1))) {
            step->alias = false;
            if (!step->forward.op->forward) step->forward.op = &axm_op_relayout; /* of equal layouts: a copy */
            continue;
        }
        m.root[out] = m.root[in];
        m.seeded[m.root[in]] = seeded || m.seeded[out];
    }
    return ACTMAX_OK;
}

static void count_activation(axm_plan *plan, const axm_plan_step *step)
{
    const axm_op *op = step->forward.op;
    axm_clamp clamp;
    if (step->forward.pools && step->forward.clamp.low == 0.0f) plan->relus++;
    const axm_tensor *inputs[8] = {0};
    for (int32_t i = 0; i < step->forward.input_count && i < 8; ++i)
        inputs[i] = step->in[i] >= 0 ? &plan->tensors[step->in[i]].tensor : NULL;
    if (op->as_clamp && op->as_clamp(step->forward.params, inputs, step->forward.input_count, &clamp) && clamp.low == 0.0f)
        plan->relus++;
    else if ((op->flags & AXM_OP_POINTWISE) && !(op->flags & AXM_OP_ALIAS))
        plan->other_activations++;
}

int32_t axm_plan_gradient(axm_plan *plan)
{
    int32_t status = mark_gradient(plan);
    if (status >= 0) status = separate_aliases(plan);
    if (status < 0) return status;
    for (int32_t s = 0; s < plan->step_count; ++s) {
        axm_plan_step *step = &plan->steps[s];
        step->runs_backward = false;
        if (step->alias) continue;
        bool out = any_wants_grad(plan, step->back_out, step->forward.output_count);
        for (int32_t i = 0; i < step->forward.input_count; ++i) {
            step->back[i] = out && step->in[i] >= 0 && plan->tensors[step->in[i]].wants_grad;
            step->runs_backward = step->runs_backward || step->back[i];
        }
        if (step->runs_backward && !step->forward.op->backward)
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "node '%.80s' (%s) has no gradient", step->forward.name,
                            step->forward.op->name);
        if (step->runs_backward) count_activation(plan, step);
    }
    return ACTMAX_OK;
}
