/* Values that operators evaluate while planning: exporters' shape arithmetic on exact integers, and casts. Numbers are by hand,
 * from NumPy's rules and the ONNX specification. */
#include "folds_common.h"

#include <limits.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(exporters),
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(arithmetic_limits),
        cmocka_unit_test(element_by_element),
        cmocka_unit_test(casts),
        cmocka_unit_test(moving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
