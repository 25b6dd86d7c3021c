/* The list of regularisers. */
#include "visualize/regularizer.h"

#define X(symbol) extern const axm_regularizer axm_regularizer_##symbol;
#include "visualize/regularizers.def"
#undef X

static const axm_regularizer *const list[] = {
#define X(symbol) &axm_regularizer_##symbol,
#include "visualize/regularizers.def"
#undef X
};

const axm_regularizer *axm_regularizer_at(int32_t index)
{
    return index >= 0 && (size_t)index < sizeof list / sizeof *list ? list[index] : NULL;
}
