"""Images in and out: paths, PIL images and NumPy arrays to the C library, and its pixels to NumPy."""

from __future__ import annotations

import ctypes
import os
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from . import _errors
from ._library import call, encoded, library, out
from ._types import ImageLike, PathLike, Pixels

if TYPE_CHECKING:
    from ._results import Result


def _handle(pointer):
    from ._handles import Handle

    return Handle(pointer, "image")


def _from_pil(image):
    """A PIL image as uint8; grey stays grey, alpha is dropped."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;"):
        raise _errors.InvalidError(f"a PIL image of mode {mode} has more than 8 bits; convert it first, e.g. .convert('L')")
    return np.asarray(image.convert("L" if mode in ("1", "L", "LA") else "RGB"))


def _is_pil(image):
    return any(kind.__module__ == "PIL.Image" for kind in type(image).__mro__)


def _check_shape(array):
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or 0 in array.shape:
        raise _errors.ShapeError(f"an image has the shape (height, width) or (height, width, channels), not {array.shape}")
    return array


def _from_array(array):
    array = _check_shape(array)
    height, width, channels = array.shape
    if array.dtype.kind == "f":
        pixels = np.ascontiguousarray(array, np.float32)
        return _handle(out("image_new_float", width, height, channels, pixels.ctypes.data))
    if array.dtype != np.uint8:
        raise _errors.InvalidError(
            f"an image is an array of uint8 (pixels 0 to 255), or of floats in the network's own units; this one is of {array.dtype}"
        )
    if channels == 4:
        channels, array = 3, array[:, :, :3]
    if channels not in (1, 3):
        advice = "; move the channels to the end, e.g. image.transpose(1, 2, 0)" if height in (1, 3) else ""
        raise _errors.ShapeError(f"an 8-bit image has 1 channel (grey), 3 (RGB) or 4 (RGBA), not {channels}{advice}")
    pixels = np.ascontiguousarray(array)
    return _handle(out("image_new", width, height, channels, pixels.ctypes.data, 0))


def to_handle(image, recipe=None):
    """An image of the C library, from whatever the caller has."""
    if isinstance(image, (str, os.PathLike)):
        return _handle(out("image_load", encoded(image), recipe, path=image))
    if isinstance(image, (bytes, bytearray, memoryview)):
        data = bytes(image)
        return _handle(out("image_load_memory", data, len(data), recipe))
    if _is_pil(image):
        return _from_array(_from_pil(image))
    array = np.asarray(image)
    if array.dtype.kind not in "biuf":
        raise _errors.InvalidError(f"an image is a path, bytes, a PIL image or a NumPy array, not {type(image).__name__}")
    return _from_array(array)


def pixels_of(handle):
    """A copy of the 8-bit pixels: (height, width) of a grey image, else (height, width, 3); None for a float image."""
    pixels = library.actmax_image_pixels(handle)
    if not pixels:
        return None
    shape = [getattr(library, "actmax_image_" + name)(handle) for name in ("height", "width", "channels")]
    array = np.ctypeslib.as_array(pixels, tuple(shape)).copy()
    return array[:, :, 0] if shape[2] == 1 else array


def load_image(path: PathLike) -> Pixels:
    """Reads a PNG, JPEG or BMP file upright: uint8, (height, width) when it is grey, else (height, width, 3)."""
    return pixels_of(to_handle(path))


def save_image(image: ImageLike, path: PathLike) -> None:
    """Writes an image by the ending of the name: .png, .jpg (quality 90) or .bmp; whole or not at all. Arrays are of uint8."""
    if isinstance(image, np.ndarray) and image.dtype.kind == "f":
        raise _errors.InvalidError(
            f"a picture is of uint8, not {image.dtype}: bring its values to 0..255 and round them, as np.uint8((x - low) / (high - low) * 255) "
            "does for values from low to high"
        )
    call("image_save", to_handle(image), encoded(path), path=path)


def overlay(heat: Result | ImageLike, image: ImageLike, alpha: float | None = None) -> Pixels:
    """alpha * heat + (1 - alpha) * image, cut off to 8 bits as keras-vis does; alpha is 0.5 unless given.

    heat: a map from grad_cam() or saliency(), an RGB picture, or an array (height, width) of floats in [0, 1], drawn by jet().
    image: the photograph, of the same size. Returns an array of uint8, (height, width, 3).
    """
    from ._handles import Recipe

    heat = getattr(heat, "image", heat)
    if isinstance(heat, np.ndarray) and heat.ndim == 2 and heat.dtype.kind == "f":
        heat = jet(heat)
    recipe = Recipe({"alpha": alpha})
    return pixels_of(_handle(out("image_overlay", to_handle(heat), to_handle(image), recipe)))


def jet(map: npt.ArrayLike, colormap: str | None = None) -> Pixels:
    """A map (height, width) of floats in [0, 1] in colours: uint8, (height, width, 3).

    colormap: 'jet' (the default), 'jet-opencv', 'viridis', 'turbo' or 'grey'.
    """
    from ._handles import Recipe

    values = np.ascontiguousarray(map, np.float32)
    if values.ndim != 2 or 0 in values.shape:
        raise _errors.ShapeError(f"a map has the shape (height, width), not {values.shape}")
    recipe = Recipe({"colormap": colormap})
    return pixels_of(_handle(out("image_from_map", values.ctypes.data, values.shape[1], values.shape[0], recipe)))


def png(pixels):
    """The bytes of a PNG file of uint8 pixels, grey or RGB (PNG specification, third edition, sections 5 and 11)."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).reshape(height, -1)
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()  # filter 0 before each row

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b"")


def floats_of(pointer, shape):
    """A copy of the library's floats."""
    count = int(np.prod(shape))
    if count == 0:
        return np.zeros(shape, np.float32)
    return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (count,)).reshape(shape).copy()
