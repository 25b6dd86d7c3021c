/* What the files of the HDF5 reader share. */
#ifndef AXM_LOADERS_KERAS_HDF5_INTERNAL_H
#define AXM_LOADERS_KERAS_HDF5_INTERNAL_H

#include "loaders/keras/hdf5.h"

/* ---- hdf5_bytes.c: reading without overrunning ---- */

/* A run of bytes. Reading past its end gives zeros and sets `over`, which is looked at once, after the fields are read. */
typedef struct axm_hdf5_cursor {
    const uint8_t *at;
    size_t left;
    bool over;
} axm_hdf5_cursor;

axm_hdf5_cursor axm_hdf5_at(const axm_hdf5 *file, uint64_t address); /* to the end of the file; over when it lies outside */
axm_hdf5_cursor axm_hdf5_span(const axm_hdf5 *file, uint64_t address, uint64_t size);
uint64_t axm_hdf5_take(axm_hdf5_cursor *cursor, unsigned bytes);          /* little-endian, up to 8 bytes */
const uint8_t *axm_hdf5_skip(axm_hdf5_cursor *cursor, uint64_t bytes);    /* NULL when there are fewer */
uint64_t axm_hdf5_address(const axm_hdf5 *file, axm_hdf5_cursor *cursor); /* AXM_HDF5_NONE where the file says "undefined" */
uint64_t axm_hdf5_length(const axm_hdf5 *file, axm_hdf5_cursor *cursor);
bool axm_hdf5_sign(axm_hdf5_cursor *cursor, const char signature[4]); /* skips it; false when another stands there */

int32_t axm_hdf5_damaged(const char *what);
int32_t axm_hdf5_unsupported(const char *what);
/* Counts one structure; a walk in circles comes to an end here. */
int32_t axm_hdf5_step(axm_hdf5 *file);

/* ---- hdf5_header.c: the messages of an object ---- */

enum {
    AXM_HDF5_DATASPACE = 0x01,
    AXM_HDF5_LINK_INFO = 0x02,
    AXM_HDF5_DATATYPE = 0x03,
    AXM_HDF5_FILL_OLD = 0x04,
    AXM_HDF5_FILL = 0x05,
    AXM_HDF5_LINK = 0x06,
    AXM_HDF5_EXTERNAL = 0x07,
    AXM_HDF5_LAYOUT = 0x08,
    AXM_HDF5_FILTERS = 0x0b,
    AXM_HDF5_ATTRIBUTE = 0x0c,
    AXM_HDF5_CONTINUATION = 0x10,
    AXM_HDF5_SYMBOL_TABLE = 0x11,
    AXM_HDF5_ATTRIBUTE_INFO = 0x15,
};

typedef struct axm_hdf5_message {
    unsigned type, flags;
    axm_hdf5_cursor body;
} axm_hdf5_message;

typedef struct axm_hdf5_messages {
    axm_hdf5_message *items;
    size_t count, capacity;
} axm_hdf5_messages;

int32_t axm_hdf5_read_header(axm_hdf5 *file, uint64_t object, axm_hdf5_messages *out);
/* The first message of that type, its sharing resolved; found is false when there is none. */
int32_t axm_hdf5_message_of(axm_hdf5 *file, const axm_hdf5_messages *messages, unsigned type, axm_hdf5_cursor *out, bool *found);
/* A message's body where it may be a reference to another object's (a committed datatype). */
int32_t axm_hdf5_resolve(axm_hdf5 *file, unsigned type, bool shared, axm_hdf5_cursor *body);

/* ---- hdf5_dense.c: B-trees of version 2 and fractal heaps ---- */

typedef int32_t (*axm_hdf5_record)(axm_hdf5 *file, axm_hdf5_cursor record, void *context);
int32_t axm_hdf5_tree2(axm_hdf5 *file, uint64_t address, unsigned type, axm_hdf5_record visit, void *context);

typedef struct axm_hdf5_heap {
    unsigned id_size, offset_bytes, length_bytes, flags, rows;
    uint64_t width, start, most_direct, root, huge_tree;
    bool filtered;
} axm_hdf5_heap;
int32_t axm_hdf5_open_heap(axm_hdf5 *file, uint64_t address, axm_hdf5_heap *out);
int32_t axm_hdf5_heap_object(axm_hdf5 *file, const axm_hdf5_heap *heap, axm_hdf5_cursor id, axm_hdf5_cursor *out);

/* ---- hdf5_type.c: what elements are and how many ---- */

typedef enum axm_hdf5_class { AXM_HDF5_NUMBER, AXM_HDF5_FIXED_TEXT, AXM_HDF5_VARIABLE_TEXT, AXM_HDF5_OTHER } axm_hdf5_class;
typedef struct axm_hdf5_type {
    axm_hdf5_class kind;
    uint32_t size; /* bytes of one element in the file */
    axm_dtype dtype;
    bool known; /* dtype says what it is */
    bool big_endian;
} axm_hdf5_type;

int32_t axm_hdf5_read_type(axm_hdf5_cursor body, axm_hdf5_type *out);
typedef struct axm_hdf5_space {
    axm_shape shape;
    int64_t count;              /* elements; 0 for a null dataspace */
    int64_t most[AXM_MAX_RANK]; /* sizes to which the axes may grow; INT64_MAX: any */
} axm_hdf5_space;
int32_t axm_hdf5_read_space(const axm_hdf5 *file, axm_hdf5_cursor body, axm_hdf5_space *out);

/* ---- hdf5_chunks.c: pieces of a dataset ---- */

#define AXM_HDF5_FILTERS_MOST 8
typedef struct axm_hdf5_filter {
    unsigned id, optional;
    uint32_t first_value; /* of its client data */
} axm_hdf5_filter;

typedef struct axm_hdf5_chunking {
    int32_t rank;
    int64_t shape[AXM_MAX_RANK]; /* of the dataset, in elements */
    int64_t most[AXM_MAX_RANK];
    int64_t chunk[AXM_MAX_RANK]; /* of a chunk */
    uint32_t element;            /* bytes */
    size_t chunk_bytes;
    axm_hdf5_filter filters[AXM_HDF5_FILTERS_MOST];
    int32_t filter_count;
    uint8_t *out;
} axm_hdf5_chunking;

int32_t axm_hdf5_read_filters(axm_hdf5_cursor body, axm_hdf5_chunking *out);
/* Decodes the chunk that starts at `offset` (in elements) into its place. */
int32_t axm_hdf5_place_chunk(axm_hdf5 *file, const axm_hdf5_chunking *chunking, const int64_t *offset, uint64_t address,
                             uint64_t stored, uint32_t mask);
/* hdf5_index.c: finds all chunks. body: a layout message after its class; version 3 or 4 (1 and 2: as 3, body after the rank). */
int32_t axm_hdf5_walk_tree1(axm_hdf5 *file, const axm_hdf5_chunking *chunking, uint64_t address);
int32_t axm_hdf5_walk_index(axm_hdf5 *file, const axm_hdf5_chunking *chunking, unsigned type, unsigned flags, axm_hdf5_cursor body);
/* hdf5_filter.c: undoes the filters of one chunk; `bytes` must come out. */
int32_t axm_hdf5_unfilter(axm_hdf5 *file, const axm_hdf5_chunking *chunking, uint32_t mask, axm_hdf5_cursor stored, uint8_t *out,
                          uint8_t *spare);

#endif
