/* lib/base: messages, formatting, numbers from text, edit distance, random numbers, half floats, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/half.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/text.h"

/* ---- messages ---- */

static void test_messages(void **state)
{
    (void)state;
    assert_int_equal(axm_fail(ACTMAX_ERROR_NOT_FOUND, "layer '%s' of %d", "conv5", 31), ACTMAX_ERROR_NOT_FOUND);
    assert_string_equal(axm_message(), "layer 'conv5' of 31");
    assert_int_equal(axm_fail_within(ACTMAX_ERROR_IO, "model '%s'", "a.onnx"), ACTMAX_ERROR_IO);
    assert_string_equal(axm_message(), "model 'a.onnx': layer 'conv5' of 31");
    assert_int_equal(axm_fail(-1, "%s, again", axm_message()), -1); /* an argument inside the message itself */
    assert_string_equal(axm_message(), "model 'a.onnx': layer 'conv5' of 31, again");
    assert_int_equal(axm_no_memory(123456, "the plan"), ACTMAX_ERROR_NO_MEMORY);
    assert_non_null(strstr(axm_message(), "123456 bytes for the plan"));
    axm_message_clear();
    assert_string_equal(axm_message(), "");
    axm_fail_within(-1, "alone");
    assert_string_equal(axm_message(), "alone");
}

static void test_messages_are_one_printable_line(void **state)
{
    (void)state;
    /* new line, escape, DEL, a stray continuation byte, an overlong slash, a surrogate, a C1 control; then good UTF-8 */
    axm_fail(-1, "%s", "a\nb\033[31m\x7f|\x80|\xc0\xaf|\xed\xa0\x80|\xc2\x85|\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(axm_message(), "a?b?[31m?|?|??|???|??|\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i + 1 < sizeof long_text; i += 2)
        memcpy(long_text + i, "\xc3\xa9", 2);
    long_text[sizeof long_text - 1] = '\0';
    axm_fail(-1, "%s", long_text);
    assert_int_equal(strlen(axm_message()), 1022); /* 1023 bytes are room for 511 characters of two */
    axm_fail_within(-1, "%s", long_text);
    assert_int_equal(strlen(axm_message()) % 2, 0);
    assert_non_null(strstr(axm_message(), ": "));
}

/* ---- formatting ---- */

static void test_format(void **state)
{
    (void)state;
    char buffer[256];
    char expected[256];
    axm_text text = axm_text_in(buffer, sizeof buffer);
    assert_string_equal(buffer, "");
    axm_text_add(&text, "%d|%5d|%-5d|%05d|%+i|%.3d|%%|%c|%s|%.2s|%6s|%-6s|", -7, 42, 42, 42, 9, 5, 'q', "abc", "abc", "abc", "abc");
    axm_text_add(&text, "%u|%x|%#X|%lld|%zu|%ld|%hhu|%*d|%.*f|%-*d|", 4000000000u, 255u, 255u, (long long)INT64_MIN, SIZE_MAX,
                 LONG_MIN, (unsigned char)200, 4, 7, 2, 1.005, -4, 3);
    snprintf(expected, sizeof expected,
             "-7|   42|42   |00042|+9|005|%%|q|abc|ab|   abc|abc   |4000000000|ff|0XFF|%lld|%zu|%ld|200|   7|1.00|3   |",
             (long long)INT64_MIN, SIZE_MAX, LONG_MIN);
    assert_string_equal(buffer, expected);
    assert_int_equal(text.length, strlen(expected));

    text = axm_text_in(buffer, sizeof buffer);
    axm_text_add(&text, "%g %.17g %e %f %g %g %G", 0.485, 0.1, 1e-8, 1.5, (double)INFINITY, -(double)INFINITY, 1e300);
    assert_string_equal(buffer, "0.485 0.10000000000000001 1.000000e-08 1.500000 inf -inf 1E+300");
}

static void test_format_is_bounded(void **state)
{
    (void)state;
    char buffer[8] = "zzzzzzz";
    axm_text text = axm_text_in(buffer, 6);
    axm_text_add(&text, "%s%d", "abc", 123456);
    assert_string_equal(buffer, "abc12");
    axm_text_add(&text, "more");
    assert_string_equal(buffer, "abc12");
    assert_int_equal(buffer[6], 'z');
    text = axm_text_in(buffer, 6);
    axm_text_add(&text, "abcd\xc3\xa9"); /* five bytes of room: the two of the last character do not fit */
    assert_string_equal(buffer, "abcd");
    text = axm_text_in(buffer, 0);
    axm_text_add(&text, "x");
    assert_int_equal(text.length, 0);

    char wide[600];
    text = axm_text_in(wide, sizeof wide);
    axm_text_add(&text, "%.64f", DBL_MAX);
    assert_int_equal(text.length, 309 + 1 + 64);
    text = axm_text_in(wide, sizeof wide);
    axm_text_add(&text, "%500s|%-20s|", "a", "b");
    assert_int_equal(text.length, 522);
}

/* ---- numbers from text ---- */

static void assert_double(const char *text, double expected)
{
    double value = -12345;
    assert_true(axm_text_to_double(text, &value));
    if (memcmp(&value, &expected, sizeof value) != 0) fail_msg("'%s' gave %.17g, not %.17g", text, value, expected);
}

static void test_doubles(void **state)
{
    (void)state;
    assert_double("0", 0.0);
    assert_double("-0", -0.0);
    assert_double("0.485", 0.485);
    assert_double("1e-8", 1e-8);
    assert_double(" -1.5E+3\t", -1500.0);
    assert_double("+.25", 0.25);
    assert_double("5.", 5.0);
    assert_double("0.1", 0x1.999999999999ap-4);
    assert_double("123456789012345678901234567890", 0x1.8ee90ff6c373ep+96);
    assert_double("9007199254740993", 9007199254740992.0); /* 2^53 + 1: a tie, to the even one */
    assert_double("9007199254740995", 9007199254740996.0);
    assert_double("9007199254740993.00000000000000000000000000000000000000001", 9007199254740994.0);
    assert_double("1.7976931348623157e308", DBL_MAX);
    assert_double("1.7976931348623158e308", DBL_MAX);
    assert_double("2.2250738585072011e-308", 0x0.fffffffffffffp-1022);
    assert_double("4.9406564584124654e-324", 0x1p-1074);
    assert_double("2.4703282292062328e-324", 0x1p-1074); /* just above half of the smallest */
    assert_double("2.4703282292062327e-324", 0.0);       /* just below it */
    assert_double("1e-400", 0.0);
    assert_double("0e999999999999", 0.0);
    assert_double("-1e-99999999999999999999", -0.0);
    assert_double("0.000000000000000000000000000000000000000000000000001e51", 1.0);
}

/* 1 + 2^-53, the half-way point between 1 and the next double, has 53 decimals; digit number 1200 then decides. */
static void test_doubles_of_many_digits(void **state)
{
    (void)state;
    char text[1300];
    const char *half_way = "1.00000000000000011102230246251565404236316680908203125";
    memset(text, '0', sizeof text);
    memcpy(text, half_way, strlen(half_way));
    text[1201] = '\0';
    assert_double(text, 1.0);
    text[1200] = '1';
    assert_double(text, 0x1.0000000000001p0);
    memset(text, '9', sizeof text);
    memcpy(text + 1290, "e-1280", 7);
    assert_double(text, 1e10);
}

static void test_not_doubles(void **state)
{
    (void)state;
    const char *wrong[] = {"",     " ",   ".",   "-",    "e5",  "1e",       "1e+", "1,5",   "0x10",
                           "1.5x", "1 2", "--1", "1..2", "nan", "infinity", "inf", "1e309", "1.7976931348623159e308"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        double value = 77;
        if (axm_text_to_double(wrong[i], &value) || value < 77 || value > 77) fail_msg("'%s' was taken as %g", wrong[i], value);
    }
}

/* The C library's strtod, in the "C" locale that a program starts with, is the oracle. */
static void test_doubles_as_strtod(void **state)
{
    (void)state;
    axm_rng_key key = {.seed = 5};
    for (uint64_t i = 0; i < 20000; i++) {
        char text[64];
        unsigned long long digits = (unsigned long long)axm_rng_u32(key, 8 * i) << 32 | axm_rng_u32(key, 8 * i + 1);
        digits >>= axm_rng_u32(key, 8 * i + 2) % 64;
        int power = (int)(axm_rng_u32(key, 8 * i + 3) % (i % 2 ? 24 : 620)) - (i % 2 ? 20 : 330);
        snprintf(text, sizeof text, "%s%llu.%ue%d", i % 3 ? "" : "-", digits, (unsigned)axm_rng_u32(key, 8 * i + 4) % 1000, power);
        double expected = strtod(text, NULL);
        if (isinf(expected)) {
            double value;
            assert_false(axm_text_to_double(text, &value));
        } else {
            assert_double(text, expected);
        }
        uint64_t bits = (uint64_t)axm_rng_u32(key, 8 * i + 5) << 32 | axm_rng_u32(key, 8 * i + 6);
        double any; /* every finite double comes back from its 17 digits */
        memcpy(&any, &bits, sizeof any);
        if (!isfinite(any)) continue;
        snprintf(text, sizeof text, "%.17g", any);
        assert_double(text, any);
    }
}

static void test_locale_does_not_matter(void **state)
{
    (void)state;
    const char *commas[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR.utf8"};
    bool found = false;
    for (size_t i = 0; !found && i < sizeof commas / sizeof commas[0]; i++)
        found = setlocale(LC_NUMERIC, commas[i]) != NULL;
    if (!found) skip();
    char buffer[32];
    axm_text text = axm_text_in(buffer, sizeof buffer);
    axm_text_add(&text, "%g", 0.5);
    double value = 0;
    bool parsed = axm_text_to_double("0.5", &value);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(buffer, "0.5");
    assert_true(parsed && value > 0.49 && value < 0.51);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    long long value = 0;
    assert_true(axm_text_to_i64(" -12 ", &value) && value == -12);
    assert_true(axm_text_to_i64("+007", &value) && value == 7);
    assert_true(axm_text_to_i64("9223372036854775807", &value) && value == LLONG_MAX);
    assert_true(axm_text_to_i64("-9223372036854775808", &value) && value == LLONG_MIN);
    value = 5;
    assert_false(axm_text_to_i64("9223372036854775808", &value));
    assert_false(axm_text_to_i64("-9223372036854775809", &value));
    assert_false(axm_text_to_i64("99999999999999999999999", &value));
    assert_false(axm_text_to_i64("", &value));
    assert_false(axm_text_to_i64("-", &value));
    assert_false(axm_text_to_i64("1.0", &value));
    assert_false(axm_text_to_i64("1e3", &value));
    assert_int_equal(value, 5);
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(axm_text_distance("kitten", "sitting"), 3); /* the textbook example */
    assert_int_equal(axm_text_distance("saturday", "sunday"), 3);
    assert_int_equal(axm_text_distance("", "abc"), 3);
    assert_int_equal(axm_text_distance("abc", ""), 3);
    assert_int_equal(axm_text_distance("Conv5", "cONV5"), 0);
    assert_int_equal(axm_text_distance("conv5", "conv_5"), 1);
    char a[200], b[200];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    a[199] = b[199] = '\0';
    assert_int_equal(axm_text_distance(a, b), 64);
    assert_int_equal(axm_text_distance(a, a), 0);
}

/* ---- random numbers ---- */

/* Random123, tests/kat_vectors, lines "philox4x32 10". */
static void test_philox_vectors(void **state)
{
    (void)state;
    static const uint32_t vectors[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        axm_philox(vectors[i], vectors[i] + 4, out);
        assert_memory_equal(out, vectors[i] + 6, sizeof out);
    }
    /* The third vector again, by its place in the key: block 0x85a308d3243f6a88 is indices 4 times that, modulo 2^64. */
    axm_rng_key key = {.seed = 0x299f31d0a4093822u, .image = 0x13198a2e, .step = 0x03707344};
    uint32_t out[4];
    const uint32_t small[4] = {7, 0, 0x13198a2e, 0x03707344};
    axm_philox(small, vectors[2] + 4, out);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(axm_rng_u32(key, 28 + i), out[i]);
}

static void test_random_distributions(void **state)
{
    (void)state;
    const double draws = 200000;
    axm_rng_key key = {.seed = 1, .image = 2, .step = AXM_RNG_START};
    double sum = 0, squares = 0, cubes = 0, normal_sum = 0, normal_squares = 0, fourth = 0, product = 0, before = 0;
    int counts[7] = {0};
    for (uint64_t i = 0; i < (uint64_t)draws; i++) {
        double uniform = (double)axm_rng_uniform(key, i);
        double normal = (double)axm_rng_normal(key, i);
        int32_t between = axm_rng_between(key, i, -3, 3);
        assert_true(uniform >= 0 && uniform < 1);
        assert_true(between >= -3 && between <= 3);
        counts[between + 3]++;
        sum += uniform;
        squares += uniform * uniform;
        cubes += uniform * uniform * uniform;
        normal_sum += normal;
        normal_squares += normal * normal;
        fourth += normal * normal * normal * normal;
        product += normal * before;
        before = normal;
    }
    /* Five standard errors around the moments of the distributions. */
    assert_true(fabs(sum / draws - 0.5) < 5 * sqrt(1.0 / 12 / draws));
    assert_true(fabs(squares / draws - 1.0 / 3) < 5 * sqrt(4.0 / 45 / draws));
    assert_true(fabs(cubes / draws - 0.25) < 5 * sqrt(9.0 / 112 / draws));
    assert_true(fabs(normal_sum / draws) < 5 * sqrt(1.0 / draws));
    assert_true(fabs(normal_squares / draws - 1) < 5 * sqrt(2.0 / draws));
    assert_true(fabs(fourth / draws - 3) < 5 * sqrt(96.0 / draws));
    assert_true(fabs(product / draws) < 5 * sqrt(1.0 / draws)); /* neighbours are uncorrelated */
    for (int i = 0; i < 7; i++)
        assert_true(fabs(counts[i] - draws / 7.0) < 5 * sqrt(draws / 7.0));
}

static void test_random_edges(void **state)
{
    (void)state;
    axm_rng_key key = {.seed = 9};
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(axm_rng_between(key, i, 5, 5), 5);
        assert_int_equal(axm_rng_between(key, i, 5, 4), 5);
        (void)axm_rng_between(key, i, INT32_MIN, INT32_MAX);
    }
    axm_rng_key other = key;
    other.step = 1;
    assert_int_not_equal(axm_rng_u32(key, 0), axm_rng_u32(other, 0));
    other = key;
    other.image = 1;
    assert_int_not_equal(axm_rng_u32(key, 0), axm_rng_u32(other, 0));
    other = key;
    other.seed += (uint64_t)1 << 32;
    assert_int_not_equal(axm_rng_u32(key, 0), axm_rng_u32(other, 0));
}

/* ---- small numbers, limits, sizes ---- */

/* The definition: (-1)^s * 2^(e-15) * (1 + m/1024), or (-1)^s * 2^-14 * m/1024 when e is 0. */
static void test_half(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        int exponent = (bits >> 10) & 31;
        double mantissa = (bits & 1023) / 1024.0;
        double magnitude = exponent == 0 ? ldexp(mantissa, -14) : ldexp(1 + mantissa, exponent - 15);
        float value = axm_half_to_float((uint16_t)bits);
        assert_int_equal(signbit(value) != 0, bits >> 15);
        if (exponent == 31)
            assert_true(mantissa > 0 ? isnan(value) : isinf(value));
        else if (fabs((double)value) < magnitude || fabs((double)value) > magnitude)
            fail_msg("half %04x gave %g", bits, (double)value);
    }
    assert_true(axm_bfloat16_to_float(0x3f80) == 1.0f && axm_bfloat16_to_float(0xc049) == -3.140625f);
    assert_true(isinf(axm_bfloat16_to_float(0x7f80)) && isnan(axm_bfloat16_to_float(0x7fc0)));
}

/* The option table is the authority. */
static void test_limits_are_the_options_defaults(void **state)
{
    (void)state;
    axm_limits limits = axm_limits_default();
    const struct {
        const char *name;
        int64_t value;
    } ours[] = {{"limit_file_bytes", limits.file_bytes},
                {"limit_tensor_elements", limits.tensor_elements},
                {"limit_nodes", limits.nodes},
                {"limit_nesting", limits.nesting},
                {"limit_planned_bytes", limits.planned_bytes},
                {"limit_image_pixels", limits.image_pixels},
                {"limit_image_side", limits.image_side}};
    static const struct {
        const char *name;
        const char *text;
    } options[] = {
#define X(id, part, name, type, default_text, choices, minimum, maximum, help) {name, default_text},
#include "api/options.def"
#undef X
    };
    size_t met = 0;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strncmp(options[i].name, "limit_", 6) != 0) continue;
        size_t at = 0;
        while (at < sizeof ours / sizeof ours[0] && strcmp(ours[at].name, options[i].name) != 0)
            at++;
        assert_true(at < sizeof ours / sizeof ours[0]);
        assert_int_equal(ours[at].value, strtoll(options[i].text, NULL, 10));
        met++;
    }
    assert_int_equal(met, sizeof ours / sizeof ours[0]);
}

static void test_checked(void **state)
{
    (void)state;
    size_t size = 0;
    int64_t whole = 0;
    assert_true(axm_mul_size(SIZE_MAX / 2, 2, &size) && size == SIZE_MAX - 1);
    assert_false(axm_mul_size(SIZE_MAX / 2 + 1, 2, &size));
    assert_false(axm_add_size(SIZE_MAX, 1, &size));
    assert_true(axm_mul_i64(3037000499, 3037000499, &whole));
    assert_false(axm_mul_i64(3037000500, 3037000500, &whole));
    assert_false(axm_mul_i64(-1, 1, &whole));
    assert_false(axm_add_i64(INT64_MAX, 1, &whole));
    assert_false(axm_add_i64(5, -1, &whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_messages_are_one_printable_line),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_is_bounded),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_doubles_of_many_digits),
        cmocka_unit_test(test_not_doubles),
        cmocka_unit_test(test_doubles_as_strtod),
        cmocka_unit_test(test_locale_does_not_matter),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_philox_vectors),
        cmocka_unit_test(test_random_distributions),
        cmocka_unit_test(test_random_edges),
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_limits_are_the_options_defaults),
        cmocka_unit_test(test_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
