"""The graphs of operators.bin. CASES: functions that take the class Case and give one."""

FLOAT16, FLOAT64 = 1, 3  # axm_dtype
CASES = []


def recorders(cases):
    """add(name, build): a case that build(c) adds nodes to, where value 0 is the image; one(name, op): of that operator alone."""

    def add(name, build, **options):
        def make(case):
            c = case(name, **options)
            build(c)
            return c

        cases.append(make)

    def one(name, op, options=None, **attributes):
        add(name, lambda c: c.op(op, 0, **attributes), **(options or {}))

    return add, one


add, one = recorders(CASES)


# ---- Convolution ----

def conv(name, out, group_in, kernel, bias=True, options=None, dtype=0, **attributes):
    def build(c):
        w = c.weight(out, group_in, *kernel, span=0.5, dtype=dtype)
        c.op("Conv", 0, w, *([c.weight(out, dtype=dtype)] if bias else []), **attributes)

    add(name, build, **(options or {}))


conv("conv 3x3", 4, 3, [3, 3], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
conv("conv no bias", 2, 3, [2, 2], bias=False)
conv("conv 1x1", 5, 3, [1, 1])
conv("conv 1x1 stride", 3, 3, [1, 1], strides=[2, 2])
conv("conv stride, uneven pads", 4, 3, [3, 3], strides=[2, 2], pads=[0, 1, 2, 1])
conv("conv strides differ", 2, 3, [3, 2], strides=[1, 3], pads=[1, 0, 1, 2])
conv("conv dilation", 3, 3, [3, 2], dilations=[2, 3], pads=[2, 1, 1, 2])
conv("conv dilation and stride", 3, 3, [2, 2], dilations=[3, 2], strides=[2, 1], pads=[1, 1, 2, 1])
conv("conv depthwise", 3, 1, [3, 3], group=3, pads=[1, 1, 1, 1])
conv("conv depthwise multiplier", 6, 1, [3, 3], group=3, pads=[1, 1, 1, 1], strides=[2, 2])
conv("conv groups", 6, 2, [3, 3], group=2, pads=[1, 1, 1, 1], options={"shape": [1, 4, 4, 5]})
conv("conv same upper", 3, 3, [3, 3], auto_pad="SAME_UPPER", strides=[2, 2])
conv("conv same lower", 3, 3, [3, 2], auto_pad="SAME_LOWER", strides=[2, 2])
conv("conv same lower, even kernel", 2, 3, [2, 4], auto_pad="SAME_LOWER")
conv("conv valid", 3, 3, [3, 3], auto_pad="VALID")
conv("conv one axis", 3, 2, [3], pads=[1, 2], strides=[2], options={"shape": [2, 2, 9]})
conv("conv one axis depthwise", 4, 1, [3], pads=[1, 1], group=4, options={"shape": [1, 4, 7]})
conv("conv kernel of the image's size", 4, 3, [5, 4])
conv("conv wide 3x3", 13, 16, [3, 3], pads=[1, 1, 1, 1], options={"shape": [1, 16, 6, 7]})
conv("conv wide 1x1", 24, 17, [1, 1], options={"shape": [1, 17, 3, 5]})
conv("conv float16 weights", 4, 3, [3, 3], pads=[1, 1, 1, 1], dtype=FLOAT16)
conv("conv float64 weights", 4, 3, [3, 3], pads=[1, 1, 1, 1], dtype=FLOAT64, options={"onnx": True})


def norm(c, x, channels, **attributes):
    return c.op("BatchNormalization", x, c.weight(channels), c.weight(channels), c.weight(channels), c.weight(channels, low=0.25),
                **attributes)


def conv_norm_relu(c):
    x = c.op("Conv", 0, c.weight(4, 3, 3, 3, span=0.5), c.weight(4), pads=[1, 1, 1, 1])
    c.op("Relu", norm(c, x, 4))


def conv_affine_clip(c):
    x = c.op("Conv", 0, c.weight(4, 3, 3, 3, span=0.5), pads=[1, 1, 1, 1])
    x = c.op("Mul", x, c.weight(1, 4, 1, 1))
    x = c.op("Sub", c.weight(4, 1, 1), x)
    x = c.op("Div", x, c.weight(1, low=0.5))
    c.op("Clip", c.op("Add", x, c.weight(1, 4, 1, 1)), c.weight(span=0.25), c.weight(low=0.5))


def depthwise_block(c):
    x = c.op("Clip", norm(c, c.op("Conv", 0, c.weight(6, 3, 1, 1)), 6), min=0.0, max=6.0)
    x = c.op("Clip", norm(c, c.op("Conv", x, c.weight(6, 1, 3, 3), group=6, pads=[1, 1, 1, 1]), 6), min=0.0, max=6.0)
    c.op("Add", norm(c, c.op("Conv", x, c.weight(3, 6, 1, 1)), 3), 0)


def residual_block(c):
    x = c.op("Relu", norm(c, c.op("Conv", 0, c.weight(3, 3, 3, 3, span=0.5), pads=[1, 1, 1, 1]), 3))
    x = norm(c, c.op("Conv", x, c.weight(3, 3, 3, 3, span=0.5), pads=[1, 1, 1, 1]), 3)
    c.op("Relu", c.op("Add", 0, x))


def squeeze_excite(c):
    x = c.op("Conv", c.op("GlobalAveragePool", 0), c.weight(2, 3, 1, 1), c.weight(2))
    x = c.op("HardSigmoid", c.op("Conv", c.op("Relu", x), c.weight(3, 2, 1, 1), c.weight(3)))
    c.op("Mul", 0, x)


add("conv, norm, relu", conv_norm_relu)
add("conv, affine maps, clip", conv_affine_clip)
add("inverted residual", depthwise_block, onnx=False)
add("residual", residual_block)
add("squeeze and excite", squeeze_excite)
add("conv, relu of two readers", lambda c: c.op("Add", *(lambda x: (x, c.op("Relu", x)))(c.op("Conv", 0, c.weight(2, 3, 2, 2)))))
add("conv, constant for each element", lambda c: c.op("Add", c.op("Conv", 0, c.weight(4, 3, 1, 1)), c.weight(1, 4, 2, 3)),
    shape=[1, 3, 2, 3])
add("conv, constant for each row, relu", lambda c: c.op("Relu", c.op("Mul", c.op("Conv", 0, c.weight(4, 3, 1, 1)), c.weight(4, 2, 1))),
    shape=[1, 3, 2, 3])
add("conv widened by a constant", lambda c: c.op("Mul", c.op("Conv", 0, c.weight(1, 3, 1, 1)), c.weight(4, 1, 1)), shape=[1, 3, 2, 3])
add("norm", lambda c: norm(c, 0, 3, epsilon=1e-3))
add("norm of 2 axes", lambda c: norm(c, 0, 6), shape=[4, 6])
add("norm of 3 axes", lambda c: norm(c, 0, 2), shape=[2, 2, 7])
add("norm, relu", lambda c: c.op("Relu", norm(c, 0, 3)))

# ---- Matrices ----

def gemm(name, a, b, c_shape=None, options=None, **attributes):
    def build(c):
        c.op("Gemm", 0, c.weight(*b), *([c.weight(*c_shape)] if c_shape is not None else []), **attributes)

    add(name, build, shape=a, **(options or {}))


gemm("gemm", [3, 7], [7, 5], [5])
gemm("gemm transB", [3, 7], [5, 7], [5], transB=1)
gemm("gemm one row", [1, 33], [18, 33], [18], transB=1)
gemm("gemm transA", [7, 3], [7, 5], [5], transA=1)
gemm("gemm transA transB", [7, 3], [5, 7], [1, 5], transA=1, transB=1)
gemm("gemm factors", [3, 7], [7, 5], [3, 1], alpha=0.5, beta=-2.0)
gemm("gemm full C", [3, 7], [7, 5], [3, 5], alpha=2.0)
gemm("gemm scalar C", [3, 7], [7, 5], [])
gemm("gemm no C", [3, 7], [5, 7], transB=1, alpha=-1.5)
add("gemm of two computed", lambda c: c.op("Gemm", 0, c.op("Tanh", 0), c.weight(4), transB=1, alpha=0.5), shape=[4, 3])
add("gemm of two computed, transA", lambda c: c.op("Gemm", 0, c.op("Tanh", 0), transA=1), shape=[4, 3])
add("gemm, affine, relu", lambda c: c.op("Relu", c.op("Add", c.op("Mul", c.op("Gemm", 0, c.weight(5, 7), c.weight(5), transB=1),
                                                                  c.weight(5)), c.weight(1, 5))), shape=[3, 7])
add("matmul, bias", lambda c: c.op("Add", c.op("MatMul", 0, c.weight(4, 6)), c.weight(6)))
add("matmul of batches", lambda c: c.op("MatMul", 0, c.weight(2, 3, 4, 2)))
add("matmul broadcast", lambda c: c.op("MatMul", 0, c.weight(3, 4, 2)))
add("matmul by a column", lambda c: c.op("MatMul", 0, c.weight(4)))
add("matmul constant first", lambda c: c.op("MatMul", c.weight(6, 5), 0))
add("matmul row first", lambda c: c.op("MatMul", c.weight(5), 0))
add("matmul of two computed", lambda c: c.op("MatMul", 0, c.op("Transpose", c.op("Tanh", 0), perm=[0, 1, 3, 2])))
add("matmul broadcast computed", lambda c: c.op("MatMul", c.op("ReduceMean", 0, axes=[1]), c.op("Transpose", 0, perm=[0, 1, 3, 2])),
    onnx=False)

# ---- Functions of one variable ----

one("relu", "Relu")
one("leaky relu", "LeakyRelu", alpha=0.2)
one("leaky relu, usual slope", "LeakyRelu")
one("sigmoid", "Sigmoid", options={"span": 8.0})
one("hard sigmoid", "HardSigmoid", options={"span": 4.0})
one("hard sigmoid, other bends", "HardSigmoid", alpha=0.5, beta=0.3)
one("hard swish", "HardSwish", options={"span": 5.0})
one("tanh", "Tanh", options={"span": 4.0})
one("clip attributes", "Clip", min=-0.5, max=0.75, options={"onnx": False})
one("clip nothing", "Clip")
# No element lies on a bound, where conventions differ: these are even multiples of the image's unit.
add("clip inputs", lambda c: c.op("Clip", 0, c.weight(span=0.25, low=-129 / 128), c.weight(low=65 / 128)))
add("clip one bound", lambda c: c.op("Clip", 0, None, c.weight(low=65 / 128)))
add("silu", lambda c: c.op("Mul", 0, c.op("Sigmoid", 0)))
for axis in (-1, 1, 2, 0):
    one(f"softmax {axis}", "Softmax", axis=axis, options={"shape": [2, 3, 3, 4]})
one("softmax flat", "Softmax", flatten=1, options={"onnx": False})
one("softmax flat 2", "Softmax", flatten=1, axis=2, options={"onnx": False})
one("softmax of 2 axes", "Softmax", axis=1, options={"shape": [3, 11], "span": 9.0})
one("log softmax", "LogSoftmax", axis=1)
one("log softmax last", "LogSoftmax", options={"shape": [3, 11], "span": 9.0})

# ---- Pools ----

one("max pool", "MaxPool", kernel_shape=[2, 2], strides=[2, 2])
one("max pool ties", "MaxPool", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], options={"step": 1.0})
one("max pool pads", "MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 2])
one("max pool ceil", "MaxPool", kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)
one("max pool ceil pads", "MaxPool", kernel_shape=[3, 3], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1, options={"shape": [1, 2, 7, 6]})
one("max pool dilation", "MaxPool", kernel_shape=[2, 2], dilations=[3, 2])
one("max pool same upper", "MaxPool", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER")
one("max pool one axis", "MaxPool", kernel_shape=[3], strides=[2], options={"shape": [2, 3, 9]})
one("average pool", "AveragePool", kernel_shape=[2, 2], strides=[2, 2])
one("average pool pads", "AveragePool", kernel_shape=[3, 3], strides=[2, 1], pads=[1, 0, 1, 2])
one("average pool counts pads", "AveragePool", kernel_shape=[3, 3], strides=[2, 1], pads=[1, 0, 1, 2], count_include_pad=1)
one("average pool ceil", "AveragePool", kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)
one("average pool ceil counts pads", "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1,
    count_include_pad=1, options={"shape": [1, 2, 6, 4]})
one("average pool same lower", "AveragePool", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER")
one("average pool one axis", "AveragePool", kernel_shape=[3], strides=[2], pads=[1, 1], options={"shape": [2, 3, 9]})
one("global average", "GlobalAveragePool")
one("global average of 3 axes", "GlobalAveragePool", options={"shape": [2, 3, 7]})
one("global average of 5 axes", "GlobalAveragePool", options={"shape": [2, 3, 2, 3, 2]})
one("global max", "GlobalMaxPool")
one("global max ties", "GlobalMaxPool", options={"step": 1.0})
one("lrn", "LRN", size=3, alpha=0.5, beta=0.75, bias=2.0)
one("lrn even size", "LRN", size=4, alpha=1.0, beta=0.6, options={"shape": [1, 7, 3, 2], "onnx": False})
one("lrn usual factors", "LRN", size=5, options={"shape": [1, 7, 3, 2]})

# ---- Two operands ----

for op in ("Add", "Sub", "Mul", "Div"):
    low = 0.5 if op == "Div" else None
    name = op.lower()
    add(f"{name} number", lambda c, op=op, low=low: c.op(op, 0, c.weight(low=low)))
    add(f"{name} channels", lambda c, op=op, low=low: c.op(op, 0, c.weight(3, 1, 1, low=low)))
    add(f"{name} columns", lambda c, op=op, low=low: c.op(op, 0, c.weight(4, low=low)))
    add(f"{name} whole", lambda c, op=op, low=low: c.op(op, 0, c.weight(1, 3, 5, 4, low=low)))
    add(f"{name} widened", lambda c, op=op, low=low: c.op(op, 0, c.weight(2, 3, 2, 4, low=low)), shape=[1, 3, 1, 4])
    if op != "Div":
        add(f"{name} constant first", lambda c, op=op: c.op(op, c.weight(3, 5, 1), 0))
    add(f"{name} two computed", lambda c, op=op: c.op(op, 0, c.op("Sigmoid", 0)))
    add(f"{name} by channel means", lambda c, op=op: c.op(op, 0, c.op("Sigmoid", c.op("GlobalAveragePool", 0))))
    add(f"{name} by a map", lambda c, op=op: c.op(op, c.op("Sigmoid", c.op("ReduceMean", 0, axes=[1])), c.op("Sigmoid", 0)), onnx=False)
    add(f"{name} fewer axes computed", lambda c, op=op: c.op(op, 0, c.op("Sigmoid", c.op("ReduceMean", 0, axes=[0, 1], keepdims=0))),
        onnx=False)
add("div constant first", lambda c: c.op("Div", c.weight(3, 5, 1), c.op("Sigmoid", 0)))
add("add itself", lambda c: c.op("Add", 0, 0))
add("mul itself", lambda c: c.op("Mul", 0, 0))
add("sub itself", lambda c: c.op("Sub", 0, c.op("Tanh", 0)))
add("add, relu", lambda c: c.op("Relu", c.op("Add", 0, c.op("Tanh", 0))))
add("mul, clip", lambda c: c.op("Clip", c.op("Mul", 0, c.weight(3, 1, 1)), min=-0.5, max=0.5), onnx=False)
add("concat channels", lambda c: c.op("Concat", 0, c.op("Relu", 0), c.op("Tanh", 0), axis=1))
add("concat rows", lambda c: c.op("Concat", c.op("Relu", 0), 0, axis=2))
add("concat last", lambda c: c.op("Concat", 0, c.op("Tanh", 0), axis=-1))
add("concat batch", lambda c: c.op("Concat", 0, 0, axis=0))
add("concat constants", lambda c: c.op("Concat", c.weight(2, 2, 5, 4), 0, c.weight(2, 1, 5, 4), axis=1))
add("concat one", lambda c: c.op("Concat", 0, axis=3))

# ---- Shapes ----

add("pad", lambda c: c.op("Pad", 0, [0, 1, 2, 0, 0, 0, 1, 3], c.weight()))
add("pad batch", lambda c: c.op("Pad", 0, [1, 0, 0, 0, 0, 0, 0, 1]))
for mode in ("reflect", "edge", "wrap"):
    add(f"pad {mode}", lambda c, mode=mode: c.op("Pad", 0, [0, 0, 2, 3, 0, 1, 1, 1], mode=mode))
add("pad crop", lambda c: c.op("Pad", 0, [0, -1, -1, 2, 0, 0, 2, -2]))
add("pad crop reflect", lambda c: c.op("Pad", 0, [0, 0, -2, 1, 0, 0, 1, -1], mode="reflect"), onnx=False)
add("pad axes", lambda c: c.op("Pad", 0, [1, 2, 0, 3], c.weight(), [-1, 2]))
one("pad attributes", "Pad", pads=[0, 0, 1, 1, 0, 0, 0, 2], value=-1.5, options={"onnx": False})
for axis in (1, 0, 2, 4, -1):
    one(f"flatten {axis}", "Flatten", axis=axis)
add("flatten of 1x1", lambda c: c.op("Flatten", c.op("GlobalAveragePool", 0)))
add("reshape", lambda c: c.op("Reshape", 0, [0, -1, 2]))
add("reshape more axes", lambda c: c.op("Reshape", 0, [2, 3, 1, 5, 2, 2]))
one("reshape attribute", "Reshape", shape=[-1, 20], options={"onnx": False})
add("squeeze all", lambda c: c.op("Squeeze", 0), shape=[1, 3, 1, 4])
add("squeeze one", lambda c: c.op("Squeeze", 0, [-2]), shape=[1, 3, 1, 4])
one("squeeze attribute", "Squeeze", axes=[0], options={"onnx": False, "shape": [1, 3, 1, 4]})
add("unsqueeze", lambda c: c.op("Unsqueeze", 0, [0, -1]))
one("unsqueeze attribute", "Unsqueeze", axes=[2, 1], options={"onnx": False, "shape": [3, 4]})
for perm in ([0, 2, 3, 1], [0, 3, 1, 2], [1, 0, 3, 2], [3, 2, 1, 0], [0, 1, 3, 2]):
    one("transpose " + "".join(map(str, perm)), "Transpose", perm=perm)
one("transpose reversed", "Transpose")
add("transpose there and back", lambda c: c.op("Transpose", c.op("Mul", c.op("Transpose", 0, perm=[0, 2, 3, 1]), c.weight(3)),
                                               perm=[0, 3, 1, 2]))
add("shuffle", lambda c: c.op("Reshape", c.op("Transpose", c.op("Reshape", 0, [2, 2, 3, 3, 2]), perm=[0, 2, 1, 3, 4]), [2, 6, 3, 2]),
    shape=[2, 6, 3, 2])
for axes in ([2, 3], [1], [0], [3], [1, 3], [0, 2], [1, 2, 3], [0, 1, 2, 3], [-1, -3], [0, 3], [2, 1]):
    for keep in (1, 0):
        if len(axes) < 4:
            add(f"mean {axes} keepdims={keep}", lambda c, axes=axes, keep=keep: c.op("ReduceMean", 0, axes, keepdims=keep),
                shape=[2, 3, 3, 4])
one("mean of all", "ReduceMean", keepdims=0)
one("mean of nothing", "ReduceMean", noop_with_empty_axes=1)
one("mean attribute", "ReduceMean", axes=[2, 3], options={"onnx": False})
add("mean of 5 axes", lambda c: c.op("ReduceMean", c.op("GlobalAveragePool", 0), [1, 3], keepdims=0), shape=[2, 3, 2, 2, 2])
add("slice", lambda c: c.op("Slice", 0, [1, 0], [3, 3], [1, 3]))
add("slice steps", lambda c: c.op("Slice", 0, [0, 1], [9, 4], [2, 3], [2, 2]))
add("slice backwards", lambda c: c.op("Slice", 0, [-1, 10, 1], [-10, 0, -9], [1, 2, 0], [-1, -2, -1]))
one("slice attributes", "Slice", starts=[0, 1], ends=[1, 3], options={"onnx": False})
add("slice channels twice", lambda c: c.op("Concat", c.op("Slice", 0, [1], [3], [1]), c.op("Slice", 0, [0], [1], [1]), axis=1))
add("dropout", lambda c: c.op("Relu", c.op("Dropout", 0)))
add("identity", lambda c: c.op("Add", c.op("Identity", 0), 0))
add("cast", lambda c: c.op("Tanh", c.op("Cast", 0, to=0)))
