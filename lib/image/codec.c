/* PNG, JPEG and BMP by stb_image and stb_image_write; nothing else includes them.
 *
 * stb allocates without a user pointer and does not survive a failed allocation everywhere. So each call runs inside a session (one
 * for each thread at a time) that keeps a list of stb's blocks, with a ceiling on their sum; an allocation that fails, and an
 * assertion that does not hold, leave stb by longjmp, and the session frees what is left. No frame of the host or of another room
 * lies between. Blocks are zeroed: pixels that a damaged file leaves out are black, not old memory. */
#include <limits.h>
#include <setjmp.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "image/formats.h"
#include "image/image.h"

static void *stb_allocate(size_t bytes);
static void *stb_reallocate(void *pointer, size_t bytes);
static void stb_release(void *pointer);
_Noreturn static void stb_give_up(void);

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" /* for all of the file: gcc looks at it at the end */
#endif

#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MALLOC(bytes)           stb_allocate(bytes)
#define STBI_REALLOC(pointer, bytes) stb_reallocate((pointer), (bytes))
#define STBI_FREE(pointer)           stb_release(pointer)
#define STBI_ASSERT(condition)       ((condition) ? (void)0 : stb_give_up())
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

#define STBI_WRITE_NO_STDIO
#define STBIW_MALLOC(bytes)           stb_allocate(bytes)
#define STBIW_REALLOC(pointer, bytes) stb_reallocate((pointer), (bytes))
#define STBIW_FREE(pointer)           stb_release(pointer)
#define STBIW_ASSERT(condition)       ((condition) ? (void)0 : stb_give_up())
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

#define JPEG_QUALITY 90
#define ENCODE_BYTES (INT_MAX / 4) /* of pixels: stb_image_write counts in int and doubles its buffers */

/* ---- Sessions ---- */

typedef struct stb_block {
    _Alignas(16) struct stb_block *next;
    struct stb_block *previous;
    size_t bytes;
} stb_block;

typedef struct stb_session {
    axm_allocator *allocator;
    struct stb_session *outer; /* of a host whose allocation hook calls actmax */
    stb_block *blocks;
    size_t used, ceiling; /* bytes of all blocks */
    int32_t status;
    jmp_buf escape;
} stb_session;

static _Thread_local stb_session *current;

_Noreturn static void stb_escape(int32_t status)
{
    current->status = status;
    longjmp(current->escape, 1);
}

_Noreturn static void stb_give_up(void)
{
    stb_escape(axm_fail(ACTMAX_ERROR_FORMAT, "the image file is damaged"));
}

static void *stb_allocate(size_t bytes)
{
    size_t total = 0;
    if (!axm_add_size(bytes, sizeof(stb_block), &total) || total > current->ceiling - current->used)
        stb_escape(axm_fail(ACTMAX_ERROR_FORMAT, "the image file is damaged: it unpacks to more than its size in pixels"));
    stb_block *block = axm_calloc_array(current->allocator, 1, total);
    if (!block) stb_escape(ACTMAX_ERROR_NO_MEMORY);
    *block = (stb_block){.next = current->blocks, .bytes = bytes};
    if (block->next) block->next->previous = block;
    current->blocks = block;
    current->used += total;
    return block + 1;
}

static void stb_release(void *pointer)
{
    if (!pointer) return;
    stb_block *block = (stb_block *)pointer - 1;
    if (block->next) block->next->previous = block->previous;
    if (block->previous)
        block->previous->next = block->next;
    else
        current->blocks = block->next;
    current->used -= block->bytes + sizeof *block;
    axm_free(current->allocator, block);
}

static void *stb_reallocate(void *pointer, size_t bytes)
{
    if (!pointer) return stb_allocate(bytes);
    size_t old = ((stb_block *)pointer - 1)->bytes;
    void *grown = stb_allocate(bytes);
    memcpy(grown, pointer, old < bytes ? old : bytes);
    stb_release(pointer);
    return grown;
}

/* Runs job inside the session, frees all that stb left; the job's own results are not among it. */
static int32_t run_session(stb_session *session, int32_t (*job)(stb_session *session, void *context), void *context)
{
    session->outer = current;
    current = session;
    if (setjmp(session->escape) == 0) session->status = job(session, context);
    while (session->blocks)
        stb_release(session->blocks + 1);
    current = session->outer;
    return session->status;
}

/* ---- Reading ---- */

typedef struct decode_job {
    const axm_limits *limits;
    const uint8_t *data;
    int size;
    const char *name, *format;
    int32_t scans, orientation;
    struct actmax_image *image;
} decode_job;

/* A JPEG file may have any number of scans, each of which may cost a pass over all pixels. */
static int32_t check_work(const decode_job *d, int width, int height)
{
    int64_t pixels = (int64_t)width * height;
    if (d->scans > 200 || (d->scans > 1 && pixels > d->limits->image_pixels / d->scans * 16))
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "'%.200s': a JPEG file of %d scans over %d x %d pixels would take too long; save it as PNG", d->name,
                        (int)d->scans, width, height);
    return ACTMAX_OK;
}

/* What decoding needs at most: 16-bit RGBA twice for PNG, coefficients and samples of padded blocks for JPEG, the packed file's
 * copy while it grows. */
static size_t decoding_ceiling(int width, int height, int size)
{
    uint64_t ceiling = ((uint64_t)width + 32) * ((uint64_t)height + 32) * 32 + (uint64_t)size * 4 + (1u << 20);
    return ceiling > SIZE_MAX ? SIZE_MAX : (size_t)ceiling;
}

static int32_t decode(stb_session *session, void *context)
{
    decode_job *d = context;
    int width = 0, height = 0, channels = 0, width_again = 0, height_again = 0, channels_again = 0;
    if (!stbi_info_from_memory(d->data, d->size, &width, &height, &channels))
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged or unusual %s file (%s)", d->name, d->format,
                        stbi_failure_reason());
    channels = channels <= 2 ? 1 : 3;
    bool swap = d->orientation >= 5;
    int32_t status = check_work(d, width, height);
    if (status >= 0)
        status =
            axm_image_new(session->allocator, d->limits, swap ? height : width, swap ? width : height, channels, false, &d->image);
    if (status < 0) return status;
    session->ceiling = decoding_ceiling(width, height, d->size);
    uint8_t *pixels = stbi_load_from_memory(d->data, d->size, &width_again, &height_again, &channels_again, channels);
    if (!pixels)
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged or unusual %s file (%s)", d->name, d->format,
                        stbi_failure_reason());
    if (width_again != width || height_again != height)
        return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s': damaged %s file (two sizes)", d->name, d->format);
    axm_exif_turn(pixels, width, height, channels, d->orientation, d->image->bytes);
    return ACTMAX_OK;
}

static int32_t check_outside(decode_job *d, const uint8_t *data, size_t size)
{
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    axm_jpeg_facts facts = {0};
    int32_t status;
    if (size >= sizeof png && memcmp(data, png, sizeof png) == 0) {
        d->format = "PNG";
        return axm_png_check(data, size, d->name);
    }
    if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff) {
        d->format = "JPEG";
        if ((status = axm_jpeg_check(data, size, d->name, &facts)) < 0) return status;
        d->scans = facts.scans;
        d->orientation = facts.orientation;
        return ACTMAX_OK;
    }
    if (size >= 2 && data[0] == 'B' && data[1] == 'M') {
        d->format = "BMP";
        return axm_bmp_check(data, size, d->name);
    }
    return axm_fail(ACTMAX_ERROR_FORMAT, "'%.200s' is not a PNG, JPEG or BMP file; convert it to one of these", d->name);
}

int32_t axm_image_decode(axm_allocator *allocator, const axm_limits *limits, const uint8_t *data, size_t size, const char *name,
                         struct actmax_image **out)
{
    axm_limits defaults = axm_limits_default();
    decode_job d = {.limits = limits ? limits : &defaults, .data = data, .name = name, .orientation = 1};
    if (size > INT_MAX)
        return axm_fail(ACTMAX_ERROR_LIMIT, "'%.200s': an image file of %zu bytes is too large (at most %d)", name, size, INT_MAX);
    d.size = (int)size;
    int32_t status = check_outside(&d, data, size);
    if (status < 0) return status;
    stb_session session = {.allocator = allocator, .ceiling = 1u << 20}; /* for reading the header */
    status = run_session(&session, decode, &d);
    if (status < 0)
        axm_image_free(d.image);
    else
        *out = d.image;
    return status;
}

/* ---- Writing ---- */

typedef struct encode_job {
    const struct actmax_image *image;
    char format; /* first letter of the name */
    uint8_t *data;
    size_t size, capacity;
} encode_job;

/* stb calls this with a byte or a few for JPEG, with all at once for PNG. */
static void append(void *context, void *data, int size)
{
    encode_job *e = context;
    size_t needed = e->size + (size_t)size; /* both below INT_MAX */
    if (needed > e->capacity) {
        size_t capacity = e->capacity * 2 > needed ? e->capacity * 2 : needed + 4096;
        void *grown = e->data;
        if (!axm_grow_array(current->allocator, &grown, e->size, capacity, 1)) stb_escape(ACTMAX_ERROR_NO_MEMORY);
        e->data = grown;
        e->capacity = capacity;
    }
    memcpy(e->data + e->size, data, (size_t)size);
    e->size = needed;
}

static int32_t encode(stb_session *session, void *context)
{
    encode_job *e = context;
    const struct actmax_image *image = e->image;
    int written;
    (void)session;
    if (e->format == 'p')
        written = stbi_write_png_to_func(append, e, image->width, image->height, image->channels, image->bytes,
                                         image->width * image->channels);
    else if (e->format == 'j')
        written = stbi_write_jpg_to_func(append, e, image->width, image->height, image->channels, image->bytes, JPEG_QUALITY);
    else
        written = stbi_write_bmp_to_func(append, e, image->width, image->height, image->channels, image->bytes);
    return written ? ACTMAX_OK : axm_fail(ACTMAX_ERROR_INTERNAL, "the picture could not be encoded; please report it");
}

int32_t axm_image_encode(axm_allocator *allocator, const struct actmax_image *image, const char *format, uint8_t **data,
                         size_t *size)
{
    if (!image->bytes) return axm_fail(ACTMAX_ERROR_INVALID, "a float image cannot be encoded; make an 8-bit one of it");
    encode_job e = {.image = image, .format = format[0]};
    if (((int64_t)image->width * 3 + 4) * image->height > ENCODE_BYTES)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a picture of %d x %d is too large to be written (at most %d bytes of pixels)",
                        (int)image->width, (int)image->height, ENCODE_BYTES);
    if (e.format == 'j' && (image->width > 65535 || image->height > 65535))
        return axm_fail(ACTMAX_ERROR_LIMIT, "a JPEG file cannot hold %d x %d pixels (at most 65535 each way); use PNG",
                        (int)image->width, (int)image->height);
    stb_session session = {.allocator = allocator, .ceiling = SIZE_MAX};
    int32_t status = run_session(&session, encode, &e);
    if (status < 0) {
        axm_free(allocator, e.data);
        return status;
    }
    *data = e.data;
    *size = e.size;
    return status;
}

/* ASCII only: the locale has no say. */
static bool same_ending(const char *ending, const char *wanted)
{
    for (; *ending && *wanted; ++ending, ++wanted) {
        char c = *ending >= 'A' && *ending <= 'Z' ? (char)(*ending - 'A' + 'a') : *ending;
        if (c != *wanted) return false;
    }
    return *ending == *wanted;
}

const char *axm_image_format_of(const char *path)
{
    static const char *const endings[][2] = {{"png", "png"}, {"jpg", "jpg"}, {"jpeg", "jpg"}, {"bmp", "bmp"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; ++i)
        if (same_ending(dot + 1, endings[i][0])) return endings[i][1];
    return NULL;
}
