#include "keras_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "base/platform.h"
#include "base/status.h"
#include "loaders/keras/archive.h"

static axm_allocator allocator;
static axm_arena arena, large;
static const char *const archives[] = {"networks.zip", "tf.zip", "applications.zip"};
#define ARCHIVES 3
static axm_file files[ARCHIVES];

int keras_open(void **state)
{
    (void)state;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    axm_arena_init(&arena, &allocator);
    axm_arena_init(&large, &allocator);
    for (int i = 0; i < ARCHIVES; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/keras/%s", ACTMAX_TEST_DATA, archives[i]);
        if (axm_file_open(&allocator, path, 1 << 30, false, &files[i]) < 0) fail_msg("%s", axm_message());
    }
    return 0;
}

int keras_close(void **state)
{
    (void)state;
    axm_arena_free(&arena);
    axm_arena_free(&large);
    for (int i = 0; i < ARCHIVES; i++)
        axm_file_close(&files[i]);
    return 0;
}

static const uint8_t *read_member(axm_arena *keep, const char *name, size_t *size)
{
    axm_limits limits = axm_limits_default();
    const uint8_t *data = NULL;
    for (int i = 0; i < ARCHIVES && !data; i++)
        if (axm_archive_read(files[i].data, files[i].size, name, &limits, keep, &data, size) < 0)
            fail_msg("%s: %s", name, axm_message());
    if (!data) fail_msg("the archives have no '%s'", name);
    return data;
}

const uint8_t *keras_member(const char *name, size_t *size)
{
    return read_member(&arena, name, size);
}

const uint8_t *keras_large_member(const char *name, size_t *size)
{
    axm_arena_free(&large);
    axm_arena_init(&large, &allocator);
    return read_member(&large, name, size);
}

void keras_extract(const char *name, char *path, size_t capacity)
{
    size_t size;
    const uint8_t *data = keras_member(name, &size);
    snprintf(path, capacity, "keras_%ld_%s", (long)getpid(), name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, size, out), size);
    fclose(out);
}
