"""Writes presets_keras_io.txt and presets_fastai.txt: two more published tools run on presets.h5, as make_preset_goldens.py has it.

    python make_preset_goldens_more.py keras-io SOURCE                   (tensorflow, keras 3) also leaves weights.npz in .
    python make_preset_goldens_more.py fastai SOURCE TENSORFLOW_PYTHON   (torch; TENSORFLOW_PYTHON: a python with opencv)

SOURCE: keras-io's examples/vision/visualizing_what_convnets_learn.py; filtervisualizer.py of fg91/visualizing-cnn-feature-maps. Only
sizes, the model and the start image are changed in the text of the first; of the second fastai's transforms are a stub.
"""
import os
import subprocess
import sys
import types

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 16
LINES = []


def line(name, values):
    values = np.asarray(values, dtype=np.float64).ravel()
    LINES.append(" ".join([name, str(values.size), *("%.6g" % v for v in values)]))


def keras_io(source):
    """On Keras 3, as published; with tf-keras in its place all printed digits are the same."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow as tf
    import keras

    model = keras.models.load_model(os.path.join(HERE, "presets.h5"), compile=False)
    np.savez("weights.npz", *model.get_weights())
    display = types.ModuleType("IPython.display")
    display.Image = display.display = lambda *_: None
    sys.modules["IPython"] = types.ModuleType("IPython")
    sys.modules["IPython.display"] = display
    first = np.random.default_rng(21).random((1, SIDE, SIDE, 3)).astype(np.float32)
    line("start", (first - 0.5) * 0.25)
    for steps in (1, 5, 20):
        text = open(source).read()
        for old, new in (("img_width = 180", f"img_width = {SIDE}"), ("img_height = 180", f"img_height = {SIDE}"), ("conv3_block4_out", "conv2"),
                         ('keras.applications.ResNet50V2(weights="imagenet", include_top=False)', "MODEL"), ("[25:-25, 25:-25", "[2:-2, 2:-2"), ("- 25 * 2", "- 2 * 2"), ("range(64)", "range(4)"),
                         ("iterations = 30", f"iterations = {steps}"), ("tf.random.uniform((1, img_width, img_height, 3))", "tf.constant(START)"), ("n = 8", "n = 2"),
                         ("    img = deprocess_image(", "    RAW.append(img[0].numpy().copy())\n    img = deprocess_image(")):
            assert old in text, old
            text = text.replace(old, new)
        space = {"__name__": "example", "MODEL": model, "START": first, "RAW": [], "tf": tf}
        exec(compile(text, "example", "exec"), space)
        line(f"image_{steps}", space["RAW"][2])  # filter 0 once, then 0, 1, ...
        if steps == 20:
            line("shown", space["all_imgs"][1])
            line("sheet", space["stitched_filters"])
    return "presets_keras_io.txt"


def fastai(source, python):
    import torch

    weights = list(np.load("weights.npz").values())
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)

    def convolution(kernel, bias):
        made = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
        made.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        made.bias.data = torch.tensor(bias)
        return made

    last = torch.nn.Softplus()
    net = torch.nn.Sequential(convolution(*weights[0:2]), torch.nn.Softplus(), torch.nn.AvgPool2d(2), convolution(*weights[2:4]), last)

    class Transforms:
        def __call__(self, image):
            return torch.tensor(((image.astype(np.float32) - mean) / std).transpose(2, 0, 1).copy())

        def denorm(self, image):
            return image * std + mean

    def opencv(call):
        def run(image, size, interpolation=None):
            np.save("cv_in.npy", np.ascontiguousarray(image))
            subprocess.run([python, "-c", f"import cv2, numpy as np; x = np.load('cv_in.npy'); np.save('cv_out.npy', {call.format(size)})"], check=True)
            return np.load("cv_out.npy")

        return run

    cv2 = types.SimpleNamespace(INTER_CUBIC=2, resize=opencv("cv2.resize(x, {}, interpolation=cv2.INTER_CUBIC)"), blur=opencv("cv2.blur(x, {})"))
    stub = types.ModuleType("fastai.conv_learner")
    stub.__dict__.update(np=np, torch=torch, cv2=cv2, tfms_from_model=lambda model, size: (None, Transforms()), set_trainable=lambda model, on: model.requires_grad_(on),
                         V=lambda x, requires_grad=False: x.clone().requires_grad_(requires_grad))
    sys.modules.update({"fastai": types.ModuleType("fastai"), "fastai.conv_learner": stub, "matplotlib": types.ModuleType("matplotlib")})
    space = {"__name__": "filtervisualizer"}
    exec(compile(open(source).read(), "filtervisualizer", "exec"), space)
    first = np.random.default_rng(31).random((SIDE, SIDE, 3))
    line("start", ((first * 20 + 128.0) / 255.0 - mean) / std)
    keep, np.random.random = np.random.random, lambda shape: first.copy()
    for name, blur, steps in (("plain", None, 20), ("blurred", 3, 20), ("short", None, 1)):
        visualizer = space["FilterVisualizer"](net, size=SIDE, upscaling_steps=3)
        visualizer.visualize(last, 1, opt_steps=steps, blur=blur)
        line(name, (visualizer.output - mean) / std)
    np.random.random = keep
    photo = np.round(np.random.default_rng(5).uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32))  # of presets.txt
    with torch.no_grad():
        line("means", net(torch.tensor(photo.transpose(0, 3, 1, 2).copy()))[0].mean((1, 2)))  # the companion's, of raw pixels
    return "presets_fastai.txt"


name = keras_io(sys.argv[2]) if sys.argv[1] == "keras-io" else fastai(*sys.argv[2:4])
with open(os.path.join(HERE, name), "w") as file:
    file.write("\n".join(LINES) + "\n")
