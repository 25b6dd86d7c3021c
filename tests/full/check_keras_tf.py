"""Networks of keras.applications as TensorFlow's Keras 2 saves them (.h5, .keras, and to_json() beside weights), against TensorFlow.

    python check_keras_tf.py LIBACTMAX.so [NETWORK...]      (the smallest of each family; needs tensorflow, tf-keras)

As check_keras_applications.py does it with Keras 3. With BatchNormalization's statistics as they are made (0 and 1) a random
EfficientNet's gradient would vanish: its activations fall from 1e-2 to 1e-6 on the way.
"""
import copy
import os
import sys
import tempfile
import warnings

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")
import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras.src.applications import convnext, inception_resnet_v2

from formats import CLASS, check_files, eight_layers, finish, picture, report
from library import Library

tf.get_logger().setLevel("ERROR")
NETWORKS = {
    "MobileNet": 64, "MobileNetV2": 64, "MobileNetV3Small": 64, "EfficientNetB0": 64, "EfficientNetV2B0": 64, "NASNetMobile": 64,
    "DenseNet121": 64, "Xception": 103, "InceptionV3": 107, "InceptionResNetV2": 107, "ResNet50": 64, "ResNet50V2": 64,
    "ResNetRS50": 64, "RegNetX002": 64, "RegNetY002": 64, "ConvNeXtTiny": 64, "VGG16": 64,
}
CLASSES = 10
KINKED = ("relu", "relu6", "hard_sigmoid")


def build(name):
    side = NETWORKS[name]
    keras.utils.set_random_seed(11)
    keras.backend.clear_session()
    return getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=CLASSES, classifier_activation=None)


def fill(model):
    random = np.random.default_rng(7)
    batch_norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for weight in model.weights:
        name, shape = weight.name.rsplit("/", 1)[-1].split(":")[0], tuple(weight.shape)
        if name == "gamma":
            weight.assign(random.uniform(0.6, 1.4, shape))
        elif name in ("beta", "bias"):
            weight.assign(random.uniform(-0.2, 0.8, shape))
    for layer in model.layers:  # residual branches are small beside what they are added to
        if isinstance(layer, keras.layers.Add):
            for before in layer.inbound_nodes[0].inbound_layers:
                if before.weights:
                    before.weights[0].assign(before.weights[0] * 0.3)
    for layer in batch_norms:
        layer.momentum = 0.0
    model(picture(model, 8), training=True)
    for layer in batch_norms:
        layer.momentum = 0.99
        variance = layer.moving_variance.numpy()
        layer.moving_variance.assign(np.maximum(variance, 0.5 * variance.mean()))


def changed(config, change):
    """A copy of a model's configuration, `change` applied to each dictionary in it."""
    if isinstance(config, (list, tuple)):
        return type(config)(changed(item, change) for item in config)
    return change({key: changed(value, change) for key, value in config.items()}) if isinstance(config, dict) else config


def smooth(config):
    if config.get("activation") in KINKED:
        config["activation"] = "softplus"
    if config.get("class_name") == "ReLU":
        settings = {key: config["config"].get(key) for key in ("name", "trainable", "dtype")}
        config.update(class_name="Activation", config={**settings, "activation": "softplus"})
    elif config.get("class_name") == "MaxPooling2D":
        config["class_name"] = "AveragePooling2D"
    if config.get("function") == "nn.relu":
        config["function"] = "math.softplus"
    return config


def twin_of(model):
    """None: it has no kinks."""
    config = model.get_config()
    smoothed = changed(copy.deepcopy(config), smooth)
    if smoothed == config:
        return None
    twin = model.__class__.from_config(smoothed)
    twin.set_weights(model.get_weights())
    fill(twin)
    return twin


def in_double(model):
    keras.backend.set_floatx("float64")
    try:
        retype = lambda config: {key: "float64" if key == "dtype" and value == "float32" else value for key, value in config.items()}  # noqa: E731
        double = model.__class__.from_config(changed(copy.deepcopy(model.get_config()), retype))
        double.set_weights(model.get_weights())
    finally:
        keras.backend.set_floatx("float32")
    return double


def run(model, x, layers):
    """The layers' and the network's outputs, and the gradient of one score."""
    at = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(at)
        values = keras.Model(model.inputs, [model.get_layer(name).output for name in layers] + [model.output])(at, training=False)
        score = values[-1][0, CLASS]
    return [y.numpy()[0] for y in values], tape.gradient(score, at).numpy()[0]


def check_as(library, model, kind, folder):
    layers, x = eight_layers(model, lambda layer: len(layer.output_shape)), picture(model)
    answers = run(in_double(model), x.astype("float64"), layers), run(model, x, layers)
    return list(check_files(library, model, kind, folder, layers, answers, "TensorFlow"))


def check(library, name, folder):
    model = build(name)
    fill(model)
    twin = twin_of(model)
    notes = check_as(library, model, "as is" if twin else "smooth", folder)
    if twin:
        notes += check_as(library, twin, "twin", folder)
    return report(name, model, notes)


def main():
    library, names = Library(sys.argv[1]), sys.argv[2:] or list(NETWORKS)
    own = {name: getattr(module, name) for module, name in ((convnext, "LayerScale"), (convnext, "StochasticDepth"),
                                                            (inception_resnet_v2, "CustomScaleLayer")) if hasattr(module, name)}
    with tempfile.TemporaryDirectory() as folder, keras.utils.custom_object_scope(own):
        failed = [name for name in names if not check(library, name, folder)]
    finish(names, failed)


main()
