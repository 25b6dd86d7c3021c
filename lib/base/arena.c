/* The bump arena: blocks in a list; each allocation is cut from the first one, or gets a block of its own. */
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/poison.h"
#include "base/status.h"

#define ARENA_ALIGNMENT 16
#define ARENA_BLOCK     16384 /* bytes for allocations in an ordinary block */
#define ARENA_OWN       4096  /* from this size on, an allocation that does not fit gets its own block */

#if defined(AXM_ADDRESS_SANITIZER)
#define ARENA_GAP ARENA_ALIGNMENT /* poisoned space behind each allocation, so that overruns are seen */
#else
#define ARENA_GAP 0
#endif

struct axm_arena_block {
    axm_arena_block *next;
    size_t capacity;
    size_t used;
    _Alignas(ARENA_ALIGNMENT) char data[];
};

void axm_arena_init(axm_arena *arena, axm_allocator *allocator)
{
    arena->allocator = allocator;
    arena->head = NULL;
}

void axm_arena_free(axm_arena *arena)
{
    while (arena->head != NULL) {
        axm_arena_block *next = arena->head->next;
        AXM_UNPOISON(arena->head->data, arena->head->capacity);
        axm_free(arena->allocator, arena->head);
        arena->head = next;
    }
}

/* A zeroed block. One made for a single large allocation goes second in the list: the first still has room. */
static axm_arena_block *add_block(axm_arena *arena, size_t capacity, bool behind)
{
    size_t bytes = 0;
    if (!axm_add_size(capacity, sizeof(axm_arena_block), &bytes)) {
        axm_no_memory(capacity, "one entry of the network's description");
        return NULL;
    }
    axm_arena_block *block = axm_calloc_array(arena->allocator, bytes, 1);
    if (block == NULL) return NULL;
    block->capacity = capacity;
    AXM_POISON(block->data, capacity);
    if (behind && arena->head != NULL) {
        block->next = arena->head->next;
        arena->head->next = block;
    } else {
        block->next = arena->head;
        arena->head = block;
    }
    return block;
}

void *axm_arena_alloc(axm_arena *arena, size_t bytes)
{
    size_t padded = 0;
    if (!axm_add_size(bytes, ARENA_ALIGNMENT - 1 + ARENA_GAP, &padded)) {
        axm_no_memory(bytes, "one entry of the network's description");
        return NULL;
    }
    padded &= ~(size_t)(ARENA_ALIGNMENT - 1);
    axm_arena_block *block = arena->head;
    if (block == NULL || padded > block->capacity - block->used) {
        bool own = padded >= ARENA_OWN;
        block = add_block(arena, own ? padded : ARENA_BLOCK, own);
        if (block == NULL) return NULL;
    }
    void *pointer = block->data + block->used;
    block->used += padded;
    AXM_UNPOISON(pointer, bytes);
    return pointer;
}

void *axm_arena_array(axm_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (!axm_mul_size(count, size, &bytes)) {
        axm_fail(ACTMAX_ERROR_NO_MEMORY, "out of memory: %zu elements of %zu bytes are more than this machine can address", count,
                 size);
        return NULL;
    }
    return axm_arena_alloc(arena, bytes);
}

char *axm_arena_text(axm_arena *arena, const char *text, size_t length)
{
    size_t bytes = 0;
    if (!axm_add_size(length, 1, &bytes)) {
        axm_no_memory(length, "one name");
        return NULL;
    }
    char *copy = axm_arena_alloc(arena, bytes);
    if (copy == NULL) return NULL;
    if (length > 0) memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}
