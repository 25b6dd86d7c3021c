/* Where the network looks: Grad-CAM and saliency maps. */
#ifndef AXM_VISUALIZE_CAM_H
#define AXM_VISUALIZE_CAM_H

#include "image/image.h"
#include "network/runner.h"
#include "visualize/gradient.h"
#include "visualize/input.h"

typedef enum axm_map_scaling { AXM_MAP_MINMAX, AXM_MAP_MAX, AXM_MAP_NONE } axm_map_scaling;

typedef struct axm_map_request {
    const float *network; /* the image as the network's input, height*width*channels */
    int32_t height, width;
    int32_t target, target_axis; /* the value that holds the score, and its channel axis */
    int32_t filter;              /* -1: the channel with the highest score */
    int32_t cam, cam_axis;       /* Grad-CAM's layer (value and channel axis) */
    axm_relu_rule rule;
    axm_interpolation resize;
    axm_map_scaling scaling;
    double epsilon;                    /* added to the range that the map is divided by */
    bool max_gradient;                 /* Grad-CAM: the gradient is divided by its signed maximum + 1e-7 */
    axm_gradient_modifier modifier;    /* of the gradient, before all else */
    int32_t photo_height, photo_width; /* the map is brought to the size of the picture that was given */
    int32_t region[4];                 /* x, y, width, height of what the network saw of it; zeros elsewhere */
} axm_map_request;

typedef struct axm_map {
    float *map; /* photo_height * photo_width; axm_free with the runner's allocator, like raw */
    float *raw; /* Grad-CAM: raw_height*raw_width, signed; saliency: the gradient, times raw_channels */
    int32_t raw_height, raw_width, raw_channels;
    int32_t filter;
    double score;
    int32_t modified, left; /* activations on the way that the ReLU rule acted on, and others */
    int32_t note;
} axm_map;

/* Selvaraju et al. 2017: weights are the mean over space of the score's gradient at the layer; raw = sum over channels of weight
 * times activation; map = max(raw, 0), enlarged, scaled. */
int32_t axm_grad_cam(axm_runner *runner, const axm_input *input, const axm_map_request *request, axm_map *out);
/* Simonyan et al. 2013: the largest gradient over the channels of each pixel, of absolute values when that is the modifier. */
int32_t axm_saliency(axm_runner *runner, const axm_input *input, const axm_map_request *request, axm_map *out);

#endif
