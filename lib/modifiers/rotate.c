/* A rotation about the centre. */
#include <math.h>

#include "modifiers/affine.h"

static const char *const options[] = {"rotate", NULL};

/* plan: cosine and sine of the angle, by which the picture turns counter-clockwise. */
static void draw(const double *values, axm_extent extent, axm_rng_key key, uint64_t draw_base, double plan[8])
{
    const double degree = 3.14159265358979323846 / 180.0;
    double angle = values[0] * degree * (2.0 * (double)axm_rng_uniform(key, draw_base) - 1.0);
    (void)extent;
    plan[0] = cos(angle);
    plan[1] = sin(angle);
}

static void forward(const double plan[8], axm_extent extent, const float *x, float *y)
{
    const double map[4] = {plan[0], -plan[1], plan[1], plan[0]};
    axm_affine_forward(map, extent, x, y);
}

static void adjoint(const double plan[8], axm_extent extent, const float *dy, float *dx)
{
    const double map[4] = {plan[0], -plan[1], plan[1], plan[0]};
    axm_affine_adjoint(map, extent, dy, dx);
}

const axm_modifier axm_modifier_rotate = {"rotate", options, draw, forward, adjoint};
