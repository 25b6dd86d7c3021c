"""Owners of the C library's handles, and recipes made from keywords."""

import ctypes
import difflib
import numbers
import os

import numpy as np

from . import _errors, _images
from ._library import PROGRESS, call, encoded, function, out


class Handle:
    """Owns a handle of the C library. `keep`: what must live as long."""

    def __init__(self, pointer, kind, keep=None):
        self._as_parameter_ = pointer
        self._free = function(kind + "_free")
        self.keep = keep

    def __del__(self):
        free = getattr(self, "_free", None)
        if free is not None:
            free(self._as_parameter_)


def numbers_of(values):
    """A C array of doubles, from one number or several; None when these are no numbers."""
    values = [values] if isinstance(values, (numbers.Real, np.bool_)) else values
    try:
        return (ctypes.c_double * len(values))(*(float(value) for value in values))
    except (TypeError, ValueError):
        return None


def refuse_unknown(method, options, unknown):
    """Raises for keywords that are no options of this call, with the nearest ones."""
    for name in unknown:
        near = difflib.get_close_matches(name, options, 3, 0.5)
        words = "nearest: " + ", ".join(f"'{word}'" for word in near) if near else "help() of it lists all"
        raise _errors.UnknownOptionError(f"{method} has no option '{name}'; {words}")


class Recipe(Handle):
    """The options that were given; None is an option that was not."""

    def __init__(self, options=(), parts=()):
        super().__init__(out("recipe_new"), "recipe")
        for name, value in dict(options).items():
            if value is not None:
                self.set(name, value)
        for part in parts or ():
            self.add_part(*((part, {}) if isinstance(part, str) else part))

    def set(self, name, value):
        if isinstance(value, (str, os.PathLike)):
            call("recipe_set_text", self, encoded(name), encoded(value))
            return
        values = numbers_of(value)
        if values is None:
            raise _errors.InvalidError(f"option '{name}': {value!r} is neither a text nor a number nor a list of numbers")
        call("recipe_set_numbers", self, encoded(name), values, len(values))

    def add_part(self, part, options):
        index = ctypes.c_int32()
        call("recipe_add_part", self, encoded(part), ctypes.byref(index))
        for name, value in options.items():
            if isinstance(value, str):
                call("recipe_set_part_text", self, index, encoded(name), encoded(value))
            else:
                call("recipe_set_part_number", self, index, encoded(name), float(value))

    def bind_input(self, name, values):
        array = np.ascontiguousarray(values, np.float32)
        array = array.reshape(np.shape(values))  # a scalar stays one
        dims = (ctypes.c_int64 * 8)(*array.shape[:8])
        call("recipe_bind_input", self, encoded(name), array.ctypes.data, dims, array.ndim)

    def set_start(self, image):
        """image: pixels, or floats in the network's units."""
        call("recipe_set_start", self, _images.to_handle(image))

    def set_callback(self, callback):
        self.callback = PROGRESS(callback)  # kept: the library does not
        call("recipe_set_callback", self, self.callback, None)
