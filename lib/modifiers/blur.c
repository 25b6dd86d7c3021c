/* Gaussian blur, truncated at 4 sigma, with edges reflected half-sample symmetrically (d c b a | a b c d | d c b a): the
 * definition of SciPy's gaussian_filter. Columns first, from x into y, then rows, within y. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "modifiers/modifier.h"

#define RADIUS_MOST 256 /* 4 times the largest sigma that the options allow */
#define SEGMENT     256 /* pixels of a row that are filtered together */

static const char *const options[] = {"blur", NULL};

typedef struct gaussian {
    int32_t radius;
    float weight[2 * RADIUS_MOST + 1]; /* symmetric about [radius] */
} gaussian;

/* plan: sigma. */
static void draw(const double *values, axm_extent extent, axm_rng_key key, uint64_t draw_base, double plan[8])
{
    (void)extent;
    (void)key;
    (void)draw_base;
    plan[0] = values[0];
}

static void gaussian_make(double sigma, gaussian *out)
{
    double weight[RADIUS_MOST + 1], sum = 1.0;
    int32_t radius = (int32_t)fmin(4.0 * fmax(sigma, 0.0) + 0.5, RADIUS_MOST);
    weight[0] = 1.0;
    for (int32_t k = 1; k <= radius; ++k) {
        weight[k] = exp(-0.5 * (double)k * (double)k / (sigma * sigma));
        sum += 2.0 * weight[k];
    }
    out->radius = radius;
    for (int32_t k = 0; k <= radius; ++k)
        out->weight[radius + k] = out->weight[radius - k] = (float)(weight[k] / sum);
}

/* The pixel of [0, count) that is seen at position i of the reflected line. */
static int32_t reflected(int32_t i, int32_t count)
{
    int32_t rest = i % (2 * count);
    if (rest < 0) rest += 2 * count;
    return rest < count ? rest : 2 * count - 1 - rest;
}

/* ---- Columns: whole rows are added, x and y apart ---- */

static void add_row(float weight, const float *x, size_t count, float *y)
{
    for (size_t i = 0; i < count; ++i)
        y[i] += weight * x[i];
}

static void filter_columns(const gaussian *g, axm_extent extent, bool transposed, const float *x, float *y)
{
    const size_t row = (size_t)extent.width * (size_t)extent.channels;
    memset(y, 0, (size_t)extent.height * row * sizeof *y);
    for (int32_t i = 0; i < extent.height; ++i) {
        for (int32_t k = -g->radius; k <= g->radius; ++k) {
            size_t seen = (size_t)reflected(i + k, extent.height);
            size_t from = transposed ? (size_t)i : seen, to = transposed ? seen : (size_t)i;
            add_row(g->weight[g->radius + k], x + from * row, row, y + to * row);
        }
    }
}

/* ---- Rows: in place, one channel at a time, through a window that keeps the values already overwritten ---- */

/* Values of a line at [position - radius, position + SEGMENT + radius). */
typedef struct window {
    int32_t position;
    float value[SEGMENT + 2 * RADIUS_MOST];
} window;

/* The line's value at pixel i as it was: pixels before the window's position lie in its front part only. */
static float original(const window *w, const gaussian *g, const float *line, size_t step, int32_t i)
{
    return i >= w->position ? line[(size_t)i * step] : w->value[g->radius + i - w->position];
}

/* Brings the window to a position 0, or one SEGMENT further on. Outside of the line it is reflected, or (zeros) 0. */
static void window_move(window *w, const gaussian *g, const float *line, size_t step, int32_t count, int32_t position, bool zeros)
{
    if (position > 0) memmove(w->value, w->value + SEGMENT, (size_t)g->radius * sizeof *w->value);
    w->position = position;
    for (int32_t i = position > 0 ? 0 : -g->radius; i < SEGMENT + g->radius && position + i < count + g->radius; ++i) {
        int32_t at = position + i;
        bool outside = at < 0 || at >= count;
        w->value[g->radius + i] = outside && zeros ? 0.0f : original(w, g, line, step, reflected(at, count));
    }
}

/* e[j] for a position j of the line extended by the radius: what the transpose brings there before it is folded back. */
static float spilled(const gaussian *g, const float *line, size_t step, int32_t count, int32_t j)
{
    float sum = 0.0f;
    for (int32_t k = -g->radius; k <= g->radius; ++k)
        if (j - k >= 0 && j - k < count) sum += g->weight[g->radius + k] * line[(size_t)(j - k) * step];
    return sum;
}

static void filter_line(const gaussian *g, bool transposed, float *line, size_t step, int32_t count)
{
    window w;
    float before[RADIUS_MOST], after[RADIUS_MOST]; /* what the transpose spills at distance 1, 2, ... from each end */
    for (int32_t i = 0; i < g->radius && transposed; ++i) {
        before[i] = spilled(g, line, step, count, -1 - i);
        after[i] = spilled(g, line, step, count, count + i);
    }
    for (int32_t position = 0; position < count; position += SEGMENT) {
        int32_t length = count - position < SEGMENT ? count - position : SEGMENT;
        float sum[SEGMENT] = {0};
        window_move(&w, g, line, step, count, position, transposed);
        for (int32_t k = 0; k <= 2 * g->radius; ++k)
            add_row(g->weight[k], w.value + k, (size_t)length, sum);
        for (int32_t i = 0; i < length; ++i)
            line[(size_t)(position + i) * step] = sum[i];
    }
    for (int32_t i = 0; i < g->radius && transposed; ++i) {
        line[(size_t)reflected(-1 - i, count) * step] += before[i];
        line[(size_t)reflected(count + i, count) * step] += after[i];
    }
}

/* ---- The modifier ---- */

static void blur(double sigma, axm_extent extent, bool transposed, const float *x, float *y)
{
    gaussian g;
    const size_t channels = (size_t)extent.channels, row = (size_t)extent.width * channels;
    gaussian_make(sigma, &g);
    if (g.radius == 0) {
        memcpy(y, x, (size_t)extent.height * row * sizeof *y);
        return;
    }
    filter_columns(&g, extent, transposed, x, y);
    for (size_t r = 0; r < (size_t)extent.height; ++r)
        for (size_t c = 0; c < channels; ++c)
            filter_line(&g, transposed, y + r * row + c, channels, extent.width);
}

static void forward(const double plan[8], axm_extent extent, const float *x, float *y)
{
    blur(plan[0], extent, false, x, y);
}

/* Filters along different axes commute, so their transposes may keep the order. */
static void adjoint(const double plan[8], axm_extent extent, const float *dy, float *dx)
{
    blur(plan[0], extent, true, dy, dx);
}

const axm_modifier axm_modifier_blur = {"blur", options, draw, forward, adjoint};
