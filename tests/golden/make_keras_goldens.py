"""Writes small networks with genuine Keras 3, and what it computes with them, for tests/unit/test_keras*.c.

usage: KERAS_BACKEND=torch make_keras_goldens.py [FOLDER]     (default: keras/ beside this script; needs keras, torch, h5py)

networks.zip holds for each network of keras_networks.py: NAME.h5 (the legacy writer) and NAME.keras; some also as NAME.json (to_json)
with NAME.weights.h5 (save_weights) and NAME.listed.h5 (the weights as Keras 2 lists them). index.txt says
    network NAME HEIGHT WIDTH CHANNELS TOTAL TRAINABLE
    layer NAME LAYER DIMS        in the order of values.bin, which holds the input and then each layer's output, float32;
                                 LAYER "output" is the network's; then the gradient of its first number to the input
    vgg FILE SIDE LAYER DIMS     see add_vgg
"""
import os
import pathlib
import sys
import tempfile
import zipfile

os.environ.setdefault("KERAS_BACKEND", "torch")
import h5py
import keras
import numpy as np
import torch
from keras.src.legacy.saving import legacy_h5_format
from keras.src.ops.function import make_node_key

from keras_networks import NETWORKS

random = np.random.default_rng(7)


def fill(model):
    for weight in model.weights:
        if "count" in weight.path or not len(weight.shape) and "int" in str(weight.dtype):
            continue
        values = random.standard_normal(tuple(weight.shape)) * 0.4
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)


def nodes_of(model, layer):
    return [node for at, node in enumerate(layer._inbound_nodes) if make_node_key(layer, at) in model._nodes]


def tensors_of(model, layer):
    """Symbolic outputs of a layer's calls in a model."""
    if isinstance(model, keras.Sequential):
        return [layer.output]
    return [node.output_tensors[0] for node in nodes_of(model, layer)]


def outputs(model, names):
    """Layers by actmax's names: "nested/layer", and "/call_2" for a layer's second call."""
    found = []
    for name in names:
        path, call = (name.rsplit("/call_", 1) + ["1"])[:2]
        outer, *inner = path.split("/")
        layer = model.get_layer(outer)
        if not inner:
            found.append(keras.Model(model.inputs, tensors_of(model, layer)[int(call) - 1]))
            continue
        # What the nested model computes in its first call: its own part, on what the outer network feeds it.
        node = nodes_of(model, layer)[0]
        fed = keras.Model(model.inputs, node.input_tensors[0])
        part = keras.Model(layer.inputs, tensors_of(layer, layer.get_layer(inner[0]))[0])
        found.append(lambda x, training, fed=fed, part=part: part(fed(x, training=training), training=training))
    return found


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor).astype("<f4")


def input_gradient(model, x):
    """Of the first number of the output."""
    at = torch.tensor(x, requires_grad=True)
    model(at, training=False).reshape(-1)[0].backward()
    return at.grad.numpy()[0].astype("<f4")


VGG = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def thin_vgg(kind, top):
    """VGG's layers under its names, with few channels."""
    layers = keras.layers
    stack = [keras.Input((224, 224, 3) if top else (None, None, 3), name="input_1")]
    for block, count in enumerate(VGG[kind], 1):
        for i in range(1, count + 1):
            stack.append(layers.Conv2D(block + 1, 3, padding="same", activation="relu", name=f"block{block}_conv{i}"))
        stack.append(layers.MaxPooling2D(2, name=f"block{block}_pool"))
    if top:
        stack.append(layers.Flatten(name="flatten"))
        stack += [layers.Dense(7, activation="relu", name="fc1"), layers.Dense(6, activation="relu", name="fc2")]
        stack.append(layers.Dense(10, activation="softmax", name="predictions"))
    return keras.Sequential(stack)


def write_keras1(path, model):
    """As keras.applications' files of VGG are: weights only, datasets called as Keras 1 called them."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"input_1"] + [layer.name.encode() for layer in model.layers])
        file.create_group("input_1").attrs["weight_names"] = np.zeros(0)
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0" for kind, _ in zip("Wb", layer.weights)]
            group.attrs["weight_names"] = np.array([n.encode() for n in names]) if names else np.zeros(0)
            for name, weight in zip(names, layer.weights):
                group[name] = as_array(weight)


def add_vgg(folder, add, index, values):
    """Line "vgg FILE SIDE LAYER DIMS": the input is (i * 7919 % 256) / 256 at place i."""
    for kind, top, side, layer in (("vgg16", True, 224, "predictions"), ("vgg19", False, 64, "block5_conv4")):
        model = thin_vgg(kind, top)
        fill(model)
        for weight in model.weights:
            weight.assign(as_array(weight) * 2)
        path = folder / f"{kind}_{'top' if top else 'notop'}.h5"
        write_keras1(path, model)
        add(path)
        x = ((np.arange(side * side * 3, dtype=np.int64) * 7919 % 256) / 256).astype("float32").reshape(1, side, side, 3)
        y = as_array(keras.Model(model.inputs, model.get_layer(layer).output)(x, training=False))
        index.append(f"vgg {path.name} {side} {layer} {'x'.join(map(str, y.shape))}")
        values.append(np.ascontiguousarray(y).tobytes())


def main():
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "keras"
    index, values = [], []
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(target / "networks.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        folder = pathlib.Path(name)

        def add(path):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)

        for name, build in NETWORKS.items():
            keras.utils.set_random_seed(1)
            keras.utils.clear_session()
            model, layers = build()
            fill(model)
            files = [folder / f"{name}.h5", folder / f"{name}.keras"]
            for path in files:
                model.save(path)
            if name in ("plain", "nested"):
                files += [folder / f"{name}.json", folder / f"{name}.weights.h5", folder / f"{name}.listed.h5"]
                files[2].write_text(model.to_json())
                model.save_weights(files[3])
                with h5py.File(files[4], "w") as file:
                    legacy_h5_format.save_weights_to_hdf5_group(file, model)
            for path in files:
                add(path)
            shape = tuple(model.inputs[0].shape[1:])
            x = random.standard_normal((1, *shape)).astype("float32")
            trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
            total = sum(int(np.prod(w.shape)) for w in model.weights)
            picture = np.moveaxis(x[0], 0, -1) if name == "channels_first" else x[0]  # actmax takes rows, columns, channels
            index.append(f"network {name} {' '.join(map(str, picture.shape))} {total} {trainable}")
            values.append(np.ascontiguousarray(picture).tobytes())
            for layer, part in zip(layers + ["output"], outputs(model, layers) + [model]):
                y = as_array(part(x, training=False))
                index.append(f"layer {name} {layer} {'x'.join(map(str, y.shape))}")
                values.append(np.ascontiguousarray(y).tobytes())
            gradient = input_gradient(model, x)
            values.append(np.ascontiguousarray(np.moveaxis(gradient, 0, -1) if name == "channels_first" else gradient).tobytes())
        add_vgg(folder, add, index, values)
        archive.writestr(zipfile.ZipInfo("values.bin"), b"".join(values), zipfile.ZIP_DEFLATED, 9)
        archive.writestr(zipfile.ZipInfo("index.txt"), "\n".join(index) + "\n", zipfile.ZIP_DEFLATED, 9)
    print(f"{len(NETWORKS)} networks, {len(index)} lines")


main()
