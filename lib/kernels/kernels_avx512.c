/* AVX-512F: tiles of 14 rows by two vectors (28 sums, 2 vectors of b and 1 broadcast fill the 32 registers). */
#include "kernels/table.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,prfchw")))
#define INLINE static inline __attribute__((always_inline, target("avx512f,prfchw")))

#define LANES 16

static bool available(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

INLINE __mmask16 first_lanes(size_t count)
{
    return (__mmask16)(count >= LANES ? 0xffffu : (1u << count) - 1u);
}

/* sum -> c. The operand order of min and max lets a NaN through. */
INLINE void finish(__m512 sum, float *c, const bool masked, __mmask16 mask, __m512 bias, const axm_tile *t)
{
    if (t->accumulate) {
        const float *before = c + t->from;
        sum = _mm512_add_ps(masked ? _mm512_maskz_loadu_ps(mask, before) : _mm512_loadu_ps(before), sum);
    }
    sum = _mm512_add_ps(sum, bias);
    sum = _mm512_min_ps(_mm512_set1_ps(t->clamp.high), _mm512_max_ps(_mm512_set1_ps(t->clamp.low), sum));
    if (masked) {
        _mm512_mask_storeu_ps(c, mask, sum);
    } else {
        _mm512_storeu_ps(c, sum);
    }
}

/* X(row, pointer, multiple): row i is read at pointer i/4 plus (i%4) lda, which the addressing modes reach with few registers. */
#define EACH_ROW(X)                                                                                                                \
    X(0, p0, 0)                                                                                                                    \
    X(1, p0, 1)                                                                                                                    \
    X(2, p0, 2)                                                                                                                    \
    X(3, p0, 3)                                                                                                                    \
    X(4, p1, 0)                                                                                                                    \
    X(5, p1, 1)                                                                                                                    \
    X(6, p1, 2)                                                                                                                    \
    X(7, p1, 3)                                                                                                                    \
    X(8, p2, 0)                                                                                                                    \
    X(9, p2, 1)                                                                                                                    \
    X(10, p2, 2)                                                                                                                   \
    X(11, p2, 3)                                                                                                                   \
    X(12, p3, 0)                                                                                                                   \
    X(13, p3, 1)

#define DECLARE(i, p, q) __m512 u##i = _mm512_setzero_ps(), v##i = _mm512_setzero_ps();
#define STEP(i, p, q)                                                                                                              \
    if (rows > i) {                                                                                                                \
        const __m512 s = _mm512_set1_ps(p[q * lda]);                                                                               \
        u##i = _mm512_fmadd_ps(s, b0, u##i);                                                                                       \
        if (vectors > 1) v##i = _mm512_fmadd_ps(s, b1, v##i);                                                                      \
    }
#define FETCH(i, p, q)                                                                                                             \
    if (rows > i) {                                                                                                                \
        __builtin_prefetch(t->c[i] + t->column, 1);                                                                                \
        if (vectors > 1) __builtin_prefetch(t->c[i] + t->column + LANES, 1);                                                       \
    }
#define FINISH(i, p, q)                                                                                                            \
    if (rows > i) {                                                                                                                \
        float *c = t->c[i] + t->column;                                                                                            \
        finish(u##i, c, masked &&vectors == 1, mask, bias0, t);                                                                    \
        if (vectors > 1) finish(v##i, c + LANES, masked, mask, bias1, t);                                                          \
    }

/* mask: of the last vector. rows, vectors and masked are constants at every call. */
INLINE void tile_body(const size_t rows, const int vectors, const bool masked, __mmask16 mask, const axm_tile *t)
{
    const size_t lda = t->lda;
    const float *b = t->b;
    const float *p0 = t->a;
    const float *p1 = rows > 4 ? p0 + 4 * lda : p0;
    const float *p2 = rows > 8 ? p0 + 8 * lda : p0;
    const float *p3 = rows > 12 ? p0 + 12 * lda : p0;
    __asm__("" : "+r"(p1), "+r"(p2), "+r"(p3)); /* keeps the four pointers apart, else the compiler makes fourteen */
    EACH_ROW(DECLARE)
    if (t->far) {
        EACH_ROW(FETCH)
    }
    const size_t ahead_step = t->ahead_step;
    const char *ahead = t->ahead != NULL ? t->ahead : (const char *)b;
    for (size_t left = t->k; left != 0; ahead += t->ahead_jump) {
        size_t run = axm_tile_run(t, left);
        for (left -= run; run != 0; run--) {
            if (vectors > 1) {
                _mm_prefetch(ahead, _MM_HINT_T1); /* never faults */
                ahead += ahead_step;
            }
            const __m512 b0 = _mm512_loadu_ps(b);
            const __m512 b1 = vectors > 1 ? _mm512_loadu_ps(b + LANES) : b0;
            EACH_ROW(STEP)
            b += LANES * vectors;
            p0++;
            p1++;
            p2++;
            p3++;
        }
        p0 += t->a_jump;
        p1 += t->a_jump;
        p2 += t->a_jump;
        p3 += t->a_jump;
    }
    __m512 bias0 = _mm512_setzero_ps(), bias1 = bias0;
    if (t->bias != NULL) {
        bias0 = masked && vectors == 1 ? _mm512_maskz_loadu_ps(mask, t->bias) : _mm512_loadu_ps(t->bias);
        if (vectors > 1) bias1 = _mm512_maskz_loadu_ps(mask, t->bias + LANES);
    }
    EACH_ROW(FINISH)
}

#define TILE_CASE(n, vectors, masked)                                                                                              \
    case n: tile_body(n, vectors, masked, mask, t); break;
#define TILE_CASES(vectors, masked)                                                                                                \
    switch (rows) {                                                                                                                \
        TILE_CASE(1, vectors, masked)                                                                                              \
        TILE_CASE(2, vectors, masked)                                                                                              \
        TILE_CASE(3, vectors, masked)                                                                                              \
        TILE_CASE(4, vectors, masked)                                                                                              \
        TILE_CASE(5, vectors, masked)                                                                                              \
        TILE_CASE(6, vectors, masked)                                                                                              \
        TILE_CASE(7, vectors, masked)                                                                                              \
        TILE_CASE(8, vectors, masked)                                                                                              \
        TILE_CASE(9, vectors, masked)                                                                                              \
        TILE_CASE(10, vectors, masked)                                                                                             \
        TILE_CASE(11, vectors, masked)                                                                                             \
        TILE_CASE(12, vectors, masked)                                                                                             \
        TILE_CASE(13, vectors, masked)                                                                                             \
    default: tile_body(14, vectors, masked, mask, t); break;                                                                       \
    }

/* A function for each shape of tile keeps each one's registers its own. */
TARGET static void tile_narrow(size_t rows, __mmask16 mask, const axm_tile *t){TILE_CASES(1, true)}

TARGET static void tile_masked(size_t rows, __mmask16 mask, const axm_tile *t){TILE_CASES(2, true)}

TARGET static void tile(size_t rows, size_t columns, const axm_tile *t)
{
    const __mmask16 mask = first_lanes(columns > LANES ? columns - LANES : columns);
    if (columns <= LANES) {
        tile_narrow(rows, mask, t);
    } else if (columns < 2 * LANES) {
        tile_masked(rows, mask, t);
    } else {
        TILE_CASES(2, false)
    }
}

/* The sums of four vectors, in one fixed order. */
INLINE __m128 sum_four(__m512 a, __m512 b, __m512 c, __m512 d)
{
#define HALVED(v) _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)))
    const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(HALVED(a), HALVED(b)), _mm256_hadd_ps(HALVED(c), HALVED(d)));
#undef HALVED
    return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
}

#define DOT_CELL(i, j)                                                                                                             \
    if (rows > i && columns > j) s##i##j = _mm512_fmadd_ps(x##i, w##j, s##i##j);
#define DOT_ROW(i)                      DOT_CELL(i, 0) DOT_CELL(i, 1) DOT_CELL(i, 2) DOT_CELL(i, 3)
#define DOT_LOAD(name, pointer, wanted) const __m512 name = wanted ? _mm512_maskz_loadu_ps(mask, pointer) : zero;
#define DOT_STEP                                                                                                                   \
    DOT_LOAD(x0, a + p, true)                                                                                                      \
    DOT_LOAD(x1, a + lda + p, rows > 1)                                                                                            \
    DOT_LOAD(x2, a + 2 * lda + p, rows > 2)                                                                                        \
    DOT_LOAD(x3, a + 3 * lda + p, rows > 3)                                                                                        \
    DOT_LOAD(w0, b + p, true)                                                                                                      \
    DOT_LOAD(w1, b + ldb + p, columns > 1)                                                                                         \
    DOT_LOAD(w2, b + 2 * ldb + p, columns > 2)                                                                                     \
    DOT_LOAD(w3, b + 3 * ldb + p, columns > 3)                                                                                     \
    DOT_ROW(0) DOT_ROW(1) DOT_ROW(2) DOT_ROW(3)
#define DOT_SUM(i)                                                                                                                 \
    if (rows > i) _mm_storeu_ps(out + i * AXM_DOT_COLUMNS, sum_four(s##i##0, s##i##1, s##i##2, s##i##3));

INLINE void dot_body(const size_t rows, const size_t columns, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                     float *out)
{
    const __m512 zero = _mm512_setzero_ps();
    __m512 s00 = zero, s01 = zero, s02 = zero, s03 = zero, s10 = zero, s11 = zero, s12 = zero, s13 = zero;
    __m512 s20 = zero, s21 = zero, s22 = zero, s23 = zero, s30 = zero, s31 = zero, s32 = zero, s33 = zero;
    size_t p = 0;
    for (; p + LANES <= k; p += LANES) {
        const __mmask16 mask = 0xffffu;
        DOT_STEP
    }
    if (p < k) {
        const __mmask16 mask = first_lanes(k - p);
        DOT_STEP
    }
    DOT_SUM(0) DOT_SUM(1) DOT_SUM(2) DOT_SUM(3)
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
    switch (rows) {
    case 1: DOT_COLUMNS(1) break;
    case 2: DOT_COLUMNS(2) break;
    case 3: DOT_COLUMNS(3) break;
    default: DOT_COLUMNS(4) break;
    }
}

INLINE void axpy_step(const size_t rows, __mmask16 mask, const __m512 scale[AXM_AXPY_ROWS], const float *const *w, size_t j,
                      float *y)
{
    __m512 sum = _mm512_maskz_loadu_ps(mask, y + j);
    sum = _mm512_fmadd_ps(scale[0], _mm512_maskz_loadu_ps(mask, w[0] + j), sum);
    if (rows > 1) sum = _mm512_fmadd_ps(scale[1], _mm512_maskz_loadu_ps(mask, w[1] + j), sum);
    if (rows > 2) sum = _mm512_fmadd_ps(scale[2], _mm512_maskz_loadu_ps(mask, w[2] + j), sum);
    if (rows > 3) sum = _mm512_fmadd_ps(scale[3], _mm512_maskz_loadu_ps(mask, w[3] + j), sum);
    _mm512_mask_storeu_ps(y + j, mask, sum);
}

INLINE void axpy_body(const size_t rows, const float *scale, const float *const *w, size_t count, float *y)
{
    __m512 s[AXM_AXPY_ROWS];
    for (size_t i = 0; i < AXM_AXPY_ROWS; i++)
        s[i] = _mm512_set1_ps(scale[i < rows ? i : 0]);
    size_t j = 0;
    for (; j + LANES <= count; j += LANES)
        axpy_step(rows, 0xffffu, s, w, j, y);
    if (j < count) axpy_step(rows, first_lanes(count - j), s, w, j, y);
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

INLINE void depthwise_finish(__m512 sum, const axm_depthwise_run *r, size_t pixel, size_t c, __mmask16 mask)
{
    float *y = r->y + (ptrdiff_t)pixel * r->y_step + c;
    if (r->accumulate) sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), sum);
    if (r->bias != NULL) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, r->bias + c));
    sum = _mm512_min_ps(_mm512_set1_ps(r->clamp.high), _mm512_max_ps(_mm512_set1_ps(r->clamp.low), sum));
    _mm512_mask_storeu_ps(y, mask, sum);
}

/* `pixels` (1 or 4) pixels, one vector of channels. sliding: neighbouring taps read what neighbouring pixels read, so that each
 * input is loaded once for each row of taps. */
INLINE void depthwise_body(const size_t pixels, const bool sliding, const axm_depthwise_run *r, size_t pixel, size_t c,
                           __mmask16 mask)
{
    const ptrdiff_t step = r->x_step;
    const float *x = r->x + (ptrdiff_t)pixel * step + c;
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    for (size_t i = 0; i < r->taps_h; i++) {
        const float *xs = x + (ptrdiff_t)i * r->x_row;
        const float *ws = r->w + (ptrdiff_t)i * r->w_row + c;
        __m512 x0 = s0, x1 = s0, x2 = s0, x3 = s0;
        if (sliding) {
            x0 = _mm512_maskz_loadu_ps(mask, xs);
            x1 = _mm512_maskz_loadu_ps(mask, xs + step);
            x2 = _mm512_maskz_loadu_ps(mask, xs + 2 * step);
        }
        for (size_t j = 0; j < r->taps_w; j++) {
            const __m512 w = _mm512_maskz_loadu_ps(mask, ws);
            if (pixels > 1) {
                x3 = _mm512_maskz_loadu_ps(mask, xs + 3 * step);
                if (!sliding) {
                    x1 = _mm512_maskz_loadu_ps(mask, xs + step);
                    x2 = _mm512_maskz_loadu_ps(mask, xs + 2 * step);
                }
            }
            if (!sliding) x0 = _mm512_maskz_loadu_ps(mask, xs);
            s0 = _mm512_fmadd_ps(x0, w, s0);
            if (pixels > 1) {
                s1 = _mm512_fmadd_ps(x1, w, s1);
                s2 = _mm512_fmadd_ps(x2, w, s2);
                s3 = _mm512_fmadd_ps(x3, w, s3);
            }
            if (sliding) {
                x0 = x1;
                x1 = x2;
                x2 = x3;
            }
            xs += r->x_column;
            ws += r->w_column;
        }
    }
    depthwise_finish(s0, r, pixel, c, mask);
    if (pixels > 1) {
        depthwise_finish(s1, r, pixel + 1, c, mask);
        depthwise_finish(s2, r, pixel + 2, c, mask);
        depthwise_finish(s3, r, pixel + 3, c, mask);
    }
}

TARGET static void depthwise(const axm_depthwise_run *r)
{
    const bool sliding = r->x_step == r->x_column;
    size_t pixel = 0;
    for (; pixel + 4 <= r->pixels; pixel += 4) {
        for (size_t c = 0; c < r->channels; c += LANES) {
            const __mmask16 mask = first_lanes(r->channels - c);
            if (sliding) {
                depthwise_body(4, true, r, pixel, c, mask);
            } else {
                depthwise_body(4, false, r, pixel, c, mask);
            }
        }
    }
    for (; pixel < r->pixels; pixel++) {
        for (size_t c = 0; c < r->channels; c += LANES)
            depthwise_body(1, false, r, pixel, c, first_lanes(r->channels - c));
    }
}

/* 16 by 16: pairs of rows, then of pairs, within quarters; then the quarters, twice. */
TARGET static void transpose_block(const float *a, size_t lda, float *b, size_t ldb)
{
    __m512 r[16], p[16];
    for (int i = 0; i < 16; i++)
        r[i] = _mm512_loadu_ps(a + (size_t)i * lda);
    for (int i = 0; i < 16; i += 2) {
        p[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        p[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) { /* r[i + c]: column c of each quarter, from rows i .. i + 3 */
        r[i] = _mm512_shuffle_ps(p[i], p[i + 2], 0x44);
        r[i + 1] = _mm512_shuffle_ps(p[i], p[i + 2], 0xee);
        r[i + 2] = _mm512_shuffle_ps(p[i + 1], p[i + 3], 0x44);
        r[i + 3] = _mm512_shuffle_ps(p[i + 1], p[i + 3], 0xee);
    }
    for (int c = 0; c < 4; c++) {
        const __m512 low_even = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88), low_odd = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
        const __m512 high_even = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        const __m512 high_odd = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
        float *to = b + (size_t)c * ldb;
        _mm512_storeu_ps(to, _mm512_shuffle_f32x4(low_even, high_even, 0x88));
        _mm512_storeu_ps(to + 4 * ldb, _mm512_shuffle_f32x4(low_odd, high_odd, 0x88));
        _mm512_storeu_ps(to + 8 * ldb, _mm512_shuffle_f32x4(low_even, high_even, 0xdd));
        _mm512_storeu_ps(to + 12 * ldb, _mm512_shuffle_f32x4(low_odd, high_odd, 0xdd));
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

const axm_kernels axm_kernels_avx512 = {
    .name = "avx512",
    .available = available,
    .lanes = LANES,
    .tile_rows = 14,
    .tile_columns = 2 * LANES,
    .tile = tile,
    .dot = dot,
    .axpy = axpy,
    .depthwise = depthwise,
    .transpose = transpose,
};

#endif
