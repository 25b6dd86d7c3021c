/* Operands that are broadcast to an operator's result (NumPy's rules): how each of them is read along the result's axes. */
#ifndef AXM_OPS_BROADCAST_H
#define AXM_OPS_BROADCAST_H

#include "ops/common.h"

typedef struct axm_operand {
    int64_t strides[AXM_MAX_RANK]; /* over the result's physical axes, 0 where broadcast */
    const float *constant;         /* NULL: computed */
} axm_operand;

typedef struct axm_broadcast {
    int32_t rank;
    int64_t dims[AXM_MAX_RANK], dense[AXM_MAX_RANK]; /* of the result, physical; its own strides */
    int32_t count;
    axm_operand *operands;
} axm_broadcast;

/* Infer: the shape of all inputs broadcast together, as output 0. Constants must be in floating point, but for input `integers`
 * (-1: none). */
int32_t axm_broadcast_infer(const axm_infer *infer, const char *op, int32_t integers);
/* Prepare: reads the step's inputs. Constants of any type are turned into floats. */
int32_t axm_broadcast_make(axm_prepare *prepare, axm_broadcast *out);
const float *axm_broadcast_data(const axm_step *step, const axm_broadcast *broadcast, int32_t index);

/* Gradient of operand `index` from the gradient `dy` of a term to which it was added: summed over the axes where it was broadcast.
 */
void axm_broadcast_sum(const axm_step *step, const axm_exec *exec, const axm_broadcast *broadcast, int32_t index, const float *dy,
                       bool accumulate);

#endif
