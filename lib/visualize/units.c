/* Working units of the picture: pixels, or the network's input. */
#include "visualize/units.h"

#include <math.h>
#include <string.h>

static void copy(const axm_input *input, const float *from, size_t count, float *to)
{
    memcpy(to, from, count * (size_t)axm_input_channels(input) * sizeof *to);
}

/* A network's input back to pixels; a channel that the preprocessing wipes out becomes 0. */
static void pixels_of(const axm_input *input, const float *network, size_t count, float *pixels)
{
    size_t channels = (size_t)axm_input_channels(input);
    for (size_t c = 0; c < channels; ++c) {
        double factor, offset;
        float *to = pixels + (input->preprocess.bgr && channels == 3 ? 2 - c : c);
        axm_preprocess_affine(&input->preprocess, (int32_t)c, &factor, &offset);
        for (size_t i = 0; i < count; ++i)
            to[i * channels] = factor != 0.0 ? (float)(((double)network[i * channels + c] - offset) / factor) : 0.0f;
    }
}

void axm_units_from_pixels(const axm_input *input, axm_units units, const float *pixels, size_t count, float *x)
{
    if (units == AXM_UNITS_NETWORK)
        axm_input_from_pixels(input, pixels, count, x);
    else
        copy(input, pixels, count, x);
}

void axm_units_to_pixels(const axm_input *input, axm_units units, const float *x, size_t count, float *pixels)
{
    if (units == AXM_UNITS_NETWORK)
        pixels_of(input, x, count, pixels);
    else
        copy(input, x, count, pixels);
}

void axm_units_from_network(const axm_input *input, axm_units units, const float *network, size_t count, float *x)
{
    if (units == AXM_UNITS_NETWORK)
        copy(input, network, count, x);
    else
        pixels_of(input, network, count, x);
}

void axm_units_to_network(const axm_input *input, axm_units units, const float *x, size_t count, float *network)
{
    if (units == AXM_UNITS_NETWORK)
        copy(input, x, count, network);
    else
        axm_input_from_pixels(input, x, count, network);
}

void axm_units_gradient(const axm_input *input, axm_units units, const float *network, size_t count, float *g)
{
    if (units == AXM_UNITS_NETWORK)
        copy(input, network, count, g);
    else
        axm_input_gradient(input, network, count, g);
}

void axm_units_clip(const axm_input *input, axm_units units, float *x, size_t count)
{
    size_t channels = (size_t)axm_input_channels(input);
    for (size_t c = 0; c < channels; ++c) {
        double low = 0.0, high = 255.0, factor, offset;
        if (units == AXM_UNITS_NETWORK) {
            axm_preprocess_affine(&input->preprocess, (int32_t)c, &factor, &offset);
            low = fmin(offset, 255.0 * factor + offset);
            high = fmax(offset, 255.0 * factor + offset);
        }
        for (size_t i = 0; i < count; ++i)
            x[i * channels + c] = fminf(fmaxf(x[i * channels + c], (float)low), (float)high);
    }
}
