/* Zip archives in memory, read only: what a .keras file is. Entries that are stored (as Keras does) are used where they lie. */
#ifndef AXM_LOADERS_KERAS_ARCHIVE_H
#define AXM_LOADERS_KERAS_ARCHIVE_H

#include "base/alloc.h"
#include "base/limits.h"

bool axm_archive_recognises(const uint8_t *data, size_t size);

/* The contents of the entry `name`; *out is NULL when there is none. Compressed ones are unpacked into `keep`, at most
 * limits->file_bytes. */
int32_t axm_archive_read(const uint8_t *data, size_t size, const char *name, const axm_limits *limits, axm_arena *keep,
                         const uint8_t **out, size_t *out_size);

#endif
