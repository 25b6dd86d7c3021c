"""An ONNX graph computed by PyTorch in float64, node by node through the rules of the operators' golden values: the truth of files that
other tools changed after PyTorch wrote them (quantised, halved), of which no module is left."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from operator_torch import RULES
from operator_torch_more import MORE_RULES

RULES = {**RULES, **MORE_RULES}


def value_of(array):
    """As the rules take constants: integers as lists, what is quantised as it is, all else in float64."""
    if array.dtype == np.int64:
        return array.tolist()
    return torch.from_numpy(np.array(array if array.dtype.kind in "iub" else array.astype(np.float64)))


def attributes_of(node):
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in given.items()}


def outputs_of(node, values):
    attributes, inputs = attributes_of(node), [values[name] for name in node.input]
    if node.op_type == "Constant":
        return [value_of(numpy_helper.to_array(attributes["value"]))]
    if node.op_type == "ConstantOfShape":
        filler = numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.zeros(1, np.float32)
        return [value_of(np.full(inputs[0], filler[0]))]
    if len(node.output) > 1:
        attributes["results"] = len(node.output)
    outputs = RULES[node.op_type](inputs, attributes)
    return outputs if isinstance(outputs, (tuple, list)) else [outputs]


def run(path, x):
    """The first output of the file, and the image, of which the gradient is asked. The nodes need not be in order."""
    graph = onnx.load(path).graph
    values = {"": None, **{tensor.name: value_of(numpy_helper.to_array(tensor)) for tensor in graph.initializer}}
    image = next(i.name for i in graph.input if i.name not in values)
    values[image] = torch.from_numpy(x).double().requires_grad_(True)
    left = list(graph.node)
    while left:
        node = next(node for node in left if all(name in values for name in node.input))
        values.update(zip(node.output, outputs_of(node, values)))
        left.remove(node)
    return values[graph.output[0].name], values[image]
