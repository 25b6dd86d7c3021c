/* Zip: the end record names the central directory, whose entries name the local ones. Format: PKWARE's APPNOTE 6.3. */
#include "loaders/keras/archive.h"

#include <inttypes.h>
#include <string.h>

#include <zlib.h>

#include "base/status.h"

#define END_SIZE     22
#define MOST_COMMENT 65535
#define MOST_RATIO   1040 /* deflate gives at most 1032 bytes for one */

enum { STORED = 0, DEFLATED = 8 };

typedef struct archive {
    const uint8_t *data;
    size_t size;
    uint64_t directory, count;
} archive;

typedef struct entry {
    const uint8_t *name;
    size_t name_size;
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed, size, header;
} entry;

static int32_t damaged(const char *what)
{
    return axm_fail(ACTMAX_ERROR_FORMAT, "the zip archive is damaged or cut short (%s); save or fetch it again", what);
}

static uint64_t number(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

bool axm_archive_recognises(const uint8_t *data, size_t size)
{
    return size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

/* `bytes` bytes at an offset; NULL when they are not all there. */
static const uint8_t *bytes_at(const archive *a, uint64_t offset, uint64_t bytes)
{
    return offset <= a->size && bytes <= a->size - offset ? a->data + offset : NULL;
}

/* The end record: the last one whose comment ends with the file. */
static int32_t find_directory(archive *a)
{
    size_t lowest = a->size > END_SIZE + MOST_COMMENT ? a->size - END_SIZE - MOST_COMMENT : 0;
    if (a->size < END_SIZE) return damaged("its end is missing");
    for (size_t at = a->size - END_SIZE + 1; at-- > lowest;) {
        const uint8_t *end = a->data + at;
        if (memcmp(end, "PK\5\6", 4) != 0 || number(end + 20, 2) != a->size - at - END_SIZE) continue;
        a->count = number(end + 10, 2);
        a->directory = number(end + 16, 4);
        if (a->count != 0xffff && a->directory != 0xffffffff) return ACTMAX_OK;
        /* Large archives: a record of 64-bit numbers, found through a locator before this one. */
        const uint8_t *locator = at >= 20 ? end - 20 : NULL;
        if (!locator || memcmp(locator, "PK\6\7", 4) != 0) return ACTMAX_OK;
        const uint8_t *large = bytes_at(a, number(locator + 8, 8), 56);
        if (!large || memcmp(large, "PK\6\6", 4) != 0) return damaged("its directory");
        a->count = number(large + 32, 8);
        a->directory = number(large + 48, 8);
        return ACTMAX_OK;
    }
    return damaged("its end is missing");
}

/* 64-bit sizes stand in an extra field, those only that do not fit. */
static int32_t read_large(const uint8_t *extra, size_t size, entry *out)
{
    uint64_t *const fields[] = {&out->size, &out->packed, &out->header};
    while (size >= 4) {
        size_t length = (size_t)number(extra + 2, 2);
        if (length > size - 4) break;
        if (number(extra, 2) == 1) {
            size_t at = 4;
            for (int i = 0; i < 3; ++i) {
                if (*fields[i] != 0xffffffff) continue;
                if (at + 8 > length + 4) return damaged("its directory");
                *fields[i] = number(extra + at, 8);
                at += 8;
            }
        }
        extra += length + 4;
        size -= length + 4;
    }
    return ACTMAX_OK;
}

static int32_t read_entry(const archive *a, uint64_t *at, entry *out)
{
    const uint8_t *head = bytes_at(a, *at, 46);
    if (!head || memcmp(head, "PK\1\2", 4) != 0) return damaged("its directory");
    size_t name = (size_t)number(head + 28, 2), extra = (size_t)number(head + 30, 2), comment = (size_t)number(head + 32, 2);
    *out = (entry){.name_size = name,
                   .flags = (unsigned)number(head + 8, 2),
                   .method = (unsigned)number(head + 10, 2),
                   .crc = (uint32_t)number(head + 16, 4),
                   .packed = number(head + 20, 4),
                   .size = number(head + 24, 4),
                   .header = number(head + 42, 4)};
    const uint8_t *rest = bytes_at(a, *at + 46, name + extra + comment);
    if (!rest) return damaged("its directory");
    out->name = rest;
    *at += 46 + name + extra + comment;
    return read_large(rest + name, extra, out);
}

/* zlib's memory comes from the model's allocator. */
static void *give_memory(void *allocator, uInt count, uInt size)
{
    return axm_calloc_array(allocator, count, size);
}

static void take_memory(void *allocator, void *block)
{
    axm_free(allocator, block);
}

/* In pieces, because zlib counts in 32 bits. */
static int32_t inflate_entry(axm_allocator *allocator, const uint8_t *from, size_t packed, uint8_t *to, size_t size)
{
    z_stream z = {.zalloc = give_memory, .zfree = take_memory, .opaque = allocator};
    const size_t piece = (size_t)1 << 30;
    uint8_t overflow; /* asked for only when `to` is full: the stream must end without it */
    size_t taken = 0, given = 0;
    int result = inflateInit2(&z, -MAX_WBITS);
    if (result != Z_OK) return axm_no_memory(0, "decompression");
    while (result == Z_OK) {
        z.next_in = (Bytef *)(uintptr_t)(from + taken); /* zlib does not write there */
        z.avail_in = (uInt)(packed - taken < piece ? packed - taken : piece);
        z.next_out = given < size ? to + given : &overflow;
        z.avail_out = given < size ? (uInt)(size - given < piece ? size - given : piece) : 1;
        size_t in = z.avail_in, out = z.avail_out;
        result = inflate(&z, Z_NO_FLUSH);
        taken += in - z.avail_in;
        given += out - z.avail_out;
        if (given > size || (in == z.avail_in && out == z.avail_out)) break;
    }
    inflateEnd(&z);
    if (result == Z_MEM_ERROR) return axm_no_memory(0, "decompression");
    return result == Z_STREAM_END && given == size ? ACTMAX_OK : damaged("a compressed file");
}

static bool crc_fits(const entry *e, const uint8_t *data)
{
    return (uint32_t)crc32_z(0, data, (size_t)e->size) == e->crc;
}

static int32_t read_contents(const archive *a, const entry *e, const char *name, const axm_limits *limits, axm_arena *keep,
                             const uint8_t **out)
{
    const uint8_t *head = bytes_at(a, e->header, 30);
    if (!head || memcmp(head, "PK\3\4", 4) != 0) return damaged(name);
    const uint8_t *from = bytes_at(a, e->header + 30 + number(head + 26, 2) + number(head + 28, 2), e->packed);
    if (!from) return damaged(name);
    if (e->flags & 1) return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "'%.60s' in the zip archive is encrypted", name);
    if (e->method == STORED) {
        if (e->size != e->packed || !crc_fits(e, from)) return damaged(name);
        *out = from;
        return ACTMAX_OK;
    }
    if (e->method != DEFLATED)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "'%.60s' in the zip archive is compressed by method %u; actmax reads stored and deflated", name, e->method);
    if (e->size / MOST_RATIO > e->packed) return damaged(name);
    if (e->size > (uint64_t)limits->file_bytes)
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "'%.60s' has %" PRIu64 " bytes unpacked, more than limit_file_bytes (%" PRId64 ") allows", name, e->size,
                        limits->file_bytes);
    uint8_t *to = axm_arena_alloc(keep, (size_t)e->size + 1);
    if (!to) return axm_no_memory(e->size, "a file of a zip archive");
    int32_t status = inflate_entry(keep->allocator, from, (size_t)e->packed, to, (size_t)e->size);
    if (status >= 0 && !crc_fits(e, to)) status = damaged(name);
    *out = to;
    return status;
}

int32_t axm_archive_read(const uint8_t *data, size_t size, const char *name, const axm_limits *limits, axm_arena *keep,
                         const uint8_t **out, size_t *out_size)
{
    archive a = {.data = data, .size = size};
    entry found = {0};
    *out = NULL;
    int32_t status = find_directory(&a);
    uint64_t at = a.directory;
    for (uint64_t i = 0; i < a.count && status >= 0; ++i) { /* of several of one name the last counts */
        entry e;
        if ((status = read_entry(&a, &at, &e)) < 0) return status;
        if (e.name_size == strlen(name) && memcmp(e.name, name, e.name_size) == 0) found = e;
    }
    if (status < 0 || !found.name) return status;
    *out_size = (size_t)found.size;
    return read_contents(&a, &found, name, limits, keep, out);
}
