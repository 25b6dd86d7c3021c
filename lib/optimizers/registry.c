/* The list of optimizers. */
#include <string.h>

#include "optimizers/optimizer.h"

#define X(symbol) extern const axm_optimizer axm_optimizer_##symbol;
#include "optimizers/optimizers.def"
#undef X

static const axm_optimizer *const list[] = {
#define X(symbol) &axm_optimizer_##symbol,
#include "optimizers/optimizers.def"
#undef X
};

const axm_optimizer *axm_optimizer_at(int32_t index)
{
    return index >= 0 && (size_t)index < sizeof list / sizeof *list ? list[index] : NULL;
}

const axm_optimizer *axm_optimizer_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof list / sizeof *list; ++i)
        if (strcmp(list[i]->name, name) == 0) return list[i];
    return NULL;
}
