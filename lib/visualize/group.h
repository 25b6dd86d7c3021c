/* Inside of the maximisation: the pictures that are made side by side. */
#ifndef AXM_VISUALIZE_GROUP_H
#define AXM_VISUALIZE_GROUP_H

#include "visualize/batch.h"
#include "visualize/picture.h"

typedef struct axm_member {
    axm_picture picture;
    struct actmax_progress progress;
    int32_t index, scale;
    double start; /* the objective of its start image */
    double seen;  /* the objective of what the network saw last */
    bool dead;    /* it reacted to nothing in its first scale */
    bool silent;  /* nor to anything in this scale so far */
    bool leaves;  /* takes no part in further steps of this scale */
    bool dropped;
    bool finite; /* what the last step gave */
    int32_t note;
} axm_member;

/* Some of a group's members, in their order. */
typedef struct axm_members {
    axm_member **at;
    int32_t count;
} axm_members;

typedef struct axm_group {
    axm_batch batch;
    const axm_maximize_settings *settings;
    axm_extent extent[AXM_SCALES_MOST];
    int32_t scales, count;
    axm_member *members;
    axm_batch_item *items;      /* [count] */
    axm_members all, run, step; /* those that are there, in this run, in its next step */
    double started;
} axm_group;

/* Calls `work` for each, at once where there are several: it must not allocate. */
void axm_group_each(axm_group *group, const axm_members *members, void (*work)(axm_group *group, axm_member *member));
/* A buffer of each one's picture goes through the network, and `seen` is set; with a gradient, the buffer becomes that of the
 * target's part of the loss. */
typedef enum axm_seen { AXM_SEEN_FRONT, AXM_SEEN_X, AXM_SEEN_SPARE } axm_seen;
void axm_group_evaluate(axm_group *group, const axm_members *members, axm_units units, axm_seen buffer, bool gradient);
/* Takes a member's picture from the scale it is at to another one. */
int32_t axm_group_change_scale(axm_group *group, axm_member *member, int32_t to);
/* Fails, with the layer in which x, the member's picture in working units, leads to what is not finite. */
int32_t axm_group_not_finite(axm_group *group, axm_member *member, float *x);

/* Scores and notes of what came out, for all members; the worst note. */
int32_t axm_group_finish(axm_group *group, axm_maximize_outcome *out);

#endif
