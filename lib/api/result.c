/* Results: made by the session's functions, read by name. */
#include "api/result.h"

#include <string.h>

#include "api/recipe.h"
#include "base/status.h"
#include "base/text.h"

int32_t axm_result_new(axm_allocator *allocator, struct actmax_result **out)
{
    struct actmax_result *result = axm_calloc_array(allocator, 1, sizeof *result);
    if (!result) return ACTMAX_ERROR_NO_MEMORY;
    result->allocator = axm_allocator_share(allocator);
    *out = result;
    return ACTMAX_OK;
}

void axm_result_add_number(struct actmax_result *result, const char *name, double value)
{
    if (result->number_count < AXM_RESULT_ITEMS) result->numbers[result->number_count++] = (axm_named_number){name, value};
}

int32_t axm_result_add_text(struct actmax_result *result, const char *name, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = result->text_count < AXM_RESULT_ITEMS ? axm_alloc(result->allocator, size) : NULL;
    if (!copy) return ACTMAX_ERROR_NO_MEMORY;
    memcpy(copy, text, size);
    result->texts[result->text_count++] = (axm_named_text){name, copy};
    return ACTMAX_OK;
}

int32_t axm_result_add_array(struct actmax_result *result, const char *name, float *data, const int64_t *dims, int32_t rank)
{
    if (!data) return ACTMAX_ERROR_NO_MEMORY;
    axm_named_array *array = &result->arrays[result->array_count++];
    *array = (axm_named_array){.name = name, .data = data, .rank = rank};
    memcpy(array->dims, dims, (size_t)rank * sizeof *dims);
    return ACTMAX_OK;
}

void axm_result_add_image(struct actmax_result *result, const char *name, struct actmax_image *image)
{
    result->images[result->image_count++] = (axm_named_image){name, image};
}

void actmax_result_free(actmax_result *result)
{
    if (!result) return;
    axm_allocator *allocator = result->allocator;
    for (int32_t i = 0; i < result->text_count; ++i)
        axm_free(allocator, result->texts[i].text);
    for (int32_t i = 0; i < result->array_count; ++i)
        axm_free(allocator, result->arrays[i].data);
    for (int32_t i = 0; i < result->image_count; ++i)
        actmax_image_free(result->images[i].image);
    axm_free(allocator, result);
    axm_allocator_release(allocator);
}

/* ---- Getters ---- */

static int32_t check(const actmax_result *result, const char *name, const void *out)
{
    axm_message_clear();
    if (result && name && out) return ACTMAX_OK;
    return axm_fail(ACTMAX_ERROR_INVALID, "the result, the name or the output argument is NULL");
}

int32_t actmax_result_number(const actmax_result *result, const char *name, double *out)
{
    char list[500];
    axm_text text = axm_text_in(list, sizeof list);
    int32_t status = check(result, name, out);
    if (status < 0) return status;
    for (int32_t i = 0; i < result->number_count; ++i) {
        if (strcmp(result->numbers[i].name, name) == 0) {
            *out = result->numbers[i].value;
            return ACTMAX_OK;
        }
        axm_text_add(&text, "%s%s", i ? ", " : "", result->numbers[i].name);
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "this result has no number '%.60s'; it has: %s", name, list);
}

int32_t actmax_result_text(const actmax_result *result, const char *name, const char **out)
{
    char list[500];
    axm_text text = axm_text_in(list, sizeof list);
    int32_t status = check(result, name, out);
    if (status < 0) return status;
    for (int32_t i = 0; i < result->text_count; ++i) {
        if (strcmp(result->texts[i].name, name) == 0) {
            *out = result->texts[i].text;
            return ACTMAX_OK;
        }
        axm_text_add(&text, "%s%s", i ? ", " : "", result->texts[i].name);
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "this result has no text '%.60s'; it has: %s", name, list);
}

int32_t actmax_result_array(const actmax_result *result, const char *name, const float **data, int64_t *dims, int32_t *rank)
{
    char list[500];
    axm_text text = axm_text_in(list, sizeof list);
    int32_t status = check(result, name, data);
    if (status < 0) return status;
    for (int32_t i = 0; i < result->array_count; ++i) {
        const axm_named_array *array = &result->arrays[i];
        if (strcmp(array->name, name) == 0) {
            *data = array->data;
            if (dims) memcpy(dims, array->dims, (size_t)array->rank * sizeof *dims);
            if (rank) *rank = array->rank;
            return ACTMAX_OK;
        }
        axm_text_add(&text, "%s%s", i ? ", " : "", array->name);
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "this result has no array '%.60s'; it has: %s", name, list);
}

int32_t actmax_result_image(const actmax_result *result, const char *name, const actmax_image **out)
{
    char list[500];
    axm_text text = axm_text_in(list, sizeof list);
    int32_t status = check(result, name, out);
    if (status < 0) return status;
    for (int32_t i = 0; i < result->image_count; ++i) {
        if (strcmp(result->images[i].name, name) == 0) {
            *out = result->images[i].image;
            return ACTMAX_OK;
        }
        axm_text_add(&text, "%s%s", i ? ", " : "", result->images[i].name);
    }
    return axm_fail(ACTMAX_ERROR_NOT_FOUND, "this result has no image '%.60s'; it has: %s", name, *list ? list : "none");
}

int32_t actmax_result_save(const actmax_result *result, const char *path)
{
    if (!result || !path) return axm_fail(ACTMAX_ERROR_INVALID, "actmax_result_save: result or path is NULL");
    if (result->image_count == 0)
        return axm_fail(ACTMAX_ERROR_NOT_FOUND,
                        "this result has no 8-bit image to save (only networks of 1 or 3 channels give one)");
    return actmax_image_save(result->images[0].image, path);
}
