#!/usr/bin/env python3
"""Makes onnx/refusals.bin: models that actmax must refuse while loading, each for one reason. What it must say of each stands in
tests/unit/test_onnx_refusals.c, by the record's name. Needs onnx and numpy.
"""
import os

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from onnx_pack import make, node, record, values, write

X = values("refused x", 1, 2, 4, 4)
W = ("w", values("refused w", 2, 2, 3, 3))
STATS = [(n, np.ones(2, np.float32)) for n in ("s", "b", "m", "v")]
BN = "x s b m v"
records = []


def add(name, model, x=X):
    records.append(record(name, model, x, [], []))


def one(name, nodes, weights=(), opset=13, x=X, **options):
    add(name, make(nodes, x, weights, opset, **options), x)


def ints(name, *numbers):
    return name, np.array(numbers, np.int64)


def operators():
    one("max_roi_pool", [node("Relu", "x", "r"), node("MaxRoiPool", "r w", "up_out", name="decoder/up", pooled_shape=[1, 1]), node("Relu", "up_out", "y")], [W])
    one("unnamed_hardmax", [node("Hardmax", "x", "scaled/out"), node("Relu", "scaled/out", "y")], opset=9)
    one("microsoft", [node("FusedConv", "x w", "y", domain="com.microsoft", name="fused1")], [W], extra_opsets=[("com.microsoft", 1)])
    one("machine_learning", [node("Scaler", "x", "y", domain="ai.onnx.ml", name="scale1")], extra_opsets=[("ai.onnx.ml", 2)])
    one("quantized", [node("ConvInteger", "q w", "c", name="integers"), node("Cast", "c", "y", to=1)],
        [("q", np.ones((1, 2, 4, 4), np.uint8)), ("w", np.ones((2, 2, 3, 3), np.int8))])
    one("recurrent", [node("Conv", "x w", "c"), node("Reshape", "c n", "r"), node("LSTM", "r a b", "- y", name="decoder", hidden_size=1)],
        [W, ints("n", 8, 1, 1), ("a", np.ones((1, 4, 1), np.float32)), ("b", np.ones((1, 4, 1), np.float32))])
    one("best_class", [node("Conv", "x w", "c"), node("ArgMax", "c", "y", name="classes", axis=1)], [W])
    one("hard_swish_13", [node("HardSwish", "x", "y", name="swish")], opset=13)
    one("control_flow", [control_flow()], [("flag", np.array(True))])
    one("graph_attribute", [graph_attribute()])
    body = [helper.make_node("Relu", ["a"], ["b"])]
    called = make([node("Block", "x", "y", domain="mine", name="block7")], X, extra_opsets=[("mine", 1)])
    called.functions.append(helper.make_function("mine", "Block", ["a"], ["b"], body, [helper.make_opsetid("", 13)]))
    add("function", called)
    replaced = make([node("Relu", "x", "y")], X)
    replaced.functions.append(helper.make_function("", "Relu", ["a"], ["b"], [helper.make_node("Tanh", ["a"], ["b"])], [helper.make_opsetid("", 13)]))
    add("replaced_operator", replaced)


def control_flow():
    branch = lambda op: helper.make_graph([helper.make_node(op, ["x"], [op])], op, [], [helper.make_tensor_value_info(op, 1, None)])
    return helper.make_node("If", ["flag"], ["y"], name="choice", then_branch=branch("Relu"), else_branch=branch("Tanh"))


def graph_attribute():
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["q"])], "inner", [], [helper.make_tensor_value_info("q", 1, None)])
    return helper.make_node("Relu", ["x"], ["y"], name="odd", body=graph)


def attributes():
    one("unknown_attribute", [node("Conv", "x w", "y", name="c1", pads=[1, 1, 1, 1], sparsity=2)], [W])
    one("clip_min_13", [node("Clip", "x", "y", name="clip1", min=0.0)])
    one("pads_13", [node("Pad", "x", "y", name="pad1", pads=[0] * 8)])
    one("axes_18", [node("ReduceMean", "x", "y", name="mean1", axes=[2, 3])], opset=18)
    one("dilations_10", [node("AveragePool", "x", "y", name="pool1", kernel_shape=[2, 2], dilations=[1, 1])], opset=10)
    one("ceil_7", [node("MaxPool", "x", "y", name="pool1", kernel_shape=[2, 2], ceil_mode=1)], opset=7)
    one("allowzero_13", [node("Reshape", "x s", "y", name="shape1", allowzero=1)], [ints("s", 1, -1)])
    one("auto_pad", [node("Conv", "x w", "y", name="c1", auto_pad="SOMEHOW")], [W])
    one("pad_mode", [node("Pad", "x p", "y", name="pad1", mode="mirror")], [ints("p", *[0] * 8)])
    one("wrong_kind", [node("Conv", "x w", "y", name="c1", group=1.0)], [W])
    twice = make([node("LeakyRelu", "x", "y", name="leaky", alpha=0.1)], X)
    twice.graph.node[0].attribute.append(helper.make_attribute("alpha", 0.2))
    add("attribute_twice", twice)
    referring = make([node("LeakyRelu", "x", "y", name="leaky", alpha=0.1)], X)
    referring.graph.node[0].attribute[0].ref_attr_name = "slope"
    add("attribute_of_function", referring)


def training():
    one("training_outputs", [node("BatchNormalization", BN, "y rm rv sm", name="bn1", training_mode=1)], STATS, 14)
    for opset in (8, 9, 13):
        one(f"five_outputs_{opset}", [node("BatchNormalization", BN, "y rm rv sm sv", name="bn1")], STATS, opset)
    one("spatial", [node("BatchNormalization", BN, "y", name="bn1", spatial=0)], STATS, 7)
    one("dropout_training", [node("Dropout", "x r t", "y", name="drop1")], [("r", np.float32(0.5)), ("t", np.array(True))])
    one("dropout_computed", [node("Not", "t", "n"), node("Dropout", "x - n", "y", name="drop1")], [("t", np.array(False))])
    far = node("MaxUnpool", "x i", "y", name="up1", kernel_shape=[1, 1], strides=[2**31 - 1, 2**31 - 1])
    one("unpool_overflow", [far], [("i", np.zeros(X.shape, np.int64))])


def sequences():
    halves = node("SplitToSequence", "x n", "q", name="halves", axis=1)
    n, i = ("n", np.array(1, np.int64)), ("i", np.array(2, np.int64))
    one("sequence_output", [halves], [n], outputs=("q",))
    one("sequence_position", [halves, node("Cast", "f", "p", to=TensorProto.INT64), node("SequenceAt", "q p", "y", name="take")],
        [n, ("f", np.float32(0))])
    one("sequence_beyond", [halves, node("SequenceAt", "q i", "y", name="take")], [n, i])
    listed = node("SequenceConstruct", "x x", "q", name="pair")
    one("sequence_listed_beyond", [listed, node("SequenceAt", "q i", "y", name="take")], [i])
    one("sequence_joined", [halves, node("ConcatFromSequence", "q", "y", name="join", axis=1)], [n])
    one("sequence_read", [halves, node("Relu", "q", "y", name="relu1")], [n])
    one("sequence_none", [node("SequenceAt", "x i", "y", name="take")], [i])


def opsets():
    one("opset_6", [node("Relu", "x", "y")], opset=6)
    one("opset_26", [node("Relu", "x", "y")], opset=26)
    none = make([node("Relu", "x", "y")], X)
    del none.opset_import[:]
    add("no_opset", none)
    two = make([node("Relu", "x", "y")], X)
    two.opset_import.append(helper.make_opsetid("ai.onnx", 11))
    add("two_opsets", two)


def tensors():
    for name, kind in (("string", TensorProto.STRING), ("complex128", TensorProto.COMPLEX128),
                       ("complex64", TensorProto.COMPLEX64), ("newer", 60)):
        tensor = TensorProto(name="w", data_type=kind, dims=[1], raw_data=b"\0" * 8)
        if kind == TensorProto.STRING:
            tensor = TensorProto(name="w", data_type=kind, dims=[1], string_data=[b"a"])
        one(f"weight_{name}", [node("Add", "x w", "y", name="add1")], [tensor])
    short = helper.make_tensor("w", TensorProto.INT4, [3, 2, 2, 2], bytes(12), raw=True)
    short.raw_data = short.raw_data[:11]
    back = node("DequantizeLinear", "w s", "f", name="back")
    one("short_int4", [back, node("Conv", "x f", "y")], [short, ("s", np.float32(0.5))], 21)
    one("add_int4", [node("Add", "x w", "y", name="add1")], [helper.make_tensor("w", TensorProto.INT4, [4], bytes(2), raw=True)], 21)
    one("cast_int4", [node("Cast", "x", "i", name="cast1", to=TensorProto.INT4), node("Cast", "i", "y", to=1)], opset=21)
    one("cast_string", [node("Cast", "w", "s", name="cast1", to=TensorProto.STRING), node("Relu", "x", "y")], [W])
    one("cast_image", [node("Cast", "x", "i", name="cast1", to=TensorProto.INT64), node("Cast", "i", "y", to=1)])
    short = numpy_helper.from_array(W[1], "w")
    short.raw_data = short.raw_data[:-4]
    one("short_data", [node("Conv", "x w", "y", name="c1")], [short])
    typed = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 2, 3, 3], float_data=[0.5] * 37)
    one("long_data", [node("Conv", "x w", "y", name="c1")], [typed])
    wrong = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 2, 3, 3], int32_data=[1] * 36)
    one("wrong_field", [node("Conv", "x w", "y", name="c1")], [wrong])
    one("rank_9", [node("Add", "x w", "y", name="add1")], [("w", np.ones((1,) * 9, np.float32))])
    sparse = make([node("Add", "x w", "y")], X)
    one_value = numpy_helper.from_array(np.ones(1, np.float32), "w")
    sparse.graph.sparse_initializer.append(helper.make_sparse_tensor(one_value, numpy_helper.from_array(np.array([1]), "i"), [4]))
    add("sparse", sparse)
    value = helper.make_sparse_tensor(one_value, numpy_helper.from_array(np.array([1]), "i"), [4])
    constant = helper.make_node("Constant", [], ["w"], name="const1", sparse_value=value)
    one("sparse_constant", [constant, node("Add", "x w", "y")])
    one("string_constant", [helper.make_node("Constant", [], ["w"], name="const1", value_string="a"), node("Relu", "x", "y")])
    sequence = make([node("Relu", "x", "y")], X)
    sequence.graph.input.append(helper.make_tensor_sequence_value_info("boxes", TensorProto.FLOAT, None))
    add("sequence_input", sequence)
    words = make([node("Relu", "x", "y")], X)
    words.graph.input.append(helper.make_tensor_value_info("words", TensorProto.STRING, [1]))
    add("string_input", words)
    one("second_input", [node("Mul", "x s", "y")], bound=[("s", np.ones(1, np.float32))])
    one("line", [node("Relu", "x", "y")], x=values("line", 1, 2, 8))
    one("volume", [node("Relu", "x", "y")], x=values("volume", 1, 2, 2, 4, 4))
    one("integer_image", [node("Cast", "x", "f", to=1), node("Relu", "f", "y")], x_type=TensorProto.UINT8)


def beyond():
    """Known operators where they would need what actmax does not compute."""
    one("conv_4d", [node("Unsqueeze", "x a", "u"), node("Conv", "u w", "y", name="c4")],
        [ints("a", 4, 5), ("w", values("w3", 2, 2, 3, 3, 1, 1))])
    one("pool_4d", [node("Unsqueeze", "x a", "u"), node("MaxPool", "u", "y", name="p4", kernel_shape=[2, 2, 1, 1])], [ints("a", 4, 5)])
    one("dynamic_weight", [node("Conv", "x x", "y", name="c1")], x=values("square", 1, 1, 2, 2))
    one("dynamic_shape", [node("Cast", "x", "i", to=TensorProto.INT64), node("Reshape", "x i", "y", name="shape1")])
    one("dynamic_floor", [node("Floor", "x", "y", name="floor1")])
    one("dynamic_gather", [node("Gather", "w x", "y", name="gather1")], [W])
    one("wrong_channels", [node("Conv", "x w", "y", name="c1")], [("w", values("refused w3", 2, 3, 3, 3))])
    one("wrong_inputs", [node("Conv", "x", "y", name="c1")])
    one("wrong_broadcast", [node("Add", "x w", "y", name="add1")], [("w", np.ones(3, np.float32))])
    one("empty_input", [node("ReduceMean", "w a", "s", name="mean1", keepdims=1), node("Add", "x s", "y")],
        [("w", np.ones((2, 0, 4), np.float32)), ints("a", 1)], opset=18)
    one("empty_operand", [node("Max", "x w", "y", name="max1")], [("w", np.ones((1, 0, 4, 4), np.float32))])
    one("window_too_large", [node("Conv", "x w", "y", name="c1")], [("w", np.ones((1, 2, 9, 9), np.float32))])


def main():
    for make_some in (operators, attributes, training, sequences, opsets, tensors, beyond):
        make_some()
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx", "refusals.bin"), records)


if __name__ == "__main__":
    main()
