"""What `layer.activation` may be set to before utils.apply_modifications(): these functions, keras.activations' own, or their names.

In a Keras file any name of Keras's can stand, in an ONNX file, where an activation is a layer of its own, linear, relu, sigmoid, tanh,
softplus, softsign, elu and selu.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def linear(x):
    """No activation: the scores before a final softmax or sigmoid."""
    return x


def softmax(x):
    """Over the last axis."""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tanh(x):
    return np.tanh(x)


def softplus(x):
    return np.logaddexp(x, 0)


def softsign(x):
    return x / (1 + np.abs(x))


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def selu(x):
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def exponential(x):
    return np.exp(x)


def as_in_file(x):
    """Stands for whatever the model's file says."""
    raise NotImplementedError("the activation is the file's; the C library computes it")


def get(identifier: Any) -> Callable[..., Any]:
    """The function of a name (another name of Keras's: a stand-in for it), or the function given; None is linear."""
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    found = globals().get(identifier)
    if found is not None and getattr(found, "__module__", None) == __name__ and found is not get and found is not name_of:
        return found

    def named(x):
        raise NotImplementedError(f"the C library computes {identifier}")

    named.__name__ = str(identifier)
    return named


def name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", function))
