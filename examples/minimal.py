"""Pictures that excite the first four filters of a layer, made side by side by a pool of threads, and where the network looks.

    pip install ./bindings/python
    python3 minimal.py net.onnx conv5 torch cat.jpg pictures
"""

import concurrent.futures
import os
import sys

import actmax

if len(sys.argv) != 6:
    raise SystemExit("usage: minimal.py MODEL.onnx LAYER raw|unit|tf|torch|caffe PHOTOGRAPH FOLDER")
path, layer, preprocess, photograph, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)

try:
    # The pool shares out the cores, so that each call computes with one thread.
    model = actmax.Model(path, preprocess=preprocess, threads=1)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = list(pool.map(lambda i: model.maximize(layer, i, steps=100), range(4)))
    for i, picture in enumerate(pictures):
        picture.save(os.path.join(folder, f"filter{i}.png"))
        print(f"filter{i}.png: activation {picture.activation_start:.4g} -> {picture.activation_end:.4g}")

    result = model.grad_cam(photograph)
    result.overlay().save(os.path.join(folder, "overlay.png"))
    print(f"overlay.png: class {result.class_index}, score {result.score:.4g}")
except actmax.ActmaxError as error:
    raise SystemExit(f"{type(error).__name__}: {error}")
