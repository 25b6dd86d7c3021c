/* The parts that a recipe can be composed of, gathered from the registries of transforms, regularisers and optimizers. */
#ifndef AXM_API_PARTS_H
#define AXM_API_PARTS_H

#include <stdint.h>

/* Pointers to the registry's own name and kind; a miss lists what there is. */
int32_t axm_part_find(const char *part, const char **name, const char **kind);

#endif
