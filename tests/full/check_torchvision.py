"""Every kind of convolutional classifier of torchvision, exported by torch.onnx with and without dynamo, against PyTorch.

    python check_torchvision.py LIBACTMAX.so [MODEL...]        (the smallest of each family; "all": every one)

Weights are random, by a fixed seed; no download. Forward: relative L2 error of the scores under 1e-4. Gradient: of one class's score
with respect to the image, under 1e-4, on the network as it is with its kinks decided by actmax's activations (pinned.py; free-running
it is reported only) and on a kink-free twin (Softplus for ReLU, average for max pooling, the smooth forms of the hard activations). At
two input sizes where the export allows it.
"""

import contextlib
import copy
import ctypes as c
import os
import sys
import tempfile
import warnings

import numpy as np
import onnx
import torch
import torchvision

from pinned import Pinned, deciding_values
from smooth import kink_free

warnings.filterwarnings("ignore")
lib = c.CDLL(sys.argv[1])
lib.actmax_message.restype = c.c_char_p
P = c.c_void_p
BOUND, WANTED = 1e-4, 20

SMALLEST = ["alexnet", "vgg11", "vgg11_bn", "resnet18", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_1", "densenet121", "googlenet",
            "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0", "efficientnet_v2_s",
            "regnet_y_400mf", "convnext_tiny"]


class Refused(Exception):
    pass


def check(status):
    if status < 0:
        raise Refused(lib.actmax_message().decode())


class Session:
    """One exported network at one image."""

    def __init__(self, path, x):
        self.recipe, self.model, self.session, self.image = P(), P(), P(), P()
        check(lib.actmax_recipe_new(c.byref(self.recipe)))
        check(lib.actmax_recipe_set_text(self.recipe, b"preprocess", b"raw"))
        check(lib.actmax_recipe_set_number(self.recipe, b"bypass", c.c_double(0.0)))  # SqueezeNet's last ReLU counts here
        size = (c.c_double * 2)(x.shape[2], x.shape[3])
        check(lib.actmax_recipe_set_numbers(self.recipe, b"input_size", size, c.c_size_t(2)))
        check(lib.actmax_model_load(path.encode(), self.recipe, c.byref(self.model)))
        check(lib.actmax_session_new(self.model, self.recipe, c.byref(self.session)))
        pixels = np.ascontiguousarray(x[0].transpose(1, 2, 0))
        check(lib.actmax_image_new_float(pixels.shape[1], pixels.shape[0], 3, pixels.ctypes.data_as(P), c.byref(self.image)))

    def close(self):
        lib.actmax_image_free(self.image)
        lib.actmax_session_free(self.session)
        lib.actmax_model_free(self.model)
        lib.actmax_recipe_free(self.recipe)

    def scores(self):
        result = P()
        check(lib.actmax_session_predict(self.session, self.image, self.recipe, c.byref(result)))
        return taken(result, "logits").ravel()

    def gradient(self, wanted):
        result, filters = P(), (c.c_int32 * 1)(wanted)
        check(lib.actmax_session_gradient(self.session, self.image, -1, filters, c.c_size_t(1), self.recipe, c.byref(result)))
        return taken(result, "gradient").transpose(2, 0, 1)

    def activations(self, name):
        result, layer = P(), c.c_int32()
        check(lib.actmax_model_find_layer(self.model, name.encode(), c.byref(layer)))
        check(lib.actmax_session_activations(self.session, self.image, layer, self.recipe, c.byref(result)))
        return taken(result, "activations")


def taken(result, name):
    values = array_of(result, name)
    lib.actmax_result_free(result)
    return values


def array_of(result, name):
    data, dims, rank = c.POINTER(c.c_float)(), (c.c_int64 * 8)(), c.c_int32()
    check(lib.actmax_result_array(result, name.encode(), c.byref(data), dims, c.byref(rank)))
    shape = tuple(dims[: rank.value])
    return np.ctypeslib.as_array(data, shape=(int(np.prod(shape)),)).reshape(shape).copy()


def error(a, b):
    return float(np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b))


def build(name, twin):
    torch.manual_seed(20)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name in ("googlenet", "inception_v3"):
        options["aux_logits"] = name == "inception_v3"
    network = torchvision.models.get_model(name, weights=None, **options).eval()
    # A network fresh from its initialiser has BatchNorm statistics that do nothing. The twin's are those of a few images: without them
    # the activations of a deep one grow until Softplus is as good as ReLU, and PyTorch's own float32 gradient is 1e-3 off.
    generator = torch.Generator().manual_seed(7)
    for module in network.modules():
        if not isinstance(module, torch.nn.BatchNorm2d):
            continue
        module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=generator) * 0.1)
        module.running_var.copy_(torch.rand(module.running_var.shape, generator=generator) + 0.5)
        module.momentum = 1.0
        module.train(twin)
    if twin:
        with torch.no_grad(), kink_free():
            network(torch.randn(4, 3, *2 * sizes_of(name)[:1], generator=generator))
    return network.eval()


def truth(network, x, wanted, activations=None):
    """Scores and input gradient of scores[wanted] in float64; the kinks decided by `activations`."""
    double = copy.deepcopy(network).double()
    image = torch.from_numpy(x).double().requires_grad_(True)
    mode = contextlib.nullcontext() if activations is None else Pinned(activations)
    with mode:
        scores = double(image)
    scores[0, wanted].backward()
    return scores.detach().numpy().ravel(), image.grad.numpy()[0]


def export(network, x, path, dynamo):
    if dynamo:
        torch.onnx.export(network, (torch.from_numpy(x),), path, dynamo=True, verbose=False)
    else:
        torch.onnx.export(network, torch.from_numpy(x), path, dynamo=False)


def compare(network, path, x, twin):
    """(forward, free-running gradient, gradient with pinned masks) errors; the last is the second for a twin, which has no kinks."""
    session = Session(path, x)
    try:
        scores, gradient = truth(network, x, WANTED)
        ours = session.gradient(WANTED)
        forward, free = error(session.scores(), scores), error(ours, gradient)
        decide = deciding_values(onnx.load(path, load_external_data=False).graph)
        if twin and decide:
            raise SystemExit(f"FAIL: the twin has kinks: {decide}")
        if not decide:
            return forward, free, free
        activations = [(operator, session.activations(name)) for operator, name in decide]
        return forward, free, error(ours, truth(network, x, WANTED, activations)[1])
    finally:
        session.close()


def sizes_of(name):
    # Adaptive pooling to more than one cell is exported for sizes that it divides only; Inception's last cells want odd ones.
    if name.startswith(("alexnet", "vgg")):
        return (224, 416 if name == "alexnet" else 448)
    return (107, 139) if name == "inception_v3" else (96, 128)


def check_export(label, network, x, path, dynamo, twin):
    """(agrees, line to print)"""
    with kink_free() if twin else contextlib.nullcontext():
        export(network, x, path, dynamo)
        try:
            forward, free, pinned = compare(network, path, x, twin)
        except Refused as refused:
            return False, f"{label}: REFUSED {refused}"
    passed = forward < BOUND and pinned < BOUND
    shown = f"gradient {pinned:.1e}" if twin else f"gradient with pinned masks {pinned:.1e}, free-running {free:.1e}"
    return passed, f"{label}: forward {forward:.1e}, {shown}{'' if passed else '  WRONG'}"


def one(name, folder):
    results, sizes = [], sizes_of(name)
    for twin in (False, True):
        network = build(name, twin)
        for size, dynamo in [(size, False) for size in sizes] + [(sizes[0], True)]:
            x = np.random.default_rng(size).standard_normal((1, 3, size, size)).astype(np.float32)
            label = f"{'twin ' if twin else 'as is'} {'dynamo' if dynamo else 'script'} {size}"
            results.append(check_export(label, network, x, os.path.join(folder, "network.onnx"), dynamo, twin))
            for file in os.listdir(folder):
                os.remove(os.path.join(folder, file))
    good = all(passed for passed, _ in results)
    print(("ok    " if good else "FAIL  ") + name, flush=True)
    for _, line in results:
        print("        " + line, flush=True)
    return good


def main():
    names = sys.argv[2:] or SMALLEST
    if names == ["all"]:
        skip = ("vit", "swin", "maxvit")
        names = [n for n in torchvision.models.list_models(module=torchvision.models) if not n.startswith(skip)]
    with tempfile.TemporaryDirectory() as folder:
        failed = [name for name in names if not one(name, folder)]
    print(f"{len(names) - len(failed)} of {len(names)} networks agree")
    if failed:
        raise SystemExit("FAIL: " + " ".join(failed))


main()
