/* Coordinates and weights of Resize along one axis, by the formulas of ONNX's specification and of TensorFlow's filters. */
#include "ops/resize.h"

#include <math.h>

#define MOST_WIDTH (INT64_C(1) << 30)

/* Where output `o` lies among the inputs. */
static double place_of(const axm_resize_rule *rule, const axm_resize_axis *a, int64_t o)
{
    double x = (double)o, in = (double)a->in, out = a->scale * in; /* the whole size, before it is rounded down */
    bool single = fabs(out - 1.0) <= 0.0;
    switch (rule->coordinates) {
    case AXM_RESIZE_HALF_PIXEL: break;
    case AXM_RESIZE_HALF_PIXEL_SYMMETRIC: return in / 2.0 * (1.0 - (double)a->out / out) + (x + 0.5) / a->scale - 0.5;
    case AXM_RESIZE_PYTORCH_HALF_PIXEL: return a->out == 1 ? 0.0 : (x + 0.5) / a->scale - 0.5;
    case AXM_RESIZE_ALIGN_CORNERS: return single ? 0.0 : x * (in - 1.0) / (out - 1.0);
    case AXM_RESIZE_ASYMMETRIC: return x / a->scale;
    case AXM_RESIZE_TF_HALF_PIXEL_FOR_NN: return (x + 0.5) / a->scale;
    case AXM_RESIZE_TF_CROP_AND_RESIZE:
        if (a->out == 1) return 0.5 * (a->begin + a->end) * (in - 1.0);
        return a->begin * (in - 1.0) + x * (a->end - a->begin) * (in - 1.0) / ((double)a->out - 1.0);
    }
    return (x + 0.5) / a->scale - 0.5;
}

static double stretch_of(const axm_resize_rule *rule, const axm_resize_axis *a)
{
    return rule->antialias && a->scale < 1.0 ? a->scale : 1.0;
}

/* Beyond this distance a kernel is 0. */
static double radius_of(axm_resize_mode mode, const axm_resize_axis *a)
{
    switch (mode) {
    case AXM_RESIZE_NEAREST:
    case AXM_RESIZE_LINEAR: break;
    case AXM_RESIZE_CUBIC:
    case AXM_RESIZE_MITCHELL: return 2.0;
    case AXM_RESIZE_AREA: return (1.0 + 1.0 / a->scale) / 2.0;
    case AXM_RESIZE_GAUSSIAN: return 1.5;
    case AXM_RESIZE_LANCZOS3: return 3.0;
    case AXM_RESIZE_LANCZOS5: return 5.0;
    }
    return 1.0;
}

/* How far to the left of its place an output reaches. */
static int64_t reach_of(const axm_resize_rule *rule, const axm_resize_axis *a)
{
    double reach = ceil(radius_of(rule->mode, a) / stretch_of(rule, a)) - 1.0;
    return reach < (double)MOST_WIDTH ? (int64_t)reach : MOST_WIDTH;
}

int64_t axm_resize_width(const axm_resize_rule *rule, const axm_resize_axis *axis)
{
    return rule->mode == AXM_RESIZE_NEAREST ? 1 : 2 + 2 * reach_of(rule, axis);
}

static int64_t nearest(axm_resize_rounding rounding, double x)
{
    double low = floor(x), share = x - low;
    bool up = false;
    switch (rounding) {
    case AXM_RESIZE_ROUND_PREFER_FLOOR: up = share > 0.5; break;
    case AXM_RESIZE_ROUND_PREFER_CEIL: up = share >= 0.5; break;
    case AXM_RESIZE_FLOOR: break;
    case AXM_RESIZE_CEIL: up = share > 0.0; break;
    }
    return (int64_t)low + (up ? 1 : 0);
}

static double cubic(double a, double x)
{
    x = fabs(x);
    if (x <= 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    return x < 2.0 ? ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a : 0.0;
}

/* Mitchell and Netravali's cubic with B = C = 1/3. */
static double mitchell(double x)
{
    x = fabs(x);
    if (x <= 1.0) return ((21.0 * x - 36.0) * x * x + 16.0) / 18.0;
    return x < 2.0 ? (((-7.0 * x + 36.0) * x - 60.0) * x + 32.0) / 18.0 : 0.0;
}

static double lanczos(double radius, double x)
{
    const double pi = 3.14159265358979323846;
    x = fabs(x);
    if (x < 1e-3) return 1.0;
    return x < radius ? radius * sin(pi * x) * sin(pi * x / radius) / (pi * pi * x * x) : 0.0;
}

/* How much of an element, 1 wide, lies under an output that is `width` wide. */
static double overlap(double width, double distance)
{
    double shared = (1.0 + width) / 2.0 - fabs(distance), most = width < 1.0 ? width : 1.0;
    return shared < 0.0 ? 0.0 : shared < most ? shared : most;
}

static double weight_at(const axm_resize_rule *rule, const axm_resize_axis *a, double distance)
{
    switch (rule->mode) {
    case AXM_RESIZE_NEAREST:
    case AXM_RESIZE_LINEAR: break;
    case AXM_RESIZE_CUBIC: return cubic((double)rule->cubic_a, distance);
    case AXM_RESIZE_AREA: return overlap(1.0 / a->scale, distance);
    case AXM_RESIZE_GAUSSIAN: return fabs(distance) < 1.5 ? exp(-2.0 * distance * distance) : 0.0; /* deviation 1/2 */
    case AXM_RESIZE_MITCHELL: return mitchell(distance);
    case AXM_RESIZE_LANCZOS3: return lanczos(3.0, distance);
    case AXM_RESIZE_LANCZOS5: return lanczos(5.0, distance);
    }
    double weight = 1.0 - fabs(distance);
    return weight > 0.0 ? weight : 0.0;
}

static int64_t within(int64_t index, int64_t count)
{
    return index < 0 ? 0 : index >= count ? count - 1 : index;
}

int64_t axm_resize_taps(const axm_resize_rule *rule, const axm_resize_axis *axis, int64_t o, int64_t *index, float *weight)
{
    double x = place_of(rule, axis, o), total = 0.0, most = (double)(axis->in - 1);
    if (rule->coordinates == AXM_RESIZE_TF_CROP_AND_RESIZE && !(x >= 0.0 && x <= most)) return 0;
    x = x < -4.0 ? -4.0 : x > most + 4.0 ? most + 4.0 : x; /* beyond, there is only the edge */
    if (rule->mode == AXM_RESIZE_NEAREST) {
        index[0] = within(nearest(rule->rounding, x), axis->in);
        weight[0] = 1.0f;
        return 1;
    }
    double stretch = stretch_of(rule, axis), low = floor(x);
    int64_t reach = reach_of(rule, axis), count = axm_resize_width(rule, axis), first = (int64_t)low - reach, kept = 0;
    for (int64_t pass = 0; pass < 2; ++pass) { /* the sum, then the weights divided by it */
        for (int64_t k = 0; k < count; ++k) {
            int64_t at = first + k;
            double value = weight_at(rule, axis, ((double)at - x) * stretch);
            if (rule->exclude_outside && (at < 0 || at >= axis->in)) continue;
            if (pass == 0) {
                total += value;
            } else {
                index[kept] = within(at, axis->in);
                weight[kept++] = (float)(value / total);
            }
        }
    }
    return kept;
}
