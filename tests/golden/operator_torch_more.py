"""operator_torch.py continued: the operators of operator_cases_more.py."""

import math

import torch
import torch.nn.functional as F

from operator_torch import padded, window, windows

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


def elu(x, alpha=1.0):
    return torch.where(x > 0, x, alpha * torch.expm1(torch.clamp(x, max=0.0)))


def celu(i, a):
    alpha = a.get("alpha", 1.0)
    return torch.where(i[0] > 0, i[0], alpha * torch.expm1(torch.clamp(i[0], max=0.0) / alpha))


def thresholded(i, a):
    return torch.where(i[0] > a.get("alpha", 1.0), i[0], 0.0 * i[0])


def layer_norm(i, a):
    x, axis = i[0], a.get("axis", -1) % i[0].dim()
    over = tuple(range(axis, x.dim()))
    mean = x.mean(over, keepdim=True)
    factor = 1.0 / torch.sqrt(((x - mean) ** 2).mean(over, keepdim=True) + a.get("epsilon", 1e-5))
    y = (x - mean) * factor * i[1]
    y = y if len(i) < 3 or i[2] is None else y + i[2]
    return [y, mean, factor][:a.get("results", 1)]


def rms_norm(i, a):
    x, axis = i[0], a.get("axis", -1) % i[0].dim()
    return x / torch.sqrt((x * x).mean(tuple(range(axis, x.dim())), keepdim=True) + a.get("epsilon", 1e-5)) * i[1]


def grouped(x, groups, epsilon, scale, shift):
    parts = x.reshape(x.shape[0], groups, -1)
    mean = parts.mean(2, keepdim=True)
    var = ((parts - mean) ** 2).mean(2, keepdim=True)
    c = [1, -1] + [1] * (x.dim() - 2)
    spread = lambda v: v.repeat_interleave(x.shape[1] // len(v)).view(c)
    return ((parts - mean) / torch.sqrt(var + epsilon)).reshape(x.shape) * spread(scale) + spread(shift)


def best(i, most):
    """The gradient goes to the first of equals."""
    stacked = torch.stack(torch.broadcast_tensors(*i))
    edge = stacked.detach().amax(0) if most else stacked.detach().amin(0)
    first = (stacked.detach() == edge).to(torch.int8).argmax(0, keepdim=True)
    return stacked.gather(0, first).squeeze(0)


def total(i):
    y = i[0]
    for x in i[1:]:
        y = y + x
    return y


def split(i, a):
    sizes = i[1] if len(i) > 1 and i[1] is not None else a.get("split")
    length, parts = i[0].shape[a.get("axis", 0)], a.get("results", 1)
    if sizes is None:
        each = -(-length // parts)
        sizes = [min(each, length - each * k) for k in range(parts)]
    return torch.split(i[0], sizes, a.get("axis", 0))


def gather(i, a):
    index = torch.tensor(i[1])
    axis = a.get("axis", 0) % i[0].dim()
    y = i[0].index_select(axis, index.reshape(-1) % i[0].shape[axis])
    return y.reshape(list(i[0].shape[:axis]) + list(index.shape) + list(i[0].shape[axis + 1:]))


def prelu(i, a):
    return torch.where(i[0] > 0, i[0], i[0] * i[1])


def conv_transpose(i, a):
    """Each input element adds its weights to the whole result, from which the padding is cut."""
    x, w, b = i[0], i[1], i[2] if len(i) > 2 else None
    n, kernel = x.dim() - 2, list(w.shape[2:])
    strides, dilations, more = (a.get(k, [v] * n) for k, v in (("strides", 1), ("dilations", 1), ("output_padding", 0)))
    run = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
    y = run(x, w, None, strides, 0, 0, a.get("group", 1), dilations)
    pads, auto, shape = a.get("pads", [0] * (2 * n)), a.get("auto_pad", "NOTSET"), a.get("output_shape")
    for k in range(n):
        whole = y.shape[2 + k] + more[k]
        wanted = shape[k] if shape else x.shape[2 + k] * strides[k] if auto.startswith("SAME") else None
        if wanted is None:
            begin, wanted = pads[k], whole - pads[k] - pads[n + k]
        else:
            total = max(whole - wanted, 0)
            begin = total // 2 if auto == "SAME_UPPER" else total - total // 2
        room = max(begin + wanted - y.shape[2 + k], 0)
        y = F.pad(y.movedim(2 + k, -1), (0, room)).movedim(-1, 2 + k).narrow(2 + k, begin, wanted)
    return y if b is None else y + b.view([1, -1] + [1] * n)


def reduction(i, a, run):
    """run(x, axes): a tensor of which `axes` are of size 1."""
    x, axes = i[0], (i[1] if len(i) > 1 and i[1] is not None else a.get("axes")) or []
    if not axes:
        if a.get("noop_with_empty_axes"):
            return x
        axes = list(range(x.dim()))
    y = run(x, tuple(k % x.dim() for k in axes))
    return y if a.get("keepdims", 1) else y.squeeze(tuple(axes))


def edge(x, axes, most):
    """The maximum or minimum; its gradient goes to the first of equals."""
    rest = [k for k in range(x.dim()) if k not in axes]
    flat = x.permute(rest + sorted(axes)).flatten(len(rest))
    fixed = flat.detach()
    first = (fixed == (fixed.amax(-1, keepdim=True) if most else fixed.amin(-1, keepdim=True))).to(torch.int8).argmax(-1, keepdim=True)
    return flat.gather(-1, first).reshape([1 if k in axes else x.shape[k] for k in range(x.dim())])


def product(x, axes):
    for axis in axes:
        x = x.prod(axis, keepdim=True)
    return x


def resize_weights(mode, ratio, scale, a):
    """The weights of the elements around a place, and the first one's distance from the element to its left."""
    scale = min(scale, 1.0) if a.get("antialias") else 1.0
    reach = math.ceil((2.0 if mode == "cubic" else 1.0) / scale) - 1
    distance = [abs((k - ratio) * scale) for k in range(-reach, reach + 2)]
    if mode == "linear":
        return [max(1.0 - d, 0.0) for d in distance], -reach
    c = a.get("cubic_coeff_a", -0.75)
    return [((c + 2) * d - (c + 3)) * d * d + 1 if d <= 1 else ((c * d - 5 * c) * d + 8 * c) * d - 4 * c if d < 2 else 0.0
            for d in distance], -reach


def resize_place(at, o, size, count, scale, part):
    whole = scale * size
    if at == "align_corners":
        return 0.0 if whole == 1 else o * (size - 1) / (whole - 1)
    if at == "asymmetric":
        return o / scale
    if at == "tf_half_pixel_for_nn":
        return (o + 0.5) / scale
    if at == "tf_crop_and_resize":
        if count == 1:
            return 0.5 * (part[0] + part[1]) * (size - 1)
        return (part[0] + o * (part[1] - part[0]) / (count - 1)) * (size - 1)
    if at == "pytorch_half_pixel" and count == 1:
        return 0.0
    shift = size / 2 * (1 - count / whole) if at == "half_pixel_symmetric" else 0.0
    return shift + (o + 0.5) / scale - 0.5


def resize_axis(x, axis, count, scale, part, a):
    """One axis by a matrix [count, size], and what lies outside."""
    size, mode = x.shape[axis], a.get("mode", "nearest")
    at, rounding = a.get("coordinate_transformation_mode", "half_pixel"), a.get("nearest_mode", "round_prefer_floor")
    matrix, base = torch.zeros(count, size, dtype=torch.float64), torch.zeros(count, dtype=torch.float64)
    for o in range(count):
        place = resize_place(at, o, size, count, scale, part)
        if at == "tf_crop_and_resize" and not 0 <= place <= size - 1:
            base[o] = a.get("extrapolation_value", 0.0)
            continue
        low = math.floor(place)
        share = place - low
        if mode == "nearest":
            up = {"round_prefer_floor": share > 0.5, "round_prefer_ceil": share >= 0.5, "floor": False, "ceil": share > 0}[rounding]
            matrix[o, min(max(low + up, 0), size - 1)] = 1.0
            continue
        weights, first = resize_weights(mode, share, scale, a)
        pairs = [(low + first + k, w) for k, w in enumerate(weights)]
        if a.get("exclude_outside"):
            pairs = [(k, w) for k, w in pairs if 0 <= k < size]
        total = sum(w for _, w in pairs)
        for k, w in pairs:
            matrix[o, min(max(k, 0), size - 1)] += w / total
    y = torch.tensordot(matrix, x.movedim(axis, 0), 1)
    return (y + base.view([-1] + [1] * (x.dim() - 1))).movedim(0, axis)


def resize(i, a):
    x, part, scales, sizes = (list(i) + [None] * 3)[:4]
    axes = [k % x.dim() for k in a.get("axes", range(x.dim()))]
    policy = a.get("keep_aspect_ratio_policy", "stretch")
    part = part.tolist() if part is not None and part.numel() else [0.0] * len(axes) + [1.0] * len(axes)
    if sizes is not None:
        scales = [s / x.shape[k] for s, k in zip(sizes, axes)]
        if policy != "stretch":
            scales = [min(scales) if policy == "not_larger" else max(scales)] * len(axes)
            sizes = [math.floor(s * x.shape[k] + 0.5) for s, k in zip(scales, axes)]
    else:
        scales = scales.tolist()
        sizes = [math.floor(s * x.shape[k] * (part[len(axes) + n] - part[n]) + 1e-6) for n, (s, k) in enumerate(zip(scales, axes))]
    for n, k in enumerate(axes):
        if sizes[n] != x.shape[k] or scales[n] != 1.0 or (part[n], part[len(axes) + n]) != (0.0, 1.0):
            x = resize_axis(x, k, sizes[n], scales[n], (part[n], part[len(axes) + n]), a)
    return x


def upsample(i, a):
    return resize([i[0], None, i[1], None], dict(a, coordinate_transformation_mode="asymmetric", nearest_mode="floor"))


def depth_to_space(i, a):
    x, b = i[0], a["blocksize"]
    n, c, h, w = x.shape
    if a.get("mode", "DCR") == "DCR":
        return x.reshape(n, b, b, c // b // b, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // b // b, h * b, w * b)
    return x.reshape(n, c // b // b, b, b, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c // b // b, h * b, w * b)


def space_to_depth(i, a):
    x, b = i[0], a["blocksize"]
    n, c, h, w = x.shape
    return x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def lp_norm(x, p, axis):
    """0 gets no gradient."""
    power = x.abs() ** p if p != 1 else x.abs()
    total = power.sum(axis, keepdim=True)
    return torch.where(total > 0, torch.where(total > 0, total, torch.ones_like(total)) ** (1.0 / p), 0.0 * total)


def lp_normalize(i, a):
    norm = lp_norm(i[0], a.get("p", 2), a.get("axis", -1))
    return torch.where(norm > 0, i[0] / torch.where(norm > 0, norm, torch.ones_like(norm)), 0.0 * i[0])


RANGES = {torch.int8: (-128, 127), torch.uint8: (0, 255), torch.uint16: (0, 65535)}


def along(v, x, a):
    """A scale for each element: of all, of its place along the axis, or of its block."""
    if a.get("block_size") and v.numel() > 1:
        axis = a.get("axis", 1) % x.dim()
        return v.repeat_interleave(a["block_size"], axis).narrow(axis, 0, x.shape[axis])
    return v if v.numel() == 1 else v.view([-1 if k == a.get("axis", 1) % x.dim() else 1 for k in range(x.dim())])


def quantize(i, a):
    """Straight-through: the value is rounded, the gradient that of the value before, within the range."""
    x, scale, zero = i[0], along(i[1], i[0], a), along(i[2], i[0], a) if len(i) > 2 else torch.zeros(1, dtype=torch.uint8)
    low, high = RANGES[zero.dtype]
    level = x / scale + zero
    return torch.clamp(level + (torch.round(x / scale) + zero - level).detach(), low, high)


def dequantize(i, a):
    zero = along(i[2], i[0], a).double() if len(i) > 2 else 0.0
    return (i[0] - zero) * along(i[1], i[0], a)


def conv_3d(i, a):
    x, w, b = i[0], i[1], i[2] if len(i) > 2 else None
    strides, dilations, pairs = window(x, w.shape[2:], a)
    return F.conv3d(padded(x, pairs, 0.0), w, b, strides, 0, dilations, a.get("group", 1))


def sparsemax(i, a):
    """Keras's: its threshold is of all the running sums of the support, not of the last one as in the paper."""
    x = i[0].movedim(a.get("axis", -1), -1)
    ranked = torch.sort(x, dim=-1, descending=True)[0]
    sums, k = ranked.cumsum(-1), torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    kept = ranked - (sums - 1) / k > 0
    threshold = (torch.where(kept, sums, 0.0).sum(-1, keepdim=True) - 1) / kept.sum(-1, keepdim=True)
    return torch.clamp(x - threshold, min=0).movedim(-1, a.get("axis", -1))


def max_pool_indices(i, a):
    """Places in all of X, flattened; storage_order 1: with the last axis before the one before it."""
    x, n = i[0].detach(), i[0].dim() - 2
    places = torch.arange(x.numel(), dtype=x.dtype).reshape(x.shape)
    if a.get("storage_order"):
        places = torch.arange(x.numel(), dtype=x.dtype).reshape([*x.shape[:-2], x.shape[-1], x.shape[-2]]).transpose(-1, -2)
    kept = {k: v for k, v in a.items() if k != "storage_order"}
    first = windows(x, kept, -math.inf)
    first = (first == first.amax(2, keepdim=True)).to(torch.int8).argmax(2, keepdim=True)
    assert n > 1 or not a.get("storage_order")
    return windows(places, kept, 0.0).gather(2, first).squeeze(2)


def max_unpool(i, a):
    """Where several elements have one place, the last one stays."""
    x, places = i[0], i[1].detach().reshape(-1).long().tolist()
    n, kernel = x.dim() - 2, a["kernel_shape"]
    strides, pads = a.get("strides", [1] * n), a.get("pads", [0] * 2 * n)
    counted = [*x.shape[:2], *((x.shape[2 + k] - 1) * strides[k] + kernel[k] - pads[k] - pads[n + k] for k in range(n))]
    owner = torch.full([math.prod(counted)], -1)
    for at, place in enumerate(places):
        owner[place] = at
    y = torch.where(owner >= 0, x.reshape(-1)[owner.clamp(min=0)], torch.zeros([], dtype=x.dtype)).reshape(counted)
    wanted = i[2] if len(i) > 2 and i[2] is not None else counted
    return F.pad(y, [p for have, want in zip(reversed(counted), reversed(wanted)) for p in (0, want - have)])


MORE_RULES = {
    "MaxPoolIndices": max_pool_indices,
    "MaxUnpool": max_unpool,
    "Sparsemax": sparsemax,
    "Conv3D": conv_3d,
    "ConvTranspose": conv_transpose,
    "LayerNormalization": layer_norm,
    "InstanceNormalization": lambda i, a: grouped(i[0], i[0].shape[1], a.get("epsilon", 1e-5), i[1], i[2]),
    "GroupNormalization": lambda i, a: grouped(i[0], a["num_groups"], a.get("epsilon", 1e-5), i[1], i[2]),
    "Elu": lambda i, a: elu(i[0], a.get("alpha", 1.0)),
    "Selu": lambda i, a: a.get("gamma", SELU_GAMMA) * elu(i[0], a.get("alpha", SELU_ALPHA)),
    "Celu": celu,
    "ThresholdedRelu": thresholded,
    "Softplus": lambda i, a: F.softplus(i[0], threshold=700.0),
    "Softsign": lambda i, a: F.softsign(i[0]),
    "Gelu": lambda i, a: F.gelu(i[0], approximate=a.get("approximate", "none")),
    "Mish": lambda i, a: F.mish(i[0]),
    "Exp": lambda i, a: torch.exp(i[0]),
    "Log": lambda i, a: torch.log(i[0]),
    "Sqrt": lambda i, a: torch.sqrt(i[0]),
    "Reciprocal": lambda i, a: 1.0 / i[0],
    "Erf": lambda i, a: torch.erf(i[0]),
    "Abs": lambda i, a: torch.abs(i[0]),
    "Neg": lambda i, a: -i[0],
    "Sign": lambda i, a: torch.sign(i[0]),
    "RMSNormalization": rms_norm,
    "Min": lambda i, a: best(i, False),
    "Max": lambda i, a: best(i, True),
    "Sum": lambda i, a: total(i),
    "Mean": lambda i, a: total(i) / len(i),
    "Pow": lambda i, a: torch.pow(i[0], i[1]),
    "PRelu": prelu,
    "Where": lambda i, a: torch.where(i[0], i[1], i[2]),
    "Split": split,
    "Gather": gather,
    "Expand": lambda i, a: i[0] * torch.ones(i[1], dtype=torch.float64),
    "Tile": lambda i, a: i[0].repeat(i[1]),
    "ReduceSum": lambda i, a: reduction(i, a, lambda x, d: x.sum(d, keepdim=True)),
    "ReduceMax": lambda i, a: reduction(i, a, lambda x, d: edge(x, d, True)),
    "ReduceMin": lambda i, a: reduction(i, a, lambda x, d: edge(x, d, False)),
    "ReduceProd": lambda i, a: reduction(i, a, product),
    "ReduceL1": lambda i, a: reduction(i, a, lambda x, d: x.abs().sum(d, keepdim=True)),
    "ReduceL2": lambda i, a: reduction(i, a, lambda x, d: (x * x).sum(d, keepdim=True).sqrt()),
    "ReduceSumSquare": lambda i, a: reduction(i, a, lambda x, d: (x * x).sum(d, keepdim=True)),
    "ReduceLogSum": lambda i, a: reduction(i, a, lambda x, d: x.sum(d, keepdim=True).log()),
    "ReduceLogSumExp": lambda i, a: reduction(i, a, lambda x, d: torch.logsumexp(x, d, keepdim=True)),
    "Resize": resize,
    "Upsample": upsample,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "LpPool": lambda i, a: lp_norm(windows(i[0], a, 0.0), a.get("p", 2), 2).squeeze(2),
    "GlobalLpPool": lambda i, a: lp_norm(i[0].flatten(2), a.get("p", 2), 2).reshape(list(i[0].shape[:2]) + [1] * (i[0].dim() - 2)),
    "LpNormalization": lp_normalize,
    "Einsum": lambda i, a: torch.einsum(a["equation"], *i),
    "QuantizeLinear": quantize,
    "DequantizeLinear": dequantize,
    "Equal": lambda i, a: (i[0] == i[1]),
    "Less": lambda i, a: (i[0] < i[1]),
    "LessOrEqual": lambda i, a: (i[0] <= i[1]),
    "Greater": lambda i, a: (i[0] > i[1]),
    "Not": lambda i, a: ~i[0],
    "And": lambda i, a: i[0] & i[1],
    "Or": lambda i, a: i[0] | i[1],
    "Xor": lambda i, a: i[0] ^ i[1],
    "GreaterOrEqual": lambda i, a: (i[0] >= i[1]),
}
