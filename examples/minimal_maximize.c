/* The picture that excites one filter, in the fewest lines.
 *
 *     cc minimal_maximize.c -o minimal_maximize $(pkg-config --cflags --libs actmax)
 *     ./minimal_maximize net.onnx conv5 3 filter.png torch
 */
#include <actmax.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words)
{
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_result *result = NULL;
    double start = 0, end = 0;
    int code = EXIT_FAILURE;

    if (count != 6) {
        fprintf(stderr, "usage: %s MODEL.onnx LAYER FILTER OUT.png raw|unit|tf|torch|caffe\n", words[0]);
        return EXIT_FAILURE;
    }
    /* a recipe holds options; NULL in its place means the defaults */
    if (actmax_recipe_new(&recipe) < 0 || actmax_recipe_set_text(recipe, "preprocess", words[5]) < 0 ||
        actmax_recipe_set_number(recipe, "steps", 100) < 0)
        goto done;
    if (actmax_model_load(words[1], recipe, &model) < 0) goto done;
    if (actmax_model_maximize(model, words[2], atoi(words[3]), recipe, &result) < 0) goto done;
    if (actmax_result_save(result, words[4]) < 0) goto done;
    if (actmax_result_number(result, "activation_start", &start) < 0 || actmax_result_number(result, "activation_end", &end) < 0)
        goto done;
    printf("%s: activation %g -> %g\n", words[4], start, end);
    code = EXIT_SUCCESS;
done:
    if (code != EXIT_SUCCESS) fprintf(stderr, "%s\n", actmax_message());
    actmax_result_free(result);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    return code;
}
