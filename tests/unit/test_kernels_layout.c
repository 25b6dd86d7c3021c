/* Kernels that move numbers: permutation, copies of boxes, padding, conversion from binary16, and the check for numbers that are
 * not finite. All exact, and the same bytes for one and two threads. */
#include "kernels_common.h"

/* ---- Permutation ---- */

static void check_transpose(const test_pools *pools, int32_t rank, const int64_t *dims, const int32_t *perm)
{
    size_t count = 1;
    int64_t strides[8], stride = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    count = (size_t)stride;
    float *x = test_random_floats(count), *before = test_random_floats(count);
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, axm_kernels_find("c"), p, 0, 0);
        float *y = test_copy(before, count), *added = test_copy(before, count);
        axm_transpose(&exec, rank, dims, perm, x, false, y);
        axm_transpose(&exec, rank, dims, perm, x, true, added);
        for (size_t i = 0; i < count; i++) {
            size_t rest = i;
            int64_t at = 0;
            for (int32_t k = rank - 1; k >= 0; k--) {
                at += (int64_t)(rest % (size_t)dims[perm[k]]) * strides[perm[k]];
                rest /= (size_t)dims[perm[k]];
            }
            if (y[i] != x[at] || added[i] != before[i] + x[at]) fail_msg("transpose of rank %d: element %zu", (int)rank, i);
        }
        free(y);
        free(added);
    }
    free(x);
    free(before);
}

static void exchange(int32_t *a, int32_t *b)
{
    const int32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* The next permutation in lexicographic order; false after the last. */
static bool next_permutation(int32_t count, int32_t *perm)
{
    int32_t i = count - 2, j = count - 1;
    while (i >= 0 && perm[i] > perm[i + 1])
        i--;
    if (i < 0) return false;
    while (perm[j] < perm[i])
        j--;
    exchange(&perm[i], &perm[j]);
    for (int32_t low = i + 1, high = count - 1; low < high; low++, high--)
        exchange(&perm[low], &perm[high]);
    return true;
}

static void transpose(void **state)
{
    static const struct {
        int32_t rank;
        int64_t dims[6];
    } cases[] = {{0, {0}},           {1, {5}},          {2, {17, 33}},       {2, {200, 150}},      {3, {3, 20, 17}},
                 {4, {2, 3, 16, 5}}, {4, {1, 7, 1, 9}}, {4, {2, 40, 30, 9}}, {5, {2, 3, 2, 5, 4}}, {6, {1, 2, 3, 1, 4, 2}}};
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        int32_t perm[6] = {0, 1, 2, 3, 4, 5};
        do {
            check_transpose(*state, cases[n].rank, cases[n].dims, perm);
        } while (next_permutation(cases[n].rank, perm));
    }
}

/* ---- Copies of boxes ---- */

static void copy_rows(void **state)
{
    static const size_t cases[][4] = {/* rows, length, x stride, y stride */
                                      {0, 5, 5, 5},     {5, 0, 5, 5},
                                      {1, 1, 1, 1},     {3, 7, 9, 11},
                                      {1, 50000, 0, 0}, {2, 40001, 40003, 40001},
                                      {30000, 3, 4, 3}, {4, 16384, 16384, 16385}};
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        const size_t rows = cases[n][0], length = cases[n][1], from = cases[n][2], to = cases[n][3];
        const size_t x_count = rows > 0 ? (rows - 1) * from + length : 0, y_count = rows > 0 ? (rows - 1) * to + length : 0;
        float *x = test_random_floats(x_count), *before = test_random_floats(y_count);
        for (int form = 0; form < 4; form++) {
            axm_exec exec = test_exec(*state, axm_kernels_find("c"), form / 2, 0, 0);
            float *y = test_copy(before, y_count);
            axm_copy_rows(&exec, rows, length, x, from, form % 2 == 1, y, to);
            for (size_t i = 0; i < y_count; i++) {
                const size_t row = to > 0 ? i / to : 0, column = i - row * to;
                const float moved = column < length ? x[row * from + column] : 0.0f;
                const bool kept = column >= length || form % 2 == 1;
                if (y[i] != moved + (kept ? before[i] : 0.0f)) fail_msg("copy_rows, case %zu, element %zu", n, i);
            }
            free(y);
        }
        free(x);
        free(before);
    }
}

/* ---- Padding ---- */

/* One line, 5 before and 6 behind, as numpy.pad has it; the letters are the values 1 to 3. */
static void pad_line(void **state)
{
    static const float x[3] = {1, 2, 3};
    static const float want[4][14] = {{9, 9, 9, 9, 9, 1, 2, 3, 9, 9, 9, 9, 9, 9},
                                      {2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1},
                                      {1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3},
                                      {2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}};
    const int64_t three = 3, one = 1, before = 5, behind = 6, crop = -1;
    axm_exec exec = test_exec(*state, axm_kernels_find("c"), 0, 0, 0);
    float y[14];
    for (int mode = AXM_PAD_CONSTANT; mode <= AXM_PAD_WRAP; mode++) {
        axm_pad_forward(&exec, (axm_pad_mode)mode, 9, 1, &three, &before, &behind, x, y);
        assert_memory_equal(y, want[mode], sizeof y);
        axm_pad_forward(&exec, (axm_pad_mode)mode, 9, 1, &three, &crop, &crop, x, y);
        assert_true(y[0] == 2.0f);
        axm_pad_forward(&exec, (axm_pad_mode)mode, 1, 1, &one, &before, &behind, x, y); /* a single 1, everywhere */
        for (int i = 0; i < 12; i++)
            assert_true(y[i] == 1.0f);
        axm_pad_forward(&exec, (axm_pad_mode)mode, 9, 0, NULL, NULL, NULL, x, y); /* rank 0 */
        assert_true(y[0] == 1.0f);
    }
}

/* Where a walker is who starts at 0 and makes i steps (back when negative), turning at both ends; the other modes plainly. */
static int64_t walk(axm_pad_mode mode, int64_t i, int64_t length)
{
    int64_t at = 0, way = i < 0 ? -1 : 1;
    if (mode == AXM_PAD_CONSTANT) return i >= 0 && i < length ? i : -1;
    if (mode == AXM_PAD_EDGE || length == 1) return i < 0 ? 0 : i < length ? i : length - 1;
    for (int64_t left = i < 0 ? -i : i; left > 0; left--) {
        if (mode == AXM_PAD_WRAP) {
            at = (at + way + length) % length;
        } else {
            if (at + way < 0 || at + way >= length) way = -way;
            at += way;
        }
    }
    return at;
}

typedef struct pad_case {
    int32_t rank;
    int64_t dims[5], begins[5], ends[5];
} pad_case;

static void check_pad(const test_pools *pools, axm_pad_mode mode, const pad_case *c)
{
    size_t in = 1, out = 1;
    for (int32_t k = 0; k < c->rank; k++) {
        in *= (size_t)c->dims[k];
        out *= (size_t)(c->dims[k] + c->begins[k] + c->ends[k]);
    }
    float *x = test_random_floats(in), *dy = test_random_floats(out), *before = test_random_floats(in), *y[2], *dx[2], *added[2];
    double *want = calloc(in, sizeof *want), *size = calloc(in, sizeof *size);
    assert_true(want && size);
    for (int p = 0; p < 2; p++) {
        axm_exec exec = test_exec(pools, axm_kernels_find("c"), p, 0, 0);
        y[p] = test_floats(out);
        dx[p] = test_floats(in);
        added[p] = test_copy(before, in);
        axm_pad_forward(&exec, mode, 0.625f, c->rank, c->dims, c->begins, c->ends, x, y[p]);
        axm_pad_backward(&exec, mode, c->rank, c->dims, c->begins, c->ends, dy, false, dx[p]);
        axm_pad_backward(&exec, mode, c->rank, c->dims, c->begins, c->ends, dy, true, added[p]);
    }
    assert_memory_equal(y[0], y[1], out * sizeof *x);
    assert_memory_equal(dx[0], dx[1], in * sizeof *x);
    assert_memory_equal(added[0], added[1], in * sizeof *x);
    for (size_t i = 0; i < out; i++) {
        size_t rest = i;
        int64_t at = 0, stride = 1;
        for (int32_t k = c->rank - 1; k >= 0; k--) {
            const int64_t length = c->dims[k] + c->begins[k] + c->ends[k];
            const int64_t seen = walk(mode, (int64_t)(rest % (size_t)length) - c->begins[k], c->dims[k]);
            rest /= (size_t)length;
            at = at < 0 || seen < 0 ? -1 : at + seen * stride;
            stride *= c->dims[k];
        }
        if (y[0][i] != (at < 0 ? 0.625f : x[at])) fail_msg("pad, mode %d, element %zu: %g", (int)mode, i, (double)y[0][i]);
        if (at < 0) continue;
        want[at] += (double)dy[i];
        size[at] += fabs((double)dy[i]);
    }
    for (size_t i = 0; i < in; i++) {
        test_close("pad backward", "c", i, (double)dx[0][i], want[i], size[i]);
        test_close("pad backward, added", "c", i, (double)added[0][i], want[i] + (double)before[i], size[i] + 1);
    }
    void *all[] = {x, dy, before, y[0], y[1], dx[0], dx[1], added[0], added[1], want, size};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void pad(void **state)
{
    static const pad_case cases[] = {
        {1, {7}, {0}, {0}},
        {1, {7}, {3}, {0}},
        {1, {4}, {11}, {13}},
        {2, {5, 4}, {1, 2}, {3, 0}},
        {2, {5, 4}, {-1, 2}, {3, -2}},
        {2, {1, 3}, {2, 7}, {5, 2}},
        {3, {3, 4, 5}, {2, 0, 1}, {0, 3, 1}},
        {3, {2, 2, 2}, {4, 5, 6}, {3, 2, 1}},
        {4, {2, 6, 5, 3}, {0, 3, 3, 0}, {0, 3, 3, 0}}, /* an image in channels-last order */
        {4, {2, 6, 5, 3}, {0, -2, 1, 0}, {0, 1, -3, 0}},
        {4, {1, 3, 5, 7}, {1, 1, 1, 1}, {1, 1, 1, 1}},
        {5, {1, 2, 3, 2, 4}, {0, 1, 2, 0, 3}, {1, 0, 2, 1, 3}},
        {3, {60, 70, 9}, {3, 3, 0}, {3, 3, 0}}, /* enough for two threads */
        {2, {10, 9}, {-12, 1}, {5, 1}},         /* cropped past the end, then padded */
        {2, {10, 9}, {4, 1}, {-13, 1}},
        {2, {4, 9}, {-4, 1}, {0, 1}}, /* nothing is left */
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++)
        for (int mode = AXM_PAD_CONSTANT; mode <= AXM_PAD_WRAP; mode++)
            check_pad(*state, (axm_pad_mode)mode, &cases[n]);
}

/* ---- Conversion and checks ---- */

/* All 65536, from an odd address, against the format's definition: (-1)^s 2^(e-15) (1 + m/1024), or 2^-14 m/1024 for e = 0. */
static void halves(void **state)
{
    const size_t count = 65536;
    uint8_t *bytes = test_bytes(2 * count + 1);
    float *out = test_floats(count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const uint16_t half = (uint16_t)i;
        memcpy(bytes + 1 + 2 * i, &half, sizeof half);
    }
    axm_half_to_float_array(bytes + 1, count, out);
    for (size_t i = 0; i < count; i++) {
        const int exponent = (int)(i >> 10 & 31), mantissa = (int)(i & 1023);
        double want = exponent > 0 ? ldexp(1.0 + mantissa / 1024.0, exponent - 15) : ldexp(mantissa / 1024.0, -14);
        if (exponent == 31) want = mantissa == 0 ? (double)INFINITY : (double)NAN;
        if (exponent == 31 && mantissa != 0)
            assert_true(isnan(out[i]));
        else
            assert_true((double)out[i] == (i >> 15 ? -want : want));
        assert_true(!signbit(out[i]) == !(i >> 15));
    }
    free(bytes);
    free(out);
}

static void all_finite(void **state)
{
    static const size_t counts[] = {1, 2, 17, 4095, 4096, 4097, 10000};
    (void)state;
    assert_true(axm_all_finite(NULL, 0));
    for (size_t n = 0; n < sizeof counts / sizeof *counts; n++) {
        float *x = test_random_floats(counts[n]);
        x[0] = 3.4e38f;
        assert_true(axm_all_finite(x, counts[n]));
        for (size_t at = 0; at < counts[n]; at += 1 + counts[n] / 50) {
            static const float bad[] = {INFINITY, -INFINITY, NAN};
            for (int b = 0; b < 3; b++) {
                const float kept = x[at];
                x[at] = bad[b];
                assert_false(axm_all_finite(x, counts[n]));
                x[at] = kept;
            }
        }
        x[counts[n] - 1] = NAN;
        assert_false(axm_all_finite(x, counts[n]));
        assert_true(axm_all_finite(x, counts[n] - 1));
        free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transpose), cmocka_unit_test(copy_rows), cmocka_unit_test(pad_line),
        cmocka_unit_test(pad),       cmocka_unit_test(halves),    cmocka_unit_test(all_finite),
    };
    return cmocka_run_group_tests(tests, test_pools_setup, test_pools_teardown);
}
