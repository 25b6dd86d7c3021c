/* Fourth stage of a plan: operators choose algorithms, get their weights and say what memory they need. */
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "network/plan_internal.h"

void *axm_prepare_memory(axm_prepare *prepare, size_t bytes)
{
    void *memory = axm_arena_array(&prepare->plan->arena, bytes ? bytes : 1, 1);
    if (!memory) axm_no_memory(bytes, "a plan");
    return memory;
}

static void fill_floats(void *context, void *data)
{
    axm_constant_to_float(context, data);
}

int32_t axm_prepare_floats(axm_prepare *prepare, const axm_constant *constant, const float **out)
{
    const float *direct = axm_constant_floats(constant);
    axm_weights *weights = prepare->plan->request.weights;
    size_t bytes = (size_t)axm_shape_count(&constant->shape) * sizeof(float);
    if (!axm_dtype_is_float(constant->dtype))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "a weight of type %s is not supported; weights are floating point",
                        axm_dtype_name(constant->dtype));
    if (direct) {
        *out = direct;
        return ACTMAX_OK;
    }
    if (weights) {
        const void *data;
        axm_constant copy = *constant;
        int32_t status = axm_weights_get(weights, constant->data, NULL, -1, bytes, fill_floats, &copy, &data);
        if (status >= 0) *out = data;
        return status;
    }
    float *data = axm_prepare_memory(prepare, bytes);
    if (!data) return ACTMAX_ERROR_NO_MEMORY;
    axm_constant_to_float(constant, data);
    *out = data;
    return ACTMAX_OK;
}

/* How much of weights the step reads, for the choice of steps that several images share. */
static void note_weights(axm_prepare *prepare, size_t bytes)
{
    axm_plan *plan = prepare->plan;
    if (plan->steps && bytes > plan->steps[plan->current_step].weight_bytes) plan->steps[plan->current_step].weight_bytes = bytes;
}

int32_t axm_prepare_dense_floats(axm_prepare *prepare, const axm_constant *constant, int64_t rows, const float **out)
{
    note_weights(prepare, (size_t)axm_shape_count(&constant->shape) * sizeof(float));
    if (constant->dtype != AXM_FLOAT32 || !axm_dense_reads_unaligned(prepare->kernels, rows))
        return axm_prepare_floats(prepare, constant, out);
    *out = constant->data;
    return ACTMAX_OK;
}

typedef struct packing {
    axm_make_packed make;
    const axm_step *step;
    const axm_kernels *kernels;
    int32_t kind;
} packing;

static void fill_packed(void *context, void *data)
{
    const packing *p = context;
    p->make(p->step, p->kernels, p->kind, data);
}

int32_t axm_prepare_packed(axm_prepare *prepare, int32_t kind, size_t bytes, axm_make_packed make, const void **out)
{
    axm_weights *weights = prepare->plan->request.weights;
    packing p = {make, prepare->step, prepare->kernels, kind};
    note_weights(prepare, bytes);
    if (weights && !prepare->step->filters && !prepare->step->scale)
        return axm_weights_get(weights, prepare->step->params, prepare->kernels, kind, bytes, fill_packed, &p, out);
    if (weights && prepare->step->scale && !prepare->step->filters) {
        /* Folded scales come from the same constants each time, so plans that fold alike share one copy. The scale is
         * part of the key through its contents. */
        uint64_t hash = 1469598103934665603u;
        const axm_shape *shape = &prepare->step->outputs[0]->shape;
        const unsigned char *raw = (const unsigned char *)prepare->step->scale;
        for (size_t i = 0; i < (size_t)shape->dim[1] * sizeof(float); ++i)
            hash = (hash ^ raw[i]) * 1099511628211u;
        int32_t scaled_kind = kind ^ (int32_t)((uint32_t)(hash >> 33) & 0x3ffffffeu);
        return axm_weights_get(weights, prepare->step->params, prepare->kernels, scaled_kind, bytes, fill_packed, &p, out);
    }
    void *memory = axm_arena_alloc(&prepare->plan->arena, bytes + AXM_ALIGNMENT);
    if (!memory) return axm_no_memory(bytes, "packed weights");
    uintptr_t aligned = ((uintptr_t)memory + AXM_ALIGNMENT - 1) & ~(uintptr_t)(AXM_ALIGNMENT - 1);
    fill_packed(&p, (void *)aligned);
    *out = (const void *)aligned;
    return ACTMAX_OK;
}

void axm_prepare_forget(axm_prepare *prepare, const axm_constant *constant)
{
    const axm_weights *weights = prepare->plan->request.weights;
    if (weights == NULL || weights->file == NULL) return;
    axm_file_forget(weights->file, constant->data, constant->bytes);
}

void axm_prepare_scratch(axm_prepare *prepare, size_t bytes)
{
    if (bytes > prepare->plan->scratch_bytes) prepare->plan->scratch_bytes = bytes;
}

void axm_prepare_shared_scratch(axm_prepare *prepare, size_t bytes)
{
    if (bytes > prepare->plan->shared_scratch_bytes) prepare->plan->shared_scratch_bytes = bytes;
}

void axm_prepare_saved(axm_prepare *prepare, size_t bytes)
{
    axm_plan *plan = prepare->plan;
    if (prepare->gradient && plan->steps) plan->steps[plan->current_step].saved_bytes = bytes;
}

int32_t axm_plan_link(axm_plan *plan, int32_t s, int32_t image)
{
    const axm_plan_step *step = &plan->steps[s];
    size_t inputs = (size_t)step->forward.input_count, outputs = (size_t)step->forward.output_count;
    axm_tensor **pointers = axm_arena_array(&plan->arena, inputs + 2 * outputs + 1, sizeof *pointers);
    if (!pointers) return axm_no_memory(0, "a plan");
    for (size_t i = 0; i < inputs; ++i)
        if (step->in[i] >= 0) pointers[i] = axm_plan_tensor_of(plan, step->in[i], image);
    for (size_t i = 0; i < outputs; ++i) {
        if (step->out[i] >= 0) pointers[inputs + i] = axm_plan_tensor_of(plan, step->out[i], image);
        if (step->back_out[i] >= 0) pointers[inputs + outputs + i] = axm_plan_tensor_of(plan, step->back_out[i], image);
    }
    axm_step *forward = axm_plan_step_of(plan, s, image, false), *backward = axm_plan_step_of(plan, s, image, true);
    forward->inputs = pointers;
    forward->outputs = pointers + inputs;
    forward->addend = step->addend >= 0 ? axm_plan_tensor_of(plan, step->addend, image) : NULL;
    *backward = *forward;
    backward->outputs = pointers + inputs + outputs;
    return ACTMAX_OK;
}

int32_t axm_plan_prepare_steps(axm_plan *plan)
{
    for (int32_t s = 0; s < plan->step_count; ++s) {
        axm_plan_step *step = &plan->steps[s];
        int32_t status = axm_plan_link(plan, s, 0);
        if (status < 0) return status;
        if (step->alias || !step->forward.op->prepare) continue;
        plan->current_step = s;
        axm_prepare prepare = {plan, &step->forward, plan->request.kernels, step->runs_backward, plan->images};
        status = step->forward.op->prepare(&prepare);
        if (status < 0) return axm_fail_within(status, "node '%.80s' (%s)", step->forward.name, step->forward.op->name);
        step->backward.state = step->forward.state;
        step->takes_images = step->forward.op->takes_images && step->forward.op->takes_images(&step->forward);
    }
    return ACTMAX_OK;
}
