/* The names of a graph's values: one sorted table, so that no choice of names makes a look-up slow. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "loaders/onnx/import.h"

static int compare_text(axm_onnx_span a, axm_onnx_span b)
{
    uint32_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* By text; an initializer comes before an input of the same name. */
static bool comes_before(const axm_onnx_name *a, const axm_onnx_name *b)
{
    int order = compare_text(a->text, b->text);
    return order ? order < 0 : a->origin < b->origin;
}

static void sift_down(axm_onnx_name *names, int32_t at, int32_t count)
{
    axm_onnx_name moved = names[at];
    for (int32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && comes_before(&names[child], &names[child + 1])) ++child;
        if (!comes_before(&moved, &names[child])) break;
        names[at] = names[child];
    }
    names[at] = moved;
}

/* Heapsort: in place, and never slower than n log n. */
static void sort_names(axm_onnx_name *names, int32_t count)
{
    for (int32_t i = count / 2 - 1; i >= 0; --i)
        sift_down(names, i, count);
    for (int32_t last = count - 1; last > 0; --last) {
        axm_onnx_name top = names[0];
        names[0] = names[last];
        names[last] = top;
        sift_down(names, 0, last);
    }
}

/* Drops inputs that are initializers too; any other pair of one name is an error. */
static int32_t merge_names(axm_onnx_import *import)
{
    axm_onnx_name *names = import->names;
    int32_t kept = 0;
    for (int32_t i = 0; i < import->name_count; ++i) {
        bool same = kept > 0 && compare_text(names[kept - 1].text, names[i].text) == 0;
        if (!same) {
            names[kept++] = names[i];
        } else if (names[kept - 1].origin != AXM_ONNX_INITIALIZER || names[i].origin != AXM_ONNX_INPUT || names[kept - 1].used) {
            const char *text;
            int32_t status = axm_onnx_text(&import->reader, names[i].text, &text);
            if (status < 0) return status;
            return axm_fail(ACTMAX_ERROR_FORMAT,
                            "two values of the model are called '%.80s'; the file is damaged (onnx.checker.check_model "
                            "says more)",
                            text);
        } else {
            names[kept - 1].used = true; /* until the end of this loop: seen as an input */
        }
    }
    import->name_count = kept;
    for (int32_t i = 0; i < kept; ++i)
        names[i].used = false;
    return ACTMAX_OK;
}

static void add_name(axm_onnx_import *import, axm_onnx_span text, axm_onnx_origin origin, uint32_t index)
{
    if (text.size == 0) return;
    import->names[import->name_count++] =
        (axm_onnx_name){.text = text, .origin = origin, .index = (int32_t)index, .value = AXM_NO_VALUE};
}

static int32_t reserve_names(axm_onnx_import *import)
{
    uint64_t count = (uint64_t)import->graph.initializer.count + import->graph.input.count;
    for (uint32_t n = 0; n < import->graph.node.count; ++n)
        count += import->nodes[n].proto.output.count;
    if (count > INT32_MAX / 2)
        return axm_fail(ACTMAX_ERROR_LIMIT, "the model has %" PRIu64 " values, more than actmax can count", count);
    import->names = axm_arena_array(&import->scratch, (size_t)count, sizeof *import->names);
    return import->names ? ACTMAX_OK : axm_no_memory(count * sizeof *import->names, "the names of an ONNX file");
}

int32_t axm_onnx_collect_names(axm_onnx_import *import)
{
    const axm_onnx_GraphProto *graph = &import->graph;
    axm_onnx_reader *reader = &import->reader;
    int32_t status = reserve_names(import);
    for (uint32_t i = 0; status >= 0 && i < graph->initializer.count; ++i) {
        axm_onnx_TensorNameProto tensor = {0};
        status = axm_onnx_decode(reader, graph->initializer.items[i], axm_onnx_TensorNameProto_fields, &tensor, "an initializer");
        if (status >= 0) add_name(import, tensor.name.span, AXM_ONNX_INITIALIZER, i);
    }
    for (uint32_t i = 0; status >= 0 && i < graph->input.count; ++i) {
        axm_onnx_ValueInfoProto input = {0};
        status = axm_onnx_decode(reader, graph->input.items[i], axm_onnx_ValueInfoProto_fields, &input, "an input");
        if (status >= 0) add_name(import, input.name.span, AXM_ONNX_INPUT, i);
    }
    if (status < 0) return status;
    for (uint32_t n = 0; n < graph->node.count; ++n) {
        const axm_onnx_many *outputs = &import->nodes[n].proto.output;
        for (uint32_t i = 0; i < outputs->count; ++i)
            add_name(import, outputs->items[i], AXM_ONNX_OUTPUT, n);
    }
    sort_names(import->names, import->name_count);
    return merge_names(import);
}

int32_t axm_onnx_find_name(const axm_onnx_import *import, axm_onnx_span text)
{
    int32_t low = 0, high = import->name_count - 1;
    while (low <= high) {
        int32_t middle = low + (high - low) / 2;
        int order = compare_text(import->names[middle].text, text);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}
