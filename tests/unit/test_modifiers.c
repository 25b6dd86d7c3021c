/* Transforms of the image against SciPy and PyTorch (tests/golden/make_modifier_goldens.py) and by hand, and the identity
 * <T x, dy> = <x, T' dy>, on which the gradient through them rests. */
#include <math.h>

#include "golden_lines.h"
#include "modifiers/modifier.h"

static const axm_rng_key key = {.seed = 42, .image = 1, .step = 1};

static size_t size_of(axm_extent e)
{
    return (size_t)e.width * (size_t)e.height * (size_t)e.channels;
}

static float *floats(size_t count)
{
    float *p = calloc(count, sizeof *p);
    assert_non_null(p);
    return p;
}

/* The image of the golden script. */
static float *image(axm_extent e)
{
    float *p = floats(size_of(e));
    for (size_t i = 0; i < size_of(e); i++)
        p[i] = (float)((i * 37 + 11) % 101);
    return p;
}

static float *noise(axm_extent e, uint32_t step)
{
    float *p = floats(size_of(e));
    for (size_t i = 0; i < size_of(e); i++)
        p[i] = 2.0f * axm_rng_uniform((axm_rng_key){.seed = 7, .step = step}, i) - 1.0f;
    return p;
}

static void expect(const char *line, const char *name, const double plan[8], axm_extent e)
{
    float *x = image(e), *y = floats(size_of(e)), *want = golden_line("modifiers.txt", line, size_of(e));
    axm_modifier_find(name)->forward(plan, e, x, y);
    for (size_t i = 0; i < size_of(e); i++)
        if (!(fabsf(y[i] - want[i]) <= 5e-5f))
            fail_msg("%s, element %zu: %.9g, expected %.9g", line, i, (double)y[i], (double)want[i]);
    free(x);
    free(y);
    free(want);
}

static void blur(void **state)
{
    static const struct {
        const char *line;
        double sigma;
        axm_extent extent;
    } cases[] = {
        {"blur-0.5-5x4x1", 0.5, {4, 5, 1}},   {"blur-0.8-9x7x3", 0.8, {7, 9, 3}},
        {"blur-2.5-6x5x2", 2.5, {5, 6, 2}},   {"blur-7-3x2x1", 7.0, {2, 3, 1}}, /* reflected many times over */
        {"blur-3-2x300x1", 3.0, {300, 2, 1}}, {"blur-40-1x290x1", 40.0, {290, 1, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double plan[8] = {0};
        axm_modifier_find("blur")->draw(&cases[i].sigma, cases[i].extent, key, 0, plan);
        expect(cases[i].line, "blur", plan, cases[i].extent);
    }
}

static void scale(void **state)
{
    (void)state;
    expect("scale-1.15-9x7x2", "scale", (const double[8]){1.15}, (axm_extent){7, 9, 2});
    expect("scale-0.6-6x10x1", "scale", (const double[8]){0.6}, (axm_extent){10, 6, 1});
}

static void rotate(void **state)
{
    const double degree = 3.14159265358979323846 / 180.0;
    (void)state;
    expect("rotate-10-9x7x2", "rotate", (const double[8]){cos(10 * degree), sin(10 * degree)}, (axm_extent){7, 9, 2});
    expect("rotate--33-6x10x1", "rotate", (const double[8]){cos(-33 * degree), sin(-33 * degree)}, (axm_extent){10, 6, 1});
    expect("rotate-180-4x5x3", "rotate", (const double[8]){-1.0, 0.0}, (axm_extent){5, 4, 3});
}

/* A quarter turn counter-clockwise, a shift and a mirror, by hand. */
static void by_hand(void **state)
{
    static const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, turned[9] = {3, 6, 9, 2, 5, 8, 1, 4, 7};
    static const float shifted[9] = {8, 9, 7, 2, 3, 1, 5, 6, 4}; /* one down, one to the left */
    static const float mirrored[6] = {5, 6, 3, 4, 1, 2};         /* three pixels of two channels */
    axm_extent e = {3, 3, 1};
    float y[9];
    (void)state;
    axm_modifier_find("rotate")->forward((const double[8]){0.0, 1.0}, e, x, y);
    assert_memory_equal(y, turned, sizeof turned);
    axm_modifier_find("jitter")->forward((const double[8]){1.0, -1.0}, e, x, y);
    assert_memory_equal(y, shifted, sizeof shifted);
    axm_modifier_find("jitter")->forward((const double[8]){-8.0, 302.0}, e, x, y); /* the same modulo 3 */
    assert_memory_equal(y, shifted, sizeof shifted);
    axm_modifier_find("jitter")->adjoint((const double[8]){1.0, -1.0}, e, shifted, y);
    assert_memory_equal(y, x, sizeof x);
    axm_modifier_find("flip")->forward((const double[8]){1.0}, (axm_extent){3, 1, 2}, x, y);
    assert_memory_equal(y, mirrored, sizeof mirrored);
}

static void nothing_asked_nothing_done(void **state)
{
    (void)state;
    for (int32_t m = 0; axm_modifier_at(m); m++) {
        const axm_modifier *modifier = axm_modifier_at(m);
        axm_extent e = {7, 5, 3};
        double plan[8] = {0};
        float *x = image(e), *y = floats(size_of(e));
        modifier->draw((const double[4]){0}, e, key, 0, plan);
        modifier->forward(plan, e, x, y);
        assert_memory_equal(x, y, size_of(e) * sizeof *x);
        memset(y, 0, size_of(e) * sizeof *y);
        modifier->adjoint(plan, e, x, y);
        assert_memory_equal(x, y, size_of(e) * sizeof *x);
        free(x);
        free(y);
    }
}

static void check_adjoint(const axm_modifier *modifier, double value, axm_extent e, uint32_t step)
{
    const size_t count = size_of(e);
    float *x = noise(e, 1000 + step), *dy = noise(e, 2000 + step), *y = floats(count), *dx = floats(count);
    double plan[8] = {0}, left = 0.0, right = 0.0, length_x = 0.0, length_dy = 0.0;
    modifier->draw((const double[4]){value}, e, (axm_rng_key){.seed = 3, .step = step}, 64, plan);
    modifier->forward(plan, e, x, y);
    modifier->adjoint(plan, e, dy, dx);
    for (size_t i = 0; i < count; i++) {
        left += (double)y[i] * (double)dy[i];
        right += (double)x[i] * (double)dx[i];
        length_x += (double)x[i] * (double)x[i];
        length_dy += (double)dy[i] * (double)dy[i];
    }
    if (!(fabs(left - right) <= 1e-5 * sqrt(length_x * length_dy)))
        fail_msg("%s %g, %dx%dx%d: <T x, dy> %.9g, <x, T' dy> %.9g", modifier->name, value, (int)e.height, (int)e.width,
                 (int)e.channels, left, right);
    free(x);
    free(dy);
    free(y);
    free(dx);
}

static void adjoints(void **state)
{
    static const axm_extent extents[] = {{1, 1, 1}, {1, 9, 3}, {9, 1, 2}, {2, 3, 1}, {17, 11, 3}, {40, 33, 1}, {600, 2, 3}};
    static const struct {
        const char *name;
        double values[4];
    } cases[] = {{"jitter", {0.05, 0.5, 1, 16}},
                 {"blur", {0.3, 1, 6.2, 64}},
                 {"scale", {0.01, 0.1, 0.5, 0.9}},
                 {"rotate", {1, 15, 90, 180}},
                 {"flip", {0.1, 0.5, 0.9, 1}}};
    uint32_t step = 0;
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t v = 0; v < 4; v++)
            for (size_t e = 0; e < sizeof extents / sizeof *extents; e++)
                for (int repeat = 0; repeat < 3; repeat++)
                    check_adjoint(axm_modifier_find(cases[c].name), cases[c].values[v], extents[e], ++step);
}

/* A whole matrix: column k of T' is T' of the unit image k, and must be row k of T. */
static void adjoint_matrices(void **state)
{
    static const double values[] = {3, 1.7, 0.6, 70, 1}; /* in the order of the registry */
    const axm_extent e = {5, 4, 1};
    (void)state;
    for (int32_t m = 0; axm_modifier_at(m); m++) {
        float unit[20] = {0}, t[20][20], adjoint[20][20];
        double plan[8] = {0};
        axm_modifier_at(m)->draw((const double[4]){values[m], 0, -1}, e, key, 0, plan);
        for (int k = 0; k < 20; k++) {
            unit[k] = 1.0f;
            axm_modifier_at(m)->forward(plan, e, unit, t[k]);
            axm_modifier_at(m)->adjoint(plan, e, unit, adjoint[k]);
            unit[k] = 0.0f;
        }
        for (int k = 0; k < 400; k++)
            assert_float_equal(t[k / 20][k % 20], adjoint[k % 20][k / 20], 1e-6);
    }
}

static void draws(void **state)
{
    const axm_extent e = {60, 20, 3};
    int seen[2][7] = {{0}}, mirrored = 0;
    double least = 2.0, most = 0.0, left = 180.0, right = -180.0;
    (void)state;
    for (uint32_t step = 1; step <= 1000; step++) {
        const axm_rng_key k = {.seed = 1, .step = step};
        double plan[8] = {0};
        axm_modifier_find("jitter")->draw((const double[4]){3.9, 0, -1}, e, k, 0, plan);
        for (int i = 0; i < 2; i++) {
            assert_true(plan[i] == floor(plan[i]) && fabs(plan[i]) <= 3.0);
            seen[i][(int)plan[i] + 3]++;
        }
        axm_modifier_find("jitter")->draw((const double[4]){0.05, 0, -1}, e, k, 0, plan);
        assert_true(fabs(plan[0]) <= 1.0 && fabs(plan[1]) <= 3.0); /* down: 5 % of 20; right: of 60 */
        axm_modifier_find("jitter")->draw((const double[4]){0, 0, 2.5}, e, k, 0, plan);
        assert_true(plan[0] == 0.0 && fabs(plan[1]) <= 2.0);
        axm_modifier_find("scale")->draw((const double[4]){0.25}, e, k, 0, plan);
        least = fmin(least, plan[0]);
        most = fmax(most, plan[0]);
        axm_modifier_find("rotate")->draw((const double[4]){30}, e, k, 0, plan);
        left = fmin(left, atan2(plan[1], plan[0]) * 180.0 / 3.14159265358979323846);
        right = fmax(right, atan2(plan[1], plan[0]) * 180.0 / 3.14159265358979323846);
        axm_modifier_find("flip")->draw((const double[4]){0.25}, e, k, 0, plan);
        mirrored += plan[0] != 0.0;
        axm_modifier_find("flip")->draw((const double[4]){1}, e, k, 0, plan);
        assert_true(plan[0] == 1.0);
    }
    for (int i = 0; i < 14; i++)
        assert_in_range(seen[i / 7][i % 7], 85, 205); /* 143 expected, deviation 11: five of them */
    assert_true(least >= 0.75 && least < 0.76 && most > 1.24 && most <= 1.25);
    assert_true(left >= -30.0001 && left < -29.5 && right > 29.5 && right <= 30.0001);
    assert_in_range(mirrored, 180, 320); /* 250 expected, deviation 14 */
}

/* The same key gives the same plan; another base, step or seed another one. */
static void draws_depend_on_the_key(void **state)
{
    const double value = 1000.0;
    const axm_extent e = {60, 20, 3};
    const axm_modifier *jitter = axm_modifier_find("jitter");
    double a[8] = {0}, b[8] = {0};
    (void)state;
    jitter->draw((const double[4]){value, 0.0, -1.0}, e, key, 64, a);
    jitter->draw((const double[4]){value, 0.0, -1.0}, e, key, 64, b);
    assert_memory_equal(a, b, sizeof a);
    jitter->draw((const double[4]){value, 0.0, -1.0}, e, key, 128, b);
    assert_true(a[0] != b[0] || a[1] != b[1]);
    jitter->draw((const double[4]){value, 0.0, -1.0}, e, (axm_rng_key){key.seed, key.image, key.step + 1}, 64, b);
    assert_true(a[0] != b[0] || a[1] != b[1]);
    assert_true(a[0] != a[1]); /* down and right are not the same draw */
}

static void registry(void **state)
{
    static const char *const names[][2] = {
        {"jitter", "jitter"}, {"blur", "blur"}, {"scale", "scale_jitter"}, {"rotate", "rotate"}, {"flip", "flip"}};
    (void)state;
    for (int32_t i = 0; i < 5; i++) {
        const axm_modifier *modifier = axm_modifier_at(i);
        assert_string_equal(modifier->name, names[i][0]);
        assert_string_equal(modifier->options[0], names[i][1]);
        assert_null(modifier->options[i == 0 ? 3 : 1]);
        assert_ptr_equal(axm_modifier_find(names[i][0]), modifier);
    }
    assert_null(axm_modifier_at(5));
    assert_null(axm_modifier_at(-1));
    assert_null(axm_modifier_find("shear"));
    assert_null(axm_modifier_find(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry), cmocka_unit_test(blur),
        cmocka_unit_test(scale),    cmocka_unit_test(rotate),
        cmocka_unit_test(by_hand),  cmocka_unit_test(nothing_asked_nothing_done),
        cmocka_unit_test(adjoints), cmocka_unit_test(adjoint_matrices),
        cmocka_unit_test(draws),    cmocka_unit_test(draws_depend_on_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
