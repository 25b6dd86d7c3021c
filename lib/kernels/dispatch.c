/* Which instruction sets this build knows, and which of them this processor has. */
#include <string.h>

#include "kernels/table.h"

/* Best first: "auto" takes the first that is available; the plain C table always is. */
static const axm_kernels *const known[] = {
#if defined(__x86_64__)
    &axm_kernels_avx512,
    &axm_kernels_avx2,
#endif
#if defined(__aarch64__)
    &axm_kernels_neon,
#endif
    &axm_kernels_c,
};

#define KNOWN_COUNT ((int32_t)(sizeof known / sizeof known[0]))

const axm_kernels *axm_kernels_find(const char *name)
{
    const bool any = name == NULL || strcmp(name, "auto") == 0;
    for (int32_t i = 0; i < KNOWN_COUNT; i++) {
        if ((any || strcmp(name, known[i]->name) == 0) && known[i]->available()) return known[i];
    }
    return NULL;
}

const char *axm_kernels_name(const axm_kernels *kernels)
{
    return kernels->name;
}

const axm_kernels *axm_kernels_at(int32_t index)
{
    return index >= 0 && index < KNOWN_COUNT ? known[index] : NULL;
}

bool axm_kernels_available(const axm_kernels *kernels)
{
    return kernels->available();
}
