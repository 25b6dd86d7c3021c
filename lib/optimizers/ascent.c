/* Plain steps along the gradient, with momentum in PyTorch's form (SGD without dampening):
 *   b <- momentum b + g;  x <- x - lr b */
#include "optimizers/optimizer.h"

/* State: b. */
static void update(const axm_optimizer_settings *settings, int64_t step, size_t count, const float *g, float *state, float *x)
{
    const float momentum = (float)settings->momentum, rate = (float)settings->learning_rate;
    (void)step;
    for (size_t i = 0; i < count; ++i) {
        state[i] = momentum * state[i] + g[i];
        x[i] -= rate * state[i];
    }
}

const axm_optimizer axm_optimizer_ascent = {"ascent", 1, update};
