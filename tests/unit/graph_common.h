/* Tiny graphs for tests of operators and of the network core: built with the loaders' builder, run through plan and runner. */
#ifndef AXM_TEST_GRAPH_COMMON_H
#define AXM_TEST_GRAPH_COMMON_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "network/graph.h"
#include "network/infer.h"
#include "network/runner.h"

typedef struct test_graph {
    axm_allocator allocator;
    axm_graph *graph;
    axm_builder builder;
    axm_weights weights;
    int32_t image; /* value */
    axm_shape image_shape;
    int32_t names; /* values named so far */
} test_graph;

static inline void test_ok(int32_t status)
{
    if (status < 0) fail_msg("status %d: %s", (int)status, axm_message());
}

static inline const char *test_name(test_graph *g, char buffer[24])
{
    snprintf(buffer, 24, "v%d", (int)g->names++);
    return buffer;
}

static inline void test_graph_init(test_graph *g, const axm_shape *image)
{
    axm_limits limits = axm_limits_default();
    memset(g, 0, sizeof *g);
    axm_allocator_init(&g->allocator, NULL, NULL, NULL);
    test_ok(axm_graph_new(&g->allocator, &limits, &g->graph));
    test_ok(axm_weights_init(&g->weights, &g->allocator, limits.planned_bytes));
    g->builder.graph = g->graph;
    g->image_shape = *image;
    test_ok(axm_builder_input(&g->builder, "image", AXM_FLOAT32, image, &g->image));
}

static inline void test_graph_free(test_graph *g)
{
    axm_weights_free(&g->weights);
    axm_graph_free(g->graph);
    assert_int_equal(g->allocator.live_blocks, 0); /* nothing leaks */
}

/* A constant; its bytes are copied. */
static inline int32_t test_constant(test_graph *g, axm_dtype dtype, const axm_shape *shape, const void *data)
{
    char name[24];
    int32_t value;
    size_t bytes = (size_t)axm_shape_count(shape) * axm_dtype_bytes(dtype);
    void *copy = axm_arena_alloc(axm_builder_arena(&g->builder), bytes + 1);
    assert_non_null(copy);
    memcpy(copy, data, bytes);
    axm_constant constant = {dtype, *shape, copy, bytes};
    test_ok(axm_builder_constant(&g->builder, test_name(g, name), &constant, &value));
    return value;
}

/* A node of up to 8 outputs; the first one's value is returned, the others' follow it. */
static inline int32_t test_node_of(test_graph *g, const char *op, const int32_t *inputs, int32_t input_count,
                                   const axm_attribute *attributes, size_t attribute_count, int32_t outputs)
{
    char buffers[8][24];
    const char *names[8];
    int32_t values[8] = {-1};
    assert_in_range(outputs, 1, 8);
    for (int32_t i = 0; i < outputs; i++)
        names[i] = test_name(g, buffers[i]);
    axm_node_spec spec = {.op = op, .inputs = inputs, .input_count = input_count, .outputs = names, .output_count = outputs};
    spec.attributes = (axm_attributes){attributes, attribute_count};
    test_ok(axm_builder_node(&g->builder, &spec, values));
    return values[0];
}

/* A node of one output, whose value is returned. */
static inline int32_t test_node(test_graph *g, const char *op, const int32_t *inputs, int32_t input_count,
                                const axm_attribute *attributes, size_t attribute_count)
{
    return test_node_of(g, op, inputs, input_count, attributes, attribute_count, 1);
}

/* Lists for calls of test_node and others. */
#define COUNT_OF(type, ...) (sizeof((const type[]){__VA_ARGS__}) / sizeof(type))
#define SHAPE(...)                                                                                                                 \
    (axm_shape)                                                                                                                    \
    {                                                                                                                              \
        .rank = (int32_t)COUNT_OF(int64_t, __VA_ARGS__), .dim = { __VA_ARGS__ }                                                    \
    }
#define INPUTS(...)     (const int32_t[]){__VA_ARGS__}, (int32_t)COUNT_OF(int32_t, __VA_ARGS__)
#define ATTRIBUTES(...) (const axm_attribute[]){__VA_ARGS__}, COUNT_OF(axm_attribute, __VA_ARGS__)
#define NO_ATTRIBUTES   NULL, 0
/* clang-format off */
#define INT(key, value)    {.name = (key), .kind = AXM_ATTR_INT, .i = (value)}
#define FLOAT(key, value)  {.name = (key), .kind = AXM_ATTR_FLOAT, .f = (value)}
#define TEXT(key, value)   {.name = (key), .kind = AXM_ATTR_TEXT, .text = (value)}
#define INTS(key, ...)     {.name = (key), .kind = AXM_ATTR_INTS, .ints = (const int64_t[]){__VA_ARGS__}, .count = COUNT_OF(int64_t, __VA_ARGS__)}
/* clang-format on */

/* A list of integers. */
static inline int32_t test_list(test_graph *g, const int64_t *values, size_t count)
{
    axm_shape shape = {.rank = 1, .dim = {(int64_t)count}};
    return test_constant(g, AXM_INT64, &shape, values);
}
#define LIST(g, ...) test_list(g, (const int64_t[]){__VA_ARGS__}, COUNT_OF(int64_t, __VA_ARGS__))

static inline float *test_numbers(size_t count)
{
    float *p = malloc((count > 0 ? count : 1) * sizeof *p);
    assert_non_null(p);
    return p;
}

/* Weights from low to high, the same for each value of the graph. */
static inline int32_t test_weights(test_graph *g, axm_shape shape, float low, float high)
{
    size_t count = (size_t)axm_shape_count(&shape);
    uint32_t random = 12345u + (uint32_t)g->names * 977u;
    float *data = test_numbers(count);
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        data[i] = low + (high - low) * (float)(random >> 8) / 16777216.0f;
    }
    int32_t value = test_constant(g, AXM_FLOAT32, &shape, data);
    free(data);
    return value;
}

typedef struct test_run {
    const axm_kernels *kernels;
    int32_t threads;
    bool file_order;  /* the image lies in memory as in the file, else channels last where it has 4 axes */
    bool observe_all; /* nothing is fused or computed in place */
    bool add;         /* the image's gradient is added to one that is there already: 1, 2, 3, ... / 8 */
} test_run;

/* Output and gradient, in file order. */
typedef struct test_result {
    axm_shape shape;
    size_t y_count, x_count;
    float *y, *dx;
} test_result;

static inline void test_result_free(test_result *r)
{
    free(r->y);
    free(r->dx);
}

static inline float test_gradient_before(size_t i)
{
    return (float)(i % 64 + 1) / 8.0f;
}

static inline axm_plan *test_plan(test_graph *g, axm_runner *runner, int32_t value, const test_run *run)
{
    int32_t observe[64] = {value}, seeds[2] = {value, g->image};
    axm_plan_request request = {.image = g->image, .image_shape = g->image_shape, .observe = observe, .observe_count = 1};
    request.slice_value = -1;
    request.seeds = seeds;
    request.seed_count = run->add ? 2 : 1;
    request.wants = &g->image;
    request.want_count = 1;
    for (int32_t v = 0; run->observe_all && v < g->graph->value_count && request.observe_count < 64; v++)
        if (g->graph->values[v].producer >= 0) observe[request.observe_count++] = v;
    g->graph->values[g->image].channels_last = run->file_order;
    axm_plan *plan;
    test_ok(axm_runner_plan(runner, &request, &plan));
    return plan;
}

/* Forward of x, backward of dy (NULL: the output's elements get 1, -1, ...). */
static inline test_result test_graph_run(test_graph *g, int32_t value, const test_run *run, const float *x, const float *dy)
{
    axm_runner runner;
    test_result r;
    test_ok(axm_runner_init(&runner, &g->allocator, g->graph, &g->weights, run->kernels, run->threads));
    axm_plan *plan = test_plan(g, &runner, value, run);
    const axm_tensor *image = axm_plan_find(plan, g->image), *y = axm_plan_find(plan, value);
    assert_non_null(image);
    assert_non_null(y);
    assert_non_null(image->grad);
    r.shape = y->shape;
    r.x_count = (size_t)axm_shape_count(&image->shape);
    r.y_count = (size_t)axm_shape_count(&y->shape);
    r.y = test_numbers(r.y_count);
    r.dx = test_numbers(r.x_count);
    float *upstream = test_numbers(r.y_count);
    for (size_t i = 0; i < r.y_count; i++)
        upstream[i] = dy ? dy[i] : i % 2 ? -1.0f : 1.0f;

    axm_tensor_from_file_order(image, x, image->data);
    axm_plan_forward(plan, runner.pool);
    axm_tensor_to_file_order(y, y->data, r.y);
    for (size_t i = 0; run->add && i < r.x_count; i++)
        r.dx[i] = test_gradient_before(i);
    if (run->add) axm_tensor_from_file_order(image, r.dx, image->grad);
    axm_tensor_from_file_order(y, upstream, y->grad);
    axm_plan_backward(plan, runner.pool);
    axm_tensor_to_file_order(image, image->grad, r.dx);
    free(upstream);
    axm_runner_free(&runner);
    return r;
}

#endif
