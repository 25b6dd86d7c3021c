/* Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): the value at (seed, image, step, index) does
 * not depend on any other draw, so results do not depend on the order or the number of threads. */
#ifndef AXM_BASE_RNG_H
#define AXM_BASE_RNG_H

#include <stdint.h>

typedef struct axm_rng_key {
    uint64_t seed;
    uint32_t image; /* which image of a run */
    uint32_t step;  /* which step; AXM_RNG_START for the start image */
} axm_rng_key;

#define AXM_RNG_START 0xffffffffu

/* Draws of the three kinds below share their random bits: use different indices (or steps) for independent values. */
uint32_t axm_rng_u32(axm_rng_key key, uint64_t index);
float axm_rng_uniform(axm_rng_key key, uint64_t index);                              /* [0, 1), 24 bits */
float axm_rng_normal(axm_rng_key key, uint64_t index);                               /* N(0, 1), Box-Muller */
int32_t axm_rng_between(axm_rng_key key, uint64_t index, int32_t low, int32_t high); /* both ends included */

/* The generator itself, for tests against the published vectors. */
void axm_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
