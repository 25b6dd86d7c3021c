/* An animated GIF, written frame by frame. Only where the library is built with giflib (ACTMAX_WITH_GIF). */
#ifndef AXM_IMAGE_ANIMATION_H
#define AXM_IMAGE_ANIMATION_H

#include "image/image.h"

#define AXM_ANIMATION_SIDE 65535 /* GIF's sizes have 16 bits */

typedef struct axm_animation axm_animation;

/* Repeats for ever. hundredths: how long a frame is shown, 0 to 65535. Nothing is at `path` before finish. */
int32_t axm_animation_open(axm_allocator *allocator, const char *path, int32_t width, int32_t height, int32_t hundredths,
                           axm_animation **out);
/* An 8-bit image of the animation's size. After a failure, what follows fails too. */
int32_t axm_animation_add(axm_animation *animation, const struct actmax_image *image);
/* At least one frame; the last call but free. */
int32_t axm_animation_finish(axm_animation *animation);
void axm_animation_free(axm_animation *animation); /* unfinished: leaves no file. NULL is fine */

#endif
