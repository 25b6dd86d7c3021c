/* What the files of the command-line program `actmax` share. The program uses the public header only. */
#ifndef ACTMAX_CLI_H
#define ACTMAX_CLI_H

#include <actmax.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes; actmax --help tells them. */
#define CLI_OK          0
#define CLI_FAILED      1
#define CLI_USAGE       2
#define CLI_UNREADABLE  3
#define CLI_INTERRUPTED 130 /* 128 + SIGINT, as shells have it */

#if defined(__GNUC__)
#define CLI_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define CLI_PRINTF(string, first)
#endif

/* ---- Commands ---- */

typedef struct cli_call cli_call;

/* A flag that is the program's own; all others are made from the library's option table. */
typedef struct cli_flag {
    const char *name;  /* without the dashes; NULL ends a list */
    const char *value; /* what the help calls its value; NULL: a switch */
    const char *help;
} cli_flag;

typedef struct cli_command {
    const char *name;
    const char *arguments; /* as the help writes them */
    const char *summary;   /* a line */
    const char *details;   /* some lines, or "" */
    const cli_flag *flags;
    const char *parts;  /* the parts of the option table that it takes, between spaces; "*": all but `except` */
    const char *except; /* likewise */
    int minimum;        /* how many arguments */
    int maximum;
    int (*run)(const cli_call *call); /* returns an exit code */
} cli_command;

struct cli_call {
    const cli_command *command;
    actmax_recipe *recipe;
    const char **values; /* of command->flags, in that order; NULL: not given */
    char **arguments;
    int argument_count;
    int help; /* --help was given */
};

extern const cli_command cli_info;
extern const cli_command cli_classify;
extern const cli_command cli_maximize;
extern const cli_command cli_cam;
extern const cli_command cli_saliency;
extern const cli_command cli_strongest;
extern const cli_command cli_ops;
extern const cli_command cli_options;
extern const cli_command cli_version;

/* ---- cli_flags.c ---- */

int cli_takes_option(const cli_command *command, int32_t option);
/* Reads the words after the command's name. Returns an exit code; cli_call_free in any case. */
int cli_parse(const cli_command *command, int count, char **words, cli_call *call);
void cli_call_free(cli_call *call);
/* The value of one of the command's own flags ("1" for a switch), or NULL. */
const char *cli_value(const cli_call *call, const char *flag);

/* ---- cli_help.c ---- */

void cli_help_program(const cli_command *const *commands);
void cli_help_command(const cli_command *command);
/* "learning_rate" -> "learning-rate". */
void cli_flag_name(const char *option, char *out, size_t capacity);

/* ---- cli_text.c ---- */

typedef struct cli_text {
    char *data; /* NUL-terminated; NULL while nothing was added */
    size_t size;
    size_t capacity;
} cli_text;

/* Memory that must be there: ends the program with a message otherwise. */
void *cli_allocate(size_t count, size_t size);
void cli_add(cli_text *text, const char *format, ...) CLI_PRINTF(2, 3);
void cli_add_json_string(cli_text *text, const char *value); /* NULL: null */
void cli_add_json_number(cli_text *text, double value);      /* not finite: null */
void cli_text_free(cli_text *text);
/* Writes text that may come from a file: control characters but the newline become '?'. */
void cli_print(const char *text);
/* "actmax: ..." on stderr, one line; returns the code, so that a caller can return it. */
int cli_error(int code, const char *format, ...) CLI_PRINTF(2, 3);
void cli_note(const char *format, ...) CLI_PRINTF(1, 2);
/* How many letters must be added, removed or changed to make b of a, in either case of letters. */
size_t cli_distance(const char *a, const char *b);

/* ---- cli_model.c ---- */

/* Prints actmax_message() of a failed call about `subject` (a file or layer; may be NULL); returns the exit code. */
int cli_fail(int32_t status, const char *subject);
/* Likewise for a call that reads the file `path`. */
int cli_fail_reading(int32_t status, const char *path);
/* The model that is the first argument; session may be NULL when none is wanted. Prints the model's notes. */
int cli_open(const cli_call *call, actmax_model **model, actmax_session **session);
/* The notes of a result and of the call that made it, without the lines of `told`, which were printed before. */
void cli_notes(const actmax_result *result, int32_t status, const char *told);
double cli_number(const actmax_result *result, const char *name); /* NaN when it has none */
const char *cli_string(const actmax_result *result, const char *name);

/* ---- cli_target.c ---- */

typedef struct cli_labels {
    char *data;
    char **names; /* count lines of data */
    size_t count;
} cli_labels;

/* Channels of a layer, or classes. */
typedef struct cli_target {
    int32_t layer; /* an index or ACTMAX_LAYER_OUTPUT */
    int32_t *filters;
    size_t count;
    int each; /* one picture for each, not one of the sum */
} cli_target;

/* The file of --labels; none given: count 0. */
int cli_labels_read(const cli_call *call, cli_labels *labels);
const char *cli_label(const cli_labels *labels, int64_t index); /* NULL when there is none */
void cli_labels_free(cli_labels *labels);
/* An index, a label, or one of the names of a label. */
int cli_class_find(const cli_labels *labels, const char *text, int32_t *out);
/* "3", "1,2", "0-7,9" or "1+2". */
int cli_filters_parse(const char *flag, const char *text, cli_target *target);
void cli_target_free(cli_target *target);

/* ---- cli_output.c ---- */

/* Says before the work starts that a file cannot be written after it. ending: NULL for a picture, or ".npy". */
int cli_check_output(const char *flag, const char *path, const char *ending);
/* "dir/file.png", 3 -> "dir/file_3.png". The caller frees it. */
char *cli_numbered(const char *path, int32_t number);
/* NumPy's .npy, version 1.0, float32; whole or not at all. */
int cli_write_npy(const char *path, const float *data, const int64_t *dims, int32_t rank);
/* Writes the result's array as .npy. */
int cli_write_array(const char *path, const actmax_result *result, const char *name);

/* ---- cli_sheet.c ---- */

/* Checks --sheet, and tells the recipe. */
int cli_sheet_read(const cli_call *call);
/* Makes the contact sheet of --out and prints what is on it. Returns an exit code. */
int cli_sheet_make(const cli_call *call, actmax_model *model, actmax_session *session, const cli_target *target);

/* ---- cli_animation.c ---- */

/* The GIF files that --gif asks for, one for each picture; all zero: none. */
typedef struct cli_animation {
    const char *path;       /* of --gif */
    const int32_t *numbers; /* of the pictures, for the files' names; NULL: one picture, which has the name itself */
    int32_t every;          /* a frame each so many steps; 0: about forty frames */
    int32_t width, height;  /* of all frames, 0: the first frame's */
    size_t count;           /* pictures */
    actmax_animation **files;
    int status; /* an exit code: what went wrong */
} cli_animation;

/* Reads and checks --gif and --gif-every. */
int cli_animation_read(const cli_call *call, cli_animation *animation);
/* To be called in the callback; returns non-zero after a failure, which is printed. */
int cli_animation_step(cli_animation *animation, const actmax_progress *progress);
/* Completes the files, but for a picture that a stop left with its first step. Returns an exit code. */
int cli_animation_end(cli_animation *animation, int stopped);
void cli_animation_free(cli_animation *animation);

/* ---- cli_progress.c ---- */

typedef struct cli_progress {
    int terminal;
    int shown;
    double began, last;       /* when the call began, and the last drawing in seconds after that */
    cli_animation *animation; /* NULL: none */
} cli_progress;

/* Sets the callback that draws a bar on a terminal, and lets Ctrl-C stop the run; a second one ends the program. */
int cli_progress_begin(cli_progress *progress, actmax_recipe *recipe, cli_animation *animation);
/* Wipes the bar. Returns 1 when Ctrl-C was pressed. */
int cli_progress_end(cli_progress *progress);

#endif
