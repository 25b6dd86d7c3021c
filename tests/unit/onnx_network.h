/* For the tests of the ONNX loader: reads the containers that tests/golden/make_onnx_*.py write, and runs networks by the library's
 * internal parts, so that the image may have any shape and any value may be looked at. */
#ifndef AXM_TEST_ONNX_NETWORK_H
#define AXM_TEST_ONNX_NETWORK_H

#include "loaders/loader.h"
#include "network/graph.h"
#include "network/runner.h"

typedef struct onnx_array {
    char name[64];
    axm_shape shape;
    size_t count;
    float *values;
} onnx_array;

#define ONNX_ARRAYS 5

typedef struct onnx_case {
    char name[64];
    const uint8_t *model;
    size_t model_size;
    onnx_array image;
    int32_t bound_count, output_count;
    onnx_array bound[ONNX_ARRAYS], outputs[ONNX_ARRAYS];
} onnx_case;

typedef struct onnx_container {
    uint8_t *data;
    size_t size, at;
    onnx_case now;
} onnx_container;

/* The whole of a file as malloc'd memory; NULL when there is none. */
uint8_t *onnx_read_file(const char *path, size_t *size);
/* `file` is relative to the golden folder; failures end the test. */
void onnx_open(onnx_container *container, const char *file);
onnx_case *onnx_next(onnx_container *container); /* NULL at the end */
void onnx_close(onnx_container *container);

/* A loaded network. Zeroed before onnx_load; onnx_free in any case. */
typedef struct onnx_network {
    axm_allocator allocator;
    axm_graph *graph;
    axm_weights weights;
    axm_runner runner;
    axm_files files;
    axm_loader_source source; /* fields other than data, size, allocator, files may be set before onnx_load */
} onnx_network;

int32_t onnx_load(onnx_network *network, const void *data, size_t size);
void onnx_free(onnx_network *network);

/* Plans the network for `image` with all graph outputs observed, and runs it. */
int32_t onnx_run(onnx_network *network, const onnx_array *image, axm_plan **out);
/* Output `name` of a plan that ran, in file order: malloc'd, shape set. */
float *onnx_output(onnx_network *network, const axm_plan *plan, const char *name, axm_shape *shape);
/* "" when `values` of `shape` are the expected ones: |difference| <= absolute + relative * |expected|; else what is wrong. */
const char *onnx_compare(const float *values, const axm_shape *shape, const onnx_array *expected, double absolute, double relative);

/* ---- Whole networks: scores, and the gradient of a weighted sum of them with respect to the image ---- */

/* float32 through ten layers, against float64 */
#define ONNX_DEEP_ABSOLUTE 3e-6
#define ONNX_DEEP_RELATIVE 3e-5

/* Ends the test unless the values are the expected ones; `what` begins the message. */
void onnx_expect(const char *what, const float *values, const axm_shape *shape, const onnx_array *expected);
/* Of a case whose outputs are the scores, the weights of their sum, and that sum's gradient: a plan of "scores" and the gradient
 * for "image", and the run that must give both. */
axm_plan *onnx_plan_gradient(onnx_network *network, const onnx_case *c, const char *what);
void onnx_expect_gradient(onnx_network *network, axm_plan *plan, const onnx_case *c, const char *what);

#endif
