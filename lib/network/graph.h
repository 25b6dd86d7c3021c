/* The network as it was saved: values (edges) and nodes in an order that can be run. Immutable once loaded. */
#ifndef AXM_NETWORK_GRAPH_H
#define AXM_NETWORK_GRAPH_H

#include "network/builder.h"

typedef struct axm_value {
    const char *name;
    int32_t producer; /* node, or -1: input or constant */
    int32_t output_index;
    bool is_input;
    bool channels_last;           /* in the file's own order the channels are the last axis */
    axm_dtype dtype;              /* of an input or constant */
    axm_shape declared;           /* of an input: as the file has it, AXM_FREE_DIM where free; rank -1: not given */
    const axm_constant *constant; /* or NULL */
} axm_value;

typedef struct axm_node {
    const axm_op *op;
    const void *params;
    const char *name;
    const char *type;
    int32_t input_count, output_count;
    const int32_t *inputs;  /* AXM_NO_VALUE where omitted */
    const int32_t *outputs; /* AXM_NO_VALUE where not used */
    bool hidden;
} axm_node;

typedef struct axm_alias {
    const char *name;
    int32_t value;
} axm_alias;

struct axm_graph {
    axm_allocator *allocator;
    axm_limits limits;
    axm_arena arena;
    axm_value *values;
    int32_t value_count, value_capacity;
    axm_node *nodes;
    int32_t node_count, node_capacity;
    int32_t *inputs; /* values that are neither constant nor computed */
    int32_t input_count, input_capacity;
    int32_t *outputs;
    int32_t output_count, output_capacity;
    axm_alias *aliases;
    int32_t alias_count, alias_capacity;
    int32_t *table; /* open addressing by name: value index, -1 empty */
    int32_t table_size;
};

struct axm_builder {
    axm_graph *graph;
};

int32_t axm_graph_new(axm_allocator *allocator, const axm_limits *limits, axm_graph **out);
void axm_graph_free(axm_graph *graph);
/* After loading: checks that there is an input and an output, and marks which values are channels last in the file. */
int32_t axm_graph_finish(axm_graph *graph);
int32_t axm_graph_find_value(const axm_graph *graph, const char *name); /* exact; AXM_NO_VALUE */
/* Turns an input into a constant (row-major float32; copied). */
int32_t axm_graph_bind(axm_graph *graph, const char *input, const float *data, const int64_t *dims, int32_t rank);
int64_t axm_graph_parameters(const axm_graph *graph);                    /* elements of all weights, shape lists apart */
int64_t axm_graph_node_parameters(const axm_graph *graph, int32_t node); /* likewise, of one node */

#endif
