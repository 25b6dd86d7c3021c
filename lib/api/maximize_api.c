/* actmax_session_maximize: start image, the call, outcome to result. */
#include <string.h>

#include "api/maximize_call.h"
#include "base/status.h"

#define FILTERS_MOST 65536

/* ---- Start image ---- */

/* An 8-bit image at the picture's size, or a float one as it is, in working units. */
static int32_t start_from(const struct actmax_session *session, const struct actmax_image *image, axm_maximize_settings *s,
                          float **out)
{
    const axm_input *input = &session->model->input;
    int32_t channels = axm_input_channels(input), status = ACTMAX_OK;
    struct actmax_image *fitted = NULL;
    axm_preprocess raw;
    if (image->floats && image->channels != channels)
        return axm_fail(ACTMAX_ERROR_SHAPE, "the start image has %d channels; the network takes %d", (int)image->channels,
                        (int)channels);
    if (!image->floats && channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "a start image wants a network of 1 or 3 channels; this one has %d", (int)channels);
    s->start_height = image->floats ? image->height : s->height;
    s->start_width = image->floats ? image->width : s->width;
    size_t count = (size_t)s->start_height * (size_t)s->start_width;
    float *pixels = axm_alloc_array(session->allocator, count * (size_t)channels, sizeof *pixels);
    float *x = axm_alloc_array(session->allocator, count * (size_t)channels, sizeof *x);
    if (!pixels || !x) status = ACTMAX_ERROR_NO_MEMORY;
    if (status >= 0 && image->floats) {
        axm_units_from_network(input, s->units, image->floats, count, x);
    } else if (status >= 0) {
        status = axm_resize_pillow(session->allocator, image, s->width, s->height, AXM_FILTER_BILINEAR, &fitted);
        axm_preprocess_preset("raw", &raw);
        if (status >= 0) status = axm_preprocess_apply(&raw, fitted, channels, pixels);
        if (status >= 0) axm_units_from_pixels(input, s->units, pixels, count, x);
    }
    axm_image_free(fitted);
    axm_free(session->allocator, pixels);
    if (status < 0)
        axm_free(session->allocator, x);
    else
        *out = x;
    return status;
}

/* settings->start_x from the recipe's image or the file of start_image; NULL when none is asked for. */
static int32_t read_start(const struct actmax_session *session, const struct actmax_recipe *recipe, axm_maximize_settings *s,
                          float **out)
{
    const char *path = axm_recipe_text(recipe, "start_image");
    actmax_image *image = NULL;
    *out = NULL;
    if (recipe && recipe->start) return start_from(session, recipe->start, s, out);
    if (!*path) return ACTMAX_OK;
    int32_t status = actmax_image_load(path, recipe, &image);
    if (status >= 0) status = start_from(session, image, s, out);
    actmax_image_free(image);
    return status;
}

/* ---- Outcome to result ---- */

static int32_t add_picture(struct actmax_session *session, axm_maximize_outcome *o, struct actmax_result *result)
{
    int64_t dims[3] = {o->height, o->width, o->channels};
    size_t values = (size_t)o->shown_height * (size_t)o->shown_width * (size_t)o->channels;
    int32_t status = axm_result_add_array(result, "image", o->network, dims, 3);
    o->network = NULL; /* the result's, also when that failed */
    if (status < 0 || (o->channels != 1 && o->channels != 3)) return status;
    struct actmax_image *image = NULL;
    if ((status = axm_image_new(session->allocator, &session->model->limits, o->shown_width, o->shown_height, o->channels, false,
                                &image)) < 0)
        return status;
    for (size_t i = 0; i < values; ++i)
        image->bytes[i] = (uint8_t)o->shown[i];
    axm_allocator_share(session->allocator);
    axm_result_add_image(result, "image", image);
    return ACTMAX_OK;
}

static int32_t fill_result(struct actmax_session *session, axm_maximize_outcome *o, const char *layer, const char *target,
                           const char *notes, struct actmax_result **out)
{
    struct actmax_result *result = NULL;
    char all[1200];
    axm_text text = axm_text_in(all, sizeof all);
    axm_text_add(&text, "%s%s%s", notes, o->said, o->note ? "\n" : "");
    int32_t status = axm_result_new(session->allocator, &result);
    if (status < 0) return status;
    axm_result_add_number(result, "activation_start", o->start);
    axm_result_add_number(result, "activation_end", o->end);
    axm_result_add_number(result, "activation_saved", o->saved);
    axm_result_add_number(result, "activation_last", o->last);
    axm_result_add_number(result, "steps", (double)o->steps);
    axm_result_add_number(result, "seconds", o->seconds);
    axm_result_add_number(result, "status", o->note);
    axm_result_add_number(result, "seed", (double)o->seed_used);
    status = axm_result_add_text(result, "layer", layer);
    if (status >= 0) status = axm_result_add_text(result, "target", target);
    if (status >= 0) status = axm_result_add_text(result, "notes", all);
    if (status >= 0) status = add_picture(session, o, result);
    if (status < 0) {
        actmax_result_free(result);
        return status;
    }
    *out = result;
    return o->note;
}

/* ---- The calls ---- */

static int compare_filters(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

/* Ascending and unique, by insertion: lists are short. */
static int32_t sort_unique(int32_t *out, const int32_t *filters, int32_t count)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < count; ++i) {
        int32_t at = kept;
        while (at > 0 && compare_filters(out[at - 1], filters[i]) > 0)
            --at;
        if (at > 0 && out[at - 1] == filters[i]) continue;
        memmove(out + at + 1, out + at, (size_t)(kept - at) * sizeof *out);
        out[at] = filters[i];
        kept++;
    }
    return kept;
}

int32_t axm_maximize_call_prepare(axm_maximize_call *c, struct actmax_session *session, int32_t layer, const int32_t *filters,
                                  size_t count, const struct actmax_recipe *recipe)
{
    const struct actmax_model *model = session->model;
    c->session = session;
    c->notes = axm_text_in(c->note_buffer, sizeof c->note_buffer);
    if (count > FILTERS_MOST || (count && !filters))
        return axm_fail(ACTMAX_ERROR_INVALID, "give the filters, up to %d of them", FILTERS_MOST);
    int32_t status = axm_session_target(session, layer, recipe, &c->target, &c->axis, &c->notes);
    if (status < 0) return status;
    const axm_shape *shape = &model->facts[c->target.value].shape;
    int64_t channels = c->axis < 0 ? 1 : shape->dim[c->axis];
    for (size_t i = 0; i < count; ++i)
        if (filters[i] < 0 || filters[i] >= channels)
            return axm_fail(ACTMAX_ERROR_NOT_FOUND, "there is no filter %d: layer '%.80s' has %lld (0 to %lld)", (int)filters[i],
                            axm_model_value_name(model, c->target.value), (long long)channels, (long long)channels - 1);
    if ((status = axm_maximize_read(session, recipe, &c->settings)) < 0) return status;
    if ((status = read_start(session, recipe, &c->settings, &c->start)) < 0) return status;
    c->settings.start_x = c->start;
    c->wanted = axm_alloc_array(session->allocator, count + 1, sizeof *c->wanted);
    if (!c->wanted) return ACTMAX_ERROR_NO_MEMORY;
    if (model->assumed) axm_text_add(&c->notes, "%s", model->notes);
    return ACTMAX_OK;
}

void axm_maximize_call_release(axm_maximize_call *c)
{
    if (!c->session) return;
    axm_free(c->session->allocator, c->start);
    axm_free(c->session->allocator, c->wanted);
}

/* The sum of `filters`. Plans leave out all others, also those of other pictures of the call: that is less work, and a picture
 * does not depend on its company (kernels are chosen by the number of channels, and round differently). */
axm_maximize_target axm_maximize_call_target(const axm_maximize_call *c, const int32_t *filters, int32_t count, int32_t *wanted,
                                             int32_t picture, int32_t pictures)
{
    return (axm_maximize_target){.value = c->target.value,
                                 .channel_axis = c->axis,
                                 .filters = filters,
                                 .filter_count = count,
                                 .wanted = wanted,
                                 .wanted_count = sort_unique(wanted, filters, count),
                                 .picture = picture,
                                 .pictures = pictures,
                                 .image_index = 0};
}

int32_t axm_maximize_call_result(const axm_maximize_call *c, axm_maximize_outcome *outcome, const int32_t *filters, int32_t count,
                                 struct actmax_result **out)
{
    const char *layer = axm_model_value_name(c->session->model, c->target.value);
    char words[300];
    axm_text text = axm_text_in(words, sizeof words);
    axm_text_add(&text, count ? "filter" : "the mean of all filters");
    for (int32_t i = 0; i < count && i < 8; ++i)
        axm_text_add(&text, "%s%d", i ? "+" : " ", (int)filters[i]);
    axm_text_add(&text, "%s of '%.120s'", count > 8 ? "+..." : "", layer);
    return fill_result(c->session, outcome, layer, words, c->note_buffer, out);
}

static int32_t run(axm_maximize_call *c, const int32_t *filters, int32_t count, struct actmax_result **out)
{
    struct actmax_session *session = c->session;
    axm_maximize_target target = axm_maximize_call_target(c, filters, count, c->wanted, 1, 1);
    axm_maximize_outcome outcome = {0};
    int32_t status = axm_maximize(&session->runner, &session->model->input, &target, 1, true, &c->settings, &outcome);
    if (status >= 0) status = axm_maximize_call_result(c, &outcome, filters, count, out);
    axm_free(session->allocator, outcome.network);
    axm_free(session->allocator, outcome.shown);
    return status;
}

int32_t actmax_session_maximize(actmax_session *session, int32_t layer, const int32_t *filters, size_t filter_count,
                                const actmax_recipe *recipe, actmax_result **out)
{
    if (!session || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_maximize: session or out is NULL");
    axm_maximize_call c = {0};
    axm_message_clear();
    int32_t status = axm_maximize_call_prepare(&c, session, layer, filters, filter_count, recipe);
    if (status >= 0) status = run(&c, filters, (int32_t)filter_count, out);
    axm_maximize_call_release(&c);
    return status;
}

int32_t actmax_model_maximize(const actmax_model *model, const char *layer_name, int32_t filter, const actmax_recipe *recipe,
                              actmax_result **out)
{
    actmax_session *session = NULL;
    int32_t layer;
    int32_t status = actmax_model_find_layer(model, layer_name, &layer);
    if (status >= 0) status = actmax_session_new(model, recipe, &session);
    if (status >= 0) status = actmax_session_maximize(session, layer, &filter, 1, recipe, out);
    actmax_session_free(session);
    return status;
}
