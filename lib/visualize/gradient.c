/* Scaling and modifiers of the picture's gradient. */
#include "visualize/gradient.h"

#include <math.h>

#define EPSILON 1e-7f /* keras-vis's, of Keras */

/* A NaN counts as none. */
static float largest(const float *g, size_t count)
{
    float most = 0.0f;
    for (size_t i = 0; i < count; ++i) {
        const float size = fabsf(g[i]);
        if (size > most) most = size;
    }
    return most;
}

static double sum_of_squares(const float *g, size_t count)
{
    double parts[4] = {0.0}; /* that do not wait for one another */
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        for (size_t p = 0; p < 4; ++p)
            parts[p] += (double)g[i + p] * (double)g[i + p];
    }
    for (; i < count; ++i)
        parts[i % 4] += (double)g[i] * (double)g[i];
    return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

void axm_gradient_scale(axm_gradient_scaling kind, double epsilon, float *g, size_t count)
{
    if (kind == AXM_GRADIENT_NONE) return;
    const double sum = kind == AXM_GRADIENT_MAX ? 0.0 : sum_of_squares(g, count);
    const double size = kind == AXM_GRADIENT_MAX  ? (double)largest(g, count) + epsilon
                        : kind == AXM_GRADIENT_L2 ? sqrt(fmax(sum, epsilon))
                                                  : sqrt(sum / (double)count) + epsilon;
    if (!(size > 0.0)) return;
    float factor = (float)(1.0 / size);
    for (size_t i = 0; i < count; ++i)
        g[i] *= factor;
}

static float modified(axm_gradient_modifier kind, float g)
{
    switch (kind) {
    case AXM_MODIFIER_NEGATE: return -g;
    case AXM_MODIFIER_ABSOLUTE: return fabsf(g);
    case AXM_MODIFIER_INVERT: return 1.0f / (g + EPSILON);
    case AXM_MODIFIER_RELU: return g < 0.0f ? 0.0f : g;
    case AXM_MODIFIER_SMALL_VALUES: return fabsf(1.0f / (g + EPSILON));
    case AXM_MODIFIER_NONE: break;
    }
    return g;
}

void axm_gradient_modify(axm_gradient_modifier kind, float *g, size_t count)
{
    for (size_t i = 0; kind != AXM_MODIFIER_NONE && i < count; ++i)
        g[i] = modified(kind, g[i]);
}
