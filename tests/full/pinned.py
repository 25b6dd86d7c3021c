"""PyTorch modules run with the masks of another program's activations.

A gradient of a network with ReLU or max pooling jumps where an activation passes zero or two of a window are equal, so that two
correct programs in float32 differ by far more than their rounding. `Pinned` is a mode under which each function with such a kink
decides by given activations: those of the program under test, in the order in which the functions are called, which is that of an
exported graph's nodes.
"""

import torch
from torch.overrides import TorchFunctionMode

# The functions of torch.nn.functional, and the ONNX operators that exporters write for them. An input decides for the last two rows.
NODES = {"relu": ("Relu",), "hardtanh": ("Clip",), "relu6": ("Clip",), "max_pool2d": ("MaxPool",),
         "hardswish": ("HardSwish", "HardSigmoid"), "hardsigmoid": ("HardSigmoid",)}
BY_OUTPUT = ("Relu", "Clip")
KINKED = {node for nodes in NODES.values() for node in nodes}


def deciding_values(graph):
    """[(operator, name of the value that decides)] of an ONNX graph's nodes with kinks."""
    return [(node.op_type, node.output[0] if node.op_type in BY_OUTPUT else node.input[0]) for node in graph.node
            if node.op_type in KINKED]


class _Chosen(torch.autograd.Function):
    """The value as computed; the gradient times the given slope."""

    @staticmethod
    def forward(ctx, x, y, slope):
        ctx.save_for_backward(slope)
        return y

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0], None, None


class Pinned(TorchFunctionMode):
    """activations: [(ONNX operator, array)]."""

    def __init__(self, activations):
        super().__init__()
        self.left = list(activations)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.__name__
        if name not in NODES:
            return function(*args, **kwargs)
        operator, array = self.left.pop(0)
        if operator not in NODES[name]:
            raise SystemExit(f"FAIL: the graph has {operator} where the module calls {name}")
        x = args[0]
        decides = torch.from_numpy(array).to(x.dtype).reshape(x.shape)
        if name == "max_pool2d":
            kwargs = {**kwargs, "return_indices": True}
            index = torch.nn.functional.max_pool2d(decides, *args[1:], **kwargs)[1]
            return torch.gather(x.flatten(2), 2, index.flatten(2)).reshape(index.shape)
        with torch.no_grad():
            y = function(x.clone(), *args[1:], **{**kwargs, "inplace": False})
            if name == "relu":
                slope = (decides > 0).to(x.dtype)
            elif name in ("hardtanh", "relu6"):
                slope = ((decides > 0) & (decides < 6)).to(x.dtype)
            else:
                inside = (decides > -3) & (decides < 3)
                above = (decides >= 3).to(x.dtype) if name == "hardswish" else torch.zeros_like(x)
                slope = torch.where(inside, x / 3 + 0.5 if name == "hardswish" else torch.full_like(x, 1 / 6), above)
        return _Chosen.apply(x, y, slope)
