/* How Resize maps one axis: from places in the output to weights of the input's elements. */
#ifndef AXM_OPS_RESIZE_H
#define AXM_OPS_RESIZE_H

#include "ops/common.h"

/* ONNX's three, and TensorFlow's: area is the mean over what an output covers, the others are kernels of fixed reach. */
typedef enum axm_resize_mode {
    AXM_RESIZE_NEAREST,
    AXM_RESIZE_LINEAR,
    AXM_RESIZE_CUBIC,
    AXM_RESIZE_AREA,
    AXM_RESIZE_GAUSSIAN,
    AXM_RESIZE_MITCHELL,
    AXM_RESIZE_LANCZOS3,
    AXM_RESIZE_LANCZOS5,
} axm_resize_mode;
typedef enum axm_resize_coordinates {
    AXM_RESIZE_HALF_PIXEL,
    AXM_RESIZE_HALF_PIXEL_SYMMETRIC,
    AXM_RESIZE_PYTORCH_HALF_PIXEL,
    AXM_RESIZE_ALIGN_CORNERS,
    AXM_RESIZE_ASYMMETRIC,
    AXM_RESIZE_TF_HALF_PIXEL_FOR_NN,
    AXM_RESIZE_TF_CROP_AND_RESIZE,
} axm_resize_coordinates;
typedef enum axm_resize_rounding {
    AXM_RESIZE_ROUND_PREFER_FLOOR,
    AXM_RESIZE_ROUND_PREFER_CEIL,
    AXM_RESIZE_FLOOR,
    AXM_RESIZE_CEIL,
} axm_resize_rounding;

typedef struct axm_resize_rule {
    axm_resize_mode mode;
    axm_resize_coordinates coordinates;
    axm_resize_rounding rounding; /* of nearest */
    float cubic_a, extrapolation;
    bool exclude_outside, antialias;
} axm_resize_rule;

/* One axis: `out` places for `in` elements; begin and end: the part that is cut out (of crop and resize), as shares of the axis. */
typedef struct axm_resize_axis {
    int64_t in, out;
    double scale, begin, end;
} axm_resize_axis;

/* The most inputs that an output is made of. */
int64_t axm_resize_width(const axm_resize_rule *rule, const axm_resize_axis *axis);
/* The inputs of output `o`: up to axm_resize_width places within the axis (some may come twice) and their weights. Returns how
 * many; 0: it lies outside and gets the extrapolation value. */
int64_t axm_resize_taps(const axm_resize_rule *rule, const axm_resize_axis *axis, int64_t o, int64_t *index, float *weight);

#endif
