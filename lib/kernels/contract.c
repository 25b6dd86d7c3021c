/* Sums of products over labelled axes (Einstein's notation): y = sum over the reduced axes of p q. Operands have strides of their
 * own, 0 along an axis that they lack. Each output is summed by one worker, in row-major order, in double. */
#include "kernels/axes.h"
#include "kernels/clones.h"
#include "kernels/grain.h"

enum { P, Q, Y }; /* operands of axm_axes */

typedef struct contract_task {
    axm_axes kept, reduced;
    const float *p, *q; /* q NULL: 1 */
    float *y;
    bool accumulate;
} contract_task;

AXM_CLONES static double sum_run(size_t count, const float *p, int64_t sp, const float *q, int64_t sq)
{
    double sum = 0.0;
    for (size_t i = 0; i < count && q; i++)
        sum += (double)p[(int64_t)i * sp] * (double)q[(int64_t)i * sq];
    for (size_t i = 0; i < count && !q; i++)
        sum += (double)p[(int64_t)i * sp];
    return sum;
}

static void contract_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const contract_task *task = context;
    const axm_axes *reduced = &task->reduced;
    int32_t last = reduced->rank - 1;
    axm_axes_cursor outer, inner;
    axm_axes_seek(&task->kept, begin, &outer);
    (void)worker;
    for (size_t at = begin; at < end; at++) {
        double sum = 0.0;
        axm_axes_seek(reduced, 0, &inner);
        for (size_t done = 0; done < reduced->count; done += (size_t)reduced->dims[last]) {
            const float *q = task->q ? task->q + outer.offset[Q] + inner.offset[Q] : NULL;
            sum += sum_run((size_t)reduced->dims[last], task->p + outer.offset[P] + inner.offset[P], reduced->strides[P][last], q,
                           reduced->strides[Q][last]);
            axm_axes_advance(reduced, reduced->dims[last], &inner);
        }
        float *y = task->y + outer.offset[Y];
        *y = (task->accumulate ? *y : 0.0f) + (float)sum;
        axm_axes_advance(&task->kept, 1, &outer);
    }
}

static void make_axes(int32_t rank, const axm_contract_axis *from, axm_axes *out)
{
    int64_t dims[AXM_KERNEL_RANK] = {0}, strides[3][AXM_KERNEL_RANK] = {{0}};
    for (int32_t i = 0; i < rank; i++) {
        dims[i] = from[i].dim;
        strides[P][i] = from[i].p;
        strides[Q][i] = from[i].q;
        strides[Y][i] = from[i].y;
    }
    axm_axes_make(rank, dims, (const int64_t *const[AXM_AXES_OPERANDS]){strides[P], strides[Q], strides[Y]}, out);
}

void axm_contract(const axm_exec *exec, int32_t kept_rank, const axm_contract_axis *kept, int32_t reduced_rank,
                  const axm_contract_axis *reduced, const float *p, const float *q, bool accumulate, float *y)
{
    contract_task task = {.p = p, .q = q, .y = y, .accumulate = accumulate};
    make_axes(kept_rank, kept, &task.kept);
    make_axes(reduced_rank, reduced, &task.reduced);
    axm_parallel_for(exec->pool, task.kept.count, axm_grain(task.reduced.count), contract_body, &task);
}
