/* Recipes: the public setters and getters, and how the library reads them. */
#include "api/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "api/parts.h"
#include "base/checked.h"
#include "base/status.h"
#include "base/text.h"

/* ---- Allocators ---- */

static axm_allocator *allocator_new(actmax_alloc_fn alloc, actmax_free_fn release, void *user)
{
    axm_allocator *allocator = alloc ? alloc(user, sizeof *allocator) : malloc(sizeof *allocator);
    if (!allocator) {
        axm_no_memory(sizeof *allocator, "a handle");
        return NULL;
    }
    axm_allocator_init(allocator, alloc, release, user);
    atomic_store(&allocator->references, 1);
    return allocator;
}

axm_allocator *axm_allocator_default(void)
{
    return allocator_new(NULL, NULL, NULL);
}

axm_allocator *axm_allocator_share(axm_allocator *allocator)
{
    atomic_fetch_add(&allocator->references, 1);
    return allocator;
}

void axm_allocator_release(axm_allocator *allocator)
{
    if (!allocator || atomic_fetch_sub(&allocator->references, 1) != 1) return;
    if (allocator->free)
        allocator->free(allocator->user, allocator);
    else
        free(allocator);
}

axm_allocator *axm_recipe_allocator(const struct actmax_recipe *recipe)
{
    return recipe ? axm_allocator_share(recipe->allocator) : axm_allocator_default();
}

/* ---- Life ---- */

int32_t actmax_recipe_new_with(actmax_alloc_fn alloc, actmax_free_fn release, void *user, actmax_recipe **out)
{
    axm_message_clear();
    if (!out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_recipe_new: out is NULL");
    if (!alloc != !release) return axm_fail(ACTMAX_ERROR_INVALID, "give both an alloc and a free function, or neither");
    axm_allocator *allocator = allocator_new(alloc, release, user);
    if (!allocator) return ACTMAX_ERROR_NO_MEMORY;
    actmax_recipe *recipe = axm_calloc_array(allocator, 1, sizeof *recipe);
    axm_option_value *values = axm_calloc_array(allocator, (size_t)axm_option_count(), sizeof *values);
    if (!recipe || !values) {
        axm_free(allocator, recipe);
        axm_free(allocator, values);
        axm_allocator_release(allocator);
        return ACTMAX_ERROR_NO_MEMORY;
    }
    recipe->allocator = allocator;
    recipe->values = values;
    *out = recipe;
    return ACTMAX_OK;
}

int32_t actmax_recipe_new(actmax_recipe **out)
{
    return actmax_recipe_new_with(NULL, NULL, NULL, out);
}

void actmax_recipe_free(actmax_recipe *recipe)
{
    if (!recipe) return;
    axm_allocator *allocator = recipe->allocator;
    for (int32_t i = 0; i < axm_option_count(); ++i)
        axm_free(allocator, recipe->values[i].text);
    for (int32_t p = 0; p < recipe->part_count; ++p)
        for (int32_t i = 0; i < AXM_PART_OPTIONS; ++i)
            axm_free(allocator, recipe->parts[p].value[i].text);
    for (axm_bound_input *input = recipe->inputs, *next; input; input = next) {
        next = input->next;
        axm_free(allocator, input->name);
        axm_free(allocator, input->data);
        axm_free(allocator, input);
    }
    axm_image_free(recipe->start);
    axm_free(allocator, recipe->external);
    axm_free(allocator, recipe->values);
    axm_free(allocator, recipe);
    axm_allocator_release(allocator);
}

/* ---- Setting ---- */

static char *copy_text(axm_allocator *allocator, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = axm_alloc(allocator, size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

/* Puts `fresh` in the place of `value`, with `text` as what get_text gives. */
static int32_t replace_value(axm_allocator *allocator, axm_option_value *value, axm_option_value *fresh, const char *text)
{
    fresh->text = copy_text(allocator, text);
    if (!fresh->text) return ACTMAX_ERROR_NO_MEMORY;
    axm_free(allocator, value->text);
    *value = *fresh;
    return ACTMAX_OK;
}

static int32_t set_numbers(axm_allocator *allocator, const axm_option *option, axm_option_value *value, const double *numbers,
                           size_t count)
{
    axm_option_value fresh = {0};
    char buffer[AXM_OPTION_NUMBERS * 32];
    axm_text text = axm_text_in(buffer, sizeof buffer);
    int32_t status = axm_option_check_numbers(option, numbers, count, &fresh);
    if (status < 0) return status;
    for (size_t i = 0; i < count; ++i)
        axm_text_add(&text, "%s%.17g", i ? "," : "", numbers[i]);
    return replace_value(allocator, value, &fresh, buffer);
}

static int32_t set_text(axm_allocator *allocator, const axm_option *option, axm_option_value *value, const char *text)
{
    axm_option_value fresh = {0};
    if (!text) return axm_fail(ACTMAX_ERROR_INVALID, "the value of option '%s' is missing (NULL)", option->name);
    int32_t status = axm_option_parse(option, text, &fresh);
    return status < 0 ? status : replace_value(allocator, value, &fresh, text);
}

static int32_t find_for(actmax_recipe *recipe, const char *option, int32_t *index)
{
    axm_message_clear();
    if (!recipe) return axm_fail(ACTMAX_ERROR_INVALID, "the recipe is missing (NULL)");
    return axm_option_index(option, index);
}

int32_t actmax_recipe_set_numbers(actmax_recipe *recipe, const char *option, const double *values, size_t count)
{
    int32_t index;
    int32_t status = find_for(recipe, option, &index);
    if (status < 0) return status;
    if (!values) return axm_fail(ACTMAX_ERROR_INVALID, "the values of option '%s' are missing (NULL)", option);
    return set_numbers(recipe->allocator, axm_option_at(index), &recipe->values[index], values, count);
}

int32_t actmax_recipe_set_number(actmax_recipe *recipe, const char *option, double value)
{
    return actmax_recipe_set_numbers(recipe, option, &value, 1);
}

int32_t actmax_recipe_set_text(actmax_recipe *recipe, const char *option, const char *value)
{
    int32_t index;
    int32_t status = find_for(recipe, option, &index);
    return status < 0 ? status : set_text(recipe->allocator, axm_option_at(index), &recipe->values[index], value);
}

int32_t actmax_recipe_get_number(const actmax_recipe *recipe, const char *option, double *out)
{
    int32_t index;
    axm_message_clear();
    int32_t status = axm_option_index(option, &index);
    if (status < 0) return status;
    if (!recipe || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_recipe_get_number: recipe or out is NULL");
    int32_t type = axm_option_at(index)->type;
    if (type == ACTMAX_TYPE_TEXT || type == ACTMAX_TYPE_CHOICE)
        return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' is a text; read it with actmax_recipe_get_text", option);
    double numbers[AXM_OPTION_NUMBERS];
    if (axm_recipe_numbers(recipe, option, numbers) < 1)
        return axm_fail(ACTMAX_ERROR_NOT_FOUND, "option '%s' is not set and has no default", option);
    *out = numbers[0];
    return ACTMAX_OK;
}

int32_t actmax_recipe_get_text(const actmax_recipe *recipe, const char *option, const char **out)
{
    int32_t index;
    axm_message_clear();
    int32_t status = axm_option_index(option, &index);
    if (status < 0) return status;
    if (!recipe || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_recipe_get_text: recipe or out is NULL");
    *out = axm_recipe_text(recipe, axm_option_at(index)->name);
    return ACTMAX_OK;
}

/* ---- Parts ---- */

int32_t actmax_recipe_add_part(actmax_recipe *recipe, const char *part, int32_t *out_index)
{
    axm_message_clear();
    if (!recipe || !part) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_recipe_add_part: recipe or part is NULL");
    const char *name, *kind;
    int32_t status = axm_part_find(part, &name, &kind);
    if (status < 0) return status;
    if (recipe->part_count == AXM_RECIPE_PARTS)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a recipe holds up to %d parts", AXM_RECIPE_PARTS);
    axm_recipe_part *added = &recipe->parts[recipe->part_count];
    *added = (axm_recipe_part){.name = name, .kind = kind};
    int32_t options = 0;
    for (int32_t i = 0; i < AXM_PART_OPTIONS; ++i)
        added->option[i] = -1;
    for (int32_t i = 0; i < axm_option_count() && options < AXM_PART_OPTIONS; ++i)
        if (strcmp(axm_option_at(i)->part, name) == 0) added->option[options++] = i;
    if (out_index) *out_index = recipe->part_count;
    recipe->part_count++;
    return ACTMAX_OK;
}

static int32_t part_option(actmax_recipe *recipe, int32_t part_index, const char *option, int32_t *slot)
{
    int32_t index;
    int32_t status = find_for(recipe, option, &index);
    if (status < 0) return status;
    if (part_index < 0 || part_index >= recipe->part_count)
        return axm_fail(ACTMAX_ERROR_INVALID, "the recipe has %d parts; there is no part %d", (int)recipe->part_count,
                        (int)part_index);
    for (*slot = 0; *slot < AXM_PART_OPTIONS; ++*slot)
        if (recipe->parts[part_index].option[*slot] == index) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_INVALID, "option '%s' does not belong to part '%s'", option, recipe->parts[part_index].name);
}

int32_t actmax_recipe_set_part_number(actmax_recipe *recipe, int32_t part_index, const char *option, double value)
{
    int32_t slot;
    int32_t status = part_option(recipe, part_index, option, &slot);
    if (status < 0) return status;
    axm_recipe_part *part = &recipe->parts[part_index];
    return set_numbers(recipe->allocator, axm_option_at(part->option[slot]), &part->value[slot], &value, 1);
}

int32_t actmax_recipe_set_part_text(actmax_recipe *recipe, int32_t part_index, const char *option, const char *value)
{
    int32_t slot;
    int32_t status = part_option(recipe, part_index, option, &slot);
    if (status < 0) return status;
    axm_recipe_part *part = &recipe->parts[part_index];
    return set_text(recipe->allocator, axm_option_at(part->option[slot]), &part->value[slot], value);
}

/* ---- Inputs, external data, callback ---- */

int32_t actmax_recipe_bind_input(actmax_recipe *recipe, const char *input, const float *data, const int64_t *dims, int32_t rank)
{
    axm_message_clear();
    size_t bytes = sizeof(float);
    if (!recipe || !input || !data || (rank > 0 && !dims) || rank < 0 || rank > AXM_MAX_RANK)
        return axm_fail(ACTMAX_ERROR_INVALID, "actmax_recipe_bind_input: give a recipe, a name, data, and 0 to %d dims",
                        AXM_MAX_RANK);
    for (int32_t i = 0; i < rank; ++i)
        if (dims[i] < 0 || !axm_mul_size(bytes, (size_t)dims[i], &bytes))
            return axm_fail(ACTMAX_ERROR_INVALID, "dimension %d of bound input '%.80s' is not usable", (int)i, input);
    axm_bound_input *bound = axm_calloc_array(recipe->allocator, 1, sizeof *bound);
    char *name = bound ? copy_text(recipe->allocator, input) : NULL;
    float *copy = name ? axm_alloc(recipe->allocator, bytes) : NULL;
    if (!copy) {
        axm_free(recipe->allocator, name);
        axm_free(recipe->allocator, bound);
        return ACTMAX_ERROR_NO_MEMORY;
    }
    if (bytes) memcpy(copy, data, bytes);
    *bound = (axm_bound_input){.name = name, .data = copy, .rank = rank, .next = recipe->inputs};
    for (int32_t i = 0; i < rank; ++i)
        bound->dims[i] = dims[i];
    recipe->inputs = bound;
    return ACTMAX_OK;
}

int32_t actmax_recipe_set_start(actmax_recipe *recipe, const actmax_image *image)
{
    axm_message_clear();
    if (!recipe) return axm_fail(ACTMAX_ERROR_INVALID, "the recipe is missing (NULL)");
    struct actmax_image *copy = NULL;
    if (image) {
        size_t values = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
        int32_t status =
            axm_image_new(recipe->allocator, NULL, image->width, image->height, image->channels, image->floats != NULL, &copy);
        if (status < 0) return status;
        if (image->floats)
            memcpy(copy->floats, image->floats, values * sizeof *copy->floats);
        else
            memcpy(copy->bytes, image->bytes, values);
    }
    axm_image_free(recipe->start);
    recipe->start = copy;
    return ACTMAX_OK;
}

int32_t actmax_recipe_add_external_data(actmax_recipe *recipe, const char *location, const void *data, size_t size)
{
    axm_message_clear();
    if (!recipe || !location || (!data && size))
        return axm_fail(ACTMAX_ERROR_INVALID, "actmax_recipe_add_external_data: recipe, location or data is NULL");
    if (recipe->external_count == AXM_FILES_LIMIT)
        return axm_fail(ACTMAX_ERROR_LIMIT, "a recipe holds up to %d pieces of external data", AXM_FILES_LIMIT);
    if (recipe->external_count == recipe->external_capacity) {
        size_t wanted = recipe->external_capacity ? recipe->external_capacity * 2 : 4;
        void *grown = recipe->external;
        if (!axm_grow_array(recipe->allocator, &grown, recipe->external_capacity, wanted, sizeof *recipe->external))
            return axm_no_memory((uint64_t)wanted * sizeof *recipe->external, "external data");
        recipe->external = grown;
        recipe->external_capacity = wanted;
    }
    recipe->external[recipe->external_count++] = (axm_external_data){location, data, size};
    return ACTMAX_OK;
}

int32_t actmax_recipe_set_callback(actmax_recipe *recipe, actmax_progress_fn callback, void *user)
{
    axm_message_clear();
    if (!recipe) return axm_fail(ACTMAX_ERROR_INVALID, "the recipe is missing (NULL)");
    recipe->callback = callback;
    recipe->callback_user = user;
    return ACTMAX_OK;
}
