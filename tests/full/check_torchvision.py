"""Every kind of convolutional classifier of torchvision, exported by torch.onnx with and without dynamo, against PyTorch.

    python check_torchvision.py LIBACTMAX.so [WORD...]

Words are names of networks, beginnings of names ("vgg": all of them), or "all"; a word after a minus takes away what it names.
Without any, the smallest of each family.
Weights are random, by a fixed seed; no download. Forward: relative L2 error of the scores under 1e-4. Gradient: of one class's score
with respect to the image, under 1e-4, on the network as it is with its kinks decided by actmax's activations (pinned.py; free-running
it is reported only) and on a kink-free twin (Softplus for ReLU, average for max pooling, the smooth forms of the hard activations). At
two input sizes by each exporter.
"""

import contextlib
import os
import sys
import tempfile
import warnings

import numpy as np
import onnx
import torch
import torchvision

from library import Library, Refused, error
from pinned import Pinned, deciding_values
from smooth import kink_free

warnings.filterwarnings("ignore")
BOUND, WANTED = 1e-4, 20
NO_CONVOLUTIONS = ("vit", "swin", "maxvit")

SMALLEST = ["alexnet", "vgg11", "vgg11_bn", "resnet18", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_1", "densenet121", "googlenet",
            "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0", "efficientnet_v2_s",
            "regnet_y_400mf", "convnext_tiny"]


def build(name, twin):
    torch.manual_seed(20)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name in ("googlenet", "inception_v3"):
        options["aux_logits"] = name == "inception_v3"
    network = torchvision.models.get_model(name, weights=None, **options).eval()
    # A network fresh from its initialiser has BatchNorm parameters that do nothing. The twin's statistics are those of a few images and
    # its weights are small, as trained ones are: else the activations of a deep one grow until Softplus is as good as ReLU, or small
    # differences do, and PyTorch's own float32 is far off its float64.
    generator = torch.Generator().manual_seed(7)
    for module in network.modules():
        if not isinstance(module, torch.nn.BatchNorm2d):
            continue
        module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=generator) * 0.1)
        module.running_var.copy_(torch.rand(module.running_var.shape, generator=generator) + 0.5)
        if twin:
            module.weight.data.copy_(torch.rand(module.weight.shape, generator=generator) * 0.2 + 0.2)
        module.momentum = 1.0
        module.train(twin)
    if twin:
        with torch.no_grad(), kink_free():
            network(torch.randn(4, 3, *2 * sizes_of(name)[:1], generator=generator))
    return network.eval().requires_grad_(False)


def sizes_of(name):
    # Adaptive pooling to more than one cell is exported for sizes that it divides only; Inception's last cells want odd ones.
    if name.startswith(("alexnet", "vgg")):
        return (224, 416 if name == "alexnet" else 448)
    return (107, 139) if name == "inception_v3" else (96, 128)


def export(network, x, path, dynamo):
    arguments = {"dynamo": True, "verbose": False} if dynamo else {"dynamo": False}
    torch.onnx.export(network, (torch.from_numpy(x),), path, **arguments)


def truth(network, x, activations=None):
    """Scores and input gradient of the wanted score in float64; the kinks decided by `activations`."""
    # In place and back, which is exact: the largest networks do not fit twice.
    network.double()
    try:
        with contextlib.nullcontext() if activations is None else Pinned(activations):
            return run(network, torch.from_numpy(x).double())
    finally:
        network.float()


def run(network, image):
    image.requires_grad_(True)
    scores = network(image)
    scores[0, WANTED].backward()
    return scores.detach().numpy().ravel(), image.grad.numpy()[0].transpose(1, 2, 0)


def compare(library, network, path, x, free_running, twin):
    """(forward, free-running gradient, gradient with pinned masks) errors; the last is the second for a twin, which has no kinks."""
    decide = deciding_values(onnx.load(path, load_external_data=False).graph)
    if twin and decide:
        raise SystemExit(f"FAIL: the twin has kinks: {decide}")
    pixels = x[0].transpose(1, 2, 0)
    with library.open(path, x.shape[2:]) as opened:
        scores, gradient = opened.activations(pixels), opened.gradient(pixels, WANTED)
        activations = [(operator, opened.activations(pixels, name)) for operator, name in decide]
    forward, free = error(scores.ravel(), free_running[0]), error(gradient, free_running[1])
    return forward, free, error(gradient, truth(network, x, activations)[1]) if decide else free


def check_export(library, label, network, x, path, dynamo, free_running, twin):
    """(agrees, line to print)"""
    export(network, x, path, dynamo)
    try:
        forward, free, pinned = compare(library, network, path, x, free_running, twin)
    except Refused as refused:
        return False, f"{label}: REFUSED {refused}"
    passed = forward < BOUND and pinned < BOUND
    shown = f"gradient {pinned:.1e}" if twin else f"gradient with pinned masks {pinned:.1e}, free-running {free:.1e}"
    return passed, f"{label}: forward {forward:.1e}, {shown}{'' if passed else '  WRONG'}"


def check_size(library, network, size, folder, twin):
    """[(agrees, line to print)]"""
    x = np.random.default_rng(size).standard_normal((1, 3, size, size)).astype(np.float32)
    kind, lines = "twin " if twin else "as is", []
    with kink_free() if twin else contextlib.nullcontext():
        free_running = truth(network, x)
        forward, gradient = map(error, run(network, torch.from_numpy(x.copy())), free_running)
        lines.append((True, f"{kind} {size}, PyTorch's own float32, free-running: forward {forward:.1e}, gradient {gradient:.1e}"))
        for dynamo in (False, True):
            label = f"{kind} {'dynamo' if dynamo else 'script'} {size}"
            lines.append(check_export(library, label, network, x, os.path.join(folder, "network.onnx"), dynamo, free_running, twin))
            for file in os.listdir(folder):
                os.remove(os.path.join(folder, file))
    return lines


def one(library, name, folder):
    lines = []
    for twin in (False, True):
        network = build(name, twin)
        for size in sizes_of(name):
            lines += check_size(library, network, size, folder, twin)
    good = all(agrees for agrees, _ in lines)
    print(("ok    " if good else "FAIL  ") + name, flush=True)
    for _, line in lines:
        print("        " + line, flush=True)
    return good


def names_of(words):
    known = [name for name in torchvision.models.list_models(module=torchvision.models) if not name.startswith(NO_CONVOLUTIONS)]
    chosen = []
    for word in words:
        stem = word.removeprefix("-")
        meant = [stem] if stem in known else [name for name in known if stem == "all" or name.startswith(stem)]
        if not meant:
            raise SystemExit(f"FAIL: torchvision has no convolutional classifier {stem}; it has {' '.join(known)}")
        chosen = [name for name in chosen if name not in meant] + ([] if word.startswith("-") else meant)
    return chosen


def main():
    library, names = Library(sys.argv[1]), names_of(sys.argv[2:] or SMALLEST)
    with tempfile.TemporaryDirectory() as folder:
        failed = [name for name in names if not one(library, name, folder)]
    print(f"{len(names) - len(failed)} of {len(names)} networks agree")
    if failed:
        raise SystemExit("FAIL: " + " ".join(failed))


main()
