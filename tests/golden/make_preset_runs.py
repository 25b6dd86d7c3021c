"""Writes presets/TOOL.txt: the published tools that the presets name, step by step, on a network with ReLUs, and at their full sizes.

    python make_preset_runs.py keras-vis CLONE          a clone of raghakot/keras-vis (tensorflow, tf-keras, scipy)
    python make_preset_runs.py keras-2016 SOURCE        examples/conv_filter_visualization.py of Keras, 2016 (tensorflow, tf-keras, pillow)
    python make_preset_runs.py keras-2019 SOURCE        the same, 2019
    python make_preset_runs.py keras-io SOURCE          examples/vision/visualizing_what_convnets_learn.py of keras-io (tensorflow, keras 3)
    python make_preset_runs.py fastai NOTEBOOK PYTHON   filter_visualizer.ipynb of fg91/visualizing-cnn-feature-maps (torch); a python with cv2

keras-2016 also writes presets_relu.h5: presets.h5 with ReLU in the place of softplus. Their code is run as published, under the stubs of
make_preset_goldens.py; in its text only sizes, the model, the start image and what is recorded are changed. Lines: NAME COUNT value*COUNT

    updates_gradient, updates_image  of five steps at 8 x 8: the gradient of minus the activation by the picture that the step met, and
                                     the picture after it
    first_1, ...                     pictures after so many steps at the first size; full_first: after 14
    steps_1, _5, _20                 pictures after so many steps at each size
    relu                             the activation in the last step on the network with ReLUs
    full, full_activation            every so-manyth pixel of the picture at the default size, and its activation in the last step

Start images are low + (high - low) * u, u the numbers of unit().
"""
import json
import os
import subprocess
import sys
import types

os.environ["TF_USE_LEGACY_KERAS"] = "0" if sys.argv[1] == "keras-io" else "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LINES = []


def line(name, values):
    values = np.asarray(values, dtype=np.float64).ravel()
    LINES.append(" ".join([name, str(values.size), *("%.8g" % v for v in values)]))


def unit(height, width):
    """Numbers in [0, 1) that tests can make themselves: 32-bit hashes of the positions."""
    x = np.arange(1, height * width * 3 + 1, dtype=np.uint32) * np.uint32(2654435761)
    x ^= x >> 15
    x *= np.uint32(2246822519)
    x ^= x >> 13
    return (x / 2**32).reshape(1, height, width, 3)


def sampled(image):
    """About 16 x 16 pixels of it, from the first on."""
    step = -(-image.shape[0] // 16)
    return image[::step, ::step]


def network(activation, side):
    from tensorflow import keras  # Keras 3 or, for the older tools, tf-keras

    layers = keras.layers
    saved = keras.models.load_model(os.path.join(HERE, "presets.h5"), compile=False).get_weights()
    x = image = layers.Input((side, side, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation=activation, name="conv1")(x)
    x = layers.AveragePooling2D(2, name="pool")(x)
    x = layers.Conv2D(6, 3, padding="same", activation=activation, name="conv2")(x)
    model = keras.Model(image, x)
    model.set_weights(saved[:4])
    return model


# ---- keras-vis ----


def keras_vis(folder):
    import make_preset_goldens as other
    import tensorflow as tf
    from tf_keras import backend as K

    tf.compat.v1.disable_eager_execution()
    other.keras_vis_package(folder)
    from vis.callbacks import OptimizerCallback
    from vis.losses import ActivationMaximization
    from vis.optimizer import Optimizer
    from vis.regularizers import LPNorm, TotalVariation
    from vis.visualization import visualize_activation, visualize_activation_with_losses

    class Follow(OptimizerCallback):
        def __init__(self):
            self.images, self.activations, self.losses = [], [], []

        def callback(self, i, named_losses, overall_loss, grads, wrt_value):
            self.images.append(np.array(wrt_value[0]))
            self.activations.append(-float(named_losses[0][1]))
            self.losses.append(float(overall_loss))

    def run(model, first, iterations, filter=2, **arguments):
        follow = Follow()
        found = visualize_activation(model, 3, filter_indices=filter, seed_input=first.astype(np.float32), max_iter=iterations, callbacks=[follow],
                                     verbose=False, **arguments)
        return follow, found

    small, first = network("softplus", 8), 90 + 70 * unit(8, 8)
    follow, _ = run(small, first, 6)
    bare = Optimizer(small.input, [(ActivationMaximization(small.layers[3], 2), 1)], norm_grads=False)
    gradients = [bare.compute_fn([image[None], 0])[-2][0] for image in follow.images[:5]]
    line("updates_gradient", gradients)
    line("updates_image", follow.images[1:6])
    for modifier in ("negate", "absolute", "invert", "small_values"):
        line(f"modifier_{modifier}", run(small, first, 2, grad_modifier=modifier)[0].images[1])
    follow = Follow()
    losses = [(ActivationMaximization(small.layers[3], 2), 1), (LPNorm(small.input, np.inf), 1e4), (TotalVariation(small.input, 1.5), 3)]
    visualize_activation_with_losses(small.input, losses, seed_input=first.astype(np.float32), max_iter=6, callbacks=[follow], verbose=False)
    line("infinity", follow.images[5])
    line("infinity_losses", follow.losses)
    line("relu", run(network("relu", 16), 90 + 70 * unit(16, 16), 21, 1)[0].activations[20])
    follow, _ = run(network("softplus", 224), 90 + 70 * unit(224, 224), 200)
    line("full_losses", [follow.losses[i] for i in (1, 5, 10, 20)])
    line("full_10", sampled(follow.images[10]))
    line("full_activation", follow.activations[199])


# ---- Keras's examples ----


def keras_2016(path):
    import make_preset_goldens as other
    import tensorflow as tf

    tf.compat.v1.disable_eager_execution()

    def run(model, side, steps, filters=(1, 2)):
        saved = other.example_stubs(model)
        text = open(path).read()
        for old, new in (("img_width = 128", f"img_width = {side}"), ("img_height = 128", f"img_height = {side}"), ("'block5_conv1'", "'conv2'"),
                         ("range(200)", "range(%d, %d)" % filters), ("range(20)", f"range({steps})"), ("n = 8", "n = 1"),
                         ("        loss_value, grads_value = iterate([input_img_data])\n",
                          "        BEFORE.append(input_img_data[0].copy()); RAW.append(RAWGRADIENT([input_img_data])[0][0])\n"
                          "        loss_value, grads_value = iterate([input_img_data])\n"),
                         ("        input_img_data += grads_value * step\n", "        input_img_data += grads_value * step; AFTER.append(input_img_data[0].copy())\n"),
                         ("    grads = normalize(grads)\n", "    RAWGRADIENT = K.function([input_img], [grads]); grads = normalize(grads)\n")):
            assert text.count(old) >= 1, old
            text = text.replace(old, new)
        space = {"__name__": "example", "BEFORE": [], "AFTER": [], "RAW": []}
        keep, np.random.random = np.random.random, lambda shape: unit(*shape[1:3])
        exec(compile(text, "example", "exec"), space)
        np.random.random = keep
        return space, saved[-1]

    space, _ = run(network("softplus", 8), 8, 5)
    line("updates_gradient", [-g for g in space["RAW"]])
    line("updates_image", space["AFTER"])
    relu = network("relu", 16)
    relu.save(os.path.join(HERE, "presets_relu.h5"))
    line("relu", run(relu, 16, 20)[0]["loss_value"])
    space, shown = run(network("softplus", 128), 128, 20)
    line("full", sampled(space["AFTER"][-1]))
    line("full_shown", sampled(shown))
    line("full_activation", space["loss_value"])


def keras_2019(path):
    import make_preset_goldens as other
    import tensorflow as tf

    tf.compat.v1.disable_eager_execution()

    def run(activation, **arguments):
        model = network(activation, None)
        saved = other.example_stubs(model)
        text = open(path).read()
        text = text[: text.index("if __name__ ==")]
        for old, new in (("                input_img_data += grads_value * step\n", "                input_img_data += grads_value * step; AFTER.append(input_img_data[0].copy())\n"),
                         ("        # decode the resulting input image\n", "        LAST.append((input_img_data[0].copy(), loss_value))\n        # decode\n"),
                         ("                loss_value, grads_value = iterate([input_img_data])\n",
                          "                RAW.append(RAWGRADIENT([input_img_data])[0][0])\n                loss_value, grads_value = iterate([input_img_data])\n"),
                         ("        grads = normalize(grads)\n", "        RAWGRADIENT = K.function([input_img], [grads]); grads = normalize(grads)\n")):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        space = {"__name__": "example", "AFTER": [], "LAST": [], "RAW": []}
        keep, np.random.random = np.random.random, lambda shape: unit(*shape[1:3])
        exec(compile(text, "example", "exec"), space)
        space["visualize_layer"](model, "conv2", filter_range=(1, 2), **arguments)
        np.random.random = keep
        return space, saved[-1]

    small = dict(upscaling_steps=4, output_dim=(16, 16))  # 7, 9, 11, 13, 16 pixels
    for steps in (1, 5, 20):
        line(f"steps_{steps}", run("softplus", epochs=steps, **small)[0]["LAST"][0][0])
    space, _ = run("softplus", epochs=21, **small)
    for steps in (1, 5, 20):
        line(f"first_{steps}", space["AFTER"][steps - 1])
    space, _ = run("softplus", epochs=5, upscaling_steps=1, output_dim=(10, 10))  # 8 pixels
    line("updates_gradient", [-g for g in space["RAW"]])
    line("updates_image", space["AFTER"])
    line("relu", run("relu", epochs=15, **small)[0]["LAST"][0][1])
    space, shown = run("softplus")
    line("full_first", sampled(space["AFTER"][13]))
    line("full", sampled(space["LAST"][0][0]))
    line("full_shown", sampled(shown))
    line("full_activation", space["LAST"][0][1])


def keras_io(path):
    import tensorflow as tf

    display = types.ModuleType("IPython.display")
    display.Image = display.display = lambda *_: None
    sys.modules["IPython"] = types.ModuleType("IPython")
    sys.modules["IPython.display"] = display

    def run(activation, side, steps, crop):
        text = open(path).read()
        for old, new in (("img_width = 180", f"img_width = {side}"), ("img_height = 180", f"img_height = {side}"), ("conv3_block4_out", "conv2"),
                         ('keras.applications.ResNet50V2(weights="imagenet", include_top=False)', "MODEL"), ("[25:-25, 25:-25", f"[{crop}:-{crop}, {crop}:-{crop}"),
                         ("- 25 * 2", f"- {crop} * 2"), ("range(64)", "range(1, 2)"), ("iterations = 30", f"iterations = {steps}"), ("n = 8", "n = 1"),
                         ("tf.random.uniform((1, img_width, img_height, 3))", "tf.constant(START)"), ("visualize_filter(0)", "visualize_filter(1)"),
                         ("        loss = compute_loss(img, filter_index)\n    # Compute", "        loss = compute_loss(img, filter_index)\n    # Compute"),
                         ("    grads = tf.math.l2_normalize(grads)\n", "    tf.py_function(RAW.append, [grads], []); grads = tf.math.l2_normalize(grads)\n"),
                         ("    img += learning_rate * grads\n", "    img += learning_rate * grads; tf.py_function(AFTER.append, [img], [])\n")):
            assert old in text, old
            text = text.replace(old, new)
        space = {"__name__": "example", "MODEL": network(activation, side), "START": unit(side, side).astype(np.float32), "RAW": [], "AFTER": []}
        exec(compile(text, "example", "exec"), space)
        return space

    space = run("softplus", 16, 5, 2)
    line("updates_gradient", [-g.numpy()[0] for g in space["RAW"][:5]])
    line("updates_image", [x.numpy()[0] for x in space["AFTER"][:5]])
    line("relu", run("relu", 16, 20, 2)["loss"].numpy())
    space = run("softplus", 180, 30, 25)
    line("full", sampled(space["AFTER"][29].numpy()[0]))
    line("full_shown", sampled(space["all_imgs"][0]))
    line("full_activation", space["loss"].numpy())


# ---- fastai ----


def fastai(notebook, python):
    import torch
    import torch.nn as nn

    weights = list(np.load("weights.npz").values())
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    recorded = types.SimpleNamespace(gradients=[], images=[], outputs=[], loss=0.0)

    def convolution(kernel, bias):
        made = nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
        made.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        made.bias.data = torch.tensor(bias)
        return made

    class Transforms:
        def __call__(self, image):
            return torch.tensor(((image.astype(np.float32) - mean) / std).transpose(2, 0, 1).copy())

        def denorm(self, image):
            return image * std + mean

    class Adam(torch.optim.Adam):
        def step(self):
            (z,) = self.param_groups[0]["params"]
            recorded.gradients.append(z.grad[0].numpy().transpose(1, 2, 0).copy())
            super().step()
            recorded.images.append(z.data[0].numpy().transpose(1, 2, 0).copy())

    def opencv(call):
        def run(image, size, interpolation=None):
            np.save("cv_in.npy", np.ascontiguousarray(image))
            subprocess.run([python, "-c", f"import cv2, numpy as np; x = np.load('cv_in.npy'); np.save('cv_out.npy', {call.format(size)})"], check=True)
            return np.load("cv_out.npy")

        return run

    cv2 = types.SimpleNamespace(INTER_CUBIC=2, resize=opencv("cv2.resize(x, {}, interpolation=cv2.INTER_CUBIC)"), blur=opencv("cv2.blur(x, {})"))
    torch.Tensor.cuda = nn.Module.cuda = lambda self: self
    # what it was in PyTorch 0.4: no copy that cuts the graph
    seen = types.SimpleNamespace(optim=types.SimpleNamespace(Adam=Adam), tensor=lambda tensor, requires_grad: tensor)
    cells = ["".join(cell["source"]) for cell in json.load(open(notebook))["cells"]]
    source = "\n".join(cell for cell in cells if cell.startswith("class "))

    def run(activation, blur=None, steps=20, **sizes):
        layer = activation()
        net = nn.Sequential(convolution(*weights[0:2]), activation(), nn.AvgPool2d(2), convolution(*weights[2:4]), layer)
        space = {"np": np, "torch": seen, "cv2": cv2, "vgg16": lambda pre: net, "set_trainable": lambda model, on: model.requires_grad_(on),
                 "tfms_from_model": lambda model, size: (None, Transforms()), "V": lambda x, requires_grad: x.clone().requires_grad_(requires_grad),
                 "plt": types.SimpleNamespace(imsave=lambda name, image: recorded.outputs.append((name, image)))}
        exec(compile(source, "notebook", "exec"), space)
        keep, np.random.uniform = np.random.uniform, lambda low, high, shape: low + (high - low) * unit(*shape[:2])[0]
        visualizer = space["FilterVisualizer"](**sizes)
        recorded.gradients.clear(), recorded.images.clear()
        visualizer.visualize(4, 1, opt_steps=steps, blur=blur)
        np.random.uniform = keep
        assert recorded.outputs[-1][0] == "layer_4_filter_1.jpg"
        with torch.no_grad():  # of the picture that the last step met
            image = recorded.images[-2] if len(recorded.images) > 1 else None
            activation = None if image is None else net(torch.tensor(image.transpose(2, 0, 1)[None].copy()))[0, 1].mean()
        return (visualizer.output - mean) / std, activation, recorded.outputs[-1][1]

    run(nn.Softplus, steps=5, size=8, upscaling_steps=1)
    line("updates_gradient", recorded.gradients)
    line("updates_image", recorded.images)
    for steps in (1, 5, 20):
        line(f"steps_{steps}", run(nn.Softplus, blur=3, steps=steps, size=16, upscaling_steps=3)[0])
    line("relu", run(nn.ReLU, size=16, upscaling_steps=3)[1])
    full, activation, saved = run(nn.Softplus)
    assert full.shape == (408, 408, 3)
    line("full", sampled(full))
    line("full_shown", sampled(np.floor(saved * 255)))
    line("full_activation", activation)


TOOLS = {"keras-vis": keras_vis, "keras-2016": keras_2016, "keras-2019": keras_2019, "keras-io": keras_io, "fastai": fastai}
TOOLS[sys.argv[1]](*sys.argv[2:])
os.makedirs(os.path.join(HERE, "presets"), exist_ok=True)
with open(os.path.join(HERE, "presets", sys.argv[1] + ".txt"), "w") as file:
    file.write("\n".join(LINES) + "\n")
