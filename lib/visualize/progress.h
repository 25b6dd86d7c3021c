/* What a callback sees of a running maximisation. */
#ifndef AXM_VISUALIZE_PROGRESS_H
#define AXM_VISUALIZE_PROGRESS_H

#include "actmax.h"

struct actmax_progress {
    int64_t step, steps; /* over all scales; step counts from 1 */
    int32_t scale, scales, picture, pictures;
    double objective, loss, seconds;
    double done; /* the share of all pictures' steps */
    double lp_norm, total_variation;
    const float *pixels;
    int32_t width, height, channels;
};

#endif
