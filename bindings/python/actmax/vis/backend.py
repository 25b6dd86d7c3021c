"""What losses are built from: the few functions of Keras's backend that keras-vis's own losses and its users' mostly call.

A loss is an Expression: a sum of weighted terms. K.mean(layer.output[..., 3]) is one; those on the input are functions of a NumPy
array that give (value, gradient).
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from .. import _errors
from ._keras import KerasLayer, KerasModel, Tensor

Term = tuple[float, "KerasLayer | Callable[[np.ndarray], tuple[float, np.ndarray]]", "int | None"]


def epsilon() -> float:
    return 1e-7


def floatx() -> str:
    return "float32"


def image_data_format() -> str:
    return "channels_last"


def int_shape(x: Any) -> tuple[int | None, ...]:
    return tuple(x.shape)


def ndim(x: Any) -> int:
    return len(x.shape)


class Expression:
    """constant + the sum of weight * term; a term is a layer's filter (its mean) or a function of the input."""

    def __init__(self, terms: list[Term], constant: float = 0.0):
        self.terms, self.constant = terms, constant

    def __add__(self, other):
        if isinstance(other, Real):
            return Expression(self.terms, self.constant + float(other))
        if not isinstance(other, Expression):
            return NotImplemented
        return Expression(self.terms + other.terms, self.constant + other.constant)

    __radd__ = __add__

    def __mul__(self, factor):
        if not isinstance(factor, Real):
            raise _errors.UnsupportedError("losses can be added and scaled by numbers; for more write a Loss with value_and_gradient()")
        return Expression([(weight * float(factor), *rest) for weight, *rest in self.terms], self.constant * float(factor))

    __rmul__ = __mul__

    def __truediv__(self, factor):
        return self * (1.0 / factor)

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def evaluate(self, x: np.ndarray, by: KerasLayer | None = None) -> tuple:
        """(value, gradient, value of what it is by) for a batch x; by: a layer, None for x itself."""
        value, gradient, reached = self.constant, None, None
        for weight, term, filter in self.terms:
            if isinstance(term, KerasLayer):
                got = [term._model.gradient(term, filter, sample, by) for sample in x]
                value += weight * float(np.mean([one[0] for one in got]))
                slope = np.stack([one[1] for one in got]) * np.float32(weight / len(x))
                reached = np.stack([one[2] for one in got]) if by is not None else None
            else:
                of_input, slope = term(x)
                value += weight * float(of_input)
                if by is not None:
                    continue
                slope = np.asarray(slope, np.float32) * np.float32(weight)
            gradient = slope if gradient is None else gradient + slope
        return np.float32(value), gradient, x if by is None else reached


def function(value_and_gradient: Callable[[np.ndarray], tuple[float, np.ndarray]]) -> Expression:
    """A loss on the input: called with the batch, float32; gives the value and the gradient of the same shape."""
    return Expression([(1.0, value_and_gradient, None)])


def mean(x: Tensor) -> Expression:
    """The mean of a layer's output or of one of its filters, over batch and space."""
    if not isinstance(x, Tensor) or x.layer is None:
        raise _errors.InvalidError("mean() takes a layer's output, or a filter of it: mean(layer.output[..., 3])")
    return Expression([(1.0, x.layer, x.filter)])


def modify_model_backprop(model: KerasModel, backprop_modifier: str) -> KerasModel:
    """A copy of the model with a rule for the way back through its ReLUs: "guided" or "rectified"."""
    rules = {"guided": "guided", "rectified": "relu"}
    if backprop_modifier not in rules:
        raise ValueError(f"'{backprop_modifier}' modifier is not supported")
    return model._copy(backprop=rules[backprop_modifier])


def set_random_seed(seed_value: int = 1337) -> None:
    """Of numpy.random, from which noise and jitter come."""
    np.random.seed(seed_value)
