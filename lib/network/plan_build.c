/* Second stage of a plan: nodes become steps. Affine maps and clamps that follow a convolution are folded into it, and
 * each tensor gets a physical layout, with a step between where two operators want different ones. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "network/plan_internal.h"

typedef struct build {
    axm_plan *plan;
    int32_t *consumer_count; /* [values] needed, image-dependent nodes that read it (each input counts) */
    int32_t *consumer;       /* [values] the last of them */
    bool *absorbed;          /* [nodes] folded into an earlier step */
} build;

/* ---- Growing arrays ---- */

static bool grow(axm_plan *plan, void **array, int32_t count, int32_t *capacity, size_t size)
{
    if (count < *capacity) return true;
    int32_t grown = *capacity ? *capacity * 2 : 128;
    if (!axm_grow_array(plan->request.allocator, array, (size_t)*capacity, (size_t)grown, size)) return false;
    *capacity = grown;
    return true;
}

int32_t axm_plan_add_tensor(axm_plan *plan, const axm_tensor *tensor, int32_t value, int32_t *out)
{
    if (!grow(plan, (void **)&plan->tensors, plan->tensor_count, &plan->tensor_capacity, sizeof *plan->tensors))
        return ACTMAX_ERROR_NO_MEMORY;
    plan->tensors[plan->tensor_count] = (axm_plan_tensor){.tensor = *tensor, .value = value, .data = -1, .grad = -1};
    *out = plan->tensor_count++;
    return ACTMAX_OK;
}

int32_t axm_plan_add_storage(axm_plan *plan, size_t bytes, int32_t *out)
{
    if (!grow(plan, (void **)&plan->storages, plan->storage_count, &plan->storage_capacity, sizeof *plan->storages))
        return ACTMAX_ERROR_NO_MEMORY;
    plan->storages[plan->storage_count] = (axm_storage){.bytes = bytes, .birth = -1, .death = -1};
    *out = plan->storage_count++;
    return ACTMAX_OK;
}

int32_t axm_plan_add_step(axm_plan *plan, int32_t input_count, int32_t output_count, axm_plan_step **out)
{
    if (!grow(plan, (void **)&plan->steps, plan->step_count, &plan->step_capacity, sizeof *plan->steps))
        return ACTMAX_ERROR_NO_MEMORY;
    axm_plan_step step = {.saved = -1, .addend = -1};
    size_t terms = (size_t)input_count + 2 * (size_t)output_count;
    step.in = axm_arena_array(&plan->arena, terms + 1, sizeof *step.in);
    step.accumulate = axm_arena_array(&plan->arena, 2 * (size_t)input_count + 1, sizeof *step.accumulate);
    if (!step.in || !step.accumulate) return axm_no_memory(0, "a plan");
    step.out = step.in + input_count;
    step.back_out = step.out + output_count;
    step.back = step.accumulate + input_count;
    step.forward.input_count = input_count;
    step.forward.output_count = output_count;
    step.forward.clamp = (axm_clamp){-INFINITY, INFINITY};
    plan->steps[plan->step_count] = step;
    *out = &plan->steps[plan->step_count++];
    return ACTMAX_OK;
}

/* ---- Layouts ---- */

/* Whether a tensor of this shape, permuted, lies in memory just as before: physical order equal, axes of size 1 apart. */
static bool order_unchanged(const axm_tensor *from, const axm_tensor *to, const int32_t *perm)
{
    int32_t rank = from->shape.rank, last = -1;
    int32_t position[AXM_MAX_RANK]; /* physical place in `to` -> physical place in `from` */
    for (int32_t axis = 0; axis < rank; ++axis)
        position[axm_physical_axis(to, axis)] = axm_physical_axis(from, perm[axis]);
    int64_t dims[AXM_MAX_RANK];
    axm_physical_dims(to, dims);
    for (int32_t p = 0; p < rank; ++p) {
        if (dims[p] == 1) continue;
        if (position[p] < last) return false;
        last = position[p];
    }
    return true;
}

/* The plan tensor of `value` in `layout`, made by a step of its own when it does not exist yet. */
static int32_t tensor_in_layout(axm_plan *plan, int32_t value, axm_layout layout, int32_t *out)
{
    axm_plan_value *slot = &plan->values[value];
    int32_t source = slot->primary, copy;
    int32_t status;
    if (slot->tensor[layout] >= 0) {
        *out = slot->tensor[layout];
        return ACTMAX_OK;
    }
    axm_tensor tensor = {.shape = plan->tensors[source].tensor.shape, .layout = layout};
    if ((status = axm_plan_add_tensor(plan, &tensor, value, &copy)) < 0) return status;
    axm_plan_step *step;
    if ((status = axm_plan_add_step(plan, 1, 1, &step)) < 0) return status;
    static const int32_t identity[AXM_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    step->forward.op = &axm_op_relayout;
    step->forward.name = plan->graph->values[value].name;
    step->forward.node = -1;
    step->in[0] = source;
    step->out[0] = step->back_out[0] = copy;
    step->alias = order_unchanged(&plan->tensors[source].tensor, &tensor, identity);
    slot->tensor[layout] = copy;
    *out = copy;
    return ACTMAX_OK;
}

static int32_t constant_tensor(axm_plan *plan, int32_t value, int32_t *out)
{
    axm_plan_value *slot = &plan->values[value];
    if (slot->primary < 0) {
        axm_tensor tensor = {.shape = plan->facts[value].shape, .constant = plan->facts[value].constant};
        int32_t status = axm_plan_add_tensor(plan, &tensor, value, &slot->primary);
        if (status < 0) return status;
        slot->tensor[AXM_LAYOUT_FILE] = slot->primary;
    }
    *out = slot->primary;
    return ACTMAX_OK;
}

/* Asks the operator for layouts, adds the steps that provide them, and fills in[] and give[]. */
static int32_t choose_layouts(axm_plan *plan, const axm_node *node, int32_t *in, axm_layout *give)
{
    size_t terms = (size_t)node->input_count + (size_t)node->output_count + 1;
    const axm_tensor **inputs = axm_arena_array(&plan->arena, terms, sizeof *inputs);
    axm_shape *outputs = axm_arena_array(&plan->arena, terms, sizeof *outputs);
    axm_layout *want = axm_arena_array(&plan->arena, terms, sizeof *want);
    if (!inputs || !outputs || !want) return axm_no_memory(0, "a plan");
    for (int32_t i = 0; i < node->input_count; ++i) {
        in[i] = -1;
        if (node->inputs[i] < 0) continue;
        if (plan->facts[node->inputs[i]].constant) {
            int32_t status = constant_tensor(plan, node->inputs[i], &in[i]);
            if (status < 0) return status;
        }
    }
    for (int32_t i = 0; i < node->input_count; ++i) { /* tensors may have moved while they were added */
        if (node->inputs[i] < 0) continue;
        inputs[i] = &plan->tensors[in[i] >= 0 ? in[i] : plan->values[node->inputs[i]].primary].tensor;
        want[i] = inputs[i]->layout;
    }
    for (int32_t i = 0; i < node->output_count; ++i)
        if (node->outputs[i] >= 0) outputs[i] = plan->facts[node->outputs[i]].shape;
    axm_layout_choice choice = {node->params, node->input_count, node->output_count, inputs, outputs, want, give};
    (node->op->layout ? node->op->layout : axm_layout_file)(&choice);
    for (int32_t i = 0; i < node->input_count; ++i) {
        if (node->inputs[i] < 0 || in[i] >= 0) continue;
        int32_t status = tensor_in_layout(plan, node->inputs[i], want[i], &in[i]);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

/* ---- Fusion ---- */

/* The one node that reads `value`, when the value is not special; else NULL. */
static const axm_node *only_consumer(const build *b, int32_t value, int32_t *index)
{
    if (value < 0 || b->plan->special[value] || b->consumer_count[value] != 1) return NULL;
    *index = b->consumer[value];
    return b->absorbed[*index] ? NULL : &b->plan->graph->nodes[*index];
}

static int32_t node_tensors(const axm_plan *plan, const axm_node *node, axm_arena *arena, const axm_tensor *const **out)
{
    const axm_tensor **pointers = axm_arena_array(arena, (size_t)node->input_count + 1, sizeof *pointers);
    axm_tensor *tensors = axm_arena_array(arena, (size_t)node->input_count + 1, sizeof *tensors);
    if (!pointers || !tensors) return axm_no_memory(0, "a plan");
    for (int32_t i = 0; i < node->input_count; ++i) {
        if (node->inputs[i] < 0) continue;
        tensors[i].shape = plan->facts[node->inputs[i]].shape;
        tensors[i].constant = plan->facts[node->inputs[i]].constant;
        pointers[i] = &tensors[i];
    }
    *out = pointers;
    return ACTMAX_OK;
}

/* Folds affine nodes after `value` into scale and shift; moves *value on to the last one's output. */
static int32_t fold_affine(build *b, axm_step *step, int32_t *value)
{
    axm_plan *plan = b->plan;
    int32_t index;
    int64_t channels = step->node == plan->slice_node ? plan->slice_full : plan->facts[*value].shape.dim[1];
    if (plan->facts[*value].shape.rank < 2) return ACTMAX_OK;
    for (const axm_node *node; (node = only_consumer(b, *value, &index)) && node->op->as_channel_affine;
         *value = node->outputs[0]) {
        const axm_tensor *const *tensors;
        int32_t status = node_tensors(plan, node, &plan->arena, &tensors);
        float *scale = axm_arena_array(&plan->arena, (size_t)channels * 2, sizeof *scale);
        if (status < 0 || !scale) return axm_no_memory(0, "a plan");
        float *shift = scale + channels;
        if (!node->op->as_channel_affine(node->params, tensors, node->input_count, channels, scale, shift)) break;
        if (step->scale)
            for (int64_t c = 0; c < channels; ++c) {
                shift[c] = (float)((double)scale[c] * (double)step->shift[c] + (double)shift[c]);
                scale[c] = (float)((double)scale[c] * (double)step->scale[c]);
            }
        step->scale = scale;
        step->shift = shift;
        b->absorbed[index] = true;
    }
    return ACTMAX_OK;
}

static int32_t clamp_of(axm_plan *plan, const axm_node *node, bool *is_clamp, axm_clamp *out)
{
    const axm_tensor *const *tensors;
    *is_clamp = false;
    if (!node || !node->op->as_clamp) return ACTMAX_OK;
    int32_t status = node_tensors(plan, node, &plan->arena, &tensors);
    if (status >= 0) *is_clamp = node->op->as_clamp(node->params, tensors, node->input_count, out);
    return status;
}

/* ---- Steps ---- */

static int32_t add_output(axm_plan *plan, int32_t value, axm_layout layout, int32_t *out)
{
    *out = -1;
    if (value < 0 || plan->facts[value].constant) return ACTMAX_OK; /* a constant among other outputs is empty */
    axm_tensor tensor = {.shape = plan->facts[value].shape, .layout = layout};
    int32_t status = axm_plan_add_tensor(plan, &tensor, value, out);
    if (status < 0) return status;
    plan->values[value].primary = *out;
    plan->values[value].tensor[layout] = *out;
    return ACTMAX_OK;
}

static bool is_alias(const axm_plan *plan, const axm_node *node, const axm_plan_step *step)
{
    if (node->op->flags & AXM_OP_ALIAS) return true;
    if (!(node->op->flags & AXM_OP_PERMUTES)) return false;
    int32_t perm[AXM_MAX_RANK] = {0};
    const axm_tensor *from = &plan->tensors[step->in[0]].tensor, *to = &plan->tensors[step->out[0]].tensor;
    node->op->permutation(node->params, from->shape.rank, perm);
    return order_unchanged(from, to, perm);
}

static void name_step(axm_step *step, const axm_node *node, int32_t index, axm_relu_rule rule)
{
    step->op = node->op;
    step->params = node->params;
    step->name = node->name;
    step->node = index;
    step->relu_rule = rule;
}

/* The max pool that reads `value` alone, where the convolution `node` takes it; else NULL. A clamp with a rule of its own for the
 * gradient (relu_rule) stays apart, and so does the pool after it. */
static const axm_node *pool_after(const build *b, const axm_node *node, int32_t value, bool clamps, int32_t *index)
{
    const axm_plan *plan = b->plan;
    if (!node->op->takes_pool || (clamps && plan->request.relu_rule != AXM_RELU_PLAIN)) return NULL;
    const axm_node *pool = only_consumer(b, value, index);
    if (!pool || !pool->op->halves || !pool->op->halves(pool->params, &plan->facts[value].shape)) return NULL;
    const axm_shape *inputs[2] = {&plan->facts[node->inputs[0]].shape, &plan->facts[node->inputs[1]].shape};
    return node->op->takes_pool(node->params, plan->request.kernels, inputs) ? pool : NULL;
}

/* The activation that the step before computes already: forward is done, backward is its own. */
static int32_t add_fused_clamp(build *b, int32_t index, int32_t pre, int32_t post)
{
    const axm_node *node = &b->plan->graph->nodes[index];
    axm_plan_step *step;
    int32_t status = axm_plan_add_step(b->plan, node->input_count, 1, &step);
    if (status < 0) return status;
    name_step(&step->forward, node, index, b->plan->request.relu_rule);
    for (int32_t i = 0; i < node->input_count; ++i) {
        step->in[i] = -1;
        if (node->inputs[i] < 0) continue;
        if (!b->plan->facts[node->inputs[i]].constant)
            step->in[i] = pre;
        else if ((status = constant_tensor(b->plan, node->inputs[i], &step->in[i])) < 0)
            return status;
    }
    step->out[0] = step->back_out[0] = post;
    step->fused = true;
    b->absorbed[index] = true;
    return ACTMAX_OK;
}

/* The addition that is all that reads `value`, which the step gives, when forward can do it: of a tensor of the same shape and
 * layout that exists already. */
static const axm_node *find_addition(build *b, const axm_plan_step *step, const int32_t *in, int32_t value, axm_layout layout,
                                     int32_t *index, int32_t *addend)
{
    axm_plan *plan = b->plan;
    const axm_node *node = only_consumer(b, value, index);
    if (!step->forward.op->takes_addend || !node || !(node->op->flags & AXM_OP_ADDS)) return NULL;
    const int32_t other = node->inputs[node->inputs[0] == value ? 1 : 0];
    const axm_shape *shape = &plan->facts[value].shape;
    if (plan->facts[other].constant || plan->values[other].primary < 0) return NULL;
    *addend = plan->values[other].primary;
    const axm_tensor *tensor = &plan->tensors[*addend].tensor;
    if (tensor->layout != layout || !axm_shape_equal(&tensor->shape, shape) ||
        !axm_shape_equal(&plan->facts[node->outputs[0]].shape, shape))
        return NULL;
    axm_step probe = step->forward;
    axm_tensor **inputs = axm_arena_array(&plan->arena, (size_t)probe.input_count + 1, sizeof *inputs);
    if (!inputs) return NULL; /* the addition is then a step */
    for (int32_t i = 0; i < probe.input_count; ++i)
        inputs[i] = in[i] >= 0 ? &plan->tensors[in[i]].tensor : NULL;
    probe.inputs = inputs;
    return probe.op->takes_addend(&probe, plan->request.kernels) ? node : NULL;
}

/* The addition that the step before computes already: forward is done, backward is its own. */
static int32_t add_fused_addition(build *b, int32_t index, int32_t value, int32_t before, int32_t addend, int32_t pre, int32_t post)
{
    const axm_node *node = &b->plan->graph->nodes[index];
    axm_plan_step *step;
    int32_t status = axm_plan_add_step(b->plan, 2, 1, &step);
    if (status < 0) return status;
    name_step(&step->forward, node, index, b->plan->request.relu_rule);
    for (int32_t i = 0; i < 2; ++i)
        step->in[i] = node->inputs[i] == value ? before : addend;
    step->out[0] = post;
    step->back_out[0] = pre;
    step->fused = true;
    b->absorbed[index] = true;
    return ACTMAX_OK;
}

/* What a node's step computes with it: the nodes that follow, in this order. */
typedef struct fusion {
    int32_t value;                 /* the last node's output but the clamp's */
    int32_t added_to;              /* what the addition adds to */
    int32_t addition, clamp, pool; /* nodes; -1: none */
    int32_t addend;
} fusion;

static int32_t find_fusion(build *b, int32_t index, int32_t at, const int32_t *in, axm_layout layout, fusion *out)
{
    axm_plan *plan = b->plan;
    const axm_node *node = &plan->graph->nodes[index];
    axm_step *step = &plan->steps[at].forward;
    fusion f = {.value = node->outputs[0], .addition = -1, .clamp = -1, .pool = -1};
    int32_t status = ACTMAX_OK, addition, clamp, pool;
    if (node->op->flags & AXM_OP_FOLDS_AFFINE) status = fold_affine(b, step, &f.value);
    if (status < 0) return status;
    f.added_to = f.value;
    if (find_addition(b, &plan->steps[at], in, f.value, layout, &addition, &f.addend)) {
        f.addition = addition;
        f.value = plan->graph->nodes[addition].outputs[0];
    }
    const axm_node *next = (node->op->flags & AXM_OP_FUSES_CLAMP) ? only_consumer(b, f.value, &clamp) : NULL;
    axm_clamp range;
    bool clamps;
    if ((status = clamp_of(plan, next, &clamps, &range)) < 0) return status;
    if (clamps) {
        step->clamp = range;
        f.clamp = clamp;
    }
    const bool may_pool = step->filters == NULL && f.addition < 0;
    const axm_node *halving = may_pool ? pool_after(b, node, clamps ? next->outputs[0] : f.value, clamps, &pool) : NULL;
    if (halving) {
        step->pools = true;
        f.pool = pool;
        f.value = halving->outputs[0];
    }
    *out = f;
    return ACTMAX_OK;
}

/* Outputs of the step, and steps for the backward passes of what it computes with its node. */
static int32_t add_fused(build *b, int32_t at, const axm_layout *give, const fusion *f)
{
    axm_plan *plan = b->plan;
    const axm_node *nodes = plan->graph->nodes, *node = &nodes[plan->steps[at].forward.node];
    const bool clamps = f->clamp >= 0 && f->pool < 0; /* a pool's backward is the clamp's too */
    int32_t status, before = -1, pre, post;
    for (int32_t i = 1; i < node->output_count; ++i) {
        if ((status = add_output(plan, node->outputs[i], give[i], &plan->steps[at].out[i])) < 0) return status;
        plan->steps[at].back_out[i] = plan->steps[at].out[i];
    }
    if (f->pool >= 0) b->absorbed[f->pool] = true;
    if (f->pool >= 0 && f->clamp >= 0) b->absorbed[f->clamp] = true;
    if (f->addition >= 0 && (status = add_output(plan, f->added_to, give[0], &before)) < 0) return status;
    if ((status = add_output(plan, f->value, give[0], &pre)) < 0) return status;
    post = pre;
    if (clamps && (status = add_output(plan, nodes[f->clamp].outputs[0], give[0], &post)) < 0) return status;
    plan->steps[at].out[0] = post;
    plan->steps[at].back_out[0] = f->addition >= 0 ? before : pre;
    plan->steps[at].alias = is_alias(plan, node, &plan->steps[at]);
    if (f->addition >= 0) {
        plan->steps[at].addend = f->addend;
        if ((status = add_fused_addition(b, f->addition, f->added_to, before, f->addend, pre, post)) < 0) return status;
    }
    return clamps ? add_fused_clamp(b, f->clamp, pre, post) : ACTMAX_OK;
}

static int32_t add_node(build *b, int32_t index)
{
    axm_plan *plan = b->plan;
    const axm_node *node = &plan->graph->nodes[index];
    int32_t *in = axm_arena_array(&plan->arena, (size_t)node->input_count + 1, sizeof *in);
    axm_layout *give = axm_arena_array(&plan->arena, (size_t)node->output_count + 1, sizeof *give);
    if (!in || !give) return axm_no_memory(0, "a plan");
    int32_t status = choose_layouts(plan, node, in, give);
    if (status < 0) return status;

    axm_plan_step *step;
    fusion f;
    if ((status = axm_plan_add_step(plan, node->input_count, node->output_count, &step)) < 0) return status;
    const int32_t at = plan->step_count - 1;
    name_step(&step->forward, node, index, plan->request.relu_rule);
    if (node->input_count) memcpy(step->in, in, (size_t)node->input_count * sizeof *in);
    if (plan->sliced && index == plan->slice_node) {
        step->forward.filters = plan->request.slice_channels;
        step->forward.filter_count = plan->request.slice_count;
    }
    status = find_fusion(b, index, at, in, give[0], &f);
    return status < 0 ? status : add_fused(b, at, give, &f);
}

static bool depends_on_image(const axm_plan *plan, const axm_node *node)
{
    bool constant = false;
    for (int32_t i = 0; i < node->output_count; ++i) {
        if (node->outputs[i] >= 0 && !plan->facts[node->outputs[i]].constant) return true;
        constant = constant || node->outputs[i] >= 0;
    }
    return !constant;
}

static int32_t add_image(axm_plan *plan)
{
    const axm_graph *graph = plan->graph;
    int32_t image = plan->request.image, tensor;
    bool last = plan->request.image_shape.rank == 4 && !graph->values[image].channels_last;
    return add_output(plan, image, last ? AXM_LAYOUT_CHANNELS_LAST : AXM_LAYOUT_FILE, &tensor);
}

int32_t axm_plan_build_steps(axm_plan *plan)
{
    const axm_graph *graph = plan->graph;
    build b = {.plan = plan};
    b.consumer_count = axm_arena_array(&plan->arena, (size_t)graph->value_count, sizeof *b.consumer_count);
    b.consumer = axm_arena_array(&plan->arena, (size_t)graph->value_count, sizeof *b.consumer);
    b.absorbed = axm_arena_array(&plan->arena, (size_t)graph->node_count, sizeof *b.absorbed);
    if (!b.consumer_count || !b.consumer || !b.absorbed) return axm_no_memory(0, "a plan");
    for (int32_t n = 0; n < graph->node_count; ++n) {
        const axm_node *node = &graph->nodes[n];
        if (!plan->needed[n] || !depends_on_image(plan, node)) {
            b.absorbed[n] = true;
            continue;
        }
        for (int32_t i = 0; i < node->input_count; ++i) {
            if (node->inputs[i] < 0) continue;
            b.consumer_count[node->inputs[i]]++;
            b.consumer[node->inputs[i]] = n;
        }
    }
    int32_t status = add_image(plan);
    for (int32_t n = 0; n < graph->node_count && status >= 0; ++n) {
        if (b.absorbed[n]) continue;
        status = add_node(&b, n);
        if (status < 0) status = axm_fail_within(status, "node '%.80s' (%s)", graph->nodes[n].name, graph->nodes[n].type);
    }
    return status;
}
