/* Malicious ONNX graphs: names, cycles, chains, constants that grow, and the ways to data in other files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actmax.h"
#include "base/status.h"
#include "onnx_meter.h"
#include "onnx_network.h"
#include "onnx_write.h"
#include "remove_tree.h"

/* Loads, frees the file, and compares with what is expected; word: of the message. */
static void expect(onnx_writer *file, int32_t status, const char *word, size_t ceiling)
{
    int32_t got = onnx_load_metered(file->data, file->size, ceiling);
    if (got != status || (got < 0 && !strstr(actmax_message(), word)))
        fail_msg("%s instead of %s and '%s': %s", actmax_status_name(got), actmax_status_name(status), word, actmax_message());
    free(file->data);
    *file = (onnx_writer){0};
}

/* ---- Names and order ---- */

typedef struct small_node {
    const char *op, *inputs, *outputs;
} small_node;

static void expect_nodes(const small_node *nodes, size_t count, int32_t status, const char *word)
{
    onnx_writer file = {0};
    size_t graph = begin_model(&file);
    write_int64s(&file, "w", (int64_t[]){0, -1}, 2);
    for (size_t i = 0; i < count; i++)
        write_node(&file, nodes[i].op, nodes[i].inputs, nodes[i].outputs);
    end_model(&file, graph);
    expect(&file, status, word, MEBIBYTE);
}
#define EXPECT_NODES(status, word, ...)                                                                                            \
    expect_nodes((const small_node[]){__VA_ARGS__}, sizeof((const small_node[]){__VA_ARGS__}) / sizeof(small_node), status, word)

static void test_names(void **state)
{
    const int32_t bad = ACTMAX_ERROR_FORMAT;
    (void)state;
    EXPECT_NODES(ACTMAX_NOTE_ASSUMED, "", {"Relu", "x", "y"}); /* the rest is wrong in one way each */
    EXPECT_NODES(bad, "'y'", {"Relu", "x", "y"}, {"Tanh", "x", "y"});
    EXPECT_NODES(bad, "'a'", {"Split", "x", "a a"}, {"Relu", "a", "y"});
    EXPECT_NODES(bad, "'x'", {"Relu", "x", "y"}, {"Tanh", "y", "x"}); /* a node gives the input */
    EXPECT_NODES(bad, "'w'", {"Relu", "x", "y"}, {"Tanh", "y", "w"}); /* ... a weight */
    EXPECT_NODES(bad, "'nowhere'", {"Add", "x nowhere", "y"});
    EXPECT_NODES(bad, "'y'", {"Relu", "x", "z"});         /* the graph's output comes from nowhere */
    EXPECT_NODES(bad, "own output", {"Add", "x y", "y"}); /* itself */
    EXPECT_NODES(bad, "own output", {"Add", "x b", "a"}, {"Relu", "a", "b"}, {"Relu", "b", "y"});
    EXPECT_NODES(bad, "first output", {"Relu", "x", ""}, {"Relu", "x", "y"});
    EXPECT_NODES(bad, "names no operator", {"", "x", "y"});
    EXPECT_NODES(ACTMAX_ERROR_UNSUPPORTED, "'Relu6'", {"Relu6", "x", "y"});
}

static void test_duplicate_weights_and_inputs(void **state)
{
    onnx_writer file = {0};
    (void)state;
    size_t graph = begin_model(&file);
    write_int64s(&file, "w", (int64_t[]){0, -1}, 2);
    write_int64s(&file, "w", (int64_t[]){1, -1}, 2);
    write_node(&file, "Reshape", "x w", "y");
    end_model(&file, graph);
    expect(&file, ACTMAX_ERROR_FORMAT, "'w'", MEBIBYTE);
    graph = begin_model(&file);
    size_t again = begin_message(&file, GRAPH_INPUT);
    write_text(&file, 1, "x");
    end_message(&file, again);
    write_node(&file, "Relu", "x", "y");
    end_model(&file, graph);
    expect(&file, ACTMAX_ERROR_FORMAT, "'x'", MEBIBYTE);
}

static void test_odd_names(void **state)
{
    static const char *const names[] = {"\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "a\nb", "\x7f", "\xf4\x90\x80\x80", "\xe5\xb1"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        EXPECT_NODES(ACTMAX_ERROR_FORMAT, "UTF-8", {"Relu", "x", names[i]}, {"Relu", names[i], "y"});
    char *name = malloc(300001); /* long, and cut in the message */
    memset(name, 'n', 300000);
    name[300000] = '\0';
    onnx_writer file = {0};
    size_t graph = begin_model(&file);
    write_node(&file, name, "x", "y");
    end_model(&file, graph);
    expect(&file, ACTMAX_ERROR_UNSUPPORTED, "'nnnn", 2 * MEBIBYTE);
    free(name);
}

/* 50000 nodes, last first: sorted without recursion. */
static void test_long_chain(void **state)
{
    enum { COUNT = 50000 };
    onnx_writer file = {0};
    char from[16], to[16];
    (void)state;
    size_t graph = begin_model(&file);
    for (int i = COUNT - 1; i >= 0; i--) {
        snprintf(from, sizeof from, "v%d", i);
        snprintf(to, sizeof to, "v%d", i + 1);
        write_node(&file, "Relu", i ? from : "x", i < COUNT - 1 ? to : "y");
    }
    end_model(&file, graph);
    expect(&file, ACTMAX_NOTE_ASSUMED, "", 256 * MEBIBYTE);
}

/* ---- Constants that grow ---- */

static void write_growing(onnx_writer *file, const int64_t *shape, size_t rank, const char *op, const char *inputs)
{
    size_t graph = begin_model(file);
    write_int64s(file, "shape", shape, rank);
    write_int64s(file, "one", (int64_t[]){1}, 1);
    write_node(file, "ConstantOfShape", "shape", "big");
    write_node(file, op, inputs, "bigger");
    write_node(file, "Add", "x bigger", "y");
    end_model(file, graph);
}

static void test_growing_constants(void **state)
{
    onnx_writer file = {0};
    (void)state;
    write_growing(&file, (int64_t[]){2147483647}, 1, "Relu", "big"); /* one tensor of 8 GiB */
    expect(&file, ACTMAX_ERROR_LIMIT, "ConstantOfShape", 256 * MEBIBYTE);
    write_growing(&file, (int64_t[]){1 << 20, 1 << 20, 1 << 20, 1 << 20}, 4, "Relu", "big");
    expect(&file, ACTMAX_ERROR_LIMIT, "ConstantOfShape", 256 * MEBIBYTE);
    write_growing(&file, (int64_t[]){4000, 4000}, 2, "MatMul", "big big"); /* 6.4e10 multiplications */
    expect(&file, ACTMAX_ERROR_LIMIT, "MatMul", 256 * MEBIBYTE);
    write_growing(&file, (int64_t[]){1, 1, 1, 1}, 4, "Expand", "big shape2");
    assert_true(onnx_load_metered(file.data, file.size, MEBIBYTE) < 0);
    free(file.data);
    file = (onnx_writer){0};

    size_t graph = begin_model(&file); /* many of middling size */
    write_int64s(&file, "shape", (int64_t[]){1 << 20}, 1);
    char name[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "c%d", i);
        write_node(&file, "ConstantOfShape", "shape", name);
    }
    write_node(&file, "Relu", "x", "y");
    end_model(&file, graph);
    expect(&file, ACTMAX_ERROR_LIMIT, "ConstantOfShape", 256 * MEBIBYTE);

    graph = begin_model(&file); /* a range without end */
    size_t node = begin_message(&file, GRAPH_NODE);
    write_text(&file, NODE_OUTPUT, "zero");
    write_text(&file, NODE_OP, "Constant");
    size_t attribute = begin_message(&file, NODE_ATTRIBUTE);
    write_text(&file, ATTRIBUTE_NAME, "value_int");
    write_number(&file, ATTRIBUTE_I, 0);
    write_number(&file, ATTRIBUTE_TYPE, 2);
    end_message(&file, attribute);
    end_message(&file, node);
    write_int64s(&file, "end", (int64_t[]){INT64_MAX}, 1);
    write_int64s(&file, "none", NULL, 0);
    write_node(&file, "Squeeze", "end", "limit");
    write_node(&file, "Range", "zero limit zero", "r0");
    write_node(&file, "Relu", "x", "y");
    end_model(&file, graph);
    assert_true(onnx_load_metered(file.data, file.size, MEBIBYTE) < 0);
    free(file.data);
}

/* Doubling by Concat: 2^30 numbers in 30 nodes. */
static void test_doubling(void **state)
{
    onnx_writer file = {0};
    char inputs[32], output[16];
    (void)state;
    size_t graph = begin_model(&file);
    write_int64s(&file, "d0", (int64_t[]){1}, 1);
    for (int i = 0; i < 30; i++) {
        size_t node = begin_message(&file, GRAPH_NODE);
        snprintf(inputs, sizeof inputs, "d%d", i);
        snprintf(output, sizeof output, "d%d", i + 1);
        write_text(&file, NODE_INPUT, inputs);
        write_text(&file, NODE_INPUT, inputs);
        write_text(&file, NODE_OUTPUT, output);
        write_text(&file, NODE_OP, "Concat");
        size_t attribute = begin_message(&file, NODE_ATTRIBUTE);
        write_text(&file, ATTRIBUTE_NAME, "axis");
        write_number(&file, ATTRIBUTE_I, 0);
        write_number(&file, ATTRIBUTE_TYPE, 2);
        end_message(&file, attribute);
        end_message(&file, node);
    }
    write_node(&file, "Relu", "x", "y");
    end_model(&file, graph);
    expect(&file, ACTMAX_ERROR_LIMIT, "Concat", 400 * MEBIBYTE);
}

/* ---- Data in other files ---- */

typedef struct place {
    char root[256];
    char model[400]; /* root/home/model.onnx; weights.bin (16 bytes), sub/deep.bin, links and a pipe beside it; root/secret.bin */
} place;

static void put_file(const char *folder, const char *name, const void *data, size_t size)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    static place p;
    static const float numbers[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    const char *base = getenv("TMPDIR");
    char home[300], path[600];
    snprintf(p.root, sizeof p.root, "%s/actmax_test_XXXXXX", base && strlen(base) < 200 ? base : "/tmp");
    if (!mkdtemp(p.root)) return -1;
    snprintf(home, sizeof home, "%s/home", p.root);
    snprintf(p.model, sizeof p.model, "%s/model.onnx", home);
    if (mkdir(home, 0777) != 0) return -1;
    put_file(p.root, "secret.bin", numbers, sizeof numbers);
    put_file(home, "weights.bin", numbers, sizeof numbers);
    put_file(home, "empty.bin", numbers, 0);
    snprintf(path, sizeof path, "%s/sub", home);
    if (mkdir(path, 0777) != 0) return -1;
    put_file(path, "deep.bin", numbers, sizeof numbers);
    snprintf(path, sizeof path, "%s/link.bin", home);
    if (symlink("weights.bin", path) != 0) return -1;
    snprintf(path, sizeof path, "%s/folder", home);
    if (symlink("sub", path) != 0) return -1;
    snprintf(path, sizeof path, "%s/pipe", home);
    if (mkfifo(path, 0666) != 0) return -1;
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    remove_tree(((place *)*state)->root);
    return 0;
}

/* The status of loading a model whose weight has that location, offset and length, mapped and copied. */
static int32_t load_external(const place *p, const char *location, const char *offset, const char *length)
{
    int32_t status[2];
    onnx_writer file = {0};
    size_t graph = begin_model(&file);
    write_external(&file, "w", location, offset, length);
    write_node(&file, "Add", "x w", "y");
    end_model(&file, graph);
    FILE *out = fopen(p->model, "wb");
    assert_non_null(out);
    fwrite(file.data, 1, file.size, out);
    fclose(out);
    free(file.data);
    for (int copy = 0; copy <= 1; copy++) {
        actmax_recipe *recipe;
        actmax_model *model = NULL;
        assert_int_equal(actmax_recipe_new(&recipe), ACTMAX_OK);
        assert_int_equal(actmax_recipe_set_text(recipe, "load_mode", copy ? "copy" : "map"), ACTMAX_OK);
        status[copy] = actmax_model_load(p->model, recipe, &model);
        actmax_model_free(model);
        actmax_recipe_free(recipe);
    }
    assert_int_equal(status[0], status[1]);
    return status[0];
}

static void test_external_paths(void **state)
{
    const place *p = *state;
    char absolute[300];
    snprintf(absolute, sizeof absolute, "%s/home/weights.bin", p->root);
    const struct {
        const char *location;
        int32_t status;
    } places[] = {
        {"weights.bin", ACTMAX_NOTE_ASSUMED},
        {"./weights.bin", ACTMAX_NOTE_ASSUMED},
        {"sub/deep.bin", ACTMAX_NOTE_ASSUMED},
        {"../secret.bin", ACTMAX_ERROR_FORMAT},
        {"sub/../weights.bin", ACTMAX_ERROR_FORMAT},
        {"sub/../../secret.bin", ACTMAX_ERROR_FORMAT},
        {"..", ACTMAX_ERROR_FORMAT},
        {absolute, ACTMAX_ERROR_FORMAT},
        {"/etc/passwd", ACTMAX_ERROR_FORMAT},
        {"sub//deep.bin", ACTMAX_ERROR_FORMAT},
        {"sub\\deep.bin", ACTMAX_ERROR_FORMAT},
        {"..\\secret.bin", ACTMAX_ERROR_FORMAT},
        {"link.bin", ACTMAX_ERROR_FORMAT},
        {"folder/deep.bin", ACTMAX_ERROR_FORMAT},
        {"sub", ACTMAX_ERROR_IO},
        {"sub/", ACTMAX_ERROR_FORMAT},
        {".", ACTMAX_ERROR_IO},
        {"pipe", ACTMAX_ERROR_IO},
        {"absent.bin", ACTMAX_ERROR_NOT_FOUND},
        {"weights.bin/x", ACTMAX_ERROR_NOT_FOUND},
        {"empty.bin", ACTMAX_ERROR_FORMAT},
        {"", ACTMAX_ERROR_FORMAT},
        {"file://weights.bin", ACTMAX_ERROR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int32_t status = load_external(p, places[i].location, NULL, NULL);
        if (status != places[i].status) fail_msg("'%s': %s: %s", places[i].location, actmax_status_name(status), actmax_message());
        if (status < 0 && !strstr(actmax_message(), "'w'")) fail_msg("the message does not name the tensor: %s", actmax_message());
    }
    char *longer = malloc(10000);
    memset(longer, 'a', 9999);
    longer[9999] = '\0';
    assert_true(load_external(p, longer, NULL, NULL) < 0);
    free(longer);
}

static void test_external_ranges(void **state)
{
    const place *p = *state;
    static const struct {
        const char *offset, *length;
        bool good;
    } ranges[] = {
        {NULL, NULL, true},
        {"0", "8", true},
        {"8", "8", true},
        {"8", NULL, true},
        {"3", "8", true}, /* unaligned */
        {"9", "8", false},
        {"16", "8", false},
        {"17", NULL, false},
        {"0", "7", false},
        {"0", "9", false},
        {"0", "16", false},
        {"-1", "8", false},
        {"0", "-8", false},
        {"9223372036854775807", "8", false},
        {"9223372036854775808", "8", false},
        {"18446744073709551608", "8", false}, /* + 8 wraps to 0 */
        {"0x8", "8", false},
        {"8 8", "8", false},
        {"", "8", false},
        {"1e1", "8", false},
        {"0", "", false},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        int32_t status = load_external(p, "weights.bin", ranges[i].offset, ranges[i].length);
        if (status != (ranges[i].good ? ACTMAX_NOTE_ASSUMED : ACTMAX_ERROR_FORMAT))
            fail_msg("offset '%s', length '%s': %s", ranges[i].offset, ranges[i].length, actmax_message());
    }
}

/* A chain of additions whose weights lie in a file each, as torch.onnx saves what is larger than 2 GB. */
static void write_scattered(const place *p, int count)
{
    static const float numbers[2] = {1.0f, 2.0f};
    char home[300], name[32], inputs[64], sum[32] = "x";
    onnx_writer file = {0};
    size_t graph = begin_model(&file);
    snprintf(home, sizeof home, "%s/home", p->root);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "w%d", i);
        put_file(home, name, numbers, sizeof numbers);
        write_external(&file, name, name, NULL, NULL);
        snprintf(inputs, sizeof inputs, "%s %s", sum, name);
        snprintf(sum, sizeof sum, i + 1 < count ? "s%d" : "y", i);
        write_node(&file, "Add", inputs, sum);
    }
    end_model(&file, graph);
    put_file(home, "model.onnx", file.data, file.size);
    free(file.data);
}

static void test_many_files(void **state)
{
    const place *p = *state;
    enum { FILES = 400, TOO_MANY = AXM_FILES_LIMIT + 1 };
    size_t size;
    axm_shape shape;
    axm_plan *plan;
    write_scattered(p, FILES);
    uint8_t *data = onnx_read_file(p->model, &size);
    float values[32] = {0};
    onnx_array image = {.name = "x", .shape = {.rank = 4, .dim = {1, 2, 4, 4}}, .count = 32, .values = values};
    onnx_network network = {.source = {.path = p->model, .allow_external = true}};
    if (!data || onnx_load(&network, data, size) < 0 || onnx_run(&network, &image, &plan) < 0) fail_msg("%s", axm_message());
    assert_int_equal(network.files.count, FILES);
    float *y = onnx_output(&network, plan, "y", &shape);
    for (int i = 0; i < 32; i++)
        assert_true(y[i] == (i < 16 ? 1.0f : 2.0f) * (float)FILES);
    free(y);
    onnx_free(&network);
    free(data);

    actmax_model *model = NULL;
    write_scattered(p, TOO_MANY);
    assert_int_equal(actmax_model_load(p->model, NULL, &model), ACTMAX_ERROR_LIMIT);
    assert_non_null(strstr(actmax_message(), "more than 4096 files; save it with one file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_duplicate_weights_and_inputs),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_growing_constants),
        cmocka_unit_test(test_doubling),
        cmocka_unit_test_setup_teardown(test_external_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_external_ranges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
