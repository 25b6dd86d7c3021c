/* Presets: their table, and the maximisation and maps that they name against the published code (presets.txt). */
#include <actmax.h>
#include <math.h>

#include "golden_lines.h"
#include "image/image.h"
#include "modifiers/modifier.h"
#include "tiny.h"
#include "visualize/enlarge.h"
#include "visualize/gradient.h"

#define SIDE   16
#define VALUES (SIDE * SIDE * 3)

static const char *preset_text(const actmax_recipe *recipe, const char *option)
{
    const char *text;
    must(actmax_recipe_get_text(recipe, option, &text));
    return text;
}

/* ---- The table ---- */

/* Every row is an option's value that the setter takes; every preset is a choice of the option, and the other way round. */
static void table(void **state)
{
    (void)state;
    actmax_recipe *recipe;
    must(actmax_recipe_new(&recipe));
    assert_int_equal(actmax_preset_count(), 5);
    for (int32_t p = 0; p < actmax_preset_count(); p++) {
        set_option(recipe, "preset", actmax_preset_name(p));
        for (int32_t i = 0; i < actmax_preset_option_count(p); i++) {
            actmax_recipe *other;
            const char *option = actmax_preset_option_name(p, i), *value = actmax_preset_option_value(p, i);
            must(actmax_recipe_new(&other));
            set_option(other, option, value);
            assert_string_equal(preset_text(recipe, option), value);
            actmax_recipe_free(other);
        }
        assert_null(actmax_preset_option_name(p, actmax_preset_option_count(p)));
        assert_null(actmax_preset_option_value(p, -1));
    }
    assert_null(actmax_preset_name(5));
    assert_null(actmax_preset_name(-1));
    assert_int_equal(actmax_preset_option_count(5), 0);
    actmax_recipe_free(recipe);
}

/* What is set stays, whether before or after the preset; "none" gives the library's defaults back. */
static void overriding(void **state)
{
    (void)state;
    actmax_recipe *recipe;
    double steps;
    must(actmax_recipe_new(&recipe));
    set_option(recipe, "steps", "7");
    set_option(recipe, "preset", "fastai");
    set_option(recipe, "learning_rate", "0.5");
    must(actmax_recipe_get_number(recipe, "steps", &steps));
    assert_true(steps == 7.0);
    assert_string_equal(preset_text(recipe, "learning_rate"), "0.5");
    assert_string_equal(preset_text(recipe, "weight_decay"), "1e-6");
    set_option(recipe, "preset", "none");
    assert_string_equal(preset_text(recipe, "weight_decay"), "0");
    actmax_recipe_free(recipe);
}

/* ---- Pieces, by hand ---- */

static void sizes(void **state)
{
    (void)state;
    static const int32_t fastai[] = {56, 67, 80, 96, 115, 138, 165, 198, 237, 284, 340, 408};
    static const int32_t keras[] = {79, 95, 114, 137, 165, 198, 238, 286, 343, 412};
    int32_t sides[12];
    axm_scale_rule rule = {.scales = 12, .factor = 1.2, .down = true};
    axm_scale_sides(&rule, 56, 0, sides);
    for (int i = 0; i < 12; i++)
        assert_int_equal(sides[i], fastai[i]);
    rule.scales = 10;
    axm_scale_sides(&rule, 0, 412, sides);
    for (int i = 0; i < 10; i++)
        assert_int_equal(sides[i], keras[i]);
}

static void scalings(void **state)
{
    (void)state;
    static const float start[] = {3.0f, -4.0f, 0.0f, 0.0f};
    static const float expected[3][2] = {{3.0f / 2.6f, -4.0f / 2.6f}, {0.3f, -0.4f}, {3.0f / 4.1f, -4.0f / 4.1f}};
    static const double epsilon[] = {0.1, 100.0, 0.1}; /* rms 2.5 + 0.1; sqrt(max(25, 100)); 4 + 0.1 */
    for (int k = 0; k < 3; k++) {
        float g[4];
        memcpy(g, start, sizeof g);
        axm_gradient_scale((axm_gradient_scaling)(AXM_GRADIENT_RMS + k), epsilon[k], g, 4);
        assert_true(fabsf(g[0] - expected[k][0]) < 1e-6f && fabsf(g[1] - expected[k][1]) < 1e-6f && g[2] == 0.0f);
    }
    static const float modified[6][2] = {{3.0f, -4.0f},         {-3.0f, 4.0f}, {3.0f, 4.0f},
                                         {1.0f / 3.0f, -0.25f}, {3.0f, 0.0f},  {1.0f / 3.0f, 0.25f}};
    for (int k = 0; k < 6; k++) {
        float g[2] = {3.0f, -4.0f};
        axm_gradient_modify((axm_gradient_modifier)k, g, 2);
        assert_true(fabsf(g[0] - modified[k][0]) < 1e-6f && fabsf(g[1] - modified[k][1]) < 1e-6f);
    }
}

/* 1 2 3 4 | mean of 3, reflected about the ends: (2+1+2)/3, 2, 3, (3+4+3)/3; of 2, one further up: (2+1)/2, 1.5, 2.5, 3.5. */
static void box(void **state)
{
    (void)state;
    static const float x[] = {1, 2, 3, 4};
    static const float three[] = {5.0f / 3.0f, 2, 3, 10.0f / 3.0f}, two[] = {1.5f, 1.5f, 2.5f, 3.5f};
    float scratch[4], y[4];
    axm_extent row = {4, 1, 1}, column = {1, 4, 1};
    axm_box_blur(3, row, x, scratch, y);
    near_all("row", y, three, 4, 1e-6);
    axm_box_blur(3, column, x, scratch, y);
    near_all("column", y, three, 4, 1e-6);
    axm_box_blur(2, row, x, scratch, y);
    near_all("even", y, two, 4, 1e-6);
}

static void display(void **state)
{
    (void)state;
    static const float x[] = {1, 3, 1, 3}; /* mean 2, deviation 1 */
    float y[4];
    axm_display d = {.standardise = true, .deviation = 0.1, .epsilon = 0.0, .round_down = true};
    axm_display_levels(&d, x, 4, y);
    assert_true(y[0] == 102.0f && y[1] == 153.0f); /* 127.5 -+ 25.5 */
    d = (axm_display){.round_down = false};
    static const float wild[] = {-5.0f, 2.5f, 254.6f, 300.0f};
    axm_display_levels(&d, wild, 4, y);
    assert_true(y[0] == 0.0f && y[1] == 3.0f && y[2] == 255.0f && y[3] == 255.0f);
}

/* keras-vis stitch_images: rows of `cols`, black margins between; fewer images than columns make a narrower sheet. */
static void stitch(void **state)
{
    (void)state;
    actmax_image *images[5], *sheet;
    for (int i = 0; i < 5; i++) {
        uint8_t pixels[2 * 3 * 3];
        memset(pixels, 10 * (i + 1), sizeof pixels);
        must(actmax_image_new(2, 3, 3, pixels, 0, &images[i]));
    }
    must(actmax_image_stitch((const actmax_image *const *)images, 5, 3, 4, &sheet));
    assert_true(actmax_image_width(sheet) == 14 && actmax_image_height(sheet) == 10);
    const uint8_t *p = actmax_image_pixels(sheet);
    for (int y = 0; y < 10; y++) {
        for (int x = 0; x < 14; x++) {
            int row = y / 7, column = x / 6, at = row * 3 + column;
            int level = y % 7 < 3 && x % 6 < 2 && at < 5 ? 10 * (at + 1) : 0;
            assert_int_equal(p[(y * 14 + x) * 3], level);
        }
    }
    actmax_image_free(sheet);
    must(actmax_image_stitch((const actmax_image *const *)images, 2, 5, 5, &sheet));
    assert_true(actmax_image_width(sheet) == 9 && actmax_image_height(sheet) == 3);
    actmax_image_free(sheet);
    assert_int_equal(actmax_image_stitch((const actmax_image *const *)images, 2, 0, 5, &sheet), ACTMAX_ERROR_INVALID);
    for (int i = 0; i < 5; i++)
        actmax_image_free(images[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table), cmocka_unit_test(overriding), cmocka_unit_test(sizes),  cmocka_unit_test(scalings),
        cmocka_unit_test(box),   cmocka_unit_test(display),    cmocka_unit_test(stitch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
