/* The sliding window of convolutions and pools: kernel, strides, dilations and padding over one to three spatial axes. */
#ifndef AXM_OPS_WINDOW_H
#define AXM_OPS_WINDOW_H

#include "ops/common.h"

typedef enum axm_auto_pad { AXM_PAD_EXPLICIT, AXM_PAD_SAME_UPPER, AXM_PAD_SAME_LOWER, AXM_PAD_VALID } axm_auto_pad;

#define AXM_WINDOW_AXES 3

/* As the attributes have it. Index 0 is height, 1 is width, 2 is depth (the first of three axes). With one spatial axis it is the
 * width; what there is not has the size 1. */
typedef struct axm_window_params {
    int32_t spatial; /* how many axes the lists are for; 0: no list is given, so any number */
    bool has_kernel;
    bool ceil_mode;
    axm_auto_pad auto_pad;
    int64_t kernel[AXM_WINDOW_AXES], stride[AXM_WINDOW_AXES], dilation[AXM_WINDOW_AXES], begin[AXM_WINDOW_AXES],
        end[AXM_WINDOW_AXES];
} axm_window_params;

/* kernel_shape, strides, dilations, pads, auto_pad, ceil_mode. */
int32_t axm_window_parse(const axm_attributes *attributes, axm_window_params *out);

/* The window on an input of known size. */
typedef struct axm_window {
    int64_t batch, channels, in[AXM_WINDOW_AXES], out[AXM_WINDOW_AXES];
    int64_t kernel[AXM_WINDOW_AXES], stride[AXM_WINDOW_AXES], dilation[AXM_WINDOW_AXES], begin[AXM_WINDOW_AXES],
        end[AXM_WINDOW_AXES];
} axm_window;

/* kernel (height and width) NULL: the attribute's. Checks the rank (3 to 5) against the lists, and that there is an output. */
int32_t axm_window_fit(const char *op, const axm_window_params *params, const axm_shape *input, const int64_t *kernel,
                       axm_window *out);
/* [batch, channels, out...] with as many axes as `input`. */
axm_shape axm_window_output(const axm_window *window, const axm_shape *input, int64_t channels);

/* For pools: no window may lie in the padding alone. */
int32_t axm_window_check_pool(const char *op, const axm_window *window);
axm_pool_shape axm_window_pool(const axm_window *window, bool count_include_pad);

/* A pool over three axes is one over height and width of each plane, then one over depth, whose result in between is `between`
 * elements long; over fewer axes the second does not take place (between 0). */
typedef struct axm_pool_passes {
    axm_pool_shape plane, depth;
    size_t between;
} axm_pool_passes;
axm_pool_passes axm_window_passes(const axm_window *window, bool count_include_pad);

#endif
