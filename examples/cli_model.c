/* Opens models and tells what the library had to say: failures with their exit code, notes on stderr. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages of the library mostly name the file; add it when they do not. */
static int say(int code, int32_t status, const char *subject)
{
    const char *message = actmax_message();
    if (message[0] == '\0') message = actmax_status_name(status);
    if (subject == NULL || strstr(message, subject) != NULL) return cli_error(code, "%s", message);
    return cli_error(code, "%s: %s", subject, message);
}

int cli_fail(int32_t status, const char *subject)
{
    int usage = status == ACTMAX_ERROR_INVALID || status == ACTMAX_ERROR_NOT_FOUND || status == ACTMAX_ERROR_AMBIGUOUS;
    int network = status == ACTMAX_ERROR_UNSUPPORTED || status == ACTMAX_ERROR_FORMAT;
    return say(usage ? CLI_USAGE : network ? CLI_UNREADABLE : CLI_FAILED, status, subject);
}

int cli_fail_reading(int32_t status, const char *path)
{
    int failed = status == ACTMAX_ERROR_NO_MEMORY || status == ACTMAX_ERROR_INTERNAL;
    int code = failed ? CLI_FAILED : status == ACTMAX_ERROR_INVALID ? CLI_USAGE : CLI_UNREADABLE;
    return say(code, status, path);
}

/* Is the line one of those of `text`? */
static int has_line(const char *text, const char *line, size_t length)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        if (size == length && memcmp(text, line, length) == 0) return 1;
        text += size;
        text += *text == '\n';
    }
    return 0;
}

/* A note for each line that is not in `told`. */
static void note_lines(const char *text, const char *told)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (length > 0 && !has_line(told, text, length)) cli_note("%.*s", (int)length, text);
        text += length;
        text += *text == '\n';
    }
}

int cli_open(const cli_call *call, actmax_model **model, actmax_session **session)
{
    const char *path = call->arguments[0];
    int32_t status = actmax_model_load(path, call->recipe, model);
    if (status < 0) return cli_fail_reading(status, path);
    note_lines(actmax_model_notes(*model), "");
    if (session == NULL) return CLI_OK;
    status = actmax_session_new(*model, call->recipe, session);
    return status < 0 ? cli_fail(status, NULL) : CLI_OK;
}

void cli_notes(const actmax_result *result, int32_t status, const char *told)
{
    cli_text message = {NULL, 0, 0}; /* a copy: the next call of the library may change the original */
    cli_add(&message, "%s", status > 0 ? actmax_message() : "");
    const char *notes = cli_string(result, "notes");
    note_lines(notes, told);
    if (strstr(notes, message.data) == NULL) note_lines(message.data, told);
    cli_text_free(&message);
}

double cli_number(const actmax_result *result, const char *name)
{
    double value = NAN;
    return actmax_result_number(result, name, &value) < 0 ? NAN : value;
}

const char *cli_string(const actmax_result *result, const char *name)
{
    const char *value = NULL;
    return actmax_result_text(result, name, &value) < 0 || value == NULL ? "" : value;
}
