/* How the library reads a recipe: values by name, defaults from the table. */
#include <string.h>

#include "api/presets.h"
#include "api/recipe.h"
#include "base/status.h"

static const axm_option *option_of(const char *name, int32_t *index)
{
    for (*index = 0; *index < axm_option_count(); ++*index)
        if (strcmp(axm_option_at(*index)->name, name) == 0) return axm_option_at(*index);
    return NULL;
}

/* The preset's value for an option; NULL: it has none. */
static const char *preset_value(const struct actmax_recipe *recipe, const axm_option *option)
{
    int32_t index;
    if (!recipe || !option_of("preset", &index) || !recipe->values[index].set) return NULL;
    return axm_preset_value(recipe->values[index].text, option->name);
}

/* What stands for an option that was not set. */
static const char *fallback_of(const struct actmax_recipe *recipe, const axm_option *option)
{
    const char *value = preset_value(recipe, option);
    return value ? value : option->fallback;
}

bool axm_recipe_is_explicit(const struct actmax_recipe *recipe, const char *name)
{
    int32_t index;
    return recipe && option_of(name, &index) && recipe->values[index].set;
}

bool axm_recipe_is_set(const struct actmax_recipe *recipe, const char *name)
{
    int32_t index;
    const axm_option *option = option_of(name, &index);
    return recipe && option && (recipe->values[index].set || preset_value(recipe, option));
}

int32_t axm_recipe_numbers(const struct actmax_recipe *recipe, const char *name, double out[AXM_OPTION_NUMBERS])
{
    int32_t index;
    const axm_option *option = option_of(name, &index);
    axm_option_value value = {0};
    if (!option) return 0;
    const char *fallback = fallback_of(recipe, option);
    if (recipe && recipe->values[index].set)
        value = recipe->values[index];
    else if (!*fallback || axm_option_parse(option, fallback, &value) < 0)
        return 0;
    memcpy(out, value.numbers, sizeof value.numbers);
    return value.count;
}

double axm_recipe_number(const struct actmax_recipe *recipe, const char *name)
{
    double numbers[AXM_OPTION_NUMBERS] = {0};
    return axm_recipe_numbers(recipe, name, numbers) > 0 ? numbers[0] : 0.0;
}

int32_t axm_recipe_integer(const struct actmax_recipe *recipe, const char *name)
{
    return (int32_t)axm_recipe_number(recipe, name);
}

int32_t axm_recipe_choice(const struct actmax_recipe *recipe, const char *name)
{
    double numbers[AXM_OPTION_NUMBERS] = {0};
    return axm_recipe_numbers(recipe, name, numbers) > 0 ? (int32_t)numbers[0] : -1;
}

const char *axm_recipe_text(const struct actmax_recipe *recipe, const char *name)
{
    int32_t index;
    const axm_option *option = option_of(name, &index);
    if (!option) return "";
    return recipe && recipe->values[index].set ? recipe->values[index].text : fallback_of(recipe, option);
}

double axm_recipe_part_number(const struct actmax_recipe *recipe, const axm_recipe_part *part, const char *name)
{
    for (int32_t i = 0; part && i < AXM_PART_OPTIONS && part->option[i] >= 0; ++i)
        if (part->value[i].set && strcmp(axm_option_at(part->option[i])->name, name) == 0) return part->value[i].numbers[0];
    return axm_recipe_number(recipe, name);
}

axm_limits axm_recipe_limits(const struct actmax_recipe *recipe)
{
    return (axm_limits){.file_bytes = (int64_t)axm_recipe_number(recipe, "limit_file_bytes"),
                        .tensor_elements = (int64_t)axm_recipe_number(recipe, "limit_tensor_elements"),
                        .nodes = (int64_t)axm_recipe_number(recipe, "limit_nodes"),
                        .nesting = (int64_t)axm_recipe_number(recipe, "limit_nesting"),
                        .planned_bytes = (int64_t)axm_recipe_number(recipe, "limit_planned_bytes"),
                        .image_pixels = (int64_t)axm_recipe_number(recipe, "limit_image_pixels"),
                        .image_side = (int64_t)axm_recipe_number(recipe, "limit_image_side")};
}

bool axm_recipe_size(const struct actmax_recipe *recipe, const char *name, int32_t *height, int32_t *width)
{
    double numbers[AXM_OPTION_NUMBERS] = {0};
    int32_t count = axm_recipe_numbers(recipe, name, numbers);
    if (count < 1) return false;
    *height = (int32_t)numbers[0];
    *width = (int32_t)numbers[count > 1 ? 1 : 0];
    return true;
}
