/* gradient_graphs_more.h continued: reductions, resampling, pools, products, quantisation. */
#ifndef AXM_TEST_GRADIENT_GRAPHS_SUMS_H
#define AXM_TEST_GRADIENT_GRAPHS_SUMS_H

#include "gradient_graphs_more.h"

/* ---- Reductions ---- */

static int32_t reduction(test_graph *g, int32_t variant, bool big, const char *op)
{
    if (variant > 4) return -1;
    image(g, big);
    bool positive = strcmp(op, "ReduceProd") == 0 || strcmp(op, "ReduceLogSum") == 0;
    int32_t x = positive ? test_node(g, "Exp", INPUTS(simple(g, "Tanh", NO_ATTRIBUTES)), NO_ATTRIBUTES) : 0;
    switch (variant) {
    case 0: return test_node(g, op, INPUTS(x), ATTRIBUTES(INTS("axes", 2, 3), INT("keepdims", 0)));
    case 1: return test_node(g, op, INPUTS(x), ATTRIBUTES(INTS("axes", 1)));
    case 2: return test_node(g, op, INPUTS(x), ATTRIBUTES(INTS("axes", 1, 3), INT("keepdims", 0)));
    case 3: return test_node(g, op, INPUTS(x), ATTRIBUTES(INTS("axes", 3)));
    default: return test_node(g, op, INPUTS(x), ATTRIBUTES(INTS("axes", 0, 2)));
    }
}

#define REDUCTION(name)                                                                                                            \
    static int32_t build_##name(test_graph *g, int32_t variant, bool big)                                                          \
    {                                                                                                                              \
        return reduction(g, variant, big, #name);                                                                                  \
    }

REDUCTION(ReduceSum)
REDUCTION(ReduceMax)
REDUCTION(ReduceMin)
REDUCTION(ReduceProd)
REDUCTION(ReduceL1)
REDUCTION(ReduceL2)
REDUCTION(ReduceSumSquare)
REDUCTION(ReduceLogSum)
REDUCTION(ReduceLogSumExp)

/* ---- Resampling ---- */

static int32_t build_Resize(test_graph *g, int32_t variant, bool big)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "linear", "cubic"};
    static const float scales[] = {1.0f, 1.0f, 1.6f, 0.7f}, smaller[] = {1.0f, 1.0f, 0.5f, 0.4f};
    if (variant > 4) return -1;
    image(g, big);
    axm_shape four = SHAPE(4);
    int32_t scale = test_constant(g, AXM_FLOAT32, &four, variant > 2 ? smaller : scales);
    return test_node(g, "Resize", INPUTS(0, AXM_NO_VALUE, scale),
                     ATTRIBUTES(TEXT("mode", modes[variant]), INT("antialias", variant > 2), INT("exclude_outside", variant == 2)));
}

static int32_t build_Upsample(test_graph *g, int32_t variant, bool big)
{
    static const float scales[] = {1.0f, 1.0f, 2.0f, 3.0f};
    if (variant > 1) return -1;
    image(g, big);
    axm_attribute list = {.name = "scales", .kind = AXM_ATTR_FLOATS, .floats = scales, .count = 4};
    return simple(g, "Upsample", ATTRIBUTES(list, TEXT("mode", variant ? "linear" : "nearest")));
}

static int32_t build_DepthToSpace(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    axm_shape shape = big ? SHAPE(2, 8, 66, 50) : SHAPE(2, 8, 3, 5);
    test_graph_init(g, &shape);
    return simple(g, "DepthToSpace", ATTRIBUTES(INT("blocksize", 2), TEXT("mode", variant ? "CRD" : "DCR")));
}

static int32_t build_SpaceToDepth(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    axm_shape shape = big ? SHAPE(2, 8, 66, 50) : SHAPE(2, 3, 6, 4);
    test_graph_init(g, &shape);
    return simple(g, "SpaceToDepth", ATTRIBUTES(INT("blocksize", 2)));
}

/* ---- Norms, products, quantisation ---- */

static int32_t build_LpPool(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    if (variant == 3) {
        axm_shape shape = big ? SHAPE(2, 4, 6, 30, 20) : SHAPE(1, 2, 4, 5, 4);
        test_graph_init(g, &shape);
        return simple(
            g, "LpPool",
            ATTRIBUTES(INT("p", 3), INTS("kernel_shape", 2, 3, 2), INTS("strides", 1, 2, 2), INTS("pads", 1, 0, 1, 0, 1, 0)));
    }
    image(g, big);
    return simple(g, "LpPool",
                  ATTRIBUTES(INT("p", variant + 1), INTS("kernel_shape", 3, 2), INTS("strides", 2, 1), INTS("pads", 1, 0, 1, 1)));
}

/* What moves is the maximum itself; the indices do not. */
static int32_t build_MaxPoolIndices(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
#define WINDOW ATTRIBUTES(INTS("kernel_shape", 2, 2), INTS("strides", 2, 2), INTS("pads", 0, 0, 1, 1))
    int32_t best = test_node(g, "MaxPool", INPUTS(0), WINDOW), places = test_node(g, "MaxPoolIndices", INPUTS(0), WINDOW);
#undef WINDOW
    int32_t small = test_node(g, "Mul", INPUTS(places, test_weights(g, SHAPE(1), 0.01f, 0.01f)), NO_ATTRIBUTES);
    return test_node(g, "Add", INPUTS(best, small), NO_ATTRIBUTES);
}

/* The second: windows that overlap, so that several elements have one place. */
static int32_t build_MaxUnpool(test_graph *g, int32_t variant, bool big)
{
    if (variant > 1) return -1;
    image(g, big);
    int64_t stride = variant ? 1 : 2;
#define WINDOW ATTRIBUTES(INTS("kernel_shape", 2, 2), INTS("strides", stride, stride))
    int32_t best = test_node(g, "MaxPool", INPUTS(0), WINDOW), places = test_node(g, "MaxPoolIndices", INPUTS(0), WINDOW);
    return test_node(g, "MaxUnpool", INPUTS(test_node(g, "Tanh", INPUTS(best), NO_ATTRIBUTES), places), WINDOW);
#undef WINDOW
}

static int32_t build_GlobalLpPool(test_graph *g, int32_t variant, bool big)
{
    if (variant > 0) return -1;
    image(g, big);
    return simple(g, "GlobalLpPool", NO_ATTRIBUTES);
}

static int32_t build_LpNormalization(test_graph *g, int32_t variant, bool big)
{
    if (variant > 2) return -1;
    image(g, big);
    return simple(g, "LpNormalization", ATTRIBUTES(INT("p", variant == 1 ? 1 : 2), INT("axis", variant == 2 ? 1 : 2)));
}

static int32_t build_Einsum(test_graph *g, int32_t variant, bool big)
{
    if (variant > 3) return -1;
    image(g, big);
    int64_t w = g->image_shape.dim[3];
    int32_t bent = simple(g, "Tanh", NO_ATTRIBUTES);
    switch (variant) {
    case 0:
        return test_node(g, "Einsum", INPUTS(0, test_weights(g, SHAPE(w, 3), -1, 1)),
                         ATTRIBUTES(TEXT("equation", "...w,wk->...k")));
    case 1: return test_node(g, "Einsum", INPUTS(0, bent), ATTRIBUTES(TEXT("equation", "nchw,nchv->ncwv")));
    case 2: return test_node(g, "Einsum", INPUTS(bent), ATTRIBUTES(TEXT("equation", "nchw->wnc")));
    default:
        return test_node(g, "Einsum", INPUTS(bent, test_weights(g, SHAPE(2), -1, 1)), ATTRIBUTES(TEXT("equation", "nchw,n->chw")));
    }
}

/* Steps of 2^-12 divide the finite difference, so that rounding moves both of its ends alike. */
static int32_t quantized(test_graph *g, int32_t variant, const char *op, int32_t input)
{
    static const float steps[] = {1.0f / 4096, 1.0f / 2048, 1.0f / 4096, 1.0f / 4096,
                                  1.0f / 2048, 1.0f / 4096, 1.0f / 4096, 1.0f / 2048};
    static const int16_t zeros[] = {100, -7, 0, 1, 2, 3, 4, 5};
    axm_shape shape = variant ? SHAPE(channels(g)) : SHAPE(1);
    return test_node(g, op, INPUTS(input, test_constant(g, AXM_FLOAT32, &shape, steps), test_constant(g, AXM_INT16, &shape, zeros)),
                     NO_ATTRIBUTES);
}

/* Two rows share a scale. */
static int32_t quantized_by_blocks(test_graph *g, const char *op, int32_t input)
{
    axm_shape shape = g->image_shape;
    shape.dim[2] = (shape.dim[2] + 1) / 2;
    size_t count = (size_t)axm_shape_count(&shape);
    float *steps = malloc(count * sizeof *steps);
    assert_non_null(steps);
    for (size_t i = 0; i < count; i++)
        steps[i] = i % 3 == 0 ? 1.0f / 2048 : 1.0f / 4096;
    int32_t scale = test_constant(g, AXM_FLOAT32, &shape, steps);
    free(steps);
    return test_node(g, op, INPUTS(input, scale), ATTRIBUTES(INT("axis", 2), INT("block_size", 2), INT("output_dtype", AXM_INT16)));
}

static int32_t build_QuantizeLinear(test_graph *g, int32_t variant, bool big)
{
    if (variant > 2) return -1;
    image(g, big);
    if (variant == 2) return quantized_by_blocks(g, "QuantizeLinear", 0);
    return quantized(g, variant, "QuantizeLinear", 0);
}

static int32_t build_DequantizeLinear(test_graph *g, int32_t variant, bool big)
{
    if (variant > 2) return -1;
    image(g, big);
    if (variant == 2) return quantized_by_blocks(g, "DequantizeLinear", quantized_by_blocks(g, "QuantizeLinear", 0));
    return quantized(g, variant, "DequantizeLinear", quantized(g, variant, "QuantizeLinear", 0));
}

/* What is cut off passes nothing; what is not goes straight, which no difference can see (test_small_floats looks at it). */
static int32_t build_RoundFloat(test_graph *g, int32_t variant, bool big)
{
    static const float factors[] = {1e8f, -1e9f, 1e8f, 1e9f, -1e8f, 1e9f, 1e8f, 1e9f};
    static const axm_dtype types[] = {AXM_FLOAT8E4M3FN, AXM_FLOAT8E4M3FNUZ, AXM_FLOAT8E5M2, AXM_FLOAT8E5M2FNUZ, AXM_FLOAT4E2M1};
    if (variant > 4) return -1;
    image(g, big);
    axm_shape shape = SHAPE(channels(g), 1, 1);
    int32_t large = test_node(g, "Mul", INPUTS(0, test_constant(g, AXM_FLOAT32, &shape, factors)), NO_ATTRIBUTES);
    int32_t rounded = test_node(g, "RoundFloat", INPUTS(large), ATTRIBUTES(INT("to", types[variant])));
    return test_node(g, "Add", INPUTS(0, rounded), NO_ATTRIBUTES);
}

#endif
