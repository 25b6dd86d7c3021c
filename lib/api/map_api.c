/* actmax_session_grad_cam and actmax_session_saliency. */
#include <string.h>

#include "api/session.h"
#include "base/status.h"
#include "visualize/cam.h"

static void read_map_options(const struct actmax_recipe *recipe, bool saliency, axm_map_request *r)
{
    static const axm_relu_rule rules[] = {AXM_RELU_PLAIN, AXM_RELU_GUIDED, AXM_RELU_DECONV};
    static const axm_interpolation kinds[] = {AXM_HALF_PIXEL_BILINEAR, AXM_CORNER_CUBIC_SPLINE, AXM_NEAREST};
    static const axm_map_scaling scalings[] = {AXM_MAP_MINMAX, AXM_MAP_MAX, AXM_MAP_NONE};
    r->rule = rules[axm_recipe_choice(recipe, "backprop")];
    r->resize = kinds[axm_recipe_choice(recipe, "cam_resize")];
    r->scaling = scalings[axm_recipe_choice(recipe, "cam_scaling")];
    r->epsilon = axm_recipe_number(recipe, "cam_epsilon");
    r->max_gradient = axm_recipe_choice(recipe, "cam_gradient") == 1;
    int32_t modifier = axm_recipe_choice(recipe, "map_modifier");
    r->modifier = modifier >= 0 ? (axm_gradient_modifier)modifier : saliency ? AXM_MODIFIER_ABSOLUTE : AXM_MODIFIER_NONE;
}

static bool is_convolution_or_pooling(const char *type)
{
    return (strstr(type, "Conv") || strstr(type, "Pool")) && !strstr(type, "Global");
}

/* keras-vis's rule: backwards through the list of layers from the last but one before the target's, whatever it is computed from.
 */
static int32_t listed_layer(const struct actmax_model *model, int32_t target_layer, int32_t *value)
{
    int32_t from = target_layer == ACTMAX_LAYER_OUTPUT ? model->layers.count - 1 : target_layer;
    for (int32_t layer = from - 2; layer >= 0; --layer)
        if (is_convolution_or_pooling(actmax_model_layer_type(model, layer))) return axm_model_layer_value(model, layer, value);
    return axm_fail(ACTMAX_ERROR_NOT_FOUND,
                    "cam_layer=listed finds no convolution or pooling two layers or more before the target; "
                    "name the layer of the map, or take cam_layer=spatial");
}

/* The default layer of the map, or the one that was named. */
static int32_t choose_layer(struct actmax_session *session, const struct actmax_recipe *recipe, int32_t target_layer,
                            int32_t cam_layer, axm_map_request *r)
{
    const struct actmax_model *model = session->model;
    int32_t status = ACTMAX_OK;
    axm_arena arena;
    axm_arena_init(&arena, session->allocator);
    if (cam_layer == ACTMAX_LAYER_AUTO && axm_recipe_choice(recipe, "cam_layer") == 1) {
        status = listed_layer(model, target_layer, &r->cam);
    } else if (cam_layer == ACTMAX_LAYER_AUTO) {
        status = axm_cam_value(model->graph, model->facts, r->target, &arena, &r->cam);
        if (status >= 0 && r->cam == AXM_NO_VALUE)
            status = axm_fail(ACTMAX_ERROR_NOT_FOUND, "no layer before the target has height and width above 1; use saliency");
    } else if ((status = axm_model_layer_value(model, cam_layer, &r->cam)) >= 0) {
        bool depends;
        status = axm_depends_on(model->graph, r->target, r->cam, &arena, &depends);
        if (status >= 0 && (!depends || r->cam == r->target))
            status =
                axm_fail(ACTMAX_ERROR_INVALID, "the target '%.80s' is not computed from layer '%.80s'; choose a layer before it",
                         axm_model_value_name(model, r->target), axm_model_value_name(model, r->cam));
    }
    axm_arena_free(&arena);
    if (status >= 0) r->cam_axis = axm_channel_axis(model->graph, r->cam, &model->facts[r->cam].shape);
    return status;
}

/* The heat map as a picture of the photograph's size. */
static int32_t add_heat(struct actmax_session *session, const struct actmax_recipe *recipe, const axm_map_request *r,
                        const float *map, struct actmax_result *result)
{
    const axm_colormap *colormap = axm_colormap_find(axm_recipe_text(recipe, "colormap"));
    struct actmax_image *image = NULL;
    int32_t status = axm_image_new(session->allocator, &session->model->limits, r->photo_width, r->photo_height, 3, false, &image);
    if (status < 0) return status;
    axm_colormap_apply(colormap, map, (size_t)r->photo_width * (size_t)r->photo_height, image->bytes);
    axm_allocator_share(session->allocator);
    axm_result_add_image(result, "heat", image);
    return ACTMAX_OK;
}

static int32_t fill_result(struct actmax_session *session, const struct actmax_recipe *recipe, const axm_map_request *r,
                           axm_map *map, const char *layer, const char *notes, struct actmax_result **out)
{
    struct actmax_result *result = NULL;
    int64_t dims[2] = {r->photo_height, r->photo_width}, raw_dims[3] = {map->raw_height, map->raw_width, map->raw_channels};
    char all[1200];
    axm_text text = axm_text_in(all, sizeof all);
    axm_text_add(&text, "%s%s%s", notes, map->note ? axm_message() : "", map->note ? "\n" : "");
    int32_t status = axm_result_new(session->allocator, &result);
    if (status < 0) {
        axm_free(session->allocator, map->map);
        axm_free(session->allocator, map->raw);
        return status;
    }
    axm_result_add_number(result, "class", map->filter);
    axm_result_add_number(result, "score", map->score);
    axm_result_add_number(result, "modified", map->modified);
    axm_result_add_number(result, "left", map->left);
    axm_result_add_number(result, "status", map->note);
    axm_result_add_array(result, "map", map->map, dims, 2);
    axm_result_add_array(result, "map_raw", map->raw, raw_dims, map->raw_channels > 1 ? 3 : 2);
    status = axm_result_add_text(result, "layer", layer);
    if (status >= 0) status = axm_result_add_text(result, "notes", all);
    if (status >= 0) status = add_heat(session, recipe, r, map->map, result);
    if (status < 0) {
        actmax_result_free(result);
        return status;
    }
    *out = result;
    return map->note;
}

static int32_t make_map(actmax_session *session, const actmax_image *image, int32_t target_layer, int32_t filter, int32_t cam_layer,
                        bool saliency, const actmax_recipe *recipe, actmax_result **out)
{
    axm_map_request r = {.filter = filter < 0 ? -1 : filter, .photo_height = image->height, .photo_width = image->width};
    char buffer[600];
    axm_text notes = axm_text_in(buffer, sizeof buffer);
    axm_target target;
    axm_map map = {0};
    float *network = NULL;
    int32_t status = axm_session_target(session, target_layer, recipe, &target, &r.target_axis, &notes);
    if (status < 0) return status;
    r.target = target.value;
    read_map_options(recipe, saliency, &r);
    axm_session_size(session, &r.height, &r.width);
    axm_fit_region(image->width, image->height, r.width, r.height, r.region);
    if (!saliency && (status = choose_layer(session, recipe, target_layer, cam_layer, &r)) < 0) return status;
    if ((status = axm_session_input(session, image, &network)) < 0) return status;
    r.network = network;
    const axm_input *input = &session->model->input;
    status = saliency ? axm_saliency(&session->runner, input, &r, &map) : axm_grad_cam(&session->runner, input, &r, &map);
    axm_free(session->allocator, network);
    if (status < 0) return status;
    const char *layer = axm_model_value_name(session->model, saliency ? input->value : r.cam);
    if (session->model->assumed) axm_text_add(&notes, "%s", session->model->notes);
    return fill_result(session, recipe, &r, &map, layer, buffer, out);
}

int32_t actmax_session_grad_cam(actmax_session *session, const actmax_image *image, int32_t target_layer, int32_t filter,
                                int32_t cam_layer, const actmax_recipe *recipe, actmax_result **out)
{
    if (!session || !image || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_grad_cam: session, image or out is NULL");
    axm_message_clear();
    return make_map(session, image, target_layer, filter, cam_layer, false, recipe, out);
}

int32_t actmax_session_saliency(actmax_session *session, const actmax_image *image, int32_t target_layer, int32_t filter,
                                const actmax_recipe *recipe, actmax_result **out)
{
    if (!session || !image || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_saliency: session, image or out is NULL");
    axm_message_clear();
    return make_map(session, image, target_layer, filter, ACTMAX_LAYER_AUTO, true, recipe, out);
}

int32_t actmax_model_grad_cam(const actmax_model *model, const actmax_image *image, int32_t class_index,
                              const actmax_recipe *recipe, actmax_result **out)
{
    actmax_session *session = NULL;
    int32_t status = actmax_session_new(model, recipe, &session);
    if (status >= 0)
        status = actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, class_index, ACTMAX_LAYER_AUTO, recipe, out);
    actmax_session_free(session);
    return status;
}
