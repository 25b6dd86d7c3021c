/* Floor, Ceil, Not, Min, Max, Mod, Equal, Where: element by element, of constants only. */
#include <math.h>

#include "ops/fold.h"

/* ---- One operand ---- */

static int32_t round_with(const axm_fold *fold, const char *op, double (*rounding)(double))
{
    const axm_constant *x = fold->inputs[0];
    if (!axm_fold_is_float(x)) { /* whole already */
        fold->outputs[0] = *x;
        return ACTMAX_OK;
    }
    int32_t status = axm_fold_output(fold, op, 0, AXM_FLOAT32, &x->shape);
    int64_t count = axm_shape_count(&x->shape);
    for (int64_t i = 0; i < count && status >= 0; ++i)
        axm_fold_put_float(&fold->outputs[0], i, rounding(axm_constant_number(x, i)));
    return status;
}

static int32_t fold_floor(const axm_fold *fold)
{
    return round_with(fold, "Floor", floor);
}

static int32_t fold_ceil(const axm_fold *fold)
{
    return round_with(fold, "Ceil", ceil);
}

static int32_t fold_not(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    AXM_OP_CHECK(x->dtype == AXM_BOOL, "Not needs booleans, got %s", axm_dtype_name(x->dtype));
    int32_t status = axm_fold_output(fold, "Not", 0, AXM_BOOL, &x->shape);
    int64_t count = axm_shape_count(&x->shape);
    for (int64_t i = 0; i < count && status >= 0; ++i)
        status = axm_fold_put("Not", &fold->outputs[0], i, axm_constant_integer(x, i) == 0);
    return status;
}

/* ---- Min and Max of any number of operands ---- */

/* Element i of the best of all operands. A NaN wins, as in ONNX. */
static int32_t best(const axm_fold *fold, const char *op, bool most, int64_t i)
{
    const axm_constant *y = &fold->outputs[0];
    int64_t whole = 0;
    double number = 0.0;
    for (int32_t k = 0; k < fold->input_count; ++k) {
        const axm_constant *x = fold->inputs[k];
        int64_t at = axm_fold_element(&x->shape, &y->shape, i);
        if (axm_fold_is_float(y)) {
            double next = axm_constant_number(x, at);
            if (k == 0 || isnan(next) || (most ? next > number : next < number)) number = next;
        } else {
            int64_t next = axm_constant_integer(x, at);
            if (k == 0 || (most ? next > whole : next < whole)) whole = next;
        }
        if (isnan(number)) break;
    }
    if (!axm_fold_is_float(y)) return axm_fold_put(op, y, i, whole);
    axm_fold_put_float(y, i, number);
    return ACTMAX_OK;
}

static int32_t fold_best(const axm_fold *fold, const char *op, bool most)
{
    axm_shape y;
    for (int32_t k = 0; k < fold->input_count; ++k) {
        AXM_OP_CHECK(fold->inputs[k], "%s lacks its input %d", op, (int)k);
        AXM_OP_CHECK(axm_fold_dtype(fold->inputs[k]) == axm_fold_dtype(fold->inputs[0]), "%s cannot compare %s with %s", op,
                     axm_dtype_name(fold->inputs[0]->dtype), axm_dtype_name(fold->inputs[k]->dtype));
    }
    int32_t status = axm_fold_broadcast(fold, op, &y);
    if (status >= 0) status = axm_fold_output(fold, op, 0, axm_fold_dtype(fold->inputs[0]), &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count && status >= 0; ++i)
        status = best(fold, op, most, i);
    return status;
}

static int32_t fold_min(const axm_fold *fold)
{
    return fold_best(fold, "Min", false);
}

static int32_t fold_max(const axm_fold *fold)
{
    return fold_best(fold, "Max", true);
}

/* ---- Mod: the sign of the divisor, or (fmod) of the dividend ---- */

static int32_t mod_parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return axm_attribute_int(attributes, "fmod", 0, params);
}

static const char *mod_truncated(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0) return "divides by zero";
    *out = b == -1 ? 0 : a % b;
    return NULL;
}

static const char *mod_floored(int64_t a, int64_t b, int64_t *out)
{
    const char *wrong = mod_truncated(a, b, out);
    if (!wrong && *out != 0 && (*out < 0) != (b < 0)) *out += b;
    return wrong;
}

static int32_t fold_mod(const axm_fold *fold)
{
    bool truncated = *(const int64_t *)fold->params != 0;
    const axm_constant *a = fold->inputs[0], *b = fold->inputs[1];
    axm_shape y;
    if (!axm_fold_is_float(a) || !axm_fold_is_float(b)) {
        AXM_OP_CHECK(!axm_fold_is_float(a) && !axm_fold_is_float(b), "Mod cannot combine %s and %s", axm_dtype_name(a->dtype),
                     axm_dtype_name(b->dtype));
        return axm_fold_integers(fold, "Mod", truncated ? mod_truncated : mod_floored);
    }
    AXM_OP_CHECK(truncated, "Mod of floating-point numbers needs fmod=1");
    int32_t status = axm_fold_broadcast(fold, "Mod", &y);
    if (status >= 0) status = axm_fold_output(fold, "Mod", 0, AXM_FLOAT32, &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count; ++i)
        axm_fold_put_float(&fold->outputs[0], i,
                           fmod(axm_constant_number(a, axm_fold_element(&a->shape, &y, i)),
                                axm_constant_number(b, axm_fold_element(&b->shape, &y, i))));
    return status;
}

/* ---- Equal, Where ---- */

static int32_t fold_equal(const axm_fold *fold)
{
    const axm_constant *a = fold->inputs[0], *b = fold->inputs[1];
    bool numbers = axm_fold_is_float(a) || axm_fold_is_float(b);
    axm_shape y;
    int32_t status = axm_fold_broadcast(fold, "Equal", &y);
    if (status >= 0) status = axm_fold_output(fold, "Equal", 0, AXM_BOOL, &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        int64_t at = axm_fold_element(&a->shape, &y, i), bt = axm_fold_element(&b->shape, &y, i);
        bool equal = numbers ? axm_constant_number(a, at) == axm_constant_number(b, bt)
                             : axm_constant_integer(a, at) == axm_constant_integer(b, bt);
        status = axm_fold_put("Equal", &fold->outputs[0], i, equal);
    }
    return status;
}

static int32_t fold_where(const axm_fold *fold)
{
    const axm_constant *condition = fold->inputs[0], *a = fold->inputs[1], *b = fold->inputs[2];
    axm_shape y;
    AXM_OP_CHECK(condition->dtype == AXM_BOOL, "Where needs a condition of booleans, got %s", axm_dtype_name(condition->dtype));
    AXM_OP_CHECK(axm_fold_dtype(a) == axm_fold_dtype(b), "Where cannot choose between %s and %s", axm_dtype_name(a->dtype),
                 axm_dtype_name(b->dtype));
    int32_t status = axm_fold_broadcast(fold, "Where", &y);
    if (status >= 0) status = axm_fold_output(fold, "Where", 0, axm_fold_dtype(a), &y);
    int64_t count = status < 0 ? 0 : axm_shape_count(&y);
    for (int64_t i = 0; i < count; ++i) {
        bool first = axm_constant_integer(condition, axm_fold_element(&condition->shape, &y, i)) != 0;
        const axm_constant *x = first ? a : b;
        axm_fold_move(x, axm_fold_element(&x->shape, &y, i), &fold->outputs[0], i);
    }
    return status;
}

const axm_op axm_op_Floor = {.name = "Floor", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .fold = fold_floor};
const axm_op axm_op_Ceil = {.name = "Ceil", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .fold = fold_ceil};
const axm_op axm_op_Not = {.name = "Not", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .fold = fold_not};
const axm_op axm_op_Min = {.name = "Min", .min_inputs = 1, .max_inputs = -1, .outputs = 1, .fold = fold_min};
const axm_op axm_op_Max = {.name = "Max", .min_inputs = 1, .max_inputs = -1, .outputs = 1, .fold = fold_max};
const axm_op axm_op_Mod = {.name = "Mod",
                           .min_inputs = 2,
                           .max_inputs = 2,
                           .outputs = 1,
                           .params_size = sizeof(int64_t),
                           .parse = mod_parse,
                           .fold = fold_mod};
const axm_op axm_op_Equal = {.name = "Equal", .min_inputs = 2, .max_inputs = 2, .outputs = 1, .fold = fold_equal};
const axm_op axm_op_Where = {.name = "Where", .min_inputs = 3, .max_inputs = 3, .outputs = 1, .fold = fold_where};
