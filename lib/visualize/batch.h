/* The network under several pictures: one plan that holds them all where that reads weights less often, else a plan for each. */
#ifndef AXM_VISUALIZE_BATCH_H
#define AXM_VISUALIZE_BATCH_H

#include "visualize/maximize.h"
#include "visualize/score.h"

typedef struct axm_batch {
    axm_runner *runner;
    const axm_input *input;
    const axm_maximize_settings *settings;
    const axm_maximize_target *targets; /* [count] of one layer, with as many wanted channels each */
    int32_t count;
    bool together; /* one plan for all */
    axm_extent extent;
    axm_plan **plans;   /* [count]; together: the first */
    axm_score *scores;  /* [count] */
    int32_t *positions; /* of each one's filters in its plan's tensor */
    int32_t *wanted;    /* the wanted channels of all */
} axm_batch;

/* One picture in a run. */
typedef struct axm_batch_item {
    int32_t member; /* index of its target */
    axm_units units;
    float *x;     /* what the network sees; becomes the gradient of the target's part of the loss, where that is asked for */
    float *spare; /* as large */
    double objective;
} axm_batch_item;

/* How many of `pictures` pictures like this one are best made side by side, and whether in one plan. */
int32_t axm_batch_size(axm_runner *runner, const axm_input *input, const axm_maximize_target *target,
                       const axm_maximize_settings *settings, axm_extent most, int32_t pictures, int32_t *size, bool *together);

/* The first five fields are the caller's. */
int32_t axm_batch_allocate(axm_batch *batch);
void axm_batch_release(axm_batch *batch);
/* Makes the plans for pictures of an extent. */
int32_t axm_batch_prepare(axm_batch *batch, axm_extent extent);
void axm_batch_run(axm_batch *batch, axm_batch_item *items, int32_t count, bool gradient);
/* The layer in which the item's picture gives what is not finite; NULL: none. */
const char *axm_batch_find_nonfinite(axm_batch *batch, const axm_batch_item *item);

#endif
