/* The table of operators, expanded from ops.def. */
#include <string.h>

#include "ops/common.h"

static const axm_op *const table[] = {
#define X(name) &axm_op_##name,
#include "ops/ops.def"
#undef X
};

#define COUNT ((int32_t)(sizeof table / sizeof *table))

const axm_op *axm_op_find(const char *name)
{
    for (int32_t i = 0; i < COUNT; ++i)
        if (strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}

const axm_op *axm_op_at(int32_t index)
{
    return index >= 0 && index < COUNT ? table[index] : NULL;
}

int32_t axm_op_count(void)
{
    return COUNT;
}
