"""fastai's FilterVisualizer (of the article "How to visualize convolutional features in 40 lines of code") on actmax's networks."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _errors, _images
from ._model import Model
from ._types import ImageLike, LayerLike, Pixels

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
WEIGHT_DECAY = 1e-6


class FilterVisualizer:
    """Pictures of filters, optimised at growing sizes.

        visualizer = FilterVisualizer(load=lambda side: actmax.Model("vgg16_bn.onnx", preprocess="torch", input_size=side))
        visualizer.visualize(40, 265, blur=5)
        visualizer.save(40, 265)                    # layer_40_filter_265.jpg

    size: of the first picture; each of upscaling_steps is upscaling_factor as large as the one before. load: a function that loads the
    network for an input of side x side; or path: its file. A network's input must be open to other sizes than its file's, that is, the
    layer must come before the first dense layer.
    After visualize(), output holds the picture: floats in [0, 1], (height, width, 3).
    """

    def __init__(
        self,
        size: int = 56,
        upscaling_steps: int = 12,
        upscaling_factor: float = 1.2,
        *,
        path: str | os.PathLike[str] | None = None,
        load: Callable[[int], Model] | None = None,
    ):
        if (path is None) == (load is None):
            raise _errors.InvalidError("give the network: path=, its file, or load=, a function of the side that loads it")
        self.size, self.upscaling_steps, self.upscaling_factor = size, upscaling_steps, upscaling_factor
        self._load = load or (lambda side: Model(path, preprocess="torch", input_size=side))
        self.output: np.ndarray | None = None

    def sizes(self) -> list[int]:
        """The sides of the pictures, in their order."""
        sides = [self.size]
        while len(sides) < self.upscaling_steps:
            sides.append(int(self.upscaling_factor * sides[-1]))
        return sides

    def visualize(self, layer: LayerLike, filter: int, lr: float = 0.1, opt_steps: int = 20, blur: int | None = None) -> np.ndarray:
        """The picture that excites a filter of a layer. blur: side of a box filter after each enlarging. Noise: numpy.random."""
        sides = self.sizes()
        img = np.random.randint(150, 180, (self.size, self.size, 3)).astype(np.float32) / 255
        for number, side in enumerate(sides):
            img = self._optimise(self._load(side), layer, filter, (img - MEAN) / DEVIATION, lr, opt_steps) * DEVIATION + MEAN
            self.output = np.clip(img, 0, 1)
            if number + 1 < len(sides):
                img = _enlarge(img, sides[number + 1])
                img = img if blur is None else _box(img, blur)
        return self.output

    @staticmethod
    def _optimise(model, layer, filter, z, lr, steps):
        """Adam as PyTorch has it: weight decay is added to the gradient."""
        first, second = np.zeros_like(z), np.zeros_like(z)
        for t in range(1, steps + 1):
            gradient = -model.gradient(z, layer, filter, bypass=False).array + np.float32(WEIGHT_DECAY) * z
            first = np.float32(0.9) * first + np.float32(0.1) * gradient
            second = np.float32(0.999) * second + np.float32(0.001) * gradient * gradient
            z = z - np.float32(lr / (1 - 0.9**t)) * first / (np.sqrt(second) / np.float32(np.sqrt(1 - 0.999**t)) + np.float32(1e-8))
        return z

    def image(self) -> Pixels:
        """output in 8 bits."""
        if self.output is None:
            raise _errors.InvalidError("there is no picture yet: call visualize()")
        return np.floor(self.output * 255 + 0.5).astype(np.uint8)

    def save(self, layer: Any, filter: int) -> str:
        """Writes output to layer_<layer>_filter_<filter>.jpg here; returns that name."""
        name = f"layer_{layer}_filter_{filter}.jpg".replace("/", "_")
        _images.save_image(self.image(), name)
        return name

    def most_activated(self, image: ImageLike, layer: LayerLike, count: int = 4) -> list[tuple[int, float]]:
        """The filters with the largest mean for a photograph, best first: [(filter, mean), ...]. It is seen at the largest size."""
        return list(self._load(self.sizes()[-1]).strongest(image, layer, count))


def _cubic(x):
    """Of Keys' family with a = -0.75, as OpenCV has it."""
    a, x = -0.75, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _enlarge(x, side):
    """cv2.resize(x, (side, side), interpolation=cv2.INTER_CUBIC)"""
    for axis in (0, 1):
        size = x.shape[axis]
        at = (np.arange(side) + 0.5) * (size / side) - 0.5
        low = np.floor(at).astype(np.int64)
        taps = (np.clip(low + k, 0, size - 1) for k in (-1, 0, 1, 2))
        weights = (_cubic(at - low - k).reshape((-1, 1, 1) if axis == 0 else (-1, 1)) for k in (-1, 0, 1, 2))
        x = sum(np.take(x, tap, axis) * weight for tap, weight in zip(taps, weights, strict=True))
    return x.astype(np.float32)


def _box(x, side):
    """cv2.blur(x, (side, side)): edges are reflected about the last pixel."""
    before = side // 2
    padded = np.pad(x, ((before, side - 1 - before),) * 2 + ((0, 0),), "reflect")
    height, width = x.shape[:2]
    rows = sum(padded[i : i + height] for i in range(side)) / side
    return (sum(rows[:, i : i + width] for i in range(side)) / side).astype(np.float32)
