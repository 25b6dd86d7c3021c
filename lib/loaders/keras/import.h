/* One load of a Keras model: what its source files share. The model's configuration (JSON) becomes a tree of layers; the tree is
 * called as Keras would call it, and each call translates one layer into nodes of the graph. */
#ifndef AXM_LOADERS_KERAS_IMPORT_H
#define AXM_LOADERS_KERAS_IMPORT_H

#include <cjson/cJSON.h>

#include "loaders/keras/hdf5.h"
#include "loaders/loader.h"

typedef struct axm_keras_model axm_keras_model;
typedef struct axm_keras_layer axm_keras_layer;

/* A tensor between layers. Keras's images have their channels last; the graph's operators want them at axis 1, so a tensor that
 * comes from or goes to one is kept "moved": the graph's axes are Keras's with the last one taken to 1. In memory nothing moves. */
typedef struct axm_keras_tensor {
    int32_t value;
    int32_t rank; /* with the batch */
    bool moved;
} axm_keras_tensor;

/* Where a layer's input comes from. */
typedef struct axm_keras_source {
    const char *layer;
    int32_t call, output;
} axm_keras_source;

/* One call of a layer in its model ("inbound node"). */
typedef struct axm_keras_inbound {
    axm_keras_source *sources;
    int32_t source_count;
    const cJSON *arguments, *keywords; /* as written, for layers that are raw operations; may be NULL */
    int32_t state;                     /* 0: not done, 1: under way, 2: done */
    axm_keras_tensor *outputs;
    int32_t output_count;
    int32_t wanted; /* outputs that something takes, counted up to the last of them */
} axm_keras_inbound;

#define AXM_KERAS_WEIGHTS 8

typedef enum axm_keras_trained { AXM_KERAS_TRAINED, AXM_KERAS_FROZEN } axm_keras_trained;

typedef struct axm_keras_kind axm_keras_kind;
struct axm_keras_layer {
    const char *name, *class_name;
    const cJSON *config;
    const axm_keras_kind *kind; /* NULL: not known */
    const cJSON *activation;    /* instead of the configuration's; NULL: that */
    axm_keras_model *model;     /* a nested one, else NULL */
    axm_keras_inbound *inbound;
    int32_t inbound_count, calls; /* calls: of all instances of its model, for names */
    int32_t first_call; /* what the file calls the first of inbound: 1 for nested models of Keras 2, which counted their making */
    int32_t next;       /* in the model's table of names */
    /* Weights in the order in which Keras makes them. */
    const char *roles[AXM_KERAS_WEIGHTS];
    axm_keras_trained trained[AXM_KERAS_WEIGHTS];
    bool has_weight[AXM_KERAS_WEIGHTS];
    axm_constant weights[AXM_KERAS_WEIGHTS];
    int32_t values[AXM_KERAS_WEIGHTS]; /* of the graph, AXM_NO_VALUE until used */
    const char *path;                  /* unique: with the names of the models around it */
    int32_t weight_count;
    bool counted; /* constants of the graph stand for the weights */
};

struct axm_keras_model {
    const char *name;
    bool sequential;
    axm_keras_layer *layers;
    int32_t layer_count;
    int32_t *table; /* heads of chains by hash of the name, -1 empty */
    uint32_t table_size;
    axm_keras_source *inputs, *outputs;
    int32_t input_count, output_count;
};

typedef struct axm_keras_import {
    const axm_loader_source *source;
    axm_builder *builder;
    const axm_limits *limits;
    axm_arena scratch;   /* gone after the load */
    int32_t version;     /* major version of Keras that wrote the file; 2 when it does not say */
    bool channels_first; /* a layer of the model says so: then an image input has Keras's order */
    cJSON *json;
    axm_hdf5 weights;
    bool has_weights;
    int64_t helpers; /* nodes made so far without a name of Keras's, for their names */
    int32_t depth;
} axm_keras_import;

/* ---- json.c ---- */

int32_t axm_keras_parse(axm_keras_import *import, const char *text, size_t length, const char *what, cJSON **out);
const cJSON *axm_keras_item(const cJSON *object, const char *name); /* NULL when absent or null */
const char *axm_keras_string(const cJSON *object, const char *name, const char *fallback);
bool axm_keras_flag(const cJSON *object, const char *name, bool fallback);
double axm_keras_number(const cJSON *object, const char *name, double fallback);
/* A whole number or a list of `count` of them. Absent: fallback in each. False when it is something else. */
bool axm_keras_integers(const cJSON *object, const char *name, int32_t count, int64_t fallback, int64_t *out);

/* ---- tree.c ---- */

int32_t axm_keras_read_model(axm_keras_import *import, const cJSON *json, const char *path, axm_keras_model **out);
axm_keras_layer *axm_keras_find_layer(const axm_keras_model *model, const char *name);
/* The call that a source means; NULL when there is none. */
axm_keras_inbound *axm_keras_find_call(const axm_keras_model *model, const axm_keras_source *source);
bool axm_keras_is_constant(const cJSON *item); /* a number in a tensor's place, as Keras 2 writes it; it is the third of the list */

/* ---- roles.c, weights.c: what weights a layer has, and where the file keeps them ---- */

int32_t axm_keras_set_roles(axm_keras_import *import, axm_keras_layer *layer);
/* What the option "activations" says of the layer. */
int32_t axm_keras_set_activation(axm_keras_import *import, axm_keras_layer *layer);
/* HDF5 as Keras 1 and 2 wrote it, and as Keras 3 writes .h5: lists of names in attributes. */
int32_t axm_keras_read_listed(axm_keras_import *import, axm_keras_model *model, uint64_t group);
/* The archive's: groups named after the layers' classes. */
int32_t axm_keras_read_stored(axm_keras_import *import, axm_keras_model *model);

/* ---- network.c ---- */

int32_t axm_keras_build(axm_keras_import *import, axm_keras_model *model);

/* ---- vgg.c ---- */

/* The configuration of a network that Keras publishes weights of without one, known by its layers' names; NULL when it is none. */
int32_t axm_keras_known_network(axm_keras_import *import, uint64_t group, char **out);

#endif
