/* What actmax reads of an image file itself, before stb sees it: whether the file is whole, and what stb does not tell. */
#ifndef AXM_IMAGE_FORMATS_H
#define AXM_IMAGE_FORMATS_H

#include <stddef.h>
#include <stdint.h>

/* Big-endian reads; the caller has checked the bounds. */
static inline uint32_t axm_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t axm_be32(const uint8_t *p)
{
    return axm_be16(p) << 16 | axm_be16(p + 2);
}

static inline uint32_t axm_le16(const uint8_t *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static inline uint32_t axm_le32(const uint8_t *p)
{
    return axm_le16(p + 2) << 16 | axm_le16(p);
}

/* Each check fails (with `name` in the message) on a file that is cut short or damaged as far as its outer structure tells, or that
 * promises more pixels than its bytes could hold, so that a small file cannot ask for much memory. */

int32_t axm_png_check(const uint8_t *data, size_t size, const char *name);
int32_t axm_bmp_check(const uint8_t *data, size_t size, const char *name);

typedef struct axm_jpeg_facts {
    int32_t width, height, components;
    int32_t scans;
    int32_t orientation; /* EXIF, 1..8; 1 when the file does not say */
} axm_jpeg_facts;

int32_t axm_jpeg_check(const uint8_t *data, size_t size, const char *name, axm_jpeg_facts *facts);

/* The orientation in an EXIF block (a TIFF header and its first directory); 1 when there is none or the block is damaged. */
int32_t axm_exif_orientation(const uint8_t *data, size_t size);
/* Turns the picture upright: from is width x height as stored; for orientations 5..8 the result is height x width. No overlap. */
void axm_exif_turn(const uint8_t *from, int32_t width, int32_t height, int32_t channels, int32_t orientation, uint8_t *to);

#endif
