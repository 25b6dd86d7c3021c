/* Image buffers: made, checked against the limits, freed. */
#include "image/image.h"

#include "base/checked.h"
#include "base/status.h"

static int32_t check_sizes(const axm_limits *limits, int32_t width, int32_t height, int32_t channels, bool is_float)
{
    if (width < 1 || height < 1 || channels < 1)
        return axm_fail(ACTMAX_ERROR_INVALID, "an image of %d x %d with %d channels cannot be; all must be at least 1", (int)width,
                        (int)height, (int)channels);
    if (!is_float && channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "an 8-bit image has 1 channel (grey) or 3 (RGB), not %d", (int)channels);
    if (width > limits->image_side || height > limits->image_side)
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "an image of %d x %d passes limit_image_side (%lld); use a smaller one or raise the limit", (int)width,
                        (int)height, (long long)limits->image_side);
    if ((int64_t)width * height > limits->image_pixels)
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "an image of %d x %d passes limit_image_pixels (%lld); use a smaller one or raise the limit", (int)width,
                        (int)height, (long long)limits->image_pixels);
    int64_t elements = 0;
    if (!axm_mul_i64((int64_t)width * height, channels, &elements) || elements > limits->tensor_elements)
        return axm_fail(ACTMAX_ERROR_LIMIT, "an image of %d x %d with %d channels passes limit_tensor_elements (%lld)", (int)width,
                        (int)height, (int)channels, (long long)limits->tensor_elements);
    return ACTMAX_OK;
}

int32_t axm_image_new(axm_allocator *allocator, const axm_limits *limits, int32_t width, int32_t height, int32_t channels,
                      bool is_float, struct actmax_image **out)
{
    axm_limits defaults = axm_limits_default();
    int32_t status = check_sizes(limits ? limits : &defaults, width, height, channels, is_float);
    if (status < 0) return status;
    struct actmax_image *image = axm_calloc_array(allocator, 1, sizeof *image);
    if (!image) return ACTMAX_ERROR_NO_MEMORY;
    void *pixels = axm_calloc_array(allocator, (size_t)width * (size_t)height,
                                    (size_t)channels * (is_float ? sizeof *image->floats : sizeof *image->bytes));
    if (!pixels) {
        axm_free(allocator, image);
        return ACTMAX_ERROR_NO_MEMORY;
    }
    *image = (struct actmax_image){.allocator = allocator, .width = width, .height = height, .channels = channels};
    if (is_float)
        image->floats = pixels;
    else
        image->bytes = pixels;
    *out = image;
    return ACTMAX_OK;
}

void axm_image_free(struct actmax_image *image)
{
    if (!image) return;
    axm_free(image->allocator, image->bytes);
    axm_free(image->allocator, image->floats);
    axm_free(image->allocator, image);
}
