/* Activation maximisation: the loop from a start image to a picture that excites the target. */
#ifndef AXM_VISUALIZE_MAXIMIZE_H
#define AXM_VISUALIZE_MAXIMIZE_H

#include "network/runner.h"
#include "optimizers/optimizer.h"
#include "visualize/enlarge.h"
#include "visualize/gradient.h"
#include "visualize/progress.h"
#include "visualize/regularizer.h"
#include "visualize/units.h"

#define AXM_MAXIMIZE_PARTS 16

typedef enum axm_start { AXM_START_NOISE, AXM_START_GREY, AXM_START_STANDARDISED, AXM_START_LEVELS } axm_start;
typedef enum axm_keep { AXM_KEEP_LAST, AXM_KEEP_BEST, AXM_KEEP_BEST_UPDATED } axm_keep;

typedef struct axm_transform {
    const axm_modifier *modifier;
    double values[4];
    bool kept; /* the picture itself is transformed, and stays so */
} axm_transform;

typedef struct axm_penalty {
    const axm_regularizer *regularizer;
    axm_penalty_settings settings;
} axm_penalty;

#define AXM_SCALES_MOST 64

typedef struct axm_maximize_settings {
    int32_t height, width; /* of the final picture */
    uint64_t seed;
    axm_units units;
    axm_start start;
    double start_mean, start_range;
    const float *start_x; /* in working units, start_height*start_width*channels, or NULL */
    int32_t start_height, start_width;
    bool clip, pyramid;
    axm_keep keep;
    double contrast; /* of the pyramid; see parameters.h */
    int64_t steps;
    double late_steps; /* factor on the steps of scales past half of them */
    double time_limit;
    axm_scale_rule scale_rule;
    bool last_scale; /* is optimised too, not only enlarged to */
    axm_enlarging enlarging;
    double scale_blur;
    int32_t scale_box;
    axm_display display;
    axm_gradient_scaling gradient;
    double gradient_epsilon;
    bool scale_total; /* gradient scaling is of the sum with regularisers */
    axm_gradient_modifier gradient_modifier;
    double target_weight;
    bool drops;
    double drop_below; /* drops: activations at or below it end the run */
    int32_t dead_tries;
    int32_t border;
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
    int32_t picture, pictures, image_index; /* for progress (from 1) and for the random key */
} axm_maximize_target;

typedef struct axm_maximize_outcome {
    float *network; /* the network's input, height*width*channels; axm_free with the runner's allocator */
    float *shown;   /* the saved picture's levels, whole numbers 0..255; likewise */
    int32_t height, width, channels;
    int32_t shown_height, shown_width;
    double start, end, saved; /* the objective of the start image, of the picture, and of the saved one */
    double last;              /* of the picture as the last step saw it */
    int64_t steps;
    double seconds;
    int32_t note;   /* 0 or ACTMAX_NOTE_... */
    char said[320]; /* of the note, a line */
    uint64_t seed_used;
} axm_maximize_outcome;

/* How many of `pictures` pictures like this one are best made side by side, and whether in one plan for all. */
int32_t axm_maximize_side_by_side(axm_runner *runner, const axm_input *input, const axm_maximize_target *target,
                                  const axm_maximize_settings *settings, int32_t pictures, int32_t *count, bool *together);
/* Pictures of `count` targets of one layer, step by step side by side: each is the one that it is alone. The status is the worst
 * note; on failure no outcome is set. */
int32_t axm_maximize(axm_runner *runner, const axm_input *input, const axm_maximize_target *targets, int32_t count, bool together,
                     const axm_maximize_settings *settings, axm_maximize_outcome *out);

#endif
