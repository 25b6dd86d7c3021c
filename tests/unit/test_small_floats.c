/* Floats of 4 and 8 bits against ml_dtypes and ONNX's reference evaluator (tests/golden/make_small_float_goldens.py): the value of
 * each code, casts, QuantizeLinear and DequantizeLinear; and the straight-through gradients by hand. */
#include "golden_lines.h"
#include "graph_common.h"

#define FILE_NAME "small_floats.txt"
#define PROBES    397
#define POWERS    12
#define IMAGE     24
#define FORMATS   6

static const axm_dtype formats[FORMATS] = {AXM_FLOAT8E4M3FN,   AXM_FLOAT8E4M3FNUZ, AXM_FLOAT8E5M2,
                                           AXM_FLOAT8E5M2FNUZ, AXM_FLOAT4E2M1,     AXM_FLOAT8E8M0};
#define ROUNDED 5 /* the first five have goldens by saturation */

/* Bit by bit but for the sign of what is no number, and of a zero that stands for none. */
static bool same(float a, float b)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a <= b && a >= b && !signbit(a) == !signbit(b);
}

static void check(const char *what, const float *x, const float *got, const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!same(got[i], want[i]) && !(x && isnan(x[i]) && got[i] <= 0.0f && want[i] <= 0.0f))
            fail_msg("%s, element %zu (%.9g): %.9g, expected %.9g", what, i, x ? (double)x[i] : 0.0, (double)got[i],
                     (double)want[i]);
}

static void codes(void **state)
{
    (void)state;
    for (int32_t f = 0; f < FORMATS; f++) {
        size_t count = formats[f] == AXM_FLOAT4E2M1 ? 16 : 256;
        uint8_t bytes[256];
        float values[256];
        char line[64];
        for (size_t i = 0; i < count; i++)
            bytes[i] = (uint8_t)i;
        axm_constant constant = {formats[f], SHAPE((int64_t)count), bytes, count};
        axm_constant_to_float(&constant, values);
        snprintf(line, sizeof line, "codes_%s", axm_dtype_name(formats[f]));
        float *want = golden_line(FILE_NAME, line, count);
        check(line, NULL, values, want, count);
        free(want);
    }
}

/* x through the operator, by kernels on an image and as a constant; and the gradient of sum(y) with respect to x. */
static void round_both(const float *x, size_t count, const axm_attribute *attributes, size_t attribute_count, float *y, float *dx)
{
    test_graph g;
    axm_shape shape = SHAPE((int64_t)count);
    float *ones = test_numbers(count);
    for (size_t i = 0; i < count; i++)
        ones[i] = 1.0f;
    test_graph_init(&g, &shape);
    int32_t rounded = test_node(&g, "RoundFloat", INPUTS(g.image), attributes, attribute_count);
    int32_t constant = test_constant(&g, AXM_FLOAT32, &shape, x);
    int32_t known = test_node(&g, "RoundFloat", INPUTS(constant), attributes, attribute_count);
    int32_t seen =
        test_node(&g, "Add", INPUTS(test_node(&g, "Mul", INPUTS(g.image, test_weights(&g, SHAPE(1), 0, 0)), NO_ATTRIBUTES), known),
                  NO_ATTRIBUTES);
    test_run run = {.kernels = axm_kernels_find("auto"), .threads = 1};
    test_result r = test_graph_run(&g, rounded, &run, x, ones);
    memcpy(y, r.y, count * sizeof *y);
    memcpy(dx, r.dx, count * sizeof *dx);
    test_result_free(&r);
    float *zeros = calloc(count, sizeof *zeros);
    assert_non_null(zeros);
    r = test_graph_run(&g, seen, &run, zeros, ones); /* 0 + the constant */
    for (size_t i = 0; i < count; i++)
        if (!same(r.y[i] + 0.0f, y[i] + 0.0f))
            fail_msg("the constant %.9g gives %.9g, not %.9g", (double)x[i], (double)r.y[i], (double)y[i]);
    test_result_free(&r);
    free(zeros);
    free(ones);
    test_graph_free(&g);
}

static void casts(void **state)
{
    (void)state;
    float *x = golden_line(FILE_NAME, "x", PROBES), y[PROBES], dx[PROBES];
    for (int32_t f = 0; f < ROUNDED; f++)
        for (int32_t saturate = 0; saturate < 2; saturate++) {
            char line[64];
            snprintf(line, sizeof line, "%s%s", axm_dtype_name(formats[f]), saturate ? "" : "_open");
            float *want = golden_line(FILE_NAME, line, PROBES);
            round_both(x, PROBES, ATTRIBUTES(INT("to", formats[f]), INT("saturate", saturate)), y, dx);
            check(line, x, y, want, PROBES);
            free(want);
        }
    free(x);
}

static void powers(void **state)
{
    (void)state;
    static const char *const modes[] = {"up", "down", "nearest"};
    float *x = golden_line(FILE_NAME, "powers", POWERS), y[POWERS], dx[POWERS];
    for (int32_t m = 0; m < 3; m++) {
        float *want = golden_line(FILE_NAME, modes[m], POWERS);
        round_both(x, POWERS, ATTRIBUTES(INT("to", AXM_FLOAT8E8M0), TEXT("round_mode", modes[m])), y, dx);
        check(modes[m], x, y, want, POWERS);
        free(want);
    }
    free(x);
    /* ONNX's table of what lies beyond both ends. */
    const float beyond[] = {0.0f, 1e-40f, 0x1p-127f, 3.3e38f, INFINITY, 2.0f};
    const float saturated[] = {0x1p-127f, 0x1p-127f, 0x1p-127f, 0x1p127f, 0x1p127f, 2.0f};
    const float open[] = {NAN, NAN, 0x1p-127f, NAN, NAN, 2.0f}, passes[] = {0, 0, 1, 0, 0, 1};
    round_both(beyond, 6, ATTRIBUTES(INT("to", AXM_FLOAT8E8M0)), y, dx);
    check("saturated", beyond, y, saturated, 6);
    check("gradient", beyond, dx, passes, 6);
    round_both(beyond, 6, ATTRIBUTES(INT("to", AXM_FLOAT8E8M0), INT("saturate", 0), TEXT("round_mode", "nearest")), y, dx);
    check("open", beyond, y, open, 6);
}

/* 464 lies half-way from 448 to where 480 would be, and becomes 448; beyond it is cut off. */
static void gradients(void **state)
{
    (void)state;
    const float x[] = {0.0f, -0.3f, 1e-9f, 447.0f, 464.0f, 465.0f, -464.0f, -480.0f, INFINITY, NAN};
    const float passes[] = {1, 1, 1, 1, 1, 0, 1, 0, 0, 0}, values[] = {0, -0.3125f, 0, 448, 448, 448, -448, -448, 448, NAN};
    float y[10], dx[10];
    round_both(x, 10, ATTRIBUTES(INT("to", AXM_FLOAT8E4M3FN)), y, dx);
    check("values", x, y, values, 10);
    check("gradient", x, dx, passes, 10);
}

/* ---- Quantisation ---- */

static const axm_shape image_shape = {4, {1, 3, 2, 4}};

static int32_t scales_of(test_graph *g, const char *kind)
{
    char line[64];
    bool axis = strcmp(kind, "axis") == 0, blocks = strcmp(kind, "blocks") == 0;
    axm_shape shape = axis ? SHAPE(3) : blocks ? SHAPE(1, 3, 2, 2) : (axm_shape){0};
    snprintf(line, sizeof line, "scales_%s", kind);
    float *scales = golden_line(FILE_NAME, line, (size_t)axm_shape_count(&shape));
    int32_t value = test_constant(g, AXM_FLOAT32, &shape, scales);
    free(scales);
    return value;
}

static void check_quantized(const char *type, axm_dtype dtype, const char *kind, bool file_order, bool zero_point)
{
    test_graph g;
    char line[128];
    bool blocks = strcmp(kind, "blocks") == 0;
    test_graph_init(&g, &image_shape);
    int32_t scales = scales_of(&g, kind);
    const axm_shape *shape = &g.graph->values[scales].constant->shape;
    axm_attribute attributes[] = {INT("axis", blocks ? 3 : 1), INT("block_size", blocks ? 2 : 0), INT("output_dtype", dtype)};
    int32_t inputs[3] = {g.image, scales, zero_point ? test_constant(&g, dtype, shape, (uint8_t[12]){0}) : AXM_NO_VALUE};
    int32_t quantized = test_node(&g, "QuantizeLinear", inputs, 2 + zero_point, attributes, zero_point ? 2 : 3);
    inputs[0] = quantized;
    int32_t back = test_node(&g, "DequantizeLinear", inputs, 2 + zero_point, attributes, 2);
    test_run run = {.kernels = axm_kernels_find("auto"), .threads = 1, .file_order = file_order, .observe_all = true};
    float *x = golden_line(FILE_NAME, "image", IMAGE), ones[IMAGE];
    for (size_t i = 0; i < IMAGE; i++)
        ones[i] = 1.0f;
    test_result q = test_graph_run(&g, quantized, &run, x, ones), y = test_graph_run(&g, back, &run, x, ones);
    snprintf(line, sizeof line, "quantize_%s_%s", type, kind);
    float *want = golden_line(FILE_NAME, line, IMAGE);
    check(line, NULL, q.y, want, IMAGE);
    free(want);
    snprintf(line, sizeof line, "dequantize_%s_%s", type, kind);
    want = golden_line(FILE_NAME, line, IMAGE);
    check(line, NULL, y.y, want, IMAGE);
    free(want);
    /* There and back, a step and its reciprocal: 1 where nothing is cut off. The largest number is met only by what is. */
    float max = axm_dtype_small_float(dtype)->max;
    for (size_t i = 0; i < IMAGE; i++) {
        bool at_end = fabsf(q.y[i]) >= max, cut = at_end && fabsf(x[i]) > 1.2f * fabsf(y.y[i]);
        if (!at_end || cut) assert_true(fabsf(y.dx[i] - (cut ? 0.0f : 1.0f)) < 1e-6f);
    }
    test_result_free(&q);
    test_result_free(&y);
    free(x);
    test_graph_free(&g);
}

static void quantised(void **state)
{
    static const char *const kinds[] = {"tensor", "axis", "blocks"};
    static const axm_dtype types[] = {AXM_FLOAT8E4M3FN, AXM_FLOAT8E5M2FNUZ, AXM_FLOAT4E2M1};
    (void)state;
    for (int32_t t = 0; t < 3; t++)
        for (int32_t k = 0; k < 3; k++)
            for (int32_t way = 0; way < 4; way++)
                check_quantized(axm_dtype_name(types[t]), types[t], kinds[k], way % 2 == 1, way >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes), cmocka_unit_test(casts), cmocka_unit_test(powers),
                                       cmocka_unit_test(gradients), cmocka_unit_test(quantised)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
