/* RMSprop with epsilon inside of the root, as keras-vis has it (which knows neither a learning rate nor momentum; the momentum
 * is PyTorch's, over the divided gradients).
 *
 *   v <- decay v + (1 - decay) g^2;  b <- momentum b + g / sqrt(v + epsilon);  x <- x - lr b */
#include <math.h>

#include "optimizers/optimizer.h"

/* State: v and b. A divisor of 0 (epsilon 0, and no gradient yet) means no step. */
static void update(const axm_optimizer_settings *settings, int64_t step, size_t count, const float *g, float *state, float *x)
{
    float *v = state, *b = state + count;
    const float keep = (float)settings->decay, take = (float)(1.0 - settings->decay), epsilon = (float)settings->epsilon;
    const float momentum = (float)settings->momentum, rate = (float)settings->learning_rate;
    (void)step;
    for (size_t i = 0; i < count; ++i) {
        v[i] = keep * v[i] + take * (g[i] * g[i]);
        const float root = sqrtf(v[i] + epsilon), divisor = root != 0.0f ? root : INFINITY;
        b[i] = momentum * b[i] + g[i] / divisor;
        x[i] -= rate * b[i];
    }
}

const axm_optimizer axm_optimizer_rmsprop = {"rmsprop", 2, update};
