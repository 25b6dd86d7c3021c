#!/usr/bin/env python3
"""Makes visualize.onnx, visualize_start.png and visualize.txt: maps and maximisation of one small network by PyTorch (float64).

    visualize.onnx       torch.onnx.export(dynamo=False) of Net: input "image" [1, 3, 12, 10] in 0..1, output "scores" [1, 5]
    visualize_start.png  the picture that all of it starts from or looks at
    visualize.txt        lines: NAME COUNT value*COUNT; pictures and gradients in the order height, width, channels

Rules of the backward pass through ReLU and ReLU6 are hooks on the modules: guided passes what is positive of the plain gradient,
relu (deconvnet) what is positive of the gradient that arrives. Needs torch, onnx, scipy, numpy and pillow. Used by
tests/unit/test_visualize.c, test_maximize.c, test_maximize_no_rise.c, test_maps.c and test_maps_layers.c.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import zoom
from torch import nn

from make_onnx_torch import strip

HERE = os.path.dirname(os.path.abspath(__file__))
HEIGHT, WIDTH, CLASS = 12, 10, 1
LINES = []


def line(name, values):
    values = np.asarray(values, dtype=np.float64).ravel()
    LINES.append(" ".join([name, str(values.size), *("%.7g" % v for v in values)]))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU6(), nn.MaxPool2d(2),
                                      nn.Conv2d(8, 10, 3, padding=1), nn.ReLU())
        self.classifier = nn.Linear(10, 5)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def network():
    torch.manual_seed(4)
    net = Net().eval()
    net.features[2].weight.data *= 6  # so that ReLU6 clips some
    for i in (2, 5):
        net.features[i].weight.data *= 2
    return net.double()


def picture():
    """Blobs and noise, 8 bits."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    blobs = [128 + 100 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) - 60 * (x > 5) for a, b in ((2, 3), (7, 8), (4, 9))]
    return np.clip(np.stack(blobs, 2) + random.uniform(-20, 20, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)


def hooked(net, rule):
    """Handles of the hooks that make the rule; remove them."""

    def guided(module, given, arrived):
        return (torch.clamp(given[0], min=0),)

    def deconvolution(module, given, arrived):
        return (torch.clamp(arrived[0], min=0),)

    hook = {"none": None, "guided": guided, "relu": deconvolution}[rule]
    modules = [m for m in net.modules() if isinstance(m, (nn.ReLU, nn.ReLU6))]
    return [m.register_full_backward_hook(hook) for m in modules] if hook else []


def maps(net, pixels):
    x = torch.tensor(pixels.transpose(2, 0, 1)[None] / 255.0)
    line("scores", net(x).detach())
    for rule in ("none", "guided", "relu"):
        handles = hooked(net, rule)
        kept = {}
        keep = [net.features[i].register_forward_hook(lambda m, a, y, i=i: kept.__setitem__(i, y)) for i in (2, 4, 6)]
        image = x.clone().requires_grad_(True)
        score = net(image)[0, CLASS]
        image_gradient, *at = torch.autograd.grad(score, [image, kept[2], kept[4], kept[6]])
        for handle in handles + keep:
            handle.remove()
        line("saliency_" + rule, image_gradient[0].permute(1, 2, 0))
        for i, gradient in zip((2, 4, 6), at):
            weights = gradient.mean((2, 3), keepdim=True)
            raw = (weights * kept[i]).sum((0, 1)).detach().numpy()
            line("cam%d_%s" % (i, rule), raw)
            if i == 4 and rule == "none":
                resized(raw)


def scaled(x):
    return (x - x.min()) / (x.max() - x.min())


def resized(raw):
    positive = np.maximum(raw, 0)
    small = torch.tensor(positive)[None, None]
    line("bilinear", scaled(F.interpolate(small, (HEIGHT, WIDTH), mode="bilinear", align_corners=False).numpy()))
    line("nearest", scaled(F.interpolate(small, (HEIGHT, WIDTH), mode="nearest").numpy()))
    line("spline", scaled(zoom(positive, (HEIGHT / raw.shape[0], WIDTH / raw.shape[1]), order=3, mode="mirror")))


def penalties(x):
    """Lp norm (p 6) of u = pixel / 127.5 - 1, and total variation (beta 2) of pixel / 255, as means over values."""
    u, v = x / 127.5 - 1, x / 255
    down, right = v[:, :, 1:, :-1] - v[:, :, :-1, :-1], v[:, :, :-1, 1:] - v[:, :, :-1, :-1]
    return (u.abs() ** 6).mean() ** (1 / 6), (down**2 + right**2).sum() / x.numel()


def maximise(net, pixels, name, weights, make):
    """Five steps on the pixels for the mean of channel 3 of features.5, gradient scaled to root mean square 1. A penalty's gradient is taken
    with respect to u or v above, times the number of values."""
    x = torch.tensor(pixels.transpose(2, 0, 1)[None].astype(np.float64), requires_grad=True)
    optimizer = make([x])
    losses = []
    for _ in range(5):
        line("%s_%d" % (name, len(losses)), x[0].permute(1, 2, 0).detach())
        objective = net.features[:6](x / 255)[0, 3].mean()
        (gradient,) = torch.autograd.grad(-objective, x)
        gradient = gradient / gradient.pow(2).mean().sqrt()
        lp, tv = penalties(x)
        for weight, penalty, unit in ((weights[0], lp, 127.5), (weights[1], tv, 255)):
            gradient = gradient + weight * x.numel() * unit * torch.autograd.grad(penalty, x)[0]
        losses.append((-objective + weights[0] * lp + weights[1] * tv).item())
        x.grad = gradient
        optimizer.step()
        x.data.clamp_(0, 255)
    line(name + "_5", x[0].permute(1, 2, 0).detach())
    line(name + "_losses", losses)


def pyramid(width, height, channels):
    """What the pyramid's parameters, of value sin(0.7 i) at flat index i, stand for."""
    levels = [(height, width)]
    while min((n + 1) // 2 for n in levels[-1]) >= 4 and len(levels) < 8:
        levels.append(tuple((n + 1) // 2 for n in levels[-1]))
    sizes = [h * w * channels for h, w in levels]
    values = np.split(np.sin(0.7 * np.arange(sum(sizes))), np.cumsum(sizes)[:-1])
    total = None
    for (h, w), v in reversed(list(zip(levels, values))):
        v = torch.tensor(v.reshape(1, h, w, channels)).permute(0, 3, 1, 2)
        total = v if total is None else v + F.interpolate(total, (h, w), mode="bilinear", align_corners=False)
    if channels == 3:
        colours = torch.tensor([[0.56283, 0.19483, 0.04329], [0.58448, 0.0, -0.10824], [0.58448, -0.19483, 0.06494]], dtype=torch.float64)
        total = torch.einsum("kc,bchw->bkhw", colours, total)
    line("pyramid_%dx%dx%d" % (width, height, channels), 255 * torch.sigmoid(total[0]).permute(1, 2, 0))


def main():
    net, pixels = network(), picture()
    Image.fromarray(pixels).save(os.path.join(HERE, "visualize_start.png"))
    path = os.path.join(HERE, "visualize.onnx")
    torch.onnx.export(net.float(), (torch.zeros(1, 3, HEIGHT, WIDTH),), path, dynamo=False, input_names=["image"], output_names=["scores"])
    strip(path)
    net.double()
    maps(net, pixels)
    maximise(net, pixels, "adam", (0, 0), lambda x: torch.optim.Adam(x, lr=2))
    maximise(net, pixels, "penalised", (0.5, 2), lambda x: torch.optim.SGD(x, lr=3, momentum=0.5))
    pyramid(13, 9, 3)
    pyramid(18, 33, 1)
    with open(os.path.join(HERE, "visualize.txt"), "w") as file:
        file.write("\n".join(LINES) + "\n")


if __name__ == "__main__":
    main()
