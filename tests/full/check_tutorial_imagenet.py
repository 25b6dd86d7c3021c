"""The keras-vis tutorial (examples/tutorial.py) with all its iterations on real networks in Keras's own files.

    KERAS_BACKEND=torch python check_tutorial_imagenet.py LIBACTMAX.so SHARED      (make_imagenet_keras.py makes the files)

Genuine Keras judges the pictures as they were saved, in 8 bits, by its scores before the softmax. Each class's score is above that of the
noise that was started from by more than twice the deviation of all scores. Of the 1000 classes, class 20 is the first after 500 iterations;
after the default call it is among the first 20. With Jitter(16), whose shift stays in the picture while the optimizer's memory does not
follow it, places depend on the noise and on rounding (of eight noises, SqueezeNet's class 379 had places 2, 2, 4, 21, 25, 33, 190, 451):
there the middle one of five noises is among the first 100. The middle filter's mean is above the noise's by half. The heat maps are those of PyTorch's gradients within 1e-3. MobileNet's map at
the layer that keras-vis's rule finds (conv_preds, 1 x 1) is flat; at the last layer with height and width it is not.
"""

import logging
import pathlib
import sys
import tempfile
import warnings

logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")
import tutorial
from tutorial import keras, np  # first: they set what is imported below

from make_imagenet_keras import write

import actmax
from actmax.vis import activations, load_model
from actmax.vis.input_modifiers import Jitter
from actmax.vis.utils import utils
from actmax.vis.visualization import visualize_activation, visualize_cam

SHARED = pathlib.Path(sys.argv[2])
NETWORKS = {  # middle layer, its filter, layer of the heat maps where the rule's is flat
    "squeezenet1.1": ("fire4_concat", 56, None),
    "mobilenet_v1_0.25_224": ("conv_pw_6_relu", 56, "conv_pw_13_relu"),
}
FIRST = {"class20": 20, "class20_iterations": 1}
JITTERED, FIRST_JITTERED, NOISES = {"class20_jitter": 500, "class379": 300}, 100, 5  # pictures and their iterations
bad = []


def expect(good, what):
    if not good:
        bad.append(what)
        print("  FAIL:", what)


def place_of(z, target):
    return int((z > z[target]).sum()) + 1


def check_pictures(folder, scores, middle, filter):
    np.random.seed(0)
    noise = np.clip(utils.random_array((224, 224, 3), 127.5, 12.75), 0, 255)
    start = tutorial.score(scores, noise)
    deviation = float(start.std())
    for name in [*FIRST, *JITTERED]:
        target = tutorial.PICTURES[name]
        z = tutorial.score(scores, actmax.load_image(folder / f"{name}.png"))
        place = place_of(z, target)
        print(f"  {name}: score of class {target} {start[target]:.1f} -> {z[target]:.1f}, place {place} of 1000, best class {z.argmax()}")
        expect(z[target] > start[target] + 2 * deviation, f"{name}: the score does not rise")
        expect(place <= FIRST.get(name, place), f"{name}: class {target} is place {place}")
    features = keras.Model(scores.inputs, scores.get_layer(middle).output)
    before, after = (float(tutorial.score(features, x)[..., filter].mean()) for x in (noise, actmax.load_image(folder / "filter.png")))
    print(f"  filter: mean of {middle} {filter} {before:.2f} -> {after:.2f}")
    expect(after > 1.5 * before, "filter: the mean does not rise")


def check_jittered(model, last, scores):
    for name, iterations in JITTERED.items():
        target, places = tutorial.PICTURES[name], []
        for seed in range(NOISES):
            np.random.seed(seed)
            picture = visualize_activation(model, last, target, max_iter=iterations, input_modifiers=[Jitter(16)])
            places.append(place_of(tutorial.score(scores, picture), target))
        middle = sorted(places)[NOISES // 2]
        print(f"  {name}, {NOISES} noises: places {places}")
        expect(middle <= FIRST_JITTERED, f"{name}: class {target} is place {middle} for the middle one of {NOISES} noises")


def check_maps(path, model, last, scores, where):
    pixels = utils.load_img(SHARED / "images" / "ouzel1.jpg", target_size=(224, 224))
    if where:
        expect(not visualize_cam(model, last, 20, pixels).any(), f"{path.name}: the map at a layer of 1 x 1 is not flat")
    layers = [where] if where else ["conv10", "fire5_concat"]  # the first is what the rule finds
    for layer in layers:
        for rule in tutorial.MODIFIERS:
            at = utils.find_layer_idx(model, layer)
            ours = visualize_cam(model, last, 20, pixels, penultimate_layer_idx=at, backprop_modifier=rule)
            off = float(np.abs(ours - tutorial.heat_map(scores, layer, 20, pixels, rule)).max())
            print(f"  heat map at {layer}, {rule}: mean {ours.mean():.3f}, off PyTorch's by {off:.1e}")
            expect(off < 1e-3 and ours.max() > 0.99, f"heat map at {layer}, {rule}")


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        for name, (model, paths) in write(SHARED, folder).items():
            middle, filter, where = NETWORKS[name]
            words = [f"--layer={middle}", f"--filter={filter}", "--seed=0"] + ([f"--map={where}"] if where else [])
            printed = tutorial.run(paths["h5"], folder, SHARED / "images" / "ouzel1.jpg", *words)
            print(f"{paths['h5'].name}: the tutorial ran")
            tutorial.check_summary(printed, model)
            scores = tutorial.scores_of(model)
            check_pictures(folder, scores, middle, filter)
            linear = load_model(paths["keras"])
            linear.layers[-1].activation = activations.linear
            linear, last = utils.apply_modifications(linear), len(linear.layers) - 1
            check_jittered(linear, last, scores)
            check_maps(paths["keras"], linear, last, scores, where)
    if bad:
        raise SystemExit(f"FAIL: {len(bad)}")


main()
