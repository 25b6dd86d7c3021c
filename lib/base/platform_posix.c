/* POSIX: files and pages. Only this file and platform_posix_threads.c call the operating system. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* O_PATH */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64
#endif

#include "base/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

#define PATH_BYTES 4096
#define NAME_BYTES 256
#define READ_CHUNK ((size_t)1 << 30)
#define LARGE_PAGE ((uintptr_t)2 << 20)

/* To reach files inside a directory, no permission to list it is needed. */
#if defined(O_PATH)
#define DIRECTORY_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)
#else
#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif
/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* strerror follows the locale and need not be thread-safe. */
static const char *reason(int error)
{
    switch (error) {
    case ENOENT: return "no such file or directory; check the path";
    case ENOTDIR: return "a part of the path is not a directory; check the path";
    case EACCES:
    case EPERM: return "permission denied; check who may use the file and its directory";
    case EISDIR: return "it is a directory; give the path of a file";
    case ENOSPC:
    case EDQUOT: return "no space left; free some or choose another disk";
    case EROFS: return "the file system is read-only; choose another directory";
    case ENAMETOOLONG: return "the path is too long; use a shorter one";
    case ELOOP: return "too many symbolic links; check the path";
    case EMFILE:
    case ENFILE: return "too many open files; close some";
    case EFBIG: return "the file would be too large for this system";
    case EIO: return "the device failed; check the disk";
    case ENXIO: return "it is not a regular file; give the path of an ordinary file";
    default: return NULL;
    }
}

static int32_t system_failure(int error, const char *action, const char *path)
{
    int32_t status = error == ENOENT || error == ENOTDIR ? ACTMAX_ERROR_NOT_FOUND
                     : error == ENOMEM                   ? ACTMAX_ERROR_NO_MEMORY
                                                         : ACTMAX_ERROR_IO;
    const char *why = reason(error);
    if (why != NULL) return axm_fail(status, "cannot %s '%s': %s", action, path, why);
    return axm_fail(status, "cannot %s '%s': system error %d; check the path", action, path, error);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static int32_t read_all(int descriptor, const char *path, uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t wanted = size - done < READ_CHUNK ? size - done : READ_CHUNK;
        ssize_t got = read(descriptor, data + done, wanted);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure(errno, "read", path);
        if (got == 0)
            return axm_fail(ACTMAX_ERROR_IO, "'%s' became shorter while it was read; try again when it is complete", path);
        done += (size_t)got;
    }
    return ACTMAX_OK;
}

static int32_t copy_file(axm_allocator *allocator, int descriptor, const char *path, axm_file *file)
{
    uint8_t *data = axm_alloc(allocator, file->size);
    if (data == NULL) return axm_fail_within(ACTMAX_ERROR_NO_MEMORY, "cannot read '%s'", path);
    int32_t status = read_all(descriptor, path, data, file->size);
    if (status < 0) {
        axm_free(allocator, data);
        return status;
    }
    file->data = data;
    file->copied = true;
    return ACTMAX_OK;
}

/* Takes the descriptor: it is closed on return. A file system that cannot map is read from instead. */
static int32_t take_descriptor(axm_allocator *allocator, int descriptor, const char *path, int64_t max_bytes, bool copy,
                               axm_file *out)
{
    axm_file file = {.allocator = allocator};
    int32_t status = ACTMAX_OK;
    struct stat about;
    if (fstat(descriptor, &about) != 0) {
        status = system_failure(errno, "examine", path);
    } else if (!S_ISREG(about.st_mode)) {
        status = axm_fail(ACTMAX_ERROR_IO, "'%s' is not a regular file; give the path of an ordinary file", path);
    } else if (about.st_size > max_bytes) {
        status = axm_fail(ACTMAX_ERROR_LIMIT,
                          "'%s' holds %lld bytes, more than the %lld that are allowed; raise limit_file_bytes if you trust it",
                          path, (long long)about.st_size, (long long)max_bytes);
    } else if ((uintmax_t)about.st_size > PTRDIFF_MAX) {
        status = axm_fail(ACTMAX_ERROR_LIMIT, "'%s' is too large for this machine's address space; use a 64-bit system", path);
    } else {
        file.size = (size_t)about.st_size;
        void *mapped = MAP_FAILED;
        if (!copy && file.size > 0) mapped = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (mapped != MAP_FAILED)
            file.data = mapped;
        else
            status = copy_file(allocator, descriptor, path, &file);
    }
    close(descriptor);
    if (status >= 0) *out = file;
    return status;
}

int32_t axm_file_open(axm_allocator *allocator, const char *path, int64_t max_bytes, bool copy, axm_file *out)
{
    int descriptor = open(path, READ_FLAGS);
    if (descriptor < 0) return system_failure(errno, "open", path);
    return take_descriptor(allocator, descriptor, path, max_bytes, copy, out);
}

void axm_file_close(axm_file *file)
{
    if (file->copied)
        axm_free(file->allocator, (void *)(uintptr_t)file->data);
    else if (file->data != NULL)
        munmap((void *)(uintptr_t)file->data, file->size);
    *file = (axm_file){.data = NULL};
}

/* Kernels walk many rows at once, each in its own small page: large ones spare most of the page walks, and a page fault for each
 * small one. They are asked for before anything is written, since a small page in a large one's place keeps it out. */
void *axm_pages_take(size_t size)
{
    if (size > SIZE_MAX - LARGE_PAGE) return NULL;
    const size_t taken = size + LARGE_PAGE;
    char *block = mmap(NULL, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return NULL;
    const long given = sysconf(_SC_PAGESIZE);
    const size_t before = (size_t)(-(uintptr_t)block & (LARGE_PAGE - 1)), page = given > 0 ? (size_t)given : 4096;
    const size_t whole = (size + page - 1) / page * page;
    if (before > 0) munmap(block, before);
    if (taken - before > whole) munmap(block + before + whole, taken - before - whole);
#ifdef MADV_HUGEPAGE
    if (whole >= LARGE_PAGE) (void)madvise(block + before, whole / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
#endif
    return block + before;
}

void axm_pages_give(void *block, size_t size)
{
    munmap(block, size);
}

void axm_file_forget(const axm_file *file, const void *data, size_t size)
{
    const uintptr_t from = (uintptr_t)file->data, at = (uintptr_t)data;
    const long page = sysconf(_SC_PAGESIZE);
    if (file->copied || file->data == NULL || page <= 0) return;
    if (at < from || at - from > file->size || size > file->size - (at - from)) return;
    const uintptr_t first = (at + (uintptr_t)page - 1) / (uintptr_t)page * (uintptr_t)page;
    const uintptr_t last = (at + size) / (uintptr_t)page * (uintptr_t)page;
    if (last > first) (void)madvise((void *)first, last - first, MADV_DONTNEED);
}

/* Opens the directory that holds `path`; `*name` becomes the last part of it. */
static int32_t open_directory_of(const char *path, int *descriptor, const char **name)
{
    char directory[PATH_BYTES] = ".";
    const char *slash = strrchr(path, '/');
    *name = slash != NULL ? slash + 1 : path;
    if (slash != NULL) {
        size_t length = slash == path ? 1 : (size_t)(slash - path); /* "/name" is in "/" */
        if (length >= sizeof directory) return system_failure(ENAMETOOLONG, "open", path);
        memcpy(directory, path, length);
        directory[length] = '\0';
    }
    *descriptor = open(directory, DIRECTORY_FLAGS);
    if (*descriptor < 0) return system_failure(errno, "open the directory of", path);
    return ACTMAX_OK;
}

/* One part of `name` ends at the first '/' or the end; "." is passed over, so that "./weights" is fine. */
static int32_t check_part(const char *name, const char *part, size_t length)
{
    const char *wrong = NULL;
    if (length == 0)
        wrong = "it is absolute or has an empty part";
    else if (length == 2 && memcmp(part, "..", 2) == 0)
        wrong = "it contains '..'";
    else if (memchr(part, '\\', length) != NULL)
        wrong = "it contains a backslash";
    else if (length >= NAME_BYTES)
        wrong = "a part of it is too long";
    if (wrong == NULL) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_FORMAT, "the model's data file '%s' is refused: %s; it must lie beside the model file or below",
                    name, wrong);
}

/* Opens `part` in `directory`, never through a symbolic link. Systems disagree on the error for a link, so it is looked for. */
static int32_t open_part(int directory, const char *part, int flags, const char *name, int *descriptor)
{
    struct stat about;
    *descriptor = openat(directory, part, flags | O_NOFOLLOW);
    if (*descriptor >= 0) return ACTMAX_OK;
    int error = errno;
    if (fstatat(directory, part, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode))
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "the model's data file '%s' is refused: '%s' is a symbolic link; put the file itself beside the model file",
                        name, part);
    return system_failure(error, "open the model's data file", name);
}

/* Takes `directory`: on success `*descriptor` is the file, and the directories on the way are closed in any case. */
static int32_t walk_to(int directory, const char *name, int *descriptor)
{
    int32_t status = ACTMAX_OK;
    const char *part = name;
    for (;;) {
        char copy[NAME_BYTES];
        size_t length = strcspn(part, "/");
        bool last = part[length] == '\0';
        if ((status = check_part(name, part, length)) < 0) break;
        memcpy(copy, part, length);
        copy[length] = '\0';
        if (last || strcmp(copy, ".") != 0) {
            int next = -1;
            if ((status = open_part(directory, copy, last ? READ_FLAGS : DIRECTORY_FLAGS, name, &next)) < 0) break;
            close(directory);
            directory = next;
        }
        if (last) {
            *descriptor = directory;
            return ACTMAX_OK;
        }
        part += length + 1;
    }
    close(directory);
    return status;
}

int32_t axm_file_open_beside(axm_allocator *allocator, const char *beside, const char *name, int64_t max_bytes, bool copy,
                             axm_file *out)
{
    int directory = -1, descriptor = -1;
    const char *model = NULL;
    int32_t status = open_directory_of(beside, &directory, &model);
    if (status < 0) return status;
    status = walk_to(directory, name, &descriptor);
    if (status < 0) return status;
    return take_descriptor(allocator, descriptor, name, max_bytes, copy, out);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

/* Renaming over a link, a device or a pipe would replace it by a file, so only a regular file may be there. */
static int32_t check_target(int directory, const char *name, const char *path, mode_t *mode)
{
    struct stat about;
    *mode = 0;
    if (name[0] == '\0') return axm_fail(ACTMAX_ERROR_IO, "cannot write '%s': it is a directory; give the path of a file", path);
    if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ACTMAX_OK : system_failure(errno, "write", path);
    if (!S_ISREG(about.st_mode))
        return axm_fail(ACTMAX_ERROR_IO, "cannot write '%s': something other than a regular file is there; give another path",
                        path);
    *mode = about.st_mode & 0777;
    return ACTMAX_OK;
}

/* `temporary` receives a name that no other process or thread has. */
static int create_temporary(int directory, char temporary[NAME_BYTES])
{
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        struct timespec now = {0};
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(temporary, NAME_BYTES, ".actmax-%lx-%lx-%x.tmp", (unsigned long)getpid(), (unsigned long)now.tv_nsec, attempt);
        int descriptor = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST) return descriptor;
    }
    return -1;
}

static int write_all(int descriptor, const uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t wanted = size - done < READ_CHUNK ? size - done : READ_CHUNK;
        ssize_t written = write(descriptor, data + done, wanted);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        if (written == 0) return EIO;
        done += (size_t)written;
    }
    return 0;
}

struct axm_writer {
    axm_allocator *allocator; /* NULL: the caller's own */
    const char *path, *name;  /* name: the last part of path */
    int directory, descriptor, error;
    mode_t mode; /* of the file that is replaced; 0: none */
    char temporary[NAME_BYTES];
    char copy[]; /* of the path */
};

static int32_t writer_start(axm_writer *writer, const char *path)
{
    writer->path = path;
    writer->directory = writer->descriptor = -1;
    int32_t status = open_directory_of(path, &writer->directory, &writer->name);
    if (status < 0 || (status = check_target(writer->directory, writer->name, path, &writer->mode)) < 0) return status;
    writer->descriptor = create_temporary(writer->directory, writer->temporary);
    return writer->descriptor < 0 ? system_failure(errno, "write", path) : ACTMAX_OK;
}

int32_t axm_writer_add(axm_writer *writer, const void *data, size_t size)
{
    if (writer->error == 0) writer->error = write_all(writer->descriptor, data, size);
    return writer->error == 0 ? ACTMAX_OK : system_failure(writer->error, "write", writer->path);
}

int32_t axm_writer_finish(axm_writer *writer)
{
    int descriptor = writer->descriptor, error = writer->error;
    /* Without this, a power cut could leave the new name on an empty file. Some file systems have nothing to do here. */
    if (error == 0 && fsync(descriptor) != 0 && errno != EINVAL && errno != ENOSYS && errno != EROFS) error = errno;
    if (error == 0 && writer->mode != 0)
        (void)fchmod(descriptor, writer->mode); /* an old file's permissions stay, where they can */
    writer->descriptor = -1;
    if (close(descriptor) != 0 && error == 0 && errno != EINTR) error = errno;
    if (error == 0 && renameat(writer->directory, writer->temporary, writer->directory, writer->name) != 0) error = errno;
    if (error == 0) return ACTMAX_OK;
    (void)unlinkat(writer->directory, writer->temporary, 0);
    return system_failure(error, "write", writer->path);
}

static void writer_stop(axm_writer *writer)
{
    if (writer->descriptor >= 0) {
        close(writer->descriptor);
        (void)unlinkat(writer->directory, writer->temporary, 0);
    }
    if (writer->directory >= 0) close(writer->directory);
}

int32_t axm_writer_open(axm_allocator *allocator, const char *path, axm_writer **out)
{
    size_t length = strlen(path) + 1;
    axm_writer *writer = axm_alloc(allocator, sizeof *writer + length);
    if (writer == NULL) return ACTMAX_ERROR_NO_MEMORY;
    *writer = (axm_writer){.allocator = allocator};
    memcpy(writer->copy, path, length);
    int32_t status = writer_start(writer, writer->copy);
    if (status < 0)
        axm_writer_free(writer);
    else
        *out = writer;
    return status;
}

void axm_writer_free(axm_writer *writer)
{
    if (writer == NULL) return;
    writer_stop(writer);
    axm_free(writer->allocator, writer);
}

int32_t axm_file_write_whole(const char *path, const void *data, size_t size)
{
    axm_writer writer = {.allocator = NULL};
    int32_t status = writer_start(&writer, path);
    if (status >= 0) status = axm_writer_add(&writer, data, size);
    if (status >= 0) status = axm_writer_finish(&writer);
    writer_stop(&writer);
    return status;
}
