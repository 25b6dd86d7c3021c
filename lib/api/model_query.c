/* What a model can be asked: input, layers, look-up, summary. */
#include <string.h>

#include "api/model.h"
#include "base/status.h"
#include "base/text.h"

static int32_t need_model(const actmax_model *model, const void *argument, const char *function)
{
    axm_message_clear();
    if (model && argument) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_INVALID, "%s: the model or an output argument is NULL", function);
}

static const axm_layer *layer_at(const actmax_model *model, int32_t layer)
{
    return model && layer >= 0 && layer < model->layers.total ? &model->layers.items[layer] : NULL;
}

static int32_t no_layer(const actmax_model *model, int32_t layer)
{
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "there is no layer %d; the model has %d (0 to %d)", (int)layer,
                    (int)model->layers.count, (int)model->layers.count - 1);
}

const char *actmax_model_notes(const actmax_model *model)
{
    return model ? model->notes : "";
}

const char *actmax_model_input_name(const actmax_model *model)
{
    return model ? model->graph->values[model->input.value].name : NULL;
}

/* In the file's order. */
static void give_shape(const axm_graph *graph, int32_t value, const axm_shape *own, int32_t axis, int64_t *dims, int32_t *rank,
                       int32_t *channel_axis)
{
    const axm_shape shown = axm_graph_shown_shape(graph, value, own), *shape = &shown;
    if (graph->values[value].shown_last && shape->rank >= 3) axis = shape->rank - 1;
    for (int32_t i = 0; dims && i < shape->rank; ++i)
        dims[i] = shape->dim[i];
    *rank = shape->rank;
    if (channel_axis) *channel_axis = axis;
}

int32_t actmax_model_input_shape(const actmax_model *model, int64_t *dims, int32_t *rank, int32_t *channel_axis)
{
    int32_t status = need_model(model, rank, "actmax_model_input_shape");
    if (status < 0) return status;
    give_shape(model->graph, model->input.value, &model->input.shape, model->input.channel_axis, dims, rank, channel_axis);
    return ACTMAX_OK;
}

int64_t actmax_model_parameters(const actmax_model *model)
{
    return model ? axm_graph_parameters(model->graph) : 0;
}

int32_t actmax_model_layer_count(const actmax_model *model)
{
    return model ? model->layers.count : 0;
}

const char *actmax_model_layer_name(const actmax_model *model, int32_t layer)
{
    const axm_layer *found = layer_at(model, layer);
    return found ? model->graph->nodes[found->node].name : NULL;
}

const char *actmax_model_layer_type(const actmax_model *model, int32_t layer)
{
    const axm_layer *found = layer_at(model, layer);
    return found ? model->graph->nodes[found->node].type : NULL;
}

int64_t actmax_model_layer_parameters(const actmax_model *model, int32_t layer)
{
    const axm_layer *found = layer_at(model, layer);
    return found ? axm_graph_node_parameters(model->graph, found->node) : 0;
}

int32_t actmax_model_layer_shape(const actmax_model *model, int32_t layer, int64_t *dims, int32_t *rank, int32_t *channel_axis)
{
    int32_t status = need_model(model, rank, "actmax_model_layer_shape");
    if (status < 0) return status;
    const axm_layer *found = layer_at(model, layer);
    if (!found) return no_layer(model, layer);
    const axm_shape *shape = &model->facts[found->value].shape;
    give_shape(model->graph, found->value, shape, axm_channel_axis(model->graph, found->value, shape), dims, rank, channel_axis);
    return ACTMAX_OK;
}

int32_t actmax_model_find_layer(const actmax_model *model, const char *name, int32_t *out)
{
    int32_t status = need_model(model, out, "actmax_model_find_layer");
    if (status < 0) return status;
    if (!name || !*name) return axm_fail(ACTMAX_ERROR_INVALID, "the name of a layer is missing");
    return axm_layers_find(model->graph, &model->layers, name, out);
}

int32_t axm_model_layer_value(const struct actmax_model *model, int32_t layer, int32_t *value)
{
    if (layer == ACTMAX_LAYER_OUTPUT) {
        *value = model->graph->outputs[0];
        return ACTMAX_OK;
    }
    const axm_layer *found = layer_at(model, layer);
    if (!found) return no_layer(model, layer);
    *value = found->value;
    return ACTMAX_OK;
}

const char *axm_model_value_name(const struct actmax_model *model, int32_t value)
{
    int32_t producer = model->graph->values[value].producer;
    return producer >= 0 && model->graph->nodes[producer].outputs[0] == value ? model->graph->nodes[producer].name
                                                                              : model->graph->values[value].name;
}

/* ---- Summary ---- */

#define GROUPED_NUMBER 32

/* 138357544 as "138,357,544". */
static const char *grouped(int64_t number, char buffer[GROUPED_NUMBER])
{
    char digits[GROUPED_NUMBER];
    axm_text plain = axm_text_in(digits, sizeof digits), text = axm_text_in(buffer, GROUPED_NUMBER);
    axm_text_add(&plain, "%lld", (long long)number);
    for (size_t i = 0; i < plain.length; ++i)
        axm_text_add(&text, "%s%c", i > 0 && (plain.length - i) % 3 == 0 ? "," : "", digits[i]);
    return buffer;
}

#define NAME_WIDTH  36
#define TYPE_WIDTH  20
#define SHAPE_WIDTH 24

/* Appends, counting what would not fit. */
typedef struct sink {
    axm_text text;
    size_t needed;
} sink;

static void put(sink *s, const char *line)
{
    s->needed += strlen(line);
    if (s->text.capacity) axm_text_add(&s->text, "%s", line);
}

static void put_rule(sink *s, char mark)
{
    char line[NAME_WIDTH + TYPE_WIDTH + SHAPE_WIDTH + 26];
    memset(line, mark, sizeof line - 2);
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = '\0';
    put(s, line);
}

/* axis: the one that filters are counted along, -1 none. parameters -1: the heading. */
static void put_row(sink *s, const char *name, const char *type, const char *shape, int64_t parameters, int32_t axis)
{
    char line[400];
    axm_text row = axm_text_in(line, sizeof line);
    size_t length = strlen(name);
    if (length > NAME_WIDTH - 1)
        axm_text_add(&row, "..%s ", name + length - (NAME_WIDTH - 3)); /* names differ at their ends */
    else
        axm_text_add(&row, "%-*s", NAME_WIDTH, name);
    axm_text_add(&row, "%-*.*s %-*s ", TYPE_WIDTH - 1, TYPE_WIDTH - 1, type, SHAPE_WIDTH - 1, shape);
    if (parameters >= 0)
        axm_text_add(&row, "%13lld", (long long)parameters);
    else
        axm_text_add(&row, "%13s  channels", "parameters");
    if (axis >= 0) axm_text_add(&row, "  axis %d", (int)axis);
    axm_text_add(&row, "\n");
    put(s, line);
}

/* In Keras's words. */
static void put_keras_total(sink *s, const axm_graph *graph)
{
    char line[200], all[GROUPED_NUMBER], trained[GROUPED_NUMBER], frozen[GROUPED_NUMBER];
    int64_t total = axm_graph_parameters(graph), left = axm_graph_frozen_parameters(graph);
    axm_text text = axm_text_in(line, sizeof line);
    axm_text_add(&text, "Total params: %s\nTrainable params: %s\nNon-trainable params: %s\n", grouped(total, all),
                 grouped(total - left, trained), grouped(left, frozen));
    put(s, line);
}

int32_t actmax_model_summary(const actmax_model *model, char *buffer, size_t capacity, size_t *needed)
{
    axm_message_clear();
    if (!model || (!buffer && capacity)) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_model_summary: model or buffer is NULL");
    char spare[1], shape[AXM_SHAPE_TEXT], line[200];
    sink s = {axm_text_in(capacity ? buffer : spare, capacity ? capacity : 1), 0};
    put_row(&s, "layer", "type", "output shape", -1, -1);
    put_rule(&s, '=');
    bool lists_input = model->layers.count > 0 && strcmp(actmax_model_layer_type(model, 0), "InputLayer") == 0;
    axm_shape shown = axm_graph_shown_shape(model->graph, model->input.value, &model->input.shape);
    int64_t dims[AXM_MAX_RANK];
    int32_t rank, axis;
    actmax_model_input_shape(model, dims, &rank, &axis);
    if (!lists_input) put_row(&s, actmax_model_input_name(model), "Input", axm_shape_text(&shown, shape), 0, axis);
    for (int32_t i = 0; i < model->layers.count; ++i) {
        int32_t value = model->layers.items[i].value;
        shown = axm_graph_shown_shape(model->graph, value, &model->facts[value].shape);
        actmax_model_layer_shape(model, i, dims, &rank, &axis);
        put_row(&s, actmax_model_layer_name(model, i), actmax_model_layer_type(model, i), axm_shape_text(&shown, shape),
                actmax_model_layer_parameters(model, i), axis);
    }
    put_rule(&s, '=');
    if (model->graph->tells_frozen) put_keras_total(&s, model->graph);
    axm_text total = axm_text_in(line, sizeof line);
    axm_text_add(&total, "%d layers, %lld parameters\n", (int)model->layers.count, (long long)actmax_model_parameters(model));
    put(&s, line);
    if (needed) *needed = s.needed + 1;
    return ACTMAX_OK;
}
