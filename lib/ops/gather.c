/* Gather, of constants only: X with axis `axis` replaced by the axes of `indices`, each of which (negative: from the end) picks a
 * place along it. */
#include "ops/fold.h"

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    (void)arena;
    return axm_attribute_int(attributes, "axis", 0, params);
}

static int32_t find_shape(const axm_shape *x, const axm_shape *indices, int32_t axis, axm_shape *out)
{
    if (x->rank - 1 + indices->rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_LIMIT, "Gather would give %d axes; actmax takes up to %d", (int)(x->rank - 1 + indices->rank),
                        AXM_MAX_RANK);
    *out = (axm_shape){.rank = 0};
    for (int32_t i = 0; i < axis; ++i)
        out->dim[out->rank++] = x->dim[i];
    for (int32_t i = 0; i < indices->rank; ++i)
        out->dim[out->rank++] = indices->dim[i];
    for (int32_t i = axis + 1; i < x->rank; ++i)
        out->dim[out->rank++] = x->dim[i];
    return ACTMAX_OK;
}

static int32_t fold(const axm_fold *fold)
{
    const axm_constant *x = fold->inputs[0], *indices = fold->inputs[1];
    axm_shape y;
    int32_t axis;
    AXM_OP_CHECK(indices->dtype == AXM_INT64 || indices->dtype == AXM_INT32, "Gather needs integer indices, got %s",
                 axm_dtype_name(indices->dtype));
    int32_t status = axm_op_axis("Gather", *(const int64_t *)fold->params, x->shape.rank, false, &axis);
    if (status >= 0) status = find_shape(&x->shape, &indices->shape, axis, &y);
    if (status >= 0) status = axm_fold_output(fold, "Gather", 0, axm_fold_dtype(x), &y);
    if (status < 0) return status;
    const axm_tensor whole = {.shape = x->shape};
    axm_split_dims d = axm_op_split(&whole, axis);
    int64_t picks = axm_shape_count(&indices->shape), to = 0;
    for (int64_t o = 0; o < d.outer; ++o)
        for (int64_t p = 0; p < picks; ++p) {
            int64_t index = axm_constant_integer(indices, p), place = index < 0 ? index + d.axis : index;
            AXM_OP_CHECK(place >= 0 && place < d.axis, "Gather picks element %lld of an axis of %lld", (long long)index,
                         (long long)d.axis);
            for (int64_t i = 0; i < d.inner; ++i)
                axm_fold_move(x, (o * d.axis + place) * d.inner + i, &fold->outputs[0], to++);
        }
    return ACTMAX_OK;
}

const axm_op axm_op_Gather = {
    .name = "Gather", .min_inputs = 2, .max_inputs = 2, .outputs = 1, .params_size = sizeof(int64_t), .parse = parse, .fold = fold};
