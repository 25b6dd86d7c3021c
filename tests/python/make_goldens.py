"""Writes goldens.json: what ONNX Runtime computes for every layer of examples/fashion_mnist.onnx on examples/fashion_boot.png.

Needs numpy, onnx, onnxruntime and pillow; run by hand when the network changes. The committed file was made with ONNX Runtime 1.32:

    python3 tests/python/make_goldens.py
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
SAMPLES = 12


def main():
    model = onnx.load(EXAMPLES / "fashion_mnist.onnx")
    names = [node.output[0] for node in model.graph.node]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = np.asarray(Image.open(EXAMPLES / "fashion_boot.png"))
    values = session.run(names, {"image": pixels[None, None].astype(np.float32) / 255})
    golden = {}
    for node, array in zip(model.graph.node, values):
        at = [i * array.size // SAMPLES for i in range(SAMPLES)]
        golden[node.name] = {
            "shape": list(array.shape),
            "mean": float(array.mean(dtype=np.float64)),
            "at": at,
            "values": [float("%.8g" % array.reshape(-1)[i]) for i in at],
        }
    (HERE / "goldens.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
