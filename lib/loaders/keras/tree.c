/* From the configuration to a tree of models and layers, with the connections between them. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/import.h"
#include "loaders/keras/translate.h"

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; ++c)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    return hash;
}

axm_keras_layer *axm_keras_find_layer(const axm_keras_model *model, const char *name)
{
    int32_t at = model->table_size ? model->table[hash_of(name) & (model->table_size - 1)] : -1;
    for (; at >= 0; at = model->layers[at].next)
        if (strcmp(model->layers[at].name, name) == 0) return &model->layers[at];
    return NULL;
}

static int32_t index_names(axm_keras_import *import, axm_keras_model *model)
{
    model->table_size = 16;
    while (model->table_size < 2u * (uint32_t)model->layer_count)
        model->table_size *= 2;
    model->table = axm_arena_array(&import->scratch, model->table_size, sizeof *model->table);
    if (!model->table) return axm_no_memory(0, "a Keras model");
    for (uint32_t i = 0; i < model->table_size; ++i)
        model->table[i] = -1;
    for (int32_t i = 0; i < model->layer_count; ++i) {
        axm_keras_layer *layer = &model->layers[i];
        if (axm_keras_find_layer(model, layer->name))
            return axm_fail(ACTMAX_ERROR_FORMAT, "two layers of the model are called '%.80s'; the file is damaged", layer->name);
        int32_t *head = &model->table[hash_of(layer->name) & (model->table_size - 1)];
        layer->next = *head;
        *head = i;
    }
    return ACTMAX_OK;
}

static void *new_array(axm_keras_import *import, int32_t count, size_t size)
{
    return axm_arena_array(&import->scratch, (size_t)count + 1, size);
}

/* ---- Connections ---- */

bool axm_keras_is_constant(const cJSON *item)
{
    return cJSON_IsArray(item) && cJSON_IsString(item->child) && strcmp(item->child->valuestring, "_CONSTANT_VALUE") == 0;
}

axm_keras_inbound *axm_keras_find_call(const axm_keras_model *model, const axm_keras_source *source)
{
    axm_keras_layer *layer = axm_keras_find_layer(model, source->layer);
    int32_t call = layer ? source->call - layer->first_call : -1;
    return call >= 0 && call < layer->inbound_count ? &layer->inbound[call] : NULL;
}

/* ["layer", call, output, ...]; cut-short ones are of old versions. */
static bool read_source(const cJSON *list, axm_keras_source *out)
{
    const cJSON *name = cJSON_GetArrayItem(list, 0), *call = cJSON_GetArrayItem(list, 1), *output = cJSON_GetArrayItem(list, 2);
    if (!cJSON_IsString(name)) return false;
    double at = cJSON_IsNumber(call) ? call->valuedouble : 0, index = cJSON_IsNumber(output) ? output->valuedouble : 0;
    if (!(at >= 0 && at < 1e6 && index >= 0 && index < 1e6)) return false;
    *out = (axm_keras_source){name->valuestring, (int32_t)at, (int32_t)index};
    return true;
}

static bool is_source(const cJSON *item)
{
    return cJSON_IsArray(item) && cJSON_IsString(item->child) && (!item->child->next || cJSON_IsNumber(item->child->next));
}

/* A tensor as Keras 3 writes it. */
static const cJSON *history_of(const cJSON *item)
{
    if (!cJSON_IsObject(item) || strcmp(axm_keras_string(item, "class_name", ""), "__keras_tensor__") != 0) return NULL;
    return axm_keras_item(axm_keras_item(item, "config"), "keras_history");
}

/* Counts the tensors in an argument and, when `out` is given, writes them. Depth is bounded by the parser. */
static int32_t gather(const cJSON *item, axm_keras_source *out)
{
    const cJSON *child, *history = history_of(item);
    axm_keras_source source;
    if (axm_keras_is_constant(item)) return 0;
    if (history || is_source(item)) {
        if (!read_source(history ? history : item, &source)) return 0;
        if (out) *out = source;
        return 1;
    }
    int32_t count = 0;
    if (!cJSON_IsArray(item) && !cJSON_IsObject(item)) return 0;
    cJSON_ArrayForEach(child, item) count += gather(child, out ? out + count : NULL);
    return count;
}

/* Tensors among keyword arguments (layer(x, y=other)): Keras 2 writes them in the fourth place of a source. */
static const cJSON *keywords_of(const cJSON *node)
{
    const cJSON *first = is_source(node) ? node : cJSON_GetArrayItem(node, 0), *keywords = cJSON_GetArrayItem(first, 3);
    return cJSON_IsObject(keywords) ? keywords : NULL;
}

static int32_t read_inbound(axm_keras_import *import, const cJSON *node, axm_keras_inbound *out)
{
    const cJSON *tensors = node;
    if (cJSON_IsObject(node)) { /* Keras 3 */
        out->arguments = tensors = axm_keras_item(node, "args");
        out->keywords = axm_keras_item(node, "kwargs");
    } else {
        out->arguments = node;
        out->keywords = keywords_of(node);
    }
    int32_t first = gather(tensors, NULL), more = gather(out->keywords, NULL);
    out->sources = new_array(import, first + more, sizeof *out->sources);
    if (!out->sources) return axm_no_memory(0, "a Keras model");
    gather(tensors, out->sources);
    gather(out->keywords, out->sources + first);
    out->source_count = first + more;
    return ACTMAX_OK;
}

static int32_t read_inbounds(axm_keras_import *import, const cJSON *list, axm_keras_layer *layer)
{
    const cJSON *node;
    int32_t count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    bool single = count > 0 && is_source(list->child); /* a single call of a single tensor without its list */
    if (single) count = 1;
    layer->inbound = new_array(import, count > 0 ? count : 1, sizeof *layer->inbound);
    if (!layer->inbound) return axm_no_memory(0, "a Keras model");
    layer->inbound_count = count > 0 ? count : 1; /* an input layer has one call without sources */
    if (count == 0) return ACTMAX_OK;
    if (single) {
        int32_t status = read_inbound(import, list, &layer->inbound[0]);
        return status;
    }
    int32_t at = 0, status = ACTMAX_OK;
    cJSON_ArrayForEach(node, list)
    {
        if (status >= 0) status = read_inbound(import, node, &layer->inbound[at++]);
    }
    return status;
}

static int32_t read_ends(axm_keras_import *import, const cJSON *list, axm_keras_source **out, int32_t *count)
{
    *count = gather(list, NULL);
    *out = new_array(import, *count, sizeof **out);
    if (!*out) return axm_no_memory(0, "a Keras model");
    gather(list, *out);
    return ACTMAX_OK;
}

/* ---- Layers ---- */

static bool is_model(const char *class_name, const cJSON *config)
{
    if (strcmp(class_name, "Sequential") == 0) return true;
    return cJSON_IsArray(axm_keras_item(config, "layers")) && cJSON_IsArray(axm_keras_item(config, "input_layers"));
}

static const char *join(axm_keras_import *import, const char *path, const char *name)
{
    size_t front = strlen(path), length = strlen(name);
    char *joined = axm_arena_alloc(&import->scratch, front + length + 2);
    if (!joined) return NULL;
    memcpy(joined, path, front);
    if (front) joined[front++] = '/';
    memcpy(joined + front, name, length);
    return joined;
}

static int32_t read_layer(axm_keras_import *import, const cJSON *json, const char *path, axm_keras_layer *out)
{
    const char *registered = axm_keras_string(json, "class_name", NULL);
    out->class_name = registered && strncmp(registered, "Custom>", 7) == 0 ? registered + 7 : registered; /* Keras's prefix */
    cJSON *config = cJSON_GetObjectItemCaseSensitive(json, "config");
    out->config = config;
    out->name = axm_keras_string(json, "name", NULL);
    if (!out->name) out->name = axm_keras_string(out->config, "name", NULL);
    if (!out->name && out->class_name && cJSON_IsArray(out->config))
        out->name = out->class_name; /* Keras 2.0's Sequential in another */
    if (!out->class_name || !out->name || !*out->name)
        return axm_fail(ACTMAX_ERROR_FORMAT, "a layer of the model lacks its class or its name; the file is damaged");
    if (!(out->path = join(import, path, out->name))) return axm_no_memory(0, "a Keras model");
    if (strcmp(axm_keras_string(out->config, "data_format", ""), "channels_first") == 0) import->channels_first = true;
    int32_t status = read_inbounds(import, axm_keras_item(json, "inbound_nodes"), out);
    if (status < 0) return status;
    if (strcmp(registered, "TensorFlowOpLayer") == 0 && (status = axm_keras_read_node(config)) < 0) return status;
    if (is_model(registered, out->config)) return axm_keras_read_model(import, json, out->path, &out->model);
    out->kind = axm_keras_find_kind(json, registered);
    status = axm_keras_set_roles(import, out);
    return status < 0 ? status : axm_keras_set_activation(import, out);
}

/* Layer i + 1 takes what layer i gives. */
static int32_t chain(axm_keras_import *import, axm_keras_model *model)
{
    for (int32_t i = 0; i < model->layer_count; ++i) {
        axm_keras_inbound *inbound = &model->layers[i].inbound[0];
        model->layers[i].inbound_count = 1;
        inbound->sources = new_array(import, 1, sizeof *inbound->sources);
        if (!inbound->sources) return axm_no_memory(0, "a Keras model");
        inbound->source_count = i > 0;
        if (i > 0) inbound->sources[0].layer = model->layers[i - 1].name;
    }
    model->outputs = new_array(import, 1, sizeof *model->outputs);
    if (!model->outputs) return axm_no_memory(0, "a Keras model");
    model->output_count = 1;
    model->outputs[0].layer = model->layers[model->layer_count - 1].name;
    return ACTMAX_OK;
}

/* A nested model of Keras 2 counted its making as its first call: then some source names one call more than there are. */
static void find_first_calls(axm_keras_model *model)
{
    for (int32_t i = 0; i <= model->layer_count; ++i) {
        const axm_keras_inbound ends = {.sources = model->outputs, .source_count = model->output_count};
        int32_t calls = i < model->layer_count ? model->layers[i].inbound_count : 1;
        for (int32_t c = 0; c < calls; ++c) {
            const axm_keras_inbound *inbound = i < model->layer_count ? &model->layers[i].inbound[c] : &ends;
            for (int32_t s = 0; s < inbound->source_count; ++s) {
                axm_keras_layer *layer = axm_keras_find_layer(model, inbound->sources[s].layer);
                if (layer && layer->model && inbound->sources[s].call == layer->inbound_count) layer->first_call = 1;
            }
        }
    }
}

static void count_wanted(axm_keras_model *model, const axm_keras_source *sources, int32_t count)
{
    for (int32_t s = 0; s < count; ++s) {
        axm_keras_inbound *from = axm_keras_find_call(model, &sources[s]);
        if (from && from->wanted <= sources[s].output) from->wanted = sources[s].output + 1;
    }
}

static void find_wanted_outputs(axm_keras_model *model)
{
    for (int32_t i = 0; i < model->layer_count; ++i)
        for (int32_t c = 0; c < model->layers[i].inbound_count; ++c)
            count_wanted(model, model->layers[i].inbound[c].sources, model->layers[i].inbound[c].source_count);
    count_wanted(model, model->outputs, model->output_count);
}

static int32_t fail_no_layers(const char *class_name)
{
    return axm_fail(
        ACTMAX_ERROR_UNSUPPORTED,
        "model class '%.60s' does not record its layers (a subclassed model keeps them in Python code); build it with the "
        "functional API, or export it to ONNX",
        class_name);
}

int32_t axm_keras_read_model(axm_keras_import *import, const cJSON *json, const char *path, axm_keras_model **out)
{
    const char *class_name = axm_keras_string(json, "class_name", "(none)");
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(json, "config"), *item;
    const cJSON *layers = cJSON_IsArray(config) ? config : axm_keras_item(config, "layers");
    int32_t status = ACTMAX_OK, at = 0;
    if (++import->depth > import->limits->nesting)
        return axm_fail(ACTMAX_ERROR_LIMIT, "models are nested deeper than limit_nesting (%lld) allows",
                        (long long)import->limits->nesting);
    if (!is_model(class_name, config) || !cJSON_IsArray(layers) || !layers->child) return fail_no_layers(class_name);
    axm_keras_model *model = axm_arena_alloc(&import->scratch, sizeof *model);
    if (!model) return axm_no_memory(0, "a Keras model");
    model->name = axm_keras_string(config, "name", "model");
    model->sequential = strcmp(class_name, "Sequential") == 0;
    model->layer_count = cJSON_GetArraySize(layers);
    if (model->layer_count > import->limits->nodes)
        return axm_fail(ACTMAX_ERROR_LIMIT, "the model has more layers than limit_nodes (%lld) allows",
                        (long long)import->limits->nodes);
    if (!(model->layers = new_array(import, model->layer_count, sizeof *model->layers))) return axm_no_memory(0, "a Keras model");
    cJSON_ArrayForEach(item, layers)
    {
        if ((status = read_layer(import, item, path, &model->layers[at++])) < 0) return status;
    }
    if ((status = index_names(import, model)) < 0) return status;
    if (model->sequential) {
        status = chain(import, model);
    } else {
        status = read_ends(import, axm_keras_item(config, "input_layers"), &model->inputs, &model->input_count);
        if (status >= 0) status = read_ends(import, axm_keras_item(config, "output_layers"), &model->outputs, &model->output_count);
    }
    if (status >= 0 && model->output_count == 0)
        status = axm_fail(ACTMAX_ERROR_FORMAT, "the model names no output; the file is damaged");
    if (status >= 0) find_first_calls(model);
    if (status >= 0) find_wanted_outputs(model);
    --import->depth;
    *out = model;
    return status;
}
