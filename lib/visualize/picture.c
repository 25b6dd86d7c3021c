/* One picture under optimisation. */
#include "visualize/picture.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/status.h"

size_t axm_extent_values(axm_extent extent)
{
    return (size_t)extent.width * (size_t)extent.height * (size_t)extent.channels;
}

static size_t positions(const axm_picture *p)
{
    return (size_t)p->extent.width * (size_t)p->extent.height;
}

static void swap(float **a, float **b)
{
    float *c = *a;
    *a = *b;
    *b = c;
}

/* ---- Memory ---- */

int32_t axm_picture_allocate(axm_picture *p, axm_allocator *allocator, axm_extent most)
{
    size_t picture = axm_extent_values(most), values = axm_parameters_most(p->settings->pyramid, most), bytes;
    size_t states = (size_t)p->settings->optimizer->state_arrays;
    if (!axm_mul_size(picture, 16 * sizeof(float), &bytes) || !axm_mul_size(values, (states + 4) * sizeof(float), &bytes))
        return axm_fail(ACTMAX_ERROR_LIMIT, "a picture of this size is larger than can be counted");
    float **buffers[] = {
        &p->x, &p->front, &p->back, &p->g, &p->best, &p->spare, &p->shown, &p->parameters.sum, &p->parameters.scaled};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; ++i)
        if (!(*buffers[i] = axm_calloc_array(allocator, picture, sizeof(float)))) return ACTMAX_ERROR_NO_MEMORY;
    p->parameters.values = axm_calloc_array(allocator, values, sizeof(float));
    p->g_values = axm_calloc_array(allocator, values, sizeof(float));
    p->state = axm_calloc_array(allocator, values, (states ? states : 1) * sizeof(float));
    return p->parameters.values && p->g_values && p->state ? ACTMAX_OK : ACTMAX_ERROR_NO_MEMORY;
}

void axm_picture_release(axm_picture *p, axm_allocator *allocator)
{
    void *buffers[] = {p->x,
                       p->front,
                       p->back,
                       p->g,
                       p->best,
                       p->spare,
                       p->shown,
                       p->parameters.sum,
                       p->parameters.scaled,
                       p->parameters.values,
                       p->g_values,
                       p->state};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; ++i)
        axm_free(allocator, buffers[i]);
}

/* ---- Start ---- */

/* Noise of exactly the mean and the deviation, whatever was drawn. */
static void standardise(float *x, size_t values, double mean, double deviation)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < values; ++i)
        sum += (double)x[i];
    double middle = sum / (double)values;
    for (size_t i = 0; i < values; ++i)
        squares += ((double)x[i] - middle) * ((double)x[i] - middle);
    double factor = deviation / (sqrt(squares / (double)values) + 1e-7);
    for (size_t i = 0; i < values; ++i)
        x[i] = (float)(((double)x[i] - middle) * factor + mean);
}

void axm_picture_draw(axm_picture *p)
{
    const axm_maximize_settings *s = p->settings;
    size_t values = axm_extent_values(p->extent);
    axm_rng_key key = {p->key.seed, p->key.image, AXM_RNG_START};
    float *pixels = p->spare;
    for (size_t i = 0; i < values; ++i) {
        float u = s->start == AXM_START_GREY ? 0.0f : 2.0f * axm_rng_uniform(key, i) - 1.0f;
        float v = fminf(fmaxf((float)s->start_mean + (float)s->start_range * u, 0.0f), 255.0f);
        pixels[i] = s->start == AXM_START_STANDARDISED ? u : s->start == AXM_START_LEVELS ? floorf(v) : v;
    }
    if (s->start == AXM_START_STANDARDISED) standardise(pixels, values, s->start_mean, s->start_range);
    axm_units_from_pixels(p->input, s->units, pixels, positions(p), p->x);
}

int32_t axm_picture_take(axm_picture *p, axm_allocator *allocator)
{
    const axm_maximize_settings *s = p->settings;
    if (s->start_height == p->extent.height && s->start_width == p->extent.width) {
        memcpy(p->x, s->start_x, axm_extent_values(p->extent) * sizeof *p->x);
        return ACTMAX_OK;
    }
    return axm_resize_float(allocator, AXM_HALF_PIXEL_BILINEAR, s->start_x, s->start_width, s->start_height, p->extent.channels,
                            p->x, p->extent.width, p->extent.height);
}

void axm_picture_begin(axm_picture *p)
{
    const axm_maximize_settings *s = p->settings;
    p->parameters.contrast = s->contrast;
    axm_parameters_start(&p->parameters, s->pyramid, p->extent, p->x);
    memset(p->state, 0, p->parameters.count * (size_t)s->optimizer->state_arrays * sizeof *p->state);
    p->have_best = false;
    p->scale_step = 0;
}

/* ---- A step ---- */

void axm_picture_look(axm_picture *p, int64_t step)
{
    const axm_maximize_settings *s = p->settings;
    p->key.step = (uint32_t)step;
    for (int32_t t = 0; t < s->transform_count; ++t) {
        s->transforms[t].modifier->draw(s->transforms[t].values, p->extent, p->key, (uint64_t)t * 64, p->drawn[t]);
        if (!s->transforms[t].kept) continue; /* parameters are pixels then: the picture itself moves, the optimizer's state not */
        s->transforms[t].modifier->forward(p->drawn[t], p->extent, p->parameters.values, p->back);
        memcpy(p->parameters.values, p->back, axm_extent_values(p->extent) * sizeof *p->back);
    }
    axm_parameters_render(&p->parameters, p->x);
    memcpy(p->front, p->x, axm_extent_values(p->extent) * sizeof *p->front);
    for (int32_t t = 0; t < s->transform_count; ++t) {
        if (s->transforms[t].kept) continue;
        s->transforms[t].modifier->forward(p->drawn[t], p->extent, p->front, p->back);
        swap(&p->front, &p->back);
    }
}

static void add_penalties(axm_picture *p)
{
    const axm_maximize_settings *s = p->settings;
    for (int32_t i = 0; i < s->penalty_count; ++i) {
        const axm_penalty *penalty = &s->penalties[i];
        double value = penalty->regularizer->add(&penalty->settings, p->extent, p->x, p->g);
        if (strcmp(penalty->regularizer->name, "lp_norm") == 0)
            p->lp_norm = value;
        else
            p->total_variation = value;
        p->loss += penalty->settings.weight * value;
    }
}

void axm_picture_pull(axm_picture *p, double objective)
{
    const axm_maximize_settings *s = p->settings;
    size_t values = axm_extent_values(p->extent);
    for (int32_t t = s->transform_count - 1; t >= 0; --t) {
        if (s->transforms[t].kept) continue;
        s->transforms[t].modifier->adjoint(p->drawn[t], p->extent, p->front, p->back);
        swap(&p->front, &p->back);
    }
    memcpy(p->g, p->front, values * sizeof *p->g);
    p->zero = true;
    for (size_t i = 0; i < values && p->zero; ++i)
        p->zero = p->g[i] == 0.0f;
    if (!s->scale_total) axm_gradient_scale(s->gradient, s->gradient_epsilon, p->g, values);
    p->objective = objective;
    p->loss = -s->target_weight * objective;
    add_penalties(p);
    if (s->scale_total) axm_gradient_scale(s->gradient, s->gradient_epsilon, p->g, values);
    axm_gradient_modify(s->gradient_modifier, p->g, values);
}

void axm_picture_update(axm_picture *p)
{
    const axm_maximize_settings *s = p->settings;
    axm_optimizer_settings settings = s->optimizer_settings;
    settings.learning_rate *= axm_parameters_unit(&p->parameters);
    axm_parameters_gradient(&p->parameters, p->x, p->g, p->g_values);
    s->optimizer->update(&settings, p->scale_step, p->parameters.count, p->g_values, p->state, p->parameters.values);
    if (s->clip && !s->pyramid) axm_units_clip(p->input, s->units, p->parameters.values, positions(p));
}

void axm_picture_keep(axm_picture *p, bool after)
{
    if (!after) {
        p->have_new_best = !p->have_best || p->loss < p->best_loss;
        if (!p->have_new_best) return;
        p->have_best = true;
        p->best_loss = p->loss;
    }
    if (!p->have_new_best || after != (p->settings->keep == AXM_KEEP_BEST_UPDATED)) return;
    if (after)
        axm_parameters_render(&p->parameters, p->best);
    else
        memcpy(p->best, p->x, axm_extent_values(p->extent) * sizeof *p->best);
}

/* ---- Between scales ---- */

int32_t axm_picture_enlarge(axm_picture *p, axm_allocator *allocator, axm_extent to)
{
    const axm_maximize_settings *s = p->settings;
    const axm_modifier *blur = axm_modifier_find("blur");
    if (p->extent.width != to.width || p->extent.height != to.height) {
        int32_t status = axm_enlarge(allocator, s->enlarging, &s->display, p->x, p->extent, p->spare, to);
        if (status < 0) return status;
        swap(&p->x, &p->spare);
    }
    p->extent = to;
    if (s->scale_blur > 0.0 && blur) {
        double values[4] = {s->scale_blur}, drawn[8] = {0};
        axm_rng_key key = {0};
        blur->draw(values, to, key, 0, drawn);
        blur->forward(drawn, to, p->x, p->spare);
        swap(&p->x, &p->spare);
    }
    if (s->scale_box > 1) {
        axm_box_blur(s->scale_box, to, p->x, p->back, p->spare);
        swap(&p->x, &p->spare);
    }
    if (s->clip || s->pyramid) axm_units_clip(p->input, s->units, p->x, positions(p)); /* cubic resampling overshoots */
    return ACTMAX_OK;
}
