/* Public images: checks arguments, calls the image room. */
#include <string.h>

#include "api/recipe.h"
#include "base/platform.h"
#include "base/status.h"

/* Wraps up a made image: the handle holds a share of its allocator until it is freed. */
static int32_t hand_out(axm_allocator *allocator, int32_t status, struct actmax_image *image, actmax_image **out)
{
    if (status < 0) {
        axm_allocator_release(allocator);
        return status;
    }
    *out = image;
    return status;
}

static int32_t check_sizes(int32_t width, int32_t height, int32_t channels, bool is_float)
{
    if (width < 1 || height < 1 || channels < 1)
        return axm_fail(ACTMAX_ERROR_INVALID, "an image of %d x %d with %d channels cannot be; all must be at least 1", (int)width,
                        (int)height, (int)channels);
    if (!is_float && channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "an 8-bit image has 1 channel (grey) or 3 (RGB), not %d", (int)channels);
    return ACTMAX_OK;
}

int32_t actmax_image_new(int32_t width, int32_t height, int32_t channels, const uint8_t *pixels, size_t stride, actmax_image **out)
{
    struct actmax_image *image = NULL;
    axm_message_clear();
    if (!out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_new: out is NULL");
    int32_t status = check_sizes(width, height, channels, false);
    if (status < 0) return status;
    size_t row = (size_t)width * (size_t)channels;
    if (stride == 0) stride = row;
    if (stride < row) return axm_fail(ACTMAX_ERROR_INVALID, "the stride of %zu bytes is shorter than a row of %zu", stride, row);
    axm_allocator *allocator = axm_allocator_default();
    if (!allocator) return ACTMAX_ERROR_NO_MEMORY;
    status = axm_image_new(allocator, NULL, width, height, channels, false, &image);
    for (int32_t y = 0; status >= 0 && pixels && y < height; ++y)
        memcpy(image->bytes + (size_t)y * row, pixels + (size_t)y * stride, row);
    return hand_out(allocator, status, image, out);
}

int32_t actmax_image_new_float(int32_t width, int32_t height, int32_t channels, const float *pixels, actmax_image **out)
{
    struct actmax_image *image = NULL;
    axm_message_clear();
    if (!out || !pixels) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_new_float: pixels or out is NULL");
    int32_t status = check_sizes(width, height, channels, true);
    if (status < 0) return status;
    axm_allocator *allocator = axm_allocator_default();
    if (!allocator) return ACTMAX_ERROR_NO_MEMORY;
    status = axm_image_new(allocator, NULL, width, height, channels, true, &image);
    if (status >= 0) memcpy(image->floats, pixels, (size_t)width * (size_t)height * (size_t)channels * sizeof *pixels);
    return hand_out(allocator, status, image, out);
}

static int32_t decode(const actmax_recipe *recipe, const uint8_t *data, size_t size, const char *name, actmax_image **out)
{
    struct actmax_image *image = NULL;
    axm_limits limits = axm_recipe_limits(recipe);
    axm_allocator *allocator = axm_recipe_allocator(recipe);
    if (!allocator) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = axm_image_decode(allocator, &limits, data, size, name, &image);
    return hand_out(allocator, status, image, out);
}

int32_t actmax_image_load(const char *path, const actmax_recipe *recipe, actmax_image **out)
{
    axm_file file;
    axm_message_clear();
    if (!path || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_load: path or out is NULL");
    axm_allocator *allocator = axm_recipe_allocator(recipe);
    if (!allocator) return ACTMAX_ERROR_NO_MEMORY;
    axm_limits limits = axm_recipe_limits(recipe);
    int32_t status = axm_file_open(allocator, path, limits.file_bytes, false, &file);
    if (status >= 0) {
        status = decode(recipe, file.data, file.size, path, out);
        axm_file_close(&file);
    }
    axm_allocator_release(allocator);
    return status;
}

int32_t actmax_image_load_memory(const void *data, size_t size, const actmax_recipe *recipe, actmax_image **out)
{
    axm_message_clear();
    if (!data || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_load_memory: data or out is NULL");
    return decode(recipe, data, size, "image in memory", out);
}

int32_t actmax_image_save(const actmax_image *image, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    axm_message_clear();
    if (!image || !path) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_save: image or path is NULL");
    const char *format = axm_image_format_of(path);
    if (!format) return axm_fail(ACTMAX_ERROR_INVALID, "'%.200s': a picture's name must end in .png, .jpg, .jpeg or .bmp", path);
    if (!image->bytes)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "a float image cannot be saved as a picture; bring its values to 0..255 and make an 8-bit "
                        "image of them (actmax_image_new)");
    int32_t status = axm_image_encode(image->allocator, image, format, &data, &size);
    if (status < 0) return status;
    status = axm_file_write_whole(path, data, size);
    axm_free(image->allocator, data);
    return status;
}

void actmax_image_free(actmax_image *image)
{
    if (!image) return;
    axm_allocator *allocator = image->allocator;
    axm_image_free(image);
    axm_allocator_release(allocator);
}

int32_t actmax_image_width(const actmax_image *image)
{
    return image ? image->width : 0;
}

int32_t actmax_image_height(const actmax_image *image)
{
    return image ? image->height : 0;
}

int32_t actmax_image_channels(const actmax_image *image)
{
    return image ? image->channels : 0;
}

const uint8_t *actmax_image_pixels(const actmax_image *image)
{
    return image ? image->bytes : NULL;
}

const float *actmax_image_float_pixels(const actmax_image *image)
{
    return image ? image->floats : NULL;
}

int32_t actmax_image_resize(const actmax_image *image, int32_t width, int32_t height, const char *filter, actmax_image **out)
{
    struct actmax_image *made = NULL;
    axm_message_clear();
    if (!image || !filter || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_resize: an argument is NULL");
    int32_t kind = axm_choice_index("bilinear|bicubic", filter);
    if (kind < 0) return axm_fail(ACTMAX_ERROR_INVALID, "the filter is bilinear or bicubic, not '%.40s'", filter);
    if (!image->bytes) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_resize takes 8-bit images");
    int32_t status = check_sizes(width, height, image->channels, false);
    if (status < 0) return status;
    axm_allocator *allocator = axm_allocator_share(image->allocator);
    status = axm_resize_pillow(allocator, image, width, height, kind ? AXM_FILTER_BICUBIC : AXM_FILTER_BILINEAR, &made);
    return hand_out(allocator, status, made, out);
}

int32_t actmax_image_from_map(const float *map, int32_t width, int32_t height, const actmax_recipe *recipe, actmax_image **out)
{
    struct actmax_image *image = NULL;
    axm_message_clear();
    if (!map || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_from_map: map or out is NULL");
    int32_t status = check_sizes(width, height, 3, false);
    if (status < 0) return status;
    axm_limits limits = axm_recipe_limits(recipe);
    axm_allocator *allocator = axm_recipe_allocator(recipe);
    if (!allocator) return ACTMAX_ERROR_NO_MEMORY;
    status = axm_image_new(allocator, &limits, width, height, 3, false, &image);
    if (status >= 0)
        axm_colormap_apply(axm_colormap_find(axm_recipe_text(recipe, "colormap")), map, (size_t)width * (size_t)height,
                           image->bytes);
    return hand_out(allocator, status, image, out);
}

int32_t actmax_image_overlay(const actmax_image *heat, const actmax_image *image, const actmax_recipe *recipe, actmax_image **out)
{
    struct actmax_image *made = NULL;
    axm_message_clear();
    if (!heat || !image || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_overlay: an argument is NULL");
    if (!heat->bytes || !image->bytes || heat->channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "an overlay is made of an RGB heat map and an 8-bit image");
    if (heat->width != image->width || heat->height != image->height)
        return axm_fail(ACTMAX_ERROR_SHAPE, "the heat map is %d x %d, the image %d x %d; make them the same size", (int)heat->width,
                        (int)heat->height, (int)image->width, (int)image->height);
    axm_allocator *allocator = axm_allocator_share(heat->allocator);
    int32_t status = axm_image_new(allocator, NULL, heat->width, heat->height, 3, false, &made);
    if (status >= 0) {
        size_t pixels = (size_t)heat->width * (size_t)heat->height;
        if (image->channels == 3)
            memcpy(made->bytes, image->bytes, pixels * 3);
        else
            for (size_t i = 0; i < pixels * 3; ++i)
                made->bytes[i] = image->bytes[i / 3];
        axm_overlay(heat->bytes, made->bytes, axm_recipe_number(recipe, "alpha"), pixels * 3, made->bytes);
    }
    return hand_out(allocator, status, made, out);
}

/* Whether all are 8-bit images like the first. */
static int32_t check_alike(const actmax_image *const *images, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (!images[i] || !images[i]->bytes) return axm_fail(ACTMAX_ERROR_INVALID, "image %zu is NULL or not of 8 bits", i);
        const struct actmax_image *a = images[0], *b = images[i];
        if (a->width != b->width || a->height != b->height || a->channels != b->channels)
            return axm_fail(ACTMAX_ERROR_SHAPE, "image %zu is %d x %d with %d channels, the first %d x %d with %d; make them alike",
                            i, (int)b->width, (int)b->height, (int)b->channels, (int)a->width, (int)a->height, (int)a->channels);
    }
    return ACTMAX_OK;
}

int32_t actmax_image_stitch(const actmax_image *const *images, size_t count, int32_t columns, int32_t margin, actmax_image **out)
{
    struct actmax_image *made = NULL;
    axm_message_clear();
    if (!images || !out || !count || count > INT32_MAX || columns < 1 || margin < 0)
        return axm_fail(ACTMAX_ERROR_INVALID, "actmax_image_stitch: give images, columns from 1 on, and a margin of 0 or more");
    int32_t status = check_alike(images, count);
    if (status < 0) return status;
    axm_sheet sheet = {.across = (int64_t)count < columns ? (int64_t)count : columns,
                       .down = ((int64_t)count + columns - 1) / columns,
                       .margin = margin};
    axm_allocator *allocator = axm_allocator_share(images[0]->allocator);
    status = axm_image_stitch(allocator, images, count, &sheet, &made);
    return hand_out(allocator, status, made, out);
}
