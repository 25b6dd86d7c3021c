/* Shapes and known values of a graph for one size of the image: inference, and folding of whatever does not depend on it. */
#ifndef AXM_NETWORK_INFER_H
#define AXM_NETWORK_INFER_H

#include "network/graph.h"

/* What is known of a value. */
typedef struct axm_fact {
    bool known; /* shape is valid */
    axm_shape shape;
    const axm_constant *constant; /* not NULL: does not depend on the image */
} axm_fact;

typedef struct axm_infer_request {
    const axm_graph *graph;
    int32_t image; /* the input value that varies */
    axm_shape image_shape;
    const bool *wanted; /* [nodes] which to look at; NULL: all */
    const axm_kernels *kernels;
    axm_arena *arena; /* for folded values; must outlive the facts */
    bool lenient;     /* a node that fails leaves its outputs unknown (for listings) instead of failing */
} axm_infer_request;

/* facts: [values], zeroed by the caller. A failure names the node. */
int32_t axm_infer_graph(const axm_infer_request *request, axm_fact *facts);

#endif
