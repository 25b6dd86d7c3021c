/* The network and the picture of visualize.txt, open, for tests of maps. */
#ifndef AXM_TEST_GOLDEN_MAPS_H
#define AXM_TEST_GOLDEN_MAPS_H

#include "golden_lines.h"
#include "tiny.h"

#define PIXELS (12 * 10) /* of the picture */

typedef struct golden {
    actmax_model *model;
    actmax_session *session;
    actmax_image *image;
    actmax_recipe *recipe;
} golden;

static inline golden open_golden(void)
{
    golden g = {.recipe = tiny_recipe("preprocess", "unit", NULL)};
    g.model = golden_model("visualize.onnx", g.recipe);
    g.session = tiny_session(g.model, 1);
    g.image = golden_picture();
    return g;
}

static inline void close_golden(golden *g)
{
    actmax_session_free(g->session);
    actmax_model_free(g->model);
    actmax_image_free(g->image);
    actmax_recipe_free(g->recipe);
}

static inline double largest(const float *x, size_t count)
{
    double most = 0.0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

#endif
