/* Evaluation of a node whose inputs are all constants, through its operator's own forward function. */
#include "network/evaluate.h"

#include <math.h>

#include "base/checked.h"
#include "base/status.h"
#include "network/plan_internal.h"

typedef struct evaluation {
    axm_plan plan; /* only what prepare needs: arena and scratch */
    axm_step step;
    axm_tensor *tensors;
    axm_tensor **inputs, **outputs;
    char *scratch;
} evaluation;

static int32_t bind_inputs(evaluation *e, const axm_node *node, axm_arena *arena, const axm_constant *const *inputs)
{
    for (int32_t i = 0; i < node->input_count; ++i) {
        if (!inputs[i]) continue;
        axm_tensor *tensor = &e->tensors[i];
        tensor->shape = inputs[i]->shape;
        e->inputs[i] = tensor;
        if (i > 0) { /* operators read everything but their first input as a constant */
            tensor->constant = inputs[i];
            continue;
        }
        if (!axm_dtype_is_float(inputs[i]->dtype))
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "%s of a constant %s is not supported", node->type,
                            axm_dtype_name(inputs[i]->dtype));
        tensor->data = axm_arena_array(arena, (size_t)axm_shape_count(&tensor->shape) + 1, sizeof(float));
        if (!tensor->data) return axm_no_memory(0, "a folded weight");
        axm_constant_to_float(inputs[i], tensor->data);
    }
    return ACTMAX_OK;
}

static int32_t bind_outputs(evaluation *e, const axm_node *node, axm_arena *arena, const axm_shape *shapes, axm_constant *outputs)
{
    for (int32_t i = 0; i < node->output_count; ++i) {
        axm_tensor *tensor = &e->tensors[node->input_count + i];
        size_t count = (size_t)axm_shape_count(&shapes[i]);
        tensor->shape = shapes[i];
        tensor->data = axm_arena_array(arena, count + 1, sizeof(float));
        if (!tensor->data) return axm_no_memory(0, "a folded weight");
        e->outputs[i] = tensor;
        outputs[i] = (axm_constant){AXM_FLOAT32, shapes[i], tensor->data, count * sizeof(float)};
    }
    return ACTMAX_OK;
}

static int32_t spend(const axm_step *step, int64_t *multiplications)
{
    int64_t needed = step->op->multiplications ? step->op->multiplications(step) : 0;
    if (needed > *multiplications)
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "the weights would take too much work to compute; save the model with folded constants");
    *multiplications -= needed;
    return ACTMAX_OK;
}

int32_t axm_evaluate_node(const axm_node *node, const axm_kernels *kernels, axm_arena *arena, const axm_constant *const *inputs,
                          const axm_shape *output_shapes, int64_t *multiplications, axm_constant *outputs)
{
    evaluation e = {0};
    size_t terms = (size_t)node->input_count + (size_t)node->output_count;
    axm_arena_init(&e.plan.arena, arena->allocator);
    e.tensors = axm_arena_array(&e.plan.arena, terms + 1, sizeof *e.tensors);
    e.inputs = axm_arena_array(&e.plan.arena, terms + 2, sizeof *e.inputs);
    int32_t status = e.tensors && e.inputs ? ACTMAX_OK : axm_no_memory(0, "a folded weight");
    if (status < 0) goto done;
    e.outputs = e.inputs + node->input_count;
    if ((status = bind_inputs(&e, node, &e.plan.arena, inputs)) < 0) goto done;
    if ((status = bind_outputs(&e, node, arena, output_shapes, outputs)) < 0) goto done;

    e.step = (axm_step){.op = node->op,
                        .params = node->params,
                        .name = node->name,
                        .input_count = node->input_count,
                        .output_count = node->output_count,
                        .inputs = e.inputs,
                        .outputs = e.outputs,
                        .clamp = {-INFINITY, INFINITY}};
    axm_prepare prepare = {&e.plan, &e.step, kernels, false, 1};
    if (node->op->prepare && (status = node->op->prepare(&prepare)) < 0) goto done;
    if ((status = spend(&e.step, multiplications)) < 0) goto done;
    size_t own = (e.plan.scratch_bytes + AXM_ALIGNMENT - 1) & ~(size_t)(AXM_ALIGNMENT - 1), scratch;
    if (!axm_add_size(own, e.plan.shared_scratch_bytes, &scratch) || !(e.scratch = axm_alloc(arena->allocator, scratch))) {
        status = ACTMAX_ERROR_NO_MEMORY;
        goto done;
    }
    axm_exec exec = {.kernels = kernels, .scratch = e.scratch, .scratch_bytes = own, .shared = e.scratch + own};
    if (node->op->flags & AXM_OP_ALIAS) { /* the same elements under another shape */
        for (int64_t i = 0; i < axm_shape_count(&output_shapes[0]); ++i)
            e.outputs[0]->data[i] = e.inputs[0]->data[i];
    } else {
        node->op->forward(&e.step, &exec);
    }
done:
    axm_free(arena->allocator, e.scratch);
    axm_arena_free(&e.plan.arena);
    return status;
}
