/* The operator contract. An operator is one file in lib/ops that defines `const axm_op axm_op_<Name>`, and one line in
 * lib/ops/ops.def. Life of a node: parse (at load) -> infer (shapes, at planning) -> prepare (weights, scratch, at planning) ->
 * forward, backward (cannot fail). Shapes are checked in infer and nowhere later. */
#ifndef AXM_OPS_OP_H
#define AXM_OPS_OP_H

#include "base/alloc.h"
#include "kernels/kernels.h"
#include "ops/tensor.h"

typedef struct axm_op axm_op;
typedef struct axm_plan axm_plan;

/* ---- Attributes, as a loader hands them to the builder (neutral names: ONNX's) ---- */
typedef enum axm_attribute_kind { AXM_ATTR_INT, AXM_ATTR_FLOAT, AXM_ATTR_TEXT, AXM_ATTR_INTS, AXM_ATTR_FLOATS } axm_attribute_kind;
typedef struct axm_attribute {
    const char *name;
    axm_attribute_kind kind;
    int64_t i;
    float f;
    const char *text;
    const int64_t *ints;
    const float *floats;
    size_t count;
} axm_attribute;
typedef struct axm_attributes {
    const axm_attribute *items;
    size_t count;
} axm_attributes;

const axm_attribute *axm_attribute_find(const axm_attributes *attributes, const char *name); /* NULL when absent */
/* The value, or fallback when absent. A wrong kind fails (ACTMAX_ERROR_FORMAT, names the attribute). */
int32_t axm_attribute_int(const axm_attributes *attributes, const char *name, int64_t fallback, int64_t *out);
int32_t axm_attribute_float(const axm_attributes *attributes, const char *name, float fallback, float *out);
int32_t axm_attribute_text(const axm_attributes *attributes, const char *name, const char *fallback, const char **out);
/* Exactly `count` values into out, or (absent) `fallback` in each. Every value must be in [low, high]. */
int32_t axm_attribute_ints(const axm_attributes *attributes, const char *name, size_t count, int64_t fallback, int64_t low,
                           int64_t high, int64_t *out);

/* ---- Infer ---- */
typedef struct axm_infer {
    const void *params;
    int32_t input_count, output_count;
    const axm_tensor *const *inputs; /* [input_count]; an omitted optional input is NULL. shape and constant are valid */
    axm_shape *outputs;              /* to be set */
    const axm_limits *limits;
} axm_infer;

/* ---- Prepare ---- */
typedef struct axm_step axm_step;
typedef struct axm_prepare {
    axm_plan *plan;
    axm_step *step;
    const axm_kernels *kernels;
    bool gradient;  /* backward will be called */
    int32_t images; /* up to so many may be computed together, where the operator's takes_images says so */
} axm_prepare;

/* Memory that lives with the plan; NULL on failure (message set). Zeroed. */
void *axm_prepare_memory(axm_prepare *prepare, size_t bytes);
/* A weight as float32 that lives as long as the plan: the file's own bytes where they can be read, else a converted copy kept in
 * the model, made once. */
int32_t axm_prepare_floats(axm_prepare *prepare, const axm_constant *constant, const float **out);
/* The same for a dense layer's weight, of which axm_dense_forward and axm_dense_backward read `rows` rows of input: float32 that
 * lies at an odd byte of the file stays there too where their kernels can read it (VGG16's fc1 is 411 MB). */
int32_t axm_prepare_dense_floats(axm_prepare *prepare, const axm_constant *constant, int64_t rows, const float **out);
/* A packed form of this step's weights, kept in the model once for each (node, kind) and made by `make` under the model's lock.
 * When the step has filters or a scale it is kept in the plan instead. kind: a small number of the operator's choosing, with
 * the kernels' name part of the key. */
typedef void (*axm_make_packed)(const axm_step *step, const axm_kernels *kernels, int32_t kind, void *packed);
int32_t axm_prepare_packed(axm_prepare *prepare, int32_t kind, size_t bytes, axm_make_packed make, const void **out);
/* The weight was packed and will not be read as it lies in the file: it need not stay in memory. */
void axm_prepare_forget(axm_prepare *prepare, const axm_constant *constant);
/* Scratch for each worker during forward and backward; the plan keeps the maximum of all steps. */
void axm_prepare_scratch(axm_prepare *prepare, size_t bytes);
/* Scratch that the workers share: what they have together is this much at least. */
void axm_prepare_shared_scratch(axm_prepare *prepare, size_t bytes);
/* Bytes carried from forward to backward (step->saved), e.g. max-pool indices. Only when prepare->gradient. */
void axm_prepare_saved(axm_prepare *prepare, size_t bytes);

/* ---- A step of a plan: one node, bound to tensors ---- */
struct axm_step {
    const axm_op *op;
    const void *params;
    const char *name; /* of the node, for messages */
    int32_t node;
    int32_t input_count, output_count;
    axm_tensor *const *inputs; /* NULL where omitted */
    axm_tensor *const *outputs;
    /* Fusions that the plan made; only for operators that say they take them. */
    const float *scale; /* for each output channel: y = scale * y + shift, folded into the weights (AXM_OP_FOLDS_AFFINE) */
    const float *shift;
    const axm_tensor *addend; /* like output 0: added to it before the clamp (takes_addend); NULL: none */
    axm_clamp clamp;          /* after it (AXM_OP_FUSES_CLAMP) */
    bool pools;               /* then a max pool that halves, backward through both (takes_pool); outputs are the pool's */
    const int32_t *filters;   /* only these output channels are computed, in this order (AXM_OP_SLICES) */
    int32_t filter_count;
    axm_relu_rule relu_rule; /* for operators with a clamp hook whose low is 0 */
    /* Set by prepare. */
    void *state; /* the operator's own, from axm_prepare_memory; images share it: no run changes what another one reads */
    void *saved; /* from forward to backward; NULL when no gradient is wanted */
};

/* ---- Layout ---- */
typedef struct axm_layout_choice {
    const void *params;
    int32_t input_count, output_count;
    const axm_tensor *const *inputs; /* shapes and current layouts; NULL: omitted; constants have no layout */
    const axm_shape *outputs;
    axm_layout *want; /* [input_count]: the layout in which each input is wanted; preset to what it has */
    axm_layout *give; /* [output_count]: the layout of each output; preset to AXM_LAYOUT_FILE */
} axm_layout_choice;

/* Ready-made choices. */
void axm_layout_same(axm_layout_choice *choice);          /* elementwise: all as the largest; where that is mixed: channels last */
void axm_layout_channels_last(axm_layout_choice *choice); /* wants and gives channels last */
void axm_layout_file(axm_layout_choice *choice);          /* wants and gives file order */

#define AXM_OP_ALIAS            (1u << 0) /* output 0 is input 0's bytes under another shape (no forward, no backward) */
#define AXM_OP_INPLACE_FORWARD  (1u << 1) /* output 0 may share input 0's memory */
#define AXM_OP_INPLACE_BACKWARD (1u << 2) /* input 0's gradient may share output 0's, when not accumulating */
#define AXM_OP_READS_INPUTS     (1u << 3) /* backward reads inputs' data (each that is not constant) */
#define AXM_OP_READS_OUTPUT     (1u << 4) /* backward reads output 0's data */
#define AXM_OP_FOLDS_AFFINE     (1u << 5) /* honours step->scale, step->shift */
#define AXM_OP_FUSES_CLAMP      (1u << 6) /* honours step->clamp in forward (backward gets the gradient before the clamp) */
#define AXM_OP_SLICES           (1u << 7) /* honours step->filters */
#define AXM_OP_POINTWISE                                                                                                           \
    (1u << 8)                          /* one input; each output element depends on its own input element only, and alike for      \
                                          every channel: filters pass through */
#define AXM_OP_SCORE        (1u << 9)  /* softmax and the like, sigmoid: bypassed for a target at a graph output */
#define AXM_OP_SPATIAL      (1u << 10) /* convolution or pooling, for CAM's layer choice and summaries */
#define AXM_OP_SPATIAL_MEAN (1u << 11) /* the mean over all of space and nothing else (GlobalAveragePool) */
#define AXM_OP_PASSES_LAST                                                                                                         \
    (1u << 13) /* the last input's gradient is output 0's, and may be its bytes; backward then has nothing to do */
#define AXM_OP_CONDITION     (1u << 14) /* gives booleans (1 or 0 where it is computed from an image) */
#define AXM_OP_PERMUTES      (1u << 12) /* only reorders axes (Transpose); permutation() says how */
#define AXM_OP_TRAINS        (1u << 17) /* computes as in training: loading a model that has it says so */
#define AXM_OP_ADDS          (1u << 15) /* output 0 is the sum of both inputs, where they are of its shape */
#define AXM_OP_TAKES_NOTHING (1u << 16) /* an input may be empty (it is a constant then) */

/* An integer or boolean tensor evaluated while planning (shape arithmetic), or any tensor of constants. */
typedef struct axm_fold {
    const void *params;
    int32_t input_count, output_count;
    const axm_constant *const *inputs;    /* values; NULL when omitted or not known */
    const axm_shape *const *input_shapes; /* NULL when omitted */
    axm_arena *arena;                     /* for output data */
    axm_constant *outputs;                /* to be set */
    const axm_limits *limits;
} axm_fold;

struct axm_op {
    const char *name;               /* the neutral name, ONNX's where ONNX has one */
    int32_t min_inputs, max_inputs; /* max -1: any number */
    int32_t outputs;                /* -1: any number */
    uint32_t flags;
    size_t params_size;
    /* Reads attributes into zeroed params; arena memory lives with the model. Unknown values fail. NULL: no attributes. */
    int32_t (*parse)(const axm_attributes *attributes, axm_arena *arena, void *params);
    int32_t (*infer)(const axm_infer *infer);
    void (*layout)(axm_layout_choice *choice); /* NULL: axm_layout_file */
    int32_t (*prepare)(axm_prepare *prepare);  /* NULL: nothing to prepare */
    void (*forward)(const axm_step *step, const axm_exec *exec);
    /* Adds to, or (accumulate false) writes, step->inputs[input]->grad from step->outputs[0]->grad. */
    void (*backward)(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate);
    /* Hooks, NULL where they do not apply. */
    bool (*as_clamp)(const void *params, const axm_tensor *const *inputs, int32_t input_count,
                     axm_clamp *out); /* it is y = clamp(x) */
    /* It is a max pool of 2x2 windows a step of 2 apart, none of them over an edge, for an input of this shape. */
    bool (*halves)(const void *params, const axm_shape *x);
    /* step->pools may be set for inputs of these shapes. */
    bool (*takes_pool)(const void *params, const axm_kernels *kernels, const axm_shape *const *inputs);
    /* It is y = scale[c] x + shift[c] along axis 1: fills both arrays of `channels` floats. */
    bool (*as_channel_affine)(const void *params, const axm_tensor *const *inputs, int32_t input_count, int64_t channels,
                              float *scale, float *shift);
    /* It is the mean over all axes but the first and *axis. */
    bool (*as_spatial_mean)(const void *params, const axm_tensor *const *inputs, int32_t input_count, int32_t *axis);
    int32_t (*fold)(const axm_fold *fold); /* evaluates while planning; needs all its inputs known unless folds_shape */
    bool folds_shape;                      /* fold needs shapes only (Shape) */
    /* AXM_OP_PERMUTES: output axis i is input axis out[i]. */
    void (*permutation)(const void *params, int32_t rank, int32_t out[AXM_MAX_RANK]);
    int64_t (*multiplications)(const axm_step *step); /* of one forward, for reports; NULL: 0 */
    /* After prepare: forward and backward honour exec->images, for images whose tensors lie one after the other; each gets the
     * bytes that it gets alone. For operators whose weights are then read once. NULL: image by image. */
    bool (*takes_images)(const axm_step *step);
    /* Before prepare, of a step whose params and inputs are set: forward can honour step->addend. */
    bool (*takes_addend)(const axm_step *step, const axm_kernels *kernels);
};

/* ---- Registry (expanded from ops.def) ---- */
const axm_op *axm_op_find(const char *name); /* NULL when there is none */
const axm_op *axm_op_at(int32_t index);      /* NULL past the end */
int32_t axm_op_count(void);

/* What helps where a node cannot be computed. */
#define AXM_END_BEFORE "end the network before this node (option end) to see the layers there"

/* Fails with "<op> needs ..." style messages; the caller adds the node's name. */
#define AXM_OP_CHECK(condition, ...)                                                                                               \
    do {                                                                                                                           \
        if (!(condition)) return axm_fail(ACTMAX_ERROR_SHAPE, __VA_ARGS__);                                                        \
    } while (0)

#endif
