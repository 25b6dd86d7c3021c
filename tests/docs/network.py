"""The network that stands for a reader's own in the documents: layers named as there, three colours, a thousand classes, weights drawn
from a generator with a fixed start. What it says means nothing. Written by examples/onnx_writer.py; Python's standard library only.

    python3 tests/docs/network.py net.onnx
"""

import pathlib
import random
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples"))
from onnx_writer import Graph  # noqa: E402

SIDE = 32
CLASSES = 1000


def write(path):
    numbers = random.Random(5)
    graph = Graph("net", input_name="image", input_shape=[1, 3, SIDE, SIDE])

    def weights(name, shape):
        count, fan_in = 1, 1
        for axis, size in enumerate(shape):
            count, fan_in = count * size, fan_in * (size if axis else 1)
        values = [numbers.gauss(0.0, (2.0 / fan_in) ** 0.5) for _ in range(count)]
        return graph.tensor(name, shape, struct.pack("<%df" % count, *values))

    def conv(name, x, outputs, inputs, side=3, stride=1):
        pad = side // 2
        weight = weights(name + "_weight", [outputs, inputs, side, side])
        return graph.node("Conv", name, [x, weight], kernel_shape=[side] * 2, pads=[pad] * 4, strides=[stride] * 2)

    x = graph.node("Relu", "relu1", [conv("conv1", "image", 8, 3, stride=2)])
    parts = [graph.node("Relu", f"fire5/relu{side}", [conv(f"fire5/expand{side}", x, 8, 8, side)]) for side in (1, 3)]
    x = graph.node("Concat", "fire5/concat", parts, axis=1)
    x = graph.node("Relu", "relu5", [conv("conv5", x, 16, 16, stride=2)])
    x = graph.node("Flatten", "flatten", [graph.node("GlobalAveragePool", "average", [x])])
    x = graph.node("Gemm", "logits", [x, weights("logits_weight", [CLASSES, 16])], transB=1)
    graph.save(str(path), output_name=x, output_shape=[1, CLASSES])


def write_unknown(path):
    """A network whose last operator actmax does not compute."""
    graph = Graph("net", input_name="image", input_shape=[1, 3, SIDE, SIDE])
    x = graph.node("Relu", "relu", [graph.node("Neg", "negative", ["image"])])
    graph.save(str(path), output_name=graph.node("Hardmax", "winner", [x], axis=1), output_shape=[1, 3, SIDE, SIDE])


if __name__ == "__main__":
    write(sys.argv[1])
