"""Writes operators.bin: small graphs of each operator with an image, their output, and the gradient of <dy, output> at the image,
computed by PyTorch in float64 and stored as float32.

    python make_operator_goldens.py operators.bin [--onnx]
    python make_operator_goldens.py operators2.bin --more [--onnx]

--more: the graphs of operator_cases_more.py instead of operator_cases.py. --onnx also compares each output with ONNX Runtime, where ONNX has the graph in this form.

Little endian. File: b"AXMOPS2\\0", int32 cases, then each case:
    text name; float unit; dims and units of the image
    int32 constants, each: int32 type (axm_dtype), dims, and units (float32) or bytes
    int32 nodes, each: text operator; int32 inputs, each an int32 value (-1: omitted; 0: the image; then the constants, then the
                       nodes' outputs); int32 attributes, each: text name, int32 kind (axm_attribute_kind), its value or
                       int32 count and values; int32 outputs, which are numbered one after the other
    dims and floats of the output (of the last node), units of dy (as many), floats of the gradient (as many as the image)
    text: int32 length, bytes. dims: int32 rank, int32 each. units: int16 multiples of the case's unit. Integers in attributes are
    int64.
"""

import struct
import sys
import zlib

import numpy as np
import torch

from operator_torch import RULES
from operator_torch_more import MORE_RULES

RULES.update(MORE_RULES)

FLOAT32, FLOAT16, FLOAT64, INT8, UINT8, INT64, BOOL = 0, 1, 3, 4, 5, 7, 8  # axm_dtype
X = [2, 3, 5, 4]


class Case:
    """A graph that is run while it is written down."""

    def __init__(self, name, shape=None, step=1 / 64, span=2.0, onnx=True, opset=19):
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.name, self.step, self.span, self.onnx, self.opset = name, step, span, onnx, opset
        self.image = self.numbers(shape or X, span)
        self.torch = [torch.tensor(self.image, dtype=torch.float64, requires_grad=True)]
        self.values, self.constants, self.nodes = [None], [], []

    def numbers(self, shape, span=1.0):
        """Odd multiples of step / 2: never 0, never at a usual bend; exact in float16."""
        most = int(span / self.step)
        return ((self.random.integers(-most, most, shape) + 0.5) * self.step).astype(np.float32)

    def weight(self, *shape, span=1.0, low=None, dtype=FLOAT32):
        data = self.numbers(list(shape), span)
        if low is not None:
            data = np.abs(data) + np.float32(low)
        return ("weight", data, dtype)

    def exact(self, data, dtype=FLOAT64):
        """A constant that is no multiple of the case's unit, or no float."""
        kinds = {FLOAT64: np.float64, INT8: np.int8, UINT8: np.uint8, INT64: np.int64, BOOL: np.bool_}
        return ("weight", np.array(data, dtype=kinds[dtype]), dtype)

    def op(self, op, *inputs, results=1, **attributes):
        """A node; of several results (where the operator gives more than one) a list."""
        ids, given = [], []
        for x in inputs:
            ids.append(-1 if x is None else x if isinstance(x, int) else self.constant(x))
            given.append(None if x is None else self.values_of(ids[-1]))
        y = RULES[op](given, dict(attributes, results=results) if results > 1 else attributes)
        outputs = list(y) if isinstance(y, (tuple, list)) else [y]
        self.nodes.append((op, ids, attributes, len(self.torch), len(outputs)))
        self.torch += outputs
        first = self.nodes[-1][3]
        return first if len(outputs) == 1 else list(range(first, first + len(outputs)))

    def constant(self, x):
        """x: what weight() gave, or a list of integers. Constants are numbered from -2 down until the case is written."""
        self.constants.append((x[1], x[2]) if isinstance(x, tuple) else (np.array(x, dtype=np.int64), INT64))
        return -1 - len(self.constants)

    def values_of(self, at):
        if at >= 0:
            return self.torch[at]
        data, dtype = self.constants[-2 - at]
        if dtype in (BOOL, INT8, UINT8):
            return torch.tensor(data)
        return data.tolist() if dtype == INT64 else torch.tensor(data, dtype=torch.float64)

    def numbered(self, at):
        return at if at in (-1, 0) else -1 - at if at < 0 else at + len(self.constants)

    def pack(self):
        y = self.torch[-1]
        dy = self.numbers(list(y.shape))
        (torch.tensor(dy, dtype=torch.float64) * y).sum().backward()
        out = text(self.name) + struct.pack("<f", self.step / 2) + dims(self.image.shape) + self.units(self.image)
        out += struct.pack("<i", len(self.constants))
        kinds = {FLOAT16: "<f2", FLOAT64: "<f8", INT8: "i1", UINT8: "u1", INT64: "<i8", BOOL: "?"}
        for data, dtype in self.constants:
            out += struct.pack("<i", dtype) + dims(data.shape)
            out += self.units(data) if dtype == FLOAT32 else data.astype(kinds[dtype]).tobytes()
        out += struct.pack("<i", len(self.nodes))
        for op, ids, attributes, _, outputs in self.nodes:
            out += text(op) + struct.pack("<i", len(ids)) + b"".join(struct.pack("<i", self.numbered(i)) for i in ids)
            out += struct.pack("<i", len(attributes)) + b"".join(attribute(k, v) for k, v in attributes.items())
            out += struct.pack("<i", outputs)
        out += dims(y.shape) + floats(y.detach().numpy()) + self.units(dy) + floats(self.torch[0].grad.numpy())
        return out

    def units(self, data):
        whole = np.rint(data / (self.step / 2)).astype("<i2")
        assert (whole.astype(np.float32) * np.float32(self.step / 2) == data).all(), self.name
        return whole.tobytes()

    def compare_with_onnx(self):
        from onnx import TensorProto, helper, numpy_helper
        import onnxruntime

        name = lambda at: "" if at == -1 else f"v{self.numbered(at)}"
        nodes = []
        for op, ids, attributes, first, outputs in self.nodes:
            given = dict(attributes, to=TensorProto.FLOAT) if op == "Cast" else attributes
            nodes.append(helper.make_node("Conv" if op == "Conv3D" else op, [name(i) for i in ids],
                                          [name(first + k) for k in range(outputs)], **given))
        weights = [numpy_helper.from_array(data.astype(np.float32) if dtype in (FLOAT16, FLOAT64) else data, name(-2 - k))
                   for k, (data, dtype) in enumerate(self.constants)]
        image = helper.make_tensor_value_info("v0", TensorProto.FLOAT, self.image.shape)
        output = helper.make_tensor_value_info(name(len(self.torch) - 1), TensorProto.FLOAT, None)
        graph = helper.make_graph(nodes, "g", [image], [output], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        got = session.run(None, {"v0": self.image})[0]
        want = self.torch[-1].detach().numpy()
        assert got.shape == want.shape, (self.name, got.shape, want.shape)
        error = np.abs(got - want).max() / max(np.abs(want).max(), 1e-6)
        assert error < 1e-5, (self.name, error)


def text(value):
    return struct.pack("<i", len(value)) + value.encode()


def dims(shape):
    return struct.pack(f"<i{len(shape)}i", len(shape), *shape)


def floats(data):
    return np.ascontiguousarray(data, dtype="<f4").tobytes()


def attribute(name, value):
    if isinstance(value, int):
        return text(name) + struct.pack("<iq", 0, value)
    if isinstance(value, float):
        return text(name) + struct.pack("<if", 1, value)
    if isinstance(value, str):
        return text(name) + struct.pack("<i", 2) + text(value)
    return text(name) + struct.pack("<ii", 3, len(value)) + struct.pack(f"<{len(value)}q", *value)


def main():
    if "--more" in sys.argv:
        from operator_cases_more import CASES
    else:
        from operator_cases import CASES

    blobs = []
    for make in CASES:
        case = make(Case)
        blobs.append(case.pack())
        if "--onnx" in sys.argv and case.onnx:
            case.compare_with_onnx()
    names = [blob[4:4 + struct.unpack("<i", blob[:4])[0]] for blob in blobs]
    assert len(set(names)) == len(names), "two cases of one name"
    data = b"AXMOPS2\0" + struct.pack("<i", len(blobs)) + b"".join(blobs)
    with open(sys.argv[1], "wb") as file:
        file.write(data)
    print(f"{len(blobs)} cases, {len(data)} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
