"""actmax: see what a trained convolutional network has learned.

    import actmax

    model = actmax.Model("squeezenet.onnx", preprocess="torch")
    model.maximize("fire5/concat", 3).save("filter3.png")
    model.grad_cam("cat.jpg").overlay().save("cat_cam.png")

Images are paths, PIL images or NumPy arrays: uint8 (height, width[, channels]), which are fitted to the network's input, or floats in
the network's own units. help(actmax.Model) tells the rest.
"""

from ._animation import Animation
from ._errors import (
    ActmaxError,
    ActmaxWarning,
    AmbiguousError,
    FileError,
    FormatError,
    InternalError,
    InvalidError,
    LimitError,
    MissingFileError,
    NotFoundError,
    NumericError,
    OutOfMemoryError,
    ShapeError,
    UnknownOptionError,
    UnsupportedError,
)
from ._images import jet, load_image, overlay, save_image
from ._library import library as _library
from ._library import library_path
from ._model import Model
from ._options import OPTIONS, Option
from ._progress import Progress
from ._results import Activations, Gradient, Map, Picture, Prediction, Result, Sheet, Strongest
from ._types import Layer

__version__: str = _library.actmax_version_string().decode()


def features() -> dict[str, bool]:
    """The optional parts of the library, and whether each was built in and (for an instruction set) this processor has it."""
    names = (_library.actmax_feature_name(i) for i in range(_library.actmax_feature_count()))
    return {name.decode(): bool(_library.actmax_feature_enabled(i)) for i, name in enumerate(names)}


def operators() -> list[str]:
    """The names of ONNX's operators that the library computes."""
    return [_library.actmax_operator_name(i).decode() for i in range(_library.actmax_operator_count())]


__all__ = [
    "OPTIONS",
    "Activations",
    "ActmaxError",
    "ActmaxWarning",
    "AmbiguousError",
    "Animation",
    "FileError",
    "FormatError",
    "Gradient",
    "InternalError",
    "InvalidError",
    "Layer",
    "LimitError",
    "Map",
    "MissingFileError",
    "Model",
    "NotFoundError",
    "NumericError",
    "Option",
    "OutOfMemoryError",
    "Picture",
    "Prediction",
    "Progress",
    "Result",
    "ShapeError",
    "Sheet",
    "Strongest",
    "UnknownOptionError",
    "UnsupportedError",
    "features",
    "jet",
    "library_path",
    "load_image",
    "operators",
    "overlay",
    "save_image",
]
