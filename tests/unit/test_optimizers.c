/* Optimizers against PyTorch's, and against keras-vis's rule in NumPy (tests/golden/make_optimizer_goldens.py). */
#include <math.h>

#include "golden_lines.h"
#include "optimizers/optimizer.h"

#define SIZE  6
#define STEPS 10

static void follow(const char *line, const char *name, axm_optimizer_settings settings)
{
    const axm_optimizer *optimizer = axm_optimizer_find(name);
    assert_non_null(optimizer);
    float *x = golden_line("optimizers.txt", "start", SIZE);
    float *g = golden_line("optimizers.txt", "gradients", STEPS * SIZE);
    float *want = golden_line("optimizers.txt", line, STEPS * SIZE);
    float *state = calloc((size_t)optimizer->state_arrays * SIZE, sizeof *state);
    assert_non_null(state);
    for (int t = 0; t < STEPS; t++) {
        optimizer->update(&settings, t + 1, SIZE, g + t * SIZE, state, x);
        for (int i = 0; i < SIZE; i++) {
            double expected = (double)want[t * SIZE + i];
            if (!(fabs((double)x[i] - expected) <= 2e-6 * (1.0 + fabs(expected))))
                fail_msg("%s, step %d, number %d: %.9g, expected %.9g", line, t + 1, i, (double)x[i], expected);
        }
    }
    free(x);
    free(g);
    free(want);
    free(state);
}

static void adam(void **state)
{
    (void)state;
    axm_optimizer_settings s = {.learning_rate = 0.1, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    follow("adam", "adam", s);
    s.weight_decay = 0.25;
    follow("adam-decay", "adam", s);
}

static void adam_amsgrad(void **state)
{
    (void)state;
    axm_optimizer_settings s = {.learning_rate = 0.1, .beta1 = 0.9, .beta2 = 0.8, .epsilon = 1e-8, .amsgrad = 1};
    follow("adam-amsgrad", "adam", s);
    s = (axm_optimizer_settings){
        .learning_rate = 0.5, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-2, .weight_decay = 1e-2, .amsgrad = 1};
    follow("adam-all", "adam", s);
}

static void ascent(void **state)
{
    (void)state;
    axm_optimizer_settings s = {.learning_rate = 0.01};
    follow("ascent", "ascent", s);
    s.momentum = 0.9;
    follow("ascent-momentum", "ascent", s);
}

static void rmsprop(void **state)
{
    (void)state;
    axm_optimizer_settings s = {.learning_rate = 1.0, .decay = 0.95, .epsilon = 1e-7};
    follow("rmsprop", "rmsprop", s);
    s = (axm_optimizer_settings){.learning_rate = 1.0, .decay = 0.8, .epsilon = 1e-4};
    follow("rmsprop-epsilon", "rmsprop", s);
    s = (axm_optimizer_settings){.learning_rate = 0.25, .decay = 0.9, .momentum = 0.8};
    follow("rmsprop-momentum", "rmsprop", s);
}

/* First step of keras-vis's rule, by hand: g / sqrt(0.05 g^2) = sqrt(20) whatever the gradient's size. */
static void rmsprop_first_step(void **state)
{
    (void)state;
    axm_optimizer_settings s = {.learning_rate = 1.0, .decay = 0.95};
    float x[2] = {0, 0}, g[2] = {3, -0.5f}, memory[4] = {0};
    axm_optimizer_find("rmsprop")->update(&s, 1, 2, g, memory, x);
    assert_float_equal(x[0], -4.4721360, 1e-6);
    assert_float_equal(x[1], 4.4721360, 1e-6);
}

/* Without epsilon and without a gradient there is nothing to divide by: no step, and no NaN. */
static void no_gradient_no_step(void **state)
{
    (void)state;
    for (int32_t i = 0; axm_optimizer_at(i); i++) {
        axm_optimizer_settings s = {.learning_rate = 1.0, .beta1 = 0.9, .beta2 = 0.999, .decay = 0.95, .momentum = 0.5};
        float x = 5.0f, g = 0.0f, memory[3] = {0};
        axm_optimizer_at(i)->update(&s, 1, 1, &g, memory, &x);
        assert_true(x == 5.0f);
        g = 1e-30f; /* its square is 0 in float */
        axm_optimizer_at(i)->update(&s, 2, 1, &g, memory, &x);
        assert_true(isfinite(x));
    }
}

static void registry(void **state)
{
    static const char *const names[] = {"adam", "rmsprop", "ascent"};
    (void)state;
    for (int32_t i = 0; i < 3; i++) {
        assert_string_equal(axm_optimizer_at(i)->name, names[i]);
        assert_ptr_equal(axm_optimizer_find(names[i]), axm_optimizer_at(i));
    }
    assert_null(axm_optimizer_at(3));
    assert_null(axm_optimizer_at(-1));
    assert_null(axm_optimizer_find("sgd"));
    assert_null(axm_optimizer_find(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry),
        cmocka_unit_test(adam),
        cmocka_unit_test(adam_amsgrad),
        cmocka_unit_test(ascent),
        cmocka_unit_test(rmsprop),
        cmocka_unit_test(rmsprop_first_step),
        cmocka_unit_test(no_gradient_no_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
