/* ONNX's own cases for single operators (Debian's package libonnx-testdata) against the loader and the operators.
 *
 * Selected are the cases all of whose operators actmax knows. The first input is the image, the others are bound to their values;
 * where the first input is no float, or the operator works on shapes only, all are bound and the result is folded. Each case passes
 * or is refused while loading or planning (with an image as its first input, and as a
 * constant), as tests/golden/onnx_conformance.txt says; a wrong number always fails. ("unchecked":
 * the expected values are of a type that actmax does not read.) Half-precision types are computed as float32.
 *
 * ACTMAX_ONNX_TESTDATA (environment): the folder that holds node/. ACTMAX_ONNX_EXPECTED: the table that goes with it.
 * ACTMAX_ONNX_TABLE: a file to write the table to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"
#include "loaders/onnx/import.h"
#include "onnx_network.h"

#define DEFAULT_FOLDER "/usr/share/libonnx-testdata/data"
/* The table goes with the data: Debian 12 has ONNX 1.12, Debian 13 has 1.17 (whose cases the second name is one of). */
#define TABLE      ACTMAX_TEST_DATA "/onnx_conformance.txt"
#define TABLE_1_17 ACTMAX_TEST_DATA "/onnx_conformance_1.17.txt"
#define CASE_1_17  "test_quantizelinear_uint16"
#define DUMMY      "an image that nothing depends on"
#define INPUTS     12
#define ABSOLUTE   2e-6
#define RELATIVE   1e-5

static const char *folder(void)
{
    const char *given = getenv("ACTMAX_ONNX_TESTDATA");
    return given && *given ? given : DEFAULT_FOLDER;
}

static const char *table_path(void)
{
    char path[4096];
    const char *given = getenv("ACTMAX_ONNX_EXPECTED");
    if (given && *given) return given;
    snprintf(path, sizeof path, "%s/node/%s", folder(), CASE_1_17);
    return access(path, R_OK) == 0 ? TABLE_1_17 : TABLE;
}

/* ---- The files of a case ---- */

typedef struct tensor_file {
    uint8_t *data;
    size_t size;
    axm_constant constant; /* its data is in `data` or in the graph's arena */
} tensor_file;

typedef struct node_case {
    const char *name;
    uint8_t *model;
    size_t model_size;
    char op[64]; /* of its last node */
    bool known;  /* all operators are */
    int32_t input_count, output_count;
    char inputs[INPUTS][64], outputs[INPUTS][64];
    bool bfloat16[2][INPUTS]; /* of inputs and outputs: their files have such numbers as uint16 */
    char text[700];
} node_case;

static void copy_span(axm_onnx_span span, char out[64])
{
    size_t size = span.size < 63 ? span.size : 63;
    if (size) memcpy(out, span.data, size);
    out[size] = '\0';
}

static bool decode(axm_onnx_reader *reader, axm_onnx_span span, const pb_msgdesc_t *fields, void *message)
{
    return axm_onnx_decode(reader, span, fields, message, "a message") >= 0;
}

/* A case states the opset in which its operator changed last. Where that lies before 7, the oldest that actmax reads, it is as
 * good a case for 7: the number, one byte, is raised in the file. */
static bool raise_opset(node_case *c, axm_onnx_reader *reader, const axm_onnx_ModelProto *model)
{
    for (uint32_t i = 0; i < model->opset_import.count; i++) {
        axm_onnx_OperatorSetIdProto set = {0};
        axm_onnx_span span = model->opset_import.items[i];
        if (!decode(reader, span, axm_onnx_OperatorSetIdProto_fields, &set)) return false;
        uint8_t *last = &c->model[span.data - c->model + span.size - 1]; /* the version is the last field */
        if (set.domain.span.size == 0 && set.version < AXM_ONNX_OPSET_FIRST && *last == set.version) *last = AXM_ONNX_OPSET_FIRST;
    }
    return true;
}

/* Names of the operators, inputs and outputs. False where the case has none of what actmax could run. */
static bool describe(node_case *c, axm_onnx_reader *reader)
{
    axm_onnx_ModelProto model = {0};
    axm_onnx_GraphProto graph = {0};
    if (!decode(reader, (axm_onnx_span){c->model, (uint32_t)c->model_size, 1}, axm_onnx_ModelProto_fields, &model) ||
        !raise_opset(c, reader, &model) || !decode(reader, model.graph.span, axm_onnx_GraphProto_fields, &graph) ||
        graph.node.count == 0)
        return false;
    c->known = true;
    for (uint32_t i = 0; i < graph.node.count; i++) {
        axm_onnx_NodeProto node = {0};
        if (!decode(reader, graph.node.items[i], axm_onnx_NodeProto_fields, &node)) return false;
        copy_span(node.op_type.span, c->op);
        c->known = c->known && node.domain.span.size == 0 && axm_onnx_knows_operator(c->op);
    }
    if (graph.input.count > INPUTS || graph.output.count > INPUTS) return false;
    c->input_count = (int32_t)graph.input.count;
    c->output_count = (int32_t)graph.output.count;
    for (int32_t i = 0; i < c->input_count + c->output_count; i++) {
        axm_onnx_ValueInfoProto value = {0};
        bool is_input = i < c->input_count;
        axm_onnx_span at = is_input ? graph.input.items[i] : graph.output.items[i - c->input_count];
        if (!decode(reader, at, axm_onnx_ValueInfoProto_fields, &value)) return false;
        copy_span(value.name.span, is_input ? c->inputs[i] : c->outputs[i - c->input_count]);
        axm_onnx_TypeProto type = {0};
        axm_onnx_TensorTypeProto tensor = {0};
        if (value.type.span.data && !decode(reader, value.type.span, axm_onnx_TypeProto_fields, &type)) return false;
        if (type.tensor_type.span.data && !decode(reader, type.tensor_type.span, axm_onnx_TensorTypeProto_fields, &tensor))
            return false;
        c->bfloat16[!is_input][is_input ? i : i - c->input_count] = tensor.elem_type == 16;
    }
    return true;
}

static bool read_description(node_case *c)
{
    axm_allocator allocator;
    axm_arena arena;
    axm_limits limits = axm_limits_default();
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    axm_arena_init(&arena, &allocator);
    axm_onnx_reader reader = {.data = c->model, .size = c->model_size, .arena = &arena, .limits = &limits};
    bool good = describe(c, &reader);
    axm_arena_free(&arena);
    return good;
}

/* input_<index>.pb or output_<index>.pb of a set; false when it is no tensor that actmax reads. */
static bool read_tensor(const node_case *c, int32_t set, bool is_input, int32_t index, axm_graph *graph, tensor_file *out)
{
    char path[4096];
    const char *kind = is_input ? "input" : "output";
    snprintf(path, sizeof path, "%s/node/%s/test_data_set_%d/%s_%d.pb", folder(), c->name, (int)set, kind, (int)index);
    out->data = onnx_read_file(path, &out->size);
    if (!out->data) return false;
    axm_builder builder = {graph};
    axm_loader_source source = {.data = out->data, .size = out->size, .allocator = graph->allocator};
    axm_onnx_import import = {.source = &source, .builder = &builder, .limits = &graph->limits};
    axm_arena_init(&import.scratch, graph->allocator);
    import.reader = (axm_onnx_reader){.data = out->data, .size = out->size, .arena = &import.scratch, .limits = import.limits};
    int32_t status = axm_onnx_read_tensor(&import, (axm_onnx_span){out->data, (uint32_t)out->size, 1}, kind, &out->constant);
    axm_arena_free(&import.scratch);
    if (status >= 0 && c->bfloat16[!is_input][index] && out->constant.dtype == AXM_UINT16) out->constant.dtype = AXM_BFLOAT16;
    return status >= 0;
}

/* ---- Running ---- */

typedef enum outcome { PASSED, REFUSED, UNCHECKED, WRONG } outcome;
static const char *const outcome_names[] = {"passed", "refused", "unchecked", "WRONG"};

static int32_t bind(axm_graph *graph, const char *name, const axm_constant *constant)
{
    size_t count = (size_t)axm_shape_count(&constant->shape);
    float *values = malloc(count * sizeof *values + 1);
    axm_constant_to_float(constant, values);
    int32_t status = axm_graph_bind(graph, name, values, constant->shape.dim, constant->shape.rank);
    free(values);
    return status;
}

static bool is_float(const axm_constant *constant)
{
    return axm_dtype_is_float(constant->dtype);
}

/* Binds inputs; *image is the one that stays, or (`all`) the dummy's index -1. */
static int32_t set_inputs(node_case *c, onnx_network *network, tensor_file *inputs, int32_t set, bool all, int32_t *image)
{
    const axm_op *op = axm_op_find(c->op);
    for (int32_t i = 0; i < c->input_count; i++)
        if (!read_tensor(c, set, true, i, network->graph, &inputs[i])) return axm_fail_within(-1, "input %d", (int)i);
    *image = c->input_count > 0 && is_float(&inputs[0].constant) && op && op->forward ? 0 : -1;
    if (op && (op->flags & AXM_OP_ALIAS) && *image < 0 && c->input_count > 0 && is_float(&inputs[0].constant)) *image = 0;
    if (all) *image = -1;
    for (int32_t i = *image + 1; i < c->input_count; i++) {
        int32_t value = axm_graph_find_value(network->graph, c->inputs[i]);
        if (value < 0 || !network->graph->values[value].is_input) continue;
        int32_t status = bind(network->graph, c->inputs[i], &inputs[i].constant);
        if (status < 0) return status;
    }
    return ACTMAX_OK;
}

#define NEAREST "expects the nearest integer that fits, until ONNX 1.18, and low bits since; ONNX leaves it open"

/* Cases that expect of so many elements what a later release of ONNX corrected. ONNX Runtime computes what we do. */
static const struct mistake {
    const char *name;
    int64_t elements;
    const char *text;
} mistakes[] = {
    {"test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True", 217,
     "expects means over positions beyond the padding, until ONNX 1.18"},
    {"test_averagepool_2d_ceil_last_window_starts_on_pad", 3, "expects numbers of four digits"},
    {"test_cast_FLOAT_to_INT4", 9, NEAREST},
    {"test_cast_FLOAT16_to_INT4", 9, NEAREST},
    {"test_cast_FLOAT_to_UINT4", 9, NEAREST},
    {"test_cast_FLOAT16_to_UINT4", 9, NEAREST},
    {"test_cast_FLOAT_to_FLOAT4E2M1", 1, "expects the largest number in the place of none, until ONNX 1.18; zero since"},
    {"test_cast_FLOAT16_to_FLOAT4E2M1", 1, "expects the largest number in the place of none, until ONNX 1.18; zero since"},
    {"test_l2normalization_axis_0", 2, "expects no number where all are zero; ONNX defines zero since"},
};

static const struct mistake *find_mistake(const char *name, int64_t wrong)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
        if (strcmp(mistakes[i].name, name) == 0 && mistakes[i].elements == wrong) return &mistakes[i];
    return NULL;
}

/* What differs, "" when nothing does, and in how many elements. */
static const char *compare(const axm_constant *expected, const axm_tensor *got, const float *values, int64_t *wrong)
{
    static char text[300];
    char a[AXM_SHAPE_TEXT], b[AXM_SHAPE_TEXT];
    *wrong = 0;
    snprintf(text, sizeof text, "shape %s, expected %s", axm_shape_text(&got->shape, a), axm_shape_text(&expected->shape, b));
    if (!axm_shape_equal(&got->shape, &expected->shape)) return text;
    text[0] = '\0';
    double relative = expected->dtype == AXM_FLOAT16 ? ldexp(1.0, -11) : RELATIVE; /* its rounding */
    if (expected->dtype == AXM_BFLOAT16) relative = ldexp(1.0, -7);                /* they were cut off */
    for (int64_t i = 0; i < axm_shape_count(&expected->shape); i++) {
        double want = axm_constant_number(expected, i),
               have = got->constant ? axm_constant_number(got->constant, i) : (double)values[i];
        bool same = (isnan(want) && isnan(have)) || (isinf(want) && isinf(have) && (want > 0) == (have > 0));
        if (same || fabs(want - have) <= ABSOLUTE + relative * fabs(want)) continue;
        if (*wrong == 0) snprintf(text, sizeof text, "element %lld is %g, expected %g", (long long)i, have, want);
        ++*wrong;
    }
    return text;
}

static outcome check_outputs(node_case *c, onnx_network *network, const axm_plan *plan, int32_t set)
{
    outcome result = PASSED;
    for (int32_t i = 0; i < c->output_count && result == PASSED; i++) {
        tensor_file expected = {0};
        axm_shape shape;
        if (!read_tensor(c, set, false, i, network->graph, &expected)) {
            snprintf(c->text, sizeof c->text, "%s", axm_message());
            free(expected.data);
            return UNCHECKED;
        }
        float *values = onnx_output(network, plan, c->outputs[i], &shape);
        const axm_tensor *got = axm_plan_find(plan, axm_graph_find_value(network->graph, c->outputs[i]));
        int64_t wrong;
        const char *problem = compare(&expected.constant, got, values, &wrong);
        const struct mistake *mistake = find_mistake(c->name, wrong);
        snprintf(c->text, sizeof c->text, "output '%s': %s", c->outputs[i], mistake ? mistake->text : problem);
        if (*problem) result = mistake ? UNCHECKED : WRONG;
        free(values);
        free(expected.data);
    }
    return result;
}

static outcome run_set(node_case *c, int32_t set, bool all)
{
    onnx_network network = {0};
    tensor_file inputs[INPUTS] = {{0}};
    axm_plan *plan = NULL;
    float nothing = 0.0f;
    outcome result = REFUSED;
    int32_t image = -1, dummy;
    int32_t status = onnx_load(&network, c->model, c->model_size);
    axm_builder builder = {network.graph};
    if (status >= 0) status = axm_builder_input(&builder, DUMMY, AXM_FLOAT32, &(axm_shape){.rank = 1, .dim = {1}}, &dummy);
    if (status >= 0) status = set_inputs(c, &network, inputs, set, all, &image);
    onnx_array x = {.name = DUMMY, .shape = {.rank = 1, .dim = {1}}, .count = 1, .values = &nothing};
    if (status >= 0 && image == 0) {
        x.shape = inputs[0].constant.shape;
        x.count = (size_t)axm_shape_count(&x.shape);
        x.values = malloc(x.count * sizeof(float) + 1);
        memcpy(x.name, c->inputs[0], sizeof x.name);
        axm_constant_to_float(&inputs[0].constant, x.values);
    }
    if (status >= 0) status = onnx_run(&network, &x, &plan);
    snprintf(c->text, sizeof c->text, "%s", status < 0 ? axm_message() : "");
    if (status >= 0) result = check_outputs(c, &network, plan, set);
    if (x.values != &nothing) free(x.values);
    onnx_free(&network);
    for (int32_t i = 0; i < INPUTS; i++)
        free(inputs[i].data);
    return result;
}

static outcome run_case(node_case *c)
{
    outcome result = PASSED;
    for (int32_t set = 0; result == PASSED; set++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/node/%s/test_data_set_%d", folder(), c->name, (int)set);
        if (access(path, R_OK) != 0) break;
        result = run_set(c, set, false);
        if (result != REFUSED) continue;
        char why[sizeof c->text];
        memcpy(why, c->text, sizeof why);
        result = run_set(c, set, true); /* what is refused of an image may still be done of a constant */
        if (result == REFUSED) memcpy(c->text, why, sizeof why);
    }
    return result;
}

/* ---- The table: CASE OPERATOR passed|refused|unchecked [reason] ---- */

static bool find_row(const char *name, char op[64], char result[64])
{
    char line[1024], word[128];
    bool found = false;
    FILE *file = fopen(table_path(), "r");
    if (!file) fail_msg("cannot open %s", table_path());
    while (!found && fgets(line, sizeof line, file))
        found = sscanf(line, "%127s %63s %63s", word, op, result) == 3 && strcmp(word, name) == 0;
    fclose(file);
    return found;
}

static int count_rows(void)
{
    char line[1024];
    int count = 0;
    FILE *file = fopen(table_path(), "r");
    if (!file) fail_msg("cannot open %s", table_path());
    while (fgets(line, sizeof line, file))
        count += line[0] != '#';
    fclose(file);
    return count;
}

/* Prints what is amiss. */
static bool agrees(const node_case *c, outcome result)
{
    char op[64], expected[64];
    const char *now = outcome_names[result];
    if (result == WRONG) {
        print_error("%s (%s): WRONG: %s\n", c->name, c->op, c->text);
        return false;
    }
    if (!find_row(c->name, op, expected)) {
        print_error("%s (%s) %s, but the table has no row of it\n", c->name, c->op, now);
        return false;
    }
    if (strcmp(op, c->op) == 0 && strcmp(expected, now) == 0) return true;
    print_error("%s (%s) %s: %s; the table says %s %s\n", c->name, c->op, now, c->text, op, expected);
    return false;
}

static void test_node_cases(void **state)
{
    char path[4096];
    struct dirent **entries = NULL;
    int selected = 0, amiss = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/node", folder());
    int count = scandir(path, &entries, NULL, alphasort);
    const char *table = getenv("ACTMAX_ONNX_TABLE");
    FILE *out = table && *table ? fopen(table, "w") : NULL;
    for (int i = 0; i < count; i++) {
        node_case c = {.name = entries[i]->d_name};
        snprintf(path, sizeof path, "%s/node/%s/model.onnx", folder(), c.name);
        c.model = entries[i]->d_name[0] == '.' ? NULL : onnx_read_file(path, &c.model_size);
        if (c.model && read_description(&c) && c.known) {
            outcome result = run_case(&c);
            selected++;
            amiss += !agrees(&c, result);
            if (out) fprintf(out, "%s %s %s%s%s\n", c.name, c.op, outcome_names[result], result ? "  " : "", result ? c.text : "");
        }
        free(c.model);
        free(entries[i]);
    }
    free(entries);
    if (out) fclose(out);
    if (amiss) fail_msg("%d of %d cases are not as the table says", amiss, selected);
    assert_int_equal(selected, count_rows());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_node_cases)};
    char path[4096];
    snprintf(path, sizeof path, "%s/node", folder());
    if (access(path, R_OK) != 0) {
        printf("no ONNX cases in %s (Debian package libonnx-testdata)\n", path);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
