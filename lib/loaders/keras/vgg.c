/* VGG16 and VGG19 as keras.applications publishes them: weights without a configuration, which follows from the layers' names. */
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/import.h"

#define MOST_TEXT 16384

/* Convolutions in each block. */
static const struct {
    const char *name;
    int convolutions[5];
} networks[] = {{"vgg16", {2, 2, 3, 3, 3}}, {"vgg19", {2, 2, 4, 4, 4}}};

static int32_t has_member(axm_keras_import *import, uint64_t group, const char *name, bool *out)
{
    uint64_t object;
    int32_t status = axm_hdf5_find(&import->weights, group, name, &object);
    *out = status >= 0 && object != AXM_HDF5_NONE;
    return status;
}

static void add_layer(axm_text *text, const char *class_name, const char *name, const char *rest)
{
    axm_text_add(text, ", {\"class_name\": \"%s\", \"config\": {\"name\": \"%s\"%s}}", class_name, name, rest);
}

static void write_network(axm_text *text, int which, bool top)
{
    static const int filters[5] = {64, 128, 256, 512, 512};
    char name[40], rest[160];
    axm_text_add(text, "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"%s\", \"layers\": [", networks[which].name);
    axm_text_add(text,
                 "{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"input_1\", \"batch_input_shape\": [null, %s, 3]}}",
                 top ? "224, 224" : "null, null");
    for (int block = 0; block < 5; ++block) {
        for (int i = 0; i < networks[which].convolutions[block]; ++i) {
            axm_text line = axm_text_in(name, sizeof name), settings = axm_text_in(rest, sizeof rest);
            axm_text_add(&line, "block%d_conv%d", block + 1, i + 1);
            axm_text_add(&settings, ", \"filters\": %d, \"kernel_size\": [3, 3], \"padding\": \"same\", \"activation\": \"relu\"",
                         filters[block]);
            add_layer(text, "Conv2D", name, rest);
        }
        axm_text line = axm_text_in(name, sizeof name);
        axm_text_add(&line, "block%d_pool", block + 1);
        add_layer(text, "MaxPooling2D", name, ", \"pool_size\": [2, 2], \"strides\": [2, 2]");
    }
    if (top) {
        add_layer(text, "Flatten", "flatten", "");
        add_layer(text, "Dense", "fc1", ", \"activation\": \"relu\"");
        add_layer(text, "Dense", "fc2", ", \"activation\": \"relu\"");
        add_layer(text, "Dense", "predictions", ", \"activation\": \"softmax\"");
    }
    axm_text_add(text, "]}}");
}

int32_t axm_keras_known_network(axm_keras_import *import, uint64_t group, char **out)
{
    bool is_vgg, last, fourth, fc1, predictions;
    int32_t status;
    *out = NULL;
    if ((status = has_member(import, group, "block1_conv1", &is_vgg)) < 0 ||
        (status = has_member(import, group, "block5_conv3", &last)) < 0 ||
        (status = has_member(import, group, "block5_conv4", &fourth)) < 0 ||
        (status = has_member(import, group, "fc1", &fc1)) < 0 ||
        (status = has_member(import, group, "predictions", &predictions)) < 0)
        return status;
    if (!is_vgg || !last) return ACTMAX_OK;
    if (!(*out = axm_arena_alloc(&import->scratch, MOST_TEXT))) return axm_no_memory(MOST_TEXT, "a Keras model");
    axm_text text = axm_text_in(*out, MOST_TEXT);
    write_network(&text, fourth, fc1 && predictions);
    return ACTMAX_OK;
}
