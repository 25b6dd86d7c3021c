/* Graphs whose values are evaluated while planning: what is inferred of them, compared with numbers. */
#ifndef AXM_TEST_FOLDS_COMMON_H
#define AXM_TEST_FOLDS_COMMON_H

#include "graph_common.h"

typedef struct fold_test {
    test_graph g;
    axm_arena arena;
    axm_fact *facts;
} fold_test;

/* The image is [2, 3, 4, 5]; its values are not known. */
static inline void begin(fold_test *t)
{
    axm_shape image = SHAPE(2, 3, 4, 5);
    test_graph_init(&t->g, &image);
    axm_arena_init(&t->arena, &t->g.allocator);
}

static inline void end(fold_test *t)
{
    axm_arena_free(&t->arena);
    test_graph_free(&t->g);
}

static inline int32_t infer(fold_test *t)
{
    axm_infer_request request = {.graph = t->g.graph, .image = t->g.image, .image_shape = t->g.image_shape, .arena = &t->arena};
    request.kernels = axm_kernels_find("c");
    t->facts = axm_arena_array(&t->arena, (size_t)t->g.graph->value_count, sizeof *t->facts);
    assert_non_null(t->facts);
    return axm_infer_graph(&request, t->facts);
}

static inline void check_shape(const axm_shape *got, axm_shape want)
{
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    if (!axm_shape_equal(got, &want)) fail_msg("shape %s, expected %s", axm_shape_text(got, text_a), axm_shape_text(&want, text_b));
}

static inline const axm_constant *constant_of(fold_test *t, int32_t value, axm_dtype dtype, axm_shape shape)
{
    const axm_constant *constant = t->facts[value].constant;
    assert_non_null(constant);
    assert_int_equal(constant->dtype, dtype);
    check_shape(&constant->shape, shape);
    assert_int_equal(constant->bytes, (size_t)axm_shape_count(&shape) * axm_dtype_bytes(dtype));
    return constant;
}

static inline void check_integers(fold_test *t, int32_t value, axm_dtype dtype, axm_shape shape, const int64_t *want)
{
    const axm_constant *constant = constant_of(t, value, dtype, shape);
    for (int64_t i = 0; i < axm_shape_count(&shape); i++)
        if (axm_constant_integer(constant, i) != want[i])
            fail_msg("element %d is %lld, expected %lld", (int)i, (long long)axm_constant_integer(constant, i), (long long)want[i]);
}

static inline void check_numbers(fold_test *t, int32_t value, axm_shape shape, const double *want)
{
    const axm_constant *constant = constant_of(t, value, AXM_FLOAT32, shape);
    for (int64_t i = 0; i < axm_shape_count(&shape); i++)
        if (axm_constant_number(constant, i) != want[i])
            fail_msg("element %d is %g, expected %g", (int)i, axm_constant_number(constant, i), want[i]);
}

/* Infers, checks one int64 list, frees. */
static inline void gives(fold_test *t, int32_t value, axm_shape shape, const int64_t *want)
{
    test_ok(infer(t));
    check_integers(t, value, AXM_INT64, shape, want);
    end(t);
}
#define GIVES(t, value, ...) gives(t, value, SHAPE(COUNT_OF(int64_t, __VA_ARGS__)), (const int64_t[]){__VA_ARGS__})

static inline void refuses(fold_test *t, int32_t status, const char *text)
{
    assert_int_equal(infer(t), status);
    if (!strstr(axm_message(), text)) fail_msg("the message is \"%s\", without \"%s\"", axm_message(), text);
    end(t);
}

static inline int32_t scalar(test_graph *g, int64_t value)
{
    axm_shape shape = {.rank = 0};
    return test_constant(g, AXM_INT64, &shape, &value);
}

static inline int32_t floats(test_graph *g, axm_shape shape, const float *values)
{
    return test_constant(g, AXM_FLOAT32, &shape, values);
}
#define FLOATS(g, ...) floats(g, SHAPE(COUNT_OF(float, __VA_ARGS__)), (const float[]){__VA_ARGS__})

static inline int32_t empty(test_graph *g)
{
    axm_shape shape = SHAPE(0);
    return test_constant(g, AXM_INT64, &shape, "");
}

static inline int32_t bools(test_graph *g, const char *values, size_t count)
{
    axm_shape shape = SHAPE((int64_t)count);
    return test_constant(g, AXM_BOOL, &shape, values);
}

static inline int32_t node(test_graph *g, const char *op, const int32_t *inputs, int32_t count)
{
    return test_node(g, op, inputs, count, NO_ATTRIBUTES);
}

#endif
