"""What the calls of Model return."""

from __future__ import annotations

import ctypes
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _images
from ._handles import Handle
from ._library import call, encoded, function, library, text
from ._types import Floats, PathLike, Pixels

if TYPE_CHECKING:
    import PIL.Image


class Reader(Handle):
    """Reads a result of the C library by name; all that it gives is a copy."""

    def __init__(self, pointer):
        super().__init__(pointer, "result")

    def number(self, name):
        value = ctypes.c_double()
        call("result_number", self, encoded(name), ctypes.byref(value))
        return value.value

    def text(self, name):
        value = ctypes.c_char_p()
        call("result_text", self, encoded(name), ctypes.byref(value))
        return text(value.value)

    def array(self, name):
        data, dims, rank = ctypes.POINTER(ctypes.c_float)(), (ctypes.c_int64 * 8)(), ctypes.c_int32()
        call("result_array", self, encoded(name), ctypes.byref(data), dims, ctypes.byref(rank))
        return _images.floats_of(data, tuple(dims[: rank.value]))

    def image(self, name):
        """uint8; None when the result has no such image."""
        found = ctypes.c_void_p()
        status = function("result_image")(self, encoded(name), ctypes.byref(found))
        return _images.pixels_of(found) if status >= 0 else None


def note_word(status):
    """The word of a note of the library: '', 'stopped', 'time_limit', 'flat_map', ..."""
    return text(library.actmax_status_name(status)).removeprefix("NOTE_").lower() if status > 0 else ""


class Result:
    """A picture with the numbers behind it.

    image: uint8, (height, width, 3), or (height, width) when it is grey; None where there is none. array: the numbers, float32; NumPy takes
    them from the result itself, too. score: one number. layer: the layer's name. notes: what the library says about it, a line each.
    note: '' or the note's kind: 'stopped', 'time_limit', 'flat_map', 'dead_target', 'no_rise', 'not_modified'. Shows itself in Jupyter.
    """

    array: Floats
    image: Pixels | None
    score: float
    layer: str
    notes: str
    note: str

    def __init__(self, array, image=None, score=0.0, layer="", notes="", note=""):
        self.array = array
        self.image = image
        self.score = score
        self.layer = layer
        self.notes = notes
        self.note = note

    @property
    def stopped(self) -> bool:
        """Was the run stopped, by the callback or by Ctrl-C?"""
        return self.note == "stopped"

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array."""
        return self.array.shape

    def save(self, path: PathLike) -> None:
        """Writes the picture (.png, .jpg or .bmp), or the array (.npy)."""
        if pathlib.PurePath(os.fspath(path)).suffix.lower() == ".npy":
            np.save(path, self.array)
        else:
            _images.save_image(self._pixels(), path)

    def to_pil(self) -> PIL.Image.Image:
        """The picture as a PIL image (needs Pillow)."""
        import PIL.Image

        return PIL.Image.fromarray(self._pixels())

    def _pixels(self) -> Pixels:
        if self.image is None:
            raise ValueError(f"a {type(self).__name__} of the shape {self.array.shape} has no picture; take its array (save it as .npy)")
        return self.image

    def _repr_png_(self) -> bytes | None:
        return None if self.image is None else _images.png(self.image)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype, copy=True) if copy or dtype is not None else self.array

    def _facts(self):
        return [f"score {self.score:.6g}"]

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.array.shape)
        facts = ([f"layer '{self.layer}'"] if self.layer else []) + self._facts() + ([self.note] if self.note else [])
        return f"<{type(self).__name__} {shape}{': ' if facts else ''}{', '.join(facts)}>"


class Picture(Result):
    """What maximize() makes. array: (height, width, channels) in the network's units; it can be handed in as an image again.

    score is activation_end, the target's activation for array; activation_start is that of the start, activation_saved that of the 8-bit
    image. Also target (in words), steps, seconds and seed.
    """

    target: str
    activation_start: float
    activation_end: float
    activation_saved: float
    steps: int
    seconds: float
    seed: int

    def __init__(self, reader, note):
        number = reader.number
        super().__init__(reader.array("image"), reader.image("image"), number("activation_end"), reader.text("layer"))
        self.notes, self.note = reader.text("notes"), note
        self.target = reader.text("target")
        self.activation_start, self.activation_end = number("activation_start"), number("activation_end")
        self.activation_saved = number("activation_saved")
        self.steps, self.seconds, self.seed = int(number("steps")), number("seconds"), int(number("seed"))

    def _facts(self):
        return [f"activation {self.activation_start:.4g} -> {self.activation_end:.4g}", f"{self.steps} steps"]


class Sheet(Result):
    """What maximize_sheet() makes. image: the contact sheet. filters: what is on it, in its order; array: their activations.

    score is the first one's. Also scanned, dropped, columns, rows and seconds.
    """

    filters: list[int]
    scanned: int
    dropped: int
    columns: int
    rows: int
    seconds: float

    def __init__(self, reader, note):
        array = reader.array("activations")
        super().__init__(array, reader.image("sheet"), float(array[0]), reader.text("layer"), reader.text("notes"), note)
        self.filters = [int(filter) for filter in reader.array("filters")]
        self.scanned, self.dropped, self.columns, self.rows = (int(reader.number(name)) for name in ("scanned", "dropped", "columns", "rows"))
        self.seconds = reader.number("seconds")

    def _facts(self):
        return [f"{len(self.filters)} of {self.scanned} filters", f"{self.dropped} dead"]


class Strongest(Result):
    """What strongest() finds: a sequence of pairs (filter, mean), best first. filters: theirs alone; array: their means.

    means: of all filters of the layer, in their order.
    """

    filters: list[int]
    means: Floats

    def __init__(self, reader):
        array = reader.array("activations")
        super().__init__(array, None, float(array[0]), reader.text("layer"))
        self.filters = [int(filter) for filter in reader.array("filters")]
        self.means = reader.array("means")

    def __len__(self) -> int:
        return len(self.filters)

    def __getitem__(self, index: int) -> tuple[int, float]:
        return self.filters[index], float(self.array[index])

    def _facts(self):
        return [f"filter {self.filters[0]}", f"activation {self.score:.6g}"]


class Map(Result):
    """What grad_cam() and saliency() make. array: (height, width) of the image, in [0, 1]; image: the same in colours.

    raw: before scaling: of grad_cam() the layer's height and width, signed; of saliency() the gradient. score: the class's score.
    class_index: the class, or the filter. modified, left: how many activations the backprop rule replaced and left alone.
    """

    raw: Floats
    class_index: int
    modified: int
    left: int

    def __init__(self, reader, note, source):
        super().__init__(reader.array("map"), reader.image("heat"), reader.number("score"), reader.text("layer"))
        self.notes, self.note = reader.text("notes"), note
        self.raw = reader.array("map_raw")
        self.class_index = int(reader.number("class"))
        self.modified, self.left = int(reader.number("modified")), int(reader.number("left"))
        self._source = source

    def overlay(self, alpha: float | None = None) -> Result:
        """The map laid over the image that it was made from, as a Result; alpha (0.5): the share of the map."""
        if self._source is None:
            raise ValueError("the image was given in the network's units; lay the map over its pixels with actmax.overlay(map, pixels)")
        return Result(self.array, _images.overlay(self._pixels(), self._source, alpha), self.score, self.layer, self.notes, self.note)

    def _facts(self):
        return [f"class {self.class_index}", f"score {self.score:.6g}"]


class Gradient(Result):
    """What gradient() makes. array: (height, width, channels), by the network's input. score: the target's activation.

    image: mid-grey where the gradient is 0, black and white at its largest size.
    """

    def __init__(self, reader):
        array = reader.array("gradient")
        most = float(np.abs(array).max(initial=0.0)) or 1.0
        shown = np.floor(127.5 + 127.5 * (array / most) + 0.5).clip(0, 255).astype(np.uint8)
        image = {1: shown[:, :, 0], 3: shown}.get(shown.shape[2])
        super().__init__(array, image, reader.number("activation"), reader.text("layer"), reader.text("notes"))


class Activations(Result):
    """What activations() makes. array: the layer's output in the order of the file. score: its mean.

    image: for layers with height and width, the channels side by side, black at the smallest value of the layer and white at the largest.
    """

    def __init__(self, reader, channel_axis):
        array = reader.array("activations")
        super().__init__(array, _sheet(array, channel_axis), float(array.mean(dtype=np.float64)), reader.text("layer"))


def _sheet(array, channel_axis):
    if array.ndim != 4 or channel_axis not in (1, 3) or array.size == 0:
        return None
    maps = np.moveaxis(array[0], channel_axis - 1, 0)
    low, high = float(maps.min()), float(maps.max())
    maps = ((maps - low) * (255.0 / ((high - low) or 1.0)) + 0.5).astype(np.uint8)
    count, height, width = maps.shape
    columns = int(np.ceil(np.sqrt(count * height / width)))
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1), np.uint8)
    for i in range(count):
        y, x = i // columns * (height + 1), i % columns * (width + 1)
        sheet[y : y + height, x : x + width] = maps[i]
    return sheet


class Prediction(Result):
    """What predict() makes. array: the probability of each class. logits: the scores before the softmax.

    class_index: the best class; score: its probability. softmax_added: did the network end in scores?
    """

    logits: Floats
    class_index: int
    softmax_added: bool

    def __init__(self, reader):
        array = reader.array("probabilities")
        self.class_index = int(array.argmax())
        super().__init__(array, None, float(array[self.class_index]))
        self.logits = reader.array("logits")
        self.softmax_added = bool(reader.number("softmax_added"))

    def top(self, count: int = 5, labels: Sequence[str] | PathLike | None = None) -> list[tuple[int | str, float]]:
        """The best classes, best first: [(class or its label, probability), ...]. labels: a list, or a file with one on each line."""
        if isinstance(labels, (str, os.PathLike)):
            labels = pathlib.Path(labels).read_text(encoding="utf-8").splitlines()
        order = np.argsort(-self.array, kind="stable")[:count]
        return [(labels[i] if labels is not None else int(i), float(self.array[i])) for i in order]

    def _facts(self):
        return [f"class {self.class_index}", f"probability {self.score:.4g}"]
