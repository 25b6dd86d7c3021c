/* What groups with many links and objects with many attributes use: B-trees of version 2 over a fractal heap. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

#define DEPTHS 16

/* ---- B-trees of version 2 ---- */

typedef struct tree2 {
    axm_hdf5 *file;
    axm_hdf5_record visit;
    void *context;
    uint64_t node_size, record_size;
    unsigned type, count_bytes;
    unsigned total_bytes[DEPTHS + 1]; /* of the number of records below a node of that depth */
} tree2;

/* Bytes that hold any number up to `limit`. */
static unsigned bytes_for(uint64_t limit)
{
    unsigned bits = 0;
    while (limit >>= 1)
        ++bits;
    return bits / 8 + 1;
}

/* The widths of counts follow from how many records fit in a node of each depth. */
static bool set_widths(tree2 *t, unsigned depth)
{
    if (t->node_size < 10 || t->record_size == 0 || t->record_size > t->node_size || depth > DEPTHS) return false;
    uint64_t most = (t->node_size - 10) / t->record_size, all = most;
    t->count_bytes = bytes_for(most);
    for (unsigned d = 1; d <= depth; ++d) {
        uint64_t pointer = t->file->offset_size + t->count_bytes + (uint64_t)t->total_bytes[d - 1];
        if (t->node_size - 10 < pointer) return false;
        most = (t->node_size - 10 - pointer) / (t->record_size + pointer);
        if (most == 0 || all > UINT64_MAX / (most + 2)) return false;
        all = (most + 1) * all + most;
        t->total_bytes[d] = bytes_for(all);
    }
    return true;
}

static int32_t visit_node(tree2 *t, uint64_t address, uint64_t count, unsigned depth)
{
    axm_hdf5 *file = t->file;
    axm_hdf5_cursor node = axm_hdf5_at(file, address), records;
    int32_t status = axm_hdf5_step(file);
    if (status < 0) return status;
    bool right = axm_hdf5_sign(&node, depth ? "BTIN" : "BTLF");
    axm_hdf5_skip(&node, 1);
    unsigned type = (unsigned)axm_hdf5_take(&node, 1);
    records = node;
    if (!right || type != t->type || count > t->node_size / t->record_size || !axm_hdf5_skip(&node, count * t->record_size))
        return axm_hdf5_damaged("B-tree");
    for (uint64_t i = 0; i < count; ++i) {
        axm_hdf5_cursor record = {.at = axm_hdf5_skip(&records, t->record_size), .left = (size_t)t->record_size};
        if ((status = axm_hdf5_step(file)) < 0 || (status = t->visit(file, record, t->context)) < 0) return status;
    }
    for (uint64_t i = 0; depth > 0 && i <= count; ++i) {
        uint64_t child = axm_hdf5_address(file, &node), below = axm_hdf5_take(&node, t->count_bytes);
        axm_hdf5_take(&node, depth > 1 ? t->total_bytes[depth - 1] : 0);
        if (node.over) return axm_hdf5_damaged("B-tree");
        if ((status = visit_node(t, child, below, depth - 1)) < 0) return status;
    }
    return ACTMAX_OK;
}

int32_t axm_hdf5_tree2(axm_hdf5 *file, uint64_t address, unsigned type, axm_hdf5_record visit, void *context)
{
    tree2 t = {.file = file, .visit = visit, .context = context};
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    bool right = axm_hdf5_sign(&c, "BTHD") && axm_hdf5_take(&c, 1) == 0;
    t.type = (unsigned)axm_hdf5_take(&c, 1);
    t.node_size = axm_hdf5_take(&c, 4);
    t.record_size = axm_hdf5_take(&c, 2);
    unsigned depth = (unsigned)axm_hdf5_take(&c, 2);
    axm_hdf5_skip(&c, 2);
    uint64_t root = axm_hdf5_address(file, &c), count = axm_hdf5_take(&c, 2);
    if (!right || c.over || t.type != type || !set_widths(&t, depth)) return axm_hdf5_damaged("B-tree");
    return root == AXM_HDF5_NONE ? ACTMAX_OK : visit_node(&t, root, count, depth);
}

/* ---- Fractal heaps ---- */

int32_t axm_hdf5_open_heap(axm_hdf5 *file, uint64_t address, axm_hdf5_heap *out)
{
    axm_hdf5_heap h = {0};
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    bool right = axm_hdf5_sign(&c, "FRHP") && axm_hdf5_take(&c, 1) == 0;
    h.id_size = (unsigned)axm_hdf5_take(&c, 2);
    h.filtered = axm_hdf5_take(&c, 2) != 0;
    h.flags = (unsigned)axm_hdf5_take(&c, 1);
    uint64_t most_managed = axm_hdf5_take(&c, 4);
    axm_hdf5_length(file, &c);
    h.huge_tree = axm_hdf5_address(file, &c);
    axm_hdf5_length(file, &c);
    axm_hdf5_address(file, &c);
    axm_hdf5_skip(&c, 8u * file->length_size);
    h.width = axm_hdf5_take(&c, 2);
    h.start = axm_hdf5_length(file, &c);
    h.most_direct = axm_hdf5_length(file, &c);
    unsigned bits = (unsigned)axm_hdf5_take(&c, 2);
    axm_hdf5_skip(&c, 2);
    h.root = axm_hdf5_address(file, &c);
    h.rows = (unsigned)axm_hdf5_take(&c, 2);
    h.offset_bytes = (bits + 7) / 8;
    unsigned direct = bytes_for(h.most_direct - 1), managed = bytes_for(most_managed);
    h.length_bytes = direct < managed ? direct : managed;
    bool sane = h.width > 0 && h.start > 0 && h.most_direct >= h.start && h.most_direct <= UINT32_MAX && h.offset_bytes <= 8 &&
                h.rows <= 64 && h.width <= 4096;
    if (!right || c.over || !sane) return axm_hdf5_damaged("heap");
    if (h.filtered) return axm_hdf5_unsupported("a compressed heap");
    *out = h;
    return ACTMAX_OK;
}

/* Rows of an indirect block: the first two of `start` bytes a block, each further one twice the one before. */
static uint64_t row_size(const axm_hdf5_heap *h, unsigned row)
{
    uint64_t size = h->start;
    for (unsigned r = 1; r < row; ++r) {
        if (size > UINT64_MAX / 4) return UINT64_MAX / 2;
        size *= 2;
    }
    return size;
}

/* Finds the direct block that holds `offset` of the heap's space: its address, and in *base its own offset. */
static int32_t find_block(axm_hdf5 *file, const axm_hdf5_heap *h, uint64_t offset, uint64_t *address, uint64_t *base)
{
    uint64_t at = h->root, start = 0;
    unsigned rows = h->rows;
    for (int depth = 0; rows > 0; ++depth) {
        axm_hdf5_cursor c = axm_hdf5_at(file, at);
        int32_t status = axm_hdf5_step(file);
        if (status < 0) return status;
        if (depth > DEPTHS || !axm_hdf5_sign(&c, "FHIB")) return axm_hdf5_damaged("heap");
        axm_hdf5_skip(&c, 1u + file->offset_size + h->offset_bytes);
        unsigned row = 0;
        uint64_t size = h->start, first = start;
        for (; row < rows; ++row) { /* the row that holds it */
            size = row_size(h, row);
            if (size > UINT64_MAX / 2 / h->width) return axm_hdf5_damaged("heap");
            if (offset - first < size * h->width) break;
            first += size * h->width;
        }
        if (row == rows) return axm_hdf5_damaged("heap");
        uint64_t column = (offset - first) / size;
        axm_hdf5_skip(&c, (row * h->width + column) * file->offset_size);
        at = axm_hdf5_address(file, &c);
        if (c.over || at == AXM_HDF5_NONE) return axm_hdf5_damaged("heap");
        start = first + column * size;
        if (size <= h->most_direct) break;
        /* An indirect block of that size has so many rows. */
        for (rows = 1, first = h->start * h->width; first < size && rows < 64; ++rows)
            first += row_size(h, rows) * h->width;
    }
    *address = at;
    *base = start;
    return ACTMAX_OK;
}

static int32_t managed_object(axm_hdf5 *file, const axm_hdf5_heap *h, axm_hdf5_cursor id, axm_hdf5_cursor *out)
{
    uint64_t offset = axm_hdf5_take(&id, h->offset_bytes), length = axm_hdf5_take(&id, h->length_bytes), block = 0, base = 0;
    if (id.over || h->root == AXM_HDF5_NONE) return axm_hdf5_damaged("heap");
    int32_t status = find_block(file, h, offset, &block, &base);
    if (status < 0) return status;
    axm_hdf5_cursor c = axm_hdf5_at(file, block);
    if (!axm_hdf5_sign(&c, "FHDB")) return axm_hdf5_damaged("heap");
    uint64_t into = offset - base;
    if (into > h->most_direct || block > UINT64_MAX - into) return axm_hdf5_damaged("heap");
    *out = axm_hdf5_span(file, block + into, length);
    return out->over ? axm_hdf5_damaged("heap") : ACTMAX_OK;
}

typedef struct huge {
    uint64_t wanted, address, length;
    bool found;
} huge;

static int32_t match_huge(axm_hdf5 *file, axm_hdf5_cursor record, void *context)
{
    huge *h = context;
    uint64_t address = axm_hdf5_address(file, &record), length = axm_hdf5_length(file, &record),
             id = axm_hdf5_length(file, &record);
    if (record.over) return axm_hdf5_damaged("heap");
    if (id == h->wanted) *h = (huge){id, address, length, true};
    return ACTMAX_OK;
}

/* Objects too large for a block lie on their own; the id is a key into a tree, or holds the address where there is room for it. */
static int32_t huge_object(axm_hdf5 *file, const axm_hdf5_heap *h, axm_hdf5_cursor id, axm_hdf5_cursor *out)
{
    huge found = {0};
    if (h->id_size >= 1 + file->offset_size + file->length_size) {
        found.address = axm_hdf5_address(file, &id);
        found.length = axm_hdf5_length(file, &id);
    } else {
        unsigned room = h->id_size - 1;
        found.wanted = axm_hdf5_take(&id, room < file->length_size ? room : file->length_size);
        int32_t status = axm_hdf5_tree2(file, h->huge_tree, 1, match_huge, &found);
        if (status < 0) return status;
        if (!found.found) return axm_hdf5_damaged("heap");
    }
    *out = axm_hdf5_span(file, found.address, found.length);
    return id.over || out->over ? axm_hdf5_damaged("heap") : ACTMAX_OK;
}

int32_t axm_hdf5_heap_object(axm_hdf5 *file, const axm_hdf5_heap *heap, axm_hdf5_cursor id, axm_hdf5_cursor *out)
{
    if (heap->id_size < 2 || id.left < heap->id_size) return axm_hdf5_damaged("heap");
    id.left = heap->id_size;
    unsigned flags = (unsigned)axm_hdf5_take(&id, 1);
    switch (flags & 0x30) {
    case 0x00: return managed_object(file, heap, id, out);
    case 0x10: return huge_object(file, heap, id, out);
    case 0x20: /* tiny: in the id itself */
        out->at = id.at;
        out->left = (flags & 0x0fu) + 1;
        out->over = false;
        return out->left <= id.left ? ACTMAX_OK : axm_hdf5_damaged("heap");
    default: return axm_hdf5_damaged("heap");
    }
}
