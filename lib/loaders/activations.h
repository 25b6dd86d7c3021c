/* The option "activations": what takes the place of a file's activations, by the names of their layers. */
#ifndef AXM_LOADERS_ACTIVATIONS_H
#define AXM_LOADERS_ACTIVATIONS_H

#include "base/alloc.h"

typedef struct axm_activation {
    const char *layer, *name; /* "block3_conv3", "linear" */
    bool taken;
} axm_activation;

typedef struct axm_activations {
    axm_activation *items;
    size_t count;
} axm_activations;

/* "LAYER=ACTIVATION,LAYER=ACTIVATION", blanks around each allowed; copied into the arena. */
int32_t axm_activations_read(axm_arena *arena, const char *text, axm_activations *out);
/* The activation for that layer, which then counts as there; NULL: the file's. activations may be NULL: none are set. */
const char *axm_activations_take(axm_activations *activations, const char *layer);
/* Fails when a layer was not there. */
int32_t axm_activations_check(const axm_activations *activations);

#endif
