/* Groups: symbol tables (B-tree of version 1 with a local heap), link messages, and links in a fractal heap. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

#define SOFT_LINKS 16 /* followed in one look-up */

static int32_t add_link(axm_hdf5 *file, axm_hdf5_links *list, axm_hdf5_link link)
{
    int32_t status = axm_hdf5_step(file);
    if (status < 0) return status;
    if (list->count > file->size / 8) return axm_hdf5_damaged("a group with more members than the file has room for");
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        axm_hdf5_link *grown = axm_arena_array(file->arena, capacity, sizeof *grown);
        if (!grown) return axm_no_memory(0, "an HDF5 file");
        if (list->count) memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = link;
    return ACTMAX_OK;
}

/* ---- Symbol tables ---- */

typedef struct symbols {
    axm_hdf5 *file;
    axm_hdf5_cursor names; /* the local heap's data */
    axm_hdf5_links *out;
} symbols;

static int32_t open_names(axm_hdf5 *file, uint64_t address, axm_hdf5_cursor *out)
{
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    if (!axm_hdf5_sign(&c, "HEAP")) return axm_hdf5_damaged("names of a group");
    axm_hdf5_skip(&c, 4);
    uint64_t size = axm_hdf5_length(file, &c);
    axm_hdf5_length(file, &c);
    *out = axm_hdf5_span(file, axm_hdf5_address(file, &c), size);
    return c.over || out->over ? axm_hdf5_damaged("names of a group") : ACTMAX_OK;
}

/* The name at an offset into the heap; NULL when it does not end there. It stays in the file. */
static const char *name_at(const symbols *s, uint64_t offset)
{
    if (offset >= s->names.left) return NULL;
    const uint8_t *at = s->names.at + offset;
    return memchr(at, 0, s->names.left - (size_t)offset) ? (const char *)at : NULL;
}

static int32_t read_symbol_node(symbols *s, uint64_t address)
{
    axm_hdf5 *file = s->file;
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    if (!axm_hdf5_sign(&c, "SNOD")) return axm_hdf5_damaged("members of a group");
    axm_hdf5_skip(&c, 2);
    uint64_t count = axm_hdf5_take(&c, 2);
    for (uint64_t i = 0; i < count; ++i) {
        axm_hdf5_link link = {.name = name_at(s, axm_hdf5_length(file, &c))};
        link.object = axm_hdf5_address(file, &c);
        uint64_t cached = axm_hdf5_take(&c, 4);
        axm_hdf5_skip(&c, 4);
        axm_hdf5_cursor scratch = {.at = axm_hdf5_skip(&c, 16), .left = 16};
        if (c.over || !link.name) return axm_hdf5_damaged("members of a group");
        if (cached == 2) { /* a soft link; its path is in the heap too */
            link.object = AXM_HDF5_NONE;
            link.soft = name_at(s, axm_hdf5_take(&scratch, 4));
            if (!link.soft) return axm_hdf5_damaged("members of a group");
        }
        int32_t status = add_link(file, s->out, link);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

/* level: of this node, known from its parent; -1 for the root. Levels go down, so the depth is bounded. */
static int32_t read_symbol_tree(symbols *s, uint64_t address, int level)
{
    axm_hdf5 *file = s->file;
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    int32_t status = axm_hdf5_step(file);
    if (status < 0) return status;
    bool signed_right = axm_hdf5_sign(&c, "TREE");
    unsigned type = (unsigned)axm_hdf5_take(&c, 1);
    int own = (int)axm_hdf5_take(&c, 1);
    uint64_t count = axm_hdf5_take(&c, 2);
    axm_hdf5_skip(&c, 2u * file->offset_size);
    if (!signed_right || c.over || type != 0 || own > 16 || (level >= 0 && own != level))
        return axm_hdf5_damaged("index of a group");
    for (uint64_t i = 0; i < count; ++i) {
        axm_hdf5_skip(&c, file->length_size);
        uint64_t child = axm_hdf5_address(file, &c);
        if (c.over) return axm_hdf5_damaged("index of a group");
        status = own > 0 ? read_symbol_tree(s, child, own - 1) : read_symbol_node(s, child);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

static int32_t read_symbols(axm_hdf5 *file, axm_hdf5_cursor body, axm_hdf5_links *out)
{
    symbols s = {.file = file, .out = out};
    uint64_t tree = axm_hdf5_address(file, &body), heap = axm_hdf5_address(file, &body);
    if (body.over) return axm_hdf5_damaged("group");
    int32_t status = open_names(file, heap, &s.names);
    return status < 0 ? status : read_symbol_tree(&s, tree, -1);
}

/* ---- Links ---- */

static int32_t read_link(axm_hdf5 *file, axm_hdf5_cursor c, axm_hdf5_links *out)
{
    unsigned version = (unsigned)axm_hdf5_take(&c, 1), flags = (unsigned)axm_hdf5_take(&c, 1);
    unsigned kind = flags & 0x08 ? (unsigned)axm_hdf5_take(&c, 1) : 0;
    axm_hdf5_skip(&c, flags & 0x04 ? 8 : 0); /* creation order */
    axm_hdf5_skip(&c, flags & 0x10 ? 1 : 0); /* character set */
    uint64_t length = axm_hdf5_take(&c, 1u << (flags & 3));
    const uint8_t *name = axm_hdf5_skip(&c, length);
    if (c.over || version != 1 || length == 0 || memchr(name, 0, (size_t)length)) return axm_hdf5_damaged("link");
    axm_hdf5_link link = {.object = AXM_HDF5_NONE};
    if (!(link.name = axm_arena_text(file->arena, (const char *)name, (size_t)length)))
        return axm_no_memory(length, "an HDF5 file");
    if (kind == 0) {
        link.object = axm_hdf5_address(file, &c);
    } else if (kind == 1) {
        uint64_t size = axm_hdf5_take(&c, 2);
        const uint8_t *path = axm_hdf5_skip(&c, size);
        if (path && !(link.soft = axm_arena_text(file->arena, (const char *)path, (size_t)size)))
            return axm_no_memory(size, "an HDF5 file");
    }
    return c.over ? axm_hdf5_damaged("link") : add_link(file, out, link);
}

typedef struct dense {
    axm_hdf5_heap heap;
    axm_hdf5_links *out;
} dense;

/* A record of the index by name: hash, heap id. */
static int32_t read_dense_link(axm_hdf5 *file, axm_hdf5_cursor record, void *context)
{
    dense *d = context;
    axm_hdf5_cursor object;
    axm_hdf5_skip(&record, 4);
    int32_t status = axm_hdf5_heap_object(file, &d->heap, record, &object);
    return status < 0 ? status : read_link(file, object, d->out);
}

static int32_t read_dense(axm_hdf5 *file, axm_hdf5_cursor body, axm_hdf5_links *out)
{
    dense d = {.out = out};
    unsigned version = (unsigned)axm_hdf5_take(&body, 1), flags = (unsigned)axm_hdf5_take(&body, 1);
    axm_hdf5_skip(&body, flags & 1 ? 8 : 0);
    uint64_t heap = axm_hdf5_address(file, &body), tree = axm_hdf5_address(file, &body);
    if (body.over || version != 0) return axm_hdf5_damaged("group");
    if (heap == AXM_HDF5_NONE) return ACTMAX_OK;
    int32_t status = axm_hdf5_open_heap(file, heap, &d.heap);
    return status < 0 ? status : axm_hdf5_tree2(file, tree, 5, read_dense_link, &d);
}

int32_t axm_hdf5_list(axm_hdf5 *file, uint64_t group, axm_hdf5_links *out)
{
    axm_hdf5_messages messages;
    *out = (axm_hdf5_links){0};
    int32_t status = axm_hdf5_read_header(file, group, &messages);
    for (size_t i = 0; i < messages.count && status >= 0; ++i) {
        const axm_hdf5_message *message = &messages.items[i];
        if (message->type == AXM_HDF5_SYMBOL_TABLE) status = read_symbols(file, message->body, out);
        if (message->type == AXM_HDF5_LINK_INFO) status = read_dense(file, message->body, out);
        if (message->type == AXM_HDF5_LINK) status = read_link(file, message->body, out);
    }
    return status;
}

/* ---- Paths ---- */

static int32_t find_child(axm_hdf5 *file, uint64_t group, const char *name, size_t length, const axm_hdf5_link **out)
{
    axm_hdf5_links links;
    *out = NULL;
    int32_t status = axm_hdf5_list(file, group, &links);
    for (size_t i = 0; i < links.count && status >= 0; ++i)
        if (strncmp(links.items[i].name, name, length) == 0 && links.items[i].name[length] == '\0') *out = &links.items[i];
    return status;
}

static int32_t find_path(axm_hdf5 *file, uint64_t from, const char *path, int *soft, uint64_t *out)
{
    uint64_t at = *path == '/' ? file->root : from;
    while (at != AXM_HDF5_NONE) {
        while (*path == '/')
            ++path;
        size_t length = strcspn(path, "/");
        if (length == 0) break;
        const axm_hdf5_link *link = NULL;
        int32_t status = length == 1 && *path == '.' ? ACTMAX_OK : find_child(file, at, path, length, &link);
        if (status < 0) return status;
        if (length != 1 || *path != '.') {
            uint64_t group = at;
            at = link ? link->object : AXM_HDF5_NONE;
            if (link && link->soft) {
                if (++*soft > SOFT_LINKS) return axm_hdf5_damaged("soft links in a circle");
                if ((status = find_path(file, group, link->soft, soft, &at)) < 0) return status;
            }
        }
        path += length;
    }
    *out = at;
    return ACTMAX_OK;
}

int32_t axm_hdf5_find(axm_hdf5 *file, uint64_t from, const char *path, uint64_t *out)
{
    int soft = 0;
    *out = AXM_HDF5_NONE;
    return find_path(file, from, path, &soft, out);
}
