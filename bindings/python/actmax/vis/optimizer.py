"""Gradient descent on the input with RMSprop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import backend as K
from ._keras import Tensor
from .callbacks import Print
from .grad_modifiers import get
from .utils import utils


class Optimizer:
    """Minimises a sum of (Loss, weight) pairs.

    wrt_tensor: what the gradient is taken by: the input (None), or a layer's output; of the latter no step is made. norm_grads: scale
    the gradient to a length of 1.
    """

    def __init__(
        self,
        input_tensor: Tensor,
        losses: Sequence[tuple[Any, float]],
        input_range: tuple[float, float] = (0, 255),
        wrt_tensor: Tensor | None = None,
        norm_grads: bool = True,
    ):
        self.input_tensor, self.input_range, self.norm_grads = input_tensor, input_range, norm_grads
        self.wrt_layer = None if wrt_tensor is None else wrt_tensor.layer
        self.loss_names: list[str] = []
        self.loss_functions: list[K.Expression] = []
        for loss, weight in losses:
            if weight:
                self.loss_functions.append(weight * loss.build_loss())
                self.loss_names.append(loss.name)
        if not self.loss_functions:
            raise ValueError("no loss with a weight other than 0")

    def _compute(self, x):
        values, grads, reached = [], None, None
        for expression in self.loss_functions:
            value, slope, at = expression.evaluate(x, self.wrt_layer)
            values.append(value)
            grads = slope if grads is None else grads if slope is None else grads + slope
            reached = at if reached is None else reached
        if grads is None:
            raise ValueError("no loss depends on what the gradient is taken by")
        if self.norm_grads:
            grads = grads / np.float32(np.sqrt(max(float(np.sum(np.square(grads, dtype=np.float64))), 1e-12)))
        return values, np.float32(sum(values)), grads, reached

    def _rmsprop(self, grads, cache=None, decay_rate=0.95):
        if cache is None:
            cache = np.zeros_like(grads)
        cache = decay_rate * cache + (1 - decay_rate) * grads**2
        return -grads / np.sqrt(cache + K.epsilon()), cache

    def _get_seed_input(self, seed_input):
        shape = (1, *self.input_tensor.shape[1:])
        if seed_input is None:
            low, high = self.input_range
            return utils.random_array(shape, mean=np.mean(self.input_range), std=0.05 * (high - low))
        seed_input = np.asarray(seed_input)
        if seed_input.ndim != len(shape):
            seed_input = seed_input[None]
        if seed_input.shape[-1] != shape[-1] and seed_input.shape[1] == shape[-1]:
            seed_input = np.moveaxis(seed_input, 1, -1)
        if seed_input.shape[1:] != shape[1:]:
            raise ValueError(f"seed_input has the shape {seed_input.shape}; the model takes {(None, *shape[1:])}")
        return seed_input.astype(K.floatx())

    def minimize(
        self,
        seed_input: np.ndarray | None = None,
        max_iter: int = 200,
        input_modifiers: Sequence[Any] | None = None,
        grad_modifier: Any = None,
        callbacks: Sequence[Any] | None = None,
        verbose: bool = True,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(best image, brought to input_range; the last gradient; the last value of what it was taken by).

        The best image is that after the step whose loss before it was the least. Nothing is cut off between steps.
        """
        x = self._get_seed_input(seed_input)
        modifiers = list(input_modifiers or [])
        modify = (lambda grads: grads) if grad_modifier is None else get(grad_modifier)
        watchers = list(callbacks or []) + ([Print()] if verbose else [])
        cache, best_loss, best, grads, reached = None, np.inf, None, None, None
        for i in range(max_iter):
            for modifier in modifiers:
                x = modifier.pre(x)
            values, overall, grads, reached = self._compute(np.asarray(x, np.float32))
            grads = modify(grads)
            for watcher in watchers:
                watcher.callback(i, list(zip(self.loss_names, values, strict=True)), overall, grads, reached)
            if self.wrt_layer is None:
                step, cache = self._rmsprop(grads, cache)
                x = x + step.astype(x.dtype, copy=False)
            for modifier in reversed(modifiers):
                x = modifier.post(x)
            if overall < best_loss:
                best_loss, best = overall, x.copy()
        for watcher in watchers:
            watcher.on_end()
        if best is None:
            raise ValueError(f"max_iter is {max_iter}: at least one step is needed")
        return utils.deprocess_input(best[0], self.input_range), grads, reached
