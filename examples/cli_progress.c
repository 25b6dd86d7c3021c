/* The progress bar of `actmax maximize`, and its Ctrl-C. Both live in the callback that the library calls after each step. */
#include "cli.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR 24 /* characters */

static volatile sig_atomic_t interrupted; /* a signal handler can reach nothing else */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static double now(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double number(const actmax_progress *progress, const char *name, double otherwise)
{
    double value = otherwise;
    return actmax_progress_number(progress, name, &value) < 0 || !isfinite(value) ? otherwise : value;
}

static void draw(cli_progress *state, const actmax_progress *progress, double seconds)
{
    double done = number(progress, "done", 0);
    int filled = (int)(done * BAR);
    char bar[BAR + 1];
    memset(bar, ' ', BAR);
    memset(bar, '#', (size_t)filled);
    bar[BAR] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3.0f%%  step %.0f of %.0f  activation %.4g", bar, 100 * done, number(progress, "step", 0),
            number(progress, "steps", 0), number(progress, "activation", 0));
    if (number(progress, "pictures", 1) > 1)
        fprintf(stderr, "  picture %.0f of %.0f", number(progress, "picture", 1), number(progress, "pictures", 1));
    if (done > 0.05 && seconds > 0.5) fprintf(stderr, "  %.0f s left", ceil(seconds * (1 - done) / done));
    fflush(stderr);
    state->shown = 1;
    state->last = seconds;
}

static int32_t on_progress(void *user, const actmax_progress *progress)
{
    cli_progress *state = user;
    double seconds = now() - state->began;
    if (state->terminal && (!state->shown || seconds - state->last > 0.1)) draw(state, progress, seconds);
    if (state->animation != NULL && cli_animation_step(state->animation, progress)) return 1;
    return interrupted ? 1 : 0;
}

int cli_progress_begin(cli_progress *progress, actmax_recipe *recipe, cli_animation *animation)
{
    *progress = (cli_progress){isatty(STDERR_FILENO), 0, now(), 0, animation};
    interrupted = 0;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND; /* the second Ctrl-C does what Ctrl-C always does */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    int32_t status = actmax_recipe_set_callback(recipe, on_progress, progress);
    return status < 0 ? cli_fail(status, NULL) : CLI_OK;
}

int cli_progress_end(cli_progress *progress)
{
    if (progress->shown) fputs("\r\033[K", stderr);
    progress->shown = 0;
    return interrupted != 0;
}
