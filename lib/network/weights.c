/* The store of packed and converted weights. */
#include "network/weights.h"

#include <string.h>

#include "base/status.h"

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
            axm_free(weights->allocator, entry->data);
            axm_free(weights->allocator, entry);
        }
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
    void *data = entry ? axm_alloc(weights->allocator, bytes) : NULL;
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
