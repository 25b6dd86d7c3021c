/* Blocks of AXM_ALIGNMENT from hooks that promise less. The block that the hook gave is
 *     | unused | header | the caller's bytes (aligned) | unused |
 * and the header, just before the caller's bytes, says where it began and how large it was. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/platform.h"
#include "base/poison.h"
#include "base/status.h"

typedef struct block_header {
    void *base;
    size_t total; /* bytes asked of the hook */
} block_header;

/* The least that is taken from the system in pages, unless a sanitizer is to watch it. */
#if defined(AXM_ADDRESS_SANITIZER)
#define LARGE_BLOCK SIZE_MAX
#else
#define LARGE_BLOCK (((size_t)2 << 20) - 4096)
#endif
#define OVERHEAD (sizeof(block_header) + AXM_ALIGNMENT - 1)

_Static_assert(AXM_ALIGNMENT % _Alignof(block_header) == 0 && sizeof(block_header) % _Alignof(block_header) == 0,
               "the header before an aligned block must be aligned itself");

void axm_allocator_init(axm_allocator *allocator, actmax_alloc_fn alloc, actmax_free_fn release, void *user)
{
    allocator->alloc = alloc;
    allocator->free = release;
    allocator->user = user;
    allocator->limit_bytes = 0;
    atomic_init(&allocator->live_bytes, 0);
    atomic_init(&allocator->live_blocks, 0);
    atomic_init(&allocator->references, 1);
}

/* Counts the block before it exists, so that threads cannot pass the limit together. */
static bool reserve(axm_allocator *allocator, size_t total)
{
    int_least64_t live = atomic_load_explicit(&allocator->live_bytes, memory_order_relaxed);
    int64_t after = 0;
    do {
        if (!axm_add_i64(live, (int64_t)total, &after)) return false;
        if (allocator->limit_bytes > 0 && after > allocator->limit_bytes) return false;
    } while (
        !atomic_compare_exchange_weak_explicit(&allocator->live_bytes, &live, after, memory_order_relaxed, memory_order_relaxed));
    atomic_fetch_add_explicit(&allocator->live_blocks, 1, memory_order_relaxed);
    return true;
}

static void unreserve(axm_allocator *allocator, size_t total)
{
    atomic_fetch_sub_explicit(&allocator->live_bytes, (int_least64_t)total, memory_order_relaxed);
    atomic_fetch_sub_explicit(&allocator->live_blocks, 1, memory_order_relaxed);
}

/* calloc is used where it can be; fresh pages of the system are zero already. */
static void *take(axm_allocator *allocator, size_t total, bool zeroed)
{
    if (allocator->alloc != NULL) return allocator->alloc(allocator->user, total);
    if (total >= LARGE_BLOCK) return axm_pages_take(total);
    return zeroed ? calloc(1, total) : malloc(total);
}

static void give(axm_allocator *allocator, block_header header)
{
    if (allocator->free != NULL)
        allocator->free(allocator->user, header.base);
    else if (header.total >= LARGE_BLOCK)
        axm_pages_give(header.base, header.total);
    else
        free(header.base);
}

static void *allocate(axm_allocator *allocator, size_t bytes, bool zeroed)
{
    size_t total = 0;
    if (!axm_add_size(bytes, OVERHEAD, &total) || total > PTRDIFF_MAX) {
        axm_no_memory(bytes, "one buffer");
        return NULL;
    }
    if (!reserve(allocator, total)) {
        axm_fail(ACTMAX_ERROR_NO_MEMORY,
                 "out of memory: a buffer of %zu bytes would pass the memory limit of %lld bytes; raise the limit or use a smaller "
                 "image or network",
                 bytes, (long long)allocator->limit_bytes);
        return NULL;
    }
    char *base = take(allocator, total, zeroed);
    if (base == NULL) {
        unreserve(allocator, total);
        axm_no_memory(bytes, "one buffer");
        return NULL;
    }
    size_t to_aligned = (size_t)(-(uintptr_t)(base + sizeof(block_header)) & (AXM_ALIGNMENT - 1));
    char *pointer = base + sizeof(block_header) + to_aligned;
    block_header header = {.base = base, .total = total};
    memcpy(pointer - sizeof header, &header, sizeof header);
    if (zeroed && allocator->alloc != NULL) memset(pointer, 0, bytes);
    AXM_POISON(base, (size_t)(pointer - base));
    AXM_POISON(pointer + bytes, (size_t)(base + total - (pointer + bytes)));
    return pointer;
}

void *axm_alloc(axm_allocator *allocator, size_t bytes)
{
    return allocate(allocator, bytes, false);
}

static void *allocate_array(axm_allocator *allocator, size_t count, size_t size, bool zeroed)
{
    size_t bytes = 0;
    if (!axm_mul_size(count, size, &bytes)) {
        axm_fail(ACTMAX_ERROR_NO_MEMORY, "out of memory: %zu elements of %zu bytes are more than this machine can address", count,
                 size);
        return NULL;
    }
    return allocate(allocator, bytes, zeroed);
}

void *axm_alloc_array(axm_allocator *allocator, size_t count, size_t size)
{
    return allocate_array(allocator, count, size, false);
}

void *axm_calloc_array(axm_allocator *allocator, size_t count, size_t size)
{
    return allocate_array(allocator, count, size, true);
}

bool axm_grow_array(axm_allocator *allocator, void **pointer, size_t old_count, size_t new_count, size_t size)
{
    void *grown = allocate_array(allocator, new_count, size, false);
    if (grown == NULL) return false;
    size_t kept = old_count < new_count ? old_count : new_count;
    if (*pointer != NULL && kept > 0) memcpy(grown, *pointer, kept * size);
    axm_free(allocator, *pointer);
    *pointer = grown;
    return true;
}

void axm_free(axm_allocator *allocator, void *pointer)
{
    if (pointer == NULL) return;
    block_header header;
    char *at = (char *)pointer - sizeof header;
    AXM_UNPOISON(at, sizeof header);
    memcpy(&header, at, sizeof header);
    AXM_UNPOISON(header.base, header.total);
    unreserve(allocator, header.total);
    give(allocator, header);
}
