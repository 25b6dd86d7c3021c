/* Between a picture's pixels (height, width, channels; RGB; 0..255) and the network's input tensor. */
#ifndef AXM_VISUALIZE_INPUT_H
#define AXM_VISUALIZE_INPUT_H

#include "image/image.h"
#include "ops/tensor.h"

typedef struct axm_input {
    int32_t value;   /* of the graph */
    axm_shape shape; /* file order, with the network's default height and width */
    int32_t channel_axis, height_axis, width_axis;
    axm_preprocess preprocess;
} axm_input;

int32_t axm_input_channels(const axm_input *input);
axm_shape axm_input_shape(const axm_input *input, int32_t height, int32_t width);
/* The input tensor is physically (height, width, channels) whatever the file's order, so both directions go pixel by pixel. */
void axm_input_from_pixels(const axm_input *input, const float *pixels, size_t count, float *network);
/* The gradient with respect to pixels from the gradient with respect to the network's input. */
void axm_input_gradient(const axm_input *input, const float *network, size_t count, float *pixels);
/* What clips to 8 bits and comes back: pixels rounded to nearest, 0..255. */
void axm_pixels_round(const float *pixels, size_t values, float *rounded);
/* An image as the network wants it: 8-bit images are fitted to height x width and preprocessed, float ones are taken as they are
 * and must have that size. network: height*width*channels floats. */
int32_t axm_input_from_image(const axm_input *input, axm_allocator *allocator, const struct actmax_image *image, int32_t height,
                             int32_t width, float *network);

#endif
