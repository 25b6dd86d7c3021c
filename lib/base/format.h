/* printf-style formatting that reads the same in every locale: '.' is always the decimal point. */
#ifndef AXM_BASE_FORMAT_H
#define AXM_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Conversions d i u x X o c s p f F e E g G a A %, flags, width, precision, '*' and all length modifiers; no %n. Widths and
 * precisions of numbers are held to 64. Writes at most capacity bytes (at least 1) with the final NUL, cut when full and
 * never inside a UTF-8 character; returns the length written. */
size_t axm_format(char *out, size_t capacity, const char *format, va_list arguments);

/* Makes text printable on one line: control characters and bytes that are not UTF-8 become '?'. */
void axm_format_printable(char *text);

#endif
