/* Philox4x32-10: ten rounds of multiply and exchange on a counter of 4 words under a key of 2 words
 * (J. Salmon, M. Moraes, R. Dror, D. Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011). */
#include "base/rng.h"

#include <math.h>

#define PHILOX_ROUNDS 10

void axm_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0;
        uint64_t b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u; /* the golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static void draw(axm_rng_key key, uint64_t block, uint32_t out[4])
{
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), key.image, key.step};
    const uint32_t words[2] = {(uint32_t)key.seed, (uint32_t)(key.seed >> 32)};
    axm_philox(counter, words, out);
}

uint32_t axm_rng_u32(axm_rng_key key, uint64_t index)
{
    uint32_t words[4];
    draw(key, index >> 2, words);
    return words[index & 3];
}

float axm_rng_uniform(axm_rng_key key, uint64_t index)
{
    return (float)(axm_rng_u32(key, index) >> 8) * (1.0f / 16777216.0f);
}

/* In double, so that the result hardly depends on the C library. The first uniform is in (0, 1]: its logarithm is finite. */
float axm_rng_normal(axm_rng_key key, uint64_t index)
{
    const double two_pi = 6.283185307179586476925;
    uint32_t words[4];
    draw(key, index >> 1, words);
    const uint32_t *pair = words + 2 * (index & 1);
    double radius = sqrt(-2.0 * log(((double)pair[0] + 1.0) * (1.0 / 4294967296.0)));
    return (float)(radius * cos(two_pi * ((double)pair[1] * (1.0 / 4294967296.0))));
}

/* The high word of (64 random bits) * span: no value is favoured by more than span / 2^64. */
int32_t axm_rng_between(axm_rng_key key, uint64_t index, int32_t low, int32_t high)
{
    if (high <= low) return low;
    uint64_t span = (uint64_t)((int64_t)high - low) + 1;
    uint32_t words[4];
    draw(key, index >> 1, words);
    const uint32_t *pair = words + 2 * (index & 1);
    uint64_t offset = (pair[1] * span + ((pair[0] * span) >> 32)) >> 32;
    return (int32_t)(low + (int64_t)offset);
}
