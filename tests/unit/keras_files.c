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
static axm_arena arena;
static const char *const archives[] = {"networks.zip", "tf.zip"};
#define ARCHIVES 2
static axm_file files[ARCHIVES];

int keras_open(void **state)
{
    (void)state;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    axm_arena_init(&arena, &allocator);
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
    for (int i = 0; i < ARCHIVES; i++)
        axm_file_close(&files[i]);
    return 0;
}

const uint8_t *keras_member(const char *name, size_t *size)
{
    axm_limits limits = axm_limits_default();
    const uint8_t *data = NULL;
    for (int i = 0; i < ARCHIVES && !data; i++)
        if (axm_archive_read(files[i].data, files[i].size, name, &limits, &arena, &data, size) < 0)
            fail_msg("%s: %s", name, axm_message());
    if (!data) fail_msg("the archives have no '%s'", name);
    return data;
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
