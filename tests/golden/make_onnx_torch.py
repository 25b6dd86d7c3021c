#!/usr/bin/env python3
"""Makes onnx/torch_*: one small network exported by PyTorch in its two ways, and what PyTorch computes.

    torch_dynamo.onnx, torch_dynamo.onnx.data   torch.onnx.export(dynamo=True, external_data=True), batch free
    torch_script.onnx                           torch.onnx.export(dynamo=False), BatchNormalization kept, height and width free
    torch.bin                                   PyTorch's scores for an image, and the gradient of their weighted sum with respect to it

Needs torch, onnx, onnxscript and numpy. Used by tests/unit/test_onnx_torch.c.
"""
import os

import numpy as np
import onnx
import torch
from torch import nn

from onnx_pack import record, values, write


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x):
        gate = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.up(torch.relu(self.down(gate))))


class Net(nn.Module):
    """A bit of each: strided stem, depthwise block with squeeze-and-excite and a skip, branches, pooling, a dense head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.excite = SqueezeExcite(8)
        self.point = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.left, self.right = nn.Conv2d(8, 4, 3, padding=1), nn.Conv2d(8, 4, 1)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 5))

    def forward(self, x):
        x = self.stem(x)
        x = x + self.point(self.excite(self.depthwise(x)))
        x = torch.cat([self.left(x), nn.functional.leaky_relu(self.right(x), 0.1)], 1)
        x = nn.functional.adaptive_avg_pool2d(self.pool(x), 1)
        return self.head(torch.flatten(x, 1))


def network():
    torch.manual_seed(20)
    net = Net().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low, high in ((module.weight, 0.5, 1.5), (module.bias, -0.3, 0.3), (module.running_mean, -0.3, 0.3),
                                     (module.running_var, 0.3, 1.5)):
                value.data.uniform_(low, high)
    return net


def strip(path):
    """Without the places in Python sources that the exporter writes beside each node."""
    model = onnx.load(path, load_external_data=False)
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output]:
        del part.metadata_props[:]
    for part in model.graph.node:
        part.ClearField("doc_string")
    onnx.save(model, path)


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx")
    net, x = network(), torch.tensor(values("torch x", 1, 3, 16, 16))
    dynamo = os.path.join(folder, "torch_dynamo.onnx")
    torch.onnx.export(net, (x,), dynamo, dynamo=True, external_data=True, input_names=["image"], output_names=["scores"],
                      dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=8)},))
    script = os.path.join(folder, "torch_script.onnx")
    torch.onnx.export(net, (x,), script, dynamo=False, input_names=["image"], output_names=["scores"], do_constant_folding=False,
                      training=torch.onnx.TrainingMode.PRESERVE, dynamic_axes={"image": {0: "batch", 2: "height", 3: "width"}})
    for path in (dynamo, script):
        strip(path)
    precise, weights = net.double(), torch.tensor(values("torch weights", 5)).double()
    image = x.double().requires_grad_(True)
    scores = precise(image)
    (scores * weights).sum().backward()
    numbers = lambda t: t.detach().numpy().astype(np.float32)
    outputs = [("scores", numbers(scores)), ("weights", numbers(weights)), ("gradient", numbers(image.grad))]
    write(os.path.join(folder, "torch.bin"), [record("torch", b"", numbers(x), [], outputs, "image")])


if __name__ == "__main__":
    main()
