/* EXIF orientation (CIPA DC-008: tag 274 of the first TIFF directory), read within bounds from a hostile file. */
#include <string.h>

#include "image/formats.h"

#define TAG_ORIENTATION 0x0112u
#define TYPE_SHORT      3u
#define ENTRY_BYTES     12u

int32_t axm_exif_orientation(const uint8_t *data, size_t size)
{
    if (size < 8) return 1;
    int big = data[0] == 'M' && data[1] == 'M';
    if (!big && !(data[0] == 'I' && data[1] == 'I')) return 1;
    uint32_t (*read16)(const uint8_t *) = big ? axm_be16 : axm_le16;
    uint32_t (*read32)(const uint8_t *) = big ? axm_be32 : axm_le32;
    if (read16(data + 2) != 42) return 1;
    size_t at = read32(data + 4);
    if (at > size - 2) return 1;
    size_t entries = read16(data + at);
    at += 2;
    for (size_t i = 0; i < entries && size - at >= ENTRY_BYTES; ++i, at += ENTRY_BYTES) {
        if (read16(data + at) != TAG_ORIENTATION) continue;
        uint32_t value = read16(data + at + 8);
        if (read16(data + at + 2) != TYPE_SHORT || read32(data + at + 4) != 1) return 1;
        return value >= 1 && value <= 8 ? (int32_t)value : 1;
    }
    return 1;
}

/* The stored row 0 and column 0 lie, for 1..8, at: top left, top right, bottom right, bottom left, left top, right top, right
 * bottom, left bottom. So 5..8 exchange the axes, and stored x and y run backwards as below. */
void axm_exif_turn(const uint8_t *from, int32_t width, int32_t height, int32_t channels, int32_t orientation, uint8_t *to)
{
    size_t w = (size_t)width, h = (size_t)height, c = (size_t)channels;
    if (orientation <= 1 || orientation > 8) {
        memcpy(to, from, w * h * c);
        return;
    }
    int swap = orientation >= 5;
    int x_back = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    int y_back = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    size_t out_w = swap ? h : w, out_h = swap ? w : h;
    for (size_t y = 0; y < out_h; ++y)
        for (size_t x = 0; x < out_w; ++x, to += c) {
            size_t fx = swap ? y : x, fy = swap ? x : y;
            if (x_back) fx = w - 1 - fx;
            if (y_back) fy = h - 1 - fy;
            memcpy(to, from + (fy * w + fx) * c, c);
        }
}
