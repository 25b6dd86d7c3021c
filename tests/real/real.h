/* What the tests on real networks share: where the files are, how each network wants its input, and the golden numbers. */
#ifndef TESTS_REAL_H
#define TESTS_REAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actmax.h"

#define REAL_SKIP 77
#define REAL_PATH 1024

#define REAL_SQUEEZENET_FP16 "squeezenet1.1/SqueezeNet_fp16.onnx"
#define REAL_SQUEEZENET      "derived/squeezenet1.1_fp32.onnx"
#define REAL_MOBILENET_V1    "derived/mobilenet_v1_0.25_224_fp32.onnx"
#define REAL_MOBILENET_V2    "derived/mobilenet_v2_1.0_224_dequant_fp32.onnx"

static const char *const real_networks[] = {REAL_SQUEEZENET_FP16, REAL_SQUEEZENET, REAL_MOBILENET_V1, REAL_MOBILENET_V2};
#define REAL_NETWORKS 4

#define REAL_OK(call)                                                                                                              \
    do {                                                                                                                           \
        int32_t status_ = (call);                                                                                                  \
        if (status_ < 0) fail_msg("%s: %s: %s", #call, actmax_status_name(status_), actmax_message());                             \
    } while (0)

static inline const char *real_folder(void)
{
    const char *folder = getenv("ACTMAX_SHARED");
    return folder && *folder ? folder : ACTMAX_TEST_SHARED;
}

/* "models" or "images", and a name in it. */
static inline const char *real_path(const char *kind, const char *name)
{
    static char path[4][REAL_PATH];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, REAL_PATH, "%s/%s/%s", real_folder(), kind, name);
    return out;
}

static inline int real_missing(void)
{
    FILE *file = fopen(real_path("models", REAL_SQUEEZENET), "rb");
    if (file) {
        fclose(file);
        return 0;
    }
    printf("SKIP: no networks and photographs at %s; set ACTMAX_SHARED (tests/real/README.md)\n", real_folder());
    return REAL_SKIP;
}

/* A recipe with the network's preprocessing. */
static inline actmax_recipe *real_recipe(const char *network)
{
    actmax_recipe *recipe = NULL;
    REAL_OK(actmax_recipe_new(&recipe));
    if (strstr(network, "queeze")) {
        const double mean[3] = {104.0, 117.0, 123.0};
        REAL_OK(actmax_recipe_set_text(recipe, "channels", "bgr"));
        REAL_OK(actmax_recipe_set_number(recipe, "scale", 1.0));
        REAL_OK(actmax_recipe_set_numbers(recipe, "mean", mean, 3));
    } else {
        REAL_OK(actmax_recipe_set_text(recipe, "preprocess", "tf"));
    }
    return recipe;
}

typedef struct real_network {
    actmax_recipe *recipe;
    actmax_model *model;
    actmax_session *session;
} real_network;

static inline real_network real_open(const char *name)
{
    real_network n = {.recipe = real_recipe(name)};
    REAL_OK(actmax_model_load(real_path("models", name), n.recipe, &n.model));
    REAL_OK(actmax_session_new(n.model, n.recipe, &n.session));
    return n;
}

static inline void real_close(real_network *n)
{
    actmax_session_free(n->session);
    actmax_model_free(n->model);
    actmax_recipe_free(n->recipe);
}

static inline actmax_image *real_image(const char *name)
{
    actmax_image *image = NULL;
    REAL_OK(actmax_image_load(real_path("images", name), NULL, &image));
    return image;
}

/* The rest of the golden line that starts with `key`, as numbers. Returns how many (at most `capacity`); 0 when there is none. */
static inline size_t real_golden(const char *key, double *out, size_t capacity)
{
    FILE *file = fopen(ACTMAX_TEST_DATA "/real_networks.txt", "rb");
    size_t count = 0, length = strlen(key);
    static char line[1 << 16];
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) != 0 || line[length] != ' ') continue;
        char *at = line + length, *end;
        for (double value = strtod(at, &end); end != at && count < capacity; at = end, value = strtod(at, &end))
            out[count++] = value;
        break;
    }
    fclose(file);
    return count;
}

#endif
