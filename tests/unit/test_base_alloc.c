/* lib/base: the allocator, its hooks and limit, and the arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"

/* A host whose blocks are aligned to 16 bytes and to no more, and which refuses from call number `fail_at` on. */
typedef struct host {
    int calls;
    int fail_at; /* 0: never */
    int live;
} host;

static void *host_alloc(void *user, size_t bytes)
{
    host *self = user;
    self->calls++;
    if (self->fail_at > 0 && self->calls >= self->fail_at) return NULL;
    char *raw = malloc(bytes + 96);
    if (raw == NULL) return NULL;
    size_t to_aligned = (size_t)(-(uintptr_t)raw & 63);
    char *block = raw + to_aligned + 16; /* never a multiple of 64 */
    memset(block, 0xa5, bytes);
    memcpy(block - sizeof raw, &raw, sizeof raw);
    self->live++;
    return block;
}

static void host_free(void *user, void *pointer)
{
    char *raw;
    memcpy(&raw, (char *)pointer - sizeof raw, sizeof raw);
    ((host *)user)->live--;
    free(raw);
}

static int64_t live_bytes(axm_allocator *allocator)
{
    return atomic_load(&allocator->live_bytes);
}

static int64_t live_blocks(axm_allocator *allocator)
{
    return atomic_load(&allocator->live_blocks);
}

static void exercise(axm_allocator *allocator)
{
    char *blocks[40];
    for (size_t i = 0; i < 40; i++) {
        size_t bytes = i * i * 7;
        blocks[i] = i % 2 ? axm_calloc_array(allocator, i * 7, i) : axm_alloc(allocator, bytes);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % AXM_ALIGNMENT, 0);
        for (size_t k = 0; i % 2 && k < bytes; k++)
            assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], (int)i, bytes);
    }
    assert_int_equal(live_blocks(allocator), 40);
    assert_true(live_bytes(allocator) >= 20540 * 7); /* the sum of squares to 39 is 20540 */
    for (size_t i = 0; i < 40; i++) {
        for (size_t k = 0; k < i * i * 7; k++)
            assert_int_equal(blocks[i][k], (int)i);
        axm_free(allocator, blocks[i]);
    }
    axm_free(allocator, NULL);
    assert_int_equal(live_blocks(allocator), 0);
    assert_int_equal(live_bytes(allocator), 0);
}

static void test_without_hooks(void **state)
{
    (void)state;
    axm_allocator allocator;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    exercise(&allocator);
}

static void test_hooks(void **state)
{
    (void)state;
    host self = {0};
    axm_allocator allocator;
    axm_allocator_init(&allocator, host_alloc, host_free, &self);
    exercise(&allocator);
    assert_int_equal(self.calls, 40);
    assert_int_equal(self.live, 0);
}

static void test_refusal(void **state)
{
    (void)state;
    host self = {.fail_at = 2};
    axm_allocator allocator;
    axm_allocator_init(&allocator, host_alloc, host_free, &self);
    void *block = axm_alloc(&allocator, 100);
    assert_non_null(block);
    int64_t before = live_bytes(&allocator);
    axm_message_clear();
    assert_null(axm_alloc(&allocator, 4321));
    assert_non_null(strstr(axm_message(), "out of memory: 4321 bytes"));
    assert_null(axm_calloc_array(&allocator, 3, 3));
    void *kept = block;
    assert_false(axm_grow_array(&allocator, &block, 100, 200, 1));
    assert_ptr_equal(block, kept);
    assert_int_equal(live_bytes(&allocator), before);
    assert_int_equal(live_blocks(&allocator), 1);
    axm_free(&allocator, block);
    assert_int_equal(self.live, 0);
}

static void test_sizes_that_wrap(void **state)
{
    (void)state;
    host self = {0};
    axm_allocator allocator;
    axm_allocator_init(&allocator, host_alloc, host_free, &self);
    axm_arena arena;
    axm_arena_init(&arena, &allocator);
    volatile size_t half = SIZE_MAX / 2 + 2; /* volatile: compilers warn about such constants */
    assert_null(axm_alloc_array(&allocator, half, 2));
    assert_null(axm_calloc_array(&allocator, half, 2));
    assert_null(axm_alloc(&allocator, half - 2));
    for (size_t less = 0; less < 200; less++) {
        assert_null(axm_alloc(&allocator, SIZE_MAX - less));
        assert_null(axm_arena_alloc(&arena, SIZE_MAX - less));
    }
    assert_null(axm_arena_array(&arena, half, 2));
    assert_null(axm_arena_text(&arena, "", SIZE_MAX));
    void *grown = NULL;
    assert_false(axm_grow_array(&allocator, &grown, 0, half, 2));
    assert_null(grown);
    assert_int_equal(self.calls, 0);
    assert_int_equal(live_bytes(&allocator), 0);
    assert_int_equal(live_blocks(&allocator), 0);
    axm_arena_free(&arena);
}

static void test_limit(void **state)
{
    (void)state;
    axm_allocator allocator;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    allocator.limit_bytes = 10000;
    void *first = axm_alloc(&allocator, 6000);
    assert_non_null(first);
    assert_null(axm_alloc(&allocator, 6000));
    assert_non_null(strstr(axm_message(), "10000"));
    void *second = axm_alloc(&allocator, 3000);
    assert_non_null(second);
    axm_free(&allocator, first);
    first = axm_alloc(&allocator, 6000);
    assert_non_null(first);
    axm_free(&allocator, first);
    axm_free(&allocator, second);
    assert_int_equal(live_bytes(&allocator), 0);
}

static void test_grow(void **state)
{
    (void)state;
    axm_allocator allocator;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    int *numbers = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        if ((size_t)i == capacity) {
            void *pointer = numbers;
            assert_true(axm_grow_array(&allocator, &pointer, capacity, 2 * capacity + 1, sizeof *numbers));
            numbers = pointer;
            capacity = 2 * capacity + 1;
        }
        numbers[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i);
    assert_int_equal(live_blocks(&allocator), 1);
    axm_free(&allocator, numbers);
}

static void test_arena(void **state)
{
    (void)state;
    host self = {0};
    axm_allocator allocator;
    axm_allocator_init(&allocator, host_alloc, host_free, &self);
    axm_arena arena;
    axm_arena_init(&arena, &allocator);
    enum { COUNT = 2000 };
    static unsigned char *pieces[COUNT];
    static size_t sizes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i % 97 == 0 ? i * 31 : i % 53; /* small ones, some of zero bytes, and some larger than a block */
        pieces[i] = axm_arena_alloc(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i & 255), sizes[i]);
    }
    char *text = axm_arena_text(&arena, "conv1/relu", 5);
    assert_string_equal(text, "conv1");
    assert_string_equal(axm_arena_text(&arena, NULL, 0), "");
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], (int)(i & 255));
    assert_true(self.calls < 40); /* few blocks for many pieces */
    axm_arena_free(&arena);
    assert_null(arena.head);
    assert_int_equal(self.live, 0);

    self = (host){.fail_at = 1};
    assert_null(axm_arena_alloc(&arena, 10));
    assert_null(axm_arena_array(&arena, 10, 10000));
    assert_null(axm_arena_text(&arena, "x", 1));
    axm_arena_free(&arena);
}

/* Sizes about those from which blocks are pages of the system. */
static void test_large_blocks(void **state)
{
    static const size_t sizes[] = {((size_t)2 << 20) - 4200, ((size_t)2 << 20) - 4096, (size_t)2 << 20, ((size_t)6 << 20) + 5,
                                   (size_t)33 << 20};
    axm_allocator allocator;
    (void)state;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *zeros = axm_calloc_array(&allocator, sizes[i], 1), *other = axm_alloc(&allocator, sizes[i]);
        assert_non_null(zeros);
        assert_non_null(other);
        assert_int_equal((uintptr_t)other % AXM_ALIGNMENT, 0);
        for (size_t k = 0; k < sizes[i]; k += 509)
            if (zeros[k] != 0) fail_msg("byte %zu of %zu is not 0", k, sizes[i]);
        memset(other, 1, sizes[i]);
        memset(zeros, 2, sizes[i]);
        assert_int_equal(other[sizes[i] - 1], 1);
        axm_free(&allocator, zeros);
        axm_free(&allocator, other);
        assert_int_equal(live_blocks(&allocator), 0);
        assert_int_equal(atomic_load(&allocator.live_bytes), 0);
    }
    assert_null(axm_alloc(&allocator, PTRDIFF_MAX / 2)); /* more than any machine has */
    assert_int_equal(live_blocks(&allocator), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_blocks), cmocka_unit_test(test_without_hooks),   cmocka_unit_test(test_hooks),
        cmocka_unit_test(test_refusal),      cmocka_unit_test(test_sizes_that_wrap), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_grow),         cmocka_unit_test(test_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
