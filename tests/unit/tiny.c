#include "tiny.h"

/* ---- Writing a network ---- */

static void write_value(onnx_writer *to, uint32_t field, const char *name, const int64_t *dims)
{
    size_t value = begin_message(to, field);
    write_text(to, 1, name);
    size_t type = begin_message(to, 2), tensor = begin_message(to, 1);
    write_number(to, 1, 1); /* float32 */
    if (dims) {
        size_t shape = begin_message(to, 2);
        for (int i = 0; i < 4; i++) {
            size_t dim = begin_message(to, 1);
            if (dims[i] > 0)
                write_number(to, 1, (uint64_t)dims[i]);
            else
                write_text(to, 2, "free");
            end_message(to, dim);
        }
        end_message(to, shape);
    }
    end_message(to, tensor);
    end_message(to, type);
    end_message(to, value);
}

void tiny_begin(tiny *t, int64_t d0, int64_t d1, int64_t d2, int64_t d3)
{
    const int64_t dims[4] = {d0, d1, d2, d3};
    tiny_begin_in(t, 13, dims);
}

void tiny_begin_in(tiny *t, uint64_t version, const int64_t dims[4])
{
    memset(t, 0, sizeof *t);
    write_number(&t->to, MODEL_IR, 8);
    size_t opset = begin_message(&t->to, MODEL_OPSET);
    write_number(&t->to, OPSET_VERSION, version);
    end_message(&t->to, opset);
    t->graph = begin_message(&t->to, MODEL_GRAPH);
    write_value(&t->to, GRAPH_INPUT, "x", dims);
}

void tiny_values(tiny *t, const char *name, const float *values, int64_t d0, int64_t d1, int64_t d2, int64_t d3)
{
    const int64_t dims[4] = {d0, d1, d2, d3};
    size_t tensor = begin_message(&t->to, GRAPH_INITIALIZER), count = 1;
    for (int i = 0; i < 4 && dims[i] > 0; i++) {
        write_number(&t->to, TENSOR_DIMS, (uint64_t)dims[i]);
        count *= (size_t)dims[i];
    }
    write_number(&t->to, TENSOR_TYPE, 1);
    write_text(&t->to, TENSOR_NAME, name);
    write_blob(&t->to, TENSOR_RAW, values, count * sizeof *values);
    end_message(&t->to, tensor);
}

float tiny_value(uint32_t seed, float range, size_t i)
{
    uint32_t x = seed * 2654435761u + (uint32_t)i * 2246822519u + 374761393u; /* mixed well enough for weights */
    x = (x ^ x >> 15) * 2246822519u;
    x = (x ^ x >> 13) * 3266489917u;
    return range * ((float)((x ^ x >> 16) >> 8) / 8388608.0f - 1.0f);
}

void tiny_random(tiny *t, const char *name, uint32_t seed, float range, int64_t d0, int64_t d1, int64_t d2, int64_t d3)
{
    const int64_t dims[4] = {d0, d1, d2, d3};
    size_t count = 1;
    for (int i = 0; i < 4 && dims[i] > 0; i++)
        count *= (size_t)dims[i];
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = tiny_value(seed, range, i);
    tiny_values(t, name, values, d0, d1, d2, d3);
    free(values);
}

static void write_words(onnx_writer *to, uint32_t field, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        write_blob(to, field, words, length);
        words += length + (words[length] == ' ');
    }
}

void tiny_open(tiny *t, const char *op, const char *name, const char *inputs, const char *outputs)
{
    t->node = begin_message(&t->to, GRAPH_NODE);
    write_words(&t->to, NODE_INPUT, inputs);
    write_words(&t->to, NODE_OUTPUT, outputs);
    if (name) write_text(&t->to, NODE_NAME, name);
    write_text(&t->to, NODE_OP, op);
}

void tiny_ints(tiny *t, const char *attribute, const int64_t *values, size_t count)
{
    size_t mark = begin_message(&t->to, NODE_ATTRIBUTE);
    write_text(&t->to, ATTRIBUTE_NAME, attribute);
    for (size_t i = 0; i < count; i++)
        write_number(&t->to, ATTRIBUTE_INTS, (uint64_t)values[i]);
    write_number(&t->to, ATTRIBUTE_TYPE, 7);
    end_message(&t->to, mark);
}

void tiny_int(tiny *t, const char *attribute, int64_t value)
{
    size_t mark = begin_message(&t->to, NODE_ATTRIBUTE);
    write_text(&t->to, ATTRIBUTE_NAME, attribute);
    write_number(&t->to, ATTRIBUTE_I, (uint64_t)value);
    write_number(&t->to, ATTRIBUTE_TYPE, 2);
    end_message(&t->to, mark);
}

void tiny_float(tiny *t, const char *attribute, float value)
{
    size_t mark = begin_message(&t->to, NODE_ATTRIBUTE);
    write_text(&t->to, ATTRIBUTE_NAME, attribute);
    write_tag(&t->to, ATTRIBUTE_F, 5);
    write_bytes(&t->to, &value, sizeof value);
    write_number(&t->to, ATTRIBUTE_TYPE, 1);
    end_message(&t->to, mark);
}

void tiny_close(tiny *t)
{
    end_message(&t->to, t->node);
}

void tiny_node(tiny *t, const char *op, const char *name, const char *inputs, const char *outputs)
{
    tiny_open(t, op, name, inputs, outputs);
    tiny_close(t);
}

void tiny_conv(tiny *t, const char *name, const char *input, int64_t in, int64_t out, int64_t side, int64_t pad, uint32_t seed,
               float range)
{
    char weight[64], bias[64], inputs[200];
    snprintf(weight, sizeof weight, "%s_w", name);
    snprintf(bias, sizeof bias, "%s_b", name);
    snprintf(inputs, sizeof inputs, "%s %s %s", input, weight, bias);
    tiny_random(t, weight, seed, range, out, in, side, side);
    tiny_random(t, bias, seed + 1000, 0.1f, out, 0, 0, 0);
    tiny_open(t, "Conv", name, inputs, name);
    tiny_ints(t, "kernel_shape", (const int64_t[]){side, side}, 2);
    tiny_ints(t, "pads", (const int64_t[]){pad, pad, pad, pad}, 4);
    tiny_close(t);
}

void tiny_dense(tiny *t, const char *name, const char *input, int64_t in, int64_t out, uint32_t seed)
{
    char weight[64], bias[64], inputs[200];
    snprintf(weight, sizeof weight, "%s_w", name);
    snprintf(bias, sizeof bias, "%s_b", name);
    snprintf(inputs, sizeof inputs, "%s %s %s", input, weight, bias);
    tiny_random(t, weight, seed, 1.0f, in, out, 0, 0);
    tiny_random(t, bias, seed + 1000, 0.1f, out, 0, 0, 0);
    tiny_node(t, "Gemm", name, inputs, name);
}

void tiny_output(tiny *t, const char *name)
{
    write_value(&t->to, GRAPH_OUTPUT, name, NULL);
}

actmax_model *tiny_load(tiny *t, const actmax_recipe *recipe)
{
    actmax_model *model = NULL;
    end_message(&t->to, t->graph);
    must(actmax_model_load_memory(t->to.data, t->to.size, recipe, &model));
    assert_non_null(model);
    return model;
}

void tiny_refused(tiny *t, const actmax_recipe *recipe, int32_t status, const char *text)
{
    actmax_model *model = NULL;
    end_message(&t->to, t->graph);
    refused(actmax_model_load_memory(t->to.data, t->to.size, recipe, &model), status, text);
    assert_null(model);
    tiny_free(t);
}

void tiny_free(tiny *t)
{
    free(t->to.data);
    memset(t, 0, sizeof *t);
}

static void classifier_of(tiny *t, const char *input)
{
    tiny_conv(t, "conv1", input, 3, 6, 3, 1, 1, 0.5f);
    tiny_node(t, "Relu", "relu1", "conv1", "relu1");
    tiny_open(t, "MaxPool", "pool1", "relu1", "pool1");
    tiny_ints(t, "kernel_shape", (const int64_t[]){2, 2}, 2);
    tiny_ints(t, "strides", (const int64_t[]){2, 2}, 2);
    tiny_close(t);
    tiny_conv(t, "conv2", "pool1", 6, 8, 3, 1, 2, 0.5f);
    tiny_node(t, "Relu", "relu2", "conv2", "relu2");
    tiny_node(t, "GlobalAveragePool", "mean", "relu2", "mean");
    tiny_node(t, "Flatten", "flat", "mean", "flat");
    tiny_dense(t, "dense", "flat", 8, 5, 3);
    tiny_node(t, "Softmax", "soft", "dense", "soft");
    tiny_output(t, "soft");
}

void tiny_classifier(tiny *t)
{
    tiny_begin(t, 1, 3, 12, 10);
    classifier_of(t, "x");
}

void tiny_classifier_last(tiny *t)
{
    tiny_begin(t, 1, 12, 10, 3);
    tiny_open(t, "Transpose", "turn", "x", "turned");
    tiny_ints(t, "perm", (const int64_t[]){0, 3, 1, 2}, 4);
    tiny_close(t);
    classifier_of(t, "turned");
}

/* ---- What every test does ---- */

void must(int32_t status)
{
    if (status < 0) fail_msg("status %d (%s): %s", (int)status, actmax_status_name(status), actmax_message());
}

void refused(int32_t status, int32_t expected, const char *text)
{
    if (status != expected)
        fail_msg("status %s instead of %s: %s", actmax_status_name(status), actmax_status_name(expected), actmax_message());
    if (!strstr(actmax_message(), text)) fail_msg("\"%s\" does not hold \"%s\"", actmax_message(), text);
}

void set_option(actmax_recipe *recipe, const char *option, const char *value)
{
    must(actmax_recipe_set_text(recipe, option, value));
}

actmax_recipe *tiny_recipe(const char *option, ...)
{
    actmax_recipe *recipe = NULL;
    va_list list;
    must(actmax_recipe_new(&recipe));
    va_start(list, option);
    for (const char *name = option; name; name = va_arg(list, const char *))
        set_option(recipe, name, va_arg(list, const char *));
    va_end(list);
    return recipe;
}

actmax_session *tiny_session(const actmax_model *model, int32_t threads)
{
    actmax_session *session = NULL;
    actmax_recipe *recipe = tiny_recipe(NULL);
    must(actmax_recipe_set_number(recipe, "threads", threads));
    must(actmax_session_new(model, recipe, &session));
    actmax_recipe_free(recipe);
    assert_int_equal(actmax_session_threads(session), threads);
    return session;
}

int32_t layer_of(const actmax_model *model, const char *name)
{
    int32_t index = -99;
    must(actmax_model_find_layer(model, name, &index));
    return index;
}

double number(const actmax_result *result, const char *name)
{
    double value = NAN;
    must(actmax_result_number(result, name, &value));
    return value;
}

const char *text_of(const actmax_result *result, const char *name)
{
    const char *text = NULL;
    must(actmax_result_text(result, name, &text));
    return text;
}

const float *array_of(const actmax_result *result, const char *name, size_t count)
{
    const float *data = NULL;
    int64_t dims[8];
    int32_t rank = -1;
    must(actmax_result_array(result, name, &data, dims, &rank));
    size_t product = 1;
    for (int32_t i = 0; i < rank; i++)
        product *= (size_t)dims[i];
    if (product != count) fail_msg("array '%s' has %zu elements, not %zu", name, product, count);
    return data;
}

const actmax_image *image_of(const actmax_result *result, const char *name)
{
    const actmax_image *image = NULL;
    must(actmax_result_image(result, name, &image));
    return image;
}

bool same_picture(const actmax_result *a, const actmax_result *b)
{
    const float *x, *y;
    int64_t m[8], n[8];
    int32_t rank;
    must(actmax_result_array(a, "image", &x, m, &rank));
    must(actmax_result_array(b, "image", &y, n, &rank));
    assert_true(rank == 3 && memcmp(m, n, 3 * sizeof *m) == 0);
    return memcmp(x, y, (size_t)(m[0] * m[1] * m[2]) * sizeof *x) == 0;
}

double progress_of(const actmax_progress *progress, const char *name)
{
    double value = NAN;
    must(actmax_progress_number(progress, name, &value));
    return value;
}

static actmax_model *load_file(const char *folder, const char *file, const actmax_recipe *recipe)
{
    char path[4096];
    actmax_model *model = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    must(actmax_model_load(path, recipe, &model));
    return model;
}

actmax_model *golden_model(const char *file, const actmax_recipe *recipe)
{
    return load_file(ACTMAX_TEST_DATA, file, recipe);
}

actmax_model *fashion_model(const actmax_recipe *recipe)
{
    return load_file(ACTMAX_TEST_EXAMPLES, "fashion_mnist.onnx", recipe);
}

actmax_image *golden_picture(void)
{
    actmax_image *image = NULL;
    must(actmax_image_load(ACTMAX_TEST_DATA "/visualize_start.png", NULL, &image));
    assert_int_equal(actmax_image_width(image), 10);
    assert_int_equal(actmax_image_height(image), 12);
    return image;
}

void near_all(const char *what, const float *values, const float *expected, size_t count, double tolerance)
{
    double worst = 0.0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)values[i] - (double)expected[i]);
        if (difference <= worst) continue; /* not a number is never <= */
        worst = difference;
        at = i;
        if (isnan(worst)) break;
    }
    if (!(worst <= tolerance))
        fail_msg("%s: element %zu is %.8g, expected %.8g (more than %g apart)", what, at, (double)values[at], (double)expected[at],
                 tolerance);
}
