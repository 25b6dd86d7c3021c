"""Gradients of real networks at a photograph, against PyTorch in float64.

    python check_gradients.py LIBACTMAX.so SHARED

The ReLU masks and max-pool choices of the float64 run are taken from actmax's own activations: gradients of ReLU networks jump where an
activation passes zero, so that two correct programs in float32 differ by 1e-3 to 1e-2 when each uses its own masks. That
figure is printed too, beside the one of PyTorch's own float32 against its float64.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))

import numpy as np
import torch

from library import Library, error
from onnx_torch import Network

LIBRARY, SHARED = sys.argv[1], sys.argv[2]

# network, mean and scale of its input, and targets: (score in the graph, layer here, filter)
NETWORKS = [
    ("derived/squeezenet1.1_fp32.onnx", "bgr", [("conv10_1", "conv10_1", 243), ("fire5/concat_1", "fire5/concat_1", 3)]),
    ("derived/mobilenet_v1_0.25_224_fp32.onnx", "tf", [("logits", "logits", 243), ("conv_pw_5_relu", "conv_pw_5_relu", 3)]),
    ("derived/mobilenet_v2_1.0_224_dequant_fp32.onnx", "tf",
     [("logits", "logits", 243), ("expanded_conv_7/project", "expanded_conv_7/project", 3)]),
]


def photograph(kind):
    from PIL import Image

    pixels = np.asarray(Image.open(os.path.join(SHARED, "images", "both.png")).convert("RGB"), dtype=np.float32)
    pixels = pixels[..., ::-1] - np.array([104, 117, 123], np.float32) if kind == "bgr" else pixels / np.float32(127.5) - 1
    return np.ascontiguousarray(pixels, dtype=np.float32)


def torch_gradient(network, x, score, channel, pinned=None):
    values = network.run(x, pinned)
    values[score][:, channel].mean().backward()
    return values[network.input].grad.numpy().astype(np.float64), values


def main():
    failed, library = False, Library(LIBRARY)
    for name, kind, targets in NETWORKS:
        path = os.path.join(SHARED, "models", name)
        exact, single = Network(path), Network(path, torch.float32)
        hwc = photograph(kind)
        x, pinned = hwc.transpose(2, 0, 1)[None], {}
        with library.open(path) as ours:
            for node in exact.graph.node:
                if node.op_type in ("Relu", "Clip"):
                    pinned[node.output[0]] = ours.activations(hwc, node.output[0])
                elif node.op_type == "MaxPool" and node.input[0] not in pinned:
                    pinned[node.input[0]] = ours.activations(hwc, node.input[0])
            taken = [(ours.activations(hwc, layer), ours.gradient(hwc, channel, layer).transpose(2, 0, 1)[None]) for _, layer, channel in targets]
        for (score, layer, channel), (activations, gradient) in zip(targets, taken):
            theirs, values = torch_gradient(exact, x, score, channel, pinned)
            free, free_values = torch_gradient(exact, x, score, channel)
            forward = error(activations, free_values[score].detach().numpy())
            float32 = torch_gradient(single, x, score, channel)[0]
            figures = (forward, error(gradient, theirs), error(gradient, free), error(float32, free))
            print(f"{name} {layer} {channel}: forward {figures[0]:.2g}, gradient with pinned masks {figures[1]:.2g}; free-running: "
                  f"actmax {figures[2]:.2g}, PyTorch float32 {figures[3]:.2g}")
            failed = failed or not (figures[0] < 1e-4 and figures[1] < 1e-4)
    if failed:
        raise SystemExit("FAIL: an error is above 1e-4")


main()
