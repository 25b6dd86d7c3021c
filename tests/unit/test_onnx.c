/* The ONNX loader: operators by opset and rules of the format, against ONNX Runtime and ONNX's reference evaluator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "onnx_network.h"

/* float32 sums of up to 40 products of numbers up to 10 */
#define ABSOLUTE 2e-6
#define RELATIVE 1e-5

/* Loads and runs one case; tells what is wrong with it. end: NULL, or the output that the network ends at. */
static bool passes(onnx_case *c, const onnx_array *end)
{
    onnx_network network = {.source = {.end = end ? end->name : NULL}};
    axm_plan *plan = NULL;
    int32_t status = onnx_load(&network, c->model, c->model_size);
    for (int32_t i = 0; status >= 0 && i < c->bound_count; i++) {
        if (end && axm_graph_find_value(network.graph, c->bound[i].name) < 0) continue; /* the end does not need it */
        status = axm_graph_bind(network.graph, c->bound[i].name, c->bound[i].values, c->bound[i].shape.dim, c->bound[i].shape.rank);
    }
    if (status >= 0) status = onnx_run(&network, &c->image, &plan);
    if (status < 0) print_error("%s: %s\n", c->name, axm_message());
    bool good = status >= 0;
    for (int32_t i = 0; good && i < c->output_count; i++) {
        if (end && &c->outputs[i] != end) continue;
        axm_shape shape;
        float *values = onnx_output(&network, plan, c->outputs[i].name, &shape);
        const char *problem = onnx_compare(values, &shape, &c->outputs[i], ABSOLUTE, RELATIVE);
        if (*problem) print_error("%s: output '%s': %s\n", c->name, c->outputs[i].name, problem);
        good = *problem == '\0';
        free(values);
    }
    onnx_free(&network);
    return good;
}

static void run_container(const char *file, int expected)
{
    onnx_container container;
    int run = 0, failed = 0;
    onnx_open(&container, file);
    for (onnx_case *c; (c = onnx_next(&container)) != NULL; run++)
        failed += !passes(c, NULL);
    onnx_close(&container);
    if (failed) fail_msg("%d of the %d cases of %s fail", failed, run, file);
    assert_int_equal(run, expected);
}

static void test_operators(void **state)
{
    (void)state;
    run_container("onnx/operators.bin", 402);
}

static void test_rules(void **state)
{
    (void)state;
    run_container("onnx/rules.bin", 95);
}

/* The option "end", at each output of networks that have several. */
static void test_ends(void **state)
{
    static const char *const files[] = {"onnx/operators.bin", "onnx/rules.bin"};
    int run = 0;
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        onnx_container container;
        onnx_open(&container, files[f]);
        for (onnx_case *c; (c = onnx_next(&container)) != NULL;)
            for (int32_t i = 0; i < c->output_count && c->output_count > 1; i++) {
                if (strcmp(c->outputs[i].name, c->image.name) == 0) continue; /* no node gives that */
                run++;
                if (!passes(c, &c->outputs[i])) fail_msg("%s, ended at '%s', fails", c->name, c->outputs[i].name);
            }
        onnx_close(&container);
    }
    assert_true(run > 10);
}

/* ---- What the graph is like ---- */

static void load_rule(onnx_container *container, const char *name, onnx_network *network)
{
    onnx_case *c;
    memset(network, 0, sizeof *network);
    onnx_open(container, "onnx/rules.bin");
    while ((c = onnx_next(container)) != NULL && strcmp(c->name, name) != 0)
        continue;
    if (!c) fail_msg("rules.bin has no '%s'", name);
    if (onnx_load(network, c->model, c->model_size) < 0) fail_msg("%s: %s", name, axm_message());
}

static void unload_rule(onnx_container *container, onnx_network *network)
{
    onnx_free(network);
    onnx_close(container);
}

static const axm_value *value_of(const onnx_network *network, const char *name)
{
    int32_t value = axm_graph_find_value(network->graph, name);
    if (value < 0) fail_msg("the graph has no value '%s'", name);
    return &network->graph->values[value];
}

static bool lies_in(const axm_constant *constant, const onnx_case *c)
{
    const uint8_t *data = constant->data;
    return data >= c->model && data + constant->bytes <= c->model + c->model_size;
}

static void test_weights_stay_in_the_file(void **state)
{
    static const char *const names[] = {"float_data", "float16_raw", "also_inputs", "constant_21", "double_data"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        onnx_container container;
        onnx_network network;
        load_rule(&container, names[i], &network);
        const char *weight = strcmp(names[i], "double_data") == 0 ? "w64" : "w";
        assert_true(lies_in(value_of(&network, weight)->constant, &container.now));
        unload_rule(&container, &network);
    }
}

/* Numbers that the file holds as varints are made once, with the graph. */
static void test_packed_halves_are_narrowed(void **state)
{
    onnx_container container;
    onnx_network network;
    (void)state;
    load_rule(&container, "float16_int32_data", &network);
    const axm_constant *w = value_of(&network, "w")->constant;
    assert_int_equal(w->dtype, AXM_FLOAT16);
    assert_int_equal(w->bytes, 48);
    assert_false(lies_in(w, &container.now));
    unload_rule(&container, &network);
}

static void test_names_of_nodes(void **state)
{
    static const char *const names[] = {"first", "act/relu:0", "last"};
    onnx_container container;
    onnx_network network;
    (void)state;
    load_rule(&container, "some_unnamed", &network);
    assert_int_equal(network.graph->node_count, 3);
    for (int32_t i = 0; i < 3; i++)
        assert_string_equal(network.graph->nodes[i].name, names[i]);
    unload_rule(&container, &network);

    load_rule(&container, "out_of_order", &network); /* put into an order that can be run */
    for (int32_t i = 0; i < 3; i++)
        assert_string_equal(network.graph->nodes[i].name, names[i]);
    unload_rule(&container, &network);
}

static void test_free_sizes(void **state)
{
    static const struct {
        const char *name;
        int32_t rank;
        int64_t dims[4];
    } rules[] = {
        {"symbolic", 4, {-1, 2, -1, -1}},          {"free", 4, {-1, 2, -1, -1}},
        {"zero_or_minus_one", 4, {-1, 2, -1, -1}}, {"no_shape", -1, {0}},
        {"float_data", 4, {1, 2, 3, 4}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        onnx_container container;
        onnx_network network;
        load_rule(&container, rules[i].name, &network);
        const axm_value *x = value_of(&network, "x");
        assert_true(x->is_input);
        assert_int_equal(x->declared.rank, rules[i].rank);
        for (int32_t d = 0; d < rules[i].rank; d++)
            assert_int_equal(x->declared.dim[d], rules[i].dims[d]);
        unload_rule(&container, &network);
    }
}

static void test_weights_are_no_inputs(void **state)
{
    static const char *const names[] = {"also_inputs", "also_inputs_ir3"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        onnx_container container;
        onnx_network network;
        load_rule(&container, names[i], &network);
        assert_int_equal(network.graph->input_count, 1);
        assert_string_equal(network.graph->values[network.graph->inputs[0]].name, "x");
        assert_int_equal(axm_graph_parameters(network.graph), 3 * 2 * 2 * 2 + 3);
        unload_rule(&container, &network);
    }
}

static void test_bound_inputs(void **state)
{
    onnx_container container;
    onnx_network network;
    const float two[] = {1.0f, 2.5f};
    (void)state;
    load_rule(&container, "bound_int64", &network);
    axm_graph *graph = network.graph;
    assert_int_equal(graph->input_count, 2);
    assert_int_equal(axm_graph_bind(graph, "nothing", two, (int64_t[]){2}, 1), ACTMAX_ERROR_NOT_FOUND);
    assert_int_equal(axm_graph_bind(graph, "s", two, (int64_t[]){1, 2}, 2), ACTMAX_ERROR_SHAPE);
    assert_int_equal(axm_graph_bind(graph, "s", two, (int64_t[]){2}, 1), ACTMAX_ERROR_INVALID); /* 2.5 is no integer */
    assert_int_equal(graph->input_count, 2);
    assert_int_equal(axm_graph_bind(graph, "s", (float[]){1.0f, -1.0f}, (int64_t[]){2}, 1), ACTMAX_OK);
    assert_int_equal(graph->input_count, 1);
    assert_int_equal(axm_constant_integer(value_of(&network, "s")->constant, 1), -1);
    unload_rule(&container, &network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_weights_stay_in_the_file),
        cmocka_unit_test(test_packed_halves_are_narrowed),
        cmocka_unit_test(test_names_of_nodes),
        cmocka_unit_test(test_free_sizes),
        cmocka_unit_test(test_weights_are_no_inputs),
        cmocka_unit_test(test_bound_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
