/* The command-line program `actmax`: finds the command, reads its flags (cli_flags.c) and runs it (cli_*.c).
 *
 * It uses the public header only, so that it doubles as an example of the library; every flag but the few of a command's own
 * is made from the library's option table. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const cli_command *const commands[] = {&cli_info,      &cli_classify, &cli_maximize, &cli_cam,     &cli_saliency,
                                              &cli_strongest, &cli_ops,      &cli_options,  &cli_version, NULL};

static const cli_command *find_command(const char *name)
{
    for (const cli_command *const *command = commands; *command != NULL; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return NULL;
}

/* What other tools call these. */
static const char *known_elsewhere(const char *name)
{
    static const char *const words[][2] = {
        {"maximise", "maximize"}, {"visualize", "maximize"}, {"layers", "info"},  {"summary", "info"}, {"inspect", "info"},
        {"predict", "classify"},  {"gradcam", "cam"},        {"grad-cam", "cam"}, {"grad_cam", "cam"}, {"operators", "ops"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], name) == 0) return words[i][1];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *best = known_elsewhere(name);
    size_t least = best ? 0 : 4;
    for (const cli_command *const *command = commands; *command != NULL; command++) {
        size_t distance = cli_distance(name, (*command)->name);
        if (distance < least && distance < strlen(name)) {
            least = distance;
            best = (*command)->name;
        }
    }
    if (best != NULL)
        return cli_error(CLI_USAGE, "there is no command '%s'; did you mean '%s'? (actmax --help lists all)", name, best);
    return cli_error(CLI_USAGE, "there is no command '%s'; actmax --help lists all", name);
}

static int run_command(const cli_command *command, int count, char **words)
{
    cli_call call;
    int code = cli_parse(command, count, words, &call);
    if (code == CLI_OK && call.help)
        cli_help_command(command);
    else if (code == CLI_OK)
        code = command->run(&call);
    cli_call_free(&call);
    return code;
}

/* A full disk or a closed pipe shows only here. */
static int finish(int code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_OK)
        return cli_error(CLI_FAILED, "the standard output cannot be written: %s", strerror(errno));
    return code;
}

int main(int count, char **words)
{
    const char *name = count > 1 ? words[1] : "";
    if (count < 2) return cli_error(CLI_USAGE, "a command is missing; actmax --help lists all");
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && count == 2)) {
        cli_help_program(commands);
        return finish(CLI_OK);
    }
    if (strcmp(name, "--version") == 0) return finish(run_command(&cli_version, 0, words));
    int help = strcmp(name, "help") == 0;
    const cli_command *command = find_command(words[help ? 2 : 1]);
    if (command == NULL) return unknown_command(words[help ? 2 : 1]);
    if (help) {
        cli_help_command(command);
        return finish(CLI_OK);
    }
    return finish(run_command(command, count - 2, words + 2));
}
