/* Adam (Kingma and Ba, 2014) with PyTorch's L2-coupled weight decay and AMSGrad (Reddi et al., 2018), whose maximum is over the
 * mean squares before their bias is corrected.
 *
 *   g <- g + weight_decay x;  m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2
 *   x <- x - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon) */
#include <math.h>

#include "optimizers/optimizer.h"

/* State: m, v, and the largest v so far. A divisor of 0 (epsilon 0, and no gradient yet) means no step. */
static void update(const axm_optimizer_settings *settings, int64_t step, size_t count, const float *g, float *state, float *x)
{
    float *m = state, *v = state + count, *most = state + 2 * count;
    const float keep1 = (float)settings->beta1, take1 = (float)(1.0 - settings->beta1);
    const float keep2 = (float)settings->beta2, take2 = (float)(1.0 - settings->beta2);
    const float decay = (float)settings->weight_decay, epsilon = (float)settings->epsilon;
    const float rate = (float)(settings->learning_rate / (1.0 - pow(settings->beta1, (double)step)));
    const float correction = (float)(1.0 / sqrt(1.0 - pow(settings->beta2, (double)step)));
    for (size_t i = 0; i < count; ++i) {
        float gradient = g[i] + decay * x[i];
        m[i] = keep1 * m[i] + take1 * gradient;
        v[i] = keep2 * v[i] + take2 * (gradient * gradient);
        most[i] = v[i] > most[i] ? v[i] : most[i];
        float divisor = sqrtf(settings->amsgrad ? most[i] : v[i]) * correction + epsilon;
        x[i] -= divisor != 0.0f ? rate * (m[i] / divisor) : 0.0f;
    }
}

const axm_optimizer axm_optimizer_adam = {"adam", 3, update};
