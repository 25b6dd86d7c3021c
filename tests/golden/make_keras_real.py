"""Writes keras/real.txt and keras/real.zip: what genuine Keras computes from a real file, and the configurations of networks of which
real files of weights are at hand, for tests/real/test_real_keras.c.

usage: KERAS_BACKEND=torch make_keras_real.py MODELS [FOLDER]     (MODELS: the folder of real networks; needs keras, torch)

The input of "fer2013" is (i * 7919 % 256) / 128 - 1 at place i.
"""
import os
import pathlib
import sys
import zipfile

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
from keras import layers


def lenet(filters, hidden):
    """DeepXplore's LeNet-1 and LeNet-5."""
    x = picture = keras.Input((28, 28, 1), name="input_1")
    for block, count in enumerate(filters, 1):
        x = layers.Conv2D(count, 5, padding="same", activation="relu", name=f"block{block}_conv1")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool1")(x)
    x = layers.Flatten(name="flatten")(x)
    for number, count in enumerate(hidden, 1):
        x = layers.Dense(count, activation="relu", name=f"fc{number}")(x)
    x = layers.Dense(10, name="before_softmax")(x)
    return keras.Model(picture, layers.Activation("softmax", name="predictions")(x))


def squeezenet():
    """SqueezeNet 1.1 without its top. The file's names have slashes ("fire2/squeeze1x1"), which Keras 3 does not allow."""
    x = picture = keras.Input((224, 224, 3), name="input_1")
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    sizes = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
    for fire, (squeeze, expand) in sizes.items():
        x = layers.Conv2D(squeeze, 1, activation="relu", name=f"fire{fire}_squeeze1x1")(x)
        left = layers.Conv2D(expand, 1, activation="relu", name=f"fire{fire}_expand1x1")(x)
        right = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"fire{fire}_expand3x3")(x)
        x = layers.Concatenate(name=f"fire{fire}_concat")([left, right])
        if fire in (3, 5):
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{fire}")(x)
    return keras.Model(picture, x)


def main():
    models = pathlib.Path(sys.argv[1])
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).parent / "keras"
    model = keras.models.load_model(models / "small" / "fer2013_mini_XCEPTION.102-0.66.hdf5", compile=False)
    x = (np.arange(64 * 64) * 7919 % 256 / 128 - 1).astype("float32").reshape(1, 64, 64, 1)
    lines = []
    for name in ("separable_conv2d_2", "add_4", "predictions"):
        y = keras.ops.convert_to_numpy(keras.Model(model.inputs, model.get_layer(name).output)(x, training=False)).reshape(-1)
        lines.append(f"fer2013 {name} " + " ".join(f"{v:.9g}" for v in y[: 7 if name == "predictions" else 300]))
    (target / "real.txt").write_text("\n".join(lines) + "\n")
    with zipfile.ZipFile(target / "real.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, network in (("lenet1", lenet((4, 12), ())), ("lenet5", lenet((6, 16), (120, 84))), ("squeezenet", squeezenet())):
            archive.writestr(zipfile.ZipInfo(f"{name}.json"), network.to_json(), zipfile.ZIP_DEFLATED, 9)


main()
