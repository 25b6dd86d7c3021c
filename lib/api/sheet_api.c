/* actmax_session_maximize_sheet: many filters' pictures, the dead dropped, the best on one sheet. */
#include <math.h>
#include <string.h>

#include "api/maximize_each.h"
#include "base/status.h"

typedef struct sheet_place {
    int32_t filter;
    double activation; /* as the last step saw it: what Keras's examples call the loss */
    struct actmax_image *picture;
} sheet_place;

typedef struct sheet_job {
    axm_maximize_each each;
    struct actmax_result **results; /* of those side by side */
    int32_t side;                   /* 0: the largest square */
    bool sort;
    axm_sheet sheet;
    int32_t *all;           /* the filters when the caller named none */
    const int32_t *filters; /* what is scanned */
    int32_t filter_count, scanned, dropped, flat;
    sheet_place *places;
    int32_t count;
    int32_t note;
    double started;
} sheet_job;

static int32_t prepare(sheet_job *j, struct actmax_session *session, int32_t layer, const int32_t *filters, size_t count,
                       const struct actmax_recipe *recipe)
{
    static const int32_t any[1] = {0};
    const struct actmax_model *model = session->model;
    int32_t channels = axm_input_channels(&model->input);
    if (channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "a contact sheet wants a network of 1 or 3 channels; this one has %d: take actmax_session_maximize_each",
                        (int)channels);
    int32_t status = axm_maximize_call_prepare(&j->each.call, session, layer, count ? filters : any, count ? count : 1, recipe);
    if (status < 0) return status;
    j->side = axm_recipe_integer(recipe, "sheet");
    j->sort = axm_recipe_number(recipe, "sheet_sort") != 0.0;
    j->sheet = (axm_sheet){.margin = axm_recipe_integer(recipe, "sheet_margin"),
                           .by_columns = axm_recipe_choice(recipe, "sheet_fill") == 1};
    int64_t there = j->each.call.axis < 0 ? 1 : model->facts[j->each.call.target.value].shape.dim[j->each.call.axis];
    int64_t most = axm_recipe_integer(recipe, "sheet_filters");
    j->filter_count = (int32_t)(count ? (int64_t)count : most > 0 && most < there ? most : there);
    j->filters = filters;
    if (!count) {
        if (!(j->all = axm_alloc_array(session->allocator, (size_t)j->filter_count, sizeof *j->all))) return ACTMAX_ERROR_NO_MEMORY;
        for (int32_t i = 0; i < j->filter_count; ++i)
            j->all[i] = i;
        j->filters = j->all;
    }
    if ((status = axm_maximize_each_prepare(&j->each, j->filters[0], j->filter_count)) < 0) return status;
    j->places = axm_calloc_array(session->allocator, (size_t)j->filter_count + 1, sizeof *j->places);
    j->results = axm_calloc_array(session->allocator, (size_t)j->each.side_by_side, sizeof(struct actmax_result *));
    return j->places && j->results ? ACTMAX_OK : ACTMAX_ERROR_NO_MEMORY;
}

static bool is_full(const sheet_job *j)
{
    return j->side > 0 && j->count >= j->side * j->side;
}

/* Takes the picture out of its result. */
static void place(sheet_job *j, int32_t filter, struct actmax_result *result)
{
    sheet_place made = {.filter = filter, .picture = result->images[0].image};
    int32_t at = j->count;
    result->image_count = 0;
    actmax_result_number(result, "activation_last", &made.activation);
    while (j->sort && at > 0 && j->places[at - 1].activation < made.activation)
        --at;
    memmove(j->places + at + 1, j->places + at, (size_t)(j->count - at) * sizeof made);
    j->places[at] = made;
    if (is_full(j))
        actmax_image_free(j->places[j->count].picture);
    else
        j->count++;
}

/* How many of those side by side the sheet can still take. */
static int32_t next_count(const sheet_job *j)
{
    int32_t count = j->filter_count - j->scanned;
    if (count > j->each.side_by_side) count = j->each.side_by_side;
    if (j->side > 0 && !j->sort && count > j->side * j->side - j->count) count = j->side * j->side - j->count;
    return count;
}

/* Half pictures are placed only when there is no whole one. */
static void place_all(sheet_job *j, const int32_t *filters, int32_t count, bool halves)
{
    for (int32_t i = 0; i < count; ++i) {
        struct actmax_result *result = j->results[i];
        double note = ACTMAX_OK;
        actmax_result_number(result, "status", &note);
        bool dead = note == ACTMAX_NOTE_DEAD_TARGET;
        j->dropped += dead;
        j->flat += note == ACTMAX_NOTE_NO_RISE;
        if (note == ACTMAX_NOTE_STOPPED || note == ACTMAX_NOTE_TIME_LIMIT) j->note = (int32_t)note;
        if (!dead && (halves || note != ACTMAX_NOTE_STOPPED)) place(j, filters[i], result);
        actmax_result_free(result);
    }
}

static int32_t scan(sheet_job *j)
{
    while (j->scanned < j->filter_count && !(is_full(j) && !j->sort) && !j->each.stopped) {
        const int32_t *filters = j->filters + j->scanned;
        int32_t count = next_count(j);
        int32_t status = axm_maximize_each_run(&j->each, filters, j->scanned, count, j->results);
        if (status < 0) return status;
        j->scanned += count;
        place_all(j, filters, count, j->count == 0);
    }
    if (j->count > 0) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_NOT_FOUND,
                    "all %d filters of layer '%.80s' are dead: nothing is left for the sheet; try another layer, seed or "
                    "preprocessing, or a lower drop_below",
                    (int)j->scanned, axm_model_value_name(j->each.call.session->model, j->each.call.target.value));
}

/* How many places the sheet has in each direction; what finds none is let go. */
static void lay_out(sheet_job *j)
{
    int32_t side = j->side;
    if (side == 0) {
        side = (int32_t)sqrt((double)j->count);
        while (j->count > side * side)
            actmax_image_free(j->places[--j->count].picture);
    }
    int64_t along = j->count < side ? j->count : side, beyond = (j->count + along - 1) / along;
    j->sheet.across = j->sheet.by_columns ? beyond : along;
    j->sheet.down = j->sheet.by_columns ? along : beyond;
}

static int32_t add_sheet(sheet_job *j, struct actmax_result *result)
{
    axm_allocator *allocator = j->each.call.session->allocator;
    struct actmax_image *made = NULL;
    const struct actmax_image **pictures = axm_alloc_array(allocator, (size_t)j->count, sizeof(struct actmax_image *));
    if (!pictures) return ACTMAX_ERROR_NO_MEMORY;
    for (int32_t i = 0; i < j->count; ++i)
        pictures[i] = j->places[i].picture;
    int32_t status = axm_image_stitch(allocator, pictures, (size_t)j->count, &j->sheet, &made);
    axm_free(allocator, (void *)pictures);
    if (status < 0) return status;
    axm_allocator_share(allocator);
    axm_result_add_image(result, "sheet", made);
    return ACTMAX_OK;
}

static int32_t add_numbers(sheet_job *j, struct actmax_result *result)
{
    axm_allocator *allocator = j->each.call.session->allocator;
    int64_t count = j->count;
    float *filters = axm_alloc_array(allocator, (size_t)count, sizeof *filters);
    float *activations = axm_alloc_array(allocator, (size_t)count, sizeof *activations);
    for (int64_t i = 0; filters && activations && i < count; ++i) {
        filters[i] = (float)j->places[i].filter;
        activations[i] = (float)j->places[i].activation;
    }
    int32_t status = axm_result_add_array(result, "filters", filters, &count, 1);
    int32_t other = axm_result_add_array(result, "activations", activations, &count, 1);
    axm_result_add_number(result, "scanned", j->scanned);
    axm_result_add_number(result, "dropped", j->dropped);
    axm_result_add_number(result, "columns", (double)j->sheet.across);
    axm_result_add_number(result, "rows", (double)j->sheet.down);
    axm_result_add_number(result, "seconds", axm_seconds() - j->started);
    axm_result_add_number(result, "status", j->note);
    return status < 0 ? status : other;
}

static int32_t fill(sheet_job *j, struct actmax_result *result)
{
    axm_text *notes = &j->each.call.notes;
    const char *layer = axm_model_value_name(j->each.call.session->model, j->each.call.target.value);
    if (j->dropped) axm_text_add(notes, "%d of %d filters are dead and were dropped\n", (int)j->dropped, (int)j->scanned);
    if (j->flat) axm_text_add(notes, "the activation of %d of %d filters did not rise\n", (int)j->flat, (int)j->scanned);
    int32_t status = add_sheet(j, result);
    if (status >= 0) status = add_numbers(j, result);
    if (status >= 0) status = axm_result_add_text(result, "layer", layer);
    if (status >= 0) status = axm_result_add_text(result, "notes", j->each.call.note_buffer);
    if (status < 0 || !j->note) return status;
    return axm_fail(j->note, "stopped %s; %d of %d filters were scanned",
                    j->note == ACTMAX_NOTE_STOPPED ? "by the caller" : "at the time limit of a picture", (int)j->scanned,
                    (int)j->filter_count);
}

int32_t actmax_session_maximize_sheet(actmax_session *session, int32_t layer, const int32_t *filters, size_t filter_count,
                                      const actmax_recipe *recipe, actmax_result **out)
{
    axm_message_clear();
    if (!session || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_maximize_sheet: session or out is NULL");
    sheet_job j = {.started = axm_seconds()};
    struct actmax_result *result = NULL;
    int32_t status = prepare(&j, session, layer, filters, filter_count, recipe);
    if (status >= 0) status = scan(&j);
    if (status >= 0) lay_out(&j);
    if (status >= 0) status = axm_result_new(session->allocator, &result);
    if (status >= 0) status = fill(&j, result);
    if (status >= 0) {
        *out = result;
        result = NULL;
    }
    actmax_result_free(result);
    for (int32_t i = 0; i < j.count; ++i)
        actmax_image_free(j.places[i].picture);
    axm_free(session->allocator, j.places);
    axm_free(session->allocator, j.all);
    axm_free(session->allocator, j.results);
    axm_maximize_each_release(&j.each);
    return status;
}
