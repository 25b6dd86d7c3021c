/* Activation maximisation: the loop from a start image to a picture that excites the target. */
#ifndef AXM_VISUALIZE_MAXIMIZE_H
#define AXM_VISUALIZE_MAXIMIZE_H

#include "network/runner.h"
#include "optimizers/optimizer.h"
#include "visualize/input.h"
#include "visualize/progress.h"
#include "visualize/regularizer.h"

#define AXM_MAXIMIZE_PARTS 16

typedef enum axm_gradient_scaling { AXM_GRADIENT_NONE, AXM_GRADIENT_RMS, AXM_GRADIENT_L2, AXM_GRADIENT_MAX } axm_gradient_scaling;

typedef struct axm_transform {
    const axm_modifier *modifier;
    double values[4];
} axm_transform;

typedef struct axm_penalty {
    const axm_regularizer *regularizer;
    double weight, power;
} axm_penalty;

typedef struct axm_maximize_settings {
    int32_t height, width; /* of the final picture */
    uint64_t seed;
    bool noise;
    double start_mean, start_range;
    const float *start_pixels; /* height*width*channels, or NULL */
    bool clip, pyramid, keep_best;
    double contrast; /* of the pyramid; see parameters.h */
    int64_t steps;
    double time_limit;
    int32_t scales;
    double scale_factor;
    bool scale_bilinear;
    double scale_blur;
    axm_gradient_scaling gradient;
    const axm_optimizer *optimizer;
    axm_optimizer_settings optimizer_settings; /* learning_rate in pixel units */
    axm_transform transforms[AXM_MAXIMIZE_PARTS];
    int32_t transform_count;
    axm_penalty penalties[AXM_MAXIMIZE_PARTS];
    int32_t penalty_count;
    int32_t neuron_y, neuron_x;
    actmax_progress_fn callback;
    void *callback_user;
} axm_maximize_settings;

typedef struct axm_maximize_target {
    int32_t value, channel_axis;
    const int32_t *filters; /* of one picture; all of them summed */
    int32_t filter_count;   /* 0: the mean of the whole layer */
    const int32_t *wanted;  /* the same, ascending and unique: which channels are computed */
    int32_t wanted_count;
    int32_t picture, pictures, image_index; /* for progress and for the random key */
} axm_maximize_target;

typedef struct axm_maximize_outcome {
    float *pixels; /* height*width*channels, 0..255; axm_free with the runner's allocator */
    int32_t height, width, channels;
    double start, end, saved; /* the objective of the start image, of the picture, and of it rounded to 8 bits */
    double end_untransformed_loss;
    int64_t steps;
    double seconds;
    int32_t note; /* 0 or ACTMAX_NOTE_... */
    uint64_t seed_used;
} axm_maximize_outcome;

int32_t axm_maximize(axm_runner *runner, const axm_input *input, const axm_maximize_target *target,
                     const axm_maximize_settings *settings, axm_maximize_outcome *out);

#endif
