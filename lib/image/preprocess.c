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

static uint8_t source_byte(const struct actmax_image *image, size_t pixel, int32_t channels, int32_t source)
{
    if (image->channels == channels) return image->bytes[pixel * (size_t)channels + (size_t)source];
    return channels == 3 ? image->bytes[pixel] : luma(image->bytes + pixel * 3);
}

int32_t axm_preprocess_apply(const axm_preprocess *preprocess, const struct actmax_image *image, int32_t channels, float *out)
{
    if (!image->bytes)
        return axm_fail(ACTMAX_ERROR_INVALID, "a float image is in network units already; it takes no preprocessing");
    if (channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_SHAPE, "an 8-bit image feeds a network of 1 or 3 channels, not %d; give a float image",
                        (int)channels);
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (int32_t c = 0; c < channels; ++c) {
        float value[256];
        double factor, offset;
        int32_t source = preprocess->bgr && channels == 3 ? 2 - c : c;
        axm_preprocess_affine(preprocess, c, &factor, &offset);
        for (int v = 0; v < 256; ++v)
            value[v] = (float)(factor * (double)v + offset);
        for (size_t i = 0; i < pixels; ++i)
            out[i * (size_t)channels + (size_t)c] = value[source_byte(image, i, channels, source)];
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
