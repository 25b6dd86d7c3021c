"""Failures by kind. Each class is also the Python exception that fits, so that both `except` lines work."""

import os


class ActmaxError(Exception):
    """What the library refused or could not do. str() is its message: what, where, and what to do.

    `status` is the number of actmax.h (ACTMAX_ERROR_...), the same for all errors of one class.
    """

    status = -11

    def __init__(self, message, status=None):
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status

    def __str__(self):
        return self.message


class InvalidError(ActmaxError, ValueError):
    """An argument or option is wrong."""

    status = -1


class OutOfMemoryError(ActmaxError, MemoryError):
    """Memory could not be had."""

    status = -2


class FileError(ActmaxError, OSError):
    """A file could not be read or written."""

    status = -3


class FormatError(ActmaxError, ValueError):
    """A file is damaged, or not of a known format."""

    status = -4


class UnsupportedError(ActmaxError, NotImplementedError):
    """An operator, attribute or type that actmax does not compute."""

    status = -5


class NotFoundError(ActmaxError, LookupError):
    """No layer, option, filter or class of that name; the message has the nearest ones."""

    status = -6


class MissingFileError(NotFoundError, FileNotFoundError):
    """No file of that name."""


class UnknownOptionError(NotFoundError, TypeError):
    """A keyword that is no option of the call; the message has the nearest ones."""


class AmbiguousError(ActmaxError, LookupError):
    """The name fits several layers; the message lists them."""

    status = -7


class LimitError(ActmaxError, ValueError):
    """A limit was reached; the message names it."""

    status = -8


class ShapeError(ActmaxError, ValueError):
    """Shapes do not fit; the message names the node."""

    status = -9


class NumericError(ActmaxError, ArithmeticError):
    """A value became infinite or not a number; the message names the layer."""

    status = -10


class InternalError(ActmaxError, RuntimeError):
    """A bug in actmax: please report it."""

    status = -11


class ActmaxWarning(UserWarning):
    """Something that was done is not what was meant, perhaps: a preprocessing that was assumed, a picture that did not rise."""


_BY_STATUS = {
    kind.status: kind
    for kind in (
        InvalidError,
        OutOfMemoryError,
        FileError,
        FormatError,
        UnsupportedError,
        NotFoundError,
        AmbiguousError,
        LimitError,
        ShapeError,
        NumericError,
        InternalError,
    )
}


def of_status(status, message, path=None):
    """The exception for a status below 0."""
    kind = _BY_STATUS.get(status, ActmaxError)
    if kind is NotFoundError and path is not None and not os.path.exists(path):
        kind = MissingFileError
    return kind(message.replace("actmax_model_layer_name (or 'actmax info')", "model.layers"), status)
