/* A BMP file's pixels are not compressed, so its headers say how long it must be. */
#include "base/status.h"
#include "image/formats.h"

#define FILE_HEADER 14u
#define CORE_HEADER 12u /* OS/2 1.x: 16-bit sizes */

int32_t axm_bmp_check(const uint8_t *data, size_t size, const char *name)
{
    if (size < FILE_HEADER + CORE_HEADER) return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': the BMP file is cut short", name);
    uint32_t pixels_at = axm_le32(data + 10), header = axm_le32(data + 14);
    int64_t width, height, bits;
    if (header == CORE_HEADER) {
        width = axm_le16(data + 18);
        height = axm_le16(data + 20);
        bits = axm_le16(data + 24);
    } else {
        if (size < FILE_HEADER + 40) return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': the BMP file is cut short", name);
        width = (int32_t)axm_le32(data + 18);
        height = (int32_t)axm_le32(data + 22);
        bits = axm_le16(data + 28);
        uint32_t compression = axm_le32(data + 30);
        if (compression != 0 && compression != 3 && compression != 6) /* bit masks are not compression */
            return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "'%.200s': a compressed BMP file; save it uncompressed, or as PNG", name);
    }
    if (height < 0) height = -height; /* rows from the top */
    if (width < 1 || height < 1 || bits < 1 || bits > 32)
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged BMP file (header)", name);
    uint64_t row = ((uint64_t)width * (uint64_t)bits + 31) / 32 * 4, used = ((uint64_t)width * (uint64_t)bits + 7) / 8;
    /* some writers leave the padding of the last row away; the product is below 2^31 * 2^33 */
    if (pixels_at > size || row * (uint64_t)(height - 1) + used > size - pixels_at)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "'%.200s': the BMP file is cut short (%zu bytes for %lld x %lld pixels); fetch it again", name, size,
                        (long long)width, (long long)height);
    return ACTMAX_OK;
}
