/* Where a network looks for its best class in a photograph: a Grad-CAM overlay, in the fewest lines.
 *
 *     cc minimal_cam.c -o minimal_cam $(pkg-config --cflags --libs actmax)
 *     ./minimal_cam net.onnx cat.jpg cam.png torch
 */
#include <actmax.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words)
{
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_image *photograph = NULL, *overlay = NULL;
    actmax_result *result = NULL;
    const actmax_image *heat = NULL; /* belongs to the result */
    double class_index = 0;
    int code = EXIT_FAILURE;

    if (count != 5) {
        fprintf(stderr, "usage: %s MODEL.onnx PHOTOGRAPH OUT.png raw|unit|tf|torch|caffe\n", words[0]);
        return EXIT_FAILURE;
    }
    if (actmax_recipe_new(&recipe) < 0 || actmax_recipe_set_text(recipe, "preprocess", words[4]) < 0) goto done;
    if (actmax_model_load(words[1], recipe, &model) < 0 || actmax_image_load(words[2], recipe, &photograph) < 0) goto done;
    if (actmax_model_grad_cam(model, photograph, ACTMAX_CLASS_TOP, recipe, &result) < 0) goto done;
    if (actmax_result_image(result, "heat", &heat) < 0 || actmax_image_overlay(heat, photograph, recipe, &overlay) < 0) goto done;
    if (actmax_image_save(overlay, words[3]) < 0 || actmax_result_number(result, "class", &class_index) < 0) goto done;
    printf("%s: class %.0f\n", words[3], class_index);
    code = EXIT_SUCCESS;
done:
    if (code != EXIT_SUCCESS) fprintf(stderr, "%s\n", actmax_message());
    actmax_image_free(overlay);
    actmax_image_free(photograph);
    actmax_result_free(result);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    return code;
}
