/* Ceilings on what a file or a caller can make the library do. All finite by default; see limits in options.def. */
#ifndef AXM_BASE_LIMITS_H
#define AXM_BASE_LIMITS_H

#include <stdint.h>

typedef struct axm_limits {
    int64_t file_bytes;      /* one model file, external data apart */
    int64_t tensor_elements; /* one tensor, weight or activation */
    int64_t nodes;           /* nodes of a graph */
    int64_t nesting;         /* depth of messages in a file */
    int64_t planned_bytes;   /* one plan's arena, and a model's packed weights */
    int64_t image_pixels;    /* width * height of one image */
    int64_t image_side;      /* width or height of one image */
} axm_limits;

#define AXM_MAX_RANK 8

axm_limits axm_limits_default(void);

#endif
