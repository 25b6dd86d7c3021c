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
from tf_keras.src.engine.base_layer import TensorFlowOpLayer

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


FILTERS = "nearest bilinear bicubic gaussian lanczos3 lanczos5 mitchellcubic".split()


def tf_filters():
    """Bicubic weights come from a table of 1024 places in TensorFlow: the scales are such that each place is in it."""
    x = keras.Input((8, 8, 1), name="x")
    larger = [layers.Resizing(16, 32, interpolation=name, name=f"larger_{name}")(x) for name in FILTERS]
    smaller = [layers.Resizing(4, 2, interpolation=name, name=f"smaller_{name}")(x) for name in FILTERS]
    odd = [layers.Resizing(5, 11, interpolation=name, name=f"odd_{name}")(x) for name in FILTERS if name != "bicubic"]
    up = [layers.UpSampling2D((2, 4), interpolation=name, name=f"up_{name}")(x) for name in FILTERS]
    odd.append(layers.Resizing(5, 11, interpolation="lanczos3", crop_to_aspect_ratio=True, name="odd_cropped")(x))
    parts = larger + smaller + odd + up
    names = [part.name.split("/")[0] for part in parts]
    means = [layers.GlobalMaxPooling2D(name=f"{name}_max")(part) for name, part in zip(names, parts)]
    y = layers.Concatenate(name="all")(means)
    return keras.Model(x, layers.Dense(3, name="out")(y), name="filters"), names


def tf_area():
    """TensorFlow has no gradient of this filter; see linear_gradient."""
    x = keras.Input((8, 6, 3), name="x")
    parts = [
        layers.Resizing(16, 12, interpolation="area", name="larger")(x),
        layers.Resizing(2, 3, interpolation="area", name="smaller")(x),
        layers.Resizing(5, 11, interpolation="area", name="odd")(x),
        layers.UpSampling2D((2, 3), interpolation="area", name="up")(x),
    ]
    means = [layers.Flatten(name=f"{part.name.split('/')[0]}_flat")(part) for part in parts]
    y = layers.Concatenate(name="all")(means)
    return keras.Model(x, layers.Dense(3, name="out")(y), name="area"), "larger smaller odd up".split()


def linear_gradient(model, x):
    """Of the first number of a linear network's output, in differences."""
    ends = [np.stack([x[0] + sign * step for step in np.eye(x.size, dtype="float32").reshape(-1, *x.shape[1:])]) for sign in (1, -1)]
    above, below = (model(end, training=False).numpy().reshape(x.size, -1)[:, 0].astype("float64") for end in ends)
    return ((above - below) / 2).reshape(x.shape).astype("float32")


def gradient(model, x):
    """Of the first number of the output."""
    with tf.GradientTape() as tape:
        at = tf.constant(x)
        tape.watch(at)
        first = tf.reshape(model(at, training=False), [-1])[0]
    return tape.gradient(first, at).numpy()


def tf_crops():
    x = keras.Input((7, 10, 3), name="x")
    parts = [
        layers.RandomCrop(6, 5, name="crop")(x),
        layers.RandomCrop(6, 5, name="crop_larger")(layers.Conv2D(3, 3, name="conv")(x)),
        layers.CenterCrop(6, 5, name="centre")(x),
        layers.CenterCrop(6, 5, name="centre_larger")(layers.Conv2D(3, 4, name="conv4")(x)),
    ]
    y = layers.Add(name="add")(parts)
    y = layers.GlobalAveragePooling2D(name="mean")(y)
    return keras.Model(x, layers.Dense(3, name="out")(y), name="crops"), ["crop", "crop_larger", "centre", "centre_larger"]


def tf_slices():
    x = keras.Input((9, 8, 4), name="x")
    y = x[:, :, :, 1:] - 0.5
    y = layers.Conv2D(4, 3, padding="same", name="conv")(y)
    y = y[:, 1:-1, ::2] * y[:, 1:-1, :4, -1:]
    y = y[:, 0, tf.newaxis] + y[:, -1, tf.newaxis] + y[:, ::-3, :, 2, tf.newaxis]
    y = layers.Conv2D(3, 1, name="point")(y)
    return keras.Model(x, layers.Flatten(name="out")(y[:, :, 1:3]), name="slices"), ["conv", "point"]


def tf_volumes():
    x = keras.Input((8, 6, 4), name="x")
    y = layers.Reshape((4, 2, 6, 4), name="cut")(x)
    y = layers.Conv3D(3, (3, 2, 3), padding="same", activation="relu", name="conv")(y)
    y = layers.BatchNormalization(axis=2, name="bn_rows")(y)
    y = layers.MaxPooling3D((2, 1, 2), name="max")(y)
    y = layers.Conv3DTranspose(2, (2, 3, 2), strides=(2, 1, 2), activation="tanh", name="transposed")(y)
    y = layers.AveragePooling3D(2, padding="same", name="average")(y)
    y = layers.GlobalAveragePooling3D(name="gmean")(layers.UpSampling3D(2, name="up")(y))
    return keras.Model(x, layers.Dense(3, name="out")(y), name="volumes"), "conv bn_rows max transposed average up gmean".split()


def tf_preprocessing():
    """keras.applications' preprocess_input in the model, and smaller pictures without aliases. tf_keras cannot write x[..., ::-1] into .keras."""
    x = keras.Input((12, 16, 3), name="x")
    a = keras.applications.vgg16.preprocess_input(x * 1.0)
    b = keras.applications.mobilenet.preprocess_input(x * 1.0)
    c = keras.applications.densenet.preprocess_input(x * 1.0)
    y = layers.Conv2D(3, 1, name="conv")(a / 128.0 + b * c)
    parts = [layers.Resizing(4, 8, interpolation=name, name=f"smaller_{name}")(tf.image.resize(y, (8, 16), method=name, antialias=True)) for name in ("bilinear", "lanczos3")]
    parts += [tf.image.resize(y, (4, 8), antialias=True, method=name) for name in ("bilinear", "lanczos5", "gaussian", "mitchellcubic", "bicubic")]
    parts.append(tf.image.resize(y, (4, 8), method="nearest"))
    y = layers.Conv2D(3, 1, name="last")(tf.concat(parts, -1))
    return keras.Model(x, layers.Flatten(name="out")(y), name="preprocessing"), ["conv", "last"]


def tf_parts():
    x = keras.Input((6, 8, 8), name="x")
    y = layers.Conv2D(9, 3, padding="same", name="conv")(x)
    a, b, c = tf.split(y, 3, axis=-1)
    d, e, f = tf.split(y, [2, -1, 4], 3)
    g, h = tf.split(a * b - c, [4, 2], 1)
    rows = tf.unstack(tf.concat([d * f[:, :, :, 1:3], e], 3), axis=1)
    y = tf.stack([rows[0] + rows[4], rows[1] * rows[3], rows[5]], axis=1)
    y = tf.concat([y, g[:, 1:], tf.reverse(h, [1, 2])[:, :1] + g[:, :3]], -1)
    y = tf.nn.depth_to_space(layers.Conv2D(8, 1, name="point")(y), 2)
    z = tf.nn.space_to_depth(tf.nn.relu(y), 2)
    z = tf.nn.max_pool2d(z, 2, 1, "SAME") + tf.nn.avg_pool2d(z, [1, 3], 1, "SAME") * z[:, :, :, 2, tf.newaxis]
    z = tf.math.l2_normalize(z, -1) + tf.nn.bias_add(z, [0.5, -0.5, 1.0, 2.0, 0.0, 0.25, -1.0, 1.5]) * x[:, :3, :, 0, tf.newaxis]
    z = tf.nn.avg_pool(z, 2, 2, "VALID")[:, 0, :, :2] * tf.squeeze(z[:, :1, ::2, :2], [1])
    return keras.Model(x, layers.Flatten(name="out")(z), name="parts"), ["conv", "point"]


def tf_nodes():
    """As TensorFlow 2.2 and 2.3 recorded raw operations, and later versions do in a graph: TensorFlowOpLayer."""
    with tf.Graph().as_default():
        x = keras.Input((6, 8, 8), name="x")
        y = layers.Conv2D(9, 3, padding="same", name="conv")(1.0 - tf.nn.relu6(x * 2.0 + tf.constant([0.5, 1, 2, 3, -1, -2, 0, 1])))
        a, b, c = tf.split(y, 3, axis=-1)
        d, e = tf.split(tf.nn.bias_add(a * b - c, [0.5, -0.5, 0.25]), [4, 2], 1)
        y = tf.concat([d[:, 1:-1], tf.reverse(e, [1])], -1) * tf.reduce_mean(y, [1, 2], keepdims=True)[..., :1] / 0.5
        y = layers.Conv2D(8, 1, name="point")(tf.pad(y, [[0, 0], [1, 1], [0, 0], [0, 0]]))
        y = tf.nn.depth_to_space(tf.nn.leaky_relu(y, 0.3), 2)
        y = tf.nn.max_pool2d(y, 2, 2, "SAME") + tf.nn.avg_pool2d(y, [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
        y = tf.image.resize(y, (6, 5)) - tf.image.resize(y, (6, 5), method="nearest")
        rows = tf.unstack(tf.math.l2_normalize(y, -1), axis=1)
        y = tf.stack([rows[0], tf.math.rsqrt(tf.square(rows[3]) + 1.0), rows[5]], axis=1)
        y = tf.transpose(tf.reshape(y, [-1, 3, 10]), [0, 2, 1])[:, ::3, tf.newaxis, 1:] * tf.squeeze(tf.expand_dims(y, 1), [1])[:, 1, 2, 0, tf.newaxis, tf.newaxis, tf.newaxis]
        text = keras.Model(x, layers.Flatten(name="out")(tf.nn.softmax(y)), name="nodes").to_json()
    return keras.models.model_from_json(text, {"TensorFlowOpLayer": TensorFlowOpLayer}), ["conv", "point"]


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

        for build in (tf_operations, tf_sequential, tf_nested, tf_filters, tf_area, tf_crops, tf_slices, tf_volumes, tf_preprocessing, tf_parts, tf_nodes):
            keras.utils.set_random_seed(1)
            model, names = build()
            fill(model)
            stem = pathlib.Path(scratch) / build.__name__
            archives = ["h5", "keras"] if build not in (tf_preprocessing, tf_nodes) else ["h5"]
            for ending in archives:
                model.save(f"{stem}.{ending}")
            pathlib.Path(f"{stem}.json").write_text(model.to_json())
            model.save_weights(f"{stem}.listed.h5")
            for ending in (*archives, "json", "listed.h5"):
                add(pathlib.Path(f"{stem}.{ending}"))
            shape = tuple(model.inputs[0].shape[1:])
            x = random.standard_normal((1, *shape)).astype("float32")
            trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
            index.append(f"network {build.__name__} {' '.join(map(str, shape))} {model.count_params()} {trainable}{'' if len(archives) == 2 else ' h5'}")
            values.append(x)
            for name in names + ["output"]:
                part = model if name == "output" else keras.Model(model.inputs, model.get_layer(name).output)
                y = part(x, training=False).numpy()
                index.append(f"layer {build.__name__} {name} {'x'.join(map(str, y.shape))}")
                values.append(y)
            values.append((linear_gradient if build is tf_area else gradient)(model, x))
        data = b"".join(np.ascontiguousarray(v, dtype="<f4").tobytes() for v in values)
        archive.writestr(zipfile.ZipInfo("tf_values.bin"), data, zipfile.ZIP_DEFLATED, 9)
        archive.writestr(zipfile.ZipInfo("tf_index.txt"), "\n".join(index) + "\n", zipfile.ZIP_DEFLATED, 9)


main()
