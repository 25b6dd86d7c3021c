/* Runs one node on constants, in file order: for weights that a file computes from other weights. */
#ifndef AXM_NETWORK_EVALUATE_H
#define AXM_NETWORK_EVALUATE_H

#include "network/graph.h"

/* inputs: [input_count], NULL where omitted; shapes of outputs are given. Output data is arena memory. multiplications: how many
 * may still be done; what the node does is taken off. */
int32_t axm_evaluate_node(const axm_node *node, const axm_kernels *kernels, axm_arena *arena, const axm_constant *const *inputs,
                          const axm_shape *output_shapes, int64_t *multiplications, axm_constant *outputs);

#endif
