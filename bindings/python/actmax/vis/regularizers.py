"""Losses on the image itself (formulas: Mahendran and Vedaldi, arXiv 1512.02017, section 3.2)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .losses import Loss
from .utils import utils


def normalize(input_tensor: Any, output_tensor: Any) -> Any:
    """output_tensor divided by the number of values of one input."""
    return output_tensor / math.prod(utils.get_img_shape(input_tensor)[1:])


class TotalVariation(Loss):
    """Sum of (differences along each axis, squared and added) to the power beta / 2; the last of each axis is left out."""

    def __init__(self, img_input: Any, beta: float = 2.0):
        super().__init__()
        self.name = f"TV({beta}) Loss"
        self.img, self.beta = img_input, beta

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        x = x.astype(np.float64)
        axes = range(1, x.ndim - 1)
        here = (slice(None), *(slice(None, -1) for _ in axes), slice(None))
        differences, places = [], []
        for axis in axes:
            there = tuple(slice(1, None) if at == axis else part for at, part in enumerate(here))
            differences.append(x[there] - x[here])
            places.append(there)
        squares = sum(d * d for d in differences)
        value = float(np.sum(squares ** (self.beta / 2.0)))
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(squares > 0, self.beta * squares ** (self.beta / 2.0 - 1.0), 0.0)
        gradient = np.zeros_like(x)
        for difference, there in zip(differences, places, strict=True):
            gradient[there] += slope * difference
            gradient[here] -= slope * difference
        return normalize(x, value), normalize(x, gradient)


class LPNorm(Loss):
    """(sum of |x|^p)^(1/p); p = inf is the largest value, with its sign, as in keras-vis."""

    def __init__(self, img_input: Any, p: float = 6.0):
        super().__init__()
        if p < 1:
            raise ValueError("p value should range between [1, inf)")
        self.name = f"L-{p} Norm Loss"
        self.img, self.p = img_input, p

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        x = x.astype(np.float64)
        if np.isinf(self.p):
            top = x.max()
            gradient = (x == top).astype(np.float64)
            return normalize(x, float(top)), normalize(x, gradient / gradient.sum())
        most = float(np.abs(x).max()) or 1.0
        scaled = np.abs(x) / most
        norm = float(np.sum(scaled**self.p)) ** (1.0 / self.p)
        gradient = np.sign(x) * (scaled / norm) ** (self.p - 1.0) if norm > 0 else np.zeros_like(x)
        return normalize(x, norm * most), normalize(x, gradient)
