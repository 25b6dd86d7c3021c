/* A network small enough to be worked through on paper, and the maps that peers' formulas give of it. keras-vis's own numbers are
 * under its preset. Captum's published expectations for the same network are marked with a star. */
#include "tiny.h"

typedef struct toy {
    tiny file;
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    actmax_image *image;
} toy;

/* 0 .. 15 as 4 x 4; two 3x3 filters of ones, biases -50 and -75; ReLU; five weights of 1 and three of -1; ReLU. */
static toy open_toy(const char *preset)
{
    static const float ones[18] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const float biases[2] = {-50, -75}, dense[8] = {1, 1, 1, 1, 1, -1, -1, -1}, zero[1] = {0};
    toy t = {.recipe = tiny_recipe("preset", preset, "preprocess", "raw", NULL)};
    float pixels[16];
    tiny_begin(&t.file, 1, 1, 4, 4);
    tiny_values(&t.file, "conv_w", ones, 2, 1, 3, 3);
    tiny_values(&t.file, "conv_b", biases, 2, 0, 0, 0);
    tiny_values(&t.file, "dense_w", dense, 8, 1, 0, 0);
    tiny_values(&t.file, "dense_b", zero, 1, 0, 0, 0);
    tiny_open(&t.file, "Conv", "conv", "x conv_w conv_b", "conv");
    tiny_ints(&t.file, "kernel_shape", (const int64_t[]){3, 3}, 2);
    tiny_close(&t.file);
    tiny_node(&t.file, "Relu", "relu1", "conv", "relu1");
    tiny_node(&t.file, "Flatten", "flat", "relu1", "flat");
    tiny_node(&t.file, "Gemm", "dense", "flat dense_w dense_b", "dense");
    tiny_node(&t.file, "Relu", "relu2", "dense", "relu2");
    tiny_output(&t.file, "relu2");
    t.model = tiny_load(&t.file, t.recipe);
    t.session = tiny_session(t.model, 1);
    for (int i = 0; i < 16; i++)
        pixels[i] = (float)i;
    must(actmax_image_new_float(4, 4, 1, pixels, &t.image));
    return t;
}

static void close_toy(toy *t)
{
    actmax_image_free(t->image);
    actmax_session_free(t->session);
    actmax_model_free(t->model);
    actmax_recipe_free(t->recipe);
    tiny_free(&t->file);
}

static actmax_result *cam_of(const toy *t, const char *layer)
{
    actmax_result *result;
    must(actmax_session_grad_cam(t->session, t->image, ACTMAX_LAYER_OUTPUT, 0, layer_of(t->model, layer), t->recipe, &result));
    return result;
}

/* keras-vis: its division by the largest gradient changes nothing but the scale; its corner-aligned spline makes the map. */
static void keras_vis(void **state)
{
    (void)state;
    static const float map[16] = {0,       .03191f, .09117f, .12308f, .22336f, .25630f, .31748f, .35043f,
                                  .63818f, .67304f, .73779f, .77265f, .86154f, .89744f, .96410f, 1};
    toy t = open_toy("keras-vis");
    actmax_result *result = cam_of(&t, "relu1");
    near_all("map", array_of(result, "map", 16), map, 16, 1e-4);
    assert_true(number(result, "score") == 54.0);
    actmax_result_free(result);
    close_toy(&t);
}

/* The half-pixel bilinear map of other peers; and the raw maps of two layers *. */
static void grad_cam(void **state)
{
    (void)state;
    static const float map[16] = {0,       .03077f, .09231f, .12308f, .21538f, .24712f, .31058f, .34231f,
                                  .64615f, .67981f, .74712f, .78077f, .86154f, .89615f, .96538f, 1};
    toy t = open_toy("none");
    actmax_result *result = cam_of(&t, "relu1");
    near_all("map", array_of(result, "map", 16), map, 16, 1e-4);
    near_all("relu1", array_of(result, "map_raw", 4), (const float[]){0, 4, 28, 32.5f}, 4, 1e-5);
    actmax_result_free(result);
    result = cam_of(&t, "conv");
    near_all("conv", array_of(result, "map_raw", 4), (const float[]){11.25f, 13.5f, 20.25f, 22.5f}, 4, 1e-5);
    actmax_result_free(result);
    close_toy(&t);
}

/* The true gradient by the pixels, guided and deconvnet's *. keras-vis calls the last one relu. */
static void rules(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "guided", "relu"};
    static const float gradients[3][16] = {{0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0},
                                           {0, 1, 1, 1, 1, 3, 3, 2, 1, 3, 3, 2, 1, 2, 2, 1},
                                           {2, 3, 3, 1, 3, 5, 5, 2, 3, 5, 5, 2, 1, 2, 2, 1}};
    for (int preset = 0; preset < 2; preset++) {
        toy t = open_toy(preset ? "keras-vis" : "none");
        for (int i = 0; i < 3; i++) {
            actmax_result *result;
            float most = i == 0 ? 1.0f : i == 1 ? 3.0f : 5.0f, map[16];
            set_option(t.recipe, "backprop", names[i]);
            must(actmax_session_saliency(t.session, t.image, ACTMAX_LAYER_OUTPUT, 0, t.recipe, &result));
            near_all(names[i], array_of(result, "map_raw", 16), gradients[i], 16, 0.0);
            float least = i == 2 ? 1.0f : 0.0f;
            for (int k = 0; k < 16; k++)
                map[k] = (gradients[i][k] - least) / (most - least);
            near_all(names[i], array_of(result, "map", 16), map, 16, 1e-6);
            actmax_result_free(result);
        }
        close_toy(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keras_vis), cmocka_unit_test(grad_cam), cmocka_unit_test(rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
