/* Sessions: life, prediction, activations, gradients. */
#include "api/session.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "visualize/score.h"

int32_t actmax_session_new(const actmax_model *model, const actmax_recipe *recipe, actmax_session **out)
{
    axm_message_clear();
    if (!model || !out) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_new: model or out is NULL");
    const char *cpu = axm_recipe_text(recipe, "cpu");
    const axm_kernels *kernels = axm_kernels_find(cpu);
    if (!kernels) return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "this processor or build has no '%s'; use cpu=auto", cpu);
    actmax_session *session = axm_calloc_array(model->allocator, 1, sizeof *session);
    if (!session) return ACTMAX_ERROR_NO_MEMORY;
    session->allocator = axm_allocator_share(model->allocator);
    session->model = model;
    /* The store locks itself, so sessions may fill it although the model is otherwise constant. */
    int32_t status = axm_runner_init(&session->runner, model->allocator, model->graph, (axm_weights *)&model->weights, kernels,
                                     axm_recipe_integer(recipe, "threads"));
    if (status < 0) {
        actmax_session_free(session);
        return status;
    }
    *out = session;
    return ACTMAX_OK;
}

void actmax_session_free(actmax_session *session)
{
    if (!session) return;
    axm_allocator *allocator = session->allocator;
    axm_runner_free(&session->runner);
    axm_free(allocator, session);
    axm_allocator_release(allocator);
}

int32_t actmax_session_threads(const actmax_session *session)
{
    return session ? axm_pool_threads(session->runner.pool) : 0;
}

/* ---- Shared steps ---- */

void axm_session_size(const struct actmax_session *session, int32_t *height, int32_t *width)
{
    const axm_input *input = &session->model->input;
    *height = (int32_t)input->shape.dim[input->height_axis];
    *width = (int32_t)input->shape.dim[input->width_axis];
}

int32_t axm_session_target(const struct actmax_session *session, int32_t layer, const struct actmax_recipe *recipe, axm_target *out,
                           int32_t *channel_axis, axm_text *notes)
{
    const struct actmax_model *model = session->model;
    int32_t value;
    int32_t status = axm_model_layer_value(model, layer, &value);
    if (status < 0) return status;
    if (!model->facts[value].known || model->facts[value].constant)
        return axm_fail(ACTMAX_ERROR_INVALID, "layer '%.80s' does not depend on the image", axm_model_value_name(model, value));
    *out = axm_target_of(model->graph, model->facts, value, axm_recipe_number(recipe, "bypass") != 0.0);
    *channel_axis = axm_channel_axis(model->graph, out->value, &model->facts[out->value].shape);
    if (out->bypassed_score) axm_text_add(notes, "the score is taken before '%.80s'\n", out->bypassed_score);
    if (out->bypassed_relu)
        axm_text_add(notes, "the score is taken at '%.80s', before '%.80s', as the mean over space\n",
                     axm_model_value_name(model, out->value), out->bypassed_relu);
    return ACTMAX_OK;
}

int32_t axm_session_input(struct actmax_session *session, const struct actmax_image *image, float **out)
{
    int32_t height, width;
    axm_session_size(session, &height, &width);
    const axm_input *input = &session->model->input;
    float *network = axm_alloc_array(session->allocator, (size_t)axm_shape_count(&input->shape), sizeof *network);
    if (!network) return ACTMAX_ERROR_NO_MEMORY;
    int32_t status = axm_input_from_image(input, session->allocator, image, height, width, network);
    if (status < 0)
        axm_free(session->allocator, network);
    else
        *out = network;
    return status;
}

int32_t axm_session_forward_plan(struct actmax_session *session, const int32_t *observe, int32_t count, axm_plan **out)
{
    axm_plan_request request = {.image = session->model->input.value,
                                .image_shape = session->model->input.shape,
                                .observe = observe,
                                .observe_count = count,
                                .slice_value = -1};
    return axm_runner_plan(&session->runner, &request, out);
}

/* [channels, space] in the graph's order becomes [space, channels]; physically the channels mostly are last already. */
static void to_shown_order(const axm_tensor *tensor, const float *graph_order, float *out)
{
    int64_t channels = tensor->shape.dim[1], batch = tensor->shape.dim[0],
            space = axm_shape_count(&tensor->shape) / (channels * batch);
    for (int64_t n = 0; n < batch; ++n)
        for (int64_t p = 0; p < space; ++p)
            for (int64_t c = 0; c < channels; ++c)
                *out++ = graph_order[(n * channels + c) * space + p];
}

/* A value, or its gradient, in the order in which it is shown. */
static int32_t add_tensor(struct actmax_session *session, struct actmax_result *result, const char *name, const axm_plan *plan,
                          int32_t value, bool gradient)
{
    const axm_tensor *tensor = axm_plan_find(plan, value);
    bool last = session->model->graph->values[value].shown_last && tensor->shape.rank >= 3;
    float *data = axm_alloc_array(session->allocator, (size_t)axm_shape_count(&tensor->shape) + 1, sizeof *data);
    if (!data) return ACTMAX_ERROR_NO_MEMORY;
    const float *from = gradient ? tensor->grad : tensor->data;
    if (tensor->constant)
        axm_constant_to_float(tensor->constant, data);
    else if (!last || tensor->layout == AXM_LAYOUT_FILE)
        axm_tensor_to_file_order(tensor, from, data);
    else
        memcpy(data, from, (size_t)axm_shape_count(&tensor->shape) * sizeof *data);
    if (last && (tensor->constant || tensor->layout == AXM_LAYOUT_FILE)) {
        float *shown = axm_alloc_array(session->allocator, (size_t)axm_shape_count(&tensor->shape) + 1, sizeof *shown);
        if (shown) to_shown_order(tensor, data, shown);
        axm_free(session->allocator, data);
        if (!(data = shown)) return ACTMAX_ERROR_NO_MEMORY;
    }
    axm_shape shape = axm_graph_shown_shape(session->model->graph, value, &tensor->shape);
    return axm_result_add_array(result, name, data, shape.dim, shape.rank);
}

int32_t axm_session_add_value(struct actmax_session *session, struct actmax_result *result, const char *name, const axm_plan *plan,
                              int32_t value)
{
    return add_tensor(session, result, name, plan, value, false);
}

static int32_t check_call(const actmax_session *session, const actmax_image *image, const void *out, const char *function)
{
    axm_message_clear();
    if (session && image && out) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_INVALID, "%s: the session, the image or out is NULL", function);
}

int32_t axm_session_forward(struct actmax_session *session, const struct actmax_image *image, const int32_t *observe, int32_t count,
                            axm_plan **out)
{
    float *network = NULL;
    int32_t status = axm_session_forward_plan(session, observe, count, out);
    if (status < 0 || (status = axm_session_input(session, image, &network)) < 0) return status;
    const axm_tensor *input = axm_plan_find(*out, session->model->input.value);
    memcpy(input->data, network, (size_t)axm_shape_count(&input->shape) * sizeof *network);
    axm_free(session->allocator, network);
    axm_plan_forward(*out, session->runner.pool);
    return ACTMAX_OK;
}

/* ---- Prediction ---- */

/* The mean over space of each channel: scores of classes. */
static float *class_scores(actmax_session *session, const axm_plan *plan, int32_t value, int64_t *classes)
{
    const axm_tensor *tensor = axm_plan_find(plan, value);
    int32_t axis = axm_channel_axis(session->model->graph, value, &tensor->shape);
    *classes = axm_view_channels(tensor, axis).channels;
    float *scores = axm_alloc_array(session->allocator, (size_t)*classes, sizeof *scores);
    for (int32_t c = 0; scores && c < *classes; ++c) {
        axm_score score = {.channel_axis = axis, .channels = &c, .channel_count = 1, .position = -1};
        scores[c] = (float)axm_score_value(&score, tensor);
    }
    return scores;
}

static float *softmax_of(actmax_session *session, const float *logits, int64_t count, bool only_exp)
{
    float *out = axm_alloc_array(session->allocator, (size_t)count, sizeof *out);
    float largest = -INFINITY; /* in double, GCC 12 for ARM would crash on these lines */
    for (int64_t i = 0; i < count; ++i)
        largest = fmaxf(largest, logits[i]);
    double most = only_exp ? 0.0 : (double)largest, sum = 0.0;
    for (int64_t i = 0; i < count; ++i)
        sum += exp((double)logits[i] - most);
    for (int64_t i = 0; out && i < count; ++i)
        out[i] = (float)(exp((double)logits[i] - most) / (only_exp ? 1.0 : sum));
    return out;
}

static int32_t fill_prediction(actmax_session *session, const axm_plan *plan, int32_t output, int32_t score,
                               struct actmax_result *result)
{
    const axm_graph *graph = session->model->graph;
    int64_t classes;
    bool is_log = score >= 0 && strcmp(graph->nodes[score].op->name, "LogSoftmax") == 0;
    float *scores = class_scores(session, plan, output, &classes);
    if (!scores) return ACTMAX_ERROR_NO_MEMORY;
    if (!axm_all_finite(scores, (size_t)classes)) {
        axm_free(session->allocator, scores);
        return axm_fail(ACTMAX_ERROR_NUMERIC, "the network's output is infinite or not a number; check the preprocessing");
    }
    axm_result_add_number(result, "softmax_added", score < 0);
    float *logits = score < 0 ? scores : class_scores(session, plan, graph->nodes[score].inputs[0], &classes);
    float *probabilities = score >= 0 && !is_log ? scores : softmax_of(session, scores, classes, is_log);
    if (is_log) axm_free(session->allocator, scores);
    int32_t status = axm_result_add_array(result, "probabilities", probabilities, &classes, 1);
    if (status >= 0) return axm_result_add_array(result, "logits", logits, &classes, 1);
    axm_free(session->allocator, logits);
    return status;
}

int32_t actmax_session_predict(actmax_session *session, const actmax_image *image, const actmax_recipe *recipe, actmax_result **out)
{
    (void)recipe;
    int32_t status = check_call(session, image, out, "actmax_session_predict");
    if (status < 0) return status;
    const axm_graph *graph = session->model->graph;
    int32_t output = graph->outputs[0], score = axm_final_score(graph, output);
    const axm_fact *fact = &session->model->facts[output];
    if (!fact->known || fact->constant) return axm_fail(ACTMAX_ERROR_INVALID, "the network's output does not depend on the image");
    int32_t observe[2] = {output, score >= 0 ? graph->nodes[score].inputs[0] : output};
    axm_plan *plan;
    struct actmax_result *result = NULL;
    if ((status = axm_session_forward(session, image, observe, score >= 0 ? 2 : 1, &plan)) < 0) return status;
    if ((status = axm_result_new(session->allocator, &result)) < 0) return status;
    if ((status = fill_prediction(session, plan, output, score, result)) < 0) {
        actmax_result_free(result);
        return status;
    }
    *out = result;
    return ACTMAX_OK;
}

/* ---- Activations and gradients ---- */

int32_t actmax_session_activations(actmax_session *session, const actmax_image *image, int32_t layer, const actmax_recipe *recipe,
                                   actmax_result **out)
{
    (void)recipe;
    int32_t value;
    int32_t status = check_call(session, image, out, "actmax_session_activations");
    if (status < 0 || (status = axm_model_layer_value(session->model, layer, &value)) < 0) return status;
    axm_plan *plan;
    struct actmax_result *result = NULL;
    if ((status = axm_session_forward(session, image, &value, 1, &plan)) < 0) return status;
    if ((status = axm_result_new(session->allocator, &result)) < 0) return status;
    status = axm_session_add_value(session, result, "activations", plan, value);
    if (status >= 0) status = axm_result_add_text(result, "layer", axm_model_value_name(session->model, value));
    if (status < 0) {
        actmax_result_free(result);
        return status;
    }
    *out = result;
    return ACTMAX_OK;
}

static int32_t check_filters(const axm_tensor *tensor, int32_t axis, const int32_t *filters, size_t count)
{
    int64_t channels = axm_view_channels(tensor, axis).channels;
    for (size_t i = 0; i < count; ++i)
        if (filters[i] < 0 || filters[i] >= channels)
            return axm_fail(ACTMAX_ERROR_NOT_FOUND, "there is no filter %d: the layer has %lld (0 to %lld)", (int)filters[i],
                            (long long)channels, (long long)channels - 1);
    return ACTMAX_OK;
}

/* The gradient of the target by the value `want`; the plan that holds both. Fails where they are not connected. */
static int32_t run_gradient(actmax_session *session, const actmax_image *image, const axm_target *target, int32_t axis,
                            int32_t want, const int32_t *filters, size_t filter_count, const actmax_recipe *recipe, axm_plan **out,
                            double *activation)
{
    if ((!filters && filter_count) || filter_count > 4096)
        return axm_fail(ACTMAX_ERROR_INVALID, "give the filters, up to 4096 of them");
    float *network = NULL;
    const axm_input *input = &session->model->input;
    static const axm_relu_rule rules[] = {AXM_RELU_PLAIN, AXM_RELU_GUIDED, AXM_RELU_DECONV};
    int32_t observe[2] = {target->value, want};
    axm_plan_request request = {.image = input->value,
                                .image_shape = input->shape,
                                .observe = observe,
                                .observe_count = want == input->value ? 1 : 2,
                                .seeds = &target->value,
                                .seed_count = 1,
                                .wants = &want,
                                .want_count = 1,
                                .relu_rule = rules[axm_recipe_choice(recipe, "backprop")],
                                .slice_value = -1};
    axm_plan *plan;
    int32_t status = axm_runner_plan(&session->runner, &request, &plan);
    if (status < 0) return status;
    const axm_tensor *at = axm_plan_find(plan, target->value), *in = axm_plan_find(plan, input->value);
    const axm_tensor *wanted = axm_plan_find(plan, want);
    if (!wanted || !wanted->grad)
        return axm_fail(ACTMAX_ERROR_INVALID, "the target does not depend on %s",
                        want == input->value ? "the image input" : "that layer; choose a layer before the target");
    if ((status = check_filters(at, axis, filters, filter_count)) < 0) return status;
    axm_score score = {
        .channel_axis = axis, .channels = filter_count ? filters : NULL, .channel_count = (int32_t)filter_count, .position = -1};
    if ((status = axm_score_border(&score, at, axm_recipe_integer(recipe, "border"))) < 0) return status;
    if ((status = axm_score_position(at, axis, axm_recipe_integer(recipe, "neuron_y"), axm_recipe_integer(recipe, "neuron_x"),
                                     &score.position)) < 0)
        return status;
    if ((status = axm_session_input(session, image, &network)) < 0) return status;
    memcpy(in->data, network, (size_t)axm_shape_count(&in->shape) * sizeof *network);
    axm_free(session->allocator, network);
    axm_plan_forward(plan, session->runner.pool);
    *activation = axm_score_value(&score, at);
    axm_score_seed(&score, at, 1.0f);
    axm_plan_backward(plan, session->runner.pool);
    if (!isfinite(*activation) || !axm_all_finite(wanted->grad, (size_t)axm_shape_count(&wanted->shape))) {
        const char *name = axm_plan_find_nonfinite(plan, session->runner.pool);
        return axm_fail(ACTMAX_ERROR_NUMERIC, "a value became infinite or not a number%s%.80s; check the preprocessing",
                        name ? " in layer " : "", name ? name : "");
    }
    *out = plan;
    return ACTMAX_OK;
}

/* What to say when the backprop modifier had nothing to act on; NULL otherwise. */
static const char *unmodified(const actmax_recipe *recipe, const axm_plan *plan)
{
    if (axm_recipe_choice(recipe, "backprop") == 0 || axm_plan_relus(plan) > 0) return NULL;
    return "the backprop modifier met no ReLU below the target: same gradient as 'none'";
}

int32_t actmax_session_gradient(actmax_session *session, const actmax_image *image, int32_t layer, const int32_t *filters,
                                size_t filter_count, const actmax_recipe *recipe, actmax_result **out)
{
    int32_t status = check_call(session, image, out, "actmax_session_gradient"), axis, height, width;
    axm_target target;
    char notes[400];
    axm_text text = axm_text_in(notes, sizeof notes);
    double activation;
    struct actmax_result *result = NULL;
    axm_plan *plan;
    if (status < 0 || (status = axm_session_target(session, layer, recipe, &target, &axis, &text)) < 0) return status;
    const axm_input *input = &session->model->input;
    if ((status = run_gradient(session, image, &target, axis, input->value, filters, filter_count, recipe, &plan, &activation)) < 0)
        return status;
    const axm_tensor *in = axm_plan_find(plan, input->value);
    size_t count = (size_t)axm_shape_count(&in->shape);
    const char *untouched = unmodified(recipe, plan);
    if (untouched) axm_text_add(&text, "%s%s", *notes ? "; " : "", untouched);
    axm_session_size(session, &height, &width);
    int64_t dims[3] = {height, width, axm_input_channels(input)};
    if ((status = axm_result_new(session->allocator, &result)) < 0) return status;
    float *gradient = axm_alloc_array(session->allocator, count, sizeof *gradient);
    if (gradient) memcpy(gradient, in->grad, count * sizeof *gradient);
    status = axm_result_add_array(result, "gradient", gradient, dims, 3);
    if (status >= 0) status = axm_result_add_text(result, "layer", axm_model_value_name(session->model, target.value));
    if (status >= 0) status = axm_result_add_text(result, "notes", notes);
    axm_result_add_number(result, "activation", activation);
    if (status < 0) {
        actmax_result_free(result);
        return status;
    }
    *out = result;
    return untouched ? axm_fail(ACTMAX_NOTE_NOT_MODIFIED, "%s", untouched) : ACTMAX_OK;
}

int32_t actmax_session_layer_gradient(actmax_session *session, const actmax_image *image, int32_t layer, const int32_t *filters,
                                      size_t filter_count, int32_t by_layer, const actmax_recipe *recipe, actmax_result **out)
{
    int32_t status = check_call(session, image, out, "actmax_session_layer_gradient"), axis, by;
    axm_target target;
    char notes[400];
    axm_text text = axm_text_in(notes, sizeof notes);
    double activation;
    struct actmax_result *result = NULL;
    axm_plan *plan;
    if (status < 0 || (status = axm_session_target(session, layer, recipe, &target, &axis, &text)) < 0) return status;
    if ((status = axm_model_layer_value(session->model, by_layer, &by)) < 0) return status;
    if ((status = run_gradient(session, image, &target, axis, by, filters, filter_count, recipe, &plan, &activation)) < 0)
        return status;
    const char *untouched = unmodified(recipe, plan);
    if (untouched) axm_text_add(&text, "%s%s", *notes ? "; " : "", untouched);
    if ((status = axm_result_new(session->allocator, &result)) < 0) return status;
    status = add_tensor(session, result, "activations", plan, by, false);
    if (status >= 0) status = add_tensor(session, result, "gradient", plan, by, true);
    if (status >= 0) status = axm_result_add_text(result, "layer", axm_model_value_name(session->model, target.value));
    if (status >= 0) status = axm_result_add_text(result, "notes", notes);
    axm_result_add_number(result, "activation", activation);
    if (status < 0) {
        actmax_result_free(result);
        return status;
    }
    *out = result;
    return untouched ? axm_fail(ACTMAX_NOTE_NOT_MODIFIED, "%s", untouched) : ACTMAX_OK;
}
