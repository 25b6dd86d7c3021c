/* Penalties on the picture, added to the loss. A regulariser is one file and one line in regularizers.def. */
#ifndef AXM_VISUALIZE_REGULARIZER_H
#define AXM_VISUALIZE_REGULARIZER_H

#include <stdbool.h>

#include "modifiers/modifier.h"

typedef struct axm_penalty_settings {
    double weight, power;
    int32_t form; /* of form_option's choices */
    bool exact;
} axm_penalty_settings;

typedef struct axm_regularizer {
    const char *name;
    const char *weight_option, *power_option, *form_option; /* form: a choice; NULL: there is one form only */
    /* The penalty of x (height, width, channels), without its weight; adds weight times its gradient to g (NULL: value only).
     * exact: of x in any units, as keras-vis has it; else of pixels 0..255 over their range, gradient times number of values. */
    double (*add)(const axm_penalty_settings *settings, axm_extent extent, const float *x, float *g);
} axm_regularizer;

const axm_regularizer *axm_regularizer_at(int32_t index); /* NULL past the end */

#endif
