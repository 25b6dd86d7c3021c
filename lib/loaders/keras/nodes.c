/* TensorFlowOpLayer: a node of TensorFlow's graph in a Keras model, as versions 2.2 and 2.3 write raw operations. Its configuration
 * gets the function and the settings that later versions would have written. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/translate.h"

static const struct {
    const char *op, *function, *settings;
} nodes[] = {
#define X(op, function, settings) {#op, function, settings},
#include "loaders/keras/nodes.def"
#undef X
};

/* ---- Attributes, as JSON has protocol buffers: whole numbers are texts, texts are in base 64 ---- */

static cJSON *read_number(const cJSON *item)
{
    if (cJSON_IsNumber(item)) return cJSON_CreateNumber(item->valuedouble);
    return cJSON_CreateNumber(cJSON_IsString(item) ? strtod(item->valuestring, NULL) : 0);
}

static cJSON *read_text(const char *coded)
{
    static const char *const known[][2] = {{"TkhXQw==", "NHWC"}, {"TkNIVw==", "NCHW"}, {"U0FNRQ==", "SAME"}, {"VkFMSUQ=", "VALID"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
        if (strcmp(known[i][0], coded) == 0) return cJSON_CreateString(known[i][1]);
    return cJSON_CreateNull();
}

static cJSON *read_attribute(const cJSON *attribute)
{
    const cJSON *list = axm_keras_item(axm_keras_item(attribute, "list"), "i"), *item;
    const cJSON *flag = axm_keras_item(attribute, "b"), *text = axm_keras_item(attribute, "s");
    const cJSON *whole = axm_keras_item(attribute, "i"), *number = axm_keras_item(attribute, "f");
    if (flag) return cJSON_CreateBool(cJSON_IsTrue(flag));
    if (cJSON_IsString(text)) return read_text(text->valuestring);
    if (whole || number) return read_number(whole ? whole : number);
    if (!list) return cJSON_CreateNull();
    cJSON *numbers = cJSON_CreateArray();
    cJSON_ArrayForEach(item, list)
    {
        if (numbers && !cJSON_AddItemToArray(numbers, read_number(item))) {
            cJSON_Delete(numbers);
            return NULL;
        }
    }
    return numbers;
}

/* ---- Inputs that are constants ---- */

static const cJSON *constant_at(const cJSON *config, int input)
{
    char name[16];
    axm_text text = axm_text_in(name, sizeof name);
    axm_text_add(&text, "%d", input);
    return axm_keras_plain(axm_keras_item(axm_keras_item(config, "constants"), name));
}

/* A list of whole numbers in the place of an input; element `at`. */
static int64_t number_in(const cJSON *config, int input, int at)
{
    const cJSON *item = cJSON_GetArrayItem(constant_at(config, input), at);
    bool good = cJSON_IsNumber(item) && item->valuedouble > -1e9 && item->valuedouble < 1e9;
    return good ? (int64_t)item->valuedouble : 0;
}

static int64_t mask_of(const cJSON *node, const char *name)
{
    const cJSON *value = axm_keras_item(axm_keras_item(axm_keras_item(node, "attr"), name), "i");
    return cJSON_IsString(value) ? (int64_t)strtol(value->valuestring, NULL, 10) : 0;
}

/* One element of an index. */
static cJSON *read_element(const cJSON *config, const cJSON *node, int at)
{
    int64_t bit = (int64_t)1 << at;
    if (mask_of(node, "new_axis_mask") & bit) return cJSON_CreateNull();
    if (mask_of(node, "shrink_axis_mask") & bit) return cJSON_CreateNumber((double)number_in(config, 1, at));
    cJSON *slice = cJSON_CreateObject();
    if (!slice) return NULL;
    if (mask_of(node, "ellipsis_mask") & bit) {
        if (cJSON_AddStringToObject(slice, "class_name", "__ellipsis__")) return slice;
    } else {
        bool good = cJSON_AddNumberToObject(slice, "step", (double)number_in(config, 3, at)) != NULL;
        if (good && !(mask_of(node, "begin_mask") & bit))
            good = cJSON_AddNumberToObject(slice, "start", (double)number_in(config, 1, at)) != NULL;
        if (good && !(mask_of(node, "end_mask") & bit))
            good = cJSON_AddNumberToObject(slice, "stop", (double)number_in(config, 2, at)) != NULL;
        if (good) return slice;
    }
    cJSON_Delete(slice);
    return NULL;
}

static bool add(cJSON *config, const char *name, cJSON *item)
{
    if (item && cJSON_AddItemToObject(config, name, item)) return true;
    cJSON_Delete(item);
    return false;
}

static bool add_index(cJSON *config, const cJSON *node)
{
    int count = cJSON_GetArraySize(constant_at(config, 1));
    cJSON *index = cJSON_CreateArray();
    for (int at = 0; index && at < count && at < AXM_MAX_RANK; ++at) {
        cJSON *element = read_element(config, node, at);
        if (element && cJSON_AddItemToArray(index, element)) continue;
        cJSON_Delete(element);
        cJSON_Delete(index);
        return false;
    }
    return count == 0 || count > AXM_MAX_RANK ? (cJSON_Delete(index), true) : add(config, "slice_spec", index);
}

/* ---- Settings ---- */

/* One word of the table's list. */
static bool add_setting(cJSON *config, const cJSON *node, const char *word, size_t length)
{
    char name[40];
    axm_text text = axm_text_in(name, sizeof name);
    size_t front = strcspn(word, ":="), at = front + 1;
    axm_text_add(&text, "%.*s", (int)front, word);
    if (word[front] == '=') {
        char attribute[40];
        axm_text back = axm_text_in(attribute, sizeof attribute);
        axm_text_add(&back, "%.*s", (int)(length - at), word + at);
        return add(config, name, read_attribute(axm_keras_item(axm_keras_item(node, "attr"), attribute)));
    }
    int inputs = cJSON_GetArraySize(axm_keras_item(node, "input"));
    const cJSON *constant = constant_at(config, word[at] == 'l' ? inputs - 1 : word[at] - '0');
    return !constant || add(config, name, cJSON_Duplicate(constant, true));
}

int32_t axm_keras_read_node(cJSON *config)
{
    const cJSON *node = axm_keras_item(config, "node_def");
    const char *op = axm_keras_string(node, "op", "");
    size_t i = 0, most = sizeof nodes / sizeof *nodes;
    while (i < most && strcmp(nodes[i].op, op) != 0)
        ++i;
    if (i == most) return ACTMAX_OK; /* refused by name when it is called */
    bool good = cJSON_AddStringToObject(config, "function", nodes[i].function) != NULL;
    for (const char *word = nodes[i].settings; good && *word;) {
        size_t length = strcspn(word, " ");
        good = add_setting(config, node, word, length);
        word += length + (word[length] == ' ');
    }
    if (good && strcmp(op, "StridedSlice") == 0) good = add_index(config, node);
    if (good && strcmp(op, "ResizeNearestNeighbor") == 0) good = cJSON_AddStringToObject(config, "method", "nearest") != NULL;
    return good ? ACTMAX_OK : axm_no_memory(0, "a Keras model");
}
