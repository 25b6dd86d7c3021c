/* The ONNX format as a loader. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "loaders/onnx/import.h"

#define PROTOBUF_LIMIT INT32_MAX /* protobuf's own: no message is larger */

static bool ends_with_onnx(const char *path)
{
    size_t length = path ? strlen(path) : 0;
    if (length < 5) return false;
    for (int i = 0; i < 5; ++i) {
        char c = path[length - 5 + (size_t)i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != ".onnx"[i]) return false;
    }
    return true;
}

/* A ModelProto starts with field 1 (ir_version), a small number, and goes on with another of its first-level fields. */
static bool looks_like_model(const uint8_t *data, size_t size)
{
    if (size < 4 || data[0] != 0x08 || data[1] < 1 || data[1] > 0x7f) return false;
    switch (data[2]) {
    case 0x12: /* producer_name */
    case 0x1a: /* producer_version */
    case 0x22: /* domain */
    case 0x28: /* model_version */
    case 0x32: /* doc_string */
    case 0x3a: /* graph */
    case 0x42: /* opset_import */ return true;
    default: return false;
    }
}

static bool recognises(const uint8_t *data, size_t size, const char *path)
{
    return looks_like_model(data, size) || ends_with_onnx(path);
}

static int32_t check_file(const axm_loader_source *source)
{
    static const char lfs[] = "version https://git-lfs", zip[] = "PK\3\4";
    if (source->size > PROTOBUF_LIMIT)
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "the ONNX file has %zu bytes, more than protobuf's 2 GiB; save the model with onnx.save_model(model, path, "
                        "save_as_external_data=True)",
                        source->size);
    if (source->size == 0) return axm_fail(ACTMAX_ERROR_FORMAT, "the ONNX file is empty; save or fetch it again");
    if (source->size >= sizeof lfs - 1 && memcmp(source->data, lfs, sizeof lfs - 1) == 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "the file is a Git LFS pointer, not the model; fetch the model with 'git lfs pull'");
    if (source->size >= sizeof zip - 1 && memcmp(source->data, zip, sizeof zip - 1) == 0)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "the file is a zip archive, such as PyTorch's checkpoints are, and no ONNX model; export "
                        "the network with torch.onnx.export, or unpack the archive");
    if (source->data[0] == '<' || source->data[0] == '{')
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "the file is a text, perhaps the web page of a download that failed, and no ONNX model; "
                        "fetch the model again");
    return ACTMAX_OK;
}

static int32_t build(axm_onnx_import *import)
{
    int32_t status;
    if ((status = axm_onnx_read_model(import)) < 0 || (status = axm_onnx_collect_names(import)) < 0 ||
        (status = axm_onnx_find_end(import)) < 0 || (status = axm_onnx_mark_outputs(import)) < 0 ||
        (status = axm_onnx_sort_nodes(import)) < 0)
        return status;
    for (int32_t i = 0; i < import->order_count; ++i)
        if ((status = axm_onnx_check_domain(import, &import->nodes[import->order[i]])) < 0) return status;
    if ((status = axm_onnx_build_inputs(import)) < 0) return status;
    for (int32_t i = 0; i < import->order_count; ++i)
        if ((status = axm_onnx_build_node(import, &import->nodes[import->order[i]])) < 0) return status;
    return axm_onnx_build_outputs(import);
}

static int32_t load(const axm_loader_source *source, axm_builder *builder)
{
    int32_t status = check_file(source);
    if (status < 0) return status;
    axm_onnx_import import = {.source = source, .builder = builder, .limits = axm_builder_limits(builder)};
    axm_arena_init(&import.scratch, source->allocator);
    import.reader =
        (axm_onnx_reader){.data = source->data, .size = source->size, .arena = &import.scratch, .limits = import.limits};
    status = build(&import);
    axm_arena_free(&import.scratch);
    return status;
}

const axm_loader axm_loader_onnx = {.name = "onnx", .recognises = recognises, .load = load};
