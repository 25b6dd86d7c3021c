/* Networks as PyTorch's two exporters save them, against PyTorch's scores and gradients: one with its weights beside the file and
 * inside, and several of an unusual kind (tests/golden/make_odd_goldens.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actmax.h"
#include "base/status.h"
#include "onnx_network.h"

static const char *const exports[] = {"onnx/torch_dynamo.onnx", "onnx/torch_script.onnx"};
#define WEIGHTS "torch_dynamo.onnx.data"

static void path_of(const char *file, char path[4096])
{
    snprintf(path, 4096, "%s/%s", ACTMAX_TEST_DATA, file);
}

/* outputs: scores, weights of their sum, gradient of that sum with respect to the image */
static const onnx_case *expected(onnx_container *container)
{
    onnx_open(container, "onnx/torch.bin");
    const onnx_case *c = onnx_next(container);
    assert_true(c && c->output_count == 3);
    return c;
}

/* ---- Through the library's parts: any gradient ---- */

static void test_scores_and_gradient(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        onnx_container container;
        const onnx_case *c = expected(&container);
        char path[4096];
        size_t size;
        axm_plan *plan;
        path_of(exports[i], path);
        uint8_t *data = onnx_read_file(path, &size);
        onnx_network network = {.source = {.path = path, .allow_external = true}};
        if (!data || onnx_load(&network, data, size) < 0 || onnx_run(&network, &c->image, &plan) < 0)
            fail_msg("%s: %s", exports[i], axm_message());
        assert_int_equal(network.files.count, i == 0 ? 1 : 0); /* opened once, for several tensors */
        onnx_expect_gradient(&network, onnx_plan_gradient(&network, c, exports[i]), c, exports[i]);
        onnx_free(&network);
        onnx_close(&container);
        free(data);
    }
}

static void test_odd_networks(void **state)
{
    onnx_container container;
    int32_t count = 0;
    (void)state;
    onnx_open(&container, "onnx/odd.bin");
    for (const onnx_case *c; (c = onnx_next(&container)) != NULL; count++) {
        onnx_network network = {0};
        if (onnx_load(&network, c->model, c->model_size) < 0) fail_msg("%s: %s", c->name, axm_message());
        onnx_expect_gradient(&network, onnx_plan_gradient(&network, c, c->name), c, c->name);
        onnx_free(&network);
    }
    onnx_close(&container);
    assert_int_equal(count, 11);
}

/* ---- Through the public functions ---- */

static actmax_recipe *recipe_with(const char *option, double value)
{
    actmax_recipe *recipe;
    assert_int_equal(actmax_recipe_new(&recipe), ACTMAX_OK);
    assert_int_equal(actmax_recipe_set_text(recipe, "preprocess", "raw"), ACTMAX_OK);
    if (option) assert_int_equal(actmax_recipe_set_number(recipe, option, value), ACTMAX_OK);
    return recipe;
}

/* A float image takes its pixels as (height, width, channels). */
static actmax_image *image_of(const onnx_array *x)
{
    float pixels[16 * 16 * 3];
    actmax_image *image;
    assert_int_equal(x->count, 16 * 16 * 3);
    for (size_t i = 0; i < x->count; i++)
        pixels[i] = x->values[i % 3 * 256 + i / 3];
    assert_int_equal(actmax_image_new_float(16, 16, 3, pixels, &image), ACTMAX_OK);
    return image;
}

static void check_model(const actmax_model *model, const char *what)
{
    onnx_container container;
    const onnx_case *c = expected(&container);
    actmax_image *image = image_of(&c->image);
    actmax_session *session;
    actmax_result *result;
    const float *scores;
    axm_shape shape;
    assert_int_equal(actmax_session_new(model, NULL, &session), ACTMAX_OK);
    if (actmax_session_activations(session, image, ACTMAX_LAYER_OUTPUT, NULL, &result) < 0)
        fail_msg("%s: %s", what, actmax_message());
    assert_int_equal(actmax_result_array(result, "activations", &scores, shape.dim, &shape.rank), ACTMAX_OK);
    onnx_expect(what, scores, &shape, &c->outputs[0]);
    actmax_result_free(result);
    actmax_session_free(session);
    actmax_image_free(image);
    onnx_close(&container);
}

static void check_shape(const actmax_model *model, int64_t batch, int64_t side)
{
    int64_t dims[8];
    int32_t rank, axis;
    assert_string_equal(actmax_model_input_name(model), "image");
    assert_int_equal(actmax_model_input_shape(model, dims, &rank, &axis), ACTMAX_OK);
    assert_int_equal(rank, 4);
    assert_int_equal(axis, 1);
    assert_true(dims[0] == batch && dims[1] == 3 && dims[2] == side && dims[3] == side);
}

static void test_public(void **state)
{
    char path[4096];
    (void)state;
    for (int copy = 0; copy <= 1; copy++) {
        actmax_model *model;
        actmax_recipe *recipe = recipe_with("input_size", 16); /* of the second, which leaves it free */
        if (copy) assert_int_equal(actmax_recipe_set_text(recipe, "load_mode", "copy"), ACTMAX_OK);
        for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
            path_of(exports[i], path);
            if (actmax_model_load(path, recipe, &model) < 0) fail_msg("%s", actmax_message());
            check_shape(model, 1, 16);
            check_model(model, exports[i]);
            actmax_model_free(model);
        }
        actmax_recipe_free(recipe);
    }
}

static void test_free_size_must_be_given(void **state)
{
    char path[4096];
    actmax_model *model = NULL;
    actmax_recipe *recipe = recipe_with(NULL, 0);
    (void)state;
    path_of(exports[1], path);
    assert_int_equal(actmax_model_load(path, recipe, &model), ACTMAX_ERROR_INVALID);
    assert_non_null(strstr(actmax_message(), "input_size"));
    actmax_recipe_free(recipe);
    recipe = recipe_with("input_size", 40); /* another size than it was exported with */
    assert_int_equal(actmax_model_load(path, recipe, &model), ACTMAX_OK);
    check_shape(model, 1, 40);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
}

static void test_external_data(void **state)
{
    char path[4096];
    size_t size, weight_size;
    actmax_model *model = NULL;
    (void)state;
    path_of(exports[0], path);
    actmax_recipe *recipe = recipe_with("external_data", 0);
    assert_int_equal(actmax_model_load(path, recipe, &model), ACTMAX_ERROR_INVALID);
    assert_non_null(strstr(actmax_message(), "external_data"));
    assert_non_null(strstr(actmax_message(), WEIGHTS));
    uint8_t *data = onnx_read_file(path, &size);
    path_of("onnx/" WEIGHTS, path);
    uint8_t *weights = onnx_read_file(path, &weight_size);
    assert_true(data && weights);

    /* From memory: only what the caller hands over, under its name in the model; the option is about files. */
    assert_int_equal(actmax_model_load_memory(data, size, recipe, &model), ACTMAX_ERROR_NOT_FOUND);
    assert_non_null(strstr(actmax_message(), WEIGHTS));
    assert_non_null(strstr(actmax_message(), "actmax_recipe_add_external_data"));
    assert_int_equal(actmax_recipe_add_external_data(recipe, "other.data", weights, weight_size), ACTMAX_OK);
    assert_int_equal(actmax_model_load_memory(data, size, recipe, &model), ACTMAX_ERROR_NOT_FOUND);
    assert_int_equal(actmax_recipe_add_external_data(recipe, WEIGHTS, weights, weight_size), ACTMAX_OK);
    if (actmax_model_load_memory(data, size, recipe, &model) < 0) fail_msg("%s", actmax_message());
    check_model(model, "from memory");
    actmax_model_free(model);
    actmax_recipe_free(recipe);

    recipe = recipe_with(NULL, 0);
    model = NULL;
    assert_int_equal(actmax_recipe_add_external_data(recipe, WEIGHTS, weights, weight_size - 1), ACTMAX_OK);
    assert_int_equal(actmax_model_load_memory(data, size, recipe, &model), ACTMAX_ERROR_FORMAT);
    assert_non_null(strstr(actmax_message(), "cut off"));
    assert_null(model);
    actmax_recipe_free(recipe);
    free(data);
    free(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_and_gradient),     cmocka_unit_test(test_odd_networks),  cmocka_unit_test(test_public),
        cmocka_unit_test(test_free_size_must_be_given), cmocka_unit_test(test_external_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
