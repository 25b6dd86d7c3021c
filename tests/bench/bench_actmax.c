/* Measures actmax through its public header and prints a line of JSON for each repetition.
 *
 *     bench_actmax MODE MODEL [flags]
 *
 * step      milliseconds from one step of a maximisation to the next
 * gradient  a warm session's gradient of the target at the image
 * cam       a warm session's Grad-CAM of the image's top class
 * load      from nothing to a session that is planned and packed, once
 * facts     nothing; MODEL is not read
 * each      a picture of each filter in one call ("each"), and in a call for each on the same warm session ("single"), in turn
 *
 * Steps run without transforms, so that each is a forward pass, a backward pass and Adam's update of the pixels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actmax.h"
#include "bench_common.h"

#define MOST_FILTERS 64

typedef struct bench {
    const char *mode, *layer, *cam_layer, *image_path;
    int32_t filters[MOST_FILTERS];
    size_t filter_count;
    int32_t steps, warm, repeat;
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    actmax_image *image;
    int32_t target, cam;
    /* Filled by the callback: when each step ended. */
    double *ends;
    size_t end_count, end_room;
    bench_memory most;
} bench;

static int32_t check(int32_t status, const char *what)
{
    if (status < 0) bench_fail(what, actmax_message());
    return status;
}

/* ---- Command line ---- */

static void set_option(bench *b, const char *text)
{
    char name[64];
    const char *equals = strchr(text, '=');
    if (equals == NULL || (size_t)(equals - text) >= sizeof name) bench_fail("--set", "write --set option=value");
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    check(actmax_recipe_set_text(b->recipe, name, equals + 1), text);
}

static void set_plain_recipe(bench *b)
{
    static const char *const options[] = {"parameters=pixel", "jitter=0",      "scale_jitter=0", "rotate=0",
                                          "clip=0",           "gradient=none", "optimizer=adam", "seed=1"};
    check(actmax_recipe_new(&b->recipe), "recipe");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        set_option(b, options[i]);
}

static void read_flags(bench *b, int count, char **words)
{
    for (int i = 0; i < count; i += 2) {
        const char *flag = words[i], *value = i + 1 < count ? words[i + 1] : NULL;
        if (value == NULL) bench_fail(flag, "needs a value");
        if (strcmp(flag, "--layer") == 0)
            b->layer = value;
        else if (strcmp(flag, "--cam-layer") == 0)
            b->cam_layer = value;
        else if (strcmp(flag, "--image") == 0)
            b->image_path = value;
        else if (strcmp(flag, "--steps") == 0)
            b->steps = bench_number(flag, value, 1);
        else if (strcmp(flag, "--warm") == 0)
            b->warm = bench_number(flag, value, 0);
        else if (strcmp(flag, "--repeat") == 0)
            b->repeat = bench_number(flag, value, 1);
        else if (strcmp(flag, "--set") == 0)
            set_option(b, value);
        else if (strcmp(flag, "--filter") == 0 && b->filter_count < MOST_FILTERS)
            b->filters[b->filter_count++] = bench_number(flag, value, 0);
        else
            bench_fail(flag, "is no flag of this program, or there are too many of it");
    }
}

/* ---- Parts ---- */

static void open_model(bench *b, const char *path)
{
    check(actmax_model_load(path, b->recipe, &b->model), path);
    check(actmax_session_new(b->model, b->recipe, &b->session), "session");
    b->target = ACTMAX_LAYER_OUTPUT;
    b->cam = ACTMAX_LAYER_AUTO;
    if (b->layer != NULL) check(actmax_model_find_layer(b->model, b->layer, &b->target), b->layer);
    if (b->cam_layer != NULL) check(actmax_model_find_layer(b->model, b->cam_layer, &b->cam), b->cam_layer);
}

static void load_image(bench *b)
{
    if (b->image_path == NULL) bench_fail(b->mode, "needs --image FILE");
    check(actmax_image_load(b->image_path, b->recipe, &b->image), b->image_path);
}

static int32_t note_step(void *user, const actmax_progress *progress)
{
    bench *b = user;
    (void)progress;
    if (b->end_count < b->end_room) b->ends[b->end_count++] = bench_milliseconds();
    return 0;
}

/* Reads this process's memory, which takes a while: for steps that are not timed. */
static int32_t note_memory(void *user, const actmax_progress *progress)
{
    bench *b = user;
    (void)progress;
    bench_memory_raise(&b->most);
    return 0;
}

static double maximize(bench *b, const int32_t *filters, size_t count, int32_t steps)
{
    actmax_result *result = NULL;
    double activation = 0.0;
    check(actmax_recipe_set_number(b->recipe, "steps", steps), "steps");
    check(actmax_session_maximize(b->session, b->target, filters, count, b->recipe, &result), "maximize");
    check(actmax_result_number(result, "activation_end", &activation), "activation_end");
    actmax_result_free(result);
    return activation;
}

/* The best instruction set that is there; the option "cpu" can only ask for less. */
static const char *kernels_name(const bench *b)
{
    static const char *const sets[] = {"avx512", "avx2", "neon"};
    const char *asked = "auto";
    check(actmax_recipe_get_text(b->recipe, "cpu", &asked), "cpu");
    if (strcmp(asked, "auto") != 0) return asked;
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (int32_t i = 0; i < actmax_feature_count(); i++)
            if (strcmp(actmax_feature_name(i), sets[s]) == 0 && actmax_feature_enabled(i)) return sets[s];
    return "c";
}

static void print_milliseconds(const char *kind, double milliseconds)
{
    printf("{\"kind\": \"%s\", \"ms\": %.4f}\n", kind, milliseconds);
}

static void print_facts(bench *b)
{
    bench_memory_raise(&b->most);
    printf("{\"kind\": \"facts\", \"version\": \"%s\", \"kernels\": \"%s\", \"threads\": %d, \"anon_kb\": %ld, \"file_kb\": %ld, "
           "\"peak_kb\": %ld}\n",
           actmax_version_string(), kernels_name(b), (int)actmax_session_threads(b->session), b->most.anonymous, b->most.file,
           b->most.peak);
}

/* ---- Modes ---- */

static void run_step(bench *b)
{
    b->end_room = (size_t)(b->warm + b->steps) + 1;
    b->ends = bench_allocate(b->end_room, sizeof *b->ends);
    check(actmax_recipe_set_callback(b->recipe, note_memory, b), "callback");
    maximize(b, b->filters, b->filter_count, 1);
    check(actmax_recipe_set_callback(b->recipe, note_step, b), "callback");
    const double activation = maximize(b, b->filters, b->filter_count, b->warm + b->steps + 1);
    for (size_t i = (size_t)b->warm + 1; i < b->end_count; i++)
        print_milliseconds("step", b->ends[i] - b->ends[i - 1]);
    printf("{\"kind\": \"result\", \"activation\": %.9g}\n", activation);
}

static void run_gradient(bench *b)
{
    load_image(b);
    for (int32_t i = 0; i < b->warm + b->steps; i++) {
        actmax_result *result = NULL;
        const float *gradient;
        int64_t dims[8];
        int32_t rank;
        double activation, squares = 0.0;
        const double began = bench_milliseconds();
        check(actmax_session_gradient(b->session, b->image, b->target, b->filters, b->filter_count, b->recipe, &result),
              "gradient");
        if (i >= b->warm) print_milliseconds("gradient", bench_milliseconds() - began);
        check(actmax_result_number(result, "activation", &activation), "activation");
        check(actmax_result_array(result, "gradient", &gradient, dims, &rank), "gradient");
        for (int64_t k = 0; k < dims[0] * dims[1] * dims[2]; k++)
            squares += (double)gradient[k] * (double)gradient[k];
        if (i == 0) printf("{\"kind\": \"result\", \"activation\": %.9g, \"gradient_norm\": %.9g}\n", activation, sqrt(squares));
        actmax_result_free(result);
    }
}

static void run_cam(bench *b)
{
    load_image(b);
    for (int32_t i = 0; i < b->warm + b->steps; i++) {
        actmax_result *result = NULL;
        double class = 0.0, score = 0.0;
        const double began = bench_milliseconds();
        check(actmax_session_grad_cam(b->session, b->image, b->target, ACTMAX_CLASS_TOP, b->cam, b->recipe, &result), "grad_cam");
        if (i >= b->warm) print_milliseconds("cam", bench_milliseconds() - began);
        check(actmax_result_number(result, "class", &class), "class");
        check(actmax_result_number(result, "score", &score), "score");
        if (i == 0) printf("{\"kind\": \"result\", \"class\": %.0f, \"activation\": %.9g}\n", class, score);
        actmax_result_free(result);
    }
}

/* Planning and packing happen in the first call; the same call again has all of it but those. */
static void run_load(bench *b, const char *path)
{
    const double began = bench_milliseconds();
    open_model(b, path);
    const double opened = bench_milliseconds();
    maximize(b, b->filters, b->filter_count, 1);
    const double first = bench_milliseconds();
    bench_memory_raise(&b->most);
    maximize(b, b->filters, b->filter_count, 1);
    const double second = bench_milliseconds();
    const double planning = (first - opened) - (second - first);
    print_milliseconds("load", opened - began + (planning > 0.0 ? planning : 0.0));
    print_milliseconds("open", opened - began);
}

static double time_each(bench *b)
{
    actmax_result **results = bench_allocate(b->filter_count, sizeof *results);
    const double began = bench_milliseconds();
    check(actmax_session_maximize_each(b->session, b->target, b->filters, b->filter_count, b->recipe, results), "maximize_each");
    const double took = bench_milliseconds() - began;
    for (size_t i = 0; i < b->filter_count; i++)
        actmax_result_free(results[i]);
    free(results);
    return took;
}

static double time_single(bench *b)
{
    const double began = bench_milliseconds();
    for (size_t i = 0; i < b->filter_count; i++)
        maximize(b, &b->filters[i], 1, b->steps);
    return bench_milliseconds() - began;
}

static void run_each(bench *b)
{
    check(actmax_recipe_set_number(b->recipe, "steps", b->steps), "steps");
    time_each(b); /* both kinds of plan are made once before */
    time_single(b);
    for (int32_t i = 0; i < b->repeat; i++) {
        print_milliseconds("each", time_each(b));
        print_milliseconds("single", time_single(b));
    }
}

int main(int count, char **words)
{
    bench b = {.steps = 10, .warm = 2, .repeat = 3};
    if (count < 3) bench_fail("bench_actmax", "MODE MODEL [flags]; the head of bench_actmax.c lists the modes");
    b.mode = words[1];
    set_plain_recipe(&b);
    read_flags(&b, count - 3, words + 3);
    if (strcmp(b.mode, "load") == 0) {
        run_load(&b, words[2]);
    } else if (strcmp(b.mode, "facts") != 0) {
        open_model(&b, words[2]);
        if (strcmp(b.mode, "step") == 0)
            run_step(&b);
        else if (strcmp(b.mode, "gradient") == 0)
            run_gradient(&b);
        else if (strcmp(b.mode, "cam") == 0)
            run_cam(&b);
        else if (strcmp(b.mode, "each") == 0)
            run_each(&b);
        else
            bench_fail(b.mode, "is no mode: step, gradient, cam, load or each");
    }
    print_facts(&b);
    free(b.ends);
    actmax_image_free(b.image);
    actmax_session_free(b.session);
    actmax_model_free(b.model);
    actmax_recipe_free(b.recipe);
    return 0;
}
