/* What is optimised (pixels and pyramid) and the penalties on it: values against PyTorch and hand computation, gradients by finite
 * differences. */
#include "tiny.h"

#include "golden_lines.h"
#include "visualize/parameters.h"
#include "visualize/regularizer.h"

/* ---- Parameters ---- */

typedef struct bench {
    axm_parameters p;
    axm_extent extent;
    size_t size;
    float *pixels, *g_pixels, *g_values;
} bench;

static float *floats(size_t count)
{
    float *p = calloc(count + 1, sizeof *p);
    assert_non_null(p);
    return p;
}

static void open_bench(bench *b, bool pyramid, int32_t width, int32_t height, int32_t channels, double contrast)
{
    *b = (bench){.extent = {width, height, channels}, .size = (size_t)width * (size_t)height * (size_t)channels};
    size_t most = axm_parameters_most(pyramid, b->extent);
    b->p.contrast = contrast;
    b->p.exec.kernels = axm_kernels_find(NULL);
    b->p.values = floats(most);
    b->p.sum = floats(b->size);
    b->p.scaled = floats(b->size);
    b->pixels = floats(b->size);
    b->g_pixels = floats(b->size);
    b->g_values = floats(most);
    for (size_t i = 0; i < b->size; i++)
        b->pixels[i] = 127.5f + tiny_value(8, 120.0f, i);
    axm_parameters_start(&b->p, pyramid, b->extent, b->pixels);
    assert_true(b->p.count <= most);
}

static void close_bench(bench *b)
{
    float *all[] = {b->p.values, b->p.sum, b->p.scaled, b->pixels, b->g_pixels, b->g_values};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* The sum of w times what the parameters stand for. */
static double weighted(bench *b, const float *w)
{
    double sum = 0.0;
    axm_parameters_render(&b->p, b->pixels);
    for (size_t i = 0; i < b->size; i++)
        sum += (double)w[i] * (double)b->pixels[i];
    return sum;
}

/* Along the gradient itself, and along three other directions. */
static void check_gradient(bool pyramid, int32_t width, int32_t height, int32_t channels)
{
    bench b;
    open_bench(&b, pyramid, width, height, channels, 0.0);
    float *w = floats(b.size), *at = floats(b.p.count), *direction = floats(b.p.count);
    for (size_t i = 0; i < b.size; i++)
        w[i] = tiny_value(9, 1.0f, i);
    for (size_t i = 0; i < b.p.count; i++)
        at[i] = b.p.values[i] = pyramid ? tiny_value(10, 0.7f, i) : 127.0f + tiny_value(10, 90.0f, i);
    axm_parameters_render(&b.p, b.pixels);
    axm_parameters_gradient(&b.p, b.pixels, w, b.g_values);
    double length = 0.0;
    for (size_t i = 0; i < b.p.count; i++)
        length += (double)b.g_values[i] * (double)b.g_values[i];
    length = sqrt(length);
    assert_true(length > 0.0);
    for (uint32_t k = 0; k < 4; k++) {
        double squares = 0.0, slope = 0.0, step = pyramid ? 0.02 : 4.0;
        for (size_t i = 0; i < b.p.count; i++) {
            direction[i] = k == 0 ? b.g_values[i] : tiny_value(20 + k, 1.0f, i);
            squares += (double)direction[i] * (double)direction[i];
        }
        for (size_t i = 0; i < b.p.count; i++) {
            direction[i] = (float)((double)direction[i] / sqrt(squares));
            slope += (double)direction[i] * (double)b.g_values[i];
        }
        double value[2];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < b.p.count; i++)
                b.p.values[i] = at[i] + (float)(side ? -step : step) * direction[i];
            value[side] = weighted(&b, w);
        }
        double measured = (value[0] - value[1]) / (2.0 * step);
        if (!(fabs(measured - slope) <= 2e-4 * length))
            fail_msg("%dx%dx%d, direction %u: slope %.8g, measured %.8g (length %g)", (int)width, (int)height, (int)channels, k,
                     slope, measured, length);
    }
    free(w);
    free(at);
    free(direction);
    close_bench(&b);
}

static void gradients(void **state)
{
    static const int32_t extents[][3] = {{12, 10, 3}, {13, 9, 3}, {33, 18, 1}, {7, 31, 1}, {16, 16, 2},
                                         {40, 9, 4},  {3, 3, 3},  {1, 1, 1},   {1, 50, 3}, {64, 64, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof extents / sizeof *extents; i++) {
        check_gradient(true, extents[i][0], extents[i][1], extents[i][2]);
        check_gradient(false, extents[i][0], extents[i][1], extents[i][2]);
    }
}

static void pyramid_against_pytorch(void **state)
{
    static const struct {
        const char *name;
        int32_t width, height, channels, levels;
    } cases[] = {{"pyramid_13x9x3", 13, 9, 3, 2}, {"pyramid_18x33x1", 18, 33, 1, 3}};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        bench b;
        open_bench(&b, true, cases[k].width, cases[k].height, cases[k].channels, 0.0);
        assert_int_equal(b.p.levels, cases[k].levels);
        for (size_t i = 0; i < b.p.count; i++)
            b.p.values[i] = (float)sin(0.7 * (double)i);
        axm_parameters_render(&b.p, b.pixels);
        float *expected = golden_line("visualize.txt", cases[k].name, b.size);
        near_all(cases[k].name, b.pixels, expected, b.size, 2e-4);
        free(expected);
        close_bench(&b);
    }
}

/* A picture within 0.01 .. 0.99 of the range comes back as it was; what is outside of it, as that bound. */
static void starting_picture(void **state)
{
    (void)state;
    for (int32_t channels = 1; channels <= 4; channels++) {
        bench b;
        open_bench(&b, true, 11, 6, channels, 0.0);
        float *expected = floats(b.size);
        for (size_t i = 0; i < b.size; i++)
            b.pixels[i] = i % 5 == 0 ? 0.0f : i % 7 == 0 ? 255.0f : 127.5f + tiny_value(5, 124.0f, i);
        for (size_t i = 0; i < b.size; i++)
            expected[i] = fminf(fmaxf(b.pixels[i], 2.55f), 252.45f);
        axm_parameters_start(&b.p, true, b.extent, b.pixels);
        axm_parameters_render(&b.p, b.pixels);
        near_all("picture", b.pixels, expected, b.size, 2e-3);
        free(expected);
        close_bench(&b);
    }
}

static double contrast_of(const bench *b)
{
    double squares = 0.0;
    for (size_t i = 0; i < b->size; i++) {
        double v = (double)b->pixels[i] / 255.0, logit = log(v / (1.0 - v));
        squares += logit * logit;
    }
    return sqrt(squares / (double)b->size);
}

static void contrast_limit(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, true, 20, 14, 3, 0.0);
    for (size_t i = 0; i < b.p.count; i++)
        b.p.values[i] = tiny_value(3, 6.0f, i);
    axm_parameters_render(&b.p, b.pixels);
    double free_contrast = contrast_of(&b);
    assert_true(free_contrast > 1.0);
    b.p.contrast = free_contrast * 2.0; /* not reached: nothing changes */
    float before = b.p.values[5];
    axm_parameters_render(&b.p, b.pixels);
    assert_true(b.p.values[5] == before);
    b.p.contrast = free_contrast / 2.0; /* parameters are scaled down with what they stand for */
    axm_parameters_render(&b.p, b.pixels);
    assert_true(fabs(contrast_of(&b) - free_contrast / 2.0) < 1e-4);
    assert_true(fabs((double)b.p.values[5] - 0.5 * (double)before) < 1e-6);
    axm_parameters_render(&b.p, b.pixels); /* and stay */
    assert_true(fabs((double)b.p.values[5] - 0.5 * (double)before) < 1e-6);
    close_bench(&b);
}

/* A step of one unit in every parameter of a one-level pyramid moves mid-grey by one pixel unit. */
static void unit_step(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, true, 3, 3, 1, 0.0);
    assert_int_equal(b.p.levels, 1);
    for (size_t i = 0; i < b.p.count; i++)
        b.p.values[i] = (float)axm_parameters_unit(&b.p);
    axm_parameters_render(&b.p, b.pixels);
    for (size_t i = 0; i < b.size; i++)
        assert_true(fabs((double)b.pixels[i] - 128.5) < 1e-3);
    close_bench(&b);
    open_bench(&b, false, 3, 3, 1, 0.0);
    assert_true(axm_parameters_unit(&b.p) == 1.0);
    close_bench(&b);
}

/* Buffers of the stated sizes suffice whatever the extent (sanitizers watch). */
static void all_sizes(void **state)
{
    (void)state;
    for (int32_t width = 1; width <= 40; width += width < 10 ? 1 : 7)
        for (int32_t height = 1; height <= 40; height += height < 10 ? 1 : 7) {
            bench b;
            open_bench(&b, true, width, height, 3, 1.0);
            axm_parameters_render(&b.p, b.pixels);
            axm_parameters_gradient(&b.p, b.pixels, b.g_pixels, b.g_values);
            close_bench(&b);
        }
}

/* ---- Penalties ---- */

static const axm_regularizer *penalty(const char *name)
{
    const axm_regularizer *found = NULL;
    for (int32_t i = 0; (found = axm_regularizer_at(i)) && strcmp(found->name, name) != 0; i++)
        ;
    assert_non_null(found);
    return found;
}

static double value_of(const char *name, double power, axm_extent extent, const float *pixels)
{
    return penalty(name)->add(&(axm_penalty_settings){1.0, power, 0, false}, extent, pixels, NULL);
}

static void lp_norm_by_hand(void **state)
{
    (void)state;
    const float pixels[4] = {255.0f, 0.0f, 127.5f, 191.25f}; /* u = 1, -1, 0, 0.5 */
    axm_extent extent = {2, 2, 1};
    assert_true(fabs(value_of("lp_norm", 2.0, extent, pixels) - sqrt((1 + 1 + 0.25) / 4)) < 1e-12);
    assert_true(fabs(value_of("lp_norm", 1.0, extent, pixels) - 2.5 / 4) < 1e-12);
    assert_true(fabs(value_of("lp_norm", 6.0, extent, pixels) - pow((2 + 1.0 / 64) / 4, 1.0 / 6)) < 1e-12);
    float g[4] = {10, 10, 10, 10}; /* p = 2, weight 3: 3 u / norm, on top of what is there; |u| has slope 0 at 0 */
    double norm = sqrt(2.25 / 4);
    penalty("lp_norm")->add(&(axm_penalty_settings){3.0, 2.0, 0, false}, extent, pixels, g);
    const float expected[4] = {(float)(10 + 3 / norm), (float)(10 - 3 / norm), 10, (float)(10 + 1.5 / norm)};
    near_all("gradient, p 2", g, expected, 4, 1e-5);
    float one[4] = {0};
    penalty("lp_norm")->add(&(axm_penalty_settings){1.0, 1.0, 0, false}, extent, pixels, one);
    near_all("gradient, p 1", one, (const float[]){1, -1, 0, 1}, 4, 0.0);
}

/* u = 1, -1, 0, 1 (twice the largest) of pixels, and keras-vis's own form of plain numbers: max(x) / N, gradient 1 / N at it. */
static void infinity_norm_by_hand(void **state)
{
    (void)state;
    const float pixels[4] = {255.0f, 0.0f, 127.5f, 255.0f}, plain[4] = {2.0f, -5.0f, 1.0f, 0.0f};
    axm_extent extent = {2, 2, 1};
    axm_penalty_settings s = {3.0, 6.0, 1, false};
    float g[4] = {0}, h[4] = {0}, k[4] = {0}, m[4] = {0};
    assert_true(penalty("lp_norm")->add(&s, extent, pixels, g) == 1.0);
    near_all("largest value", g, (const float[]){6, 0, 0, 6}, 4, 0.0);
    s.form = 2;
    assert_true(penalty("lp_norm")->add(&s, extent, pixels, h) == 1.0);
    near_all("largest magnitude", h, (const float[]){4, -4, 0, 4}, 4, 0.0);
    s.exact = true;
    assert_true(penalty("lp_norm")->add(&s, extent, plain, k) == 5.0 / 4);
    near_all("exact magnitude", k, (const float[]){0, -0.75f, 0, 0}, 4, 0.0);
    s.form = 1;
    assert_true(penalty("lp_norm")->add(&s, extent, plain, m) == 2.0 / 4);
    near_all("exact value", m, (const float[]){0.75f, 0, 0, 0}, 4, 0.0);
}

static void total_variation_by_hand(void **state)
{
    (void)state;
    const float pixels[6] = {0, 51, 51, 102, 51, 0}; /* two rows of three; in units of 255: 0 .2 .2 / .4 .2 0 */
    axm_extent extent = {3, 2, 1};
    /* (0,0): dy .4, dx .2; (0,1): dy 0, dx 0 */
    assert_true(fabs(value_of("total_variation", 2.0, extent, pixels) - 0.2 / 6) < 1e-8);
    assert_true(fabs(value_of("total_variation", 1.0, extent, pixels) - sqrt(0.2) / 6) < 1e-8);
    float g[6] = {1, 1, 1, 1, 1, 1};
    penalty("total_variation")->add(&(axm_penalty_settings){0.5, 2.0, 0, false}, extent, pixels, g);
    near_all("gradient, beta 2", g, (const float[]){1 - 0.6f, 1 + 0.2f, 1, 1 + 0.4f, 1, 1}, 6, 1e-6);
    const float flat[6] = {9, 9, 9, 9, 9, 9};
    float zero[6] = {0};
    for (double power = 0.5; power < 4.0; power += 0.5) /* no infinite slope, no 0/0 */
        assert_true(penalty("total_variation")->add(&(axm_penalty_settings){1.0, power, 0, false}, extent, flat, zero) == 0.0);
    near_all("gradient of a flat picture", zero, (const float[6]){0}, 6, 0.0);
    assert_true(value_of("total_variation", 2.0, (axm_extent){1, 6, 1}, pixels) == 0.0); /* a line has no inner pixel */
}

/* The gradient is the weight times the number of values times the derivative by the value in its own unit. */
static void penalties_by_difference(void **state)
{
    static const struct {
        const char *name;
        double unit, powers[4];
    } cases[] = {{"lp_norm", 127.5, {1.0, 2.0, 3.5, 6.0}}, {"total_variation", 255.0, {1.0, 1.5, 2.0, 3.0}}};
    (void)state;
    axm_extent extent = {5, 4, 3};
    float pixels[60], g[60];
    for (size_t k = 0; k < 2; k++)
        for (size_t p = 0; p < 4; p++) {
            double power = cases[k].powers[p];
            for (size_t i = 0; i < 60; i++) {
                pixels[i] = floorf(127.0f + tiny_value(6, 120.0f, i));
                g[i] = 0.0f;
            }
            double whole = penalty(cases[k].name)->add(&(axm_penalty_settings){0.25, power, 0, false}, extent, pixels, g);
            assert_true(whole == value_of(cases[k].name, power, extent, pixels));
            for (size_t i = 0; i < 60; i++) {
                float at = pixels[i];
                pixels[i] = at + 0.0625f;
                double up = value_of(cases[k].name, power, extent, pixels);
                pixels[i] = at - 0.0625f;
                double down = value_of(cases[k].name, power, extent, pixels);
                pixels[i] = at;
                double slope = 0.25 * 60.0 * cases[k].unit * (up - down) / 0.125;
                if (!(fabs(slope - (double)g[i]) <= 1e-4 * (1.0 + fabs(slope))))
                    fail_msg("%s, power %g, value %zu: gradient %.7g, measured %.7g", cases[k].name, power, i, (double)g[i], slope);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(pyramid_against_pytorch),
        cmocka_unit_test(starting_picture),
        cmocka_unit_test(contrast_limit),
        cmocka_unit_test(unit_step),
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(lp_norm_by_hand),
        cmocka_unit_test(infinity_norm_by_hand),
        cmocka_unit_test(total_variation_by_hand),
        cmocka_unit_test(penalties_by_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
