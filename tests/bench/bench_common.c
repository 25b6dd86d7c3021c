#include "bench_common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    if (count == 0) return 0.0;
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2.0;
}

void bench_fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

int32_t bench_number(const char *flag, const char *text, int32_t least)
{
    char *end;
    errno = 0;
    const long value = text != NULL ? strtol(text, &end, 10) : 0;
    if (text == NULL || end == text || *end != '\0' || errno != 0 || value < least || value > 1000000)
        bench_fail(flag, "needs a whole number in range");
    return (int32_t)value;
}

void *bench_allocate(size_t count, size_t size)
{
    void *block = calloc(count > 0 ? count : 1, size);
    if (block == NULL) bench_fail("memory", "could not be had");
    return block;
}

bench_memory bench_memory_now(void)
{
    bench_memory memory = {0, 0, 0};
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0) memory.anonymous = strtol(line + 8, NULL, 10);
        if (strncmp(line, "RssFile:", 8) == 0) memory.file = strtol(line + 8, NULL, 10);
        if (strncmp(line, "VmHWM:", 6) == 0) memory.peak = strtol(line + 6, NULL, 10);
    }
    if (file != NULL) fclose(file);
    return memory;
}

void bench_memory_raise(bench_memory *most)
{
    const bench_memory now = bench_memory_now();
    if (now.anonymous > most->anonymous) most->anonymous = now.anonymous;
    if (now.file > most->file) most->file = now.file;
    if (now.peak > most->peak) most->peak = now.peak;
}
