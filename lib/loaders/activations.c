/* Reading the option "activations", and whether each of its layers was found. */
#include "loaders/activations.h"

#include <string.h>

#include "base/status.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* The text from `from` to `to` without the blanks at its ends; NULL without memory. */
static const char *trimmed(axm_arena *arena, const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        ++from;
    while (to > from && is_blank(to[-1]))
        --to;
    size_t length = (size_t)(to - from);
    char *copy = axm_arena_alloc(arena, length + 1);
    if (!copy) return NULL;
    memcpy(copy, from, length);
    copy[length] = '\0';
    return copy;
}

/* A layer's name may hold '=': the last one divides. */
static int32_t read_pair(axm_arena *arena, const char *from, const char *to, axm_activation *out)
{
    const char *sign = to;
    while (sign > from && *sign != '=')
        --sign;
    if (sign > from) {
        *out = (axm_activation){trimmed(arena, from, sign), trimmed(arena, sign + 1, to), false};
        if (!out->layer || !out->name) return axm_no_memory(0, "the option 'activations'");
        if (*out->layer && *out->name) return ACTMAX_OK;
    }
    return axm_fail(ACTMAX_ERROR_INVALID, "option 'activations': '%.*s' is not LAYER=ACTIVATION, such as block3_conv3=linear",
                    (int)(to - from < 80 ? to - from : 80), from);
}

int32_t axm_activations_read(axm_arena *arena, const char *text, axm_activations *out)
{
    size_t commas = 0;
    *out = (axm_activations){NULL, 0};
    if (!*text) return ACTMAX_OK;
    for (const char *at = text; *at; ++at)
        commas += *at == ',';
    out->items = axm_arena_array(arena, commas + 1, sizeof *out->items);
    if (!out->items) return axm_no_memory(0, "the option 'activations'");
    for (const char *at = text;;) {
        const char *end = strchr(at, ',');
        if (!end) end = at + strlen(at);
        int32_t status = read_pair(arena, at, end, &out->items[out->count]);
        if (status < 0) return status;
        ++out->count;
        if (!*end) return ACTMAX_OK;
        at = end + 1;
    }
}

const char *axm_activations_take(axm_activations *activations, const char *layer)
{
    const char *name = NULL;
    for (size_t i = 0; activations && i < activations->count; ++i) {
        if (strcmp(activations->items[i].layer, layer) != 0) continue;
        activations->items[i].taken = true;
        name = activations->items[i].name; /* the last one that was said */
    }
    return name;
}

int32_t axm_activations_check(const axm_activations *activations)
{
    for (size_t i = 0; i < activations->count; ++i)
        if (!activations->items[i].taken)
            return axm_fail(ACTMAX_ERROR_NOT_FOUND,
                            "option 'activations': there is no layer '%.80s'; give its whole name, as actmax_model_layer_name (or "
                            "'actmax info') has it",
                            activations->items[i].layer);
    return ACTMAX_OK;
}
