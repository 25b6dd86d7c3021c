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

/* Values are worked on in blocks, by loops that vectors take. */
#define BLOCK 256

/* out[i] = u, of the pixels from `x` on. */
static void centre(const float *x, double unit, double middle, size_t count, double *out)
{
    for (size_t i = 0; i < count; ++i)
        out[i] = (double)x[i] * unit - middle;
}

/* |u|^power: by squaring where the power is whole, which is many times faster than pow. base: overwritten. */
static void raise_whole(double *base, uint32_t power, size_t count, double *out)
{
    for (size_t i = 0; i < count; ++i)
        out[i] = 1.0;
    for (uint32_t rest = power; rest; rest >>= 1) {
        for (size_t i = 0; i < count && (rest & 1u); ++i)
            out[i] *= base[i];
        for (size_t i = 0; i < count; ++i)
            base[i] *= base[i];
    }
}

static void raise_to(const double *u, double power, size_t count, double *out)
{
    double base[BLOCK];
    const bool whole = power == floor(power) && power >= 0.0 && power <= MOST_SQUARED;
    for (size_t i = 0; i < count; ++i)
        base[i] = fabs(u[i]);
    if (whole) raise_whole(base, (uint32_t)power, count, out);
    for (size_t i = 0; i < count && !whole; ++i)
        out[i] = pow(base[i], power);
}

/* g[i] += outer |u|^(p-1) sign(u). The slope at 0 is 0, whatever 0 to the 0 is. */
static void add_slopes(const double *u, const double *raised, double outer, size_t count, float *g)
{
    double slopes[BLOCK];
    for (size_t i = 0; i < count; ++i)
        slopes[i] = copysign(outer * raised[i], u[i]) * (u[i] != 0.0 ? 1.0 : 0.0);
    for (size_t i = 0; i < count; ++i)
        g[i] += (float)slopes[i];
}

static size_t block_at(size_t begin, size_t count)
{
    return count - begin < BLOCK ? count - begin : BLOCK;
}

static double add(const axm_penalty_settings *s, axm_extent extent, const float *x, float *g)
{
    const bool exact = s->exact;
    const double power = s->power, unit = exact ? 1.0 : 1.0 / 127.5, middle = exact ? 0.0 : 1.0;
    const size_t count = (size_t)extent.width * (size_t)extent.height * (size_t)extent.channels;
    if (s->form) return infinity_norm(s, unit, middle, count, x, g);
    double u[BLOCK], raised[BLOCK], sum = 0.0;
    for (size_t begin = 0; begin < count; begin += BLOCK) {
        const size_t some = block_at(begin, count);
        double parts[4] = {0.0};
        centre(x + begin, unit, middle, some, u);
        raise_to(u, power, some, raised);
        for (size_t i = 0; i < some; ++i)
            parts[i % 4] += raised[i];
        sum += (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
    double total = exact ? sum : sum / (double)count, norm = pow(total, 1.0 / power);
    if (g && total > 0.0) {
        double outer = s->weight * norm / total; /* d norm / d u_i = norm / total * |u|^(p-1) sign(u), over N in either form */
        if (exact) outer /= (double)count;
        for (size_t begin = 0; begin < count; begin += BLOCK) {
            const size_t some = block_at(begin, count);
            centre(x + begin, unit, middle, some, u);
            raise_to(u, power - 1.0, some, raised);
            add_slopes(u, raised, outer, some, g + begin);
        }
    }
    return exact ? norm / (double)count : norm;
}

const axm_regularizer axm_regularizer_lp_norm = {"lp_norm", "lp_norm", "lp_power", "lp_infinity", add};
