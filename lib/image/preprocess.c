/* Pixels 0..255 to the units that a network was trained on, and back. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "image/image.h"

/* raw: pixels as they are; unit: torchvision's ToTensor alone; tf, torch, caffe: the modes of Keras' preprocess_input, whose torch
 * mode has torchvision's ImageNet mean and deviation. */
static const axm_preprocess presets[] = {
    {.name = "raw", .scale = 1.0, .channels = 1, .mean = {0.0}, .deviation = {1.0}},
    {.name = "unit", .scale = 1.0 / 255.0, .channels = 1, .mean = {0.0}, .deviation = {1.0}},
    {.name = "tf", .scale = 1.0 / 127.5, .channels = 1, .mean = {1.0}, .deviation = {1.0}},
    {.name = "torch", .scale = 1.0 / 255.0, .channels = 3, .mean = {0.485, 0.456, 0.406}, .deviation = {0.229, 0.224, 0.225}},
    {.name = "caffe", .scale = 1.0, .channels = 3, .mean = {103.939, 116.779, 123.68}, .deviation = {1.0, 1.0, 1.0}, .bgr = true},
};

#define PRESETS ((int32_t)(sizeof presets / sizeof presets[0]))

bool axm_preprocess_preset(const char *name, axm_preprocess *out)
{
    for (int32_t i = 0; i < PRESETS; ++i) {
        if (strcmp(presets[i].name, name) != 0) continue;
        *out = presets[i];
        return true;
    }
    return false;
}

const char *axm_preprocess_name(int32_t index)
{
    return index >= 0 && index < PRESETS ? presets[index].name : NULL;
}

void axm_preprocess_affine(const axm_preprocess *preprocess, int32_t channel, double *factor, double *offset)
{
    int32_t c = channel < preprocess->channels ? channel : preprocess->channels - 1;
    *factor = preprocess->scale / preprocess->deviation[c];
    *offset = -preprocess->mean[c] / preprocess->deviation[c];
}

/* ITU-R 601 luma in 16 fractional bits, as Pillow's convert("L"). */
static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

int32_t axm_preprocess_apply(const axm_preprocess *preprocess, const struct actmax_image *image, int32_t channels, float *out)
{
    if (!image->bytes)
        return axm_fail(ACTMAX_ERROR_INVALID, "a float image is in network units already; it takes no preprocessing");
    if (channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_SHAPE, "an 8-bit image feeds a network of 1 or 3 channels, not %d; give a float image",
                        (int)channels);
    const size_t pixels = (size_t)image->width * (size_t)image->height;
    float value[3][256]; /* of each byte, for each channel of the network */
    for (int32_t c = 0; c < channels; ++c) {
        double factor, offset;
        axm_preprocess_affine(preprocess, c, &factor, &offset);
        for (int v = 0; v < 256; ++v)
            value[c][v] = (float)(factor * (double)v + offset);
    }
    const uint8_t *bytes = image->bytes;
    if (channels == 1) {
        for (size_t i = 0; i < pixels; ++i)
            out[i] = value[0][image->channels == 1 ? bytes[i] : luma(bytes + i * 3)];
        return ACTMAX_OK;
    }
    const size_t step = image->channels == 3 ? 3 : 1, middle = step / 2;
    const size_t first = preprocess->bgr ? step - 1 : 0, last = step - 1 - first; /* channels of the network in a pixel */
    for (size_t i = 0; i < pixels; ++i, bytes += step) {
        out[i * 3] = value[0][bytes[first]];
        out[i * 3 + 1] = value[1][bytes[middle]];
        out[i * 3 + 2] = value[2][bytes[last]];
    }
    return ACTMAX_OK;
}

void axm_preprocess_invert(const axm_preprocess *preprocess, const float *x, size_t pixels, int32_t channels, uint8_t *out)
{
    for (int32_t c = 0; c < channels; ++c) {
        double factor, offset;
        int32_t to = preprocess->bgr && channels == 3 ? 2 - c : c;
        axm_preprocess_affine(preprocess, c, &factor, &offset);
        for (size_t i = 0; i < pixels; ++i) {
            double v = factor != 0.0 ? ((double)x[i * (size_t)channels + (size_t)c] - offset) / factor : 0.0;
            v = fmin(fmax(v, 0.0), 255.0); /* not a number becomes 0 */
            out[i * (size_t)channels + (size_t)to] = (uint8_t)(v + 0.5);
        }
    }
}
