/* The animation of `actmax maximize --gif`: frames come from the callback and go straight into the file. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DELAY_MS 100
#define FRAMES   40 /* about, when --gif-every does not say */

int cli_animation_read(const cli_call *call, cli_animation *animation)
{
    const char *every = cli_value(call, "gif-every");
    *animation = (cli_animation){.path = cli_value(call, "gif")};
    if (every != NULL) {
        char *end = NULL;
        long steps = strtol(every, &end, 10);
        if (animation->path == NULL) return cli_error(CLI_USAGE, "--gif-every %s: which file? give --gif FILE.gif", every);
        if (*end != '\0' || steps < 1 || steps > INT32_MAX)
            return cli_error(CLI_USAGE, "--gif-every %s: give a number of steps, at least 1", every);
        animation->every = (int32_t)steps;
    }
    return cli_check_output("gif", animation->path, ".gif");
}

static double number(const actmax_progress *progress, const char *name)
{
    double value = 0;
    return actmax_progress_number(progress, name, &value) < 0 ? 0 : value;
}

/* Prints what went wrong with a file; the run is stopped then. */
static int failed(cli_animation *animation, int32_t status)
{
    cli_fail(status, animation->path);
    animation->status = CLI_FAILED;
    return animation->status;
}

static int begin(cli_animation *animation, const actmax_progress *progress, size_t picture)
{
    int32_t width = 0, height = 0, channels = 0;
    actmax_progress_image(progress, &width, &height, &channels);
    if (animation->width == 0) {
        animation->width = width;
        animation->height = height;
    }
    char *name = animation->numbers != NULL ? cli_numbered(animation->path, animation->numbers[picture]) : NULL;
    int32_t status = actmax_animation_new(name != NULL ? name : animation->path, animation->width, animation->height, DELAY_MS,
                                          NULL, &animation->files[picture]);
    free(name);
    return status < 0 ? failed(animation, status) : CLI_OK;
}

int cli_animation_step(cli_animation *animation, const actmax_progress *progress)
{
    double step = number(progress, "step"), steps = number(progress, "steps");
    size_t picture = (size_t)fmax(number(progress, "picture") - 1, 0);
    if (animation->status != CLI_OK) return animation->status;
    if (animation->files == NULL) {
        animation->count = (size_t)fmax(number(progress, "pictures"), 1);
        animation->files = cli_allocate(animation->count, sizeof *animation->files);
    }
    int first = animation->files[picture] == NULL;
    if (first && begin(animation, progress, picture) != CLI_OK) return animation->status;
    double every = animation->every > 0 ? animation->every : fmax(ceil(steps / FRAMES), 1);
    if (!first && step < steps && fmod(step, every) > 0) return CLI_OK;
    int32_t status = actmax_animation_add_progress(animation->files[picture], progress);
    return status < 0 ? failed(animation, status) : CLI_OK;
}

int cli_animation_end(cli_animation *animation, int stopped)
{
    for (size_t i = 0; i < animation->count && animation->status == CLI_OK; i++) {
        actmax_animation *file = animation->files[i];
        if (file == NULL || (stopped && animation->numbers != NULL && actmax_animation_frames(file) < 2)) continue;
        int32_t status = actmax_animation_finish(file);
        if (status < 0) failed(animation, status);
    }
    return animation->status;
}

void cli_animation_free(cli_animation *animation)
{
    for (size_t i = 0; i < animation->count; i++)
        actmax_animation_free(animation->files[i]);
    free(animation->files);
    animation->files = NULL;
    animation->count = 0;
}
