/* What the callback of a maximisation may ask for. */
#include <string.h>

#include "base/status.h"
#include "visualize/progress.h"

int32_t actmax_progress_number(const actmax_progress *progress, const char *name, double *out)
{
    axm_message_clear();
    if (!progress || !name || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_progress_number: an argument is NULL");
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"step", (double)progress->step},
                   {"steps", (double)progress->steps},
                   {"objective", progress->objective},
                   {"activation", progress->objective},
                   {"loss", progress->loss},
                   {"lp_norm", progress->lp_norm},
                   {"total_variation", progress->total_variation},
                   {"scale", progress->scale},
                   {"scales", progress->scales},
                   {"picture", progress->picture},
                   {"pictures", progress->pictures},
                   {"seconds", progress->seconds},
                   {"done", progress->done}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        if (strcmp(numbers[i].name, name) != 0) continue;
        *out = numbers[i].value;
        return ACTMAX_OK;
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "progress has no number '%.60s'; see actmax_progress_number in actmax.h", name);
}

const float *actmax_progress_image(const actmax_progress *progress, int32_t *width, int32_t *height, int32_t *channels)
{
    if (!progress) return NULL;
    if (width) *width = progress->width;
    if (height) *height = progress->height;
    if (channels) *channels = progress->channels;
    return progress->pixels;
}
