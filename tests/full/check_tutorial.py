"""The keras-vis tutorial (examples/tutorial.py) on genuine Keras's VGG16 with random weights.

    KERAS_BACKEND=torch python check_tutorial.py LIBACTMAX.so small|whole

small: model.save()'s .h5 and .keras at 64 x 64. whole: 224 x 224, the file of weights as VGG16(weights='imagenet') leaves it in the
cache, found there.
Keras answers: the summary's layers and totals; at every step the loss is minus Keras's score of the image that the step began with, within
1e-4 of the largest score, and without jitter the score rises (random dense layers do not bear shifts); the heat maps are those of
PyTorch's gradients with the same ReLU masks and pool choices within 1e-4; the pictures have the input's size.
"""

import os
import pathlib
import sys
import tempfile

import tutorial
from tutorial import ROOT, keras, np  # first: they set what is imported below

import h5py

import actmax
from actmax.vis import activations, load_model
from actmax.vis.callbacks import OptimizerCallback
from actmax.vis.input_modifiers import Jitter
from actmax.vis.utils import utils
from actmax.vis.visualization import visualize_activation, visualize_cam

PHOTO = ROOT / "examples" / "chelsea.jpg"


def make(side):
    """He's weights, so that the scores depend on the picture."""
    random = np.random.default_rng(16)
    model = keras.applications.VGG16(weights=None, input_tensor=keras.Input((side, side, 3), name="input_1"))
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            shape = tuple(weight.shape)
            scale = np.sqrt(2.0 / np.prod(shape[:-1])) if len(shape) > 1 else 0.0
            values.append(random.standard_normal(shape, np.float32) * np.float32(scale))
        layer.set_weights(values)
    return model


def save_as_cached(model, path):
    """As vgg16_weights_tf_dim_ordering_tf_kernels.h5: weights only, by the names of Keras 1."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([layer.name.encode() for layer in model.layers])
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0".encode() for kind, _ in zip("Wb", layer.weights)]
            group.attrs["weight_names"] = np.array(names) if names else np.zeros(0)
            for name, values in zip(names, layer.get_weights()):
                group[name.decode()] = values


class Watch(OptimizerCallback):
    def __init__(self, scores, target):
        self.scores, self.target, self.seen, self.worst = scores, target, [], 0.0

    def callback(self, i, named_losses, overall_loss, grads, wrt_value):
        all_scores = tutorial.score(self.scores, wrt_value[0])
        theirs, ours = float(all_scores[self.target]), -float(dict(named_losses)["ActivationMax Loss"])
        self.worst = max(self.worst, abs(ours - theirs) / float(np.abs(all_scores).max()))
        self.seen.append(theirs)


def check_steps(model, index, scores):
    for name, target, options in (("plain", 20, {}), ("jittered", 379, {"input_modifiers": [Jitter(16)]})):
        watch = Watch(scores, target)
        np.random.seed(3)
        visualize_activation(model, index, target, max_iter=12, callbacks=[watch], **options)
        print(f"  {name}: class {target}, score {watch.seen[0]:.4g} -> {watch.seen[-1]:.4g}, off Keras's by {watch.worst:.1e} at most")
        if watch.worst > 1e-4 or (name == "plain" and not watch.seen[-1] > watch.seen[0]):
            raise SystemExit("FAIL: the objective does not rise, or is not Keras's")


def reader_of(path):
    """Gives the output of a layer by name."""
    model = actmax.Model(path, preprocess="raw")
    return lambda pixels, name: model.activations(pixels, name).array


def check_maps(path, model, index, scores, side):
    pixels = utils.load_img(PHOTO, target_size=(side, side))
    read = reader_of(path)
    for layer in ("block5_pool", "block3_conv3"):
        worst = 0.0
        for rule in tutorial.MODIFIERS:
            at = None if layer == "block5_pool" else utils.find_layer_idx(model, layer)  # the first is what the rule finds
            ours = visualize_cam(model, index, 20, pixels, penultimate_layer_idx=at, backprop_modifier=rule)
            theirs = tutorial.heat_map(scores, layer, 20, pixels, rule, lambda name: read(pixels, name))
            worst = max(worst, float(np.abs(ours - theirs).max()))
        print(f"  heat maps at {layer}: off PyTorch's by {worst:.1e} at most")
        if worst > 1e-4:
            raise SystemExit("FAIL: the heat maps differ")


def main():
    side = 64 if sys.argv[2] == "small" else 224
    reference = make(side)
    scores = tutorial.scores_of(reference)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if side == 224:
            paths = [folder / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels.h5"]
            paths[0].parent.mkdir()
            os.environ["KERAS_HOME"] = str(folder)
            save_as_cached(reference, paths[0])
        else:
            paths = [folder / "vgg16.h5", folder / "vgg16.keras"]
            for path in paths:
                reference.save(path)
        for path in paths:
            printed = tutorial.run("imagenet" if side == 224 else path, folder, PHOTO, "--iterations=2", "--seed=1")
            tutorial.check_summary(printed, reference)
            shapes = {actmax.load_image(folder / f"{name}.png").shape for name in tutorial.PICTURES}
            sheet = actmax.load_image(folder / "heat_maps.png").shape
            if shapes != {(side, side, 3)} or sheet != (side, 3 * side + 10, 3) or "subplot 3: relu" not in printed:
                raise SystemExit(f"FAIL: pictures of {shapes}, heat maps of {sheet}")
            print(f"{path.name}, {path.stat().st_size} bytes: the tutorial ran; {reference.count_params():,} parameters")
            model = load_model(path)
            index = utils.find_layer_idx(model, "predictions")
            model.layers[index].activation = activations.linear
            model = utils.apply_modifications(model)
            check_steps(model, index, scores)
            check_maps(path, model, index, scores, side)


main()
