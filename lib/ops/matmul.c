/* MatMul: A [..., M, K], B [..., K, N] -> [..., M, N], file order; batch axes broadcast as in NumPy, and an operand of one axis
 * is a row (A) or a column (B) whose axis is left out of the result. A weight B of two axes is a dense layer. */
#include <math.h>

#include "base/checked.h"
#include "ops/common.h"

typedef struct matmul_dims {
    int64_t m, n, k;
    int32_t batch_rank;
    int64_t batch[AXM_MAX_RANK];
    int64_t stride[2][AXM_MAX_RANK]; /* of A and B over the batch axes, in elements, 0 where broadcast */
    axm_shape output;
} matmul_dims;

typedef struct matmul_state {
    matmul_dims dims;
    const float *constant[2];
    bool dense;
} matmul_state;

/* The axis `back` places before the last one, of a shape that is taken as a matrix. */
static int64_t matrix_dim(const axm_shape *shape, bool right, int32_t row)
{
    if (shape->rank == 1) return (row == 0) == right ? shape->dim[0] : 1;
    return shape->dim[shape->rank - 2 + row];
}

static void batch_strides(const axm_shape *shape, const matmul_dims *dims, int64_t stride[AXM_MAX_RANK])
{
    int32_t own = shape->rank > 2 ? shape->rank - 2 : 0, missing = dims->batch_rank - own;
    int64_t step = shape->rank >= 2 ? shape->dim[shape->rank - 1] * shape->dim[shape->rank - 2] : 0;
    for (int32_t i = own - 1; i >= 0; --i) {
        stride[missing + i] = shape->dim[i] == 1 ? 0 : step;
        step *= shape->dim[i];
    }
    for (int32_t i = 0; i < missing; ++i)
        stride[i] = 0;
}

static int32_t find_dims(const axm_shape *a, const axm_shape *b, matmul_dims *d)
{
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    axm_shape_text(a, text_a);
    axm_shape_text(b, text_b);
    AXM_OP_CHECK(a->rank >= 1 && b->rank >= 1, "MatMul needs operands with axes, got %s and %s", text_a, text_b);
    *d = (matmul_dims){.m = matrix_dim(a, false, 0), .k = matrix_dim(a, false, 1), .n = matrix_dim(b, true, 1)};
    AXM_OP_CHECK(matrix_dim(b, true, 0) == d->k, "MatMul cannot multiply %s by %s: the inner sizes differ", text_a, text_b);
    axm_shape batch_a = {.rank = a->rank > 2 ? a->rank - 2 : 0}, batch_b = {.rank = b->rank > 2 ? b->rank - 2 : 0};
    for (int32_t i = 0; i < batch_a.rank; ++i)
        batch_a.dim[i] = a->dim[i];
    for (int32_t i = 0; i < batch_b.rank; ++i)
        batch_b.dim[i] = b->dim[i];
    AXM_OP_CHECK(axm_shape_broadcast(&batch_a, &batch_b, &d->output),
                 "MatMul cannot multiply %s by %s: their leading axes do not fit", text_a, text_b);
    d->batch_rank = d->output.rank;
    for (int32_t i = 0; i < d->batch_rank; ++i)
        d->batch[i] = d->output.dim[i];
    batch_strides(a, d, d->stride[0]);
    batch_strides(b, d, d->stride[1]);
    if (a->rank > 1) d->output.dim[d->output.rank++] = d->m;
    if (b->rank > 1) d->output.dim[d->output.rank++] = d->n;
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    matmul_dims dims;
    const axm_constant *unused;
    int32_t status = find_dims(&infer->inputs[0]->shape, &infer->inputs[1]->shape, &dims);
    for (int32_t i = 0; i < 2 && status >= 0; ++i)
        if (infer->inputs[i]->constant) status = axm_op_weight("MatMul", i ? "B" : "A", infer->inputs[i], &unused);
    return status < 0 ? status : axm_op_output(infer, "MatMul", 0, &dims.output);
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    matmul_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    int32_t status = find_dims(&step->inputs[0]->shape, &step->inputs[1]->shape, &s->dims);
    if (status < 0) return status;
    const axm_tensor *a = step->inputs[0], *b = step->inputs[1];
    s->dense = b->constant && !a->constant && b->shape.rank <= 2;
    if (s->dense) { /* all leading axes of A are rows */
        s->dims.m = axm_shape_count(&a->shape) / s->dims.k;
        return axm_prepare_dense_floats(prepare, b->constant, s->dims.m, &s->constant[1]);
    }
    status = axm_op_constant_input(prepare, 0, &s->constant[0]);
    return status < 0 ? status : axm_op_constant_input(prepare, 1, &s->constant[1]);
}

/* ---- Run ---- */

/* Where the matrices of batch entry `index` begin. */
static void offsets(const matmul_dims *d, int64_t index, int64_t *a, int64_t *b)
{
    *a = *b = 0;
    for (int32_t i = d->batch_rank - 1; i >= 0; --i) {
        int64_t at = index % d->batch[i];
        index /= d->batch[i];
        *a += at * d->stride[0][i];
        *b += at * d->stride[1][i];
    }
}

static int64_t batches(const matmul_dims *d)
{
    int64_t count = 1;
    for (int32_t i = 0; i < d->batch_rank; ++i)
        count *= d->batch[i];
    return count;
}

static const float *operand(const axm_step *step, int32_t i)
{
    const matmul_state *s = step->state;
    return s->constant[i] ? s->constant[i] : step->inputs[i]->data;
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const matmul_state *s = step->state;
    const matmul_dims *d = &s->dims;
    const float *a = operand(step, 0), *b = operand(step, 1);
    float *y = step->outputs[0]->data;
    if (s->dense) {
        axm_clamp none = {-INFINITY, INFINITY};
        axm_dense_forward(exec, d->m, d->n, d->k, a, b, true, NULL, none, y);
        return;
    }
    for (int64_t i = 0; i < batches(d); ++i) {
        int64_t at_a, at_b;
        offsets(d, i, &at_a, &at_b);
        axm_gemm(exec, false, false, d->m, d->n, d->k, 1.0f, a + at_a, d->k, b + at_b, d->n, false, y + i * d->m * d->n, d->n);
    }
}

/* An operand that is broadcast collects from several batch entries: then it starts from zero and everything is added. */
static bool start_from_zero(const axm_step *step, int32_t input, bool accumulate)
{
    const matmul_state *s = step->state;
    int64_t count = axm_shape_count(&step->inputs[input]->shape);
    int64_t each = input == 0 ? s->dims.m * s->dims.k : s->dims.k * s->dims.n;
    if (accumulate || batches(&s->dims) * each == count) return accumulate;
    for (int64_t i = 0; i < count; ++i)
        step->inputs[input]->grad[i] = 0.0f;
    return true;
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const matmul_state *s = step->state;
    const matmul_dims *d = &s->dims;
    const float *dy = step->outputs[0]->grad;
    float *dx = step->inputs[input]->grad;
    if (s->dense) {
        axm_dense_backward(exec, d->m, d->n, d->k, dy, s->constant[1], true, accumulate, dx);
        return;
    }
    accumulate = start_from_zero(step, input, accumulate);
    const float *other = operand(step, 1 - input);
    for (int64_t i = 0; i < batches(d); ++i) {
        const float *dy_i = dy + i * d->m * d->n;
        int64_t at_a, at_b;
        offsets(d, i, &at_a, &at_b);
        if (input == 0) /* dA = dy B^T */
            axm_gemm(exec, false, true, d->m, d->k, d->n, 1.0f, dy_i, d->n, other + at_b, d->n, accumulate, dx + at_a, d->k);
        else /* dB = A^T dy */
            axm_gemm(exec, true, false, d->k, d->n, d->m, 1.0f, other + at_a, d->k, dy_i, d->n, accumulate, dx + at_b, d->n);
    }
}

static bool takes_images(const axm_step *step)
{
    const matmul_state *s = step->state;
    return s->dense && axm_dense_takes_images(s->dims.m);
}

static int64_t multiplications(const axm_step *step)
{
    const matmul_state *s = step->state;
    int64_t total;
    return s && axm_mul_i64(axm_shape_count(&step->outputs[0]->shape), s->dims.k, &total) ? total : INT64_MAX;
}

const axm_op axm_op_MatMul = {.name = "MatMul",
                              .min_inputs = 2,
                              .max_inputs = 2,
                              .outputs = 1,
                              .flags = AXM_OP_READS_INPUTS,
                              .infer = infer,
                              .prepare = prepare,
                              .forward = forward,
                              .backward = backward,
                              .multiplications = multiplications,
                              .takes_images = takes_images};
