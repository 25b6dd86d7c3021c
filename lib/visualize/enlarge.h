/* From one scale of a maximisation to the next, and from its working units to the picture that is saved. */
#ifndef AXM_VISUALIZE_ENLARGE_H
#define AXM_VISUALIZE_ENLARGE_H

#include "image/image.h"
#include "modifiers/modifier.h"

/* x: what is shown is x, or x about its mean over (deviation + epsilon), times `deviation`, about the middle of the range. */
typedef struct axm_display {
    bool standardise;
    double deviation, epsilon;
    int32_t crop;
    bool round_down;
} axm_display;

/* Whole levels 0..255 of a picture of pixels (standardise: of any units). shown and x may be the same. */
void axm_display_levels(const axm_display *display, const float *x, size_t values, float *shown);

typedef enum axm_enlarging { AXM_ENLARGE_CUBIC, AXM_ENLARGE_BILINEAR, AXM_ENLARGE_8BIT, AXM_ENLARGE_8BIT_UNIT } axm_enlarging;

/* y of the extent `to` from x of `from`. 8BIT: the standardised levels, enlarged by Pillow's bicubic, given x's mean and deviation
 * again; 8BIT_UNIT: left as 0..1. */
int32_t axm_enlarge(axm_allocator *allocator, axm_enlarging kind, const axm_display *display, const float *x, axm_extent from,
                    float *y, axm_extent to);

/* The mean over side x side pixels (an even side reaches one further up and left), edges reflected about the outer pixels'
 * centres, as OpenCV's blur. x and y do not overlap; scratch holds a picture. */
void axm_box_blur(int32_t side, axm_extent extent, const float *x, float *scratch, float *y);

/* Sizes of a maximisation's scales. */
typedef struct axm_scale_rule {
    int32_t scales;
    double factor;
    bool down;                         /* sizes are truncated, not rounded to nearest */
    int32_t first_height, first_width; /* above 0: of the first scale, from which the others follow */
} axm_scale_rule;

/* The side of each scale; `last` is that of the last one (not read when there is a first one). */
void axm_scale_sides(const axm_scale_rule *rule, int32_t first, int32_t last, int32_t *sides);

#endif
