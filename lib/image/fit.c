/* Bringing a photograph to the network's size as torchvision's evaluation transform does: resize, then centre crop. */
#include <string.h>

#include "base/status.h"
#include "image/image.h"

/* The resized picture and the crop's corner in it. */
typedef struct fit_plan {
    int64_t width, height, left, top;
} fit_plan;

/* size * 256 / 224 to nearest (the fraction is a multiple of 1/7, so there are no ties). */
static int64_t resized(int32_t size)
{
    return ((int64_t)size * 16 + 7) / 14;
}

/* Python's round(spare / 2): half to even. */
static int64_t half_to_even(int64_t spare)
{
    int64_t half = spare / 2;
    return spare % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

static fit_plan plan_fit(int32_t image_w, int32_t image_h, int32_t width, int32_t height)
{
    fit_plan p = {.width = resized(width), .height = resized(height)};
    /* The side that needs the larger factor decides; the other one is int(side * long / short) as Python computes it. */
    if (p.width * image_h >= p.height * image_w)
        p.height = (int64_t)((double)(p.width * image_h) / (double)image_w);
    else
        p.width = (int64_t)((double)(p.height * image_w) / (double)image_h);
    p.left = half_to_even(p.width - width);
    p.top = half_to_even(p.height - height);
    return p;
}

static int32_t copy_image(axm_allocator *allocator, const struct actmax_image *image, struct actmax_image **out)
{
    struct actmax_image *made = NULL;
    int32_t status = axm_image_new(allocator, NULL, image->width, image->height, image->channels, false, &made);
    if (status < 0) return status;
    memcpy(made->bytes, image->bytes, (size_t)image->width * (size_t)image->height * (size_t)image->channels);
    *out = made;
    return status;
}

int32_t axm_fit_image(axm_allocator *allocator, const struct actmax_image *image, int32_t width, int32_t height,
                      struct actmax_image **out)
{
    if (!image->bytes)
        return axm_fail(ACTMAX_ERROR_INVALID, "only 8-bit images are fitted to the network; this one is a float image");
    if (width < 1 || height < 1)
        return axm_fail(ACTMAX_ERROR_INVALID, "an image cannot be fitted to %d x %d; both must be at least 1", (int)width,
                        (int)height);
    if (image->width == width && image->height == height) return copy_image(allocator, image, out);
    fit_plan p = plan_fit(image->width, image->height, width, height);
    return axm_resize_pillow_part(allocator, image, p.width, p.height, p.left, p.top, width, height, AXM_FILTER_BILINEAR, out);
}

/* begin .. begin+length of `full` positions, in positions of `in`. */
static void nearest_span(int64_t begin, int64_t length, int64_t full, int32_t in, int32_t *first, int32_t *count)
{
    int64_t low = (2 * begin * in + full) / (2 * full), high = (2 * (begin + length) * in + full) / (2 * full);
    if (high > in) high = in;
    if (low >= high) low = high > 0 ? high - 1 : 0;
    if (high <= low) high = low + 1;
    *first = (int32_t)low;
    *count = (int32_t)(high - low);
}

void axm_fit_region(int32_t image_w, int32_t image_h, int32_t width, int32_t height, int32_t region[4])
{
    region[0] = 0;
    region[1] = 0;
    region[2] = image_w;
    region[3] = image_h;
    if (image_w == width && image_h == height) return;
    fit_plan p = plan_fit(image_w, image_h, width, height);
    nearest_span(p.left, width, p.width, image_w, &region[0], &region[2]);
    nearest_span(p.top, height, p.height, image_h, &region[1], &region[3]);
}
