"""The networks of odd_networks.py as files: exported by torch.onnx in six ways, and changed afterwards as other tools do."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper

WAYS = ("script", "script_free", "script_raw", "dynamo", "dynamo_free", "dynamo_raw")
# What torch.onnx itself cannot export: a fixed size is part of it, or the old exporter lacks an operator.
NOT_EXPORTED = {("retrieval", "script_free"), ("retrieval", "dynamo_free"), ("retrieval", "dynamo_raw"), ("convnext2", "script"),
                ("convnext2", "script_free"), ("convnext2", "script_raw")}
FREE = (0, 2, 3)


def image_of(shape):
    return np.random.default_rng(3).uniform(-1, 1, (1, *shape)).astype(np.float32)


def free_axes(way, value):
    return {axis: value(axis) for axis in FREE} if way.endswith("free") else None


def export(network, x, path, way):
    """raw: nothing folded or optimised; of dynamo with the weights beside the file. free: batch, rows and columns."""
    raw, axes = way.endswith("raw"), free_axes(way, "axis{}".format)
    if way.startswith("script"):
        options = {"dynamo": False, "do_constant_folding": not raw, "dynamic_axes": {"image": axes} if axes else None}
        if raw:
            options["training"] = torch.onnx.TrainingMode.PRESERVE
    else:
        shapes = ({axis: torch.export.Dim.AUTO for axis in FREE},) if axes else None
        options = {"dynamo": True, "verbose": False, "optimize": not raw, "external_data": raw, "dynamic_shapes": shapes}
        if way == "dynamo":
            options["opset_version"] = 23
    torch.onnx.export(network, (torch.from_numpy(x),), path, input_names=["image"], output_names=["scores"], **options)


def halved(path, out, whole_inputs):
    """Weights, image and everything between in half precision; whole_inputs: the image in single precision, cast by the first node."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    values = [*model.graph.output, *model.graph.value_info, *([] if whole_inputs else model.graph.input)]
    for value in values:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float16)))
        if whole_inputs:
            node.input[:] = ["image_half" if name == "image" else name for name in node.input]
    if whole_inputs:
        model.graph.node.insert(0, onnx.helper.make_node("Cast", ["image"], ["image_half"], to=TensorProto.FLOAT16))
    onnx.save(model, out)


def quantised(path, out, shape, **types):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Images(CalibrationDataReader):
        def __init__(self):
            random = np.random.default_rng(0)
            self.left = [{"image": random.uniform(-1, 1, (1, *shape)).astype(np.float32)} for _ in range(4)]

        def get_next(self):
            return self.left.pop() if self.left else None

    quantize_static(path, out, Images(), quant_format=QuantFormat.QDQ, **types)
