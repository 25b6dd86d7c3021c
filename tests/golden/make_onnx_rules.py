#!/usr/bin/env python3
"""Makes onnx/rules.bin: models for the rules of the ONNX format (storage of weights, names, free sizes, constants, arithmetic on
shapes), with what ONNX Runtime and ONNX's reference evaluator compute for them. Run as make_onnx_cases.py; used by
tests/unit/test_onnx.c.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx_pack import make, node, record, run, values, write

records = []
X = values("rules x", 1, 2, 3, 4)
W = values("rules w", 3, 2, 2, 2)
B = values("rules b", 3)
CONV = [node("Conv", "x w b", "y")]


def add(name, model, x=X, bound=(), outputs=("y",), expected=None, x_name="x", oracle="both"):
    results = run(name, model, {x_name: x, **dict(bound)}, oracle) if expected is None else expected
    assert all(np.all(np.isfinite(r)) and r.dtype == np.float32 for r in results), name
    records.append(record(name, model, x, bound, list(zip(outputs, results)), x_name))


def conv_twin(w=W, b=B, x=X):
    return run("twin", make(CONV, x, [("w", w), ("b", b)]), {"x": x})


def ints(name, *numbers):
    return name, np.array(numbers, np.int64)


def number(name, value):
    return name, np.array(value, np.int64)


def one(name, nodes, weights=(), opset=13, oracle="both", **options):
    add(f"{name}_{opset}", make(nodes, X, weights, opset, **options), oracle=oracle)


def storage():
    typed = [helper.make_tensor("w", TensorProto.FLOAT, W.shape, W.flatten()), helper.make_tensor("b", TensorProto.FLOAT, [3], B)]
    add("float_data", make(CONV, X, typed))
    wh, bh, xh = W.astype(np.float16), B.astype(np.float16), X.astype(np.float16)
    half = conv_twin(wh.astype(np.float32), bh.astype(np.float32))
    add("float16_raw", make(CONV, X, [("w", wh), ("b", bh)], x_type=TensorProto.FLOAT16), expected=half)
    bits = lambda name, a: helper.make_tensor(name, TensorProto.FLOAT16, a.shape, a.flatten())
    typed = [bits("w", wh), bits("b", bh)]
    assert typed[0].int32_data and not typed[0].raw_data
    add("float16_int32_data", make(CONV, X, typed, x_type=TensorProto.FLOAT16), expected=half)
    add("float64_all", make(CONV, X, [("w", W.astype(np.float64)), ("b", B.astype(np.float64))], x_type=TensorProto.DOUBLE),
        expected=conv_twin())
    brains = [helper.make_tensor(name, TensorProto.BFLOAT16, a.shape, (a.view(np.uint32) >> 16).astype("<u2").tobytes(), raw=True)
              for name, a in (("w", W), ("b", B))]
    cut = lambda a: ((a.view(np.uint32) >> 16) << 16).view(np.float32)
    add("bfloat16_all", make(CONV, X, brains, x_type=TensorProto.BFLOAT16), expected=conv_twin(cut(W), cut(B)))
    cast = [node("Cast", "w64", "w", to=TensorProto.FLOAT), *CONV]
    add("float64_cast", make(cast, X, [("w64", W.astype(np.float64)), ("b", B)]))
    double = helper.make_tensor("w64", TensorProto.DOUBLE, W.shape, W.astype(np.float64).flatten())
    add("double_data", make(cast, X, [double, ("b", B)]))
    cast16 = [node("Cast", "w16", "w", to=TensorProto.FLOAT), *CONV]
    add("float16_cast", make(cast16, X, [("w16", wh), ("b", B)]))
    top = (W.view(np.uint32) >> 16).astype(np.uint32)
    brain = helper.make_tensor("w16", TensorProto.BFLOAT16, W.shape, top.astype("<u2").tobytes(), raw=True)
    add("bfloat16_cast", make(cast16, X, [brain, ("b", B)]), expected=conv_twin((top << 16).view(np.float32)))
    small = ("w8", np.arange(-12, 12, dtype=np.int8).reshape(3, 2, 2, 2))
    integers = [node("Cast", "w8", "w", to=TensorProto.FLOAT), *CONV]
    add("int8_cast", make(integers, X, [small, ("b", B)]))
    unused = helper.make_tensor("unused", TensorProto.STRING, [1], [b"label"])
    unused16 = helper.make_tensor("unused16", TensorProto.UINT16, [1], [1])
    empty = helper.make_tensor("empty", TensorProto.FLOAT, [0, 3], [])
    add("unused_weights", make(CONV, X, [("w", W), ("b", B), unused, unused16, empty]))


def names():
    weights = [("w", W), ("b", B)]
    add("also_inputs", make(CONV, X, weights, also_inputs=True))
    add("also_inputs_ir3", make(CONV, X, weights, opset=7))
    named = [node("Conv", "x w b", "c", name="first"), node("Relu", "c", "act/relu:0"), node("Tanh", "act/relu:0", "y", name="last")]
    add("some_unnamed", make(named, X, weights))
    shuffled = make([named[2], named[1], named[0]], X, weights)
    add("out_of_order", shuffled, expected=run("", make(named, X, weights), {"x": X}))
    add("ai_onnx", make([node("Conv", "x w b", "y", domain="ai.onnx")], X, weights, opset_domain="ai.onnx"), expected=conv_twin())
    add("other_opsets", make(CONV, X, weights, extra_opsets=[("com.microsoft", 1), ("ai.onnx.ml", 2), ("mine", 77)]), expected=conv_twin())
    utf8 = [node("Conv", "x w b", "größe"), node("Relu", "größe", "y", name="層1")]
    add("utf8", make(utf8, X, weights))
    add("several_outputs", make(named, X, weights, outputs=("y", "c")), outputs=("y", "c"))
    add("image_is_output", make(CONV, X, weights, outputs=("y", "x")), outputs=("y", "x"))
    bare = make([node("LeakyRelu", "x", "y", alpha=0.25)], X)
    expected = run("", bare, {"x": X})
    bare.graph.node[0].attribute[0].ClearField("type")
    add("attribute_without_type", bare, expected=expected)
    omitted = [node("Conv", "x w -", "y")]
    add("omitted_input", make(omitted, X, weights), expected=run("", make([node("Conv", "x w", "y")], X, weights), {"x": X}))


def sizes():
    weights = [("w", W), ("b", B)]
    add("symbolic", make(CONV, X, weights, x_dims=["batch", 2, "height", "width"]))
    add("free", make(CONV, X, weights, x_dims=[None, 2, None, None]))
    zero = make(CONV, X, weights)
    expected = run("", zero, {"x": X})
    for at, size in ((0, 0), (2, -1), (3, 0)):
        zero.graph.input[0].type.tensor_type.shape.dim[at].dim_value = size
    add("zero_or_minus_one", zero, expected=expected)
    shapeless = make(CONV, X, weights)
    shapeless.graph.input[0].type.tensor_type.ClearField("shape")
    add("no_shape", shapeless, expected=expected)
    scale = np.float32(0.5) * np.ones((1, 2, 1, 1), np.float32)
    add("bound_float", make([node("Mul", "x s", "m"), node("Conv", "m w b", "y")], X, weights, bound=[("s", scale)]), bound=[("s", scale)])
    shape = np.array([1, -1], np.int64)
    add("bound_int64", make([node("Reshape", "x s", "y")], X, bound=[("s", shape)]), bound=[("s", shape)])
    flag = np.array(True)
    pick = [node("Where", "f s t", "m"), node("Mul", "x m", "y")]
    values_ = [("s", np.float32(2)), ("t", np.float32(3))]
    add("bound_bool", make(pick, X, values_, bound=[("f", flag)]), bound=[("f", flag)])


def constants():
    tensor = lambda a: dict(value=numpy_helper.from_array(a, "t"))
    for opset in (7, 9, 11, 12, 13, 21):
        one("constant", [node("Constant", "", "w", **tensor(W)), node("Constant", "", "b", **tensor(B)), *CONV], opset=opset)
    one("constant_float", [node("Constant", "", "c", value_float=1.5), node("Mul", "x c", "y")], opset=12)
    one("constant_floats", [node("Constant", "", "c", value_floats=[1.5, 2.0, -3.0, 0.0]), node("Add", "x c", "y")])
    one("constant_ints", [node("Constant", "", "c", value_ints=[0, 4]), node("Unsqueeze", "x c", "y")])
    last = [node("Constant", "", "i", value_int=3), node("Shape", "x", "s"), node("Gather", "s i", "w"), node("Constant", "", "z", value_ints=[0]),
            node("Unsqueeze", "w z", "w1"), node("Constant", "", "r", value_ints=[-1]), node("Concat", "r w1", "t", axis=0),
            node("Reshape", "x t", "y")]
    one("constant_int", last)
    typed = helper.make_tensor("t", TensorProto.INT64, [2], [1, -1])
    one("constant_int64_data", [node("Constant", "", "s", value=typed), node("Reshape", "x s", "y")])
    one("weight_of_weight", [node("Transpose", "wt", "w", perm=[3, 2, 0, 1]), *CONV], [("wt", W.transpose(2, 3, 1, 0).copy()), ("b", B)])
    scaled = [node("Mul", "w0 s", "w"), node("Add", "b0 b0", "b"), *CONV]
    one("weight_computed", scaled, [("w0", W), ("s", values("rules s", 3, 1, 1, 1)), ("b0", B)])
    one("weight_identity", [node("Identity", "w0", "w"), *CONV], [("w0", W), ("b", B)])
    one("weight_reshaped", [node("Reshape", "w0 s", "w"), *CONV], [("w0", W.reshape(3, -1)), ints("s", 3, 2, 2, 2), ("b", B)])
    one("weight_joined", [node("Concat", "w0 w1", "w", axis=0), *CONV], [("w0", W[:1]), ("w1", W[1:]), ("b", B)])


def shape_arithmetic():
    for opset in (9, 13, 21):
        axes = dict(axes=[0]) if opset < 13 else {}
        tail = "" if opset < 13 else " zero"
        torch_flatten = [node("Shape", "x", "s"), node("Gather", "s i", "n", axis=0), node("Unsqueeze", "n" + tail, "n1", **axes),
                         node("Concat", "n1 rest", "t", axis=0), node("Reshape", "x t", "y")]
        one("flatten_by_shape", torch_flatten, [("i", np.array(0, np.int64)), ints("zero", 0), ints("rest", -1)], opset)
    one("shape_slice", [node("Shape", "x", "s", start=1, end=-1), node("ReduceProd", "s", "p", keepdims=1), node("Concat", "p w", "t", axis=0),
                        node("Reshape", "x t", "y")], [ints("w", 4)], 15)
    one("shape_end", [node("Shape", "x", "s", start=-2), node("Concat", "a s", "t", axis=0), node("Reshape", "x t", "y")], [ints("a", 2, 1)], 19)
    for opset in (7, 13, 18):
        product = dict(axes=[0]) if opset < 18 else {}
        inputs = "s" if opset < 18 else "s zero"
        one("reduceprod", [node("Shape", "x", "s"), node("ReduceProd", inputs, "p", keepdims=1, **product), node("Reshape", "x p", "y")],
            [ints("zero", 0)], opset)
    fill = helper.make_tensor("v", TensorProto.FLOAT, [1], [2.5])
    one("constantofshape", [node("Shape", "x", "s"), node("ConstantOfShape", "s", "c", value=fill), node("Add", "x c", "y")], opset=9)
    one("constantofshape_zero", [node("Shape", "x", "s"), node("ConstantOfShape", "s", "c"), node("Add", "x c", "y")], opset=21)
    whole = helper.make_tensor("v", TensorProto.INT64, [1], [2])
    where = [node("ConstantOfShape", "four", "twos", value=whole), node("Shape", "x", "s"), node("Equal", "s twos", "e"),
             node("Where", "e ones s", "t"), node("Not", "e", "n"), node("Cast", "n", "m", to=TensorProto.FLOAT),
             node("Expand", "k t", "big"), node("Add", "big m", "sum"), node("Concat", "x sum", "y", axis=1)]
    one("expand_where", where, [ints("four", 4), ints("ones", 1, 1, 1, 1), ("k", np.float32(0.25).reshape(1, 1, 1, 1))], 13)
    half = [node("Shape", "x", "s"), node("Gather", "s i", "c"), node("Div", "c two", "h"), node("Unsqueeze", "h zero", "h1"),
            node("Slice", "x zero h1 one", "y")]
    one("slice_half", half, [("i", np.array(1, np.int64)), ("two", np.array(2, np.int64)), ints("zero", 0), ints("one", 1)])
    real = [node("Shape", "x", "s"), node("Cast", "s", "f", to=TensorProto.FLOAT), node("Mul", "f k", "g"), node("Floor", "g", "lo"),
            node("Ceil", "g", "hi"), node("Cast", "lo", "l", to=TensorProto.INT64), node("Cast", "hi", "h", to=TensorProto.INT64),
            node("Min", "l h", "m"), node("Max", "m one", "t"), node("Mod", "t three", "r"), node("Add", "r one", "b"),
            node("Slice", "x zeros b all", "y")]
    one("floor_ceil_mod", real, [("k", np.float32(0.7)), ints("one", 1), ints("three", 3), ints("zeros", 0, 0, 0, 0), ints("all", 0, 1, 2, 3)])
    span = [node("Range", "a b c", "r"), node("Cast", "r", "f", to=TensorProto.FLOAT), node("Mul", "x f", "y")]
    one("range", span, [number("a", 1), number("b", 9), number("c", 2)], 11)
    both = [node("Concat", "q p", "w", axis=1), *CONV]
    weights = [("w0", W), ("b", B)]
    one("split_attribute", [node("Split", "w0", "p q", axis=3, split=[1, 1]), node("Add", "q p", "w"), *CONV], weights, 7)
    one("split_even", [node("Split", "w0", "p q", axis=1), *both], weights, 11)
    one("split_input", [node("Split", "w0 n", "p q", axis=1), *both], weights + [ints("n", 1, 1)], 13)
    one("split_number", [node("Split", "w0", "p q", axis=-3, num_outputs=2), *both], weights, 18)
    one("split_uneven", [node("Split", "b0", "b r", num_outputs=2), *CONV], [("w", W), ("b0", values("rules five", 5))], 18)
    one("split_shape", [node("Shape", "x", "s"), node("Split", "s", "p q", axis=0), node("Concat", "q p", "t", axis=0),
                        node("Reshape", "x t", "y")])
    for opset in (13, 19):
        one("cast", [node("Cast", "x", "c", to=TensorProto.FLOAT), node("Relu", "c", "y")], opset=opset)


def sequences():
    """As torch.onnx writes torch.split, torch.chunk, torch.tensor_split and torch.stack."""
    at = [number(name, v) for name, v in (("i0", 0), ("i1", 1), ("last", -1))]
    take = [node("SequenceAt", "q i0", "a"), node("SequenceAt", "q last", "c"), node("Concat", "c a", "y", axis=3)]
    one("sequence_of_equal_parts", [node("SplitToSequence", "x n", "q", axis=3), *take], [number("n", 2), *at])
    one("sequence_of_uneven_parts", [node("SplitToSequence", "x n", "q", axis=3), *take], [number("n", 3), *at])
    one("sequence_of_sizes", [node("SplitToSequence", "x n", "q", axis=-1), *take], [ints("n", 1, 2, 1), *at])
    one("sequence_of_ones", [node("SplitToSequence", "x", "q", axis=3), *take], at)
    unbind = [node("SplitToSequence", "x", "q", axis=2, keepdims=0), node("SequenceAt", "q last", "c"), node("SequenceAt", "q i1", "b"),
              node("Mul", "b c", "y")]
    one("sequence_without_axis", unbind, at)
    sizes = [node("Shape", "x", "s"), node("Gather", "s three", "w"), node("Div", "w two", "h"), node("Sub", "w h", "r"),
             node("Unsqueeze", "h zero", "h1"), node("Unsqueeze", "r zero", "r1"), node("Concat", "h1 r1", "n", axis=0)]
    one("sequence_of_computed_sizes", [*sizes, node("SplitToSequence", "x n", "q", axis=3), *take],
        [number("three", 3), number("two", 2), ints("zero", 0), *at])
    parts = [node("SplitToSequence", "w0 n", "q", axis=1), node("SequenceAt", "q i0", "p"), node("SequenceAt", "q i1", "r"),
             node("Concat", "r p", "w", axis=1), *CONV]
    one("sequence_of_weights", parts, [("w0", W), ("b", B), number("n", 1), *at])
    listed = [node("Relu", "x", "r"), node("SequenceConstruct", "x r", "q")]
    one("sequence_listed", [*listed, node("SequenceAt", "q last", "c"), node("SequenceAt", "q i0", "a"), node("Add", "a c", "y")], at)
    one("sequence_joined", [*listed, node("ConcatFromSequence", "q", "y", axis=1)])
    one("sequence_stacked", [*listed, node("ConcatFromSequence", "q", "t", axis=-1, new_axis=1), node("ReduceMean", "t", "y", axes=[4], keepdims=0)])


def newest():
    """Operators and attributes of opsets after 21. ONNX Runtime has not all of them."""
    relu6 = [("lo", np.float32(0)), ("hi", np.float32(6))]
    layers = [node("Conv", "x w b", "c"), node("HardSwish", "c", "h"), node("AveragePool", "h", "a", kernel_shape=[1, 2], pads=[0, 1, 0, 0]),
              node("Clip", "a lo hi", "y")]
    one("layers", layers, [("w", W), ("b", B), *relu6], 22)
    dequantized = [node("DequantizeLinear", "w8 s", "w", axis=0, output_dtype=TensorProto.FLOAT), *CONV]
    levels = {"int4": np.arange(24) % 16 - 8, "uint4": np.arange(24) % 16}
    for name, numbers in levels.items():
        kind = TensorProto.INT4 if name == "int4" else TensorProto.UINT4
        narrow = [node("DequantizeLinear", "w4 s", "w", axis=0), *CONV]
        bits = (numbers.astype(np.uint8) & 15).reshape(-1, 2)
        raw = helper.make_tensor("w4", kind, [3, 2, 2, 2], (bits[:, 0] | bits[:, 1] << 4).tobytes(), raw=True)
        typed = helper.make_tensor("w4", kind, [3, 2, 2, 2], numbers)
        scales = ("s", values("rules s", 3))
        weights = (numbers.reshape(3, 2, 2, 2) * scales[1].reshape(3, 1, 1, 1)).astype(np.float32)
        for storage, tensor in (("raw", raw), ("typed", typed)):
            add(f"{name}_{storage}", make(narrow, X, [tensor, scales, ("b", B)], 21), expected=conv_twin(weights))
    one("output_dtype", dequantized, [("w8", np.arange(-12, 12, dtype=np.int8).reshape(3, 2, 2, 2)), ("s", values("rules s", 3)), ("b", B)], 23,
        oracle="reference")
    rounded = [node("Cast", "x", "c", to=TensorProto.FLOAT, round_mode="up", saturate=1), node("Relu", "c", "y")]
    for opset in (24, 25):
        one("swish", [node("Swish", "x", "y")], (), opset, oracle="reference")
        one("swish_alpha", [node("Swish", "x", "y", alpha=-1.5)], (), opset, oracle="reference")
        one("round_mode", rounded, (), opset, oracle="reference")


def small_floats():
    """Weights and activations in floats of 8 and 4 bits."""
    codes = (np.arange(24) * 37 % 120 + 128 * (np.arange(24) % 2)).astype(np.uint8)
    raw = helper.make_tensor("w8", TensorProto.FLOAT8E4M3FN, [3, 2, 2, 2], codes.tobytes(), raw=True)
    typed = TensorProto(name="w8", data_type=TensorProto.FLOAT8E4M3FN, dims=[3, 2, 2, 2], int32_data=codes.tolist())
    zero = helper.make_tensor("z", TensorProto.FLOAT8E4M3FN, [], bytes(1), raw=True)
    zeros = helper.make_tensor("zs", TensorProto.FLOAT8E4M3FN, [3], bytes(3), raw=True)
    there = [node("QuantizeLinear", "x sx z", "q"), node("DequantizeLinear", "q sx z", "xd"), node("DequantizeLinear", "w8 s zs", "w", axis=0),
             node("Conv", "xd w b", "c"), node("Cast", "c", "c8", to=TensorProto.FLOAT8E5M2), node("Cast", "c8", "y", to=TensorProto.FLOAT)]
    scales = [("s", np.abs(values("rules s", 3)) / 64), ("sx", np.float32(1 / 32)), ("b", B)]
    one("float8", there, [raw, zero, zeros, *scales], 23)
    one("float8_typed", there, [typed, zero, zeros, *scales], 23)
    cast = [node("Cast", "w8", "w", to=TensorProto.FLOAT), node("Conv", "x w", "c"), node("Gather", "w8 i", "g"),
            node("Cast", "g", "gf", to=TensorProto.FLOAT), node("Reshape", "gf to", "m"), node("MatMul", "c m", "y")]
    one("float8_cast", cast, [raw, ints("i", 2, 0, 1), ints("to", 3, -1)], 23, oracle="reference")
    four = np.arange(24) * 5 % 16
    packed = helper.make_tensor("w4", TensorProto.FLOAT4E2M1, [3, 2, 2, 2], (four[::2] | four[1::2] << 4).astype(np.uint8).tobytes(), raw=True)
    one("float4", [node("DequantizeLinear", "w4 s", "w", axis=0), *CONV], [packed, *scales[::2]], 23, oracle="reference")


def further():
    """A batch's own statistics, and a part of Split that is empty."""
    stats = [(n, values(f"rules {n}", 2, low=0.5, high=2.0)) for n in ("g", "h", "m", "v")]
    training = make([node("BatchNormalization", "x g h m v", "y rm rv", training_mode=1, momentum=0.75)], X, stats, 15, outputs=("y", "rm", "rv"))
    add("training_15", training, outputs=("y", "rm", "rv"), oracle="reference")
    parts = [node("Split", "x n", "a c", axis=1), node("Relu", "c", "r"), node("Concat", "a r a", "y", axis=1)]
    one("empty_part", parts, [ints("n", 0, 2)])


def main():
    for make_some in (storage, names, sizes, constants, shape_arithmetic, sequences, newest, small_floats, further):
        make_some()
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx", "rules.bin"), records)


if __name__ == "__main__":
    main()
