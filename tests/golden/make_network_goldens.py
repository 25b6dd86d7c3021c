"""Writes real_networks.txt: what PyTorch (float64) and ONNX Runtime say about real networks and photographs.

    python make_network_goldens.py SHARED > real_networks.txt

SHARED holds models/ and images/ (see tests/real/README.md). Lines:
    top5 MODEL IMAGE (class probability)*5      from reference_top5.json (ONNX Runtime)
    scores MODEL IMAGE COUNT value*COUNT        scores before the softmax
    cam MODEL IMAGE CLASS LAYER H W value*(H*W) Grad-CAM before ReLU: mean over channels of (mean gradient * activation)
"""

import json
import os
import sys

import numpy as np
import onnx
import torch
from PIL import Image

from onnx_torch import Network

NETWORKS = {
    "squeezenet1.1/SqueezeNet_fp16.onnx": ("caffe", "conv10_1", "fire9/concat_1"),
    "derived/squeezenet1.1_fp32.onnx": ("caffe", "conv10_1", "fire9/concat_1"),
    "derived/mobilenet_v1_0.25_224_fp32.onnx": ("tf", "logits", "conv_pw_13_relu"),
    "derived/mobilenet_v2_1.0_224_dequant_fp32.onnx": ("tf", "logits", "Conv_1/Relu6"),
}
CAMS = [("both.png", 243), ("both.png", 281), ("ouzel1.jpg", 20), ("ouzel2.jpg", 20), ("howler_monkey.jpg", 379)]


def fit(image, size=224):
    """The rule that reference_top5.json names; sizes are truncated as torchvision does."""
    if image.size == (size, size):
        return image
    w, h = image.size
    short = 256
    w, h = (short, int(short * h / w)) if w < h else (int(short * w / h), short)
    image = image.resize((w, h), Image.BILINEAR)
    left, top = round((w - size) / 2), round((h - size) / 2)
    return image.crop((left, top, left + size, top + size))


def network_input(path, kind):
    pixels = np.asarray(fit(Image.open(path).convert("RGB")), dtype=np.float64)
    if kind == "caffe":
        pixels = pixels[..., ::-1] - np.array([104.0, 117.0, 123.0])
    else:
        pixels = pixels / 127.5 - 1.0
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None].astype(np.float32))


def numbers(values):
    return " ".join(f"{v:.7g}" for v in np.asarray(values).ravel())


def main():
    shared = sys.argv[1]
    reference = json.load(open(os.path.join(shared, "models", "reference_top5.json")))["models"]
    print("# Written by make_network_goldens.py with torch", torch.__version__, "and onnx", onnx.__version__)
    for name, (kind, score, layer) in NETWORKS.items():
        for image, top in reference[name].items():
            print("top5", name, image, " ".join(f"{c} {p:.6g}" for c, _, p in top))
        network = Network(os.path.join(shared, "models", name))
        for image in ("both.png", "bear.jpg"):
            x = network_input(os.path.join(shared, "images", image), kind)
            y = network.run(x)[score].detach().numpy()
            y = y.mean(axis=(2, 3)) if y.ndim == 4 else y
            print("scores", name, image, y.size, numbers(y))
        for image, wanted in CAMS:
            values = network.run(network_input(os.path.join(shared, "images", image), kind))
            values[score][:, wanted].mean().backward()
            a = values[layer]
            weights = a.grad.mean(dim=(2, 3), keepdim=True)
            cam = (weights * a).mean(dim=1)[0].detach().numpy()
            print("cam", name, image, wanted, layer, *cam.shape, numbers(cam))


main()
