/* Layers as a user sees them: listing, look-up by name, and which tensor a target or a map is read from. */
#ifndef AXM_NETWORK_LAYERS_H
#define AXM_NETWORK_LAYERS_H

#include "network/infer.h"

typedef struct axm_layer {
    int32_t node;
    int32_t value; /* its first output */
} axm_layer;

typedef struct axm_layers {
    axm_layer *items;
    int32_t count; /* of those that are listed */
    int32_t total; /* with hidden ones after them, which are found by their whole name only */
} axm_layers;

/* Nodes whose output depends on the image, in file order. facts may be partly unknown. */
int32_t axm_layers_list(const axm_graph *graph, const axm_fact *facts, axm_arena *arena, axm_layers *out);

/* The index in `layers` of the layer that `name` means; see actmax_model_find_layer. */
int32_t axm_layers_find(const axm_graph *graph, const axm_layers *layers, const char *name, int32_t *out);

/* The axis, in file order, along which a value's channels (or units) lie; -1: it has none. */
int32_t axm_channel_axis(const axm_graph *graph, int32_t value, const axm_shape *shape);

/* Where a target's score is read. */
typedef struct axm_target {
    int32_t value;
    const char *bypassed_score; /* name of the softmax, log-softmax or sigmoid that was passed over; NULL: none */
    const char *bypassed_relu;  /* likewise, of a ReLU between a class's last convolution and its mean over space */
} axm_target;

/* For a value that reaches a graph output through shape-only operators: goes back over a final softmax, log-softmax or sigmoid,
 * and over a ReLU right after the last convolution. Any other value is its own target. */
axm_target axm_target_of(const axm_graph *graph, const axm_fact *facts, int32_t value, bool bypass);

/* The softmax, log-softmax or sigmoid node that `value` comes from through shape-only operators; -1: none. */
int32_t axm_final_score(const axm_graph *graph, int32_t value);

/* The last value before `target` on the way from the image, with more than one position in space; AXM_NO_VALUE: none. */
int32_t axm_cam_value(const axm_graph *graph, const axm_fact *facts, int32_t target, axm_arena *arena, int32_t *out);

/* Whether `value` is computed from `source`. */
int32_t axm_depends_on(const axm_graph *graph, int32_t value, int32_t source, axm_arena *arena, bool *out);

#endif
