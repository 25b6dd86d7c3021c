/* Reading an HDF5 file's bytes: cursors, the superblock, and the messages of a damaged file. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/hdf5_internal.h"

#define STEPS         20000000 /* structures that one load may look at */
#define DECODED_RATIO 4096     /* deflate gives at most 1032 bytes for one; each is counted as chunk and as element */

static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

axm_hdf5_cursor axm_hdf5_at(const axm_hdf5 *file, uint64_t address)
{
    if (address >= file->size) return (axm_hdf5_cursor){.over = true};
    return (axm_hdf5_cursor){.at = file->data + address, .left = file->size - (size_t)address};
}

axm_hdf5_cursor axm_hdf5_span(const axm_hdf5 *file, uint64_t address, uint64_t size)
{
    axm_hdf5_cursor cursor = axm_hdf5_at(file, address);
    if (cursor.over || size > cursor.left) return (axm_hdf5_cursor){.over = true};
    cursor.left = (size_t)size;
    return cursor;
}

uint64_t axm_hdf5_take(axm_hdf5_cursor *cursor, unsigned bytes)
{
    uint64_t value = 0;
    if (bytes > 8 || bytes > cursor->left) {
        cursor->over = true;
        cursor->left = 0;
        return 0;
    }
    for (unsigned i = 0; i < bytes; ++i)
        value |= (uint64_t)cursor->at[i] << (8 * i);
    cursor->at += bytes;
    cursor->left -= bytes;
    return value;
}

const uint8_t *axm_hdf5_skip(axm_hdf5_cursor *cursor, uint64_t bytes)
{
    if (bytes > cursor->left) {
        cursor->over = true;
        cursor->left = 0;
        return NULL;
    }
    const uint8_t *at = cursor->at;
    if (bytes) cursor->at += bytes;
    cursor->left -= (size_t)bytes;
    return at;
}

uint64_t axm_hdf5_address(const axm_hdf5 *file, axm_hdf5_cursor *cursor)
{
    uint64_t value = axm_hdf5_take(cursor, file->offset_size);
    uint64_t undefined = file->offset_size == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * file->offset_size)) - 1;
    return value == undefined ? AXM_HDF5_NONE : value;
}

uint64_t axm_hdf5_length(const axm_hdf5 *file, axm_hdf5_cursor *cursor)
{
    return axm_hdf5_take(cursor, file->length_size);
}

bool axm_hdf5_sign(axm_hdf5_cursor *cursor, const char expected[4])
{
    const uint8_t *at = axm_hdf5_skip(cursor, 4);
    return at && memcmp(at, expected, 4) == 0;
}

int32_t axm_hdf5_damaged(const char *what)
{
    return axm_fail(ACTMAX_ERROR_FORMAT, "the HDF5 file is damaged or cut short (%s); save or fetch it again", what);
}

int32_t axm_hdf5_unsupported(const char *what)
{
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "the HDF5 file uses %s, which actmax does not read; save it again with Keras's or h5py's default settings",
                    what);
}

int32_t axm_hdf5_step(axm_hdf5 *file)
{
    if (file->steps-- > 0) return ACTMAX_OK;
    file->steps = 0;
    return axm_fail(ACTMAX_ERROR_LIMIT, "the HDF5 file's structures go on without end; it is damaged or far too large");
}

/* ---- The superblock ---- */

/* It stands at 0, 512, 1024, 2048, ...: a user's own block may come first. */
static size_t find_superblock(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size && size - at >= sizeof signature; at = at ? at * 2 : 512) {
        if (memcmp(data + at, signature, sizeof signature) == 0) return at;
        if (at > SIZE_MAX / 4) break;
    }
    return SIZE_MAX;
}

bool axm_hdf5_recognises(const uint8_t *data, size_t size)
{
    return find_superblock(data, size) != SIZE_MAX;
}

static int32_t read_sizes(axm_hdf5 *file, axm_hdf5_cursor *c)
{
    file->offset_size = (unsigned)axm_hdf5_take(c, 1);
    file->length_size = (unsigned)axm_hdf5_take(c, 1);
    bool fits = (file->offset_size == 4 || file->offset_size == 8) && (file->length_size == 4 || file->length_size == 8);
    return fits && !c->over ? ACTMAX_OK : axm_hdf5_damaged("superblock");
}

/* Versions 0 and 1: sizes of groups' nodes, then addresses, then the root group's entry. */
static int32_t read_old(axm_hdf5 *file, axm_hdf5_cursor *c, unsigned version, uint64_t *base, uint64_t *end)
{
    axm_hdf5_skip(c, 4); /* versions of other parts */
    int32_t status = read_sizes(file, c);
    if (status < 0) return status;
    axm_hdf5_skip(c, version == 1 ? 13 : 9);
    *base = axm_hdf5_address(file, c);
    axm_hdf5_address(file, c);
    *end = axm_hdf5_address(file, c);
    axm_hdf5_address(file, c);
    axm_hdf5_address(file, c); /* the root's name */
    file->root = axm_hdf5_address(file, c);
    return ACTMAX_OK;
}

static int32_t read_new(axm_hdf5 *file, axm_hdf5_cursor *c, uint64_t *base, uint64_t *end)
{
    int32_t status = read_sizes(file, c);
    if (status < 0) return status;
    axm_hdf5_skip(c, 1);
    *base = axm_hdf5_address(file, c);
    axm_hdf5_address(file, c);
    *end = axm_hdf5_address(file, c);
    file->root = axm_hdf5_address(file, c);
    return ACTMAX_OK;
}

int32_t axm_hdf5_open(const uint8_t *data, size_t size, const axm_limits *limits, axm_arena *arena, axm_hdf5 *out)
{
    axm_hdf5 file = {.data = data, .size = size, .arena = arena, .limits = limits, .steps = STEPS};
    uint64_t base = 0, end = 0;
    size_t at = find_superblock(data, size);
    if (at == SIZE_MAX) return axm_fail(ACTMAX_ERROR_FORMAT, "this is no HDF5 file: it lacks the format's signature");
    axm_hdf5_cursor c = {.at = data + at + sizeof signature, .left = size - at - sizeof signature};
    unsigned version = (unsigned)axm_hdf5_take(&c, 1);
    if (version > 3) return axm_hdf5_unsupported("a newer superblock");
    int32_t status = version < 2 ? read_old(&file, &c, version, &base, &end) : read_new(&file, &c, &base, &end);
    if (status < 0) return status;
    if (c.over || base > size) return axm_hdf5_damaged("superblock");
    if (end != AXM_HDF5_NONE && end > size)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "the HDF5 file is cut short: it says that it has %" PRIu64 " bytes, but it has %zu; fetch it again", end,
                        size);
    file.data += base;
    file.size -= (size_t)base;
    if (file.root >= file.size) return axm_hdf5_damaged("superblock");
    uint64_t ratio = DECODED_RATIO;
    file.decode = file.size > (UINT64_MAX >> 1) / ratio ? UINT64_MAX >> 1 : (uint64_t)file.size * ratio;
    *out = file;
    return ACTMAX_OK;
}
