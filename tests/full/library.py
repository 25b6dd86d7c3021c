"""libactmax through ctypes, for the comparisons: scores, activations and gradients of one file at one input."""
import ctypes as c

import numpy as np

P = c.c_void_p


class Refused(Exception):
    pass


class Library:
    def __init__(self, path):
        self.lib = c.CDLL(path)
        for name in ("actmax_message", "actmax_model_layer_name", "actmax_model_layer_type"):
            getattr(self.lib, name).restype = c.c_char_p
        self.lib.actmax_model_layer_parameters.restype = c.c_int64

    def check(self, status):
        if status < 0:
            raise Refused(self.lib.actmax_message().decode())

    def open(self, path, input_size=None, weights=None):
        return Network(self, path, input_size, weights)


class Network:
    """Closed by `with`. Inputs are float [rows, columns, channels] and reach the network as they are; targets count as they stand in
    the network (no softmax is passed by)."""

    def __init__(self, library, path, input_size, weights=None):
        self.library, self.lib, self.check = library, library.lib, library.check
        self.recipe, self.model, self.session = P(), P(), P()
        try:
            self.check(self.lib.actmax_recipe_new(c.byref(self.recipe)))
            self.check(self.lib.actmax_recipe_set_text(self.recipe, b"preprocess", b"raw"))
            self.check(self.lib.actmax_recipe_set_number(self.recipe, b"bypass", c.c_double(0.0)))
            if weights:
                self.check(self.lib.actmax_recipe_set_text(self.recipe, b"weights", str(weights).encode()))
            if input_size:
                size = (c.c_double * 2)(*input_size)
                self.check(self.lib.actmax_recipe_set_numbers(self.recipe, b"input_size", size, c.c_size_t(2)))
            self.check(self.lib.actmax_model_load(str(path).encode(), self.recipe, c.byref(self.model)))
            self.check(self.lib.actmax_session_new(self.model, self.recipe, c.byref(self.session)))
        except Refused:
            self.close()
            raise

    def close(self):
        self.lib.actmax_session_free(self.session)
        self.lib.actmax_model_free(self.model)
        self.lib.actmax_recipe_free(self.recipe)
        self.recipe, self.model, self.session = P(), P(), P()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _layer(self, name):
        index = c.c_int32(-1)  # the network's output
        if name is not None:
            self.check(self.lib.actmax_model_find_layer(self.model, name.encode(), c.byref(index)))
        return index

    def _run(self, x, call, array):
        image, result = P(), P()
        pixels = np.ascontiguousarray(x, dtype=np.float32)
        try:
            self.check(self.lib.actmax_image_new_float(pixels.shape[1], pixels.shape[0], pixels.shape[2],
                                                       pixels.ctypes.data_as(P), c.byref(image)))
            self.check(call(image, c.byref(result)))
            data, dims, rank = c.POINTER(c.c_float)(), (c.c_int64 * 8)(), c.c_int32()
            self.check(self.lib.actmax_result_array(result, array, c.byref(data), dims, c.byref(rank)))
            shape = tuple(dims[: rank.value])
            return np.ctypeslib.as_array(data, shape=(int(np.prod(shape)),)).reshape(shape).copy()
        finally:
            self.lib.actmax_result_free(result)
            self.lib.actmax_image_free(image)

    def listing(self):
        """{name: (class, shape, parameters)} of all layers, and the sums under the table of the summary."""
        layers = {}
        for at in range(self.lib.actmax_model_layer_count(self.model)):
            dims, rank, axis, index = (c.c_int64 * 8)(), c.c_int32(), c.c_int32(), c.c_int32(at)
            self.check(self.lib.actmax_model_layer_shape(self.model, index, dims, c.byref(rank), c.byref(axis)))
            name, kind = self.lib.actmax_model_layer_name(self.model, index), self.lib.actmax_model_layer_type(self.model, index)
            layers[name.decode()] = (kind.decode(), tuple(dims[: rank.value]), self.lib.actmax_model_layer_parameters(self.model, index))
        text = c.create_string_buffer(1 << 20)
        self.check(self.lib.actmax_model_summary(self.model, text, c.c_size_t(len(text)), None))
        return layers, [line for line in text.value.decode().splitlines() if "params: " in line]

    def activations(self, x, layer=None):
        """In the file's order of axes."""
        at = self._layer(layer)
        return self._run(x, lambda image, out: self.lib.actmax_session_activations(self.session, image, at, self.recipe, out), b"activations")

    def gradient(self, x, filter, layer=None):
        """[rows, columns, channels]"""
        at, filters = self._layer(layer), (c.c_int32 * 1)(filter)
        return self._run(x, lambda image, out: self.lib.actmax_session_gradient(self.session, image, at, filters, c.c_size_t(1), self.recipe,
                                                                                out), b"gradient")


def error(ours, theirs):
    """Relative, in the Euclidean norm."""
    theirs = np.asarray(theirs, np.float64)
    return float(np.linalg.norm(np.asarray(ours, np.float64) - theirs) / np.linalg.norm(theirs))


def listing_of(model):
    """What `Network.listing` should give for a Keras model, but for the layers of nested ones."""
    layers = {}
    for layer in getattr(model, "operations", model.layers):  # Keras 3 has raw operations there, too
        shape, parameters = tuple(layer.output.shape), layer.count_params() if hasattr(layer, "count_params") else 0
        layers[layer.name] = (type(layer).__name__, (shape[0] or 1, *shape[1:]), parameters)
    total, trainable = (sum(int(np.prod(w.shape)) for w in weights) for weights in (model.weights, model.trainable_weights))
    return layers, [f"Total params: {total:,}", f"Trainable params: {trainable:,}", f"Non-trainable params: {total - trainable:,}"]


def listing_differs(own, theirs):
    """What differs between two listings; None."""
    for name in {**theirs[0], **own[0]}:
        if "/" not in name and own[0].get(name) != theirs[0].get(name):
            return f"{name}: {own[0].get(name)} instead of {theirs[0].get(name)}"
    return None if own[1] == theirs[1] else f"{own[1]} instead of {theirs[1]}"
