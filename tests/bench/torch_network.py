"""A network as PyTorch runs it best: a list of calls of torch.nn.functional, without modules and hooks.

Network(saved, target, filters, fold, channels_last): the graph is cut at the target; of the convolution (or dense layer) that makes
the target only the wanted filters are kept; weights carry no gradient; a BatchNormalization after a convolution is folded into it
when `fold`; activations that need not be kept are changed in place.
"""

import torch
import torch.nn.functional as F

POINTWISE = {"Relu", "Clip", "Dropout", "Identity"}
KEEPS_INPUT_ONLY = {"Conv", "BatchNormalization", "Add", "Gemm"}  # their gradient does not need their own output


def save_graph(graph, path):
    """Writes a graph of onnx_reader so that torch.load(mmap=True) has it at once."""
    types = {1: torch.float32, 7: torch.int64, 10: torch.float16}
    tensors = {}
    for name, (shape, data_type, raw) in graph["tensors"].items():
        if data_type in types:
            flat = torch.frombuffer(bytearray(raw), dtype=types[data_type]) if len(raw) else torch.zeros(0)
            tensors[name] = flat.reshape(shape).float() if data_type == 10 else flat.reshape(shape)
    torch.save({"nodes": graph["nodes"], "inputs": graph["inputs"], "tensors": tensors}, path)


def padded(x, pads, value=0.0):
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom), value=value)


class Network:
    def __init__(self, saved, target, filters=None, fold=False, channels_last=False):
        self.tensors = dict(saved["tensors"])
        self.input, self.shape = saved["inputs"][0]
        self.channels_last = channels_last
        self.sliced = False
        self.forward_macs = self.weight_bytes = 0
        self.first_convolution = None
        self.counting = False
        self._cut(saved["nodes"], target)
        if fold:
            self._fold()
        if filters is not None:
            self._slice(target, filters)
        self._compile(target)

    # ---- The graph ----

    def _cut(self, nodes, target):
        maker = {name: node for node in nodes for name in node["outputs"]}
        needed, stack = set(), [target]
        while stack:
            node = maker.get(stack.pop())
            if node is not None and id(node) not in needed:
                needed.add(id(node))
                stack += [name for name in node["inputs"] if name]
        if not needed:
            raise SystemExit("no tensor '%s'" % target)
        self.nodes = [dict(node, inputs=list(node["inputs"])) for node in nodes if id(node) in needed]
        self.maker = {name: node for node in self.nodes for name in node["outputs"]}

    def _uses(self, name):
        return sum(node["inputs"].count(name) for node in self.nodes)

    def _fold(self):
        for bn in [node for node in self.nodes if node["op"] == "BatchNormalization"]:
            conv = self.maker.get(bn["inputs"][0])
            if conv is None or conv["op"] != "Conv" or self._uses(bn["inputs"][0]) != 1:
                continue
            gamma, beta, mean, variance = (self.tensors[name] for name in bn["inputs"][1:5])
            scale = gamma / torch.sqrt(variance + bn["attributes"].get("epsilon", 1e-5))
            weight = self.tensors[conv["inputs"][1]]
            bias = self.tensors[conv["inputs"][2]] if len(conv["inputs"]) > 2 else torch.zeros_like(mean)
            name = bn["outputs"][0]
            self.tensors[name + "/w"] = weight * scale.reshape(-1, 1, 1, 1)
            self.tensors[name + "/b"] = (bias - mean) * scale + beta
            conv["inputs"] = [conv["inputs"][0], name + "/w", name + "/b"]
            conv["outputs"] = [name]
            self.nodes.remove(bn)
            self.maker[name] = conv

    def _slice(self, target, filters):
        """Back from the target over what works on each channel alone, to what makes the channels."""
        name, on_the_way = target, []
        while True:
            node = self.maker.get(name)
            if node is None or (name != target and self._uses(name) != 1):
                return
            if node["op"] in ("Conv", "Gemm") and node["attributes"].get("group", 1) == 1:
                break
            if node["op"] not in POINTWISE | {"BatchNormalization", "GlobalAveragePool"}:
                return
            on_the_way.append(node)
            name = node["inputs"][0]
        index = torch.tensor(filters)
        for part in [node] + [other for other in on_the_way if other["op"] == "BatchNormalization"]:
            if part["op"] == "Gemm" and not part["attributes"].get("transB", 0):
                return
            for i in range(1, len(part["inputs"])):
                fresh = part["inputs"][i] + "/sliced"
                self.tensors[fresh] = self.tensors[part["inputs"][i]].index_select(0, index)
                part["inputs"][i] = fresh
        self.sliced = True

    # ---- Calls ----

    def _compile(self, target):
        names = {self.input: 0}
        last = {}
        self.program = []
        for at, node in enumerate(self.nodes):
            for name in node["inputs"]:
                last[name] = at
        for at, node in enumerate(self.nodes):
            varying = [name for name in node["inputs"] if name and name not in self.tensors]
            call = getattr(self, "_" + node["op"].lower(), None)
            if call is None:
                raise SystemExit("the benchmark's PyTorch network does not know the operator %s" % node["op"])
            function = call(node)
            names.setdefault(node["outputs"][0], len(names))
            free = [names[name] for name in varying if last[name] == at]
            self.program.append((function, [names[name] for name in varying], names[node["outputs"][0]], free))
        self.slots = len(names)
        self.names = names
        self.target = names[target]

    def run(self, values, begin=0, end=None):
        """Runs calls [begin, end) on a list of slots; slots that nobody reads any more are emptied."""
        for function, inputs, output, free in self.program[begin:end]:
            result = function(*[values[i] for i in inputs])
            for i in free:
                values[i] = None
            values[output] = result
        return values

    def __call__(self, image):
        values = [None] * self.slots
        values[0] = image
        return self.run(values)[self.target]

    def place(self, name):
        """How many calls make everything up to a tensor."""
        slot = self.names[name]
        return 1 + next(i for i, call in enumerate(self.program) if call[2] == slot)

    def _weight(self, name):
        weight = self.tensors[name]
        self.weight_bytes += weight.numel() * 4
        if weight.dim() == 4 and self.channels_last:
            weight = weight.contiguous(memory_format=torch.channels_last)
        return weight.requires_grad_(False)

    def _in_place(self, node):
        """Whether the node may overwrite its input."""
        name = node["inputs"][0]
        maker = self.maker.get(name)
        return maker is not None and maker["op"] in KEEPS_INPUT_ONLY and self._uses(name) == 1

    def _count(self, output, macs_each):
        if self.counting:
            self.forward_macs += output.numel() * macs_each
        return output

    def _same(self, a, side, axis):
        kernel, stride = a["kernel_shape"][axis], a.get("strides", [1, 1])[axis]
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2

    def _pads(self, a, x):
        if a.get("auto_pad", "NOTSET") == "SAME_UPPER":
            (top, bottom), (left, right) = self._same(a, x.shape[2], 0), self._same(a, x.shape[3], 1)
            return [top, left, bottom, right]
        return a.get("pads", [0, 0, 0, 0])

    def _conv(self, node):
        a = node["attributes"]
        weight = self._weight(node["inputs"][1])
        bias = self._weight(node["inputs"][2]) if len(node["inputs"]) > 2 and node["inputs"][2] else None
        stride, dilation, group = a.get("strides", [1, 1]), a.get("dilations", [1, 1]), a.get("group", 1)
        macs_each = weight[0].numel()

        def call(x):
            pads = self._pads(a, x)
            if pads[:2] == pads[2:]:
                return self._count(F.conv2d(x, weight, bias, stride, pads[:2], dilation, group), macs_each)
            return self._count(F.conv2d(padded(x, pads), weight, bias, stride, 0, dilation, group), macs_each)

        return call

    def _batchnormalization(self, node):
        gamma, beta, mean, variance = (self._weight(name) for name in node["inputs"][1:5])
        epsilon = node["attributes"].get("epsilon", 1e-5)
        return lambda x: F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon)

    def _relu(self, node):
        return torch.relu_ if self._in_place(node) else torch.relu

    def _clip(self, node):
        a = node["attributes"]
        low = float(self.tensors[node["inputs"][1]]) if len(node["inputs"]) > 1 else a["min"]
        high = float(self.tensors[node["inputs"][2]]) if len(node["inputs"]) > 2 else a["max"]
        function = F.hardtanh_ if self._in_place(node) else F.hardtanh
        return lambda x: function(x, low, high)

    def _maxpool(self, node):
        a = node["attributes"]
        kernel, stride, ceil = a["kernel_shape"], a.get("strides", [1, 1]), bool(a.get("ceil_mode", 0))

        def call(x):
            pads = self._pads(a, x)
            if pads[:2] == pads[2:]:
                return F.max_pool2d(x, kernel, stride, pads[:2], 1, ceil)
            return F.max_pool2d(padded(x, pads, float("-inf")), kernel, stride, 0, 1, ceil)

        return call

    def _averagepool(self, node):
        a = node["attributes"]
        include = bool(a.get("count_include_pad", 0))
        return lambda x: F.avg_pool2d(x, a["kernel_shape"], a.get("strides", [1, 1]), a.get("pads", [0, 0])[:2],
                                      bool(a.get("ceil_mode", 0)), include)

    def _globalaveragepool(self, node):
        return lambda x: F.adaptive_avg_pool2d(x, 1)

    def _gemm(self, node):
        weight = self._weight(node["inputs"][1])
        if not node["attributes"].get("transB", 0):
            weight = weight.t()
        bias = self._weight(node["inputs"][2]) if len(node["inputs"]) > 2 else None
        return lambda x: self._count(F.linear(x, weight, bias), weight.shape[1])

    def _add(self, node):
        return torch.add

    def _concat(self, node):
        axis = node["attributes"]["axis"]
        return lambda *parts: torch.cat(parts, axis)

    def _flatten(self, node):
        axis = node["attributes"].get("axis", 1)
        return lambda x: torch.flatten(x, axis)

    def _dropout(self, node):
        return lambda x: x

    _identity = _dropout
