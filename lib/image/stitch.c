/* Images of one size on a sheet. */
#include <string.h>

#include "base/status.h"
#include "image/image.h"

int32_t axm_image_stitch(axm_allocator *allocator, const struct actmax_image *const *images, size_t count, const axm_sheet *sheet,
                         struct actmax_image **out)
{
    const struct actmax_image *first = images[0];
    int64_t w = first->width, h = first->height, gap = sheet->margin;
    int64_t width = sheet->across * w + (sheet->across - 1) * gap, height = sheet->down * h + (sheet->down - 1) * gap;
    if (width > INT32_MAX || height > INT32_MAX)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a sheet of %lld x %lld pixels is too large; give fewer images", (long long)width,
                        (long long)height);
    int32_t status = axm_image_new(allocator, NULL, (int32_t)width, (int32_t)height, first->channels, false, out);
    if (status < 0) return status;
    size_t pixel = (size_t)first->channels, row = (size_t)w * pixel;
    size_t line = (size_t)(sheet->by_columns ? sheet->down : sheet->across);
    for (size_t i = 0; i < count; ++i) {
        size_t along = i % line, beyond = i / line;
        size_t top = (sheet->by_columns ? along : beyond) * (size_t)(h + gap);
        size_t left = (sheet->by_columns ? beyond : along) * (size_t)(w + gap);
        for (size_t y = 0; y < (size_t)h; ++y)
            memcpy((*out)->bytes + ((top + y) * (size_t)width + left) * pixel, images[i]->bytes + y * row, row);
    }
    return ACTMAX_OK;
}
