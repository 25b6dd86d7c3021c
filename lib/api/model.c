/* Loading a model: bytes, graph, the image input, shapes, layers, preprocessing. */
#include "api/model.h"

#include <string.h>

#include "api/recipe.h"
#include "base/status.h"
#include "base/text.h"

/* ---- Choosing the image input and its size ---- */

static int32_t list_inputs(const axm_graph *graph, char *buffer, size_t capacity)
{
    axm_text text = axm_text_in(buffer, capacity);
    char shape[AXM_SHAPE_TEXT];
    for (int32_t i = 0; i < graph->input_count; ++i) {
        const axm_value *value = &graph->values[graph->inputs[i]];
        axm_text_add(&text, "%s'%.60s' %s %s", i ? ", " : "", value->name, axm_dtype_name(value->dtype),
                     value->declared.rank >= 0 ? axm_shape_text(&value->declared, shape) : "(no shape)");
    }
    return ACTMAX_OK;
}

static bool is_image_like(const axm_value *value)
{
    return value->declared.rank == 4 && axm_dtype_is_float(value->dtype); /* computed as float32 whatever it is */
}

static int32_t choose_input(const axm_graph *graph, const char *wanted, int32_t *out)
{
    char list[600];
    int32_t found = 0;
    list_inputs(graph, list, sizeof list);
    for (int32_t i = 0; i < graph->input_count; ++i) {
        const axm_value *value = &graph->values[graph->inputs[i]];
        if (*wanted ? strcmp(value->name, wanted) == 0 : is_image_like(value)) {
            *out = graph->inputs[i];
            found++;
        }
    }
    if (found == 0 && *wanted)
        return axm_fail(ACTMAX_ERROR_NOT_FOUND, "the network has no input called '%.80s'; it has: %s", wanted, list);
    if (found == 0)
        return axm_fail(
            ACTMAX_ERROR_UNSUPPORTED,
            "the network has no image input: actmax takes a float tensor of 4 axes (batch, channels, height, width); save the "
            "network behind a module that reshapes or casts such a tensor. Its inputs: %s",
            list);
    if (found > 1)
        return axm_fail(ACTMAX_ERROR_AMBIGUOUS,
                        "the network has several image inputs: %s; choose one with the option 'input' and bind the others", list);
    if (!is_image_like(&graph->values[*out]))
        return axm_fail(
            ACTMAX_ERROR_UNSUPPORTED,
            "input '%.80s' is no image: actmax takes a float tensor of 4 axes (batch, channels, height, width); save the "
            "network behind a module that reshapes or casts such a tensor. Its inputs: %s",
            graph->values[*out].name, list);
    for (int32_t i = 0; i < graph->input_count; ++i)
        if (graph->inputs[i] != *out)
            return axm_fail(
                ACTMAX_ERROR_INVALID,
                "the network has a second input, '%.80s'; give it a value (actmax_recipe_bind_input), or end the network "
                "before it is read (option end). Inputs: %s",
                graph->values[graph->inputs[i]].name, list);
    return ACTMAX_OK;
}

static int32_t set_input(struct actmax_model *model, const struct actmax_recipe *recipe)
{
    axm_input *input = &model->input;
    int32_t height = 0, width = 0;
    int32_t status = choose_input(model->graph, axm_recipe_text(recipe, "input"), &input->value);
    if (status < 0) return status;
    const axm_value *value = &model->graph->values[input->value];
    bool last = value->channels_last, given = axm_recipe_size(recipe, "input_size", &height, &width);
    input->shape = value->declared;
    input->channel_axis = last ? 3 : 1;
    input->height_axis = last ? 1 : 2;
    input->width_axis = last ? 2 : 3;
    if (input->shape.dim[0] != 1) input->shape.dim[0] = 1; /* one image at a time, whatever batch the file was saved with */
    if (given) {
        input->shape.dim[input->height_axis] = height;
        input->shape.dim[input->width_axis] = width;
    }
    if (input->shape.dim[input->height_axis] < 1 || input->shape.dim[input->width_axis] < 1)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "the network leaves the size of its input '%.80s' free; give it with the option input_size (e.g. 224)",
                        value->name);
    if (input->shape.dim[input->channel_axis] < 1) input->shape.dim[input->channel_axis] = 3;
    int64_t channels = input->shape.dim[input->channel_axis];
    if (channels > 4096)
        return axm_fail(ACTMAX_ERROR_LIMIT, "the image input has %lld channels; actmax takes up to 4096", (long long)channels);
    int64_t sides[2] = {input->shape.dim[input->height_axis], input->shape.dim[input->width_axis]};
    if (sides[0] > model->limits.image_side || sides[1] > model->limits.image_side ||
        sides[0] * sides[1] > model->limits.image_pixels)
        return axm_fail(ACTMAX_ERROR_LIMIT,
                        "the network's input of %lld x %lld is larger than limit_image_side or limit_image_pixels allow",
                        (long long)sides[1], (long long)sides[0]);
    return ACTMAX_OK;
}

/* ---- Preprocessing ---- */

/* Means and deviations are in the order of the network's channels. */
static void set_order(axm_preprocess *p, bool bgr)
{
    if (p->bgr != bgr && p->channels == 3) {
        double mean = p->mean[0], deviation = p->deviation[0];
        p->mean[0] = p->mean[2];
        p->mean[2] = mean;
        p->deviation[0] = p->deviation[2];
        p->deviation[2] = deviation;
    }
    p->bgr = bgr;
}

static int32_t explicit_preprocess(struct actmax_model *model, const struct actmax_recipe *recipe, bool *any)
{
    axm_preprocess *p = &model->input.preprocess;
    int64_t channels = model->input.shape.dim[model->input.channel_axis];
    double numbers[AXM_OPTION_NUMBERS] = {0};
    static const char *const names[] = {"mean", "std"};
    if (axm_recipe_is_set(recipe, "channels")) { /* first: a preset's numbers go with its colours */
        set_order(p, axm_recipe_choice(recipe, "channels") == 1);
        *any = true;
    }
    if (axm_recipe_is_set(recipe, "scale")) {
        p->scale = axm_recipe_number(recipe, "scale");
        *any = true;
    }
    for (int k = 0; k < 2; ++k) {
        int32_t count = axm_recipe_numbers(recipe, names[k], numbers);
        if (count < 1) continue;
        if (count != 1 && count != channels)
            return axm_fail(ACTMAX_ERROR_INVALID,
                            "option '%s' has %d numbers; the network has %lld channels: give one, or one for each", names[k],
                            (int)count, (long long)channels);
        double *to = k == 0 ? p->mean : p->deviation, *other = k == 0 ? p->deviation : p->mean;
        for (int32_t c = 0; c < count; ++c)
            to[c] = numbers[c];
        if (count > p->channels) {
            for (int32_t c = p->channels; c < count; ++c)
                other[c] = other[0];
            p->channels = count;
        } else {
            for (int32_t c = count; c < p->channels; ++c)
                to[c] = to[0];
        }
        *any = true;
    }
    return ACTMAX_OK;
}

static int32_t set_preprocess(struct actmax_model *model, const struct actmax_recipe *recipe, axm_text *notes)
{
    axm_preprocess *p = &model->input.preprocess;
    int64_t channels = model->input.shape.dim[model->input.channel_axis];
    const char *preset = axm_recipe_text(recipe, "preprocess");
    bool named = *preset != '\0', any = false;
    if (!axm_preprocess_preset(named ? preset : "raw", p))
        return axm_fail(ACTMAX_ERROR_INVALID, "there is no preprocessing '%.40s'", preset);
    int32_t status = explicit_preprocess(model, recipe, &any);
    if (status < 0) return status;
    if (named && !any && p->channels > 1 && p->channels != channels)
        return axm_fail(ACTMAX_ERROR_INVALID,
                        "preprocessing '%s' is for %d channels; this network takes %lld: use raw, unit, tf, or mean and std",
                        preset, (int)p->channels, (long long)channels);
    if (any) {
        axm_text name = axm_text_in(p->name, sizeof p->name);
        axm_text_add(&name, "custom");
    }
    if (named || any) return ACTMAX_OK;
    /* Nothing in an ONNX file says what the network was trained on; most of today's come from PyTorch. */
    axm_preprocess_preset(channels == 3 ? "torch" : "unit", p);
    model->assumed = true;
    axm_text_add(
        notes,
        "preprocessing was not given: took '%s'; a network trained on another range shows wrong pictures and classes (option "
        "preprocess: raw, unit, tf, torch, caffe; or scale, mean, std, channels)\n",
        p->name);
    return ACTMAX_OK;
}

/* ---- Stages ---- */

static int32_t run_loader(const axm_loader_source *source, axm_builder *builder)
{
    static const axm_loader *const loaders[] = {
#if defined(ACTMAX_WITH_ONNX)
        &axm_loader_onnx,
#endif
#if defined(ACTMAX_WITH_KERAS)
        &axm_loader_keras,
#endif
        NULL};
    for (size_t i = 0; loaders[i]; ++i)
        if (loaders[i]->recognises(source->data, source->size, source->path)) return loaders[i]->load(source, builder);
#if defined(ACTMAX_WITH_ONNX) && defined(ACTMAX_WITH_KERAS)
    return axm_fail(ACTMAX_ERROR_FORMAT,
                    "this is no model that actmax knows; it reads ONNX (.onnx) and Keras's files (.keras, .h5, .hdf5)");
#elif defined(ACTMAX_WITH_ONNX)
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "this is no ONNX model, and this actmax was built without its Keras loader (CMake option ACTMAX_KERAS=ON)");
#elif defined(ACTMAX_WITH_KERAS)
    return axm_fail(ACTMAX_ERROR_UNSUPPORTED,
                    "this is no Keras model, and this actmax was built without its ONNX loader (CMake option ACTMAX_ONNX=ON)");
#else
    (void)builder;
    return axm_fail(
        ACTMAX_ERROR_UNSUPPORTED,
        "this actmax was built without its loaders, so it reads no network; build it with the CMake options ACTMAX_ONNX=ON "
        "and ACTMAX_KERAS=ON");
#endif
}

/* The file of the option "weights", which lives with the model. */
static int32_t open_weights(struct actmax_model *model, const struct actmax_recipe *recipe, axm_loader_source *source)
{
    const char *path = axm_recipe_text(recipe, "weights");
    axm_file file;
    if (!*path) return ACTMAX_OK;
    int32_t status = axm_file_open(model->allocator, path, model->limits.file_bytes, source->copy, &file);
    if (status < 0 || (status = axm_files_add(&model->files, model->allocator, &file)) < 0) return status;
    source->weights = file.data;
    source->weights_size = file.size;
    return ACTMAX_OK;
}

static int32_t read_graph(struct actmax_model *model, const uint8_t *data, size_t size, const char *path,
                          const struct actmax_recipe *recipe)
{
    axm_loader_source source = {.data = data,
                                .size = size,
                                .path = path,
                                .copy = axm_recipe_choice(recipe, "load_mode") == 1,
                                .allow_external = axm_recipe_number(recipe, "external_data") != 0.0,
                                .end = axm_recipe_text(recipe, "end"),
                                .external = recipe ? recipe->external : NULL,
                                .external_count = recipe ? recipe->external_count : 0,
                                .allocator = model->allocator,
                                .files = &model->files};
    axm_activations activations;
    int32_t status = axm_activations_read(&model->arena, axm_recipe_text(recipe, "activations"), &activations);
    source.activations = &activations;
    if (status < 0 || (status = open_weights(model, recipe, &source)) < 0) return status;
    if ((status = axm_graph_new(model->allocator, &model->limits, &model->graph)) < 0) return status;
    axm_builder builder = {model->graph};
    if ((status = run_loader(&source, &builder)) < 0 || (status = axm_activations_check(&activations)) < 0) return status;
    for (const axm_bound_input *bound = recipe ? recipe->inputs : NULL; bound; bound = bound->next)
        if ((status = axm_graph_bind(model->graph, bound->name, bound->data, bound->dims, bound->rank)) < 0) return status;
    return axm_graph_finish(model->graph);
}

static int32_t find_shapes(struct actmax_model *model)
{
    model->facts = axm_arena_array(&model->arena, (size_t)model->graph->value_count + 1, sizeof *model->facts);
    if (!model->facts) return axm_no_memory(0, "a model");
    axm_infer_request request = {.graph = model->graph,
                                 .image = model->input.value,
                                 .image_shape = model->input.shape,
                                 .kernels = axm_kernels_find(NULL),
                                 .arena = &model->arena};
    int32_t status = axm_infer_graph(&request, model->facts);
    if (status < 0) return status;
    return axm_layers_list(model->graph, model->facts, &model->arena, &model->layers);
}

/* Right for the file, and hardly what was meant. */
static void note_training(struct actmax_model *model, axm_text *notes)
{
    for (int32_t n = 0; n < model->graph->node_count; ++n) {
        const axm_node *node = &model->graph->nodes[n];
        if (!(node->op->flags & AXM_OP_TRAINS)) continue;
        model->assumed = true;
        axm_text_add(
            notes,
            "node '%.80s' was exported in training mode: it normalises each picture by that picture's own mean and variance, "
            "not by those that were learned; for these call model.eval() and export the model again\n",
            node->name);
        return;
    }
}

static int32_t build(struct actmax_model *model, const uint8_t *data, size_t size, const char *path,
                     const struct actmax_recipe *recipe)
{
    axm_text notes = axm_text_in(model->notes, sizeof model->notes);
    int32_t status = axm_weights_init(&model->weights, model->allocator, model->limits.planned_bytes);
    model->weights.file = &model->file;
    if (status >= 0) status = read_graph(model, data, size, path, recipe);
    if (status >= 0) status = set_input(model, recipe);
    if (status >= 0) status = set_preprocess(model, recipe, &notes);
    if (status >= 0) status = find_shapes(model);
    if (status >= 0) note_training(model, &notes);
    return status < 0 && path ? axm_fail_within(status, "'%.200s'", path) : status;
}

static struct actmax_model *model_new(const struct actmax_recipe *recipe)
{
    axm_allocator *allocator = axm_recipe_allocator(recipe);
    if (!allocator) return NULL;
    struct actmax_model *model = axm_calloc_array(allocator, 1, sizeof *model);
    if (!model) {
        axm_allocator_release(allocator);
        return NULL;
    }
    model->allocator = allocator;
    model->limits = axm_recipe_limits(recipe);
    axm_arena_init(&model->arena, allocator);
    return model;
}

static int32_t hand_out(struct actmax_model *model, int32_t status, actmax_model **out)
{
    if (status < 0) {
        actmax_model_free(model);
        return status;
    }
    axm_message_clear();
    *out = model;
    return model->assumed ? axm_fail(ACTMAX_NOTE_ASSUMED, "%s", model->notes) : ACTMAX_OK;
}

int32_t actmax_model_load(const char *path, const actmax_recipe *recipe, actmax_model **out)
{
    axm_message_clear();
    if (!path || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_model_load: path or out is NULL");
    struct actmax_model *model = model_new(recipe);
    if (!model) return ACTMAX_ERROR_NO_MEMORY;
    bool copy = axm_recipe_choice(recipe, "load_mode") == 1;
    int32_t status = axm_file_open(model->allocator, path, model->limits.file_bytes, copy, &model->file);
    if (status >= 0) status = build(model, model->file.data, model->file.size, path, recipe);
    return hand_out(model, status, out);
}

int32_t actmax_model_load_memory(const void *data, size_t size, const actmax_recipe *recipe, actmax_model **out)
{
    axm_message_clear();
    if (!data || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_model_load_memory: data or out is NULL");
    struct actmax_model *model = model_new(recipe);
    if (!model) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = ACTMAX_OK;
    if (size > (size_t)model->limits.file_bytes)
        status = axm_fail(ACTMAX_ERROR_LIMIT, "the model has %zu bytes, more than limit_file_bytes (%lld) allows", size,
                          (long long)model->limits.file_bytes);
    if (status >= 0 && axm_recipe_choice(recipe, "load_mode") == 1) {
        model->copied = axm_alloc(model->allocator, size);
        if (!model->copied)
            status = ACTMAX_ERROR_NO_MEMORY;
        else
            memcpy(model->copied, data, size);
    }
    if (status >= 0) status = build(model, model->copied ? model->copied : data, size, NULL, recipe);
    return hand_out(model, status, out);
}

void actmax_model_free(actmax_model *model)
{
    if (!model) return;
    axm_allocator *allocator = model->allocator;
    axm_weights_free(&model->weights);
    axm_graph_free(model->graph);
    axm_arena_free(&model->arena);
    axm_files_close(&model->files);
    axm_file_close(&model->file);
    axm_free(allocator, model->copied);
    axm_free(allocator, model);
    axm_allocator_release(allocator);
}
