"""What the tests of the Python package share. They run against the installed package: see run.sh."""

import json
import pathlib
import sys
import warnings

import numpy as np
import pytest

import actmax

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(EXAMPLES))
from onnx_writer import Graph  # noqa: E402


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def examples():
    return EXAMPLES


@pytest.fixture(scope="session")
def boot():
    """The path of a photograph of a boot, 28 x 28, grey."""
    return EXAMPLES / "fashion_boot.png"


@pytest.fixture(scope="session")
def model():
    """The small network of examples/."""
    return actmax.Model(EXAMPLES / "fashion_mnist.onnx", preprocess="unit", threads=1)


@pytest.fixture(scope="session")
def expected():
    """What ONNX Runtime and PyTorch compute for it and the boot: tests/cli/make_expected.py."""
    return json.loads((ROOT / "tests" / "cli" / "expected.json").read_text(encoding="utf-8"))


def raw(array):
    return np.ascontiguousarray(array, "<f4").tobytes()


class Hand:
    """A network made here, whose every number is computed in NumPy: 3x3 convolution, Relu, mean over space, dense layer."""

    def __init__(self):
        rng = np.random.default_rng(7)
        self.weight = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
        self.bias = rng.normal(size=4).astype(np.float32)
        self.dense = rng.normal(size=(5, 4)).astype(np.float32)
        graph = Graph("hand", "image", [1, 3, "height", "width"])
        weight = graph.tensor("conv_weight", [4, 3, 3, 3], raw(self.weight))
        bias = graph.tensor("conv_bias", [4], raw(self.bias))
        dense = graph.tensor("dense_weight", [5, 4], raw(self.dense))
        x = graph.node("Conv", "conv", ["image", weight, bias], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = graph.node("Relu", "relu", [x])
        x = graph.node("GlobalAveragePool", "mean", [x])
        x = graph.node("Flatten", "flat", [x], axis=1)
        x = graph.node("Gemm", "dense", [x, dense], transB=1)
        self.data = graph.to_bytes(x, [1, 5])

    def conv(self, x):
        """x: (height, width, 3); the result (4, height, width), before the Relu."""
        height, width = x.shape[:2]
        padded = np.pad(x.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
        out = np.zeros((4, height, width)) + self.bias[:, None, None]
        for dy in range(3):
            for dx in range(3):
                out += np.einsum("yxc,fc->fyx", padded[dy : dy + height, dx : dx + width], self.weight[:, :, dy, dx])
        return out

    def conv_back(self, gradient):
        """The adjoint of conv() without its bias: (4, height, width) to (height, width, 3)."""
        height, width = gradient.shape[1:]
        padded = np.zeros((height + 2, width + 2, 3))
        for dy in range(3):
            for dx in range(3):
                padded[dy : dy + height, dx : dx + width] += np.einsum("fyx,fc->yxc", gradient, self.weight[:, :, dy, dx])
        return padded[1:-1, 1:-1]

    def logits(self, x):
        return self.dense @ np.maximum(self.conv(x), 0).mean((1, 2))


@pytest.fixture(scope="session")
def hand():
    return Hand()


@pytest.fixture(scope="session")
def mirror():
    """Loads a network that gives back what it is given: its activations are the preprocessed image."""

    def load(**options):
        graph = Graph("mirror", "image", [1, 3, "height", "width"])
        weight = graph.tensor("eye_weight", [3, 3, 1, 1], raw(np.eye(3)))
        x = graph.node("Conv", "eye", ["image", weight], kernel_shape=[1, 1])
        x = graph.node("GlobalAveragePool", "mean", [x])
        return actmax.Model(graph.to_bytes(x, [1, 3, 1, 1]), **options)

    return load


@pytest.fixture(autouse=True)
def no_surprises():
    """A warning that a test does not expect fails it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", actmax.ActmaxWarning)
        yield
