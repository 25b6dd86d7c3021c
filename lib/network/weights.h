/* Weights in forms that kernels read: packed or converted once for a model, shared by its sessions, made under a lock and
 * counted against the limit on planned bytes. */
#ifndef AXM_NETWORK_WEIGHTS_H
#define AXM_NETWORK_WEIGHTS_H

#include "base/platform.h"
#include "ops/op.h"

typedef struct axm_weight_entry {
    const void *owner; /* what it was made from: a constant, or a node's parameters */
    const axm_kernels *kernels;
    int32_t kind; /* the operator's: direction and whatever else the format depends on */
    void *data;
    size_t bytes;
    struct axm_weight_entry *next;
} axm_weight_entry;

typedef struct axm_weight_block {
    struct axm_weight_block *next;
} axm_weight_block; /* what it holds follows */

typedef struct axm_weights {
    axm_allocator *allocator;
    axm_mutex *mutex;
    int64_t limit_bytes, bytes;
    const axm_file *file; /* where weights may lie, or NULL */
    axm_weight_entry *buckets[256];
    axm_weight_block *blocks; /* all that entries lie in */
    uint8_t *room;            /* in one of them; left bytes */
    size_t left;
} axm_weights;

int32_t axm_weights_init(axm_weights *weights, axm_allocator *allocator, int64_t limit_bytes);
void axm_weights_free(axm_weights *weights);

typedef void (*axm_weights_fill)(void *context, void *data);
/* The entry of that key, made by fill when there is none yet. */
int32_t axm_weights_get(axm_weights *weights, const void *owner, const axm_kernels *kernels, int32_t kind, size_t bytes,
                        axm_weights_fill fill, void *context, const void **out);

#endif
