/* Pixels to network units and back. */
#include "visualize/input.h"

#include <math.h>
#include <string.h>

#include "base/status.h"

int32_t axm_input_channels(const axm_input *input)
{
    return (int32_t)input->shape.dim[input->channel_axis];
}

axm_shape axm_input_shape(const axm_input *input, int32_t height, int32_t width)
{
    axm_shape shape = input->shape;
    shape.dim[input->height_axis] = height;
    shape.dim[input->width_axis] = width;
    return shape;
}

/* The pixel's channel that feeds channel c of the network. */
static int32_t source_channel(const axm_input *input, int32_t channels, int32_t c)
{
    return input->preprocess.bgr && channels == 3 ? 2 - c : c;
}

void axm_input_from_pixels(const axm_input *input, const float *pixels, size_t count, float *network)
{
    int32_t channels = axm_input_channels(input);
    for (int32_t c = 0; c < channels; ++c) {
        double factor, offset;
        const float *from = pixels + source_channel(input, channels, c);
        axm_preprocess_affine(&input->preprocess, c, &factor, &offset);
        for (size_t i = 0; i < count; ++i)
            network[i * (size_t)channels + (size_t)c] = (float)(factor * (double)from[i * (size_t)channels] + offset);
    }
}

void axm_input_gradient(const axm_input *input, const float *network, size_t count, float *pixels)
{
    int32_t channels = axm_input_channels(input);
    for (int32_t c = 0; c < channels; ++c) {
        double factor, offset;
        float *to = pixels + source_channel(input, channels, c);
        axm_preprocess_affine(&input->preprocess, c, &factor, &offset);
        for (size_t i = 0; i < count; ++i)
            to[i * (size_t)channels] = (float)(factor * (double)network[i * (size_t)channels + (size_t)c]);
    }
}

void axm_pixels_round(const float *pixels, size_t values, float *rounded)
{
    for (size_t i = 0; i < values; ++i)
        rounded[i] = floorf(fminf(fmaxf(pixels[i], 0.0f), 255.0f) + 0.5f);
}

int32_t axm_input_from_image(const axm_input *input, axm_allocator *allocator, const struct actmax_image *image, int32_t height,
                             int32_t width, float *network)
{
    int32_t channels = axm_input_channels(input);
    if (image->floats) {
        if (image->width != width || image->height != height || image->channels != channels)
            return axm_fail(ACTMAX_ERROR_SHAPE,
                            "the float image is %dx%d with %d channels; the network takes %dx%d (width x height) with %d",
                            (int)image->width, (int)image->height, (int)image->channels, (int)width, (int)height, (int)channels);
        memcpy(network, image->floats, (size_t)width * (size_t)height * (size_t)channels * sizeof *network);
        return ACTMAX_OK;
    }
    if (channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_SHAPE, "the network takes %d channels; give a float image (actmax_image_new_float)",
                        (int)channels);
    struct actmax_image *fitted = NULL;
    int32_t status = axm_fit_image(allocator, image, width, height, &fitted);
    if (status < 0) return status;
    status = axm_preprocess_apply(&input->preprocess, fitted, channels, network);
    axm_image_free(fitted);
    return status;
}
