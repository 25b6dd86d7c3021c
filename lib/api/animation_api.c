/* Public animations: checks arguments, fits frames to the size, calls the image room. */
#include <math.h>

#include "api/recipe.h"
#include "base/status.h"
#include "image/animation.h"
#include "visualize/progress.h"

#if defined(ACTMAX_WITH_GIF)

struct actmax_animation {
    axm_allocator *allocator;
    axm_limits limits;
    int32_t width, height;
    int64_t frames;
    axm_animation *file;
};

static int32_t check_new(const axm_limits *limits, int32_t width, int32_t height, int32_t delay_ms)
{
    if (width < 1 || height < 1 || width > AXM_ANIMATION_SIDE || height > AXM_ANIMATION_SIDE)
        return axm_fail(ACTMAX_ERROR_INVALID, "an animation of %d x %d cannot be; both must be 1 to %d", (int)width, (int)height,
                        AXM_ANIMATION_SIDE);
    if (delay_ms < 0 || delay_ms > AXM_ANIMATION_SIDE * 10)
        return axm_fail(ACTMAX_ERROR_INVALID, "a frame cannot be shown for %d ms; give 0 to %d", (int)delay_ms,
                        AXM_ANIMATION_SIDE * 10);
    if (width > limits->image_side || height > limits->image_side || (int64_t)width * height > limits->image_pixels)
        return axm_fail(ACTMAX_ERROR_LIMIT, "an animation of %d x %d is larger than limit_image_side or limit_image_pixels allow",
                        (int)width, (int)height);
    return ACTMAX_OK;
}

int32_t actmax_animation_new(const char *path, int32_t width, int32_t height, int32_t delay_ms, const actmax_recipe *recipe,
                             actmax_animation **out)
{
    axm_message_clear();
    if (!path || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_animation_new: path or out is NULL");
    axm_limits limits = axm_recipe_limits(recipe);
    int32_t status = check_new(&limits, width, height, delay_ms);
    if (status < 0) return status;
    axm_allocator *allocator = axm_recipe_allocator(recipe);
    if (!allocator) return ACTMAX_ERROR_NO_MEMORY;
    actmax_animation *animation = axm_alloc(allocator, sizeof *animation);
    if (!animation) {
        axm_allocator_release(allocator);
        return ACTMAX_ERROR_NO_MEMORY;
    }
    *animation = (actmax_animation){.allocator = allocator, .limits = limits, .width = width, .height = height};
    status = axm_animation_open(allocator, path, width, height, (delay_ms + 5) / 10, &animation->file);
    if (status < 0)
        actmax_animation_free(animation);
    else
        *out = animation;
    return status;
}

/* An 8-bit image; one of another size is resampled. */
static int32_t add_frame(actmax_animation *animation, const struct actmax_image *image)
{
    struct actmax_image *fitted = NULL;
    int32_t status = ACTMAX_OK;
    if (image->width != animation->width || image->height != animation->height)
        status = axm_resize_pillow(animation->allocator, image, animation->width, animation->height, AXM_FILTER_BILINEAR, &fitted);
    if (status >= 0) status = axm_animation_add(animation->file, fitted ? fitted : image);
    axm_image_free(fitted);
    if (status >= 0) animation->frames++;
    return status;
}

int32_t actmax_animation_add(actmax_animation *animation, const actmax_image *image)
{
    axm_message_clear();
    if (!animation || !image) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_animation_add: animation or image is NULL");
    if (!image->bytes)
        return axm_fail(
            ACTMAX_ERROR_INVALID,
            "a float image cannot be a frame; bring its values to 0..255 and make an 8-bit image of them (actmax_image_new)");
    return add_frame(animation, image);
}

int32_t actmax_animation_add_progress(actmax_animation *animation, const actmax_progress *progress)
{
    struct actmax_image *image = NULL;
    axm_message_clear();
    if (!animation || !progress)
        return axm_fail(ACTMAX_ERROR_INVALID, "actmax_animation_add_progress: animation or progress is NULL");
    if (progress->channels != 1 && progress->channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "a picture of %d channels cannot be a frame; it has 1 (grey) or 3 (RGB)",
                        (int)progress->channels);
    int32_t status = axm_image_new(animation->allocator, &animation->limits, progress->width, progress->height, progress->channels,
                                   false, &image);
    if (status < 0) return status;
    size_t count = (size_t)progress->width * (size_t)progress->height * (size_t)progress->channels;
    for (size_t i = 0; i < count; ++i)
        image->bytes[i] = (uint8_t)(fminf(fmaxf(progress->pixels[i], 0.0f), 255.0f) + 0.5f);
    status = add_frame(animation, image);
    axm_image_free(image);
    return status;
}

int64_t actmax_animation_frames(const actmax_animation *animation)
{
    return animation ? animation->frames : 0;
}

int32_t actmax_animation_finish(actmax_animation *animation)
{
    axm_message_clear();
    if (!animation) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_animation_finish: animation is NULL");
    return axm_animation_finish(animation->file);
}

void actmax_animation_free(actmax_animation *animation)
{
    if (!animation) return;
    axm_allocator *allocator = animation->allocator;
    axm_animation_free(animation->file);
    axm_free(allocator, animation);
    axm_allocator_release(allocator);
}

#else

static int32_t lacking(void)
{
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "animations need giflib, and this actmax was built without it (CMake option ACTMAX_GIF=ON)");
}

int32_t actmax_animation_new(const char *path, int32_t width, int32_t height, int32_t delay_ms, const actmax_recipe *recipe,
                             actmax_animation **out)
{
    (void)path, (void)width, (void)height, (void)delay_ms, (void)recipe, (void)out;
    return lacking();
}

int32_t actmax_animation_add(actmax_animation *animation, const actmax_image *image)
{
    (void)animation, (void)image;
    return lacking();
}

int32_t actmax_animation_add_progress(actmax_animation *animation, const actmax_progress *progress)
{
    (void)animation, (void)progress;
    return lacking();
}

int64_t actmax_animation_frames(const actmax_animation *animation)
{
    (void)animation;
    return 0;
}

int32_t actmax_animation_finish(actmax_animation *animation)
{
    (void)animation;
    return lacking();
}

void actmax_animation_free(actmax_animation *animation)
{
    (void)animation;
}

#endif
