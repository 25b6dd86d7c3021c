/* The option "activations": how it is read, and what it refuses. What it computes is held against keras-vis in
 * tests/python/test_vis.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "actmax.h"
#include "base/alloc.h"
#include "loaders/activations.h"

static axm_allocator allocator;

static void reading(void **state)
{
    axm_arena arena;
    axm_activations list;
    (void)state;
    axm_allocator_init(&allocator, NULL, NULL, NULL);
    axm_arena_init(&arena, &allocator);
    assert_int_equal(axm_activations_read(&arena, " a/b =linear, c=d=relu,e=tanh ,a/b=elu", &list), ACTMAX_OK);
    assert_int_equal(list.count, 4);
    assert_string_equal(axm_activations_take(&list, "a/b"), "elu");
    assert_string_equal(axm_activations_take(&list, "c=d"), "relu");
    assert_null(axm_activations_take(&list, "a"));
    assert_int_equal(axm_activations_check(&list), ACTMAX_ERROR_NOT_FOUND);
    assert_non_null(strstr(actmax_message(), "'e'"));
    assert_string_equal(axm_activations_take(&list, "e"), "tanh");
    assert_int_equal(axm_activations_check(&list), ACTMAX_OK);
    assert_null(axm_activations_take(NULL, "e"));
    assert_int_equal(axm_activations_read(&arena, "", &list), ACTMAX_OK);
    assert_int_equal(list.count, 0);
    static const char *const wrong[] = {"a", "=relu", "a=", "a=relu,", ",a=relu", "  =  ", "="};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i)
        assert_int_equal(axm_activations_read(&arena, wrong[i], &list), ACTMAX_ERROR_INVALID);
    axm_arena_free(&arena);
}

static int32_t load(const char *activations, actmax_model **model)
{
    actmax_recipe *recipe = NULL;
    assert_int_equal(actmax_recipe_new(&recipe), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_text(recipe, "preprocess", "unit"), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_text(recipe, "activations", activations), ACTMAX_OK);
    int32_t status = actmax_model_load(ACTMAX_TEST_EXAMPLES "/fashion_mnist.onnx", recipe, model);
    actmax_recipe_free(recipe);
    return status;
}

static void onnx(void **state)
{
    actmax_model *model = NULL;
    (void)state;
    assert_int_equal(load("relu1=linear, relu2=tanh", &model), ACTMAX_OK);
    actmax_model_free(model);
    model = NULL;
    static const struct {
        const char *text;
        int32_t status;
        const char *said;
    } wrong[] = {{"relu9=linear", ACTMAX_ERROR_NOT_FOUND, "no layer 'relu9'"},
                 {"conv1=linear", ACTMAX_ERROR_UNSUPPORTED, "'conv1' (Conv) is no activation"},
                 {"relu1=wavy", ACTMAX_ERROR_UNSUPPORTED, "not 'wavy'"},
                 {"relu1", ACTMAX_ERROR_INVALID, "LAYER=ACTIVATION"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        assert_int_equal(load(wrong[i].text, &model), wrong[i].status);
        assert_non_null(strstr(actmax_message(), wrong[i].said));
        assert_null(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading), cmocka_unit_test(onnx)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
