#!/usr/bin/env python3
"""Makes torchvision/*.onnx.z and torchvision.txt: the smallest network of each family of torchvision's convolutional classifiers as
torch.onnx saves it, without its weights, and what PyTorch computes in float64 with weights made by a rule.

For each network NAME_plain (exported without dynamo, as it is) and NAME_twin (with dynamo, a kink-free twin: Softplus for
ReLU, average for max pooling, SiLU and Sigmoid for the hard activations), both with BatchNormalization kept, compressed by zlib (exporters write long names). Weights are external
data "weights", one after the other; number k of them is low + (high - low) * u(k), see `bounds` and `uniform`; small constants stay.
A line of torchvision.txt is NAME SIZE BYTES-OF-WEIGHTS, the scores, and (of a twin) the sketch of a gradient: see `sketch`.
AlexNet and VGG have narrow dense layers here, Wide ResNet one block a stage: their weights would fill the memory.

Needs torch, torchvision, onnx, onnxscript and numpy. Used by tests/unit/test_torchvision.c.
"""
import contextlib
import os
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "full"))

import numpy as np
import onnx
import torch
import torchvision
from onnx.external_data_helper import set_external_data
from torch import nn
from torchvision import models

from smooth import kink_free

FOLDER = os.path.dirname(os.path.abspath(__file__))
CLASSES, WANTED, BINS = 10, 3, 64
IMAGE_SEED, SKETCH_SEED = 0x51AB0000, 0x7E570000


def mixed(k):
    """A 32-bit number for each k (of 32 bits)."""
    x = k.astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def uniform(first, count):
    """u(first), u(first + 1), ...: in [0, 1), by 24 bits."""
    return (mixed(np.arange(first, first + count, dtype=np.int64) & 0xFFFFFFFF) >> np.uint32(8)).astype(np.float64) / 2**24


def bounds(name, dims):
    """A weight that multiplies each channel, and a variance: 0.5 to 1.5. A bias, a mean: -0.1 to 0.1. A kernel: by its inputs."""
    inputs = int(np.prod(dims[1:]))
    if name.endswith("running_var") or inputs == 1 and name.endswith(("weight", "layer_scale")):
        return 0.5, 1.5
    if inputs == 1:
        return -0.1, 0.1
    bound = np.sqrt(2.0 / inputs)
    return -bound, bound


def weight(name, dims, first):
    low, high = bounds(name, dims)
    return (low + (high - low) * uniform(first, int(np.prod(dims)))).astype(np.float32).reshape(dims)


def sketch(gradient):
    """Sums of all elements, each in one of the bins and with a sign by its index: as long as the gradient, nearly."""
    chosen = mixed(SKETCH_SEED + np.arange(gradient.size))
    return np.bincount(chosen % BINS, np.where(chosen & 1024, -1.0, 1.0) * gradient.ravel(), BINS)


def narrow(network):
    """AlexNet or VGG with hidden layers of 32."""
    dense = [i for i, module in enumerate(network.classifier) if isinstance(module, nn.Linear)]
    inputs = network.classifier[dense[0]].in_features
    for i in dense:
        outputs = CLASSES if i == dense[-1] else 32
        network.classifier[i] = nn.Linear(inputs, outputs)
        inputs = outputs
    return network


def plain(name, **options):
    return models.get_model(name, weights=None, num_classes=CLASSES, **options)


NETWORKS = {  # name: (size, network)
    "alexnet": (224, lambda: narrow(plain("alexnet"))),
    "vgg11": (224, lambda: narrow(plain("vgg11"))),
    "resnet18": (64, lambda: plain("resnet18")),
    "resnext50_32x4d": (64, lambda: plain("resnext50_32x4d")),
    "wide_resnet": (64, lambda: models.resnet.ResNet(models.resnet.Bottleneck, [1, 1, 1, 1], CLASSES, width_per_group=128)),
    "squeezenet1_1": (64, lambda: plain("squeezenet1_1")),
    "densenet121": (64, lambda: plain("densenet121")),
    "googlenet": (64, lambda: plain("googlenet", aux_logits=False, init_weights=False)),
    "inception_v3": (107, lambda: plain("inception_v3", aux_logits=True, init_weights=False)),
    "mobilenet_v2": (64, lambda: plain("mobilenet_v2")),
    "mobilenet_v3_small": (64, lambda: plain("mobilenet_v3_small")),
    "shufflenet_v2_x0_5": (64, lambda: plain("shufflenet_v2_x0_5")),
    "mnasnet0_5": (64, lambda: plain("mnasnet0_5")),
    "efficientnet_b0": (64, lambda: plain("efficientnet_b0")),
    "efficientnet_v2_s": (64, lambda: plain("efficientnet_v2_s")),
    "regnet_y_400mf": (64, lambda: plain("regnet_y_400mf")),
    "convnext_tiny": (64, lambda: plain("convnext_tiny")),
}


def strip(path, network):
    """Takes the weights out; gives the network the rule's. Returns their bytes."""
    model = onnx.load(path)
    for part in [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del part.metadata_props[:]
    for part in model.graph.node:
        part.ClearField("doc_string")
    del model.graph.value_info[:], model.functions[:]
    model.graph.ClearField("doc_string")
    state, first = dict(network.state_dict()), 0
    for tensor in model.graph.initializer:
        if tensor.name not in state or tensor.data_type != onnx.TensorProto.FLOAT:
            if np.prod(tensor.dims) > 64:
                raise SystemExit(f"{path}: {tensor.name} {list(tensor.dims)} is no parameter of the network")
            continue
        dims = list(tensor.dims)
        if list(state[tensor.name].shape) != dims:
            raise SystemExit(f"{path}: {tensor.name} {dims} is not as in the network")
        state.pop(tensor.name).copy_(torch.from_numpy(weight(tensor.name, dims, first)))
        size = 4 * int(np.prod(dims))
        tensor.raw_data = b"\0"
        set_external_data(tensor, "weights", offset=4 * first, length=size)
        tensor.ClearField("raw_data")
        first += size // 4
    left = [name for name in state if not name.endswith("num_batches_tracked") and not name.startswith("AuxLogits")]
    if left:
        raise SystemExit(f"{path}: not in the graph: {left}")
    os.remove(path)
    with open(path + ".z", "wb") as file:
        file.write(zlib.compress(model.SerializeToString(), 9))
    return 4 * first


def image(size):
    return (2 * uniform(IMAGE_SEED, 3 * size * size) - 1).astype(np.float32).reshape(1, 3, size, size)


def evaluate(network, x, twin):
    x = x.clone().requires_grad_(True)
    with kink_free() if twin else contextlib.nullcontext():
        scores = network(x)
    if not twin:
        return scores[0].tolist()
    scores[0, WANTED].backward()
    return scores[0].tolist() + sketch(x.grad.numpy()).tolist()


def record(name, twin):
    size, make = NETWORKS[name]
    torch.manual_seed(20)
    network, x = make().eval(), torch.from_numpy(image(size))
    path = os.path.join(FOLDER, "torchvision", f"{name}_{'twin' if twin else 'plain'}.onnx")
    names = {"input_names": ["image"], "output_names": ["scores"]}
    for tensor in network.state_dict().values():  # alike ones would be exported once
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.0)
    with torch.no_grad(), kink_free() if twin else contextlib.nullcontext():
        if twin and not name.startswith("shufflenet"):  # whose split is a sequence in what dynamo has not optimized
            torch.onnx.export(network, (x,), path, dynamo=True, optimize=False, external_data=False, verbose=False, **names)
        else:
            torch.onnx.export(network, x, path, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                              **names)
        length = strip(path, network)
    numbers = evaluate(network, x, twin)
    precise = evaluate(network.double(), x.double(), twin)
    for part in (slice(CLASSES), slice(CLASSES, None)):  # PyTorch's own float32: else the comparison says nothing
        error = np.linalg.norm(np.subtract(numbers, precise)[part]) / (np.linalg.norm(precise[part]) or 1)
        if error > 2e-5:
            raise SystemExit(f"{path}: ill-conditioned with these weights: {error:.2g}")
    return f"{os.path.basename(path)[:-5]} {size} {length} " + " ".join(f"{v:.8g}" for v in precise)


def main():
    os.makedirs(os.path.join(FOLDER, "torchvision"), exist_ok=True)
    lines = ["# Made by make_torchvision_goldens.py; see there."]
    for name in sys.argv[1:] or NETWORKS:
        lines += [record(name, False), record(name, True)]
        print(lines[-2][:100], lines[-1][:100], sep="\n", flush=True)
    with open(os.path.join(FOLDER, "torchvision.txt"), "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


main()
