/* Readers of a node's attributes: the value with its kind checked, or a fallback. */
#include <string.h>

#include "base/status.h"
#include "ops/op.h"

const axm_attribute *axm_attribute_find(const axm_attributes *attributes, const char *name)
{
    for (size_t i = 0; i < attributes->count; ++i)
        if (strcmp(attributes->items[i].name, name) == 0) return &attributes->items[i];
    return NULL;
}

static const char *kind_name(axm_attribute_kind kind)
{
    switch (kind) {
    case AXM_ATTR_INT: return "an integer";
    case AXM_ATTR_FLOAT: return "a number";
    case AXM_ATTR_TEXT: return "a text";
    case AXM_ATTR_INTS: return "a list of integers";
    case AXM_ATTR_FLOATS: return "a list of numbers";
    }
    return "of an unknown kind";
}

static int32_t wrong_kind(const axm_attribute *attribute, axm_attribute_kind wanted)
{
    return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%.40s' is %s, but must be %s; the file is damaged", attribute->name,
                    kind_name(attribute->kind), kind_name(wanted));
}

int32_t axm_attribute_int(const axm_attributes *attributes, const char *name, int64_t fallback, int64_t *out)
{
    const axm_attribute *attribute = axm_attribute_find(attributes, name);
    if (attribute && attribute->kind != AXM_ATTR_INT) return wrong_kind(attribute, AXM_ATTR_INT);
    *out = attribute ? attribute->i : fallback;
    return ACTMAX_OK;
}

int32_t axm_attribute_float(const axm_attributes *attributes, const char *name, float fallback, float *out)
{
    const axm_attribute *attribute = axm_attribute_find(attributes, name);
    if (attribute && attribute->kind != AXM_ATTR_FLOAT) return wrong_kind(attribute, AXM_ATTR_FLOAT);
    *out = attribute ? attribute->f : fallback;
    return ACTMAX_OK;
}

int32_t axm_attribute_text(const axm_attributes *attributes, const char *name, const char *fallback, const char **out)
{
    const axm_attribute *attribute = axm_attribute_find(attributes, name);
    if (attribute && (attribute->kind != AXM_ATTR_TEXT || !attribute->text)) return wrong_kind(attribute, AXM_ATTR_TEXT);
    *out = attribute ? attribute->text : fallback;
    return ACTMAX_OK;
}

int32_t axm_attribute_ints(const axm_attributes *attributes, const char *name, size_t count, int64_t fallback, int64_t low,
                           int64_t high, int64_t *out)
{
    const axm_attribute *attribute = axm_attribute_find(attributes, name);
    if (attribute && attribute->kind != AXM_ATTR_INTS) return wrong_kind(attribute, AXM_ATTR_INTS);
    if (attribute && attribute->count != count)
        return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%.40s' has %zu values, but %zu are needed; the file is damaged", name,
                        attribute->count, count);
    for (size_t i = 0; i < count; ++i) {
        out[i] = attribute ? attribute->ints[i] : fallback;
        if (attribute && (out[i] < low || out[i] > high))
            return axm_fail(ACTMAX_ERROR_FORMAT, "attribute '%.40s' holds %lld, but must be from %lld to %lld", name,
                            (long long)out[i], (long long)low, (long long)high);
    }
    return ACTMAX_OK;
}
