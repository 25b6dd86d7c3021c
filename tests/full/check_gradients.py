"""Gradients of real networks at a photograph, against PyTorch in float64.

    python check_gradients.py LIBACTMAX.so SHARED

The ReLU masks and max-pool choices of the float64 run are taken from actmax's own activations: gradients of ReLU networks jump where an
activation passes zero, so that two correct programs in float32 differ by 1e-3 to 1e-2 when each uses its own masks. That
figure is printed too, beside the one of PyTorch's own float32 against its float64.
"""

import ctypes as c
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))

import numpy as np
import torch

from onnx_torch import Network

LIBRARY, SHARED = sys.argv[1], sys.argv[2]
lib = c.CDLL(LIBRARY)
lib.actmax_message.restype = c.c_char_p
P = c.c_void_p

# network, mean and scale of its input, and targets: (score in the graph, layer here, filter)
NETWORKS = [
    ("derived/squeezenet1.1_fp32.onnx", "bgr", [("conv10_1", "conv10_1", 243), ("fire5/concat_1", "fire5/concat_1", 3)]),
    ("derived/mobilenet_v1_0.25_224_fp32.onnx", "tf", [("logits", "logits", 243), ("conv_pw_5_relu", "conv_pw_5_relu", 3)]),
    ("derived/mobilenet_v2_1.0_224_dequant_fp32.onnx", "tf",
     [("logits", "logits", 243), ("expanded_conv_7/project", "expanded_conv_7/project", 3)]),
]


def check(status):
    if status < 0:
        raise SystemExit("FAIL: " + lib.actmax_message().decode())


def array_of(result, name):
    data, dims, rank = c.POINTER(c.c_float)(), (c.c_int64 * 8)(), c.c_int32()
    check(lib.actmax_result_array(result, name.encode(), c.byref(data), dims, c.byref(rank)))
    shape = tuple(dims[: rank.value])
    return np.ctypeslib.as_array(data, shape=(int(np.prod(shape)),)).reshape(shape).copy()


class Session:
    def __init__(self, path):
        self.recipe, self.model, self.session = P(), P(), P()
        check(lib.actmax_recipe_new(c.byref(self.recipe)))
        check(lib.actmax_recipe_set_text(self.recipe, b"preprocess", b"raw"))
        check(lib.actmax_model_load(path.encode(), self.recipe, c.byref(self.model)))
        check(lib.actmax_session_new(self.model, self.recipe, c.byref(self.session)))

    def layer(self, name):
        index = c.c_int32()
        check(lib.actmax_model_find_layer(self.model, name.encode(), c.byref(index)))
        return index

    def image(self, hwc):
        image = P()
        pixels = np.ascontiguousarray(hwc, dtype=np.float32)
        check(lib.actmax_image_new_float(pixels.shape[1], pixels.shape[0], pixels.shape[2], pixels.ctypes.data_as(P), c.byref(image)))
        return image

    def activations(self, image, name):
        result = P()
        check(lib.actmax_session_activations(self.session, image, self.layer(name), self.recipe, c.byref(result)))
        values = array_of(result, "activations")
        lib.actmax_result_free(result)
        return values

    def gradient(self, image, name, channel):
        result, filters = P(), (c.c_int32 * 1)(channel)
        check(lib.actmax_session_gradient(self.session, image, self.layer(name), filters, c.c_size_t(1), self.recipe, c.byref(result)))
        values = array_of(result, "gradient")
        lib.actmax_result_free(result)
        return values.transpose(2, 0, 1)[None]


def photograph(kind):
    from PIL import Image

    pixels = np.asarray(Image.open(os.path.join(SHARED, "images", "both.png")).convert("RGB"), dtype=np.float32)
    pixels = pixels[..., ::-1] - np.array([104, 117, 123], np.float32) if kind == "bgr" else pixels / np.float32(127.5) - 1
    return np.ascontiguousarray(pixels, dtype=np.float32)


def error(a, b):
    return float(np.linalg.norm(np.asarray(a, np.float64) - b) / np.linalg.norm(b))


def torch_gradient(network, x, score, channel, pinned=None):
    values = network.run(x, pinned)
    values[score][:, channel].mean().backward()
    return values[network.input].grad.numpy().astype(np.float64), values


def main():
    failed = False
    for name, kind, targets in NETWORKS:
        path = os.path.join(SHARED, "models", name)
        session, exact, single = Session(path), Network(path), Network(path, torch.float32)
        hwc = photograph(kind)
        image, x = session.image(hwc), hwc.transpose(2, 0, 1)[None]
        pinned = {}
        for node in exact.graph.node:
            if node.op_type in ("Relu", "Clip"):
                pinned[node.output[0]] = session.activations(image, node.output[0])
            elif node.op_type == "MaxPool" and node.input[0] not in pinned:
                pinned[node.input[0]] = session.activations(image, node.input[0])
        for score, layer, channel in targets:
            ours = session.gradient(image, layer, channel)
            theirs, values = torch_gradient(exact, x, score, channel, pinned)
            free, free_values = torch_gradient(exact, x, score, channel)
            forward = error(session.activations(image, layer), free_values[score].detach().numpy())
            float32 = torch_gradient(single, x, score, channel)[0]
            figures = (forward, error(ours, theirs), error(ours, free), error(float32, free))
            print(f"{name} {layer} {channel}: forward {figures[0]:.2g}, gradient with pinned masks {figures[1]:.2g}; free-running: "
                  f"actmax {figures[2]:.2g}, PyTorch float32 {figures[3]:.2g}")
            failed = failed or not (figures[0] < 1e-4 and figures[1] < 1e-4)
    if failed:
        raise SystemExit("FAIL: an error is above 1e-4")


main()
