/* Weights from HDF5: by the lists of names that Keras 1, 2 and 3's .h5 files have, or by the tree of Keras 3's archives. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/import.h"

/* ---- What a layer, or a model as a layer, expects: trained weights first, then the others ---- */

typedef struct slot {
    axm_keras_layer *layer;
    int32_t index;
} slot;

typedef struct slots {
    slot *items; /* NULL: only count */
    size_t count;
} slots;

static void collect(axm_keras_layer *layer, axm_keras_trained which, slots *out)
{
    for (int32_t i = 0; i < layer->weight_count; ++i) {
        if (layer->trained[i] != which) continue;
        if (out->items) out->items[out->count] = (slot){layer, i};
        ++out->count;
    }
    for (int32_t i = 0; layer->model && i < layer->model->layer_count; ++i)
        collect(&layer->model->layers[i], which, out);
}

static int32_t slots_of(axm_keras_import *import, axm_keras_layer *layer, slots *out)
{
    slots counted = {0};
    collect(layer, AXM_KERAS_TRAINED, &counted);
    collect(layer, AXM_KERAS_FROZEN, &counted);
    *out = (slots){.items = axm_arena_array(&import->scratch, counted.count + 1, sizeof *out->items)};
    if (!out->items) return axm_no_memory(0, "a Keras model");
    collect(layer, AXM_KERAS_TRAINED, out);
    collect(layer, AXM_KERAS_FROZEN, out);
    return ACTMAX_OK;
}

static int32_t read_slot(axm_keras_import *import, const slot *s, uint64_t dataset, const char *label)
{
    s->layer->has_weight[s->index] = true;
    return axm_hdf5_dataset(&import->weights, dataset, label, axm_builder_arena(import->builder), &s->layer->weights[s->index]);
}

/* ---- Lists of names ---- */

/* Keras splits long lists into name0, name1, ... */
static int32_t read_parts(axm_keras_import *import, uint64_t object, const char *name, axm_hdf5_texts *out)
{
    for (int n = 0;; ++n) {
        char part[64];
        axm_hdf5_texts some;
        snprintf(part, sizeof part, "%s%d", name, n);
        int32_t status = axm_hdf5_attribute_texts(&import->weights, object, part, &some);
        if (status < 0 || !some.found) return status;
        axm_hdf5_text *items = axm_arena_array(&import->scratch, out->count + some.count + 1, sizeof *items);
        if (!items) return axm_no_memory(0, "a Keras model");
        if (out->count) memcpy(items, out->items, out->count * sizeof *items);
        if (some.count) memcpy(items + out->count, some.items, some.count * sizeof *items);
        *out = (axm_hdf5_texts){true, items, out->count + some.count};
    }
}

static int32_t read_names(axm_keras_import *import, uint64_t object, const char *name, axm_hdf5_texts *out)
{
    int32_t status = axm_hdf5_attribute_texts(&import->weights, object, name, out);
    return status < 0 || out->found ? status : read_parts(import, object, name, out);
}

/* State of random generators, which Keras keeps among the weights. */
static bool is_weight(const char *name)
{
    return !strstr(name, "seed_generator") && !strstr(name, "StateVar");
}

static void drop_states(axm_hdf5_texts *names)
{
    size_t kept = 0;
    for (size_t i = 0; i < names->count; ++i)
        if (is_weight(names->items[i].text)) names->items[kept++] = names->items[i];
    names->count = kept;
}

static int32_t read_layer(axm_keras_import *import, axm_keras_layer *layer, uint64_t group)
{
    axm_hdf5_texts names;
    slots wanted;
    int32_t status = slots_of(import, layer, &wanted);
    if (status < 0 || (status = read_names(import, group, "weight_names", &names)) < 0) return status;
    drop_states(&names);
    if (names.count != wanted.count)
        return axm_fail(
            ACTMAX_ERROR_FORMAT,
            "layer '%.80s' (%.40s) has %zu weights in the file where its configuration needs %zu; the weights belong to "
            "another model",
            layer->name, layer->class_name, names.count, wanted.count);
    for (size_t i = 0; i < wanted.count; ++i) {
        uint64_t dataset;
        const char *name = names.items[i].text;
        if ((status = axm_hdf5_find(&import->weights, group, name, &dataset)) < 0) return status;
        if (dataset == AXM_HDF5_NONE)
            return axm_fail(ACTMAX_ERROR_FORMAT, "the file lists weight '%.120s' of layer '%.80s', but does not hold it", name,
                            layer->name);
        if ((status = read_slot(import, &wanted.items[i], dataset, name)) < 0) return status;
    }
    return ACTMAX_OK;
}

/* Layers of the file that have weights. */
typedef struct stored_layer {
    const char *name;
    uint64_t group;
} stored_layer;

static int32_t list_stored(axm_keras_import *import, uint64_t root, stored_layer **out, size_t *count)
{
    axm_hdf5_texts layers, weights;
    int32_t status = read_names(import, root, "layer_names", &layers);
    *count = 0;
    *out = axm_arena_array(&import->scratch, layers.count + 1, sizeof **out);
    if (!*out) return axm_no_memory(0, "a Keras model");
    for (size_t i = 0; i < layers.count && status >= 0; ++i) {
        uint64_t group;
        if ((status = axm_hdf5_find(&import->weights, root, layers.items[i].text, &group)) < 0 || group == AXM_HDF5_NONE) continue;
        if ((status = read_names(import, group, "weight_names", &weights)) < 0) continue;
        drop_states(&weights);
        if (weights.count) (*out)[(*count)++] = (stored_layer){layers.items[i].text, group};
    }
    return status;
}

static bool has_weights(const axm_keras_layer *layer)
{
    if (layer->weight_count > 0) return true;
    for (int32_t i = 0; layer->model && i < layer->model->layer_count; ++i)
        if (has_weights(&layer->model->layers[i])) return true;
    return false;
}

int32_t axm_keras_read_listed(axm_keras_import *import, axm_keras_model *model, uint64_t group)
{
    stored_layer *stored;
    size_t count, wanted = 0, named = 0;
    int32_t status = list_stored(import, group, &stored, &count);
    if (status < 0) return status;
    for (int32_t i = 0; i < model->layer_count; ++i)
        wanted += has_weights(&model->layers[i]);
    for (size_t i = 0; i < count; ++i) {
        axm_keras_layer *layer = axm_keras_find_layer(model, stored[i].name);
        named += layer && has_weights(layer);
    }
    /* By name; or, where names were made up anew since, in order, as Keras does. */
    if (named < wanted && count != wanted)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "the file has weights of %zu layers, the model needs them for %zu; the weights belong to another model",
                        count, wanted);
    size_t at = 0;
    for (int32_t i = 0; i < model->layer_count && status >= 0; ++i) {
        axm_keras_layer *layer = &model->layers[i];
        if (!has_weights(layer)) continue;
        if (named == wanted)
            for (at = 0; strcmp(stored[at].name, layer->name) != 0;)
                ++at;
        status = read_layer(import, layer, stored[at++].group);
    }
    return status;
}

/* ---- The archive's tree ---- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* "SeparableConv2D" -> "separable_conv2d", as Keras's naming does: an underscore before a capital that is followed by small
 * letters, and before one that follows a small letter. */
static void snake_case(const char *name, char *out, size_t capacity)
{
    axm_text text = axm_text_in(out, capacity);
    for (size_t i = 0; name[i]; ++i) {
        char c = name[i];
        bool word = c == '_' || is_upper(c) || is_lower(c) || (c >= '0' && c <= '9');
        bool starts = i > 0 && is_upper(c) && (is_lower(name[i + 1]) || is_lower(name[i - 1]));
        if (starts) axm_text_add(&text, "_");
        if (word) axm_text_add(&text, "%c", is_upper(c) ? c - 'A' + 'a' : c);
    }
}

/* The number of layers of the same class before this one. */
static int32_t number_of(const axm_keras_model *model, int32_t index)
{
    int32_t number = 0;
    for (int32_t i = 0; i < index; ++i)
        number += strcmp(model->layers[i].class_name, model->layers[index].class_name) == 0;
    return number;
}

static int32_t read_stored_layer(axm_keras_import *import, axm_keras_layer *layer, uint64_t group)
{
    for (int32_t i = 0; i < layer->weight_count; ++i) {
        char path[32];
        uint64_t dataset = AXM_HDF5_NONE;
        snprintf(path, sizeof path, "vars/%d", (int)i);
        int32_t status = group == AXM_HDF5_NONE ? ACTMAX_OK : axm_hdf5_find(&import->weights, group, path, &dataset);
        if (status < 0) return status;
        if (dataset == AXM_HDF5_NONE)
            return axm_fail(ACTMAX_ERROR_FORMAT, "the file lacks weight '%s' of layer '%.80s' (%.40s)", layer->roles[i],
                            layer->name, layer->class_name);
        if ((status = read_slot(import, &(slot){layer, i}, dataset, layer->path)) < 0) return status;
    }
    return ACTMAX_OK;
}

static int32_t read_stored(axm_keras_import *import, axm_keras_model *model, uint64_t group)
{
    uint64_t layers = AXM_HDF5_NONE;
    int32_t status = group == AXM_HDF5_NONE ? ACTMAX_OK : axm_hdf5_find(&import->weights, group, "layers", &layers);
    if (status >= 0 && layers == AXM_HDF5_NONE && group != AXM_HDF5_NONE) /* Keras 2.12 to 2.14 */
        status = axm_hdf5_find(&import->weights, group, "_layer_checkpoint_dependencies", &layers);
    for (int32_t i = 0; i < model->layer_count && status >= 0; ++i) {
        axm_keras_layer *layer = &model->layers[i];
        if (!has_weights(layer)) continue;
        char name[160], path[200];
        uint64_t child = AXM_HDF5_NONE;
        int32_t number = number_of(model, i);
        snake_case(layer->class_name, name, sizeof name);
        if (number > 0)
            snprintf(path, sizeof path, "%s_%d", name, (int)number);
        else
            snprintf(path, sizeof path, "%s", name);
        if (layers != AXM_HDF5_NONE) status = axm_hdf5_find(&import->weights, layers, path, &child);
        if (status < 0) return status;
        status = layer->model ? read_stored(import, layer->model, child) : read_stored_layer(import, layer, child);
    }
    return status;
}

int32_t axm_keras_read_stored(axm_keras_import *import, axm_keras_model *model)
{
    return read_stored(import, model, import->weights.root);
}
