/* Listing of recipe parts. */
#include "api/parts.h"

#include <string.h>

#include "actmax.h"
#include "base/status.h"
#include "base/text.h"
#include "modifiers/modifier.h"
#include "optimizers/optimizer.h"
#include "visualize/regularizer.h"

static const char *part_at(int32_t index, const char **kind)
{
    int32_t i = 0;
    for (const axm_modifier *m; (m = axm_modifier_at(i)); ++i) {
        if (i == index) {
            *kind = "transform";
            return m->name;
        }
    }
    index -= i;
    i = 0;
    for (const axm_regularizer *r; (r = axm_regularizer_at(i)); ++i) {
        if (i == index) {
            *kind = "regularizer";
            return r->name;
        }
    }
    index -= i;
    const axm_optimizer *optimizer = index >= 0 ? axm_optimizer_at(index) : NULL;
    *kind = optimizer ? "optimizer" : NULL;
    return optimizer ? optimizer->name : NULL;
}

int32_t axm_part_find(const char *part, const char **name, const char **kind)
{
    char list[300];
    axm_text text = axm_text_in(list, sizeof list);
    for (int32_t i = 0; (*name = part_at(i, kind)); ++i) {
        if (strcmp(*name, part) == 0) return ACTMAX_OK;
        axm_text_add(&text, "%s%s", i ? ", " : "", *name);
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "there is no recipe part '%.60s'; there are: %s", part, list);
}

int32_t actmax_part_count(void)
{
    const char *kind;
    int32_t count = 0;
    while (part_at(count, &kind))
        ++count;
    return count;
}

const char *actmax_part_name(int32_t index)
{
    const char *kind;
    return index < 0 ? NULL : part_at(index, &kind);
}

const char *actmax_part_kind(int32_t index)
{
    const char *kind = NULL;
    return index < 0 || !part_at(index, &kind) ? NULL : kind;
}
