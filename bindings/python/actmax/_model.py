"""Model: a network, and all that can be asked of it."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import operator
import os
import warnings

from . import _errors, _images, _results
from ._handles import Handle, Recipe, refuse_unknown
from ._library import call, encoded, library, message, out, shape_of, text
from ._options import Calls
from ._progress import Watch
from ._types import ImageLike, Layer, LayerLike

OUTPUT = -1  # the network's output, before a final softmax or sigmoid
AUTO = -2  # the last layer with spatial size above 1
TOP = -1  # the best class

# Notes that the caller did not bring about.
_SURPRISES = {3, 4, 5, 6, 7}


class _Sessions:
    """Sessions of one model: a call takes one, or makes one when all are in use, so that threads and callbacks never share."""

    def __init__(self, model, recipe):
        self._model, self._recipe = model, recipe
        self._idle = collections.deque(maxlen=os.cpu_count() or 1)  # the others are freed

    @contextlib.contextmanager
    def one(self):
        try:
            session = self._idle.pop()
        except IndexError:
            session = Handle(out("session_new", self._model, self._recipe), "session", keep=self._model)
        try:
            yield session
        finally:
            self._idle.append(session)


class Model(Calls):
    """A trained network. It does not change, and any number of threads may use it at the same time.

    layers: a tuple of Layer (index, name, type, output_shape, channel_axis, parameters, filters), in the order of the file.
    notes: what was assumed while loading; a warning says it, too.
    """

    layers: tuple[Layer, ...]
    notes: str
    path: str | None

    def _load(self, path, inputs, external, options, unknown):
        refuse_unknown("Model", options, unknown)
        recipe = Recipe(options)
        for name, values in (inputs or {}).items():
            recipe.bind_input(name, values)
        self._source = (path, inputs, external, options)
        self._data = [path] if isinstance(path, bytes) else []  # the library does not copy it
        for name, data in (external or {}).items():
            self._data += [encoded(name), data]
            call("recipe_add_external_data", recipe, self._data[-2], data, len(data))
        if isinstance(path, bytes):
            pointer = out("model_load_memory", path, len(path), recipe)
        else:
            pointer = out("model_load", encoded(path), recipe, path=path)
        self._handle = Handle(pointer, "model", keep=self._data)
        self._recipe = recipe
        self._sessions = _Sessions(self._handle, recipe)
        self.path = None if isinstance(path, bytes) else os.fspath(path)
        self.notes = text(library.actmax_model_notes(self._handle))
        self.layers = tuple(self._layer(i) for i in range(library.actmax_model_layer_count(self._handle)))
        if self.notes:
            warnings.warn(self.notes.strip(), _errors.ActmaxWarning, stacklevel=3)

    def _with_activations(self, words):
        """The same file loaded again, with further ones in the option "activations"."""
        path, inputs, external, options = self._source
        before = [options["activations"]] if options.get("activations") else []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", _errors.ActmaxWarning)  # said when it was loaded first
            return Model(path, inputs=inputs, external=external, **{**options, "activations": ",".join([*before, *words])})

    def _layer(self, index):
        shape, axis = shape_of("model_layer_shape", self._handle, index)
        name, kind = library.actmax_model_layer_name(self._handle, index), library.actmax_model_layer_type(self._handle, index)
        return Layer(index, text(name), text(kind), shape, axis, library.actmax_model_layer_parameters(self._handle, index))

    def __repr__(self):
        size = "x".join(str(side) for side in self.input_shape)
        return f"<Model {self.path or 'from memory'}: {len(self.layers)} layers, input '{self.input_name}' {size}>"

    # ---- Questions ----

    @property
    def input_name(self) -> str:
        """The name of the image input."""
        return text(library.actmax_model_input_name(self._handle))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the image input in the order of the file, with the sizes in force."""
        return shape_of("model_input_shape", self._handle)[0]

    @property
    def parameters(self) -> int:
        """How many weights the network has."""
        return library.actmax_model_parameters(self._handle)

    def find_layer(self, name: str) -> Layer:
        """A layer by its name, the name of its output, or a usual spelling ('features.10', 'features_10', 'features/10').

        NotFoundError names the nearest, AmbiguousError lists those that fit.
        """
        index = ctypes.c_int32()
        call("model_find_layer", self._handle, encoded(name), ctypes.byref(index))
        return self.layers[index.value]

    def summary(self) -> str:
        """A table of all layers, to be printed."""
        needed = ctypes.c_size_t()
        call("model_summary", self._handle, None, 0, ctypes.byref(needed))
        buffer = ctypes.create_string_buffer(needed.value)
        call("model_summary", self._handle, buffer, needed.value, None)
        return text(buffer.value)

    # ---- Calls; those with options are in Calls, which hands them on to the methods with an underscore ----

    def predict(self, image: ImageLike) -> _results.Prediction:
        """The probability of each class, as a Prediction. Files and 8-bit images are fitted to the network's input."""
        handle = _images.to_handle(image, self._recipe)
        with self._sessions.one() as session:
            reader = _results.Reader(out("session_predict", session, handle, None))
        return _results.Prediction(reader)

    def activations(self, image: ImageLike, layer: LayerLike | None = None) -> _results.Activations:
        """A layer's output for an image, as Activations."""
        index = self._index(layer)
        handle = _images.to_handle(image, self._recipe)
        with self._sessions.one() as session:
            reader = _results.Reader(out("session_activations", session, handle, index, None))
        axis = self.layers[index].channel_axis if index >= 0 else -1
        return _results.Activations(reader, axis)

    def _gradient(self, image, layer, filter, options, unknown):
        refuse_unknown("gradient()", options, unknown)
        recipe, index, filters = Recipe(options), self._index(layer), _filters(filter)
        handle = _images.to_handle(image, self._recipe)
        with self._sessions.one() as session:
            pointer = out("session_gradient", session, handle, index, filters, len(filters), recipe)
        return _results.Gradient(_results.Reader(pointer))

    def _maximize(self, layer, filter, progress, parts, options, unknown):
        refuse_unknown("maximize()", options, unknown)
        return self._run("session_maximize", layer, _filters(filter), 1, progress, parts, options)[0]

    def _maximize_each(self, layer, filters, progress, parts, options, unknown):
        refuse_unknown("maximize_each()", options, unknown)
        filters = _filters(filters)
        return self._run("session_maximize_each", layer, filters, len(filters), progress, parts, options)

    def _maximize_sheet(self, layer, filters, progress, parts, options, unknown):
        refuse_unknown("maximize_sheet()", options, unknown)
        return self._run("session_maximize_sheet", layer, _filters(filters), 1, progress, parts, options, _results.Sheet)[0]

    def strongest(self, image: ImageLike, layer: LayerLike, count: int | None = None) -> _results.Strongest:
        """The filters of a layer with the largest mean over space for an image, best first: pairs (filter, mean) with .means of all.

        count: how many; None: all of them.
        """
        number = 0 if count is None else _whole(count, "count is a number from 1 on")
        if count is not None and number < 1:
            raise _errors.InvalidError(f"count is a number from 1 on, not {count}")
        index = self._index(layer)
        handle = _images.to_handle(image, self._recipe)
        with self._sessions.one() as session:
            reader = _results.Reader(out("session_strongest", session, handle, index, number, None))
        return _results.Strongest(reader)

    def _run(self, name, layer, filters, count, progress, parts, options, kind=_results.Picture):
        index, watch, made = self._index(layer), Watch(progress), (ctypes.c_void_p * max(count, 1))()
        start = options.get("start_image")
        drawn = start is not None and not isinstance(start, (str, os.PathLike))
        recipe = Recipe({**options, "start_image": None if drawn else start}, parts)
        if drawn:
            recipe.set_start(start)
        recipe.set_callback(watch.step)
        with self._sessions.one() as session, watch.watching():
            status = getattr(library, "actmax_" + name)(session, index, filters, len(filters), recipe, made)
            said = message()
        readers = [_results.Reader(ctypes.c_void_p(pointer)) for pointer in made if pointer]
        watch.settle()
        if status < 0:
            raise _errors.of_status(status, said, None if drawn else start)
        pictures = [kind(reader, _results.note_word(int(reader.number("status")))) for reader in readers]
        if status in _SURPRISES:
            warnings.warn(said, _errors.ActmaxWarning, stacklevel=4)
        return pictures

    def _grad_cam(self, image, target, layer, options, unknown):
        refuse_unknown("grad_cam()", options, unknown)
        cam_layer = AUTO if layer is None else self._index(layer)
        return self._map("session_grad_cam", image, target, (cam_layer,), options)

    def _saliency(self, image, target, options, unknown):
        refuse_unknown("saliency()", options, unknown)
        return self._map("session_saliency", image, target, (), options)

    def _map(self, name, image, target, more, options):
        recipe = Recipe(options)
        target_layer, filter = self._target(target)
        handle = _images.to_handle(image, self._recipe)
        pointer = ctypes.c_void_p()
        with self._sessions.one() as session:
            function = getattr(library, "actmax_" + name)
            status = function(session, handle, target_layer, filter, *more, recipe, ctypes.byref(pointer))
            said = message()
        if status < 0:
            raise _errors.of_status(status, said)
        if status in _SURPRISES:
            warnings.warn(said, _errors.ActmaxWarning, stacklevel=4)
        return _results.Map(_results.Reader(pointer), _results.note_word(status), _images.pixels_of(handle))

    # ---- Arguments ----

    def _index(self, layer):
        if layer is None:
            return OUTPUT
        if isinstance(layer, str):
            return self.find_layer(layer).index
        return layer.index if isinstance(layer, Layer) else _whole(layer, "a layer is a name, an index or one of Model.layers")

    def _target(self, target):
        if target is None:
            return OUTPUT, TOP
        if isinstance(target, tuple):
            if len(target) != 2:
                raise _errors.InvalidError(f"a target is a class or a pair (layer, filter), not {target!r}")
            return self._index(target[0]), _class(target[1])
        return OUTPUT, _class(target)


def _whole(value, what):
    try:
        number = operator.index(value)
    except TypeError:
        raise _errors.InvalidError(f"{what}, not {value!r}") from None
    if not -(2**31) <= number < 2**31:
        raise _errors.NotFoundError(f"{what}; {number} is too large")
    return number


def _class(value):
    number = _whole(value, "a class or a filter is a number from 0 on")
    if number < 0:
        raise _errors.NotFoundError(f"there is no class or filter {number}; they count from 0 (None: the best class)")
    return number


def _filters(filter):
    """A C array of filters, from one, several or None."""
    if filter is None:
        return (ctypes.c_int32 * 0)()
    many = [filter] if hasattr(filter, "__index__") else list(filter) if hasattr(filter, "__iter__") else [filter]
    values = [_whole(value, "a filter is a number from 0 on") for value in many]
    if not values:
        raise _errors.InvalidError("no filters were given; None stands for the mean of the whole layer")
    return (ctypes.c_int32 * len(values))(*values)
