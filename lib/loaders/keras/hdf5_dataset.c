/* Datasets: where the elements lie, and how they come into this machine's order. */
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

enum { COMPACT = 0, CONTIGUOUS = 1, CHUNKED = 2, VIRTUAL = 3 };

typedef struct reading {
    axm_hdf5 *file;
    axm_hdf5_messages messages;
    axm_hdf5_type type;
    axm_hdf5_space space;
    size_t bytes;
    axm_arena *keep;
    const uint8_t *data; /* what was found, in the file or in keep */
    bool owned;          /* in keep */
} reading;

/* Memory for the whole, filled with the file's fill value. Never more than the file could hold compressed. */
static int32_t new_values(reading *r, uint8_t **out)
{
    if (r->bytes > r->file->decode) return axm_hdf5_damaged("a dataset larger than the file can hold");
    r->file->decode -= r->bytes;
    if (!(*out = axm_arena_alloc(r->keep, r->bytes + 1))) return axm_no_memory(r->bytes, "a weight");
    r->data = *out;
    r->owned = true;
    axm_hdf5_cursor fill;
    bool found;
    int32_t status = axm_hdf5_message_of(r->file, &r->messages, AXM_HDF5_FILL, &fill, &found);
    if (status < 0 || !found) return status;
    unsigned version = (unsigned)axm_hdf5_take(&fill, 1);
    unsigned flags = version == 3 ? (unsigned)axm_hdf5_take(&fill, 1) : 0;
    if (version < 3) axm_hdf5_skip(&fill, 2);
    bool defined = version == 3 ? (flags & 0x20) : version == 2 ? axm_hdf5_take(&fill, 1) == 1 : (axm_hdf5_skip(&fill, 1), true);
    if (!defined) return ACTMAX_OK;
    uint64_t size = axm_hdf5_take(&fill, 4);
    const uint8_t *value = axm_hdf5_skip(&fill, size);
    if (fill.over || size != r->type.size) return size == 0 ? ACTMAX_OK : axm_hdf5_damaged("fill value");
    for (int64_t i = 0; i < r->space.count; ++i)
        memcpy(*out + (size_t)i * r->type.size, value, r->type.size);
    return ACTMAX_OK;
}

static int32_t read_contiguous(reading *r, uint64_t address, uint64_t size)
{
    uint8_t *values;
    if (address == AXM_HDF5_NONE) return new_values(r, &values);
    axm_hdf5_cursor c = axm_hdf5_span(r->file, address, r->bytes);
    if (c.over || size < r->bytes) return axm_hdf5_damaged("data of a dataset");
    r->data = c.at;
    return ACTMAX_OK;
}

/* Chunk sizes; the last of the file's list is the size of an element. */
static int32_t read_chunk_shape(reading *r, axm_hdf5_cursor *c, unsigned dimensions, unsigned width, axm_hdf5_chunking *out)
{
    if (dimensions != (unsigned)r->space.shape.rank + 1 || dimensions < 2) return axm_hdf5_damaged("chunks of a dataset");
    out->rank = r->space.shape.rank;
    out->element = r->type.size;
    size_t bytes = r->type.size;
    for (int32_t i = 0; i < out->rank; ++i) {
        uint64_t size = axm_hdf5_take(c, width);
        out->shape[i] = r->space.shape.dim[i];
        out->most[i] = r->space.most[i];
        if (size < 1 || size > INT32_MAX || !axm_mul_size(bytes, (size_t)size, &bytes) || bytes > UINT32_MAX)
            return axm_hdf5_damaged("chunks of a dataset");
        out->chunk[i] = (int64_t)size;
    }
    uint64_t element = axm_hdf5_take(c, width);
    if (c->over || element != r->type.size) return axm_hdf5_damaged("chunks of a dataset");
    out->chunk_bytes = bytes;
    return ACTMAX_OK;
}

static int32_t prepare_chunks(reading *r, axm_hdf5_chunking *out)
{
    axm_hdf5_cursor filters;
    bool found;
    int32_t status = axm_hdf5_message_of(r->file, &r->messages, AXM_HDF5_FILTERS, &filters, &found);
    if (status >= 0 && found) status = axm_hdf5_read_filters(filters, out);
    return status < 0 ? status : new_values(r, &out->out);
}

/* Version 3: rank + 1, address of the tree, sizes; versions 1 and 2 have the same after another head. */
static int32_t read_chunks3(reading *r, axm_hdf5_cursor c, unsigned dimensions)
{
    axm_hdf5_chunking chunking = {0};
    uint64_t tree = axm_hdf5_address(r->file, &c);
    int32_t status = read_chunk_shape(r, &c, dimensions, 4, &chunking);
    if (status < 0 || (status = prepare_chunks(r, &chunking)) < 0 || tree == AXM_HDF5_NONE) return status;
    return axm_hdf5_walk_tree1(r->file, &chunking, tree);
}

static int32_t read_chunks4(reading *r, axm_hdf5_cursor c)
{
    axm_hdf5_chunking chunking = {0};
    unsigned flags = (unsigned)axm_hdf5_take(&c, 1), dimensions = (unsigned)axm_hdf5_take(&c, 1),
             width = (unsigned)axm_hdf5_take(&c, 1);
    int32_t status = read_chunk_shape(r, &c, dimensions, width, &chunking);
    if (status < 0 || (status = prepare_chunks(r, &chunking)) < 0) return status;
    unsigned type = (unsigned)axm_hdf5_take(&c, 1);
    return axm_hdf5_walk_index(r->file, &chunking, type, flags, c);
}

static int32_t read_layout_old(reading *r, axm_hdf5_cursor c)
{
    unsigned dimensions = (unsigned)axm_hdf5_take(&c, 1), kind = (unsigned)axm_hdf5_take(&c, 1);
    axm_hdf5_skip(&c, 5);
    if (kind == CHUNKED) return read_chunks3(r, c, dimensions);
    if (kind == CONTIGUOUS) return read_contiguous(r, axm_hdf5_address(r->file, &c), UINT64_MAX);
    if (kind != COMPACT) return axm_hdf5_damaged("layout of a dataset");
    axm_hdf5_skip(&c, 4u * dimensions);
    uint64_t size = axm_hdf5_take(&c, 4);
    r->data = axm_hdf5_skip(&c, r->bytes);
    return c.over || size < r->bytes ? axm_hdf5_damaged("data of a dataset") : ACTMAX_OK;
}

static int32_t read_layout(reading *r, axm_hdf5_cursor c)
{
    unsigned version = (unsigned)axm_hdf5_take(&c, 1);
    if (version == 1 || version == 2) return read_layout_old(r, c);
    if (version < 3 || version > 5) return axm_hdf5_unsupported("a newer layout of datasets");
    unsigned kind = (unsigned)axm_hdf5_take(&c, 1);
    if (kind == VIRTUAL) return axm_hdf5_unsupported("virtual datasets");
    if (kind == CHUNKED && version >= 4) return read_chunks4(r, c);
    if (kind == CHUNKED) {
        unsigned dimensions = (unsigned)axm_hdf5_take(&c, 1);
        return read_chunks3(r, c, dimensions);
    }
    if (kind == CONTIGUOUS) {
        uint64_t address = axm_hdf5_address(r->file, &c), size = axm_hdf5_length(r->file, &c);
        return c.over ? axm_hdf5_damaged("layout of a dataset") : read_contiguous(r, address, size);
    }
    if (kind != COMPACT) return axm_hdf5_damaged("layout of a dataset");
    uint64_t size = axm_hdf5_take(&c, 2);
    r->data = axm_hdf5_skip(&c, r->bytes);
    return c.over || size < r->bytes ? axm_hdf5_damaged("data of a dataset") : ACTMAX_OK;
}

/* Big-endian numbers are turned round in a copy. */
static int32_t turn_bytes(reading *r)
{
    uint8_t *values = (uint8_t *)(uintptr_t)r->data;
    size_t width = r->type.size;
    if (!r->type.big_endian || width < 2) return ACTMAX_OK;
    if (!r->owned) {
        const uint8_t *from = r->data;
        if (!(values = axm_arena_alloc(r->keep, r->bytes + 1))) return axm_no_memory(r->bytes, "a weight");
        memcpy(values, from, r->bytes);
        r->data = values;
    }
    for (size_t at = 0; at < r->bytes; at += width)
        for (size_t i = 0; i < width / 2; ++i) {
            uint8_t kept = values[at + i];
            values[at + i] = values[at + width - 1 - i];
            values[at + width - 1 - i] = kept;
        }
    return ACTMAX_OK;
}

static int32_t read_parts(reading *r, uint64_t object)
{
    axm_hdf5_cursor body;
    bool found, external;
    int32_t status = axm_hdf5_read_header(r->file, object, &r->messages);
    if (status < 0 || (status = axm_hdf5_message_of(r->file, &r->messages, AXM_HDF5_DATATYPE, &body, &found)) < 0) return status;
    if (!found) return axm_fail(ACTMAX_ERROR_FORMAT, "it is no dataset");
    if ((status = axm_hdf5_read_type(body, &r->type)) < 0) return status;
    if (r->type.kind != AXM_HDF5_NUMBER || !r->type.known)
        return axm_hdf5_unsupported("elements of a type other than float, int8, int32 or int64");
    if ((status = axm_hdf5_message_of(r->file, &r->messages, AXM_HDF5_DATASPACE, &body, &found)) < 0) return status;
    if (!found) return axm_hdf5_damaged("a dataset without its shape");
    if ((status = axm_hdf5_read_space(r->file, body, &r->space)) < 0) return status;
    if (!axm_mul_size((size_t)r->space.count, r->type.size, &r->bytes)) return axm_hdf5_damaged("dataspace");
    if ((status = axm_hdf5_message_of(r->file, &r->messages, AXM_HDF5_EXTERNAL, &body, &external)) < 0) return status;
    if (external) return axm_hdf5_unsupported("data in other files");
    if ((status = axm_hdf5_message_of(r->file, &r->messages, AXM_HDF5_LAYOUT, &body, &found)) < 0) return status;
    if (!found) return axm_hdf5_damaged("a dataset without its layout");
    if (r->space.count == 0) {
        r->data = r->file->data; /* never NULL, also where there is nothing to point at */
        return ACTMAX_OK;
    }
    if ((status = read_layout(r, body)) < 0) return status;
    return turn_bytes(r);
}

int32_t axm_hdf5_dataset(axm_hdf5 *file, uint64_t object, const char *label, axm_arena *keep, axm_constant *out)
{
    reading r = {.file = file, .keep = keep};
    int32_t status = read_parts(&r, object);
    if (status < 0) return axm_fail_within(status, "weight '%.120s'", label);
    *out = (axm_constant){.dtype = r.type.dtype, .shape = r.space.shape, .data = r.data, .bytes = r.bytes};
    return ACTMAX_OK;
}
