/* What is optimised, and the picture it stands for. "pixel": the picture itself. "pyramid": a sum of resolutions in decorrelated
 * colours, squashed to 0..255 (Laplacian parameterisation and colour matrix of Lucid, tensorflow/lucid, Apache-2.0: facts only). */
#ifndef AXM_VISUALIZE_PARAMETERS_H
#define AXM_VISUALIZE_PARAMETERS_H

#include <stdbool.h>

#include "base/alloc.h"
#include "kernels/kernels.h"
#include "modifiers/modifier.h"

#define AXM_PYRAMID_LEVELS 8

typedef struct axm_parameters {
    bool pyramid;
    axm_extent extent;
    int32_t levels;
    int32_t width[AXM_PYRAMID_LEVELS], height[AXM_PYRAMID_LEVELS];
    size_t offset[AXM_PYRAMID_LEVELS];
    double contrast;     /* most root mean square of the logits about mid-grey; 0: no limit. Pyramid only; the caller sets it */
    size_t count;        /* parameters; never more than axm_parameters_most */
    axm_exec exec;       /* of the squashing; the caller sets kernels and pool */
    float *values;       /* [count] */
    float *sum, *scaled; /* work: one picture each (pyramid only) */
} axm_parameters;

/* The most parameters, and floats of work, that a picture of this extent can need. */
size_t axm_parameters_most(bool pyramid, axm_extent extent);
/* Sets sizes for the extent and parameters that stand for `pixels`; buffers (values, sum, scaled) are the caller's. */
void axm_parameters_start(axm_parameters *parameters, bool pyramid, axm_extent extent, const float *pixels);
/* Writes the picture; where it exceeds the contrast limit the parameters are scaled down first. */
void axm_parameters_render(axm_parameters *parameters, float *pixels);
/* g_values = the gradient with respect to the parameters; pixels: as rendered. */
void axm_parameters_gradient(axm_parameters *parameters, const float *pixels, const float *g_pixels, float *g_values);
/* A step of one pixel unit in the parameters' own units. */
double axm_parameters_unit(const axm_parameters *parameters);

#endif
