"""The graphs of operators2.bin, as operator_cases.py has those of operators.bin."""

import numpy as np

from operator_cases import FLOAT16, FLOAT64, recorders  # noqa: F401  (axm_dtype)

INT8, UINT8, INT64, BOOL = 4, 5, 7, 8
CASES = []
add, one = recorders(CASES)


# ---- Functions of one variable ----

WIDE = {"span": 6.0, "shape": [2, 3, 3, 4]}
one("elu", "Elu", options=WIDE)
one("elu alpha", "Elu", alpha=0.75, options=WIDE)
one("selu", "Selu", options=WIDE)
one("selu other factors", "Selu", alpha=1.5, gamma=2.0, options=WIDE)
one("celu", "Celu", options=WIDE)
one("celu alpha", "Celu", alpha=2.5, options=WIDE)
one("thresholded relu", "ThresholdedRelu", alpha=0.5, options=WIDE)
one("softplus", "Softplus", options={"span": 30.0, "step": 1 / 16, "shape": [2, 3, 3, 4]})
one("softsign", "Softsign", options=WIDE)
one("gelu", "Gelu", options=dict(WIDE, opset=20))
one("gelu near", "Gelu", options={"opset": 20, "span": 1.5, "shape": [2, 3, 3, 4]})
one("gelu tanh", "Gelu", approximate="tanh", options=dict(WIDE, opset=20))
one("mish", "Mish", options={"span": 30.0, "step": 1 / 16, "shape": [2, 3, 3, 4]})
one("exp", "Exp", options={"shape": [2, 3, 3, 4]})
one("erf", "Erf", options=WIDE)
one("abs", "Abs")
one("neg", "Neg")
add("sign", lambda c: c.op("Mul", c.op("Sign", 0), 0))
add("sign of zeros", lambda c: c.op("Add", c.op("Sign", c.op("Relu", 0)), 0))
add("log", lambda c: c.op("Log", c.op("Abs", 0)))
add("sqrt", lambda c: c.op("Sqrt", c.op("Abs", 0)))
add("reciprocal", lambda c: c.op("Reciprocal", c.op("Add", c.op("Sigmoid", 0), c.weight(low=0.25))))
add("gelu as exporters wrote it", lambda c: c.op("Mul", c.op("Mul", 0, c.op("Add", c.op("Erf", c.op("Div", 0, c.exact(2.0 ** 0.5))), c.exact(1.0))), c.exact(0.5)),
    shape=[2, 3, 3, 4])
add("conv, gelu", lambda c: c.op("Gelu", c.op("Conv", 0, c.weight(4, 3, 1, 1), c.weight(4))), opset=20, shape=[1, 3, 2, 3])

# ---- Normalisation ----

def layer_norm(name, shape, weights, bias=True, options=None, results=1, **attributes):
    add(name, lambda c: c.op("LayerNormalization", 0, c.weight(*weights), *([c.weight(*weights)] if bias else []), results=results,
                             **attributes), shape=shape, **(options or {}))


layer_norm("layer norm", [2, 3, 7], [7])
layer_norm("layer norm wide", [3, 2, 70], [70])
layer_norm("layer norm 4 axes", [1, 3, 2, 5], [5], bias=False, epsilon=0.01)
layer_norm("layer norm of space", [2, 3, 2, 4], [2, 4], axis=2)
layer_norm("layer norm of all", [2, 3, 4], [2, 3, 4], axis=0)
layer_norm("layer norm, scale spread", [2, 3, 2, 4], [1, 4], axis=-2, options={"onnx": False})
layer_norm("layer norm factor", [2, 3, 7], [7], results=3)
add("layer norm of three results", lambda c: c.op("Add", *(lambda r: (c.op("Mul", r[0], r[1]), r[2]))(
    c.op("LayerNormalization", 0, c.weight(4), c.weight(4), results=3))), shape=[2, 3, 4])
add("layer norm between transposes", lambda c: c.op("Transpose", c.op("LayerNormalization", c.op("Transpose", c.op("Conv", 0, c.weight(6, 3, 1, 1)),
    perm=[0, 2, 3, 1]), c.weight(6), c.weight(6)), perm=[0, 3, 1, 2]), shape=[1, 3, 2, 4])
RMS = {"opset": 23}
for name, shape, weights, attributes in (("", [2, 3, 7], [7], {}), (" wide", [3, 2, 70], [70], {"epsilon": 0.01}),
                                         (" of space", [2, 3, 2, 4], [2, 4], {"axis": 2}), (" of all", [2, 3, 4], [2, 3, 4], {"axis": 0}),
                                         (", scale spread", [2, 3, 2, 4], [1, 4], {"axis": -2})):
    add(f"rms norm{name}", lambda c, weights=weights, attributes=attributes: c.op("RMSNormalization", 0, c.weight(*weights), **attributes),
        shape=shape, **RMS)
add("conv, rms norm", lambda c: c.op("RMSNormalization", c.op("Conv", 0, c.weight(4, 3, 1, 1)), c.weight(4)), shape=[1, 3, 2, 4], **RMS)
for shape in ([2, 3, 3, 4], [2, 70, 3, 2], [2, 3, 5], [1, 2, 2, 3, 2]):
    add(f"instance norm {shape}", lambda c, n=shape[1]: c.op("InstanceNormalization", 0, c.weight(n), c.weight(n)), shape=shape)
for channels, groups in ((4, 2), (6, 1), (6, 6), (80, 40), (130, 2)):
    add(f"group norm {channels} {groups}", lambda c, n=channels, g=groups: c.op("GroupNormalization", 0, c.weight(n), c.weight(n), num_groups=g,
        epsilon=0.001), shape=[2, channels, 2, 2] if channels < 100 else [1, channels, 2, 1], opset=21)
add("group norm, scale of groups", lambda c: c.op("GroupNormalization", 0, c.weight(2), c.weight(2), num_groups=2), shape=[2, 6, 2, 3], onnx=False)

# ---- Several operands ----

S = [2, 3, 2, 3]
for op in ("Min", "Max", "Sum", "Mean"):
    name = op.lower()
    add(f"{name} of one", lambda c, op=op: c.op(op, 0), shape=S)
    add(f"{name} of two", lambda c, op=op: c.op(op, 0, c.op("Tanh", 0)), shape=S)
    add(f"{name} of four", lambda c, op=op: c.op(op, c.op("Tanh", 0), 0, c.op("GlobalAveragePool", 0), c.weight(3, 1, 1)), shape=S)
    add(f"{name} widened", lambda c, op=op: c.op(op, 0, c.weight(2, 3, 2, 3), c.weight(3)), shape=[1, 3, 1, 3])
    add(f"{name} fewer axes", lambda c, op=op: c.op(op, c.op("ReduceMean", 0, [0, 1], keepdims=0), 0), shape=S)
for op in ("Min", "Max"):
    add(f"{op.lower()} ties", lambda c, op=op: c.op(op, c.op("Mul", 0, c.exact(1.0)), 0, c.op("Neg", c.op("Neg", 0))), shape=S)
    add(f"{op.lower()} of two ties", lambda c, op=op: c.op(op, c.op("Mul", 0, c.exact(1.0)), 0), shape=S)
add("conv, max, min", lambda c: c.op("Min", c.op("Max", c.op("Conv", 0, c.weight(4, 3, 1, 1)), c.exact(0.0)), c.exact([[[0.75]]])), shape=[1, 3, 2, 3])
add("max constant first", lambda c: c.op("Max", c.weight(span=0.5), 0), shape=S)
for exponent in (2.0, 3.0, 1.0, 0.0, -1.0, -2.0):
    add(f"pow {exponent}", lambda c, e=exponent: c.op("Pow", c.op("Add", 0, c.exact(0.001)), c.exact(e)), shape=S, onnx=False)
add("pow root", lambda c: c.op("Pow", c.op("Abs", 0), c.exact(0.5)), shape=S, onnx=False)
add("pow fraction", lambda c: c.op("Pow", c.op("Abs", 0), c.exact([1.75])), shape=S, onnx=False)
add("pow of channels", lambda c: c.op("Pow", c.op("Abs", 0), c.weight(3, 1, 1)), shape=S)
add("pow of a constant", lambda c: c.op("Pow", c.weight(1, 3, 1, 1, low=0.25), 0), shape=S)
add("pow of two computed", lambda c: c.op("Pow", c.op("Abs", 0), c.op("Tanh", 0)), shape=S)
add("prelu", lambda c: c.op("PRelu", 0, c.weight(3, 1, 1)), shape=S)
add("prelu number", lambda c: c.op("PRelu", 0, c.weight(1)), shape=S)
add("prelu computed", lambda c: c.op("PRelu", 0, c.op("Sigmoid", c.op("GlobalAveragePool", 0))), shape=S)
add("prelu whole", lambda c: c.op("PRelu", 0, c.weight(1, 3, 2, 3)), shape=S)


def mask(c, *shape):
    return c.exact(c.random.integers(0, 2, shape), BOOL)


add("where", lambda c: c.op("Where", mask(c, 2, 3), 0, c.op("Tanh", 0)), shape=S)
add("where whole", lambda c: c.op("Where", mask(c, *S), c.weight(3, 1, 1), 0), shape=S)
add("where widened", lambda c: c.op("Where", mask(c, 2, 3, 2, 3), 0, c.weight(1)), shape=[1, 3, 1, 3])
add("where of infinity", lambda c: c.op("Softmax", c.op("Where", c.exact([True, False, True], BOOL), 0, c.exact(-float("inf")))), shape=S)

for op in ("And", "Or", "Xor"):
    add(f"where {op}", lambda c, op=op: c.op("Where", c.op(op, c.op("Less", 0, c.exact(0.25)), mask(c, 3, 1, 3)), c.op("Tanh", 0), 0), shape=S)
    add(f"where {op} computed", lambda c, op=op: c.op("Where", c.op("Not", c.op(op, c.op("Less", c.op("GlobalAveragePool", 0), 0),
        c.op("Greater", 0, c.exact([0.5078125, -0.5078125, 1.0])))), c.op("Tanh", 0), 0), shape=S)
for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
    add(f"where {op}", lambda c, op=op: c.op("Where", c.op(op, 0, c.exact([0.5078125, -0.5078125, 1.0])), c.op("Tanh", 0), 0), shape=S)
    add(f"where {op} computed", lambda c, op=op: c.op("Where", c.op(op, c.op("GlobalAveragePool", 0), 0), 0, c.op("GlobalAveragePool", 0)), shape=S)


def softplus_of_exporter(c):
    """As torch.onnx writes it with dynamo: above a threshold it is x."""
    x = c.op("Mul", 0, c.exact(1.0))
    c.op("Where", c.op("Greater", x, c.exact(0.75)), 0, c.op("Mul", c.op("Softplus", x), c.exact(1.0)))


add("where softplus", softplus_of_exporter, shape=S)

# ---- Shapes ----

add("split", lambda c: c.op("Concat", *reversed(c.op("Split", 0, [1, 2, 1], axis=1, results=3)), axis=1), shape=[2, 4, 2, 3])
add("split equal", lambda c: c.op("Mul", *c.op("Split", 0, axis=1, num_outputs=2, results=2)), shape=[2, 4, 2, 3])
add("split uneven", lambda c: c.op("Split", 0, axis=-1, num_outputs=2, results=2), shape=[2, 2, 2, 5])
add("split rows", lambda c: c.op("Add", c.op("Split", 0, [1, 3], axis=2, results=2)[0], 0), shape=[2, 3, 4, 2])
add("split in three, one used", lambda c: c.op("Relu", c.op("Split", 0, axis=1, results=3, num_outputs=3)[1]), shape=[2, 6, 2, 3])
one("split attribute", "Split", split=[4], axis=1, options={"shape": [2, 4, 2, 3], "onnx": False})


def shuffle_unit(c):
    """ShuffleNet's unit: half of the channels through a branch, then the two halves interleaved."""
    left, right = c.op("Split", 0, [2, 2], axis=1, results=2)
    right = c.op("Relu", c.op("Conv", right, c.weight(2, 2, 1, 1), c.weight(2)))
    x = c.op("Reshape", c.op("Concat", left, right, axis=1), [2, 2, 2, 2, 3])
    c.op("Reshape", c.op("Transpose", x, perm=[0, 2, 1, 3, 4]), [2, 4, 2, 3])


add("shuffle unit", shuffle_unit, shape=[2, 4, 2, 3])
add("gather channels", lambda c: c.op("Gather", 0, [2, 0, -1, 2], axis=1), shape=S)
add("gather rows", lambda c: c.op("Gather", 0, [1, 1], axis=-2), shape=S)
add("gather one", lambda c: c.op("Gather", 0, c.exact(1, INT64), axis=1), shape=S)
add("gather table", lambda c: c.op("Gather", 0, c.exact([[0, 2], [1, -2]], INT64), axis=3), shape=S)
add("normalise each channel", lambda c: c.op("Concat", *[c.op("Add", c.op("Mul", c.op("Unsqueeze", c.op("Gather", 0, c.exact(k, INT64), axis=1), [1]),
    c.weight()), c.weight()) for k in range(3)], axis=1), shape=S)
add("expand", lambda c: c.op("Expand", 0, [2, 1, 4, 1]), shape=[1, 3, 1, 2])
add("expand more axes", lambda c: c.op("Expand", 0, [2, 1, 3, 1]), shape=[2, 1, 2])
add("expand pooled", lambda c: c.op("Mul", c.op("Expand", c.op("GlobalAveragePool", 0), [2, 3, 2, 3]), 0), shape=S)
add("tile", lambda c: c.op("Tile", 0, [1, 2, 3, 1]), shape=S)
add("tile batch", lambda c: c.op("Tile", 0, [2, 1, 1, 2]), shape=S)
add("tile all", lambda c: c.op("Tile", 0, [2, 2, 2, 2]), shape=[1, 2, 2, 2])

# ---- Transposed convolution ----

def transposed(name, out, kernel, channels=3, group=1, bias=True, shape=None, options=None, dtype=0, **attributes):
    def build(c):
        w = c.weight(channels, out // group, *kernel, span=0.5, dtype=dtype)
        c.op("ConvTranspose", 0, w, *([c.weight(out, dtype=dtype)] if bias else []), group=group, **attributes)

    add("transposed conv " + name, build, shape=shape or [2, channels, 4, 3], **(options or {}))


transposed("3x3", 4, [3, 3])
transposed("2x2 stride", 2, [2, 2], strides=[2, 2])
transposed("pads", 4, [3, 3], pads=[1, 1, 1, 1], bias=False)
transposed("uneven pads", 2, [3, 2], pads=[0, 1, 2, 0], strides=[2, 1])
transposed("output padding", 3, [3, 3], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
transposed("stride 3, output padding 2", 2, [2, 3], strides=[3, 3], output_padding=[2, 1])
transposed("dilation", 2, [2, 2], dilations=[2, 3], strides=[1, 2])
transposed("groups", 4, [3, 3], channels=4, group=2, pads=[1, 1, 1, 1])
transposed("depthwise", 3, [3, 3], group=3, strides=[2, 2], pads=[1, 1, 1, 1])
transposed("depthwise multiplier", 6, [3, 3], group=3)
transposed("same upper", 2, [3, 3], auto_pad="SAME_UPPER", strides=[2, 2])
transposed("same lower", 2, [4, 3], auto_pad="SAME_LOWER", strides=[2, 2])
transposed("same, stride longer than kernel", 2, [1, 2], auto_pad="SAME_UPPER", strides=[3, 3], options={"onnx": False})
transposed("output shape", 2, [3, 3], output_shape=[9, 8], strides=[2, 2])
transposed("one axis", 3, [3], shape=[2, 3, 5], strides=[2], pads=[1, 0])
transposed("1x1", 5, [1, 1])
transposed("wide", 17, [3, 3], channels=20, shape=[1, 20, 3, 4], pads=[1, 1, 1, 1])
transposed("float16", 2, [2, 2], dtype=FLOAT16, options={"onnx": False})
add("transposed conv, relu, residual", lambda c: c.op("Add", 0, c.op("Relu", c.op("ConvTranspose", 0, c.weight(3, 3, 3, 3), c.weight(3), pads=[1, 1, 1, 1]))),
    shape=[1, 3, 4, 3])
add("transposed conv of a conv", lambda c: c.op("Add", *(lambda x: (x, c.op("ConvTranspose", x, c.weight(4, 4, 1, 1))))(
    c.op("Conv", 0, c.weight(4, 3, 1, 1)))), shape=[1, 3, 3, 3])

# ---- Reductions ----

for op in ("Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"):
    for axes, keep in (([2, 3], 0), ([1], 1), ([1, 3], 0), ([0, 2], 1), ([-1], 0), ([1, 2, 3], 1)):
        def reduce(c, op=op, axes=axes, keep=keep):
            c.op("Reduce" + op, c.op("Abs", 0) if op == "LogSum" else 0, axes, keepdims=keep)
        add(f"reduce {op} {axes}", reduce, shape=S)
    one(f"reduce {op} all", "Reduce" + op, keepdims=0, options={"shape": [2, 3, 2], "onnx": False}) if op != "LogSum" else None
one("reduce Sum of nothing", "ReduceSum", noop_with_empty_axes=1, options={"shape": S})
add("reduce Max ties", lambda c: c.op("ReduceMax", 0, [1, 2, 3]), shape=[2, 3, 4, 4], step=1.0)
add("reduce Min ties of space", lambda c: c.op("ReduceMin", 0, [2, 3]), shape=[2, 3, 4, 4], step=1.0)
add("reduce Prod with zeros", lambda c: c.op("ReduceProd", c.op("Relu", 0), [1]), shape=[2, 3, 4, 2])
add("reduce Max wide", lambda c: c.op("ReduceMax", 0, [2]), shape=[1, 70, 3, 2])

# ---- Resampling ----

def resize(name, shape, scales=None, sizes=None, part=None, options=None, **attributes):
    add("resize " + name, lambda c: c.op("Resize", 0, None if part is None else c.exact(part), None if scales is None else c.exact(scales),
                                         *([sizes] if sizes is not None else []), **attributes), shape=shape, **(options or {}))


R = [1, 2, 4, 5]
PLACES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")
for mode in ("nearest", "linear", "cubic"):
    for at in PLACES:
        resize(f"{mode} {at} up", R, [1, 1, 2, 2.4], mode=mode, coordinate_transformation_mode=at)
        resize(f"{mode} {at} down", R, [1, 1, 0.5, 0.8], mode=mode, coordinate_transformation_mode=at)
    resize(f"{mode} sizes", R, sizes=[1, 2, 7, 3], mode=mode)
    resize(f"{mode} to one", R, sizes=[1, 2, 1, 1], mode=mode, coordinate_transformation_mode="pytorch_half_pixel")
    resize(f"{mode} of one", [1, 2, 1, 3], sizes=[1, 2, 3, 3], mode=mode)
for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
    for at in ("half_pixel", "asymmetric", "align_corners"):
        resize(f"nearest {rounding} {at}", R, [1, 1, 1.5, 0.6], mode="nearest", nearest_mode=rounding, coordinate_transformation_mode=at)
resize("nearest for nn", R, [1, 1, 0.5, 2.5], mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor",
       options={"onnx": False})
for mode in ("nearest", "linear", "cubic"):
    resize(f"{mode} crop", R, sizes=[1, 2, 3, 4], part=[0, 0, 0.25, -0.5, 1, 1, 0.75, 1.25], mode=mode, extrapolation_value=2.5,
           coordinate_transformation_mode="tf_crop_and_resize", options={"onnx": mode != "cubic"})
resize("cubic exclude outside", R, [1, 1, 1.75, 0.8], mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)
for mode in ("linear", "cubic"):
    resize(f"{mode} antialias", [1, 2, 7, 9], [1, 1, 0.5, 0.4], mode=mode, antialias=1, exclude_outside=1, options={"onnx": False})
    resize(f"{mode} antialias sizes", [1, 2, 7, 9], sizes=[1, 2, 3, 12], mode=mode, antialias=1, options={"onnx": False})
resize("axes", R, [2.0, 0.5], mode="linear", axes=[3, 2])
resize("not larger", R, sizes=[7, 7], mode="linear", axes=[2, 3], keep_aspect_ratio_policy="not_larger")
resize("not smaller", R, sizes=[7, 7], mode="nearest", axes=[-2, -1], keep_aspect_ratio_policy="not_smaller", options={"onnx": False})
resize("all axes", [2, 2, 2, 3], [2, 1.5, 2, 2], mode="linear", options={"onnx": False})
resize("3 axes", [2, 3, 5], [1, 1, 2], mode="linear")
resize("5 axes", [1, 2, 2, 3, 2], [1, 1, 2, 2, 2], mode="linear", options={"onnx": False})
resize("nothing", R, [1, 1, 1, 1], mode="linear")
for mode in ("nearest", "linear"):
    add(f"upsample {mode}", lambda c, mode=mode: c.op("Upsample", 0, c.exact([1, 1, 2, 3]), mode=mode), shape=R, onnx=False)
add("upsample, skip", lambda c: c.op("Add", c.op("Resize", c.op("MaxPool", 0, kernel_shape=[2, 2], strides=[2, 2]), None, c.exact([1, 1, 2, 2])), 0),
    shape=[1, 2, 4, 6])
one("depth to space", "DepthToSpace", blocksize=2, options={"shape": [2, 8, 2, 3]})
one("depth to space CRD", "DepthToSpace", blocksize=2, mode="CRD", options={"shape": [2, 8, 2, 3]})
one("depth to space 3", "DepthToSpace", blocksize=3, options={"shape": [1, 9, 2, 1]})
one("space to depth", "SpaceToDepth", blocksize=2, options={"shape": [2, 2, 4, 6]})
add("space to depth, conv", lambda c: c.op("Conv", c.op("SpaceToDepth", 0, blocksize=2), c.weight(3, 8, 1, 1)), shape=[1, 2, 4, 4])

# ---- Places of maxima ----

def unpooled(name, shape, more=(), **window):
    add(f"unpool {name}", lambda c: c.op("MaxUnpool", c.op("Tanh", c.op("MaxPool", 0, **window)), c.op("MaxPoolIndices", 0, **window), *more,
                                         **{k: v for k, v in window.items() if k != "dilations"}), shape=shape, onnx=False)


unpooled("", [2, 3, 4, 6], kernel_shape=[2, 2], strides=[2, 2])
unpooled("overlapping", [1, 2, 4, 5], kernel_shape=[3, 2])
unpooled("pads", [1, 2, 5, 5], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
unpooled("one axis", [2, 2, 8], kernel_shape=[2], strides=[2])
unpooled("three axes", [1, 2, 4, 2, 4], kernel_shape=[2, 2, 2], strides=[2, 2, 2])
unpooled("to a shape", [1, 2, 4, 4], [[1, 2, 5, 6]], kernel_shape=[2, 2], strides=[2, 2])
for order in (0, 1):
    add(f"max pool indices {order}", lambda c, order=order: c.op("Add", c.op("MaxPool", 0, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 0, 1]),
        c.op("MaxPoolIndices", 0, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 0, 1], storage_order=order)), shape=[2, 2, 4, 5], onnx=False)
add("max pool indices of equals", lambda c: c.op("Add", c.op("MaxPoolIndices", c.op("Relu", 0), kernel_shape=[2, 2]), c.op("MaxPool", 0,
    kernel_shape=[2, 2])), shape=[1, 2, 4, 4], onnx=False)

# ---- Norms ----

for p in (1, 2, 3):
    one(f"lp pool {p}", "LpPool", kernel_shape=[2, 2], strides=[2, 2], p=p, options={"shape": [2, 3, 4, 5]})
    one(f"lp pool {p} pads", "LpPool", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], p=p, options={"shape": [1, 3, 4, 4]})
one("lp pool same", "LpPool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER", options={"shape": [1, 3, 4, 5]})
one("lp pool dilation", "LpPool", kernel_shape=[2, 2], dilations=[2, 3], options={"shape": [1, 3, 4, 5], "onnx": False})
one("lp pool one axis", "LpPool", kernel_shape=[3], options={"shape": [2, 3, 7]})
for p in (1, 2, 3):
    one(f"lp pool three axes {p}", "LpPool", kernel_shape=[2, 2, 2], strides=[2, 1, 2], p=p, options={"shape": [1, 2, 4, 3, 4]})
one("lp pool three axes pads", "LpPool", kernel_shape=[3, 2, 2], strides=[2, 1, 1], pads=[1, 0, 1, 0, 1, 0], p=2, options={"shape": [2, 1, 3, 3, 2]})
add("lp pool three axes of zeros", lambda c: c.op("LpPool", c.op("Relu", 0), kernel_shape=[2, 2, 2]), shape=[1, 2, 2, 3, 3])
add("lp pool of zeros", lambda c: c.op("LpPool", c.op("Relu", 0), kernel_shape=[2, 2]), shape=[1, 3, 4, 4])
one("global lp pool", "GlobalLpPool", options={"shape": S})
one("global lp pool 3", "GlobalLpPool", p=3, options={"shape": S})
for p in (1, 2):
    for axis in (1, -1):
        one(f"lp normalization {p} {axis}", "LpNormalization", p=p, axis=axis, options={"shape": S})
    add(f"lp normalization {p} of zeros", lambda c, p=p: c.op("LpNormalization", c.op("Relu", 0), p=p, axis=1), shape=[2, 2, 3, 3], onnx=False)

# ---- Products ----

def einsum(name, equation, shape, *others, onnx=True):
    add("einsum " + name, lambda c: c.op("Einsum", 0, *[c.weight(*o) for o in others], equation=equation), shape=shape, onnx=onnx)


einsum("matmul", "bij,bjk->bik", [2, 3, 4], [2, 4, 5])
einsum("heads", "bhqd,bhkd->bhqk", [1, 2, 3, 4], [1, 2, 5, 4])
einsum("of channels", "nchw,oc->nohw", [1, 3, 2, 4], [5, 3])
einsum("dots", "...ij,...jk->...ik", [2, 3, 2, 4], [3, 4, 2], onnx=False)
einsum("dots broadcast", "...i,...i->...", [2, 1, 4], [3, 4], onnx=False)
einsum("sum", "ijk->ik", [2, 3, 4])
einsum("transpose", "ijk -> kij", [2, 3, 4])
einsum("diagonal", "bii->bi", [2, 3, 3])
einsum("trace and product", "bii,bj->j", [2, 3, 3], [2, 4])
einsum("outer", "i,j->ij", [3], [4])
einsum("all", "ij,ij->", [3, 4], [3, 4])
einsum("implicit", "ij,jk", [3, 4], [4, 2])
einsum("summed label of one", "ij,k->k", [3, 4], [5], onnx=False)
add("einsum of two computed", lambda c: c.op("Einsum", 0, c.op("Tanh", 0), equation="bij,bkj->bik"), shape=[2, 3, 4])

# ---- Quantisation ----

add("quantize", lambda c: c.op("QuantizeLinear", 0, c.exact(1 / 16), c.exact(3, INT8)), shape=S, onnx=False)
add("quantize, cut off", lambda c: c.op("QuantizeLinear", 0, c.exact(1 / 100), c.exact(60, UINT8)), shape=S, onnx=False)
add("quantize of unknown type", lambda c: c.op("QuantizeLinear", 0, c.exact(1 / 32)), shape=S, onnx=False)
add("quantize, back", lambda c: c.op("DequantizeLinear", c.op("QuantizeLinear", 0, c.exact(1 / 60), c.exact(10, INT8)), c.exact(1 / 60), c.exact(10, INT8)),
    shape=S, onnx=False)
add("quantize channels, back", lambda c: c.op("DequantizeLinear", c.op("QuantizeLinear", 0, c.exact([0.02, 0.01, 0.03]), c.exact([5, -3, 0], INT8)),
    c.exact([0.02, 0.01, 0.03]), c.exact([5, -3, 0], INT8)), shape=S, onnx=False)
for axis, block, scales in ((1, 2, [1, 2, 2, 3]), (2, 2, [1, 3, 1, 3]), (3, 1, [1, 3, 2, 3]), (-1, 2, [1, 3, 2, 2])):
    blocks = {"axis": axis, "block_size": block}
    add(f"quantize blocks {axis} {block}", lambda c, blocks=blocks, scales=scales: c.op("QuantizeLinear", c.op("Tanh", 0),
        c.exact(0.01 + 0.001 * np.arange(np.prod(scales)).reshape(scales)), c.exact(c.random.integers(-9, 9, scales), INT8), **blocks),
        shape=[1, 3, 2, 3], onnx=False)
    add(f"dequantize blocks {axis} {block}", lambda c, blocks=blocks, scales=scales: c.op("Mul", c.op("DequantizeLinear", c.op("QuantizeLinear", 0,
        c.exact(1 / 50), c.exact(10, INT8)), c.exact(0.01 + 0.001 * np.arange(np.prod(scales)).reshape(scales)),
        c.exact(c.random.integers(-9, 9, scales), INT8), **blocks), 0), shape=[1, 3, 2, 3], onnx=False)
add("conv of quantized weights", lambda c: c.op("Conv", 0, c.op("DequantizeLinear", c.exact(c.random.integers(-128, 128, [2, 3, 2, 2]), INT8),
    c.exact([0.01, 0.02]), c.exact([1, -2], INT8), axis=0)), shape=S, onnx=False)

# ---- Three spatial axes ----

D = [1, 2, 4, 3, 5]
one("max pool three axes", "MaxPool", kernel_shape=[2, 2, 2], strides=[2, 1, 2], options={"shape": D})
one("max pool three axes ties", "MaxPool", kernel_shape=[3, 2, 3], strides=[1, 1, 2], pads=[1, 0, 1, 1, 1, 1], options={"shape": D, "step": 1.0})
one("max pool three axes ceil", "MaxPool", kernel_shape=[3, 2, 2], strides=[2, 2, 2], ceil_mode=1, options={"shape": D})
one("max pool three axes dilation", "MaxPool", kernel_shape=[2, 2, 2], dilations=[3, 1, 2], options={"shape": D})
one("average pool three axes", "AveragePool", kernel_shape=[2, 3, 2], strides=[1, 1, 2], options={"shape": D})
one("average pool three axes pads", "AveragePool", kernel_shape=[3, 2, 3], strides=[2, 1, 1], pads=[1, 0, 1, 1, 1, 0], options={"shape": D})
one("average pool three axes counts pads", "AveragePool", kernel_shape=[3, 2, 3], strides=[2, 1, 1], pads=[1, 0, 1, 1, 1, 0], count_include_pad=1,
    options={"shape": D})
one("average pool depth 1", "AveragePool", kernel_shape=[1, 2, 2], options={"shape": [2, 2, 1, 3, 4]})
one("max pool depth only", "MaxPool", kernel_shape=[2, 1, 1], options={"shape": [1, 2, 4, 2, 2]})


def conv_3d(name, out, group_in, kernel, shape=D, bias=True, **attributes):
    add("conv three axes " + name, lambda c: c.op("Conv3D", 0, c.weight(out, group_in, *kernel, span=0.5), *([c.weight(out)] if bias else []),
                                                  **attributes), shape=shape)


conv_3d("3x3x3", 3, 2, [3, 3, 3], pads=[1, 1, 1, 1, 1, 1])
conv_3d("strides", 2, 2, [2, 3, 2], strides=[2, 1, 3], pads=[1, 0, 1, 0, 1, 1], bias=False)
conv_3d("dilation", 2, 2, [2, 2, 2], dilations=[3, 1, 2])
conv_3d("groups", 4, 2, [2, 1, 2], shape=[1, 4, 3, 2, 3], group=2)
conv_3d("same", 2, 2, [3, 2, 3], auto_pad="SAME_UPPER", strides=[2, 2, 2])
conv_3d("1x1x1", 3, 2, [1, 1, 1])
add("conv three axes, relu, pool", lambda c: c.op("MaxPool", c.op("Relu", c.op("Conv3D", 0, c.weight(3, 2, 2, 2, 2), c.weight(3))), kernel_shape=[2, 2, 2]),
    shape=D)
transposed("three axes", 3, [2, 3, 2], channels=2, shape=[1, 2, 3, 2, 3], strides=[2, 1, 2], pads=[1, 0, 0, 0, 1, 1], output_padding=[1, 0, 1])
transposed("three axes groups", 4, [2, 2, 2], channels=2, group=2, shape=[2, 2, 2, 2, 3], dilations=[2, 1, 1])
transposed("three axes same", 2, [3, 3, 3], channels=2, shape=[1, 2, 2, 3, 2], strides=[2, 2, 2], auto_pad="SAME_LOWER")

for axis in (1, 2, 3, -1):
    one(f"sparsemax {axis}", "Sparsemax", axis=axis, options={"onnx": False})
one("sparsemax of 2 axes", "Sparsemax", axis=1, options={"onnx": False, "shape": [3, 11], "span": 9.0})
one("sparsemax of one", "Sparsemax", axis=1, options={"onnx": False, "shape": [2, 1, 3, 2]})
