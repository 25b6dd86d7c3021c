/* The default limits. They are the defaults of the rows limit_* of the option table (a test compares them). */
#include "base/limits.h"

axm_limits axm_limits_default(void)
{
    return (axm_limits){
        .file_bytes = 8589934592, /* mapped, so this costs no memory; a format may have a limit of its own */
        .tensor_elements = 2147483647,
        .nodes = 100000,
        .nesting = 32,
        .planned_bytes = 8589934592,
        .image_pixels = 268435456,
        .image_side = 65536,
    };
}
