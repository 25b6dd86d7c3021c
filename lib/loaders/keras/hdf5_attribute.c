/* Attributes that hold texts: in the object's header or in a fractal heap; variable texts lie in global heaps. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

typedef struct attribute {
    const char *wanted;
    bool found;
    axm_hdf5_cursor type, space, data;
    bool type_shared, space_shared;
} attribute;

static axm_hdf5_cursor part(axm_hdf5_cursor *c, uint64_t size, bool padded)
{
    axm_hdf5_cursor out = {.at = axm_hdf5_skip(c, size), .left = (size_t)size};
    if (padded) axm_hdf5_skip(c, (8 - size % 8) % 8);
    out.over = c->over;
    return out;
}

/* An attribute message; sets *out when it is the wanted one. */
static int32_t read_attribute(axm_hdf5_cursor c, attribute *out)
{
    unsigned version = (unsigned)axm_hdf5_take(&c, 1), flags = (unsigned)axm_hdf5_take(&c, 1);
    uint64_t name_size = axm_hdf5_take(&c, 2), type_size = axm_hdf5_take(&c, 2), space_size = axm_hdf5_take(&c, 2);
    axm_hdf5_skip(&c, version == 3 ? 1 : 0);
    bool padded = version == 1;
    axm_hdf5_cursor name = part(&c, name_size, padded), type = part(&c, type_size, padded), space = part(&c, space_size, padded);
    if (c.over || version < 1 || version > 3) return axm_hdf5_damaged("attribute");
    size_t length = strlen(out->wanted);
    if (name.left < length + 1 || memcmp(name.at, out->wanted, length + 1) != 0) return ACTMAX_OK;
    out->found = true;
    out->type = type;
    out->space = space;
    out->data = c;
    out->type_shared = version > 1 && (flags & 1);
    out->space_shared = version > 1 && (flags & 2);
    return ACTMAX_OK;
}

typedef struct dense {
    axm_hdf5_heap heap;
    attribute *out;
} dense;

/* A record of the index by name: heap id, flags, order of creation, hash. */
static int32_t read_record(axm_hdf5 *file, axm_hdf5_cursor record, void *context)
{
    dense *d = context;
    axm_hdf5_cursor body, after = record;
    axm_hdf5_skip(&after, d->heap.id_size);
    unsigned flags = (unsigned)axm_hdf5_take(&after, 1);
    int32_t status = axm_hdf5_heap_object(file, &d->heap, record, &body);
    if (status >= 0) status = axm_hdf5_resolve(file, AXM_HDF5_ATTRIBUTE, flags & 2, &body);
    return status < 0 ? status : read_attribute(body, d->out);
}

static int32_t read_dense(axm_hdf5 *file, axm_hdf5_cursor body, attribute *out)
{
    dense d = {.out = out};
    unsigned version = (unsigned)axm_hdf5_take(&body, 1), flags = (unsigned)axm_hdf5_take(&body, 1);
    axm_hdf5_skip(&body, flags & 1 ? 2 : 0);
    uint64_t heap = axm_hdf5_address(file, &body), tree = axm_hdf5_address(file, &body);
    if (body.over || version != 0) return axm_hdf5_damaged("attributes");
    if (heap == AXM_HDF5_NONE) return ACTMAX_OK;
    int32_t status = axm_hdf5_open_heap(file, heap, &d.heap);
    return status < 0 ? status : axm_hdf5_tree2(file, tree, 8, read_record, &d);
}

static int32_t find_attribute(axm_hdf5 *file, uint64_t object, attribute *out)
{
    axm_hdf5_messages messages;
    int32_t status = axm_hdf5_read_header(file, object, &messages);
    for (size_t i = 0; i < messages.count && status >= 0; ++i) {
        axm_hdf5_message *message = &messages.items[i];
        if (message->type == AXM_HDF5_ATTRIBUTE) {
            status = axm_hdf5_resolve(file, message->type, message->flags & 2, &message->body);
            if (status >= 0) status = read_attribute(message->body, out);
        } else if (message->type == AXM_HDF5_ATTRIBUTE_INFO) {
            status = read_dense(file, message->body, out);
        }
    }
    return status;
}

/* ---- Texts ---- */

/* Object `index` of the global heap collection at `address`. Heads of the collection and of each object take a multiple of 8 bytes.
 */
static int32_t global_object(axm_hdf5 *file, uint64_t address, uint64_t index, axm_hdf5_cursor *out)
{
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    bool right = axm_hdf5_sign(&c, "GCOL") && axm_hdf5_take(&c, 1) == 1;
    axm_hdf5_skip(&c, 3);
    uint64_t size = axm_hdf5_length(file, &c), header = 16, filler = 8 - file->length_size;
    axm_hdf5_skip(&c, filler);
    if (!right || c.over || size < header || size - header > c.left) return axm_hdf5_damaged("global heap");
    c.left = (size_t)(size - header);
    while (c.left >= header) {
        int32_t status = axm_hdf5_step(file);
        if (status < 0) return status;
        uint64_t own = axm_hdf5_take(&c, 2);
        axm_hdf5_skip(&c, 6);
        uint64_t bytes = axm_hdf5_length(file, &c);
        axm_hdf5_skip(&c, filler);
        if (own == 0) break; /* the rest is free */
        axm_hdf5_cursor object = {.at = axm_hdf5_skip(&c, bytes), .left = (size_t)bytes};
        if (c.over) return axm_hdf5_damaged("global heap");
        axm_hdf5_skip(&c, (8 - bytes % 8) % 8);
        if (own != index) continue;
        *out = object;
        return ACTMAX_OK;
    }
    return axm_hdf5_damaged("global heap");
}

static int32_t take_text(axm_hdf5 *file, const axm_hdf5_type *type, axm_hdf5_cursor *data, axm_hdf5_text *out)
{
    axm_hdf5_cursor from = {0};
    if (type->kind == AXM_HDF5_FIXED_TEXT) {
        from = (axm_hdf5_cursor){.at = axm_hdf5_skip(data, type->size), .left = type->size};
        while (!data->over && from.left > 0 && from.at[from.left - 1] == '\0')
            --from.left; /* padding */
    } else {
        uint64_t length = axm_hdf5_take(data, 4), address = axm_hdf5_address(file, data), index = axm_hdf5_take(data, 4);
        if (!data->over && length > 0) {
            int32_t status = global_object(file, address, index, &from);
            if (status < 0) return status;
            if (length > from.left) return axm_hdf5_damaged("text");
            from.left = (size_t)length;
        }
    }
    if (data->over) return axm_hdf5_damaged("text");
    if (from.left > file->decode) return axm_hdf5_damaged("texts that are used again and again");
    file->decode -= from.left;
    out->length = from.left;
    out->text = axm_arena_text(file->arena, from.left ? (const char *)from.at : "", from.left);
    return out->text ? ACTMAX_OK : axm_no_memory(from.left, "an HDF5 file");
}

int32_t axm_hdf5_attribute_texts(axm_hdf5 *file, uint64_t object, const char *name, axm_hdf5_texts *out)
{
    attribute found = {.wanted = name};
    axm_hdf5_type type;
    axm_hdf5_space space;
    *out = (axm_hdf5_texts){0};
    int32_t status = find_attribute(file, object, &found);
    if (status < 0 || !found.found) return status;
    if ((status = axm_hdf5_resolve(file, AXM_HDF5_DATATYPE, found.type_shared, &found.type)) < 0 ||
        (status = axm_hdf5_resolve(file, AXM_HDF5_DATASPACE, found.space_shared, &found.space)) < 0 ||
        (status = axm_hdf5_read_type(found.type, &type)) < 0 || (status = axm_hdf5_read_space(file, found.space, &space)) < 0)
        return status;
    out->found = true;
    if (space.count == 0) return ACTMAX_OK; /* also an empty list of numbers, as NumPy makes of an empty list */
    if (type.kind != AXM_HDF5_FIXED_TEXT && type.kind != AXM_HDF5_VARIABLE_TEXT)
        return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%.60s' of the HDF5 file is no text", name);
    if ((uint64_t)space.count > found.data.left / type.size) return axm_hdf5_damaged("attribute");
    out->items = axm_arena_array(file->arena, (size_t)space.count, sizeof *out->items);
    if (!out->items) return axm_no_memory((uint64_t)space.count * sizeof *out->items, "an HDF5 file");
    out->count = (size_t)space.count;
    for (size_t i = 0; i < out->count; ++i)
        if ((status = axm_hdf5_step(file)) < 0 || (status = take_text(file, &type, &found.data, &out->items[i])) < 0) return status;
    return ACTMAX_OK;
}
