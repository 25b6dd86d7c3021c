/* Pixel and pyramid parameterisations, with their adjoints. */
#include "visualize/parameters.h"

#include <math.h>
#include <string.h>

#define SMALLEST_SIDE 4

/* Rows give R, G, B from three decorrelated colours; normalised by the largest column's length. */
static const double colour[3][3] = {{0.56283, 0.19483, 0.04329}, {0.58448, 0.0, -0.10824}, {0.58448, -0.19483, 0.06494}};
/* Its inverse, by Cramer's rule. */
static void colour_inverse(double out[3][3])
{
    const double(*m)[3] = colour;
    double det = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                 m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            out[i][j] = (m[a][c] * m[b][d] - m[a][d] * m[b][c]) / det;
        }
}

static size_t picture_size(axm_extent extent)
{
    return (size_t)extent.width * (size_t)extent.height * (size_t)extent.channels;
}

size_t axm_parameters_most(bool pyramid, axm_extent extent)
{
    size_t count = picture_size(extent);
    return pyramid ? 2 * count + 16 * (size_t)(extent.width + extent.height) * (size_t)extent.channels : count;
}

static void set_levels(axm_parameters *p)
{
    p->levels = 1;
    p->width[0] = p->extent.width;
    p->height[0] = p->extent.height;
    p->offset[0] = 0;
    p->count = picture_size(p->extent);
    while (p->pyramid && p->levels < AXM_PYRAMID_LEVELS) {
        int32_t w = (p->width[p->levels - 1] + 1) / 2, h = (p->height[p->levels - 1] + 1) / 2;
        if (w < SMALLEST_SIDE || h < SMALLEST_SIDE) break;
        p->width[p->levels] = w;
        p->height[p->levels] = h;
        p->offset[p->levels] = p->count;
        p->count += (size_t)w * (size_t)h * (size_t)p->extent.channels;
        p->levels++;
    }
}

/* Half-pixel bilinear doubling of one axis: where sample d of the fine side reads the coarse side. */
static void taps(int32_t d, int32_t coarse, int32_t fine, int32_t *first, int32_t *second, float *weight)
{
    float s = ((float)d + 0.5f) * (float)coarse / (float)fine - 0.5f;
    if (s < 0.0f) s = 0.0f;
    if (s > (float)(coarse - 1)) s = (float)(coarse - 1);
    *first = (int32_t)s;
    *second = *first + 1 < coarse ? *first + 1 : *first;
    *weight = s - (float)*first;
}

/* fine += enlarged(coarse) */
static void enlarge_add(const axm_parameters *p, int32_t level, const float *coarse, float *fine)
{
    int32_t w = p->width[level], h = p->height[level], cw = p->width[level + 1], ch = p->height[level + 1],
            channels = p->extent.channels;
    for (int32_t y = 0; y < h; ++y) {
        int32_t y0, y1, x0, x1;
        float fy, fx;
        taps(y, ch, h, &y0, &y1, &fy);
        for (int32_t x = 0; x < w; ++x) {
            taps(x, cw, w, &x0, &x1, &fx);
            const float *a = coarse + ((size_t)y0 * (size_t)cw + (size_t)x0) * (size_t)channels;
            const float *b = coarse + ((size_t)y0 * (size_t)cw + (size_t)x1) * (size_t)channels;
            const float *c = coarse + ((size_t)y1 * (size_t)cw + (size_t)x0) * (size_t)channels;
            const float *d = coarse + ((size_t)y1 * (size_t)cw + (size_t)x1) * (size_t)channels;
            float *out = fine + ((size_t)y * (size_t)w + (size_t)x) * (size_t)channels;
            for (int32_t k = 0; k < channels; ++k)
                out[k] += (1 - fy) * ((1 - fx) * a[k] + fx * b[k]) + fy * ((1 - fx) * c[k] + fx * d[k]);
        }
    }
}

/* coarse = the adjoint of enlarge_add applied to fine */
static void enlarge_adjoint(const axm_parameters *p, int32_t level, const float *fine, float *coarse)
{
    int32_t w = p->width[level], h = p->height[level], cw = p->width[level + 1], ch = p->height[level + 1],
            channels = p->extent.channels;
    memset(coarse, 0, (size_t)cw * (size_t)ch * (size_t)channels * sizeof *coarse);
    for (int32_t y = 0; y < h; ++y) {
        int32_t y0, y1, x0, x1;
        float fy, fx;
        taps(y, ch, h, &y0, &y1, &fy);
        for (int32_t x = 0; x < w; ++x) {
            taps(x, cw, w, &x0, &x1, &fx);
            float *a = coarse + ((size_t)y0 * (size_t)cw + (size_t)x0) * (size_t)channels;
            float *b = coarse + ((size_t)y0 * (size_t)cw + (size_t)x1) * (size_t)channels;
            float *c = coarse + ((size_t)y1 * (size_t)cw + (size_t)x0) * (size_t)channels;
            float *d = coarse + ((size_t)y1 * (size_t)cw + (size_t)x1) * (size_t)channels;
            const float *in = fine + ((size_t)y * (size_t)w + (size_t)x) * (size_t)channels;
            for (int32_t k = 0; k < channels; ++k) {
                a[k] += (1 - fy) * (1 - fx) * in[k];
                b[k] += (1 - fy) * fx * in[k];
                c[k] += fy * (1 - fx) * in[k];
                d[k] += fy * fx * in[k];
            }
        }
    }
}

void axm_parameters_start(axm_parameters *p, bool pyramid, axm_extent extent, const float *pixels)
{
    p->pyramid = pyramid;
    p->extent = extent;
    set_levels(p);
    size_t size = picture_size(extent);
    if (!pyramid) {
        memcpy(p->values, pixels, size * sizeof *p->values);
        return;
    }
    double inverse[3][3];
    colour_inverse(inverse);
    memset(p->values, 0, p->count * sizeof *p->values);
    for (size_t i = 0; i < size; i += (size_t)extent.channels) {
        double logit[3];
        for (int32_t c = 0; c < extent.channels; ++c) {
            double v = fmin(fmax((double)pixels[i + (size_t)c] / 255.0, 0.01), 0.99);
            double l = log(v / (1.0 - v));
            if (extent.channels == 3)
                logit[c] = l;
            else
                p->values[i + (size_t)c] = (float)l;
        }
        for (int32_t c = 0; extent.channels == 3 && c < 3; ++c)
            p->values[i + (size_t)c] = (float)(inverse[c][0] * logit[0] + inverse[c][1] * logit[1] + inverse[c][2] * logit[2]);
    }
}

/* Coarsest first: each level is enlarged and added to the next finer one. sum ends as the finest. */
static void sum_levels(axm_parameters *p)
{
    float *from = p->scaled, *to = p->sum;
    int32_t last = p->levels - 1;
    memcpy(to, p->values + p->offset[last], (p->count - p->offset[last]) * sizeof *to);
    for (int32_t level = last - 1; level >= 0; --level) {
        float *swap = from;
        from = to;
        to = swap;
        size_t size = p->offset[level + 1] - p->offset[level];
        memcpy(to, p->values + p->offset[level], size * sizeof *to);
        enlarge_add(p, level, from, to);
    }
    p->sum = to;
    p->scaled = from;
}

/* Decorrelated colours to the logits of R, G and B, in place; one channel is its own logit. */
static void mix_colours(const axm_parameters *p)
{
    size_t size = picture_size(p->extent);
    if (p->extent.channels != 3) return;
    for (size_t i = 0; i < size; i += 3) {
        float *z = p->sum + i, a = z[0], b = z[1], c = z[2];
        for (int k = 0; k < 3; ++k)
            z[k] = (float)colour[k][0] * a + (float)colour[k][1] * b + (float)colour[k][2] * c;
    }
}

/* Scales everything down when the picture before squashing differs from mid-grey by more than the limit (root mean square over
 * pixels and colours). Large flat areas would otherwise run into black and white, where the gradient vanishes. */
static void limit_contrast(axm_parameters *p)
{
    size_t size = picture_size(p->extent);
    double squares = 0.0;
    if (!(p->contrast > 0.0)) return;
    for (size_t i = 0; i < size; ++i)
        squares += (double)p->sum[i] * (double)p->sum[i];
    double deviation = sqrt(squares / (double)size);
    if (!(deviation > p->contrast)) return;
    float factor = (float)(p->contrast / deviation);
    for (size_t i = 0; i < p->count; ++i)
        p->values[i] *= factor;
    for (size_t i = 0; i < size; ++i)
        p->sum[i] *= factor;
}

void axm_parameters_render(axm_parameters *p, float *pixels)
{
    size_t size = picture_size(p->extent);
    if (!p->pyramid) {
        memcpy(pixels, p->values, size * sizeof *pixels);
        return;
    }
    sum_levels(p);
    mix_colours(p);
    limit_contrast(p);
    axm_unary_forward(&p->exec, AXM_UNARY_SIGMOID, 0.0f, 0.0f, size, p->sum, pixels);
    for (size_t i = 0; i < size; ++i)
        pixels[i] *= 255.0f;
}

void axm_parameters_gradient(axm_parameters *p, const float *pixels, const float *g_pixels, float *g_values)
{
    size_t size = picture_size(p->extent);
    if (!p->pyramid) {
        memcpy(g_values, g_pixels, size * sizeof *g_values);
        return;
    }
    for (size_t i = 0; i < size; ++i)
        g_values[i] = g_pixels[i] * pixels[i] * (1.0f - pixels[i] / 255.0f);
    for (size_t i = 0; p->extent.channels == 3 && i < size; i += 3) {
        float *g = g_values + i, r = g[0], s = g[1], t = g[2];
        for (int k = 0; k < 3; ++k)
            g[k] = (float)colour[0][k] * r + (float)colour[1][k] * s + (float)colour[2][k] * t;
    }
    for (int32_t level = 0; level + 1 < p->levels; ++level)
        enlarge_adjoint(p, level, g_values + p->offset[level], g_values + p->offset[level + 1]);
}

double axm_parameters_unit(const axm_parameters *p)
{
    return p->pyramid ? 1.0 / 63.75 : 1.0; /* slope of 255 sigmoid at mid-grey */
}
