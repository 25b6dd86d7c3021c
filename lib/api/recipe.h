/* A recipe: option values, parts in order, bound inputs, a callback. The other api files read it through these. */
#ifndef AXM_API_RECIPE_H
#define AXM_API_RECIPE_H

#include "api/options.h"
#include "base/limits.h"
#include "image/image.h"
#include "loaders/loader.h"

#define AXM_RECIPE_PARTS 32
#define AXM_PART_OPTIONS 8 /* the most that one part has in options.def, and some */

typedef struct axm_recipe_part {
    const char *name, *kind;
    int32_t option[AXM_PART_OPTIONS]; /* indices into the table, -1 past the end */
    axm_option_value value[AXM_PART_OPTIONS];
} axm_recipe_part;

typedef struct axm_bound_input {
    char *name;
    float *data;
    int64_t dims[AXM_MAX_RANK];
    int32_t rank;
    struct axm_bound_input *next;
} axm_bound_input;

struct actmax_recipe {
    axm_allocator *allocator;
    axm_option_value *values; /* [axm_option_count()] */
    axm_recipe_part parts[AXM_RECIPE_PARTS];
    int32_t part_count;
    axm_bound_input *inputs;
    axm_external_data *external;
    size_t external_count, external_capacity;
    struct actmax_image *start; /* of a maximisation; NULL: none */
    actmax_progress_fn callback;
    void *callback_user;
};

/* Shared allocators: made once, freed with the last handle that uses them. */
axm_allocator *axm_allocator_default(void); /* malloc and free; NULL (message set) when even that fails */
axm_allocator *axm_allocator_share(axm_allocator *allocator);
void axm_allocator_release(axm_allocator *allocator);
axm_allocator *axm_recipe_allocator(const struct actmax_recipe *recipe); /* a share of it, or a new default one */

/* Values by name; when not set, the preset's, else the default (recipe may be NULL). Names are the library's own: a wrong one gives
 * 0 or "". */
bool axm_recipe_is_set(const struct actmax_recipe *recipe, const char *option);      /* by the caller or a preset */
bool axm_recipe_is_explicit(const struct actmax_recipe *recipe, const char *option); /* by the caller */
double axm_recipe_number(const struct actmax_recipe *recipe, const char *option);
int32_t axm_recipe_integer(const struct actmax_recipe *recipe, const char *option);
int32_t axm_recipe_choice(const struct actmax_recipe *recipe, const char *option); /* position among the choices; -1: none */
const char *axm_recipe_text(const struct actmax_recipe *recipe, const char *option);
/* The list, or count 0 when it is not set and has no default. */
int32_t axm_recipe_numbers(const struct actmax_recipe *recipe, const char *option, double out[AXM_OPTION_NUMBERS]);
/* An option of a part: its own value when the part was added and it was set there, else the recipe's. */
double axm_recipe_part_number(const struct actmax_recipe *recipe, const axm_recipe_part *part, const char *option);

axm_limits axm_recipe_limits(const struct actmax_recipe *recipe);
/* Height and width from "size" or "input_size": one number is both. False when not set. */
bool axm_recipe_size(const struct actmax_recipe *recipe, const char *option, int32_t *height, int32_t *width);

#endif
