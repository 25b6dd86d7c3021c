/* The sliding window of convolutions and pools: kernel, strides, dilations and padding over one or two spatial axes. */
#ifndef AXM_OPS_WINDOW_H
#define AXM_OPS_WINDOW_H

#include "ops/common.h"

typedef enum axm_auto_pad { AXM_PAD_EXPLICIT, AXM_PAD_SAME_UPPER, AXM_PAD_SAME_LOWER, AXM_PAD_VALID } axm_auto_pad;

/* As the attributes have it. Index 0 is height, 1 is width; with one spatial axis it is the width, and the height is 1. */
typedef struct axm_window_params {
    int32_t spatial; /* how many axes the lists are for; 0: no list is given, so any number */
    bool has_kernel;
    bool ceil_mode;
    axm_auto_pad auto_pad;
    int64_t kernel[2], stride[2], dilation[2], begin[2], end[2];
} axm_window_params;

/* kernel_shape, strides, dilations, pads, auto_pad, ceil_mode. */
int32_t axm_window_parse(const axm_attributes *attributes, axm_window_params *out);

/* The window on an input of known size. */
typedef struct axm_window {
    int64_t batch, channels, in[2], out[2], kernel[2], stride[2], dilation[2], begin[2], end[2];
} axm_window;

/* kernel NULL: the attribute's. Checks the rank (3 or 4) against the lists, and that there is an output. */
int32_t axm_window_fit(const char *op, const axm_window_params *params, const axm_shape *input, const int64_t *kernel,
                       axm_window *out);
/* [batch, channels, out...] with as many axes as `input`. */
axm_shape axm_window_output(const axm_window *window, const axm_shape *input, int64_t channels);

/* For pools: no window may lie in the padding alone. */
int32_t axm_window_check_pool(const char *op, const axm_window *window);
axm_pool_shape axm_window_pool(const axm_window *window, bool count_include_pad);

#endif
