/* `actmax classify`: the most likely classes of photographs. */
#include "cli.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct classify_job {
    const cli_call *call;
    actmax_model *model;
    actmax_session *session;
    cli_labels labels;
    int32_t top;
    int json;
    int told; /* the notes of the first picture hold for all */
    cli_text text;
} classify_job;

/* Sets order[0..top) to the indices of the largest values, the earlier first among equals. */
static void largest(const float *values, int64_t count, int32_t top, int64_t *order)
{
    int32_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t at = found;
        while (at > 0 && values[i] > values[order[at - 1]])
            at--;
        if (at >= top) continue;
        if (found < top) found++;
        memmove(order + at + 1, order + at, sizeof *order * (size_t)(found - 1 - at));
        order[at] = i;
    }
}

static void add_json(classify_job *job, const char *image, const float *values, const int64_t *order, int32_t top)
{
    cli_text *text = &job->text;
    cli_add(text, "%s {\"image\": ", text->size > 2 ? ",\n" : "");
    cli_add_json_string(text, image);
    cli_add(text, ", \"top\": [");
    for (int32_t i = 0; i < top; i++) {
        cli_add(text, "%s{\"class\": %" PRId64 ", \"name\": ", i > 0 ? ", " : "", order[i]);
        cli_add_json_string(text, cli_label(&job->labels, order[i]));
        cli_add(text, ", \"probability\": ");
        cli_add_json_number(text, (double)values[order[i]]);
        cli_add(text, "}");
    }
    cli_add(text, "]}");
}

static void add_table(classify_job *job, const char *image, const float *values, const int64_t *order, int32_t top)
{
    cli_add(&job->text, "%s\n", image);
    for (int32_t i = 0; i < top; i++) {
        const char *name = cli_label(&job->labels, order[i]);
        cli_add(&job->text, "  %7.4f  class %" PRId64 "%s%s\n", (double)values[order[i]], order[i], name != NULL ? "  " : "",
                name != NULL ? name : "");
    }
}

static int report(classify_job *job, const char *image, const actmax_result *result)
{
    const float *values = NULL;
    int64_t dims[8] = {0};
    int32_t rank = 0;
    int64_t classes = 1;
    int32_t status = actmax_result_array(result, "probabilities", &values, dims, &rank);
    if (status < 0) return cli_fail(status, image);
    for (int32_t i = 0; i < rank; i++)
        classes *= dims[i];
    if (job->labels.count > 0 && (uint64_t)classes != job->labels.count)
        return cli_error(CLI_USAGE,
                         "--labels: the file has %zu labels, but the network %" PRId64 " classes; give the file that belongs to it",
                         job->labels.count, classes);
    int32_t top = job->top < classes ? job->top : (int32_t)classes;
    int64_t *order = cli_allocate((size_t)top + 1, sizeof *order);
    largest(values, classes, top, order);
    if (job->json)
        add_json(job, image, values, order, top);
    else
        add_table(job, image, values, order, top);
    free(order);
    return CLI_OK;
}

static int classify_image(classify_job *job, const char *path)
{
    actmax_image *image = NULL;
    actmax_result *result = NULL;
    int code = CLI_OK;
    int32_t status = actmax_image_load(path, job->call->recipe, &image);
    if (status < 0) {
        code = cli_fail_reading(status, path);
        goto done;
    }
    status = actmax_session_predict(job->session, image, job->call->recipe, &result);
    if (status < 0) {
        code = cli_fail(status, path);
        goto done;
    }
    if (!job->told) {
        const char *end = "";
        cli_notes(result, status, actmax_model_notes(job->model));
        if (actmax_recipe_get_text(job->call->recipe, "end", &end) == ACTMAX_OK && *end)
            cli_note("the network was ended at '%s': these are the channels there, which may be no classes", end);
        else if (cli_number(result, "softmax_added") > 0 && strstr(cli_string(result, "notes"), "softmax") == NULL)
            cli_note("the network ends in scores: a softmax was added to make probabilities of them");
        job->told = 1;
    }
    code = report(job, path, result);
    if (code == CLI_OK && !job->json) {
        cli_print(job->text.data);
        cli_text_free(&job->text);
    }
done:
    actmax_result_free(result);
    actmax_image_free(image);
    return code;
}

static int read_top(const cli_call *call, int32_t *top)
{
    const char *value = cli_value(call, "top");
    *top = 5;
    if (value == NULL) return CLI_OK;
    char *end = NULL;
    long number = strtol(value, &end, 10);
    if (*end != '\0' || number < 1 || number > 1000000) return cli_error(CLI_USAGE, "--top %s: give a number from 1 on", value);
    *top = (int32_t)number;
    return CLI_OK;
}

static int run_classify(const cli_call *call)
{
    classify_job job = {.call = call, .json = cli_value(call, "json") != NULL};
    int code = read_top(call, &job.top);
    if (code == CLI_OK) code = cli_labels_read(call, &job.labels);
    if (code == CLI_OK) code = cli_open(call, &job.model, &job.session);
    if (job.json) cli_add(&job.text, "[\n");
    for (int i = 1; i < call->argument_count && code == CLI_OK; i++)
        code = classify_image(&job, call->arguments[i]);
    if (job.json && code == CLI_OK) {
        cli_add(&job.text, "\n]\n");
        cli_print(job.text.data);
    }
    cli_text_free(&job.text);
    cli_labels_free(&job.labels);
    actmax_session_free(job.session);
    actmax_model_free(job.model);
    return code;
}

static const cli_flag flags[] = {
    {"labels", "FILE", "the names of the classes, one on each line (a line may hold several: 'water ouzel, dipper')"},
    {"top", "K", "how many classes to list (default 5)"},
    {"json", NULL, "write JSON"},
    {NULL, NULL, NULL}};

const cli_command cli_classify = {"classify",
                                  "MODEL IMAGE...",
                                  "tell what a network sees in photographs: the most likely classes with their probabilities",
                                  "Images are PNG, JPEG or BMP; they are resized and cut to the network's input.\n"
                                  "When the network ends in scores, a softmax is added (and that is said).",
                                  flags,
                                  "preset load preprocess limits session",
                                  "",
                                  2,
                                  INT_MAX,
                                  run_classify};
