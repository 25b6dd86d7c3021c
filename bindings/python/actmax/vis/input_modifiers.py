"""Changes of the image before and after each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._sampling import shift_wrapped
from .utils import utils


class InputModifier:
    """Base: overload pre() and post(); both take and give the batch, (samples, height, width, channels)."""

    def pre(self, inp: np.ndarray) -> np.ndarray:
        return inp

    def post(self, inp: np.ndarray) -> np.ndarray:
        return inp


class Jitter(InputModifier):
    """Shifts the image by up to `jitter` each way before a step, and leaves it shifted.

    jitter: one for all axes, or a list of one for each; below 1 it is a share of the axis' length, else pixels. Offsets come from
    numpy.random. What leaves at one side comes in at the other with SciPy's mode "wrap": the period is one less than the length.
    """

    def __init__(self, jitter: Any = 0.05):
        super().__init__()
        self.jitter = np.array(utils.listify(jitter))
        if np.any(self.jitter < 0.0):
            raise ValueError("Jitter value should be positive")
        self._processed = False

    def _process_jitter_values(self, image_dims):
        if len(self.jitter) == 1:
            self.jitter = np.repeat(self.jitter, len(image_dims))
        if len(self.jitter) != len(image_dims):
            raise RuntimeError(f"Jitter {self.jitter}, does not match the number of image dims: {image_dims}")
        for axis, value in enumerate(self.jitter):
            if value < 1.0:
                self.jitter[axis] = image_dims[axis] * value
        self.jitter = np.int32(self.jitter)
        self._processed = True

    def pre(self, img: np.ndarray) -> np.ndarray:
        if not self._processed:
            self._process_jitter_values(utils.get_img_shape(img)[2:])
        offsets = [np.random.randint(-value, value + 1) for value in self.jitter]
        return shift_wrapped(img, [0, *offsets, 0])
