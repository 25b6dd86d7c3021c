/* HDF5 files, read only and from memory: as much of the format as Keras and h5py write. Nothing in a file is believed: every
 * address, size and count is checked, walks are bounded, and what is decoded is bounded by the size of the file.
 * Format: "HDF5 File Format Specification Version 3.0" (The HDF Group). */
#ifndef AXM_LOADERS_KERAS_HDF5_H
#define AXM_LOADERS_KERAS_HDF5_H

#include "base/alloc.h"
#include "base/limits.h"
#include "network/builder.h"

typedef struct axm_hdf5 {
    const uint8_t *data; /* from the base address on */
    size_t size;
    axm_arena *arena; /* of lists, names and texts; must outlive them */
    const axm_limits *limits;
    unsigned offset_size, length_size; /* bytes of an address and of a length in this file */
    uint64_t root;
    int64_t steps;   /* structures that may still be looked at, in all */
    uint64_t decode; /* bytes that may still be decoded, in all */
} axm_hdf5;

/* An object is the address of its header. */
#define AXM_HDF5_NONE UINT64_MAX

bool axm_hdf5_recognises(const uint8_t *data, size_t size);
int32_t axm_hdf5_open(const uint8_t *data, size_t size, const axm_limits *limits, axm_arena *arena, axm_hdf5 *out);

typedef struct axm_hdf5_link {
    const char *name;
    uint64_t object;  /* AXM_HDF5_NONE: a soft or external link */
    const char *soft; /* path of a soft link, else NULL */
} axm_hdf5_link;

typedef struct axm_hdf5_links {
    axm_hdf5_link *items;
    size_t count, capacity;
} axm_hdf5_links;

/* The members of a group in the order of the file's index; an object that is no group has none. */
int32_t axm_hdf5_list(axm_hdf5 *file, uint64_t group, axm_hdf5_links *out);
/* The object at `path` ("a/b", from `from` on; "/" at the start: from the root on); AXM_HDF5_NONE when there is none. */
int32_t axm_hdf5_find(axm_hdf5 *file, uint64_t from, const char *path, uint64_t *out);

/* Texts of an attribute: fixed or variable strings, one or several. found is false when there is no such attribute. */
typedef struct axm_hdf5_text {
    const char *text; /* NUL-terminated; a text in the file may hold further NULs, which length tells */
    size_t length;
} axm_hdf5_text;
typedef struct axm_hdf5_texts {
    bool found;
    axm_hdf5_text *items;
    size_t count;
} axm_hdf5_texts;
int32_t axm_hdf5_attribute_texts(axm_hdf5 *file, uint64_t object, const char *name, axm_hdf5_texts *out);

/* The numbers of a dataset, or of an attribute, in row-major order. They stay in the file where they lie there in one piece and in
 * this machine's order, else they are decoded into `keep`. label: for messages. */
int32_t axm_hdf5_dataset(axm_hdf5 *file, uint64_t object, const char *label, axm_arena *keep, axm_constant *out);

#endif
