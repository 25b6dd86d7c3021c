"""VGG16 and VGG19 as keras.applications has them, from the files that Keras leaves in its cache.

    from actmax.vis.applications import VGG16

    model = VGG16(weights="imagenet", include_top=True)
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

from .. import _errors
from ._keras import KerasModel, load_model

_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"


def cache_folder() -> pathlib.Path:
    """Where Keras keeps what it downloads: models in $KERAS_HOME, else in ~/.keras."""
    home = os.environ.get("KERAS_HOME")
    return (pathlib.Path(home) if home else pathlib.Path.home() / ".keras") / "models"


def _cached(name, include_top):
    file = f"{name}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    path = cache_folder() / file
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is not here. Keras puts it there when keras.applications.{name.upper()}() first runs; it is at "
            f"{_ADDRESS}/{name}/{file}. Or give the file: weights=PATH"
        )
    return path


def _load(name, include_top, weights, input_tensor, input_shape, pooling, classes, options):
    if weights is None:
        raise _errors.UnsupportedError(f"{name.upper()}(weights=None): actmax makes no random networks; save one with Keras and load it")
    for word, value, usual in (("input_tensor", input_tensor, None), ("pooling", pooling, None), ("classes", classes, 1000)):
        if value != usual:
            raise _errors.UnsupportedError(f"{name.upper()}({word}=...): build that model with Keras, save it and give it to load_model()")
    if input_shape is not None and not include_top:
        options.setdefault("input_size", tuple(input_shape[:2]))
    elif input_shape is not None and tuple(input_shape) != (224, 224, 3):
        raise _errors.InvalidError(f"{name.upper()} with include_top=True takes pictures of (224, 224, 3), not {tuple(input_shape)}")
    return load_model(_cached(name, include_top) if weights == "imagenet" else weights, **options)


def VGG16(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    **options: Any,
) -> KerasModel:
    """weights: "imagenet": the file in Keras's cache; or the path of a file. options: those of load_model()."""
    return _load("vgg16", include_top, weights, input_tensor, input_shape, pooling, classes, options)


def VGG19(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    **options: Any,
) -> KerasModel:
    """As VGG16()."""
    return _load("vgg19", include_top, weights, input_tensor, input_shape, pooling, classes, options)
