/* The table of presets, expanded from presets.def, and its listing. */
#include "api/presets.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "actmax.h"

typedef struct preset_row {
    const char *preset, *option, *value;
} preset_row;

static const preset_row table[] = {
#define X(preset, option, value) {preset, option, value},
#include "api/presets.def"
#undef X
};

#define ROWS ((int32_t)(sizeof table / sizeof *table))

static bool begins(int32_t row)
{
    return row == 0 || strcmp(table[row].preset, table[row - 1].preset) != 0;
}

/* The first row of the preset at `index`, and how many follow with it; -1: there is none. */
static int32_t first_row(int32_t index, int32_t *count)
{
    int32_t row = 0;
    for (; row < ROWS; ++row)
        if (begins(row) && index-- == 0) break;
    if (row == ROWS) return -1;
    for (*count = 1; row + *count < ROWS && !begins(row + *count);)
        ++*count;
    return row;
}

static const preset_row *row_at(int32_t preset, int32_t option)
{
    int32_t count, row = preset < 0 ? -1 : first_row(preset, &count);
    return row >= 0 && option >= 0 && option < count ? &table[row + option] : NULL;
}

const char *axm_preset_value(const char *preset, const char *option)
{
    for (int32_t row = 0; row < ROWS; ++row)
        if (strcmp(table[row].preset, preset) == 0 && strcmp(table[row].option, option) == 0) return table[row].value;
    return NULL;
}

int32_t actmax_preset_count(void)
{
    int32_t count = 0;
    for (int32_t row = 0; row < ROWS; ++row)
        count += begins(row) ? 1 : 0;
    return count;
}

const char *actmax_preset_name(int32_t preset)
{
    const preset_row *row = row_at(preset, 0);
    return row ? row->preset : NULL;
}

int32_t actmax_preset_option_count(int32_t preset)
{
    int32_t count = 0;
    return preset >= 0 && first_row(preset, &count) >= 0 ? count : 0;
}

const char *actmax_preset_option_name(int32_t preset, int32_t index)
{
    const preset_row *row = row_at(preset, index);
    return row ? row->option : NULL;
}

const char *actmax_preset_option_value(int32_t preset, int32_t index)
{
    const preset_row *row = row_at(preset, index);
    return row ? row->value : NULL;
}
