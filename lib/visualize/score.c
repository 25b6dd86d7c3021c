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

int64_t axm_sum_channels(axm_channel_view v, const float *data, int64_t first, double sums[AXM_CHANNEL_BLOCK])
{
    int64_t count = v.channels - first < AXM_CHANNEL_BLOCK ? v.channels - first : AXM_CHANNEL_BLOCK;
    for (int64_t c = 0; c < count; ++c)
        sums[c] = 0.0;
    for (int64_t o = 0; o < v.outer; ++o) {
        const float *x = data + (o * v.channels + first) * v.inner;
        for (int64_t i = 0; v.inner == 1 && i < count; ++i) /* positions first: channels are neighbours */
            sums[i] += (double)x[i];
        for (int64_t c = 0; v.inner > 1 && c < count; ++c)
            for (int64_t i = 0; i < v.inner; ++i)
                sums[c] += (double)x[c * v.inner + i];
    }
    return count;
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

int32_t axm_score_border(axm_score *score, const axm_tensor *tensor, int32_t border)
{
    const axm_shape *shape = &tensor->shape;
    char text[AXM_SHAPE_TEXT];
    if (border <= 0) return ACTMAX_OK;
    bool first = score->channel_axis == 1;
    int64_t height = shape->rank == 4 ? shape->dim[first ? 2 : 1] : 1, width = shape->rank == 4 ? shape->dim[first ? 3 : 2] : 1;
    if (height <= 2 * (int64_t)border || width <= 2 * (int64_t)border)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "a border of %d leaves nothing of the target, whose output is %s; lower the option border", (int)border,
                        axm_shape_text(shape, text));
    score->border = border;
    score->height = (int32_t)height;
    score->width = (int32_t)width;
    return ACTMAX_OK;
}

/* Whether position p (over outer and inner) counts. */
static bool counts(const axm_score *score, int64_t p)
{
    if (score->position >= 0) return p == score->position;
    if (!score->border) return true;
    int64_t y = p / score->width, x = p % score->width;
    return y >= score->border && y < score->height - score->border && x >= score->border && x < score->width - score->border;
}

static int64_t positions_of(const axm_score *score, axm_channel_view v)
{
    if (score->position >= 0) return 1;
    if (!score->border) return v.outer * v.inner;
    return (int64_t)(score->height - 2 * score->border) * (score->width - 2 * score->border);
}

double axm_score_value(const axm_score *score, const axm_tensor *tensor)
{
    axm_channel_view v = axm_view_channels(tensor, score->channel_axis);
    int64_t count = score->channels ? score->channel_count : v.channels;
    double total = 0.0;
    for (int64_t k = 0; k < count; ++k) {
        int64_t c = score->channels ? score->channels[k] : k;
        double sum = 0.0;
        for (int64_t o = 0; o < v.outer; ++o)
            for (int64_t i = 0; i < v.inner; ++i)
                if (counts(score, o * v.inner + i)) sum += (double)tensor->data[(o * v.channels + c) * v.inner + i];
        total += sum / (double)positions_of(score, v);
    }
    return score->channels ? total : total / (double)v.channels;
}

void axm_score_seed(const axm_score *score, const axm_tensor *tensor, float factor)
{
    axm_channel_view v = axm_view_channels(tensor, score->channel_axis);
    int64_t count = score->channels ? score->channel_count : v.channels;
    float share = factor / (float)positions_of(score, v);
    if (!score->channels) share /= (float)v.channels;
    memset(tensor->grad, 0, (size_t)(v.outer * v.inner * v.channels) * sizeof *tensor->grad);
    for (int64_t k = 0; k < count; ++k) {
        int64_t c = score->channels ? score->channels[k] : k;
        for (int64_t o = 0; o < v.outer; ++o)
            for (int64_t i = 0; i < v.inner; ++i)
                if (counts(score, o * v.inner + i)) tensor->grad[(o * v.channels + c) * v.inner + i] += share;
    }
}
