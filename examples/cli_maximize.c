/* `actmax maximize`: a picture that excites a filter, a neuron or a class. */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct maximize_job {
    const cli_call *call;
    actmax_model *model;
    actmax_session *session;
    cli_labels labels;
    cli_target target;
    cli_animation animation;
    actmax_result **results; /* one, or one for each filter */
    size_t count;
    cli_text text;
} maximize_job;

static int check_flags(const cli_call *call)
{
    const char *layer = cli_value(call, "layer");
    const char *filter = cli_value(call, "filter");
    const char *class = cli_value(call, "class");
    if (cli_value(call, "out") == NULL) return cli_error(CLI_USAGE, "where shall the picture go? give --out FILE.png");
    if (class != NULL && (layer != NULL || filter != NULL))
        return cli_error(CLI_USAGE, "give either --class, or --layer with --filter");
    if (class == NULL && layer == NULL)
        return cli_error(
            CLI_USAGE, "what shall be maximised? give --layer NAME --filter K, or --class K (actmax info MODEL lists the layers)");
    if (cli_value(call, "sheet") != NULL && (cli_value(call, "raw") != NULL || cli_value(call, "gif") != NULL))
        return cli_error(CLI_USAGE, "--sheet makes one picture of many; --raw and --gif go with single ones: leave them out");
    int code = cli_check_output("out", cli_value(call, "out"), NULL);
    if (code == CLI_OK) code = cli_sheet_read(call);
    return code != CLI_OK ? code : cli_check_output("raw", cli_value(call, "raw"), ".npy");
}

/* Classes may be given as filters are ("3", "1,2", "0-7", "1+2"), or as one name. */
static int read_class(maximize_job *job, const char *text)
{
    job->target.layer = ACTMAX_LAYER_OUTPUT;
    if (text[strspn(text, "0123456789,+-")] == '\0') return cli_filters_parse("class", text, &job->target);
    job->target.filters = cli_allocate(1, sizeof *job->target.filters);
    job->target.count = 1;
    return cli_class_find(&job->labels, text, job->target.filters);
}

static int read_target(maximize_job *job)
{
    const char *layer = cli_value(job->call, "layer");
    const char *filter = cli_value(job->call, "filter");
    const char *class = cli_value(job->call, "class");
    if (class != NULL) return read_class(job, class);
    int32_t status = actmax_model_find_layer(job->model, layer, &job->target.layer);
    if (status < 0) return cli_fail(status, NULL);
    return filter != NULL ? cli_filters_parse("filter", filter, &job->target) : CLI_OK;
}

static int compute(maximize_job *job, int32_t *status)
{
    const cli_target *target = &job->target;
    job->count = target->each ? target->count : 1;
    job->results = cli_allocate(job->count, sizeof *job->results);
    cli_progress progress;
    if (target->each) job->animation.numbers = target->filters;
    int code = cli_progress_begin(&progress, job->call->recipe, job->animation.path != NULL ? &job->animation : NULL);
    if (code != CLI_OK) return code;
    if (target->each)
        *status = actmax_session_maximize_each(job->session, target->layer, target->filters, target->count, job->call->recipe,
                                               job->results);
    else
        *status =
            actmax_session_maximize(job->session, target->layer, target->filters, target->count, job->call->recipe, job->results);
    if (cli_progress_end(&progress)) code = CLI_INTERRUPTED;
    if (*status < 0) return cli_fail(*status, NULL);
    return job->animation.status != CLI_OK ? job->animation.status : code;
}

/* "filter": the index, a list of those summed, or null for the whole layer. */
static void add_filter(const maximize_job *job, size_t index, cli_text *text)
{
    const cli_target *target = &job->target;
    if (target->count == 0) {
        cli_add(text, "null");
    } else if (target->each || target->count == 1) {
        cli_add(text, "%" PRId32, target->filters[index]);
    } else {
        for (size_t i = 0; i < target->count; i++)
            cli_add(text, "%s%" PRId32, i > 0 ? ", " : "[", target->filters[i]);
        cli_add(text, "]");
    }
}

static void add_json(maximize_job *job, size_t index, const char *file)
{
    static const char *const numbers[] = {"activation_start", "activation_end", "activation_saved", "steps", "seconds"};
    const actmax_result *result = job->results[index];
    cli_add(&job->text, "%s {\"file\": ", job->text.size > 2 ? ",\n" : "");
    cli_add_json_string(&job->text, file);
    cli_add(&job->text, ", \"layer\": ");
    cli_add_json_string(&job->text, cli_string(result, "layer"));
    cli_add(&job->text, ", \"filter\": ");
    add_filter(job, index, &job->text);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cli_add(&job->text, ", \"%s\": ", numbers[i]);
        cli_add_json_number(&job->text, cli_number(result, numbers[i]));
    }
    cli_add(&job->text, "}");
}

static void add_line(maximize_job *job, size_t index, const char *file)
{
    const actmax_result *result = job->results[index];
    cli_text what = {NULL, 0, 0};
    int class = cli_value(job->call, "class") != NULL;
    add_filter(job, index, &what);
    cli_add(&job->text, "%s: layer %s", file, cli_string(result, "layer"));
    if (job->target.count > 0) cli_add(&job->text, ", %s %s", class ? "class" : "filter", what.data);
    if (class && (job->target.each || job->target.count == 1) && cli_label(&job->labels, job->target.filters[index]) != NULL)
        cli_add(&job->text, " (%s)", cli_label(&job->labels, job->target.filters[index]));
    cli_add(&job->text, ": activation %.5g -> %.5g (%.5g in the saved picture), %.0f steps, %.1f s\n",
            cli_number(result, "activation_start"), cli_number(result, "activation_end"), cli_number(result, "activation_saved"),
            cli_number(result, "steps"), cli_number(result, "seconds"));
    cli_text_free(&what);
}

static int save(maximize_job *job, size_t index)
{
    const char *out = cli_value(job->call, "out");
    const char *raw = cli_value(job->call, "raw");
    char *numbered_out = job->target.each ? cli_numbered(out, job->target.filters[index]) : NULL;
    char *numbered_raw = job->target.each && raw != NULL ? cli_numbered(raw, job->target.filters[index]) : NULL;
    const char *file = numbered_out != NULL ? numbered_out : out;
    int code = CLI_OK;
    int32_t status = actmax_result_save(job->results[index], file);
    if (status < 0)
        code = cli_fail_reading(status, file) == CLI_USAGE ? CLI_USAGE : CLI_FAILED;
    else if (raw != NULL)
        code = cli_write_array(numbered_raw != NULL ? numbered_raw : raw, job->results[index], "image");
    if (code == CLI_OK && cli_value(job->call, "json") != NULL)
        add_json(job, index, file);
    else if (code == CLI_OK)
        add_line(job, index, file);
    free(numbered_out);
    free(numbered_raw);
    return code;
}

/* A stopped call gives the pictures that it never came to a single step each: noise, not worth a file. */
static int not_begun(const maximize_job *job, size_t index)
{
    int stopped = cli_number(job->results[index], "status") == ACTMAX_NOTE_STOPPED;
    return job->target.each && stopped && cli_number(job->results[index], "steps") < 2;
}

static int save_all(maximize_job *job, int32_t status)
{
    int json = cli_value(job->call, "json") != NULL;
    const char *told = actmax_model_notes(job->model);
    if (json) cli_add(&job->text, "[\n");
    for (size_t i = 0; i < job->count; i++) {
        if (not_begun(job, i)) {
            cli_note("stopped before filter %" PRId32 " was begun: it has no picture", job->target.filters[i]);
            continue;
        }
        cli_notes(job->results[i], job->target.each ? ACTMAX_OK : status, told);
        told = cli_string(job->results[i], "notes");
        int code = save(job, i);
        if (code != CLI_OK) return code;
    }
    if (json) cli_add(&job->text, "\n]\n");
    if (job->text.data != NULL) cli_print(job->text.data);
    return CLI_OK;
}

static int run_maximize(const cli_call *call)
{
    maximize_job job = {.call = call};
    int32_t status = ACTMAX_OK;
    int code = check_flags(call);
    if (code == CLI_OK) code = cli_animation_read(call, &job.animation);
    if (code == CLI_OK) code = cli_labels_read(call, &job.labels);
    if (code == CLI_OK) code = cli_open(call, &job.model, &job.session);
    if (code == CLI_OK) code = read_target(&job);
    int sheet = cli_value(call, "sheet") != NULL;
    if (code == CLI_OK && sheet)
        code = cli_sheet_make(call, job.model, job.session, &job.target);
    else if (code == CLI_OK)
        code = compute(&job, &status);
    if (!sheet && (code == CLI_OK || code == CLI_INTERRUPTED)) {
        int saved = save_all(&job, status);
        if (saved == CLI_OK) saved = cli_animation_end(&job.animation, code == CLI_INTERRUPTED);
        code = saved != CLI_OK ? saved : code;
    }
    for (size_t i = 0; i < job.count; i++)
        actmax_result_free(job.results[i]);
    free(job.results);
    cli_animation_free(&job.animation);
    cli_text_free(&job.text);
    cli_target_free(&job.target);
    cli_labels_free(&job.labels);
    actmax_session_free(job.session);
    actmax_model_free(job.model);
    return code;
}

static const cli_flag flags[] = {
    {"layer", "NAME", "the layer, as actmax info names it; without --filter: the mean of all of it"},
    {"filter", "K[,K...|-K|+K...]",
     "the filter, counted from 0; 1,2 writes FILE_1.png and FILE_2.png, 0-7 eight files, 1+2 one picture of the sum"},
    {"class", "K|LABEL", "instead of a layer: a class, by index (or 1,2, 0-7 and 1+2 as for filters) or by name"},
    {"sheet", "N|auto",
     "one contact sheet of N x N pictures of the filters (without --filter: of all of the layer), the dead ones dropped, the best "
     "first; auto: as the preset has it, or the largest square"},
    {"labels", "FILE", "the names of the classes, one on each line"},
    {"out", "FILE", "the picture to write: .png, .jpg or .bmp"},
    {"raw", "FILE.npy", "write the picture in the network's input units too, height x width x channels, float32"},
    {"gif", "FILE.gif", "write the progress as an animation too, one file for each picture"},
    {"gif-every", "N", "one frame of it each N steps, besides the first and the last (default: about 40 frames)"},
    {"json", NULL, "write the result as JSON"},
    {NULL, NULL, NULL}};

const cli_command cli_maximize = {
    "maximize",
    "MODEL --layer NAME --filter K --out FILE",
    "make the picture that excites a filter or a class the most (activation maximisation)",
    "The picture starts as noise and follows the gradient of the activation. Ctrl-C stops it and saves the best so far.\n"
    "A class's score is taken before a final softmax.",
    flags,
    "*",
    "cam overlay",
    1,
    1,
    run_maximize};
