/* Lp norm: (mean |u|^p)^(1/p) with u = pixel / 127.5 - 1, so that mid-grey costs nothing and the size of the picture does
 * not matter. Its gradient is given times the number of values, like that of total variation. Exact: keras-vis's
 * (sum |x|^p)^(1/p) / N and its gradient. The infinity norm is the largest value (keras-vis forgot the magnitude) or the largest
 * magnitude, in the place of the sum's root; where several are largest they share the gradient. */
#include <math.h>

#include "visualize/regularizer.h"

#define MOST_SQUARED 64.0 /* a power: beyond, rounding adds up */

static double infinity_norm(const axm_penalty_settings *s, double unit, double middle, size_t count, const float *x, float *g)
{
    bool magnitude = s->form == 2;
    double most = -INFINITY, shares = 0.0;
    for (size_t i = 0; i < count; ++i) {
        double u = (double)x[i] * unit - middle, v = magnitude ? fabs(u) : u;
        shares = v > most ? 1.0 : v < most ? shares : shares + 1.0;
        most = fmax(most, v);
    }
    double slope = s->weight * (s->exact ? 1.0 / (double)count : (double)count) / shares;
    for (size_t i = 0; g && i < count; ++i) {
        double u = (double)x[i] * unit - middle, v = magnitude ? fabs(u) : u;
        if (!(v < most)) g[i] += (float)(magnitude ? copysign(slope, u) : slope);
    }
    return s->exact ? most / (double)count : most;
}

/* u^power of a magnitude: by squaring where the power is whole, which is many times faster than pow. */
static double raise_to(double u, double power)
{
    if (power != floor(power) || power < 1.0 || power > MOST_SQUARED) return pow(u, power);
    double result = 1.0;
    for (uint32_t rest = (uint32_t)power; rest; rest >>= 1, u *= u)
        if (rest & 1u) result *= u;
    return result;
}

static double add(const axm_penalty_settings *s, axm_extent extent, const float *x, float *g)
{
    const bool exact = s->exact;
    const double power = s->power, unit = exact ? 1.0 : 1.0 / 127.5, middle = exact ? 0.0 : 1.0;
    size_t count = (size_t)extent.width * (size_t)extent.height * (size_t)extent.channels;
    if (s->form) return infinity_norm(s, unit, middle, count, x, g);
    double sum = 0.0;
    for (size_t i = 0; i < count; ++i)
        sum += raise_to(fabs((double)x[i] * unit - middle), power);
    double total = exact ? sum : sum / (double)count, norm = pow(total, 1.0 / power);
    if (g && total > 0.0) {
        double outer = s->weight * norm / total; /* d norm / d u_i = norm / total * |u|^(p-1) sign(u), over N in either form */
        if (exact) outer /= (double)count;
        for (size_t i = 0; i < count; ++i) {
            double u = (double)x[i] * unit - middle;
            if (u != 0.0)
                g[i] += (float)(outer * copysign(raise_to(fabs(u), power - 1.0), u)); /* 0 to the 0 is 1, the slope is 0 */
        }
    }
    return exact ? norm / (double)count : norm;
}

const axm_regularizer axm_regularizer_lp_norm = {"lp_norm", "lp_norm", "lp_power", "lp_infinity", add};
