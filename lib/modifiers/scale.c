/* A zoom about the centre. */
#include "modifiers/affine.h"

static const char *const options[] = {"scale_jitter", NULL};

/* plan: the factor by which the picture grows. */
static void draw(const double *values, axm_extent extent, axm_rng_key key, uint64_t draw_base, double plan[8])
{
    (void)extent;
    plan[0] = 1.0 + values[0] * (2.0 * (double)axm_rng_uniform(key, draw_base) - 1.0);
}

static void forward(const double plan[8], axm_extent extent, const float *x, float *y)
{
    const double map[4] = {1.0 / plan[0], 0.0, 0.0, 1.0 / plan[0]};
    axm_affine_forward(map, extent, x, y);
}

static void adjoint(const double plan[8], axm_extent extent, const float *dy, float *dx)
{
    const double map[4] = {1.0 / plan[0], 0.0, 0.0, 1.0 / plan[0]};
    axm_affine_adjoint(map, extent, dy, dx);
}

const axm_modifier axm_modifier_scale = {"scale", options, draw, forward, adjoint};
