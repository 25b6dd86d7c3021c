"""Rules for the way back through ReLUs: each gives a copy of the model in which it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import backend
from ._keras import KerasModel
from .utils import utils


def guided(model: KerasModel) -> KerasModel:
    """Only positive gradients of positive activations (Springenberg et al., arXiv 1412.6806)."""
    return backend.modify_model_backprop(model, "guided")


def rectified(model: KerasModel) -> KerasModel:
    """Only positive gradients (Zeiler and Fergus, arXiv 1311.2901)."""
    return backend.modify_model_backprop(model, "rectified")


relu = deconv = rectified


def get(identifier: Any) -> Callable[[KerasModel], KerasModel]:
    return utils.get_identifier(identifier, globals(), __name__)
