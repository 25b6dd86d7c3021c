/* `actmax maximize --sheet`: many filters on one contact sheet. */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_sheet_read(const cli_call *call)
{
    const char *sheet = cli_value(call, "sheet");
    if (sheet == NULL || strcmp(sheet, "auto") == 0) return CLI_OK;
    int32_t status = actmax_recipe_set_text(call->recipe, "sheet", sheet);
    if (status < 0)
        return cli_error(CLI_USAGE, "--sheet %s: give the number of pictures in a row (0 to 256), or auto: %s", sheet,
                         actmax_message());
    return CLI_OK;
}

/* An array of whole or other numbers; its length in *count. */
static const float *array(const actmax_result *result, const char *name, int64_t *count)
{
    const float *data = NULL;
    int64_t dims[8] = {0};
    int32_t rank = 0;
    *count = actmax_result_array(result, name, &data, dims, &rank) < 0 ? 0 : dims[0];
    return data;
}

static void print_json(const cli_call *call, const actmax_result *result)
{
    int64_t count = 0;
    const float *filters = array(result, "filters", &count);
    const float *activations = array(result, "activations", &count);
    cli_text text = {NULL, 0, 0};
    cli_add(&text, "{\"file\": ");
    cli_add_json_string(&text, cli_value(call, "out"));
    cli_add(&text, ", \"layer\": ");
    cli_add_json_string(&text, cli_string(result, "layer"));
    cli_add(&text, ", \"scanned\": %.0f, \"dropped\": %.0f, \"columns\": %.0f, \"rows\": %.0f, \"seconds\": ",
            cli_number(result, "scanned"), cli_number(result, "dropped"), cli_number(result, "columns"),
            cli_number(result, "rows"));
    cli_add_json_number(&text, cli_number(result, "seconds"));
    cli_add(&text, ",\n \"filters\": [");
    for (int64_t i = 0; i < count; i++) {
        cli_add(&text, "%s{\"filter\": %.0f, \"activation\": ", i > 0 ? ", " : "", (double)filters[i]);
        cli_add_json_number(&text, (double)activations[i]);
        cli_add(&text, "}");
    }
    cli_add(&text, "]}\n");
    cli_print(text.data);
    cli_text_free(&text);
}

/* The filters in the places that they have on the sheet. */
static void print_plain(const cli_call *call, const actmax_result *result)
{
    int64_t count = 0;
    const float *filters = array(result, "filters", &count);
    int64_t columns = (int64_t)cli_number(result, "columns");
    int64_t rows = (int64_t)cli_number(result, "rows");
    const char *fill = "rows";
    cli_text text = {NULL, 0, 0};
    actmax_recipe_get_text(call->recipe, "sheet_fill", &fill);
    int down = strcmp(fill, "columns") == 0;
    cli_add(&text, "%s: layer %s, %" PRId64 " of %.0f filters (%.0f dead), %.1f s\n", cli_value(call, "out"),
            cli_string(result, "layer"), count, cli_number(result, "scanned"), cli_number(result, "dropped"),
            cli_number(result, "seconds"));
    for (int64_t y = 0; y < rows; y++) {
        for (int64_t x = 0; x < columns; x++) {
            int64_t at = down ? x * rows + y : y * columns + x;
            if (at < count) cli_add(&text, " %5.0f", (double)filters[at]);
        }
        cli_add(&text, "\n");
    }
    cli_print(text.data);
    cli_text_free(&text);
}

int cli_sheet_make(const cli_call *call, actmax_model *model, actmax_session *session, const cli_target *target)
{
    actmax_result *result = NULL;
    cli_progress progress;
    if (target->count > 1 && !target->each)
        return cli_error(CLI_USAGE, "--sheet takes a picture of each filter: write 1,2 or 0-7, not a sum");
    int code = cli_progress_begin(&progress, call->recipe, NULL);
    if (code != CLI_OK) return code;
    int32_t status = actmax_session_maximize_sheet(session, target->layer, target->filters, target->count, call->recipe, &result);
    if (cli_progress_end(&progress)) code = CLI_INTERRUPTED;
    if (status < 0) return cli_fail(status, NULL);
    cli_notes(result, status, actmax_model_notes(model));
    status = actmax_result_save(result, cli_value(call, "out"));
    if (status < 0)
        code = cli_fail_reading(status, cli_value(call, "out")) == CLI_USAGE ? CLI_USAGE : CLI_FAILED;
    else if (cli_value(call, "json") != NULL)
        print_json(call, result);
    else
        print_plain(call, result);
    actmax_result_free(result);
    return code;
}
