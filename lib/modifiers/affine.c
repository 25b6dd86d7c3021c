/* Bilinear sampling along a linear map, and its transpose: the same four weights, scattered. */
#include "modifiers/affine.h"

#include <string.h>

/* Offsets of four pixels, and their weights. */
typedef struct corners {
    size_t at[4];
    float weight[4];
} corners;

/* The pixel below a position that is held to [0, last], and how far past it. */
static int32_t split(double position, int32_t last, int32_t *next, float *past)
{
    double held = position > 0.0 ? position : 0.0;
    held = held < (double)last ? held : (double)last;
    int32_t whole = (int32_t)held;
    *next = whole < last ? whole + 1 : last;
    *past = (float)(held - (double)whole);
    return whole;
}

static corners corners_of(const double map[4], axm_extent extent, int32_t row, int32_t column)
{
    const double center_x = 0.5 * (double)extent.width, center_y = 0.5 * (double)extent.height;
    const double x = (double)column + 0.5 - center_x, y = (double)row + 0.5 - center_y;
    int32_t right, below;
    float fx, fy;
    int32_t left = split(center_x + map[0] * x + map[1] * y - 0.5, extent.width - 1, &right, &fx);
    int32_t above = split(center_y + map[2] * x + map[3] * y - 0.5, extent.height - 1, &below, &fy);
    const size_t c = (size_t)extent.channels, width = (size_t)extent.width * c;
    const size_t top = (size_t)above * width, bottom = (size_t)below * width;
    return (corners){{top + (size_t)left * c, top + (size_t)right * c, bottom + (size_t)left * c, bottom + (size_t)right * c},
                     {(1.0f - fy) * (1.0f - fx), (1.0f - fy) * fx, fy * (1.0f - fx), fy * fx}};
}

void axm_affine_forward(const double map[4], axm_extent extent, const float *x, float *y)
{
    for (int32_t row = 0; row < extent.height; ++row) {
        for (int32_t column = 0; column < extent.width; ++column) {
            corners from = corners_of(map, extent, row, column);
            for (int32_t c = 0; c < extent.channels; ++c)
                *y++ = from.weight[0] * x[from.at[0] + (size_t)c] + from.weight[1] * x[from.at[1] + (size_t)c] +
                       from.weight[2] * x[from.at[2] + (size_t)c] + from.weight[3] * x[from.at[3] + (size_t)c];
        }
    }
}

void axm_affine_adjoint(const double map[4], axm_extent extent, const float *dy, float *dx)
{
    memset(dx, 0, (size_t)extent.width * (size_t)extent.height * (size_t)extent.channels * sizeof *dx);
    for (int32_t row = 0; row < extent.height; ++row) {
        for (int32_t column = 0; column < extent.width; ++column, dy += extent.channels) {
            corners to = corners_of(map, extent, row, column);
            for (int32_t k = 0; k < 4; ++k)
                for (int32_t c = 0; c < extent.channels; ++c)
                    dx[to.at[k] + (size_t)c] += to.weight[k] * dy[c];
        }
    }
}
