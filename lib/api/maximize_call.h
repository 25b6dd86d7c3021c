/* One call that makes pictures: what is read from the recipe once, and a result for each picture. */
#ifndef AXM_API_MAXIMIZE_CALL_H
#define AXM_API_MAXIMIZE_CALL_H

#include "api/session.h"
#include "visualize/maximize.h"

typedef struct axm_maximize_call {
    struct actmax_session *session; /* NULL: there is nothing to release */
    axm_maximize_settings settings;
    axm_target target;
    int32_t axis;
    float *start;
    int32_t *wanted; /* as many as there are filters */
    char note_buffer[600];
    axm_text notes;
} axm_maximize_call;

/* The settings that a recipe asks for; start_x is not set. */
int32_t axm_maximize_read(const struct actmax_session *session, const struct actmax_recipe *recipe, axm_maximize_settings *s);

/* `c` is zeroed; to be released whether this fails or not. */
int32_t axm_maximize_call_prepare(axm_maximize_call *c, struct actmax_session *session, int32_t layer, const int32_t *filters,
                                  size_t count, const struct actmax_recipe *recipe);
/* The sum of `filters`, as number `picture` of `pictures`. Both lists must outlive it; `wanted` is written. */
axm_maximize_target axm_maximize_call_target(const axm_maximize_call *c, const int32_t *filters, int32_t count, int32_t *wanted,
                                             int32_t picture, int32_t pictures);
/* Takes what the outcome holds, or leaves it there to be freed. */
int32_t axm_maximize_call_result(const axm_maximize_call *c, axm_maximize_outcome *outcome, const int32_t *filters, int32_t count,
                                 struct actmax_result **out);
void axm_maximize_call_release(axm_maximize_call *c);

#endif
