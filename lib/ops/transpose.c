/* Transpose: output axis i is input axis perm[i] (absent: axes reversed). The physical orders are chosen so that a change between
 * channels first and last, which exporters write, moves nothing. */
#include "ops/fold.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    axm_int_list *perm = params;
    bool marked[AXM_MAX_RANK];
    (void)arena;
    int32_t status = axm_op_list_attribute(attributes, "perm", perm);
    if (status < 0 || !perm->given) return status;
    if (perm->count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Transpose of %d axes; actmax takes up to %d", (int)perm->count, AXM_MAX_RANK);
    if ((status = axm_op_axes("Transpose", perm, perm->count, marked)) < 0) return status;
    for (int32_t i = 0; i < perm->count; ++i)
        if (perm->value[i] < 0) perm->value[i] += perm->count;
    return ACTMAX_OK;
}

/* A perm for another number of axes (which infer refuses) leaves them in place. */
static void permutation(const void *params, int32_t rank, int32_t out[AXM_MAX_RANK])
{
    const axm_int_list *perm = params;
    for (int32_t i = 0; i < rank; ++i)
        out[i] = !perm->given ? rank - 1 - i : perm->count == rank ? (int32_t)perm->value[i] : i;
}

static int32_t find_shape(const axm_int_list *perm, const axm_shape *x, axm_shape *out)
{
    int32_t order[AXM_MAX_RANK];
    char text[AXM_SHAPE_TEXT], list[AXM_SHAPE_TEXT];
    AXM_OP_CHECK(!perm->given || perm->count == x->rank, "Transpose has perm %s, but its input has shape %s",
                 axm_op_list_text(perm, list), axm_shape_text(x, text));
    permutation(perm, x->rank, order);
    *out = (axm_shape){.rank = x->rank};
    for (int32_t i = 0; i < x->rank; ++i)
        out->dim[i] = x->dim[order[i]];
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    axm_shape y;
    int32_t status = find_shape(infer->params, &infer->inputs[0]->shape, &y);
    return status < 0 ? status : axm_op_output(infer, "Transpose", 0, &y);
}

/* Physical axis i of the output is physical axis out[i] of the input. */
static void physical_permutation(const void *params, const axm_tensor *x, const axm_tensor *y, int32_t out[AXM_MAX_RANK])
{
    int32_t order[AXM_MAX_RANK];
    permutation(params, x->shape.rank, order);
    for (int32_t axis = 0; axis < x->shape.rank; ++axis)
        out[axm_physical_axis(y, axis)] = axm_physical_axis(x, order[axis]);
}

/* Whether nothing moves; `loosely`: axes of size 1 apart. */
static bool stays(const void *params, const axm_tensor *x, const axm_tensor *y, bool loosely)
{
    int32_t order[AXM_MAX_RANK] = {0}, last = -1;
    int64_t dims[AXM_MAX_RANK];
    axm_physical_dims(y, dims);
    physical_permutation(params, x, y, order);
    for (int32_t i = 0; i < y->shape.rank; ++i) {
        if (loosely && dims[i] == 1) continue;
        if (order[i] < last) return false;
        last = order[i];
    }
    return true;
}

/* What lies as before at any size comes first: of [1, 1, 1, C] both orders would do, but the tensors that it meets are larger. */
static void layout(axm_layout_choice *choice)
{
    axm_tensor x = *choice->inputs[0], last = {.shape = choice->outputs[0], .layout = AXM_LAYOUT_CHANNELS_LAST}, file = last;
    file.layout = AXM_LAYOUT_FILE;
    choice->want[0] = x.layout;
    bool may_be_last = last.shape.rank >= 3 && last.shape.rank <= 5;
    bool is_last = may_be_last && (stays(choice->params, &x, &last, false) ||
                                   (!stays(choice->params, &x, &file, false) && stays(choice->params, &x, &last, true)));
    choice->give[0] = is_last ? AXM_LAYOUT_CHANNELS_LAST : AXM_LAYOUT_FILE;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const axm_tensor *x = step->inputs[0], *y = step->outputs[0];
    int32_t order[AXM_MAX_RANK] = {0};
    int64_t dims[AXM_MAX_RANK] = {0};
    axm_physical_dims(x, dims);
    physical_permutation(step->params, x, y, order);
    axm_transpose(exec, x->shape.rank, dims, order, x->data, false, y->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_tensor *x = step->inputs[0], *y = step->outputs[0];
    int32_t order[AXM_MAX_RANK] = {0}, inverse[AXM_MAX_RANK] = {0};
    int64_t dims[AXM_MAX_RANK] = {0};
    (void)input;
    axm_physical_dims(y, dims);
    physical_permutation(step->params, x, y, order);
    for (int32_t i = 0; i < x->shape.rank; ++i)
        inverse[order[i]] = i;
    axm_transpose(exec, x->shape.rank, dims, inverse, y->grad, accumulate, x->grad);
}

static int32_t fold(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    axm_shape y;
    int32_t order[AXM_MAX_RANK];
    int64_t stride[AXM_MAX_RANK], step = 1;
    if (axm_fold_is_float(x)) return AXM_FOLD_BY_FORWARD;
    int32_t status = find_shape(fold->params, &x->shape, &y);
    if (status >= 0) status = axm_fold_output(fold, "Transpose", 0, x->dtype, &y);
    if (status < 0) return status;
    permutation(fold->params, y.rank, order);
    for (int32_t i = x->shape.rank - 1; i >= 0; --i) {
        stride[i] = step;
        step *= x->shape.dim[i];
    }
    int64_t count = axm_shape_count(&y);
    for (int64_t i = 0; i < count; ++i) {
        int64_t rest = i, from = 0;
        for (int32_t axis = y.rank - 1; axis >= 0; --axis) {
            from += rest % y.dim[axis] * stride[order[axis]];
            rest /= y.dim[axis];
        }
        axm_fold_move(x, from, &fold->outputs[0], i);
    }
    return ACTMAX_OK;
}

const axm_op axm_op_Transpose = {.name = "Transpose",
                                 .min_inputs = 1,
                                 .max_inputs = 1,
                                 .outputs = 1,
                                 .flags = AXM_OP_PERMUTES,
                                 .params_size = sizeof(axm_int_list),
                                 .parse = parse,
                                 .infer = infer,
                                 .layout = layout,
                                 .forward = forward,
                                 .backward = backward,
                                 .fold = fold,
                                 .permutation = permutation};
