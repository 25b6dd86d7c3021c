/* First-order optimizers over a flat buffer of floats. An optimizer is one file and one line in optimizers.def. All minimise:
 * x moves against the gradient g. State lives in a caller's buffer, zeroed at the start. */
#ifndef AXM_OPTIMIZERS_OPTIMIZER_H
#define AXM_OPTIMIZERS_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

typedef struct axm_optimizer_settings {
    double learning_rate;
    double beta1, beta2, epsilon, weight_decay; /* Adam: L2-coupled weight decay as in PyTorch's Adam */
    int32_t amsgrad;
    double decay;    /* RMSprop: v <- decay v + (1-decay) g^2; x <- x - lr g / sqrt(v + epsilon) (epsilon inside, as keras-vis) */
    double momentum; /* ascent (SGD, PyTorch's form: buffer = momentum*buffer + g; x -= lr*buffer) and RMSprop */
} axm_optimizer_settings;

typedef struct axm_optimizer {
    const char *name;     /* "adam", "rmsprop", "ascent" */
    int32_t state_arrays; /* floats of state for each element */
    /* step counts from 1; state: state_arrays arrays of count floats. */
    void (*update)(const axm_optimizer_settings *settings, int64_t step, size_t count, const float *g, float *state, float *x);
} axm_optimizer;

const axm_optimizer *axm_optimizer_find(const char *name);
const axm_optimizer *axm_optimizer_at(int32_t index);

#endif
