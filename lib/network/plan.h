/* A plan: the part of a graph that one purpose needs, for one image size, made ready to run. Everything that can fail, fails
 * while it is made; forward and backward cannot. A plan reads the graph and the weights store, which must outlive it. */
#ifndef AXM_NETWORK_PLAN_H
#define AXM_NETWORK_PLAN_H

#include "network/graph.h"
#include "network/weights.h"

typedef struct axm_plan_request {
    const axm_graph *graph;
    axm_weights *weights;
    const axm_kernels *kernels;
    axm_allocator *allocator;
    int32_t workers;       /* regions of scratch */
    int32_t image;         /* the input value */
    axm_shape image_shape; /* file order */
    int32_t images;        /* that are computed in one run, each of that shape; 0: one */
    bool all_joint;        /* every step runs for all images before the next, whether or not that is worth it: for tests */
    /* Values whose data stays readable after forward. */
    const int32_t *observe;
    int32_t observe_count;
    /* Values at which the caller gives the loss's gradient; none: forward only. */
    const int32_t *seeds;
    int32_t seed_count;
    /* Values whose gradient stays readable after backward. */
    const int32_t *wants;
    int32_t want_count;
    axm_relu_rule relu_rule;
    /* Only these channels (axis 1) of this value are needed (-1: all); it must be the only seed and the only observed value. When
     * the operators on the way cannot leave the others out, all are computed: axm_plan_sliced tells. */
    int32_t slice_value;
    const int32_t *slice_channels; /* slice_count of each image, image after image */
    int32_t slice_count;
} axm_plan_request;

int32_t axm_plan_new(const axm_plan_request *request, axm_plan **out);
void axm_plan_free(axm_plan *plan);

size_t axm_plan_bytes(const axm_plan *plan); /* of the arena that bind wants, 64-byte aligned */
void axm_plan_bind(axm_plan *plan, char *arena);
bool axm_plan_sliced(const axm_plan *plan);

/* The tensor of an observed, seed or want value, or the image: shape, layout, data and grad (after bind). NULL when it is none.
 * Where the value does not depend on the image, `constant` is set. */
const axm_tensor *axm_plan_find(const axm_plan *plan, int32_t value);
/* The same of an image's place, 0 .. images-1. */
const axm_tensor *axm_plan_find_image(const axm_plan *plan, int32_t value, int32_t place);
/* From now on runs compute `count` images, in places 0 .. count-1; the one in place p has the wanted channels of image members[p]
 * of the request. At first all are computed, each in its own place. */
void axm_plan_use_images(axm_plan *plan, const int32_t *members, int32_t count);
/* How many images a plan like this one (made for one) should hold, up to `most`: the more the fewer times weights are read, as
 * long as their working memory is at most `bytes` about. 1: nothing is gained. */
int32_t axm_plan_worthwhile_images(const axm_plan *plan, int32_t most, size_t bytes);

/* Write the image into its tensor's data, then: */
void axm_plan_forward(axm_plan *plan, axm_pool *pool);
/* Write all of each seed's grad, then: (valid once after each forward) */
void axm_plan_backward(axm_plan *plan, axm_pool *pool);

/* From now on runs add to the counters (NULL: no more). */
void axm_plan_count(axm_plan *plan, axm_counters *counters);

/* After a result that is not finite: runs forward again and names the first node that gives such a value; NULL: none does. */
const char *axm_plan_find_nonfinite(axm_plan *plan, axm_pool *pool);

/* ReLU-like activations on the gradient's way, and other activations that the rule does not touch. */
int32_t axm_plan_relus(const axm_plan *plan);
int32_t axm_plan_other_activations(const axm_plan *plan);
int64_t axm_plan_multiplications(const axm_plan *plan); /* of one forward */
/* Copies a tensor's data or gradient into file order. */
void axm_tensor_to_file_order(const axm_tensor *tensor, const float *physical, float *out);
void axm_tensor_from_file_order(const axm_tensor *tensor, const float *in, float *physical);

#endif
