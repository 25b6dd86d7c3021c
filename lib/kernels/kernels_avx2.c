/* AVX2 with FMA: tiles of 6 rows by two vectors (12 sums, 2 vectors of b and 1 broadcast fill 15 of the 16 registers). */
#include "kernels/table.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline, target("avx2,fma")))

#define LANES 8

static bool available(void)
{
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
}

INLINE __m256i first_lanes(size_t count)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count < LANES ? count : LANES)), lane);
}

INLINE __m256 load(const bool masked, __m256i mask, const float *p)
{
    return masked ? _mm256_maskload_ps(p, mask) : _mm256_loadu_ps(p);
}

INLINE void store(const bool masked, __m256i mask, float *p, __m256 value)
{
    if (masked) {
        _mm256_maskstore_ps(p, mask, value);
    } else {
        _mm256_storeu_ps(p, value);
    }
}

/* The operand order of min and max lets a NaN through. */
INLINE __m256 clamped(__m256 value, axm_clamp clamp)
{
    return _mm256_min_ps(_mm256_set1_ps(clamp.high), _mm256_max_ps(_mm256_set1_ps(clamp.low), value));
}

INLINE void finish(__m256 sum, float *c, const bool masked, __m256i mask, __m256 bias, const axm_tile *t)
{
    if (t->accumulate) sum = _mm256_add_ps(load(masked, mask, c + t->from), sum);
    store(masked, mask, c, clamped(_mm256_add_ps(sum, bias), t->clamp));
}

/* X(row, pointer, multiple): row i is read at pointer i/3 plus (i%3) lda, which the addressing modes reach with few registers. */
#define EACH_ROW(X)                                                                                                                \
    X(0, p0, 0)                                                                                                                    \
    X(1, p0, 1)                                                                                                                    \
    X(2, p0, 2)                                                                                                                    \
    X(3, p1, 0)                                                                                                                    \
    X(4, p1, 1)                                                                                                                    \
    X(5, p1, 2)

#define DECLARE(i, p, q) __m256 u##i = _mm256_setzero_ps(), v##i = _mm256_setzero_ps();
#define STEP(i, p, q)                                                                                                              \
    if (rows > i) {                                                                                                                \
        const __m256 s = _mm256_broadcast_ss(p + q * lda);                                                                         \
        u##i = _mm256_fmadd_ps(s, b0, u##i);                                                                                       \
        if (vectors > 1) v##i = _mm256_fmadd_ps(s, b1, v##i);                                                                      \
    }
#define FINISH(i, p, q)                                                                                                            \
    if (rows > i) {                                                                                                                \
        float *c = t->c[i] + t->column;                                                                                            \
        finish(u##i, c, masked &&vectors == 1, mask, bias0, t);                                                                    \
        if (vectors > 1) finish(v##i, c + LANES, masked, mask, bias1, t);                                                          \
    }

/* mask: of the last vector. rows, vectors and masked are constants at every call. */
INLINE void tile_body(const size_t rows, const int vectors, const bool masked, __m256i mask, const axm_tile *t)
{
    const size_t lda = t->lda;
    const float *b = t->b;
    const float *p0 = t->a;
    const float *p1 = rows > 3 ? p0 + 3 * lda : p0;
    __asm__("" : "+r"(p1)); /* keeps the two pointers apart, else the compiler makes six */
    EACH_ROW(DECLARE)
    for (size_t left = t->k; left != 0; p0 += t->a_jump, p1 += t->a_jump) {
        size_t run = axm_tile_run(t, left);
        for (left -= run; run != 0; run--) {
            const __m256 b0 = _mm256_loadu_ps(b);
            const __m256 b1 = vectors > 1 ? _mm256_loadu_ps(b + LANES) : b0;
            EACH_ROW(STEP)
            b += LANES * vectors;
            p0++;
            p1++;
        }
    }
    __m256 bias0 = _mm256_setzero_ps(), bias1 = bias0;
    if (t->bias != NULL) {
        bias0 = load(masked && vectors == 1, mask, t->bias);
        if (vectors > 1) bias1 = load(masked, mask, t->bias + LANES);
    }
    EACH_ROW(FINISH)
}

#define TILE_CASES(vectors, masked)                                                                                                \
    switch (rows) {                                                                                                                \
    case 1: tile_body(1, vectors, masked, mask, t); break;                                                                         \
    case 2: tile_body(2, vectors, masked, mask, t); break;                                                                         \
    case 3: tile_body(3, vectors, masked, mask, t); break;                                                                         \
    case 4: tile_body(4, vectors, masked, mask, t); break;                                                                         \
    case 5: tile_body(5, vectors, masked, mask, t); break;                                                                         \
    default: tile_body(6, vectors, masked, mask, t); break;                                                                        \
    }

TARGET static void tile(size_t rows, size_t columns, const axm_tile *t)
{
    const __m256i mask = first_lanes(columns > LANES ? columns - LANES : columns);
    if (columns <= LANES) {
        TILE_CASES(1, true)
    } else if (columns < 2 * LANES) {
        TILE_CASES(2, true)
    } else {
        TILE_CASES(2, false)
    }
}

/* The sums of four vectors, in one fixed order. */
INLINE __m128 sum_four(__m256 a, __m256 b, __m256 c, __m256 d)
{
    const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
}

#define DOT_CELL(j)                                                                                                                \
    if (columns > j) {                                                                                                             \
        const __m256 w = load(masked, mask, b + j * ldb + p);                                                                      \
        s0##j = _mm256_fmadd_ps(x0, w, s0##j);                                                                                     \
        if (rows > 1) s1##j = _mm256_fmadd_ps(x1, w, s1##j);                                                                       \
    }
#define DOT_STEP(is_masked)                                                                                                        \
    {                                                                                                                              \
        const bool masked = is_masked;                                                                                             \
        const __m256 x0 = load(masked, mask, a + p);                                                                               \
        const __m256 x1 = rows > 1 ? load(masked, mask, a + lda + p) : x0;                                                         \
        DOT_CELL(0) DOT_CELL(1) DOT_CELL(2) DOT_CELL(3)                                                                            \
    }

/* One or two rows: four by four sums would not fit the registers. */
INLINE void dot_body(const size_t rows, const size_t columns, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                     float *out)
{
    const __m256 zero = _mm256_setzero_ps();
    const __m256i mask = first_lanes(k % LANES);
    __m256 s00 = zero, s01 = zero, s02 = zero, s03 = zero, s10 = zero, s11 = zero, s12 = zero, s13 = zero;
    size_t p = 0;
    for (; p + LANES <= k; p += LANES)
        DOT_STEP(false)
    if (p < k) DOT_STEP(true)
    _mm_storeu_ps(out, sum_four(s00, s01, s02, s03));
    if (rows > 1) _mm_storeu_ps(out + AXM_DOT_COLUMNS, sum_four(s10, s11, s12, s13));
}

#define DOT_COLUMNS(rows)                                                                                                          \
    switch (columns) {                                                                                                             \
    case 1: dot_body(rows, 1, k, a, lda, b, ldb, out); break;                                                                      \
    case 2: dot_body(rows, 2, k, a, lda, b, ldb, out); break;                                                                      \
    case 3: dot_body(rows, 3, k, a, lda, b, ldb, out); break;                                                                      \
    default: dot_body(rows, 4, k, a, lda, b, ldb, out); break;                                                                     \
    }

TARGET static void dot(size_t rows, size_t columns, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *out)
{
    for (; rows >= 2; rows -= 2, a += 2 * lda, out += 2 * AXM_DOT_COLUMNS)
        DOT_COLUMNS(2)
    if (rows > 0) DOT_COLUMNS(1)
}

INLINE void axpy_step(const size_t rows, const bool masked, __m256i mask, const __m256 s[AXM_AXPY_ROWS], const float *const *w,
                      size_t j, float *y)
{
    __m256 sum = load(masked, mask, y + j);
    sum = _mm256_fmadd_ps(s[0], load(masked, mask, w[0] + j), sum);
    if (rows > 1) sum = _mm256_fmadd_ps(s[1], load(masked, mask, w[1] + j), sum);
    if (rows > 2) sum = _mm256_fmadd_ps(s[2], load(masked, mask, w[2] + j), sum);
    if (rows > 3) sum = _mm256_fmadd_ps(s[3], load(masked, mask, w[3] + j), sum);
    store(masked, mask, y + j, sum);
}

INLINE void axpy_body(const size_t rows, const float *scale, const float *const *w, size_t count, float *y)
{
    const __m256i mask = first_lanes(count % LANES);
    __m256 s[AXM_AXPY_ROWS];
    for (size_t i = 0; i < AXM_AXPY_ROWS; i++)
        s[i] = _mm256_set1_ps(scale[i < rows ? i : 0]);
    size_t j = 0;
    for (; j + LANES <= count; j += LANES)
        axpy_step(rows, false, mask, s, w, j, y);
    if (j < count) axpy_step(rows, true, mask, s, w, j, y);
}

TARGET static void axpy(size_t rows, const float *scale, const float *const *w, size_t count, float *y)
{
    switch (rows) {
    case 1: axpy_body(1, scale, w, count, y); break;
    case 2: axpy_body(2, scale, w, count, y); break;
    case 3: axpy_body(3, scale, w, count, y); break;
    default: axpy_body(4, scale, w, count, y); break;
    }
}

INLINE void depthwise_finish(__m256 sum, const axm_depthwise_run *r, size_t pixel, size_t c, const bool masked, __m256i mask)
{
    float *y = r->y + (ptrdiff_t)pixel * r->y_step + c;
    if (r->accumulate) sum = _mm256_add_ps(load(masked, mask, y), sum);
    if (r->bias != NULL) sum = _mm256_add_ps(sum, load(masked, mask, r->bias + c));
    store(masked, mask, y, clamped(sum, r->clamp));
}

/* `pixels` (1 or 4) pixels, one vector of channels. */
INLINE void depthwise_body(const size_t pixels, const bool masked, __m256i mask, const axm_depthwise_run *r, size_t pixel, size_t c)
{
    const ptrdiff_t step = r->x_step;
    const float *x = r->x + (ptrdiff_t)pixel * step + c;
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    for (size_t i = 0; i < r->taps_h; i++) {
        const float *xs = x + (ptrdiff_t)i * r->x_row;
        const float *ws = r->w + (ptrdiff_t)i * r->w_row + c;
        for (size_t j = 0; j < r->taps_w; j++, xs += r->x_column, ws += r->w_column) {
            const __m256 w = load(masked, mask, ws);
            s0 = _mm256_fmadd_ps(load(masked, mask, xs), w, s0);
            if (pixels > 1) {
                s1 = _mm256_fmadd_ps(load(masked, mask, xs + step), w, s1);
                s2 = _mm256_fmadd_ps(load(masked, mask, xs + 2 * step), w, s2);
                s3 = _mm256_fmadd_ps(load(masked, mask, xs + 3 * step), w, s3);
            }
        }
    }
    depthwise_finish(s0, r, pixel, c, masked, mask);
    if (pixels > 1) {
        depthwise_finish(s1, r, pixel + 1, c, masked, mask);
        depthwise_finish(s2, r, pixel + 2, c, masked, mask);
        depthwise_finish(s3, r, pixel + 3, c, masked, mask);
    }
}

TARGET static void depthwise(const axm_depthwise_run *r)
{
    const __m256i mask = first_lanes(r->channels % LANES);
    size_t pixel = 0;
    for (; pixel + 4 <= r->pixels; pixel += 4) {
        size_t c = 0;
        for (; c + LANES <= r->channels; c += LANES)
            depthwise_body(4, false, mask, r, pixel, c);
        if (c < r->channels) depthwise_body(4, true, mask, r, pixel, c);
    }
    for (; pixel < r->pixels; pixel++) {
        size_t c = 0;
        for (; c + LANES <= r->channels; c += LANES)
            depthwise_body(1, false, mask, r, pixel, c);
        if (c < r->channels) depthwise_body(1, true, mask, r, pixel, c);
    }
}

/* 8 by 8: pairs of rows, then of pairs, then the halves change places. */
TARGET static void transpose_block(const float *a, size_t lda, float *b, size_t ldb)
{
    __m256 r[8], p[8], q[8];
    for (int i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(a + (size_t)i * lda);
    for (int i = 0; i < 8; i += 2) {
        p[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        p[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        q[i] = _mm256_shuffle_ps(p[i], p[i + 2], 0x44);
        q[i + 1] = _mm256_shuffle_ps(p[i], p[i + 2], 0xee);
        q[i + 2] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0x44);
        q[i + 3] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(b + (size_t)i * ldb, _mm256_permute2f128_ps(q[i], q[i + 4], 0x20));
        _mm256_storeu_ps(b + (size_t)(i + 4) * ldb, _mm256_permute2f128_ps(q[i], q[i + 4], 0x31));
    }
}

static void transpose(size_t rows, size_t columns, const float *a, size_t lda, float *b, size_t ldb)
{
    size_t i = 0;
    for (; i + LANES <= rows; i += LANES) {
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES)
            transpose_block(a + i * lda + j, lda, b + j * ldb + i, ldb);
        axm_transpose_plain(LANES, columns - j, a + i * lda + j, lda, b + j * ldb + i, ldb);
    }
    axm_transpose_plain(rows - i, columns, a + i * lda, lda, b + i, ldb);
}

const axm_kernels axm_kernels_avx2 = {
    .name = "avx2",
    .available = available,
    .lanes = LANES,
    .tile_rows = 6,
    .tile_columns = 2 * LANES,
    .tile = tile,
    .dot = dot,
    .axpy = axpy,
    .depthwise = depthwise,
    .transpose = transpose,
};

#endif
