"""What is called at each step of the optimizer."""

from __future__ import annotations

import pprint
from typing import Any

import numpy as np

from .._animation import Animation
from .utils import utils


class OptimizerCallback:
    """Base: overload callback(), and on_end() to clean up."""

    def callback(self, i: int, named_losses: list, overall_loss: Any, grads: np.ndarray, wrt_value: np.ndarray) -> None:
        """i: the step, from 0; named_losses: [(name, value), ...]; wrt_value: the image before the step."""
        raise NotImplementedError

    def on_end(self) -> None:
        pass


class Print(OptimizerCallback):
    """Prints the losses."""

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        print(f"Iteration: {i + 1}, named_losses: {pprint.pformat(named_losses)}, overall loss: {overall_loss}")


class GifGenerator(OptimizerCallback):
    """Writes an animation of the image, a frame for each step, with the step's number where Pillow is installed."""

    def __init__(self, path: str, input_range: tuple[float, float] | None = (0, 255)):
        self.input_range = input_range
        self.film = Animation(path if path.endswith(".gif") else path + ".gif")

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        image = utils.deprocess_input(wrt_value[0])
        low, high = self.input_range if _whole(self.input_range) else (0, 255)
        image = np.clip(image, low, high).astype("uint8")
        try:
            image = utils.draw_text(image, f"Step {i + 1}")
        except ImportError:
            pass
        self.film.add(image)

    def on_end(self):
        if self.film.frames:
            self.film.finish()


def _whole(pair):
    return pair is not None and all(isinstance(end, int) for end in pair)
