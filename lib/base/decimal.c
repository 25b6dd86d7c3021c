/* Decimal text to the nearest double (ties to even), in every locale. A near candidate is computed in floating point and
 * corrected until an exact comparison, in whole numbers of many words, places the decimal within half a step of it. */
#include <float.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

_Static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "double must be IEEE binary64");

#define DIGITS       800 /* significant ones that are kept; a half-way point between doubles has at most 767 */
#define WORDS        136 /* of 32 bits: the largest product is 54 bits * 10^1131, 3812 bits */
#define LARGE        100000000
#define INFINITE_BIT 0x7ff0000000000000u

/* digits * 10^exponent */
typedef struct decimal {
    uint8_t digits[DIGITS + 1];
    int count;
    int exponent;
    bool negative;
    bool rest; /* digits that are not zero were left out */
} decimal;

/* A whole number, lowest word first. */
typedef struct whole {
    uint32_t words[WORDS];
    int count;
} whole;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Leading zeros are not kept; of digits beyond DIGITS it only matters whether one is not zero. */
static void add_digit(decimal *number, int digit, bool fraction)
{
    if (fraction && number->exponent > -LARGE) number->exponent--;
    if (number->count == 0 && digit == 0) return;
    if (number->count < DIGITS) {
        number->digits[number->count++] = (uint8_t)digit;
        return;
    }
    if (number->exponent < LARGE) number->exponent++;
    if (digit != 0) number->rest = true;
}

static bool read_exponent(const char **text, decimal *number)
{
    int power = 0;
    bool negative = **text == '-';
    if (**text == '-' || **text == '+') (*text)++;
    if (!is_digit(**text)) return false;
    for (; is_digit(**text); (*text)++)
        if (power < LARGE) power = power * 10 + (**text - '0');
    number->exponent += negative ? -power : power;
    return true;
}

static bool read_decimal(const char *text, decimal *number)
{
    bool any = false;
    *number = (decimal){.count = 0};
    text += strspn(text, " \t");
    number->negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    for (; is_digit(*text); text++, any = true)
        add_digit(number, *text - '0', false);
    if (*text == '.')
        for (text++; is_digit(*text); text++, any = true)
            add_digit(number, *text - '0', true);
    if (!any) return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (!read_exponent(&text, number)) return false;
    }
    if (number->rest) { /* a last digit stands for all that was left out */
        number->digits[number->count++] = 1;
        number->exponent--;
    }
    return text[strspn(text, " \t")] == '\0';
}

/* value = value * factor + addend */
static void multiply(whole *value, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (int i = 0; i < value->count; i++) {
        carry += (uint64_t)value->words[i] * factor;
        value->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) value->words[value->count++] = (uint32_t)carry;
}

static void multiply_power_of_ten(whole *value, int power)
{
    for (; power >= 9; power -= 9)
        multiply(value, 1000000000u, 0);
    for (; power > 0; power--)
        multiply(value, 10u, 0);
}

static void multiply_power_of_two(whole *value, int power)
{
    int moved = power / 32;
    if (value->count == 0) return;
    memmove(value->words + moved, value->words, (size_t)value->count * sizeof value->words[0]);
    memset(value->words, 0, (size_t)moved * sizeof value->words[0]);
    value->count += moved;
    multiply(value, 1u << (power % 32), 0);
}

static int compare(const whole *a, const whole *b)
{
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (int i = a->count - 1; i >= 0; i--)
        if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
    return 0;
}

/* Compares the decimal with the point half-way between the double of these bits and the next one up,
 * (2 mantissa + 1) * 2^(exponent - 1), after multiplying both sides until they are whole. */
static int compare_half_way(const decimal *number, uint64_t bits)
{
    uint64_t field = bits >> 52;
    uint64_t mantissa = bits & 0xfffffffffffffu;
    if (field != 0)
        mantissa |= (uint64_t)1 << 52;
    else
        field = 1;
    int power_of_two = (int)field - 1075 - 1;
    uint64_t middle = 2 * mantissa + 1;
    whole left = {.count = 0};
    whole right = {.words = {(uint32_t)middle, (uint32_t)(middle >> 32)}, .count = middle >> 32 ? 2 : 1};
    for (int i = 0; i < number->count; i++)
        multiply(&left, 10u, number->digits[i]);
    if (number->exponent >= 0)
        multiply_power_of_ten(&left, number->exponent);
    else
        multiply_power_of_ten(&right, -number->exponent);
    if (power_of_two >= 0)
        multiply_power_of_two(&right, power_of_two);
    else
        multiply_power_of_two(&left, -power_of_two);
    return compare(&left, &right);
}

/* Within a few steps of the number. The power is applied in two halves: it may be beyond the range by itself. */
static uint64_t near_bits(const decimal *number)
{
    int used = number->count < 19 ? number->count : 19;
    uint64_t leading = 0;
    for (int i = 0; i < used; i++)
        leading = leading * 10 + number->digits[i];
    int power = number->exponent + number->count - used;
    int size = power < 0 ? -power : power;
    long double half = 1, value = leading;
    for (int i = 0; i < size / 2; i++)
        half *= 10;
    value = power < 0 ? value / half / half : value * half * half;
    if (size % 2) value = power < 0 ? value / 10 : value * 10;
    double candidate = value < (long double)DBL_MAX ? (double)value : DBL_MAX;
    uint64_t bits;
    memcpy(&bits, &candidate, sizeof bits);
    return bits < INFINITE_BIT ? bits : INFINITE_BIT - 1;
}

bool axm_text_to_double(const char *text, double *out)
{
    decimal number;
    uint64_t bits = 0;
    if (!read_decimal(text, &number)) return false;
    int magnitude = number.count + number.exponent; /* the number is below 10^magnitude, and at least a tenth of it */
    if (number.count > 0 && magnitude > 310) return false;
    if (number.count > 0 && magnitude > -330) {
        bits = near_bits(&number);
        for (;;) {
            int above = compare_half_way(&number, bits);
            if (above > 0 || (above == 0 && (bits & 1))) {
                if (++bits == INFINITE_BIT) return false;
                continue;
            }
            int below = bits > 0 ? compare_half_way(&number, bits - 1) : 1;
            if (below > 0 || (below == 0 && !(bits & 1))) break;
            bits--;
        }
    }
    if (number.negative) bits |= (uint64_t)1 << 63;
    memcpy(out, &bits, sizeof *out);
    return true;
}
