/* What the measuring programs share: a clock, a median, and this process's memory. */
#ifndef ACTMAX_BENCH_COMMON_H
#define ACTMAX_BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>

double bench_milliseconds(void); /* a monotonic clock */
/* Sorts values. */
double bench_median(double *values, size_t count);
/* For a whole command-line number; ends the program when it is none or below `least`. */
int32_t bench_number(const char *flag, const char *text, int32_t least);
void *bench_allocate(size_t count, size_t size); /* zeroed; ends the program when memory cannot be had */
void bench_fail(const char *what, const char *why);

/* Kilobytes of /proc/self/status; zeros elsewhere. peak is the largest resident set so far. */
typedef struct bench_memory {
    long anonymous, file, peak;
} bench_memory;
bench_memory bench_memory_now(void);
void bench_memory_raise(bench_memory *most); /* raises each to what it is at this moment */

#endif
