/* Scaling and modifiers of the picture's gradient. */
#include "visualize/gradient.h"

#include <math.h>

#define EPSILON 1e-7f /* keras-vis's, of Keras */

void axm_gradient_scale(axm_gradient_scaling kind, double epsilon, float *g, size_t count)
{
    double most = 0.0, sum = 0.0, parts[4] = {0.0};
    if (kind == AXM_GRADIENT_NONE) return;
    for (size_t i = 0; i < count && kind == AXM_GRADIENT_MAX; ++i)
        most = fmax(most, fabs((double)g[i]));
    for (size_t i = 0; i < count && kind != AXM_GRADIENT_MAX; ++i) /* in parts that do not wait for one another */
        parts[i % 4] += (double)g[i] * (double)g[i];
    sum = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    double size = kind == AXM_GRADIENT_MAX  ? most + epsilon
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
