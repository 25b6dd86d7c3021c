/* Shape, Size, ConstantOfShape, Range, NonZero: tensors of constants made while planning. */
#include <math.h>

#include "ops/fold.h"

/* ---- Shape: the sizes of axes start .. end-1 ---- */

typedef struct shape_params {
    int64_t start, end;
} shape_params;

static int32_t shape_parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    shape_params *p = params;
    (void)arena;
    int32_t status = axm_attribute_int(attributes, "start", 0, &p->start);
    return status < 0 ? status : axm_attribute_int(attributes, "end", INT64_MAX, &p->end);
}

static int32_t bound(int64_t value, int32_t rank)
{
    if (value < 0) value += rank;
    return (int32_t)(value < 0 ? 0 : value > rank ? rank : value);
}

static int32_t shape_fold(const axm_fold *fold)
{
    const shape_params *p = fold->params;
    const axm_shape *x = fold->input_shapes[0];
    int32_t start = bound(p->start, x->rank), end = bound(p->end, x->rank);
    axm_shape y = {.rank = 1, .dim = {end > start ? end - start : 0}};
    int32_t status = axm_fold_output(fold, "Shape", 0, AXM_INT64, &y);
    for (int32_t i = start; i < end && status >= 0; ++i)
        status = axm_fold_put("Shape", &fold->outputs[0], i - start, x->dim[i]);
    return status;
}

const axm_op axm_op_Shape = {.name = "Shape",
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .outputs = 1,
                             .params_size = sizeof(shape_params),
                             .parse = shape_parse,
                             .fold = shape_fold,
                             .folds_shape = true};

/* ---- Size: how many elements ---- */

static int32_t size_fold(const axm_fold *fold)
{
    axm_shape y = {.rank = 0};
    int32_t status = axm_fold_output(fold, "Size", 0, AXM_INT64, &y);
    return status < 0 ? status : axm_fold_put("Size", &fold->outputs[0], 0, axm_shape_count(fold->input_shapes[0]));
}

const axm_op axm_op_Size = {.name = "Size", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .fold = size_fold, .folds_shape = true};

/* A shape that is given by a constant list. */
static int32_t shape_from(const axm_fold *fold, const char *op, int32_t index, axm_shape *out)
{
    axm_fold_view view;
    axm_int_list list;
    axm_fold_inputs(fold, &view);
    int32_t status = axm_op_list(op, "shape", view.inputs[index], NULL, &list);
    if (status < 0) return status;
    if (list.count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "%s would give %d axes; actmax takes up to %d", op, (int)list.count, AXM_MAX_RANK);
    *out = (axm_shape){.rank = list.count};
    for (int32_t i = 0; i < list.count; ++i)
        out->dim[i] = list.value[i];
    return ACTMAX_OK;
}

/* ---- ConstantOfShape ---- */

typedef struct fill_params {
    bool is_float;
    int64_t integer;
    float number;
} fill_params;

static int32_t fill_parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    fill_params *p = params;
    const axm_attribute *value = axm_attribute_find(attributes, "value");
    (void)arena;
    p->is_float = !value || value->kind == AXM_ATTR_FLOAT;
    if (!value) return ACTMAX_OK;
    return p->is_float ? axm_attribute_float(attributes, "value", 0.0f, &p->number)
                       : axm_attribute_int(attributes, "value", 0, &p->integer);
}

static int32_t fill_fold(const axm_fold *fold)
{
    const fill_params *p = fold->params;
    axm_shape y;
    int32_t status = shape_from(fold, "ConstantOfShape", 0, &y);
    if (status >= 0) status = axm_fold_output(fold, "ConstantOfShape", 0, p->is_float ? AXM_FLOAT32 : AXM_INT64, &y);
    if (status < 0) return status;
    int64_t count = axm_shape_count(&y);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        if (p->is_float)
            axm_fold_put_float(&fold->outputs[0], i, (double)p->number);
        else
            status = axm_fold_put("ConstantOfShape", &fold->outputs[0], i, p->integer);
    }
    return status;
}

const axm_op axm_op_ConstantOfShape = {.name = "ConstantOfShape",
                                       .min_inputs = 1,
                                       .max_inputs = 1,
                                       .outputs = 1,
                                       .params_size = sizeof(fill_params),
                                       .parse = fill_parse,
                                       .fold = fill_fold};

/* ---- Range: start, start + delta, ... up to limit ---- */

/* ceil((limit - start) / delta), or -1 when it cannot be counted. delta is not 0. */
static int64_t integer_count(int64_t start, int64_t limit, int64_t delta)
{
    if (delta > 0 ? limit <= start : limit >= start) return 0;
    uint64_t distance = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta, count = (distance - 1) / step + 1;
    return count > INT64_MAX ? -1 : (int64_t)count;
}

static int64_t number_count(double start, double limit, double delta)
{
    double count = ceil((limit - start) / delta);
    if (!(count < 9e18)) return -1;
    return count > 0.0 ? (int64_t)count : 0;
}

static int32_t range_fold(const axm_fold *fold)
{
    const axm_constant *const *in = fold->inputs;
    char text[AXM_SHAPE_TEXT];
    for (int32_t i = 0; i < 3; ++i)
        AXM_OP_CHECK(axm_shape_count(&in[i]->shape) == 1, "Range needs single numbers, got shape %s",
                     axm_shape_text(&in[i]->shape, text));
    bool is_float = axm_fold_is_float(in[0]) || axm_fold_is_float(in[1]) || axm_fold_is_float(in[2]);
    AXM_OP_CHECK(axm_constant_number(in[2], 0) != 0.0, "Range has a step of 0");
    int64_t start = axm_constant_integer(in[0], 0), delta = axm_constant_integer(in[2], 0);
    double first = axm_constant_number(in[0], 0), step = axm_constant_number(in[2], 0);
    axm_shape y = {.rank = 1};
    y.dim[0] = is_float ? number_count(first, axm_constant_number(in[1], 0), step)
                        : integer_count(start, axm_constant_integer(in[1], 0), delta);
    AXM_OP_CHECK(y.dim[0] >= 0, "Range has more elements than can be counted");
    int32_t status = axm_fold_output(fold, "Range", 0, is_float ? AXM_FLOAT32 : in[0]->dtype, &y);
    for (int64_t i = 0; i < y.dim[0] && status >= 0; ++i) {
        int64_t value = (int64_t)((uint64_t)start + (uint64_t)i * (uint64_t)delta); /* it fits, though the product may not */
        if (is_float)
            axm_fold_put_float(&fold->outputs[0], i, first + (double)i * step);
        else
            status = axm_fold_put("Range", &fold->outputs[0], i, value);
    }
    return status;
}

const axm_op axm_op_Range = {.name = "Range", .min_inputs = 3, .max_inputs = 3, .outputs = 1, .fold = range_fold};

/* ---- NonZero: the places that are not 0, a column for each, in row-major order ---- */

static int32_t non_zero_fold(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0];
    int64_t count = axm_shape_count(&x->shape), found = 0, column = 0;
    for (int64_t i = 0; i < count; ++i)
        found += axm_constant_number(x, i) != 0.0;
    axm_shape y = {.rank = 2, .dim = {x->shape.rank, found}};
    int32_t status = axm_fold_output(fold, "NonZero", 0, AXM_INT64, &y);
    for (int64_t i = 0; i < count && status >= 0; ++i) {
        if (axm_constant_number(x, i) == 0.0) continue;
        int64_t left = i;
        for (int32_t axis = x->shape.rank - 1; axis >= 0 && status >= 0; --axis) {
            status = axm_fold_put("NonZero", &fold->outputs[0], axis * found + column, left % x->shape.dim[axis]);
            left /= x->shape.dim[axis];
        }
        column++;
    }
    return status;
}

const axm_op axm_op_NonZero = {.name = "NonZero", .min_inputs = 1, .max_inputs = 1, .outputs = 1, .fold = non_zero_fold};
