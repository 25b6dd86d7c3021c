"""An ONNX graph run by PyTorch, for golden values: forward, gradients by autograd, in any floating-point type.

Made for the operators of the test networks. A ReLU's or a clip's mask and a max pool's choices can be taken from given
activations ("pinned"), so that two programs whose activations differ in the last bits can still be compared exactly.
"""

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


def _attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _padded(x, attributes, kernel, value=0.0):
    stride = attributes.get("strides", [1, 1])
    dilation = attributes.get("dilations", [1, 1])
    pads = attributes.get("pads", [0, 0, 0, 0])
    auto = attributes.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        pads = [0] * 4
        for i in (0, 1):
            size = x.shape[2 + i]
            total = max((-(-size // stride[i]) - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 - size, 0)
            small, large = total // 2, total - total // 2
            pads[i], pads[2 + i] = (small, large) if auto == "SAME_UPPER" else (large, small)
    assert not attributes.get("ceil_mode", 0)
    return F.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=value), stride, dilation, any(pads)


class _Masked(torch.autograd.Function):
    """y = forward value as given, gradient where mask is set."""

    @staticmethod
    def forward(ctx, x, y, mask):
        ctx.save_for_backward(mask)
        return y

    @staticmethod
    def backward(ctx, gradient):
        (mask,) = ctx.saved_tensors
        return gradient * mask, None, None


class Network:
    def __init__(self, path, dtype=torch.float64):
        self.graph = onnx.load(path).graph
        self.dtype = dtype
        self.weights = {}
        for tensor in self.graph.initializer:
            array = torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            self.weights[tensor.name] = array.to(dtype) if array.is_floating_point() else array
        self.input = next(i.name for i in self.graph.input if i.name not in self.weights)

    def run(self, image, pinned=None):
        """All values by name. image: array [1, C, H, W]. pinned: {value name: array} of another program's activations."""
        x = torch.from_numpy(np.asarray(image)).to(self.dtype).requires_grad_(True)
        values = dict(self.weights)
        values[self.input] = x
        for node in self.graph.node:
            inputs = [values[name] if name else None for name in node.input]
            output = self._node(node, _attributes(node), inputs, pinned)
            values[node.output[0]] = output
            if output.requires_grad:
                output.retain_grad()
        return values

    def _clamped(self, node, x, low, high, pinned):
        y = torch.clamp(x, min=low, max=high)
        if pinned is None:
            truth = y
        else:
            truth = torch.from_numpy(pinned[node.output[0]]).to(self.dtype).reshape(y.shape)
        mask = torch.ones_like(truth)
        if low is not None:
            mask = mask * (truth > low)
        if high is not None:
            mask = mask * (truth < high)
        return _Masked.apply(x, y.detach(), mask)

    def _max_pool(self, node, attributes, x, pinned):
        kernel = attributes["kernel_shape"]
        padded, stride, dilation, _ = _padded(x, attributes, kernel, -float("inf"))
        if pinned is None or node.input[0] not in pinned:
            return F.max_pool2d(padded, kernel, stride, dilation=dilation)
        theirs = torch.from_numpy(pinned[node.input[0]]).to(self.dtype).reshape(x.shape)
        theirs = _padded(theirs, attributes, kernel, -float("inf"))[0]
        _, index = F.max_pool2d(theirs, kernel, stride, dilation=dilation, return_indices=True)
        return torch.gather(padded.flatten(2), 2, index.flatten(2)).reshape(index.shape)

    def _node(self, node, attributes, inputs, pinned):
        kind, x = node.op_type, inputs[0] if inputs else None
        if kind == "Conv":
            padded, stride, dilation, _ = _padded(x, attributes, list(inputs[1].shape[2:]))
            bias = inputs[2] if len(inputs) > 2 else None
            return F.conv2d(padded, inputs[1], bias, stride, 0, dilation, attributes.get("group", 1))
        if kind == "Relu":
            return self._clamped(node, x, 0.0, None, pinned)
        if kind == "Clip":
            low = attributes.get("min", inputs[1].item() if len(inputs) > 1 and inputs[1] is not None else None)
            high = attributes.get("max", inputs[2].item() if len(inputs) > 2 and inputs[2] is not None else None)
            return self._clamped(node, x, low, high, pinned)
        if kind == "MaxPool":
            return self._max_pool(node, attributes, x, pinned)
        if kind == "AveragePool":
            padded, stride, _, any_pad = _padded(x, attributes, attributes["kernel_shape"])
            assert not any_pad
            return F.avg_pool2d(padded, attributes["kernel_shape"], stride)
        if kind == "GlobalAveragePool":
            return x.mean(dim=(2, 3), keepdim=True)
        if kind == "BatchNormalization":
            return F.batch_norm(x, inputs[3], inputs[4], inputs[1], inputs[2], False, 0.0, attributes.get("epsilon", 1e-5))
        if kind == "Gemm":
            a = x.T if attributes.get("transA", 0) else x
            b = inputs[1].T if attributes.get("transB", 0) else inputs[1]
            y = attributes.get("alpha", 1.0) * (a @ b)
            return y if len(inputs) < 3 else y + attributes.get("beta", 1.0) * inputs[2]
        if kind == "Softmax":
            axis = attributes.get("axis", 1)
            return torch.softmax(x.flatten(axis), dim=axis).reshape(x.shape)
        if kind == "Concat":
            return torch.cat(inputs, dim=attributes["axis"])
        if kind == "Add":
            return x + inputs[1]
        if kind == "MatMul":
            return x @ inputs[1]
        if kind == "Reshape":
            return x.reshape([int(v) for v in inputs[1]])
        if kind == "Flatten":
            return x.flatten(attributes.get("axis", 1))
        if kind in ("Dropout", "Identity"):
            return x
        raise SystemExit(f"operator {kind} is not known to this script")
