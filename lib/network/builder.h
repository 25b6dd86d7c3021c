/* What a loader uses to hand over a network. Names and attributes are copied; constants' bytes are not (they belong to a file
 * that the model keeps open, or to the arena). Values are numbered by the builder. */
#ifndef AXM_NETWORK_BUILDER_H
#define AXM_NETWORK_BUILDER_H

#include "ops/op.h"

typedef struct axm_graph axm_graph;
typedef struct axm_builder axm_builder;

#define AXM_NO_VALUE (-1)

/* One dimension of an input as the file has it: a size, or free (symbolic or absent). */
#define AXM_FREE_DIM (-1)

axm_arena *axm_builder_arena(axm_builder *builder); /* lives with the graph */
const axm_limits *axm_builder_limits(const axm_builder *builder);

/* A graph input; shape dims may be AXM_FREE_DIM. rank -1: not given. */
int32_t axm_builder_input(axm_builder *builder, const char *name, axm_dtype dtype, const axm_shape *shape, int32_t *out_value);
/* A named constant (weight). A name may be given once only. parameter: counts as a learned parameter. */
int32_t axm_builder_constant(axm_builder *builder, const char *name, const axm_constant *constant, int32_t *out_value);
/* Of a constant: a parameter that training changes, one that it leaves alone, or none but made up by the loader. Unsaid: whatever
 * has axes and floating point is a parameter. */
typedef enum axm_parameter { AXM_PARAMETER_UNSAID, AXM_PARAMETER_TRAINED, AXM_PARAMETER_FROZEN, AXM_PARAMETER_NONE } axm_parameter;
void axm_builder_parameter(axm_builder *builder, int32_t value, axm_parameter kind);
/* A constant that was made of so many parameters of the file. */
void axm_builder_stands_for(axm_builder *builder, int32_t value, axm_parameter kind, int64_t count);
/* The graph has the value's channels at axis 1; the file has them last, and that is how shapes and arrays are shown (last), or it
 * has them there too (not last). Unsaid, the graph's order is the file's. */
void axm_builder_show_channels(axm_builder *builder, int32_t value, bool last);
/* The element type of a value as the file means it; false where it can't be told before shapes are known. */
bool axm_builder_dtype(const axm_builder *builder, int32_t value, axm_dtype *out);
/* The value of that name, AXM_NO_VALUE when none so far. */
int32_t axm_builder_find(const axm_builder *builder, const char *name);

typedef struct axm_node_spec {
    const char *op;        /* a name of ops.def */
    const char *type;      /* as the file calls it, for listings */
    const char *name;      /* the node's; NULL or "": taken from its first output */
    const int32_t *inputs; /* values, AXM_NO_VALUE where omitted */
    int32_t input_count;
    const char *const *outputs; /* names, "" or NULL where not used */
    int32_t output_count;
    axm_attributes attributes;
    bool hidden; /* not listed as a layer, but found by its whole name; its parameters count as those of the next listed one */
} axm_node_spec;
/* The value's node stands for others, with so many parameters, in listings. */
void axm_builder_holds(axm_builder *builder, int32_t value, int64_t parameters);
int32_t axm_builder_node(axm_builder *builder, const axm_node_spec *spec,
                         int32_t *out_values); /* out_values[output_count], may be NULL */
/* A second name for a value. */
int32_t axm_builder_alias(axm_builder *builder, int32_t value, const char *name);
int32_t axm_builder_output(axm_builder *builder, int32_t value, const char *name);

#endif
