#!/usr/bin/env python3
"""Writes expected.json for test_cli.py: what ONNX Runtime and PyTorch compute for examples/fashion_mnist.onnx.

Needs numpy, onnx, onnxruntime, torch and pillow; run by hand when the network changes. The committed file was made with
ONNX Runtime 1.32 and PyTorch 2.13:

    python3 tests/cli/make_expected.py
"""

import json
import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper, shape_inference
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")
FILTER = 5
NETWORK = os.path.join(EXAMPLES, "fashion_mnist.onnx")


def layers(model):
    """Name, operator, output shape and parameter count of each node, by ONNX's own shape inference."""
    inferred = shape_inference.infer_shapes(model).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in list(inferred.value_info) + list(inferred.output)}
    sizes = {t.name: int(np.prod(t.dims)) for t in inferred.initializer}
    return [
        {
            "name": node.name,
            "type": node.op_type,
            "output_shape": shapes[node.output[0]],
            "parameters": sum(sizes.get(name, 0) for name in node.input),
        }
        for node in inferred.node
    ]


def forward(weights, x):
    """Logits, the last feature map, and that of relu2, in float64."""
    f = torch.nn.functional
    for number in (1, 2, 3):
        x = f.relu(f.conv2d(x, weights["conv%d_weight" % number], weights["conv%d_bias" % number], padding=1))
        features = x
        if number == 2:
            second = x
        if number < 3:
            x = f.max_pool2d(x, 2)
    return f.linear(x.mean((2, 3)), weights["logits_weight"], weights["logits_bias"]), features, second


def main():
    model = onnx.load(NETWORK)
    pixels = np.asarray(Image.open(os.path.join(EXAMPLES, "fashion_boot.png")))
    image = pixels[None, None].astype(np.float32) / 255
    logits = onnxruntime.InferenceSession(NETWORK, providers=["CPUExecutionProvider"]).run(None, {"image": image})[0][0]
    weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).astype(np.float64)) for t in model.graph.initializer}
    x = torch.from_numpy(image.astype(np.float64)).requires_grad_()
    scores, features, second = forward(weights, x)
    assert np.abs(scores.detach().numpy()[0] - logits).max() < 1e-5
    best = int(scores.argmax())
    (by_features,) = torch.autograd.grad(scores[0, best], features, retain_graph=True)
    # not of the class: in the black background pool2 chooses among values that differ by rounding only
    (by_image,) = torch.autograd.grad(second[0, FILTER].mean(), x)
    cam = (by_features.mean((2, 3), keepdim=True) * features).sum(1)[0]
    exponents = np.exp(logits.astype(np.float64) - logits.max())
    expected = {
        "layers": layers(model),
        "logits": [float(v) for v in logits],
        "probabilities": [float(v) for v in exponents / exponents.sum()],
        "class": best,
        "cam_raw": [[float("%.7g" % v) for v in row] for row in cam.detach().numpy()],
        "filter": FILTER,
        "relu2_means": [float("%.7g" % v) for v in second.detach()[0].mean((1, 2))],
        "gradient": [[float("%.7g" % v) for v in row] for row in by_image[0, 0].numpy()],
    }
    with open(os.path.join(HERE, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file)
        file.write("\n")


if __name__ == "__main__":
    main()
