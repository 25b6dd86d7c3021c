/* Calls a model as Keras would: each layer's calls in the order of the file, after those that they need. A nested model is called
 * through; its layers' names come after its own. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/translate.h"

/* One call of a model. */
typedef struct instance {
    axm_keras_import *import;
    axm_keras_model *model;
    const char *prefix;             /* of names: "" or "outer/" */
    const axm_keras_tensor *inputs; /* NULL: the outermost model, whose inputs are the graph's */
    int32_t input_count;
} instance;

static int32_t call_model(const instance *outer, axm_keras_layer *layer, const char *name, const axm_keras_tensor *inputs,
                          axm_keras_inbound *inbound);

static const char *glue(axm_arena *arena, const char *a, const char *b)
{
    size_t front = strlen(a), back = strlen(b);
    char *text = axm_arena_alloc(arena, front + back + 1);
    if (!text) return NULL;
    memcpy(text, a, front);
    memcpy(text + front, b, back);
    return text;
}

/* A layer that is called again gets a name of its own for each call after the first. */
static const char *name_call(const instance *in, axm_keras_layer *layer)
{
    char number[32];
    const char *name = glue(&in->import->scratch, in->prefix, layer->name);
    if (layer->calls++ == 0 || !name) return name;
    snprintf(number, sizeof number, "/call_%d", (int)layer->calls);
    return glue(&in->import->scratch, name, number);
}

/* ---- Inputs ---- */

/* Which input of its model the layer is; -1: none. */
static int32_t input_number(const instance *in, const axm_keras_layer *layer)
{
    if (in->model->sequential) return layer == &in->model->layers[0] ? 0 : -1;
    for (int32_t i = 0; i < in->model->input_count; ++i)
        if (strcmp(in->model->inputs[i].layer, layer->name) == 0) return i;
    return -1;
}

/* The shape that a layer's configuration gives for its input, the batch among it. */
static bool input_shape(const cJSON *config, axm_shape *out)
{
    const cJSON *list = axm_keras_item(config, "batch_shape"), *item;
    if (!list) list = axm_keras_item(config, "batch_input_shape");
    if (!list) list = axm_keras_item(config, "shape");
    if (!cJSON_IsArray(list)) return false;
    *out = (axm_shape){0};
    cJSON_ArrayForEach(item, list)
    {
        if (out->rank == AXM_MAX_RANK || (!cJSON_IsNull(item) && !cJSON_IsNumber(item))) return false;
        double size = cJSON_IsNumber(item) ? item->valuedouble : 0;
        out->dim[out->rank++] = size >= 1 && size < 1e9 ? (int64_t)size : AXM_FREE_DIM;
    }
    return out->rank > 0;
}

static int32_t graph_input(const instance *in, const char *name, const axm_shape *shape, axm_keras_tensor *out)
{
    axm_shape moved = *shape;
    *out = (axm_keras_tensor){AXM_NO_VALUE, shape->rank, shape->rank == 4 && !in->import->channels_first};
    if (out->moved) {
        moved.dim[1] = shape->dim[3];
        moved.dim[2] = shape->dim[1];
        moved.dim[3] = shape->dim[2];
    }
    int32_t status = axm_builder_input(in->import->builder, name, AXM_FLOAT32, &moved, &out->value);
    if (status >= 0) axm_builder_show_channels(in->import->builder, out->value, out->moved);
    return status;
}

AXM_KERAS_TRANSLATE(input)
{
    return axm_keras_unary(call, "Identity", NULL, call->inputs[0], NULL, 0, NULL);
}

/* The input of a Sequential that has no layer for it: the first layer, or the model, knows the shape. */
static int32_t implicit_input(const instance *in, const axm_keras_layer *layer, axm_keras_tensor *out)
{
    axm_shape shape;
    const char *name = glue(&in->import->scratch, layer->name, "_input");
    if (!name) return axm_no_memory(0, "a Keras model");
    if (!input_shape(layer->config, &shape))
        return axm_fail(
            ACTMAX_ERROR_UNSUPPORTED,
            "the model does not say what its input is: it was saved before it saw any; add keras.Input(shape) as its first "
            "layer and save it again");
    return graph_input(in, name, &shape, out);
}

/* ---- Calls ---- */

static int32_t refuse_unknown(const axm_keras_layer *layer, const char *name)
{
    if (strcmp(layer->class_name, "Lambda") == 0)
        return axm_fail(
            ACTMAX_ERROR_UNSUPPORTED,
            "layer '%.80s' is a Lambda, whose Python code actmax does not run; put Keras layers in its place, export the model "
            "to ONNX, or end the network at a layer before it (option end)",
            name);
    const char *function = axm_keras_string(axm_keras_item(layer->config, "node_def"), "op", NULL);
    if (!function) function = axm_keras_string(layer->config, "function", NULL);
    if (function && (strcmp(layer->class_name, "TFOpLambda") == 0 || strcmp(layer->class_name, "TensorFlowOpLayer") == 0))
        return axm_fail(
            ACTMAX_ERROR_UNSUPPORTED,
            "layer '%.80s' is TensorFlow's operation '%.60s', which actmax does not know; put Keras's own layers in its "
            "place, export the model to ONNX, or end the network at a layer before it (option end)",
            name, function);
    return axm_fail(
        ACTMAX_ERROR_UNSUPPORTED,
        "layer '%.80s' has class '%.80s', which actmax does not know; put Keras's own layers in its place, export the model "
        "to ONNX, or end the network at a layer before it (option end)",
        name, layer->class_name);
}

static int32_t keep_outputs(axm_keras_import *import, axm_keras_inbound *inbound, const axm_keras_tensor *outputs, int32_t count)
{
    inbound->outputs = axm_arena_array(&import->scratch, (size_t)count + 1, sizeof *inbound->outputs);
    if (!inbound->outputs) return axm_no_memory(0, "a Keras model");
    if (count) memcpy(inbound->outputs, outputs, (size_t)count * sizeof *outputs);
    inbound->output_count = count;
    return ACTMAX_OK;
}

/* The values that a call takes, which are all there. */
static int32_t take_inputs(const instance *in, const axm_keras_inbound *inbound, axm_keras_tensor **out)
{
    *out = axm_arena_array(&in->import->scratch, (size_t)inbound->source_count + 2, sizeof **out);
    if (!*out) return axm_no_memory(0, "a Keras model");
    for (int32_t i = 0; i < inbound->source_count; ++i) {
        const axm_keras_source *source = &inbound->sources[i];
        const axm_keras_inbound *from = axm_keras_find_call(in->model, source);
        if (source->output >= from->output_count)
            return axm_fail(ACTMAX_ERROR_FORMAT, "layer '%.80s' has no output %d; the file is damaged", source->layer,
                            (int)source->output);
        (*out)[i] = from->outputs[source->output];
    }
    return ACTMAX_OK;
}

static int32_t translate(const instance *in, axm_keras_layer *layer, const char *name, const axm_keras_tensor *inputs,
                         int32_t count, axm_keras_inbound *inbound)
{
    axm_keras_call call = {in->import, layer, layer->config, name, inputs, count, inbound, {AXM_NO_VALUE, 0, false}, NULL, 0};
    if (count == 0)
        return axm_fail(ACTMAX_ERROR_FORMAT, "layer '%.80s' (%.40s) has no input; the file is damaged", name, layer->class_name);
    int32_t status = layer->kind->translate(&call), unused;
    for (int32_t i = 0; i < layer->weight_count && status >= 0 && !layer->counted; ++i)
        status = axm_keras_weight(&call, layer->roles[i], &unused); /* those that no node reads count as parameters, too */
    if (status < 0) return status;
    return call.outputs ? keep_outputs(in->import, inbound, call.outputs, call.output_count)
                        : keep_outputs(in->import, inbound, &call.output, 1);
}

static int32_t run_call(const instance *in, axm_keras_layer *layer, axm_keras_inbound *inbound)
{
    axm_keras_tensor *inputs;
    int32_t number = input_number(in, layer), count = inbound->source_count;
    bool is_input = strcmp(layer->class_name, "InputLayer") == 0;
    int32_t status = take_inputs(in, inbound, &inputs);
    if (status < 0) return status;
    if (count == 0 && in->inputs && number >= 0) { /* of a nested model: what it is called with */
        if (number >= in->input_count)
            return axm_fail(ACTMAX_ERROR_FORMAT, "model '%.80s' is called with %d inputs and has more; the file is damaged",
                            in->model->name, (int)in->input_count);
        if (is_input) return keep_outputs(in->import, inbound, &in->inputs[number], 1);
        inputs[count++] = in->inputs[number];
    }
    const char *name = name_call(in, layer);
    if (!name) return axm_no_memory(0, "a Keras model");
    if (count == 0 && is_input) {
        axm_shape shape;
        const char *value = glue(&in->import->scratch, name, "/value");
        if (!value) return axm_no_memory(0, "a Keras model");
        if (!input_shape(layer->config, &shape))
            return axm_fail(ACTMAX_ERROR_FORMAT, "input '%.80s' has no shape; the file is damaged", name);
        if ((status = graph_input(in, value, &shape, &inputs[count++])) < 0) return status;
    } else if (count == 0 && in->model->sequential && number == 0) {
        if ((status = implicit_input(in, layer->model ? &layer->model->layers[0] : layer, &inputs[count++])) < 0) return status;
    }
    if (layer->model) {
        instance outer = *in;
        outer.input_count = count;
        return call_model(&outer, layer, name, inputs, inbound);
    }
    if (!layer->kind) return refuse_unknown(layer, name);
    return translate(in, layer, name, inputs, count, inbound);
}

/* ---- Order ---- */

typedef struct frame {
    axm_keras_layer *layer;
    int32_t call, next; /* next source to look at */
} frame;

static int32_t call_at(const instance *in, const axm_keras_source *source, frame *out)
{
    axm_keras_inbound *found = axm_keras_find_call(in->model, source);
    if (!found)
        return axm_fail(ACTMAX_ERROR_FORMAT,
                        "the model refers to call %d of layer '%.80s', which it does not have; the file is damaged",
                        (int)source->call, source->layer);
    axm_keras_layer *layer = axm_keras_find_layer(in->model, source->layer);
    *out = (frame){layer, source->call - layer->first_call, 0};
    return ACTMAX_OK;
}

/* Runs a call after all calls that it depends on. stack holds as many frames as there are calls in the model. */
static int32_t run_with_sources(const instance *in, frame first, frame *stack)
{
    int32_t depth = 0, status = ACTMAX_OK;
    if (first.layer->inbound[first.call].state == 2) return ACTMAX_OK;
    first.layer->inbound[first.call].state = 1;
    stack[depth++] = first;
    while (depth > 0) {
        frame *top = &stack[depth - 1], before = {NULL, 0, 0};
        axm_keras_inbound *inbound = &top->layer->inbound[top->call];
        if (top->next == inbound->source_count) {
            if ((status = run_call(in, top->layer, inbound)) < 0) return status;
            inbound->state = 2;
            --depth;
            continue;
        }
        if ((status = call_at(in, &inbound->sources[top->next++], &before)) < 0) return status;
        axm_keras_inbound *needed = &before.layer->inbound[before.call];
        if (needed->state == 2) continue;
        if (needed->state == 1)
            return axm_fail(ACTMAX_ERROR_FORMAT, "layer '%.80s' depends on its own output; the file is damaged",
                            before.layer->name);
        needed->state = 1;
        stack[depth++] = before;
    }
    return ACTMAX_OK;
}

/* Only what the model's first output needs, if `end`. */
static int32_t run_model(const instance *in, bool end, axm_keras_tensor *outputs)
{
    axm_keras_model *model = in->model;
    size_t calls = 0;
    int32_t status = ACTMAX_OK;
    for (int32_t i = 0; i < model->layer_count; ++i) {
        calls += (size_t)model->layers[i].inbound_count;
        for (int32_t c = 0; c < model->layers[i].inbound_count; ++c)
            model->layers[i].inbound[c].state = 0;
    }
    frame *stack = axm_arena_array(&in->import->scratch, calls + 1, sizeof *stack);
    if (!stack) return axm_no_memory(0, "a Keras model");
    frame last = {NULL, 0, 0};
    if (end && (status = call_at(in, &model->outputs[0], &last)) >= 0) status = run_with_sources(in, last, stack);
    for (int32_t i = 0; i < model->layer_count && status >= 0 && !end; ++i)
        for (int32_t c = 0; c < model->layers[i].inbound_count && status >= 0; ++c)
            status = run_with_sources(in, (frame){&model->layers[i], c, 0}, stack);
    for (int32_t o = 0; o < model->output_count && status >= 0; ++o) {
        frame at = {NULL, 0, 0};
        if ((status = call_at(in, &model->outputs[o], &at)) < 0) break;
        const axm_keras_inbound *from = &at.layer->inbound[at.call];
        if (model->outputs[o].output >= from->output_count)
            return axm_fail(ACTMAX_ERROR_FORMAT, "the model's output %d is given by no layer; the file is damaged", (int)o);
        outputs[o] = from->outputs[model->outputs[o].output];
    }
    return status;
}

static int64_t parameters_in(const axm_keras_model *model)
{
    int64_t total = 0;
    for (int32_t i = 0; i < model->layer_count; ++i) {
        const axm_keras_layer *layer = &model->layers[i];
        if (layer->model) total += parameters_in(layer->model);
        for (int32_t w = 0; w < layer->weight_count; ++w)
            if (layer->has_weight[w]) total += axm_shape_count(&layer->weights[w].shape);
    }
    return total;
}

/* Layers of nested models are also known by their own names where these are unique. */
static int32_t call_model(const instance *outer, axm_keras_layer *layer, const char *name, const axm_keras_tensor *inputs,
                          axm_keras_inbound *inbound)
{
    axm_keras_import *import = outer->import;
    axm_keras_model *model = layer->model;
    instance in = {import, model, glue(&import->scratch, name, "/"), inputs, outer->input_count};
    axm_keras_tensor *outputs = axm_arena_array(&import->scratch, (size_t)model->output_count + 1, sizeof *outputs);
    if (!in.prefix || !outputs) return axm_no_memory(0, "a Keras model");
    int32_t status = run_model(&in, false, outputs);
    if (status < 0) return status;
    axm_keras_call call = {import, layer, layer->config, name, inputs, in.input_count, inbound, {AXM_NO_VALUE, 0, false}, NULL, 0};
    if ((status = axm_keras_unary(&call, "Identity", NULL, outputs[0], NULL, 0, &outputs[0])) < 0) return status;
    axm_builder_holds(import->builder, outputs[0].value, parameters_in(model));
    for (int32_t i = 0; i < model->layer_count && status >= 0; ++i) {
        const axm_keras_inbound *last = &model->layers[i].inbound[0];
        if (last->output_count > 0 && strcmp(model->layers[i].class_name, "InputLayer") != 0)
            status = axm_builder_alias(import->builder, last->outputs[0].value, model->layers[i].name);
    }
    return status < 0 ? status : keep_outputs(import, inbound, outputs, model->output_count);
}

/* The layer of the option "end" as the model's only output. */
static int32_t end_at(axm_keras_import *import, axm_keras_model *model, const char *end)
{
    const axm_keras_layer *layer = axm_keras_find_layer(model, end);
    const char *nearest = "";
    size_t distance = SIZE_MAX;
    for (int32_t i = 0; i < model->layer_count && !layer; ++i) {
        const size_t d = axm_text_distance(end, model->layers[i].name);
        if (d >= distance) continue;
        distance = d;
        nearest = model->layers[i].name;
    }
    if (!layer)
        return axm_fail(
            ACTMAX_ERROR_NOT_FOUND,
            "option 'end': the model has no layer '%.80s' (those inside of nested models are none of its own); nearest: "
            "'%.80s'",
            end, nearest);
    model->outputs = axm_arena_array(&import->scratch, 1, sizeof *model->outputs);
    if (!model->outputs) return axm_no_memory(0, "a Keras model");
    model->outputs[0] = (axm_keras_source){layer->name, layer->first_call, 0};
    model->output_count = 1;
    return ACTMAX_OK;
}

int32_t axm_keras_build(axm_keras_import *import, axm_keras_model *model)
{
    instance in = {import, model, "", NULL, 0};
    const char *end = import->source->end ? import->source->end : "";
    int32_t status = *end ? end_at(import, model, end) : ACTMAX_OK;
    if (status < 0) return status;
    axm_keras_tensor *outputs = axm_arena_array(&import->scratch, (size_t)model->output_count + 1, sizeof *outputs);
    if (!outputs) return axm_no_memory(0, "a Keras model");
    status = run_model(&in, *end != 0, outputs);
    for (int32_t o = 0; o < model->output_count && status >= 0; ++o)
        status = axm_builder_output(import->builder, outputs[o].value, model->outputs[o].layer);
    return status;
}
