"""Activation maximisation, saliency and Grad-CAM under keras-vis's names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _errors
from . import backend as K
from . import backprop_modifiers
from ._keras import KerasLayer, KerasModel, Tensor
from ._sampling import zoom
from .losses import ActivationMaximization
from .optimizer import Optimizer
from .regularizers import LPNorm, TotalVariation
from .utils import utils

Losses = Sequence[tuple[Any, float]]

# A picture in fewer whole numbers than these shows nothing.
_LEVELS = 16

# Keras's layers, and ONNX's operators, that a map can be taken at.
_SPATIAL = {
    *(f"{kind}{rank}D" for kind in ("Conv", "SeparableConv", "DepthwiseConv", "MaxPooling", "AveragePooling") for rank in (1, 2, 3)),
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "AveragePool",
}


def get_num_filters(layer: KerasLayer) -> int:
    """How many filters, or outputs, a layer has."""
    return int(layer.output_shape[-1] or 0)


def overlay(array1: np.ndarray, array2: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """alpha * array1 + (1 - alpha) * array2, cut off to array1's type."""
    if alpha < 0.0 or alpha > 1.0:
        raise ValueError("`alpha` needs to be between [0, 1]")
    if array1.shape != array2.shape:
        raise ValueError("`array1` and `array2` must have the same shapes")
    return (array1 * alpha + array2 * (1.0 - alpha)).astype(array1.dtype)


def visualize_activation_with_losses(
    input_tensor: Tensor,
    losses: Losses,
    wrt_tensor: Tensor | None = None,
    seed_input: np.ndarray | None = None,
    input_range: tuple[float, float] = (0, 255),
    **optimizer_params: Any,
) -> np.ndarray:
    """The input that minimises the losses: uint8 when both ends of input_range are int, else floats in it. So (-1, 1) spoils it, as in
    keras-vis, and a warning says so: write (-1.0, 1.0).

    optimizer_params: those of Optimizer.minimize(); max_iter is 200 and verbose False unless given.
    """
    params = utils.add_defaults_to_kwargs({"seed_input": seed_input}, **optimizer_params)
    return _minimised(input_tensor, losses, wrt_tensor, input_range, params)


def visualize_activation(
    model: KerasModel,
    layer_idx: int,
    filter_indices: Any = None,
    wrt_tensor: Tensor | None = None,
    seed_input: np.ndarray | None = None,
    input_range: tuple[float, float] = (0, 255),
    backprop_modifier: Any = None,
    grad_modifier: Any = None,
    act_max_weight: float = 1,
    lp_norm_weight: float = 10,
    tv_weight: float = 10,
    **optimizer_params: Any,
) -> np.ndarray:
    """The input that excites filters of a layer most. filter_indices: one, a list, or None: the mean of the layer. uint8 when both ends of
    input_range are int: for a range such as -1 to 1 write (-1.0, 1.0).
    """
    model = _modified(model, backprop_modifier)
    losses = [
        (ActivationMaximization(model.layers[layer_idx], filter_indices), act_max_weight),
        (LPNorm(model.input), lp_norm_weight),
        (TotalVariation(model.input), tv_weight),
    ]
    params = utils.add_defaults_to_kwargs({"seed_input": seed_input, "grad_modifier": grad_modifier}, **optimizer_params)
    return _minimised(model.input, losses, wrt_tensor, input_range, params)


def visualize_saliency_with_losses(
    input_tensor: Tensor,
    losses: Losses,
    seed_input: np.ndarray,
    wrt_tensor: Tensor | None = None,
    grad_modifier: Any = "absolute",
    keepdims: bool = False,
) -> np.ndarray:
    """The gradient of the losses by the input, modified, its largest channel, scaled to [0, 1]."""
    opt = Optimizer(input_tensor, losses, wrt_tensor=wrt_tensor, norm_grads=False)
    grads = opt.minimize(seed_input=seed_input, max_iter=1, grad_modifier=grad_modifier, verbose=False)[1]
    if not keepdims:
        grads = np.max(grads, axis=-1)
    return utils.normalize(grads)[0]


def visualize_saliency(
    model: KerasModel,
    layer_idx: int,
    filter_indices: Any,
    seed_input: np.ndarray,
    wrt_tensor: Tensor | None = None,
    backprop_modifier: Any = None,
    grad_modifier: Any = "absolute",
    keepdims: bool = False,
) -> np.ndarray:
    """Which pixels the filters react to: (height, width) in [0, 1]; with keepdims for each channel."""
    model = _modified(model, backprop_modifier)
    losses = [(ActivationMaximization(model.layers[layer_idx], filter_indices), -1)]
    return visualize_saliency_with_losses(model.input, losses, seed_input, wrt_tensor, grad_modifier, keepdims)


def visualize_cam_with_losses(
    input_tensor: Tensor, losses: Losses, seed_input: np.ndarray, penultimate_layer: KerasLayer, grad_modifier: Any = None
) -> np.ndarray:
    """Grad-CAM of the losses at a layer: (height, width) of the input in [0, 1], enlarged by a cubic spline."""
    opt = Optimizer(input_tensor, losses, wrt_tensor=penultimate_layer.output, norm_grads=False)
    _, grads, reached = opt.minimize(seed_input, max_iter=1, grad_modifier=grad_modifier, verbose=False)
    grads = grads / (np.max(grads) + K.epsilon())
    weights = np.mean(grads, axis=tuple(range(grads.ndim - 1)))
    heat = np.zeros(reached.shape[1:-1], K.floatx())
    for channel, weight in enumerate(weights):
        heat += weight * reached[0, ..., channel]
    heat = np.maximum(heat, 0)
    return utils.normalize(zoom(heat, input_tensor.shape[1:-1]))


def visualize_cam(
    model: KerasModel,
    layer_idx: int,
    filter_indices: Any,
    seed_input: np.ndarray,
    penultimate_layer_idx: int | None = None,
    backprop_modifier: Any = None,
    grad_modifier: Any = None,
) -> np.ndarray:
    """Where the filters see what excites them. penultimate_layer_idx: the map's layer; None: the nearest convolution or pooling at
    least two layers before layer_idx, be it of 1 x 1, whose map is flat (all 0): a warning says so.
    """
    model = _modified(model, backprop_modifier)
    layer = _find_penultimate_layer(model, layer_idx, penultimate_layer_idx)
    _warn_if_flat(model, layer)
    losses = [(ActivationMaximization(model.layers[layer_idx], filter_indices), -1)]
    return visualize_cam_with_losses(model.input, losses, seed_input, layer, grad_modifier)


def _modified(model, backprop_modifier):
    return model if backprop_modifier is None else backprop_modifiers.get(backprop_modifier)(model)


def _minimised(input_tensor, losses, wrt_tensor, input_range, params):
    params = utils.add_defaults_to_kwargs({"max_iter": 200, "verbose": False}, **params)
    low, high = input_range
    whole = isinstance(low, int) and isinstance(high, int)
    if whole and (low < 0 or high > 255 or high - low < _LEVELS):
        said = (
            f"input_range=({low}, {high}) is of whole numbers, so that the picture is cast to uint8 and spoiled (in keras-vis, too); "
            f"give input_range=({low}.0, {high}.0)"
        )
        warnings.warn(said, _errors.ActmaxWarning, stacklevel=3)
    image = Optimizer(input_tensor, losses, input_range, wrt_tensor=wrt_tensor).minimize(**params)[0]
    return np.clip(image, low, high).astype("uint8") if whole else image


def _has_extent(layer):
    return any(side != 1 for side in layer.output_shape[1:-1])


def _warn_if_flat(model, layer):
    if _has_extent(layer):
        return
    wide = [other.name for other in model.layers[: layer.index] if _has_extent(other)]
    advice = f'; give penultimate_layer_idx=utils.find_layer_idx(model, "{wide[-1]}")' if wide else ""
    said = f"layer '{layer.name}' has no height and width, so that its map is flat (in keras-vis, too){advice}"
    warnings.warn(said, _errors.ActmaxWarning, stacklevel=3)


def _find_penultimate_layer(model, layer_idx, penultimate_layer_idx):
    if penultimate_layer_idx is None:
        for index, layer in utils.reverse_enumerate(model.layers[: layer_idx - 1]):
            if layer.type in _SPATIAL:
                penultimate_layer_idx = index
                break
    if penultimate_layer_idx is None:
        raise ValueError(f"Unable to determine penultimate `Conv` or `Pooling` layer for layer_idx: {layer_idx}")
    if layer_idx < 0:
        layer_idx = len(model.layers) + layer_idx
    if penultimate_layer_idx > layer_idx:
        raise ValueError("`penultimate_layer_idx` needs to be before `layer_idx`")
    return model.layers[penultimate_layer_idx]
