/* The option table keeps its promises; recipes and their parts take and give back what it says, and refuse the rest. */
#include "tiny.h"

#include "base/limits.h"
#include "image/image.h"
#include "optimizers/optimizer.h"

#define INVALID ACTMAX_ERROR_INVALID
#define MISSING ACTMAX_ERROR_NOT_FOUND

/* ---- The option table ---- */

static bool is_word(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_')) return false;
    return *text != '\0';
}

/* Every choice of "a|b|c" can be set, and is given back. */
static void check_choices(actmax_recipe *recipe, const char *name, const char *choices)
{
    char copy[200];
    const char *got;
    assert_true(strlen(choices) < sizeof copy && *choices);
    strcpy(copy, choices);
    for (char *at = copy, *end; at; at = end) {
        end = strchr(at, '|');
        if (end) *end++ = '\0';
        set_option(recipe, name, at);
        must(actmax_recipe_get_text(recipe, name, &got));
        assert_string_equal(got, at);
    }
    refused(actmax_recipe_set_text(recipe, name, "neither"), INVALID, choices);
    refused(actmax_recipe_set_text(recipe, name, ""), INVALID, choices);
    refused(actmax_recipe_set_text(recipe, name, choices), INVALID, strchr(choices, '|') ? "is one of" : "");
    refused(actmax_recipe_set_number(recipe, name, 0), INVALID, "set it with actmax_recipe_set_text");
}

static void check_bounds(actmax_recipe *recipe, const char *name, double low, double high, bool whole)
{
    double got = 0.0;
    assert_true(low < high);
    must(actmax_recipe_set_number(recipe, name, low));
    must(actmax_recipe_set_number(recipe, name, high));
    must(actmax_recipe_get_number(recipe, name, &got));
    assert_true(got == high);
    const double wrong[] = {low - fmax(fabs(low) * 1e-9, 1e-9), high + fmax(fabs(high) * 1e-9, 1e-9), NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(actmax_recipe_set_number(recipe, name, wrong[i]), INVALID, name);
    if (whole) refused(actmax_recipe_set_number(recipe, name, low + 0.5), INVALID, "whole number");
    must(actmax_recipe_get_number(recipe, name, &got)); /* as it was */
    assert_true(got == high);
    refused(actmax_recipe_set_text(recipe, name, "ten"), INVALID, "not a number");
    refused(actmax_recipe_set_text(recipe, name, "1 2"), INVALID, "not a number");
    refused(actmax_recipe_set_text(recipe, name, "nan"), INVALID, "not a number");
    refused(actmax_recipe_set_text(recipe, name, "1,"), INVALID, name);
    refused(actmax_recipe_set_text(recipe, name, ""), INVALID, name);
}

static void option_table(void **state)
{
    (void)state;
    int32_t count = actmax_option_count();
    assert_true(count > 50);
    for (int32_t i = 0; i < count; i++) {
        const char *name = actmax_option_name(i), *part = actmax_option_part(i), *help = actmax_option_help(i);
        const char *fallback = actmax_option_default(i), *choices = actmax_option_choices(i);
        int32_t type = actmax_option_type(i), found = -1;
        double low = actmax_option_minimum(i), high = actmax_option_maximum(i);
        actmax_recipe *recipe = tiny_recipe(NULL);
        if (!is_word(name) || !is_word(part)) fail_msg("option '%s' of part '%s' is no plain word", name, part);
        assert_true(actmax_option_id(i) > 0);
        assert_true(strlen(help) > 10 && help[strlen(help) - 1] != '.');
        must(actmax_option_find(name, &found));
        assert_int_equal(found, i); /* names are unique, and so are ids */
        for (int32_t j = 0; j < i; j++)
            assert_true(actmax_option_id(i) != actmax_option_id(j));
        if (*fallback) set_option(recipe, name, fallback); /* the default is a value */
        if (type == ACTMAX_TYPE_CHOICE)
            check_choices(recipe, name, choices);
        else
            assert_string_equal(choices, "");
        if (type == ACTMAX_TYPE_INTEGER || type == ACTMAX_TYPE_SWITCH) check_bounds(recipe, name, low, high, true);
        if (type == ACTMAX_TYPE_NUMBER) check_bounds(recipe, name, low, high, false);
        if (type == ACTMAX_TYPE_SWITCH) assert_true(low == 0.0 && high == 1.0);
        if (type == ACTMAX_TYPE_TEXT) refused(actmax_recipe_set_number(recipe, name, 1), INVALID, "is a text");
        assert_true(type >= ACTMAX_TYPE_INTEGER && type <= ACTMAX_TYPE_SWITCH);
        actmax_recipe_free(recipe);
    }
    for (int32_t k = 0; k < 2; k++) {
        int32_t index = k ? count : -1;
        assert_true(!actmax_option_name(index) && !actmax_option_part(index) && !actmax_option_help(index));
        assert_true(!actmax_option_default(index) && !actmax_option_choices(index) && actmax_option_id(index) == 0);
        assert_true(actmax_option_type(index) == 0 && actmax_option_minimum(index) == 0 && actmax_option_maximum(index) == 0);
    }
    int32_t found = -7;
    must(actmax_option_find("learning-rate", &found)); /* as command lines write it */
    assert_string_equal(actmax_option_name(found), "learning_rate");
    found = -7;
    refused(actmax_option_find("learning_rat", &found), MISSING, "nearest: 'learning_rate'");
    refused(actmax_option_find(NULL, &found), INVALID, "name of an option");
    assert_int_equal(found, -7);
}

static double default_of(const char *name)
{
    double value = NAN;
    actmax_recipe *recipe = tiny_recipe(NULL);
    must(actmax_recipe_get_number(recipe, name, &value));
    actmax_recipe_free(recipe);
    return value;
}

/* The table repeats what other lists say. */
static void table_and_lists(void **state)
{
    (void)state;
    axm_limits limits = axm_limits_default();
    assert_true(default_of("limit_file_bytes") == (double)limits.file_bytes);
    assert_true(default_of("limit_tensor_elements") == (double)limits.tensor_elements);
    assert_true(default_of("limit_nodes") == (double)limits.nodes && default_of("limit_nesting") == (double)limits.nesting);
    assert_true(default_of("limit_planned_bytes") == (double)limits.planned_bytes);
    assert_true(default_of("limit_image_pixels") == (double)limits.image_pixels);
    assert_true(default_of("limit_image_side") == (double)limits.image_side);
    char list[200] = "";
    for (int32_t i = 0; axm_optimizer_at(i); i++)
        sprintf(list + strlen(list), "%s%s", i ? "|" : "", axm_optimizer_at(i)->name);
    int32_t index;
    must(actmax_option_find("optimizer", &index));
    assert_string_equal(actmax_option_choices(index), list);
    list[0] = '\0';
    for (int32_t i = 0; axm_preprocess_name(i); i++)
        sprintf(list + strlen(list), "%s%s", i ? "|" : "", axm_preprocess_name(i));
    must(actmax_option_find("preprocess", &index));
    assert_string_equal(actmax_option_choices(index), list);
    list[0] = '\0';
    for (int32_t i = 0; axm_colormap_at(i); i++)
        sprintf(list + strlen(list), "%s%s", i ? "|" : "", axm_colormap_at(i)->name);
    must(actmax_option_find("colormap", &index));
    assert_string_equal(actmax_option_choices(index), list);
}

/* ---- Parts and values of a recipe ---- */

/* Every option of a part can be set on the part, and no other. */
static void parts(void **state)
{
    (void)state;
    assert_true(actmax_part_count() >= 10);
    assert_true(!actmax_part_name(-1) && !actmax_part_kind(-1) && !actmax_part_name(actmax_part_count()));
    for (int32_t p = 0; p < actmax_part_count(); p++) {
        const char *part = actmax_part_name(p), *kind = actmax_part_kind(p);
        actmax_recipe *recipe = tiny_recipe(NULL);
        int32_t index = -1, options = 0;
        assert_true(strcmp(kind, "transform") == 0 || strcmp(kind, "regularizer") == 0 || strcmp(kind, "optimizer") == 0);
        must(actmax_recipe_add_part(recipe, "jitter", NULL));
        must(actmax_recipe_add_part(recipe, part, &index));
        assert_int_equal(index, 1);
        for (int32_t i = 0; i < actmax_option_count(); i++) {
            if (actmax_option_type(i) == ACTMAX_TYPE_CHOICE) continue; /* texts */
            int32_t status = actmax_recipe_set_part_number(recipe, index, actmax_option_name(i), actmax_option_maximum(i));
            bool own = strcmp(actmax_option_part(i), part) == 0;
            if (own != (status == ACTMAX_OK)) fail_msg("part '%s', option '%s': %s", part, actmax_option_name(i), actmax_message());
            options += own;
        }
        assert_true(options > 0);
        actmax_recipe_free(recipe);
    }
    actmax_recipe *recipe = tiny_recipe(NULL);
    int32_t index = -1;
    refused(actmax_recipe_add_part(recipe, "jiter", &index), MISSING, "there are: ");
    must(actmax_recipe_add_part(recipe, "adam", &index));
    refused(actmax_recipe_set_part_number(recipe, 1, "beta1", 0.5), INVALID, "there is no part 1");
    refused(actmax_recipe_set_part_number(recipe, -1, "beta1", 0.5), INVALID, "there is no part -1");
    refused(actmax_recipe_set_part_number(recipe, 0, "beta1", 2), INVALID, "'beta1' is 2");
    refused(actmax_recipe_set_part_text(recipe, 0, "beta1", "x"), INVALID, "not a number");
    refused(actmax_recipe_set_part_text(recipe, 0, "beta", "0"), MISSING, "nearest: 'beta1'");
    for (int i = 1; i < 32; i++)
        must(actmax_recipe_add_part(recipe, "flip", NULL));
    refused(actmax_recipe_add_part(recipe, "flip", NULL), ACTMAX_ERROR_LIMIT, "up to 32 parts");
    actmax_recipe_free(recipe);
}

static void recipe_values(void **state)
{
    (void)state;
    actmax_recipe *recipe = tiny_recipe(NULL);
    double value = -3.0, many[17] = {0};
    const char *text = NULL;
    refused(actmax_recipe_get_number(recipe, "scale", &value), MISSING, "is not set and has no default");
    refused(actmax_recipe_get_number(recipe, "preprocess", &value), INVALID, "read it with actmax_recipe_get_text");
    refused(actmax_recipe_get_number(recipe, "nothing", &value), MISSING, "no option 'nothing'");
    assert_true(value == -3.0);
    must(actmax_recipe_get_text(recipe, "steps", &text));
    assert_string_equal(text, "200");
    must(actmax_recipe_get_text(recipe, "mean", &text));
    assert_string_equal(text, "");
    must(actmax_recipe_set_numbers(recipe, "mean", (const double[]){0.1, -2, 1e6}, 3));
    must(actmax_recipe_get_text(recipe, "mean", &text));
    actmax_recipe *other = tiny_recipe("mean", text, NULL); /* what it gives, it takes */
    const char *again;
    must(actmax_recipe_get_text(other, "mean", &again));
    assert_string_equal(again, text);
    actmax_recipe_free(other);
    set_option(recipe, "mean", text); /* even its own text */
    refused(actmax_recipe_set_numbers(recipe, "mean", many, 0), INVALID, "1 to 16 numbers, not 0");
    refused(actmax_recipe_set_numbers(recipe, "mean", many, 17), INVALID, "not 17");
    refused(actmax_recipe_set_numbers(recipe, "size", (const double[]){1, 2, 3}, 3), INVALID, "one or two numbers");
    refused(actmax_recipe_set_numbers(recipe, "steps", (const double[]){1, 2}, 2), INVALID, "one number");
    refused(actmax_recipe_set_text(recipe, "mean", "1,2,,3"), INVALID, "mean");
    refused(actmax_recipe_set_text(recipe, "mean", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"), INVALID, "mean");
    refused(actmax_recipe_set_text(recipe, "size", "10.5"), INVALID, "whole number");
    char longest[2000];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    refused(actmax_recipe_set_text(recipe, "start_image", longest), INVALID, "too long");
    refused(actmax_recipe_set_text(recipe, longest, "1"), MISSING, "no option 'aaa");
    set_option(recipe, "clip", "off");
    must(actmax_recipe_get_number(recipe, "clip", &value));
    assert_true(value == 0.0);
    set_option(recipe, "clip", "yes");
    must(actmax_recipe_get_number(recipe, "clip", &value));
    assert_true(value == 1.0);
    actmax_recipe_free(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(option_table),
        cmocka_unit_test(table_and_lists),
        cmocka_unit_test(parts),
        cmocka_unit_test(recipe_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
