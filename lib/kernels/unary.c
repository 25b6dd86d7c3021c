/* Functions of one variable and the ReLU rules of backprop modifiers, over flat arrays. */
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"
#include "kernels/vector_math.h"

typedef struct unary_task {
    axm_unary kind;
    float a, b;
    const float *x;  /* forward: the input; backward: what the derivative is computed from */
    const float *dy; /* backward only */
    float *out;
    bool accumulate;
} unary_task;

static AXM_INLINE float hard_swish(float x)
{
    return x * axm_clamped(x * (1.0f / 6.0f) + 0.5f, 0.0f, 1.0f);
}

static AXM_INLINE float hard_swish_slope(float x)
{
    float inside = x * (1.0f / 3.0f) + 0.5f;
    float upper = x < 3.0f ? inside : 1.0f;
    return x > -3.0f ? upper : 0.0f;
}

/* No short-circuit, so that loops have no branches. */
static AXM_INLINE float if_between(float y, float low, float high, float value)
{
    float above = y > low ? value : 0.0f;
    return y < high ? above : 0.0f;
}

AXM_CLONES static void forward_range(const unary_task *task, size_t begin, size_t end)
{
    const float *x = task->x + begin;
    float *y = task->out + begin, a = task->a, b = task->b;
    size_t count = end - begin;
    switch (task->kind) {
    case AXM_UNARY_CLAMP: AXM_STORE_EACH(false, count, y, axm_clamped(x[i], a, b)); break;
    case AXM_UNARY_LEAKY: AXM_STORE_EACH(false, count, y, x[i] > 0.0f ? x[i] : a * x[i]); break;
    case AXM_UNARY_SIGMOID: AXM_STORE_EACH(false, count, y, axm_sigmoid(x[i])); break;
    case AXM_UNARY_TANH: AXM_STORE_EACH(false, count, y, axm_tanh(x[i])); break;
    case AXM_UNARY_HARD_SIGMOID: AXM_STORE_EACH(false, count, y, axm_clamped(a * x[i] + b, 0.0f, 1.0f)); break;
    case AXM_UNARY_HARD_SWISH: AXM_STORE_EACH(false, count, y, hard_swish(x[i])); break;
    case AXM_UNARY_AFFINE: AXM_STORE_EACH(false, count, y, a * x[i] + b); break;
    }
}

AXM_CLONES static void backward_range(const unary_task *task, size_t begin, size_t end)
{
    const float *s = task->kind == AXM_UNARY_AFFINE ? NULL : task->x + begin, *dy = task->dy + begin;
    float *dx = task->out + begin, a = task->a, b = task->b;
    bool add = task->accumulate;
    size_t count = end - begin;
    switch (task->kind) {
    case AXM_UNARY_CLAMP: AXM_STORE_EACH(add, count, dx, if_between(s[i], a, b, dy[i])); break;
    case AXM_UNARY_LEAKY: AXM_STORE_EACH(add, count, dx, dy[i] * (s[i] > 0.0f ? 1.0f : (s[i] < 0.0f ? a : 0.0f))); break;
    case AXM_UNARY_SIGMOID: AXM_STORE_EACH(add, count, dx, dy[i] * (s[i] * (1.0f - s[i]))); break;
    case AXM_UNARY_TANH: AXM_STORE_EACH(add, count, dx, dy[i] * (1.0f - s[i] * s[i])); break;
    case AXM_UNARY_HARD_SIGMOID: AXM_STORE_EACH(add, count, dx, if_between(s[i], 0.0f, 1.0f, a * dy[i])); break;
    case AXM_UNARY_HARD_SWISH: AXM_STORE_EACH(add, count, dx, dy[i] * hard_swish_slope(s[i])); break;
    case AXM_UNARY_AFFINE: AXM_STORE_EACH(add, count, dx, dy[i] * a); break;
    }
}

static void forward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    forward_range(context, begin, end);
}

static void backward_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    backward_range(context, begin, end);
}

void axm_unary_forward(const axm_exec *exec, axm_unary kind, float a, float b, size_t count, const float *x, float *y)
{
    unary_task task = {.kind = kind, .a = a, .b = b, .x = x, .out = y};
    axm_parallel_for(exec->pool, count, AXM_GRAIN, forward_body, &task);
}

void axm_unary_backward(const axm_exec *exec, axm_unary kind, float a, float b, size_t count, const float *saved, const float *dy,
                        bool accumulate, float *dx)
{
    unary_task task = {.kind = kind, .a = a, .b = b, .x = saved, .dy = dy, .out = dx, .accumulate = accumulate};
    axm_parallel_for(exec->pool, count, AXM_GRAIN, backward_body, &task);
}

typedef struct clamp_task {
    axm_relu_rule rule;
    axm_clamp clamp;
    const float *y, *dy;
    float *dx;
    bool accumulate;
} clamp_task;

AXM_CLONES static void clamp_range(const clamp_task *task, size_t begin, size_t end)
{
    const float *y = task->rule == AXM_RELU_DECONV ? NULL : task->y + begin, *dy = task->dy + begin;
    float *dx = task->dx + begin, low = task->clamp.low, high = task->clamp.high;
    bool add = task->accumulate;
    size_t count = end - begin;
    switch (task->rule) {
    case AXM_RELU_PLAIN: AXM_STORE_EACH(add, count, dx, if_between(y[i], low, high, dy[i])); break;
    case AXM_RELU_GUIDED: AXM_STORE_EACH(add, count, dx, if_between(y[i], low, high, dy[i] > 0.0f ? dy[i] : 0.0f)); break;
    case AXM_RELU_DECONV: AXM_STORE_EACH(add, count, dx, dy[i] > 0.0f ? dy[i] : 0.0f); break;
    }
}

static void clamp_body(void *context, size_t begin, size_t end, int32_t worker)
{
    (void)worker;
    clamp_range(context, begin, end);
}

void axm_clamp_backward(const axm_exec *exec, axm_relu_rule rule, axm_clamp clamp, size_t count, const float *y, const float *dy,
                        bool accumulate, float *dx)
{
    clamp_task task = {.rule = rule, .clamp = clamp, .y = y, .dy = dy, .dx = dx, .accumulate = accumulate};
    axm_parallel_for(exec->pool, count, AXM_GRAIN, clamp_body, &task);
}
