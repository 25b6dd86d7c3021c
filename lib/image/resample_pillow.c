/* Resizing of 8-bit images with the arithmetic of Pillow's Image.resize, byte for byte. A filter of support s is widened by the
 * factor of shrinking; output pixel d reads the input pixels whose centres lie within the support of its own centre
 * (d + 0.5) * in / out; weights are normalised in double and rounded to 22 fractional bits; each pass rounds and clips to 8 bits.
 */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "image/image.h"

#define FRACTION_BITS 22 /* 32 - 8 bits of pixel - 2 of overshoot */

/* Output pixel i reads `count[i]` input pixels from `first[i]` with weights at weights[i * stride]. */
typedef struct axis_table {
    int32_t *first, *count, *weights;
    size_t stride;
} axis_table;

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double keys(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static void free_table(axm_allocator *allocator, axis_table *table)
{
    axm_free(allocator, table->first);
    axm_free(allocator, table->count);
    axm_free(allocator, table->weights);
}

static void fill_entry(axis_table *t, int32_t i, int32_t in, double center, double support, double shrink, axm_filter filter,
                       double *exact)
{
    int32_t low = (int32_t)(center - support + 0.5), high = (int32_t)fmin(center + support + 0.5, (double)in);
    double sum = 0.0;
    if (low < 0) low = 0;
    for (int32_t x = low; x < high; ++x) {
        double at = ((double)x - center + 0.5) * (1.0 / shrink);
        double w = filter == AXM_FILTER_BILINEAR ? triangle(at) : keys(at);
        exact[x - low] = w;
        sum += w;
    }
    t->first[i] = low;
    t->count[i] = high - low;
    for (int32_t k = 0; k < high - low; ++k) {
        double w = (sum != 0.0 ? exact[k] / sum : exact[k]) * (double)(1 << FRACTION_BITS);
        t->weights[(size_t)i * t->stride + (size_t)k] = (int32_t)(w < 0.0 ? w - 0.5 : w + 0.5);
    }
}

/* For output pixels begin .. begin+count-1 of `full`. */
static int32_t make_table(axm_allocator *allocator, int32_t in, int64_t full, int64_t begin, int32_t count, axm_filter filter,
                          axis_table *t)
{
    double scale = (double)in / (double)full, shrink = fmax(scale, 1.0);
    double support = (filter == AXM_FILTER_BILINEAR ? 1.0 : 2.0) * shrink;
    t->stride = (size_t)ceil(support) * 2 + 1;
    if (t->stride > (size_t)in) t->stride = (size_t)in;
    size_t total = 0;
    if (!axm_mul_size((size_t)count, t->stride, &total)) return axm_no_memory(UINT64_MAX, "the resampling weights");
    t->first = axm_alloc_array(allocator, (size_t)count, sizeof *t->first);
    t->count = axm_alloc_array(allocator, (size_t)count, sizeof *t->count);
    t->weights = axm_alloc_array(allocator, total, sizeof *t->weights);
    double *exact = axm_alloc_array(allocator, t->stride, sizeof *exact);
    int32_t status = ACTMAX_ERROR_NO_MEMORY;
    if (t->first && t->count && t->weights && exact) {
        for (int32_t i = 0; i < count; ++i)
            fill_entry(t, i, in, ((double)(begin + i) + 0.5) * scale, support, shrink, filter, exact);
        status = ACTMAX_OK;
    }
    axm_free(allocator, exact);
    return status;
}

static uint8_t clip(int32_t sum)
{
    int32_t v = sum >> FRACTION_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* from: rows of `from_row` bytes; to: rows x count pixels. The sum stays within 32 bits: 255 times weights whose absolute values
 * sum to less than 2 units. */
static void horizontal(const axis_table *t, const uint8_t *from, size_t from_row, size_t rows, size_t count, size_t channels,
                       uint8_t *to)
{
    for (size_t y = 0; y < rows; ++y, from += from_row)
        for (size_t x = 0; x < count; ++x) {
            const int32_t *w = t->weights + x * t->stride;
            for (size_t c = 0; c < channels; ++c) {
                const uint8_t *p = from + (size_t)t->first[x] * channels + c;
                int32_t sum = 1 << (FRACTION_BITS - 1);
                for (int32_t k = 0; k < t->count[x]; ++k, p += channels)
                    sum += *p * w[k];
                *to++ = clip(sum);
            }
        }
}

/* from: the picture's rows first_row .. ; row bytes are the same on both sides. sums: one int32_t for each byte of a row. */
static void vertical(const axis_table *t, const uint8_t *from, int32_t first_row, size_t row, size_t count, int32_t *sums,
                     uint8_t *to)
{
    for (size_t y = 0; y < count; ++y, to += row) {
        const uint8_t *p = from + (size_t)(t->first[y] - first_row) * row;
        for (size_t i = 0; i < row; ++i)
            sums[i] = 1 << (FRACTION_BITS - 1);
        for (int32_t k = 0; k < t->count[y]; ++k, p += row) {
            int32_t w = t->weights[y * t->stride + (size_t)k];
            for (size_t i = 0; i < row; ++i)
                sums[i] += p[i] * w;
        }
        for (size_t i = 0; i < row; ++i)
            to[i] = clip(sums[i]);
    }
}

int32_t axm_resize_pillow_part(axm_allocator *allocator, const struct actmax_image *image, int64_t full_width, int64_t full_height,
                               int64_t left, int64_t top, int32_t width, int32_t height, axm_filter filter,
                               struct actmax_image **out)
{
    struct actmax_image *made = NULL;
    axis_table x = {0}, y = {0};
    uint8_t *between = NULL;
    int32_t *sums = NULL;
    if (!image->bytes)
        return axm_fail(ACTMAX_ERROR_INVALID, "only 8-bit images can be resized to 8 bits; this one is a float image");
    size_t channels = (size_t)image->channels, in_row = (size_t)image->width * channels;
    int32_t status = axm_image_new(allocator, NULL, width, height, image->channels, false, &made);
    if (status < 0) return status;
    if ((status = make_table(allocator, image->width, full_width, left, width, filter, &x)) < 0) goto done;
    if ((status = make_table(allocator, image->height, full_height, top, height, filter, &y)) < 0) goto done;
    /* Equal sizes give weights of exactly one pixel, so the pass that Pillow leaves out then changes nothing. */
    int32_t first_row = y.first[0], last = height - 1;
    size_t rows = (size_t)(y.first[last] + y.count[last] - first_row), row = (size_t)width * channels;
    status = ACTMAX_ERROR_NO_MEMORY;
    if (!(between = axm_alloc_array(allocator, rows, row))) goto done;
    if (!(sums = axm_alloc_array(allocator, row, sizeof *sums))) goto done;
    horizontal(&x, image->bytes + (size_t)first_row * in_row, in_row, rows, (size_t)width, channels, between);
    vertical(&y, between, first_row, row, (size_t)height, sums, made->bytes);
    status = ACTMAX_OK;
done:
    free_table(allocator, &x);
    free_table(allocator, &y);
    axm_free(allocator, between);
    axm_free(allocator, sums);
    if (status < 0)
        axm_image_free(made);
    else
        *out = made;
    return status;
}

int32_t axm_resize_pillow(axm_allocator *allocator, const struct actmax_image *image, int32_t width, int32_t height,
                          axm_filter filter, struct actmax_image **out)
{
    return axm_resize_pillow_part(allocator, image, width, height, 0, 0, width, height, filter, out);
}
