/* What a run did, counted for tests: a change that makes it do more work shows here on any machine. */
#ifndef AXM_KERNELS_COUNTERS_H
#define AXM_KERNELS_COUNTERS_H

#include <stdint.h>

typedef enum axm_counted {
    AXM_COUNT_CONV_GEMM, /* convolutions in the order of axm_conv_algorithm */
    AXM_COUNT_CONV_DOT,
    AXM_COUNT_CONV_DEPTHWISE,
    AXM_COUNT_CONV_WINOGRAD,
    AXM_COUNT_CONV_COL2IM,
    AXM_COUNT_CONV_LINE,
    AXM_COUNT_CONV_STRIDE,
    AXM_COUNT_DENSE,
    AXM_COUNT_TRANSPOSE,
    AXM_COUNT_KINDS
} axm_counted;

typedef struct axm_counters {
    int64_t calls[AXM_COUNT_KINDS];
    int64_t weight_bytes; /* packed weights that convolutions read */
    int64_t moved_bytes;  /* activations and gradients that the steps of a plan read and write */
} axm_counters;

#endif
