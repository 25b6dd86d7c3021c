/* The picture under optimisation is kept in working units: pixels (RGB, 0..255), or the network's input as it is. */
#ifndef AXM_VISUALIZE_UNITS_H
#define AXM_VISUALIZE_UNITS_H

#include "visualize/input.h"

typedef enum axm_units { AXM_UNITS_PIXEL, AXM_UNITS_NETWORK } axm_units;

/* All of (height, width, channels) with `count` positions; from and to do not overlap. */
void axm_units_from_pixels(const axm_input *input, axm_units units, const float *pixels, size_t count, float *x);
void axm_units_to_pixels(const axm_input *input, axm_units units, const float *x, size_t count, float *pixels);
void axm_units_from_network(const axm_input *input, axm_units units, const float *network, size_t count, float *x);
void axm_units_to_network(const axm_input *input, axm_units units, const float *x, size_t count, float *network);
/* The gradient with respect to x from the gradient with respect to the network's input. */
void axm_units_gradient(const axm_input *input, axm_units units, const float *network, size_t count, float *g);
/* Keeps x within what pixels 0..255 are in its units. */
void axm_units_clip(const axm_input *input, axm_units units, float *x, size_t count);

#endif
