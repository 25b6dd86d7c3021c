/* The list of modifiers. */
#include <string.h>

#include "modifiers/modifier.h"

#define X(symbol) extern const axm_modifier axm_modifier_##symbol;
#include "modifiers/modifiers.def"
#undef X

static const axm_modifier *const list[] = {
#define X(symbol) &axm_modifier_##symbol,
#include "modifiers/modifiers.def"
#undef X
};

const axm_modifier *axm_modifier_at(int32_t index)
{
    return index >= 0 && (size_t)index < sizeof list / sizeof *list ? list[index] : NULL;
}

const axm_modifier *axm_modifier_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof list / sizeof *list; ++i)
        if (strcmp(list[i]->name, name) == 0) return list[i];
    return NULL;
}
