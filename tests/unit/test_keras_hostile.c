/* Keras's files cut short, damaged, or asking for what actmax does not do: a status each time, whatever the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actmax.h"
#include "keras_files.h"
#include "onnx_meter.h"

#define CEILING (64 * MEBIBYTE)

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- Damage ---- */

static void cut(const char *name, size_t step)
{
    size_t size;
    const uint8_t *data = keras_member(name, &size);
    for (size_t at = 1; at < size; at += step)
        assert_true(onnx_load_metered(data, at, CEILING) < 0);
}

static void test_truncation(void **state)
{
    (void)state;
    cut("pools.keras", 1);
    cut("pools.h5", 7);
    cut("nested.keras", 61);
    cut("nested.h5", 61);
    cut("plain.json", 13);
}

/* Bytes from `begin` on are changed, a few at a time. Some files stay whole: weights are any numbers. */
static void flip(const char *name, size_t begin, size_t end, int rounds, uint64_t seed)
{
    size_t size;
    const uint8_t *data = keras_member(name, &size);
    uint8_t *copy = malloc(size);
    if (end > size) end = size;
    for (int round = 0; round < rounds; round++) {
        memcpy(copy, data, size);
        for (uint64_t n = next_random(&seed) % 6 + 1; n > 0; n--)
            copy[begin + next_random(&seed) % (end - begin)] = (uint8_t)next_random(&seed);
        onnx_load_metered(copy, size, CEILING);
    }
    free(copy);
}

static void test_flips(void **state)
{
    (void)state;
    flip("nested.keras", 0, SIZE_MAX, 300, 3);
    flip("nested.h5", 0, SIZE_MAX, 300, 4);
    flip("pools.h5", 0, 6000, 300, 5);
    flip("residual.h5", 0, SIZE_MAX, 200, 6);
    flip("operations.h5", 0, SIZE_MAX, 200, 7);
}

/* ---- Configurations ---- */

/* Loads `json` with the weights of the network `plain` and says what came of it. */
static int32_t load_json(const char *json, size_t size, const char *weights)
{
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    assert_int_equal(actmax_recipe_new(&recipe), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_text(recipe, "preprocess", "raw"), ACTMAX_OK);
    if (weights) assert_int_equal(actmax_recipe_set_text(recipe, "weights", weights), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_text(recipe, "load_mode", "copy"), ACTMAX_OK);
    int32_t status = actmax_model_load_memory(json, size, recipe, &model);
    if (status < 0) assert_null(model);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    return status;
}

static char weights_path[128];

/* Words of the configuration changed, so that it stays JSON most of the time. */
static void change_configuration(const char *name, const char *weights, int rounds, uint64_t seed)
{
    static const char *const words[] = {"null",   "-1",          "0",         "1e308", "[]",        "{}",
                                        "[[[]]]", "true",        "\"Dense\"", "3",     "\"plain\"", "100000000",
                                        "1.5",    "\"Flatten\"", "[1, 2]",    "\"\"",  "false",     "\"linear\""};
    size_t size;
    char path[1024];
    const char *json = (const char *)keras_member(name, &size);
    char *copy = malloc(size + 64);
    keras_extract(weights, path, sizeof path);
    for (int round = 0; round < rounds; round++) {
        size_t at = next_random(&seed) % size, end;
        while (at > 0 && !strchr(":,[", json[at]))
            at--;
        end = at + 1;
        while (end < size && !strchr(",]}", json[end]))
            end++;
        const char *word = words[next_random(&seed) % (sizeof words / sizeof *words)];
        memcpy(copy, json, at + 1);
        size_t length = at + 1;
        memcpy(copy + length, word, strlen(word));
        length += strlen(word);
        memcpy(copy + length, json + end, size - end);
        load_json(copy, length + size - end, path);
    }
    free(copy);
    remove(path);
}

static void test_changed_configurations(void **state)
{
    (void)state;
    change_configuration("nested.json", "nested.listed.h5", 1500, 21);
    change_configuration("tf_parts.json", "tf_parts.listed.h5", 700, 22);
    change_configuration("tf_nodes.json", "tf_nodes.listed.h5", 700, 23);
}

#define INPUT                                                                                                                      \
    "{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"x\", \"batch_shape\": [null, 8, 8, 4]}, \"name\": \"x\", "          \
    "\"inbound_nodes\": []}"
#define NODE(name, class_name, config, from)                                                                                       \
    "{\"class_name\": \"" class_name "\", \"config\": {\"name\": \"" name "\"" config "}, \"name\": \"" name                       \
    "\", \"inbound_nodes\": [[[\"" from "\", 0, 0, {}]]]}"
#define MODEL(layers, output)                                                                                                      \
    "{\"class_name\": \"Functional\", \"config\": {\"name\": \"m\", \"layers\": [" layers "], \"input_layers\": [[\"x\", 0, 0]], " \
    "\"output_layers\": [[\"" output "\", 0, 0]]}}"

typedef struct refusal {
    const char *json;
    int32_t status;
    const char *words; /* of the message */
} refusal;

static void test_refusals(void **state)
{
    (void)state;
    static const refusal refusals[] = {
        {MODEL(INPUT ", " NODE("twice", "Lambda", ", \"function\": [\"4wE=\", null, null]", "x"), "twice"),
         ACTMAX_ERROR_UNSUPPORTED, "'twice' is a Lambda"},
        {MODEL(INPUT ", " NODE("mine", "MyLayer", "", "x"), "mine"), ACTMAX_ERROR_UNSUPPORTED, "class 'MyLayer'"},
        {MODEL(INPUT ", " NODE("rnn", "LSTM", "", "x"), "rnn"), ACTMAX_ERROR_UNSUPPORTED, "class 'LSTM'"},
        {MODEL(INPUT ", " NODE("act", "Activation", ", \"activation\": \"my_function\"", "x"), "act"), ACTMAX_ERROR_UNSUPPORTED,
         "activation 'my_function'"},
        {MODEL(INPUT ", " NODE("a", "ReLU", "", "b") ", " NODE("b", "ReLU", "", "a"), "b"), ACTMAX_ERROR_FORMAT, "its own output"},
        {MODEL(INPUT ", " NODE("a", "ReLU", "", "nowhere"), "a"), ACTMAX_ERROR_FORMAT, "layer 'nowhere'"},
        {MODEL(INPUT ", " NODE("a", "ReLU", "", "x") ", " NODE("a", "ReLU", "", "x"), "a"), ACTMAX_ERROR_FORMAT, "called 'a'"},
        {MODEL(INPUT ", " NODE("a", "ReLU", "", "x"), "b"), ACTMAX_ERROR_FORMAT, "layer 'b'"},
        {"{\"class_name\": \"MyModel\", \"config\": {\"name\": \"m\"}}", ACTMAX_ERROR_UNSUPPORTED, "'MyModel'"},
        {"{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": [{\"class_name\": \"ReLU\", \"config\": "
         "{\"name\": \"a\"}}]}}",
         ACTMAX_ERROR_UNSUPPORTED, "keras.Input"},
        {MODEL(INPUT ", " NODE("dense", "Dense", ", \"units\": 3", "x"), "dense"), ACTMAX_ERROR_FORMAT, "lacks weight"},
        {"{\"class_name\": ", ACTMAX_ERROR_FORMAT, "no JSON"},
        {MODEL(INPUT ", " NODE("op", "TensorFlowOpLayer", ", \"node_def\": {\"op\": \"MyNode\"}", "x"), "op"),
         ACTMAX_ERROR_UNSUPPORTED, "TensorFlow's operation 'MyNode'"},
        {MODEL(INPUT ", " NODE("op", "TFOpLambda", ", \"function\": \"my.function\"", "x"), "op"), ACTMAX_ERROR_UNSUPPORTED,
         "TensorFlow's operation 'my.function'"},
        {MODEL(INPUT ", " NODE("op", "TFOpLambda", ", \"function\": \"split\", \"axis\": 0, \"num_or_size_splits\": 2", "x"), "op"),
         ACTMAX_ERROR_UNSUPPORTED, "splitting the batch"},
        {MODEL(INPUT ", " NODE("op", "TFOpLambda", ", \"function\": \"split\", \"axis\": 1, \"num_or_size_splits\": [-1, -1]", "x"),
               "op"),
         ACTMAX_ERROR_FORMAT, "num_or_size_splits"},
        {MODEL(INPUT
               ", " NODE("op", "TFOpLambda", ", \"function\": \"nn.bias_add\", \"bias\": [1], \"data_format\": \"NCHW\"", "x"),
               "op"),
         ACTMAX_ERROR_UNSUPPORTED, "a bias along other than the last axis"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        int32_t status = load_json(refusals[i].json, strlen(refusals[i].json), weights_path);
        if (status != refusals[i].status) fail_msg("refusal %zu: status %d: %s", i, (int)status, actmax_message());
        if (!strstr(actmax_message(), refusals[i].words)) fail_msg("refusal %zu: %s", i, actmax_message());
    }
}

static void test_missing_parts(void **state)
{
    (void)state;
    size_t size;
    const char *json = (const char *)keras_member("plain.json", &size);
    assert_int_equal(load_json(json, size, NULL), ACTMAX_ERROR_INVALID);
    assert_non_null(strstr(actmax_message(), "option 'weights'"));
    const uint8_t *weights = keras_member("plain.weights.h5", &size);
    assert_int_equal(load_json((const char *)weights, size, NULL), ACTMAX_ERROR_UNSUPPORTED);
    assert_non_null(strstr(actmax_message(), "weights only"));
    const uint8_t *zip = (const uint8_t *)"PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_int_equal(load_json((const char *)zip, 22, NULL), ACTMAX_ERROR_FORMAT);
}

/* Deep and long texts are weighed before they are parsed. */
static void test_large_configurations(void **state)
{
    (void)state;
    size_t size = 4000000;
    char *text = malloc(size);
    memset(text, '[', size);
    memcpy(text, "{\"a\":", 5);
    assert_int_equal(load_json(text, size, weights_path), ACTMAX_ERROR_LIMIT);
    for (size_t i = 5; i + 1 < size; i += 2)
        memcpy(text + i, "0,", 2);
    text[5] = '[';
    assert_int_equal(load_json(text, size, weights_path), ACTMAX_ERROR_LIMIT);
    free(text);
}

/* ---- Memory runs out ---- */

typedef struct rationed {
    long left, live; /* allocations that still succeed; blocks that are out */
} rationed;

static void *give(void *user, size_t bytes)
{
    rationed *r = user;
    if (r->left-- <= 0) return NULL;
    r->live++;
    return malloc(bytes);
}

static void take(void *user, void *pointer)
{
    rationed *r = user;
    if (pointer) r->live--;
    free(pointer);
}

/* At each allocation in turn: a status, and nothing left behind. */
static void test_out_of_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"nested.keras", "residual.h5", "tf_operations.h5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        const uint8_t *data = keras_member(names[i], &size);
        int32_t status = -1;
        for (long allowed = 1; status < 0; allowed++) {
            rationed r = {allowed, 0};
            actmax_recipe *recipe = NULL;
            actmax_model *model = NULL;
            if (actmax_recipe_new_with(give, take, &r, &recipe) >= 0) status = actmax_model_load_memory(data, size, recipe, &model);
            if (status < 0 && recipe && status != ACTMAX_ERROR_NO_MEMORY)
                fail_msg("%s with %ld allocations: %s", names[i], allowed, actmax_message());
            actmax_model_free(model);
            actmax_recipe_free(recipe);
            assert_int_equal(r.live, 0);
            assert_true(allowed < 100000);
        }
    }
}

static int open_all(void **state)
{
    keras_open(state);
    keras_extract("nested.weights.h5", weights_path, sizeof weights_path);
    return 0;
}

static int close_all(void **state)
{
    remove(weights_path);
    return keras_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation),    cmocka_unit_test(test_flips),         cmocka_unit_test(test_changed_configurations),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_missing_parts), cmocka_unit_test(test_large_configurations),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
