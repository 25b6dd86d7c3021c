/* Padding and cropping. Forward visits rows (runs of the last axis) of the output; backward visits rows of the input and
 * gathers all that was read from them, so that no two workers write the same place. */
#include <string.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct pad_axis {
    int64_t in, out, begin;
} pad_axis;

typedef struct pad_task {
    axm_pad_mode mode;
    float value;
    int32_t rank;
    pad_axis axes[AXM_KERNEL_RANK];
    const float *source; /* x or dy */
    float *target;       /* y or dx */
    bool accumulate;
} pad_task;

static inline int64_t modulo(int64_t a, int64_t n)
{
    int64_t r = a % n;
    return r < 0 ? r + n : r;
}

/* The input position that output position `o` shows, or -1 for the constant. */
static inline int64_t input_of(axm_pad_mode mode, const pad_axis *axis, int64_t o)
{
    int64_t i = o - axis->begin, last = axis->in - 1;
    if (i >= 0 && i <= last) return i;
    if (mode == AXM_PAD_CONSTANT) return -1;
    if (mode == AXM_PAD_EDGE || last == 0) return i < 0 ? 0 : last;
    if (mode == AXM_PAD_WRAP) return modulo(i, axis->in);
    i = modulo(i, 2 * last);
    return i <= last ? i : 2 * last - i;
}

/* The first output position from `from` on that is congruent to `position` modulo `period`. */
static inline int64_t next_of(int64_t position, int64_t period, int64_t from)
{
    return from + modulo(position - from, period);
}

/* The first output position from `from` on that shows input position `i`, or the end of the axis. */
static inline int64_t output_of(axm_pad_mode mode, const pad_axis *axis, int64_t i, int64_t from)
{
    int64_t o = i + axis->begin, last = axis->in - 1, next = axis->out;
    if (mode == AXM_PAD_CONSTANT) {
        next = o >= from ? o : axis->out;
    } else if (mode == AXM_PAD_EDGE || last == 0) {
        if (i == last && from >= o)
            next = from; /* from here on all */
        else if (i == 0 && from <= o)
            next = from; /* up to here all */
        else if (o >= from)
            next = o;
    } else if (mode == AXM_PAD_WRAP) {
        next = next_of(o, axis->in, from);
    } else {
        next = axm_min_i64(next_of(o, 2 * last, from), next_of(axis->begin - i, 2 * last, from));
    }
    return axm_min_i64(next, axis->out);
}

/* ---- Forward ---- */

/* The offset of the input row that output row `row` shows, or -1. */
static int64_t input_row(const pad_task *task, size_t row)
{
    int64_t offset = 0, stride = task->axes[task->rank - 1].in;
    for (int32_t k = task->rank - 2; k >= 0; k--) {
        const pad_axis *axis = &task->axes[k];
        int64_t i = input_of(task->mode, axis, (int64_t)(row % (size_t)axis->out));
        row /= (size_t)axis->out;
        if (i < 0) return -1;
        offset += i * stride;
        stride *= axis->in;
    }
    return offset;
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const pad_task *task = context;
    const pad_axis *last = &task->axes[task->rank - 1];
    int64_t first = axm_min_i64(axm_max_i64(last->begin, 0), last->out);               /* outputs [first, stop) are the */
    int64_t stop = axm_max_i64(axm_min_i64(last->begin + last->in, last->out), first); /* inputs themselves */
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        float *y = task->target + (int64_t)row * last->out;
        int64_t offset = input_row(task, row);
        if (offset < 0) {
            for (int64_t o = 0; o < last->out; o++)
                y[o] = task->value;
            continue;
        }
        const float *x = task->source + offset;
        for (int64_t o = 0; o < last->out; o++) {
            if (o == first && stop > first) {
                memcpy(y + first, x + (first - last->begin), (size_t)(stop - first) * sizeof *y);
                o = stop - 1;
                continue;
            }
            int64_t i = input_of(task->mode, last, o);
            y[o] = i < 0 ? task->value : x[i];
        }
    }
}

/* ---- Backward ---- */

/* Adds the output row `dy` into the input row it was read from. */
AXM_CLONES static void add_row(const pad_task *task, const float *dy, float *dx)
{
    const pad_axis *last = &task->axes[task->rank - 1];
    int64_t first = axm_min_i64(axm_max_i64(last->begin, 0), last->out);
    int64_t stop = axm_max_i64(axm_min_i64(last->begin + last->in, last->out), first);
    AXM_IVDEP
    for (int64_t o = first; o < stop; o++)
        dx[o - last->begin] += dy[o];
    if (task->mode == AXM_PAD_CONSTANT) return;
    for (int64_t o = 0; o < first; o++)
        dx[input_of(task->mode, last, o)] += dy[o];
    for (int64_t o = stop; o < last->out; o++)
        dx[input_of(task->mode, last, o)] += dy[o];
}

/* All output rows that show the input row at `index`, in row-major order. */
static void gather_row(const pad_task *task, const int64_t *index, float *dx)
{
    int64_t at[AXM_KERNEL_RANK];
    int32_t outer = task->rank - 1, k = 0;
    if (outer == 0) {
        add_row(task, task->source, dx);
        return;
    }
    at[0] = output_of(task->mode, &task->axes[0], index[0], 0);
    while (k >= 0) {
        if (at[k] == task->axes[k].out) { /* this axis is done: the one before it goes on */
            if (--k >= 0) at[k] = output_of(task->mode, &task->axes[k], index[k], at[k] + 1);
        } else if (k + 1 < outer) {
            k++;
            at[k] = output_of(task->mode, &task->axes[k], index[k], 0);
        } else {
            int64_t row = 0;
            for (int32_t i = 0; i < outer; i++)
                row = row * task->axes[i].out + at[i];
            add_row(task, task->source + row * task->axes[outer].out, dx);
            at[k] = output_of(task->mode, &task->axes[k], index[k], at[k] + 1);
        }
    }
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const pad_task *task = context;
    int64_t length = task->axes[task->rank - 1].in;
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        float *dx = task->target + (int64_t)row * length;
        int64_t index[AXM_KERNEL_RANK];
        size_t rest = row;
        for (int32_t k = task->rank - 2; k >= 0; k--) {
            index[k] = (int64_t)(rest % (size_t)task->axes[k].in);
            rest /= (size_t)task->axes[k].in;
        }
        if (!task->accumulate) memset(dx, 0, (size_t)length * sizeof *dx);
        gather_row(task, index, dx);
    }
}

/* ---- Running ---- */

/* Elements of the input and of the output. rank 0 becomes one axis of length 1. */
static void set_axes(pad_task *task, int32_t rank, const int64_t *dims, const int64_t *begins, const int64_t *ends, size_t *in,
                     size_t *out)
{
    *in = *out = 1;
    task->rank = rank > 0 ? rank : 1;
    task->axes[0] = (pad_axis){1, 1, 0};
    for (int32_t k = 0; k < rank; k++) {
        task->axes[k] = (pad_axis){dims[k], axm_max_i64(dims[k] + begins[k] + ends[k], 0), begins[k]};
        *in *= (size_t)dims[k];
        *out *= (size_t)task->axes[k].out;
    }
}

void axm_pad_forward(const axm_exec *exec, axm_pad_mode mode, float value, int32_t rank, const int64_t *dims, const int64_t *begins,
                     const int64_t *ends, const float *x, float *y)
{
    pad_task task = {.mode = mode, .value = value, .source = x, .target = y};
    size_t in, out;
    set_axes(&task, rank, dims, begins, ends, &in, &out);
    if (out == 0) return;
    if (in == 0) { /* nothing to repeat */
        for (size_t i = 0; i < out; i++)
            y[i] = value;
        return;
    }
    size_t length = (size_t)task.axes[task.rank - 1].out;
    axm_parallel_for(exec->pool, out / length, axm_grain(length), forward_body, &task);
}

void axm_pad_backward(const axm_exec *exec, axm_pad_mode mode, int32_t rank, const int64_t *dims, const int64_t *begins,
                      const int64_t *ends, const float *dy, bool accumulate, float *dx)
{
    pad_task task = {.mode = mode, .source = dy, .target = dx, .accumulate = accumulate};
    size_t in, out;
    set_axes(&task, rank, dims, begins, ends, &in, &out);
    if (in == 0) return;
    if (out == 0) {
        memset(dx, 0, accumulate ? 0 : in * sizeof *dx);
        return;
    }
    size_t length = (size_t)task.axes[task.rank - 1].in;
    axm_parallel_for(exec->pool, in / length, axm_grain(length), backward_body, &task);
}
