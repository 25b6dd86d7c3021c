/* Gemm: A [M, K] ([K, M] with transA), B [K, N] ([N, K] with transB), C const or none, broadcast to [M, N]
 * -> alpha A B + beta C [M, N], file order. With B a weight it takes scale, shift, clamp and filters (columns) in the weights'
 * copy; with B computed it takes them too, column by column. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/common.h"

typedef struct gemm_params {
    float alpha, beta;
    bool transpose_a, transpose_b;
} gemm_params;

typedef struct gemm_state {
    int64_t m, n, k;   /* n: wanted columns */
    const float *raw;  /* a constant B as it lies in the file */
    const float *w;    /* a constant B with alpha, scale and filters in it; NULL: B is computed */
    bool w_is_kn;      /* w is [K, N], else [N, K] */
    const float *bias; /* [n] or [m, n]; NULL: none */
    bool bias_rows;    /* it is [m, n] */
} gemm_state;

static int32_t parse(const axm_attributes *attributes, axm_arena *arena, void *params)
{
    gemm_params *p = params;
    int64_t a, b;
    (void)arena;
    int32_t status = axm_attribute_float(attributes, "alpha", 1.0f, &p->alpha);
    if (status >= 0) status = axm_attribute_float(attributes, "beta", 1.0f, &p->beta);
    if (status >= 0) status = axm_attribute_int(attributes, "transA", 0, &a);
    if (status >= 0) status = axm_attribute_int(attributes, "transB", 0, &b);
    if (status < 0) return status;
    p->transpose_a = a != 0;
    p->transpose_b = b != 0;
    return ACTMAX_OK;
}

static int32_t infer(const axm_infer *infer)
{
    const gemm_params *p = infer->params;
    const axm_shape *a = &infer->inputs[0]->shape, *b = &infer->inputs[1]->shape;
    const axm_constant *unused, *c;
    char text_a[AXM_SHAPE_TEXT], text_b[AXM_SHAPE_TEXT];
    axm_shape_text(a, text_a);
    axm_shape_text(b, text_b);
    AXM_OP_CHECK(a->rank == 2, "Gemm needs an input of 2 axes, got %s; is a Flatten missing before it?", text_a);
    AXM_OP_CHECK(b->rank == 2, "Gemm needs B of 2 axes, got %s", text_b);
    int64_t k = a->dim[p->transpose_a ? 0 : 1];
    AXM_OP_CHECK(b->dim[p->transpose_b ? 1 : 0] == k,
                 "Gemm needs B with %lld %s to match its input %s, got %s; the network may be made for another input size",
                 (long long)k, p->transpose_b ? "columns" : "rows", text_a, text_b);
    axm_shape y = {.rank = 2, .dim = {a->dim[p->transpose_a ? 1 : 0], b->dim[p->transpose_b ? 0 : 1]}};
    int32_t status = ACTMAX_OK;
    if (infer->inputs[1]->constant) status = axm_op_weight("Gemm", "B", infer->inputs[1], &unused);
    if (status >= 0) status = axm_op_weight("Gemm", "C", axm_op_input(infer->inputs, infer->input_count, 2), &c);
    if (status < 0) return status;
    axm_shape both;
    AXM_OP_CHECK(!c || (axm_shape_broadcast(&y, &c->shape, &both) && axm_shape_equal(&y, &both)),
                 "Gemm needs C that broadcasts to %s, got %s", axm_shape_text(&y, text_a), axm_shape_text(&c->shape, text_b));
    return axm_op_output(infer, "Gemm", 0, &y);
}

/* ---- Prepare ---- */

static int64_t column_at(const axm_step *step, int64_t j)
{
    return step->filters ? step->filters[j] : j;
}

/* The factor of a wanted column, alpha included. */
static float factor_at(const axm_step *step, int64_t j)
{
    const gemm_params *p = step->params;
    return p->alpha * (step->scale ? step->scale[column_at(step, j)] : 1.0f);
}

/* Element i of floats that may lie at any byte. */
static float float_at(const float *floats, int64_t i)
{
    float value;
    memcpy(&value, (const char *)floats + i * (int64_t)sizeof value, sizeof value);
    return value;
}

/* Whether forward and backward go to the kernels of dense layers: no transposed A, one bias for all rows. */
static bool is_dense(const axm_step *step)
{
    const gemm_params *p = step->params;
    const axm_constant *c = step->input_count > 2 && step->inputs[2] ? step->inputs[2]->constant : NULL;
    return !p->transpose_a && !(p->beta != 0.0f && c && c->shape.rank == 2 && c->shape.dim[0] > 1);
}

/* The wanted columns of B times their factors, as [n, K]. */
static void make_weights(const axm_step *step, const axm_kernels *kernels, int32_t kind, void *packed)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    int64_t columns = step->inputs[1]->shape.dim[p->transpose_b ? 0 : 1];
    float *w = packed;
    (void)kernels;
    (void)kind;
    for (int64_t j = 0; j < s->n; ++j) {
        int64_t column = column_at(step, j);
        float factor = factor_at(step, j);
        for (int64_t i = 0; i < s->k; ++i)
            w[j * s->k + i] = factor * float_at(s->raw, p->transpose_b ? column * s->k + i : i * columns + column);
    }
}

static int32_t set_weights(axm_prepare *prepare, gemm_state *s)
{
    const axm_step *step = prepare->step;
    const gemm_params *p = step->params;
    const axm_constant *b = step->inputs[1]->constant;
    if (!b) return ACTMAX_OK;
    int32_t status = is_dense(step) ? axm_prepare_dense_floats(prepare, b, s->m, &s->raw) : axm_prepare_floats(prepare, b, &s->raw);
    if (status < 0) return status;
    s->w = s->raw;
    s->w_is_kn = !p->transpose_b;
    if (p->alpha == 1.0f && !step->scale && !step->filters) return ACTMAX_OK;
    size_t bytes;
    const void *made;
    if (!axm_mul_size((size_t)s->n, (size_t)s->k, &bytes) || !axm_mul_size(bytes, sizeof(float), &bytes))
        return axm_no_memory(UINT64_MAX, "weights of a dense layer");
    status = axm_prepare_packed(prepare, 0, bytes, make_weights, &made);
    if (status < 0) return status;
    s->w = made;
    s->w_is_kn = false;
    return ACTMAX_OK;
}

static int32_t set_bias(axm_prepare *prepare, gemm_state *s)
{
    const axm_step *step = prepare->step;
    const gemm_params *p = step->params;
    const axm_constant *c = step->input_count > 2 && step->inputs[2] ? step->inputs[2]->constant : NULL;
    if (p->beta == 0.0f) c = NULL;
    if (!c && !step->shift) return ACTMAX_OK;
    int32_t rank = c ? c->shape.rank : 0;
    int64_t columns = rank >= 1 ? c->shape.dim[rank - 1] : 1, rows = rank == 2 ? c->shape.dim[0] : 1;
    bool plain = rows == 1 && columns == s->n && p->beta == 1.0f && !step->filters && !step->scale && !step->shift;
    if (plain) return axm_prepare_floats(prepare, c, &s->bias);
    s->bias_rows = rows > 1;
    float *bias = axm_prepare_memory(prepare, (size_t)(rows * s->n) * sizeof *bias);
    if (!bias) return ACTMAX_ERROR_NO_MEMORY;
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < s->n; ++j) {
            int64_t column = column_at(step, j);
            double scale = step->scale ? (double)step->scale[column] : 1.0, shift = step->shift ? (double)step->shift[column] : 0.0;
            double own = c ? (double)p->beta * axm_constant_number(c, i * columns + (columns > 1 ? column : 0)) : 0.0;
            bias[i * s->n + j] = (float)(scale * own + shift);
        }
    s->bias = bias;
    return ACTMAX_OK;
}

static int32_t prepare(axm_prepare *prepare)
{
    axm_step *step = prepare->step;
    const gemm_params *p = step->params;
    const axm_shape *a = &step->inputs[0]->shape, *b = &step->inputs[1]->shape;
    gemm_state *s = axm_prepare_memory(prepare, sizeof *s);
    if (!s) return ACTMAX_ERROR_NO_MEMORY;
    step->state = s;
    s->m = a->dim[p->transpose_a ? 1 : 0];
    s->k = a->dim[p->transpose_a ? 0 : 1];
    s->n = step->filters ? step->filter_count : b->dim[p->transpose_b ? 0 : 1];
    const axm_tensor *input = step->inputs[0];
    if (input->constant)
        return axm_fail(ACTMAX_ERROR_UNSUPPORTED, "Gemm with a constant A and a computed B is not supported; use MatMul");
    int32_t status = set_weights(prepare, s);
    return status < 0 ? status : set_bias(prepare, s);
}

/* ---- Run ---- */

/* Blocks of columns that one product computes: all at once, or (filters or scale on a computed B) one by one. */
static int64_t block_count(const axm_step *step, const gemm_state *s)
{
    return step->filters || step->scale ? s->n : 1;
}

static const float *block_of(const axm_step *step, const float *b, int64_t j)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    return b + column_at(step, j) * (p->transpose_b ? s->k : 1);
}

static void multiply(const axm_step *step, const axm_exec *exec)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    const float *a = step->inputs[0]->data;
    float *y = step->outputs[0]->data;
    int64_t lda = p->transpose_a ? s->m : s->k;
    if (s->w) {
        axm_gemm(exec, p->transpose_a, !s->w_is_kn, s->m, s->n, s->k, 1.0f, a, lda, s->w, s->w_is_kn ? s->n : s->k, false, y, s->n);
        return;
    }
    int64_t blocks = block_count(step, s), ldb = step->inputs[1]->shape.dim[1];
    for (int64_t j = 0; j < blocks; ++j)
        axm_gemm(exec, p->transpose_a, p->transpose_b, s->m, blocks > 1 ? 1 : s->n, s->k, factor_at(step, j), a, lda,
                 block_of(step, step->inputs[1]->data, j), ldb, false, y + j, s->n);
}

static void forward(const axm_step *step, const axm_exec *exec)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    float *y = step->outputs[0]->data;
    bool clamps = step->clamp.low != -INFINITY || step->clamp.high != INFINITY;
    if (s->w && !p->transpose_a && !s->bias_rows) {
        axm_dense_forward(exec, s->m, s->n, s->k, step->inputs[0]->data, s->w, s->w_is_kn, s->bias, step->clamp, y);
        return;
    }
    multiply(step, exec);
    if (s->bias_rows) {
        int64_t dims[2] = {s->m, s->n}, strides[2] = {s->n, 1};
        axm_binary_forward(exec, AXM_BINARY_ADD, 2, dims, y, strides, s->bias, strides, step->clamp, y);
    } else if (s->bias || clamps) {
        axm_channel_affine_forward(exec, (size_t)s->m, (size_t)s->n, y, NULL, s->bias, step->clamp, y);
    }
}

/* dA, for w or B as [K, n] (kn) or [n, K]: dA = dy w^T, or its transpose where A is transposed. */
static void backward_a(const axm_step *step, const axm_exec *exec, const float *dy, const float *b, bool kn, int64_t ldb, int64_t n,
                       float factor, bool accumulate)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    float *da = step->inputs[0]->grad;
    if (p->transpose_a)
        axm_gemm(exec, !kn, true, s->k, s->m, n, factor, b, ldb, dy, s->n, accumulate, da, s->m);
    else
        axm_gemm(exec, false, kn, s->m, s->k, n, factor, dy, s->n, b, ldb, accumulate, da, s->k);
}

/* dB: [K, N] = A^T dy, or [N, K] = dy^T A. */
static void backward_b(const axm_step *step, const axm_exec *exec, int64_t j, int64_t n, bool accumulate)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    const float *a = step->inputs[0]->data, *dy = step->outputs[0]->grad + j;
    int64_t lda = p->transpose_a ? s->m : s->k, ldb = step->inputs[1]->shape.dim[1];
    float *db = step->inputs[1]->grad + column_at(step, j) * (p->transpose_b ? s->k : 1), factor = factor_at(step, j);
    if (p->transpose_b)
        axm_gemm(exec, true, p->transpose_a, n, s->k, s->m, factor, dy, s->n, a, lda, accumulate, db, ldb);
    else
        axm_gemm(exec, !p->transpose_a, false, s->k, n, s->m, factor, a, lda, dy, s->n, accumulate, db, ldb);
}

static void backward(const axm_step *step, const axm_exec *exec, int32_t input, bool accumulate)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    const float *dy = step->outputs[0]->grad;
    if (s->w && !p->transpose_a) {
        axm_dense_backward(exec, s->m, s->n, s->k, dy, s->w, s->w_is_kn, accumulate, step->inputs[0]->grad);
        return;
    }
    if (s->w) {
        backward_a(step, exec, dy, s->w, s->w_is_kn, s->w_is_kn ? s->n : s->k, s->n, 1.0f, accumulate);
        return;
    }
    int64_t blocks = block_count(step, s), n = blocks > 1 ? 1 : s->n, ldb = step->inputs[1]->shape.dim[1];
    if (input == 1 && step->filters && !accumulate) { /* columns that are not wanted get no gradient */
        int64_t count = axm_shape_count(&step->inputs[1]->shape);
        for (int64_t i = 0; i < count; ++i)
            step->inputs[1]->grad[i] = 0.0f;
        accumulate = true;
    }
    for (int64_t j = 0; j < blocks; ++j) {
        if (input == 0)
            backward_a(step, exec, dy + j, block_of(step, step->inputs[1]->data, j), !p->transpose_b, ldb, n, factor_at(step, j),
                       accumulate || j > 0);
        else
            backward_b(step, exec, j, n, accumulate);
    }
}

/* The kernels of dense layers do, see forward and backward. */
static bool takes_images(const axm_step *step)
{
    const gemm_params *p = step->params;
    const gemm_state *s = step->state;
    return s->w && !p->transpose_a && !s->bias_rows && axm_dense_takes_images(s->m);
}

static int64_t multiplications(const axm_step *step)
{
    const gemm_params *p = step->params;
    int64_t k = step->inputs[0]->shape.dim[p->transpose_a ? 0 : 1], total;
    return axm_mul_i64(axm_shape_count(&step->outputs[0]->shape), k, &total) ? total : INT64_MAX;
}

const axm_op axm_op_Gemm = {.name = "Gemm",
                            .min_inputs = 2,
                            .max_inputs = 3,
                            .outputs = 1,
                            .flags = AXM_OP_FOLDS_AFFINE | AXM_OP_FUSES_CLAMP | AXM_OP_SLICES | AXM_OP_READS_INPUTS,
                            .params_size = sizeof(gemm_params),
                            .parse = parse,
                            .infer = infer,
                            .prepare = prepare,
                            .forward = forward,
                            .backward = backward,
                            .multiplications = multiplications,
                            .takes_images = takes_images};
