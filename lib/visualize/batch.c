/* Runs the network for several pictures. Each gets the bytes that it gets alone. */
#include "visualize/batch.h"

#include <string.h>

#include "base/status.h"

#define MOST_PICTURES 8
#define PLAN_BYTES    ((size_t)256 << 20) /* of working memory for several images; one image may take more */
#define PICTURE_BYTES ((size_t)64 << 20)  /* of all pictures side by side */
#define BUFFERS       16                  /* that a picture has, about */

/* ---- Plans ---- */

static bool slices(const axm_maximize_target *target)
{
    return target->filter_count > 0 && target->channel_axis == 1;
}

/* A plan for `images` pictures whose wanted channels lie one after the other. */
static int32_t make_plan(axm_runner *runner, const axm_input *input, const axm_maximize_target *target, axm_extent extent,
                         const int32_t *wanted, int32_t images, axm_plan **out)
{
    axm_plan_request request = {.image = input->value,
                                .image_shape = axm_input_shape(input, extent.height, extent.width),
                                .images = images,
                                .observe = &target->value,
                                .observe_count = 1,
                                .seeds = &target->value,
                                .seed_count = 1,
                                .wants = &input->value,
                                .want_count = 1,
                                .slice_value = slices(target) ? target->value : -1,
                                .slice_channels = wanted,
                                .slice_count = slices(target) ? target->wanted_count : 0};
    int32_t status = axm_runner_plan(runner, &request, out);
    if (status < 0) return status;
    const axm_tensor *tensor = axm_plan_find(*out, target->value);
    const axm_tensor *image = axm_plan_find(*out, input->value);
    if (!tensor || tensor->constant || !image || !image->grad)
        return axm_fail(ACTMAX_ERROR_INVALID, "the target does not depend on the image input; choose another layer");
    return ACTMAX_OK;
}

int32_t axm_batch_size(axm_runner *runner, const axm_input *input, const axm_maximize_target *target,
                       const axm_maximize_settings *settings, axm_extent most, int32_t pictures, int32_t *size, bool *together)
{
    axm_plan *plan;
    *size = 1;
    *together = false;
    if (pictures < 2 || settings->time_limit > 0.0) return ACTMAX_OK; /* each has that time for itself */
    int32_t side_by_side = pictures < MOST_PICTURES ? pictures : MOST_PICTURES;
    int32_t status = make_plan(runner, input, target, most, target->wanted, 1, &plan);
    if (status < 0) return status;
    *size = axm_plan_worthwhile_images(plan, side_by_side, PLAN_BYTES);
    *together = *size > 1;
    size_t each = (size_t)most.width * (size_t)most.height * (size_t)most.channels * BUFFERS * sizeof(float);
    if (!*together)
        for (*size = side_by_side; *size > 1 && each > PICTURE_BYTES / (size_t)*size;)
            --*size;
    int32_t rounds = (pictures + *size - 1) / *size;
    *size = (pictures + rounds - 1) / rounds;
    return ACTMAX_OK;
}

static const axm_plan *plan_of(const axm_batch *batch, int32_t member)
{
    return batch->plans[batch->together ? 0 : member];
}

static int32_t *positions_of(const axm_batch *batch, int32_t member)
{
    int32_t *at = batch->positions;
    for (int32_t m = 0; m < member; ++m)
        at += batch->targets[m].filter_count;
    return at;
}

static int32_t set_score(axm_batch *batch, int32_t member)
{
    const axm_maximize_target *t = &batch->targets[member];
    const axm_plan *plan = plan_of(batch, member);
    const axm_tensor *tensor = axm_plan_find(plan, t->value);
    axm_score *score = &batch->scores[member];
    int32_t *positions = positions_of(batch, member);
    for (int32_t k = 0; k < t->filter_count; ++k) {
        positions[k] = t->filters[k];
        for (int32_t u = 0; axm_plan_sliced(plan) && u < t->wanted_count; ++u)
            if (t->wanted[u] == t->filters[k]) positions[k] = u;
    }
    *score = (axm_score){.channel_axis = t->channel_axis,
                         .channels = t->filter_count ? positions : NULL,
                         .channel_count = t->filter_count,
                         .position = -1};
    int32_t status = axm_score_border(score, tensor, batch->settings->border);
    if (status < 0) return status;
    return axm_score_position(tensor, t->channel_axis, batch->settings->neuron_y, batch->settings->neuron_x, &score->position);
}

int32_t axm_batch_allocate(axm_batch *batch)
{
    axm_allocator *allocator = batch->runner->allocator;
    if (batch->count == 1) batch->together = true;
    size_t filters = 1, wanted = 1, count = (size_t)batch->count;
    for (int32_t m = 0; m < batch->count; ++m) {
        filters += (size_t)batch->targets[m].filter_count;
        wanted += (size_t)batch->targets[m].wanted_count;
    }
    batch->plans = axm_calloc_array(allocator, count, sizeof *batch->plans);
    batch->scores = axm_calloc_array(allocator, count, sizeof *batch->scores);
    batch->positions = axm_calloc_array(allocator, filters, sizeof *batch->positions);
    batch->wanted = axm_calloc_array(allocator, wanted, sizeof *batch->wanted);
    if (!batch->plans || !batch->scores || !batch->positions || !batch->wanted) return ACTMAX_ERROR_NO_MEMORY;
    int32_t *to = batch->wanted;
    for (int32_t m = 0; m < batch->count; ++m)
        for (int32_t u = 0; u < batch->targets[m].wanted_count; ++u)
            *to++ = batch->targets[m].wanted[u];
    return ACTMAX_OK;
}

void axm_batch_release(axm_batch *batch)
{
    axm_allocator *allocator = batch->runner->allocator;
    axm_free(allocator, batch->plans);
    axm_free(allocator, batch->scores);
    axm_free(allocator, batch->positions);
    axm_free(allocator, batch->wanted);
}

int32_t axm_batch_prepare(axm_batch *batch, axm_extent extent)
{
    const int32_t *wanted = batch->wanted;
    int32_t plans = batch->together ? 1 : batch->count, images = batch->together ? batch->count : 1, status;
    batch->extent = extent;
    for (int32_t m = 0; m < plans; ++m) {
        status = make_plan(batch->runner, batch->input, &batch->targets[m], extent, wanted, images, &batch->plans[m]);
        if (status < 0) return status;
        wanted += batch->targets[m].wanted_count;
    }
    for (int32_t m = 0; m < batch->count; ++m)
        if ((status = set_score(batch, m)) < 0) return status;
    return ACTMAX_OK;
}

/* ---- Runs ---- */

typedef struct run {
    axm_batch *batch;
    axm_batch_item *items;
    int32_t count;
    bool gradient; /* the loop is the one after the network */
} run;

static size_t pixels_of(const axm_batch *batch)
{
    return (size_t)batch->extent.width * (size_t)batch->extent.height;
}

/* Between the picture's units and the network's: in the plan's own tensor, or where plans take turns in the picture's spare. */
static void convert(void *context, size_t begin, size_t end, int32_t worker)
{
    const run *r = context;
    const axm_batch *b = r->batch;
    (void)worker;
    for (size_t i = begin; i < end; ++i) {
        axm_batch_item *item = &r->items[i];
        const axm_tensor *image = b->together ? axm_plan_find_image(b->plans[0], b->input->value, (int32_t)i) : NULL;
        if (r->gradient)
            axm_units_gradient(b->input, item->units, image ? image->grad : item->spare, pixels_of(b), item->x);
        else
            axm_units_to_network(b->input, item->units, item->x, pixels_of(b), image ? image->data : item->spare);
    }
}

static void convert_all(run *r, bool gradient)
{
    r->gradient = gradient;
    if (r->count == 1)
        convert(r, 0, 1, 0);
    else
        axm_parallel_for(r->batch->runner->pool, (size_t)r->count, 1, convert, r);
}

/* Binds the plan, which others may have run since; its images are those of the items. */
static axm_plan *take_plan(const axm_batch *b, int32_t plan, const axm_batch_item *items, int32_t count)
{
    int32_t members[MOST_PICTURES];
    for (int32_t i = 0; i < count; ++i)
        members[i] = b->together ? items[i].member : 0;
    axm_plan_bind(b->plans[plan], b->runner->arena);
    axm_plan_use_images(b->plans[plan], members, count);
    return b->plans[plan];
}

static void look(const axm_batch *b, axm_plan *plan, axm_batch_item *items, int32_t count, bool gradient)
{
    axm_plan_forward(plan, b->runner->pool);
    for (int32_t i = 0; i < count; ++i) {
        const axm_score *score = &b->scores[items[i].member];
        const axm_tensor *tensor = axm_plan_find_image(plan, b->targets[0].value, i);
        items[i].objective = axm_score_value(score, tensor);
        if (gradient) axm_score_seed(score, tensor, (float)-b->settings->target_weight);
    }
    if (gradient) axm_plan_backward(plan, b->runner->pool);
}

void axm_batch_run(axm_batch *batch, axm_batch_item *items, int32_t count, bool gradient)
{
    run r = {.batch = batch, .items = items, .count = count};
    if (batch->together) {
        axm_plan *plan = take_plan(batch, 0, items, count);
        convert_all(&r, false);
        look(batch, plan, items, count, gradient);
    } else {
        size_t bytes = pixels_of(batch) * (size_t)batch->extent.channels * sizeof(float);
        convert_all(&r, false);
        for (int32_t i = 0; i < count; ++i) {
            axm_plan *plan = take_plan(batch, items[i].member, &items[i], 1);
            const axm_tensor *image = axm_plan_find(plan, batch->input->value);
            memcpy(image->data, items[i].spare, bytes);
            look(batch, plan, &items[i], 1, gradient);
            if (gradient) memcpy(items[i].spare, image->grad, bytes);
        }
    }
    if (gradient) convert_all(&r, true);
}

const char *axm_batch_find_nonfinite(axm_batch *batch, const axm_batch_item *item)
{
    axm_plan *plan = take_plan(batch, batch->together ? 0 : item->member, item, 1);
    const axm_tensor *image = axm_plan_find(plan, batch->input->value);
    axm_units_to_network(batch->input, item->units, item->x, pixels_of(batch), image->data);
    return axm_plan_find_nonfinite(plan, batch->runner->pool);
}
