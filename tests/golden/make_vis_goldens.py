"""Writes vis/: two networks written by genuine Keras (tf-keras) and what genuine keras-vis 0.5.0 computes with them, for
tests/python/test_vis.py.

usage: make_vis_goldens.py KERAS_VIS [FOLDER]     (KERAS_VIS: a checkout of raghakot/keras-vis; needs tensorflow, tf_keras, scipy)

keras-vis runs unchanged; the names that it imports and that are gone (keras.layers.wrappers, skimage, ...) are given by stand-ins here.
smooth.h5: no kinks, so that steps compare. vgg16.h5: VGG16's layers, few filters, 32 x 32. head.h5: MobileNet's end, where a convolution
follows the mean over space. goldens.npz: arrays by name. changed_*: of vgg16.h5 with activations set in between.
"""
import os
import pathlib
import sys
import types
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.simplefilter("ignore")
import numpy as np
import tensorflow as tf
import tf_keras as keras
from scipy import ndimage
from tf_keras import layers

tf.compat.v1.disable_eager_execution()


def stand_in(name, **names):
    module = sys.modules[name] = types.ModuleType(name)
    module.__dict__.update(names)
    return module


def make_importable():
    tf.get_default_graph, tf.set_random_seed = tf.compat.v1.get_default_graph, tf.compat.v1.set_random_seed
    keras.backend.identity = tf.identity
    sys.modules["keras"] = keras
    sys.modules["keras.backend"], sys.modules["keras.models"] = keras.backend, keras.models
    stand_in("keras.layers", Activation=layers.Activation, advanced_activations=stand_in("keras.layers.advanced_activations"))
    convolution, pool1, pool2, pool3 = (kind.__mro__[1] for kind in (layers.Conv2D, layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D))
    stand_in("keras.layers.convolutional", _Conv=convolution)
    stand_in("keras.layers.pooling", _Pooling1D=pool1, _Pooling2D=pool2, _Pooling3D=pool3)
    stand_in("keras.layers.wrappers", Wrapper=layers.Wrapper)
    stand_in("scipy.ndimage.interpolation", shift=ndimage.shift, zoom=ndimage.zoom)
    manager = stand_in("matplotlib.font_manager", findSystemFonts=list)
    stand_in("matplotlib", font_manager=manager)
    stand_in("skimage", io=None, transform=None)


def smooth():
    x = picture = layers.Input((16, 16, 3), name="input_1")
    for block, count in enumerate((6, 8), 1):
        x = layers.Conv2D(count, 3, padding="same", activation="softplus", name=f"block{block}_conv1")(x)
        x = layers.AveragePooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(picture, layers.Dense(30, activation="softmax", name="predictions")(x))


def vgg16():
    """VGG16's names and depth; block3_conv3 has a filter 56 and the top 1000 classes, as the tutorial wants."""
    x = picture = layers.Input((32, 32, 3), name="input_1")
    for block, counts in enumerate(((4, 4), (6, 6), (8, 8, 60), (8, 8, 8), (8, 8, 8)), 1):
        for number, count in enumerate(counts, 1):
            x = layers.Conv2D(count, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(16, activation="relu", name=name)(x)
    return keras.Model(picture, layers.Dense(1000, activation="softmax", name="predictions")(x), name="vgg16")


def head():
    """keras.applications.MobileNet's last layers by their names."""
    x = picture = layers.Input((12, 10, 3), name="input_1")
    x = layers.Conv2D(6, 3, padding="same", name="conv_pw_13")(x)
    x = layers.ReLU(6.0, name="conv_pw_13_relu")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="global_average_pooling2d")(x)
    x = layers.Conv2D(30, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((30,), name="reshape_2")(x)
    return keras.Model(picture, layers.Activation("softmax", name="predictions")(x), name="head")


def fill(model, random):
    for weight in model.weights:
        shape = weight.shape.as_list()
        scale = (2.0 / np.prod(shape[:-1])) ** 0.5 if len(shape) > 1 else 0.1
        keras.backend.set_value(weight, np.abs(random.standard_normal(shape)) * 0.1 if len(shape) == 1 else random.standard_normal(shape) * scale)


class Offsets:
    """An input modifier that shifts by given offsets, as keras-vis's Jitter does by random ones."""

    def __init__(self, offsets):
        self.offsets = iter(offsets)

    def pre(self, image):
        return ndimage.shift(image, [0, *next(self.offsets), 0], mode="wrap", order=0)

    def post(self, image):
        return image


def main():
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).parent / "vis"
    folder.mkdir(exist_ok=True)
    make_importable()
    sys.path.insert(0, sys.argv[1])
    from vis import visualization
    from vis.utils import utils

    random = np.random.default_rng(11)
    made, gold = {}, {}
    for build in (smooth, vgg16):
        model = build()
        fill(model, random)
        if build is smooth:  # inputs of 0..255 into softplus
            first = model.layers[1].weights[0]
            keras.backend.set_value(first, keras.backend.get_value(first) / 64)
        model.save(folder / f"{build.__name__}.h5", include_optimizer=False)
        made[build.__name__] = model

    def linear(model):
        index = utils.find_layer_idx(model, "predictions")
        model.layers[index].activation = keras.activations.linear
        return utils.apply_modifications(model), index

    seed = gold["seed"] = np.float32(random.uniform(90, 160, (16, 16, 3)))
    # Three steps with softmax on, or off
    gold["softmax"] = visualization.visualize_activation(made["smooth"], 6, 20, seed_input=seed, max_iter=3, input_range=(0.0, 255.0))
    model, index = linear(made["smooth"])
    for steps in (1, 5, 20):
        gold[f"linear_{steps}"] = visualization.visualize_activation(model, index, [20, 3], seed_input=seed, max_iter=steps, input_range=(0.0, 255.0))
    gold["bytes"] = visualization.visualize_activation(model, index, 20, seed_input=seed, max_iter=5)
    gold["layer"] = visualization.visualize_activation(model, 3, None, seed_input=seed, max_iter=5, input_range=(0.0, 255.0), tv_weight=0, grad_modifier="small_values")
    offsets = gold["offsets"] = random.integers(-16, 17, (6, 2))
    gold["jittered"] = visualization.visualize_activation(model, index, 20, seed_input=seed, max_iter=6, input_modifiers=[Offsets(offsets)], input_range=(0.0, 255.0))
    np.random.seed(4)
    gold["from_noise"] = visualization.visualize_activation(model, 3, 5, max_iter=4, input_range=(0.0, 1.0))

    model, index = linear(made["vgg16"])
    photo = gold["photo"] = random.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    for modifier in (None, "guided", "relu"):
        for class_index in (20, 379):
            gold[f"cam_{modifier}_{class_index}"] = visualization.visualize_cam(model, index, class_index, photo, backprop_modifier=modifier, penultimate_layer_idx=utils.find_layer_idx(model, "block3_conv3"))
            gold[f"saliency_{modifier}_{class_index}"] = visualization.visualize_saliency(model, index, class_index, photo, backprop_modifier=modifier)
    gold["cam_default"] = visualization.visualize_cam(model, index, 20, photo)
    gold["cam_absolute"] = visualization.visualize_cam(model, index, [20, 30], photo, penultimate_layer_idx=9, grad_modifier="absolute")
    gold["saliency_keepdims"] = visualization.visualize_saliency(model, 9, 56, photo, grad_modifier="negate", keepdims=True)

    images = gold["images"] = random.integers(0, 256, (7, 4, 6, 3)).astype(np.uint8)
    gold["stitched"] = utils.stitch_images(list(images), margin=2, cols=3)
    gold["overlay"] = visualization.overlay(images[0], images[1], 0.3)
    gold["deprocessed"] = utils.deprocess_input(images[0].astype(np.float32), (-1, 1))
    gold["normalized"] = utils.normalize(images[0].astype(np.float32), -2, 5)
    np.random.seed(9)
    gold["random_array"] = utils.random_array((1, 3, 4, 2), 5, 2)
    gold["shifts"] = np.array([ndimage.shift(images[0], [dy, dx, 0], mode="wrap", order=0) for dy, dx in ((0, 3), (-3, 0), (3, -5), (4, 16), (-16, -6))])
    gold["zoomed"] = ndimage.zoom(images[0, :, :, 0].astype(np.float32), (15 / 4, 20 / 6))

    # Activations of layers in between
    changed = keras.models.load_model(folder / "vgg16.h5", compile=False)
    for name, activation in (("block3_conv3", "linear"), ("fc1", "tanh"), ("predictions", "linear")):
        changed.get_layer(name).activation = keras.activations.get(activation)
    changed = utils.apply_modifications(changed)
    index, middle = utils.find_layer_idx(changed, "predictions"), utils.find_layer_idx(changed, "block2_conv2")
    gold["changed_scores"] = changed.predict(photo[None].astype(np.float32))
    for modifier in (None, "guided"):
        options = {"backprop_modifier": modifier, "penultimate_layer_idx": middle}
        gold[f"changed_cam_{modifier}"] = visualization.visualize_cam(changed, index, 20, photo, **options)
    gold["changed_saliency"] = visualization.visualize_saliency(changed, index, 20, photo)

    # Where the rule for the penultimate layer finds one of 1 x 1
    model = head()
    fill(model, random)
    first = model.layers[1].weights[0]
    keras.backend.set_value(first, keras.backend.get_value(first) / 64)
    model.save(folder / "head.h5", include_optimizer=False)
    model.layers[-1].activation = keras.activations.linear
    model = utils.apply_modifications(model)
    gold["head_default"] = visualization.visualize_cam(model, 6, 20, photo[:12, :10])
    at = utils.find_layer_idx(model, "conv_pw_13_relu")
    gold["head_wide"] = visualization.visualize_cam(model, 6, 20, photo[:12, :10], penultimate_layer_idx=at)
    np.savez_compressed(folder / "goldens.npz", **gold)


main()
