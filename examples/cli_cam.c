/* `actmax cam` and `actmax saliency`: where in a photograph a network looks. */
#include "cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct map_job {
    const cli_call *call;
    int saliency;
    actmax_model *model;
    actmax_session *session;
    actmax_image *image;
    actmax_image *overlay;
    actmax_result *result;
    cli_labels labels;
    int32_t target_layer;
    int32_t filter;
    int32_t cam_layer;
    double seconds;
} map_job;

static double now(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Saliency has no other layer than the target's: there it is simply --layer. */
static const char *target_flag(const map_job *job)
{
    return job->saliency ? "layer" : "target-layer";
}

static int check_flags(const map_job *job)
{
    const cli_call *call = job->call;
    const char *target = cli_value(call, target_flag(job));
    const char *filter = cli_value(call, "filter");
    if (cli_value(call, "out") == NULL) return cli_error(CLI_USAGE, "where shall the picture go? give --out FILE.png");
    if (cli_value(call, "class") != NULL && (target != NULL || filter != NULL))
        return cli_error(CLI_USAGE, "give either --class, or --%s with --filter", target_flag(job));
    if ((target != NULL) != (filter != NULL)) return cli_error(CLI_USAGE, "--%s and --filter belong together", target_flag(job));
    if (cli_value(call, "heat") != NULL && cli_value(call, "overlay") != NULL)
        return cli_error(CLI_USAGE, "give either --overlay or --heat");
    int code = cli_check_output("out", cli_value(call, "out"), NULL);
    return code != CLI_OK ? code : cli_check_output("raw", cli_value(call, "raw"), ".npy");
}

static int find_layer(const map_job *job, const char *name, int32_t *out)
{
    int32_t status = actmax_model_find_layer(job->model, name, out);
    return status < 0 ? cli_fail(status, NULL) : CLI_OK;
}

static int read_filter(map_job *job, const char *text)
{
    cli_target target = {0, NULL, 0, 0};
    int code = cli_filters_parse("filter", text, &target);
    if (code == CLI_OK && target.count > 1) code = cli_error(CLI_USAGE, "--filter %s: a map is made of one filter", text);
    if (code == CLI_OK) job->filter = target.filters[0];
    cli_target_free(&target);
    return code;
}

static int read_target(map_job *job)
{
    const char *class = cli_value(job->call, "class");
    const char *target = cli_value(job->call, target_flag(job));
    const char *layer = cli_value(job->call, "layer");
    int code = CLI_OK;
    job->target_layer = ACTMAX_LAYER_OUTPUT;
    job->filter = ACTMAX_CLASS_TOP;
    job->cam_layer = ACTMAX_LAYER_AUTO;
    if (!job->saliency && layer != NULL) code = find_layer(job, layer, &job->cam_layer);
    if (code == CLI_OK && target != NULL) code = find_layer(job, target, &job->target_layer);
    if (code == CLI_OK && target != NULL) code = read_filter(job, cli_value(job->call, "filter"));
    if (code == CLI_OK && class != NULL) code = cli_class_find(&job->labels, class, &job->filter);
    return code;
}

static int compute(map_job *job)
{
    const actmax_recipe *recipe = job->call->recipe;
    int32_t status = actmax_image_load(job->call->arguments[1], recipe, &job->image);
    if (status < 0) return cli_fail_reading(status, job->call->arguments[1]);
    double begin = now();
    if (job->saliency)
        status = actmax_session_saliency(job->session, job->image, job->target_layer, job->filter, recipe, &job->result);
    else
        status =
            actmax_session_grad_cam(job->session, job->image, job->target_layer, job->filter, job->cam_layer, recipe, &job->result);
    job->seconds = now() - begin;
    if (status < 0) return cli_fail(status, NULL);
    cli_notes(job->result, status, actmax_model_notes(job->model));
    return CLI_OK;
}

static int save(map_job *job)
{
    const char *out = cli_value(job->call, "out");
    const char *raw = cli_value(job->call, "raw");
    const actmax_image *heat = NULL;
    int32_t status = actmax_result_image(job->result, "heat", &heat);
    if (status >= 0 && cli_value(job->call, "heat") == NULL)
        status = actmax_image_overlay(heat, job->image, job->call->recipe, &job->overlay);
    if (status >= 0) status = actmax_image_save(job->overlay != NULL ? job->overlay : heat, out);
    if (status < 0) return cli_fail(status, out);
    return raw != NULL ? cli_write_array(raw, job->result, "map_raw") : CLI_OK;
}

static void add_json(const map_job *job, cli_text *text)
{
    double class = cli_number(job->result, "class");
    const char *raw = cli_value(job->call, "raw");
    cli_add(text, "{\"file\": ");
    cli_add_json_string(text, cli_value(job->call, "out"));
    cli_add(text, ", \"image\": ");
    cli_add_json_string(text, job->call->arguments[1]);
    cli_add(text, ", \"layer\": ");
    cli_add_json_string(text, cli_string(job->result, "layer"));
    cli_add(text, ", \"class\": ");
    cli_add_json_number(text, class);
    cli_add(text, ", \"name\": ");
    cli_add_json_string(text, isfinite(class) && job->target_layer == ACTMAX_LAYER_OUTPUT ? cli_label(&job->labels, (int64_t)class)
                                                                                          : NULL);
    cli_add(text, ", \"score\": ");
    cli_add_json_number(text, cli_number(job->result, "score"));
    cli_add(text, ", \"modified\": ");
    cli_add_json_number(text, cli_number(job->result, "modified"));
    cli_add(text, ", \"left\": ");
    cli_add_json_number(text, cli_number(job->result, "left"));
    cli_add(text, ", \"seconds\": ");
    cli_add_json_number(text, job->seconds);
    cli_add(text, ", \"raw\": ");
    cli_add_json_string(text, raw);
    cli_add(text, "}\n");
}

static void add_line(const map_job *job, cli_text *text)
{
    double class = cli_number(job->result, "class");
    int of_class = job->target_layer == ACTMAX_LAYER_OUTPUT;
    const char *name = of_class && isfinite(class) ? cli_label(&job->labels, (int64_t)class) : NULL;
    cli_add(text, "%s: %s %.0f", cli_value(job->call, "out"), of_class ? "class" : "filter", class);
    if (name != NULL) cli_add(text, " (%s)", name);
    cli_add(text, "%s, score %.5g", of_class && job->filter == ACTMAX_CLASS_TOP ? ", the top prediction" : "",
            cli_number(job->result, "score"));
    if (!job->saliency) cli_add(text, ", map of layer %s", cli_string(job->result, "layer"));
    cli_add(text, "\n");
}

static int run_map(const cli_call *call, int saliency)
{
    map_job job = {.call = call, .saliency = saliency};
    cli_text text = {NULL, 0, 0};
    int code = check_flags(&job);
    if (code == CLI_OK) code = cli_labels_read(call, &job.labels);
    if (code == CLI_OK) code = cli_open(call, &job.model, &job.session);
    if (code == CLI_OK) code = read_target(&job);
    if (code == CLI_OK) code = compute(&job);
    if (code == CLI_OK) code = save(&job);
    if (code == CLI_OK) {
        if (cli_value(call, "json") != NULL)
            add_json(&job, &text);
        else
            add_line(&job, &text);
        cli_print(text.data);
    }
    cli_text_free(&text);
    actmax_result_free(job.result);
    actmax_image_free(job.overlay);
    actmax_image_free(job.image);
    cli_labels_free(&job.labels);
    actmax_session_free(job.session);
    actmax_model_free(job.model);
    return code;
}

static int run_cam(const cli_call *call)
{
    return run_map(call, 0);
}

static int run_saliency(const cli_call *call)
{
    return run_map(call, 1);
}

static const char class_help[] = "the class to look for, by index or name (default: the top prediction, which is named)";
static const char labels_help[] = "the names of the classes, one on each line";
static const char out_help[] = "the picture to write: .png, .jpg or .bmp";
static const char overlay_help[] = "write the map laid over the photograph (this is the default)";
static const char heat_help[] = "write the map alone, in colours";

static const cli_flag cam_flags[] = {
    {"class", "K|LABEL", class_help},
    {"labels", "FILE", labels_help},
    {"layer", "NAME", "the layer whose map is drawn (default: the last one with spatial size above 1)"},
    {"target-layer", "NAME", "instead of a class: explain a filter of this layer"},
    {"filter", "K", "the filter of --target-layer"},
    {"out", "FILE", out_help},
    {"overlay", NULL, overlay_help},
    {"heat", NULL, heat_help},
    {"raw", "FILE.npy", "write the raw map too: signed, at the layer's resolution, float32"},
    {"json", NULL, "write the result as JSON"},
    {NULL, NULL, NULL}};

static const cli_flag saliency_flags[] = {
    {"class", "K|LABEL", class_help},
    {"labels", "FILE", labels_help},
    {"layer", "NAME", "instead of a class: explain a filter of this layer"},
    {"filter", "K", "the filter of --layer"},
    {"out", "FILE", out_help},
    {"overlay", NULL, overlay_help},
    {"heat", NULL, heat_help},
    {"raw", "FILE.npy", "write the raw gradient too: height x width x channels of the network's input, float32"},
    {"json", NULL, "write the result as JSON"},
    {NULL, NULL, NULL}};

const cli_command cli_cam = {"cam",
                             "MODEL IMAGE --out FILE",
                             "show where a network looks for a class in a photograph (Grad-CAM)",
                             "The map is laid over the photograph, in the photograph's size.",
                             cam_flags,
                             "preset load preprocess limits session target cam overlay",
                             "",
                             2,
                             2,
                             run_cam};

const cli_command cli_saliency = {"saliency",
                                  "MODEL IMAGE --out FILE",
                                  "show which pixels a class's score reacts to (saliency)",
                                  "The map is the size of the gradient at each pixel; --backprop guided makes it sharper.",
                                  saliency_flags,
                                  "preset load preprocess limits session target cam overlay",
                                  "",
                                  2,
                                  2,
                                  run_saliency};
