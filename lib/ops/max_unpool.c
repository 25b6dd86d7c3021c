/* MaxPoolIndices: where in X (all axes flattened, in the file's order) each window of MaxPool has its largest element, the first in
 * row-major order of equals; no gradient. MaxUnpool: zeros, with X at the places that such indices say. Both in file order. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/window.h"

#define MOST_INDEX ((int64_t)1 << 24) /* whole numbers are exact in float up to here */

typedef struct unpool_params {
    axm_window_params window;
    bool columns_first; /* the two last axes are counted the other way round */
} unpool_params;

static int32_t check_count(const char *op, const axm_shape *shape)
{
    char text[AXM_SHAPE_TEXT];
    int64_t count; /* checked: MaxUnpool computes this shape from attributes */
    if (axm_shape_count_checked(shape, MOST_INDEX, &count)) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_LIMIT, "%s counts the elements of %s; actmax does up to %lld; use a smaller input size", op,
                    axm_shape_text(shape, text), (long long)MOST_INDEX);
}

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    unpool_params *p = params;
    int64_t order;
    (void)arena;
    int32_t status = axm_window_parse(attributes, &p->window);
    if (status >= 0) status = axm_attribute_int(attributes, "storage_order", 0, &order);
    if (status < 0) return status;
    if (order != 0 && order != 1) return axm_fail(ACTMAX_ERROR_FORMAT, "MaxPool has a storage_order of %lld", (long long)order);
    p->columns_first = order == 1;
    if (!p->window.has_kernel) return axm_fail(ACTMAX_ERROR_FORMAT, "it lacks its attribute kernel_shape; the file is damaged");
    return ACTMAX_OK;
}

/* ---- MaxPoolIndices ---- */

typedef struct indices_state {
    axm_window window;
    bool columns_first;
} indices_state;

static int32_t infer_indices(const axm_infer *infer)
{
    const unpool_params *p = infer->params;
    const axm_shape *x = &infer->inputs[0]->shape;
    axm_window window;
    int32_t status = axm_window_fit("MaxPool", &p->window, x, NULL, &window);
    if (status >= 0) status = axm_window_check_pool("MaxPool", &window);
    if (status >= 0) status = check_count("MaxPool", x);
    if (status < 0) return status;
    axm_shape y = axm_window_output(&window, x, window.channels);
    return axm_op_output(infer, "MaxPool", 0, &y);
}

static int32_t prepare_indices(axm_prepare *prepare)
{
    const unpool_params *p = prepare->step->params;
    indices_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = s;
    s->columns_first = p->columns_first && prepare->step->inputs[0]->shape.rank > 3;
    return axm_window_fit("MaxPool", &p->window, &prepare->step->inputs[0]->shape, NULL, &s->window);
}

/* The place of the largest element in one window of one plane (or volume) of X. The slots are height, width, depth. */
static int64_t best_place(const axm_window *w, bool columns_first, const float *x, const int64_t out[AXM_WINDOW_AXES])
{
    int64_t best = -1, found = 0;
    for (int64_t d = 0; d < w->kernel[2]; ++d)
        for (int64_t h = 0; h < w->kernel[0]; ++h)
            for (int64_t c = 0; c < w->kernel[1]; ++c) {
                int64_t z = out[2] * w->stride[2] - w->begin[2] + d * w->dilation[2];
                int64_t row = out[0] * w->stride[0] - w->begin[0] + h * w->dilation[0];
                int64_t column = out[1] * w->stride[1] - w->begin[1] + c * w->dilation[1];
                if (z < 0 || z >= w->in[2] || row < 0 || row >= w->in[0] || column < 0 || column >= w->in[1]) continue;
                int64_t at = (z * w->in[0] + row) * w->in[1] + column;
                if (best >= 0 && !(x[at] > x[best])) continue;
                best = at;
                found = columns_first ? (z * w->in[1] + column) * w->in[0] + row : at;
            }
    return found;
}

static void forward_indices(const axm_step *step, const axm_exec *exec)
{
    const indices_state *s = step->state;
    const axm_window *w = &s->window;
    int64_t inside = w->in[0] * w->in[1] * w->in[2], out[AXM_WINDOW_AXES];
    float *y = step->outputs[0]->data;
    (void)exec;
    for (int64_t plane = 0; plane < w->batch * w->channels; ++plane)
        for (out[2] = 0; out[2] < w->out[2]; ++out[2])
            for (out[0] = 0; out[0] < w->out[0]; ++out[0])
                for (out[1] = 0; out[1] < w->out[1]; ++out[1])
                    *y++ = (float)(plane * inside + best_place(w, s->columns_first, step->inputs[0]->data + plane * inside, out));
}

/* A place has no slope. */
static void no_gradient(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const axm_tensor *x = step->inputs[input];
    (void)exec;
    if (!accumulate) memset(x->grad, 0, (size_t)axm_shape_count(&x->shape) * sizeof *x->grad);
}

const axm_op axm_op_MaxPoolIndices = {.name = "MaxPoolIndices",
                                      .min_inputs = 1,
                                      .max_inputs = 1,
                                      .outputs = 1,
                                      .flags = AXM_OP_SPATIAL,
                                      .params_size = sizeof(unpool_params),
                                      .parse = parse,
                                      .infer = infer_indices,
                                      .layout = axm_layout_file,
                                      .prepare = prepare_indices,
                                      .forward = forward_indices,
                                      .backward = no_gradient};

/* ---- MaxUnpool ---- */

/* The shape that the window undoes, which the indices count in. */
static int32_t counted_shape(const unpool_params *p, const axm_shape *x, axm_shape *out)
{
    char text[AXM_SHAPE_TEXT];
    int32_t spatial = x->rank - 2;
    AXM_OP_CHECK(spatial >= 1 && spatial <= AXM_WINDOW_AXES && p->window.spatial == spatial,
                 "MaxUnpool has attributes for %d spatial axes, but its input is %s", (int)p->window.spatial,
                 axm_shape_text(x, text));
    *out = *x;
    for (int32_t i = 0; i < spatial; ++i) {
        int32_t slot = spatial == 3 ? (i == 0 ? 2 : i - 1) : 2 - spatial + i;
        const axm_window_params *w = &p->window;
        out->dim[2 + i] = (x->dim[2 + i] - 1) * w->stride[slot] + w->kernel[slot] - w->begin[slot] - w->end[slot];
        AXM_OP_CHECK(out->dim[2 + i] >= 1, "MaxUnpool of %s leaves nothing of axis %d", axm_shape_text(x, text), (int)(2 + i));
    }
    return check_count("MaxUnpool", out);
}

static int32_t output_shape(const axm_infer *infer, const axm_shape *counted, axm_shape *out)
{
    axm_int_list list;
    char text[AXM_SHAPE_TEXT], got[AXM_SHAPE_TEXT];
    int32_t status = axm_op_list("MaxUnpool", "output_shape", axm_op_input(infer->inputs, infer->input_count, 2), NULL, &list);
    if (status < 0) return status;
    *out = *counted;
    if (!list.given) return ACTMAX_OK;
    bool fits = list.count == counted->rank;
    for (int32_t i = 0; fits && i < list.count; ++i) {
        out->dim[i] = list.value[i];
        fits = i < 2 ? list.value[i] == counted->dim[i] : list.value[i] >= counted->dim[i];
    }
    AXM_OP_CHECK(fits, "MaxUnpool cannot give the output_shape %s where its window gives %s", axm_op_list_text(&list, got),
                 axm_shape_text(counted, text));
    return ACTMAX_OK;
}

static int32_t infer_unpool(const axm_infer *infer)
{
    const axm_tensor *x = axm_op_input(infer->inputs, infer->input_count, 0),
                     *places = axm_op_input(infer->inputs, infer->input_count, 1);
    char text[AXM_SHAPE_TEXT], got[AXM_SHAPE_TEXT];
    axm_shape counted, y;
    AXM_OP_CHECK(x && places, "MaxUnpool lacks an input");
    AXM_OP_CHECK(axm_shape_equal(&x->shape, &places->shape), "MaxUnpool needs an index for each element of %s, got %s",
                 axm_shape_text(&x->shape, text), axm_shape_text(&places->shape, got));
    int32_t status = counted_shape(infer->params, &x->shape, &counted);
    if (status >= 0) status = output_shape(infer, &counted, &y);
    return status < 0 ? status : axm_op_output(infer, "MaxUnpool", 0, &y);
}

typedef struct unpool_state {
    axm_shape counted;
    const float *places; /* NULL: computed */
} unpool_state;

static int32_t prepare_unpool(axm_prepare *prepare)
{
    const axm_step *step = prepare->step;
    unpool_state *s = axm_prepare_memory(prepare, sizeof *s);
    size_t count = (size_t)axm_shape_count(&step->inputs[1]->shape), bytes;
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    prepare->step->state = s;
    if (!axm_mul_size(axm_op_output_count(step), sizeof(int32_t), &bytes)) return axm_no_memory(UINT64_MAX, "MaxUnpool");
    axm_prepare_saved(prepare, bytes); /* which element of X each one of Y is */
    int32_t status = counted_shape(step->params, &step->inputs[0]->shape, &s->counted);
    if (status < 0 || !step->inputs[1]->constant) return status;
    if (!axm_mul_size(count, sizeof(float), &bytes)) return axm_no_memory(UINT64_MAX, "MaxUnpool");
    float *places = axm_prepare_memory(prepare, bytes);
    if (!places) return ACTMAX_ERROR_NO_MEMORY;
    for (size_t i = 0; i < count; ++i)
        places[i] = (float)axm_constant_number(step->inputs[1]->constant, (int64_t)i);
    s->places = places;
    return ACTMAX_OK;
}

/* The element of Y that a place of the counted shape is; -1 when it is none. */
static int64_t element_of(const axm_shape *counted, const axm_shape *y, float place)
{
    if (!(place >= 0.0f && place < (float)axm_shape_count(counted))) return -1;
    int64_t left = (int64_t)place, element = 0, stride = 1;
    for (int32_t i = y->rank - 1; i >= 0; --i) {
        element += left % counted->dim[i] * stride;
        left /= counted->dim[i];
        stride *= y->dim[i];
    }
    return element;
}

static const float *places_of(const axm_step *step)
{
    const unpool_state *s = step->state;
    return s->places ? s->places : step->inputs[1]->data;
}

static void forward_unpool(const axm_step *step, const axm_exec *exec)
{
    const unpool_state *s = step->state;
    const axm_tensor *x = step->inputs[0], *y = step->outputs[0];
    const float *places = places_of(step);
    int32_t *taken = step->saved;
    (void)exec;
    memset(y->data, 0, (size_t)axm_shape_count(&y->shape) * sizeof *y->data);
    for (int64_t i = 0; i < axm_shape_count(&x->shape); ++i) {
        int64_t at = element_of(&s->counted, &y->shape, places[i]);
        if (at < 0) continue;
        y->data[at] = x->data[i];
        if (taken) taken[at] = (int32_t)i;
    }
}

/* Where several elements have one place, the last one is what Y holds. */
static void backward_unpool(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const unpool_state *s = step->state;
    const axm_tensor *x = step->inputs[0], *y = step->outputs[0];
    const float *places = places_of(step);
    const int32_t *taken = step->saved;
    if (input != 0) {
        no_gradient(step, exec, input, accumulate);
        return;
    }
    for (int64_t i = 0; i < axm_shape_count(&x->shape); ++i) {
        int64_t at = element_of(&s->counted, &y->shape, places[i]);
        float dy = at >= 0 && taken[at] == i ? y->grad[at] : 0.0f;
        x->grad[i] = accumulate ? x->grad[i] + dy : dy;
    }
}

const axm_op axm_op_MaxUnpool = {.name = "MaxUnpool",
                                 .min_inputs = 2,
                                 .max_inputs = 3,
                                 .outputs = 1,
                                 .flags = AXM_OP_READS_INPUTS | AXM_OP_SPATIAL,
                                 .params_size = sizeof(unpool_params),
                                 .parse = parse,
                                 .infer = infer_unpool,
                                 .layout = axm_layout_file,
                                 .prepare = prepare_unpool,
                                 .forward = forward_unpool,
                                 .backward = backward_unpool};
