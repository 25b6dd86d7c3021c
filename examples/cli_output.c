/* Output files of the program `actmax`: their names, a check before the work starts, and NumPy's .npy format. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* The ending with its dot, or "" (a dot in a folder's name is none). */
static const char *ending_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *slash = strrchr(path, '/');
    return dot != NULL && (slash == NULL || dot > slash) ? dot : "";
}

static int is_picture(const char *ending)
{
    return strcasecmp(ending, ".png") == 0 || strcasecmp(ending, ".jpg") == 0 || strcasecmp(ending, ".jpeg") == 0 ||
           strcasecmp(ending, ".bmp") == 0;
}

int cli_check_output(const char *flag, const char *path, const char *ending)
{
    struct stat about;
    if (path == NULL) return CLI_OK;
    if (ending == NULL && !is_picture(ending_of(path)))
        return cli_error(CLI_USAGE, "--%s %s: the name must end in .png, .jpg or .bmp", flag, path);
    if (ending != NULL && strcasecmp(ending_of(path), ending) != 0)
        return cli_error(CLI_USAGE, "--%s %s: the name must end in %s", flag, path, ending);
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = cli_allocate(length + 2, 1);
    memcpy(folder, length > 0 ? path : ".", length > 0 ? length : 1);
    int code = CLI_OK;
    if (stat(folder, &about) != 0)
        code = cli_error(CLI_FAILED, "--%s %s: folder '%s': %s", flag, path, folder, strerror(errno));
    else if (!S_ISDIR(about.st_mode))
        code = cli_error(CLI_FAILED, "--%s %s: '%s' is not a folder", flag, path, folder);
    else if (access(folder, W_OK | X_OK) != 0)
        code = cli_error(CLI_FAILED, "--%s %s: nothing can be written in folder '%s': %s", flag, path, folder, strerror(errno));
    else if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        code = cli_error(CLI_FAILED, "--%s %s: this is a folder; give the name of a file", flag, path);
    free(folder);
    return code;
}

char *cli_numbered(const char *path, int32_t number)
{
    const char *ending = ending_of(path);
    size_t stem = strlen(path) - strlen(ending);
    size_t capacity = strlen(path) + 16;
    char *name = cli_allocate(capacity, 1);
    snprintf(name, capacity, "%.*s_%" PRId32 "%s", (int)stem, path, number, ending);
    return name;
}

/* Magic, header length, and a Python dictionary padded so that the numbers start at a multiple of 64. */
static void npy_header(cli_text *header, const int64_t *dims, int32_t rank)
{
    const uint16_t one = 1;
    const int little = *(const unsigned char *)&one == 1;
    cli_text body = {NULL, 0, 0};
    cli_add(&body, "{'descr': '%sf4', 'fortran_order': False, 'shape': (", little ? "<" : ">");
    for (int32_t i = 0; i < rank; i++)
        cli_add(&body, "%" PRId64 ",%s", dims[i], i + 1 < rank ? " " : "");
    cli_add(&body, "), }");
    while ((10 + body.size + 1) % 64 != 0)
        cli_add(&body, " ");
    cli_add(&body, "\n");
    /* minor version and length may hold zero bytes, which text cannot: they are set behind it */
    cli_add(header, "\x93NUMPY\x01");
    const unsigned char rest[3] = {0, (unsigned char)(body.size & 0xFF), (unsigned char)(body.size >> 8)};
    for (size_t i = 0; i < sizeof rest; i++) {
        cli_add(header, " ");
        header->data[header->size - 1] = (char)rest[i];
    }
    cli_add(header, "%s", body.data);
    cli_text_free(&body);
}

int cli_write_npy(const char *path, const float *data, const int64_t *dims, int32_t rank)
{
    size_t count = 1;
    for (int32_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    cli_text header = {NULL, 0, 0};
    cli_text part = {NULL, 0, 0};
    int code = CLI_OK;
    npy_header(&header, dims, rank);
    cli_add(&part, "%s.part%ld", path, (long)getpid());
    FILE *file = fopen(part.data, "wb");
    if (file == NULL) {
        code = cli_error(CLI_FAILED, "%s: %s", path, strerror(errno));
        goto done;
    }
    int right = fwrite(header.data, 1, header.size, file) == header.size && fwrite(data, sizeof *data, count, file) == count;
    right = fflush(file) == 0 && right;
    int reason = errno;
    if (fclose(file) != 0 && right) {
        reason = errno;
        right = 0;
    }
    if (right && rename(part.data, path) != 0) {
        reason = errno;
        right = 0;
    }
    if (!right) {
        remove(part.data);
        code = cli_error(CLI_FAILED, "%s: it cannot be written: %s", path, strerror(reason));
    }
done:
    cli_text_free(&header);
    cli_text_free(&part);
    return code;
}

int cli_write_array(const char *path, const actmax_result *result, const char *name)
{
    const float *data = NULL;
    int64_t dims[8] = {0};
    int32_t rank = 0;
    int32_t status = actmax_result_array(result, name, &data, dims, &rank);
    if (status < 0) return cli_fail(status, path);
    return cli_write_npy(path, data, dims, rank);
}
