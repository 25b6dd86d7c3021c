/* Transforms of an image (height, width, channels interleaved floats) between the parameters and the network, each with its
 * adjoint: the loop optimises through them. A modifier is one file and one line in modifiers.def. */
#ifndef AXM_MODIFIERS_MODIFIER_H
#define AXM_MODIFIERS_MODIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

typedef struct axm_extent {
    int32_t width, height, channels;
} axm_extent;

/* `values`: of the modifier's own options, in the order of its `options` list, e.g. jitter: {pixels}. */
typedef struct axm_modifier {
    const char *name;
    const char *const *options; /* NULL-terminated option names, at most 4 */
    /* What this step does, drawn from the key (index counts from draw_base, at most 64 draws); filled into plan[8]. */
    void (*draw)(const double *values, axm_extent extent, axm_rng_key key, uint64_t draw_base, double plan[8]);
    /* y = T(x), and dx = T'(dy). x and y are different buffers of the extent. */
    void (*forward)(const double plan[8], axm_extent extent, const float *x, float *y);
    void (*adjoint)(const double plan[8], axm_extent extent, const float *dy, float *dx);
} axm_modifier;

/* jitter (option "jitter": below 1 a fraction of each side, truncated; from 1 pixels): a circular shift by whole pixels drawn
 *   uniformly from [-v, v] in each direction, anew each step. Adjoint: the shift back. Options "jitter_mode": 2
 *   for SciPy's wrap; "jitter_x": the same to the side, below 0 as "jitter".
 * blur (options "blur" = sigma in pixels, 0 none): Gaussian, truncated at 4 sigma, edges reflected (half-sample symmetric,
 *   SciPy's "reflect"). Adjoint is exact (transpose), not the blur itself.
 * scale (option "scale_jitter" s): resize by a factor drawn uniformly from [1-s, 1+s] about the centre, half-pixel bilinear,
 *   edges replicated, same size out. rotate (option "rotate" degrees): likewise, drawn from [-d, d].
 * flip (option "flip" p): a mirror left to right with probability p. */
const axm_modifier *axm_modifier_find(const char *name);
const axm_modifier *axm_modifier_at(int32_t index);

#endif
