/* The scalar that is maximised or explained: the sum over channels of each one's mean over space, or one position of it. */
#ifndef AXM_VISUALIZE_SCORE_H
#define AXM_VISUALIZE_SCORE_H

#include "ops/tensor.h"

/* A tensor in its physical order as [outer, channels, inner]; space is whatever is not channels. */
typedef struct axm_channel_view {
    int64_t outer, channels, inner;
} axm_channel_view;
axm_channel_view axm_view_channels(const axm_tensor *tensor, int32_t channel_axis);

/* The sums over space of up to AXM_CHANNEL_BLOCK channels from `first` on; returns how many there are. */
#define AXM_CHANNEL_BLOCK 64
int64_t axm_sum_channels(axm_channel_view view, const float *data, int64_t first, double sums[AXM_CHANNEL_BLOCK]);

typedef struct axm_score {
    int32_t channel_axis;    /* file order */
    const int32_t *channels; /* along that axis of the tensor; NULL: all */
    int32_t channel_count;
    int64_t position;      /* y * width + x, or -1: the mean over space */
    int32_t border;        /* rows and columns at each edge that the mean leaves out */
    int32_t height, width; /* of the tensor, when there is a border */
} axm_score;

/* Sets the border; fails when it leaves nothing. */
int32_t axm_score_border(axm_score *score, const axm_tensor *tensor, int32_t border);

/* position for a neuron at (y, x); fails when the tensor has no such place. (-1, -1): none. */
int32_t axm_score_position(const axm_tensor *tensor, int32_t channel_axis, int32_t y, int32_t x, int64_t *out);
double axm_score_value(const axm_score *score, const axm_tensor *tensor);
/* All of the tensor's grad: the score's derivative times factor. */
void axm_score_seed(const axm_score *score, const axm_tensor *tensor, float factor);

#endif
