/* One builder of small graphs for each operator of lib/ops/ops.def, for test_operator_gradients.c. The rest is in
 * gradient_graphs_more.h and gradient_graphs_sums.h. */
#ifndef AXM_TEST_GRADIENT_GRAPHS_H
#define AXM_TEST_GRADIENT_GRAPHS_H

#include "graph_common.h"

/* Builds variant 0, 1, ... of a graph with the operator in it and returns its output; -1: no more. big: of a size at which work is
 * shared by threads. */
typedef int32_t (*builder)(test_graph *g, int32_t variant, bool big);

static void image(test_graph *g, bool big)
{
    axm_shape shape = big ? SHAPE(2, 8, 66, 50) : SHAPE(2, 3, 6, 5);
    test_graph_init(g, &shape);
}

static int64_t channels(const test_graph *g)
{
    return g->image_shape.dim[1];
}

static void matrix(test_graph *g, bool big)
{
    axm_shape shape = big ? SHAPE(210, 260) : SHAPE(9, 20);
    test_graph_init(g, &shape);
}

static int32_t simple(test_graph *g, const char *op, const axm_attribute *attributes, size_t count)
{
    return test_node(g, op, INPUTS(g->image), attributes, count);
}

static int32_t one_variable(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 0) return -1;
    image(g, big);
    return simple(g, op, NO_ATTRIBUTES);
}

/* ---- Convolution and matrices ---- */

static int32_t build_Conv(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    int64_t c = channels(g);
    int32_t bias = test_weights(g, SHAPE(2 * c), -1, 1);
    switch (variant) {
    case 0:
        return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, c, 3, 3), -0.5f, 0.5f), bias),
                         ATTRIBUTES(INTS("pads", 1, 1, 1, 1)));
    case 1:
        return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, c, 3, 2), -0.5f, 0.5f), bias),
                         ATTRIBUTES(INTS("strides", 2, 1), INTS("pads", 0, 1, 2, 0)));
    case 2:
        return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, 1, 3, 3), -1, 1), bias),
                         ATTRIBUTES(INT("group", c), TEXT("auto_pad", "SAME_UPPER")));
    default: return test_node(g, "Conv", INPUTS(0, test_weights(g, SHAPE(2 * c, c, 1, 1), -1, 1)), NO_ATTRIBUTES);
    }
}

static int32_t build_Gemm(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    matrix(g, big);
    int64_t m = g->image_shape.dim[0], k = g->image_shape.dim[1];
    switch (variant) {
    case 0:
        return test_node(g, "Gemm", INPUTS(0, test_weights(g, SHAPE(k, 11), -1, 1), test_weights(g, SHAPE(11), -1, 1)),
                         NO_ATTRIBUTES);
    case 1:
        return test_node(g, "Gemm", INPUTS(0, test_weights(g, SHAPE(7, k), -1, 1)),
                         ATTRIBUTES(INT("transB", 1), FLOAT("alpha", 0.5f)));
    case 2: return test_node(g, "Gemm", INPUTS(0, test_weights(g, SHAPE(m, 5), -1, 1)), ATTRIBUTES(INT("transA", 1)));
    default: return test_node(g, "Gemm", INPUTS(0, simple(g, "Tanh", NO_ATTRIBUTES)), ATTRIBUTES(INT("transB", 1)));
    }
}

static int32_t build_MatMul(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    int64_t h = g->image_shape.dim[2], w = g->image_shape.dim[3];
    int32_t turned = test_node(g, "Transpose", INPUTS(simple(g, "Tanh", NO_ATTRIBUTES)), ATTRIBUTES(INTS("perm", 0, 1, 3, 2)));
    switch (variant) {
    case 0: return test_node(g, "MatMul", INPUTS(0, test_weights(g, SHAPE(w, 6), -1, 1)), NO_ATTRIBUTES);
    case 1: return test_node(g, "MatMul", INPUTS(0, turned), NO_ATTRIBUTES);
    case 2: return test_node(g, "MatMul", INPUTS(test_weights(g, SHAPE(4, h), -1, 1), 0), NO_ATTRIBUTES);
    default:
        return test_node(g, "MatMul", INPUTS(test_node(g, "ReduceMean", INPUTS(0), ATTRIBUTES(INTS("axes", 1))), turned),
                         NO_ATTRIBUTES);
    }
}

static int32_t build_BatchNormalization(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int64_t c = channels(g);
    return test_node(g, "BatchNormalization",
                     INPUTS(0, test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), -1, 1),
                            test_weights(g, SHAPE(c), 0.5f, 2)),
                     NO_ATTRIBUTES);
}

/* ---- Functions of one variable ---- */

#define ONE_VARIABLE(name)                                                                                                         \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return one_variable(g, variant, big, #name);                                                                               \
    }

ONE_VARIABLE(Relu)
ONE_VARIABLE(LeakyRelu)
ONE_VARIABLE(Sigmoid)
ONE_VARIABLE(HardSigmoid)
ONE_VARIABLE(HardSwish)
ONE_VARIABLE(Tanh)
ONE_VARIABLE(GlobalAveragePool)
ONE_VARIABLE(GlobalMaxPool)

static int32_t build_Clip(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return simple(g, "Clip", ATTRIBUTES(FLOAT("min", -1.0f), FLOAT("max", 2.0f)));
}

static int32_t softmax(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 3) return -1;
    image(g, big);
    if (variant == 3) return simple(g, op, ATTRIBUTES(INT("flatten", 1), INT("axis", 1)));
    return simple(g, op, ATTRIBUTES(INT("axis", variant + 1)));
}

static int32_t build_Softmax(test_graph *g, int32_t variant, bool big)
{
    return softmax(g, variant, big, "Softmax");
}

static int32_t build_LogSoftmax(test_graph *g, int32_t variant, bool big)
{
    return softmax(g, variant, big, "LogSoftmax");
}

/* Of numbers that lie close together, so that all are in the support: Keras's function jumps where one leaves it. */
static int32_t build_Sparsemax(test_graph *g, int32_t variant, bool big)
{
    const float scale = 1e-3f;
    const axm_shape one = SHAPE(1);
    if (variant > 2) return -1;
    image(g, big);
    int32_t x = test_node(g, "Mul", INPUTS(0, test_constant(g, AXM_FLOAT32, &one, &scale)), NO_ATTRIBUTES);
    return test_node(g, "Sparsemax", INPUTS(x), ATTRIBUTES(INT("axis", variant + 1)));
}

/* ---- Pools ---- */

static int32_t pool(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 2) return -1;
    image(g, big);
    switch (variant) {
    case 0: return simple(g, op, ATTRIBUTES(INTS("kernel_shape", 2, 2), INTS("strides", 2, 2)));
    case 1:
        return simple(g, op,
                      ATTRIBUTES(INTS("kernel_shape", 3, 3), INTS("strides", 2, 1), INTS("pads", 1, 0, 1, 1), INT("ceil_mode", 1)));
    default: return simple(g, op, ATTRIBUTES(INTS("kernel_shape", 2, 2), INTS("dilations", 2, 3)));
    }
}

static int32_t build_MaxPool(test_graph *g, int32_t variant, bool big)
{
    return pool(g, variant, big, "MaxPool");
}

static int32_t build_AveragePool(test_graph *g, int32_t variant, bool big)
{
    return variant > 1 ? -1 : pool(g, variant, big, "AveragePool");
}

static int32_t build_LRN(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    if (variant == 1) return simple(g, "LRN", ATTRIBUTES(INT("size", 2), FLOAT("alpha", 0.3f), FLOAT("beta", 0.5f)));
    return simple(g, "LRN", ATTRIBUTES(INT("size", 5), FLOAT("alpha", 0.5f), FLOAT("bias", 2.0f)));
}

/* ---- Two operands ---- */

static int32_t binary(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 4) return -1;
    image(g, big);
    int64_t c = channels(g);
    int32_t positive = simple(g, "Sigmoid", NO_ATTRIBUTES);
    switch (variant) {
    case 0: return test_node(g, op, INPUTS(0, test_weights(g, SHAPE(c, 1, 1), 0.5f, 2)), NO_ATTRIBUTES);
    case 1: return test_node(g, op, INPUTS(0, positive), NO_ATTRIBUTES);
    case 2: return test_node(g, op, INPUTS(0, test_node(g, "GlobalAveragePool", INPUTS(positive), NO_ATTRIBUTES)), NO_ATTRIBUTES);
    case 3:
        return test_node(g, op, INPUTS(test_weights(g, SHAPE(1, c, 1, g->image_shape.dim[3]), 0.5f, 2), positive), NO_ATTRIBUTES);
    default:
        return test_node(
            g, op, INPUTS(test_node(g, "ReduceMean", INPUTS(0), ATTRIBUTES(INTS("axes", 0, 1), INT("keepdims", 0))), positive),
            NO_ATTRIBUTES);
    }
}

#define BINARY(name)                                                                                                               \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return binary(g, variant, big, #name);                                                                                     \
    }

BINARY(Add)
BINARY(Sub)
BINARY(Mul)
BINARY(Div)

static int32_t build_Concat(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    return test_node(g, "Concat", INPUTS(0, simple(g, "Tanh", NO_ATTRIBUTES), 0), ATTRIBUTES(INT("axis", variant)));
}

/* ---- Shapes ---- */

static int32_t build_Pad(test_graph *g, int32_t variant, bool big)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    if (variant > 4) return -1;
    image(g, big);
    if (variant == 4) return test_node(g, "Pad", INPUTS(0, LIST(g, 0, -1, -2, 1, 0, 1, 1, -1)), NO_ATTRIBUTES);
    return test_node(g, "Pad", INPUTS(0, LIST(g, 0, 0, 2, 3, 0, 1, 1, 0)), ATTRIBUTES(TEXT("mode", modes[variant])));
}

static int32_t build_Flatten(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int32_t flat = simple(g, "Flatten", NO_ATTRIBUTES);
    return test_node(g, "Tanh", INPUTS(flat), NO_ATTRIBUTES);
}

static int32_t build_Reshape(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return test_node(g, "Softmax", INPUTS(test_node(g, "Reshape", INPUTS(0, LIST(g, 0, -1, 5)), NO_ATTRIBUTES)),
                     ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_Squeeze(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int32_t mean = test_node(g, "ReduceMean", INPUTS(0), ATTRIBUTES(INTS("axes", 2)));
    return test_node(g, "Softmax", INPUTS(test_node(g, "Squeeze", INPUTS(mean, LIST(g, 2)), NO_ATTRIBUTES)),
                     ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_Unsqueeze(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return test_node(g, "Softmax", INPUTS(test_node(g, "Unsqueeze", INPUTS(0, LIST(g, 1)), NO_ATTRIBUTES)),
                     ATTRIBUTES(INT("axis", 2)));
}

static int32_t build_Transpose(test_graph *g, int32_t variant, bool big)
{
    static const int64_t perms[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {3, 1, 0, 2}};
    if (variant > 2) return -1;
    image(g, big);
    axm_attribute perm = {.name = "perm", .kind = AXM_ATTR_INTS, .ints = perms[variant], .count = 4};
    return test_node(g, "Softmax", INPUTS(simple(g, "Transpose", &perm, 1)), ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_ReduceMean(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    switch (variant) {
    case 0: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 2, 3), INT("keepdims", 0)));
    case 1: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 1)));
    case 2: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 1, 3), INT("keepdims", 0)));
    default: return simple(g, "ReduceMean", ATTRIBUTES(INTS("axes", 0, 2)));
    }
}

static int32_t build_Slice(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    if (variant == 0) return test_node(g, "Slice", INPUTS(0, LIST(g, 1, 1), LIST(g, 3, 99), LIST(g, 1, 2)), NO_ATTRIBUTES);
    return test_node(g, "Slice", INPUTS(0, LIST(g, -1, 0), LIST(g, -99, 4), LIST(g, 2, 3), LIST(g, -2, 2)), NO_ATTRIBUTES);
}

/* Operators that hand on their input, before one that bends it. */
static int32_t passing(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 0) return -1;
    image(g, big);
    axm_attribute to = INT("to", AXM_FLOAT16);
    int32_t x = simple(g, op, strcmp(op, "Cast") == 0 ? &to : NULL, strcmp(op, "Cast") == 0);
    return test_node(g, "Mul", INPUTS(x, test_node(g, "Sigmoid", INPUTS(x), NO_ATTRIBUTES)), NO_ATTRIBUTES);
}

#define PASSING(name)                                                                                                              \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return passing(g, variant, big, #name);                                                                                    \
    }

PASSING(Dropout)
PASSING(Identity)
PASSING(Cast)

/* ---- Operators of constants only ---- */

#define CONSTANTS_ONLY(name) static const builder build_##name = NULL
CONSTANTS_ONLY(Shape);
CONSTANTS_ONLY(ConstantOfShape);
CONSTANTS_ONLY(Range);
CONSTANTS_ONLY(NonZero);
CONSTANTS_ONLY(Floor);
CONSTANTS_ONLY(Ceil);
CONSTANTS_ONLY(Mod);
CONSTANTS_ONLY(Size);

#endif
