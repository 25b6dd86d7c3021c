/* What a command is about: label files, classes by index or name, and lists of filters. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LABEL_BYTES  (1 << 20) /* no label file is larger than that */
#define FILTERS_MOST 65536     /* in one call */

static void trim(char *line)
{
    size_t length = strlen(line);
    while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == ' ' || line[length - 1] == '\t'))
        line[--length] = '\0';
}

/* Cuts the text into lines; an empty last one does not count. */
static void split_lines(cli_labels *labels)
{
    size_t lines = 1;
    for (const char *p = labels->data; *p != '\0'; p++)
        lines += *p == '\n';
    labels->names = cli_allocate(lines, sizeof *labels->names);
    char *line = labels->data;
    if (strncmp(line, "\xEF\xBB\xBF", 3) == 0) line += 3; /* the byte order mark that some editors leave */
    while (*line != '\0') {
        char *end = line + strcspn(line, "\n");
        int more = *end == '\n';
        *end = '\0';
        trim(line);
        labels->names[labels->count++] = line;
        line = end + more;
    }
}

int cli_labels_read(const cli_call *call, cli_labels *labels)
{
    const char *path = cli_value(call, "labels");
    *labels = (cli_labels){NULL, NULL, 0};
    if (path == NULL) return CLI_OK;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return cli_error(CLI_UNREADABLE, "%s: %s", path, strerror(errno));
    labels->data = cli_allocate(LABEL_BYTES + 1, 1);
    size_t size = fread(labels->data, 1, LABEL_BYTES + 1, file);
    int failed = ferror(file);
    fclose(file);
    if (failed) return cli_error(CLI_UNREADABLE, "%s: it cannot be read", path);
    if (size > LABEL_BYTES || memchr(labels->data, '\0', size) != NULL)
        return cli_error(CLI_UNREADABLE, "%s: this is no label file; give a text file with one label on each line", path);
    labels->data[size] = '\0';
    split_lines(labels);
    if (labels->count == 0) return cli_error(CLI_UNREADABLE, "%s: the label file is empty", path);
    return CLI_OK;
}

const char *cli_label(const cli_labels *labels, int64_t index)
{
    return index >= 0 && (uint64_t)index < labels->count ? labels->names[index] : NULL;
}

void cli_labels_free(cli_labels *labels)
{
    free(labels->data);
    free(labels->names);
    *labels = (cli_labels){NULL, NULL, 0};
}

/* The next of a label's names ("water ouzel, dipper"), without the spaces about it; 0 when there is no more. */
static int next_name(const char **label, char *name, size_t capacity)
{
    const char *start = *label + strspn(*label, " ,");
    size_t length = strcspn(start, ",");
    *label = start + length;
    if (length == 0) return 0;
    while (start[length - 1] == ' ')
        length--;
    snprintf(name, capacity, "%.*s", (int)(length < capacity ? length : capacity - 1), start);
    return 1;
}

static int has_name(const char *label, const char *text)
{
    char name[256];
    while (next_name(&label, name, sizeof name))
        if (strcasecmp(name, text) == 0) return 1;
    return 0;
}

static int no_such_class(const cli_labels *labels, const char *text)
{
    char name[256];
    char best[256] = "";
    size_t least = strlen(text) / 3 + 2;
    size_t where = 0;
    for (size_t i = 0; i < labels->count; i++) {
        const char *label = labels->names[i];
        while (next_name(&label, name, sizeof name)) {
            size_t distance = cli_distance(text, name);
            if (distance < least) {
                least = distance;
                where = i;
                snprintf(best, sizeof best, "%s", name);
            }
        }
    }
    if (best[0] != '\0') return cli_error(CLI_USAGE, "no class is called '%s'; did you mean '%s' (class %zu)?", text, best, where);
    return cli_error(CLI_USAGE, "no class is called '%s'; see the label file, or give the class's index", text);
}

/* Collects the labels that fit: whole labels first, then those that have the name among theirs. */
static size_t matches(const cli_labels *labels, const char *text, int whole, size_t *first, cli_text *list)
{
    size_t found = 0;
    for (size_t i = 0; i < labels->count; i++) {
        const char *label = labels->names[i];
        if (whole ? strcasecmp(label, text) != 0 : !has_name(label, text)) continue;
        if (found == 0) *first = i;
        if (found < 8) cli_add(list, "%s%zu (%s)", found > 0 ? ", " : "", i, label);
        found++;
    }
    return found;
}

static int read_index(const char *text, int32_t *out)
{
    int64_t value = 0;
    if (*text == '\0') return 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = 10 * value + (*text - '0');
        if (value > INT32_MAX) return 0;
    }
    *out = (int32_t)value;
    return *text == '\0';
}

int cli_class_find(const cli_labels *labels, const char *text, int32_t *out)
{
    if (read_index(text, out)) return CLI_OK;
    if (labels->count == 0)
        return cli_error(CLI_USAGE, "--class %s: a class by name needs --labels FILE (or give the class's index)", text);
    for (int whole = 1; whole >= 0; whole--) {
        cli_text list = {NULL, 0, 0};
        size_t first = 0;
        size_t found = matches(labels, text, whole, &first, &list);
        int code = CLI_OK;
        if (found > 1)
            code = cli_error(CLI_USAGE, "the name '%s' fits several classes: %s; give the index of one", text, list.data);
        cli_text_free(&list);
        if (found == 1) *out = (int32_t)first;
        if (found > 0) return code;
    }
    return no_such_class(labels, text);
}

static int compare(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int repeated(const cli_target *target)
{
    int found = 0;
    int32_t *sorted = cli_allocate(target->count, sizeof *sorted);
    memcpy(sorted, target->filters, target->count * sizeof *sorted);
    qsort(sorted, target->count, sizeof *sorted, compare);
    for (size_t i = 1; i < target->count; i++)
        found = found || sorted[i] == sorted[i - 1];
    free(sorted);
    return found;
}

/* "3" or, where pictures are apart, "3-7". */
static int read_range(const char *text, size_t length, int32_t *first, int32_t *last)
{
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), text);
    char *dash = strchr(word, '-');
    if (dash != NULL) *dash = '\0';
    if (!read_index(word, first)) return 0;
    *last = *first;
    return dash == NULL || (read_index(dash + 1, last) && *last >= *first);
}

/* Adds first to last; the list stays within what a call of the library takes. */
static int add_range(cli_target *target, int32_t first, int32_t last)
{
    int64_t count = (int64_t)target->count + last - first + 1;
    if (count > FILTERS_MOST) return 0;
    int32_t *longer = realloc(target->filters, (size_t)count * sizeof *longer);
    if (longer == NULL) return 0;
    target->filters = longer;
    for (int64_t value = first; value <= last; value++)
        longer[target->count++] = (int32_t)value;
    return 1;
}

int cli_filters_parse(const char *flag, const char *text, cli_target *target)
{
    int sum = strchr(text, '+') != NULL;
    *target = (cli_target){.layer = target->layer, .each = strpbrk(text, ",-") != NULL};
    if (target->each && sum)
        return cli_error(CLI_USAGE, "--%s %s: write K, or K,K or K-K for a picture each, or K+K for one of their sum", flag, text);
    for (;;) {
        int32_t first = 0, last = 0;
        size_t length = strcspn(text, ",+");
        if (!read_range(text, length, &first, &last))
            return cli_error(CLI_USAGE, "--%s: '%.*s' is not an index or a range of them (3, 0-7); indices count from 0", flag,
                             (int)(length < 40 ? length : 40), text);
        if (!add_range(target, first, last))
            return cli_error(CLI_USAGE, "--%s: these are more than %d indices", flag, FILTERS_MOST);
        if (text[length] == '\0') break;
        text += length + 1;
    }
    if (repeated(target)) return cli_error(CLI_USAGE, "--%s names the same index twice", flag);
    return CLI_OK;
}

void cli_target_free(cli_target *target)
{
    free(target->filters);
    *target = (cli_target){0, NULL, 0, 0};
}
