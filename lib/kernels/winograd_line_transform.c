/* The transforms of Winograd's method along one axis. Vectors run along the channels.
 *
 * The rows of B^T for a pair of points +-a are x Q(x^2) + a Q(x^2) and x Q(x^2) - a Q(x^2), where the roots of Q are the other
 * pairs' squares (times x where 0 is a point), so that a pair's two sums share their parts. */
#include "kernels/clones.h"
#include "kernels/winograd_line.h"
#include "kernels/winograd_store.h"

#define LANES AXM_WINOGRAD_LANES

/* The positive point of each pair. With three and five taps point 0 of a tile is 0, and the pairs come after it. */
static const double pairs_of_3[] = {0.75, 1.5}, pairs_of_5[] = {0.5, 1.0, 2.0}, pairs_of_7[] = {0.25, 0.625, 1.0, 2.0};

static bool has_zero(const axm_line_method *method)
{
    return method->taps != 7;
}

static size_t pair_count(const axm_line_method *method)
{
    return (method->points - 1) / 2;
}

static const double *pair_points(const axm_line_method *method)
{
    return method->taps == 3 ? pairs_of_3 : method->taps == 5 ? pairs_of_5 : pairs_of_7;
}

/* The coefficients of the product of (x - roots[i]^2) over i != left_out, from the highest power (1) down. */
static void expand(const double *roots, size_t count, size_t left_out, double *out)
{
    size_t degree = 0;
    out[0] = 1.0;
    for (size_t i = 0; i < count; i++) {
        if (i == left_out) continue;
        const double root = roots[i] * roots[i];
        out[degree + 1] = 0.0;
        for (size_t k = ++degree; k > 0; k--)
            out[k] -= root * out[k - 1];
    }
}

typedef struct constants {
    float point[AXM_LINE_MOST_PAIRS], power2[AXM_LINE_MOST_PAIRS], power3[AXM_LINE_MOST_PAIRS];
    float pair[AXM_LINE_MOST_PAIRS][AXM_LINE_MOST_PAIRS]; /* Q of each pair without its leading 1 */
    float all[AXM_LINE_MOST_PAIRS + 1];                   /* of the product over all pairs, likewise */
} constants;

static constants constants_of(const axm_line_method *method)
{
    const size_t pairs = pair_count(method);
    const double *p = pair_points(method);
    double q[AXM_LINE_MOST_PAIRS + 1];
    constants c = {{0}, {0}, {0}, {{0}}, {0}};
    for (size_t i = 0; i < pairs; i++) {
        c.point[i] = (float)p[i];
        c.power2[i] = (float)(p[i] * p[i]);
        c.power3[i] = (float)(p[i] * p[i] * p[i]);
        expand(p, pairs, i, q);
        for (size_t k = 1; k < pairs; k++)
            c.pair[i][k - 1] = (float)q[k];
    }
    expand(p, pairs, pairs, q);
    for (size_t k = 1; k <= pairs; k++)
        c.all[k - 1] = (float)q[k];
    return c;
}

/* ---- Input ---- */

/* The values at a pair's two points, from point `first` on. `scaled` is multiplied by the positive one. */
#define PAIR(p, first, plain, scaled)                                                                                              \
    {                                                                                                                              \
        const float whole = plain, part = c->point[p] * (scaled);                                                                  \
        v[(first) * point + i] = whole + part;                                                                                     \
        v[((first) + 1) * point + i] = whole - part;                                                                               \
    }

/* lanes channels of a tile for three taps: d are its 6 inputs, v its row at point 0. */
static AXM_INLINE void input_3(const constants *c, size_t lanes, const float *const *d, size_t at, float *v, size_t point)
{
    const float *d0 = d[0] + at, *d1 = d[1] + at, *d2 = d[2] + at, *d3 = d[3] + at, *d4 = d[4] + at, *d5 = d[5] + at;
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float x1 = d1[i], x2 = d2[i], x3 = d3[i], x4 = d4[i];
        v[i] = x4 + (c->all[0] * x2 + c->all[1] * d0[i]);
        PAIR(0, 1, x4 + c->pair[0][0] * x2, x3 + c->pair[0][0] * x1)
        PAIR(1, 3, x4 + c->pair[1][0] * x2, x3 + c->pair[1][0] * x1)
        v[5 * point + i] = d5[i] + (c->all[0] * x3 + c->all[1] * x1);
    }
}

#define CUBIC_5(p, a, b, d) a + (c->pair[p][0] * b + c->pair[p][1] * d)

/* The same for five taps and 8 inputs. */
static AXM_INLINE void input_5(const constants *c, size_t lanes, const float *const *d, size_t at, float *v, size_t point)
{
    const float *d0 = d[0] + at, *d1 = d[1] + at, *d2 = d[2] + at, *d3 = d[3] + at;
    const float *d4 = d[4] + at, *d5 = d[5] + at, *d6 = d[6] + at, *d7 = d[7] + at;
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float x1 = d1[i], x2 = d2[i], x3 = d3[i], x4 = d4[i], x5 = d5[i], x6 = d6[i];
        v[i] = (x6 + c->all[1] * x2) + (c->all[0] * x4 + c->all[2] * d0[i]);
        PAIR(0, 1, CUBIC_5(0, x6, x4, x2), CUBIC_5(0, x5, x3, x1))
        PAIR(1, 3, CUBIC_5(1, x6, x4, x2), CUBIC_5(1, x5, x3, x1))
        PAIR(2, 5, CUBIC_5(2, x6, x4, x2), CUBIC_5(2, x5, x3, x1))
        v[7 * point + i] = (d7[i] + c->all[1] * x3) + (c->all[0] * x5 + c->all[2] * x1);
    }
}

#define ODD_7(p)  (x7 + c->pair[p][1] * x3) + (c->pair[p][0] * x5 + c->pair[p][2] * x1)
#define EVEN_7(p) (x6 + c->pair[p][1] * x2) + (c->pair[p][0] * x4 + c->pair[p][2] * x0)

/* For seven taps and 9 inputs. */
static AXM_INLINE void input_7(const constants *c, size_t lanes, const float *const *d, size_t at, float *v, size_t point)
{
    const float *d0 = d[0] + at, *d1 = d[1] + at, *d2 = d[2] + at, *d3 = d[3] + at, *d4 = d[4] + at;
    const float *d5 = d[5] + at, *d6 = d[6] + at, *d7 = d[7] + at, *d8 = d[8] + at;
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float x0 = d0[i], x1 = d1[i], x2 = d2[i], x3 = d3[i], x4 = d4[i], x5 = d5[i], x6 = d6[i], x7 = d7[i];
        PAIR(0, 0, ODD_7(0), EVEN_7(0))
        PAIR(1, 2, ODD_7(1), EVEN_7(1))
        PAIR(2, 4, ODD_7(2), EVEN_7(2))
        PAIR(3, 6, ODD_7(3), EVEN_7(3))
        v[8 * point + i] = (d8[i] + c->all[1] * x4) + (c->all[0] * x6 + (c->all[2] * x2 + c->all[3] * x0));
    }
}

static AXM_INLINE void input_lanes(const constants *c, size_t taps, size_t lanes, const float *const *d, size_t at, float *v,
                                   size_t point)
{
    if (taps == 3)
        input_3(c, lanes, d, at, v + at, point);
    else if (taps == 5)
        input_5(c, lanes, d, at, v + at, point);
    else
        input_7(c, lanes, d, at, v + at, point);
}

AXM_CLONES static void input_channels(const constants *c, size_t taps, const float *const *d, size_t channels, float *v,
                                      size_t point)
{
    size_t at = 0;
    for (; at + LANES <= channels; at += LANES)
        input_lanes(c, taps, LANES, d, at, v, point);
    if (at < channels) input_lanes(c, taps, channels - at, d, at, v, point);
}

/* The pixel at a place along the axis and a place across it, of a picture of that size. */
static int64_t pixel_at(const axm_line *line, int64_t height, int64_t width, int64_t along, int64_t across)
{
    return line->method.vertical ? (line->image * height + along) * width + across
                                 : (line->image * height + across) * width + along;
}

void axm_line_input(const axm_line *line, size_t begin, size_t end)
{
    static const float zeros[AXM_LINE_MAX_CHANNELS] = {0};
    const axm_tap_conv *conv = line->conv;
    const int64_t channels = conv->plan->in_pixel;
    const axm_tap_axis *along = &line->along, *across = &line->across;
    const constants c = constants_of(&line->method);
    const size_t rows = axm_line_v_tiles(line);
    for (size_t t = begin; t < end; t++) {
        const int64_t place = (int64_t)(line->first + t / line->tiles) + across->offset;
        const int64_t start = (int64_t)(t % line->tiles * line->method.tile) + along->offset;
        const float *d[AXM_LINE_MOST_POINTS];
        for (int64_t i = 0; i < (int64_t)line->method.points; i++) {
            const bool inside = place >= 0 && place < across->in_size && start + i >= 0 && start + i < along->in_size;
            d[i] = inside ? conv->x + pixel_at(line, conv->h.in_size, conv->w.in_size, start + i, place) * channels : zeros;
        }
        input_channels(&c, line->method.taps, d, (size_t)conv->plan->in_c, line->v + t * line->v_row, rows * line->v_row);
    }
}

/* ---- Output ---- */

typedef struct outputs {
    float *y[AXM_LINE_MOST_TILE]; /* NULL outside of the picture */
    const float *bias;
    axm_clamp clamp;
    bool accumulate;
} outputs;

/* Rows of A^T, powers of the points. */
static AXM_INLINE void output_3(const constants *c, size_t lanes, const float *m, size_t point, float sums[][LANES])
{
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float *p = m + i;
        const float s0 = p[1 * point] + p[2 * point], t0 = p[1 * point] - p[2 * point];
        const float s1 = p[3 * point] + p[4 * point], t1 = p[3 * point] - p[4 * point];
        sums[0][i] = p[0] + (s0 + s1);
        sums[1][i] = c->point[0] * t0 + c->point[1] * t1;
        sums[2][i] = c->power2[0] * s0 + c->power2[1] * s1;
        sums[3][i] = (c->power3[0] * t0 + c->power3[1] * t1) + p[5 * point];
    }
}

static AXM_INLINE void output_5(const constants *c, size_t lanes, const float *m, size_t point, float sums[][LANES])
{
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float *p = m + i;
        const float s0 = p[1 * point] + p[2 * point], t0 = p[1 * point] - p[2 * point];
        const float s1 = p[3 * point] + p[4 * point], t1 = p[3 * point] - p[4 * point];
        const float s2 = p[5 * point] + p[6 * point], t2 = p[5 * point] - p[6 * point];
        sums[0][i] = (p[0] + s0) + (s1 + s2);
        sums[1][i] = c->point[0] * t0 + (c->point[1] * t1 + c->point[2] * t2);
        sums[2][i] = c->power2[0] * s0 + (c->power2[1] * s1 + c->power2[2] * s2);
        sums[3][i] = (c->power3[0] * t0 + p[7 * point]) + (c->power3[1] * t1 + c->power3[2] * t2);
    }
}

static AXM_INLINE void output_7(const constants *c, size_t lanes, const float *m, size_t point, float sums[][LANES])
{
    AXM_IVDEP
    for (size_t i = 0; i < lanes; i++) {
        const float *p = m + i;
        const float s0 = p[0 * point] + p[1 * point], t0 = p[0 * point] - p[1 * point];
        const float s1 = p[2 * point] + p[3 * point], t1 = p[2 * point] - p[3 * point];
        const float s2 = p[4 * point] + p[5 * point], t2 = p[4 * point] - p[5 * point];
        const float s3 = p[6 * point] + p[7 * point], t3 = p[6 * point] - p[7 * point];
        sums[0][i] = (s0 + s1) + (s2 + s3);
        sums[1][i] = (c->point[0] * t0 + c->point[1] * t1) + (c->point[2] * t2 + c->point[3] * t3);
        sums[2][i] = ((c->power2[0] * s0 + c->power2[1] * s1) + (c->power2[2] * s2 + c->power2[3] * s3)) + p[8 * point];
    }
}

static AXM_INLINE void store(size_t lanes, const float *sum, const outputs *out, size_t channel, float *y)
{
    axm_winograd_store(lanes, sum, out->bias == NULL ? NULL : out->bias + channel, out->clamp, out->accumulate, y);
}

static AXM_INLINE void output_lanes(const constants *c, size_t taps, size_t lanes, const float *m, size_t point, size_t channel,
                                    const outputs *out)
{
    float sums[AXM_LINE_MOST_TILE][LANES];
    if (taps == 3)
        output_3(c, lanes, m + channel, point, sums);
    else if (taps == 5)
        output_5(c, lanes, m + channel, point, sums);
    else
        output_7(c, lanes, m + channel, point, sums);
    for (size_t k = 0; k < (taps == 7 ? 3 : 4); k++)
        if (out->y[k] != NULL) store(lanes, sums[k], out, channel, out->y[k] + channel);
}

AXM_CLONES static void output_channels(const constants *c, size_t taps, const float *m, size_t point, size_t channels,
                                       const outputs *out)
{
    size_t at = 0;
    for (; at + LANES <= channels; at += LANES)
        output_lanes(c, taps, LANES, m, point, at, out);
    if (at < channels) output_lanes(c, taps, channels - at, m, point, at, out);
}

void axm_line_output(const axm_line *line, size_t begin, size_t end)
{
    const axm_tap_conv *conv = line->conv;
    const constants c = constants_of(&line->method);
    const size_t rows = axm_line_m_tiles(line);
    outputs out = {.bias = conv->bias ? conv->bias + line->column : NULL, .clamp = conv->clamp, .accumulate = conv->accumulate};
    for (size_t t = begin; t < end; t++) {
        const int64_t place = (int64_t)(line->first + t / line->tiles);
        const int64_t start = (int64_t)(t % line->tiles * line->method.tile);
        for (int64_t i = 0; i < (int64_t)line->method.tile; i++) {
            const int64_t pixel = pixel_at(line, conv->h.out_size, conv->w.out_size, start + i, place);
            out.y[i] = start + i < line->along.grid ? conv->y + pixel * conv->plan->out_pixel + line->column : NULL;
        }
        output_channels(&c, line->method.taps, line->m + t * line->m_row, rows * line->m_row, line->columns, &out);
    }
}

/* ---- Weights ---- */

/* Rows of G: the taps' polynomial at each point, over the product of the point's differences from the others. */
static double factor_at(const axm_line_method *method, double x)
{
    const double *p = pair_points(method);
    const bool zero = x * x <= 0.0;
    double product = has_zero(method) && !zero ? x : 1.0; /* the difference from the point 0 */
    for (size_t i = 0; i < pair_count(method); i++) {
        const double difference = x * x - p[i] * p[i];
        product *= difference < 0.0 || difference > 0.0 ? difference : 2.0 * x;
    }
    return 1.0 / product;
}

void axm_line_weights(const axm_line_method *method, const double taps[][AXM_LINE_WIDTH], size_t width, size_t point, float *out)
{
    const size_t last = method->taps - 1, before = has_zero(method) ? 1 : 0; /* points before the pairs */
    const double *p = pair_points(method);
    for (size_t k = 0; k + 1 < method->points; k++) {
        const double pair = p[(k - (k < before ? k : before)) / 2];
        const double x = k < before ? 0.0 : ((k - before) % 2 == 0 ? pair : -pair), factor = factor_at(method, x);
        for (size_t i = 0; i < width; i++) {
            double sum = taps[last][i];
            for (size_t t = last; t-- > 0;)
                sum = sum * x + taps[t][i];
            out[k * point + i] = (float)(sum * factor);
        }
    }
    for (size_t i = 0; i < width; i++)
        out[(method->points - 1) * point + i] = (float)taps[last][i];
}
