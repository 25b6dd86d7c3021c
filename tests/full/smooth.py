"""A kink-free twin of any module: while `kink_free` lasts, functions with kinks are others that have none, so that gradients of two
programs can be compared to the last digits."""

import contextlib

import torch
import torch.nn.functional as F

# What stands for each function with kinks in the twin. Modules call them by these names too.
SMOOTH = {
    "relu": lambda x, inplace=False: F.softplus(x),
    "relu6": lambda x, inplace=False: F.softplus(x),
    "hardtanh": lambda x, *_, **__: F.softplus(x),
    "hardswish": lambda x, inplace=False: F.silu(x),
    "hardsigmoid": lambda x, inplace=False: torch.sigmoid(x),
    "max_pool2d": lambda x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False:
        F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode),
}


@contextlib.contextmanager
def kink_free():
    kept = {name: getattr(F, name) for name in SMOOTH}
    for name, function in SMOOTH.items():
        setattr(F, name, function)
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(F, name, function)
