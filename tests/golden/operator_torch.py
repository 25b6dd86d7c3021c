"""What each operator of lib/ops/ops.def computes, written with PyTorch: the truth of operators.bin. Forward only; PyTorch
differentiates it. Inputs are tensors, or None where omitted; lists of integers come as Python lists."""

import math

import numpy as np
import torch
import torch.nn.functional as F


def same_pads(size, kernel, stride, dilation, lower):
    total = max((math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return (total - total // 2, total // 2) if lower else (total // 2, total - total // 2)


def window(x, kernel, a):
    """Strides, dilations and [(begin, end), ...] for each spatial axis."""
    n = x.dim() - 2
    strides, dilations = a.get("strides", [1] * n), a.get("dilations", [1] * n)
    auto = a.get("auto_pad", "NOTSET")
    pads = a.get("pads", [0] * (2 * n))
    pairs = [(pads[i], pads[n + i]) for i in range(n)]
    if auto == "VALID":
        pairs = [(0, 0)] * n
    elif auto != "NOTSET":
        lower = auto == "SAME_LOWER"
        pairs = [same_pads(x.shape[2 + i], kernel[i], strides[i], dilations[i], lower) for i in range(n)]
    return strides, dilations, pairs


def padded(x, pairs, value):
    return F.pad(x, [p for pair in reversed(pairs) for p in pair], value=value)


def conv(i, a):
    x, w, b = i[0], i[1], i[2] if len(i) > 2 else None
    strides, dilations, pairs = window(x, w.shape[2:], a)
    run = F.conv1d if x.dim() == 3 else F.conv2d
    return run(padded(x, pairs, 0.0), w, b, strides, 0, dilations, a.get("group", 1))


def windows(x, a, value):
    """[N, C, taps, positions...] for a pool; what ceil_mode reads past the padding is `value` too."""
    kernel = a["kernel_shape"]
    strides, dilations, pairs = window(x, kernel, a)
    starts = []
    for i, k in enumerate(kernel):
        room = x.shape[2 + i] + sum(pairs[i]) - ((k - 1) * dilations[i] + 1)
        count = (math.ceil if a.get("ceil_mode") else math.floor)(room / strides[i]) + 1
        if a.get("ceil_mode") and (count - 1) * strides[i] >= x.shape[2 + i] + pairs[i][0]:
            count -= 1
        reach = (count - 1) * strides[i] + (k - 1) * dilations[i] + 1
        starts.append((count, max(reach - x.shape[2 + i] - sum(pairs[i]), 0)))
    wide = padded(x, [(p[0], p[1] + s[1]) for p, s in zip(pairs, starts)], value)
    for i, k in enumerate(kernel):
        index = torch.arange(starts[i][0])[:, None] * strides[i] + torch.arange(k)[None, :] * dilations[i]
        wide = wide.index_select(2 + 2 * i, index.reshape(-1)).unflatten(2 + 2 * i, (starts[i][0], k))
    order = [0, 1] + [3 + 2 * i for i in range(len(kernel))] + [2 + 2 * i for i in range(len(kernel))]
    return wide.permute(order).flatten(2, 1 + len(kernel))


def max_pool(i, a):
    taps = windows(i[0], a, -math.inf)
    values, places = taps, taps.detach().argmax(2, keepdim=True)
    best = taps.detach().amax(2, keepdim=True)
    first = (taps.detach() == best).to(torch.int8).argmax(2, keepdim=True)  # the first of equals
    assert places.shape == first.shape
    return values.gather(2, first).squeeze(2)


def average_pool(i, a):
    x = i[0]
    total = windows(x, a, 0.0).sum(2)
    ones = torch.ones_like(x)
    if a.get("count_include_pad"):
        _, _, pairs = window(x, a["kernel_shape"], a)
        b = {k: v for k, v in a.items() if k not in ("pads", "auto_pad")}
        # The padding counts, what ceil_mode adds past it does not.
        return total / windows_like(padded(ones, pairs, 1.0), b, total.shape[2:])
    return total / windows(ones, a, 0.0).sum(2)


def windows_like(ones, a, positions):
    """The sum of `ones` in each window, for a given number of positions."""
    kernel, n = a["kernel_shape"], ones.dim() - 2
    strides, dilations = a.get("strides", [1] * n), a.get("dilations", [1] * n)
    for i, k in enumerate(kernel):
        reach = (positions[i] - 1) * strides[i] + (k - 1) * dilations[i] + 1
        extra = [(0, 0)] * n
        extra[i] = (0, max(reach - ones.shape[2 + i], 0))
        ones = padded(ones, extra, 0.0)
        index = torch.arange(positions[i])[:, None] * strides[i] + torch.arange(k)[None, :] * dilations[i]
        ones = ones.index_select(2 + i, index.reshape(-1)).unflatten(2 + i, (positions[i], k)).sum(3 + i)
    return ones


def global_max(i, a):
    flat = i[0].flatten(2)
    first = (flat.detach() == flat.detach().amax(2, keepdim=True)).to(torch.int8).argmax(2, keepdim=True)
    return flat.gather(2, first).reshape(list(i[0].shape[:2]) + [1] * (i[0].dim() - 2))


def gemm(i, a):
    x = i[0].T if a.get("transA") else i[0]
    w = i[1].T if a.get("transB") else i[1]
    y = a.get("alpha", 1.0) * (x @ w)
    return y if len(i) < 3 or i[2] is None else y + a.get("beta", 1.0) * i[2]


def batch_norm(i, a):
    x, scale, shift, mean, var = i
    c = [1, -1] + [1] * (x.dim() - 2)
    return (x - mean.view(c)) / torch.sqrt(var.view(c) + a.get("epsilon", 1e-5)) * scale.view(c) + shift.view(c)


def lrn(i, a):
    x, size = i[0], a["size"]
    before = (size - 1) // 2
    square = F.pad((x * x).movedim(1, -1), (before, size - 1 - before)).unfold(-1, size, 1).sum(-1).movedim(-1, 1)
    return x / (a.get("bias", 1.0) + a.get("alpha", 1e-4) / size * square) ** a.get("beta", 0.75)


def clip(i, a):
    low = float(i[1]) if len(i) > 1 and i[1] is not None else a.get("min", -math.inf)
    high = float(i[2]) if len(i) > 2 and i[2] is not None else a.get("max", math.inf)
    return torch.clamp(i[0], low, high)


def softmax(i, a, run=F.softmax):
    x = i[0]
    if a.get("flatten"):
        axis = a.get("axis", 1) % x.dim()
        return run(x.flatten(axis), dim=-1).reshape(x.shape)
    return run(x, dim=a.get("axis", -1))


def pad(i, a):
    x, pads = i[0], i[1] if len(i) > 1 and i[1] is not None else a["pads"]
    value = float(i[2]) if len(i) > 2 and i[2] is not None else a.get("value", 0.0)
    axes = i[3] if len(i) > 3 and i[3] is not None else list(range(x.dim()))
    for at, axis in enumerate(axes):
        begin, end = pads[at], pads[len(axes) + at]
        x = x.movedim(axis, -1)
        if a.get("mode", "constant") == "constant":
            x = F.pad(x, (begin, end), value=value)
        else:
            place = np.arange(x.shape[-1])[max(-begin, 0):x.shape[-1] - max(-end, 0)]
            x = x[..., torch.from_numpy(np.pad(place, (max(begin, 0), max(end, 0)), a["mode"]))]
        x = x.movedim(-1, axis)
    return x


def slice_(i, a):
    x = i[0]
    lists = {k: i[n] if len(i) > n and i[n] is not None else a.get(k) for n, k in enumerate(["starts", "ends", "axes", "steps"], 1)}
    for at in range(len(lists["starts"])):
        axis = lists["axes"][at] if lists["axes"] else at
        places = np.arange(x.shape[axis])[lists["starts"][at]:lists["ends"][at]:lists["steps"][at] if lists["steps"] else 1]
        x = x.index_select(axis, torch.from_numpy(places.copy()))
    return x


def from_input(i, a, name):
    return i[1] if len(i) > 1 and i[1] is not None else a.get(name)


def reshape(i, a):
    shape = from_input(i, a, "shape")
    return i[0].reshape([i[0].shape[k] if d == 0 and not a.get("allowzero") else d for k, d in enumerate(shape)])


def flatten(i, a):
    axis = a.get("axis", 1)
    axis += i[0].dim() if axis < 0 else 0
    return i[0].reshape(math.prod(i[0].shape[:axis]), -1)


def squeeze(i, a):
    axes = from_input(i, a, "axes")
    return i[0].squeeze() if axes is None else i[0].squeeze(tuple(axes))


def unsqueeze(i, a):
    axes, x = from_input(i, a, "axes"), i[0]
    rank = x.dim() + len(axes)
    for axis in sorted(k % rank for k in axes):
        x = x.unsqueeze(axis)
    return x


def reduce_mean(i, a):
    axes, keep = from_input(i, a, "axes") or [], bool(a.get("keepdims", 1))
    if not axes and a.get("noop_with_empty_axes"):
        return i[0]
    return i[0].mean(dim=tuple(axes) or tuple(range(i[0].dim())), keepdim=keep)


def hard_sigmoid(i, a):
    return torch.clamp(a.get("alpha", 0.2) * i[0] + a.get("beta", 0.5), 0.0, 1.0)


RULES = {
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": lambda i, a: torch.matmul(i[0], i[1]),
    "BatchNormalization": batch_norm,
    "Relu": lambda i, a: F.relu(i[0]),
    "LeakyRelu": lambda i, a: F.leaky_relu(i[0], a.get("alpha", 0.01)),
    "Sigmoid": lambda i, a: torch.sigmoid(i[0]),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": lambda i, a: i[0] * torch.clamp(i[0] / 6 + 0.5, 0.0, 1.0),
    "Tanh": lambda i, a: torch.tanh(i[0]),
    "Clip": clip,
    "Softmax": softmax,
    "LogSoftmax": lambda i, a: softmax(i, a, F.log_softmax),
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda i, a: i[0].mean(dim=tuple(range(2, i[0].dim())), keepdim=True),
    "GlobalMaxPool": global_max,
    "LRN": lrn,
    "Add": lambda i, a: i[0] + i[1],
    "Sub": lambda i, a: i[0] - i[1],
    "Mul": lambda i, a: i[0] * i[1],
    "Div": lambda i, a: i[0] / i[1],
    "Concat": lambda i, a: torch.cat(list(i), a["axis"]),
    "Pad": pad,
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": lambda i, a: i[0].permute(a.get("perm", list(range(i[0].dim() - 1, -1, -1)))),
    "ReduceMean": reduce_mean,
    "Dropout": lambda i, a: i[0],
    "Identity": lambda i, a: i[0],
    "Slice": slice_,
    "Cast": lambda i, a: i[0],
}
