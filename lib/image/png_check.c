/* Walks the chunks of a PNG file (W3C PNG, third edition): whole, and with the right checksums, which stb does not test. */
#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "image/formats.h"

#define SIGNATURE_BYTES 8
#define CHUNK_BYTES     12 /* length, type, checksum */
#define HEADER_BYTES    13

/* deflate cannot expand more than this (258 bytes from 2 bits) */
#define DEFLATE_RATIO 1032

/* CRC-32 (ISO 3309, reflected polynomial EDB88320), four bits at a time. */
static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; ++i) {
        crc ^= data[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

static bool is_type(const uint8_t *chunk, const char *type)
{
    return memcmp(chunk + 4, type, 4) == 0;
}

/* header: the body of IHDR; compressed: bytes of all IDAT. */
static int32_t check_promise(const uint8_t *header, size_t compressed, const char *name)
{
    static const uint8_t samples[7] = {1, 0, 3, 1, 2, 0, 4}; /* by colour type */
    uint64_t width = axm_be32(header), height = axm_be32(header + 4);
    uint32_t bits = header[8], colour = header[9];
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX || colour > 6 || samples[colour] == 0 || bits > 16)
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged PNG file (header)", name);
    uint64_t row = (width * bits * samples[colour] + 7) / 8 + 1; /* below 2^39 */
    if (row * height / DEFLATE_RATIO > compressed)
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged PNG file (%llu x %llu pixels cannot be in %zu bytes)", name,
                        (unsigned long long)width, (unsigned long long)height, compressed);
    return ACTMAX_OK;
}

int32_t axm_png_check(const uint8_t *data, size_t size, const char *name)
{
    const uint8_t *header = NULL;
    size_t at = SIGNATURE_BYTES, compressed = 0;
    while (at < size && size - at >= CHUNK_BYTES) {
        const uint8_t *chunk = data + at;
        size_t length = axm_be32(chunk);
        if (length > size - at - CHUNK_BYTES) break;
        bool critical = (chunk[4] & 0x20) == 0;
        if (critical && crc32_of(chunk + 4, length + 4) != axm_be32(chunk + 8 + length))
            return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged PNG file (wrong checksum at byte %zu); fetch it again", name,
                            at);
        if (!header) {
            if (!is_type(chunk, "IHDR") || length != HEADER_BYTES)
                return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged PNG file (does not begin with a header)", name);
            header = chunk + 8;
        }
        if (is_type(chunk, "IDAT")) compressed += length;
        if (is_type(chunk, "IEND")) return check_promise(header, compressed, name);
        at += CHUNK_BYTES + length;
    }
    return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': the PNG file is cut short (%zu bytes); fetch it again", name, size);
}
