"""Writes the smallest network of each family of keras.applications with genuine Keras, and what it computes with them, for
tests/unit/test_keras_applications.c.

usage: KERAS_BACKEND=torch make_keras_applications.py [FOLDER]     (default: keras/ beside this script; needs keras, torch, h5py)

All but the MobileNets have a quarter of their filters. Weights repeat a table of 251 multiples of 1/4, scaled by a power of two for each
layer, so that the files are small in applications.zip. It holds
app_NAME.h5 or app_NAME.keras (the first as both), app_values.bin and app_index.txt:
    network app_NAME HEIGHT WIDTH CHANNELS TOTAL TRAINABLE FORMATS GRADIENT
    layer app_NAME LAYER DIMS
as in networks.zip. GRADIENT is 1 where the network is smooth enough for it to be compared: elsewhere ReLU and max pooling have kinks, where
correct programs differ; tests/full/check_keras_applications.py compares kink-free twins.
"""
import os
import pathlib
import sys
import tempfile
import zipfile

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
import torch
from keras.src.applications import convnext, nasnet

# name: (side, more options, gradient)
NETWORKS = {
    "MobileNet": (64, {"alpha": 0.25}, False),
    "MobileNetV2": (64, {"alpha": 0.35}, False),
    "MobileNetV3Small": (64, {}, False),
    "EfficientNetB0": (64, {}, True),
    "EfficientNetV2B0": (64, {}, True),
    "NASNetMobile": (64, {}, False),
    "DenseNet121": (64, {}, False),
    "Xception": (103, {}, False),
    "InceptionV3": (107, {}, False),
    "InceptionResNetV2": (107, {}, False),
    "ResNet50": (64, {}, False),
    "ResNet50V2": (64, {}, False),
    "ConvNeXtTiny": (64, {}, True),
    "VGG16": (32, {}, False),
}
MOST_VALUES = 1000
TABLE = (np.random.default_rng(3).standard_normal(251) * 4).round().astype("float32") / 4


def narrow(model):
    """The same network with a quarter of the filters."""
    config = model.get_config()
    for layer in config["layers"]:
        settings = layer["config"]
        layer.pop("build_config", None)
        for key in ("filters", "units"):
            if settings.get(key, 1) not in (1, 10):
                settings[key] = max(1, settings[key] // 4)
        if layer["class_name"] == "Reshape":
            settings["target_shape"] = [*settings["target_shape"][:-1], settings["target_shape"][-1] // 4]
    return type(model).from_config(config)


def build(name):
    side, options, _ = NETWORKS[name]
    options = {**options, "weights": None, "input_shape": (side, side, 3), "classes": 10}
    if name == "NASNetMobile":  # this function refuses PyTorch, where what it calls works
        return nasnet.NASNet(**options, penultimate_filters=96, num_blocks=4, stem_block_filters=8, skip_reduction=False,
                             filter_multiplier=2, name="nasnet_mobile")
    if name == "ConvNeXtTiny":
        return convnext.ConvNeXt(**options, depths=(3, 3, 9, 3), projection_dims=(24, 48, 96, 192), name="convnext_tiny")
    if name == "VGG16":  # the dense layers are 120 million numbers
        options.update(include_top=False, pooling="avg")
    model = getattr(keras.applications, name)(**options)
    return model if name.startswith("MobileNet") else narrow(model)


def fill(model):
    for weight in model.weights:
        name, shape = weight.path.rsplit("/", 1)[-1], tuple(weight.shape)
        if name == "count" or not shape:
            continue
        values = TABLE[np.arange(int(np.prod(shape))) % len(TABLE)].reshape(shape)
        if "variance" in name:
            values = 0.75 + np.clip(values, -1, 1) / 4
        elif name == "gamma":
            values = 1 + np.clip(values, -1, 1) / 4
        elif len(shape) == 1:
            values = 0.25 + 0.25 * values if name in ("beta", "bias") else values / 8
        else:
            fan = np.prod(shape[:-2]) if "depthwise" in weight.path or shape[-1] == 1 else np.prod(shape[:-1])
            values = values * 2.0 ** round(np.log2(fan) / -2)
        weight.assign(values)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Add):
            for node in layer._inbound_nodes[0].parent_nodes:
                if node.operation.weights:
                    node.operation.weights[0].assign(node.operation.weights[0] * 0.25)


def soften(model, x):
    """Scales the last layer so that its scores differ by about 1: the gradient of a saturated softmax is made of rounding errors."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Dense):
        with torch.no_grad():
            features = keras.Model(model.inputs, last.input)(x, training=False)
            scores = as_array(keras.ops.matmul(features, last.kernel))
        last.kernel.assign(last.kernel * 2.0 ** -max(0, round(np.log2(scores.std()))))


def as_array(tensor):
    return np.ascontiguousarray(keras.ops.convert_to_numpy(tensor).astype("<f4"))


def main():
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "keras"
    index, values = [], []
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target / "applications.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for at, (name, (side, _, smooth)) in enumerate(NETWORKS.items()):
            keras.utils.clear_session()
            model = build(name)
            fill(model)
            x = (np.random.default_rng(5).standard_normal((1, side, side, 3)) * 2).round().astype("float32") / 2
            if any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers):
                x = np.clip(128 + 64 * x, 0, 255).round()
            soften(model, x)
            formats = ("h5", "keras") if name == "MobileNet" else (("h5", "keras")[at % 2],)
            for ending in formats:
                path = pathlib.Path(folder) / f"app_{name}.{ending}"
                model.save(path)
                archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
                path.unlink()
            small = [layer for layer in model.layers if layer.output.shape[1:] and int(np.prod(layer.output.shape[1:])) <= MOST_VALUES]
            chosen = [layer.name for layer in small[:: max(1, len(small) // 3)] if type(layer).__name__ != "InputLayer"][:3]
            trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
            total = sum(int(np.prod(w.shape)) for w in model.weights)
            index.append(f"network app_{name} {side} {side} 3 {total} {trainable} {'both' if len(formats) > 1 else formats[0]} {int(smooth)}")
            values.append(x)
            with torch.no_grad():
                parts = keras.Model(model.inputs, [model.get_layer(n).output for n in chosen] + [model.output])(x, training=False)
            for label, y in zip(chosen + ["output"], parts):
                y = as_array(y)
                index.append(f"layer app_{name} {label} {'x'.join(map(str, y.shape))}")
                values.append(y)
            if smooth:
                place = torch.tensor(x, requires_grad=True)
                model(place, training=False).reshape(-1)[0].backward()
                values.append(place.grad.numpy())
            print(name, model.count_params(), formats, [float(np.abs(v).max()) for v in values[-4:]], flush=True)
        data = b"".join(np.ascontiguousarray(v, dtype="<f4").tobytes() for v in values)
        archive.writestr(zipfile.ZipInfo("app_values.bin"), data, zipfile.ZIP_DEFLATED, 9)
        archive.writestr(zipfile.ZipInfo("app_index.txt"), "\n".join(index) + "\n", zipfile.ZIP_DEFLATED, 9)


main()
