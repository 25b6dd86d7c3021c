/* Indexes of chunks: the B-tree of version 1, and those of layout version 4. */
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

enum { SINGLE = 1, IMPLICIT = 2, FIXED_ARRAY = 3, EXTENSIBLE_ARRAY = 4, TREE2 = 5 };

/* ---- B-tree of version 1: keys say size, filters and place ---- */

static int32_t visit_tree1(axm_hdf5 *file, const axm_hdf5_chunking *k, uint64_t address, int level)
{
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    int32_t status = axm_hdf5_step(file);
    if (status < 0) return status;
    bool right = axm_hdf5_sign(&c, "TREE") && axm_hdf5_take(&c, 1) == 1;
    int own = (int)axm_hdf5_take(&c, 1);
    uint64_t count = axm_hdf5_take(&c, 2);
    axm_hdf5_skip(&c, 2u * file->offset_size);
    if (!right || c.over || own > 16 || (level >= 0 && own != level)) return axm_hdf5_damaged("index of chunks");
    for (uint64_t i = 0; i < count; ++i) {
        uint64_t stored = axm_hdf5_take(&c, 4);
        uint32_t mask = (uint32_t)axm_hdf5_take(&c, 4);
        int64_t offset[AXM_MAX_RANK];
        for (int32_t d = 0; d < k->rank; ++d) {
            uint64_t at = axm_hdf5_take(&c, 8);
            offset[d] = at > INT64_MAX ? -1 : (int64_t)at;
        }
        axm_hdf5_skip(&c, 8);
        uint64_t child = axm_hdf5_address(file, &c);
        if (c.over) return axm_hdf5_damaged("index of chunks");
        status = own > 0 ? visit_tree1(file, k, child, own - 1) : axm_hdf5_place_chunk(file, k, offset, child, stored, mask);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

int32_t axm_hdf5_walk_tree1(axm_hdf5 *file, const axm_hdf5_chunking *chunking, uint64_t address)
{
    return visit_tree1(file, chunking, address, -1);
}

/* ---- Arrays: the n-th element is the n-th chunk in row-major order ---- */

typedef struct walk {
    axm_hdf5 *file;
    const axm_hdf5_chunking *chunking;
    int64_t grid[AXM_MAX_RANK]; /* chunks along each axis, at its full growth */
    int32_t axis[AXM_MAX_RANK]; /* in order, the slowest first */
    int64_t total;
    unsigned size_bytes; /* of a stored chunk's size; 0: not filtered */
    bool filtered;
} walk;

static void offset_of(const walk *w, int64_t number, int64_t *offset)
{
    for (int32_t i = w->chunking->rank - 1; i >= 0; --i) {
        int32_t axis = w->axis[i];
        offset[axis] = number % w->grid[axis] * w->chunking->chunk[axis];
        number /= w->grid[axis];
    }
}

/* An axis without a limit comes first in an extensible array. */
static int32_t start_walk(axm_hdf5 *file, const axm_hdf5_chunking *k, walk *out)
{
    *out = (walk){.file = file, .chunking = k, .total = 1, .filtered = k->filter_count > 0};
    int32_t placed = 0;
    for (int turn = 0; turn < 2; ++turn)
        for (int32_t i = 0; i < k->rank; ++i)
            if ((k->most[i] == INT64_MAX) == (turn == 0)) out->axis[placed++] = i;
    for (int32_t i = 0; i < k->rank; ++i) {
        int64_t size = k->most[i] == INT64_MAX ? k->shape[i] : k->most[i];
        out->grid[i] = (size - 1) / k->chunk[i] + 1;
        if (!axm_mul_i64(out->total, out->grid[i], &out->total)) return axm_hdf5_damaged("chunks of a dataset");
    }
    return ACTMAX_OK;
}

/* One element of an array: address, then size and filters where chunks are filtered. */
static int32_t take_element(walk *w, axm_hdf5_cursor *c, int64_t number)
{
    int64_t offset[AXM_MAX_RANK];
    uint64_t address = axm_hdf5_address(w->file, c), stored = w->chunking->chunk_bytes;
    uint32_t mask = 0;
    if (w->filtered) {
        stored = axm_hdf5_take(c, w->size_bytes);
        mask = (uint32_t)axm_hdf5_take(c, 4);
    }
    if (c->over) return axm_hdf5_damaged("index of chunks");
    if (address == AXM_HDF5_NONE || number >= w->total) return axm_hdf5_step(w->file);
    offset_of(w, number, offset);
    return axm_hdf5_place_chunk(w->file, w->chunking, offset, address, stored, mask);
}

static int32_t take_elements(walk *w, axm_hdf5_cursor *c, int64_t first, uint64_t count)
{
    int32_t status = ACTMAX_OK;
    for (uint64_t i = 0; i < count && first + (int64_t)i < w->total && status >= 0; ++i)
        status = take_element(w, c, first + (int64_t)i);
    return status;
}

/* The elements' width says how sizes are written. */
static int32_t set_element(walk *w, unsigned client, unsigned element)
{
    unsigned plain = w->file->offset_size;
    if (client > 1 || (client == 1) != w->filtered || element < plain) return axm_hdf5_damaged("index of chunks");
    if (!w->filtered) return element == plain ? ACTMAX_OK : axm_hdf5_damaged("index of chunks");
    if (element < plain + 5 || element > plain + 12) return axm_hdf5_damaged("index of chunks");
    w->size_bytes = element - plain - 4;
    return ACTMAX_OK;
}

/* ---- Fixed array ---- */

static int32_t walk_fixed(walk *w, uint64_t address)
{
    axm_hdf5 *file = w->file;
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    bool right = axm_hdf5_sign(&c, "FAHD") && axm_hdf5_take(&c, 1) == 0;
    unsigned client = (unsigned)axm_hdf5_take(&c, 1), element = (unsigned)axm_hdf5_take(&c, 1);
    unsigned page_bits = (unsigned)axm_hdf5_take(&c, 1);
    uint64_t count = axm_hdf5_length(file, &c), block = axm_hdf5_address(file, &c);
    if (!right || c.over || page_bits > 32) return axm_hdf5_damaged("index of chunks");
    int32_t status = set_element(w, client, element);
    if (status < 0 || block == AXM_HDF5_NONE) return status;
    c = axm_hdf5_at(file, block);
    right = axm_hdf5_sign(&c, "FADB");
    axm_hdf5_skip(&c, 2u + file->offset_size);
    if (!right || c.over) return axm_hdf5_damaged("index of chunks");
    uint64_t page = (uint64_t)1 << page_bits;
    if (count <= page) return take_elements(w, &c, 0, count);
    /* Pages follow after a bit for each, set where the page is in use; page and checksum each. */
    uint64_t pages = (count - 1) / page + 1;
    const uint8_t *used = axm_hdf5_skip(&c, (pages + 7) / 8);
    axm_hdf5_skip(&c, 4);
    for (uint64_t p = 0; p < pages && used && status >= 0; ++p) {
        uint64_t some = p + 1 < pages ? page : count - p * page;
        axm_hdf5_cursor here = {.at = axm_hdf5_skip(&c, some * element), .left = (size_t)(some * element)};
        axm_hdf5_skip(&c, 4);
        if (c.over) return axm_hdf5_damaged("index of chunks");
        if (p * page < (uint64_t)w->total && (used[p / 8] & 0x80u >> p % 8))
            status = take_elements(w, &here, (int64_t)(p * page), some);
    }
    return used ? status : axm_hdf5_damaged("index of chunks");
}

/* ---- Extensible array: elements in the index block, then in data blocks, then in data blocks of super blocks ---- */

typedef struct extensible {
    unsigned element, offset_bytes, page_bits;
    uint64_t in_index, least,
        super_least; /* elements of the index block and of the smallest data block; pointers, see walk_extensible */
} extensible;

/* used: a bit for each page from `bit` on, set where the page is in use; NULL where blocks have no pages. */
static int32_t walk_data_block(walk *w, const extensible *e, uint64_t address, int64_t first, uint64_t count, const uint8_t *used,
                               uint64_t bit)
{
    axm_hdf5_cursor c = axm_hdf5_at(w->file, address);
    if (address == AXM_HDF5_NONE || first >= w->total) return axm_hdf5_step(w->file);
    bool right = axm_hdf5_sign(&c, "EADB");
    axm_hdf5_skip(&c, 2u + w->file->offset_size + e->offset_bytes);
    if (!right || c.over) return axm_hdf5_damaged("index of chunks");
    uint64_t page = (uint64_t)1 << e->page_bits;
    if (count <= page) return take_elements(w, &c, first, count);
    if (!used) return axm_hdf5_damaged("index of chunks");
    axm_hdf5_skip(&c, 4); /* the block's head ends with its checksum, each page with its own */
    int32_t status = ACTMAX_OK;
    for (uint64_t at = 0; at < count && first + (int64_t)at < w->total && status >= 0; at += page, ++bit) {
        axm_hdf5_cursor here = {.at = axm_hdf5_skip(&c, page * e->element), .left = (size_t)(page * e->element)};
        axm_hdf5_skip(&c, 4);
        if (c.over) return axm_hdf5_damaged("index of chunks");
        if (used[bit / 8] & 0x80u >> bit % 8) status = take_elements(w, &here, first + (int64_t)at, page);
    }
    return status;
}

/* A super block of `blocks` data blocks of `count` elements each; paged ones have a bit for each page first. */
static int32_t walk_super_block(walk *w, const extensible *e, uint64_t address, int64_t first, uint64_t blocks, uint64_t count)
{
    axm_hdf5_cursor c = axm_hdf5_at(w->file, address);
    if (address == AXM_HDF5_NONE) return axm_hdf5_step(w->file);
    bool right = axm_hdf5_sign(&c, "EASB");
    axm_hdf5_skip(&c, 2u + w->file->offset_size + e->offset_bytes);
    uint64_t page = (uint64_t)1 << e->page_bits;
    uint64_t pages = count > page ? count / page : 0;
    const uint8_t *used = pages ? axm_hdf5_skip(&c, blocks * ((pages + 7) / 8)) : NULL;
    int32_t status = right && !c.over ? ACTMAX_OK : axm_hdf5_damaged("index of chunks");
    for (uint64_t b = 0; b < blocks && status >= 0; ++b) {
        uint64_t block = axm_hdf5_address(w->file, &c);
        if (c.over) return axm_hdf5_damaged("index of chunks");
        status = walk_data_block(w, e, block, first + (int64_t)(b * count), count, used, b * pages);
    }
    return status;
}

static int32_t walk_extensible(walk *w, uint64_t address)
{
    axm_hdf5 *file = w->file;
    extensible e = {0};
    axm_hdf5_cursor c = axm_hdf5_at(file, address);
    bool right = axm_hdf5_sign(&c, "EAHD") && axm_hdf5_take(&c, 1) == 0;
    unsigned client = (unsigned)axm_hdf5_take(&c, 1);
    e.element = (unsigned)axm_hdf5_take(&c, 1);
    unsigned bits = (unsigned)axm_hdf5_take(&c, 1);
    e.in_index = axm_hdf5_take(&c, 1);
    e.least = axm_hdf5_take(&c, 1);
    e.super_least = axm_hdf5_take(&c, 1);
    e.page_bits = (unsigned)axm_hdf5_take(&c, 1);
    axm_hdf5_skip(&c, 6u * file->length_size);
    uint64_t index = axm_hdf5_address(file, &c);
    e.offset_bytes = (bits + 7) / 8;
    if (!right || c.over || bits > 63 || e.page_bits > 32 || e.least == 0 || e.super_least == 0)
        return axm_hdf5_damaged("index of chunks");
    int32_t status = set_element(w, client, e.element);
    if (status < 0 || index == AXM_HDF5_NONE) return status;
    c = axm_hdf5_at(file, index);
    right = axm_hdf5_sign(&c, "EAIB");
    axm_hdf5_skip(&c, 2u + file->offset_size);
    if (!right || c.over) return axm_hdf5_damaged("index of chunks");
    axm_hdf5_cursor elements = {.at = axm_hdf5_skip(&c, e.in_index * e.element), .left = (size_t)(e.in_index * e.element)};
    if (c.over) return axm_hdf5_damaged("index of chunks");
    if ((status = take_elements(w, &elements, 0, e.in_index)) < 0) return status;
    /* Super block s has 2^(s/2) data blocks of least * 2^((s+1)/2) elements. Those of the first ones (2 log2 super_least) have
     * their data blocks' addresses here in the index block. */
    unsigned direct = 0;
    for (uint64_t v = e.super_least; v > 1; v >>= 1)
        direct += 2;
    int64_t first = (int64_t)e.in_index;
    for (unsigned s = 0; s < 60 && first < w->total && status >= 0; ++s) {
        uint64_t blocks = (uint64_t)1 << s / 2, count = e.least << (s + 1) / 2;
        if (s >= direct) {
            uint64_t super = axm_hdf5_address(file, &c);
            status = c.over ? axm_hdf5_damaged("index of chunks") : walk_super_block(w, &e, super, first, blocks, count);
        }
        for (uint64_t b = 0; s < direct && b < blocks && status >= 0; ++b) {
            uint64_t block = axm_hdf5_address(file, &c);
            status = c.over ? axm_hdf5_damaged("index of chunks")
                            : walk_data_block(w, &e, block, first + (int64_t)(b * count), count, NULL, 0);
        }
        if (blocks * count > (uint64_t)(INT64_MAX - first)) break;
        first += (int64_t)(blocks * count);
    }
    return status;
}

/* ---- B-tree of version 2 ---- */

/* Records: address, then size and filters where filtered, then the place in chunks along each axis. */
static int32_t take_record(axm_hdf5 *file, axm_hdf5_cursor record, void *context)
{
    walk *w = context;
    const axm_hdf5_chunking *k = w->chunking;
    int64_t offset[AXM_MAX_RANK];
    uint64_t address = axm_hdf5_address(file, &record), stored = k->chunk_bytes;
    uint32_t mask = 0;
    size_t places = 8u * (size_t)k->rank;
    if (w->filtered) {
        if (record.left < places + 5 || record.left > places + 12) return axm_hdf5_damaged("index of chunks");
        stored = axm_hdf5_take(&record, (unsigned)(record.left - places - 4));
        mask = (uint32_t)axm_hdf5_take(&record, 4);
    }
    for (int32_t i = 0; i < k->rank; ++i) {
        uint64_t at = axm_hdf5_take(&record, 8);
        offset[i] = at < (uint64_t)w->grid[i] ? (int64_t)at * k->chunk[i] : -1;
    }
    return record.over ? axm_hdf5_damaged("index of chunks") : axm_hdf5_place_chunk(file, k, offset, address, stored, mask);
}

int32_t axm_hdf5_walk_index(axm_hdf5 *file, const axm_hdf5_chunking *chunking, unsigned type, unsigned flags, axm_hdf5_cursor body)
{
    walk w;
    int64_t offset[AXM_MAX_RANK] = {0};
    uint64_t stored = chunking->chunk_bytes;
    uint32_t mask = 0;
    int32_t status = start_walk(file, chunking, &w);
    if (status < 0) return status;
    if (type == SINGLE && (flags & 2)) {
        stored = axm_hdf5_length(file, &body);
        mask = (uint32_t)axm_hdf5_take(&body, 4);
    }
    /* Sizes that only writers need. */
    axm_hdf5_skip(&body, type == FIXED_ARRAY ? 1 : type == EXTENSIBLE_ARRAY ? 5 : type == TREE2 ? 6 : 0);
    uint64_t address = axm_hdf5_address(file, &body);
    if (body.over) return axm_hdf5_damaged("layout of a dataset");
    if (address == AXM_HDF5_NONE) return ACTMAX_OK;
    switch (type) {
    case SINGLE: return axm_hdf5_place_chunk(file, chunking, offset, address, stored, mask);
    case IMPLICIT:
        for (int64_t n = 0; n < w.total && status >= 0; ++n) {
            uint64_t into = (uint64_t)n * chunking->chunk_bytes; /* places past the end of the file fail at once */
            offset_of(&w, n, offset);
            status = axm_hdf5_place_chunk(file, chunking, offset, address + into, stored, 0);
        }
        return status;
    case FIXED_ARRAY: return walk_fixed(&w, address);
    case EXTENSIBLE_ARRAY: return walk_extensible(&w, address);
    case TREE2: return axm_hdf5_tree2(file, address, w.filtered ? 11 : 10, take_record, &w);
    default: return axm_hdf5_unsupported("an unknown index of chunks");
    }
}
