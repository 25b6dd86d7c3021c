"""Every convolutional network of keras.applications, as genuine Keras saves it, against Keras.

    KERAS_BACKEND=torch python check_keras_applications.py LIBACTMAX.so [NETWORK|FAMILY...]      (the smallest of each family)

Weights are random by a fixed seed; BatchNormalization's moving statistics are those of random pictures. Each network is saved as .h5, as
.keras and as to_json() beside a file of weights, and loaded as it is: the list of layers, the scores and (of the .h5 file) eight layers
on the way, relative error under 1e-4. A kink-free twin (Softplus for ReLU, ReLU6, hard sigmoid and the like, average for max pooling)
is saved likewise: the gradient of one score with respect to the picture, under 1e-4. A network without kinks ("smooth") is its own
twin. Truth is the same network in float64; the error of Keras's own float32 is printed beside ours. The free-running gradient of a
network with kinks is printed only: correct programs differ there.
"""
import contextlib
import copy
import logging
import os
import sys
import tempfile
import warnings

os.environ.setdefault("KERAS_BACKEND", "torch")
logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")
import keras
import numpy as np
import torch
from keras.src.applications import convnext, inception_resnet_v2, nasnet

from formats import CLASS, check_files, eight_layers, finish, picture, report
from library import Library

# family: (side, networks from the smallest on)
FAMILIES = {
    "MobileNet": (64, ["MobileNet"]),
    "MobileNetV2": (64, ["MobileNetV2"]),
    "MobileNetV3": (64, ["MobileNetV3Small", "MobileNetV3Large"]),
    "EfficientNet": (64, [f"EfficientNetB{i}" for i in range(8)]),
    "EfficientNetV2": (64, [f"EfficientNetV2{i}" for i in ("B0", "B1", "B2", "B3", "S", "M", "L")]),
    "NASNet": (64, ["NASNetMobile", "NASNetLarge"]),
    "DenseNet": (64, ["DenseNet121", "DenseNet169", "DenseNet201"]),
    "Xception": (103, ["Xception"]),
    "Inception": (107, ["InceptionV3"]),
    "InceptionResNet": (107, ["InceptionResNetV2"]),
    "ResNet": (64, ["ResNet50", "ResNet101", "ResNet152"]),
    "ResNetV2": (64, ["ResNet50V2", "ResNet101V2", "ResNet152V2"]),
    "ConvNeXt": (64, ["ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"]),
    "VGG": (64, ["VGG16", "VGG19"]),
}
SIDES = {name: side for side, names in FAMILIES.values() for name in names}
NASNETS = {
    "NASNetMobile": dict(penultimate_filters=1056, num_blocks=4, stem_block_filters=32, skip_reduction=False, filter_multiplier=2),
    "NASNetLarge": dict(penultimate_filters=4032, num_blocks=6, stem_block_filters=96, skip_reduction=True, filter_multiplier=2),
}
CLASSES = 10
KINKED = ("relu", "relu6", "hard_sigmoid", "hard_silu", "hard_swish")


@contextlib.contextmanager
def quick():
    """While it lasts weights begin as zeros: those of a model that gets another's."""
    kept = keras.initializers.VarianceScaling.__call__
    keras.initializers.VarianceScaling.__call__ = lambda self, shape, dtype=None, **kwargs: keras.ops.zeros(shape, dtype)
    try:
        yield
    finally:
        keras.initializers.VarianceScaling.__call__ = kept


def build(name):
    side = SIDES[name]
    keras.utils.set_random_seed(11)
    keras.utils.clear_session()
    options = {"weights": None, "input_shape": (side, side, 3), "classes": CLASSES, "classifier_activation": None}
    if name in NASNETS:  # these functions refuse PyTorch, where what they call works
        return nasnet.NASNet(**options, include_top=True, name=name.lower(), **NASNETS[name])
    return getattr(keras.applications, name)(**options)


def residual_ends(model):
    """Layers with weights whose output is added to something."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Add):
            for node in layer._inbound_nodes[0].parent_nodes:
                if node.operation.weights:
                    yield node.operation


def fill(model):
    """Weights as a trained network might have them: every layer's output of ordinary size, most rectifiers open and residual branches
    small beside what they are added to. Without the latter, deep random networks magnify rounding errors a thousandfold."""
    random = np.random.default_rng(7)
    batch_norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for weight in model.weights:
        name, shape = weight.path.rsplit("/", 1)[-1], tuple(weight.shape)
        if name == "gamma":
            weight.assign(random.uniform(0.6, 1.4, shape))
        elif name in ("beta", "bias"):
            weight.assign(random.uniform(-0.2, 0.8, shape))
    for layer in residual_ends(model):
        layer.weights[0].assign(layer.weights[0] * 0.3)  # gamma or kernel
    momenta = [layer.momentum for layer in batch_norms]
    for layer in batch_norms:
        layer.momentum = 0.0
    if batch_norms:
        with torch.no_grad():
            model(picture(model, 8), training=True)
    for layer, momentum in zip(batch_norms, momenta):
        layer.momentum = momentum
        variance = keras.ops.convert_to_numpy(layer.moving_variance)
        layer.moving_variance.assign(np.maximum(variance, 0.5 * variance.mean()))  # no channel is magnified out of rounding errors


def smooth(config):
    """Replaces what has kinks in a model's configuration."""
    if isinstance(config, list):
        return [smooth(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {key: smooth(value) for key, value in config.items()}
    if config.get("activation") in KINKED:
        config["activation"] = "softplus"
    if config.get("class_name") == "ReLU":
        settings = {key: config["config"].get(key) for key in ("name", "trainable", "dtype")}
        config.update(class_name="Activation", config={**settings, "activation": "softplus"})
    elif config.get("class_name") == "MaxPooling2D":
        config["class_name"] = "AveragePooling2D"
    return config


def twin_of(model):
    """None: it has no kinks."""
    config = model.get_config()
    smoothed = smooth(copy.deepcopy(config))
    if smoothed == config:
        return None
    with quick():
        twin = model.__class__.from_config(smoothed)
    twin.set_weights(model.get_weights())
    fill(twin)
    return twin


def in_double(model):
    """The same network in float64."""
    def retype(item):
        if isinstance(item, list):
            return [retype(part) for part in item]
        if not isinstance(item, dict):
            return item
        if item.get("class_name") == "DTypePolicy":
            return {**item, "config": {"name": "float64"}}
        return {key: "float64" if key == "dtype" and value == "float32" else retype(value) for key, value in item.items()}

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    keras.config.set_floatx("float64")
    try:
        with quick():
            double = model.__class__.from_config(retype(copy.deepcopy(model.get_config())))
        double.set_weights([w.astype("float64") for w in model.get_weights()])
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy(before)
    return double


def outputs(model, x, layers):
    with torch.no_grad():
        values = keras.Model(model.inputs, [model.get_layer(name).output for name in layers] + [model.output])(x, training=False)
    return [keras.ops.convert_to_numpy(y)[0] for y in values]


def gradient(model, x):
    at = torch.tensor(x, requires_grad=True)
    model(at, training=False)[0, CLASS].backward()
    return at.grad.numpy()[0]


def check_as(library, model, kind, folder):
    layers, x, double = eight_layers(model, lambda layer: len(layer.output.shape)), picture(model), in_double(model)
    answers = [(outputs(net, at, layers), gradient(net, at)) for net, at in ((double, x.astype("float64")), (model, x))]
    return list(check_files(library, model, kind, folder, layers, answers, "Keras"))


def check(library, name, folder):
    model = build(name)
    fill(model)
    twin = twin_of(model)
    notes = check_as(library, model, "as is" if twin else "smooth", folder)
    if twin:
        notes += check_as(library, twin, "twin", folder)
    return report(name, model, notes)


def main():
    library, names = Library(sys.argv[1]), []
    for word in sys.argv[2:]:
        names += FAMILIES[word][1] if word in FAMILIES else [word]
    if not names:
        names = [family[0] for _, family in FAMILIES.values()]
    own = {"LayerScale": convnext.LayerScale, "CustomScaleLayer": inception_resnet_v2.CustomScaleLayer}
    with tempfile.TemporaryDirectory() as folder, keras.utils.custom_object_scope(own):
        failed = [name for name in names if not check(library, name, folder)]
    finish(names, failed)


main()
