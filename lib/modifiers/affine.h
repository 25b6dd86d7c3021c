/* Bilinear sampling of an image along a linear map about its centre: what scale and rotate share. */
#ifndef AXM_MODIFIERS_AFFINE_H
#define AXM_MODIFIERS_AFFINE_H

#include "modifiers/modifier.h"

/* The output at p shows the input at centre + map (p - centre), with pixel (i, j) covering [i, i+1) x [j, j+1); edges are
 * replicated. The identity map changes nothing. map: row-major, x first (to the right), then y (down). */
void axm_affine_forward(const double map[4], axm_extent extent, const float *x, float *y);
void axm_affine_adjoint(const double map[4], axm_extent extent, const float *dy, float *dx);

#endif
