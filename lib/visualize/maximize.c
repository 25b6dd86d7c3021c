/* The maximisation loop. Everything is planned and allocated before the first step. */
#include "visualize/maximize.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "visualize/picture.h"
#include "visualize/score.h"

/* How the network is run for the picture of one scale. */
typedef struct job {
    axm_runner *runner;
    const axm_input *input;
    const axm_maximize_target *target;
    const axm_maximize_settings *settings;
    axm_extent extent[AXM_SCALES_MOST];
    int32_t scales, scale;
    axm_plan *plan;
    axm_score score;
    int32_t *positions; /* of the wanted filters in the plan's tensor */
    axm_picture picture;
    bool dropped;
    struct actmax_progress progress;
    double started;
} job;

/* ---- Preparation ---- */

static void set_extents(job *j)
{
    const axm_scale_rule *rule = &j->settings->scale_rule;
    int32_t widths[AXM_SCALES_MOST], heights[AXM_SCALES_MOST];
    axm_scale_sides(rule, rule->first_width, j->settings->width, widths);
    axm_scale_sides(rule, rule->first_height, j->settings->height, heights);
    for (int32_t i = 0; i < rule->scales; ++i)
        j->extent[i] = (axm_extent){widths[i], heights[i], axm_input_channels(j->input)};
    j->scales = rule->scales;
}

static int32_t make_plan(job *j, int32_t scale)
{
    const axm_maximize_target *t = j->target;
    bool slice = t->filter_count > 0 && t->channel_axis == 1;
    axm_plan_request request = {.image = j->input->value,
                                .image_shape = axm_input_shape(j->input, j->extent[scale].height, j->extent[scale].width),
                                .observe = &t->value,
                                .observe_count = 1,
                                .seeds = &t->value,
                                .seed_count = 1,
                                .wants = &j->input->value,
                                .want_count = 1,
                                .slice_value = slice ? t->value : -1,
                                .slice_channels = t->wanted,
                                .slice_count = slice ? t->wanted_count : 0};
    int32_t status = axm_runner_plan(j->runner, &request, &j->plan);
    if (status < 0) return status;
    const axm_tensor *tensor = axm_plan_find(j->plan, t->value);
    const axm_tensor *image = axm_plan_find(j->plan, j->input->value);
    if (!tensor || tensor->constant || !image || !image->grad)
        return axm_fail(ACTMAX_ERROR_INVALID, "the target does not depend on the image input; choose another layer");
    for (int32_t k = 0; k < t->filter_count; ++k) {
        j->positions[k] = t->filters[k];
        for (int32_t u = 0; axm_plan_sliced(j->plan) && u < t->wanted_count; ++u)
            if (t->wanted[u] == t->filters[k]) j->positions[k] = u;
    }
    j->score = (axm_score){.channel_axis = t->channel_axis,
                           .channels = t->filter_count ? j->positions : NULL,
                           .channel_count = t->filter_count,
                           .position = -1};
    status = axm_score_border(&j->score, tensor, j->settings->border);
    if (status < 0) return status;
    return axm_score_position(tensor, t->channel_axis, j->settings->neuron_y, j->settings->neuron_x, &j->score.position);
}

/* ---- One evaluation ---- */

/* The objective of a picture in these units, as it is. */
static double evaluate(job *j, axm_units units, const float *x)
{
    axm_extent extent = j->extent[j->scale];
    const axm_tensor *image = axm_plan_find(j->plan, j->input->value);
    axm_units_to_network(j->input, units, x, (size_t)extent.width * (size_t)extent.height, image->data);
    axm_plan_forward(j->plan, j->runner->pool);
    return axm_score_value(&j->score, axm_plan_find(j->plan, j->target->value));
}

/* The objective of what is in `front`, and in its place the gradient of the target's part of the loss. */
static double evaluate_with_gradient(job *j, float *front)
{
    const axm_maximize_settings *s = j->settings;
    axm_extent extent = j->extent[j->scale];
    double objective = evaluate(j, s->units, front);
    axm_score_seed(&j->score, axm_plan_find(j->plan, j->target->value), (float)-s->target_weight);
    axm_plan_backward(j->plan, j->runner->pool);
    axm_units_gradient(j->input, s->units, axm_plan_find(j->plan, j->input->value)->grad,
                       (size_t)extent.width * (size_t)extent.height, front);
    return objective;
}

static int32_t check_finite(job *j)
{
    if (isfinite(j->picture.loss) && axm_all_finite(j->picture.g, axm_extent_values(j->extent[j->scale]))) return ACTMAX_OK;
    const char *layer = axm_plan_find_nonfinite(j->plan, j->runner->pool);
    return axm_fail(ACTMAX_ERROR_NUMERIC,
                    "a value became infinite or not a number%s%.80s at step %lld; check the preprocessing and the step size",
                    layer ? " in layer " : "", layer ? layer : "", (long long)j->progress.step);
}

/* ---- The loop ---- */

/* Tells the caller of the step; *note is set when the run is to end. */
static void report(job *j, int32_t *note)
{
    const axm_maximize_settings *s = j->settings;
    const axm_picture *p = &j->picture;
    size_t count = (size_t)p->extent.width * (size_t)p->extent.height;
    j->progress.seconds = axm_seconds() - j->started;
    j->progress.objective = p->objective;
    j->progress.loss = p->loss;
    j->progress.lp_norm = p->lp_norm;
    j->progress.total_variation = p->total_variation;
    j->progress.pixels = s->units == AXM_UNITS_PIXEL ? p->x : p->shown;
    j->progress.width = p->extent.width;
    j->progress.height = p->extent.height;
    if (s->callback && s->units != AXM_UNITS_PIXEL) axm_units_to_pixels(j->input, s->units, p->x, count, p->shown);
    if (s->callback && s->callback(s->callback_user, &j->progress))
        *note = ACTMAX_NOTE_STOPPED;
    else if (s->time_limit > 0.0 && j->progress.seconds >= s->time_limit)
        *note = ACTMAX_NOTE_TIME_LIMIT;
}

static int64_t steps_of(const axm_maximize_settings *s, int32_t scale)
{
    bool late = s->late_steps != 1.0 && 2 * scale > s->scale_rule.scales;
    if (scale == s->scale_rule.scales - 1 && !s->last_scale) return 0;
    return late ? (int64_t)fmax((double)s->steps * s->late_steps, 1.0) : s->steps;
}

/* The steps of one scale. *note is set when the run is to end. */
static int32_t run_scale(job *j, bool *dead, int32_t *note)
{
    const axm_maximize_settings *s = j->settings;
    axm_picture *p = &j->picture;
    bool last = j->scale == j->scales - 1;
    int64_t steps = steps_of(s, j->scale);
    axm_picture_begin(p, (axm_exec){.kernels = j->runner->kernels, .pool = j->runner->pool});
    *dead = s->dead_tries > 0 && steps > 0;
    for (int64_t i = 1; i <= steps && !*note && !j->dropped; ++i) {
        j->progress.step++;
        axm_picture_look(p, j->progress.step);
        axm_picture_pull(p, evaluate_with_gradient(j, p->front));
        int32_t status = check_finite(j);
        if (status < 0) return status;
        *dead = *dead && p->zero;
        if (*dead && i >= 5) return ACTMAX_OK; /* transforms had their chance to find a reaction */
        if (last) axm_picture_keep(p, false);
        axm_picture_update(p, i);
        if (last) axm_picture_keep(p, true);
        report(j, note);
        j->dropped = s->drops && p->objective <= s->drop_below;
    }
    axm_parameters_render(&p->parameters, p->x);
    bool best = s->keep != AXM_KEEP_LAST || *note;
    if (last && p->have_best && best) memcpy(p->x, p->best, axm_extent_values(p->extent) * sizeof *p->x);
    return ACTMAX_OK;
}

/* Takes the picture from the scale it is at to another one. */
static int32_t change_scale(job *j, int32_t to)
{
    int32_t status = axm_picture_enlarge(&j->picture, j->runner->allocator, j->extent[to]);
    if (status < 0) return status;
    j->scale = to;
    return make_plan(j, to);
}

static int32_t begin_at_first_scale(job *j)
{
    int32_t status;
    j->scale = 0;
    j->picture.extent = j->extent[0];
    if ((status = make_plan(j, 0)) < 0) return status;
    return axm_picture_start(&j->picture, j->runner->allocator);
}

static int32_t run_all_scales(job *j, bool *dead, int32_t *note)
{
    j->progress.step = 0;
    int32_t status = begin_at_first_scale(j);
    if (status >= 0) status = run_scale(j, dead, note);
    for (int32_t scale = 1; scale < j->scales && status >= 0 && !*dead; ++scale) {
        bool ended = *note || j->dropped, ignored;
        if (ended && scale < j->scales - 1) continue; /* straight to the final size */
        j->progress.scale = scale + 1;
        status = change_scale(j, ended ? j->scales - 1 : scale);
        if (status >= 0 && !ended) status = run_scale(j, &ignored, note);
    }
    return status;
}

/* Whether nobody would see anything: in each channel the pixels deviate from their mean by less than 2 of 255. */
static bool is_flat(const float *pixels, axm_extent extent)
{
    size_t count = (size_t)extent.width * (size_t)extent.height, channels = (size_t)extent.channels;
    for (size_t c = 0; c < channels; ++c) {
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i < count; ++i) {
            double v = (double)pixels[i * channels + c];
            sum += v;
            squares += v * v;
        }
        double mean = sum / (double)count;
        if (squares / (double)count - mean * mean >= 4.0) return false;
    }
    return true;
}

/* What is to be said of the run; `shown` is the saved picture before it is cropped. */
static int32_t note_of(const job *j, bool dead, int32_t note, const float *shown, const axm_maximize_outcome *out)
{
    if (note) /* who stopped the first seed is told that, not that all were tried */
        return axm_fail(note, "stopped %s after %lld steps; the best picture so far was kept",
                        note == ACTMAX_NOTE_STOPPED ? "by the caller" : "at the time limit", (long long)out->steps);
    if (dead)
        return axm_fail(ACTMAX_NOTE_DEAD_TARGET,
                        "the target does not react to the image: its gradient stayed zero for %d seeds; try the layer before its "
                        "activation, another filter, or another preprocessing",
                        j->settings->dead_tries);
    if (j->dropped)
        return axm_fail(ACTMAX_NOTE_DEAD_TARGET,
                        "dropped: the activation was %.6g after step %lld, not above drop_below (%g); try another filter or seed",
                        j->picture.objective, (long long)out->steps, j->settings->drop_below);
    if (is_flat(shown, j->extent[j->scale]))
        return axm_fail(ACTMAX_NOTE_NO_RISE, "the picture is flat; take the layer after the activation (a plain colour can excite "
                                             "a convolution the most), check the preprocessing, or raise learning_rate and steps");
    if (!(out->end > out->start) && j->settings->target_weight > 0.0)
        return axm_fail(ACTMAX_NOTE_NO_RISE,
                        "the activation did not rise (%.6g to %.6g); check the preprocessing, or change learning_rate and steps",
                        out->start, out->end);
    return ACTMAX_OK;
}

/* Cuts the edges off, in place. */
static void crop(float *x, axm_extent extent, int32_t edge, axm_maximize_outcome *out)
{
    size_t row = (size_t)extent.width * (size_t)extent.channels, left = (size_t)edge * (size_t)extent.channels;
    out->shown_width = extent.width - 2 * edge;
    out->shown_height = extent.height - 2 * edge;
    for (int32_t y = 0; edge && y < out->shown_height; ++y)
        memmove(x + (size_t)y * (row - 2 * left), x + (size_t)(y + edge) * row + left, (row - 2 * left) * sizeof *x);
}

/* Scores and notes of what came out. */
static int32_t finish(job *j, bool dead, int32_t note, axm_maximize_outcome *out)
{
    const axm_maximize_settings *s = j->settings;
    axm_picture *p = &j->picture;
    axm_extent extent = j->extent[j->scales - 1];
    size_t count = (size_t)extent.width * (size_t)extent.height;
    int32_t status = ACTMAX_OK;
    if (j->scale != j->scales - 1 && (status = change_scale(j, j->scales - 1)) < 0) return status;
    out->end = evaluate(j, s->units, p->x);
    out->last = p->objective;
    axm_units_to_pixels(j->input, s->units, p->x, count, p->shown);
    axm_display_levels(&s->display, p->shown, axm_extent_values(extent), p->spare);
    out->saved = evaluate(j, AXM_UNITS_PIXEL, p->spare);
    if (!isfinite(out->end) || !isfinite(out->saved)) {
        p->loss = NAN;
        return check_finite(j);
    }
    out->steps = j->progress.step;
    out->seconds = axm_seconds() - j->started;
    out->height = extent.height;
    out->width = extent.width;
    out->channels = extent.channels;
    out->seed_used = p->key.seed;
    out->note = note_of(j, dead, note, p->spare, out);
    axm_units_to_network(j->input, s->units, p->x, count, p->back);
    crop(p->spare, extent, s->display.crop, out);
    out->network = p->back;
    out->shown = p->spare;
    p->back = p->spare = NULL;
    return ACTMAX_OK;
}

/* The objective of the start image, brought to the final size. */
static int32_t score_start(job *j, double *out)
{
    int32_t status = begin_at_first_scale(j);
    if (status < 0) return status;
    if (j->scales > 1 && (status = change_scale(j, j->scales - 1)) < 0) return status;
    *out = evaluate(j, j->settings->units, j->picture.x);
    return ACTMAX_OK;
}

static int32_t prepare(job *j)
{
    const axm_maximize_settings *s = j->settings;
    int32_t status;
    set_extents(j);
    axm_extent last = j->extent[j->scales - 1];
    for (int32_t scale = 0; scale < j->scales; ++scale)
        j->progress.steps += steps_of(s, scale);
    j->progress.scales = j->scales;
    j->progress.scale = 1;
    j->progress.picture = j->target->picture;
    j->progress.pictures = j->target->pictures;
    j->progress.channels = last.channels;
    if (2 * (int64_t)s->display.crop >= (last.width < last.height ? last.width : last.height))
        return axm_fail(ACTMAX_ERROR_INVALID, "display_crop %d leaves nothing of a picture of %d x %d; lower it, or raise size",
                        (int)s->display.crop, (int)last.width, (int)last.height);
    if (s->enlarging >= AXM_ENLARGE_8BIT && j->scales > 1 && last.channels != 1 && last.channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "scale_filter=8bit wants a network of 1 or 3 channels; take cubic");
    j->positions = axm_calloc_array(j->runner->allocator, (size_t)j->target->filter_count + 1, sizeof *j->positions);
    if (!j->positions) return ACTMAX_ERROR_NO_MEMORY;
    if ((status = axm_picture_allocate(&j->picture, j->runner->allocator, last)) < 0) return status;
    for (int32_t scale = 0; scale < j->scales; ++scale) /* whatever can fail, fails before the first step */
        if ((status = make_plan(j, scale)) < 0) return status;
    return ACTMAX_OK;
}

int32_t axm_maximize(axm_runner *runner, const axm_input *input, const axm_maximize_target *target,
                     const axm_maximize_settings *settings, axm_maximize_outcome *out)
{
    job j = {.runner = runner, .input = input, .target = target, .settings = settings};
    bool dead = true;
    int32_t note = 0, status;
    axm_maximize_outcome outcome = {0};
    j.started = axm_seconds();
    j.picture.settings = settings;
    j.picture.input = input;
    j.picture.key.image = (uint32_t)target->image_index;
    if ((status = prepare(&j)) < 0) goto done;
    int32_t tries = settings->dead_tries > 0 ? settings->dead_tries : 1;
    for (int32_t attempt = 0; attempt < tries && dead && !note; ++attempt) {
        j.picture.key.seed = settings->seed + (uint64_t)attempt;
        if ((status = score_start(&j, &outcome.start)) < 0) goto done;
        if ((status = run_all_scales(&j, &dead, &note)) < 0) goto done;
    }
    if ((status = finish(&j, dead, note, &outcome)) < 0) goto done;
    *out = outcome;
    status = outcome.note;
done:
    axm_picture_release(&j.picture, runner->allocator);
    axm_free(runner->allocator, j.positions);
    return status;
}
