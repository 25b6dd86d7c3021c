/* Values that are made, cut and summed while planning, and constants of other types; numbers as in test_folds.c. Messages of
 * shapes that do not fit. */
#include "folds_common.h"

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
        cmocka_unit_test(generated),  cmocka_unit_test(splits),   cmocka_unit_test(weights),
        cmocka_unit_test(of_nothing), cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
