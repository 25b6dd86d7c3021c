/* What the reductions share: their axes, shape and layout, and the evaluation of constants. */
#ifndef AXM_OPS_REDUCE_H
#define AXM_OPS_REDUCE_H

#include "ops/fold.h"

typedef struct axm_reduce_params {
    const char *op;
    axm_int_list axes;
    bool keep, nothing_when_empty;
} axm_reduce_params;

int32_t axm_reduce_parse(const axm_attributes *attributes, const char *op, axm_reduce_params *out);
/* The logical axes that go. */
int32_t axm_reduce_axes(const axm_reduce_params *params, const axm_tensor *const *inputs, int32_t count, bool gone[AXM_MAX_RANK]);
axm_shape axm_reduce_shape(const axm_reduce_params *params, const axm_shape *x, const bool gone[AXM_MAX_RANK]);
int32_t axm_reduce_infer(const axm_infer *infer);
void axm_reduce_layout(axm_layout_choice *choice);

/* Of integers, exactly; what is reduced may be empty, then of floating-point numbers too. */
int32_t axm_reduce_fold_sum(const axm_fold *fold);
int32_t axm_reduce_fold_product(const axm_fold *fold);
int32_t axm_reduce_fold_max(const axm_fold *fold);
int32_t axm_reduce_fold_min(const axm_fold *fold);
/* Of nothing only: 0, and the logarithm of that. */
int32_t axm_reduce_fold_no_sum(const axm_fold *fold);
int32_t axm_reduce_fold_no_log(const axm_fold *fold);

#endif
