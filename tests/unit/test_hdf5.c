/* The HDF5 reader against h5py: files with every storage, index, filter and kind of group (tests/golden/make_hdf5_goldens.py); then
 * the same files cut short and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/archive.h"
#include "loaders/keras/hdf5.h"

typedef struct opened {
    axm_allocator allocator;
    axm_arena arena, keep;
    axm_limits limits;
    uint8_t *zip;
    size_t zip_size;
    const uint8_t *data;
    size_t size;
    axm_hdf5 file;
} opened;

static uint8_t *read_file(const char *name, size_t *size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/keras/%s", ACTMAX_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size + 1);
    assert_int_equal(fread(data, 1, *size, file), *size);
    data[*size] = 0;
    fclose(file);
    return data;
}

static void start(opened *o)
{
    memset(o, 0, sizeof *o);
    axm_allocator_init(&o->allocator, NULL, NULL, NULL);
    axm_arena_init(&o->arena, &o->allocator);
    axm_arena_init(&o->keep, &o->allocator);
    o->limits = axm_limits_default();
}

static void take_member(opened *o, const char *name)
{
    start(o);
    o->zip = read_file("hdf5.zip", &o->zip_size);
    if (axm_archive_read(o->zip, o->zip_size, name, &o->limits, &o->keep, &o->data, &o->size) < 0) fail_msg("%s", axm_message());
    assert_non_null(o->data);
}

static void finish(opened *o)
{
    axm_arena_free(&o->arena);
    axm_arena_free(&o->keep);
    assert_int_equal(atomic_load(&o->allocator.live_blocks), 0);
    free(o->zip);
}

#define FNV_START 0xcbf29ce484222325u

static uint64_t fnv(uint64_t hash, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t object_at(opened *o, const char *path)
{
    uint64_t object;
    if (axm_hdf5_find(&o->file, o->file.root, path, &object) < 0) fail_msg("%s: %s", path, axm_message());
    if (object == AXM_HDF5_NONE) fail_msg("%s is not found", path);
    return object;
}

/* ---- Against h5py ---- */

static void check_data(opened *o, const char *path, const char *rest)
{
    char type[16], dims[64], wanted[AXM_SHAPE_TEXT] = "";
    uint64_t hash;
    axm_constant found;
    assert_int_equal(sscanf(rest, "%15s %63s %" SCNx64, type, dims, &hash), 3);
    if (axm_hdf5_dataset(&o->file, object_at(o, path), path, &o->keep, &found) < 0) fail_msg("%s: %s", path, axm_message());
    assert_string_equal(axm_dtype_name(found.dtype), type);
    for (int32_t i = 0; i < found.shape.rank; i++)
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%" PRId64, i ? "x" : "", found.shape.dim[i]);
    assert_string_equal(found.shape.rank ? wanted : "scalar", dims);
    if (fnv(FNV_START, found.data, found.bytes) != hash) fail_msg("%s: other values", path);
}

static void check_texts(opened *o, const char *path, const char *rest)
{
    char name[64];
    long count;
    uint64_t hash, own = FNV_START;
    axm_hdf5_texts found;
    assert_int_equal(sscanf(rest, "%63s %ld %" SCNx64, name, &count, &hash), 3);
    if (axm_hdf5_attribute_texts(&o->file, object_at(o, path), name, &found) < 0) fail_msg("%s %s: %s", path, name, axm_message());
    assert_true(found.found);
    assert_int_equal(found.count, count);
    for (size_t i = 0; i < found.count; i++)
        own = fnv(own, found.items[i].text, found.items[i].length + 1);
    if (own != hash) fail_msg("%s: attribute %s has other texts", path, name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const axm_hdf5_link *)a)->name, ((const axm_hdf5_link *)b)->name);
}

static void check_list(opened *o, const char *path, const char *rest)
{
    long count;
    uint64_t hash, own = FNV_START;
    axm_hdf5_links found;
    assert_int_equal(sscanf(rest, "%ld %" SCNx64, &count, &hash), 2);
    if (axm_hdf5_list(&o->file, object_at(o, path), &found) < 0) fail_msg("%s: %s", path, axm_message());
    assert_int_equal(found.count, count);
    if (count) qsort(found.items, found.count, sizeof *found.items, by_name);
    for (size_t i = 0; i < found.count; i++)
        own = fnv(own, found.items[i].name, strlen(found.items[i].name) + 1);
    if (own != hash) fail_msg("%s has other members", path);
}

static void check_file(const char *name, int expected_lines)
{
    size_t size;
    opened o;
    char *listing = (char *)read_file("hdf5.txt", &size);
    int seen = 0;
    take_member(&o, name);
    if (axm_hdf5_open(o.data, o.size, &o.limits, &o.arena, &o.file) < 0) fail_msg("%s: %s", name, axm_message());
    for (char *line = listing, *end; *line; line = end + 1) {
        char kind[8], file[32], path[64];
        int at = 0;
        end = strchr(line, '\n');
        *end = '\0';
        assert_int_equal(sscanf(line, "%7s %31s %63s %n", kind, file, path, &at), 3);
        if (strcmp(file, name) != 0) continue;
        seen++;
        (*kind == 'd' ? check_data : *kind == 't' ? check_texts : check_list)(&o, path, line + at);
    }
    free(listing);
    assert_true(seen >= expected_lines);
    finish(&o);
}

static void test_earliest(void **state)
{
    (void)state;
    check_file("earliest.h5", 64);
}

static void test_latest(void **state)
{
    (void)state;
    check_file("latest.h5", 120);
    check_file("v110.h5", 15);
}

static void test_others(void **state)
{
    (void)state;
    check_file("ordered.h5", 20);
    check_file("userblock.h5", 10);
    check_file("narrow.h5", 9);
}

/* Weights that lie in one piece are not copied. */
static void test_mapped(void **state)
{
    (void)state;
    opened o;
    axm_constant found;
    take_member(&o, "earliest.h5");
    assert_int_equal(axm_hdf5_open(o.data, o.size, &o.limits, &o.arena, &o.file), ACTMAX_OK);
    assert_int_equal(axm_hdf5_dataset(&o.file, object_at(&o, "/storages/contiguous"), "x", &o.keep, &found), ACTMAX_OK);
    assert_true((const uint8_t *)found.data >= o.data && (const uint8_t *)found.data + found.bytes <= o.data + o.size);
    finish(&o);
}

static void test_absent(void **state)
{
    (void)state;
    opened o;
    uint64_t object;
    axm_hdf5_texts texts;
    axm_constant constant;
    take_member(&o, "latest.h5");
    assert_int_equal(axm_hdf5_open(o.data, o.size, &o.limits, &o.arena, &o.file), ACTMAX_OK);
    static const char *const paths[] = {"nothing", "/storages/gzip/deeper", "dangling", "elsewhere", "many/layer_000_x"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(axm_hdf5_find(&o.file, o.file.root, paths[i], &object), ACTMAX_OK);
        assert_true(object == AXM_HDF5_NONE);
    }
    assert_int_equal(axm_hdf5_attribute_texts(&o.file, o.file.root, "variabl", &texts), ACTMAX_OK);
    assert_false(texts.found);
    assert_int_equal(axm_hdf5_dataset(&o.file, object_at(&o, "many"), "many", &o.keep, &constant), ACTMAX_ERROR_FORMAT);
    assert_non_null(strstr(axm_message(), "weight 'many'"));
    finish(&o);
}

/* ---- Damage ---- */

/* Looks at whatever can be reached. Failures are expected; crashes and endless walks are not. */
static void crawl(opened *o, uint64_t object, int depth)
{
    static const char *const names[] = {"variable", "several_variable", "fixed", "attribute_07", "huge"};
    axm_hdf5_links links;
    axm_hdf5_texts texts;
    axm_constant constant;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        axm_hdf5_attribute_texts(&o->file, object, names[i], &texts);
    if (axm_hdf5_dataset(&o->file, object, "x", &o->keep, &constant) >= 0 && constant.bytes)
        fnv(FNV_START, constant.data, constant.bytes);
    if (depth > 4 || axm_hdf5_list(&o->file, object, &links) < 0) return;
    for (size_t i = 0; i < links.count && i < 60; i++)
        if (links.items[i].object != AXM_HDF5_NONE) crawl(o, links.items[i].object, depth + 1);
}

/* The bytes end where their block ends, so that a sanitizer sees any step beyond. */
static void try_bytes(const uint8_t *data, size_t size)
{
    opened o;
    start(&o);
    o.allocator.limit_bytes = (int64_t)64 << 20;
    uint8_t *block = malloc(size ? size : 1);
    if (size) memcpy(block, data, size);
    if (axm_hdf5_open(block, size, &o.limits, &o.arena, &o.file) >= 0) {
        o.file.steps = 200000; /* a thousand files are tried */
        crawl(&o, o.file.root, 0);
    }
    free(block);
    finish(&o);
}

static void test_truncation(void **state)
{
    (void)state;
    opened o;
    take_member(&o, "ordered.h5");
    for (size_t size = 0; size < o.size; size++)
        try_bytes(o.data, size);
    axm_arena_free(&o.keep);
    axm_archive_read(o.zip, o.zip_size, "narrow.h5", &o.limits, &o.keep, &o.data, &o.size);
    for (size_t size = 0; size < o.size; size++)
        try_bytes(o.data, size);
    finish(&o);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void flip(const char *name, int rounds, uint64_t seed)
{
    opened o;
    take_member(&o, name);
    uint8_t *copy = malloc(o.size);
    for (int round = 0; round < rounds; round++) {
        memcpy(copy, o.data, o.size);
        for (uint64_t n = next_random(&seed) % 12 + 1; n > 0; n--) {
            size_t at = (size_t)(next_random(&seed) % o.size);
            static const uint8_t kinds[] = {0x00, 0xff, 0x01, 0x7f, 0x80};
            uint64_t kind = next_random(&seed) % 8;
            copy[at] = kind < 5 ? kinds[kind] : (uint8_t)next_random(&seed);
        }
        try_bytes(copy, o.size);
    }
    free(copy);
    finish(&o);
}

static void test_flips(void **state)
{
    (void)state;
    flip("ordered.h5", 600, 11);
    flip("narrow.h5", 600, 12);
    flip("userblock.h5", 300, 13);
    flip("earliest.h5", 60, 14);
    flip("latest.h5", 60, 15);
}

/* A group that holds itself, a B-tree node that is its own child, and an object header that goes on where it began. */
static void test_circles(void **state)
{
    (void)state;
    opened o;
    axm_hdf5_links links;
    take_member(&o, "userblock.h5");
    uint8_t *copy = malloc(o.size);
    memcpy(copy, o.data, o.size);
    assert_int_equal(axm_hdf5_open(copy, o.size, &o.limits, &o.arena, &o.file), ACTMAX_OK);
    for (size_t at = 1024; at + 32 < o.size; at += 8) { /* every tree: its first child is itself, one level up */
        if (memcmp(copy + at, "TREE", 4) != 0) continue;
        uint64_t own = at - 1024;
        copy[at + 5] = 1;
        memcpy(copy + at + 32, &own, 8);
    }
    assert_true(axm_hdf5_list(&o.file, o.file.root, &links) < 0);
    memcpy(copy, o.data, o.size);
    for (size_t at = 1024; at + 16 < o.size; at += 8) { /* every first message: a continuation to its own block */
        uint64_t place[2] = {at - 1024, 32};
        if (copy[at] != 1 || copy[at + 1] != 0 || copy[at + 8] == 0) continue;
        copy[at + 16] = 0x10;
        memcpy(copy + at + 24, place, 16);
    }
    assert_true(axm_hdf5_list(&o.file, o.file.root, &links) < 0);
    free(copy);
    finish(&o);
}

static void test_other_files(void **state)
{
    (void)state;
    opened o;
    start(&o);
    static const uint8_t not_hdf5[64] = "\x08\x07\x12\x07pytorch";
    assert_int_equal(axm_hdf5_open(not_hdf5, sizeof not_hdf5, &o.limits, &o.arena, &o.file), ACTMAX_ERROR_FORMAT);
    assert_false(axm_hdf5_recognises(not_hdf5, 0));
    finish(&o);
    take_member(&o, "latest.h5");
    assert_int_equal(axm_hdf5_open(o.data, o.size - 100, &o.limits, &o.arena, &o.file), ACTMAX_ERROR_FORMAT);
    assert_non_null(strstr(axm_message(), "cut short"));
    finish(&o);
}

/* ---- Zip ---- */

static void try_zip(const uint8_t *data, size_t size)
{
    opened o;
    start(&o);
    o.limits.file_bytes = (int64_t)16 << 20;
    uint8_t *block = malloc(size ? size : 1);
    if (size) memcpy(block, data, size);
    axm_archive_read(block, size, "narrow.h5", &o.limits, &o.keep, &o.data, &o.size);
    free(block);
    finish(&o);
}

static void test_zip_damage(void **state)
{
    (void)state;
    size_t size;
    uint64_t seed = 99;
    uint8_t *zip = read_file("hdf5.zip", &size);
    for (size_t cut = 0; cut < size; cut += cut + 700 < size ? 97 : 1)
        try_zip(zip, cut);
    for (int round = 0; round < 2000; round++) {
        uint8_t kept[4];
        size_t at[4];
        for (int i = 0; i < 4; i++) { /* most of them in the directory */
            at[i] = (size_t)(next_random(&seed) % (i < 3 ? 400 : size));
            at[i] = i < 3 ? size - 1 - at[i] : at[i];
            kept[i] = zip[at[i]];
            zip[at[i]] = (uint8_t)next_random(&seed);
        }
        try_zip(zip, size);
        for (int i = 3; i >= 0; i--)
            zip[at[i]] = kept[i];
    }
    free(zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_earliest),   cmocka_unit_test(test_latest), cmocka_unit_test(test_others),
        cmocka_unit_test(test_mapped),     cmocka_unit_test(test_absent), cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_truncation), cmocka_unit_test(test_flips),  cmocka_unit_test(test_circles),
        cmocka_unit_test(test_zip_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
