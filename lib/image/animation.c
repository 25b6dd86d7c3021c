/* GIF through giflib, whose output goes to a writer of lib/base. Each frame has a palette of its own, so that frames need not be
 * kept until all colours are known. giflib's own memory (one coder of fixed size, and a palette) comes from malloc. */
#include "image/animation.h"

#include <gif_lib.h>
#include <limits.h>
#include <string.h>

#include "base/platform.h"
#include "base/status.h"
#include "image/palette.h"

struct axm_animation {
    axm_allocator *allocator;
    axm_writer *writer;
    GifFileType *gif;
    axm_quantizer *quantizer;
    uint8_t *indices; /* [height][width] */
    int32_t width, height, hundredths;
    int64_t frames;
    int32_t status; /* of the first failure */
    bool finished;
};

/* The first failure is kept: giflib has a code of its own for it, and ignores it when closing. */
static int write_bytes(GifFileType *gif, const GifByteType *data, int size)
{
    axm_animation *animation = gif->UserData;
    if (animation->status < 0) return 0;
    animation->status = axm_writer_add(animation->writer, data, (size_t)size);
    return animation->status < 0 ? 0 : size;
}

/* What a failed call of giflib means, in our terms: writing failed, which has set its message, or its memory. */
static int32_t gif_failure(axm_animation *animation)
{
    if (animation->status >= 0) {
        if (animation->gif && animation->gif->Error != E_GIF_ERR_NOT_ENOUGH_MEM)
            animation->status = axm_fail(ACTMAX_ERROR_INTERNAL, "giflib failed (code %d); please report it", animation->gif->Error);
        else
            animation->status = axm_no_memory(sizeof(GifFileType), "the GIF coder");
    }
    return animation->status;
}

/* Smallest size of a GIF palette, a power of two, that holds the colours. */
static int palette_size(int32_t count)
{
    int size = 2;
    while (size < count)
        size *= 2;
    return size;
}

/* The Netscape block: repeat without end. */
static bool put_repetition(GifFileType *gif)
{
    static const uint8_t forever[3] = {1, 0, 0};
    return EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
           EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") == GIF_OK &&
           EGifPutExtensionBlock(gif, (int)sizeof forever, forever) == GIF_OK && EGifPutExtensionTrailer(gif) == GIF_OK;
}

static int32_t put_header(axm_animation *animation)
{
    int error = 0;
    animation->gif = EGifOpen(animation, write_bytes, &error);
    if (!animation->gif) return gif_failure(animation);
    EGifSetGifVersion(animation->gif, true); /* 89a: delays, repetition */
    if (EGifPutScreenDesc(animation->gif, animation->width, animation->height, 8, 0, NULL) != GIF_OK ||
        !put_repetition(animation->gif))
        return gif_failure(animation);
    return ACTMAX_OK;
}

int32_t axm_animation_open(axm_allocator *allocator, const char *path, int32_t width, int32_t height, int32_t hundredths,
                           axm_animation **out)
{
    axm_animation *animation = axm_alloc(allocator, sizeof *animation);
    if (!animation) return ACTMAX_ERROR_NO_MEMORY;
    *animation = (axm_animation){.allocator = allocator, .width = width, .height = height, .hundredths = hundredths};
    int32_t status = axm_quantizer_new(allocator, &animation->quantizer);
    if (status >= 0) {
        animation->indices = axm_alloc_array(allocator, (size_t)width, (size_t)height);
        if (!animation->indices) status = ACTMAX_ERROR_NO_MEMORY;
    }
    if (status >= 0) status = axm_writer_open(allocator, path, &animation->writer);
    if (status >= 0) status = put_header(animation);
    if (status < 0)
        axm_animation_free(animation);
    else
        *out = animation;
    return status;
}

static bool put_frame(axm_animation *animation, const ColorMapObject *colours)
{
    GifFileType *gif = animation->gif;
    const GraphicsControlBlock control = {
        .DisposalMode = DISPOSE_DO_NOT, .DelayTime = animation->hundredths, .TransparentColor = NO_TRANSPARENT_COLOR};
    GifByteType bytes[4];
    size_t size = EGifGCBToExtension(&control, bytes);
    if (EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, (int)size, bytes) != GIF_OK) return false;
    if (EGifPutImageDesc(gif, 0, 0, animation->width, animation->height, false, colours) != GIF_OK) return false;
    for (int32_t y = 0; y < animation->height; ++y)
        if (EGifPutLine(gif, animation->indices + (size_t)y * (size_t)animation->width, animation->width) != GIF_OK) return false;
    return true;
}

int32_t axm_animation_add(axm_animation *animation, const struct actmax_image *image)
{
    axm_palette palette;
    GifColorType colours[AXM_PALETTE_COLOURS] = {{0}};
    if (animation->status < 0 || animation->finished)
        return axm_fail(ACTMAX_ERROR_INVALID, "the animation %s; begin a new one",
                        animation->finished ? "is finished" : "has failed");
    if (!image->bytes || image->width != animation->width || image->height != animation->height)
        return axm_fail(ACTMAX_ERROR_SHAPE, "a frame of this animation is an 8-bit image of %d x %d", (int)animation->width,
                        (int)animation->height);
    axm_quantize(animation->quantizer, image->bytes, (size_t)image->width * (size_t)image->height, image->channels, &palette,
                 animation->indices);
    for (int32_t i = 0; i < palette.count; ++i)
        colours[i] = (GifColorType){palette.rgb[i][0], palette.rgb[i][1], palette.rgb[i][2]};
    ColorMapObject *map = GifMakeMapObject(palette_size(palette.count), colours);
    if (!map) return axm_no_memory(sizeof colours, "a frame's palette");
    bool right = put_frame(animation, map);
    GifFreeMapObject(map);
    if (!right) return gif_failure(animation);
    animation->frames++;
    return ACTMAX_OK;
}

/* Ends the stream, where there is one; giflib's memory is freed in any case. */
static void close_gif(axm_animation *animation)
{
    int error = 0;
    if (animation->gif) (void)EGifCloseFile(animation->gif, &error);
    animation->gif = NULL;
}

int32_t axm_animation_finish(axm_animation *animation)
{
    if (animation->status < 0 || animation->finished)
        return axm_fail(ACTMAX_ERROR_INVALID, "the animation %s; begin a new one",
                        animation->finished ? "is finished already" : "has failed");
    if (animation->frames == 0)
        return axm_fail(ACTMAX_ERROR_INVALID, "the animation has no frame yet; add one before finishing it");
    close_gif(animation);
    if (animation->status >= 0) animation->status = axm_writer_finish(animation->writer);
    animation->finished = true;
    return animation->status;
}

void axm_animation_free(axm_animation *animation)
{
    if (!animation) return;
    if (animation->status >= 0 && !animation->finished) animation->status = ACTMAX_ERROR_INVALID; /* closing writes no more */
    close_gif(animation);
    axm_writer_free(animation->writer);
    axm_quantizer_free(animation->quantizer);
    axm_free(animation->allocator, animation->indices);
    axm_free(animation->allocator, animation);
}
