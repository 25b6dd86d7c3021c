"""Changes of a gradient, a NumPy array: by name or as a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import backend as K
from .utils import utils


def negate(grads: np.ndarray) -> np.ndarray:
    return -grads


def absolute(grads: np.ndarray) -> np.ndarray:
    return np.abs(grads)


def invert(grads: np.ndarray) -> np.ndarray:
    """1 / (gradient + 1e-7)"""
    return 1.0 / (grads + K.epsilon())


def relu(grads: np.ndarray) -> np.ndarray:
    """Negative values become 0."""
    grads[grads < 0.0] = 0.0
    return grads


def small_values(grads: np.ndarray) -> np.ndarray:
    """Large where the gradient is small."""
    return absolute(invert(grads))


def get(identifier: Any) -> Callable[[np.ndarray], np.ndarray]:
    return utils.get_identifier(identifier, globals(), __name__)
