/* Curves: the rarer functions of one variable, over flat arrays. Every derivative is computed from x. */
#include "kernels/clones.h"
#include "kernels/grain.h"
#include "kernels/kernels.h"
#include "kernels/special_math.h"

typedef struct curve_task {
    axm_curve kind;
    float a, b;
    const float *x, *dy; /* dy: backward only */
    float *out;
    bool accumulate;
} curve_task;

#define ROOT_HALF     0.70710678118654752f /* 1 / sqrt(2) */
#define ROOT_2_PI     0.39894228040143268f /* 1 / sqrt(2 pi) */
#define TWO_ROOT_PI   1.12837916709551257f /* 2 / sqrt(pi) */
#define TANH_SCALE    0.79788456080286536f /* sqrt(2 / pi) */
#define TANH_CUBE     0.044715f
#define MISH_STRAIGHT 20.0f /* from here on it is x */

static AXM_INLINE float magnitude(float x)
{
    return x < 0.0f ? -x : x;
}

static AXM_INLINE float elu(float x, float alpha, float gamma)
{
    float below = alpha * axm_exp_minus_1(x);
    return gamma * (x > 0.0f ? x : below);
}

static AXM_INLINE float celu(float x, float alpha)
{
    float below = alpha * axm_exp_minus_1(x / alpha);
    return x > 0.0f ? x : below;
}

static AXM_INLINE float softplus(float x)
{
    return (x > 0.0f ? x : 0.0f * x) + axm_log_1_plus(axm_exp(-magnitude(x)));
}

/* tanh(log(1 + e^x)) = (w^2 + 2 w) / (w^2 + 2 w + 2), w = e^x. */
static AXM_INLINE float mish_gate(float x)
{
    float w = axm_exp(x > MISH_STRAIGHT ? MISH_STRAIGHT : x), top = w * (w + 2.0f);
    return x > MISH_STRAIGHT ? 1.0f : top / (top + 2.0f);
}

static AXM_INLINE float mish_slope(float x)
{
    float t = mish_gate(x);
    return t + x * (1.0f - t * t) * axm_sigmoid(x);
}

static AXM_INLINE float gelu_slope(float x)
{
    return 0.5f * axm_erfc(-ROOT_HALF * x) + x * ROOT_2_PI * axm_exp(-0.5f * x * x);
}

static AXM_INLINE float gelu_tanh(float x)
{
    float t = axm_tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x));
    return 0.5f * x * (1.0f + t);
}

static AXM_INLINE float gelu_tanh_slope(float x)
{
    float t = axm_tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * TANH_SCALE * (1.0f + 3.0f * TANH_CUBE * x * x);
}

static AXM_INLINE float sign(float x)
{
    float up = x > 0.0f ? 1.0f : 0.0f;
    return x < 0.0f ? -1.0f : up;
}

static AXM_INLINE float softsign_slope(float x)
{
    float y = 1.0f / (1.0f + magnitude(x));
    return y * y;
}

AXM_CLONES static void forward_range(const curve_task *task, size_t begin, size_t end)
{
    const float *x = task->x + begin;
    float *y = task->out + begin, a = task->a, b = task->b;
    size_t count = end - begin;
    switch (task->kind) {
    case AXM_CURVE_ELU: AXM_STORE_EACH(false, count, y, elu(x[i], a, b)); break;
    case AXM_CURVE_CELU: AXM_STORE_EACH(false, count, y, celu(x[i], a)); break;
    case AXM_CURVE_THRESHOLDED_RELU: AXM_STORE_EACH(false, count, y, x[i] > a ? x[i] : 0.0f); break;
    case AXM_CURVE_SOFTPLUS: AXM_STORE_EACH(false, count, y, softplus(x[i])); break;
    case AXM_CURVE_SOFTSIGN: AXM_STORE_EACH(false, count, y, x[i] / (1.0f + magnitude(x[i]))); break;
    case AXM_CURVE_GELU: AXM_STORE_EACH(false, count, y, 0.5f * x[i] * axm_erfc(-ROOT_HALF * x[i])); break;
    case AXM_CURVE_GELU_TANH: AXM_STORE_EACH(false, count, y, gelu_tanh(x[i])); break;
    case AXM_CURVE_ERF: AXM_STORE_EACH(false, count, y, axm_erf(x[i])); break;
    case AXM_CURVE_MISH: AXM_STORE_EACH(false, count, y, x[i] * mish_gate(x[i])); break;
    case AXM_CURVE_EXP: AXM_STORE_EACH(false, count, y, axm_exp(x[i])); break;
    case AXM_CURVE_LOG: AXM_STORE_EACH(false, count, y, axm_log(x[i])); break;
    case AXM_CURVE_SQRT: AXM_STORE_EACH(false, count, y, sqrtf(x[i])); break;
    case AXM_CURVE_ABS: AXM_STORE_EACH(false, count, y, magnitude(x[i])); break;
    case AXM_CURVE_SIGN: AXM_STORE_EACH(false, count, y, sign(x[i])); break;
    case AXM_CURVE_RECIPROCAL: AXM_STORE_EACH(false, count, y, 1.0f / x[i]); break;
    case AXM_CURVE_SQUARE: AXM_STORE_EACH(false, count, y, x[i] * x[i]); break;
    case AXM_CURVE_POWER: AXM_STORE_EACH(false, count, y, powf(x[i], a)); break;
    }
}

AXM_CLONES static void backward_range(const curve_task *task, size_t begin, size_t end)
{
    const float *x = task->x + begin, *dy = task->dy + begin;
    float *dx = task->out + begin, a = task->a, b = task->b;
    bool add = task->accumulate;
    size_t count = end - begin;
    switch (task->kind) {
    case AXM_CURVE_ELU: AXM_STORE_EACH(add, count, dx, dy[i] * b * (x[i] > 0.0f ? 1.0f : a * axm_exp(x[i]))); break;
    case AXM_CURVE_CELU: AXM_STORE_EACH(add, count, dx, dy[i] * (x[i] > 0.0f ? 1.0f : axm_exp(x[i] / a))); break;
    case AXM_CURVE_THRESHOLDED_RELU: AXM_STORE_EACH(add, count, dx, x[i] > a ? dy[i] : 0.0f); break;
    case AXM_CURVE_SOFTPLUS: AXM_STORE_EACH(add, count, dx, dy[i] * axm_sigmoid(x[i])); break;
    case AXM_CURVE_SOFTSIGN: AXM_STORE_EACH(add, count, dx, dy[i] * softsign_slope(x[i])); break;
    case AXM_CURVE_GELU: AXM_STORE_EACH(add, count, dx, dy[i] * gelu_slope(x[i])); break;
    case AXM_CURVE_GELU_TANH: AXM_STORE_EACH(add, count, dx, dy[i] * gelu_tanh_slope(x[i])); break;
    case AXM_CURVE_ERF: AXM_STORE_EACH(add, count, dx, dy[i] * (TWO_ROOT_PI * axm_exp(-x[i] * x[i]))); break;
    case AXM_CURVE_MISH: AXM_STORE_EACH(add, count, dx, dy[i] * mish_slope(x[i])); break;
    case AXM_CURVE_EXP: AXM_STORE_EACH(add, count, dx, dy[i] * axm_exp(x[i])); break;
    case AXM_CURVE_LOG: AXM_STORE_EACH(add, count, dx, dy[i] / x[i]); break;
    case AXM_CURVE_SQRT: AXM_STORE_EACH(add, count, dx, dy[i] * 0.5f / sqrtf(x[i])); break;
    case AXM_CURVE_ABS: AXM_STORE_EACH(add, count, dx, dy[i] * sign(x[i])); break;
    case AXM_CURVE_SIGN: AXM_STORE_EACH(add, count, dx, 0.0f); break;
    case AXM_CURVE_RECIPROCAL: AXM_STORE_EACH(add, count, dx, -dy[i] / (x[i] * x[i])); break;
    case AXM_CURVE_SQUARE: AXM_STORE_EACH(add, count, dx, dy[i] * 2.0f * x[i]); break;
    case AXM_CURVE_POWER: AXM_STORE_EACH(add, count, dx, dy[i] * a * powf(x[i], a - 1.0f)); break;
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

void axm_curve_forward(const axm_exec *exec, axm_curve kind, float a, float b, size_t count, const float *x, float *y)
{
    curve_task task = {.kind = kind, .a = a, .b = b, .x = x, .out = y};
    axm_parallel_for(exec->pool, count, AXM_GRAIN, forward_body, &task);
}

void axm_curve_backward(const axm_exec *exec, axm_curve kind, float a, float b, size_t count, const float *x, const float *dy,
                        bool accumulate, float *dx)
{
    curve_task task = {.kind = kind, .a = a, .b = b, .x = x, .dy = dy, .out = dx, .accumulate = accumulate};
    axm_parallel_for(exec->pool, count, AXM_GRAIN, backward_body, &task);
}
