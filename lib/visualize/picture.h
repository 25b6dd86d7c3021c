/* One picture under optimisation: its parameters, the optimizer's state, what the network sees of it, and the best so far. The
 * network itself is run by the loop in between. */
#ifndef AXM_VISUALIZE_PICTURE_H
#define AXM_VISUALIZE_PICTURE_H

#include "visualize/maximize.h"
#include "visualize/parameters.h"

typedef struct axm_picture {
    const axm_maximize_settings *settings;
    const axm_input *input;
    axm_extent extent;
    axm_rng_key key; /* seed and image; the step is set by each look */
    axm_parameters parameters;
    /* One picture each, in working units: as rendered; on its way through transforms; gradient of the loss; best so far; spare. */
    float *x, *front, *back, *g, *best, *spare;
    float *shown;            /* x in pixels, for callbacks */
    float *g_values, *state; /* parameters' gradient, optimizer's state */
    double drawn[AXM_MAXIMIZE_PARTS][8];
    int64_t scale_step;                               /* counts from 1 in each scale */
    double objective, loss, lp_norm, total_variation; /* of the last step */
    double best_loss;
    bool have_best, have_new_best; /* new: found in this step */
    bool zero;                     /* the target's gradient was zero in the last step */
} axm_picture;

int32_t axm_picture_allocate(axm_picture *p, axm_allocator *allocator, axm_extent most);
void axm_picture_release(axm_picture *p, axm_allocator *allocator);

/* x: the start image at p->extent, drawn by chance, or the one that the settings have. */
void axm_picture_draw(axm_picture *p);
int32_t axm_picture_take(axm_picture *p, axm_allocator *allocator);
/* Parameters from x, and a fresh optimizer. */
void axm_picture_begin(axm_picture *p);
/* Renders x; transforms that stay are applied to it first. front: what the network is to see of it in this step. */
void axm_picture_look(axm_picture *p, int64_t step);
/* After the network ran: front holds the gradient of minus the objective with respect to what it saw; g becomes the loss's. */
void axm_picture_pull(axm_picture *p, double objective);
/* The optimizer's step. */
void axm_picture_update(axm_picture *p);
/* Before and after the update: keeps x when its loss is the lowest. */
void axm_picture_keep(axm_picture *p, bool after);
/* x becomes the picture at another extent. */
int32_t axm_picture_enlarge(axm_picture *p, axm_allocator *allocator, axm_extent to);

size_t axm_extent_values(axm_extent extent);

#endif
