/* What the ONNX loader must not compute wrongly it refuses while loading, and says what, where and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actmax.h"
#include "onnx_network.h"

#define WORDS       5
#define UNSUPPORTED ACTMAX_ERROR_UNSUPPORTED
#define FORMAT      ACTMAX_ERROR_FORMAT
#define SHAPE       ACTMAX_ERROR_SHAPE

/* By the records of refusals.bin: status, and words that the message must hold. */
static const struct refusal {
    const char *name;
    int32_t status;
    const char *words[WORDS];
} refusals[] = {
    /* operators: name, domain, node, output */
    {"max_roi_pool", UNSUPPORTED, {"'MaxRoiPool'", "domain 'ai.onnx'", "node 'decoder/up'", "output 'up_out'", "opset 13"}},
    {"unnamed_hardmax", UNSUPPORTED, {"'Hardmax'", "domain 'ai.onnx'", "node 'scaled/out'"}},
    {"microsoft", UNSUPPORTED, {"'FusedConv'", "domain 'com.microsoft'", "node 'fused1'", "output 'y'", "export"}},
    {"machine_learning", UNSUPPORTED, {"'Scaler'", "domain 'ai.onnx.ml'", "node 'scale1'", "standard ONNX operators only"}},
    {"quantized", UNSUPPORTED, {"'ConvInteger'", "domain 'ai.onnx'", "node 'integers'", "in float", "quant_format=QDQ"}},
    {"recurrent", UNSUPPORTED, {"'LSTM'", "node 'decoder'", "output 'y'", "(option end: 'r')", "actmax ops"}},
    {"best_class", UNSUPPORTED, {"'ArgMax'", "node 'classes'", "(option end: 'c')", "layers before"}},
    {"hard_swish_13", UNSUPPORTED, {"'HardSwish'", "opset 13", "node 'swish'"}},
    {"control_flow", UNSUPPORTED, {"'If'", "domain 'ai.onnx'", "node 'choice'", "without conditions and loops", "onnxsim"}},
    {"graph_attribute", UNSUPPORTED, {"'body'", "node 'odd'", "Relu", "control flow"}},
    {"function", UNSUPPORTED, {"'Block'", "domain 'mine'", "node 'block7'", "inline_local_functions"}},
    {"replaced_operator", UNSUPPORTED, {"'Relu'", "function", "inline_local_functions"}},
    /* attributes: name, node, operator */
    {"unknown_attribute", UNSUPPORTED, {"'sparsity'", "node 'c1'", "Conv", "opset 13"}},
    {"clip_min_13", UNSUPPORTED, {"'min'", "node 'clip1'", "Clip"}},
    {"pads_13", UNSUPPORTED, {"'pads'", "node 'pad1'", "Pad"}},
    {"axes_18", UNSUPPORTED, {"'axes'", "node 'mean1'", "ReduceMean", "opset 18"}},
    {"dilations_10", UNSUPPORTED, {"'dilations'", "node 'pool1'", "AveragePool", "opset 10"}},
    {"ceil_7", UNSUPPORTED, {"'ceil_mode'", "node 'pool1'", "MaxPool", "opset 7"}},
    {"allowzero_13", UNSUPPORTED, {"'allowzero'", "node 'shape1'", "Reshape"}},
    {"auto_pad", UNSUPPORTED, {"'SOMEHOW'", "node 'c1'", "Conv"}},
    {"pad_mode", UNSUPPORTED, {"'mirror'", "node 'pad1'", "Pad"}},
    {"wrong_kind", FORMAT, {"'group'", "node 'c1'", "Conv", "integer"}},
    {"attribute_twice", FORMAT, {"'alpha'", "node 'leaky'", "LeakyRelu", "twice"}},
    {"attribute_of_function", FORMAT, {"'alpha'", "node 'leaky'"}},
    /* sequences */
    {"sequence_output", UNSUPPORTED, {"output 'q'", "sequence of tensors", "export"}},
    {"sequence_position", UNSUPPORTED, {"node 'take'", "SequenceAt", "position is computed", "folded constants"}},
    {"sequence_beyond", SHAPE, {"node 'take'", "part 2 of 2"}},
    {"sequence_listed_beyond", FORMAT, {"node 'take'", "SequenceAt", "element 2 of 2"}},
    {"sequence_joined", UNSUPPORTED, {"node 'join'", "ConcatFromSequence", "SequenceConstruct"}},
    {"sequence_read", UNSUPPORTED, {"node 'relu1'", "Relu", "sequence of tensors", "SequenceAt"}},
    {"sequence_none", UNSUPPORTED, {"node 'take'", "SequenceAt", "SplitToSequence"}},
    /* training */
    {"training_outputs", FORMAT, {"node 'bn1'", "BatchNormalization", "3 outputs", "damaged"}},
    {"five_outputs_8", UNSUPPORTED, {"node 'bn1'", "training mode"}},
    {"five_outputs_9", UNSUPPORTED, {"node 'bn1'", "training mode"}},
    {"five_outputs_13", UNSUPPORTED, {"node 'bn1'", "training mode"}},
    {"spatial", UNSUPPORTED, {"node 'bn1'", "BatchNormalization", "spatial=0"}},
    {"dropout_training", UNSUPPORTED, {"node 'drop1'", "Dropout", "training mode"}},
    {"dropout_computed", UNSUPPORTED, {"node 'drop1'", "Dropout", "training mode"}},
    {"unpool_overflow", ACTMAX_ERROR_LIMIT, {"node 'up1'", "MaxUnpool", "smaller input size"}},
    /* opsets */
    {"opset_6", UNSUPPORTED, {"opset 6", "older", "7 to 25", "opset_version"}},
    {"opset_26", UNSUPPORTED, {"opset 26", "newer", "7 to 25", "opset_version"}},
    {"no_opset", FORMAT, {"opset"}},
    {"two_opsets", FORMAT, {"two opsets", "13", "11"}},
    /* tensors: name, type, node */
    {"weight_string", UNSUPPORTED, {"tensor 'w'", "string", "node 'add1'", "Add"}},
    {"weight_complex128", UNSUPPORTED, {"tensor 'w'", "complex128", "node 'add1'"}},
    {"weight_complex64", UNSUPPORTED, {"tensor 'w'", "complex64", "node 'add1'"}},
    {"weight_newer", UNSUPPORTED, {"tensor 'w'", "type 60", "newer", "node 'add1'"}},
    {"short_int4", FORMAT, {"tensor 'w'", "11 bytes", "12", "node 'back'", "damaged"}},
    {"add_int4", UNSUPPORTED, {"node 'add1'", "Add", "int4", "floating point"}},
    {"cast_int4", UNSUPPORTED, {"node 'cast1'", "Cast", "int4", "gradient"}},
    {"cast_string", UNSUPPORTED, {"node 'cast1'", "Cast", "string"}},
    {"cast_image", UNSUPPORTED, {"node 'cast1'", "Cast", "int64", "gradient"}},
    {"short_data", FORMAT, {"tensor 'w'", "140 bytes", "144", "node 'c1'", "damaged"}},
    {"long_data", FORMAT, {"tensor 'w'", "37 elements", "36", "node 'c1'"}},
    {"wrong_field", FORMAT, {"tensor 'w'", "wrong field", "node 'c1'"}},
    {"rank_9", ACTMAX_ERROR_LIMIT, {"tensor 'w'", "9 axes", "node 'add1'"}},
    {"sparse", UNSUPPORTED, {"sparse", "dense"}},
    {"sparse_constant", UNSUPPORTED, {"'sparse_value'", "node 'const1'", "Constant"}},
    {"string_constant", UNSUPPORTED, {"'value_string'", "node 'const1'", "Constant"}},
    /* inputs */
    {"sequence_input", UNSUPPORTED, {"input 'boxes'", "not a tensor"}},
    {"string_input", UNSUPPORTED, {"input 'words'", "string"}},
    {"second_input", ACTMAX_ERROR_INVALID, {"'s'", "actmax_recipe_bind_input", "option end"}},
    {"integer_image", UNSUPPORTED, {"image input", "4 axes", "'x' uint8 [1, 2, 4, 4]", "casts"}},
    {"line", UNSUPPORTED, {"image input", "4 axes", "'x' float32 [1, 2, 8]", "reshapes"}},
    {"volume", UNSUPPORTED, {"image input", "4 axes", "'x' float32 [1, 2, 2, 4, 4]"}},
    /* known operators that would need more */
    {"conv_4d", UNSUPPORTED, {"node 'c4'", "Conv", "4 spatial axes"}},
    {"pool_4d", UNSUPPORTED, {"node 'p4'", "MaxPool", "4 spatial axes"}},
    {"dynamic_weight",
     UNSUPPORTED,
     {"node 'c1'", "Conv", "computed from the image", "end the network before this node (option end)"}},
    {"dynamic_shape", UNSUPPORTED, {"node 'i'", "Cast"}},
    {"dynamic_floor", UNSUPPORTED, {"node 'floor1'", "Floor", "end the network before this node (option end)"}},
    {"dynamic_gather", UNSUPPORTED, {"node 'gather1'", "Gather", "end the network before this node (option end)"}},
    {"wrong_channels", SHAPE, {"node 'c1'", "Conv", "[1, 2, 4, 4]", "[2, 3, 3, 3]"}},
    {"wrong_inputs", FORMAT, {"node 'c1'", "Conv", "1 inputs", "2 to 3"}},
    {"wrong_broadcast", SHAPE, {"node 'add1'", "Add", "[1, 2, 4, 4]", "[3]"}},
    {"empty_input", UNSUPPORTED, {"node 'mean1'", "ReduceMean", "input 0 is empty", "[2, 0, 4]"}},
    {"empty_operand", UNSUPPORTED, {"node 'max1'", "Max", "input 1 is empty"}},
    {"window_too_large", SHAPE, {"node 'c1'", "Conv", "larger input size"}},
};
#define REFUSALS (sizeof refusals / sizeof *refusals)

static void check_message(const char *name, const char *const words[WORDS])
{
    const char *message = actmax_message();
    for (int i = 0; i < WORDS && words[i]; i++)
        if (!strstr(message, words[i])) fail_msg("%s: the message does not hold %s: %s", name, words[i], message);
    if (strchr(message, '\n')) fail_msg("%s: the message has several lines: %s", name, message);
}

static void test_refusals(void **state)
{
    onnx_container container;
    size_t met = 0;
    (void)state;
    onnx_open(&container, "onnx/refusals.bin");
    for (const onnx_case *c; (c = onnx_next(&container)) != NULL; met++) {
        actmax_model *model = (actmax_model *)&container; /* a failed call leaves its outputs alone */
        const struct refusal *refusal = NULL;
        for (size_t i = 0; i < REFUSALS; i++)
            if (strcmp(refusals[i].name, c->name) == 0) refusal = &refusals[i];
        if (!refusal) fail_msg("refusals.bin holds '%s', of which nothing is expected here", c->name);
        int32_t status = actmax_model_load_memory(c->model, c->model_size, NULL, &model);
        if (status != refusal->status)
            fail_msg("%s: %s instead of %s: %s", c->name, actmax_status_name(status), actmax_status_name(refusal->status),
                     actmax_message());
        assert_ptr_equal(model, (actmax_model *)&container);
        check_message(c->name, refusal->words);
    }
    assert_int_equal(met, REFUSALS);
    onnx_close(&container);
}

/* ---- The option "end" ---- */

static const struct ending {
    const char *name, *end;
    int32_t layers; /* 0: refused */
    const char *word;
} endings[] = {
    {"max_roi_pool", "r", 1, NULL},
    {"recurrent", "c", 1, NULL},
    {"recurrent", "r", 2, NULL},
    {"recurrent", "decoder", 0, "operator 'LSTM'"},
    {"recurrent", "y", 0, "operator 'LSTM'"},
    {"recurrent", "x", 0, "option 'end': the model has no node 'x'"}, /* an input */
    {"recurrent", "w", 0, "option 'end': the model has no node 'w'"}, /* a weight */
    {"recurrent", "decode", 0, "nearest: 'decoder'"},
    {"best_class", "c", 1, NULL},
};

static void check_ending(const onnx_case *c, const struct ending *e)
{
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    int32_t layer;
    assert_int_equal(actmax_recipe_new(&recipe), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_text(recipe, "end", e->end), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_text(recipe, "preprocess", "raw"), ACTMAX_OK);
    int32_t status = actmax_model_load_memory(c->model, c->model_size, recipe, &model);
    if ((status == ACTMAX_OK) != (e->layers > 0)) fail_msg("%s to %s: %s", e->name, e->end, actmax_message());
    if (e->layers == 0) {
        if (!strstr(actmax_message(), e->word)) fail_msg("%s to %s: %s", e->name, e->end, actmax_message());
    } else {
        assert_int_equal(actmax_model_layer_count(model), e->layers);
        assert_int_equal(actmax_model_find_layer(model, e->end, &layer), ACTMAX_OK);
        assert_int_equal(layer, e->layers - 1);
    }
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

/* What is refused does no harm behind the end. */
static void test_endings(void **state)
{
    onnx_container container;
    size_t met = 0;
    (void)state;
    onnx_open(&container, "onnx/refusals.bin");
    for (const onnx_case *c; (c = onnx_next(&container)) != NULL;)
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
            if (strcmp(endings[i].name, c->name) != 0) continue;
            check_ending(c, &endings[i]);
            met++;
        }
    assert_int_equal(met, sizeof endings / sizeof *endings);
    onnx_close(&container);
}

/* ---- Files that are no ONNX model at all ---- */

static void refuse_bytes(const char *name, const void *data, size_t size, int32_t status, const char *word)
{
    char path[300];
    actmax_model *model = NULL;
    const char *base = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/actmax_%ld.onnx", base && strlen(base) < 200 ? base : "/tmp", (long)getpid());
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    int32_t got = actmax_model_load(path, NULL, &model);
    remove(path);
    assert_null(model);
    if (got != status) fail_msg("%s: %s: %s", name, actmax_status_name(got), actmax_message());
    if (!strstr(actmax_message(), word)) fail_msg("%s: %s", name, actmax_message());
}

static void test_other_files(void **state)
{
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    static const char html[] = "<!DOCTYPE html><html><body>Not found</body></html>";
    static const char json[] = "{\"model\": 1}", archive[] = "PK\3\4 and so on";
    static const char empty_model[] = "\x08\x08\x12\x01"
                                      "p\x42\x02\x10\x0d";
    (void)state;
    refuse_bytes("empty file", "", 0, FORMAT, "empty");
    refuse_bytes("Git LFS pointer", lfs, sizeof lfs - 1, FORMAT, "git lfs pull");
    refuse_bytes("web page", html, sizeof html - 1, FORMAT, "no ONNX model; fetch the model again");
    refuse_bytes("text", json, sizeof json - 1, FORMAT, "no ONNX model; fetch the model again");
    refuse_bytes("checkpoint", archive, sizeof archive - 1, FORMAT, "torch.onnx.export");
    refuse_bytes("no graph", empty_model, sizeof empty_model - 1, FORMAT, "no ONNX graph");
}

/* More than protobuf can hold: refused with advice, before anything is read. The file is sparse. */
static void test_two_gibibytes(void **state)
{
    char path[300];
    actmax_model *model = NULL;
    const char *base = getenv("TMPDIR");
    static const char *const words[WORDS] = {"2147483649 bytes", "2 GiB", "save_as_external_data"};
    (void)state;
    snprintf(path, sizeof path, "%s/actmax_%ld_large.onnx", base && strlen(base) < 200 ? base : "/tmp", (long)getpid());
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    int grown = ftruncate(fileno(file), (off_t)2147483649);
    fclose(file);
    int32_t status = grown == 0 ? actmax_model_load(path, NULL, &model) : 0;
    remove(path);
    if (grown != 0) skip(); /* a file system without room or sparse files */
    assert_int_equal(status, ACTMAX_ERROR_LIMIT);
    check_message("large", words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_two_gibibytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
