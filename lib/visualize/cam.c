/* Grad-CAM and saliency: one forward, one backward, a map. */
#include "visualize/cam.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "visualize/score.h"

#define LANES    8    /* values side by side; divides AXM_CHANNEL_BLOCK */
#define ROUNDING 1e-6 /* of float32 through a network, relative to the terms that were added up */

/* ---- Running the network ---- */

static int32_t best_channel(const axm_tensor *tensor, int32_t axis)
{
    axm_channel_view v = axm_view_channels(tensor, axis);
    int32_t best = 0;
    double most = -INFINITY, sums[AXM_CHANNEL_BLOCK];
    for (int64_t first = 0; first < v.channels; first += AXM_CHANNEL_BLOCK) {
        int64_t count = axm_sum_channels(v, tensor->data, first, sums);
        for (int64_t c = 0; c < count; ++c) {
            double mean = sums[c] / (double)(v.outer * v.inner);
            if (!(mean > most)) continue;
            most = mean;
            best = (int32_t)(first + c);
        }
    }
    return best;
}

/* Forward, and the gradient of the score at `want`. */
static int32_t run(axm_runner *runner, const axm_input *input, const axm_map_request *r, int32_t want, axm_plan **out, axm_map *map)
{
    int32_t observe[2] = {r->target, want};
    axm_plan_request request = {.image = input->value,
                                .image_shape = axm_input_shape(input, r->height, r->width),
                                .observe = observe,
                                .observe_count = want == input->value ? 1 : 2,
                                .seeds = &r->target,
                                .seed_count = 1,
                                .wants = &want,
                                .want_count = 1,
                                .relu_rule = r->rule,
                                .slice_value = -1};
    axm_plan *plan;
    int32_t status = axm_runner_plan(runner, &request, &plan);
    if (status < 0) return status;
    const axm_tensor *target = axm_plan_find(plan, r->target), *at = axm_plan_find(plan, want);
    const axm_tensor *image = axm_plan_find(plan, input->value);
    if (!target || target->constant || !at || !at->grad)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "the target is not computed from the layer of the map; choose a layer before the target");
    size_t bytes = (size_t)axm_shape_count(&image->shape) * sizeof(float);
    memcpy(image->data, r->network, bytes);
    axm_plan_forward(plan, runner->pool);
    int64_t channels = axm_view_channels(target, r->target_axis).channels;
    if (r->filter >= channels)
        return axm_fail(ACTMAX_ERROR_NOT_FOUND, "there is no filter or class %d: the target has %lld (0 to %lld)", (int)r->filter,
                        (long long)channels, (long long)channels - 1);
    map->filter = r->filter >= 0 ? r->filter : best_channel(target, r->target_axis);
    axm_score score = {.channel_axis = r->target_axis, .channels = &map->filter, .channel_count = 1, .position = -1};
    map->score = axm_score_value(&score, target);
    axm_score_seed(&score, target, 1.0f);
    axm_plan_backward(plan, runner->pool);
    if (!isfinite(map->score) || !axm_all_finite(at->grad, (size_t)axm_shape_count(&at->shape))) {
        const char *layer = axm_plan_find_nonfinite(plan, runner->pool);
        return axm_fail(ACTMAX_ERROR_NUMERIC, "a value became infinite or not a number%s%.80s; check the preprocessing",
                        layer ? " in layer " : "", layer ? layer : "");
    }
    map->modified = r->rule == AXM_RELU_PLAIN ? 0 : axm_plan_relus(plan);
    map->left = axm_plan_other_activations(plan) + (r->rule == AXM_RELU_PLAIN ? axm_plan_relus(plan) : 0);
    *out = plan;
    return ACTMAX_OK;
}

/* ---- Scaling and enlarging ---- */

static void range_of(const float *x, size_t count, double *low, double *high)
{
    float least = INFINITY, most = -INFINITY; /* in double, GCC 12 for ARM would crash on these lines */
    float lows[LANES], highs[LANES];
    size_t at = 0;
    for (size_t l = 0; l < LANES; ++l) {
        lows[l] = least;
        highs[l] = most;
    }
    for (; at + LANES <= count; at += LANES)
        for (size_t l = 0; l < LANES; ++l) {
            lows[l] = x[at + l] < lows[l] ? x[at + l] : lows[l];
            highs[l] = x[at + l] > highs[l] ? x[at + l] : highs[l];
        }
    for (size_t l = 0; l < LANES; ++l) {
        least = fminf(least, lows[l]);
        most = fmaxf(most, highs[l]);
    }
    for (; at < count; ++at) {
        least = fminf(least, x[at]);
        most = fmaxf(most, x[at]);
    }
    *low = (double)least;
    *high = (double)most;
}

/* Scales to [0, 1]; a flat map becomes zeros, which is said by returning true. Flat is what differs by no more than rounding,
 * which scaling would blow up to a picture of nothing. */
static bool scale_map(axm_map_scaling scaling, double epsilon, double rounding, float *x, size_t count)
{
    double low, high;
    range_of(x, count, &low, &high);
    bool flat = !(high - low > rounding) || !(high > rounding);
    if (flat) {
        memset(x, 0, count * sizeof *x);
        return true;
    }
    if (scaling == AXM_MAP_NONE) return false;
    const double base = scaling == AXM_MAP_MINMAX ? low : 0.0, share = 1.0 / (high - base + epsilon);
    for (size_t i = 0; i < count; ++i) {
        double value = ((double)x[i] - base) * share;
        value = value > 0.0 ? value : 0.0;
        x[i] = (float)(value < 1.0 ? value : 1.0);
    }
    return false;
}

/* small (positive part already taken; out->raw_height x out->raw_width) to out->map. */
static int32_t enlarge(axm_runner *runner, const axm_map_request *r, const float *small, double rounding, axm_map *out)
{
    axm_allocator *a = runner->allocator;
    const int32_t *g = r->region;
    size_t photo = (size_t)r->photo_height * (size_t)r->photo_width, seen = (size_t)g[2] * (size_t)g[3];
    const bool whole = seen == photo; /* the network sees all of it */
    float *map = whole ? axm_alloc_array(a, photo, sizeof *map) : axm_calloc_array(a, photo, sizeof *map);
    float *region = whole ? map : axm_alloc_array(a, seen, sizeof *region);
    int32_t status = ACTMAX_ERROR_NO_MEMORY;
    if (!map || !region) goto fail;
    if ((status = axm_resize_float(a, r->resize, small, out->raw_width, out->raw_height, 1, region, g[2], g[3])) < 0) goto fail;
    if (scale_map(r->scaling, r->epsilon, rounding, region, seen))
        out->note = axm_fail(
            ACTMAX_NOTE_FLAT_MAP, "%s",
            (int64_t)out->raw_width * out->raw_height == 1
                ? "the map is flat: the layer is 1 x 1 (keras-vis's rule, cam_layer=listed, takes such ones, too); name one that "
                  "has height and width"
                : "the map is flat: nothing at this layer speaks for the target; it is all zeros");
    for (int32_t y = 0; y < g[3] && !whole; ++y)
        memcpy(map + (size_t)(g[1] + y) * (size_t)r->photo_width + (size_t)g[0], region + (size_t)y * (size_t)g[2],
               (size_t)g[2] * sizeof *map);
    if (!whole) axm_free(a, region);
    out->map = map;
    return ACTMAX_OK;
fail:
    if (!whole) axm_free(a, region);
    axm_free(a, map);
    return status;
}

/* ---- The two maps ---- */

/* keras-vis divides by the maximum with its sign: gradients that are negative everywhere change theirs. */
static void divide_by_maximum(const axm_tensor *at)
{
    size_t count = (size_t)axm_shape_count(&at->shape);
    double low, high;
    range_of(at->grad, count, &low, &high);
    for (size_t i = 0; i < count; ++i)
        at->grad[i] = (float)((double)at->grad[i] / (high + 1e-7));
}

/* Adds the terms of `count` channels to raw, and to `most` the largest size of each channel's terms. */
static void add_terms(axm_channel_view v, const float *data, int64_t first, int64_t count, const float *weight, float *raw,
                      float *most)
{
    for (int64_t o = 0; o < v.outer; ++o) {
        for (int64_t i = 0; i < v.inner; ++i) {
            const float *x = data + (o * v.channels + first) * v.inner + i;
            float term[AXM_CHANNEL_BLOCK] = {0}, part[LANES] = {0};
            for (int64_t c = 0; c < count; ++c)
                term[c] = weight[c] * x[c * v.inner];
            for (int64_t c = 0; c < count; ++c)
                most[c] = fabsf(term[c]) > most[c] ? fabsf(term[c]) : most[c];
            for (size_t c = 0; c < AXM_CHANNEL_BLOCK; c += LANES)
                for (size_t l = 0; l < LANES; ++l)
                    part[l] += term[c + l];
            for (size_t l = 0; l < LANES; ++l)
                raw[o * v.inner + i] += part[l];
        }
    }
}

/* raw = sum over channels of weight times activation. Returns a bound of the terms' sizes: what raw's rounding is relative to. */
static double weigh_channels(const axm_tensor *at, int32_t axis, float *raw)
{
    axm_channel_view v = axm_view_channels(at, axis);
    int64_t positions = v.outer * v.inner;
    double size = 0.0;
    for (int64_t p = 0; p < positions; ++p)
        raw[p] = 0.0f;
    for (int64_t first = 0; first < v.channels; first += AXM_CHANNEL_BLOCK) {
        double sums[AXM_CHANNEL_BLOCK];
        float weight[AXM_CHANNEL_BLOCK], most[AXM_CHANNEL_BLOCK] = {0};
        int64_t count = axm_sum_channels(v, at->grad, first, sums);
        for (int64_t c = 0; c < count; ++c)
            weight[c] = (float)(sums[c] / (double)positions);
        add_terms(v, at->data, first, count, weight, raw, most);
        for (int64_t c = 0; c < count; ++c)
            size += (double)most[c];
    }
    return size;
}

int32_t axm_grad_cam(axm_runner *runner, const axm_input *input, const axm_map_request *r, axm_map *out)
{
    axm_map map = {0};
    axm_plan *plan;
    int32_t status = run(runner, input, r, r->cam, &plan, &map);
    if (status < 0) return status;
    const axm_tensor *at = axm_plan_find(plan, r->cam);
    char text[AXM_SHAPE_TEXT];
    if (at->shape.rank != 4)
        return axm_fail(ACTMAX_ERROR_SHAPE, "Grad-CAM wants a layer with height and width; this one's output is %s",
                        axm_shape_text(&at->shape, text));
    map.raw_height = (int32_t)at->shape.dim[r->cam_axis == 1 ? 2 : 1];
    map.raw_width = (int32_t)at->shape.dim[r->cam_axis == 1 ? 3 : 2];
    map.raw_channels = 1;
    size_t count = (size_t)map.raw_height * (size_t)map.raw_width;
    float *positive = axm_alloc_array(runner->allocator, count, sizeof *positive);
    map.raw = axm_alloc_array(runner->allocator, count, sizeof *map.raw);
    status = positive && map.raw ? ACTMAX_OK : ACTMAX_ERROR_NO_MEMORY;
    if (status >= 0) {
        axm_gradient_modify(r->modifier, at->grad, (size_t)axm_shape_count(&at->shape));
        if (r->max_gradient) divide_by_maximum(at);
        double size = weigh_channels(at, r->cam_axis, map.raw);
        for (size_t i = 0; i < count; ++i)
            positive[i] = fmaxf(map.raw[i], 0.0f);
        status = enlarge(runner, r, positive, ROUNDING * size, &map);
    }
    if (status >= 0 && r->rule != AXM_RELU_PLAIN && map.modified == 0) {
        const char *words = "the backprop modifier met no ReLU between the target and the layer of the map: same map as 'none'";
        map.note = map.note ? axm_fail_within(map.note, "%s", words) : axm_fail(ACTMAX_NOTE_NOT_MODIFIED, "%s", words);
    }
    axm_free(runner->allocator, positive);
    if (status < 0) {
        axm_free(runner->allocator, map.raw);
        return status;
    }
    *out = map;
    return map.note;
}

int32_t axm_saliency(axm_runner *runner, const axm_input *input, const axm_map_request *r, axm_map *out)
{
    axm_map map = {0};
    axm_plan *plan;
    int32_t status = run(runner, input, r, input->value, &plan, &map);
    if (status < 0) return status;
    if (r->rule != AXM_RELU_PLAIN && map.modified == 0)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "the backprop modifier acts on ReLU only, and this network has none on the way (%d other activations); use "
                        "backprop=none",
                        (int)map.left);
    float *grad = axm_plan_find(plan, input->value)->grad;
    int32_t channels = axm_input_channels(input);
    size_t count = (size_t)r->height * (size_t)r->width;
    map.raw_height = r->height;
    map.raw_width = r->width;
    map.raw_channels = channels;
    float *largest = axm_calloc_array(runner->allocator, count, sizeof *largest);
    map.raw = axm_alloc_array(runner->allocator, count * (size_t)channels, sizeof *map.raw);
    status = largest && map.raw ? ACTMAX_OK : ACTMAX_ERROR_NO_MEMORY;
    if (status >= 0) {
        memcpy(map.raw, grad, count * (size_t)channels * sizeof *map.raw);
        axm_gradient_modify(r->modifier, grad, count * (size_t)channels);
        float most = 0.0f;
        for (size_t i = 0; i < count * (size_t)channels; ++i) {
            float *at = &largest[i / (size_t)channels];
            *at = i % (size_t)channels == 0 ? grad[i] : fmaxf(*at, grad[i]);
            most = fmaxf(most, fabsf(grad[i]));
        }
        status = enlarge(runner, r, largest, ROUNDING * (double)most, &map);
    }
    axm_free(runner->allocator, largest);
    if (status < 0) {
        axm_free(runner->allocator, map.raw);
        return status;
    }
    *out = map;
    return map.note;
}
