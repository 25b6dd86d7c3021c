/* Translating one call of a layer. */
#ifndef AXM_LOADERS_KERAS_TRANSLATE_H
#define AXM_LOADERS_KERAS_TRANSLATE_H

#include "loaders/keras/import.h"

typedef struct axm_keras_call {
    axm_keras_import *import;
    axm_keras_layer *layer;
    const cJSON *config;
    const char *name; /* of the layer in listings, unique */
    const axm_keras_tensor *inputs;
    int32_t input_count;
    const axm_keras_inbound *inbound;
    axm_keras_tensor output;         /* to be set */
    const axm_keras_tensor *outputs; /* instead, of an operation that gives several */
    int32_t output_count;
} axm_keras_call;

typedef int32_t (*axm_keras_translation)(axm_keras_call *call);
struct axm_keras_kind {
    const char *class_name, *weights;
    axm_keras_translation translate;
};

#define AXM_KERAS_TRANSLATE(name)           int32_t axm_keras_translate_##name(axm_keras_call *call)
#define X(class_name, weights, translation) AXM_KERAS_TRANSLATE(translation);
#include "loaders/keras/layers.def"
#undef X

/* roles.c: the layer of that class, or the raw operation when `json` (the layer's, with its module) says so; NULL: not known. */
const axm_keras_kind *axm_keras_find_kind(const cJSON *json, const char *class_name);

/* operations.c: the raw operation that `json` describes; NULL when it is none that is known. */
const axm_keras_kind *axm_keras_find_operation(const cJSON *json, const char *class_name);

/* A setting of a raw operation: among its configuration (Keras 3) or its keyword arguments. */
const cJSON *axm_keras_setting(const axm_keras_call *call, const char *name);

bool axm_keras_is_operation(const cJSON *json); /* known or not */

/* nodes.c: of a TensorFlowOpLayer, adds to its configuration what a TFOpLambda would say. */
int32_t axm_keras_read_node(cJSON *config);

/* ---- settings.c: a raw operation's settings, as a layer's configuration has them ---- */

#define AXM_KERAS_SETTINGS 10
typedef struct axm_keras_settings {
    cJSON object, items[AXM_KERAS_SETTINGS];
    int32_t count;
} axm_keras_settings;

/* The operation's setting `name`, as `as`; absent, the fallback, or none when that is AXM_KERAS_NO_NUMBER. */
#define AXM_KERAS_NO_NUMBER (-1e31)
void axm_keras_add_setting(axm_keras_settings *s, const axm_keras_call *call, const char *name, const char *as, double fallback);
void axm_keras_add_item(axm_keras_settings *s, const cJSON *item, const char *as);
/* Translates the call as that of a layer with these settings. */
int32_t axm_keras_as_layer(axm_keras_call *call, axm_keras_translation translate, const axm_keras_settings *s);
/* The axis of the graph's tensor that the operation's setting "axis" means; -1: none, the batch, or several. */
int64_t axm_keras_axis_setting(const axm_keras_call *call, axm_keras_tensor x, double fallback);
const cJSON *axm_keras_plain(const cJSON *item); /* the numbers of an array that is written as an object */
/* A number or nested lists of numbers, as Keras 2 and 3 write a constant operand. values NULL: only its shape. False: it is none.
 */
bool axm_keras_read_constant(const cJSON *item, axm_shape *shape, float *values);

/* ---- emit.c: nodes ---- */

/* "<layer>/<suffix>"; NULL without memory. */
const char *axm_keras_name(axm_keras_call *call, const char *suffix);

/* The tensor in Keras's order, or moved; a hidden Transpose is made when it is not. */
int32_t axm_keras_order(axm_keras_call *call, axm_keras_tensor tensor, bool moved, axm_keras_tensor *out);

/* The axes (one number or a list) that a configuration names, negative ones from the end, none of them the batch, as axes of the
 * graph's tensor. Their number; 0 when there are none; -1 when they are unusable. axes: AXM_MAX_RANK. */
int32_t axm_keras_axes(const cJSON *config, const char *name, axm_keras_tensor x, int64_t *axes);

#define AXM_KERAS_INPUTS 64
/* A node on values of the graph. suffix NULL: the layer's own, which is listed and gives call->output; else a hidden one called
 * "<layer>/<suffix>". like: rank and order of what it gives. */
typedef struct axm_keras_node {
    const char *op, *suffix;
    const int32_t *inputs;
    int32_t input_count;
    const axm_attribute *attributes;
    size_t attribute_count;
    axm_keras_tensor like;
} axm_keras_node;
int32_t axm_keras_emit(axm_keras_call *call, const axm_keras_node *node, axm_keras_tensor *out);
/* One input, rank and order kept. */
int32_t axm_keras_unary(axm_keras_call *call, const char *op, const char *suffix, axm_keras_tensor x,
                        const axm_attribute *attributes, size_t attribute_count, axm_keras_tensor *out);
/* Two inputs, like the first. */
int32_t axm_keras_binary(axm_keras_call *call, const char *op, const char *suffix, axm_keras_tensor a, int32_t b,
                         axm_keras_tensor *out);

/* A layer's weight as a value of the graph, AXM_NO_VALUE when the layer has none of that name. */
int32_t axm_keras_weight(axm_keras_call *call, const char *role, int32_t *out);
const axm_constant *axm_keras_weight_data(const axm_keras_call *call, const char *role); /* NULL when there is none */
/* A constant that the loader makes up; floats in the graph's arena, for the caller to fill. */
int32_t axm_keras_floats(axm_keras_call *call, const axm_shape *shape, float **out);
int32_t axm_keras_constant(axm_keras_call *call, const char *suffix, const axm_shape *shape, const float *data, int32_t *out);
int32_t axm_keras_integer_constant(axm_keras_call *call, const char *suffix, const axm_shape *shape, const int64_t *data,
                                   int32_t *out);
int32_t axm_keras_scalar(axm_keras_call *call, const char *suffix, float number, int32_t *out);
/* Numbers for the last `shape->rank` axes of a tensor in Keras's order, as a constant that broadcasts over `tensor`. */
int32_t axm_keras_broadcast(axm_keras_call *call, const char *suffix, const axm_shape *shape, const float *data,
                            axm_keras_tensor tensor, int32_t *out);

/* ---- activation.c ---- */

/* The activation that the layer's configuration names under `key`, applied to `x` as the layer's output. `linear` asks whether
 * there is none, so that the layer's own node can be its output. */
/* The layer's, as its configuration or the option "activations" has it. */
const cJSON *axm_keras_activation_of(const axm_keras_call *call);
bool axm_keras_is_linear(const cJSON *activation);
int32_t axm_keras_activate(axm_keras_call *call, const cJSON *activation, axm_keras_tensor x);
/* The first half along an axis of the graph, times the sigmoid of the second. */
int32_t axm_keras_gate(axm_keras_call *call, axm_keras_tensor x, int64_t axis);

/* ---- Failures that name the layer ---- */

int32_t axm_keras_refuse(const axm_keras_call *call, const char *what); /* what actmax does not compute */
int32_t axm_keras_bad_config(const axm_keras_call *call, const char *field);

static inline axm_attribute axm_keras_int(const char *name, int64_t value)
{
    return (axm_attribute){.name = name, .kind = AXM_ATTR_INT, .i = value};
}

static inline axm_attribute axm_keras_float(const char *name, double value)
{
    return (axm_attribute){.name = name, .kind = AXM_ATTR_FLOAT, .f = (float)value};
}

static inline axm_attribute axm_keras_text(const char *name, const char *text)
{
    return (axm_attribute){.name = name, .kind = AXM_ATTR_TEXT, .text = text};
}

static inline axm_attribute axm_keras_ints(const char *name, const int64_t *values, size_t count)
{
    return (axm_attribute){.name = name, .kind = AXM_ATTR_INTS, .ints = values, .count = count};
}

#endif
