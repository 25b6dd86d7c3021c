/* A program as a user of the installed library writes it: loads a network, makes a picture, asks for what is not there.
 * usage: consumer MODEL.onnx OUT.png */
#include <actmax.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *where)
{
    fprintf(stderr, "%s: %s\n", where, actmax_message());
    return EXIT_FAILURE;
}

int main(int count, char **words)
{
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_result *result = NULL;
    double steps = 0;
    if (count != 3) return EXIT_FAILURE;
    if (actmax_version() != ACTMAX_VERSION) return fail("the header and the library differ");
    if (actmax_recipe_new(&recipe) < 0 || actmax_recipe_set_text(recipe, "preprocess", "unit") < 0 ||
        actmax_recipe_set_number(recipe, "steps", 4) < 0)
        return fail("recipe");
    if (actmax_model_load(words[1], recipe, &model) < 0) return fail("load");
    if (actmax_model_maximize(model, "no such layer", 0, recipe, &result) != ACTMAX_ERROR_NOT_FOUND)
        return fail("a layer that is not there");
    if (result || !strstr(actmax_message(), "no such layer")) return fail("the message names no layer");
    if (actmax_model_maximize(model, "conv2", 1, recipe, &result) < 0) return fail("maximize");
    if (actmax_result_number(result, "steps", &steps) < 0 || steps < 1) return fail("steps");
    if (actmax_result_save(result, words[2]) < 0) return fail("save");
    actmax_result_free(result);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    printf("actmax %s: %s\n", actmax_version_string(), words[2]);
    return EXIT_SUCCESS;
}
