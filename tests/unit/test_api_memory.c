/* Memory and threads of the public functions: the caller's hooks see every block come back; each allocation may fail, in turn; two
 * threads share a model. */
#include "tiny.h"

#include <pthread.h>
#include <stdatomic.h>

/* Any thread of a session may allocate. */
typedef struct meter {
    atomic_llong live, calls;
    long long fail_from, fail_to; /* which calls fail, counted from 1; 0: none */
} meter;

static void *take(void *user, size_t bytes)
{
    meter *m = user;
    long long call = atomic_fetch_add(&m->calls, 1) + 1;
    if (call >= m->fail_from && call <= m->fail_to) return NULL;
    void *block = malloc(bytes);
    if (block) atomic_fetch_add(&m->live, 1);
    return block;
}

static void give_back(void *user, void *pointer)
{
    meter *m = user;
    assert_non_null(pointer);
    atomic_fetch_sub(&m->live, 1);
    free(pointer);
}

/* Out of memory is a status with a message, and leaves the output alone. Anything else must have worked. */
static bool check_survival(int32_t status, const void *out)
{
    if (status < 0) {
        if (status != ACTMAX_ERROR_NO_MEMORY || !strstr(actmax_message(), "memory"))
            fail_msg("%s: %s", actmax_status_name(status), actmax_message());
        assert_null(out);
        return false;
    }
    assert_non_null(out);
    return true;
}

/* The output is looked at after the call. */
static int32_t last_status;
#define SURVIVED(call, out) (last_status = (call), check_survival(last_status, (out)))

static bool maps_and_pictures(actmax_session *session, const actmax_image *image, const actmax_recipe *recipe)
{
    actmax_result *r[9] = {NULL};
    const int32_t filters[2] = {3, 1}, unit = 2;
    bool ok = SURVIVED(actmax_session_predict(session, image, recipe, &r[0]), r[0]);
    ok = ok && SURVIVED(actmax_session_grad_cam(session, image, ACTMAX_LAYER_OUTPUT, 1, ACTMAX_LAYER_AUTO, recipe, &r[1]), r[1]);
    ok = ok && SURVIVED(actmax_session_saliency(session, image, ACTMAX_LAYER_OUTPUT, 1, recipe, &r[2]), r[2]);
    ok = ok && SURVIVED(actmax_session_gradient(session, image, 0, &unit, 1, recipe, &r[3]), r[3]);
    ok = ok && SURVIVED(actmax_session_maximize_each(session, 4, filters, 2, recipe, &r[4]), r[4]);
    ok = ok && SURVIVED(actmax_session_layer_gradient(session, image, 4, filters, 2, 0, recipe, &r[6]), r[6]);
    ok = ok && SURVIVED(actmax_session_maximize_sheet(session, 4, NULL, 0, recipe, &r[7]), r[7]);
    ok = ok && SURVIVED(actmax_session_strongest(session, image, 4, 2, recipe, &r[8]), r[8]);
    for (int i = 0; i < 9; i++)
        actmax_result_free(r[i]);
    return ok;
}

/* *threads: of the session; a thread that there is no memory for is done without. */
static bool everything(meter *m, const tiny *t, const uint8_t *png, size_t png_size, int32_t *threads)
{
    actmax_recipe *recipe = NULL;
    actmax_model *model = NULL;
    actmax_session *session = NULL;
    actmax_image *image = NULL;
    static const char *const options[][2] = {{"preprocess", "unit"},   {"steps", "2"},   {"scales", "2"},       {"scale_blur", "1"},
                                             {"cam_resize", "spline"}, {"threads", "2"}, {"sheet_filters", "3"}};
    bool ok = SURVIVED(actmax_recipe_new_with(take, give_back, m, &recipe), recipe);
    for (size_t i = 0; ok && i < sizeof options / sizeof *options; i++)
        ok = (last_status = actmax_recipe_set_text(recipe, options[i][0], options[i][1])) >= 0 || check_survival(last_status, NULL);
    ok = ok && SURVIVED(actmax_model_load_memory(t->to.data, t->to.size, recipe, &model), model);
    ok = ok && SURVIVED(actmax_image_load_memory(png, png_size, recipe, &image), image);
    ok = ok && SURVIVED(actmax_session_new(model, recipe, &session), session);
    *threads = actmax_session_threads(session);
    ok = ok && maps_and_pictures(session, image, recipe);
    actmax_image_free(image);
    actmax_session_free(session);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    if (atomic_load(&m->live) != 0) fail_msg("%lld blocks were left", atomic_load(&m->live));
    return ok;
}

typedef struct material {
    tiny t;
    uint8_t *png;
    size_t png_size;
} material;

static material get_material(void)
{
    material m;
    tiny_classifier(&m.t);
    end_message(&m.t.to, m.t.graph);
    FILE *file = fopen(ACTMAX_TEST_DATA "/visualize_start.png", "rb");
    assert_non_null(file);
    m.png = malloc(4096);
    assert_non_null(m.png);
    m.png_size = fread(m.png, 1, 4096, file);
    fclose(file);
    return m;
}

static void free_material(material *m)
{
    tiny_free(&m->t);
    free(m->png);
}

static void hooks_see_everything(void **state)
{
    (void)state;
    material files = get_material();
    meter m = {0};
    int32_t threads;
    assert_true(everything(&m, &files.t, files.png, files.png_size, &threads));
    long long first = atomic_load(&m.calls);
    assert_true(first > 100);
    assert_true(
        everything(&m, &files.t, files.png, files.png_size, &threads)); /* and nothing was left, which everything() checks */
    free_material(&files);
}

/* The allocation alone fails; then it and all after it. */
static void each_allocation_fails(void **state)
{
    (void)state;
    material files = get_material();
    meter m = {0};
    int32_t threads;
    assert_true(everything(&m, &files.t, files.png, files.png_size, &threads));
    long long total = atomic_load(&m.calls);
    printf("%lld allocations\n", total);
    for (int k = 0; k < 2; k++)
        for (long long n = 1; n <= total; n++) {
            meter failing = {.fail_from = n, .fail_to = k ? total * 2 : n};
            bool ok = everything(&failing, &files.t, files.png, files.png_size, &threads);
            if (ok && threads == 2) fail_msg("allocation %lld of %lld failed, and nobody noticed", n, total);
        }
    free_material(&files);
}

/* Handles may be freed in any order that the header allows: a model after its sessions, before results. */
static void order_of_freeing(void **state)
{
    (void)state;
    material files = get_material();
    meter m = {0};
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    actmax_result *result;
    const int32_t filter = 1;
    must(actmax_recipe_new_with(take, give_back, &m, &recipe));
    set_option(recipe, "preprocess", "unit");
    set_option(recipe, "steps", "2");
    must(actmax_model_load_memory(files.t.to.data, files.t.to.size, recipe, &model));
    must(actmax_session_new(model, NULL, &session));
    must(actmax_session_maximize(session, 0, &filter, 1, recipe, &result));
    actmax_recipe_free(recipe);
    actmax_session_free(session);
    actmax_model_free(model);
    assert_true(number(result, "steps") == 2.0);
    assert_int_equal(actmax_image_width(image_of(result, "image")), 10);
    assert_true(atomic_load(&m.live) > 0);
    actmax_result_free(result);
    assert_int_equal(atomic_load(&m.live), 0);
    free_material(&files);
}

/* A call that fails half way leaves the session fit for the next. */
static void session_after_failure(void **state)
{
    (void)state;
    material files = get_material();
    meter m = {0};
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
    actmax_result *result = NULL, *expected;
    const int32_t filter = 1;
    must(actmax_recipe_new_with(take, give_back, &m, &recipe));
    set_option(recipe, "preprocess", "unit");
    set_option(recipe, "steps", "3");
    must(actmax_model_load_memory(files.t.to.data, files.t.to.size, recipe, &model));
    must(actmax_model_maximize(model, "conv2", 1, recipe, &expected));
    for (long long skip = 0, failed = 1; failed; skip += 3) {
        must(actmax_session_new(model, NULL, &session));
        m.fail_from = atomic_load(&m.calls) + 1 + skip;
        m.fail_to = m.fail_from;
        failed = !SURVIVED(actmax_session_maximize(session, 3, &filter, 1, recipe, &result), result);
        m.fail_from = m.fail_to = 0;
        if (failed) must(actmax_session_maximize(session, 3, &filter, 1, recipe, &result));
        near_all("the next call", array_of(result, "image", 360), array_of(expected, "image", 360), 360, 0.0);
        actmax_result_free(result);
        actmax_session_free(session);
        result = NULL;
    }
    actmax_result_free(expected);
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    assert_int_equal(atomic_load(&m.live), 0);
    free_material(&files);
}

/* ---- Threads ---- */

typedef struct worker {
    const actmax_model *model;
    const actmax_image *image;
    int32_t filter;
    int32_t status;
    float picture[360], map[120];
    double score;
} worker;

/* No cmocka here: it is not for threads. */
static void *work(void *argument)
{
    worker *w = argument;
    actmax_recipe *recipe = NULL;
    actmax_session *session = NULL;
    actmax_result *picture = NULL, *map = NULL;
    const float *data;
    int32_t layer = -1;
    w->status = actmax_recipe_new(&recipe);
    if (w->status >= 0) w->status = actmax_recipe_set_text(recipe, "steps", "15");
    if (w->status >= 0) w->status = actmax_recipe_set_text(recipe, "threads", "2");
    if (w->status >= 0) w->status = actmax_model_find_layer(w->model, "conv2", &layer);
    if (w->status >= 0) w->status = actmax_session_new(w->model, recipe, &session);
    for (int round = 0; round < 3 && w->status >= 0; round++) {
        actmax_result_free(picture);
        actmax_result_free(map);
        picture = map = NULL;
        w->status = actmax_session_maximize(session, layer, &w->filter, 1, recipe, &picture);
        if (w->status >= 0) w->status = actmax_session_grad_cam(session, w->image, -1, 4, -2, recipe, &map);
    }
    if (w->status >= 0 && (w->status = actmax_result_array(picture, "image", &data, NULL, NULL)) >= 0)
        memcpy(w->picture, data, sizeof w->picture);
    if (w->status >= 0 && (w->status = actmax_result_array(map, "map", &data, NULL, NULL)) >= 0)
        memcpy(w->map, data, sizeof w->map);
    if (w->status >= 0) w->status = actmax_result_number(map, "score", &w->score);
    actmax_result_free(picture);
    actmax_result_free(map);
    actmax_session_free(session);
    actmax_recipe_free(recipe);
    return NULL;
}

static void two_threads(void **state)
{
    (void)state;
    tiny t;
    actmax_recipe *recipe = tiny_recipe("preprocess", "unit", NULL);
    tiny_classifier(&t);
    actmax_model *fresh = tiny_load(&t, recipe);
    actmax_image *image = golden_picture();
    worker alone = {.model = fresh, .image = image, .filter = 1};
    for (int round = 0; round < 5; round++) {
        actmax_model *model; /* anew: the threads pack its weights at the same time */
        must(actmax_model_load_memory(t.to.data, t.to.size, recipe, &model));
        worker workers[2] = {{.model = model, .image = image, .filter = 1}, {.model = model, .image = image, .filter = 1}};
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (round == 0) work(&alone);
        must(alone.status);
        for (int i = 0; i < 2; i++) {
            if (workers[i].status < 0) fail_msg("thread %d: %s", i, actmax_status_name(workers[i].status));
            near_all("picture", workers[i].picture, alone.picture, 360, 0.0);
            near_all("map", workers[i].map, alone.map, 120, 0.0);
            assert_true(workers[i].score == alone.score);
        }
        actmax_model_free(model);
    }
    actmax_image_free(image);
    actmax_model_free(fresh);
    actmax_recipe_free(recipe);
    tiny_free(&t);
}

/* Each thread has a message of its own. */
static void *fail_elsewhere(void *argument)
{
    int32_t index;
    actmax_option_find("elsewhere", &index);
    *(int *)argument = strstr(actmax_message(), "elsewhere") != NULL;
    return NULL;
}

static void messages_of_threads(void **state)
{
    (void)state;
    int32_t index;
    int said = 0;
    pthread_t thread;
    refused(actmax_option_find("here", &index), ACTMAX_ERROR_NOT_FOUND, "'here'");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &said), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(said && strstr(actmax_message(), "'here'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_see_everything),  cmocka_unit_test(each_allocation_fails), cmocka_unit_test(order_of_freeing),
        cmocka_unit_test(session_after_failure), cmocka_unit_test(two_threads),           cmocka_unit_test(messages_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
