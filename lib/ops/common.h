/* What operators share: checks, lists that come as an attribute or an input, and access to a step's tensors. */
#ifndef AXM_OPS_COMMON_H
#define AXM_OPS_COMMON_H

#include "base/status.h"
#include "ops/op.h"

#define X(name) extern const axm_op axm_op_##name;
#include "ops/ops.def"
#undef X

/* ---- Infer ---- */

/* Sets output `index` to `shape` after checking that every dimension is at least 1 and the whole is within the limit. */
int32_t axm_op_output(const axm_infer *infer, const char *op, int32_t index, const axm_shape *shape);
int32_t axm_op_infer_same(const axm_infer *infer); /* output 0 is shaped like input 0 */
/* A possibly negative axis of a tensor of that rank; extra: one past the last axis is allowed too. */
int32_t axm_op_axis(const char *op, int64_t axis, int32_t rank, bool extra, int32_t *out);
/* An optional input: NULL when it is not there. */
const axm_tensor *axm_op_input(const axm_tensor *const *inputs, int32_t count, int32_t index);
/* The constant behind an input that must be one, of floating-point type; `what` names it. Missing: NULL. */
int32_t axm_op_weight(const char *op, const char *what, const axm_tensor *input, const axm_constant **out);
/* A single number from a constant input, when there is one; *out is left alone when not. */
int32_t axm_op_scalar(const char *op, const char *what, const axm_tensor *input, float *out);

/* ---- Lists of integers ---- */

#define AXM_INT_LIST 64 /* pads of all axes; the parts of a Split */
typedef struct axm_int_list {
    bool given;
    int32_t count;
    int64_t value[AXM_INT_LIST];
} axm_int_list;

/* From an attribute; given stays false when it is absent. */
int32_t axm_op_list_attribute(const axm_attributes *attributes, const char *name, axm_int_list *out);
/* The list from a constant input when there is one, else the attribute's. An input that depends on the image fails. */
int32_t axm_op_list(const char *op, const char *what, const axm_tensor *input, const axm_int_list *attribute, axm_int_list *out);
/* Marks each axis of the list (negative counts from the end); a repeated or missing one fails. */
int32_t axm_op_axes(const char *op, const axm_int_list *axes, int32_t rank, bool marked[AXM_MAX_RANK]);
/* "[2, 3]" for messages. */
const char *axm_op_list_text(const axm_int_list *list, char buffer[AXM_SHAPE_TEXT]);

/* ---- Prepare and run ---- */

size_t axm_op_output_count(const axm_step *step); /* elements of output 0 */
/* A step's operand as floats in its own layout: the plan's tensor, or a constant's values in file order (set by prepare). */
int32_t axm_op_constant_input(axm_prepare *prepare, int32_t index, const float **out);
/* The same in the physical order of output 0; the constant has output 0's rank. */
int32_t axm_op_constant_in_layout(axm_prepare *prepare, int32_t index, const float **out);
/* Fails unless input 0 (rank 3 or more) is channels last: an operator applied to constants is asked in file order. */
int32_t axm_op_needs_channels_last(axm_prepare *prepare);
/* y (+)= x, dense. Does nothing when they are the same memory and accumulate is false. */
void axm_op_copy(const axm_exec *exec, size_t count, const float *x, bool accumulate, float *y);
/* [outer, axis, inner] of a tensor as it lies in memory, around a logical axis. */
typedef struct axm_split_dims {
    int64_t outer, axis, inner;
} axm_split_dims;
axm_split_dims axm_op_split(const axm_tensor *tensor, int32_t logical_axis);

/* ---- Functions of one variable (unary kernels) ---- */

void axm_op_unary_forward(const axm_step *step, const axm_exec *exec, axm_unary kind, float a, float b);
void axm_op_unary_backward(const axm_step *step, const axm_exec *exec, axm_unary kind, float a, float b, bool from_output,
                           bool accumulate);
/* The same for curves, which are differentiated from their input. Flags of an operator that is nothing else: */
#define AXM_OP_CURVE (AXM_OP_POINTWISE | AXM_OP_INPLACE_FORWARD | AXM_OP_INPLACE_BACKWARD | AXM_OP_READS_INPUTS)
void axm_op_curve_forward(const axm_step *step, const axm_exec *exec, axm_curve kind, float a, float b);
void axm_op_curve_backward(const axm_step *step, const axm_exec *exec, axm_curve kind, float a, float b, bool accumulate);

#endif
