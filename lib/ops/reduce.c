/* What all reductions share, and ReduceMean and ReduceSum: over some axes (none named: over all), in either layout. Axes that lie
 * together in memory are summed together; several such groups one after the other, through scratch memory. */
#include "ops/reduce.h"

#include "base/checked.h"

int32_t axm_reduce_parse(const axm_attributes *attributes, const char *op, axm_reduce_params *p)
{
    int64_t keep, nothing;
    p->op = op;
    int32_t status = axm_op_list_attribute(attributes, "axes", &p->axes);
    if (status >= 0) status = axm_attribute_int(attributes, "keepdims", 1, &keep);
    if (status >= 0) status = axm_attribute_int(attributes, "noop_with_empty_axes", 0, &nothing);
    if (status < 0) return status;
    p->keep = keep != 0;
    p->nothing_when_empty = nothing != 0;
    return ACTMAX_OK;
}

/* The logical axes that go. */
int32_t axm_reduce_axes(const axm_reduce_params *p, const axm_tensor *const *inputs, int32_t count, bool gone[AXM_MAX_RANK])
{
    axm_int_list axes;
    int32_t rank = inputs[0]->shape.rank;
    int32_t status = axm_op_list(p->op, "axes", axm_op_input(inputs, count, 1), &p->axes, &axes);
    if (status >= 0) status = axm_op_axes(p->op, &axes, rank, gone);
    if (status < 0) return status;
    bool all = axes.count == 0 && !p->nothing_when_empty;
    for (int32_t i = 0; all && i < rank; ++i)
        gone[i] = true;
    return ACTMAX_OK;
}

axm_shape axm_reduce_shape(const axm_reduce_params *p, const axm_shape *x, const bool gone[AXM_MAX_RANK])
{
    axm_shape y = {.rank = 0};
    for (int32_t i = 0; i < x->rank; ++i) {
        if (!gone[i])
            y.dim[y.rank++] = x->dim[i];
        else if (p->keep)
            y.dim[y.rank++] = 1;
    }
    return y;
}

int32_t axm_reduce_infer(const axm_infer *infer)
{
    const axm_reduce_params *p = infer->params;
    bool gone[AXM_MAX_RANK];
    int32_t status = axm_reduce_axes(p, infer->inputs, infer->input_count, gone);
    if (status < 0) return status;
    axm_shape y = axm_reduce_shape(p, &infer->inputs[0]->shape, gone);
    return axm_op_output(infer, p->op, 0, &y);
}

/* The input stays as it lies where what is left of its physical order is one of the two that a tensor may have. */
void axm_reduce_layout(axm_layout_choice *choice)
{
    const axm_reduce_params *p = choice->params;
    bool gone[AXM_MAX_RANK] = {false};
    axm_layout_file(choice);
    if (choice->inputs[0]->layout == AXM_LAYOUT_FILE) return;
    if (axm_reduce_axes(p, choice->inputs, choice->input_count, gone) < 0 || (gone[0] && !p->keep)) return;
    choice->want[0] = AXM_LAYOUT_CHANNELS_LAST;
    if (choice->outputs[0].rank >= 3 && (p->keep || !gone[1])) choice->give[0] = AXM_LAYOUT_CHANNELS_LAST;
}

/* ---- Groups of axes that lie together ---- */

typedef struct reduce_state {
    int32_t count;
    axm_split_dims groups[AXM_MAX_RANK]; /* from the last in memory to the first; axes of earlier ones count as gone */
    size_t between;                      /* elements of the largest result in between */
    float factor;
} reduce_state;

static void find_groups(const axm_tensor *x, const bool gone[AXM_MAX_RANK], reduce_state *s)
{
    bool physical[AXM_MAX_RANK] = {false};
    int64_t dims[AXM_MAX_RANK], inner = 1, total = 1, count = axm_shape_count(&x->shape);
    axm_physical_dims(x, dims);
    for (int32_t i = 0; i < x->shape.rank; ++i)
        physical[axm_physical_axis(x, i)] = gone[i];
    for (int32_t i = x->shape.rank - 1; i >= 0; --i) {
        if (!physical[i]) {
            inner *= dims[i];
            continue;
        }
        int64_t axis = dims[i];
        while (i > 0 && physical[i - 1])
            axis *= dims[--i];
        total *= axis;
        count /= axis; /* elements of this group's result */
        s->groups[s->count++] = (axm_split_dims){count / inner, axis, inner};
        if (s->count == 1) s->between = (size_t)count;
    }
    s->factor = 1.0f / (float)total;
}

static int32_t prepare_sum(axm_prepare *prepare, bool mean)
{
    axm_step *step = prepare->step;
    bool gone[AXM_MAX_RANK];
    const axm_tensor *inputs[2] = {step->inputs[0], step->input_count > 1 ? step->inputs[1] : NULL};
    reduce_state *s = axm_prepare_memory(prepare, sizeof *s);
    size_t bytes;
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int32_t status = axm_reduce_axes(step->params, inputs, step->input_count, gone);
    if (status < 0) return status;
    find_groups(inputs[0], gone, s);
    if (!mean) s->factor = 1.0f;
    if (s->count < 2) return ACTMAX_OK;
    if (!axm_mul_size(s->between, 2 * sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "a mean");
    axm_prepare_scratch(prepare, bytes);
    return ACTMAX_OK;
}

/* Where a result in between lies. */
static float *between(const reduce_state *s, const axm_exec *exec, int32_t index)
{
    return (float *)(void *)exec->scratch + (index % 2 ? s->between : 0);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const reduce_state *s = step->state;
    const float *from = step->inputs[0]->data;
    if (s->count == 0) axm_op_copy(exec, axm_op_output_count(step), from, false, step->outputs[0]->data);
    for (int32_t g = 0; g < s->count; ++g) {
        const axm_split_dims *d = &s->groups[g];
        bool last = g == s->count - 1;
        float *to = last ? step->outputs[0]->data : between(s, exec, g);
        axm_sum_axis_forward(exec, d->outer, d->axis, d->inner, last ? s->factor : 1.0f, from, to);
        from = to;
    }
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const reduce_state *s = step->state;
    const float *from = step->outputs[0]->grad;
    (void)input;
    if (s->count == 0) axm_op_copy(exec, axm_op_output_count(step), from, accumulate, step->inputs[0]->grad);
    for (int32_t g = s->count - 1; g >= 0; --g) {
        const axm_split_dims *d = &s->groups[g];
        float *to = g == 0 ? step->inputs[0]->grad : between(s, exec, g);
        axm_sum_axis_backward(exec, d->outer, d->axis, d->inner, g == 0 ? s->factor : 1.0f, from, g == 0 && accumulate, to);
        from = to;
    }
}

static bool as_spatial_mean(const void *params, const axm_tensor *const *inputs, int32_t count, int32_t *axis)
{
    bool gone[AXM_MAX_RANK] = {false};
    int32_t kept = 0;
    if (axm_reduce_axes(params, inputs, count, gone) < 0 || gone[0]) return false;
    for (int32_t i = 1; i < inputs[0]->shape.rank; ++i) {
        if (gone[i]) continue;
        *axis = i;
        ++kept;
    }
    return kept == 1 && inputs[0]->shape.rank > 2;
}

#define SUM(Name, mean, mean_hook, fold_function)                                                                                  \
    static int32_t parse_##Name(const axm_attributes *attributes, axm_arena *arena, void *params)                                  \
    {                                                                                                                              \
        (void)arena;                                                                                                               \
        return axm_reduce_parse(attributes, #Name, params);                                                                        \
    }                                                                                                                              \
    static int32_t prepare_##Name(axm_prepare *prepare)                                                                            \
    {                                                                                                                              \
        return prepare_sum(prepare, mean);                                                                                         \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = 2,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .params_size = sizeof(axm_reduce_params),                                                        \
                                  .parse = parse_##Name,                                                                           \
                                  .infer = axm_reduce_infer,                                                                       \
                                  .layout = axm_reduce_layout,                                                                     \
                                  .prepare = prepare_##Name,                                                                       \
                                  .forward = forward,                                                                              \
                                  .backward = backward,                                                                            \
                                  .as_spatial_mean = mean_hook,                                                                    \
                                  .fold = fold_function};

SUM(ReduceMean, true, as_spatial_mean, NULL)
SUM(ReduceSum, false, NULL, axm_reduce_fold_sum)
