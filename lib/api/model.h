/* The model handle's body. */
#ifndef AXM_API_MODEL_H
#define AXM_API_MODEL_H

#include "loaders/loader.h"
#include "network/layers.h"
#include "network/weights.h"
#include "visualize/input.h"

struct actmax_model {
    axm_allocator *allocator;
    axm_limits limits;
    axm_file file;
    uint8_t *copied; /* of a memory load with load_mode=copy */
    axm_files files; /* further ones */
    axm_graph *graph;
    axm_weights weights; /* changes under its own lock */
    axm_arena arena;     /* facts and layers */
    axm_fact *facts;     /* at the network's default size */
    axm_layers layers;
    axm_input input;
    char notes[1024];
    bool assumed; /* the preprocessing was not given */
};

/* Resolves "layer" as the public functions take it to a value of the graph; names what it is in messages. */
int32_t axm_model_layer_value(const struct actmax_model *model, int32_t layer, int32_t *value);
/* The name of the layer that gives `value`, or the value's own. */
const char *axm_model_value_name(const struct actmax_model *model, int32_t value);

#endif
