/* The option table, expanded from options.def, and a recipe's values. */
#ifndef AXM_API_OPTIONS_H
#define AXM_API_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

typedef struct axm_option {
    int32_t id;
    const char *part, *name;
    int32_t type;
    const char *fallback, *choices;
    double minimum, maximum;
    const char *help;
} axm_option;

#define AXM_OPTION_NUMBERS 16   /* longest list */
#define AXM_OPTION_TEXT    1024 /* longest text, NUL included */

int32_t axm_option_count(void);
const axm_option *axm_option_at(int32_t index); /* NULL when out of range */
/* The index; a miss fails and names the nearest. */
int32_t axm_option_index(const char *name, int32_t *out);

/* A value as set. text is always valid (what get_text gives). */
typedef struct axm_option_value {
    bool set;
    int32_t count;
    double numbers[AXM_OPTION_NUMBERS];
    char *text;
} axm_option_value;

/* Checks against the table and fills `out` (text is left alone). */
int32_t axm_option_parse(const axm_option *option, const char *text, axm_option_value *out);
int32_t axm_option_check_numbers(const axm_option *option, const double *values, size_t count, axm_option_value *out);
/* The position of `text` among "a|b|c", -1 when it is none. */
int32_t axm_choice_index(const char *choices, const char *text);

#endif
