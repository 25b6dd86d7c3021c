/* Sums, maxima, softmax and local response normalisation against direct loops in double precision; gradients against finite
 * differences of those loops; the same bytes for one and two threads. */
#include "kernels_common.h"

typedef struct dims {
    int64_t outer, axis, inner;
} dims;

static const dims shapes[] = {
    {1, 1, 1},  {3, 1, 5},   {2, 7, 1},   {1, 16, 1},   {5, 17, 1},   {1, 1000, 1},  {2, 4099, 1}, {2, 9, 2},     {1, 49, 3},
    {3, 5, 16}, {2, 49, 17}, {1, 49, 64}, {2, 130, 65}, {1, 300, 20}, {1, 3136, 24}, {400, 3, 40}, {2, 49, 1280}, {3000, 10, 1},
};
#define SHAPES (sizeof shapes / sizeof *shapes)

static size_t whole(dims d)
{
    return (size_t)(d.outer * d.axis * d.inner);
}

static size_t reduced(dims d)
{
    return (size_t)(d.outer * d.inner);
}

/* The first element of the line that element i of the reduced tensor stands for; the others follow at steps of inner. */
static size_t line_of(dims d, size_t i)
{
    return i / (size_t)d.inner * (size_t)(d.axis * d.inner) + i % (size_t)d.inner;
}

static void *zeros(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size);
    assert_non_null(p);
    return p;
}

static void sums(void **state)
{
    for (size_t n = 0; n < SHAPES; n++) {
        const dims d = shapes[n];
        const float factor = n % 2 ? 1.0f / (float)d.axis : 1.0f;
        float *x = test_random_floats(whole(d)), *dy = test_random_floats(reduced(d)), *y[2], *dx[2], *added[2];
        for (int p = 0; p < 2; p++) {
            axm_exec exec = test_exec(*state, axm_kernels_find("c"), p, 0, 0);
            y[p] = test_floats(reduced(d));
            dx[p] = test_floats(whole(d));
            added[p] = test_copy(x, whole(d));
            axm_sum_axis_forward(&exec, d.outer, d.axis, d.inner, factor, x, y[p]);
            axm_sum_axis_backward(&exec, d.outer, d.axis, d.inner, factor, dy, false, dx[p]);
            axm_sum_axis_backward(&exec, d.outer, d.axis, d.inner, factor, dy, true, added[p]);
        }
        assert_memory_equal(y[0], y[1], reduced(d) * sizeof *x);
        assert_memory_equal(dx[0], dx[1], whole(d) * sizeof *x);
        assert_memory_equal(added[0], added[1], whole(d) * sizeof *x);
        for (size_t i = 0; i < reduced(d); i++) {
            double sum = 0, size = 0;
            for (size_t a = 0; a < (size_t)d.axis; a++) {
                const size_t at = line_of(d, i) + a * (size_t)d.inner;
                sum += (double)x[at] * (double)factor;
                size += fabs((double)x[at] * (double)factor);
                test_close("sum backward", "c", at, (double)dx[0][at], (double)dy[i] * (double)factor, 0.1);
                test_close("sum backward, added", "c", at, (double)added[0][at], (double)dy[i] * (double)factor + (double)x[at], 1);
            }
            test_close("sum", "c", i, (double)y[0][i], sum, size);
        }
        void *all[] = {x, dy, y[0], y[1], dx[0], dx[1], added[0], added[1]};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

/* A million ones beside a large number: float alone would lose them. */
static void long_sum(void **state)
{
    const size_t count = 1000001;
    axm_exec exec = test_exec(*state, axm_kernels_find("c"), 1, 0, 0);
    float *x = test_floats(2 * count), y[2];
    for (size_t i = 0; i < 2 * count; i++)
        x[i] = i < 2 ? 16777216.0f : 1.0f;
    axm_sum_axis_forward(&exec, 1, (int64_t)count, 2, 1.0f, x, y);
    assert_float_equal((double)y[0], 17777216.0, 130); /* 127 ones are added before the double takes over */
    assert_float_equal((double)y[1], 17777216.0, 130);
    axm_sum_axis_forward(&exec, 1, (int64_t)count, 1, 1.0f, x + 1, y);
    assert_float_equal((double)y[0], 17777216.0, 130);
    free(x);
}

static void maxima(void **state)
{
    for (size_t n = 0; n < SHAPES; n++) {
        const dims d = shapes[n];
        float *x = test_random_floats(whole(d)), *dy = test_random_floats(reduced(d)), *y[2], *dx[2],
              *plain = test_floats(reduced(d));
        int32_t *which[2];
        for (int p = 0; p < 2; p++) {
            axm_exec exec = test_exec(*state, axm_kernels_find("c"), p, 0, 0);
            y[p] = test_floats(reduced(d));
            which[p] = test_bytes(reduced(d) * sizeof *which[p]);
            dx[p] = test_copy(x, whole(d));
            axm_max_axis_forward(&exec, d.outer, d.axis, d.inner, x, y[p], which[p]);
            axm_max_axis_forward(&exec, d.outer, d.axis, d.inner, x, plain, NULL);
            assert_memory_equal(plain, y[p], reduced(d) * sizeof *x);
            axm_max_axis_backward(&exec, d.outer, d.axis, d.inner, which[p], dy, n % 2 == 1, dx[p]);
        }
        assert_memory_equal(y[0], y[1], reduced(d) * sizeof *x);
        assert_memory_equal(which[0], which[1], reduced(d) * sizeof *which[0]);
        assert_memory_equal(dx[0], dx[1], whole(d) * sizeof *x);
        for (size_t i = 0; i < reduced(d); i++) {
            int32_t best = 0;
            for (int32_t a = 1; a < d.axis; a++)
                if (x[line_of(d, i) + (size_t)(a * d.inner)] > x[line_of(d, i) + (size_t)(best * d.inner)]) best = a;
            assert_int_equal(which[0][i], best);
            assert_true(y[0][i] == x[line_of(d, i) + (size_t)(best * d.inner)]);
            for (int32_t a = 0; a < d.axis; a++) {
                const size_t at = line_of(d, i) + (size_t)(a * d.inner);
                assert_true(dx[0][at] == (a == best ? dy[i] : 0.0f) + (n % 2 == 1 ? x[at] : 0.0f));
            }
        }
        void *all[] = {x, dy, y[0], y[1], dx[0], dx[1], plain, which[0], which[1]};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

static void max_nan(void **state)
{
    axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
    for (size_t i = 0; i < 5; i++) {
        float x[5] = {1, 2, 3, 4, 5}, y;
        int32_t which;
        x[i] = NAN;
        axm_max_axis_forward(&exec, 1, 5, 1, x, &y, &which);
        assert_true(isnan(y));
        assert_int_equal(which, i);
    }
}

/* ---- Softmax ---- */

/* Of one line of `axis` elements. */
static void softmax_line(bool log_form, size_t axis, const double *x, double *y)
{
    double most = x[0], sum = 0;
    for (size_t a = 1; a < axis; a++)
        most = fmax(most, x[a]);
    for (size_t a = 0; a < axis; a++)
        sum += exp(x[a] - most);
    for (size_t a = 0; a < axis; a++)
        y[a] = log_form ? x[a] - most - log(sum) : exp(x[a] - most) / sum;
}

static double weighted(bool log_form, size_t axis, const double *x, const double *dy, double *y)
{
    double total = 0;
    softmax_line(log_form, axis, x, y);
    for (size_t a = 0; a < axis; a++)
        total += y[a] * dy[a];
    return total;
}

/* One line of y and dx: dx by a finite difference along every axis of a short line, else along one direction. */
static void check_softmax_line(bool log_form, dims d, size_t first, const float *x, const float *dy, const float *y,
                               const float *dx)
{
    const size_t axis = (size_t)d.axis, step = (size_t)d.inner;
    const double h = 1e-5;
    double *px = zeros(axis, sizeof *px), *pdy = zeros(axis, sizeof *pdy), *py = zeros(axis, sizeof *py), slope = 0, sum = 0;
    for (size_t a = 0; a < axis; a++) {
        px[a] = (double)x[first + a * step];
        pdy[a] = (double)dy[first + a * step];
        sum += fabs(pdy[a]);
    }
    softmax_line(log_form, axis, px, py);
    for (size_t a = 0; a < axis; a++)
        test_close("softmax", "c", a, (double)y[first + a * step], py[a], log_form ? fabs(py[a]) + 1 : py[a]);
    for (size_t a = 0; a < axis && axis <= 20; a++) {
        const double at = px[a];
        px[a] = at + h;
        double change = weighted(log_form, axis, px, pdy, py);
        px[a] = at - h;
        change -= weighted(log_form, axis, px, pdy, py);
        px[a] = at;
        test_close("softmax backward", "c", a, (double)dx[first + a * step], change / (2 * h), log_form ? sum + 1 : 2);
    }
    for (int sign = -1; sign <= 1; sign += 2) { /* along cos(a) */
        for (size_t a = 0; a < axis; a++)
            px[a] = (double)x[first + a * step] + sign * h * cos((double)a);
        slope += sign * weighted(log_form, axis, px, pdy, py) / (2 * h);
    }
    for (size_t a = 0; a < axis; a++)
        slope -= (double)dx[first + a * step] * cos((double)a);
    if (fabs(slope) > 1e-6 * (sum + 1))
        fail_msg("softmax of %lld: the gradient along a line is off by %g", (long long)d.axis, slope);
    free(px);
    free(pdy);
    free(py);
}

static void softmax(void **state)
{
    for (size_t n = 0; n < 2 * SHAPES; n++) {
        const dims d = shapes[n / 2];
        const bool log_form = n % 2 == 1;
        float *x = test_random_floats(whole(d)), *dy = test_random_floats(whole(d)), *y[2], *dx[2], *added[2];
        for (size_t i = 0; i < whole(d); i++)
            x[i] *= 6;
        for (int p = 0; p < 2; p++) {
            axm_exec exec = test_exec(*state, axm_kernels_find("c"), p, 0, 0);
            y[p] = test_floats(whole(d));
            dx[p] = test_floats(whole(d));
            added[p] = test_copy(x, whole(d));
            axm_softmax_forward(&exec, log_form, d.outer, d.axis, d.inner, x, y[p]);
            axm_softmax_backward(&exec, log_form, d.outer, d.axis, d.inner, y[p], dy, false, dx[p]);
            axm_softmax_backward(&exec, log_form, d.outer, d.axis, d.inner, y[p], dy, true, added[p]);
        }
        assert_memory_equal(y[0], y[1], whole(d) * sizeof *x);
        assert_memory_equal(dx[0], dx[1], whole(d) * sizeof *x);
        assert_memory_equal(added[0], added[1], whole(d) * sizeof *x);
        for (size_t i = 0; i < reduced(d); i += 1 + reduced(d) / 200)
            check_softmax_line(log_form, d, line_of(d, i), x, dy, y[0], dx[0]);
        for (size_t i = 0; i < whole(d); i++)
            test_close("softmax backward, added", "c", i, (double)added[0][i], (double)x[i] + (double)dx[0][i], 10);
        axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
        axm_softmax_forward(&exec, log_form, d.outer, d.axis, d.inner, x, x); /* in place */
        assert_memory_equal(x, y[0], whole(d) * sizeof *x);
        void *all[] = {x, dy, y[0], y[1], dx[0], dx[1], added[0], added[1]};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

/* Scores far apart, by hand. */
static void softmax_extremes(void **state)
{
    axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
    const float x[4] = {1000, 1000, 900, -1000};
    float y[4];
    axm_softmax_forward(&exec, false, 1, 4, 1, x, y);
    assert_true(y[0] == 0.5f && y[1] == 0.5f && y[2] < 1e-38f && y[3] == 0.0f);
    axm_softmax_forward(&exec, true, 1, 4, 1, x, y);
    assert_float_equal((double)y[0], -0.69314718, 1e-7);
    assert_float_equal((double)y[2], -100.69314718, 1e-5);
    assert_float_equal((double)y[3], -2000.69314718, 2e-4);
}

/* ---- Local response normalisation ---- */

typedef struct lrn_case {
    size_t rows;
    int64_t channels, size;
    float alpha, beta, bias;
} lrn_case;

static double denominator(const lrn_case *c, const double *x, int64_t channel)
{
    double sum = 0;
    const int64_t first = channel - (c->size - 1) / 2, last = channel + c->size / 2;
    for (int64_t k = first > 0 ? first : 0; k <= last && k < c->channels; k++)
        sum += x[k] * x[k];
    return (double)c->bias + (double)c->alpha / (double)c->size * sum;
}

static double lrn_weighted(const lrn_case *c, const double *x, const float *dy)
{
    double total = 0;
    for (int64_t k = 0; k < c->channels; k++)
        total += (double)dy[k] * x[k] * pow(denominator(c, x, k), -(double)c->beta);
    return total;
}

static void check_lrn_row(const lrn_case *c, const float *x, const float *dy, const float *y, const float *dx)
{
    const double h = 1e-5;
    double *px = zeros((size_t)c->channels, sizeof *px), slope = 0, length = 0;
    for (int64_t k = 0; k < c->channels; k++)
        px[k] = (double)x[k];
    for (int64_t k = 0; k < c->channels; k++) {
        const double want = px[k] * pow(denominator(c, px, k), -(double)c->beta);
        test_close("lrn", "c", (size_t)k, (double)y[k], want, fabs(want));
        if (c->channels > 70) continue;
        px[k] += h;
        double change = lrn_weighted(c, px, dy);
        px[k] -= 2 * h;
        change -= lrn_weighted(c, px, dy);
        px[k] = (double)x[k];
        test_close("lrn backward", "c", (size_t)k, (double)dx[k], change / (2 * h), 2);
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int64_t k = 0; k < c->channels; k++)
            px[k] = (double)x[k] + sign * h * cos((double)k);
        slope += sign * lrn_weighted(c, px, dy) / (2 * h);
    }
    for (int64_t k = 0; k < c->channels; k++) {
        slope -= (double)dx[k] * cos((double)k);
        length += fabs((double)dx[k]);
    }
    if (fabs(slope) > 1e-6 * (length + 1))
        fail_msg("lrn of %lld channels: the gradient is off by %g", (long long)c->channels, slope);
    free(px);
}

static void lrn(void **state)
{
    static const lrn_case cases[] = {
        {1, 1, 1, 1e-4f, 0.75f, 1}, {3, 5, 5, 1, 0.75f, 1},        {3, 5, 4, 1, 0.75f, 2},    {2, 3, 9, 2, 0.5f, 1},
        {2, 64, 5, 3, 0.75f, 1},    {2, 65, 2, 3, 0.6f, 1.5f},     {2, 70, 7, 3, 1, 1},       {2, 200, 5, 1e-4f, 0.75f, 2},
        {1, 130, 140, 5, 0.75f, 1}, {1, 130, 129, 5, 1.25f, 0.5f}, {800, 96, 5, 1, 0.75f, 1}, {2, 66, 1000000, 1e5f, 0.75f, 1},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        const lrn_case *c = &cases[n];
        const size_t count = c->rows * (size_t)c->channels;
        float *x = test_random_floats(count), *dy = test_random_floats(count), *y[2], *dx[2], *added[2];
        for (int p = 0; p < 2; p++) {
            axm_exec exec = test_exec(*state, axm_kernels_find("c"), p, 0, 0);
            y[p] = test_floats(count);
            dx[p] = test_floats(count);
            added[p] = test_copy(x, count);
            axm_lrn_forward(&exec, c->rows, c->channels, c->size, c->alpha, c->beta, c->bias, x, y[p]);
            axm_lrn_backward(&exec, c->rows, c->channels, c->size, c->alpha, c->beta, c->bias, x, dy, false, dx[p]);
            axm_lrn_backward(&exec, c->rows, c->channels, c->size, c->alpha, c->beta, c->bias, x, dy, true, added[p]);
        }
        assert_memory_equal(y[0], y[1], count * sizeof *x);
        assert_memory_equal(dx[0], dx[1], count * sizeof *x);
        assert_memory_equal(added[0], added[1], count * sizeof *x);
        for (size_t row = 0; row < count; row += (size_t)c->channels)
            check_lrn_row(c, x + row, dy + row, y[0] + row, dx[0] + row);
        for (size_t i = 0; i < count; i++)
            test_close("lrn backward, added", "c", i, (double)added[0][i], (double)x[i] + (double)dx[0][i], 3);
        void *all[] = {x, dy, y[0], y[1], dx[0], dx[1], added[0], added[1]};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),    cmocka_unit_test(long_sum),         cmocka_unit_test(maxima), cmocka_unit_test(max_nan),
        cmocka_unit_test(softmax), cmocka_unit_test(softmax_extremes), cmocka_unit_test(lrn),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
