/* Walks the markers of a JPEG file (ITU T.81): components, scans, EXIF block, and whether the file is whole. */
#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "image/formats.h"

#define MARKER_DHT  0xc4u
#define MARKER_SOI  0xd8u
#define MARKER_EOI  0xd9u
#define MARKER_SOS  0xdau
#define MARKER_APP1 0xe1u
#define MARKER_TEM  0x01u

typedef struct jpeg_walk {
    axm_jpeg_facts facts;
    bool progressive;
    uint32_t tables; /* a bit for each code table that was given */
} jpeg_walk;

/* A block of 8 x 8 pixels takes at least one bit, so a byte holds at most 8 blocks. */
#define PIXELS_PER_BYTE 512

static bool is_restart(uint32_t marker)
{
    return marker >= 0xd0u && marker <= 0xd7u;
}

static bool is_frame(uint32_t marker)
{
    return marker >= 0xc0u && marker <= 0xcfu && marker != 0xc4u && marker != 0xc8u && marker != 0xccu;
}

/* Skips entropy-coded bytes: to the next FF that begins a marker, or to the end. */
static size_t after_scan_data(const uint8_t *data, size_t size, size_t at)
{
    while (at < size) {
        const uint8_t *found = memchr(data + at, 0xff, size - at);
        if (!found) return size;
        at = (size_t)(found - data);
        if (at + 1 >= size) return size;
        uint32_t next = data[at + 1];
        if (next == 0xff)
            at += 1;
        else if (next == 0 || is_restart(next))
            at += 2;
        else
            return at;
    }
    return size;
}

static int32_t read_frame(uint32_t marker, const uint8_t *body, size_t length, const char *name, axm_jpeg_facts *facts)
{
    if (facts->components > 0) return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (two frame headers)", name);
    if (marker > 0xc2u)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "'%.200s': a lossless, hierarchical or arithmetic-coded JPEG file; save it as an ordinary JPEG or PNG",
                        name);
    if (length < 6) return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (short frame header)", name);
    if (body[0] != 8)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "'%.200s': a JPEG file of %d bits; save it with 8 bits, or as PNG", name,
                        (int)body[0]);
    facts->height = (int32_t)axm_be16(body + 1);
    facts->width = (int32_t)axm_be16(body + 3);
    facts->components = body[5];
    if (facts->components == 4)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                        "'%.200s': a CMYK JPEG file (for printing); its colours need a profile: save it as RGB", name);
    if (facts->width < 1 || facts->height < 1 || (facts->components != 1 && facts->components != 3))
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (%d x %d with %d components)", name, (int)facts->width,
                        (int)facts->height, (int)facts->components);
    return ACTMAX_OK;
}

/* Tables of 16 counts and their values, one after another; stb writes past its table when the counts add up to more than 256. */
static int32_t read_huffman(const uint8_t *body, size_t length, const char *name, jpeg_walk *walk)
{
    size_t at = 0;
    while (at < length) {
        size_t values = 0;
        for (size_t i = 1; i <= 16 && at + i < length; ++i)
            values += body[at + i];
        if (values > 256 || length - at < 17 + values)
            return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (code table)", name);
        walk->tables |= 1u << (body[at] & 31u); /* bit 4: for AC coefficients */
        at += 17 + values;
    }
    return ACTMAX_OK;
}

/* The header of a scan: its components with their code tables, and which coefficients it brings. */
static int32_t read_scan(const uint8_t *body, size_t length, const char *name, jpeg_walk *walk)
{
    size_t components = length > 0 ? body[0] : 0;
    if (walk->facts.components == 0 || components < 1 || components > 4 || length != 4 + 2 * components)
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (scan header)", name);
    bool first = body[length - 3] == 0, refines = body[length - 1] >> 4 != 0;
    bool needs_dc = !walk->progressive || (first && !refines), needs_ac = !walk->progressive || !first;
    for (size_t i = 0; i < components; ++i) {
        uint32_t dc = body[2 + 2 * i] >> 4, ac = 16u | (body[2 + 2 * i] & 15u);
        if ((needs_dc && !(walk->tables >> dc & 1u)) || (needs_ac && !(walk->tables >> ac & 1u)))
            return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (a scan without its code tables)", name);
    }
    walk->facts.scans++;
    return ACTMAX_OK;
}

static int32_t read_segment(uint32_t marker, const uint8_t *body, size_t length, const char *name, jpeg_walk *walk)
{
    axm_jpeg_facts *facts = &walk->facts;
    static const uint8_t exif[6] = {'E', 'x', 'i', 'f', 0, 0};
    if (is_frame(marker)) {
        walk->progressive = marker == 0xc2u;
        return read_frame(marker, body, length, name, facts);
    }
    if (marker == MARKER_DHT) return read_huffman(body, length, name, walk);
    if (marker == MARKER_SOS) return read_scan(body, length, name, walk);
    if (marker == MARKER_APP1 && facts->orientation == 0 && length >= sizeof exif && memcmp(body, exif, sizeof exif) == 0)
        facts->orientation = axm_exif_orientation(body + sizeof exif, length - sizeof exif);
    return ACTMAX_OK;
}

static int32_t check_facts(size_t size, const char *name, axm_jpeg_facts *facts)
{
    if (facts->scans == 0) return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (no pixels in it)", name);
    if ((uint64_t)facts->width * (uint64_t)facts->height / PIXELS_PER_BYTE > size)
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (%d x %d pixels cannot be in %zu bytes)", name,
                        (int)facts->width, (int)facts->height, size);
    if (facts->orientation == 0) facts->orientation = 1;
    return ACTMAX_OK;
}

int32_t axm_jpeg_check(const uint8_t *data, size_t size, const char *name, axm_jpeg_facts *out)
{
    jpeg_walk walk = {0};
    size_t at = 2; /* after SOI, which the caller has seen */
    for (;;) {
        while (at + 1 < size && (data[at] != 0xff || data[at + 1] == 0xff))
            at++; /* fill bytes, and what a careless writer left between segments */
        if (at >= size || size - at < 2) break;
        uint32_t marker = data[at + 1];
        at += 2;
        if (marker == MARKER_EOI) {
            int32_t status = check_facts(size, name, &walk.facts);
            if (status >= 0) *out = walk.facts;
            return status;
        }
        if (marker == MARKER_TEM || marker == MARKER_SOI || is_restart(marker)) continue;
        if (size - at < 2) break;
        size_t length = axm_be16(data + at);
        if (length < 2) return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged JPEG file (bad length at byte %zu)", name, at);
        if (length > size - at) break;
        int32_t status = read_segment(marker, data + at + 2, length - 2, name, &walk);
        if (status < 0) return status;
        at += length;
        if (marker == MARKER_SOS) at = after_scan_data(data, size, at);
    }
    return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': the JPEG file is cut short (no end marker in its %zu bytes); fetch it again",
                    name, size);
}
