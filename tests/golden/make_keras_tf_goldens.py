"""Small networks written by TensorFlow's Keras 2, and what it computes with them, for tests/unit/test_keras.c.

usage: make_keras_tf_goldens.py [FOLDER]      (default: keras/ beside this script; needs tensorflow and tf-keras)

tf.zip is like networks.zip of make_keras_goldens.py; its lists are called tf_index.txt and tf_values.bin.
"""
import os
import pathlib
import sys
import tempfile
import zipfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

random = np.random.default_rng(9)


def tf_operations():
    x = keras.Input((9, 8, 3), name="x")
    y = layers.Conv2D(4, 3, activation="hard_sigmoid", name="conv")(x)
    y = tf.nn.relu6(y * 3.0 + 1.0)
    y = 1.0 - tf.math.multiply(y / 2.0 - 0.25, 2.0)
    z = tf.reduce_mean(y, axis=[1, 2], keepdims=True)
    y = tf.math.maximum(tf.concat([y, tf.nn.silu(y)], -1), 0.1)
    y = tf.clip_by_value(layers.Conv2D(4, 1, name="point")(y) * z, -1.0, 1.0)
    y = layers.LeakyReLU(0.2, name="leaky")(layers.ReLU(0.8, negative_slope=0.1, name="relu")(y))
    y = layers.Flatten(name="flat")(tf.reshape(y, (-1, 42, 4)))
    return keras.Model(x, layers.Dense(3, activation="softmax", name="out")(y), name="operations"), ["conv", "point", "relu", "leaky"]


def tf_sequential():
    model = keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(10, 9, 3), name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.AveragePooling2D(3, 2, padding="same", name="average"),
            layers.MaxPooling2D(2, 1, padding="same", name="max"),
            layers.LayerNormalization(name="norm"),
            layers.Conv2DTranspose(3, 3, strides=2, padding="same", name="transposed"),
            layers.UpSampling2D(2, interpolation="bilinear", name="up"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    return model, ["conv", "bn", "average", "max", "norm", "transposed", "up"]


def tf_nested():
    augment = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)], name="augment")
    a = keras.Input((8, 8, 3))
    b = layers.DepthwiseConv2D(3, padding="same", name="inner_depthwise")(a)
    b = layers.BatchNormalization(name="inner_bn")(b)
    base = keras.Model(a, layers.Conv2D(3, 1, activation="relu", name="inner_conv")(b), name="base")
    base.get_layer("inner_depthwise").trainable = False
    x = keras.Input((8, 8, 3), name="x")
    y = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(augment(x))
    y = base(base(y))
    y = layers.GlobalAveragePooling2D(name="gap")(y)
    return keras.Model(x, layers.Dense(3, name="out")(y), name="nested"), ["rescale", "gap"]


def fill(model):
    for weight in model.weights:
        if weight.dtype.is_floating:
            values = random.standard_normal(tuple(weight.shape)) * 0.4
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.name else values)


def main():
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "keras"
    index, values = [], []
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(target / "tf.zip", "w", zipfile.ZIP_DEFLATED) as archive:

        def add(path):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)

        for build in (tf_operations, tf_sequential, tf_nested):
            keras.utils.set_random_seed(1)
            model, names = build()
            fill(model)
            stem = pathlib.Path(scratch) / build.__name__
            for ending in ("h5", "keras"):
                model.save(f"{stem}.{ending}")
            pathlib.Path(f"{stem}.json").write_text(model.to_json())
            model.save_weights(f"{stem}.listed.h5")
            for ending in ("h5", "keras", "json", "listed.h5"):
                add(pathlib.Path(f"{stem}.{ending}"))
            shape = tuple(model.inputs[0].shape[1:])
            x = random.standard_normal((1, *shape)).astype("float32")
            trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
            index.append(f"network {build.__name__} {' '.join(map(str, shape))} {model.count_params()} {trainable}")
            values.append(x)
            for name in names + ["output"]:
                part = model if name == "output" else keras.Model(model.inputs, model.get_layer(name).output)
                y = part(x, training=False).numpy()
                index.append(f"layer {build.__name__} {name} {'x'.join(map(str, y.shape))}")
                values.append(y)
            with tf.GradientTape() as tape:
                at = tf.constant(x)
                tape.watch(at)
                first = tf.reshape(model(at, training=False), [-1])[0]
            values.append(tape.gradient(first, at).numpy())
        data = b"".join(np.ascontiguousarray(v, dtype="<f4").tobytes() for v in values)
        archive.writestr(zipfile.ZipInfo("tf_values.bin"), data, zipfile.ZIP_DEFLATED, 9)
        archive.writestr(zipfile.ZipInfo("tf_index.txt"), "\n".join(index) + "\n", zipfile.ZIP_DEFLATED, 9)


main()
