"""keras-vis's helpers."""

from __future__ import annotations

import difflib
import json
import math
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ... import _images
from .._keras import KerasModel
from .._sampling import resize

_EPSILON = 1e-7


def reverse_enumerate(iterable: Sequence[Any]) -> Iterable[tuple[int, Any]]:
    """enumerate() from the end, with the same indices."""
    return zip(reversed(range(len(iterable))), reversed(iterable), strict=True)


def listify(value: Any) -> list[Any]:
    """The value if it is a list, else a list of it."""
    return value if isinstance(value, list) else [value]


def add_defaults_to_kwargs(defaults: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """kwargs, and of defaults what is missing there."""
    return {**defaults, **kwargs}


def get_identifier(identifier: Any, module_globals: dict[str, Any], module_name: str) -> Callable[..., Any]:
    """The function of a module that a name stands for, or the function given."""
    if isinstance(identifier, str):
        found = module_globals.get(identifier)
        if found is None:
            raise ValueError(f"Unknown {module_name}: {identifier}")
        return found
    if callable(identifier):
        return identifier
    raise ValueError("Could not interpret identifier")


def apply_modifications(model: KerasModel, custom_objects: Any = None) -> KerasModel:
    """A model in which the activations that were set on model.layers hold; the given one stays as it is."""
    return model.modified()


def random_array(shape: Sequence[int], mean: float = 128.0, std: float = 20.0) -> np.ndarray:
    """Uniform random numbers from numpy.random with the mean and the deviation given; float64."""
    x = np.random.random(tuple(shape))
    x = (x - np.mean(x)) / (np.std(x) + _EPSILON)
    return (x * std) + mean


def find_layer_idx(model: KerasModel, layer_name: str) -> int:
    """The index in model.layers of the layer of that name; ValueError, with the nearest names, when there is none."""
    names = [layer.name for layer in model.layers]
    if layer_name in names:
        return names.index(layer_name)
    near = difflib.get_close_matches(layer_name, names, 3, 0.5)
    words = "nearest: " + ", ".join(f"'{name}'" for name in near) + "; " if near else ""
    raise ValueError(f"No layer with name '{layer_name}' within the model; {words}model.summary() lists all")


def deprocess_input(input_array: np.ndarray, input_range: tuple[float, float] = (0, 255)) -> np.ndarray:
    """To a mean of the range's middle and a deviation of a tenth of it, cut off at its ends; floats."""
    input_array = input_array.copy()
    input_array -= input_array.mean()
    input_array /= input_array.std() + _EPSILON
    input_array *= 0.1
    input_array += 0.5
    input_array = np.clip(input_array, 0, 1)
    return (input_range[1] - input_range[0]) * input_array + input_range[0]


def stitch_images(images: Sequence[np.ndarray], margin: int = 5, cols: int = 5) -> np.ndarray | None:
    """Images of one size, (height, width, channels), side by side with black margins; None when there are none."""
    if len(images) == 0:
        return None
    h, w, c = images[0].shape
    rows, columns = math.ceil(len(images) / cols), min(len(images), cols)
    sheet = np.zeros((rows * (h + margin) - margin, columns * (w + margin) - margin, c), dtype=images[0].dtype)
    for i, image in enumerate(images):
        y, x = i // cols * (h + margin), i % cols * (w + margin)
        sheet[y : y + h, x : x + w] = image
    return sheet


def get_img_shape(img: Any) -> tuple[int, ...]:
    """(samples, channels, height, width, ...) of an array or tensor with its channels last."""
    shape = tuple(img.shape)
    return (shape[0], shape[-1], *shape[1:-1])


def load_img(path: str | os.PathLike[str], grayscale: bool = False, target_size: tuple[int, int] | None = None) -> np.ndarray:
    """A PNG, JPEG or BMP file as an array. target_size: (height, width), as scikit-image's resize takes it; cut off to uint8.

    grayscale: of a colour file the luminance in [0, 1] (ITU-R 709), float64, as scikit-image gives it. An alpha channel is dropped.
    """
    img = _images.load_image(path)
    if grayscale and img.ndim == 3:
        img = img / 255.0 @ np.array([0.2125, 0.7154, 0.0721])
    if target_size:
        img = resize(img, target_size).astype("uint8")
    return img


def lookup_imagenet_labels(indices: Any, labels: str | os.PathLike[str] | Sequence[str] | None = None) -> list[str]:
    """Names of classes. labels: a list, a text file with a name on each line, or Keras's imagenet_class_index.json, which Keras leaves
    in ~/.keras/models: there it is looked for when none is given.
    """
    if labels is None:
        labels = pathlib.Path.home() / ".keras" / "models" / "imagenet_class_index.json"
        if not labels.exists():
            raise FileNotFoundError(f"{labels} is not here; give labels=, a list or a file with a class name on each line")
    if isinstance(labels, (str, os.PathLike)):
        text = pathlib.Path(labels).read_text(encoding="utf-8")
        if str(labels).endswith(".json"):
            index = json.loads(text)
            return [index[str(i)][1] for i in listify(indices)]
        labels = text.splitlines()
    return [labels[i] for i in listify(indices)]


def draw_text(
    img: np.ndarray,
    text: str,
    position: tuple[int, int] = (10, 10),
    font: str = "FreeSans.ttf",
    font_size: int = 14,
    color: tuple[int, int, int] = (0, 0, 0),
) -> np.ndarray:
    """A copy of the image, uint8, with text on it. Needs Pillow; a font that is not found is replaced by Pillow's own."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise ImportError("Failed to import PIL. You must install Pillow") from None
    try:
        face: Any = ImageFont.truetype(font, font_size)
    except OSError:
        face = ImageFont.load_default()
    picture = Image.fromarray(img)
    ImageDraw.Draw(picture).text(position, text, fill=color, font=face)
    return np.asarray(picture)


def bgr2rgb(img: np.ndarray) -> np.ndarray:
    """The channels in reverse order."""
    return img[..., ::-1]


def normalize(array: np.ndarray, min_value: float = 0.0, max_value: float = 1.0) -> np.ndarray:
    """Scaled so that its smallest and largest values become min_value and, but for 1e-7, max_value."""
    low, high = np.min(array), np.max(array)
    return (max_value - min_value) * ((array - low) / (high - low + _EPSILON)) + min_value


class _Slicer:
    """slicer[:, channel, ...] is the index for arrays with their channels last."""

    def __getitem__(self, item: Any) -> Any:
        parts = list(item)
        parts.append(parts.pop(1))
        return tuple(parts)


slicer = _Slicer()
