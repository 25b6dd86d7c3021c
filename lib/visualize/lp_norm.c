/* Lp norm: (mean |u|^p)^(1/p) with u = pixel / 127.5 - 1, so that mid-grey costs nothing and the size of the picture does
 * not matter. Its gradient is given times the number of values, like that of total variation. */
#include <math.h>

#include "visualize/regularizer.h"

static double add(double weight, double power, axm_extent extent, const float *pixels, float *g)
{
    size_t count = (size_t)extent.width * (size_t)extent.height * (size_t)extent.channels;
    double sum = 0.0;
    for (size_t i = 0; i < count; ++i)
        sum += pow(fabs((double)pixels[i] / 127.5 - 1.0), power);
    double mean = sum / (double)count, norm = pow(mean, 1.0 / power);
    if (!g || mean <= 0.0) return norm;
    double outer = weight * norm / mean; /* d norm / d u_i = norm / mean * |u|^(p-1) sign(u) / count */
    for (size_t i = 0; i < count; ++i) {
        double u = (double)pixels[i] / 127.5 - 1.0;
        if (u != 0.0) g[i] += (float)(outer * copysign(pow(fabs(u), power - 1.0), u)); /* pow(0, 0) is 1, the slope is 0 */
    }
    return norm;
}

const axm_regularizer axm_regularizer_lp_norm = {"lp_norm", "lp_norm", "lp_power", add};
