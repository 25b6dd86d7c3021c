/* ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum, ReduceLogSumExp: over some axes (none named:
 * over all), in either layout. */
#include "ops/reduce.h"

typedef struct more_state {
    int64_t dims[AXM_MAX_RANK]; /* of X, physical */
    bool gone[AXM_MAX_RANK];
} more_state;

/* A tie goes to the first in the file's order: where channels go together with axes after them, that is not the order of memory. */
static void layout_extreme(axm_layout_choice *choice)
{
    bool gone[AXM_MAX_RANK] = {false}, later = false;
    axm_reduce_layout(choice);
    if (axm_reduce_axes(choice->params, choice->inputs, choice->input_count, gone) < 0) return;
    for (int32_t i = 2; i < choice->inputs[0]->shape.rank; ++i)
        later = later || gone[i];
    if (later && gone[1]) axm_layout_file(choice);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const axm_tensor *inputs[2] = {step->inputs[0], step->input_count > 1 ? step->inputs[1] : NULL};
    bool gone[AXM_MAX_RANK];
    more_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int32_t status = axm_reduce_axes(step->params, inputs, step->input_count, gone);
    if (status < 0) return status;
    axm_physical_dims(inputs[0], s->dims);
    for (int32_t i = 0; i < inputs[0]->shape.rank; ++i)
        s->gone[axm_physical_axis(inputs[0], i)] = gone[i];
    return ACTMAX_OK;
}

static void run_forward(const axm_step *step, const axm_exec *exec, axm_reduction kind)
{
    const more_state *s = step->state;
    axm_reduce_forward(exec, kind, step->inputs[0]->shape.rank, s->dims, s->gone, step->inputs[0]->data, step->outputs[0]->data);
}

static void run_backward(const axm_step *step, const axm_exec *exec, axm_reduction kind, bool accumulate)
{
    const more_state *s = step->state;
    const axm_tensor *x = step->inputs[0], *y = step->outputs[0];
    axm_reduce_backward(exec, kind, x->shape.rank, s->dims, s->gone, x->data, y->data, y->grad, accumulate, x->grad);
}

#define REDUCE(Name, kind, layout_function, fold_function)                                                                         \
    static int32_t parse_##Name(const axm_attributes *attributes, axm_arena *arena, void *params)                                  \
    {                                                                                                                              \
        (void)arena;                                                                                                               \
        return axm_reduce_parse(attributes, #Name, params);                                                                        \
    }                                                                                                                              \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        run_forward(step, exec, kind);                                                                                             \
    }                                                                                                                              \
    static void backward_##Name(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)                        \
    {                                                                                                                              \
        (void)input;                                                                                                               \
        run_backward(step, exec, kind, accumulate);                                                                                \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = 2,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_READS_INPUTS | AXM_OP_READS_OUTPUT,                                              \
                                  .params_size = sizeof(axm_reduce_params),                                                        \
                                  .parse = parse_##Name,                                                                           \
                                  .infer = axm_reduce_infer,                                                                       \
                                  .layout = layout_function,                                                                       \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward_##Name,                                                                     \
                                  .fold = fold_function};

REDUCE(ReduceMax, AXM_REDUCE_MAX, layout_extreme, axm_reduce_fold_max)
REDUCE(ReduceMin, AXM_REDUCE_MIN, layout_extreme, axm_reduce_fold_min)
REDUCE(ReduceProd, AXM_REDUCE_PROD, axm_reduce_layout, axm_reduce_fold_product)
REDUCE(ReduceL1, AXM_REDUCE_L1, axm_reduce_layout, axm_reduce_fold_no_sum)
REDUCE(ReduceL2, AXM_REDUCE_L2, axm_reduce_layout, axm_reduce_fold_no_sum)
REDUCE(ReduceSumSquare, AXM_REDUCE_SUM_SQUARE, axm_reduce_layout, axm_reduce_fold_no_sum)
REDUCE(ReduceLogSum, AXM_REDUCE_LOG_SUM, axm_reduce_layout, axm_reduce_fold_no_log)
REDUCE(ReduceLogSumExp, AXM_REDUCE_LOG_SUM_EXP, axm_reduce_layout, axm_reduce_fold_no_log)
