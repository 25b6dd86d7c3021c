/* Raw operations that functional models record: x + 1, keras.ops.relu6(x), tf.nn.silu(x) and the like. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "loaders/keras/translate.h"

#define X(class_name, names, translation) AXM_KERAS_TRANSLATE(translation);
#include "loaders/keras/operations.def"
#undef X

static const struct {
    axm_keras_kind kind;
    const char *names; /* TensorFlow's, each between blanks */
} operations[] = {
#define X(class_name, names, translation) {{#class_name, "", axm_keras_translate_##translation}, names},
#include "loaders/keras/operations.def"
#undef X
};

/* Keras 3's archives say the module. Its .h5 files do not; there an operation differs from a layer of the same class in that it has
 * no settings of layers. */
bool axm_keras_is_operation(const cJSON *json)
{
    const char *module = axm_keras_string(json, "module", NULL);
    const cJSON *config = axm_keras_item(json, "config");
    if (module) return strncmp(module, "keras.src.ops", 13) == 0 || strncmp(module, "keras.ops", 9) == 0;
    const cJSON *first = axm_keras_item(json, "inbound_nodes");
    return cJSON_IsObject(config) && !axm_keras_item(config, "trainable") && !axm_keras_item(config, "dtype") &&
           cJSON_IsArray(first) && cJSON_IsObject(first->child);
}

const axm_keras_kind *axm_keras_find_operation(const cJSON *json, const char *class_name)
{
    static const char *const lambdas[] = {"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"};
    bool lambda = false;
    for (size_t i = 0; i < sizeof lambdas / sizeof *lambdas; ++i)
        lambda = lambda || strcmp(class_name, lambdas[i]) == 0;
    bool raw = axm_keras_is_operation(json);
    const char *function = axm_keras_string(axm_keras_item(json, "config"), "function", "");
    char wanted[80];
    axm_text text = axm_text_in(wanted, sizeof wanted);
    axm_text_add(&text, " %.60s ", function);
    for (size_t i = 0; (raw || lambda) && i < sizeof operations / sizeof *operations; ++i)
        if (lambda ? strstr(operations[i].names, wanted) != NULL : strcmp(operations[i].kind.class_name, class_name) == 0)
            return &operations[i].kind;
    return NULL;
}

/* The index in the table of the call's operation. */
static size_t index_of(const axm_keras_call *call)
{
    size_t i = 0;
    while (&operations[i].kind != call->layer->kind)
        ++i;
    return i;
}

/* ---- Arguments ---- */

/* A setting: among the configuration (Keras 3) or the keyword arguments. */
const cJSON *axm_keras_setting(const axm_keras_call *call, const char *name)
{
    const cJSON *item = axm_keras_item(call->config, name);
    return item ? item : axm_keras_item(call->inbound->keywords, name);
}

/* What stands at position 0 or 1 of a binary operation in a tensor's place; NULL: nothing that is known. */
static const cJSON *constant_at(const axm_keras_call *call, int position)
{
    const cJSON *list = call->inbound->arguments, *keywords = call->inbound->keywords;
    const cJSON *item = NULL;
    const cJSON *first = axm_keras_is_constant(list) ? list : cJSON_IsArray(list) ? list->child : NULL;
    if (position == 0 && axm_keras_is_constant(first)) item = cJSON_GetArrayItem(first, 2);
    bool objects = cJSON_IsArray(list) && cJSON_IsObject(list->child); /* Keras 3 writes all arguments in one list */
    if (objects || (cJSON_IsArray(list) && cJSON_IsNumber(list->child)))
        item = cJSON_GetArrayItem(list, position);
    else if (position == 1)
        item = axm_keras_item(keywords, axm_keras_item(keywords, "bias") ? "bias" : "y");
    if (!item) item = axm_keras_setting(call, position == 0 ? "x1" : "x2");
    axm_shape shape;
    return axm_keras_read_constant(item, &shape, NULL) ? item : NULL;
}

/* A constant that broadcasts over `tensor`. */
static int32_t emit_constant(axm_keras_call *call, const cJSON *item, axm_keras_tensor tensor, int32_t *out)
{
    axm_shape shape;
    float *values;
    axm_keras_read_constant(item, &shape, NULL);
    int32_t status = axm_keras_floats(call, &shape, &values);
    if (status < 0) return status;
    axm_keras_read_constant(item, &shape, values);
    if (shape.rank == 0) return axm_keras_scalar(call, "number", values[0], out);
    return axm_keras_broadcast(call, "operand", &shape, values, tensor, out);
}

static int32_t binary(axm_keras_call *call, const char *op)
{
    axm_keras_tensor a, b;
    int32_t constant, status;
    if (call->input_count == 1) {
        const cJSON *second = constant_at(call, 1), *item = second ? second : constant_at(call, 0);
        if (!item) return axm_keras_refuse(call, "an operand other than a tensor or numbers");
        a = call->inputs[0];
        if ((status = emit_constant(call, item, a, &constant)) < 0) return status;
        if (second) return axm_keras_binary(call, op, NULL, a, constant, NULL);
        const int32_t inputs[2] = {constant, a.value};
        const axm_keras_node node = {op, NULL, inputs, 2, NULL, 0, a};
        return axm_keras_emit(call, &node, NULL);
    }
    if (call->input_count != 2) return axm_keras_refuse(call, "other than two operands");
    a = call->inputs[0];
    b = call->inputs[1];
    bool moved = a.rank == b.rank && (a.moved || b.moved);
    if ((status = axm_keras_order(call, a, moved, &a)) < 0 || (status = axm_keras_order(call, b, moved, &b)) < 0) return status;
    const int32_t inputs[2] = {a.value, b.value};
    const axm_keras_node node = {op, NULL, inputs, 2, NULL, 0, a.rank >= b.rank ? a : b};
    return axm_keras_emit(call, &node, NULL);
}

AXM_KERAS_TRANSLATE(op_add)
{
    const cJSON *format = axm_keras_setting(call, "data_format"); /* of bias_add */
    if (cJSON_IsString(format) && strncmp(format->valuestring, "NC", 2) == 0)
        return axm_keras_refuse(call, "a bias along other than the last axis");
    return binary(call, "Add");
}

AXM_KERAS_TRANSLATE(op_subtract)
{
    return binary(call, "Sub");
}

AXM_KERAS_TRANSLATE(op_multiply)
{
    return binary(call, "Mul");
}

AXM_KERAS_TRANSLATE(op_divide)
{
    return binary(call, "Div");
}

AXM_KERAS_TRANSLATE(op_maximum)
{
    return binary(call, "Max");
}

AXM_KERAS_TRANSLATE(op_minimum)
{
    return binary(call, "Min");
}

/* ---- One operand ---- */

static int32_t unary(axm_keras_call *call, const char *op)
{
    return axm_keras_unary(call, op, NULL, call->inputs[0], NULL, 0, NULL);
}

AXM_KERAS_TRANSLATE(op_negative)
{
    return unary(call, "Neg");
}

AXM_KERAS_TRANSLATE(op_absolute)
{
    return unary(call, "Abs");
}

AXM_KERAS_TRANSLATE(op_exp)
{
    return unary(call, "Exp");
}

AXM_KERAS_TRANSLATE(op_log)
{
    return unary(call, "Log");
}

AXM_KERAS_TRANSLATE(op_sqrt)
{
    return unary(call, "Sqrt");
}

AXM_KERAS_TRANSLATE(op_reciprocal)
{
    return unary(call, "Reciprocal");
}

AXM_KERAS_TRANSLATE(op_erf)
{
    return unary(call, "Erf");
}

AXM_KERAS_TRANSLATE(op_power)
{
    return binary(call, "Pow");
}

AXM_KERAS_TRANSLATE(op_rsqrt)
{
    axm_keras_tensor root;
    int32_t status = axm_keras_unary(call, "Sqrt", "root", call->inputs[0], NULL, 0, &root);
    return status < 0 ? status : axm_keras_unary(call, "Reciprocal", NULL, root, NULL, 0, NULL);
}

AXM_KERAS_TRANSLATE(op_square)
{
    return axm_keras_binary(call, "Mul", NULL, call->inputs[0], call->inputs[0].value, NULL);
}

/* The class's name in small letters, with an underscore where a word begins, is the function's. */
AXM_KERAS_TRANSLATE(op_activation)
{
    const char *class_name = operations[index_of(call)].kind.class_name;
    char name[40];
    axm_text text = axm_text_in(name, sizeof name);
    for (size_t i = 0; class_name[i]; ++i) {
        bool capital = class_name[i] >= 'A' && class_name[i] <= 'Z';
        axm_text_add(&text, "%s%c", capital && i > 0 ? "_" : "", capital ? class_name[i] - 'A' + 'a' : class_name[i]);
    }
    cJSON function = {.type = cJSON_String, .valuestring = name};
    return axm_keras_activate(call, &function, call->inputs[0]);
}

AXM_KERAS_TRANSLATE(op_clip)
{
    const cJSON *low = axm_keras_setting(call, "x_min"), *high = axm_keras_setting(call, "x_max");
    if (!low) low = axm_keras_setting(call, "clip_value_min");
    if (!high) high = axm_keras_setting(call, "clip_value_max");
    if (!cJSON_IsNumber(low) || !cJSON_IsNumber(high)) return axm_keras_refuse(call, "bounds other than numbers");
    const axm_attribute attributes[] = {axm_keras_float("min", low->valuedouble), axm_keras_float("max", high->valuedouble)};
    return axm_keras_unary(call, "Clip", NULL, call->inputs[0], attributes, 2, NULL);
}

AXM_KERAS_TRANSLATE(op_reshape)
{
    const cJSON *target = axm_keras_setting(call, "newshape"), *item;
    int64_t shape[AXM_MAX_RANK];
    int32_t rank = 0;
    axm_keras_tensor x;
    if (!target) target = axm_keras_setting(call, "shape");
    if (!cJSON_IsArray(target)) return axm_keras_refuse(call, "a shape that is computed");
    cJSON_ArrayForEach(item, target)
    {
        double size = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (rank == AXM_MAX_RANK || !(size >= -1 && size < 1e9)) return axm_keras_bad_config(call, "newshape");
        shape[rank++] = (int64_t)size;
    }
    if (rank == 0) return axm_keras_bad_config(call, "newshape");
    if (shape[0] == -1) shape[0] = 0; /* the batch stays */
    int32_t status = axm_keras_order(call, call->inputs[0], false, &x);
    if (status < 0) return status;
    x.rank = rank;
    const axm_attribute attribute = axm_keras_ints("shape", shape, (size_t)rank);
    return axm_keras_unary(call, "Reshape", NULL, x, &attribute, 1, NULL);
}

AXM_KERAS_TRANSLATE(op_concatenate)
{
    axm_keras_call plain = *call;
    if (!axm_keras_item(call->config, "axis")) plain.config = call->inbound->keywords;
    int32_t status = axm_keras_translate_concatenate(&plain);
    call->output = plain.output;
    return status;
}
