/* Every allocation of the library passes here: host hooks, an optional ceiling, and a count of what is live. */
#ifndef AXM_BASE_ALLOC_H
#define AXM_BASE_ALLOC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actmax.h"

#define AXM_ALIGNMENT 64 /* of every block returned below: one cache line, one AVX-512 vector */

/* Shared by the handles made with it (reference counted by the api room). alloc/free must be thread-safe. */
typedef struct axm_allocator {
    actmax_alloc_fn alloc; /* NULL: malloc */
    actmax_free_fn free;   /* NULL: free */
    void *user;
    int64_t limit_bytes; /* 0: none; live bytes above it fail as out of memory */
    atomic_int_least64_t live_bytes;
    atomic_int_least64_t live_blocks;
    atomic_int_least32_t references;
} axm_allocator;

void axm_allocator_init(axm_allocator *allocator, actmax_alloc_fn alloc, actmax_free_fn free, void *user);

/* NULL on failure, with this thread's message set (status ACTMAX_ERROR_NO_MEMORY). Zero bytes give a valid block.
 * Contents are undefined; the zeroed forms are zero. count*size is checked for overflow. */
void *axm_alloc(axm_allocator *allocator, size_t bytes);
void *axm_alloc_array(axm_allocator *allocator, size_t count, size_t size);
void *axm_calloc_array(axm_allocator *allocator, size_t count, size_t size);
/* Grows `*pointer` (NULL allowed) from old_count to new_count elements, keeping contents. False on failure, *pointer untouched. */
bool axm_grow_array(axm_allocator *allocator, void **pointer, size_t old_count, size_t new_count, size_t size);
void axm_free(axm_allocator *allocator, void *pointer); /* NULL is fine */

/* A bump arena for many small things with one lifetime (a graph's nodes and names). Freed at once. */
typedef struct axm_arena_block axm_arena_block;
typedef struct axm_arena {
    axm_allocator *allocator;
    axm_arena_block *head;
} axm_arena;

void axm_arena_init(axm_arena *arena, axm_allocator *allocator);
void axm_arena_free(axm_arena *arena);
void *axm_arena_alloc(axm_arena *arena, size_t bytes);                   /* 16-byte aligned, zeroed */
void *axm_arena_array(axm_arena *arena, size_t count, size_t size);      /* checked, zeroed */
char *axm_arena_text(axm_arena *arena, const char *text, size_t length); /* NUL-terminated copy */

#endif
