/* Reads the lines of a file of expected numbers: NAME COUNT value*COUNT. */
#ifndef AXM_TEST_GOLDEN_LINES_H
#define AXM_TEST_GOLDEN_LINES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The numbers of line `name` (free them), after a check that there are `count`. */
static inline float *golden_line(const char *file, const char *name, size_t count)
{
    char path[4096], word[128];
    size_t found = 0;
    snprintf(path, sizeof path, "%s/%s", ACTMAX_TEST_DATA, file);
    FILE *in = fopen(path, "r");
    if (!in) fail_msg("cannot open %s", path);
    while (fscanf(in, "%127s %zu", word, &found) == 2) {
        bool wanted = strcmp(word, name) == 0;
        float *values = malloc((found > 0 ? found : 1) * sizeof *values);
        assert_non_null(values);
        for (size_t i = 0; i < found; i++)
            if (fscanf(in, "%f", &values[i]) != 1) fail_msg("%s: line %s is broken", path, word);
        if (wanted) {
            fclose(in);
            if (found != count) fail_msg("%s: line %s holds %zu numbers, not %zu", path, name, found, count);
            return values;
        }
        free(values);
    }
    fclose(in);
    fail_msg("%s has no line %s", path, name);
    return NULL;
}

#endif
