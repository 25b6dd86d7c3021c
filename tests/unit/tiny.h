/* Tiny networks for tests of the public functions: written as ONNX into memory, node by node, and loaded from there; with short
 * forms of what every test does with recipes, images and results. Failures end the test. */
#ifndef AXM_TEST_TINY_H
#define AXM_TEST_TINY_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actmax.h"
#include "onnx_write.h"

/* ---- Writing a network ---- */

typedef struct tiny {
    onnx_writer to;
    size_t graph, node;
} tiny;

/* The image input "x"; a dimension of 0 is left free. */
void tiny_begin(tiny *t, int64_t d0, int64_t d1, int64_t d2, int64_t d3);
/* The same in another opset than 13. */
void tiny_begin_in(tiny *t, uint64_t version, const int64_t dims[4]);
/* A weight of up to 4 axes (0: no such axis): its values, or pseudo-random ones in -range .. range. */
void tiny_values(tiny *t, const char *name, const float *values, int64_t d0, int64_t d1, int64_t d2, int64_t d3);
void tiny_random(tiny *t, const char *name, uint32_t seed, float range, int64_t d0, int64_t d1, int64_t d2, int64_t d3);
/* The values that tiny_random writes. */
float tiny_value(uint32_t seed, float range, size_t i);
/* A node; inputs and outputs are words; name NULL: none. Attributes come between tiny_open and tiny_close. */
void tiny_open(tiny *t, const char *op, const char *name, const char *inputs, const char *outputs);
void tiny_ints(tiny *t, const char *attribute, const int64_t *values, size_t count);
void tiny_int(tiny *t, const char *attribute, int64_t value);
void tiny_float(tiny *t, const char *attribute, float value);
void tiny_close(tiny *t);
/* A node without attributes. */
void tiny_node(tiny *t, const char *op, const char *name, const char *inputs, const char *outputs);
/* A convolution of random weights "<name>_w" [out, in, side, side] and bias "<name>_b" (in -0.1 .. 0.1), with `pad` around; its
 * output has its name. */
void tiny_conv(tiny *t, const char *name, const char *input, int64_t in, int64_t out, int64_t side, int64_t pad, uint32_t seed,
               float range);
/* A dense layer likewise: weights [in, out]. */
void tiny_dense(tiny *t, const char *name, const char *input, int64_t in, int64_t out, uint32_t seed);
void tiny_output(tiny *t, const char *name);
/* Ends the network and loads it; the bytes are tiny_free's. */
actmax_model *tiny_load(tiny *t, const actmax_recipe *recipe);
/* Ends the network; a load must fail with the status and a message that holds `text`. Frees it. */
void tiny_refused(tiny *t, const actmax_recipe *recipe, int32_t status, const char *text);
void tiny_free(tiny *t);

/* [1, 3, 12, 10] -> conv1 (6) relu1 pool1 conv2 (8) relu2 mean flat dense (5) soft: names and outputs alike. */
void tiny_classifier(tiny *t);
/* The same on an image of [1, 12, 10, 3]: node "turn" transposes first. */
void tiny_classifier_last(tiny *t);

/* ---- What every test does ---- */

void must(int32_t status); /* 0 or a note, else the test fails with the message */
/* The status is the expected one and the message holds `text`. */
void refused(int32_t status, int32_t expected, const char *text);
/* A recipe of the options and values that follow, up to NULL: tiny_recipe("steps", "5", NULL). */
actmax_recipe *tiny_recipe(const char *option, ...);
void set_option(actmax_recipe *recipe, const char *option, const char *value);
actmax_session *tiny_session(const actmax_model *model, int32_t threads);
int32_t layer_of(const actmax_model *model, const char *name);
double number(const actmax_result *result, const char *name);
const char *text_of(const actmax_result *result, const char *name);
/* The text "notes" holds `text`. */
static inline void has_note(const actmax_result *result, const char *text)
{
    if (!strstr(text_of(result, "notes"), text)) fail_msg("the notes \"%s\" do not hold \"%s\"", text_of(result, "notes"), text);
}
/* An array of that many elements. */
const float *array_of(const actmax_result *result, const char *name, size_t count);
const actmax_image *image_of(const actmax_result *result, const char *name);
/* Whether the float pictures are the same, byte for byte; of one shape they must be. */
bool same_picture(const actmax_result *a, const actmax_result *b);
double progress_of(const actmax_progress *progress, const char *name);
/* A model of the golden or examples folder. */
actmax_model *golden_model(const char *file, const actmax_recipe *recipe);
actmax_model *fashion_model(const actmax_recipe *recipe);
/* The picture that visualize.txt is about. */
actmax_image *golden_picture(void);
/* |values - expected| <= tolerance for all; prints the first that is not. */
void near_all(const char *what, const float *values, const float *expected, size_t count, double tolerance);

#endif
