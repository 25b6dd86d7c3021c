/* Floor, Ceil, Mod: element by element, of constants only. */
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

/* ---- The operators ---- */

const axm_op axm_op_Floor = {.name = "Floor", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .fold = fold_floor};
const axm_op axm_op_Ceil = {.name = "Ceil", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .fold = fold_ceil};
const axm_op axm_op_Mod = {.name = "Mod",
                           .min_inputs = 2,
                           .max_inputs = 2,
                           .outputs = 1,
                           .params_size = sizeof(int64_t),
                           .parse = mod_parse,
                           .fold = fold_mod};
