/* `actmax strongest`: the filters that a photograph excites the most, and their pictures. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct strongest_job {
    const cli_call *call;
    actmax_model *model;
    actmax_session *session;
    actmax_image *image;
    actmax_result *result;
    int32_t layer, top;
    const float *filters, *activations; /* the result's */
    int32_t count;
    char **files; /* of the pictures; NULL: none was asked for */
} strongest_job;

static int read_flags(strongest_job *job)
{
    const char *top = cli_value(job->call, "top");
    job->top = 5;
    if (cli_value(job->call, "layer") == NULL)
        return cli_error(CLI_USAGE, "of which layer? give --layer NAME (actmax info MODEL lists them)");
    if (top != NULL) {
        char *end = NULL;
        long number = strtol(top, &end, 10);
        if (*end != '\0' || number < 1 || number > 1000000) return cli_error(CLI_USAGE, "--top %s: give a number from 1 on", top);
        job->top = (int32_t)number;
    }
    if (cli_value(job->call, "folder") != NULL && cli_value(job->call, "render") == NULL)
        return cli_error(CLI_USAGE, "--folder says where pictures go; give --render too, or leave it out");
    return cli_check_output("raw", cli_value(job->call, "raw"), ".npy");
}

/* "FOLDER/layer_<layer>_filter_<filter>.jpg"; what would be a folder or control in the layer's name becomes '_'. */
static char *file_of(const strongest_job *job, int32_t filter)
{
    const char *folder = cli_value(job->call, "folder");
    const char *layer = cli_string(job->result, "layer");
    size_t before = folder != NULL ? strlen(folder) + 1 : 0;
    size_t capacity = before + strlen(layer) + 48;
    char *name = cli_allocate(capacity, 1);
    snprintf(name, capacity, "%s%slayer_%s_filter_%d.jpg", folder != NULL ? folder : "", folder != NULL ? "/" : "", layer,
             (int)filter);
    for (char *p = name + before; *p != '\0'; p++)
        if (*p == '/' || *p == '\\' || *p == ':' || (unsigned char)*p < 0x20) *p = '_';
    return name;
}

static int look(strongest_job *job)
{
    int64_t dims[8] = {0};
    int32_t rank = 0;
    const char *path = job->call->arguments[1];
    int32_t status = actmax_model_find_layer(job->model, cli_value(job->call, "layer"), &job->layer);
    if (status < 0) return cli_fail(status, NULL);
    status = actmax_image_load(path, job->call->recipe, &job->image);
    if (status < 0) return cli_fail_reading(status, path);
    status = actmax_session_strongest(job->session, job->image, job->layer, job->top, job->call->recipe, &job->result);
    if (status < 0) return cli_fail(status, path);
    actmax_result_array(job->result, "activations", &job->activations, dims, &rank);
    actmax_result_array(job->result, "filters", &job->filters, dims, &rank);
    job->count = (int32_t)dims[0];
    const char *raw = cli_value(job->call, "raw");
    return raw != NULL ? cli_write_array(raw, job->result, "means") : CLI_OK;
}

static int render_one(strongest_job *job, int32_t index, const int32_t *filters, actmax_result *const *pictures)
{
    int stopped = cli_number(pictures[index], "status") == ACTMAX_NOTE_STOPPED;
    if (stopped && cli_number(pictures[index], "steps") < 2) {
        cli_note("stopped before filter %d was begun: it has no picture", (int)filters[index]);
        return CLI_OK;
    }
    char *file = file_of(job, filters[index]);
    cli_notes(pictures[index], ACTMAX_OK, index > 0 ? cli_string(pictures[index - 1], "notes") : actmax_model_notes(job->model));
    int32_t status = actmax_result_save(pictures[index], file);
    if (status < 0) {
        int code = cli_fail_reading(status, file) == CLI_USAGE ? CLI_USAGE : CLI_FAILED;
        free(file);
        return code;
    }
    job->files[index] = file;
    return CLI_OK;
}

static int render(strongest_job *job)
{
    size_t count = (size_t)job->count;
    cli_progress progress;
    int code = CLI_OK;
    int interrupted = 0;
    int32_t status = 0;
    int32_t *filters = cli_allocate(count, sizeof *filters);
    actmax_result **pictures = cli_allocate(count, sizeof *pictures);
    job->files = cli_allocate(count, sizeof *job->files);
    for (size_t i = 0; i < count; i++)
        filters[i] = (int32_t)job->filters[i];
    char *first = file_of(job, filters[0]);
    code = cli_check_output("folder", first, NULL);
    if (code == CLI_OK) code = cli_progress_begin(&progress, job->call->recipe, NULL);
    if (code != CLI_OK) goto done;
    status = actmax_session_maximize_each(job->session, job->layer, filters, count, job->call->recipe, pictures);
    interrupted = cli_progress_end(&progress);
    if (status < 0) code = cli_fail(status, NULL);
    for (int32_t i = 0; i < job->count && code == CLI_OK; i++)
        code = render_one(job, i, filters, pictures);
    if (code == CLI_OK && interrupted) code = CLI_INTERRUPTED;
done:
    for (size_t i = 0; i < count; i++)
        actmax_result_free(pictures[i]);
    free(first);
    free(pictures);
    free(filters);
    return code;
}

static void print(const strongest_job *job)
{
    int json = cli_value(job->call, "json") != NULL;
    cli_text text = {NULL, 0, 0};
    if (json) {
        cli_add(&text, "{\"image\": ");
        cli_add_json_string(&text, job->call->arguments[1]);
        cli_add(&text, ", \"layer\": ");
        cli_add_json_string(&text, cli_string(job->result, "layer"));
        cli_add(&text, ", \"filters\": [");
    } else {
        cli_add(&text, "%s: layer %s\n", job->call->arguments[1], cli_string(job->result, "layer"));
    }
    for (int32_t i = 0; i < job->count; i++) {
        const char *file = job->files != NULL ? job->files[i] : NULL;
        double activation = (double)job->activations[i];
        if (json) {
            cli_add(&text, "%s{\"filter\": %.0f, \"activation\": ", i > 0 ? ", " : "", (double)job->filters[i]);
            cli_add_json_number(&text, activation);
            cli_add(&text, ", \"file\": ");
            cli_add_json_string(&text, file);
            cli_add(&text, "}");
        } else {
            cli_add(&text, "  %11.5g  filter %.0f%s%s\n", activation, (double)job->filters[i], file != NULL ? "  " : "",
                    file != NULL ? file : "");
        }
    }
    if (json) cli_add(&text, "]}\n");
    cli_print(text.data);
    cli_text_free(&text);
}

static int run_strongest(const cli_call *call)
{
    strongest_job job = {.call = call};
    int code = read_flags(&job);
    if (code == CLI_OK) code = cli_open(call, &job.model, &job.session);
    if (code == CLI_OK) code = look(&job);
    if (code == CLI_OK && cli_value(call, "render") != NULL) code = render(&job);
    if (code == CLI_OK || code == CLI_INTERRUPTED) print(&job);
    for (int32_t i = 0; job.files != NULL && i < job.count; i++)
        free(job.files[i]);
    free(job.files);
    actmax_result_free(job.result);
    actmax_image_free(job.image);
    actmax_session_free(job.session);
    actmax_model_free(job.model);
    return code;
}

static const cli_flag flags[] = {
    {"layer", "NAME", "the layer, as actmax info names it"},
    {"top", "K", "how many filters to list (default 5)"},
    {"render", NULL, "make the picture of each that is listed too, as maximize does: layer_<layer>_filter_<filter>.jpg"},
    {"folder", "FOLDER", "where --render writes them (default: here)"},
    {"raw", "FILE.npy", "write the mean activation of every filter, float32"},
    {"json", NULL, "write JSON"},
    {NULL, NULL, NULL}};

const cli_command cli_strongest = {
    "strongest",
    "MODEL IMAGE --layer NAME",
    "tell which filters of a layer a photograph excites the most, and show what they look for",
    "The activation is the filter's mean over the layer's height and width; the image is PNG, JPEG or BMP, and is resized and cut\n"
    "to the network's input. The options below image, run and so on are of --render.",
    flags,
    "*",
    "cam overlay sheet",
    2,
    2,
    run_strongest};
