/* Rounding of arrays to floats of 4 and 8 bits, kept in float32, and its straight-through gradient. */
#include "kernels/small_float.h"

#include "kernels/clones.h"
#include "kernels/grain.h"

typedef struct round_task {
    const axm_rounding *rounding;
    const float *x, *dy;
    float *out;
    bool accumulate;
} round_task;

axm_rounding axm_rounding_to(const axm_small_float *format, bool saturate, axm_power_rounding power)
{
    float beyond = format->infinity ? INFINITY : NAN;
    if (saturate || format->numbers_only) beyond = format->max;
    return (axm_rounding){.least = ldexpf(1.0f, 1 - format->bias),
                          .step = ldexpf(1.0f, -format->mantissa_bits),
                          .max = format->max,
                          .beyond = beyond,
                          .none = format->numbers_only ? 0.0f : NAN,
                          .plus = format->one_zero ? 0.0f : -0.0f,
                          .powers = format->powers,
                          .power = power};
}

/* ---- Powers of two ---- */

#define LEAST_POWER 0x1p-127f

static AXM_INLINE float round_power(const axm_rounding *r, float x)
{
    float magnitude = axm_magnitude(x);
    if (x != x) return NAN;
    if (magnitude > r->max) return r->beyond;
    if (magnitude < LEAST_POWER) return r->beyond == r->max ? LEAST_POWER : NAN; /* it saturates at both ends */
    float below = axm_power_below(magnitude), share;
    below = below < LEAST_POWER ? LEAST_POWER : below;
    share = magnitude / below; /* from 1 to 2 */
    bool up = r->power == AXM_POWER_UP ? share > 1.0f : r->power == AXM_POWER_NEAREST && share >= 1.5f;
    return up ? 2.0f * below : below;
}

static AXM_INLINE bool power_passes(const axm_rounding *r, float x)
{
    return x >= LEAST_POWER && x <= r->max;
}

/* ---- Arrays ---- */

AXM_CLONES static void forward_units(const round_task *task, size_t begin, size_t end)
{
    const axm_rounding r = *task->rounding;
    const float *x = task->x + begin;
    float *y = task->out + begin;
    if (r.powers)
        AXM_STORE_EACH(false, end - begin, y, round_power(&r, x[i]));
    else
        AXM_STORE_EACH(false, end - begin, y, axm_round_small(&r, x[i]));
}

AXM_CLONES static void backward_units(const round_task *task, size_t begin, size_t end)
{
    const axm_rounding r = *task->rounding;
    const float *x = task->x + begin, *dy = task->dy + begin;
    float *dx = task->out + begin;
    if (r.powers)
        AXM_STORE_EACH(task->accumulate, end - begin, dx, power_passes(&r, x[i]) ? dy[i] : 0.0f);
    else
        AXM_STORE_EACH(task->accumulate, end - begin, dx, axm_round_passes(&r, x[i]) ? dy[i] : 0.0f);
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

void axm_round_forward(const axm_exec *exec, const axm_rounding *rounding, size_t count, const float *x, float *y)
{
    round_task task = {.rounding = rounding, .x = x, .out = y};
    axm_parallel_for(exec->pool, count, axm_grain(1), forward_body, &task);
}

void axm_round_backward(const axm_exec *exec, const axm_rounding *rounding, size_t count, const float *x, const float *dy,
                        bool accumulate, float *dx)
{
    round_task task = {.rounding = rounding, .x = x, .dy = dy, .out = dx, .accumulate = accumulate};
    axm_parallel_for(exec->pool, count, axm_grain(1), backward_body, &task);
}
