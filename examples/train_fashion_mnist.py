"""Trains the small network that quickstart.sh falls back on when PyPI cannot be reached, and writes it as ONNX.

Needs PyTorch (any recent CPU build; it was trained with 2.13) and Debian's package dataset-fashion-mnist. The network that it wrote,
fashion_mnist.onnx, is committed: nothing has to be trained to use it.

    python3 examples/train_fashion_mnist.py [--epochs 14] [--out examples/fashion_mnist.onnx]

Three 3x3 convolutions (16, 32 and 64 channels, batch normalisation folded into them when saved), global average pooling and one dense
layer. Input "image" [1, 1, 28, 28] in 0..1 (actmax: --preprocess unit), output "logits", ten classes in the order of LABELS.

Accuracy of the committed file on the 10,000 test pictures: 91.18 %.
"""

import argparse
import gzip
import os
import struct
import sys
import time

import torch
from torch import nn

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from onnx_writer import Graph  # noqa: E402

DATA = "/usr/share/datasets/fashion-mnist"
LABELS = ["T-shirt, top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
CHANNELS = [16, 32, 64]


def read_idx(path):
    """An IDX file of bytes (big-endian header: 0, 0, type 8, rank, sizes)."""
    with gzip.open(path, "rb") as file:
        data = file.read()
    zero, kind, rank = struct.unpack(">HBB", data[:4])
    if zero != 0 or kind != 8:
        raise SystemExit(path + " is not an IDX file of bytes")
    shape = struct.unpack(">%dI" % rank, data[4 : 4 + 4 * rank])
    return torch.frombuffer(bytearray(data[4 + 4 * rank :]), dtype=torch.uint8).reshape(shape)


def load(folder, name):
    images = read_idx(os.path.join(folder, name + "-images-idx3-ubyte.gz"))
    labels = read_idx(os.path.join(folder, name + "-labels-idx1-ubyte.gz"))
    return images.unsqueeze(1).float() / 255.0, labels.long()


def make_network():
    layers = []
    previous = 1
    for index, channels in enumerate(CHANNELS):
        layers += [nn.Conv2d(previous, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
        if index < 2:
            layers.append(nn.MaxPool2d(2))
        previous = channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(previous, len(LABELS))]
    return nn.Sequential(*layers)


def accuracy(network, images, labels):
    network.eval()
    with torch.no_grad():
        right = sum((network(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    return right / len(labels)


def train(network, images, labels, epochs):
    batch = 128
    steps = len(images) // batch
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=epochs * steps)
    for epoch in range(epochs):
        begin = time.time()
        network.train()
        order = torch.randperm(len(images))
        total = 0.0
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            x = images[chosen]
            flipped = torch.rand(len(x)) < 0.5
            x[flipped] = x[flipped].flip(3)
            loss = nn.functional.cross_entropy(network(x), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print("epoch %2d  loss %.4f  %.0f s" % (epoch + 1, total / steps, time.time() - begin), flush=True)


def fold(convolution, norm):
    """The convolution with its batch normalisation multiplied in."""
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return convolution.weight * factor[:, None, None, None], (convolution.bias - norm.running_mean) * factor + norm.bias


def raw(tensor):
    return tensor.detach().contiguous().numpy().astype("<f4").tobytes()


def export(network, path):
    graph = Graph("fashion_mnist", "image", [1, 1, 28, 28], "Fashion-MNIST: " + "; ".join(LABELS))
    x = "image"
    modules = list(network)
    convolutions = [i for i, module in enumerate(modules) if isinstance(module, nn.Conv2d)]
    for number, index in enumerate(convolutions, 1):
        weight, bias = fold(modules[index], modules[index + 1])
        name = "conv%d" % number
        inputs = [x, graph.tensor(name + "_weight", list(weight.shape), raw(weight))]
        inputs.append(graph.tensor(name + "_bias", list(bias.shape), raw(bias)))
        x = graph.node("Conv", name, inputs, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = graph.node("Relu", "relu%d" % number, [x])
        if number < 3:
            x = graph.node("MaxPool", "pool%d" % number, [x], kernel_shape=[2, 2], strides=[2, 2])
    x = graph.node("GlobalAveragePool", "average", [x])
    x = graph.node("Flatten", "flatten", [x], axis=1)
    dense = modules[-1]
    inputs = [x, graph.tensor("logits_weight", list(dense.weight.shape), raw(dense.weight))]
    inputs.append(graph.tensor("logits_bias", list(dense.bias.shape), raw(dense.bias)))
    x = graph.node("Gemm", "logits", inputs, transB=1)
    graph.save(path, x, [1, len(LABELS)])


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="train a small Fashion-MNIST network and write it as ONNX")
    parser.add_argument("--data", default=DATA, help="folder of the four .gz files (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default=os.path.join(here, "fashion_mnist.onnx"))
    arguments = parser.parse_args()
    if not os.path.isdir(arguments.data):
        raise SystemExit("no folder %s: install Debian's dataset-fashion-mnist, or give --data" % arguments.data)
    torch.manual_seed(arguments.seed)
    network = make_network()
    train(network, *load(arguments.data, "train"), arguments.epochs)
    print("test accuracy %.2f %%" % (100 * accuracy(network, *load(arguments.data, "t10k"))))
    export(network, arguments.out)
    print("wrote %s, %d bytes" % (arguments.out, os.path.getsize(arguments.out)))


if __name__ == "__main__":
    main()
