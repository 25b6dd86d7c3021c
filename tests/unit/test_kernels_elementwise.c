/* Elementwise kernels against functions and loops in double precision; gradients against finite differences of those functions;
 * the same bytes for one and two threads. */
#include "kernels_common.h"

static const size_t counts[] = {0, 1, 2, 7, 16, 31, 63, 64, 65, 1000, 40000}; /* the last one is shared among threads */
#define COUNTS (sizeof counts / sizeof *counts)

/* ---- Functions of one variable ---- */

static double clamped(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

static double function(axm_unary kind, double a, double b, double x)
{
    switch (kind) {
    case AXM_UNARY_CLAMP: return clamped(x, a, b);
    case AXM_UNARY_LEAKY: return x > 0 ? x : a * x;
    case AXM_UNARY_SIGMOID: return 1 / (1 + exp(-x));
    case AXM_UNARY_TANH: return tanh(x);
    case AXM_UNARY_HARD_SIGMOID: return clamped(a * x + b, 0, 1);
    case AXM_UNARY_HARD_SWISH: return x * clamped(x / 6 + 0.5, 0, 1);
    case AXM_UNARY_AFFINE: break;
    }
    return a * x + b;
}

static const struct unary_case {
    axm_unary kind;
    float a, b;
    bool from_output;
    float kinks[2];
} unary_cases[] = {
    {AXM_UNARY_CLAMP, 0, INFINITY, true, {0, 0}},
    {AXM_UNARY_CLAMP, 0, 6, true, {0, 6}},
    {AXM_UNARY_CLAMP, -1.5f, 2.25f, true, {-1.5f, 2.25f}},
    {AXM_UNARY_LEAKY, 0.01f, 0, false, {0, 0}},
    {AXM_UNARY_LEAKY, -0.5f, 0, false, {0, 0}},
    {AXM_UNARY_SIGMOID, 0, 0, true, {99, 99}},
    {AXM_UNARY_TANH, 0, 0, true, {99, 99}},
    {AXM_UNARY_HARD_SIGMOID, 0.2f, 0.5f, true, {-2.5f, 2.5f}},
    {AXM_UNARY_HARD_SIGMOID, 0.125f, 0.25f, true, {-2, 6}},
    {AXM_UNARY_HARD_SWISH, 0, 0, false, {-3, 3}},
    {AXM_UNARY_AFFINE, -0.75f, 2, false, {99, 99}},
};
#define UNARY_CASES (sizeof unary_cases / sizeof *unary_cases)

/* What rounding errors are measured against: the terms of a sum before they cancel. */
static double magnitude(axm_unary kind, double a, double b, double x, double value)
{
    if (kind == AXM_UNARY_HARD_SIGMOID || kind == AXM_UNARY_AFFINE) return fabs(a * x) + fabs(b);
    return kind == AXM_UNARY_HARD_SWISH ? fabs(x) * (fabs(x) / 6 + 0.5) : fabs(value);
}

/* Runs forward and backward on one of the pools; y and dx are the caller's to free. */
static void run_unary(const test_pools *pools, int pool, const struct unary_case *u, size_t count, const float *x, const float *dy,
                      bool accumulate, float *y, float *dx)
{
    axm_exec exec = test_exec(pools, axm_kernels_find("c"), pool, 0, 0);
    axm_unary_forward(&exec, u->kind, u->a, u->b, count, x, y);
    const float *saved = u->kind == AXM_UNARY_AFFINE ? NULL : u->from_output ? y : x;
    axm_unary_backward(&exec, u->kind, u->a, u->b, count, saved, dy, accumulate, dx);
}

static void check_unary(const test_pools *pools, const struct unary_case *u, size_t count, bool accumulate)
{
    const double step = 1e-5;
    float *x = test_random_floats(count), *dy = test_random_floats(count), *before = test_random_floats(count), *y[2], *dx[2];
    for (size_t i = 0; i < count; i++)
        x[i] *= 8;
    for (int p = 0; p < 2; p++) {
        y[p] = test_floats(count);
        dx[p] = test_copy(before, count);
        run_unary(pools, p, u, count, x, dy, accumulate, y[p], dx[p]);
    }
    assert_memory_equal(y[0], y[1], count * sizeof *x);
    assert_memory_equal(dx[0], dx[1], count * sizeof *x);
    for (size_t i = 0; i < count; i++) {
        const double at = (double)x[i], a = (double)u->a, b = (double)u->b;
        const double want = function(u->kind, a, b, at);
        const double terms = magnitude(u->kind, a, b, at, want);
        if (!(fabs((double)y[0][i] - want) <= 4e-7 * terms))
            fail_msg("kind %d of %g: %.9g, expected %.9g", (int)u->kind, at, (double)y[0][i], want);
        if (x[i] == u->kinks[0] || x[i] == u->kinks[1]) continue;
        const double slope = (function(u->kind, a, b, at + step) - function(u->kind, a, b, at - step)) / (2 * step);
        test_close("unary backward", "c", i, (double)dx[0][i], slope * (double)dy[i] + (accumulate ? (double)before[i] : 0), 2);
    }
    void *all[] = {x, dy, before, y[0], y[1], dx[0], dx[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void unary(void **state)
{
    for (size_t u = 0; u < UNARY_CASES; u++)
        for (size_t c = 0; c < COUNTS; c++)
            check_unary(*state, &unary_cases[u], counts[c], c % 2 == 1);
}

/* y in the place of x, dx in the place of dy: same bytes as apart. */
static void unary_in_place(void **state)
{
    const size_t count = 1001;
    for (size_t u = 0; u < UNARY_CASES; u++) {
        const struct unary_case *c = &unary_cases[u];
        axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
        float *x = test_random_floats(count), *dy = test_random_floats(count), *y = test_floats(count), *dx = test_floats(count);
        run_unary(*state, 0, c, count, x, dy, false, y, dx);
        const float *saved = c->kind == AXM_UNARY_AFFINE ? NULL : c->from_output ? y : x;
        axm_unary_backward(&exec, c->kind, c->a, c->b, count, saved, dy, false, dy);
        axm_unary_forward(&exec, c->kind, c->a, c->b, count, x, x);
        assert_memory_equal(x, y, count * sizeof *x);
        assert_memory_equal(dy, dx, count * sizeof *x);
        void *all[] = {x, dy, y, dx};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

/* Where the slope jumps: 0 at the bounds of a clamp, at 0 of ReLU and of leaky ReLU. */
static void unary_kinks(void **state)
{
    for (size_t u = 0; u < UNARY_CASES; u++) {
        const struct unary_case *c = &unary_cases[u];
        if (c->kinks[0] == 99.0f || c->kind == AXM_UNARY_HARD_SWISH) continue;
        const float dy[2] = {3, 3};
        float y[2], dx[2];
        run_unary(*state, 0, c, 2, c->kinks, dy, false, y, dx);
        assert_true(dx[0] == 0.0f && dx[1] == 0.0f);
    }
}

/* Far out, at the ends, and not a number. */
static void unary_extremes(void **state)
{
    static const float x[] = {-INFINITY, -1e30f, -200, -100, -88, 88, 100, 200, 1e30f, INFINITY};
    const size_t count = sizeof x / sizeof *x;
    axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
    float y[sizeof x / sizeof *x];
    for (int kind = AXM_UNARY_SIGMOID; kind <= AXM_UNARY_TANH; kind++) {
        axm_unary_forward(&exec, (axm_unary)kind, 0, 0, count, x, y);
        for (size_t i = 0; i < count; i++)
            assert_float_equal((double)y[i], function((axm_unary)kind, 0, 0, (double)x[i]), 1e-38);
    }
    for (size_t u = 0; u < UNARY_CASES; u++) {
        float nan[3] = {1, NAN, 1};
        axm_unary_forward(&exec, unary_cases[u].kind, unary_cases[u].a, unary_cases[u].b, 3, nan, nan);
        assert_true(!isnan(nan[0]) && isnan(nan[1]) && !isnan(nan[2]));
    }
}

/* The three rules, case by case: y at and between the bounds of ReLU6, u of either sign. */
static void relu_rules(void **state)
{
    static const float y[8] = {0, 0, 3, 3, 6, 6, 1, 1}, u[8] = {2, -2, 2, -2, 2, -2, 0, -1};
    static const float want[3][8] = {{0, 0, 2, -2, 0, 0, 0, -1}, {0, 0, 2, 0, 0, 0, 0, 0}, {2, 0, 2, 0, 2, 0, 0, 0}};
    const size_t count = 40003;
    float *long_y = test_floats(count), *long_u = test_floats(count), *dx[2] = {test_floats(count), test_floats(count)};
    for (size_t i = 0; i < count; i++) {
        long_y[i] = y[i % 8];
        long_u[i] = u[i % 8];
    }
    for (int rule = AXM_RELU_PLAIN; rule <= AXM_RELU_DECONV; rule++) {
        for (int p = 0; p < 2; p++) {
            axm_exec exec = test_exec(*state, axm_kernels_find("c"), p, 0, 0);
            const float *saved = rule == AXM_RELU_DECONV ? NULL : long_y;
            axm_clamp_backward(&exec, (axm_relu_rule)rule, (axm_clamp){0, 6}, count, saved, long_u, false, dx[p]);
            axm_clamp_backward(&exec, (axm_relu_rule)rule, (axm_clamp){0, 6}, count, saved, long_u, true, dx[p]);
            for (size_t i = 0; i < count; i++)
                assert_true(dx[p][i] == 2 * want[rule][i % 8]);
        }
    }
    free(long_y);
    free(long_u);
    free(dx[0]);
    free(dx[1]);
}

/* ---- Binary operations ---- */

#define RANK_MOST 5

typedef struct binary_case {
    int32_t rank;
    int64_t dims[RANK_MOST], a[RANK_MOST], b[RANK_MOST]; /* strides */
} binary_case;

/* Comments: shapes of a and b. */
static const binary_case binary_cases[] = {
    {1, {1}, {0}, {0}},
    {1, {37}, {1}, {1}},
    {1, {37}, {1}, {0}},
    {1, {37}, {0}, {1}},
    {2, {3, 70}, {70, 1}, {0, 1}},                               /* [3,70] [70] */
    {2, {70, 3}, {3, 1}, {1, 0}},                                /* [70,3] [70,1] */
    {2, {5, 6}, {1, 0}, {0, 1}},                                 /* [5,1] [6] */
    {3, {4, 5, 6}, {30, 6, 1}, {6, 0, 1}},                       /* [4,5,6] [4,1,6] */
    {3, {4, 5, 6}, {0, 0, 0}, {30, 6, 1}},                       /* a number, [4,5,6] */
    {4, {2, 9, 11, 33}, {3267, 363, 33, 1}, {33, 0, 0, 1}},      /* squeeze and excite: [2,9,11,33] [2,1,1,33] */
    {4, {2, 9, 11, 33}, {0, 0, 0, 1}, {3267, 363, 33, 1}},       /* bias first */
    {4, {2, 9, 11, 33}, {99, 11, 1, 0}, {3267, 363, 33, 1}},     /* one channel beside 33 */
    {4, {2, 9, 11, 33}, {3267, 363, 33, 1}, {3267, 33, 297, 1}}, /* b with rows and columns exchanged */
    {3, {4, 5, 6}, {1, 4, 20}, {30, 6, 1}},                      /* a column-major */
    {5, {2, 1, 3, 2, 4}, {24, 24, 8, 4, 1}, {3, 3, 1, 0, 0}},    /* [2,1,3,1,1] */
    {2, {300, 200}, {200, 1}, {0, 1}},                           /* long enough for two threads */
    {2, {300, 200}, {200, 1}, {1, 0}},
    {2, {300, 200}, {200, 1}, {200, 1}},
    {2, {40000, 3}, {3, 1}, {0, 1}},
    {2, {3, 40000}, {40000, 1}, {1, 0}},
};
#define BINARY_CASES (sizeof binary_cases / sizeof *binary_cases)

static size_t output_count(const binary_case *c)
{
    size_t count = 1;
    for (int32_t i = 0; i < c->rank; i++)
        count *= (size_t)c->dims[i];
    return count;
}

static size_t operand_count(const binary_case *c, const int64_t *strides)
{
    int64_t last = 0;
    for (int32_t i = 0; i < c->rank; i++)
        last += (c->dims[i] - 1) * strides[i];
    return (size_t)last + 1;
}

static size_t place(const binary_case *c, const int64_t *strides, size_t flat)
{
    int64_t at = 0;
    for (int32_t i = c->rank - 1; i >= 0; i--) {
        at += (int64_t)(flat % (size_t)c->dims[i]) * strides[i];
        flat /= (size_t)c->dims[i];
    }
    return (size_t)at;
}

static double apply(axm_binary kind, double a, double b)
{
    return kind == AXM_BINARY_ADD ? a + b : kind == AXM_BINARY_SUB ? a - b : kind == AXM_BINARY_MUL ? a * b : a / b;
}

/* The slopes of a op b in a and in b, by hand. */
static double slope(axm_binary kind, int which, double a, double b)
{
    if (kind == AXM_BINARY_ADD) return 1;
    if (kind == AXM_BINARY_SUB) return which == 0 ? 1 : -1;
    if (kind == AXM_BINARY_MUL) return which == 0 ? b : a;
    return which == 0 ? 1 / b : -a / (b * b);
}

typedef struct operands {
    size_t count, count_of[2];
    float *value[2], *dy;
} operands;

static void check_forward(const test_pools *pools, axm_binary kind, const binary_case *c, const operands *o, axm_clamp clamp)
{
    float *y[2];
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, axm_kernels_find("c"), p, 0, 0);
        y[p] = test_floats(o->count);
        axm_binary_forward(&exec, kind, c->rank, c->dims, o->value[0], c->a, o->value[1], c->b, clamp, y[p]);
    }
    assert_memory_equal(y[0], y[1], o->count * sizeof(float));
    for (size_t i = 0; i < o->count; i++) {
        const double a = (double)o->value[0][place(c, c->a, i)], b = (double)o->value[1][place(c, c->b, i)];
        const double want = clamped(apply(kind, a, b), (double)clamp.low, (double)clamp.high);
        test_close("binary", "c", i, (double)y[0][i], want, fabs(want));
    }
    for (int which = 0; which < 2; which++) { /* in the place of a dense operand */
        const int64_t *strides = which == 0 ? c->a : c->b;
        if (o->count_of[which] != o->count || place(c, strides, o->count / 2) != o->count / 2) continue;
        if (c->rank > 2 && place(c, strides, (size_t)c->dims[c->rank - 1]) != (size_t)c->dims[c->rank - 1]) continue;
        axm_exec exec = test_exec(pools, axm_kernels_find("c"), 0, 0, 0);
        float *same = test_copy(o->value[which], o->count);
        axm_binary_forward(&exec, kind, c->rank, c->dims, which == 0 ? same : o->value[0], c->a, which == 1 ? same : o->value[1],
                           c->b, clamp, same);
        assert_memory_equal(same, y[0], o->count * sizeof(float));
        free(same);
    }
    free(y[0]);
    free(y[1]);
}

static void check_backward(const test_pools *pools, axm_binary kind, const binary_case *c, const operands *o, int which, bool add)
{
    const int64_t *strides = which == 0 ? c->a : c->b;
    const size_t count = o->count_of[which];
    float *before = test_random_floats(count), *dx[2];
    double *want = calloc(count, sizeof *want), *size = calloc(count, sizeof *size);
    assert_true(want && size);
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, axm_kernels_find("c"), p, 0, 0);
        dx[p] = test_copy(before, count);
        axm_binary_backward(&exec, kind, which, c->rank, c->dims, o->value[0], c->a, o->value[1], c->b, o->dy, count, add, dx[p]);
    }
    assert_memory_equal(dx[0], dx[1], count * sizeof(float));
    for (size_t i = 0; i < o->count; i++) {
        const double a = (double)o->value[0][place(c, c->a, i)], b = (double)o->value[1][place(c, c->b, i)];
        const double term = (double)o->dy[i] * slope(kind, which, a, b);
        want[place(c, strides, i)] += term;
        size[place(c, strides, i)] += fabs(term);
    }
    for (size_t i = 0; i < count; i++)
        test_close("binary backward", "c", i, (double)dx[0][i], want[i] + (add ? (double)before[i] : 0), size[i] + 1);
    free(before);
    free(dx[0]);
    free(dx[1]);
    free(want);
    free(size);
}

static void binary(void **state)
{
    for (size_t n = 0; n < BINARY_CASES; n++) {
        const binary_case *c = &binary_cases[n];
        operands o = {.count = output_count(c), .count_of = {operand_count(c, c->a), operand_count(c, c->b)}};
        for (int which = 0; which < 2; which++)
            o.value[which] = test_random_floats(o.count_of[which]);
        for (size_t i = 0; i < o.count_of[1]; i++)
            o.value[1][i] += o.value[1][i] < 0 ? -0.5f : 0.5f; /* fit to divide by */
        o.dy = test_random_floats(o.count);
        for (int kind = AXM_BINARY_ADD; kind <= AXM_BINARY_DIV; kind++) {
            const axm_clamp open = {-INFINITY, INFINITY}, narrow = {0, 0.75f};
            check_forward(*state, (axm_binary)kind, c, &o, n % 2 ? open : narrow);
            for (int which = 0; which < 2; which++)
                check_backward(*state, (axm_binary)kind, c, &o, which, (n + (size_t)kind) % 2 == 1);
        }
        free(o.value[0]);
        free(o.value[1]);
        free(o.dy);
    }
}

/* ---- Scale and shift of channels ---- */

static void channel_affine(void **state)
{
    static const size_t shapes[][2] = {{0, 3},  {1, 1},  {7, 1},   {100, 3},   {5, 31},
                                       {5, 64}, {3, 65}, {2, 100}, {20000, 3}, {300, 129}};
    for (size_t n = 0; n < sizeof shapes / sizeof *shapes; n++) {
        const size_t rows = shapes[n][0], channels = shapes[n][1], count = rows * channels;
        float *x = test_random_floats(count), *scale = test_random_floats(channels), *shift = test_random_floats(channels);
        float *y[2] = {test_floats(count), test_floats(count)}, *dx[2];
        for (int form = 0; form < 4; form++) {
            const float *s = form & 1 ? scale : NULL, *t = form & 2 ? shift : NULL;
            const axm_clamp clamp = n % 2 ? (axm_clamp){-0.5f, 0.25f} : (axm_clamp){-INFINITY, INFINITY};
            for (int p = 0; p < 2; p++) {
                axm_exec exec = test_exec(*state, axm_kernels_find("c"), p, 0, 0);
                dx[p] = test_copy(x, count);
                axm_channel_affine_forward(&exec, rows, channels, x, s, t, clamp, y[p]);
                axm_channel_affine_backward(&exec, rows, channels, y[p], s, form % 2 == 0, dx[p]);
            }
            assert_memory_equal(y[0], y[1], count * sizeof *x);
            assert_memory_equal(dx[0], dx[1], count * sizeof *x);
            for (size_t i = 0; i < count; i++) {
                const double factor = s ? (double)s[i % channels] : 1.0, add = t ? (double)t[i % channels] : 0.0;
                const double want = clamped(factor * (double)x[i] + add, (double)clamp.low, (double)clamp.high);
                test_close("channel affine", "c", i, (double)y[0][i], want, 1);
                test_close("channel affine backward", "c", i, (double)dx[0][i],
                           factor * (double)y[0][i] + (form % 2 == 0 ? (double)x[i] : 0), 2);
            }
            axm_exec exec = test_exec(*state, axm_kernels_find("c"), 1, 0, 0);
            memcpy(dx[0], x, count * sizeof *x);
            axm_channel_affine_forward(&exec, rows, channels, dx[0], s, t, clamp, dx[0]); /* in place */
            assert_memory_equal(dx[0], y[0], count * sizeof *x);
            free(dx[0]);
            free(dx[1]);
        }
        void *all[] = {x, scale, shift, y[0], y[1]};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary),          cmocka_unit_test(unary_in_place), cmocka_unit_test(unary_kinks),
        cmocka_unit_test(unary_extremes), cmocka_unit_test(relu_rules),     cmocka_unit_test(binary),
        cmocka_unit_test(channel_affine),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
