"""Writes presets.h5 and presets.txt: the tools that the presets name, run as published on a small network without kinks.

    python make_preset_goldens.py KERAS_VIS KERAS

KERAS_VIS: a clone of raghakot/keras-vis (master, 0.5.0); KERAS: examples/conv_filter_visualization.py of Keras as of 2016 and as of
2019-09 in one folder, named 2016.py and 2019.py. Needs tensorflow, tf-keras, scipy, pillow and numpy.

Their code is run from those files; what it imports and is gone (Keras 2.2's private modules, scikit-image) is replaced by stubs here.
Only sizes, the model and the start image are changed in the text of the examples.

    presets.h5   conv 3x3 (3 -> 4), softplus, average pool 2, conv 3x3 (4 -> 6), softplus, dense 3 on the mean over space
    presets.txt  NAME COUNT value*COUNT
"""
import os
import sys
import types

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import backend as K

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 16
LINES = []


def line(name, values):
    values = np.asarray(values, dtype=np.float64).ravel()
    LINES.append(" ".join([name, str(values.size), *("%.6g" % v for v in values)]))


def network():
    layers = tf_keras.layers
    x = image = layers.Input((SIDE, SIDE, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="softplus", name="conv1")(x)
    x = layers.AveragePooling2D(2, name="pool")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="softplus", name="conv2")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dense(3, name="scores")(x)
    model = tf_keras.Model(image, x)
    random = np.random.default_rng(3)
    weights = []
    for w in model.get_weights():
        fan = np.prod(w.shape[:-1]) if w.ndim > 1 else 1
        weights.append((random.standard_normal(w.shape) * (0.8 / np.sqrt(fan) if w.ndim > 1 else 0.1)).astype(np.float32))
    weights[0] /= 40  # pixels of 0..255
    model.set_weights(weights)
    return model


def start(low, high, side=SIDE, seed=1):
    return np.random.default_rng(seed).uniform(low, high, (1, side, side, 3)).astype(np.float32)


# ---- keras-vis ----


def keras_vis_package(folder):
    """Puts the package in reach, under stubs of what it imports; returns what K.function was."""
    import scipy.ndimage

    def module(name, **names):
        made = types.ModuleType(name)
        made.__dict__.update(names)
        sys.modules[name] = made
        return made

    gone = type("Gone", (), {})
    pools = tf_keras.layers
    module("scipy.ndimage.interpolation", shift=scipy.ndimage.shift, zoom=scipy.ndimage.zoom)
    module("skimage", io=None, transform=None)
    module("six", string_types=(str,))
    module("matplotlib")
    module("matplotlib.font_manager")
    sys.modules["matplotlib"].font_manager = sys.modules["matplotlib.font_manager"]
    keras = module("keras", backend=K)
    keras.backend = K
    module("keras.backend", **{k: getattr(K, k) for k in dir(K) if not k.startswith("__")})
    module("keras.models", load_model=tf_keras.models.load_model)
    module("keras.layers", advanced_activations=types.ModuleType("advanced_activations"), Activation=pools.Activation)
    module("keras.layers.convolutional", _Conv=pools.Conv2D)
    module("keras.layers.pooling", _Pooling1D=gone, _Pooling2D=pools.AveragePooling2D, _Pooling3D=gone)
    module("keras.layers.wrappers", Wrapper=pools.Wrapper)
    sys.path.insert(0, folder)
    learning = K.function
    K.identity = tf.identity
    K.function = lambda inputs, outputs: (
        lambda run: lambda values: run(values[:1])
    )(learning(inputs[:1], outputs))  # there is no learning phase to feed any more
    return learning


def keras_vis(folder, model):
    learning = keras_vis_package(folder)
    from vis.callbacks import OptimizerCallback
    from vis.input_modifiers import Jitter
    from vis.visualization import visualize_activation, visualize_cam, visualize_saliency

    first = start(90, 160)

    class Follow(OptimizerCallback):
        def __init__(self):
            self.images, self.losses, self.gradients = [], [], []

        def callback(self, i, named_losses, overall_loss, grads, wrt_value):
            self.images.append(np.array(wrt_value[0]))
            self.losses.append(float(overall_loss))
            self.gradients.append(np.array(grads[0]))

    line("start_0_255", first)
    for name, arguments in (("keras_vis", {}), ("keras_vis_relu", {"grad_modifier": "relu"})):
        follow = Follow()
        shown = visualize_activation(model, 3, filter_indices=2, seed_input=first.copy(), max_iter=21, callbacks=[follow],
                                     **arguments)
        for step in (1, 5, 20):
            line(f"{name}_{step}", follow.images[step])
        line(f"{name}_losses", follow.losses)
        line(f"{name}_shown", shown)
        if not arguments:
            line("keras_vis_gradients", np.stack([g[:4, :4] for g in follow.gradients[:5]]))
    offsets = [(3, -2), (-5, 1), (0, 4), (-1, -1), (2, 5)]
    image = first.copy()
    for i, (down, right) in enumerate(offsets):
        jitter = Jitter(5)
        draws = iter((down, right))
        keep = np.random.randint
        np.random.randint = lambda low, high: next(draws)
        image = jitter.pre(image)
        np.random.randint = keep
        if i in (0, 4):
            line(f"jitter_{i}", image)
    photo = start(0, 255, seed=5)
    line("photo", np.round(photo))
    photo = np.round(photo)
    line("cam", visualize_cam(model, 5, 1, photo.copy()))
    line("cam_negate", visualize_cam(model, 5, 1, photo.copy(), grad_modifier="negate"))
    for modifier in ("absolute", "relu", "negate", "small_values"):
        line(f"saliency_{modifier}", visualize_saliency(model, 5, 1, photo.copy(), grad_modifier=modifier))
    K.function = learning


# ---- Keras's examples ----


def run_example(text, changes, start_image, model, names):
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    namespace = {"__name__": "example", "MODEL": model, "START": start_image}
    exec(compile(text, "example", "exec"), namespace)  # the example as published
    return [namespace[name] for name in names]


def example_stubs(model):
    saved = []
    sys.modules.setdefault("keras", types.ModuleType("keras"))
    module = types.ModuleType("keras.preprocessing.image")
    module.save_img = lambda name, image: saved.append(np.array(image))
    sys.modules["keras.preprocessing"] = types.ModuleType("keras.preprocessing")
    sys.modules["keras.preprocessing.image"] = module
    vgg16 = types.ModuleType("vgg16")
    vgg16.VGG16 = lambda weights, include_top: model
    applications = types.ModuleType("keras.applications")
    applications.vgg16 = vgg16
    sys.modules["keras.applications"] = applications
    sys.modules["keras.layers"] = tf_keras.layers
    sys.modules["keras"].layers = tf_keras.layers
    sys.modules["keras"].backend = K
    return saved


def keras_2016(path, model):
    first = np.random.default_rng(11).random((1, SIDE, SIDE, 3))
    keep = np.random.random
    for steps in (1, 5, 20):
        np.random.random = lambda shape: first.copy()
        saved = example_stubs(model)
        changes = [("img_width = 128", f"img_width = {SIDE}"), ("img_height = 128", f"img_height = {SIDE}"),
                   ("'block5_conv1'", "'conv2'"), ("range(200)", "range(6)"), ("range(20)", f"range({steps})"), ("n = 8", "n = 2"),
                   ("kept_filters = []", "kept_filters = []; raw = []"),
                   ("    # decode the resulting input image\n", "    raw.append(input_img_data[0].copy())\n")]
        text = open(path).read()
        raw, kept = run_example(text, changes, None, model, ["raw", "kept_filters"])
        line(f"keras_2016_{steps}", raw[1])
        if steps == 20:
            line("keras_2016_shown", [k for k in kept if True][0][0])
            line("keras_2016_losses", [k[1] for k in kept])
            line("keras_2016_sheet", saved[-1])
    np.random.random = keep
    line("keras_2016_start", (first - 0.5) * 20 + 128)


def keras_2019(path, model, fully):
    """fully: the same network of any input size."""
    first = np.random.default_rng(12).random((1, 12, 12, 3))
    keep = np.random.random
    np.random.random = lambda shape: first[:, : shape[1], : shape[2]].copy()
    saved = example_stubs(fully)
    text = open(path).read()
    head = text[: text.index("if __name__ ==")]
    head = head.replace("        # decode the resulting input image\n", "        RAW.append(input_img_data[0].copy())\n        # decode\n")
    raw, results = [], []
    namespace = {"__name__": "example", "RAW": raw}
    exec(compile(head, "example", "exec"), namespace)
    namespace["visualize_layer"](fully, "conv2", epochs=3, upscaling_steps=4, output_dim=(SIDE, SIDE), filter_range=(0, 6))
    np.random.random = keep
    side = int(SIDE / 1.2**4)
    line("keras_2019_start", (first[:, :side, :side] - 0.5) * 20 + 128)
    for i, image in enumerate(raw):
        line(f"keras_2019_{i}", image)
    line("keras_2019_sheet", saved[-1])


def main():
    vis, keras = sys.argv[1:3]
    tf.compat.v1.disable_eager_execution()
    model = network()
    model.save(os.path.join(HERE, "presets.h5"))
    keras_vis(vis, model)
    keras_2016(os.path.join(keras, "2016.py"), model)
    weights = model.get_weights()
    layers = tf_keras.layers
    x = image = layers.Input((None, None, 3), name="image")
    for layer in model.layers[1:4]:
        x = type(layer).from_config(layer.get_config())(x)
    fully = tf_keras.Model(image, x)
    fully.set_weights(weights[:4])
    keras_2019(os.path.join(keras, "2019.py"), model, fully)
    with open(os.path.join(HERE, "presets.txt"), "w") as file:
        file.write("\n".join(LINES) + "\n")


if __name__ == "__main__":
    main()
