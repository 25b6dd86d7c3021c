/* The network as it was saved: values (edges) and nodes in an order that can be run. Immutable once loaded. */
#ifndef AXM_NETWORK_GRAPH_H
#define AXM_NETWORK_GRAPH_H

#include "network/builder.h"

typedef struct axm_value {
    const char *name;
    int32_t producer; /* node, or -1: input or constant */
    int32_t output_index;
    bool is_input;
    bool channels_last;           /* in the graph's order the channels are the last axis */
    bool shown_last;              /* the file has the channels last where the graph has them at axis 1 */
    bool order_given;             /* an input whose order the loader knows */
    axm_parameter parameter;      /* of a constant */
    int64_t stands_for;           /* of a constant: how many parameters of the file it was made of; 0: its own elements */
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
    int64_t holds;          /* of a node that stands for nodes before it: how many parameters those have */
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
    bool tells_frozen; /* the file says which parameters training left alone */
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
int64_t axm_graph_frozen_parameters(const axm_graph *graph);             /* of those, what training left alone */
int64_t axm_graph_node_parameters(const axm_graph *graph, int32_t node); /* likewise, of one node and the hidden ones before it */
/* The shape as the file has it. */
axm_shape axm_graph_shown_shape(const axm_graph *graph, int32_t value, const axm_shape *shape);

#endif
