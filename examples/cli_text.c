/* Text of the program `actmax`: growing buffers, JSON, messages, and the distance of two words. */
#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *cli_allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) {
        fputs("actmax: out of memory\n", stderr);
        exit(CLI_FAILED);
    }
    return memory;
}

/* Room for `more` bytes and the NUL. */
static void reserve(cli_text *text, size_t more)
{
    if (more < text->capacity - text->size) return;
    size_t capacity = 2 * text->capacity + more + 64;
    char *data = capacity > more ? realloc(text->data, capacity) : NULL;
    if (data == NULL) {
        fputs("actmax: out of memory\n", stderr);
        exit(CLI_FAILED);
    }
    text->data = data;
    text->capacity = capacity;
}

void cli_add(cli_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    reserve(text, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text->data + text->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)length;
}

/* The length of the UTF-8 character at p, or 0 when it is none (wrong start, cut short, over-long, surrogate). */
static size_t utf8_length(const unsigned char *p)
{
    size_t length = p[0] < 0x80                   ? 1
                    : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
                    : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
                    : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                                  : 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
        (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return length;
}

void cli_add_json_string(cli_text *text, const char *value)
{
    if (value == NULL) {
        cli_add(text, "null");
        return;
    }
    cli_add(text, "\"");
    for (const unsigned char *p = (const unsigned char *)value; *p != '\0';) {
        size_t length = utf8_length(p);
        if (length == 0) {
            cli_add(text, "\\ufffd"); /* a byte that is no UTF-8 would make the whole output unreadable */
            length = 1;
        } else if (*p == '"' || *p == '\\') {
            cli_add(text, "\\%c", *p);
        } else if (*p < 0x20 || *p == 0x7F) {
            cli_add(text, "\\u%04x", (unsigned)*p);
        } else {
            cli_add(text, "%.*s", (int)length, (const char *)p);
        }
        p += length;
    }
    cli_add(text, "\"");
}

void cli_add_json_number(cli_text *text, double value)
{
    if (isfinite(value))
        cli_add(text, "%.9g", value);
    else
        cli_add(text, "null");
}

void cli_text_free(cli_text *text)
{
    free(text->data);
    *text = (cli_text){NULL, 0, 0};
}

static void print_safe(FILE *stream, const char *text, int lines)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        int control = *p < 0x20 || *p == 0x7F;
        if (control && !(*p == '\n' && lines))
            fputc('?', stream);
        else
            fputc(*p, stream);
    }
}

void cli_print(const char *text)
{
    print_safe(stdout, text, 1);
}

/* A message has one line, whatever a file put into it. */
static void message(const char *start, const char *format, va_list arguments)
{
    char line[2048];
    vsnprintf(line, sizeof line, format, arguments);
    fputs(start, stderr);
    print_safe(stderr, line, 0);
    fputc('\n', stderr);
}

int cli_error(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message("actmax: ", format, arguments);
    va_end(arguments);
    return code;
}

void cli_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message("actmax: note: ", format, arguments);
    va_end(arguments);
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

size_t cli_distance(const char *a, const char *b)
{
    size_t row[64]; /* Levenshtein's table, a row of it; words longer than that are no misspelling of each other */
    size_t length_a = strlen(a);
    size_t length_b = strlen(b);
    if (length_a >= 63 || length_b >= 63) return length_a + length_b;
    for (size_t j = 0; j <= length_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            size_t change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            size_t add = row[j - 1] + 1;
            size_t drop = row[j] + 1;
            diagonal = row[j];
            row[j] = change < add ? change : add;
            if (drop < row[j]) row[j] = drop;
        }
    }
    return row[length_b];
}
