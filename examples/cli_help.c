/* The help texts of the program `actmax`. What the option table knows (types, defaults, choices, ranges, help) is taken from it. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define WIDTH  100 /* columns of the page */
#define INDENT 30  /* column where the explanations start */

void cli_flag_name(const char *option, char *out, size_t capacity)
{
    snprintf(out, capacity, "%s", option);
    for (char *p = out; *p != '\0'; p++)
        if (*p == '_') *p = '-';
}

/* Prints words from the column given, broken at WIDTH. */
static void print_wrapped(const char *text, int column)
{
    int at = column;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        if (at > column && at + 1 + (int)length > WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", (int)length, text);
        at += (int)length;
        text += length;
        text += strspn(text, " ");
    }
    putchar('\n');
}

/* A flag on the left, its explanation on the right; on its own line when the left is too long. */
static void print_entry(const char *left, const char *explanation)
{
    int length = printf("  %s", left);
    if (length >= INDENT - 1)
        printf("\n%*s", INDENT, "");
    else
        printf("%*s", INDENT - length, "");
    print_wrapped(explanation, INDENT);
}

static const char *type_word(int32_t option)
{
    switch (actmax_option_type(option)) {
    case ACTMAX_TYPE_INTEGER: return "N";
    case ACTMAX_TYPE_NUMBER: return "X";
    case ACTMAX_TYPE_CHOICE: return actmax_option_choices(option);
    case ACTMAX_TYPE_NUMBERS: return "X,X,...";
    case ACTMAX_TYPE_SWITCH: return "";
    default: return "TEXT";
    }
}

static void print_option(int32_t option)
{
    char name[64];
    char left[192];
    cli_text right = {NULL, 0, 0};
    int32_t type = actmax_option_type(option);
    const char *standard = actmax_option_default(option);
    double low = actmax_option_minimum(option);
    double high = actmax_option_maximum(option);

    cli_flag_name(actmax_option_name(option), name, sizeof name);
    if (type == ACTMAX_TYPE_SWITCH)
        snprintf(left, sizeof left, "--%s, --no-%s", name, name);
    else
        snprintf(left, sizeof left, "--%s %s", name, type_word(option));
    cli_add(&right, "%s", actmax_option_help(option));
    if (type == ACTMAX_TYPE_INTEGER || type == ACTMAX_TYPE_NUMBER || type == ACTMAX_TYPE_NUMBERS)
        cli_add(&right, " [%g to %g]", low, high);
    if (type == ACTMAX_TYPE_SWITCH)
        cli_add(&right, " (default %s)", strcmp(standard, "0") == 0 ? "off" : "on");
    else if (standard != NULL && standard[0] != '\0')
        cli_add(&right, " (default %s)", standard);
    print_entry(left, right.data);
    cli_text_free(&right);
}

/* The options of one part, under its name. */
static void print_part(const cli_command *command, const char *part)
{
    printf("\nOptions: %s\n", part);
    for (int32_t i = 0; i < actmax_option_count(); i++)
        if (cli_takes_option(command, i) && strcmp(actmax_option_part(i), part) == 0) print_option(i);
}

/* Of those that the command takes. */
static int first_of_part(const cli_command *command, int32_t option)
{
    for (int32_t i = 0; i < option; i++)
        if (cli_takes_option(command, i) && strcmp(actmax_option_part(i), actmax_option_part(option)) == 0) return 0;
    return 1;
}

void cli_help_command(const cli_command *command)
{
    printf("usage: actmax %s%s%s [FLAGS]\n\n", command->name, command->arguments[0] != '\0' ? " " : "", command->arguments);
    print_wrapped(command->summary, 0);
    if (command->details[0] != '\0') printf("\n%s\n", command->details);
    puts("\nFlags");
    for (const cli_flag *flag = command->flags; flag->name != NULL; flag++) {
        char left[192];
        snprintf(left, sizeof left, "--%s%s%s", flag->name, flag->value != NULL ? " " : "", flag->value != NULL ? flag->value : "");
        print_entry(left, flag->help);
    }
    print_entry("--help", "this text");
    for (int32_t i = 0; i < actmax_option_count(); i++)
        if (cli_takes_option(command, i) && first_of_part(command, i)) print_part(command, actmax_option_part(i));
}

void cli_help_program(const cli_command *const *commands)
{
    printf("actmax %s: see what a trained convolutional network has learned.\n\n", actmax_version_string());
    puts("usage: actmax COMMAND ... [FLAGS]      actmax COMMAND --help tells more\n");
    for (; *commands != NULL; commands++) {
        char left[192];
        snprintf(left, sizeof left, "%s %s", (*commands)->name, (*commands)->arguments);
        print_entry(left, (*commands)->summary);
    }
    puts("\nExamples\n"
         "  actmax info net.onnx\n"
         "  actmax classify net.onnx cat.jpg --labels names.txt --preprocess torch\n"
         "  actmax maximize net.onnx --layer conv5 --filter 3 --out filter.png --preprocess torch\n"
         "  actmax cam net.onnx cat.jpg --class tabby --labels names.txt --out cam.png --preprocess torch\n"
         "\n"
         "A value stands after its flag or after '=': --steps 300, --steps=300. A switch is turned off by --no-NAME.\n"
         "Results go to the standard output (--json: as JSON), notes and errors to the standard error.\n"
         "\n"
         "Exit codes\n"
         "  0    done\n"
         "  1    failed at work: memory, a limit, a value that is not finite, a file that cannot be written\n"
         "  2    wrong command line: a command, flag, value, layer, filter or class that does not exist\n"
         "  3    a model, image or label file cannot be read, or the network is not supported\n"
         "  130  stopped by Ctrl-C; the best picture so far was saved");
}
