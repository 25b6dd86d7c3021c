/* The inside of a plan, shared by the stages that make it: select -> infer -> fuse -> layout -> gradient -> prepare ->
 * images -> memory. */
#ifndef AXM_NETWORK_PLAN_INTERNAL_H
#define AXM_NETWORK_PLAN_INTERNAL_H

#include "network/infer.h"
#include "network/plan.h"

/* A stretch of the arena, and when it is needed. Times: forward step i is i; the caller's seeding is F; backward step j is F+1+j.
 */
typedef struct axm_storage {
    size_t bytes, offset;
    size_t stride;        /* bytes from one image to the next; 0: they share it, one after the other */
    int32_t birth, death; /* inclusive; birth -1: never used */
} axm_storage;

/* A tensor of the plan with its places in memory. */
typedef struct axm_plan_tensor {
    axm_tensor tensor;
    int32_t value;      /* graph value, -1 for helpers */
    int32_t data, grad; /* storages, -1: none */
    bool wants_grad;    /* on the way from a seed to a want */
    bool keep_data, keep_grad;
    int32_t consumers; /* forward steps that read it */
} axm_plan_tensor;

typedef struct axm_plan_step {
    axm_step forward, backward;   /* differ in outputs where an activation was fused; share state and saved */
    int32_t *in, *out, *back_out; /* plan tensors, -1 omitted */
    int32_t addend;               /* plan tensor that forward adds to its output, -1 */
    bool *accumulate;             /* [input_count]; backward adds to this input's gradient */
    bool *back;                   /* [input_count]; backward is called for this input */
    bool alias;                   /* no forward and no backward: bytes are shared */
    bool fused;                   /* forward is done by an earlier step; backward is its own */
    bool runs_backward;
    int32_t saved; /* storage, -1 */
    size_t saved_bytes;
    size_t weight_bytes; /* that a pass reads, about */
    bool takes_images;
} axm_plan_step;

/* What an image after the first has of its own. */
typedef struct axm_plan_image {
    axm_tensor *tensors;          /* [tensors] */
    axm_step *forward, *backward; /* [steps] */
} axm_plan_image;

typedef struct axm_plan_value {
    int32_t tensor[2]; /* by layout; -1 */
    int32_t primary;   /* the tensor as it was produced; -1 */
} axm_plan_value;

struct axm_plan {
    axm_plan_request request;
    const axm_graph *graph;
    axm_arena arena;        /* everything below but the growing arrays */
    axm_fact *facts;        /* [values] */
    bool *needed;           /* [nodes] */
    bool *special;          /* [values]: observed, seed, want or image: fusion stops here */
    axm_plan_value *values; /* [values] */
    axm_plan_tensor *tensors;
    int32_t tensor_count, tensor_capacity;
    axm_plan_step *steps;
    int32_t step_count, step_capacity;
    axm_storage *storages;
    int32_t storage_count, storage_capacity;
    /* Images. Steps before `joint` run image by image, so that activations are still in the cache; from there on each step runs
     * for all images, so that weights are read once. */
    int32_t images;
    axm_plan_image *more; /* [images - 1] */
    int32_t joint;
    int32_t active;   /* that are computed */
    int32_t *members; /* [images] whose channels the one in each place has */
    int32_t slice_step;
    int32_t slice_node; /* -1: none */
    int64_t slice_full; /* channels before slicing of the node that could be sliced; 0: there is none */
    bool sliced;
    size_t arena_bytes, scratch_bytes, scratch_offset;
    size_t shared_scratch_bytes, shared_scratch_offset;
    axm_counters *counters; /* NULL: nothing is counted */
    char *memory;
    int32_t relus, other_activations;
    int32_t current_step; /* while preparing */
};

int32_t axm_plan_select(axm_plan *plan);      /* needed nodes, slicing, shapes */
int32_t axm_plan_build_steps(axm_plan *plan); /* fusion and layouts: steps and tensors */
int32_t axm_plan_gradient(axm_plan *plan);    /* which tensors carry gradient, in which order it is added up */
int32_t axm_plan_prepare_steps(axm_plan *plan);
int32_t axm_plan_add_images(axm_plan *plan); /* tensors and steps of the images after the first; which steps are joint */
int32_t axm_plan_memory(axm_plan *plan);     /* storages, life times, offsets */

/* Gives a step of an image pointers to its tensors, which no longer move. */
int32_t axm_plan_link(axm_plan *plan, int32_t step, int32_t image);
axm_tensor *axm_plan_tensor_of(const axm_plan *plan, int32_t tensor, int32_t image);
axm_step *axm_plan_step_of(const axm_plan *plan, int32_t step, int32_t image, bool backward);

int32_t axm_plan_add_tensor(axm_plan *plan, const axm_tensor *tensor, int32_t value, int32_t *out);
int32_t axm_plan_add_step(axm_plan *plan, int32_t input_count, int32_t output_count, axm_plan_step **out);
int32_t axm_plan_add_storage(axm_plan *plan, size_t bytes, int32_t *out);

/* The step that changes a tensor's layout. */
extern const axm_op axm_op_relayout;

#endif
