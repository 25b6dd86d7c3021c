"""fastai's FilterVisualizer (of the article "How to visualize convolutional features in 40 lines of code") on actmax's networks."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from . import _errors, _images
from ._model import Model
from ._types import ImageLike, LayerLike, Pixels

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class FilterVisualizer:
    """Pictures of filters, optimised at growing sizes, by the library's preset "fastai".

        visualizer = FilterVisualizer(model="vgg16_bn.onnx")
        visualizer.visualize(40, 265, blur=5)
        visualizer.save(40, 265)                    # layer_40_filter_265.jpg

    size: of the first picture; each of upscaling_steps is upscaling_factor as large as the one before. model: an actmax.Model loaded with
    preprocess="torch", or the file of a network; in the article it is VGG16 with batch normalisation. options: those of actmax.Model, for
    a file. seed: of the library's noise to start from; None: noise of numpy.random, as in the article.
    A layer is a name, one of Model.layers, or a number: n is "features.n" where the network has such names, as in the article, else an index
    in Model.layers. torch.onnx.export folds batch normalisation into the convolutions, whose outputs are then not the article's: export with
    optimize=False (dynamo=False: training=TrainingMode.PRESERVE); a warning says so. The layer must come before the first dense layer, since the picture's sizes are not the network's own.
    After visualize(), output holds the picture: floats in [0, 1], (height, width, 3).
    """

    def __init__(
        self,
        size: int = 56,
        upscaling_steps: int = 12,
        upscaling_factor: float = 1.2,
        *,
        model: Model | str | os.PathLike[str] | bytes | None = None,
        seed: int | None = None,
        **options: Any,
    ):
        if model is None:
            raise _errors.InvalidError("give the network: model=, an actmax.Model or the file of one, such as VGG16 saved as ONNX")
        self.size, self.upscaling_steps, self.upscaling_factor = size, upscaling_steps, upscaling_factor
        self.model = model if isinstance(model, Model) else Model(model, **{"preset": "fastai", **options})
        self.seed = seed
        self.output: np.ndarray | None = None

    def sizes(self) -> list[int]:
        """The sides of the pictures, in their order."""
        sides = [self.size]
        while len(sides) < self.upscaling_steps:
            sides.append(int(self.upscaling_factor * sides[-1]))
        return sides

    def visualize(self, layer: LayerLike, filter: int, lr: float = 0.1, opt_steps: int = 20, blur: int | None = None) -> np.ndarray:
        """The picture that excites a filter of a layer. blur: side of a box filter after each enlarging."""
        options: dict[str, Any] = {"seed": self.seed}
        if self.seed is None:
            noise = np.random.randint(150, 180, (self.size, self.size, 3)).astype(np.float32) / 255
            options = {"start_image": (noise - MEAN) / DEVIATION}
        picture = self.model.maximize(
            self._layer(layer),
            filter,
            preset="fastai",
            bypass=False,
            start_size=self.size,
            scales=self.upscaling_steps,
            scale_factor=self.upscaling_factor,
            learning_rate=lr,
            steps=opt_steps,
            scale_box=blur or 0,
            **options,
        )
        self.output = np.clip(picture.array * DEVIATION + MEAN, 0, 1)
        return self.output

    def _features(self, number):
        try:
            return self.model.find_layer(f"features.{number}")
        except (_errors.NotFoundError, _errors.AmbiguousError):
            return None

    def _layer(self, layer):
        if not hasattr(layer, "__index__"):
            return layer
        number, first, fourth = int(layer), self._features(0), self._features(3)
        found = self._features(number)
        if found is None and first is not None:
            raise _errors.NotFoundError(
                f"the file names no layer features.{number}: exporters keep these names for convolutions, and may fold batch "
                "normalisation into them; give a name from model.layers"
            )
        # VGG16's with batch normalisation: convolution, normalisation, ReLU, convolution
        convolutions = first is not None and fourth is not None and first.type == fourth.type == "Conv"
        if convolutions and found.type == "Conv" and fourth.index - first.index < 3:
            said = (
                f"layer features.{number} gives what follows its batch normalisation, which was folded into it; for the article's pictures "
                "export with torch.onnx.export(..., optimize=False), or with dynamo=False, training=torch.onnx.TrainingMode.PRESERVE"
            )
            warnings.warn(said, _errors.ActmaxWarning, stacklevel=3)
        return layer if found is None else found

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
        """The filters with the largest mean for a photograph, best first: [(filter, mean), ...]. It is seen at the network's own size."""
        return list(self.model.strongest(image, self._layer(layer), count))
