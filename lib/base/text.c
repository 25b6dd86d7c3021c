/* Bounded text, edit distance, whole numbers. Decimal fractions are in decimal.c. */
#include "base/text.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"

#define DISTANCE_LENGTH 64

axm_text axm_text_in(char *buffer, size_t capacity)
{
    if (capacity > 0) buffer[0] = '\0';
    return (axm_text){.data = buffer, .capacity = capacity, .length = 0};
}

void axm_text_add(axm_text *text, const char *format, ...)
{
    if (text->capacity == 0) return;
    va_list arguments;
    va_start(arguments, format);
    text->length += axm_format(text->data + text->length, text->capacity - text->length, format, arguments);
    va_end(arguments);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t capped_length(const char *text)
{
    size_t length = 0;
    while (length < DISTANCE_LENGTH && text[length] != '\0')
        length++;
    return length;
}

/* One row of the edit matrix is kept: row[j] is the distance of a[0..i) to b[0..j). */
size_t axm_text_distance(const char *a, const char *b)
{
    size_t row[DISTANCE_LENGTH + 1];
    size_t rows = capped_length(a), columns = capped_length(b);
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0]; /* of the row above, one to the left */
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            size_t insert_or_remove = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < insert_or_remove ? change : insert_or_remove;
        }
    }
    return row[columns];
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

bool axm_text_to_i64(const char *text, long long *out)
{
    text = skip_blanks(text);
    bool negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    if (*text < '0' || *text > '9') return false;
    long long value = 0; /* kept negative, because the negative range is the larger */
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(value, 10LL, &value) || __builtin_sub_overflow(value, (long long)(*text - '0'), &value))
            return false;
    if (*skip_blanks(text) != '\0' || (!negative && value == LLONG_MIN)) return false;
    *out = negative ? value : -value;
    return true;
}
