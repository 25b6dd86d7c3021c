/* The option table: look-up, listing, and the check of values against it. */
#include "api/options.h"

#include <string.h>

#include "base/status.h"
#include "base/text.h"

#define TYPE_INTEGER ACTMAX_TYPE_INTEGER
#define TYPE_NUMBER  ACTMAX_TYPE_NUMBER
#define TYPE_TEXT    ACTMAX_TYPE_TEXT
#define TYPE_CHOICE  ACTMAX_TYPE_CHOICE
#define TYPE_NUMBERS ACTMAX_TYPE_NUMBERS
#define TYPE_SWITCH  ACTMAX_TYPE_SWITCH

static const axm_option table[] = {
#define X(id, part, name, type, fallback, choices, minimum, maximum, help)                                                         \
    {id, part, name, TYPE_##type, fallback, choices, minimum, maximum, help},
#include "api/options.def"
#undef X
};

#define COUNT ((int32_t)(sizeof table / sizeof *table))

int32_t axm_option_count(void)
{
    return COUNT;
}

const axm_option *axm_option_at(int32_t index)
{
    return index >= 0 && index < COUNT ? &table[index] : NULL;
}

/* Command lines write "learning-rate" for "learning_rate". */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; ++a, ++b) {
        char x = *a == '-' ? '_' : *a, y = *b == '-' ? '_' : *b;
        if (x != y) return false;
    }
    return *a == *b;
}

int32_t axm_option_index(const char *name, int32_t *out)
{
    int32_t nearest = 0;
    size_t distance = SIZE_MAX;
    if (!name) return axm_fail(ACTMAX_ERROR_INVALID, "the name of an option is missing (NULL)");
    for (int32_t i = 0; i < COUNT; ++i) {
        if (same_name(name, table[i].name)) {
            *out = i;
            return ACTMAX_OK;
        }
        size_t d = axm_text_distance(name, table[i].name);
        if (d < distance) {
            distance = d;
            nearest = i;
        }
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND,
                    "there is no option '%.60s'; nearest: '%s'; actmax_option_name (or 'actmax options') lists all", name,
                    table[nearest].name);
}

int32_t axm_choice_index(const char *choices, const char *text)
{
    size_t length = strlen(text);
    int32_t index = 0;
    for (const char *at = choices; *at; ++index) {
        const char *end = strchr(at, '|');
        size_t size = end ? (size_t)(end - at) : strlen(at);
        if (size == length && strncmp(at, text, size) == 0) return index;
        if (!end) break;
        at = end + 1;
    }
    return -1;
}

/* "input_size" and "size": SIZE, or HEIGHT,WIDTH. */
static bool is_size(const axm_option *option)
{
    return option->type == TYPE_NUMBERS && strstr(option->name, "size") != NULL;
}

int32_t axm_option_check_numbers(const axm_option *option, const double *values, size_t count, axm_option_value *out)
{
    if (option->type == TYPE_TEXT)
        return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' is a text; set it with actmax_recipe_set_text", option->name);
    if (option->type == TYPE_CHOICE)
        return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' is one of %s; set it with actmax_recipe_set_text", option->name,
                        option->choices);
    size_t most = is_size(option) ? 2 : option->type == TYPE_NUMBERS ? AXM_OPTION_NUMBERS : 1;
    if (count < 1 || count > most)
        return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' takes %s, not %zu values", option->name,
                        most == 1   ? "one number"
                        : most == 2 ? "one or two numbers"
                                    : "1 to 16 numbers",
                        count);
    for (size_t i = 0; i < count; ++i) {
        double value = values[i];
        if (!(value >= option->minimum && value <= option->maximum))
            return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' is %g; it must be from %g to %g", option->name, value,
                            option->minimum, option->maximum);
        bool whole = option->type == TYPE_INTEGER || option->type == TYPE_SWITCH || is_size(option);
        if (whole && value != (double)(int64_t)value)
            return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' is %g; it must be a whole number", option->name, value);
        out->numbers[i] = value;
    }
    out->count = (int32_t)count;
    out->set = true;
    return ACTMAX_OK;
}

static int32_t parse_numbers(const axm_option *option, const char *text, axm_option_value *out)
{
    double values[AXM_OPTION_NUMBERS];
    size_t count = 0;
    char item[64];
    for (const char *at = text;; ++count) {
        const char *end = strchr(at, ',');
        size_t size = end ? (size_t)(end - at) : strlen(at);
        if (count >= AXM_OPTION_NUMBERS || size == 0 || size >= sizeof item)
            return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' takes numbers such as %s, not '%.60s'", option->name,
                            option->type == TYPE_NUMBERS ? "1,2.5,3" : "8", text);
        memcpy(item, at, size);
        item[size] = '\0';
        if (!axm_text_to_double(item, &values[count]))
            return axm_fail(ACTMAX_ERROR_INVALID, "option '%s': '%.60s' is not a number", option->name, item);
        if (!end) break;
        at = end + 1;
    }
    return axm_option_check_numbers(option, values, count + 1, out);
}

int32_t axm_option_parse(const axm_option *option, const char *text, axm_option_value *out)
{
    if (strlen(text) >= AXM_OPTION_TEXT)
        return axm_fail(ACTMAX_ERROR_INVALID, "the value of option '%s' is too long", option->name);
    if (option->type == TYPE_CHOICE) {
        int32_t index = axm_choice_index(option->choices, text);
        if (index < 0)
            return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' is one of %s, not '%.60s'", option->name, option->choices, text);
        out->numbers[0] = index;
        out->count = 1;
    } else if (option->type == TYPE_TEXT) {
        out->count = 0;
    } else if (option->type == TYPE_SWITCH && axm_choice_index("no|off|false", text) >= 0) {
        return axm_option_check_numbers(option, &(double){0}, 1, out);
    } else if (option->type == TYPE_SWITCH && axm_choice_index("yes|on|true", text) >= 0) {
        return axm_option_check_numbers(option, &(double){1}, 1, out);
    } else {
        return parse_numbers(option, text, out);
    }
    out->set = true;
    return ACTMAX_OK;
}

/* ---- Public listing ---- */

int32_t actmax_option_count(void)
{
    return COUNT;
}

int32_t actmax_option_find(const char *name, int32_t *out)
{
    axm_message_clear();
    if (!out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_option_find: out is NULL");
    return axm_option_index(name, out);
}

int32_t actmax_option_id(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->id : 0;
}

const char *actmax_option_name(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->name : NULL;
}

const char *actmax_option_part(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->part : NULL;
}

int32_t actmax_option_type(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->type : 0;
}

const char *actmax_option_default(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->fallback : NULL;
}

const char *actmax_option_choices(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->choices : NULL;
}

double actmax_option_minimum(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->minimum : 0;
}

double actmax_option_maximum(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->maximum : 0;
}

const char *actmax_option_help(int32_t index)
{
    const axm_option *option = axm_option_at(index);
    return option ? option->help : NULL;
}
