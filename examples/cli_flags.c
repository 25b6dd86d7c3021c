/* Reads the command line of the program `actmax`. A command has a few flags of its own; all others come from the library's
 * option table: the name with '_' as '-', the value read by actmax_recipe_set_text. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is the word in a list of words between spaces? */
static int listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(list, word); at != NULL; at = strstr(at + 1, word))
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return 1;
    return 0;
}

static int32_t own_flag(const cli_command *command, const char *name)
{
    for (int32_t i = 0; command->flags[i].name != NULL; i++)
        if (strcmp(command->flags[i].name, name) == 0) return i;
    return -1;
}

int cli_takes_option(const cli_command *command, int32_t option)
{
    const char *part = actmax_option_part(option);
    if (part == NULL || own_flag(command, actmax_option_name(option)) >= 0) return 0; /* the command's own flag sets it */
    if (strcmp(command->parts, "*") == 0) return !listed(command->except, part);
    return listed(command->parts, part);
}

/* The option of a flag, whether this command takes it or not; -1 when there is none. */
static int32_t option_of(const char *flag)
{
    char name[64];
    for (int32_t i = 0; i < actmax_option_count(); i++) {
        cli_flag_name(actmax_option_name(i), name, sizeof name);
        if (strcmp(name, flag) == 0 || strcmp(actmax_option_name(i), flag) == 0) return i;
    }
    return -1;
}

static void nearer(const char *flag, const char *candidate, char *best, size_t capacity, size_t *least)
{
    size_t distance = cli_distance(flag, candidate);
    if (distance < *least) {
        *least = distance;
        snprintf(best, capacity, "%s", candidate);
    }
}

static int unknown_flag(const cli_command *command, const char *flag)
{
    char best[64] = "";
    char name[64];
    size_t least = strlen(flag) / 3 + 2;
    for (int32_t i = 0; command->flags[i].name != NULL; i++)
        nearer(flag, command->flags[i].name, best, sizeof best, &least);
    for (int32_t i = 0; i < actmax_option_count(); i++) {
        if (!cli_takes_option(command, i)) continue;
        cli_flag_name(actmax_option_name(i), name, sizeof name);
        nearer(flag, name, best, sizeof best, &least);
    }
    if (best[0] != '\0')
        return cli_error(CLI_USAGE, "%s has no flag '--%s'; did you mean '--%s'? (actmax %s --help lists all)", command->name, flag,
                         best, command->name);
    return cli_error(CLI_USAGE, "%s has no flag '--%s'; actmax %s --help lists all", command->name, flag, command->name);
}

/* Sets a switch from what stands beside it: nothing (on), =0, =1, or a next word that is 0 or 1. Returns words used. */
static const char *switch_value(const char *value, int off, const char *next, int *used)
{
    if (value != NULL) return value;
    if (off) return "0";
    if (next != NULL && (strcmp(next, "0") == 0 || strcmp(next, "1") == 0)) {
        *used = 1;
        return next;
    }
    return "1";
}

/* A flag's value: after its '=', or the next word. */
static const char *word_value(const char *value, const char *next, int *used)
{
    if (value != NULL) return value;
    if (next == NULL || strncmp(next, "--", 2) == 0) return NULL;
    *used = 1;
    return next;
}

static int set_option(cli_call *call, int32_t option, const char *flag, const char *value)
{
    if (!cli_takes_option(call->command, option))
        return cli_error(CLI_USAGE, "%s does not use '--%s' (it belongs to '%s'); actmax %s --help lists what it uses",
                         call->command->name, flag, actmax_option_part(option), call->command->name);
    if (value == NULL) return cli_error(CLI_USAGE, "--%s needs a value: %s", flag, actmax_option_help(option));
    int32_t status = actmax_recipe_set_text(call->recipe, actmax_option_name(option), value);
    if (status < 0)
        return cli_error(status == ACTMAX_ERROR_NO_MEMORY ? CLI_FAILED : CLI_USAGE, "--%s %s: %s", flag, value, actmax_message());
    return CLI_OK;
}

/* word starts with "--" and is longer; next is the word after it, or NULL. Sets *used to how many of the next were taken. */
static int read_flag(cli_call *call, const char *word, const char *next, int *used)
{
    char flag[64];
    const char *value = strchr(word, '=');
    size_t length = value != NULL ? (size_t)(value - word) - 2 : strlen(word) - 2;
    *used = 0;
    if (length >= sizeof flag)
        return cli_error(CLI_USAGE, "%s has no flag '%.60s...'; actmax %s --help lists all", call->command->name, word,
                         call->command->name);
    memcpy(flag, word + 2, length);
    flag[length] = '\0';
    if (value != NULL) value++;

    int32_t own = own_flag(call->command, flag);
    if (own >= 0 && call->command->flags[own].value == NULL) {
        if (value != NULL) return cli_error(CLI_USAGE, "--%s takes no value", flag);
        call->values[own] = "1";
        return CLI_OK;
    }
    if (own >= 0) {
        call->values[own] = word_value(value, next, used);
        if (call->values[own] == NULL || call->values[own][0] == '\0')
            return cli_error(CLI_USAGE, "--%s needs a value: %s", flag, call->command->flags[own].help);
        return CLI_OK;
    }
    int off = strncmp(flag, "no-", 3) == 0;
    int32_t option = option_of(flag);
    if (option < 0 && off)
        option = option_of(flag + 3);
    else
        off = 0;
    int is_switch = option >= 0 && actmax_option_type(option) == ACTMAX_TYPE_SWITCH;
    if (option < 0 || (off && !is_switch)) return unknown_flag(call->command, flag);
    if (off && value != NULL) return cli_error(CLI_USAGE, "--%s takes no value", flag);
    value = is_switch ? switch_value(value, off, next, used) : word_value(value, next, used);
    return set_option(call, option, flag, value);
}

static int check_arguments(const cli_call *call)
{
    const cli_command *command = call->command;
    if (call->argument_count < command->minimum)
        return cli_error(CLI_USAGE, "an argument is missing: actmax %s %s (actmax %s --help)", command->name, command->arguments,
                         command->name);
    if (call->argument_count > command->maximum)
        return cli_error(CLI_USAGE, "unexpected argument '%s': actmax %s %s (actmax %s --help)", call->arguments[command->maximum],
                         command->name, command->arguments, command->name);
    return CLI_OK;
}

int cli_parse(const cli_command *command, int count, char **words, cli_call *call)
{
    size_t flags = 0;
    while (command->flags[flags].name != NULL)
        flags++;
    *call = (cli_call){command, NULL, NULL, NULL, 0, 0};
    call->values = cli_allocate(flags, sizeof *call->values);
    call->arguments = cli_allocate((size_t)count, sizeof *call->arguments);
    if (actmax_recipe_new(&call->recipe) < 0) return cli_error(CLI_FAILED, "%s", actmax_message());
    int only_arguments = 0;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (only_arguments || word[0] != '-' || word[1] == '\0') {
            call->arguments[call->argument_count++] = words[i];
        } else if (strcmp(word, "--") == 0) {
            only_arguments = 1;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            call->help = 1;
            return CLI_OK;
        } else if (word[1] != '-') {
            return cli_error(CLI_USAGE, "%s has no flag '%s'; flags start with two dashes (actmax %s --help)", command->name, word,
                             command->name);
        } else {
            int used = 0;
            int code = read_flag(call, word, i + 1 < count ? words[i + 1] : NULL, &used);
            if (code != CLI_OK) return code;
            i += used;
        }
    }
    return check_arguments(call);
}

void cli_call_free(cli_call *call)
{
    actmax_recipe_free(call->recipe);
    free(call->values);
    free(call->arguments);
    *call = (cli_call){NULL, NULL, NULL, NULL, 0, 0};
}

const char *cli_value(const cli_call *call, const char *flag)
{
    int32_t index = own_flag(call->command, flag);
    return index >= 0 ? call->values[index] : NULL;
}
