"""Writes optimizers.txt: where PyTorch's optimizers (float64), and keras-vis's RMSprop rule in NumPy, take 6 numbers in 10 steps.

    python make_optimizer_goldens.py > optimizers.txt

Lines: NAME COUNT value*COUNT. start: the numbers; gradients: 10 x 6, the same for all; then 10 x 6 numbers after each step.
"""

import numpy as np
import torch

STEPS, SIZE = 10, 6
rng = np.random.default_rng(7)
start = np.round(rng.uniform(-2, 2, SIZE) * 64) / 64
# Sizes over five decades, and gradients that die down, so that AMSGrad's maximum is not the running mean.
gradients = rng.normal(size=(STEPS, SIZE)) * 10.0 ** np.arange(-3, 3)
gradients[:, ::2] *= 0.6 ** np.arange(STEPS)[:, None]
gradients = gradients.astype(np.float32).astype(np.float64)


def line(name, values):
    values = np.asarray(values).ravel()
    print(name, values.size, *(f"{v:.9g}" for v in values))


def run_torch(name, make):
    x = torch.tensor(start, requires_grad=True)
    optimizer, path = make([x]), []
    for g in gradients:
        x.grad = torch.tensor(g)
        optimizer.step()
        path.append(x.detach().numpy().copy())
    line(name, path)


def run_keras_vis(name, decay, epsilon):
    """v <- decay v + (1 - decay) g^2; x <- x - g / sqrt(v + epsilon)."""
    x, v, path = start.copy(), np.zeros(SIZE), []
    for g in gradients:
        v = decay * v + (1 - decay) * g * g
        x = x - g / np.sqrt(v + epsilon)
        path.append(x)
    line(name, path)


line("start", start)
line("gradients", gradients)
run_torch("adam", lambda x: torch.optim.Adam(x, lr=0.1))
run_torch("adam-decay", lambda x: torch.optim.Adam(x, lr=0.1, weight_decay=0.25))
run_torch("adam-amsgrad", lambda x: torch.optim.Adam(x, lr=0.1, betas=(0.9, 0.8), amsgrad=True))
run_torch("adam-all", lambda x: torch.optim.Adam(x, lr=0.5, betas=(0.5, 0.9), eps=1e-2, weight_decay=1e-2, amsgrad=True))
run_torch("ascent", lambda x: torch.optim.SGD(x, lr=0.01))
run_torch("ascent-momentum", lambda x: torch.optim.SGD(x, lr=0.01, momentum=0.9))
run_keras_vis("rmsprop", 0.95, 1e-7)
run_keras_vis("rmsprop-epsilon", 0.8, 1e-4)
# With epsilon 0 it does not matter that PyTorch adds it outside of the root.
run_torch("rmsprop-momentum", lambda x: torch.optim.RMSprop(x, lr=0.25, alpha=0.9, eps=0, momentum=0.8))
