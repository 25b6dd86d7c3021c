/* What operators share for the evaluation of constants while planning. Integers are exact: what does not fit fails. Floating
 * point is folded to float32, whatever its type in the file. */
#ifndef AXM_OPS_FOLD_H
#define AXM_OPS_FOLD_H

#include "ops/common.h"

/* Returned, without a message, by a fold that leaves its work (floating point) to the operator's forward function. */
#define AXM_FOLD_BY_FORWARD ACTMAX_ERROR_UNSUPPORTED

/* The inputs of a fold as infer sees them; for operators of up to AXM_FOLD_TERMS inputs. */
#define AXM_FOLD_TERMS 8
typedef struct axm_fold_view {
    axm_tensor tensors[AXM_FOLD_TERMS];
    const axm_tensor *inputs[AXM_FOLD_TERMS];
} axm_fold_view;
void axm_fold_inputs(const axm_fold *fold, axm_fold_view *view);

bool axm_fold_is_float(const axm_constant *constant);
axm_dtype axm_fold_dtype(const axm_constant *constant); /* of the folded result: its own, float32 for every floating type */

/* Output `index` with memory for its elements (zeros). A dimension may be 0 here. */
int32_t axm_fold_output(const axm_fold *fold, const char *op, int32_t index, axm_dtype dtype, const axm_shape *shape);
/* Element i of an output: an integer that its type must hold (bool: whether it is 0), a number of a float32 output. */
int32_t axm_fold_put(const char *op, const axm_constant *out, int64_t i, int64_t value);
void axm_fold_put_float(const axm_constant *out, int64_t i, double value);
/* Element `from` of an input to element `to` of an output of type axm_fold_dtype(input). */
void axm_fold_move(const axm_constant *in, int64_t from, const axm_constant *out, int64_t to);

/* The element of an operand that is broadcast to `output`, for the output's element `flat`. */
int64_t axm_fold_element(const axm_shape *operand, const axm_shape *output, int64_t flat);
/* The shape of all inputs broadcast together. */
int32_t axm_fold_broadcast(const axm_fold *fold, const char *op, axm_shape *out);

/* What an operator on single elements gives of none: none. Else AXM_FOLD_BY_FORWARD. */
int32_t axm_fold_nothing(const axm_fold *fold);

/* An integer function of two operands. NULL: done; else what is wrong with them ("divides by zero"). */
typedef const char *(*axm_fold_rule)(int64_t a, int64_t b, int64_t *out);
/* Output 0 = rule(A, B), broadcast, in A's type. Floating point: axm_fold_nothing. */
int32_t axm_fold_integers(const axm_fold *fold, const char *op, axm_fold_rule rule);

#endif
