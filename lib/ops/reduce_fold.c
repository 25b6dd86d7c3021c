/* Sum, product, maximum and minimum of constants; and what the other reductions give of nothing at all. */
#include <math.h>

#include "ops/reduce.h"

/* The output's element that the input's element `flat` belongs to. */
static int64_t target_of(const axm_shape *x, const bool gone[AXM_MAX_RANK], int64_t flat)
{
    int64_t element = 0, stride = 1;
    for (int32_t axis = x->rank - 1; axis >= 0; --axis) {
        if (!gone[axis]) {
            element += flat % x->dim[axis] * stride;
            stride *= x->dim[axis];
        }
        flat /= x->dim[axis];
    }
    return element;
}

typedef struct fold_rule {
    bool (*combine)(int64_t a, int64_t b, int64_t *out); /* false: it does not fit; NULL: the operator computes */
    int64_t first;                                       /* of integers; a maximum or minimum begins with an element */
    double empty;                                        /* of no floating-point numbers at all */
    bool takes_first;
} fold_rule;

static int32_t fold_with(const axm_fold *fold, const fold_rule *rule)
{
    const axm_reduce_params *p = fold->params;
    const axm_constant *x = fold->inputs[0];
    axm_fold_view view;
    bool gone[AXM_MAX_RANK];
    axm_fold_inputs(fold, &view);
    int32_t status = axm_reduce_axes(p, view.inputs, fold->input_count, gone);
    if (status < 0) return status;
    int64_t count = axm_shape_count(&x->shape);
    if (count > 0 && (axm_fold_is_float(x) || !rule->combine)) return AXM_FOLD_BY_FORWARD;
    axm_shape shape = axm_reduce_shape(p, &x->shape, gone);
    status = axm_fold_output(fold, p->op, 0, axm_fold_dtype(x), &shape);
    if (status < 0) return status;
    const axm_constant *y = &fold->outputs[0];
    int64_t outputs = axm_shape_count(&shape);
    AXM_OP_CHECK(count > 0 || axm_fold_is_float(x) || !rule->takes_first, "%s of no numbers", p->op);
    bool *begun = axm_arena_array(fold->arena, (size_t)outputs + 1, sizeof *begun);
    if (!begun) return axm_no_memory((uint64_t)outputs, "a value that is folded while planning");
    for (int64_t i = 0; status >= 0 && i < outputs; ++i) {
        if (axm_fold_is_float(x))
            axm_fold_put_float(y, i, rule->empty);
        else
            status = axm_fold_put(p->op, y, i, rule->first);
        begun[i] = !rule->takes_first;
    }
    for (int64_t i = 0; status >= 0 && i < count; ++i) {
        int64_t at = target_of(&x->shape, gone, i), value = axm_constant_integer(x, i);
        AXM_OP_CHECK(!begun[at] || rule->combine(axm_constant_integer(y, at), value, &value),
                     "%s overflows 64 bits; the network may be made for another input size", p->op);
        begun[at] = true;
        status = axm_fold_put(p->op, y, at, value);
    }
    return status;
}

static bool add(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static bool multiply(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static bool larger(int64_t a, int64_t b, int64_t *out)
{
    *out = a > b ? a : b;
    return true;
}

static bool smaller(int64_t a, int64_t b, int64_t *out)
{
    *out = a < b ? a : b;
    return true;
}

int32_t axm_reduce_fold_sum(const axm_fold *fold)
{
    return fold_with(fold, &(fold_rule){add, 0, 0.0, false});
}

int32_t axm_reduce_fold_product(const axm_fold *fold)
{
    return fold_with(fold, &(fold_rule){multiply, 1, 1.0, false});
}

int32_t axm_reduce_fold_max(const axm_fold *fold)
{
    return fold_with(fold, &(fold_rule){larger, 0, -INFINITY, true});
}

int32_t axm_reduce_fold_min(const axm_fold *fold)
{
    return fold_with(fold, &(fold_rule){smaller, 0, INFINITY, true});
}

int32_t axm_reduce_fold_no_sum(const axm_fold *fold)
{
    return fold_with(fold, &(fold_rule){NULL, 0, 0.0, false});
}

int32_t axm_reduce_fold_no_log(const axm_fold *fold)
{
    return fold_with(fold, &(fold_rule){NULL, 0, -INFINITY, true});
}
