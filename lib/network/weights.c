/* The store of packed and converted weights.
 *
 * Entries live as long as the model. The small ones share blocks, which grow with what there is: large blocks lie in large pages,
 * and a network of many layers is packed without a page fault for each 4 KiB. */
#include "network/weights.h"

#include <string.h>

#include "base/poison.h"
#include "base/status.h"

#define MOST_SHARED ((size_t)16 << 20)
#define LARGE_PAGE  ((size_t)2 << 20)
#define BESIDE      ((size_t)1024) /* the heads: with them a block is whole large pages */
#define HEAD        ((size_t)AXM_ALIGNMENT)

_Static_assert(sizeof(axm_weight_block) <= AXM_ALIGNMENT, "entries are aligned after the head of their block");

int32_t axm_weights_init(axm_weights *weights, axm_allocator *allocator, int64_t limit_bytes)
{
    *weights = (axm_weights){.allocator = allocator, .limit_bytes = limit_bytes};
    return axm_mutex_new(allocator, &weights->mutex);
}

void axm_weights_free(axm_weights *weights)
{
    if (!weights->allocator) return;
    for (size_t b = 0; b < sizeof weights->buckets / sizeof *weights->buckets; ++b) {
        for (axm_weight_entry *entry = weights->buckets[b], *next; entry; entry = next) {
            next = entry->next;
            axm_free(weights->allocator, entry);
        }
    }
    for (axm_weight_block *block = weights->blocks, *next; block; block = next) {
        next = block->next;
        axm_free(weights->allocator, block);
    }
    axm_mutex_free(weights->mutex);
    *weights = (axm_weights){0};
}

static size_t bucket_of(const void *owner, int32_t kind)
{
    uintptr_t key = (uintptr_t)owner;
    key = (key >> 4) * 2654435761u + (uintptr_t)kind * 97u;
    return (key >> 8) & 255u;
}

static uint8_t *new_block(axm_weights *weights, size_t bytes)
{
    axm_weight_block *block = axm_alloc(weights->allocator, HEAD + bytes);
    if (!block) return NULL;
    block->next = weights->blocks;
    weights->blocks = block;
    return (uint8_t *)block + HEAD;
}

/* Room for an entry. Between two entries nothing may be read. */
static void *room_for(axm_weights *weights, size_t bytes)
{
    const size_t taken = (bytes + AXM_ALIGNMENT - 1) / AXM_ALIGNMENT * AXM_ALIGNMENT + AXM_ALIGNMENT;
    if (bytes >= MOST_SHARED - BESIDE || weights->allocator->alloc) return new_block(weights, bytes); /* a host's memory is exact */
    if (taken > weights->left) {
        const size_t half = (size_t)weights->bytes / 2 < MOST_SHARED ? (size_t)weights->bytes / 2 : MOST_SHARED;
        const size_t pages = ((half > taken ? half : taken) + BESIDE) / LARGE_PAGE;
        weights->left = pages > 0 ? (pages + 1) * LARGE_PAGE - BESIDE : taken;
        weights->room = new_block(weights, weights->left);
        if (!weights->room) {
            weights->left = 0;
            return NULL;
        }
        AXM_POISON(weights->room, weights->left);
    }
    uint8_t *room = weights->room;
    weights->room += taken;
    weights->left -= taken;
    AXM_UNPOISON(room, bytes);
    return room;
}

int32_t axm_weights_get(axm_weights *weights, const void *owner, const axm_kernels *kernels, int32_t kind, size_t bytes,
                        axm_weights_fill fill, void *context, const void **out)
{
    axm_weight_entry **bucket = &weights->buckets[bucket_of(owner, kind)];
    axm_weight_entry *entry;
    int32_t status = ACTMAX_OK;
    axm_mutex_lock(weights->mutex);
    for (entry = *bucket; entry; entry = entry->next)
        if (entry->owner == owner && entry->kernels == kernels && entry->kind == kind && entry->bytes == bytes) goto found;
    if ((int64_t)bytes < 0 || weights->bytes + (int64_t)bytes > weights->limit_bytes) {
        status = axm_fail(ACTMAX_ERROR_LIMIT, "packed weights would take more than limit_planned_bytes (%lld)",
                          (long long)weights->limit_bytes);
        goto done;
    }
    entry = axm_alloc(weights->allocator, sizeof *entry);
    void *data = entry ? room_for(weights, bytes) : NULL;
    if (!data) {
        axm_free(weights->allocator, entry);
        status = ACTMAX_ERROR_NO_MEMORY;
        goto done;
    }
    fill(context, data);
    *entry = (axm_weight_entry){owner, kernels, kind, data, bytes, *bucket};
    *bucket = entry;
    weights->bytes += (int64_t)bytes;
found:
    *out = entry->data;
done:
    axm_mutex_unlock(weights->mutex);
    return status;
}
