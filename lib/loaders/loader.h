/* A file format: recognises its bytes and hands the network to a builder. */
#ifndef AXM_LOADERS_LOADER_H
#define AXM_LOADERS_LOADER_H

#include "base/files.h"
#include "loaders/activations.h"
#include "network/builder.h"

/* Bytes that stand beside a model loaded from memory. */
typedef struct axm_external_data {
    const char *location;
    const void *data;
    size_t size;
} axm_external_data;

typedef struct axm_loader_source {
    const uint8_t *data; /* the whole file; outlives the graph */
    size_t size;
    const char *path; /* NULL: from memory */
    bool copy;        /* read further files into memory instead of mapping them */
    bool allow_external;
    const axm_external_data *external; /* for a load from memory */
    size_t external_count;
    const uint8_t *weights; /* the file that the option "weights" names, as long-lived as data; NULL: none */
    size_t weights_size;
    const char *end; /* name of a node or value; what it does not need is left out. "": the file's outputs are the ends */
    axm_activations *activations; /* what the loader takes instead of the file's; it marks what it found; may be NULL */
    axm_allocator *allocator;
    axm_files *files; /* that the loader opened; they live with the model */
} axm_loader_source;

typedef struct axm_loader {
    const char *name; /* "onnx" */
    bool (*recognises)(const uint8_t *data, size_t size, const char *path);
    int32_t (*load)(const axm_loader_source *source, axm_builder *builder);
} axm_loader;

extern const axm_loader axm_loader_onnx;
extern const axm_loader axm_loader_keras;

#endif
