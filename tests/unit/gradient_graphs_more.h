/* gradient_graphs.h continued. */
#ifndef AXM_TEST_GRADIENT_GRAPHS_MORE_H
#define AXM_TEST_GRADIENT_GRAPHS_MORE_H

#include "gradient_graphs.h"

/* ---- Functions of one variable ---- */

ONE_VARIABLE(Elu)
ONE_VARIABLE(Selu)
ONE_VARIABLE(Celu)
ONE_VARIABLE(ThresholdedRelu)
ONE_VARIABLE(Softplus)
ONE_VARIABLE(Softsign)
ONE_VARIABLE(Mish)
ONE_VARIABLE(Exp)
ONE_VARIABLE(Erf)
ONE_VARIABLE(Abs)
ONE_VARIABLE(Neg)

/* Times x, since it has no slope of its own. */
static int32_t build_Sign(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return test_node(g, "Mul", INPUTS(simple(g, "Sign", NO_ATTRIBUTES), 0), NO_ATTRIBUTES);
}

static int32_t build_Gelu(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    return simple(g, "Gelu", ATTRIBUTES(TEXT("approximate", variant ? "tanh" : "none")));
}

/* Of positive numbers. */
#define OF_POSITIVE(name)                                                                                                          \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        if (variant > 0) return -1;                                                                                                \
        image(g, big);                                                                                                             \
        int32_t shifted =                                                                                                          \
            test_node(g, "Add", INPUTS(simple(g, "Sigmoid", NO_ATTRIBUTES), test_weights(g, SHAPE(1), 0.5f, 1)), NO_ATTRIBUTES);   \
        return test_node(g, #name, INPUTS(shifted), NO_ATTRIBUTES);                                                                \
    }

OF_POSITIVE(Log)
OF_POSITIVE(Sqrt)
OF_POSITIVE(Reciprocal)

/* ---- Normalisation ---- */

static int32_t build_LayerNormalization(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    int64_t h = g->image_shape.dim[2], w = g->image_shape.dim[3];
    if (variant == 0)
        return test_node(g, "LayerNormalization", INPUTS(0, test_weights(g, SHAPE(w), -1, 1), test_weights(g, SHAPE(w), -1, 1)),
                         NO_ATTRIBUTES);
    int32_t scale = test_weights(g, SHAPE(channels(g), h, w), -1, 1);
    if (variant == 1) return test_node(g, "LayerNormalization", INPUTS(0, scale), ATTRIBUTES(INT("axis", 1)));
    /* The mean and the factor as results, alone. */
    int32_t first = test_node_of(g, "LayerNormalization", INPUTS(0, scale), ATTRIBUTES(INT("axis", -3)), 3);
    return first + variant - 1;
}

static int32_t build_RMSNormalization(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    int64_t c = channels(g), h = g->image_shape.dim[2], w = g->image_shape.dim[3];
    if (variant == 0)
        return test_node(g, "RMSNormalization", INPUTS(0, test_weights(g, SHAPE(w), -1, 1)), ATTRIBUTES(FLOAT("epsilon", 0.01f)));
    return test_node(g, "RMSNormalization", INPUTS(0, test_weights(g, SHAPE(c, h, w), -1, 1)), ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_InstanceNormalization(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int64_t c = channels(g);
    return test_node(g, "InstanceNormalization", INPUTS(0, test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), -1, 1)),
                     ATTRIBUTES(FLOAT("epsilon", 0.01f)));
}

/* Variant 1: the running mean and variance are part of what is computed. */
static int32_t build_BatchTraining(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    int64_t c = channels(g);
    int32_t y = test_node_of(g, "BatchTraining",
                             INPUTS(0, test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), -1, 1),
                                    test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), 0.5f, 1)),
                             ATTRIBUTES(FLOAT("epsilon", 0.01f), FLOAT("momentum", 0.25f)), 3);
    if (variant == 0) return y;
    int32_t running = test_node(g, "Mul", INPUTS(y + 1, y + 2), NO_ATTRIBUTES);
    int32_t apart = test_node(g, "Reshape", INPUTS(running, LIST(g, -1, 1, 1)), NO_ATTRIBUTES);
    return test_node(g, "Add", INPUTS(y, apart), NO_ATTRIBUTES);
}

static int32_t build_GroupNormalization(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    int64_t c = channels(g), groups = variant ? 1 : c % 2 ? c : c / 2;
    return test_node(g, "GroupNormalization", INPUTS(0, test_weights(g, SHAPE(c), -1, 1), test_weights(g, SHAPE(c), -1, 1)),
                     ATTRIBUTES(INT("num_groups", groups)));
}

static int32_t build_Conv3D(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    axm_shape shape = big ? SHAPE(2, 4, 6, 30, 20) : SHAPE(1, 2, 4, 5, 4);
    test_graph_init(g, &shape);
    int64_t c = channels(g);
    if (variant == 0)
        return test_node(g, "Conv3D",
                         INPUTS(0, test_weights(g, SHAPE(3, c, 3, 3, 3), -0.5f, 0.5f), test_weights(g, SHAPE(3), -1, 1)),
                         ATTRIBUTES(INTS("pads", 1, 1, 1, 1, 1, 1)));
    return test_node(g, "Conv3D", INPUTS(0, test_weights(g, SHAPE(2 * c, 1, 2, 3, 2), -1, 1)),
                     ATTRIBUTES(INT("group", c), INTS("strides", 1, 2, 1), INTS("dilations", 2, 1, 1)));
}

static int32_t build_ConvTranspose(test_graph *g, int32_t variant, bool big)
{
    if (variant > 2) return -1;
    image(g, big);
    int64_t c = channels(g);
    int32_t bias = test_weights(g, SHAPE(4), -1, 1);
    switch (variant) {
    case 0:
        return test_node(g, "ConvTranspose", INPUTS(0, test_weights(g, SHAPE(c, 4, 3, 3), -0.5f, 0.5f), bias),
                         ATTRIBUTES(INTS("strides", 2, 2), INTS("pads", 1, 1, 1, 1), INTS("output_padding", 1, 1)));
    case 1:
        return test_node(g, "ConvTranspose", INPUTS(0, test_weights(g, SHAPE(c, 2, 2, 3), -1, 1)),
                         ATTRIBUTES(INT("group", c), INTS("dilations", 2, 1)));
    default:
        return test_node(g, "ConvTranspose", INPUTS(0, test_weights(g, SHAPE(c, 4, 3, 3), -0.5f, 0.5f), bias),
                         ATTRIBUTES(INTS("pads", 1, 1, 1, 1)));
    }
}

/* ---- Several operands ---- */

static int32_t many(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 3) return -1;
    image(g, big);
    int32_t bent = simple(g, "Tanh", NO_ATTRIBUTES), mean = test_node(g, "GlobalAveragePool", INPUTS(0), NO_ATTRIBUTES);
    switch (variant) {
    case 0: return test_node(g, op, INPUTS(0), NO_ATTRIBUTES);
    case 1: return test_node(g, op, INPUTS(0, bent), NO_ATTRIBUTES);
    case 2: return test_node(g, op, INPUTS(bent, mean, 0, test_weights(g, SHAPE(channels(g), 1, 1), -1, 1)), NO_ATTRIBUTES);
    default: return test_node(g, op, INPUTS(test_weights(g, SHAPE(1), 0.3f, 0.3f), 0), NO_ATTRIBUTES);
    }
}

#define MANY(name)                                                                                                                 \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return many(g, variant, big, #name);                                                                                       \
    }

MANY(Min)
MANY(Max)
MANY(Sum)
MANY(Mean)

static int32_t build_Pow(test_graph *g, int32_t variant, bool big)
{
    static const float exponents[] = {2.0f, 3.0f, 0.5f, -1.0f};
    if (variant > 5) return -1;
    image(g, big);
    int32_t base =
        test_node(g, "Add", INPUTS(simple(g, "Sigmoid", NO_ATTRIBUTES), test_weights(g, SHAPE(1), 0.5f, 1)), NO_ATTRIBUTES);
    if (variant < 4)
        return test_node(g, "Pow", INPUTS(base, test_constant(g, AXM_FLOAT32, &SHAPE(1), &exponents[variant])), NO_ATTRIBUTES);
    if (variant == 4) return test_node(g, "Pow", INPUTS(base, test_weights(g, SHAPE(channels(g), 1, 1), -2, 2)), NO_ATTRIBUTES);
    return test_node(g, "Pow", INPUTS(test_weights(g, SHAPE(channels(g), 1, 1), 0.5f, 2), simple(g, "Tanh", NO_ATTRIBUTES)),
                     NO_ATTRIBUTES);
}

static int32_t build_PRelu(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    int32_t slope = variant ? test_node(g, "GlobalAveragePool", INPUTS(simple(g, "Sigmoid", NO_ATTRIBUTES)), NO_ATTRIBUTES)
                            : test_weights(g, SHAPE(channels(g), 1, 1), -0.5f, 0.5f);
    return test_node(g, "PRelu", INPUTS(0, slope), NO_ATTRIBUTES);
}

/* What is true of x, as the condition that chooses x or its tanh. */
static int32_t chosen_by(test_graph *g, int32_t condition)
{
    return test_node(g, "Where", INPUTS(condition, 0, simple(g, "Tanh", NO_ATTRIBUTES)), NO_ATTRIBUTES);
}

static int32_t build_Not(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    int32_t above = test_node(g, "Greater", INPUTS(0, test_weights(g, SHAPE(channels(g), 1, 1), -1, 1)), NO_ATTRIBUTES);
    return chosen_by(g, test_node(g, "Not", INPUTS(above), NO_ATTRIBUTES));
}

static int32_t logic(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 1) return -1;
    image(g, big);
    bool mask[64];
    for (int32_t i = 0; i < 64; i++)
        mask[i] = i % 3 != 1;
    axm_shape columns = SHAPE(g->image_shape.dim[3]);
    int32_t above = test_node(g, "Greater", INPUTS(0, test_weights(g, SHAPE(1), -0.3f, -0.3f)), NO_ATTRIBUTES);
    int32_t mean = test_node(g, "Less", INPUTS(test_node(g, "GlobalAveragePool", INPUTS(0), NO_ATTRIBUTES), 0), NO_ATTRIBUTES);
    int32_t other = variant ? test_constant(g, AXM_BOOL, &columns, mask) : mean;
    return chosen_by(g, test_node(g, op, INPUTS(above, other), NO_ATTRIBUTES));
}

#define LOGIC(name)                                                                                                                \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return logic(g, variant, big, #name);                                                                                      \
    }

LOGIC(And)
LOGIC(Or)
LOGIC(Xor)

static int32_t build_Where(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    bool mask[64];
    for (int32_t i = 0; i < 64; i++)
        mask[i] = i % 3 != 1;
    axm_shape columns = SHAPE(g->image_shape.dim[3]);
    int32_t condition = test_constant(g, AXM_BOOL, &columns, mask);
    int32_t mean = test_node(g, "GlobalAveragePool", INPUTS(simple(g, "Tanh", NO_ATTRIBUTES)), NO_ATTRIBUTES);
    if (variant == 0) return test_node(g, "Where", INPUTS(condition, 0, mean), NO_ATTRIBUTES);
    return test_node(g, "Where", INPUTS(condition, test_weights(g, SHAPE(1), -1, 1), 0), NO_ATTRIBUTES);
}

/* A comparison passes no gradient, so it is looked at through what it chooses. */
static int32_t comparison(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 1) return -1;
    image(g, big);
    int32_t bent = simple(g, "Tanh", NO_ATTRIBUTES), bound = variant ? test_weights(g, SHAPE(1), 0.3f, 0.3f) : bent;
    return test_node(g, "Where", INPUTS(test_node(g, op, INPUTS(0, bound), NO_ATTRIBUTES), 0, bent), NO_ATTRIBUTES);
}

#define COMPARISON(name)                                                                                                           \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return comparison(g, variant, big, #name);                                                                                 \
    }

COMPARISON(Equal)
COMPARISON(Less)
COMPARISON(LessOrEqual)
COMPARISON(Greater)
COMPARISON(GreaterOrEqual)

/* ---- Shapes ---- */

static int32_t build_Split(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    if (variant == 3) { /* a part is empty */
        int32_t none = test_node_of(g, "Split", INPUTS(0, LIST(g, 0, channels(g))), ATTRIBUTES(INT("axis", 1)), 2);
        return test_node(g, "Concat", INPUTS(none, test_node(g, "Tanh", INPUTS(none + 1), NO_ATTRIBUTES)),
                         ATTRIBUTES(INT("axis", 1)));
    }
    int64_t length = g->image_shape.dim[variant + 1];
    int32_t first = test_node_of(g, "Split", INPUTS(0, LIST(g, 1, length - 1)), ATTRIBUTES(INT("axis", variant + 1)), 2);
    if (variant == 0) return first + 1; /* the other part gets no gradient */
    return test_node(g, "Concat", INPUTS(first + 1, test_node(g, "Tanh", INPUTS(first), NO_ATTRIBUTES), first),
                     ATTRIBUTES(INT("axis", variant + 1)));
}

static int32_t build_SplitPart(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    int64_t length = g->image_shape.dim[variant == 3 ? 2 : variant + 1];
    axm_attribute axis = INT("axis", variant == 3 ? 2 : variant + 1);
    int32_t sizes = variant == 0 ? LIST(g, 1, length - 1) : test_constant(g, AXM_INT64, &(axm_shape){.rank = 0}, &(int64_t){2});
    if (variant == 3) return test_node(g, "SplitPart", INPUTS(0), ATTRIBUTES(axis, INT("part", length - 2)));
    int32_t part = test_node(g, "SplitPart", INPUTS(0, sizes), ATTRIBUTES(axis, INT("part", variant == 0 ? 1 : -1)));
    if (variant != 1) return part;
    return test_node(g, "Concat", INPUTS(part, test_node(g, "SplitPart", INPUTS(0, sizes), ATTRIBUTES(axis))), ATTRIBUTES(axis));
}

static int32_t build_Gather(test_graph *g, int32_t variant, bool big)
{
    static const int64_t last = -1;
    if (variant > 2) return -1;
    image(g, big);
    if (variant == 0) return test_node(g, "Gather", INPUTS(0, LIST(g, 2, 0, 2, -1)), ATTRIBUTES(INT("axis", 1)));
    if (variant == 1) return test_node(g, "Gather", INPUTS(0, LIST(g, 3, 1)), ATTRIBUTES(INT("axis", 3)));
    axm_shape number = {.rank = 0};
    return test_node(g, "Gather", INPUTS(0, test_constant(g, AXM_INT64, &number, &last)), ATTRIBUTES(INT("axis", 1)));
}

static int32_t build_Expand(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    int32_t mean = test_node(g, "GlobalAveragePool", INPUTS(simple(g, "Tanh", NO_ATTRIBUTES)), NO_ATTRIBUTES);
    if (variant == 0) return test_node(g, "Expand", INPUTS(mean, LIST(g, 1, 1, 6, 3)), NO_ATTRIBUTES);
    return test_node(g, "Expand", INPUTS(0, LIST(g, 2, 1, 1, 1, 1)), NO_ATTRIBUTES);
}

static int32_t build_Tile(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    if (variant == 0) return test_node(g, "Tile", INPUTS(0, LIST(g, 1, 2, 1, 3)), NO_ATTRIBUTES);
    return test_node(g, "Tile", INPUTS(0, LIST(g, 2, 1, 2, 2)), NO_ATTRIBUTES);
}

#endif
