/* How plain C loops become vector code: the compiler vectorises them, once for each instruction set, and the loader picks the
 * clone that the processor can run. Every clone does the same operations in the same order on each element.
 *
 * Define AXM_NO_CLONES where ifunc relocations are not wanted (static PIE with an old C library, coverage builds). */
#ifndef AXM_KERNELS_CLONES_H
#define AXM_KERNELS_CLONES_H

#include <stdint.h> /* brings __GLIBC__ */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define AXM_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AXM_SANITIZED 1
#endif

/* Ifunc resolvers run before sanitizers are ready, need glibc, and are not dependable in clang before 15. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__OPTIMIZE__) && !defined(AXM_SANITIZED) && !defined(AXM_NO_CLONES) &&    \
    ((defined(__clang__) && __clang_major__ >= 15) || (!defined(__clang__) && defined(__GNUC__) && __GNUC__ >= 9))
#define AXM_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define AXM_CLONES
#endif

/* Helpers of a cloned function must be part of each clone. */
#if defined(__GNUC__)
#define AXM_INLINE inline __attribute__((always_inline))
#else
#define AXM_INLINE inline
#endif

/* Before a loop whose iteration i touches element i only: in-place use (source == destination) may be vectorised too. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* a loop that stays scalar is no fault */
#define AXM_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define AXM_IVDEP _Pragma("GCC ivdep")
#else
#define AXM_IVDEP
#endif

/* The same for a short loop of few operations, which gcc would unroll to single numbers before it looks for vectors. */
#if defined(__GNUC__) && !defined(__clang__)
#define AXM_KEEP_LOOP _Pragma("GCC ivdep") _Pragma("GCC unroll 1")
#else
#define AXM_KEEP_LOOP AXM_IVDEP
#endif

/* Asks for a cache line that will be read soon. */
#define AXM_FETCH(address) __builtin_prefetch(address)

/* target[i] = value, or += when accumulate, for i in [0, count); `value` is an expression in i. */
#define AXM_STORE_EACH(accumulate, count, target, value)                                                                           \
    do {                                                                                                                           \
        if (accumulate) {                                                                                                          \
            AXM_IVDEP                                                                                                              \
            for (size_t i = 0; i < (count); i++)                                                                                   \
                (target)[i] += (value);                                                                                            \
        } else {                                                                                                                   \
            AXM_IVDEP                                                                                                              \
            for (size_t i = 0; i < (count); i++)                                                                                   \
                (target)[i] = (value);                                                                                             \
        }                                                                                                                          \
    } while (0)

#endif
