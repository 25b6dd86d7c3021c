/* Settings of raw operations, in the shape in which layers' translations read them. */
#include <string.h>

#include "base/status.h"
#include "loaders/keras/translate.h"

void axm_keras_add_item(axm_keras_settings *s, const cJSON *item, const char *as)
{
    cJSON *own = &s->items[s->count];
    union {
        const char *in;
        char *out;
    } key = {as}; /* cJSON's field is not const */
    *own = *item;
    own->string = key.out;
    own->next = NULL;
    if (s->count > 0) s->items[s->count - 1].next = own;
    s->object = (cJSON){.type = cJSON_Object, .child = &s->items[0]};
    ++s->count;
}

void axm_keras_add_setting(axm_keras_settings *s, const axm_keras_call *call, const char *name, const char *as, double fallback)
{
    const cJSON *item = axm_keras_setting(call, name);
    const cJSON number = {.type = fallback > AXM_KERAS_NO_NUMBER ? cJSON_Number : cJSON_NULL, .valuedouble = fallback};
    axm_keras_add_item(s, item ? item : &number, as);
}

int32_t axm_keras_as_layer(axm_keras_call *call, axm_keras_translation translate, const axm_keras_settings *s)
{
    axm_keras_call plain = *call;
    plain.config = &s->object;
    int32_t status = translate(&plain);
    call->output = plain.output;
    return status;
}

int64_t axm_keras_axis_setting(const axm_keras_call *call, axm_keras_tensor x, double fallback)
{
    int64_t axes[AXM_MAX_RANK];
    axm_keras_settings s = {.count = 0};
    axm_keras_add_setting(&s, call, "axis", "axis", fallback);
    return axm_keras_axes(&s.object, "axis", x, axes) == 1 ? axes[0] : -1;
}

/* ---- Constants ---- */

/* The elements of the list at depth `axis`, which all have the shape's sizes. */
static bool read_elements(const cJSON *item, const axm_shape *shape, int32_t axis, float **next)
{
    const cJSON *element;
    if (axis == shape->rank) {
        if (!cJSON_IsNumber(item)) return false;
        if (*next) *(*next)++ = (float)item->valuedouble;
        return true;
    }
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != shape->dim[axis]) return false;
    cJSON_ArrayForEach(element, item)
    {
        if (!read_elements(element, shape, axis + 1, next)) return false;
    }
    return true;
}

const cJSON *axm_keras_plain(const cJSON *item)
{
    const char *class_name = axm_keras_string(item, "class_name", "");
    bool array = strcmp(class_name, "__tensor__") == 0 || strcmp(class_name, "__numpy__") == 0;
    return array ? axm_keras_item(axm_keras_item(item, "config"), "value") : item;
}

bool axm_keras_read_constant(const cJSON *item, axm_shape *shape, float *values)
{
    item = axm_keras_plain(item);
    *shape = (axm_shape){0};
    for (const cJSON *first = item; cJSON_IsArray(first); first = first->child) {
        if (shape->rank == AXM_MAX_RANK || !first->child) return false;
        shape->dim[shape->rank++] = cJSON_GetArraySize(first);
    }
    return read_elements(item, shape, 0, &values);
}
