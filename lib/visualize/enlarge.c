/* Between scales: sizes, enlarging, box blur; and the levels that a picture is saved with. */
#include "visualize/enlarge.h"

#include <math.h>

#include "base/status.h"

#define SIDE_MOST 1e9 /* limits are checked later; sides must be numbers until then */

/* ---- Levels ---- */

static void moments(const float *x, size_t values, double *mean, double *deviation)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < values; ++i)
        sum += (double)x[i];
    *mean = sum / (double)values;
    for (size_t i = 0; i < values; ++i)
        squares += ((double)x[i] - *mean) * ((double)x[i] - *mean);
    *deviation = sqrt(squares / (double)values);
}

void axm_display_levels(const axm_display *display, const float *x, size_t values, float *shown)
{
    double mean = 0.0, deviation = 1.0, factor = 1.0, middle = 0.0;
    if (display->standardise) {
        moments(x, values, &mean, &deviation);
        double divisor = deviation + display->epsilon;
        factor = divisor > 0.0 ? 255.0 * display->deviation / divisor : 0.0;
        middle = 127.5;
    }
    for (size_t i = 0; i < values; ++i) {
        double v = fmin(fmax(((double)x[i] - mean) * factor + middle, 0.0), 255.0);
        shown[i] = (float)floor(display->round_down ? v : v + 0.5);
    }
}

/* ---- Enlarging ---- */

static int32_t enlarge_8bit(axm_allocator *allocator, bool unit, const axm_display *display, const float *x, axm_extent from,
                            float *y, axm_extent to)
{
    struct actmax_image *small = NULL, *large = NULL;
    size_t values = (size_t)from.width * (size_t)from.height * (size_t)from.channels;
    axm_display levels = *display;
    double mean, deviation;
    levels.standardise = true;
    moments(x, values, &mean, &deviation);
    if (unit) { /* Keras's example standardises the old picture in place before it asks for its mean and deviation */
        deviation = display->deviation * deviation / (deviation + display->epsilon);
        mean = 0.5;
    }
    int32_t status = axm_image_new(allocator, NULL, from.width, from.height, from.channels, false, &small);
    if (status < 0) goto done;
    axm_display_levels(&levels, x, values, y); /* y is the larger one */
    for (size_t i = 0; i < values; ++i)
        small->bytes[i] = (uint8_t)y[i];
    if ((status = axm_resize_pillow(allocator, small, to.width, to.height, AXM_FILTER_BICUBIC, &large)) < 0) goto done;
    values = (size_t)to.width * (size_t)to.height * (size_t)to.channels;
    for (size_t i = 0; i < values; ++i)
        y[i] = (float)(((double)large->bytes[i] / 255.0 - 0.5) / display->deviation * deviation + mean);
done:
    axm_image_free(small);
    axm_image_free(large);
    return status;
}

int32_t axm_enlarge(axm_allocator *allocator, axm_enlarging kind, const axm_display *display, const float *x, axm_extent from,
                    float *y, axm_extent to)
{
    if (kind >= AXM_ENLARGE_8BIT) return enlarge_8bit(allocator, kind == AXM_ENLARGE_8BIT_UNIT, display, x, from, y, to);
    return axm_resize_float(allocator, kind == AXM_ENLARGE_BILINEAR ? AXM_HALF_PIXEL_BILINEAR : AXM_HALF_PIXEL_CUBIC, x, from.width,
                            from.height, from.channels, y, to.width, to.height);
}

/* ---- Box blur ---- */

static int32_t reflected(int32_t i, int32_t count)
{
    int32_t period = 2 * (count - 1);
    if (period == 0) return 0;
    i %= period;
    if (i < 0) i += period;
    return i < count ? i : period - i;
}

/* Along an axis of `count` positions that are `step` apart, from x to y. */
static void box_line(int32_t side, int32_t count, size_t step, const float *x, float *y)
{
    for (int32_t i = 0; i < count; ++i) {
        double sum = 0.0;
        for (int32_t k = 0; k < side; ++k)
            sum += (double)x[(size_t)reflected(i + k - side / 2, count) * step];
        y[(size_t)i * step] = (float)(sum / (double)side);
    }
}

void axm_box_blur(int32_t side, axm_extent extent, const float *x, float *scratch, float *y)
{
    size_t channels = (size_t)extent.channels, row = (size_t)extent.width * channels;
    for (size_t r = 0; r < (size_t)extent.height; ++r)
        for (size_t c = 0; c < channels; ++c)
            box_line(side, extent.width, channels, x + r * row + c, scratch + r * row + c);
    for (size_t i = 0; i < row; ++i)
        box_line(side, extent.height, row, scratch + i, y + i);
}

/* ---- Sizes ---- */

static int32_t side_of(double exact, bool down)
{
    return (int32_t)fmin(fmax(floor(down ? exact : exact + 0.5), 1.0), SIDE_MOST);
}

void axm_scale_sides(const axm_scale_rule *rule, int32_t first, int32_t last, int32_t *sides)
{
    for (int32_t i = 0; i < rule->scales; ++i) {
        if (first > 0)
            sides[i] = i ? side_of(rule->factor * (double)sides[i - 1], rule->down) : first;
        else
            sides[i] = side_of((double)last / pow(rule->factor, (double)(rule->scales - 1 - i)), rule->down);
    }
}
