/* Counts of the work that fixed plans do, against numbers worked out by hand: which kernels run, how many bytes of weights are
 * packed and read, how many bytes of activations and gradients move. Run for every instruction set that this processor has; the
 * AVX-512 path is skipped aloud where it has none. */
#include "graph_common.h"

#include "kernels/kernels.h"

#define FLOATS(count) ((int64_t)(count) * 4)

typedef struct run {
    axm_runner runner;
    axm_plan *plan;
    axm_counters counters;
} run;

/* 16 channels of 16 x 16 to 3x3 convolution (32), Relu, 1x1 convolution (48), depthwise 3x3, Relu, mean over space, dense layer. */
static int32_t build(test_graph *g)
{
    test_graph_init(g, &SHAPE(1, 16, 16, 16));
    int32_t a = test_weights(g, SHAPE(32, 16, 3, 3), -0.1f, 0.1f), b = test_weights(g, SHAPE(48, 32, 1, 1), -0.1f, 0.1f);
    int32_t c = test_weights(g, SHAPE(48, 1, 3, 3), -0.1f, 0.1f), d = test_weights(g, SHAPE(48, 10), -0.1f, 0.1f);
    int32_t x = test_node(g, "Conv", INPUTS(g->image, a), ATTRIBUTES(INTS("pads", 1, 1, 1, 1)));
    x = test_node(g, "Relu", INPUTS(x), NO_ATTRIBUTES);
    x = test_node(g, "Conv", INPUTS(x, b), NO_ATTRIBUTES);
    x = test_node(g, "Conv", INPUTS(x, c), ATTRIBUTES(INTS("pads", 1, 1, 1, 1), INT("group", 48)));
    x = test_node(g, "Relu", INPUTS(x), NO_ATTRIBUTES);
    x = test_node(g, "GlobalAveragePool", INPUTS(x), NO_ATTRIBUTES);
    x = test_node(g, "Flatten", INPUTS(x), NO_ATTRIBUTES);
    return test_node(g, "Gemm", INPUTS(x, d), NO_ATTRIBUTES);
}

/* 3 channels to 16: the first layer of a network. */
static int32_t build_first(test_graph *g)
{
    test_graph_init(g, &SHAPE(1, 3, 16, 16));
    int32_t w = test_weights(g, SHAPE(16, 3, 3, 3), -0.1f, 0.1f);
    return test_node(g, "Conv", INPUTS(g->image, w), ATTRIBUTES(INTS("pads", 1, 1, 1, 1)));
}

static void plan_for(test_graph *g, run *r, int32_t output, const int32_t *channel, const axm_kernels *kernels)
{
    axm_plan_request request = {
        .image = g->image,
        .image_shape = g->image_shape,
        .observe = &output,
        .observe_count = 1,
        .seeds = &output,
        .seed_count = 1,
        .wants = &g->image,
        .want_count = 1,
        .slice_value = channel ? output : -1,
        .slice_channels = channel,
        .slice_count = channel ? 1 : 0,
    };
    memset(&r->counters, 0, sizeof r->counters);
    test_ok(axm_runner_init(&r->runner, &g->allocator, g->graph, &g->weights, kernels, 1));
    test_ok(axm_runner_plan(&r->runner, &request, &r->plan));
    axm_plan_count(r->plan, &r->counters);
    const axm_tensor *image = axm_plan_find(r->plan, g->image), *out = axm_plan_find(r->plan, output);
    for (int64_t i = 0; i < axm_shape_count(&out->shape); i++)
        out->grad[i] = 1.0f;
    for (int64_t i = 0; i < axm_shape_count(&image->shape); i++) /* may share bytes with the gradient */
        image->data[i] = (float)(i % 17) / 17.0f;
}

static void finish(test_graph *g, run *r)
{
    axm_runner_free(&r->runner);
    test_graph_free(g);
}

static void expect_calls(const axm_counters *counters, const int64_t expected[AXM_COUNT_KINDS])
{
    for (int i = 0; i < AXM_COUNT_KINDS; i++)
        if (counters->calls[i] != expected[i])
            fail_msg("kind %d: %lld calls, not %lld", i, (long long)counters->calls[i], (long long)expected[i]);
}

/* Each convolution's packed weights: 3x3 as 36 points, 1x1 and depthwise as they are. Channels fill whole vectors of any width. */
#define PACKED FLOATS(36 * 16 * 32 + 32 * 48 + 9 * 48)
/* For each direction; but few tiles share the 36 points. */
#define STORED (2 * PACKED - FLOATS(36 * 16 * 32))

static void check_network(const axm_kernels *kernels)
{
    static const int64_t calls[AXM_COUNT_KINDS] = {
        [AXM_COUNT_CONV_GEMM] = 1, [AXM_COUNT_CONV_DEPTHWISE] = 1, [AXM_COUNT_CONV_WINOGRAD] = 1, [AXM_COUNT_DENSE] = 1};
    /* What goes into a step and comes out: image, 3x3, 1x1, depthwise, mean, dense. */
    const int64_t in = 16 * 256, first = 32 * 256, second = 48 * 256;
    const int64_t forward = (in + first) + (first + second) + (second + second) + (second + 48) + (48 + 10);
    const int64_t backward = forward + 2 * second + 2 * first; /* and the two activations, which forward does in passing */
    test_graph g;
    run r;
    int32_t output = build(&g);
    plan_for(&g, &r, output, NULL, kernels);
    assert_int_equal(g.weights.bytes, STORED);
    axm_plan_forward(r.plan, r.runner.pool);
    expect_calls(&r.counters, calls);
    assert_int_equal(r.counters.weight_bytes, PACKED);
    assert_int_equal(r.counters.moved_bytes, FLOATS(forward));
    memset(&r.counters, 0, sizeof r.counters);
    axm_plan_backward(r.plan, r.runner.pool);
    expect_calls(&r.counters, calls);
    assert_int_equal(r.counters.weight_bytes, PACKED);
    assert_int_equal(r.counters.moved_bytes, FLOATS(backward));
    axm_runner_free(&r.runner);
    plan_for(&g, &r, output, NULL, kernels); /* a second session packs nothing */
    assert_int_equal(g.weights.bytes, STORED);
    finish(&g, &r);
}

/* Backward to three channels goes by columns where they are few for a vector, and the columns fill whole vectors: 27 become 32.
 * Otherwise the 3 channels fill a vector of the plain C table, of 4. */
static void check_first_layer(const axm_kernels *kernels, bool vectors)
{
    static const int64_t gemm[AXM_COUNT_KINDS] = {[AXM_COUNT_CONV_GEMM] = 1},
                         columns[AXM_COUNT_KINDS] = {[AXM_COUNT_CONV_COL2IM] = 1};
    test_graph g;
    run r;
    int32_t output = build_first(&g);
    plan_for(&g, &r, output, NULL, kernels);
    const int64_t forward = FLOATS(9 * 3 * 16), backward = vectors ? FLOATS(16 * 32) : FLOATS(9 * 16 * 4);
    assert_int_equal(g.weights.bytes, forward + backward);
    axm_plan_forward(r.plan, r.runner.pool);
    expect_calls(&r.counters, gemm);
    assert_int_equal(r.counters.weight_bytes, forward);
    memset(&r.counters, 0, sizeof r.counters);
    axm_plan_backward(r.plan, r.runner.pool);
    expect_calls(&r.counters, vectors ? columns : gemm);
    assert_int_equal(r.counters.weight_bytes, backward);
    assert_int_equal(r.counters.moved_bytes, FLOATS((3 + 16) * 256));
    finish(&g, &r);
}

/* Classes that are flattened from a map of one pixel: one wanted class is one filter's weights, 16 of them. */
static void check_flattened(const axm_kernels *kernels)
{
    test_graph g;
    run r;
    const int32_t channel = 7;
    float value;
    test_graph_init(&g, &SHAPE(1, 16, 1, 1));
    int32_t w = test_weights(&g, SHAPE(40, 16, 1, 1), -0.1f, 0.1f);
    int32_t x = test_node(&g, "Conv", INPUTS(g.image, w), NO_ATTRIBUTES);
    const int32_t output = test_node(&g, "Flatten", INPUTS(x), NO_ATTRIBUTES);
    plan_for(&g, &r, output, NULL, kernels);
    axm_plan_forward(r.plan, r.runner.pool);
    value = axm_plan_find(r.plan, output)->data[channel];
    const int64_t all = r.counters.weight_bytes;
    axm_runner_free(&r.runner);
    plan_for(&g, &r, output, &channel, kernels);
    assert_true(axm_plan_sliced(r.plan));
    axm_plan_forward(r.plan, r.runner.pool);
    const axm_tensor *out = axm_plan_find(r.plan, output);
    assert_int_equal(out->shape.dim[1], 1);
    if (fabsf(out->data[0] - value) > 1e-6f) fail_msg("%g, not %g", (double)out->data[0], (double)value);
    assert_true(r.counters.weight_bytes * 2 < all);
    finish(&g, &r);
}

static void check(const char *name)
{
    const axm_kernels *kernels = axm_kernels_find(name);
    if (kernels == NULL) {
        printf("SKIP: this processor has no %s\n", name);
        skip();
    }
    check_network(kernels);
    check_flattened(kernels);
    check_first_layer(kernels, strcmp(name, "avx2") == 0 || strcmp(name, "avx512") == 0);
}

static void counts_c(void **state)
{
    (void)state;
    check("c");
}

#if defined(__x86_64__)
static void counts_avx2(void **state)
{
    (void)state;
    check("avx2");
}

static void counts_avx512(void **state)
{
    (void)state;
    check("avx512");
}
#endif

#if defined(__aarch64__)
static void counts_neon(void **state)
{
    (void)state;
    check("neon");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_c),
#if defined(__x86_64__)
        cmocka_unit_test(counts_avx2),
        cmocka_unit_test(counts_avx512),
#endif
#if defined(__aarch64__)
        cmocka_unit_test(counts_neon),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
