/* Measures what this machine can do at most, and prints it as a line of JSON:
 *
 *     bench_machine [THREADS]
 *
 * fma_gflops   multiply-adds of float32 from registers, two operations each, with the widest vectors that the processor has
 * triad_gbs    a[i] = b[i] + s c[i] over arrays larger than any cache; 3 x 4 bytes each, as the STREAM benchmark counts
 * read_gbs     the sum of an array larger than any cache
 * Each is the median of several runs, on THREADS threads (default 2) and on one. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bench_common.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define RUNS         9
#define ROUNDS       4000000
#define CHAINS       12 /* independent sums: more than latency times units, and no more than there are registers */
#define MOST_THREADS 256
#define ARRAY        ((size_t)32 << 20) /* floats in each array: 128 MB */

typedef struct machine {
    int32_t threads;
    const char *vectors;
    float (*fma)(size_t rounds);
    size_t lanes;
    float *a, *b, *c;
} machine;

typedef struct share {
    const machine *machine;
    size_t begin, end;
    float sink; /* so that no loop is without a result */
} share;

typedef void *(*share_body)(void *share);

/* ---- Multiply-adds ---- */

/* CHAINS sums in registers. The compiler must neither merge them nor take them apart, so each is a variable of its own. */
#define FMA_LOOP(type, set, madd)                                                                                                  \
    type s0 = set(1.0f), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;      \
    const type x = set(0.999f), y = set(0.001f);                                                                                   \
    for (size_t i = 0; i < rounds; i++) {                                                                                          \
        s0 = madd(s0, x, y), s1 = madd(s1, x, y), s2 = madd(s2, x, y), s3 = madd(s3, x, y);                                        \
        s4 = madd(s4, x, y), s5 = madd(s5, x, y), s6 = madd(s6, x, y), s7 = madd(s7, x, y);                                        \
        s8 = madd(s8, x, y), s9 = madd(s9, x, y), s10 = madd(s10, x, y), s11 = madd(s11, x, y);                                    \
        KEEP(s0, s1, s2, s3);                                                                                                      \
        KEEP(s4, s5, s6, s7);                                                                                                      \
        KEEP(s8, s9, s10, s11);                                                                                                    \
    }

#if defined(__x86_64__)
#define KEEP(p, q, r, s) __asm__ volatile("" : "+x"(p), "+x"(q), "+x"(r), "+x"(s))

__attribute__((target("avx2,fma"))) static float fma_avx2(size_t rounds)
{
#define SET(v) _mm256_set1_ps(v)
    FMA_LOOP(__m256, SET, _mm256_fmadd_ps)
    float out[8];
    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_add_ps(s0, s5), _mm256_add_ps(s10, s11)));
    return out[0];
#undef SET
}
#undef KEEP

#define KEEP(p, q, r, s) __asm__ volatile("" : "+v"(p), "+v"(q), "+v"(r), "+v"(s))
__attribute__((target("avx512f"))) static float fma_avx512(size_t rounds)
{
#define SET(v) _mm512_set1_ps(v)
    FMA_LOOP(__m512, SET, _mm512_fmadd_ps)
    float out[16];
    _mm512_storeu_ps(out, _mm512_add_ps(_mm512_add_ps(s0, s5), _mm512_add_ps(s10, s11)));
    return out[0];
#undef SET
}
#undef KEEP
#elif defined(__aarch64__)
#define KEEP(p, q, r, s) __asm__ volatile("" : "+w"(p), "+w"(q), "+w"(r), "+w"(s))
#define SET(v)           vdupq_n_f32(v)
#define MADD(s, x, y)    vfmaq_f32(y, s, x)
static float fma_neon(size_t rounds)
{
    FMA_LOOP(float32x4_t, SET, MADD)
    return vgetq_lane_f32(vaddq_f32(vaddq_f32(s0, s5), vaddq_f32(s10, s11)), 0);
}
#endif

/* One float at a time; the peak of a processor that has nothing better here. */
static float fma_plain(size_t rounds)
{
    float s[CHAINS];
    for (size_t k = 0; k < CHAINS; k++)
        s[k] = 1.0f + (float)k;
    for (size_t i = 0; i < rounds; i++)
        for (size_t k = 0; k < CHAINS; k++)
            s[k] = s[k] * 0.999f + 0.001f;
    return s[0] + s[CHAINS - 1];
}

static void choose_vectors(machine *m)
{
    m->vectors = "none";
    m->fma = fma_plain;
    m->lanes = 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        m->vectors = "avx512";
        m->fma = fma_avx512;
        m->lanes = 16;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        m->vectors = "avx2";
        m->fma = fma_avx2;
        m->lanes = 8;
    }
#elif defined(__aarch64__)
    m->vectors = "neon";
    m->fma = fma_neon;
    m->lanes = 4;
#endif
}

/* ---- Bodies: each thread's share ---- */

static void *run_fma(void *user)
{
    share *s = user;
    s->sink = s->machine->fma(ROUNDS);
    return NULL;
}

static void *run_fill(void *user)
{
    const share *s = user;
    for (size_t i = s->begin; i < s->end; i++) {
        s->machine->a[i] = 0.0f;
        s->machine->b[i] = 1.0f;
        s->machine->c[i] = 2.0f;
    }
    return NULL;
}

static void *run_triad(void *user)
{
    const share *s = user;
    float *restrict a = s->machine->a;
    const float *restrict b = s->machine->b, *restrict c = s->machine->c;
    for (size_t i = s->begin; i < s->end; i++)
        a[i] = b[i] + 3.0f * c[i];
    return NULL;
}

/* Sums in 64 columns, so that the compiler may use vectors without changing the order of any sum. */
static void *run_read(void *user)
{
    share *s = user;
    float sums[64] = {0.0f};
    const float *b = s->machine->b;
    for (size_t i = s->begin; i + 64 <= s->end; i += 64)
        for (size_t k = 0; k < 64; k++)
            sums[k] += b[i + k];
    for (size_t k = 0; k < 64; k++)
        s->sink += sums[k];
    return NULL;
}

/* Milliseconds until all threads have done their share. */
static double run_once(const machine *m, int32_t threads, share_body body)
{
    pthread_t ids[MOST_THREADS];
    share shares[MOST_THREADS];
    const size_t each = ARRAY / (size_t)threads;
    for (int32_t t = 0; t < threads; t++)
        shares[t] = (share){m, (size_t)t * each, t + 1 == threads ? ARRAY : (size_t)(t + 1) * each, 0.0f};
    const double began = bench_milliseconds();
    for (int32_t t = 1; t < threads; t++)
        if (pthread_create(&ids[t], NULL, body, &shares[t]) != 0) bench_fail("pthread_create", "gave no thread");
    body(&shares[0]);
    for (int32_t t = 1; t < threads; t++)
        pthread_join(ids[t], NULL);
    return bench_milliseconds() - began;
}

static double median_of_runs(const machine *m, int32_t threads, share_body body)
{
    double times[RUNS];
    run_once(m, threads, body);
    for (size_t i = 0; i < RUNS; i++)
        times[i] = run_once(m, threads, body);
    return bench_median(times, RUNS);
}

static void measure(const machine *m, int32_t threads, const char *suffix)
{
    const double operations = 2.0 * ROUNDS * CHAINS * (double)m->lanes * threads, bytes = (double)ARRAY * sizeof(float);
    printf(", \"fma_gflops%s\": %.2f", suffix, operations / median_of_runs(m, threads, run_fma) * 1e-6);
    printf(", \"triad_gbs%s\": %.2f", suffix, 3.0 * bytes / median_of_runs(m, threads, run_triad) * 1e-6);
    printf(", \"read_gbs%s\": %.2f", suffix, bytes / median_of_runs(m, threads, run_read) * 1e-6);
}

int main(int count, char **words)
{
    machine m = {.threads = count > 1 ? bench_number("THREADS", words[1], 1) : 2};
    if (m.threads > MOST_THREADS) bench_fail("THREADS", "are too many");
    choose_vectors(&m);
    m.a = bench_allocate(ARRAY, sizeof *m.a);
    m.b = bench_allocate(ARRAY, sizeof *m.b);
    m.c = bench_allocate(ARRAY, sizeof *m.c);
    run_once(&m, m.threads, run_fill);
    printf("{\"kind\": \"machine\", \"vectors\": \"%s\", \"threads\": %d", m.vectors, (int)m.threads);
    measure(&m, m.threads, "");
    measure(&m, 1, "_one_thread");
    printf("}\n");
    return 0; /* the arrays go with the process */
}
