/* The commands that tell about the library itself, `actmax ops`, `options` and `version`, and about a model, `actmax info`. */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const cli_flag json_flag[] = {{"json", NULL, "write JSON"}, {NULL, NULL, NULL}};

static int run_ops(const cli_call *call)
{
    cli_text text = {NULL, 0, 0};
    int json = cli_value(call, "json") != NULL;
    cli_add(&text, "%s", json ? "[" : "");
    for (int32_t i = 0; i < actmax_operator_count(); i++) {
        if (json) {
            cli_add(&text, "%s", i > 0 ? ", " : "");
            cli_add_json_string(&text, actmax_operator_name(i));
        } else {
            cli_add(&text, "%s\n", actmax_operator_name(i));
        }
    }
    cli_add(&text, "%s", json ? "]\n" : "");
    cli_print(text.data);
    cli_text_free(&text);
    return CLI_OK;
}

const cli_command cli_ops = {"ops", "", "list the ONNX operators that actmax computes", "", json_flag, "", "", 0, 0, run_ops};

static const char *type_name(int32_t type)
{
    static const char *const names[] = {"", "integer", "number", "text", "choice", "numbers", "switch"};
    return type >= 0 && type < (int32_t)(sizeof names / sizeof *names) ? names[type] : "";
}

static void add_json_field(cli_text *text, const char *key, const char *value)
{
    cli_add(text, ", \"%s\": ", key);
    cli_add_json_string(text, value);
}

static void add_option_json(cli_text *text, int32_t option)
{
    char flag[64];
    cli_flag_name(actmax_option_name(option), flag, sizeof flag);
    cli_add(text, " {\"id\": %" PRId32, actmax_option_id(option));
    add_json_field(text, "name", actmax_option_name(option));
    cli_add(text, ", \"flag\": \"--%s\"", flag);
    add_json_field(text, "part", actmax_option_part(option));
    add_json_field(text, "type", type_name(actmax_option_type(option)));
    add_json_field(text, "default", actmax_option_default(option));
    add_json_field(text, "choices", actmax_option_choices(option));
    cli_add(text, ", \"minimum\": ");
    cli_add_json_number(text, actmax_option_minimum(option));
    cli_add(text, ", \"maximum\": ");
    cli_add_json_number(text, actmax_option_maximum(option));
    add_json_field(text, "help", actmax_option_help(option));
    cli_add(text, "}");
}

static void add_option_row(cli_text *text, int32_t option)
{
    const char *standard = actmax_option_default(option);
    const char *choices = actmax_option_choices(option);
    cli_add(text, "%-22s %-16s %-8s %-10s %s", actmax_option_name(option), actmax_option_part(option),
            type_name(actmax_option_type(option)), standard[0] != '\0' ? standard : "-", actmax_option_help(option));
    cli_add(text, choices[0] != '\0' ? " (%s)\n" : "%s\n", choices);
}

static int run_options(const cli_call *call)
{
    cli_text text = {NULL, 0, 0};
    int json = cli_value(call, "json") != NULL;
    if (json)
        cli_add(&text, "[\n");
    else
        cli_add(&text, "%-22s %-16s %-8s %-10s %s\n", "name", "part", "type", "default", "meaning");
    for (int32_t i = 0; i < actmax_option_count(); i++) {
        if (json) {
            add_option_json(&text, i);
            cli_add(&text, "%s\n", i + 1 < actmax_option_count() ? "," : "");
        } else {
            add_option_row(&text, i);
        }
    }
    cli_add(&text, "%s", json ? "]\n" : "");
    cli_print(text.data);
    cli_text_free(&text);
    return CLI_OK;
}

const cli_command cli_options = {
    "options", "",         "list the option table: every option with its part, type, default and meaning", "", json_flag, "", "", 0,
    0,         run_options};

static int run_version(const cli_call *call)
{
    cli_text text = {NULL, 0, 0};
    int json = cli_value(call, "json") != NULL;
    if (json)
        cli_add(&text, "{\"version\": \"%s\", \"features\": {", actmax_version_string());
    else
        cli_add(&text, "actmax %s\n", actmax_version_string());
    for (int32_t i = 0; i < actmax_feature_count(); i++) {
        int enabled = actmax_feature_enabled(i) != 0;
        if (json)
            cli_add(&text, "%s\"%s\": %s", i > 0 ? ", " : "", actmax_feature_name(i), enabled ? "true" : "false");
        else
            cli_add(&text, "  %-10s %s\n", actmax_feature_name(i), enabled ? "yes" : "no");
    }
    cli_add(&text, "%s", json ? "}}\n" : "");
    cli_print(text.data);
    cli_text_free(&text);
    return CLI_OK;
}

const cli_command cli_version = {"version", "", "tell the version and what was built in", "", json_flag, "", "", 0, 0, run_version};

static int info_json(const actmax_model *model, cli_text *text)
{
    int32_t count = actmax_model_layer_count(model);
    cli_add(text, "{\"layers\": [\n");
    for (int32_t i = 0; i < count; i++) {
        int64_t dims[8] = {0};
        int32_t rank = 0;
        int32_t axis = -1;
        int32_t status = actmax_model_layer_shape(model, i, dims, &rank, &axis);
        if (status < 0) return cli_fail(status, actmax_model_layer_name(model, i));
        cli_add(text, " {\"name\": ");
        cli_add_json_string(text, actmax_model_layer_name(model, i));
        cli_add(text, ", \"type\": ");
        cli_add_json_string(text, actmax_model_layer_type(model, i));
        cli_add(text, ", \"output_shape\": [");
        for (int32_t k = 0; k < rank; k++)
            cli_add(text, "%s%" PRId64, k > 0 ? ", " : "", dims[k]);
        cli_add(text, "], \"parameters\": %" PRId64 "}%s\n", actmax_model_layer_parameters(model, i), i + 1 < count ? "," : "");
    }
    cli_add(text, "]}\n");
    return CLI_OK;
}

static int info_table(const actmax_model *model, cli_text *text)
{
    size_t needed = 0;
    int32_t status = actmax_model_summary(model, NULL, 0, &needed);
    if (status < 0) return cli_fail(status, NULL);
    text->data = cli_allocate(needed + 1, 1);
    text->size = needed;
    text->capacity = needed + 1;
    status = actmax_model_summary(model, text->data, needed, NULL);
    return status < 0 ? cli_fail(status, NULL) : CLI_OK;
}

static int run_info(const cli_call *call)
{
    actmax_model *model = NULL;
    cli_text text = {NULL, 0, 0};
    int code = cli_open(call, &model, NULL);
    if (code != CLI_OK) goto done;
    code = cli_value(call, "json") != NULL ? info_json(model, &text) : info_table(model, &text);
    if (code == CLI_OK) cli_print(text.data);
done:
    cli_text_free(&text);
    actmax_model_free(model);
    return code;
}

const cli_command cli_info = {"info",
                              "MODEL",
                              "list the layers of a network: name, operator, output shape, parameters",
                              "The names are those that --layer takes. Shapes are in the order of the file.",
                              json_flag,
                              "preset load preprocess limits session",
                              "",
                              1,
                              1,
                              run_info};
