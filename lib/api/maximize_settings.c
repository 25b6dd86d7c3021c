/* From a recipe to the settings of a maximisation. */
#include <string.h>

#include "api/maximize_call.h"
#include "base/status.h"

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
        active = active || (i == 0 && transform->values[i] != 0.0);
    }
    if (strcmp(name, "jitter") == 0) {
        active = active || transform->values[2] > 0.0;
        transform->kept = transform->values[1] > 0.0;
    }
    if (active && transform->kept && s->pyramid)
        return axm_fail(ACTMAX_ERROR_INVALID, "jitter_mode=kept moves the picture itself; it wants parameters=pixel");
    if (active) s->transform_count++;
    return ACTMAX_OK;
}

static void add_penalty(axm_maximize_settings *s, const struct actmax_recipe *recipe, const axm_recipe_part *part,
                        const axm_regularizer *regularizer)
{
    const char *form = regularizer->form_option;
    axm_penalty_settings p = {.weight = axm_recipe_part_number(recipe, part, regularizer->weight_option),
                              .power = axm_recipe_part_number(recipe, part, regularizer->power_option),
                              .form = form ? (int32_t)axm_recipe_part_number(recipe, part, form) : 0,
                              .exact = axm_recipe_choice(recipe, "penalties") == 1};
    if (p.weight > 0.0) s->penalties[s->penalty_count++] = (axm_penalty){regularizer, p};
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

/* Sizes of the picture and of its scales. */
static int32_t read_sizes(const struct actmax_session *session, const struct actmax_recipe *recipe, axm_maximize_settings *s)
{
    const axm_limits *limits = &session->model->limits;
    axm_scale_rule *rule = &s->scale_rule;
    int32_t sides[AXM_SCALES_MOST];
    *rule = (axm_scale_rule){.scales = axm_recipe_integer(recipe, "scales"),
                             .factor = axm_recipe_number(recipe, "scale_factor"),
                             .down = axm_recipe_choice(recipe, "scale_rounding") == 1};
    axm_session_size(session, &s->height, &s->width);
    axm_recipe_size(recipe, "size", &s->height, &s->width);
    if (!axm_recipe_is_explicit(recipe, "size") && axm_recipe_size(recipe, "start_size", &rule->first_height, &rule->first_width)) {
        axm_scale_sides(rule, rule->first_height, 0, sides);
        s->height = sides[rule->scales - 1];
        axm_scale_sides(rule, rule->first_width, 0, sides);
        s->width = sides[rule->scales - 1];
    }
    if (s->height > limits->image_side || s->width > limits->image_side || (int64_t)s->height * s->width > limits->image_pixels)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a picture of %d x %d is larger than limit_image_side or limit_image_pixels allow",
                        (int)s->width, (int)s->height);
    return ACTMAX_OK;
}

static axm_display read_display(const struct actmax_recipe *recipe)
{
    return (axm_display){.standardise = axm_recipe_choice(recipe, "display") == 1,
                         .deviation = axm_recipe_number(recipe, "display_deviation"),
                         .epsilon = axm_recipe_number(recipe, "display_epsilon"),
                         .crop = axm_recipe_integer(recipe, "display_crop"),
                         .round_down = axm_recipe_choice(recipe, "rounding") == 1};
}

static void read_gradient(const struct actmax_recipe *recipe, axm_maximize_settings *s)
{
    s->gradient = (axm_gradient_scaling)axm_recipe_choice(recipe, "gradient");
    s->gradient_epsilon = axm_recipe_number(recipe, "gradient_epsilon");
    s->scale_total = axm_recipe_choice(recipe, "gradient_of") == 1;
    s->gradient_modifier = (axm_gradient_modifier)axm_recipe_choice(recipe, "gradient_modifier");
    s->target_weight = axm_recipe_number(recipe, "target_weight");
    s->drops = axm_recipe_is_set(recipe, "drop_below");
    s->drop_below = axm_recipe_number(recipe, "drop_below");
    s->dead_tries = axm_recipe_integer(recipe, "dead_tries");
}

/* What cannot go together. */
static int32_t check_settings(const axm_maximize_settings *s)
{
    if (s->units != AXM_UNITS_NETWORK) return ACTMAX_OK;
    if (s->pyramid) return axm_fail(ACTMAX_ERROR_INVALID, "units=network optimises the input itself; it wants parameters=pixel");
    if (s->penalty_count && !s->penalties[0].settings.exact)
        return axm_fail(ACTMAX_ERROR_INVALID, "regularisers of units=network are of no range; they want penalties=exact");
    return ACTMAX_OK;
}

int32_t axm_maximize_read(const struct actmax_session *session, const struct actmax_recipe *recipe, axm_maximize_settings *s)
{
    *s = (axm_maximize_settings){.seed = (uint64_t)axm_recipe_number(recipe, "seed"),
                                 .units = (axm_units)axm_recipe_choice(recipe, "units"),
                                 .start = (axm_start)axm_recipe_choice(recipe, "start"),
                                 .start_mean = axm_recipe_number(recipe, "start_mean"),
                                 .start_range = axm_recipe_number(recipe, "start_range"),
                                 .clip = axm_recipe_number(recipe, "clip") != 0.0,
                                 .pyramid = axm_recipe_choice(recipe, "parameters") == 1,
                                 .contrast = axm_input_channels(&session->model->input) == 3 ? 1.0 : 2.0,
                                 .keep = (axm_keep)axm_recipe_choice(recipe, "keep"),
                                 .steps = (int64_t)axm_recipe_number(recipe, "steps"),
                                 .late_steps = axm_recipe_number(recipe, "late_steps"),
                                 .time_limit = axm_recipe_number(recipe, "time_limit"),
                                 .last_scale = axm_recipe_number(recipe, "last_scale") != 0.0,
                                 .enlarging = (axm_enlarging)axm_recipe_choice(recipe, "scale_filter"),
                                 .scale_blur = axm_recipe_number(recipe, "scale_blur"),
                                 .scale_box = axm_recipe_integer(recipe, "scale_box"),
                                 .display = read_display(recipe),
                                 .neuron_y = axm_recipe_integer(recipe, "neuron_y"),
                                 .neuron_x = axm_recipe_integer(recipe, "neuron_x"),
                                 .border = axm_recipe_integer(recipe, "border"),
                                 .callback = recipe ? recipe->callback : NULL,
                                 .callback_user = recipe ? recipe->callback_user : NULL};
    if (axm_recipe_is_set(recipe, "contrast")) s->contrast = axm_recipe_number(recipe, "contrast");
    read_gradient(recipe, s);
    int32_t status = read_sizes(session, recipe, s);
    if (status < 0) return status;
    read_optimizer(s, recipe);
    status = read_parts(s, recipe);
    return status < 0 ? status : check_settings(s);
}
