/* The session handle's body, and what its functions share. */
#ifndef AXM_API_SESSION_H
#define AXM_API_SESSION_H

#include "api/model.h"
#include "api/recipe.h"
#include "api/result.h"
#include "base/text.h"
#include "network/runner.h"

struct actmax_session {
    axm_allocator *allocator;
    const struct actmax_model *model;
    axm_runner runner;
};

/* A layer index of the API as a target: its value after bypassing, its channel axis, and what was bypassed as a line of notes. */
int32_t axm_session_target(const struct actmax_session *session, int32_t layer, const struct actmax_recipe *recipe, axm_target *out,
                           int32_t *channel_axis, axm_text *notes);
/* The picture as the network's input at its default size; the caller frees it. */
int32_t axm_session_input(struct actmax_session *session, const struct actmax_image *image, float **out);
/* A plan for one forward at the default size that keeps these values readable. */
int32_t axm_session_forward_plan(struct actmax_session *session, const int32_t *observe, int32_t count, axm_plan **out);
/* Puts a picture through such a plan. */
int32_t axm_session_forward(struct actmax_session *session, const struct actmax_image *image, const int32_t *observe, int32_t count,
                            axm_plan **out);
void axm_session_size(const struct actmax_session *session, int32_t *height, int32_t *width);
/* A value of `plan` in file order, as a new array of the result. */
int32_t axm_session_add_value(struct actmax_session *session, struct actmax_result *result, const char *name, const axm_plan *plan,
                              int32_t value);

#endif
