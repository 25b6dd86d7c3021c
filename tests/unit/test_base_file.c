/* lib/base: reading files, refusing those that a model must not reach, writing whole files, the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/parallel.h"
#include "base/platform.h"
#include "base/status.h"
#include "remove_tree.h"

#define PATH_BYTES 600
#define NO_LIMIT   INT64_MAX

/* A directory with
 *   model.onnx  weights.bin (100000 bytes)  empty  pipe (FIFO)  sub/deep.bin  link.bin -> weights.bin  link -> sub
 *   dangling -> nowhere; and ../outside.bin is beside it. */
typedef struct fixture {
    axm_allocator allocator;
    char root[256];
    char home[300];
    char model[320];
} fixture;

static uint8_t expected_byte(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

static void in_home(const fixture *f, const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s", f->home, name);
}

static void make_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        fputc(expected_byte(i), file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    static fixture f;
    char path[PATH_BYTES];
    const char *base = getenv("TMPDIR");
    snprintf(f.root, sizeof f.root, "%s/actmax_test_XXXXXX", base != NULL && strlen(base) < 200 ? base : "/tmp");
    if (mkdtemp(f.root) == NULL) return -1;
    axm_allocator_init(&f.allocator, NULL, NULL, NULL);
    snprintf(f.home, sizeof f.home, "%s/home", f.root);
    snprintf(f.model, sizeof f.model, "%s/model.onnx", f.home);
    snprintf(path, sizeof path, "%s/outside.bin", f.root);
    make_file(path, 10);
    if (mkdir(f.home, 0777) != 0) return -1;
    make_file(f.model, 10);
    in_home(&f, "weights.bin", path);
    make_file(path, 100000);
    in_home(&f, "empty", path);
    make_file(path, 0);
    in_home(&f, "sub", path);
    if (mkdir(path, 0777) != 0) return -1;
    in_home(&f, "sub/deep.bin", path);
    make_file(path, 5000);
    in_home(&f, "pipe", path);
    if (mkfifo(path, 0666) != 0) return -1;
    in_home(&f, "link.bin", path);
    if (symlink("weights.bin", path) != 0) return -1;
    in_home(&f, "link", path);
    if (symlink("sub", path) != 0) return -1;
    in_home(&f, "dangling", path);
    if (symlink("nowhere", path) != 0) return -1;
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    remove_tree(f->root);
    return atomic_load(&f->allocator.live_blocks) == 0 ? 0 : -1;
}

static int count_entries(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* The number that the next file would get: the same before and after means that none was left open. */
static int next_descriptor(void)
{
    int descriptor = open("/", O_RDONLY);
    close(descriptor);
    return descriptor;
}

static void check_content(axm_file *file, size_t size)
{
    assert_int_equal(file->size, size);
    assert_non_null(file->data);
    for (size_t i = 0; i < size; i++)
        if (file->data[i] != expected_byte(i)) fail_msg("byte %zu is wrong", i);
    axm_file_close(file);
    assert_null(file->data);
    assert_int_equal(file->size, 0);
}

static void test_open(void **state)
{
    fixture *f = *state;
    char path[PATH_BYTES];
    int descriptor = next_descriptor();
    for (int copy = 0; copy <= 1; copy++) {
        axm_file file;
        in_home(f, "weights.bin", path);
        assert_int_equal(axm_file_open(&f->allocator, path, 100000, copy, &file), ACTMAX_OK);
        assert_int_equal(file.copied, copy);
        check_content(&file, 100000);
        in_home(f, "link.bin", path); /* the user's own path may be a link */
        assert_int_equal(axm_file_open(&f->allocator, path, NO_LIMIT, copy, &file), ACTMAX_OK);
        check_content(&file, 100000);
        in_home(f, "empty", path);
        assert_int_equal(axm_file_open(&f->allocator, path, NO_LIMIT, copy, &file), ACTMAX_OK);
        check_content(&file, 0);
    }
    axm_file closed = {.data = NULL};
    axm_file_close(&closed);
    assert_int_equal(next_descriptor(), descriptor);
}

/* What was forgotten is read again as it was, mapped or copied; what lies outside of the file is left alone. */
static void test_forget(void **state)
{
    fixture *f = *state;
    char path[PATH_BYTES], outside[8192] = "stays";
    in_home(f, "weights.bin", path);
    for (int copy = 0; copy <= 1; copy++) {
        axm_file file;
        assert_int_equal(axm_file_open(&f->allocator, path, NO_LIMIT, copy, &file), ACTMAX_OK);
        const char *data = (const char *)file.data;
        axm_file_forget(&file, data, file.size);
        axm_file_forget(&file, data + 5000, 70001);
        axm_file_forget(&file, data + file.size, 0);
        axm_file_forget(&file, data + 1, file.size);
        axm_file_forget(&file, outside, sizeof outside);
        assert_string_equal(outside, "stays");
        check_content(&file, 100000);
    }
}

static void refuse(fixture *f, const char *name, int64_t max_bytes, int32_t status, const char *says)
{
    char path[PATH_BYTES];
    int descriptor = next_descriptor();
    for (int copy = 0; copy <= 1; copy++) {
        axm_file file = {.size = 77};
        in_home(f, name, path);
        assert_int_equal(axm_file_open(&f->allocator, path, max_bytes, copy, &file), status);
        if (strstr(axm_message(), says) == NULL) fail_msg("%s: %s", name, axm_message());
        assert_int_equal(file.size, 77);
    }
    assert_int_equal(next_descriptor(), descriptor);
}

static void test_open_refuses(void **state)
{
    fixture *f = *state;
    refuse(f, "absent", NO_LIMIT, ACTMAX_ERROR_NOT_FOUND, "no such file");
    refuse(f, "weights.bin/x", NO_LIMIT, ACTMAX_ERROR_NOT_FOUND, "not a directory");
    refuse(f, "sub", NO_LIMIT, ACTMAX_ERROR_IO, "not a regular file");
    refuse(f, "pipe", NO_LIMIT, ACTMAX_ERROR_IO, "not a regular file");
    refuse(f, "weights.bin", 99999, ACTMAX_ERROR_LIMIT, "limit_file_bytes");
    axm_file file;
    assert_int_equal(axm_file_open(&f->allocator, "/dev/null", NO_LIMIT, false, &file), ACTMAX_ERROR_IO);
}

static void test_open_out_of_memory(void **state)
{
    fixture *f = *state;
    char path[PATH_BYTES];
    axm_allocator small;
    axm_file file = {.size = 77};
    axm_allocator_init(&small, NULL, NULL, NULL);
    small.limit_bytes = 50000;
    in_home(f, "weights.bin", path);
    int descriptor = next_descriptor();
    assert_int_equal(axm_file_open(&small, path, NO_LIMIT, true, &file), ACTMAX_ERROR_NO_MEMORY);
    assert_int_equal(file.size, 77);
    assert_int_equal(next_descriptor(), descriptor);
    assert_int_equal(axm_file_open(&small, path, NO_LIMIT, false, &file), ACTMAX_OK); /* mapping needs none */
    check_content(&file, 100000);
}

static void test_beside(void **state)
{
    fixture *f = *state;
    int descriptor = next_descriptor();
    for (int copy = 0; copy <= 1; copy++) {
        axm_file file;
        assert_int_equal(axm_file_open_beside(&f->allocator, f->model, "weights.bin", NO_LIMIT, copy, &file), ACTMAX_OK);
        check_content(&file, 100000);
        assert_int_equal(axm_file_open_beside(&f->allocator, f->model, "./sub/./deep.bin", NO_LIMIT, copy, &file), ACTMAX_OK);
        check_content(&file, 5000);
    }
    /* The model's own directory may be reached through a link, or be the current one, or the root. */
    char path[PATH_BYTES], before[PATH_BYTES];
    axm_file file;
    in_home(f, "link/model.onnx", path);
    assert_int_equal(axm_file_open_beside(&f->allocator, path, "deep.bin", NO_LIMIT, false, &file), ACTMAX_OK);
    check_content(&file, 5000);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->home), 0);
    assert_int_equal(axm_file_open_beside(&f->allocator, "model.onnx", "weights.bin", NO_LIMIT, false, &file), ACTMAX_OK);
    assert_int_equal(chdir(before), 0);
    check_content(&file, 100000);
    snprintf(path, sizeof path, "%s/weights.bin", f->home + 1);
    assert_int_equal(axm_file_open_beside(&f->allocator, "/model.onnx", path, NO_LIMIT, false, &file), ACTMAX_OK);
    check_content(&file, 100000);
    assert_int_equal(next_descriptor(), descriptor);
}

static void refuse_beside(fixture *f, const char *name, int64_t max_bytes, int32_t status, const char *says)
{
    int descriptor = next_descriptor();
    axm_file file = {.size = 77};
    int32_t got = axm_file_open_beside(&f->allocator, f->model, name, max_bytes, false, &file);
    if (got != status || strstr(axm_message(), says) == NULL) fail_msg("'%s' gave %d: %s", name, (int)got, axm_message());
    assert_int_equal(file.size, 77);
    assert_int_equal(next_descriptor(), descriptor);
}

static void test_beside_refuses(void **state)
{
    fixture *f = *state;
    char long_name[400];
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    refuse_beside(f, "../outside.bin", NO_LIMIT, ACTMAX_ERROR_FORMAT, "'..'");
    refuse_beside(f, "sub/../weights.bin", NO_LIMIT, ACTMAX_ERROR_FORMAT, "'..'");
    refuse_beside(f, "..", NO_LIMIT, ACTMAX_ERROR_FORMAT, "'..'");
    refuse_beside(f, "/etc/passwd", NO_LIMIT, ACTMAX_ERROR_FORMAT, "absolute");
    refuse_beside(f, "", NO_LIMIT, ACTMAX_ERROR_FORMAT, "empty part");
    refuse_beside(f, "sub//deep.bin", NO_LIMIT, ACTMAX_ERROR_FORMAT, "empty part");
    refuse_beside(f, "sub/", NO_LIMIT, ACTMAX_ERROR_FORMAT, "empty part");
    refuse_beside(f, "sub\\deep.bin", NO_LIMIT, ACTMAX_ERROR_FORMAT, "backslash");
    refuse_beside(f, "link.bin", NO_LIMIT, ACTMAX_ERROR_FORMAT, "symbolic link");
    refuse_beside(f, "link/deep.bin", NO_LIMIT, ACTMAX_ERROR_FORMAT, "symbolic link");
    refuse_beside(f, "dangling", NO_LIMIT, ACTMAX_ERROR_FORMAT, "symbolic link");
    refuse_beside(f, long_name, NO_LIMIT, ACTMAX_ERROR_FORMAT, "too long");
    refuse_beside(f, "pipe", NO_LIMIT, ACTMAX_ERROR_IO, "regular file");
    refuse_beside(f, "sub", NO_LIMIT, ACTMAX_ERROR_IO, "regular file");
    refuse_beside(f, ".", NO_LIMIT, ACTMAX_ERROR_IO, "regular file");
    refuse_beside(f, "pipe/x", NO_LIMIT, ACTMAX_ERROR_NOT_FOUND, "not a directory");
    refuse_beside(f, "absent", NO_LIMIT, ACTMAX_ERROR_NOT_FOUND, "no such file");
    refuse_beside(f, "weights.bin", 99999, ACTMAX_ERROR_LIMIT, "99999");
}

static void check_written(fixture *f, const char *path, const char *text)
{
    axm_file file;
    assert_int_equal(axm_file_open(&f->allocator, path, NO_LIMIT, true, &file), ACTMAX_OK);
    assert_int_equal(file.size, strlen(text));
    assert_memory_equal(file.data, text, file.size);
    axm_file_close(&file);
}

static void test_write(void **state)
{
    fixture *f = *state;
    char path[PATH_BYTES], before[PATH_BYTES];
    struct stat about;
    int descriptor = next_descriptor();
    in_home(f, "new.png", path);
    int entries = count_entries(f->home);
    assert_int_equal(axm_file_write_whole(path, "hello", 5), ACTMAX_OK);
    check_written(f, path, "hello");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(axm_file_write_whole(path, "again, longer", 13), ACTMAX_OK);
    check_written(f, path, "again, longer");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
    assert_int_equal(axm_file_write_whole(path, NULL, 0), ACTMAX_OK);
    check_written(f, path, "");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->home), 0);
    int32_t status = axm_file_write_whole("new.png", "here", 4);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, ACTMAX_OK);
    check_written(f, path, "here");
    assert_int_equal(count_entries(f->home), entries + 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(next_descriptor(), descriptor);
}

static void refuse_write(fixture *f, const char *name, int32_t status)
{
    char path[PATH_BYTES];
    int entries = count_entries(f->home), descriptor = next_descriptor();
    in_home(f, name, path);
    assert_int_equal(axm_file_write_whole(path, "hello", 5), status);
    assert_int_equal(count_entries(f->home), entries);
    assert_int_equal(next_descriptor(), descriptor);
}

static void test_write_refuses(void **state)
{
    fixture *f = *state;
    char long_name[400];
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    refuse_write(f, "absent/x.png", ACTMAX_ERROR_NOT_FOUND);
    refuse_write(f, "sub", ACTMAX_ERROR_IO);
    refuse_write(f, "sub/", ACTMAX_ERROR_IO);
    refuse_write(f, "pipe", ACTMAX_ERROR_IO);
    refuse_write(f, "link.bin", ACTMAX_ERROR_IO);
    refuse_write(f, "dangling", ACTMAX_ERROR_IO);
    refuse_write(f, long_name, ACTMAX_ERROR_IO);
    assert_int_equal(axm_file_write_whole("/dev/null", "hello", 5), ACTMAX_ERROR_IO);
    struct stat about;
    assert_int_equal(stat("/dev/null", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
}

/* The disk is full in mid-write: the old file stays as it was and nothing else is left. */
static void test_write_that_fails_midway(void **state)
{
    fixture *f = *state;
    char path[PATH_BYTES];
    static char large[100000];
    struct rlimit old, tight;
    in_home(f, "kept.png", path);
    assert_int_equal(axm_file_write_whole(path, "old", 3), ACTMAX_OK);
    int entries = count_entries(f->home), descriptor = next_descriptor();
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = 5000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int32_t status = axm_file_write_whole(path, large, sizeof large);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, ACTMAX_ERROR_IO);
    assert_non_null(strstr(axm_message(), "kept.png"));
    check_written(f, path, "old");
    assert_int_equal(count_entries(f->home), entries);
    assert_int_equal(next_descriptor(), descriptor);
    assert_int_equal(unlink(path), 0);
}

typedef struct rivals {
    const char *path;
    atomic_int failed;
} rivals;

static void write_letters(void *context, size_t begin, size_t end, int32_t worker)
{
    rivals *r = context;
    char text[1000];
    (void)end;
    (void)worker;
    memset(text, (int)('a' + begin % 26), sizeof text);
    if (axm_file_write_whole(r->path, text, sizeof text) < 0) atomic_fetch_add(&r->failed, 1);
}

/* Writers of one path do not disturb each other: the file is one writer's, whole. */
static void test_write_at_the_same_time(void **state)
{
    fixture *f = *state;
    char path[PATH_BYTES];
    axm_pool *pool = NULL;
    axm_file file;
    in_home(f, "rival.png", path);
    int entries = count_entries(f->home);
    rivals r = {.path = path};
    assert_int_equal(axm_pool_new(&f->allocator, 4, &pool), ACTMAX_OK);
    axm_parallel_for(pool, 100, 1, write_letters, &r);
    axm_pool_free(pool);
    assert_int_equal(atomic_load(&r.failed), 0);
    assert_int_equal(axm_file_open(&f->allocator, path, NO_LIMIT, false, &file), ACTMAX_OK);
    assert_int_equal(file.size, 1000);
    for (size_t i = 1; i < file.size; i++)
        assert_int_equal(file.data[i], file.data[0]);
    axm_file_close(&file);
    assert_int_equal(count_entries(f->home), entries + 1);
    assert_int_equal(unlink(path), 0);
}

static void test_clock_and_cores(void **state)
{
    (void)state;
    double before = axm_seconds();
    struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    double passed = axm_seconds() - before;
    assert_true(passed >= 0.02 && passed < 20);
    assert_in_range(axm_usable_cores(), 1, 32767);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_open_out_of_memory),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_beside_refuses),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_refuses),
        cmocka_unit_test(test_write_that_fails_midway),
        cmocka_unit_test(test_write_at_the_same_time),
        cmocka_unit_test(test_clock_and_cores),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
