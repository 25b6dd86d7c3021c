/* Messages, version, features, operators. */
#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "ops/op.h"

const char *actmax_message(void)
{
    return axm_message();
}

const char *actmax_status_name(int32_t status)
{
    switch (status) {
    case ACTMAX_OK: return "OK";
    case ACTMAX_NOTE_STOPPED: return "NOTE_STOPPED";
    case ACTMAX_NOTE_TIME_LIMIT: return "NOTE_TIME_LIMIT";
    case ACTMAX_NOTE_FLAT_MAP: return "NOTE_FLAT_MAP";
    case ACTMAX_NOTE_DEAD_TARGET: return "NOTE_DEAD_TARGET";
    case ACTMAX_NOTE_NO_RISE: return "NOTE_NO_RISE";
    case ACTMAX_NOTE_NOT_MODIFIED: return "NOTE_NOT_MODIFIED";
    case ACTMAX_NOTE_ASSUMED: return "NOTE_ASSUMED";
    case ACTMAX_ERROR_INVALID: return "ERROR_INVALID";
    case ACTMAX_ERROR_NO_MEMORY: return "ERROR_NO_MEMORY";
    case ACTMAX_ERROR_IO: return "ERROR_IO";
    case ACTMAX_ERROR_FORMAT: return "ERROR_FORMAT";
    case ACTMAX_ERROR_UNSUPPORTED: return "ERROR_UNSUPPORTED";
    case ACTMAX_ERROR_NOT_FOUND: return "ERROR_NOT_FOUND";
    case ACTMAX_ERROR_AMBIGUOUS: return "ERROR_AMBIGUOUS";
    case ACTMAX_ERROR_LIMIT: return "ERROR_LIMIT";
    case ACTMAX_ERROR_SHAPE: return "ERROR_SHAPE";
    case ACTMAX_ERROR_NUMERIC: return "ERROR_NUMERIC";
    case ACTMAX_ERROR_INTERNAL: return "ERROR_INTERNAL";
    default: return "UNKNOWN";
    }
}

#define TEXT_OF(x)          #x
#define VERSION_OF(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

int32_t actmax_version(void)
{
    return ACTMAX_VERSION;
}

const char *actmax_version_string(void)
{
    return VERSION_OF(ACTMAX_VERSION_MAJOR, ACTMAX_VERSION_MINOR, ACTMAX_VERSION_PATCH);
}

static const char *const features[] = {"onnx", "openblas", "avx2", "avx512", "neon", "keras", "gif"};

int32_t actmax_feature_count(void)
{
    return (int32_t)(sizeof features / sizeof *features);
}

const char *actmax_feature_name(int32_t index)
{
    return index >= 0 && index < actmax_feature_count() ? features[index] : NULL;
}

int32_t actmax_feature_enabled(int32_t index)
{
    const char *name = actmax_feature_name(index);
    if (!name) return 0;
    if (strcmp(name, "onnx") == 0) {
#if defined(ACTMAX_WITH_ONNX)
        return 1;
#else
        return 0;
#endif
    }
    if (strcmp(name, "keras") == 0) {
#if defined(ACTMAX_WITH_KERAS)
        return 1;
#else
        return 0;
#endif
    }
    if (strcmp(name, "gif") == 0) {
#if defined(ACTMAX_WITH_GIF)
        return 1;
#else
        return 0;
#endif
    }
    if (strcmp(name, "openblas") == 0) {
#if defined(ACTMAX_WITH_OPENBLAS)
        return 1;
#else
        return 0;
#endif
    }
    return axm_kernels_find(name) != NULL;
}

int32_t actmax_operator_count(void)
{
    return axm_op_count();
}

const char *actmax_operator_name(int32_t index)
{
    const axm_op *op = index >= 0 ? axm_op_at(index) : NULL;
    return op ? op->name : NULL;
}
