/* actmax_session_maximize and its kin: from recipe to settings, from outcome to result. */
#include <string.h>

#include "api/session.h"
#include "base/status.h"
#include "visualize/maximize.h"
#include "visualize/score.h"

#define FILTERS_MOST 65536

/* ---- Recipe to settings ---- */

static int32_t add_transform(axm_maximize_settings *s, const struct actmax_recipe *recipe, const axm_recipe_part *part,
                             const char *name)
{
    const axm_modifier *modifier = axm_modifier_find(name);
    if (!modifier) return axm_fail(ACTMAX_ERROR_INTERNAL, "transform '%s' is missing", name);
    axm_transform *transform = &s->transforms[s->transform_count];
    bool active = false;
    *transform = (axm_transform){.modifier = modifier};
    for (int32_t i = 0; i < 4 && modifier->options[i]; ++i) {
        transform->values[i] = axm_recipe_part_number(recipe, part, modifier->options[i]);
        active = active || transform->values[i] != 0.0;
    }
    if (active) s->transform_count++;
    return ACTMAX_OK;
}

static void add_penalty(axm_maximize_settings *s, const struct actmax_recipe *recipe, const axm_recipe_part *part,
                        const axm_regularizer *regularizer)
{
    double weight = axm_recipe_part_number(recipe, part, regularizer->weight_option);
    double power = axm_recipe_part_number(recipe, part, regularizer->power_option);
    if (weight > 0.0) s->penalties[s->penalty_count++] = (axm_penalty){regularizer, weight, power};
}

static bool has_kind(const struct actmax_recipe *recipe, const char *kind)
{
    for (int32_t p = 0; recipe && p < recipe->part_count; ++p)
        if (strcmp(recipe->parts[p].kind, kind) == 0) return true;
    return false;
}

/* Parts in the order added; where none of a kind was, the default ones, whose options say whether they act. */
static int32_t read_parts(axm_maximize_settings *s, const struct actmax_recipe *recipe)
{
    static const char *const usual[] = {"scale", "rotate", "flip", "jitter", "blur"};
    int32_t status = ACTMAX_OK;
    const axm_regularizer *regularizer;
    for (int32_t p = 0; recipe && p < recipe->part_count && status >= 0; ++p) {
        const axm_recipe_part *part = &recipe->parts[p];
        if (s->transform_count == AXM_MAXIMIZE_PARTS || s->penalty_count == AXM_MAXIMIZE_PARTS)
            return axm_fail(ACTMAX_ERROR_LIMIT, "a recipe holds up to %d transforms and %d regularisers", AXM_MAXIMIZE_PARTS,
                            AXM_MAXIMIZE_PARTS);
        if (strcmp(part->kind, "transform") == 0) status = add_transform(s, recipe, part, part->name);
        for (int32_t i = 0; (regularizer = axm_regularizer_at(i)); ++i)
            if (strcmp(part->name, regularizer->name) == 0) add_penalty(s, recipe, part, regularizer);
    }
    for (size_t i = 0; !has_kind(recipe, "transform") && i < sizeof usual / sizeof *usual && status >= 0; ++i)
        status = add_transform(s, recipe, NULL, usual[i]);
    for (int32_t i = 0; !has_kind(recipe, "regularizer") && (regularizer = axm_regularizer_at(i)); ++i)
        add_penalty(s, recipe, NULL, regularizer);
    return status;
}

static void read_optimizer(axm_maximize_settings *s, const struct actmax_recipe *recipe)
{
    const axm_recipe_part *part = NULL;
    for (int32_t p = 0; recipe && p < recipe->part_count; ++p)
        if (strcmp(recipe->parts[p].kind, "optimizer") == 0) part = &recipe->parts[p];
    const char *name = part ? part->name : axm_recipe_text(recipe, "optimizer");
    s->optimizer = axm_optimizer_find(name);
    axm_optimizer_settings *o = &s->optimizer_settings;
    *o = (axm_optimizer_settings){.beta1 = axm_recipe_part_number(recipe, part, "beta1"),
                                  .beta2 = axm_recipe_part_number(recipe, part, "beta2"),
                                  .epsilon = axm_recipe_part_number(recipe, part, "epsilon"),
                                  .weight_decay = axm_recipe_part_number(recipe, part, "weight_decay"),
                                  .amsgrad = (int32_t)axm_recipe_part_number(recipe, part, "amsgrad"),
                                  .decay = axm_recipe_part_number(recipe, part, "rho"),
                                  .momentum = axm_recipe_part_number(recipe, part, "momentum")};
    if (strcmp(name, "rmsprop") == 0) o->epsilon = axm_recipe_part_number(recipe, part, "rmsprop_epsilon");
    /* A step moves a typical pixel by about this much of 255. */
    double usual = strcmp(name, "adam") == 0 ? 2.0 : 1.0;
    o->learning_rate = axm_recipe_is_set(recipe, "learning_rate") ? axm_recipe_number(recipe, "learning_rate") : usual;
}

static int32_t read_settings(const struct actmax_session *session, const struct actmax_recipe *recipe, axm_maximize_settings *s)
{
    *s = (axm_maximize_settings){.seed = (uint64_t)axm_recipe_number(recipe, "seed"),
                                 .noise = axm_recipe_choice(recipe, "start") == 0,
                                 .start_mean = axm_recipe_number(recipe, "start_mean"),
                                 .start_range = axm_recipe_number(recipe, "start_range"),
                                 .clip = axm_recipe_number(recipe, "clip") != 0.0,
                                 .pyramid = axm_recipe_choice(recipe, "parameters") == 1,
                                 .contrast = axm_input_channels(&session->model->input) == 3 ? 1.0 : 2.0,
                                 .keep_best = axm_recipe_choice(recipe, "keep") == 1,
                                 .steps = (int64_t)axm_recipe_number(recipe, "steps"),
                                 .time_limit = axm_recipe_number(recipe, "time_limit"),
                                 .scales = axm_recipe_integer(recipe, "scales"),
                                 .scale_factor = axm_recipe_number(recipe, "scale_factor"),
                                 .scale_bilinear = axm_recipe_choice(recipe, "scale_filter") == 1,
                                 .scale_blur = axm_recipe_number(recipe, "scale_blur"),
                                 .gradient = (axm_gradient_scaling)axm_recipe_choice(recipe, "gradient"),
                                 .neuron_y = axm_recipe_integer(recipe, "neuron_y"),
                                 .neuron_x = axm_recipe_integer(recipe, "neuron_x"),
                                 .callback = recipe ? recipe->callback : NULL,
                                 .callback_user = recipe ? recipe->callback_user : NULL};
    if (axm_recipe_is_set(recipe, "contrast")) s->contrast = axm_recipe_number(recipe, "contrast");
    axm_session_size(session, &s->height, &s->width);
    axm_recipe_size(recipe, "size", &s->height, &s->width);
    const axm_limits *limits = &session->model->limits;
    if (s->height > limits->image_side || s->width > limits->image_side || (int64_t)s->height * s->width > limits->image_pixels)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a picture of %d x %d is larger than limit_image_side or limit_image_pixels allow",
                        (int)s->width, (int)s->height);
    read_optimizer(s, recipe);
    return read_parts(s, recipe);
}

/* Pixels of the start image at the picture's size, for settings->start_pixels; NULL when none is asked for. */
static int32_t read_start(const struct actmax_session *session, const struct actmax_recipe *recipe, const axm_maximize_settings *s,
                          float **out)
{
    const char *path = axm_recipe_text(recipe, "start_image");
    int32_t channels = axm_input_channels(&session->model->input), status;
    struct actmax_image *fitted = NULL;
    actmax_image *image = NULL;
    axm_preprocess raw;
    *out = NULL;
    if (!*path) return ACTMAX_OK;
    if (channels != 1 && channels != 3)
        return axm_fail(ACTMAX_ERROR_INVALID, "a start image wants a network of 1 or 3 channels; this one has %d", (int)channels);
    if ((status = actmax_image_load(path, recipe, &image)) < 0) return status;
    float *pixels = axm_alloc_array(session->allocator, (size_t)s->height * (size_t)s->width * (size_t)channels, sizeof *pixels);
    status = pixels ? axm_resize_pillow(session->allocator, image, s->width, s->height, AXM_FILTER_BILINEAR, &fitted)
                    : ACTMAX_ERROR_NO_MEMORY;
    if (status >= 0) {
        axm_preprocess_preset("raw", &raw);
        status = axm_preprocess_apply(&raw, fitted, channels, pixels);
    }
    axm_image_free(fitted);
    actmax_image_free(image);
    if (status < 0)
        axm_free(session->allocator, pixels);
    else
        *out = pixels;
    return status;
}

/* ---- Outcome to result ---- */

static int32_t add_picture(struct actmax_session *session, const axm_maximize_outcome *o, struct actmax_result *result)
{
    const axm_input *input = &session->model->input;
    int64_t dims[3] = {o->height, o->width, o->channels};
    size_t count = (size_t)o->height * (size_t)o->width, values = count * (size_t)o->channels;
    float *network = axm_alloc_array(session->allocator, values, sizeof *network);
    if (network) axm_input_from_pixels(input, o->pixels, count, network);
    int32_t status = axm_result_add_array(result, "image", network, dims, 3);
    if (status < 0 || (o->channels != 1 && o->channels != 3)) return status;
    struct actmax_image *image = NULL;
    if ((status = axm_image_new(session->allocator, &session->model->limits, o->width, o->height, o->channels, false, &image)) < 0)
        return status;
    for (size_t i = 0; i < values; ++i) {
        float v = o->pixels[i] + 0.5f;
        image->bytes[i] = (uint8_t)(v < 0.0f ? 0 : v > 255.0f ? 255 : (int)v);
    }
    axm_allocator_share(session->allocator);
    axm_result_add_image(result, "image", image);
    return ACTMAX_OK;
}

static int32_t fill_result(struct actmax_session *session, const axm_maximize_outcome *o, const char *layer, const char *target,
                           const char *notes, struct actmax_result **out)
{
    struct actmax_result *result = NULL;
    char all[1200];
    axm_text text = axm_text_in(all, sizeof all);
    axm_text_add(&text, "%s%s%s", notes, o->note ? axm_message() : "", o->note ? "\n" : "");
    int32_t status = axm_result_new(session->allocator, &result);
    if (status < 0) return status;
    axm_result_add_number(result, "activation_start", o->start);
    axm_result_add_number(result, "activation_end", o->end);
    axm_result_add_number(result, "activation_saved", o->saved);
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

typedef struct call {
    struct actmax_session *session;
    axm_maximize_settings settings;
    axm_target target;
    int32_t axis;
    float *start;
    int32_t *wanted; /* room for the filters of one picture */
    char note_buffer[600];
    axm_text notes;
} call;

static int32_t call_prepare(call *c, struct actmax_session *session, int32_t layer, const int32_t *filters, size_t count,
                            const struct actmax_recipe *recipe)
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
    if ((status = read_settings(session, recipe, &c->settings)) < 0) return status;
    if ((status = read_start(session, recipe, &c->settings, &c->start)) < 0) return status;
    c->settings.start_pixels = c->start;
    c->wanted = axm_alloc_array(session->allocator, count + 1, sizeof *c->wanted);
    if (!c->wanted) return ACTMAX_ERROR_NO_MEMORY;
    if (model->assumed) axm_text_add(&c->notes, "%s", model->notes);
    return ACTMAX_OK;
}

static void call_release(call *c)
{
    axm_free(c->session->allocator, c->start);
    axm_free(c->session->allocator, c->wanted);
}

/* One picture of the sum of `filters`. The plan leaves out all others, also those of other pictures of the call: that is less work,
 * and a picture does not depend on its company (kernels are chosen by the number of channels, and round differently). */
static int32_t call_run(call *c, const int32_t *filters, int32_t count, int32_t picture, int32_t pictures,
                        struct actmax_result **out)
{
    axm_maximize_target target = {.value = c->target.value,
                                  .channel_axis = c->axis,
                                  .filters = filters,
                                  .filter_count = count,
                                  .wanted = c->wanted,
                                  .wanted_count = sort_unique(c->wanted, filters, count),
                                  .picture = picture,
                                  .pictures = pictures,
                                  .image_index = 0};
    axm_maximize_outcome outcome = {0};
    const char *layer = axm_model_value_name(c->session->model, c->target.value);
    char words[300];
    axm_text text = axm_text_in(words, sizeof words);
    int32_t status = axm_maximize(&c->session->runner, &c->session->model->input, &target, &c->settings, &outcome);
    if (status < 0) return status;
    axm_text_add(&text, count ? "filter" : "the mean of all filters");
    for (int32_t i = 0; i < count && i < 8; ++i)
        axm_text_add(&text, "%s%d", i ? "+" : " ", (int)filters[i]);
    axm_text_add(&text, "%s of '%.120s'", count > 8 ? "+..." : "", layer);
    status = fill_result(c->session, &outcome, layer, words, c->note_buffer, out);
    axm_free(c->session->allocator, outcome.pixels);
    return status;
}

int32_t actmax_session_maximize(actmax_session *session, int32_t layer, const int32_t *filters, size_t filter_count,
                                const actmax_recipe *recipe, actmax_result **out)
{
    if (!session || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_maximize: session or out is NULL");
    call c = {0};
    axm_message_clear();
    int32_t status = call_prepare(&c, session, layer, filters, filter_count, recipe);
    if (status >= 0) status = call_run(&c, filters, (int32_t)filter_count, 1, 1, out);
    if (c.session) call_release(&c);
    return status;
}

int32_t actmax_session_maximize_each(actmax_session *session, int32_t layer, const int32_t *filters, size_t filter_count,
                                     const actmax_recipe *recipe, actmax_result **out)
{
    if (!session || !out || !filter_count)
        return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_maximize_each: session or out is NULL, or there are no filters");
    call c = {0};
    axm_message_clear();
    int32_t status = call_prepare(&c, session, layer, filters, filter_count, recipe), worst = ACTMAX_OK;
    bool stopped = false;
    actmax_result **made = status < 0 ? NULL : axm_calloc_array(session->allocator, filter_count, sizeof(actmax_result *));
    if (status >= 0 && !made) status = ACTMAX_ERROR_NO_MEMORY;
    for (size_t i = 0; i < filter_count && status >= 0; ++i) {
        status = call_run(&c, &filters[i], 1, (int32_t)i + 1, (int32_t)filter_count, &made[i]);
        if (status > worst) worst = status;
        /* The caller's stop ends the remaining pictures too, after a first step each; the time limit is for each picture. */
        if (status == ACTMAX_NOTE_STOPPED) c.settings.steps = 1;
        stopped = stopped || status == ACTMAX_NOTE_STOPPED;
    }
    if (status >= 0 && stopped)
        worst = axm_fail(ACTMAX_NOTE_STOPPED, "stopped by the caller; pictures after that have one step only at each size");
    for (size_t i = 0; made && i < filter_count; ++i) {
        if (status >= 0)
            out[i] = made[i];
        else
            actmax_result_free(made[i]);
    }
    axm_free(session->allocator, made);
    if (c.session) call_release(&c);
    return status < 0 ? status : worst;
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

/* ---- Progress ---- */

int32_t actmax_progress_number(const actmax_progress *progress, const char *name, double *out)
{
    axm_message_clear();
    if (!progress || !name || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_progress_number: an argument is NULL");
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"step", (double)progress->step},
                   {"steps", (double)progress->steps},
                   {"objective", progress->objective},
                   {"activation", progress->objective},
                   {"loss", progress->loss},
                   {"lp_norm", progress->lp_norm},
                   {"total_variation", progress->total_variation},
                   {"scale", progress->scale},
                   {"scales", progress->scales},
                   {"picture", progress->picture},
                   {"pictures", progress->pictures},
                   {"seconds", progress->seconds}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        if (strcmp(numbers[i].name, name) != 0) continue;
        *out = numbers[i].value;
        return ACTMAX_OK;
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "progress has no number '%.60s'; see actmax_progress_number in actmax.h", name);
}

const float *actmax_progress_image(const actmax_progress *progress, int32_t *width, int32_t *height, int32_t *channels)
{
    if (!progress) return NULL;
    if (width) *width = progress->width;
    if (height) *height = progress->height;
    if (channels) *channels = progress->channels;
    return progress->pixels;
}
