/* printf-style formatting without the locale, and the clean-up of text that came from a file. */
#include "base/format.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LARGEST_FIELD 64 /* width or precision of a number */

typedef struct sink {
    char *data;
    size_t capacity;
    size_t length;
    bool full;
} sink;

/* One conversion, e.g. "%-8.3f". `*` has been resolved; precision -1 is none. */
typedef struct conversion {
    char flags[8];
    int width;
    int precision;
    char size; /* 0, 'H' (hh), 'h', 'l', 'L' (ll), 'z', 'j', 't', 'D' (long double) */
    char kind;
} conversion;

/* A va_list inside a struct can be handed on by address on every ABI. */
typedef struct argument_list {
    va_list list;
} argument_list;

static void put(sink *out, const char *text, size_t length)
{
    size_t room = out->capacity - 1 - out->length;
    if (out->full) return;
    if (length > room) {
        out->full = true;
        length = room;
    }
    memcpy(out->data + out->length, text, length);
    out->length += length;
}

static void pad(sink *out, size_t count)
{
    for (; count > 0 && !out->full; count--)
        put(out, " ", 1);
}

static int read_field(const char **format, argument_list *arguments)
{
    int value = 0;
    if (**format == '*') {
        (*format)++;
        return va_arg(arguments->list, int);
    }
    for (; **format >= '0' && **format <= '9'; (*format)++)
        if (value < 100000) value = value * 10 + (**format - '0');
    return value;
}

static char read_size(const char **format)
{
    char first = **format;
    if (first == '\0' || strchr("hlzjtL", first) == NULL) return 0;
    (*format)++;
    if (first == 'L') return 'D';
    if ((first == 'h' || first == 'l') && **format == first) {
        (*format)++;
        return first == 'h' ? 'H' : 'L';
    }
    return first;
}

/* `format` is behind the '%' on entry and behind the conversion on return. */
static conversion read_conversion(const char **format, argument_list *arguments)
{
    conversion c = {.precision = -1};
    size_t flags = 0;
    for (; **format != '\0' && strchr("-+ #0", **format) != NULL; (*format)++)
        if (flags + 2 < sizeof c.flags && strchr(c.flags, **format) == NULL) c.flags[flags++] = **format;
    c.width = read_field(format, arguments);
    if (c.width < 0) {
        c.flags[flags] = '-';
        c.width = c.width < -LARGEST_FIELD ? LARGEST_FIELD : -c.width;
    }
    if (**format == '.') {
        (*format)++;
        c.precision = read_field(format, arguments);
        if (c.precision < 0) c.precision = -1;
    }
    c.size = read_size(format);
    c.kind = **format;
    if (c.kind != '\0') (*format)++;
    return c;
}

static intmax_t signed_argument(char size, argument_list *arguments)
{
    switch (size) {
    case 'H': return (signed char)va_arg(arguments->list, int);
    case 'h': return (short)va_arg(arguments->list, int);
    case 'l': return va_arg(arguments->list, long);
    case 'L': return va_arg(arguments->list, long long);
    case 'z':
    case 't': return va_arg(arguments->list, ptrdiff_t);
    case 'j': return va_arg(arguments->list, intmax_t);
    default: return va_arg(arguments->list, int);
    }
}

static uintmax_t unsigned_argument(char size, argument_list *arguments)
{
    switch (size) {
    case 'H': return (unsigned char)va_arg(arguments->list, unsigned);
    case 'h': return (unsigned short)va_arg(arguments->list, unsigned);
    case 'l': return va_arg(arguments->list, unsigned long);
    case 'L': return va_arg(arguments->list, unsigned long long);
    case 'z':
    case 't': return va_arg(arguments->list, size_t);
    case 'j': return va_arg(arguments->list, uintmax_t);
    default: return va_arg(arguments->list, unsigned);
    }
}

/* The locale's decimal point is whatever is not of a C number; it may be several bytes long. Hexadecimal floats pass too. */
static void put_real(sink *out, const char *number)
{
    bool in_point = false;
    for (; *number != '\0'; number++) {
        bool usual = strchr("0123456789+- abcdefinpxABCDEFINPX", *number) != NULL;
        if (usual) put(out, number, 1);
        if (!usual && !in_point) put(out, ".", 1);
        in_point = !usual;
    }
}

static void put_number(sink *out, conversion c, argument_list *arguments)
{
    char number[512]; /* the longest: %.64f of 1e308 */
    char format[24];
    int width = c.width > LARGEST_FIELD ? LARGEST_FIELD : c.width;
    int precision = c.precision > LARGEST_FIELD ? LARGEST_FIELD : c.precision;
    bool real = strchr("fFeEgGaA", c.kind) != NULL;
    snprintf(format, sizeof format, "%%%s*.*%s%c", c.flags, real ? "" : "j", c.kind);
    if (real) {
        double value = c.size == 'D' ? (double)va_arg(arguments->list, long double) : va_arg(arguments->list, double);
        snprintf(number, sizeof number, format, width, precision, value);
        put_real(out, number);
        return;
    }
    if (c.kind == 'd' || c.kind == 'i')
        snprintf(number, sizeof number, format, width, precision, signed_argument(c.size, arguments));
    else
        snprintf(number, sizeof number, format, width, precision, unsigned_argument(c.size, arguments));
    put(out, number, strlen(number));
}

static void put_text(sink *out, conversion c, const char *text)
{
    size_t limit = c.precision >= 0 ? (size_t)c.precision : SIZE_MAX;
    size_t length = 0;
    if (text == NULL) text = "(null)";
    while (length < limit && text[length] != '\0')
        length++;
    size_t padding = c.width > 0 && (size_t)c.width > length ? (size_t)c.width - length : 0;
    bool left = strchr(c.flags, '-') != NULL;
    if (!left) pad(out, padding);
    put(out, text, length);
    if (left) pad(out, padding);
}

static void put_conversion(sink *out, const char **format, argument_list *arguments)
{
    conversion c = read_conversion(format, arguments);
    char one[2] = {0};
    char pointer[32];
    switch (c.kind) {
    case 's': put_text(out, c, va_arg(arguments->list, const char *)); return;
    case 'c':
        one[0] = (char)va_arg(arguments->list, int);
        c.precision = 1;
        put_text(out, c, one);
        return;
    case 'p':
        snprintf(pointer, sizeof pointer, "%p", va_arg(arguments->list, void *));
        put_text(out, c, pointer);
        return;
    case '%': put(out, "%", 1); return;
    default:
        if (c.kind != '\0' && strchr("diuxXofFeEgGaA", c.kind) != NULL) put_number(out, c, arguments);
        return;
    }
}

/* Number of bytes of the UTF-8 character at `text` (which ends with a NUL), or 0 when it is not one. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    if (text[0] == 0xe0 && text[1] < 0xa0) return 0; /* longer than needed */
    if (text[0] == 0xed && text[1] > 0x9f) return 0; /* surrogates */
    if (text[0] == 0xf0 && text[1] < 0x90) return 0; /* longer than needed */
    if (text[0] == 0xf4 && text[1] > 0x8f) return 0; /* above U+10FFFF */
    return length;
}

/* Takes an unfinished UTF-8 character off the end of text that was cut. */
static void drop_cut_character(sink *out)
{
    size_t back = 0;
    while (back < 3 && back < out->length && ((unsigned char)out->data[out->length - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back == out->length) return;
    size_t start = out->length - 1 - back;
    if ((unsigned char)out->data[start] >= 0xc0 && utf8_length((const unsigned char *)out->data + start) == 0) {
        out->length = start;
        out->data[start] = '\0';
    }
}

size_t axm_format(char *out, size_t capacity, const char *format, va_list arguments)
{
    sink text = {.data = out, .capacity = capacity};
    argument_list list;
    va_copy(list.list, arguments);
    while (*format != '\0' && !text.full) {
        size_t plain = strcspn(format, "%");
        put(&text, format, plain);
        format += plain;
        if (*format == '%') {
            format++;
            put_conversion(&text, &format, &list);
        }
    }
    va_end(list.list);
    out[text.length] = '\0';
    if (text.full) drop_cut_character(&text);
    return text.length;
}

void axm_format_printable(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0';) {
        size_t length = *at < 0x20 || *at == 0x7f ? 0 : utf8_length(at);
        if (length == 2 && at[0] == 0xc2 && at[1] < 0xa0) length = 0; /* C1 control characters */
        if (length == 0) {
            *at = '?';
            length = 1;
        }
        at += length;
    }
}
