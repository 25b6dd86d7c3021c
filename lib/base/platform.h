/* The operating system, in one place (platform_posix.c, platform_posix_threads.c). */
#ifndef AXM_BASE_PLATFORM_H
#define AXM_BASE_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

/* A file's bytes: mapped read-only (private), or read into memory. Unaligned access is the reader's affair. */
typedef struct axm_file {
    const uint8_t *data;
    size_t size;
    axm_allocator *allocator; /* used when `copied` */
    bool copied;
} axm_file;

/* Regular files only, at most max_bytes. copy: read into memory (for files that may change under the reader). */
int32_t axm_file_open(axm_allocator *allocator, const char *path, int64_t max_bytes, bool copy, axm_file *out);
/* The same for `name` beside the file `beside`, for data that a model file points at: a bare relative path; an absolute
 * path, '..', an empty part, a backslash or any symbolic link on the way is refused with ACTMAX_ERROR_FORMAT. */
int32_t axm_file_open_beside(axm_allocator *allocator, const char *beside, const char *name, int64_t max_bytes, bool copy,
                             axm_file *out);
void axm_file_close(axm_file *file);
/* These bytes are not needed soon: where they are mapped, whole pages of them leave memory, and come back when they are read. */
void axm_file_forget(const axm_file *file, const void *data, size_t size);

/* A block of the system's own pages, all zero, in large ones as far as they fit; NULL when there is no memory. */
void *axm_pages_take(size_t size);
void axm_pages_give(void *block, size_t size);

/* Writes to a temporary file beside `path` and renames it: whole or not at all. */
int32_t axm_file_write_whole(const char *path, const void *data, size_t size);
/* The same, piece by piece: nothing is at `path` before finish, which is the last call but free. After a piece that failed, finish
 * fails too. Freed unfinished, it leaves nothing. */
typedef struct axm_writer axm_writer;
int32_t axm_writer_open(axm_allocator *allocator, const char *path, axm_writer **out);
int32_t axm_writer_add(axm_writer *writer, const void *data, size_t size);
int32_t axm_writer_finish(axm_writer *writer);
void axm_writer_free(axm_writer *writer); /* NULL is fine */

double axm_seconds(void); /* monotonic */
int32_t axm_usable_cores(void);

typedef struct axm_mutex axm_mutex;
int32_t axm_mutex_new(axm_allocator *allocator, axm_mutex **out);
void axm_mutex_free(axm_mutex *mutex);
void axm_mutex_lock(axm_mutex *mutex);
void axm_mutex_unlock(axm_mutex *mutex);

typedef struct axm_condition axm_condition;
int32_t axm_condition_new(axm_allocator *allocator, axm_condition **out);
void axm_condition_free(axm_condition *condition);
void axm_condition_wait(axm_condition *condition, axm_mutex *mutex); /* may also return for no reason */
void axm_condition_wake_all(axm_condition *condition);

/* A thread that takes no signals: they stay with the host's threads. */
typedef struct axm_thread axm_thread;
int32_t axm_thread_new(axm_allocator *allocator, void (*run)(void *context), void *context, axm_thread **out);
void axm_thread_join(axm_thread *thread); /* waits for its end and frees it */

#endif
