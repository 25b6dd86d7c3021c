"""Networks such as torchvision does not have (odd_networks.py), exported by torch.onnx in six ways, against PyTorch in float64; and some of
them quantised by ONNX Runtime (where it is here) and in half precision, against the rules of their operators (graph_torch.py).

    python check_odd_networks.py LIBACTMAX.so BINDINGS [NAME...]

Through the Python package in the folder BINDINGS. Forward: the largest difference under 1e-4 of the output's range. Gradient of the mean
of one channel of the first output with respect to the image: relative L2 error under 1e-4. At the size of the export, and where sizes are
free at another one as well.
"""

import logging
import os
import sys
import tempfile
import warnings

os.environ["ACTMAX_LIBRARY"] = sys.argv[1]
sys.path.insert(0, sys.argv[2])

import actmax
import numpy as np
import onnx
import torch

import graph_torch
from library import error
from odd_exports import NOT_EXPORTED, WAYS, export, halved, image_of, quantised
from odd_networks import NETWORKS, build

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
BOUND, CHANNEL = 1e-4, 1
# These are quantised and halved as well. Of others float32 and float64 fall to different sides where a number is rounded.
CHANGED = ("ghost", "shuffle")


def truth(outputs, image):
    """(values, gradient [rows, columns, channels]) of the first output."""
    y = outputs[0] if isinstance(outputs, (tuple, list)) else outputs
    y[:, CHANNEL].mean().backward()
    return y.detach().numpy(), image.grad.numpy()[0].transpose(1, 2, 0)


def of_module(network, x):
    network.double()
    image = torch.from_numpy(x).double().requires_grad_(True)
    result = truth(network(image), image)
    network.float()
    return result


def compare(label, path, x, expected):
    """Prints a line; true where it agrees."""
    output, pixels = onnx.load(path, load_external_data=False).graph.output[0].name, x[0].transpose(1, 2, 0)
    try:
        model = actmax.Model(path, preprocess="raw", input_size=x.shape[2:])
        values = model.activations(pixels, output).array
        gradient = model.gradient(pixels, output, CHANNEL, bypass=False).array
    except actmax.ActmaxError as refused:
        print(f"{label}: REFUSED {refused}", flush=True)
        return False
    wanted, slope = expected
    forward, backward = np.abs(values.ravel() - wanted.ravel()).max() / np.ptp(wanted), error(gradient, slope)
    passed = bool(values.shape == wanted.shape and forward < BOUND and backward < BOUND)
    print(f"{label}: forward {forward:.2g}, gradient {backward:.2g}{'' if passed else '  FAILED'}", flush=True)
    return passed


def check_exports(name, folder):
    network, x, failed = build(name), image_of(NETWORKS[name][1]), 0
    expected = of_module(network, x)
    for way in WAYS:
        if (name, way) in NOT_EXPORTED:
            continue
        path = os.path.join(folder, f"{name}_{way}.onnx")
        export(network, x, path, way)
        failed += not compare(f"{name} {way}", path, x, expected)
        if way.endswith("free") and name != "audio":  # whose bands are the channels of its convolutions
            other = image_of((x.shape[1], x.shape[2] + 8, x.shape[3] + 16))
            failed += not compare(f"{name} {way}, larger", path, other, of_module(network, other))
    return failed


def check_changed(name, folder, quantises):
    source, shape, failed = os.path.join(folder, f"{name}_dynamo.onnx"), NETWORKS[name][1], 0
    x, changed = image_of(shape), []
    for whole_inputs in (False, True):
        changed.append((f"{name} in half precision{', image in single' if whole_inputs else ''}", f"half{int(whole_inputs)}"))
        halved(source, os.path.join(folder, changed[-1][1]), whole_inputs)
    if quantises:
        from onnxruntime.quantization import QuantType

        for kind, types in (("uint8, weights by channel", {"activation_type": QuantType.QUInt8, "per_channel": True}),
                            ("int8", {"activation_type": QuantType.QInt8}), ("uint16", {"activation_type": QuantType.QUInt16})):
            changed.append((f"{name} quantised to {kind}", kind))
            quantised(source, os.path.join(folder, kind), shape, weight_type=QuantType.QInt8, **types)
    for label, file in changed:
        path = os.path.join(folder, file)
        failed += not compare(label, path, x, truth(*graph_torch.run(path, x)))
    return failed


def main():
    failed, names = 0, sys.argv[3:] or list(NETWORKS)
    try:
        import onnxruntime.quantization

        quantises = True
    except ImportError:
        quantises = False
        print("onnxruntime is not here: nothing is quantised")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            failed += check_exports(name, folder)
            if name in CHANGED:
                failed += check_changed(name, folder, quantises)
    if failed:
        raise SystemExit(f"FAIL: {failed} of the comparisons above")


main()
