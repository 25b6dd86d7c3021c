/* Keras's files as a loader: .h5 and .hdf5 whole models, .keras archives, a configuration (.json) beside a file of weights, and the
 * files of weights of networks that are known. */
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/archive.h"
#include "loaders/keras/import.h"

static bool ends_with(const char *path, const char *ending)
{
    size_t length = path ? strlen(path) : 0, size = strlen(ending);
    if (length < size) return false;
    for (size_t i = 0; i < size; ++i) {
        char c = path[length - size + i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != ending[i]) return false;
    }
    return true;
}

static bool looks_like_json(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size && at < 64 && (data[at] == ' ' || data[at] == '\n' || data[at] == '\r' || data[at] == '\t'))
        ++at;
    return at < size && data[at] == '{';
}

static bool recognises(const uint8_t *data, size_t size, const char *path)
{
    return axm_hdf5_recognises(data, size) || axm_archive_recognises(data, size) || looks_like_json(data, size) ||
           ends_with(path, ".h5") || ends_with(path, ".hdf5") || ends_with(path, ".keras");
}

static int32_t parse(axm_keras_import *import, const char *text, size_t length)
{
    return axm_keras_parse(import, text, length, "the model's configuration", &import->json);
}

/* "3.4.1" -> 3 */
static void set_version(axm_keras_import *import, const char *version)
{
    if (version && *version >= '0' && *version <= '9' && (version[1] == '.' || version[1] == '\0'))
        import->version = *version - '0';
}

static int32_t read_version(axm_keras_import *import, uint64_t object)
{
    axm_hdf5_texts version;
    int32_t status = axm_hdf5_attribute_texts(&import->weights, object, "keras_version", &version);
    if (status >= 0 && version.count > 0) set_version(import, version.items[0].text);
    return status;
}

static int32_t open_weights(axm_keras_import *import, const uint8_t *data, size_t size)
{
    int32_t status = axm_hdf5_open(data, size, import->limits, &import->scratch, &import->weights);
    import->has_weights = status >= 0;
    return status;
}

static int32_t build(axm_keras_import *import, uint64_t listed)
{
    axm_keras_model *model;
    int32_t status = axm_keras_read_model(import, import->json, "", &model);
    if (status < 0) return status;
    status = listed != AXM_HDF5_NONE ? axm_keras_read_listed(import, model, listed) : axm_keras_read_stored(import, model);
    return status < 0 ? status : axm_keras_build(import, model);
}

/* ---- HDF5 ---- */

static int32_t fail_weights_only(void)
{
    return axm_fail(
        ACTMAX_ERROR_UNSUPPORTED,
        "the file holds weights only, no network: load the model's configuration (model.to_json(), saved as .json) and give "
        "this file with the option 'weights'; or save the whole model with model.save()");
}

static int32_t load_hdf5(axm_keras_import *import)
{
    axm_hdf5_texts config;
    uint64_t weights, root;
    char *known = NULL;
    int32_t status = open_weights(import, import->source->data, import->source->size);
    if (status < 0) return status;
    root = import->weights.root;
    if ((status = axm_hdf5_attribute_texts(&import->weights, root, "model_config", &config)) < 0 ||
        (status = axm_hdf5_find(&import->weights, root, "model_weights", &weights)) < 0 ||
        (status = read_version(import, root)) < 0)
        return status;
    if (config.count > 0 && weights != AXM_HDF5_NONE) {
        if ((status = parse(import, config.items[0].text, config.items[0].length)) < 0) return status;
        return build(import, weights);
    }
    if ((status = axm_keras_known_network(import, root, &known)) < 0) return status;
    if (!known) return fail_weights_only();
    if ((status = parse(import, known, strlen(known))) < 0) return status;
    return build(import, root);
}

/* ---- .keras ---- */

static int32_t read_member(axm_keras_import *import, const char *name, axm_arena *keep, const uint8_t **data, size_t *size)
{
    return axm_archive_read(import->source->data, import->source->size, name, import->limits, keep, data, size);
}

static int32_t read_metadata(axm_keras_import *import)
{
    const uint8_t *data;
    size_t size;
    cJSON *json;
    int32_t status = read_member(import, "metadata.json", &import->scratch, &data, &size);
    import->version = 3;
    if (status < 0 || !data) return status;
    if ((status = axm_keras_parse(import, (const char *)data, size, "metadata.json", &json)) < 0) return status;
    set_version(import, axm_keras_string(json, "keras_version", NULL));
    cJSON_Delete(json);
    return ACTMAX_OK;
}

static int32_t load_archive(axm_keras_import *import)
{
    const uint8_t *config, *weights;
    size_t config_size, weights_size;
    int32_t status = read_metadata(import);
    if (status < 0 || (status = read_member(import, "config.json", &import->scratch, &config, &config_size)) < 0) return status;
    if (!config)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "the zip archive holds no config.json: it is no .keras model (a PyTorch .pt is a zip, too; "
                        "export that to ONNX)");
    status = read_member(import, "model.weights.h5", axm_builder_arena(import->builder), &weights, &weights_size);
    if (status < 0) return status;
    if (!weights)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "the archive holds no model.weights.h5; save the model with model.save()");
    if ((status = parse(import, (const char *)config, config_size)) < 0 ||
        (status = open_weights(import, weights, weights_size)) < 0)
        return status;
    return build(import, AXM_HDF5_NONE);
}

/* ---- .json and weights ---- */

static int32_t load_json(axm_keras_import *import)
{
    const axm_loader_source *source = import->source;
    axm_hdf5_texts names;
    uint64_t listed;
    int32_t status = parse(import, (const char *)source->data, source->size);
    if (status < 0) return status;
    if (!source->weights)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "a model's configuration needs its weights: give their file (.h5, .hdf5, .weights.h5) with "
                        "the option 'weights'");
    set_version(import, axm_keras_string(import->json, "keras_version", NULL));
    if (axm_keras_item(import->json, "module")) import->version = 3;
    if ((status = open_weights(import, source->weights, source->weights_size)) < 0) return status;
    if ((status = axm_hdf5_find(&import->weights, import->weights.root, "model_weights", &listed)) < 0) return status;
    if (listed == AXM_HDF5_NONE) listed = import->weights.root;
    if ((status = axm_hdf5_attribute_texts(&import->weights, listed, "layer_names", &names)) < 0) return status;
    if (!names.found && (status = axm_hdf5_attribute_texts(&import->weights, listed, "layer_names0", &names)) < 0) return status;
    return build(import, names.found ? listed : AXM_HDF5_NONE);
}

static int32_t load(const axm_loader_source *source, axm_builder *builder)
{
    axm_keras_import import = {.source = source, .builder = builder, .limits = axm_builder_limits(builder), .version = 2};
    axm_arena_init(&import.scratch, source->allocator);
    int32_t status =
        axm_hdf5_recognises(source->data, source->size)      ? load_hdf5(&import)
        : axm_archive_recognises(source->data, source->size) ? load_archive(&import)
        : looks_like_json(source->data, source->size)
            ? load_json(&import)
            : axm_fail(ACTMAX_ERROR_FORMAT, "the file is neither HDF5 nor a .keras archive, whatever its name; save or "
                                            "fetch it again");
    cJSON_Delete(import.json);
    axm_arena_free(&import.scratch);
    return status;
}

const axm_loader axm_loader_keras = {.name = "keras", .recognises = recognises, .load = load};
