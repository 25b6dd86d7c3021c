/* The maximisation loop. Everything is planned and allocated before the first step. */
#include "visualize/maximize.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"
#include "visualize/parameters.h"
#include "visualize/score.h"

#define DEAD_TRIES  3
#define SCALES_MOST 64

typedef struct job {
    axm_runner *runner;
    const axm_input *input;
    const axm_maximize_target *target;
    const axm_maximize_settings *settings;
    axm_extent extent[SCALES_MOST];
    int32_t scale;
    axm_plan *plan;
    axm_score score;
    int32_t *positions; /* of the wanted filters in the plan's tensor */
    axm_parameters parameters;
    /* One picture each: as rendered, before and after transforms, gradient, best so far. */
    float *pixels, *front, *back, *g_pixels, *best, *spare;
    float *g_values, *state; /* parameters' gradient, optimizer's state */
    double plans_drawn[AXM_MAXIMIZE_PARTS][8];
    double best_loss, best_objective;
    bool have_best;
    struct actmax_progress progress;
    double started;
    uint64_t seed;
} job;

/* ---- Preparation ---- */

static size_t picture_size(axm_extent extent)
{
    return (size_t)extent.width * (size_t)extent.height * (size_t)extent.channels;
}

static void set_extents(job *j)
{
    const axm_maximize_settings *s = j->settings;
    for (int32_t i = 0; i < s->scales; ++i) {
        double shrink = pow(s->scale_factor, (double)(s->scales - 1 - i));
        double w = floor((double)s->width / shrink + 0.5), h = floor((double)s->height / shrink + 0.5);
        j->extent[i] = (axm_extent){(int32_t)fmax(w, 1.0), (int32_t)fmax(h, 1.0), axm_input_channels(j->input)};
    }
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
    j->score = (axm_score){t->channel_axis, t->filter_count ? j->positions : NULL, t->filter_count, -1};
    return axm_score_position(tensor, t->channel_axis, j->settings->neuron_y, j->settings->neuron_x, &j->score.position);
}

static int32_t allocate(job *j)
{
    axm_extent most = j->extent[j->settings->scales - 1];
    size_t picture = picture_size(most), values = axm_parameters_most(j->settings->pyramid, most), bytes;
    size_t states = (size_t)j->settings->optimizer->state_arrays;
    if (!axm_mul_size(picture, 16 * sizeof(float), &bytes) || !axm_mul_size(values, (states + 4) * sizeof(float), &bytes))
        return axm_fail(ACTMAX_ERROR_LIMIT, "a picture of this size is larger than can be counted");
    axm_allocator *a = j->runner->allocator;
    float **buffers[] = {&j->pixels, &j->front, &j->back,           &j->g_pixels,
                         &j->best,   &j->spare, &j->parameters.sum, &j->parameters.scaled};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; ++i)
        if (!(*buffers[i] = axm_calloc_array(a, picture, sizeof(float)))) return ACTMAX_ERROR_NO_MEMORY;
    j->parameters.values = axm_calloc_array(a, values, sizeof(float));
    j->g_values = axm_calloc_array(a, values, sizeof(float));
    j->state = axm_calloc_array(a, values, (states ? states : 1) * sizeof(float));
    j->positions = axm_calloc_array(a, (size_t)j->target->filter_count + 1, sizeof *j->positions);
    return j->parameters.values && j->g_values && j->state && j->positions ? ACTMAX_OK : ACTMAX_ERROR_NO_MEMORY;
}

static void release(job *j)
{
    axm_allocator *a = j->runner->allocator;
    void *buffers[] = {j->pixels,
                       j->front,
                       j->back,
                       j->g_pixels,
                       j->best,
                       j->spare,
                       j->parameters.sum,
                       j->parameters.scaled,
                       j->parameters.values,
                       j->g_values,
                       j->state,
                       j->positions};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; ++i)
        axm_free(a, buffers[i]);
}

/* ---- One evaluation ---- */

/* The objective of a picture as it is, without transforms. */
static double evaluate(job *j, const float *pixels)
{
    axm_extent extent = j->extent[j->scale];
    const axm_tensor *image = axm_plan_find(j->plan, j->input->value);
    axm_input_from_pixels(j->input, pixels, (size_t)extent.width * (size_t)extent.height, image->data);
    axm_plan_forward(j->plan, j->runner->pool);
    return axm_score_value(&j->score, axm_plan_find(j->plan, j->target->value));
}

static void scale_gradient(axm_gradient_scaling kind, float *g, size_t count)
{
    double sum = 0.0, most = 0.0;
    if (kind == AXM_GRADIENT_NONE) return;
    for (size_t i = 0; i < count; ++i) {
        sum += (double)g[i] * (double)g[i];
        most = fmax(most, fabs((double)g[i]));
    }
    double size = kind == AXM_GRADIENT_MAX ? most : kind == AXM_GRADIENT_L2 ? sqrt(sum) : sqrt(sum / (double)count);
    if (!(size > 0.0)) return;
    float factor = (float)(1.0 / size);
    for (size_t i = 0; i < count; ++i)
        g[i] *= factor;
}

/* Objective and loss of the rendered pixels under this step's transforms; the loss's gradient in g_pixels. */
static void evaluate_with_gradient(job *j, int64_t step, bool *zero)
{
    const axm_maximize_settings *s = j->settings;
    axm_extent extent = j->extent[j->scale];
    size_t count = (size_t)extent.width * (size_t)extent.height, values = count * (size_t)extent.channels;
    axm_rng_key key = {j->seed, (uint32_t)j->target->image_index, (uint32_t)step};
    memcpy(j->front, j->pixels, values * sizeof *j->front);
    for (int32_t t = 0; t < s->transform_count; ++t) {
        s->transforms[t].modifier->draw(s->transforms[t].values, extent, key, (uint64_t)t * 64, j->plans_drawn[t]);
        s->transforms[t].modifier->forward(j->plans_drawn[t], extent, j->front, j->back);
        float *swap = j->front;
        j->front = j->back;
        j->back = swap;
    }
    j->progress.objective = evaluate(j, j->front);
    axm_score_seed(&j->score, axm_plan_find(j->plan, j->target->value), -1.0f);
    axm_plan_backward(j->plan, j->runner->pool);
    axm_input_gradient(j->input, axm_plan_find(j->plan, j->input->value)->grad, count, j->front);
    for (int32_t t = s->transform_count - 1; t >= 0; --t) {
        s->transforms[t].modifier->adjoint(j->plans_drawn[t], extent, j->front, j->back);
        float *swap = j->front;
        j->front = j->back;
        j->back = swap;
    }
    memcpy(j->g_pixels, j->front, values * sizeof *j->g_pixels);
    *zero = true;
    for (size_t i = 0; i < values && *zero; ++i)
        *zero = j->g_pixels[i] == 0.0f;
    scale_gradient(s->gradient, j->g_pixels, values);
    j->progress.loss = -j->progress.objective;
    for (int32_t p = 0; p < s->penalty_count; ++p) {
        const axm_penalty *penalty = &s->penalties[p];
        double value = penalty->regularizer->add(penalty->weight, penalty->power, extent, j->pixels, j->g_pixels);
        if (strcmp(penalty->regularizer->name, "lp_norm") == 0)
            j->progress.lp_norm = value;
        else
            j->progress.total_variation = value;
        j->progress.loss += penalty->weight * value;
    }
}

static int32_t check_finite(job *j)
{
    if (isfinite(j->progress.loss) && axm_all_finite(j->g_pixels, picture_size(j->extent[j->scale]))) return ACTMAX_OK;
    const char *layer = axm_plan_find_nonfinite(j->plan, j->runner->pool);
    return axm_fail(ACTMAX_ERROR_NUMERIC,
                    "a value became infinite or not a number%s%.80s at step %lld; check the preprocessing and the step size",
                    layer ? " in layer " : "", layer ? layer : "", (long long)j->progress.step);
}

/* ---- The loop ---- */

static void start_picture(job *j)
{
    const axm_maximize_settings *s = j->settings;
    size_t values = picture_size(j->extent[0]);
    axm_rng_key key = {j->seed, (uint32_t)j->target->image_index, AXM_RNG_START};
    for (size_t i = 0; i < values; ++i) {
        float u = s->noise ? 2.0f * axm_rng_uniform(key, i) - 1.0f : 0.0f;
        j->pixels[i] = fminf(fmaxf((float)s->start_mean + (float)s->start_range * u, 0.0f), 255.0f);
    }
}

static int32_t first_picture(job *j)
{
    const axm_maximize_settings *s = j->settings;
    axm_extent final = j->extent[s->scales - 1], first = j->extent[0];
    if (!s->start_pixels) {
        start_picture(j);
        return ACTMAX_OK;
    }
    if (s->scales == 1) {
        memcpy(j->pixels, s->start_pixels, picture_size(final) * sizeof *j->pixels);
        return ACTMAX_OK;
    }
    return axm_resize_float(j->runner->allocator, AXM_HALF_PIXEL_BILINEAR, s->start_pixels, final.width, final.height,
                            final.channels, j->pixels, first.width, first.height);
}

static void optimizer_step(job *j, int64_t step)
{
    const axm_maximize_settings *s = j->settings;
    axm_optimizer_settings settings = s->optimizer_settings;
    settings.learning_rate *= axm_parameters_unit(&j->parameters);
    axm_parameters_gradient(&j->parameters, j->pixels, j->g_pixels, j->g_values);
    s->optimizer->update(&settings, step, j->parameters.count, j->g_values, j->state, j->parameters.values);
    if (!s->clip || s->pyramid) return;
    for (size_t i = 0; i < j->parameters.count; ++i)
        j->parameters.values[i] = fminf(fmaxf(j->parameters.values[i], 0.0f), 255.0f);
}

static void keep_if_best(job *j)
{
    if (j->have_best && !(j->progress.loss < j->best_loss)) return;
    j->have_best = true;
    j->best_loss = j->progress.loss;
    memcpy(j->best, j->pixels, picture_size(j->extent[j->scale]) * sizeof *j->best);
}

/* The steps of one scale. *note is set when the run is to end. */
static int32_t run_scale(job *j, bool *dead, int32_t *note)
{
    const axm_maximize_settings *s = j->settings;
    bool last = j->scale == s->scales - 1;
    axm_extent extent = j->extent[j->scale];
    j->parameters.contrast = s->contrast;
    j->parameters.exec = (axm_exec){.kernels = j->runner->kernels, .pool = j->runner->pool};
    axm_parameters_start(&j->parameters, s->pyramid, extent, j->pixels);
    memset(j->state, 0, j->parameters.count * (size_t)s->optimizer->state_arrays * sizeof *j->state);
    j->have_best = false;
    *dead = true;
    for (int64_t i = 1; i <= s->steps && !*note; ++i) {
        bool zero;
        axm_parameters_render(&j->parameters, j->pixels);
        j->progress.step++;
        evaluate_with_gradient(j, j->progress.step, &zero);
        int32_t status = check_finite(j);
        if (status < 0) return status;
        *dead = *dead && zero;
        if (*dead && i >= 5) return ACTMAX_OK; /* transforms had their chance to find a reaction */
        if (last) keep_if_best(j);
        optimizer_step(j, i);
        j->progress.seconds = axm_seconds() - j->started;
        j->progress.pixels = j->pixels;
        j->progress.width = extent.width;
        j->progress.height = extent.height;
        if (s->callback && s->callback(s->callback_user, &j->progress))
            *note = ACTMAX_NOTE_STOPPED;
        else if (s->time_limit > 0.0 && j->progress.seconds >= s->time_limit)
            *note = ACTMAX_NOTE_TIME_LIMIT;
    }
    axm_parameters_render(&j->parameters, j->pixels);
    if (last && j->have_best && (s->keep_best || *note)) memcpy(j->pixels, j->best, picture_size(extent) * sizeof *j->pixels);
    return ACTMAX_OK;
}

/* Takes the picture from the scale it is at to another one. */
static int32_t change_scale(job *j, int32_t to)
{
    const axm_maximize_settings *s = j->settings;
    axm_extent from = j->extent[j->scale], extent = j->extent[to];
    if (from.width != extent.width || from.height != extent.height) {
        int32_t status = axm_resize_float(j->runner->allocator, s->scale_bilinear ? AXM_HALF_PIXEL_BILINEAR : AXM_HALF_PIXEL_CUBIC,
                                          j->pixels, from.width, from.height, from.channels, j->spare, extent.width, extent.height);
        if (status < 0) return status;
        float *swap = j->pixels;
        j->pixels = j->spare;
        j->spare = swap;
    }
    const axm_modifier *blur = axm_modifier_find("blur");
    if (s->scale_blur > 0.0 && blur) {
        double values[4] = {s->scale_blur}, drawn[8] = {0};
        axm_rng_key key = {0};
        blur->draw(values, extent, key, 0, drawn);
        blur->forward(drawn, extent, j->pixels, j->spare);
        float *swap = j->pixels;
        j->pixels = j->spare;
        j->spare = swap;
    }
    for (size_t i = 0; (s->clip || s->pyramid) && i < picture_size(extent); ++i) /* cubic resampling overshoots */
        j->pixels[i] = fminf(fmaxf(j->pixels[i], 0.0f), 255.0f);
    j->scale = to;
    return make_plan(j, to);
}

static int32_t run_all_scales(job *j, bool *dead, int32_t *note)
{
    const axm_maximize_settings *s = j->settings;
    j->progress.step = 0;
    j->scale = 0;
    int32_t status = make_plan(j, 0);
    if (status >= 0) status = first_picture(j);
    if (status >= 0) status = run_scale(j, dead, note);
    for (int32_t scale = 1; scale < s->scales && status >= 0 && !*dead; ++scale) {
        if (*note && scale < s->scales - 1) continue; /* stopped: straight to the final size */
        bool ignored;
        j->progress.scale = scale + 1;
        status = change_scale(j, *note ? s->scales - 1 : scale);
        if (status >= 0 && !*note) status = run_scale(j, &ignored, note);
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

/* Scores and notes of what came out. */
static int32_t finish(job *j, bool dead, int32_t note, axm_maximize_outcome *out)
{
    const axm_maximize_settings *s = j->settings;
    axm_extent extent = j->extent[s->scales - 1];
    int32_t status = ACTMAX_OK;
    if (j->scale != s->scales - 1 && (status = change_scale(j, s->scales - 1)) < 0) return status;
    out->end = evaluate(j, j->pixels);
    axm_pixels_round(j->pixels, picture_size(extent), j->spare);
    out->saved = evaluate(j, j->spare);
    if (!isfinite(out->end) || !isfinite(out->saved)) return check_finite(j);
    out->steps = j->progress.step;
    out->seconds = axm_seconds() - j->started;
    out->height = extent.height;
    out->width = extent.width;
    out->channels = extent.channels;
    out->seed_used = j->seed;
    out->note = note;
    if (dead && !note) { /* who stopped the first seed is told that, not that all were tried */
        out->note =
            axm_fail(ACTMAX_NOTE_DEAD_TARGET,
                     "the target does not react to the image: its gradient stayed zero for %d seeds; try the layer before its "
                     "activation, another filter, or another preprocessing",
                     DEAD_TRIES);
    } else if (!note && is_flat(j->spare, extent)) {
        out->note =
            axm_fail(ACTMAX_NOTE_NO_RISE, "the picture is flat; take the layer after the activation (a plain colour can excite "
                                          "a convolution the most), check the preprocessing, or raise learning_rate and steps");
    } else if (!note && !(out->end > out->start)) {
        out->note =
            axm_fail(ACTMAX_NOTE_NO_RISE,
                     "the activation did not rise (%.6g to %.6g); check the preprocessing, or change learning_rate and steps",
                     out->start, out->end);
    } else if (note) {
        axm_fail(note, "stopped %s after %lld steps; the best picture so far was kept",
                 note == ACTMAX_NOTE_STOPPED ? "by the caller" : "at the time limit", (long long)out->steps);
    }
    out->pixels = j->pixels;
    j->pixels = NULL;
    return ACTMAX_OK;
}

/* The objective of the start image, brought to the final size. */
static int32_t score_start(job *j, double *out)
{
    int32_t status;
    j->scale = 0;
    if ((status = make_plan(j, 0)) < 0 || (status = first_picture(j)) < 0) return status;
    if (j->settings->scales > 1 && (status = change_scale(j, j->settings->scales - 1)) < 0) return status;
    *out = evaluate(j, j->pixels);
    return ACTMAX_OK;
}

int32_t axm_maximize(axm_runner *runner, const axm_input *input, const axm_maximize_target *target,
                     const axm_maximize_settings *settings, axm_maximize_outcome *out)
{
    job j = {.runner = runner, .input = input, .target = target, .settings = settings, .seed = settings->seed};
    bool dead = true;
    int32_t note = 0, status;
    axm_maximize_outcome outcome = {0};
    j.started = axm_seconds();
    j.progress.steps = settings->steps * settings->scales;
    j.progress.scales = settings->scales;
    j.progress.scale = 1;
    j.progress.picture = target->picture;
    j.progress.pictures = target->pictures;
    set_extents(&j);
    j.progress.channels = j.extent[0].channels;
    if ((status = allocate(&j)) < 0) goto done;
    for (int32_t scale = 0; scale < settings->scales; ++scale) /* whatever can fail, fails before the first step */
        if ((status = make_plan(&j, scale)) < 0) goto done;
    for (int32_t attempt = 0; attempt < DEAD_TRIES && dead && !note; ++attempt) {
        j.seed = settings->seed + (uint64_t)attempt;
        if ((status = score_start(&j, &outcome.start)) < 0) goto done;
        if ((status = run_all_scales(&j, &dead, &note)) < 0) goto done;
    }
    if ((status = finish(&j, dead, note, &outcome)) < 0) goto done;
    *out = outcome;
    status = outcome.note;
done:
    release(&j);
    return status;
}
