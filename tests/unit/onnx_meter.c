#include "onnx_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "actmax.h"

/* What the library has at the moment, and the most that it had. */
typedef struct meter {
    size_t live, most;
} meter;

#define HEADER 16 /* keeps the alignment of malloc */

static void *metered_alloc(void *user, size_t bytes)
{
    meter *m = user;
    char *block = bytes < SIZE_MAX - HEADER ? malloc(bytes + HEADER) : NULL;
    if (!block) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    m->live += bytes;
    if (m->live > m->most) m->most = m->live;
    return block + HEADER;
}

static void metered_free(void *user, void *pointer)
{
    meter *m = user;
    size_t bytes;
    if (!pointer) return;
    char *block = (char *)pointer - HEADER;
    memcpy(&bytes, block, sizeof bytes);
    m->live -= bytes;
    free(block);
}

int32_t onnx_load_metered(const void *data, size_t size, size_t ceiling)
{
    meter m = {0};
    actmax_recipe *recipe;
    actmax_model *model = NULL;
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    assert_int_equal(actmax_recipe_new_with(metered_alloc, metered_free, &m, &recipe), ACTMAX_OK);
    int32_t status = actmax_model_load_memory(exact, size, recipe, &model);
    if (status < 0) {
        assert_null(model);
        assert_true(*actmax_message() != '\0');
    }
    actmax_model_free(model);
    actmax_recipe_free(recipe);
    free(exact);
    assert_int_equal(m.live, 0);
    if (m.most > ceiling)
        fail_msg("%zu bytes were taken for a file of %zu bytes (%d: %s)", m.most, size, (int)status, actmax_message());
    return status;
}
