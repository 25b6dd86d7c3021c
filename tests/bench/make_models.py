#!/usr/bin/env python3
"""Writes the networks that the benchmark needs and nobody has to download: VGG16, ResNet-50 and Inception v3 as ONNX files.

    python3 make_models.py FOLDER [vgg16|resnet50|inception_v3 ...]

Python's standard library only. The layers, sizes and numbers of parameters are those of the papers and of torchvision (138,357,544,
25,557,032 and 23,834,568: Inception without its auxiliary classifier); the weights are noise from a fixed seed, scaled as He et al.
2015 (standard deviation sqrt(2 / inputs)), so that activations keep their size through the network. The time of a step does not
depend on them. The same bytes come out everywhere.

Names: VGG16's layers are called as Keras calls them; "block3_conv3" is what comes after the ReLU.
"""

import array
import math
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples"))
from onnx_writer import FLOAT, IR_VERSION, OPSET, Graph, chunk, integer, value_info, varint  # noqa: E402

NOISE = 1048573  # a prime: rows of no matrix repeat in step with it
PARAMETERS = {"vgg16": 138357544, "resnet50": 25557032, "inception_v3": 23834568}


class Noise:
    """Normal numbers from a seed; a tensor takes them from where the last one stopped, round and round."""

    def __init__(self, seed):
        source = random.Random(seed)
        self.values = array.array("f", (source.gauss(0.0, 1.0) for _ in range(NOISE)))
        self.at = 0

    def take(self, count, deviation):
        """Yields the little-endian bytes in pieces."""
        scaled = array.array("f", (value * deviation for value in self.values))
        if sys.byteorder == "big":
            scaled.byteswap()
        raw = scaled.tobytes()
        while count > 0:
            piece = min(count, NOISE - self.at)
            yield raw[4 * self.at : 4 * (self.at + piece)]
            self.at = (self.at + piece) % NOISE
            count -= piece


class LargeGraph(Graph):
    """A graph whose noise tensors are made while the file is written, so that 528 MB need not be held."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.tensors = []  # (header, count, deviation or None, constant)
        self.parameters = 0

    def noise(self, name, shape, deviation):
        return self._add(name, shape, deviation, 0.0)

    def fill(self, name, shape, value):
        return self._add(name, shape, None, value)

    def _add(self, name, shape, deviation, value):
        count = math.prod(shape)
        body = b"".join(integer(1, size) for size in shape) + integer(2, FLOAT) + chunk(8, name)
        body += varint(9 << 3 | 2) + varint(4 * count)
        header = varint(5 << 3 | 2) + varint(len(body) + 4 * count) + body
        self.tensors.append((header, count, deviation, value))
        self.parameters += count
        return self._claim(name)

    def save_large(self, path, output_name, output_shape, seed):
        source = Noise(seed)
        head = b"".join(self.nodes) + chunk(2, self.name)
        tail = self.inputs + chunk(12, value_info(output_name, output_shape))
        size = len(head) + len(tail) + sum(len(tensor[0]) + 4 * tensor[1] for tensor in self.tensors)
        with open(path + ".part", "wb") as file:
            file.write(integer(1, IR_VERSION) + chunk(2, "actmax benchmark") + varint(7 << 3 | 2) + varint(size) + head)
            for header, count, deviation, value in self.tensors:
                file.write(header)
                if deviation is None:
                    file.write(struct.pack("<f", value) * count)
                    continue
                for piece in source.take(count, deviation):
                    file.write(piece)
            file.write(tail + chunk(8, chunk(1, "") + integer(2, OPSET)))
        os.replace(path + ".part", path)


class Builder:
    def __init__(self, name, side):
        self.graph = LargeGraph(name, "image", [1, 3, side, side])

    def convolution(self, x, name, inputs, outputs, kernel, stride=1, pad=0, bias=False):
        kernel_h, kernel_w = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        pad_h, pad_w = pad if isinstance(pad, tuple) else (pad, pad)
        deviation = math.sqrt(2.0 / (inputs * kernel_h * kernel_w))
        operands = [x, self.graph.noise(name + "_weight", [outputs, inputs, kernel_h, kernel_w], deviation)]
        if bias:
            operands.append(self.graph.fill(name + "_bias", [outputs], 0.01))
        return self.graph.node("Conv", name, operands, kernel_shape=[kernel_h, kernel_w], strides=[stride, stride],
                               pads=[pad_h, pad_w, pad_h, pad_w])

    def normalisation(self, x, name, channels, scale=1.0, epsilon=1e-5):
        operands = [x]
        for part, value in (("gamma", scale), ("beta", 0.02), ("mean", 0.01), ("variance", 1.1)):
            operands.append(self.graph.fill("%s_%s" % (name, part), [channels], value))
        self.graph.parameters -= 2 * channels  # mean and variance are not counted as parameters
        return self.graph.node("BatchNormalization", name, operands, epsilon=epsilon)

    def relu(self, x, name):
        return self.graph.node("Relu", name, [x])

    def pool(self, x, name, kernel, stride, pad=0, average=False):
        extra = {"count_include_pad": 1} if average else {}
        return self.graph.node("AveragePool" if average else "MaxPool", name, [x], kernel_shape=[kernel, kernel],
                               strides=[stride, stride], pads=[pad] * 4, **extra)

    def dense(self, x, name, inputs, outputs):
        weight = self.graph.noise(name + "_weight", [outputs, inputs], math.sqrt(2.0 / inputs))
        return self.graph.node("Gemm", name, [x, weight, self.graph.fill(name + "_bias", [outputs], 0.01)], transB=1)

    def head(self, x, channels):
        x = self.graph.node("GlobalAveragePool", "average_pool", [x])
        x = self.dense(self.graph.node("Flatten", "flatten", [x], axis=1), "logits", channels, 1000)
        return self.graph.node("Softmax", "predictions", [x], axis=1)


def vgg16():
    b = Builder("vgg16", 224)
    x, channels = "image", 3
    for block, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for i in range(1, count + 1):
            name = "block%d_conv%d" % (block, i)
            x = b.relu(b.convolution(x, name + "_linear", channels, width, 3, pad=1, bias=True), name)
            channels = width
        x = b.pool(x, "block%d_pool" % block, 2, 2)
    x = b.graph.node("Flatten", "flatten", [x], axis=1)
    x = b.relu(b.dense(x, "fc1_linear", 25088, 4096), "fc1")
    x = b.relu(b.dense(x, "fc2_linear", 4096, 4096), "fc2")
    x = b.dense(x, "logits", 4096, 1000)
    return b, b.graph.node("Softmax", "predictions", [x], axis=1)


def resnet50():
    """Version 1.5, as torchvision has it: the 3x3 convolution of a block carries the stride."""
    b = Builder("resnet50", 224)

    def unit(x, name, inputs, outputs, kernel, stride=1, pad=0, scale=1.0):
        return b.normalisation(b.convolution(x, name, inputs, outputs, kernel, stride, pad), name + "_bn", outputs, scale)

    x = b.relu(unit("image", "conv1", 3, 64, 7, 2, 3), "conv1_relu")
    x, channels = b.pool(x, "pool1", 3, 2, 1), 64
    for stage, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
        for i in range(1, count + 1):
            name = "conv%d_block%d" % (stage, i)
            stride = 2 if i == 1 and stage > 2 else 1
            y = b.relu(unit(x, name + "_1", channels, width, 1), name + "_1_relu")
            y = b.relu(unit(y, name + "_2", width, width, 3, stride, 1), name + "_2_relu")
            y = unit(y, name + "_3", width, 4 * width, 1, scale=0.5)
            if i == 1:
                x = unit(x, name + "_0", channels, 4 * width, 1, stride, scale=0.7)
            x, channels = b.relu(b.graph.node("Add", name + "_add", [y, x]), name + "_out"), 4 * width
    return b, b.head(x, channels)


class Inception:
    """Inception v3 (Szegedy et al. 2015); blocks named Mixed_5b ... Mixed_7c as usual."""

    def __init__(self):
        self.b = Builder("inception_v3", 299)

    def unit(self, x, name, inputs, outputs, kernel, stride=1, pad=0):
        x = self.b.convolution(x, name, inputs, outputs, kernel, stride, pad)
        return self.b.relu(self.b.normalisation(x, name + "_bn", outputs, epsilon=1e-3), name + "_relu")

    def chain(self, x, name, inputs, *units):
        """units: (outputs, kernel, stride, pad), one after the other."""
        for i, (outputs, kernel, stride, pad) in enumerate(units, 1):
            x, inputs = self.unit(x, "%s_%d" % (name, i), inputs, outputs, kernel, stride, pad), outputs
        return x

    def average(self, x, name, inputs, outputs):
        return self.unit(self.b.pool(x, name + "_average", 3, 1, 1, average=True), name + "_pool", inputs, outputs, 1)

    def join(self, name, parts):
        return self.b.graph.node("Concat", name, parts, axis=1)

    def block_a(self, x, name, inputs, pooled):
        return self.join(name, [
            self.chain(x, name + "_a", inputs, (64, 1, 1, 0)),
            self.chain(x, name + "_b", inputs, (48, 1, 1, 0), (64, 5, 1, 2)),
            self.chain(x, name + "_c", inputs, (64, 1, 1, 0), (96, 3, 1, 1), (96, 3, 1, 1)),
            self.average(x, name, inputs, pooled)])

    def block_b(self, x, name, inputs):
        return self.join(name, [
            self.chain(x, name + "_a", inputs, (384, 3, 2, 0)),
            self.chain(x, name + "_b", inputs, (64, 1, 1, 0), (96, 3, 1, 1), (96, 3, 2, 0)),
            self.b.pool(x, name + "_max", 3, 2)])

    def block_c(self, x, name, inputs, w):
        wide, high = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
        return self.join(name, [
            self.chain(x, name + "_a", inputs, (192, 1, 1, 0)),
            self.chain(x, name + "_b", inputs, (w, 1, 1, 0), (w, *wide), (192, *high)),
            self.chain(x, name + "_c", inputs, (w, 1, 1, 0), (w, *high), (w, *wide), (w, *high), (192, *wide)),
            self.average(x, name, inputs, 192)])

    def block_d(self, x, name, inputs):
        return self.join(name, [
            self.chain(x, name + "_a", inputs, (192, 1, 1, 0), (320, 3, 2, 0)),
            self.chain(x, name + "_b", inputs, (192, 1, 1, 0), (192, (1, 7), 1, (0, 3)), (192, (7, 1), 1, (3, 0)), (192, 3, 2, 0)),
            self.b.pool(x, name + "_max", 3, 2)])

    def fork(self, x, name, inputs):
        return [self.unit(x, name + "_wide", inputs, 384, (1, 3), 1, (0, 1)),
                self.unit(x, name + "_high", inputs, 384, (3, 1), 1, (1, 0))]

    def block_e(self, x, name, inputs):
        parts = [self.chain(x, name + "_a", inputs, (320, 1, 1, 0))]
        parts += self.fork(self.chain(x, name + "_b", inputs, (384, 1, 1, 0)), name + "_b", 384)
        parts += self.fork(self.chain(x, name + "_c", inputs, (448, 1, 1, 0), (384, 3, 1, 1)), name + "_c", 384)
        return self.join(name, parts + [self.average(x, name, inputs, 192)])

    def build(self):
        x = self.chain("image", "Conv2d_1", 3, (32, 3, 2, 0), (32, 3, 1, 0), (64, 3, 1, 1))
        x = self.chain(self.b.pool(x, "pool1", 3, 2), "Conv2d_3", 64, (80, 1, 1, 0), (192, 3, 1, 0))
        x = self.b.pool(x, "pool2", 3, 2)
        for name, inputs, pooled in (("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)):
            x = self.block_a(x, name, inputs, pooled)
        x = self.block_b(x, "Mixed_6a", 288)
        for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
            x = self.block_c(x, name, 768, width)
        x = self.block_d(x, "Mixed_7a", 768)
        x = self.block_e(self.block_e(x, "Mixed_7b", 1280), "Mixed_7c", 2048)
        return self.b, self.b.head(x, 2048)


BUILDERS = {"vgg16": vgg16, "resnet50": resnet50, "inception_v3": lambda: Inception().build()}


def make(folder, name):
    path = os.path.join(folder, name + ".onnx")
    builder, output = BUILDERS[name]()
    if builder.graph.parameters != PARAMETERS[name]:
        raise SystemExit("%s has %d parameters, not %d" % (name, builder.graph.parameters, PARAMETERS[name]))
    builder.graph.save_large(path, output, [1, 1000], seed=name)
    print("wrote %s, %.0f MB" % (path, os.path.getsize(path) / 1e6), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not all(name in BUILDERS for name in sys.argv[2:]):
        raise SystemExit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    for wanted in sys.argv[2:] or list(BUILDERS):
        make(sys.argv[1], wanted)
