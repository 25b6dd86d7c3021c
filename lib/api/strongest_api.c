/* actmax_session_strongest: the filters that an image excites. */
#include "api/session.h"
#include "base/status.h"
#include "visualize/score.h"

/* Before: higher, or as high and earlier. */
static bool comes_before(const float *means, int32_t a, int32_t b)
{
    return means[a] > means[b] || (!(means[a] < means[b]) && a < b);
}

/* The first `count` of the order; a heap would gain nothing on lists this short. */
static void select_strongest(const float *means, int32_t channels, int32_t count, int32_t *order)
{
    int32_t found = 0;
    for (int32_t c = 0; c < channels; ++c) {
        int32_t at = found;
        if (found == count && !comes_before(means, c, order[found - 1])) continue;
        if (found < count)
            found++;
        else
            at--;
        for (; at > 0 && comes_before(means, c, order[at - 1]); --at)
            order[at] = order[at - 1];
        order[at] = c;
    }
}

/* Arrays of the result; the two of `count` elements follow from `order`. */
static int32_t fill(struct actmax_session *session, struct actmax_result *result, float *means, int64_t channels,
                    const int32_t *order, int64_t count)
{
    float *filters = axm_alloc_array(session->allocator, (size_t)count, sizeof *filters);
    float *activations = axm_alloc_array(session->allocator, (size_t)count, sizeof *activations);
    for (int64_t i = 0; filters && activations && i < count; ++i) {
        filters[i] = (float)order[i];
        activations[i] = means[order[i]];
    }
    int32_t first = axm_result_add_array(result, "filters", filters, &count, 1);
    int32_t second = axm_result_add_array(result, "activations", activations, &count, 1);
    int32_t third = axm_result_add_array(result, "means", means, &channels, 1);
    return first < 0 ? first : second < 0 ? second : third;
}

/* The mean over space of each channel; NULL: no memory. */
static float *means_of(struct actmax_session *session, const axm_tensor *tensor, int32_t axis, int32_t channels)
{
    float *means = axm_alloc_array(session->allocator, (size_t)channels, sizeof *means);
    for (int32_t c = 0; means && c < channels; ++c) {
        axm_score score = {.channel_axis = axis, .channels = &c, .channel_count = 1, .position = -1};
        means[c] = (float)axm_score_value(&score, tensor);
    }
    return means;
}

int32_t actmax_session_strongest(actmax_session *session, const actmax_image *image, int32_t layer, int32_t count,
                                 const actmax_recipe *recipe, actmax_result **out)
{
    (void)recipe;
    axm_message_clear();
    if (!session || !image || !out || count < 0)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "actmax_session_strongest: the session, the image or out is NULL, or count is below 0");
    int32_t value, *order = NULL;
    float *means = NULL;
    axm_plan *plan;
    struct actmax_result *result = NULL;
    int32_t status = axm_model_layer_value(session->model, layer, &value);
    if (status < 0 || (status = axm_session_forward(session, image, &value, 1, &plan)) < 0) return status;
    const axm_tensor *tensor = axm_plan_find(plan, value);
    const char *name = axm_model_value_name(session->model, value);
    if (!tensor || tensor->constant)
        return axm_fail(ACTMAX_ERROR_INVALID, "layer '%.80s' does not depend on the image; choose another", name);
    int32_t axis = axm_channel_axis(session->model->graph, value, &tensor->shape);
    int32_t channels = (int32_t)axm_view_channels(tensor, axis).channels;
    count = count == 0 || count > channels ? channels : count;
    order = axm_alloc_array(session->allocator, (size_t)count, sizeof *order);
    means = means_of(session, tensor, axis, channels);
    status = order && means ? axm_result_new(session->allocator, &result) : ACTMAX_ERROR_NO_MEMORY;
    if (status < 0) goto done;
    if (!axm_all_finite(means, (size_t)channels)) {
        status = axm_fail(ACTMAX_ERROR_NUMERIC,
                          "an activation of layer '%.80s' is infinite or not a number; check the preprocessing", name);
        goto done;
    }
    select_strongest(means, channels, count, order);
    status = fill(session, result, means, channels, order, count);
    means = NULL; /* the result's, also when that failed */
    if (status >= 0) status = axm_result_add_text(result, "layer", name);
    if (status >= 0) {
        *out = result;
        result = NULL;
    }
done:
    axm_free(session->allocator, order);
    axm_free(session->allocator, means);
    actmax_result_free(result);
    return status;
}
