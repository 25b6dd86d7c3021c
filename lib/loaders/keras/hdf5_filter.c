/* Filters of chunks, undone: deflate (zlib), byte shuffle, LZF and Fletcher's checksum. */
#include <string.h>

#include <zlib.h>

#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

enum { DEFLATE = 1, SHUFFLE = 2, FLETCHER32 = 3, LZF = 32000 };

int32_t axm_hdf5_read_filters(axm_hdf5_cursor body, axm_hdf5_chunking *out)
{
    unsigned version = (unsigned)axm_hdf5_take(&body, 1), count = (unsigned)axm_hdf5_take(&body, 1);
    axm_hdf5_skip(&body, version == 1 ? 6 : 0);
    if (version < 1 || version > 2 || count > AXM_HDF5_FILTERS_MOST) return axm_hdf5_damaged("filters of a dataset");
    for (unsigned i = 0; i < count; ++i) {
        axm_hdf5_filter filter = {.id = (unsigned)axm_hdf5_take(&body, 2)};
        uint64_t name = version == 1 || filter.id >= 256 ? axm_hdf5_take(&body, 2) : 0;
        filter.optional = (unsigned)axm_hdf5_take(&body, 2);
        uint64_t values = axm_hdf5_take(&body, 2);
        axm_hdf5_skip(&body, name);
        for (uint64_t v = 0; v < values; ++v) {
            uint32_t value = (uint32_t)axm_hdf5_take(&body, 4);
            if (v == 0) filter.first_value = value;
        }
        axm_hdf5_skip(&body, version == 1 && values % 2 ? 4 : 0);
        if (body.over) return axm_hdf5_damaged("filters of a dataset");
        if (filter.id != DEFLATE && filter.id != SHUFFLE && filter.id != FLETCHER32 && filter.id != LZF)
            return axm_hdf5_unsupported("a filter other than gzip, lzf, shuffle and fletcher32");
        out->filters[out->filter_count++] = filter;
    }
    return ACTMAX_OK;
}

/* zlib's memory comes from the model's allocator; the count keeps its blocks within reason. */
static void *give_memory(void *allocator, uInt count, uInt size)
{
    return axm_calloc_array(allocator, count, size);
}

static void take_memory(void *allocator, void *block)
{
    axm_free(allocator, block);
}

static int32_t inflate_whole(axm_allocator *allocator, axm_hdf5_cursor stored, uint8_t *out, size_t capacity, size_t *size)
{
    z_stream z = {.zalloc = give_memory, .zfree = take_memory, .opaque = allocator};
    if (stored.left > UINT32_MAX || capacity > UINT32_MAX) return axm_hdf5_damaged("a compressed chunk");
    if (inflateInit(&z) != Z_OK) return axm_no_memory(0, "decompression");
    z.next_in = (Bytef *)(uintptr_t)stored.at; /* zlib does not write there */
    z.avail_in = (uInt)stored.left;
    z.next_out = out;
    z.avail_out = (uInt)capacity;
    int result = inflate(&z, Z_FINISH);
    *size = capacity - z.avail_out;
    inflateEnd(&z);
    if (result == Z_MEM_ERROR) return axm_no_memory(0, "decompression");
    return result == Z_STREAM_END ? ACTMAX_OK : axm_hdf5_damaged("a compressed chunk");
}

/* LZF: a control byte below 32 is followed by that many bytes and one more; else its upper 3 bits (7: and a further byte) are a
 * length less 2, and its lower 5 with the next byte how far back to copy from, less 1. */
static int32_t lzf_whole(axm_hdf5_cursor from, uint8_t *out, size_t capacity, size_t *size)
{
    size_t at = 0;
    while (from.left > 0) {
        size_t control = (size_t)axm_hdf5_take(&from, 1);
        if (control < 32) {
            const uint8_t *bytes = axm_hdf5_skip(&from, control + 1);
            if (!bytes || control + 1 > capacity - at) return axm_hdf5_damaged("a compressed chunk");
            memcpy(out + at, bytes, control + 1);
            at += control + 1;
            continue;
        }
        size_t length = control >> 5;
        if (length == 7) length += (size_t)axm_hdf5_take(&from, 1);
        size_t back = ((control & 31) << 8) + (size_t)axm_hdf5_take(&from, 1) + 1;
        length += 2;
        if (from.over || back > at || length > capacity - at) return axm_hdf5_damaged("a compressed chunk");
        for (size_t i = 0; i < length; ++i, ++at)
            out[at] = out[at - back]; /* may overlap */
    }
    *size = at;
    return ACTMAX_OK;
}

/* Shuffled: first bytes of all elements, then second bytes, ...; what is left over at the end stays. */
static void unshuffle(const uint8_t *from, size_t size, size_t element, uint8_t *out)
{
    size_t count = element ? size / element : 0;
    for (size_t b = 0; b < element; ++b)
        for (size_t i = 0; i < count; ++i)
            out[i * element + b] = from[b * count + i];
    memcpy(out + count * element, from + count * element, size - count * element);
}

static bool fletcher_fits(const uint8_t *data, size_t size)
{
    uint32_t low = 0, high = 0;
    axm_hdf5_cursor stored = {.at = data + size, .left = 4};
    for (size_t i = 0; i < size; i += 2) {
        uint32_t word = (uint32_t)data[i] << 8 | (i + 1 < size ? data[i + 1] : 0u);
        low = (low + word) % 65535;
        high = (high + low) % 65535;
    }
    uint32_t sum = (uint32_t)axm_hdf5_take(&stored, 4), own = high << 16 | low;
    /* 0 and 65535 are the same number in this arithmetic. */
    return (sum & 0xffff) % 65535 == (own & 0xffff) && (sum >> 16) % 65535 == own >> 16;
}

/* out and spare hold chunk_bytes each and take turns; the result ends in out. */
int32_t axm_hdf5_unfilter(axm_hdf5 *file, const axm_hdf5_chunking *chunking, uint32_t mask, axm_hdf5_cursor stored, uint8_t *out,
                          uint8_t *spare)
{
    size_t capacity = chunking->chunk_bytes + 4u * AXM_HDF5_FILTERS_MOST; /* room for checksums */
    uint8_t *turns[2] = {out, spare};
    int turn = 0;
    for (int32_t i = chunking->filter_count - 1; i >= 0; --i) {
        size_t size = stored.left;
        uint8_t *to = turns[turn];
        int32_t status = ACTMAX_OK;
        if (mask >> i & 1) continue; /* left out for this chunk */
        switch (chunking->filters[i].id) {
        case FLETCHER32:
            if (stored.left < 4 || !fletcher_fits(stored.at, stored.left - 4)) return axm_hdf5_damaged("checksum of a chunk");
            stored.left -= 4;
            continue;
        case DEFLATE: status = inflate_whole(file->arena->allocator, stored, to, capacity, &size); break;
        case LZF: status = lzf_whole(stored, to, capacity, &size); break;
        default:
            if (size > capacity) return axm_hdf5_damaged("a chunk of a dataset");
            unshuffle(stored.at, size, chunking->filters[i].first_value, to);
            break;
        }
        if (status < 0) return status;
        stored = (axm_hdf5_cursor){.at = to, .left = size};
        turn = !turn;
    }
    if (stored.left != chunking->chunk_bytes) return axm_hdf5_damaged("a chunk of a dataset");
    if (stored.at != out) memcpy(out, stored.at, stored.left);
    return ACTMAX_OK;
}
