/* JSON through cJSON, whose memory is its own: texts are weighed before they are parsed. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "loaders/keras/import.h"

#define MOST_BYTES  ((size_t)16 << 20)
#define MOST_VALUES ((size_t)1 << 20) /* about 100 bytes each */
#define DEPTHS      4                 /* a layer's configuration lies so many levels below its model's */

/* Depth and number of values, without looking into strings. */
static int32_t weigh(const axm_keras_import *import, const char *text, size_t length, const char *what)
{
    size_t values = 1;
    int64_t depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; ++i) {
        char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            ++values;
            if (++depth > deepest) deepest = depth;
        } else if (c == '}' || c == ']') {
            --depth;
        } else if (c == ',') {
            ++values;
        }
    }
    if (length > MOST_BYTES || values > MOST_VALUES) return axm_fail(ACTMAX_ERROR_LIMIT, "%s is larger than any network's", what);
    if (deepest > DEPTHS * import->limits->nesting || deepest > 900)
        return axm_fail(ACTMAX_ERROR_LIMIT, "%s is nested deeper than limit_nesting (%lld) allows", what,
                        (long long)import->limits->nesting);
    return ACTMAX_OK;
}

int32_t axm_keras_parse(axm_keras_import *import, const char *text, size_t length, const char *what, cJSON **out)
{
    int32_t status = weigh(import, text, length, what);
    if (status < 0) return status;
    *out = cJSON_ParseWithLength(text, length);
    if (!*out || !cJSON_IsObject(*out)) {
        cJSON_Delete(*out);
        *out = NULL;
        return axm_fail(ACTMAX_ERROR_FORMAT, "%s is no JSON object; the file is damaged", what);
    }
    return ACTMAX_OK;
}

const cJSON *axm_keras_item(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNull(item) ? NULL : item;
}

const char *axm_keras_string(const cJSON *object, const char *name, const char *fallback)
{
    const cJSON *item = axm_keras_item(object, name);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

bool axm_keras_flag(const cJSON *object, const char *name, bool fallback)
{
    const cJSON *item = axm_keras_item(object, name);
    return cJSON_IsBool(item) ? (bool)cJSON_IsTrue(item) : fallback;
}

double axm_keras_number(const cJSON *object, const char *name, double fallback)
{
    const cJSON *item = axm_keras_item(object, name);
    /* NumPy's numbers are written as {"type": "ndarray", "value": ...} by some versions. */
    if (cJSON_IsObject(item)) item = axm_keras_item(item, "value");
    return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}

static bool whole(const cJSON *item, int64_t *out)
{
    if (!cJSON_IsNumber(item) || fabs(item->valuedouble) > 1e15) return false;
    *out = (int64_t)item->valuedouble;
    return fabs((double)*out - item->valuedouble) <= 0.0;
}

bool axm_keras_integers(const cJSON *object, const char *name, int32_t count, int64_t fallback, int64_t *out)
{
    const cJSON *item = axm_keras_item(object, name), *element;
    if (!item || cJSON_IsNumber(item)) {
        int64_t value = fallback;
        if (item && !whole(item, &value)) return false;
        for (int32_t i = 0; i < count; ++i)
            out[i] = value;
        return true;
    }
    int32_t at = 0;
    if (!cJSON_IsArray(item)) return false;
    cJSON_ArrayForEach(element, item)
    {
        if (at >= count || !whole(element, &out[at])) return false;
        ++at;
    }
    return at == count;
}
