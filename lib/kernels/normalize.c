/* Normalisation by the mean and variance of groups of elements (layer, instance, group and root-mean-square normalisation), and its
 * gradient. x is
 * [outer, mid, groups, inner]; a group is what has the same outer and group index. Two passes, sums in double, each group by one
 * worker in one order. */
#include <math.h>

#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"

typedef struct norm_task {
    axm_norm_shape shape;
    int64_t block, blocks; /* groups of one outer item that are handled together, side by side */
    double epsilon;
    const float *x, *scale, *shift;
    const axm_norm_gradient *gradient; /* backward only */
    bool accumulate;
    float *out;
    double *moments;
} norm_task;

/* One block: `columns` elements side by side (whole groups of `inner`), `rows` times, `stride` apart. More than one group has up to
 * AXM_LANES columns. */
typedef struct norm_block {
    int64_t rows, stride, columns, inner, groups, first_group; /* first_group counts over all outer items */
    size_t at;                                                 /* of its first element in x */
    size_t channel;                                            /* in scale */
} norm_block;

static AXM_INLINE norm_block block_at(const norm_task *task, size_t unit)
{
    const axm_norm_shape *s = &task->shape;
    int64_t outer = (int64_t)unit / task->blocks, group = (int64_t)unit % task->blocks * task->block;
    int64_t count = axm_min_i64(task->block, s->groups - group), stride = s->groups * s->inner;
    return (norm_block){.rows = s->mid,
                        .stride = stride,
                        .columns = count * s->inner,
                        .inner = s->inner,
                        .groups = count,
                        .first_group = outer * s->groups + group,
                        .at = (size_t)(outer * s->mid * stride + group * s->inner),
                        .channel = (size_t)(group * s->inner)};
}

/* A number of each group for each of AXM_LANES columns: the block's, or any AXM_LANES of its one group. */
static AXM_INLINE void to_lanes(const norm_block *b, const double *of_groups, double *lanes)
{
    for (int64_t k = 0; k < AXM_LANES; k++)
        lanes[k] = of_groups[b->groups == 1 ? 0 : axm_min_i64(k / b->inner, b->groups - 1)];
}

/* Runs over a block, AXM_LANES columns at a time: `term` is an expression in the element i and the lane k. The sums of each group
 * are added to of_groups. */
#define SUM_GROUPS(b, of_groups, term)                                                                                             \
    for (int64_t c0 = 0; c0 < (b)->columns; c0 += AXM_LANES) {                                                                     \
        double sums[AXM_LANES] = {0};                                                                                              \
        const int64_t width = axm_min_i64(AXM_LANES, (b)->columns - c0);                                                           \
        for (int64_t r = 0; r < (b)->rows; r++)                                                                                    \
            for (int64_t k = 0, i = r * (b)->stride + c0; k < width; k++, i++)                                                     \
                sums[k] += (term);                                                                                                 \
        for (int64_t k = 0; k < width; k++)                                                                                        \
            (of_groups)[(b)->groups == 1 ? 0 : k / (b)->inner] += sums[k];                                                         \
    }

#define EACH_LANE(b)                                                                                                               \
    for (int64_t c0 = 0; c0 < (b)->columns; c0 += AXM_LANES)                                                                       \
        for (int64_t r = 0; r < (b)->rows; r++)                                                                                    \
            for (int64_t k = 0, i = r * (b)->stride + c0; k < axm_min_i64(AXM_LANES, (b)->columns - c0); k++, i++)

AXM_CLONES static void forward_units(const norm_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        const norm_block block = block_at(task, unit), *b = &block;
        const float *x = task->x + b->at, *scale = task->scale + b->channel, *shift = task->shift + b->channel;
        const double count = (double)b->rows * (double)b->inner;
        double mean[AXM_LANES] = {0}, factor[AXM_LANES] = {0}, means[AXM_LANES], factors[AXM_LANES];
        float *y = task->out + b->at;
        if (!task->shape.about_zero) SUM_GROUPS(b, mean, (double)x[i]);
        for (int64_t g = 0; g < b->groups; g++)
            mean[g] /= count;
        to_lanes(b, mean, means);
        SUM_GROUPS(b, factor, ((double)x[i] - means[k]) * ((double)x[i] - means[k]));
        for (int64_t g = 0; g < b->groups; g++) {
            factor[g] = 1.0 / sqrt(factor[g] / count + task->epsilon);
            if (!task->moments) continue;
            task->moments[2 * (b->first_group + g)] = mean[g];
            task->moments[2 * (b->first_group + g) + 1] = factor[g];
        }
        to_lanes(b, factor, factors);
        EACH_LANE(b) y[i] = (float)(((double)x[i] - means[k]) * factors[k]) * scale[c0 + k] + shift[c0 + k];
    }
}

/* With u = scale dy, n elements in a group and d = x - mean:
 * dx = factor u - (factor sum(u) - dmean) / n - factor^3 d (sum(u d) + dfactor) / n; about zero there is no second term. */
AXM_CLONES static void backward_units(const norm_task *task, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        const norm_block block = block_at(task, unit), *b = &block;
        const axm_norm_gradient *d = task->gradient;
        const float *x = task->x + b->at, *dy = d->dy + b->at, *scale = task->scale + b->channel;
        const double count = (double)b->rows * (double)b->inner;
        double mean[AXM_LANES] = {0}, factor[AXM_LANES] = {0}, sum[AXM_LANES] = {0}, product[AXM_LANES] = {0};
        double means[AXM_LANES], factors[AXM_LANES], even[AXM_LANES], tilt[AXM_LANES];
        float *dx = task->out + b->at;
        for (int64_t g = 0; g < b->groups; g++) {
            mean[g] = task->moments[2 * (b->first_group + g)];
            factor[g] = task->moments[2 * (b->first_group + g) + 1];
        }
        to_lanes(b, mean, means);
        to_lanes(b, factor, factors);
        SUM_GROUPS(b, sum, (double)dy[i] * (double)scale[c0 + k]);
        SUM_GROUPS(b, product, (double)dy[i] * (double)scale[c0 + k] * ((double)x[i] - means[k]));
        for (int64_t g = 0; g < b->groups; g++) {
            const int64_t at = b->first_group + g;
            sum[g] = task->shape.about_zero ? 0.0 : (factor[g] * sum[g] - (d->mean ? (double)d->mean[at] : 0.0)) / count;
            product[g] = factor[g] * factor[g] * factor[g] * (product[g] + (d->factor ? (double)d->factor[at] : 0.0)) / count;
        }
        to_lanes(b, sum, even);
        to_lanes(b, product, tilt);
        EACH_LANE(b)
        {
            double u = (double)dy[i] * (double)scale[c0 + k];
            float value = (float)(factors[k] * u - even[k] - tilt[k] * ((double)x[i] - means[k]));
            dx[i] = task->accumulate ? dx[i] + value : value;
        }
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    forward_units(context, begin, end);
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    backward_units(context, begin, end);
}

static void run(const axm_exec *exec, norm_task *task, axm_loop_body body)
{
    const axm_norm_shape *s = &task->shape;
    task->block = axm_max_i64(1, axm_min_i64(AXM_LANES / s->inner, s->groups));
    task->blocks = (s->groups + task->block - 1) / task->block;
    size_t work = (size_t)(s->mid * task->block * s->inner) * 4;
    axm_parallel_for(exec->pool, (size_t)(s->outer * task->blocks), axm_grain(work), body, task);
}

void axm_normalize_forward(const axm_exec *exec, const axm_norm_shape *shape, float epsilon, const float *x, const float *scale,
                           const float *shift, float *y, double *moments)
{
    norm_task task = {.shape = *shape, .epsilon = (double)epsilon, .x = x, .scale = scale, .shift = shift, .out = y};
    task.moments = moments;
    run(exec, &task, forward_body);
}

void axm_normalize_backward(const axm_exec *exec, const axm_norm_shape *shape, const float *x, const double *moments,
                            const float *scale, const axm_norm_gradient *gradient, bool accumulate, float *dx)
{
    norm_task task = {.shape = *shape, .x = x, .scale = scale, .gradient = gradient, .accumulate = accumulate, .out = dx};
    task.moments = (double *)moments;
    run(exec, &task, backward_body);
}
