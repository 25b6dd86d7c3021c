/* NEON (every 64-bit ARM): tiles of 8 rows by two vectors (16 sums, 8 vectors of a that hold four steps of k each, 2 of b). */
#include "kernels/table.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

#define LANES 4

static bool available(void)
{
    return true;
}

/* A NaN stays: both instructions return one when an operand is one. */
INLINE float32x4_t clamped(float32x4_t value, axm_clamp clamp)
{
    return vminq_f32(vmaxq_f32(value, vdupq_n_f32(clamp.low)), vdupq_n_f32(clamp.high));
}

INLINE float32x4_t load_first(const float *p, size_t count)
{
    float lanes[LANES] = {0};
    for (size_t i = 0; i < count && i < LANES; i++)
        lanes[i] = p[i];
    return vld1q_f32(lanes);
}

INLINE void store_first(float *p, size_t count, float32x4_t value)
{
    float lanes[LANES];
    vst1q_f32(lanes, value);
    for (size_t i = 0; i < count && i < LANES; i++)
        p[i] = lanes[i];
}

INLINE float32x4_t load(const float *p, size_t count)
{
    return count >= LANES ? vld1q_f32(p) : load_first(p, count);
}

INLINE void store(float *p, size_t count, float32x4_t value)
{
    if (count >= LANES) {
        vst1q_f32(p, value);
    } else {
        store_first(p, count, value);
    }
}

INLINE void finish(float32x4_t sum, float *c, size_t count, float32x4_t bias, const axm_tile *t)
{
    if (t->accumulate) sum = vaddq_f32(load(c + t->from, count), sum);
    store(c, count, clamped(vaddq_f32(sum, bias), t->clamp));
}

#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define DECLARE(i)   float32x4_t u##i = vdupq_n_f32(0), v##i = u##i;
#define LOAD_FOUR(i) const float32x4_t a##i = rows > i ? vld1q_f32(a + i * lda) : u##i;
#define STEP_LANE(i, lane)                                                                                                         \
    if (rows > i) {                                                                                                                \
        u##i = vfmaq_laneq_f32(u##i, b0, a##i, lane);                                                                              \
        if (vectors > 1) v##i = vfmaq_laneq_f32(v##i, b1, a##i, lane);                                                             \
    }
#define STEP_0(i) STEP_LANE(i, 0)
#define STEP_1(i) STEP_LANE(i, 1)
#define STEP_2(i) STEP_LANE(i, 2)
#define STEP_3(i) STEP_LANE(i, 3)
#define STEP_ONE(i)                                                                                                                \
    if (rows > i) {                                                                                                                \
        u##i = vfmaq_n_f32(u##i, b0, a[i * lda]);                                                                                  \
        if (vectors > 1) v##i = vfmaq_n_f32(v##i, b1, a[i * lda]);                                                                 \
    }
#define WITH_B(EACH_STEP)                                                                                                          \
    {                                                                                                                              \
        const float32x4_t b0 = vld1q_f32(b), b1 = vectors > 1 ? vld1q_f32(b + LANES) : b0;                                         \
        EACH_ROW(EACH_STEP)                                                                                                        \
        b += LANES * vectors;                                                                                                      \
    }
#define FINISH(i)                                                                                                                  \
    if (rows > i) {                                                                                                                \
        float *c = t->c[i] + t->column;                                                                                            \
        finish(u##i, c, columns, bias0, t);                                                                                        \
        if (vectors > 1) finish(v##i, c + LANES, columns - LANES, bias1, t);                                                       \
    }

/* rows and vectors are constants at every call. */
INLINE void tile_body(const size_t rows, const size_t vectors, size_t columns, const axm_tile *t)
{
    const size_t lda = t->lda;
    const float *a = t->a, *b = t->b;
    EACH_ROW(DECLARE)
    for (size_t left = t->k; left != 0; a += t->a_jump) {
        size_t k = axm_tile_run(t, left);
        left -= k;
        for (; k >= 4; k -= 4, a += 4) {
            EACH_ROW(LOAD_FOUR)
            WITH_B(STEP_0)
            WITH_B(STEP_1)
            WITH_B(STEP_2)
            WITH_B(STEP_3)
        }
        for (; k > 0; k--, a++)
            WITH_B(STEP_ONE)
    }
    float32x4_t bias0 = vdupq_n_f32(0), bias1 = bias0;
    if (t->bias != NULL) {
        bias0 = load(t->bias, columns);
        if (vectors > 1) bias1 = load(t->bias + LANES, columns - LANES);
    }
    EACH_ROW(FINISH)
}

#define TILE_CASES(vectors)                                                                                                        \
    switch (rows) {                                                                                                                \
    case 1: tile_body(1, vectors, columns, t); break;                                                                              \
    case 2: tile_body(2, vectors, columns, t); break;                                                                              \
    case 3: tile_body(3, vectors, columns, t); break;                                                                              \
    case 4: tile_body(4, vectors, columns, t); break;                                                                              \
    case 5: tile_body(5, vectors, columns, t); break;                                                                              \
    case 6: tile_body(6, vectors, columns, t); break;                                                                              \
    case 7: tile_body(7, vectors, columns, t); break;                                                                              \
    default: tile_body(8, vectors, columns, t); break;                                                                             \
    }

static void tile(size_t rows, size_t columns, const axm_tile *t)
{
    if (columns <= LANES) {
        TILE_CASES(1)
    } else {
        TILE_CASES(2)
    }
}

/* One row against `columns` rows of b; four sums in flight for each row. */
INLINE void dot_row(const size_t columns, size_t k, const float *a, const float *b, size_t ldb, float *out)
{
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
    for (size_t p = 0; p < k; p += LANES) {
        const size_t left = k - p;
        const float32x4_t x = load(a + p, left);
        s0 = vfmaq_f32(s0, x, load(b + p, left));
        if (columns > 1) s1 = vfmaq_f32(s1, x, load(b + ldb + p, left));
        if (columns > 2) s2 = vfmaq_f32(s2, x, load(b + 2 * ldb + p, left));
        if (columns > 3) s3 = vfmaq_f32(s3, x, load(b + 3 * ldb + p, left));
    }
    vst1q_f32(out, vpaddq_f32(vpaddq_f32(s0, s1), vpaddq_f32(s2, s3)));
}

static void dot(size_t rows, size_t columns, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *out)
{
    for (size_t i = 0; i < rows; i++, a += lda, out += AXM_DOT_COLUMNS) {
        switch (columns) {
        case 1: dot_row(1, k, a, b, ldb, out); break;
        case 2: dot_row(2, k, a, b, ldb, out); break;
        case 3: dot_row(3, k, a, b, ldb, out); break;
        default: dot_row(4, k, a, b, ldb, out); break;
        }
    }
}

static void axpy(size_t rows, const float *scale, const float *const *w, size_t count, float *y)
{
    for (size_t j = 0; j < count; j += LANES) {
        const size_t left = count - j;
        float32x4_t sum = load(y + j, left);
        for (size_t i = 0; i < rows; i++)
            sum = vfmaq_n_f32(sum, load(w[i] + j, left), scale[i]);
        store(y + j, left, sum);
    }
}

INLINE void depthwise_finish(float32x4_t sum, const axm_depthwise_run *r, size_t pixel, size_t c, size_t count)
{
    float *y = r->y + (ptrdiff_t)pixel * r->y_step + c;
    if (r->accumulate) sum = vaddq_f32(load(y, count), sum);
    if (r->bias != NULL) sum = vaddq_f32(sum, load(r->bias + c, count));
    store(y, count, clamped(sum, r->clamp));
}

/* `pixels` (1 or 4) pixels, one vector of channels. */
INLINE void depthwise_body(const size_t pixels, const axm_depthwise_run *r, size_t pixel, size_t c, size_t count)
{
    const ptrdiff_t step = r->x_step;
    const float *x = r->x + (ptrdiff_t)pixel * step + c;
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
    for (size_t i = 0; i < r->taps_h; i++) {
        const float *xs = x + (ptrdiff_t)i * r->x_row;
        const float *ws = r->w + (ptrdiff_t)i * r->w_row + c;
        for (size_t j = 0; j < r->taps_w; j++, xs += r->x_column, ws += r->w_column) {
            const float32x4_t w = load(ws, count);
            s0 = vfmaq_f32(s0, load(xs, count), w);
            if (pixels > 1) {
                s1 = vfmaq_f32(s1, load(xs + step, count), w);
                s2 = vfmaq_f32(s2, load(xs + 2 * step, count), w);
                s3 = vfmaq_f32(s3, load(xs + 3 * step, count), w);
            }
        }
    }
    depthwise_finish(s0, r, pixel, c, count);
    if (pixels > 1) {
        depthwise_finish(s1, r, pixel + 1, c, count);
        depthwise_finish(s2, r, pixel + 2, c, count);
        depthwise_finish(s3, r, pixel + 3, c, count);
    }
}

static void depthwise(const axm_depthwise_run *r)
{
    size_t pixel = 0;
    for (; pixel + 4 <= r->pixels; pixel += 4) {
        for (size_t c = 0; c < r->channels; c += LANES)
            depthwise_body(4, r, pixel, c, r->channels - c);
    }
    for (; pixel < r->pixels; pixel++) {
        for (size_t c = 0; c < r->channels; c += LANES)
            depthwise_body(1, r, pixel, c, r->channels - c);
    }
}

const axm_kernels axm_kernels_neon = {
    .name = "neon",
    .available = available,
    .lanes = LANES,
    .tile_rows = 8,
    .tile_columns = 2 * LANES,
    .tile = tile,
    .dot = dot,
    .axpy = axpy,
    .depthwise = depthwise,
    .transpose = axm_transpose_plain,
};

#endif
