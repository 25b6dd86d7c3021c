/* One load of an ONNX file: what its source files share. */
#ifndef AXM_LOADERS_ONNX_IMPORT_H
#define AXM_LOADERS_ONNX_IMPORT_H

#include "loaders/loader.h"
#include "loaders/onnx/wire.h"

#define AXM_ONNX_OPSET_FIRST 7
#define AXM_ONNX_OPSET_LAST  25

/* A value's name. All names of the graph are known, sorted and found to be unique before anything is built. */
typedef enum axm_onnx_origin { AXM_ONNX_INITIALIZER, AXM_ONNX_INPUT, AXM_ONNX_OUTPUT } axm_onnx_origin;
typedef struct axm_onnx_sequence axm_onnx_sequence; /* translate_sequences.c */
typedef struct axm_onnx_name {
    axm_onnx_span text;
    axm_onnx_origin origin;            /* an initializer that is also listed as an input is an initializer */
    int32_t index;                     /* of the initializer, the input, or the node that gives it */
    bool used;                         /* by a wanted node or as an output */
    int32_t value;                     /* the builder's, AXM_NO_VALUE until it is built */
    const axm_constant *constant;      /* when it is known; set with value */
    const axm_onnx_sequence *sequence; /* of a sequence of tensors, which has no value */
} axm_onnx_name;

typedef struct axm_onnx_node {
    axm_onnx_NodeProto proto;
    const char *op;
    const char *name;  /* "" when it has none */
    const char *label; /* for messages: the name, or the first output's */
    const char *domain;
    int32_t *inputs;     /* indices of names, -1 where omitted; proto.input.count of them */
    int32_t order_state; /* see order.c */
    uint32_t order_input;
} axm_onnx_node;

typedef struct axm_onnx_import {
    const axm_loader_source *source;
    axm_builder *builder;
    const axm_limits *limits;
    axm_arena scratch; /* gone after the load */
    axm_onnx_reader reader;
    int64_t opset; /* of the default domain; 0: not imported */
    axm_onnx_ModelProto model;
    axm_onnx_GraphProto graph;
    axm_onnx_node *nodes; /* graph.node.count, in the file's order */
    int32_t *order;       /* those that are wanted, in an order that can be run */
    int32_t order_count;
    int32_t end; /* the name at which the network ends; -1: at the file's outputs */
    axm_onnx_name *names;
    int32_t name_count;
    const char **opened; /* locations of source->files, AXM_FILES_LIMIT of them; NULL: none so far */
} axm_onnx_import;

/* model.c: the file down to its nodes; refuses what no operator could help. */
int32_t axm_onnx_read_model(axm_onnx_import *import);
int32_t axm_onnx_check_domain(axm_onnx_import *import, const axm_onnx_node *node);

/* names.c: fills import->names from all initializers, inputs and node outputs. */
int32_t axm_onnx_collect_names(axm_onnx_import *import);
int32_t axm_onnx_find_name(const axm_onnx_import *import, axm_onnx_span text); /* index, -1 when there is none */

/* order.c: finds import->end, connects inputs to names and fills import->order. */
int32_t axm_onnx_find_end(axm_onnx_import *import);
int32_t axm_onnx_sort_nodes(axm_onnx_import *import);

/* tensor.c */
bool axm_onnx_dtype(int32_t data_type, axm_dtype *out); /* false when actmax does not read that type */
const char *axm_onnx_dtype_name(int32_t data_type);
/* The tensor as a constant; its data stays in the file where it can, else it goes to the graph's arena. */
int32_t axm_onnx_read_tensor(axm_onnx_import *import, axm_onnx_span span, const char *label, axm_constant *out);

/* narrow.c: a tensor whose integers of so many bits are packed, as its data. */
int32_t axm_onnx_unpack(axm_onnx_import *import, int32_t bits, axm_constant *constant);

/* external.c: `bytes` bytes of a tensor whose data lies in another file. */
int32_t axm_onnx_external_data(axm_onnx_import *import, const axm_onnx_TensorProto *tensor, const char *label, size_t bytes,
                               const uint8_t **out);

/* values.c: the graph's ends. */
int32_t axm_onnx_build_inputs(axm_onnx_import *import);
int32_t axm_onnx_mark_outputs(axm_onnx_import *import); /* as used */
int32_t axm_onnx_build_outputs(axm_onnx_import *import);
int32_t axm_onnx_build_value(axm_onnx_import *import, int32_t name); /* an initializer that is wanted for the first time */
int32_t axm_onnx_build_constant(axm_onnx_import *import, int32_t name, const axm_constant *constant);

/* advice.c: why a node can't be read, and what to do. */
int32_t axm_onnx_fail_operator(axm_onnx_import *import, const axm_onnx_node *node);
int32_t axm_onnx_fail_domain(axm_onnx_import *import, const axm_onnx_node *node); /* of operators of its own */

/* translate.c */
int32_t axm_onnx_build_node(axm_onnx_import *import, const axm_onnx_node *node);
bool axm_onnx_knows_operator(const char *op);

#endif
