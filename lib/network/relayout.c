/* The step that a plan puts between two operators that want a tensor in different physical orders. */
#include "network/plan_internal.h"

/* perm and dims for taking a tensor of this shape from one layout to the other (rank 3 to 5). */
static void permutation_to(const axm_tensor *from, axm_layout to, int32_t perm[AXM_MAX_RANK])
{
    axm_tensor target = *from;
    target.layout = to;
    for (int32_t axis = 0; axis < from->shape.rank; ++axis)
        perm[axm_physical_axis(&target, axis)] = axm_physical_axis(from, axis);
}

static void move(const axm_exec *exec, const axm_tensor *from, axm_layout to, const float *x, bool accumulate, float *y)
{
    int32_t perm[AXM_MAX_RANK] = {0};
    int64_t dims[AXM_MAX_RANK];
    axm_physical_dims(from, dims);
    permutation_to(from, to, perm);
    axm_transpose(exec, from->shape.rank, dims, perm, x, accumulate, y);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    move(exec, step->inputs[0], step->outputs[0]->layout, step->inputs[0]->data, false, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    (void)input;
    move(exec, step->outputs[0], step->inputs[0]->layout, step->outputs[0]->grad, accumulate, step->inputs[0]->grad);
}

const axm_op axm_op_relayout = {
    .name = "Relayout", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .forward = forward, .backward = backward};

void axm_tensor_to_file_order(const axm_tensor *tensor, const float *physical, float *out)
{
    axm_exec exec = {0};
    move(&exec, tensor, AXM_LAYOUT_FILE, physical, false, out);
}

void axm_tensor_from_file_order(const axm_tensor *tensor, const float *in, float *physical)
{
    axm_exec exec = {0};
    axm_tensor file = *tensor;
    file.layout = AXM_LAYOUT_FILE;
    move(&exec, &file, tensor->layout, in, false, physical);
}
