/* Flatten, Reshape, Squeeze, Unsqueeze: the same elements, in file order, under another shape; any type. */
#include "base/checked.h"
#include "ops/fold.h"

typedef int32_t (*find_shape)(const void *params, const axm_tensor *const *inputs, int32_t count, axm_shape *out);

static int32_t infer_with(const axm_infer *infer, const char *op, find_shape find)
{
    axm_shape y;
    int32_t status = find(infer->params, infer->inputs, infer->input_count, &y);
    return status < 0 ? status : axm_op_output(infer, op, 0, &y);
}

static int32_t fold_with(const axm_fold *fold, find_shape find)
{
    axm_fold_view view;
    axm_shape y;
    axm_fold_inputs(fold, &view);
    int32_t status = find(fold->params, view.inputs, fold->input_count, &y);
    if (status < 0) return status;
    fold->outputs[0] = *fold->inputs[0];
    fold->outputs[0].shape = y;
    return ACTMAX_OK;
}

/* ---- Flatten: axes before `axis` become one, the others another ---- */

static int32_t flatten_parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return axm_attribute_int(attributes, "axis", 1, params);
}

static int32_t flatten_shape(const void *params, const axm_tensor *const *inputs, int32_t count, axm_shape *out)
{
    const axm_shape *x = &inputs[0]->shape;
    int32_t axis;
    (void)count;
    int32_t status = axm_op_axis("Flatten", *(const int64_t *)params, x->rank, true, &axis);
    if (status < 0) return status;
    *out = (axm_shape){.rank = 2, .dim = {1, 1}};
    for (int32_t i = 0; i < x->rank; ++i)
        out->dim[i < axis ? 0 : 1] *= x->dim[i];
    return ACTMAX_OK;
}

/* ---- Reshape: 0 keeps the input's size (unless allowzero), -1 takes what is left ---- */

typedef struct reshape_params {
    axm_int_list shape;
    bool allow_zero;
} reshape_params;

static int32_t reshape_parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    reshape_params *p = params;
    int64_t allow_zero;
    (void)arena;
    int32_t status = axm_op_list_attribute(attributes, "shape", &p->shape);
    if (status >= 0) status = axm_attribute_int(attributes, "allowzero", 0, &allow_zero);
    if (status >= 0) p->allow_zero = allow_zero != 0;
    return status;
}

static int32_t reshape_shape(const void *params, const axm_tensor *const *inputs, int32_t count, axm_shape *out)
{
    const reshape_params *p = params;
    const axm_shape *x = &inputs[0]->shape;
    axm_int_list wanted;
    char text[AXM_SHAPE_TEXT], list[AXM_SHAPE_TEXT];
    int64_t elements = 1, total = axm_shape_count(x);
    int32_t free_axis = -1;
    int32_t status = axm_op_list("Reshape", "shape", axm_op_input(inputs, count, 1), &p->shape, &wanted);
    if (status < 0) return status;
    AXM_OP_CHECK(wanted.given, "Reshape lacks its shape; the file is damaged");
    axm_shape_text(x, text);
    axm_op_list_text(&wanted, list);
    if (wanted.count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Reshape to %s would give %d axes; actmax takes up to %d", list, (int)wanted.count,
                        AXM_MAX_RANK);
    *out = (axm_shape){.rank = wanted.count};
    for (int32_t i = 0; i < wanted.count; ++i) {
        int64_t dim = wanted.value[i];
        if (dim == -1) {
            AXM_OP_CHECK(free_axis < 0, "Reshape to %s leaves more than one axis free (-1)", list);
            free_axis = i;
            continue;
        }
        if (dim == 0 && !p->allow_zero) {
            AXM_OP_CHECK(i < x->rank, "Reshape to %s keeps axis %d, but its input is %s", list, (int)i, text);
            dim = x->dim[i];
        }
        AXM_OP_CHECK(dim >= 0, "Reshape to %s: a size may not be negative (but for one -1)", list);
        if (!axm_mul_i64(elements, dim, &elements))
            return axm_fail(ACTMAX_ERROR_LIMIT, "Reshape to %s is larger than can be counted", list);
        out->dim[i] = dim;
    }
    bool fits = free_axis < 0 ? elements == total : elements > 0 && total % elements == 0;
    AXM_OP_CHECK(
        fits, "Reshape cannot give %s the shape %s: the numbers of elements differ; the network may be made for another input size",
        text, list);
    if (free_axis >= 0) out->dim[free_axis] = total / elements;
    return ACTMAX_OK;
}

/* ---- Squeeze drops axes of size 1, Unsqueeze adds them ---- */

static int32_t axes_parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return axm_op_list_attribute(attributes, "axes", params);
}

static int32_t squeeze_shape(const void *params, const axm_tensor *const *inputs, int32_t count, axm_shape *out)
{
    const axm_shape *x = &inputs[0]->shape;
    axm_int_list axes;
    char text[AXM_SHAPE_TEXT];
    bool marked[AXM_MAX_RANK];
    int32_t status = axm_op_list("Squeeze", "axes", axm_op_input(inputs, count, 1), params, &axes);
    if (status >= 0) status = axm_op_axes("Squeeze", &axes, x->rank, marked);
    if (status < 0) return status;
    *out = (axm_shape){.rank = 0};
    for (int32_t i = 0; i < x->rank; ++i) {
        bool drop = axes.given ? marked[i] : x->dim[i] == 1;
        AXM_OP_CHECK(!drop || x->dim[i] == 1, "Squeeze of axis %d needs a size of 1 there, got an input of shape %s", (int)i,
                     axm_shape_text(x, text));
        if (!drop) out->dim[out->rank++] = x->dim[i];
    }
    return ACTMAX_OK;
}

static int32_t unsqueeze_shape(const void *params, const axm_tensor *const *inputs, int32_t count, axm_shape *out)
{
    const axm_shape *x = &inputs[0]->shape;
    axm_int_list axes;
    bool marked[AXM_MAX_RANK];
    int32_t status = axm_op_list("Unsqueeze", "axes", axm_op_input(inputs, count, 1), params, &axes);
    if (status < 0) return status;
    AXM_OP_CHECK(axes.given, "Unsqueeze lacks its axes; the file is damaged");
    if (x->rank + axes.count > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Unsqueeze would give %d axes; actmax takes up to %d", (int)(x->rank + axes.count),
                        AXM_MAX_RANK);
    if ((status = axm_op_axes("Unsqueeze", &axes, x->rank + axes.count, marked)) < 0) return status;
    *out = (axm_shape){.rank = x->rank + axes.count};
    for (int32_t i = 0, from = 0; i < out->rank; ++i)
        out->dim[i] = marked[i] ? 1 : x->dim[from++];
    return ACTMAX_OK;
}

/* ---- The four operators ---- */

#define SHAPE_ONLY(Name, lower, most_inputs, size, parser)                                                                         \
    static int32_t infer_##lower(const axm_infer *infer)                                                                           \
    {                                                                                                                              \
        return infer_with(infer, #Name, lower##_shape);                                                                            \
    }                                                                                                                              \
    static int32_t fold_##lower(const axm_fold *fold)                                                                              \
    {                                                                                                                              \
        return fold_with(fold, lower##_shape);                                                                                     \
    }                                                                                                                              \
    const axm_op axm_op_##Name = {.name = #Name,                                                                                   \
                                  .min_inputs = 1,                                                                                 \
                                  .max_inputs = (most_inputs),                                                                     \
                                  .outputs = 1,                                                                                    \
                                  .flags = AXM_OP_ALIAS,                                                                           \
                                  .params_size = (size),                                                                           \
                                  .parse = (parser),                                                                               \
                                  .infer = infer_##lower,                                                                          \
                                  .layout = axm_layout_file,                                                                       \
                                  .fold = fold_##lower};

SHAPE_ONLY(Flatten, flatten, 1, sizeof(int64_t), flatten_parse)
SHAPE_ONLY(Reshape, reshape, 2, sizeof(reshape_params), reshape_parse)
SHAPE_ONLY(Squeeze, squeeze, 2, sizeof(axm_int_list), axes_parse)
SHAPE_ONLY(Unsqueeze, unsqueeze, 2, sizeof(axm_int_list), axes_parse)
