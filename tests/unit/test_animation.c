/* Animations, read back by giflib's own decoder: pixels, delays, repetition; the palette against hand-made images; failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <gif_lib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actmax.h"
#include "image/palette.h"

#define WIDTH  37
#define HEIGHT 23
#define PIXELS (WIDTH * HEIGHT)

static char path[300];

static int set_up(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    snprintf(path, sizeof path, "%s/actmax-animation-%ld.gif", base ? base : "/tmp", (long)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static bool exists(void)
{
    struct stat about;
    return stat(path, &about) == 0;
}

static void must(int32_t status)
{
    if (status < 0) fail_msg("%s: %s", actmax_status_name(status), actmax_message());
}

static actmax_image *image_of(const uint8_t *pixels, int32_t channels)
{
    actmax_image *image = NULL;
    must(actmax_image_new(WIDTH, HEIGHT, channels, pixels, 0, &image));
    return image;
}

/* Few colours: 7 * 5 of them. */
static void draw_few(uint8_t rgb[PIXELS * 3], int shift)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *p = rgb + (y * WIDTH + x) * 3;
            p[0] = (uint8_t)((x + shift) % 7 * 36);
            p[1] = (uint8_t)(y % 5 * 60);
            p[2] = 200;
        }
}

/* All pixels differ: a smooth ramp in two channels. */
static void draw_many(uint8_t rgb[PIXELS * 3])
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *p = rgb + (y * WIDTH + x) * 3;
            p[0] = (uint8_t)(x * 255 / (WIDTH - 1));
            p[1] = (uint8_t)(y * 255 / (HEIGHT - 1));
            p[2] = 90;
        }
}

static void make(const uint8_t *const *frames, const int32_t *channels, int count, int32_t delay_ms)
{
    actmax_animation *animation = NULL;
    bool before = exists();
    must(actmax_animation_new(path, WIDTH, HEIGHT, delay_ms, NULL, &animation));
    for (int i = 0; i < count; i++) {
        actmax_image *image = image_of(frames[i], channels[i]);
        must(actmax_animation_add(animation, image));
        actmax_image_free(image);
        assert_int_equal(exists(), before);
        assert_int_equal(actmax_animation_frames(animation), i + 1);
    }
    must(actmax_animation_finish(animation));
    assert_true(exists());
    actmax_animation_free(animation);
    assert_true(exists());
}

static GifFileType *read_back(void)
{
    int error = 0;
    GifFileType *gif = DGifOpenFileName(path, &error);
    if (!gif || DGifSlurp(gif) != GIF_OK) fail_msg("giflib cannot read it: %d", error);
    assert_int_equal(gif->SWidth, WIDTH);
    assert_int_equal(gif->SHeight, HEIGHT);
    return gif;
}

/* Largest difference of a channel. */
static int difference(const GifFileType *gif, int frame, const uint8_t *pixels, int channels)
{
    const SavedImage *image = &gif->SavedImages[frame];
    int most = 0;
    assert_int_equal(image->ImageDesc.Width, WIDTH);
    assert_int_equal(image->ImageDesc.Height, HEIGHT);
    assert_non_null(image->ImageDesc.ColorMap);
    for (int i = 0; i < PIXELS; i++) {
        const GifColorType *colour = &image->ImageDesc.ColorMap->Colors[image->RasterBits[i]];
        const int got[3] = {colour->Red, colour->Green, colour->Blue};
        for (int c = 0; c < 3; c++) {
            int off = abs(got[c] - pixels[channels == 1 ? i : i * 3 + c]);
            if (off > most) most = off;
        }
    }
    return most;
}

static void test_frames(void **state)
{
    uint8_t few[PIXELS * 3], moved[PIXELS * 3], grey[PIXELS], one[PIXELS * 3];
    const uint8_t *const frames[4] = {few, moved, grey, one};
    const int32_t channels[4] = {3, 3, 1, 3};
    GraphicsControlBlock control;
    (void)state;
    unlink(path);
    draw_few(few, 0);
    draw_few(moved, 3);
    for (int i = 0; i < PIXELS; i++)
        grey[i] = (uint8_t)i;
    memset(one, 17, sizeof one);
    make(frames, channels, 4, 126); /* 12.6 hundredths: 13 */
    GifFileType *gif = read_back();
    assert_int_equal(gif->ImageCount, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(difference(gif, i, frames[i], channels[i]), 0);
        assert_int_equal(DGifSavedExtensionToGCB(gif, i, &control), GIF_OK);
        assert_int_equal(control.DelayTime, 13);
        assert_int_equal(control.TransparentColor, NO_TRANSPARENT_COLOR);
    }
    const ExtensionBlock *repeat = gif->SavedImages[0].ExtensionBlocks;
    assert_int_equal(repeat[0].Function, APPLICATION_EXT_FUNC_CODE);
    assert_memory_equal(repeat[0].Bytes, "NETSCAPE2.0", 11);
    assert_memory_equal(repeat[1].Bytes, "\1\0\0", 3); /* without end */
    assert_int_equal(DGifCloseFile(gif, NULL), GIF_OK);
}

/* 37 x 23 colours on a plane of 255 x 255 with 256 of a palette: a square of side 16 for each, so 8 from its middle when they are
 * spread evenly. A cut in two at the mean leaves sides that differ by up to a factor of two. */
static void test_many_colours(void **state)
{
    uint8_t many[PIXELS * 3];
    const uint8_t *const frames[1] = {many};
    const int32_t channels[1] = {3};
    (void)state;
    draw_many(many);
    make(frames, channels, 1, 0);
    GifFileType *gif = read_back();
    int most = difference(gif, 0, many, 3);
    if (most > 16) fail_msg("a channel is off by %d", most);
    assert_int_equal(DGifCloseFile(gif, NULL), GIF_OK);
}

/* Blocks of 256 colours far apart, each with a little noise: the palette must find every one. */
static void test_clusters(void **state)
{
    enum { EACH = 24, COUNT = 256 * EACH };
    static uint8_t rgb[COUNT * 3], indices[COUNT];
    axm_allocator allocator;
    axm_quantizer *q = NULL;
    axm_palette palette;
    (void)state;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    for (int i = 0; i < COUNT; i++) {
        int k = i / EACH;
        const int centre[3] = {10 + (k & 7) * 33, 10 + (k >> 3 & 7) * 33, 10 + (k >> 6) * 75};
        for (int c = 0; c < 3; c++)
            rgb[i * 3 + c] = (uint8_t)(centre[c] + (i * (c + 3) % 5) - 2);
    }
    must(axm_quantizer_new(&allocator, &q));
    axm_quantize(q, rgb, COUNT, 3, &palette, indices);
    assert_int_equal(palette.count, 256);
    for (int i = 0; i < COUNT; i++)
        for (int c = 0; c < 3; c++) {
            int off = abs(palette.rgb[indices[i]][c] - rgb[i * 3 + c]);
            if (off > 8) fail_msg("pixel %d is off by %d", i, off);
        }
    axm_quantizer_free(q);
    assert_int_equal(atomic_load(&allocator.live_blocks), 0);
}

static uint8_t *read_file(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *data = malloc(1 << 20);
    assert_non_null(data);
    *size = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

static void test_same_bytes(void **state)
{
    uint8_t many[PIXELS * 3], few[PIXELS * 3];
    const uint8_t *const frames[2] = {many, few};
    const int32_t channels[2] = {3, 3};
    size_t first_size, second_size;
    (void)state;
    draw_many(many);
    draw_few(few, 1);
    make(frames, channels, 2, 40);
    uint8_t *first = read_file(&first_size);
    make(frames, channels, 2, 40); /* over the first file */
    uint8_t *second = read_file(&second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    assert_memory_equal(first, "GIF89a", 6);
    free(first);
    free(second);
}

/* A frame of another size is resampled: a plain one stays plain. */
static void test_other_size(void **state)
{
    uint8_t small[12 * 9 * 3], wanted[PIXELS * 3];
    actmax_animation *animation = NULL;
    actmax_image *image = NULL;
    (void)state;
    memset(small, 77, sizeof small);
    memset(wanted, 77, sizeof wanted);
    must(actmax_image_new(12, 9, 3, small, 0, &image));
    must(actmax_animation_new(path, WIDTH, HEIGHT, 100, NULL, &animation));
    must(actmax_animation_add(animation, image));
    must(actmax_animation_finish(animation));
    actmax_animation_free(animation);
    actmax_image_free(image);
    GifFileType *gif = read_back();
    assert_int_equal(difference(gif, 0, wanted, 3), 0);
    assert_int_equal(DGifCloseFile(gif, NULL), GIF_OK);
}

static void test_refusals(void **state)
{
    uint8_t few[PIXELS * 3];
    float real[4] = {0};
    actmax_animation *animation = NULL;
    actmax_recipe *recipe = NULL;
    actmax_image *image = NULL, *floats = NULL;
    (void)state;
    unlink(path);
    must(actmax_recipe_new(&recipe));
    must(actmax_recipe_set_number(recipe, "limit_image_side", 30));
    draw_few(few, 0);
    image = image_of(few, 3);
    must(actmax_image_new_float(2, 2, 1, real, &floats));
    assert_int_equal(actmax_animation_new(NULL, 1, 1, 0, NULL, &animation), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_new(path, 0, 1, 0, NULL, &animation), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_new(path, 1, 65536, 0, NULL, &animation), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_new(path, 1, 1, -1, NULL, &animation), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_new(path, 1, 1, 655351, NULL, &animation), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_new(path, 31, 1, 0, recipe, &animation), ACTMAX_ERROR_LIMIT);
    assert_int_equal(actmax_animation_new("/nowhere/at/all.gif", 1, 1, 0, NULL, &animation), ACTMAX_ERROR_NOT_FOUND);
    assert_null(animation);
    must(actmax_animation_new(path, WIDTH, HEIGHT, 0, NULL, &animation));
    assert_int_equal(actmax_animation_add(animation, NULL), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_add(animation, floats), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_finish(animation), ACTMAX_ERROR_INVALID); /* no frame yet */
    must(actmax_animation_add(animation, image));
    must(actmax_animation_finish(animation));
    assert_int_equal(actmax_animation_finish(animation), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_add(animation, image), ACTMAX_ERROR_INVALID);
    actmax_animation_free(animation);
    unlink(path);
    animation = NULL;
    must(actmax_animation_new(path, WIDTH, HEIGHT, 0, NULL, &animation)); /* begun and given up: no file */
    must(actmax_animation_add(animation, image));
    actmax_animation_free(animation);
    assert_false(exists());
    actmax_animation_free(NULL);
    actmax_image_free(image);
    actmax_image_free(floats);
    actmax_recipe_free(recipe);
}

/* No room in the middle: a limit on the size of files, as a full disk would be. */
static void test_no_room(void **state)
{
    static uint8_t noise[PIXELS * 3];
    actmax_animation *animation = NULL;
    struct rlimit old, small;
    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * 2654435761U >> 13);
    actmax_image *image = image_of(noise, 3);
    must(actmax_animation_new(path, WIDTH, HEIGHT, 0, NULL, &animation));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 6000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int32_t status = ACTMAX_OK;
    for (int i = 0; i < 20 && status >= 0; i++)
        status = actmax_animation_add(animation, image);
    assert_int_equal(status, ACTMAX_ERROR_IO);
    assert_non_null(strstr(actmax_message(), path));
    assert_int_equal(actmax_animation_add(animation, image), ACTMAX_ERROR_INVALID);
    assert_int_equal(actmax_animation_finish(animation), ACTMAX_ERROR_INVALID);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    actmax_animation_free(animation);
    actmax_image_free(image);
    assert_false(exists());
}

/* Allocation number fail_at fails. */
typedef struct meter {
    int calls, live, fail_at;
} meter;

static void *take(void *user, size_t bytes)
{
    meter *m = user;
    if (++m->calls == m->fail_at) return NULL;
    void *block = malloc(bytes);
    m->live += block != NULL;
    return block;
}

static void give_back(void *user, void *pointer)
{
    meter *m = user;
    m->live--;
    free(pointer);
}

static int32_t whole(const actmax_recipe *recipe, const actmax_image *image)
{
    actmax_animation *animation = NULL;
    int32_t status = actmax_animation_new(path, WIDTH + 3, HEIGHT, 0, recipe, &animation); /* + 3: frames are resampled */
    if (status >= 0) status = actmax_animation_add(animation, image);
    if (status >= 0) status = actmax_animation_finish(animation);
    actmax_animation_free(animation);
    return status;
}

static void test_out_of_memory(void **state)
{
    uint8_t few[PIXELS * 3];
    meter m = {0};
    actmax_recipe *recipe = NULL;
    (void)state;
    unlink(path);
    draw_few(few, 0);
    actmax_image *image = image_of(few, 3);
    must(actmax_recipe_new_with(take, give_back, &m, &recipe));
    int before = m.calls, live = m.live;
    must(whole(recipe, image));
    int total = m.calls - before;
    assert_true(total >= 5);
    assert_int_equal(m.live, live);
    unlink(path);
    for (int i = 1; i <= total; i++) {
        m.fail_at = m.calls + i;
        assert_int_equal(whole(recipe, image), ACTMAX_ERROR_NO_MEMORY);
        assert_int_equal(m.live, live);
        assert_false(exists());
    }
    actmax_recipe_free(recipe);
    actmax_image_free(image);
    assert_int_equal(m.live, 0);
}

static void test_feature(void **state)
{
    int32_t enabled = 0;
    (void)state;
    for (int32_t i = 0; i < actmax_feature_count(); i++)
        if (strcmp(actmax_feature_name(i), "gif") == 0) enabled = actmax_feature_enabled(i);
    assert_int_equal(enabled, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),     cmocka_unit_test(test_many_colours),  cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_other_size),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_room),    cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_feature),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
