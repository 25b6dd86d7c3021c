"""A network under the names that Keras's users know: layers with outputs, activations that can be set, shapes with None for the batch."""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np

from .. import _errors, _images
from .._handles import Recipe
from .._library import out
from .._model import Model, _filters
from .._results import Reader
from . import activations


class Tensor:
    """The input of a model (layer None) or a layer's output, to be named in losses. t[..., i] is its filter i."""

    def __init__(self, model: KerasModel, layer: KerasLayer | None, filter: int | None = None):
        self.model, self.layer, self.filter = model, layer, filter
        self.shape = model.input_shape if layer is None else layer.output_shape

    def __getitem__(self, key):
        """The filter that the only number of the key chooses; slices must be whole."""
        key = key if isinstance(key, tuple) else (key,)
        whole = [part for part in key if part is not Ellipsis and part is not None and part != slice(None)]
        if not whole:
            return Tensor(self.model, self.layer)
        index = whole[0]
        at = key.index(index) - len(key) if Ellipsis in key[: key.index(index)] else key.index(index)
        if self.layer is None or len(whole) > 1 or at % len(self.shape) != len(self.shape) - 1 or not hasattr(index, "__index__"):
            raise _errors.UnsupportedError(
                f"of a layer's output one filter can be taken, as in output[..., 3], not {key!r}; for more write a Loss with "
                "value_and_gradient()"
            )
        return Tensor(self.model, self.layer, int(index))


class KerasLayer:
    """A layer: name, type, index, output, output_shape, activation."""

    def __init__(self, model: KerasModel, layer: Any):
        self._model, self._layer = model, layer
        self.index, self.name, self.type = layer.index, layer.name, layer.type
        self._activation: Any = None

    @property
    def activation(self) -> Any:
        """As set here; activations.as_in_file else. utils.apply_modifications() makes a model in which it holds."""
        return self._activation or activations.get(self._model._changed.get(self.index, activations.as_in_file))

    @activation.setter
    def activation(self, value: Any) -> None:
        self._activation = activations.get(value)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        shape = list(self._layer.output_shape)
        if len(shape) > 2 and self._layer.channel_axis == 1:
            shape.append(shape.pop(1))
        return (None, *shape[1:])

    @property
    def output(self) -> Tensor:
        return Tensor(self._model, self)

    def count_params(self) -> int:
        return self._layer.parameters

    def __repr__(self):
        return f"<{self.type} {self.name}>"


class KerasModel:
    """What load_model() gives. core: the actmax.Model behind it."""

    def __init__(self, core: Model):
        self.core = core
        self._changed: dict[int, str] = {}  # activations by the index of their layer
        self._bypass = False  # is the last one left out by asking for the score before it?
        self._backprop: str | None = None
        self._make_layers()

    def _make_layers(self):
        self.layers = [KerasLayer(self, layer) for layer in self.core.layers]

    def _copy(self, backprop=None):
        other = copy.copy(self)
        other._backprop = self._backprop if backprop is None else backprop
        other._make_layers()
        return other

    def modified(self) -> KerasModel:
        """A new model in which the activations that were set hold; see utils.apply_modifications()."""
        changed, before = dict(self._changed), self._original()
        for layer in self.layers:
            if layer._activation is activations.as_in_file:
                changed.pop(layer.index, None)
            elif layer._activation is not None:
                changed[layer.index] = activations.name_of(layer._activation)
        other = self._copy()
        other._changed = changed
        other._bypass = changed == {len(self.layers) - 1: "linear"}
        other.core = before if other._bypass or not changed else before._with_activations(
            [_pair(self.layers[index].name, name) for index, name in changed.items()]
        )
        other._file = before
        other._make_layers()
        return other

    def _original(self):
        """The network as the file has it."""
        return self.__dict__.get("_file", self.core)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        shape = list(self.core.input_shape)
        if len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3):
            shape.append(shape.pop(1))
        return (None, *shape[1:])

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self.layers[-1].output_shape

    @property
    def input(self) -> Tensor:
        return Tensor(self, None)

    @property
    def output(self) -> Tensor:
        return self.layers[-1].output

    def get_layer(self, name: str | None = None, index: int | None = None) -> KerasLayer:
        """By name or index; ValueError when there is none, as in Keras."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"there is no layer {index}; the model has {len(self.layers)}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"there is no layer '{name}'; model.summary() lists all")

    def count_params(self) -> int:
        return self.core.parameters

    def summary(self, print_fn: Any = print) -> None:
        """Prints the table of layers."""
        print_fn(self.core.summary().rstrip("\n"))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The outputs for a batch of inputs, (samples, ...), float32."""
        x = np.asarray(x)
        rows = []
        for sample in x if x.ndim == len(self.input_shape) else x[None]:
            target, bypass = self._target(self.layers[-1])
            if bypass:
                rows.append(self.core.predict(sample.astype(np.float32)).logits.reshape(self.output_shape[1:]))
            else:
                rows.append(_last(self.core.activations(sample.astype(np.float32), target).array, target)[0])
        return np.stack(rows)

    # ---- For the optimizer ----

    def _target(self, layer):
        """The layer of the C library to ask for, and whether before its activation."""
        if not self._bypass or layer.index != len(self.layers) - 1:
            return layer._layer, False
        if layer.type in ("Activation", "Softmax") and layer.index > 0:  # the score is what the layer before gives
            return self.core.layers[layer.index - 1], False
        return layer._layer, True

    def gradient(self, layer: KerasLayer, filters: Any, sample: np.ndarray, by: KerasLayer | None = None) -> tuple:
        """(sum over filters of each one's mean, its gradient by the input or by's output, that output). sample: one, without batch."""
        target, bypass = self._target(self.layers[layer.index])
        recipe = Recipe({"bypass": int(bypass), "backprop": self._backprop})
        handle = _images.to_handle(np.ascontiguousarray(sample, np.float32))
        wanted = _filters(filters)
        with self.core._sessions.one() as session:
            if by is None:
                pointer = out("session_gradient", session, handle, target.index, wanted, len(wanted), recipe)
            else:
                pointer = out("session_layer_gradient", session, handle, target.index, wanted, len(wanted), by.index, recipe)
        reader = Reader(pointer)
        value, gradient = reader.number("activation"), reader.array("gradient")
        if by is None:
            return value, gradient, None
        return value, _last(gradient, by._layer)[0], _last(reader.array("activations"), by._layer)[0]


def _pair(layer, activation):
    if "," in layer:
        raise _errors.UnsupportedError(f"layer '{layer}': the activation of a layer whose name holds a comma cannot be set")
    return f"{layer}={activation}"


def _last(array, layer):
    """With its channels last."""
    return np.moveaxis(array, 1, -1) if array.ndim > 2 and layer.channel_axis == 1 else array


def load_model(path: str | os.PathLike[str] | bytes, custom_objects: Any = None, **options: Any) -> KerasModel:
    """A Keras file (.h5, .hdf5, .keras; VGG16's and VGG19's published weights too) or an ONNX file. options: those of actmax.Model."""
    if custom_objects:
        raise _errors.UnsupportedError("custom_objects: layers with code of their own cannot be loaded")
    options.setdefault("preprocess", "raw")
    return KerasModel(Model(path, **options))
