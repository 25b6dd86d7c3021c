/* Damaged and malicious ONNX files: any bytes give a status, with bounded memory and time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actmax.h"
#include "onnx_meter.h"
#include "onnx_network.h"
#include "onnx_write.h"

static uint8_t *golden(const char *file, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", ACTMAX_TEST_DATA, file);
    uint8_t *data = onnx_read_file(path, size);
    assert_non_null(data);
    return data;
}

/* ---- Damage ---- */

static void test_cut_off_at_every_byte(void **state)
{
    size_t size;
    uint8_t *data = golden("onnx/torch_dynamo.onnx", &size);
    (void)state;
    for (size_t end = 0; end < size; end++)
        if (onnx_load_metered(data, end, 16 * MEBIBYTE) >= 0) fail_msg("a file cut off at byte %zu of %zu was loaded", end, size);
    free(data);
}

/* SplitMix64 */
static uint64_t next_number(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void flip(const uint8_t *data, size_t size, int rounds, int most, uint64_t seed, int *loaded)
{
    uint8_t *damaged = malloc(size);
    for (int round = 0; round < rounds; round++) {
        memcpy(damaged, data, size);
        int count = 1 + (int)(next_number(&seed) % (uint64_t)most);
        for (int i = 0; i < count; i++) {
            size_t at = (size_t)(next_number(&seed) % size);
            if (next_number(&seed) & 1)
                damaged[at] ^= (uint8_t)(1u << (next_number(&seed) % 8));
            else
                damaged[at] = (uint8_t)next_number(&seed);
        }
        *loaded += onnx_load_metered(damaged, size, 256 * MEBIBYTE) >= 0;
    }
    free(damaged);
}

/* Each model of a container in turn, some bytes of it changed. */
static void flip_container(const char *file, int rounds)
{
    onnx_container container;
    uint64_t seed = 1;
    int loaded = 0;
    onnx_open(&container, file);
    for (const onnx_case *c; (c = onnx_next(&container)) != NULL;)
        flip(c->model, c->model_size, rounds, 3, seed++, &loaded);
    onnx_close(&container);
    assert_true(loaded > 0); /* many changes do no harm: those of a weight, of a name */
}

static void test_flipped_bytes(void **state)
{
    (void)state;
    flip_container("onnx/rules.bin", 60);
    flip_container("onnx/operators.bin", 8);
    flip_container("onnx/refusals.bin", 30);
}

static void test_flipped_bytes_of_networks(void **state)
{
    size_t size;
    int loaded = 0;
    (void)state;
    uint8_t *data = golden("onnx/torch_script.onnx", &size);
    flip(data, size, 1500, 4, 7, &loaded);
    free(data);
    data = golden("onnx/torch_dynamo.onnx", &size);
    flip(data, size, 1500, 4, 8, &loaded);
    free(data);
}

static void test_random_bytes(void **state)
{
    uint64_t seed = 5;
    uint8_t data[300];
    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t size = (size_t)(next_number(&seed) % sizeof data);
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)next_number(&seed);
        if (size > 3) memcpy(data, "\x08\x08\x3a", 3); /* so that it is read as a model */
        assert_true(onnx_load_metered(data, size, 16 * MEBIBYTE) < 0);
    }
}

/* ---- Lengths and numbers that lie ---- */

static void refuse(onnx_writer *file, int32_t status, const char *word, size_t ceiling)
{
    int32_t got = onnx_load_metered(file->data, file->size, ceiling);
    if (got != status || !strstr(actmax_message(), word))
        fail_msg("%s instead of %s and '%s': %s", actmax_status_name(got), actmax_status_name(status), word, actmax_message());
    free(file->data);
    *file = (onnx_writer){0};
}

static void test_lengths(void **state)
{
    static const uint64_t lengths[] = {2, 127, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, UINT64_MAX};
    static const uint32_t fields[] = {GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, 2, 99};
    (void)state;
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            onnx_writer file = {0};
            size_t graph = begin_model(&file);
            write_node(&file, "Relu", "x", "y");
            write_tag(&file, fields[f], 2);
            write_varint(&file, lengths[i]);
            write_bytes(&file, "\x08", 1);
            end_model(&file, graph);
            refuse(&file, ACTMAX_ERROR_FORMAT, "", MEBIBYTE);
        }
    }
}

static void test_wire_types(void **state)
{
    (void)state;
    for (uint32_t field = 0; field <= 20; field++) {
        for (uint32_t type = 0; type <= 7; type++) {
            onnx_writer file = {0};
            size_t graph = begin_model(&file);
            write_node(&file, "Relu", "x", "y");
            write_tag(&file, field, type);
            write_bytes(&file, "\x01\x01\x01\x01\x01\x01\x01\x01", 8);
            end_model(&file, graph);
            onnx_load_metered(file.data, file.size, MEBIBYTE);
            free(file.data);
        }
    }
    onnx_writer file = {0}; /* a number that never ends */
    write_number(&file, MODEL_IR, 8);
    write_tag(&file, MODEL_OPSET, 0);
    write_bytes(&file, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    refuse(&file, ACTMAX_ERROR_FORMAT, "", MEBIBYTE);
}

/* An Add of a weight whose sizes are `dims` and whose data are `bytes` zeros. */
static void write_weight(onnx_writer *file, const int64_t *dims, size_t rank, uint64_t type, size_t bytes)
{
    size_t graph = begin_model(file), tensor = begin_message(file, GRAPH_INITIALIZER);
    uint8_t *zeros = calloc(bytes + 1, 1);
    for (size_t i = 0; i < rank; i++)
        write_number(file, TENSOR_DIMS, (uint64_t)dims[i]);
    write_number(file, TENSOR_TYPE, type);
    write_text(file, TENSOR_NAME, "w");
    write_blob(file, TENSOR_RAW, zeros, bytes);
    end_message(file, tensor);
    write_node(file, "Add", "x w", "y");
    end_model(file, graph);
    free(zeros);
}

static void test_sizes(void **state)
{
    onnx_writer file = {0};
    (void)state;
    write_weight(&file, (int64_t[]){-1, 4}, 2, 1, 16);
    refuse(&file, ACTMAX_ERROR_FORMAT, "negative", MEBIBYTE);
    write_weight(&file, (int64_t[]){INT64_MAX, 2}, 2, 1, 8);
    refuse(&file, ACTMAX_ERROR_LIMIT, "limit_tensor_elements", MEBIBYTE);
    write_weight(&file, (int64_t[]){1 << 20, 1 << 20, 1 << 24}, 3, 1, 0); /* 2^64 elements: 0 when it wraps */
    refuse(&file, ACTMAX_ERROR_LIMIT, "limit_tensor_elements", MEBIBYTE);
    write_weight(&file, (int64_t[]){1 << 29, 4}, 2, 1, 0);
    refuse(&file, ACTMAX_ERROR_LIMIT, "limit_tensor_elements", MEBIBYTE);
    write_weight(&file, (int64_t[]){1 << 29, 3}, 2, 1, 12);
    refuse(&file, ACTMAX_ERROR_FORMAT, "12 bytes", MEBIBYTE);
    write_weight(&file, (int64_t[]){INT64_MAX, INT64_MAX, 0}, 3, 1, 0); /* empty */
    assert_true(onnx_load_metered(file.data, file.size, MEBIBYTE) < 0);
    free(file.data);
    file = (onnx_writer){0};
    write_weight(&file, (int64_t[]){1}, 1, UINT64_MAX, 4);
    refuse(&file, ACTMAX_ERROR_UNSUPPORTED, "type", MEBIBYTE);
}

/* Rank, as many numbers as the file has bytes. */
static void test_many_numbers(void **state)
{
    onnx_writer file = {0};
    (void)state;
    size_t graph = begin_model(&file), tensor = begin_message(&file, GRAPH_INITIALIZER);
    uint8_t *ones = malloc(MEBIBYTE);
    memset(ones, 1, MEBIBYTE);
    write_blob(&file, TENSOR_DIMS, ones, MEBIBYTE);
    write_text(&file, TENSOR_NAME, "w");
    write_number(&file, TENSOR_TYPE, 1);
    end_message(&file, tensor);
    write_node(&file, "Add", "x w", "y");
    end_model(&file, graph);
    free(ones);
    refuse(&file, ACTMAX_ERROR_LIMIT, "axes", 20 * MEBIBYTE);
}

/* Protobuf would take the last; which one others take can't be known. */
static void test_fields_that_occur_twice(void **state)
{
    onnx_writer file = {0};
    (void)state;
    size_t graph = begin_model(&file);
    write_node(&file, "Relu", "x", "y");
    end_model(&file, graph);
    graph = begin_message(&file, MODEL_GRAPH);
    write_node(&file, "Tanh", "x", "y");
    end_message(&file, graph);
    refuse(&file, ACTMAX_ERROR_FORMAT, "twice", MEBIBYTE);
}

static void test_limit_of_numbers(void **state)
{
    uint8_t ones[2000];
    onnx_writer file = {0};
    actmax_recipe *recipe;
    actmax_model *model = NULL;
    (void)state;
    memset(ones, 1, sizeof ones);
    size_t graph = begin_model(&file), tensor = begin_message(&file, GRAPH_INITIALIZER);
    write_number(&file, TENSOR_DIMS, 1);
    write_number(&file, TENSOR_TYPE, 7);
    write_text(&file, TENSOR_NAME, "w");
    write_blob(&file, TENSOR_INT64S, ones, sizeof ones);
    end_message(&file, tensor);
    write_node(&file, "Reshape", "x w", "y");
    end_model(&file, graph);
    assert_int_equal(actmax_recipe_new(&recipe), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_number(recipe, "limit_tensor_elements", 1999), ACTMAX_OK);
    assert_int_equal(actmax_model_load_memory(file.data, file.size, recipe, &model), ACTMAX_ERROR_LIMIT);
    assert_non_null(strstr(actmax_message(), "a list of numbers"));
    assert_non_null(strstr(actmax_message(), "1999"));
    assert_int_equal(actmax_recipe_set_number(recipe, "limit_tensor_elements", 2000), ACTMAX_OK);
    assert_int_equal(actmax_model_load_memory(file.data, file.size, recipe, &model), ACTMAX_ERROR_FORMAT); /* 1 is needed */
    assert_null(model);
    actmax_recipe_free(recipe);
    free(file.data);
}

static void test_many_parts(void **state)
{
    onnx_writer file = {0};
    (void)state;
    size_t graph = begin_model(&file); /* more nodes than limit_nodes */
    for (int i = 0; i < 100001; i++)
        write_blob(&file, GRAPH_NODE, "", 0);
    end_model(&file, graph);
    refuse(&file, ACTMAX_ERROR_LIMIT, "limit_nodes", 64 * MEBIBYTE);

    graph = begin_model(&file); /* one node with very many inputs */
    size_t node = begin_message(&file, GRAPH_NODE);
    for (int i = 0; i < 200000; i++)
        write_text(&file, NODE_INPUT, "x");
    write_text(&file, NODE_OUTPUT, "y");
    write_text(&file, NODE_OP, "Concat");
    end_message(&file, node);
    end_model(&file, graph);
    onnx_load_metered(file.data, file.size, 64 * MEBIBYTE);
    free(file.data);
    file = (onnx_writer){0};

    graph = begin_model(&file); /* very many attributes */
    node = begin_message(&file, GRAPH_NODE);
    write_text(&file, NODE_INPUT, "x");
    write_text(&file, NODE_OUTPUT, "y");
    write_text(&file, NODE_OP, "Relu");
    for (int i = 0; i < 200000; i++)
        write_blob(&file, NODE_ATTRIBUTE, "", 0);
    end_message(&file, node);
    end_model(&file, graph);
    refuse(&file, ACTMAX_ERROR_UNSUPPORTED, "attribute ''", 64 * MEBIBYTE);
}

static void test_nesting(void **state)
{
    onnx_writer file = {0};
    size_t marks[200];
    (void)state;
    size_t graph = begin_model(&file), node = begin_message(&file, GRAPH_NODE);
    write_text(&file, NODE_INPUT, "x");
    write_text(&file, NODE_OUTPUT, "y");
    write_text(&file, NODE_OP, "Relu");
    for (int i = 0; i < 200; i += 2) { /* graphs in attributes in nodes of graphs ... */
        marks[i] = begin_message(&file, NODE_ATTRIBUTE);
        write_text(&file, ATTRIBUTE_NAME, "body");
        write_number(&file, ATTRIBUTE_TYPE, 5);
        marks[i + 1] = begin_message(&file, 6);
    }
    for (int i = 199; i >= 0; i--)
        end_message(&file, marks[i]);
    end_message(&file, node);
    end_model(&file, graph);
    refuse(&file, ACTMAX_ERROR_UNSUPPORTED, "control flow", MEBIBYTE);

    actmax_recipe *recipe;
    actmax_model *model = NULL;
    graph = begin_model(&file);
    write_node(&file, "Relu", "x", "y");
    end_model(&file, graph);
    assert_int_equal(actmax_recipe_new(&recipe), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_number(recipe, "limit_nesting", 3), ACTMAX_OK);
    assert_int_equal(actmax_model_load_memory(file.data, file.size, recipe, &model), ACTMAX_ERROR_LIMIT);
    assert_non_null(strstr(actmax_message(), "limit_nesting"));
    assert_null(model);
    actmax_recipe_free(recipe);
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_off_at_every_byte),
        cmocka_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_flipped_bytes_of_networks),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_wire_types),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_many_numbers),
        cmocka_unit_test(test_fields_that_occur_twice),
        cmocka_unit_test(test_limit_of_numbers),
        cmocka_unit_test(test_many_parts),
        cmocka_unit_test(test_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
