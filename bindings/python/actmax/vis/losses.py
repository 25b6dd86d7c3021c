"""Losses to be minimised."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import backend as K
from ._keras import KerasLayer
from .utils import utils


class Loss:
    """Base of losses. name shows when the optimizer is verbose.

    Overload build_loss() to give a sum of K.mean(layer.output[..., filter]) terms (K: actmax.vis.backend), or value_and_gradient(), which
    sees the input as a NumPy array (samples, height, width, channels) and gives a number and the gradient in NumPy.
    """

    def __init__(self):
        self.name = "Unnamed Loss"

    def __str__(self) -> str:
        return self.name

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        raise NotImplementedError(f"{type(self).__name__} has neither build_loss() nor value_and_gradient()")

    def build_loss(self) -> K.Expression:
        return K.function(self.value_and_gradient)


class ActivationMaximization(Loss):
    """Minus the sum of the means of filters of a layer. filter_indices: one, a list, or None for the mean of the whole layer."""

    def __init__(self, layer: KerasLayer, filter_indices: Any):
        super().__init__()
        self.name = "ActivationMax Loss"
        self.layer = layer
        self.filter_indices = utils.listify(filter_indices)

    def build_loss(self) -> K.Expression:
        loss = K.Expression([])
        for index in self.filter_indices:
            loss = loss - K.mean(self.layer.output[utils.slicer[:, index, ...]])
        return loss
