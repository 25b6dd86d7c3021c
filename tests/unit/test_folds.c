/* Values that operators evaluate while planning: exporters' shape arithmetic on exact integers, and constants of other types.
 * Numbers are by hand, from NumPy's rules and the ONNX specification. Messages of what is refused, and of shapes that do not fit.
 */
#include "graph_common.h"

#include <limits.h>

typedef struct fold_test {
    test_graph g;
    axm_arena arena;
    axm_fact *facts;
} fold_test;

/* The image is [2, 3, 4, 5]; its values are not known. */
static void begin(fold_test *t)
{
    axm_shape image = SHAPE(2, 3, 4, 5);
    test_graph_init(&t->g, &image);
    axm_arena_init(&t->arena, &t->g.allocator);
}

static void end(fold_test *t)
{
    axm_arena_free(&t->arena);
    test_graph_free(&t->g);
}

static int32_t infer(fold_test *t)
{
    axm_infer_request request = {.graph = t->g.graph, .image = t->g.image, .image_shape = t->g.image_shape, .arena = &t->arena};
    request.kernels = axm_kernels_find("c");
    t->facts = axm_arena_array(&t->arena, (size_t)t->g.graph->value_count, sizeof *t->facts);
    assert_non_null(t->facts);
    return axm_infer_graph(&request, t->facts);
}

static void check_shape(const axm_shape *got, axm_shape want)
{
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    if (!axm_shape_equal(got, &want)) fail_msg("shape %s, expected %s", axm_shape_text(got, text_a), axm_shape_text(&want, text_b));
}

static const axm_constant *constant_of(fold_test *t, int32_t value, axm_dtype dtype, axm_shape shape)
{
    const axm_constant *constant = t->facts[value].constant;
    assert_non_null(constant);
    assert_int_equal(constant->dtype, dtype);
    check_shape(&constant->shape, shape);
    assert_int_equal(constant->bytes, (size_t)axm_shape_count(&shape) * axm_dtype_bytes(dtype));
    return constant;
}

static void check_integers(fold_test *t, int32_t value, axm_dtype dtype, axm_shape shape, const int64_t *want)
{
    const axm_constant *constant = constant_of(t, value, dtype, shape);
    for (int64_t i = 0; i < axm_shape_count(&shape); i++)
        if (axm_constant_integer(constant, i) != want[i])
            fail_msg("element %d is %lld, expected %lld", (int)i, (long long)axm_constant_integer(constant, i), (long long)want[i]);
}

static void check_numbers(fold_test *t, int32_t value, axm_shape shape, const double *want)
{
    const axm_constant *constant = constant_of(t, value, AXM_FLOAT32, shape);
    for (int64_t i = 0; i < axm_shape_count(&shape); i++)
        if (axm_constant_number(constant, i) != want[i])
            fail_msg("element %d is %g, expected %g", (int)i, axm_constant_number(constant, i), want[i]);
}

/* Infers, checks one int64 list, frees. */
static void gives(fold_test *t, int32_t value, axm_shape shape, const int64_t *want)
{
    test_ok(infer(t));
    check_integers(t, value, AXM_INT64, shape, want);
    end(t);
}
#define GIVES(t, value, ...) gives(t, value, SHAPE(COUNT_OF(int64_t, __VA_ARGS__)), (const int64_t[]){__VA_ARGS__})

static void refuses(fold_test *t, int32_t status, const char *text)
{
    assert_int_equal(infer(t), status);
    if (!strstr(axm_message(), text)) fail_msg("the message is \"%s\", without \"%s\"", axm_message(), text);
    end(t);
}

static int32_t scalar(test_graph *g, int64_t value)
{
    axm_shape shape = {.rank = 0};
    return test_constant(g, AXM_INT64, &shape, &value);
}

static int32_t floats(test_graph *g, axm_shape shape, const float *values)
{
    return test_constant(g, AXM_FLOAT32, &shape, values);
}
#define FLOATS(g, ...) floats(g, SHAPE(COUNT_OF(float, __VA_ARGS__)), (const float[]){__VA_ARGS__})

static int32_t empty(test_graph *g)
{
    axm_shape shape = SHAPE(0);
    return test_constant(g, AXM_INT64, &shape, "");
}

static int32_t bools(test_graph *g, const char *values, size_t count)
{
    axm_shape shape = SHAPE((int64_t)count);
    return test_constant(g, AXM_BOOL, &shape, values);
}

static int32_t node(test_graph *g, const char *op, const int32_t *inputs, int32_t count)
{
    return test_node(g, op, inputs, count, NO_ATTRIBUTES);
}

/* ---- Shapes of what is computed ---- */

static void shapes(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    GIVES(&t, node(&t.g, "Shape", INPUTS(0)), 2, 3, 4, 5);
    begin(&t);
    GIVES(&t, test_node(&t.g, "Shape", INPUTS(0), ATTRIBUTES(INT("start", 1), INT("end", -1))), 3, 4);
    begin(&t);
    GIVES(&t, test_node(&t.g, "Shape", INPUTS(0), ATTRIBUTES(INT("start", -2), INT("end", 99))), 4, 5);
    begin(&t);
    int32_t none = test_node(&t.g, "Shape", INPUTS(0), ATTRIBUTES(INT("start", 3), INT("end", 1)));
    gives(&t, none, SHAPE(0), NULL);
    begin(&t); /* of a constant */
    GIVES(&t, node(&t.g, "Shape", INPUTS(test_weights(&t.g, SHAPE(7, 1), 0, 1))), 7, 1);
}

/* What PyTorch writes for x.view(x.size(0), -1), and for a size that is half of the image's. */
static void exporters(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    int32_t batch = node(&t.g, "Gather", INPUTS(node(&t.g, "Shape", INPUTS(0)), scalar(&t.g, 0)));
    int32_t sizes[2] = {test_node(&t.g, "Unsqueeze", INPUTS(batch), ATTRIBUTES(INTS("axes", 0))), LIST(&t.g, -1)};
    int32_t view = node(&t.g, "Reshape", INPUTS(0, test_node(&t.g, "Concat", sizes, 2, ATTRIBUTES(INT("axis", 0)))));
    test_ok(infer(&t));
    assert_null(t.facts[view].constant);
    check_shape(&t.facts[view].shape, SHAPE(2, 60));
    check_integers(&t, batch, AXM_INT64, (axm_shape){.rank = 0}, (const int64_t[]){2});
    end(&t);

    begin(&t);
    int32_t size = node(&t.g, "Slice", INPUTS(node(&t.g, "Shape", INPUTS(0)), LIST(&t.g, 2), LIST(&t.g, 4)));
    int32_t real = test_node(&t.g, "Cast", INPUTS(size), ATTRIBUTES(INT("to", AXM_FLOAT32)));
    int32_t half = node(&t.g, "Floor", INPUTS(node(&t.g, "Mul", INPUTS(real, FLOATS(&t.g, 0.5f)))));
    GIVES(&t, test_node(&t.g, "Cast", INPUTS(half), ATTRIBUTES(INT("to", AXM_INT64))), 2, 2);
}

/* ---- Arithmetic ---- */

static void arithmetic(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    GIVES(&t, node(&t.g, "Add", INPUTS(LIST(&t.g, 1, 2, (int64_t)1 << 53), LIST(&t.g, 1))), 2, 3, ((int64_t)1 << 53) + 1);
    begin(&t);
    GIVES(&t, node(&t.g, "Sub", INPUTS(scalar(&t.g, 5), LIST(&t.g, 7, -7))), -2, 12);
    begin(&t);
    GIVES(&t, node(&t.g, "Mul", INPUTS(LIST(&t.g, 3037000500, -3), LIST(&t.g, 3037000499, 5))), 9223372033963249500, -15);
    begin(&t); /* towards zero */
    GIVES(&t, node(&t.g, "Div", INPUTS(LIST(&t.g, 7, -7, 7, -7), LIST(&t.g, 2, 2, -2, -2))), 3, -3, -3, 3);
    begin(&t); /* [2, 1] by [3] */
    axm_shape column = SHAPE(2, 1);
    int32_t tall = test_constant(&t.g, AXM_INT64, &column, (const int64_t[]){10, 20});
    gives(&t, node(&t.g, "Add", INPUTS(tall, LIST(&t.g, 1, 2, 3))), SHAPE(2, 3), (const int64_t[]){11, 12, 13, 21, 22, 23});
    begin(&t); /* the sign of the divisor */
    GIVES(&t, node(&t.g, "Mod", INPUTS(LIST(&t.g, -7, 7, -7, 6, INT64_MIN), LIST(&t.g, 3, -3, -3, 3, -1))), 2, -2, -1, 0, 0);
    begin(&t); /* the sign of the dividend */
    GIVES(&t, test_node(&t.g, "Mod", INPUTS(LIST(&t.g, -7, 7, 6), LIST(&t.g, 3, -3, 3)), ATTRIBUTES(INT("fmod", 1))), -1, 1, 0);
}

static void arithmetic_limits(void **state)
{
    const axm_shape one = SHAPE(1);
    fold_test t;
    (void)state;
    begin(&t);
    node(&t.g, "Add", INPUTS(LIST(&t.g, INT64_MAX), LIST(&t.g, 1)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "(Add): Add of 9223372036854775807 and 1 overflows 64 bits");
    begin(&t);
    node(&t.g, "Sub", INPUTS(LIST(&t.g, INT64_MIN), LIST(&t.g, 1)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "overflows 64 bits");
    begin(&t);
    node(&t.g, "Mul", INPUTS(LIST(&t.g, (int64_t)1 << 62), LIST(&t.g, 2)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "overflows 64 bits");
    begin(&t);
    node(&t.g, "Div", INPUTS(LIST(&t.g, 4), LIST(&t.g, 0)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Div of 4 and 0 divides by zero");
    begin(&t);
    node(&t.g, "Div", INPUTS(LIST(&t.g, INT64_MIN), LIST(&t.g, -1)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "overflows 64 bits");
    begin(&t);
    node(&t.g, "Mod", INPUTS(LIST(&t.g, 4), LIST(&t.g, 0)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "divides by zero");
    begin(&t);
    node(&t.g, "Mod", INPUTS(FLOATS(&t.g, 4), FLOATS(&t.g, 3)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "needs fmod=1");
    begin(&t); /* an int32 stays one */
    int32_t most = test_constant(&t.g, AXM_INT32, &one, &(int32_t){INT32_MAX});
    node(&t.g, "Add", INPUTS(most, test_constant(&t.g, AXM_INT32, &one, &(int32_t){1})));
    refuses(&t, ACTMAX_ERROR_SHAPE, "2147483648, which does not fit its type int32");
    begin(&t);
    node(&t.g, "Add", INPUTS(LIST(&t.g, 1, 2), LIST(&t.g, 1, 2, 3)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Add cannot combine shapes [2] and [3]");
}

static void element_by_element(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    int32_t low = node(&t.g, "Floor", INPUTS(FLOATS(&t.g, -1.5f, 2.0f, 2.75f)));
    int32_t high = node(&t.g, "Ceil", INPUTS(FLOATS(&t.g, -1.5f, 2.0f, 2.75f)));
    int32_t same = node(&t.g, "Floor", INPUTS(LIST(&t.g, 7)));
    int32_t least = node(&t.g, "Min", INPUTS(LIST(&t.g, 4, -2, 9), LIST(&t.g, 3), scalar(&t.g, 5)));
    int32_t most = node(&t.g, "Max", INPUTS(LIST(&t.g, 4, -2, 9), LIST(&t.g, 3), scalar(&t.g, 5)));
    int32_t real = node(&t.g, "Max", INPUTS(FLOATS(&t.g, 0.5f, -0.5f), FLOATS(&t.g, 0.0f)));
    int32_t remainder = test_node(&t.g, "Mod", INPUTS(FLOATS(&t.g, 5.5f, -5.5f), FLOATS(&t.g, -2.0f)), ATTRIBUTES(INT("fmod", 1)));
    int32_t equal = node(&t.g, "Equal", INPUTS(LIST(&t.g, 1, -1, 3), LIST(&t.g, -1)));
    int32_t other = node(&t.g, "Not", INPUTS(equal));
    int32_t chosen = node(&t.g, "Where", INPUTS(equal, LIST(&t.g, 10), LIST(&t.g, 1, 2, 3)));
    test_ok(infer(&t));
    check_numbers(&t, low, SHAPE(3), (const double[]){-2, 2, 2});
    check_numbers(&t, high, SHAPE(3), (const double[]){-1, 2, 3});
    check_integers(&t, same, AXM_INT64, SHAPE(1), (const int64_t[]){7});
    check_integers(&t, least, AXM_INT64, SHAPE(3), (const int64_t[]){3, -2, 3});
    check_integers(&t, most, AXM_INT64, SHAPE(3), (const int64_t[]){5, 5, 9});
    check_numbers(&t, real, SHAPE(2), (const double[]){0.5, 0});
    check_numbers(&t, remainder, SHAPE(2), (const double[]){1.5, -1.5});
    check_integers(&t, equal, AXM_BOOL, SHAPE(3), (const int64_t[]){0, 1, 0});
    check_integers(&t, other, AXM_BOOL, SHAPE(3), (const int64_t[]){1, 0, 1});
    check_integers(&t, chosen, AXM_INT64, SHAPE(3), (const int64_t[]){1, 10, 3});
    end(&t);
    begin(&t);
    node(&t.g, "Not", INPUTS(LIST(&t.g, 1)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Not needs booleans, got int64");
    begin(&t);
    node(&t.g, "Where", INPUTS(bools(&t.g, "\1", 1), LIST(&t.g, 1), FLOATS(&t.g, 1)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Where cannot choose between int64 and float32");
}

static int32_t cast(test_graph *g, int32_t x, axm_dtype to)
{
    return test_node(g, "Cast", INPUTS(x), ATTRIBUTES(INT("to", to)));
}

static void casts(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    int32_t real = FLOATS(&t.g, 2.75f, -2.75f, 0.0f), wide = LIST(&t.g, 300, -1, 200, 4294967297);
    int32_t whole = cast(&t.g, real, AXM_INT64), truth = cast(&t.g, real, AXM_BOOL), narrow = cast(&t.g, real, AXM_INT32);
    int32_t bytes = cast(&t.g, wide, AXM_UINT8), signed_bytes = cast(&t.g, wide, AXM_INT8), words = cast(&t.g, wide, AXM_INT32);
    int32_t numbers = cast(&t.g, wide, AXM_FLOAT16), back = cast(&t.g, bools(&t.g, "\0\1", 2), AXM_INT64);
    int32_t kept = cast(&t.g, real, AXM_FLOAT64);
    int32_t nibbles = cast(&t.g, FLOATS(&t.g, 9.5f, -8.0f, -1.0f), AXM_INT4), pairs = cast(&t.g, wide, AXM_UINT2);
    int32_t eight = test_constant(&t.g, AXM_FLOAT8E5M2, &SHAPE(2), "\x3e\xc4"), doubled = cast(&t.g, eight, AXM_INT64);
    test_ok(infer(&t));
    check_integers(&t, whole, AXM_INT64, SHAPE(3), (const int64_t[]){2, -2, 0});
    check_integers(&t, truth, AXM_BOOL, SHAPE(3), (const int64_t[]){1, 1, 0});
    check_integers(&t, narrow, AXM_INT32, SHAPE(3), (const int64_t[]){2, -2, 0});
    check_integers(&t, bytes, AXM_UINT8, SHAPE(4), (const int64_t[]){44, 255, 200, 1});
    check_integers(&t, signed_bytes, AXM_INT8, SHAPE(4), (const int64_t[]){44, -1, -56, 1});
    check_integers(&t, words, AXM_INT32, SHAPE(4), (const int64_t[]){300, -1, 200, 1});
    check_numbers(&t, numbers, SHAPE(4), (const double[]){300, -1, 200, 4294967296.0});
    check_integers(&t, back, AXM_INT64, SHAPE(2), (const int64_t[]){0, 1});
    check_numbers(&t, kept, SHAPE(3), (const double[]){2.75, -2.75, 0});
    check_integers(&t, nibbles, AXM_INT4, SHAPE(3), (const int64_t[]){-7, -8, -1});
    check_integers(&t, pairs, AXM_UINT2, SHAPE(4), (const int64_t[]){0, 3, 0, 1});
    check_integers(&t, doubled, AXM_INT64, SHAPE(2), (const int64_t[]){1, -4});
    end(&t);
    begin(&t);
    cast(&t.g, FLOATS(&t.g, NAN), AXM_INT64);
    refuses(&t, ACTMAX_ERROR_SHAPE, "Cast cannot turn nan into int64");
    begin(&t);
    cast(&t.g, FLOATS(&t.g, 3e9f), AXM_INT32);
    refuses(&t, ACTMAX_ERROR_SHAPE, "does not fit its type int32");
    begin(&t);
    cast(&t.g, 0, AXM_INT64);
    refuses(&t, ACTMAX_ERROR_UNSUPPORTED, "Cast to int64 of what is computed from the image is not supported");
}

/* ---- Moving elements ---- */

static void moving(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    axm_shape two_by_three = SHAPE(2, 3), indices = SHAPE(2, 2);
    int32_t m = test_constant(&t.g, AXM_INT64, &two_by_three, (const int64_t[]){1, 2, 3, 4, 5, 6});
    int32_t at = test_constant(&t.g, AXM_INT64, &indices, (const int64_t[]){0, -1, 1, 0});
    int32_t joined = test_node(&t.g, "Concat", INPUTS(LIST(&t.g, 1), empty(&t.g), LIST(&t.g, 2, 3)), ATTRIBUTES(INT("axis", 0)));
    int32_t wider = test_node(&t.g, "Concat", INPUTS(m, m), ATTRIBUTES(INT("axis", -1)));
    int32_t row = node(&t.g, "Gather", INPUTS(m, scalar(&t.g, -1)));
    int32_t picked = test_node(&t.g, "Gather", INPUTS(m, at), ATTRIBUTES(INT("axis", 1)));
    int32_t turned = node(&t.g, "Transpose", INPUTS(m));
    int32_t back = node(&t.g, "Slice", INPUTS(m, LIST(&t.g, -1), LIST(&t.g, INT64_MIN), LIST(&t.g, 1), LIST(&t.g, -2)));
    int32_t nothing = node(&t.g, "Slice", INPUTS(LIST(&t.g, 1, 2), LIST(&t.g, 2), LIST(&t.g, INT64_MAX)));
    int32_t flat = test_node(&t.g, "Reshape", INPUTS(m), ATTRIBUTES(INTS("shape", -1)));
    int32_t taller = test_node(&t.g, "Unsqueeze", INPUTS(m), ATTRIBUTES(INTS("axes", 0, -1)));
    int32_t single = node(&t.g, "Squeeze", INPUTS(LIST(&t.g, 9)));
    int32_t wide = node(&t.g, "Expand", INPUTS(LIST(&t.g, 1, 2), LIST(&t.g, 2, 1)));
    int32_t product = test_node(&t.g, "ReduceProd", INPUTS(m), ATTRIBUTES(INTS("axes", 1), INT("keepdims", 0)));
    int32_t all = node(&t.g, "ReduceProd", INPUTS(m));
    test_ok(infer(&t));
    check_integers(&t, joined, AXM_INT64, SHAPE(3), (const int64_t[]){1, 2, 3});
    check_integers(&t, wider, AXM_INT64, SHAPE(2, 6), (const int64_t[]){1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
    check_integers(&t, row, AXM_INT64, SHAPE(3), (const int64_t[]){4, 5, 6});
    check_integers(&t, picked, AXM_INT64, SHAPE(2, 2, 2), (const int64_t[]){1, 3, 2, 1, 4, 6, 5, 4});
    check_integers(&t, turned, AXM_INT64, SHAPE(3, 2), (const int64_t[]){1, 4, 2, 5, 3, 6});
    check_integers(&t, back, AXM_INT64, SHAPE(2, 2), (const int64_t[]){3, 1, 6, 4});
    check_integers(&t, nothing, AXM_INT64, SHAPE(0), NULL);
    check_integers(&t, flat, AXM_INT64, SHAPE(6), (const int64_t[]){1, 2, 3, 4, 5, 6});
    check_integers(&t, taller, AXM_INT64, SHAPE(1, 2, 3, 1), (const int64_t[]){1, 2, 3, 4, 5, 6});
    check_integers(&t, single, AXM_INT64, (axm_shape){.rank = 0}, (const int64_t[]){9});
    check_integers(&t, wide, AXM_INT64, SHAPE(2, 2), (const int64_t[]){1, 2, 1, 2});
    check_integers(&t, product, AXM_INT64, SHAPE(2), (const int64_t[]){6, 120});
    check_integers(&t, all, AXM_INT64, SHAPE(1, 1), (const int64_t[]){720});
    end(&t);
    begin(&t);
    node(&t.g, "Gather", INPUTS(LIST(&t.g, 1, 2), LIST(&t.g, 2)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Gather picks element 2 of an axis of 2");
    begin(&t);
    node(&t.g, "ReduceProd", INPUTS(LIST(&t.g, (int64_t)1 << 40, (int64_t)1 << 40)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "ReduceProd overflows 64 bits");
    begin(&t);
    node(&t.g, "Slice", INPUTS(LIST(&t.g, 1), LIST(&t.g, 0), LIST(&t.g, 1), LIST(&t.g, 0), LIST(&t.g, 0)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Slice has a step of 0 along axis 0");
    begin(&t);
    node(&t.g, "Mod", INPUTS(0, LIST(&t.g, 2)));
    refuses(&t, ACTMAX_ERROR_UNSUPPORTED, "Mod is computed here from what is in the image");
}

static void generated(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    int32_t zeros = node(&t.g, "ConstantOfShape", INPUTS(LIST(&t.g, 2, 1)));
    int32_t sevens = test_node(&t.g, "ConstantOfShape", INPUTS(LIST(&t.g, 3)), ATTRIBUTES(INT("value", 7)));
    int32_t up = node(&t.g, "Range", INPUTS(scalar(&t.g, 1), scalar(&t.g, 8), scalar(&t.g, 3)));
    int32_t down = node(&t.g, "Range", INPUTS(scalar(&t.g, 3), scalar(&t.g, -1), scalar(&t.g, -2)));
    int32_t far = node(&t.g, "Range", INPUTS(scalar(&t.g, INT64_MIN), scalar(&t.g, INT64_MAX), scalar(&t.g, INT64_MAX)));
    int32_t none = node(&t.g, "Range", INPUTS(scalar(&t.g, 3), scalar(&t.g, 3), scalar(&t.g, 1)));
    int32_t real = node(&t.g, "Range", INPUTS(FLOATS(&t.g, 1.0f), FLOATS(&t.g, 2.25f), FLOATS(&t.g, 0.5f)));
    test_ok(infer(&t));
    check_numbers(&t, zeros, SHAPE(2, 1), (const double[]){0, 0});
    check_integers(&t, sevens, AXM_INT64, SHAPE(3), (const int64_t[]){7, 7, 7});
    check_integers(&t, up, AXM_INT64, SHAPE(3), (const int64_t[]){1, 4, 7});
    check_integers(&t, down, AXM_INT64, SHAPE(2), (const int64_t[]){3, 1});
    check_integers(&t, far, AXM_INT64, SHAPE(3), (const int64_t[]){INT64_MIN, -1, INT64_MAX - 1});
    check_integers(&t, none, AXM_INT64, SHAPE(0), NULL);
    check_numbers(&t, real, SHAPE(3), (const double[]){1, 1.5, 2});
    end(&t);
    begin(&t);
    node(&t.g, "Range", INPUTS(scalar(&t.g, 0), scalar(&t.g, 3), scalar(&t.g, 0)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Range has a step of 0");
    begin(&t);
    node(&t.g, "Range", INPUTS(scalar(&t.g, INT64_MIN), scalar(&t.g, INT64_MAX), scalar(&t.g, 1)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Range has more elements than can be counted");
    begin(&t);
    node(&t.g, "Expand", INPUTS(LIST(&t.g, 1), LIST(&t.g, (int64_t)1 << 40)));
    assert_int_equal(infer(&t), ACTMAX_ERROR_LIMIT);
    end(&t);
    begin(&t);
    node(&t.g, "ConstantOfShape", INPUTS(LIST(&t.g, -1)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "negative size");
    begin(&t);
    node(&t.g, "Expand", INPUTS(LIST(&t.g, 1, 2), LIST(&t.g, 3)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Expand cannot take shape [2] to [3]");
}

static void split(fold_test *t, const axm_attribute *attributes, size_t count, int32_t parts, int32_t *out)
{
    static const char *const names[] = {"a", "b", "c"};
    int32_t x = LIST(&t->g, 1, 2, 3, 4, 5, 6, 7);
    axm_node_spec spec = {.op = "Split", .inputs = &x, .input_count = 1, .outputs = names, .output_count = parts};
    spec.attributes = (axm_attributes){attributes, count};
    test_ok(axm_builder_node(&t->g.builder, &spec, out));
}

static void splits(void **state)
{
    fold_test t;
    int32_t v[3];
    (void)state;
    begin(&t);
    split(&t, ATTRIBUTES(INTS("split", 2, 5)), 2, v);
    test_ok(infer(&t));
    check_integers(&t, v[0], AXM_INT64, SHAPE(2), (const int64_t[]){1, 2});
    check_integers(&t, v[1], AXM_INT64, SHAPE(5), (const int64_t[]){3, 4, 5, 6, 7});
    end(&t);
    begin(&t); /* the last one is smaller */
    split(&t, ATTRIBUTES(INT("num_outputs", 3)), 3, v);
    test_ok(infer(&t));
    check_integers(&t, v[0], AXM_INT64, SHAPE(3), (const int64_t[]){1, 2, 3});
    check_integers(&t, v[2], AXM_INT64, SHAPE(1), (const int64_t[]){7});
    end(&t);
    begin(&t);
    split(&t, NO_ATTRIBUTES, 2, v);
    refuses(&t, ACTMAX_ERROR_SHAPE, "Split cannot cut an axis of 7 into 2 equal parts");
    begin(&t);
    split(&t, ATTRIBUTES(INTS("split", 2, 4)), 2, v);
    refuses(&t, ACTMAX_ERROR_SHAPE, "Split cannot cut an axis of 7 into [2, 4]");
}

/* ---- Weights ---- */

/* Floating point goes through the operators' own forward functions, or keeps its type where only the shape changes. */
static void weights(void **state)
{
    const uint16_t halves[] = {0x3c00, 0xc000, 0x3800, 0x0000}; /* 1, -2, 0.5, 0 */
    const axm_shape square = SHAPE(2, 2);
    fold_test t;
    (void)state;
    begin(&t);
    int32_t h = test_constant(&t.g, AXM_FLOAT16, &square, halves), f = floats(&t.g, square, (const float[]){1, 2, 3, 4});
    int32_t sum = node(&t.g, "Add", INPUTS(h, f)), turned = test_node(&t.g, "Transpose", INPUTS(h), NO_ATTRIBUTES);
    int32_t flat = test_node(&t.g, "Flatten", INPUTS(h), ATTRIBUTES(INT("axis", 0)));
    int32_t sliced = node(&t.g, "Slice", INPUTS(h, LIST(&t.g, 1), LIST(&t.g, 2)));
    int32_t joined = test_node(&t.g, "Concat", INPUTS(f, h), ATTRIBUTES(INT("axis", 1)));
    int32_t picked = node(&t.g, "Gather", INPUTS(h, LIST(&t.g, 1)));
    int32_t positive = node(&t.g, "Relu", INPUTS(h)), product = node(&t.g, "MatMul", INPUTS(f, f));
    int32_t mean = node(&t.g, "ReduceMean", INPUTS(f));
    test_ok(infer(&t));
    check_numbers(&t, sum, SHAPE(2, 2), (const double[]){2, 0, 3.5, 4});
    check_numbers(&t, turned, SHAPE(2, 2), (const double[]){1, 0.5, -2, 0});
    assert_ptr_equal(constant_of(&t, flat, AXM_FLOAT16, SHAPE(1, 4))->data, t.g.graph->values[h].constant->data);
    check_numbers(&t, sliced, SHAPE(1, 2), (const double[]){0.5, 0});
    check_numbers(&t, joined, SHAPE(2, 4), (const double[]){1, 2, 1, -2, 3, 4, 0.5, 0});
    check_numbers(&t, picked, SHAPE(1, 2), (const double[]){0.5, 0});
    check_numbers(&t, positive, SHAPE(2, 2), (const double[]){1, 0, 0.5, 0});
    check_numbers(&t, product, SHAPE(2, 2), (const double[]){7, 10, 15, 22});
    check_numbers(&t, mean, SHAPE(1, 1), (const double[]){2.5});
    end(&t);
}

/* ---- Shapes that do not fit: the node, what it got, what to do ---- */

typedef struct shape_error {
    const char *op;
    axm_shape weight; /* of input 1; rank 0: none */
    axm_attribute attribute;
    const char *message;
} shape_error;

static void messages(void **state)
{
    static const int64_t kernel[] = {7, 7}, reshaped[] = {2, 50}, squeezed[] = {1}, order[] = {0, 1},
                         pads[] = {0, 0, 9, 0, 0, 0, 0, 0};
    const shape_error errors[] = {
        {"Conv", SHAPE(8, 4, 3, 3), INT("group", 1),
         "node 'v1' (Conv): Conv needs W of shape [out, 3/1, kh, kw] for its input [2, 3, 4, 5], got [8, 4, 3, 3]"},
        {"Conv", SHAPE(8, 3, 5, 5), INT("group", 1),
         "Conv has a window of 5 (with dilation 1) that does not fit its input of shape [2, 3, 4, 5]; use a larger input size"},
        {"MaxPool", {0}, {.name = "kernel_shape", .kind = AXM_ATTR_INTS, .ints = kernel, .count = 2}, "MaxPool has a window of 7"},
        {"Gemm", SHAPE(5, 4), INT("transB", 0), "Gemm needs an input of 2 axes, got [2, 3, 4, 5]; is a Flatten missing before it?"},
        {"MatMul", SHAPE(4, 4), INT("unused", 0), "MatMul cannot multiply [2, 3, 4, 5] by [4, 4]: the inner sizes differ"},
        {"Add", SHAPE(4), INT("unused", 0), "Add cannot combine tensors of shapes [2, 3, 4, 5] and [4]"},
        {"Concat", SHAPE(2, 3, 4, 4), INT("axis", 1),
         "Concat along axis 1 cannot join tensors of shapes [2, 3, 4, 5] and [2, 3, 4, 4]"},
        {"Concat", SHAPE(2, 3, 4, 5), INT("axis", 4), "Concat works along axis 4, but its input has 4 axes"},
        {"Reshape",
         {0},
         {.name = "shape", .kind = AXM_ATTR_INTS, .ints = reshaped, .count = 2},
         "Reshape cannot give [2, 3, 4, 5] the shape [2, 50]"},
        {"Squeeze",
         {0},
         {.name = "axes", .kind = AXM_ATTR_INTS, .ints = squeezed, .count = 1},
         "Squeeze of axis 1 needs a size of 1 there, got an input of shape [2, 3, 4, 5]"},
        {"Transpose",
         {0},
         {.name = "perm", .kind = AXM_ATTR_INTS, .ints = order, .count = 2},
         "Transpose has perm [0, 1], but its input has shape [2, 3, 4, 5]"},
        {"Softmax", {0}, INT("axis", 4), "Softmax works along axis 4, but its input has 4 axes"},
        {"Pad",
         {0},
         {.name = "pads", .kind = AXM_ATTR_INTS, .ints = pads, .count = 7},
         "Pad needs 8 values of pads for its input of shape [2, 3, 4, 5], got [0, 0, 9, 0, 0, 0, 0]"},
        {"ReduceMean", {0}, {.name = "axes", .kind = AXM_ATTR_INTS, .ints = kernel, .count = 1}, "ReduceMean works along axis 7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const shape_error *e = &errors[i];
        fold_test t;
        begin(&t);
        int32_t inputs[2] = {0, e->weight.rank ? test_weights(&t.g, e->weight, 0, 1) : AXM_NO_VALUE};
        test_node(&t.g, e->op, inputs, e->weight.rank ? 2 : 1, &e->attribute, 1);
        refuses(&t, ACTMAX_ERROR_SHAPE, e->message);
    }
}

/* Sums of nothing are 0, their logarithms -infinity; a mean of nothing is none. */
static void of_nothing(void **state)
{
    fold_test t;
    (void)state;
    begin(&t);
    axm_shape shape = SHAPE(2, 0, 3);
    int32_t none = test_constant(&t.g, AXM_FLOAT32, &shape, ""), zero[6], log[2];
    static const char *const sums[] = {"ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceSum"};
    for (int32_t i = 0; i < 4; i++)
        zero[i] = test_node(&t.g, sums[i], INPUTS(none, LIST(&t.g, 1)), ATTRIBUTES(INT("keepdims", 0)));
    log[0] = node(&t.g, "ReduceLogSum", INPUTS(none, LIST(&t.g, 1)));
    log[1] = node(&t.g, "ReduceLogSumExp", INPUTS(none));
    zero[4] = test_node(&t.g, "ReduceSum", INPUTS(node(&t.g, "Exp", INPUTS(none)), LIST(&t.g, 1)), ATTRIBUTES(INT("keepdims", 0)));
    zero[5] = test_node(&t.g, "ReduceSum", INPUTS(node(&t.g, "Mul", INPUTS(none, FLOATS(&t.g, 2.0f, 3.0f, 4.0f))), LIST(&t.g, 1)),
                        ATTRIBUTES(INT("keepdims", 0)));
    test_ok(infer(&t));
    for (int32_t i = 0; i < 6; i++)
        check_numbers(&t, zero[i], SHAPE(2, 3), (const double[]){0, 0, 0, 0, 0, 0});
    for (int32_t i = 0; i < 6; i++)
        assert_true(axm_constant_number(t.facts[log[0]].constant, i) <= -(double)INFINITY);
    assert_true(axm_constant_number(t.facts[log[1]].constant, 0) <= -(double)INFINITY);
    end(&t);
    begin(&t);
    node(&t.g, "ReduceMean", INPUTS(test_constant(&t.g, AXM_FLOAT32, &shape, "")));
    refuses(&t, ACTMAX_ERROR_UNSUPPORTED, "input 0 is empty (shape [2, 0, 3])");
    begin(&t);
    node(&t.g, "Add", INPUTS(FLOATS(&t.g, 1, 2), FLOATS(&t.g, 1, 2, 3)));
    refuses(&t, ACTMAX_ERROR_SHAPE, "Add");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(exporters),
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(arithmetic_limits),
        cmocka_unit_test(element_by_element),
        cmocka_unit_test(casts),
        cmocka_unit_test(of_nothing),
        cmocka_unit_test(moving),
        cmocka_unit_test(generated),
        cmocka_unit_test(splits),
        cmocka_unit_test(weights),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
