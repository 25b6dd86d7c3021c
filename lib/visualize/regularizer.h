/* Penalties on the picture, added to the loss. A regulariser is one file and one line in regularizers.def. */
#ifndef AXM_VISUALIZE_REGULARIZER_H
#define AXM_VISUALIZE_REGULARIZER_H

#include "modifiers/modifier.h"

typedef struct axm_regularizer {
    const char *name;
    const char *weight_option, *power_option;
    /* The penalty of pixels (height, width, channels; 0..255), without its weight; adds weight times its gradient to g (NULL:
     * value only). */
    double (*add)(double weight, double power, axm_extent extent, const float *pixels, float *g);
} axm_regularizer;

const axm_regularizer *axm_regularizer_at(int32_t index); /* NULL past the end */

#endif
