/* What is done to the picture's gradient before the optimizer sees it. */
#ifndef AXM_VISUALIZE_GRADIENT_H
#define AXM_VISUALIZE_GRADIENT_H

#include <stddef.h>

typedef enum axm_gradient_scaling { AXM_GRADIENT_NONE, AXM_GRADIENT_RMS, AXM_GRADIENT_L2, AXM_GRADIENT_MAX } axm_gradient_scaling;

/* Divides by the root mean square + epsilon, by sqrt(max(sum of squares, epsilon)), or by the largest size + epsilon. Zeros with
 * an epsilon of 0 stay zeros. */
void axm_gradient_scale(axm_gradient_scaling kind, double epsilon, float *g, size_t count);

/* keras-vis's grad_modifiers: -g, |g|, 1 / (g + 1e-7), max(g, 0), |1 / (g + 1e-7)|. */
typedef enum axm_gradient_modifier {
    AXM_MODIFIER_NONE,
    AXM_MODIFIER_NEGATE,
    AXM_MODIFIER_ABSOLUTE,
    AXM_MODIFIER_INVERT,
    AXM_MODIFIER_RELU,
    AXM_MODIFIER_SMALL_VALUES
} axm_gradient_modifier;

void axm_gradient_modify(axm_gradient_modifier kind, float *g, size_t count);

#endif
