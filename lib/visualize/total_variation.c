/* Total variation (Mahendran and Vedaldi 2015): mean of (dy^2 + dx^2)^(beta/2) over all values but the last row and column, in
 * units of 255. The gradient is given times the number of values: it then has the size of one pixel's differences whatever the
 * picture's size. Exact: of x in its own units, with the mean's own gradient, as keras-vis has it. */
#include <math.h>

#include "visualize/regularizer.h"

static double add(const axm_penalty_settings *s, axm_extent extent, const float *x, float *g)
{
    const bool exact = s->exact;
    const double power = s->power, unit = exact ? 1.0 : 1.0 / 255.0;
    size_t channels = (size_t)extent.channels, row = (size_t)extent.width * channels;
    const double share = exact ? s->weight / ((double)extent.width * (double)extent.height * (double)extent.channels) : s->weight;
    double sum = 0.0;
    for (int32_t y = 0; y + 1 < extent.height; ++y) {
        for (int32_t k = 0; k + 1 < extent.width; ++k) {
            for (size_t c = 0; c < channels; ++c) {
                size_t at = (size_t)y * row + (size_t)k * channels + c;
                double dy = ((double)x[at + row] - (double)x[at]) * unit;
                double dx = ((double)x[at + channels] - (double)x[at]) * unit;
                double square = dy * dy + dx * dx;
                sum += power == 2.0 ? square : pow(square, power / 2.0);
                if (!g || square <= 0.0) continue;
                double slope = share * (power == 2.0 ? 2.0 : power * pow(square, power / 2.0 - 1.0));
                g[at + row] += (float)(slope * dy);
                g[at + channels] += (float)(slope * dx);
                g[at] -= (float)(slope * (dy + dx));
            }
        }
    }
    return sum / ((double)extent.width * (double)extent.height * (double)extent.channels);
}

const axm_regularizer axm_regularizer_total_variation = {"total_variation", "total_variation", "tv_power", NULL, add};
