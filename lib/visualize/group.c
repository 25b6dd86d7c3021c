/* What the members of a group share while they are made, and what is said of them in the end. */
#include "visualize/group.h"

#include <math.h>
#include <string.h>

#include "base/status.h"

/* ---- Work on pictures ---- */

typedef struct work_of_all {
    axm_group *group;
    const axm_members *members;
    void (*work)(axm_group *group, axm_member *member);
} work_of_all;

static void run_work(void *context, size_t begin, size_t end, int32_t worker)
{
    const work_of_all *w = context;
    (void)worker;
    for (size_t i = begin; i < end; ++i)
        w->work(w->group, w->members->at[i]);
}

void axm_group_each(axm_group *group, const axm_members *members, void (*work)(axm_group *group, axm_member *member))
{
    axm_pool *pool = group->batch.runner->pool;
    work_of_all w = {group, members, work};
    for (int32_t i = 0; i < members->count; ++i) /* loops are not nested */
        members->at[i]->picture.parameters.exec =
            (axm_exec){.kernels = group->batch.runner->kernels, .pool = members->count == 1 ? pool : NULL};
    if (members->count == 1)
        run_work(&w, 0, 1, 0);
    else
        axm_parallel_for(pool, (size_t)members->count, 1, run_work, &w);
}

static float *buffer_of(axm_picture *p, axm_seen buffer)
{
    return buffer == AXM_SEEN_FRONT ? p->front : buffer == AXM_SEEN_X ? p->x : p->spare;
}

void axm_group_evaluate(axm_group *group, const axm_members *members, axm_units units, axm_seen buffer, bool gradient)
{
    for (int32_t i = 0; i < members->count; ++i) {
        axm_member *m = members->at[i];
        group->items[i] =
            (axm_batch_item){.member = m->index, .units = units, .x = buffer_of(&m->picture, buffer), .spare = m->picture.back};
    }
    if (members->count) axm_batch_run(&group->batch, group->items, members->count, gradient);
    for (int32_t i = 0; i < members->count; ++i)
        members->at[i]->seen = group->items[i].objective;
}

int32_t axm_group_change_scale(axm_group *group, axm_member *member, int32_t to)
{
    int32_t status = axm_picture_enlarge(&member->picture, group->batch.runner->allocator, group->extent[to]);
    if (status >= 0) member->scale = to;
    return status;
}

int32_t axm_group_not_finite(axm_group *group, axm_member *member, float *x)
{
    axm_batch_item item = {.member = member->index, .units = group->settings->units, .x = x};
    const char *layer = axm_batch_find_nonfinite(&group->batch, &item);
    return axm_fail(ACTMAX_ERROR_NUMERIC,
                    "a value became infinite or not a number%s%.80s at step %lld; check the preprocessing and the step size",
                    layer ? " in layer " : "", layer ? layer : "", (long long)member->progress.step);
}

/* ---- The end ---- */

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

/* What is to be said of a member; `shown` is the saved picture before it is cropped. */
static int32_t note_of(const axm_group *group, const axm_member *m, const axm_maximize_outcome *out)
{
    const axm_maximize_settings *s = group->settings;
    if (m->note) /* who stopped the first seed is told that, not that all were tried */
        return axm_fail(m->note, "stopped %s after %lld steps; the best picture so far was kept",
                        m->note == ACTMAX_NOTE_STOPPED ? "by the caller" : "at the time limit", (long long)out->steps);
    if (m->dead)
        return axm_fail(ACTMAX_NOTE_DEAD_TARGET,
                        "the target does not react to the image: its gradient stayed zero for %d seeds; try the layer before its "
                        "activation, another filter, or another preprocessing",
                        s->dead_tries);
    if (m->dropped)
        return axm_fail(ACTMAX_NOTE_DEAD_TARGET,
                        "dropped: the activation was %.6g after step %lld, not above drop_below (%g); try another filter or seed",
                        m->picture.objective, (long long)out->steps, s->drop_below);
    if (is_flat(m->picture.spare, m->picture.extent))
        return axm_fail(ACTMAX_NOTE_NO_RISE, "the picture is flat; take the layer after the activation (a plain colour can excite "
                                             "a convolution the most), check the preprocessing, or raise learning_rate and steps");
    if (!(out->end > out->start) && s->target_weight > 0.0)
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

static void make_levels(axm_group *group, axm_member *m)
{
    axm_picture *p = &m->picture;
    size_t count = (size_t)p->extent.width * (size_t)p->extent.height;
    axm_units_to_pixels(group->batch.input, group->settings->units, p->x, count, p->shown);
    axm_display_levels(&group->settings->display, p->shown, axm_extent_values(p->extent), p->spare);
}

/* Gives the outcome its pictures, after which the member has fewer buffers. */
static void hand_out(const axm_group *group, axm_member *m, axm_maximize_outcome *out)
{
    axm_picture *p = &m->picture;
    axm_extent extent = p->extent;
    out->last = p->objective;
    out->steps = m->progress.step;
    out->seconds = (axm_seconds() - group->started) / (double)group->count;
    out->height = extent.height;
    out->width = extent.width;
    out->channels = extent.channels;
    out->seed_used = p->key.seed;
    out->note = note_of(group, m, out);
    if (out->note) {
        strncpy(out->said, axm_message(), sizeof out->said - 1);
        out->said[sizeof out->said - 1] = '\0';
    }
    axm_units_to_network(group->batch.input, group->settings->units, p->x, (size_t)extent.width * (size_t)extent.height, p->back);
    crop(p->spare, extent, group->settings->display.crop, out);
    out->network = p->back;
    out->shown = p->spare;
    p->back = p->spare = NULL;
}

int32_t axm_group_finish(axm_group *group, axm_maximize_outcome *out)
{
    const axm_maximize_settings *s = group->settings;
    int32_t last = group->scales - 1, status, worst = ACTMAX_OK;
    for (int32_t i = 0; i < group->count; ++i)
        if (group->members[i].scale != last && (status = axm_group_change_scale(group, &group->members[i], last)) < 0)
            return status;
    if ((status = axm_batch_prepare(&group->batch, group->extent[last])) < 0) return status;
    axm_group_evaluate(group, &group->all, s->units, AXM_SEEN_X, false);
    for (int32_t i = 0; i < group->count; ++i)
        out[i].end = group->members[i].seen;
    axm_group_each(group, &group->all, make_levels);
    axm_group_evaluate(group, &group->all, AXM_UNITS_PIXEL, AXM_SEEN_SPARE, false);
    for (int32_t i = 0; i < group->count; ++i) {
        axm_member *m = &group->members[i];
        out[i].saved = m->seen;
        if (!isfinite(out[i].end) || !isfinite(out[i].saved)) return axm_group_not_finite(group, m, m->picture.x);
    }
    for (int32_t i = 0; i < group->count; ++i) {
        out[i].start = group->members[i].start;
        hand_out(group, &group->members[i], &out[i]);
        if (out[i].note > worst) worst = out[i].note;
    }
    return worst;
}
