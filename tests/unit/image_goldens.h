/* Reads tests/golden/images.bin (see make_image_goldens.py) and the small files beside it. */
#ifndef IMAGE_GOLDENS_H
#define IMAGE_GOLDENS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

typedef struct golden {
    const uint8_t *bytes; /* type 'B' */
    float *floats;        /* type 'f', copied: records are not aligned */
    int32_t rank, dims[4];
    size_t count;
} golden;

static uint8_t *golden_file;
static size_t golden_size;
static axm_allocator golden_allocator;

static inline uint8_t *read_whole(const char *name, size_t *size)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", ACTMAX_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

static inline int open_goldens(void **state)
{
    (void)state;
    golden_file = read_whole("images.bin", &golden_size);
    axm_allocator_init(&golden_allocator, NULL, NULL, NULL);
    return 0;
}

/* Also looks whether everything was freed. */
static inline int close_goldens(void **state)
{
    (void)state;
    free(golden_file);
    return atomic_load(&golden_allocator.live_blocks) == 0 && atomic_load(&golden_allocator.live_bytes) == 0 ? 0 : -1;
}

static inline golden find_golden(const char *name)
{
    for (size_t at = 0; at < golden_size;) {
        const uint8_t *record = golden_file + at, *data = record + 60;
        golden g = {.rank = record[41], .count = 1};
        memcpy(g.dims, record + 44, sizeof g.dims);
        for (int i = 0; i < 4; i++)
            g.count *= (size_t)g.dims[i];
        size_t bytes = record[40] == 'f' ? g.count * sizeof(float) : g.count;
        if (strncmp((const char *)record, name, 40) == 0) {
            g.bytes = record[40] == 'B' ? data : NULL;
            if (record[40] == 'f') {
                g.floats = malloc(bytes);
                assert_non_null(g.floats);
                memcpy(g.floats, data, bytes);
            }
            return g;
        }
        at += 60 + bytes;
    }
    fail_msg("images.bin has no record %s", name);
    return (golden){0};
}

/* An 8-bit image of a record (height, width, channels). */
static inline struct actmax_image *golden_image(const char *name)
{
    golden g = find_golden(name);
    struct actmax_image *image = NULL;
    assert_int_equal(axm_image_new(&golden_allocator, NULL, g.dims[1], g.dims[0], g.dims[2], false, &image), 0);
    memcpy(image->bytes, g.bytes, g.count);
    return image;
}

static inline void assert_same_bytes(const char *what, const uint8_t *got, const uint8_t *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (got[i] != wanted[i]) fail_msg("%s: byte %zu is %d, not %d", what, i, got[i], wanted[i]);
}

static inline void assert_image_is(const char *name, const struct actmax_image *image)
{
    golden g = find_golden(name);
    assert_int_equal(image->height, g.dims[0]);
    assert_int_equal(image->width, g.dims[1]);
    assert_int_equal(image->channels, g.dims[2]);
    assert_same_bytes(name, image->bytes, g.bytes, g.count);
}

static inline void assert_near(const char *what, const float *got, const float *wanted, size_t count, double tolerance)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - (double)wanted[i]) <= tolerance))
            fail_msg("%s: value %zu is %.9g, not %.9g", what, i, (double)got[i], (double)wanted[i]);
}

#endif
