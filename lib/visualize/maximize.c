/* The maximisation loop. Everything is planned and allocated before the first step. Pictures of one call are made side by side: a
 * step is one of all of them, each with its own random numbers, optimizer and end. */
#include "visualize/maximize.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "visualize/group.h"

/* ---- Preparation ---- */

static void set_extents(axm_group *g)
{
    const axm_scale_rule *rule = &g->settings->scale_rule;
    int32_t widths[AXM_SCALES_MOST], heights[AXM_SCALES_MOST];
    axm_scale_sides(rule, rule->first_width, g->settings->width, widths);
    axm_scale_sides(rule, rule->first_height, g->settings->height, heights);
    for (int32_t i = 0; i < rule->scales; ++i)
        g->extent[i] = (axm_extent){widths[i], heights[i], axm_input_channels(g->batch.input)};
    g->scales = rule->scales;
}

int32_t axm_maximize_side_by_side(axm_runner *runner, const axm_input *input, const axm_maximize_target *target,
                                  const axm_maximize_settings *settings, int32_t pictures, int32_t *count, bool *together)
{
    axm_group g = {.batch = {.input = input}, .settings = settings};
    set_extents(&g);
    return axm_batch_size(runner, input, target, settings, g.extent[g.scales - 1], pictures, count, together);
}

static int64_t steps_of(const axm_maximize_settings *s, int32_t scale)
{
    bool late = s->late_steps != 1.0 && 2 * scale > s->scale_rule.scales;
    if (scale == s->scale_rule.scales - 1 && !s->last_scale) return 0;
    return late ? (int64_t)fmax((double)s->steps * s->late_steps, 1.0) : s->steps;
}

/* ---- The loop ---- */

/* The share of all pictures' steps that is done. */
static double share_done(const axm_group *g)
{
    double done = (double)(g->batch.targets[0].picture - 1);
    for (int32_t i = 0; i < g->count; ++i) {
        const axm_member *m = &g->members[i];
        bool ended = m->dropped || m->note || m->progress.step >= m->progress.steps;
        done += ended ? 1.0 : (double)m->progress.step / (double)m->progress.steps;
    }
    return done / (double)g->batch.targets[0].pictures;
}

/* Tells the caller of the step; the member's note is set when its run is to end. */
static void report(axm_group *g, axm_member *m)
{
    const axm_maximize_settings *s = g->settings;
    const axm_picture *p = &m->picture;
    struct actmax_progress *progress = &m->progress;
    size_t count = (size_t)p->extent.width * (size_t)p->extent.height;
    progress->seconds = axm_seconds() - g->started;
    progress->done = share_done(g);
    progress->objective = p->objective;
    progress->loss = p->loss;
    progress->lp_norm = p->lp_norm;
    progress->total_variation = p->total_variation;
    progress->pixels = s->units == AXM_UNITS_PIXEL ? p->x : p->shown;
    progress->width = p->extent.width;
    progress->height = p->extent.height;
    if (s->callback && s->units != AXM_UNITS_PIXEL) axm_units_to_pixels(g->batch.input, s->units, p->x, count, p->shown);
    if (s->callback && s->callback(s->callback_user, progress))
        m->note = ACTMAX_NOTE_STOPPED;
    else if (s->time_limit > 0.0 && progress->seconds >= s->time_limit)
        m->note = ACTMAX_NOTE_TIME_LIMIT;
}

/* Tells of a step of all; the caller's stop is for all that go on, or are to be tried again. */
static void report_all(axm_group *g)
{
    bool stopped = false;
    for (int32_t i = 0; i < g->step.count && !stopped; ++i) {
        axm_member *m = g->step.at[i];
        if (m->leaves) continue;
        report(g, m);
        stopped = m->note == ACTMAX_NOTE_STOPPED;
    }
    for (int32_t i = 0; stopped && i < g->count; ++i)
        if (g->members[i].dead) g->members[i].note = ACTMAX_NOTE_STOPPED;
    for (int32_t i = 0; stopped && i < g->run.count; ++i)
        if (!g->run.at[i]->dropped) g->run.at[i]->note = ACTMAX_NOTE_STOPPED;
}

static void look(axm_group *g, axm_member *m)
{
    (void)g;
    axm_picture_look(&m->picture, m->progress.step);
}

/* From the gradient at what the network saw to the next picture. */
static void follow(axm_group *g, axm_member *m)
{
    axm_picture *p = &m->picture;
    bool last = m->scale == g->scales - 1;
    axm_picture_pull(p, m->seen);
    m->finite = isfinite(p->loss) && axm_all_finite(p->g, axm_extent_values(p->extent));
    m->silent = m->silent && p->zero;
    m->leaves = !m->finite || (m->silent && p->scale_step >= 5); /* transforms had their chance to find a reaction */
    if (m->leaves) return;
    if (last) axm_picture_keep(p, false);
    axm_picture_update(p);
    if (last) axm_picture_keep(p, true);
}

static int32_t step_all(axm_group *g)
{
    const axm_maximize_settings *s = g->settings;
    for (int32_t i = 0; i < g->step.count; ++i) {
        g->step.at[i]->progress.step++;
        g->step.at[i]->picture.scale_step++;
    }
    axm_group_each(g, &g->step, look);
    axm_group_evaluate(g, &g->step, s->units, AXM_SEEN_FRONT, true);
    axm_group_each(g, &g->step, follow);
    for (int32_t i = 0; i < g->step.count; ++i) {
        axm_member *m = g->step.at[i];
        if (m->finite) continue;
        axm_picture_look(&m->picture, m->progress.step); /* what it was */
        return axm_group_not_finite(g, m, m->picture.front);
    }
    report_all(g);
    int32_t left = 0;
    for (int32_t i = 0; i < g->step.count; ++i) {
        axm_member *m = g->step.at[i];
        m->dropped = !m->leaves && s->drops && m->picture.objective <= s->drop_below;
        if (!m->leaves && !m->dropped && !m->note) g->step.at[left++] = m;
    }
    g->step.count = left;
    return ACTMAX_OK;
}

static void begin_scale(axm_group *g, axm_member *m)
{
    int64_t steps = steps_of(g->settings, m->scale);
    axm_picture_begin(&m->picture);
    m->silent = g->settings->dead_tries > 0 && steps > 0;
    m->leaves = false;
}

static void end_scale(axm_group *g, axm_member *m)
{
    axm_picture *p = &m->picture;
    if (m->leaves) return;
    axm_parameters_render(&p->parameters, p->x);
    bool best = g->settings->keep != AXM_KEEP_LAST || m->note;
    if (m->scale == g->scales - 1 && p->have_best && best) memcpy(p->x, p->best, axm_extent_values(p->extent) * sizeof *p->x);
}

/* The steps of one scale, for those in the run. */
static int32_t run_scale(axm_group *g, int32_t scale)
{
    int64_t steps = steps_of(g->settings, scale);
    g->step.count = 0;
    for (int32_t i = 0; i < g->run.count; ++i) {
        axm_member *m = g->run.at[i];
        m->progress.scale = scale + 1;
        g->step.at[g->step.count++] = m;
    }
    axm_group_each(g, &g->run, begin_scale);
    for (int64_t i = 0; i < steps && g->step.count; ++i) {
        int32_t status = step_all(g);
        if (status < 0) return status;
    }
    axm_group_each(g, &g->run, end_scale);
    return ACTMAX_OK;
}

static void start(axm_group *g, axm_member *m)
{
    (void)g;
    axm_picture_draw(&m->picture);
}

/* The start images of those in the run, and plans for them. */
static int32_t begin_at_first_scale(axm_group *g)
{
    int32_t status;
    for (int32_t i = 0; i < g->run.count; ++i) {
        axm_member *m = g->run.at[i];
        m->scale = 0;
        m->picture.extent = g->extent[0];
        if (g->settings->start_x && (status = axm_picture_take(&m->picture, g->batch.runner->allocator)) < 0) return status;
    }
    if (!g->settings->start_x) axm_group_each(g, &g->run, start);
    return axm_batch_prepare(&g->batch, g->extent[0]);
}

/* All of them, to a scale. */
static int32_t change_scales(axm_group *g, int32_t to)
{
    for (int32_t i = 0; i < g->run.count; ++i) {
        int32_t status = axm_group_change_scale(g, g->run.at[i], to);
        if (status < 0) return status;
    }
    return axm_batch_prepare(&g->batch, g->extent[to]);
}

/* The objectives of the start images, brought to the final size. */
static int32_t score_starts(axm_group *g)
{
    int32_t status = begin_at_first_scale(g);
    if (status < 0) return status;
    if (g->scales > 1 && (status = change_scales(g, g->scales - 1)) < 0) return status;
    axm_group_evaluate(g, &g->run, g->settings->units, AXM_SEEN_X, false);
    for (int32_t i = 0; i < g->run.count; ++i)
        g->run.at[i]->start = g->run.at[i]->seen;
    return ACTMAX_OK;
}

/* Those whose run ended go straight to the final size, when all is done. */
static void leave_out_ended(axm_group *g)
{
    int32_t left = 0;
    for (int32_t i = 0; i < g->run.count; ++i) {
        axm_member *m = g->run.at[i];
        if (!m->dead && !m->note && !m->dropped) g->run.at[left++] = m;
    }
    g->run.count = left;
}

static int32_t run_all_scales(axm_group *g)
{
    for (int32_t i = 0; i < g->run.count; ++i)
        g->run.at[i]->progress.step = 0;
    int32_t status = begin_at_first_scale(g);
    if (status >= 0) status = run_scale(g, 0);
    for (int32_t i = 0; i < g->run.count && status >= 0; ++i)
        g->run.at[i]->dead = g->run.at[i]->silent && !g->run.at[i]->dropped;
    for (int32_t scale = 1; scale < g->scales && status >= 0; ++scale) {
        leave_out_ended(g);
        if (!g->run.count) break;
        if ((status = change_scales(g, scale)) >= 0) status = run_scale(g, scale);
    }
    return status;
}

/* With this seed those are run that reacted to none before. */
static int32_t try_seed(axm_group *g, int32_t attempt)
{
    g->run.count = 0;
    for (int32_t i = 0; i < g->count; ++i) {
        axm_member *m = &g->members[i];
        if (!m->dead || m->note) continue;
        m->picture.key.seed = g->settings->seed + (uint64_t)attempt;
        g->run.at[g->run.count++] = m;
    }
    if (!g->run.count) return ACTMAX_OK;
    int32_t status = score_starts(g);
    return status < 0 ? status : run_all_scales(g);
}

/* ---- The call ---- */

static int32_t check_extent(const axm_group *g)
{
    const axm_maximize_settings *s = g->settings;
    axm_extent last = g->extent[g->scales - 1];
    if (2 * (int64_t)s->display.crop >= (last.width < last.height ? last.width : last.height))
        return axm_fail(ACTMAX_ERROR_INVALID, "display_crop %d leaves nothing of a picture of %d x %d; lower it, or raise size",
                        (int)s->display.crop, (int)last.width, (int)last.height);
    if (s->enlarging >= AXM_ENLARGE_8BIT && g->scales > 1 && last.channels != 1 && last.channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "scale_filter=8bit wants a network of 1 or 3 channels; take cubic");
    return ACTMAX_OK;
}

static int32_t add_member(axm_group *g, int32_t index, int64_t steps)
{
    axm_member *m = &g->members[index];
    const axm_maximize_target *target = &g->batch.targets[index];
    m->index = index;
    m->dead = true;
    m->picture.settings = g->settings;
    m->picture.input = g->batch.input;
    m->picture.key.image = (uint32_t)target->image_index;
    m->progress = (struct actmax_progress){.steps = steps,
                                           .scale = 1,
                                           .scales = g->scales,
                                           .picture = target->picture,
                                           .pictures = target->pictures,
                                           .channels = g->extent[0].channels};
    g->all.at[index] = m;
    return axm_picture_allocate(&m->picture, g->batch.runner->allocator, g->extent[g->scales - 1]);
}

static int32_t prepare(axm_group *g)
{
    axm_allocator *allocator = g->batch.runner->allocator;
    size_t count = (size_t)g->count;
    int64_t steps = 0;
    int32_t status;
    set_extents(g);
    for (int32_t scale = 0; scale < g->scales; ++scale)
        steps += steps_of(g->settings, scale);
    if ((status = check_extent(g)) < 0) return status;
    g->members = axm_calloc_array(allocator, count, sizeof *g->members);
    g->items = axm_calloc_array(allocator, count, sizeof *g->items);
    g->all.at = axm_calloc_array(allocator, 3 * count, sizeof *g->all.at);
    if (!g->members || !g->items || !g->all.at) return ACTMAX_ERROR_NO_MEMORY;
    g->all.count = g->count;
    g->run.at = g->all.at + count;
    g->step.at = g->run.at + count;
    for (int32_t i = 0; i < g->count; ++i)
        if ((status = add_member(g, i, steps)) < 0) return status;
    if ((status = axm_batch_allocate(&g->batch)) < 0) return status;
    for (int32_t scale = 0; scale < g->scales; ++scale) /* whatever can fail, fails before the first step */
        if ((status = axm_batch_prepare(&g->batch, g->extent[scale])) < 0) return status;
    return ACTMAX_OK;
}

static void release(axm_group *g)
{
    axm_allocator *allocator = g->batch.runner->allocator;
    for (int32_t i = 0; g->members && i < g->count; ++i)
        axm_picture_release(&g->members[i].picture, allocator);
    axm_batch_release(&g->batch);
    axm_free(allocator, g->members);
    axm_free(allocator, g->items);
    axm_free(allocator, g->all.at);
}

int32_t axm_maximize(axm_runner *runner, const axm_input *input, const axm_maximize_target *targets, int32_t count, bool together,
                     const axm_maximize_settings *settings, axm_maximize_outcome *out)
{
    axm_group g = {.batch = {runner, input, settings, targets, count, .together = together}, .settings = settings, .count = count};
    g.started = axm_seconds();
    int32_t status = prepare(&g), tries = settings->dead_tries > 0 ? settings->dead_tries : 1;
    for (int32_t attempt = 0; attempt < tries && status >= 0; ++attempt)
        status = try_seed(&g, attempt);
    if (status >= 0) status = axm_group_finish(&g, out);
    release(&g);
    return status;
}
