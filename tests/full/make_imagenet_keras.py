"""Writes whole ImageNet networks with genuine Keras, from real weights: FOLDER/NAME.h5 and FOLDER/NAME.keras.

    KERAS_BACKEND=torch python make_imagenet_keras.py SHARED FOLDER       (needs keras, torch, h5py, onnx)

squeezenet1.1: rcmalli/keras-squeezenet's layers under its names ("/" as "_": Keras 3 forbids it), its weights; conv10, which its file
    lacks, from the ONNX file. At 224 x 224, as that file (the package's default is 227). BGR, 0..255 less (104, 117, 123).
mobilenet_v1_0.25_224: keras.applications.MobileNet(alpha=0.25) with its ImageNet weights. RGB, x / 127.5 - 1.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
import h5py
import keras
import numpy as np
import onnx
from keras import layers

FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}


def convolution(x, filters, size, name, **options):
    """A convolution and its ReLU as two layers, as keras-squeezenet has them."""
    front, _, back = name.rpartition("_")
    x = layers.Conv2D(filters, size, name=name, **options)(x)
    return layers.Activation("relu", name=f"{front}_relu_{back}" if front else f"relu_{back}")(x)


def squeezenet_layers():
    x = picture = keras.Input((224, 224, 3), name="input_1")
    x = convolution(x, 64, 3, "conv1", strides=2)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for fire, (squeeze, expand) in FIRES.items():
        x = convolution(x, squeeze, 1, f"fire{fire}_squeeze1x1")
        left = convolution(x, expand, 1, f"fire{fire}_expand1x1")
        right = convolution(x, expand, 3, f"fire{fire}_expand3x3", padding="same")
        x = layers.Concatenate(name=f"fire{fire}_concat")([left, right])
        if fire in (3, 5):
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{fire}")(x)
    x = layers.Dropout(0.5, name="drop9")(x)
    x = convolution(x, 1000, 1, "conv10")
    x = layers.GlobalAveragePooling2D(name="global_average_pooling2d_1")(x)
    return keras.Model(picture, layers.Activation("softmax", name="loss")(x), name="squeezenet")


def squeezenet(models):
    model = squeezenet_layers()
    stored = h5py.File(models / "squeezenet1.1" / "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5")
    for name in (n.decode() for n in stored.attrs["layer_names"]):
        weights = [stored[name][w.decode()][()] for w in stored[name].attrs["weight_names"]]
        if weights:
            model.get_layer(name.replace("/", "_")).set_weights(weights)
    graph = onnx.load(models / "derived" / "squeezenet1.1_fp32.onnx").graph
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    last = [n for n in graph.node if n.op_type == "Conv"][-1]
    kernel, bias = (arrays[name] for name in last.input[1:3])
    model.get_layer("conv10").set_weights([kernel.transpose(2, 3, 1, 0), bias])
    return model


def mobilenet(models):
    model = keras.applications.MobileNet(input_shape=(224, 224, 3), alpha=0.25, weights=None)
    folder = models / "mobilenet_v1_0.25_224"
    numbers, at, arrays = np.fromfile(folder / "weights.bin", "<f4"), 0, {}
    for group in json.loads((folder / "model.json").read_text())["weightsManifest"]:
        for weight in group["weights"]:
            count = int(np.prod(weight["shape"]))
            arrays[weight["name"]] = numbers[at : at + count].reshape(weight["shape"])
            at += count
    used = 0
    for layer in model.layers:
        values = [arrays[f"{layer.name}/{w.name}" if w.name != "kernel" or f"{layer.name}/kernel" in arrays else
                         f"{layer.name}/depthwise_kernel"] for w in layer.weights]
        layer.set_weights(values)
        used += len(values)
    assert at == len(numbers) and used == len(arrays)
    return model


NETWORKS = {"squeezenet1.1": squeezenet, "mobilenet_v1_0.25_224": mobilenet}


def write(shared, folder):
    """{name: (model, {ending: path})}"""
    made = {}
    for name, build in NETWORKS.items():
        model = build(pathlib.Path(shared) / "models")
        paths = {ending: pathlib.Path(folder) / f"{name}.{ending}" for ending in ("h5", "keras")}
        for path in paths.values():
            model.save(path)
        made[name] = (model, paths)
    return made


if __name__ == "__main__":
    for model, paths in write(*sys.argv[1:3]).values():
        print(model.count_params(), *(f"{path} ({path.stat().st_size} bytes)" for path in paths.values()))
