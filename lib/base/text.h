/* Small text helpers for messages and look-ups; no locale. */
#ifndef AXM_BASE_TEXT_H
#define AXM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bounded appends; the text is always NUL-terminated and cut when full. */
typedef struct axm_text {
    char *data;
    size_t capacity;
    size_t length;
} axm_text;

axm_text axm_text_in(char *buffer, size_t capacity);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void axm_text_add(axm_text *text, const char *format, ...);

/* Levenshtein distance, ASCII case folded, capped at 64 characters of each. */
size_t axm_text_distance(const char *a, const char *b);

/* Parse a whole string as a number, blanks around it allowed; '.' is the decimal point in every locale. False, and *out
 * untouched, when anything else is left over or the number is out of range. Infinities and NaN are not numbers here; the
 * double is the nearest one. */
bool axm_text_to_double(const char *text, double *out);
bool axm_text_to_i64(const char *text, long long *out);

#endif
