/* Image buffers: 8-bit or float, interleaved rows (height, width, channels). */
#ifndef AXM_IMAGE_IMAGE_H
#define AXM_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/limits.h"

/* The public handle's body: exactly one of bytes and floats is set. */
struct actmax_image {
    axm_allocator *allocator;
    int32_t width, height, channels;
    uint8_t *bytes;
    float *floats;
};

/* Zeroed. Checks sizes against limits (NULL: the defaults). is_float: any channels >= 1; else 1 or 3. */
int32_t axm_image_new(axm_allocator *allocator, const axm_limits *limits, int32_t width, int32_t height, int32_t channels,
                      bool is_float, struct actmax_image **out);
void axm_image_free(struct actmax_image *image);

/* PNG, JPEG or BMP from memory through stb (the only includer of stb is codec.c): size checked before decoding, 16-bit files
 * reduced to 8, alpha dropped, palette expanded, grey kept as 1 channel, CMYK refused, EXIF orientation of JPEG applied. A file
 * that is cut short or has a wrong PNG checksum is refused. `name` is for messages. */
int32_t axm_image_decode(axm_allocator *allocator, const axm_limits *limits, const uint8_t *data, size_t size, const char *name,
                         struct actmax_image **out);
/* format: "png", "jpg" (quality 90) or "bmp". The bytes are the caller's (axm_free with `allocator`). */
int32_t axm_image_encode(axm_allocator *allocator, const struct actmax_image *image, const char *format, uint8_t **data,
                         size_t *size);
/* "png" for "x.PNG", ...; NULL when the ending is not known. */
const char *axm_image_format_of(const char *path);

/* ---- Resampling (resample_pillow.c, resample_float.c) ---- */
typedef enum axm_filter { AXM_FILTER_BILINEAR, AXM_FILTER_BICUBIC } axm_filter;
/* As Pillow's Image.resize computes 8-bit images: triangle (or Keys a=-0.5) widened when shrinking, fixed-point coefficients of
 * its precision, horizontal pass then vertical pass, 8-bit between them. Byte-identical to Pillow. */
int32_t axm_resize_pillow(axm_allocator *allocator, const struct actmax_image *image, int32_t width, int32_t height,
                          axm_filter filter, struct actmax_image **out);
/* The part of that picture which begins at (left, top) and has width x height pixels; only this part is computed. */
int32_t axm_resize_pillow_part(axm_allocator *allocator, const struct actmax_image *image, int64_t full_width, int64_t full_height,
                               int64_t left, int64_t top, int32_t width, int32_t height, axm_filter filter,
                               struct actmax_image **out);
/* Float maps and images. `channels` interleaved; x and y do not overlap. */
typedef enum axm_interpolation {
    AXM_HALF_PIXEL_BILINEAR, /* s = (d+0.5)*in/out-0.5, clamped: OpenCV INTER_LINEAR, PyTorch align_corners=False */
    AXM_CORNER_CUBIC_SPLINE, /* SciPy ndimage.zoom order 3 (B-spline, mirror prefilter), corners aligned: keras-vis */
    AXM_CORNER_BILINEAR,     /* SciPy zoom order 1 */
    AXM_HALF_PIXEL_CUBIC,    /* Keys a=-0.75, half pixel, edge replicated: OpenCV INTER_CUBIC, PyTorch bicubic */
    AXM_NEAREST,             /* floor(d*in/out) */
} axm_interpolation;
int32_t axm_resize_float(axm_allocator *allocator, axm_interpolation kind, const float *x, int32_t in_w, int32_t in_h,
                         int32_t channels, float *y, int32_t out_w, int32_t out_h);

/* ---- Colour maps (colormap.c) ---- */
/* "jet" (matplotlib's table), "jet-opencv", "viridis", "turbo", "grey"; NULL when unknown. 256 RGB entries. */
typedef struct axm_colormap {
    const char *name;
    void (*table)(uint8_t rgb[256][3]);
    bool truncates_255; /* index int(255 v) (OpenCV) instead of int(256 v) capped at 255 (matplotlib) */
} axm_colormap;
const axm_colormap *axm_colormap_find(const char *name);
const axm_colormap *axm_colormap_at(int32_t index); /* NULL past the end */
/* map values outside [0,1] are clamped; NaN counts as 0. rgb: count*3. */
void axm_colormap_apply(const axm_colormap *colormap, const float *map, size_t count, uint8_t *rgb);
/* keras-vis: uint8(trunc(alpha*a + (1-alpha)*b)) in double. */
void axm_overlay(const uint8_t *a, const uint8_t *b, double alpha, size_t count, uint8_t *out);

/* ---- Preprocessing (preprocess.c) ---- */
#define AXM_PREPROCESS_CHANNELS 16
/* network = (pixel * scale - mean[c]) / deviation[c], pixel 0..255, c counted after reordering. */
typedef struct axm_preprocess {
    char name[16];    /* preset, or "custom" */
    double scale;     /* e.g. 1/255 */
    int32_t channels; /* how many mean/deviation entries are valid; 1 applies to all channels */
    double mean[AXM_PREPROCESS_CHANNELS];
    double deviation[AXM_PREPROCESS_CHANNELS];
    bool bgr; /* three channels: blue first */
} axm_preprocess;
/* Presets: raw (scale 1), unit (1/255), tf (x/127.5-1), torch (1/255, ImageNet mean and deviation), caffe (BGR, scale 1, minus
 * 103.939, 116.779, 123.68). False when unknown. axm_preprocess_name(i): the presets in order; NULL past the end. */
bool axm_preprocess_preset(const char *name, axm_preprocess *out);
const char *axm_preprocess_name(int32_t index);
/* The factor and offset of channel c: network = factor * pixel + offset. */
void axm_preprocess_affine(const axm_preprocess *preprocess, int32_t channel, double *factor, double *offset);
/* 8-bit image (its own size, 1 or 3 channels; grey is repeated or RGB turned to luma as Pillow's convert("L") when the
 * network differs) to float HWC of `channels` (1 or 3). Same size. */
int32_t axm_preprocess_apply(const axm_preprocess *preprocess, const struct actmax_image *image, int32_t channels, float *out);
/* Back: float HWC in network units to 8 bits, rounded to nearest, clamped. out: count_pixels*channels bytes, RGB order. */
void axm_preprocess_invert(const axm_preprocess *preprocess, const float *x, size_t pixels, int32_t channels, uint8_t *out);
/* ---- Sheets (stitch.c) ---- */
typedef struct axm_sheet {
    int64_t across, down; /* places in a row and in a column; enough for all images */
    int64_t margin;       /* black pixels between them */
    bool by_columns;      /* places are filled column by column */
} axm_sheet;
/* 8-bit images of one size and number of channels, `count` above 0. */
int32_t axm_image_stitch(axm_allocator *allocator, const struct actmax_image *const *images, size_t count, const axm_sheet *sheet,
                         struct actmax_image **out);

/* ---- Fitting (fit.c) ---- */
/* An 8-bit image brought to width x height as torchvision's eval transform does: shorter side to round(size*256/224) by Pillow
 * bilinear, longer side rounded down, then the centre crop, whose corner is rounded half to even. A network that is not square: the
 * smallest such picture that covers width*256/224 x height*256/224. An image that has the size already is copied. */
int32_t axm_fit_image(axm_allocator *allocator, const struct actmax_image *image, int32_t width, int32_t height,
                      struct actmax_image **out);
/* x, y, width, height of what axm_fit_image keeps, in whole pixels of the original image (the nearest ones, at least one). */
void axm_fit_region(int32_t image_w, int32_t image_h, int32_t width, int32_t height, int32_t region[4]);

#endif
