/* A picture for each of many filters, several side by side: actmax_session_maximize_each, and what a contact sheet is made by. */
#include "api/maximize_each.h"

#include <string.h>

#include "base/status.h"

int32_t axm_maximize_each_prepare(axm_maximize_each *e, int32_t filter, int32_t count)
{
    struct actmax_session *session = e->call.session;
    axm_maximize_target target = axm_maximize_call_target(&e->call, &filter, 1, &filter, 1, count);
    e->count = count;
    int32_t status = axm_maximize_side_by_side(&session->runner, &session->model->input, &target, &e->call.settings, count,
                                               &e->side_by_side, &e->together);
    if (status < 0) return status;
    size_t most = (size_t)e->side_by_side;
    e->targets = axm_calloc_array(session->allocator, most, sizeof *e->targets);
    e->outcomes = axm_calloc_array(session->allocator, most, sizeof *e->outcomes);
    e->wanted = axm_alloc_array(session->allocator, most, sizeof *e->wanted);
    return e->targets && e->outcomes && e->wanted ? ACTMAX_OK : ACTMAX_ERROR_NO_MEMORY;
}

int32_t axm_maximize_each_run(axm_maximize_each *e, const int32_t *filters, int32_t first, int32_t count,
                              struct actmax_result **out)
{
    struct actmax_session *session = e->call.session;
    for (int32_t i = 0; i < count; ++i)
        e->targets[i] = axm_maximize_call_target(&e->call, &filters[i], 1, &e->wanted[i], first + i + 1, e->count);
    memset(e->outcomes, 0, (size_t)count * sizeof *e->outcomes);
    memset(out, 0, (size_t)count * sizeof(struct actmax_result *));
    int32_t status =
        axm_maximize(&session->runner, &session->model->input, e->targets, count, e->together, &e->call.settings, e->outcomes);
    for (int32_t i = 0; i < count; ++i) {
        axm_maximize_outcome *outcome = &e->outcomes[i];
        e->stopped = e->stopped || outcome->note == ACTMAX_NOTE_STOPPED;
        int32_t made = status < 0 ? ACTMAX_OK : axm_maximize_call_result(&e->call, outcome, &filters[i], 1, &out[i]);
        if (made < 0) status = made;
        axm_free(session->allocator, outcome->network);
        axm_free(session->allocator, outcome->shown);
    }
    for (int32_t i = 0; i < count && status < 0; ++i) {
        actmax_result_free(out[i]);
        out[i] = NULL;
    }
    return status;
}

void axm_maximize_each_release(axm_maximize_each *e)
{
    if (!e->call.session) return;
    axm_allocator *allocator = e->call.session->allocator;
    axm_free(allocator, e->targets);
    axm_free(allocator, e->outcomes);
    axm_free(allocator, e->wanted);
    axm_maximize_call_release(&e->call);
}

int32_t actmax_session_maximize_each(actmax_session *session, int32_t layer, const int32_t *filters, size_t filter_count,
                                     const actmax_recipe *recipe, actmax_result **out)
{
    if (!session || !out || !filter_count)
        return axm_fail(ACTMAX_ERROR_INVALID, "actmax_session_maximize_each: session or out is NULL, or there are no filters");
    axm_maximize_each e = {.count = 0};
    struct actmax_result **made = NULL;
    axm_message_clear();
    int32_t status = axm_maximize_call_prepare(&e.call, session, layer, filters, filter_count, recipe), worst = ACTMAX_OK;
    if (status >= 0) status = axm_maximize_each_prepare(&e, filters[0], (int32_t)filter_count);
    if (status >= 0 && !(made = axm_calloc_array(session->allocator, filter_count, sizeof(struct actmax_result *))))
        status = ACTMAX_ERROR_NO_MEMORY;
    for (int32_t first = 0; status >= 0 && first < e.count; first += e.side_by_side) {
        int32_t left = e.count - first;
        status = axm_maximize_each_run(&e, filters + first, first, left < e.side_by_side ? left : e.side_by_side, made + first);
        if (status > worst) worst = status;
        /* The caller's stop ends the remaining pictures too, after a first step each; the time limit is for each picture. */
        if (e.stopped) e.call.settings.steps = 1;
    }
    if (status >= 0 && e.stopped)
        worst = axm_fail(ACTMAX_NOTE_STOPPED, "stopped by the caller; pictures after that have one step only at each size");
    for (size_t i = 0; made && i < filter_count; ++i) {
        if (status >= 0)
            out[i] = made[i];
        else
            actmax_result_free(made[i]);
    }
    axm_free(session->allocator, made);
    axm_maximize_each_release(&e);
    return status < 0 ? status : worst;
}
