/* Value and gradient of the score at its tensor. */
#include "visualize/score.h"

#include <string.h>

#include "base/status.h"

axm_channel_view axm_view_channels(const axm_tensor *tensor, int32_t channel_axis)
{
    int64_t dims[AXM_MAX_RANK];
    axm_channel_view v = {1, 1, 1};
    axm_physical_dims(tensor, dims);
    int32_t axis = channel_axis < 0 ? -1 : axm_physical_axis(tensor, channel_axis);
    for (int32_t i = 0; i < tensor->shape.rank; ++i) {
        if (i == axis)
            v.channels = dims[i];
        else if (i < axis || axis < 0)
            v.outer *= dims[i];
        else
            v.inner *= dims[i];
    }
    return v;
}

int32_t axm_score_position(const axm_tensor *tensor, int32_t channel_axis, int32_t y, int32_t x, int64_t *out)
{
    const axm_shape *shape = &tensor->shape;
    char text[AXM_SHAPE_TEXT];
    *out = -1;
    if (y < 0 && x < 0) return ACTMAX_OK;
    int64_t height = 1, width = 1;
    if (shape->rank == 4) {
        height = shape->dim[channel_axis == 1 ? 2 : 1];
        width = shape->dim[channel_axis == 1 ? 3 : 2];
    }
    if (y < 0 || x < 0 || y >= height || x >= width)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "the target has no neuron at y %d, x %d: its output is %s; give both neuron_y and neuron_x", (int)y, (int)x,
                        axm_shape_text(shape, text));
    *out = (int64_t)y * width + x;
    return ACTMAX_OK;
}

double axm_score_value(const axm_score *score, const axm_tensor *tensor)
{
    axm_channel_view v = axm_view_channels(tensor, score->channel_axis);
    int64_t positions = v.outer * v.inner, count = score->channels ? score->channel_count : v.channels;
    double total = 0.0;
    for (int64_t k = 0; k < count; ++k) {
        int64_t c = score->channels ? score->channels[k] : k;
        double sum = 0.0;
        if (score->position >= 0) {
            int64_t o = score->position / v.inner, i = score->position % v.inner;
            total += (double)tensor->data[(o * v.channels + c) * v.inner + i];
            continue;
        }
        for (int64_t o = 0; o < v.outer; ++o)
            for (int64_t i = 0; i < v.inner; ++i)
                sum += (double)tensor->data[(o * v.channels + c) * v.inner + i];
        total += sum / (double)positions;
    }
    return score->channels ? total : total / (double)v.channels;
}

void axm_score_seed(const axm_score *score, const axm_tensor *tensor, float factor)
{
    axm_channel_view v = axm_view_channels(tensor, score->channel_axis);
    int64_t positions = v.outer * v.inner, count = score->channels ? score->channel_count : v.channels;
    float share = score->position >= 0 ? factor : factor / (float)positions;
    if (!score->channels) share /= (float)v.channels;
    memset(tensor->grad, 0, (size_t)(positions * v.channels) * sizeof *tensor->grad);
    for (int64_t k = 0; k < count; ++k) {
        int64_t c = score->channels ? score->channels[k] : k;
        if (score->position >= 0) {
            int64_t o = score->position / v.inner, i = score->position % v.inner;
            tensor->grad[(o * v.channels + c) * v.inner + i] += share;
            continue;
        }
        for (int64_t o = 0; o < v.outer; ++o)
            for (int64_t i = 0; i < v.inner; ++i)
                tensor->grad[(o * v.channels + c) * v.inner + i] += share;
    }
}
