/* A horizontal mirror, by chance. It is its own adjoint. */
#include <string.h>

#include "modifiers/modifier.h"

static const char *const options[] = {"flip", NULL};

/* values: the probability. plan: 1 to mirror, 0 not to. */
static void draw(const double *values, axm_extent extent, axm_rng_key key, uint64_t draw_base, double plan[8])
{
    (void)extent;
    plan[0] = (double)axm_rng_uniform(key, draw_base) < values[0] ? 1.0 : 0.0;
}

static void flip(const double plan[8], axm_extent extent, const float *x, float *y)
{
    size_t width = (size_t)extent.width, channels = (size_t)extent.channels, pixels = (size_t)extent.height * width;
    if (plan[0] == 0.0) {
        memcpy(y, x, pixels * channels * sizeof *y);
        return;
    }
    for (size_t row = 0; row < pixels; row += width)
        for (size_t column = 0; column < width; ++column)
            memcpy(y + (row + column) * channels, x + (row + width - 1 - column) * channels, channels * sizeof *y);
}

const axm_modifier axm_modifier_flip = {"flip", options, draw, flip, flip};
