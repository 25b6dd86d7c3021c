/* The gradient of one operand of a broadcast binary operation: the incoming gradient times a factor made of the operands,
 * summed over the axes along which the operand was broadcast. Each element of dx is summed by one worker in row-major order
 * of those axes, so nothing depends on the number of threads. */
#include <math.h>

#include "kernels/axes.h"
#include "kernels/clones.h"
#include "kernels/grain.h"

/* The factor, of the operands p and q. */
typedef enum gradient_factor {
    FACTOR_PLUS,     /* 1: a + b, and a - b for a */
    FACTOR_MINUS,    /* -1: a - b for b */
    FACTOR_TIMES,    /* p: a * b */
    FACTOR_OVER,     /* 1 / p: a / b for a */
    FACTOR_QUOTIENT, /* -q / p^2: a / b for b */
    FACTOR_ABOVE,    /* p > q: the second of two to choose from */
    FACTOR_REACHES,  /* p >= q: the first of them */
    FACTOR_BASE,     /* q p^(q - 1): a^b for a */
    FACTOR_EXPONENT, /* p^q log(p): a^b for b */
    FACTOR_SLOPE,    /* 1 where p > 0, q where p < 0: the slope's operand */
    FACTOR_BELOW     /* p where p < 0: the slope */
} gradient_factor;

enum { OWN, P, Q, DY }; /* operands of axm_axes; OWN indexes dx */

#define SEGMENT 128 /* rows added in float before they go into a double */

typedef struct gradient_task {
    gradient_factor factor;
    axm_axes axes;                      /* all axes, in row-major order of dy */
    axm_axes kept, reduced;             /* those where the operand has a stride, and those it was broadcast along */
    int64_t strides[AXM_AXES_OPERANDS]; /* along the innermost axis, which is in neither of the two */
    int64_t length;                     /* of the innermost axis */
    size_t block, blocks;               /* the innermost axis is cut in blocks when it is kept */
    const float *p, *q, *dy;            /* p, q: a number to point at where the factor needs none */
    float *dx;
    bool accumulate;
} gradient_task;

static AXM_INLINE float term(gradient_factor factor, float dy, float p, float q)
{
    switch (factor) {
    case FACTOR_PLUS: return dy;
    case FACTOR_MINUS: return -dy;
    case FACTOR_TIMES: return dy * p;
    case FACTOR_OVER: return dy / p;
    case FACTOR_QUOTIENT: break;
    case FACTOR_ABOVE: return p > q ? dy : 0.0f;
    case FACTOR_REACHES: return p >= q ? dy : 0.0f;
    case FACTOR_BASE: return dy * q * powf(p, q - 1.0f);
    case FACTOR_EXPONENT: return p > 0.0f ? dy * powf(p, q) * logf(p) : 0.0f;
    case FACTOR_SLOPE: return dy * (p > 0.0f ? 1.0f : (p < 0.0f ? q : 0.0f));
    case FACTOR_BELOW: return p < 0.0f ? dy * p : 0.0f;
    }
    return -(dy * q) / (p * p);
}

/* Calls EACH(expression of element i) with the strides of p and q known to the compiler in the usual cases. */
#define WITH_STRIDES(EACH, factor, dy, p, sp, q, sq)                                                                               \
    do {                                                                                                                           \
        if ((sp) == 1 && (sq) == 1) {                                                                                              \
            EACH(term(factor, (dy)[i], (p)[i], (q)[i]));                                                                           \
        } else if ((sp) == 1 && (sq) == 0) {                                                                                       \
            float q0 = (q)[0];                                                                                                     \
            EACH(term(factor, (dy)[i], (p)[i], q0));                                                                               \
        } else if ((sp) == 0 && (sq) == 0) {                                                                                       \
            float p0 = (p)[0], q0 = (q)[0];                                                                                        \
            EACH(term(factor, (dy)[i], p0, q0));                                                                                   \
        } else {                                                                                                                   \
            EACH(term(factor, (dy)[i], (p)[(int64_t)i * (sp)], (q)[(int64_t)i * (sq)]));                                           \
        }                                                                                                                          \
    } while (0)

#define WITH_FACTOR(CALL, factor, ...)                                                                                             \
    switch (factor) {                                                                                                              \
    case FACTOR_PLUS: CALL(FACTOR_PLUS, __VA_ARGS__); break;                                                                       \
    case FACTOR_MINUS: CALL(FACTOR_MINUS, __VA_ARGS__); break;                                                                     \
    case FACTOR_TIMES: CALL(FACTOR_TIMES, __VA_ARGS__); break;                                                                     \
    case FACTOR_OVER: CALL(FACTOR_OVER, __VA_ARGS__); break;                                                                       \
    case FACTOR_QUOTIENT: CALL(FACTOR_QUOTIENT, __VA_ARGS__); break;                                                               \
    case FACTOR_ABOVE: CALL(FACTOR_ABOVE, __VA_ARGS__); break;                                                                     \
    case FACTOR_REACHES: CALL(FACTOR_REACHES, __VA_ARGS__); break;                                                                 \
    case FACTOR_BASE: CALL(FACTOR_BASE, __VA_ARGS__); break;                                                                       \
    case FACTOR_EXPONENT: CALL(FACTOR_EXPONENT, __VA_ARGS__); break;                                                               \
    case FACTOR_SLOPE: CALL(FACTOR_SLOPE, __VA_ARGS__); break;                                                                     \
    case FACTOR_BELOW: CALL(FACTOR_BELOW, __VA_ARGS__); break;                                                                     \
    }

/* ---- No broadcasting: dx lies like dy ---- */

static AXM_INLINE void store_run(gradient_factor factor, size_t count, const float *dy, const float *p, int64_t sp, const float *q,
                                 int64_t sq, bool accumulate, float *dx)
{
#define EACH(value) AXM_STORE_EACH(accumulate, count, dx, value)
    WITH_STRIDES(EACH, factor, dy, p, sp, q, sq);
#undef EACH
}

AXM_CLONES static void store_any(const gradient_task *task, size_t count, const axm_axes_cursor *at)
{
    int32_t last = task->axes.rank - 1;
    int64_t sp = task->axes.strides[P][last], sq = task->axes.strides[Q][last];
    const float *dy = task->dy + at->offset[DY], *p = task->p + at->offset[P], *q = task->q + at->offset[Q];
    float *dx = task->dx + at->offset[DY];
    WITH_FACTOR(store_run, task->factor, count, dy, p, sp, q, sq, task->accumulate, dx);
}

static void dense_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const gradient_task *task = context;
    int32_t last = task->axes.rank - 1;
    axm_axes_cursor cursor;
    axm_axes_seek(&task->axes, begin, &cursor);
    (void)worker;
    for (size_t at = begin; at < end;) {
        size_t count = axm_min_size(end - at, (size_t)(task->axes.dims[last] - cursor.index[last]));
        store_any(task, count, &cursor);
        axm_axes_advance(&task->axes, (int64_t)count, &cursor);
        at += count;
    }
}

/* ---- The innermost axis is kept: columns of up to AXM_LANES elements are summed over the broadcast axes ---- */

static AXM_INLINE void add_run(gradient_factor factor, size_t count, const float *dy, const float *p, int64_t sp, const float *q,
                               int64_t sq, float *sum)
{
#define EACH(value) AXM_STORE_EACH(true, count, sum, value)
    WITH_STRIDES(EACH, factor, dy, p, sp, q, sq);
#undef EACH
}

/* Adds `rows` rows, from the cursor on, into sum[count]. first: the place in the kept axes and the innermost one. */
AXM_CLONES static void add_rows(const gradient_task *task, const int64_t first[AXM_AXES_OPERANDS], size_t count, size_t rows,
                                axm_axes_cursor *cursor, float *sum)
{
    for (size_t i = 0; i < count; i++)
        sum[i] = 0.0f;
    for (size_t r = 0; r < rows; r++) {
        const float *dy = task->dy + first[DY] + cursor->offset[DY];
        const float *p = task->p + first[P] + cursor->offset[P], *q = task->q + first[Q] + cursor->offset[Q];
        WITH_FACTOR(add_run, task->factor, count, dy, p, task->strides[P], q, task->strides[Q], sum);
        axm_axes_advance(&task->reduced, 1, cursor);
    }
}

static void column_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const gradient_task *task = context;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        size_t column = unit % task->blocks * task->block;
        size_t count = axm_min_size(task->block, (size_t)task->length - column);
        axm_axes_cursor outer, inner;
        int64_t first[AXM_AXES_OPERANDS];
        float sum[AXM_LANES];
        double total[AXM_LANES] = {0};
        axm_axes_seek(&task->kept, unit / task->blocks, &outer);
        axm_axes_seek(&task->reduced, 0, &inner);
        for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
            first[k] = outer.offset[k] + (int64_t)column * task->strides[k];
        for (size_t row = 0; row < task->reduced.count; row += SEGMENT) {
            add_rows(task, first, count, axm_min_size(SEGMENT, task->reduced.count - row), &inner, sum);
            for (size_t i = 0; i < count; i++)
                total[i] += (double)sum[i];
        }
        for (size_t i = 0; i < count; i++) {
            float *dx = task->dx + first[OWN] + (int64_t)i * task->strides[OWN];
            *dx = task->accumulate ? *dx + (float)total[i] : (float)total[i];
        }
    }
}

/* ---- The innermost axis is summed over ---- */

#define WIDTH 16 /* partial sums, so that the loop can be vectorised in one fixed order */

static AXM_INLINE void add_lanes(gradient_factor factor, size_t count, const float *dy, const float *p, int64_t sp, const float *q,
                                 int64_t sq, float *lanes)
{
    for (; count >= WIDTH; count -= WIDTH, dy += WIDTH, p += WIDTH * sp, q += WIDTH * sq) {
#define EACH(value)                                                                                                                \
    for (size_t i = 0; i < WIDTH; i++)                                                                                             \
    lanes[i] += (value)
        WITH_STRIDES(EACH, factor, dy, p, sp, q, sq);
#undef EACH
    }
    for (size_t i = 0; i < count; i++)
        lanes[i] += term(factor, dy[i], p[(int64_t)i * sp], q[(int64_t)i * sq]);
}

AXM_CLONES static double sum_run(const gradient_task *task, size_t count, const float *dy, const float *p, const float *q)
{
    float lanes[WIDTH] = {0};
    double total = 0.0;
    WITH_FACTOR(add_lanes, task->factor, count, dy, p, task->strides[P], q, task->strides[Q], lanes);
    for (size_t i = 0; i < WIDTH; i++)
        total += (double)lanes[i];
    return total;
}

static void row_body(void *context, size_t begin, size_t end, int32_t worker)
{
    const gradient_task *task = context;
    const int64_t piece = SEGMENT * WIDTH;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        axm_axes_cursor outer, inner;
        double total = 0.0;
        axm_axes_seek(&task->kept, unit, &outer);
        axm_axes_seek(&task->reduced, 0, &inner);
        for (size_t row = 0; row < task->reduced.count; row++) {
            for (int64_t i = 0; i < task->length; i += piece) {
                const float *dy = task->dy + outer.offset[DY] + inner.offset[DY] + i * task->strides[DY];
                const float *p = task->p + outer.offset[P] + inner.offset[P] + i * task->strides[P];
                const float *q = task->q + outer.offset[Q] + inner.offset[Q] + i * task->strides[Q];
                total += sum_run(task, (size_t)axm_min_i64(piece, task->length - i), dy, p, q);
            }
            axm_axes_advance(&task->reduced, 1, &inner);
        }
        float *dx = task->dx + outer.offset[OWN];
        *dx = task->accumulate ? *dx + (float)total : (float)total;
    }
}

/* ---- Choosing ---- */

/* The axes whose own stride is zero (or is not), without the innermost one. */
static void select_axes(const axm_axes *all, bool zero, axm_axes *out)
{
    *out = (axm_axes){.count = 1};
    for (int32_t i = 0; i + 1 < all->rank; i++) {
        if ((all->strides[OWN][i] == 0) != zero) continue;
        out->dims[out->rank] = all->dims[i];
        for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
            out->strides[k][out->rank] = all->strides[k][i];
        out->count *= (size_t)all->dims[i];
        out->rank++;
    }
    if (out->rank == 0) {
        out->rank = 1;
        out->dims[0] = 1;
    }
}

static void reduce(const axm_exec *exec, gradient_task *task)
{
    int32_t last = task->axes.rank - 1;
    select_axes(&task->axes, false, &task->kept);
    select_axes(&task->axes, true, &task->reduced);
    task->length = task->axes.dims[last];
    for (int32_t k = 0; k < AXM_AXES_OPERANDS; k++)
        task->strides[k] = task->axes.strides[k][last];
    if (task->strides[OWN] != 0) {
        task->block = axm_column_block(task->kept.count, (size_t)task->length);
        task->blocks = axm_parts((size_t)task->length, task->block);
        axm_parallel_for(exec->pool, task->kept.count * task->blocks, axm_grain(task->reduced.count * task->block), column_body,
                         task);
    } else {
        axm_parallel_for(exec->pool, task->kept.count, axm_grain(task->reduced.count * (size_t)task->length), row_body, task);
    }
}

static bool lies_like_dy(const axm_axes *axes)
{
    for (int32_t i = 0; i < axes->rank; i++)
        if (axes->dims[i] != 1 && axes->strides[OWN][i] != axes->strides[DY][i]) return false;
    return true;
}

/* What the factor is made of: p and q are operands, 0 (a) or 1 (b), or none (-1). */
typedef struct factor_choice {
    gradient_factor factor;
    int p, q;
} factor_choice;

static factor_choice choose_factor(axm_binary kind, int which)
{
    bool first = which == 0;
    switch (kind) {
    case AXM_BINARY_ADD:
    case AXM_BINARY_LESS:
    case AXM_BINARY_LESS_OR_EQUAL:
    case AXM_BINARY_EQUAL: break;
    case AXM_BINARY_SUB: return (factor_choice){first ? FACTOR_PLUS : FACTOR_MINUS, -1, -1};
    case AXM_BINARY_MUL: return (factor_choice){FACTOR_TIMES, 1 - which, -1};
    case AXM_BINARY_DIV: return first ? (factor_choice){FACTOR_OVER, 1, -1} : (factor_choice){FACTOR_QUOTIENT, 1, 0};
    case AXM_BINARY_MIN: return first ? (factor_choice){FACTOR_REACHES, 1, 0} : (factor_choice){FACTOR_ABOVE, 0, 1};
    case AXM_BINARY_MAX: return first ? (factor_choice){FACTOR_REACHES, 0, 1} : (factor_choice){FACTOR_ABOVE, 1, 0};
    case AXM_BINARY_POW: return (factor_choice){first ? FACTOR_BASE : FACTOR_EXPONENT, 0, 1};
    case AXM_BINARY_SLOPE: return (factor_choice){first ? FACTOR_SLOPE : FACTOR_BELOW, 0, 1};
    }
    return (factor_choice){FACTOR_PLUS, -1, -1};
}

void axm_binary_backward(const axm_exec *exec, axm_binary kind, int which, int32_t rank, const int64_t *dims, const float *a,
                         const int64_t *a_strides, const float *b, const int64_t *b_strides, const float *dy, size_t dx_count,
                         bool accumulate, float *dx)
{
    static const float unused = 0.0f;
    factor_choice choice = choose_factor(kind, which);
    gradient_task task = {.factor = choice.factor, .p = &unused, .q = &unused, .dy = dy, .dx = dx, .accumulate = accumulate};
    const int64_t *strides[AXM_AXES_OPERANDS] = {[OWN] = which == 0 ? a_strides : b_strides};
    int64_t dense[AXM_KERNEL_RANK] = {0};
    axm_axes_dense(rank, dims, dense);
    strides[DY] = dense;
    if (choice.p >= 0) {
        task.p = choice.p == 0 ? a : b;
        strides[P] = choice.p == 0 ? a_strides : b_strides;
    }
    if (choice.q >= 0) {
        task.q = choice.q == 0 ? a : b;
        strides[Q] = choice.q == 0 ? a_strides : b_strides;
    }
    axm_axes_make(rank, dims, strides, &task.axes);
    if (task.axes.count == 0) { /* the operand was broadcast to nothing */
        for (size_t i = 0; i < dx_count && !accumulate; i++)
            dx[i] = 0.0f;
        return;
    }
    if (lies_like_dy(&task.axes))
        axm_parallel_for(exec->pool, task.axes.count, AXM_GRAIN, dense_body, &task);
    else
        reduce(exec, &task);
}
