"""The C library through ctypes: where it is found, the signatures of its functions, and its failures as exceptions."""

import ctypes
import os
import pathlib
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint8, c_void_p

from . import _errors

PROGRESS = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p)

_int, _text, _handle = c_int32, c_char_p, c_void_p
_out = POINTER(c_void_p)
_dims, _ints, _floats = POINTER(c_int64), POINTER(c_int32), POINTER(c_float)

# name (without actmax_): result, arguments. What returns _int and takes an argument is a status, checked by call().
_FUNCTIONS = {
    "message": (_text,),
    "status_name": (_text, _int),
    "version_string": (_text,),
    "feature_count": (_int,),
    "feature_name": (_text, _int),
    "feature_enabled": (_int, _int),
    "operator_count": (_int,),
    "operator_name": (_text, _int),
    "option_find": (_int, _text, POINTER(_int)),
    "recipe_new": (_int, _out),
    "recipe_free": (None, _handle),
    "recipe_set_numbers": (_int, _handle, _text, POINTER(c_double), c_size_t),
    "recipe_set_text": (_int, _handle, _text, _text),
    "recipe_add_part": (_int, _handle, _text, POINTER(_int)),
    "recipe_set_part_number": (_int, _handle, _int, _text, c_double),
    "recipe_set_part_text": (_int, _handle, _int, _text, _text),
    "recipe_bind_input": (_int, _handle, _text, _handle, _dims, _int),
    "recipe_add_external_data": (_int, _handle, _text, c_char_p, c_size_t),
    "recipe_set_start": (_int, _handle, _handle),
    "recipe_set_callback": (_int, _handle, PROGRESS, _handle),
    "progress_number": (_int, _handle, _text, POINTER(c_double)),
    "progress_image": (_floats, _handle, _ints, _ints, _ints),
    "image_new": (_int, _int, _int, _int, _handle, c_size_t, _out),
    "image_new_float": (_int, _int, _int, _int, _handle, _out),
    "image_load": (_int, _text, _handle, _out),
    "image_load_memory": (_int, c_char_p, c_size_t, _handle, _out),
    "image_save": (_int, _handle, _text),
    "image_free": (None, _handle),
    "image_width": (_int, _handle),
    "image_height": (_int, _handle),
    "image_channels": (_int, _handle),
    "image_pixels": (POINTER(c_uint8), _handle),
    "image_from_map": (_int, _handle, _int, _int, _handle, _out),
    "image_overlay": (_int, _handle, _handle, _handle, _out),
    "animation_new": (_int, _text, _int, _int, _int, _handle, _out),
    "animation_add": (_int, _handle, _handle),
    "animation_add_progress": (_int, _handle, _handle),
    "animation_frames": (c_int64, _handle),
    "animation_finish": (_int, _handle),
    "animation_free": (None, _handle),
    "model_load": (_int, _text, _handle, _out),
    "model_load_memory": (_int, c_char_p, c_size_t, _handle, _out),
    "model_free": (None, _handle),
    "model_notes": (_text, _handle),
    "model_input_name": (_text, _handle),
    "model_input_shape": (_int, _handle, _dims, _ints, _ints),
    "model_parameters": (c_int64, _handle),
    "model_layer_count": (_int, _handle),
    "model_layer_name": (_text, _handle, _int),
    "model_layer_type": (_text, _handle, _int),
    "model_layer_parameters": (c_int64, _handle, _int),
    "model_layer_shape": (_int, _handle, _int, _dims, _ints, _ints),
    "model_find_layer": (_int, _handle, _text, _ints),
    "model_summary": (_int, _handle, _text, c_size_t, POINTER(c_size_t)),
    "session_new": (_int, _handle, _handle, _out),
    "session_free": (None, _handle),
    "session_predict": (_int, _handle, _handle, _handle, _out),
    "session_activations": (_int, _handle, _handle, _int, _handle, _out),
    "session_gradient": (_int, _handle, _handle, _int, _ints, c_size_t, _handle, _out),
    "session_layer_gradient": (_int, _handle, _handle, _int, _ints, c_size_t, _int, _handle, _out),
    "session_maximize": (_int, _handle, _int, _ints, c_size_t, _handle, _out),
    "session_maximize_sheet": (_int, _handle, _int, _ints, c_size_t, _handle, _out),
    "session_strongest": (_int, _handle, _handle, _int, _int, _handle, _out),
    "session_maximize_each": (_int, _handle, _int, _ints, c_size_t, _handle, _out),
    "session_grad_cam": (_int, _handle, _handle, _int, _int, _int, _handle, _out),
    "session_saliency": (_int, _handle, _handle, _int, _int, _handle, _out),
    "result_number": (_int, _handle, _text, POINTER(c_double)),
    "result_text": (_int, _handle, _text, POINTER(c_char_p)),
    "result_array": (_int, _handle, _text, POINTER(_floats), _dims, _ints),
    "result_image": (_int, _handle, _text, _out),
    "result_free": (None, _handle),
}


def library_path() -> str:
    """The file that is loaded: $ACTMAX_LIBRARY, else the one inside the package."""
    return os.environ.get("ACTMAX_LIBRARY") or str(pathlib.Path(__file__).parent / "libactmax.so")


def _load():
    path = library_path()
    try:
        loaded = ctypes.CDLL(path)
    except OSError as error:
        advice = "ACTMAX_LIBRARY names it" if os.environ.get("ACTMAX_LIBRARY") else "pip install ./bindings/python builds it"
        raise ImportError(f"actmax: the C library cannot be loaded ({error}); {advice}", path=path) from error
    for name, (result, *arguments) in _FUNCTIONS.items():
        try:
            function = getattr(loaded, "actmax_" + name)
        except AttributeError:
            raise ImportError(f"actmax: {path} has no actmax_{name}: it is another version of the library", path=path) from None
        function.restype, function.argtypes = result, arguments
    return loaded


library = _load()


def function(name):
    return getattr(library, "actmax_" + name)


def text(value):
    """A C string as str; None stays None. Names in files may hold any bytes."""
    return None if value is None else value.decode("utf-8", "surrogateescape")


def encoded(value):
    """A str or path for the library."""
    data = os.fsencode(value) if isinstance(value, os.PathLike) else str(value).encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise _errors.InvalidError("a name or a path holds the character NUL")
    return data


def message():
    return text(library.actmax_message())


def check(status, path=None):
    """Returns the note (0: none), or raises what the library says. path: of the file that was read, if one was."""
    if status >= 0:
        return status
    raise _errors.of_status(status, message(), path)


def call(name, *arguments, path=None):
    """Calls a function that returns a status."""
    return check(getattr(library, "actmax_" + name)(*arguments), path)


def out(name, *arguments, path=None):
    """Calls a function that hands out a handle through its last argument; returns the handle."""
    handle = c_void_p()
    call(name, *arguments, byref(handle), path=path)
    return handle


def shape_of(name, *arguments):
    """(sizes, channel axis) from the functions that give a shape."""
    dims, rank, axis = (c_int64 * 8)(), c_int32(), c_int32()
    call(name, *arguments, dims, byref(rank), byref(axis))
    return tuple(dims[: rank.value]), axis.value
