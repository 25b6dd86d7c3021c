"""What the functions take, for type checkers and readers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import PIL.Image


@dataclass(frozen=True)
class Layer:
    """A layer of a Model."""

    index: int
    name: str
    type: str
    output_shape: tuple[int, ...]  # in the order of the file
    channel_axis: int  # the axis that filters count along; -1: none
    parameters: int

    @property
    def filters(self) -> int:
        """How many filters the layer has."""
        return self.output_shape[self.channel_axis] if self.channel_axis >= 0 else 0


# A path, a file's bytes, a PIL image, or an array: uint8 (height, width[, channels]), or floats in the network's own units.
ImageLike = Union[str, "os.PathLike[str]", bytes, "PIL.Image.Image", npt.NDArray[Any]]
PathLike = Union[str, "os.PathLike[str]"]
LayerLike = Union[str, int, Layer]
FilterLike = Union[int, Sequence[int], None]
TargetLike = Union[int, tuple[LayerLike, int], None]
Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
