"""Convolutional networks such as torchvision does not have, one idea each; small, with weights that PyTorch draws by a seed.

NETWORKS: {name: (module class, (channels, rows, columns) of its image)}. `build` gives one, ready for use.
"""

import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, outputs, kernel=3, activation=nn.ReLU, stride=1, **options):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if "padding" not in options else options.pop("padding"), bias=False,
                        **options), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def head(channels):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))


class UNet(nn.Module):
    """Convolutions without padding, so that what skips must be cropped to the middle; ConvTranspose upwards."""

    def __init__(self):
        super().__init__()
        plain = {"padding": 0}
        self.down = nn.ModuleList([conv(3, 8, **plain), conv(8, 12, **plain)])
        self.bottom = conv(12, 16, **plain)
        self.grow = nn.ModuleList([nn.ConvTranspose2d(16, 12, 2, 2), nn.ConvTranspose2d(12, 8, 3, 2, 1, output_padding=1)])
        self.up = nn.ModuleList([conv(24, 12, **plain), conv(16, 8, **plain)])
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        skips = []
        for block in self.down:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for grow, block in zip(self.grow, self.up):
            x, skip = grow(x), skips.pop()
            top, left = (skip.shape[2] - x.shape[2]) // 2, (skip.shape[3] - x.shape[3]) // 2
            x = block(torch.cat([skip[:, :, top:top + x.shape[2], left:left + x.shape[3]], x], 1))
        return self.last(x)


class FeaturePyramid(nn.Module):
    """Each level resized to the size of the one below, bilinearly and to the nearest; three outputs, of which the first is asked for."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([conv(3, 8, stride=2), conv(8, 12, stride=2), conv(12, 16, stride=2)])
        self.lateral = nn.ModuleList([nn.Conv2d(channels, 8, 1) for channels in (8, 12, 16)])
        self.smooth = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        levels = []
        for stage, lateral in zip(self.stages, self.lateral):
            x = stage(x)
            levels.append(lateral(x))
        p3 = levels[2]
        p2 = levels[1] + F.interpolate(p3, size=levels[1].shape[-2:], mode="nearest")
        p1 = levels[0] + F.interpolate(p2, size=levels[0].shape[-2:], mode="bilinear", align_corners=False)
        return self.smooth(p1), p2, p3


class Gates(nn.Module):
    """Squeeze-and-excite, CBAM (channels by mean and maximum, then space by both), ECA (a 1-D convolution over channels)."""

    def __init__(self):
        super().__init__()
        self.stem, self.middle, self.end = conv(3, 8, stride=2), conv(8, 12), conv(12, 12, stride=2)
        self.excite = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Hardsigmoid())
        self.mlp = nn.Sequential(nn.Linear(12, 3), nn.ReLU(), nn.Linear(3, 12))
        self.space = nn.Conv2d(2, 1, 7, padding=3)
        self.eca = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.head = head(12)

    def forward(self, x):
        x = self.stem(x)
        x = self.middle(x * self.excite(x))
        gate = self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))
        x = x * torch.sigmoid(gate)[:, :, None, None]
        both = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
        x = self.end(x * torch.sigmoid(self.space(both)))
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.eca(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return self.head(x * torch.sigmoid(y).expand_as(x))


class SuperResolution(nn.Module):
    """Pixels shuffled apart and together again, PReLU, the enlarged image added."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 12, 3, padding=1), nn.PReLU(12))
        self.body = nn.Sequential(nn.Conv2d(12, 12, 3, padding=1), nn.PReLU(), nn.Conv2d(12, 48, 3, padding=1), nn.PixelShuffle(4))

    def forward(self, x):
        return self.body(self.first(x)) + F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)


class StyleTransfer(nn.Module):
    """Reflected borders, instance normalisation, residual blocks, enlargement to the nearest."""

    def __init__(self):
        super().__init__()

        def block(inputs, outputs, kernel, stride=1):
            return nn.Sequential(nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel, stride),
                                 nn.InstanceNorm2d(outputs, affine=True), nn.ReLU())

        self.down = nn.Sequential(block(3, 8, 9), block(8, 12, 3, 2))
        self.residual = nn.Sequential(block(12, 12, 3), nn.ReflectionPad2d(1), nn.Conv2d(12, 12, 3), nn.InstanceNorm2d(12))
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), block(12, 8, 3), nn.ReplicationPad2d(1), nn.Conv2d(8, 3, 3))

    def forward(self, x):
        x = self.down(x)
        return torch.tanh(self.up(x + self.residual(x)))


class StandardConv(nn.Conv2d):
    def forward(self, x):
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        deviation = self.weight.var((1, 2, 3), keepdim=True, unbiased=False)
        return F.conv2d(x, (self.weight - mean) / torch.sqrt(deviation + 1e-5), self.bias, self.stride, self.padding)


class GroupMish(nn.Module):
    """Standardised weights (arithmetic on constants), group normalisation, Mish, a blend of two poolings."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(StandardConv(3, 8, 3, 2, 1), nn.GroupNorm(4, 8), nn.Mish(),
                                  StandardConv(8, 12, 3, 1, 1), nn.GroupNorm(3, 12), nn.Mish(), nn.LPPool2d(2, 2))
        self.blend = nn.Parameter(torch.tensor(0.3))
        self.last = nn.Linear(12, 5)

    def forward(self, x):
        x = self.body(x)
        x = self.blend * F.adaptive_max_pool2d(x, 1) + (1 - self.blend) * F.adaptive_avg_pool2d(x, 1)
        return F.log_softmax(self.last(x.flatten(1)), 1)


class AtrousPyramid(nn.Module):
    """DeepLab's: dilated branches and a mean of all that is spread over the space again, then back to the image's size."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 8, stride=2), conv(8, 12, stride=2))
        self.branches = nn.ModuleList([conv(12, 6, 1), *(conv(12, 6, 3, padding=rate, dilation=rate) for rate in (2, 4))])
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 6, 1), nn.ReLU())
        self.project, self.last = conv(24, 8, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x):
        size, y = x.shape[-2:], self.stem(x)
        mean = F.interpolate(self.pooled(y), size=y.shape[-2:], mode="bilinear", align_corners=False)
        y = self.project(torch.cat([branch(y) for branch in self.branches] + [mean], 1))
        return F.interpolate(self.last(y), size=size, mode="bilinear", align_corners=True)


class Ghost(nn.Module):
    """GhostNet's blocks: cheap depthwise copies put beside, cut to an odd number of channels; hard activations."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, 8, activation=nn.Hardswish, stride=2)
        self.primary = nn.ModuleList([conv(8, 7, 1), conv(13, 4, 1, activation=None)])
        self.cheap = nn.ModuleList([conv(7, 7, 3, groups=7), conv(4, 4, 3, activation=None, groups=4)])
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(13, 4, 1), nn.ReLU6(), nn.Conv2d(4, 13, 1), nn.Hardsigmoid())
        self.head = head(8)

    def forward(self, x):
        x = self.stem(x)
        y = self.primary[0](x)
        y = torch.cat([y, self.cheap[0](y)], 1)[:, :13]
        y = self.primary[1](y * self.gate(y))
        return self.head(x + torch.cat([y, self.cheap[1](y)], 1))


class BlurPool(nn.Module):
    """Maximum at every place, then a fixed filter before every second one is taken."""

    def __init__(self):
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("filter", (line[:, None] * line / 16).expand(8, 1, 3, 3).clone())
        self.stem, self.body, self.head = conv(3, 8), conv(8, 8), head(8)

    def shrink(self, x):
        x = F.max_pool2d(x, 2, stride=1)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.filter, stride=2, groups=x.shape[1])

    def forward(self, x):
        return self.head(self.shrink(self.body(self.shrink(self.stem(x)))))


class CoordConv(nn.Module):
    """Rows, columns and the distance from the middle as further channels, made in the graph."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(6, 8, 3, padding=1), nn.Conv2d(8, 8, 3, 2, 1)
        self.head = head(8)

    def forward(self, x):
        n, _, h, w = x.shape
        row = torch.arange(h, dtype=x.dtype, device=x.device) / (h - 1) * 2 - 1
        column = torch.arange(w, dtype=x.dtype, device=x.device) / (w - 1) * 2 - 1
        row, column = row[:, None].expand(n, 1, h, w), column.expand(n, 1, h, w)
        x = torch.cat([x, row, column, torch.sqrt((row - 0.5) ** 2 + (column - 0.5) ** 2)], 1)
        return self.head(F.elu(self.second(F.selu(self.first(x)))))


class Audio(nn.Module):
    """A spectrogram [1, 1, bands, frames]; the bands become channels of 1-D convolutions: gated, dilated, with skips."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(16, 12, 5, padding=2), nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2))
        self.filters = nn.ModuleList([nn.Conv1d(12, 12, 3, padding=rate, dilation=rate) for rate in (1, 2)])
        self.gates = nn.ModuleList([nn.Conv1d(12, 12, 3, padding=rate, dilation=rate) for rate in (1, 2)])
        self.up = nn.ConvTranspose1d(12, 8, 4, 2, 1)
        self.last = nn.Linear(16, 5)

    def forward(self, x):
        x = self.first(torch.log1p(torch.exp(x)).squeeze(1))
        for filter, gate in zip(self.filters, self.gates):
            x = x + torch.tanh(filter(x)) * torch.sigmoid(gate(x))
        x = F.avg_pool1d(self.up(x), 2)
        mean = x.mean(-1)
        return self.last(torch.cat([mean, torch.sqrt((x - mean[..., None]).pow(2).mean(-1) + 1e-5)], 1))


class Video(nn.Module):
    """Four frames, one after the other in the channels; 3-D convolutions, whole and as planes and time apart."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv3d(3, 6, 3, (1, 2, 2), 1), nn.BatchNorm3d(6), nn.ReLU(), nn.MaxPool3d((1, 2, 2)))
        self.plane, self.time = nn.Conv3d(6, 8, (1, 3, 3), padding=(0, 1, 1)), nn.Conv3d(8, 8, (3, 1, 1), padding=(1, 0, 0))
        self.last = nn.Linear(8, 5)

    def forward(self, x):
        n, _, h, w = x.shape
        x = x.reshape(n, 4, 3, h, w).transpose(1, 2)
        x = F.silu(self.time(F.silu(self.plane(self.first(x)))))
        return self.last(F.avg_pool3d(x, 2).mean((2, 3, 4)))


class Shuffle(nn.Module):
    """ShuffleNet's channel shuffle and split by sizes that the graph computes."""

    def __init__(self):
        super().__init__()
        self.stem, self.point, self.depth = conv(3, 12, stride=2), conv(6, 6, 1, groups=2), conv(6, 6, 3, activation=None, groups=6)
        self.head = head(12)

    def forward(self, x):
        x = self.stem(x)
        for _ in range(2):
            left, right = x.chunk(2, 1)
            x = torch.cat([left, self.depth(self.point(right))], 1)
            n, c, h, w = x.size()
            x = x.view(n, 3, c // 3, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        return self.head(x)


class Detector(nn.Module):
    """YOLO's parts: every second pixel into channels, cross-stage halves, pooling thrice, two scales, boxes as one list."""

    def __init__(self):
        super().__init__()
        silu = {"activation": nn.SiLU}
        self.stem, self.halve = conv(12, 12, **silu), conv(12, 12, 1, **silu)
        self.inner = nn.Sequential(conv(6, 6, **silu), conv(6, 6, **silu))
        self.down, self.pool_out = conv(12, 12, stride=2, **silu), conv(48, 12, 1, **silu)
        self.boxes = nn.ModuleList([nn.Conv2d(24, 14, 1), nn.Conv2d(12, 14, 1)])
        self.register_buffer("anchors", torch.tensor([[1.0, 2.0], [2.5, 1.5]]).view(1, 2, 1, 1, 2))

    def forward(self, x):
        x = self.stem(torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1))
        left, right = self.halve(x).split([6, 6], 1)
        fine = torch.cat([left, right + self.inner(right)], 1)
        y = self.down(fine)
        pools = [y]
        for _ in range(3):
            pools.append(F.max_pool2d(pools[-1], 5, 1, 2))
        coarse = self.pool_out(torch.cat(pools, 1))
        maps, out = [torch.cat([fine, F.interpolate(coarse, scale_factor=2.0, mode="nearest")], 1), coarse], []
        for boxes, features in zip(self.boxes, maps):
            z = boxes(features)
            n, _, h, w = z.shape
            z = z.view(n, 2, 7, h, w).permute(0, 1, 3, 4, 2).sigmoid()
            place = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing="xy"), -1).to(z.dtype)
            xy, wh = (z[..., :2] * 2 - 0.5 + place) / w, (z[..., 2:4] * 2) ** 2 * self.anchors
            out.append(torch.cat([xy, wh, z[..., 4:]], -1).view(n, -1, 7))
        return torch.cat(out, 1)


class ConvNext2(nn.Module):
    """Depthwise 7x7, layer normalisation of channels, global response normalisation, and normalisation by the root of the mean square."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.depth, self.norm = nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.LayerNorm(8)
        self.wide, self.narrow = nn.Linear(8, 24), nn.Linear(24, 8)
        self.gamma, self.beta = nn.Parameter(torch.rand(1, 1, 1, 24)), nn.Parameter(torch.rand(1, 1, 1, 24))
        self.root, self.last = nn.RMSNorm(8), nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        y = F.gelu(self.wide(self.norm(self.depth(x).permute(0, 2, 3, 1))))
        size = torch.norm(y, p=2, dim=(1, 2), keepdim=True)
        y = self.gamma * (y * (size / (size.mean(-1, keepdim=True) + 1e-6))) + self.beta + y
        x = x + self.narrow(F.gelu(y, approximate="tanh")).permute(0, 3, 1, 2)
        return self.last(self.root(x.mean((-2, -1))))


class Retrieval(nn.Module):
    """Branches weighed by a softmax over them (selective kernels), attention between places, generalised mean, unit length."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 8, stride=2), conv(8, 8, stride=2))
        self.branches = nn.ModuleList([conv(8, 8), conv(8, 8, 3, padding=2, dilation=2)])
        self.choose = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 16))
        self.query, self.key, self.value = (nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 1), nn.Conv2d(8, 8, 1))
        self.power, self.last = nn.Parameter(torch.tensor([3.0])), nn.Linear(8, 6)

    def forward(self, x):
        x = self.stem(x)
        parts = torch.stack([branch(x) for branch in self.branches], 1)
        n, k, c, h, w = parts.shape
        weights = self.choose(parts.sum(1).mean((2, 3))).view(n, k, c, 1, 1).softmax(1)
        x = (parts * weights).sum(1)
        queries, keys = self.query(x).flatten(2), self.key(x).flatten(2)
        attention = torch.softmax(torch.einsum("nci,ncj->nij", queries, keys) / 2, -1)
        x = x + torch.bmm(self.value(x).view(n, c, -1), attention.transpose(1, 2)).view(n, c, h, w)
        x = F.avg_pool2d(x.clamp(min=1e-6).pow(self.power), x.shape[-2:]).pow(1.0 / self.power)
        return F.normalize(self.last(x.flatten(1)), p=2, dim=1)


class Neighbours(nn.Module):
    """Patches taken apart and weighed (unfold), maxout, shrinking, thresholds, roll, minimum and maximum of maps."""

    def __init__(self):
        super().__init__()
        self.stem, self.weights, self.spread = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 9, 1), nn.Conv2d(4, 8, 1)
        self.head = head(8)

    def forward(self, x):
        x = self.stem(x)
        n, c, h, w = x.shape
        kernel = torch.softmax(self.weights(x), 1).view(n, 1, 9, h, w)
        x = x + (F.unfold(x, 3, padding=1).view(n, c, 9, h, w) * kernel).sum(2)
        x = self.spread(x.view(n, c // 2, 2, h, w).amax(2))
        x = torch.minimum(F.celu(x), 2 * F.softplus(torch.roll(x, (1, -1), (2, 3))))
        return self.head(torch.where(x > 0.1, x, F.softsign(x) * 0.5) + F.hardshrink(x, 0.2) + F.softshrink(x, 0.1))


NETWORKS = {
    "unet": (UNet, (3, 46, 54)),
    "feature_pyramid": (FeaturePyramid, (3, 40, 56)),
    "gates": (Gates, (3, 32, 40)),
    "super_resolution": (SuperResolution, (3, 16, 20)),
    "style_transfer": (StyleTransfer, (3, 32, 24)),
    "group_mish": (GroupMish, (3, 32, 40)),
    "atrous_pyramid": (AtrousPyramid, (3, 48, 56)),
    "ghost": (Ghost, (3, 32, 40)),
    "blur_pool": (BlurPool, (3, 33, 41)),
    "coord_conv": (CoordConv, (3, 24, 30)),
    "audio": (Audio, (1, 16, 48)),
    "video": (Video, (12, 24, 32)),
    "shuffle": (Shuffle, (3, 32, 40)),
    "detector": (Detector, (3, 32, 48)),
    "convnext2": (ConvNext2, (3, 32, 40)),
    "retrieval": (Retrieval, (3, 32, 40)),
    "neighbours": (Neighbours, (3, 20, 24)),
}


def build(name):
    """A module whose normalisations do something, and whose weights keep activations near 1."""
    torch.manual_seed(20)
    network = NETWORKS[name][0]().eval()
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm)):
            if module.weight is not None:
                nn.init.uniform_(module.weight, 0.7, 1.4)
                nn.init.uniform_(module.bias, -0.3, 0.3)
            if getattr(module, "running_var", None) is not None:
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.4, 1.2)
        elif isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
    return network.requires_grad_(False)
