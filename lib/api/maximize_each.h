/* Pictures of many filters, each of its own filter alone, so many side by side as is fast and fits into memory. */
#ifndef AXM_API_MAXIMIZE_EACH_H
#define AXM_API_MAXIMIZE_EACH_H

#include "api/maximize_call.h"

typedef struct axm_maximize_each {
    axm_maximize_call call;         /* prepared by the caller */
    int32_t count;                  /* of pictures in the whole call */
    int32_t side_by_side;           /* so many at most in one run */
    bool together;                  /* in one plan */
    bool stopped;                   /* by the caller's callback, in a run so far */
    axm_maximize_target *targets;   /* [side_by_side] */
    axm_maximize_outcome *outcomes; /* [side_by_side] */
    int32_t *wanted;                /* [side_by_side] */
} axm_maximize_each;

/* `e` is zeroed but for `call`; any one of the filters. To be released whether this fails or not. */
int32_t axm_maximize_each_prepare(axm_maximize_each *e, int32_t filter, int32_t count);
/* Pictures [first, first + count) of the call: the worst note and a result for each; or a failure and none. */
int32_t axm_maximize_each_run(axm_maximize_each *e, const int32_t *filters, int32_t first, int32_t count,
                              struct actmax_result **out);
void axm_maximize_each_release(axm_maximize_each *e);

#endif
