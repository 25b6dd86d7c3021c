/* Equal, Less, LessOrEqual, Greater, GreaterOrEqual: A and B, broadcast, in either layout. What is computed from an image is 1 or 0
 * in float, and passes no gradient. */
#include <math.h>
#include <string.h>

#include "ops/broadcast.h"
#include "ops/fold.h"

typedef bool (*relation)(double a, double b);
typedef bool (*whole_relation)(int64_t a, int64_t b);

/* Output 0 = whether A and B, broadcast, are so related. */
static int32_t relate(const axm_fold *fold, const char *op, relation numbers, whole_relation whole)
{
    const axm_constant *a = fold->inputs[0], *b = fold->inputs[1];
    bool is_float = axm_fold_is_float(a) || axm_fold_is_float(b);
    axm_shape y;
    int32_t status = axm_fold_broadcast(fold, op, &y);
    if (status >= 0) status = axm_fold_output(fold, op, 0, AXM_BOOL, &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        int64_t at = axm_fold_element(&a->shape, &y, i), bt = axm_fold_element(&b->shape, &y, i);
        bool so = is_float ? numbers(axm_constant_number(a, at), axm_constant_number(b, bt))
                           : whole(axm_constant_integer(a, at), axm_constant_integer(b, bt));
        status = axm_fold_put(op, &fold->outputs[0], i, so);
    }
    return status;
}

/* ---- Of what is computed ---- */

static int32_t prepare(axm_prepare *prepare)
{
    axm_broadcast *b = axm_prepare_memory(prepare, sizeof *b);
    if (!b) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = b;
    return axm_broadcast_make(prepare, b);
}

static void run_forward(const axm_step *step, const axm_exec *exec, axm_binary kind, int32_t first)
{
    const axm_broadcast *b = step->state;
    axm_clamp none = {-INFINITY, INFINITY};
    axm_binary_forward(exec, kind, b->rank, b->dims, axm_broadcast_data(step, b, first), b->operands[first].strides,
                       axm_broadcast_data(step, b, 1 - first), b->operands[1 - first].strides, none, step->outputs[0]->data);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_tensor *x = step->inputs[input];
    (void)exec;
    if (!accumulate) memset(x->grad, 0, (size_t)axm_shape_count(&x->shape) * sizeof *x->grad);
}

/* ---- The operators ---- */

/* kind, and which operand comes first in it. */
#define RELATION(Name, expression, kind, first)                                                                                    \
    static bool numbers_##Name(double a, double b)                                                                                 \
    {                                                                                                                              \
        return expression;                                                                                                         \
    }                                                                                                                              \
    static bool whole_##Name(int64_t a, int64_t b)                                                                                 \
    {                                                                                                                              \
        return expression;                                                                                                         \
    }                                                                                                                              \
    static int32_t fold_##Name(const axm_fold *fold)                                                                               \
    {                                                                                                                              \
        return relate(fold, #Name, numbers_##Name, whole_##Name);                                                                  \
    }                                                                                                                              \
    static int32_t infer_##Name(const axm_infer *infer)                                                                            \
    {                                                                                                                              \
        return axm_broadcast_infer(infer, #Name, -1);                                                                              \
    }                                                                                                                              \
    static void forward_##Name(const axm_step *step, const axm_exec *exec)                                                         \
    {                                                                                                                              \
        run_forward(step, exec, kind, first);                                                                                      \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 2,                                                                                 \
                                  .max_inputs = 2,                                                                                 \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_CONDITION,                                                                       \
                                  .infer = infer_##Name,                                                                           \
                                  .layout = axm_layout_same,                                                                       \
                                  .prepare = prepare,                                                                              \
                                  .forward = forward_##Name,                                                                       \
                                  .backward = backward,                                                                            \
                                  .fold = fold_##Name};

RELATION(Equal, a <= b && a >= b, AXM_BINARY_EQUAL, 0)
RELATION(Less, a < b, AXM_BINARY_LESS, 0)
RELATION(LessOrEqual, a <= b, AXM_BINARY_LESS_OR_EQUAL, 0)
RELATION(Greater, a > b, AXM_BINARY_LESS, 1)
RELATION(GreaterOrEqual, a >= b, AXM_BINARY_LESS_OR_EQUAL, 1)
