"""Every kind of convolutional classifier of torchvision, exported by torch.onnx with and without dynamo, against PyTorch.

    python check_torchvision.py LIBACTMAX.so [MODEL...]        (the smallest of each family; "all": every one)

Weights are random, by a fixed seed; no download. Forward: relative L2 error of the scores under 1e-4. Gradient: of one class's score
with respect to the image, on the network as it is (free-running: reported only, since ReLU and max pooling have kinks) and on a
kink-free twin (Softplus for ReLU, average for max pooling), under 1e-4. At two input sizes where the network allows it.
"""

import copy
import ctypes as c
import os
import sys
import tempfile
import warnings

import numpy as np
import torch
import torchvision

warnings.filterwarnings("ignore")
lib = c.CDLL(sys.argv[1])
lib.actmax_message.restype = c.c_char_p
P = c.c_void_p

SMALLEST = ["alexnet", "vgg11", "vgg11_bn", "resnet18", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_1", "densenet121", "googlenet",
            "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0", "efficientnet_v2_s",
            "regnet_y_400mf", "convnext_tiny"]


def kink_free(module):
    for name, child in module.named_children():
        if isinstance(child, (torch.nn.ReLU, torch.nn.ReLU6)):
            setattr(module, name, torch.nn.Softplus())
        elif isinstance(child, torch.nn.MaxPool2d):
            setattr(module, name, torch.nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
        else:
            kink_free(child)


class Refused(Exception):
    pass


def check(status):
    if status < 0:
        raise Refused(lib.actmax_message().decode())


def actmax_run(path, x, wanted):
    """Scores and input gradient of scores[wanted] by actmax."""
    recipe, model, session, image, result = P(), P(), P(), P(), P()
    try:
        check(lib.actmax_recipe_new(c.byref(recipe)))
        check(lib.actmax_recipe_set_text(recipe, b"preprocess", b"raw"))
        check(lib.actmax_recipe_set_number(recipe, b"bypass", c.c_double(0.0)))  # SqueezeNet's last ReLU counts here
        size = (c.c_double * 2)(x.shape[2], x.shape[3])
        check(lib.actmax_recipe_set_numbers(recipe, b"input_size", size, c.c_size_t(2)))
        check(lib.actmax_model_load(path.encode(), recipe, c.byref(model)))
        check(lib.actmax_session_new(model, recipe, c.byref(session)))
        pixels = np.ascontiguousarray(x[0].transpose(1, 2, 0))
        check(lib.actmax_image_new_float(pixels.shape[1], pixels.shape[0], 3, pixels.ctypes.data_as(P), c.byref(image)))
        check(lib.actmax_session_predict(session, image, recipe, c.byref(result)))
        scores = array_of(result, "logits")
        lib.actmax_result_free(result)
        result = P()
        filters = (c.c_int32 * 1)(wanted)
        check(lib.actmax_session_gradient(session, image, -1, filters, c.c_size_t(1), recipe, c.byref(result)))
        return scores.ravel(), array_of(result, "gradient").transpose(2, 0, 1)
    finally:
        for free, handle in ((lib.actmax_result_free, result), (lib.actmax_image_free, image), (lib.actmax_session_free, session),
                             (lib.actmax_model_free, model), (lib.actmax_recipe_free, recipe)):
            free(handle)


def array_of(result, name):
    data, dims, rank = c.POINTER(c.c_float)(), (c.c_int64 * 8)(), c.c_int32()
    check(lib.actmax_result_array(result, name.encode(), c.byref(data), dims, c.byref(rank)))
    shape = tuple(dims[: rank.value])
    return np.ctypeslib.as_array(data, shape=(int(np.prod(shape)),)).reshape(shape).copy()


def error(a, b):
    return float(np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b))


def build(name):
    torch.manual_seed(20)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    if name in ("googlenet", "inception_v3"):
        options["aux_logits"] = name == "inception_v3"
    network = torchvision.models.get_model(name, weights=None, **options).eval()
    generator = torch.Generator().manual_seed(7)
    for module in network.modules():  # a network fresh from its initialiser has BatchNorm statistics that do nothing
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=generator) * 0.1)
            module.running_var.copy_(torch.rand(module.running_var.shape, generator=generator) + 0.5)
    return network


def truth(network, x, wanted):
    double = copy.deepcopy(network).double()
    image = torch.from_numpy(x).double().requires_grad_(True)
    scores = double(image)
    scores[0, wanted].backward()
    return scores.detach().numpy().ravel(), image.grad.numpy()[0]


def export(network, x, path, dynamo):
    if dynamo:
        torch.onnx.export(network, (torch.from_numpy(x),), path, dynamo=True, verbose=False)
    else:
        torch.onnx.export(network, torch.from_numpy(x), path, dynamo=False)


def one(name, folder):
    lines, good = [], True
    for twin in (False, True):
        network = build(name)
        if twin:
            kink_free(network)
        # Adaptive pooling to more than one cell is exported for sizes that divide only; Inception wants odd ones.
        sizes = (224,) if name.startswith(("alexnet", "vgg")) else (107, 139) if name == "inception_v3" else (96, 128)
        for size, dynamo in [(size, False) for size in sizes] + [(sizes[0], True)]:
            path = os.path.join(folder, f"{name}_{twin}_{size}_{dynamo}.onnx")
            x = np.random.default_rng(size).standard_normal((1, 3, size, size)).astype(np.float32)
            export(network, x, path, dynamo)
            scores, gradient = truth(network, x, 20)
            label = f"{'twin' if twin else 'as is'} {'dynamo' if dynamo else 'script'} {size}"
            try:
                ours, ours_gradient = actmax_run(path, x, 20)
            except Refused as refused:
                lines.append(f"{label}: REFUSED {refused}")
                good = False
                continue
            forward, backward = error(ours, scores), error(ours_gradient, gradient)
            passed = forward < 1e-4 and (backward < 1e-4 or not twin)
            good = good and passed
            lines.append(f"{label}: forward {forward:.1e}, gradient {backward:.1e}{'' if passed else '  WRONG'}")
    print(("ok    " if good else "FAIL  ") + name, flush=True)
    for line in lines:
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
