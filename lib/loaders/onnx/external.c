/* Tensor data in other files: beside the model, or handed over by a caller who loads from memory. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/onnx/import.h"

typedef struct place {
    const char *location;
    int64_t offset;
    int64_t length; /* -1: not given */
} place;

static int32_t read_number(const char *text, const char *key, const char *label, int64_t *out)
{
    long long value;
    if (!axm_text_to_i64(text, &value) || value < 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' has the %s '%.40s' in its external data; the file is damaged", label,
                        key, text);
    *out = value;
    return ACTMAX_OK;
}

/* The keys are location, offset, length; others (checksum, basepath) do not say where the data lies. */
static int32_t read_place(axm_onnx_import *import, const axm_onnx_TensorProto *tensor, const char *label, place *out)
{
    *out = (place){"", 0, -1};
    for (uint32_t i = 0; i < tensor->external_data.count; ++i) {
        axm_onnx_StringStringEntryProto entry = {0};
        const char *key, *value;
        int32_t status = axm_onnx_decode(&import->reader, tensor->external_data.items[i], axm_onnx_StringStringEntryProto_fields,
                                         &entry, "an external data entry");
        if (status < 0 || (status = axm_onnx_text(&import->reader, entry.key.span, &key)) < 0 ||
            (status = axm_onnx_text(&import->reader, entry.value.span, &value)) < 0)
            return status;
        if (strcmp(key, "location") == 0)
            out->location = value;
        else if (strcmp(key, "offset") == 0)
            status = read_number(value, key, label, &out->offset);
        else if (strcmp(key, "length") == 0)
            status = read_number(value, key, label, &out->length);
        if (status < 0) return status;
    }
    if (*out->location) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_FORMAT, "tensor '%.80s' does not say which file its data lies in; the file is damaged", label);
}

static int32_t open_file(axm_onnx_import *import, const char *location, const char *label, axm_file *out)
{
    const axm_loader_source *source = import->source;
    if (!import->opened) import->opened = axm_arena_array(&import->scratch, AXM_FILES_LIMIT, sizeof *import->opened);
    if (!import->opened) return axm_no_memory(AXM_FILES_LIMIT * sizeof *import->opened, "the names of files");
    for (size_t i = 0; i < source->files->count; ++i) {
        if (!import->opened[i] || strcmp(import->opened[i], location) != 0) continue;
        *out = source->files->items[i];
        return ACTMAX_OK;
    }
    if (source->files->count >= AXM_FILES_LIMIT)
        return axm_fail(ACTMAX_ERROR_LIMIT, "the model keeps its weights in more than %d files; save it with one file of weights",
                        AXM_FILES_LIMIT);
    char *name = axm_arena_text(&import->scratch, location, strlen(location));
    if (!name) return axm_no_memory(strlen(location), "a file's name");
    int32_t status = axm_file_open_beside(source->allocator, source->path, location, INT64_MAX, source->copy, out);
    if (status < 0)
        return axm_fail_within(
            status,
            "tensor '%.80s' lies in '%.80s' beside the model (copy that file there too, or save the model as one "
            "file)",
            label, location);
    if ((status = axm_files_add(source->files, source->allocator, out)) < 0) return status;
    import->opened[source->files->count - 1] = name;
    return ACTMAX_OK;
}

/* The whole of the other file. */
static int32_t find_bytes(axm_onnx_import *import, const char *location, const char *label, const uint8_t **data, size_t *size)
{
    const axm_loader_source *source = import->source;
    for (size_t i = 0; i < source->external_count; ++i) {
        if (strcmp(source->external[i].location, location) != 0) continue;
        *data = source->external[i].data;
        *size = source->external[i].size;
        return ACTMAX_OK;
    }
    if (!source->path)
        return axm_fail(
            ACTMAX_ERROR_NOT_FOUND,
            "tensor '%.80s' lies in another file, '%.80s'; hand its bytes over with actmax_recipe_add_external_data, or save the "
            "model as one file",
            label, location);
    if (!source->allow_external)
        return axm_fail(
            ACTMAX_ERROR_INVALID,
            "tensor '%.80s' lies in '%.80s' beside the model, and the option external_data is off; turn it on, or save the model "
            "as one file",
            label, location);
    axm_file file;
    int32_t status = open_file(import, location, label, &file);
    if (status < 0) return status;
    *data = file.data;
    *size = file.size;
    return ACTMAX_OK;
}

int32_t axm_onnx_external_data(axm_onnx_import *import, const axm_onnx_TensorProto *tensor, const char *label, size_t bytes,
                               const uint8_t **out)
{
    place at;
    const uint8_t *data = NULL;
    size_t size = 0;
    int32_t status = read_place(import, tensor, label, &at);
    if (status < 0) return status;
    if (at.length >= 0 && (uint64_t)at.length != bytes)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "tensor '%.80s' has %" PRId64 " bytes of external data where its shape needs %zu; the file is "
                        "damaged",
                        label, at.length, bytes);
    if ((status = find_bytes(import, at.location, label, &data, &size)) < 0) return status;
    if ((uint64_t)at.offset > size || bytes > size - (size_t)at.offset)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "tensor '%.80s' needs bytes %" PRId64 " to %" PRIu64
                        " of '%.80s', which has %zu; it is cut off or belongs to another "
                        "model",
                        label, at.offset, (uint64_t)at.offset + bytes, at.location, size);
    *out = bytes ? data + at.offset : import->source->data;
    return ACTMAX_OK;
}
