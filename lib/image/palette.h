/* At most 256 colours for an image, and which of them each pixel has. */
#ifndef AXM_IMAGE_PALETTE_H
#define AXM_IMAGE_PALETTE_H

#include "image/image.h"

#define AXM_PALETTE_COLOURS 256

typedef struct axm_palette {
    int32_t count; /* of colours, at least 1 */
    uint8_t rgb[AXM_PALETTE_COLOURS][3];
} axm_palette;

/* Working memory, of one size whatever the images are. */
typedef struct axm_quantizer axm_quantizer;
int32_t axm_quantizer_new(axm_allocator *allocator, axm_quantizer **out);
void axm_quantizer_free(axm_quantizer *quantizer); /* NULL is fine */

/* Pixels of 1 or 3 bytes. An image of at most 256 colours keeps them exactly, in the order in which they appear; another one gets
 * those of a cut of its colour space. The same pixels give the same result. indices: [pixels]. */
void axm_quantize(axm_quantizer *quantizer, const uint8_t *pixels, size_t count, int32_t channels, axm_palette *palette,
                  uint8_t *indices);

#endif
