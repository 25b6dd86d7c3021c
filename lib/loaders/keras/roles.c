/* The table of layers, and which weights a layer of given configuration has. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

static const axm_keras_kind kinds[] = {
#define X(class_name, weights, translation) {#class_name, weights, axm_keras_translate_##translation},
#include "loaders/keras/layers.def"
#undef X
};

/* Classes of keras.applications are registered as any user's are. */
static bool is_of_applications(const char *class_name)
{
    static const char *const names[] = {"CustomScaleLayer", "LayerScale", "StochasticDepth", "FixedDropout"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        if (strcmp(names[i], class_name) == 0) return true;
    return false;
}

/* keras.applications' InceptionResNet of Keras 2 has "block35_1" and the like as a Lambda of two inputs with one argument, the
 * scale. */
static bool is_scaled_residual(const cJSON *json, const char *class_name)
{
    const cJSON *config = axm_keras_item(json, "config"), *arguments = axm_keras_item(config, "arguments");
    const char *name = axm_keras_string(config, "name", "");
    bool block = strncmp(name, "block35_", 8) == 0 || strncmp(name, "block17_", 8) == 0 || strncmp(name, "block8_", 7) == 0;
    return block && strcmp(class_name, "Lambda") == 0 && cJSON_IsNumber(axm_keras_item(arguments, "scale")) &&
           !arguments->child->next;
}

const axm_keras_kind *axm_keras_find_kind(const cJSON *json, const char *class_name)
{
    const axm_keras_kind *operation = axm_keras_find_operation(json, class_name);
    if (operation || axm_keras_is_operation(json)) return operation;
    if (strncmp(class_name, "Custom>", 7) == 0 && is_of_applications(class_name + 7)) class_name += 7;
    if (is_scaled_residual(json, class_name)) class_name = "CustomScaleLayer";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i)
        if (strcmp(kinds[i].class_name, class_name) == 0) return &kinds[i];
    return NULL;
}

/* One word of the table's list: name, "?flag", "!". */
static int32_t add_role(axm_keras_import *import, axm_keras_layer *layer, const char *word, size_t length, bool trainable)
{
    const char *flag = memchr(word, '?', length);
    size_t name = flag ? (size_t)(flag - word) : length;
    bool frozen = word[length - 1] == '!';
    if (flag) {
        const char *text = axm_arena_text(&import->scratch, flag + 1, length - name - 1);
        if (!text) return axm_no_memory(0, "a Keras model");
        if (!axm_keras_flag(layer->config, text, true)) return ACTMAX_OK;
    }
    int32_t at = layer->weight_count++;
    layer->roles[at] = axm_arena_text(&import->scratch, word, name - frozen);
    layer->trained[at] = frozen || !trainable ? AXM_KERAS_FROZEN : AXM_KERAS_TRAINED;
    layer->values[at] = AXM_NO_VALUE;
    return layer->roles[at] ? ACTMAX_OK : axm_no_memory(0, "a Keras model");
}

int32_t axm_keras_set_roles(axm_keras_import *import, axm_keras_layer *layer)
{
    const char *word = layer->kind ? layer->kind->weights : "";
    bool trainable = axm_keras_flag(layer->config, "trainable", true);
    /* Normalization has weights only when it learned its numbers from data. */
    if (layer->kind && strcmp(layer->class_name, "Normalization") == 0 && axm_keras_item(layer->config, "mean")) return ACTMAX_OK;
    if (layer->kind && strcmp(layer->class_name, "LayerNormalization") == 0 && axm_keras_flag(layer->config, "rms_scaling", false))
        word = "gamma"; /* whatever the flags say */
    while (*word) {
        size_t length = strcspn(word, " ");
        int32_t status = add_role(import, layer, word, length, trainable);
        if (status < 0) return status;
        word += length + (word[length] == ' ');
    }
    return ACTMAX_OK;
}

/* Layers whose configuration has an activation, and those that are one. */
static bool has_activation(const axm_keras_layer *layer)
{
    static const axm_keras_translation with[] = {axm_keras_translate_conv,      axm_keras_translate_depthwise,
                                                 axm_keras_translate_separable, axm_keras_translate_conv_transpose,
                                                 axm_keras_translate_dense,     axm_keras_translate_activation};
    for (size_t i = 0; layer->kind && i < sizeof with / sizeof *with; ++i)
        if (layer->kind->translate == with[i]) return true;
    return false;
}

static bool is_activation(const axm_keras_layer *layer)
{
    static const axm_keras_translation are[] = {
        axm_keras_translate_relu, axm_keras_translate_leaky_relu,       axm_keras_translate_prelu,
        axm_keras_translate_elu,  axm_keras_translate_thresholded_relu, axm_keras_translate_softmax};
    for (size_t i = 0; layer->kind && i < sizeof are / sizeof *are; ++i)
        if (layer->kind->translate == are[i]) return true;
    return false;
}

int32_t axm_keras_set_activation(axm_keras_import *import, axm_keras_layer *layer)
{
    const char *name = axm_activations_take(import->source->activations, layer->path);
    if (!name) return ACTMAX_OK;
    if (is_activation(layer))
        layer->kind = axm_keras_find_kind(NULL, "Activation");
    else if (!has_activation(layer))
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "option 'activations': layer '%.80s' (%.40s) has no activation", layer->path,
                        layer->class_name);
    char *copy = axm_arena_alloc(&import->scratch, strlen(name) + 1);
    cJSON *text = axm_arena_alloc(&import->scratch, sizeof *text);
    if (!copy || !text) return axm_no_memory(0, "a Keras model");
    memcpy(copy, name, strlen(name) + 1);
    *text = (cJSON){.type = cJSON_String, .valuestring = copy};
    layer->activation = text;
    return ACTMAX_OK;
}
