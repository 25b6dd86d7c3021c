#!/usr/bin/env python3
"""Makes onnx/cases.bin: a small model for each operator and rule of the ONNX loader, with what ONNX Runtime computes for it.

ONNX's own reference evaluator must agree. It is not asked (oracle="ort") where onnx 1.23's computes what the specification
does not say: BatchNormalization 9 as if training, LRN over a window of another size, Softmax before
opset 13 along one axis, MaxPool with SAME_LOWER as if VALID; or where it can't run the model. Needs onnx, onnxruntime and numpy:
    python3 make_onnx_cases.py
Used by tests/unit/test_onnx.c. The opsets of a case are those around a change of the operator's meaning.
"""
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from onnx_pack import make, node, record, run, values, write

records = []


def oracle_for(nodes, opset):
    """Which oracles are right about these nodes; see above."""
    for n in nodes:
        same_lower = n.op_type == "MaxPool" and any(a.s == b"SAME_LOWER" for a in n.attribute)
        old = opset < {"BatchNormalization": 14, "Softmax": 13, "LogSoftmax": 13}.get(n.op_type, 0)
        if n.op_type == "LRN" or same_lower or old:
            return "ort"
    return "both"


def add(name, nodes, x, weights=(), opsets=(7, 13, 21), outputs=("y",), bound=(), oracle=None, model=None, expected=None, **options):
    for opset in opsets:
        full = f"{name}_{opset}"
        the_model = model or make(nodes, x, weights, opset, outputs, bound, **options)
        x_name = options.get("x_name", "x")
        results = expected or run(full, the_model, {x_name: x, **dict(bound)}, oracle or oracle_for(nodes, opset))
        for result in results:
            assert np.all(np.isfinite(result)) and result.dtype in (np.float32, np.float16), full
        records.append(record(full, the_model, x, bound, list(zip(outputs, results)), x_name))


def ints(name, *numbers):
    return name, np.array(numbers, np.int64)


def convolutions():
    x = values("conv x", 1, 4, 7, 6)
    w, b = ("w", values("conv w", 3, 4, 3, 3)), ("b", values("conv b", 3))
    add("conv", [node("Conv", "x w b", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1])], x, [w, b], (7, 11, 21))
    add("conv_plain", [node("Conv", "x w", "y")], x, [w], (7, 21))
    add("conv_stride", [node("Conv", "x w b", "y", strides=[2, 3], pads=[0, 1, 2, 1])], x, [w, b], (11,))
    add("conv_dilation", [node("Conv", "x w b", "y", dilations=[2, 1], pads=[2, 1, 2, 1])], x, [w, b], (11,))
    for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        add(f"conv_{mode.lower()}", [node("Conv", "x w b", "y", auto_pad=mode, strides=[2, 2])], x, [w, b], (7, 11))
    grouped = ("w", values("conv group", 6, 2, 3, 3))
    add("conv_group", [node("Conv", "x w", "y", group=2, pads=[1, 1, 1, 1])], x, [grouped], (11,))
    depthwise = ("w", values("conv depthwise", 8, 1, 3, 3))
    add("conv_depthwise", [node("Conv", "x w", "y", group=4, strides=[2, 2], pads=[1, 1, 1, 1])], x, [depthwise], (11,))
    add("conv_pointwise", [node("Conv", "x w b", "y")], x, [("w", values("conv point", 3, 4, 1, 1)), b], (11,))
    line, taps = values("conv line", 1, 4, 9), ("w", values("conv taps", 3, 4, 3))
    add("conv_1d", [node("Conv", "x w b", "y", strides=[2], pads=[1, 2])], line, [taps, b], (7, 21))


def dense():
    x = values("gemm x", 2, 5)
    w, wt = ("w", values("gemm w", 5, 3)), ("w", values("gemm wt", 3, 5))
    b = ("b", values("gemm b", 3))
    add("gemm", [node("Gemm", "x w b", "y")], x, [w, b])
    add("gemm_transposed", [node("Gemm", "x w b", "y", transB=1, alpha=0.5, beta=2.0)], x, [wt, b])
    add("gemm_left", [node("Gemm", "x w b", "y", transA=1)], values("gemm left", 5, 2), [w, b])
    add("gemm_matrix", [node("Gemm", "x w b", "y")], x, [w, ("b", values("gemm matrix", 2, 3))])
    add("gemm_column", [node("Gemm", "x w b", "y", beta=0.25)], x, [w, ("b", values("gemm column", 2, 1))])
    add("gemm_scalar", [node("Gemm", "x w b", "y")], x, [w, ("b", np.float32(0.7))])
    add("gemm_no_bias", [node("Gemm", "x w", "y")], x, [w], (11, 21))
    add("matmul", [node("MatMul", "x w", "y")], x, [w], (7, 9, 21))
    add("matmul_right", [node("MatMul", "w x", "y")], x, [("w", values("matmul right", 4, 2))])
    add("matmul_batch", [node("MatMul", "x w", "y")], values("matmul batch", 1, 3, 4, 5), [w])
    add("matmul_vector", [node("MatMul", "x w", "y")], x, [("w", values("matmul vector", 5))])
    add("matmul_stack", [node("MatMul", "x w", "y")], values("matmul stack", 3, 2, 5), [("w", values("matmul stack w", 3, 5, 4))])
    add("matmul_itself", [node("Transpose", "x", "t", perm=[1, 0]), node("MatMul", "x t", "y")], x)


def normalisation():
    x = values("bn x", 1, 3, 2, 4)
    stats = [("s", values("bn s", 3)), ("b", values("bn b", 3)), ("m", values("bn m", 3)), ("v", values("bn v", 3, low=0.1, high=2.0))]
    bn = lambda **a: node("BatchNormalization", "x s b m v", "y", **a)
    add("batch_normalization", [bn()], x, stats, (7, 9, 14, 15, 21))
    add("batch_normalization_spatial", [bn(spatial=1, momentum=0.8)], x, stats, (7, 8), oracle="ort")
    add("batch_normalization_epsilon", [bn(epsilon=0.01, momentum=0.5)], x, stats, (9, 13))
    add("batch_normalization_mode", [bn(epsilon=0.1, training_mode=0)], x, stats, (14, 21))
    after = [node("Conv", "x w", "c"), node("BatchNormalization", "c s b m v", "n"), node("Relu", "n", "y")]
    add("batch_normalization_folded", after, x, stats + [("w", values("bn w", 3, 3, 2, 2))], (9, 14), outputs=("c", "n", "y"))
    add("lrn", [node("LRN", "x", "y", size=3)], values("lrn x", 1, 6, 3, 3, low=-9, high=9))
    add("lrn_all", [node("LRN", "x", "y", size=5, alpha=0.3, beta=0.5, bias=2.0)], values("lrn x", 1, 6, 3, 3, low=-9, high=9))
    even = values("lrn x", 1, 6, 3, 3, low=-9, high=9)  # ONNX Runtime refuses even sizes; the specification's window reaches one further ahead
    sums = [(even[:, max(0, c - 1):c + 3] ** 2).sum(1) for c in range(6)]
    add("lrn_even", [node("LRN", "x", "y", size=4, alpha=0.3)], even, expected=[even / (1 + 0.3 / 4 * np.stack(sums, 1)) ** np.float32(0.75)])


def activations():
    x = values("act x", 1, 3, 3, 2, low=-5, high=5)
    for op, opsets in (("Relu", (7, 13, 14)), ("Sigmoid", (7, 13)), ("Tanh", (7, 13)), ("LeakyRelu", (7, 16)), ("HardSigmoid", (7, 21)),
                       ("HardSwish", (14, 21)), ("Identity", (7, 13, 14, 16, 19, 21)), ("GlobalAveragePool", (7, 21)),
                       ("GlobalMaxPool", (7, 21))):
        add(op.lower(), [node(op, "x", "y")], x, (), opsets)
    add("leakyrelu_alpha", [node("LeakyRelu", "x", "y", alpha=0.3)], x, (), (7, 16))
    add("hardsigmoid_both", [node("HardSigmoid", "x", "y", alpha=0.4, beta=0.25)], x, (), (7,))
    low, high = ("low", np.float32(-1.5)), ("high", np.float32(2.0))
    add("clip_attributes", [node("Clip", "x", "y", min=-1.0, max=2.5)], x, (), (7, 10))
    add("clip_min_attribute", [node("Clip", "x", "y", min=0.0)], x, (), (7,))
    add("clip_inputs", [node("Clip", "x low high", "y")], x, [low, high], (11, 12, 13, 21))
    add("clip_max", [node("Clip", "x - high", "y")], x, [high], (11, 13))
    add("clip_min", [node("Clip", "x low", "y")], x, [low], (11, 13))
    add("clip_none", [node("Clip", "x", "y")], x, (), (7, 11, 13))
    for op in ("Softmax", "LogSoftmax"):
        add(op.lower(), [node(op, "x", "y")], x, (), (7, 11, 12, 13, 21))
        for axis in (0, 1, 2, 3):
            add(f"{op.lower()}_axis{axis}", [node(op, "x", "y", axis=axis)], x, (), (7, 13))
        add(f"{op.lower()}_negative", [node(op, "x", "y", axis=-3)], x, (), (11, 13))
        add(f"{op.lower()}_large", [node(op, "x", "y", axis=-1)], 1000 * x, (), (13,), oracle="ort")


def pooling():
    x = values("pool x", 1, 1, 7, 6, low=-9)
    for op, opsets in (("MaxPool", (7, 8, 10, 11, 12, 21)), ("AveragePool", (7, 10, 11, 19, 21))):
        p = lambda **a: [node(op, "x", "y", **{"kernel_shape": [3, 2], **a})]
        key = op.lower()
        add(key, p(), x, (), opsets)
        add(f"{key}_pads", p(strides=[2, 2], pads=[1, 0, 2, 1]), x, (), (7, 19))
        for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
            add(f"{key}_{mode.lower()}", p(auto_pad=mode, strides=[2, 2]), x, (), (7, 11))
        add(f"{key}_ceil", p(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), x, (), (10, 19))
        add(f"{key}_ceil_pads", p(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1), x, (), (10, 19))
        add(f"{key}_1d", p(kernel_shape=[3], strides=[2], pads=[1, 1]), values("pool line", 1, 2, 8), (), (7,))
        windows = [dict(kernel_shape=[1, 1], strides=[2, 2]), dict(kernel_shape=[2, 2], strides=[3, 3], pads=[0, 0, 1, 1]),
                   dict(kernel_shape=[3, 3], strides=[3, 3], pads=[1, 1, 1, 1]), dict(kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])]
        for i, window in enumerate(windows):  # does a window that would begin behind the input exist?
            add(f"{key}_ceil_edge{i}", p(ceil_mode=1, **window), x, (), (10, 19))
            if op == "AveragePool":
                add(f"{key}_ceil_edge{i}_include", p(ceil_mode=1, count_include_pad=1, **window), x, (), (10, 19))
    add("maxpool_dilation", [node("MaxPool", "x", "y", kernel_shape=[2, 3], dilations=[3, 2], pads=[0, 1, 1, 0])], x, (), (10, 12))
    add("maxpool_order", [node("MaxPool", "x", "y", kernel_shape=[2, 2], storage_order=1)], x, (), (8, 12))
    add("maxpool_unused_indices", [node("MaxPool", "x", "y i", kernel_shape=[2, 2])], x, (), (8, 12), oracle="ort")
    add("averagepool_dilation", [node("AveragePool", "x", "y", kernel_shape=[2, 3], dilations=[3, 2], pads=[0, 1, 1, 0])], x, (), (19,))
    for ceil in (0, 1):
        for include in (0, 1):
            a = dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=include)
            if ceil:
                a["ceil_mode"] = 1
            add(f"averagepool_include{include}_ceil{ceil}", [node("AveragePool", "x", "y", **a)], x, (), (10, 19))
    same = dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER", count_include_pad=1)
    add("averagepool_include_same", [node("AveragePool", "x", "y", **same)], x, (), (7, 19), oracle="ort")


def arithmetic():
    x = values("math x", 1, 3, 2, 4, low=0.5, high=2.0)
    shapes = {"channel": (3, 1, 1), "scalar": (), "row": (4,), "full": (1, 3, 2, 4), "column": (1, 1, 2, 1), "one": (1,)}
    for op in ("Add", "Sub", "Mul", "Div"):
        for kind, shape in shapes.items():
            w = ("w", values(f"math {kind}", *shape, low=0.5, high=2.0))
            add(f"{op.lower()}_{kind}", [node(op, "x w", "y")], x, [w], (7,) if kind != "channel" else (7, 13, 14))
            if kind in ("channel", "scalar"):
                add(f"{op.lower()}_{kind}_left", [node(op, "w x", "y")], x, [w], (14,))
        add(f"{op.lower()}_paths", [node("Tanh", "x", "t"), node(op, "x t", "y")], x, (), (7, 14))
        gate = [node("GlobalAveragePool", "x", "g"), node(op, "x g", "y")]
        add(f"{op.lower()}_gate", gate, x, (), (13,))
    add("add_itself", [node("Add", "x x", "y")], x, (), (7,))
    add("add_wider", [node("Add", "x w", "y")], values("math small", 1, 3, 1, 1), [("w", values("math wide", 1, 3, 2, 4))], (13,))


def shapes():
    x = values("shape x", 1, 3, 4, 2)
    c = ("c", values("shape c", 1, 2, 4, 2))
    add("concat", [node("Tanh", "x", "t"), node("Concat", "x t", "y", axis=1)], x, (), (7, 11, 13))
    add("concat_width", [node("Tanh", "x", "t"), node("Concat", "x t x", "y", axis=3)], x, (), (7,))
    add("concat_constant", [node("Concat", "c x", "y", axis=-3)], x, [c], (11, 13))
    add("flatten", [node("Flatten", "x", "y")], x, (), (7, 9, 21))
    for axis in (0, 2, 3, 4):
        add(f"flatten_axis{axis}", [node("Flatten", "x", "y", axis=axis)], x, (), (9,))
    add("flatten_negative", [node("Flatten", "x", "y", axis=-2)], x, (), (11, 13))
    for name, *target in (("keep", 0, -1), ("three", 0, 6, -1), ("turn", 1, 2, 4, 3), ("all", -1), ("copy", 0, 0, 0, 0)):
        add(f"reshape_{name}", [node("Reshape", "x s", "y")], x, [ints("s", *target)], (7, 13, 14, 21))
    add("reshape_allowzero", [node("Reshape", "x s", "y", allowzero=1)], x, [ints("s", 1, -1)], (14, 19))
    narrow = values("squeeze x", 1, 3, 1, 4)
    add("squeeze", [node("Squeeze", "x", "y", axes=[0, 2])], narrow, (), (7,))
    add("squeeze_negative", [node("Squeeze", "x", "y", axes=[-2])], narrow, (), (11,))
    add("squeeze_all", [node("Squeeze", "x", "y")], narrow, (), (7, 13))
    add("squeeze_input", [node("Squeeze", "x a", "y")], narrow, [ints("a", 0, -2)], (13, 21))
    add("unsqueeze", [node("Unsqueeze", "x", "y", axes=[0, 4])], values("unsqueeze x", 2, 3, 4), (), (7, 11))
    add("unsqueeze_input", [node("Unsqueeze", "x a", "y")], values("unsqueeze x", 2, 3, 4), [ints("a", -1, 1)], (13, 21))
    for perm in ([0, 2, 3, 1], [0, 3, 1, 2], [3, 1, 0, 2]):
        add("transpose_" + "".join(map(str, perm)), [node("Transpose", "x", "y", perm=perm)], x, (), (7,))
    add("transpose", [node("Transpose", "x", "y")], x, (), (7, 21))
    add("slice", [node("Slice", "x", "y", starts=[1, -3], ends=[3, -1], axes=[1, 2])], x, (), (7, 9))
    add("slice_leading", [node("Slice", "x", "y", starts=[0, 1], ends=[1, 1000])], x, (), (7,))
    lists = [ints("b", 1, 3), ints("e", 3, -9), ints("a", 1, -2), ints("s", 1, -2)]
    add("slice_inputs", [node("Slice", "x b e a", "y")], x, [lists[0], ints("e", 3, 9), ints("a", 1, 2)], (10, 13))
    add("slice_steps", [node("Slice", "x b e a s", "y")], x, lists, (11, 13))
    add("slice_no_axes", [node("Slice", "x b e - s", "y")], x, [ints("b", 0, 0), ints("e", 1, 9), ints("s", 1, 2)], (10, 13))
    for name, attributes in (("", {}), ("_axes", {"axes": [2, 3]}), ("_channel", {"axes": [1], "keepdims": 0}), ("_flat", {"keepdims": 0})):
        add("reducemean" + name, [node("ReduceMean", "x", "y", **attributes)], x, (), (7, 13))
    add("reducemean_negative", [node("ReduceMean", "x", "y", axes=[-1, -2], keepdims=0)], x, (), (11,))
    add("reducemean_input", [node("ReduceMean", "x a", "y", keepdims=0)], x, [ints("a", 2, -1)], (18, 21))
    add("reducemean_default", [node("ReduceMean", "x", "y")], x, (), (18,))
    add("reducemean_noop", [node("ReduceMean", "x", "y", noop_with_empty_axes=1)], x, (), (18,))


def padding():
    x = values("pad x", 1, 2, 4, 5)
    pads = [0, 0, 1, 2, 0, 0, 3, 1]
    for mode in ("constant", "reflect", "edge"):
        a = {} if mode == "constant" else {"mode": mode}
        add(f"pad_{mode}_attribute", [node("Pad", "x", "y", pads=pads, **a)], x, (), (7,), oracle="ort")
        add(f"pad_{mode}", [node("Pad", "x p", "y", **a)], x, [ints("p", *pads)], (11, 13, 18, 21))
    add("pad_wrap", [node("Pad", "x p", "y", mode="wrap")], x, [ints("p", *pads)], (19, 21))
    add("pad_value_attribute", [node("Pad", "x", "y", pads=pads, value=1.5)], x, (), (7, 10), oracle="ort")
    add("pad_value", [node("Pad", "x p v", "y")], x, [ints("p", *pads), ("v", np.float32(-2.5))], (11, 21))
    add("pad_crop", [node("Pad", "x p", "y")], x, [ints("p", 0, 1, -1, 0, 0, 0, 2, -2)], (11, 13))
    add("pad_axes", [node("Pad", "x p - a", "y")], x, [ints("p", 1, 2, 0, 1), ints("a", 3, -2)], (18, 21))


def unpooling():
    x = values("unpool x", 1, 2, 6, 6)
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    segments = [node("MaxPool", "x", "p i", **pool), node("Tanh", "p", "t"), node("MaxUnpool", "t i", "y", **pool)]
    add("unpool", segments, x, (), (11, 13, 21), oracle="ort")
    w = ("w", values("unpool w", 4, 2, 3, 3))
    whole = [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "r"), node("MaxPool", "r", "p i", **pool),
             node("MaxUnpool", "p i", "y", **pool)]
    add("unpool_conv", whole, x, [w], (11,), oracle="ort")
    read = [node("MaxPool", "x", "p i", storage_order=1, **pool), node("Cast", "i", "f", to=1), node("Add", "p f", "y")]
    add("pool_indices", read, x, (), (11, 21), oracle="ort")


def dropout():
    x = values("drop x", 1, 3, 2, 2)
    add("dropout", [node("Dropout", "x", "y", ratio=0.9)], x, (), (7, 10))
    add("dropout_mask", [node("Dropout", "x", "y m", ratio=0.9)], x, (), (7, 10), oracle="ort")
    ratio, off = ("r", np.float32(0.9)), ("t", np.array(False))
    add("dropout_input", [node("Dropout", "x r", "y", seed=3)], x, [ratio], (12, 13))
    add("dropout_off", [node("Dropout", "x r t", "y")], x, [ratio, off], (12, 13, 21))
    add("dropout_off_only", [node("Dropout", "x - t", "y m")], x, [off], (12,), oracle="ort")
    read = [node("Dropout", "x", "d m"), node("Cast", "m", "f", to=1), node("Mul", "d f", "y")]
    add("dropout_mask_read", read, x, (), (13,), oracle="ort")
    add("dropout_mask_number", [node("Dropout", "x", "d m"), node("Add", "d m", "y")], x, (), (7,), expected=[x + 1])
    nothing = [ratio[:1] + (np.float32(0.0),), ("t", np.array(True))]
    add("dropout_of_none", [node("Dropout", "x r t", "d m"), node("Where", "m d x", "y")], x, nothing, (13,), oracle="ort")
    add("dropout_between", [node("Dropout", "x", "d"), node("Relu", "d", "y")], x, (), (7, 13))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for make_some in (convolutions, dense, normalisation, activations, pooling, arithmetic, shapes, padding, unpooling, dropout):
        make_some()
    write(os.path.join(here, "onnx", "operators.bin"), records)


if __name__ == "__main__":
    sys.exit(main())
