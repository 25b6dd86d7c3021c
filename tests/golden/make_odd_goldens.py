#!/usr/bin/env python3
"""Makes onnx/odd.bin: some networks of tests/full/odd_networks.py, each in one of the ways of tests/full/odd_exports.py, and what PyTorch
computes in float64: the first output for an image, and the gradient of its weighted sum with respect to the image.

Of those that were changed after the export, the numbers are those of graph_torch.py. Needs torch, onnx, onnxruntime, onnxscript and
numpy. Used by tests/unit/test_onnx_torch.c.
"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "full"))

import numpy as np
import onnx
import torch

import graph_torch
import odd_exports
from odd_networks import build
from onnx_pack import record, values, write

NETWORKS = [  # name, way, image; each is one of operators that other goldens lack
    ("gates", "script_free", (3, 16, 20)),
    ("group_mish", "dynamo", (3, 16, 20)),
    ("coord_conv", "dynamo_free", (3, 12, 16)),
    ("audio", "script", (1, 16, 32)),
    ("video", "script_raw", (12, 12, 16)),
    ("shuffle", "script_free", (3, 16, 24)),
    ("convnext2", "dynamo", (3, 16, 20)),
    ("retrieval", "script", (3, 16, 20)),
    ("neighbours", "script_free", (3, 10, 12)),
    ("ghost", "quantised", (3, 16, 20)),
    ("shuffle", "halved", (3, 16, 24)),
]


def small(path):
    """The file as bytes, without names of sources and shapes, which exporters write at length."""
    model = onnx.load(path)
    for part in [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del part.metadata_props[:]
    for node in model.graph.node:
        node.ClearField("doc_string")
    del model.graph.value_info[:], model.functions[:]
    return model.SerializeToString()


def first(outputs):
    return outputs[0] if isinstance(outputs, (tuple, list)) else outputs


def make(name, way, shape, folder):
    network, x, path = build(name), odd_exports.image_of(shape), os.path.join(folder, "network.onnx")
    if way in odd_exports.WAYS:
        odd_exports.export(network, x, path, way)
        image = torch.from_numpy(x).double().requires_grad_(True)
        scores = first(network.double()(image))
    else:
        plain, path = path, os.path.join(folder, "changed.onnx")
        odd_exports.export(network, x, plain, "dynamo")
        if way == "halved":
            odd_exports.halved(plain, path, whole_inputs=True)
        else:
            from onnxruntime.quantization import QuantType

            odd_exports.quantised(plain, path, shape, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True)
        scores, image = graph_torch.run(path, x)
    weights = torch.tensor(values(f"odd {name} weights", *scores.shape)).double()
    (scores * weights).sum().backward()
    numbers = lambda t: t.detach().numpy().astype(np.float32)
    outputs = [("scores", numbers(scores)), ("weights", numbers(weights)), ("gradient", numbers(image.grad))]
    return record(f"{name}_{way}", small(path), x, [], outputs, "image")


def main():
    records = []
    for name, way, shape in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            records.append(make(name, way, shape, folder))
    write(os.path.join(HERE, "onnx", "odd.bin"), records)


if __name__ == "__main__":
    main()
